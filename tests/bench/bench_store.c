/* How fast the store takes log lines, and how fast it answers with a million events.
 *
 * Ingest: the recorded lines of pipelock, framed and stamped as the engine sends them,
 * through frames, lines, the classifier and the queue, until the last is committed and
 * indexed for full-text search. Queries: the middle one of a few runs each, on a store of
 * BENCH_EVENTS events (1,000,000) of twenty sessions. One line for each figure, with
 * its bar. BENCH_DIR is where the file is made (a disk, not a tmpfs, tells the truth);
 * BENCH_KEEP leaves it there. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/event.h"
#include "core/lines.h"
#include "core/mem.h"
#include "core/pipelock_log.h"
#include "core/store.h"
#include "docker/frames.h"

#define CORPUS "tests/data/pipelock-events.jsonl"
#define STAMP_LEN 31
#define INGEST_LINES 100000 /* in one of the rounds, of which the best counts */
#define INGEST_ROUNDS 4
#define SESSIONS 20
#define START_NS 1767225600000000000ll
#define STEP_NS 1000000ll
#define RUNS 7

struct bench {
	struct store *store;
	struct pipelock_log log;
	struct lines lines;
	struct log_cursor cursor;
	size_t n_lines, n_events;
	struct event *samples;
	size_t n_samples;
	bool is_short;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const struct err *err)
{
	fprintf(stderr, "bench_store: %s\n", err->msg);
	exit(1);
}

static void report(struct bench *b, const char *what, double v, double bar, bool is_rate)
{
	bool is_ok = is_rate ? v >= bar : v <= bar;

	printf("%-44s %s=%.*f bar=%.0f %s\n", what, is_rate ? "lines/s" : "ms", is_rate ? 0 : 1, v,
	       bar, is_ok ? "ok" : "short");
	b->is_short |= !is_ok;
}

static struct store *open_store(const char *dir)
{
	const struct store_options opt = { .dir = dir,
		                           .max_bytes = 8ull << 30,
		                           .max_age_ns = INT64_MAX };
	struct err err = { 0 };
	struct store *st;

	if (store_open(&st, &opt, &err) < 0)
		fail(&err);
	return st;
}

static void flush(struct store *st)
{
	struct err err = { 0 };

	if (store_flush(st, &err) < 0)
		fail(&err);
}

/* --- ingest -------------------------------------------------------------------------- */

static int on_line(void *ctx, const struct line *l)
{
	struct bench *b = ctx;
	struct log_entry entry = { .reading = 1, .key = ++b->n_lines };
	struct event e;
	enum event_feed feed = pipelock_log_line(&b->log, l, &e);

	b->cursor.ts_ns = b->cursor.max_ns = l->ts_ns;
	b->cursor.count = 1;
	entry.cursor = b->cursor;
	if (feed != EVENT_FEED_NONE) {
		event_set_owner(&e, "implementer", "dev");
		entry.event = &e;
		entry.is_repeat = feed == EVENT_FEED_REPEAT;
		b->n_events++;
	}
	store_add_line(b->store, &entry);
	if (feed != EVENT_FEED_NONE)
		event_done(&e);
	return 0;
}

static int on_data(void *ctx, enum frames_stream stream, const char *data, size_t n, bool is_first)
{
	struct bench *b = ctx;

	(void)stream;
	if (is_first)
		lines_message(&b->lines);
	return lines_feed(&b->lines, data, n);
}

/* Where the stamps of the round stand, so that each line gets a time of its own. */
static void stamp_all(struct buf *wire, const size_t *at, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++) {
		size_t line = from + i;
		char text[STAMP_LEN + 1];

		snprintf(text, sizeof text, "2026-01-01T%02zu:%02zu:%02zu.%09zuZ ",
		         line / 3600000 % 24, line / 60000 % 60, line / 1000 % 60,
		         line % 1000 * 1000000);
		memcpy(wire->data + at[i], text, STAMP_LEN);
	}
}

