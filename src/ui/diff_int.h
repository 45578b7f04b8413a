/* Shared by ui/diff.c, ui/diff_pen.c and ui/diff_text.c alone. */
#ifndef UI_DIFF_INT_H
#define UI_DIFF_INT_H

#include "ui/canvas.h"
#include "ui/diff.h"

struct diff_pen {
	uint32_t fg, bg;
	uint32_t attr; /* what can be seen, VT_UL_MASK included */
	uint32_t ul;   /* the underline's colour; default without an underline */
};

/* Append the SGR that leads from one pen to the other; nothing when they are equal. */
void diff_pen_put(struct buf *out, const struct diff_pen *from, const struct diff_pen *to);

/* fg, changed when it has become the same as bg though it was not before: with few
 * colours text must not vanish. */
uint32_t diff_keep_apart(uint32_t fg, uint32_t bg, bool was_same);

/* Would every terminal count it as we do, and join nothing to it? */
bool diff_is_width_sure(uint32_t cp, bool is_wide);

/* Columns of a cluster (UTF-8) where its code points are counted one by one. */
int diff_naive_width(const char *utf8, size_t len);

/* What stands for a character on a terminal without UTF-8. */
char diff_ascii(uint32_t cp);

#endif
