/* The fleet with a store: what was, what others add, what was put away, and the end. */
#include "replay_help.h"

#include "core/event.h"
#include "core/fleet.h"
#include "core/inbox.h"
#include "core/journal.h"
#include "core/manifest.h"
#include "core/session.h"
#include "core/store.h"

#define MANIFEST                                                                              \
	"{\"bottles\":{\"b\":{}},\"agents\":{\"one\":{\"bottle\":\"b\"},\"two\":{\"bottle\":" \
	"\"b\"}}}"

#define ENDED(s)                                                                       \
	"{\"t\":0,\"session\":{\"session\":\"" s "\",\"agent\":\"" s "\",\"bottle\":\"b\","  \
	"\"state\":\"stopped\",\"exit_code\":0,\"created\":1795521600}}\n"

static struct fleet *fleet;
static struct store *store;
static struct backend_ops ops;

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

static struct manifest *load_manifest(void *arg)
{
	const struct manifest_env env = {
		.home = "/h", .cwd = "/w", .path_kind = no_path, .real_path = no_real_path
	};
	const struct manifest_source source = { .origin = MANIFEST_USER,
		                                .path = "/h/m.json",
		                                .dir = "/h",
		                                .data = MANIFEST,
		                                .len = strlen(MANIFEST),
		                                .is_trusted = true };

	(void)arg;
	return manifest_parse(&source, 1, &env);
}

static void on_changed(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
}

static int setup(void **state)
{
	fleet = NULL;
	store = NULL;
	ops = backend_replay;
	return replay_setup(state);
}

static void close_fleet(void)
{
	fleet_free(fleet);
	fleet = NULL;
	backend_replay.close(backend);
	backend = NULL;
	store_close(store);
	store = NULL;
	loop_free(loop);
	loop = NULL;
}

static int teardown(void **state)
{
	close_fleet();
	return temp_dir_drop(state);
}

static void flushed(void)
{
	struct err err = { 0 };

	settle();
	if (store_flush(store, &err) < 0)
		fail_msg("%s", err.msg);
	settle();
}

static void open_fleet(const char *lines)
{
	struct fleet_options opt = { .ops = &ops,
		                     .load_manifest = load_manifest,
		                     .changed = on_changed };
	struct store_options stored = { .dir = temp_dir, .max_age_ns = INT64_MAX };
	struct err err = { 0 };

	play(lines, "1");
	stored.loop = loop;
	if (store_open(&store, &stored, &err) < 0)
		fail_msg("%s", err.msg);
	opt.backend = backend;
	opt.store = store;
	fleet = fleet_new(loop, &opt);
	while (!fleet_is_loaded(fleet))
		assert_int_equal(loop_turn(loop, 20, NULL), 0);
	flushed();
}

static struct event made(const char *session, const char *host, int64_t ts_ns)
{
	struct event e;

	event_init(&e);
	e.kind = EVENT_EGRESS_BLOCKED;
	e.verdict = EVENT_BLOCK;
	e.source = EVENT_FROM_PIPELOCK;
	e.ts_ns = ts_ns;
	event_set_owner(&e, session, "b");
	event_set_host(&e, host, strlen(host));
	event_set_rule(&e, "allowlist", 9);
	return e;
}

static const char *host(size_t i)
{
	const struct event *e = fleet_event(fleet, i);

	return e && e->host ? e->host : "-";
}

static void test_events_are_there_again_after_a_restart(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") BLOCK(0, "one", "x") BLOCK(0, "one", "y"));
	assert_int_equal(fleet_n_events(fleet), 2);
	assert_true(fleet_event(fleet, 0)->id > 0);
	assert_int_equal(fleet_n_waiting(fleet), 2);
	close_fleet();
	open_fleet(RUNNING("one"));
	assert_int_equal(fleet_n_events(fleet), 2);
	assert_string_equal(host(0), "x");
	assert_string_equal(host(1), "y");
	assert_int_equal(fleet_n_waiting(fleet), 2);
}

