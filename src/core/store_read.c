/* Reading: pages of events.
 *
 * What a filter chooses by is in one number, events.class (kind, probe, waiting),
 * so a query is a merge of the ends of a few stretches of one index: as fast for a
 * kind that is one in a million as for all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/store_int.h"

#define SQL_MAX (1u << 18)
#define LIMIT_NORMAL 100
#define FEW 1000 /* of so many the words are looked at one by one */

/* Values bound by number. */
enum { P_SESSION = 1, P_FIRST, P_ID, P_SINCE, P_SINCE_FIRST, P_UNTIL, P_LIMIT, P_WORDS };

sqlite3_stmt *store_prepare(sqlite3 *db, sqlite3_stmt **kept, const char *text, struct err *err)
{
	if (*kept) {
		sqlite3_reset(*kept);
		return *kept;
	}
	if (sqlite3_prepare_v2(db, text, -1, kept, NULL) == SQLITE_OK)
		return *kept;
	err_set(err, ERR_FAILED, "the event store: %s", sqlite3_errmsg(db));
	return NULL;
}

unsigned store_class(const struct event *e, bool is_waiting)
{
	return ((unsigned)e->kind & CLASS_KIND) | (e->is_probe ? CLASS_PROBE : 0) |
	       (is_waiting ? CLASS_WAITING : 0);
}

static char *text_at(sqlite3_stmt *s, int column)
{
	const void *text = sqlite3_column_text(s, column);

	return xstrdup_or_null(text);
}

static unsigned bounded(int64_t v, unsigned end)
{
	return v >= 0 && v < end ? (unsigned)v : 0;
}

/* Numbers that no program of ours wrote become the first of their kind. */
void store_row_read(sqlite3_stmt *s, struct store_row *out)
{
	int64_t class = sqlite3_column_int64(s, 3), count = sqlite3_column_int64(s, 6);
	struct event *e = &out->event;

	*out = (struct store_row){ 0 };
	event_init(e);
	e->id = (uint64_t)sqlite3_column_int64(s, 0);
	out->first_ns = sqlite3_column_int64(s, 1);
	e->ts_ns = sqlite3_column_int64(s, 2);
	e->kind = (enum event_kind)bounded(class & CLASS_KIND, EVENT_KINDS);
	e->is_probe = (class & CLASS_PROBE) != 0;
	out->is_waiting = (class & CLASS_WAITING) != 0;
	e->verdict = (enum event_verdict)bounded(sqlite3_column_int64(s, 4), EVENT_VERDICTS);
	e->source = (enum event_source)bounded(sqlite3_column_int64(s, 5), EVENT_SOURCES);
	e->count = count > 0 && count < UINT32_MAX ? (unsigned)count : 1;
	e->session = text_at(s, 7);
	e->bottle = text_at(s, 8);
	e->host = text_at(s, 9);
	e->rule = text_at(s, 10);
	e->summary = text_at(s, 11);
	e->detail = text_at(s, 12);
}

/* --- the statement ------------------------------------------------------------------- */

/* Where a page starts. */
struct anchor {
	int64_t first_ns;
	uint64_t id;
	bool is_set;
};

struct search {
	const struct store_query *q;
	struct anchor anchor;
	bool is_forward; /* old to new */
	struct buf words;
	uint64_t shard;
	size_t limit;
};

static bool wants_class(const struct store_query *q, unsigned class)
{
	unsigned kind = class & CLASS_KIND;

	if (kind >= EVENT_KINDS || (q->kinds && !(q->kinds & STORE_KIND(kind))))
		return false;
	if (q->only_waiting && !(class & CLASS_WAITING))
		return false;
	if ((class & CLASS_PROBE) && (class & CLASS_WAITING))
		return false; /* a probe never waits */
	return q->with_probes || !(class & CLASS_PROBE);
}

static void add_bounds(struct buf *b, const struct search *f, const char *table)
{
	const struct store_query *q = f->q;

	if (q->session)
		buf_addf(b, " AND %ssession=?%d", table, P_SESSION);
	if (q->since_ns)
		buf_addf(b, " AND %sfirst_ns>=?%d AND %sts_ns>=?%d", table, P_SINCE_FIRST, table,
		         P_SINCE);
	if (q->until_ns)
		buf_addf(b, " AND %sfirst_ns<?%d", table, P_UNTIL);
}

