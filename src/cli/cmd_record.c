#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/interrupt.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/recorder.h"

#define HOURS_MAX 168	/* RECORDING_MS_MAX: what a reader takes */

struct run {
	struct loop_timer timer;
	bool is_done, is_full;
	struct err err;
};

static void on_stop(void *arg)
{
	struct run *run = arg;

	run->is_done = true;
}

static void on_ended(void *arg, const struct err *err)
{
	struct run *run = arg;

	if (err)
		run->err = *err;
	run->is_full = !err;
	run->is_done = true;
}

/* "90s", "15m", "2h". */
static int parse_time(uint64_t *ms, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	uint64_t unit = *end == 's' ? 1000 : *end == 'm' ? 60000 : *end == 'h' ? 3600000 : 0;

	if (*text < '0' || *text > '9' || !unit || end[1] || n == 0 || n > 1000000 ||
	    n * unit > HOURS_MAX * 3600000ull)
		return -1;
	*ms = n * unit;
	return 0;
}

static int parse_size(struct recorder_options *opt, const char *text)
{
	int cols, rows, used = 0;

	if (sscanf(text, "%4dx%4d%n", &cols, &rows, &used) != 2 || text[used] || cols < 20 ||
	    cols > 1000 || rows < 5 || rows > 1000)
		return -1;
	opt->cols = cols;
	opt->rows = rows;
	return 0;
}

/* A typo should not look like a session that has not begun. */
static int say_missing(struct cli *c, char *const *sessions, struct err *err)
{
	struct session_list list = { 0 };

	if (!sessions)
		return 0;
	if (cli_sessions(c, &list, err) < 0)
		return -1;
	for (; *sessions; sessions++)
		if (!session_list_find(&list, *sessions))
			cli_say("there is no session \"%s\" yet: it is recorded once it is there",
			        *sessions);
	session_list_done(&list);
	return 0;
}

static int record(struct cli *c, const struct recorder_options *asked, uint64_t ms)
{
	struct run run = { .is_done = false };
	struct recorder_options opt = *asked;
	struct recorder_stats stats = { 0 };
	struct recorder *r = NULL;
	struct interrupt in;
	struct err err = { 0 };

	if (cli_backend(c, &err) < 0 || say_missing(c, asked->sessions, &err) < 0)
		return cli_fail(&err);
	opt.ops = c->ops;
	opt.backend = c->backend;
	opt.ended = on_ended;
	opt.arg = &run;
	if (interrupt_begin(&in, c->loop, on_stop, &run, &err) < 0)
		return cli_fail(&err);
	if (recorder_start(&r, c->loop, &opt, &err) == 0) {
		cli_say("recording to %s; Ctrl-C ends it", opt.path);
		cli_say("terminals are recorded as they are: what an agent shows, a secret too, is "
		        "in the file. Look through it before you give it away");
		if (ms)
			loop_timer_set(c->loop, &run.timer, ms, on_stop, &run);
		cli_wait(c, &run.is_done, &err);
		loop_timer_cancel(c->loop, &run.timer);
		recorder_stop(r, &stats, &err);
	}
	interrupt_end(&in);
	if (!err.kind)
		err = run.err;
	if (err.kind)
		return cli_fail(&err);
	if (run.is_full)
		cli_say("the file is as long as a recording may be: it ends here");
	cli_say("%zu sessions, %zu events, %" PRIu64 " KB; see it by \"claude-bottle replay %s\"",
	        stats.sessions, stats.events, (stats.bytes + 1023) / 1024, opt.path);
	return 0;
}

enum { OPT_FOR = 256, OPT_SESSION, OPT_SIZE };

static int run_record(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "for", required_argument, NULL, OPT_FOR },
		{ "session", required_argument, NULL, OPT_SESSION },
		{ "size", required_argument, NULL, OPT_SIZE },
		{ 0 },
	};
	struct recorder_options ro = { .path = NULL };
	char **sessions = NULL;
	size_t n = 0;
	uint64_t ms = 0;
	int opt, code = 0;

	while (code == 0 && (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == OPT_SESSION)
			strv_push(&sessions, &n, xstrdup(optarg));
		else if (opt == OPT_FOR && parse_time(&ms, optarg) < 0)
			code = cli_usage(&verb_record, "\"%s\" is no time, as 90s, 15m or 2h",
			                 optarg);
		else if (opt == OPT_SIZE && parse_size(&ro, optarg) < 0)
			code = cli_usage(&verb_record, "\"%s\" is no size, as 100x30", optarg);
		else if (opt == '?')
			code = cli_bad_option(&verb_record, argv);
	}
	if (code == 0 && !(ro.path = cli_only_argument(&verb_record, argc, argv, "file")))
		code = 2;
	ro.sessions = sessions;
	if (code == 0)
		code = record(c, &ro, ms);
	strv_free(sessions);
	return code;
}

const struct cli_verb verb_record = {
	.name = "record",
	.arguments = "FILE [--for TIME] [--session NAME]... [--size COLSxROWS]",
	.summary = "record the running sessions: states, events, pushes and terminals, for replay",
	.help = "  --for TIME        end after 90s, 15m, 2h; else at Ctrl-C\n"
		"  --session NAME    only this session; may come again\n"
		"  --size COLSxROWS  make the terminals this large, which has programs draw\n"
		"                    themselves anew; else they are left as they are\n\n"
		"FILE is new, readable by you alone, and ends at 60 MB. Terminals are recorded as\n"
		"they are: whatever an agent shows is in it, a secret too.\n"
		"Example: claude-bottle record monday.jsonl --for 10m --size 100x30\n",
	.run = run_record,
};
