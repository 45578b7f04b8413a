/* Controls, escape sequences and CSI: where the cursor goes and what is erased,
 * inserted and deleted. Names are DEC's and ECMA-48's.
 */
#include "core/vt_int.h"

#include <string.h>

/* --- tabs ------------------------------------------------------------------------ */

static bool is_tab(const struct vt *vt, int x)
{
	return vt->tabs[x / 8] >> (x % 8) & 1;
}

static void tab_set(struct vt *vt, int x, bool on)
{
	uint8_t bit = (uint8_t)(1u << (x % 8));

	if (on)
		vt->tabs[x / 8] |= bit;
	else
		vt->tabs[x / 8] &= (uint8_t)~bit;
}

static void tab_forward(struct vt *vt, int n)
{
	int x = vt->x;

	while (n-- > 0 && x < vt->cols - 1)
		do
			x++;
		while (x < vt->cols - 1 && !is_tab(vt, x));
	vt_move(vt, vt->y, x);
}

static void tab_back(struct vt *vt, int n)
{
	int x = vt->x;

	while (n-- > 0 && x > 0)
		do
			x--;
		while (x > 0 && !is_tab(vt, x));
	vt_move(vt, vt->y, x);
}

/* --- C0 ---------------------------------------------------------------------------- */

static void backspace(struct vt *vt)
{
	if (vt->is_pending && vt->reverse_wrap) {
		vt->is_pending = false;
	} else if (vt->x > 0) {
		vt_move(vt, vt->y, vt->x - 1);
	} else if (vt->reverse_wrap && vt->autowrap && vt->y > 0 && vt->y != vt->top &&
	           (vt->screen->row[vt->y - 1]->flags & VT_ROW_WRAPPED)) {
		vt_move(vt, vt->y - 1, vt->cols - 1);
	}
}

void vt_execute(struct vt *vt, uint8_t c)
{
	vt->is_glued = false;
	switch (c) {
	case '\a':
		vt_notice(vt, &(struct vt_notice){ .kind = VT_NOTICE_BELL, .percent = -1 });
		break;
	case '\b':
		backspace(vt);
		break;
	case '\t':
		tab_forward(vt, 1);
		break;
	case '\n':
	case '\v':
	case '\f':
		vt->is_pending = false;
		vt_line_feed(vt);
		if (vt->newline)
			vt->x = 0;
		break;
	case '\r':
		vt->is_pending = false;
		vt->x = 0;
		break;
	case 0x0e:
		vt->gl = 1;
		break;
	case 0x0f:
		vt->gl = 0;
		break;
	default:
		break;
	}
}

/* --- ESC ---------------------------------------------------------------------------- */

static void alignment_test(struct vt *vt)
{
	struct vt_cell e = { .ch = 'E' };

	vt->top = 0;
	vt->bottom = vt->rows - 1;
	vt_move(vt, 0, 0);
	for (int y = 0; y < vt->rows; y++) {
		struct vt_row *r = vt->screen->row[y];

		vt_row_clear(r, 0, vt->cols);
		vt_row_open(vt, r, 0, vt->cols);
		for (int x = 0; x < vt->cols; x++)
			r->cells[x] = e;
	}
}

static void designate(struct vt *vt, unsigned g, uint8_t final)
{
	vt->charset[g] = final == '0' || final == 'A' ? final : 0;
}

static void esc_inter(struct vt *vt, uint8_t final)
{
	if (vt->n_inter != 1)
		return;
	switch (vt->inter[0]) {
	case '#':
		if (final == '8')
			alignment_test(vt);
		break;
	case '(':
	case ')':
	case '*':
	case '+':
		designate(vt, (unsigned)(vt->inter[0] - '('), final);
		break;
	default:
		break;
	}
}

static void esc_plain(struct vt *vt, uint8_t final)
{
	switch (final) {
	case '7':
		vt_cursor_save(vt);
		break;
	case '8':
		vt_cursor_restore(vt);
		break;
	case 'D':
		vt->is_pending = false;
		vt_line_feed(vt);
		break;
	case 'E':
		vt->is_pending = false;
		vt->x = 0;
		vt_line_feed(vt);
		break;
	case 'H':
		tab_set(vt, vt->x, true);
		break;
	case 'M':
		vt->is_pending = false;
		vt_reverse_index(vt);
		break;
	case 'N':
	case 'O':
		vt->single_shift = (int8_t)(final == 'N' ? 2 : 3);
		break;
	case 'Z':
		vt_report_da(vt);
		break;
	case 'c':
		vt_reset(vt);
		break;
	case 'n':
	case 'o':
		vt->gl = final == 'n' ? 2 : 3;
		break;
	case '=':
	case '>':
		vt->app_keypad = final == '=';
		break;
	default:
		break;
	}
}

