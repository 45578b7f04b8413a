#include "cli/policy.h"

#include <stdlib.h>
#include <time.h>

#include "core/event.h"
#include "core/mem.h"

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
	CLEANUP_FREE char *by = policy_by();

	ch->cli = c;
	ch->change.by = by;
	c->ops->policy_change(c->backend, ch->session, &ch->change, on_changed, ch);
	ch->change.by = NULL;
}

int cli_change_wait(struct cli *c, struct cli_change *ch, struct err *err)
{
	if (cli_wait(c, &ch->is_done, err) < 0)
		return -1;
	if (!ch->policy) {
		*err = ch->err;
		return -1;
	}
	return 0;
}
