/* Putting one frame together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "core/policy.h"
#include "core/stamp.h"
#include "core/text.h"
#include "ui/app_int.h"
#include "ui/screen.h"

enum theme_element app_state_element(const struct fleet_row *r)
{
	if (r->is_broken && !r->has_session)
		return THEME_FAILED;
	if (r->is_unknown)
		return THEME_STOPPED;
	switch (r->state) {
	case SESSION_RUNNING:
		return r->is_frozen || r->activity == ACTIVITY_WAITS ? THEME_WAITS : THEME_RUNNING;
	case SESSION_STARTING:
	case SESSION_STOPPING:
		return THEME_STARTING;
	case SESSION_FAILED:
		return THEME_FAILED;
	case SESSION_STOPPED:
		break;
	}
	return THEME_STOPPED;
}

const char *app_state_sign(const struct app *a, const struct fleet_row *r)
{
	enum theme_sign_id id = SIGN_STOPPED;

	if (r->is_untrusted && !r->has_session)
		id = SIGN_UNTRUSTED;
	else if (r->is_broken && !r->has_session)
		id = SIGN_FAILED;
	else if (r->is_unknown)
		return "?";
	else if (r->state == SESSION_RUNNING && r->is_frozen)
		id = SIGN_PAUSED;
	else if (r->state == SESSION_RUNNING)
		id = r->activity == ACTIVITY_WAITS ? SIGN_WAITS : SIGN_RUNNING;
	else if (r->state == SESSION_STARTING || r->state == SESSION_STOPPING)
		id = SIGN_STARTING;
	else if (r->state == SESSION_FAILED)
		id = SIGN_FAILED;
	return theme_sign(id, grid_is_ascii(a->grid));
}

struct style app_color(const struct app *a, const char *color, struct style s)
{
	enum screen_colors able = screen_colors(a->screen);

	if (!color || able == SCREEN_MONO)
		return s;
	if (*color == '#')
		s.fg = VT_COLOR_RGB | (uint32_t)strtoul(color + 1, NULL, 16);
	/* they are in the order of a terminal's: red is 1; in the theme's shade of it */
	for (unsigned i = 0; session_colors[i]; i++)
		if (strcmp(session_colors[i], color) == 0)
			s.fg = able == SCREEN_16
			               ? VT_COLOR_INDEX | (i + 1)
			               : VT_COLOR_RGB | theme_vt(a->theme)->palette[i + 1];
	return s;
}

struct style app_session_style(const struct app *a, const char *session, enum theme_element e)
{
	const struct fleet_row *r = fleet_find(a->fleet, session);

	return app_color(a, r ? r->color : NULL, theme_style(a->theme, e));
}

const char *app_state_word(const struct fleet_row *r)
{
	if (!r->has_session && r->state == SESSION_STOPPED && r->is_broken)
		return "broken";
	if (!r->has_session && r->state == SESSION_STOPPED && r->is_untrusted)
		return "untrusted";
	if (r->is_unknown)
		return "unknown";
	/* its agent has ended well, and what it left is still there */
	if (r->has_session && r->state == SESSION_STOPPED && r->exit_code == 0)
		return "done";
	if (r->state != SESSION_RUNNING)
		return session_state_name(r->state);
	if (r->is_frozen)
		return "frozen";
	switch (r->activity) {
	case ACTIVITY_WAITS:
		return "waits";
	case ACTIVITY_WORKING:
		return "works";
	case ACTIVITY_IDLE:
		return "idle";
	case ACTIVITY_UNKNOWN:
		break;
	}
	return "running";
}

