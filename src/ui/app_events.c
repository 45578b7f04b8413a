/* The event panes: egress and the gate's verdicts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "ui/app_int.h"

#define SESSION_COLUMN 12

static bool is_gates(const struct event *e)
{
	return e->source == EVENT_FROM_GATE;
}

static bool holds(const char *text, const char *part)
{
	return text && strcasestr(text, part);
}

/* A word of the filter: "session:NAME", "kind:push", "host:X", "rule:X", or any text. */
static bool holds_word(const struct event *e, const char *word)
{
	static const char *const names[] = { "session:", "kind:", "host:", "rule:" };
	const char *const fields[] = { e->session, event_kind_name(e->kind), e->host, e->rule };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(word, names[i], strlen(names[i])) == 0)
			return holds(fields[i], word + strlen(names[i]));
	return holds(e->host, word) || holds(e->summary, word) || holds(e->rule, word) ||
	       holds(e->session, word);
}

bool events_holds_all(const struct event *e, const char *filter)
{
	while (*filter) {
		char word[256];
		size_t n = strcspn(filter, " ");

		if (n) {
			snprintf(word, sizeof word, "%.*s", (int)(n < 255 ? n : 255), filter);
			if (!holds_word(e, word))
				return false;
		}
		filter += n + (filter[n] == ' ');
	}
	return true;
}

static bool matches(const struct app *a, const struct events_view *v, const struct event *e)
{
	if (e->is_probe || is_gates(e) != v->is_gate || e->kind == EVENT_INBOX_DISMISSED)
		return false;
	/* what merely went well is not what one watches for */
	if (!v->is_gate && (e->kind == EVENT_EGRESS_ALLOWED || e->kind == EVENT_OTHER))
		return false;
	return !a->filter || events_holds_all(e, a->filter);
}

/* There may be many thousand: they are looked through once after each change. */
size_t events_count(const struct app *a, struct events_view *v)
{
	size_t n = fleet_n_events(a->fleet);
	uint64_t version = fleet_events_version(a->fleet) + 1;

	if (v->version == version)
		return v->n;
	if (n > v->cap) {
		v->cap = n + n / 2;
		v->list = xreallocarray(v->list, v->cap, sizeof *v->list);
	}
	v->n = 0;
	for (size_t i = 0; i < n; i++)
		if (matches(a, v, fleet_event(a->fleet, i)))
			v->list[v->n++] = i;
	v->version = version;
	return v->n;
}

size_t events_index(const struct app *a, struct events_view *v, size_t i)
{
	return i < events_count(a, v) ? v->list[i] : fleet_n_events(a->fleet);
}

/* Where among the matching ones the selected event is. */
static size_t position(const struct app *a, const struct events_view *v, size_t count)
{
	if (v->follows || count == 0)
		return count ? count - 1 : 0;
	for (size_t i = 0; i < count; i++)
		if (fleet_event_seq(a->fleet, v->list[i]) == v->selected)
			return i;
	return 0;	/* so old that it is gone */
}

bool events_selected(const struct app *a, struct events_view *v, size_t *fleet_index)
{
	size_t count = events_count(a, v);

	if (count == 0)
		return false;
	*fleet_index = events_index(a, v, position(a, v, count));
	return *fleet_index < fleet_n_events(a->fleet);
}

void events_move(struct app *a, struct events_view *v, int by)
{
	size_t count = events_count(a, v), at = position(a, v, count);

	if (count == 0)
		return;
	if (by < 0)
		at = at < (size_t)-by ? 0 : at - (size_t)-by;
	else
		at = at + (size_t)by >= count ? count - 1 : at + (size_t)by;
	v->follows = at == count - 1 && by > 0;
	v->selected = fleet_event_seq(a->fleet, events_index(a, v, at));
	app_dirty(a);
}

struct events_view *app_events(struct app *a)
{
	if (a->focus == PANE_EGRESS)
		return &a->egress;
	return a->focus == PANE_VERDICTS ? &a->verdicts : NULL;
}

/* --- drawing --------------------------------------------------------------------- */

enum theme_element events_element(const struct event *e)
{
	switch (e->verdict) {
	case EVENT_BLOCK:
		return THEME_BLOCKED;
	case EVENT_ALLOW:
		return THEME_ALLOWED;
	case EVENT_WARN:
	case EVENT_FAIL:
	case EVENT_HOLD:
		return THEME_WARN;
	case EVENT_NO_VERDICT:
	case EVENT_VERDICTS:
		break;
	}
	return THEME_TEXT;
}

enum theme_sign_id events_sign(const struct event *e)
{
	if (e->verdict == EVENT_BLOCK)
		return SIGN_BLOCKED;
	return e->verdict == EVENT_ALLOW ? SIGN_ALLOWED : SIGN_WARN;
}

/* What happened, without the host that stands before it: of "HOST no longer allowed"
 * and "domain not in allowlist: HOST". */
static const char *without_host(const struct event *e, size_t *len)
{
	const char *said = e->summary ? e->summary : "";
	size_t host = e->host ? strlen(e->host) : 0;

	*len = strlen(said);
	if (!host || *len < host + 2)
		return said;
	if (memcmp(said + *len - host, e->host, host) == 0 &&
	    memcmp(said + *len - host - 2, ": ", 2) == 0) {
		*len -= host + 2;
	} else if (memcmp(said, e->host, host) == 0 && said[host] == ' ') {
		said += host + 1;
		*len -= host + 1;
	}
	return said;
}

