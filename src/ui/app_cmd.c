/* Commands: what keys and ":" lines do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "ui/app_int.h"
#include "ui/screen.h"

/* --- moving ------------------------------------------------------------------------- */

static void move(struct app *a, int by)
{
	struct events_view *v = app_events(a);

	if (a->scroll.is_on)
		scroll_move(a, by);
	else if (v)
		events_move(a, v, by);
	else
		app_move(a, by);
}

static int half_page(const struct app *a)
{
	int rows = grid_rows(a->grid) / 2;

	if (a->focus == PANE_EGRESS || a->focus == PANE_VERDICTS)
		rows = a->layout.egress.rows / 2;
	return rows > 1 ? rows : 1;
}

static void next_pane(struct app *a, int by)
{
	for (int i = 0; i < PANES; i++) {
		a->focus = (enum app_pane)(((int)a->focus + by + PANES) % PANES);
		if (a->focus == PANE_EGRESS && !a->layout.egress.rows)
			continue;
		if (a->focus == PANE_VERDICTS && !a->layout.verdicts.rows)
			continue;
		if (a->focus == PANE_SESSIONS && !a->layout.sessions.rows)
			continue;
		return;
	}
}

static void select_session(struct app *a, const char *argument)
{
	char *end;
	long n = strtol(argument, &end, 10);

	if (*argument && *end == '\0' && n > 0 && (size_t)n <= fleet_n_rows(a->fleet))
		app_select(a, fleet_row(a->fleet, (size_t)n - 1)->name);
	else if (fleet_find(a->fleet, argument))
		app_select(a, argument);
	else if (!*argument)
		fleet_say(a->fleet, FLEET_WARN, "which session? its number or its name");
	else
		fleet_say(a->fleet, FLEET_WARN, "there is no session %s", argument);
}

/* --- sessions ---------------------------------------------------------------------------- */

void app_attach(struct app *a)
{
	const struct fleet_row *r = app_row(a);

	if (!r)
		return;
	if (r->state != SESSION_RUNNING) {
		if (!r->has_session && r->state == SESSION_STOPPED)
			app_launch(a, r->agent, NULL, NULL);
		else
			fleet_say(a->fleet, FLEET_WARN, "%s %s%s: it has no terminal now", r->name,
			          r->state == SESSION_FAILED ? "has " : "is ",
			          session_state_name(r->state));
		return;
	}
	a->is_attached = true;
	a->scroll.is_on = false;
	a->focus = PANE_TERMINAL;
}

static void open_selected(struct app *a)
{
	struct events_view *v = app_events(a);
	size_t index;

	if (!v)
		app_attach(a);
	else if (events_selected(a, v, &index))
		card_open(a, 0, fleet_event_seq(a->fleet, index));
}

static void on_stop(struct app *a, bool accepted)
{
	if (accepted)
		fleet_stop(a->fleet, a->dialog.subject);
}

static void ask_stop(struct app *a, bool is_remove)
{
	const struct fleet_row *r = app_row(a);

	if (!r)
		return;
	if (!r->has_session && r->state == SESSION_STOPPED) {
		fleet_say(a->fleet, FLEET_INFO, "%s does not run", r->name);
		return;
	}
	snprintf(a->dialog.subject, sizeof a->dialog.subject, "%s", r->name);
	dialog_confirm(a, is_remove ? "Remove" : "Stop",
	               xasprintf("%s %s?\nWhat is in its container and was not pushed is lost.\n",
	                         is_remove ? "Remove what is left of" : "End the session",
	                         r->name),
	               is_remove ? "Remove" : "Stop", on_stop);
}

/* "AGENT [LABEL [COLOUR]]"; without it, what is selected. */
static void launch(struct app *a, const char *argument)
{
	const struct fleet_row *r = app_row(a);
	char agent[FLEET_NAME_MAX] = "", label[FLEET_NAME_MAX] = "", color[16] = "";
	int n = sscanf(argument ? argument : "", "%40s %40s %15s", agent, label, color);

	if (*color && !session_color_is_valid(color))
		fleet_say(a->fleet, FLEET_WARN, "%s is no colour; as cyan or #7fb0ff", color);
	else if (n > 0)
		app_launch(a, agent, n > 1 && strcmp(label, "-") != 0 ? label : NULL,
		           *color ? color : NULL);
	else if (r && !r->has_session)
		app_launch(a, r->agent, NULL, NULL);
	else
		form_open(a, r ? r->agent : NULL, NULL);
}

