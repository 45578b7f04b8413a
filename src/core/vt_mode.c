/* Modes: set, reset, saved, and reported truthfully (DECRQM); the two screens;
 * what the keyboard protocols agreed on; and the resets.
 */
#include "core/vt_int.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* --- the screens -------------------------------------------------------------------- */

void vt_cursor_save(struct vt *vt)
{
	struct vt_saved *s = &vt->screen->saved;

	*s = (struct vt_saved){ .pen = vt->pen,
		                .y = vt->y,
		                .x = vt->x,
		                .is_pending = vt->is_pending,
		                .origin = vt->origin,
		                .gl = vt->gl };
	s->pen.attr &= VT_STYLE_MASK & 0xffff; /* links and underline colours are not saved */
	memcpy(s->charset, vt->charset, sizeof s->charset);
}

void vt_cursor_restore(struct vt *vt)
{
	const struct vt_saved *s = &vt->screen->saved;

	vt->pen = s->pen;
	vt_pen_changed(vt);
	vt_move(vt, s->y, s->x);
	vt->is_pending = s->is_pending && vt->x == vt->cols - 1;
	vt->origin = s->origin;
	vt->gl = s->gl;
	memcpy(vt->charset, s->charset, sizeof s->charset);
}

void vt_use_alternate(struct vt *vt, bool on)
{
	struct vt_screen *to = on ? &vt->alternate : &vt->primary;

	if (vt->screen == to)
		return;
	if (!to->row)
		vt_screen_init(to, vt->rows);
	vt->screen = to;
	vt->is_alternate = on;
	vt->scrolled = 0;
	vt->epoch++;
	vt_dirty_all(vt);
}

static void clear_screen(struct vt *vt)
{
	for (int y = 0; y < vt->rows; y++)
		vt_row_clear(vt->screen->row[y], vt->pen.bg, vt->cols);
}

static void screen_1049(struct vt *vt, bool on)
{
	if (on && !vt->is_alternate) {
		vt_cursor_save(vt);
		vt_use_alternate(vt, true);
		clear_screen(vt);
	} else if (!on) {
		vt_use_alternate(vt, false);
		vt_cursor_restore(vt);
	}
}

static void screen_1047(struct vt *vt, bool on)
{
	if (!on && vt->is_alternate)
		clear_screen(vt);
	vt_use_alternate(vt, on);
}

/* --- one mode at a time --------------------------------------------------------------- */

static void set_origin(struct vt *vt, bool on)
{
	vt->origin = on;
	vt_move(vt, on ? vt->top : 0, 0);
}

static void set_autowrap(struct vt *vt, bool on)
{
	vt->autowrap = on;
	vt->is_pending = vt->is_pending && on;
}

static void set_reversed(struct vt *vt, bool on)
{
	if (vt->is_reversed != on)
		vt_dirty_all(vt);
	vt->is_reversed = on;
}

static void set_sync(struct vt *vt, bool on)
{
	/* a hold that nobody has drawn since goes on counting */
	if (on && !vt->sync && (vt->is_damage_drawn || !vt->hold_since)) {
		vt->hold_since = vt->now_ms;
		vt->is_damage_drawn = false;
	}
	vt->sync = on;
}

static void set_size_reports(struct vt *vt, bool on)
{
	vt->size_reports = on;
	if (on)
		vt_report_size(vt);
}

/* A mode is a bool of struct vt; set does what else belongs to a change. Mouse
 * modes, of which one of each kind is in force, and the constant ones are apart. */
struct mode {
	uint16_t number;
	uint16_t field;
	bool is_inverted; /* the field says the opposite */
	void (*set)(struct vt *vt, bool on);
};

#define FIELD(name) (uint16_t) offsetof(struct vt, name)

