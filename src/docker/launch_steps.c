#include "docker/launch_steps.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/err.h"
#include "core/mem.h"
#include "docker/engine.h"
#include "docker/hijack.h"
#include "docker/inspect.h"

#define READY_TIMEOUT_MS 30000L
#define CHECK_TIMEOUT_MS 20000L
#define RELEASE_TIMEOUT_MS 20000u
#define TEXT_MAX	 (256u << 10)
#define ARCHIVE_MAX	 (1100u << 20)	/* a workspace may be large; nothing else is */
#define TAIL_MAX	 400		/* bytes of a member's last words in a message */

static const struct plan_step *step_of(const struct run *r)
{
	return &r->launch->plan->steps[r->index];
}

static void run_fail(struct run *r, enum err_kind kind, const char *what)
{
	struct err err = { 0 };

	err_set(&err, kind, "%s", what);
	run_finish(r, &err);
}

void run_drop(struct run *r)
{
	loop_timer_cancel(engine_loop(r->launch->engine), &r->patience);
	engine_cancel(r->call);
	r->call = NULL;
	hijack_close(r->hijack);
	r->hijack = NULL;
}

static void send(struct run *r, const struct engine_request *req)
{
	r->call = engine_send(r->launch->engine, req);
}

/* An answer that says no, or none at all: those are two things. */
static int check_answer(const struct engine_reply *reply, struct err *err)
{
	if (reply->status == 0) {
		*err = reply->err;
		return -1;
	}
	return engine_check(reply, err, "the engine refuses");
}

/* --- one request --------------------------------------------------------------------- */

static void on_called(void *arg, const struct engine_reply *reply)
{
	struct run *r = arg;
	struct err err = { 0 };

	r->call = NULL;
	if (check_answer(reply, &err) < 0)
		run_finish(r, &err);
	else
		run_finish(r, NULL);
}

static void start_call(struct run *r)
{
	const struct plan_step *s = step_of(r);
	const struct engine_request req = { .method = s->method,
		                            .path = s->path,
		                            .body = s->body,
		                            .body_len = s->body ? strlen(s->body) : 0,
		                            .on_done = on_called,
		                            .arg = r };

	send(r, &req);
}

static void put_body(struct run *r, const char *path)
{
	const struct engine_request req = { .method = "PUT",
		                            .path = path,
		                            .content_type = "application/x-tar",
		                            .body = r->body.data,
		                            .body_len = r->body.len,
		                            .on_done = on_called,
		                            .arg = r };

	send(r, &req);
}

static void start_put(struct run *r)
{
	struct err err = { 0 };

	r->body = (struct buf)BUF_INIT_SECRET(ARCHIVE_MAX);
	if (launch_archive(r->launch, step_of(r), &r->body, &err) < 0)
		run_finish(r, &err);
	else
		put_body(r, step_of(r)->path);
}

/* What was verified stays with the keeper, where no agent can reach it. */
static void start_record(struct run *r)
{
	const struct plan_step *s = step_of(r);
	const struct plan_file f = { .kind = PLAN_FILE_TEXT, .path = s->files[0].path,
		                     .mode = 0600 };
	const struct isolation *iso = &r->launch->isolation;
	struct plan_step with_text = *s;
	struct plan_file filled = f;
	struct err err = { 0 };

	filled.text = xasprintf("{\"v\":1,\"launch\":\"%s\",\"released\":%lld,"
	                        "\"passed\":%u,\"total\":%u,"
	                        "\"warned\":%u,\"forced\":%s,\"checks\":[%s]}\n",
	                        r->launch->plan->record_launch,
	                        (long long)r->launch->released_ns, iso->result.passed,
	                        iso->result.total, iso->result.warned,
	                        iso->result.was_forced ? "true" : "false",
	                        buf_str(&iso->record));
	with_text.files = &filled;
	with_text.n_files = 1;
	r->body = (struct buf)BUF_INIT(TEXT_MAX);
	if (launch_archive(r->launch, &with_text, &r->body, &err) < 0)
		run_finish(r, &err);
	else
		put_body(r, s->path);
	free(filled.text);
}

