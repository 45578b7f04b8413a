#include "docker/hijack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/loop.h"
#include "core/mem.h"
#include "docker/engine.h"
#include "docker/engine_curl.h"

#define HEAD_MAX (16u << 10)
#define ANSWER_MS 30000		/* an engine that is there answers at once */

enum hijack_state {
	HIJACK_CONNECTING,
	HIJACK_HEAD,		/* our request is sent; reading the answer's head */
	HIJACK_REFUSED,		/* reading the body of an error */
	HIJACK_OPEN,
	HIJACK_ENDED,
};

struct hijack {
	struct engine_handle handle;	/* first: CURLOPT_PRIVATE points here */
	struct engine *engine;
	struct loop *loop;
	struct loop_timer again;	/* start, and more to read than a turn allows */
	struct loop_timer patience;	/* until the answer is here */
	const struct hijack_events *events;
	void *arg;
	enum hijack_state state;
	int status;
	curl_socket_t fd;
	bool is_watched;
	bool in_callback;
	bool is_closed;
	bool is_paused;
	struct buf out;		/* being sent */
	struct buf early;	/* queued before it was open: the engine loses what comes with
				 * the request, so this waits for the answer */
	struct buf head;	/* the answer's head, or an error's body */
};

static void on_ready(void *arg, int fd, unsigned events);

static void watch(struct hijack *h)
{
	unsigned events = h->is_paused ? 0 : LOOP_READ;

	if (h->out.len)
		events |= LOOP_WRITE;
	if (loop_fd_set(h->loop, h->fd, events, on_ready, h, NULL) == 0)
		h->is_watched = true;
}

static void unwatch(struct hijack *h)
{
	if (h->is_watched)
		loop_fd_remove(h->loop, h->fd);
	h->is_watched = false;
}

static void end(struct hijack *h, const struct err *err)
{
	/* a closed one only waits to be freed: its owner may be gone */
	if (h->state == HIJACK_ENDED || h->is_closed)
		return;
	h->state = HIJACK_ENDED;
	unwatch(h);
	loop_timer_cancel(h->loop, &h->again);
	loop_timer_cancel(h->loop, &h->patience);
	h->in_callback = true;
	h->events->on_end(h->arg, err);
	h->in_callback = false;
}

static void end_with(struct hijack *h, enum err_kind kind, const char *text, const char *words)
{
	struct err err = { 0 };

	err_set(&err, kind, "%s: %s", text, words);
	end(h, &err);
}

static void flush_out(struct hijack *h)
{
	while (h->out.len) {
		size_t sent = 0;
		CURLcode code = curl_easy_send(h->handle.easy, h->out.data, h->out.len, &sent);

		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK) {
			end_with(h, ERR_ENGINE, "writing to the engine", curl_easy_strerror(code));
			return;
		}
		buf_consume(&h->out, sent);
	}
	if (h->out.data)
		mem_wipe(h->out.data, h->out.cap);
}

/* The answer's head is whole: decide, and give what follows it to the owner. */
static void read_head(struct hijack *h)
{
	char *stop = strstr(h->head.data, "\r\n\r\n");
	size_t used;

	if (!stop)
		return;
	if (sscanf(h->head.data, "HTTP/1.%*d %d", &h->status) != 1) {
		end_with(h, ERR_ENGINE, "opening a stream", "the engine's answer is not HTTP");
		return;
	}
	used = (size_t)(stop - h->head.data) + 4;
	buf_consume(&h->head, used);
	if (h->status != 101 && h->status != 200) {
		h->state = HIJACK_REFUSED;
		return;
	}
	h->state = HIJACK_OPEN;
	loop_timer_cancel(h->loop, &h->patience);
	buf_add(&h->out, buf_str(&h->early), h->early.len);
	buf_done(&h->early);
	flush_out(h);
	if (h->state == HIJACK_ENDED)
		return;
	h->in_callback = true;
	if (h->events->on_open)
		h->events->on_open(h->arg);
	if (!h->is_closed && h->head.len)
		h->events->on_data(h->arg, h->head.data, h->head.len);
	h->in_callback = false;
	buf_reset(&h->head);
}

static void take(struct hijack *h, const char *data, size_t len)
{
	if (h->state == HIJACK_OPEN) {
		h->in_callback = true;
		h->events->on_data(h->arg, data, len);
		h->in_callback = false;
		return;
	}
	if (buf_add(&h->head, data, len) < 0)
		end_with(h, ERR_ENGINE, "opening a stream", "the answer's head is too long");
	else if (h->state == HIJACK_HEAD)
		read_head(h);
	/* an error's connection may stay open: a whole JSON object is enough */
	if (h->state == HIJACK_REFUSED && h->head.len && strchr(h->head.data, '}')) {
		char text[64];
		const char *json = strchr(h->head.data, '{');

		snprintf(text, sizeof text, "opening a stream (HTTP %d)", h->status);
		end_with(h, ERR_FAILED, text, json ? json : h->head.data);
	}
}

static void on_eof(struct hijack *h)
{
	if (h->state == HIJACK_OPEN)
		end(h, NULL);
	else
		end_with(h, ERR_ENGINE, "opening a stream", "the engine closed the connection");
}

static void on_again(void *arg)
{
	struct hijack *h = arg;

	on_ready(h, h->fd, LOOP_READ);
}

