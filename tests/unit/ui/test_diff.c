/* The differ, against the terminal emulator: whatever frames follow each other,
 * what is sent for them makes the emulator show the last one. */
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
#include "ui/diff.h"

static const struct diff_caps full = { .colors = SCREEN_TRUE,
	                               .has_sync = true,
	                               .has_links = true,
	                               .has_underlines = true,
	                               .has_shapes = true,
	                               .has_bce = true };

/* --- random frames, the same ones in every run -------------------------------------- */

static uint32_t seed;

static int below(int n)
{
	seed = seed * 1664525u + 1013904223u;
	return (int)((seed >> 8) % (uint32_t)n);
}

static uint32_t random_color(void)
{
	switch (below(4)) {
	case 0:
		return VT_COLOR_INDEX | (uint32_t)below(256);
	case 1:
		return VT_COLOR_RGB | (uint32_t)below(1 << 24);
	default:
		return VT_COLOR_DEFAULT;
	}
}

static struct style random_style(struct grid *g)
{
	static const uint32_t attrs[] = { 0,        VT_BOLD,    VT_DIM,    VT_ITALIC,
		                          VT_BLINK, VT_REVERSE, VT_STRIKE, VT_OVERLINE };
	struct style s = { .fg = random_color(), .bg = random_color() };

	for (int i = below(3); i > 0; i--)
		s.attr |= attrs[below(8)];
	if (below(4) == 0)
		s.attr |= (uint32_t)below(6) << VT_UL_SHIFT;
	if (below(5) == 0)
		s.attr |=
			grid_add_link(g, below(2) ? "https://example.com/a" : "https://b.example/",
		                      random_color())
			<< CANVAS_LINK_SHIFT;
	return s;
}

static void draw_random(struct grid *g)
{
	static const char *const words[] = {
		"plain words of text",
		"x",
		"   ",
		"漢字かな交じり",
		"한국어",
		"e\u0301cole a\u0308",
		"👍🏽 ok",
		"🇩🇪🇫🇷",
		"👩‍👩‍👧 family",
		"❤️",
		"│├─┤",
		"…",
		"\u1100\u1161",
		"ไทยกำ",
		"Ωμέγα",
		"привет",
		"\u0915\u094d\u0937",
	};
	struct canvas c = canvas_of(g);
	int rows = grid_rows(g), cols = grid_cols(g);

	for (int i = below(12); i >= 0; i--) {
		struct style s = random_style(g);
		struct rect r = { below(rows), below(cols), 1 + below(4), 1 + below(cols) };

		if (below(4) == 0)
			canvas_fill(c, r, s);
		else if (below(4) == 0)
			canvas_restyle(c, r, s);
		else
			canvas_text(c, r.y, r.x, -1, s,
			            words[below((int)(sizeof words / sizeof *words))]);
	}
	grid_set_cursor(g, below(rows), below(cols), below(3) > 0, (enum vt_cursor_shape)below(3));
}

/* --- what the emulator shows ----------------------------------------------------------- */

#define SHOWS (VT_REVERSE | VT_STRIKE | VT_OVERLINE | VT_UL_MASK)
#define SEEN (SHOWS | VT_BOLD | VT_DIM | VT_ITALIC | VT_BLINK | VT_CONCEAL)

static void describe(char *out, size_t size, const char *text, uint32_t fg, uint32_t bg,
                     uint32_t attr, uint32_t ul, const char *link)
{
	attr &= SEEN | VT_WIDE;
	if (strcmp(text, " ") == 0 && !(attr & SHOWS))
		fg = attr = 0;
	if (!(attr & VT_UL_MASK))
		ul = 0;
	snprintf(out, size, "'%s' fg %x bg %x attr %x ul %x link %s", text, fg, bg, attr, ul,
	         link ? link : "none");
}

static void assert_shows(const struct vt *vt, const struct grid *g, bool with_styles)
{
	char a[VT_CELL_TEXT_MAX], b[VT_CELL_TEXT_MAX], want[512], have[512];
	static const struct vt_cell blank;

	for (int y = 0; y < grid_rows(g); y++) {
		const struct canvas_cell *row = grid_row(g, y);
		struct vt_line line = vt_row(vt, y);

		for (int x = 0; x < grid_cols(g); x++) {
			const struct canvas_cell *c = &row[x];
			struct vt_cell v = blank;
			unsigned id, n = c->attr >> CANVAS_LINK_SHIFT;

			if ((unsigned)x < line.used)
				v = line.cells[x];
			else
				v.bg = line.fill;
			assert_int_equal(v.attr & VT_TAIL, c->attr & VT_TAIL);
			if (c->attr & VT_TAIL)
				continue;
			grid_cell_text(g, c, a);
			vt_cell_text(vt, &v, b);
			if (!with_styles) {
				assert_string_equal(b, a);
				continue;
			}
			describe(want, sizeof want, a, c->fg, c->bg, c->attr, grid_ul_color(g, n),
			         grid_link(g, n));
			describe(have, sizeof have, b, v.fg, v.bg, v.attr, vt_cell_ul_color(vt, &v),
			         vt_cell_link(vt, &v, &id));
			if (strcmp(want, have) != 0)
				fail_msg("row %d column %d: shown %s, wanted %s", y, x, have, want);
		}
	}
}

