/* The store: what is kept, found, dismissed and let go, and what a bad file does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/core/temp_dir.h"

#include <fcntl.h>
#include <glob.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/event.h"
#include "core/file.h"
#include "core/lines.h"
#include "core/loop.h"
#include "core/pipelock_log.h"
#include "core/store.h"
#include "core/store_int.h"

#define SECOND 1000000000ll
#define NOW (1767225600 * SECOND)

static char *told_message;

static void on_message(void *arg, const char *text)
{
	(void)arg;
	free(told_message);
	told_message = xstrdup(text);
}

static struct store *opened_with(struct store_options opt)
{
	struct store *st = NULL;
	struct err err = { 0 };

	opt.message = on_message;
	opt.max_age_ns = opt.max_age_ns ? opt.max_age_ns : INT64_MAX;
	if (store_open(&st, &opt, &err) < 0)
		fail_msg("%s", err.msg);
	return st;
}

static struct store *opened(void)
{
	return opened_with((struct store_options){ .dir = temp_dir });
}

static void flushed(struct store *st)
{
	struct err err = { 0 };

	if (store_flush(st, &err) < 0)
		fail_msg("%s", err.msg);
}

static struct event made(const char *session, enum event_kind kind, const char *host, int64_t ts)
{
	struct event e;

	event_init(&e);
	e.kind = kind;
	e.verdict = EVENT_BLOCK;
	e.source = EVENT_FROM_PIPELOCK;
	e.ts_ns = ts;
	event_set_owner(&e, session, "dev");
	event_set_host(&e, host, strlen(host));
	event_set_rule(&e, "allowlist", 9);
	event_set_summary(&e, "GET refused");
	return e;
}

static void add(struct store *st, const char *session, enum event_kind kind, const char *host,
                int64_t ts)
{
	struct event e = made(session, kind, host, ts);

	store_add_event(st, &e, NULL);
	event_done(&e);
}

static struct store_page found(struct store *st, struct store_query q)
{
	struct store_page p = { 0 };
	struct err err = { 0 };

	if (store_find(st, &q, &p, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

/* The hosts of a page, "a b c". */
static char *hosts(struct store *st, struct store_query q)
{
	struct store_page p = found(st, q);
	struct buf b = BUF_INIT(1u << 20);

	for (size_t i = 0; i < p.n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", p.v[i].event.host ? p.v[i].event.host : "-");
	store_page_done(&p);
	return buf_steal(&b);
}

#define assert_hosts(st, text, ...)                                         \
	do {                                                                \
		char *got = hosts(st, (struct store_query){ __VA_ARGS__ }); \
		assert_string_equal(got, text);                             \
		free(got);                                                  \
	} while (0)

/* --- keeping ------------------------------------------------------------------------- */

static void an_event_comes_back_as_it_went_in(void **state)
{
	struct store *st = opened();
	struct event e = made("implementer", EVENT_EGRESS_DLP, "api.example.com", NOW + 7), *got;
	struct buf a = BUF_INIT(65536), b = BUF_INIT(65536);
	struct store_page p;
	struct err err = { 0 };

	(void)state;
	e.source = EVENT_FROM_GATE;
	e.count = 3;
	event_set_detail_text(&e, "a \"line\"\twith \x1b[31m in it", 24, true);
	store_add_event(st, &e, NULL);
	store_close(st);
	st = opened();
	p = found(st, (struct store_query){ 0 });
	assert_int_equal(p.n, 1);
	assert_false(p.has_more);
	got = &p.v[0].event;
	assert_int_equal(got->id, 1);
	assert_int_equal(p.v[0].first_ns, NOW + 7);
	assert_true(p.v[0].is_waiting);
	e.id = 1;
	event_json(&a, &e);
	event_json(&b, got);
	assert_string_equal(buf_str(&a), buf_str(&b));
	store_page_done(&p);
	buf_done(&a);
	buf_done(&b);
	event_done(&e);
	assert_int_equal(store_get(st, 99, &p.v[0], &err), -1);
	store_close(st);
}

static void the_file_and_its_folder_are_ours_alone(void **state)
{
	static const char *const names[] = { "s", "s/events.db", "s/events.db-wal",
		                             "s/events.db-shm" };
	struct store *st = opened_with((struct store_options){ .dir = temp_path("s") });

	(void)state;
	umask(0);
	add(st, "a", EVENT_OTHER, "one.test", NOW);
	flushed(st);
	for (size_t i = 0; i < 4; i++) {
		struct stat s;

		assert_int_equal(stat(temp_path(names[i]), &s), 0);
		assert_int_equal(s.st_mode & 07777, i ? 0600 : 0700);
	}
	store_close(st);
	assert_int_equal(chmod(temp_path("s/events.db"), 0644), 0);
	st = opened_with((struct store_options){ .dir = temp_path("s") });
	struct stat s;
	assert_int_equal(stat(temp_path("s/events.db"), &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	store_close(st);
}

static void pages_go_both_ways_by_time(void **state)
{
	struct store *st = opened();
	struct store_page p;

	(void)state;
	/* as they come in: not in the order in which they happened */
	add(st, "a", EVENT_EGRESS_BLOCKED, "t3", NOW + 3);  /* 1 */
	add(st, "b", EVENT_EGRESS_BLOCKED, "t1", NOW + 1);  /* 2 */
	add(st, "b", EVENT_EGRESS_DNS, "t2", NOW + 2);      /* 3 */
	add(st, "a", EVENT_EGRESS_DNS, "t5", NOW + 5);      /* 4 */
	add(st, "a", EVENT_EGRESS_ALLOWED, "t4", NOW + 4);  /* 5 */
	add(st, "a", EVENT_EGRESS_ALLOWED, "t4b", NOW + 4); /* 6 */
	flushed(st);
	assert_hosts(st, "t1 t2 t3 t4 t4b t5", .limit = 100);
	assert_hosts(st, "t4b t5", .limit = 2);
	assert_hosts(st, "t1 t2", .limit = 2, .from_start = true);
	assert_hosts(st, "t3 t4", .limit = 2, .before = 6);
	assert_hosts(st, "t1 t2", .limit = 2, .before = 1);
	assert_hosts(st, "", .limit = 2, .before = 2);
	assert_hosts(st, "t4b t5", .limit = 9, .after = 5);
	assert_hosts(st, "t4 t4b", .limit = 2, .after = 1);
	assert_hosts(st, "", .limit = 2, .after = 4);
	assert_hosts(st, "", .limit = 2, .after = 77);
	p = found(st, (struct store_query){ .limit = 5 });
	assert_true(p.has_more);
	store_page_done(&p);
	p = found(st, (struct store_query){ .limit = 6 });
	assert_false(p.has_more);
	store_page_done(&p);
	assert_int_equal(store_last_id(st), 6);
	store_close(st);
}

static void filters_hold_together(void **state)
{
	struct store *st = opened();
	size_t n = 0;
	struct err err = { 0 };

	(void)state;
	add(st, "a", EVENT_EGRESS_BLOCKED, "a-block", NOW + 1 * SECOND);
	add(st, "b", EVENT_EGRESS_BLOCKED, "b-block", NOW + 100 * SECOND);
	add(st, "a", EVENT_EGRESS_DNS, "a-dns", NOW + 200 * SECOND);
	add(st, "a", EVENT_PUSH_REJECTED, "a-push", NOW + 300 * SECOND);
	add(st, "a", EVENT_EGRESS_BLOCKED, "x.isolation-probe.invalid", NOW + 400 * SECOND);
	flushed(st);
	assert_hosts(st, "a-block a-dns a-push", .session = "a");
	assert_hosts(st, "a-block b-block", .kinds = STORE_KIND(EVENT_EGRESS_BLOCKED));
	assert_hosts(st, "a-block a-push", .session = "a",
	             .kinds = STORE_KIND(EVENT_EGRESS_BLOCKED) | STORE_KIND(EVENT_PUSH_REJECTED));
	assert_hosts(st, "a-block b-block a-push", .only_waiting = true);
	assert_hosts(st, "x.isolation-probe.invalid", .session = "a", .with_probes = true,
	             .limit = 1);
	assert_hosts(st, "b-block a-dns", .since_ns = NOW + 100 * SECOND,
	             .until_ns = NOW + 300 * SECOND);
	assert_hosts(st, "", .session = "nobody");
	assert_int_equal(store_count(st, &(struct store_query){ .session = "a" }, 100, &n, &err),
	                 0);
	assert_int_equal(n, 3);
	assert_int_equal(store_count(st, &(struct store_query){ .session = "a" }, 2, &n, &err), 0);
	assert_int_equal(n, 2);
	store_close(st);
}

static void text_is_found_by_the_beginnings_of_words(void **state)
{
	struct store *st = opened();
	static const char record[] = "Grüße from /repos/octo\\u0041cat \"quoted\" 日本";
	struct event e = made("impl--x", EVENT_EGRESS_DLP, "api.github.com", NOW);
	size_t n = 0;
	struct err err = { 0 };

	(void)state;
	event_set_detail_text(&e, record, sizeof record - 1, false);
	store_add_event(st, &e, NULL);
	event_done(&e);
	add(st, "other", EVENT_EGRESS_BLOCKED, "evil.example", NOW + 1);
	flushed(st);
	assert_hosts(st, "api.github.com", .text = "github");
	assert_hosts(st, "api.github.com", .text = "GITH");
	assert_hosts(st, "", .text = "ithub");
	assert_hosts(st, "api.github.com", .text = "impl octo quot");
	assert_hosts(st, "api.github.com", .text = "gruß");
	assert_hosts(st, "api.github.com evil.example", .text = "refused");
	assert_hosts(st, "evil.example", .text = "refused", .session = "other");
	assert_hosts(st, "evil.example", .text = "refused",
	             .kinds = STORE_KIND(EVENT_EGRESS_BLOCKED));
	assert_hosts(st, "", .text = "refused nowhere");
	assert_hosts(st, "evil.example", .text = "refused", .limit = 1);
	assert_hosts(st, "api.github.com", .text = "refused", .limit = 1, .before = 2);
	/* what is no word of a query language, and what is no word at all */
	assert_hosts(st, "api.github.com", .text = "\"github\"* (-octo: ^{GET}");
	assert_hosts(st, "", .text = "github NOT octo");
	assert_hosts(st, "", .text = "\" ' -- ;");
	/* names of members are no words: all would match */
	assert_hosts(st, "", .text = "line");
	assert_int_equal(store_count(st, &(struct store_query){ .text = "refused" }, 9, &n, &err),
	                 0);
	assert_int_equal(n, 2);
	store_close(st);
}

/* Let the next events have ids from there on. */
static void skip_ids(int64_t to)
{
	char sql[160];
	sqlite3 *db;

	snprintf(sql, sizeof sql,
	         "INSERT INTO events VALUES(%lld,1,1,%u,0,0,1,NULL,NULL,NULL,NULL,'skip',NULL)",
	         (long long)to, CLASS_PROBE);
	assert_int_equal(sqlite3_open(temp_path("events.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void text_is_found_in_every_shard(void **state)
{
	struct store *st = opened();
	const size_t n = 3000;

	(void)state;
	skip_ids(STORE_SHARD - 1000);
	for (size_t i = 0; i < n; i++)
		add(st, "a", EVENT_EGRESS_DNS,
		    i == 3       ? "needle.one"
		    : i == n - 3 ? "needle.two"
		                 : "hay",
		    NOW + (int64_t)i);
	flushed(st);
	assert_true(store_last_id(st) > STORE_SHARD);
	assert_hosts(st, "needle.one needle.two", .text = "needle");
	assert_hosts(st, "needle.two", .text = "needle", .limit = 1);
	assert_hosts(st, "needle.one", .text = "needle", .limit = 1, .from_start = true);
	assert_hosts(st, "needle.one", .text = "needle", .before = STORE_SHARD);
	/* a filter that leaves few is another way to the same */
	add(st, "b", EVENT_EGRESS_DNS, "needle.Drei", NOW);
	add(st, "b", EVENT_EGRESS_DNS, "needle.vier", NOW);
	flushed(st);
	assert_hosts(st, "needle.drei needle.vier", .text = "needl", .session = "b");
	assert_hosts(st, "needle.drei", .text = "NEEDLE dre", .session = "b");
	assert_hosts(st, "needle.vier", .text = "needle", .session = "b", .limit = 1);
	assert_hosts(st, "needle.drei", .text = "needle", .session = "b", .limit = 1,
	             .before = store_last_id(st));
	assert_hosts(st, "", .text = "eedle", .session = "b");
	assert_hosts(st, "needle.one needle.two", .text = "needle", .session = "a");
	store_close(st);
}

static void a_dismissed_event_waits_no_more_after_a_restart(void **state)
{
	struct store *st = opened();
	const uint64_t ids[] = { 1, 3, 99 };

	(void)state;
	add(st, "a", EVENT_EGRESS_BLOCKED, "one", NOW);
	add(st, "a", EVENT_EGRESS_BLOCKED, "two", NOW + 1);
	add(st, "a", EVENT_EGRESS_BLOCKED, "three", NOW + 2);
	store_dismiss(st, ids, 3);
	store_close(st);
	st = opened();
	assert_hosts(st, "two", .only_waiting = true);
	assert_hosts(st, "one two three", .limit = 9);
	store_undismiss(st, ids, 1);
	flushed(st);
	assert_hosts(st, "one two", .only_waiting = true);
	store_close(st);
}

/* Decide about what happened at since; until: what of later on it covers. */
static void decide(struct store *st, const char *name, int64_t since, int64_t until)
{
	struct event e = made("a", EVENT_INBOX_DISMISSED, name, NOW + since);

	store_decide(st, &(struct store_decision){ "dismissed", name, until, since, &e });
	event_done(&e);
}

static void a_decision_is_one_event_however_many_programs_make_it(void **state)
{
	struct store *one = opened(), *two = opened();

	(void)state;
	/* for good */
	decide(one, "block", 10, 0);
	flushed(one);
	decide(two, "block", 30, 0);
	/* of what was so far: the second knew of nothing newer, the third does */
	decide(two, "push", 10, 20);
	flushed(two);
	decide(one, "push", 15, 40);
	decide(one, "push", 30, 50);
	flushed(one);
	assert_hosts(one, "block push push", .kinds = STORE_KIND(EVENT_INBOX_DISMISSED));
	/* what is forgotten may be decided anew */
	store_note(two, "dismissed", "block", NULL);
	decide(two, "block", 60, 0);
	flushed(two);
	assert_hosts(one, "block push push block", .kinds = STORE_KIND(EVENT_INBOX_DISMISSED));
	store_close(two);
	store_close(one);
}

static void collect_note(void *arg, const char *name, const char *value)
{
	buf_addf(arg, "%s=%s ", name, value);
}

static void notes_are_kept_by_space_and_name(void **state)
{
	struct store *st = opened();
	struct buf b = BUF_INIT(4096);
	struct err err = { 0 };

	(void)state;
	store_note(st, "dismissed", "a/one", "5");
	store_note(st, "dismissed", "a/two", "6");
	store_note(st, "dismissed", "a/two", "7");
	store_note(st, "other", "x", "y");
	store_note(st, "dismissed", "a/one", NULL);
	store_close(st);
	st = opened();
	assert_int_equal(store_notes(st, "dismissed", collect_note, &b, &err), 0);
	assert_string_equal(buf_str(&b), "a/two=7 ");
	store_note(st, "dismissed", NULL, NULL);
	flushed(st);
	buf_reset(&b);
	assert_int_equal(store_notes(st, "dismissed", collect_note, &b, &err), 0);
	assert_string_equal(buf_str(&b), "");
	buf_done(&b);
	store_close(st);
}

/* --- once, and repeats --------------------------------------------------------------- */

static void what_is_said_once_is_stored_once(void **state)
{
	struct store *st = opened(), *other = opened();
	struct event e = made("a", EVENT_AGENT_EXIT, "exit", NOW);

	(void)state;
	store_add_event(st, &e, "exit L1");
	store_add_event(other, &e, "exit L1");
	store_add_event(st, &e, "exit L1");
	store_add_event(other, &e, "exit L2");
	flushed(st);
	flushed(other);
	event_done(&e);
	assert_hosts(st, "exit exit", .limit = 9);
	store_close(st);
	store_close(other);
}

static void a_repeat_of_ours_raises_count_and_time_in_place(void **state)
{
	struct store *st = opened();
	struct event e = made("a", EVENT_EGRESS_DNS, "asked", NOW);
	struct store_page p;

	(void)state;
	e.fold = 4;
	store_add_event(st, &e, NULL);
	add(st, "a", EVENT_EGRESS_DNS, "later", NOW + 1);
	e.count = 5;
	e.ts_ns = NOW + 2;
	store_add_event(st, &e, NULL);
	/* another session's fold is another */
	event_set_owner(&e, "b", "dev");
	store_add_event(st, &e, NULL);
	flushed(st);
	p = found(st, (struct store_query){ .session = "a" });
	assert_int_equal(p.n, 2);
	assert_string_equal(p.v[0].event.host, "asked");
	assert_int_equal(p.v[0].event.count, 5);
	assert_int_equal(p.v[0].event.ts_ns, NOW + 2);
	assert_int_equal(p.v[0].first_ns, NOW);
	store_page_done(&p);
	/* what never stops begins anew, so that "since" sees it */
	event_set_owner(&e, "a", "dev");
	e.count = 9;
	e.ts_ns = NOW + STORE_FOLD_NS + 1;
	store_add_event(st, &e, NULL);
	flushed(st);
	event_done(&e);
	assert_hosts(st, "asked later asked", .session = "a");
	store_close(st);
}

struct heard {
	size_t n, n_new;
	uint64_t tickets[16], ids[16];
	bool is_pending;
};

static void on_stored(void *arg, const struct stored *v, size_t n)
{
	struct heard *h = arg;

	for (size_t i = 0; i < n && h->n < 16; i++) {
		h->tickets[h->n] = v[i].ticket;
		h->ids[h->n++] = v[i].row->event.id;
		h->n_new += v[i].is_new;
		h->is_pending = v[i].is_pending;
		assert_non_null(v[i].row->event.host);
	}
}

static void what_was_stored_is_told_on_the_loop_in_order(void **state)
{
	struct heard h = { 0 };
	struct loop *loop = NULL;
	struct err err = { 0 };
	struct store *st;
	uint64_t ticket;

	(void)state;
	assert_int_equal(loop_new(&loop, &err), 0);
	st = opened_with((struct store_options){ .dir = temp_dir, .loop = loop });
	store_listen(st, on_stored, on_message, &h);
	for (int i = 0; i < 3; i++) {
		struct event e = made("a", EVENT_EGRESS_DNS, "x", NOW + i);

		ticket = store_add_event(st, &e, i ? "twice" : NULL);
		event_done(&e);
	}
	while (h.n < 3)
		assert_int_equal(loop_turn(loop, 10000, &err), 0);
	assert_int_equal(h.n_new, 2);
	assert_int_equal(h.tickets[2], ticket);
	assert_int_equal(h.ids[0], 1);
	assert_int_equal(h.ids[1], 2);
	assert_int_equal(h.ids[2], 2);
	store_close(st);
	loop_free(loop);
}

static void a_change_by_another_program_is_noticed(void **state)
{
	struct store *st = opened(), *other = opened();

	(void)state;
	store_changed(st);
	assert_false(store_changed(st));
	add(other, "a", EVENT_OTHER, "x", NOW);
	flushed(other);
	assert_true(store_changed(st));
	assert_false(store_changed(st));
	store_close(st);
	store_close(other);
}

static void a_store_in_memory_is_a_store_too(void **state)
{
	struct store *st = opened_with((struct store_options){ .dir = NULL });

	(void)state;
	assert_null(store_path(st));
	add(st, "a", EVENT_EGRESS_BLOCKED, "one", NOW);
	flushed(st);
	assert_hosts(st, "one", .text = "one", .only_waiting = true);
	assert_true(store_changed(st));
	assert_false(store_changed(st));
	store_close(st);
}

/* --- bad files ----------------------------------------------------------------------- */

static size_t set_aside(void)
{
	glob_t g;
	size_t n = 0;

	if (glob(temp_path("events.db.damaged-*"), 0, NULL, &g) == 0)
		for (size_t i = 0; i < g.gl_pathc; i++)
			n += !strstr(g.gl_pathv[i], "-wal") && !strstr(g.gl_pathv[i], "-shm");
	globfree(&g);
	return n;
}

static void fill(size_t n)
{
	struct store *st = opened();

	for (size_t i = 0; i < n; i++)
		add(st, "a", EVENT_EGRESS_BLOCKED, "kept.example", NOW + (int64_t)i);
	store_close(st);
}

static void begins_anew(void)
{
	struct store *st = opened();

	add(st, "a", EVENT_OTHER, "new.example", NOW);
	flushed(st);
	assert_hosts(st, "new.example", .limit = 100);
	assert_int_equal(set_aside(), 1);
	assert_non_null(told_message);
	assert_non_null(strstr(told_message, "events.db.damaged-"));
	store_close(st);
}

static void a_file_of_garbage_is_set_aside(void **state)
{
	(void)state;
	temp_write("events.db", "this is no database, and it is longer than a header of one is: "
	                        "................................................................");
	begins_anew();
}

static void a_file_with_a_broken_header_is_set_aside(void **state)
{
	int fd;

	(void)state;
	fill(100);
	fd = open(temp_path("events.db"), O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "XXXXXXXXXXXXXXXXXXXXXXXX", 24, 0), 24);
	close(fd);
	begins_anew();
}

static void a_database_that_is_not_ours_is_set_aside(void **state)
{
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(temp_path("events.db"), &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "CREATE TABLE events(x); PRAGMA user_version=2", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	begins_anew();
}

/* Whatever page is broken: no crash, and what is written from then on is found. */
static void damage_that_shows_later_is_set_aside_then(void **state)
{
	struct buf good = BUF_INIT(64u << 20);

	(void)state;
	fill(3000);
	assert_int_equal(file_read(temp_path("events.db"), &good), 0);
	for (size_t page = 1; page * 4096 < good.len; page += 7) {
		struct buf bad = BUF_INIT(64u << 20);
		struct err err = { 0 };
		struct store_page p = { 0 };
		struct store_query q = { .text = "kept", .session = "a" };
		struct store *st;

		buf_add(&bad, good.data, good.len);
		for (size_t i = 0; i < 4096 && page * 4096 + i < bad.len; i++)
			bad.data[page * 4096 + i] = (char)(i * 37 + page);
		unlink(temp_path("events.db-wal"));
		unlink(temp_path("events.db-shm"));
		assert_int_equal(file_write(temp_path("events.db"), 0600, bad.data, bad.len, &err),
		                 0);
		buf_done(&bad);
		st = opened();
		if (store_find(st, &q, &p, &err) == 0)
			store_page_done(&p);
		q = (struct store_query){ .limit = 5000 };
		if (store_find(st, &q, &p, &err) == 0)
			store_page_done(&p);
		add(st, "new", EVENT_OTHER, "after.example", NOW);
		flushed(st);
		assert_hosts(st, "after.example", .session = "new");
		store_close(st);
	}
	buf_done(&good);
}

static void a_cut_file_is_set_aside(void **state)
{
	(void)state;
	fill(3000);
	assert_int_equal(truncate(temp_path("events.db"), 40960), 0);
	begins_anew();
}

static void a_file_of_a_later_version_is_left_alone(void **state)
{
	struct store *st = NULL;
	struct err err = { 0 };
	struct store_options opt = { .dir = temp_dir };
	sqlite3 *db;

	(void)state;
	fill(3);
	assert_int_equal(sqlite3_open(temp_path("events.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=999", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_open(&st, &opt, &err), -1);
	assert_non_null(strstr(err.msg, "later version"));
	assert_int_equal(set_aside(), 0);
}

static void a_file_of_the_first_version_is_brought_up_to_date(void **state)
{
	struct store *st;
	sqlite3 *db;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sqlite3_open(temp_path("events.db"), &db), SQLITE_OK);
	assert_int_equal(store_db_migrate(db, 1, &err), 0);
	assert_int_equal(
		sqlite3_exec(db,
	                     "INSERT INTO events VALUES(7,1,2,1,3,1,4,'a','dev','old.test',"
	                     "'rule','what','{}')",
	                     NULL, NULL, NULL),
		SQLITE_OK);
	/* what came with the second version is not there yet */
	assert_int_not_equal(sqlite3_exec(db, "SELECT * FROM notes", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	st = opened();
	assert_hosts(st, "old.test", .session = "a");
	store_note(st, "s", "n", "v");
	add(st, "a", EVENT_OTHER, "new.test", NOW);
	flushed(st);
	assert_hosts(st, "old.test new.test", .limit = 9);
	assert_int_equal(store_last_id(st), 8);
	assert_int_equal(set_aside(), 0);
	store_close(st);
}

static void a_file_that_vanishes_is_begun_anew(void **state)
{
	struct store *st = opened();

	(void)state;
	add(st, "a", EVENT_OTHER, "one", NOW);
	flushed(st);
	unlink(temp_path("events.db"));
	unlink(temp_path("events.db-wal"));
	unlink(temp_path("events.db-shm"));
	add(st, "a", EVENT_OTHER, "two", NOW);
	flushed(st);
	assert_hosts(st, "two", .limit = 9);
	store_close(st);
	st = opened();
	assert_hosts(st, "two", .limit = 9);
	store_close(st);
}

static void while_the_file_is_locked_events_are_shown_and_stored_later(void **state)
{
	struct store *st = opened();
	struct heard h = { 0 };
	struct err err = { 0 };
	sqlite3 *db;

	(void)state;
	store_listen(st, on_stored, on_message, &h);
	assert_int_equal(sqlite3_open(temp_path("events.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	add(st, "a", EVENT_OTHER, "one", NOW);
	assert_int_equal(store_flush(st, &err), -1);
	assert_int_equal(h.n, 1);
	assert_true(h.is_pending);
	assert_int_equal(h.ids[0], 0);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	flushed(st);
	assert_int_equal(h.n, 2);
	assert_false(h.is_pending);
	assert_int_equal(h.ids[1], 1);
	assert_int_equal(h.tickets[0], h.tickets[1]);
	assert_hosts(st, "one", .limit = 9);
	store_close(st);
}

/* --- letting go ---------------------------------------------------------------------- */

static void what_is_too_old_goes(void **state)
{
	struct store *st =
		opened_with((struct store_options){ .dir = temp_dir, .max_age_ns = 3600 * SECOND });
	struct timespec now;
	struct err err = { 0 };
	int64_t ns;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &now);
	ns = now.tv_sec * SECOND;
	add(st, "a", EVENT_EGRESS_BLOCKED, "old", ns - 3700 * SECOND);
	add(st, "a", EVENT_EGRESS_DNS, "older", ns - 9999 * SECOND);
	add(st, "a", EVENT_EGRESS_BLOCKED, "young", ns - 3000 * SECOND);
	assert_int_equal(store_trim(st, &err), 0);
	assert_hosts(st, "young", .limit = 9);
	assert_hosts(st, "", .text = "old");
	store_close(st);
}

static void what_is_too_much_goes_oldest_first(void **state)
{
	const uint64_t limit = 2 << 20;
	const size_t n = 2500;
	struct store *st =
		opened_with((struct store_options){ .dir = temp_dir, .max_bytes = limit });
	char text[4000];
	struct store_page p;
	struct stat s;
	struct err err = { 0 };

	(void)state;
	skip_ids(STORE_SHARD - 1000);
	for (size_t i = 0; i < n; i++) {
		struct event e = made("a", i % 2 ? EVENT_EGRESS_DNS : EVENT_EGRESS_BLOCKED,
		                      "some.example", NOW + (int64_t)i);

		for (size_t k = 0; k < sizeof text; k++)
			text[k] = (char)('a' + (i * 7 + k * k) % 26);
		event_set_detail_text(&e, text, sizeof text, false);
		store_add_event(st, &e, NULL);
		event_done(&e);
	}
	assert_int_equal(store_trim(st, &err), 0);
	p = found(st, (struct store_query){ .limit = STORE_PAGE_MAX });
	assert_true(p.n > 100 && p.n < n / 2);
	for (size_t i = 0; i < p.n; i++)
		assert_int_equal(p.v[i].event.id, store_last_id(st) - p.n + 1 + i);
	store_page_done(&p);
	assert_hosts(st, "some.example", .text = "some", .limit = 1, .from_start = true);
	store_close(st);
	assert_int_equal(stat(temp_path("events.db"), &s), 0);
	assert_true((uint64_t)s.st_size < limit * 3 / 2);
}

/* --- secrets ------------------------------------------------------------------------- */

static bool holds(const char *name, const char *text)
{
	struct buf b = BUF_INIT(64u << 20);
	bool has;

	if (file_read(temp_path(name), &b) < 0)
		return false;
	has = memmem(buf_str(&b), b.len, text, strlen(text)) != NULL;
	buf_done(&b);
	return has;
}

static void no_secret_of_a_log_reaches_the_disk(void **state)
{
	struct pipelock_log log = { 0 };
	struct store *st = opened();
	FILE *f = fopen("tests/data/pipelock-events.jsonl", "r");
	char *text = NULL;
	size_t cap = 0, n = 0;
	ssize_t len;

	(void)state;
	assert_non_null(f);
	while ((len = getline(&text, &cap, f)) > 0) {
		struct line l = { .text = text, .len = (size_t)len - 1, .ts_ns = NOW, .stream = 1 };
		struct log_entry entry = { .reading = 1, .key = ++n };
		struct event e;

		if (pipelock_log_line(&log, &l, &e) == EVENT_FEED_NONE)
			continue;
		event_set_owner(&e, "sentinel-session", "dev");
		memcpy(entry.cursor.container, "c", 2);
		entry.cursor.ts_ns = NOW + (int64_t)n;
		entry.event = &e;
		store_add_line(st, &entry);
		event_done(&e);
	}
	free(text);
	fclose(f);
	pipelock_log_done(&log);
	flushed(st);
	assert_true(n > 100);
	/* the search itself works, and then finds none */
	assert_true(holds("events.db", "sentinel-session") ||
	            holds("events.db-wal", "sentinel-session"));
	assert_false(holds("events.db", "FAKE-") || holds("events.db-wal", "FAKE-"));
	assert_false(holds("events.db", "fake-") || holds("events.db-wal", "fake-"));
	store_close(st);
	assert_false(holds("events.db", "FAKE-") || holds("events.db", "fake-"));
}

/* The store keeps the numbers: they may not move. */
static void numbers_of_kinds_stay(void **state)
{
	static const char *const kinds[] = {
		"other",         "egress.blocked",   "egress.dlp",
		"egress.dns",    "egress.allowed",   "egress.error",
		"push.accepted", "push.rejected",    "push.failed",
		"push.held",     "push.oversize",    "fetch.ok",
		"fetch.failed",  "hostkey.changed",  "gate.ready",
		"session.state", "isolation.result", "agent.notify",
		"agent.exit",    "policy.changed",   "log.gap",
	};
	static const char *const verdicts[] = { "", "allow", "warn", "block", "fail", "hold" };
	static const char *const sources[] = { "claude-bottle", "pipelock", "resolver", "git-gate",
		                               "keeper",        "agent",    "probe",    "engine" };

	(void)state;
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		assert_string_equal(event_kind_name((enum event_kind)i), kinds[i]);
	for (unsigned i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
		assert_string_equal(event_verdict_name((enum event_verdict)i), verdicts[i]);
	for (unsigned i = 0; i < sizeof sources / sizeof *sources; i++)
		assert_string_equal(event_source_name((enum event_source)i), sources[i]);
	assert_true(EVENT_KINDS <= CLASS_KIND);
}

static int teardown(void **state)
{
	free(told_message);
	told_message = NULL;
	return temp_dir_drop(state);
}

/* A program that does this and ends; it was forked before there was any connection. */
struct other {
	pid_t pid;
	int go;
};

static struct other other_program(const char *host)
{
	struct other o;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	o.pid = fork();
	assert_true(o.pid >= 0);
	if (o.pid == 0) {
		struct store *st;
		char c;

		close(fds[1]);
		if (read(fds[0], &c, 1) != 1)
			_exit(2);
		st = opened();
		add(st, "b", EVENT_EGRESS_BLOCKED, host, NOW);
		free(hosts(st, (struct store_query){ .session = "b" }));
		store_close(st);
		_exit(0);
	}
	close(fds[0]);
	o.go = fds[1];
	return o;
}

static void run(struct other o)
{
	int status = 0;

	assert_int_equal(write(o.go, "x", 1), 1);
	close(o.go);
	assert_int_equal(waitpid(o.pid, &status, 0), o.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Whoever closes the file last removes its log: who has it open must be known to be. */
static void a_program_that_ends_takes_nothing_from_one_that_goes_on(void **state)
{
	struct other first = other_program("first"), second = other_program("second");
	struct store *st = opened();

	(void)state;
	add(st, "a", EVENT_EGRESS_BLOCKED, "before", NOW);
	flushed(st);
	assert_hosts(st, "before", .session = "a"); /* it writes, and reads */
	run(first);
	assert_hosts(st, "first", .session = "b");
	add(st, "a", EVENT_EGRESS_BLOCKED, "after", NOW + SECOND);
	flushed(st);
	run(second);
	assert_hosts(st, "first second", .session = "b");
	assert_hosts(st, "before after", .session = "a");
	store_close(st);
	st = opened();
	assert_hosts(st, "before after", .session = "a");
	assert_hosts(st, "first second", .session = "b");
	store_close(st);
}

#define T(f) cmocka_unit_test_setup_teardown(f, temp_dir_make, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_event_comes_back_as_it_went_in),
		T(the_file_and_its_folder_are_ours_alone),
		T(pages_go_both_ways_by_time),
		T(filters_hold_together),
		T(text_is_found_by_the_beginnings_of_words),
		T(text_is_found_in_every_shard),
		T(a_decision_is_one_event_however_many_programs_make_it),
		T(a_dismissed_event_waits_no_more_after_a_restart),
		T(notes_are_kept_by_space_and_name),
		T(what_is_said_once_is_stored_once),
		T(a_repeat_of_ours_raises_count_and_time_in_place),
		T(what_was_stored_is_told_on_the_loop_in_order),
		T(a_change_by_another_program_is_noticed),
		T(a_store_in_memory_is_a_store_too),
		T(a_file_of_garbage_is_set_aside),
		T(a_file_with_a_broken_header_is_set_aside),
		T(a_database_that_is_not_ours_is_set_aside),
		T(damage_that_shows_later_is_set_aside_then),
		T(a_cut_file_is_set_aside),
		T(a_file_of_a_later_version_is_left_alone),
		T(a_file_of_the_first_version_is_brought_up_to_date),
		T(a_file_that_vanishes_is_begun_anew),
		T(a_program_that_ends_takes_nothing_from_one_that_goes_on),
		T(while_the_file_is_locked_events_are_shown_and_stored_later),
		T(what_is_too_old_goes),
		T(what_is_too_much_goes_oldest_first),
		T(no_secret_of_a_log_reaches_the_disk),
		T(numbers_of_kinds_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
