/* The fleet's operations: launch, stop, relaunch, one at a time for each name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/fleet_int.h"
#include "core/mem.h"

static void prepare(struct unit *u);

static void note(struct unit *u, char *text)
{
	free(u->row.note);
	u->row.note = text;
	fleet_mark(u->fleet, FLEET_ROWS);
}

/* --- "?prompt" variables, asked for before ---------------------------------------------- */

struct answers {
	char **v;
	size_t n, next;
};

static int give_answer(void *arg, char **out, const char *name, const char *prompt,
                       struct err *err)
{
	struct answers *a = arg;

	(void)prompt;
	if (a->next >= a->n)
		return err_set(err, ERR_INPUT, "%s was not asked for", name);
	*out = a->v[a->next];
	a->v[a->next++] = NULL;
	return 0;
}

static void answers_done(struct answers *a)
{
	for (size_t i = 0; i < a->n; i++)
		mem_wipe_str(a->v[i]);
	free(a->v);
}

static int take_secrets(struct unit *u, const struct agent_spec *a, char **secrets,
                        struct err *err)
{
	struct answers answers = { .v = secrets, .n = strv_len(secrets) };
	int rc;

	secrets_done(&u->secrets);
	rc = secrets_resolve(&u->secrets, a->bottle, give_answer, &answers, err);
	answers_done(&answers);
	return rc;
}

/* --- the end -------------------------------------------------------------------- */

static void end(struct unit *u, const struct err *err, const char *done)
{
	struct fleet *f = u->fleet;
	enum unit_op op = u->op;

	u->op = OP_NONE;
	u->job = NULL;
	plan_free(u->plan);
	u->plan = NULL;
	secrets_done(&u->secrets);
	free(u->failure);
	u->failure = err ? xstrdup(err->msg) : NULL;
	if (err && op != OP_STOPPING && !u->was_cancelled)
		journal_failed(f->opt.store, u->row.name, u->row.bottle, err);
	if (err)
		fleet_say(f, FLEET_ERROR, "%s", err->msg);
	else
		fleet_say(f, FLEET_INFO, "%s %s", u->row.name, done);
	fleet_ask(u, INBOX_LAUNCH, u->was_cancelled ? NULL : u->failure, fleet_clock_ns());
	u->was_cancelled = false;
	note(u, NULL);
	fleet_build_rows(f);
	fleet_refresh_soon(f);
}

/* The program goes: what is under way is given up. The backend undoes a launch
 * as far as it still can; "cleanup" does the rest. */
void fleet_drop_op(struct unit *u)
{
	plan_free(u->plan);
	u->plan = NULL;
	secrets_done(&u->secrets);
	free(u->label);
	u->label = NULL;
}

/* --- launching ------------------------------------------------------------------ */

static void on_step(void *arg, const struct plan *plan, size_t index, enum step_state state,
                    uint64_t ns)
{
	struct unit *u = arg;

	(void)ns;
	if (state == STEP_DONE)
		u->n_done++;
	note(u, xasprintf("%zu/%zu %s", u->n_done, plan->n_steps, plan->steps[index].title));
}

static void on_launched(void *arg, const struct isolation_result *isolation,
                        const char *fingerprint, const struct err *err)
{
	struct unit *u = arg;

	(void)fingerprint;
	/* another program took the subnet between our look and our launch */
	if (err && strstr(err->msg, "overlaps") && u->tries < FLEET_LAUNCH_TRIES) {
		plan_free(u->plan);
		u->plan = NULL;
		u->job = NULL;
		prepare(u);
		return;
	}
	u->row.isolation = *isolation;
	if (!err) {
		journal_launched(u->fleet->opt.store, u->row.name, u->row.bottle, u->plan->launch,
		                 isolation);
		/* it is there, although the engine was not asked again yet */
		u->is_listed = true;
		u->row.state = SESSION_RUNNING;
	}
	end(u, err, "runs");
}

static const struct launch_events launch_events = {
	.step = on_step,
	.done = on_launched,
};

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
	struct unit *u = arg;
	struct fleet *f = u->fleet;

	if (!plan) {
		end(u, err, NULL);
		return;
	}
	u->plan = plan;
	if (u->was_cancelled) {
		end(u, NULL, "was not launched");
		return;
	}
	u->op = OP_LAUNCHING;
	u->n_done = 0;
	u->job = f->opt.ops->launch(f->opt.backend, plan, u->secrets.v, u->secrets.n, false,
	                            &launch_events, u);
}

static void prepare(struct unit *u)
{
	struct fleet *f = u->fleet;
	struct err err = { 0 };
	const struct agent_spec *a = manifest_usable_agent(f->manifest, u->row.agent, &err);
	struct launch_request req = { .agent = a, .label = u->label };

	if (*u->color)
		req.color = u->color;

	if (!a) {
		end(u, &err, NULL);
		return;
	}
	req.digest = f->manifest->files[a->where.file].digest;
	if (a->where.origin == MANIFEST_PROJECT)
		req.copy_root = f->manifest->files[a->where.file].dir;
	u->tries++;
	u->op = OP_PREPARING;
	note(u, xstrdup("planning"));
	fleet_build_rows(f);
	f->opt.ops->prepare(f->opt.backend, &req, on_plan, u);
}

