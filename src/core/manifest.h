/* The manifest: which bottles and agents exist, and what each may do.
 *
 * Up to two files are read: the user's own and the project's (the folder one
 * stands in). They are checked whole; every fault is kept, and a broken entry
 * hides no sound one. What is handed out is resolved: "extends" is folded in,
 * the defaults are in force, paths are absolute, host names are lower case.
 *
 * Invariants:
 * - Everything belongs to the manifest, never changes, and lives until
 *   manifest_free().
 * - An entry with where.is_broken may be half filled; nothing but its name, its
 *   place and its faults means anything.
 * - An entry may be started only if manifest_agent_is_usable(). Nothing of a
 *   project's file counts until the person confirmed its very bytes (core/trust):
 *   until then its entries are listed with is_trusted false, and the file system
 *   is not asked about any path that they name.
 * - Bottles and agents each have one namespace. A project's entry never replaces
 *   a user's: it is broken, and the user's stays. A project's agent may name a
 *   user's bottle only if that bottle lists the project's folder in "projects";
 *   a project's bottle extends only bottles of its own file, since extending a
 *   user's bottle would let it widen the egress of the user's secrets.
 *
 * What trust covers: a project's bottle may name any key file and copy any
 * variable of the host (IdentityFile "~/.ssh/id_ed25519", "${AWS_SECRET}"). It can
 * do so only because the person confirmed those bytes; any change to them asks
 * again. Files that the manifest only points to ("prompt", "copy") are not
 * covered by the digest, so a project's must lie inside its folder, by real path.
 */
#ifndef CORE_MANIFEST_H
#define CORE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/faults.h"

struct buf;
struct err;

#define MANIFEST_FILE_NAME   "claude-bottle.json"
#define MANIFEST_BOTTLES_MAX 256	/* of each file */
#define MANIFEST_AGENTS_MAX  256	/* of each file */
#define MANIFEST_LIST_MAX    1024	/* elements of any list */
#define MANIFEST_NAME_MAX    40		/* bottle, agent; and a whole session name */
#define MANIFEST_HEX_MAX     65		/* SHA-256 in hex, with the NUL */

#define MANIFEST_DEFAULT_MEMORY	(4ull << 30)
#define MANIFEST_DEFAULT_MILLICPUS 2000
#define MANIFEST_DEFAULT_PIDS	512

enum manifest_origin {
	MANIFEST_USER,		/* the user's own file */
	MANIFEST_PROJECT,	/* ./claude-bottle.json */
	MANIFEST_NAMED,		/* --manifest FILE: the user's by having been named */
};

/* Where an entry stands and what became of it. */
struct manifest_where {
	enum manifest_origin origin;
	unsigned file;		/* index into manifest.files */
	size_t start, end;	/* bytes of its key and value in that file */
	unsigned line, column;
	bool is_trusted;	/* always true of the user's own */
	bool is_broken;		/* faults holds at least one that is no warning */
	struct faults faults;	/* its own share of manifest.faults */
};

enum env_mode {
	ENV_PROMPT,	/* asked on the terminal at launch */
	ENV_HOST,	/* copied from a variable of the host */
	ENV_LITERAL,
};

struct env_entry {
	char *name;		/* [A-Za-z_][A-Za-z0-9_]* */
	enum env_mode mode;
	union {
		char *prompt;	/* what to ask; "" for the usual words */
		char *variable;	/* the host's variable */
		char *literal;	/* one line; may be a secret, never show it */
	};
};

struct host_ip {
	char *host;
	char *ip;		/* IPv4 or IPv6, in its usual form */
};

enum git_push {
	GIT_PUSH_FORWARD,	/* a clean push goes through at once */
	GIT_PUSH_HOLD,		/* it waits for a person */
};