static void prompt(struct app *a, const char *title, const char *text, const char *argument,
                   dialog_fn *done)
{
	dialog_prompt(a, title, text, false, done);
	if (argument && *argument) {
		buf_adds(&a->dialog.input, argument);
		done(a, true);
		if (a->dialog.kind == DIALOG_PROMPT)
			dialog_close(a);
	}
}

static void on_send(struct app *a, bool accepted)
{
	struct buf line = BUF_INIT(1u << 16);
	size_t n = 0, meant = 0;

	if (!accepted || a->dialog.input.len == 0)
		return;
	buf_add(&line, buf_str(&a->dialog.input), a->dialog.input.len);
	buf_addc(&line, '\r');
	for (size_t i = 0; i < fleet_n_rows(a->fleet); i++) {
		const struct fleet_row *r = fleet_row(a->fleet, i);
		bool is_meant = strv_len(a->marks) ? app_is_marked(a, r->name)
		                                   : strcmp(r->name, a->selected) == 0;

		meant += is_meant;
		if (is_meant && r->state == SESSION_RUNNING &&
		    fleet_send(a->fleet, r->name, FLEET_AGENT, line.data, line.len) == 0)
			n++;
	}
	if (n == 0)
		fleet_say(a->fleet, FLEET_WARN, "not sent: %s",
		          meant == 1 ? "it does not run, or is frozen"
		                     : "none of them runs, or all are frozen");
	else if (n < meant)
		fleet_say(a->fleet, FLEET_WARN,
		          "sent to %zu of %zu: the others do not run, or are frozen", n, meant);
	else
		fleet_say(a->fleet, FLEET_INFO, "sent to %zu session%s", n, n == 1 ? "" : "s");
	buf_done(&line);
}

/* Says to whom, as marks may be out of sight. */
static void ask_send(struct app *a, const char *argument)
{
	struct buf text = BUF_INIT(APP_LINE_MAX);

	for (char **name = a->marks; name && *name; name++)
		buf_addf(&text, "%s%s", name == a->marks ? "To the marked " : ", ", *name);
	if (text.len == 0)
		buf_addf(&text, "To %s", a->selected);
	buf_addc(&text, ':');
	if (*a->selected || strv_len(a->marks))
		prompt(a, "Send a line", buf_str(&text), argument, on_send);
	buf_done(&text);
}

/* --- text --------------------------------------------------------------------------------- */

static void on_filter(struct app *a, bool accepted)
{
	if (!accepted)
		return;
	free(a->filter);
	a->filter = xstrdup(buf_str(&a->dialog.input));
	a->egress.follows = a->verdicts.follows = true;
	a->egress.version = a->verdicts.version = 0;
}

static void on_search(struct app *a, bool accepted)
{
	if (!accepted)
		return;
	free(a->scroll.search);
	a->scroll.search = xstrdup(buf_str(&a->dialog.input));
	scroll_search(a, -1);
}

static void on_command(struct app *a, bool accepted)
{
	CLEANUP_FREE char *line = xstrdup(buf_str(&a->dialog.input));

	if (accepted) {
		dialog_close(a);
		app_command_line(a, line);
	}
}

static void copy(struct app *a)
{
	struct events_view *v = app_events(a);
	struct buf b = BUF_INIT(1u << 16);
	size_t index;

	if (a->scroll.is_on) {
		scroll_copy(a);
		return;
	}
	if (v && events_selected(a, v, &index))
		event_json(&b, fleet_event(a->fleet, index));
	else
		buf_adds(&b, a->selected);
	if (screen_copy(a->screen, buf_str(&b), b.len))
		fleet_say(a->fleet, FLEET_INFO, "copied %zu bytes", b.len);
	buf_done(&b);
}

static void mark(struct app *a)
{
	if (a->scroll.is_on) {
		a->scroll.has_mark = !a->scroll.has_mark;
		a->scroll.mark = a->scroll.line;
	} else if (a->focus == PANE_SESSIONS && *a->selected) {
		app_mark(a, a->selected);
		app_move(a, 1);
	}
}

/* --- the rest -------------------------------------------------------------------------------- */

static void choose_theme(struct app *a, const char *name)
{
	const char *const *names = theme_names();
	struct theme *t = NULL;
	struct err err = { 0 };

	if (!name || !*name) {
		/* the next one */
		size_t i = 0;

		while (names[i] && strcmp(names[i], theme_name(a->theme)) != 0)
			i++;
		name = names[i] && names[i + 1] ? names[i + 1] : names[0];
	}
	if (theme_load(&t, name, &err) < 0) {
		fleet_say(a->fleet, FLEET_ERROR, "%s", err.msg);
		return;
	}
	theme_set_colors(t, screen_colors(a->screen));
	theme_free(a->theme);
	a->theme = t;
	fleet_set_theme(a->fleet, theme_vt(t));
	fleet_say(a->fleet, FLEET_INFO, "theme %s", theme_name(t));
}

