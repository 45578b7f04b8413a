/* policy: what a running session may reach. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/policy.h"
#include "core/manifest.h"

static int run_policy(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "diff", no_argument, NULL, 'd' },
		                                 { "json", no_argument, NULL, 'j' },
		                                 { 0 } };
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	bool diff = false, is_json = false;
	struct policy *p = NULL;
	struct err err = { 0 };
	const char *session;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'd')
			diff = true;
		else if (opt == 'j')
			is_json = true;
		else
			return cli_bad_option(&verb_policy, argv);
	}
	/* one argument is a session's name, be it "test" */
	if (argc - optind == 2 && strcmp(argv[optind], "test") == 0 && diff)
		return cli_usage(&verb_policy, "--diff is not for test");
	if (argc - optind == 2 && strcmp(argv[optind], "test") == 0)
		return cli_policy_test(c, argv[optind + 1], is_json);
	session = cli_only_argument(&verb_policy, argc, argv, "session");
	if (!session)
		return 2;
	if (!session_name_is_valid(session))
		return cli_usage(&verb_policy, "\"%s\" is not a session's name", session);
	if (cli_policy(c, session, &p, &err) < 0)
		return cli_fail(&err);
	if (is_json)
		policy_json(&b, p, diff, time(NULL));
	else
		policy_text(&b, p, diff, time(NULL));
	policy_free(p);
	code = cli_print(&b);
	buf_done(&b);
	return code;
}

const struct cli_verb verb_policy = {
	.name = "policy",
	.arguments = "SESSION [--diff] [--json] | test FILE [--json]",
	.summary = "what a running session may reach, and what was decided since its launch",
	.help = "  --diff     only what differs from the launch\n"
		"  --json     as JSON on stdout\n"
		"  test FILE  judge every recorded request by an edited manifest: what would\n"
		"             newly pass, what would break; changes nothing\n"
		"\n"
		"Example: claude-bottle policy implementer --diff\n"
		"Example: claude-bottle policy test ~/claude-bottle.new.json\n",
	.run = run_policy,
};
