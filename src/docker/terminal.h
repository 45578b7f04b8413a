/* Terminals of a session over hijacked connections: attach to the agent's, or a
 * shell by exec. Their output is raw, as both have a TTY. */
#ifndef DOCKER_TERMINAL_H
#define DOCKER_TERMINAL_H

#include "core/backend.h"

struct engine;

struct backend_stream *terminal_open(struct engine *e, const struct stream_request *req,
                                     const struct stream_events *ev, void *arg);
int terminal_send(struct backend_stream *s, const void *data, size_t len);
void terminal_resize(struct backend_stream *s, int rows, int cols);
void terminal_pause(struct backend_stream *s, bool is_paused);
void terminal_close(struct backend_stream *s);	/* NULL is fine */

#endif
