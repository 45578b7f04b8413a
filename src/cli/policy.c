#include "cli/policy.h"

#include <stdlib.h>
#include <time.h>

#include "core/event.h"
#include "core/mem.h"
#include "core/store.h"

struct policy_wait {
	struct policy *policy;
	struct err err;
	bool is_done;
};

static void on_policy(void *arg, struct policy *policy, const struct err *err)
{
	struct policy_wait *w = arg;

	w->policy = policy;
	if (err)
		w->err = *err;
	w->is_done = true;
}

int cli_policy(struct cli *c, const char *session, struct policy **out, struct err *err)
{
	struct policy_wait w = { 0 };

	if (cli_backend(c, err) < 0)
		return -1;
	c->ops->policy(c->backend, session, on_policy, &w);
	if (cli_wait(c, &w.is_done, err) < 0)
		return -1;
	if (!w.policy) {
		*err = w.err;
		return -1;
	}
	*out = w.policy;
	return 0;
}

static void keep(struct cli *c, const char *session, const char *bottle,
                 const struct policy_change *change, const struct err *refused)
{
	struct store *st = cli_store(c);
	struct err err = { 0 };
	struct timespec now;
	struct event e;

	if (!st)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	policy_event(&e, session, bottle, change, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec,
	             refused);
	store_add_event(st, &e, NULL);
	if (store_flush(st, &err) < 0)
		cli_say("claude-bottle: the decision is not in the record: %s", err.msg);
	event_done(&e);
}

void cli_policy_saved(struct cli *c, const char *session, const char *bottle, const char *host,
                      const char *why)
{
	CLEANUP_FREE char *by = policy_by();
	const struct policy_change change = {
		.verb = POLICY_ALLOW, .host = host, .is_saved = true, .by = by, .why = why
	};

	keep(c, session, bottle, &change, NULL);
}

/* One that is in force, or that was refused. What never was a decision (no such session,
 * no engine) is none. */
static void publish(struct cli *c, const struct cli_change *ch)
{
	if (ch->policy)
		keep(c, ch->session, ch->policy->bottle, &ch->change, NULL);
	else if (ch->err.kind == ERR_POLICY)
		keep(c, ch->session, NULL, &ch->change, &ch->err);
}

static void on_changed(void *arg, struct policy *policy, const struct err *err)
{
	struct cli_change *ch = arg;

	ch->policy = policy;
	if (err)
		ch->err = *err;
	ch->is_done = true;
}

void cli_change_start(struct cli *c, struct cli_change *ch)
{
	ch->by = policy_by();
	ch->change.by = ch->by;
	c->ops->policy_change(c->backend, ch->session, &ch->change, on_changed, ch);
}

int cli_change_wait(struct cli *c, struct cli_change *ch, struct err *err)
{
	if (cli_wait(c, &ch->is_done, err) < 0)
		return -1;
	publish(c, ch);
	free(ch->by);
	ch->by = NULL;
	if (!ch->policy) {
		*err = ch->err;
		return -1;
	}
	return 0;
}
