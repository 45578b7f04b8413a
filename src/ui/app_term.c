/* An agent's terminal in a pane: drawn, typed into, scrolled and searched. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "ui/app_int.h"
#include "ui/screen.h"

/* In the middle, in as many rows as it takes. */
static void draw_words(struct canvas c, struct style s, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	int y = c.at.rows / 2;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	for (const char *at = text; *at; y++) {
		size_t n = rich_break(at, strlen(at), c.at.cols > 4 ? c.at.cols - 4 : 1);

		canvas_printf(c, y, 2, -1, s, "%.*s", (int)n, at);
		at += n;
		at += strspn(at, " ");
	}
}

static void draw_empty(struct app *a, int which, struct canvas c)
{
	const struct fleet_row *r = app_term_row(a, which);
	struct style dim = theme_style(a->theme, THEME_DIM);

	if (!r) {
		draw_words(c, dim, "%s",
		           which == 0 ? "select a session on the left" : "no other session runs");
		return;
	}
	if (r->note)
		canvas_printf(c, c.at.rows / 2 - 1, 2, -1,
		              theme_style(a->theme, app_state_element(r)), "%s", r->note);
	if (r->is_unknown)
		draw_words(c, dim, "not known: the engine does not answer");
	else if (r->state == SESSION_STARTING || r->state == SESSION_STOPPING)
		draw_words(c, dim, "%s is %s; c gives a launch up", r->name,
		           session_state_name(r->state));
	else if (r->has_session)
		draw_words(c, dim, "%s %s; r launches it again, D removes it", r->name,
		           r->state == SESSION_FAILED ? "has failed" : "has ended");
	else if (r->is_broken || r->is_untrusted)
		draw_words(c, dim, "%s cannot be launched; ctrl-r reads the manifest again",
		           r->name);
	else
		draw_words(c, dim, "%s does not run; l launches it", r->name);
}

static void draw_scrollback(struct app *a, struct vt *vt, struct canvas c)
{
	struct scroll_view *s = &a->scroll;
	struct style text = theme_style(a->theme, THEME_TEXT);
	uint64_t first = vt_line_first(vt), last = vt_line_top(vt) + (uint64_t)vt_rows(vt) - 1;
	uint64_t rows = (uint64_t)c.at.rows, top;

	if (s->epoch != vt_line_epoch(vt)) {
		s->epoch = vt_line_epoch(vt);
		s->line = last;
		s->has_mark = false;
	}
	if (s->line < first)
		s->line = first;
	if (s->line > last)
		s->line = last;
	/* the cursor's line in the middle, as far as there are lines */
	top = s->line > first + rows / 2 ? s->line - rows / 2 : first;
	if (last + 1 > rows && top > last + 1 - rows)
		top = last + 1 - rows > first ? last + 1 - rows : first;
	for (uint64_t i = 0; i < rows && top + i <= last; i++) {
		uint64_t n = top + i;
		bool is_marked = s->has_mark && ((n >= s->mark && n <= s->line) ||
		                                 (n <= s->mark && n >= s->line));

		canvas_vt_line(c, (int)i, vt, n, text);
		if (n == s->line || is_marked)
			canvas_restyle(c, (struct rect){ (int)i, 0, 1, c.at.cols },
			               theme_style(a->theme, n == s->line ? THEME_SEARCH
			                                                  : THEME_SELECTED_DIM));
	}
}

static void draw_vt(struct app *a, int which, struct canvas c, bool has_focus, bool is_all)
{
	struct vt *vt = a->drawn[which];
	struct style text = theme_style(a->theme, THEME_TEXT);
	struct vt_cursor cursor = vt_cursor(vt);
	int lo, hi;

	for (int y = 0; y < vt_rows(vt) && y < c.at.rows; y++)
		if (is_all)
			canvas_vt_row(c, y, vt, y, text);
		else if (vt_row_dirty(vt, y, &lo, &hi))
			canvas_vt_span(c, y, vt, y, lo, hi, text);
	vt_clean_damage(vt);
	if (which == 0 && has_focus && a->is_attached && cursor.is_visible &&
	    a->dialog.kind == DIALOG_NONE && !a->overlay && cursor.y < c.at.rows &&
	    cursor.x < c.at.cols)
		grid_set_cursor(a->grid, c.at.y + cursor.y, c.at.x + cursor.x, true, cursor.shape);
}

