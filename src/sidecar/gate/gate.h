/* Where things are in the gate's container, and what its processes hand on.
 *
 * One program plays every part; the name or the first argument says which:
 *
 *	git-gate serve		the container's command (serve.h)
 *	git-gate VERB ID ...	run by whoever may run programs in the container (operator.h)
 *	.../hooks/pre-receive	run by receive-pack (hook.h)
 *	.../scan-path/git	run by gitleaks: gives it the gate's stream (scan.h)
 *
 * A connection has a process of its own, which runs receive-pack, which runs the
 * hook. Two descriptors go down that line under fixed numbers: the container's
 * stdout for verdicts, and the repository's lock. The lock is a flock(), which
 * belongs to the open file and not to a process: the hook takes it before it
 * forwards, and as the connection's process holds the same file open, it stays
 * taken until receive-pack has moved the gate's refs and is gone.
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#define GATE_CONFIG "/etc/git-gate/gate.json"
#define GATE_REPOS "/git"
#define GATE_RUN "/run/git-gate"
#define GATE_SCRATCH GATE_RUN "/scratch"
#define GATE_LOCKS GATE_RUN "/locks"
#define GATE_SPOOL GATE_RUN "/spool"
#define GATE_ACCEPTED GATE_RUN "/accepted"
#define GATE_KEY GATE_RUN "/key"
#define GATE_SOCKET GATE_RUN "/events"
#define GATE_LIB "/usr/local/lib/git-gate"
#define GATE_GIT "/usr/bin/git"
#define GATE_GITLEAKS "/usr/local/bin/gitleaks"
#define GATE_RULES GATE_LIB "/gitleaks.toml"
#define GATE_PORT 9418

#define VERDICT_FD 60
#define LOCK_FD 61
#define STREAM_FD 62

/* In the environment of receive-pack, for the hook. */
#define ENV_REPO "GIT_GATE_REPO"     /* the repository's name */
#define ENV_PUSH "GIT_GATE_PUSH"     /* the push's id; its scratch folder is called so */
#define ENV_PEER "GIT_GATE_PEER"     /* the client's address */
#define ENV_START "GIT_GATE_STARTED" /* now_ms() when the client connected */

/* Files in the push's scratch folder: the hook makes one when it starts and the other
 * once it has given its verdict. */
#define HOOK_STARTED "hook-started"
#define VERDICT_GIVEN "verdict-given"

/* And the connection's process makes this one when the client has gone. */
#define CLIENT_GONE "client-gone"

#define FORWARD_TIMEOUT_S 120

#endif
