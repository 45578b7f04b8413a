/* The scrollback, and what a new size does to text. */
#include "vt_help.h"

#include "core/vt_int.h"

#define E "\033"

static void lines_that_leave_by_the_top_are_kept(void **state)
{
	struct vt *vt = vt_new(3, 20, NULL, NULL);
	char *s;

	(void)state;
	feed(vt, "one\r\ntwo  \r\nthree\r\nfour\r\nfive");
	assert_int_equal(vt_line_first(vt), 0);
	assert_int_equal(vt_line_top(vt), 2);
	s = all_text(vt);
	assert_string_equal(s, "one|two|three|four|five");
	free(s);
	assert_int_equal(vt_line(vt, 1).used, 3); /* blanks at the end are cut */
	assert_int_equal(vt_line(vt, 99).used, 0);
	/* a region that does not begin at the top makes no history, nor do DL and the
	 * alternate screen */
	feed(vt,
	     E "[2;3r" E "[3H\n\n\n" E "[r" E "[H" E "[2M" E "[?1049hx\n\n\n\n\n\n" E "[?1049l");
	assert_int_equal(vt_line_top(vt), 2);
	feed(vt, E "[3J");
	assert_int_equal(vt_line_top(vt) - vt_line_first(vt), 0);
	vt_free(vt);
}

static void styles_and_clusters_survive_packing(void **state)
{
	static const char text[] =
		E "[1;31ma" E "[0;4:3;58;2;1;2;3mb" E "[0;48;5;200m\xe6\xbc\xa2" E "[0m"
		  "e\xcc\x81\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb" E
		  "]8;;https://x.test/\al" E "]8;;\a" E "[38;2;9;8;7mr  " E "[44m" E "[K";
	struct vt *vt = vt_new(2, 30, NULL, NULL), *live = vt_new(2, 30, NULL, NULL);
	struct vt_line want, got;
	char a[VT_CELL_TEXT_MAX], b[VT_CELL_TEXT_MAX];

	(void)state;
	vt_feed(live, text, sizeof text - 1, 0);
	vt_feed(vt, text, sizeof text - 1, 0);
	feed(vt, E "[0m\r\n\n\n");
	want = vt_row(live, 0);
	got = vt_line(vt, 0);
	assert_int_equal(got.fill, VT_COLOR_INDEX | 4);
	assert_int_equal(got.used, want.used);
	for (unsigned x = 0; x < want.used; x++) {
		const struct vt_cell *w = &want.cells[x], *g = &got.cells[x];

		vt_cell_text(live, w, a);
		vt_cell_text(vt, g, b);
		assert_string_equal(a, b);
		assert_int_equal(w->fg, g->fg);
		assert_int_equal(w->bg, g->bg);
		assert_int_equal(w->attr & 0xffff, g->attr & 0xffff);
		assert_int_equal(vt_cell_ul_color(live, w), vt_cell_ul_color(vt, g));
		assert_int_equal(!vt_cell_link(live, w, NULL), !vt_cell_link(vt, g, NULL));
	}
	vt_free(vt);
	vt_free(live);
}

static void a_long_run_of_one_style_survives(void **state)
{
	struct vt *vt = vt_new(2, 700, NULL, NULL);
	struct vt_line line;

	(void)state;
	feed(vt, E "[31m");
	for (int i = 0; i < 700; i++)
		feed(vt, "x");
	feed(vt, "\r\n\n\n");
	line = vt_line(vt, 0);
	assert_int_equal(line.used, 700);
	assert_int_equal(line.cells[699].fg, VT_COLOR_INDEX | 1);
	vt_free(vt);
}

static void old_lines_go_when_there_are_too_many(void **state)
{
	struct vt *vt = vt_new(3, 20, NULL, NULL);
	char s[32], *got;

	(void)state;
	vt_set_scrollback(vt, 100, VT_SCROLLBACK_BYTES);
	for (int i = 0; i < 1000; i++) {
		snprintf(s, sizeof s, "line %d\r\n", i);
		feed(vt, s);
	}
	/* numbers stay with their lines */
	assert_int_equal(vt_line_top(vt), 998);
	assert_int_equal(vt_line_first(vt), 898);
	got = line_text(vt, 950);
	assert_string_equal(got, "line 950");
	free(got);
	vt_set_scrollback(vt, 10, VT_SCROLLBACK_BYTES);
	assert_int_equal(vt_line_first(vt), 988);
	vt_set_scrollback(vt, 0, VT_SCROLLBACK_BYTES);
	feed(vt, "\n\n\n");
	assert_int_equal(vt_line_top(vt) - vt_line_first(vt), 0);
	vt_free(vt);
}

