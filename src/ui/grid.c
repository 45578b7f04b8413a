/* The grid: cells, the strings that they name, and the whole as text. */
#include "ui/grid_int.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/width.h"

#define REPLACEMENT 0xfffdu

/* --- strings ------------------------------------------------------------------------------ */

static uint32_t hash_of(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h;
}

static void strings_done(struct grid_strings *t)
{
	free(t->data);
	free(t->v);
	free(t->slot);
}

static void strings_reset(struct grid_strings *t)
{
	if (t->n && t->n_slots)
		memset(t->slot, 0, t->n_slots * sizeof *t->slot);
	t->n = 0;
	t->len = 0;
}

static void strings_place(struct grid_strings *t, uint32_t number)
{
	uint32_t i = t->v[number - 1].hash & (t->n_slots - 1);

	while (t->slot[i])
		i = (i + 1) & (t->n_slots - 1);
	t->slot[i] = number;
}

/* Room for one more string of len bytes. */
static bool strings_grow(struct grid_strings *t, size_t len)
{
	if (t->n == t->n_max || len > t->max - t->len)
		return false;
	if (t->len + len > t->cap) {
		while (t->cap < t->len + len)
			t->cap = t->cap ? 2 * t->cap : 4096;
		t->data = xreallocarray(t->data, t->cap, 1);
	}
	if (t->n == t->n_cap) {
		t->n_cap = t->n_cap ? 2 * t->n_cap : 64;
		t->v = xreallocarray(t->v, t->n_cap, sizeof *t->v);
	}
	if (2 * (t->n + 1) > t->n_slots) {
		t->n_slots = t->n_slots ? 2 * t->n_slots : 256;
		free(t->slot);
		t->slot = xcalloc(t->n_slots, sizeof *t->slot);
		for (uint32_t i = 1; i <= t->n; i++)
			strings_place(t, i);
	}
	return true;
}

static uint32_t strings_add(struct grid_strings *t, const char *s, size_t len)
{
	uint32_t hash = hash_of(s, len), i, number;

	for (i = hash & (t->n_slots - 1); t->n_slots && (number = t->slot[i]);
	     i = (i + 1) & (t->n_slots - 1)) {
		const struct grid_string *e = &t->v[number - 1];

		if (e->hash == hash && e->len == len && memcmp(t->data + e->at, s, len) == 0)
			return number;
	}
	if (!strings_grow(t, len))
		return 0;
	memcpy(t->data + t->len, s, len);
	t->v[t->n] = (struct grid_string){ (uint32_t)t->len, (uint32_t)len, hash };
	t->len += len;
	strings_place(t, ++t->n);
	return t->n;
}

static const char *strings_get(const struct grid_strings *t, uint32_t number, size_t *len)
{
	if (!number || number > t->n)
		return NULL;
	*len = t->v[number - 1].len;
	return t->data + t->v[number - 1].at;
}

static void strings_copy(struct grid_strings *to, const struct grid_strings *from)
{
	strings_reset(to);
	for (uint32_t i = 0; i < from->n; i++)
		strings_add(to, from->data + from->v[i].at, from->v[i].len);
}

/* --- the grid ------------------------------------------------------------------------------- */

struct grid *grid_new(int rows, int cols)
{
	struct grid *g = xcalloc(1, sizeof *g);

	g->clusters.max = GRID_CLUSTER_BYTES;
	g->clusters.n_max = GRID_CLUSTERS_MAX;
	g->links.max = GRID_LINK_BYTES;
	g->links.n_max = GRID_LINKS_MAX;
	grid_resize(g, rows, cols);
	return g;
}

void grid_free(struct grid *g)
{
	if (!g)
		return;
	strings_done(&g->clusters);
	strings_done(&g->links);
	free(g->cells);
	free(g->dirty);
	free(g);
}

static int clamp_size(int n)
{
	return n < 1 ? 1 : n > VT_SIZE_MAX ? VT_SIZE_MAX : n;
}

void grid_resize(struct grid *g, int rows, int cols)
{
	rows = clamp_size(rows);
	cols = clamp_size(cols);
	if (rows != g->rows || cols != g->cols) {
		free(g->cells);
		free(g->dirty);
		g->cells = xcalloc((size_t)rows * (size_t)cols, sizeof *g->cells);
		g->dirty = xcalloc((size_t)rows, sizeof *g->dirty);
		g->rows = rows;
		g->cols = cols;
	}
	grid_clear(g, (struct style){ 0 });
}