static void read_in(struct hijack *h)
{
	static _Thread_local char data[64 << 10];
	size_t total = 0;

	while (h->state != HIJACK_ENDED && !h->is_closed && !h->is_paused) {
		size_t len = 0;
		CURLcode code = curl_easy_recv(h->handle.easy, data, sizeof data, &len);

		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK) {
			end_with(h, ERR_ENGINE, "reading from the engine",
			         curl_easy_strerror(code));
			return;
		}
		if (len == 0) {
			on_eof(h);
			return;
		}
		take(h, data, len);
		total += len;
		if (total >= HIJACK_TURN_MAX && !h->is_closed && !h->is_paused) {
			/* TLS may hold more with the socket silent: come back by ourselves */
			loop_timer_set(h->loop, &h->again, 0, on_again, h);
			return;
		}
	}
}

static void hijack_destroy(struct hijack *h)
{
	unwatch(h);
	loop_timer_cancel(h->loop, &h->again);
	loop_timer_cancel(h->loop, &h->patience);
	if (h->handle.easy) {
		curl_multi_remove_handle(engine_multi(h->engine), h->handle.easy);
		curl_easy_cleanup(h->handle.easy);
	}
	buf_done(&h->out);
	buf_done(&h->early);
	buf_done(&h->head);
	free(h);
}

static void on_destroy(void *arg)
{
	hijack_destroy(arg);
}

static void on_ready(void *arg, int fd, unsigned events)
{
	struct hijack *h = arg;

	(void)fd;
	if (h->is_closed)
		return;
	if (events & LOOP_WRITE)
		flush_out(h);
	if (h->state != HIJACK_ENDED && !h->is_closed && (events & LOOP_READ))
		read_in(h);
	if (h->state != HIJACK_ENDED && !h->is_closed)
		watch(h);
}

static void on_silence(void *arg)
{
	struct hijack *h = arg;

	end_with(h, ERR_ENGINE, "opening a stream", "the engine does not answer");
}

/* Connected: libcurl leaves the socket to us from here on. */
static void on_connected(struct engine_handle *handle, CURLcode code)
{
	struct hijack *h = (struct hijack *)handle;

	if (h->is_closed)
		return;
	if (code != CURLE_OK) {
		end_with(h, ERR_ENGINE, "connecting to the engine", curl_easy_strerror(code));
		return;
	}
	if (curl_easy_getinfo(handle->easy, CURLINFO_ACTIVESOCKET, &h->fd) != CURLE_OK ||
	    h->fd == CURL_SOCKET_BAD) {
		end_with(h, ERR_ENGINE, "connecting to the engine", "no socket");
		return;
	}
	h->state = HIJACK_HEAD;
	loop_timer_set(h->loop, &h->patience, ANSWER_MS, on_silence, h);
	flush_out(h);
	if (h->state != HIJACK_ENDED && !h->is_closed)
		watch(h);
}

static void on_start(void *arg)
{
	struct hijack *h = arg;

	curl_multi_add_handle(engine_multi(h->engine), h->handle.easy);
	engine_kick(h->engine);
}

struct hijack *hijack_open(struct engine *e, const char *path, const char *body,
                           const struct hijack_events *events, void *arg)
{
	struct hijack *h = xcalloc(1, sizeof *h);
	CURL *easy;

	h->engine = e;
	h->loop = engine_loop(e);
	h->events = events;
	h->arg = arg;
	h->fd = CURL_SOCKET_BAD;
	h->out = (struct buf)BUF_INIT_SECRET(HIJACK_QUEUE_MAX);
	h->early = (struct buf)BUF_INIT_SECRET(HIJACK_QUEUE_MAX / 2);
	h->head = (struct buf)BUF_INIT(HEAD_MAX);
	h->handle.on_done = on_connected;
	buf_addf(&h->out,
	         "POST /v1.%d%s HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
	         "Upgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	         engine_api_minor(e), path, strlen(body), body);
	easy = engine_easy(e, &h->handle, path, false);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	loop_timer_set(h->loop, &h->again, 0, on_start, h);
	return h;
}

int hijack_send(struct hijack *h, const void *data, size_t len)
{
	if (h->state == HIJACK_ENDED || h->is_closed)
		return -1;
	if (h->state != HIJACK_OPEN)
		return buf_add(&h->early, data, len);
	if (buf_add(&h->out, data, len) < 0)
		return -1;
	/* the loop writes: what fails must not come back from inside this call */
	if (!h->in_callback)
		watch(h);
	return 0;
}

void hijack_pause(struct hijack *h, bool is_paused)
{
	if (h->is_paused == is_paused)
		return;
	h->is_paused = is_paused;
	if (h->state != HIJACK_OPEN || h->is_closed)
		return;
	if (is_paused)
		loop_timer_cancel(h->loop, &h->again);
	else	/* TLS may hold more with the socket silent */
		loop_timer_set(h->loop, &h->again, 0, on_again, h);
	if (!h->in_callback)
		watch(h);
}

void hijack_close(struct hijack *h)
{
	if (!h || h->is_closed)
		return;
	h->is_closed = true;
	unwatch(h);
	/* libcurl or our own reader may be on the stack: then the loop frees it */
	if (h->in_callback || engine_is_in_libcurl(h->engine))
		loop_timer_set(h->loop, &h->again, 0, on_destroy, h);
	else
		hijack_destroy(h);
}
