/* Drawing on the grid: text, fills, frames, and rows of the agents' terminals. */
#include "ui/grid_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "core/width.h"

#define CLUSTER_CPS 24 /* of longer ones the rest is left out */
#define CLUSTER_BYTES (VT_CELL_TEXT_MAX - 5)
#define REPLACEMENT 0xfffdu

/* --- places ----------------------------------------------------------------------------- */

struct canvas canvas_of(struct grid *g)
{
	return (struct canvas){ g, { 0, 0, g->rows, g->cols } };
}

/* Clip [*at, *at + *n) to [0, max). */
static void clip(int *at, int *n, int max)
{
	long from = *at, to = from + (*n > 0 ? *n : 0);

	if (from < 0)
		from = 0;
	if (from > max)
		from = max;
	if (to > max)
		to = max;
	*at = (int)from;
	*n = to > from ? (int)(to - from) : 0;
}

static struct rect clip_rect(struct canvas c, struct rect r)
{
	clip(&r.y, &r.rows, c.at.rows);
	clip(&r.x, &r.cols, c.at.cols);
	return r;
}

struct canvas canvas_part(struct canvas c, struct rect r)
{
	r = clip_rect(c, r);
	r.y += c.at.y;
	r.x += c.at.x;
	c.at = r;
	return c;
}

/* --- text -------------------------------------------------------------------------------- */

/* One cluster of a text. */
struct piece {
	uint32_t cp[CLUSTER_CPS];
	size_t n, bytes;
	int width;
};

/* Decode one character; what is no UTF-8 becomes U+FFFD, a byte at a time. */
static const char *next_char(const char *s, uint32_t *cp)
{
	size_t n = text_utf8(s, strnlen(s, 4), cp);

	if (!n)
		*cp = REPLACEMENT;
	return s + (n ? n : 1);
}

static bool is_control(enum vt_class class)
{
	return class == VT_GC_CR || class == VT_GC_LF || class == VT_GC_CONTROL;
}

/* Take the next cluster that shows; NULL at the end. Controls are left out and
 * part the clusters round them. */
static const char *next_piece(const char *s, struct piece *p)
{
	struct vt_seg seg = { 0 };
	uint32_t cp;

	p->n = p->bytes = 0;
	while (*s) {
		const char *end = next_char(s, &cp);
		uint8_t prop = vt_width_prop(cp);
		enum vt_class class = VT_PROP_CLASS(prop);
		char utf8[4];
		size_t n;

		if (p->n && (is_control(class) || vt_seg_next(&seg, cp)))
			break;
		s = end;
		if (is_control(class))
			continue;
		if (!p->n) {
			if (VT_PROP_WIDTH(prop) == 0 &&
			    (class == VT_GC_EXTEND || class == VT_GC_ZWJ))
				continue; /* a mark with nothing to stand on */
			vt_seg_next(&seg, cp);
		}
		n = vt_utf8_put(utf8, cp);
		if (p->n < CLUSTER_CPS && p->bytes + n <= CLUSTER_BYTES) {
			p->cp[p->n++] = cp;
			p->bytes += n;
		}
	}
	if (!p->n)
		return NULL;
	p->width = vt_width_cluster(p->cp, p->n);
	return s;
}

static bool is_plain_ascii(const char *s)
{
	return *s >= ' ' && *s <= '~' && !(s[1] & 0x80);
}

/* The same, quicker where there is nothing but ASCII. */
static const char *step(const char *s, struct piece *p)
{
	if (!is_plain_ascii(s))
		return next_piece(s, p);
	p->cp[0] = (unsigned char)*s;
	p->n = 1;
	p->width = 1;
	return s + 1;
}

/* Columns of text, or something larger than limit. */
static int width_up_to(const char *text, int limit)
{
	struct piece p;
	int used = 0;

	while (used <= limit && (text = step(text, &p)))
		used += p.width;
	return used;
}

int canvas_text_width(const char *text)
{
	return width_up_to(text, 1 << 24);
}

/* Draw a piece at column x of the canvas, or nothing where it is not inside. */
static void put_piece(struct canvas c, int y, int x, const struct piece *p, struct style s)
{
	if (x < 0 || x + p->width > c.at.cols)
		return;
	grid_put(c.grid, c.at.y + y, c.at.x + x, grid_text_of(c.grid, p->cp, p->n), p->width, s);
}

static int put_dots(struct canvas c, int y, int x, int room, struct style s)
{
	struct piece dot = { .cp = { c.grid->is_ascii ? '.' : 0x2026 }, .n = 1, .width = 1 };
	int n = c.grid->is_ascii ? (room < 3 ? room : 3) : 1;

	for (int i = 0; i < n; i++)
		put_piece(c, y, x + i, &dot, s);
	return n;
}