struct git_remote {
	char *name;		/* unique in its bottle; [A-Za-z0-9][A-Za-z0-9._-]*, <= 64 */
	char *upstream;		/* exactly as written */
	bool is_scp;		/* "user@host:path": the path is relative to the user's home */
	char *user;		/* "git" when the URL names none */
	char *host;		/* name or IP, without brackets */
	unsigned port;		/* 22 when the URL names none */
	char *path;		/* without a leading slash, ".git" kept as written */
	char *url;		/* for the gate: ssh://user@host:port/path or user@host:path */
	char *gate_path;	/* its place under /git: host[_port]/path without ".git" */
	char *identity_file;	/* absolute */
	char *known_host_key;	/* "type base64"; NULL: fetching and forwarding are refused */
	struct host_ip *extra_hosts;
	size_t n_extra_hosts;
	enum git_push push;
	unsigned hold_seconds;	/* how long a held push waits; then it is refused */
};

#define GIT_HOLD_SECONDS     100	/* shorter than an agent waits for a command */
#define GIT_HOLD_SECONDS_MIN 5
#define GIT_HOLD_SECONDS_MAX 3600

enum dlp_action { DLP_BLOCK, DLP_WARN };
enum osc52_policy { OSC52_DENY, OSC52_ASK, OSC52_ALLOW };

struct bottle_limits {
	uint64_t memory;	/* bytes */
	unsigned millicpus;	/* thousandths of a CPU */
	unsigned pids;
};

struct bottle_spec {
	char *name;		/* DNS label, at most MANIFEST_NAME_MAX */
	struct manifest_where where;
	char *extends;		/* NULL for none; everything below has it folded in */
	struct env_entry *env;	/* in the order of names */
	size_t n_env;
	struct git_remote *git;
	size_t n_git;
	/* Lists end in NULL and may themselves be NULL when empty; see strv_len(). */
	char **allowlist;	/* hosts or "*.dom"; the baked-in ones included */
	char **passthrough;	/* not intercepted; api.anthropic.com included */
	char **trusted;		/* may resolve to a private address */
	char **unscanned_headers;
	enum dlp_action dlp_action;
	struct bottle_limits limits;
	enum osc52_policy osc52;
	char **projects;	/* absolute; folders whose agents may use this bottle */
};

enum workspace_kind { WORKSPACE_NONE, WORKSPACE_CLONE, WORKSPACE_COPY };

struct agent_spec {
	char *name;		/* DNS label without "--" */
	struct manifest_where where;
	char *bottle_name;	/* as written; NULL when missing */
	const struct bottle_spec *bottle;	/* NULL only if broken */
	char *image;		/* NULL: the default image */
	char **command;		/* NULL: the image's default command */
	char *prompt;		/* text; NULL when none or in a file */
	char *prompt_file;	/* absolute; NULL when none. Read it at launch */
	char **skills;		/* names of folders in ~/.claude/skills */
	enum workspace_kind workspace;
	const struct git_remote *clone;	/* WORKSPACE_CLONE: one of bottle->git */
	char *copy_dir;		/* WORKSPACE_COPY: absolute */
	char *color;		/* a colour's name or "#rrggbb"; NULL when none */
};

struct manifest_file {
	enum manifest_origin origin;
	char *path;		/* absolute */
	char *dir;		/* real path of its folder */
	char digest[MANIFEST_HEX_MAX];	/* SHA-256 of the bytes parsed; "" when not read */
	bool is_trusted;
	bool is_broken;		/* no JSON: none of its entries is known */
};

struct manifest {
	struct manifest_file *files;	/* those that exist, the user's first */
	size_t n_files;
	struct bottle_spec *bottles;	/* in the order of files, then as written */
	size_t n_bottles;
	struct agent_spec *agents;	/* likewise */
	size_t n_agents;
	struct faults faults;		/* all of them */
};

/* What a path is, as far as a manifest cares. */
enum manifest_path {
	MANIFEST_PATH_NONE,
	MANIFEST_PATH_FILE,
	MANIFEST_PATH_DIR,
	MANIFEST_PATH_OTHER,
};

