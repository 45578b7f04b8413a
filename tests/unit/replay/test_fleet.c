/* The fleet on the replay backend: rows, operations, events, terminals. */
#include "replay_help.h"

#include "core/fleet.h"
#include "core/manifest.h"
#include "core/vt.h"

static struct fleet *fleet;
static unsigned changes;	/* everything told so far */
static const char *manifest_text;

static enum manifest_path no_path(void *ctx, const char *path)
{
	(void)ctx;
	(void)path;
	return MANIFEST_PATH_NONE;
}

static char *no_real_path(void *ctx, const char *path)
{
	(void)ctx;
	return xstrdup(path);
}

#define MANIFEST \
	"{\"bottles\":{\"b\":{},\"a-first\":{},\"asks\":{\"env\":{\"T\":\"?token\"}}}," \
	"\"agents\":{\"one\":{\"bottle\":\"b\",\"color\":\"green\"}," \
	"\"two\":{\"bottle\":\"b\"},\"lone\":{\"bottle\":\"a-first\"}," \
	"\"needy\":{\"bottle\":\"asks\"},\"typo\":{\"bottle\":\"nowhere\"}}}"
#define PROJECT "{\"bottles\":{\"p\":{}},\"agents\":{\"guest\":{\"bottle\":\"p\"}}}"

static struct manifest *load_manifest(void *arg)
{
	const struct manifest_env env = { .home = "/h", .cwd = "/w", .path_kind = no_path,
		                          .real_path = no_real_path };
	const struct manifest_source sources[] = {
		{ .origin = MANIFEST_USER, .path = "/h/m.json", .dir = "/h",
		  .data = manifest_text, .len = strlen(manifest_text), .is_trusted = true },
		{ .origin = MANIFEST_PROJECT, .path = "/w/m.json", .dir = "/w", .data = PROJECT,
		  .len = strlen(PROJECT), .is_trusted = false },
	};

	(void)arg;
	return manifest_parse(sources, 2, &env);
}

static void on_changed(void *arg, unsigned what)
{
	(void)arg;
	assert_true(what != 0);
	changes |= what;
}

static struct backend_ops ops;	/* the replay backend's, or as a test wants it */

static int setup(void **state)
{
	fleet = NULL;
	ops = backend_replay;
	changes = 0;
	manifest_text = MANIFEST;
	return replay_setup(state);
}

static int teardown(void **state)
{
	fleet_free(fleet);
	return replay_teardown(state);
}

static void open_fleet(const char *lines, const char *speed)
{
	struct fleet_options opt = { .ops = &ops, .load_manifest = load_manifest,
		                     .changed = on_changed };

	play(lines, speed);
	opt.backend = backend;
	fleet = fleet_new(loop, &opt);
	settle();
}

static const struct fleet_row *row(const char *name)
{
	const struct fleet_row *r = fleet_find(fleet, name);

	if (!r)
		fail_msg("there is no row %s", name);
	return r;
}

/* Turns until the row has this state, or fails after five seconds. */
static void await(const char *name, enum session_state s)
{
	uint64_t end = loop_now_ns() + 5000000000u;

	while (row(name)->state != s && loop_now_ns() < end)
		assert_int_equal(loop_turn(loop, 20, NULL), 0);
	assert_string_equal(session_state_name(row(name)->state), session_state_name(s));
	settle();
}

static const char *last_message(void)
{
	const char *text = fleet_message(fleet, 0, NULL, NULL);

	return text ? text : "";
}

static char **one_secret(const char *value)
{
	char **v = NULL;
	size_t n = 0;

	strv_push(&v, &n, xstrdup(value));
	return v;
}

/* --- rows ------------------------------------------------------------ */

