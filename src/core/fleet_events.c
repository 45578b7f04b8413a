/* The fleet's events: a bounded ring, fed by following every session's logs. */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/fleet_int.h"
#include "core/logread.h"
#include "core/mem.h"

#define SETTLE_MAX  32
#define SET_BACK_NS 1000000000ll
#define MINUTE_NS   60000000000ll

static struct kept_event *at(const struct fleet *f, size_t i)
{
	return &f->events[(f->first_event + i) % f->cap_events];
}

static void count_blocked(struct fleet *f, const struct event *ev, unsigned times)
{
	int64_t minute = ev->ts_ns / MINUTE_NS;
	struct blocked_minute *of;

	if (ev->verdict != EVENT_BLOCK || ev->is_probe || minute < 0 ||
	    (ev->kind != EVENT_EGRESS_BLOCKED && ev->kind != EVENT_EGRESS_DLP &&
	     ev->kind != EVENT_EGRESS_DNS))
		return;
	of = &f->blocked[minute % FLEET_BLOCKED_MINUTES];
	if (of->minute < minute)
		*of = (struct blocked_minute){ .minute = minute };
	if (of->minute == minute)
		of->n += times;
}

unsigned fleet_n_blocked(const struct fleet *f, bool *is_more)
{
	int64_t before_ns = fleet_clock_ns() - FLEET_BLOCKED_MINUTES * MINUTE_NS;
	unsigned n = 0;

	for (int i = 0; i < FLEET_BLOCKED_MINUTES; i++)
		if (f->blocked[i].minute > before_ns / MINUTE_NS)
			n += f->blocked[i].n;
	*is_more = f->known_from_ns > before_ns;
	return n;
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
		f->n_pending -= k->ticket != 0;
		event_done(&k->event);
		f->first_event = (f->first_event + 1) % f->cap_events;
		f->n_events--;
	}
	return at(f, f->n_events++);
}

/* The logs of several members and sessions each have their order: together they are
 * put in the order of time. What is a little late goes to its place at once; when a
 * whole log comes after others, all is sorted before anybody looks. */
static void settle_last(struct fleet *f)
{
	size_t i = f->n_events - 1, end = i > SETTLE_MAX ? i - SETTLE_MAX : 0;

	for (; i > end && at(f, i - 1)->order_ns > at(f, i)->order_ns; i--) {
		struct kept_event k = *at(f, i);

		*at(f, i) = *at(f, i - 1);
		*at(f, i - 1) = k;
	}
	if (i > 0 && at(f, i - 1)->order_ns > at(f, i)->order_ns)
		f->is_unsorted = true;
}

static int by_time(const void *a, const void *b)
{
	const struct kept_event *x = a, *y = b;

	if (x->order_ns != y->order_ns)
		return x->order_ns < y->order_ns ? -1 : 1;
	return x->seq < y->seq ? -1 : 1;
}

void fleet_sort_events(struct fleet *f)
{
	struct kept_event *v;

	if (!f->is_unsorted)
		return;
	f->is_unsorted = false;
	f->version++;
	v = xcalloc(f->cap_events, sizeof *v);
	for (size_t i = 0; i < f->n_events; i++)
		v[i] = *at(f, i);
	free(f->events);
	f->events = v;
	f->first_event = 0;
	qsort(v, f->n_events, sizeof *v, by_time);
}

/* The one that is shown already, if this is news of it. */
static struct kept_event *find_kept(struct fleet *f, const struct fleet_incoming *in)
{
	const struct event *ev = in->event;

	if (!f->opt.store)
		return find_fold(f, ev);
	/* mostly it is new, or was a moment ago */
	for (size_t i = f->n_events; i > 0 && (f->n_pending || ev->id <= f->last_id); i--) {
		struct kept_event *k = at(f, i - 1);

		if ((ev->id && k->event.id == ev->id) ||
		    (in->ticket && k->ticket == in->ticket))
			return k;
	}
	return NULL;
}

static void set_ticket(struct fleet *f, struct kept_event *k, uint64_t ticket)
{
	f->n_pending -= k->ticket != 0;
	f->n_pending += ticket != 0;
	k->ticket = ticket;
}

void fleet_keep_event(struct fleet *f, const struct fleet_incoming *in)
{
	struct kept_event *k = find_kept(f, in);
	const struct event *ev = in->event;
	uint64_t pending = f->opt.store && !ev->id ? in->ticket : 0, seq;
	unsigned grown = ev->count;

	f->version++;
	if (k) {
		grown = ev->count > k->event.count ? ev->count - k->event.count : 0;
		event_done(&k->event);
		event_copy(&k->event, ev);
		set_ticket(f, k, pending);
		seq = k->seq;
	} else {
		k = new_place(f);
		*k = (struct kept_event){ .seq = f->next_seq++, .order_ns = in->first_ns };
		event_copy(&k->event, ev);
		set_ticket(f, k, pending);
		seq = k->seq;
		settle_last(f);
	}
	count_blocked(f, ev, grown);
	if (in->may_ask && inbox_event(f->inbox, ev, seq, grown) && ev->session)
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
		.keep_following = !f->opt.is_glance,
		.taker = f->opt.store ? &f->taker : NULL,
	};

	/* an engine that was asked for what is younger than then would give nothing of
	 * what comes under a clock that was set back */
	if (u->follow && u->follow_clock_ns - logread_clock() > SET_BACK_NS)
		fleet_unfollow(u);
	if (u->follow || !u->released_ns)
		return;
	u->follow_clock_ns = logread_clock();
	u->follow = f->opt.ops->follow(f->opt.backend, &req, on_event, on_end, u);
}

void fleet_unfollow(struct unit *u)
{
	if (u->follow)
		u->fleet->opt.ops->cancel(u->follow);
	u->follow = NULL;
}

/* --- reading --------------------------------------------------------------------------- */

uint64_t fleet_events_version(const struct fleet *f)
{
	return f->version;
}

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
	size_t i = 0;

	while (i < f->n_events && at(f, i)->seq != seq)
		i++;
	return i;
}