void app_clock(char out[16], int64_t ts_ns)
{
	time_t seconds = (time_t)(ts_ns / 1000000000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(out, 16, "%H:%M:%S", &tm);
}

/* --- title, dock, hint ------------------------------------------------------------------ */

/* At the right, so that nobody takes it for real; the column where it begins. */
static int draw_recording(struct app *a, struct canvas c)
{
	struct buf label = BUF_INIT(256);
	int x;

	buf_adds(&label, grid_is_ascii(a->grid) ? " > recording" : " ▶ recording");
	if (c.at.cols >= 100) {
		buf_addc(&label, ' ');
		text_safe(&label, a->opt.recording, strlen(a->opt.recording), 30,
		          grid_is_ascii(a->grid));
	}
	buf_addc(&label, ' ');
	x = c.at.cols - canvas_text_width(buf_str(&label));
	canvas_text(c, 0, x, -1, theme_style(a->theme, THEME_TITLE_ALERT), buf_str(&label));
	buf_done(&label);
	return x;
}

static void draw_title(struct app *a, struct canvas c)
{
	struct style s = theme_style(a->theme, THEME_TITLE);
	struct style alert = theme_style(a->theme, THEME_TITLE_ALERT);
	unsigned running = 0, failed = 0, blocked, waiting = fleet_n_waiting(a->fleet);
	const char *engine = fleet_engine(a->fleet);
	const char *dot = grid_is_ascii(a->grid) ? "|" : "·";
	bool is_more;
	int x = 0;

	for (size_t i = 0; i < fleet_n_rows(a->fleet); i++) {
		const struct fleet_row *r = fleet_row(a->fleet, i);

		running += r->state == SESSION_RUNNING;
		failed += r->state == SESSION_FAILED;
	}
	canvas_fill(c, (struct rect){ 0, 0, 1, c.at.cols }, s);
	if (a->opt.recording)
		c.at.cols = draw_recording(a, c) - 1;
	x += canvas_printf(c, 0, x, -1, s, " claude-bottle %s %u running", dot, running);
	if (failed) {
		x += canvas_printf(c, 0, x, -1, s, " %s ", dot);
		x += canvas_printf(c, 0, x, -1, alert, " %u failed ", failed);
	}
	x += canvas_printf(c, 0, x, -1, s, " %s ", dot);
	if (waiting)
		x += canvas_printf(c, 0, x, -1, alert, " %s %u wait ",
		                   theme_sign(SIGN_FLAG, grid_is_ascii(a->grid)), waiting);
	else
		x += canvas_text(c, 0, x, -1, s, "nothing waits");
	blocked = fleet_n_blocked(a->fleet, &is_more);
	x += canvas_printf(c, 0, x, -1, s, " %s %u%s blocked/h %s ", dot, blocked,
	                   is_more ? "+" : "", dot);
	canvas_text(c, 0, x, -1, engine ? s : alert, engine ? engine : "the engine is away");
}

/* The last message, for a while. */
static bool draw_message(struct app *a, struct canvas c)
{
	enum fleet_level level;
	int64_t ts;
	const char *text = fleet_message(a->fleet, 0, &level, &ts);
	struct buf safe = BUF_INIT(APP_LINE_MAX);
	struct style s;

	if (!text || fleet_clock_ns() - ts > APP_MESSAGE_NS)
		return false;
	s = theme_style(a->theme, level == FLEET_INFO ? THEME_HINT : THEME_ERROR);
	canvas_fill(c, (struct rect){ 0, 0, 1, c.at.cols }, s);
	text_safe_str(&safe, text, APP_LINE_MAX / 2);
	canvas_printf(c, 0, 1, -1, s, "%s", buf_str(&safe));
	buf_done(&safe);
	return true;
}

static int hint_key(struct app *a, struct canvas c, int x, const char *key, const char *word)
{
	if (strcmp(key, "Enter") == 0 && !grid_is_ascii(a->grid))
		key = "⏎";
	x += canvas_printf(c, 0, x, -1, theme_style(a->theme, THEME_HINT_KEY), " %s", key);
	return x + canvas_printf(c, 0, x, -1, theme_style(a->theme, THEME_HINT), " %s ", word);
}

static int hint(struct app *a, struct canvas c, int x, enum ui_mode mode, enum ui_command cmd,
                const char *word)
{
	return hint_key(a, c, x, keymap_key(mode, cmd), word);
}

static const struct hint_item session_hints[] = {
	{ UI_OPEN, "attach" },	      { UI_LAUNCH, "launch" }, { UI_RELAUNCH, "relaunch" },
	{ UI_STOP, "stop" },	      { UI_WAITING, "waiting" }, { UI_FREEZE, "freeze" },
	{ UI_POLICY, "policy" },      { UI_ZOOM, "zoom" },       { UI_FILTER, "filter" },
	{ UI_COMMAND, "command" },    { UI_NONE, NULL },
};
static const struct hint_item egress_hints[] = {
	{ UI_OPEN, "whole story" }, { UI_ALLOW, "allow" },   { UI_DISMISS, "dismiss" },
	{ UI_FILTER, "filter" },    { UI_BOTTOM, "follow" }, { UI_COPY, "copy" },
	{ UI_NONE, NULL },
};
static const struct hint_item gate_hints[] = {
	{ UI_OPEN, "whole story" }, { UI_DIFF, "diff" },     { UI_DISMISS, "dismiss" },
	{ UI_FILTER, "filter" },    { UI_BOTTOM, "follow" }, { UI_COPY, "copy" },
	{ UI_NONE, NULL },
};
static const struct hint_item scroll_hints[] = {
	{ UI_SEARCH, "search" },    { UI_SEARCH_NEXT, "older" }, { UI_SEARCH_PREV, "newer" },
	{ UI_COPY, "copy" },	    { UI_SCROLL, "leave" },	 { UI_NONE, NULL },
};

/* Help and quit keep their place at the right; the rest as far as it fits. */
static void draw_hint(struct app *a, struct canvas c)
{
	bool is_plain = !a->scroll.is_on && !a->overlay;
	const struct hint_item *items = a->overlay                  ? overlay_hints(a, a->overlay)
	                                : a->scroll.is_on           ? scroll_hints
	                                : a->focus == PANE_EGRESS   ? egress_hints
	                                : a->focus == PANE_VERDICTS ? gate_hints
	                                                            : session_hints;
	enum ui_mode mode = a->overlay        ? UI_MODE_OVERLAY
	                    : a->scroll.is_on ? UI_MODE_SCROLL
	                                      : UI_MODE_LIST;
	int x = 0, right = is_plain ? c.at.cols - 17 : c.at.cols;
	struct canvas left = canvas_part(c, (struct rect){ 0, 0, 1, right });

	canvas_fill(c, (struct rect){ 0, 0, 1, c.at.cols }, theme_style(a->theme, THEME_HINT));
	for (; items->word; items++) {
		const char *key = keymap_key(mode, items->cmd);
		char command[32];
		int width;

		if (!*key)
			key = keymap_key(UI_MODE_LIST, items->cmd);
		if (!*key) {	/* a command of ":" alone */
			snprintf(command, sizeof command, ":%s", keymap_info(items->cmd)->name);
			key = command;
		}
		width = canvas_text_width(items->word) + canvas_text_width(key) + 3;
		if (strcmp(key, "Enter") == 0)
			width -= 4;
		if (x + width <= right)
			x = hint_key(a, left, x, key, items->word);
	}
	if (is_plain) {
		right = hint(a, c, right, UI_MODE_LIST, UI_HELP, "help");
		hint(a, c, right, UI_MODE_LIST, UI_QUIT, "quit");
	}
}

/* A dialog takes every key. */
static void draw_dialog_hint(struct app *a, struct canvas c)
{
	static const char *const hints[][7] = {
		[DIALOG_CARD] = { "j", "down", "k", "up", "Escape", "back" },
		[DIALOG_CONFIRM] = { "y", "do it", "Tab", "choose", "Escape", "leave it" },
		[DIALOG_PROMPT] = { "Enter", "do it", "Escape", "leave it" },
		[DIALOG_FORM] = { "Tab", "next field", "Enter", "go on", "Escape", "leave it" },
	};
	int x = 0;

	canvas_fill(c, (struct rect){ 0, 0, 1, c.at.cols }, theme_style(a->theme, THEME_HINT));
	for (const char *const *h = hints[a->dialog.kind]; *h; h += 2)
		x = hint_key(a, c, x, h[0], h[1]);
}

/* What needs a look comes first: a narrow dock cuts the rest. */
static int dock_rank(const struct app *a, const struct fleet_row *r)
{
	if (strcmp(r->name, a->selected) == 0)
		return 0;
	if (r->n_attention || r->activity == ACTIVITY_WAITS)
		return 1;
	if (r->state == SESSION_RUNNING)
		return 2;
	return r->state == SESSION_STOPPED ? 4 : 3;
}

static int draw_docked(struct app *a, struct canvas c, int x, size_t i)
{
	const struct fleet_row *r = fleet_row(a->fleet, i);
	struct style s = theme_style(a->theme, THEME_DOCK);
	struct style mark = theme_style(a->theme, app_state_element(r));
	int from = x;

	mark.bg = s.bg;
	x += canvas_printf(c, 0, x, -1, mark, " %s", app_state_sign(a, r));
	if (strcmp(r->name, a->selected) == 0)
		mark = theme_style(a->theme, THEME_SELECTED);
	else
		mark.fg = app_session_style(a, r->name, THEME_DOCK).fg;
	x += canvas_printf(c, 0, x, -1, mark, " %zu:%s", i + 1, r->name);
	if (r->n_attention)
		x += canvas_printf(c, 0, x, -1, theme_style(a->theme, THEME_WAITS), "!%u",
		                   r->n_attention);
	return x - from;
}

/* Every session's state on one line, while an agent has the keyboard. */
static void draw_dock(struct app *a, struct canvas c)
{
	struct style s = theme_style(a->theme, THEME_DOCK);
	unsigned waiting = fleet_n_waiting(a->fleet);
	char prefix[32];
	int x = 0;

	canvas_fill(c, (struct rect){ 0, 0, 1, c.at.cols }, s);
	input_key_name(&a->prefix, prefix);
	if (a->scroll.is_on)
		x += canvas_text(c, 0, 0, -1, theme_style(a->theme, THEME_HINT_KEY),
		                 " scrollback: / search, Space mark, y copy, q leave ");
	else if (a->is_attached)
		x += canvas_printf(c, 0, 0, -1,
		                   theme_style(a->theme, a->prefix_pending ? THEME_TITLE_ALERT
		                                                           : THEME_HINT_KEY),
		                   a->prefix_pending ? " %s: d detach, z zoom, n p 1-9, w, [ "
		                                     : " %s ",
		                   prefix);
	else
		x += canvas_printf(c, 0, 0, -1, theme_style(a->theme, THEME_HINT_KEY), " %s back ",
		                   keymap_key(UI_MODE_LIST, UI_ZOOM));
	if (waiting)
		x += canvas_printf(c, 0, x, -1, theme_style(a->theme, THEME_TITLE_ALERT),
		                   " %s %u ", theme_sign(SIGN_FLAG, grid_is_ascii(a->grid)),
		                   waiting);
	for (int rank = 0; rank <= 4; rank++)
		for (size_t i = 0; i < fleet_n_rows(a->fleet) && x < c.at.cols; i++)
			if (dock_rank(a, fleet_row(a->fleet, i)) == rank)
				x += draw_docked(a, c, x, i);
}

/* --- sessions ----------------------------------------------------------------------------- */

#define FLAG_COLUMNS 4

static void draw_session(struct app *a, struct canvas c, int y, const struct fleet_row *r)
{
	bool is_ascii = grid_is_ascii(a->grid), is_selected = strcmp(r->name, a->selected) == 0;
	struct style mark = theme_style(a->theme, app_state_element(r));
	struct style text = app_session_style(a, r->name, THEME_TEXT);
	char how_long[16] = "";
	int right = c.at.cols;
	bool is_roomy = right >= 26;	/* then there are columns */

	if (is_selected)
		canvas_text(c, y, 0, 1, mark, theme_sign(SIGN_SELECTED, is_ascii));
	canvas_text(c, y, 1, 2, mark, app_state_sign(a, r));
	if (r->n_attention) {
		char flag[24];
		int width;

		snprintf(flag, sizeof flag, "%s%u", theme_sign(SIGN_FLAG, is_ascii),
		         r->n_attention);
		width = canvas_text_width(flag);
		canvas_text(c, y, right - width - 1, width, theme_style(a->theme, THEME_WAITS),
		            flag);
		if (!is_roomy)
			right -= width + 1;
	}
	if (is_roomy)
		right -= FLAG_COLUMNS;
	if (c.at.cols >= 34) {
		int64_t now = fleet_clock_ns() / 1000000000;
		int64_t waits = 0;

		if (r->activity == ACTIVITY_WAITS)
			waits = r->activity_since_ns / 1000000000;
		if (waits && now - waits < 60)
			snprintf(how_long, sizeof how_long, "now");
		else if (waits || r->created)
			stamp_age(how_long, now - (waits ? waits : r->created));
		right -= 5;
		canvas_printf(c, y, right, 4, theme_style(a->theme, THEME_DIM), "%4s", how_long);
	}
	if (is_roomy) {
		const char *word = app_state_word(r);

		right -= canvas_text_width(word) + 1;
		canvas_text(c, y, right, -1, mark, word);
	}
	if (app_is_marked(a, r->name)) {
		text.attr |= VT_UL_SINGLE << VT_UL_SHIFT;
		canvas_text(c, y, 2, 1, theme_style(a->theme, THEME_HINT_KEY), "+");
	}
	canvas_text(c, y, 3, right - 4, text, r->name);
	if (is_selected)
		canvas_restyle(c, (struct rect){ y, 0, 1, c.at.cols },
		               theme_style(a->theme, a->focus == PANE_SESSIONS
		                                             ? THEME_SELECTED
		                                             : THEME_SELECTED_DIM));
}

/* For clicks: what was drawn where. */
static void is_of_row(struct app *a, int y, size_t i)
{
	if (y >= 0 && y < APP_LINES_MAX) {
		a->session_lines[y] = i;
		a->n_session_lines = (size_t)y + 1;
	}
}

/* One row for each session, and one for what is said of the selected one. */
static void draw_sessions(struct app *a, struct canvas c)
{
	size_t n = fleet_n_rows(a->fleet), at = app_row_index(a), top = 0;
	struct style dim = theme_style(a->theme, THEME_DIM);
	const char *bottle = "";
	int y = 0;

	a->n_session_lines = 0;
	if (n == 0) {
		canvas_text(c, 0, 1, -1, dim, "no agents yet. Run");
		canvas_text(c, 1, 1, -1, dim, "claude-bottle init");
		return;
	}
	/* bottles' headings take rows too: keep the selected one well inside */
	if ((int)at > c.at.rows - 3)
		top = at - (size_t)(c.at.rows > 6 ? c.at.rows - 6 : 0);
	for (size_t i = top; i < n && y < c.at.rows; i++) {
		const struct fleet_row *r = fleet_row(a->fleet, i);

		if (strcmp(r->bottle, bottle) != 0 && c.at.rows > 8) {
			bottle = r->bottle;
			canvas_text(c, y, 0, -1, dim, *bottle ? bottle : "(no bottle)");
			is_of_row(a, y++, i);
		}
		if (y < c.at.rows) {
			is_of_row(a, y, i);
			draw_session(a, c, y++, r);
		}
		if (strcmp(r->name, a->selected) == 0 && (r->note || r->said) && y < c.at.rows &&
		    c.at.rows > 4) {
			struct buf b = BUF_INIT(APP_LINE_MAX);

			text_safe_str(&b, r->note ? r->note : r->said, 1000);
			is_of_row(a, y, i);
			canvas_printf(c, y++, 3, -1, dim, r->note ? "%s" : "\"%s\"", buf_str(&b));
			buf_done(&b);
		}
	}
}

/* --- the whole ----------------------------------------------------------------------------- */

static struct canvas framed(struct app *a, struct rect r, const char *title, bool has_focus)
{
	return canvas_frame(canvas_part(canvas_of(a->grid), r),
	                    theme_style(a->theme, has_focus ? THEME_FRAME_FOCUS : THEME_FRAME),
	                    theme_style(a->theme, THEME_FRAME_TITLE), title);
}

/* A permission that ends counts down where one looks. */
static void add_allowed(const struct app *a, const struct fleet_row *r, struct buf *b)
{
	const char *host = NULL;
	int64_t until = fleet_allowed_until(a->fleet, r->name, &host);
	int64_t left = until - fleet_clock_ns() / 1000000000;
	char how_long[16];

	if (!until || left < 0)
		return;
	policy_duration_text(how_long, left);
	buf_addf(b, " %s %.60s for %s", grid_is_ascii(a->grid) ? "-" : "·", host, how_long);
}

static void term_title(struct app *a, int which, struct buf *b)
{
	const struct fleet_row *r = app_term_row(a, which);
	const char *dot = grid_is_ascii(a->grid) ? "-" : "·";
	char how_long[16];

	if (!r) {
		buf_adds(b, which == 0 ? "no session" : "empty");
		return;
	}
	/* what it shows comes first: the rest may be cut */
	if (which == 0 && a->scroll.is_on)
		buf_addf(b, "SCROLLBACK %s ", dot);
	if (which == 0 && a->shows_shell)
		buf_addf(b, "shell %s ", dot);
	buf_addf(b, "%s %s %s %s %s", r->name, dot, r->bottle, dot, app_state_word(r));
	if (r->created) {
		stamp_age(how_long, fleet_clock_ns() / 1000000000 - r->created);
		buf_addf(b, " %s", how_long);
	}
	if (r->state == SESSION_RUNNING) {
		if (r->isolation.total)
			buf_addf(b, " %s isolation %u/%u%s", dot, r->isolation.passed,
			         r->isolation.total, r->isolation.was_forced ? " FORCED" : "");
		else
			buf_addf(b, " %s unverified", dot);
		add_allowed(a, r, b);
	}
}

/* "Egress · FOLLOWING · 7 · /arxiv": what one looks at of what there is. */
static void events_title(struct app *a, struct events_view *v, const char *name, struct buf *b)
{
	const char *dot = grid_is_ascii(a->grid) ? "-" : "·";

	buf_addf(b, "%s %s %s", name, dot, v->follows ? "FOLLOWING" : "PAUSED");
	if (a->filter && *a->filter)
		buf_addf(b, " %s %zu with /%s", dot, events_count(a, v), a->filter);
	else if (!v->follows)
		buf_addf(b, " %s G follows", dot);
}

static void draw_panes(struct app *a)
{
	const struct layout *l = &a->layout;
	struct buf title = BUF_INIT(APP_LINE_MAX);

	for (int i = 0; i < l->n_terms; i++) {
		bool has_focus = i == 0 && a->focus == PANE_TERMINAL;

		if (a->is_zoomed) {
			term_draw(a, i, canvas_part(canvas_of(a->grid), l->terms[i]), true);
			continue;
		}
		buf_reset(&title);
		term_title(a, i, &title);
		term_draw(a, i, framed(a, l->terms[i], buf_str(&title), has_focus), has_focus);
	}
	if (l->sessions.rows)
		draw_sessions(a, framed(a, l->sessions, "Sessions", a->focus == PANE_SESSIONS));
	if (l->egress.rows) {
		buf_reset(&title);
		events_title(a, &a->egress, "Egress", &title);
		events_draw(a, &a->egress,
		            framed(a, l->egress, buf_str(&title), a->focus == PANE_EGRESS),
		            a->focus == PANE_EGRESS);
	}
	if (l->verdicts.rows) {
		buf_reset(&title);
		events_title(a, &a->verdicts, "Git gate", &title);
		events_draw(a, &a->verdicts,
		            framed(a, l->verdicts, buf_str(&title), a->focus == PANE_VERDICTS),
		            a->focus == PANE_VERDICTS);
	}
	buf_done(&title);
}

bool app_draw_terminals(struct app *a)
{
	const struct layout *l = &a->layout;

	if (a->dialog.kind != DIALOG_NONE || a->overlay || a->scroll.is_on || l->is_too_small ||
	    !grid_has_room(a->grid))
		return false;
	for (int i = 0; i < l->n_terms; i++)
		if (app_terminal(a, i) != a->drawn[i])
			return false;
	grid_set_cursor(a->grid, 0, 0, false, VT_CURSOR_BLOCK);
	for (int i = 0; i < l->n_terms; i++) {
		struct canvas c = canvas_part(canvas_of(a->grid), l->terms[i]);
		int frame = a->is_zoomed ? 0 : 1;

		if (!a->drawn[i])
			continue;
		c = canvas_part(c, (struct rect){ frame, frame, c.at.rows - 2 * frame,
		                                  c.at.cols - 2 * frame });
		term_update(a, i, c, a->is_zoomed || (i == 0 && a->focus == PANE_TERMINAL));
	}
	return true;
}

/* No pane for which there is no session. */
static int n_terms(const struct app *a)
{
	int n = 1;

	while (n < a->n_terms && app_term_row(a, n))
		n++;
	return n > 2 ? 4 : n;
}

/* Do keys lead to the dashboard's commands, and to nothing that lies over it? */
static bool takes_commands(const struct app *a)
{
	return !a->is_attached && !a->scroll.is_on && !a->overlay &&
	       a->dialog.kind == DIALOG_NONE;
}

void app_draw(struct app *a)
{
	struct canvas all = canvas_of(a->grid);
	struct layout_request req = { grid_rows(a->grid), grid_cols(a->grid), a->is_zoomed,
		                      n_terms(a) };
	struct canvas last;

	layout_compute(&a->layout, &req);
	grid_clear(a->grid, theme_style(a->theme, THEME_TEXT));
	grid_set_cursor(a->grid, 0, 0, false, VT_CURSOR_BLOCK);
	if (a->layout.is_too_small) {
		canvas_printf(all, 0, 0, -1, theme_style(a->theme, THEME_WARN),
		              "%dx%d is too small", req.cols, req.rows);
		canvas_printf(all, 1, 0, -1, theme_style(a->theme, THEME_TEXT), "%dx%d is needed%s",
		              LAYOUT_MIN_COLS, LAYOUT_MIN_ROWS,
		              takes_commands(a) ? "; q quits" : "");
		return;
	}
	if (a->layout.title.rows)
		draw_title(a, canvas_part(all, a->layout.title));
	draw_panes(a);
	if (a->overlay)
		overlay_draw(a, canvas_part(all, (struct rect){ a->layout.title.rows, 0,
		                                                req.rows - 1 - a->layout.title.rows,
		                                                req.cols }));
	last = canvas_part(all, a->layout.hint);
	if (!draw_message(a, last)) {
		if (a->dialog.kind != DIALOG_NONE)
			draw_dialog_hint(a, last);
		else if ((a->is_zoomed || a->is_attached) && !a->overlay)
			draw_dock(a, last);
		else
			draw_hint(a, last);
	}
	if (a->dialog.kind != DIALOG_NONE)
		dialog_draw(a, all);
}
