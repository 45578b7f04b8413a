#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/claim.h"

#define NOW INT64_C(1800000000000000000)

static void test_a_notice_of_ours_is_a_claim_since_now(void **state)
{
	struct claim c = { .state = CLAIM_NONE };

	(void)state;
	assert_true(claim_of_notice(&c, "claude-bottle", "asks;May I; or not?", NOW));
	assert_int_equal(c.state, CLAIM_ASKS);
	assert_string_equal(c.text, "May I; or not?");
	assert_true(c.since_ns == NOW);
	assert_true(claim_of_notice(&c, "claude-bottle", "working;", NOW));
	assert_int_equal(c.state, CLAIM_WORKING);
	assert_string_equal(c.text, "");
}

static void test_any_other_notice_is_none(void **state)
{
	static const char *const bodies[] = { "", "waits", "wait;x", "waits ;x", ";", "waitsx;y" };
	struct claim c = { .state = CLAIM_WAITS, .text = "as it was" };

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		assert_false(claim_of_notice(&c, "claude-bottle", bodies[i], NOW));
	assert_false(claim_of_notice(&c, "Claude", "waits;x", NOW));
	assert_false(claim_of_notice(&c, "", "waits;x", NOW));
	assert_int_equal(c.state, CLAIM_WAITS);
	assert_string_equal(c.text, "as it was");
}

static void test_the_files_line_has_its_time(void **state)
{
	struct claim c;

	(void)state;
	assert_true(claim_of_line(&c, "1 waits 1790000000123 Which file?\nmore", NOW));
	assert_int_equal(c.state, CLAIM_WAITS);
	assert_true(c.since_ns == INT64_C(1790000000123000000));
	assert_string_equal(c.text, "Which file?");
	assert_true(claim_of_line(&c, "1 working 1790000000123 \n", NOW));
	assert_string_equal(c.text, "");
}

static void test_a_time_that_cannot_be_becomes_now(void **state)
{
	static const char *const lines[] = { "1 waits 0 x\n", "1 waits -5 x\n",
		                             "1 waits 1900000000000 x\n",
		                             "1 waits 99999999999999999999999 x\n" };
	struct claim c;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		assert_true(claim_of_line(&c, lines[i], NOW));
		assert_true(c.since_ns == NOW);
	}
}

static void test_any_other_line_is_none(void **state)
{
	static const char *const lines[] = { "",
		                             "1",
		                             "1 ",
		                             "1 waits",
		                             "1 waits x y",
		                             "2 waits 5 x",
		                             "1 rests 5 x",
		                             "usage: helper",
		                             "1 waits 5",
		                             "1 waits 5x" };
	struct claim c = { .state = CLAIM_ASKS };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_false(claim_of_line(&c, lines[i], NOW));
	assert_int_equal(c.state, CLAIM_ASKS);
}

static void test_long_text_is_cut(void **state)
{
	char line[2000] = "1 asks 1790000000123 ";
	struct claim c;

	(void)state;
	memset(line + strlen(line), 'x', 1000);
	assert_true(claim_of_line(&c, line, NOW));
	assert_int_equal(strlen(c.text), CLAIM_TEXT_MAX - 1);
}

static void test_moving_about_is_no_answer(void **state)
{
	(void)state;
	assert_true(claim_is_answer("y", 1));
	assert_true(claim_is_answer("\r", 1));
	assert_true(claim_is_answer("\033", 1));
	assert_true(claim_is_answer("yes\r", 4));
	assert_false(claim_is_answer("\033[A", 3));
	assert_false(claim_is_answer("\033[I", 3));
	assert_false(claim_is_answer("\033[<0;1;1M", 9));
	assert_false(claim_is_answer("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_notice_of_ours_is_a_claim_since_now),
		cmocka_unit_test(test_any_other_notice_is_none),
		cmocka_unit_test(test_the_files_line_has_its_time),
		cmocka_unit_test(test_a_time_that_cannot_be_becomes_now),
		cmocka_unit_test(test_any_other_line_is_none),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_moving_about_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
