#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/install.h"
#include "core/journal.h"
#include "core/loop.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/nearest.h"
#include "core/paths.h"
#include "core/stamp.h"
#include "core/store.h"
#include "core/text.h"
#include "core/trust.h"

static const struct cli_verb *const verbs[] = {
	&verb_dashboard,
	&verb_attach,
	&verb_send,
	&verb_start,
	&verb_stop,
	&verb_relaunch,
	&verb_list,
	&verb_info,
	&verb_init,
	&verb_check,
	&verb_trust,
	&verb_inbox,
	&verb_events,
	&verb_allow,
	&verb_revoke,
	&verb_policy,
	&verb_why,
	&verb_freeze,
	&verb_thaw,
	&verb_pushes,
	&verb_push,
	&verb_verify,
	&verb_cleanup,
	&verb_images,
	&verb_demo,
	&verb_record,
	&verb_replay,
};
#define N_VERBS (sizeof verbs / sizeof *verbs)

void cli_say(const char *fmt, ...)
{
	struct buf safe = BUF_INIT(CLI_OUTPUT_MAX);	/* "trust" must not hide an end */
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	text_safe_str(&safe, text, 0);
	fprintf(stderr, "%s\n", buf_str(&safe));
	buf_done(&safe);
}

int cli_fail(const struct err *err)
{
	cli_say("claude-bottle: %s", err->msg);
	return err_exit_code(err->kind);
}

int cli_usage(const struct cli_verb *verb, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	cli_say("claude-bottle %s: %s; see \"claude-bottle %s --help\"", verb->name, text,
	        verb->name);
	return 2;
}

/* What is wrong with the option at which getopt_long() just returned '?'. It leaves
 * optopt 0 for a long one that is unknown, and stands behind those that it knows. */
static char *option_fault(char **argv)
{
	const char *given = argv[optind - 1];
	bool is_long = strncmp(given, "--", 2) == 0;

	if (is_long && !optopt)
		return xasprintf("there is no option \"%s\"", given);
	if (is_long && strchr(given, '='))
		return xasprintf("\"%.*s\" takes no value", (int)strcspn(given, "="), given);
	if (is_long && !argv[optind])
		return xasprintf("\"%s\" wants a value", given);
	return xasprintf("there is no option \"-%c\"", optopt);
}

int cli_bad_option(const struct cli_verb *verb, char **argv)
{
	CLEANUP_FREE char *text = option_fault(argv);

	return cli_usage(verb, "%s", text);
}

int cli_print(const struct buf *b)
{
	if (fwrite(buf_str(b), 1, b->len, stdout) == b->len && fflush(stdout) == 0)
		return 0;
	cli_say("claude-bottle: writing the output: %s", strerror(errno));
	return 1;
}

const char *cli_only_argument(const struct cli_verb *verb, int argc, char **argv,
                              const char *what)
{
	if (optind >= argc) {
		cli_usage(verb, "which %s?", what);
		return NULL;
	}
	if (optind + 1 < argc) {
		cli_usage(verb, "one %s at a time, not \"%s\" too", what, argv[optind + 1]);
		return NULL;
	}
	return argv[optind];
}

/* --- what verbs share ------------------------------------------------------------ */

int cli_wait(struct cli *c, const bool *done, struct err *err)
{
	while (!*done)
		if (loop_turn(c->loop, -1, err) < 0)
			return -1;
	return 0;
}

