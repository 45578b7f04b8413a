/* How fast a frame of 200 x 50 becomes bytes: copied, brought down to what the
 * terminal can do, compared and written out, with nothing changed, one row
 * changed, and every cell changed.
 *
 * At 60 frames a second there are 16.7 ms for each; what is needed is that a frame
 * takes a small part of that. Prints microseconds and bytes for a frame. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/buf.h"
#include "ui/canvas.h"
#include "ui/diff.h"

#define ROWS 50
#define COLS 200
#define FRAMES 2000
#define RUNS 5
#define BAR_US 3000.0 /* for the worst of them */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* A row as an agent's terminal has them: words in changing styles. */
static void draw_row(struct grid *g, int y, unsigned salt)
{
	for (int x = 0; x < COLS; x += 8) {
		unsigned v = (unsigned)(y * 131 + x) * 2654435761u + salt * 40503u;
		struct style s = { VT_COLOR_RGB | (v & 0xffffff), VT_COLOR_DEFAULT,
			           v & 1 << 30 ? VT_BOLD : 0 };

		canvas_printf(canvas_of(g), y, x, 8, s, "%07x ", v & 0xfffffff);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of RUNS, in microseconds a frame. rows of each frame change. */
static double measure(int rows, size_t *bytes)
{
	const struct diff_caps caps = { .colors = SCREEN_TRUE,
		                        .has_sync = true,
		                        .has_links = true,
		                        .has_underlines = true,
		                        .has_bce = true,
		                        .has_ech = true };
	struct grid *g[2] = { grid_new(ROWS, COLS), grid_new(ROWS, COLS) };
	struct diff *d = diff_new(&caps);
	struct buf out = BUF_INIT(64 << 20);
	double us[RUNS];

	for (int i = 0; i < 2; i++)
		for (int y = 0; y < ROWS; y++)
			draw_row(g[i], y, y < rows ? (unsigned)i : 0);
	diff_take(d, g[1]);
	diff_emit(d, &out);
	for (int run = 0; run < RUNS; run++) {
		double start = now();

		*bytes = 0;
		for (int i = 0; i < FRAMES; i++) {
			buf_reset(&out);
			diff_take(d, g[i & 1]);
			diff_emit(d, &out);
			*bytes += out.len;
		}
		us[run] = (now() - start) / FRAMES;
	}
	*bytes /= FRAMES;
	qsort(us, RUNS, sizeof us[0], compare);
	diff_free(d);
	grid_free(g[0]);
	grid_free(g[1]);
	buf_done(&out);
	return us[RUNS / 2];
}

int main(void)
{
	static const int rows[] = { 0, 1, ROWS };
	double us = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t bytes;

		us = measure(rows[i], &bytes);
		printf("%2d of %d rows changed: %7.1f us of CPU a frame, %6zu bytes, %6.1f MB/s\n",
		       rows[i], ROWS, us, bytes, (double)bytes / us);
	}
	printf("worst %.1f us, bar %.1f us: %s\n", us, BAR_US, us <= BAR_US ? "ok" : "MISSED");
	return us <= BAR_US ? 0 : 1;
}
