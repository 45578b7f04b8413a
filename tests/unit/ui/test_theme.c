#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/err.h"
#include "ui/theme.h"

/* Relative luminance and contrast as WCAG 2 has them; x^2.4 is x^2 times the fifth
 * root of x^2, which needs no libm. */
static double root5(double x)
{
	double y = x > 0 ? 1 : 0;

	for (int i = 0; i < 60 && x > 0; i++)
		y = y - (y * y * y * y * y - x) / (5 * y * y * y * y);
	return y;
}

static double linear(unsigned v)
{
	double c = v / 255.0, x;

	if (c <= 0.03928)
		return c / 12.92;
	x = (c + 0.055) / 1.055;
	return x * x * root5(x * x);
}

static double luminance(uint32_t rgb)
{
	return 0.2126 * linear(rgb >> 16 & 0xff) + 0.7152 * linear(rgb >> 8 & 0xff) +
	       0.0722 * linear(rgb & 0xff);
}

/* xterm's first 16 colours stand for every terminal's. */
static uint32_t rgb_of(uint32_t color)
{
	static const uint32_t basic[16] = {
		0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
		0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
	};

	if (VT_COLOR_KIND(color) == VT_COLOR_RGB)
		return color & 0xffffff;
	assert_int_equal(VT_COLOR_KIND(color), VT_COLOR_INDEX);
	return basic[color & 15];
}

static double contrast(struct style s)
{
	double a = luminance(rgb_of(s.fg)) + 0.05, b = luminance(rgb_of(s.bg)) + 0.05;

	return a > b ? a / b : b / a;
}

static struct theme *load(const char *name)
{
	struct theme *t = NULL;
	struct err err = { 0 };

	if (theme_load(&t, name, &err) < 0)
		fail_msg("%s", err.msg);
	return t;
}

static void every_built_in_theme_loads_under_its_name(void **state)
{
	int n = 0;

	(void)state;
	for (const char *const *name = theme_names(); *name; name++, n++) {
		struct theme *t = load(*name);

		assert_string_equal(theme_name(t), *name);
		theme_free(t);
	}
	assert_int_equal(n, 5);
}

static void every_text_can_be_read(void **state)
{
	(void)state;
	for (const char *const *name = theme_names(); *name; name++) {
		struct theme *t = load(*name);
		double bar = strcmp(*name, "high-contrast") == 0 ? 7 : 4.5;

		for (int e = 0; strcmp(*name, "mono") != 0 && e < THEME_ELEMENTS; e++) {
			double least = e == THEME_FRAME ? 3 : bar;
			double got = contrast(theme_style(t, (enum theme_element)e));

			if (got < least)
				fail_msg("%s: element %d has contrast %.2f, not %.1f", *name, e,
				         got, least);
		}
		theme_set_colors(t, SCREEN_16);
		for (int e = 0; strcmp(*name, "mono") != 0 && e < THEME_ELEMENTS; e++) {
			double got = contrast(theme_style(t, (enum theme_element)e));

			/* xterm's green is what there is, and state has a shape too */
			if (got < (e == THEME_RUNNING || e == THEME_ALLOWED ? 2 : 3))
				fail_msg("%s in 16 colours: element %d has contrast %.2f", *name, e,
				         got);
		}
		theme_free(t);
	}
}

static bool looks_same(struct style a, struct style b)
{
	return a.fg == b.fg && a.bg == b.bg && a.attr == b.attr;
}

static void what_must_stand_out_does_at_any_depth(void **state)
{
	static const enum screen_colors depths[] = { SCREEN_MONO, SCREEN_16, SCREEN_TRUE };
	static const enum theme_element pairs[][2] = {
		{ THEME_TEXT, THEME_SELECTED },     { THEME_SELECTED, THEME_SELECTED_DIM },
		{ THEME_FRAME, THEME_FRAME_FOCUS }, { THEME_DIALOG_BUTTON, THEME_DIALOG_FOCUS },
		{ THEME_TEXT, THEME_NEW },          { THEME_TITLE, THEME_TITLE_ALERT },
		{ THEME_TEXT, THEME_SEARCH },       { THEME_TEXT, THEME_ERROR },
		{ THEME_HINT, THEME_HINT_KEY },
	};

	(void)state;
	for (const char *const *name = theme_names(); *name; name++) {
		struct theme *t = load(*name);

		for (size_t d = 0; d < 3; d++) {
			theme_set_colors(t, depths[d]);
			for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
				if (looks_same(theme_style(t, pairs[i][0]),
				               theme_style(t, pairs[i][1])))
					fail_msg("%s at depth %u: %u and %u look the same", *name,
					         depths[d], pairs[i][0], pairs[i][1]);
		}
		theme_free(t);
	}
}

static void a_basic_terminal_gets_only_its_own_colours(void **state)
{
	(void)state;
	for (const char *const *name = theme_names(); *name; name++) {
		struct theme *t = load(*name);

		theme_set_colors(t, SCREEN_16);
		for (int e = 0; e < THEME_ELEMENTS; e++) {
			struct style s = theme_style(t, (enum theme_element)e);

			assert_int_not_equal(VT_COLOR_KIND(s.fg), VT_COLOR_RGB);
			assert_int_not_equal(VT_COLOR_KIND(s.bg), VT_COLOR_RGB);
			assert_true(s.fg == 0 || s.fg != s.bg);
		}
		theme_free(t);
	}
}

