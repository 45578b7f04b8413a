/* The replay backend does what every backend does. */
#include "replay_help.h"

#include <time.h>

#include "core/event.h"
#include "core/manifest.h"
#include "core/policy.h"

/* --- asking ------------------------------------------------------------ */

struct listing {
	struct session_list list;
	struct err err;
	bool is_done;
};

static void on_list(void *arg, struct session_list *list, const struct err *err)
{
	struct listing *l = arg;

	if (err)
		l->err = *err;
	l->list = *list;
	*list = (struct session_list){ 0 };
	l->is_done = true;
}

static void list(struct listing *l)
{
	session_list_done(&l->list);
	*l = (struct listing){ .is_done = false };
	backend_replay.list(backend, on_list, l);
	assert_false(l->is_done);
	turn_until(&l->is_done);
}

struct seen {
	char hosts[512];
	unsigned n, most;
	bool is_done, has_error, was_probe;
	int64_t ts_ns;
};

static bool on_event(void *arg, const struct event *ev)
{
	struct seen *s = arg;
	size_t len = strlen(s->hosts);

	snprintf(s->hosts + len, sizeof s->hosts - len, "%s ", ev->host);
	s->was_probe = ev->is_probe;
	s->ts_ns = ev->ts_ns;
	return ++s->n != s->most;
}

static void on_done(void *arg, const struct err *err)
{
	struct seen *s = arg;

	s->is_done = true;
	s->has_error = err != NULL;
}

struct screen {
	char text[4096];
	bool is_open, is_over, has_error;
	struct backend_stream *stream;
	bool close_when_fed;
};

static void on_opened(void *arg)
{
	((struct screen *)arg)->is_open = true;
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct screen *s = arg;
	size_t at = strlen(s->text);

	assert_true(at + len < sizeof s->text);
	memcpy(s->text + at, data, len);
	s->text[at + len] = '\0';
	if (s->close_when_fed)
		backend_replay.stream_close(s->stream);
}

static void on_ended(void *arg, const struct err *err)
{
	struct screen *s = arg;

	s->is_over = true;
	s->has_error = err != NULL;
}

static const struct stream_events stream_events = {
	.opened = on_opened,
	.data = on_data,
	.ended = on_ended,
};

static void attach(struct screen *s, const char *session, bool is_shell)
{
	const struct stream_request req = { .session = session, .is_shell = is_shell, .rows = 24,
		                            .cols = 80 };

	s->stream = backend_replay.attach(backend, &req, &stream_events, s);
	assert_string_equal(s->text, "");
	settle();
}

struct launching {
	unsigned n_started, n_done, n_failed;
	struct isolation_result isolation;
	struct err err;
	bool is_done;
	struct plan *plan;
};

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
	struct launching *l = arg;

	l->plan = plan;
	if (err)
		l->err = *err;
	l->is_done = true;
}

static void on_step(void *arg, const struct plan *plan, size_t index, enum step_state state,
                    uint64_t ns)
{
	struct launching *l = arg;

	(void)ns;
	assert_true(index < plan->n_steps);
	l->n_started += state == STEP_STARTED;
	l->n_done += state == STEP_DONE;
	l->n_failed += state == STEP_FAILED;
}

static void on_launched(void *arg, const struct isolation_result *isolation,
                        const char *fingerprint, const struct err *err)
{
	struct launching *l = arg;

	(void)fingerprint;
	assert_non_null(isolation);
	l->isolation = *isolation;
	if (err)
		l->err = *err;
	l->is_done = true;
}

static const struct launch_events launch_events = { .step = on_step, .done = on_launched };

static void prepare(struct launching *l, const char *agent, const char *label)
{
	struct bottle_spec bottle = { .name = (char *)"b" };
	struct agent_spec spec = { .name = (char *)agent, .bottle = &bottle };
	const struct launch_request req = { .agent = &spec, .label = label, .digest = "d" };

	backend_replay.prepare(backend, &req, on_plan, l);
	turn_until(&l->is_done);
	l->is_done = false;
}

