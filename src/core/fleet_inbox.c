/* What waits for a person, of the whole fleet. */
#include <string.h>

#include "core/fleet_int.h"
#include "core/mem.h"

void fleet_count_waiting(struct fleet *f, const char *session)
{
	struct unit *u = *session ? fleet_unit_make(f, session) : NULL;

	if (u) {
		inbox_set_life(f->inbox, session, u->life);
		u->row.n_attention = inbox_n_of(f->inbox, session);
	}
	fleet_mark(f, FLEET_EVENTS | FLEET_ROWS);
}

static enum inbox_life life_of(const struct unit *u)
{
	if (u->op != OP_NONE || u->relaunch)
		return INBOX_LIVE;
	if (!u->is_listed)
		return INBOX_GONE;
	return u->row.state == SESSION_STOPPED || u->row.state == SESSION_FAILED ? INBOX_ENDED
	                                                                         : INBOX_LIVE;
}

void fleet_see_ends(struct fleet *f)
{
	for (size_t i = 0; i < f->n_units; i++) {
		struct unit *u = f->units[i];

		u->life = life_of(u);
		if (inbox_set_life(f->inbox, u->row.name, u->life))
			fleet_count_waiting(f, u->row.name);
	}
}

void fleet_ask(struct unit *u, enum inbox_kind kind, const char *text, int64_t since_ns)
{
	if (inbox_state(u->fleet->inbox, kind, u->row.name, text, since_ns))
		fleet_count_waiting(u->fleet, u->row.name);
}

void fleet_wait(struct unit *u, const char *text)
{
	u->is_waiting = text != NULL;
	fleet_ask(u, INBOX_AGENT, text, fleet_clock_ns());
	fleet_build_rows(u->fleet);
}

const struct inbox *fleet_inbox(const struct fleet *f)
{
	return f->inbox;
}

bool fleet_is_waiting(const struct fleet *f, size_t i)
{
	const struct event *e = fleet_event(f, i);

	return e && inbox_is_waiting(f->inbox, e);
}

unsigned fleet_n_waiting(const struct fleet *f)
{
	return (unsigned)inbox_n_waiting(f->inbox);
}

void fleet_dismiss(struct fleet *f, uint64_t seq)
{
	const struct event *e = fleet_event(f, fleet_find_event(f, seq));

	if (e && inbox_dismiss_event(f->inbox, e, fleet_clock_ns()) && e->session) {
		fleet_dismiss_stored(f, e->session);
		fleet_count_waiting(f, e->session);
	}
}

void fleet_dismiss_item(struct fleet *f, uint64_t id, const char *why)
{
	const struct inbox_item *it = inbox_find(f->inbox, id);
	CLEANUP_FREE char *session = it ? xstrdup(it->session) : NULL;

	f->why = why;
	if (it && inbox_dismiss(f->inbox, id, fleet_clock_ns())) {
		fleet_dismiss_stored(f, session);
		fleet_count_waiting(f, session);
	}
	f->why = NULL;
}
