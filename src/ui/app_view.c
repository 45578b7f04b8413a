/* What is selected, and which terminals are shown. */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "ui/app_int.h"

const struct fleet_row *app_row(const struct app *a)
{
	return fleet_find(a->fleet, a->selected);
}

size_t app_row_index(const struct app *a)
{
	for (size_t i = 0; i < fleet_n_rows(a->fleet); i++)
		if (strcmp(fleet_row(a->fleet, i)->name, a->selected) == 0)
			return i;
	return 0;
}

void app_select(struct app *a, const char *name)
{
	if (strcmp(a->selected, name) == 0 || strlen(name) >= sizeof a->selected)
		return;
	memcpy(a->selected, name, strlen(name) + 1);
	a->scroll.is_on = false;
	a->shows_shell = a->saw_shell = false;
	app_dirty(a);
}

void app_move(struct app *a, int by)
{
	size_t n = fleet_n_rows(a->fleet), at = app_row_index(a);

	if (n == 0)
		return;
	if (by < 0)
		at = at < (size_t)-by ? 0 : at - (size_t)-by;
	else
		at = at + (size_t)by >= n ? n - 1 : at + (size_t)by;
	app_select(a, fleet_row(a->fleet, at)->name);
}

bool app_runs(const struct app *a, const char *session)
{
	const struct fleet_row *r = fleet_find(a->fleet, session);

	return r && r->state == SESSION_RUNNING;
}

bool app_is_marked(const struct app *a, const char *name)
{
	return strv_has(a->marks, name);
}

void app_mark(struct app *a, const char *name)
{
	size_t n = strv_len(a->marks);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(a->marks[i], name) != 0)
			continue;
		free(a->marks[i]);
		memmove(&a->marks[i], &a->marks[i + 1], (n - i) * sizeof *a->marks);
		app_dirty(a);
		return;
	}
	strv_push(&a->marks, &n, xstrdup(name));
	app_dirty(a);
}

/* The first terminal is the selected session's; the others are those of the
 * running sessions after it, round the list. */
const struct fleet_row *app_term_row(const struct app *a, int which)
{
	size_t n = fleet_n_rows(a->fleet), at = app_row_index(a);
	int found = 0;

	if (which == 0)
		return app_row(a);
	for (size_t i = 1; i < n; i++) {
		const struct fleet_row *r = fleet_row(a->fleet, (at + i) % n);

		if (r->state == SESSION_RUNNING && ++found == which)
			return r;
	}
	return NULL;
}

enum fleet_terminal app_term_kind(const struct app *a)
{
	return a->shows_shell ? FLEET_SHELL : FLEET_AGENT;
}

struct vt *app_terminal(struct app *a, int which)
{
	const struct fleet_row *r = app_term_row(a, which);
	const struct rect *t = &a->layout.terms[which];
	int frame = a->is_zoomed ? 0 : 2, rows = t->rows - frame, cols = t->cols - frame;
	struct vt *vt;

	if (!r || which >= a->layout.n_terms)
		return NULL;
	if (which == 0 && a->shows_shell) {
		vt = fleet_terminal(a->fleet, r->name, FLEET_SHELL, rows, cols);
		/* one that ended while nobody looked is no news */
		if (!vt && !a->saw_shell)
			vt = fleet_terminal(a->fleet, r->name, FLEET_SHELL, rows, cols);
		a->saw_shell = a->shows_shell = vt != NULL;
		if (vt)
			return vt;
	}
	return fleet_terminal(a->fleet, r->name, FLEET_AGENT, rows, cols);
}

void app_detach(struct app *a)
{
	a->is_attached = false;
	a->prefix_pending = false;
	if (!a->is_zoomed)
		a->focus = PANE_SESSIONS;
	app_dirty(a);
}
