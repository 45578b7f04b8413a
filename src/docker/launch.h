/* Execute a plan: every step as soon as what it waits for is done, over
 * persistent connections; undo all of it when one fails.
 *
 * The launch makes the CA, reads keys and secrets into memory, and wipes them
 * when it ends. Secrets reach the agent only after every isolation check held.
 * Undoing goes by the launch's label, not by what we remember to have made: a
 * request whose answer was lost may have been carried out.
 */
#ifndef DOCKER_LAUNCH_H
#define DOCKER_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/backend.h"

struct engine;
struct launch;

struct launch_options {
	const char *install;
	const char *home;	/* of the person, for skills; NULL when unknown */
	bool force;
	int64_t released_ns;	/* of a session that is only verified; else 0 */
	bool was_forced;	/* likewise; that stays on its record */
};

/* plan, secrets and what they point to must outlive the launch. ev->done runs
 * exactly once, from the loop, and frees the launch. */
struct launch *launch_start(struct engine *e, const struct plan *plan,
                            const struct launch_secret *secrets, size_t n_secrets,
                            const struct launch_options *opt, const struct launch_events *ev,
                            void *arg);

/* Fail it now: it is undone, and done reports that it was given up. */
void launch_cancel(struct launch *l);

#endif