int cli_backend(struct cli *c, struct err *err)
{
	bool is_replay = c->ops == c->wiring->replay;	/* leaves nothing behind */

	if (c->backend)
		return 0;
	if (!is_replay && !c->install_id && install_id(&c->install_id, c->paths.state, err) < 0)
		return -1;
	if (!c->lock_dir)
		c->lock_dir = xasprintf("%s/locks", c->paths.state);
	c->settings.install_id = c->install_id;
	c->settings.lock_dir = c->lock_dir;
	c->settings.home = c->paths.home;
	c->settings.subnet_pool = getenv("CLAUDE_BOTTLE_SUBNET_POOL");
	if (!c->settings.upstream_ca)
		c->settings.upstream_ca = getenv("CLAUDE_BOTTLE_UPSTREAM_CA");
	c->settings.without_probes = getenv("CLAUDE_BOTTLE_BENCH_WITHOUT_PROBES") != NULL;
	if (is_replay && !c->recording && !c->demo_manifest)
		c->recording = getenv("CLAUDE_BOTTLE_RECORDING");
	c->settings.recording = c->recording;
	c->settings.replay_speed = c->replay_speed ? c->replay_speed
	                                           : getenv("CLAUDE_BOTTLE_REPLAY_SPEED");
	return c->ops->open(&c->backend, c->loop, &c->settings, err);
}

static void on_store_message(void *arg, const char *text)
{
	(void)arg;
	cli_say("claude-bottle: %s", text);
}

/* How long events are kept. What a file with a fault in it would have let stay is not
 * let go. */
static void set_limits(struct cli *c, struct store_options *opt)
{
	CLEANUP_FREE char *path = xasprintf("%s/config.json", c->paths.config);
	struct config config = { .theme = NULL };
	struct err err = { 0 };

	if (config_load(&config, path, &err) < 0) {
		cli_say("claude-bottle: %s", err.msg);
		opt->max_age_ns = INT64_MAX;
		opt->max_bytes = (uint64_t)CONFIG_MEGABYTES_MAX << 20;
		return;
	}
	opt->max_age_ns = config.keep_days * (24 * 3600 * NS_PER_S);
	opt->max_bytes = (uint64_t)config.keep_megabytes << 20;
	config_done(&config);
}

struct store *cli_store(struct cli *c)
{
	struct store_options opt = { .dir = c->paths.state,
		                     .loop = c->loop,
		                     .message = on_store_message };
	struct err err = { 0 };

	if (c->was_store_asked || c->keeps_no_events || c->ops == c->wiring->replay)
		return c->store;
	c->was_store_asked = true;
	set_limits(c, &opt);
	if (store_open(&c->store, &opt, &err) < 0)
		cli_say("claude-bottle: events are not stored: %s", err.msg);
	return c->store;
}

int cli_trust(struct cli *c, struct trust **out, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/" TRUST_FILE_NAME, c->paths.state);

	return trust_open(out, path, err);
}

const struct manifest *cli_manifest(struct cli *c)
{
	if (!c->manifest)
		c->manifest = cli_manifest_load(c);
	return c->manifest;
}

struct manifest *cli_manifest_load(struct cli *c)
{
	const struct manifest_env env = manifest_env_real(c->paths.home, c->cwd);
	CLEANUP_FREE char *user = paths_user_manifest(&c->paths);
	struct manifest_options opt = { .named = c->manifest_path, .user = user, .env = &env };
	struct trust *trust = NULL;
	struct err err = { 0 };
	struct manifest *m;

	if (c->has_no_manifest)
		return manifest_parse(NULL, 0, &env);
	if (cli_trust(c, &trust, &err) == 0) {
		opt.is_trusted = trust_has;
		opt.trust_ctx = trust;
	} else {
		cli_say("claude-bottle: %s; nothing of a project counts as trusted", err.msg);
	}
	m = manifest_load(&opt);
	trust_free(trust);
	return m;
}

struct session_wait {
	struct session_list *out;
	struct err err;
	bool is_done;
};

static void on_list(void *arg, struct session_list *list, const struct err *err)
{
	struct session_wait *w = arg;

	if (err) {
		w->err = *err;
	} else {
		*w->out = *list;
		*list = (struct session_list){ 0 };
	}
	w->is_done = true;
}

int cli_sessions(struct cli *c, struct session_list *out, struct err *err)
{
	struct session_wait w = { .out = out };

	if (cli_backend(c, err) < 0)
		return -1;
	c->ops->list(c->backend, on_list, &w);
	if (cli_wait(c, &w.is_done, err) < 0)
		return -1;
	if (w.err.kind) {
		*err = w.err;
		return -1;
	}
	return 0;
}

