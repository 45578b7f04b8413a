#include "docker/terminal.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/loop.h"
#include "core/mem.h"
#include "docker/engine.h"
#include "docker/hijack.h"
#include "docker/past.h"
#include "docker/spec.h"

/* The engine looks for detach keys in what is typed and holds their beginnings
 * back. Nobody types these; we detach by closing. */
#define DETACH_KEYS "ctrl-%5E,ctrl-%5E,ctrl-%5E,ctrl-%5E"

/* A program that draws itself anew writes more than this. */
#define REPAINT_MIN 512u
/* How long a size that is not the wanted one stays: a program that is told of two
 * changes before it looks sees none. */
#define REPAINT_HOLD_MS 100
/* An engine takes no size for an exec whose program does not run yet. */
#define REFUSED_MAX 5u

struct backend_stream {
	struct engine *engine;
	struct loop *loop;
	struct hijack *hijack;
	struct past *past;		/* NULL: none was asked for */
	struct engine_call *call;	/* exec create */
	struct engine_call *resizing;
	char *resize_path;		/* "/containers/ID/resize" or "/exec/ID/resize" */
	int rows, cols;			/* wanted */
	int sent_rows, sent_cols;	/* asked for last */
	bool is_open;
	bool is_failed;
	bool wants_repaint;
	bool is_young;
	bool is_short;			/* sent_rows is not to stay */
	unsigned n_refused;		/* sizes */
	unsigned n_asked;		/* how often it was asked to draw itself */
	size_t came;			/* since it was asked last */
	struct loop_timer repaint;
	struct loop_timer hold;
	struct loop_timer failed;
	struct err err;
	struct buf early;		/* typed before the shell was there */
	const struct stream_events *ev;
	void *arg;
};

static void send_size(struct backend_stream *s, int rows, int cols);

static void send_wanted_size(struct backend_stream *s)
{
	loop_timer_cancel(s->loop, &s->hold);
	s->is_short = false;
	if (s->sent_rows != s->rows || s->sent_cols != s->cols)
		send_size(s, s->rows, s->cols);
}

static void end_hold(void *arg)
{
	struct backend_stream *s = arg;

	if (s->is_open && !s->resizing)
		send_wanted_size(s);
}

/* One request at a time; the newest size wins. */
static void on_resized(void *arg, const struct engine_reply *reply)
{
	struct backend_stream *s = arg;
	struct err why = { 0 };

	s->resizing = NULL;
	if (engine_check(reply, &why, "setting the terminal's size") == 0)
		s->n_refused = 0;
	else if (s->n_refused++ < REFUSED_MAX)
		s->sent_rows = 0;	/* and so is not the wanted one */
	if (s->is_short || s->sent_rows == 0)
		loop_timer_set(s->loop, &s->hold, REPAINT_HOLD_MS, end_hold, s);
	else
		send_wanted_size(s);
}

static void send_size(struct backend_stream *s, int rows, int cols)
{
	CLEANUP_FREE char *path = xasprintf("%s?h=%d&w=%d", s->resize_path, rows, cols);
	const struct engine_request req = {
		.method = "POST", .path = path, .on_done = on_resized, .arg = s
	};

	s->sent_rows = rows;
	s->sent_cols = cols;
	s->resizing = engine_send(s->engine, &req);
}

/* One row less first: a program repaints only when its size changes. The line that it
 * had begun before our attach is in no log, and a program that has only just begun may
 * not listen yet, while what it writes anyway looks like an answer: so a young one is
 * asked several times, and an older one again as long as next to nothing came. */
static void ask_repaint(void *arg)
{
	static const uint64_t pauses_ms[] = { 1000, 3000, 9000 };
	struct backend_stream *s = arg;

	if (!s->is_open || (s->n_asked && !s->is_young && s->came >= REPAINT_MIN))
		return;
	if (!s->resizing) {
		s->came = 0;
		s->is_short = true;
		send_size(s, s->rows > 1 ? s->rows - 1 : s->rows + 1, s->cols);
	}
	if (s->n_asked < sizeof pauses_ms / sizeof *pauses_ms)
		loop_timer_set(s->loop, &s->repaint, pauses_ms[s->n_asked], ask_repaint, s);
	s->n_asked++;
}

static void on_past(void *arg, const char *data, size_t len, bool is_whole)
{
	struct backend_stream *s = arg;

	s->ev->past(s->arg, data, len, is_whole);
}

static void on_joined_data(void *arg, const char *data, size_t len)
{
	struct backend_stream *s = arg;

	s->ev->data(s->arg, data, len);
}

static void on_hold(void *arg, bool is_full)
{
	struct backend_stream *s = arg;

	hijack_pause(s->hijack, is_full);
}

static const struct past_events past_events = {
	.past = on_past,
	.data = on_joined_data,
	.hold = on_hold,
};

static void on_open(void *arg)
{
	struct backend_stream *s = arg;

	s->is_open = true;
	if (s->past)
		past_read(s->past);
	if (s->resize_path && s->rows > 0) {
		if (s->wants_repaint)
			ask_repaint(s);
		else
			send_wanted_size(s);
	}
	if (s->ev->opened)
		s->ev->opened(s->arg);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct backend_stream *s = arg;

	s->came += len;
	if (s->past)
		past_data(s->past, data, len);
	else
		s->ev->data(s->arg, data, len);
}

