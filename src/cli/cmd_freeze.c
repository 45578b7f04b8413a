/* freeze and thaw: stop one session, or all, without ending it. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/policy.h"
#include "core/manifest.h"
#include "core/mem.h"

static const char *const done_words[] = {
	[POLICY_FREEZE] = "is frozen: its agent is paused and every request is refused",
	[POLICY_THAW] = "goes on",
};

/* All at once: whoever freezes is in a hurry. */
static int change_all(struct cli *c, const struct cli_verb *verb, char **names, size_t n,
                      const char *why)
{
	enum policy_verb what = verb == &verb_freeze ? POLICY_FREEZE : POLICY_THAW;
	struct cli_change *changes = xcalloc(n + 1, sizeof *changes);
	int code = 0;

	for (size_t i = 0; i < n; i++) {
		changes[i] = (struct cli_change){ .session = names[i],
			                          .change = { .verb = what, .why = why } };
		cli_change_start(c, &changes[i]);
	}
	for (size_t i = 0; i < n; i++) {
		struct err err = { 0 };

		if (cli_change_wait(c, &changes[i], &err) < 0) {
			if (n > 1)
				err_wrap(&err, "%s", names[i]);
			code = cli_fail(&err);
		} else {
			cli_say("%s %s", names[i], done_words[what]);
		}
		policy_free(changes[i].policy);
	}
	free(changes);
	return code;
}

static int change_every(struct cli *c, const struct cli_verb *verb, const char *why)
{
	struct session_list list = { 0 };
	struct err err = { 0 };
	char **names = NULL;
	size_t n = 0;
	int code = 0;

	if (cli_sessions(c, &list, &err) < 0)
		return cli_fail(&err);
	for (size_t i = 0; i < list.n; i++)
		if (list.v[i].state == SESSION_RUNNING)
			strv_push(&names, &n, xstrdup(list.v[i].name));
	session_list_done(&list);
	if (n == 0)
		cli_say("no session runs");
	else
		code = change_all(c, verb, names, n, why);
	strv_free(names);
	return code;
}

static int run(struct cli *c, const struct cli_verb *verb, int argc, char **argv)
{
	static const struct option options[] = { { "all", no_argument, NULL, 'a' },
		                                 { "why", required_argument, NULL, 'w' },
		                                 { 0 } };
	const char *session, *why = NULL;
	struct err err = { 0 };
	char *names[2] = { NULL, NULL };
	bool all = false;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'a')
			all = true;
		else if (opt == 'w')
			why = optarg;
		else
			return cli_bad_option(verb, argv);
	}
	if (all && optind == argc)
		return change_every(c, verb, why);
	if (all)
		return cli_usage(verb, "a session, or --all");
	session = cli_only_argument(verb, argc, argv, "session");
	if (!session)
		return 2;
	if (!session_name_is_valid(session))
		return cli_usage(verb, "\"%s\" is not a session's name", session);
	if (cli_backend(c, &err) < 0)
		return cli_fail(&err);
	names[0] = xstrdup(session);
	code = change_all(c, verb, names, 1, why);
	free(names[0]);
	return code;
}

static int run_freeze(struct cli *c, int argc, char **argv)
{
	return run(c, &verb_freeze, argc, argv);
}

static int run_thaw(struct cli *c, int argc, char **argv)
{
	return run(c, &verb_thaw, argc, argv);
}

const struct cli_verb verb_freeze = {
	.name = "freeze",
	.arguments = "SESSION | --all [--why TEXT]",
	.summary = "pause an agent and refuse all its requests, without ending the session",
	.help = "  --all       every session that runs\n"
		"  --why TEXT  kept with the decision\n"
		"\n"
		"The agent stands still as it is; pipelock refuses everything, open tunnels too.\n"
		"\"thaw\" lets it go on. \"list\" shows frozen sessions as such.\n"
		"Example: claude-bottle freeze --all --why \"odd pushes\"\n",
	.run = run_freeze,
};

const struct cli_verb verb_thaw = {
	.name = "thaw",
	.arguments = "SESSION | --all [--why TEXT]",
	.summary = "let a frozen session go on",
	.help = "  --all       every session that runs\n"
		"  --why TEXT  kept with the decision\n"
		"\n"
		"Example: claude-bottle thaw implementer\n",
	.run = run_thaw,
};
