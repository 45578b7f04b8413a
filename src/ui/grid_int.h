/* The grid's inside, for ui/grid.c and ui/canvas.c alone. */
#ifndef UI_GRID_INT_H
#define UI_GRID_INT_H

#include "ui/canvas.h"

/* Byte strings by number, from 1; all forgotten at once with each frame. Full
 * means number 0. */
struct grid_strings {
	char *data;
	size_t len, cap, max;
	struct grid_string {
		uint32_t at, len, hash;
	} *v;
	uint32_t n, n_cap, n_max;
	uint32_t *slot;		/* open addressing; numbers, 0 for free */
	uint32_t n_slots;
};

struct grid {
	struct canvas_cell *cells;
	struct grid_span { /* columns from lo to before hi */
		int lo, hi;
	} * dirty; /* by row: written since grid_clean() */
	int rows, cols;
	bool is_ascii;
	bool has_own_palette;
	struct grid_strings clusters;
	struct grid_strings links;	/* four bytes of underline colour, URI, NUL */
	int cursor_y, cursor_x;
	bool is_cursor_visible;
	enum vt_cursor_shape cursor_shape;
};

#define GRID_CLUSTERS_MAX 32768u
#define GRID_CLUSTER_BYTES ((size_t)1 << 20)
#define GRID_LINKS_MAX 4096u
#define GRID_LINK_BYTES ((size_t)1 << 20)

/* n cells to be written: every change of one goes through here, or grid_clear(). */
static inline struct canvas_cell *grid_at(struct grid *g, int y, int x, int n)
{
	struct grid_span *dirty = &g->dirty[y];

	if (x < dirty->lo)
		dirty->lo = x;
	if (x + n > dirty->hi)
		dirty->hi = x + n;
	return &g->cells[(size_t)y * (size_t)g->cols + (size_t)x];
}

/* Put a cluster of width 1 or 2 at (y, x), which must have room for it. */
void grid_put(struct grid *g, int y, int x, uint32_t text, int width, struct style s);
/* Blank the halves of wide cells that [x, end) of row y would cut. */
void grid_cut_wide(struct grid *g, int y, int x, int end);
/* The cell text for these code points; U+FFFD when there is no room for it, or
 * when it would join what stands before it. */
uint32_t grid_text_of(struct grid *g, const uint32_t *cp, size_t n);

#endif
