/* A Docker Engine of a few scripted answers, on a unix socket in the test's own
 * loop: no thread, so what happens when is the test's to decide.
 *
 * Each request is looked up by the beginning of "METHOD /path". An answer is
 * written as it stands; afterwards the connection stays open, or is closed.
 */
#ifndef TESTS_FAKE_ENGINE_H
#define TESTS_FAKE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/loop.h"
#include "core/mem.h"

#define FAKE_CONNS_MAX 16

struct fake_answer {
	const char *request;	/* "GET /version"; the first that fits counts */
	const char *answer;	/* NULL: none, ever */
	bool closes;
};

struct fake_conn {
	struct fake_engine *fake;
	int fd;			/* -1: free */
	bool is_raw;		/* after a 101: what comes is kept in `raw` */
	struct buf in;
};

struct fake_engine {
	struct loop *loop;
	int fd;
	char dir[32], path[64], host[80];
	const struct fake_answer *answers;	/* until one without a request */
	struct fake_conn conns[FAKE_CONNS_MAX];
	struct fake_conn *last;		/* asked last */
	struct buf bytes;		/* an answer that holds NULs: its text is this one's */
	struct buf log;			/* "GET /version;" for each request */
	struct buf raw;
};

/* The "*" becomes the body's length. */
#define FAKE_ERROR(code, body) "HTTP/1.1 " code " x\r\nContent-Length: *\r\n\r\n" body
#define FAKE_OK(body) FAKE_ERROR("200", body)
#define FAKE_STREAM "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define FAKE_UPGRADE \
	"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

static inline void fake_close(struct fake_conn *c)
{
	if (c->fd < 0)
		return;
	loop_fd_remove(c->fake->loop, c->fd);
	close(c->fd);
	c->fd = -1;
	buf_done(&c->in);
}

static inline void fake_write_n(struct fake_conn *c, const char *data, size_t len)
{
	/* whoever gave the request up may be gone: then it is for nobody */
	ssize_t n = c->fd < 0 ? 0 : send(c->fd, data, len, MSG_NOSIGNAL);

	(void)n;
}

static inline void fake_write(struct fake_conn *c, const char *text)
{
	fake_write_n(c, text, strlen(text));
}

static inline void fake_say(struct fake_conn *c, const char *answer)
{
	const char *star = strstr(answer, "Content-Length: *\r\n\r\n");
	CLEANUP_FREE char *text = NULL;

	if (star)
		text = xasprintf("%.*s%zu%s", (int)(star + 16 - answer), answer, strlen(star + 21),
		                 star + 17);
	fake_write(c, text ? text : answer);
}

/* The length of the first request in c->in, 0 while it is not whole. */
static inline size_t fake_request(struct fake_conn *c)
{
	const char *head = buf_str(&c->in), *stop = strstr(head, "\r\n\r\n");
	const char *field = stop ? strstr(head, "Content-Length: ") : NULL;
	size_t len = stop ? (size_t)(stop - head) + 4 : 0;

	if (field && field < stop)
		len += strtoul(field + 16, NULL, 10);
	return len <= c->in.len ? len : 0;
}

static inline void fake_answer(struct fake_conn *c, size_t len)
{
	struct fake_engine *f = c->fake;
	CLEANUP_FREE char *request = xstrndup(c->in.data, strcspn(c->in.data, "\r\n"));
	char *version = strstr(request, " /v1."), *end;

	/* "/v1.41/x" is "/x" */
	if (version) {
		end = version + 5 + strspn(version + 5, "0123456789");
		memmove(version + 1, end, strlen(end) + 1);
	}
	end = strstr(request, " HTTP/");
	if (end)
		*end = '\0';
	buf_addf(&f->log, "%s;", request);
	buf_consume(&c->in, len);
	f->last = c;
	for (const struct fake_answer *a = f->answers; a && a->request; a++) {
		if (strncmp(request, a->request, strlen(a->request)) != 0)
			continue;
		if (a->answer && a->answer == f->bytes.data)
			fake_write_n(c, f->bytes.data, f->bytes.len);
		else if (a->answer)
			fake_say(c, a->answer);
		c->is_raw = a->answer && strncmp(a->answer, "HTTP/1.1 101", 12) == 0;
		if (a->closes)
			fake_close(c);
		return;
	}
	fake_say(c, FAKE_ERROR("404", "{\"message\":\"no such\"}\n"));
}

static inline void fake_on_data(void *arg, int fd, unsigned events)
{
	struct fake_conn *c = arg;
	char data[4096];
	ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
	size_t len;

	(void)events;
	if (n <= 0) {
		fake_close(c);
		return;
	}
	if (c->is_raw) {
		buf_add(&c->fake->raw, data, (size_t)n);
		return;
	}
	buf_add(&c->in, data, (size_t)n);
	while (c->fd >= 0 && !c->is_raw && (len = fake_request(c)) > 0)
		fake_answer(c, len);
	if (c->is_raw && c->in.len) {
		buf_add(&c->fake->raw, c->in.data, c->in.len);
		buf_reset(&c->in);
	}
}

static inline void fake_on_accept(void *arg, int fd, unsigned events)
{
	struct fake_engine *f = arg;
	int conn = accept(fd, NULL, NULL);

	(void)events;
	for (size_t i = 0; conn >= 0 && i < FAKE_CONNS_MAX; i++) {
		struct fake_conn *c = &f->conns[i];

		if (c->fd >= 0)
			continue;
		*c = (struct fake_conn){ .fake = f, .fd = conn, .in = BUF_INIT(1u << 20) };
		loop_fd_set(f->loop, conn, LOOP_READ, fake_on_data, c, NULL);
		return;
	}
	close(conn);
}

static inline int fake_open(struct fake_engine *f, struct loop *loop)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	*f = (struct fake_engine){ .loop = loop,
		                   .dir = "/tmp/cb-engine-XXXXXX",
		                   .log = BUF_INIT(1u << 16),
		                   .raw = BUF_INIT(1u << 20) };
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof f->path, "%s/sock", f->dir);
	snprintf(f->host, sizeof f->host, "unix://%s", f->path);
	memcpy(at.sun_path, f->path, strlen(f->path) + 1);
	for (size_t i = 0; i < FAKE_CONNS_MAX; i++)
		f->conns[i].fd = -1;
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->fd < 0 || bind(f->fd, (struct sockaddr *)&at, sizeof at) < 0 ||
	    listen(f->fd, 16) < 0)
		return -1;
	return loop_fd_set(loop, f->fd, LOOP_READ, fake_on_accept, f, NULL);
}

/* The engine dies: nobody listens any more, and every connection ends. */
static inline void fake_die(struct fake_engine *f)
{
	if (f->fd >= 0) {
		loop_fd_remove(f->loop, f->fd);
		close(f->fd);
		unlink(f->path);
	}
	f->fd = -1;
	for (size_t i = 0; i < FAKE_CONNS_MAX; i++)
		fake_close(&f->conns[i]);
}

static inline void fake_done(struct fake_engine *f)
{
	fake_die(f);
	rmdir(f->dir);
	buf_done(&f->log);
	buf_done(&f->raw);
}

#endif
