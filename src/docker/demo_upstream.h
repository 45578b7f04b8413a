/* The demo's upstream: one container beside a running session, in its egress
 * network, which answers to the demo's host names there.
 *
 * It has the session's labels, so whatever removes the session removes it too, and
 * makes the session an attended one: left over when the demo's program is gone.
 * Everything here waits for the engine (engine_sync).
 */
#ifndef DOCKER_DEMO_UPSTREAM_H
#define DOCKER_DEMO_UPSTREAM_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/demo.h"

struct demo_keys;
struct engine;
struct err;
struct plan;

struct demo_upstream {
	const char *install;
	const char *image;
	const struct plan *plan;	/* of the launch that made the session */
};

/* Create it, give it its keys, start it. It gets ready by itself: see the next. */
int demo_upstream_start(struct engine *e, const struct demo_upstream *u,
                        const struct demo_keys *keys, struct err *err);

/* What it has said so far, on both streams; "" and err's fault when it has ended. */
int demo_upstream_log(struct engine *e, const char *session, struct buf *out, struct err *err);
#define DEMO_UPSTREAM_READY "demo-upstream ready"

/* Its container's name, for exec; the caller frees it. */
char *demo_upstream_container(const char *session);

/* Does the engine have the image, and does its label say that it is a stand-in? */
int demo_image_look(struct engine *e, const char *ref, bool *is_there, bool *is_standin,
                    struct err *err);

/* Ask the engine, by label, what there is of a session. */
int demo_count_left(struct engine *e, const char *install, const char *session,
                    struct demo_left *out, struct err *err);

#endif
