/* Change what a session may reach: lock, read, plan, write, wait for pipelock's word;
 * and when that is no, or none, take it back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/lock.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "docker/engine.h"
#include "docker/policy.h"
#include "docker/spec.h"
#include "docker/tar.h"

#define LOCK_RETRY_MS 50
#define LOCK_PATIENCE_MS 10000
#define WORD_PATIENCE_MS 8000
#define NUDGE_MS 2500 /* pipelock drops a file that comes while it reads another */
#define UNDO_PATIENCE_MS 4000
#define SETTLE_MS 700 /* how late an engine may still carry out a lost request */
#define SLOW_S 3      /* a change that took longer may have met the keeper */
#define PASSES_MAX 3

struct change {
	struct policy_world *world;
	struct engine *engine;
	char *lock_name;
	char session[MANIFEST_NAME_MAX + 1];
	struct policy_change what;
	char *host, *by, *why;

	int lock;
	uint64_t lock_until_ns;
	struct policy_found found;
	struct policy_plan *plan, *undo;
	struct policy_watch *watch;
	struct engine_call *call; /* a PUT under way */
	struct buf body;
	int64_t planned_at;
	unsigned passes;
	struct err err;   /* why it is being taken back... */
	bool is_failing;  /* ...once the PUT under way was answered */
	bool is_in_force; /* pipelock said so; likewise */
	struct loop_timer timer, nudge;
	backend_policy_fn *fn;
	void *arg;
};

static void read_files(struct change *c);
static void put(struct change *c, const struct policy_file *files, size_t n,
                engine_done_fn *on_done);

static struct loop *loop_of(const struct change *c)
{
	return engine_loop(c->engine);
}

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void drop_pass(struct change *c)
{
	loop_timer_cancel(loop_of(c), &c->nudge);
	policy_watch_stop(c->watch);
	c->watch = NULL;
	policy_plan_free(c->plan);
	policy_plan_free(c->undo);
	c->plan = c->undo = NULL;
	policy_found_done(&c->found);
	c->found = (struct policy_found){ 0 };
}

/* The end: policy is the caller's, or err says why there is none. */
static void finish(struct change *c, struct policy *policy, const struct err *err)
{
	drop_pass(c);
	loop_timer_cancel(loop_of(c), &c->timer);
	engine_cancel(c->call);
	if (c->lock >= 0)
		close(c->lock);
	c->fn(c->arg, policy, err);
	buf_done(&c->body);
	free(c->lock_name);
	free(c->host);
	free(c->by);
	free(c->why);
	free(c);
}

/* --- the end of a good change ------------------------------------------------------------ */

/* As pipelock said that it is. */
static void show(struct change *c)
{
	struct policy_found *f = &c->found;
	struct policy_state *after;

	if (c->plan && !c->plan->is_nothing) {
		after = policy_state_after(f->state, c->plan);
		policy_state_free(f->state);
		f->state = after;
	}
	if (c->what.verb == POLICY_FREEZE || c->what.verb == POLICY_THAW)
		f->agent_is_paused = f->agent_runs && c->what.verb == POLICY_FREEZE;
	finish(c, policy_found_show(f, c->session), NULL);
}

static void on_unpaused(void *arg, const struct engine_reply *reply)
{
	struct change *c = arg;
	struct err err = { 0 };

	c->call = NULL;
	if (engine_check(reply, &err, "requests pass again, but the agent stays paused") < 0)
		finish(c, NULL, &err);
	else
		show(c);
}

static void agent_call(struct change *c, const char *verb, engine_done_fn *on_done)
{
	CLEANUP_FREE char *agent = spec_container(c->session, ROLE_AGENT);
	CLEANUP_FREE char *path = xasprintf("/containers/%s/%s", agent, verb);
	const struct engine_request req = {
		.method = "POST", .path = path, .timeout_ms = 20000, .on_done = on_done, .arg = c
	};

	c->call = engine_send(c->engine, &req);
}

static void in_force(struct change *c)
{
	if (c->what.verb == POLICY_THAW && c->found.agent_is_paused)
		agent_call(c, "unpause", on_unpaused);
	else
		show(c);
}

/* --- taking back --------------------------------------------------------------------------- */

static void on_undo_word(void *arg, enum policy_word word, const char *text)
{
	struct change *c = arg;
	struct err err = { 0 };

	(void)text;
	c->watch = NULL;
	if (word == POLICY_IN_FORCE)
		err_set(&err, c->err.kind, "%s; the policy is as it was", c->err.msg);
	else
		err_set(&err, c->err.kind,
		        "%s; the old policy was put back, but pipelock did not say that it is in "
		        "force: look at the session",
		        c->err.msg);
	finish(c, NULL, &err);
}