/* --- fetching --------------------------------------------------------------------------- */

/* Where images keep their CA bundle: Debian and Alpine, then Red Hat's. */
static const char *const bundle_paths[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/ca-bundle.pem",
};
#define N_BUNDLE_PATHS (sizeof bundle_paths / sizeof *bundle_paths)

static void fetch_bundle(struct run *r);

static void on_fetched(void *arg, const struct engine_reply *reply)
{
	struct run *r = arg;
	struct launch *l = r->launch;
	struct err err = { 0 };

	r->call = NULL;
	if (step_of(r)->role != ROLE_AGENT) {
		if (check_answer(reply, &err) < 0 ||
		    archive_file(&reply->body, "helper", &l->helper, &err) < 0)
			run_finish(r, &err);
		else
			run_finish(r, NULL);
		return;
	}
	if (reply->status == 404 && ++r->candidate < N_BUNDLE_PATHS) {
		fetch_bundle(r);
		return;
	}
	/* an image without any bundle gets one with our CA alone */
	if (reply->status == 404) {
		run_finish(r, NULL);
		return;
	}
	if (check_answer(reply, &err) < 0) {
		run_finish(r, &err);
		return;
	}
	if (archive_file(&reply->body, NULL, &l->bundle, &err) == 0)
		l->bundle_path = bundle_paths[r->candidate];
	run_finish(r, NULL);
}

static void fetch_bundle(struct run *r)
{
	CLEANUP_FREE char *path = xasprintf("%s?path=%s", step_of(r)->path,
	                                    bundle_paths[r->candidate]);
	const struct engine_request req = {
		.method = "GET", .path = path, .on_done = on_fetched, .arg = r
	};

	send(r, &req);
}

static void start_fetch(struct run *r)
{
	const struct engine_request req = {
		.method = "GET", .path = step_of(r)->path, .on_done = on_fetched, .arg = r
	};

	if (step_of(r)->role == ROLE_AGENT)
		fetch_bundle(r);
	else
		send(r, &req);
}

/* --- logs ----------------------------------------------------------------------------------- */

/* The last non-empty line of what a member said, for a message. */
static const char *last_words(struct run *r)
{
	char *text = r->text.data, *nl;

	if (!text)
		return "it said nothing";
	while (r->text.len && strchr("\r\n ", text[r->text.len - 1]))
		text[--r->text.len] = '\0';
	nl = strrchr(text, '\n');
	text = nl ? nl + 1 : text;
	return *text ? text : "it said nothing";
}

static int on_ready_text(void *ctx, enum frames_stream stream, const char *data, size_t n,
                         bool is_first)
{
	struct run *r = ctx;

	(void)stream;
	(void)is_first;
	if (r->text.len + n > TEXT_MAX)
		buf_reset(&r->text);
	buf_add(&r->text, data, n);
	r->saw_end = r->saw_end || strstr(buf_str(&r->text), step_of(r)->body);
	return 0;
}

static bool on_ready_data(void *arg, const char *data, size_t len)
{
	struct run *r = arg;

	return frames_feed(&r->frames, data, len, NULL) == 0 && !r->saw_end;
}

static void on_ready_end(void *arg, const struct engine_reply *reply)
{
	struct run *r = arg;
	struct err err = { 0 };

	r->call = NULL;
	if (r->saw_end) {
		run_finish(r, NULL);
		return;
	}
	/* a stream that is given up half-way is no answer either */
	if (r->text.len > 0 || reply->status / 100 == 2 || check_answer(reply, &err) == 0)
		err_set(&err, ERR_FAILED, "%s did not get ready; its last words: %.*s",
		        session_role_name(step_of(r)->role), TAIL_MAX, last_words(r));
	run_finish(r, &err);
}

static void start_ready(struct run *r)
{
	const struct engine_request req = { .method = "GET",
		                            .path = step_of(r)->path,
		                            .timeout_ms = READY_TIMEOUT_MS,
		                            .on_data = on_ready_data,
		                            .on_done = on_ready_end,
		                            .arg = r };

	r->text = (struct buf)BUF_INIT(TEXT_MAX);
	frames_init(&r->frames, false, on_ready_text, r);
	send(r, &req);
}

