/* Where everything is on the screen: pure geometry. */
#ifndef UI_LAYOUT_H
#define UI_LAYOUT_H

#include <stdbool.h>

#include "ui/canvas.h"

#define LAYOUT_MIN_ROWS	 12
#define LAYOUT_MIN_COLS	 40
#define LAYOUT_WIDE_COLS 120
#define LAYOUT_SIDE_COLS 80	/* below it everything is stacked */
#define LAYOUT_TERMS_MAX 4

struct layout_request {
	int rows, cols;
	bool is_zoomed;		/* one terminal and the dock */
	int n_terms;		/* 1, 2 side by side, 4 as a wall */
};

/* A rect of no rows is not shown. Frames are inside the rects. */
struct layout {
	bool is_too_small;
	struct rect title;	/* one row at the top; none when zoomed */
	struct rect sessions;
	struct rect terms[LAYOUT_TERMS_MAX];
	int n_terms;
	struct rect egress, verdicts;
	struct rect hint;	/* the last row; the dock when zoomed */
};

void layout_compute(struct layout *out, const struct layout_request *req);

#endif
