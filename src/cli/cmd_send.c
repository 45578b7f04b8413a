/* send: a line for an agent, as if typed into its terminal. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/loop.h"
#include "core/mem.h"

#define LINE_MAX_BYTES (64u << 10)
/* Programs take text and Enter that come at once for a paste, and do not act on it. */
#define ENTER_AFTER_MS 150
/* The stream is closed only when what was sent is surely on its way. */
#define CLOSE_AFTER_MS 150

struct sending {
	struct cli *cli;
	struct backend_stream *stream;
	struct loop_timer timer;
	const struct buf *line;
	bool with_enter, is_done;
	struct err err;
};

static void on_sent(void *arg)
{
	struct sending *s = arg;

	s->is_done = true;
}

static void give(struct sending *s, const char *data, size_t len)
{
	if (s->cli->ops->stream_send(s->stream, data, len) < 0) {
		err_set(&s->err, ERR_FAILED, "the agent's terminal takes no more");
		s->is_done = true;
	}
}

static void on_enter(void *arg)
{
	struct sending *s = arg;

	give(s, "\r", 1);
	loop_timer_set(s->cli->loop, &s->timer, CLOSE_AFTER_MS, on_sent, s);
}

static void on_opened(void *arg)
{
	struct sending *s = arg;

	if (s->line->len)
		give(s, s->line->data, s->line->len);
	if (!s->is_done)
		loop_timer_set(s->cli->loop, &s->timer,
		               s->with_enter ? ENTER_AFTER_MS : CLOSE_AFTER_MS,
		               s->with_enter ? on_enter : on_sent, s);
}

/* What the agent writes meanwhile is taken and forgotten: unread, it would stall. */
static void on_data(void *arg, const char *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
}

static void on_ended(void *arg, const struct err *err)
{
	struct sending *s = arg;

	if (err)
		s->err = *err;
	else
		err_set(&s->err, ERR_FAILED, "the agent ended");
	s->is_done = true;
}

static int send_line(struct cli *c, const char *session, const struct buf *line, bool with_enter,
                     struct err *err)
{
	static const struct stream_events events = {
		.opened = on_opened, .data = on_data, .ended = on_ended
	};
	const struct stream_request req = { .session = session }; /* its size stays as it is */
	struct sending s = { .cli = c, .line = line, .with_enter = with_enter };
	int rc;

	s.stream = c->ops->attach(c->backend, &req, &events, &s);
	rc = cli_wait(c, &s.is_done, err);
	loop_timer_cancel(c->loop, &s.timer);
	c->ops->stream_close(s.stream);
	if (rc == 0 && s.err.kind)
		rc = err_set(err, s.err.kind, "sending to \"%s\": %s", session, s.err.msg);
	return rc;
}

/* All of stdin, without the newline at its end. */
static int read_stdin(struct buf *line, struct err *err)
{
	char data[4096];
	size_t n;

	while ((n = fread(data, 1, sizeof data, stdin)) > 0)
		if (buf_add(line, data, n) < 0)
			return err_set(err, ERR_INPUT, "stdin: more than %u bytes", LINE_MAX_BYTES);
	if (ferror(stdin))
		return err_set(err, ERR_FAILED, "stdin: cannot be read");
	if (line->len && line->data[line->len - 1] == '\n')
		line->len--;
	return 0;
}

static int check(const struct session_list *list, const char *name, struct err *err)
{
	const struct session *s = session_list_find(list, name);

	if (!s || s->state != SESSION_RUNNING)
		return err_set(err, ERR_FAILED,
		               "session \"%s\" is not running; see \"claude-bottle list\"", name);
	if (s->is_frozen)
		return err_set(err, ERR_FAILED,
		               "session \"%s\" is frozen; \"claude-bottle thaw %s\" lets it go on",
		               name, name);
	return 0;
}

static int send_to(struct cli *c, const char *session, const struct buf *line, bool with_enter)
{
	struct session_list list = { 0 };
	struct err err = { 0 };
	int rc = cli_sessions(c, &list, &err);

	if (rc == 0)
		rc = check(&list, session, &err);
	if (rc == 0)
		rc = send_line(c, session, line, with_enter, &err);
	session_list_done(&list);
	return rc < 0 ? cli_fail(&err) : 0;
}

static int run_send(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "no-enter", no_argument, NULL, 'n' }, { 0 } };
	struct buf line = BUF_INIT_SECRET(LINE_MAX_BYTES);
	bool with_enter = true;
	struct err err = { 0 };
	int opt, rc = 0;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'n')
			return cli_bad_option(&verb_send, argv);
		with_enter = false;
	}
	if (argc - optind > 2)
		return cli_usage(&verb_send, "one TEXT: put it in quotes");
	if (argc - optind != 2)
		return cli_usage(&verb_send, "to which session, and which text?");
	if (strcmp(argv[optind + 1], "-") == 0)
		rc = read_stdin(&line, &err);
	else if (buf_adds(&line, argv[optind + 1]) < 0)
		rc = err_set(&err, ERR_INPUT, "more than %u bytes", LINE_MAX_BYTES);
	rc = rc < 0 ? cli_fail(&err) : send_to(c, argv[optind], &line, with_enter);
	buf_done(&line);
	return rc;
}

const struct cli_verb verb_send = {
	.name = "send",
	.arguments = "SESSION TEXT [--no-enter]",
	.summary = "type a line into a running agent's terminal",
	.help = "  --no-enter  the text alone, without Enter after it\n"
	        "\n"
	        "TEXT \"-\" is read from stdin, which ps does not show. What the agent\n"
	        "answers is in its terminal: \"claude-bottle attach SESSION\".\n"
	        "Example: claude-bottle send researcher \"go on with the second part\"\n",
	.run = run_send,
};
