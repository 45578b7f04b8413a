/* Text for people: wrapping, labels, marks, and what comes from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "ui/rich.h"

static struct grid *grid;
static struct theme *theme;
static struct rich r;

static int setup(void **state)
{
	struct err err = { 0 };

	(void)state;
	grid = grid_new(6, 30);
	return theme_load(&theme, "dark", &err);
}

static int teardown(void **state)
{
	(void)state;
	rich_done(&r);
	grid_free(grid);
	theme_free(theme);
	return 0;
}

static void shows(const char *want, int top)
{
	struct buf b = BUF_INIT(1u << 16);
	struct style ground = theme_style(theme, THEME_TEXT);

	grid_clear(grid, ground);
	rich_draw(&r, canvas_of(grid), theme, ground, top);
	grid_dump(grid, &b, false);
	assert_memory_equal(buf_str(&b), want, strlen(want));
	buf_done(&b);
}

static void test_a_wrapped_line_goes_on_under_its_text(void **state)
{
	(void)state;
	rich_field(&r, "meaning", THEME_TEXT, "one two three four five");
	shows("meaning    one two three four\n           five\n\n", 0);
	assert_int_equal(rich_height(&r, 30), 2);
}

static void test_a_word_that_is_too_long_is_broken_and_none_of_it_is_lost(void **state)
{
	(void)state;
	rich_add(&r, THEME_TEXT, "aaaaaaaaaabbbbbbbbbbccccccccccdd");
	shows("aaaaaaaaaabbbbbbbbbbcccccccccc\ndd\n", 0);
}

static void test_wide_characters_are_not_cut_in_half(void **state)
{
	(void)state;
	assert_int_equal(rich_break("日本語", 9, 5), 6);
	assert_int_equal(rich_break("日本語", 9, 1), 3);
	assert_int_equal(rich_break("", 0, 5), 0);
}

static void test_it_is_drawn_from_any_row_on(void **state)
{
	(void)state;
	rich_field(&r, "a", THEME_TEXT, "one two three four five");
	rich_add(&r, THEME_TEXT, "next");
	shows("           five\nnext\n", 1);
	assert_int_equal(rich_row_of(&r, 1, 30), 2);
}

static void test_nothing_of_what_is_added_reaches_the_terminal_as_it_is(void **state)
{
	(void)state;
	rich_field(&r, "x", THEME_TEXT, "a\033[2Jb\u202ec");
	assert_null(strchr(r.v[0].text, '\033'));
	assert_null(strstr(r.v[0].text, "\u202e"));
}

static void test_lines_and_gaps(void **state)
{
	(void)state;
	rich_gap(&r);
	rich_field(&r, "x", THEME_TEXT, NULL);
	rich_field(&r, "x", THEME_TEXT, "");
	assert_int_equal(r.n, 0);
	rich_add(&r, THEME_TEXT, "one\ntwo");
	rich_gap(&r);
	rich_gap(&r);
	assert_int_equal(r.n, 3);
}

static void test_a_mark_is_in_its_own_style_also_where_the_line_breaks(void **state)
{
	struct style ground = theme_style(theme, THEME_TEXT);
	uint32_t fg = theme_style(theme, THEME_WAITS).fg;

	(void)state;
	rich_add(&r, THEME_TEXT, "aaaaaaaaaabbbbbbbbbbccccccccccdd");
	rich_mark(&r, 29, 2, THEME_WAITS);
	grid_clear(grid, ground);
	rich_draw(&r, canvas_of(grid), theme, ground, 0);
	assert_int_equal(grid_row(grid, 0)[28].fg, ground.fg);
	assert_int_equal(grid_row(grid, 0)[29].fg, fg);
	assert_int_equal(grid_row(grid, 1)[0].fg, fg);
	assert_int_equal(grid_row(grid, 1)[1].fg, ground.fg);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_wrapped_line_goes_on_under_its_text),
		T(test_a_word_that_is_too_long_is_broken_and_none_of_it_is_lost),
		T(test_wide_characters_are_not_cut_in_half),
		T(test_it_is_drawn_from_any_row_on),
		T(test_nothing_of_what_is_added_reaches_the_terminal_as_it_is),
		T(test_lines_and_gaps),
		T(test_a_mark_is_in_its_own_style_also_where_the_line_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
