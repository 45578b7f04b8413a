#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/vt.h"
#include "core/buf.h"
#include "ui/diff_int.h"

#define ALL_ATTRS                                                                         \
	(VT_BOLD | VT_DIM | VT_ITALIC | VT_BLINK | VT_REVERSE | VT_STRIKE | VT_OVERLINE | \
	 VT_UL_MASK)

static struct diff_caps full_caps(void)
{
	return (struct diff_caps){
		.colors = SCREEN_TRUE,
		.has_sync = true,
		.has_links = true,
		.has_underlines = true,
		.has_shapes = true,
		.has_bce = true,
		.has_ech = true,
	};
}

/* A terminal, what it should show, and what it was told last. */
struct bench {
	struct diff_caps caps;
	struct diff *diff;
	struct grid *next;
	struct vt *vt;
	struct buf out;
};

static void bench_init(struct bench *b, int rows, int cols, struct diff_caps caps)
{
	*b = (struct bench){ .caps = caps };
	b->diff = diff_new(&caps);
	b->next = grid_new(rows, cols);
	b->vt = vt_new(rows, cols, NULL, NULL);
	b->out = (struct buf)BUF_INIT(16 << 20);
	vt_feed(b->vt, "\033[?7l", 5, 0);
}

static void bench_done(struct bench *b)
{
	diff_free(b->diff);
	grid_free(b->next);
	vt_free(b->vt);
	buf_done(&b->out);
}

static const char *bench_draw(struct bench *b)
{
	buf_reset(&b->out);
	diff_take(b->diff, b->next);
	assert_int_equal(diff_emit(b->diff, &b->out), 0);
	vt_feed(b->vt, buf_str(&b->out), b->out.len, 0);
	return buf_str(&b->out);
}

/* --- does the terminal show it? ------------------------------------------------------------ */

static struct vt_cell vt_cell_at(const struct vt *vt, int y, int x)
{
	struct vt_line line = vt_row(vt, y);

	if (x < (int)line.used)
		return line.cells[x];
	return (struct vt_cell){ 0, 0, line.fill, 0 };
}

static void wrong(const struct bench *b, int y, int x, const char *what, unsigned got,
                  unsigned want)
{
	fail_msg("row %d column %d: %s is %x, not %x (depth %u)", y, x, what, got, want,
	         b->caps.colors);
}

static void check_text(const struct bench *b, int y, int x, const struct canvas_cell *c,
                       const struct vt_cell *v)
{
	char want[VT_CELL_TEXT_MAX], got[VT_CELL_TEXT_MAX];

	grid_cell_text(b->next, c, want);
	vt_cell_text(b->vt, v, got);
	if (b->caps.is_ascii) {
		for (const char *s = got; *s; s++)
			if (*s & 0x80)
				fail_msg("row %d column %d: %s is not ASCII", y, x, got);
		return;
	}
	if (strcmp(got, want) != 0)
		fail_msg("row %d column %d: shows '%s', not '%s'", y, x, got, want);
	if ((c->attr ^ v->attr) & (VT_WIDE | VT_TAIL))
		fail_msg("row %d column %d of %d: '%s' takes %x, not %x", y, x, vt_cols(b->vt),
		         want, v->attr & (VT_WIDE | VT_TAIL), c->attr & (VT_WIDE | VT_TAIL));
}

static void check_style(struct bench *b, int y, int x, const struct canvas_cell *c,
                        const struct vt_cell *v)
{
	struct diff_pen pen = { diff_reduce(c->fg, b->caps.colors),
		                diff_reduce(c->bg, b->caps.colors), c->attr & ALL_ATTRS, 0 };
	bool shows_fg = c->text || pen.attr & (VT_UL_MASK | VT_STRIKE | VT_OVERLINE | VT_REVERSE);
	unsigned number = c->attr >> CANVAS_LINK_SHIFT;
	const char *uri = grid_link(b->next, number), *got = vt_cell_link(b->vt, v, NULL);

	pen.fg = diff_keep_apart(pen.fg, pen.bg, c->fg == c->bg);
	if (!b->caps.has_underlines && pen.attr & VT_UL_MASK)
		pen.attr = (pen.attr & ~(uint32_t)VT_UL_MASK) | VT_UL_SINGLE << VT_UL_SHIFT;
	if (b->caps.has_underlines)
		pen.ul = diff_reduce(grid_ul_color(b->next, number), b->caps.colors);
	if (v->bg != pen.bg)
		wrong(b, y, x, "background", v->bg, pen.bg);
	if (shows_fg && v->fg != pen.fg)
		wrong(b, y, x, "foreground", v->fg, pen.fg);
	if (shows_fg && (v->attr ^ pen.attr) & ALL_ATTRS)
		wrong(b, y, x, "attributes", v->attr & ALL_ATTRS, pen.attr);
	if (pen.attr & VT_UL_MASK && vt_cell_ul_color(b->vt, v) != pen.ul)
		wrong(b, y, x, "underline colour", vt_cell_ul_color(b->vt, v), pen.ul);
	if (b->caps.has_links && strcmp(uri ? uri : "", got ? got : "") != 0)
		fail_msg("row %d column %d: links to %s, not %s", y, x, got, uri);
}

