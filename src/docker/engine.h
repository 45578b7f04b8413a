/* A Docker Engine: its API over libcurl's multi interface on our loop.
 *
 * Everything is asynchronous. engine_send() starts one HTTP request on a
 * pooled, persistent connection; its callback runs exactly once, from the loop,
 * never from inside engine_send(). Any number may be under way.
 *
 * The API version is negotiated by engine_connect(): the newest that both
 * sides know. Requests sent before that fail.
 *
 * Endpoints: unix:///path. The choice of an endpoint is kept apart (struct
 * engine_endpoint in engine.c), so that tcp with TLS and ssh fit in; asking for
 * those is refused with a clear message.
 *
 * Protocol: Docker Engine API, v1.41 and later.
 */
#ifndef DOCKER_ENGINE_H
#define DOCKER_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

struct loop;
struct engine;
struct engine_call;

#define ENGINE_API_OURS	   47	/* the newest minor version of API 1 that we speak... */
#define ENGINE_API_FLOOR   41	/* ...and the oldest: Docker Engine 20.10 */
#define ENGINE_BODY_MAX	   (8u << 20)
#define ENGINE_TIMEOUT_MS  120000L

struct engine_reply {
	int status;		/* HTTP status; 0 when no whole answer came: err says why */
	struct buf body;	/* empty when on_data took it */
	struct err err;
};

typedef void engine_done_fn(void *arg, const struct engine_reply *reply);

/* Bytes of the answer as they come. Return false to give up the request (its
 * done callback still runs, with status 0). */
typedef bool engine_data_fn(void *arg, const char *data, size_t len);

struct engine_request {
	const char *method;
	const char *path;		/* begins with '/', without the version; with its query */
	const char *content_type;	/* NULL: application/json when there is a body */
	const char *body;		/* borrowed until the done callback; NULL for none */
	size_t body_len;
	bool is_unversioned;		/* /version, /_ping */
	long timeout_ms;		/* 0: ENGINE_TIMEOUT_MS; -1: none, for streams */
	size_t body_max;		/* 0: ENGINE_BODY_MAX */
	engine_data_fn *on_data;	/* NULL: collect the body. Called for 2xx only */
	engine_done_fn *on_done;
	/* Instead of on_done when the engine is closed meanwhile: to free arg, no more.
	 * May be NULL. */
	void (*on_drop)(void *arg);
	void *arg;
};

/* host: as DOCKER_HOST; NULL takes DOCKER_HOST, else /var/run/docker.sock. */
int engine_open(struct engine **out, struct loop *loop, const char *host, struct err *err);

/* Cancels what is under way, without callbacks; hijacks must be closed before. NULL
 * is fine. Not from within a callback. */
void engine_close(struct engine *e);

/* Ask for /version and settle on an API version. Fills err with ERR_ENGINE when
 * the engine cannot be reached or is too old. */
int engine_connect(struct engine *e, struct err *err);
bool engine_is_connected(const struct engine *e);
const char *engine_version(const struct engine *e);	/* "20.10.24", "" before connect */
int engine_api_minor(const struct engine *e);		/* 41 for 1.41; 0 before connect */
const char *engine_host(const struct engine *e);	/* for messages */
struct loop *engine_loop(const struct engine *e);

/* path, content_type and arg's life: path is copied, body is borrowed. */
struct engine_call *engine_send(struct engine *e, const struct engine_request *req);

/* Give up a request: its callback does not run. NULL is fine; not to be used
 * once the callback ran. May be called from any callback. */
void engine_cancel(struct engine_call *call);

/* 0 when the status is 2xx or 304; else fill err with "what: the engine's own
 * words" and return -1. */
int engine_check(const struct engine_reply *reply, struct err *err, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

/* Turn the loop until the request is answered: for code that has nothing else
 * to do. reply->body is the caller's, to be released with buf_done(); on_done
 * and arg of the request are ignored. */
void engine_sync(struct engine *e, const struct engine_request *req, struct engine_reply *reply);

/* Append s, escaped for a path segment or a query value. */
void engine_escape(struct buf *b, const char *s);

#endif
