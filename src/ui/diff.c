/* Frames, and from one to the next in bytes. */
#include "ui/diff_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/width.h"

#define POOL_MAX ((size_t)16 << 20)

static void free_rows(struct diff_frame *f)
{
	for (int y = 0; f->row && y < f->rows; y++) {
		free(f->row[y].spot);
		free(f->row[y].raw);
	}
	free(f->row);
	f->row = NULL;
	f->rows = 0;
}

struct diff *diff_new(const struct diff_caps *caps)
{
	struct diff *d = xcalloc(1, sizeof *d);

	d->caps = *caps;
	d->shown.pool = d->next.pool = (struct buf)BUF_INIT(POOL_MAX);
	return d;
}

void diff_free(struct diff *d)
{
	if (!d)
		return;
	free_rows(&d->shown);
	free_rows(&d->next);
	free(d->taken);
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

void diff_frame_size(struct diff_frame *f, int rows, int cols)
{
	buf_reset(&f->pool);
	if (f->rows == rows && f->cols == cols && f->row)
		return;
	free_rows(f);
	f->row = xcalloc((size_t)rows, sizeof *f->row);
	f->rows = rows;
	f->cols = cols;
	for (int y = 0; y < rows; y++) {
		f->row[y].spot = xcalloc((size_t)cols, sizeof(struct diff_spot));
		f->row[y].raw = xcalloc((size_t)cols, sizeof(struct canvas_cell));
	}
}

void diff_copy_cells(struct diff_frame *to, const struct diff_frame *from, int y,
                     struct diff_span span)
{
	size_t n = (size_t)(span.hi - span.lo);

	memcpy(to->row[y].spot + span.lo, from->row[y].spot + span.lo,
	       n * sizeof(struct diff_spot));
	memcpy(to->row[y].raw + span.lo, from->row[y].raw + span.lo,
	       n * sizeof(struct canvas_cell));
}

void diff_catch_up(struct diff *d, int y)
{
	struct diff_row *row = &d->next.row[y];

	if (!row->is_behind)
		return;
	diff_copy_cells(&d->next, &d->shown, y, (struct diff_span){ 0, d->next.cols });
	row->has_strings = row->is_behind = false; /* with strings all of it is taken */
}

void diff_forget(struct diff *d)
{
	/* what was not taken is to be sent, too */
	for (int y = 0; d->has_next && y < d->next.rows; y++) {
		if (!diff_is_whole(&d->next, d->taken[y]))
			diff_catch_up(d, y);
		d->taken[y] = (struct diff_span){ 0, d->next.cols };
	}
	d->is_known = false;
}

static const char *pooled(const struct diff_frame *f, uint32_t at)
{
	return at & DIFF_POOLED ? f->pool.data + (at & ~DIFF_POOLED) : "";
}

/* --- from a frame to bytes ------------------------------------------------------ */

static bool is_same_pooled(const struct diff_frame *a, uint32_t i, const struct diff_frame *b,
                           uint32_t j)
{
	if (!(i & j & DIFF_POOLED))
		return i == j;
	return strcmp(pooled(a, i), pooled(b, j)) == 0;
}

static bool is_same_pen(const struct diff_pen *a, const struct diff_pen *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->attr == b->attr && a->ul == b->ul;
}

static bool is_changed(const struct diff *d, const struct diff_spot *was,
                       const struct diff_spot *now)
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
static int put_spot(struct diff *d, const struct diff_spot *s)
{
	const char *cluster = s->text & DIFF_POOLED ? pooled(&d->next, s->text) : NULL;
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
static void go_to(struct diff *d, const struct diff_spot *row, int y, int x)
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
static bool is_erased(const struct diff_spot *s, uint32_t bg)
{
	return s->text == ' ' && !s->link && s->pen.bg == bg && !s->pen.attr;
}

/* The column from which the row is blank in one way, so that it can be erased. */
static int blank_from(const struct diff *d, const struct diff_spot *row)
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
 * a run that ends in something changed. Returns the columns, 0 for none. blank: as
 * of blank_from(); -1 when nothing erased was seen yet. */
static int erase(struct diff *d, const struct diff_spot *was, const struct diff_spot *now, int y,
                 int x, int blank)
{
	const struct diff_pen pen = { .bg = now[x].pen.bg };
	int cols = d->next.cols, end = x;
	bool is_rest = blank >= 0 && x >= blank && cols - x > 3;

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
	const struct diff_spot *was = diff_row_spots(&d->shown, y);
	const struct diff_spot *now = diff_row_spots(&d->next, y);
	int cols = d->next.cols, blank = -1, spoilt = 0, end = d->taken[y].hi;

	for (int x = d->taken[y].lo, n; x < cols && (x < end || x < spoilt); x += n) {
		bool change = x < spoilt || is_changed(d, &was[x], &now[x]);

		n = now[x].is_wide ? 2 : 1;
		if (n == 2 && !change)
			change = is_changed(d, &was[x + 1], &now[x + 1]);
		if (!change)
			continue;
		if (blank < 0 && is_erased(&now[x], now[x].pen.bg))
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
	const struct diff_frame *f = &d->next;

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
	static const struct diff_spot blank = { .text = ' ' };
	struct diff_frame *f = &d->shown;

	diff_frame_size(f, d->next.rows, d->next.cols);
	for (int y = 0; y < f->rows; y++)
		for (int x = 0; x < f->cols; x++)
			f->row[y].spot[x] = blank;
	f->is_visible = false;
	d->is_shape_known = false;
	buf_adds(d->out, "\033[?25l\033[m\033[H\033[2J");
	d->y = d->x = 0;
	d->is_known = true;
}

/* What was next is shown. */
static void move_on(struct diff *d)
{
	struct diff_frame *was = &d->shown, *now = &d->next;
	struct buf pool = was->pool;

	for (int y = 0; y < now->rows; y++) {
		struct diff_row row = was->row[y];

		if (diff_is_whole(now, d->taken[y])) {
			was->row[y] = now->row[y];
			now->row[y] = row;
			now->row[y].is_behind = true;
		} else if (d->taken[y].lo < d->taken[y].hi) {
			diff_copy_cells(was, now, y, d->taken[y]);
			was->row[y].has_strings = now->row[y].has_strings;
		}
	}
	was->pool = now->pool;
	now->pool = pool;
	was->y = now->y;
	was->x = now->x;
	was->is_visible = now->is_visible;
	was->shape = now->shape;
}

int diff_emit(struct diff *d, struct buf *out)
{
	static const struct diff_pen none;
	size_t start = out->len, body;
	bool has_drawn;

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
	move_on(d);
	d->is_raw_known = !d->is_stale;
	d->has_next = false;
	if (out->overflowed) {
		d->is_known = false;
		return -1;
	}
	return 0;
}