static void test_rows_are_grouped_by_bottle_and_then_by_name(void **state)
{
	static const char *const order[] = { "lone", "needy", "one", "two", "typo", "guest" };

	(void)state;
	open_fleet("", "1");
	assert_int_equal(fleet_n_rows(fleet), 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(fleet_row(fleet, i)->name, order[i]);
	assert_null(fleet_row(fleet, 6));
}

static void test_a_session_with_a_label_has_its_own_row(void **state)
{
	(void)state;
	open_fleet("{\"t\":0,\"session\":{\"session\":\"one--fix\",\"agent\":\"one\","
	           "\"bottle\":\"b\",\"state\":\"running\"}}\n",
	           "1");
	assert_int_equal(row("one--fix")->state, SESSION_RUNNING);
	assert_string_equal(row("one--fix")->agent, "one");
	assert_string_equal(row("one--fix")->color, "green");
	assert_int_equal(row("one")->state, SESSION_STOPPED);
	assert_false(row("one")->has_session);
}

static void test_a_session_whose_agent_left_the_manifest_is_shown(void **state)
{
	(void)state;
	open_fleet(RUNNING("orphan"), "1");
	assert_int_equal(row("orphan")->state, SESSION_RUNNING);
	assert_null(row("orphan")->color);
}

static void test_states_and_results_are_those_of_the_engine(void **state)
{
	(void)state;
	open_fleet("{\"t\":0,\"session\":{\"session\":\"one\",\"agent\":\"one\",\"bottle\":\"b\","
	           "\"state\":\"failed\",\"exit_code\":7,"
	           "\"isolation\":{\"passed\":21,\"total\":22}}}\n",
	           "1");
	assert_int_equal(row("one")->state, SESSION_FAILED);
	assert_int_equal(row("one")->exit_code, 7);
	assert_int_equal(row("one")->isolation.passed, 21);
	assert_true(row("one")->has_session);
	assert_true(row("one")->created > 0);
}

static void test_broken_and_untrusted_agents_say_why(void **state)
{
	(void)state;
	open_fleet("", "1");
	assert_true(row("typo")->is_broken);
	assert_non_null(strstr(row("typo")->note, "nowhere"));
	assert_true(row("guest")->is_untrusted);
	assert_non_null(strstr(row("guest")->note, "trust"));
	assert_false(row("one")->is_broken || row("one")->is_untrusted);
}

static void test_a_session_that_goes_leaves_its_agents_row(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") "{\"t\":100,\"gone\":\"one\"}\n", "1");
	assert_int_equal(row("one")->state, SESSION_RUNNING);
	await("one", SESSION_STOPPED);
	assert_false(row("one")->has_session);
}

static void test_a_manifest_read_again_changes_the_rows(void **state)
{
	(void)state;
	open_fleet("", "1");
	manifest_text = "{\"bottles\":{\"b\":{}},\"agents\":{\"three\":{\"bottle\":\"b\"}}}";
	fleet_reload(fleet);
	settle();
	assert_non_null(fleet_find(fleet, "three"));
	assert_null(fleet_find(fleet, "two"));
}

/* --- operations ------------------------------------------------------------ */

static void test_a_launch_becomes_starting_and_then_running(void **state)
{
	struct err err = { 0 };

	(void)state;
	open_fleet("", "10");
	assert_int_equal(fleet_launch(fleet, "one", NULL, NULL, NULL, &err), 0);
	assert_int_equal(row("one")->state, SESSION_STARTING);
	assert_non_null(row("one")->note);
	await("one", SESSION_RUNNING);
	assert_null(row("one")->note);
	assert_int_equal(row("one")->isolation.total, 22);
	assert_string_equal(last_message(), "one runs");
}

static void test_a_launch_with_a_label_makes_its_own_row(void **state)
{
	struct err err = { 0 };

	(void)state;
	open_fleet(RUNNING("one"), "0");
	assert_int_equal(fleet_launch(fleet, "one", "again", NULL, NULL, &err), 0);
	await("one--again", SESSION_RUNNING);
	assert_int_equal(row("one")->state, SESSION_RUNNING);
}

static void test_a_colour_is_the_launchs_or_the_agents(void **state)
{
	struct err err = { 0 };

	(void)state;
	open_fleet("", "0");
	assert_string_equal(row("one")->color, "green");
	assert_int_equal(fleet_launch(fleet, "one", "odd", "#7fb0ff", NULL, &err), 0);
	assert_int_equal(fleet_launch(fleet, "one", "plain", "no colour", NULL, &err), 0);
	await("one--odd", SESSION_RUNNING);
	await("one--plain", SESSION_RUNNING);
	/* as the engine says, too */
	fleet_reload(fleet);
	settle();
	assert_string_equal(row("one--odd")->color, "#7fb0ff");
	assert_string_equal(row("one--plain")->color, "green");
	assert_null(row("two")->color);
}

static void test_what_may_not_be_launched_is_refused_with_its_reason(void **state)
{
	struct err err = { 0 };

	(void)state;
	open_fleet(RUNNING("one"), "0");
	assert_int_equal(fleet_launch(fleet, "one", NULL, NULL, NULL, &err), -1);
	assert_non_null(strstr(err.msg, "there already"));
	err = (struct err){ 0 };
	assert_int_equal(fleet_launch(fleet, "guest", NULL, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_POLICY);
	err = (struct err){ 0 };
	assert_int_equal(fleet_launch(fleet, "typo", NULL, NULL, NULL, &err), -1);
	assert_int_equal(fleet_launch(fleet, "two", "BAD LABEL", NULL, NULL, &err), -1);
	assert_int_equal(fleet_launch(fleet, "needy", NULL, NULL, NULL, &err), -1);
	assert_int_equal(row("needy")->state, SESSION_STOPPED);
	assert_int_equal(fleet_launch(fleet, "needy", NULL, NULL, one_secret("v"), &err), 0);
	await("needy", SESSION_RUNNING);
}

static void test_a_launch_that_fails_says_why_until_it_is_stopped(void **state)
{
	struct err err = { 0 };

	(void)state;
	open_fleet("{\"t\":0,\"launch\":{\"agent\":\"one\",\"fails\":\"no luck\"}}\n", "0");
	assert_int_equal(fleet_launch(fleet, "one", NULL, NULL, NULL, &err), 0);
	await("one", SESSION_FAILED);
	assert_string_equal(row("one")->note, "no luck");
	assert_string_equal(last_message(), "no luck");
	fleet_stop(fleet, "one");
	await("one", SESSION_STOPPED);
	assert_null(row("one")->note);
}

static void test_stop_goes_through_stopping(void **state)
{
	(void)state;
	open_fleet(RUNNING("one"), "10");
	fleet_stop(fleet, "one");
	assert_int_equal(row("one")->state, SESSION_STOPPING);
	await("one", SESSION_STOPPED);
	assert_string_equal(last_message(), "one stopped");
	assert_false(row("one")->has_session);
}

static void test_relaunch_ends_one_session_and_starts_another(void **state)
{
	struct err err = { 0 };

	(void)state;
	open_fleet(RUNNING("one") "{\"t\":0,\"terminal\":\"one\",\"data\":\"old words\"}\n", "10");
	assert_int_equal(fleet_relaunch(fleet, "one", NULL, &err), 0);
	await("one", SESSION_STARTING);
	await("one", SESSION_RUNNING);
	assert_int_equal(row("one")->isolation.passed, 22);
	assert_int_equal(fleet_relaunch(fleet, "nobody", NULL, &err), -1);
}

/* What a relaunch asked for points into the manifest while it still tears down. */
static void test_the_manifest_is_not_read_anew_under_a_relaunch(void **state)
{
	const struct manifest *before;
	struct err err = { 0 };

	(void)state;
	open_fleet(RUNNING("one"), "10");
	before = fleet_manifest(fleet);
	assert_int_equal(fleet_relaunch(fleet, "one", NULL, &err), 0);
	fleet_reload(fleet);
	assert_ptr_equal(fleet_manifest(fleet), before);
	assert_non_null(strstr(last_message(), "when no launch is under way"));
	await("one", SESSION_STARTING);
	await("one", SESSION_RUNNING);
	fleet_reload(fleet);
	assert_null(strstr(last_message(), "when no launch is under way"));
}

static void test_a_busy_session_takes_no_second_operation(void **state)
{
	struct err err = { 0 };

	(void)state;
	open_fleet(RUNNING("one"), "1");
	fleet_stop(fleet, "one");
	assert_int_equal(fleet_relaunch(fleet, "one", NULL, &err), -1);
	assert_non_null(strstr(err.msg, "busy"));
	assert_int_equal(row("one")->state, SESSION_STOPPING);
}

static void test_a_cancelled_launch_is_undone(void **state)
{
	struct err err = { 0 };
	uint64_t end = loop_now_ns() + 5000000000u;

	(void)state;
	open_fleet("", "1");
	assert_int_equal(fleet_launch(fleet, "one", NULL, NULL, NULL, &err), 0);
	while (!strchr(row("one")->note, '/') && loop_now_ns() < end)
		loop_turn(loop, 20, NULL);
	fleet_cancel(fleet, "one");
	await("one", SESSION_FAILED);
	assert_non_null(strstr(row("one")->note, "given up"));
	assert_false(row("one")->has_session);
}

static void await_rest(void)
{
	uint64_t end = loop_now_ns() + 5000000000u;

	while (fleet_n_busy(fleet) && loop_now_ns() < end)
		loop_turn(loop, 20, NULL);
	assert_int_equal(fleet_n_busy(fleet), 0);
}

static void test_a_launch_cancelled_while_it_is_planned_does_not_begin(void **state)
{
	struct err err = { 0 };

	(void)state;
	open_fleet("", "10");
	assert_int_equal(fleet_n_busy(fleet), 0);
	assert_int_equal(fleet_launch(fleet, "one", NULL, NULL, NULL, &err), 0);
	assert_int_equal(fleet_n_busy(fleet), 1);
	fleet_cancel(fleet, "one");
	await_rest();
	assert_int_equal(row("one")->state, SESSION_STOPPED);
	assert_string_equal(last_message(), "one was not launched");
}

static void test_a_relaunch_cancelled_while_it_stops_ends_stopped(void **state)
{
	struct err err = { 0 };

	(void)state;
	open_fleet(RUNNING("one"), "10");
	assert_int_equal(fleet_relaunch(fleet, "one", NULL, &err), 0);
	fleet_cancel(fleet, "one");
	await_rest();
	assert_int_equal(row("one")->state, SESSION_STOPPED);
}

/* --- events ------------------------------------------------------------ */

static unsigned n_blocked(void)
{
	bool is_more = true;
	unsigned n = fleet_n_blocked(fleet, &is_more);

	assert_false(is_more);
	return n;
}

static void test_events_are_followed_and_counted_for_their_session(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") RUNNING("two") BLOCK(0, "one", "x") BLOCK(0, "one", "y")
	                   BLOCK(0, "two", "z"),
	           "1");
	assert_int_equal(fleet_n_events(fleet), 3);
	assert_int_equal(row("one")->n_attention, 2);
	assert_int_equal(fleet_n_waiting(fleet), 3);
	assert_int_equal(n_blocked(), 3);
	assert_true(changes & FLEET_EVENTS);
}

static void test_events_that_come_later_are_seen_too(void **state)
{
	uint64_t end = loop_now_ns() + 5000000000u;

	(void)state;
	open_fleet(RUNNING("one") BLOCK(0, "one", "x") BLOCK(150, "one", "y"), "1");
	assert_int_equal(fleet_n_events(fleet), 1);
	while (fleet_n_events(fleet) < 2 && loop_now_ns() < end)
		loop_turn(loop, 20, NULL);
	assert_string_equal(fleet_event(fleet, 1)->host, "y");
}

#define FOLD(t, count) "{\"t\":" #t ",\"event\":{\"ts\":\"2026-11-24T11:59:00Z\"," \
		       "\"session\":\"one\",\"source\":\"pipelock\",\"kind\":\"egress.blocked\"," \
		       "\"verdict\":\"block\",\"host\":\"x\",\"fold\":9,\"count\":" #count "}}\n"

#define BLOCK_AT(minute, name, host) \
	"{\"t\":0,\"event\":{\"ts\":\"2026-11-24T11:" minute ":00Z\",\"session\":\"" name \
	"\",\"source\":\"pipelock\",\"kind\":\"egress.blocked\",\"verdict\":\"block\"," \
	"\"host\":\"" host "\",\"summary\":\"no\"}}\n"

/* Each log comes by itself; more than are put in their place one by one. */
static void test_events_of_several_logs_are_in_the_order_of_time(void **state)
{
	struct buf b = BUF_INIT(1u << 20);
	uint64_t first;

	(void)state;
	buf_adds(&b, RUNNING("one") RUNNING("two"));
	for (int i = 0; i < 50; i++) {
		buf_addf(&b, BLOCK_AT("%02d", "one", "o.test"), i);
		buf_addf(&b, BLOCK_AT("%02d", "two", "t.test"), i);
	}
	open_fleet(buf_str(&b), "0");
	buf_done(&b);
	assert_int_equal(fleet_n_events(fleet), 100);
	for (size_t i = 1; i < 100; i++)
		assert_true(fleet_event(fleet, i - 1)->ts_ns <= fleet_event(fleet, i)->ts_ns);
	/* and are found by what does not change */
	first = fleet_event_seq(fleet, 0);
	assert_int_equal(fleet_find_event(fleet, first), 0);
	assert_int_equal(fleet_find_event(fleet, 12345), 100);
}

static void test_repeats_fold_into_one_event_that_waits_once(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") FOLD(0, 1) FOLD(0, 2) FOLD(0, 3), "1");
	assert_int_equal(fleet_n_events(fleet), 1);
	assert_int_equal(fleet_event(fleet, 0)->count, 3);
	assert_int_equal(n_blocked(), 3);
	assert_int_equal(row("one")->n_attention, 1);
}

static void test_a_dismissed_event_waits_no_longer_but_stays(void **state)
{
	uint64_t seq;

	(void)state;
	open_fleet(RUNNING("one") BLOCK(0, "one", "x") BLOCK(0, "one", "y"), "1");
	seq = fleet_event_seq(fleet, 0);
	assert_true(fleet_is_waiting(fleet, 0));
	fleet_dismiss(fleet, seq);
	fleet_dismiss(fleet, seq);
	assert_false(fleet_is_waiting(fleet, 0));
	assert_true(fleet_is_waiting(fleet, 1));
	assert_int_equal(row("one")->n_attention, 1);
	assert_int_equal(fleet_n_waiting(fleet), 1);
	/* one of them says that it was dismissed */
	assert_int_equal(fleet_n_events(fleet), 3);
	assert_int_equal(fleet_event(fleet, 2)->kind, EVENT_INBOX_DISMISSED);
}

/* --- the engine ------------------------------------------------------------ */

static void test_the_engine_goes_away_once_and_comes_back(void **state)
{
	uint64_t end = loop_now_ns() + 8000000000u;

	(void)state;
	open_fleet(RUNNING("one") "{\"t\":60,\"engine\":false,\"why\":\"gone fishing\"}\n"
	                          "{\"t\":2500,\"engine\":true}\n",
	           "1");
	assert_string_equal(fleet_engine(fleet), "test engine");
	while (fleet_engine(fleet) && loop_now_ns() < end)
		loop_turn(loop, 20, NULL);
	assert_null(fleet_engine(fleet));
	assert_string_equal(last_message(), "gone fishing");
	/* what is known stays on the screen */
	assert_int_equal(row("one")->state, SESSION_RUNNING);
	while (!fleet_engine(fleet) && loop_now_ns() < end)
		loop_turn(loop, 20, NULL);
	assert_string_equal(last_message(), "the engine answers again");
	assert_string_equal(fleet_message(fleet, 1, NULL, NULL), "gone fishing");
	assert_null(fleet_message(fleet, 2, NULL, NULL));
	assert_true(changes & FLEET_ENGINE);
}

/* --- terminals ------------------------------------------------------------ */

static char *screen_text(struct vt *vt)
{
	struct buf b = BUF_INIT(1u << 16);

	assert_non_null(vt);
	for (int y = 0; y < vt_rows(vt); y++) {
		struct vt_line line = vt_row(vt, y);

		for (unsigned x = 0; x < line.used; x++) {
			char text[VT_CELL_TEXT_MAX];
			size_t n = vt_cell_text(vt, &line.cells[x], text);

			buf_add(&b, text, n);
		}
		buf_addc(&b, '\n');
	}
	return buf_steal(&b);
}

static void assert_screen(const char *session, enum fleet_terminal which, const char *part)
{
	char *text = screen_text(fleet_terminal(fleet, session, which, 24, 80));

	if (!strstr(text, part))
		fail_msg("\"%s\" is not on \"%s\"", part, text);
	free(text);
}

#define SAYS(t, text) "{\"t\":" #t ",\"terminal\":\"one\",\"data\":\"" text "\"}\n"

static void test_every_running_session_has_its_terminal_fed(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") SAYS(0, "\\u001b[31mhello"), "1");
	assert_true(changes & FLEET_TERMINAL);
	assert_screen("one", FLEET_AGENT, "hello");
	assert_int_equal(row("one")->activity, ACTIVITY_WORKING);
	assert_null(fleet_terminal(fleet, "two", FLEET_AGENT, 24, 80));
	assert_null(fleet_terminal(fleet, "nobody", FLEET_AGENT, 24, 80));
}

static void test_what_is_sent_reaches_the_agent(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") SAYS(0, "> "), "1");
	assert_int_equal(fleet_send(fleet, "one", FLEET_AGENT, "make test", 9), 0);
	settle();
	assert_screen("one", FLEET_AGENT, "> make test");
	assert_int_equal(fleet_send(fleet, "two", FLEET_AGENT, "x", 1), -1);
}

static void test_a_shell_is_beside_the_agents_terminal(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") SAYS(0, "agent's own"), "1");
	fleet_terminal(fleet, "one", FLEET_SHELL, 24, 80);
	settle();
	fleet_send(fleet, "one", FLEET_SHELL, "ls", 2);
	settle();
	assert_screen("one", FLEET_SHELL, "agent@one:~$ ls");
	assert_screen("one", FLEET_AGENT, "agent's own");
}

static void test_a_notice_makes_it_wait_until_it_is_answered(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") SAYS(0, "\\u001b]9;May I?\\u0007"), "1");
	fleet_reload(fleet);
	settle();
	assert_int_equal(row("one")->activity, ACTIVITY_WAITS);
	assert_string_equal(row("one")->said, "May I?");
	assert_int_equal(fleet_n_events(fleet), 1);
	assert_int_equal(fleet_event(fleet, 0)->kind, EVENT_AGENT_NOTIFY);
	fleet_send(fleet, "one", FLEET_AGENT, "y", 1);
	fleet_reload(fleet);
	settle();
	assert_int_not_equal(row("one")->activity, ACTIVITY_WAITS);
}

static void test_a_shell_that_ended_is_told_once_and_then_another_begins(void **state)
{
	(void)state;
	open_fleet(RUNNING("one"), "1");
	assert_non_null(fleet_terminal(fleet, "one", FLEET_SHELL, 24, 80));
	settle();
	fleet_send(fleet, "one", FLEET_SHELL, "\004", 1);
	settle();
	assert_null(fleet_terminal(fleet, "one", FLEET_SHELL, 24, 80));
	assert_non_null(fleet_terminal(fleet, "one", FLEET_SHELL, 24, 80));
}

#define CLAIMS(t, words) SAYS(t, "\\u001b]777;notify;claude-bottle;" words "\\u0007")

static void test_what_its_hooks_say_counts_and_not_what_is_typed(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") CLAIMS(0, "working;") CLAIMS(0, "waits;Which file; this?"), "1");
	assert_int_equal(row("one")->activity, ACTIVITY_WAITS);
	assert_string_equal(row("one")->said, "Which file; this?");
	assert_true(row("one")->activity_since_ns > 0);
	assert_int_equal(fleet_n_waiting(fleet), 1);
	/* a prompt that is being written is no prompt yet */
	fleet_send(fleet, "one", FLEET_AGENT, "this\r", 5);
	settle();
	assert_int_equal(row("one")->activity, ACTIVITY_WAITS);
}

static void test_a_hook_that_says_it_works_ends_the_waiting(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") CLAIMS(0, "asks;May I?") SAYS(0, "\\u001b]0;Tidying\\u0007")
	           CLAIMS(0, "working;"), "1");
	assert_int_equal(row("one")->activity, ACTIVITY_WORKING);
	assert_string_equal(row("one")->said, "Tidying");
	assert_int_equal(fleet_n_waiting(fleet), 0);
}

