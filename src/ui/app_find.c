/* Searching everything that ever happened: the store's full text, or what is in memory
 * when there is no store (a recording). The newest come first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/store.h"
#include "core/text.h"
#include "ui/app_int.h"

#define FOUND_MAX      1000
#define SESSION_COLUMN 14

struct found {
	char *text;		/* what was looked for */
	struct event *v;	/* the oldest first, as they happened */
	size_t n;
	bool has_more;
	size_t at;		/* selected; 0 is the newest */
	char *error;
};

static void take(struct found *f, const struct event *e)
{
	if ((f->n & (f->n - 1)) == 0)
		f->v = xreallocarray(f->v, f->n ? f->n * 2 : 1, sizeof *f->v);
	event_copy(&f->v[f->n++], e);
}

static void search_store(struct found *f, struct store *st)
{
	const struct store_query q = { .text = f->text, .limit = FOUND_MAX };
	struct store_page page = { 0 };
	struct err err = { 0 };

	if (store_find(st, &q, &page, &err) < 0) {
		f->error = xstrdup(err.msg);
		return;
	}
	for (size_t i = 0; i < page.n; i++)
		take(f, &page.v[i].event);
	f->has_more = page.has_more;
	store_page_done(&page);
}

static void search_memory(struct found *f, const struct fleet *fleet)
{
	for (size_t i = 0; i < fleet_n_events(fleet) && f->n < FOUND_MAX; i++) {
		const struct event *e = fleet_event(fleet, i);

		if (!e->is_probe && events_holds_all(e, f->text))
			take(f, e);
	}
}

static void found_free(struct overlay *o)
{
	struct found *f = o->state;

	for (size_t i = 0; i < f->n; i++)
		event_done(&f->v[i]);
	free(f->v);
	free(f->text);
	free(f->error);
	free(f);
}

static const struct event *selected(const struct found *f)
{
	return f->at < f->n ? &f->v[f->n - 1 - f->at] : NULL;
}

/* --- drawing ----------------------------------------------------------------------------- */

static void draw_row(struct app *a, struct canvas c, int y, const struct event *e, bool is_selected)
{
	bool is_ascii = grid_is_ascii(a->grid);
	struct style text = theme_style(a->theme, THEME_TEXT);
	struct style mark = theme_style(a->theme, events_element(e));
	time_t seconds = (time_t)(e->ts_ns / 1000000000);
	struct buf b = BUF_INIT(APP_LINE_MAX);
	char when[32];
	struct tm tm;
	int x = 1;

	localtime_r(&seconds, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	x += canvas_text(c, y, x, -1, theme_style(a->theme, THEME_DIM), when) + 1;
	x += canvas_text(c, y, x, 2, mark, theme_sign(events_sign(e), is_ascii)) + 1;
	text_safe_str(&b, e->session, 40);
	canvas_text(c, y, x, SESSION_COLUMN - 1, text, buf_str(&b));
	x += SESSION_COLUMN;
	buf_reset(&b);
	if (e->host && *e->host) {
		text_safe(&b, e->host, strlen(e->host), 255, true);
		buf_addc(&b, ' ');
	}
	if (e->count > 1)
		buf_addf(&b, is_ascii ? "x%u " : "×%u ", e->count);
	text_safe_str(&b, e->summary, 400);
	canvas_text(c, y, x, -1, text, buf_str(&b));
	buf_done(&b);
	if (!is_selected)
		return;
	canvas_text(c, y, 0, 1, mark, theme_sign(SIGN_SELECTED, is_ascii));
	canvas_restyle(c, (struct rect){ y, 0, 1, c.at.cols },
	               theme_style(a->theme, THEME_SELECTED));
}

static int draw_list(struct app *a, struct overlay *o, struct canvas c)
{
	struct found *f = o->state;
	size_t rows = (size_t)c.at.rows / 2;

	if (rows > f->n)
		rows = f->n;
	if (f->at < o->list_top)
		o->list_top = f->at;
	if (rows && f->at >= o->list_top + rows)
		o->list_top = f->at - rows + 1;
	for (size_t i = 0; i < rows && o->list_top + i < f->n; i++)
		draw_row(a, c, (int)i, &f->v[f->n - 1 - o->list_top - i],
		         o->list_top + i == f->at);
	return (int)rows;
}

static void build(struct app *a, struct overlay *o, struct rich *r, struct buf *title)
{
	const struct found *f = o->state;
	const struct event *e = selected(f);
	const char *dot = grid_is_ascii(a->grid) ? "-" : "·";

	buf_adds(title, "Find ");
	text_safe_str(title, f->text, 60);
	buf_addf(title, " %s %zu%s found, the newest first", dot, f->n,
	         f->has_more ? " and more" : "");
	if (f->error)
		rich_add(r, THEME_WARN, f->error);
	else if (!e)
		rich_add(r, THEME_DIM,
		         "Nothing holds all of these words. / looks for others; a word finds what "
		         "begins with it.");
	else
		card_event(a, r, e, o->shows_raw);
}

/* --- keys ----------------------------------------------------------------------------------- */

static void move(struct app *a, struct overlay *o, long by)
{
	struct found *f = o->state;
	long to = (long)f->at + by;

	if (f->n == 0)
		return;
	f->at = to < 0 ? 0 : to >= (long)f->n ? f->n - 1 : (size_t)to;
	o->top = 0;
	o->shows_raw = false;
	app_dirty(a);
}

static void on_text(struct app *a, bool accepted)
{
	CLEANUP_FREE char *text = xstrdup(buf_str(&a->dialog.input));

	if (!accepted || !*text)
		return;
	dialog_close(a);
	find_open(a, text);
}

static bool command(struct app *a, struct overlay *o, enum ui_command c, const char *argument)
{
	const struct found *f = o->state;

	if (overlay_step(c)) {
		move(a, o, overlay_step(c));
		return true;
	}
	switch (c) {
	case UI_RAW:
		o->shows_raw = !o->shows_raw;
		return true;
	case UI_FILTER:
		find_ask(a);
		return true;
	default:
		return selected(f) && card_event_command(a, c, selected(f), argument);
	}
}

static void click(struct app *a, struct overlay *o, int y)
{
	struct found *f = o->state;

	if (o->list_top + (size_t)y < f->n)
		f->at = o->list_top + (size_t)y;
	app_dirty(a);
}

static const struct hint_item hints[] = {
	{ UI_DOWN, "older" }, { UI_FILTER, "other words" }, { UI_ALLOW, "allow" },
	{ UI_DIFF, "diff" },  { UI_RAW, "record" },	    { UI_COPY, "copy" },
	{ UI_CLOSE, "back" }, { UI_NONE, NULL },
};

static const struct overlay_class find_class = {
	.name = "find",
	.hints = hints,
	.build = build,
	.draw_list = draw_list,
	.command = command,
	.click = click,
	.free = found_free,
};

void find_ask(struct app *a)
{
	dialog_prompt(a, "Find", "In everything that ever happened, all of these words:", false,
	              on_text);
}

void find_open(struct app *a, const char *text)
{
	struct found *f = xcalloc(1, sizeof *f);

	if (a->overlay && a->overlay->class == &find_class)
		overlay_close(a);
	f->text = xstrdup(text);
	overlay_open(a, &find_class)->state = f;
	if (a->opt.store)
		search_store(f, a->opt.store);
	else
		search_memory(f, a->fleet);
}
