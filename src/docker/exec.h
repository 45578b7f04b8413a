/* Run a program in a container, collect what it writes, learn its exit code.
 *
 * Three requests: exec create, exec start (whose answer is the program's output
 * in frames, until it ends), exec inspect for the code.
 */
#ifndef DOCKER_EXEC_H
#define DOCKER_EXEC_H

#include "core/backend.h"

struct engine;
struct exec;

/* user NULL: the container's own. req->session is not looked at. fn runs once,
 * from the loop, unless exec_stop() came first; owner is then freed with free().
 * Everything is copied. */
struct exec *exec_start(struct engine *e, const char *container, const char *user,
                        const struct exec_request *req, backend_exec_fn *fn, void *arg,
                        void *owner);

void exec_stop(struct exec *x);		/* not after fn */

#endif