static void test_a_question_is_answered_by_what_is_typed_but_not_by_moving(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") CLAIMS(0, "asks;May I?"), "1");
	fleet_send(fleet, "one", FLEET_AGENT, "\033[B", 3);
	settle();
	assert_int_equal(row("one")->activity, ACTIVITY_WAITS);
	fleet_send(fleet, "one", FLEET_AGENT, "\r", 1);
	settle();
	assert_int_equal(row("one")->activity, ACTIVITY_WORKING);
	assert_int_equal(fleet_n_waiting(fleet), 0);
}

/* The replay backend runs no programs: this stands in for the helper's answer. */
static struct {
	const char *out;
	backend_exec_fn *fn;
	void *arg;
	bool was_cancelled;
} told;

static struct backend_job *exec_helper(struct backend *b, const struct exec_request *req,
                                       backend_exec_fn *fn, void *arg)
{
	(void)b;
	assert_string_equal(req->argv[0], "/claude-bottle/helper");
	assert_string_equal(req->argv[1], "activity");
	assert_null(told.fn);	/* once for a session */
	told.fn = fn;
	told.arg = arg;
	return (struct backend_job *)&told;
}

static void cancel_helper(struct backend_job *job)
{
	if (job == (struct backend_job *)&told)
		told.was_cancelled = true;
	else
		backend_replay.cancel(job);
}

