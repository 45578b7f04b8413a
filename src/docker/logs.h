/* The logs of a session's members, turned into events as they come.
 *
 * Path of a byte: engine → docker/frames → core/lines → core/logread, which knows the
 * members' readers and where reading was left → the caller. Each member's lines stay
 * in order; between members there is none but their time stamps.
 */
#ifndef DOCKER_LOGS_H
#define DOCKER_LOGS_H

#include "core/backend.h"

struct buf;
struct engine;
struct follow;

/* done runs once, when no member's log is open any more, unless follow_stop()
 * came first; owner is then freed with free(). The request is copied. */
struct follow *follow_start(struct engine *e, const char *install,
                            const struct follow_request *req, backend_event_fn *fn,
                            backend_done_fn *done, void *arg, void *owner);

/* The request that lists a session's containers. */
void logs_members_path(struct buf *out, const char *install, const char *session);

/* Not after done. From within fn is fine: it is then the last call of fn. */
void follow_stop(struct follow *f);

#endif
