/* The scrollback: lines packed into bytes, in chunks that are freed whole.
 *
 * A packed line is
 *	flags (1 byte), columns (2)
 *	when it is not LINE_PLAIN: length of text (4), of runs (4), fill (4)
 *	text	UTF-8, one cell after the other; a cluster is 1 (narrow) or 2
 *		(wide), its length, its bytes. No cell holds a control, so these
 *		two bytes cannot be text.
 *	runs	of cells in one style: what follows (1), length (1 or 2), colours
 *		(1 or 3 bytes each), attributes (2), extended style (2)
 * Blanks at the end are cut. A plain line is ASCII in the default style: most
 * are, and cost three bytes more than their text.
 *
 * A resize leaves the lines as they are and marks them stale; they are wrapped
 * anew when somebody looks (vt_sb_sync), so that resizing many terminals costs
 * nothing for what is not shown.
 */
#include "core/vt_int.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define CHUNK_SIZE 16384
#define LOGICAL_MAX (64 * 1024) /* cells of a line that was wrapped over many rows */

struct vt_chunk {
	struct vt_chunk *next, *prev;
	size_t used, size;
	unsigned n_lines;
	uint8_t data[];
};

enum { LINE_WRAPPED = 1, LINE_PROMPT = 2, LINE_PLAIN = 4, LINE_EXT = 8 };
enum { RUN_FG = 0, RUN_BG = 2, RUN_ATTR = 1 << 4, RUN_EXT = 1 << 5, RUN_LONG = 1 << 6 };

#define HEAD_PLAIN 3
#define HEAD_FULL 15

/* --- chunks and the ring -------------------------------------------------------------- */

void vt_sb_init(struct vt_sb *sb)
{
	*sb = (struct vt_sb){ .max_lines = VT_SCROLLBACK_LINES, .max_bytes = VT_SCROLLBACK_BYTES };
}

static uint8_t **slot(const struct vt_sb *sb, unsigned i)
{
	return &sb->line[(sb->first + i) % sb->cap];
}

static void chunk_free(struct vt_sb *sb, struct vt_chunk *c)
{
	*(c->prev ? &c->prev->next : &sb->head) = c->next;
	*(c->next ? &c->next->prev : &sb->tail) = c->prev;
	sb->bytes -= sizeof *c + c->size;
	free(c);
}

static void drop_oldest(struct vt_sb *sb)
{
	sb->first = (sb->first + 1) % sb->cap;
	sb->n--;
	sb->dropped++;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): chunk_free() moves head on */
	if (--sb->head->n_lines == 0)
		chunk_free(sb, sb->head);
}

void vt_sb_pop(struct vt_sb *sb)
{
	const uint8_t *line = *slot(sb, --sb->n);

	sb->tail->used = (size_t)(line - sb->tail->data);
	if (--sb->tail->n_lines == 0)
		chunk_free(sb, sb->tail);
}

void vt_sb_trim(struct vt_sb *sb)
{
	while (sb->n > sb->max_lines || (sb->n > 0 && sb->bytes > sb->max_bytes))
		drop_oldest(sb);
}

void vt_sb_clear(struct vt_sb *sb)
{
	while (sb->n > 0)
		drop_oldest(sb);
	free(sb->line);
	sb->bytes -= sb->cap * sizeof *sb->line;
	sb->line = NULL;
	sb->first = sb->cap = 0;
	sb->is_stale = false;
}

void vt_sb_done(struct vt_sb *sb)
{
	vt_sb_clear(sb);
	free(sb->text);
	free(sb->runs);
	sb->text = sb->runs = NULL;
	sb->text_cap = sb->runs_cap = 0;
}

static void ring_grow(struct vt_sb *sb)
{
	unsigned cap = sb->cap ? sb->cap * 2 : 64;
	uint8_t **line;

	if (cap > sb->max_lines + 1)
		cap = sb->max_lines + 1;
	line = xcalloc(cap, sizeof *line);
	for (unsigned i = 0; i < sb->n; i++)
		line[i] = *slot(sb, i);
	free(sb->line);
	sb->bytes += (cap - sb->cap) * sizeof *line;
	sb->line = line;
	sb->cap = cap;
	sb->first = 0;
}

