/* Recording a fleet: what the replay backend plays is recorded, and read again. */
#include "replay_help.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/recorder.h"
#include "replay/recording.h"

static struct recording *made;
static struct recorder *recorder;
static bool has_ended;
static struct err ended_err;

static void on_ended(void *arg, const struct err *err)
{
	(void)arg;
	has_ended = true;
	if (err)
		ended_err = *err;
}

static int setup(void **state)
{
	made = NULL;
	recorder = NULL;
	has_ended = false;
	ended_err = (struct err){ 0 };
	return replay_setup(state);
}

static int teardown(void **state)
{
	recording_free(made);
	recorder_stop(recorder, NULL, &ended_err);
	return replay_teardown(state);
}

static struct recorder_options options(void)
{
	return (struct recorder_options){ .ops = &backend_replay,
		                          .backend = backend,
		                          .path = temp_path("made.jsonl"),
		                          .ended = on_ended };
}

static void start(struct recorder_options opt)
{
	struct err err = { 0 };

	if (recorder_start(&recorder, loop, &opt, &err) < 0)
		fail_msg("%s", err.msg);
}

static void turn_for(unsigned ms)
{
	uint64_t end = loop_now_ns() + ms * 1000000ull;

	while (loop_now_ns() < end)
		assert_int_equal(loop_turn(loop, 10, NULL), 0);
}

/* Ends it, and reads what it made. */
static struct recorder_stats stop(void)
{
	struct recorder_stats stats;
	struct faults faults = { 0 };
	struct buf text = BUF_INIT(RECORDING_BYTES_MAX);
	struct err err = { 0 };

	assert_int_equal(recorder_stop(recorder, &stats, &err), 0);
	recorder = NULL;
	assert_int_equal(file_read(temp_path("made.jsonl"), &text), 0);
	assert_int_equal(text.len, stats.bytes);
	made = recording_parse(buf_str(&text), text.len, "made.jsonl", &faults);
	if (!made)
		fail_msg("line %u: %s", faults.v[0].line, faults.v[0].text);
	faults_done(&faults);
	buf_done(&text);
	return stats;
}

/* The i-th entry of a kind about a session. */
static const struct recording_entry *entry(enum recording_kind kind, const char *name, int i)
{
	for (size_t k = 0; k < made->n; k++)
		if (made->v[k].kind == kind && strcmp(made->v[k].name, name) == 0 && i-- == 0)
			return &made->v[k];
	return NULL;
}

static void assert_output(const char *name, const char *want, size_t len)
{
	struct buf all = BUF_INIT(1u << 20);

	for (size_t k = 0; k < made->n; k++)
		if (made->v[k].kind == RECORDING_TERMINAL && strcmp(made->v[k].name, name) == 0)
			buf_add(&all, made->v[k].data, made->v[k].len);
	/* the replay backend clears the screen of who attaches */
	assert_true(all.len >= len);
	assert_memory_equal(all.data + all.len - len, want, len);
	buf_done(&all);
}

#define OID "1111111111111111111111111111111111111111"
#define PUSH(t, id, state, more)                                                            \
	"{\"t\":" #t ",\"push\":\"one\",\"record\":{\"v\":1,\"id\":\"" id "\",\"ts\":"        \
	"\"2026-11-24T12:00:00Z\",\"state\":\"" state "\",\"repo\":\"proj\",\"refs\":[{\"ref\":"  \
	"\"refs/heads/x\",\"old\":\"" OID "\",\"new\":\"" OID "\",\"gained\":2,\"lost\":1}],"    \
	"\"commits\":[{\"oid\":\"" OID "\",\"author\":\"Ann <a@b.test>\","                       \
	"\"subject\":\"caf\xc3\xa9\",\"time\":1795518000,\"added\":3,\"removed\":4}],"           \
	"\"ncommits\":7,\"findings\":[{\"rule\":\"aws\",\"file\":\"f\",\"line\":9,"              \
	"\"match\":\"AK***\",\"src\":\"diff\"}],\"nfindings\":1" more                             \
	"},\"diff\":\"diff --git a/f b/f\\n+\\u001b x\\n\"}\n"