static void test_what_was_dismissed_asks_no_more_after_a_restart(void **state)
{
	const struct store_query waiting = { .only_waiting = true };
	int64_t now = fleet_clock_ns();
	struct err err = { 0 };
	size_t n = 0;

	(void)state;
	open_fleet(RUNNING("one") BLOCK(0, "one", "x") BLOCK(0, "one", "y"));
	fleet_dismiss_item(fleet, inbox_at(fleet_inbox(fleet), 0)->id, NULL);
	close_fleet();
	open_fleet(RUNNING("one"));
	assert_int_equal(store_count(store, &waiting, 9, &n, &err), 0);
	assert_int_equal(n, 1);
	/* the dismissal is one, too */
	assert_int_equal(fleet_n_events(fleet), 3);
	assert_int_equal(fleet_n_waiting(fleet), 1);
	assert_string_equal(inbox_at(fleet_inbox(fleet), 0)->host, "y");
	/* nor when it happens again */
	for (int i = 0; i < 2; i++) {
		struct event e = made("one", i ? "z" : "x", now);

		event_set_rule(&e, "", 0);
		store_add_event(store, &e, NULL);
		event_done(&e);
	}
	flushed();
	assert_int_equal(fleet_n_events(fleet), 5);
	assert_int_equal(fleet_n_waiting(fleet), 2);
}

static size_t n_dismissals(void)
{
	const struct store_query q = { .kinds = STORE_KIND(EVENT_INBOX_DISMISSED) };
	struct err err = { 0 };
	size_t n = 0;

	assert_int_equal(store_count(store, &q, 99, &n, &err), 0);
	return n;
}

static void test_a_dismissal_is_one_event_when_two_programs_make_it(void **state)
{
	const struct store_query text = { .text = "dismissed x", .limit = 9 };
	struct store_options stored = { .dir = temp_dir, .max_age_ns = INT64_MAX };
	struct fleet_options opt = { .ops = &ops,
		                     .load_manifest = load_manifest,
		                     .changed = on_changed,
		                     .is_glance = true };
	struct store_page p = { 0 };
	struct err err = { 0 };
	struct fleet *glance;

	(void)state;
	open_fleet(RUNNING("one") BLOCK(0, "one", "x") BLOCK(0, "one", "y"));
	stored.loop = loop;
	assert_int_equal(store_open(&opt.store, &stored, &err), 0);
	opt.backend = backend;
	glance = fleet_new(loop, &opt);
	while (!fleet_is_loaded(glance) || fleet_n_waiting(glance) < 2)
		assert_int_equal(loop_turn(loop, 20, NULL), 0);
	/* neither knows yet of what the other one does */
	fleet_dismiss_item(fleet, inbox_at(fleet_inbox(fleet), 0)->id, NULL);
	fleet_dismiss_item(glance, inbox_at(fleet_inbox(glance), 0)->id, "the same");
	assert_int_equal(store_flush(opt.store, &err), 0);
	flushed();
	assert_int_equal(n_dismissals(), 1);
	assert_int_equal(store_find(store, &text, &p, &err), 0);
	assert_int_equal(p.n, 1);
	assert_string_equal(p.v[0].event.host, "x");
	assert_string_equal(p.v[0].event.bottle, "b");
	assert_non_null(strstr(p.v[0].event.detail, "\"by\":"));
	store_page_done(&p);
	fleet_free(glance);
	store_close(opt.store);
}

static void test_what_an_earlier_launch_asked_is_over(void **state)
{
	const struct isolation_result proved = { .passed = 5, .total = 5 };
	struct event e = made("one", "old", fleet_clock_ns() - 1000000);

	(void)state;
	open_fleet(RUNNING("one"));
	store_add_event(store, &e, NULL);
	event_done(&e);
	flushed();
	assert_int_equal(fleet_n_waiting(fleet), 1);
	journal_launched(store, "one", "b", "L2", &proved);
	e = made("one", "new", fleet_clock_ns() + 1);
	store_add_event(store, &e, NULL);
	event_done(&e);
	flushed();
	close_fleet();
	open_fleet(RUNNING("one"));
	assert_int_equal(fleet_n_waiting(fleet), 1);
	assert_string_equal(inbox_at(fleet_inbox(fleet), 0)->host, "new");
}

static size_t n_stored_waiting(void)
{
	const struct store_query q = { .only_waiting = true };
	struct err err = { 0 };
	size_t n = 0;

	assert_int_equal(store_count(store, &q, 99, &n, &err), 0);
	return n;
}