static struct backend_job *start(struct launching *l, const char *agent, bool force)
{
	prepare(l, agent, NULL);
	assert_non_null(l->plan);
	return backend_replay.launch(backend, l->plan, NULL, 0, force, &launch_events, l);
}

static void launch(struct launching *l, const char *agent, bool force)
{
	start(l, agent, force);
	turn_until(&l->is_done);
	plan_free(l->plan);
}

static void stop(const char *session)
{
	struct seen s = { .is_done = false };

	backend_replay.stop(backend, session, on_done, &s);
	assert_false(s.is_done);
	turn_until(&s.is_done);
	assert_false(s.has_error);
}

/* --- sessions ------------------------------------------------------------ */

static void test_the_list_has_what_was_recorded(void **state)
{
	struct listing l = { .is_done = false };

	(void)state;
	play(RUNNING("a") RUNNING("b") "{\"t\":0,\"gone\":\"b\"}\n", "1");
	list(&l);
	assert_int_equal(l.err.kind, ERR_NONE);
	assert_int_equal(l.list.n, 1);
	assert_string_equal(l.list.v[0].name, "a");
	assert_int_equal(l.list.v[0].state, SESSION_RUNNING);
	assert_true(l.list.v[0].released_ns > 0);
	assert_non_null(session_member(&l.list.v[0], ROLE_PIPELOCK));
	session_list_done(&l.list);
}

static void test_later_lines_wait_for_their_time(void **state)
{
	struct listing l = { .is_done = false };
	uint64_t end = loop_now_ns() + 5000000000u;

	(void)state;
	play(RUNNING("a") "{\"t\":200,\"gone\":\"a\"}\n", "1");
	list(&l);
	assert_int_equal(l.list.n, 1);
	while (l.list.n && loop_now_ns() < end) {
		loop_turn(loop, 20, NULL);
		list(&l);
	}
	assert_int_equal(l.list.n, 0);
}

static void test_speed_nought_plays_everything_at_once(void **state)
{
	struct listing l = { .is_done = false };

	(void)state;
	play(RUNNING("a") "{\"t\":86400000,\"gone\":\"a\"}\n", "0");
	list(&l);
	assert_int_equal(l.list.n, 0);
	session_list_done(&l.list);
}

static void test_a_bad_speed_or_file_is_refused_with_its_place(void **state)
{
	struct backend_settings s = { .recording = "/nonexistent", .replay_speed = "1" };
	struct err err = { 0 };

	(void)state;
	play("", "1");
	backend_replay.close(backend);
	backend = NULL;
	assert_int_equal(backend_replay.open(&backend, loop, &s, &err), -1);
	assert_non_null(strstr(err.msg, "/nonexistent"));
	s.recording = temp_path("r.jsonl");
	s.replay_speed = "fast";
	assert_int_equal(backend_replay.open(&backend, loop, &s, &err), -1);
	assert_non_null(strstr(err.msg, "fast"));
	temp_write("bad.jsonl", HEADER "{\"t\":0}\n{\"t\":0}\n");
	s.recording = temp_path("bad.jsonl");
	s.replay_speed = NULL;
	assert_int_equal(backend_replay.open(&backend, loop, &s, &err), -1);
	assert_non_null(strstr(err.msg, "bad.jsonl:2:"));
	assert_non_null(strstr(err.msg, "1 more"));
	assert_null(backend);
}

static void test_while_the_engine_is_away_everything_says_so(void **state)
{
	struct listing l = { .is_done = false };
	struct launching g = { .n_done = 0 };
	struct screen t = { .is_open = false };

	(void)state;
	play(RUNNING("a") "{\"t\":0,\"engine\":false,\"why\":\"gone fishing\"}\n", "1");
	list(&l);
	assert_int_equal(l.err.kind, ERR_ENGINE);
	assert_string_equal(l.err.msg, "gone fishing");
	prepare(&g, "b", NULL);
	assert_null(g.plan);
	assert_int_equal(g.err.kind, ERR_ENGINE);
	attach(&t, "a", false);
	assert_true(t.is_over && t.has_error);
	backend_replay.stream_close(t.stream);
}

/* --- events ------------------------------------------------------------ */

