#include "docker/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/loop.h"
#include "core/mem.h"
#include "docker/engine.h"
#include "docker/hijack.h"
#include "docker/launch_steps.h"
#include "docker/teardown.h"

#define FILE_MAX   (16u << 20)
#define PATIENCE_MS 5000	/* for requests that are under way when a step failed */

/* The whole launch; struct launch (what the steps see) comes first. */
struct launch_run {
	struct launch shared;
	struct loop_timer turn;		/* start, patience */
	struct err err;			/* the first failure */
	bool is_failing;
	bool is_undoing;
};

static void pump(void *arg);

static void launch_free(struct launch_run *lr)
{
	struct launch *l = &lr->shared;

	loop_timer_cancel(engine_loop(l->engine), &lr->turn);
	for (size_t i = 0; i < l->plan->n_steps; i++) {
		run_drop(&l->runs[i]);
		buf_done(&l->runs[i].text);
		buf_done(&l->runs[i].body);
	}
	ca_done(&l->ca);
	buf_done(&l->helper);
	buf_done(&l->bundle);
	isolation_done(&l->isolation);
	free(lr);
}

static void report(struct launch_run *lr, const struct err *err)
{
	struct launch *l = &lr->shared;
	const struct launch_events *ev = l->ev;
	const struct isolation_result isolation = l->isolation.result;
	char fingerprint[CA_FINGERPRINT_MAX];
	struct err copy = { 0 };
	void *arg = l->arg;

	/* the plan may go with the callback, so nothing may be left that needs it */
	memcpy(fingerprint, l->ca.fingerprint, sizeof fingerprint);
	if (err)
		copy = *err;
	launch_free(lr);
	ev->done(arg, &isolation, fingerprint, err ? &copy : NULL);
}

/* --- undoing ------------------------------------------------------------------------ */

static void on_undone(void *arg, const struct err *undo_err)
{
	struct launch_run *lr = arg;
	size_t len = strlen(lr->err.msg);

	if (undo_err)
		snprintf(lr->err.msg + len, sizeof lr->err.msg - len,
		         "; undoing it was not possible either: %.500s; run \"claude-bottle "
		         "cleanup\" when the engine answers again",
		         undo_err->msg);
	report(lr, &lr->err);
}

static size_t n_in_state(const struct launch *l, enum run_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < l->plan->n_steps; i++)
		n += l->runs[i].state == state;
	return n;
}

static void undo(void *arg)
{
	struct launch_run *lr = arg;
	struct launch *l = &lr->shared;
	const struct teardown_filter filter = { .install = l->opt.install,
		                                .launch = l->plan->launch };
	bool was_cut = n_in_state(l, RUN_STARTED) > 0 || lr->err.kind == ERR_ENGINE;

	if (lr->is_undoing)
		return;
	lr->is_undoing = true;
	loop_timer_cancel(engine_loop(l->engine), &lr->turn);
	for (size_t i = 0; i < l->plan->n_steps; i++)
		run_drop(&l->runs[i]);
	teardown(l->engine, &filter, false, was_cut, on_undone, lr);
}

/* Streams are dropped at once; requests that change something get a moment, so
 * that what they make is there to be removed. */
static void begin_failing(struct launch_run *lr, const struct err *err)
{
	struct launch *l = &lr->shared;

	lr->is_failing = true;
	lr->err = *err;
	for (size_t i = 0; i < l->plan->n_steps; i++) {
		enum plan_step_kind kind = l->plan->steps[i].kind;

		if (l->runs[i].state != RUN_STARTED || kind == STEP_CALL || kind == STEP_PUT)
			continue;
		run_drop(&l->runs[i]);
		l->runs[i].state = RUN_FAILED;
	}
	loop_timer_set(engine_loop(l->engine), &lr->turn,
	               n_in_state(l, RUN_STARTED) ? PATIENCE_MS : 0, undo, lr);
}

/* --- going on -------------------------------------------------------------------------- */

