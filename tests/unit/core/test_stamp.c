#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/stamp.h"

static void reads(const char *s, size_t took, int64_t want)
{
	int64_t ns = -7;

	assert_int_equal(stamp_parse(s, strlen(s), &ns), took);
	assert_true(ns == (took ? want : -7));
}

static void stamps_of_all_three_writers_are_read(void **state)
{
	(void)state;
	reads("2026-11-24T20:14:46Z", 20, 1795551286000000000);
	reads("2026-11-24T20:14:46.123Z", 24, 1795551286123000000);
	reads("2026-11-24T20:14:46.123456789Z rest", 30, 1795551286123456789);
	reads("2026-11-24T22:14:46.5+02:00", 27, 1795551286500000000);
	reads("2026-11-24T15:44:46-04:30", 25, 1795551286000000000);
	reads("1970-01-01T00:00:00Z", 20, 0);
	reads("1969-12-31T23:59:59.5Z", 22, -500000000);
	reads("2024-02-29T00:00:00Z", 20, 1709164800000000000);
	reads("2026-11-24T20:14:46.1234567891234Z", 34, 1795551286123456789);
}

static void what_is_no_stamp_is_left_alone(void **state)
{
	(void)state;
	reads("", 0, 0);
	reads("2026-11-24 20:14:46Z", 0, 0);
	reads("2026-13-24T20:14:46Z", 0, 0);
	reads("2026-11-24T25:14:46Z", 0, 0);
	reads("2026-11-24T20:14:46", 0, 0);
	reads("2026-11-24T20:14:46.Z", 0, 0);
	reads("9999-11-24T20:14:46Z", 0, 0);
	reads("{\"level\":\"warn\"}", 0, 0);
}

static void stamps_survive_a_round_trip(void **state)
{
	static const int64_t moments[] = { 0,
		                           1,
		                           -1,
		                           1795551286123456789,
		                           951782400000000000,
		                           -9000000000000000001,
		                           9000000000999999999 };

	(void)state;
	for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
		char text[STAMP_SIZE];
		int64_t back = 42;

		stamp_format(text, moments[i]);
		assert_int_equal(stamp_parse(text, strlen(text), &back), STAMP_SIZE - 1);
		assert_true(back == moments[i]);
	}
}

static void ages_take_few_columns(void **state)
{
	static const struct {
		int64_t seconds;
		const char *age, *minutes;
	} ages[] = { { -5, "0s", "now" },      { 59, "59s", "now" },     { 60, "60s", "1m" },
		     { 99, "99s", "1m" },      { 100, "1m", "1m" },      { 5999, "99m", "99m" },
		     { 6000, "1h", "1h" },     { 172799, "47h", "47h" }, { 172800, "2d", "2d" },
		     { INT64_MAX, NULL, NULL } };

	(void)state;
	for (size_t i = 0; i < sizeof ages / sizeof *ages; i++) {
		char age[16], minutes[16];

		stamp_age(age, ages[i].seconds);
		stamp_age_minutes(minutes, ages[i].seconds);
		assert_true(strlen(age) <= 5);
		if (!ages[i].age)
			continue;
		assert_string_equal(age, ages[i].age);
		assert_string_equal(minutes, ages[i].minutes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_of_all_three_writers_are_read),
		cmocka_unit_test(what_is_no_stamp_is_left_alone),
		cmocka_unit_test(stamps_survive_a_round_trip),
		cmocka_unit_test(ages_take_few_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
