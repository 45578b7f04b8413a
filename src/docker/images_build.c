/* Bringing images up to date: one job walks a queue, one image at a time, and
 * each image through one of
 *
 *	pull  -> tag			debian, pipelock: where a digest or tag is pinned
 *	      -> debootstrap -> import	debian, when it cannot be pulled
 *	build				everything else; pipelock when it cannot be pulled
 *
 * All of it on the loop, with one request to the engine under way. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/text.h"
#include "docker/debootstrap.h"
#include "docker/engine.h"
#include "docker/images.h"
#include "docker/images_set.h"
#include "docker/progress.h"

#define PULL_SILENCE_MS	 45000	/* a registry that says nothing for so long is none */
#define BUILD_TIMEOUT_MS (-1L)

struct images_job {
	struct images *im;
	struct engine *engine;
	const struct images_watch *watch;
	void *arg;
	unsigned flags;

	bool is_present[IMAGES_MAX], is_queued[IMAGES_MAX], has_failed[IMAGES_MAX];
	size_t queue[IMAGES_MAX], n_queue, at;

	/* of the image under way */
	struct engine_call *call;
	struct progress progress;
	struct debootstrap *debootstrap;
	struct loop_timer silence;
	struct buf tar;			/* the context; made once, when first needed */
	char *body;			/* owned by this request */
	char *pulled;			/* the reference that was pulled */
	uint64_t started_ns;

	struct loop_timer next;		/* to go on from the loop, not from where we are */
	struct err first;		/* the first failure */
	size_t n_failed;
};

static void begin_image(void *arg);

static const struct image *current(const struct images_job *j)
{
	return &j->im->list[j->queue[j->at]];
}

static void say(struct images_job *j, enum images_line kind, const char *text)
{
	struct buf safe = BUF_INIT(2 * ERR_MSG_MAX);

	text_safe_str(&safe, text, ERR_MSG_MAX);
	j->watch->on_line(j->arg, current(j)->name, kind, buf_str(&safe));
	buf_done(&safe);
}