static void tell(struct launch *l, size_t index, enum step_state state, uint64_t ns)
{
	if (l->ev->step)
		l->ev->step(l->arg, l->plan, index, state, ns);
}

void run_finish(struct run *r, const struct err *err)
{
	struct launch *l = r->launch;
	struct launch_run *lr = (struct launch_run *)l;
	const struct plan_step *step = &l->plan->steps[r->index];

	if (r->state != RUN_STARTED)
		return;
	r->state = err ? RUN_FAILED : RUN_DONE;
	r->call = NULL;
	buf_done(&r->body);
	tell(l, r->index, err ? STEP_FAILED : STEP_DONE, loop_now_ns() - r->started_ns);
	if (err && !lr->is_failing) {
		struct err wrapped = *err;

		err_wrap(&wrapped, "%s", step->title);
		begin_failing(lr, &wrapped);
	} else if (lr->is_failing) {
		if (n_in_state(l, RUN_STARTED) == 0)
			loop_timer_set(engine_loop(l->engine), &lr->turn, 0, undo, lr);
	} else {
		/* not from here: a step may end while another is being started */
		loop_timer_set(engine_loop(l->engine), &lr->turn, 0, pump, lr);
	}
}

static uint64_t done_bits(const struct launch *l)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < l->plan->n_steps; i++)
		if (l->runs[i].state == RUN_DONE)
			bits |= PLAN_BIT(i);
	return bits;
}

/* Start whatever is ready. */
static void pump(void *arg)
{
	struct launch_run *lr = arg;
	struct launch *l = &lr->shared;
	uint64_t done = done_bits(l);

	if (lr->is_failing)
		return;
	if (n_in_state(l, RUN_DONE) == l->plan->n_steps) {
		report(lr, NULL);
		return;
	}
	for (size_t i = 0; i < l->plan->n_steps && !lr->is_failing; i++) {
		struct run *r = &l->runs[i];

		if (r->state != RUN_WAITING || (l->plan->steps[i].after & ~done))
			continue;
		tell(l, i, STEP_STARTED, 0);
		if (lr->is_failing)
			break;	/* given up by whoever was told */
		r->state = RUN_STARTED;
		r->started_ns = loop_now_ns();
		run_start(r);
	}
}

static void begin(void *arg)
{
	struct launch_run *lr = arg;
	struct launch *l = &lr->shared;
	CLEANUP_FREE char *name = xasprintf("claude-bottle %s", l->plan->session);
	struct err err = { 0 };

	if (ca_make(&l->ca, name, &err) < 0)
		report(lr, &err);
	else
		pump(lr);
}

struct launch *launch_start(struct engine *e, const struct plan *plan,
                            const struct launch_secret *secrets, size_t n_secrets,
                            const struct launch_options *opt, const struct launch_events *ev,
                            void *arg)
{
	struct launch_run *lr = xcalloc(1, sizeof *lr);
	struct launch *l = &lr->shared;

	l->engine = e;
	l->plan = plan;
	l->secrets = secrets;
	l->n_secrets = n_secrets;
	l->opt = *opt;
	l->ev = ev;
	l->arg = arg;
	l->released_ns = opt->released_ns;
	l->helper = (struct buf)BUF_INIT(FILE_MAX);
	l->bundle = (struct buf)BUF_INIT(FILE_MAX);
	isolation_init(&l->isolation);
	l->isolation.result.was_forced = opt->was_forced;
	for (size_t i = 0; i < plan->n_steps; i++) {
		l->runs[i].launch = l;
		l->runs[i].index = i;
	}
	loop_timer_set(engine_loop(e), &lr->turn, 0, begin, lr);
	return l;
}

void launch_cancel(struct launch *l)
{
	struct launch_run *lr = (struct launch_run *)l;
	struct err err = { 0 };

	if (lr->is_failing)
		return;
	err_set(&err, ERR_FAILED, "given up");
	begin_failing(lr, &err);
}
