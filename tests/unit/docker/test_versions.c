#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "docker/versions.h"

static int parse(struct versions *v, const char *text, struct err *err)
{
	return versions_parse(v, "versions", text, strlen(text), err);
}

static void values_are_what_stands_behind_the_sign(void **state)
{
	struct versions v;

	(void)state;
	assert_int_equal(parse(&v,
	                       "# a comment\n\nSUITE=trixie\n  IMAGE= debian:x\n"
	                       "SUM=h1:ab+c/d==  \r\nEMPTY=\nLAST=1", NULL), 0);
	assert_int_equal(v.n, 5);
	assert_string_equal(versions_get(&v, "SUITE"), "trixie");
	assert_string_equal(versions_get(&v, "IMAGE"), "debian:x");
	assert_string_equal(versions_get(&v, "SUM"), "h1:ab+c/d==");
	assert_string_equal(versions_get(&v, "EMPTY"), "");
	assert_string_equal(versions_get(&v, "LAST"), "1");
	assert_null(versions_get(&v, "SUIT"));
	versions_done(&v);
}

static void faults_name_file_and_line(void **state)
{
	static const struct { const char *text, *fault; } cases[] = {
		{ "A=1\nno sign\n", "versions:2: not NAME=value" },
		{ "lower=1\n", "versions:1: not NAME=value" },
		{ "1A=1\n", "versions:1: not NAME=value" },
		{ "=1\n", "versions:1: not NAME=value" },
		{ "A=1\n\n# x\nA=2\n", "versions:4: a name that was set before" },
		{ "A=1\nB=\033[2J\n", "versions:2: a control byte" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct versions v = { .n = 77 };
		struct err err = { 0 };

		assert_int_equal(parse(&v, cases[i].text, &err), -1);
		assert_string_equal(err.msg, cases[i].fault);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_int_equal(v.n, 77);
	}
}

static void sizes_are_capped(void **state)
{
	struct buf b = BUF_INIT(100000);
	struct versions v;

	(void)state;
	for (int i = 0; i < VERSIONS_MAX; i++)
		buf_addf(&b, "N%d=\n", i);
	assert_int_equal(parse(&v, buf_str(&b), NULL), 0);
	versions_done(&v);
	buf_adds(&b, "ONE_MORE=\n");
	assert_int_equal(parse(&v, buf_str(&b), NULL), -1);
	buf_reset(&b);
	buf_adds(&b, "LONG=");
	for (int i = 0; i <= VERSIONS_VALUE_MAX; i++)
		buf_addc(&b, 'x');
	assert_int_equal(parse(&v, buf_str(&b), NULL), -1);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_what_stands_behind_the_sign),
		cmocka_unit_test(faults_name_file_and_line),
		cmocka_unit_test(sizes_are_capped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