static void without_colours_a_theme_is_mono(void **state)
{
	struct theme *t = load("dark"), *mono = load("mono");

	(void)state;
	theme_set_colors(t, SCREEN_MONO);
	for (int e = 0; e < THEME_ELEMENTS; e++)
		assert_true(looks_same(theme_style(t, (enum theme_element)e),
		                       theme_style(mono, (enum theme_element)e)));
	theme_set_colors(t, SCREEN_TRUE);
	assert_int_equal(VT_COLOR_KIND(theme_style(t, THEME_TEXT).fg), VT_COLOR_RGB);
	theme_free(t);
	theme_free(mono);
}

static void signs_differ_and_have_ascii_forms(void **state)
{
	(void)state;
	for (int a = 0; a < SIGN_COUNT; a++) {
		const char *ascii = theme_sign((enum theme_sign_id)a, true);

		assert_int_equal(strlen(ascii), 1);
		assert_int_equal(canvas_text_width(theme_sign((enum theme_sign_id)a, false)), 1);
		for (int b = 0; b < a; b++) {
			assert_string_not_equal(theme_sign((enum theme_sign_id)b, true), ascii);
			assert_string_not_equal(theme_sign((enum theme_sign_id)b, false),
			                        theme_sign((enum theme_sign_id)a, false));
		}
	}
}

/* Load a theme from a file with this text; returns whether it loaded. */
static int load_text(const char *json, struct theme **t, struct err *err)
{
	char path[] = "/tmp/cbt-theme-XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, json, strlen(json)), (ssize_t)strlen(json));
	close(fd);
	rc = theme_load(t, path, err);
	unlink(path);
	return rc;
}

static void what_a_file_leaves_out_is_as_its_text(void **state)
{
	struct theme *t;
	struct style s;

	(void)state;
	assert_int_equal(
		load_text("{\"name\":\"mine\",\"colors\":{\"sea\":[\"#0000ff\",\"index:4\"]},"
	                  "\"elements\":{\"running\":{\"attr\":[\"bold\",\"underline\"]},"
	                  "\"text\":{\"fg\":\"sea\",\"bg\":\"default\"}}}",
	                  &t, NULL),
		0);
	s = theme_style(t, THEME_RUNNING);
	assert_int_equal(s.fg, VT_COLOR_RGB | 0x0000ff);
	assert_int_equal(s.bg, 0);
	assert_int_equal(s.attr, VT_BOLD | VT_UL_SINGLE << VT_UL_SHIFT);
	theme_set_colors(t, SCREEN_16);
	assert_int_equal(theme_style(t, THEME_DOCK).fg, VT_COLOR_INDEX | 4);
	assert_string_equal(theme_name(t), "mine");
	theme_free(t);
}

static void a_fault_is_told_with_its_place(void **state)
{
	static const struct {
		const char *json, *want;
	} faults[] = {
		{ "{", ":1:2" },
		{ "[]", "a theme is an object" },
		{ "{\"name\":\"x\"}", "needs an \"elements\" object" },
		{ "{\"elements\":{}}", "needs a \"name\"" },
		{ "{\"name\":\"x\",\"elements\":{\"texd\":{}}}", "/elements/texd: is no element" },
		{ "{\"name\":\"x\",\"elements\":{\"text\":{\"fg\":\"#12345\"}}}", "is no colour" },
		{ "{\"name\":\"x\",\"elements\":{\"text\":{\"fg\":\"index:256\"}}}",
		  "is no colour" },
		{ "{\"name\":\"x\",\"elements\":{\"text\":{\"attr\":[\"blod\"]}}}",
		  "is no attribute" },
		{ "{\"name\":\"x\",\"elements\":{\"text\":{\"fq\":\"default\"}}}", "is not known" },
		{ "{\"name\":\"x\",\"elements\":{},\"colors\":{\"a\":[[],[]]}}", "holds a list" },
		{ "{\"name\":\"x\",\"elements\":{},\"colors\":{\"a\":[\"#000000\"]}}",
		  "needs two colours" },
		{ "{\"name\":\"x\",\"elements\":{},\"terminal\":{\"palette\":[]}}", "16 colours" },
		{ "{\"name\":\"x\",\"elements\":{},\"terminal\":{\"fg\":\"default\"}}", "#rrggbb" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct err err = { 0 };
		struct theme *t = NULL;

		assert_int_equal(load_text(faults[i].json, &t, &err), -1);
		assert_null(t);
		assert_int_equal(err.kind, ERR_INPUT);
		if (!strstr(err.msg, faults[i].want) || !strstr(err.msg, ":1:"))
			fail_msg("%s does not say %s", err.msg, faults[i].want);
	}
}

static void a_theme_that_is_not_there_is_said_so(void **state)
{
	struct err err = { 0 };
	struct theme *t = NULL;

	(void)state;
	assert_int_equal(theme_load(&t, "nope", &err), -1);
	assert_non_null(strstr(err.msg, "no theme 'nope'"));
	assert_int_equal(theme_load(&t, "/nowhere/x.json", &err), -1);
	assert_non_null(strstr(err.msg, "/nowhere/x.json"));
	theme_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_built_in_theme_loads_under_its_name),
		cmocka_unit_test(every_text_can_be_read),
		cmocka_unit_test(what_must_stand_out_does_at_any_depth),
		cmocka_unit_test(a_basic_terminal_gets_only_its_own_colours),
		cmocka_unit_test(without_colours_a_theme_is_mono),
		cmocka_unit_test(signs_differ_and_have_ascii_forms),
		cmocka_unit_test(what_a_file_leaves_out_is_as_its_text),
		cmocka_unit_test(a_fault_is_told_with_its_place),
		cmocka_unit_test(a_theme_that_is_not_there_is_said_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