/* The end of a name says whose it is: what does not fit goes at the left. */
static int draw_host(struct canvas c, int y, int x, int width, struct style s, const char *host)
{
	bool is_ascii = grid_is_ascii(c.grid);
	const char *dots = is_ascii ? "..." : "…";
	int over = (int)strlen(host) - width;

	if (over <= 0 || width < 8)
		return canvas_text(c, y, x, width, s, host);
	return canvas_printf(c, y, x, width, s, "%s%s", dots,
	                     host + over + canvas_text_width(dots));
}

static struct style age_style(const struct app *a, const struct event *e)
{
	int64_t age = fleet_clock_ns() - e->ts_ns;

	return theme_style(a->theme, age < APP_NEW_NS ? THEME_NEW : THEME_TEXT);
}

/* The host has priority: the session's name gives way to it, and what was said comes
 * last. */
static void draw_row(struct app *a, struct canvas c, int y, size_t index, bool is_selected,
                     bool has_focus)
{
	const struct event *e = fleet_event(a->fleet, index);
	bool is_ascii = grid_is_ascii(a->grid), is_narrow = c.at.cols < 56;
	struct style text = age_style(a, e), mark = theme_style(a->theme, events_element(e));
	struct buf line = BUF_INIT(APP_LINE_MAX), host = BUF_INIT(APP_LINE_MAX);
	int x = 0, session = SESSION_COLUMN;
	const char *said;
	size_t said_len;
	char clock[16];

	app_clock(clock, e->ts_ns);
	if (is_narrow)
		clock[5] = '\0';
	x += canvas_text(c, y, x, 8, theme_style(a->theme, THEME_DIM), clock) + 1;
	x += canvas_text(c, y, x, 2, mark, theme_sign(events_sign(e), is_ascii)) + !is_narrow;
	if (fleet_is_waiting(a->fleet, index))
		canvas_text(c, y, x, 2, theme_style(a->theme, THEME_WAITS),
		            theme_sign(SIGN_FLAG, is_ascii));
	x += 2;
	if (e->host && *e->host)
		text_safe(&host, e->host, strlen(e->host), 255, true);
	if (is_narrow && host.len) {
		int room = c.at.cols - x - 1 - (int)host.len;

		session = room < 5 ? 5 : room < SESSION_COLUMN ? room : SESSION_COLUMN;
	}
	text_safe_str(&line, e->session, 40);
	canvas_text(c, y, x, session,
	            app_session_style(a, e->session ? e->session : "", THEME_TEXT), buf_str(&line));
	x += session + 1;
	if (host.len)
		x += draw_host(c, y, x, c.at.cols - x, text, buf_str(&host)) + 1;
	if (e->count > 1)
		x += canvas_printf(c, y, x, -1, text, is_ascii ? "x%u" : "×%u", e->count) + 1;
	/* the host was said */
	if (host.len)
		text.fg = theme_style(a->theme, THEME_DIM).fg;
	buf_reset(&line);
	said = without_host(e, &said_len);
	text_safe(&line, said, said_len, 400, false);
	if (x < c.at.cols - 2)
		canvas_text(c, y, x, -1, text, buf_str(&line));
	buf_done(&line);
	buf_done(&host);
	if (is_selected)
		canvas_restyle(c, (struct rect){ y, 0, 1, c.at.cols },
		               theme_style(a->theme,
		                           has_focus ? THEME_SELECTED : THEME_SELECTED_DIM));
}

static void draw_empty(struct app *a, const struct events_view *v, struct canvas c)
{
	struct style dim = theme_style(a->theme, THEME_DIM);

	if (a->filter && *a->filter)
		canvas_printf(c, 0, 1, -1, dim, "nothing holds \"%s\"; / changes the filter",
		              a->filter);
	else if (v->is_gate)
		canvas_text(c, 0, 1, -1, dim, "no push and no fetch yet");
	else
		canvas_text(c, 0, 1, -1, dim, "nothing was blocked yet");
}

void events_draw(struct app *a, struct events_view *v, struct canvas c, bool has_focus)
{
	size_t count = events_count(a, v), at = position(a, v, count);
	size_t rows = c.at.rows > 0 ? (size_t)c.at.rows : 0;

	if (count == 0) {
		draw_empty(a, v, c);
		return;
	}
	if (at < v->top)
		v->top = at;
	if (at >= v->top + rows)
		v->top = at - rows + 1;
	if (v->top + rows > count)
		v->top = count > rows ? count - rows : 0;
	for (size_t i = 0; i < rows && v->top + i < count; i++)
		draw_row(a, c, (int)i, events_index(a, v, v->top + i), v->top + i == at,
		         has_focus);
}

void events_click(struct app *a, struct events_view *v, int y)
{
	size_t count = events_count(a, v), at = v->top + (size_t)y;

	if (y < 0 || at >= count)
		return;
	v->follows = false;
	v->selected = fleet_event_seq(a->fleet, events_index(a, v, at));
	app_dirty(a);
}
