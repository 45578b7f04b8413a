/* Recording a running fleet: what a backend says of its sessions, their events and
 * their terminals goes to a file as it comes, in the format of docs/replay.md.
 *
 * The file is new, of mode 0600, and as long as RECORDER_BYTES_MAX at most. What
 * an agent shows on its terminal is in it as it was shown: nobody can tell what
 * of that is secret.
 *
 * What was there before is at t 0: the sessions, their kept events, and of each
 * terminal the end of the engine's log. What the gate recorded of a push is read when
 * an event speaks of it, and follows that.
 */
#ifndef CORE_RECORDER_H
#define CORE_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/backend.h"

struct err;
struct loop;
struct recorder;

/* A reader takes 64 MiB and 200,000 lines. */
#define RECORDER_BYTES_MAX ((uint64_t)60 << 20)
#define RECORDER_LINES_MAX 190000
#define RECORDER_LOG_MAX   ((size_t)256 << 10)	/* of each terminal, from before */

struct recorder_options {
	const struct backend_ops *ops;
	struct backend *backend;
	const char *path;
	char *const *sessions;		/* names, NULL ends them; NULL: all */
	int rows, cols;			/* terminals are made so large; 0: as they are */
	uint64_t bytes_max;		/* 0: RECORDER_BYTES_MAX */
	/* It cannot go on: the file is full (err NULL), or could not be written. */
	void (*ended)(void *arg, const struct err *err);
	void *arg;
};

struct recorder_stats {
	size_t sessions, events, lines;
	uint64_t bytes;
};

/* Begins at once. Fails when path exists, or cannot be made. Strings are borrowed. */
int recorder_start(struct recorder **out, struct loop *loop, const struct recorder_options *opt,
                   struct err *err);

/* Ends it and closes the file; *stats (may be NULL) says what is in it. Not from
 * within a callback; the loop must not turn again before the backend is closed.
 * NULL is fine. */
int recorder_stop(struct recorder *r, struct recorder_stats *stats, struct err *err);

#endif
