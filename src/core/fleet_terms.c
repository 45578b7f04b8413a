/* The fleet's terminals: a stream and a screen each. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/fleet_int.h"
#include "core/mem.h"

#define FEED_SLICE 2048u	/* 4 ms of the dearest bytes */
#define FEED_NS	   4000000u
#define NEWS_NS	   10000000000ll
#define YOUNG_S	   120		/* since its launch began */

/* --- what the agent says beside its output: its claims ---------------------------------- */

static void on_reply(void *ctx, const char *data, size_t len)
{
	struct terminal *t = ctx;

	if (t->stream && !t->past)
		t->unit->fleet->opt.ops->stream_send(t->stream, data, len);
}

static void on_title(void *ctx)
{
	struct terminal *t = ctx;

	if (t->which == FLEET_AGENT && !t->unit->is_waiting)
		fleet_said(t->unit, vt_title(t->vt));
}

/* Of the engine's log what nobody saw, or was said in a launch's first moments, is still
 * news. */
static bool is_old_news(const struct terminal *t)
{
	return t->past && !t->is_new && fleet_clock_ns() - t->unit->released_ns > NEWS_NS;
}

static void on_notice(void *ctx, const struct vt_notice *n)
{
	struct terminal *t = ctx;
	struct unit *u = t->unit;

	if (is_old_news(t))
		return;
	if (t->which != FLEET_AGENT || n->kind == VT_NOTICE_PROGRESS ||
	    n->kind == VT_NOTICE_PROMPT)
		return;
	if (n->kind == VT_NOTICE_BELL) {
		if (!u->is_waiting)
			fleet_wait(u, "rings the bell");
		return;
	}
	fleet_notice(u, n->title, n->body);
}

