/* A session's pushes: the gate's own program, run in the gate's container by exec
 * as the gate's user (docs/sidecars.md, "The spool"). Only who may talk to the engine
 * gets there; the agent reaches the gate on port 9418 and nowhere else. */
#ifndef DOCKER_PUSHES_H
#define DOCKER_PUSHES_H

#include "core/backend.h"

struct engine;
struct pushes;

/* Everything is copied. fn runs once, from the loop, unless pushes_stop() came
 * first; owner is then freed with free(). */
struct pushes *pushes_list(struct engine *e, const char *session, backend_pushes_fn *fn, void *arg,
                           void *owner);
struct pushes *pushes_read(struct engine *e, const char *session, const char *id,
                           backend_push_fn *fn, void *arg, void *owner);
struct pushes *pushes_decide(struct engine *e, const struct push_decision *d, backend_push_fn *fn,
                             void *arg, void *owner);

void pushes_stop(struct pushes *p);	/* not after fn */

#endif