void term_update(struct app *a, int which, struct canvas c, bool has_focus)
{
	draw_vt(a, which, c, has_focus, false);
}

void term_draw(struct app *a, int which, struct canvas c, bool has_focus)
{
	struct vt *vt = app_terminal(a, which);

	a->drawn[which] = vt;
	if (!vt) {
		draw_empty(a, which, c);
		return;
	}
	if (which == 0 && a->scroll.is_on) {
		draw_scrollback(a, vt, c);
		return;
	}
	draw_vt(a, which, c, has_focus, true);
}

/* --- typing ------------------------------------------------------------------------- */

static void send(struct app *a, const void *data, size_t len)
{
	const struct fleet_row *r = app_row(a);

	if (r && len && fleet_send(a->fleet, r->name, app_term_kind(a), data, len) < 0)
		screen_bell(a->screen);
}

/* Else says why. The keyboard stays where it is: what is typed ahead for a program that
 * has just ended should command nothing. */
static bool takes_keys(struct app *a)
{
	const struct fleet_row *r = app_row(a);
	char prefix[32];

	if (!r || (r->state == SESSION_RUNNING && !r->is_frozen))
		return true;
	input_key_name(&a->prefix, prefix);
	if (r->state == SESSION_RUNNING)
		fleet_say(a->fleet, FLEET_WARN, "%s is frozen and takes no keys; %s F thaws it",
		          r->name, prefix);
	else
		fleet_say(a->fleet, FLEET_WARN, "%s %s and takes no keys; %s d leads back", r->name,
		          r->state == SESSION_STOPPED  ? "does not run"
		          : r->state == SESSION_FAILED ? "has failed"
		                                       : "is not ready",
		          prefix);
	return false;
}

void term_key(struct app *a, const struct input_event *ev)
{
	struct vt *vt = app_terminal(a, 0);
	struct vt_input in;
	char bytes[VTKEY_MAX];

	if ((ev->kind != INPUT_FOCUS && !takes_keys(a)) || !vt)
		return;
	in = vt_input(vt);
	if (ev->kind == INPUT_KEY) {
		send(a, bytes, vtkey_encode(&in, &ev->key, bytes));
	} else if (ev->kind == INPUT_PASTE) {
		struct buf b = BUF_INIT(INPUT_PASTE_MAX + 64);

		if (vtkey_paste(&in, ev->paste, ev->paste_len, &b) == 0)
			send(a, buf_str(&b), b.len);
		if (ev->paste_is_cut)
			fleet_say(a->fleet, FLEET_WARN, "the paste was too long and was cut");
		buf_done(&b);
	} else if (ev->kind == INPUT_FOCUS) {
		send(a, bytes, vtkey_focus(&in, ev->has_focus, bytes));
	}
}

void term_mouse(struct app *a, const struct input_event *ev, int which)
{
	const struct rect *t = &a->layout.terms[which];
	int frame = a->is_zoomed ? 0 : 1;
	struct vt *vt = app_terminal(a, which);
	struct vt_input in;
	char bytes[VTKEY_MAX];
	size_t len;

	if (!vt || which != 0)
		return;
	in = vt_input(vt);
	if (a->is_attached && !a->scroll.is_on) {
		const struct vtkey_mouse m = { ev->action, ev->button, ev->mods,
			                       ev->y - t->y - frame, ev->x - t->x - frame };

		len = vtkey_mouse(&in, &m, bytes);
		if (len) {
			send(a, bytes, len);
			return;
		}
	}
	if (ev->button == VTKEY_WHEEL_UP && !a->scroll.is_on)
		scroll_toggle(a);
	if (ev->button == VTKEY_WHEEL_UP)
		scroll_move(a, -3);
	else if (ev->button == VTKEY_WHEEL_DOWN && a->scroll.is_on)
		scroll_move(a, 3);
}

