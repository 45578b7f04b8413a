#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "core/manifest.h"
#include "core/mem.h"

struct verify_wait {
	struct isolation_result isolation;
	struct err err;
	bool is_done;
};

static void on_done(void *arg, const struct isolation_result *isolation, const char *fingerprint,
                    const struct err *err)
{
	struct verify_wait *w = arg;

	(void)fingerprint;
	w->isolation = *isolation;
	if (err)
		w->err = *err;
	w->is_done = true;
}

static int report(const struct verify_wait *w, const char *session, bool is_json)
{
	const struct isolation_result *r = &w->isolation;
	struct buf b = BUF_INIT(4096);
	int code;

	if (is_json)
		buf_addf(&b,
		         "{\"session\":\"%s\",\"passed\":%u,\"total\":%u,\"warned\":%u,"
		         "\"ok\":%s}\n",
		         session, r->passed, r->total, r->warned, w->err.kind ? "false" : "true");
	else
		buf_addf(&b, "%s isolation %u/%u, %u warning%s\n", session, r->passed, r->total,
		         r->warned, r->warned == 1 ? "" : "s");
	code = cli_print(&b);
	buf_done(&b);
	return code;
}

static int run_verify(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	static const struct launch_events events = { .done = on_done };
	CLEANUP_FREE char *name = NULL;
	const struct agent_spec *agent;
	struct verify_wait w = { 0 };
	struct err err = { 0 };
	const char *session;
	bool is_json = false;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return cli_bad_option(&verb_verify, argv);
		is_json = true;
	}
	session = cli_only_argument(&verb_verify, argc, argv, "session");
	if (!session)
		return 2;
	if (!session_name_is_valid(session))
		return cli_usage(&verb_verify, "\"%s\" is not a session's name", session);
	name = xstrdup(session);
	if (strstr(name, "--"))
		*strstr(name, "--") = '\0';
	agent = manifest_usable_agent(cli_manifest(c), name, NULL);
	if (cli_backend(c, &err) < 0)
		return cli_fail(&err);
	c->ops->verify(c->backend, session, agent, &events, &w);
	if (cli_wait(c, &w.is_done, &err) < 0)
		return cli_fail(&err);
	if (w.err.kind && w.err.kind != ERR_ISOLATION)
		return cli_fail(&w.err);
	code = report(&w, session, is_json);
	if (*w.isolation.warnings)
		cli_say("warnings: %s", w.isolation.warnings);
	return w.err.kind ? cli_fail(&w.err) : code;
}

const struct cli_verb verb_verify = {
	.name = "verify",
	.arguments = "SESSION [--json]",
	.summary = "run the isolation checks again on a running session",
	.help = "  --json  as JSON on stdout\n"
	        "\n"
	        "Exit code 4 when one of them failed. The result is kept with the session.\n"
	        "Example: claude-bottle verify implementer\n",
	.run = run_verify,
};