static void open_late(const char *lines)
{
	struct fleet_options opt = { .ops = &ops, .load_manifest = load_manifest,
		                     .changed = on_changed };

	ops.exec = exec_helper;
	ops.cancel = cancel_helper;
	memset(&told, 0, sizeof told);
	play(lines, "1");
	opt.backend = backend;
	fleet = fleet_new(loop, &opt);
	settle();
	assert_non_null(told.fn);
}

static void tell(const char *out)
{
	const struct exec_result r = { .out = out, .out_len = strlen(out), .err = "" };

	told.fn(told.arg, &r, NULL);
	settle();
}

static void test_who_comes_later_asks_what_was_claimed_before(void **state)
{
	(void)state;
	open_late(RUNNING("one") SAYS(0, "some output"));
	fleet_reload(fleet);
	settle();
	tell("1 waits 1790000000123 Which file?\n");
	assert_int_equal(row("one")->activity, ACTIVITY_WAITS);
	assert_true(row("one")->activity_since_ns == 1790000000123000000);
	assert_string_equal(row("one")->said, "Which file?");
	assert_int_equal(fleet_n_waiting(fleet), 1);
}

static void test_what_was_claimed_before_does_not_undo_what_is_claimed_now(void **state)
{
	(void)state;
	open_late(RUNNING("one") CLAIMS(0, "working;"));
	tell("1 waits 1790000000123 Which file?\n");
	assert_int_equal(row("one")->activity, ACTIVITY_WORKING);
}

