#include "replay/backend_replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/file.h"
#include "core/mem.h"
#include "replay/demo.h"
#include "replay/replay_int.h"

#define SPEED_MAX 1000.0

int64_t replay_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

uint64_t replay_ms(const struct backend *b, uint64_t ms)
{
	return b->speed > 0 ? (uint64_t)((double)ms / b->speed) : 0;
}

/* --- sessions --------------------------------------------------------------------------- */

struct live *replay_live(struct backend *b, const char *name, bool make)
{
	struct live **at = &b->lives, *l;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at || !make)
		return *at;
	l = xcalloc(1, sizeof *l);
	snprintf(l->name, sizeof l->name, "%s", name);
	l->output = (struct buf)BUF_INIT(REPLAY_OUTPUT_MAX);
	*at = l;
	return l;
}

void replay_clear(struct live *l)
{
	for (size_t i = 0; i < l->n_events; i++)
		event_done(&l->events[i]);
	free(l->events);
	l->events = NULL;
	l->n_events = 0;
	push_list_done(&l->pushes);
	replay_policy_free(l->policy);
	l->policy = NULL;
	buf_done(&l->output);
	l->output = (struct buf)BUF_INIT(REPLAY_OUTPUT_MAX);
	l->output_start = 0;
}

void replay_output(struct backend *b, struct live *l, const char *data, size_t len)
{
	while (len) {
		size_t n = len < REPLAY_OUTPUT_MAX / 2 ? len : REPLAY_OUTPUT_MAX / 2;

		if (l->output.len + n > REPLAY_OUTPUT_MAX) {
			l->output_start += l->output.len / 2;
			buf_consume(&l->output, l->output.len / 2);
		}
		buf_add(&l->output, data, n);
		data += n;
		len -= n;
	}
	replay_wake_streams(b, l, false);
}

void replay_end(struct backend *b, struct live *l)
{
	struct track **at = &b->tracks;

	while (*at) {
		struct track *t = *at;

		if (t->live != l) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		free(t);
	}
	replay_wake_streams(b, l, true);
	replay_wake_follows(b, l, true);
}

/* --- playing ------------------------------------------------------------------------------ */

static void play_session(struct backend *b, const struct recording_entry *e)
{
	struct live *l = replay_live(b, e->name, true);
	bool ran = l->exists && l->is.state == SESSION_RUNNING;

	if (l->is_taken)
		return;
	if (!l->exists) {
		replay_clear(l);
		snprintf(l->launch, sizeof l->launch, "recorded%u", ++b->n_launches);
	}
	l->exists = true;
	l->is = e->session;
	l->is.created += b->shift_ns / 1000000000;
	if (l->is.released_ns)
		l->is.released_ns += b->shift_ns;
	if (ran && l->is.state != SESSION_RUNNING)
		replay_wake_streams(b, l, true);
}

void replay_event(struct backend *b, struct live *l, const struct event *e, int64_t ts_ns)
{
	int64_t now = replay_clock_ns();
	struct event *ev;

	l->events = xreallocarray(l->events, l->n_events + 1, sizeof *l->events);
	ev = &l->events[l->n_events++];
	event_copy(ev, e);
	event_set_owner(ev, l->name, l->is.bottle);
	ev->ts_ns = ts_ns < now ? ts_ns : now;
	replay_wake_follows(b, l, false);
}

static void play_event(struct backend *b, const struct recording_entry *e, struct live *l)
{
	replay_event(b, l, &e->event,
	             l->is_taken ? replay_clock_ns() : e->event.ts_ns + b->shift_ns);
}

static void play_engine(struct backend *b, const struct recording_entry *e)
{
	free(b->away);
	b->away = xstrdup_or_null(e->engine.text);
	if (!b->away)
		return;
	/* whatever hung on it breaks off; nobody is told of sessions any more */
	for (struct live *l = b->lives; l; l = l->next) {
		replay_wake_streams(b, l, true);
		replay_wake_follows(b, l, true);
	}
}

static void play(struct backend *b, const struct track *t, const struct recording_entry *e)
{
	struct live *l = t->live ? t->live : replay_live(b, e->name, false);

	/* only what belongs to the launch is heard of a session that was launched here */
	if (l && l->is_taken && !t->live && e->kind != RECORDING_ENGINE)
		return;
	switch (e->kind) {
	case RECORDING_SESSION:
		play_session(b, e);
		break;
	case RECORDING_GONE:
		if (l && l->exists) {
			l->exists = false;
			replay_end(b, l);
		}
		break;
	case RECORDING_EVENT:
		if (l && l->exists)
			play_event(b, e, l);
		break;
	case RECORDING_TERMINAL:
		if (l && l->exists)
			replay_output(b, l, e->data, e->len);
		break;
	case RECORDING_PUSH:
		if (l && l->exists)
			replay_push(b, l, &e->push);
		break;
	case RECORDING_ENGINE:
		play_engine(b, e);
		break;
	case RECORDING_LAUNCH:
		break;	/* looked up when somebody launches */
	}
}

static uint64_t due_ns(const struct backend *b, const struct track *t)
{
	return t->start_ns + replay_ms(b, (uint64_t)t->v[t->at].t_ms) * 1000000;
}