/* The ids of a page, in the order of time; columns are "id,first_ns". */
static void by_time(struct buf *b, const struct search *f)
{
	const char *order = f->is_forward ? "" : " DESC";
	bool is_first = true;

	buf_adds(b, "SELECT id,first_ns FROM (");
	for (unsigned class = 0; class < CLASSES; class ++) {
		if (!wants_class(f->q, class))
			continue;
		buf_addf(b,
		         "%sSELECT id,first_ns FROM (SELECT id,first_ns FROM events"
		         " WHERE class=%u",
		         is_first ? "" : " UNION ALL ", class);
		is_first = false;
		add_bounds(b, f, "");
		if (f->anchor.is_set)
			buf_addf(b, " AND first_ns%s=?%d AND (first_ns%s?%d OR id%s?%d)",
			         f->is_forward ? ">" : "<", P_FIRST, f->is_forward ? ">" : "<",
			         P_FIRST, f->is_forward ? ">" : "<", P_ID);
		buf_addf(b, " ORDER BY first_ns%s,id%s LIMIT ?%d)", order, order, P_LIMIT);
	}
	if (is_first)
		buf_adds(b, "SELECT id,first_ns FROM events WHERE 0");
	buf_addf(b, ") ORDER BY first_ns%s,id%s LIMIT ?%d", order, order, P_LIMIT);
}

/* The same among those with the words in one shard's index, in the order of ids. */
static void by_words(struct buf *b, const struct search *f)
{
	const char *order = f->is_forward ? "" : " DESC";
	unsigned long long shard = f->shard;
	bool is_first = true;

	buf_addf(b,
	         "SELECT e.id,e.first_ns FROM words_%llu w CROSS JOIN events e ON e.id=w.rowid"
	         " WHERE words_%llu MATCH ?%d",
	         shard, shard, P_WORDS);
	if (f->anchor.is_set)
		buf_addf(b, " AND w.rowid%s?%d", f->is_forward ? ">" : "<", P_ID);
	add_bounds(b, f, "e.");
	buf_adds(b, " AND e.class IN (");
	for (unsigned class = 0; class < CLASSES; class ++) {
		if (wants_class(f->q, class)) {
			buf_addf(b, "%s%u", is_first ? "" : ",", class);
			is_first = false;
		}
	}
	buf_addf(b, ") ORDER BY w.rowid%s LIMIT ?%d", order, P_LIMIT);
}

static sqlite3_stmt *prepare(sqlite3 *db, struct search *f, const char *around, struct err *err)
{
	const struct store_query *q = f->q;
	struct buf b = BUF_INIT(SQL_MAX);
	sqlite3_stmt *s = NULL;

	buf_adds(&b, around);
	if (q->text)
		by_words(&b, f);
	else
		by_time(&b, f);
	if (*around)
		buf_adds(&b, ")");
	store_prepare(db, &s, buf_str(&b), err);
	buf_done(&b);
	if (!s)
		return NULL;
	/* those that the statement has no place for are refused, which is fine */
	if (q->session)
		sqlite3_bind_text(s, P_SESSION, q->session, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, P_FIRST, f->anchor.first_ns);
	sqlite3_bind_int64(s, P_ID, (int64_t)f->anchor.id);
	sqlite3_bind_int64(s, P_SINCE, q->since_ns);
	sqlite3_bind_int64(s, P_SINCE_FIRST, q->since_ns - STORE_FOLD_NS);
	sqlite3_bind_int64(s, P_UNTIL, q->until_ns);
	sqlite3_bind_int64(s, P_LIMIT, (int64_t)f->limit);
	if (q->text)
		sqlite3_bind_text(s, P_WORDS, buf_str(&f->words), (int)f->words.len, SQLITE_STATIC);
	return s;
}

/* --- pages --------------------------------------------------------------------------- */

static int read_one(sqlite3 *db, sqlite3_stmt **get, uint64_t id, struct store_row *out,
                    struct err *err)
{
	sqlite3_stmt *s =
		store_prepare(db, get, "SELECT " STORE_COLUMNS " FROM events WHERE id=?1", err);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, (int64_t)id);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		store_row_read(s, out);
		return 1;
	}
	if (rc == SQLITE_DONE)
		return 0;
	return err_set(err, ERR_FAILED, "the event store: %s", sqlite3_errmsg(db));
}

/* 1, or 0 when the anchor is not there. */
static int find_anchor(sqlite3 *db, struct search *f, sqlite3_stmt **get, struct err *err)
{
	uint64_t id = f->q->before ? f->q->before : f->q->after;
	struct store_row row;
	int rc;

	f->is_forward = f->q->before ? false : f->q->after ? true : f->q->from_start;
	if (!id)
		return 1;
	rc = read_one(db, get, id, &row, err);
	if (rc == 1) {
		f->anchor = (struct anchor){ row.first_ns, id, true };
		event_done(&row.event);
	}
	return rc;
}