static void on_undo_put(void *arg, const struct engine_reply *reply)
{
	struct change *c = arg;
	struct err err = { 0 };

	c->call = NULL;
	if (engine_check(reply, &err, "taking it back") == 0)
		return;
	err_set(&err, c->err.kind,
	        "%s; and it could not be taken back: freeze the session or "
	        "stop it",
	        c->err.msg);
	finish(c, NULL, &err);
}

/* Nothing of ours is under way any more. */
static void undo(void *arg)
{
	struct change *c = arg;
	struct err err = { 0 };

	if (policy_plan_undo(&c->undo, c->found.state, c->plan, time(NULL), &err) < 0) {
		err_wrap(&err, "%s; and it cannot be taken back", c->err.msg);
		finish(c, NULL, &err);
		return;
	}
	c->watch = policy_watch_start(c->engine, c->session, c->undo, true, clock_ns(),
	                              UNDO_PATIENCE_MS, on_undo_word, c);
	put(c, c->undo->files, c->undo->n, on_undo_put);
}

/* was_lost: a request may still be carried out, and must not come after the undo. */
static void take_back(struct change *c, const struct err *cause, bool was_lost)
{
	struct err err = { 0 };

	loop_timer_cancel(loop_of(c), &c->nudge);
	policy_watch_stop(c->watch);
	c->watch = NULL;
	/* what freezes is not taken back: the worst of it is that too much is refused */
	if (c->what.verb == POLICY_FREEZE) {
		err_set(&err, cause->kind, "%s; the agent stays paused", cause->msg);
		finish(c, NULL, &err);
		return;
	}
	if (!c->is_failing)
		c->err = *cause;
	c->is_failing = true;
	if (!c->call)
		loop_timer_set(loop_of(c), &c->timer, was_lost ? SETTLE_MS : 0, undo, c);
}

/* --- writing ------------------------------------------------------------------------------- */

static void put(struct change *c, const struct policy_file *files, size_t n,
                engine_done_fn *on_done)
{
	CLEANUP_FREE char *name = spec_container(c->session, ROLE_PIPELOCK);
	CLEANUP_FREE char *path = xasprintf("/containers/%s/archive?path=" PIPELOCK_DIR, name);
	struct engine_request req = { .method = "PUT",
		                      .path = path,
		                      .content_type = "application/x-tar",
		                      .timeout_ms = 15000,
		                      .on_done = on_done,
		                      .arg = c };
	struct err err = { 0 };
	struct tar tar;

	buf_reset(&c->body);
	tar_begin(&tar, &c->body, time(NULL));
	for (size_t i = 0; i < n; i++)
		tar_file(&tar, files[i].name, 0600, UID_SIDECAR, UID_SIDECAR, files[i].text,
		         files[i].len);
	tar_finish(&tar, &err); /* its sizes were checked; an empty body is refused */
	req.body = buf_str(&c->body);
	req.body_len = c->body.len;
	c->call = engine_send(c->engine, &req);
}

/* In force, and nothing of ours is under way that could still be carried out. */
static void go_on(struct change *c)
{
	c->is_in_force = false;
	/* so slow that the keeper may have worked in between: once more, which ends what is
	 * over */
	if (time(NULL) - c->planned_at >= SLOW_S && ++c->passes < PASSES_MAX)
		read_files(c);
	else
		in_force(c);
}

static void on_word(void *arg, enum policy_word word, const char *text)
{
	struct change *c = arg;
	struct err err = { 0 };

	c->watch = NULL;
	loop_timer_cancel(loop_of(c), &c->nudge);
	switch (word) {
	case POLICY_IN_FORCE:
		c->is_in_force = true;
		if (!c->call)
			go_on(c);
		return;
	case POLICY_REFUSED:
		err_set(&err, ERR_POLICY, "pipelock refused it: %s", text);
		break;
	case POLICY_SILENT:
		err_set(&err, ERR_FAILED,
		        "pipelock did not say within %d seconds that it is in "
		        "force",
		        WORD_PATIENCE_MS / 1000);
		break;
	case POLICY_GONE:
		err_set(&err, ERR_FAILED, "pipelock ended%s%s; relaunch the session",
		        *text ? ": " : "", text);
		break;
	}
	take_back(c, &err, false);
}

