/* The fleet's rows: sessions and the manifest's agents, put together. */
#include <stdlib.h>
#include <string.h>

#include "core/fleet_int.h"
#include "core/mem.h"
#include "core/policy.h"

#define WORKING_NS 2000000000ll	/* output this young means that it works */
#define SILENT_NS  10000000000ll	/* it claims to, but was broken off: nothing moves */

struct unit *fleet_unit_make(struct fleet *f, const char *name)
{
	struct unit *u = fleet_unit(f, name);
	size_t len = strlen(name);

	if (u || len >= sizeof u->row.name)
		return u;
	u = xcalloc(1, sizeof *u);
	u->fleet = f;
	memcpy(u->row.name, name, len + 1);
	u->row.state = SESSION_STOPPED;
	u->row.exit_code = -1;
	u->life = f->was_listed ? INBOX_GONE : INBOX_LIVE;
	for (int i = 0; i < FLEET_TERMINALS; i++)
		u->terminals[i] = (struct terminal){
			.unit = u,
			.which = (enum fleet_terminal)i,
			.backlog = BUF_INIT(FLEET_BACKLOG_MAX),
			.seen = SEAM_SEEN_INIT(),
		};
	f->units = xreallocarray(f->units, f->n_units + 1, sizeof(struct unit *));
	f->units[f->n_units++] = u;
	return u;
}

static void set_text(char **to, const char *text)
{
	if (*to && text && strcmp(*to, text) == 0)
		return;
	free(*to);
	*to = xstrdup_or_null(text);
}

static void set_name(char to[FLEET_NAME_MAX], const char *from)
{
	size_t len = from ? strlen(from) : 0;

	if (len >= FLEET_NAME_MAX)
		len = FLEET_NAME_MAX - 1;
	if (len)
		memcpy(to, from, len);
	to[len] = '\0';
}

/* --- from the engine ----------------------------------------------------------------- */

static void forget_policy(struct unit *u)
{
	policy_free(u->policy);
	u->policy = NULL;
	free(u->policy_error);
	u->policy_error = NULL;
}

/* What the engine says that failed asks once, by when it began. */
static void take_failure(struct unit *u, const struct session *s)
{
	CLEANUP_FREE char *text = NULL;

	if (s->state != SESSION_FAILED) {
		if (u->row.state == SESSION_FAILED && !u->failure)
			fleet_ask(u, INBOX_LAUNCH, NULL, 0);
		return;
	}
	if (u->row.has_session && u->row.state == SESSION_FAILED)
		return;
	text = s->exit_code > 0 ? xasprintf("the agent ended with %d", s->exit_code)
	                        : xstrdup("a part of it is missing, or ended by itself");
	fleet_ask(u, INBOX_LAUNCH, text, s->created * 1000000000);
}

static void take_session(struct fleet *f, const struct session *s)
{
	struct unit *u = fleet_unit_make(f, s->name);

	if (!u)
		return;
	if (u->launch && strcmp(u->launch, s->launch) != 0) {
		/* another launch: nothing of the old one's goes on */
		fleet_unfollow(u);
		fleet_drop_terminals(u, false);
		u->last_event_ns = 0;
		fleet_forget_claim(u);
		u->n_asked = 0;
		set_text(&u->row.said, NULL);
		fleet_forget_dismissed(f, s->name, s->created);
		if (inbox_forget(f->inbox, s->name))
			fleet_count_waiting(f, s->name);
		forget_policy(u);
	}
	take_failure(u, s);
	if (s->exit_code >= 0 && (!u->launch || s->exit_code != u->row.exit_code))
		journal_exit(f->opt.store, s->name, s->bottle, s->launch, s->exit_code);
	set_text(&u->launch, s->launch);
	memcpy(u->color, s->color, sizeof u->color);
	set_name(u->row.agent, s->agent);
	set_name(u->row.bottle, s->bottle);
	u->is_listed = true;
	u->released_ns = s->released_ns;
	u->row.state = s->state;
	u->row.exit_code = s->exit_code;
	u->row.created = s->created;
	u->row.isolation = s->isolation;
	u->row.is_frozen = s->is_frozen;
	if (s->state == SESSION_RUNNING)
		set_text(&u->failure, NULL);
}

void fleet_lose_session(struct unit *u)
{
	fleet_unfollow(u);
	fleet_drop_terminals(u, true);
	u->row.state = SESSION_STOPPED;
	u->row.exit_code = -1;
	u->row.created = 0;
	if (u->op == OP_NONE)
		*u->color = '\0';
	u->row.is_frozen = false;
	fleet_forget_claim(u);
	u->n_asked = 0;
	forget_policy(u);
	if (!u->failure)
		fleet_ask(u, INBOX_LAUNCH, NULL, 0);
}

