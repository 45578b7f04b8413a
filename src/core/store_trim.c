/* Trimming: what is too old, or too much, goes. */
#include <stdio.h>

#include "core/buf.h"
#include "core/store_writer.h"

#define TRIM_ROWS 500
#define LINES_AGE_NS (7ll * 24 * 3600 * 1000000000) /* of a log that nobody read since */

static int64_t number(struct writer *w, const char *query)
{
	sqlite3_stmt *s = NULL;
	int64_t v = -1;

	if (sqlite3_prepare_v2(w->db, query, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		v = sqlite3_column_int64(s, 0);
	else
		writer_failed(w);
	sqlite3_finalize(s);
	return v;
}

static int remove_event(struct writer *w, uint64_t id)
{
	sqlite3_stmt *s = writer_statement(w, S_DELETE);

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, (int64_t)id);
	return writer_run(w, s);
}

/* An index that no event is in any more. What an index still has of events that went
 * is not found, since a search looks at the events too. */
static int drop_shard(struct writer *w)
{
	int64_t shard = number(w, "SELECT coalesce(min(id),0) FROM shards s WHERE id<"
	                          "(SELECT max(id) FROM shards) AND NOT EXISTS"
	                          "(SELECT 1 FROM events e WHERE e.id>=s.id AND e.id<"
	                          "(SELECT min(id) FROM shards n WHERE n.id>s.id))");
	char text[120];

	if (shard <= 0)
		return (int)shard;
	snprintf(text, sizeof text,
	         "DELETE FROM shards WHERE id=%lld;DROP TABLE IF EXISTS words_%lld",
	         (long long)shard, (long long)shard);
	if (store_exec(w->db, text, w->err) < 0)
		return writer_failed(w);
	return 1;
}

/* The oldest events, but never the one with the last id: ids are not used twice. */
static int oldest(struct writer *w, int64_t before_ns, size_t max, uint64_t ids[TRIM_ROWS],
                  size_t *n)
{
	struct buf q = BUF_INIT(1u << 17);
	sqlite3_stmt *s = NULL;
	int rc;

	buf_adds(&q, "SELECT id FROM (");
	for (unsigned class = 0; class < CLASSES; class ++) {
		if ((class & CLASS_KIND) < EVENT_KINDS)
			buf_addf(&q,
			         "%sSELECT id,first_ns FROM (SELECT id,first_ns FROM events WHERE"
			         " class=%u AND first_ns<?1 ORDER BY first_ns LIMIT %d)",
			         class ? " UNION ALL " : "", class, TRIM_ROWS);
	}
	buf_addf(&q, ") WHERE id<?2 ORDER BY first_ns LIMIT %zu", max);
	*n = 0;
	if (sqlite3_prepare_v2(w->db, buf_str(&q), -1, &s, NULL) != SQLITE_OK) {
		buf_done(&q);
		return writer_failed(w);
	}
	buf_done(&q);
	sqlite3_bind_int64(s, 1, before_ns);
	sqlite3_bind_int64(s, 2, (int64_t)w->last_id);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && *n < TRIM_ROWS)
		ids[(*n)++] = (uint64_t)sqlite3_column_int64(s, 0);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		writer_failed(w);
	sqlite3_finalize(s);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

static int forget_lines(struct writer *w)
{
	static const enum statement steps[] = { S_OLD_LINES, S_OLD_LOGS };

	for (size_t i = 0; i < 2; i++) {
		sqlite3_stmt *s = writer_statement(w, steps[i]);

		if (!s)
			return -1;
		sqlite3_bind_int64(s, 1, store_now_ns() - LINES_AGE_NS);
		if (writer_run(w, s) < 0)
			return -1;
	}
	return 0;
}

enum store_result writer_trim(struct writer *w, int64_t older_than_ns, bool *more, struct err *err)
{
	uint64_t ids[TRIM_ROWS];
	size_t n = 0, max = TRIM_ROWS;
	struct err inner = { 0 };
	enum store_result r;
	int64_t used, rows;
	int rc, dropped;

	*more = false;
	rc = writer_begin(w, &inner);
	if (rc == 0) {
		used = (number(w, "PRAGMA page_count") - number(w, "PRAGMA freelist_count")) *
		       number(w, "PRAGMA page_size");
		rows = number(w, "SELECT max(id)-min(id)+1 FROM events");
		if (used > 0 && rows > 0 && (uint64_t)used > w->max_bytes) {
			double share = (double)((uint64_t)used - w->max_bytes) / (double)used;

			older_than_ns = INT64_MAX;
			max = (size_t)(share * (double)rows) + 1;
			max = max < TRIM_ROWS ? max : TRIM_ROWS;
		}
		rc = oldest(w, older_than_ns, max, ids, &n);
	}
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = remove_event(w, ids[i]);
	if (rc == 0)
		rc = forget_lines(w);
	while (rc == 0 && n > 0 && (dropped = drop_shard(w)) != 0)
		rc = dropped < 0 ? -1 : 0;
	r = writer_end(w, rc);
	if (r != STORE_OK) {
		*err = inner;
		return r;
	}
	*more = n == max;
	/* what is free goes back to the disk, a little at a time */
	sqlite3_exec(w->db, "PRAGMA incremental_vacuum(2000)", NULL, NULL, NULL);
	return STORE_OK;
}
