#include "ui/diff_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/width.h"

#define POOL_MAX ((size_t)16 << 20)
#define LINK_MAX 2048

/* A cell as the terminal can show it. Of text and link, those with POOLED are
 * the place of a string in the frame's pool. */
#define POOLED 0x80000000u
struct spot {
	uint32_t text; /* ' ' for blank, 0 for the tail of a wide one */
	uint32_t link; /* 0 for none */
	struct diff_pen pen;
	bool is_wide;
};

/* Rows are by pointer: those that did not change stay where they are. */
struct frame_row {
	struct spot *spot;
	struct canvas_cell *raw; /* what it was made from */
};

struct frame {
	struct frame_row *row;
	int rows, cols;
	struct buf pool; /* strings, each with its NUL */
	int y, x;        /* the cursor's place */
	bool is_visible;
	enum vt_cursor_shape shape;
};

struct diff {
	struct diff_caps caps;
	struct frame shown, next;
	bool is_known; /* shown is what the terminal shows */
	bool has_next;
	bool is_raw_known; /* shown was made from its raw cells, as caps are now */
	bool is_stale;	   /* next was not */
	bool *is_same;	   /* rows of next that are as shown, and were not taken */
	bool is_shape_known; /* the one sent last */
	enum vt_cursor_shape shape;

	/* the colours reduced last: runs of cells have the same ones */
	bool has_memo;
	uint32_t fg_in, bg_in, fg_out, bg_out;

	/* while emitting */
	struct buf *out;
	struct diff_pen pen;
	const char *link;  /* "" for none */
	size_t link_bytes; /* what links may still take */
	int y, x;          /* where the terminal's cursor is; x -1 when not sure */
};

struct diff *diff_new(const struct diff_caps *caps)
{
	struct diff *d = xcalloc(1, sizeof *d);

	d->caps = *caps;
	d->shown.pool = d->next.pool = (struct buf)BUF_INIT(POOL_MAX);
	return d;
}

static void free_rows(struct frame *f)
{
	for (int y = 0; f->row && y < f->rows; y++) {
		free(f->row[y].spot);
		free(f->row[y].raw);
	}
	free(f->row);
	f->row = NULL;
	f->rows = 0;
}

void diff_free(struct diff *d)
{
	if (!d)
		return;
	free_rows(&d->shown);
	free_rows(&d->next);
	free(d->is_same);
	buf_done(&d->shown.pool);
	buf_done(&d->next.pool);
	free(d);
}

void diff_set_caps(struct diff *d, const struct diff_caps *caps)
{
	d->caps = *caps;
	d->has_memo = false;
	d->is_raw_known = false;
	d->is_stale = true;
}

static struct spot *frame_row(const struct frame *f, int y)
{
	return f->row[y].spot;
}

void diff_forget(struct diff *d)
{
	/* what was not taken is to be sent, too */
	for (int y = 0; d->has_next && y < d->next.rows; y++) {
		if (!d->is_same[y])
			continue;
		memcpy(frame_row(&d->next, y), frame_row(&d->shown, y),
		       (size_t)d->next.cols * sizeof(struct spot));
		memcpy(d->next.row[y].raw, d->shown.row[y].raw,
		       (size_t)d->next.cols * sizeof(struct canvas_cell));
		d->is_same[y] = false;
	}
	d->is_known = false;
}

static const char *pooled(const struct frame *f, uint32_t at)
{
	return at & POOLED ? f->pool.data + (at & ~POOLED) : "";
}

/* What is seen of a cell without text. */
#define SHOWS_ON_BLANK (VT_REVERSE | VT_STRIKE | VT_OVERLINE | VT_UL_MASK)

/* --- from the grid to a frame -------------------------------------------------- */

/* 0 when there is no room. */
static uint32_t pool_add(struct frame *f, const char *s, size_t len)
{
	size_t at = f->pool.len;

	return buf_add(&f->pool, s, len + 1) < 0 ? 0 : POOLED | (uint32_t)at;
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
                      struct spot *s, bool has_tail)
{
	s->pen = take_pen(d, g, c);
	s->is_wide = (c->attr & VT_WIDE) && has_tail && !d->caps.is_ascii;
	s->text = take_text(d, g, c);
	if ((c->attr & VT_WIDE) && !has_tail)
		s->text = d->caps.is_ascii ? '?' : 0xfffd;
	if (s->text == ' ' && !(s->pen.attr & SHOWS_ON_BLANK)) {
		s->pen.fg = VT_COLOR_DEFAULT;
		s->pen.attr = 0;
	}
}