static void assert_cursor(const struct vt *vt, const struct grid *g)
{
	struct vt_cursor c = vt_cursor(vt);
	enum vt_cursor_shape shape;
	bool is_visible;
	int y, x;

	grid_cursor(g, &y, &x, &is_visible, &shape);
	assert_int_equal(c.is_visible, is_visible);
	if (is_visible) {
		assert_int_equal(c.y, y);
		assert_int_equal(c.x, x);
		assert_int_equal(c.shape, shape);
	}
}

static void follow(const struct diff_caps *caps, uint32_t start, bool with_styles)
{
	int rows = 9, cols = 31;
	struct diff *d = diff_new(caps);
	struct grid *g = grid_new(rows, cols);
	struct vt *vt = vt_new(rows, cols, NULL, NULL);
	struct buf out = BUF_INIT(1 << 20);

	seed = start;
	for (int frame = 0; frame < 120; frame++) {
		if (below(3) == 0)
			grid_clear(g, (struct style){ .bg = random_color() });
		if (below(40) == 0) {
			rows = 2 + below(12);
			cols = 2 + below(50);
			grid_resize(g, rows, cols);
			vt_resize(vt, rows, cols);
		}
		draw_random(g);
		diff_take(d, g);
		assert_int_equal(diff_emit(d, &out), 0);
		vt_feed(vt, buf_str(&out), out.len, 0);
		buf_reset(&out);
		assert_shows(vt, g, with_styles);
		if (caps->has_shapes)
			assert_cursor(vt, g);
		diff_take(d, g);
		diff_emit(d, &out);
		assert_int_equal(out.len, 0);
	}
	buf_done(&out);
	vt_free(vt);
	grid_free(g);
	diff_free(d);
}

static void random_frames_arrive_whole(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 30; i++)
		follow(&full, i * 7919, true);
}

static void random_frames_arrive_whole_without_erasing_in_colour(void **state)
{
	struct diff_caps caps = full;

	(void)state;
	caps.has_bce = caps.has_sync = false;
	for (uint32_t i = 0; i < 10; i++)
		follow(&caps, 1 + i * 7919, true);
}

static void text_arrives_whatever_the_colours(void **state)
{
	(void)state;
	for (int colors = SCREEN_MONO; colors <= SCREEN_256; colors++) {
		struct diff_caps caps = { .colors = (enum screen_colors)colors };

		for (uint32_t i = 0; i < 5; i++)
			follow(&caps, 2 + i * 7919, false);
	}
}

/* --- single frames ------------------------------------------------------------------------ */

struct fixture {
	struct diff *d;
	struct grid *g;
	struct buf out;
};

/* An empty frame of 5 x 20 is shown already. */
static struct fixture begin(struct diff_caps caps)
{
	struct fixture f = { diff_new(&caps), grid_new(5, 20), BUF_INIT(1 << 16) };

	diff_take(f.d, f.g);
	diff_emit(f.d, &f.out);
	buf_reset(&f.out);
	return f;
}

static void sends(struct fixture *f, const char *want)
{
	diff_take(f->d, f->g);
	assert_int_equal(diff_emit(f->d, &f->out), 0);
	assert_string_equal(buf_str(&f->out), want);
	buf_reset(&f->out);
}

static void end(struct fixture *f)
{
	buf_done(&f->out);
	grid_free(f->g);
	diff_free(f->d);
}

static void put(struct fixture *f, int y, int x, struct style s, const char *text)
{
	canvas_text(canvas_of(f->g), y, x, -1, s, text);
}

static const struct style normal;

static void one_letter_costs_a_move_and_a_letter(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_256 });

	(void)state;
	put(&f, 2, 4, normal, "a");
	sends(&f, "\033[3;5Ha");
	put(&f, 2, 5, normal, "b");
	sends(&f, "b");
	put(&f, 2, 7, normal, "c");
	sends(&f, " c");
	end(&f);
}

static void a_row_that_empties_is_erased(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_256 });

	(void)state;
	put(&f, 1, 0, normal, "some long text");
	sends(&f, "\r\nsome long text");
	put(&f, 1, 4, normal, "          ");
	sends(&f, "\033[9D\033[K");
	end(&f);
}

