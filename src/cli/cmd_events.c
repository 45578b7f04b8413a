#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/event.h"
#include "core/mem.h"

#define KEPT_MAX 200000

struct watch {
	bool is_json;
	bool with_probes;
	bool keep_following;
	int kind;			/* -1: every kind */
	const char *grep;
	struct event *kept;		/* until the logs end, to be put in order */
	size_t n_kept;
	size_t open;			/* followings that have not ended */
	bool is_done;
	int code;
	struct event_style style;
	struct buf line;
};

static bool has(const char *text, const char *part)
{
	return text && strstr(text, part);
}

static bool is_wanted(const struct watch *w, const struct event *e)
{
	if (e->is_probe && !w->with_probes)
		return false;
	if (w->kind >= 0 && e->kind != (enum event_kind)w->kind)
		return false;
	return !w->grep || has(e->host, w->grep) || has(e->rule, w->grep) ||
	       has(e->summary, w->grep);
}

static bool print(struct watch *w, const struct event *e)
{
	buf_reset(&w->line);
	if (w->is_json)
		event_json(&w->line, e);
	else
		event_line(&w->line, e, &w->style);
	buf_addc(&w->line, '\n');
	w->code = cli_print(&w->line);
	return w->code == 0;
}

static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return (x->ts_ns > y->ts_ns) - (x->ts_ns < y->ts_ns);
}

/* An event that repeats comes again with the same fold: the newest counts. */
static void keep(struct watch *w, const struct event *e)
{
	for (size_t i = w->n_kept; e->fold && i > 0; i--) {
		struct event *old = &w->kept[i - 1];

		if (old->fold != e->fold || old->source != e->source ||
		    strcmp(old->session, e->session) != 0)
			continue;
		event_done(old);
		event_copy(old, e);
		return;
	}
	w->kept = xreallocarray(w->kept, w->n_kept + 1, sizeof *w->kept);
	event_copy(&w->kept[w->n_kept++], e);
}

static bool on_event(void *arg, const struct event *e)
{
	struct watch *w = arg;

	if (!is_wanted(w, e))
		return true;
	if (w->keep_following)
		return print(w, e);
	if (w->n_kept == KEPT_MAX)
		return false;
	keep(w, e);
	return true;
}

static void print_kept(struct watch *w)
{
	if (w->n_kept)
		qsort(w->kept, w->n_kept, sizeof *w->kept, by_time);
	for (size_t i = 0; i < w->n_kept; i++) {
		if (w->code == 0)
			print(w, &w->kept[i]);
		event_done(&w->kept[i]);
	}
	free(w->kept);
	if (w->n_kept == KEPT_MAX)
		cli_say("claude-bottle: only the first %d events; use --since or --session",
		        KEPT_MAX);
}

static void on_end(void *arg, const struct err *err)
{
	struct watch *w = arg;

	if (err)
		w->code = cli_fail(err);
	if (--w->open == 0)
		w->is_done = true;
}

/* "90s", "15m", "2h", "1d": that long ago. */
static int parse_since(int64_t *out, const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || n <= 0 || n > 1000000)
		return -1;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (end[0] == units[i].unit && end[1] == '\0') {
			*out = ((int64_t)time(NULL) - n * units[i].seconds) * 1000000000;
			return 0;
		}
	}
	return -1;
}

static int follow_all(struct cli *c, struct watch *w, const char *session, int64_t since)
{
	struct session_list list = { 0 };
	struct err err = { 0 };

	if (cli_sessions(c, &list, &err) < 0)
		return cli_fail(&err);
	for (size_t i = 0; i < list.n; i++) {
		const struct follow_request req = { .session = list.v[i].name,
			                            .since_ns = since,
			                            .released_ns = list.v[i].released_ns,
			                            .keep_following = w->keep_following };

		if (session && strcmp(session, list.v[i].name) != 0)
			continue;
		w->open++;
		c->ops->follow(c->backend, &req, on_event, on_end, w);
	}
	session_list_done(&list);
	if (w->open == 0) {
		if (session)
			err_set(&err, ERR_FAILED, "there is no session \"%s\"", session);
		else
			err_set(&err, ERR_FAILED, "no session runs");
		return cli_fail(&err);
	}
	if (cli_wait(c, &w->is_done, &err) < 0)
		return cli_fail(&err);
	print_kept(w);
	return w->code;
}

static int run_events(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "session", required_argument, NULL, 's' },
		{ "kind", required_argument, NULL, 'k' },
		{ "since", required_argument, NULL, 't' },
		{ "grep", required_argument, NULL, 'g' },
		{ "all", no_argument, NULL, 'a' },
		{ 0 },
	};
	struct watch w = { .kind = -1, .line = BUF_INIT(1u << 20) };
	const char *session = NULL;
	int64_t since = 0;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "f", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			w.keep_following = true;
			break;
		case 'j':
			w.is_json = true;
			break;
		case 's':
			session = optarg;
			break;
		case 'k':
			w.kind = event_kind_parse(optarg);
			if (w.kind < 0)
				return cli_usage(&verb_events, "there is no kind \"%s\"", optarg);
			break;
		case 't':
			if (parse_since(&since, optarg) < 0)
				return cli_usage(&verb_events,
				                 "--since takes 90s, 15m, 2h or 1d");
			break;
		case 'a':
			w.with_probes = true;
			break;
		case 'g':
			w.grep = optarg;
			break;
		default:
			return cli_usage(&verb_events, "unknown option");
		}
	}
	if (optind < argc)
		return cli_usage(&verb_events, "use --session %s", argv[optind]);
	w.style = (struct event_style){ .has_date = !isatty(STDOUT_FILENO), .session_width = 20 };
	code = follow_all(c, &w, session, since);
	buf_done(&w.line);
	return code;
}

const struct cli_verb verb_events = {
	.name = "events",
	.arguments = "[-f] [--json] [--session SESSION] [--kind KIND] [--since AGE] [--grep TEXT] "
	             "[--all]",
	.summary = "show what was blocked, looked up, fetched and pushed",
	.help = "  -f, --follow       go on as it happens\n"
	        "  --json             one JSON object a line\n"
	        "  --session SESSION  of this one only\n"
	        "  --kind KIND        egress.blocked, egress.dlp, egress.dns, push.rejected, ...\n"
	        "  --since AGE        90s, 15m, 2h, 1d\n"
	        "  --all              those of claude-bottle's own isolation probes too\n"
	        "  --grep TEXT        only those whose host, rule or summary holds it\n"
	        "\n"
	        "Of sessions that exist; a removed session's events are gone with its logs.\n"
	        "Example: claude-bottle events -f --json --kind egress.blocked\n",
	.run = run_events,
};