static void take_row(struct diff *d, const struct grid *g, int y)
{
	const struct canvas_cell *c = grid_row(g, y);
	struct spot *s = frame_row(&d->next, y);
	unsigned number = 0;
	uint32_t link = 0;

	for (int x = 0; x < d->next.cols; x++) {
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

static void frame_size(struct frame *f, int rows, int cols)
{
	buf_reset(&f->pool);
	if (f->rows == rows && f->cols == cols && f->row)
		return;
	free_rows(f);
	f->row = xcalloc((size_t)rows, sizeof *f->row);
	f->rows = rows;
	f->cols = cols;
	for (int y = 0; y < rows; y++) {
		f->row[y].spot = xcalloc((size_t)cols, sizeof(struct spot));
		f->row[y].raw = xcalloc((size_t)cols, sizeof(struct canvas_cell));
	}
}

/* Numbers of clusters and links mean something in one frame only. */
static bool has_strings(const struct canvas_cell *c, int cols)
{
	uint32_t any = 0;

	for (int x = 0; x < cols; x++)
		any |= (c[x].text & CANVAS_CLUSTER) | c[x].attr >> CANVAS_LINK_SHIFT;
	return any != 0;
}

/* Most rows of most frames are what they were. */
static bool is_as_shown(const struct diff *d, const struct grid *g, int y)
{
	const struct canvas_cell *c = grid_row(g, y);
	int cols = d->next.cols;

	return memcmp(c, d->shown.row[y].raw, (size_t)cols * sizeof *c) == 0 &&
	       !has_strings(c, cols);
}

void diff_take(struct diff *d, const struct grid *g)
{
	struct frame *f = &d->next;

	int rows = grid_rows(g), cols = grid_cols(g);
	bool may_skip = d->is_known && d->is_raw_known && d->shown.rows == rows &&
	                d->shown.cols == cols;

	if (f->rows != rows) {
		free(d->is_same);
		d->is_same = xcalloc((size_t)rows, sizeof *d->is_same);
	}
	frame_size(f, rows, cols);
	d->is_stale = false;
	for (int y = 0; y < rows; y++) {
		d->is_same[y] = may_skip && is_as_shown(d, g, y);
		if (d->is_same[y])
			continue;
		memcpy(f->row[y].raw, grid_row(g, y), (size_t)cols * sizeof *f->row[y].raw);
		take_row(d, g, y);
	}
	grid_cursor(g, &f->y, &f->x, &f->is_visible, &f->shape);
	if (f->y < 0 || f->y >= f->rows || f->x < 0 || f->x >= f->cols)
		f->is_visible = false;
	d->has_next = true;
}

/* --- from a frame to bytes ------------------------------------------------------ */

static bool is_same_pooled(const struct frame *a, uint32_t i, const struct frame *b, uint32_t j)
{
	if (!(i & j & POOLED))
		return i == j;
	return strcmp(pooled(a, i), pooled(b, j)) == 0;
}

static bool is_same_pen(const struct diff_pen *a, const struct diff_pen *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->attr == b->attr && a->ul == b->ul;
}

static bool is_changed(const struct diff *d, const struct spot *was, const struct spot *now)
{
	return was->is_wide != now->is_wide || !is_same_pen(&was->pen, &now->pen) ||
	       !is_same_pooled(&d->shown, was->text, &d->next, now->text) ||
	       !is_same_pooled(&d->shown, was->link, &d->next, now->link);
}

/* Of several ways to the place, the shortest. */
static void move_to(struct diff *d, int y, int x)
{
	char way[32], other[32];

	if (d->y == y && d->x == x)
		return;
	if (x == 0)
		snprintf(way, sizeof way, y == 0 ? "\033[H" : "\033[%dH", y + 1);
	else
		snprintf(way, sizeof way, "\033[%d;%dH", y + 1, x + 1);
	if (d->y == y && x == 0)
		snprintf(other, sizeof other, "\r");
	else if (d->y + 1 == y && x == 0 && d->y >= 0)
		snprintf(other, sizeof other, "\r\n");
	else if (d->x < 0)
		snprintf(other, sizeof other, "%s", way);
	else if (d->y == y && d->x - x == 1)
		snprintf(other, sizeof other, "\b");
	else if (d->y == y)
		snprintf(other, sizeof other, "\033[%d%c", abs(x - d->x), x > d->x ? 'C' : 'D');
	else if (d->x == x)
		snprintf(other, sizeof other, "\033[%d%c", abs(y - d->y), y > d->y ? 'B' : 'A');
	else
		snprintf(other, sizeof other, "%s", way);
	buf_adds(d->out, strlen(other) < strlen(way) ? other : way);
	d->y = y;
	d->x = x;
}

static void set_pen(struct diff *d, const struct diff_pen *pen)
{
	diff_pen_put(d->out, &d->pen, pen);
	d->pen = *pen;
}

static void set_link(struct diff *d, const char *uri)
{
	size_t len = strlen(uri);

	if (strcmp(uri, d->link) == 0)
		return;
	if (len > d->link_bytes) {
		set_link(d, "");
		return;
	}
	d->link_bytes -= len;
	buf_addf(d->out, "\033]8;;%s\033\\", uri);
	d->link = uri;
}

/* Parts of Hangul syllables would join what they are written after. */
static bool is_jamo(uint32_t t)
{
	return (t >= 0x1100 && t < 0x1200) || (t >= 0xd7b0 && t < 0xd800);
}

/* Returns the columns that some terminal may have used. */
static int put_spot(struct diff *d, const struct spot *s)
{
	const char *cluster = s->text & POOLED ? pooled(&d->next, s->text) : NULL;
	int width = s->is_wide ? 2 : 1, naive = width;
	char utf8[4];

	set_pen(d, &s->pen);
	set_link(d, pooled(&d->next, s->link));
	if (cluster) {
		naive = diff_naive_width(cluster, strlen(cluster));
		/* where it is taken for narrow the second column would stay as it was */
		if (s->is_wide && d->caps.has_ech)
			buf_adds(d->out, "\033[2X");
		buf_adds(d->out, cluster);
	} else {
		buf_add(d->out, utf8, vt_utf8_put(utf8, s->text));
	}
	d->x += width;
	if (d->x >= d->next.cols || cluster || !diff_is_width_sure(s->text, s->is_wide))
		d->x = -1;
	return naive > width ? naive : width;
}

/* A few unchanged cells that the pen fits are written again rather than jumped. */
static void go_to(struct diff *d, const struct spot *row, int y, int x)
{
	int from = d->y == y ? d->x : -1;
	bool is_plain = from >= 0 && from < x && x - from <= 3;

	for (int i = from; is_plain && i < x; i++)
		is_plain = row[i].text >= 0x20 && row[i].text < 0x7f && !row[i].is_wide &&
		           is_same_pen(&row[i].pen, &d->pen) &&
		           strcmp(pooled(&d->next, row[i].link), d->link) == 0;
	if (!is_plain) {
		if (is_jamo(row[x].text))
			d->x = -1;
		move_to(d, y, x);
		return;
	}
	for (int i = from; i < x; i++)
		put_spot(d, &row[i]);
}

/* Take back what was appended from len on. */
static void buf_cut(struct buf *b, size_t len)
{
	if (b->len > len) {
		b->len = len;
		b->data[len] = '\0';
	}
}

/* Erasing leaves the same as writing it. */
static bool is_erased(const struct spot *s, uint32_t bg)
{
	return s->text == ' ' && !s->link && s->pen.bg == bg && !s->pen.attr;
}

/* The column from which the row is blank in one way, so that it can be erased. */
static int blank_from(const struct diff *d, const struct spot *row)
{
	int cols = d->next.cols, x = cols;
	const struct diff_pen *pen = &row[cols - 1].pen;

	if (pen->bg != VT_COLOR_DEFAULT && !d->caps.has_bce)
		return cols;
	while (x > 0 && is_erased(&row[x - 1], pen->bg))
		x--;
	return x;
}

/* Erase from x on, where that is shorter than blanks: to the end of the row, or
 * a run that ends in something changed. Returns the columns, 0 for none. */
static int erase(struct diff *d, const struct spot *was, const struct spot *now, int y, int x,
                 int blank)
{
	const struct diff_pen pen = { .bg = now[x].pen.bg };
	int cols = d->next.cols, end = x;
	bool is_rest = x >= blank && cols - x > 3;

	for (int i = x; !is_rest && d->caps.has_ech && i < cols && is_erased(&now[i], pen.bg); i++)
		if (is_changed(d, &was[i], &now[i]))
			end = i + 1;
	if (!is_rest && (end - x < 10 || (pen.bg != VT_COLOR_DEFAULT && !d->caps.has_bce)))
		return 0;
	move_to(d, y, x);
	set_pen(d, &pen);
	set_link(d, "");
	if (is_rest)
		buf_adds(d->out, "\033[K");
	else
		buf_addf(d->out, "\033[%dX", end - x);
	return is_rest ? cols - x : end - x;
}

static void emit_row(struct diff *d, int y)
{
	const struct spot *was = frame_row(&d->shown, y), *now = frame_row(&d->next, y);
	int cols = d->next.cols, blank = -1, spoilt = 0;

	for (int x = 0, n; x < cols; x += n) {
		bool change = x < spoilt || is_changed(d, &was[x], &now[x]);

		n = now[x].is_wide ? 2 : 1;
		if (n == 2 && !change)
			change = is_changed(d, &was[x + 1], &now[x + 1]);
		if (!change)
			continue;
		if (blank < 0)
			blank = blank_from(d, now);
		int erased = erase(d, was, now, y, x, blank);

		if (erased) {
			n = erased;
			continue;
		}
		go_to(d, now, y, x);
		int used = x + put_spot(d, &now[x]);

		spoilt = used > x + n && used > spoilt ? used : spoilt;
	}
}

static void emit_cursor(struct diff *d)
{
	static const char shapes[] = { '2', '4', '6' };
	const struct frame *f = &d->next;

	if (!f->is_visible) {
		if (d->shown.is_visible)
			buf_adds(d->out, "\033[?25l");
		return;
	}
	move_to(d, f->y, f->x);
	if (d->caps.has_shapes && (!d->is_shape_known || d->shape != f->shape)) {
		buf_addf(d->out, "\033[%c q", shapes[f->shape]);
		d->is_shape_known = true;
		d->shape = f->shape;
	}
	if (!d->shown.is_visible)
		buf_adds(d->out, "\033[?25h");
}

/* An empty frame, as after the clearing that has been written. */
static void start_anew(struct diff *d)
{
	static const struct spot blank = { .text = ' ' };
	struct frame *f = &d->shown;

	frame_size(f, d->next.rows, d->next.cols);
	for (int y = 0; y < f->rows; y++)
		for (int x = 0; x < f->cols; x++)
			f->row[y].spot[x] = blank;
	f->is_visible = false;
	d->is_shape_known = false;
	buf_adds(d->out, "\033[?25l\033[m\033[H\033[2J");
	d->y = d->x = 0;
	d->is_known = true;
}

int diff_emit(struct diff *d, struct buf *out)
{
	static const struct diff_pen none;
	size_t start = out->len, body;
	bool has_drawn;
	struct frame was;

	if (!d->has_next)
		return 0;
	d->out = out;
	d->link = "";
	d->link_bytes = DIFF_LINK_BYTES;
	d->pen = none;
	if (d->caps.has_sync)
		buf_adds(out, "\033[?2026h");
	else if (d->shown.is_visible)
		buf_adds(out, "\033[?25l");
	body = out->len;
	if (!d->is_known || d->shown.rows != d->next.rows || d->shown.cols != d->next.cols)
		start_anew(d);
	for (int y = 0; y < d->next.rows; y++)
		if (!d->is_same[y])
			emit_row(d, y);
	set_link(d, "");
	set_pen(d, &none);
	has_drawn = out->len > body;
	if (!has_drawn)
		buf_cut(out, start);
	else if (!d->caps.has_sync)
		d->shown.is_visible = false;
	emit_cursor(d);
	if (has_drawn && d->caps.has_sync)
		buf_adds(out, "\033[?2026l");
	d->out = NULL;
	d->link = "";
	was = d->shown;
	d->shown = d->next;
	d->next = was;
	for (int y = 0; y < d->shown.rows; y++) {
		struct frame_row kept = d->next.row[y];

		if (!d->is_same[y])
			continue;
		d->next.row[y] = d->shown.row[y];
		d->shown.row[y] = kept;
	}
	d->is_raw_known = !d->is_stale;
	d->has_next = false;
	if (out->overflowed) {
		d->is_known = false;
		return -1;
	}
	return 0;
}