static void a_frame_is_wrapped_for_terminals_that_wait_for_its_end(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_256, .has_sync = true });

	(void)state;
	put(&f, 0, 0, normal, "a");
	sends(&f, "\033[?2026ha\033[?2026l");
	sends(&f, "");
	end(&f);
}

static void a_moved_cursor_alone_is_not_wrapped(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_256, .has_sync = true });

	(void)state;
	grid_set_cursor(f.g, 0, 3, true, VT_CURSOR_BLOCK);
	sends(&f, "\033[3C\033[?25h");
	grid_set_cursor(f.g, 0, 3, false, VT_CURSOR_BLOCK);
	sends(&f, "\033[?25l");
	end(&f);
}

static void colours_come_down_to_what_the_terminal_has(void **state)
{
	static const struct {
		uint32_t color;
		enum screen_colors colors;
		uint32_t want;
	} t[] = {
		{ VT_COLOR_RGB | 0x123456, SCREEN_TRUE, VT_COLOR_RGB | 0x123456 },
		{ VT_COLOR_RGB | 0xff0000, SCREEN_256, VT_COLOR_INDEX | 196 },
		{ VT_COLOR_RGB | 0x808080, SCREEN_256, VT_COLOR_INDEX | 244 },
		{ VT_COLOR_RGB | 0x000000, SCREEN_256, VT_COLOR_INDEX | 16 },
		{ VT_COLOR_RGB | 0xffffff, SCREEN_256, VT_COLOR_INDEX | 231 },
		{ VT_COLOR_INDEX | 200, SCREEN_256, VT_COLOR_INDEX | 200 },
		{ VT_COLOR_RGB | 0xff0000, SCREEN_16, VT_COLOR_INDEX | 9 },
		{ VT_COLOR_INDEX | 16, SCREEN_16, VT_COLOR_INDEX | 0 },
		{ VT_COLOR_INDEX | 255, SCREEN_16, VT_COLOR_INDEX | 7 },
		{ VT_COLOR_INDEX | 5, SCREEN_16, VT_COLOR_INDEX | 5 },
		{ VT_COLOR_RGB | 0xff0000, SCREEN_MONO, VT_COLOR_DEFAULT },
		{ VT_COLOR_DEFAULT, SCREEN_TRUE, VT_COLOR_DEFAULT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (diff_reduce(t[i].color, t[i].colors) != t[i].want)
			fail_msg("%x became %x", t[i].color, diff_reduce(t[i].color, t[i].colors));
}

static void no_colours_means_no_colour_bytes(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_MONO });
	struct style red = { .fg = VT_COLOR_INDEX | 1, .bg = VT_COLOR_RGB | 0xff, .attr = VT_BOLD };

	(void)state;
	put(&f, 0, 0, red, "a");
	sends(&f, "\033[1ma\033[m");
	end(&f);
}

static void a_colour_that_looks_the_same_is_not_sent_again(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_16 });
	struct style s = { .fg = VT_COLOR_RGB | 0xff0000 };

	(void)state;
	put(&f, 0, 0, s, "a");
	sends(&f, "\033[91ma\033[m");
	s.fg = VT_COLOR_RGB | 0xfe0101;
	put(&f, 0, 0, s, "a");
	sends(&f, "");
	end(&f);
}

static void underlines_are_plain_where_styles_are_unknown(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_TRUE });
	struct style s = { .attr = VT_UL_CURLY << VT_UL_SHIFT };

	(void)state;
	put(&f, 0, 0, s, "a");
	sends(&f, "\033[4ma\033[m");
	end(&f);
}

static void without_utf8_everything_is_ascii(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_TRUE, .is_ascii = true });

	(void)state;
	put(&f, 0, 0, normal, "a漢é👍🏽z");
	sends(&f, "a??e??z");
	end(&f);
}

static void a_run_of_blanks_is_erased_where_that_is_known(void **state)
{
	struct style blue = { 0, VT_COLOR_INDEX | 4, 0 };
	struct diff_caps caps = { .colors = SCREEN_256, .has_ech = true, .has_bce = true };
	struct fixture f = begin(caps);

	(void)state;
	canvas_fill(canvas_of(f.g), (struct rect){ 0, 2, 1, 12 }, blue);
	sends(&f, "\033[2C\033[44m\033[12X\033[m");
	end(&f);
	caps.has_bce = false;
	f = begin(caps);
	canvas_fill(canvas_of(f.g), (struct rect){ 0, 2, 1, 12 }, blue);
	sends(&f, "  \033[44m            \033[m");
	end(&f);
}

