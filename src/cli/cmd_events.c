/* events: what the store has, after a look at the logs of the sessions that exist. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/event.h"
#include "core/journal.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/stamp.h"
#include "core/store.h"

#define PAGE 1000
#define LOOK_MS 1000 /* how often -f looks for other programs' events and new sessions */
#define REPEATS 512  /* printed ones, whose counts are known */

#define DAY_SIZE 16

enum format { AS_TEXT, AS_JSON, AS_CSV };

struct watch {
	struct cli *cli;
	struct store *store;
	enum format format;
	bool keep_following;
	struct store_query query;
	struct event_style style;
	char day[DAY_SIZE]; /* of the last that was printed; at first today */
	struct buf line;
	int code;
	bool is_done;
	bool is_incomplete; /* not all could be stored */
	bool was_printed;   /* anything */
	struct log_taker taker;
	/* -f */
	bool is_live;
	uint64_t last_id;
	struct {
		uint64_t id;
		unsigned count;
	} printed[REPEATS];
	size_t n_printed;
	char **followed; /* sessions */
	size_t n_followed;
	size_t open; /* followings that have not ended */
	bool is_listing;
	struct loop_timer timer;
};

/* --- printing ------------------------------------------------------------------------ */

static void remember(struct watch *w, const struct event *e)
{
	for (size_t i = 0; i < REPEATS; i++) {
		if (w->printed[i].id == e->id) {
			w->printed[i].count = e->count;
			return;
		}
	}
	w->printed[w->n_printed % REPEATS].id = e->id;
	w->printed[w->n_printed++ % REPEATS].count = e->count;
}

/* Has it happened again since it was printed? */
static bool is_repeat(const struct watch *w, const struct event *e)
{
	for (size_t i = 0; i < REPEATS; i++)
		if (w->printed[i].id == e->id)
			return e->count > w->printed[i].count;
	return false;
}

/* On a terminal a line has its time; the day comes when it is another than before. */
static void print_day(struct watch *w, const struct event *e)
{
	time_t seconds = (time_t)(e->ts_ns / NS_PER_S);
	char day[DAY_SIZE];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(day, sizeof day, "%Y-%m-%d", &tm);
	if (strcmp(day, w->day) != 0)
		buf_addf(&w->line, "%s\n", day);
	memcpy(w->day, day, sizeof day);
}

static void print(struct watch *w, const struct event *e)
{
	if (w->code)
		return;
	w->was_printed = true;
	if (w->format == AS_JSON) {
		event_json(&w->line, e);
	} else if (w->format == AS_CSV) {
		event_csv(&w->line, e);
	} else {
		if (!w->style.has_date)
			print_day(w, e);
		event_line(&w->line, e, &w->style);
	}
	if (w->format != AS_CSV)
		buf_addc(&w->line, '\n');
	if (w->keep_following)
		remember(w, e);
}

static void flush(struct watch *w)
{
	if (w->line.len && w->code == 0)
		w->code = cli_print(&w->line);
	buf_reset(&w->line);
	if (w->code)
		w->is_done = true;
}

/* All that is stored and asked for, page by page. What others store meanwhile may be on
 * a later page; with -f it comes after, once. */
static int print_stored(struct watch *w, struct err *err)
{
	struct store_query q = w->query;
	struct store_page p = { 0 };
	bool more = true;

	q.from_start = q.limit == 0;
	q.limit = q.limit ? q.limit : PAGE;
	while (more && w->code == 0) {
		if (store_find(w->store, &q, &p, err) < 0)
			return -1;
		for (size_t i = 0; i < p.n; i++)
			if (!w->keep_following || p.v[i].event.id <= w->last_id)
				print(w, &p.v[i].event);
		flush(w);
		more = q.from_start && p.has_more && p.n > 0;
		if (p.n)
			q.after = p.v[p.n - 1].event.id;
		store_page_done(&p);
	}
	return 0;
}

/* --- the logs ---------------------------------------------------------------------------- */

static bool on_event(void *arg, const struct event *e)
{
	struct watch *w = arg;

	store_add_event(w->store, e, NULL); /* of no log: a recording's */
	return true;
}

static void on_end(void *arg, const struct err *err)
{
	struct watch *w = arg;

	if (err && !w->is_live)
		cli_say("claude-bottle: %s", err->msg);
	if (--w->open == 0 && !w->keep_following)
		w->is_done = true;
}

