/* What the engine kept of an agent's terminal: the end of its log.
 *
 * With a TTY the log is the terminal's own bytes, without frames. The engine
 * writes a line of it when the line ends (or 16 KB came without an end), so what
 * is on the screen may not be in it yet.
 */
#ifndef DOCKER_HISTORY_H
#define DOCKER_HISTORY_H

#include "core/backend.h"

struct engine;
struct history;

/* As backend_ops.history; owner is freed with free() after fn. */
struct history *history_start(struct engine *e, const char *session, size_t max,
                              backend_history_fn *fn, void *arg, void *owner);
void history_stop(struct history *h);		/* not after fn */

#endif