#define GATE_SAYS(t, kind, id)                                                            \
	"{\"t\":" #t ",\"event\":{\"ts\":\"2026-11-24T12:00:00Z\",\"session\":\"one\","         \
	"\"bottle\":\"b\",\"source\":\"git-gate\",\"kind\":\"" kind "\",\"summary\":\"s\","     \
	"\"detail\":{\"id\":\"" id "\"}}}\n"

static void test_pushes_are_recorded_as_often_as_the_gate_speaks_of_them(void **state)
{
	const struct push *p;

	(void)state;
	play(RUNNING("one") PUSH(0, "00000000000000aa", "held", ",\"hold_until\":1795518400")
	     GATE_SAYS(0, "push.held", "00000000000000aa")
	     GATE_SAYS(0, "push.rejected", "00000000000000bb")
	     PUSH(600, "00000000000000aa", "rejected", ",\"by\":\"ada\",\"message\":\"no\"")
	     GATE_SAYS(600, "push.rejected", "00000000000000aa"), "1");
	start(options());
	turn_for(1200);
	stop();
	assert_non_null(entry(RECORDING_PUSH, "one", 0));
	p = &entry(RECORDING_PUSH, "one", 0)->push;
	assert_string_equal(p->id, "00000000000000aa");
	assert_int_equal(p->state, PUSH_HELD);
	assert_true(p->hold_until > 0);
	assert_string_equal(p->repo, "proj");
	assert_string_equal(p->refs[0].ref, "refs/heads/x");
	assert_int_equal(p->refs[0].gained, 2);
	assert_int_equal(p->refs[0].lost, 1);
	assert_string_equal(p->commits[0].subject, "caf\xc3\xa9");
	assert_int_equal(p->commits[0].removed, 4);
	assert_int_equal(p->all_commits, 7);
	assert_string_equal(p->findings[0].match, "AK***");
	assert_int_equal(p->findings[0].line, 9);
	assert_string_equal(p->diff, "diff --git a/f b/f\n+\033 x\n");
	/* that of the other is gone; this one was decided on */
	assert_non_null(entry(RECORDING_PUSH, "one", 1));
	p = &entry(RECORDING_PUSH, "one", 1)->push;
	assert_int_equal(p->state, PUSH_REJECTED);
	assert_string_equal(p->by, "ada");
	assert_string_equal(p->message, "no");
	assert_null(entry(RECORDING_PUSH, "one", 2));
}

static void test_sessions_events_and_terminals_are_read_again_as_they_were(void **state)
{
	const struct recording_entry *e;
	struct recorder_stats stats;

	(void)state;
	play("{\"t\":0,\"session\":{\"session\":\"one\",\"agent\":\"one\",\"bottle\":\"b\","
	     "\"state\":\"running\",\"created\":1795518000,\"frozen\":true,\"isolation\":"
	     "{\"passed\":21,\"total\":22,\"warned\":1,\"forced\":true,"
	     "\"warnings\":\"a \\\"b\\\"\"}}}\n"
	     BLOCK(0, "one", "x.test")
	     "{\"t\":0,\"terminal\":\"one\",\"data\":\"\\u001b[31mred \xc3\xa9\\r\\n\"}\n"
	     "{\"t\":100,\"terminal\":\"one\",\"base64\":\"AP+bMW0=\"}\n"
	     BLOCK(900, "one", "y.test"),
	     "1");
	start(options());
	turn_for(1200);
	stats = stop();
	assert_int_equal(stats.sessions, 1);
	assert_int_equal(stats.events, 2);
	assert_string_equal(made->engine, "test engine");
	e = entry(RECORDING_SESSION, "one", 0);
	assert_non_null(e);
	assert_int_equal(e->t_ms, 0);
	assert_int_equal(e->session.state, SESSION_RUNNING);
	assert_true(e->session.is_frozen);
	assert_true(e->session.isolation.was_forced);
	assert_int_equal(e->session.isolation.passed, 21);
	assert_string_equal(e->session.isolation.warnings, "a \"b\"");
	assert_null(entry(RECORDING_SESSION, "one", 1));
	/* what was there before is at the beginning, what came later comes later */
	assert_int_equal(entry(RECORDING_EVENT, "one", 0)->t_ms, 0);
	assert_string_equal(entry(RECORDING_EVENT, "one", 0)->event.host, "x.test");
	assert_string_equal(entry(RECORDING_EVENT, "one", 1)->event.host, "y.test");
	assert_true(entry(RECORDING_EVENT, "one", 1)->t_ms > 0);
	assert_output("one", "\033[31mred \303\251\r\n\0\377\2331m", 18);
}

