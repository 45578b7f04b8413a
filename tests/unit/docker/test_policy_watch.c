/* What a session's engine and its pipelock say of a change, odd answers too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/policy.h"
#include "docker/engine.h"
#include "docker/names.h"
#include "docker/policy.h"
#include "fake_engine.h"

#define TURNS_MAX 500
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "ffff456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define STAMP "2026-11-24T20:14:46.123456789Z "

static struct loop *loop;
static struct fake_engine fake;
static struct engine *engine;

static int setup(void **state)
{
	(void)state;
	if (loop_new(&loop, NULL) < 0 || fake_open(&fake, loop) < 0)
		return -1;
	return engine_open(&engine, loop, fake.host, NULL);
}

static int teardown(void **state)
{
	(void)state;
	engine_close(engine);
	fake_done(&fake);
	loop_free(loop);
	return 0;
}

static const struct fake_answer streaming[] = {
	{ "GET /version", FAKE_OK("{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\"}"), false },
	{ "GET /containers/cb-one-pipelock/logs", FAKE_STREAM, false },
	{ NULL, NULL, false },
};

/* One message of the log: a chunk that is one frame. */
static void say(int stream, const char *text)
{
	size_t n = strlen(STAMP) + strlen(text) + 1;
	const unsigned char head[8] = {
		(unsigned char)stream, 0, 0, 0, 0, 0, (unsigned char)(n >> 8), (unsigned char)n
	};
	struct buf b = BUF_INIT(65536);

	buf_addf(&b, "%zx\r\n", n + sizeof head);
	buf_add(&b, head, sizeof head);
	buf_addf(&b, "%s%s\n\r\n", STAMP, text);
	assert_int_equal(send(fake.last->fd, b.data, b.len, MSG_NOSIGNAL), (ssize_t)b.len);
	buf_done(&b);
}

struct word {
	enum policy_word word;
	char text[2048];
	bool is_there;
};

static void on_word(void *arg, enum policy_word word, const char *text)
{
	struct word *w = arg;

	w->word = word;
	snprintf(w->text, sizeof w->text, "%s", text);
	w->is_there = true;
}

struct watching {
	struct policy_file live;
	struct policy_plan plan;
	struct word word;
	struct policy_watch *watch;
};

static void begin(struct watching *w, bool cuts, unsigned ms)
{
	struct err err;

	*w = (struct watching){ .live = { .hash = HASH } };
	w->plan = (struct policy_plan){ .files = &w->live, .n = 1, .live = &w->live, .cuts = cuts };
	fake.answers = streaming;
	assert_int_equal(engine_connect(engine, &err), 0);
	w->watch = policy_watch_start(engine, "one", &w->plan, false, 0, ms, on_word, &w->word);
	for (int i = 0; i < TURNS_MAX && !strstr(buf_str(&fake.log), "/logs"); i++)
		loop_turn(loop, 20, NULL);
}

static enum policy_word heard(struct watching *w)
{
	for (int i = 0; i < TURNS_MAX && !w->word.is_there; i++)
		loop_turn(loop, 20, NULL);
	assert_true(w->word.is_there);
	return w->word.word;
}

static void some_turns(void)
{
	for (int i = 0; i < 10; i++)
		loop_turn(loop, 5, NULL);
}

static const char reload[] = "{\"event\":\"config_reload\",\"config_hash\":\"" HASH "\"}";
static const char refused[] =
	"{\"event\":\"error\",\"method\":\"CONFIG_RELOAD\",\"error\":\"rejected: "
	"downgrade\"}";

static void in_force_is_only_the_very_hash(void **state)
{
	struct watching w;

	(void)state;
	begin(&w, false, 60000);
	say(1, "{\"event\":\"config_reload\",\"config_hash\":\"" OTHER "\"}");
	say(1, "{\"event\":\"blocked\",\"reason\":\"" HASH "\"}");
	say(2, reload);
	say(1, "config_reload " HASH);
	some_turns();
	assert_false(w.word.is_there);
	say(1, reload);
	assert_int_equal(heard(&w), POLICY_IN_FORCE);
}

static void a_cut_needs_a_start(void **state)
{
	struct watching w;

	(void)state;
	begin(&w, true, 60000);
	say(1, reload);
	some_turns();
	assert_false(w.word.is_there);
	say(1, "{\"event\":\"startup\",\"config_hash\":\"" HASH "\"}");
	assert_int_equal(heard(&w), POLICY_IN_FORCE);
}

