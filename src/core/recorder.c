#include "core/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/event.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/push.h"
#include "core/seam.h"
#include "core/stamp.h"
#include "core/text.h"

#define LIST_MS	 1000
#define PAST_NS	 300000000u	/* what comes so soon after the first list was before */
#define FLUSH_MS 16	/* what a terminal writes in a frame is one line of the file */
#define PIECE_MAX ((size_t)128 << 10)	/* as JSON six times as long at most */
#define LINE_MAX_BYTES ((size_t)1 << 20)
#define WRITE_MAX ((size_t)4 << 20)

/* One session. It stays once it was seen. */
struct tape {
	struct tape *next;
	struct recorder *recorder;
	char name[MANIFEST_NAME_MAX + 1];
	char *said;			/* its last "session" line, without t */
	char *launch;
	bool is_listed;
	int64_t last_event_ns;
	struct backend_job *follow;
	struct backend_job *push;	/* a record is being read: that of the first of ... */
	char **push_ids;		/* ... those that the gate spoke of */
	size_t n_push_ids;
	struct backend_stream *stream;
	struct buf seen;		/* of its terminal: core/seam.h */
	struct buf output;		/* of its terminal, not written yet */
};

struct recorder {
	struct loop *loop;
	struct recorder_options opt;
	int fd;
	uint64_t start_ns;		/* when t is 0, of the loop's clock; 0: not yet */
	struct loop_timer list_timer, flush_timer, end_timer;
	struct tape *tapes;
	bool is_listing, is_away, is_full, is_over;
	struct recorder_stats stats;
	struct buf out;			/* lines on their way */
	struct err err;
};

/* --- lines --------------------------------------------------------------------------- */

static void on_end(void *arg)
{
	struct recorder *r = arg;

	if (r->opt.ended)
		r->opt.ended(r->opt.arg, r->err.kind ? &r->err : NULL);
}

static void end(struct recorder *r)
{
	if (!r->is_over)
		loop_timer_set(r->loop, &r->end_timer, 0, on_end, r);
	r->is_over = true;
}

static void write_out(struct recorder *r)
{
	size_t done = 0;

	while (done < r->out.len && !r->err.kind) {
		ssize_t n = write(r->fd, r->out.data + done, r->out.len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			err_errno(&r->err, ERR_FAILED, n == 0 ? ENOSPC : errno, "writing %s",
			          r->opt.path);
	}
	buf_reset(&r->out);
	if (r->err.kind)
		end(r);
}

static void add_line(struct recorder *r, const struct buf *line)
{
	uint64_t max = r->opt.bytes_max ? r->opt.bytes_max : RECORDER_BYTES_MAX;

	if (r->is_over)
		return;
	if (r->stats.bytes + line->len + 1 > max || r->stats.lines >= RECORDER_LINES_MAX) {
		r->is_full = true;
		end(r);
		return;
	}
	/* a line that is longer than a reader takes is of nobody's use */
	if (line->overflowed)
		return;
	if (r->out.len + line->len + 1 > r->out.max)
		write_out(r);
	buf_add(&r->out, line->data, line->len);
	buf_addc(&r->out, '\n');
	r->stats.bytes += line->len + 1;
	r->stats.lines++;
}

static void begin_line(const struct recorder *r, struct buf *line)
{
	uint64_t now = loop_now_ns(), ms = 0;

	if (r->start_ns && now > r->start_ns)
		ms = (now - r->start_ns) / 1000000;

	buf_addf(line, "{\"t\":%" PRIu64 ",", ms);
}

static bool is_text(const char *s, size_t n)
{
	uint32_t cp;

	for (size_t len; n > 0; s += len, n -= len) {
		len = text_utf8(s, n, &cp);
		if (len == 0 || cp == 0)
			return false;
	}
	return true;
}

static void add_base64(struct buf *out, const char *s, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)s;

	for (; n > 0; p += 3) {
		size_t k = n < 3 ? n : 3;
		unsigned v = (unsigned)p[0] << 16 | (k > 1 ? (unsigned)p[1] << 8 : 0) |
		             (k > 2 ? p[2] : 0);

		buf_addc(out, digits[v >> 18]);
		buf_addc(out, digits[v >> 12 & 63]);
		buf_addc(out, k > 1 ? digits[v >> 6 & 63] : '=');
		buf_addc(out, k > 2 ? digits[v & 63] : '=');
		n -= k;
	}
}

