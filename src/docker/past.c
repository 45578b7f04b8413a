#include "docker/past.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/seam.h"
#include "docker/engine.h"
#include "docker/spec.h"

#define LINES_MAX 20000		/* of 16 KB at most: the bytes are what counts */
#define HELD_MAX  (128u << 10)	/* then the stream waits... */
#define HELD_ROOM (256u << 10)	/* ...but what it brought at once is taken */
/* So long the stream gets to bring what the log had already, in two pauses: after the
 * first the loop has looked at the stream, however long it was away. */
#define SETTLE_MS 25
#define SETTLE_N  2

struct past {
	struct engine *engine;
	struct loop *loop;
	char *path;		/* of the log */
	struct engine_call *call;
	struct loop_timer timer;
	unsigned n_settled;
	struct buf log;		/* room for twice as much: it is not moved for each piece */
	size_t max;
	bool is_cut;		/* its beginning is not kept */
	size_t at;		/* in log: its first byte that counts, and once joined ... */
	size_t twice;		/* ... so many of its last the stream has yet to bring */
	struct buf seen;
	struct buf held;
	bool is_joined, is_paused, is_full, is_holding;
	const struct past_events *ev;
	void *arg;
};

static const char *log_text(const struct past *p)
{
	return buf_str(&p->log) + p->at;
}

static size_t log_len(const struct past *p)
{
	return p->log.len - p->at;
}

static void hold(struct past *p)
{
	bool wanted = p->is_full || (p->is_joined && p->is_paused);

	if (wanted == p->is_holding)
		return;
	p->is_holding = wanted;
	p->ev->hold(p->arg, wanted);
}

/* data may close everything, so it comes last. */
static void give_held(void *arg)
{
	struct past *p = arg;
	struct buf held = p->held;

	p->held = (struct buf)BUF_INIT(HELD_ROOM);
	p->is_full = false;
	hold(p);
	if (held.len)
		p->ev->data(p->arg, held.data, held.len);
	buf_done(&held);
}

/* How much of what the stream brings now was in the log. It is compared, so that no
 * byte is lost that only looked as if. */
static size_t n_twice(struct past *p, const char *data, size_t len)
{
	const char *want = buf_str(&p->log) + p->log.len - p->twice;
	size_t n = 0;

	while (n < len && n < p->twice && data[n] == want[n])
		n++;
	p->twice = n < len ? 0 : p->twice - n;
	if (!p->twice)
		buf_done(&p->log);
	return n;
}

static void join(void *arg)
{
	struct past *p = arg;
	size_t n;

	if (++p->n_settled < SETTLE_N) {
		loop_timer_set(p->loop, &p->timer, SETTLE_MS, join, p);
		return;
	}
	p->is_joined = true;
	p->twice = seam_overlap(log_text(p), log_len(p), buf_str(&p->held), p->held.len);
	n = n_twice(p, buf_str(&p->held), p->held.len);
	buf_consume(&p->held, n);
	if (p->is_paused)
		hold(p);
	else
		give_held(p);
}

/* --- the log ------------------------------------------------------------------------------- */

static void keep_end(struct past *p)
{
	if (p->log.len <= p->max)
		return;
	buf_consume(&p->log, p->log.len - p->max);
	p->is_cut = true;
}

static bool on_log(void *arg, const char *data, size_t len)
{
	struct past *p = arg;

	if (len > p->max) {
		data += len - p->max;
		len = p->max;
		p->is_cut = true;
	}
	if (p->log.len + len > p->log.max)
		keep_end(p);
	buf_add(&p->log, data, len);
	return true;
}

static void on_log_end(void *arg, const struct engine_reply *reply)
{
	struct past *p = arg;
	size_t after = SEAM_LOST;

	p->call = NULL;
	/* without its log a terminal is worth as much as it shows from now on */
	if (reply->status != 200)
		buf_reset(&p->log);
	keep_end(p);
	if (p->is_cut) {	/* not from the middle of a sequence */
		const char *line = memchr(buf_str(&p->log), '\n', p->log.len);

		p->at = line ? (size_t)(line + 1 - p->log.data) : 0;
	}
	if (p->seen.len)
		after = log_len(p) ? seam_after(log_text(p), log_len(p), &p->seen) : 0;
	loop_timer_set(p->loop, &p->timer, SETTLE_MS, join, p);
	if (after == SEAM_LOST && log_len(p))
		p->ev->past(p->arg, log_text(p), log_len(p), true);
	else if (after < log_len(p))
		p->ev->past(p->arg, log_text(p) + after, log_len(p) - after, false);
}

struct past *past_new(struct engine *e, const struct stream_request *req,
                      const struct past_events *ev, void *arg)
{
	CLEANUP_FREE char *container = spec_container(req->session, ROLE_AGENT);
	struct past *p = xcalloc(1, sizeof *p);

	*p = (struct past){ .engine = e,
		            .loop = engine_loop(e),
		            .path = xasprintf("/containers/%s/logs?stdout=1&stderr=1&tail=%d",
		                              container, LINES_MAX),
		            .log = BUF_INIT(2 * req->past_max),
		            .max = req->past_max,
		            .seen = SEAM_SEEN_INIT(),
		            .held = BUF_INIT(HELD_ROOM),
		            .ev = ev,
		            .arg = arg };
	if (req->seen)
		seam_see(&p->seen, req->seen->data, req->seen->len);
	return p;
}

void past_read(struct past *p)
{
	const struct engine_request ask = {
		.method = "GET", .path = p->path, .on_data = on_log, .on_done = on_log_end, .arg = p
	};

	p->call = engine_send(p->engine, &ask);
}

/* --- the stream ---------------------------------------------------------------------------- */

void past_data(struct past *p, const char *data, size_t len)
{
	size_t n = p->is_joined && p->twice ? n_twice(p, data, len) : 0;

	data += n;
	len -= n;
	if (p->is_joined && !p->is_paused && !p->held.len) {
		if (len)
			p->ev->data(p->arg, data, len);
		return;
	}
	buf_add(&p->held, data, len);	/* there is room for more than comes at once */
	p->is_full = p->held.len >= HELD_MAX;
	hold(p);
}

void past_pause(struct past *p, bool is_paused)
{
	p->is_paused = is_paused;
	hold(p);
	if (p->is_joined && is_paused)
		loop_timer_cancel(p->loop, &p->timer);
	else if (p->is_joined)
		loop_timer_set(p->loop, &p->timer, 0, give_held, p);
}

void past_end(struct past *p)
{
	engine_cancel(p->call);
	p->call = NULL;
	loop_timer_cancel(p->loop, &p->timer);
	p->is_joined = true;
	give_held(p);
}

void past_stop(struct past *p)
{
	if (!p)
		return;
	engine_cancel(p->call);
	loop_timer_cancel(p->loop, &p->timer);
	buf_done(&p->log);
	buf_done(&p->seen);
	buf_done(&p->held);
	free(p->path);
	free(p);
}
