/* What the replay backend is asked to do: each a job with a timer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "replay/replay_int.h"

static void set_name(char to[MANIFEST_NAME_MAX + 1], const char *from)
{
	snprintf(to, MANIFEST_NAME_MAX + 1, "%s", from);
}

struct backend_job *replay_job_new(struct backend *b, enum job_kind kind, void *arg)
{
	struct backend_job *j = xcalloc(1, sizeof *j);

	j->backend = b;
	j->kind = kind;
	j->arg = arg;
	j->next = b->jobs;
	b->jobs = j;
	return j;
}

void replay_job_start(struct backend_job *j, uint64_t ms, loop_fn *fn)
{
	loop_timer_set(j->backend->loop, &j->timer, ms, fn, j);
}

void replay_job_free(struct backend_job *j)
{
	struct backend_job **at = &j->backend->jobs;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	loop_timer_cancel(j->backend->loop, &j->timer);
	plan_free(j->made);
	replay_ask_free(j->ask);
	replay_policy_ask_free(j->policy_ask);
	free(j);
}

void replay_drop_jobs(struct backend *b)
{
	while (b->jobs)
		replay_job_free(b->jobs);
}

/* Does the engine answer? If not, the job's error says so. */
bool replay_answers(struct backend_job *j)
{
	if (j->backend->away && !j->err.kind)
		err_set(&j->err, ERR_ENGINE, "%s", j->backend->away);
	return !j->backend->away;
}

static const struct err *error_of(const struct backend_job *j)
{
	return j->err.kind ? &j->err : NULL;
}

/* --- list -------------------------------------------------------------------------------- */

static void add_members(struct session *s, bool has_gate)
{
	static const enum session_role roles[] = { ROLE_AGENT, ROLE_PIPELOCK, ROLE_RESOLVER,
		                                   ROLE_KEEPER, ROLE_GATE };
	size_t n = sizeof roles / sizeof *roles - !has_gate;

	s->members = xcalloc(n, sizeof *s->members);
	for (size_t i = 0; i < n; i++) {
		struct session_member *m = &s->members[s->n_members++];
		const char *role = session_role_name(roles[i]);
		bool is_agent = roles[i] == ROLE_AGENT;

		m->role = roles[i];
		m->id = xasprintf("%s-%s", s->launch, role);
		m->name = xasprintf("cb-%s-%s", s->name, role);
		m->image = xasprintf("claude-bottle/%s", role);
		m->state = xstrdup(is_agent && s->state == SESSION_FAILED ? "exited" : "running");
		m->status = xstrdup(m->state);
	}
	s->n_networks = 2;
	s->n_volumes = 1;
}

static void add_session(struct session_list *list, const struct live *l)
{
	struct session *s;

	list->v = xreallocarray(list->v, list->n + 1, sizeof *list->v);
	s = &list->v[list->n++];
	*s = (struct session){ .state = l->is.state,
		               .is_frozen = l->is.is_frozen,
		               .exit_code = l->is.exit_code,
		               .created = l->is.created,
		               .isolation = l->is.isolation,
		               .was_released = l->is.released_ns != 0,
		               .released_ns = l->is.released_ns };
	set_name(s->name, l->name);
	memcpy(s->color, l->is.color, sizeof s->color);
	s->agent = xstrdup(l->is.agent);
	s->bottle = xstrdup(l->is.bottle);
	s->launch = xstrdup(l->launch);
	s->digest = xstrdup(l->digest ? l->digest : "");
	add_members(s, l->pushes.n > 0);
}

static void on_list(void *arg)
{
	struct backend_job *j = arg;
	struct session_list list = { 0 };

	if (replay_answers(j))
		for (const struct live *l = j->backend->lives; l; l = l->next)
			if (l->exists)
				add_session(&list, l);
	j->on_list(j->arg, &list, error_of(j));
	session_list_done(&list);
	replay_job_free(j);
}

