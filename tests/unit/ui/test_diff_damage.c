/* Frames of damage alone against frames of everything: what a terminal's program wrote
 * last is all that is drawn, compared and sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/vt.h"
#include "ui/canvas.h"
#include "ui/diff.h"

#define ROWS 7
#define COLS 23

static const struct diff_caps caps = { .colors = SCREEN_TRUE,
	                               .has_sync = true,
	                               .has_links = true,
	                               .has_underlines = true,
	                               .has_shapes = true,
	                               .has_bce = true,
	                               .has_ech = true };

static const struct style ground = { VT_COLOR_RGB | 0xd3d7de, VT_COLOR_RGB | 0x15171c, 0 };

/* --- what a program may write ---------------------------------------------------------- */

static unsigned pick(unsigned n)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 16) % n);
}

static void add_text(struct buf *b)
{
	static const char *const words[] = {
		"a",          "word",      "of several", "      ", "漢",        "字漢字",
		"e\xcc\x81",  "👩‍💻", "🇫🇷",   "─┼─", "\xe2\x9d\xa4\xef\xb8\x8f",
		"a longer run of text that may wrap",
	};

	buf_adds(b, words[pick(sizeof words / sizeof *words)]);
}

static void add_piece(struct buf *b)
{
	static const char finals[] = "ABCDGdJKLMPSTX@";

	switch (pick(9)) {
	case 0:
		buf_addf(b, "\033[%u;%uH", 1 + pick(ROWS + 2), 1 + pick(COLS + 2));
		break;
	case 1:
		buf_addf(b, "\033[%u%c", pick(4), finals[pick(sizeof finals - 1)]);
		break;
	case 2:
		buf_addf(b, "\033[%u;%u;4:%um", 30 + pick(8), 40 + pick(9), pick(4));
		break;
	case 3:
		buf_adds(b, pick(2) ? "\r\n" : "\033[m");
		break;
	case 4:
		buf_addf(b, "\033]8;;%s\033\\", pick(3) ? "" : "https://example.test/");
		break;
	case 5:
		if (pick(12) == 0)
			buf_addf(b, "\033[?5%c", pick(2) ? 'h' : 'l');
		break;
	default:
		add_text(b);
		break;
	}
}

/* --- comparing --------------------------------------------------------------------------- */

static void assert_same(const struct grid *got, const struct grid *want, unsigned step)
{
	for (int y = 0; y < ROWS; y++)
		for (int x = 0; x < COLS; x++)
			if (!grid_cell_same(got, &grid_row(got, y)[x], want,
			                    &grid_row(want, y)[x]))
				fail_msg("step %u: row %d column %d differs", step, y, x);
}

static void draw_whole(struct grid *g, const struct vt *vt)
{
	grid_clear(g, ground);
	for (int y = 0; y < ROWS; y++)
		canvas_vt_row(canvas_of(g), y, vt, y, ground);
}

static void draw_damage(struct grid *g, struct vt *vt)
{
	int lo, hi;

	for (int y = 0; y < ROWS; y++)
		if (vt_row_dirty(vt, y, &lo, &hi))
			canvas_vt_span(canvas_of(g), y, vt, y, lo, hi, ground);
	vt_clean_damage(vt);
}

static void emit(struct diff *d, struct vt *terminal)
{
	struct buf out = BUF_INIT((size_t)1 << 20);

	assert_int_equal(diff_emit(d, &out), 0);
	vt_feed(terminal, buf_str(&out), out.len, 0);
	buf_done(&out);
}

static void a_frame_of_damage_is_a_whole_one(void **state)
{
	struct vt *program = vt_new(ROWS, COLS, NULL, NULL);
	struct vt *shown = vt_new(ROWS, COLS, NULL, NULL);
	struct grid *kept = grid_new(ROWS, COLS), *whole = grid_new(ROWS, COLS);
	struct grid *seen = grid_new(ROWS, COLS), *wanted = grid_new(ROWS, COLS);
	struct diff *d = diff_new(&caps);

	(void)state;
	vt_feed(shown, "\033[?7l", 5, 0);
	draw_whole(kept, program);
	for (unsigned step = 0; step < 6000; step++) {
		struct buf b = BUF_INIT(4096);

		for (unsigned n = 1 + pick(4); n > 0; n--)
			add_piece(&b);
		vt_feed(program, buf_str(&b), b.len, 0);
		buf_done(&b);
		if (pick(50) == 0 || !grid_has_room(kept))
			draw_whole(kept, program);
		else
			draw_damage(kept, program);
		draw_whole(whole, program);
		assert_same(kept, whole, step);

		diff_take(d, kept);
		if (pick(40) == 0)
			diff_forget(d);
		if (pick(3) == 0)
			continue; /* the next one takes its place */
		emit(d, shown);
		draw_whole(seen, shown);
		/* through a terminal of its own, from nothing, it looks the same */
		struct diff *anew = diff_new(&caps);
		struct vt *other = vt_new(ROWS, COLS, NULL, NULL);

		vt_feed(other, "\033[?7l", 5, 0);
		diff_take(anew, whole);
		emit(anew, other);
		draw_whole(wanted, other);
		assert_same(seen, wanted, step);
		vt_free(other);
		diff_free(anew);
	}
	diff_free(d);
	grid_free(kept);
	grid_free(whole);
	grid_free(seen);
	grid_free(wanted);
	vt_free(program);
	vt_free(shown);
}

static void what_was_not_written_is_clean(void **state)
{
	struct grid *g = grid_new(2, 8);
	int lo, hi;

	(void)state;
	assert_true(grid_row_dirty(g, 1, &lo, &hi));
	grid_clean(g);
	assert_false(grid_row_dirty(g, 1, &lo, &hi));
	canvas_text(canvas_of(g), 1, 3, -1, ground, "ab");
	assert_false(grid_row_dirty(g, 0, &lo, &hi));
	assert_true(grid_row_dirty(g, 1, &lo, &hi));
	assert_int_equal(lo, 3);
	assert_int_equal(hi, 5);
	grid_clear(g, ground);
	assert_true(grid_row_dirty(g, 0, &lo, &hi));
	assert_int_equal(hi - lo, 8);
	grid_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_of_damage_is_a_whole_one),
		cmocka_unit_test(what_was_not_written_is_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
