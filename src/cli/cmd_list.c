#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "core/manifest.h"
#include "core/manifest_show.h"
#include "core/mem.h"

static int list_available(struct cli *c, bool is_json)
{
	const struct manifest *m = cli_manifest(c);
	const struct fault *unread = manifest_unread(m);
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX), talk = BUF_INIT(CLI_OUTPUT_MAX);
	int code;

	if (is_json) {
		manifest_show_list_json(&b, m);
		buf_addc(&b, '\n');
	} else if (m->n_agents || !unread) {
		manifest_show_list(m->n_agents ? &b : &talk, m);
	}
	if (unread)
		fault_text(unread, &talk);
	code = cli_print(&b);
	if (talk.len)
		cli_say("%.*s", (int)strcspn(buf_str(&talk), "\n"), buf_str(&talk));
	buf_done(&b);
	buf_done(&talk);
	return code ? code : unread ? err_exit_code(ERR_INPUT) : 0;
}

/* --- what the agents say of themselves --------------------------------------------- */

#define CLAIM_PATIENCE_MS 10000u

struct claims {
	size_t pending;
	bool is_done;
};

struct claim_question {
	struct claims *all;
	struct session *session;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void on_claim(void *arg, const struct exec_result *result, const struct err *err)
{
	struct claim_question *q = arg;

	if (!err && result->exit_code == 0)
		claim_of_line(&q->session->claim, result->out, now_ns());
	if (--q->all->pending == 0)
		q->all->is_done = true;
}

/* All at once. One that cannot be asked has no claim, and the list is whole all the same. */
static void ask_claims(struct cli *c, struct session_list *list)
{
	static const char *const argv[] = { "/claude-bottle/helper", "activity", NULL };
	struct claim_question *questions = xcalloc(list->n + 1, sizeof *questions);
	struct claims all = { 0 };
	struct err err = { 0 };

	for (size_t i = 0; i < list->n && c->ops->exec; i++) {
		struct session *s = &list->v[i];
		const struct exec_request req = { .session = s->name,
			                          .argv = argv,
			                          .output_max = 1024,
			                          .timeout_ms = CLAIM_PATIENCE_MS };

		if (s->state != SESSION_RUNNING || s->is_frozen)
			continue;
		questions[i] = (struct claim_question){ &all, s };
		all.pending++;
		c->ops->exec(c->backend, &req, on_claim, &questions[i]);
	}
	all.is_done = all.pending == 0;
	cli_wait(c, &all.is_done, &err);
	free(questions);
}

static int list_sessions(struct cli *c, bool is_json)
{
	struct session_list list = { 0 };
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	struct err err = { 0 };
	int code;

	if (cli_sessions(c, &list, &err) < 0)
		return cli_fail(&err);
	if (is_json) {
		ask_claims(c, &list);
		session_list_json(&b, &list);
	} else if (list.n)
		session_list_text(&b, &list);
	else
		cli_say("no session runs; \"claude-bottle list available\" shows what can");
	code = cli_print(&b);
	session_list_done(&list);
	buf_done(&b);
	return code;
}

static int run_list(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	bool is_json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return cli_bad_option(&verb_list, argv);
		is_json = true;
	}
	if (optind == argc)
		return list_sessions(c, is_json);
	if (strcmp(argv[optind], "available") != 0)
		return cli_usage(&verb_list, "\"%s\" is no list, as \"available\" is",
		                 argv[optind]);
	if (optind + 1 < argc)
		return cli_usage(&verb_list, "\"%s\" is one argument too many", argv[optind + 1]);
	return list_available(c, is_json);
}

const struct cli_verb verb_list = {
	.name = "list",
	.arguments = "[available] [--json]",
	.summary = "show the sessions, or the agents that the manifest offers",
	.help = "  --json  as JSON on stdout; \"claim\" is what an agent's hooks say of it: "
	        "working,\n"
		"          waits (its turn is over) or asks, since when, and its question\n"
		"\n"
		"Example: claude-bottle list available\n",
	.run = run_list,
};
