/* The fleet's events: a bounded ring, fed by following every session's logs. */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/fleet_int.h"
#include "core/mem.h"

static struct kept_event *at(const struct fleet *f, size_t i)
{
	return &f->events[(f->first_event + i) % f->cap_events];
}

static void count(struct fleet *f, const struct kept_event *k, int by)
{
	struct unit *u = k->event.session ? fleet_unit(f, k->event.session) : NULL;

	if (!u)
		return;
	if (k->event.verdict == EVENT_BLOCK && !k->event.is_probe)
		u->row.n_blocked += (unsigned)by;
}

/* The event that this one brings up to date, if it is a repeat. */
static struct kept_event *find_fold(struct fleet *f, const struct event *ev)
{
	size_t n = f->n_events < FLEET_FOLD_WINDOW ? f->n_events : FLEET_FOLD_WINDOW;

	if (!ev->fold || ev->count < 2)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct kept_event *k = at(f, f->n_events - 1 - i);

		if (k->event.fold == ev->fold && k->event.source == ev->source &&
		    k->event.session && ev->session && strcmp(k->event.session, ev->session) == 0)
			return k;
	}
	return NULL;
}

static struct kept_event *new_place(struct fleet *f)
{
	struct kept_event *k;

	if (f->n_events == f->cap_events && f->cap_events < FLEET_EVENTS_MAX) {
		size_t cap = f->cap_events ? f->cap_events * 2 : 256;
		struct kept_event *v;

		if (cap > FLEET_EVENTS_MAX)
			cap = FLEET_EVENTS_MAX;
		v = xcalloc(cap, sizeof *v);
		for (size_t i = 0; i < f->n_events; i++)
			v[i] = *at(f, i);
		free(f->events);
		f->events = v;
		f->first_event = 0;
		f->cap_events = cap;
	}
	if (f->n_events == f->cap_events) {
		k = at(f, 0);
		count(f, k, -1);
		event_done(&k->event);
		f->first_event = (f->first_event + 1) % f->cap_events;
		f->n_events--;
	}
	return at(f, f->n_events++);
}

void fleet_add_event(struct fleet *f, const struct event *ev)
{
	struct kept_event *k = find_fold(f, ev);
	unsigned grown = ev->count;

	if (k) {
		grown = ev->count > k->event.count ? ev->count - k->event.count : 0;
		event_done(&k->event);
		event_copy(&k->event, ev);
	} else {
		k = new_place(f);
		*k = (struct kept_event){ .seq = f->next_seq++ };
		event_copy(&k->event, ev);
		count(f, k, 1);
	}
	if (inbox_event(f->inbox, ev, k->seq, grown) && ev->session)
		fleet_count_waiting(f, ev->session);
	fleet_mark(f, FLEET_EVENTS | FLEET_ROWS);
}

void fleet_forget_events(struct fleet *f)
{
	for (size_t i = 0; i < f->n_events; i++)
		event_done(&at(f, i)->event);
	free(f->events);
	f->events = NULL;
	f->n_events = f->cap_events = 0;
}

/* --- following ---------------------------------------------------------------------- */

static bool on_event(void *arg, const struct event *ev)
{
	struct unit *u = arg;

	if (ev->ts_ns > u->last_event_ns)
		u->last_event_ns = ev->ts_ns;
	fleet_add_event(u->fleet, ev);
	return true;
}

static void on_end(void *arg, const struct err *err)
{
	struct unit *u = arg;

	(void)err;	/* the next refresh follows again if there is something to follow */
	u->follow = NULL;
}

void fleet_follow(struct unit *u)
{
	struct fleet *f = u->fleet;
	const struct follow_request req = {
		.session = u->row.name,
		.since_ns = u->last_event_ns ? u->last_event_ns + 1 : 0,
		.released_ns = u->released_ns,
		.keep_following = true,
	};

	if (!u->follow && u->released_ns)
		u->follow = f->opt.ops->follow(f->opt.backend, &req, on_event, on_end, u);
}

void fleet_unfollow(struct unit *u)
{
	if (u->follow)
		u->fleet->opt.ops->cancel(u->follow);
	u->follow = NULL;
}

/* --- reading --------------------------------------------------------------------------- */

size_t fleet_n_events(const struct fleet *f)
{
	return f->n_events;
}

const struct event *fleet_event(const struct fleet *f, size_t i)
{
	return i < f->n_events ? &at(f, i)->event : NULL;
}

uint64_t fleet_event_seq(const struct fleet *f, size_t i)
{
	return i < f->n_events ? at(f, i)->seq : 0;
}

size_t fleet_find_event(const struct fleet *f, uint64_t seq)
{
	size_t lo = 0, hi = f->n_events;

	/* seqs only grow */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (at(f, mid)->seq < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->n_events && at(f, lo)->seq == seq ? lo : f->n_events;
}
