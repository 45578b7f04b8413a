/* What a session may reach now: the files of its policy, and its agent's state.
 *
 * First what the engine says of the containers; then the files, from two containers
 * that hold the same volume, since one container gives one archive at a time. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "docker/engine.h"
#include "docker/launch_steps.h"
#include "docker/names.h"
#include "docker/policy.h"
#include "docker/spec.h"

#define RETRY_MS 150 /* somebody may be writing: an archive takes a moment */
#define RETRIES_MAX 6

enum part { PART_PIPELOCK, PART_AGENT, PART_LIVE, PART_OVERLAY, PART_BASE, PARTS };

/* One question; its answer. */
struct part_of {
	struct find *find;
	enum part part;
};

struct find {
	struct policy_world *world;
	char session[MANIFEST_NAME_MAX + 1];
	struct part_of parts[PARTS];
	unsigned pending, tries;
	struct policy_found found;
	char *container; /* pipelock's id */
	struct buf base, overlay, live;
	bool has_files; /* the second round has begun */
	bool has_overlay;
	bool is_torn; /* it looks as if it were being written */
	bool is_lost; /* there is no such container of ours, running */
	struct err err;
	struct loop_timer timer;
	policy_found_fn *fn;
	void *arg;
};

void policy_found_done(struct policy_found *f)
{
	if (!f)
		return;
	policy_state_free(f->state);
	free(f->agent);
	free(f->bottle);
}

struct policy *policy_found_show(const struct policy_found *f, const char *session)
{
	struct policy *p = policy_state_show(f->state, session, time(NULL));

	p->agent = xstrdup(f->agent);
	p->bottle = xstrdup(f->bottle);
	p->is_paused = f->agent_is_paused;
	return p;
}

static void ask_all(void *arg);
static void ask_files(struct find *f);

static void forget(struct find *f)
{
	policy_found_done(&f->found);
	f->found = (struct policy_found){ 0 };
	buf_reset(&f->base);
	buf_reset(&f->overlay);
	buf_reset(&f->live);
	f->has_overlay = f->is_torn = f->is_lost = f->has_files = false;
	free(f->container);
	f->container = NULL;
	f->err = (struct err){ 0 };
}

static void finish(struct find *f)
{
	struct policy_found *found = f->err.kind ? NULL : &f->found;

	f->fn(f->arg, found, f->err.kind ? &f->err : NULL);
	policy_found_done(found ? found : &f->found);
	buf_done(&f->base);
	buf_done(&f->overlay);
	buf_done(&f->live);
	free(f->container);
	free(f);
}

/* --- bases that are known already ----------------------------------------------------- */

void policy_world_done(struct policy_world *w)
{
	for (size_t i = 0; i < POLICY_BASES_MAX; i++) {
		free(w->bases[i].container);
		free(w->bases[i].text);
	}
}

static bool known_base(const struct policy_world *w, const char *container, struct buf *out)
{
	for (size_t i = 0; i < POLICY_BASES_MAX; i++)
		if (w->bases[i].container && strcmp(w->bases[i].container, container) == 0) {
			buf_add(out, w->bases[i].text, w->bases[i].len);
			return true;
		}
	return false;
}

static void keep_base(struct policy_world *w, const char *container, const struct buf *base)
{
	struct buf unused = BUF_INIT(PIPELOCK_CONFIG_MAX * 2);
	unsigned i = w->next_base % POLICY_BASES_MAX;

	if (!known_base(w, container, &unused)) {
		w->next_base++;
		free(w->bases[i].container);
		free(w->bases[i].text);
		w->bases[i].container = xstrdup(container);
		w->bases[i].text = xstrndup(buf_str(base), base->len);
		w->bases[i].len = base->len;
	}
	buf_done(&unused);
}

/* Everything came: what does it say? */
static void conclude(struct find *f)
{
	const struct policy_files files = {
		.base = buf_str(&f->base),
		.base_len = f->base.len,
		.overlay = f->has_overlay ? buf_str(&f->overlay) : NULL,
		.overlay_len = f->overlay.len,
		.live = buf_str(&f->live),
		.live_len = f->live.len,
	};

	if (!f->err.kind && policy_state_read(&f->found.state, &files, &f->err) < 0)
		f->is_torn = true;
	else if (!f->err.kind)
		keep_base(f->world, f->container, &f->base);
	if (!f->err.kind &&
	    (policy_state_is_foreign(f->found.state) || policy_state_is_unfinished(f->found.state)))
		f->is_torn = true;
	if (f->is_torn && !f->is_lost && ++f->tries < RETRIES_MAX)
		loop_timer_set(engine_loop(f->world->engine), &f->timer, RETRY_MS, ask_all, f);
	else
		finish(f);
}

static bool flag(const cJSON *o, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static char *label(const cJSON *labels, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(labels, name));

	return xstrdup(s ? s : "");
}

static void no_session(struct find *f)
{
	err_set(&f->err, ERR_FAILED, "there is no running session \"%s\"", f->session);
}

/* A name alone proves nothing: another installation's session may bear it. */
static void take_pipelock(struct find *f, const struct engine_reply *reply)
{
	cJSON *json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	const cJSON *config = cJSON_GetObjectItemCaseSensitive(json, "Config");
	const cJSON *labels = cJSON_GetObjectItemCaseSensitive(config, "Labels");
	CLEANUP_FREE char *install = label(labels, LABEL_INSTALL);

	if (reply->status == 404 || (json && strcmp(install, f->world->install) != 0)) {
		no_session(f);
	} else if (!json && engine_check(reply, &f->err, "looking at pipelock") == 0) {
		err_set(&f->err, ERR_ENGINE, "the engine's answer is not JSON");
	} else if (json && !flag(cJSON_GetObjectItemCaseSensitive(json, "State"), "Running")) {
		err_set(&f->err, ERR_FAILED,
		        "the pipelock of session \"%s\" does not run; relaunch it", f->session);
	}
	free(f->found.agent);
	free(f->found.bottle);
	f->found.agent = label(labels, LABEL_AGENT);
	f->found.bottle = label(labels, LABEL_BOTTLE);
	free(f->container);
	f->container = label(json, "Id");
	cJSON_Delete(json);
}

