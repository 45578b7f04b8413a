/* From one frame to the next in as few bytes as is sensible.
 *
 * Pure: a grid goes in, bytes for the terminal come out. The differ keeps a copy
 * of what the terminal shows and of what it shall show, both already brought
 * down to what the terminal can do, so that a difference that cannot be seen
 * costs nothing. Between two calls of diff_emit() the terminal's pen is the
 * default one and no link is open; only the cursor is remembered.
 *
 * What another terminal may count differently (emoji, clusters) is followed by
 * an absolute move, and the columns that a terminal without clusters would have
 * used for it are written again, so that at worst one character looks wrong and
 * not its row.
 */
#ifndef UI_DIFF_H
#define UI_DIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/screen.h"

struct buf;

/* What the terminal can do. */
struct diff_caps {
	enum screen_colors colors;
	bool is_ascii;       /* beyond ASCII: what is like it ("|" for a line), or "?" */
	bool has_sync;       /* takes mode 2026; else the cursor is hidden while drawing */
	bool has_links;      /* OSC 8 */
	bool has_underlines; /* 4:3 and 58; else every underline is a plain one */
	bool has_shapes;     /* DECSCUSR */
	bool has_bce;        /* erases with the background colour */
	bool has_ech;        /* erases a number of columns */
};

struct diff;

/* URIs in one frame; later ones are left out, so that a program cannot make every
 * frame one of megabytes. */
#define DIFF_LINK_BYTES ((size_t)256 << 10)

struct diff *diff_new(const struct diff_caps *caps);
void diff_free(struct diff *d); /* NULL is fine */

/* From the next frame on. What was drawn under other ones stays as it is. */
void diff_set_caps(struct diff *d, const struct diff_caps *caps);

/* What the terminal shows is not known any more; it is cleared first. */
void diff_forget(struct diff *d);

/* Take a copy of g as what shall be shown, in place of one not yet emitted. Rows that
 * were not drawn on since the last take are not looked at: g is clean after it, and
 * nobody else may call grid_clean(). */
void diff_take(struct diff *d, struct grid *g);

/* Append what makes the terminal show the frame taken last; nothing when it does
 * already. Returns -1, and forgets what is shown, when out refused. */
int diff_emit(struct diff *d, struct buf *out);

/* The colour as a terminal of so many colours can show it; of SCREEN_256 and
 * less never VT_COLOR_RGB. */
uint32_t diff_reduce(uint32_t color, enum screen_colors colors);

#endif
