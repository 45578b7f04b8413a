/* allow and revoke: which hosts a running session may reach. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/policy.h"
#include "core/manifest.h"
#include "core/manifest_save.h"
#include "core/mem.h"
#include "core/trust.h"

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
		{ "for", required_argument, NULL, 'f' }, { "save", no_argument, NULL, 's' },
		{ "cut", no_argument, NULL, 'c' },       { "yes", no_argument, NULL, 'y' },
		{ "why", required_argument, NULL, 'w' }, { 0 },
	};
	bool is_allow = r->verb == &verb_allow;
	struct err err = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'f' && is_allow) {
			if (policy_parse_duration(&r->seconds, optarg, &err) < 0)
				return cli_fail(&err);
		} else if (opt == 's' && is_allow) {
			r->save = true;
		} else if (opt == 'c') {
			r->cuts = true;
		} else if (opt == 'y' && is_allow) {
			r->yes = true;
		} else if (opt == 'w') {
			r->why = optarg;
		} else {
			return cli_bad_option(r->verb, argv);
		}
	}
	if (argc - optind != 2)
		return cli_usage(r->verb, argc - optind < 2 ? "which session, and which host?"
		                                            : "one host at a time");
	r->session = argv[optind];
	r->host = argv[optind + 1];
	if (!session_name_is_valid(r->session))
		return cli_usage(r->verb, "\"%s\" is not a session's name", r->session);
	if (r->save && r->seconds)
		return cli_usage(r->verb, "either --for or --save");
	if (is_allow && r->cuts && !r->seconds)
		return cli_usage(r->verb, "--cut is about the end: give --for too");
	return 0;
}

/* --- what is decided ------------------------------------------------------------------- */

/* What --save would write. */
static int plan_edit(struct cli *c, const char *name, const char *host,
                     struct manifest_edit **edit, struct err *err)
{
	const struct manifest *m = cli_manifest(c);
	const struct agent_spec *agent = manifest_usable_agent(m, name, err);

	if (!agent)
		return -1;
	return manifest_save_host(edit, m, agent, host, err);
}

static void show_edit(const struct manifest_edit *e)
{
	struct buf names = BUF_INIT(65536);

	cli_say("in %s, bottle %s:", e->path, e->bottle);
	fputs(e->diff, stderr); /* made safe when it was made */
	for (char **a = e->widened; a && *a; a++)
		buf_addf(&names, "%s%s", names.len ? ", " : "", *a);
	if (names.len)
		cli_say("these agents get the host too, from their next launch on: %s",
		        buf_str(&names));
	if (e->origin == MANIFEST_PROJECT)
		cli_say("the file stays trusted, with the bytes that are written");
	buf_done(&names);
}

/* What a person must know first, and say yes to. 0 to go on, else -1 with err. */
static int advise(const struct request *r, const struct policy_advice *a,
                  const struct manifest_edit *edit, struct err *err)
{
	bool writes = edit && !edit->is_nothing;
	CLEANUP_FREE char *question = xasprintf("Allow %s in %s%s?", a->host, r->session,
	                                        writes ? ", and write this" : "");

	if (a->offer == POLICY_OFFERED_WARNED)
		cli_say("%s: %s", a->host, a->reason);
	if (writes)
		show_edit(edit);
	if (r->yes || (a->offer != POLICY_OFFERED_WARNED && !writes))
		return 0;
	return cli_confirm(question, "--yes", err);
}

