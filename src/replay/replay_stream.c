/* Terminals of the replay backend: what was recorded, and an echo. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "replay/replay_int.h"

#define SHELL_OUTPUT_MAX ((size_t)1 << 20)
#define CTRL_D		 4
#define ESC		 27

static void wake(struct backend_stream *s);

static void stream_free(struct backend_stream *s)
{
	struct backend_stream **at = &s->backend->streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	loop_timer_cancel(s->backend->loop, &s->timer);
	buf_done(&s->own);
	free(s);
}

void replay_drop_streams(struct backend *b)
{
	while (b->streams)
		stream_free(b->streams);
}

/* The next bytes for this stream, copied, since taking them may add more. */
static size_t take(struct backend_stream *s, char out[REPLAY_CHUNK])
{
	const struct live *l = s->live;
	size_t n, skip;

	if (s->is_shell) {
		n = s->own.len < REPLAY_CHUNK ? s->own.len : REPLAY_CHUNK;
		if (n) {
			memcpy(out, s->own.data, n);
			buf_consume(&s->own, n);
		}
		return n;
	}
	if (!l || !l->output.len)
		return 0;
	if (s->at < l->output_start)
		s->at = l->output_start;
	skip = (size_t)(s->at - l->output_start);
	if (skip >= l->output.len)
		return 0;
	n = l->output.len - skip < REPLAY_CHUNK ? l->output.len - skip : REPLAY_CHUNK;
	memcpy(out, l->output.data + skip, n);
	s->at += n;
	return n;
}

static void greet(struct backend_stream *s)
{
	static const char clear[] = "\033[2J\033[3J\033[H";

	if (s->is_shell)
		buf_addf(&s->own, "agent@%s:~$ ", s->live->name);
	else if (s->live->output.len)
		/* who attaches again sees the screen once, as after a repaint */
		s->ev->data(s->arg, clear, sizeof clear - 1);
}

static void on_wake(void *arg)
{
	struct backend_stream *s = arg;
	char chunk[REPLAY_CHUNK];
	size_t n;

	s->is_called = true;
	if (!s->is_open && s->live) {
		s->is_open = true;
		if (s->ev->opened)
			s->ev->opened(s->arg);
		if (!s->is_closed)
			greet(s);
	}
	while (!s->is_closed && !s->is_paused && (n = take(s, chunk)))
		s->ev->data(s->arg, chunk, n);
	if (!s->is_closed && !s->is_paused && s->is_over) {
		s->is_over = false;
		s->live = NULL;
		s->ev->ended(s->arg, s->err.kind ? &s->err : NULL);
	}
	s->is_called = false;
	if (s->is_closed)
		stream_free(s);
}

static void wake(struct backend_stream *s)
{
	loop_timer_set(s->backend->loop, &s->timer, 0, on_wake, s);
}

struct backend_stream *replay_attach(struct backend *b, const struct stream_request *req,
                                     const struct stream_events *ev, void *arg)
{
	struct backend_stream *s = xcalloc(1, sizeof *s);
	struct live *l = replay_live(b, req->session, false);

	s->backend = b;
	s->ev = ev;
	s->arg = arg;
	s->is_shell = req->is_shell;
	s->own = (struct buf)BUF_INIT(SHELL_OUTPUT_MAX);
	s->next = b->streams;
	b->streams = s;
	if (b->away)
		err_set(&s->err, ERR_ENGINE, "%s", b->away);
	else if (!l || !l->exists || l->is.state != SESSION_RUNNING)
		err_set(&s->err, ERR_FAILED, "session \"%s\" is not running", req->session);
	else
		s->live = l;
	s->is_over = !s->live;
	wake(s);
	return s;
}

/* --- the echo ------------------------------------------------------------------------ */

static void show(struct backend_stream *s, const char *text, size_t len)
{
	if (s->is_shell) {
		buf_add(&s->own, text, len);
		wake(s);
	} else {
		replay_output(s->backend, s->live, text, len);
	}
}

static void echo_byte(struct backend_stream *s, unsigned char c)
{
	char text[4] = { (char)c };

	if (c == '\r' || c == '\n') {
		show(s, "\r\n", 2);
		if (s->is_shell)
			buf_addf(&s->own, "agent@%s:~$ ", s->live->name);
	} else if (c == 0x7f || c == '\b') {
		show(s, "\b \b", 3);
	} else if (c == CTRL_D && s->is_shell) {
		show(s, "exit\r\n", 6);
		s->is_over = true;
	} else if (c < ' ') {
		text[0] = '^';
		text[1] = (char)(c + 64);
		show(s, text, 2);
	} else {
		show(s, text, 1);
	}
}

/* The bytes of a key as ^[[A; of an answer of the emulator, nothing. */
static void end_escape(struct backend_stream *s)
{
	char last = s->held[s->escape - 1];
	bool is_answer = s->escape > 2 && s->held[1] == '[' && strchr("Rcntuy", last);

	if (!is_answer) {
		show(s, "^[", 2);
		show(s, s->held + 1, s->escape - 1);
	}
	s->escape = 0;
}

static void take_byte(struct backend_stream *s, unsigned char c)
{
	bool is_csi, is_final;

	if (s->is_in_answer) {
		s->is_in_answer = c != '\a' && c != '\\';
		return;
	}
	if (!s->escape && c != ESC) {
		echo_byte(s, c);
		return;
	}
	if (s->escape + 1 >= sizeof s->held)
		s->escape = 1;	/* no key is that long: only its end is kept */
	s->held[s->escape++] = (char)c;
	if (s->escape == 2 && (c == ']' || c == 'P')) {
		s->is_in_answer = true;
		s->escape = 0;
		return;
	}
	is_csi = s->escape > 1 && (s->held[1] == '[' || s->held[1] == 'O');
	is_final = is_csi ? s->escape > 2 && c >= 0x40 && c <= 0x7e : s->escape > 1;
	if (is_final && (c < ' ' || c == 0x7f))
		s->escape = 0;	/* a control character ends it */
	else if (is_final)
		end_escape(s);
}

int replay_stream_send(struct backend_stream *s, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len && s->live && !s->is_over; i++)
		take_byte(s, bytes[i]);
	s->is_in_answer = false;	/* answers come whole */
	if (s->escape == 1)
		end_escape(s);	/* the key Escape alone */
	return s->live ? 0 : -1;
}

void replay_stream_resize(struct backend_stream *s, int rows, int cols)
{
	(void)s;	/* what was recorded does not know */
	(void)rows;
	(void)cols;
}

void replay_stream_pause(struct backend_stream *s, bool is_paused)
{
	s->is_paused = is_paused;
	if (!is_paused && !s->is_closed)
		wake(s);
}

void replay_stream_close(struct backend_stream *s)
{
	if (!s)
		return;
	s->is_closed = true;
	if (!s->is_called)
		stream_free(s);
}

void replay_wake_streams(struct backend *b, const struct live *l, bool is_over)
{
	for (struct backend_stream *s = b->streams; s; s = s->next) {
		if (s->live != l || s->is_closed)
			continue;
		if (is_over && b->away)
			err_set(&s->err, ERR_ENGINE, "%s", b->away);
		s->is_over = s->is_over || is_over;
		wake(s);
	}
}