/* --- checking programs ------------------------------------------------------------------------ */

static int on_check_text(void *ctx, enum frames_stream stream, const char *data, size_t n,
                         bool is_first)
{
	struct run *r = ctx;

	(void)stream;
	(void)is_first;
	return buf_add(&r->text, data, n);
}

static bool on_check_data(void *arg, const char *data, size_t len)
{
	struct run *r = arg;

	return frames_feed(&r->frames, data, len, NULL) == 0;
}

static void on_check_end(void *arg, const struct engine_reply *reply)
{
	struct run *r = arg;
	struct err err = { 0 };

	r->call = NULL;
	if (engine_check(reply, &err, "reading its checks") < 0) {
		run_finish(r, &err);
		return;
	}
	isolation_read(&r->launch->isolation, step_of(r)->title, buf_str(&r->text));
	run_finish(r, NULL);
}

static void read_checks(struct run *r, const char *method, const char *path, const char *body)
{
	const struct engine_request req = { .method = method,
		                            .path = path,
		                            .body = body,
		                            .body_len = body ? strlen(body) : 0,
		                            .timeout_ms = CHECK_TIMEOUT_MS,
		                            .on_data = on_check_data,
		                            .on_done = on_check_end,
		                            .arg = r };

	r->text = (struct buf)BUF_INIT(TEXT_MAX);
	frames_init(&r->frames, false, on_check_text, r);
	send(r, &req);
}

/* POST exec answers {"Id":...}. Returns NULL after ending the step. */
static char *exec_path(struct run *r, const struct engine_reply *reply)
{
	struct err err = { 0 };
	char *path = NULL;
	const char *id;
	cJSON *json;

	if (engine_check(reply, &err, "exec") < 0) {
		run_finish(r, &err);
		return NULL;
	}
	json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "Id"));
	if (id)
		path = xasprintf("/exec/%.100s/start", id);
	else
		run_fail(r, ERR_ENGINE, "exec: the engine's answer has no id");
	cJSON_Delete(json);
	return path;
}

static const char exec_start[] = "{\"Detach\":false,\"Tty\":false}";

static void on_selfcheck_made(void *arg, const struct engine_reply *reply)
{
	struct run *r = arg;
	CLEANUP_FREE char *path = NULL;

	r->call = NULL;
	path = exec_path(r, reply);
	if (path)
		read_checks(r, "POST", path, exec_start);
}

static void make_exec(struct run *r, engine_done_fn *on_done)
{
	const struct plan_step *s = step_of(r);
	const struct engine_request req = { .method = "POST",
		                            .path = s->path,
		                            .body = s->body,
		                            .body_len = strlen(s->body),
		                            .on_done = on_done,
		                            .arg = r };

	send(r, &req);
}

static void on_inspected(void *arg, const struct engine_reply *reply)
{
	struct run *r = arg;
	struct err err = { 0 };
	cJSON *json;

	r->call = NULL;
	if (check_answer(reply, &err) < 0) {
		run_finish(r, &err);
		return;
	}
	json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	inspect_agent(json, r->launch->plan->session, &r->launch->isolation);
	cJSON_Delete(json);
	run_finish(r, NULL);
}

static void start_inspect(struct run *r)
{
	const struct engine_request req = {
		.method = "GET", .path = step_of(r)->path, .on_done = on_inspected, .arg = r
	};

	send(r, &req);
}

/* --- release ---------------------------------------------------------------------- */

/* "CBENV1 LENGTH\n" and NAME=VALUE\0 for each variable (docs/sidecars.md). */
static int secrets_message(const struct launch *l, struct buf *out)
{
	size_t len = 0;

	for (size_t i = 0; i < l->n_secrets; i++)
		len += strlen(l->secrets[i].name) + 1 + strlen(l->secrets[i].value) + 1;
	buf_addf(out, "CBENV1 %zu\n", len);
	for (size_t i = 0; i < l->n_secrets; i++) {
		buf_adds(out, l->secrets[i].name);
		buf_addc(out, '=');
		buf_adds(out, l->secrets[i].value);
		buf_addc(out, '\0');
	}
	return out->overflowed ? -1 : 0;
}