static void on_stopped(void *arg, const struct err *err)
{
	struct session_wait *w = arg;

	if (err)
		w->err = *err;
	w->is_done = true;
}

/* What its logs still hold goes to the store; what fails of that stops nothing. */
static void drain(struct cli *c, struct store *st, const struct session *s)
{
	struct log_taker taker = store_taker(st);
	const struct follow_request req = { .session = s->name,
		                            .released_ns = s->released_ns,
		                            .taker = &taker };
	struct session_wait w = { 0 };
	struct err err = { 0 };

	c->ops->drain(c->backend, &req, on_stopped, &w);
	if (cli_wait(c, &w.is_done, &err) < 0)
		return;
	if (w.err.kind || store_flush(st, &w.err) < 0)
		cli_say("claude-bottle: the last events of %s may be missing: %s", s->name,
		        w.err.msg);
}

/* The last that is to be known of it; *bottle is the caller's, NULL when there is no
 * such session. */
static int take_leave(struct cli *c, struct store *st, const char *session, char **bottle,
                      struct err *err)
{
	struct session_list list = { 0 };
	const struct session *s;

	if (cli_sessions(c, &list, err) < 0)
		return -1;
	s = session_list_find(&list, session);
	if (s && s->exit_code >= 0)
		journal_exit(st, s->name, s->bottle, s->launch, s->exit_code);
	if (s) {
		drain(c, st, s);
		*bottle = xstrdup(s->bottle);
	}
	session_list_done(&list);
	return 0;
}

int cli_stop_session(struct cli *c, const char *session, struct err *err)
{
	struct store *st = c->ops->drain ? cli_store(c) : NULL;
	CLEANUP_FREE char *bottle = NULL;
	struct session_wait w = { 0 };

	if (st && take_leave(c, st, session, &bottle, err) < 0)
		return -1;
	c->ops->stop(c->backend, session, on_stopped, &w);
	if (cli_wait(c, &w.is_done, err) < 0)
		return -1;
	if (w.err.kind) {
		*err = w.err;
		return err_wrap(err, "stopping session %s", session);
	}
	journal_stopped(bottle ? st : NULL, session, bottle);
	return 0;
}

/* --- the table ---------------------------------------------------------------------- */