static size_t load(struct buf *wire, size_t *at, size_t max)
{
	FILE *f = fopen(CORPUS, "r");
	char *line = NULL;
	size_t cap = 0, n = 0;
	ssize_t len;

	if (!f) {
		fprintf(stderr, "bench_store: cannot read " CORPUS "; run it from the top\n");
		exit(1);
	}
	while (n < max && (len = getline(&line, &cap, f)) > 0) {
		size_t size = (size_t)len + STAMP_LEN;
		unsigned char head[FRAMES_HEADER] = {
			1, 0, 0, 0, 0, 0, (unsigned char)(size >> 8), (unsigned char)size
		};

		buf_add(wire, head, sizeof head);
		at[n++] = wire->len;
		buf_adds(wire, "2026-01-01T00:00:00.000000000Z ");
		buf_add(wire, line, (size_t)len);
	}
	free(line);
	fclose(f);
	return n;
}

static void ingest(struct bench *b, const char *dir)
{
	struct buf wire = BUF_INIT(1 << 22);
	size_t at[256], n = load(&wire, at, 256);
	struct frames f;
	double best = 0;

	b->store = open_store(dir);
	memcpy(b->cursor.container, "bench", 6);
	lines_init(&b->lines, 1, true, 0, on_line, b);
	frames_init(&f, false, on_data, b);
	for (int round = 0; round < INGEST_ROUNDS; round++) {
		size_t from = b->n_lines;
		double start = now(), rate;

		while (b->n_lines < from + INGEST_LINES) {
			struct err err = { 0 };

			stamp_all(&wire, at, n, b->n_lines);
			if (frames_feed(&f, wire.data, wire.len, &err) < 0)
				fail(&err);
		}
		flush(b->store);
		rate = (double)(b->n_lines - from) / (now() - start);
		best = rate > best ? rate : best;
	}
	report(b, "ingest", best, 50000, true);
	printf("  of %zu lines %zu were events\n", b->n_lines, b->n_events);
	store_close(b->store);
	lines_done(&b->lines);
	pipelock_log_done(&b->log);
	buf_done(&wire);
}

/* --- a million ----------------------------------------------------------------------- */

static void load_samples(struct bench *b)
{
	FILE *f = fopen(CORPUS, "r");
	struct pipelock_log log = { 0 };
	char *text = NULL;
	size_t cap = 0;
	ssize_t len;

	while (f && (len = getline(&text, &cap, f)) > 0) {
		struct line l = {
			.text = text, .len = (size_t)len - 1, .ts_ns = START_NS, .stream = 1
		};
		struct event e;

		if (pipelock_log_line(&log, &l, &e) == EVENT_FEED_NONE)
			continue;
		b->samples = xreallocarray(b->samples, b->n_samples + 1, sizeof e);
		b->samples[b->n_samples++] = e;
	}
	free(text);
	fclose(f);
	pipelock_log_done(&log);
}

