#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "ui/canvas.h"

static const struct style plain = { 0, 0, 0 };
static const struct style red = { VT_COLOR_INDEX | 1, 0, VT_BOLD };

static void shows(const struct grid *g, bool attrs, const char *want)
{
	struct buf out = BUF_INIT(1 << 20);

	grid_dump(g, &out, attrs);
	assert_string_equal(buf_str(&out), want);
	buf_done(&out);
}

static void draws(int cols, int x, int width, const char *text, int used, const char *want)
{
	struct grid *g = grid_new(1, cols);
	struct buf out = BUF_INIT(4096);

	assert_int_equal(canvas_text(canvas_of(g), 0, x, width, plain, text), used);
	grid_dump(g, &out, false);
	out.data[out.len - 1] = '\0';
	assert_string_equal(buf_str(&out), want);
	buf_done(&out);
	grid_free(g);
}

static void text_goes_where_it_is_put(void **state)
{
	(void)state;
	draws(10, 0, -1, "abc", 3, "abc");
	draws(10, 3, -1, "abc", 3, "   abc");
	draws(10, 0, 3, "abc", 3, "abc");
	draws(3, 0, -1, "abc", 3, "abc");
	draws(10, 10, -1, "abc", 0, "");
	draws(10, 50, -1, "abc", 0, "");
	draws(10, 0, 0, "abc", 0, "");
}

static void text_that_does_not_fit_ends_in_dots(void **state)
{
	(void)state;
	draws(10, 0, 5, "abcdefgh", 5, "abcd…");
	draws(4, 0, -1, "abcdefgh", 4, "abc…");
	draws(10, 8, -1, "abcdefgh", 2, "        a…");
	draws(10, 0, 1, "abc", 1, "…");
	draws(10, 0, 4, "ab漢字", 3, "ab…"); /* no room for a whole 漢 beside it */
}

static void dots_are_ascii_on_an_ascii_grid(void **state)
{
	struct grid *g = grid_new(3, 10);

	(void)state;
	grid_set_ascii(g, true);
	assert_int_equal(canvas_text(canvas_of(g), 0, 0, 6, plain, "abcdefgh"), 6);
	assert_int_equal(canvas_text(canvas_of(g), 1, 0, 2, plain, "abcdefgh"), 2);
	shows(g, false, "abc...\n..\n\n");
	grid_free(g);
}

static void text_begun_left_of_the_edge_is_clipped(void **state)
{
	(void)state;
	draws(10, -2, -1, "abcdef", 6, "cdef");
	draws(10, -1, -1, "漢x", 3, " x"); /* half a character is none */
}

static void wide_characters_and_clusters_take_their_columns(void **state)
{
	(void)state;
	draws(10, 0, -1, "漢字x", 5, "漢字x");
	draws(10, 0, -1, "e\u0301x", 2, "e\u0301x");
	draws(10, 0, -1, "👩‍👩‍👧x", 3, "👩‍👩‍👧x");
	draws(10, 0, -1, "🇩🇪🇫🇷x", 5, "🇩🇪🇫🇷x");
	draws(10, 0, -1, "❤️x", 3, "❤️x");
	assert_int_equal(canvas_text_width("漢字x❤️e\u0301"), 8);
}

static void controls_and_lone_marks_are_left_out(void **state)
{
	(void)state;
	draws(20, 0, -1, "a\033[31mb\r\nc\td\x7f", 8, "a[31mbcd");
	draws(20, 0, -1, "\u0301a\u202e\u200bb\xc2\x9b", 2, "ab");
	draws(20, 0, -1, "a\xff\xc3z", 4, "a\ufffd\ufffdz");
}

