/* The fleet's memory: what the store knows from before, what it tells meanwhile, and
 * what goes into it.
 *
 * With a store an event is shown when the store has it, under its id, so that what two
 * programs read, or what is read again, is shown once. What cannot be stored for now is
 * shown all the same. */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/fleet_int.h"
#include "core/mem.h"
#include "core/policy.h"
#include "core/stamp.h"
#include "core/store.h"

#define HISTORY 2000 /* events that a dashboard begins with */
#define WAITING 1000
#define LOAD_MS 15            /* a screen is drawn in the meantime */
#define NEWER 2000            /* of other programs, in one look */
#define DISMISSED "dismissed" /* the notes' space; names are SESSION\nQUESTION */

/* --- from the store --------------------------------------------------------------------- */

/* Does the inbox hear of it? What was dismissed asks no more. */
static bool may_ask(const struct store_row *row)
{
	return row->is_waiting || !event_needs_attention(&row->event);
}

static void take_row(struct fleet *f, const struct store_row *row, uint64_t ticket)
{
	const struct fleet_incoming in = { .event = &row->event,
		                           .first_ns = row->first_ns,
		                           .ticket = ticket,
		                           .may_ask = may_ask(row) };

	fleet_keep_event(f, &in);
	if (row->event.id > f->last_id)
		f->last_id = row->event.id;
}

static void on_stored(void *arg, const struct stored *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		take_row(arg, v[i].row, v[i].ticket);
}

static void on_message(void *arg, const char *text)
{
	fleet_say(arg, FLEET_WARN, "%s", text);
}

/* --- the beginning --------------------------------------------------------------------------- */

/* The session of a note's name, to be freed, and its question; NULL: it is none of ours. */
static char *parse_note(const char *name, const char **question)
{
	const char *end = strchr(name, '\n');

	if (!end)
		return NULL;
	*question = end + 1;
	return xstrndup(name, (size_t)(end - name));
}

static void on_others_note(void *arg, const char *name, const char *value)
{
	struct fleet *f = arg;
	const char *question;
	CLEANUP_FREE char *session = parse_note(name, &question);

	if (session && inbox_heed(f->inbox, session, question, strtoll(value, NULL, 10)))
		fleet_count_waiting(f, session);
}

void fleet_keep_dismissal(void *arg, const struct inbox_dismissal *d)
{
	struct fleet *f = arg;
	const char *session = d->item->session;
	const struct unit *u = fleet_unit(f, session);
	CLEANUP_FREE char *name = xasprintf("%s\n%s", session, d->question);
	CLEANUP_FREE char *by = policy_by();
	struct event ev;

	inbox_event_of(&ev, d->item, u && *u->row.bottle ? u->row.bottle : NULL, by, f->why,
	               fleet_clock_ns());
	if (f->opt.store)
		store_decide(f->opt.store, &(struct store_decision){ .space = DISMISSED,
		                                                     .name = name,
		                                                     .until_ns = d->until_ns,
		                                                     .since_ns = d->item->last_ns,
		                                                     .event = &ev });
	else
		fleet_add_event(f, &ev);
	event_done(&ev);
}

/* Notes of a session whose launch is over. */
struct forgetting {
	struct fleet *fleet;
	const char *session;
	int64_t since_ns;
};

/* When it was dismissed, of a note's value; 0: an earlier version did not say. */
static int64_t dismissed_at(const char *value)
{
	const char *at = strchr(value, ' ');

	return at ? strtoll(at, NULL, 10) : 0;
}

static void forget_note(void *arg, const char *name, const char *value)
{
	const struct forgetting *g = arg;
	size_t n = strlen(g->session);

	if (strncmp(name, g->session, n) == 0 && name[n] == '\n' &&
	    dismissed_at(value) < g->since_ns)
		store_note(g->fleet->opt.store, DISMISSED, name, NULL);
}

void fleet_forget_dismissed(struct fleet *f, const char *session, int64_t since)
{
	struct forgetting g = { f, session, since * NS_PER_S };
	struct err err = { 0 };

	if (f->opt.store)
		store_notes(f->opt.store, DISMISSED, forget_note, &g, &err);
}

/* When each session was last launched and removed, asked once. */
struct lives {
	struct fleet *fleet;
	struct {
		char *session;
		struct journal_life is;
	} * v;
	size_t n;
};

static struct journal_life life_of(struct lives *l, const char *session)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].session, session) == 0)
			return l->v[i].is;
	l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n].session = xstrdup(session);
	l->v[l->n].is = journal_life(l->fleet->opt.store, session);
	return l->v[l->n++].is;
}

static void lives_done(struct lives *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].session);
	free(l->v);
}

static bool is_over(struct lives *l, const struct store_row *row)
{
	struct journal_life is = life_of(l, row->event.session ? row->event.session : "");

	/* what failed to launch is settled by whoever removes what is left of it */
	return row->first_ns < is.launched_ns ||
	       (row->first_ns < is.stopped_ns && row->event.kind != EVENT_LOG_GAP);
}

/* What an earlier launch asked is over, for good; that an agent waits, it says itself
 * again. */
static void drop_old_questions(struct lives *l, struct store_page *p)
{
	uint64_t *over = xcalloc(p->n + 1, sizeof *over);
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct store_row *row = &p->v[i];

		if (!row->is_waiting)
			continue;
		if (is_over(l, row))
			over[n++] = row->event.id;
		else if (row->event.kind != EVENT_AGENT_NOTIFY)
			continue;
		row->is_waiting = false;
	}
	if (n)
		store_dismiss(l->fleet->opt.store, over, n);
	free(over);
}