static void on_clipboard(void *ctx, const char *data, size_t len)
{
	struct terminal *t = ctx;
	struct fleet *f = t->unit->fleet;
	const struct agent_spec *a = manifest_agent(f->manifest, t->unit->row.agent);
	enum osc52_policy policy;

	if (t->past)
		return;
	policy = a && a->bottle ? a->bottle->osc52 : OSC52_DENY;
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

/* --- feeding --------------------------------------------------------------------------------
 * Usual output takes a few ns a byte, but a hostile program finds bytes that take a
 * thousand times as long. All terminals together get FEED_NS of a turn; what is left
 * waits while its stream is paused, and keys come first. */

static bool has_time(const struct fleet *f)
{
	return f->fed_ns < FEED_NS;
}

static bool may_attach(const struct terminal *t)
{
	const struct unit *u = t->unit;

	return !t->stream && u->is_listed && u->op == OP_NONE && u->row.state == SESSION_RUNNING;
}

/* What it asked in the past is not to be answered now. */
static void set_past(struct terminal *t, size_t len)
{
	if (!len != !t->past)
		vt_set_replies(t->vt, !len);
	t->past = len;
}

static size_t feed_slice(struct terminal *t, const char *data, size_t len)
{
	uint64_t start = loop_now_ns();
	size_t n = len < FEED_SLICE ? len : FEED_SLICE;

	if (t->past && n > t->past)
		n = t->past;
	vt_feed(t->vt, data, n, start / 1000000);
	t->unit->fleet->fed_ns += loop_now_ns() - start;
	set_past(t, t->past ? t->past - n : 0);
	return n;
}

static void drop_backlog(struct terminal *t)
{
	if (t->backlog.len)
		t->unit->fleet->n_backlogs--;
	buf_done(&t->backlog);
	t->backlog = (struct buf)BUF_INIT(FLEET_BACKLOG_MAX);
	t->fed = 0;
}

static void feed_backlog(struct terminal *t)
{
	t->fed += feed_slice(t, t->backlog.data + t->fed, t->backlog.len - t->fed);
	fleet_mark(t->unit->fleet, FLEET_TERMINAL);
	if (t->fed < t->backlog.len)
		return;
	drop_backlog(t);
	if (t->stream)
		t->unit->fleet->opt.ops->stream_pause(t->stream, false);
}

/* The next turn, with time of its own: a slice of each in turn. */
static void on_feed(void *arg)
{
	struct fleet *f = arg;

	f->fed_ns = 0;
	while (f->n_backlogs && has_time(f)) {
		size_t at = f->next_backlog++ % (f->n_units * FLEET_TERMINALS);
		struct terminal *t = &f->units[at / FLEET_TERMINALS]
		                              ->terminals[at % FLEET_TERMINALS];

		if (t->backlog.len)
			feed_backlog(t);
	}
	if (f->n_backlogs)
		loop_timer_set(f->loop, &f->feed_timer, 0, on_feed, f);
}

static void feed(struct terminal *t, const char *data, size_t len)
{
	struct fleet *f = t->unit->fleet;

	while (len && !t->backlog.len && has_time(f)) {
		size_t n = feed_slice(t, data, len);

		data += n;
		len -= n;
	}
	if (!f->feed_timer.is_set)
		loop_timer_set(f->loop, &f->feed_timer, 0, on_feed, f);
	if (!len)
		return;
	f->n_backlogs += !t->backlog.len;
	if (buf_add(&t->backlog, data, len) < 0)
		abort();	/* a paused stream brings nothing more */
	if (t->stream)
		f->opt.ops->stream_pause(t->stream, true);
}

static void drop_vt(struct terminal *t)
{
	drop_backlog(t);
	buf_done(&t->seen);
	t->seen = (struct buf)SEAM_SEEN_INIT();
	t->past = 0;
	vt_free(t->vt);
	t->vt = NULL;
}

/* --- the stream ---------------------------------------------------------------------------- */

static void take(struct terminal *t, const char *data, size_t len)
{
	if (t->which == FLEET_AGENT)
		seam_see(&t->seen, data, len);
	feed(t, data, len);
	fleet_mark(t->unit->fleet, FLEET_TERMINAL);
}

/* It is the scrollback from before and the modes that a program set long ago, or what
 * was written while we were away. */
static void on_past(void *arg, const char *data, size_t len, bool is_whole)
{
	struct terminal *t = arg;

	if (is_whole && t->seen.len) {
		drop_backlog(t);
		vt_reset(t->vt);
		buf_reset(&t->seen);
	}
	t->is_new = !is_whole;
	/* what came before we went away, and is not fed yet, is past as well by now */
	set_past(t, t->backlog.len - t->fed + len);
	take(t, data, len);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct terminal *t = arg;

	take(t, data, len);
	if (t->which == FLEET_AGENT) {
		t->unit->last_output_ns = fleet_clock_ns();
		/* that it works again is seen at once; that it rests, with the next refresh */
		if (t->unit->row.activity != ACTIVITY_WORKING && !t->unit->is_waiting)
			fleet_build_rows(t->unit->fleet);
	}
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
		drop_vt(t);
		t->has_ended = true;
	}
	/* the state follows with the next list; a session that still runs is attached again */
	fleet_refresh_soon(t->unit->fleet);
	fleet_mark(t->unit->fleet, FLEET_TERMINAL);
}

static const struct stream_events stream_events = {
	.past = on_past,
	.data = on_data,
	.ended = on_ended,
};

static bool is_young(const struct unit *u)
{
	return fleet_clock_ns() / 1000000000 - u->row.created < YOUNG_S;
}

static void attach(struct terminal *t)
{
	struct fleet *f = t->unit->fleet;
	const struct stream_request req = { .session = t->unit->row.name,
		                            .is_shell = t->which == FLEET_SHELL,
		                            .rows = t->rows,
		                            .cols = t->cols,
		                            .is_young = is_young(t->unit),
		                            .past_max = FLEET_PAST_MAX,
		                            .seen = &t->seen };

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

	if (!may_attach(t))
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

		detach(t);
		if (keep_screen && t->which == FLEET_AGENT)
			continue;	/* its last words stay to be read */
		drop_vt(t);
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
	if (t->has_ended) {
		t->has_ended = false;
		return NULL;
	}
	if (may_attach(t))
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
	struct terminal *t = u && !u->row.is_frozen ? &u->terminals[which] : NULL;

	if (!t || !t->stream)
		return -1;
	if (which == FLEET_AGENT)
		fleet_answered(u, data, len);
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
	for (size_t i = 0; i < f->n_units; i++) {
		struct terminal *agent = &f->units[i]->terminals[FLEET_AGENT];
		struct terminal *shell = &f->units[i]->terminals[FLEET_SHELL];

		detach(agent);
		/* no engine attaches to an exec again: another shell begins on a clean screen */
		detach(shell);
		drop_vt(shell);
	}
}
