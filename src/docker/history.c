#include "docker/history.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "docker/engine.h"
#include "docker/spec.h"

#define LINES_MAX 20000	/* of 16 KB at most: the bytes are what counts */

struct history {
	struct engine_call *call;
	struct buf kept;	/* twice what is wanted, so that it is not moved for each piece */
	size_t max;
	backend_history_fn *fn;
	void *arg;
	void *owner;
};

void history_stop(struct history *h)
{
	if (!h)
		return;
	engine_cancel(h->call);
	buf_done(&h->kept);
	free(h);
}

static void keep_end(struct buf *b, size_t max)
{
	if (b->len > max)
		buf_consume(b, b->len - max);
}

static bool on_data(void *arg, const char *data, size_t len)
{
	struct history *h = arg;

	if (len > h->max) {
		data += len - h->max;
		len = h->max;
	}
	if (h->kept.len + len > h->kept.max)
		keep_end(&h->kept, h->max);
	buf_add(&h->kept, data, len);
	return true;
}

static void on_done(void *arg, const struct engine_reply *reply)
{
	struct history *h = arg;
	const char *text, *line = NULL;
	size_t len;
	struct err err = { 0 };

	h->call = NULL;
	engine_check(reply, &err, "reading what the terminal showed before");
	if (h->kept.len > h->max) {
		keep_end(&h->kept, h->max);
		/* not from the middle of a sequence */
		line = memchr(h->kept.data, '\n', h->kept.len);
	}
	text = line ? line + 1 : buf_str(&h->kept);
	len = h->kept.len - (line ? (size_t)(line + 1 - h->kept.data) : 0);
	h->fn(h->arg, text, err.kind ? 0 : len, err.kind ? &err : NULL);
	free(h->owner);
	history_stop(h);
}

struct history *history_start(struct engine *e, const char *session, size_t max,
                              backend_history_fn *fn, void *arg, void *owner)
{
	CLEANUP_FREE char *container = spec_container(session, ROLE_AGENT);
	CLEANUP_FREE char *path = xasprintf("/containers/%s/logs?stdout=1&stderr=1&tail=%d",
	                                    container, LINES_MAX);
	struct history *h = xcalloc(1, sizeof *h);
	const struct engine_request req = {
		.method = "GET", .path = path, .on_data = on_data, .on_done = on_done, .arg = h
	};

	*h = (struct history){ .kept = BUF_INIT(2 * max), .max = max, .fn = fn, .arg = arg,
		               .owner = owner };
	h->call = engine_send(e, &req);
	return h;
}
