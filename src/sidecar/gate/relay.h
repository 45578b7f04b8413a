/* Between a client and receive-pack.
 *
 * The bytes pass through this process, which is how it can count them (a push
 * over the limit never reaches the hook), notice a client that went silent, and
 * go on reading when receive-pack gives up early: a client whose connection is
 * reset while it is sending never sees the reason.
 */
#ifndef GATE_RELAY_H
#define GATE_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "util.h"

#define RELAY_HEAD 65536

struct relay {
	int sock;           /* non-blocking */
	int to, from, said; /* receive-pack's stdin, stdout, stderr: our ends, non-blocking */
	int64_t idle_ms;    /* nothing moves for so long: stop */
	uint64_t most;      /* bytes that are read from a client whom nobody listens to */
	struct buf head;    /* the first RELAY_HEAD bytes from the client */
	struct buf tail;    /* the end of receive-pack's stderr */
	uint64_t received;  /* bytes from the client */
	bool is_idle;       /* it was stopped for that */
	/* the client has gone, or says no more; may be NULL */
	void (*on_gone)(void *arg);
	void *arg;
};

/* Run until receive-pack has closed its outputs and the client has all of them.
 * Closes to, from and said; head and tail need no more than their max set. */
void relay_run(struct relay *r);

#endif