static const struct mode dec_modes[] = {
	{ 1, FIELD(app_cursor), false, NULL },
	{ 5, FIELD(is_reversed), false, set_reversed },
	{ 6, FIELD(origin), false, set_origin },
	{ 7, FIELD(autowrap), false, set_autowrap },
	{ 12, FIELD(is_blinking), false, NULL },
	{ 25, FIELD(is_cursor_hidden), true, NULL },
	{ 45, FIELD(reverse_wrap), false, NULL },
	{ 47, FIELD(is_alternate), false, vt_use_alternate },
	{ 66, FIELD(app_keypad), false, NULL },
	{ 67, FIELD(backspace_is_bs), false, NULL },
	{ 1004, FIELD(focus), false, NULL },
	{ 1007, FIELD(alt_scroll), false, NULL },
	{ 1047, FIELD(is_alternate), false, screen_1047 },
	{ 1049, FIELD(is_alternate), false, screen_1049 },
	{ 2004, FIELD(bracketed_paste), false, NULL },
	{ 2026, FIELD(sync), false, set_sync },
	{ 2031, FIELD(theme_reports), false, NULL },
	{ 2048, FIELD(size_reports), false, set_size_reports },
};
#define N_DEC_MODES (sizeof dec_modes / sizeof dec_modes[0])

static const struct mode ansi_modes[] = {
	{ 4, FIELD(insert), false, NULL },
	{ 20, FIELD(newline), false, NULL },
};
#define N_ANSI_MODES (sizeof ansi_modes / sizeof ansi_modes[0])

static bool mode_get(const struct vt *vt, const struct mode *m)
{
	return *(const bool *)((const char *)vt + m->field) != m->is_inverted;
}

static void mode_put(struct vt *vt, const struct mode *m, bool on)
{
	if (m->set)
		m->set(vt, on);
	else
		*(bool *)((char *)vt + m->field) = on != m->is_inverted;
}

static const uint16_t mouse_modes[] = { 9, 1000, 1002, 1003 };
static const uint16_t mouse_forms[] = { 1006, 1016 };

static bool is_one_of(int number, const uint16_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == number)
			return true;
	return false;
}

static const struct mode *mode_find(const struct mode *modes, size_t n, int number)
{
	for (size_t i = 0; i < n; i++)
		if (modes[i].number == number)
			return &modes[i];
	return NULL;
}

/* The field that holds a mouse mode, or NULL when it is none. */
static uint16_t *mouse_field(struct vt *vt, int number)
{
	if (is_one_of(number, mouse_modes, sizeof mouse_modes / sizeof mouse_modes[0]))
		return &vt->mouse;
	if (is_one_of(number, mouse_forms, sizeof mouse_forms / sizeof mouse_forms[0]))
		return &vt->mouse_form;
	return NULL;
}

static void dec_mode_set(struct vt *vt, int number, bool on)
{
	const struct mode *m = mode_find(dec_modes, N_DEC_MODES, number);
	uint16_t *field = mouse_field(vt, number);

	if (m)
		mode_put(vt, m, on);
	else if (field && on)
		*field = (uint16_t)number;
	else if (field && *field == number)
		*field = 0;
	else if (number == 1048 && on)
		vt_cursor_save(vt);
	else if (number == 1048)
		vt_cursor_restore(vt);
}

void vt_mode_set(struct vt *vt, bool on)
{
	for (unsigned i = 0; i < vt->params.n; i++) {
		int number = vt_param(vt, i, 0);
		const struct mode *m = mode_find(ansi_modes, N_ANSI_MODES, number);

		if (vt->prefix == '?')
			dec_mode_set(vt, number, on);
		else if (m)
			mode_put(vt, m, on);
	}
}

void vt_mode_report(struct vt *vt)
{
	int number = vt_param(vt, 0, 0), is = 0;
	bool is_dec = vt->prefix == '?';
	const struct mode *m = is_dec ? mode_find(dec_modes, N_DEC_MODES, number)
	                              : mode_find(ansi_modes, N_ANSI_MODES, number);
	const uint16_t *field = is_dec ? mouse_field(vt, number) : NULL;

	if (m)
		is = mode_get(vt, m) ? 1 : 2;
	else if (field)
		is = *field == number ? 1 : 2;
	else if (is_dec && number == 2027) /* clusters: always */
		is = 3;
	else if (is_dec && number == 3) /* 132 columns: never */
		is = 4;
	vt_reply(vt, "\033[%s%d;%d$y", is_dec ? "?" : "", number, is);
}

void vt_mode_save(struct vt *vt)
{
	for (unsigned i = 0; i < vt->params.n; i++)
		for (size_t k = 0; k < N_DEC_MODES; k++) {
			const struct mode *m = &dec_modes[k];
			uint64_t bit = (uint64_t)1 << k;

			if (m->number == vt->params.v[i])
				vt->saved_modes =
					(vt->saved_modes & ~bit) | (mode_get(vt, m) ? bit : 0);
		}
}

