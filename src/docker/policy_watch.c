/* pipelock's word on a new configuration, from its log.
 *
 * In force: config_reload, or startup, with the SHA-256 of the bytes written. Refused
 * by the ratchet: error CONFIG_RELOAD, twice, and on stderr which settings, in any
 * order; so a moment is waited for those. Not understood: a line on stderr; but a
 * file may have been read half written, so a good line may still follow.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/lines.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/text.h"
#include "docker/engine.h"
#include "docker/frames.h"
#include "docker/policy.h"
#include "docker/spec.h"

#define MORE_WORDS_MS 300
#define SECOND_TRY_MS 1500
#define WORDS_MAX 600
#define STREAMS 2

struct policy_watch {
	struct engine *engine;
	const struct policy_plan *plan;
	bool any_line;
	struct engine_call *call;
	struct frames frames;
	struct lines lines[STREAMS];
	struct buf words; /* of a refusal */
	bool is_refused, is_broken, in_data;
	enum policy_word word; /* what it will say, once is_over */
	bool is_over;
	struct loop_timer patience, end;
	policy_word_fn *fn;
	void *arg;
};

static void watch_free(struct policy_watch *w)
{
	loop_timer_cancel(engine_loop(w->engine), &w->patience);
	loop_timer_cancel(engine_loop(w->engine), &w->end);
	engine_cancel(w->call);
	for (int i = 0; i < STREAMS; i++)
		lines_done(&w->lines[i]);
	buf_done(&w->words);
	free(w);
}

void policy_watch_stop(struct policy_watch *w)
{
	if (w)
		watch_free(w);
}

static void say(void *arg)
{
	struct policy_watch *w = arg;
	CLEANUP_FREE char *words = xstrdup(buf_str(&w->words));
	policy_word_fn *fn = w->fn;
	enum policy_word word = w->word;
	void *to = w->arg;

	watch_free(w);
	fn(to, word, words);
}

/* Not from within the stream's own callback: it would be freed under it. */
static void conclude(struct policy_watch *w, enum policy_word word, unsigned ms)
{
	w->word = word;
	w->is_over = w->is_over || ms == 0;
	loop_timer_set(engine_loop(w->engine), &w->end, ms, say, w);
}

static void add_words(struct policy_watch *w, const char *s, size_t n)
{
	if (n == 0 || w->words.len > WORDS_MAX)
		return;
	if (w->words.len)
		buf_adds(&w->words, "; ");
	text_safe(&w->words, s, n, WORDS_MAX, false);
}

static const char *member(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return s ? s : "";
}

static void read_json(struct policy_watch *w, const struct line *l)
{
	cJSON *o = cJSON_ParseWithLength(l->text, l->len);
	const char *event = member(o, "event"), *error = member(o, "error");
	bool is_start = strcmp(event, "startup") == 0;

	if (is_start || strcmp(event, "config_reload") == 0) {
		if ((is_start || w->any_line || !w->plan->cuts) &&
		    policy_plan_has(w->plan, member(o, "config_hash"), time(NULL)))
			conclude(w, POLICY_IN_FORCE, 0);
	} else if (strcmp(event, "error") == 0 &&
	           strcmp(member(o, "method"), "CONFIG_RELOAD") == 0) {
		/* the same line comes twice */
		if (!w->is_refused)
			add_words(w, error, strlen(error));
		if (!w->is_refused)
			conclude(w, POLICY_REFUSED, MORE_WORDS_MS);
		w->is_refused = true;
	}
	cJSON_Delete(o);
}

static bool takes(const struct line *l, const char *start, const char **rest, size_t *n)
{
	size_t len = strlen(start);

	if (l->len < len || memcmp(l->text, start, len) != 0)
		return false;
	*rest = l->text + len;
	*n = l->len - len;
	return true;
}

static void read_text(struct policy_watch *w, const struct line *l)
{
	const char *rest = NULL;
	size_t n = 0;

	if (takes(l, "WARNING: config reload: ", &rest, &n)) {
		/* also said of what is ignored without harm: a reason only with a refusal */
		add_words(w, rest, n);
	} else if (takes(l, "pipelock: config reload failed: ", &rest, &n) && !w->is_broken) {
		add_words(w, rest, n);
		w->is_broken = true;
		conclude(w, POLICY_REFUSED, SECOND_TRY_MS);
	}
}

static int on_line(void *arg, const struct line *l)
{
	struct policy_watch *w = arg;

	if (w->is_over)
		return 1;
	if (l->stream == 1)
		read_json(w, l);
	else
		read_text(w, l);
	return w->is_over;
}

static int on_payload(void *arg, enum frames_stream stream, const char *data, size_t n,
                      bool is_first)
{
	struct policy_watch *w = arg;
	struct lines *ls = &w->lines[stream == FRAMES_STDERR];

	if (stream != FRAMES_STDOUT && stream != FRAMES_STDERR)
		return 0;
	if (is_first)
		lines_message(ls);
	return lines_feed(ls, data, n);
}

static bool on_data(void *arg, const char *data, size_t len)
{
	struct policy_watch *w = arg;

	return frames_feed(&w->frames, data, len, NULL) == 0;
}

static void on_end(void *arg, const struct engine_reply *reply)
{
	struct policy_watch *w = arg;

	w->call = NULL;
	/* we let go of it ourselves, or are about to */
	if (w->is_over || w->end.is_set)
		return;
	if (reply->status >= 400)
		add_words(w, reply->err.msg, strlen(reply->err.msg));
	conclude(w, POLICY_GONE, 0);
}

static void on_silence(void *arg)
{
	struct policy_watch *w = arg;

	if (!w->end.is_set)
		conclude(w, POLICY_SILENT, 0);
}

struct policy_watch *policy_watch_start(struct engine *e, const char *session,
                                        const struct policy_plan *plan, bool any_line,
                                        int64_t since_ns, unsigned ms, policy_word_fn *fn,
                                        void *arg)
{
	struct policy_watch *w = xcalloc(1, sizeof *w);
	CLEANUP_FREE char *name = spec_container(session, ROLE_PIPELOCK);
	CLEANUP_FREE char *path = xasprintf("/containers/%s/logs?stdout=1&stderr=1&timestamps=1"
	                                    "&follow=1&since=%" PRId64 ".%09" PRId64,
	                                    name, since_ns / 1000000000, since_ns % 1000000000);
	const struct engine_request req = { .method = "GET",
		                            .path = path,
		                            .timeout_ms = -1,
		                            .on_data = on_data,
		                            .on_done = on_end,
		                            .arg = w };

	*w = (struct policy_watch){ .engine = e,
		                    .plan = plan,
		                    .any_line = any_line,
		                    .words = BUF_INIT(4 * WORDS_MAX),
		                    .fn = fn,
		                    .arg = arg };
	frames_init(&w->frames, false, on_payload, w);
	for (int i = 0; i < STREAMS; i++)
		lines_init(&w->lines[i], i + 1, true, 0, on_line, w);
	loop_timer_set(engine_loop(e), &w->patience, ms, on_silence, w);
	w->call = engine_send(e, &req);
	return w;
}
