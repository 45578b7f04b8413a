#include "docker/logs.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/event.h"
#include "core/lines.h"
#include "core/logread.h"
#include "core/loop.h"
#include "core/mem.h"
#include "docker/engine.h"
#include "docker/frames.h"
#include "docker/names.h"

#define MEMBERS_MAX 8
#define STREAMS	    2	/* stdout, stderr */
#define REOPEN_MS     500	/* until a log that ended is looked at again, and ... */
#define REOPEN_MAX_MS 8000	/* ... when it did so often */

/* One member's log. */
struct source {
	struct follow *follow;
	enum session_role role;
	struct engine_call *call;
	struct frames frames;
	struct lines lines[STREAMS];
	struct logread reader;
	struct loop_timer timer;	/* until it is asked for again */
	unsigned pause_ms;
};

struct follow {
	struct engine *engine;
	char *session, *bottle;
	int64_t since_ns, released_ns;
	bool keep_following;
	struct log_taker taker;
	bool has_taker;
	struct engine_call *listing;
	struct source sources[MEMBERS_MAX];
	size_t n_sources;
	size_t n_open;
	bool is_stopped;		/* the caller wants no more */
	bool in_callback;
	bool is_dropped;		/* stopped from its own callback: ends without done */
	struct err err;
	backend_event_fn *fn;
	backend_done_fn *done;
	void *arg;
	void *owner;
};

static void follow_free(struct follow *f)
{
	engine_cancel(f->listing);
	for (size_t i = 0; i < f->n_sources; i++) {
		struct source *s = &f->sources[i];

		engine_cancel(s->call);
		loop_timer_cancel(engine_loop(f->engine), &s->timer);
		for (int k = 0; k < STREAMS; k++)
			lines_done(&s->lines[k]);
		logread_done(&s->reader);
	}
	free(f->session);
	free(f->bottle);
	free(f);
}

void follow_stop(struct follow *f)
{
	if (!f)
		return;
	if (f->in_callback) {
		f->is_stopped = f->is_dropped = true;
		f->owner = NULL;	/* the caller's again */
	} else {
		follow_free(f);
	}
}

static void finish(struct follow *f)
{
	backend_done_fn *done = f->done;
	void *arg = f->arg, *owner = f->owner;
	struct err err = f->err;
	bool is_dropped = f->is_dropped;

	follow_free(f);
	if (is_dropped)
		return;
	done(arg, err.kind ? &err : NULL);
	free(owner);
}

/* --- a line ------------------------------------------------------------------------- */

/* What a line gave; false: no more. */
static bool on_entry(void *arg, const struct log_entry *e)
{
	struct source *s = arg;
	struct follow *f = s->follow;

	s->pause_ms = REOPEN_MS;
	if (f->is_stopped || (!f->has_taker && !e->event))
		return !f->is_stopped;
	f->in_callback = true;
	if (f->has_taker)
		f->taker.line(f->taker.arg, e);
	else if (!f->fn(f->arg, e->event))
		f->is_stopped = true;
	f->in_callback = false;
	return !f->is_stopped;
}

static int on_line(void *ctx, const struct line *l)
{
	struct source *s = ctx;

	return s->follow->is_stopped || logread_line(&s->reader, l);
}

static int on_payload(void *ctx, enum frames_stream stream, const char *data, size_t n,
                      bool is_first)
{
	struct source *s = ctx;
	struct lines *ls = &s->lines[stream == FRAMES_STDERR];

	if (stream != FRAMES_STDOUT && stream != FRAMES_STDERR)
		return 0;
	if (is_first)
		lines_message(ls);
	return lines_feed(ls, data, n);
}

/* --- a member's log ------------------------------------------------------------------ */

static bool on_data(void *arg, const char *data, size_t len)
{
	struct source *s = arg;
	struct err err = { 0 };

	if (frames_feed(&s->frames, data, len, &err) == 0)
		return true;
	if (err.kind && !s->follow->err.kind)
		s->follow->err = err;
	return false;
}

static void on_pause_over(void *arg);

static void on_log_end(void *arg, const struct engine_reply *reply)
{
	struct source *s = arg;
	struct follow *f = s->follow;

	s->call = NULL;
	for (int k = 0; k < STREAMS && !f->is_stopped; k++)
		lines_end(&s->lines[k]);
	/* a container that was removed meanwhile is an end like another */
	if (reply->status != 404 && !f->is_stopped && !f->err.kind)
		engine_check(reply, &f->err, "reading the log of %s",
		             session_role_name(s->role));
	/* the others may be silent for hours: they are not waited for */
	if (--f->n_open == 0 || f->is_stopped) {
		finish(f);
		return;
	}
	/* the member may be started again, and its log goes on then */
	if (f->keep_following && reply->status == 200 && !f->err.kind)
		loop_timer_set(engine_loop(f->engine), &s->timer, s->pause_ms, on_pause_over, s);
	s->pause_ms = s->pause_ms * 2 < REOPEN_MAX_MS ? s->pause_ms * 2 : REOPEN_MAX_MS;
}