static void test_an_answer_that_is_no_claim_changes_nothing(void **state)
{
	(void)state;
	open_late(RUNNING("one"));
	tell("usage: helper keeper|entry ...\n");
	assert_int_not_equal(row("one")->activity, ACTIVITY_WAITS);
}

static void test_a_question_under_way_is_given_up_with_the_fleet(void **state)
{
	(void)state;
	open_late(RUNNING("one"));
	fleet_free(fleet);
	fleet = NULL;
	assert_true(told.was_cancelled);
}

static void test_the_last_screen_stays_when_it_has_stopped(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") SAYS(0, "last words"), "0");
	fleet_stop(fleet, "one");
	await("one", SESSION_STOPPED);
	assert_screen("one", FLEET_AGENT, "last words");
	assert_int_equal(fleet_send(fleet, "one", FLEET_AGENT, "x", 1), -1);
}

static void test_terminals_that_were_let_go_come_back_whole(void **state)
{
	char *text;

	(void)state;
	open_fleet(RUNNING("one") SAYS(0, "once"), "1");
	fleet_detach_all(fleet);
	assert_int_equal(fleet_send(fleet, "one", FLEET_AGENT, "x", 1), -1);
	fleet_terminal(fleet, "one", FLEET_AGENT, 24, 80);
	settle();
	text = screen_text(fleet_terminal(fleet, "one", FLEET_AGENT, 24, 80));
	assert_non_null(strstr(text, "once"));
	assert_null(strstr(strstr(text, "once") + 1, "once"));
	free(text);
}