static void test_following_gives_the_past_and_then_the_present(void **state)
{
	const struct follow_request req = { .session = "a", .keep_following = true };
	struct seen s = { .n = 0 };
	struct backend_job *job;
	uint64_t end = loop_now_ns() + 5000000000u;

	(void)state;
	play(RUNNING("a") RUNNING("b") BLOCK(0, "a", "one") BLOCK(0, "b", "other")
	             BLOCK(150, "a", "two"),
	     "1");
	job = backend_replay.follow(backend, &req, on_event, on_done, &s);
	assert_int_equal(s.n, 0);
	settle();
	assert_string_equal(s.hosts, "one ");
	while (s.n < 2 && loop_now_ns() < end)
		loop_turn(loop, 20, NULL);
	assert_string_equal(s.hosts, "one two ");
	backend_replay.cancel(job);
	settle();
	assert_false(s.is_done);
}

static void test_following_ends_at_the_end_when_not_kept(void **state)
{
	const struct follow_request req = { .session = "a" };
	struct seen s = { .n = 0 };

	(void)state;
	play(RUNNING("a") BLOCK(0, "a", "one"), "1");
	backend_replay.follow(backend, &req, on_event, on_done, &s);
	turn_until(&s.is_done);
	assert_string_equal(s.hosts, "one ");
}

static void test_following_ends_when_it_is_told_enough(void **state)
{
	const struct follow_request req = { .session = "a", .keep_following = true };
	struct seen s = { .most = 1 };

	(void)state;
	play(RUNNING("a") BLOCK(0, "a", "one") BLOCK(0, "a", "two"), "1");
	backend_replay.follow(backend, &req, on_event, on_done, &s);
	turn_until(&s.is_done);
	assert_string_equal(s.hosts, "one ");
}

static void test_following_leaves_out_what_is_older(void **state)
{
	struct follow_request req = { .session = "a" };
	struct seen s = { .n = 0 }, again = { .n = 0 };

	(void)state;
	play(RUNNING("a") BLOCK(0, "a", "one"), "1");
	backend_replay.follow(backend, &req, on_event, on_done, &s);
	turn_until(&s.is_done);
	req.since_ns = s.ts_ns;
	backend_replay.follow(backend, &req, on_event, on_done, &again);
	turn_until(&again.is_done);
	assert_int_equal(again.n, 0);
}

static void test_what_is_older_than_the_release_is_our_probes_doing(void **state)
{
	struct follow_request req = { .session = "a", .released_ns = INT64_MAX };
	struct seen s = { .n = 0 };

	(void)state;
	play(RUNNING("a") BLOCK(0, "a", "one"), "1");
	backend_replay.follow(backend, &req, on_event, on_done, &s);
	turn_until(&s.is_done);
	assert_true(s.was_probe);
}

static void test_times_move_to_now(void **state)
{
	const struct follow_request req = { .session = "a" };
	struct seen s = { .n = 0 };
	struct timespec now;

	(void)state;
	play(RUNNING("a") BLOCK(0, "a", "a-minute-old"), "1");
	backend_replay.follow(backend, &req, on_event, on_done, &s);
	turn_until(&s.is_done);
	clock_gettime(CLOCK_REALTIME, &now);
	assert_true(now.tv_sec - s.ts_ns / 1000000000 >= 60);
	assert_true(now.tv_sec - s.ts_ns / 1000000000 < 90);
}

/* --- terminals ------------------------------------------------------------ */

#define TYPED(name) RUNNING(name) "{\"t\":0,\"terminal\":\"" name "\",\"data\":\"hello \"}\n"

static void test_a_terminal_shows_what_was_written_and_what_comes(void **state)
{
	struct screen t = { .is_open = false };
	uint64_t end = loop_now_ns() + 5000000000u;

	(void)state;
	play(TYPED("a") "{\"t\":150,\"terminal\":\"a\",\"data\":\"world\"}\n", "1");
	attach(&t, "a", false);
	assert_true(t.is_open);
	assert_non_null(strstr(t.text, "hello "));
	while (!strstr(t.text, "world") && loop_now_ns() < end)
		loop_turn(loop, 20, NULL);
	assert_non_null(strstr(t.text, "hello world"));
	backend_replay.stream_close(t.stream);
}

