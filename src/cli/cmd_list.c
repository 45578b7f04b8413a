#include <getopt.h>
#include <string.h>

#include "cli/cli.h"
#include "core/manifest.h"
#include "core/manifest_show.h"

static int list_available(struct cli *c, bool is_json)
{
	const struct manifest *m = cli_manifest(c);
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	int code;

	if (is_json) {
		manifest_show_list_json(&b, m);
		buf_addc(&b, '\n');
	} else {
		manifest_show_list(&b, m);
	}
	code = cli_print(&b);
	buf_done(&b);
	return code;
}

static int list_sessions(struct cli *c, bool is_json)
{
	struct session_list list = { 0 };
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	struct err err = { 0 };
	int code;

	if (cli_sessions(c, &list, &err) < 0)
		return cli_fail(&err);
	if (is_json)
		session_list_json(&b, &list);
	else if (list.n)
		session_list_text(&b, &list);
	else
		cli_say("no session runs; \"claude-bottle list available\" shows what can");
	code = cli_print(&b);
	session_list_done(&list);
	buf_done(&b);
	return code;
}

static int run_list(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	bool is_json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return cli_usage(&verb_list, "unknown option");
		is_json = true;
	}
	if (optind == argc)
		return list_sessions(c, is_json);
	if (strcmp(argv[optind], "available") == 0 && optind + 1 == argc)
		return list_available(c, is_json);
	return cli_usage(&verb_list, "\"%s\" is not a list", argv[optind]);
}

const struct cli_verb verb_list = {
	.name = "list",
	.arguments = "[available] [--json]",
	.summary = "show the sessions, or the agents that the manifest offers",
	.help = "  --json  as JSON on stdout\n"
	        "\n"
	        "Example: claude-bottle list available\n",
	.run = run_list,
};
