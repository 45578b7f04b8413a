/* The last of a session's logs, before its containers are removed.
 *
 * An engine forgets a container's log with the container, so what writes is ended
 * first: the agent gets SIGTERM and its seconds, then the members around it, whose
 * logs hold what became of its last requests. The keeper stays: it writes none that
 * is read, and what is stopped before a removal may still be looked at.
 */
#ifndef DOCKER_DRAIN_H
#define DOCKER_DRAIN_H

#include "core/backend.h"

struct engine;

/* fn is called once, when the logs were read to their end, or err says what failed:
 * some of them may be read then. The request is copied. */
void drain_start(struct engine *e, const char *install, const struct follow_request *req,
                 backend_done_fn *fn, void *arg);

#endif
