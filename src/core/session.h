/* Sessions: one launch of an agent, running or ended, and its members.
 *
 * The engine is the truth. A session here is what a backend last saw of it; it
 * holds no secret. States change by session_may_become() alone.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/claim.h"
#include "core/manifest.h"

struct buf;

enum session_role {
	ROLE_AGENT,
	ROLE_PIPELOCK,
	ROLE_RESOLVER,
	ROLE_KEEPER,
	ROLE_GATE,
	ROLE_PROBE,	/* lives for seconds, during a launch or a verify */
	ROLE_OTHER,	/* an upstream of the demo, or of a newer version */
};
#define ROLE_COUNT (ROLE_OTHER + 1)

const char *session_role_name(enum session_role role);		/* "agent", "git-gate", ... */
enum session_role session_role_parse(const char *name);		/* ROLE_OTHER when unknown */

enum session_state {
	SESSION_STOPPED,	/* nothing of it is left, or its agent ended with 0 */
	SESSION_STARTING,	/* being launched by a program that is alive, or a part of it */
	SESSION_RUNNING,
	SESSION_STOPPING,
	SESSION_FAILED,		/* its agent ended otherwise, or a member is missing */
};

const char *session_state_name(enum session_state s);
bool session_may_become(enum session_state from, enum session_state to);

#define SESSION_COLOR_SIZE 8	/* "#rrggbb" or a name, and the NUL */

/* Names that a colour may have; NULL ends them. */
extern const char *const session_colors[];
bool session_color_is_valid(const char *s);	/* one of them, or "#rrggbb" */

#define ISOLATION_WARNINGS_MAX 400

/* What the isolation probes said when it was launched. */
struct isolation_result {
	unsigned passed;
	unsigned total;		/* 0: no record, show "unverified" */
	unsigned warned;
	bool was_forced;	/* released in spite of a failure */
	char warnings[ISOLATION_WARNINGS_MAX];	/* text, of this run only; failures first
						 * when it was forced */
};

struct session_member {
	enum session_role role;
	char *id;		/* the engine's container id */
	char *name;
	char *image;
	char *state;		/* the engine's word: "running", "exited", ... */
	char *status;		/* its prose: "Up 3 minutes" */
};

struct session {
	char name[MANIFEST_NAME_MAX + 1];
	char *agent;
	char *bottle;
	char *launch;		/* id of the launch that made it */
	char *digest;		/* of the manifest it was launched from */
	enum session_state state;
	int exit_code;		/* of the agent, when it has ended; else -1 */
	int64_t created;	/* Unix time */
	char color[SESSION_COLOR_SIZE];	/* chosen for this launch; "": the agent's own */
	struct claim claim;	/* only when whoever listed it asked for it */
	struct isolation_result isolation;
	bool is_attended;	/* of no use once the program that started it is gone */
	bool is_frozen;		/* its agent is paused: core/policy.h, POLICY_FREEZE */
	bool was_released;	/* the keeper has this launch's record */
	int64_t released_ns;	/* when, CLOCK_REALTIME; before it only our probes acted */
	struct session_member *members;
	size_t n_members;
	size_t n_networks, n_volumes;
};

struct session_list {
	struct session *v;
	size_t n;
};

struct session *session_list_find(const struct session_list *l, const char *name);
const struct session_member *session_member(const struct session *s, enum session_role role);
void session_list_done(struct session_list *l);		/* NULL is fine */

/* For people (a table with a header) and for programs (a JSON array). */
void session_list_text(struct buf *b, const struct session_list *l);
void session_list_json(struct buf *b, const struct session_list *l);

#endif