static void check(struct bench *b)
{
	int rows = grid_rows(b->next), cols = grid_cols(b->next), y, x;
	struct vt_cursor cursor = vt_cursor(b->vt);
	enum vt_cursor_shape shape;
	bool is_visible;

	for (y = 0; y < rows; y++)
		for (x = 0; x < cols; x++) {
			const struct canvas_cell *c = grid_row(b->next, y) + x;
			struct vt_cell v = vt_cell_at(b->vt, y, x);

			check_text(b, y, x, c, &v);
			if (!(c->attr & VT_TAIL))
				check_style(b, y, x, c, &v);
		}
	grid_cursor(b->next, &y, &x, &is_visible, &shape);
	assert_int_equal(cursor.is_visible, is_visible);
	if (is_visible) {
		assert_int_equal(cursor.y, y);
		assert_int_equal(cursor.x, x);
		assert_int_equal(cursor.shape, shape);
	}
	assert_int_equal(vt_line_top(b->vt), 0); /* nothing scrolled */
	assert_false(vt_is_held(b->vt, 0, NULL));
}

/* --- random frames -----------------------------------------------------------------------------
 */

static uint64_t seed;

static unsigned any(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static uint32_t any_color(void)
{
	switch (any(4)) {
	case 0:
		return VT_COLOR_INDEX | any(16);
	case 1:
		return VT_COLOR_INDEX | any(256);
	case 2:
		return VT_COLOR_RGB | any(0x1000000);
	default:
		return VT_COLOR_DEFAULT;
	}
}

static struct style any_style(struct grid *g)
{
	static const char *const uris[] = { "https://a.test/x", "https://b.test/", NULL };
	struct style s = { 0, 0, 0 };

	if (any(3) == 0)
		return s;
	s.fg = any_color();
	s.bg = any(2) ? any_color() : 0;
	s.attr = any(3) ? 0 : any(256) & ALL_ATTRS;
	if (any(4) == 0)
		s.attr |= any(6) << VT_UL_SHIFT;
	if (any(6) == 0)
		s.attr |= grid_add_link(g, uris[any(3)], any(2) ? any_color() : 0)
		          << CANVAS_LINK_SHIFT;
	return s;
}

static void any_text(char *out, size_t size)
{
	static const char *const pieces[] = {
		"a",
		"b",
		"hello ",
		" ",
		"    ",
		"x",
		"漢",
		"字",
		"ü",
		"é",
		"e\u0301",
		"❤️",
		"👩‍👩‍👧",
		"🇩🇪",
		"🇩",
		"한글",
		"ᄒ",
		"ᅡ",
		"🙂",
		"🏽",
		"\u0600",
		"─",
		"क्षि",
		"…",
		"5️⃣",
		"⚑",
		"━━",
	};
	unsigned n = any(12);

	out[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		const char *s = pieces[any(sizeof pieces / sizeof pieces[0])];

		if (strlen(out) + strlen(s) + 1 < size)
			strncat(out, s, size - strlen(out) - 1);
	}
}

static void any_change(struct grid *g)
{
	int rows = grid_rows(g), cols = grid_cols(g);
	struct canvas c = canvas_of(g);
	struct rect r = { (int)any((unsigned)rows), (int)any((unsigned)cols), (int)any(4),
		          (int)any((unsigned)cols) };
	char text[256];

	switch (any(8)) {
	case 0:
		canvas_fill(c, r, any_style(g));
		break;
	case 1:
		canvas_restyle(c, (struct rect){ r.y, 0, 1, cols }, any_style(g));
		break;
	case 2:
		canvas_frame(canvas_part(c, r), any_style(g), any_style(g), "title");
		break;
	case 3:
		grid_set_cursor(g, r.y, r.x, any(3) > 0, (enum vt_cursor_shape)any(3));
		break;
	default:
		any_text(text, sizeof text);
		canvas_text(c, r.y, r.x, -1, any_style(g), text);
	}
}

static void shows_any_frames(struct diff_caps caps, unsigned runs)
{
	for (unsigned run = 1; run <= runs; run++) {
		struct bench b;

		seed = run * 0x9e3779b97f4a7c15u;
		bench_init(&b, (int)any(12) + 1, (int)any(40) + 1, caps);
		for (int frame = 0; frame < 20; frame++) {
			unsigned n = any(6);

			if (any(8) == 0) {
				grid_clear(b.next, any_style(b.next));
				n = 20;
			}
			while (n-- > 0)
				any_change(b.next);
			bench_draw(&b);
			check(&b);
			assert_string_equal(bench_draw(&b), ""); /* nothing changed */
		}
		bench_done(&b);
	}
}

static void any_frame_is_shown_in_true_colour(void **state)
{
	(void)state;
	shows_any_frames(full_caps(), 300);
}

static void any_frame_is_shown_at_any_depth(void **state)
{
	struct diff_caps caps = full_caps();

	(void)state;
	for (int depth = SCREEN_MONO; depth <= SCREEN_TRUE; depth++) {
		caps.colors = (enum screen_colors)depth;
		caps.has_underlines = depth >= SCREEN_256;
		caps.has_sync = false;
		shows_any_frames(caps, 60);
	}
}

static void any_frame_is_shown_by_a_poor_terminal(void **state)
{
	struct diff_caps caps = { .colors = SCREEN_MONO, .has_shapes = true };

	(void)state;
	shows_any_frames(caps, 100);
	caps.is_ascii = true;
	shows_any_frames(caps, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_frame_is_shown_in_true_colour),
		cmocka_unit_test(any_frame_is_shown_at_any_depth),
		cmocka_unit_test(any_frame_is_shown_by_a_poor_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