static void follow(struct watch *w, const struct session *s)
{
	const struct follow_request req = { .session = s->name,
		                            .released_ns = s->released_ns,
		                            .keep_following = w->keep_following,
		                            .taker = &w->taker };

	w->open++;
	w->cli->ops->follow(w->cli->backend, &req, on_event, on_end, w);
}

static bool is_asked(const struct watch *w, const struct session *s)
{
	return !w->query.session || strcmp(w->query.session, s->name) == 0;
}

/* Take in what the logs of the sessions have. Without an engine the store says what it
 * has. */
static int catch_up(struct watch *w, bool *was_found, struct err *err)
{
	struct session_list list = { 0 };
	bool keep_following = w->keep_following;
	struct err why = { 0 };

	if (cli_sessions(w->cli, &list, &why) < 0) {
		if (why.kind != ERR_ENGINE || keep_following || !store_path(w->store)) {
			*err = why;
			return -1;
		}
		cli_say("claude-bottle: %s; this is what was stored before", why.msg);
		return 0;
	}
	w->keep_following = false;
	w->open = 1;
	for (size_t i = 0; i < list.n; i++) {
		if (!is_asked(w, &list.v[i]))
			continue;
		*was_found = true;
		if (list.v[i].exit_code >= 0)
			journal_exit(w->store, list.v[i].name, list.v[i].bottle,
			             list.v[i].launch, list.v[i].exit_code);
		follow(w, &list.v[i]);
	}
	session_list_done(&list);
	on_end(w, NULL);
	if (cli_wait(w->cli, &w->is_done, err) < 0)
		return -1;
	w->keep_following = keep_following;
	w->is_done = false;
	w->open = 0;
	/* a full disk hides nothing of what it holds */
	if (store_flush(w->store, &why) < 0) {
		cli_say("claude-bottle: %s; this is what was stored before", why.msg);
		w->is_incomplete = true;
	}
	return 0;
}

/* --- going on ------------------------------------------------------------------------------- */

/* Everything that came since, whoever stored it. */
static void print_newer(struct watch *w)
{
	struct store_page p = { 0 };
	struct err err = { 0 };

	while (store_newer(w->store, w->last_id, PAGE, &p, &err) == 0 && p.n > 0) {
		w->last_id = p.v[p.n - 1].event.id;
		for (size_t i = 0; i < p.n; i++)
			if (store_matches(&w->query, &p.v[i]))
				print(w, &p.v[i].event);
		store_page_done(&p);
	}
	flush(w);
}

static void on_stored(void *arg, const struct stored *v, size_t n)
{
	struct watch *w = arg;
	bool is_newer = false;

	for (size_t i = 0; i < n; i++) {
		const struct event *e = &v[i].row->event;

		if (e->id > w->last_id)
			is_newer = true;
		else if (!v[i].is_new && is_repeat(w, e))
			print(w, e);
	}
	if (is_newer)
		print_newer(w);
	flush(w);
}

static void on_message(void *arg, const char *text)
{
	(void)arg;
	cli_say("claude-bottle: %s", text);
}

static void on_list(void *arg, struct session_list *list, const struct err *err);

static void look(void *arg)
{
	struct watch *w = arg;

	if (store_changed(w->store))
		print_newer(w);
	if (!w->is_listing) {
		w->is_listing = true;
		w->cli->ops->list(w->cli->backend, on_list, w);
	}
}

static void on_list(void *arg, struct session_list *list, const struct err *err)
{
	struct watch *w = arg;

	w->is_listing = false;
	for (size_t i = 0; !err && i < list->n; i++) {
		struct session *s = &list->v[i];
		CLEANUP_FREE char *key = xasprintf("%s %s", s->name, s->launch ? s->launch : "");

		if (!is_asked(w, s) || strv_has(w->followed, key))
			continue;
		strv_push(&w->followed, &w->n_followed, xstrdup(key));
		follow(w, s);
	}
	loop_timer_set(w->cli->loop, &w->timer, LOOK_MS, look, w);
}

/* Whoever read it is gone, as in "| head -1": so it need not wait for the next event. */
static void on_unread(void *arg, int fd, unsigned events)
{
	struct watch *w = arg;

	(void)events;
	loop_fd_remove(w->cli->loop, fd);
	w->is_done = true;
}