void vt_esc(struct vt *vt, uint8_t final)
{
	vt->is_glued = false;
	if (vt->n_inter)
		esc_inter(vt, final);
	else
		esc_plain(vt, final);
}

/* --- moving ------------------------------------------------------------------------- */

/* Up and down stop at the margins when they start inside them. */
static void move_up(struct vt *vt, int n)
{
	int stop = vt->y >= vt->top ? vt->top : 0;

	vt_move(vt, vt->y - n < stop ? stop : vt->y - n, vt->x);
}

static void move_down(struct vt *vt, int n)
{
	int stop = vt->y <= vt->bottom ? vt->bottom : vt->rows - 1;

	vt_move(vt, vt->y + n > stop ? stop : vt->y + n, vt->x);
}

/* To a row and column as the program counts them. */
static void move_to(struct vt *vt, int y, int x)
{
	if (vt->origin) {
		y += vt->top;
		if (y > vt->bottom)
			y = vt->bottom;
	}
	vt_move(vt, y, x);
}

static void margins(struct vt *vt)
{
	int top = vt_param1(vt, 0) - 1, bottom = vt_param(vt, 1, 0) - 1;

	if (bottom < 0 || bottom >= vt->rows)
		bottom = vt->rows - 1;
	if (top >= bottom)
		return;
	vt->top = top;
	vt->bottom = bottom;
	move_to(vt, 0, 0);
}

static bool in_region(const struct vt *vt)
{
	return vt->y >= vt->top && vt->y <= vt->bottom;
}

/* --- erasing -------------------------------------------------------------------------- */

static void erase_rows(struct vt *vt, int from, int to, bool keep_protected)
{
	for (int y = from; y < to; y++)
		vt_row_erase(vt, vt->screen->row[y], 0, vt->cols, keep_protected);
}

static void erase_display(struct vt *vt, bool keep_protected)
{
	int what = vt_param(vt, 0, 0);

	vt->is_pending = vt->is_pending && what == 3;
	if (what == 0) {
		vt_row_erase(vt, vt_cur_row(vt), vt->x, vt->cols, keep_protected);
		erase_rows(vt, vt->y + 1, vt->rows, keep_protected);
	} else if (what == 1) {
		erase_rows(vt, 0, vt->y, keep_protected);
		vt_row_erase(vt, vt_cur_row(vt), 0, vt->x + 1, keep_protected);
	} else if (what == 2) {
		erase_rows(vt, 0, vt->rows, keep_protected);
	} else if (what == 3 && !keep_protected) {
		vt_clear_scrollback(vt);
	}
}

static void erase_line(struct vt *vt, bool keep_protected)
{
	int what = vt_param(vt, 0, 0);
	struct vt_row *r = vt_cur_row(vt);

	vt->is_pending = false;
	if (what == 0)
		vt_row_erase(vt, r, vt->x, vt->cols, keep_protected);
	else if (what == 1)
		vt_row_erase(vt, r, 0, vt->x + 1, keep_protected);
	else if (what == 2)
		vt_row_erase(vt, r, 0, vt->cols, keep_protected);
}

static void erase_chars(struct vt *vt, int n)
{
	int room = vt->cols - vt->x;

	vt->is_pending = false;
	vt_row_erase(vt, vt_cur_row(vt), vt->x, vt->x + (n < room ? n : room), false);
}

/* IL and DL scroll what is below the cursor in the region; nothing of it is
 * history, even at the top of the screen. */
static void insert_lines(struct vt *vt, int n)
{
	if (!in_region(vt))
		return;
	vt_scroll_down(vt, vt->y, vt->bottom, n);
	vt_move(vt, vt->y, 0);
}

static void delete_lines(struct vt *vt, int n)
{
	if (!in_region(vt))
		return;
	vt_remove_rows(vt, vt->y, vt->bottom, n);
	vt_move(vt, vt->y, 0);
}

static void clear_tabs(struct vt *vt)
{
	int what = vt_param(vt, 0, 0);

	if (what == 0)
		tab_set(vt, vt->x, false);
	else if (what == 3)
		memset(vt->tabs, 0, sizeof vt->tabs);
}

/* --- dispatch -------------------------------------------------------------------------- */

static void csi_edit(struct vt *vt, uint8_t final)
{
	int n = vt_param1(vt, 0);

	switch (final) {
	case '@':
		vt->is_pending = false;
		vt_row_insert(vt, vt_cur_row(vt), vt->x, n);
		break;
	case 'J':
		erase_display(vt, false);
		break;
	case 'K':
		erase_line(vt, false);
		break;
	case 'L':
		insert_lines(vt, n);
		break;
	case 'M':
		delete_lines(vt, n);
		break;
	case 'P':
		vt->is_pending = false;
		vt_row_delete(vt, vt_cur_row(vt), vt->x, n);
		break;
	case 'S':
		vt_scroll_up(vt, vt->top, vt->bottom, n);
		break;
	case 'T':
		if (vt->params.n <= 1) /* with more it is mouse highlighting */
			vt_scroll_down(vt, vt->top, vt->bottom, n);
		break;
	case '^':
		vt_scroll_down(vt, vt->top, vt->bottom, n);
		break;
	case 'X':
		erase_chars(vt, n);
		break;
	case 'b':
		vt_print_repeat(vt, (unsigned)n);
		break;
	default:
		break;
	}
}

