/* What a plan must know of an engine before it can be made: gathered in one
 * round of parallel requests, so that planning itself is pure.
 */
#ifndef DOCKER_FACTS_H
#define DOCKER_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/session.h"
#include "docker/subnet.h"

struct engine;
struct err;

struct facts {
	bool has_runsc;
	struct subnet *taken;		/* every IPv4 subnet of the engine's networks */
	size_t n_taken;
	char **host;			/* the host's own addresses, as far as we know them */
	char **peers;			/* addresses of members of other sessions */
	char **missing_images;		/* references that the engine does not have */
	char **agent_entrypoint;	/* the agent image's own; NULL for none */
	char **agent_cmd;
	/* Of the session itself, when it exists already. */
	bool session_exists;		/* a container bears its name */
	char *volume;			/* one that a launch would make is there; NULL: none */
	bool has_gate;
	char *launch;			/* the one that made it; NULL when there is none */
	struct subnet internal;
};

typedef void facts_fn(void *arg, struct facts *facts, const struct err *err);

/* fn gets the facts (its own, to be freed) or NULL and err. images: the
 * references that the plan will use, NULL for members it has not. */
void facts_gather(struct engine *e, const char *install, const char *session,
                  const char *const images[ROLE_COUNT], facts_fn *fn, void *arg);

void facts_free(struct facts *f);	/* NULL is fine */

#endif