static void set_dirty(struct grid *g, struct grid_span span)
{
	for (int y = 0; y < g->rows; y++)
		g->dirty[y] = span;
}

void grid_clear(struct grid *g, struct style s)
{
	struct canvas_cell blank = { 0, s.fg, s.bg, s.attr };
	size_t n = (size_t)g->rows * (size_t)g->cols;

	strings_reset(&g->clusters);
	strings_reset(&g->links);
	blank.attr &= (1u << CANVAS_LINK_SHIFT) - 1;
	for (size_t i = 0; i < n; i++)
		g->cells[i] = blank;
	set_dirty(g, (struct grid_span){ 0, g->cols });
	g->cursor_y = g->cursor_x = 0;
	g->is_cursor_visible = false;
	g->cursor_shape = VT_CURSOR_BLOCK;
}

void grid_copy(struct grid *to, const struct grid *from)
{
	size_t n = (size_t)from->rows * (size_t)from->cols;

	if (to->rows != from->rows || to->cols != from->cols)
		grid_resize(to, from->rows, from->cols);
	memcpy(to->cells, from->cells, n * sizeof *to->cells);
	set_dirty(to, (struct grid_span){ 0, to->cols });
	strings_copy(&to->clusters, &from->clusters);
	strings_copy(&to->links, &from->links);
	to->is_ascii = from->is_ascii;
	to->cursor_y = from->cursor_y;
	to->cursor_x = from->cursor_x;
	to->is_cursor_visible = from->is_cursor_visible;
	to->cursor_shape = from->cursor_shape;
}

int grid_rows(const struct grid *g)
{
	return g->rows;
}

int grid_cols(const struct grid *g)
{
	return g->cols;
}

static bool is_half_free(const struct grid_strings *t)
{
	return t->n < t->n_max / 2 && t->len < t->max / 2;
}

bool grid_has_room(const struct grid *g)
{
	return is_half_free(&g->clusters) && is_half_free(&g->links);
}

const struct canvas_cell *grid_row(const struct grid *g, int y)
{
	return &g->cells[(size_t)y * (size_t)g->cols];
}

bool grid_row_dirty(const struct grid *g, int y, int *lo, int *hi)
{
	*lo = g->dirty[y].lo;
	*hi = g->dirty[y].hi;
	return *lo < *hi;
}

void grid_clean(struct grid *g)
{
	set_dirty(g, (struct grid_span){ g->cols, 0 });
}

void grid_set_ascii(struct grid *g, bool is_ascii)
{
	g->is_ascii = is_ascii;
}

void grid_set_own_palette(struct grid *g, bool is_own)
{
	g->has_own_palette = is_own;
}

bool grid_is_ascii(const struct grid *g)
{
	return g->is_ascii;
}

void grid_set_cursor(struct grid *g, int y, int x, bool is_visible, enum vt_cursor_shape shape)
{
	g->cursor_y = y < 0 ? 0 : y >= g->rows ? g->rows - 1 : y;
	g->cursor_x = x < 0 ? 0 : x >= g->cols ? g->cols - 1 : x;
	g->is_cursor_visible = is_visible;
	g->cursor_shape = shape;
}

void grid_cursor(const struct grid *g, int *y, int *x, bool *is_visible,
                 enum vt_cursor_shape *shape)
{
	*y = g->cursor_y;
	*x = g->cursor_x;
	*is_visible = g->is_cursor_visible;
	*shape = g->cursor_shape;
}

/* --- cells ------------------------------------------------------------------------------------ */

static void blank_cell(struct grid *g, int y, int x)
{
	struct canvas_cell *c = grid_at(g, y, x, 1);

	c->text = 0;
	c->attr &= ~(uint32_t)(VT_WIDE | VT_TAIL);
}

void grid_cut_wide(struct grid *g, int y, int x, int end)
{
	const struct canvas_cell *row = grid_row(g, y);

	if (x < end && row[x].attr & VT_TAIL && x > 0)
		blank_cell(g, y, x - 1);
	if (x < end && row[end - 1].attr & VT_WIDE && end < g->cols)
		blank_cell(g, y, end);
}

