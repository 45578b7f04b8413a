/* Live policy of the fleet's sessions: what is in force, and changes to it. */
#include <stdlib.h>
#include <string.h>

#include "core/fleet_int.h"
#include "core/mem.h"
#include "core/policy.h"

/* A change under way. */
struct change {
	struct unit *unit;
	struct change *next;	/* unit->changes */
	enum policy_verb verb;
	char *host, *by, *why;
	int64_t seconds;
	bool cuts;
};

static void change_free(struct change *c)
{
	struct change **at = &c->unit->changes;

	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	free(c->host);
	free(c->by);
	free(c->why);
	free(c);
}

void fleet_drop_policy(struct unit *u)
{
	while (u->changes)
		change_free(u->changes);
	policy_free(u->policy);
	u->policy = NULL;
}

/* --- what is in force ------------------------------------------------------------------- */

static void take(struct unit *u, struct policy *p)
{
	policy_free(u->policy);
	u->policy = p;
	u->policy_at_ns = fleet_clock_ns();
	u->row.is_frozen = p->is_frozen;
	fleet_mark(u->fleet, FLEET_ROWS);
}

static void on_policy(void *arg, struct policy *p, const struct err *err)
{
	struct unit *u = arg;

	u->is_asking_policy = false;
	free(u->policy_error);
	u->policy_error = err ? xstrdup(err->msg) : NULL;
	if (p)
		take(u, p);
	fleet_mark(u->fleet, FLEET_ROWS);
}

void fleet_ask_policy(struct fleet *f, const char *session)
{
	struct unit *u = fleet_unit(f, session);

	if (!u || u->is_asking_policy || u->row.state != SESSION_RUNNING || !f->opt.ops->policy)
		return;
	u->is_asking_policy = true;
	f->opt.ops->policy(f->opt.backend, session, on_policy, u);
}

const struct policy *fleet_policy(const struct fleet *f, const char *session)
{
	for (size_t i = 0; i < f->n_units; i++)
		if (strcmp(f->units[i]->row.name, session) == 0)
			return f->units[i]->policy;
	return NULL;
}

const char *fleet_policy_error(const struct fleet *f, const char *session)
{
	for (size_t i = 0; i < f->n_units; i++)
		if (strcmp(f->units[i]->row.name, session) == 0)
			return f->units[i]->policy_error;
	return NULL;
}

bool fleet_is_changing(const struct fleet *f, const char *session)
{
	for (size_t i = 0; i < f->n_units; i++)
		if (strcmp(f->units[i]->row.name, session) == 0)
			return f->units[i]->changes != NULL;
	return false;
}

int64_t fleet_allowed_until(const struct fleet *f, const char *session, const char **host)
{
	const struct policy *p = fleet_policy(f, session);
	int64_t now = fleet_clock_ns() / 1000000000, soonest = 0;

	for (size_t i = 0; p && i < p->n_entries; i++) {
		const struct policy_entry *e = &p->entries[i];

		if (e->is_denied || e->until <= now || (soonest && e->until >= soonest))
			continue;
		soonest = e->until;
		*host = e->host;
	}
	return soonest;
}

/* The first time, and when something in it has ended since. */
void fleet_refresh_policy(struct unit *u)
{
	int64_t now = fleet_clock_ns() / 1000000000;
	bool is_due = !u->policy && !u->policy_error;

	for (size_t i = 0; u->policy && i < u->policy->n_entries; i++) {
		int64_t until = u->policy->entries[i].until;

		is_due = is_due || (until && until < now && u->policy_at_ns / 1000000000 <= until);
	}
	if (is_due && u->released_ns)
		fleet_ask_policy(u->fleet, u->row.name);
}

/* --- changes ----------------------------------------------------------------------------- */

static void say_done(const struct change *c)
{
	struct fleet *f = c->unit->fleet;
	const char *name = c->unit->row.name;
	char how_long[16];

	policy_duration_text(how_long, c->seconds);
	switch (c->verb) {
	case POLICY_ALLOW:
		if (c->seconds)
			fleet_say(f, FLEET_INFO, "%s may reach %s for %s: pipelock confirmed it",
			          name, c->host, how_long);
		else
			fleet_say(f, FLEET_INFO,
			          "%s may reach %s while the session lives: pipelock confirmed it",
			          name, c->host);
		break;
	case POLICY_REVOKE:
		fleet_say(f, FLEET_INFO, "%s may not reach %s any more: pipelock confirmed it%s",
		          name, c->host, c->cuts ? ", and its tunnels were cut" : "");
		break;
	case POLICY_FREEZE:
		fleet_say(f, FLEET_INFO, "%s is frozen: paused, and everything is refused", name);
		break;
	case POLICY_THAW:
		fleet_say(f, FLEET_INFO, "%s goes on", name);
		break;
	}
}

