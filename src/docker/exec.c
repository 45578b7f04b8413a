#include "docker/exec.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/loop.h"
#include "core/mem.h"
#include "docker/engine.h"
#include "docker/frames.h"

#define CODE_RETRY_MS 20 /* the code may come a moment after the output's end... */
#define CODE_RETRIES_MAX 100

struct exec {
	struct engine *engine;
	char *body; /* of the request under way */
	char *id;
	struct engine_call *call;
	struct frames frames;
	struct buf out, err_out;
	bool was_cut;
	unsigned retries;
	struct loop_timer timer; /* the deadline, from beginning to end */
	struct loop_timer again;
	backend_exec_fn *fn;
	void *arg;
	void *owner;
};

static void exec_free(struct exec *x)
{
	engine_cancel(x->call);
	loop_timer_cancel(engine_loop(x->engine), &x->timer);
	loop_timer_cancel(engine_loop(x->engine), &x->again);
	buf_done(&x->out);
	buf_done(&x->err_out);
	free(x->body);
	free(x->id);
	free(x);
}

void exec_stop(struct exec *x)
{
	if (x)
		exec_free(x);
}

static void finish(struct exec *x, int code, const struct err *err)
{
	const struct exec_result result = { .exit_code = code,
		                            .out = buf_str(&x->out),
		                            .err = buf_str(&x->err_out),
		                            .out_len = x->out.len,
		                            .err_len = x->err_out.len,
		                            .was_cut = x->was_cut };
	void *owner = x->owner;

	x->fn(x->arg, err ? NULL : &result, err);
	exec_free(x);
	free(owner);
}

static void fail(struct exec *x, enum err_kind kind, const char *what)
{
	struct err err = { 0 };

	err_set(&err, kind, "running a program in the container: %s", what);
	finish(x, -1, &err);
}

static void send(struct exec *x, const char *method, const char *path, engine_data_fn *on_data,
                 engine_done_fn *on_done)
{
	const struct engine_request req = { .method = method,
		                            .path = path,
		                            .body = x->body,
		                            .body_len = x->body ? strlen(x->body) : 0,
		                            .timeout_ms = on_data ? -1 : 0,
		                            .on_data = on_data,
		                            .on_done = on_done,
		                            .arg = x };

	x->call = engine_send(x->engine, &req);
}

/* --- its exit code ---------------------------------------------------------------- */

static void ask_code(void *arg);

static void on_code(void *arg, const struct engine_reply *reply)
{
	struct exec *x = arg;
	const cJSON *code;
	struct err err = { 0 };
	bool is_running;
	cJSON *json;

	x->call = NULL;
	if (engine_check(reply, &err, "asking for a program's exit code") < 0) {
		finish(x, -1, &err);
		return;
	}
	json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	code = cJSON_GetObjectItemCaseSensitive(json, "ExitCode");
	is_running = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "Running"));
	if (cJSON_IsNumber(code) && !is_running)
		finish(x, code->valueint, NULL);
	else if (++x->retries < CODE_RETRIES_MAX)
		loop_timer_set(engine_loop(x->engine), &x->again, CODE_RETRY_MS, ask_code, x);
	else
		fail(x, ERR_ENGINE, "it closed its output and does not end");
	cJSON_Delete(json);
}

static void ask_code(void *arg)
{
	struct exec *x = arg;
	CLEANUP_FREE char *path = xasprintf("/exec/%.100s/json", x->id);

	send(x, "GET", path, NULL, on_code);
}

/* --- its output ------------------------------------------------------------------- */

static int on_payload(void *ctx, enum frames_stream stream, const char *data, size_t n,
                      bool is_first)
{
	struct exec *x = ctx;
	struct buf *b = stream == FRAMES_STDERR ? &x->err_out : &x->out;
	size_t room = b->max - b->len;

	(void)is_first;
	if (n > room)
		x->was_cut = true;
	buf_add(b, data, n < room ? n : room);
	return 0;
}

static bool on_data(void *arg, const char *data, size_t len)
{
	struct exec *x = arg;

	return frames_feed(&x->frames, data, len, NULL) == 0;
}

static void on_end(void *arg, const struct engine_reply *reply)
{
	struct exec *x = arg;
	struct err err = { 0 };

	x->call = NULL;
	free(x->body);
	x->body = NULL;
	if (engine_check(reply, &err, "running a program in the container") < 0)
		finish(x, -1, &err);
	else
		ask_code(x);
}

static void on_made(void *arg, const struct engine_reply *reply)
{
	struct exec *x = arg;
	CLEANUP_FREE char *path = NULL;
	struct err err = { 0 };
	const char *id;
	cJSON *json;

	x->call = NULL;
	if (engine_check(reply, &err, "preparing a program in the container") < 0) {
		finish(x, -1, &err);
		return;
	}
	json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "Id"));
	x->id = xstrdup_or_null(id);
	cJSON_Delete(json);
	if (!x->id) {
		fail(x, ERR_ENGINE, "the engine's answer has no id");
		return;
	}
	free(x->body);
	x->body = xstrdup("{\"Detach\":false,\"Tty\":false}");
	path = xasprintf("/exec/%.100s/start", x->id);
	send(x, "POST", path, on_data, on_end);
}

static void on_late(void *arg)
{
	fail(arg, ERR_FAILED, "it did not end in time");
}

static char *create_body(const struct exec_request *req, const char *user)
{
	cJSON *o = cJSON_CreateObject(), *cmd;
	char *text, *copy;

	cJSON_AddTrueToObject(o, "AttachStdout");
	cJSON_AddTrueToObject(o, "AttachStderr");
	cmd = cJSON_AddArrayToObject(o, "Cmd");
	for (const char *const *s = req->argv; *s; s++)
		cJSON_AddItemToArray(cmd, cJSON_CreateString(*s));
	if (req->dir)
		cJSON_AddStringToObject(o, "WorkingDir", req->dir);
	if (user)
		cJSON_AddStringToObject(o, "User", user);
	text = cJSON_PrintUnformatted(o);
	copy = xstrdup(text);
	cJSON_free(text);
	cJSON_Delete(o);
	return copy;
}

struct exec *exec_start(struct engine *e, const char *container, const char *user,
                        const struct exec_request *req, backend_exec_fn *fn, void *arg, void *owner)
{
	struct exec *x = xcalloc(1, sizeof *x);
	CLEANUP_FREE char *path = xasprintf("/containers/%s/exec", container);
	size_t max = req->output_max ? req->output_max : EXEC_OUTPUT_MAX;

	*x = (struct exec){ .engine = e,
		            .body = create_body(req, user),
		            .out = BUF_INIT(max),
		            .err_out = BUF_INIT(max),
		            .fn = fn,
		            .arg = arg,
		            .owner = owner };
	frames_init(&x->frames, false, on_payload, x);
	loop_timer_set(engine_loop(e), &x->timer,
	               req->timeout_ms ? req->timeout_ms : EXEC_TIMEOUT_MS, on_late, x);
	send(x, "POST", path, NULL, on_made);
	return x;
}
