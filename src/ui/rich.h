/* Text for people: lines with a label and a style, wrapped to a width.
 *
 * Cards and views are put together as lines and drawn from any of them on. A line
 * that is wrapped goes on under its text, not under its label. All text is made
 * safe when it is added, so what is in it may come from anywhere.
 */
#ifndef UI_RICH_H
#define UI_RICH_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/canvas.h"
#include "ui/theme.h"

#define RICH_LABEL 11	/* columns of the labels */
#define RICH_TEXT_MAX 20000	/* bytes of one line */

struct rich_line {
	char *label;	/* NULL: the text begins at the left edge */
	char *text;
	enum theme_element element;
	size_t mark_at, mark_len;	/* bytes of text in another style; 0: none */
	enum theme_element mark;
	bool is_whole;	/* never wrapped: cut */
	bool is_filled;	/* the style's ground reaches the edge */
	int cols, rows;	/* the rows that it took at that width; for rich_draw() */
};

struct rich {
	struct rich_line *v;
	size_t n;
};

/* A line; "" makes an empty one. Line breaks in it begin another. */
void rich_add(struct rich *r, enum theme_element e, const char *text);
void rich_addf(struct rich *r, enum theme_element e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A labelled line; nothing when value is NULL or "". */
void rich_field(struct rich *r, const char *label, enum theme_element e, const char *value);
void rich_fieldf(struct rich *r, const char *label, enum theme_element e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void rich_gap(struct rich *r);	/* an empty line, unless there is one already */
/* A part of the last line in another style, in bytes of its text. */
void rich_mark(struct rich *r, size_t at, size_t len, enum theme_element e);
struct rich_line *rich_last(struct rich *r);	/* NULL when there is none */
void rich_done(struct rich *r);

/* Draw from row top of the whole on; the rows that the whole takes at c's width.
 * ground: the style of what lies beneath. */
int rich_draw(struct rich *r, struct canvas c, const struct theme *t, struct style ground,
              int top);
int rich_height(struct rich *r, int cols);

/* The row of the whole in which line i begins, at that width. */
int rich_row_of(struct rich *r, size_t i, int cols);

/* The bytes of text that fit into cols columns, broken at a space if there is one.
 * At least one character. */
size_t rich_break(const char *text, size_t len, int cols);

#endif
