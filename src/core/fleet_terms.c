/* The fleet's terminals: a stream and a screen each. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/fleet_int.h"
#include "core/mem.h"
#include "core/text.h"

#define SAID_MAX 200

/* --- what the agent says beside its output: its claims ---------------------------------- */

static void said(struct unit *u, const char *text)
{
	struct buf b = BUF_INIT(4 * SAID_MAX);

	text_safe_str(&b, text, SAID_MAX);
	free(u->row.said);
	u->row.said = b.len ? buf_steal(&b) : NULL;
	buf_done(&b);
	fleet_mark(u->fleet, FLEET_ROWS);
}

static void on_reply(void *ctx, const char *data, size_t len)
{
	struct terminal *t = ctx;

	if (t->stream)
		t->unit->fleet->opt.ops->stream_send(t->stream, data, len);
}

static void on_title(void *ctx)
{
	struct terminal *t = ctx;

	if (t->which == FLEET_AGENT && !t->unit->is_waiting)
		said(t->unit, vt_title(t->vt));
}

static void on_notice(void *ctx, const struct vt_notice *n)
{
	struct terminal *t = ctx;
	struct unit *u = t->unit;
	struct event ev;

	if (t->which != FLEET_AGENT || n->kind == VT_NOTICE_PROGRESS ||
	    n->kind == VT_NOTICE_PROMPT)
		return;
	u->is_waiting = true;
	fleet_build_rows(u->fleet);
	if (n->kind == VT_NOTICE_BELL)
		return;
	said(u, *n->body ? n->body : n->title);
	event_init(&ev);
	ev.ts_ns = fleet_clock_ns();
	ev.kind = EVENT_AGENT_NOTIFY;
	ev.source = EVENT_FROM_AGENT;
	event_set_owner(&ev, u->row.name, u->row.bottle);
	event_set_summary(&ev, "says: %s", u->row.said ? u->row.said : "");
	fleet_add_event(u->fleet, &ev);
	event_done(&ev);
}

static void on_clipboard(void *ctx, const char *data, size_t len)
{
	struct terminal *t = ctx;
	struct fleet *f = t->unit->fleet;
	const struct agent_spec *a = manifest_agent(f->manifest, t->unit->row.agent);
	enum osc52_policy policy = a && a->bottle ? a->bottle->osc52 : OSC52_DENY;

	if (policy == OSC52_DENY || !f->opt.clipboard)
		fleet_say(f, FLEET_WARN, "%s wanted to write your clipboard: its bottle denies it",
		          t->unit->row.name);
	else
		f->opt.clipboard(f->opt.arg, t->unit->row.name, data, len, policy == OSC52_ASK);
}

static const struct vt_ops vt_ops = {
	.clipboard = on_clipboard,
	.reply = on_reply,
	.title = on_title,
	.notice = on_notice,
};

/* --- the stream ---------------------------------------------------------------------------- */

static void on_data(void *arg, const char *data, size_t len)
{
	struct terminal *t = arg;

	vt_feed(t->vt, data, len, loop_now_ns() / 1000000);
	if (t->which == FLEET_AGENT) {
		t->unit->last_output_ns = fleet_clock_ns();
		/* that it works again is seen at once; that it rests, with the next refresh */
		if (t->unit->row.activity != ACTIVITY_WORKING && !t->unit->is_waiting)
			fleet_build_rows(t->unit->fleet);
	}
	fleet_mark(t->unit->fleet, FLEET_TERMINAL);
}

static void detach(struct terminal *t)
{
	t->unit->fleet->opt.ops->stream_close(t->stream);
	t->stream = NULL;
}

static void on_ended(void *arg, const struct err *err)
{
	struct terminal *t = arg;

	if (err && t->which == FLEET_SHELL)
		fleet_say(t->unit->fleet, FLEET_WARN, "%s: %s", t->unit->row.name, err->msg);
	detach(t);
	if (t->which == FLEET_SHELL) {
		vt_free(t->vt);
		t->vt = NULL;
	}
	/* the state follows with the next list; a session that still runs is attached again */
	fleet_refresh_soon(t->unit->fleet);
	fleet_mark(t->unit->fleet, FLEET_TERMINAL);
}