static void on_nudged(void *arg, const struct engine_reply *reply)
{
	struct change *c = arg;

	c->call = NULL;
	if (c->is_in_force)
		go_on(c);
	else if (c->is_failing)
		take_back(c, &c->err, reply->status == 0);
}

static void nudge(void *arg)
{
	struct change *c = arg;

	if (!c->call)
		put(c, c->plan->live, 1, on_nudged);
	loop_timer_set(loop_of(c), &c->nudge, NUDGE_MS, nudge, c);
}

static void on_put(void *arg, const struct engine_reply *reply)
{
	struct change *c = arg;
	struct err err = { 0 };

	c->call = NULL;
	if (c->is_in_force) {
		go_on(c);
		return;
	}
	/* it may have been carried out in part, or wholly */
	if (engine_check(reply, &err, "writing the policy") < 0 || c->is_failing)
		take_back(c, &err, reply->status == 0);
}

static void write_plan(struct change *c)
{
	c->watch = policy_watch_start(c->engine, c->session, c->plan, false, clock_ns(),
	                              WORD_PATIENCE_MS, on_word, c);
	put(c, c->plan->files, c->plan->n, on_put);
	loop_timer_set(loop_of(c), &c->nudge, NUDGE_MS, nudge, c);
}

/* --- planning ------------------------------------------------------------------------------ */

static void on_paused(void *arg, const struct engine_reply *reply)
{
	struct change *c = arg;
	struct err err = { 0 };

	c->call = NULL;
	/* 409: it is paused already, or has ended */
	if (reply->status != 409 && engine_check(reply, &err, "pausing the agent") < 0)
		finish(c, NULL, &err);
	else if (c->plan->is_nothing)
		show(c);
	else
		write_plan(c);
}

static void on_found(void *arg, struct policy_found *found, const struct err *err)
{
	struct change *c = arg;
	struct err own = { 0 };
	int rc;

	if (!found) {
		finish(c, NULL, err);
		return;
	}
	c->found = *found;
	*found = (struct policy_found){ 0 };
	c->planned_at = time(NULL);
	rc = c->passes ? policy_plan_undo(&c->plan, c->found.state, NULL, c->planned_at, &own)
	               : policy_plan(&c->plan, c->found.state, &c->what, c->planned_at, &own);
	if (rc < 0)
		finish(c, NULL, &own);
	else if (c->what.verb == POLICY_FREEZE && c->found.agent_runs && !c->found.agent_is_paused)
		agent_call(c, "pause", on_paused);
	else if (c->plan->is_nothing)
		in_force(c);
	else
		write_plan(c);
}

static void read_files(struct change *c)
{
	drop_pass(c);
	policy_find_start(c->world, c->session, on_found, c);
}

/* --- the lock -------------------------------------------------------------------------------- */

static void take_lock(void *arg)
{
	struct change *c = arg;
	struct err err = { 0 };

	c->lock = lock_take(c->world->lock_dir, c->lock_name, &err);
	if (c->lock >= 0) {
		read_files(c);
	} else if (lock_is_held(c->world->lock_dir, c->lock_name) &&
	           loop_now_ns() < c->lock_until_ns) {
		loop_timer_set(loop_of(c), &c->timer, LOCK_RETRY_MS, take_lock, c);
	} else {
		if (lock_is_held(c->world->lock_dir, c->lock_name))
			err_set(&err, ERR_FAILED,
			        "another claude-bottle is changing the policy of \"%s\"",
			        c->session);
		finish(c, NULL, &err);
	}
}

void policy_change_start(struct policy_world *w, const char *session,
                         const struct policy_change *change, backend_policy_fn *fn, void *arg)
{
	struct change *c = xcalloc(1, sizeof *c);

	*c = (struct change){ .world = w,
		              .engine = w->engine,
		              .lock_name = xasprintf("%.60s.policy", session),
		              .what = *change,
		              .host = xstrdup_or_null(change->host),
		              .by = xstrdup_or_null(change->by),
		              .why = xstrdup_or_null(change->why),
		              .lock = -1,
		              .lock_until_ns = loop_now_ns() + LOCK_PATIENCE_MS * UINT64_C(1000000),
		              .body = BUF_INIT(POLICY_FILES_MAX * 2 + 1048576),
		              .fn = fn,
		              .arg = arg };
	c->what.host = c->host;
	c->what.by = c->by;
	c->what.why = c->why;
	snprintf(c->session, sizeof c->session, "%s", session);
	loop_timer_set(loop_of(c), &c->timer, 0, take_lock, c);
}