static void write_output(struct tape *t, const char *data, size_t len)
{
	struct recorder *r = t->recorder;

	while (len > 0) {
		size_t n = len < PIECE_MAX ? len : PIECE_MAX;
		struct buf line = BUF_INIT(LINE_MAX_BYTES);

		/* not in the middle of a character */
		while (n < len && n > PIECE_MAX - 4 && ((unsigned char)data[n] & 0xc0) == 0x80)
			n--;
		begin_line(r, &line);
		buf_addf(&line, "\"terminal\":\"%s\",", t->name);
		if (is_text(data, n)) {
			buf_adds(&line, "\"data\":");
			text_add_json(&line, data, n);
		} else {
			buf_adds(&line, "\"base64\":\"");
			add_base64(&line, data, n);
			buf_addc(&line, '"');
		}
		buf_addc(&line, '}');
		add_line(r, &line);
		buf_done(&line);
		data += n;
		len -= n;
	}
}

static void flush(struct recorder *r)
{
	for (struct tape *t = r->tapes; t; t = t->next) {
		write_output(t, buf_str(&t->output), t->output.len);
		buf_reset(&t->output);
	}
}

static void on_flush(void *arg)
{
	struct recorder *r = arg;

	flush(r);
	write_out(r);
}

/* Whatever it is about, what terminals wrote before stands before it. */
static void flush_then_add(struct recorder *r, const struct buf *line)
{
	flush(r);
	add_line(r, line);
	if (!r->flush_timer.is_set)
		loop_timer_set(r->loop, &r->flush_timer, FLUSH_MS, on_flush, r);
}

/* --- one session --------------------------------------------------------------------- */

static void read_push(struct tape *t);

static void push_line(const struct tape *t, struct buf *line, const struct push *p, bool with_diff)
{
	begin_line(t->recorder, line);
	buf_addf(line, "\"push\":\"%s\",\"record\":", t->name);
	push_json(line, NULL, p, false);
	if (with_diff) {
		buf_adds(line, ",\"diff\":");
		text_add_json(line, p->diff, p->diff_len);
	}
	buf_addc(line, '}');
}

static void on_push(void *arg, struct push *p, const struct err *err)
{
	struct tape *t = arg;
	struct buf line = BUF_INIT(LINE_MAX_BYTES);

	(void)err;	/* the gate does not have it any more */
	t->push = NULL;
	if (p) {
		push_line(t, &line, p, p->diff != NULL);
		if (line.overflowed) {	/* better without its diff than not at all */
			buf_reset(&line);
			push_line(t, &line, p, false);
		}
		flush_then_add(t->recorder, &line);
	}
	buf_done(&line);
	free(t->push_ids[0]);
	memmove(t->push_ids, t->push_ids + 1, t->n_push_ids * sizeof *t->push_ids);
	t->n_push_ids--;
	read_push(t);
}

static void read_push(struct tape *t)
{
	const struct recorder *r = t->recorder;

	if (t->n_push_ids && !t->push)
		t->push = r->opt.ops->push_read(r->opt.backend, t->name, t->push_ids[0], on_push,
		                                t);
}

/* Its gate speaks of a push: what it recorded of it follows. */
static void want_push(struct tape *t, const struct event *ev)
{
	char *id = ev->source == EVENT_FROM_GATE ? event_detail_get(ev, "id") : NULL;

	/* the one that is being read may be another by now */
	if (id && !(t->n_push_ids && strv_has(t->push_ids + !!t->push, id))) {
		strv_push(&t->push_ids, &t->n_push_ids, id);
		read_push(t);
	} else {
		free(id);
	}
}

static void forget_pushes(struct tape *t)
{
	t->recorder->opt.ops->cancel(t->push);
	t->push = NULL;
	strv_free(t->push_ids);
	t->push_ids = NULL;
	t->n_push_ids = 0;
}

static bool on_event(void *arg, const struct event *ev)
{
	struct tape *t = arg;
	struct buf line = BUF_INIT(LINE_MAX_BYTES);

	if (ev->ts_ns > t->last_event_ns)
		t->last_event_ns = ev->ts_ns;
	begin_line(t->recorder, &line);
	buf_adds(&line, "\"event\":");
	event_json(&line, ev);
	buf_addc(&line, '}');
	flush_then_add(t->recorder, &line);
	buf_done(&line);
	t->recorder->stats.events++;
	want_push(t, ev);
	return true;
}

static void on_followed(void *arg, const struct err *err)
{
	struct tape *t = arg;

	(void)err;	/* the next list follows again if there is something to follow */
	t->follow = NULL;
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct tape *t = arg;
	struct recorder *r = t->recorder;

	seam_see(&t->seen, data, len);
	if (buf_add(&t->output, data, len) < 0) {
		flush(r);
		write_output(t, data, len);
	}
	if (!r->flush_timer.is_set)
		loop_timer_set(r->loop, &r->flush_timer, FLUSH_MS, on_flush, r);
}