static void nothing_is_drawn_outside_a_part(void **state)
{
	struct grid *g = grid_new(4, 10);
	struct canvas part = canvas_part(canvas_of(g), (struct rect){ 1, 2, 2, 4 });

	(void)state;
	canvas_text(part, 0, 0, -1, plain, "abcdefgh");
	canvas_text(part, 2, 0, -1, plain, "below");
	canvas_text(part, -1, 0, -1, plain, "above");
	canvas_fill(part, (struct rect){ 1, -5, 100, 100 }, red);
	canvas_restyle(part, (struct rect){ -5, -5, 100, 100 }, red);
	shows(g, true, "\n\n  abc…\n..aaaa\n\n..aaaa\n\n\na: fg=1 bold\n");
	part = canvas_part(part, (struct rect){ 1, 3, 50, 50 });
	assert_int_equal(part.at.y, 2);
	assert_int_equal(part.at.x, 5);
	assert_int_equal(part.at.rows, 1);
	assert_int_equal(part.at.cols, 1);
	part = canvas_part(part, (struct rect){ 9, 9, 5, 5 });
	assert_int_equal(part.at.rows, 0);
	canvas_text(part, 0, 0, -1, plain, "no");
	grid_free(g);
}

static void half_of_a_wide_character_is_never_left(void **state)
{
	struct grid *g = grid_new(3, 6);
	struct canvas c = canvas_of(g);

	(void)state;
	for (int y = 0; y < 3; y++)
		canvas_text(c, y, 0, -1, plain, "漢字漢");
	canvas_text(c, 0, 1, -1, plain, "x");
	canvas_text(c, 1, 1, -1, plain, "語");
	canvas_fill(c, (struct rect){ 2, 1, 1, 2 }, plain);
	shows(g, false, " x字漢\n 語 漢\n    漢\n");
	for (int y = 0; y < 3; y++)
		for (int x = 0; x < 6; x++) {
			const struct canvas_cell *cell = grid_row(g, y) + x;

			if (cell->attr & VT_WIDE)
				assert_true(cell[1].attr & VT_TAIL);
			if (cell->attr & VT_TAIL)
				assert_true(cell[-1].attr & VT_WIDE);
		}
	grid_free(g);
}

static void a_frame_has_a_title_and_an_inside(void **state)
{
	struct grid *g = grid_new(3, 14);
	struct canvas in = canvas_frame(canvas_of(g), plain, red, "Sessions");

	(void)state;
	canvas_text(in, 0, 0, -1, plain, "inside it all");
	shows(g, false,
	      "┌ Sessions ──┐\n"
	      "│inside it a…│\n"
	      "└────────────┘\n");
	grid_clear(g, plain);
	grid_set_ascii(g, true);
	in = canvas_frame(canvas_of(g), plain, red, "A long title here");
	assert_int_equal(in.at.cols, 12);
	shows(g, true,
	      "+ A long... -+\n.aaaaaaaaaaa\n|            |\n\n+------------+\n\na: fg=1 bold\n");
	grid_free(g);
}

static void tiny_frames_do_no_harm(void **state)
{
	(void)state;
	for (int rows = 1; rows < 4; rows++)
		for (int cols = 1; cols < 9; cols++) {
			struct grid *g = grid_new(rows, cols);
			struct canvas in = canvas_frame(canvas_of(g), plain, red, "title");

			assert_true(in.at.rows >= 0 && in.at.cols >= 0);
			canvas_text(in, 0, 0, -1, plain, "text");
			grid_free(g);
		}
}

static void a_selected_row_keeps_what_the_style_leaves_open(void **state)
{
	struct grid *g = grid_new(1, 4);
	struct canvas c = canvas_of(g);
	struct style select = { 0, VT_COLOR_RGB | 0x112233, VT_ITALIC };

	(void)state;
	canvas_text(c, 0, 0, -1, red, "ab");
	canvas_restyle(c, (struct rect){ 0, 0, 1, 3 }, select);
	shows(g, true, "ab\naab\na: fg=1 bg=#112233 bold italic\nb: bg=#112233 italic\n");
	grid_free(g);
}

static struct vt *vt_showing(int rows, int cols, const char *bytes)
{
	struct vt *vt = vt_new(rows, cols, NULL, NULL);

	vt_feed(vt, bytes, strlen(bytes), 0);
	return vt;
}

