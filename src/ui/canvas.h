/* What the screen should look like: one grid of cells that every pane draws on.
 *
 * Nothing here touches a terminal. Panes get a canvas clipped to their
 * rectangle, in coordinates of their own (0,0 is the rectangle's corner), and
 * cannot draw outside it. ui/screen then brings the terminal up to date with
 * the whole; tests read it as text.
 *
 * Text that is drawn here passes core/text first when it came from outside;
 * canvas_text() leaves out control characters all the same.
 */
#ifndef UI_CANVAS_H
#define UI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/vt.h"

struct buf;

/* Colours and attributes are core/vt's: VT_COLOR_*, enum vt_attr. */
struct style {
	uint32_t fg, bg;
	uint32_t attr;
};

/* One column, 16 bytes. text is 0 for blank, a code point, or a cluster kept by
 * the grid (CANVAS_CLUSTER | index). A VT_WIDE cell is always followed by its
 * VT_TAIL, and no tail stands alone: drawing over one half blanks the other. */
#define CANVAS_CLUSTER 0x80000000u
#define CANVAS_LINK_SHIFT 16
struct canvas_cell {
	uint32_t text;
	uint32_t fg, bg;
	uint32_t attr;		/* enum vt_attr below 16 bits; above: grid_add_link() or 0 */
};

struct grid;			/* the cells of a whole screen, with clusters and links */

struct grid *grid_new(int rows, int cols);
void grid_free(struct grid *g);			/* NULL is fine */
void grid_resize(struct grid *g, int rows, int cols);	/* content is lost */
void grid_clear(struct grid *g, struct style style);	/* before each frame */
int grid_rows(const struct grid *g);
int grid_cols(const struct grid *g);
/* Strings of cells that were drawn over stay until grid_clear(): is there room for
 * another frame's? */
bool grid_has_room(const struct grid *g);
const struct canvas_cell *grid_row(const struct grid *g, int y);
/* What of a row was written since grid_clean(), as [*lo, *hi); false for nothing. The
 * other columns hold what they held then. */
bool grid_row_dirty(const struct grid *g, int y, int *lo, int *hi);
void grid_clean(struct grid *g);
/* The text of a cell as UTF-8 (at most VT_CELL_TEXT_MAX bytes with the NUL). */
size_t grid_cell_text(const struct grid *g, const struct canvas_cell *c, char *out);

/* A link and an underline colour of its own, under a number that style.attr takes
 * (shifted by CANVAS_LINK_SHIFT) until the next grid_clear(). uri may be NULL;
 * what is no printable ASCII is not taken. 0 when there are too many. */
unsigned grid_add_link(struct grid *g, const char *uri, uint32_t ul_color);
const char *grid_link(const struct grid *g, unsigned number);	/* the URI, or NULL */
uint32_t grid_ul_color(const struct grid *g, unsigned number);	/* VT_COLOR_DEFAULT if none */

/* Make to the same as from: size, cells, cursor. */
void grid_copy(struct grid *to, const struct grid *from);

/* Do the two cells look the same? They may be of different grids. */
bool grid_cell_same(const struct grid *a, const struct canvas_cell *ca, const struct grid *b,
                    const struct canvas_cell *cb);

struct rect {
	int y, x, rows, cols;
};

struct canvas {
	struct grid *grid;
	struct rect at;		/* inside the grid */
};

struct canvas canvas_of(struct grid *g);				/* all of it */
struct canvas canvas_part(struct canvas c, struct rect r);		/* clipped to c */

/* Draw UTF-8 text from column x on, at most width columns (-1: to the edge).
 * Text that does not fit ends in "…" ("..." with is_ascii of the grid). Wide
 * characters and clusters as core/vt counts them. Returns the columns used. */
int canvas_text(struct canvas c, int y, int x, int width, struct style s, const char *text);
int canvas_printf(struct canvas c, int y, int x, int width, struct style s, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
int canvas_text_width(const char *text);	/* columns */

void canvas_fill(struct canvas c, struct rect r, struct style s);	/* with blanks */
/* Change what is there (a selected row): colours other than VT_COLOR_DEFAULT
 * replace the cells', attributes are added. */
void canvas_restyle(struct canvas c, struct rect r, struct style s);

/* A frame round the whole of c with a title in its upper edge; returns the
 * canvas inside. */
struct canvas canvas_frame(struct canvas c, struct style frame, struct style title_style,
                           const char *title);

/* An agent's sixteen colours are its theme's (vt_palette), as it is told when it
 * asks, not the user's terminal's: those suit another ground. Off at first; for
 * terminals with true colour. */
void grid_set_own_palette(struct grid *g, bool is_own);

/* Borders and signs without anything beyond ASCII. */
void grid_set_ascii(struct grid *g, bool is_ascii);
bool grid_is_ascii(const struct grid *g);

/* Copy row y of a terminal to row at_y, colours and links included. default_style
 * stands for the terminal's default colours, swapped while the program has asked
 * for that (DECSCNM). Concealed text is left out. */
void canvas_vt_row(struct canvas c, int at_y, const struct vt *vt, int y,
                   struct style default_style);
/* Of it the columns [lo, hi) alone, of which the others' are drawn already: damage. */
void canvas_vt_span(struct canvas c, int at_y, const struct vt *vt, int y, int lo, int hi,
                    struct style default_style);
/* The same for a line of the scrollback. */
void canvas_vt_line(struct canvas c, int at_y, struct vt *vt, uint64_t number,
                    struct style default_style);

/* The terminal's cursor: where it shall be, in the grid's coordinates, or hidden
 * (as it is after grid_clear()). */
void grid_set_cursor(struct grid *g, int y, int x, bool is_visible, enum vt_cursor_shape shape);
void grid_cursor(const struct grid *g, int *y, int *x, bool *is_visible,
                 enum vt_cursor_shape *shape);

/* The whole as text, a line for each row without blanks at its end: for tests
 * and for :save-display. With attrs, each line is followed by one that gives a
 * letter for each style used ("." for none, blanks cut) and a legend at the end. */
void grid_dump(const struct grid *g, struct buf *out, bool attrs);

#endif
