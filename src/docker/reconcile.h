/* What sessions exist? The engine is asked by label, never by name.
 *
 * A session's isolation result lies with its keeper; one without a record was
 * never released, or by a program that died in the middle.
 */
#ifndef DOCKER_RECONCILE_H
#define DOCKER_RECONCILE_H

#include "core/backend.h"

struct engine;

/* All sessions with this installation's label, by name. lock_dir tells a launch
 * that goes on from one whose program died (core/lock). */
void reconcile(struct engine *e, const char *install, const char *lock_dir, backend_list_fn *fn,
               void *arg);

#endif