static void what_a_simple_terminal_spoils_is_written_again(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_256 });

	(void)state;
	put(&f, 0, 0, normal, "  abcdefg");
	diff_take(f.d, f.g);
	diff_emit(f.d, &f.out);
	buf_reset(&f.out);
	put(&f, 0, 0, normal, "👩‍👩‍👧"); /* six columns where clusters are unknown */
	sends(&f, "\r👩‍👩‍👧\033[1;3Habcd");
	end(&f);
}

static void text_does_not_vanish_for_want_of_colours(void **state)
{
	struct style s = { VT_COLOR_RGB | 0x202020, VT_COLOR_RGB | 0x000000, 0 };
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_16 });

	(void)state;
	put(&f, 0, 0, s, "x");
	sends(&f, "\033[97;40mx\033[m");
	s.fg = s.bg;
	put(&f, 0, 0, s, "y"); /* that one was to vanish */
	sends(&f, "\r\033[30;40my\033[m");
	end(&f);
}

static void links_cannot_swell_a_frame(void **state)
{
	struct diff *d = diff_new(&(struct diff_caps){ .has_links = true });
	struct grid *g = grid_new(50, 200);
	struct buf out = BUF_INIT(64 << 20);
	char uri[2][2000];

	(void)state;
	for (int i = 0; i < 2; i++) {
		memset(uri[i], 'a' + i, sizeof uri[i] - 1);
		uri[i][sizeof uri[i] - 1] = '\0';
	}
	for (int y = 0; y < 50; y++)
		for (int x = 0; x < 200; x++) {
			struct style s = normal;

			s.attr = grid_add_link(g, uri[x & 1], 0) << CANVAS_LINK_SHIFT;
			canvas_text(canvas_of(g), y, x, -1, s, "x");
		}
	diff_take(d, g);
	assert_int_equal(diff_emit(d, &out), 0);
	assert_true(out.len < 2 * DIFF_LINK_BYTES);
	diff_free(d);
	grid_free(g);
	buf_done(&out);
}

static void a_link_is_opened_and_closed(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_TRUE, .has_links = true });
	struct style s = { .attr = grid_add_link(f.g, "https://example.com/", VT_COLOR_DEFAULT)
		                   << CANVAS_LINK_SHIFT };

	(void)state;
	put(&f, 0, 0, s, "ab");
	put(&f, 0, 2, normal, "c");
	sends(&f, "\033]8;;https://example.com/\033\\ab\033]8;;\033\\c");
	end(&f);
}

static void nothing_is_believed_after_forgetting(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_TRUE });

	(void)state;
	put(&f, 0, 0, normal, "a");
	sends(&f, "a");
	diff_forget(f.d);
	sends(&f, "\033[?25l\033[m\033[H\033[2Ja");
	end(&f);
}

static void a_full_buffer_is_said_and_mended_by_the_next_frame(void **state)
{
	struct fixture f = begin((struct diff_caps){ .colors = SCREEN_TRUE });
	struct buf small = BUF_INIT(8);

	(void)state;
	put(&f, 0, 0, normal, "more than fits");
	diff_take(f.d, f.g);
	assert_int_equal(diff_emit(f.d, &small), -1);
	buf_done(&small);
	sends(&f, "\033[?25l\033[m\033[H\033[2Jmore than fits");
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_frames_arrive_whole),
		cmocka_unit_test(random_frames_arrive_whole_without_erasing_in_colour),
		cmocka_unit_test(text_arrives_whatever_the_colours),
		cmocka_unit_test(one_letter_costs_a_move_and_a_letter),
		cmocka_unit_test(a_row_that_empties_is_erased),
		cmocka_unit_test(a_frame_is_wrapped_for_terminals_that_wait_for_its_end),
		cmocka_unit_test(a_moved_cursor_alone_is_not_wrapped),
		cmocka_unit_test(colours_come_down_to_what_the_terminal_has),
		cmocka_unit_test(no_colours_means_no_colour_bytes),
		cmocka_unit_test(a_colour_that_looks_the_same_is_not_sent_again),
		cmocka_unit_test(underlines_are_plain_where_styles_are_unknown),
		cmocka_unit_test(without_utf8_everything_is_ascii),
		cmocka_unit_test(a_run_of_blanks_is_erased_where_that_is_known),
		cmocka_unit_test(what_a_simple_terminal_spoils_is_written_again),
		cmocka_unit_test(text_does_not_vanish_for_want_of_colours),
		cmocka_unit_test(links_cannot_swell_a_frame),
		cmocka_unit_test(a_link_is_opened_and_closed),
		cmocka_unit_test(nothing_is_believed_after_forgetting),
		cmocka_unit_test(a_full_buffer_is_said_and_mended_by_the_next_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