static void bytes_have_a_ceiling_whatever_is_in_the_lines(void **state)
{
	struct vt *vt = vt_new(2, 1000, NULL, NULL);
	char s[64];

	(void)state;
	vt_set_scrollback(vt, 10000, 1 << 20);
	for (int line = 0; line < 300; line++) {
		for (int i = 0; i < 500; i++) {
			snprintf(s, sizeof s, E "[38;2;%d;%d;9ma\xcc\x81\xcc\x82", i & 255,
			         line & 255);
			feed(vt, s);
		}
		feed(vt, "\r\n");
	}
	assert_true(vt_scrollback_bytes(vt) <= (1 << 20) + 65536);
	assert_true(vt_line_top(vt) > vt_line_first(vt));
	vt_free(vt);
}

static void text_has_columns_for_a_search(void **state)
{
	struct vt *vt = vt_new(2, 20, NULL, NULL);
	struct buf b = BUF_INIT(100), tiny = BUF_INIT(2);
	uint16_t cols[16];

	(void)state;
	feed(vt, "\xe6\xbc\xa2"
	         "ab");
	assert_int_equal(vt_line_text(vt, 0, &b, cols, 16), 0);
	assert_string_equal(buf_str(&b), "\xe6\xbc\xa2"
	                                 "ab");
	assert_int_equal(cols[2], 0);
	assert_int_equal(cols[3], 2);
	assert_int_equal(cols[4], 3);
	assert_int_equal(vt_line_text(vt, 0, &tiny, NULL, 0), -1);
	buf_done(&b);
	buf_done(&tiny);
	vt_free(vt);
}

static void ascii_scrollback_is_small(void **state)
{
	struct vt *vt = vt_new(50, 200, NULL, NULL);
	char line[203];

	(void)state;
	memset(line, 'x', 200);
	memcpy(line + 200, "\r\n", 3);
	for (int i = 0; i < 10050; i++)
		feed(vt, line);
	/* tmux: 9,882 KB; the bar is 0.35 of that */
	assert_true(vt_scrollback_bytes(vt) < 9882 * 1024 * 35 / 100);
	vt_free(vt);
}

/* --- a new size ------------------------------------------------------------------------------ */

static void assert_all(struct vt *vt, const char *want)
{
	char *s = all_text(vt);

	assert_string_equal(s, want);
	free(s);
}

static void assert_cursor(const struct vt *vt, int y, int x)
{
	assert_int_equal(vt_cursor(vt).y, y);
	assert_int_equal(vt_cursor(vt).x, x);
}

static void text_is_wrapped_anew(void **state)
{
	struct vt *vt = vt_new(5, 10, NULL, NULL);

	(void)state;
	feed(vt, "abcdefghijklmno\r\nxy");
	assert_screen(vt, "abcdefghij|klmno|xy");
	vt_resize(vt, 5, 20);
	assert_screen(vt, "abcdefghijklmno|xy");
	assert_cursor(vt, 1, 2);
	vt_resize(vt, 5, 4);
	assert_screen(vt, "abcd|efgh|ijkl|mno|xy");
	assert_cursor(vt, 4, 2);
	vt_resize(vt, 3, 4);
	assert_all(vt, "abcd|efgh|ijkl|mno|xy");
	assert_screen(vt, "ijkl|mno|xy");
	assert_cursor(vt, 2, 2);
	/* and back: what went is taken back */
	vt_resize(vt, 5, 10);
	assert_all(vt, "abcdefghij|klmno|xy");
	assert_cursor(vt, 2, 2);
	vt_free(vt);
}

static void the_cursor_stays_on_its_character(void **state)
{
	struct vt *vt = vt_new(6, 10, NULL, NULL);

	(void)state;
	feed(vt, "0123456789abcdefghij\r\nz" E "[2;4H"); /* on the d */
	vt_resize(vt, 6, 5);
	assert_screen(vt, "01234|56789|abcde|fghij|z");
	assert_cursor(vt, 2, 3);
	vt_resize(vt, 6, 30);
	assert_cursor(vt, 0, 13);
	feed(vt, "D");
	assert_screen(vt, "0123456789abcDefghij|z");
	vt_free(vt);
}

static void a_pending_wrap_survives(void **state)
{
	struct vt *vt = vt_new(4, 10, NULL, NULL);

	(void)state;
	feed(vt, "0123456789");
	vt_resize(vt, 4, 5);
	feed(vt, "x");
	assert_screen(vt, "01234|56789|x");
	vt_resize(vt, 4, 20);
	assert_screen(vt, "0123456789x");
	vt_free(vt);
}