int canvas_text(struct canvas c, int y, int x, int width, struct style s, const char *text)
{
	int room = c.at.cols - x, limit, used = 0;
	struct piece p;
	bool is_cut;

	if (width >= 0 && width < room)
		room = width;
	if (y < 0 || y >= c.at.rows || room <= 0 || x < -VT_SIZE_MAX)
		return 0;
	is_cut = width_up_to(text, room) > room;
	limit = is_cut ? room - (c.grid->is_ascii ? 3 : 1) : room;
	while ((text = step(text, &p)) && used + p.width <= limit) {
		put_piece(c, y, x + used, &p, s);
		used += p.width;
	}
	if (is_cut)
		used += put_dots(c, y, x + used, room - used, s);
	return used;
}

int canvas_printf(struct canvas c, int y, int x, int width, struct style s, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int used;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	used = canvas_text(c, y, x, width, s, text);
	free(text);
	return used;
}

/* --- areas --------------------------------------------------------------------------------- */

void canvas_fill(struct canvas c, struct rect r, struct style s)
{
	struct canvas at = canvas_part(c, r);
	struct canvas_cell blank = { 0, s.fg, s.bg, s.attr & ~(uint32_t)(VT_WIDE | VT_TAIL) };

	for (int y = at.at.y; at.at.cols > 0 && y < at.at.y + at.at.rows; y++) {
		struct canvas_cell *cells = grid_at(at.grid, y, at.at.x, at.at.cols);

		grid_cut_wide(at.grid, y, at.at.x, at.at.x + at.at.cols);
		for (int x = 0; x < at.at.cols; x++)
			cells[x] = blank;
	}
}

void canvas_restyle(struct canvas c, struct rect r, struct style s)
{
	struct canvas at = canvas_part(c, r);

	for (int y = 0; y < at.at.rows; y++)
		for (int x = 0; x < at.at.cols; x++) {
			struct canvas_cell *cell = grid_at(at.grid, at.at.y + y, at.at.x + x, 1);

			if (s.fg != VT_COLOR_DEFAULT)
				cell->fg = s.fg;
			if (s.bg != VT_COLOR_DEFAULT)
				cell->bg = s.bg;
			if (s.attr & VT_UL_MASK)
				cell->attr &= ~(uint32_t)VT_UL_MASK;
			cell->attr |= s.attr & 0xffffu & ~(uint32_t)(VT_WIDE | VT_TAIL);
		}
}

/* --- frames --------------------------------------------------------------------------------- */

struct border {
	uint32_t across, down, corner[4]; /* upper left, upper right, lower left, lower right */
};

static void put_cp(struct canvas c, int y, int x, uint32_t cp, struct style s)
{
	if (y >= 0 && y < c.at.rows && x >= 0 && x < c.at.cols)
		grid_put(c.grid, c.at.y + y, c.at.x + x, cp, 1, s);
}

struct canvas canvas_frame(struct canvas c, struct style frame, struct style title_style,
                           const char *title)
{
	static const struct border lines = { 0x2500, 0x2502, { 0x250c, 0x2510, 0x2514, 0x2518 } };
	static const struct border ascii = { '-', '|', { '+', '+', '+', '+' } };
	const struct border *b = c.grid->is_ascii ? &ascii : &lines;
	int bottom = c.at.rows - 1, right = c.at.cols - 1;

	for (int x = 1; x < right; x++) {
		put_cp(c, 0, x, b->across, frame);
		put_cp(c, bottom, x, b->across, frame);
	}
	for (int y = 1; y < bottom; y++) {
		put_cp(c, y, 0, b->down, frame);
		put_cp(c, y, right, b->down, frame);
	}
	put_cp(c, bottom, 0, b->corner[2], frame);
	put_cp(c, bottom, right, b->corner[3], frame);
	put_cp(c, 0, 0, b->corner[0], frame);
	put_cp(c, 0, right, b->corner[1], frame);
	if (title && *title && c.at.cols > 6 && c.at.rows > 0) {
		int n = canvas_text(c, 0, 2, c.at.cols - 5, title_style, title);

		put_cp(c, 0, 1, ' ', title_style);
		put_cp(c, 0, 2 + n, ' ', title_style);
	}
	return canvas_part(c, (struct rect){ 1, 1, c.at.rows - 2, c.at.cols - 2 });
}

/* --- the agents' terminals ------------------------------------------------------------------- */

/* What the last cell's upper half meant: runs of cells have the same one. */
struct link_memo {
	uint32_t of;
	unsigned number;
};

