#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"

static void message_and_kind_are_kept(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(err_set(&err, ERR_POLICY, "host %s is not listed", "a.test"), -1);
	assert_int_equal(err.kind, ERR_POLICY);
	assert_string_equal(err.msg, "host a.test is not listed");
}

static void context_goes_in_front(void **state)
{
	struct err err = { 0 };

	(void)state;
	err_errno(&err, ERR_FAILED, 2, "%s", "/x");
	err_wrap(&err, "session %s", "docs");
	assert_string_equal(err.msg, "session docs: /x: No such file or directory");
	assert_int_equal(err.kind, ERR_FAILED);
}

static void long_text_is_cut_and_says_so(void **state)
{
	struct err err = { 0 };
	char big[2 * ERR_MSG_MAX];

	(void)state;
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	err_set(&err, ERR_FAILED, "%s", big);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	assert_string_equal(err.msg + ERR_MSG_MAX - 4, "...");
	err_wrap(&err, "more");
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
}

static void exit_codes_are_the_documented_ones(void **state)
{
	(void)state;
	assert_int_equal(err_exit_code(ERR_NONE), 0);
	assert_int_equal(err_exit_code(ERR_FAILED), 1);
	assert_int_equal(err_exit_code(ERR_INPUT), 2);
	assert_int_equal(err_exit_code(ERR_ENGINE), 3);
	assert_int_equal(err_exit_code(ERR_ISOLATION), 4);
	assert_int_equal(err_exit_code(ERR_POLICY), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_and_kind_are_kept),
		cmocka_unit_test(context_goes_in_front),
		cmocka_unit_test(long_text_is_cut_and_says_so),
		cmocka_unit_test(exit_codes_are_the_documented_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
