/* pushes, push: what went through the gate, and what waits for a person. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/push_text.h"
#include "core/mem.h"
#include "core/push.h"

/* --- asking the gate -------------------------------------------------------------- */

struct push_wait {
	struct push_list list;
	struct push push;
	struct err err;
	bool is_done;
};

static void on_list(void *arg, struct push_list *list, const struct err *err)
{
	struct push_wait *w = arg;

	if (err) {
		w->err = *err;
	} else {
		w->list = *list;
		*list = (struct push_list){ 0 };
	}
	w->is_done = true;
}

static void on_push(void *arg, struct push *push, const struct err *err)
{
	struct push_wait *w = arg;

	if (err) {
		w->err = *err;
	} else {
		w->push = *push;
		*push = (struct push){ 0 };
	}
	w->is_done = true;
}

static int await(struct cli *c, struct push_wait *w, struct err *err)
{
	if (cli_wait(c, &w->is_done, err) < 0)
		return -1;
	if (w->err.kind) {
		*err = w->err;
		return -1;
	}
	return 0;
}

static int list_of(struct cli *c, struct push_list *out, const char *session, struct err *err)
{
	struct push_wait w = { .is_done = false };

	c->ops->pushes(c->backend, session, on_list, &w);
	if (await(c, &w, err) < 0)
		return err_wrap(err, "session %s", session);
	*out = w.list;
	return 0;
}

static bool has_gate(const struct session *s)
{
	for (size_t i = 0; i < s->n_members; i++)
		if (s->members[i].role == ROLE_GATE)
			return s->state == SESSION_RUNNING;
	return false;
}

/* --- pushes ------------------------------------------------------------------------ */

/* Append those of one session. */
static int add_session(struct cli *c, struct buf *out, const char *session, bool is_json,
                       size_t *n, struct err *err)
{
	struct push_list list = { 0 };

	if (list_of(c, &list, session, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++, (*n)++) {
		if (is_json) {
			buf_adds(out, *n ? ",\n" : "");
			push_json(out, session, &list.v[i], false);
		} else {
			if (*n == 0)
				push_text_head(out);
			push_text_line(out, session, &list.v[i]);
		}
	}
	push_list_done(&list);
	return 0;
}

static int show_pushes(struct cli *c, const char *session, bool is_json)
{
	struct session_list sessions = { 0 };
	struct buf out = BUF_INIT(CLI_OUTPUT_MAX);
	struct err err = { 0 };
	bool was_found = false, was_said = false;
	size_t n = 0;
	int code = 0;

	if (cli_sessions(c, &sessions, &err) < 0)
		return cli_fail(&err);
	buf_adds(&out, is_json ? "[" : "");
	for (size_t i = 0; i < sessions.n && code == 0; i++) {
		const struct session *s = &sessions.v[i];

		if (session && strcmp(session, s->name) != 0)
			continue;
		was_found = true;
		if (!has_gate(s)) {
			if (session)
				cli_say("session %s has no git gate that runs", session);
			was_said = session != NULL;
		} else if (add_session(c, &out, s->name, is_json, &n, &err) < 0) {
			code = cli_fail(&err);
		}
	}
	session_list_done(&sessions);
	if (session && !was_found) {
		err_set(&err, ERR_FAILED, "there is no session \"%s\"; see \"claude-bottle list\"",
		        session);
		code = cli_fail(&err);
	}
	buf_adds(&out, is_json ? "]\n" : "");
	if (code == 0)
		code = cli_print(&out);
	if (code == 0 && n == 0 && !is_json && !was_said)
		cli_say("nothing was pushed");
	buf_done(&out);
	return code;
}

static int run_pushes(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	bool is_json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return cli_bad_option(&verb_pushes, argv);
		is_json = true;
	}
	if (argc - optind > 1)
		return cli_usage(&verb_pushes, "one session at a time, not \"%s\" too",
		                 argv[optind + 1]);
	return show_pushes(c, optind < argc ? argv[optind] : NULL, is_json);
}

const struct cli_verb verb_pushes = {
	.name = "pushes",
	.arguments = "[SESSION] [--json]",
	.summary = "list what agents pushed, and which pushes wait for you",
	.help = "  --json  as a JSON list on stdout\n"
	        "\n"
	        "The gate keeps the last 32 pushes of a session, as long as it runs.\n"
	        "Example: claude-bottle pushes implementer --json\n",
	.run = run_pushes,
};

/* --- push -------------------------------------------------------------------------- */

