#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/mem.h"

static void appends_add_up(void **state)
{
	struct buf b = BUF_INIT(1000);

	(void)state;
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(buf_adds(&b, "a"), 0);
	assert_int_equal(buf_addf(&b, "%d-%s", 42, "x"), 0);
	assert_int_equal(buf_addc(&b, '!'), 0);
	assert_string_equal(buf_str(&b), "a42-x!");
	buf_consume(&b, 2);
	assert_string_equal(buf_str(&b), "2-x!");
	buf_done(&b);
}

static void ceiling_refuses_and_changes_nothing(void **state)
{
	struct buf b = BUF_INIT(4);

	(void)state;
	assert_int_equal(buf_adds(&b, "abcd"), 0);
	assert_int_equal(buf_addc(&b, 'e'), -1);
	assert_int_equal(buf_addf(&b, "%s", "fghij"), -1);
	assert_true(b.overflowed);
	assert_string_equal(buf_str(&b), "abcd");
	buf_reset(&b);
	assert_false(b.overflowed);
	assert_int_equal(b.len, 0);
	buf_done(&b);
}

static void stolen_text_belongs_to_the_caller(void **state)
{
	struct buf b = BUF_INIT(100);
	char *s = buf_steal(&b);

	(void)state;
	assert_string_equal(s, "");
	free(s);
	buf_adds(&b, "mine");
	s = buf_steal(&b);
	assert_string_equal(s, "mine");
	assert_string_equal(buf_str(&b), "");
	free(s);
	buf_done(&b);
}

static void secret_buffer_grows_right(void **state)
{
	struct buf b = BUF_INIT_SECRET(100000);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_addf(&b, "%04d", i), 0);
	assert_int_equal(b.len, 4000);
	assert_memory_equal(b.data + 3996, "0999", 5);
	buf_done(&b);
}

static void string_lists_end_in_null(void **state)
{
	char **v = NULL;
	size_t n = 0;

	(void)state;
	assert_false(strv_has(v, "a"));
	strv_push(&v, &n, xstrdup("a"));
	strv_push(&v, &n, xasprintf("b%d", 1));
	assert_int_equal(strv_len(v), 2);
	assert_true(strv_has(v, "b1"));
	assert_null(v[2]);
	strv_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_add_up),
		cmocka_unit_test(ceiling_refuses_and_changes_nothing),
		cmocka_unit_test(stolen_text_belongs_to_the_caller),
		cmocka_unit_test(secret_buffer_grows_right),
		cmocka_unit_test(string_lists_end_in_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