/* What was dismissed, as the store has it: names and values in turn. */
struct notes {
	char **v;
	size_t n;
};

static void keep_note(void *arg, const char *name, const char *value)
{
	struct notes *notes = arg;

	strv_push(&notes->v, &notes->n, xstrdup(name));
	strv_push(&notes->v, &notes->n, xstrdup(value));
}

static void take_note(struct lives *l, const char *name, const char *value)
{
	struct fleet *f = l->fleet;
	const char *question = NULL;
	CLEANUP_FREE char *session = parse_note(name, &question);
	int64_t at_ns = dismissed_at(value);
	struct journal_life is;

	if (!session)
		return;
	is = life_of(l, session);
	if (at_ns && (at_ns < is.launched_ns || at_ns < is.stopped_ns))
		store_note(f->opt.store, DISMISSED, name, NULL);
	else
		inbox_remember(f->inbox, session, question, strtoll(value, NULL, 10));
}

static int take_notes(struct lives *l, struct err *err)
{
	struct notes notes = { 0 };
	int rc = store_notes(l->fleet->opt.store, DISMISSED, keep_note, &notes, err);

	for (size_t i = 0; rc == 0 && i < notes.n; i += 2)
		take_note(l, notes.v[i], notes.v[i + 1]);
	strv_free(notes.v);
	return rc;
}

static void take_page(struct lives *l, struct store_page *p, int64_t before_ns)
{
	struct fleet *f = l->fleet;

	drop_old_questions(l, p);
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].first_ns < before_ns) {
			/* it is counted with its session, which is not listed yet */
			if (p->v[i].event.session)
				fleet_unit_make(f, p->v[i].event.session);
			take_row(f, &p->v[i], 0);
		}
	store_page_done(p);
}

static void load(void *arg)
{
	const struct store_query newest = { .limit = HISTORY };
	const struct store_query waiting = { .only_waiting = true, .limit = WAITING };
	struct fleet *f = arg;
	struct store *st = f->opt.store;
	struct store_page old = { 0 }, page = { 0 };
	struct lives lives = { .fleet = f };
	struct err err = { 0 };

	f->is_loaded = true;
	if (take_notes(&lives, &err) < 0 || store_find(st, &newest, &page, &err) < 0 ||
	    store_find(st, &waiting, &old, &err) < 0) {
		fleet_say(f, FLEET_WARN, "%s", err.msg);
		store_page_done(&page);
		lives_done(&lives);
		return;
	}
	store_changed(st);
	if (page.has_more && page.n)
		f->known_from_ns = page.v[0].first_ns;
	take_page(&lives, &old, page.n ? page.v[0].first_ns : INT64_MIN);
	take_page(&lives, &page, INT64_MAX);
	f->last_id = store_last_id(st);
	lives_done(&lives);
}

/* What was is read after the first frame is on the screen. */
void fleet_open_store(struct fleet *f)
{
	if (!f->opt.store)
		return;
	f->taker = store_taker(f->opt.store);
	store_listen(f->opt.store, on_stored, on_message, f);
	loop_timer_set(f->loop, &f->load_timer, LOAD_MS, load, f);
}

bool fleet_is_loaded(const struct fleet *f)
{
	return f->is_loaded || !f->opt.store;
}

void fleet_close_store(struct fleet *f)
{
	if (!f->opt.store)
		return;
	loop_timer_cancel(f->loop, &f->load_timer);
	store_listen(f->opt.store, NULL, NULL, NULL);
}

/* --- meanwhile ---------------------------------------------------------------------------------
 */

void fleet_see_others(struct fleet *f)
{
	struct store_page p = { 0 };
	struct err err = { 0 };

	if (!f->opt.store || !f->is_loaded || !store_changed(f->opt.store) ||
	    store_notes(f->opt.store, DISMISSED, on_others_note, f, &err) < 0 ||
	    store_newer(f->opt.store, f->last_id, NEWER, &p, &err) < 0)
		return;
	for (size_t i = 0; i < p.n; i++)
		take_row(f, &p.v[i], 0);
	store_page_done(&p);
}

void fleet_add_event(struct fleet *f, const struct event *ev)
{
	const struct fleet_incoming in = { .event = ev, .first_ns = ev->ts_ns, .may_ask = true };
	CLEANUP_FREE char *once = NULL;

	if (!f->opt.store) {
		fleet_keep_event(f, &in);
		return;
	}
	/* what an agent waits for is asked of it again by each dashboard */
	if (ev->kind == EVENT_AGENT_NOTIFY)
		once = xasprintf("notify %s %lld %s", ev->session ? ev->session : "",
		                 (long long)ev->ts_ns, ev->summary ? ev->summary : "");
	store_add_event(f->opt.store, ev, once);
}

/* The events whose question is not in the inbox any more wait no longer in the store. */
void fleet_dismiss_stored(struct fleet *f, const char *session)
{
	uint64_t *ids;
	size_t n = 0;

	if (!f->opt.store)
		return;
	ids = xcalloc(f->n_events + 1, sizeof *ids);
	for (size_t i = 0; i < f->n_events; i++) {
		const struct event *e = fleet_event(f, i);

		if (e->id && e->session && strcmp(e->session, session) == 0 &&
		    event_needs_attention(e) && !inbox_has(f->inbox, e))
			ids[n++] = e->id;
	}
	if (n)
		store_dismiss(f->opt.store, ids, n);
	free(ids);
}