static void ask(struct source *s, int64_t since_ns)
{
	struct follow *f = s->follow;
	struct engine_request req = { .method = "GET",
		                      .timeout_ms = f->keep_following ? -1 : 0,
		                      .on_data = on_data,
		                      .on_done = on_log_end,
		                      .arg = s };
	CLEANUP_FREE char *path =
		xasprintf("/containers/%s/logs?stdout=1&stderr=1&timestamps=1&follow=%d"
	                  "&since=%" PRId64 ".%09" PRId64,
	                  s->reader.at.container, f->keep_following, since_ns / 1000000000,
	                  since_ns % 1000000000);

	frames_init(&s->frames, false, on_payload, s);
	for (int k = 0; k < STREAMS; k++) {
		lines_done(&s->lines[k]);
		lines_init(&s->lines[k], k + 1, true, 0, on_line, s);
	}
	req.path = path;
	f->n_open++;
	s->call = engine_send(f->engine, &req);
}

static void begin_reading(struct source *s, const struct log_cursor *from)
{
	struct follow *f = s->follow;

	logread_init(&s->reader, s->role, f->session, f->bottle, f->released_ns, from, on_entry,
	             s);
}

static void on_pause_over(void *arg)
{
	struct source *s = arg;
	struct log_cursor from = s->reader.at;

	logread_done(&s->reader);
	begin_reading(s, &from);
	ask(s, from.ts_ns ? logread_since(s->role, &from) : s->follow->since_ns);
}

static void open_source(struct follow *f, enum session_role role, const char *id)
{
	struct source *s = &f->sources[f->n_sources++];
	struct log_cursor from = { .ts_ns = 0 };
	int64_t since_ns = f->since_ns;

	s->follow = f;
	s->role = role;
	s->pause_ms = REOPEN_MS;
	snprintf(from.container, sizeof from.container, "%s", id);
	if (f->has_taker) {
		f->taker.cursor(f->taker.arg, &from);
		since_ns = logread_since(role, &from);
	}
	begin_reading(s, &from);
	ask(s, since_ns);
}

/* --- which members ---------------------------------------------------------------------- */

static void on_listing(void *arg, const struct engine_reply *reply)
{
	struct follow *f = arg;
	const cJSON *c;
	cJSON *json;

	f->listing = NULL;
	if (engine_check(reply, &f->err, "listing the members of %s", f->session) < 0) {
		finish(f);
		return;
	}
	json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	cJSON_ArrayForEach(c, json) {
		const cJSON *labels = cJSON_GetObjectItemCaseSensitive(c, "Labels");
		const char *role = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(labels, LABEL_ROLE));
		const char *bottle = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(labels, LABEL_BOTTLE));
		const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, "Id"));
		enum session_role r = session_role_parse(role);

		if (!f->bottle && bottle)
			f->bottle = xstrdup(bottle);
		if (id && f->n_sources < MEMBERS_MAX && logread_has(r))
			open_source(f, r, id);
	}
	cJSON_Delete(json);
	if (f->n_open == 0)
		finish(f);
}

void logs_members_path(struct buf *out, const char *install, const char *session)
{
	buf_adds(out, "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22" LABEL_INSTALL
	                "%3D");
	engine_escape(out, install);
	buf_adds(out, "%22%2C%22" LABEL_SESSION "%3D");
	engine_escape(out, session);
	buf_adds(out, "%22%5D%7D");
}

struct follow *follow_start(struct engine *e, const char *install,
                            const struct follow_request *req, backend_event_fn *fn,
                            backend_done_fn *done, void *arg, void *owner)
{
	struct follow *f = xcalloc(1, sizeof *f);
	struct buf path = BUF_INIT(8192);
	struct engine_request ask = { .method = "GET", .on_done = on_listing, .arg = f };

	*f = (struct follow){ .engine = e,
		              .session = xstrdup(req->session),
		              .since_ns = req->since_ns,
		              .released_ns = req->released_ns,
		              .keep_following = req->keep_following,
		              .fn = fn,
		              .done = done,
		              .arg = arg,
		              .owner = owner };
	if (req->taker) {
		f->taker = *req->taker;
		f->has_taker = true;
	}
	logs_members_path(&path, install, req->session);
	ask.path = buf_str(&path);
	f->listing = engine_send(e, &ask);
	buf_done(&path);
	return f;
}
