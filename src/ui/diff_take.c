/* From the grid to a frame: what of it changed, brought down to what the terminal can do. */
#include "ui/diff_int.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/width.h"

#define LINK_MAX 2048

/* 0 when there is no room. */
static uint32_t pool_add(struct diff_frame *f, const char *s, size_t len)
{
	size_t at = f->pool.len;

	return buf_add(&f->pool, s, len + 1) < 0 ? 0 : DIFF_POOLED | (uint32_t)at;
}

static bool is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
}

/* The cluster may not hold a control, whoever put it into the grid. */
static bool is_cluster_clean(const char *s, size_t len)
{
	while (len > 0) {
		uint32_t cp;
		size_t n = text_utf8(s, len, &cp);

		if (n == 0 || is_control(cp))
			return false;
		s += n;
		len -= n;
	}
	return true;
}

static uint32_t take_text(struct diff *d, const struct grid *g, const struct canvas_cell *c)
{
	char s[VT_CELL_TEXT_MAX];
	uint32_t text = c->text, unknown = d->caps.is_ascii ? '?' : 0xfffd, first;
	size_t len;

	if (text == 0)
		return ' ';
	if (!(text & CANVAS_CLUSTER)) {
		if (is_control(text) || text > 0x10ffff || (text >= 0xd800 && text < 0xe000))
			return unknown;
		return d->caps.is_ascii && text > 0x7e ? (uint32_t)diff_ascii(text) : text;
	}
	len = grid_cell_text(g, c, s);
	if (len == 0 || !is_cluster_clean(s, len))
		return unknown;
	if (d->caps.is_ascii)
		return text_utf8(s, len, &first) ? (uint32_t)diff_ascii(first) : unknown;
	text = pool_add(&d->next, s, len);
	return text ? text : unknown;
}

static uint32_t take_link(struct diff *d, const struct grid *g, unsigned number)
{
	const char *uri = d->caps.has_links && number ? grid_link(g, number) : NULL;
	size_t n = 0;

	if (!uri)
		return 0;
	while (uri[n] > 0x20 && uri[n] < 0x7f)
		n++;
	return uri[n] || n == 0 || n > LINK_MAX ? 0 : pool_add(&d->next, uri, n);
}

static void reduce(struct diff *d, const struct canvas_cell *c)
{
	if (d->has_memo && c->fg == d->fg_in && c->bg == d->bg_in)
		return;
	d->has_memo = true;
	d->fg_in = c->fg;
	d->bg_in = c->bg;
	d->bg_out = diff_reduce(c->bg, d->caps.colors);
	d->fg_out = diff_keep_apart(diff_reduce(c->fg, d->caps.colors), d->bg_out, c->fg == c->bg);
}

static struct diff_pen take_pen(struct diff *d, const struct grid *g, const struct canvas_cell *c)
{
	const uint32_t seen = VT_BOLD | VT_DIM | VT_ITALIC | VT_BLINK | VT_REVERSE | VT_CONCEAL |
	                      VT_STRIKE | VT_OVERLINE | VT_UL_MASK;
	struct diff_pen pen = { .attr = c->attr & seen };

	reduce(d, c);
	pen.fg = d->fg_out;
	pen.bg = d->bg_out;
	if (!(pen.attr & VT_UL_MASK))
		return pen;
	if (d->caps.has_underlines)
		pen.ul =
			diff_reduce(grid_ul_color(g, c->attr >> CANVAS_LINK_SHIFT), d->caps.colors);
	else
		pen.attr = (pen.attr & ~(uint32_t)VT_UL_MASK) | (uint32_t)VT_UL_SINGLE
		                                                        << VT_UL_SHIFT;
	return pen;
}

static void take_cell(struct diff *d, const struct grid *g, const struct canvas_cell *c,
                      struct diff_spot *s, bool has_tail)
{
	s->pen = take_pen(d, g, c);
	s->is_wide = (c->attr & VT_WIDE) && has_tail && !d->caps.is_ascii;
	s->text = take_text(d, g, c);
	if ((c->attr & VT_WIDE) && !has_tail)
		s->text = d->caps.is_ascii ? '?' : 0xfffd;
	if (s->text == ' ' && !(s->pen.attr & DIFF_SHOWS_ON_BLANK)) {
		s->pen.fg = VT_COLOR_DEFAULT;
		s->pen.attr = 0;
	}
}