static void on_due(void *arg)
{
	struct backend *b = arg;
	uint64_t now = loop_now_ns(), next = UINT64_MAX;

	for (struct track *t = b->tracks; t; t = t->next)
		while (t->at < t->n && due_ns(b, t) <= now)
			play(b, t, &t->v[t->at++]);
	for (struct track *t = b->tracks; t; t = t->next)
		if (t->at < t->n && due_ns(b, t) < next)
			next = due_ns(b, t);
	if (next != UINT64_MAX)
		loop_timer_set(b->loop, &b->timer, (next - now) / 1000000 + 1, on_due, b);
}

void replay_play(struct backend *b, const struct recording_entry *v, size_t n, struct live *l)
{
	struct track *t = xcalloc(1, sizeof *t);

	*t = (struct track){ .next = b->tracks, .v = v, .n = n, .live = l };
	t->start_ns = loop_now_ns();
	b->tracks = t;
	loop_timer_set(b->loop, &b->timer, 0, on_due, b);
}

/* The last that was said before now, or the first. */
const struct recording_launch *replay_launch_of(const struct backend *b, const char *agent)
{
	const struct recording *r = b->recording;
	uint64_t now = loop_now_ns();
	const struct recording_launch *found = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct recording_entry *e = &r->v[i];
		uint64_t due = b->start_ns + replay_ms(b, (uint64_t)e->t_ms) * 1000000;

		if (e->kind == RECORDING_LAUNCH && strcmp(e->name, agent) == 0 &&
		    (!found || due <= now))
			found = &e->launch;
	}
	return found;
}

/* --- life ---------------------------------------------------------------------------------- */

static int read_recording(struct recording **out, const char *path, struct err *err)
{
	struct buf b = BUF_INIT(RECORDING_BYTES_MAX);
	struct faults faults = { 0 };
	struct buf first = BUF_INIT(4096);
	int rc = 0;

	if (file_read(path, &b) < 0) {
		rc = err_errno(err, ERR_INPUT, errno, "recording %s", path);
	} else if (!(*out = recording_parse(buf_str(&b), b.len, path, &faults))) {
		fault_text(&faults.v[0], &first);
		rc = err_set(err, ERR_INPUT, "%s", buf_str(&first));
		if (faults.n_errors > 1)
			err_set(err, ERR_INPUT, "%s (and %zu more)", buf_str(&first),
			        faults.n_errors - 1);
	}
	buf_done(&first);
	faults_done(&faults);
	buf_done(&b);
	return rc;
}

static int parse_speed(double *out, const char *text, struct err *err)
{
	char *end;
	double v;

	if (!text || !*text)
		return 0;
	v = strtod(text, &end);
	if (*end || !(v >= 0 && v <= SPEED_MAX))
		return err_set(err, ERR_INPUT,
		               "\"%.40s\" is no speed for a replay; 1 is real time, 0 at once",
		               text);
	*out = v;
	return 0;
}

static int replay_open(struct backend **out, struct loop *loop, const struct backend_settings *s,
                       struct err *err)
{
	struct backend *b;
	double speed = 1;
	struct recording *r = NULL;
	CLEANUP_FREE char *path = NULL;

	if (s->recording && *s->recording)
		path = xstrdup(s->recording);
	else if (demo_path(&path, "demo.jsonl", err) < 0)
		return -1;
	if (parse_speed(&speed, s->replay_speed, err) < 0 || read_recording(&r, path, err) < 0)
		return -1;
	b = xcalloc(1, sizeof *b);
	b->loop = loop;
	b->recording = r;
	b->speed = speed;
	b->start_ns = loop_now_ns();
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): read_recording() gave one */
	b->shift_ns = replay_clock_ns() - r->start_ns;
	replay_play(b, r->v, r->n, NULL);
	/* who asks at once finds what was there at the start */
	loop_timer_cancel(loop, &b->timer);
	on_due(b);
	*out = b;
	return 0;
}

static void replay_close(struct backend *b)
{
	if (!b)
		return;
	loop_timer_cancel(b->loop, &b->timer);
	replay_drop_jobs(b);
	replay_drop_streams(b);
	while (b->tracks) {
		struct track *t = b->tracks;

		b->tracks = t->next;
		free(t);
	}
	while (b->lives) {
		struct live *l = b->lives;

		b->lives = l->next;
		replay_clear(l);
		buf_done(&l->output);
		free(l->digest);
		free(l);
	}
	recording_free(b->recording);
	free(b->away);
	free(b);
}

static const char *replay_describe(const struct backend *b)
{
	return b->recording->engine;
}

const struct backend_ops backend_replay = {
	.name = "replay",
	.open = replay_open,
	.close = replay_close,
	.describe = replay_describe,
	.prepare = replay_prepare,
	.launch = replay_launch,
	.stop = replay_stop,
	.list = replay_list,
	.verify = replay_verify,
	.follow = replay_follow,
	.attach = replay_attach,
	.stream_send = replay_stream_send,
	.stream_resize = replay_stream_resize,
	.stream_pause = replay_stream_pause,
	.stream_close = replay_stream_close,
	.policy = replay_policy,
	.policy_change = replay_policy_change,
	.why = replay_why,
	.pushes = replay_pushes,
	.push_read = replay_push_read,
	.push_decide = replay_push_decide,
	.cancel = replay_cancel,
};
