/* An agent's terminal: what it wrote before and what it writes, each byte once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/backend.h"
#include "core/err.h"
#include "core/seam.h"
#include "docker/engine.h"
#include "docker/terminal.h"
#include "fake_engine.h"

#define VERSION FAKE_OK("{\"ApiVersion\":\"1.41\",\"Version\":\"20.10.24\"}\n")
#define ATTACH	"POST /containers/cb-one-agent/attach"
#define LOGS	"GET /containers/cb-one-agent/logs?stdout=1&stderr=1&tail="
#define TURNS_MAX 1000

static struct loop *loop;
static struct fake_engine fake;
static struct engine *engine;

/* What came, in its order: "<past>", "[whole past]" and data as it is, "|" at the end. */
static struct {
	struct buf text;
	struct backend_stream *stream;
	struct buf seen;
	bool pauses;		/* once the past is there */
	int n_open;
} got;

static int setup(void **state)
{
	struct err err = { 0 };

	(void)state;
	memset(&got, 0, sizeof got);
	got.text = (struct buf)BUF_INIT(1u << 20);
	got.seen = (struct buf)SEAM_SEEN_INIT();
	if (loop_new(&loop, NULL) < 0 || fake_open(&fake, loop) < 0)
		return -1;
	return engine_open(&engine, loop, fake.host, &err);
}

static int teardown(void **state)
{
	(void)state;
	terminal_close(got.stream);
	engine_close(engine);
	fake_done(&fake);
	loop_free(loop);
	buf_done(&got.text);
	buf_done(&got.seen);
	return 0;
}

static void on_opened(void *arg)
{
	(void)arg;
	got.n_open++;
}

static void on_past(void *arg, const char *data, size_t len, bool is_whole)
{
	(void)arg;
	buf_addc(&got.text, is_whole ? '[' : '<');
	buf_add(&got.text, data, len);
	buf_addc(&got.text, is_whole ? ']' : '>');
	if (got.pauses)
		terminal_pause(got.stream, true);
}

static void on_data(void *arg, const char *data, size_t len)
{
	(void)arg;
	buf_add(&got.text, data, len);
}

static void on_ended(void *arg, const struct err *err)
{
	(void)arg;
	buf_addf(&got.text, "|%s", err ? err->msg : "");
}

static const struct stream_events events = { on_opened, on_past, on_data, on_ended };

static void turn_until(const char *want)
{
	for (int i = 0; strcmp(buf_str(&got.text), want) != 0 && i < TURNS_MAX; i++)
		assert_int_equal(loop_turn(loop, 10, NULL), 0);
	assert_string_equal(buf_str(&got.text), want);
}

/* Long enough for whatever might come and must not. */
static void settle(void)
{
	for (int i = 0; i < 60; i++)
		assert_int_equal(loop_turn(loop, 2, NULL), 0);
}

static void open_terminal(const struct fake_answer *answers, size_t past_max, const char *seen)
{
	const struct stream_request req = {
		.session = "one", .past_max = past_max, .seen = &got.seen
	};
	struct err err = { 0 };

	fake.answers = answers;
	assert_int_equal(engine_connect(engine, &err), 0);
	seam_see(&got.seen, seen, strlen(seen));
	got.stream = terminal_open(engine, &req, &events, NULL);
	assert_non_null(got.stream);
}

/* The agent writes. */
static void writes(const char *text)
{
	for (size_t i = 0; i < FAKE_CONNS_MAX; i++)
		if (fake.conns[i].fd >= 0 && fake.conns[i].is_raw) {
			fake_write(&fake.conns[i], text);
			return;
		}
	fail_msg("nobody is attached");
}

#define ENGINE(stream, log)                                                              \
	{                                                                                \
		{ "GET /version", VERSION, false }, { ATTACH, FAKE_UPGRADE stream, false }, \
			{ LOGS, log, false }, { 0 },                                     \
	}

/* --- joined ------------------------------------------------------------------------------ */

static void what_the_stream_brings_again_comes_once(void **state)
{
	static const struct fake_answer answers[] =
		ENGINE("two\r\nthree", FAKE_OK("one\r\ntwo\r\n"));

	(void)state;
	open_terminal(answers, 1000, "");
	turn_until("[one\r\ntwo\r\n]three");
	writes(" four");
	turn_until("[one\r\ntwo\r\n]three four");
	assert_int_equal(got.n_open, 1);
}

static void without_a_past_the_stream_comes_at_once(void **state)
{
	static const struct fake_answer answers[] = ENGINE("hello", FAKE_OK("one\r\n"));

	(void)state;
	open_terminal(answers, 0, "");
	turn_until("hello");
	settle();
	assert_null(strstr(buf_str(&fake.log), "logs"));
}