static int save(struct cli *c, const struct request *r, const char *host,
                const struct manifest_edit *e, struct err *err)
{
	struct trust *t = NULL;
	int rc = 0;

	if (e->is_nothing) {
		cli_say("the manifest has it already");
		return 0;
	}
	if (e->origin == MANIFEST_PROJECT && cli_trust(c, &t, err) < 0)
		return -1;
	rc = manifest_edit_write(e, err);
	if (rc == 0 && t)
		rc = trust_add(t, e->path, e->digest, err);
	trust_free(t);
	if (rc == 0) {
		cli_say("written to %s", e->path);
		cli_policy_saved(c, r->session, e->bottle, host, r->why);
	}
	return rc;
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

/* Allowed already, now and for good? Then only what is to be written is new. */
static bool is_settled(const struct request *r, const struct policy *p, const char *host)
{
	const struct policy_entry *e = policy_find(p, host);

	return !r->seconds && (!e || !e->until) && policy_allows(p, host, time(NULL));
}

static int consider(struct policy_advice *advice, const struct request *r,
                    const struct policy *before, struct err *err)
{
	policy_consider(advice, r->host, before, time(NULL));
	if (advice->offer == POLICY_NEVER)
		return err_set(err, ERR_POLICY, "%s cannot be allowed: %s",
		               *advice->host ? advice->host : r->host, advice->reason);
	return 0;
}

/* 1: the session has ended, and *agent becomes its agent, the caller's; -1 and err. */
static int has_ended(struct cli *c, const char *session, char **agent, struct err *err)
{
	struct session_list list = { 0 };
	const struct session *s;
	int rc = 0;

	if (cli_sessions(c, &list, err) < 0)
		return -1;
	s = session_list_find(&list, session);
	if (s && (s->state == SESSION_STOPPED || s->state == SESSION_FAILED)) {
		*agent = xstrdup(s->agent);
		rc = 1;
	}
	session_list_done(&list);
	return rc;
}

/* Of a session that has ended: only later launches can be told. */
static int allow_later(struct cli *c, const struct request *r, const char *agent, struct err *err)
{
	struct manifest_edit *edit = NULL;
	struct policy_advice advice;
	int rc = -1;

	if (!r->save)
		return err_set(err, ERR_FAILED,
		               "%s has ended; --save lets its next launch reach %s", r->session,
		               r->host);
	if (consider(&advice, r, NULL, err) < 0 ||
	    plan_edit(c, agent, advice.host, &edit, err) < 0)
		return -1;
	cli_say("%s does not run: it is for its next launch", r->session);
	if (advise(r, &advice, edit, err) == 0)
		rc = save(c, r, advice.host, edit, err);
	manifest_edit_free(edit);
	return rc;
}

static int allow(struct cli *c, const struct request *r, const struct policy *before,
                 struct err *err)
{
	struct policy_advice advice;
	struct manifest_edit *edit = NULL;
	struct policy *after = NULL;
	int rc = -1;

	if (consider(&advice, r, before, err) < 0)
		return -1;
	if (r->save && plan_edit(c, before->agent, advice.host, &edit, err) < 0)
		return -1;
	if (advise(r, &advice, edit, err) < 0)
		goto out;
	if (is_settled(r, before, advice.host)) {
		cli_say("%s is allowed in %s already", advice.host, r->session);
	} else {
		if (change(c, r, POLICY_ALLOW, advice.host, &after, err) < 0)
			goto out;
		say_allowed(r, advice.host, after);
	}
	rc = edit ? save(c, r, advice.host, edit, err) : 0;
out:
	policy_free(after);
	manifest_edit_free(edit);
	return rc;
}

static int run_allow(struct cli *c, int argc, char **argv)
{
	struct request r = { .verb = &verb_allow };
	int code = read_request(&r, argc, argv), ended = 0;
	CLEANUP_FREE char *agent = NULL;
	struct policy *before = NULL;
	struct err err = { 0 };

	if (code)
		return code;
	ended = has_ended(c, r.session, &agent, &err);
	if (ended < 0 || (ended && allow_later(c, &r, agent, &err) < 0))
		return cli_fail(&err);
	if (ended)
		return 0;
	if (cli_policy(c, r.session, &before, &err) < 0)
		return cli_fail(&err);
	if (allow(c, &r, before, &err) < 0)
		code = cli_fail(&err);
	policy_free(before);
	return code;
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
	.arguments = "SESSION HOST [--for 15m [--cut] | --save] [--yes] [--why TEXT]",
	.summary = "let a running session reach one more host",
	.help = "  --for TIME  only for so long (15m, 90s, 2h); it ends by itself, whatever runs\n"
		"  --cut       when that time is over, cut tunnels opened meanwhile: every open\n"
		"              tunnel of the session\n"
		"  --save      also write it into the manifest, for later launches; for that the\n"
		"              session may have ended\n"
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