static void on_end(void *arg, const struct err *err)
{
	struct backend_stream *s = arg;

	s->is_open = false;
	s->is_failed = true;
	if (s->past)
		past_end(s->past);
	s->ev->ended(s->arg, err);
}

static const struct hijack_events hijack_events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_end = on_end,
};

static void fail(struct backend_stream *s)
{
	s->is_failed = true;
	s->ev->ended(s->arg, &s->err);
}

static void on_failed(void *arg)
{
	fail(arg);
}

/* --- a shell by exec ------------------------------------------------------------ */

static void on_exec(void *arg, const struct engine_reply *reply)
{
	struct backend_stream *s = arg;
	CLEANUP_FREE char *path = NULL;
	const char *id;
	cJSON *json;

	s->call = NULL;
	if (engine_check(reply, &s->err, "opening a shell") < 0) {
		fail(s);
		return;
	}
	json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "Id"));
	if (!id) {
		cJSON_Delete(json);
		err_set(&s->err, ERR_ENGINE, "opening a shell: the engine's answer has no id");
		fail(s);
		return;
	}
	path = xasprintf("/exec/%.100s/start", id);
	s->resize_path = xasprintf("/exec/%.100s/resize", id);
	cJSON_Delete(json);
	s->hijack = hijack_open(s->engine, path, "{\"Detach\":false,\"Tty\":true}", &hijack_events,
	                        s);
	if (s->early.len)
		hijack_send(s->hijack, s->early.data, s->early.len);
	buf_done(&s->early);
}

static void open_shell(struct backend_stream *s, const char *container)
{
	static const char body[] =
		"{\"AttachStdin\":true,\"AttachStdout\":true,\"AttachStderr\":true,\"Tty\":true,"
		"\"Cmd\":[\"/bin/sh\",\"-c\","
		"\"if command -v bash >/dev/null; then exec bash -l; else exec sh -l; fi\"]}";
	CLEANUP_FREE char *path = xasprintf("/containers/%s/exec", container);
	const struct engine_request req = { .method = "POST",
		                            .path = path,
		                            .body = body,
		                            .body_len = sizeof body - 1,
		                            .on_done = on_exec,
		                            .arg = s };

	s->call = engine_send(s->engine, &req);
}

static void open_agent(struct backend_stream *s, const struct stream_request *req,
                       const char *container)
{
	CLEANUP_FREE char *path = xasprintf("/containers/%s/attach?stream=1&stdin=1&stdout=1"
	                                    "&stderr=1&detachKeys=%s",
	                                    container, DETACH_KEYS);

	s->resize_path = xasprintf("/containers/%s/resize", container);
	s->wants_repaint = true;
	if (req->past_max)
		s->past = past_new(s->engine, req, &past_events, s);
	s->hijack = hijack_open(s->engine, path, "", &hijack_events, s);
}

struct backend_stream *terminal_open(struct engine *e, const struct stream_request *req,
                                     const struct stream_events *ev, void *arg)
{
	struct backend_stream *s = xcalloc(1, sizeof *s);
	CLEANUP_FREE char *container = spec_container(req->session, ROLE_AGENT);

	*s = (struct backend_stream){ .engine = e,
		                      .loop = engine_loop(e),
		                      .rows = req->rows,
		                      .cols = req->cols,
		                      .is_young = req->is_young,
		                      .early = BUF_INIT_SECRET(HIJACK_QUEUE_MAX / 2),
		                      .ev = ev,
		                      .arg = arg };
	if (!session_name_is_valid(req->session)) {
		err_set(&s->err, ERR_INPUT, "\"%s\" is not a session's name", req->session);
		loop_timer_set(s->loop, &s->failed, 0, on_failed, s);
	} else if (req->is_shell) {
		open_shell(s, container);
	} else {
		open_agent(s, req, container);
	}
	return s;
}

int terminal_send(struct backend_stream *s, const void *data, size_t len)
{
	if (s->is_failed)
		return -1;
	return s->hijack ? hijack_send(s->hijack, data, len) : buf_add(&s->early, data, len);
}

void terminal_resize(struct backend_stream *s, int rows, int cols)
{
	s->rows = rows;
	s->cols = cols;
	if (s->is_open && !s->resizing)
		send_wanted_size(s);
}

void terminal_pause(struct backend_stream *s, bool is_paused)
{
	if (s->past)
		past_pause(s->past, is_paused);
	else if (s->hijack)
		hijack_pause(s->hijack, is_paused);
}

void terminal_close(struct backend_stream *s)
{
	if (!s)
		return;
	loop_timer_cancel(s->loop, &s->failed);
	loop_timer_cancel(s->loop, &s->repaint);
	loop_timer_cancel(s->loop, &s->hold);
	engine_cancel(s->call);
	engine_cancel(s->resizing);
	past_stop(s->past);
	hijack_close(s->hijack);
	buf_done(&s->early);
	free(s->resize_path);
	free(s);
}
