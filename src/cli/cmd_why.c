/* why: would a URL pass, and if not, why? Asked of the code that enforces it. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/policy.h"
#include "core/json.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/pipelock_explain.h"

struct question {
	bool is_json, is_done;
	int code;
	struct err err;
	const char *session;
	const struct policy *policy;
};

static void add_member(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, ",\"%s\":", key);
	json_escape(b, value);
}

static void answer_json(struct buf *b, const struct question *q, const struct policy_answer *a)
{
	buf_addf(b, "{\"session\":\"%s\",\"allowed\":%s,\"frozen\":%s,\"cut\":%s", q->session,
	         a->is_allowed ? "true" : "false", q->policy->is_frozen ? "true" : "false",
	         a->was_cut ? "true" : "false");
	add_member(b, "url", a->url);
	if (!a->is_allowed) {
		add_member(b, "scanner", a->scanner);
		add_member(b, "reason", a->reason);
		add_member(b, "meaning", a->meaning->meaning);
		add_member(b, "advice", a->meaning->advice);
	}
	buf_adds(b, "}\n");
}

static void answer_text(const struct question *q, const struct policy_answer *a)
{
	if (a->was_cut)
		cli_say("asked without user, query and fragment, where secrets are: what those "
		        "hold is judged too when it is sent");
	cli_say("%s: %s", a->is_allowed ? "allowed" : "refused", a->url);
	if (!a->is_allowed) {
		cli_say("  scanner  %s", a->scanner);
		cli_say("  reason   %s", a->reason);
		cli_say("  meaning  %s", a->meaning->meaning);
		cli_say("  advice   %s", a->meaning->advice);
	}
	if (q->policy->is_frozen)
		cli_say("the session is frozen: nothing passes until \"claude-bottle thaw %s\"",
		        q->session);
}

static void on_answer(void *arg, const struct policy_answer *a, const struct err *err)
{
	struct question *q = arg;
	struct buf b = BUF_INIT(65536);

	q->is_done = true;
	if (!a) {
		q->err = *err;
		return;
	}
	q->code = a->is_allowed && !q->policy->is_frozen ? 0 : err_exit_code(ERR_POLICY);
	if (q->is_json) {
		answer_json(&b, q, a);
		if (cli_print(&b) != 0)
			q->code = 1;
	} else {
		answer_text(q, a);
	}
	buf_done(&b);
}

static int ask(struct cli *c, struct question *q, const char *url)
{
	struct policy *p = NULL;
	struct err err = { 0 };
	int code;

	if (cli_policy(c, q->session, &p, &err) < 0)
		return cli_fail(&err);
	q->policy = p;
	c->ops->why(c->backend, q->session, url, on_answer, q);
	if (cli_wait(c, &q->is_done, &err) < 0)
		code = cli_fail(&err);
	else
		code = q->err.kind ? cli_fail(&q->err) : q->code;
	policy_free(p);
	return code;
}

static int run_why(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	struct question q = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return cli_bad_option(&verb_why, argv);
		q.is_json = true;
	}
	if (argc - optind != 2)
		return cli_usage(&verb_why, "which session, and which URL?");
	q.session = argv[optind];
	if (!session_name_is_valid(q.session))
		return cli_usage(&verb_why, "\"%s\" is not a session's name", q.session);
	return ask(c, &q, argv[optind + 1]);
}

const struct cli_verb verb_why = {
	.name = "why",
	.arguments = "SESSION URL [--json]",
	.summary = "would this URL pass, and if not, why? Asks the session's own pipelock",
	.help = "  --json  as JSON on stdout\n"
		"\n"
		"The URL's user, query and fragment are cut off before it is asked, since they "
	        "may\n"
		"hold secrets. Bodies and headers are judged only when they are sent. Exit code 0\n"
		"when it would pass, 5 when it would be refused.\n"
		"Example: claude-bottle why implementer https://docs.python.org/3/\n",
	.run = run_why,
};
