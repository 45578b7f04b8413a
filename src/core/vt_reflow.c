/* A new size. The primary screen's lines are joined where they were wrapped and
 * wrapped anew, together with as much of the scrollback as belongs to the first
 * of them or now fits; rows that do not fit any more become history. The
 * alternate screen is only cut or extended: programs on it draw anew.
 */
#include "core/vt_int.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

struct reflow {
	struct vt *vt;
	struct vt_screen to;
	int rows;              /* of the new screen */
	int n;                 /* rows of it that are filled */
	long gone;             /* rows that went on to the scrollback */
	struct vt_cell *cells; /* the line that is being joined */
	int n_cells, cap;
	uint8_t flags;
	uint32_t fill;
	long cursor_at; /* offset of the cursor in that line, or -1 */
	long y;         /* its row, counted with those gone; -1 while unknown */
	int x;
	bool is_pending;
};

/* The next row of the new screen; the oldest makes room for it. */
static struct vt_row *row_next(struct reflow *f)
{
	struct vt_row *r;

	if (f->n < f->rows)
		return f->to.row[f->n++];
	r = f->to.row[0];
	vt_sb_push(f->vt, r);
	f->gone++;
	memmove(f->to.row, f->to.row + 1, (size_t)(f->rows - 1) * sizeof *f->to.row);
	f->to.row[f->rows - 1] = r;
	return r;
}

static void place_cursor(struct reflow *f, int start, int take, bool is_last)
{
	long x = f->cursor_at - start;

	if (f->cursor_at < start || (x >= take && !is_last))
		return;
	f->y = f->gone + f->n - 1;
	f->is_pending = f->is_pending && x >= f->vt->cols;
	f->x = (int)(x < f->vt->cols ? x : f->vt->cols - 1);
	f->cursor_at = -1;
}

static void line_end(struct reflow *f)
{
	int at = 0, cols = f->vt->cols;

	do {
		int take = vt_wrap_take(f->cells + at, f->n_cells - at, cols);
		bool is_last = at + take >= f->n_cells;
		struct vt_row *r = row_next(f);

		vt_row_clear(r, is_last ? f->fill : VT_COLOR_DEFAULT, cols);
		if (take > 0) {
			vt_row_reserve(r, take, cols);
			memcpy(r->cells, f->cells + at, (size_t)take * sizeof *r->cells);
		}
		r->used = (uint16_t)take;
		r->flags = f->flags & (VT_ROW_WIDE | VT_ROW_STYLED);
		if (at == 0)
			r->flags |= f->flags & VT_ROW_PROMPT;
		if (!is_last)
			r->flags |= VT_ROW_WRAPPED;
		if (f->cursor_at >= 0)
			place_cursor(f, at, take, is_last);
		at += take;
	} while (at < f->n_cells);
	f->n_cells = 0;
	f->flags = 0;
}

static void add_cells(struct reflow *f, const struct vt_row *r, int used)
{
	if (f->n_cells + used >= f->cap) {
		f->cap = (f->n_cells + used + 64) * 2;
		f->cells = xreallocarray(f->cells, (size_t)f->cap, sizeof *f->cells);
	}
	for (int x = 0; x < used; x++) {
		struct vt_cell c = r->cells[x];

		if (f->vt->cols == 1 && c.attr & (VT_WIDE | VT_TAIL))
			c = (struct vt_cell){ .bg = c.bg };
		f->cells[f->n_cells++] = c;
	}
}

/* Add an old row; x is the cursor's column when it is in it, or -1. */
static void row_add(struct reflow *f, const struct vt_row *r, int x)
{
	int used = r->used;

	if (x >= 0)
		f->cursor_at = f->n_cells + x + f->is_pending;
	if (!(r->flags & VT_ROW_WRAPPED))
		while (used > 0 && !r->cells[used - 1].ch && !r->cells[used - 1].bg &&
		       !(r->cells[used - 1].attr & VT_TAIL))
			used--;
	add_cells(f, r, used);
	f->flags |= r->flags;
	f->fill = r->fill;
	if (!(r->flags & VT_ROW_WRAPPED))
		line_end(f);
}

/* How many rows the line of rows [i, ...) takes at the new width, roughly: wide
 * cells at the edge may make it more, and then the top rows go back. */
static int rows_of(long cells, int cols)
{
	return cells > 0 ? (int)((cells + cols - 1) / cols) : 1;
}

/* Lines taken back from the scrollback, the newest first. */
struct pulled {
	struct vt_row *row;
	unsigned n, cap;
};

static void pull(struct vt *vt, struct pulled *p)
{
	struct vt_row *r;

	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 16;
		p->row = xreallocarray(p->row, p->cap, sizeof *p->row);
	}
	vt_sb_get(vt, &vt->sb, vt->sb.n - 1, &vt->scratch);
	vt_sb_pop(&vt->sb);
	r = &p->row[p->n++];
	*r = vt->scratch;
	r->cells = xmemdup(r->cells, r->used * sizeof *r->cells);
}

/* Take back the beginning of the screen's first line and, to fill a screen that
 * was full, lines before it until `missing` rows are there. */
static void pull_lines(struct vt *vt, struct pulled *p, int missing)
{
	unsigned limit = 4u * (unsigned)vt->rows + 256;
	long cells = 0;

	while (vt->sb.n > 0 && p->n < limit) {
		bool is_part = vt_sb_is_wrapped(&vt->sb, vt->sb.n - 1);

		if (!is_part && p->n > 0) { /* a line is complete */
			missing -= rows_of(cells, vt->cols);
			cells = 0;
		}
		if (!is_part && missing <= 0)
			break;
		pull(vt, p);
		cells += p->row[p->n - 1].used;
	}
}