static void test_what_an_ended_session_asked_is_there_but_waits_no_more(void **state)
{
	const struct inbox *ib;

	(void)state;
	open_fleet(RUNNING("one") RUNNING("two") BLOCK(0, "one", "x") BLOCK(0, "two", "y"));
	assert_int_equal(fleet_n_waiting(fleet), 2);
	close_fleet();
	open_fleet(ENDED("one") RUNNING("two"));
	ib = fleet_inbox(fleet);
	assert_int_equal(inbox_n(ib), 2);
	assert_int_equal(fleet_n_waiting(fleet), 1);
	assert_int_equal(fleet_find(fleet, "one")->n_attention, 0);
	assert_false(fleet_is_waiting(fleet, 0));
	assert_true(inbox_at(ib, 1)->is_ended);
	assert_string_equal(inbox_at(ib, 1)->host, "x");
	/* it can be put away */
	fleet_dismiss_item(fleet, inbox_at(ib, 1)->id, NULL);
	assert_int_equal(inbox_n(ib), 1);
	flushed();
	assert_int_equal(n_stored_waiting(), 1);
}

static void test_what_a_removed_session_asked_leaves_the_inbox(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") BLOCK(0, "one", "x"));
	close_fleet();
	/* somebody removed it meanwhile, and wrote nothing down */
	open_fleet("");
	assert_int_equal(inbox_n(fleet_inbox(fleet)), 0);
	assert_int_equal(fleet_n_events(fleet), 1);
	/* where it is still there, it is still asked */
	close_fleet();
	open_fleet(RUNNING("one"));
	assert_int_equal(fleet_n_waiting(fleet), 1);
	fleet_dismiss_item(fleet, inbox_at(fleet_inbox(fleet), 0)->id, NULL);
	close_fleet();
	/* what was removed by us is over for good, and so is what was dismissed in it */
	open_fleet(RUNNING("one") BLOCK(1, "one", "y"));
	while (fleet_n_waiting(fleet) < 1)
		assert_int_equal(loop_turn(loop, 20, NULL), 0);
	flushed();
	journal_stopped(store, "one", "b");
	close_fleet();
	open_fleet(RUNNING("one"));
	assert_int_equal(inbox_n(fleet_inbox(fleet)), 0);
	flushed();
	assert_int_equal(n_stored_waiting(), 0);
}

static void test_a_dismissal_is_forgotten_with_the_session(void **state)
{
	struct event e;

	(void)state;
	open_fleet(RUNNING("one") BLOCK(0, "one", "x"));
	fleet_dismiss_item(fleet, inbox_at(fleet_inbox(fleet), 0)->id, NULL);
	flushed();
	journal_stopped(store, "one", "b");
	close_fleet();
	open_fleet(RUNNING("one"));
	e = made("one", "x", fleet_clock_ns());
	event_set_rule(&e, "", 0);
	store_add_event(store, &e, NULL);
	event_done(&e);
	flushed();
	assert_int_equal(fleet_n_waiting(fleet), 1);
}

static void test_without_an_engine_nothing_is_taken_for_removed(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") BLOCK(0, "one", "x"));
	close_fleet();
	open_fleet("{\"t\":0,\"engine\":false,\"why\":\"it is away\"}\n");
	assert_null(fleet_engine(fleet));
	assert_int_equal(fleet_n_waiting(fleet), 1);
}

static void test_what_another_program_stores_is_seen(void **state)
{
	struct store_options opt = { .dir = temp_dir, .max_age_ns = INT64_MAX };
	struct store *other = NULL;
	struct err err = { 0 };
	struct event e = made("one", "theirs", fleet_clock_ns());
	uint64_t end = loop_now_ns() + 10000000000u;

	(void)state;
	open_fleet(RUNNING("one"));
	assert_int_equal(store_open(&other, &opt, &err), 0);
	store_add_event(other, &e, NULL);
	event_done(&e);
	store_close(other);
	while (fleet_n_events(fleet) < 1 && loop_now_ns() < end)
		loop_turn(loop, 50, NULL);
	assert_string_equal(host(0), "theirs");
	assert_int_equal(fleet_n_waiting(fleet), 1);
}

static void test_what_was_blocked_in_the_last_hour_is_counted(void **state)
{
	const int64_t hour = 3600ll * 1000000000, now = fleet_clock_ns();
	bool is_more = true;
	struct event e;

	(void)state;
	open_fleet("");
	for (int i = 0; i < 2001; i++) {
		e = made("one", "x", now - (i ? 0 : hour + 60000000000));
		e.kind = i % 2 ? EVENT_EGRESS_BLOCKED : EVENT_EGRESS_DNS;
		store_add_event(store, &e, NULL);
		event_done(&e);
	}
	e = made("one", "x", now);
	e.kind = EVENT_PUSH_REJECTED;
	store_add_event(store, &e, NULL);
	event_done(&e);
	flushed();
	assert_int_equal(fleet_n_blocked(fleet, &is_more), 2000);
	assert_false(is_more);
	/* one that comes later takes up the newest alone, and says so */
	close_fleet();
	open_fleet("");
	assert_int_equal(fleet_n_blocked(fleet, &is_more), 1999);
	assert_true(is_more);
}

