/* Pushes of the fleet's sessions: reading what the gate recorded, and deciding. */
#include <stdlib.h>
#include <string.h>

#include "core/fleet_int.h"
#include "core/mem.h"
#include "core/push.h"

struct backend_job *fleet_read_push(struct fleet *f, const char *session, const char *id,
                                    backend_push_fn *fn, void *arg)
{
	return f->opt.ops->push_read(f->opt.backend, session, id, fn, arg);
}

void fleet_give_up(struct fleet *f, struct backend_job *job)
{
	if (job)
		f->opt.ops->cancel(job);
}

/* --- decisions -------------------------------------------------------------------------- */

struct push_choice {
	struct push_choice *next;	/* fleet->push_choices */
	struct fleet *fleet;
	char *session, *refs;
	enum push_action action;
	backend_push_fn *fn;
	void *arg;
};

static void choice_free(struct push_choice *c)
{
	struct push_choice **at = &c->fleet->push_choices;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	free(c->session);
	free(c->refs);
	free(c);
}

void fleet_drop_push_choices(struct fleet *f)
{
	while (f->push_choices)
		choice_free(f->push_choices);
}

static void on_decided(void *arg, struct push *p, const struct err *err)
{
	static const char *const words[] = {
		[PUSH_APPROVE] = "was approved",
		[PUSH_REJECT] = "was rejected",
		[PUSH_ACCEPT_FINDING] = "may come again: its finding passes once",
	};
	struct push_choice *c = arg;

	if (err)
		fleet_say(c->fleet, FLEET_ERROR, "%s: push of %s: %s", c->session, c->refs,
		          err->msg);
	else if (c->action == PUSH_APPROVE && p->state != PUSH_ACCEPTED)
		fleet_say(c->fleet, FLEET_WARN, "%s: push of %s was approved, and is %s: %s",
		          c->session, c->refs, push_state_name(p->state),
		          p->reason ? p->reason : "the gate gave no reason");
	else
		fleet_say(c->fleet, FLEET_INFO, "%s: push of %s %s%s", c->session, c->refs,
		          words[c->action],
		          c->action == PUSH_APPROVE ? " and reached the upstream" : "");
	if (c->fn)
		c->fn(c->arg, p, err);
	choice_free(c);
}

void fleet_decide_push(struct fleet *f, const struct push *p, const struct push_decision *d,
                       backend_push_fn *fn, void *arg)
{
	struct push_choice *c = xcalloc(1, sizeof *c);
	CLEANUP_FREE char *you = push_operator();
	const char **ids = xcalloc(p->n_refs + 1, sizeof *ids);
	struct push_decision full = *d;
	struct buf refs = BUF_INIT(1024);

	push_refs_text(&refs, p);
	*c = (struct push_choice){ .next = f->push_choices,
		                   .fleet = f,
		                   .session = xstrdup(d->session),
		                   .refs = xstrdup(buf_str(&refs)),
		                   .action = d->action,
		                   .fn = fn,
		                   .arg = arg };
	f->push_choices = c;
	buf_done(&refs);
	/* what the person saw, and nothing else */
	for (size_t i = 0; i < p->n_refs; i++)
		ids[i] = p->refs[i].new;
	full.id = p->id;
	full.new_ids = ids;
	full.n_new_ids = p->n_refs;
	full.by = you;
	fleet_say(f, FLEET_INFO, "%s: telling the gate...", d->session);
	f->opt.ops->push_decide(f->opt.backend, &full, on_decided, c);
	free(ids);
}