static void test_keys_are_echoed_and_the_emulators_answers_are_not(void **state)
{
	static const char answers[] = "\033[12;1R\033[?62;22c\033]11;rgb:0/0/0\033\\";
	struct screen t = { .is_open = false };
	const char *at;

	(void)state;
	play(TYPED("a"), "1");
	attach(&t, "a", false);
	at = t.text + strlen(t.text);
	assert_int_equal(backend_replay.stream_send(t.stream, "ab\003", 3), 0);
	assert_string_equal(at, "");	/* not from inside the call */
	backend_replay.stream_send(t.stream, "\033[A", 3);
	backend_replay.stream_send(t.stream, answers, sizeof answers - 1);
	backend_replay.stream_send(t.stream, "\033", 1);
	backend_replay.stream_send(t.stream, "c\r", 2);
	settle();
	assert_string_equal(at, "ab^C^[[A^[c\r\n");
	backend_replay.stream_close(t.stream);
}

static void test_everyone_attached_sees_the_echo(void **state)
{
	struct screen t = { .is_open = false }, u = { .is_open = false };

	(void)state;
	play(TYPED("a"), "1");
	attach(&t, "a", false);
	attach(&u, "a", false);
	backend_replay.stream_send(t.stream, "X", 1);
	settle();
	assert_non_null(strstr(u.text, "hello X"));
	backend_replay.stream_close(t.stream);
	backend_replay.stream_close(u.stream);
}

static void test_a_shell_is_its_own_and_ends_with_ctrl_d(void **state)
{
	struct screen t = { .is_open = false }, shell = { .is_open = false };

	(void)state;
	play(TYPED("a"), "1");
	attach(&t, "a", false);
	attach(&shell, "a", true);
	assert_string_equal(shell.text, "agent@a:~$ ");
	backend_replay.stream_send(shell.stream, "ls\004", 3);
	settle();
	assert_null(strstr(t.text, "ls"));
	assert_true(shell.is_over);
	assert_false(shell.has_error);
	backend_replay.stream_close(t.stream);
	backend_replay.stream_close(shell.stream);
}

static void test_a_stream_may_be_closed_from_its_own_data(void **state)
{
	struct screen t = { .close_when_fed = true };

	(void)state;
	play(TYPED("a"), "1");
	attach(&t, "a", false);
	settle();
	assert_false(t.is_over);
}

static void test_there_is_no_terminal_of_what_does_not_run(void **state)
{
	struct screen t = { .is_open = false };

	(void)state;
	play(TYPED("a"), "1");
	attach(&t, "nobody", false);
	assert_true(t.is_over && t.has_error);
	assert_false(t.is_open);
	assert_int_equal(backend_replay.stream_send(t.stream, "x", 1), -1);
	backend_replay.stream_close(t.stream);
}

/* --- launch, stop --------------------------------------------------------------------- */

static void test_a_launch_takes_its_steps_and_then_runs(void **state)
{
	struct launching g = { .n_done = 0 };
	struct listing l = { .is_done = false };
	size_t n;

	(void)state;
	play("", "0");
	prepare(&g, "new", NULL);
	n = g.plan->n_steps;
	plan_free(g.plan);
	launch(&g, "new", false);
	assert_int_equal(g.err.kind, ERR_NONE);
	assert_int_equal(g.n_started, n);
	assert_int_equal(g.n_done, n);
	assert_int_equal(g.isolation.passed, 22);
	list(&l);
	assert_int_equal(l.list.n, 1);
	assert_int_equal(l.list.v[0].state, SESSION_RUNNING);
	assert_string_equal(l.list.v[0].bottle, "b");
	session_list_done(&l.list);
}

static void test_what_a_launch_brings_begins_with_it(void **state)
{
	struct launching g = { .n_done = 0 };
	struct screen t = { .is_open = false };

	(void)state;
	play("{\"t\":0,\"launch\":{\"agent\":\"new\",\"then\":["
	     "{\"t\":50,\"terminal\":\"new\",\"data\":\"I am here\"}]}}\n",
	     "0");
	launch(&g, "new", false);
	settle();
	attach(&t, "new", false);
	assert_non_null(strstr(t.text, "I am here"));
	backend_replay.stream_close(t.stream);
}

