/* The seam of the durable store: events and how far each log was read.
 *
 * Both are written by one call, which is one transaction: after a crash either
 * the events of a log line are stored and the cursor is behind it, or neither
 * happened, so that reading on from the cursor neither loses nor repeats.
 *
 * A line's key is (container, started_at, ts_ns, ordinal among the lines with
 * that very stamp); the cursor names the last line that was read. A reader asks
 * the engine for lines since ts_ns and skips count of them at that stamp; when
 * fewer come than were counted, lines were lost: EVENT_LOG_GAP.
 */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct event;

#define STORE_ID_SIZE 72 /* a container's id, with the NUL */

struct log_cursor {
	char container[STORE_ID_SIZE];
	char started_at[40]; /* the engine's State.StartedAt: a restart begins a new log */
	int64_t ts_ns;       /* of the last line read */
	unsigned count;      /* lines read with that stamp */
};

struct store;

struct store_ops {
	/* Append n events (n may be 0) and move the cursor (NULL: leave it). Sets the
	 * id of each new event. One with EVENT_FEED_REPEAT comes with is_repeat[i]
	 * and updates count and time of the stored one with the same container and
	 * fold; is_repeat may be NULL. */
	int (*append)(struct store *st, struct event *const *events, const _Bool *is_repeat,
	              size_t n, const struct log_cursor *cursor, struct err *err);
	/* Fill ts_ns and count of the cursor for c's container and started_at; zero
	 * when that log was never read. */
	int (*cursor)(struct store *st, struct log_cursor *c, struct err *err);
	void (*close)(struct store *st);
};

struct store {
	const struct store_ops *ops; /* the implementation's own state follows */
};

#endif