static void on_changed(void *arg, struct policy *p, const struct err *err)
{
	struct change *c = arg;
	struct unit *u = c->unit;
	const struct policy_change change = { .verb = c->verb,
		                              .host = c->host,
		                              .seconds = c->seconds,
		                              .cuts = c->cuts,
		                              .by = c->by,
		                              .why = c->why };
	struct event ev;

	policy_event(&ev, u->row.name, u->row.bottle, &change, fleet_clock_ns(), err);
	fleet_add_event(u->fleet, &ev);
	event_done(&ev);
	if (err) {
		fleet_say(u->fleet, FLEET_ERROR, "%s: nothing changed: %s", u->row.name, err->msg);
	} else {
		take(u, p);
		say_done(c);
	}
	change_free(c);
	fleet_build_rows(u->fleet);
}

void fleet_change_policy(struct fleet *f, const char *session, const struct policy_change *change)
{
	struct unit *u = fleet_unit(f, session);
	struct change *c;

	if (!u || u->row.state != SESSION_RUNNING) {
		fleet_say(f, FLEET_WARN, "%s does not run: it has no policy to change", session);
		return;
	}
	c = xcalloc(1, sizeof *c);
	*c = (struct change){ .unit = u,
		              .next = u->changes,
		              .verb = change->verb,
		              .host = xstrdup_or_null(change->host),
		              .by = change->by ? xstrdup(change->by) : policy_by(),
		              .why = xstrdup_or_null(change->why),
		              .seconds = change->seconds,
		              .cuts = change->cuts };
	u->changes = c;
	if (c->host)
		fleet_say(f, FLEET_INFO, "%s: %s %s, waiting for pipelock to confirm...", session,
		          c->verb == POLICY_ALLOW ? "allowing" : "revoking", c->host);
	else
		fleet_say(f, FLEET_INFO, "%s: %s...", session,
		          c->verb == POLICY_FREEZE ? "freezing" : "thawing");
	f->opt.ops->policy_change(f->opt.backend, session,
	                          &(struct policy_change){ .verb = c->verb,
	                                                   .host = c->host,
	                                                   .seconds = c->seconds,
	                                                   .cuts = c->cuts,
	                                                   .by = c->by,
	                                                   .why = c->why },
	                          on_changed, c);
	fleet_build_rows(f);
}

void fleet_saved_host(struct fleet *f, const char *session, const char *host)
{
	const struct unit *u = fleet_unit(f, session);
	CLEANUP_FREE char *by = policy_by();
	const struct policy_change change = { .verb = POLICY_ALLOW,
		                              .host = host,
		                              .is_saved = true,
		                              .by = by };
	struct event ev;

	policy_event(&ev, session, u && *u->row.bottle ? u->row.bottle : NULL, &change,
	             fleet_clock_ns(), NULL);
	fleet_add_event(f, &ev);
	event_done(&ev);
}

/* --- why ----------------------------------------------------------------------------------- */

struct question {
	struct question *next;	/* fleet->questions */
	struct fleet *fleet;
	fleet_why_fn *fn;
	void *arg;
};

static void question_free(struct question *q)
{
	struct question **at = &q->fleet->questions;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	free(q);
}

void fleet_drop_questions(struct fleet *f)
{
	while (f->questions)
		question_free(f->questions);
}

static void on_why(void *arg, const struct policy_answer *answer, const struct err *err)
{
	struct question *q = arg;

	q->fn(q->arg, answer, err);
	question_free(q);
}

void fleet_why(struct fleet *f, const char *session, const char *url, fleet_why_fn *fn, void *arg)
{
	struct question *q = xcalloc(1, sizeof *q);

	*q = (struct question){ .next = f->questions, .fleet = f, .fn = fn, .arg = arg };
	f->questions = q;
	f->opt.ops->why(f->opt.backend, session, url, on_why, q);
}
