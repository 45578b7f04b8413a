/* The gate's files, and what the agent is told about it (docs/sidecars.md).
 *
 * The agent keeps the URLs that its user knows; its gitconfig maps them to
 * git://git-gate/HOST[_PORT]/PATH by "insteadOf", which rewrites *prefixes*:
 *
 * - ssh://[user@]host[:port]/ and user@host: are rewritten for the whole host, so
 *   a repository that the bottle does not name ends at the gate with a clear "no
 *   such repository" instead of a hanging connection.
 * - https only for each repository, and only as https://host/path.git. The form
 *   without ".git" would be a prefix of its neighbours (.../proj of .../proj2),
 *   which may be fetched over https through the proxy. (.../proj.gitX would still
 *   be rewritten: it ends at the gate as unknown, nothing leaks.) Pushes to what
 *   is not rewritten are refused by pipelock.
 * - The short scp form without a user, "host:", only for names with a dot: for a
 *   host called "git" it would rewrite the gate's own git:// URLs.
 *
 * Nothing here is secret but where the private keys lie; the keys themselves are
 * copied by whoever launches.
 */
#ifndef CORE_GITGATE_H
#define CORE_GITGATE_H

#include <stddef.h>

struct buf;
struct err;
struct git_remote;

#define GITGATE_HOST "git-gate"
#define GITGATE_PORT 9418
#define GITGATE_DIR "/etc/git-gate"
#define GITGATE_CONFIG_MAX (1 << 20)

/* What the gate may take, in gate.json. */
#define GITGATE_PUSH_MAX 268435456 /* bytes of one push */
#define GITGATE_SCAN_TIMEOUT_S 60
#define GITGATE_FETCH_TIMEOUT_S 30
#define GITGATE_CONNECT_TIMEOUT_S 5
#define GITGATE_CONNECTIONS_MAX 16

/* Append gate.json for a bottle's n remotes. Fails when two have one name or one
 * place under /git (two upstreams that differ in their user only), or out is full. */
int gitgate_config(struct buf *out, const struct git_remote *git, size_t n, struct err *err);

/* Where the private key and the host key of a remote lie in the gate's container;
 * owned by the caller. */
char *gitgate_key_path(const struct git_remote *g);
char *gitgate_known_hosts_path(const struct git_remote *g);

/* Append the one line of known_hosts for g: "host type base64", or, of another
 * port than 22, "[host]:port type base64". Nothing when g has no KnownHostKey. */
int gitgate_known_hosts(struct buf *out, const struct git_remote *g);

/* Append the agent's gitconfig: the rewriting rules alone. */
int gitgate_agent_config(struct buf *out, const struct git_remote *git, size_t n);

/* The URL of g as the agent reaches it, for a clone into its workspace; owned by
 * the caller. */
char *gitgate_clone_url(const struct git_remote *g);

#endif
