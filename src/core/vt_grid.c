/* Rows: what is in them, how they are shifted, scrolled and marked dirty.
 *
 * Scrolling turns row pointers and never moves cells; a row's memory grows only
 * as far as something was written to it, and what lies behind that is blank
 * with one background, so that erasing costs the same for any width.
 */
#include "core/vt_int.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

void vt_screen_init(struct vt_screen *s, int rows)
{
	s->store = xcalloc((size_t)rows, sizeof *s->store);
	s->row = xcalloc((size_t)rows, sizeof *s->row);
	for (int y = 0; y < rows; y++) {
		s->row[y] = &s->store[y];
		s->row[y]->lo = UINT16_MAX;
	}
}

/* Needs the rows in the order of store, so it works for any rotation. */
void vt_screen_done(struct vt_screen *s, int rows)
{
	if (!s->store)
		return;
	for (int y = 0; y < rows; y++)
		free(s->store[y].cells);
	free(s->store);
	free(s->row);
	s->store = NULL;
	s->row = NULL;
}

void vt_row_reserve(struct vt_row *r, int n, int cols)
{
	int cap = r->cap * 2;

	if (n <= r->cap)
		return;
	if (cap < n)
		cap = (n + 15) & ~15;
	if (cap > cols)
		cap = cols;
	r->cells = xreallocarray(r->cells, (size_t)cap, sizeof *r->cells);
	r->cap = (uint16_t)cap;
}

static void blank(struct vt_row *r, int from, int to, uint32_t bg)
{
	struct vt_cell c = { .bg = bg };

	if (bg)
		r->flags |= VT_ROW_STYLED;
	for (int x = from; x < to; x++)
		r->cells[x] = c;
}

/* Nothing wide may stick out over the column x: what does becomes blank. */
static void cut_wide(struct vt_row *r, int x)
{
	if (x <= 0 || x >= r->used || !(r->cells[x].attr & VT_TAIL))
		return;
	blank(r, x - 1, x + 1, r->cells[x].bg);
	vt_row_touch(r, x - 1, x + 1);
}

void vt_row_open(struct vt *vt, struct vt_row *r, int x, int n)
{
	int end = x + n;

	vt_row_reserve(r, end, vt->cols);
	if (r->flags & VT_ROW_WIDE) {
		cut_wide(r, x);
		cut_wide(r, end);
	}
	if (end > r->used) {
		if (x > r->used)
			blank(r, r->used, x, r->fill);
		r->used = (uint16_t)end;
	}
	vt_row_touch(r, x, end);
}

void vt_row_clear(struct vt_row *r, uint32_t fill, int cols)
{
	r->used = 0;
	r->fill = fill;
	r->flags = 0;
	vt_row_touch(r, 0, cols);
}

static void erase_unprotected(struct vt_row *r, int from, int to, uint32_t bg)
{
	for (int x = from; x < to && x < r->used; x++)
		if (!(r->cells[x].attr & VT_PROTECTED))
			blank(r, x, x + 1, bg);
}

void vt_row_erase(struct vt *vt, struct vt_row *r, int from, int to, bool keep_protected)
{
	uint32_t bg = vt->pen.bg;

	if (from >= to)
		return;
	if (to >= vt->cols)
		r->flags &= (uint8_t)~VT_ROW_WRAPPED;
	vt_row_touch(r, from, to);
	if (r->flags & VT_ROW_WIDE) {
		cut_wide(r, from);
		cut_wide(r, to);
	}
	if (keep_protected) {
		erase_unprotected(r, from, to, bg);
		return;
	}
	if (to >= vt->cols && (from <= r->used || bg == r->fill)) {
		if (from < r->used)
			r->used = (uint16_t)from;
		r->fill = bg;
		if (from == 0)
			r->flags &= VT_ROW_PROMPT;
		return;
	}
	if (bg == r->fill && to > r->used)
		to = r->used;
	if (from >= to)
		return;
	vt_row_reserve(r, to, vt->cols);
	if (from > r->used)
		blank(r, r->used, from, r->fill);
	blank(r, from, to, bg);
	if (to > r->used)
		r->used = (uint16_t)to;
}

void vt_row_insert(struct vt *vt, struct vt_row *r, int x, int n)
{
	int cols = vt->cols, keep = cols - x - n, used = r->used;

	if (n >= cols - x) {
		vt_row_erase(vt, r, x, cols, false);
		return;
	}
	if (r->flags & VT_ROW_WIDE) {
		cut_wide(r, x);
		cut_wide(r, cols - n);
	}
	r->flags &= (uint8_t)~VT_ROW_WRAPPED;
	if (used > x) {
		int moved = used - x < keep ? used - x : keep;

		vt_row_reserve(r, x + n + moved, cols);
		memmove(&r->cells[x + n], &r->cells[x], (size_t)moved * sizeof *r->cells);
		r->used = (uint16_t)(x + n + moved);
		blank(r, x, x + n, vt->pen.bg);
	} else if (vt->pen.bg != r->fill) {
		vt_row_erase(vt, r, x, x + n, false);
	}
	vt_row_touch(r, x, cols);
}

