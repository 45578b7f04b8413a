/* The reader of recordings: what it takes and what it says of the rest. */
#include "replay_help.h"

#include "replay/recording.h"

/* The faults of a recording that must be refused, as text. */
static char *refused(const char *text)
{
	struct faults faults = { 0 };
	struct buf b = BUF_INIT(1u << 16);
	struct recording *r = recording_parse(text, strlen(text), "r.jsonl", &faults);

	assert_null(r);
	assert_true(faults.n_errors > 0);
	faults_text(&faults, &b);
	faults_done(&faults);
	return buf_steal(&b);
}

static void assert_fault(const char *lines, const char *expected)
{
	char *text = xasprintf(HEADER "%s", lines), *faults = refused(text);

	if (!strstr(faults, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, faults);
	free(faults);
	free(text);
}

static struct recording *taken(const char *text)
{
	struct faults faults = { 0 };
	struct recording *r = recording_parse(text, strlen(text), "r.jsonl", &faults);

	assert_non_null(r);
	faults_done(&faults);
	return r;
}

static void test_a_session_is_read_with_its_state(void **state)
{
	struct recording *r = taken(
		HEADER "{\"t\":7,\"session\":{\"session\":\"a--x\",\"agent\":\"a\","
		       "\"bottle\":\"b\",\"state\":\"failed\",\"exit_code\":3,\"created\":100,"
		       "\"isolation\":{\"passed\":20,\"total\":22,\"forced\":true}}}\n");

	(void)state;
	assert_int_equal(r->n, 1);
	assert_int_equal(r->v[0].t_ms, 7);
	assert_int_equal(r->v[0].kind, RECORDING_SESSION);
	assert_string_equal(r->v[0].name, "a--x");
	assert_string_equal(r->v[0].session.agent, "a");
	assert_int_equal(r->v[0].session.state, SESSION_FAILED);
	assert_int_equal(r->v[0].session.exit_code, 3);
	assert_int_equal(r->v[0].session.created, 100);
	assert_int_equal(r->v[0].session.isolation.passed, 20);
	assert_true(r->v[0].session.isolation.was_forced);
	assert_string_equal(r->engine, "test engine");
	recording_free(r);
}

static void test_a_running_session_was_released_when_it_was_made(void **state)
{
	struct recording *r = taken(HEADER RUNNING("a"));

	(void)state;
	assert_true(r->v[0].session.released_ns == 1795518000ll * 1000000000);
	recording_free(r);
}

static void test_terminal_bytes_come_as_text_or_base64(void **state)
{
	struct recording *r = taken(HEADER "{\"t\":0,\"terminal\":\"a\",\"data\":\"\\u001b[1m\"}\n"
	                                   "{\"t\":0,\"terminal\":\"a\",\"base64\":\"AP8B\"}\n"
	                                   "{\"t\":0,\"terminal\":\"a\",\"base64\":\"aGk=\"}\n"
	                                   "{\"t\":0,\"terminal\":\"a\",\"base64\":\"aA==\"}\n");

	(void)state;
	assert_int_equal(r->v[0].len, 4);
	assert_memory_equal(r->v[0].data, "\033[1m", 4);
	assert_int_equal(r->v[1].len, 3);
	assert_memory_equal(r->v[1].data, "\0\xff\1", 3);
	assert_int_equal(r->v[2].len, 2);
	assert_memory_equal(r->v[2].data, "hi", 2);
	assert_int_equal(r->v[3].len, 1);
	assert_memory_equal(r->v[3].data, "h", 1);
	recording_free(r);
}

static void test_bad_base64_is_a_fault(void **state)
{
	(void)state;
	assert_fault("{\"t\":0,\"terminal\":\"a\",\"base64\":\"aG\"}\n", "r.jsonl:2:");
	assert_fault("{\"t\":0,\"terminal\":\"a\",\"base64\":\"a?k=\"}\n", "no base64");
	assert_fault("{\"t\":0,\"terminal\":\"a\",\"base64\":\"a=k=\"}\n", "no base64");
	assert_fault("{\"t\":0,\"terminal\":\"a\",\"base64\":\"====\"}\n", "no base64");
}

static void test_faults_name_the_line_in_the_file(void **state)
{
	char *faults = refused(HEADER RUNNING("a") "\n"
	                                           "{\"t\":0,\"gone\":\"A b\"}\n"
	                                           "not json\n" RUNNING("c"));

	(void)state;
	assert_non_null(strstr(faults, "r.jsonl:4:"));
	assert_non_null(strstr(faults, "r.jsonl:5:"));
	assert_null(strstr(faults, "r.jsonl:2:"));
	assert_null(strstr(faults, "r.jsonl:6:"));
	free(faults);
}

static void test_what_is_no_recording_is_refused_once(void **state)
{
	char *faults = refused("{\"some\":\"json\"}\n{\"more\":1}\n");
	const char *newline = strchr(faults, '\n');

	(void)state;
	assert_non_null(strstr(faults, "r.jsonl:1:"));
	assert_non_null(strstr(faults, "no recording"));
	assert_string_equal(newline, "\n");
	free(faults);
	free(refused(""));
}

static void test_another_version_is_refused(void **state)
{
	char *faults = refused("{\"v\":2,\"kind\":\"claude-bottle-recording\","
	                       "\"start\":\"2026-11-24T12:00:00Z\"}\n");

	(void)state;
	assert_non_null(strstr(faults, "r.jsonl:1:"));
	free(faults);
}

static void test_lines_must_be_in_the_order_of_time(void **state)
{
	(void)state;
	assert_fault("{\"t\":5,\"gone\":\"a\"}\n{\"t\":4,\"gone\":\"a\"}\n", "order of time");
	assert_fault("{\"t\":-1,\"gone\":\"a\"}\n", "whole number");
	assert_fault("{\"gone\":\"a\"}\n", "needs \"t\"");
}

static void test_unknown_members_are_faults(void **state)
{
	(void)state;
	assert_fault("{\"t\":0,\"gone\":\"a\",\"colour\":1}\n", "\"colour\" means nothing here");
	assert_fault("{\"t\":0}\n", "says nothing");
	assert_fault("{\"t\":0,\"session\":{\"session\":\"a\",\"agent\":\"a\",\"bottle\":\"b\","
	             "\"state\":\"asleep\"}}\n",
	             "\"state\"");
}

static void test_a_launch_holds_only_what_an_agent_does(void **state)
{
	(void)state;
	assert_fault("{\"t\":0,\"launch\":{\"agent\":\"a\",\"then\":[{\"t\":0,\"gone\":\"a\"}]}}\n",
	             "needs \"event\", \"terminal\" or \"push\"");
	assert_fault("{\"t\":0,\"launch\":{\"agent\":\"a\",\"ms\":999999}}\n", "whole number");
}

static void test_a_line_that_is_too_long_is_a_fault(void **state)
{
	char *text = xmalloc(RECORDING_LINE_MAX + 200), *faults;

	(void)state;
	memcpy(text, HEADER, sizeof HEADER - 1);
	memset(text + sizeof HEADER - 1, 'x', RECORDING_LINE_MAX + 1);
	text[sizeof HEADER - 1 + RECORDING_LINE_MAX + 1] = '\0';
	faults = refused(text);
	assert_non_null(strstr(faults, "r.jsonl:2:"));
	assert_non_null(strstr(faults, "longer"));
	free(faults);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_session_is_read_with_its_state),
		cmocka_unit_test(test_a_running_session_was_released_when_it_was_made),
		cmocka_unit_test(test_terminal_bytes_come_as_text_or_base64),
		cmocka_unit_test(test_bad_base64_is_a_fault),
		cmocka_unit_test(test_faults_name_the_line_in_the_file),
		cmocka_unit_test(test_what_is_no_recording_is_refused_once),
		cmocka_unit_test(test_another_version_is_refused),
		cmocka_unit_test(test_lines_must_be_in_the_order_of_time),
		cmocka_unit_test(test_unknown_members_are_faults),
		cmocka_unit_test(test_a_launch_holds_only_what_an_agent_does),
		cmocka_unit_test(test_a_line_that_is_too_long_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
