/* Writing: one batch of the queue in one transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "core/store_writer.h"

static const char *const sql[STATEMENTS] = {
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_ROLLBACK] = "ROLLBACK",
	[S_LAST_ID] = "SELECT max(id) FROM events",
	[S_LOG] = "SELECT id,ts_ns,count,max_ns,clock_ns FROM logs WHERE container=?1",
	[S_NEW_LOG] = "INSERT INTO logs(container,ts_ns,count,max_ns,clock_ns,seen_ns)"
		      " VALUES(?1,0,0,0,0,?2)",
	[S_MOVE] = "UPDATE logs SET ts_ns=?2,count=?3,max_ns=?4,clock_ns=?5,seen_ns=?6"
		   " WHERE id=?1",
	[S_LINE] = "SELECT event FROM lines WHERE log=?1 AND ts_ns=?2 AND key=?3",
	[S_ADD_LINE] = "INSERT OR IGNORE INTO lines(log,ts_ns,key,event) VALUES(?1,?2,?3,?4)",
	[S_ADD] = "INSERT INTO events(" STORE_COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,"
		  "?10,?11,?12,?13)",
	[S_RAISE] = "UPDATE events SET count=count+1,ts_ns=max(ts_ns,?2)"
		    " WHERE id=?1 AND ?2-first_ns<=?3",
	[S_RAISE_TO] = "UPDATE events SET count=max(count,?4),ts_ns=max(ts_ns,?2)"
		       " WHERE id=?1 AND ?2-first_ns<=?3",
	[S_GET] = "SELECT " STORE_COLUMNS " FROM events WHERE id=?1",
	[S_WAITING] = "UPDATE events SET class=?2 WHERE id=?1 AND class<>?2",
	[S_NOTE] = "INSERT OR REPLACE INTO notes(space,name,value) VALUES(?1,?2,?3)",
	[S_NOTED] = "SELECT value FROM notes WHERE space=?1 AND name=?2",
	[S_UNNOTE] = "DELETE FROM notes WHERE space=?1 AND name=?2",
	[S_UNSPACE] = "DELETE FROM notes WHERE space=?1",
	[S_DELETE] = "DELETE FROM events WHERE id=?1",
	[S_SHARD] = "SELECT id,bytes FROM shards ORDER BY id DESC LIMIT 1",
	[S_SHARD_BYTES] = "UPDATE shards SET bytes=?2 WHERE id=?1 AND bytes<>?2",
	[S_OLD_LINES] = "DELETE FROM lines WHERE log IN (SELECT id FROM logs WHERE seen_ns<?1"
			" AND container<>'" ONCE "')",
	[S_OLD_LOGS] = "DELETE FROM logs WHERE seen_ns<?1 AND container<>'" ONCE "'",
};

struct writer *writer_new(uint64_t max_bytes)
{
	struct writer *w = xcalloc(1, sizeof *w);

	w->max_bytes = max_bytes;
	w->words = (struct buf)BUF_INIT(1u << 16);
	return w;
}

void writer_reset(struct writer *w, sqlite3 *db)
{
	for (int i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(w->s[i]);
		w->s[i] = NULL;
	}
	sqlite3_finalize(w->index);
	w->index = NULL;
	if (w->db != db)
		folds_forget(w);
	w->db = db;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	writer_reset(w, NULL);
	folds_forget(w);
	buf_done(&w->words);
	free(w);
}

/* --- statements ---------------------------------------------------------------------- */

int writer_failed(struct writer *w)
{
	w->code = sqlite3_extended_errcode(w->db);
	return err_set(w->err, ERR_FAILED, "%s", sqlite3_errmsg(w->db));
}

sqlite3_stmt *writer_statement(struct writer *w, enum statement which)
{
	sqlite3_stmt **s = &w->s[which];

	if (!*s && sqlite3_prepare_v3(w->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL) !=
	                   SQLITE_OK) {
		writer_failed(w);
		return NULL;
	}
	sqlite3_reset(*s);
	return *s;
}

/* Run what gives no row. */
int writer_run(struct writer *w, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		writer_failed(w);
	sqlite3_reset(s);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

static int run_plain(struct writer *w, enum statement which)
{
	sqlite3_stmt *s = writer_statement(w, which);

	return s ? writer_run(w, s) : -1;
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, at);
}

int64_t store_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; s && *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return (h ^ 0xff) * 0x100000001b3u;
}

/* --- logs ---------------------------------------------------------------------------- */