void replay_list(struct backend *b, backend_list_fn *fn, void *arg)
{
	struct backend_job *j = replay_job_new(b, JOB_LIST, arg);

	j->on_list = fn;
	replay_job_start(j, 0, on_list);
}

/* --- prepare -------------------------------------------------------------------------------- */

static uint64_t step(struct plan *p, enum plan_step_kind kind, enum session_role role,
                     uint64_t after, const char *title)
{
	plan_step(p, kind, role, after, title);
	return PLAN_BIT(p->n_steps - 1);
}

/* A small plan with the shape of a real one: networks, members, probes, release. */
static void plan_steps(struct plan *p)
{
	uint64_t networks, created, files, ready, agent, checks;

	networks = step(p, STEP_CALL, ROLE_OTHER, 0, "create internal network");
	networks |= step(p, STEP_CALL, ROLE_OTHER, 0, "create egress network");
	created = step(p, STEP_CALL, ROLE_KEEPER, 0, "create keeper");
	created |= step(p, STEP_CALL, ROLE_RESOLVER, networks, "create resolver");
	created |= step(p, STEP_CALL, ROLE_PIPELOCK, networks, "create pipelock");
	agent = step(p, STEP_CALL, ROLE_AGENT, networks, "create agent");
	files = step(p, STEP_PUT, ROLE_PIPELOCK, created, "put files into pipelock");
	files |= step(p, STEP_PUT, ROLE_AGENT, agent, "put files into agent");
	ready = step(p, STEP_CALL, ROLE_PIPELOCK, files, "start pipelock");
	ready = step(p, STEP_READY, ROLE_PIPELOCK, ready, "wait for pipelock");
	agent = step(p, STEP_CALL, ROLE_AGENT, ready, "start agent");
	checks = step(p, STEP_PROBE, ROLE_PROBE, agent, "probe isolation");
	checks = step(p, STEP_VERDICT, ROLE_AGENT, checks, "judge isolation");
	checks = step(p, STEP_RELEASE, ROLE_AGENT, checks, "release agent");
	step(p, STEP_RECORD, ROLE_KEEPER, checks, "record isolation");
	p->has_probes = true;
}

static void on_prepared(void *arg)
{
	struct backend_job *j = arg;
	struct plan *plan = j->made;

	if (!replay_answers(j) || j->err.kind) {
		j->on_plan(j->arg, NULL, &j->err);
	} else {
		j->made = NULL;
		j->on_plan(j->arg, plan, NULL);
	}
	replay_job_free(j);
}

void replay_prepare(struct backend *b, const struct launch_request *req, backend_plan_fn *fn,
                    void *arg)
{
	struct backend_job *j = replay_job_new(b, JOB_PREPARE, arg);
	struct plan *p = plan_new();

	j->on_plan = fn;
	j->made = p;
	if (session_name_make(p->session, req->agent->name, req->label, &j->err) == 0) {
		unsigned n = ++b->n_launches;

		p->agent = xstrdup(req->agent->name);
		p->bottle = xstrdup(req->agent->bottle->name);
		p->label = xstrdup_or_null(req->label);
		p->color = xstrdup_or_null(req->color);
		p->launch = xasprintf("replayed%u", n);
		p->record_launch = xstrdup(p->launch);
		p->digest = xstrdup(req->digest ? req->digest : "");
		p->runtime = xstrdup("runc");
		p->internal_subnet = xasprintf("10.213.%u.0/28", n % 256);
		p->egress_subnet = xasprintf("10.213.%u.16/28", n % 256);
		plan_steps(p);
	}
	replay_job_start(j, 0, on_prepared);
}

/* --- launch ---------------------------------------------------------------------------------- */

static struct isolation_result isolation_of(const struct backend_job *j)
{
	static const struct isolation_result all = { .passed = 22, .total = 22 };

	return j->how && j->how->isolation.total ? j->how->isolation : all;
}

