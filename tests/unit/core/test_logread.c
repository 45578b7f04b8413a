/* Logs into the store: each line exactly once, whatever happens meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/core/temp_dir.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/err.h"
#include "core/event.h"
#include "core/lines.h"
#include "core/logread.h"
#include "core/store.h"

#define SECOND 1000000000ll
#define NOW (1767225600 * SECOND)
#define LINES 10000

/* A container's log, as an engine keeps it. */
struct entry {
	int64_t ts_ns;
	char text[200];
};

struct log {
	const char *container;
	enum session_role role;
	struct entry *v;
	size_t n, dropped; /* those that were rotated away */
	/* Newer engines look for the first line that is young enough and give all after
	 * it; 20.10 looks at each line's stamp. */
	bool is_new_engine;
	int64_t set_back_ns; /* how much the clock may have been set back since it was read */
};

static void put(struct log *l, int64_t ts_ns, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void put(struct log *l, int64_t ts_ns, const char *fmt, ...)
{
	va_list ap;

	l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n].ts_ns = ts_ns;
	va_start(ap, fmt);
	vsnprintf(l->v[l->n].text, sizeof l->v[l->n].text, fmt, ap);
	va_end(ap);
	l->n++;
}

/* A refused request of its own host, or a line that gives no event. */
static void put_block(struct log *l, int64_t ts_ns, size_t i)
{
	put(l, ts_ns,
	    "{\"level\":\"warn\",\"component\":\"pipelock\",\"event\":\"blocked\",\"method\":"
	    "\"GET\","
	    "\"url\":\"https://h%zu.test/\",\"scanner\":\"allowlist\",\"reason\":\"no\"}",
	    i);
}

static void put_noise(struct log *l, int64_t ts_ns)
{
	put(l, ts_ns, "Pipelock stopped.");
}

static void log_done(struct log *l)
{
	free(l->v);
	*l = (struct log){ 0 };
}

/* --- reading it -------------------------------------------------------------------------- */

struct reading {
	struct store *store;
	size_t n_entries, stop_after; /* 0: never */
	int progress;                 /* a descriptor, or -1 */
};

static bool on_entry(void *arg, const struct log_entry *e)
{
	struct reading *r = arg;

	store_add_line(r->store, e);
	r->n_entries++;
	if (r->progress >= 0 && r->n_entries % 50 == 0 && write(r->progress, ".", 1) != 1)
		_exit(3);
	if (r->progress >= 0 && r->n_entries % 400 == 0) {
		struct err err = { 0 };

		store_flush(r->store, &err);
	}
	return r->n_entries != r->stop_after;
}

static void read_log(struct reading *r, const struct log *l)
{
	struct log_cursor from = { .ts_ns = 0 };
	struct err err = { 0 };
	struct logread reader;
	bool has_begun = false;
	int64_t since;

	snprintf(from.container, sizeof from.container, "%s", l->container);
	if (store_cursor(r->store, &from, &err) < 0)
		fail_msg("%s", err.msg);
	if (from.clock_ns)
		from.clock_ns += l->set_back_ns;
	since = logread_since(l->role, &from);
	logread_init(&reader, l->role, "implementer", "dev", 0, &from, on_entry, r);
	for (size_t i = l->dropped; i < l->n; i++) {
		struct line line = { .text = l->v[i].text,
			             .len = strlen(l->v[i].text),
			             .ts_ns = l->v[i].ts_ns,
			             .stream = l->v[i].text[0] == '{' ? 1 : 2 };

		if (line.ts_ns < since && !(l->is_new_engine && has_begun))
			continue;
		has_begun = true;
		if (logread_line(&reader, &line))
			break;
	}
	logread_done(&reader);
}

static struct store *opened(void)
{
	const struct store_options opt = { .dir = temp_dir, .max_age_ns = INT64_MAX };
	struct store *st = NULL;
	struct err err = { 0 };

	if (store_open(&st, &opt, &err) < 0)
		fail_msg("%s", err.msg);
	return st;
}

/* Read in a store opened for it, up to a number of entries. */
static void read_up_to(const struct log *l, size_t stop_after)
{
	struct reading r = { .store = opened(), .stop_after = stop_after, .progress = -1 };

	read_log(&r, l);
	store_close(r.store);
}