static int go_on(struct watch *w, struct err *err)
{
	struct err unwatched = { 0 };	/* a file has no reader */
	int rc;

	loop_fd_set(w->cli->loop, STDOUT_FILENO, 0, on_unread, w, &unwatched);
	w->is_live = true;
	store_listen(w->store, on_stored, on_message, w);
	look(w);
	rc = cli_wait(w->cli, &w->is_done, err);
	loop_fd_remove(w->cli->loop, STDOUT_FILENO);
	store_listen(w->store, NULL, NULL, NULL);
	loop_timer_cancel(w->cli->loop, &w->timer);
	strv_free(w->followed);
	return rc;
}

static int run_watch(struct watch *w)
{
	static const struct store_options in_memory = { .dir = NULL };
	struct store *own = NULL;
	bool was_found = false;
	struct err err = { 0 };
	int rc = 0;

	w->store = cli_store(w->cli);
	/* a recording's events, or those of the logs alone when nothing can be stored */
	if (!w->store && store_open(&own, &in_memory, &err) < 0)
		return cli_fail(&err);
	w->store = w->store ? w->store : own;
	w->taker = store_taker(w->store);
	if (w->format == AS_CSV)
		event_csv_header(&w->line);
	rc = catch_up(w, &was_found, &err);
	w->last_id = store_last_id(w->store);
	if (rc == 0)
		rc = print_stored(w, &err);
	if (rc == 0 && w->query.session && !was_found) {
		const struct store_query any = { .session = w->query.session, .with_probes = true };
		size_t n = 0;

		if (store_count(w->store, &any, 1, &n, &err) == 0 && n == 0 && !w->keep_following)
			rc = err_set(&err, ERR_FAILED, "there is and was no session \"%s\"",
			             w->query.session);
	}
	if (rc == 0 && w->keep_following && w->code == 0)
		rc = go_on(w, &err);
	else if (rc == 0 && !w->was_printed && w->format == AS_TEXT && !w->is_incomplete)
		cli_say("no such event");
	flush(w);
	if (own) {
		/* the followings of the backend still know it */
		w->cli->ops->close(w->cli->backend);
		w->cli->backend = NULL;
		store_close(own);
	}
	if (rc == 0 && w->code == 0 && w->is_incomplete)
		return err_exit_code(ERR_FAILED);
	return rc < 0 ? cli_fail(&err) : w->code;
}

/* --- options ------------------------------------------------------------------------------------
 */

/* "90s", "15m", "2h", "1d": that long ago. */
static int parse_age(int64_t *out, const char *text)
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
			*out = ((int64_t)time(NULL) - n * units[i].seconds) * NS_PER_S;
			return 0;
		}
	}
	return -1;
}

/* An age, a moment as events --json writes it, or a local date with or without a time. */
static int parse_time(int64_t *out, const char *text)
{
	static const char *const forms[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d" };
	size_t n = strlen(text);

	if (parse_age(out, text) == 0)
		return 0;
	if (stamp_parse(text, n, out) == n)
		return 0;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);
		time_t t;

		if (!end || *end)
			continue;
		t = mktime(&tm);
		if (t == (time_t)-1)
			return -1;
		*out = (int64_t)t * NS_PER_S;
		return 0;
	}
	return -1;
}

/* "egress.blocked,push": kinds, and families of them. -1 and *bad: the one that is none. */
static int parse_kinds(uint64_t *out, const char *text, char bad[40])
{
	while (*text) {
		size_t n = strcspn(text, ",");
		uint64_t found = 0;

		for (int k = 0; k < EVENT_KINDS && n > 0; k++) {
			const char *name = event_kind_name((enum event_kind)k);

			if (strncmp(name, text, n) == 0 && (name[n] == '\0' || name[n] == '.'))
				found |= STORE_KIND(k);
		}
		if (!found) {
			snprintf(bad, 40, "%.*s", (int)(n < 39 ? n : 39), text);
			return -1;
		}
		*out |= found;
		text += n + (text[n] == ',');
	}
	return *out ? 0 : -1;
}

enum { OPT_UNTIL = 256, OPT_LIMIT, OPT_CSV };

static const struct option options[] = {
	{ "follow", no_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "csv", no_argument, NULL, OPT_CSV },
	{ "session", required_argument, NULL, 's' },
	{ "kind", required_argument, NULL, 'k' },
	{ "since", required_argument, NULL, 't' },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "grep", required_argument, NULL, 'g' },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "all", no_argument, NULL, 'a' },
	{ 0 },
};

#define TIME_FORMS "takes 90s, 15m, 2h, 1d, 2026-11-24, \"2026-11-24 18:30\" or an RFC 3339 time"

