#include <getopt.h>
#include <stdlib.h>

#include "cli/cli.h"

enum { OPT_SPEED = 256, OPT_THEME };

/* --demo and this verb are the dashboard on another backend. */
static int run_replay(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "speed", required_argument, NULL, OPT_SPEED },
		{ "theme", required_argument, NULL, OPT_THEME },
		{ 0 },
	};
	struct cli_dashboard d = { .attach = NULL };
	const char *speed = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == OPT_SPEED)
			speed = optarg;
		else if (opt == OPT_THEME)
			d.theme = optarg;
		else
			return cli_bad_option(&verb_replay, argv);
	}
	c->recording = cli_only_argument(&verb_replay, argc, argv, "file");
	if (!c->recording)
		return 2;
	if (speed)
		c->replay_speed = speed;
	c->ops = c->wiring->replay;
	c->has_no_manifest = !c->manifest_path;
	return cli_run_dashboard(c, &d);
}

const struct cli_verb verb_replay = {
	.name = "replay",
	.arguments = "FILE [--speed N] [--theme NAME]",
	.summary = "play a recording on the dashboard; nothing is started, nothing reached",
	.help = "  --speed N     10 is ten times as fast, 0 everything at once; 1 when not given\n"
		"  --theme NAME  as for the dashboard\n\n"
		"\"claude-bottle --demo\" plays the recording that comes with the program.\n"
		"Example: claude-bottle replay monday.jsonl --speed 4\n",
	.run = run_replay,
};
