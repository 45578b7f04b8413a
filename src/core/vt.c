/* The terminal's outside: life, and what its owner reads. */
#include "core/vt_int.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

static const struct vt_theme default_theme = {
	.fg = 0xd0d0d0,
	.bg = 0x101010,
	.cursor = 0xd0d0d0,
	.is_dark = true,
	.palette = { 0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
	             0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff,
	             0xffffff },
};

static int clamp_size(int n)
{
	return n < VT_SIZE_MIN ? VT_SIZE_MIN : n > VT_SIZE_MAX ? VT_SIZE_MAX : n;
}

struct vt *vt_new(int rows, int cols, const struct vt_ops *ops, void *ctx)
{
	struct vt *vt = xcalloc(1, sizeof *vt);

	vt->rows = clamp_size(rows);
	vt->cols = clamp_size(cols);
	vt->ops = ops;
	vt->ctx = ctx;
	vt->replies = true;
	vt->theme = default_theme;
	vt->str = (struct buf)BUF_INIT(VT_OSC_MAX);
	vt->screen = &vt->primary;
	vt->dirty_top = INT32_MAX;
	vt->dirty_bottom = -1;
	vt_screen_init(&vt->primary, vt->rows);
	vt_sb_init(&vt->sb);
	vt_mode_init(vt);
	vt_dirty_all(vt);
	return vt;
}

void vt_free(struct vt *vt)
{
	if (!vt)
		return;
	vt_screen_done(&vt->primary, vt->rows);
	vt_screen_done(&vt->alternate, vt->rows);
	vt_sb_done(&vt->sb);
	vt_intern_done(&vt->clusters);
	vt_intern_done(&vt->links);
	vt_intern_done(&vt->exts);
	buf_done(&vt->str);
	while (vt->n_titles > 0)
		free(vt->titles[--vt->n_titles]);
	free(vt->note_title);
	free(vt->note_body);
	free(vt->scratch.cells);
	free(vt);
}

void vt_reset(struct vt *vt)
{
	vt_mode_init(vt);
	for (int y = 0; y < vt->rows; y++)
		vt_row_clear(vt->screen->row[y], VT_COLOR_DEFAULT, vt->cols);
	vt_dirty_all(vt);
	while (vt->n_titles > 0)
		free(vt->titles[--vt->n_titles]);
	free(vt->note_title);
	free(vt->note_body);
	vt->note_title = vt->note_body = NULL;
	vt->state = 0;
	vt->utf8_need = 0;
	vt_title_set(vt, "", 0);
}

void vt_set_replies(struct vt *vt, bool on)
{
	vt->replies = on;
}

void vt_set_checksums(struct vt *vt, bool on)
{
	vt->checksums = on;
}

void vt_set_cell_pixels(struct vt *vt, int width, int height)
{
	vt->cell_width = width > 0 && width < 1000 ? width : 0;
	vt->cell_height = height > 0 && height < 1000 ? height : 0;
}

void vt_set_theme(struct vt *vt, const struct vt_theme *theme)
{
	bool is_change = vt->theme.is_dark != theme->is_dark;

	vt->theme = *theme;
	if (is_change && vt->theme_reports)
		vt_report_theme(vt);
}

uint32_t vt_palette(const struct vt *vt, unsigned index)
{
	static const uint8_t level[] = { 0, 95, 135, 175, 215, 255 };
	unsigned grey;

	if (index < 16)
		return vt->theme.palette[index] & 0xffffff;
	if (index < 232) {
		index -= 16;
		return (uint32_t)level[index / 36] << 16 | (uint32_t)level[index / 6 % 6] << 8 |
		       level[index % 6];
	}
	grey = 8 + 10 * ((index & 0xff) - 232);
	return grey << 16 | grey << 8 | grey;
}

/* --- the screen ----------------------------------------------------------------------- */

int vt_rows(const struct vt *vt)
{
	return vt->rows;
}

int vt_cols(const struct vt *vt)
{
	return vt->cols;
}

struct vt_line vt_line_of(const struct vt_row *r)
{
	return (struct vt_line){ .cells = r->cells,
		                 .used = r->used,
		                 .fill = r->fill,
		                 .is_wrapped = r->flags & VT_ROW_WRAPPED,
		                 .is_prompt = r->flags & VT_ROW_PROMPT };
}

struct vt_line vt_row(const struct vt *vt, int y)
{
	if (y < 0 || y >= vt->rows)
		return (struct vt_line){ 0 };
	return vt_line_of(vt->screen->row[y]);
}

bool vt_row_dirty(const struct vt *vt, int y, int *lo, int *hi)
{
	const struct vt_row *r;

	if (y < 0 || y >= vt->rows)
		return false;
	r = vt->screen->row[y];
	*lo = r->lo;
	*hi = r->hi < vt->cols ? r->hi : vt->cols;
	if (y >= vt->dirty_top && y <= vt->dirty_bottom) {
		*lo = 0;
		*hi = vt->cols;
	}
	return *lo < *hi;
}

bool vt_is_dirty(const struct vt *vt)
{
	int lo, hi;

	for (int y = 0; y < vt->rows; y++)
		if (vt_row_dirty(vt, y, &lo, &hi))
			return true;
	return false;
}

unsigned vt_scrolled(const struct vt *vt)
{
	return vt->scrolled;
}

