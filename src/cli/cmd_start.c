#include <getopt.h>
#include <string.h>

#include "cli/cli.h"
#include "core/mem.h"

enum { OPT_LABEL = 256, OPT_COLOR, OPT_YES, OPT_DRY_RUN, OPT_JSON, OPT_FORCE };

static int run_start(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "label", required_argument, NULL, OPT_LABEL },
		{ "color", required_argument, NULL, OPT_COLOR },
		{ "yes", no_argument, NULL, OPT_YES },
		{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "force", no_argument, NULL, OPT_FORCE },
		{ 0 },
	};
	struct cli_launch what = { 0 };
	struct err err = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "y", options, NULL)) != -1) {
		switch (opt) {
		case OPT_LABEL:
			what.label = optarg;
			break;
		case OPT_COLOR:
			if (!session_color_is_valid(optarg))
				return cli_usage(&verb_start, "\"%s\" is no colour, as cyan",
				                 optarg);
			what.color = optarg;
			break;
		case 'y':
		case OPT_YES:
			what.yes = true;
			break;
		case OPT_DRY_RUN:
			what.dry_run = true;
			break;
		case OPT_JSON:
			what.json = true;
			break;
		case OPT_FORCE:
			what.force = true;
			break;
		default:
			return cli_bad_option(&verb_start, argv);
		}
	}
	what.agent = cli_only_argument(&verb_start, argc, argv, "agent");
	if (!what.agent)
		return 2;
	return cli_launch(c, &what, &err) < 0 ? cli_fail(&err) : 0;
}

const struct cli_verb verb_start = {
	.name = "start",
	.arguments = "AGENT [--label LABEL] [--color COLOR] [--yes] [--dry-run] [--json] [--force]",
	.summary = "launch an agent in its bottle",
	.help = "  --label LABEL  run it under the name AGENT--LABEL, beside others\n"
	        "  --color COLOR  of its name on the dashboard: cyan, #7fb0ff; else the agent's\n"
	        "  -y, --yes      do not ask (a project's manifest must still be trusted)\n"
	        "  --dry-run      print every step, do nothing\n"
	        "  --json         the plan, or the session, as JSON on stdout\n"
	        "  --force        release the agent although an isolation check failed\n"
	        "\n"
	        "Shows what the bottle grants and asks. Prints the session's name on stdout.\n"
	        "Example: claude-bottle start researcher --label paper --yes\n",
	.run = run_start,
};

/* That of its launch; another one has it again. */
static int find_color(struct cli *c, const char *session, char color[SESSION_COLOR_SIZE],
                      struct err *err)
{
	struct session_list list = { 0 };
	const struct session *s;

	if (cli_sessions(c, &list, err) < 0)
		return -1;
	s = session_list_find(&list, session);
	if (s)
		memcpy(color, s->color, sizeof s->color);
	session_list_done(&list);
	return 0;
}

static int run_relaunch(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "yes", no_argument, NULL, OPT_YES },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "force", no_argument, NULL, OPT_FORCE },
		{ 0 },
	};
	struct cli_launch what = { 0 };
	CLEANUP_FREE char *agent = NULL;
	struct err err = { 0 };
	const char *session, *dashes;
	char color[SESSION_COLOR_SIZE] = "";
	int opt;

	while ((opt = getopt_long(argc, argv, "y", options, NULL)) != -1) {
		switch (opt) {
		case 'y':
		case OPT_YES:
			what.yes = true;
			break;
		case OPT_JSON:
			what.json = true;
			break;
		case OPT_FORCE:
			what.force = true;
			break;
		default:
			return cli_bad_option(&verb_relaunch, argv);
		}
	}
	session = cli_only_argument(&verb_relaunch, argc, argv, "session");
	if (!session)
		return 2;
	dashes = strstr(session, "--");
	agent = dashes ? xstrndup(session, (size_t)(dashes - session)) : xstrdup(session);
	what.agent = agent;
	what.label = dashes ? dashes + 2 : NULL;
	/* what cannot start again is not torn down */
	if (!manifest_usable_agent(cli_manifest(c), agent, &err) || cli_backend(c, &err) < 0)
		return cli_fail(&err);
	if (!what.yes && cli_confirm("Tear it down and launch it again?", "--yes", &err) < 0)
		return cli_fail(&err);
	what.yes = true;
	if (find_color(c, session, color, &err) < 0)
		return cli_fail(&err);
	what.color = *color ? color : NULL;
	if (cli_stop_session(c, session, &err) < 0 || cli_launch(c, &what, &err) < 0)
		return cli_fail(&err);
	return 0;
}

const struct cli_verb verb_relaunch = {
	.name = "relaunch",
	.arguments = "SESSION [--yes] [--json] [--force]",
	.summary = "tear a session down and launch it again, with a fresh CA",
	.help = "  -y, --yes  do not ask\n"
	        "  --json     the session as JSON on stdout\n"
	        "  --force    release the agent although an isolation check failed\n"
	        "\n"
	        "Works on a running, ended or failed session, and on one that is gone.\n"
	        "The manifest is read anew; \"?prompt\" variables are asked again.\n"
	        "Example: claude-bottle relaunch researcher--paper --yes\n",
	.run = run_relaunch,
};