static void test_a_shell_that_was_let_go_is_a_new_one(void **state)
{
	char *text;

	(void)state;
	open_fleet(RUNNING("one"), "1");
	fleet_terminal(fleet, "one", FLEET_SHELL, 24, 80);
	settle();
	fleet_send(fleet, "one", FLEET_SHELL, "make", 4);
	settle();
	fleet_detach_all(fleet);
	/* nobody would read it while the program is stopped */
	assert_int_equal(fleet_send(fleet, "one", FLEET_SHELL, "x", 1), -1);
	fleet_terminal(fleet, "one", FLEET_SHELL, 24, 80);
	settle();
	text = screen_text(fleet_terminal(fleet, "one", FLEET_SHELL, 24, 80));
	assert_non_null(strstr(text, "agent@one:~$"));
	assert_null(strstr(text, "make"));
	free(text);
}

static bool shows(const char *session, const char *part)
{
	char *text = screen_text(fleet_terminal(fleet, session, FLEET_AGENT, 100, 300));
	bool yes = strstr(text, part) != NULL;

	free(text);
	return yes;
}

/* ESC # 8 fills the screen: the dearest bytes there are. */
static void test_output_that_takes_long_keeps_nobody_waiting(void **state)
{
	struct buf b = BUF_INIT(1u << 21);
	int turns;

	(void)state;
	buf_adds(&b, RUNNING("one") RUNNING("two") "{\"t\":500,\"terminal\":\"one\",\"data\":\"");
	for (int i = 0; i < 60000; i++)
		buf_adds(&b, "\\u001b#8");
	buf_adds(&b, "\\u001b[2Jthe end\"}\n"
	             "{\"t\":500,\"terminal\":\"two\",\"data\":\"hello\"}\n");
	open_fleet(buf_str(&b), "1");
	buf_done(&b);
	fleet_terminal(fleet, "one", FLEET_AGENT, 100, 300);
	for (int i = 0; !shows("two", "hello") && i < 1000; i++)
		assert_int_equal(loop_turn(loop, 20, NULL), 0);
	assert_screen("two", FLEET_AGENT, "hello");
	assert_false(shows("one", "the end"));
	/* nothing is lost, and there was time for keys in between */
	for (turns = 0; !shows("one", "the end") && turns < 100000; turns++)
		assert_int_equal(loop_turn(loop, 20, NULL), 0);
	assert_true(shows("one", "the end"));
	assert_true(turns > 10);
}