static void split(struct app *a, const char *argument)
{
	if (argument && *argument && (argument[1] || !strchr("124", *argument))) {
		fleet_say(a->fleet, FLEET_WARN, "split shows 1, 2 or 4 terminals, not \"%s\"",
		          argument);
		return;
	}
	if (argument && *argument)
		a->n_terms = *argument - '0';
	else
		a->n_terms = a->n_terms == 1 ? 2 : a->n_terms == 2 ? 4 : 1;
	if (a->n_terms > 1 && !app_term_row(a, 1))
		fleet_say(a->fleet, FLEET_INFO, "no other session runs to be shown beside it");
}

static void no_event(struct app *a)
{
	fleet_say(a->fleet, FLEET_INFO, "first select an event: Tab goes to them, i to what waits");
}

static void dismiss(struct app *a)
{
	struct events_view *v = app_events(a);
	size_t index;

	if (v && events_selected(a, v, &index)) {
		fleet_dismiss(a->fleet, fleet_event_seq(a->fleet, index));
		events_move(a, v, 1);
	} else if (!v) {
		no_event(a);
	}
}

static void shell(struct app *a)
{
	const struct fleet_row *r = app_row(a);

	if (!r || r->state != SESSION_RUNNING) {
		fleet_say(a->fleet, FLEET_WARN, "%s does not run: there is no shell in it",
		          a->selected);
		return;
	}
	if (r->is_frozen) {
		fleet_say(a->fleet, FLEET_WARN, "%s is frozen: F thaws it", r->name);
		return;
	}
	a->shows_shell = !a->shows_shell;
	a->saw_shell = false;
	app_attach(a);
}

static void send_prefix(struct app *a)
{
	const struct input_event ev = { .kind = INPUT_KEY, .key = a->prefix };

	term_key(a, &ev);
}

/* About: rows, panes and sessions. */
static bool move_command(struct app *a, enum ui_command c, const char *argument)
{
	switch (c) {
	case UI_UP:
		move(a, -1);
		return true;
	case UI_DOWN:
		move(a, 1);
		return true;
	case UI_TOP:
		move(a, -1000000);
		return true;
	case UI_BOTTOM:
		move(a, 1000000);
		return true;
	case UI_PAGE_UP:
		move(a, -half_page(a));
		return true;
	case UI_PAGE_DOWN:
		move(a, half_page(a));
		return true;
	case UI_NEXT_PANE:
		next_pane(a, 1);
		return true;
	case UI_PREV_PANE:
		next_pane(a, -1);
		return true;
	case UI_SESSION:
		select_session(a, argument ? argument : "");
		return true;
	case UI_NEXT_SESSION:
		app_move(a, 1);
		return true;
	case UI_PREV_SESSION:
		app_move(a, -1);
		return true;
	default:
		return false;
	}
}

/* Commands that the view knows how to do by itself. */
static bool view_command(struct app *a, enum ui_command c, const char *argument)
{
	switch (c) {
	case UI_WAITING:
		inbox_walk(a);
		return true;
	case UI_INBOX:
		inbox_open(a);
		return true;
	case UI_FIND:
		if (argument && *argument)
			find_open(a, argument);
		else
			find_ask(a);
		return true;
	case UI_ZOOM:
		a->is_zoomed = !a->is_zoomed;
		if (a->is_zoomed)
			a->focus = PANE_TERMINAL;
		return true;
	case UI_SPLIT:
		split(a, argument);
		return true;
	case UI_SCROLL:
		scroll_toggle(a);
		return true;
	case UI_SEARCH_NEXT:
		scroll_search(a, -1);
		return true;
	case UI_SEARCH_PREV:
		scroll_search(a, 1);
		return true;
	case UI_COPY:
		copy(a);
		return true;
	case UI_MARK:
		mark(a);
		return true;
	case UI_THEME:
		choose_theme(a, argument);
		return true;
	case UI_HELP:
		show_help(a);
		return true;
	case UI_MESSAGES:
		show_messages(a);
		return true;
	case UI_REDRAW:
		screen_redraw_all(a->screen);
		return true;
	default:
		return false;
	}
}

static void on_why(struct app *a, bool accepted)
{
	CLEANUP_FREE char *url = xstrdup(buf_str(&a->dialog.input));

	if (!accepted || !*url)
		return;
	dialog_close(a);
	why_ask(a, a->selected, url);
}

