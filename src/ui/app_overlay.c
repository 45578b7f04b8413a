/* Overlays: what lies over the panes, one on the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "ui/app_int.h"

struct overlay *overlay_open(struct app *a, const struct overlay_class *class)
{
	struct overlay *o = xcalloc(1, sizeof *o);

	o->class = class;
	o->below = a->overlay;
	a->overlay = o;
	app_dirty(a);
	return o;
}

void overlay_close(struct app *a)
{
	struct overlay *o = a->overlay;

	if (!o)
		return;
	a->overlay = o->below;
	if (o->class->free)
		o->class->free(o);
	rich_done(&o->kept);
	free(o->kept_title);
	free(o);
	app_dirty(a);
}

void overlay_close_all(struct app *a)
{
	while (a->overlay)
		overlay_close(a);
}

/* What is too far is brought back when it is drawn. */
int overlay_step(enum ui_command c)
{
	switch (c) {
	case UI_UP:
		return -1;
	case UI_DOWN:
		return 1;
	case UI_TOP:
		return -1000000;
	case UI_BOTTOM:
		return 1000000;
	default:
		return 0;
	}
}

void overlay_scroll(struct app *a, struct overlay *o, int by)
{
	o->top = by < 0 && o->top < -by ? 0 : o->top + by;
	app_dirty(a);
}

static bool scroll(struct app *a, struct overlay *o, enum ui_command c)
{
	int page = grid_rows(a->grid) / 2;

	switch (c) {
	case UI_UP:
		overlay_scroll(a, o, -1);
		return true;
	case UI_DOWN:
		overlay_scroll(a, o, 1);
		return true;
	case UI_PAGE_UP:
		overlay_scroll(a, o, -page);
		return true;
	case UI_PAGE_DOWN:
		overlay_scroll(a, o, page);
		return true;
	case UI_TOP:
		o->top = 0;
		return true;
	case UI_BOTTOM:
		overlay_scroll(a, o, 1000000);
		return true;
	default:
		return false;
	}
}

/* What the dashboard does as well while something lies over it. */
static bool is_everywhere(enum ui_command c)
{
	switch (c) {
	case UI_WAITING:
	case UI_INBOX:
	case UI_POLICY:
	case UI_WHY:
	case UI_FIND:
	case UI_FREEZE:
	case UI_COMMAND:
	case UI_HELP:
	case UI_MESSAGES:
	case UI_THEME:
	case UI_REDRAW:
	case UI_RELOAD:
	case UI_SAVE_DISPLAY:
	case UI_SESSION:
		return true;
	default:
		return false;
	}
}

bool overlay_command(struct app *a, enum ui_command c, const char *argument)
{
	struct overlay *o = a->overlay;

	if (!o)
		return false;
	app_dirty(a);
	if (c == UI_CLOSE || c == UI_QUIT) {
		overlay_close(a);
		return true;
	}
	if (o->class->command && o->class->command(a, o, c, argument))
		return true;
	return scroll(a, o, c) || !is_everywhere(c);
}

static bool is_in(const struct rect *r, const struct input_event *ev)
{
	return ev->y >= r->y && ev->y < r->y + r->rows && ev->x >= r->x && ev->x < r->x + r->cols;
}

void overlay_mouse(struct app *a, const struct input_event *ev)
{
	struct overlay *o = a->overlay;
	bool is_click = ev->action == VTKEY_PRESS && ev->button == VTKEY_LEFT_BUTTON;
	bool is_list = is_in(&o->list_at, ev);

	if (is_click && is_list && o->class->click)
		o->class->click(a, o, ev->y - o->list_at.y);
	else if (ev->button == VTKEY_WHEEL_UP && is_list)
		overlay_command(a, UI_UP, NULL);
	else if (ev->button == VTKEY_WHEEL_DOWN && is_list)
		overlay_command(a, UI_DOWN, NULL);
	else if (ev->button == VTKEY_WHEEL_UP)
		overlay_scroll(a, o, -3);
	else if (ev->button == VTKEY_WHEEL_DOWN)
		overlay_scroll(a, o, 3);
	app_dirty(a);
}