static void test_a_launch_that_fails_leaves_nothing(void **state)
{
	struct launching g = { .n_done = 0 };
	struct listing l = { .is_done = false };

	(void)state;
	play("{\"t\":0,\"launch\":{\"agent\":\"new\",\"fails\":\"no luck\"}}\n",
	     "0");
	launch(&g, "new", false);
	assert_string_equal(g.err.msg, "no luck");
	assert_int_equal(g.n_failed, 1);
	list(&l);
	assert_int_equal(l.list.n, 0);
	session_list_done(&l.list);
}

#define LEAKY "{\"t\":0,\"launch\":{\"agent\":\"new\"," \
	      "\"isolation\":{\"passed\":20,\"total\":22}}}\n"

static void test_a_failed_probe_refuses_the_session(void **state)
{
	struct launching g = { .n_done = 0 };

	(void)state;
	play(LEAKY, "0");
	launch(&g, "new", false);
	assert_int_equal(g.err.kind, ERR_ISOLATION);
}

static void test_force_releases_it_and_says_so(void **state)
{
	struct launching g = { .n_done = 0 };

	(void)state;
	play(LEAKY, "0");
	launch(&g, "new", true);
	assert_int_equal(g.err.kind, ERR_NONE);
	assert_true(g.isolation.was_forced);
}

static void test_a_cancelled_launch_is_undone_and_still_reports(void **state)
{
	struct launching g = { .n_done = 0 };
	struct listing l = { .is_done = false };

	(void)state;
	play("", "1");
	backend_replay.cancel(start(&g, "new", false));
	assert_false(g.is_done);
	turn_until(&g.is_done);
	assert_int_equal(g.err.kind, ERR_FAILED);
	plan_free(g.plan);
	list(&l);
	assert_int_equal(l.list.n, 0);
	session_list_done(&l.list);
}

static void test_a_second_launch_of_a_name_leaves_the_first_alone(void **state)
{
	struct launching g = { .n_done = 0 };
	struct listing l = { .is_done = false };

	(void)state;
	play(RUNNING("a"), "0");
	launch(&g, "a", false);
	assert_int_equal(g.err.kind, ERR_FAILED);
	list(&l);
	assert_int_equal(l.list.n, 1);
	session_list_done(&l.list);
}

static void test_stop_ends_streams_and_followings_and_the_recordings_say(void **state)
{
	const struct follow_request req = { .session = "a", .keep_following = true };
	struct seen s = { .n = 0 };
	struct screen t = { .is_open = false };
	struct listing l = { .is_done = false };
	uint64_t end;

	(void)state;
	play(TYPED("a") "{\"t\":100,\"session\":{\"session\":\"a\",\"agent\":\"a\","
	                "\"bottle\":\"b\",\"state\":\"running\"}}\n",
	     "100");
	attach(&t, "a", false);
	backend_replay.follow(backend, &req, on_event, on_done, &s);
	stop("a");
	settle();
	assert_true(t.is_over);
	assert_false(t.has_error);
	assert_true(s.is_done);
	backend_replay.stream_close(t.stream);
	end = loop_now_ns() + 20000000u;
	while (loop_now_ns() < end)
		loop_turn(loop, 5, NULL);
	list(&l);
	assert_int_equal(l.list.n, 0);
	session_list_done(&l.list);
}

static void test_stop_of_nothing_is_success(void **state)
{
	(void)state;
	play("", "0");
	stop("nobody");
}

static void test_verify_tells_what_the_launch_found(void **state)
{
	struct launching g = { .n_done = 0 };

	(void)state;
	play("", "0");
	launch(&g, "new", false);
	g.is_done = false;
	backend_replay.verify(backend, "new", NULL, &launch_events, &g);
	turn_until(&g.is_done);
	assert_int_equal(g.isolation.total, 22);
	g.is_done = false;
	backend_replay.verify(backend, "nobody", NULL, &launch_events, &g);
	turn_until(&g.is_done);
	assert_int_equal(g.err.kind, ERR_FAILED);
}