/* About the selected session. */
static void policy_command(struct app *a, enum ui_command c, const char *argument)
{
	bool has_host = argument && *argument;

	if (c == UI_FREEZE)
		freeze_ask(a, a->selected);
	else if (c == UI_POLICY)
		policy_open(a, a->selected);
	else if (c == UI_WHY)
		prompt(a, "Why", "A URL; the session's pipelock says whether it would pass:",
		       argument, on_why);
	else if (c == UI_ALLOW && has_host)
		allow_host(a, a->selected, argument);
	else if (c == UI_REVOKE && has_host)
		revoke_host(a, a->selected, argument);
	else if (c == UI_ALLOW)
		inbox_open(a);	/* there the one that is meant can be seen */
	else
		policy_open(a, a->selected);
}

/* About the event that is selected in its pane. */
static bool event_command(struct app *a, enum ui_command c, const char *argument)
{
	struct events_view *v = app_events(a);
	size_t index;

	return v && c != UI_OPEN && c != UI_DISMISS && c != UI_RELAUNCH && c != UI_REMOVE &&
	       events_selected(a, v, &index) &&
	       card_command(a, c, 0, fleet_event_seq(a->fleet, index), argument);
}

void app_command(struct app *a, enum ui_command c, const char *argument)
{
	const struct fleet_row *r = app_row(a);

	app_dirty(a);
	if (overlay_command(a, c, argument) || move_command(a, c, argument) ||
	    view_command(a, c, argument) || event_command(a, c, argument))
		return;
	switch (c) {
	case UI_OPEN:
		open_selected(a);
		break;
	case UI_ATTACH:
		app_attach(a);
		break;
	case UI_DETACH:
		app_detach(a);
		break;
	case UI_LAUNCH:
		launch(a, argument);
		break;
	case UI_FORM:
		form_open(a, NULL, NULL);
		break;
	case UI_RELAUNCH:
		app_relaunch(a);
		break;
	case UI_STOP:
		ask_stop(a, false);
		break;
	case UI_REMOVE:
		ask_stop(a, true);
		break;
	case UI_CANCEL:
		if (r)
			fleet_cancel(a->fleet, r->name);
		break;
	case UI_SHELL:
		shell(a);
		break;
	case UI_SEND:
		ask_send(a, argument);
		break;
	case UI_DISMISS:
		dismiss(a);
		break;
	case UI_ALLOW:
	case UI_REVOKE:
	case UI_POLICY:
	case UI_WHY:
	case UI_FREEZE:
		policy_command(a, c, argument);
		break;
	case UI_SEARCH:
		if (!a->scroll.is_on)
			scroll_toggle(a);
		prompt(a, "Search", "In the scrollback, upwards:", argument, on_search);
		break;
	case UI_FILTER:
		prompt(a, "Filter",
		       "Only events that hold every word (session:NAME kind:push host:X rule:X); "
		       "empty for all:",
		       argument, on_filter);
		break;
	case UI_COMMAND:
		dialog_prompt(a, "Command", "help lists them", false, on_command);
		break;
	case UI_EDIT:
		show_manifest(a);
		break;
	case UI_RELOAD:
		fleet_reload(a->fleet);
		fleet_say(a->fleet, FLEET_INFO, "read again");
		break;
	case UI_SAVE_DISPLAY:
		show_to_file(a, argument && *argument ? argument : "claude-bottle-screen.txt");
		break;
	case UI_LITERAL:
		send_prefix(a);
		break;
	case UI_QUIT:
		app_quit(a);
		break;
	case UI_DIFF:
	case UI_APPROVE:
	case UI_REJECT:
	case UI_ACCEPT:
	case UI_RAW:
		no_event(a);
		break;
	default:
		break;
	}
}

void app_command_line(struct app *a, const char *line)
{
	CLEANUP_FREE char *text = xstrdup(line + strspn(line, " :"));
	char *argument = strchr(text, ' ');
	enum ui_command c;

	if (argument) {
		*argument++ = '\0';
		argument += strspn(argument, " ");
	}
	if (!*text)
		return;
	c = strcmp(text, "?") == 0 ? UI_HELP : keymap_command(text);
	if (c == UI_NONE)
		fleet_say(a->fleet, FLEET_WARN, "there is no command \"%s\"; ? lists them", text);
	else if (argument && *argument && !*keymap_info(c)->arguments)
		/* who names a session must not have another one stopped */
		fleet_say(a->fleet, FLEET_WARN,
		          "\"%s\" takes nothing after it: it is about what is selected", text);
	else
		app_command(a, c, argument);
}
