/* Tear down everything that carries a label, and nothing else.
 *
 * It lists, removes and lists again until nothing is left: a request whose
 * answer was lost may still have created something. Containers go first (their
 * anonymous volumes with them), then networks and named volumes. What another
 * has attached to one of our networks is never touched; it is named in err.
 */
#ifndef DOCKER_TEARDOWN_H
#define DOCKER_TEARDOWN_H

#include <stdbool.h>

struct engine;
struct err;

struct teardown_filter {
	const char *install;	/* required: the label's value */
	const char *session;	/* NULL: any */
	const char *launch;	/* NULL: any; at least one of the two is given */
};

typedef void teardown_fn(void *arg, const struct err *err);

/* is_graceful sends the agent SIGTERM and a few seconds first. A removal that
 * is settling (something may still appear) waits and looks once more. */
void teardown(struct engine *e, const struct teardown_filter *filter, bool is_graceful,
              bool is_settling, teardown_fn *fn, void *arg);

#endif
