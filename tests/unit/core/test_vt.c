/* Sequences and the grid they must leave, on a screen of 5 rows and 10 columns;
 * rows are joined by '|'. */
#include "vt_help.h"

struct example {
	const char *name, *bytes, *screen;
	int y, x;
};

#define E "\033"

static const struct example examples[] = {
	{ "text", "abc", "abc", 0, 3 },
	{ "cr lf", "ab\r\ncd", "ab|cd", 1, 2 },
	{ "lf alone keeps the column", "ab\ncd", "ab|  cd", 1, 4 },
	{ "backspace overwrites", "abc\b\bX", "aXc", 0, 2 },
	{ "tab", "a\tb", "a       b", 0, 9 },
	{ "tab stops at the edge", "\t\t\tx", "         x", 0, 9 },
	{ "wrap is pending", "0123456789", "0123456789", 0, 9 },
	{ "wrap happens with the next", "0123456789a", "0123456789|a", 1, 1 },
	{ "cr cancels the wrap", "0123456789\ra", "a123456789", 0, 1 },
	{ "no autowrap", E "[?7l0123456789abc", "012345678c", 0, 9 },
	{ "scroll", "1\r\n2\r\n3\r\n4\r\n5\r\n6", "2|3|4|5|6", 4, 1 },
	{ "cup", E "[3;4Hx", "||   x", 2, 4 },
	{ "cup is clamped", E "[99;99Hx", "||||         x", 4, 9 },
	{ "cup without parameters", "abc" E "[Hx", "xbc", 0, 1 },
	{ "cuu cud cuf cub", E "[3;3H" E "[A" E "[2C" E "[B" E "[3Dx", "|| x", 2, 2 },
	{ "cnl cpl", "abc" E "[2Ex" E "[Fy", "abc|y|x", 1, 1 },
	{ "cha vpa hpr vpr", E "[5Ga" E "[2db" E "[ac" E "[ed", "    a|     b c|        d", 2, 9 },
	{ "cbt cht", E "[2I" E "[Zx", "        x", 0, 9 },
	{ "hts tbc", E "[4G" E "H\r\tx" E "[3g\r\ty", "   x     y", 0, 9 },
	{ "save and restore", "ab" E "7" E "[4;4Hc" E "8d", "abd|||   c", 0, 3 },
	{ "save and restore sco", "ab" E "[s" E "[4;4Hc" E "[ud", "abd|||   c", 0, 3 },
	{ "el", "0123456789" E "[5G" E "[K", "0123", 0, 4 },
	{ "el 1", "0123456789" E "[5G" E "[1K", "     56789", 0, 4 },
	{ "el 2", "0123456789" E "[2K", "", 0, 9 },
	{ "ed", "1\r\n2\r\n333" E "[2;1H" E "[J", "1", 1, 0 },
	{ "ed 1", "111\r\n222\r\n333" E "[2;2H" E "[1J", "|  2|333", 1, 1 },
	{ "ed 2", "1\r\n2" E "[2J", "", 1, 1 },
	{ "ich", "abcdef" E "[3G" E "[2@", "ab  cdef", 0, 2 },
	{ "ich pushes out", "0123456789" E "[1G" E "[3@", "   0123456", 0, 0 },
	{ "dch", "abcdef" E "[3G" E "[2P", "abef", 0, 2 },
	{ "ech", "abcdef" E "[3G" E "[2X", "ab  ef", 0, 2 },
	{ "il", "1\r\n2\r\n3" E "[2H" E "[L", "1||2|3", 1, 0 },
	{ "dl", "1\r\n2\r\n3" E "[2H" E "[M", "1|3", 1, 0 },
	{ "il in the region", "1\r\n2\r\n3\r\n4\r\n5" E "[2;4r" E "[2H" E "[L", "1||2|3|5", 1, 0 },
	{ "dl in the region", "1\r\n2\r\n3\r\n4\r\n5" E "[2;4r" E "[2H" E "[M", "1|3|4||5", 1, 0 },
	{ "su sd", "1\r\n2\r\n3" E "[S" E "[2T", "||2|3", 2, 1 },
	{ "region scrolls", "1\r\n2\r\n3\r\n4\r\n5" E "[2;3r" E "[3H\n\nx", "1||x|4|5", 2, 1 },
	{ "ri at the top", "1\r\n2" E "[H" E "M0", "0|1|2", 0, 1 },
	{ "ri in the region", "1\r\n2\r\n3" E "[2;3r" E "[2H" E "Mx", "1|x|2", 1, 1 },
	{ "ind nel", "a" E "Db" E "Ec", "a| b|c", 2, 1 },
	{ "origin mode", E "[2;4r" E "[?6h" E "[1;1Hx" E "[9;1Hy", "|x||y", 3, 1 },
	{ "irm", "abc" E "[1G" E "[4hXY" E "[4lZ", "XYZbc", 0, 3 },
	{ "rep", "ab" E "[3b", "abbbb", 0, 5 },
	{ "rep stops at the edge", "a" E "[99b", "aaaaaaaaaa", 0, 9 },
	{ "rep as the first thing", E "[5bx", "x", 0, 1 },
	{ "rep of a wide one", "\xe6\xbc\xa2" E "[2b", "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 0,
	  6 },
	{ "decaln", E "#8" E "[2;2H ", "EEEEEEEEEE|E EEEEEEEE|EEEEEEEEEE|EEEEEEEEEE|EEEEEEEEEE", 1,
	  2 },
	{ "line drawing", E "(0lqk" E "(Bq", "\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x90q", 0, 4 },
	{ "shift out and in", E ")0\016x\017x", "\xe2\x94\x82x", 0, 2 },
	{ "single shift", E "*0" E "Nxx", "\xe2\x94\x82x", 0, 2 },
	{ "uk", E "(A#", "\xc2\xa3", 0, 1 },
	{ "wide", "\xe6\xbc\xa2x", "\xe6\xbc\xa2x", 0, 3 },
	{ "wide wraps early", "012345678\xe6\xbc\xa2", "012345678|\xe6\xbc\xa2", 1, 2 },
	{ "half of a wide one is none", "\xe6\xbc\xa2" E "[2Gx", " x", 0, 2 },
	{ "first half too", "\xe6\xbc\xa2" E "[1Gx", "x", 0, 1 },
	{ "erase cuts a wide one", "a\xe6\xbc\xa2" E "[3G" E "[K", "a", 0, 2 },
	{ "insert cuts a wide one",
	  "a\xe6\xbc\xa2"
	  "b" E "[3G" E "[@",
	  "a   b", 0, 2 },
	{ "delete cuts a wide one",
	  "a\xe6\xbc\xa2"
	  "b" E "[2G" E "[P",
	  "a b", 0, 1 },
	{ "combining", "e\xcc\x81x", "e\xcc\x81x", 0, 2 },
	{ "combining after a move", "e" E "[5G" E "[2G\xcc\x81x", "e\xcc\x81x", 0, 2 },
	{ "mark with nothing below it", "\xcc\x81x", "x", 0, 1 },
	{ "zwj", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbbx",
	  "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbbx", 0, 3 },
	{ "flag widens", "\xf0\x9f\x87\xab\xf0\x9f\x87\xb7x", "\xf0\x9f\x87\xab\xf0\x9f\x87\xb7x",
	  0, 3 },
	{ "emoji style widens", "\xe2\x9d\xa4\xef\xb8\x8fx", "\xe2\x9d\xa4\xef\xb8\x8fx", 0, 3 },
	{ "widening at the edge wraps", E "[10G\xe2\x9d\xa4\xef\xb8\x8fx",
	  "|\xe2\x9d\xa4\xef\xb8\x8fx", 1, 3 },
	{ "bidi controls are dropped",
	  "a\xe2\x80\xae"
	  "b\xe2\x81\xa6"
	  "c",
	  "abc", 0, 3 },
	{ "c1 is not obeyed",
	  "a\xc2\x9b"
	  "2Jb",
	  "a2Jb", 0, 4 },
	{ "bad utf-8", "a\xff\xc0\x80z", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz", 0, 5 },
	{ "cut utf-8", "a\xe6\xbcz", "a\xef\xbf\xbdz", 0, 3 },
	{ "surrogate", "\xed\xa0\x80z", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz", 0, 4 },
	{ "alternate screen", "abc" E "[?1049hxyz" E "[?1049l", "abc", 0, 3 },
	{ "alternate screen shown", "abc" E "[?1049hxyz", "   xyz", 0, 6 },
	{ "1049 twice is once", "ab" E "[?1049hx" E "[?1049hy" E "[?1049l" E "[?1049l", "ab", 0,
	  2 },
	{ "decrc leaves autowrap", E "7" E "[?7l" E "80123456789ab", "012345678b", 0, 9 },
	{ "47 keeps, 1047 clears", E "[?47hA" E "[?47l" E "[?1047h", "A", 0, 1 },
	{ "reverse wrap", "0123456789a" E "[?45h\b\bX", "012345678X|a", 0, 9 },
	{ "no reverse wrap", "0123456789a\b\bX", "0123456789|X", 1, 1 },
	{ "decsel spares", E "[1\"qab" E "[0\"qcd\r" E "[?2K", "ab", 0, 0 },
	{ "decstr", E "[2;3r" E "[?6h" E "[4h" E "[!p" E "[1;1Hab\rX", "Xb", 0, 1 },
	{ "ris", "abc" E "[2;3r" E "cx", "x", 0, 1 },
	{ "controls inside a sequence", "a" E "[2\rCb", "a b", 0, 3 },
	{ "can cancels", "a" E "[3\030Cb", "aCb", 0, 3 },
	{ "unknown csi", "a" E "[5;6~" E "[<3z" E "[ 1yb", "ab", 0, 2 },
	{ "too many intermediates", "a" E "[!!!pb" E "()!0q", "abq", 0, 3 },
	{ "prefix in the middle", "a" E "[1?2Jb", "ab", 0, 2 },
	{ "many parameters",
	  "a" E "[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;"
	  "1;1;1;1;1;1;1;1;1;1;1mb",
	  "ab", 0, 2 },
	{ "huge parameter", "a" E "[99999999999999999999Cb", "a        b", 0, 9 },
	{ "apc is swallowed", "a" E "_" E "[2J" E "]0;x\a evil" E "\\b", "ab", 0, 2 },
	{ "pm and sos too", "a" E "^x\033[H" E "\\b" E "Xy\r\n" E "\\c", "abc", 0, 3 },
	{ "osc inside dcs stays inside", "a" E "Ptmux;" E E "]0;x\a" E "[2J" E "\\b", "ab", 0, 2 },
	{ "bad dcs header", "a" E "P1?2;" E "]x\a" E "\\b", "ab", 0, 2 },
	{ "escape cancels an osc", "a" E "]0;t" E "[3Cb", "a   b", 0, 5 },
	{ "newline mode", E "[20hab\ncd", "ab|cd", 1, 2 },
	{ "del is ignored", "a\177b", "ab", 0, 2 },
	{ "soft hyphen shows",
	  "a\xc2\xad"
	  "b",
	  "a-b", 0, 3 },
	{ "hangul jamo", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8x",
	  "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8x", 0, 3 },
};

/* True when it does; says what is wrong otherwise. */
static bool check_example(const struct example *e, size_t chunk)
{
	struct vt *vt = vt_new(5, 10, NULL, NULL);
	size_t len = strlen(e->bytes);
	char *got;
	bool ok;

	for (size_t i = 0; i < len; i += chunk)
		vt_feed(vt, e->bytes + i, len - i < chunk ? len - i : chunk, 0);
	got = screen_text(vt);
	ok = strcmp(got, e->screen) == 0 && vt_cursor(vt).y == e->y && vt_cursor(vt).x == e->x;
	if (!ok)
		print_error("%s: got '%s' at %d,%d, want '%s' at %d,%d\n", e->name, got,
		            vt_cursor(vt).y, vt_cursor(vt).x, e->screen, e->y, e->x);
	free(got);
	vt_free(vt);
	return ok;
}

static int failures(size_t chunk)
{
	int n = 0;

	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
		n += !check_example(&examples[i], chunk);
	return n;
}

static void sequences_leave_the_expected_grid(void **state)
{
	(void)state;
	assert_int_equal(failures(4096), 0);
}

static void bytes_may_be_cut_anywhere(void **state)
{
	(void)state;
	assert_int_equal(failures(1), 0);
	assert_int_equal(failures(3), 0);
}

/* --- styles ------------------------------------------------------------------------- */

static const struct vt_cell *cell(const struct vt *vt, int y, unsigned x)
{
	struct vt_line line = vt_row(vt, y);

	assert_true(x < line.used);
	return &line.cells[x];
}

static void sgr_sets_colours_and_styles(void **state)
{
	static const struct {
		const char *sgr;
		uint32_t fg, bg, attr;
	} cases[] = {
		{ "1;2;3;5;7;8;9;53", 0, 0,
		  VT_BOLD | VT_DIM | VT_ITALIC | VT_BLINK | VT_REVERSE | VT_CONCEAL | VT_STRIKE |
		          VT_OVERLINE },
		{ "1;2;22", 0, 0, 0 },
		{ "3;9;53;23;29;55", 0, 0, 0 },
		{ "31;44", VT_COLOR_INDEX | 1, VT_COLOR_INDEX | 4, 0 },
		{ "97;100", VT_COLOR_INDEX | 15, VT_COLOR_INDEX | 8, 0 },
		{ "31;39;44;49", 0, 0, 0 },
		{ "38;5;200;48;5;17", VT_COLOR_INDEX | 200, VT_COLOR_INDEX | 17, 0 },
		{ "38;2;1;2;3", VT_COLOR_RGB | 0x010203, 0, 0 },
		{ "38:2:1:2:3", VT_COLOR_RGB | 0x010203, 0, 0 },
		{ "38:2::1:2:3", VT_COLOR_RGB | 0x010203, 0, 0 },
		{ "48:5:17;1", 0, VT_COLOR_INDEX | 17, VT_BOLD },
		{ "38:2::1:2:3:9:9;1", VT_COLOR_RGB | 0x010203, 0, VT_BOLD },
		{ "4", 0, 0, VT_UL_SINGLE << VT_UL_SHIFT },
		{ "4:3", 0, 0, VT_UL_CURLY << VT_UL_SHIFT },
		{ "4:5", 0, 0, VT_UL_DASHED << VT_UL_SHIFT },
		{ "4:9", 0, 0, 0 },
		{ "21", 0, 0, VT_UL_DOUBLE << VT_UL_SHIFT },
		{ "4:3;24", 0, 0, 0 },
		{ "4;4:0", 0, 0, 0 },
		{ "31;1;0", 0, 0, 0 },
		{ "31;1;", 0, 0, 0 },
		{ "38;5;300", 0, 0, 0 },
		{ "38;2;1;2", VT_COLOR_RGB | 0x010200, 0, 0 },
		{ "38", 0, 0, 0 },
		{ "38;9;1", 0, 0, VT_BOLD },
		{ "38:5", 0, 0, 0 },
		{ "77", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct vt *vt = vt_new(2, 10, NULL, NULL);
		char bytes[80];
		const struct vt_cell *c;

		snprintf(bytes, sizeof bytes, E "[%smx", cases[i].sgr);
		feed(vt, bytes);
		c = cell(vt, 0, 0);
		if (c->fg != cases[i].fg || c->bg != cases[i].bg || c->attr != cases[i].attr)
			fail_msg("%s: fg %x bg %x attr %x", cases[i].sgr, c->fg, c->bg, c->attr);
		vt_free(vt);
	}
}

static void underline_colour_and_link_are_kept_together(void **state)
{
	struct vt *vt = vt_new(2, 10, NULL, NULL);
	unsigned id = 0, id2 = 0;

	(void)state;
	feed(vt, E "[4;58;2;1;2;3ma" E "]8;id=1;https://x.test/\ab" E "[59mc" E "]8;;\ad");
	assert_int_equal(vt_cell_ul_color(vt, cell(vt, 0, 0)), VT_COLOR_RGB | 0x010203);
	assert_null(vt_cell_link(vt, cell(vt, 0, 0), &id));
	assert_int_equal(vt_cell_ul_color(vt, cell(vt, 0, 1)), VT_COLOR_RGB | 0x010203);
	assert_string_equal(vt_cell_link(vt, cell(vt, 0, 1), &id), "https://x.test/");
	assert_int_equal(vt_cell_ul_color(vt, cell(vt, 0, 2)), 0);
	assert_string_equal(vt_cell_link(vt, cell(vt, 0, 2), &id2), "https://x.test/");
	assert_int_equal(id, id2);
	assert_null(vt_cell_link(vt, cell(vt, 0, 3), &id));
	vt_free(vt);
}

static void erasing_uses_the_background(void **state)
{
	struct vt *vt = vt_new(3, 10, NULL, NULL);
	struct vt_line line;

	(void)state;
	feed(vt, "abc" E "[44m" E "[K" E "[2;1H" E "[49mxyz" E "[2;2H" E "[42m" E "[1K");
	line = vt_row(vt, 0);
	assert_int_equal(line.used, 3);
	assert_int_equal(line.fill, VT_COLOR_INDEX | 4);
	assert_int_equal(cell(vt, 1, 0)->bg, VT_COLOR_INDEX | 2);
	assert_int_equal(cell(vt, 1, 1)->bg, VT_COLOR_INDEX | 2);
	assert_int_equal(cell(vt, 1, 2)->bg, 0);
	/* text behind a coloured tail keeps the tail between */
	feed(vt, E "[1;8H" E "[0mZ");
	assert_int_equal(cell(vt, 0, 5)->bg, VT_COLOR_INDEX | 4);
	assert_int_equal(cell(vt, 0, 7)->bg, 0);
	feed(vt, E "[1;1H" E "[0;41m" E "[P");
	assert_int_equal(cell(vt, 0, 4)->bg, VT_COLOR_INDEX | 4);
	assert_int_equal(vt_row(vt, 0).fill, VT_COLOR_INDEX | 1);
	vt_free(vt);
}

/* --- damage, hold, cursor ---------------------------------------------------------------- */

static void damage_is_a_span_of_a_row(void **state)
{
	struct vt *vt = vt_new(5, 10, NULL, NULL);
	int lo, hi;

	(void)state;
	assert_true(vt_is_dirty(vt));
	vt_clean_damage(vt);
	assert_false(vt_is_dirty(vt));
	feed(vt, E "[2;3Hab" E "[2;7Hc");
	assert_false(vt_row_dirty(vt, 0, &lo, &hi));
	assert_true(vt_row_dirty(vt, 1, &lo, &hi));
	assert_int_equal(lo, 2);
	assert_int_equal(hi, 7);
	vt_clean_damage(vt);
	feed(vt, E "[H");
	assert_false(vt_is_dirty(vt));
	feed(vt, E "[5;1H\n\n");
	assert_int_equal(vt_scrolled(vt), 2);
	assert_true(vt_row_dirty(vt, 0, &lo, &hi));
	assert_int_equal(hi - lo, 10);
	vt_free(vt);
}

static void a_hold_ends_by_itself(void **state)
{
	static const char on[] = E "[?2026h", off[] = E "[?2026l";
	struct vt *vt = vt_new(5, 10, NULL, NULL);
	uint64_t until = 0;

	(void)state;
	vt_clean_damage(vt);
	assert_false(vt_is_held(vt, 1000, NULL));
	vt_feed(vt, on, sizeof on - 1, 1000);
	assert_true(vt_is_held(vt, 1149, &until));
	assert_int_equal(until, 1150);
	assert_false(vt_is_held(vt, 1150, NULL));
	/* frame after frame without a pause holds no longer than one */
	vt_feed(vt, off, sizeof off - 1, 1100);
	vt_feed(vt, on, sizeof on - 1, 1100);
	assert_true(vt_is_held(vt, 1149, NULL));
	assert_false(vt_is_held(vt, 1150, NULL));
	/* once drawn, the next frame has its own time */
	vt_clean_damage(vt);
	vt_feed(vt, off, sizeof off - 1, 1200);
	assert_false(vt_is_held(vt, 1200, NULL));
	vt_feed(vt, on, sizeof on - 1, 1300);
	assert_true(vt_is_held(vt, 1449, NULL));
	vt_free(vt);
}

static void a_string_left_open_is_dropped_in_time(void **state)
{
	struct vt *vt = vt_new(5, 10, NULL, NULL);

	(void)state;
	vt_feed(vt, E "Pstuck", 7, 1000);
	vt_feed(vt, "inside", 6, 1000 + VT_STRING_TIMEOUT_MS);
	assert_screen(vt, "");
	vt_feed(vt, "out", 3, 1001 + VT_STRING_TIMEOUT_MS);
	assert_screen(vt, "out");
	vt_free(vt);
}

static void the_cursor_has_a_shape(void **state)
{
	struct vt *vt = vt_new(5, 10, NULL, NULL);

	(void)state;
	assert_true(vt_cursor(vt).is_visible);
	assert_false(vt_cursor(vt).is_shape_set);
	feed(vt, E "[4 q" E "[?25l");
	assert_int_equal(vt_cursor(vt).shape, VT_CURSOR_UNDERLINE);
	assert_false(vt_cursor(vt).is_blinking);
	assert_false(vt_cursor(vt).is_visible);
	feed(vt, E "[5 q" E "[?25h");
	assert_int_equal(vt_cursor(vt).shape, VT_CURSOR_BAR);
	assert_true(vt_cursor(vt).is_blinking);
	feed(vt, E "[9 q");
	assert_int_equal(vt_cursor(vt).shape, VT_CURSOR_BAR);
	feed(vt, E "c");
	assert_false(vt_cursor(vt).is_shape_set);
	vt_free(vt);
}

static void sizes_are_clamped(void **state)
{
	struct vt *vt = vt_new(0, 1000000, NULL, NULL);

	(void)state;
	assert_int_equal(vt_rows(vt), 1);
	assert_int_equal(vt_cols(vt), VT_SIZE_MAX);
	vt_resize(vt, -5, -5);
	assert_int_equal(vt_cols(vt), 1);
	feed(vt, "\xe6\xbc\xa2"
	         "ab\xe2\x9d\xa4\xef\xb8\x8f");
	vt_free(vt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_leave_the_expected_grid),
		cmocka_unit_test(bytes_may_be_cut_anywhere),
		cmocka_unit_test(sgr_sets_colours_and_styles),
		cmocka_unit_test(underline_colour_and_link_are_kept_together),
		cmocka_unit_test(erasing_uses_the_background),
		cmocka_unit_test(damage_is_a_span_of_a_row),
		cmocka_unit_test(a_hold_ends_by_itself),
		cmocka_unit_test(a_string_left_open_is_dropped_in_time),
		cmocka_unit_test(the_cursor_has_a_shape),
		cmocka_unit_test(sizes_are_clamped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