/* --- scrollback ------------------------------------------------------------------------ */

void scroll_toggle(struct app *a)
{
	struct vt *vt = app_terminal(a, 0);

	if (!vt) {
		fleet_say(a->fleet, FLEET_INFO, "%s has no terminal now", a->selected);
		return;
	}
	a->scroll.is_on = !a->scroll.is_on;
	a->scroll.has_mark = false;
	a->scroll.epoch = vt_line_epoch(vt);
	a->scroll.line = vt_line_top(vt) + (uint64_t)vt_rows(vt) - 1;
	a->focus = PANE_TERMINAL;
	app_dirty(a);
}

void scroll_move(struct app *a, int by)
{
	struct vt *vt = app_terminal(a, 0);
	uint64_t first, last;

	if (!vt || !a->scroll.is_on)
		return;
	first = vt_line_first(vt);
	last = vt_line_top(vt) + (uint64_t)vt_rows(vt) - 1;
	if (by < 0)
		a->scroll.line = a->scroll.line < first + (uint64_t)-by
		                         ? first
		                         : a->scroll.line - (uint64_t)-by;
	else if (a->scroll.line + (uint64_t)by > last)
		a->scroll.line = last;
	else
		a->scroll.line += (uint64_t)by;
	app_dirty(a);
}

/* direction -1 looks at older lines. */
void scroll_search(struct app *a, int direction)
{
	struct vt *vt = app_terminal(a, 0);
	uint64_t first, last, at;

	if (!vt || !a->scroll.is_on || !a->scroll.search || !*a->scroll.search)
		return;
	first = vt_line_first(vt);
	last = vt_line_top(vt) + (uint64_t)vt_rows(vt) - 1;
	for (at = a->scroll.line; direction < 0 ? at > first : at < last;) {
		struct buf line = BUF_INIT(VT_SIZE_MAX * 8);
		bool is_hit;

		at += direction < 0 ? (uint64_t)-1 : 1;
		vt_line_text(vt, at, &line, NULL, 0);
		is_hit = strcasestr(buf_str(&line), a->scroll.search) != NULL;
		buf_done(&line);
		if (is_hit) {
			a->scroll.line = at;
			app_dirty(a);
			return;
		}
	}
	fleet_say(a->fleet, FLEET_INFO, "no %s line holds \"%s\"; %s looks the other way",
	          direction < 0 ? "older" : "newer", a->scroll.search,
	          keymap_key(UI_MODE_SCROLL,
	                     direction < 0 ? UI_SEARCH_PREV : UI_SEARCH_NEXT));
}

void scroll_copy(struct app *a)
{
	struct vt *vt = app_terminal(a, 0);
	struct buf b = BUF_INIT(1u << 20);
	uint64_t from = a->scroll.line, to = from;

	if (!vt)
		return;
	if (a->scroll.has_mark && a->scroll.mark < from)
		from = a->scroll.mark;
	if (a->scroll.has_mark && a->scroll.mark > to)
		to = a->scroll.mark;
	for (uint64_t n = from; n <= to; n++) {
		struct vt_line line = vt_line(vt, n);
		bool is_wrapped = line.is_wrapped;

		vt_line_text(vt, n, &b, NULL, 0);
		if (!is_wrapped && n < to)
			buf_addc(&b, '\n');
	}
	if (b.len == 0)
		fleet_say(a->fleet, FLEET_INFO, "the line is empty: nothing was copied");
	else if (b.overflowed || !screen_copy(a->screen, buf_str(&b), b.len))
		fleet_say(a->fleet, FLEET_WARN, "that is more than a terminal's clipboard takes");
	else
		fleet_say(a->fleet, FLEET_INFO, "copied %zu bytes", b.len);
	a->scroll.has_mark = false;
	buf_done(&b);
	app_dirty(a);
}