static void a_refusal_comes_with_its_reasons(void **state)
{
	struct watching w;

	(void)state;
	begin(&w, false, 60000);
	say(1, refused);
	say(1, refused);
	say(2, "WARNING: config reload: trusted_domains - domains added\x1b[2J");
	assert_int_equal(heard(&w), POLICY_REFUSED);
	assert_non_null(strstr(w.word.text, "rejected: downgrade; trusted_domains"));
	assert_null(strchr(w.word.text, 0x1b));
	assert_null(strstr(strstr(w.word.text, "downgrade") + 1, "downgrade"));
}

static void a_file_read_half_written_may_still_be_good(void **state)
{
	struct watching w;

	(void)state;
	begin(&w, false, 60000);
	say(2, "pipelock: config reload failed: yaml: line 3");
	some_turns();
	assert_false(w.word.is_there);
	say(1, reload);
	assert_int_equal(heard(&w), POLICY_IN_FORCE);
}

static void one_that_stays_bad_is_refused(void **state)
{
	struct watching w;

	(void)state;
	begin(&w, false, 60000);
	say(2, "pipelock: config reload failed: yaml: line 3");
	assert_int_equal(heard(&w), POLICY_REFUSED);
	assert_string_equal(w.word.text, "yaml: line 3");
}

static void silence_ends(void **state)
{
	struct watching w;

	(void)state;
	begin(&w, false, 50);
	say(1, "not json {{{");
	assert_int_equal(heard(&w), POLICY_SILENT);
}

static void the_end_of_the_log_is_the_end(void **state)
{
	struct watching w;

	(void)state;
	begin(&w, false, 60000);
	fake_close(fake.last);
	assert_int_equal(heard(&w), POLICY_GONE);
}

static void a_watch_can_be_given_up(void **state)
{
	struct watching w;

	(void)state;
	begin(&w, false, 60000);
	say(1, reload);
	policy_watch_stop(w.watch);
	some_turns();
	assert_false(w.word.is_there);
}

/* --- what there is to be changed --------------------------------------------------------- */

struct found {
	struct err err;
	bool is_there, is_done;
};

static void on_policy(void *arg, struct policy *policy, const struct err *err)
{
	struct found *f = arg;

	f->is_there = policy != NULL;
	if (err)
		f->err = *err;
	f->is_done = true;
	policy_free(policy);
}

static void read_policy(const struct fake_answer *answers, const char *session, const char *text)
{
	struct policy_world world = { .engine = engine, .install = "me" };
	struct found f = { 0 };
	struct err err;

	fake.answers = answers;
	assert_int_equal(engine_connect(engine, &err), 0);
	policy_read_start(&world, session, on_policy, &f);
	assert_false(f.is_done);
	for (int i = 0; i < TURNS_MAX && !f.is_done; i++)
		loop_turn(loop, 20, NULL);
	assert_true(f.is_done);
	assert_false(f.is_there);
	policy_world_done(&world);
	if (!strstr(f.err.msg, text))
		fail_msg("\"%s\" instead of \"%s\"", f.err.msg, text);
}

#define VERSION                                                                                \
	{                                                                                      \
		"GET /version", FAKE_OK("{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\"}"), \
			false                                                                  \
	}
#define INSPECT(install, running)                                                           \
	{                                                                                   \
		"GET /containers/cb-one-pipelock/json",                                     \
			FAKE_OK("{\"Config\":{\"Labels\":{\"" LABEL_INSTALL "\":\"" install \
		                "\"}},\"State\":{\"Running\":" running "}}"),               \
			false                                                               \
	}

static void a_session_that_is_not_there_or_not_ours_is_none(void **state)
{
	static const struct fake_answer none[] = { VERSION, { NULL, NULL, false } };
	static const struct fake_answer others[] = { VERSION,
		                                     INSPECT("you", "true"),
		                                     { NULL, NULL, false } };
	static const struct fake_answer ended[] = { VERSION,
		                                    INSPECT("me", "false"),
		                                    { NULL, NULL, false } };
	static const struct fake_answer old[] = { VERSION,
		                                  INSPECT("me", "true"),
		                                  { NULL, NULL, false } };
	static const struct fake_answer odd[] = {
		VERSION,
		{ "GET /containers/cb-one-pipelock/json", FAKE_OK("[[["), false },
		{ NULL, NULL, false },
	};

	(void)state;
	read_policy(none, "one", "no running session \"one\"");
	read_policy(none, "No/Name", "no running session");
	read_policy(others, "one", "no running session \"one\"");
	read_policy(ended, "one", "does not run");
	read_policy(old, "one", "relaunch it");
	read_policy(odd, "one", "not JSON");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_force_is_only_the_very_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cut_needs_a_start, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refusal_comes_with_its_reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_read_half_written_may_still_be_good, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(one_that_stays_bad_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_of_the_log_is_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_watch_can_be_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(a_session_that_is_not_there_or_not_ours_is_none,
		                                setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