static void sayf(struct images_job *j, enum images_line kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void sayf(struct images_job *j, enum images_line kind, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	say(j, kind, text);
	free(text);
}

/* --- one image after the other ------------------------------------------------- */

static void done_image(struct images_job *j)
{
	loop_timer_cancel(engine_loop(j->engine), &j->silence);
	progress_done(&j->progress);
	debootstrap_free(j->debootstrap);
	j->debootstrap = NULL;
	free(j->body);
	j->body = NULL;
	free(j->pulled);
	j->pulled = NULL;
	j->call = NULL;
}

static void job_free(struct images_job *j)
{
	loop_timer_cancel(engine_loop(j->engine), &j->next);
	buf_done(&j->tar);
	free(j);
}

static void next_image(struct images_job *j)
{
	done_image(j);
	j->at++;
	loop_timer_set(engine_loop(j->engine), &j->next, 0, begin_image, j);
}

static void fail_image(struct images_job *j, struct err *err)
{
	err_wrap(err, "image %s", current(j)->name);
	say(j, IMAGES_FAILED, err->msg);
	if (j->n_failed++ == 0)
		j->first = *err;
	j->has_failed[j->queue[j->at]] = true;
	next_image(j);
}

static void finish_job(struct images_job *j)
{
	const struct images_watch *watch = j->watch;
	void *arg = j->arg;
	struct err first = j->first;
	bool is_ok = j->n_failed == 0;

	if (j->n_failed > 1)
		err_wrap(&first, "%zu images could not be had; the first", j->n_failed);
	job_free(j);
	watch->on_done(arg, is_ok ? NULL : &first);
}

static void on_progress(void *arg, enum progress_kind kind, const char *text)
{
	static const enum images_line lines[] = {
		[PROGRESS_STEP] = IMAGES_STEP,
		[PROGRESS_OUTPUT] = IMAGES_OUTPUT,
		[PROGRESS_PULL] = IMAGES_PROGRESS,
	};

	say(arg, lines[kind], text);
}

static bool on_stream(void *arg, const char *data, size_t len)
{
	struct images_job *j = arg;

	if (j->silence.is_set)
		loop_timer_set(engine_loop(j->engine), &j->silence, PULL_SILENCE_MS,
		               j->silence.fn, j);
	progress_feed(&j->progress, data, len);
	return true;
}

/* The end of a request whose answer is a stream: HTTP first, then what it said. */
static int stream_result(struct images_job *j, const struct engine_reply *reply, struct err *err)
{
	j->call = NULL;
	loop_timer_cancel(engine_loop(j->engine), &j->silence);
	if (engine_check(reply, err, "%s", j->pulled ? j->pulled : "the engine") < 0)
		return -1;
	return progress_finish(&j->progress, err);
}

/* --- the end of an image: its size --------------------------------------------- */

static void on_inspected(void *arg, const struct engine_reply *reply)
{
	struct images_job *j = arg;
	double seconds = (double)(loop_now_ns() - j->started_ns) / 1e9;
	const char *how = "taken from the cache";
	struct err err = { 0 };
	const cJSON *size;
	cJSON *o;

	j->call = NULL;
	if (engine_check(reply, &err, "%s", current(j)->ref) < 0) {
		fail_image(j, &err);
		return;
	}
	o = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	size = cJSON_GetObjectItemCaseSensitive(o, "Size");
	if (j->pulled)
		how = "pulled";
	else if (j->progress.n_steps > 0 || j->debootstrap)
		how = "built";
	sayf(j, IMAGES_END, "%s in %.1f s, %.1f MB", how, seconds,
	     cJSON_IsNumber(size) ? size->valuedouble / 1e6 : 0.0);
	cJSON_Delete(o);
	j->is_present[j->queue[j->at]] = true;
	next_image(j);
}

static void inspect_image(struct images_job *j)
{
	struct buf path = BUF_INIT(2048);
	struct engine_request req = { .method = "GET", .on_done = on_inspected, .arg = j };

	buf_adds(&path, "/images/");
	buf_adds(&path, current(j)->ref);	/* '/' and ':' stand as they are in this path */
	buf_adds(&path, "/json");
	req.path = buf_str(&path);
	j->call = engine_send(j->engine, &req);
	buf_done(&path);
}

/* --- building ------------------------------------------------------------------ */

/* A module that the proxy does not hand out is the user's to get: say which it
 * is, and what can be done. */
static void add_hint(struct images_job *j, struct err *err)
{
	char *module, *words, *variable;

	if (!progress_tail_has(&j->progress, "go: "))
		return;
	module = images_go_module(j->im, j->queue[j->at]);
	if (!module)
		return;
	words = xstrdup(err->msg);
	variable = images_env_name(current(j)->name);
	err_set(err, err->kind,
	        "%.1300s; the Go module %s could not be had: set GOPROXY to a proxy that has it, "
	        "or name an image that you have with %s=ref", words, module, variable);
	free(module);
	free(words);
	free(variable);
}

static void on_built(void *arg, const struct engine_reply *reply)
{
	struct images_job *j = arg;
	struct err err = { 0 };

	if (stream_result(j, reply, &err) == 0) {
		inspect_image(j);
		return;
	}
	add_hint(j, &err);
	fail_image(j, &err);
}

static void begin_build(struct images_job *j)
{
	struct engine_request req = {
		.method = "POST",
		.content_type = "application/x-tar",
		.timeout_ms = BUILD_TIMEOUT_MS,
		.on_data = on_stream,
		.on_done = on_built,
		.arg = j,
	};
	struct buf path = BUF_INIT(65536);
	struct err err = { 0 };

	if (j->tar.len == 0) {
		j->tar = (struct buf)BUF_INIT(2 * (size_t)CONTEXT_MAX);
		if (context_tar(&j->im->context, &j->tar, &err) < 0) {
			fail_image(j, &err);
			return;
		}
	}
	progress_done(&j->progress);
	progress_init(&j->progress, on_progress, j);
	free(j->pulled);
	j->pulled = NULL;
	images_build_path(&path, j->im, j->queue[j->at], j->flags & IMAGES_FRESH);
	req.path = buf_str(&path);
	req.body = j->tar.data;
	req.body_len = j->tar.len;
	say(j, IMAGES_BEGIN, "building");
	j->call = engine_send(j->engine, &req);
	buf_done(&path);
}

/* --- debian without a registry --------------------------------------------------- */

static void on_imported(void *arg, const struct engine_reply *reply)
{
	struct images_job *j = arg;
	struct err err = { 0 };

	if (stream_result(j, reply, &err) < 0)
		fail_image(j, &err);
	else
		inspect_image(j);
}

static void on_tree_line(void *arg, const char *text, size_t len)
{
	struct images_job *j = arg;
	char *line = xstrndup(text, len);

	/* "I: Retrieving libc6 2.41" and the like: of the moment */
	say(j, IMAGES_PROGRESS, strncmp(line, "I: ", 3) == 0 ? line + 3 : line);
	free(line);
}

static void on_tree(void *arg, const void *tar, size_t len, const struct err *failure)
{
	struct images_job *j = arg;
	struct engine_request req = {
		.method = "POST",
		.content_type = "application/x-tar",
		.body = tar,
		.body_len = len,
		.timeout_ms = BUILD_TIMEOUT_MS,
		.on_data = on_stream,
		.on_done = on_imported,
		.arg = j,
	};
	struct buf path = BUF_INIT(8192);
	const char *colon;
	char *repo, *label;

	if (failure) {
		struct err err = *failure;

		fail_image(j, &err);
		return;
	}
	colon = strrchr(current(j)->ref, ':');
	repo = xstrndup(current(j)->ref, (size_t)(colon - current(j)->ref));
	label = xasprintf("LABEL " LABEL_IMAGE "=debian " LABEL_INPUTS "=%s",
	                  current(j)->recipe.hash);
	buf_adds(&path, "/images/create?fromSrc=-");
	images_add_query(&path, "repo", repo);
	images_add_query(&path, "tag", colon + 1);
	images_add_query(&path, "changes", label);
	req.path = buf_str(&path);
	j->call = engine_send(j->engine, &req);
	buf_done(&path);
	free(repo);
	free(label);
}

static void begin_tree(struct images_job *j)
{
	static const struct debootstrap_watch watch = { on_tree_line, on_tree };
	const char *suite = versions_get(&j->im->versions, "DEBIAN_SUITE");
	const char *mirror = getenv("CLAUDE_BOTTLE_DEBIAN_MIRROR");
	struct err err = { 0 };

	progress_done(&j->progress);
	progress_init(&j->progress, on_progress, j);
	free(j->pulled);
	j->pulled = NULL;
	if (debootstrap_start(&j->debootstrap, engine_loop(j->engine), suite ? suite : "stable",
	                      mirror && *mirror ? mirror : NULL, &watch, j, &err) < 0)
		fail_image(j, &err);
}

/* --- pulling --------------------------------------------------------------------- */

static void pull_failed(struct images_job *j, struct err *err)
{
	const struct image *image = current(j);

	if (image->is_named || (j->flags & IMAGES_PULL_ONLY)) {
		err_wrap(err, "it cannot be pulled");
		fail_image(j, err);
		return;
	}
	sayf(j, IMAGES_NOTE, "%s cannot be pulled (%s): %s", j->pulled, err->msg,
	     j->queue[j->at] == IMAGE_ROOT ? "making it with debootstrap" : "building it here");
	if (j->queue[j->at] == IMAGE_ROOT)
		begin_tree(j);
	else
		begin_build(j);
}

static void on_tagged(void *arg, const struct engine_reply *reply)
{
	struct images_job *j = arg;
	struct err err = { 0 };

	j->call = NULL;
	if (engine_check(reply, &err, "tagging %s", j->pulled) < 0)
		fail_image(j, &err);
	else
		inspect_image(j);
}

static void on_pulled(void *arg, const struct engine_reply *reply)
{
	struct images_job *j = arg;
	struct engine_request req = { .method = "POST", .on_done = on_tagged, .arg = j };
	const char *ref = current(j)->ref, *colon = strrchr(ref, ':');
	struct buf path = BUF_INIT(4096);
	struct err err = { 0 };
	char *repo;

	if (stream_result(j, reply, &err) < 0) {
		pull_failed(j, &err);
		return;
	}
	if (current(j)->is_named) {
		inspect_image(j);
		return;
	}
	repo = xstrndup(ref, (size_t)(colon - ref));
	buf_addf(&path, "/images/%s/tag?", j->pulled);
	images_add_query(&path, "repo", repo);
	images_add_query(&path, "tag", colon + 1);
	req.path = buf_str(&path);
	j->call = engine_send(j->engine, &req);
	buf_done(&path);
	free(repo);
}

static void on_silence(void *arg)
{
	struct images_job *j = arg;
	struct err err = { 0 };

	engine_cancel(j->call);
	j->call = NULL;
	err_set(&err, ERR_FAILED, "no word from the registry for %d s", PULL_SILENCE_MS / 1000);
	pull_failed(j, &err);
}

static void begin_pull(struct images_job *j, char *ref)
{
	struct engine_request req = {
		.method = "POST",
		.timeout_ms = BUILD_TIMEOUT_MS,
		.on_data = on_stream,
		.on_done = on_pulled,
		.arg = j,
	};
	struct buf path = BUF_INIT(4096);

	j->pulled = ref;
	progress_init(&j->progress, on_progress, j);
	buf_adds(&path, "/images/create?");
	images_add_query(&path, "fromImage", ref);
	if (!strchr(ref, '@') && !strchr(strrchr(ref, '/') ? strrchr(ref, '/') : ref, ':'))
		buf_adds(&path, "&tag=latest");	/* else the engine pulls every tag */
	req.path = buf_str(&path);
	sayf(j, IMAGES_BEGIN, "pulling %s", ref);
	j->call = engine_send(j->engine, &req);
	loop_timer_set(engine_loop(j->engine), &j->silence, PULL_SILENCE_MS, on_silence, j);
	buf_done(&path);
}

/* --- the job --------------------------------------------------------------------- */

static size_t failed_parent(const struct images_job *j, size_t i)
{
	const struct recipe *r = &j->im->list[i].recipe;
	size_t base = i == IMAGE_BASE ? IMAGE_ROOT : IMAGE_BASE;

	if (r->needs_base && j->has_failed[base])
		return base;
	if (r->needs_builder && j->has_failed[IMAGE_BUILDER])
		return IMAGE_BUILDER;
	return IMAGES_MAX;
}

static void begin_image(void *arg)
{
	struct images_job *j = arg;
	struct err err = { 0 };
	size_t i, parent;
	char *ref;

	if (j->at == j->n_queue) {
		finish_job(j);
		return;
	}
	i = j->queue[j->at];
	j->started_ns = loop_now_ns();
	parent = failed_parent(j, i);
	if (parent < IMAGES_MAX) {
		err_set(&err, ERR_FAILED, "it stands on %s, which could not be had",
		        j->im->list[parent].name);
		fail_image(j, &err);
		return;
	}
	ref = images_pull_ref(j->im, i);
	if (ref)
		begin_pull(j, ref);
	else if (i == IMAGE_ROOT)
		begin_tree(j);
	else
		begin_build(j);
}

/* An image after what it stands on, each once; what is there needs nothing. */
static void enqueue(struct images_job *j, size_t i)
{
	const struct image *image = &j->im->list[i];
	bool is_fresh = (j->flags & IMAGES_FRESH) && !image->is_named;

	if (j->is_queued[i] || (j->is_present[i] && !is_fresh))
		return;
	if (j->flags & IMAGES_PULL_ONLY) {
		char *ref = images_pull_ref(j->im, i);

		free(ref);
		if (!ref)
			return;
	}
	j->is_queued[i] = true;
	if (!image->is_named && !(j->flags & IMAGES_PULL_ONLY)) {
		if (image->recipe.needs_base)
			enqueue(j, i == IMAGE_BASE ? IMAGE_ROOT : IMAGE_BASE);
		if (image->recipe.needs_builder)
			enqueue(j, IMAGE_BUILDER);
	}
	j->queue[j->n_queue++] = i;
}

static int enqueue_names(struct images_job *j, char *const *names, struct err *err)
{
	bool is_pull = j->flags & IMAGES_PULL_ONLY;

	if (!names || !*names)
		for (size_t i = 0; i < j->im->n; i++)
			if (is_pull || images_is_launched(j->im, i))
				enqueue(j, i);
	for (; names && *names; names++) {
		size_t i = 0;

		while (i < j->im->n && strcmp(j->im->list[i].name, *names) != 0)
			i++;
		if (i == j->im->n)
			return err_set(err, ERR_INPUT, "there is no image '%.60s': see "
			                               "\"claude-bottle images list\"", *names);
		enqueue(j, i);
	}
	return 0;
}

int images_build(struct images_job **out, struct images *im, struct engine *e,
                 char *const *names, unsigned flags, const struct images_watch *watch, void *arg,
                 struct err *err)
{
	struct images_job *j;
	struct image_info *list;
	size_t n;

	if (images_list(im, e, &list, &n, err) < 0)
		return -1;
	j = xcalloc(1, sizeof *j);
	j->im = im;
	j->engine = e;
	j->watch = watch;
	j->arg = arg;
	j->flags = flags;
	for (size_t i = 0; i < n; i++)
		j->is_present[i] = list[i].state == IMAGE_CURRENT;
	images_info_free(list, n);
	if (enqueue_names(j, names, err) < 0) {
		job_free(j);
		return -1;
	}
	loop_timer_set(engine_loop(e), &j->next, 0, begin_image, j);
	*out = j;
	return 0;
}

void images_cancel(struct images_job *j)
{
	if (!j)
		return;
	engine_cancel(j->call);
	if (j->at < j->n_queue)
		done_image(j);
	job_free(j);
}
