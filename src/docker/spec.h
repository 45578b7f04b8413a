/* The JSON that makes a session's networks and containers: pure functions from
 * a plan's names to request bodies (Docker Engine API 1.41, NetworkCreate and
 * ContainerCreate). What each member is allowed is decided here and nowhere
 * else; docs/sidecars.md says why.
 */
#ifndef DOCKER_SPEC_H
#define DOCKER_SPEC_H

#include <stdbool.h>

#include "core/manifest.h"
#include "core/session.h"
#include "docker/subnet.h"

#define UID_AGENT	1000
#define UID_SIDECAR	65534	/* keeper, pipelock, resolver */
#define UID_GATE	65533

/* Go reads this file and the image's folder of CAs. */
#define PIPELOCK_UPSTREAM_CA "/etc/pipelock/upstream-ca.pem"

#define SPEC_HELPER	"/claude-bottle/helper"	/* our program, where it was put */
#define SPEC_PIPELOCK	"/pipelock"		/* pipelock, in its image */

#define SPEC_HOLD_PIPELOCK "/hold/pipelock"	/* pipelock's folder, in the keeper */

#define AGENT_HOME	"/home/agent"
#define AGENT_WORKSPACE "/workspace"
#define AGENT_ETC	"/etc/claude-bottle"	/* our files in the agent's container */
#define AGENT_RUN	"/run/claude-bottle"	/* its tmpfs */
#define AGENT_STATE	"/var/lib/claude-bottle" /* where its hooks leave what they claim */

/* Host numbers in the internal subnet. */
enum spec_address {
	ADDRESS_AGENT = 2,
	ADDRESS_PIPELOCK = 3,
	ADDRESS_RESOLVER = 4,
	ADDRESS_GATE = 5,
};

/* What the bodies are made from. Strings are borrowed. */
struct spec {
	const char *session;
	const char *launch;
	const char *install;
	const char *digest;
	const char *color;	/* NULL for none */
	const char *runtime;		/* of the agent */
	const struct agent_spec *agent;	/* NULL only where just a probe is made */
	struct subnet internal, egress;
	const char *images[ROLE_COUNT];
	char *const *command;		/* the agent's, resolved: the image's own if need be */
	char *const *probe_args;
	bool upstream_ca;		/* pipelock trusts PIPELOCK_UPSTREAM_CA too */
};

/* Names, to be freed: "cb-SESSION-agent", "cb-SESSION-internal", ... */
char *spec_container(const char *session, enum session_role role);
char *spec_network(const char *session, bool is_egress);
char *spec_volume(const char *session, enum session_role role);

/* Bodies, to be freed. */
char *spec_network_body(const struct spec *s, bool is_egress);
char *spec_container_body(const struct spec *s, enum session_role role);
char *spec_connect_body(const struct spec *s, enum session_role role);	/* to egress */

/* The folder that the agent starts in. */
const char *spec_agent_dir(const struct agent_spec *a);

#endif