/* Room for a line of n bytes at the new end. */
static uint8_t *line_new(struct vt_sb *sb, size_t n)
{
	struct vt_chunk *c;

	while (sb->n >= sb->max_lines)
		drop_oldest(sb);
	c = sb->tail;
	if (!c || c->size - c->used < n) {
		size_t size = n > CHUNK_SIZE - sizeof *c ? n : CHUNK_SIZE - sizeof *c;

		c = xmalloc(sizeof *c + size);
		*c = (struct vt_chunk){ .prev = sb->tail, .size = size };
		*(sb->tail ? &sb->tail->next : &sb->head) = c;
		sb->tail = c;
		sb->bytes += sizeof *c + size;
	}
	if (sb->n == sb->cap)
		ring_grow(sb);
	sb->n++;
	*slot(sb, sb->n - 1) = c->data + c->used;
	c->used += n;
	c->n_lines++;
	return c->data + c->used - n;
}

/* --- packing ------------------------------------------------------------------------------ */

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static unsigned get16(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static void room(uint8_t **p, size_t *cap, size_t need)
{
	if (need <= *cap)
		return;
	*cap = need * 2;
	*p = xreallocarray(*p, *cap, 1);
}

static bool is_blank(const struct vt_cell *c, uint32_t fill)
{
	return (c->ch == 0 || c->ch == ' ') && c->bg == fill && !(c->attr & VT_STYLE_MASK);
}

static uint8_t *pack_color(uint8_t *p, uint8_t *head, unsigned shift, uint32_t c)
{
	if (VT_COLOR_KIND(c) == VT_COLOR_INDEX) {
		*head |= (uint8_t)(1u << shift);
		*p++ = (uint8_t)c;
	} else if (VT_COLOR_KIND(c) == VT_COLOR_RGB) {
		*head |= (uint8_t)(2u << shift);
		*p++ = (uint8_t)(c >> 16);
		*p++ = (uint8_t)(c >> 8);
		*p++ = (uint8_t)c;
	}
	return p;
}

/* At most 13 bytes. */
static size_t pack_run(uint8_t *out, const struct vt_cell *c, unsigned len)
{
	uint8_t *head = out, *p = out + 1;
	unsigned attr = c->attr & VT_STYLE_MASK & 0xffff, ext = c->attr >> VT_EXT_SHIFT;

	*head = 0;
	*p++ = (uint8_t)len;
	if (len > 255) {
		*head |= RUN_LONG;
		*p++ = (uint8_t)(len >> 8);
	}
	p = pack_color(p, head, RUN_FG, c->fg);
	p = pack_color(p, head, RUN_BG, c->bg);
	if (attr) {
		*head |= RUN_ATTR;
		put16(p, attr);
		p += 2;
	}
	if (ext) {
		*head |= RUN_EXT;
		put16(p, ext);
		p += 2;
	}
	return (size_t)(p - out);
}

static bool same_style(const struct vt_cell *a, const struct vt_cell *b)
{
	return a->fg == b->fg && a->bg == b->bg && !((a->attr ^ b->attr) & VT_STYLE_MASK);
}

static size_t pack_text(const struct vt *vt, uint8_t *out, const struct vt_cell *c)
{
	const struct vt_intern_entry *e;

	if (!(c->ch & VT_CH_CLUSTER))
		return vt_utf8_put((char *)out, c->ch ? c->ch : ' ');
	e = &vt->clusters.e[c->ch & ~VT_CH_CLUSTER];
	out[0] = c->attr & VT_WIDE ? 2 : 1;
	out[1] = (uint8_t)e->len;
	memcpy(out + 2, e->data, e->len);
	return 2 + e->len;
}

static void push_styled(const struct vt *vt, struct vt_sb *sb, const struct vt_row *row,
                        unsigned used, uint8_t flags)
{
	size_t text = 0, runs = 0;
	uint8_t *p;

	room(&sb->runs, &sb->runs_cap, (size_t)used * 14);
	for (unsigned x = 0, start = 0; x < used; x++) {
		const struct vt_cell *c = &row->cells[x];

		if (text + VT_CELL_TEXT_MAX + 2 > sb->text_cap)
			room(&sb->text, &sb->text_cap, text + VT_CELL_TEXT_MAX + 2);
		if (c->ch - 1 < 0x7e)
			sb->text[text++] = (uint8_t)c->ch;
		else if (!(c->attr & VT_TAIL))
			text += pack_text(vt, sb->text + text, c);
		if (x + 1 == used || !same_style(c, c + 1)) {
			runs += pack_run(sb->runs + runs, c, x + 1 - start);
			start = x + 1;
			if (c->attr >> VT_EXT_SHIFT)
				flags |= LINE_EXT;
		}
	}
	p = line_new(sb, HEAD_FULL + text + runs);
	p[0] = flags;
	put16(p + 1, used);
	put32(p + 3, (uint32_t)text);
	put32(p + 7, (uint32_t)runs);
	put32(p + 11, row->fill);
	if (text)
		memcpy(p + HEAD_FULL, sb->text, text);
	if (runs)
		memcpy(p + HEAD_FULL + text, sb->runs, runs);
}

static void push(const struct vt *vt, struct vt_sb *sb, const struct vt_row *row)
{
	unsigned used = row->used;
	uint8_t flags = 0, *p;

	if (!sb->max_lines)
		return;
	if (row->flags & VT_ROW_WRAPPED)
		flags |= LINE_WRAPPED;
	else
		while (used > 0 && is_blank(&row->cells[used - 1], row->fill))
			used--;
	if (row->flags & VT_ROW_PROMPT)
		flags |= LINE_PROMPT;
	if (row->flags & VT_ROW_STYLED || row->fill) {
		push_styled(vt, sb, row, used, flags);
	} else {
		p = line_new(sb, HEAD_PLAIN + used);
		p[0] = flags | LINE_PLAIN;
		put16(p + 1, used);
		for (unsigned x = 0; x < used; x++)
			p[HEAD_PLAIN + x] = row->cells[x].ch ? (uint8_t)row->cells[x].ch : ' ';
	}
	vt_sb_trim(sb);
}

void vt_sb_push(struct vt *vt, const struct vt_row *row)
{
	push(vt, &vt->sb, row);
}

/* --- unpacking ------------------------------------------------------------------------------ */

bool vt_sb_is_wrapped(const struct vt_sb *sb, unsigned i)
{
	return **slot(sb, i) & LINE_WRAPPED;
}

static const uint8_t *unpack_color(const uint8_t *p, unsigned kind, uint32_t *c)
{
	*c = VT_COLOR_DEFAULT;
	if (kind == 1)
		*c = VT_COLOR_INDEX | *p++;
	if (kind == 2) {
		*c = VT_COLOR_RGB | (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		p += 3;
	}
	return p;
}

/* One run: its style, and its length in *len. */
static const uint8_t *unpack_run(const uint8_t *p, struct vt_cell *c, unsigned *len)
{
	uint8_t head = *p++;

	*len = *p++;
	if (head & RUN_LONG)
		*len |= (unsigned)*p++ << 8;
	p = unpack_color(p, head >> RUN_FG & 3, &c->fg);
	p = unpack_color(p, head >> RUN_BG & 3, &c->bg);
	c->attr = 0;
	if (head & RUN_ATTR) {
		c->attr = get16(p);
		p += 2;
	}
	if (head & RUN_EXT) {
		c->attr |= (uint32_t)get16(p) << VT_EXT_SHIFT;
		p += 2;
	}
	return p;
}

/* The next cell's text: its ch, and whether it is wide. */
static const uint8_t *unpack_text(struct vt *vt, const uint8_t *p, uint32_t *ch, bool *is_wide)
{
	uint32_t cp[VT_CLUSTER_CPS];
	size_t n;

	if (*p == 1 || *p == 2) {
		n = vt_utf8_get((const char *)p + 2, p[1], cp, VT_CLUSTER_CPS);
		*is_wide = *p == 2;
		*ch = vt_cluster_ch(vt, cp, n);
		return p + 2 + p[1];
	}
	n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	vt_utf8_get((const char *)p, n, ch, 1);
	*is_wide = VT_PROP_WIDTH(vt_width_prop(*ch)) == 2;
	return p + n;
}

static void unpack_styled(struct vt *vt, const uint8_t *line, struct vt_row *row, unsigned used)
{
	const uint8_t *text = line + HEAD_FULL, *runs = text + get32(line + 3);

	row->fill = get32(line + 11);
	row->flags |= VT_ROW_STYLED;
	while (row->used < used) {
		struct vt_cell style = { 0 };
		unsigned end;

		runs = unpack_run(runs, &style, &end);
		end += row->used;
		while (row->used < end) {
			struct vt_cell *c = &row->cells[row->used];
			bool is_wide;

			text = unpack_text(vt, text, &style.ch, &is_wide);
			*c = style;
			if (is_wide) {
				c[1] = style;
				c[0].attr |= VT_WIDE;
				c[1].attr |= VT_TAIL;
				c[1].ch = 0;
				row->flags |= VT_ROW_WIDE;
			}
			row->used = (uint16_t)(row->used + 1 + is_wide);
		}
	}
}

void vt_sb_get(struct vt *vt, const struct vt_sb *sb, unsigned i, struct vt_row *row)
{
	const uint8_t *line = *slot(sb, i);
	unsigned used = get16(line + 1);

	vt_row_reserve(row, VT_SIZE_MAX + 1, VT_SIZE_MAX + 1);
	row->used = 0;
	row->fill = VT_COLOR_DEFAULT;
	row->flags = 0;
	if (*line & LINE_WRAPPED)
		row->flags |= VT_ROW_WRAPPED;
	if (*line & LINE_PROMPT)
		row->flags |= VT_ROW_PROMPT;
	if (!(*line & LINE_PLAIN)) {
		unpack_styled(vt, line, row, used);
		return;
	}
	for (unsigned x = 0; x < used; x++)
		row->cells[x] = (struct vt_cell){ .ch = line[HEAD_PLAIN + x] };
	row->used = (uint16_t)used;
}

/* Mark the extended styles of a line, or take them out of it. */
static void line_exts(struct vt *vt, uint8_t *line, bool forget)
{
	uint8_t *p = line + HEAD_FULL + get32(line + 3);
	const uint8_t *end = p + get32(line + 7);

	while (p < end) {
		struct vt_cell c;
		unsigned len;

		p += unpack_run(p, &c, &len) - p;
		if (!(c.attr >> VT_EXT_SHIFT))
			continue;
		if (forget)
			put16(p - 2, 0);
		else
			vt_intern_mark(&vt->exts, c.attr >> VT_EXT_SHIFT);
	}
}

void vt_sb_mark_exts(struct vt *vt)
{
	for (unsigned i = 0; i < vt->sb.n; i++)
		if (**slot(&vt->sb, i) & LINE_EXT)
			line_exts(vt, *slot(&vt->sb, i), false);
}

void vt_sb_forget_exts(struct vt *vt)
{
	for (unsigned i = 0; i < vt->sb.n; i++) {
		uint8_t *line = *slot(&vt->sb, i);

		if (*line & LINE_EXT)
			line_exts(vt, line, true);
		*line &= (uint8_t)~LINE_EXT;
	}
}

/* --- wrapping anew ---------------------------------------------------------------------------- */

int vt_wrap_take(const struct vt_cell *c, int n, int cols)
{
	if (n <= cols)
		return n;
	/* a wide cell is not cut, unless nothing else fits */
	return c[cols].attr & VT_TAIL && cols > 1 ? cols - 1 : cols;
}

struct logical { /* a line before it is wrapped */
	struct vt_cell *cells;
	int n, cap;
	struct vt_row row; /* flags and fill of what is made of it */
};

static void logical_flush(const struct vt *vt, struct vt_sb *to, struct logical *l, bool is_end)
{
	int at = 0;

	do {
		int take = vt_wrap_take(l->cells + at, l->n - at, vt->cols);

		l->row.cells = l->cells + at;
		l->row.used = (uint16_t)take;
		at += take;
		l->row.flags &= (uint8_t)~VT_ROW_WRAPPED;
		if (at < l->n || !is_end)
			l->row.flags |= VT_ROW_WRAPPED;
		push(vt, to, &l->row);
		l->row.flags &= (uint8_t)~VT_ROW_PROMPT;
	} while (at < l->n);
	l->n = 0;
	l->row = (struct vt_row){ 0 };
}

static void logical_add(struct logical *l, const struct vt_row *row, int cols)
{
	if (l->n + row->used >= l->cap) {
		l->cap = (l->n + row->used + 64) * 2;
		l->cells = xreallocarray(l->cells, (size_t)l->cap, sizeof *l->cells);
	}
	for (int x = 0; x < row->used; x++) {
		struct vt_cell c = row->cells[x];

		if (cols == 1 && c.attr & (VT_WIDE | VT_TAIL))
			c = (struct vt_cell){ .bg = c.bg };
		l->cells[l->n++] = c;
	}
	l->row.flags |= row->flags;
	l->row.fill = row->fill;
}

void vt_sb_sync(struct vt *vt)
{
	struct vt_sb old = vt->sb, *to = &vt->sb;
	struct logical l = { 0 };

	if (!old.is_stale)
		return;
	*to = (struct vt_sb){ .max_lines = old.max_lines,
		              .max_bytes = old.max_bytes,
		              .dropped = old.dropped,
		              .text = old.text,
		              .runs = old.runs,
		              .text_cap = old.text_cap,
		              .runs_cap = old.runs_cap };
	old.text = old.runs = NULL;
	vt->is_reflowing = true;
	while (old.n > 0) {
		vt_sb_get(vt, &old, 0, &vt->scratch);
		logical_add(&l, &vt->scratch, vt->cols);
		if (!vt_sb_is_wrapped(&old, 0) || l.n > LOGICAL_MAX)
			logical_flush(vt, to, &l, !vt_sb_is_wrapped(&old, 0));
		drop_oldest(&old);
	}
	if (l.n > 0)
		logical_flush(vt, to, &l, false);
	vt->scratch.used = 0;
	vt->is_reflowing = false;
	free(l.cells);
	vt_sb_clear(&old);
}
