/* How fast log bytes become events: the recorded lines of pipelock, framed and
 * stamped as the engine sends them, through frames, lines, the classifier and JSON.
 *
 * The peer is cJSON parsing the same lines and printing them again, without a look
 * at what they say. Prints lines per second; ratio is ours to the peer's. What is
 * needed is far below: a busy fleet writes a thousand lines a second. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/event.h"
#include "core/lines.h"
#include "core/pipelock_log.h"
#include "docker/frames.h"

#define CORPUS "tests/data/pipelock-events.jsonl"
#define STAMP "2026-11-24T20:14:46.123456789Z "
#define ROUNDS 400
#define RUNS 5
#define BAR 0.25

struct bench {
	struct buf wire; /* one round, as frames */
	struct buf text; /* one round, as lines */
	struct pipelock_log log;
	struct lines lines;
	size_t n_lines, n_events;
	bool only_splits;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int on_line(void *ctx, const struct line *l)
{
	struct bench *b = ctx;
	struct buf json = BUF_INIT(65536);
	struct event e;

	b->n_lines++;
	if (b->only_splits || pipelock_log_line(&b->log, l, &e) == EVENT_FEED_NONE)
		return 0;
	event_json(&json, &e);
	b->n_events++;
	event_done(&e);
	buf_done(&json);
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

static int load(struct bench *b)
{
	FILE *f = fopen(CORPUS, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!f)
		return -1;
	while ((n = getline(&line, &cap, f)) > 0) {
		size_t len = (size_t)n + strlen(STAMP);
		unsigned char head[FRAMES_HEADER] = {
			1, 0, 0, 0, 0, 0, (unsigned char)(len >> 8), (unsigned char)len
		};

		buf_add(&b->wire, head, sizeof head);
		buf_adds(&b->wire, STAMP);
		buf_add(&b->wire, line, (size_t)n);
		buf_add(&b->text, line, (size_t)n);
	}
	free(line);
	fclose(f);
	return b->wire.overflowed || b->text.overflowed ? -1 : 0;
}

/* Lines per second of one run through our path, fed in pieces of 16 KiB. */
static double ours(struct bench *b, bool only_splits)
{
	struct frames f;
	struct err err;
	double start = now();

	b->n_lines = 0;
	b->only_splits = only_splits;
	lines_init(&b->lines, 1, true, 0, on_line, b);
	frames_init(&f, false, on_data, b);
	for (int i = 0; i < ROUNDS; i++)
		for (size_t at = 0; at < b->wire.len; at += 16384) {
			size_t n = b->wire.len - at;

			if (frames_feed(&f, b->wire.data + at, n < 16384 ? n : 16384, &err) < 0)
				exit(1);
		}
	lines_done(&b->lines);
	return (double)b->n_lines / (now() - start);
}

static double peer(const struct bench *b)
{
	double start = now();
	size_t n = 0;

	for (int i = 0; i < ROUNDS; i++)
		for (const char *s = b->text.data, *nl; (nl = strchr(s, '\n')); s = nl + 1) {
			cJSON *root = cJSON_ParseWithLength(s, (size_t)(nl - s));

			cJSON_free(cJSON_PrintUnformatted(root));
			cJSON_Delete(root);
			n++;
		}
	return (double)n / (now() - start);
}

int main(void)
{
	static struct bench b = { .wire = BUF_INIT(1 << 22), .text = BUF_INIT(1 << 22) };
	double best = 0, best_split = 0, best_peer = 0;

	if (load(&b) < 0) {
		fprintf(stderr, "bench_lines: cannot read " CORPUS "; run it from the top\n");
		return 1;
	}
	/* interleaved, best of each: what else the machine does hits all alike */
	for (int i = 0; i < RUNS; i++) {
		double v = ours(&b, false);

		best = v > best ? v : best;
		v = ours(&b, true);
		best_split = v > best_split ? v : best_split;
		v = peer(&b);
		best_peer = v > best_peer ? v : best_peer;
	}
	printf("frames and lines alone: %.0f lines/s, %.0f MB/s\n", best_split,
	       best_split * (double)b.wire.len / 115 / 1e6);
	printf("bench: log-to-event ours=%.0f peer=%.0f ratio=%.2f bar=%.2f %s\n", best, best_peer,
	       best / best_peer, BAR, best / best_peer >= BAR ? "ok" : "short");
	pipelock_log_done(&b.log);
	buf_done(&b.wire);
	buf_done(&b.text);
	return 0;
}