/* An engine that kept what a terminal showed. */
static struct {
	const char *text;
	bool is_whole;
	struct loop_timer timer;
	const struct stream_events *ev;
	void *arg;
	char seen[256];		/* what the last who attached had seen */
	size_t past_max;
	unsigned n_asked, n_sent;
} kept;

static void tell_past(void *arg)
{
	(void)arg;
	kept.ev->past(kept.arg, kept.text, strlen(kept.text), kept.is_whole);
}

static struct backend_stream *attach_with_past(struct backend *b, const struct stream_request *req,
                                               const struct stream_events *ev, void *arg)
{
	assert_string_equal(req->session, "one");
	kept.n_asked++;
	kept.ev = ev;
	kept.arg = arg;
	kept.past_max = req->past_max;
	snprintf(kept.seen, sizeof kept.seen, "%s", buf_str(req->seen));
	if (kept.text)
		loop_timer_set(loop, &kept.timer, 0, tell_past, NULL);
	return backend_replay.attach(b, req, ev, arg);
}

static int count_sent(struct backend_stream *s, const void *data, size_t len)
{
	kept.n_sent++;
	return backend_replay.stream_send(s, data, len);
}

static void open_with_past(const char *text)
{
	memset(&kept, 0, sizeof kept);
	kept.text = text;
	kept.is_whole = true;
	ops.attach = attach_with_past;
	ops.stream_send = count_sent;
	open_fleet(RUNNING("one"), "1");
}

static void test_what_the_engine_kept_is_shown_and_not_answered(void **state)
{
	(void)state;
	open_with_past("long ago\r\n\033[6n\033[c\033]9;old news\a\033]52;c;aGk=\ajust now\r\n");
	assert_screen("one", FLEET_AGENT, "long ago");
	assert_screen("one", FLEET_AGENT, "just now");
	assert_string_equal(kept.seen, "");
	assert_true(kept.past_max > 0);
	assert_int_equal(kept.n_sent, 0);
	assert_int_equal(fleet_n_events(fleet), 0);
	assert_int_not_equal(row("one")->activity, ACTIVITY_WAITS);
	assert_string_equal(last_message(), "");
	/* and then it is live */
	assert_int_equal(fleet_send(fleet, "one", FLEET_AGENT, "live\033[6n", 8), 0);
	settle();
	assert_screen("one", FLEET_AGENT, "live");
}

static void attach_again(const char *text, bool is_whole)
{
	kept.text = text;
	kept.is_whole = is_whole;
	fleet_detach_all(fleet);
	fleet_terminal(fleet, "one", FLEET_AGENT, 24, 80);
	settle();
}

