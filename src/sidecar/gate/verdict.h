/* Verdict lines: what the gate decided, one JSON object a line on the container's
 * stdout (docs/sidecars.md lists the events and their fields).
 *
 * A line is shorter than PIPE_BUF and goes out in one write, so lines of
 * processes that write at the same time never tear. Everything in it that came
 * from outside is masked (findings_mask) and cleaned (text_clean) here, in the
 * one place that all of it passes.
 */
#ifndef GATE_VERDICT_H
#define GATE_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct findings;
struct ref_updates;

#define VERDICT_MAX 4096 /* PIPE_BUF; the newline counts */

struct verdict {
	const char *event;
	const char *repo, *peer;     /* NULL: left out */
	const char *service;         /* NULL: left out */
	const char *reason, *detail; /* NULL: "" */
	int64_t ms;                  /* of events about a connection */
	/* of events about a push: id non-NULL */
	const char *id;
	const struct ref_updates *refs;
	const struct findings *findings;
	bool is_unscanned; /* nobody looked at the refs' names: long words in them are masked */
	size_t commits;
	int64_t scan_ms, forward_ms, total_ms;
	int hold_s;                /* of push.held; 0: left out */
	const char *by, *message;  /* who decided, and what they said; NULL: left out */
	/* of gate.ready: scanner non-NULL */
	const char *scanner, *scanner_version;
	size_t repos;
};

/* A ref or path as it is shown; the caller frees it. */
char *verdict_name(const struct findings *f, bool is_unscanned, const char *name);

/* Append the line, newline included, to out. When it would be too long, fewer
 * refs and findings and shorter texts are given, and "truncated" is true.
 * unix_ms is the time to state. */
void verdict_render(struct buf *out, const struct verdict *v, int64_t unix_ms);

/* Render with the time of now and write it to fd. */
int verdict_emit(int fd, const struct verdict *v);

#endif
