#include "ui/rich.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/width.h"

/* --- adding ----------------------------------------------------------------------------- */

static void add_line(struct rich *r, const char *label, enum theme_element e, const char *text,
                     size_t len)
{
	struct buf safe = BUF_INIT(4 * RICH_TEXT_MAX + 8);

	text_safe(&safe, text, len, RICH_TEXT_MAX, false);
	if ((r->n & (r->n - 1)) == 0)
		r->v = xreallocarray(r->v, r->n ? r->n * 2 : 1, sizeof *r->v);
	r->v[r->n++] = (struct rich_line){ .label = xstrdup_or_null(label),
		                           .text = xstrdup(buf_str(&safe)),
		                           .element = e };
	buf_done(&safe);
}

static void add_lines(struct rich *r, const char *label, enum theme_element e, const char *text)
{
	do {
		size_t len = strcspn(text, "\n");

		add_line(r, label, e, text, len);
		label = label ? "" : NULL;
		text += len;
		text += *text == '\n';
	} while (*text);
}

void rich_add(struct rich *r, enum theme_element e, const char *text)
{
	add_lines(r, NULL, e, text);
}

void rich_addf(struct rich *r, enum theme_element e, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	rich_add(r, e, text);
}

void rich_field(struct rich *r, const char *label, enum theme_element e, const char *value)
{
	if (value && *value)
		add_lines(r, label, e, value);
}

void rich_fieldf(struct rich *r, const char *label, enum theme_element e, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	rich_field(r, label, e, text);
}

void rich_gap(struct rich *r)
{
	if (r->n && (*r->v[r->n - 1].text || (r->v[r->n - 1].label && *r->v[r->n - 1].label)))
		add_line(r, NULL, THEME_TEXT, "", 0);
}

void rich_mark(struct rich *r, size_t at, size_t len, enum theme_element e)
{
	struct rich_line *l = rich_last(r);

	if (l) {
		l->mark_at = at;
		l->mark_len = len;
		l->mark = e;
	}
}

struct rich_line *rich_last(struct rich *r)
{
	return r->n ? &r->v[r->n - 1] : NULL;
}

void rich_done(struct rich *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].label);
		free(r->v[i].text);
	}
	free(r->v);
	*r = (struct rich){ .n = 0 };
}

/* --- drawing ---------------------------------------------------------------------------- */

size_t rich_break(const char *text, size_t len, int cols)
{
	size_t at = 0, space = 0;
	int used = 0;	/* the first character goes somewhere, however wide it is */

	while (at < len) {
		uint32_t cp = 0xfffd;
		size_t n = text_utf8(text + at, len - at, &cp);
		int width = (int)VT_PROP_WIDTH(vt_width_prop(cp));

		if (used + width > cols && at > 0)
			break;
		if (text[at] == ' ')
			space = at + 1;
		used += width;
		at += n ? n : 1;
	}
	if (at == len)
		return len;
	return space > 0 ? space : at;
}

/* The element's colours on this ground: its own ground only where it has one. */
static struct style style_on(const struct theme *t, enum theme_element e, struct style ground)
{
	struct style s = theme_style(t, e);

	if (e == THEME_TEXT)
		return ground;
	if (s.bg == theme_style(t, THEME_TEXT).bg)
		s.bg = ground.bg;
	return s;
}

static void draw_part(const struct rich_line *l, struct canvas c, int y, int x, size_t from,
                      size_t len, const struct theme *t, struct style ground)
{
	struct style s = style_on(t, l->element, ground);
	size_t mark_from = l->mark_at, mark_to = l->mark_at + l->mark_len, to = from + len;

	if (l->is_filled)
		canvas_fill(c, (struct rect){ y, x, 1, c.at.cols - x }, s);
	while (from < to) {
		size_t end = to;
		bool is_marked = from >= mark_from && from < mark_to;
		CLEANUP_FREE char *text = NULL;

		if (is_marked && mark_to < to)
			end = mark_to;
		else if (!is_marked && from < mark_from && mark_from < to)
			end = mark_from;
		text = xstrndup(l->text + from, end - from);
		x += canvas_text(c, y, x, -1, is_marked ? style_on(t, l->mark, ground) : s, text);
		from = end;
	}
}

/* Where the text begins: under its label, unless that leaves no room. */
static int indent_of(const struct rich_line *l, int cols)
{
	if (!l->label)
		return 0;
	return cols >= RICH_LABEL + 8 ? RICH_LABEL : 2;
}

static int rows_of(struct rich_line *l, int cols)
{
	size_t len = strlen(l->text), at = 0;

	if (l->cols == cols)
		return l->rows;
	l->cols = cols;
	l->rows = 0;
	do {
		at += l->is_whole ? len
		                  : rich_break(l->text + at, len - at, cols - indent_of(l, cols));
		l->rows++;
	} while (at < len);
	return l->rows;
}

static void draw_line(const struct rich_line *l, struct canvas c, int y, const struct theme *t,
                      struct style ground)
{
	int indent = indent_of(l, c.at.cols);
	size_t len = strlen(l->text), at = 0;

	if (l->label && y >= 0)
		canvas_text(c, y, 0, indent - 1, style_on(t, THEME_DIM, ground), l->label);
	do {
		size_t take = l->is_whole ? len
		                          : rich_break(l->text + at, len - at, c.at.cols - indent);

		if (y >= 0)
			draw_part(l, c, y, indent, at, take, t, ground);
		at += take;
		y++;
	} while (at < len && y < c.at.rows);
}

int rich_draw(struct rich *r, struct canvas c, const struct theme *t, struct style ground, int top)
{
	int y = -top;

	for (size_t i = 0; i < r->n; i++) {
		int rows = rows_of(&r->v[i], c.at.cols);

		if (y + rows > 0 && y < c.at.rows)
			draw_line(&r->v[i], c, y, t, ground);
		y += rows;
	}
	return y + top;
}

int rich_height(struct rich *r, int cols)
{
	int rows = 0;

	for (size_t i = 0; i < r->n; i++)
		rows += rows_of(&r->v[i], cols);
	return rows;
}

int rich_row_of(struct rich *r, size_t i, int cols)
{
	int row = 0;

	for (size_t k = 0; k < i && k < r->n; k++)
		row += rows_of(&r->v[k], cols);
	return row;
}