static unsigned vt_cell_number(struct grid *g, const struct vt *vt, const struct vt_cell *cell,
                               struct link_memo *memo)
{
	uint32_t of = cell->attr >> 16;

	if (of && of != memo->of) {
		memo->of = of;
		memo->number =
			grid_add_link(g, vt_cell_link(vt, cell, NULL), vt_cell_ul_color(vt, cell));
	}
	return of ? memo->number : 0;
}

static uint32_t vt_cell_code(struct grid *g, const struct vt *vt, const struct vt_cell *cell)
{
	char text[VT_CELL_TEXT_MAX];
	uint32_t cp[VT_CELL_TEXT_MAX];
	size_t n;

	if (cell->ch < 0x300)
		return cell->ch == ' ' ? 0 : cell->ch;
	n = vt_cell_text(vt, cell, text);
	n = vt_utf8_get(text, n, cp, sizeof cp / sizeof cp[0]);
	return n ? grid_text_of(g, cp, n) : 0;
}

static uint32_t own_color(const struct vt *vt, uint32_t color)
{
	if (VT_COLOR_KIND(color) == VT_COLOR_INDEX && (color & 0xff) < 16)
		return VT_COLOR_RGB | vt_palette(vt, color & 0xff);
	return color;
}

static struct style resolve(struct style s, struct style d, bool is_reversed)
{
	bool is_default = s.fg == VT_COLOR_DEFAULT && s.bg == VT_COLOR_DEFAULT;

	if (s.fg == VT_COLOR_DEFAULT)
		s.fg = is_reversed ? d.bg : d.fg;
	if (s.bg == VT_COLOR_DEFAULT)
		s.bg = is_reversed ? d.fg : d.bg;
	/* the user's terminal alone knows what its default colours are: let it swap */
	if (is_reversed && is_default && d.fg == VT_COLOR_DEFAULT && d.bg == VT_COLOR_DEFAULT)
		s.attr ^= VT_REVERSE;
	return s;
}

/* lo and hi: as of canvas_vt_span(). */
static void vt_cells(struct canvas c, int at_y, const struct vt *vt, struct vt_line line, int lo,
                     int hi, struct style d)
{
	bool is_reversed = vt_is_reversed(vt);
	int cols = vt_cols(vt) < c.at.cols ? vt_cols(vt) : c.at.cols;
	int end = hi < cols ? hi : cols, x = lo;
	struct link_memo memo = { 0 };
	struct style fill;

	/* what of a wide cell is damaged is its second half, or not both */
	x -= x > 0 && x < (int)line.used && line.cells[x].attr & VT_TAIL;
	for (; x < end && x < (int)line.used; x++) {
		const struct vt_cell *cell = &line.cells[x];
		struct style s = { cell->fg, cell->bg, cell->attr & 0xffffu };
		int width = cell->attr & VT_WIDE ? 2 : 1;
		uint32_t text = vt_cell_code(c.grid, vt, cell);

		if (c.grid->has_own_palette) {
			s.fg = own_color(vt, s.fg);
			s.bg = own_color(vt, s.bg);
		}
		s = resolve(s, d, is_reversed);
		s.attr |= vt_cell_number(c.grid, vt, cell, &memo) << CANVAS_LINK_SHIFT;
		if (cell->attr & VT_CONCEAL || x + width > cols || cell->attr & VT_TAIL) {
			text = 0; /* concealed, or cut by the edge */
			width = 1;
		}
		grid_put(c.grid, c.at.y + at_y, c.at.x + x, text, width, s);
		x += width - 1;
	}
	fill = resolve((struct style){ 0, line.fill, 0 }, d, is_reversed);
	canvas_fill(c, (struct rect){ at_y, x, 1, end - x }, fill);
	if (hi >= cols)
		canvas_fill(c, (struct rect){ at_y, cols, 1, c.at.cols - cols }, d);
}

void canvas_vt_row(struct canvas c, int at_y, const struct vt *vt, int y,
                   struct style default_style)
{
	canvas_vt_span(c, at_y, vt, y, 0, vt_cols(vt), default_style);
}

void canvas_vt_span(struct canvas c, int at_y, const struct vt *vt, int y, int lo, int hi,
                    struct style default_style)
{
	if (at_y >= 0 && at_y < c.at.rows)
		vt_cells(c, at_y, vt, vt_row(vt, y), lo, hi, default_style);
}

void canvas_vt_line(struct canvas c, int at_y, struct vt *vt, uint64_t number,
                    struct style default_style)
{
	if (at_y >= 0 && at_y < c.at.rows)
		vt_cells(c, at_y, vt, vt_line(vt, number), 0, vt_cols(vt), default_style);
}