void grid_put(struct grid *g, int y, int x, uint32_t text, int width, struct style s)
{
	struct canvas_cell *c;

	if (text == REPLACEMENT && width == 2) {
		/* it stands for something wide, and is narrow itself */
		grid_put(g, y, x + 1, 0, 1, s);
		width = 1;
	}
	c = grid_at(g, y, x, width);
	if ((c->attr | c[width - 1].attr) & (VT_WIDE | VT_TAIL))
		grid_cut_wide(g, y, x, x + width);
	s.attr &= ~(uint32_t)(VT_WIDE | VT_TAIL | VT_PROTECTED | VT_CONCEAL);
	*c = (struct canvas_cell){ text == ' ' ? 0 : text, s.fg, s.bg, s.attr };
	if (width == 2) {
		c[1] = (struct canvas_cell){ 0, s.fg, s.bg, s.attr | VT_TAIL };
		c->attr |= VT_WIDE;
	}
}

uint32_t grid_text_of(struct grid *g, const uint32_t *cp, size_t n)
{
	enum vt_class class = VT_PROP_CLASS(vt_width_prop(cp[0]));
	char text[VT_CELL_TEXT_MAX];
	size_t len = 0;
	uint32_t number;

	/* a mark by itself would join the cell before it on the terminal */
	if (class == VT_GC_EXTEND || class == VT_GC_ZWJ || class == VT_GC_SPACING)
		return REPLACEMENT;
	if (n == 1)
		return cp[0];
	for (size_t i = 0; i < n && len < sizeof text - 5; i++)
		len += vt_utf8_put(text + len, cp[i]);
	number = strings_add(&g->clusters, text, len);
	return number ? CANVAS_CLUSTER | number : REPLACEMENT;
}

size_t grid_cell_text(const struct grid *g, const struct canvas_cell *c, char *out)
{
	const char *text;
	size_t n = 0;

	if (c->attr & VT_TAIL) {
		n = 0;
	} else if (!(c->text & CANVAS_CLUSTER)) {
		n = vt_utf8_put(out, c->text ? c->text : ' ');
	} else if ((text = strings_get(&g->clusters, c->text & ~CANVAS_CLUSTER, &n))) {
		memcpy(out, text, n);
	}
	out[n] = '\0';
	return n;
}

unsigned grid_add_link(struct grid *g, const char *uri, uint32_t ul_color)
{
	char key[sizeof ul_color + VT_URI_MAX + 1];
	size_t len = uri ? strlen(uri) : 0;

	for (size_t i = 0; i < len; i++)
		if (uri[i] <= ' ' || uri[i] > '~')
			len = 0;
	if (len > VT_URI_MAX)
		len = 0;
	if (!len && !ul_color)
		return 0;
	memcpy(key, &ul_color, sizeof ul_color);
	if (len)
		memcpy(key + sizeof ul_color, uri, len);
	key[sizeof ul_color + len] = '\0';
	return strings_add(&g->links, key, sizeof ul_color + len + 1);
}

const char *grid_link(const struct grid *g, unsigned number)
{
	size_t len;
	const char *key = strings_get(&g->links, number, &len);

	return key && len > sizeof(uint32_t) + 1 ? key + sizeof(uint32_t) : NULL;
}

uint32_t grid_ul_color(const struct grid *g, unsigned number)
{
	size_t len;
	const char *key = strings_get(&g->links, number, &len);
	uint32_t color = VT_COLOR_DEFAULT;

	if (key)
		memcpy(&color, key, sizeof color);
	return color;
}

static bool same_string(const struct grid_strings *a, uint32_t na, const struct grid_strings *b,
                        uint32_t nb)
{
	size_t la = 0, lb = 0;
	const char *sa = strings_get(a, na, &la), *sb = strings_get(b, nb, &lb);

	if (!sa || !sb)
		return !sa && !sb;
	return la == lb && memcmp(sa, sb, la) == 0;
}

/* Attributes that show on a blank. */
#define SHOWS_ON_BLANK ((uint32_t)(VT_REVERSE | VT_STRIKE | VT_OVERLINE | VT_UL_MASK))