static void on_past(void *arg, const char *data, size_t len, bool is_whole)
{
	static const char reset[] = "\033c";
	struct tape *t = arg;

	/* the end of what was recorded is not in the log any more */
	if (is_whole && t->seen.len)
		on_data(t, reset, sizeof reset - 1);
	on_data(t, data, len);
}

static void on_ended(void *arg, const struct err *err)
{
	struct tape *t = arg;

	(void)err;	/* a session that still runs is attached again */
	t->recorder->opt.ops->stream_close(t->stream);
	t->stream = NULL;
}

static const struct stream_events stream_events = {
	.past = on_past,
	.data = on_data,
	.ended = on_ended,
};

static void drop(struct tape *t)
{
	const struct recorder *r = t->recorder;

	r->opt.ops->cancel(t->follow);
	r->opt.ops->stream_close(t->stream);
	forget_pushes(t);
	t->follow = NULL;
	t->stream = NULL;
}

static void watch(struct tape *t, const struct session *s)
{
	const struct recorder *r = t->recorder;
	const struct follow_request req = {
		.session = t->name,
		.since_ns = t->last_event_ns ? t->last_event_ns + 1 : 0,
		.released_ns = s->released_ns,
		.keep_following = true,
	};
	const struct stream_request terminal = { .session = t->name,
		                                 .rows = r->opt.rows,
		                                 .cols = r->opt.cols,
		                                 .past_max = RECORDER_LOG_MAX,
		                                 .seen = &t->seen };

	if (!t->follow && s->released_ns)
		t->follow = r->opt.ops->follow(r->opt.backend, &req, on_event, on_followed, t);
	if (s->state == SESSION_RUNNING && !t->stream)
		t->stream = r->opt.ops->attach(r->opt.backend, &terminal, &stream_events, t);
}

/* What is said of a session, but when. */
static char *describe(const struct session *s)
{
	const struct isolation_result *iso = &s->isolation;
	struct buf b = BUF_INIT(16384);
	char stamp[STAMP_SIZE];

	buf_addf(&b, "\"session\":{\"session\":\"%s\",\"agent\":", s->name);
	text_add_json(&b, s->agent, strlen(s->agent));
	buf_adds(&b, ",\"bottle\":");
	text_add_json(&b, s->bottle, strlen(s->bottle));
	buf_addf(&b, ",\"state\":\"%s\"", session_state_name(s->state));
	if (*s->color)
		buf_addf(&b, ",\"color\":\"%s\"", s->color);
	if (s->is_frozen)
		buf_adds(&b, ",\"frozen\":true");
	if (s->exit_code >= 0)
		buf_addf(&b, ",\"exit_code\":%d", s->exit_code & 255);
	buf_addf(&b, ",\"created\":%" PRId64, s->created);
	if (s->released_ns) {
		stamp_format(stamp, s->released_ns);
		buf_addf(&b, ",\"released\":\"%s\"", stamp);
	}
	buf_addf(&b, ",\"isolation\":{\"passed\":%u,\"total\":%u,\"warned\":%u,\"forced\":%s",
	         iso->passed, iso->total, iso->warned, iso->was_forced ? "true" : "false");
	if (*iso->warnings) {
		buf_adds(&b, ",\"warnings\":");
		text_add_json(&b, iso->warnings, strlen(iso->warnings));
	}
	buf_adds(&b, "}}}");
	return buf_steal(&b);
}

static struct tape *tape_of(struct recorder *r, const char *name)
{
	struct tape *t = r->tapes, **end = &r->tapes;

	for (; t; end = &t->next, t = t->next)
		if (strcmp(t->name, name) == 0)
			return t;
	t = xcalloc(1, sizeof *t);
	t->recorder = r;
	memcpy(t->name, name, strlen(name) + 1);
	t->output = (struct buf)BUF_INIT(PIECE_MAX);
	t->seen = (struct buf)SEAM_SEEN_INIT();
	r->stats.sessions++;
	*end = t;
	return t;
}