static void launched(struct backend_job *j)
{
	struct backend *b = j->backend;
	struct live *l = replay_live(b, j->session, true);
	struct isolation_result isolation = isolation_of(j);

	if (j->err.kind && !j->is_refused) {
		l->exists = false;
		replay_end(b, l);
	} else if (!j->err.kind) {
		isolation.was_forced = isolation.passed < isolation.total;
		l->is.state = SESSION_RUNNING;
		l->is.isolation = isolation;
		l->is.released_ns = replay_clock_ns();
		if (j->how)
			replay_play(b, j->how->then, j->how->n_then, l);
	}
	j->ev->done(j->arg, &isolation, "", error_of(j));
	replay_job_free(j);
}

static void check_step(struct backend_job *j)
{
	const struct isolation_result isolation = isolation_of(j);
	bool is_last = j->step + 1 == j->plan->n_steps;

	if (!replay_answers(j))
		return;
	if (j->how && j->how->fails && is_last)
		err_set(&j->err, ERR_FAILED, "%s", j->how->fails);
	else if (j->plan->steps[j->step].kind == STEP_VERDICT && !j->force &&
	         isolation.passed < isolation.total)
		err_set(&j->err, ERR_ISOLATION, "isolation %u/%u: %s", isolation.passed,
		        isolation.total,
		        *isolation.warnings ? isolation.warnings : "a probe failed");
}

static uint64_t step_ms(const struct backend_job *j)
{
	unsigned ms = j->how ? j->how->ms : 1000;

	return replay_ms(j->backend, ms / (j->plan->n_steps ? j->plan->n_steps : 1));
}

static void on_launch(void *arg)
{
	struct backend_job *j = arg;
	enum step_state state = STEP_STARTED;

	if (j->is_cancelled && !j->err.kind)
		err_set(&j->err, ERR_FAILED, "given up");
	if (j->err.kind || j->step == j->plan->n_steps) {
		launched(j);
		return;
	}
	if (j->is_in_step) {
		check_step(j);
		state = j->err.kind ? STEP_FAILED : STEP_DONE;
	} else {
		j->step_ns = loop_now_ns();
	}
	if (j->ev->step)
		j->ev->step(j->arg, j->plan, j->step, state,
		            j->is_in_step ? loop_now_ns() - j->step_ns : 0);
	j->step += j->is_in_step;
	j->is_in_step = !j->is_in_step;
	replay_job_start(j, j->is_in_step ? step_ms(j) : 0, on_launch);
}

struct backend_job *replay_launch(struct backend *b, const struct plan *plan,
                                  const struct launch_secret *secrets, size_t n, bool force,
                                  const struct launch_events *ev, void *arg)
{
	struct backend_job *j = replay_job_new(b, JOB_LAUNCH, arg);
	struct live *l = replay_live(b, plan->session, true);

	(void)secrets;	/* nobody is there to be told */
	(void)n;
	j->plan = plan;
	j->ev = ev;
	j->force = force;
	j->how = replay_launch_of(b, plan->agent);
	set_name(j->session, plan->session);
	if (l->exists) {
		err_set(&j->err, ERR_FAILED, "session \"%s\" is there already", plan->session);
		j->is_refused = true;
	} else {
		replay_clear(l);
		free(l->digest);
		l->digest = xstrdup_or_null(plan->digest);
		l->is = (struct recording_session){ .state = SESSION_STARTING, .exit_code = -1 };
		l->is.created = replay_clock_ns() / 1000000000;
		set_name(l->is.agent, plan->agent);
		snprintf(l->is.color, sizeof l->is.color, "%s", plan->color ? plan->color : "");
		set_name(l->is.bottle, plan->bottle);
		snprintf(l->launch, sizeof l->launch, "%s", plan->launch);
		l->exists = l->is_taken = true;
	}
	replay_job_start(j, 0, on_launch);
	return j;
}

/* --- stop, verify ---------------------------------------------------------------------------- */

