/* Shared by ui/diff.c (frames to bytes), ui/diff_take.c (the grid to frames), ui/diff_pen.c
 * and ui/diff_text.c alone. */
#ifndef UI_DIFF_INT_H
#define UI_DIFF_INT_H

#include "core/buf.h"
#include "ui/canvas.h"
#include "ui/diff.h"

struct diff_pen {
	uint32_t fg, bg;
	uint32_t attr; /* what can be seen, VT_UL_MASK included */
	uint32_t ul;   /* the underline's colour; default without an underline */
};

/* A cell as the terminal can show it. Of text and link, those with DIFF_POOLED are
 * the place of a string in the frame's pool. */
#define DIFF_POOLED 0x80000000u
struct diff_spot {
	uint32_t text; /* ' ' for blank, 0 for the tail of a wide one */
	uint32_t link; /* 0 for none */
	struct diff_pen pen;
	bool is_wide;
};

struct diff_row {
	struct diff_spot *spot;
	struct canvas_cell *raw; /* what it was made from */
	bool has_strings;        /* its spots name some of its frame's pool */
	bool is_behind;          /* of next: not what shown's was, before the span was taken */
};

/* Columns from lo to before hi; none when they are equal. */
struct diff_span {
	int lo, hi;
};

struct diff_frame {
	struct diff_row *row;
	int rows, cols;
	struct buf pool; /* strings, each with its NUL */
	int y, x;        /* the cursor's place */
	bool is_visible;
	enum vt_cursor_shape shape;
};

struct diff {
	struct diff_caps caps;
	struct diff_frame shown, next;
	bool is_known; /* shown is what the terminal shows */
	bool has_next;
	const struct grid *source; /* where the last frame came from; to compare only */
	bool is_raw_known; /* shown was made from its raw cells, as caps are now */
	bool is_stale;	   /* next was not */
	struct diff_span *taken; /* what of each row of next is not as shown's */
	bool is_shape_known; /* the one sent last */
	enum vt_cursor_shape shape;

	/* the colours reduced last: runs of cells have the same ones */
	bool has_memo;
	uint32_t fg_in, bg_in, fg_out, bg_out;

	/* while emitting */
	struct buf *out;
	struct diff_pen pen;
	const char *link;  /* "" for none */
	size_t link_bytes; /* what links may still take */
	int y, x;          /* where the terminal's cursor is; x -1 when not sure */
};

static inline struct diff_spot *diff_row_spots(const struct diff_frame *f, int y)
{
	return f->row[y].spot;
}

static inline bool diff_is_whole(const struct diff_frame *f, struct diff_span s)
{
	return s.lo == 0 && s.hi == f->cols;
}

/* Make f of that size, blank when it was of another, and without strings. */
void diff_frame_size(struct diff_frame *f, int rows, int cols);
void diff_copy_cells(struct diff_frame *to, const struct diff_frame *from, int y,
                     struct diff_span span);
/* Row y of next, of which not all was taken, becomes what shown's is. */
void diff_catch_up(struct diff *d, int y);

/* What is seen of a cell without text. */
#define DIFF_SHOWS_ON_BLANK (VT_REVERSE | VT_STRIKE | VT_OVERLINE | VT_UL_MASK)

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
