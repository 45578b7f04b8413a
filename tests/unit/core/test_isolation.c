#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/isolation.h"

#define LINE(check, target, ok, level, detail) \
	"{\"check\":\"" check "\",\"target\":\"" target "\",\"ok\":" ok \
	",\"level\":\"" level "\",\"detail\":\"" detail "\"}\n"
#define GOOD  LINE("user", "", "true", "must", "")
#define BAD   LINE("peer", "10.0.0.2", "false", "must", "reached")
#define WARNS LINE("allowed", "", "false", "warn", "no answer")
#define DONE(p, f, w) \
	"{\"done\":true,\"passed\":" p ",\"failed\":" f ",\"warned\":" w "}\n"

static struct isolation *setup_with(struct isolation *iso, const char *text)
{
	isolation_init(iso);
	isolation_read(iso, "probe", text);
	return iso;
}

static void assert_counts(const struct isolation *iso, unsigned passed, unsigned total,
                          unsigned warned)
{
	assert_int_equal(iso->result.passed, passed);
	assert_int_equal(iso->result.total, total);
	assert_int_equal(iso->result.warned, warned);
	assert_int_equal(iso->failed, total - passed);
}

static void test_whole_output_counts_as_said(void **state)
{
	struct isolation iso;

	(void)state;
	setup_with(&iso, GOOD GOOD BAD WARNS DONE("2", "1", "1"));
	assert_counts(&iso, 2, 3, 1);
	assert_string_equal(iso.failures.data, "peer 10.0.0.2: reached");
	isolation_done(&iso);
}

static void test_output_without_last_line_fails(void **state)
{
	struct isolation iso;

	(void)state;
	setup_with(&iso, GOOD GOOD);
	assert_counts(&iso, 2, 3, 0);
	assert_string_equal(iso.failures.data, "probe: it broke off");
	isolation_done(&iso);
	setup_with(&iso, "");
	assert_counts(&iso, 0, 1, 0);
	isolation_done(&iso);
}

static void test_line_that_was_lost_fails(void **state)
{
	static const char *const texts[] = {
		GOOD DONE("2", "0", "0"),
		GOOD DONE("1", "1", "0"),
		GOOD DONE("1", "0", "1"),
		GOOD DONE("0", "0", "0"),
		GOOD "{\"done\":true}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct isolation iso;

		setup_with(&iso, texts[i]);
		assert_counts(&iso, 1, 2, 0);
		isolation_done(&iso);
	}
}

static void test_program_that_checks_nothing_fails(void **state)
{
	struct isolation iso;

	(void)state;
	setup_with(&iso, DONE("0", "0", "0"));
	assert_counts(&iso, 0, 1, 0);
	isolation_done(&iso);
	setup_with(&iso, WARNS DONE("0", "0", "1"));
	assert_counts(&iso, 0, 1, 1);
	isolation_done(&iso);
}

static void test_line_after_the_last_fails(void **state)
{
	struct isolation iso;

	(void)state;
	setup_with(&iso, GOOD DONE("1", "0", "0") GOOD);
	assert_counts(&iso, 1, 2, 0);
	isolation_done(&iso);
	setup_with(&iso, BAD DONE("0", "1", "0") DONE("0", "0", "0"));
	assert_counts(&iso, 0, 2, 0);
	isolation_done(&iso);
}

static void test_line_that_is_no_check_fails(void **state)
{
	static const char *const lines[] = {
		"Segmentation fault\n",	  "{}\n",	"[]\n", "null\n", "{\"ok\":true}\n",
		"{\"check\":\"\",\"ok\":true}\n", "{\"check\":\"user\",\"ok\":\"true\"}\n",
		"{\"check\":7,\"ok\":true}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct isolation iso;

		setup_with(&iso, GOOD);
		assert_counts(&iso, 1, 2, 0);
		isolation_read(&iso, "selfcheck", lines[i]);
		assert_int_equal(iso.failed, 3);	/* the line, and no last one */
		isolation_done(&iso);
	}
}

static void test_forced_result_says_what_failed(void **state)
{
	struct isolation iso;

	(void)state;
	setup_with(&iso, GOOD BAD WARNS DONE("1", "1", "1"));
	isolation_force(&iso);
	assert_true(iso.result.was_forced);
	assert_string_equal(iso.result.warnings,
	                    "FAILED: peer 10.0.0.2: reached; allowed: no answer");
	isolation_done(&iso);
}

static void test_flood_of_failures_stays_bounded(void **state)
{
	struct isolation iso;

	(void)state;
	isolation_init(&iso);
	for (int i = 0; i < 5000; i++) {
		isolation_note(&iso, "peer", "10.0.0.2", false, true, "reached, and long");
		isolation_note(&iso, "allowed", "", false, false, "no answer, and long");
	}
	assert_int_equal(iso.failed, 5000);
	assert_int_equal(iso.result.warned, 5000);
	assert_true(iso.failures.len <= ISOLATION_TEXT_MAX);
	isolation_force(&iso);
	assert_true(strlen(iso.result.warnings) < ISOLATION_WARNINGS_MAX);
	isolation_done(&iso);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_output_counts_as_said),
		cmocka_unit_test(test_output_without_last_line_fails),
		cmocka_unit_test(test_line_that_was_lost_fails),
		cmocka_unit_test(test_program_that_checks_nothing_fails),
		cmocka_unit_test(test_line_after_the_last_fails),
		cmocka_unit_test(test_line_that_is_no_check_fails),
		cmocka_unit_test(test_forced_result_says_what_failed),
		cmocka_unit_test(test_flood_of_failures_stays_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
