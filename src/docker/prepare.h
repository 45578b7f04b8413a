/* Planning a launch: pure. From an agent of the manifest and the engine's facts
 * to every step, with what each waits for.
 *
 * The order, in short: networks, keeper (which makes the tmpfs volumes) → the
 * other members created → files put into them → started → ready → the agent
 * started (its first process waits) → isolation checks → secrets and release →
 * the result left with the keeper. Everything that need not wait does not.
 */
#ifndef DOCKER_PREPARE_H
#define DOCKER_PREPARE_H

#include "core/backend.h"

struct err;
struct facts;

struct prepare_options {
	const char *install;
	const char *launch;		/* random, for the labels and the choice of subnets */
	const char *subnet_pool;	/* NULL: the default */
	const char *upstream_ca;	/* more CAs that pipelock trusts: a file; NULL for none */
	/* prepare_verify: what the session may reach now; NULL: as its bottle says */
	const struct policy *policy;
	bool without_probes;
	const char *images[ROLE_COUNT];	/* of all members that the agent needs */
};

int prepare_plan(struct plan **out, const struct launch_request *req, const struct facts *facts,
                 const struct prepare_options *opt, struct err *err);

/* The checks alone, for a session that runs; agent may be NULL when the manifest
 * has it no more: then the checks that need a host of its list are left out.
 * What the plan makes (the probe's container) has a launch id of its own. */
int prepare_verify(struct plan **out, const char *session, const struct agent_spec *agent,
                   const struct facts *facts, const struct prepare_options *opt,
                   struct err *err);

#endif
