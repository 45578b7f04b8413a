/* The inbox on the screen: what waits, the oldest first, and the story of the one
 * that is selected below. It is pinned by its id: others may come and go. */
#include <stdio.h>
#include <string.h>

#include "core/inbox.h"
#include "core/stamp.h"
#include "core/text.h"
#include "ui/app_int.h"

#define SESSION_COLUMN 14

static const struct inbox *inbox_of(const struct app *a)
{
	return fleet_inbox(a->fleet);
}

/* Where the pinned row is; when it has gone, what came into its place. */
static size_t position(const struct app *a, struct overlay *o)
{
	size_t n = inbox_n(inbox_of(a));

	for (size_t i = 0; i < n; i++)
		if (inbox_at(inbox_of(a), i)->id == o->pinned)
			return o->last = i;
	if (o->last >= n)
		o->last = n ? n - 1 : 0;
	return o->last;
}

static void pin(struct app *a, struct overlay *o, size_t at)
{
	const struct inbox_item *it = inbox_at(inbox_of(a), at);

	o->pinned = it ? it->id : 0;
	o->top = 0;
	o->shows_raw = false;
	if (it && fleet_find(a->fleet, it->session))
		app_select(a, it->session);
	app_dirty(a);
}

/* --- drawing ----------------------------------------------------------------------------- */

static enum theme_sign_id sign(const struct inbox_item *it)
{
	switch (it->kind) {
	case INBOX_AGENT:
		return SIGN_WAITS;
	case INBOX_HELD:
		return SIGN_PAUSED;
	case INBOX_LAUNCH:
	case INBOX_ISOLATION:
		return SIGN_FAILED;
	case INBOX_GAP:
	case INBOX_POLICY:
		return SIGN_WARN;
	default:
		return SIGN_BLOCKED;
	}
}

static enum theme_element element(const struct inbox_item *it)
{
	if (it->is_ended)
		return THEME_STOPPED;
	switch (it->kind) {
	case INBOX_AGENT:
	case INBOX_HELD:
		return THEME_WAITS;
	case INBOX_LAUNCH:
	case INBOX_ISOLATION:
		return THEME_FAILED;
	case INBOX_GAP:
	case INBOX_POLICY:
		return THEME_WARN;
	default:
		return THEME_BLOCKED;
	}
}

static void draw_row(struct app *a, struct canvas c, int y, const struct inbox_item *it,
                     bool is_selected)
{
	bool is_ascii = grid_is_ascii(a->grid);
	struct style mark = theme_style(a->theme, element(it));
	struct style text = theme_style(a->theme, it->is_ended ? THEME_STOPPED : THEME_TEXT);
	struct buf b = BUF_INIT(APP_LINE_MAX);
	char age[16];
	int x = 1;

	if (is_selected)
		canvas_text(c, y, 0, 1, mark, theme_sign(SIGN_SELECTED, is_ascii));
	stamp_age_minutes(age, (fleet_clock_ns() - it->first_ns) / NS_PER_S);
	x += canvas_printf(c, y, x, 4, theme_style(a->theme, THEME_DIM), "%4s", age) + 1;
	x += canvas_text(c, y, x, 2, mark, theme_sign(sign(it), is_ascii)) + 1;
	text_safe_str(&b, it->session, 40);
	canvas_text(c, y, x, SESSION_COLUMN - 1, app_session_style(a, it->session,
	                                                    it->is_ended ? THEME_STOPPED
	                                                                 : THEME_TEXT),
	            buf_str(&b));
	x += SESSION_COLUMN;
	if (it->is_ended)
		x += canvas_text(c, y, x, -1, text, "ended") + 1;
	buf_reset(&b);
	if (it->host && *it->host) {
		/* a name is shown in ASCII: one letter must not pass for another */
		text_safe(&b, it->host, strlen(it->host), 255, true);
		x += canvas_text(c, y, x, c.at.cols - x - 8, mark, buf_str(&b)) + 1;
		buf_reset(&b);
	}
	if (it->count > 1)
		x += canvas_printf(c, y, x, -1, text, is_ascii ? "x%u" : "×%u", it->count) + 1;
	text_safe_str(&b, it->text, 400);
	canvas_text(c, y, x, -1, text, buf_str(&b));
	buf_done(&b);
	if (is_selected)
		canvas_restyle(c, (struct rect){ y, 0, 1, c.at.cols },
		               theme_style(a->theme, THEME_SELECTED));
}

static int draw_list(struct app *a, struct overlay *o, struct canvas c)
{
	size_t n = inbox_n(inbox_of(a)), at = position(a, o);
	size_t rows = (size_t)(c.at.rows > 30 ? c.at.rows / 2 : c.at.rows * 2 / 5);

	if (n == 0)
		return 0;
	if (rows > n)
		rows = n;
	if (at < o->list_top)
		o->list_top = at;
	if (at >= o->list_top + rows)
		o->list_top = at - rows + 1;
	if (o->list_top + rows > n)
		o->list_top = n - rows;
	for (size_t i = 0; i < rows; i++)
		draw_row(a, c, (int)i, inbox_at(inbox_of(a), o->list_top + i),
		         o->list_top + i == at);
	return (int)rows;
}

