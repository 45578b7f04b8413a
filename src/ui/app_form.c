/* The launch form: which agent, under which label, in which colour. What is wrong
 * with it is said in it, before anything is asked of an engine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/text.h"
#include "ui/app_int.h"
#include "ui/screen.h"

enum { FORM_AGENT, FORM_LABEL, FORM_COLOR, FORM_FIELDS };

#define LABEL_COLUMN 10

/* --- what is chosen ------------------------------------------------------------------- */

static const struct agent_spec *usable(const struct app *a, size_t i)
{
	const struct manifest *m = fleet_manifest(a->fleet);

	for (size_t k = 0; k < m->n_agents; k++)
		if (manifest_agent_is_usable(&m->agents[k]) && i-- == 0)
			return &m->agents[k];
	return NULL;
}

static size_t n_usable(const struct app *a)
{
	size_t n = 0;

	while (usable(a, n))
		n++;
	return n;
}

static size_t n_colors(void)
{
	size_t n = 0;

	while (session_colors[n])
		n++;
	return n;
}

/* NULL: the agent's own. */
static const char *chosen_color(const struct app *a)
{
	return a->dialog.color ? session_colors[a->dialog.color - 1] : NULL;
}

/* The session's name; false when it cannot be launched so: then say why. */
static bool is_valid(const struct app *a, char name[MANIFEST_NAME_MAX + 1], struct err *err)
{
	const struct agent_spec *agent = usable(a, a->dialog.choice);
	const struct fleet_row *r;

	if (!agent) {
		err_set(err, ERR_INPUT, "the manifest has no agent that may be started");
		return false;
	}
	if (session_name_make(name, agent->name, buf_str(&a->dialog.input), err) < 0)
		return false;
	r = fleet_find(a->fleet, name);
	if (r && (r->has_session || r->state == SESSION_STARTING)) {
		err_set(err, ERR_INPUT, a->dialog.input.len
		                                ? "%s is there already; another label, please"
		                                : "%s is there already; give this one a label",
		        name);
		return false;
	}
	return true;
}

void form_open(struct app *a, const char *agent, const char *label)
{
	const struct fleet_row *row = app_row(a);
	const char *first = agent ? agent : row ? row->agent : NULL;
	struct dialog *d;

	if (n_usable(a) == 0) {
		fleet_say(a->fleet, FLEET_WARN, "the manifest has no agent that may be started");
		return;
	}
	dialog_form(a, "Launch");
	d = &a->dialog;
	for (size_t i = 0; first && usable(a, i); i++)
		if (strcmp(usable(a, i)->name, first) == 0)
			d->choice = i;
	if (label)
		buf_adds(&d->input, label);
	/* who named the agent has the label to give */
	d->field = agent ? FORM_LABEL : FORM_AGENT;
}

/* --- keys -------------------------------------------------------------------------------- */

static void turn(struct app *a, int by)
{
	struct dialog *d = &a->dialog;
	size_t n = d->field == FORM_AGENT ? n_usable(a) : n_colors() + 1;
	size_t *at = d->field == FORM_AGENT ? &d->choice : &d->color;

	if (d->field != FORM_LABEL && n)
		*at = (*at + n + (size_t)(by < 0 ? n - 1 : 1)) % n;
}

static void submit(struct app *a)
{
	CLEANUP_FREE char *label = xstrdup(buf_str(&a->dialog.input));
	const char *color = chosen_color(a);
	char name[MANIFEST_NAME_MAX + 1];
	CLEANUP_FREE char *agent = NULL;
	struct err err = { 0 };

	if (!is_valid(a, name, &err))
		return;	/* the form says why */
	agent = xstrdup(usable(a, a->dialog.choice)->name);
	dialog_close(a);
	app_launch(a, agent, label, color);
}

void form_key(struct app *a, const struct input_event *ev)
{
	struct dialog *d = &a->dialog;
	char key[32] = "";

	if (ev->kind == INPUT_KEY)
		input_key_name(&ev->key, key);
	if (strcmp(key, "Tab") == 0 || strcmp(key, "Down") == 0)
		d->field = (d->field + 1) % FORM_FIELDS;
	else if (strcmp(key, "shift-Tab") == 0 || strcmp(key, "Up") == 0)
		d->field = (d->field + FORM_FIELDS - 1) % FORM_FIELDS;
	else if (strcmp(key, "Left") == 0)
		turn(a, -1);
	else if (strcmp(key, "Right") == 0 || (strcmp(key, "Space") == 0 && d->field != FORM_LABEL))
		turn(a, 1);
	else if (strcmp(key, "Enter") == 0)
		submit(a);
	else if (strcmp(key, "Escape") == 0 || strcmp(key, "ctrl-c") == 0)
		dialog_close(a);
	else if (d->field == FORM_LABEL)
		dialog_edit(a, ev);
	app_dirty(a);
}