static int read_log(struct writer *w, struct open_log *l)
{
	sqlite3_stmt *s = writer_statement(w, S_LOG);
	int rc;

	if (!s)
		return -1;
	bind_text(s, 1, l->container);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		l->id = sqlite3_column_int64(s, 0);
		l->stored.ts_ns = sqlite3_column_int64(s, 1);
		l->stored.count = (unsigned)sqlite3_column_int64(s, 2);
		l->stored.max_ns = l->known_ns = sqlite3_column_int64(s, 3);
		l->stored.clock_ns = sqlite3_column_int64(s, 4);
		sqlite3_reset(s);
		return 0;
	}
	if (rc != SQLITE_DONE) {
		writer_failed(w);
		sqlite3_reset(s);
		return -1;
	}
	sqlite3_reset(s);
	s = writer_statement(w, S_NEW_LOG);
	if (!s)
		return -1;
	bind_text(s, 1, l->container);
	sqlite3_bind_int64(s, 2, store_now_ns());
	if (writer_run(w, s) < 0)
		return -1;
	l->id = sqlite3_last_insert_rowid(w->db);
	return 0;
}

/* Another program may be ahead of us in the same log: it is not set back. */
static bool is_ahead(const struct log_cursor *c, const struct log_cursor *old)
{
	if (c->max_ns != old->max_ns || c->ts_ns != c->max_ns || old->ts_ns != c->ts_ns)
		return c->max_ns >= old->max_ns;
	return c->count >= old->count;
}

static int flush_log(struct writer *w, struct open_log *l)
{
	bool moves = l->has_moved && is_ahead(&l->cursor, &l->stored);
	struct log_cursor c = moves ? l->cursor : l->stored;
	sqlite3_stmt *s;

	/* no stored line is newer than this: find_line() counts on it */
	if (l->known_ns > c.max_ns)
		c.max_ns = l->known_ns;
	if (l->id == 0 || (!moves && c.max_ns == l->stored.max_ns))
		return 0;
	s = writer_statement(w, S_MOVE);
	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, l->id);
	sqlite3_bind_int64(s, 2, c.ts_ns);
	sqlite3_bind_int64(s, 3, c.count);
	sqlite3_bind_int64(s, 4, c.max_ns);
	sqlite3_bind_int64(s, 5, c.clock_ns);
	sqlite3_bind_int64(s, 6, store_now_ns());
	return writer_run(w, s);
}

static struct open_log *open_log(struct writer *w, const char *container)
{
	struct open_log *l;

	for (size_t i = 0; i < w->n_logs; i++)
		if (strcmp(w->logs[i].container, container) == 0)
			return &w->logs[i];
	if (w->n_logs == LOGS_MAX) {
		if (flush_log(w, &w->logs[0]) < 0)
			return NULL;
		w->logs[0] = w->logs[--w->n_logs];
	}
	l = &w->logs[w->n_logs];
	*l = (struct open_log){ 0 };
	memcpy(l->container, container, strnlen(container, STORE_ID_SIZE - 1));
	if (read_log(w, l) < 0)
		return NULL;
	w->n_logs++;
	return l;
}

/* The event of a line that was stored before; 0: it was not. */
static int find_line(struct writer *w, const struct open_log *l, int64_t ts_ns, uint64_t key,
                     uint64_t *id)
{
	sqlite3_stmt *s;
	int rc;

	*id = 0;
	if (ts_ns > l->known_ns)
		return 0;
	s = writer_statement(w, S_LINE);
	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, l->id);
	sqlite3_bind_int64(s, 2, ts_ns);
	sqlite3_bind_int64(s, 3, (int64_t)key);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*id = (uint64_t)sqlite3_column_int64(s, 0);
	else if (rc != SQLITE_DONE)
		writer_failed(w);
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

static int add_line(struct writer *w, struct open_log *l, int64_t ts_ns, uint64_t key, uint64_t id)
{
	sqlite3_stmt *s = writer_statement(w, S_ADD_LINE);

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, l->id);
	sqlite3_bind_int64(s, 2, ts_ns);
	sqlite3_bind_int64(s, 3, (int64_t)key);
	sqlite3_bind_int64(s, 4, (int64_t)id);
	if (ts_ns > l->known_ns)
		l->known_ns = ts_ns;
	return writer_run(w, s);
}

/* --- events -------------------------------------------------------------------------- */

static struct told *tell(struct told_list *told, uint64_t ticket, bool is_new)
{
	struct told *t = xcalloc(1, sizeof *t);

