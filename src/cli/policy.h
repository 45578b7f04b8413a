/* What the verbs of live policy share: allow, revoke, policy, why, freeze, thaw. */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "cli/cli.h"
#include "core/policy.h"

/* What a session may reach now; the caller's. Waits. */
int cli_policy(struct cli *c, const char *session, struct policy **out, struct err *err);

/* One change under way; several may be. Zeroed but for its first part. */
struct cli_change {
	const char *session;
	struct policy_change change;	/* by is filled in */
	struct policy *policy;		/* in force then; the caller's, NULL when it failed */
	struct err err;			/* why it failed */
	bool is_done;
	char *by;
};

/* Begin it, and wait for one; what was decided, or refused, is then in the store.
 * Waited for exactly once. */
void cli_change_start(struct cli *c, struct cli_change *change);
int cli_change_wait(struct cli *c, struct cli_change *change, struct err *err);

/* Keep it as an event that the host was written into the manifest. why may be NULL. */
void cli_policy_saved(struct cli *c, const char *session, const char *bottle, const char *host,
                      const char *why);

/* "policy test FILE"; the exit code. */
int cli_policy_test(struct cli *c, const char *file, bool is_json);

#endif