static void test_events_stand_in_the_order_of_time(void **state)
{
	int64_t now = fleet_clock_ns();
	static const char *const hosts[] = { "c", "a", "d", "b" };
	static const int64_t at[] = { 3, 1, 4, 2 };

	(void)state;
	open_fleet("");
	for (size_t i = 0; i < 4; i++) {
		struct event e = made(i % 2 ? "one" : "two", hosts[i], now + at[i]);

		store_add_event(store, &e, NULL);
		event_done(&e);
	}
	flushed();
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(*host(i), 'a' + (int)i);
	close_fleet();
	open_fleet("");
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(*host(i), 'a' + (int)i);
}

/* --- the end of a session ------------------------------------------------------------- */

static bool was_drained;
static backend_done_fn *drained;
static void *drained_arg;

static void drain(struct backend *b, const struct follow_request *req, backend_done_fn *fn,
                  void *arg)
{
	const struct log_cursor c = { .container = "c", .ts_ns = 7, .max_ns = 7, .count = 1 };
	struct event e = made("one", "last", fleet_clock_ns());
	const struct log_entry last = { .cursor = c, .key = 1, .reading = 1, .event = &e };

	(void)b;
	assert_string_equal(req->session, "one");
	req->taker->line(req->taker->arg, &last);
	event_done(&e);
	was_drained = true;
	drained = fn;
	drained_arg = arg;
}

static void test_a_session_is_drained_before_it_is_stopped(void **state)
{
	uint64_t end = loop_now_ns() + 5000000000u;
	const struct fleet_row *r;

	(void)state;
	ops.drain = drain;
	was_drained = false;
	open_fleet(RUNNING("one"));
	fleet_stop(fleet, "one");
	flushed();
	assert_true(was_drained);
	/* it is not removed before the last was read */
	r = fleet_find(fleet, "one");
	assert_int_equal(r->state, SESSION_STOPPING);
	assert_string_equal(host(0), "last");
	drained(drained_arg, &(struct err){ .kind = ERR_FAILED, .msg = "no log" });
	while ((r = fleet_find(fleet, "one"))->state != SESSION_STOPPED && loop_now_ns() < end)
		loop_turn(loop, 20, NULL);
	assert_int_equal(r->state, SESSION_STOPPED);
	flushed();
	assert_int_equal(fleet_event(fleet, 1)->kind, EVENT_SESSION_STATE);
	assert_string_equal(fleet_event(fleet, 1)->rule, JOURNAL_STOPPED);
}

static void test_an_agents_end_is_told_once(void **state)
{
	static const char ended[] = "{\"t\":0,\"session\":{\"session\":\"one\",\"agent\":\"one\","
				    "\"bottle\":\"b\",\"state\":\"failed\",\"exit_code\":7,"
				    "\"created\":1795518000}}\n";

	(void)state;
	open_fleet(ended);
	assert_int_equal(fleet_n_events(fleet), 1);
	assert_int_equal(fleet_event(fleet, 0)->kind, EVENT_AGENT_EXIT);
	assert_string_equal(fleet_event(fleet, 0)->summary, "the agent ended with 7");
	for (int i = 0; i < 3; i++) {
		fleet_reload(fleet);
		flushed();
	}
	assert_int_equal(fleet_n_events(fleet), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_events_are_there_again_after_a_restart),
		TEST(test_what_was_dismissed_asks_no_more_after_a_restart),
		TEST(test_a_dismissal_is_one_event_when_two_programs_make_it),
		TEST(test_what_an_earlier_launch_asked_is_over),
		TEST(test_what_an_ended_session_asked_is_there_but_waits_no_more),
		TEST(test_what_a_removed_session_asked_leaves_the_inbox),
		TEST(test_a_dismissal_is_forgotten_with_the_session),
		TEST(test_without_an_engine_nothing_is_taken_for_removed),
		TEST(test_what_another_program_stores_is_seen),
		TEST(test_what_was_blocked_in_the_last_hour_is_counted),
		TEST(test_events_stand_in_the_order_of_time),
		TEST(test_a_session_is_drained_before_it_is_stopped),
		TEST(test_an_agents_end_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