static void take_agent(struct find *f, const struct engine_reply *reply)
{
	cJSON *json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(json, "State");

	f->found.agent_runs = reply->status == 200 && flag(state, "Running");
	f->found.agent_is_paused = reply->status == 200 && flag(state, "Paused");
	cJSON_Delete(json);
}

static void take_file(struct find *f, const struct engine_reply *reply, enum part part)
{
	struct buf *to = part == PART_BASE ? &f->base : part == PART_LIVE ? &f->live : &f->overlay;
	struct err err = { 0 };

	if (reply->status == 404 && part == PART_OVERLAY)
		return;
	if (engine_check(reply, &err, "reading pipelock's files") == 0)
		archive_file(&reply->body, NULL, to, &err);
	if (part == PART_OVERLAY)
		f->has_overlay = true;
	if (!err.kind)
		return;
	/* a file is away for an instant while an archive is unpacked */
	f->is_torn = reply->status == 404 || reply->status == 200 || reply->status == 500;
	if (part == PART_BASE && reply->status == 404)
		err_set(&f->err, ERR_FAILED,
		        "session \"%s\" was launched by a claude-bottle that could not change it "
		        "while it runs; relaunch it",
		        f->session);
	else if (!f->err.kind)
		f->err = err;
}

static void on_part(void *arg, const struct engine_reply *reply)
{
	struct part_of *p = arg;
	struct find *f = p->find;

	if (p->part == PART_PIPELOCK) {
		take_pipelock(f, reply);
		f->is_lost = f->err.kind != ERR_NONE;
	} else if (p->part == PART_AGENT) {
		take_agent(f, reply);
	} else {
		take_file(f, reply, p->part);
	}
	if (--f->pending > 0)
		return;
	if (f->has_files || f->is_lost)
		conclude(f);
	else
		ask_files(f);
}

static void ask(struct find *f, enum part part, const char *path)
{
	const struct engine_request req = { .method = "GET",
		                            .path = path,
		                            .body_max = PIPELOCK_CONFIG_MAX * 2 + 65536,
		                            .on_done = on_part,
		                            .arg = &f->parts[part] };

	f->parts[part] = (struct part_of){ f, part };
	f->pending++;
	engine_send(f->world->engine, &req);
}

static void ask_file(struct find *f, enum part part, enum session_role of, const char *path)
{
	CLEANUP_FREE char *name = spec_container(f->session, of);
	CLEANUP_FREE char *full = xasprintf("/containers/%s/archive?path=%s", name, path);

	ask(f, part, full);
}

static void ask_files(struct find *f)
{
	bool knows_base = known_base(f->world, f->container, &f->base);

	f->has_files = true;
	ask_file(f, PART_LIVE, ROLE_PIPELOCK, PIPELOCK_DIR "/" POLICY_LIVE);
	ask_file(f, PART_OVERLAY, ROLE_KEEPER, SPEC_HOLD_PIPELOCK "/" POLICY_OVERLAY);
	if (!knows_base)
		ask_file(f, PART_BASE, ROLE_PIPELOCK, PIPELOCK_DIR "/" POLICY_BASE);
}

static void ask_all(void *arg)
{
	struct find *f = arg;
	CLEANUP_FREE char *pipelock = spec_container(f->session, ROLE_PIPELOCK);
	CLEANUP_FREE char *agent = spec_container(f->session, ROLE_AGENT);
	CLEANUP_FREE char *of_pipelock = xasprintf("/containers/%s/json", pipelock);
	CLEANUP_FREE char *of_agent = xasprintf("/containers/%s/json", agent);

	forget(f);
	ask(f, PART_PIPELOCK, of_pipelock);
	ask(f, PART_AGENT, of_agent);
}

static void on_bad_name(void *arg)
{
	struct find *f = arg;

	no_session(f);
	finish(f);
}

void policy_find_start(struct policy_world *w, const char *session, policy_found_fn *fn, void *arg)
{
	struct find *f = xcalloc(1, sizeof *f);
	size_t len = strlen(session);

	*f = (struct find){ .world = w, .fn = fn, .arg = arg };
	f->base = f->live = (struct buf)BUF_INIT(PIPELOCK_CONFIG_MAX * 2);
	f->overlay = (struct buf)BUF_INIT(POLICY_OVERLAY_MAX);
	memcpy(f->session, session, len < MANIFEST_NAME_MAX ? len : MANIFEST_NAME_MAX);
	if (session_name_is_valid(session))
		ask_all(f);
	else
		loop_timer_set(engine_loop(w->engine), &f->timer, 0, on_bad_name, f);
}

/* --- the operation ------------------------------------------------------------------------ */

struct read_job {
	char session[MANIFEST_NAME_MAX + 1];
	backend_policy_fn *fn;
	void *arg;
};

static void on_read(void *arg, struct policy_found *found, const struct err *err)
{
	struct read_job *j = arg;

	j->fn(j->arg, found ? policy_found_show(found, j->session) : NULL, err);
	free(j);
}

void policy_read_start(struct policy_world *w, const char *session, backend_policy_fn *fn,
                       void *arg)
{
	struct read_job *j = xcalloc(1, sizeof *j);

	*j = (struct read_job){ .fn = fn, .arg = arg };
	snprintf(j->session, sizeof j->session, "%s", session);
	policy_find_start(w, session, on_read, j);
}
