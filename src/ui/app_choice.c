/* A question with several answers and no default: nothing is chosen until the person
 * chose it, and for its first moments it is deaf, so that keys meant for something
 * else decide nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "ui/app_int.h"

#define DEAF_NS 300000000ull

static void choice_free(struct choice *ch)
{
	if (!ch)
		return;
	if (ch->free_extra)
		ch->free_extra(ch->extra);
	rich_done(&ch->text);
	strv_free(ch->options);
	free(ch->title);
	free(ch);
}

static void free_state(struct overlay *o)
{
	choice_free(o->state);
}

static void build(struct app *a, struct overlay *o, struct rich *r, struct buf *title)
{
	const struct choice *ch = o->state;

	(void)a;
	buf_adds(title, ch->title);
	for (size_t i = 0; i < ch->text.n; i++) {
		const struct rich_line *l = &ch->text.v[i];

		if (l->label && *l->label)
			rich_field(r, l->label, l->element, l->text);
		else if (l->label)
			rich_field(r, "", l->element, l->text);
		else
			rich_add(r, l->element, l->text);
		if (l->mark_len)
			rich_mark(r, l->mark_at, l->mark_len, l->mark);
	}
	rich_gap(r);
	if (!ch->done) {
		rich_add(r, THEME_DIM, "Escape or Enter goes back.");
		return;
	}
	for (size_t i = 0; i < ch->n_options; i++) {
		bool is_chosen = ch->chosen == (int)i;
		char label[24];

		if (is_chosen)
			o->chosen = r->n;
		snprintf(label, sizeof label, "%s %zu", is_chosen ? ">" : " ", i + 1);
		rich_field(r, label, is_chosen ? THEME_DIALOG_FOCUS : THEME_TEXT, ch->options[i]);
		rich_last(r)->is_filled = is_chosen;
	}
	rich_gap(r);
	rich_add(r, THEME_DIM,
	         ch->chosen < 0 ? "Choose with j, k or a number; nothing is chosen yet."
	                        : "Enter does it. Escape leaves all as it is.");
}

static void choose(struct app *a, struct choice *ch, int by)
{
	int n = (int)ch->n_options, to = ch->chosen + by;

	if (ch->chosen < 0)
		to = by > 0 ? 0 : n - 1;
	ch->chosen = to < 0 ? 0 : to >= n ? n - 1 : to;
	app_dirty(a);
}

static void finish(struct app *a, struct overlay *o)
{
	struct choice *ch = o->state;

	/* what it does may open another question */
	o->state = NULL;
	overlay_close(a);
	ch->done(a, ch);
	choice_free(ch);
}

static bool command(struct app *a, struct overlay *o, enum ui_command c, const char *argument)
{
	struct choice *ch = o->state;

	if (loop_now_ns() - ch->opened_ns < DEAF_NS)
		return true;
	if (!ch->done && c == UI_OPEN) {
		overlay_close(a);
		return true;
	}
	if (!ch->done)
		return false;
	o->shows_chosen = true;
	switch (c) {
	case UI_UP:
		choose(a, ch, -1);
		break;
	case UI_DOWN:
		choose(a, ch, 1);
		break;
	case UI_SESSION:
		if (argument && *argument >= '1' && *argument < '1' + (int)ch->n_options &&
		    !argument[1])
			ch->chosen = *argument - '1';
		break;
	case UI_OPEN:
		if (ch->chosen >= 0)
			finish(a, o);
		break;
	case UI_PAGE_UP:
	case UI_PAGE_DOWN:
		o->shows_chosen = false;
		return false;
	default:
		break;
	}
	return true;
}

static const struct hint_item hints[] = {
	{ UI_DOWN, "down" }, { UI_UP, "up" }, { UI_OPEN, "do it" }, { UI_CLOSE, "leave it" },
	{ UI_NONE, NULL },
};

static const struct overlay_class choice_class = {
	.name = "choice",
	.is_box = true,
	.hints = hints,
	.build = build,
	.command = command,
	.free = free_state,
};

static const struct hint_item notice_hints[] = { { UI_CLOSE, "back" }, { UI_NONE, NULL } };

static const struct overlay_class notice_class = {
	.name = "notice",
	.is_box = true,
	.hints = notice_hints,
	.build = build,
	.command = command,
	.free = free_state,
};

struct choice *choice_open(struct app *a, const char *title, choice_fn *done)
{
	struct choice *ch = xcalloc(1, sizeof *ch);

	ch->title = xstrdup(title);
	ch->done = done;
	ch->chosen = -1;
	ch->opened_ns = loop_now_ns();
	overlay_open(a, done ? &choice_class : &notice_class)->state = ch;
	return ch;
}

void choice_about(struct choice *ch, const char *session, const char *host)
{
	snprintf(ch->session, sizeof ch->session, "%s", session ? session : "");
	snprintf(ch->host, sizeof ch->host, "%s", host ? host : "");
}

void choice_add(struct choice *ch, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_push(&ch->options, &ch->n_options, xvasprintf(fmt, ap));
	va_end(ap);
}