static bool csi_move(struct vt *vt, uint8_t final)
{
	int n = vt_param1(vt, 0);

	switch (final) {
	case 'A':
		move_up(vt, n);
		break;
	case 'B':
	case 'e':
		move_down(vt, n);
		break;
	case 'C':
	case 'a':
		vt_move(vt, vt->y, vt->x + n);
		break;
	case 'D':
		vt_move(vt, vt->y, vt->x - n);
		break;
	case 'E':
		move_down(vt, n);
		vt->x = 0;
		break;
	case 'F':
		move_up(vt, n);
		vt->x = 0;
		break;
	case 'G':
	case '`':
		vt_move(vt, vt->y, n - 1);
		break;
	case 'H':
	case 'f':
		move_to(vt, n - 1, vt_param1(vt, 1) - 1);
		break;
	case 'I':
		tab_forward(vt, n);
		break;
	case 'Z':
		tab_back(vt, n);
		break;
	case 'd':
		move_to(vt, n - 1, vt->x);
		break;
	default:
		return false;
	}
	return true;
}

static void csi_plain(struct vt *vt, uint8_t final)
{
	if (csi_move(vt, final))
		return;
	switch (final) {
	case 'c':
		vt_report_da(vt);
		break;
	case 'g':
		clear_tabs(vt);
		break;
	case 'h':
	case 'l':
		vt_mode_set(vt, final == 'h');
		break;
	case 'n':
		vt_report_dsr(vt);
		break;
	case 'r':
		margins(vt);
		break;
	case 's':
		vt_cursor_save(vt);
		break;
	case 't':
		vt_report_window(vt);
		break;
	case 'u':
		vt_cursor_restore(vt);
		break;
	default:
		csi_edit(vt, final);
		break;
	}
}

static void csi_prefixed(struct vt *vt, uint8_t final)
{
	bool is_dec = vt->prefix == '?';

	switch (final) {
	case 'J':
		if (is_dec)
			erase_display(vt, true);
		break;
	case 'K':
		if (is_dec)
			erase_line(vt, true);
		break;
	case 'c':
		vt_report_da(vt);
		break;
	case 'h':
	case 'l':
		if (is_dec)
			vt_mode_set(vt, final == 'h');
		break;
	case 'm':
		vt_modify_other(vt);
		break;
	case 'n':
		if (is_dec)
			vt_report_dsr(vt);
		else
			vt_modify_other(vt);
		break;
	case 'q':
		if (vt->prefix == '>')
			vt_report_version(vt);
		break;
	case 'r':
		if (is_dec)
			vt_mode_restore(vt);
		break;
	case 's':
		if (is_dec)
			vt_mode_save(vt);
		break;
	case 'u':
		vt_kitty(vt);
		break;
	default:
		break;
	}
}

static void protect(struct vt *vt)
{
	if (vt_param(vt, 0, 0) == 1)
		vt->pen.attr |= VT_PROTECTED;
	else
		vt->pen.attr &= ~(uint32_t)VT_PROTECTED;
}

static void cursor_style(struct vt *vt)
{
	int style = vt_param(vt, 0, 0);

	if (style > 6)
		return;
	vt->cursor_style = (uint8_t)style;
	vt->is_blinking = style == 0 || style % 2 == 1;
}

static void csi_inter(struct vt *vt, uint8_t final)
{
	uint8_t inter = vt->inter[0];

	if (vt->n_inter != 1)
		return;
	if (inter == '$' && final == 'p' && (vt->prefix == 0 || vt->prefix == '?'))
		vt_mode_report(vt);
	else if (vt->prefix)
		return;
	else if (inter == ' ' && final == 'q')
		cursor_style(vt);
	else if (inter == '!' && final == 'p')
		vt_mode_soft_reset(vt);
	else if (inter == '"' && final == 'q')
		protect(vt);
	else if (inter == '*' && final == 'y')
		vt_report_checksum(vt);
}

void vt_csi(struct vt *vt, uint8_t final)
{
	if (final == 'm' && !vt->n_inter && !vt->prefix) {
		vt_sgr(vt);
		return;
	}
	vt->is_glued = false;
	if (vt->n_inter)
		csi_inter(vt, final);
	else if (vt->prefix)
		csi_prefixed(vt, final);
	else
		csi_plain(vt, final);
}