static void test_what_was_missed_follows_what_was_seen(void **state)
{
	(void)state;
	open_with_past("long ago\r\n");
	attach_again("meanwhile\r\n\033[6n\033]9;asks something\a\033]52;c;aGk=\a", false);
	assert_int_equal(kept.n_asked, 2);
	assert_true(strncmp(kept.seen, "long ago\r\n", 10) == 0);
	assert_screen("one", FLEET_AGENT, "long ago\nmeanwhile");
	/* nobody waits for an answer any more, but that it asked is news */
	assert_int_equal(kept.n_sent, 0);
	assert_string_equal(last_message(), "");
	assert_int_equal(row("one")->activity, ACTIVITY_WAITS);
	/* the next time it goes on from there */
	attach_again(NULL, false);
	assert_non_null(strstr(kept.seen, "meanwhile\r\n"));
	assert_screen("one", FLEET_AGENT, "meanwhile");
}

static void test_a_log_without_what_was_seen_begins_anew(void **state)
{
	(void)state;
	open_with_past("\033[31mlong ago\r\n");
	attach_again("another\r\n", true);
	assert_screen("one", FLEET_AGENT, "another");
	assert_false(shows("one", "long ago"));
	attach_again(NULL, false);
	assert_true(strncmp(kept.seen, "another\r\n", 9) == 0);
}

/* --- messages ------------------------------------------------------------ */

static void test_messages_are_kept_newest_first(void **state)
{
	enum fleet_level level;
	int64_t ts;

	(void)state;
	open_fleet("", "1");
	assert_null(fleet_message(fleet, 0, NULL, NULL));
	for (int i = 0; i < 300; i++)
		fleet_say(fleet, FLEET_INFO, "message %d", i);
	fleet_say(fleet, FLEET_WARN, "the last");
	settle();
	assert_string_equal(fleet_message(fleet, 0, &level, &ts), "the last");
	assert_int_equal(level, FLEET_WARN);
	assert_true(ts > 0 && ts <= fleet_clock_ns());
	assert_string_equal(fleet_message(fleet, 1, &level, NULL), "message 299");
	assert_null(fleet_message(fleet, 300, NULL, NULL));
	assert_true(changes & FLEET_MESSAGE);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows_are_grouped_by_bottle_and_then_by_name),
		TEST(test_a_session_with_a_label_has_its_own_row),
		TEST(test_a_session_whose_agent_left_the_manifest_is_shown),
		TEST(test_states_and_results_are_those_of_the_engine),
		TEST(test_broken_and_untrusted_agents_say_why),
		TEST(test_a_session_that_goes_leaves_its_agents_row),
		TEST(test_a_manifest_read_again_changes_the_rows),
		TEST(test_a_launch_becomes_starting_and_then_running),
		TEST(test_a_launch_with_a_label_makes_its_own_row),
		TEST(test_a_colour_is_the_launchs_or_the_agents),
		TEST(test_what_may_not_be_launched_is_refused_with_its_reason),
		TEST(test_a_launch_that_fails_says_why_until_it_is_stopped),
		TEST(test_stop_goes_through_stopping),
		TEST(test_relaunch_ends_one_session_and_starts_another),
		TEST(test_the_manifest_is_not_read_anew_under_a_relaunch),
		TEST(test_a_busy_session_takes_no_second_operation),
		TEST(test_a_cancelled_launch_is_undone),
		TEST(test_a_launch_cancelled_while_it_is_planned_does_not_begin),
		TEST(test_a_relaunch_cancelled_while_it_stops_ends_stopped),
		TEST(test_events_are_followed_and_counted_for_their_session),
		TEST(test_events_that_come_later_are_seen_too),
		TEST(test_events_of_several_logs_are_in_the_order_of_time),
		TEST(test_repeats_fold_into_one_event_that_waits_once),
		TEST(test_a_dismissed_event_waits_no_longer_but_stays),
		TEST(test_the_engine_goes_away_once_and_comes_back),
		TEST(test_every_running_session_has_its_terminal_fed),
		TEST(test_what_is_sent_reaches_the_agent),
		TEST(test_a_shell_is_beside_the_agents_terminal),
		TEST(test_a_notice_makes_it_wait_until_it_is_answered),
		TEST(test_a_shell_that_ended_is_told_once_and_then_another_begins),
		TEST(test_what_its_hooks_say_counts_and_not_what_is_typed),
		TEST(test_a_hook_that_says_it_works_ends_the_waiting),
		TEST(test_a_question_is_answered_by_what_is_typed_but_not_by_moving),
		TEST(test_who_comes_later_asks_what_was_claimed_before),
		TEST(test_what_was_claimed_before_does_not_undo_what_is_claimed_now),
		TEST(test_an_answer_that_is_no_claim_changes_nothing),
		TEST(test_a_question_under_way_is_given_up_with_the_fleet),
		TEST(test_the_last_screen_stays_when_it_has_stopped),
		TEST(test_terminals_that_were_let_go_come_back_whole),
		TEST(test_a_shell_that_was_let_go_is_a_new_one),
		TEST(test_output_that_takes_long_keeps_nobody_waiting),
		TEST(test_what_the_engine_kept_is_shown_and_not_answered),
		TEST(test_what_was_missed_follows_what_was_seen),
		TEST(test_a_log_without_what_was_seen_begins_anew),
		TEST(test_messages_are_kept_newest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
