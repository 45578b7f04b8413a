/* The command line: a table of verbs, and what they share.
 *
 * stdout is data, stderr is talk. A verb returns its exit code (docs/cli.md);
 * it reports errors by cli_fail(), which gives the code of the error's kind.
 * Nothing is asked when stdin or stderr is no terminal: the message then names
 * the flag to use instead.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "core/backend.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/paths.h"

struct interrupt;
struct manifest;
struct store;
struct trust;

#define CLI_OUTPUT_MAX (64u << 20)

struct cli;

/* The dashboard, which only main.c knows how to make. */
struct cli_dashboard {
	const char *attach;	/* a session, to be zoomed into; NULL for none */
	const char *theme, *prefix;
	const char *theme_at, *prefix_at;	/* where in the user's settings; NULL: elsewhere */
	bool no_mouse, no_notices;
	int notices;		/* enum notices; of the user's settings */
};
typedef int cli_dashboard_fn(struct cli *c, const struct cli_dashboard *d, struct err *err);

/* What only main.c knows. */
struct cli_wiring {
	const struct backend_ops *ops;		/* the engine's */
	const struct backend_ops *replay;	/* plays a recording instead */
	/* Where a file of the demo's recording is; *out is the caller's. */
	int (*demo_path)(char **out, const char *name, struct err *err);
	cli_dashboard_fn *dashboard;
};

struct cli {
	struct loop *loop;
	const struct cli_wiring *wiring;
	const struct backend_ops *ops;
	struct backend *backend;	/* NULL until cli_backend() */
	struct backend_settings settings;
	struct manifest *manifest;	/* NULL until cli_manifest() */
	const char *manifest_path;	/* --manifest FILE, or NULL */
	bool has_no_manifest;		/* a recording has none */
	const char *recording;		/* replay: the file; NULL: the demo's */
	const char *replay_speed;
	char *demo_manifest;
	struct store *store;	/* NULL until cli_store(), or when it has none */
	bool was_store_asked;
	bool keeps_no_events;	/* what it does is nobody's work: the demo */
	struct paths paths;
	char *install_id;
	char *lock_dir;
	char *cwd;
};

struct cli_verb {
	const char *name;
	const char *arguments;	/* "AGENT [--label LABEL]" */
	const char *summary;	/* one line */
	const char *help;	/* the rest: options, an example */
	int (*run)(struct cli *c, int argc, char **argv);	/* argv[0] is the verb */
};

extern const struct cli_verb verb_allow, verb_freeze, verb_policy, verb_revoke, verb_thaw, verb_why;
extern const struct cli_verb verb_attach, verb_check, verb_cleanup, verb_dashboard, verb_demo,
	verb_events, verb_images, verb_inbox, verb_info, verb_init, verb_list, verb_push,
	verb_pushes, verb_record, verb_relaunch, verb_replay, verb_send, verb_start, verb_stop,
	verb_trust, verb_verify;

/* Run the command line; returns the exit code. */
int cli_main(const struct cli_wiring *wiring, int argc, char **argv);

/* "claude-bottle: MESSAGE" on stderr, safe for a terminal; the exit code. */
int cli_fail(const struct err *err);
/* The same for wrong usage: says what, and how to get help. Exit code 2. */
int cli_usage(const struct cli_verb *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The same for the option at which getopt_long() just returned '?'. */
int cli_bad_option(const struct cli_verb *verb, char **argv);

/* Talk, on stderr, safe for a terminal. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Write b to stdout. 0, or an exit code when that failed. */
int cli_print(const struct buf *b);

/* The engine, connected; or -1 and err. */
int cli_backend(struct cli *c, struct err *err);

/* The store of events, on c->loop; NULL, after saying why, when it cannot be used, and
 * in silence where there is none (a recording is played). */
struct store *cli_store(struct cli *c);

/* What the person confirmed of projects' manifests; to be freed. */
int cli_trust(struct cli *c, struct trust **out, struct err *err);

/* The manifest as it stands now, with its faults. Never NULL. */
const struct manifest *cli_manifest(struct cli *c);
/* The same, read anew; the caller's. */
struct manifest *cli_manifest_load(struct cli *c);

/* The dashboard on c's backend, until it is left; the exit code. */
int cli_run_dashboard(struct cli *c, struct cli_dashboard *d);

/* Turn the loop until *done. */
int cli_wait(struct cli *c, const bool *done, struct err *err);

/* Ask on the terminal. yes_flag is named when there is no terminal (ERR_POLICY).
 * Returns 0 for yes, -1 with ERR_POLICY otherwise: the default is no. */
int cli_confirm(const char *question, const char *yes_flag, struct err *err);

/* Ask for a secret, without echo. Owned by the caller, to be wiped. */
int cli_ask_secret(char **out, const char *question, struct err *err);

/* Sessions, waited for. The list is the caller's. */
int cli_sessions(struct cli *c, struct session_list *out, struct err *err);
/* Stops it, with the last of its events stored. */
int cli_stop_session(struct cli *c, const char *session, struct err *err);

/* What a launch left to its caller, instead of words on stdout. */
struct cli_launched {
	struct plan *plan;	/* the caller's */
	struct isolation_result isolation;
};

/* Launch an agent: preflight, question, secrets, steps. */
struct cli_launch {
	const char *agent;
	const char *label;
	const char *color;
	bool yes, force, dry_run, json, quiet;
	/* The caller's own watch, which is borrowed while steps run; NULL: one is made. */
	struct interrupt *interrupt;
	struct cli_launched *launched;	/* NULL: announce the session */
};
int cli_launch(struct cli *c, const struct cli_launch *what, struct err *err);

/* One positional argument and nothing else, after options were read from argv
 * by getopt; NULL (after talking) when it is missing or one too many. */
const char *cli_only_argument(const struct cli_verb *verb, int argc, char **argv, const char *what);

#endif