bool grid_cell_same(const struct grid *a, const struct canvas_cell *ca, const struct grid *b,
                    const struct canvas_cell *cb)
{
	const uint32_t low = (1u << CANVAS_LINK_SHIFT) - 1;

	if (ca->bg != cb->bg)
		return false;
	if (!ca->text && !cb->text && !((ca->attr | cb->attr) & (SHOWS_ON_BLANK | VT_TAIL | ~low)))
		return true;
	if (ca->fg != cb->fg || ((ca->attr ^ cb->attr) & low))
		return false;
	if (ca->text != cb->text && !(ca->text & cb->text & CANVAS_CLUSTER))
		return false;
	if (ca->text & CANVAS_CLUSTER && !same_string(&a->clusters, ca->text & ~CANVAS_CLUSTER,
	                                              &b->clusters, cb->text & ~CANVAS_CLUSTER))
		return false;
	return !((ca->attr | cb->attr) & ~low) ||
	       same_string(&a->links, ca->attr >> CANVAS_LINK_SHIFT, &b->links,
	                   cb->attr >> CANVAS_LINK_SHIFT);
}

/* --- as text ---------------------------------------------------------------------------------- */

#define DUMP_STYLES_MAX 62

struct dump_styles {
	const struct canvas_cell *v[DUMP_STYLES_MAX];
	size_t n;
};

static char style_letter(const struct grid *g, struct dump_styles *styles,
                         const struct canvas_cell *c)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const uint32_t shape = VT_WIDE | VT_TAIL;
	size_t i;

	if (!c->bg && !(c->attr & ~shape) && (!c->text || !c->fg))
		return '.';
	for (i = 0; i < styles->n; i++)
		if (styles->v[i]->fg == c->fg && styles->v[i]->bg == c->bg &&
		    !((styles->v[i]->attr ^ c->attr) & ~shape))
			return letters[i];
	(void)g;
	if (i == DUMP_STYLES_MAX)
		return '?';
	styles->v[styles->n++] = c;
	return letters[i];
}

static void dump_color(struct buf *out, const char *what, uint32_t c)
{
	if (VT_COLOR_KIND(c) == VT_COLOR_INDEX)
		buf_addf(out, " %s=%u", what, c & 0xff);
	else if (VT_COLOR_KIND(c) == VT_COLOR_RGB)
		buf_addf(out, " %s=#%06x", what, c & 0xffffff);
}

static void dump_style(const struct grid *g, const struct canvas_cell *c, struct buf *out)
{
	static const char *const names[] = { "bold",    "dim",     "italic", "blink",
		                             "reverse", "conceal", "strike", "overline" };
	static const char *const lines[] = { "",       "underline", "double", "curly",
		                             "dotted", "dashed",    "",       "" };
	unsigned number = c->attr >> CANVAS_LINK_SHIFT;
	unsigned ul = (c->attr & VT_UL_MASK) >> VT_UL_SHIFT;

	dump_color(out, "fg", c->fg);
	dump_color(out, "bg", c->bg);
	for (unsigned i = 0; i < 8; i++)
		if (c->attr & 1u << i)
			buf_addf(out, " %s", names[i]);
	if (*lines[ul])
		buf_addf(out, " %s", lines[ul]);
	dump_color(out, "ulcolor", grid_ul_color(g, number));
	if (grid_link(g, number))
		buf_addf(out, " link=%s", grid_link(g, number));
	buf_addc(out, '\n');
}

/* Cut what is at the end of the line that began at byte from. */
static void end_line(struct buf *out, size_t from, char blank)
{
	while (out->len > from && out->data[out->len - 1] == blank)
		out->len--;
	buf_addc(out, '\n');
}

void grid_dump(const struct grid *g, struct buf *out, bool attrs)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	struct dump_styles styles = { .n = 0 };
	char text[VT_CELL_TEXT_MAX];

	for (int y = 0; y < g->rows; y++) {
		const struct canvas_cell *row = grid_row(g, y);
		size_t from = out->len;

		for (int x = 0; x < g->cols; x++)
			buf_add(out, text, grid_cell_text(g, &row[x], text));
		end_line(out, from, ' ');
		from = out->len;
		for (int x = 0; attrs && x < g->cols; x++)
			buf_addc(out, style_letter(g, &styles, &row[x]));
		if (attrs)
			end_line(out, from, '.');
	}
	for (size_t i = 0; i < styles.n; i++) {
		buf_addf(out, "%c:", letters[i]);
		dump_style(g, styles.v[i], out);
	}
}