void fleet_take_list(struct fleet *f, const struct session_list *list)
{
	for (size_t i = 0; i < f->n_units; i++)
		f->units[i]->row.has_session = f->units[i]->is_listed;
	for (size_t i = 0; i < f->n_units; i++)
		f->units[i]->is_listed = false;
	for (size_t i = 0; i < list->n; i++)
		take_session(f, &list->v[i]);
	for (size_t i = 0; i < f->n_units; i++) {
		struct unit *u = f->units[i];

		if (u->row.has_session && !u->is_listed)
			fleet_lose_session(u);
	}
	fleet_see_ends(f);
	fleet_build_rows(f);
	for (size_t i = 0; i < f->n_units; i++) {
		if (!f->units[i]->is_listed || f->units[i]->op != OP_NONE)
			continue;
		fleet_follow(f->units[i]);
		if (f->units[i]->row.state == SESSION_RUNNING) {
			fleet_ask_claim(f->units[i]);
			if (f->opt.is_glance)
				continue;
			fleet_attach(f->units[i]);
			fleet_refresh_policy(f->units[i]);
		}
	}
}

/* --- rows ------------------------------------------------------------------------------- */

static enum fleet_activity activity(const struct unit *u)
{
	const int64_t window = u->claim.state == CLAIM_WORKING ? SILENT_NS : WORKING_NS;

	if (!u->is_listed || u->row.state != SESSION_RUNNING)
		return ACTIVITY_UNKNOWN;
	if (u->is_waiting)
		return ACTIVITY_WAITS;
	if (!u->last_output_ns)
		return ACTIVITY_UNKNOWN;
	return fleet_clock_ns() - u->last_output_ns < window ? ACTIVITY_WORKING : ACTIVITY_IDLE;
}

static const char *first_fault(const struct agent_spec *a)
{
	for (size_t i = 0; i < a->where.faults.n; i++)
		if (!a->where.faults.v[i].is_warning)
			return a->where.faults.v[i].text;
	return "broken in the manifest";
}

static void describe(struct unit *u, const struct agent_spec *a)
{
	struct fleet_row *r = &u->row;
	enum fleet_activity now;

	r->has_session = u->is_listed;
	r->is_unknown = !u->fleet->was_listed;
	r->is_broken = a && a->where.is_broken;
	r->is_untrusted = a && !a->where.is_trusted;
	r->color = *u->color ? u->color : a ? a->color : NULL;
	if (u->op == OP_STOPPING)
		r->state = SESSION_STOPPING;
	else if (u->op != OP_NONE)
		r->state = SESSION_STARTING;
	else if (!u->is_listed)
		r->state = u->failure ? SESSION_FAILED : SESSION_STOPPED;
	if (u->op == OP_LAUNCHING || u->op == OP_PREPARING || u->op == OP_STOPPING)
		;	/* fleet_ops keeps the note */
	else if (u->failure)
		set_text(&r->note, u->failure);
	else if (r->is_broken && !u->is_listed)
		set_text(&r->note, first_fault(a));
	else if (r->is_untrusted && !u->is_listed)
		set_text(&r->note, "not trusted yet: run \"claude-bottle trust\" in its folder");
	else
		set_text(&r->note, NULL);
	now = activity(u);
	if (now != r->activity) {
		r->activity = now;
		r->activity_since_ns = now == ACTIVITY_WAITS && claim_is_waiting(&u->claim)
		                               ? u->claim.since_ns
		                               : fleet_clock_ns();
	}
}

static int by_bottle(const void *a, const void *b)
{
	const struct fleet_row *x = &(*(struct unit *const *)a)->row;
	const struct fleet_row *y = &(*(struct unit *const *)b)->row;
	int c = strcmp(x->bottle, y->bottle);

	return c ? c : strcmp(x->name, y->name);
}

static bool has_row(const struct fleet *f, const struct unit *u)
{
	for (size_t i = 0; i < f->n_rows; i++)
		if (f->rows[i] == u)
			return true;
	return false;
}

static void add_row(struct fleet *f, struct unit *u, const struct agent_spec *a)
{
	if (!u || has_row(f, u))
		return;
	describe(u, a);
	f->rows = xreallocarray(f->rows, f->n_rows + 1, sizeof(struct unit *));
	f->rows[f->n_rows++] = u;
}

void fleet_build_rows(struct fleet *f)
{
	f->n_rows = 0;
	for (size_t i = 0; i < f->manifest->n_agents; i++) {
		const struct agent_spec *a = &f->manifest->agents[i];
		struct unit *u = fleet_unit_make(f, a->name);

		/* of two with one name the user's counts; see manifest_agent() */
		if (!u || manifest_agent(f->manifest, a->name) != a)
			continue;
		if (!u->is_listed) {
			set_name(u->row.agent, a->name);
			set_name(u->row.bottle, a->bottle_name);
		}
		add_row(f, u, a);
	}
	for (size_t i = 0; i < f->n_units; i++) {
		struct unit *u = f->units[i];

		if (u->is_listed || u->op != OP_NONE || u->failure)
			add_row(f, u, manifest_agent(f->manifest, u->row.agent));
	}
	if (f->n_rows)
		qsort(f->rows, f->n_rows, sizeof(struct unit *), by_bottle);
	fleet_mark(f, FLEET_ROWS);
}
