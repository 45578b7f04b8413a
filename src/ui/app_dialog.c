/* Dialogs: one at a time, over everything else. */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "ui/app_int.h"

#define INPUT_MAX     65536
#define FAR	      1000000
#define HANG_MAX      32
#define HANG_ROOM     24	/* columns that text wants */
#define DEAF_NS	      300000000ull	/* a question ignores keys meant for others */

void dialog_close(struct app *a)
{
	struct dialog *d = &a->dialog;

	free(d->title);
	free(d->text);
	buf_done(&d->input);
	*d = (struct dialog){ .kind = DIALOG_NONE };
	app_dirty(a);
}

static struct dialog *open_dialog(struct app *a, enum dialog_kind kind, const char *title,
                                  char *text, dialog_fn *done)
{
	struct dialog *d = &a->dialog;
	char subject[sizeof d->subject];

	/* what it is about was set before, by whoever opens it */
	memcpy(subject, d->subject, sizeof subject);
	dialog_close(a);
	d->kind = kind;
	d->title = xstrdup(title);
	d->text = text ? text : xstrdup("");
	d->done = done;
	d->opened_ns = loop_now_ns();
	memcpy(d->subject, subject, sizeof subject);
	return d;
}

void dialog_card(struct app *a, const char *title, char *text)
{
	open_dialog(a, DIALOG_CARD, title, text, NULL);
}

void dialog_confirm(struct app *a, const char *title, char *text, const char *yes,
                    dialog_fn *done)
{
	open_dialog(a, DIALOG_CONFIRM, title, text, done)->yes = yes;
}

void dialog_prompt(struct app *a, const char *title, const char *text, bool is_secret,
                   dialog_fn *done)
{
	struct dialog *d = open_dialog(a, DIALOG_PROMPT, title, xstrdup(text), done);

	d->is_secret = is_secret;
	if (is_secret)
		d->input = (struct buf)BUF_INIT_SECRET(INPUT_MAX);
	else
		d->input = (struct buf)BUF_INIT(INPUT_MAX);
}

void dialog_form(struct app *a, const char *title)
{
	struct dialog *d = open_dialog(a, DIALOG_FORM, title, NULL, NULL);

	d->input = (struct buf)BUF_INIT(INPUT_MAX);
}

/* --- keys -------------------------------------------------------------------------- */

/* The callback may open the next dialog: it takes what it needs first. */
static void finish(struct app *a, bool accepted)
{
	struct dialog *d = &a->dialog;
	dialog_fn *done = d->done;
	enum dialog_kind kind = d->kind;
	uint64_t opened = d->opened_ns;

	if (done)
		done(a, accepted);
	if (d->kind == kind && d->opened_ns == opened)
		dialog_close(a);
}

static bool is_key(const struct input_event *ev, const char *name)
{
	char text[32];

	if (ev->kind != INPUT_KEY)
		return false;
	input_key_name(&ev->key, text);
	return strcmp(text, name) == 0;
}

static void scroll(struct dialog *d, int by)
{
	d->top += by;
	if (d->top < 0)
		d->top = 0;
}

/* What is too far is brought back when it is drawn. */
static bool scroll_key(struct dialog *d, const struct input_event *ev)
{
	static const struct {
		const char *key;
		int by;
	} keys[] = {
		{ "j", 1 },	    { "Down", 1 },	{ "k", -1 },	 { "Up", -1 },
		{ "ctrl-d", 10 },   { "PageDown", 10 }, { "Space", 10 }, { "ctrl-u", -10 },
		{ "PageUp", -10 },  { "g", -FAR },	{ "Home", -FAR }, { "G", FAR },
		{ "End", FAR },
	};

	if (ev->kind == INPUT_MOUSE && ev->button == VTKEY_WHEEL_UP)
		scroll(d, -3);
	else if (ev->kind == INPUT_MOUSE && ev->button == VTKEY_WHEEL_DOWN)
		scroll(d, 3);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (is_key(ev, keys[i].key)) {
			scroll(d, keys[i].by);
			return true;
		}
	}
	return ev->kind == INPUT_MOUSE;
}

static void card_key(struct app *a, const struct input_event *ev)
{
	if (scroll_key(&a->dialog, ev))
		;
	else if (is_key(ev, "Escape") || is_key(ev, "q") || is_key(ev, "Enter") || is_key(ev, "?"))
		finish(a, false);
	app_dirty(a);
}

