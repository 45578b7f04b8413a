#include <getopt.h>
#include <string.h>

#include "cli/cli.h"
#include "core/manifest.h"
#include "core/manifest_show.h"

static int run_info(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	const struct manifest *m = cli_manifest(c);
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	const struct agent_spec *a;
	struct err err = { 0 };
	bool is_json = false;
	const char *name;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return cli_bad_option(&verb_info, argv);
		is_json = true;
	}
	name = cli_only_argument(&verb_info, argc, argv, "agent");
	if (!name)
		return 2;
	a = manifest_agent(m, name);
	if (!a) {
		manifest_usable_agent(m, name, &err);
		return cli_fail(&err);
	}
	if (is_json) {
		manifest_show_agent_json(&b, m, a);
		buf_addc(&b, '\n');
	} else {
		manifest_show_agent(&b, m, a);
	}
	code = cli_print(&b);
	buf_done(&b);
	return code;
}

const struct cli_verb verb_info = {
	.name = "info",
	.arguments = "AGENT [--json]",
	.summary = "show what an agent is granted, defaults and inheritance resolved",
	.help = "  --json  as JSON on stdout\n"
	        "\n"
	        "Names of variables, never their values.\n"
	        "Example: claude-bottle info implementer\n",
	.run = run_info,
};