static void test_what_goes_is_recorded_as_gone(void **state)
{
	(void)state;
	play(RUNNING("one") RUNNING("two") "{\"t\":100,\"gone\":\"one\"}\n"
	     "{\"t\":1300,\"engine\":false,\"why\":\"no \\u001banswer\"}\n",
	     "1");
	start(options());
	turn_for(2400);
	stop();
	assert_non_null(entry(RECORDING_GONE, "one", 0));
	assert_null(entry(RECORDING_GONE, "two", 0));
	assert_non_null(entry(RECORDING_ENGINE, "", 0));
	assert_string_equal(entry(RECORDING_ENGINE, "", 0)->engine.text, "no \\x1banswer");
}

static void test_only_the_sessions_asked_for_are_in_it(void **state)
{
	char two[] = "two";
	char *names[] = { two, NULL };
	struct recorder_options opt;

	(void)state;
	play(RUNNING("one") RUNNING("two") BLOCK(0, "one", "x.test") BLOCK(0, "two", "y.test"),
	     "1");
	opt = options();
	opt.sessions = names;
	start(opt);
	turn_for(100);
	assert_int_equal(stop().sessions, 1);
	assert_null(entry(RECORDING_SESSION, "one", 0));
	assert_null(entry(RECORDING_EVENT, "one", 0));
	assert_non_null(entry(RECORDING_EVENT, "two", 0));
}

static void test_a_full_file_ends_it_at_a_whole_line(void **state)
{
	struct recorder_options opt;
	struct recorder_stats stats;

	(void)state;
	play(RUNNING("one") BLOCK(0, "one", "x.test") BLOCK(0, "one", "y.test"), "1");
	opt = options();
	opt.bytes_max = 700;
	start(opt);
	turn_until(&has_ended);
	assert_int_equal(ended_err.kind, 0);
	stats = stop();
	assert_true(stats.bytes <= 700);
	assert_non_null(entry(RECORDING_SESSION, "one", 0));
}

static void test_the_file_is_new_and_for_its_owner_alone(void **state)
{
	struct recorder_options opt;
	struct err err = { 0 };
	struct stat st;

	(void)state;
	play(RUNNING("one"), "1");
	opt = options();
	start(opt);
	turn_for(50);
	stop();
	assert_int_equal(stat(temp_path("made.jsonl"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(recorder_start(&recorder, loop, &opt, &err), -1);
	assert_non_null(strstr(err.msg, "is there already"));
	recorder = NULL;
	/* nor through a link */
	assert_int_equal(symlink("elsewhere", temp_path("link")), 0);
	opt.path = temp_path("link");
	assert_int_equal(recorder_start(&recorder, loop, &opt, &err), -1);
	recorder = NULL;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sessions_events_and_terminals_are_read_again_as_they_were),
		TEST(test_pushes_are_recorded_as_often_as_the_gate_speaks_of_them),
		TEST(test_what_goes_is_recorded_as_gone),
		TEST(test_only_the_sessions_asked_for_are_in_it),
		TEST(test_a_full_file_ends_it_at_a_whole_line),
		TEST(test_the_file_is_new_and_for_its_owner_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
