#include "core/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"

#define QUESTION_MAX 2048
#define FOLDED_MAX   4096	/* different questions that a flood can tell apart */

/* A question that was answered with "not now". until_ns: 0 for always, else only what
 * happened before. */
struct memory {
	char *session, *question;
	int64_t until_ns;
};

struct row {
	struct inbox_item item;
	char *question;
	uint64_t *folded;	/* hashes of a flood's questions */
	bool is_quiet;		/* a flood that was dismissed: shown again when it grows */
};

struct inbox {
	struct row **rows;
	size_t n;
	struct memory *memory;
	size_t n_memory;
	uint64_t next_id;
	inbox_memory_fn *on_dismiss;
	void *arg;
};

/* --- questions ------------------------------------------------------------------------- */

static char *question_of_state(enum inbox_kind kind, const char *session)
{
	return xasprintf("%s\x1f%s", inbox_kind_name(kind), session);
}

/* The question as text: what two events share that are one row. */
static char *question_of(const struct event *ev, enum inbox_kind kind)
{
	const char *session = ev->session ? ev->session : "";
	CLEANUP_FREE char *push = NULL;
	struct buf b = BUF_INIT(QUESTION_MAX);

	/* one row for each session, whatever it says */
	if (kind == INBOX_AGENT || kind == INBOX_LAUNCH)
		return question_of_state(kind, session);
	buf_addf(&b, "%s\x1f%.60s\x1f%.255s\x1f%.256s", inbox_kind_name(kind), session,
	         ev->host ? ev->host : "", ev->rule ? ev->rule : "");
	if (kind == INBOX_HELD)
		push = event_detail_get(ev, "id");
	if (push)
		buf_addf(&b, "\x1f%.64s", push);
	else if (kind != INBOX_BLOCK)
		buf_addf(&b, "\x1f%.512s", ev->summary ? ev->summary : "");
	return buf_steal(&b);
}

/* Dismissing these is about what was said so far; the rest is settled for good. */
static bool asks_again(enum inbox_kind kind)
{
	return kind != INBOX_BLOCK;
}