static void take_cells(struct diff *d, const struct grid *g, int y, struct diff_span span)
{
	const struct canvas_cell *c = grid_row(g, y);
	struct diff_spot *s = diff_row_spots(&d->next, y);
	unsigned number = 0;
	uint32_t link = 0;

	for (int x = span.lo; x < span.hi; x++) {
		bool has_tail = x + 1 < d->next.cols && (c[x + 1].attr & VT_TAIL);

		if (c[x].attr >> CANVAS_LINK_SHIFT != number) {
			number = c[x].attr >> CANVAS_LINK_SHIFT;
			link = take_link(d, g, number);
		}
		s[x].link = link;
		take_cell(d, g, &c[x], &s[x], has_tail);
		if ((c[x].attr & VT_WIDE) && has_tail) {
			s[x + 1] = s[x];
			s[x + 1].is_wide = false;
			if (s[x].is_wide)
				s[x + 1].text = 0; /* nothing to write */
			x++;
		}
	}
}

/* Numbers of clusters and links mean something in one frame only. */
static bool has_strings(const struct canvas_cell *c, struct diff_span span)
{
	uint32_t any = 0;

	for (int x = span.lo; x < span.hi; x++)
		any |= (c[x].text & CANVAS_CLUSTER) | c[x].attr >> CANVAS_LINK_SHIFT;
	return any != 0;
}

/* What of it is not as it was, and what a wide cell at its ends could change. */
static struct diff_span changed_span(const struct canvas_cell *was, const struct canvas_cell *now,
                                     struct diff_span s, int cols)
{
	while (s.lo < s.hi && memcmp(&was[s.lo], &now[s.lo], sizeof *was) == 0)
		s.lo++;
	if (s.lo == s.hi)
		return s;
	while (memcmp(&was[s.hi - 1], &now[s.hi - 1], sizeof *was) == 0)
		s.hi--;
	s.lo -= s.lo > 0;
	s.lo -= s.lo > 0 && now[s.lo].attr & VT_TAIL;
	s.hi += s.hi < cols;
	return s;
}

/* Most rows of most frames are what they were, and most of the others nearly so.
 * may_skip: what is shown was made from the like of g; is_continued: from g itself. */
static void take_row(struct diff *d, const struct grid *g, int y, bool may_skip,
                     bool is_continued)
{
	const struct diff_row *was = &d->shown.row[y];
	struct diff_row *row = &d->next.row[y];
	const struct canvas_cell *c = grid_row(g, y);
	int cols = d->next.cols;
	struct diff_span span = { 0, cols };

	if (may_skip && !was->has_strings) {
		if (is_continued && !grid_row_dirty(g, y, &span.lo, &span.hi))
			span = (struct diff_span){ 0, 0 };
		span = changed_span(was->raw, c, span, cols);
	}
	d->taken[y] = span;
	if (span.lo == span.hi)
		return;
	if (!diff_is_whole(&d->next, span))
		diff_catch_up(d, y);
	memcpy(row->raw + span.lo, c + span.lo, (size_t)(span.hi - span.lo) * sizeof *c);
	row->has_strings = has_strings(c, span);
	take_cells(d, g, y, span);
}

void diff_take(struct diff *d, struct grid *g)
{
	struct diff_frame *f = &d->next;
	int rows = grid_rows(g), cols = grid_cols(g);
	bool may_skip = d->is_known && d->is_raw_known && d->shown.rows == rows &&
	                d->shown.cols == cols;
	bool is_continued = may_skip && d->source == g && !d->has_next;

	/* a frame that is replaced was none of what is shown */
	for (int y = 0; d->has_next && y < f->rows; y++)
		if (d->taken[y].lo < d->taken[y].hi)
			f->row[y].is_behind = true;
	if (f->rows != rows) {
		free(d->taken);
		d->taken = xcalloc((size_t)rows, sizeof *d->taken);
	}
	diff_frame_size(f, rows, cols);
	d->is_stale = false;
	for (int y = 0; y < rows; y++)
		take_row(d, g, y, may_skip, is_continued);
	grid_clean(g);
	d->source = g;
	grid_cursor(g, &f->y, &f->x, &f->is_visible, &f->shape);
	if (f->y < 0 || f->y >= f->rows || f->x < 0 || f->x >= f->cols)
		f->is_visible = false;
	d->has_next = true;
}