static void only_what_was_not_seen_comes(void **state)
{
	static const struct fake_answer answers[] =
		ENGINE("three\r\n", FAKE_OK("one\r\ntwo\r\nthree\r\n"));

	(void)state;
	open_terminal(answers, 1000, "one\r\n");
	turn_until("<two\r\nthree\r\n>");
	writes("four");
	turn_until("<two\r\nthree\r\n>four");
}

static void who_saw_all_gets_nothing_of_the_past(void **state)
{
	static const struct fake_answer answers[] = ENGINE("", FAKE_OK("one\r\n"));

	(void)state;
	open_terminal(answers, 1000, "one\r\n$ ");
	settle();
	writes("x");
	turn_until("x");
}

static void a_log_that_is_of_something_else_comes_whole(void **state)
{
	static const struct fake_answer answers[] = ENGINE("", FAKE_OK("two\r\n"));

	(void)state;
	open_terminal(answers, 1000, "one\r\n");
	turn_until("[two\r\n]");
}

static void of_a_long_log_the_end_comes_from_a_line_on(void **state)
{
	static const struct fake_answer answers[] =
		ENGINE("", FAKE_OK("one\r\ntwo\r\nthree\r\n"));

	(void)state;
	open_terminal(answers, 9, "");
	turn_until("[three\r\n]");
}

static void a_log_that_cannot_be_read_keeps_nothing_back(void **state)
{
	static const struct fake_answer answers[] =
		ENGINE("hello", FAKE_ERROR("500", "{\"message\":\"disk\"}\n"));

	(void)state;
	open_terminal(answers, 1000, "one\r\n");
	turn_until("hello");
}

static void what_is_held_comes_before_the_end(void **state)
{
	static const struct fake_answer answers[] = ENGINE("hello", NULL);

	(void)state;
	open_terminal(answers, 1000, "");
	for (int i = 0; !strstr(buf_str(&fake.log), "logs") && i < TURNS_MAX; i++)
		assert_int_equal(loop_turn(loop, 10, NULL), 0);
	settle();
	assert_string_equal(buf_str(&got.text), "");
	for (size_t i = 0; i < FAKE_CONNS_MAX; i++)
		if (fake.conns[i].is_raw)
			fake_close(&fake.conns[i]);
	turn_until("hello|");
}

static void a_pause_holds_what_follows_the_past(void **state)
{
	static const struct fake_answer answers[] =
		ENGINE("two\r\nthree", FAKE_OK("one\r\ntwo\r\n"));

	(void)state;
	got.pauses = true;
	open_terminal(answers, 1000, "");
	turn_until("[one\r\ntwo\r\n]");
	settle();
	writes(" four");
	settle();
	assert_string_equal(buf_str(&got.text), "[one\r\ntwo\r\n]");
	terminal_pause(got.stream, false);
	turn_until("[one\r\ntwo\r\n]three four");
}

/* --- a log that is ahead of the stream ------------------------------------------------------ */

#define K16  "0123456789abcdef"
#define K64  K16 "qrst" K16 "uvwxyzABCD" K16 "\r\n"
#define K256 "1" K64 "2" K64 "3" K64 "4" K64
#define K1024 "a" K256 "b" K256 "c" K256 "d" K256

static void what_has_still_to_come_again_comes_once(void **state)
{
	static const struct fake_answer answers[] =
		ENGINE(K1024, FAKE_OK("one\r\n" K1024 "two\r\nthree\r\n"));
	static const char past[] = "[one\r\n" K1024 "two\r\nthree\r\n]";

	(void)state;
	open_terminal(answers, 10000, "");
	turn_until(past);
	settle();
	writes("two\r\nth");
	settle();
	assert_string_equal(buf_str(&got.text), past);
	writes("ree\r\nfour");
	turn_until("[one\r\n" K1024 "two\r\nthree\r\n]four");
}

static void what_only_looked_like_it_is_not_lost(void **state)
{
	static const struct fake_answer answers[] =
		ENGINE(K1024, FAKE_OK("one\r\n" K1024 "two\r\nthree\r\n"));

	(void)state;
	open_terminal(answers, 10000, "");
	turn_until("[one\r\n" K1024 "two\r\nthree\r\n]");
	settle();
	writes("twelve\r\nthree");
	turn_until("[one\r\n" K1024 "two\r\nthree\r\n]elve\r\nthree");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_stream_brings_again_comes_once),
		TEST(without_a_past_the_stream_comes_at_once),
		TEST(only_what_was_not_seen_comes),
		TEST(who_saw_all_gets_nothing_of_the_past),
		TEST(a_log_that_is_of_something_else_comes_whole),
		TEST(of_a_long_log_the_end_comes_from_a_line_on),
		TEST(a_log_that_cannot_be_read_keeps_nothing_back),
		TEST(what_is_held_comes_before_the_end),
		TEST(a_pause_holds_what_follows_the_past),
		TEST(what_has_still_to_come_again_comes_once),
		TEST(what_only_looked_like_it_is_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
