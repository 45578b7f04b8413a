/* What the demo's verb (cmd_demo.c) and its six tries (demo_probes.c) share. */
#ifndef CLI_DEMO_RUN_H
#define CLI_DEMO_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"
#include "cli/interrupt.h"
#include "core/demo.h"
#include "docker/demo_keys.h"

struct engine;

#define DEMO_EVENTS_MAX 512

struct demo_run {
	struct cli *cli;
	struct engine *engine; /* of our own, for the upstream */
	struct interrupt interrupt;
	struct demo_keys keys;
	struct plan *plan; /* NULL until the session runs */
	int lock;			/* lock_attended(); -1 for none */
	struct backend_job *follow;
	struct event events[DEMO_EVENTS_MAX]; /* what claude-bottle saw, in order */
	size_t n_events;
	struct demo_table table;
};

/* Turn the loop until *done. Fails when interrupted, or after ms (ERR_FAILED;
 * then *was_late, which may be NULL, is set). */
int demo_wait(struct demo_run *d, const bool *done, unsigned ms, bool *was_late, struct err *err);

/* Try one of them: fills its row. Fails only when going on makes no sense: then
 * the session is gone, or the person wants to stop. */
int demo_try(struct demo_run *d, enum demo_probe p, struct err *err);

#endif
