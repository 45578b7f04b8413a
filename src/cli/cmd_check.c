#include <getopt.h>
#include <string.h>

#include "cli/cli.h"
#include "core/manifest.h"
#include "core/manifest_show.h"

/* A folder that an agent copies, or a FILE given by name, is read as named. */
static int run_check(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	const struct manifest *m;
	bool is_json = false;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return cli_bad_option(&verb_check, argv);
		is_json = true;
	}
	if (optind + 1 < argc)
		return cli_usage(&verb_check, "one file at a time");
	if (optind < argc)
		c->manifest_path = argv[optind];
	m = cli_manifest(c);
	if (is_json) {
		manifest_show_check_json(&b, m);
		buf_addc(&b, '\n');
	} else {
		manifest_show_check(&b, m);
	}
	code = cli_print(&b);
	buf_done(&b);
	return code ? code : m->faults.n_errors ? 2 : 0;
}

const struct cli_verb verb_check = {
	.name = "check",
	.arguments = "[FILE] [--json]",
	.summary = "check the manifest, and report every fault at once",
	.help = "  --json  as JSON on stdout\n"
	        "\n"
	        "Each fault is FILE:LINE:COLUMN: /json/pointer: what is wrong; what to do.\n"
	        "Exit code 2 when there is one; a warning alone is no fault.\n"
	        "Example: claude-bottle check ~/claude-bottle.json\n",
	.run = run_check,
};