static int begin(struct unit *u, const struct agent_spec *a, const char *label, char **secrets,
                 struct err *err)
{
	if (take_secrets(u, a, secrets, err) < 0)
		return -1;
	memcpy(u->row.agent, a->name, strlen(a->name) + 1);
	memcpy(u->row.bottle, a->bottle->name, strlen(a->bottle->name) + 1);
	free(u->label);
	u->label = label && *label ? xstrdup(label) : NULL;
	free(u->failure);
	u->failure = NULL;
	u->was_cancelled = false;
	fleet_ask(u, INBOX_LAUNCH, NULL, 0);
	u->tries = 0;
	return 0;
}

int fleet_launch(struct fleet *f, const char *agent, const char *label, const char *color,
                 char **secrets, struct err *err)
{
	const struct agent_spec *a = manifest_usable_agent(f->manifest, agent, err);
	char name[MANIFEST_NAME_MAX + 1];
	struct answers unused = { .v = secrets, .n = strv_len(secrets) };
	struct unit *u;

	if (!a || session_name_make(name, agent, label, err) < 0) {
		answers_done(&unused);
		return -1;
	}
	u = fleet_unit_make(f, name);
	if (u->op != OP_NONE || u->is_listed) {
		answers_done(&unused);
		return err_set(err, ERR_FAILED, "%s is there already; relaunch it, or give a label",
		               name);
	}
	if (begin(u, a, label, secrets, err) < 0)
		return -1;
	snprintf(u->color, sizeof u->color, "%s",
	         color && session_color_is_valid(color) ? color : "");
	prepare(u);
	return 0;
}

/* --- stopping ------------------------------------------------------------------- */

static void on_stopped(void *arg, const struct err *err)
{
	struct unit *u = arg;

	if (!err)
		journal_stopped(u->fleet->opt.store, u->row.name, u->row.bottle);
	if (!err && u->relaunch) {
		u->relaunch = false;
		u->is_listed = false;
		prepare(u);
		return;
	}
	u->relaunch = false;
	if (!err) {
		u->is_listed = false;
		fleet_lose_session(u);
	}
	end(u, err, "stopped");
}

static void on_drained(void *arg, const struct err *err)
{
	struct unit *u = arg;
	struct fleet *f = u->fleet;

	if (err)
		fleet_say(f, FLEET_WARN, "the last events of %s may be missing: %s", u->row.name,
		          err->msg);
	note(u, xstrdup(u->relaunch ? "tearing down" : "stopping"));
	f->opt.ops->stop(f->opt.backend, u->row.name, on_stopped, u);
}

static void stop(struct unit *u)
{
	struct fleet *f = u->fleet;
	const struct follow_request req = { .session = u->row.name,
		                            .released_ns = u->released_ns,
		                            .taker = &f->taker };

	fleet_unfollow(u);
	fleet_drop_terminals(u, !u->relaunch);
	u->op = OP_STOPPING;
	if (f->opt.store && f->opt.ops->drain && u->is_listed) {
		note(u, xstrdup("ending the agent, reading the last of its logs"));
		f->opt.ops->drain(f->opt.backend, &req, on_drained, u);
	} else {
		on_drained(u, NULL);
	}
	fleet_build_rows(f);
}

void fleet_stop(struct fleet *f, const char *session)
{
	struct unit *u = fleet_unit(f, session);

	if (!u)
		return;
	if (u->op != OP_NONE) {
		fleet_cancel(f, session);
		return;
	}
	/* "stop" of what failed and left nothing forgets the failure */
	free(u->failure);
	u->failure = NULL;
	u->relaunch = false;
	stop(u);
}

int fleet_relaunch(struct fleet *f, const char *session, char **secrets, struct err *err)
{
	struct unit *u = fleet_unit(f, session);
	struct answers unused = { .v = secrets, .n = strv_len(secrets) };
	const struct agent_spec *a = u ? manifest_usable_agent(f->manifest, u->row.agent, err)
	                               : NULL;
	const char *dashes = strstr(session, "--");

	if (u && u->op != OP_NONE)
		err_set(err, ERR_FAILED, "%s is busy: %s", session,
		        u->row.note ? u->row.note : "wait a moment");
	if (!u || !a || u->op != OP_NONE) {
		answers_done(&unused);
		return u ? -1 : err_set(err, ERR_FAILED, "there is no session \"%s\"", session);
	}
	if (begin(u, a, dashes ? dashes + 2 : NULL, secrets, err) < 0)
		return -1;
	u->relaunch = true;
	stop(u);
	return 0;
}

void fleet_cancel(struct fleet *f, const char *session)
{
	struct unit *u = fleet_unit(f, session);

	if (!u || u->op == OP_NONE || u->was_cancelled)
		return;
	if (u->op == OP_STOPPING) {
		u->relaunch = false;
		return;
	}
	u->was_cancelled = true;
	note(u, xstrdup("undoing"));
	if (u->op == OP_LAUNCHING && u->job)
		f->opt.ops->cancel(u->job);
}

size_t fleet_n_busy(const struct fleet *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_units; i++)
		n += f->units[i]->op != OP_NONE;
	return n;
}