void vt_clean_damage(struct vt *vt)
{
	for (int y = 0; y < vt->rows; y++) {
		vt->screen->row[y]->lo = UINT16_MAX;
		vt->screen->row[y]->hi = 0;
	}
	vt->dirty_top = INT32_MAX;
	vt->dirty_bottom = -1;
	vt->scrolled = 0;
	vt->is_damage_drawn = true;
}

void vt_dirty_all(struct vt *vt)
{
	vt_dirty_rows(vt, 0, vt->rows - 1);
}

bool vt_is_held(const struct vt *vt, uint64_t now_ms, uint64_t *until_ms)
{
	if (!vt->sync || now_ms >= vt->hold_since + VT_HOLD_MS)
		return false;
	if (until_ms)
		*until_ms = vt->hold_since + VT_HOLD_MS;
	return true;
}

struct vt_cursor vt_cursor(const struct vt *vt)
{
	static const enum vt_cursor_shape shapes[] = { VT_CURSOR_BLOCK,     VT_CURSOR_BLOCK,
		                                       VT_CURSOR_BLOCK,     VT_CURSOR_UNDERLINE,
		                                       VT_CURSOR_UNDERLINE, VT_CURSOR_BAR,
		                                       VT_CURSOR_BAR };

	return (struct vt_cursor){ .y = vt->y,
		                   .x = vt->x,
		                   .is_visible = !vt->is_cursor_hidden,
		                   .is_blinking = vt->is_blinking,
		                   .shape = shapes[vt->cursor_style],
		                   .is_shape_set = vt->cursor_style != 0 };
}

const char *vt_title(const struct vt *vt)
{
	return vt->title;
}

bool vt_is_alternate(const struct vt *vt)
{
	return vt->is_alternate;
}

bool vt_is_reversed(const struct vt *vt)
{
	return vt->is_reversed;
}

struct vt_input vt_input(const struct vt *vt)
{
	return (struct vt_input){
		.app_cursor = vt->app_cursor,
		.app_keypad = vt->app_keypad,
		.backspace_is_bs = vt->backspace_is_bs,
		.newline = vt->newline,
		.bracketed_paste = vt->bracketed_paste,
		.focus = vt->focus,
		.alt_scroll = vt->alt_scroll && vt->is_alternate,
		.mouse = vt->mouse == 9      ? VT_MOUSE_X10
		         : vt->mouse == 1000 ? VT_MOUSE_CLICK
		         : vt->mouse == 1002 ? VT_MOUSE_DRAG
		         : vt->mouse == 1003 ? VT_MOUSE_MOTION
		                             : VT_MOUSE_NONE,
		.mouse_form = vt->mouse_form == 1006   ? VT_MOUSE_FORM_SGR
		              : vt->mouse_form == 1016 ? VT_MOUSE_FORM_PIXELS
		                                       : VT_MOUSE_FORM_X10,
		.modify_other = vt->modify_other,
		.kitty = vt_kitty_flags(vt),
		.cell_width = vt->cell_width,
		.cell_height = vt->cell_height,
	};
}

/* --- the scrollback ---------------------------------------------------------------------- */

uint64_t vt_line_first(struct vt *vt)
{
	vt_sb_sync(vt);
	return vt->sb.dropped;
}

uint64_t vt_line_top(struct vt *vt)
{
	vt_sb_sync(vt);
	return vt->sb.dropped + vt->sb.n;
}

unsigned vt_line_epoch(const struct vt *vt)
{
	return vt->epoch;
}

struct vt_line vt_line(struct vt *vt, uint64_t number)
{
	uint64_t first = vt_line_first(vt), top = vt_line_top(vt);

	if (number < first || number >= top + (uint64_t)vt->rows)
		return (struct vt_line){ 0 };
	if (number >= top)
		return vt_row(vt, (int)(number - top));
	vt_sb_get(vt, &vt->sb, (unsigned)(number - first), &vt->scratch);
	return vt_line_of(&vt->scratch);
}

int vt_line_text(struct vt *vt, uint64_t number, struct buf *out, uint16_t *cols, size_t max)
{
	struct vt_line line = vt_line(vt, number);
	unsigned used = line.used;
	size_t n = 0;

	while (!line.is_wrapped && used > 0 &&
	       (line.cells[used - 1].ch == 0 || line.cells[used - 1].ch == ' ') &&
	       !(line.cells[used - 1].attr & VT_TAIL))
		used--;
	for (unsigned x = 0; x < used; x++) {
		char text[VT_CELL_TEXT_MAX];
		size_t len = vt_cell_text(vt, &line.cells[x], text);

		if (buf_add(out, text, len) < 0)
			return -1;
		for (size_t i = 0; cols && i < len && n < max; i++)
			cols[n++] = (uint16_t)x;
	}
	return 0;
}

void vt_set_scrollback(struct vt *vt, unsigned lines, size_t bytes)
{
	vt_sb_sync(vt);
	vt->sb.max_lines = lines < VT_SCROLLBACK_LINES_MAX ? lines : VT_SCROLLBACK_LINES_MAX;
	vt->sb.max_bytes = bytes;
	vt_sb_trim(&vt->sb);
}

size_t vt_scrollback_bytes(const struct vt *vt)
{
	return vt->sb.bytes;
}

void vt_clear_scrollback(struct vt *vt)
{
	vt_sb_clear(&vt->sb);
	vt->epoch++;
}