static void fill(struct bench *b, const char *dir, size_t n)
{
	double start = now();

	load_samples(b);
	b->store = open_store(dir);
	for (size_t i = 0; i < n; i++) {
		struct event e;
		char session[40], host[64];
		size_t r = i * 2654435761u;

		event_copy(&e, &b->samples[r % b->n_samples]);
		snprintf(session, sizeof session, "agent%zu", r / 7 % SESSIONS);
		event_set_owner(&e, session, "dev");
		snprintf(host, sizeof host, "www%zu.site%zu.example", r / 3 % 50, r / 11 % 4000);
		event_set_host(&e, host, strlen(host));
		e.ts_ns = START_NS + (int64_t)i * STEP_NS;
		e.fold = 0;
		if (i % 50000 == 7) {
			e.kind = EVENT_PUSH_REJECTED;
			event_set_summary(&e, "push refused: needle%zu in a haystack", i);
		}
		store_add_event(b->store, &e, NULL);
		event_done(&e);
	}
	flush(b->store);
	printf("  filled %zu events in %.1f s\n", n, now() - start);
	store_close(b->store);
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The middle one of some runs: what else the machine does is not ours. */
static double typical(struct store *st, const struct store_query *q, size_t *n)
{
	double ms[RUNS];

	for (int i = 0; i < RUNS; i++) {
		struct store_page p = { 0 };
		struct err err = { 0 };
		double start = now();

		if (store_find(st, q, &p, &err) < 0)
			fail(&err);
		ms[i] = (now() - start) * 1e3;
		*n = p.n;
		store_page_done(&p);
	}
	qsort(ms, RUNS, sizeof *ms, by_size);
	return ms[RUNS / 2];
}

static void queries(struct bench *b, const char *dir, size_t n_events)
{
	const uint64_t mid = n_events / 2;
	const struct {
		const char *what;
		struct store_query q;
		double bar;
	} list[] = {
		{ "page, the newest", { .limit = 200 }, 50 },
		{ "page, 20,000 of the newest (history)", { .limit = 20000 }, 1000 },
		{ "page, before the middle", { .before = mid, .limit = 200 }, 50 },
		{ "page, after the middle", { .after = mid, .limit = 200 }, 50 },
		{ "page, the oldest", { .from_start = true, .limit = 200 }, 50 },
		{ "filter, session", { .session = "agent3", .limit = 200 }, 50 },
		{ "filter, session before the middle",
		  { .session = "agent3", .before = mid, .limit = 200 },
		  50 },
		{ "filter, a kind that is rare",
		  { .kinds = STORE_KIND(EVENT_PUSH_REJECTED), .limit = 200 },
		  50 },
		{ "filter, session and two kinds",
		  { .session = "agent3",
		    .kinds = STORE_KIND(EVENT_PUSH_REJECTED) | STORE_KIND(EVENT_EGRESS_DLP),
		    .limit = 200 },
		  50 },
		{ "filter, what waits, the oldest",
		  { .only_waiting = true, .from_start = true, .limit = 200 },
		  50 },
		{ "filter, since and until",
		  { .since_ns = START_NS + (int64_t)(mid - 5000) * STEP_NS,
		    .until_ns = START_NS + (int64_t)mid * STEP_NS,
		    .limit = 200 },
		  50 },
		{ "filter, no such session", { .session = "nobody", .limit = 200 }, 50 },
		{ "text, one in fifty thousand", { .text = "needle haystack", .limit = 200 }, 200 },
		{ "text, a host", { .text = "www7.site1", .limit = 200 }, 200 },
		{ "text, in every event", { .text = "example", .limit = 200 }, 200 },
		{ "text, the beginning of hosts' words", { .text = "si", .limit = 200 }, 200 },
		{ "text, session and rare kind",
		  { .text = "haystack",
		    .session = "agent3",
		    .kinds = STORE_KIND(EVENT_PUSH_REJECTED),
		    .limit = 200 },
		  200 },
		{ "text, common, in a rare kind",
		  { .text = "example", .kinds = STORE_KIND(EVENT_PUSH_REJECTED), .limit = 200 },
		  200 },
		{ "text, common, in one session",
		  { .text = "example", .session = "agent3", .limit = 200 },
		  200 },
		{ "text, nowhere", { .text = "zzzqqq", .limit = 200 }, 200 },
	};
	const struct store_query first = { .limit = 200 };
	struct store_page p = { 0 };
	struct err err = { 0 };
	double start = now();
	size_t n;

	b->store = open_store(dir);
	if (store_find(b->store, &first, &p, &err) < 0)
		fail(&err);
	report(b, "open to first page", (now() - start) * 1e3, 100, false);
	store_page_done(&p);
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		char what[80];
		double ms = typical(b->store, &list[i].q, &n);

		snprintf(what, sizeof what, "%s (%zu)", list[i].what, n);
		report(b, what, ms, list[i].bar, false);
	}
	start = now();
	if (store_count(b->store, &(struct store_query){ .only_waiting = true }, 1000, &n, &err) <
	    0)
		fail(&err);
	report(b, "count what waits, to 1000", (now() - start) * 1e3, 50, false);
	store_close(b->store);
}

static void remove_all(const char *dir)
{
	static const char *const names[] = { "", "-wal", "-shm", ".lock" };
	char path[PATH_MAX];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s/" STORE_FILE_NAME "%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
	static struct bench b;
	const char *base = getenv("BENCH_DIR"), *events = getenv("BENCH_EVENTS");
	size_t n = events ? strtoul(events, NULL, 10) : 1000000;
	char dir[PATH_MAX], ingest_dir[PATH_MAX + 8];

	snprintf(dir, sizeof dir, "%s/bench-store-XXXXXX", base ? base : "build");
	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	snprintf(ingest_dir, sizeof ingest_dir, "%s/ingest", dir);
	ingest(&b, ingest_dir);
	remove_all(ingest_dir);
	fill(&b, dir, n);
	queries(&b, dir, n);
	if (!getenv("BENCH_KEEP"))
		remove_all(dir);
	for (size_t i = 0; i < b.n_samples; i++)
		event_done(&b.samples[i]);
	free(b.samples);
	return b.is_short;
}
