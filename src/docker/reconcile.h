/* What sessions exist? The engine is asked by label, never by name.
 *
 * A session's isolation result lies with its keeper; one without a record was
 * never released, or by a program that died in the middle.
 */
#ifndef DOCKER_RECONCILE_H
#define DOCKER_RECONCILE_H

#include "core/backend.h"

struct engine;

/* Records that were read. One is a file in a container, and reading that costs the
 * engine far more than all the rest of a list (about 75 ms of CPU on 20.10), so a
 * released session's is believed for RECORDS_KEEP_MS. */
struct records;

#define RECORDS_KEEP_MS 30000

struct records *records_new(void);
void records_free(struct records *r);	/* NULL is fine */
void records_forget(struct records *r);	/* one was written just now */

/* All sessions with this installation's label, by name. lock_dir tells a launch
 * that goes on from one whose program died (core/lock). records must outlive it;
 * NULL: each is read anew. */
void reconcile(struct engine *e, struct records *records, const char *install,
               const char *lock_dir, backend_list_fn *fn, void *arg);

#endif