static void turn_around(struct store_page *p)
{
	for (size_t i = 0; i < p->n / 2; i++) {
		struct store_row t = p->v[i];

		p->v[i] = p->v[p->n - 1 - i];
		p->v[p->n - 1 - i] = t;
	}
}

/* Append what one statement finds, up to limit rows in all. */
static int read_rows(sqlite3 *db, struct search *f, sqlite3_stmt **get, size_t limit,
                     struct store_page *out, struct err *err)
{
	int rc, there = 0;
	sqlite3_stmt *s;

	f->limit = limit - out->n + 1; /* one more says whether there are more */
	s = prepare(db, f, "", err);
	if (!s)
		return -1;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && out->n < limit) {
		/* at 128 and its doubles it is full */
		if (out->n == 0 || (out->n >= 128 && (out->n & (out->n - 1)) == 0))
			out->v = xreallocarray(out->v, out->n ? out->n * 2 : 128, sizeof *out->v);
		there = read_one(db, get, (uint64_t)sqlite3_column_int64(s, 0), &out->v[out->n],
		                 err);
		if (there < 0)
			break;
		out->n += (size_t)there;
	}
	out->has_more = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		there = err_set(err, ERR_FAILED, "the event store: %s", sqlite3_errmsg(db));
	sqlite3_finalize(s);
	return there < 0 ? -1 : 0;
}

/* The shards that a search goes through, in its order; the caller's. */
static int list_shards(sqlite3 *db, const struct search *f, uint64_t **out, size_t *n,
                       struct err *err)
{
	sqlite3_stmt *s = NULL;
	int rc;

	if (!store_prepare(db, &s,
	                   f->is_forward
	                           ? "SELECT id FROM shards WHERE id>=coalesce((SELECT max(id)"
	                             " FROM shards WHERE id<=?1),0) ORDER BY id"
	                           : "SELECT id FROM shards WHERE id<=?1 ORDER BY id DESC",
	                   err))
		return -1;
	sqlite3_bind_int64(s, 1,
	                   f->anchor.is_set ? (int64_t)f->anchor.id
	                   : f->is_forward  ? 0
	                                    : INT64_MAX);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		*out = xreallocarray(*out, *n + 1, sizeof **out);
		(*out)[(*n)++] = (uint64_t)sqlite3_column_int64(s, 0);
	}
	if (rc != SQLITE_DONE)
		err_set(err, ERR_FAILED, "the event store: %s", sqlite3_errmsg(db));
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? 0 : -1;
}

static int by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The ids that pass everything but the text, when they are few: their number; FEW and
 * more when they are many, -1 and err. */
static int list_few(sqlite3 *db, const struct search *f, uint64_t ids[FEW], struct err *err)
{
	struct store_query q = *f->q;
	struct search all = { .q = &q, .limit = FEW, .is_forward = true };
	sqlite3_stmt *s;
	int n = 0, rc;

	q.text = NULL;
	s = prepare(db, &all, "", err);
	if (!s)
		return -1;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && n < FEW)
		ids[n++] = (uint64_t)sqlite3_column_int64(s, 0);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		n = err_set(err, ERR_FAILED, "the event store: %s", sqlite3_errmsg(db));
	sqlite3_finalize(s);
	if (n > 0)
		qsort(ids, (size_t)n, sizeof *ids, by_id);
	return n;
}

/* Those of the few that have the words. */
static int read_few(sqlite3 *db, struct search *f, sqlite3_stmt **get, const uint64_t *ids,
                    size_t n, size_t limit, struct store_page *out, struct err *err)
{
	out->v = xcalloc(n + 1, sizeof *out->v);
	for (size_t i = 0; i < n && !out->has_more; i++) {
		uint64_t id = ids[f->is_forward ? i : n - 1 - i];
		struct store_row row;
		int there = 0;

		if (f->anchor.is_set && (f->is_forward ? id <= f->anchor.id : id >= f->anchor.id))
			continue;
		there = read_one(db, get, id, &row, err);
		if (there < 0)
			return -1;
		if (there == 0)
			continue;
		if (!store_words_match(&row.event, f->q->text)) {
			event_done(&row.event);
		} else if (out->n == limit) {
			out->has_more = true;
			event_done(&row.event);
		} else {
			out->v[out->n++] = row;
		}
	}
	return 0;
}

static int read_by_words(sqlite3 *db, struct search *f, sqlite3_stmt **get, size_t limit,
                         struct store_page *out, struct err *err)
{
	const struct store_query *q = f->q;
	CLEANUP_FREE uint64_t *shards = NULL;
	uint64_t ids[FEW];
	size_t n = 0;
	int few = FEW, rc;