static int print_help(void)
{
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	int code;

	buf_adds(&b,
	         "usage: claude-bottle [--manifest FILE | --demo] [VERB] [ARGUMENTS]\n\n"
	         "Sandboxed coding agents: each in a bottle with exactly the hosts, git remotes,\n"
	         "secrets and skills that the manifest grants.\n\n");
	for (size_t i = 0; i < N_VERBS; i++)
		buf_addf(&b, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	buf_adds(&b,
	         "\n  --manifest FILE  read this manifest alone\n"
	         "  --demo           play the recording that comes with the program, without "
	         "Docker;\n"
	         "                   for the dashboard, attach, list, info, check, events, inbox\n"
	         "  --version        print the version\n"
	         "  --help           print this; \"claude-bottle VERB --help\" says more\n\n"
	         "Exit codes: 0 ok, 1 failed, 2 usage or manifest, 3 engine unreachable,\n"
	         "4 isolation check failed, 5 refused by policy.\n");
	code = cli_print(&b);
	buf_done(&b);
	return code;
}

static int print_verb_help(const struct cli_verb *v)
{
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	int code;

	buf_addf(&b, "usage: claude-bottle %s%s%s\n\n%s\n\n%s", v->name,
	         *v->arguments ? " " : "", v->arguments, v->summary, v->help);
	code = cli_print(&b);
	buf_done(&b);
	return code;
}

static int bad_option(char **argv)
{
	CLEANUP_FREE char *text = option_fault(argv);

	cli_say("claude-bottle: %s; see \"claude-bottle --help\"", text);
	return 2;
}

static int no_verb(const char *name)
{
	const char *names[N_VERBS + 1] = { NULL }, *near;

	for (size_t i = 0; i < N_VERBS; i++)
		names[i] = verbs[i]->name;
	near = nearest(name, names);
	if (near)
		cli_say("claude-bottle: there is no verb \"%s\"; did you mean \"%s\"?", name, near);
	else
		cli_say("claude-bottle: there is no verb \"%s\"; see \"claude-bottle --help\"",
		        name);
	return 2;
}

static const struct cli_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

/* A recording has something to say to these. */
static bool plays(const struct cli_verb *v)
{
	static const struct cli_verb *const able[] = { &verb_dashboard, &verb_attach, &verb_list,
		                                       &verb_info, &verb_check, &verb_events,
		                                       &verb_inbox };

	for (size_t i = 0; i < sizeof able / sizeof *able; i++)
		if (able[i] == v)
			return true;
	return false;
}

static int begin_demo(struct cli *c, const struct cli_verb *verb, struct err *err)
{
	if (!plays(verb))
		return err_set(err, ERR_INPUT,
		               "--demo plays a recording: \"%s\" has nothing to do there",
		               verb->name);
	if (c->wiring->demo_path(&c->demo_manifest, "demo-manifest.json", err) < 0)
		return -1;
	c->ops = c->wiring->replay;
	c->manifest_path = c->demo_manifest;
	return 0;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int run_verb(struct cli c, bool is_demo, const struct cli_verb *verb, int argc, char **argv)
{
	struct err err = { 0 };
	int code;

	if (wants_help(argc, argv))
		return print_verb_help(verb);
	c.cwd = getcwd(NULL, 0);
	if (!c.cwd)
		err_errno(&err, ERR_FAILED, errno, "the current folder");
	if (!c.cwd || (is_demo && begin_demo(&c, verb, &err) < 0) ||
	    paths_init(&c.paths, &err) < 0 || loop_new(&c.loop, &err) < 0) {
		code = cli_fail(&err);
	} else {
		optind = 0;	/* glibc: start afresh */
		code = verb->run(&c, argc, argv);
	}
	if (c.backend)
		c.ops->close(c.backend);
	store_close(c.store);
	manifest_free(c.manifest);
	loop_free(c.loop);
	paths_done(&c.paths);
	free(c.install_id);
	free(c.lock_dir);
	free(c.cwd);
	free(c.demo_manifest);
	return code;
}

int cli_main(const struct cli_wiring *wiring, int argc, char **argv)
{
	static char name[] = "dashboard";
	char *alone[] = { name, NULL };
	static const struct option options[] = {
		{ "manifest", required_argument, NULL, 'm' },
		{ "demo", no_argument, NULL, 'd' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct cli c = { .wiring = wiring, .ops = wiring->ops };
	const struct cli_verb *verb;
	bool is_demo = false;
	int opt;

	opterr = 0;	/* said here and by cli_bad_option(), in words that name the help */
	while ((opt = getopt_long(argc, argv, "+Vh", options, NULL)) != -1) {
		switch (opt) {
		case 'm':
			c.manifest_path = optarg;
			break;
		case 'd':
			is_demo = true;
			break;
		case 'V':
			puts("claude-bottle " VERSION);
			return 0;
		case 'h':
			return print_help();
		default:
			return bad_option(argv);
		}
	}
	if (is_demo && c.manifest_path) {
		cli_say("claude-bottle: either --manifest or --demo; see \"claude-bottle --help\"");
		return 2;
	}
	if (optind == argc && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return run_verb(c, is_demo, &verb_dashboard, 1, alone);
	if (optind == argc) {
		cli_say("claude-bottle: the dashboard needs a terminal; a verb may do without: see "
		        "\"claude-bottle --help\"");
		return 2;
	}
	verb = find_verb(argv[optind]);
	if (!verb)
		return no_verb(argv[optind]);
	return run_verb(c, is_demo, verb, argc - optind, argv + optind);
}
