/* A hijacked connection: after the engine's 101 answer (attach, exec start) the
 * HTTP connection carries raw bytes both ways.
 *
 * The transport is a CONNECT_ONLY handle that stays inside the engine's multi:
 * removing it would close the connection. We speak the HTTP/1.1 upgrade over it
 * ourselves (Docker Engine API, "Attach to a container": Hijacking).
 *
 * Reading never stops on its own: an engine whose reader stalls blocks the
 * container's output. A turn reads at most HIJACK_TURN_MAX bytes, and nothing
 * while its owner has paused it.
 */
#ifndef DOCKER_HIJACK_H
#define DOCKER_HIJACK_H

#include <stdbool.h>
#include <stddef.h>

struct engine;
struct err;
struct hijack;

#define HIJACK_TURN_MAX	 (256u << 10)
#define HIJACK_QUEUE_MAX (2u << 20)	/* bytes that wait to be sent */

struct hijack_events {
	void (*on_open)(void *arg);			/* may be NULL */
	void (*on_data)(void *arg, const char *data, size_t len);
	/* The other side ended it (err NULL), or it failed. Runs at most once, and
	 * not after hijack_close(); the hijack is still to be closed by its owner. */
	void (*on_end)(void *arg, const struct err *err);
};

/* POST body (JSON) to path and take the connection over. Failures come by
 * on_end; no answer in 30 s is one. events must outlive the hijack. */
struct hijack *hijack_open(struct engine *e, const char *path, const char *body,
                           const struct hijack_events *events, void *arg);

/* Queue bytes, which the loop sends; they may be queued before it is open. -1 when more than
 * HIJACK_QUEUE_MAX would wait: nothing of them is then sent. Copies of what was
 * sent are wiped. */
int hijack_send(struct hijack *h, const void *data, size_t len);

/* Allowed in its own callbacks. */
void hijack_pause(struct hijack *h, bool is_paused);

void hijack_close(struct hijack *h);	/* NULL is fine; allowed in its own callbacks */

#endif