	if (q->kinds || q->session || q->only_waiting || q->since_ns)
		few = list_few(db, f, ids, err);
	if (few < 0)
		return -1;
	if (few < FEW)
		return read_few(db, f, get, ids, (size_t)few, limit, out, err);
	rc = list_shards(db, f, &shards, &n, err);
	for (size_t i = 0; i < n && rc == 0 && !out->has_more; i++) {
		f->shard = shards[i];
		rc = read_rows(db, f, get, limit, out, err);
	}
	return rc;
}

static int read_page(sqlite3 *db, struct search *f, sqlite3_stmt **get, struct store_page *out,
                     struct err *err)
{
	size_t limit = f->q->limit ? f->q->limit : LIMIT_NORMAL;
	int rc;

	if (limit > STORE_PAGE_MAX)
		limit = STORE_PAGE_MAX;
	rc = f->q->text ? read_by_words(db, f, get, limit, out, err)
	                : read_rows(db, f, get, limit, out, err);
	if (!f->is_forward)
		turn_around(out);
	return rc;
}

/* Everything that a query reads is of one moment. */
static int read_all(sqlite3 *db, struct search *f, struct store_page *out, struct err *err)
{
	sqlite3_stmt *get = NULL;
	int rc = store_exec(db, "BEGIN", err);

	if (rc < 0)
		return -1;
	rc = find_anchor(db, f, &get, err);
	if (rc == 1)
		rc = read_page(db, f, &get, out, err);
	sqlite3_finalize(get);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return rc;
}

int store_find(struct store *st, const struct store_query *q, struct store_page *out,
               struct err *err)
{
	struct search f = { .q = q, .words = BUF_INIT(1u << 16) };
	bool has_words = !q->text || store_words_query(&f.words, q->text, q->kinds);
	struct store_page page = { 0 };
	struct err inner = { 0 };
	int rc = -1;
	sqlite3 *db;

	store_reader_lock(st);
	db = store_reader(st, &inner);
	if (db)
		rc = has_words ? read_all(db, &f, &page, &inner) : 0;
	if (db && rc < 0)
		store_read_failed(st, db);
	store_reader_unlock(st);
	buf_done(&f.words);
	if (rc < 0) {
		store_page_done(&page);
		return err_set(err, inner.kind, "%s", inner.msg);
	}
	*out = page;
	return 0;
}

void store_page_done(struct store_page *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		event_done(&p->v[i].event);
	free(p->v);
	*p = (struct store_page){ 0 };
}

int store_get(struct store *st, uint64_t id, struct store_row *out, struct err *err)
{
	sqlite3_stmt *get = NULL;
	sqlite3 *db;
	int rc = -1;

	store_reader_lock(st);
	db = store_reader(st, err);
	if (db) {
		rc = read_one(db, &get, id, out, err);
		if (rc < 0)
			store_read_failed(st, db);
	}
	sqlite3_finalize(get);
	store_reader_unlock(st);
	if (rc == 0)
		err_set(err, ERR_FAILED, "there is no event %llu", (unsigned long long)id);
	return rc == 1 ? 0 : -1;
}

bool store_matches(const struct store_query *q, const struct store_row *row)
{
	const struct event *e = &row->event;

	return wants_class(q, store_class(e, row->is_waiting)) &&
	       (!q->session || (e->session && strcmp(q->session, e->session) == 0)) &&
	       (!q->since_ns || e->ts_ns >= q->since_ns) &&
	       (!q->until_ns || row->first_ns < q->until_ns) &&
	       (!q->text || store_words_match(e, q->text));
}

int store_newer(struct store *st, uint64_t id, size_t limit, struct store_page *out,
                struct err *err)
{
	struct store_page page = { 0 };
	sqlite3_stmt *s = NULL;
	int rc = SQLITE_ERROR;
	sqlite3 *db;

	store_reader_lock(st);
	db = store_reader(st, err);
	if (db &&
	    store_prepare(db, &s,
	                  "SELECT " STORE_COLUMNS " FROM events WHERE id>?1 ORDER BY id LIMIT ?2",
	                  err)) {
		sqlite3_bind_int64(s, 1, (int64_t)id);
		sqlite3_bind_int64(s, 2, (int64_t)limit);
		while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
			page.v = xreallocarray(page.v, page.n + 1, sizeof *page.v);
			store_row_read(s, &page.v[page.n++]);
		}
		page.has_more = page.n == limit;
		if (rc != SQLITE_DONE) {
			err_set(err, ERR_FAILED, "the event store: %s", sqlite3_errmsg(db));
			store_read_failed(st, db);
		}
	}
	sqlite3_finalize(s);
	store_reader_unlock(st);
	if (rc != SQLITE_DONE) {
		store_page_done(&page);
		return -1;
	}
	*out = page;
	return 0;
}