static uint64_t hash(const char *s)
{
	uint64_t h = 14695981039346656037u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

/* --- rows ------------------------------------------------------------------------------- */

static void row_free(struct row *r)
{
	free(r->item.session);
	free(r->item.host);
	free(r->item.rule);
	free(r->item.text);
	free(r->item.push);
	free(r->question);
	free(r->folded);
	free(r);
}

static void remove_at(struct inbox *ib, size_t i)
{
	row_free(ib->rows[i]);
	ib->n--;
	memmove(&ib->rows[i], &ib->rows[i + 1], (ib->n - i) * sizeof(struct row *));
}

static struct row *find(const struct inbox *ib, const char *question)
{
	for (size_t i = 0; i < ib->n; i++)
		if (strcmp(ib->rows[i]->question, question) == 0)
			return ib->rows[i];
	return NULL;
}

/* Those that wait before those that ended, each by when they began. */
static bool comes_after(const struct inbox_item *a, const struct inbox_item *b)
{
	if (a->is_ended != b->is_ended)
		return a->is_ended;
	return a->first_ns > b->first_ns;
}

/* The last of n rows goes to its place among them. */
static void place_last(struct inbox *ib, size_t n)
{
	struct row *r = ib->rows[n - 1];
	size_t at = n - 1;

	for (; at > 0 && comes_after(&ib->rows[at - 1]->item, &r->item); at--)
		ib->rows[at] = ib->rows[at - 1];
	ib->rows[at] = r;
}

/* The oldest goes, but before it what ended. */
static void make_room(struct inbox *ib)
{
	size_t at = 0;

	if (ib->n < INBOX_ITEMS_MAX)
		return;
	while (at < ib->n && !ib->rows[at]->item.is_ended)
		at++;
	remove_at(ib, at < ib->n ? at : 0);
}

/* question is taken. */
static struct row *add(struct inbox *ib, enum inbox_kind kind, const char *session,
                       char *question, int64_t first_ns)
{
	struct row *r = xcalloc(1, sizeof *r);

	make_room(ib);
	r->question = question;
	r->item.id = ib->next_id++;
	snprintf(r->item.name, sizeof r->item.name, "%016llx", (unsigned long long)hash(question));
	r->item.kind = kind;
	r->item.session = xstrdup(session);
	r->item.first_ns = first_ns;
	ib->rows = xreallocarray(ib->rows, ib->n + 1, sizeof(struct row *));
	ib->rows[ib->n++] = r;
	place_last(ib, ib->n);
	return r;
}

static void set(char **to, const char *text)
{
	if (*to && text && strcmp(*to, text) == 0)
		return;
	free(*to);
	*to = xstrdup_or_null(text);
}

/* --- memory ------------------------------------------------------------------------------ */

static struct memory *recall(const struct inbox *ib, const char *question)
{
	for (size_t i = ib->n_memory; i > 0; i--)
		if (strcmp(ib->memory[i - 1].question, question) == 0)
			return &ib->memory[i - 1];
	return NULL;
}

static bool is_dismissed(const struct inbox *ib, const char *question, int64_t ts_ns)
{
	const struct memory *m = recall(ib, question);

	return m && (!m->until_ns || ts_ns <= m->until_ns);
}

static void memory_done(struct memory *m)
{
	free(m->session);
	free(m->question);
}

void inbox_remember(struct inbox *ib, const char *session, const char *question, int64_t until_ns)
{
	struct memory *m = recall(ib, question);

	if (m) {
		m->until_ns = until_ns;
		return;
	}
	if (ib->n_memory == INBOX_MEMORY_MAX) {
		memory_done(&ib->memory[0]);
		ib->n_memory--;
		memmove(ib->memory, ib->memory + 1, ib->n_memory * sizeof *ib->memory);
	}
	ib->memory = xreallocarray(ib->memory, ib->n_memory + 1, sizeof *ib->memory);
	ib->memory[ib->n_memory++] = (struct memory){ .session = xstrdup(session),
		                                      .question = xstrdup(question),
		                                      .until_ns = until_ns };
}

bool inbox_heed(struct inbox *ib, const char *session, const char *question, int64_t until_ns)
{
	for (size_t i = 0; i < ib->n; i++) {
		struct row *r = ib->rows[i];

		if (strcmp(r->question, question) != 0 || r->is_quiet ||
		    (until_ns && r->item.last_ns > until_ns))
			continue;
		if (r->item.kind == INBOX_FLOOD) {
			r->is_quiet = true;
			return true;
		}
		remove_at(ib, i);
		inbox_remember(ib, session, question, until_ns);
		return true;
	}
	return false;
}

void inbox_on_dismiss(struct inbox *ib, inbox_memory_fn *fn, void *arg)
{
	ib->on_dismiss = fn;
	ib->arg = arg;
}

/* --- taking events -------------------------------------------------------------------------- */

static unsigned n_rows_of(const struct inbox *ib, enum inbox_kind kind, const char *session)
{
	unsigned n = 0;

	for (size_t i = 0; i < ib->n; i++)
		n += ib->rows[i]->item.kind == kind &&
		     strcmp(ib->rows[i]->item.session, session) == 0;
	return n;
}

static bool is_folded(const struct row *flood, const char *question)
{
	uint64_t h = hash(question);

	for (unsigned i = 0; i < flood->item.n_folded && i < FOLDED_MAX; i++)
		if (flood->folded[i] == h)
			return true;
	return false;
}

/* The session's row for what is too much, if the question belongs there. */
static struct row *flood_for(struct inbox *ib, const struct event *ev, enum inbox_kind kind,
                             const char *question)
{
	const char *session = ev->session ? ev->session : "";
	char *name = xasprintf("flood\x1f%s\x1f%s", inbox_kind_name(kind), session);
	struct row *r = find(ib, name);

	if (r && is_folded(r, question)) {
		free(name);
		return r;	/* quiet or not: nothing new is in it */
	}
	if (n_rows_of(ib, kind, session) < INBOX_ROWS_MAX) {
		free(name);
		return NULL;
	}
	if (r)
		free(name);
	else
		r = add(ib, INBOX_FLOOD, session, name, ev->ts_ns);
	if (!r->folded)
		r->folded = xcalloc(FOLDED_MAX, sizeof *r->folded);
	if (r->item.n_folded < FOLDED_MAX)
		r->folded[r->item.n_folded++] = hash(question);
	r->is_quiet = false;
	free(r->item.text);
	r->item.text = xasprintf("and %u more different %s", r->item.n_folded,
	                         kind == INBOX_BLOCK ? "blocks" : "pushes");
	return r;
}

/* Remove the rows of a kind that fn says are settled. */
static bool settle(struct inbox *ib, enum inbox_kind kind, const char *session, const char *host,
                   const char *push)
{
	bool any = false;

	for (size_t i = ib->n; i > 0; i--) {
		const struct inbox_item *it = &ib->rows[i - 1]->item;

		if (it->kind != kind || strcmp(it->session, session) != 0 ||
		    (host && (!it->host || strcmp(it->host, host) != 0 || !it->rule ||
		              strcmp(it->rule, "allowlist") != 0)) ||
		    (push && (!it->push || strcmp(it->push, push) != 0)))
			continue;
		remove_at(ib, i - 1);
		any = true;
	}
	return any;
}

/* Nobody waits for an answer any more. */
static bool end(struct inbox *ib, const char *session)
{
	bool any = settle(ib, INBOX_AGENT, session, NULL, NULL);

	return settle(ib, INBOX_HELD, session, NULL, NULL) || any;
}

static bool settles(struct inbox *ib, const struct event *ev)
{
	CLEANUP_FREE char *push = NULL;

	if (!ev->session)
		return false;
	switch (ev->kind) {
	case EVENT_PUSH_ACCEPTED:
	case EVENT_PUSH_REJECTED:
	case EVENT_PUSH_FAILED:
		push = event_detail_get(ev, "id");
		return push && settle(ib, INBOX_HELD, ev->session, NULL, push);
	case EVENT_POLICY_CHANGED:
		return ev->verdict == EVENT_ALLOW && ev->host &&
		       settle(ib, INBOX_BLOCK, ev->session, ev->host, NULL);
	case EVENT_AGENT_EXIT:
		return end(ib, ev->session);
	default:
		return false;
	}
}

bool inbox_event(struct inbox *ib, const struct event *ev, uint64_t seq, unsigned grown)
{
	enum inbox_kind kind = inbox_kind_of(ev);
	bool any = settles(ib, ev);
	CLEANUP_FREE char *question = NULL;
	struct row *r;

	if (kind == INBOX_KINDS)
		return any;
	question = question_of(ev, kind);
	if (is_dismissed(ib, question, ev->ts_ns))
		return any;
	r = find(ib, question);
	if (!r && (kind == INBOX_BLOCK || kind == INBOX_PUSH || kind == INBOX_HELD))
		r = flood_for(ib, ev, kind, question);
	if (!r) {
		r = add(ib, kind, ev->session ? ev->session : "", question, ev->ts_ns);
		question = NULL;
		r->item.host = xstrdup_or_null(ev->host);
		r->item.rule = xstrdup_or_null(ev->rule);
	}
	if (r->item.kind != INBOX_FLOOD) {
		free(r->item.push);
		r->item.push = event_detail_get(ev, "id");
		set(&r->item.text, ev->summary ? ev->summary : event_kind_name(ev->kind));
	}
	r->item.seq = seq;
	r->item.count += grown;
	if (ev->ts_ns > r->item.last_ns)
		r->item.last_ns = ev->ts_ns;
	return true;
}

/* The row of the event's question; NULL when there is none, or it was dismissed. */
static const struct row *row_of(const struct inbox *ib, const struct event *ev)
{
	enum inbox_kind kind = inbox_kind_of(ev);
	CLEANUP_FREE char *question = NULL, *flood = NULL;
	const struct row *r;

	if (kind == INBOX_KINDS)
		return NULL;
	question = question_of(ev, kind);
	if (is_dismissed(ib, question, ev->ts_ns))
		return NULL;
	r = find(ib, question);
	if (r)
		return r;
	flood = xasprintf("flood\x1f%s\x1f%s", inbox_kind_name(kind),
	                  ev->session ? ev->session : "");
	r = find(ib, flood);
	return r && !r->is_quiet && is_folded(r, question) ? r : NULL;
}

bool inbox_has(const struct inbox *ib, const struct event *ev)
{
	return row_of(ib, ev) != NULL;
}

bool inbox_is_waiting(const struct inbox *ib, const struct event *ev)
{
	const struct row *r = row_of(ib, ev);

	return r && !r->item.is_ended;
}

bool inbox_state(struct inbox *ib, enum inbox_kind kind, const char *session, const char *text,
                 int64_t since_ns)
{
	char *question = question_of_state(kind, session);
	struct row *r = find(ib, question);

	if (!text) {
		free(question);
		return settle(ib, kind, session, NULL, NULL);
	}
	if (!r && is_dismissed(ib, question, since_ns)) {
		free(question);
		return false;
	}
	if (r) {
		free(question);
		if (strcmp(r->item.text, text) == 0)
			return false;
	} else {
		r = add(ib, kind, session, question, since_ns);
		r->item.count = 1;
	}
	set(&r->item.text, text);
	r->item.last_ns = since_ns;
	return true;
}

/* --- what became of sessions --------------------------------------------------------------- */

static bool remove_all_of(struct inbox *ib, const char *session)
{
	bool any = false;

	for (size_t i = ib->n; i > 0; i--) {
		const struct inbox_item *it = &ib->rows[i - 1]->item;

		if (inbox_kind_outlives(it->kind) || strcmp(it->session, session) != 0)
			continue;
		remove_at(ib, i - 1);
		any = true;
	}
	return any;
}

bool inbox_set_life(struct inbox *ib, const char *session, enum inbox_life life)
{
	bool any = false, moves = false;

	if (life == INBOX_GONE)
		return remove_all_of(ib, session);
	if (life == INBOX_ENDED)
		any = end(ib, session);
	for (size_t i = 0; i < ib->n; i++) {
		struct inbox_item *it = &ib->rows[i]->item;
		bool is_ended = life == INBOX_ENDED && !inbox_kind_outlives(it->kind);

		if (it->is_ended == is_ended || strcmp(it->session, session) != 0)
			continue;
		it->is_ended = is_ended;
		moves = true;
	}
	for (size_t n = 2; moves && n <= ib->n; n++)
		place_last(ib, n);
	return any || moves;
}

/* --- reading and dismissing --------------------------------------------------------------- */

bool inbox_dismiss(struct inbox *ib, uint64_t id, int64_t now_ns)
{
	for (size_t i = 0; i < ib->n; i++) {
		struct row *r = ib->rows[i];
		int64_t until = asks_again(r->item.kind) ? now_ns : 0;

		if (r->item.id != id || r->is_quiet)
			continue;
		if (ib->on_dismiss)
			ib->on_dismiss(ib->arg, &(struct inbox_dismissal){ &r->item, r->question,
			                                                   until });
		if (r->item.kind == INBOX_FLOOD) {
			r->is_quiet = true;
			return true;
		}
		inbox_remember(ib, r->item.session, r->question, until);
		remove_at(ib, i);
		return true;
	}
	return false;
}

bool inbox_dismiss_event(struct inbox *ib, const struct event *ev, int64_t now_ns)
{
	enum inbox_kind kind = inbox_kind_of(ev);
	CLEANUP_FREE char *question = kind == INBOX_KINDS ? NULL : question_of(ev, kind);
	const struct row *r = question ? find(ib, question) : NULL;

	return r && inbox_dismiss(ib, r->item.id, now_ns);
}

bool inbox_forget(struct inbox *ib, const char *session)
{
	bool any = false;
	size_t kept = 0;

	for (size_t i = ib->n; i > 0; i--) {
		if (strcmp(ib->rows[i - 1]->item.session, session) != 0)
			continue;
		remove_at(ib, i - 1);
		any = true;
	}
	for (size_t i = 0; i < ib->n_memory; i++) {
		if (strcmp(ib->memory[i].session, session) == 0)
			memory_done(&ib->memory[i]);
		else
			ib->memory[kept++] = ib->memory[i];
	}
	ib->n_memory = kept;
	return any;
}

size_t inbox_n_waiting(const struct inbox *ib)
{
	size_t n = 0;

	for (size_t i = 0; i < ib->n; i++)
		n += !ib->rows[i]->is_quiet && !ib->rows[i]->item.is_ended;
	return n;
}

size_t inbox_n(const struct inbox *ib)
{
	size_t n = 0;

	for (size_t i = 0; i < ib->n; i++)
		n += !ib->rows[i]->is_quiet;
	return n;
}

const struct inbox_item *inbox_at(const struct inbox *ib, size_t i)
{
	for (size_t k = 0; k < ib->n; k++)
		if (!ib->rows[k]->is_quiet && i-- == 0)
			return &ib->rows[k]->item;
	return NULL;
}

const struct inbox_item *inbox_after(const struct inbox *ib, uint64_t id)
{
	const struct inbox_item *found = NULL;

	for (size_t i = 0; i < ib->n; i++) {
		const struct inbox_item *item = &ib->rows[i]->item;

		if (!ib->rows[i]->is_quiet && item->id > id && (!found || item->id < found->id))
			found = item;
	}
	return found;
}

const struct inbox_item *inbox_find(const struct inbox *ib, uint64_t id)
{
	for (size_t i = 0; i < ib->n; i++)
		if (ib->rows[i]->item.id == id && !ib->rows[i]->is_quiet)
			return &ib->rows[i]->item;
	return NULL;
}

const struct inbox_item *inbox_named(const struct inbox *ib, const char *name)
{
	const struct inbox_item *found = NULL;

	for (size_t i = 0; i < ib->n; i++) {
		if (strcmp(ib->rows[i]->item.name, name) != 0 || ib->rows[i]->is_quiet)
			continue;
		if (found)
			return NULL;
		found = &ib->rows[i]->item;
	}
	return found;
}

unsigned inbox_n_of(const struct inbox *ib, const char *session)
{
	unsigned n = 0;

	for (size_t i = 0; i < ib->n; i++)
		n += !ib->rows[i]->is_quiet && !ib->rows[i]->item.is_ended &&
		     strcmp(ib->rows[i]->item.session, session) == 0;
	return n;
}

/* --- life ------------------------------------------------------------------------------------ */

struct inbox *inbox_new(void)
{
	struct inbox *ib = xcalloc(1, sizeof *ib);

	ib->next_id = 1;
	return ib;
}

void inbox_free(struct inbox *ib)
{
	if (!ib)
		return;
	for (size_t i = 0; i < ib->n; i++)
		row_free(ib->rows[i]);
	for (size_t i = 0; i < ib->n_memory; i++)
		memory_done(&ib->memory[i]);
	free(ib->rows);
	free(ib->memory);
	free(ib);
}