static void build(struct app *a, struct overlay *o, struct rich *r, struct buf *title)
{
	size_t n = inbox_n(inbox_of(a)), at = position(a, o);
	const struct inbox_item *it = inbox_at(inbox_of(a), at);
	const char *dot = grid_is_ascii(a->grid) ? "-" : "·";

	if (!it) {
		buf_adds(title, "Inbox");
		rich_gap(r);
		rich_add(r, THEME_TEXT, "Nothing waits for you.");
		rich_add(r, THEME_DIM,
		         "Blocks worth a decision, rejected and held pushes, waiting agents and "
		         "failures come here.");
		return;
	}
	/* what was pinned is gone: this is another one, so nothing is scrolled */
	if (it->id != o->pinned)
		pin(a, o, at);
	buf_addf(title, "Inbox %s %zu of %zu, the oldest first", dot, at + 1, n);
	card_build(a, r, it->id, 0, o->shows_raw);
}

/* --- keys ----------------------------------------------------------------------------------- */

static void move(struct app *a, struct overlay *o, int by)
{
	size_t n = inbox_n(inbox_of(a)), at = position(a, o);

	if (n == 0)
		return;
	if (by < 0)
		at = at < (size_t)-by ? 0 : at - (size_t)-by;
	else
		at = at + (size_t)by >= n ? n - 1 : at + (size_t)by;
	pin(a, o, at);
}

static void dismiss(struct app *a, struct overlay *o)
{
	size_t at = position(a, o);

	fleet_dismiss_item(a->fleet, o->pinned, NULL);
	if (at >= inbox_n(inbox_of(a)) && at > 0)
		at--;
	pin(a, o, at);
}

static bool command(struct app *a, struct overlay *o, enum ui_command c, const char *argument)
{
	if (overlay_step(c)) {
		move(a, o, overlay_step(c));
		return true;
	}
	switch (c) {
	case UI_PAGE_UP:
		overlay_scroll(a, o, -6);
		return true;
	case UI_PAGE_DOWN:
		overlay_scroll(a, o, 6);
		return true;
	case UI_INBOX:
		overlay_close(a);
		return true;
	case UI_RAW:
		o->shows_raw = !o->shows_raw;
		return true;
	case UI_DISMISS:
		dismiss(a, o);
		return true;
	default:
		break;
	}
	if (!inbox_find(inbox_of(a), o->pinned))
		return false;
	if (card_command(a, c, o->pinned, 0, argument))
		return true;
	if (c == UI_OPEN) {
		const struct inbox_item *it = inbox_find(inbox_of(a), o->pinned);

		card_open(a, it->id, it->seq);
		return true;
	}
	return false;
}

static void click(struct app *a, struct overlay *o, int y)
{
	size_t at = o->list_top + (size_t)y;

	if (at < inbox_n(inbox_of(a)))
		pin(a, o, at);
}

static const struct hint_item block_hints[] = {
	{ UI_OPEN, "open" },	 { UI_ALLOW, "allow" }, { UI_DISMISS, "dismiss" },
	{ UI_WAITING, "next" },	 { UI_FREEZE, "freeze" }, { UI_RAW, "record" },
	{ UI_CLOSE, "back" },	 { UI_NONE, NULL },
};
static const struct hint_item hints[] = {
	{ UI_OPEN, "open" },	     { UI_DISMISS, "dismiss" }, { UI_WAITING, "next" },
	{ UI_RELAUNCH, "relaunch" }, { UI_FREEZE, "freeze" },	{ UI_RAW, "record" },
	{ UI_CLOSE, "back" },	     { UI_NONE, NULL },
};

static const struct hint_item held_hints[] = {
	{ UI_OPEN, "open" },	  { UI_APPROVE, "approve" }, { UI_REJECT, "reject" },
	{ UI_DIFF, "diff" },	  { UI_DISMISS, "dismiss" }, { UI_WAITING, "next" },
	{ UI_FREEZE, "freeze" },  { UI_RAW, "record" },	     { UI_CLOSE, "back" },
	{ UI_NONE, NULL },
};
static const struct hint_item push_hints[] = {
	{ UI_OPEN, "open" },	   { UI_DIFF, "diff" },    { UI_ACCEPT, "accept a finding" },
	{ UI_DISMISS, "dismiss" }, { UI_WAITING, "next" }, { UI_FREEZE, "freeze" },
	{ UI_RAW, "record" },	   { UI_CLOSE, "back" },   { UI_NONE, NULL },
};

static const struct hint_item *hints_for(const struct app *a, const struct overlay *o)
{
	static const struct card_hints by_kind = { held_hints, push_hints, block_hints, hints };
	static const struct hint_item empty_hints[] = { { UI_CLOSE, "back" }, { UI_NONE, NULL } };

	if (inbox_n(inbox_of(a)) == 0)
		return empty_hints;

	return card_choose_hints(a, o->pinned, 0, &by_kind);
}

static const struct overlay_class inbox_class = {
	.name = "inbox",
	.hints_for = hints_for,
	.build = build,
	.draw_list = draw_list,
	.command = command,
	.click = click,
};

static struct overlay *top_inbox(const struct app *a)
{
	return a->overlay && a->overlay->class == &inbox_class ? a->overlay : NULL;
}

void inbox_open(struct app *a)
{
	overlay_close_all(a);
	pin(a, overlay_open(a, &inbox_class), 0);
}

void inbox_walk(struct app *a)
{
	struct overlay *o = top_inbox(a);
	size_t n = inbox_n(inbox_of(a)), at;

	if (n == 0) {
		if (o)
			overlay_close(a);
		fleet_say(a->fleet, FLEET_INFO, "nothing waits for you");
		return;
	}
	/* a card over it: back to the list first */
	while (!o && a->overlay) {
		overlay_close(a);
		o = top_inbox(a);
	}
	if (!o) {
		inbox_open(a);
		return;
	}
	at = position(a, o) + 1;
	pin(a, o, at < n ? at : 0);
	if (at >= n && n > 1)
		fleet_say(a->fleet, FLEET_INFO, "that was the last: from the oldest again");
}
