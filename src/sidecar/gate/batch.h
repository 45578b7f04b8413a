/* Reads what `git cat-file --batch` prints: for each object
 *
 *	<id> <type> <size>\n<size bytes>\n
 *
 * or "<id> missing\n", which is an error here. Objects come in pieces, so their
 * size does not matter.
 */
#ifndef GATE_BATCH_H
#define GATE_BATCH_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct batch_events {
	/* Each returns -1 to stop (having filled err as it likes). */
	int (*on_object)(void *ctx, const char *oid, const char *type, uint64_t size,
	                 struct err *err);
	int (*on_data)(void *ctx, const char *data, size_t len, struct err *err);
	int (*on_end)(void *ctx, struct err *err);
};

struct batch_reader {
	const struct batch_events *events;
	void *ctx;
	char head[256];
	size_t head_len;
	uint64_t left; /* bytes of the object that are still to come */
	enum { BATCH_HEAD, BATCH_DATA, BATCH_NEWLINE } state;
};

/* A zeroed reader with events and ctx set is ready. */
int batch_feed(struct batch_reader *r, const char *data, size_t len, struct err *err);
int batch_finish(const struct batch_reader *r, struct err *err);

/* Run `git cat-file --batch`, in this process's environment, over the ids in a
 * file (one a line). */
int batch_run(const char *ids, const struct batch_events *events, void *ctx, int64_t deadline,
              struct err *err);

#endif