static bool has_word(const char *text)
{
	while (*text && !isalnum((unsigned char)*text) && (unsigned char)*text < 0x80)
		text++;
	return *text;
}

/* 0, or the exit code. */
static int take_option(struct watch *w, int opt, const char *arg, char **argv)
{
	char bad[40] = "", *end;

	switch (opt) {
	case 'f':
		w->keep_following = true;
		return 0;
	case 'j':
	case OPT_CSV:
		if (w->format != AS_TEXT && w->format != (opt == 'j' ? AS_JSON : AS_CSV))
			return cli_usage(&verb_events, "either --json or --csv");
		w->format = opt == 'j' ? AS_JSON : AS_CSV;
		return 0;
	case 's':
		w->query.session = arg;
		return 0;
	case 'k':
		return parse_kinds(&w->query.kinds, arg, bad) == 0
		               ? 0
		               : cli_usage(&verb_events, "there is no kind \"%s\"", bad);
	case 't':
		return parse_time(&w->query.since_ns, arg) == 0
		               ? 0
		               : cli_usage(&verb_events, "--since " TIME_FORMS);
	case OPT_UNTIL:
		return parse_time(&w->query.until_ns, arg) == 0
		               ? 0
		               : cli_usage(&verb_events, "--until " TIME_FORMS);
	case 'a':
		w->query.with_probes = true;
		return 0;
	case 'g':
		w->query.text = arg;
		return has_word(arg) ? 0
		                     : cli_usage(&verb_events, "--grep wants a word, not \"%s\"",
		                                 arg);
	case OPT_LIMIT:
		errno = 0;
		w->query.limit = strtoul(arg, &end, 10);
		return !errno && end != arg && !*end && *arg != '-' && w->query.limit > 0 &&
		                       w->query.limit <= STORE_PAGE_MAX
		               ? 0
		               : cli_usage(&verb_events, "--limit takes 1 to %d", STORE_PAGE_MAX);
	default:
		return cli_bad_option(&verb_events, argv);
	}
}

static void today(char day[DAY_SIZE])
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(day, DAY_SIZE, "%Y-%m-%d", &tm);
}

static int run_events(struct cli *c, int argc, char **argv)
{
	struct watch w = { .cli = c, .line = BUF_INIT(CLI_OUTPUT_MAX) };
	int opt, code = 0;

	while (code == 0 && (opt = getopt_long(argc, argv, "f", options, NULL)) != -1)
		code = take_option(&w, opt, optarg, argv);
	if (code == 0 && optind < argc)
		code = cli_usage(&verb_events, "use --session %s", argv[optind]);
	if (code)
		return code;
	w.style = (struct event_style){ .has_date = !isatty(STDOUT_FILENO), .session_width = 20 };
	today(w.day);
	code = run_watch(&w);
	buf_done(&w.line);
	return code;
}

const struct cli_verb verb_events = {
	.name = "events",
	.arguments = "[-f] [--json | --csv] [--session SESSION] [--kind KIND,...] [--since TIME] "
		     "[--until TIME] [--grep TEXT] [--limit N] [--all]",
	.summary = "show what was blocked, looked up, fetched and pushed",
	.help = "  -f, --follow       go on as it happens\n"
		"  --json             one JSON object a line\n"
		"  --csv              for a spreadsheet; nothing in it is taken for a formula\n"
		"  --session SESSION  of this one only, also when it is gone\n"
		"  --kind KIND,...    egress.blocked, egress.dlp, push.rejected, ...; \"push\"\n"
		"                     is all that begin with \"push.\"\n"
		"  --since TIME       90s, 15m, 2h, 1d, 2026-11-24, \"2026-11-24 18:30\", or\n"
		"                     as --json writes it\n"
		"  --until TIME       what began before that\n"
		"  --grep TEXT        only where each word of it begins a word of the event\n"
		"  --limit N          the newest N of them\n"
		"  --all              those of claude-bottle's own isolation probes too\n"
		"\n"
		"Of the sessions that exist and of those that were: events are kept for 30\n"
		"days, or up to 512 MB. With -f an event that happens again comes again, with\n"
		"the same id and a higher count.\n"
		"Example: claude-bottle events -f --json --kind egress.blocked\n"
		"Example: claude-bottle events --since 1d --grep \"github token\" --csv "
	        ">found.csv\n",
	.run = run_events,
};