static struct store_page all(struct store *st, uint64_t kinds)
{
	const struct store_query q = { .limit = STORE_PAGE_MAX,
		                       .kinds = kinds,
		                       .with_probes = true };
	struct store_page p = { 0 };
	struct err err = { 0 };

	if (store_find(st, &q, &p, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

static int by_id(const void *a, const void *b)
{
	const struct store_row *x = a, *y = b;

	return (x->event.id > y->event.id) - (x->event.id < y->event.id);
}

/* Are the hosts h0, h1, ... stored, each once, in the order of the log? */
static void assert_each_once(size_t n)
{
	struct store *st = opened();
	struct store_page p = all(st, STORE_KIND(EVENT_EGRESS_BLOCKED));

	assert_int_equal(p.n, n);
	qsort(p.v, p.n, sizeof *p.v, by_id);
	for (size_t i = 0; i < n; i++) {
		char host[40];

		snprintf(host, sizeof host, "h%zu.test", i);
		assert_string_equal(p.v[i].event.host, host);
		assert_int_equal(p.v[i].event.count, 1);
	}
	store_page_done(&p);
	store_close(st);
}

static size_t gaps(void)
{
	struct store *st = opened();
	struct store_page p = all(st, STORE_KIND(EVENT_LOG_GAP));
	size_t n = p.n;

	for (size_t i = 0; i < n; i++)
		assert_true(p.v[i].is_waiting);
	store_page_done(&p);
	store_close(st);
	return n;
}

/* --- going on -------------------------------------------------------------------------------- */

static void reading_goes_on_behind_the_last_line(void **state)
{
	struct log l = { .container = "c", .role = ROLE_PIPELOCK };
	struct reading r = { .progress = -1 };

	(void)state;
	for (size_t i = 0; i < 100; i++)
		put_block(&l, NOW + (int64_t)i * SECOND, i);
	read_up_to(&l, 40);
	read_up_to(&l, 0);
	assert_each_once(100);
	/* what was read gives nothing again */
	r.store = opened();
	read_log(&r, &l);
	assert_int_equal(r.n_entries, 0);
	store_close(r.store);
	put_noise(&l, NOW + 200 * SECOND);
	put_block(&l, NOW + 201 * SECOND, 100);
	read_up_to(&l, 0);
	assert_each_once(101);
	assert_int_equal(gaps(), 0);
	log_done(&l);
}

static void lines_of_one_stamp_are_told_apart(void **state)
{
	struct log l = { .container = "c", .role = ROLE_PIPELOCK };

	(void)state;
	for (size_t i = 0; i < 60; i++) {
		put_block(&l, NOW + (int64_t)(i / 20), i);
		put_noise(&l, NOW + (int64_t)(i / 20));
	}
	for (size_t stop = 1; stop < 120; stop += 7)
		read_up_to(&l, 7);
	read_up_to(&l, 0);
	assert_each_once(60);
	assert_int_equal(gaps(), 0);
	log_done(&l);
}

/* The very same text at the very same time, twice, is two events. */
static void equal_lines_of_one_stamp_are_two(void **state)
{
	struct log l = { .container = "c", .role = ROLE_PIPELOCK };
	struct store_page p;
	struct store *st;

	(void)state;
	for (int i = 0; i < 4; i++)
		put_block(&l, NOW, 7);
	read_up_to(&l, 3);
	read_up_to(&l, 0);
	read_up_to(&l, 0);
	st = opened();
	p = all(st, 0);
	assert_int_equal(p.n, 4);
	store_page_done(&p);
	store_close(st);
	log_done(&l);
}

/* The clock goes back over stamps that were there, on old and on new engines. */
static void a_clock_that_is_set_back_loses_nothing(void **state)
{
	(void)state;
	for (int is_new = 0; is_new < 2; is_new++) {
		struct log l = { .container = is_new ? "new" : "old",
			         .role = ROLE_PIPELOCK,
			         .is_new_engine = is_new,
			         .set_back_ns = is_new ? 0 : 90 * SECOND };

		for (size_t i = 0; i < 300; i++)
			put_block(&l,
			          NOW + (int64_t)(i < 100   ? i
			                          : i < 200 ? i - 90
			                                    : i - 150) *
			                          SECOND,
			          i);
		for (size_t at = 0; at < 300; at += 13)
			read_up_to(&l, 13);
		read_up_to(&l, 0);
		assert_each_once(300);
		assert_int_equal(gaps(), 0);
		log_done(&l);
		temp_dir_drop(state);
		temp_dir_make(state);
	}
}

/* It was set back while nobody read: the cursor knows what the clock was. */
static void a_clock_that_was_set_back_meanwhile_is_noticed(void **state)
{
	struct log_cursor c = { .container = "c", .ts_ns = NOW, .max_ns = NOW, .count = 1 };

	(void)state;
	c.clock_ns = logread_clock();
	assert_int_equal(logread_since(ROLE_GATE, &c), NOW - 2 * SECOND);
	c.clock_ns += 3600 * SECOND;
	assert_true(logread_since(ROLE_GATE, &c) <= NOW - 3601 * SECOND);
	assert_true(logread_since(ROLE_GATE, &c) >= NOW - 3603 * SECOND);
	c.ts_ns = 0;
	assert_int_equal(logread_since(ROLE_GATE, &c), 0);
}

/* --- gaps --------------------------------------------------------------------------------------
 */

static void lines_that_were_rotated_away_are_said_once(void **state)
{
	struct log l = { .container = "c", .role = ROLE_PIPELOCK };
	struct store_page p;
	struct store *st;

	(void)state;
	for (size_t i = 0; i < 50; i++)
		put_block(&l, NOW + (int64_t)i * SECOND, i);
	read_up_to(&l, 10);
	l.dropped = 20;
	read_up_to(&l, 5);
	read_up_to(&l, 0);
	assert_int_equal(gaps(), 1);
	st = opened();
	p = all(st, STORE_KIND(EVENT_EGRESS_BLOCKED));
	assert_int_equal(p.n, 40);
	store_page_done(&p);
	store_close(st);
	/* another one is another */
	for (size_t i = 50; i < 99; i++)
		put_block(&l, NOW + (int64_t)i * SECOND, i);
	l.dropped = 60;
	read_up_to(&l, 0);
	assert_int_equal(gaps(), 2);
	log_done(&l);
}

static void some_of_the_lines_of_a_stamp_missing_is_a_gap(void **state)
{
	struct log l = { .container = "c", .role = ROLE_GATE };

	(void)state;
	for (size_t i = 0; i < 10; i++)
		put(&l, NOW, "line %zu", i);
	read_up_to(&l, 0);
	l.dropped = 3;
	read_up_to(&l, 0);
	assert_int_equal(gaps(), 0); /* nothing came after: nothing is known to be lost */
	put(&l, NOW + SECOND, "another");
	read_up_to(&l, 0);
	read_up_to(&l, 0);
	assert_int_equal(gaps(), 1);
	log_done(&l);
}

static void what_is_only_rotated_after_it_was_read_is_no_gap(void **state)
{
	struct log l = { .container = "c", .role = ROLE_PIPELOCK };

	(void)state;
	for (size_t i = 0; i < 50; i++)
		put_block(&l, NOW + (int64_t)i * SECOND, i);
	read_up_to(&l, 0);
	l.dropped = 49;
	put_block(&l, NOW + 50 * SECOND, 50);
	read_up_to(&l, 0);
	assert_each_once(51);
	assert_int_equal(gaps(), 0);
	log_done(&l);
}

/* --- repeats -------------------------------------------------------------------------------------
 */

static void put_lookup(struct log *l, int64_t ts_ns, const char *name)
{
	put(l, ts_ns, "dnsmasq[1]: query[A] %s from 10.0.0.2", name);
	put(l, ts_ns, "dnsmasq[1]: config error is REFUSED (EDE: not ready)");
}

/* However often reading starts anew, and between question and answer too. */
static void repeats_are_counted_once_each(void **state)
{
	struct log l = { .container = "r", .role = ROLE_RESOLVER };
	size_t asked = 0, other = 0, n_asked = 0;
	struct store_page p;
	struct store *st;

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		put_lookup(&l, NOW + (int64_t)i * SECOND / 2, "again.test");
		if (i % 10 == 0)
			put_lookup(&l, NOW + (int64_t)i * SECOND / 2, "seldom.test");
	}
	for (int i = 0; i < 40; i++)
		read_up_to(&l, 11);
	read_up_to(&l, 0);
	st = opened();
	p = all(st, 0);
	for (size_t i = 0; i < p.n; i++) {
		const struct event *e = &p.v[i].event;

		assert_int_equal(e->kind, EVENT_EGRESS_DNS);
		if (strcmp(e->host, "again.test") == 0) {
			asked += e->count;
			n_asked++;
			assert_true(e->ts_ns - p.v[i].first_ns <= STORE_FOLD_NS);
		} else {
			assert_string_equal(e->host, "seldom.test");
			other += e->count;
		}
	}
	assert_int_equal(asked, 200);
	assert_int_equal(other, 20);
	assert_int_equal(n_asked, 2); /* 100 s, cut at a minute */
	store_page_done(&p);
	store_close(st);
	log_done(&l);
}

/* --- two at once, and killed
 * ---------------------------------------------------------------------- */

/* Ten thousand lines: of one stamp in threes, with noise, and the clock set back over
 * stamps that were there. Returns how many are events. */
static size_t make_long_log(struct log *l)
{
	size_t n = 0;

	l->set_back_ns = SECOND * 11 / 10;
	for (size_t i = 0; i < LINES; i++) {
		size_t tick = (i < 6000 ? i : i - 300) / 3;
		int64_t ts_ns = NOW + (int64_t)tick * (SECOND / 100);

		if (i % 10 == 9)
			put_noise(l, ts_ns);
		else
			put_block(l, ts_ns, n++);
	}
	return n;
}

static void two_programs_at_once_make_no_doubles(void **state)
{
	struct log l = { .container = "c", .role = ROLE_PIPELOCK };
	size_t n = make_long_log(&l);
	pid_t pids[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			read_up_to(&l, 0);
			_exit(0);
		}
	}
	for (size_t i = 0; i < 3; i++) {
		int status = -1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	/* which of them stored a line does not matter, so the order of ids need not be the
	 * log's; that of time is */
	struct store *st = opened();
	struct store_page p = all(st, STORE_KIND(EVENT_EGRESS_BLOCKED));
	char *seen = xcalloc(n, 1);

	assert_int_equal(p.n, n);
	for (size_t i = 0; i < p.n; i++) {
		size_t host = strtoul(p.v[i].event.host + 1, NULL, 10);

		assert_true(host < n && !seen[host]);
		seen[host] = 1;
	}
	free(seen);
	store_page_done(&p);
	store_close(st);
	assert_int_equal(gaps(), 0);
	log_done(&l);
}

/* Kill a program that reads after it said so many times that it goes on. True when it
 * had come to the end before. */
static bool read_and_be_killed(const struct log *l, size_t after)
{
	int fds[2], status = 0;
	size_t n = 0;
	pid_t pid;
	char c;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct reading r = { .store = opened(), .progress = fds[1] };

		close(fds[0]);
		signal(SIGPIPE, SIG_IGN);
		read_log(&r, l);
		store_close(r.store);
		_exit(0);
	}
	close(fds[1]);
	while (n < after && (read(fds[0], &c, 1) == 1))
		n++;
	if (n == after)
		kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
	return WIFEXITED(status);
}

static void a_kill_at_any_moment_leaves_each_event_once(void **state)
{
	struct log l = { .container = "c", .role = ROLE_PIPELOCK };
	size_t n = make_long_log(&l), kills = 0;
	unsigned seed = 20261125;

	(void)state;
	while (!read_and_be_killed(&l, 1 + (seed = seed * 1103515245 + 12345) / 65536 % 48)) {
		assert_true(++kills < 2000);
	}
	printf("# %zu kills\n", kills);
	assert_true(kills >= 10);
	assert_each_once(n);
	assert_int_equal(gaps(), 0);
	log_done(&l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, temp_dir_make, temp_dir_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reading_goes_on_behind_the_last_line),
		T(lines_of_one_stamp_are_told_apart),
		T(equal_lines_of_one_stamp_are_two),
		T(a_clock_that_is_set_back_loses_nothing),
		T(a_clock_that_was_set_back_meanwhile_is_noticed),
		T(lines_that_were_rotated_away_are_said_once),
		T(some_of_the_lines_of_a_stamp_missing_is_a_gap),
		T(what_is_only_rotated_after_it_was_read_is_no_gap),
		T(repeats_are_counted_once_each),
		T(two_programs_at_once_make_no_doubles),
		T(a_kill_at_any_moment_leaves_each_event_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
