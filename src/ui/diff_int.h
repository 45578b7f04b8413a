/* Shared by ui/diff.c and ui/diff_pen.c alone. */
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

#endif
