#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "docker/subnet.h"

static struct subnet net(const char *cidr)
{
	struct subnet s = { 0 };

	assert_int_equal(subnet_parse(&s, cidr, NULL), 0);
	return s;
}

static void text_survives_a_round_trip(void **state)
{
	char text[SUBNET_TEXT_MAX];

	(void)state;
	subnet_text(net("10.213.4.55/16"), text);
	assert_string_equal(text, "10.213.0.0/16");
	subnet_address(net("10.213.0.16/28"), 5, text);
	assert_string_equal(text, "10.213.0.21");
}

static void nonsense_is_refused(void **state)
{
	const char *bad[] = { "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "x/8",
		              "10.0.0.0/8x", "1111.222.333.444.555/8" };
	struct subnet s = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = { 0 };

		assert_int_equal(subnet_parse(&s, bad[i], &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

static void overlap_is_symmetric(void **state)
{
	(void)state;
	assert_true(subnet_overlaps(net("10.0.0.0/8"), net("10.213.0.0/28")));
	assert_true(subnet_overlaps(net("10.213.0.0/28"), net("10.0.0.0/8")));
	assert_false(subnet_overlaps(net("10.213.0.0/28"), net("10.213.0.16/28")));
	assert_true(subnet_overlaps(net("0.0.0.0/0"), net("192.168.1.0/24")));
}

static void taken_subnets_are_stepped_over(void **state)
{
	struct subnet taken[] = { net("10.213.0.0/27"), net("10.213.0.48/28"),
		                  net("172.17.0.0/16") };
	struct subnet got[2];
	char text[SUBNET_TEXT_MAX];

	(void)state;
	assert_int_equal(subnet_pick(got, 2, net("10.213.0.0/16"), taken, 3, 0, NULL), 0);
	subnet_text(got[0], text);
	assert_string_equal(text, "10.213.0.32/28");
	subnet_text(got[1], text);
	assert_string_equal(text, "10.213.0.64/28");
}

static void start_wraps_round_the_pool(void **state)
{
	struct subnet got[2];
	char text[SUBNET_TEXT_MAX];

	(void)state;
	assert_int_equal(subnet_pick(got, 2, net("10.213.0.0/26"), NULL, 0, 7, NULL), 0);
	subnet_text(got[0], text);
	assert_string_equal(text, "10.213.0.48/28");
	subnet_text(got[1], text);
	assert_string_equal(text, "10.213.0.0/28");
}

static void a_full_pool_says_so(void **state)
{
	struct subnet taken[] = { net("10.213.0.0/27") }, got[2];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(subnet_pick(got, 1, net("10.213.0.0/27"), taken, 1, 0, &err), -1);
	assert_non_null(strstr(err.msg, "no free /28"));
	assert_int_equal(subnet_pick(got, 2, net("10.213.0.0/28"), NULL, 0, 0, &err), -1);
	assert_non_null(strstr(err.msg, "smaller than two"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_survives_a_round_trip),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(overlap_is_symmetric),
		cmocka_unit_test(taken_subnets_are_stepped_over),
		cmocka_unit_test(start_wraps_round_the_pool),
		cmocka_unit_test(a_full_pool_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
