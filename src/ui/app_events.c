/* The event panes: egress and the gate's verdicts. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "core/pipelock_explain.h"
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

static bool matches(const struct app *a, const struct events_view *v, const struct event *e)
{
	if (e->is_probe || is_gates(e) != v->is_gate)
		return false;
	/* what merely went well is not what one watches for */
	if (!v->is_gate && (e->kind == EVENT_EGRESS_ALLOWED || e->kind == EVENT_OTHER))
		return false;
	if (!a->filter || !*a->filter)
		return true;
	return holds(e->host, a->filter) || holds(e->summary, a->filter) ||
	       holds(e->rule, a->filter) || holds(e->session, a->filter);
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

static enum theme_element element(const struct event *e)
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

static enum theme_sign_id sign(const struct event *e)
{
	if (e->verdict == EVENT_BLOCK)
		return SIGN_BLOCKED;
	return e->verdict == EVENT_ALLOW ? SIGN_ALLOWED : SIGN_WARN;
}

/* "domain not in allowlist: HOST": the bytes of ": HOST". */
static size_t host_at_end(const struct event *e)
{
	size_t host = e->host ? strlen(e->host) : 0, all = e->summary ? strlen(e->summary) : 0;

	if (host && all > host + 2 && strcmp(e->summary + all - host, e->host) == 0 &&
	    memcmp(e->summary + all - host - 2, ": ", 2) == 0)
		return host + 2;
	return 0;
}

static void draw_row(struct app *a, struct canvas c, int y, size_t index, bool is_selected,
                     bool has_focus)
{
	const struct event *e = fleet_event(a->fleet, index);
	bool is_ascii = grid_is_ascii(a->grid);
	struct style text = theme_style(a->theme, THEME_TEXT);
	struct style mark = theme_style(a->theme, element(e));
	struct style why = theme_style(a->theme, THEME_DIM);
	struct buf line = BUF_INIT(APP_LINE_MAX);
	time_t seconds = (time_t)(e->ts_ns / 1000000000);
	int64_t age = (int64_t)time(NULL) * 1000000000 - e->ts_ns;
	char clock[16];
	struct tm tm;
	int x = 0;

	localtime_r(&seconds, &tm);
	strftime(clock, sizeof clock, "%H:%M:%S", &tm);
	if (age < APP_NEW_NS)
		text = theme_style(a->theme, THEME_NEW);
	x += canvas_text(c, y, x, 9, theme_style(a->theme, THEME_DIM), clock) + 1;
	x += canvas_text(c, y, x, 2, mark, theme_sign(sign(e), is_ascii)) + 1;
	if (fleet_is_waiting(a->fleet, index))
		canvas_text(c, y, x, 2, theme_style(a->theme, THEME_WAITS),
		            theme_sign(SIGN_FLAG, is_ascii));
	x += 2;
	text_safe_str(&line, e->session, 40);
	canvas_text(c, y, x, SESSION_COLUMN,
	            app_session_style(a, e->session ? e->session : "", THEME_TEXT), buf_str(&line));
	x += SESSION_COLUMN + 1;
	buf_reset(&line);
	if (e->host && *e->host) {
		text_safe_str(&line, e->host, 255);
		x += canvas_text(c, y, x, -1, text, buf_str(&line)) + 1;
		buf_reset(&line);
		text.fg = why.fg;
	}
	/* the host was said */
	text_safe(&line, e->summary, strlen(e->summary) - host_at_end(e), 400, false);
	if (e->count > 1)
		buf_addf(&line, is_ascii ? " x%u" : " ×%u", e->count);
	canvas_text(c, y, x, -1, text, buf_str(&line));
	buf_done(&line);
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

/* --- the card ------------------------------------------------------------------------ */

static void add_line(struct buf *b, const char *label, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(b, "%-10s ", label);
	text_safe_str(b, value, 2000);
	buf_addc(b, '\n');
}

static void add_explanation(struct buf *b, const struct event *e)
{
	const struct pipelock_scanner *x;

	if (e->source != EVENT_FROM_PIPELOCK || !e->rule)
		return;
	x = pipelock_explain(e->rule);
	buf_addc(b, '\n');
	add_line(b, "meaning", x->meaning);
	add_line(b, "to do", x->advice);
}

void events_card(struct app *a, size_t fleet_index)
{
	const struct event *e = fleet_event(a->fleet, fleet_index);
	struct buf b = BUF_INIT(1u << 16);
	time_t seconds = (time_t)(e->ts_ns / 1000000000);
	char when[64];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %Z", &tm);
	add_line(&b, "when", when);
	add_line(&b, "session", e->session);
	add_line(&b, "bottle", e->bottle);
	add_line(&b, "kind", event_kind_name(e->kind));
	add_line(&b, "verdict", event_verdict_name(e->verdict));
	add_line(&b, "host", e->host);
	add_line(&b, "rule", e->rule);
	add_line(&b, "what", e->summary);
	if (e->count > 1)
		buf_addf(&b, "%-10s %u\n", "times", e->count);
	add_explanation(&b, e);
	buf_addc(&b, '\n');
	add_line(&b, "record", e->detail);
	dialog_card(a, event_kind_name(e->kind), buf_steal(&b));
}
