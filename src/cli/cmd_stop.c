#include <getopt.h>
#include <string.h>

#include "cli/cli.h"

/* Is anything of the session there? A typo should not look like success. */
static int find_session(struct cli *c, const char *name, bool *was_found, struct err *err)
{
	struct session_list list = { 0 };

	if (cli_sessions(c, &list, err) < 0)
		return -1;
	*was_found = session_list_find(&list, name) != NULL;
	session_list_done(&list);
	return 0;
}

static int stop_all(struct cli *c)
{
	struct session_list list = { 0 };
	struct err err = { 0 };
	int code = 0;

	if (cli_sessions(c, &list, &err) < 0)
		return cli_fail(&err);
	for (size_t i = 0; i < list.n; i++) {
		struct err one = { 0 };

		if (cli_stop_session(c, list.v[i].name, &one) < 0)
			code = cli_fail(&one);
		else
			cli_say("stopped %s", list.v[i].name);
	}
	session_list_done(&list);
	return code;
}

static int run_stop(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "all", no_argument, NULL, 'a' }, { 0 } };
	bool was_found = false, all = false;
	struct err err = { 0 };
	const char *session;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'a')
			return cli_bad_option(&verb_stop, argv);
		all = true;
	}
	if (all && optind < argc)
		return cli_usage(&verb_stop, "a session, or --all");
	if (all)
		return stop_all(c);
	session = cli_only_argument(&verb_stop, argc, argv, "session");
	if (!session)
		return 2;
	if (find_session(c, session, &was_found, &err) < 0)
		return cli_fail(&err);
	if (!was_found) {
		err_set(&err, ERR_FAILED, "there is no session \"%s\"; see \"claude-bottle list\"",
		        session);
		return cli_fail(&err);
	}
	if (cli_stop_session(c, session, &err) < 0)
		return cli_fail(&err);
	cli_say("stopped %s", session);
	return 0;
}

const struct cli_verb verb_stop = {
	.name = "stop",
	.arguments = "SESSION | --all",
	.summary = "end a session and remove its containers, networks and volumes",
	.help = "  --all  every session of this installation\n"
	        "\n"
	        "The agent gets SIGTERM and three seconds. What is in its container is gone.\n"
	        "Example: claude-bottle stop researcher--paper\n",
	.run = run_stop,
};
