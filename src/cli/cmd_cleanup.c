#include <getopt.h>
#include <string.h>

#include "cli/cli.h"
#include "core/repo.h"

/* What nobody uses any more: a launch whose program died, an agent that ended,
 * networks and volumes without their containers. */
static bool is_leftover(const struct session *s)
{
	return s->state == SESSION_FAILED || s->state == SESSION_STOPPED;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static size_t show(const struct session_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct session *s = &list->v[i];

		if (!is_leftover(s))
			continue;
		n++;
		cli_say("  %s: %s; %zu container%s, %zu network%s, %zu volume%s", s->name,
		        session_state_name(s->state), s->n_members, plural(s->n_members),
		        s->n_networks, plural(s->n_networks), s->n_volumes, plural(s->n_volumes));
	}
	return n;
}

static int run_cleanup(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "yes", no_argument, NULL, 'y' }, { 0 } };
	struct session_list list = { 0 };
	struct err err = { 0 };
	bool yes = false;
	int code = 0, opt;

	while ((opt = getopt_long(argc, argv, "y", options, NULL)) != -1) {
		if (opt != 'y')
			return cli_bad_option(&verb_cleanup, argv);
		yes = true;
	}
	if (optind < argc)
		return cli_usage(&verb_cleanup, "it takes no argument; to end one session: stop");
	repo_sweep();
	if (cli_sessions(c, &list, &err) < 0)
		return cli_fail(&err);
	if (show(&list) == 0) {
		cli_say("nothing is left over");
	} else if (!yes && cli_confirm("Remove them?", "--yes", &err) < 0) {
		code = cli_fail(&err);
	} else {
		for (size_t i = 0; i < list.n; i++) {
			struct err one = { 0 };

			if (!is_leftover(&list.v[i]))
				continue;
			if (cli_stop_session(c, list.v[i].name, &one) < 0)
				code = cli_fail(&one);
			else
				cli_say("removed %s", list.v[i].name);
		}
	}
	session_list_done(&list);
	return code;
}

const struct cli_verb verb_cleanup = {
	.name = "cleanup",
	.arguments = "[--yes]",
	.summary = "remove what dead launches and ended sessions left in the engine",
	.help = "  -y, --yes  do not ask\n"
	        "\n"
	        "Only what carries this installation's label; running sessions stay.\n"
	        "Example: claude-bottle cleanup --yes\n",
	.run = run_cleanup,
};