static void shows_vt(const char *bytes, struct style d, const char *want)
{
	struct grid *g = grid_new(1, 8);
	struct vt *vt = vt_showing(1, 6, bytes);

	canvas_vt_row(canvas_of(g), 0, vt, 0, d);
	shows(g, true, want);
	vt_free(vt);
	grid_free(g);
}

static void a_terminals_row_keeps_its_looks(void **state)
{
	struct style d = { VT_COLOR_RGB | 0xffffff, VT_COLOR_RGB | 0, 0 };

	(void)state;
	shows_vt("a\033[1;31mb\033[0;48;5;9mc\033[7md", plain,
	         "abcd\n.abc\na: fg=1 bold\nb: bg=9\nc: bg=9 reverse\n");
	shows_vt("a漢\033[4:3;58:2::1:2:3me\u0301", plain,
	         "a漢e\u0301\n...a\na: curly ulcolor=#010203\n");
	shows_vt("a", d, "a\naaaaaaaa\na: fg=#ffffff bg=#000000\n");
}

static void concealed_text_is_left_out(void **state)
{
	(void)state;
	shows_vt("a\033[8;31mhush", plain, "a\n\n");
}

static void a_reversed_terminal_swaps_its_default_colours(void **state)
{
	struct style d = { VT_COLOR_RGB | 0xffffff, VT_COLOR_RGB | 0, 0 };

	(void)state;
	shows_vt("\033[?5hab\033[31mc", d,
	         "abc\naabaaacc\na: fg=#000000 bg=#ffffff\nb: fg=1 bg=#ffffff\nc: fg=#ffffff "
	         "bg=#000000\n");
	shows_vt("\033[?5ha", plain, "a\naaaaaa\na: reverse\n");
}

static void a_terminals_links_come_along(void **state)
{
	struct grid *g = grid_new(1, 8);
	struct vt *vt = vt_showing(1, 8, "\033]8;;https://a.test/\033\\ab\033]8;;\033\\c");

	(void)state;
	canvas_vt_row(canvas_of(g), 0, vt, 0, plain);
	assert_string_equal(grid_link(g, grid_row(g, 0)[1].attr >> CANVAS_LINK_SHIFT),
	                    "https://a.test/");
	assert_null(grid_link(g, grid_row(g, 0)[2].attr >> CANVAS_LINK_SHIFT));
	shows(g, true, "abc\naa\na: link=https://a.test/\n");
	vt_free(vt);
	grid_free(g);
}

static void a_wide_character_cut_by_the_edge_is_blank(void **state)
{
	struct grid *g = grid_new(1, 8);
	struct vt *vt = vt_showing(1, 8, "a漢字");

	(void)state;
	canvas_vt_row(canvas_part(canvas_of(g), (struct rect){ 0, 0, 1, 4 }), 0, vt, 0, plain);
	shows(g, false, "a漢\n");
	vt_free(vt);
	grid_free(g);
}

static void a_scrollback_line_is_drawn_as_a_row_is(void **state)
{
	struct grid *g = grid_new(1, 8);
	struct vt *vt = vt_showing(1, 8, "\033[31mold\033[m\r\nnew");

	(void)state;
	canvas_vt_line(canvas_of(g), 0, vt, vt_line_first(vt), plain);
	shows(g, true, "old\naaa\na: fg=1\n");
	vt_free(vt);
	grid_free(g);
}

static void a_hostile_link_is_not_kept(void **state)
{
	struct grid *g = grid_new(1, 4);

	(void)state;
	assert_int_equal(grid_add_link(g, "https://x\033]0;t\a", 0), 0);
	assert_int_equal(grid_add_link(g, "https://x y", 0), 0);
	assert_int_equal(grid_add_link(g, NULL, 0), 0);
	assert_int_not_equal(grid_add_link(g, "https://x", 0), 0);
	grid_free(g);
}