static void on_stop(void *arg)
{
	struct backend_job *j = arg;
	struct live *l = replay_live(j->backend, j->session, true);

	if (replay_answers(j)) {
		l->exists = false;
		l->is_taken = true;
		replay_end(j->backend, l);
	}
	j->on_done(j->arg, error_of(j));
	replay_job_free(j);
}

void replay_stop(struct backend *b, const char *session, backend_done_fn *fn, void *arg)
{
	struct backend_job *j = replay_job_new(b, JOB_STOP, arg);
	struct live *l = replay_live(b, session, false);

	set_name(j->session, session);
	j->on_done = fn;
	if (l && l->exists)
		l->is.state = SESSION_STOPPING;
	replay_job_start(j, l && l->exists ? replay_ms(b, REPLAY_STOP_MS) : 0, on_stop);
}

static void on_verify(void *arg)
{
	struct backend_job *j = arg;
	const struct live *l = replay_live(j->backend, j->session, false);
	struct isolation_result isolation = { 0 };

	if (replay_answers(j)) {
		if (l && l->exists && l->is.state == SESSION_RUNNING)
			isolation = l->is.isolation;
		else
			err_set(&j->err, ERR_FAILED, "session \"%s\" is not running", j->session);
	}
	j->ev->done(j->arg, &isolation, "", error_of(j));
	replay_job_free(j);
}

void replay_verify(struct backend *b, const char *session, const struct agent_spec *agent,
                   const struct launch_events *ev, void *arg)
{
	struct backend_job *j = replay_job_new(b, JOB_VERIFY, arg);

	(void)agent;
	set_name(j->session, session);
	j->ev = ev;
	replay_job_start(j, 0, on_verify);
}

/* --- follow ----------------------------------------------------------------------------------- */

static void on_follow(void *arg)
{
	struct backend_job *j = arg;
	bool goes_on = true;

	while (goes_on && !j->is_cancelled && !j->is_over && j->live && j->at < j->live->n_events) {
		struct event ev;

		/* its own copy: what is called may make us move ours */
		event_copy(&ev, &j->live->events[j->at++]);
		ev.is_probe = ev.is_probe || ev.ts_ns < j->released_ns;
		if (ev.ts_ns > j->since_ns)
			goes_on = j->on_event(j->arg, &ev);
		event_done(&ev);
	}
	if (j->is_cancelled) {
		replay_job_free(j);
	} else if (!goes_on || j->is_over || !j->keeps_following || !j->live) {
		j->on_done(j->arg, error_of(j));
		replay_job_free(j);
	}
}

struct backend_job *replay_follow(struct backend *b, const struct follow_request *req,
                                  backend_event_fn *fn, backend_done_fn *done, void *arg)
{
	struct backend_job *j = replay_job_new(b, JOB_FOLLOW, arg);

	j->on_event = fn;
	j->on_done = done;
	j->since_ns = req->since_ns;
	j->released_ns = req->released_ns;
	j->keeps_following = req->keep_following;
	j->live = replay_live(b, req->session, false);
	if (j->live && !j->live->exists)
		j->live = NULL;
	j->is_over = !replay_answers(j);
	replay_job_start(j, 0, on_follow);
	return j;
}

void replay_wake_follows(struct backend *b, const struct live *l, bool is_over)
{
	for (struct backend_job *j = b->jobs; j; j = j->next) {
		if (j->kind != JOB_FOLLOW || j->live != l)
			continue;
		j->is_over = j->is_over || is_over;
		replay_job_start(j, 0, on_follow);
	}
}

void replay_cancel(struct backend_job *j)
{
	if (!j)
		return;
	j->is_cancelled = true;
	/* a follower may be cancelled from its own call: it goes in a later turn */
	if (j->kind == JOB_PUSH)
		replay_job_free(j);
	else
		replay_job_start(j, 0, j->kind == JOB_FOLLOW ? on_follow : on_launch);
}
