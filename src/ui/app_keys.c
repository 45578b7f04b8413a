/* Where input goes. */
#include <string.h>

#include "ui/app_int.h"

static bool is_prefix(const struct app *a, const struct vtkey *key)
{
	char name[32], prefix[32];

	/* most keys that are typed are none, and an agent waits for them */
	if ((key->mods ^ a->prefix.mods) & (VTKEY_CTRL | VTKEY_ALT))
		return false;
	input_key_name(key, name);
	input_key_name(&a->prefix, prefix);
	return strcmp(name, prefix) == 0;
}

static bool is_in(const struct rect *r, const struct input_event *ev)
{
	return ev->y >= r->y && ev->y < r->y + r->rows && ev->x >= r->x &&
	       ev->x < r->x + r->cols;
}

static void click_sessions(struct app *a, int y)
{
	const struct fleet_row *r = NULL;

	a->focus = PANE_SESSIONS;
	if (y >= 0 && (size_t)y < a->n_session_lines)
		r = fleet_row(a->fleet, a->session_lines[y]);
	if (r)
		app_select(a, r->name);
	app_dirty(a);
}

static void wheel_or_click(struct app *a, const struct input_event *ev, struct events_view *v,
                           enum app_pane pane, int top)
{
	if (ev->action == VTKEY_PRESS)
		a->focus = pane;
	if (ev->button == VTKEY_WHEEL_UP)
		events_move(a, v, -3);
	else if (ev->button == VTKEY_WHEEL_DOWN)
		events_move(a, v, 3);
	else if (ev->action == VTKEY_PRESS && ev->button == VTKEY_LEFT_BUTTON)
		events_click(a, v, ev->y - top - 1);
	app_dirty(a);
}

static void mouse(struct app *a, const struct input_event *ev)
{
	bool is_click = ev->action == VTKEY_PRESS && ev->button == VTKEY_LEFT_BUTTON;

	if (is_in(&a->layout.egress, ev)) {
		wheel_or_click(a, ev, &a->egress, PANE_EGRESS, a->layout.egress.y);
	} else if (is_in(&a->layout.verdicts, ev)) {
		wheel_or_click(a, ev, &a->verdicts, PANE_VERDICTS, a->layout.verdicts.y);
	} else if (is_in(&a->layout.sessions, ev)) {
		if (ev->button == VTKEY_WHEEL_UP)
			app_move(a, -1);
		else if (ev->button == VTKEY_WHEEL_DOWN)
			app_move(a, 1);
		else if (is_click)
			click_sessions(a, ev->y - a->layout.sessions.y - 1);
	} else {
		for (int i = 0; i < a->layout.n_terms; i++) {
			if (!is_in(&a->layout.terms[i], ev))
				continue;
			if (is_click && i > 0 && app_term_row(a, i))
				app_select(a, app_term_row(a, i)->name);
			else if (is_click && !a->is_attached)
				app_command(a, UI_ATTACH, NULL);
			else
				term_mouse(a, ev, i);
			return;
		}
	}
}

/* While the agent has the keyboard: everything is its, but what follows the prefix. */
static void attached(struct app *a, const struct input_event *ev)
{
	const char *argument = NULL;
	enum ui_command c;

	if (ev->kind == INPUT_KEY && a->prefix_pending) {
		a->prefix_pending = false;
		app_dirty(a);
		c = is_prefix(a, &ev->key) ? UI_LITERAL
		                           : keymap_find(UI_MODE_PREFIX, &ev->key, &argument);
		if (c == UI_NONE)
			fleet_say(a->fleet, FLEET_WARN, "no such key after the prefix");
		else
			app_command(a, c, argument);
		return;
	}
	if (ev->kind == INPUT_KEY && is_prefix(a, &ev->key)) {
		a->prefix_pending = true;
		app_dirty(a);
		return;
	}
	term_key(a, ev);
}

void app_input(void *arg, const struct input_event *ev)
{
	struct app *a = arg;
	const char *argument = NULL;
	enum ui_command c;

	a->has_chosen = a->has_chosen || ev->kind != INPUT_FOCUS;
	if (ev->kind == INPUT_FOCUS)
		a->has_terminal_focus = ev->has_focus;
	if (a->dialog.kind != DIALOG_NONE) {
		dialog_key(a, ev);
		return;
	}
	if (ev->kind == INPUT_MOUSE) {
		if (a->overlay)
			overlay_mouse(a, ev);
		else
			mouse(a, ev);
		return;
	}
	if (ev->kind == INPUT_FOCUS) {
		if (a->is_attached)
			term_key(a, ev);
		return;
	}
	if (a->is_attached && !a->scroll.is_on && !a->overlay) {
		attached(a, ev);
		return;
	}
	if (ev->kind != INPUT_KEY)
		return;
	c = keymap_find(a->overlay        ? UI_MODE_OVERLAY
	                : a->scroll.is_on ? UI_MODE_SCROLL
	                                  : UI_MODE_LIST,
	                &ev->key, &argument);
	if (c != UI_NONE)
		app_command(a, c, argument);
}