static void wide_cells_are_not_cut(void **state)
{
	struct vt *vt = vt_new(6, 10, NULL, NULL);

	(void)state;
	feed(vt, "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2"
	         "a");
	vt_resize(vt, 6, 5);
	assert_screen(vt, "\xe6\xbc\xa2\xe5\xad\x97|\xe6\xbc\xa2"
	                  "a");
	vt_resize(vt, 6, 3);
	assert_screen(vt, "\xe6\xbc\xa2|\xe5\xad\x97|\xe6\xbc\xa2"
	                  "a");
	vt_resize(vt, 6, 20);
	assert_screen(vt, "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2"
	                  "a");
	vt_resize(vt, 6, 1);
	feed(vt, "x");
	vt_free(vt);
}

static void hard_line_ends_stay(void **state)
{
	struct vt *vt = vt_new(4, 5, NULL, NULL);

	(void)state;
	feed(vt, "abcde\r\nfg\r\nabcde" E "[3;5H" E "[K");
	vt_resize(vt, 4, 20);
	assert_screen(vt, "abcde|fg|abcd");
	vt_free(vt);
}

static void blank_rows_below_do_not_push_text_out(void **state)
{
	struct vt *vt = vt_new(10, 20, NULL, NULL);

	(void)state;
	feed(vt, "a\r\nb\r\nc");
	vt_resize(vt, 5, 20);
	assert_screen(vt, "a|b|c");
	assert_int_equal(vt_line_top(vt), 0);
	vt_resize(vt, 2, 20);
	assert_screen(vt, "b|c");
	assert_all(vt, "a|b|c");
	/* a screen that was cleared does not get its history back by growing */
	feed(vt, E "[H" E "[2Jx");
	vt_resize(vt, 6, 20);
	assert_screen(vt, "x");
	vt_free(vt);
}

static void scrollback_is_wrapped_when_it_is_looked_at(void **state)
{
	struct vt *vt = vt_new(2, 10, NULL, NULL);
	unsigned epoch = vt_line_epoch(vt);

	(void)state;
	feed(vt, "0123456789abcde\r\nshort\r\n" E "[31mred and long enough" E "[0m\r\n1\r\n2\r\n3");
	vt_resize(vt, 2, 40);
	assert_int_not_equal(vt_line_epoch(vt), epoch);
	feed(vt, "\r\n4"); /* a line of the new width behind stale ones */
	assert_all(vt, "0123456789abcde|short|red and long enough|1|2|3|4");
	assert_int_equal(vt_line(vt, vt_line_first(vt) + 2).cells[0].fg, VT_COLOR_INDEX | 1);
	vt_resize(vt, 2, 7);
	assert_all(vt, "0123456|789abcd|e|short|red and| long e|nough|1|2|3|4");
	vt_free(vt);
}

static void the_alternate_screen_is_cut_and_the_primary_wrapped(void **state)
{
	struct vt *vt = vt_new(4, 10, NULL, NULL);

	(void)state;
	feed(vt, "0123456789abc" E "[?1049h" E "[H0123456789" E "[4;8H");
	vt_resize(vt, 2, 5);
	assert_cursor(vt, 1, 4);
	assert_screen(vt, ""); /* the rows around the cursor */
	vt_resize(vt, 4, 10);
	feed(vt, E "[?1049l");
	assert_all(vt, "0123456789|abc");
	assert_cursor(vt, 1, 3);
	vt_free(vt);
}

static void empty_terminals_are_small(void **state)
{
	struct vt *vt = vt_new(50, 200, NULL, NULL);
	size_t bytes = sizeof *vt + 50 * (sizeof(struct vt_row) + sizeof(struct vt_row *));

	(void)state;
	/* no row has memory, nor has the alternate screen or the scrollback */
	for (int y = 0; y < 50; y++)
		assert_int_equal(vt->screen->row[y]->cap, 0);
	assert_null(vt->alternate.row);
	assert_int_equal(vt_scrollback_bytes(vt), 0);
	assert_true(bytes < 12 * 1024);
	vt_free(vt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_leave_by_the_top_are_kept),
		cmocka_unit_test(styles_and_clusters_survive_packing),
		cmocka_unit_test(a_long_run_of_one_style_survives),
		cmocka_unit_test(old_lines_go_when_there_are_too_many),
		cmocka_unit_test(bytes_have_a_ceiling_whatever_is_in_the_lines),
		cmocka_unit_test(text_has_columns_for_a_search),
		cmocka_unit_test(ascii_scrollback_is_small),
		cmocka_unit_test(text_is_wrapped_anew),
		cmocka_unit_test(the_cursor_stays_on_its_character),
		cmocka_unit_test(a_pending_wrap_survives),
		cmocka_unit_test(wide_cells_are_not_cut),
		cmocka_unit_test(hard_line_ends_stay),
		cmocka_unit_test(blank_rows_below_do_not_push_text_out),
		cmocka_unit_test(scrollback_is_wrapped_when_it_is_looked_at),
		cmocka_unit_test(the_alternate_screen_is_cut_and_the_primary_wrapped),
		cmocka_unit_test(empty_terminals_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