void vt_row_delete(struct vt *vt, struct vt_row *r, int x, int n)
{
	int cols = vt->cols;

	if (n >= cols - x) {
		vt_row_erase(vt, r, x, cols, false);
		return;
	}
	if (r->flags & VT_ROW_WIDE) {
		cut_wide(r, x);
		cut_wide(r, x + n);
	}
	r->flags &= (uint8_t)~VT_ROW_WRAPPED;
	vt_row_touch(r, x, cols);
	if (r->fill != vt->pen.bg) { /* the blanks that come in differ from the tail */
		vt_row_reserve(r, cols, cols);
		blank(r, r->used, cols, r->fill);
		r->used = (uint16_t)cols;
	}
	if (r->used > x + n) {
		memmove(&r->cells[x], &r->cells[x + n],
		        (size_t)(r->used - x - n) * sizeof *r->cells);
		r->used = (uint16_t)(r->used - n);
	} else if (r->used > x) {
		r->used = (uint16_t)x;
	}
	r->fill = vt->pen.bg;
}

void vt_dirty_rows(struct vt *vt, int top, int bottom)
{
	if (top < vt->dirty_top)
		vt->dirty_top = top;
	if (bottom > vt->dirty_bottom)
		vt->dirty_bottom = bottom;
}

/* Turn n rows of [top, bottom] over and clear them; up moves the rows up. */
static void rotate(struct vt *vt, int top, int bottom, int n, bool up)
{
	struct vt_row **row = vt->screen->row;
	int height = bottom - top + 1, keep = height - n, fresh = up ? top + keep : top;
	struct vt_row *few[8];

	while (n > 0) {
		int k = n < 8 ? n : 8, rest = height - k;

		if (up) {
			memcpy(few, row + top, (size_t)k * sizeof *few);
			memmove(row + top, row + top + k, (size_t)rest * sizeof *few);
			memcpy(row + top + rest, few, (size_t)k * sizeof *few);
		} else {
			memcpy(few, row + top + rest, (size_t)k * sizeof *few);
			memmove(row + top + k, row + top, (size_t)rest * sizeof *few);
			memcpy(row + top, few, (size_t)k * sizeof *few);
		}
		n -= k;
	}
	for (int y = fresh; y < fresh + height - keep; y++)
		vt_row_clear(row[y], vt->pen.bg, vt->cols);
	/* these two go on in a row that is no longer there */
	if (top > 0)
		row[top - 1]->flags &= (uint8_t)~VT_ROW_WRAPPED;
	if (!up)
		row[bottom]->flags &= (uint8_t)~VT_ROW_WRAPPED;
	vt_dirty_rows(vt, top, bottom);
}

void vt_scroll_up(struct vt *vt, int top, int bottom, int n)
{
	int height = bottom - top + 1;

	if (n > height)
		n = height;
	/* only what leaves the primary screen by its top is history */
	if (top == 0 && vt->screen == &vt->primary && vt->sb.max_lines)
		for (int i = 0; i < n; i++)
			vt_sb_push(vt, vt->screen->row[i]);
	if (height == vt->rows)
		vt->scrolled += (unsigned)n;
	rotate(vt, top, bottom, n, true);
}

void vt_remove_rows(struct vt *vt, int top, int bottom, int n)
{
	int height = bottom - top + 1;

	rotate(vt, top, bottom, n < height ? n : height, true);
}

void vt_scroll_down(struct vt *vt, int top, int bottom, int n)
{
	int height = bottom - top + 1;

	rotate(vt, top, bottom, n < height ? n : height, false);
}

void vt_line_feed(struct vt *vt)
{
	if (vt->y == vt->bottom)
		vt_scroll_up(vt, vt->top, vt->bottom, 1);
	else if (vt->y < vt->rows - 1)
		vt->y++;
}

void vt_reverse_index(struct vt *vt)
{
	if (vt->y == vt->top)
		vt_scroll_down(vt, vt->top, vt->bottom, 1);
	else if (vt->y > 0)
		vt->y--;
}

void vt_wrap(struct vt *vt)
{
	vt_cur_row(vt)->flags |= VT_ROW_WRAPPED;
	vt->is_pending = false;
	vt->x = 0;
	vt_line_feed(vt);
}

void vt_move(struct vt *vt, int y, int x)
{
	vt->y = y < 0 ? 0 : y >= vt->rows ? vt->rows - 1 : y;
	vt->x = x < 0 ? 0 : x >= vt->cols ? vt->cols - 1 : x;
	vt->is_pending = false;
}