/* --- drawing ----------------------------------------------------------------------------- */

int form_rows(void)
{
	return FORM_FIELDS + 3;
}

static struct style field_style(const struct app *a, int field)
{
	return theme_style(a->theme, a->dialog.field == field ? THEME_DIALOG_FOCUS : THEME_INPUT);
}

static void draw_choice(struct app *a, struct canvas c, int y, int field, struct style s,
                        const char *text)
{
	bool is_ascii = grid_is_ascii(a->grid);

	canvas_printf(c, y, LABEL_COLUMN, -1, s, " %s ", text);
	if (a->dialog.field == field)
		canvas_text(c, y, LABEL_COLUMN + canvas_text_width(text) + 3, -1,
		            theme_style(a->theme, THEME_DIALOG),
		            is_ascii ? "< > choose" : "← → choose");
}

static void draw_label(struct app *a, struct canvas c, int y)
{
	int width = c.at.cols - LABEL_COLUMN - 1;
	struct style s = theme_style(a->theme, THEME_INPUT);
	struct buf safe = BUF_INIT(APP_LINE_MAX);

	if (width > MANIFEST_NAME_MAX + 1)
		width = MANIFEST_NAME_MAX + 1;
	canvas_fill(c, (struct rect){ y, LABEL_COLUMN, 1, width }, s);
	text_safe_str(&safe, buf_str(&a->dialog.input), 100);
	canvas_text(c, y, LABEL_COLUMN + 1, width - 1, s, buf_str(&safe));
	if (a->dialog.field == FORM_LABEL)
		grid_set_cursor(a->grid, c.at.y + y,
		                c.at.x + LABEL_COLUMN + 1 + canvas_text_width(buf_str(&safe)), true,
		                VT_CURSOR_BAR);
	else if (!a->dialog.input.len)
		canvas_text(c, y, LABEL_COLUMN + 1, width - 1, theme_style(a->theme, THEME_DIM),
		            "none");
	buf_done(&safe);
}

static void draw_color(struct app *a, struct canvas c, int y)
{
	const struct agent_spec *agent = usable(a, a->dialog.choice);
	const char *own = agent && agent->color ? agent->color : NULL, *color = chosen_color(a);
	struct style s = field_style(a, FORM_COLOR), sample = theme_style(a->theme, THEME_DIALOG);
	char text[64];

	snprintf(text, sizeof text, "%s",
	         color ? color : own ? "the agent's own" : "none");
	draw_choice(a, c, y, FORM_COLOR, s, text);
	sample.fg = app_color(a, color ? color : own, sample).fg;
	canvas_text(c, y, LABEL_COLUMN - 2, 1, sample,
	            grid_is_ascii(a->grid) ? "#" : "●");
}

void form_draw(struct app *a, struct canvas c)
{
	const struct agent_spec *agent = usable(a, a->dialog.choice);
	struct style s = theme_style(a->theme, THEME_DIALOG), note = s;
	char name[MANIFEST_NAME_MAX + 1], text[128];
	struct err err = { 0 };

	snprintf(text, sizeof text, "%s in %s", agent ? agent->name : "",
	         agent ? agent->bottle->name : "");
	canvas_text(c, 0, 0, -1, s, "agent");
	draw_choice(a, c, 0, FORM_AGENT, field_style(a, FORM_AGENT), text);
	canvas_text(c, 1, 0, -1, s, "label");
	draw_label(a, c, 1);
	canvas_text(c, 2, 0, -1, s, "colour");
	draw_color(a, c, 2);
	if (is_valid(a, name, &err)) {
		canvas_printf(c, 4, 0, -1, s, "It will be called %s. Enter shows what it may do.",
		              name);
	} else {
		note.fg = theme_style(a->theme, THEME_FAILED).fg;
		canvas_printf(c, 4, 0, -1, note, "%s", err.msg);
	}
	canvas_text(c, 5, 0, -1, s, "Tab next field, Esc leaves");
}