void vt_mode_restore(struct vt *vt)
{
	for (unsigned i = 0; i < vt->params.n; i++)
		for (size_t k = 0; k < N_DEC_MODES; k++)
			if (dec_modes[k].number == vt->params.v[i])
				mode_put(vt, &dec_modes[k], vt->saved_modes >> k & 1);
}

/* --- keyboard protocols ------------------------------------------------------------------- */

unsigned vt_kitty_flags(const struct vt *vt)
{
	const struct vt_screen *s = vt->screen;

	return s->n_kitty ? s->kitty[s->n_kitty - 1] : 0;
}

/* CSI > flags u pushes, CSI < n u pops, CSI = flags ; how u changes, CSI ? u
 * asks. Flags that we cannot keep are left out, so the answer is honest. */
void vt_kitty(struct vt *vt)
{
	struct vt_screen *s = vt->screen;
	unsigned flags = (unsigned)vt_param(vt, 0, 0) & VT_KITTY_SUPPORTED, n;

	switch (vt->prefix) {
	case '?':
		vt_reply(vt, "\033[?%uu", vt_kitty_flags(vt));
		break;
	case '>':
		if (s->n_kitty == VT_KITTY_DEPTH)
			memmove(s->kitty, s->kitty + 1, --s->n_kitty);
		s->kitty[s->n_kitty++] = (uint8_t)flags;
		break;
	case '<':
		n = (unsigned)vt_param1(vt, 0);
		s->n_kitty = (uint8_t)(n < s->n_kitty ? s->n_kitty - n : 0);
		break;
	case '=':
		if (!s->n_kitty)
			s->kitty[s->n_kitty++] = 0;
		if (vt_param(vt, 1, 1) == 2)
			flags |= vt_kitty_flags(vt);
		else if (vt_param(vt, 1, 1) == 3)
			flags = vt_kitty_flags(vt) & ~flags;
		s->kitty[s->n_kitty - 1] = (uint8_t)flags;
		break;
	default:
		break;
	}
}

void vt_modify_other(struct vt *vt)
{
	int level = vt_param(vt, 1, 0);

	if (vt_param(vt, 0, 4) != 4)
		return;
	if (vt->prefix == '?')
		vt_reply(vt, "\033[>4;%um", vt->modify_other);
	else if (vt->prefix == '>' && level <= 2)
		vt->modify_other = (uint8_t)level; /* CSI > 4 n and CSI > 4 m: off */
}

/* --- resets ------------------------------------------------------------------------------- */

static void tabs_init(struct vt *vt)
{
	memset(vt->tabs, 0x01, sizeof vt->tabs);
}

void vt_mode_soft_reset(struct vt *vt)
{
	vt->is_cursor_hidden = false;
	vt->insert = vt->origin = vt->app_cursor = vt->app_keypad = false;
	vt->autowrap = true;
	vt->top = 0;
	vt->bottom = vt->rows - 1;
	vt->gl = 0;
	vt->single_shift = -1;
	memset(vt->charset, 0, sizeof vt->charset);
	vt->pen = (struct vt_pen){ 0 };
	vt->pen_ul = vt->pen_link = 0;
	vt->is_pending = false;
	vt->screen->saved = (struct vt_saved){ 0 };
}

void vt_mode_init(struct vt *vt)
{
	vt_use_alternate(vt, false);
	vt_mode_soft_reset(vt);
	vt_move(vt, 0, 0);
	vt->newline = vt->reverse_wrap = vt->backspace_is_bs = false;
	vt->bracketed_paste = vt->focus = vt->theme_reports = vt->size_reports = false;
	vt->sync = false;
	vt->alt_scroll = true;
	vt->is_blinking = true;
	set_reversed(vt, false);
	vt->mouse = vt->mouse_form = 0;
	vt->modify_other = 0;
	vt->cursor_style = 0;
	vt->saved_modes = 0;
	vt->primary.n_kitty = vt->alternate.n_kitty = 0;
	vt->alternate.saved = (struct vt_saved){ 0 };
	vt->last_cp = 0;
	tabs_init(vt);
}