static void test_closing_drops_what_is_under_way(void **state)
{
	struct launching g = { .n_done = 0 };
	struct screen t = { .is_open = false };

	(void)state;
	play(TYPED("a"), "1");
	start(&g, "new", false);
	attach(&t, "a", false);
	backend_replay.close(backend);
	backend = NULL;
	settle();
	assert_false(g.is_done);
	plan_free(g.plan);
}

struct asked {
	struct err err;
	bool has_answer, is_done;
};

static void on_policy(void *arg, struct policy *policy, const struct err *err)
{
	struct asked *a = arg;

	a->has_answer = policy != NULL;
	policy_free(policy);
	a->err = err ? *err : (struct err){ 0 };
	a->is_done = true;
}

static void on_why(void *arg, const struct policy_answer *answer, const struct err *err)
{
	struct asked *a = arg;

	a->has_answer = answer != NULL;
	a->err = err ? *err : (struct err){ 0 };
	a->is_done = true;
}

static void answered(struct asked *a, const char *refusal)
{
	assert_false(a->is_done);
	turn_until(&a->is_done);
	assert_int_equal(a->has_answer, refusal == NULL);
	if (refusal)
		assert_non_null(strstr(a->err.msg, refusal));
	*a = (struct asked){ 0 };
}

/* The same rules as a real one's: what must not be allowed is refused here too. */
static void test_a_played_session_has_a_policy_until_the_program_ends(void **state)
{
	const struct policy_change freeze = { .verb = POLICY_FREEZE, .by = "me" };
	const struct policy_change metadata = { .verb = POLICY_ALLOW, .host = "169.254.169.254",
		                                .by = "me" };
	struct asked a = { 0 };

	(void)state;
	play(RUNNING("one"), "0");
	backend_replay.policy(backend, "one", on_policy, &a);
	answered(&a, NULL);
	backend_replay.policy_change(backend, "one", &metadata, on_policy, &a);
	answered(&a, "address");
	backend_replay.policy_change(backend, "one", &freeze, on_policy, &a);
	answered(&a, NULL);
	backend_replay.why(backend, "one", "https://a.test/", on_why, &a);
	answered(&a, NULL);
	backend_replay.policy(backend, "nobody", on_policy, &a);
	answered(&a, "is not running");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, replay_setup, replay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_list_has_what_was_recorded),
		TEST(test_later_lines_wait_for_their_time),
		TEST(test_speed_nought_plays_everything_at_once),
		TEST(test_a_bad_speed_or_file_is_refused_with_its_place),
		TEST(test_while_the_engine_is_away_everything_says_so),
		TEST(test_following_gives_the_past_and_then_the_present),
		TEST(test_following_ends_at_the_end_when_not_kept),
		TEST(test_following_ends_when_it_is_told_enough),
		TEST(test_following_leaves_out_what_is_older),
		TEST(test_what_is_older_than_the_release_is_our_probes_doing),
		TEST(test_times_move_to_now),
		TEST(test_a_terminal_shows_what_was_written_and_what_comes),
		TEST(test_keys_are_echoed_and_the_emulators_answers_are_not),
		TEST(test_everyone_attached_sees_the_echo),
		TEST(test_a_shell_is_its_own_and_ends_with_ctrl_d),
		TEST(test_a_stream_may_be_closed_from_its_own_data),
		TEST(test_there_is_no_terminal_of_what_does_not_run),
		TEST(test_a_launch_takes_its_steps_and_then_runs),
		TEST(test_what_a_launch_brings_begins_with_it),
		TEST(test_a_launch_that_fails_leaves_nothing),
		TEST(test_a_failed_probe_refuses_the_session),
		TEST(test_force_releases_it_and_says_so),
		TEST(test_a_cancelled_launch_is_undone_and_still_reports),
		TEST(test_a_second_launch_of_a_name_leaves_the_first_alone),
		TEST(test_stop_ends_streams_and_followings_and_the_recordings_say),
		TEST(test_stop_of_nothing_is_success),
		TEST(test_verify_tells_what_the_launch_found),
		TEST(test_a_played_session_has_a_policy_until_the_program_ends),
		TEST(test_closing_drops_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