static void clusters_and_links_have_a_ceiling(void **state)
{
	struct grid *g = grid_new(1, 4);
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof text, "x%u", i);
		(void)grid_add_link(g, text, 0);
		text[0] = (char)('a' + i % 26);
		memcpy(text + 1, "\xcc\x80\xcc\x80", 4);
		text[2] = (char)(0x80 + (i / 26) % 48);
		text[4] = (char)(0x80 + (i / 1248) % 48);
		text[5] = '\0';
		canvas_text(canvas_of(g), 0, 0, -1, plain, text);
	}
	canvas_text(canvas_of(g), 0, 0, -1, plain, "q\u0330\u0331\u0332");
	shows(g, false, "\ufffd\n");
	grid_clear(g, plain);
	canvas_text(canvas_of(g), 0, 0, -1, plain, "q\u0330\u0331\u0332");
	shows(g, false, "q\u0330\u0331\u0332\n");
	grid_free(g);
}

static void a_copy_is_the_same_and_stays_so(void **state)
{
	struct grid *a = grid_new(2, 8), *b = grid_new(1, 1);
	struct canvas c = canvas_of(a);
	unsigned link = grid_add_link(a, "https://a.test", 0);
	struct style s = { 0, 0, link << CANVAS_LINK_SHIFT };

	(void)state;
	canvas_text(c, 0, 0, -1, s, "e\u0301漢");
	grid_copy(b, a);
	grid_clear(a, plain);
	canvas_text(c, 0, 0, -1, plain, "o\u0302");
	shows(b, true, "e\u0301漢\naaa\n\n\na: link=https://a.test\n");
	assert_false(grid_cell_same(a, grid_row(a, 0), b, grid_row(b, 0)));
	assert_true(grid_cell_same(a, grid_row(a, 1), b, grid_row(b, 1)));
	grid_free(a);
	grid_free(b);
}

static void the_cursor_stays_inside(void **state)
{
	struct grid *g = grid_new(5, 5);
	enum vt_cursor_shape shape;
	bool is_visible;
	int y, x;

	(void)state;
	grid_set_cursor(g, 9, -3, true, VT_CURSOR_BAR);
	grid_cursor(g, &y, &x, &is_visible, &shape);
	assert_int_equal(y, 4);
	assert_int_equal(x, 0);
	assert_true(is_visible);
	assert_int_equal(shape, VT_CURSOR_BAR);
	grid_clear(g, plain);
	grid_cursor(g, &y, &x, &is_visible, &shape);
	assert_false(is_visible);
	grid_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_goes_where_it_is_put),
		cmocka_unit_test(text_that_does_not_fit_ends_in_dots),
		cmocka_unit_test(dots_are_ascii_on_an_ascii_grid),
		cmocka_unit_test(text_begun_left_of_the_edge_is_clipped),
		cmocka_unit_test(wide_characters_and_clusters_take_their_columns),
		cmocka_unit_test(controls_and_lone_marks_are_left_out),
		cmocka_unit_test(nothing_is_drawn_outside_a_part),
		cmocka_unit_test(half_of_a_wide_character_is_never_left),
		cmocka_unit_test(a_frame_has_a_title_and_an_inside),
		cmocka_unit_test(tiny_frames_do_no_harm),
		cmocka_unit_test(a_selected_row_keeps_what_the_style_leaves_open),
		cmocka_unit_test(a_terminals_row_keeps_its_looks),
		cmocka_unit_test(concealed_text_is_left_out),
		cmocka_unit_test(a_reversed_terminal_swaps_its_default_colours),
		cmocka_unit_test(a_terminals_links_come_along),
		cmocka_unit_test(a_wide_character_cut_by_the_edge_is_blank),
		cmocka_unit_test(a_scrollback_line_is_drawn_as_a_row_is),
		cmocka_unit_test(a_hostile_link_is_not_kept),
		cmocka_unit_test(clusters_and_links_have_a_ceiling),
		cmocka_unit_test(a_copy_is_the_same_and_stays_so),
		cmocka_unit_test(the_cursor_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