/* --- drawing ----------------------------------------------------------------------------- */

static int clamp(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static struct rect place(const struct overlay *o, struct canvas body, struct rich *r)
{
	int cols = body.at.cols < 100 ? body.at.cols : clamp(body.at.cols * 9 / 10, 90, 110);
	int rows;

	if (!o->class->is_box)
		return (struct rect){ 0, 0, body.at.rows, body.at.cols };
	rows = clamp(rich_height(r, cols - 4) + 2, 5, body.at.rows);
	return (struct rect){ (body.at.rows - rows) / 2, (body.at.cols - cols) / 2, rows, cols };
}

void overlay_range(struct canvas box, struct style s, int top, int rows, int need)
{
	char text[64];
	int width;

	if (need <= rows)
		return;
	snprintf(text, sizeof text, " %d-%d of %d ", top + 1, top + rows, need);
	width = canvas_text_width(text);
	canvas_text(box, box.at.rows - 1, box.at.cols - 2 - (width < 12 ? 12 : width), -1, s,
	            text);
}

const struct hint_item *overlay_hints(const struct app *a, const struct overlay *o)
{
	return o->class->hints_for ? o->class->hints_for(a, o) : o->class->hints;
}

/* Nobody should say yes to what is out of sight. */
static void show_chosen(struct overlay *o, struct rich *text, struct canvas in)
{
	int from = rich_row_of(text, o->chosen, in.at.cols);
	int to = rich_row_of(text, o->chosen + 1, in.at.cols);

	if (to > o->top + in.at.rows)
		o->top = to - in.at.rows;
	if (from < o->top)
		o->top = from;
	o->shows_chosen = false;
}

void overlay_draw(struct app *a, struct canvas body)
{
	struct overlay *o = a->overlay;
	struct style ground = theme_style(a->theme, o->class->is_box ? THEME_DIALOG : THEME_TEXT);
	struct style frame = theme_style(a->theme, THEME_FRAME_FOCUS);
	struct style name = theme_style(a->theme, THEME_FRAME_TITLE);
	struct buf title = BUF_INIT(APP_LINE_MAX);
	struct rich text = { 0 };
	struct canvas box, in;
	int need, list = 0;

	if (o->kept.n) {
		text = o->kept;
		buf_adds(&title, o->kept_title);
	} else {
		o->class->build(a, o, &text, &title);
	}
	box = canvas_part(body, place(o, body, &text));
	canvas_fill(box, (struct rect){ 0, 0, box.at.rows, box.at.cols }, ground);
	grid_set_cursor(a->grid, 0, 0, false, VT_CURSOR_BLOCK);
	frame.bg = name.bg = ground.bg;
	in = canvas_frame(box, frame, name, buf_str(&title));
	o->list_at = (struct rect){ 0, 0, 0, 0 };
	if (o->class->draw_list) {
		list = o->class->draw_list(a, o, in);
		o->list_at = (struct rect){ in.at.y, in.at.x, list, in.at.cols };
	}
	if (list && text.n && list < in.at.rows) {
		for (int x = 0; x < in.at.cols; x++)
			canvas_text(in, list, x, 1, theme_style(a->theme, THEME_FRAME),
			            grid_is_ascii(a->grid) ? "-" : "─");
		list++;
	}
	in = canvas_part(in, (struct rect){ list, 1, in.at.rows - list, in.at.cols - 2 });
	need = rich_height(&text, in.at.cols);
	if (o->shows_chosen)
		show_chosen(o, &text, in);
	if (o->top > need - in.at.rows)
		o->top = need > in.at.rows ? need - in.at.rows : 0;
	rich_draw(&text, in, a->theme, ground, o->top);
	overlay_range(box, theme_style(a->theme, THEME_FRAME_TITLE), o->top, in.at.rows, need);
	o->cols = in.at.cols;
	if (o->class->keeps && !o->kept.n && text.n)
		o->kept_title = xstrdup(buf_str(&title));
	if (o->class->keeps)
		o->kept = text;
	else
		rich_done(&text);
	buf_done(&title);
}
