/* allow and revoke: which hosts a running session may reach. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/policy.h"
#include "core/manifest.h"
#include "core/mem.h"

struct request {
	const struct cli_verb *verb;
	const char *session, *host, *why;
	int64_t seconds;
	bool cuts, yes, save;
};

/* Read the arguments; 0, or an exit code. */
static int read_request(struct request *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "for", required_argument, NULL, 'f' },
		{ "cut", no_argument, NULL, 'c' },
		{ "yes", no_argument, NULL, 'y' },
		{ "why", required_argument, NULL, 'w' },
		{ 0 },
	};
	bool is_allow = r->verb == &verb_allow;
	struct err err = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'f' && is_allow) {
			if (policy_parse_duration(&r->seconds, optarg, &err) < 0)
				return cli_fail(&err);
		} else if (opt == 'c') {
			r->cuts = true;
		} else if (opt == 'y' && is_allow) {
			r->yes = true;
		} else if (opt == 'w') {
			r->why = optarg;
		} else {
			return cli_usage(r->verb, "unknown option");
		}
	}
	if (argc - optind != 2)
		return cli_usage(r->verb, argc - optind < 2 ? "which session, and which host?"
		                                            : "one host at a time");
	r->session = argv[optind];
	r->host = argv[optind + 1];
	if (!session_name_is_valid(r->session))
		return cli_usage(r->verb, "\"%s\" is not a session's name", r->session);
	if (is_allow && r->cuts && !r->seconds)
		return cli_usage(r->verb, "--cut is about the end: give --for too");
	return 0;
}

/* What a person must know first. 0 to go on, else -1 with err. */
static int advise(const struct request *r, const struct policy_advice *a, struct err *err)
{
	CLEANUP_FREE char *question = xasprintf("Allow %s in %s?", a->host, r->session);

	if (a->offer == POLICY_NEVER)
		return err_set(err, ERR_POLICY, "%s cannot be allowed: %s",
		               *a->host ? a->host : r->host, a->reason);
	if (a->offer != POLICY_OFFERED_WARNED)
		return 0;
	cli_say("%s: %s", a->host, a->reason);
	return r->yes ? 0 : cli_confirm(question, "--yes", err);
}

static void say_allowed(const struct request *r, const char *host, const struct policy *p)
{
	const struct policy_entry *e = policy_find(p, host);
	char how_long[16];

	if (!e || e->is_denied) {
		cli_say("%s is one of the bottle's own hosts: %s reaches it", host, r->session);
		return;
	}
	policy_duration_text(how_long, r->seconds);
	cli_say("%s is allowed in %s %s%s, on any port; what was refused has to be tried again",
	        host, r->session, e->until ? "for " : "for this session", e->until ? how_long : "");
	if (p->is_frozen)
		cli_say("%s is frozen: it reaches nothing until \"claude-bottle thaw %s\"",
		        r->session, r->session);
}

static int change(struct cli *c, const struct request *r, enum policy_verb verb, const char *host,
                  struct policy **out, struct err *err)
{
	struct cli_change ch = { .session = r->session,
		                 .change = { .verb = verb,
		                             .host = host,
		                             .seconds = r->seconds,
		                             .cuts = r->cuts,
		                             .why = r->why } };

	cli_change_start(c, &ch);
	if (cli_change_wait(c, &ch, err) < 0)
		return -1;
	*out = ch.policy;
	return 0;
}

static int run_allow(struct cli *c, int argc, char **argv)
{
	struct request r = { .verb = &verb_allow };
	int code = read_request(&r, argc, argv);
	struct policy *before = NULL, *after = NULL;
	struct policy_advice advice;
	struct err err = { 0 };

	if (code)
		return code;
	if (cli_policy(c, r.session, &before, &err) < 0)
		return cli_fail(&err);
	policy_consider(&advice, r.host, before, time(NULL));
	policy_free(before);
	if (advise(&r, &advice, &err) < 0 ||
	    change(c, &r, POLICY_ALLOW, advice.host, &after, &err) < 0)
		return cli_fail(&err);
	say_allowed(&r, advice.host, after);
	policy_free(after);
	return 0;
}

static int run_revoke(struct cli *c, int argc, char **argv)
{
	struct request r = { .verb = &verb_revoke };
	int code = read_request(&r, argc, argv);
	struct policy *after = NULL;
	struct err err = { 0 };

	if (code)
		return code;
	if (cli_backend(c, &err) < 0 || change(c, &r, POLICY_REVOKE, r.host, &after, &err) < 0)
		return cli_fail(&err);
	if (r.cuts)
		cli_say("%s is no longer allowed in %s; every open tunnel of it was cut", r.host,
		        r.session);
	else
		cli_say("%s is no longer allowed in %s; tunnels that are open stay so, for at most "
		        "an hour (--cut ends them)",
		        r.host, r.session);
	policy_free(after);
	return 0;
}

const struct cli_verb verb_allow = {
	.name = "allow",
	.arguments = "SESSION HOST [--for 15m] [--cut] [--yes] [--why TEXT]",
	.summary = "let a running session reach one more host",
	.help = "  --for TIME  only for so long (15m, 90s, 2h); it ends by itself, whatever runs\n"
		"  --cut       when that time is over, cut tunnels opened meanwhile: every open\n"
		"              tunnel of the session\n"
		"  --yes       although the host is wide or its name misleads; the warning stays\n"
		"  --why TEXT  kept with the decision\n"
		"\n"
		"Without --for it lasts as long as the session. Exactly this host is allowed, on\n"
		"any port; done means that pipelock said that it is in force. Addresses, metadata\n"
		"services and names of private networks are never allowed: exit code 5.\n"
		"Example: claude-bottle allow implementer docs.python.org --for 15m\n",
	.run = run_allow,
};

const struct cli_verb verb_revoke = {
	.name = "revoke",
	.arguments = "SESSION HOST [--cut] [--why TEXT]",
	.summary = "take a host away from a running session",
	.help = "  --cut       cut every open tunnel of the session too, by starting pipelock "
	        "anew\n"
		"  --why TEXT  kept with the decision\n"
		"\n"
		"The host may be one that was allowed, or one of the bottle's allowlist as it\n"
		"stands there; \"allow\" gives it back. Without --cut, tunnels that are open live\n"
		"on for at most an hour.\n"
		"Example: claude-bottle revoke implementer docs.python.org --cut\n",
	.run = run_revoke,
};