static void take_session(struct recorder *r, const struct session *s)
{
	struct tape *t = tape_of(r, s->name);
	char *said = describe(s);

	t->is_listed = true;
	if (t->launch && strcmp(t->launch, s->launch) != 0) {
		/* another launch: nothing of the old one's goes on */
		drop(t);
		t->last_event_ns = 0;
		buf_reset(&t->seen);
	}
	free(t->launch);
	t->launch = xstrdup(s->launch);
	if (!t->said || strcmp(t->said, said) != 0) {
		struct buf line = BUF_INIT(LINE_MAX_BYTES);

		begin_line(r, &line);
		buf_adds(&line, said);
		flush_then_add(r, &line);
		buf_done(&line);
	}
	free(t->said);
	t->said = said;
	watch(t, s);
}

static void lose(struct tape *t)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES);

	drop(t);
	free(t->said);
	t->said = NULL;
	begin_line(t->recorder, &line);
	buf_addf(&line, "\"gone\":\"%s\"}", t->name);
	flush_then_add(t->recorder, &line);
	buf_done(&line);
}

/* --- the whole ----------------------------------------------------------------------- */

static bool is_wanted(const struct recorder *r, const char *name)
{
	return !r->opt.sessions || strv_has(r->opt.sessions, name);
}

static void engine_is(struct recorder *r, const struct err *err)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES);

	if (r->is_away == (err != NULL))
		return;
	r->is_away = err != NULL;
	begin_line(r, &line);
	buf_addf(&line, "\"engine\":%s", err ? "false,\"why\":" : "true");
	if (err)
		text_add_json(&line, err->msg, strlen(err->msg));
	buf_addc(&line, '}');
	flush_then_add(r, &line);
	buf_done(&line);
}

static void list(void *arg);

static void on_list(void *arg, struct session_list *sessions, const struct err *err)
{
	struct recorder *r = arg;

	r->is_listing = false;
	loop_timer_set(r->loop, &r->list_timer, LIST_MS, list, r);
	engine_is(r, err);
	if (err)
		return;
	for (struct tape *t = r->tapes; t; t = t->next)
		t->is_listed = false;
	for (size_t i = 0; i < sessions->n; i++)
		if (is_wanted(r, sessions->v[i].name))
			take_session(r, &sessions->v[i]);
	for (struct tape *t = r->tapes; t; t = t->next)
		if (!t->is_listed && t->said)
			lose(t);
	if (!r->start_ns)
		r->start_ns = loop_now_ns() + PAST_NS;
}

static void list(void *arg)
{
	struct recorder *r = arg;

	r->is_listing = true;
	r->opt.ops->list(r->opt.backend, on_list, r);
}

int recorder_start(struct recorder **out, struct loop *loop, const struct recorder_options *opt,
                   struct err *err)
{
	const char *engine = opt->ops->describe(opt->backend);
	struct buf line = BUF_INIT(4096);
	char stamp[STAMP_SIZE];
	struct timespec now;
	struct recorder *r;
	int fd = open(opt->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && errno == EEXIST)
		return err_set(err, ERR_INPUT, "%s is there already; name another file",
		               opt->path);
	if (fd < 0)
		return err_errno(err, ERR_FAILED, errno, "%s", opt->path);
	r = xcalloc(1, sizeof *r);
	r->loop = loop;
	r->opt = *opt;
	r->fd = fd;
	r->out = (struct buf)BUF_INIT(WRITE_MAX);
	clock_gettime(CLOCK_REALTIME, &now);
	stamp_format(stamp, (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec);
	buf_adds(&line, "{\"v\":1,\"kind\":\"claude-bottle-recording\",");
	buf_addf(&line, "\"start\":\"%s\",\"engine\":", stamp);
	text_add_json(&line, engine, strlen(engine));
	buf_addc(&line, '}');
	add_line(r, &line);
	buf_done(&line);
	list(r);
	*out = r;
	return 0;
}

int recorder_stop(struct recorder *r, struct recorder_stats *stats, struct err *err)
{
	int rc = 0;

	if (!r)
		return 0;
	on_flush(r);
	loop_timer_cancel(r->loop, &r->list_timer);
	loop_timer_cancel(r->loop, &r->flush_timer);
	loop_timer_cancel(r->loop, &r->end_timer);
	if (close(r->fd) < 0 && !r->err.kind)
		err_errno(&r->err, ERR_FAILED, errno, "writing %s", r->opt.path);
	if (r->err.kind) {
		*err = r->err;
		rc = -1;
	}
	if (stats)
		*stats = r->stats;
	while (r->tapes) {
		struct tape *t = r->tapes;

		r->tapes = t->next;
		drop(t);
		buf_done(&t->output);
		buf_done(&t->seen);
		free(t->said);
		free(t->launch);
		free(t);
	}
	buf_done(&r->out);
	free(r);
	return rc;
}