struct options {
	bool with_diff, is_json, yes;
	const char *message;
	const char *session, *id, *finding;
};

/* A typo is told from a gate that does not answer. */
static int find_gate(struct cli *c, const char *session, struct err *err)
{
	struct session_list list = { 0 };
	const struct session *s;
	int rc = 0;

	if (cli_sessions(c, &list, err) < 0)
		return -1;
	s = session_list_find(&list, session);
	if (!s)
		rc = err_set(err, ERR_FAILED,
		             "there is no session \"%.60s\"; see \"claude-bottle list\"", session);
	else if (!has_gate(s))
		rc = err_set(err, ERR_FAILED, "session %s has no git gate that runs", session);
	session_list_done(&list);
	return rc;
}

/* The push that is meant: its id, or the beginning of it when no other has that. */
static int find_push(struct cli *c, struct push *out, const struct options *o, struct err *err)
{
	struct push_wait w = { .is_done = false };
	struct push_list list = { 0 };
	CLEANUP_FREE char *id = NULL;
	size_t n = 0;

	if (list_of(c, &list, o->session, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		if (strlen(o->id) < 4 || strncmp(list.v[i].id, o->id, strlen(o->id)) != 0)
			continue;
		if (n++ == 0)
			id = xstrdup(list.v[i].id);
	}
	push_list_done(&list);
	if (n != 1)
		return err_set(err, ERR_FAILED,
		               "session %s has %s push \"%.40s\"; see \"claude-bottle pushes %s\"",
		               o->session, n ? "more than one" : "no", o->id, o->session);
	c->ops->push_read(c->backend, o->session, id, on_push, &w);
	if (await(c, &w, err) < 0)
		return -1;
	*out = w.push;
	return 0;
}

static int do_show(struct cli *c, const struct options *o, struct push *p, struct err *err)
{
	struct buf out = BUF_INIT(CLI_OUTPUT_MAX);
	int code;

	(void)c;
	(void)err;
	if (o->is_json) {
		push_json(&out, o->session, p, o->with_diff);
		buf_addc(&out, '\n');
	} else {
		push_text(&out, p);
		if (o->with_diff)
			push_text_diff(&out, p);
	}
	code = cli_print(&out);
	buf_done(&out);
	return code;
}

/* Tell the gate, and wait for what becomes of it. */
static int decide(struct cli *c, const struct options *o, struct push *p, struct push_decision *d,
                  struct err *err)
{
	const char **ids = xcalloc(p->n_refs + 1, sizeof *ids);
	CLEANUP_FREE char *by = push_operator();
	struct push_wait w = { .is_done = false };
	int rc;

	for (size_t i = 0; i < p->n_refs; i++)
		ids[i] = p->refs[i].new;
	d->session = o->session;
	d->id = p->id;
	d->by = by;
	d->new_ids = ids;
	d->n_new_ids = p->n_refs;
	c->ops->push_decide(c->backend, d, on_push, &w);
	rc = await(c, &w, err);
	if (rc == 0) {
		push_done(p);
		*p = w.push;
	}
	free(ids);
	return rc;
}

static int refuse_unless_held(const struct push *p, struct err *err)
{
	if (p->state == PUSH_HELD)
		return 0;
	return err_set(err, ERR_POLICY, "push %s does not wait: it is %s", p->id,
	               push_state_name(p->state));
}

static int do_approve(struct cli *c, const struct options *o, struct push *p, struct err *err)
{
	struct push_decision d = { .action = PUSH_APPROVE, .message = o->message };
	struct buf text = BUF_INIT(CLI_OUTPUT_MAX);

	if (refuse_unless_held(p, err) < 0)
		return -1;
	push_text(&text, p);
	if (!o->yes)
		fputs(buf_str(&text), stderr); /* safe, and of lines */
	buf_done(&text);
	if (!o->yes && cli_confirm("let it go to the upstream?", "--yes", err) < 0)
		return -1;
	if (decide(c, o, p, &d, err) < 0)
		return -1;
	if (p->state != PUSH_ACCEPTED)
		return err_set(err, ERR_FAILED, "push %s was approved, and %s: %s", p->id,
		               push_state_name(p->state),
		               p->reason ? p->reason : "no reason given");
	cli_say("push %s reached the upstream", p->id);
	return 0;
}

static int do_reject(struct cli *c, const struct options *o, struct push *p, struct err *err)
{
	struct push_decision d = { .action = PUSH_REJECT, .message = o->message };

	if (refuse_unless_held(p, err) < 0 || decide(c, o, p, &d, err) < 0)
		return -1;
	cli_say("push %s was rejected", p->id);
	return 0;
}

static int do_accept(struct cli *c, const struct options *o, struct push *p, struct err *err)
{
	struct push_decision d = { .action = PUSH_ACCEPT_FINDING, .message = o->message };
	CLEANUP_FREE char *id = NULL;
	int i = push_finding_find(p, o->finding);

	if (i < 0 || !p->findings[i].id)
		return err_set(err, ERR_FAILED,
		               "push %s has no finding \"%.40s\"; see \"claude-bottle push show\"",
		               p->id, o->finding);
	id = xstrdup(p->findings[i].id);
	d.finding = id;
	if (decide(c, o, p, &d, err) < 0)
		return -1;
	cli_say("accepted: within the hour, one push to the same refs passes with this finding "
	        "and no other");
	return 0;
}

static const struct action {
	const char *name;
	int (*run)(struct cli *c, const struct options *o, struct push *p, struct err *err);
	int arguments; /* after the name */
	const char *options;
} actions[] = {
	{ "show", do_show, 2, "dj" },
	{ "approve", do_approve, 2, "ym" },
	{ "reject", do_reject, 2, "m" },
	{ "accept", do_accept, 3, "m" },
};

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; name && i < sizeof actions / sizeof *actions; i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

static int run_action(struct cli *c, const struct action *a, const struct options *o)
{
	struct push p = { 0 };
	struct err err = { 0 };
	int rc;

	if (find_gate(c, o->session, &err) < 0 || find_push(c, &p, o, &err) < 0)
		return cli_fail(&err);
	rc = a->run(c, o, &p, &err);
	push_done(&p);
	return rc < 0 ? cli_fail(&err) : rc;
}

static int run_push(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "diff", no_argument, NULL, 'd' }, { "json", no_argument, NULL, 'j' },
		{ "yes", no_argument, NULL, 'y' },  { "message", required_argument, NULL, 'm' },
		{ "why", required_argument, NULL, 'm' },
		{ 0 },
	};
	struct options o = { .with_diff = false };
	char given[8] = "";
	const struct action *a;
	size_t n = 0;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == '?')
			return cli_bad_option(&verb_push, argv);
		if (n == sizeof given - 1)
			return cli_usage(&verb_push, "too many options");
		given[n++] = (char)opt;
		o.with_diff |= opt == 'd';
		o.is_json |= opt == 'j';
		o.yes |= opt == 'y';
		if (opt == 'm')
			o.message = optarg;
	}
	a = find_action(optind < argc ? argv[optind] : NULL);
	if (!a)
		return cli_usage(&verb_push, "show, approve, reject or accept?");
	if (given[strspn(given, a->options)])
		return cli_usage(&verb_push, "that option is not for \"%s\"", a->name);
	if (argc - optind - 1 != a->arguments)
		return cli_usage(&verb_push, "\"%s\" takes SESSION ID%s", a->name,
		                 a->arguments == 3 ? " FINDING" : "");
	if (o.message && strlen(o.message) > PUSH_MESSAGE_MAX)
		return cli_usage(&verb_push, "a message of at most %d bytes", PUSH_MESSAGE_MAX);
	o.session = argv[optind + 1];
	o.id = argv[optind + 2];
	o.finding = a->arguments == 3 ? argv[optind + 3] : NULL;
	return run_action(c, a, &o);
}

const struct cli_verb verb_push = {
	.name = "push",
	.arguments = "show SESSION ID [--diff] [--json] |\n"
	             "       approve SESSION ID [--yes] [--why TEXT] |\n"
	             "       reject SESSION ID [--message TEXT] |\n"
	             "       accept SESSION ID FINDING [--why TEXT]",
	.summary = "look at a push, and decide on one that waits",
	.help = "  show     commits, findings, and with --diff the changes themselves\n"
	        "  approve  let it go to the upstream; asks, unless --yes\n"
	        "  reject   refuse it; the agent's git shows TEXT\n"
	        "  accept   a false alarm: let the next push to the same refs pass with this\n"
	        "           finding and no other, once, within the hour\n"
	        "\n"
	        "TEXT is kept with the decision, which is an event: who, when and why.\n"
	        "ID is that of \"claude-bottle pushes\", or its beginning; FINDING is the number\n"
	        "or the id that \"show\" prints. Exit code 5: the push does not wait any more, or\n"
	        "is not the one that was looked at.\n"
	        "Example: claude-bottle push reject implementer 5f0c --message 'split it up'\n",
	.run = run_push,
};