static const struct stream_events stream_events = {
	.data = on_data,
	.ended = on_ended,
};

static void attach(struct terminal *t)
{
	struct fleet *f = t->unit->fleet;
	const struct stream_request req = { .session = t->unit->row.name,
		                            .is_shell = t->which == FLEET_SHELL,
		                            .rows = t->rows,
		                            .cols = t->cols };

	if (!t->vt) {
		t->vt = vt_new(t->rows, t->cols, &vt_ops, t);
		if (f->has_theme)
			vt_set_theme(t->vt, &f->theme);
	}
	t->stream = f->opt.ops->attach(f->opt.backend, &req, &stream_events, t);
}

void fleet_attach(struct unit *u)
{
	struct terminal *t = &u->terminals[FLEET_AGENT];

	if (t->stream)
		return;
	if (!t->rows) {
		t->rows = u->fleet->rows_hint;
		t->cols = u->fleet->cols_hint;
	}
	attach(t);
}

void fleet_drop_terminals(struct unit *u, bool keep_screen)
{
	for (int i = 0; i < FLEET_TERMINALS; i++) {
		struct terminal *t = &u->terminals[i];

		if (t->stream)
			detach(t);
		if (keep_screen && t->which == FLEET_AGENT)
			continue;	/* its last words stay to be read */
		vt_free(t->vt);
		t->vt = NULL;
	}
}

/* --- for the screen --------------------------------------------------------------------------- */

struct vt *fleet_terminal(struct fleet *f, const char *session, enum fleet_terminal which,
                          int rows, int cols)
{
	struct unit *u = fleet_unit(f, session);
	struct terminal *t = u ? &u->terminals[which] : NULL;

	if (!t)
		return NULL;
	fleet_resize(f, session, which, rows, cols);
	if (!t->stream && u->is_listed && u->op == OP_NONE && u->row.state == SESSION_RUNNING)
		attach(t);
	return t->vt;
}

void fleet_resize(struct fleet *f, const char *session, enum fleet_terminal which, int rows,
                  int cols)
{
	struct unit *u = fleet_unit(f, session);
	struct terminal *t = u ? &u->terminals[which] : NULL;

	if (!t || rows < 1 || cols < 1)
		return;
	f->rows_hint = rows;
	f->cols_hint = cols;
	if (t->rows == rows && t->cols == cols)
		return;
	t->rows = rows;
	t->cols = cols;
	if (t->vt)
		vt_resize(t->vt, rows, cols);
	if (t->stream)
		f->opt.ops->stream_resize(t->stream, rows, cols);
}

int fleet_send(struct fleet *f, const char *session, enum fleet_terminal which, const void *data,
               size_t len)
{
	struct unit *u = fleet_unit(f, session);
	struct terminal *t = u ? &u->terminals[which] : NULL;

	if (!t || !t->stream)
		return -1;
	if (which == FLEET_AGENT && u->is_waiting) {
		u->is_waiting = false;
		fleet_build_rows(f);
	}
	return f->opt.ops->stream_send(t->stream, data, len);
}

void fleet_set_theme(struct fleet *f, const struct vt_theme *theme)
{
	f->theme = *theme;
	f->has_theme = true;
	for (size_t i = 0; i < f->n_units; i++)
		for (int k = 0; k < FLEET_TERMINALS; k++)
			if (f->units[i]->terminals[k].vt)
				vt_set_theme(f->units[i]->terminals[k].vt, theme);
}

void fleet_detach_all(struct fleet *f)
{
	for (size_t i = 0; i < f->n_units; i++)
		if (f->units[i]->terminals[FLEET_AGENT].stream)
			detach(&f->units[i]->terminals[FLEET_AGENT]);
}
