/* The user's settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/err.h"
#include "temp_dir.h"

static struct config config;
static struct err err;

static int setup(void **state)
{
	err = (struct err){ 0 };
	return temp_dir_make(state);
}

static int teardown(void **state)
{
	config_done(&config);
	return temp_dir_drop(state);
}

static int load(const char *text)
{
	temp_write("config.json", text);
	return config_load(&config, temp_path("config.json"), &err);
}

static void test_what_is_not_there_leaves_the_defaults(void **state)
{
	(void)state;
	assert_int_equal(config_load(&config, temp_path("none.json"), &err), 0);
	assert_null(config.theme);
	assert_false(config.no_mouse);
	assert_int_equal(config.notices, NOTICES_OSC9);
	assert_int_equal(load("{}"), 0);
	assert_int_equal(config.notices, NOTICES_OSC9);
}

static void test_settings_are_read(void **state)
{
	(void)state;
	assert_int_equal(load("{ \"theme\": \"light\", \"prefix\": \"ctrl-a\", \"mouse\": false,\n"
	                      "  \"notices\": \"off\" }"),
	                 0);
	assert_string_equal(config.theme, "light");
	assert_string_equal(config.prefix, "ctrl-a");
	assert_non_null(strstr(config.theme_at, "config.json:1:12: /theme"));
	assert_non_null(strstr(config.prefix_at, "config.json:1:31: /prefix"));
	assert_true(config.no_mouse);
	assert_int_equal(config.notices, NOTICES_OFF);
	config_done(&config);
	assert_int_equal(load("{ \"notices\": \"osc777\", \"mouse\": true }"), 0);
	assert_int_equal(config.notices, NOTICES_OSC777);
	assert_false(config.no_mouse);
	config_done(&config);
	assert_int_equal(config.keep_days + config.keep_megabytes, 0);
	assert_int_equal(load("{ \"keep_days\": 36500, \"keep_megabytes\": 16 }"), 0);
	assert_int_equal(config.keep_days, 36500);
	assert_int_equal(config.keep_megabytes, 16);
}

static void test_faults_have_their_place(void **state)
{
	static const struct {
		const char *text, *where, *why;
	} cases[] = {
		{ "{ \"notice\": \"off\" }", "config.json:1:3", "is no setting" },
		{ "{\n \"notices\": \"loud\" }", "config.json:2:13", "osc777" },
		{ "{ \"notices\": 3 }", "config.json:1:14", "none of" },
		{ "{ \"mouse\": \"no\" }", "config.json:1:12", "true or false" },
		{ "{ \"theme\": [] }", "config.json:1:12", "not a string" },
		{ "{ \"keep_days\": 0 }", "config.json:1:16", "from 1 to 36500" },
		{ "{ \"keep_days\": 1.5 }", "config.json:1:16", "whole number" },
		{ "{ \"keep_megabytes\": \"16\" }", "config.json:1:21", "from 16 to" },
		{ "{ \"keep_megabytes\": 15 }", "config.json:1:21", "from 16 to" },
		{ "[]", "config.json:1:1", "not an object" },
		{ "{", "config.json:1:", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		err = (struct err){ 0 };
		assert_int_equal(load(cases[i].text), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		if (!strstr(err.msg, cases[i].where) || !strstr(err.msg, cases[i].why))
			fail_msg("%s", err.msg);
		assert_null(config.theme);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_not_there_leaves_the_defaults),
		TEST(test_settings_are_read),
		TEST(test_faults_have_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