	t->is = (struct stored){ .ticket = ticket, .row = &t->row, .is_new = is_new };
	*told->end = t;
	told->end = &t->next;
	told->n++;
	return t;
}

/* Tell of an event that was there. One that was removed since is told no more. */
static int tell_old(struct writer *w, struct told_list *told, uint64_t ticket, uint64_t id)
{
	sqlite3_stmt *s = writer_statement(w, S_GET);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, (int64_t)id);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		store_row_read(s, &tell(told, ticket, false)->row);
	else if (rc != SQLITE_DONE)
		writer_failed(w);
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

/* Write down how much the newest shard holds. */
static int end_shard(struct writer *w)
{
	sqlite3_stmt *s = w->shard ? writer_statement(w, S_SHARD_BYTES) : NULL;

	if (!s)
		return w->shard ? -1 : 0;
	sqlite3_bind_int64(s, 1, (int64_t)w->shard);
	sqlite3_bind_int64(s, 2, w->shard_bytes);
	return writer_run(w, s);
}

/* Have room for an event's words. */
static int choose_shard(struct writer *w, uint64_t id)
{
	uint64_t most = w->max_bytes / 8;
	char text[96];

	if (most > STORE_SHARD_BYTES)
		most = STORE_SHARD_BYTES;
	if (!w->shard || id - w->shard >= STORE_SHARD || w->shard_bytes > (int64_t)most) {
		if (end_shard(w) < 0 || store_shard_make(w->db, id, w->err) < 0)
			return writer_failed(w);
		w->shard = id;
		w->shard_bytes = 0;
	}
	if (w->index && w->index_shard == w->shard)
		return 0;
	sqlite3_finalize(w->index);
	w->index = NULL;
	w->index_shard = w->shard;
	snprintf(text, sizeof text, "INSERT INTO words_%llu(rowid,text) VALUES(?1,?2)",
	         (unsigned long long)w->shard);
	return sqlite3_prepare_v3(w->db, text, -1, SQLITE_PREPARE_PERSISTENT, &w->index, NULL) ==
	                       SQLITE_OK
	               ? 0
	               : writer_failed(w);
}

/* Index an event's words. */
static int index_event(struct writer *w, const struct event *e)
{
	if (choose_shard(w, e->id) < 0)
		return -1;
	store_words_of(&w->words, e);
	w->shard_bytes += (int64_t)w->words.len;
	sqlite3_reset(w->index);
	sqlite3_bind_int64(w->index, 1, (int64_t)e->id);
	sqlite3_bind_text(w->index, 2, buf_str(&w->words), (int)w->words.len, SQLITE_STATIC);
	return writer_run(w, w->index);
}

/* Store an entry's event under a new id, which is then w->last_id. */
static int add_event(struct writer *w, struct entry *from, unsigned count, struct told_list *told)
{
	sqlite3_stmt *s = writer_statement(w, S_ADD);
	bool is_waiting = event_needs_attention(&from->event);
	struct event *e = &from->event;
	struct told *t;

	if (!s)
		return -1;
	e->id = ++w->last_id;
	sqlite3_bind_int64(s, 1, (int64_t)e->id);
	sqlite3_bind_int64(s, 2, e->ts_ns);
	sqlite3_bind_int64(s, 3, e->ts_ns);
	sqlite3_bind_int64(s, 4, store_class(e, is_waiting));
	sqlite3_bind_int64(s, 5, e->verdict);
	sqlite3_bind_int64(s, 6, e->source);
	sqlite3_bind_int64(s, 7, count);
	bind_text(s, 8, e->session);
	bind_text(s, 9, e->bottle);
	bind_text(s, 10, e->host);
	bind_text(s, 11, e->rule);
	bind_text(s, 12, e->summary);
	bind_text(s, 13, e->detail);
	if (writer_run(w, s) < 0 || index_event(w, e) < 0)
		return -1;
	t = tell(told, from->ticket, true);
	t->from = from;
	t->row.event.id = e->id;
	t->row.event.count = count;
	t->row.first_ns = e->ts_ns;
	t->row.is_waiting = is_waiting;
	return 0;
}

/* It is committed: what is told owns the events now. */
static void hand_over(struct told_list *told)
{
	for (struct told *t = told->first; t; t = t->next) {
		uint64_t id = t->row.event.id;
		unsigned count = t->row.event.count;

		if (!t->from)
			continue;
		t->row.event = t->from->event;
		event_init(&t->from->event);
		t->from = NULL;
		t->row.event.id = id;
		t->row.event.count = count;
		t->row.event.fold = 0;
	}
}