/* The world outside, so that parsing is pure: it touches nothing else. */
struct manifest_env {
	const char *home;	/* absolute; NULL when unknown, then "~" is a fault */
	const char *cwd;	/* absolute */
	enum manifest_path (*path_kind)(void *ctx, const char *path);
	char *(*real_path)(void *ctx, const char *path);	/* owned by the caller, or NULL */
	void *ctx;
};

/* The real one: stat(2) and realpath(3). home and cwd are borrowed. */
struct manifest_env manifest_env_real(const char *home, const char *cwd);

struct manifest_source {
	enum manifest_origin origin;
	const char *path;	/* absolute; for messages and trust */
	const char *dir;	/* absolute; what relative paths in it start from */
	const char *data;
	size_t len;
	bool is_trusted;	/* false only of a project's file */
};

/* Check sources (the user's first) and resolve them. Pure; never NULL: what is
 * wrong is in its faults. */
struct manifest *manifest_parse(const struct manifest_source *sources, size_t n,
                                const struct manifest_env *env);

struct manifest_options {
	const char *named;	/* --manifest FILE: read it alone; NULL for the usual two */
	const char *user;	/* the user's file, NULL for none (core/paths knows it) */
	const struct manifest_env *env;
	/* Did the person confirm these bytes at this path? NULL: nothing is trusted.
	 * trust_has() fits. */
	bool (*is_trusted)(const void *ctx, const char *path, const char *digest);
	const void *trust_ctx;
};

/* Read the files and parse them. A file that does not exist is simply absent (a
 * named one is a fault); one that cannot be read is a fault. A project's file
 * that is the user's as well is read once, as the user's. Never NULL. */
struct manifest *manifest_load(const struct manifest_options *opt);

void manifest_free(struct manifest *m);	/* NULL is fine */

/* By name, broken and untrusted ones included; of two with one name the user's.
 * NULL when there is none. */
const struct bottle_spec *manifest_bottle(const struct manifest *m, const char *name);
const struct agent_spec *manifest_agent(const struct manifest *m, const char *name);

/* The agent called name, if it may be started; else NULL and err says why (its
 * first fault, not trusted, a did-you-mean). ERR_POLICY when only trust is missing. */
const struct agent_spec *manifest_usable_agent(const struct manifest *m, const char *name,
                                               struct err *err);
/* The first fault because of which entries of a file may not be known: it cannot be read,
 * or is no JSON. NULL when everything that is there is known. */
const struct fault *manifest_unread(const struct manifest *m);
bool manifest_agent_is_usable(const struct agent_spec *a);

/* "ok", "untrusted" or "broken". */
const char *manifest_state(const struct manifest_where *w);
const char *manifest_origin_name(enum manifest_origin origin);	/* "user", "project", ... */

/* The baked-in lists; they end in NULL. */
extern const char *const manifest_default_allowlist[];
extern const char *const manifest_default_passthrough[];

/* A session's name: AGENT, or AGENT--LABEL when label is neither NULL nor "".
 * Agent and label are DNS labels without "--", together at most
 * MANIFEST_NAME_MAX. out is untouched on failure. */
int session_name_make(char out[MANIFEST_NAME_MAX + 1], const char *agent, const char *label,
                      struct err *err);
/* The agent of a session of that name. */
void session_name_agent(char out[MANIFEST_NAME_MAX + 1], const char *session);
/* Is name one that session_name_make() could have made? */
bool session_name_is_valid(const char *name);

/* Host names, for whoever else takes them (allow). Writes the lower-case form to
 * out (HOST_NAME_SIZE bytes) or fails with a hint, as for a pasted URL.
 * may_wildcard permits "*.dom"; may_ip permits a public IP literal. */
#define HOST_NAME_SIZE 256
int host_name_check(char *out, const char *text, bool may_wildcard, bool may_ip, struct err *err);
/* Does the list hold host, or a "*.dom" that covers it (dom itself included)? */
bool host_list_covers(char *const *list, const char *host);

#endif