static void confirm_key(struct app *a, const struct input_event *ev)
{
	struct dialog *d = &a->dialog;

	if (loop_now_ns() - d->opened_ns < DEAF_NS)
		return;
	if (is_key(ev, "Left") || is_key(ev, "Right") || is_key(ev, "Tab") || is_key(ev, "h") ||
	    is_key(ev, "l"))
		d->choice = !d->choice;
	else if (is_key(ev, "y"))
		finish(a, true);
	else if (is_key(ev, "Enter"))
		finish(a, d->choice == 1);
	else if (is_key(ev, "n") || is_key(ev, "Escape") || is_key(ev, "q"))
		finish(a, false);
	else
		scroll_key(d, ev);
	app_dirty(a);
}

static void erase(struct buf *b)
{
	while (b->len && ((unsigned char)b->data[b->len - 1] & 0xc0) == 0x80)
		b->data[--b->len] = '\0';
	if (b->len)
		b->data[--b->len] = '\0';
}

void dialog_edit(struct app *a, const struct input_event *ev)
{
	struct dialog *d = &a->dialog;

	if (ev->kind == INPUT_PASTE) {
		/* the first line of it */
		size_t len = 0;

		while (len < ev->paste_len && ev->paste[len] != '\n' && ev->paste[len] != '\r')
			len++;
		buf_add(&d->input, ev->paste, len);
		while (len < ev->paste_len && strchr("\r\n", ev->paste[len]))
			len++;
		if (len < ev->paste_len || ev->paste_is_cut)
			fleet_say(a->fleet, FLEET_WARN, "only the first line of it was taken");
	} else if (is_key(ev, "Backspace")) {
		erase(&d->input);
	} else if (is_key(ev, "ctrl-w")) {
		while (d->input.len && d->input.data[d->input.len - 1] == ' ')
			erase(&d->input);
		while (d->input.len && d->input.data[d->input.len - 1] != ' ')
			erase(&d->input);
	} else if (is_key(ev, "ctrl-u")) {
		buf_reset(&d->input);
	} else if (ev->kind == INPUT_KEY && *ev->key_text &&
	           !(ev->key.mods & (VTKEY_CTRL | VTKEY_ALT | VTKEY_SUPER))) {
		buf_adds(&d->input, ev->key_text);
	}
}

static void prompt_key(struct app *a, const struct input_event *ev)
{
	if (is_key(ev, "Enter"))
		finish(a, true);
	else if (is_key(ev, "Escape") || is_key(ev, "ctrl-c"))
		finish(a, false);
	else
		dialog_edit(a, ev);
	app_dirty(a);
}

void dialog_key(struct app *a, const struct input_event *ev)
{
	switch (a->dialog.kind) {
	case DIALOG_CARD:
		card_key(a, ev);
		break;
	case DIALOG_CONFIRM:
		confirm_key(a, ev);
		break;
	case DIALOG_PROMPT:
		prompt_key(a, ev);
		break;
	case DIALOG_FORM:
		form_key(a, ev);
		break;
	case DIALOG_NONE:
		break;
	}
}

/* --- drawing -------------------------------------------------------------------------- */