static int on_release_text(void *ctx, enum frames_stream stream, const char *data, size_t n,
                           bool is_first)
{
	struct run *r = ctx;

	(void)is_first;
	if (stream == FRAMES_STDOUT && n >= 2 && memcmp(data, "ok", 2) == 0)
		r->saw_end = true;
	else if (r->text.len + n <= TEXT_MAX)
		buf_add(&r->text, data, n);
	return 0;
}

static void on_release_data(void *arg, const char *data, size_t len)
{
	struct run *r = arg;

	frames_feed(&r->frames, data, len, NULL);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void on_release_end(void *arg, const struct err *end_err)
{
	struct run *r = arg;
	struct err err = { 0 };

	run_drop(r);
	if (r->saw_end) {
		r->launch->released_ns = now_ns();
		run_finish(r, NULL);
		return;
	}
	if (end_err)
		err = *end_err;
	else
		err_set(&err, ERR_FAILED, "the agent's container did not take its secrets: %.*s",
		        TAIL_MAX, last_words(r));
	run_finish(r, &err);
}

static void on_release_late(void *arg)
{
	struct run *r = arg;

	run_drop(r);
	run_fail(r, ERR_FAILED, "the agent's container did not take its secrets in time");
}

static const struct hijack_events release_events = {
	.on_data = on_release_data,
	.on_end = on_release_end,
};

static void on_release_made(void *arg, const struct engine_reply *reply)
{
	struct run *r = arg;
	CLEANUP_FREE char *path = NULL;

	r->call = NULL;
	path = exec_path(r, reply);
	if (!path)
		return;
	r->text = (struct buf)BUF_INIT(TEXT_MAX);
	frames_init(&r->frames, false, on_release_text, r);
	loop_timer_set(engine_loop(r->launch->engine), &r->patience, RELEASE_TIMEOUT_MS,
	               on_release_late, r);
	r->hijack = hijack_open(r->launch->engine, path, exec_start, &release_events, r);
	if (hijack_send(r->hijack, r->body.data, r->body.len) < 0)
		run_fail(r, ERR_INPUT, "the secrets are larger than the agent's container takes");
}

static void give_verdict(struct run *r)
{
	struct launch *l = r->launch;
	struct err err = { 0 };

	if (l->isolation.failed == 0 || l->opt.force) {
		if (l->isolation.failed)
			isolation_force(&l->isolation);
		run_finish(r, NULL);
		return;
	}
	err_set(&err, ERR_ISOLATION, "%u of %u isolation checks failed: %s", l->isolation.failed,
	        l->isolation.result.total, buf_str(&l->isolation.failures));
	run_finish(r, &err);
}

static void start_release(struct run *r)
{
	struct launch *l = r->launch;

	r->body = (struct buf)BUF_INIT_SECRET(1u << 20);
	if (secrets_message(l, &r->body) < 0) {
		run_fail(r, ERR_INPUT, "the environment is larger than 1 MiB");
		return;
	}
	make_exec(r, on_release_made);
}

void run_start(struct run *r)
{
	switch (step_of(r)->kind) {
	case STEP_CALL:
		start_call(r);
		break;
	case STEP_FETCH:
		start_fetch(r);
		break;
	case STEP_PUT:
		start_put(r);
		break;
	case STEP_READY:
		start_ready(r);
		break;
	case STEP_PROBE:
		read_checks(r, "GET", step_of(r)->path, NULL);
		break;
	case STEP_SELFCHECK:
		make_exec(r, on_selfcheck_made);
		break;
	case STEP_INSPECT:
		start_inspect(r);
		break;
	case STEP_VERDICT:
		give_verdict(r);
		break;
	case STEP_RELEASE:
		start_release(r);
		break;
	case STEP_RECORD:
		start_record(r);
		break;
	}
}
