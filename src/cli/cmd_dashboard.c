#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/config.h"
#include "core/mem.h"

/* What the command line does not say, the user's settings do. */
static void settle(struct cli_dashboard *d, const struct config *config)
{
	if (!d->theme) {
		d->theme = config->theme;
		d->theme_at = config->theme_at;
	}
	if (!d->prefix) {
		d->prefix = config->prefix;
		d->prefix_at = config->prefix_at;
	}
	d->no_mouse = d->no_mouse || config->no_mouse;
	d->notices = (int)config->notices;
}

int cli_run_dashboard(struct cli *c, struct cli_dashboard *d)
{
	CLEANUP_FREE char *path = xasprintf("%s/config.json", c->paths.config);
	struct config config = { .theme = NULL };
	struct err err = { 0 };

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		err_set(&err, ERR_INPUT,
		        "the dashboard needs a terminal; \"claude-bottle list --json\" and "
		        "\"claude-bottle events -f --json\" do not");
	else if (config_load(&config, path, &err) == 0 && cli_backend(c, &err) == 0) {
		settle(d, &config);
		c->wiring->dashboard(c, d, &err);
	}
	config_done(&config);
	return err.kind ? cli_fail(&err) : 0;
}

enum { OPT_THEME = 256, OPT_PREFIX, OPT_NO_MOUSE, OPT_NO_NOTICES };

static const struct option options[] = {
	{ "theme", required_argument, NULL, OPT_THEME },
	{ "prefix", required_argument, NULL, OPT_PREFIX },
	{ "no-mouse", no_argument, NULL, OPT_NO_MOUSE },
	{ "no-notices", no_argument, NULL, OPT_NO_NOTICES },
	{ 0 },
};

static int parse(const struct cli_verb *verb, struct cli_dashboard *d, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_THEME:
			d->theme = optarg;
			break;
		case OPT_PREFIX:
			d->prefix = optarg;
			break;
		case OPT_NO_MOUSE:
			d->no_mouse = true;
			break;
		case OPT_NO_NOTICES:
			d->no_notices = true;
			break;
		default:
			return cli_bad_option(verb, argv);
		}
	}
	return 0;
}

static int run_dashboard(struct cli *c, int argc, char **argv)
{
	struct cli_dashboard d = { .attach = NULL };
	int code = parse(&verb_dashboard, &d, argc, argv);

	if (code)
		return code;
	if (optind < argc)
		return cli_usage(&verb_dashboard, "it takes no argument");
	return cli_run_dashboard(c, &d);
}

#define OPTIONS_HELP \
	"  --theme NAME   dark, light, high-contrast, colour-blind, mono, or a file\n" \
	"  --prefix KEY   what comes before a command while an agent has the keyboard;\n" \
	"                 ctrl-] when not given\n" \
	"  --no-mouse     leave the mouse to the terminal\n" \
	"  --no-notices   no notice of the desktop (OSC 9) when something waits for you\n" \
	"\n"

const struct cli_verb verb_dashboard = {
	.name = "dashboard",
	.arguments = "[--theme NAME] [--prefix KEY] [--no-mouse] [--no-notices]",
	.summary = "every bottle on one screen, the agents' terminals in it (the default)",
	.help = OPTIONS_HELP "? shows the keys. q leaves; sessions go on.\n"
	                     "Example: claude-bottle\n",
	.run = run_dashboard,
};

static int run_attach(struct cli *c, int argc, char **argv)
{
	struct cli_dashboard d = { .attach = NULL };
	int code = parse(&verb_attach, &d, argc, argv);
	struct session_list list = { 0 };
	const struct session *s;
	struct err err = { 0 };

	if (code)
		return code;
	d.attach = cli_only_argument(&verb_attach, argc, argv, "session");
	if (!d.attach)
		return 2;
	if (cli_sessions(c, &list, &err) < 0)
		return cli_fail(&err);
	s = session_list_find(&list, d.attach);
	if (!s || s->state != SESSION_RUNNING)
		err_set(&err, ERR_FAILED, "session \"%s\" is not running", d.attach);
	session_list_done(&list);
	return err.kind ? cli_fail(&err) : cli_run_dashboard(c, &d);
}

const struct cli_verb verb_attach = {
	.name = "attach",
	.arguments = "SESSION [--theme NAME] [--prefix KEY] [--no-mouse] [--no-notices]",
	.summary = "work in an agent's terminal, the others in the dock below it",
	.help = OPTIONS_HELP "The prefix and d gives the keyboard back to the dashboard.\n"
	                     "Example: claude-bottle attach implementer\n",
	.run = run_attach,
};