static int clamp(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* "agent     docs, from ...", "  l   launch   launch ...": what does not fit goes on
 * below the last column of a line that has columns. */
static int hanging(const char *line, size_t len, int cols)
{
	size_t at = 0;

	for (size_t i = 2; i < len && i <= HANG_MAX; i++)
		if (line[i] != ' ' && line[i - 1] == ' ' && line[i - 2] == ' ')
			at = i;
	return cols - (int)at >= HANG_ROOM ? (int)at : 0;
}

/* Words of one line, wrapped; draws what lies in the canvas and counts the rest. */
static int wrap(struct canvas c, int y, struct style s, const char *line, size_t len)
{
	int rows = 0, hang = hanging(line, len, c.at.cols), x = 0;
	size_t at = 0;

	do {
		size_t take = 0, space = 0;
		CLEANUP_FREE char *part = NULL;

		while (at + take < len) {
			size_t step = 1;

			while (at + take + step < len &&
			       ((unsigned char)line[at + take + step] & 0xc0) == 0x80)
				step++;
			part = xstrndup(line + at, take + step);
			if (x + canvas_text_width(part) > c.at.cols) {
				free(part);
				part = NULL;
				break;
			}
			free(part);
			part = NULL;
			if (line[at + take] == ' ')
				space = take + 1;
			take += step;
		}
		/* not between a label and its value */
		if (at + take < len && space > (rows ? 0 : (size_t)hang))
			take = space;
		if (take == 0 && at < len)
			take = 1;
		part = xstrndup(line + at, take);
		if (y + rows >= 0 && y + rows < c.at.rows)
			canvas_text(c, y + rows, x, -1, s, part);
		x = hang;
		at += take;
		rows++;
	} while (at < len);
	return rows;
}

static int draw_text(struct app *a, struct canvas c, int top, struct style s)
{
	int y = -top;

	for (const char *line = a->dialog.text; *line;) {
		size_t len = strcspn(line, "\n");

		y += wrap(c, y, s, line, len);
		line += len;
		line += *line == '\n';
	}
	return y + top;
}

static void draw_buttons(struct app *a, struct canvas c, int y)
{
	const struct dialog *d = &a->dialog;
	struct style plain = theme_style(a->theme, THEME_DIALOG_BUTTON);
	struct style focus = theme_style(a->theme, THEME_DIALOG_FOCUS);
	int x = 1;

	x += canvas_text(c, y, x, -1, d->choice == 0 ? focus : plain, "  Cancel  ") + 2;
	canvas_printf(c, y, x, -1, d->choice == 1 ? focus : plain, "  %s (y)  ", d->yes);
}

static void draw_input(struct app *a, struct canvas c, int y)
{
	const struct dialog *d = &a->dialog;
	struct style s = theme_style(a->theme, THEME_INPUT);
	struct buf shown = BUF_INIT(INPUT_MAX * 4);
	int width;

	canvas_fill(c, (struct rect){ y, 0, 1, c.at.cols }, s);
	if (d->is_secret) {
		for (size_t i = 0; i < d->input.len && i < 40; i++)
			buf_addc(&shown, '*');
	} else {
		text_safe(&shown, buf_str(&d->input), d->input.len, 0, false);
	}
	width = canvas_text_width(buf_str(&shown));
	/* the end is what is being typed */
	canvas_text(c, y, width < c.at.cols ? 0 : c.at.cols - 1 - width, -1, s, buf_str(&shown));
	if (width >= c.at.cols)
		width = c.at.cols - 1;
	grid_set_cursor(a->grid, c.at.y + y, c.at.x + width, true, VT_CURSOR_BAR);
	buf_done(&shown);
}

void dialog_draw(struct app *a, struct canvas all)
{
	struct dialog *d = &a->dialog;
	struct style s = theme_style(a->theme, THEME_DIALOG);
	struct style frame = theme_style(a->theme, THEME_FRAME_FOCUS);
	struct style title = theme_style(a->theme, THEME_FRAME_TITLE);
	bool is_wide = d->kind == DIALOG_CARD && all.at.cols < 100;
	int cols = is_wide ? all.at.cols : clamp(all.at.cols * 8 / 10, 30, 100);
	int extra, rows, need;
	struct canvas box, in;

	if (cols > all.at.cols)
		cols = all.at.cols;
	extra = d->kind == DIALOG_CONFIRM  ? 2
	        : d->kind == DIALOG_PROMPT ? 1
	        : d->kind == DIALOG_FORM   ? form_rows()
	                                   : 0;
	/* measured on a canvas of no rows */
	in = (struct canvas){ all.grid, { 0, 0, 0, cols - 4 } };
	need = draw_text(a, in, 0, s);
	rows = clamp(need + extra + 2, 3, all.at.rows - 2);
	if (d->top > need - (rows - 2 - extra))
		d->top = need - (rows - 2 - extra) > 0 ? need - (rows - 2 - extra) : 0;
	box = canvas_part(all, (struct rect){ (all.at.rows - rows) / 2, (all.at.cols - cols) / 2,
		                              rows, cols });
	canvas_fill(box, (struct rect){ 0, 0, rows, cols }, s);
	frame.bg = title.bg = s.bg;
	in = canvas_frame(box, frame, title, d->title);
	in = canvas_part(in, (struct rect){ 0, 1, in.at.rows, in.at.cols - 2 });
	grid_set_cursor(a->grid, 0, 0, false, VT_CURSOR_BLOCK);
	draw_text(a, canvas_part(in, (struct rect){ 0, 0, in.at.rows - extra, in.at.cols }),
	          d->top, s);
	if (d->kind == DIALOG_CONFIRM)
		draw_buttons(a, in, in.at.rows - 1);
	else if (d->kind == DIALOG_PROMPT)
		draw_input(a, in, in.at.rows - 1);
	else if (d->kind == DIALOG_FORM)
		form_draw(a, in);
	overlay_range(box, title, d->top, rows - 2 - extra, need);
}