/* Count a stored event once more, or up to to. *done: it is there, and young. */
static int raise_event(struct writer *w, uint64_t id, int64_t ts_ns, unsigned to, bool *done)
{
	sqlite3_stmt *s = writer_statement(w, to ? S_RAISE_TO : S_RAISE);

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, (int64_t)id);
	sqlite3_bind_int64(s, 2, ts_ns);
	sqlite3_bind_int64(s, 3, STORE_FOLD_NS);
	if (to)
		sqlite3_bind_int64(s, 4, to);
	if (writer_run(w, s) < 0)
		return -1;
	*done = sqlite3_changes(w->db) > 0;
	return 0;
}

static int apply_line(struct writer *w, struct entry *e, struct told_list *told)
{
	struct open_log *l = open_log(w, e->cursor.container);
	int64_t ts_ns = e->cursor.ts_ns;
	bool is_raised = false;
	uint64_t id;
	int rc;

	if (!l)
		return -1;
	if (!e->is_old) {
		l->cursor = e->cursor;
		l->has_moved = true;
	}
	if (!e->has_event)
		return 0;
	if (find_line(w, l, ts_ns, e->key, &id) < 0)
		return -1;
	if (id) {
		if (e->event.fold)
			folds_put(w, e->reading, e->event.fold, id);
		return tell_old(w, told, e->ticket, id);
	}
	if (e->is_repeat)
		id = folds_get(w, e->reading, e->event.fold);
	if (id && raise_event(w, id, e->event.ts_ns, 0, &is_raised) < 0)
		return -1;
	if (is_raised)
		return add_line(w, l, ts_ns, e->key, id) < 0 ? -1
		                                             : tell_old(w, told, e->ticket, id);
	rc = add_event(w, e, e->is_repeat ? 1 : e->event.count, told);
	if (rc == 0)
		rc = add_line(w, l, ts_ns, e->key, w->last_id);
	if (rc == 0 && e->event.fold)
		folds_put(w, e->reading, e->event.fold, w->last_id);
	return rc;
}

/* Folded by the program itself: by session and source. */
static uint64_t own_reading(const struct event *e)
{
	return hash_text(0xcbf29ce484222325u ^ e->source, e->session) | 1u << 31 | 1ull << 63;
}

static int apply_event(struct writer *w, struct entry *e, struct told_list *told)
{
	struct open_log *l = e->once ? open_log(w, ONCE) : NULL;
	uint64_t key = e->once ? hash_text(0xcbf29ce484222325u, e->once) : 0, id = 0;
	bool is_raised = false;
	int rc;

	if (e->once) {
		if (!l)
			return -1;
		l->known_ns = 0;
		if (find_line(w, l, 0, key, &id) < 0)
			return -1;
		if (id)
			return tell_old(w, told, e->ticket, id);
	}
	if (e->event.fold && e->event.count > 1)
		id = folds_get(w, own_reading(&e->event), e->event.fold);
	if (id && raise_event(w, id, e->event.ts_ns, e->event.count, &is_raised) < 0)
		return -1;
	if (is_raised)
		return tell_old(w, told, e->ticket, id);
	rc = add_event(w, e, e->event.count, told);
	if (rc == 0 && l)
		rc = add_line(w, l, 0, key, w->last_id);
	if (rc == 0 && e->event.fold)
		folds_put(w, own_reading(&e->event), e->event.fold, w->last_id);
	return rc;
}

static int apply_waiting(struct writer *w, const struct entry *e)
{
	for (size_t i = 0; i < e->n_ids; i++) {
		sqlite3_stmt *s = writer_statement(w, S_GET);
		struct store_row row;
		int rc;

		if (!s)
			return -1;
		sqlite3_bind_int64(s, 1, (int64_t)e->ids[i]);
		rc = sqlite3_step(s);
		if (rc != SQLITE_ROW) {
			sqlite3_reset(s);
			if (rc != SQLITE_DONE)
				return writer_failed(w);
			continue;
		}
		store_row_read(s, &row);
		sqlite3_reset(s);
		s = writer_statement(w, S_WAITING);
		if (s) {
			sqlite3_bind_int64(s, 1, (int64_t)e->ids[i]);
			sqlite3_bind_int64(
				s, 2,
				store_class(&row.event,
			                    e->is_waiting && event_needs_attention(&row.event)));
		}
		event_done(&row.event);
		if (!s || writer_run(w, s) < 0)
			return -1;
	}
	return 0;
}