/* The last row that counts: blank ones below it and the cursor do not. */
static int last_row(const struct vt_screen *s, int rows, int y)
{
	int last = rows - 1;

	while (last > y && s->row[last]->used == 0 && !s->row[last]->fill)
		last--;
	return last;
}

static int screen_rows(const struct vt_screen *s, int last, int cols)
{
	int n = 0;
	long cells = 0;

	for (int y = 0; y <= last; y++) {
		cells += s->row[y]->used;
		if (!(s->row[y]->flags & VT_ROW_WRAPPED)) {
			n += rows_of(cells, cols);
			cells = 0;
		}
	}
	return n + (cells > 0 ? rows_of(cells, cols) : 0);
}

/* Fill s anew; the cursor in *y, *x and *is_pending moves along. vt has the new
 * size already. */
static void reflow(struct vt *vt, struct vt_screen *s, int old_rows, int *y, int *x,
                   bool *is_pending, bool is_new_width)
{
	struct reflow f = {
		.vt = vt, .rows = vt->rows, .cursor_at = -1, .y = -1, .is_pending = *is_pending
	};
	int last = last_row(s, old_rows, *y), missing = 0;
	struct pulled p = { 0 };

	vt->is_reflowing = true;
	if (last == old_rows - 1)
		missing = vt->rows - screen_rows(s, last, vt->cols);
	pull_lines(vt, &p, missing);
	vt->sb.is_stale = vt->sb.n > 0 && (vt->sb.is_stale || is_new_width);
	vt_screen_init(&f.to, vt->rows);
	while (p.n > 0) {
		row_add(&f, &p.row[--p.n], -1);
		free(p.row[p.n].cells);
	}
	free(p.row);
	for (int i = 0; i <= last; i++)
		row_add(&f, s->row[i], i == *y ? *x : -1);
	if (f.n_cells > 0 || f.cursor_at >= 0)
		line_end(&f);
	free(f.cells);
	*y = f.y > f.gone ? (int)(f.y - f.gone) : 0;
	*x = f.x;
	*is_pending = f.is_pending && f.y >= f.gone;
	vt_screen_done(s, old_rows);
	s->store = f.to.store;
	s->row = f.to.row;
	vt->scratch.used = 0;
	vt->is_reflowing = false;
}

/* Cut or extend; the rows around the cursor stay. */
static void crop(struct vt *vt, struct vt_screen *s, int old_rows, int *y)
{
	int shift = *y >= vt->rows ? *y - vt->rows + 1 : 0;
	struct vt_screen to = { 0 };

	vt_screen_init(&to, vt->rows);
	for (int i = 0; i < vt->rows && i + shift < old_rows; i++) {
		const struct vt_row *from = s->row[i + shift];
		int used = from->used < vt->cols ? from->used : vt->cols;

		vt_row_reserve(to.row[i], used, vt->cols);
		if (used > 0)
			memcpy(to.row[i]->cells, from->cells, (size_t)used * sizeof *from->cells);
		/* half a wide cell is none */
		if (used > 0 && to.row[i]->cells[used - 1].attr & VT_WIDE)
			to.row[i]->cells[used - 1] = (struct vt_cell){ 0 };
		to.row[i]->used = (uint16_t)used;
		to.row[i]->fill = from->fill;
		to.row[i]->flags = from->flags;
	}
	vt_screen_done(s, old_rows);
	s->store = to.store;
	s->row = to.row;
	*y -= shift;
}

static int clamp(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static void clamp_saved(const struct vt *vt, struct vt_saved *s)
{
	s->y = clamp(s->y, 0, vt->rows - 1);
	s->is_pending = s->is_pending && s->x >= vt->cols - 1;
	s->x = clamp(s->x, 0, vt->cols - 1);
}

void vt_resize(struct vt *vt, int rows, int cols)
{
	int old_rows = vt->rows;
	struct vt_saved *saved = &vt->primary.saved;
	bool is_new_width;

	rows = clamp(rows, VT_SIZE_MIN, VT_SIZE_MAX);
	cols = clamp(cols, VT_SIZE_MIN, VT_SIZE_MAX);
	if (rows == vt->rows && cols == vt->cols)
		return;
	is_new_width = cols != vt->cols;
	vt->rows = rows;
	vt->cols = cols;
	if (vt->is_alternate) {
		reflow(vt, &vt->primary, old_rows, &saved->y, &saved->x, &saved->is_pending,
		       is_new_width);
		crop(vt, &vt->alternate, old_rows, &vt->y);
		vt->x = clamp(vt->x, 0, cols - 1);
		vt->is_pending = false;
	} else {
		vt_screen_done(&vt->alternate, old_rows);
		reflow(vt, &vt->primary, old_rows, &vt->y, &vt->x, &vt->is_pending, is_new_width);
	}
	vt->y = clamp(vt->y, 0, rows - 1);
	clamp_saved(vt, &vt->primary.saved);
	clamp_saved(vt, &vt->alternate.saved);
	vt->top = 0;
	vt->bottom = rows - 1;
	vt->is_glued = false;
	vt->scrolled = 0;
	vt->epoch++;
	vt->dirty_top = INT32_MAX;
	vt->dirty_bottom = -1;
	vt_dirty_all(vt);
	if (vt->size_reports)
		vt_report_size(vt);
}