static int count_one(sqlite3 *db, struct search *f, size_t *n, struct err *err)
{
	sqlite3_stmt *s = prepare(db, f, "SELECT count(*) FROM (", err);
	int rc = s ? sqlite3_step(s) : -1;

	if (rc == SQLITE_ROW)
		*n += (size_t)sqlite3_column_int64(s, 0);
	else if (s)
		err_set(err, ERR_FAILED, "the event store: %s", sqlite3_errmsg(db));
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? 0 : -1;
}

static int count_all(sqlite3 *db, struct search *f, size_t max, size_t *out, struct err *err)
{
	CLEANUP_FREE uint64_t *shards = NULL;
	size_t n = 0;
	int rc = 0;

	f->limit = max;
	if (!f->q->text)
		return count_one(db, f, out, err);
	rc = list_shards(db, f, &shards, &n, err);
	for (size_t i = 0; i < n && rc == 0 && *out < max; i++) {
		f->shard = shards[i];
		f->limit = max - *out;
		rc = count_one(db, f, out, err);
	}
	return rc;
}

int store_count(struct store *st, const struct store_query *q, size_t max, size_t *out,
                struct err *err)
{
	struct search f = { .q = q, .words = BUF_INIT(1u << 16) };
	bool has_words = !q->text || store_words_query(&f.words, q->text, q->kinds);
	size_t n = 0;
	sqlite3 *db;
	int rc = -1;

	store_reader_lock(st);
	db = store_reader(st, err);
	if (db)
		rc = has_words ? count_all(db, &f, max, &n, err) : 0;
	if (db && rc < 0)
		store_read_failed(st, db);
	store_reader_unlock(st);
	buf_done(&f.words);
	if (rc == 0)
		*out = n;
	return rc;
}

/* --- small ones ---------------------------------------------------------------------- */

int store_cursor(struct store *st, struct log_cursor *c, struct err *err)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db;
	int rc = -1;

	c->ts_ns = c->max_ns = c->clock_ns = 0;
	c->count = 0;
	store_reader_lock(st);
	db = store_reader(st, err);
	if (db &&
	    store_prepare(db, &s, "SELECT ts_ns,count,max_ns,clock_ns FROM logs WHERE container=?1",
	                  err)) {
		sqlite3_bind_text(s, 1, c->container, -1, SQLITE_STATIC);
		rc = sqlite3_step(s);
		if (rc == SQLITE_ROW) {
			c->ts_ns = sqlite3_column_int64(s, 0);
			c->count = (unsigned)sqlite3_column_int64(s, 1);
			c->max_ns = sqlite3_column_int64(s, 2);
			c->clock_ns = sqlite3_column_int64(s, 3);
		} else if (rc != SQLITE_DONE) {
			err_set(err, ERR_FAILED, "the event store: %s", sqlite3_errmsg(db));
			store_read_failed(st, db);
		}
		rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
	}
	sqlite3_finalize(s);
	store_reader_unlock(st);
	return rc;
}

int store_notes(struct store *st, const char *space,
                void (*fn)(void *arg, const char *name, const char *value), void *arg,
                struct err *err)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db;
	int rc = -1;

	store_reader_lock(st);
	db = store_reader(st, err);
	if (db && store_prepare(db, &s, "SELECT name,value FROM notes WHERE space=?1 ORDER BY name",
	                        err)) {
		sqlite3_bind_text(s, 1, space, -1, SQLITE_STATIC);
		while ((rc = sqlite3_step(s)) == SQLITE_ROW)
			fn(arg, (const char *)sqlite3_column_text(s, 0),
			   (const char *)sqlite3_column_text(s, 1));
		if (rc != SQLITE_DONE) {
			err_set(err, ERR_FAILED, "the event store: %s", sqlite3_errmsg(db));
			store_read_failed(st, db);
		}
		rc = rc == SQLITE_DONE ? 0 : -1;
	}
	sqlite3_finalize(s);
	store_reader_unlock(st);
	return rc;
}

uint64_t store_last_id(struct store *st)
{
	sqlite3_stmt *s = NULL;
	uint64_t id = 0;
	sqlite3 *db;

	store_reader_lock(st);
	db = store_reader(st, NULL);
	if (db && store_prepare(db, &s, "SELECT max(id) FROM events", NULL) &&
	    sqlite3_step(s) == SQLITE_ROW)
		id = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	store_reader_unlock(st);
	return id;
}