static int apply_note(struct writer *w, const struct entry *e)
{
	sqlite3_stmt *s = writer_statement(w, !e->name ? S_UNSPACE : e->value ? S_NOTE : S_UNNOTE);

	if (!s)
		return -1;
	bind_text(s, 1, e->space);
	if (e->name)
		bind_text(s, 2, e->name);
	if (e->name && e->value)
		bind_text(s, 3, e->value);
	return writer_run(w, s);
}

/* *is_made: what is noted covers it. */
static int find_decision(struct writer *w, const struct entry *e, bool *is_made)
{
	sqlite3_stmt *s = writer_statement(w, S_NOTED);
	int rc;

	if (!s)
		return -1;
	bind_text(s, 1, e->space);
	bind_text(s, 2, e->name);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		int64_t until = sqlite3_column_int64(s, 0);

		*is_made = until == 0 || until >= e->since_ns;
	} else if (rc != SQLITE_DONE) {
		writer_failed(w);
	}
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

static int apply_decision(struct writer *w, struct entry *e, struct told_list *told)
{
	bool is_made = false;

	if (find_decision(w, e, &is_made) < 0)
		return -1;
	if (is_made)
		return 0;
	return apply_note(w, e) < 0 ? -1 : add_event(w, e, e->event.count, told);
}

static int apply(struct writer *w, struct entry *e, struct told_list *told)
{
	switch (e->kind) {
	case ENTRY_LINE:
		return apply_line(w, e, told);
	case ENTRY_EVENT:
		return apply_event(w, e, told);
	case ENTRY_WAITING:
		return apply_waiting(w, e);
	case ENTRY_NOTE:
		return apply_note(w, e);
	case ENTRY_DECISION:
		return apply_decision(w, e, told);
	case ENTRY_TRIM:
		break;
	}
	return 0;
}

/* --- a transaction ------------------------------------------------------------------- */

static void told_done(struct told_list *told)
{
	while (told->first) {
		struct told *t = told->first;

		told->first = t->next;
		if (!t->from)
			event_done(&t->row.event);
		free(t);
	}
}

int writer_begin(struct writer *w, struct err *err)
{
	sqlite3_stmt *s;
	int rc;

	w->err = err;
	w->code = SQLITE_OK;
	w->n_logs = 0;
	if (run_plain(w, S_BEGIN) < 0)
		return -1;
	s = writer_statement(w, S_LAST_ID);
	if (!s || sqlite3_step(s) != SQLITE_ROW)
		return writer_failed(w);
	w->last_id = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	/* another program may have begun the next */
	s = writer_statement(w, S_SHARD);
	rc = s ? sqlite3_step(s) : SQLITE_ERROR;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return writer_failed(w);
	w->shard = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	w->shard_bytes = rc == SQLITE_ROW ? sqlite3_column_int64(s, 1) : 0;
	sqlite3_reset(s);
	return 0;
}

/* Commit, or take everything back. */
enum store_result writer_end(struct writer *w, int rc)
{
	int code;

	for (size_t i = 0; i < w->n_logs && rc == 0; i++)
		rc = flush_log(w, &w->logs[i]);
	if (rc == 0)
		rc = end_shard(w);
	if (rc == 0)
		rc = run_plain(w, S_COMMIT);
	if (rc == 0)
		return STORE_OK;
	code = w->code;
	if (!sqlite3_get_autocommit(w->db))
		run_plain(w, S_ROLLBACK);
	/* what the folds say, and the newest shard, may have been taken back */
	folds_forget(w);
	sqlite3_finalize(w->index);
	w->index = NULL;
	return store_db_result(code) == STORE_OK ? STORE_REFUSED : store_db_result(code);
}

enum store_result writer_apply(struct writer *w, struct entry *batch, struct told_list *told,
                               struct err *err)
{
	struct told_list mine = { .end = &mine.first };
	struct err inner = { 0 };
	enum store_result r;
	int rc = writer_begin(w, &inner);

	for (struct entry *e = batch; e && rc == 0; e = e->next)
		rc = apply(w, e, &mine);
	r = writer_end(w, rc);
	if (r != STORE_OK) {
		told_done(&mine);
		*err = inner;
		return r;
	}
	if (mine.first) {
		hand_over(&mine);
		*told->end = mine.first;
		told->end = mine.end;
		told->n += mine.n;
	}
	return STORE_OK;
}
