/* A proxy between claude-bottle and the engine that lets one request fail.
 *
 *   faultproxy LISTEN_SOCK ENGINE_SOCK
 *       [--fail N | --fail-match METHOD REGEX [--nth K]]
 *       [--mode error500|drop|hang|stall] [--log FILE]
 *
 * Requests are counted from 1 in the order that their heads arrive, over all
 * connections. The one that is N-th, or the K-th (default 1st; 0: each) whose method
 * is METHOD ("*": any) and whose target fits the extended REGEX, fails:
 *   error500  is answered 500 {"message":"injected fault"}; the engine never sees it
 *   drop      is carried out; once the engine answers, the connection is cut
 *             without a byte of the answer: the engine did it, nobody heard
 *   hang      is never answered; the engine never sees it
 *   stall     is carried out and never answered
 * The log has a line "N METHOD TARGET STATUS" for each answer, where STATUS is
 * the engine's, or injected-500, dropped, hung, stalled.
 * "ready" is printed once connections are accepted. SIGTERM or SIGINT ends it.
 *
 * What it knows of HTTP/1.1: where a head ends; that a body is as long as
 * Content-Length or the chunks say; that a 1xx answer but 101 is followed by
 * another; and that 101, or an answer without a length, means raw bytes both
 * ways until both sides have closed (attach, exec, build sessions, events).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/mem.h"

#define HEAD_MAX	(256u << 10)
#define CHUNK		(64u << 10)

enum mode { MODE_ERROR500, MODE_DROP, MODE_HANG, MODE_STALL, MODE_PASS };

static struct {
	const char *listen_path, *engine_path;
	unsigned long fail, nth;
	const char *method;
	regex_t target;
	enum mode mode;
	FILE *log;
	pthread_mutex_t lock;	/* over what follows, and log */
	unsigned long n, matches;
} proxy = { .nth = 1, .mode = MODE_ERROR500, .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- heads --------------------------------------------------------------------------- */

struct head {
	char first[3][4096];	/* the words of the first line */
	char *text;		/* the whole head, a string */
	size_t len;
};

/* Takes the head off the front of in; 0 when it is not all there, -1 when it is none. */
static int head_take(struct head *h, struct buf *in)
{
	const char *end = in->len ? memmem(in->data, in->len, "\r\n\r\n", 4) : NULL;

	if (!end)
		return in->len >= HEAD_MAX ? -1 : 0;
	h->len = (size_t)(end - in->data) + 4;
	h->text = xstrndup(in->data, h->len);
	buf_consume(in, h->len);
	memset(h->first, 0, sizeof h->first);
	if (sscanf(h->text, "%4095s %4095s %4095[^\r\n]", h->first[0], h->first[1],
		   h->first[2]) < 2) {
		free(h->text);
		h->text = NULL;
		return -1;
	}
	return 1;
}

static void head_done(struct head *h)
{
	free(h->text);
	h->text = NULL;
}

/* The value of a header, in out; "" when there is none. */
static const char *head_get(const struct head *h, const char *name, char out[256])
{
	size_t n = strlen(name);

	*out = '\0';
	for (const char *s = strchr(h->text, '\n'); s; s = strchr(s, '\n')) {
		s++;
		if (strncasecmp(s, name, n) != 0 || s[n] != ':')
			continue;
		s += n + 1;
		s += strspn(s, " \t");
		snprintf(out, 256, "%.*s", (int)strcspn(s, "\r\n"), s);
		break;
	}
	return out;
}

/* --- bodies -------------------------------------------------------------------------- */

enum body_kind { BODY_LENGTH, BODY_CHUNKED, BODY_RAW };
enum chunk_state { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER };

struct body {
	enum body_kind kind;
	bool is_done;
	uint64_t left;		/* of the body, or of the chunk */
	enum chunk_state state;
	char line[64];		/* of a chunk's size or a trailer; its start is enough */
	size_t line_len;
};

static void body_of(struct body *b, const struct head *h, bool is_answer, bool has_none)
{
	char value[256];

	memset(b, 0, sizeof *b);
	if (strcasestr(head_get(h, "Transfer-Encoding", value), "chunked"))
		b->kind = BODY_CHUNKED;
	else if (*head_get(h, "Content-Length", value))
		b->left = strtoull(value, NULL, 10);
	else if (is_answer)
		b->kind = BODY_RAW;
	if (has_none) {
		b->kind = BODY_LENGTH;
		b->left = 0;
	}
	b->is_done = b->kind == BODY_LENGTH && b->left == 0;
}

static void chunk_line_ended(struct body *b)
{
	b->line[b->line_len] = '\0';
	switch (b->state) {
	case CHUNK_SIZE:
		b->left = strtoull(b->line, NULL, 16);
		b->state = b->left ? CHUNK_DATA : CHUNK_TRAILER;
		break;
	case CHUNK_END:
		b->state = CHUNK_SIZE;
		break;
	case CHUNK_TRAILER:
		b->is_done = b->line_len == 0;
		break;
	case CHUNK_DATA:
		break;
	}
	b->line_len = 0;
}

/* How many of the n bytes belong to the body. */
static size_t body_take(struct body *b, const char *s, size_t n)
{
	size_t used = 0;

	if (b->kind == BODY_RAW)
		return n;
	while (used < n && !b->is_done) {
		if (b->kind == BODY_LENGTH || b->state == CHUNK_DATA) {
			size_t part = n - used < b->left ? n - used : (size_t)b->left;

			used += part;
			b->left -= part;
			if (b->left == 0 && b->kind == BODY_LENGTH)
				b->is_done = true;
			else if (b->left == 0)
				b->state = CHUNK_END;
			continue;
		}
		char c = s[used++];

		if (c == '\n')
			chunk_line_ended(b);
		else if (c != '\r' && b->line_len < sizeof b->line - 1)
			b->line[b->line_len++] = c;
	}
	return used;
}

/* --- one connection ------------------------------------------------------------------ */

struct conn {
	int client, engine;
	struct buf from_client, from_engine;	/* read, not looked at yet */
	struct buf to_client, to_engine;	/* to be written */
	bool client_eof, engine_eof;
	bool engine_shut;			/* we told the engine that the client is done */

	struct head request;
	unsigned long n;
	enum mode mode;				/* MODE_PASS: an ordinary one */
	struct body up, down;
	bool has_answer;			/* the final head has come */
	bool logged;
};

static void log_answer(struct conn *c, const char *status)
{
	if (c->logged)
		return;
	c->logged = true;
	pthread_mutex_lock(&proxy.lock);
	if (proxy.log) {
		fprintf(proxy.log, "%lu %s %s %s\n", c->n, c->request.first[0], c->request.first[1],
			status);
		fflush(proxy.log);
	}
	pthread_mutex_unlock(&proxy.lock);
}

static int fill(int fd, struct buf *in, bool *eof)
{
	char data[CHUNK];
	ssize_t n = read(fd, data, sizeof data);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		*eof = true;
	return buf_add(in, data, (size_t)n);
}

static int drain(int fd, struct buf *out)
{
	ssize_t n = send(fd, out->data, out->len, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	buf_consume(out, (size_t)n);
	return 0;
}

/* Move bytes once. Reads only where the other side took what we had. */
static int turn(struct conn *c, bool read_client)
{
	struct pollfd p[2] = { { .fd = c->client }, { .fd = c->engine } };

	if (read_client && !c->client_eof && c->to_engine.len == 0)
		p[0].events |= POLLIN;
	if (!c->engine_eof && c->to_client.len == 0)
		p[1].events |= POLLIN;
	if (c->to_client.len)
		p[0].events |= POLLOUT;
	if (c->to_engine.len)
		p[1].events |= POLLOUT;
	/* A socket that is closed wakes us for ever: do not look at it while there is
	 * something of it to pass on. Then a client that is gone ends the connection. */
	if (!p[0].events && c->client_eof && (c->to_engine.len || c->from_client.len))
		p[0].fd = -1;
	if (!p[1].events && c->engine_eof)
		p[1].fd = -1;
	if (poll(p, 2, -1) < 0)
		return errno == EINTR ? 0 : -1;
	for (size_t i = 0; i < 2; i++)
		if (p[i].fd >= 0 && !p[i].events && p[i].revents)
			return -1;
	if ((p[0].revents & (POLLIN | POLLHUP | POLLERR)) && (p[0].events & POLLIN) &&
	    fill(c->client, &c->from_client, &c->client_eof) < 0)
		return -1;
	if ((p[1].revents & (POLLIN | POLLHUP | POLLERR)) && (p[1].events & POLLIN) &&
	    fill(c->engine, &c->from_engine, &c->engine_eof) < 0)
		return -1;
	if (c->to_client.len && p[0].revents && drain(c->client, &c->to_client) < 0)
		return -1;
	if (c->to_engine.len && p[1].revents && drain(c->engine, &c->to_engine) < 0)
		return -1;
	return 0;
}

/* Pass on of the request's body what has come. */
static void pump_up(struct conn *c)
{
	bool raw = c->has_answer && c->down.kind == BODY_RAW;
	size_t n = raw ? c->from_client.len
		       : body_take(&c->up, buf_str(&c->from_client), c->from_client.len);

	if (n)
		buf_add(&c->to_engine, c->from_client.data, n);
	buf_consume(&c->from_client, n);
	if (raw && c->client_eof && !c->engine_shut && c->to_engine.len == 0) {
		shutdown(c->engine, SHUT_WR);
		c->engine_shut = true;
	}
}

/* Look at the engine's bytes. Returns -1 when the connection is to be cut. */
static int pump_down(struct conn *c)
{
	struct head h = { 0 };
	int rc;

	while (!c->has_answer && (rc = head_take(&h, &c->from_engine)) != 0) {
		if (rc < 0)
			return -1;
		int status = (int)strtol(h.first[1], NULL, 10);
		bool hidden = c->mode == MODE_DROP || c->mode == MODE_STALL;

		c->has_answer = status == 101 || status >= 200;
		/* "100 Continue" passes: without it the client would not send the body. */
		if (!hidden || !c->has_answer)
			buf_add(&c->to_client, h.text, h.len);
		if (c->has_answer) {
			body_of(&c->down, &h, true, strcmp(c->request.first[0], "HEAD") == 0 ||
				status == 204 || status == 304);
			if (status == 101)
				c->down = (struct body){ .kind = BODY_RAW };
			log_answer(c, c->mode == MODE_DROP ? "dropped" :
				      c->mode == MODE_STALL ? "stalled" : h.first[1]);
		}
		head_done(&h);
	}
	if (c->has_answer && c->mode == MODE_DROP)
		return -1;
	if (c->has_answer) {
		size_t n = body_take(&c->down, buf_str(&c->from_engine), c->from_engine.len);

		if (n && c->mode == MODE_PASS)
			buf_add(&c->to_client, c->from_engine.data, n);
		buf_consume(&c->from_engine, n);
	}
	return 0;
}

/* From a request's head to the end of its answer. -1: close the connection. */
static int exchange(struct conn *c)
{
	buf_add(&c->to_engine, c->request.text, c->request.len);
	for (;;) {
		pump_up(c);
		if (pump_down(c) < 0)
			return -1;
		if (c->mode == MODE_STALL && c->client_eof)
			return -1;
		if (c->engine_eof && c->to_client.len == 0 && c->mode != MODE_STALL)
			return -1;
		if (c->client_eof && !(c->has_answer && c->down.kind == BODY_RAW))
			return -1;
		if (c->has_answer && c->down.is_done && c->up.is_done && c->to_client.len == 0 &&
		    c->to_engine.len == 0 && c->mode == MODE_PASS)
			return 0;
		/* Bytes after the body are the next request's; they can wait. */
		if (turn(c, c->from_client.len < HEAD_MAX) < 0)
			return -1;
	}
}

/* Read until the client goes. */
static int swallow(struct conn *c)
{
	while (!c->client_eof) {
		buf_reset(&c->from_client);
		if (turn(c, true) < 0)
			break;
	}
	return -1;
}

/* Answer in the engine's place. -1: close the connection. */
static int answer_500(struct conn *c)
{
	static const char text[] = "{\"message\":\"injected fault\"}\n";
	char expect[256];
	bool close_after = *head_get(&c->request, "Expect", expect) != '\0';

	while (!close_after && !c->up.is_done && !c->client_eof) {
		size_t n = body_take(&c->up, buf_str(&c->from_client), c->from_client.len);

		buf_consume(&c->from_client, n);
		if (!c->up.is_done && turn(c, true) < 0)
			return -1;
	}
	log_answer(c, "injected-500");
	buf_addf(&c->to_client,
		 "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
		 "%sContent-Length: %zu\r\n\r\n%s", close_after ? "Connection: close\r\n" : "",
		 sizeof text - 1, text);
	while (c->to_client.len)
		if (turn(c, false) < 0)
			return -1;
	if (!close_after)
		return 0;
	/* What it still sends is read, or the kernel would take the answer back. */
	shutdown(c->client, SHUT_WR);
	return swallow(c);
}

/* Count the request, and decide whether it is the one that fails. */
static void judge(struct conn *c)
{
	bool fails = false;

	pthread_mutex_lock(&proxy.lock);
	c->n = ++proxy.n;
	if (proxy.fail)
		fails = c->n == proxy.fail;
	else if (proxy.method && (strcmp(proxy.method, "*") == 0 ||
				  strcmp(proxy.method, c->request.first[0]) == 0) &&
		 regexec(&proxy.target, c->request.first[1], 0, NULL, 0) == 0)
		fails = ++proxy.matches == proxy.nth || proxy.nth == 0;
	pthread_mutex_unlock(&proxy.lock);
	c->mode = fails ? proxy.mode : MODE_PASS;
	c->has_answer = c->logged = false;
	body_of(&c->up, &c->request, false, false);
}

static int next_request(struct conn *c)
{
	int rc;

	head_done(&c->request);
	while ((rc = head_take(&c->request, &c->from_client)) == 0) {
		if (c->client_eof || c->engine_eof || turn(c, true) < 0)
			return -1;
	}
	return rc;
}

static int dial(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void *serve(void *arg)
{
	struct conn c = { .client = *(int *)arg, .engine = dial(proxy.engine_path) };
	struct buf *bufs[] = { &c.from_client, &c.from_engine, &c.to_client, &c.to_engine };
	int rc = c.engine < 0 ? -1 : 0;

	free(arg);
	for (size_t i = 0; i < 4; i++)
		*bufs[i] = (struct buf)BUF_INIT(4u << 20);
	if (rc == 0) {
		fcntl(c.client, F_SETFL, O_NONBLOCK);
		fcntl(c.engine, F_SETFL, O_NONBLOCK);
	}
	while (rc == 0 && next_request(&c) > 0) {
		judge(&c);
		if (c.mode == MODE_ERROR500)
			rc = answer_500(&c);
		else if (c.mode == MODE_HANG)
			rc = (log_answer(&c, "hung"), swallow(&c));
		else
			rc = exchange(&c);
	}
	close(c.client);
	if (c.engine >= 0)
		close(c.engine);
	head_done(&c.request);
	for (size_t i = 0; i < 4; i++)
		buf_done(bufs[i]);
	return NULL;
}

/* --- the program ---------------------------------------------------------------------- */

static int usage(void)
{
	fputs("usage: faultproxy LISTEN_SOCK ENGINE_SOCK [--fail N | --fail-match METHOD REGEX "
	      "[--nth K]] [--mode error500|drop|hang|stall] [--log FILE]\n", stderr);
	return 2;
}

static int parse_mode(const char *s)
{
	static const char *const names[] = { "error500", "drop", "hang", "stall" };

	for (size_t i = 0; i < 4; i++)
		if (strcmp(s, names[i]) == 0) {
			proxy.mode = (enum mode)i;
			return 0;
		}
	return -1;
}

static int parse_options(int argc, char **argv)
{
	for (int i = 3; i < argc; i++) {
		const char *name = argv[i], *value = i + 1 < argc ? argv[++i] : NULL;

		if (!value)
			return -1;
		if (strcmp(name, "--fail") == 0) {
			proxy.fail = strtoul(value, NULL, 10);
		} else if (strcmp(name, "--nth") == 0) {
			proxy.nth = strtoul(value, NULL, 10);
		} else if (strcmp(name, "--mode") == 0) {
			if (parse_mode(value) < 0)
				return -1;
		} else if (strcmp(name, "--log") == 0) {
			proxy.log = fopen(value, "ae");
			if (!proxy.log)
				return -1;
		} else if (strcmp(name, "--fail-match") == 0 && i + 1 < argc) {
			proxy.method = value;
			if (regcomp(&proxy.target, argv[++i], REG_EXTENDED | REG_NOSUB) != 0)
				return -1;
		} else {
			return -1;
		}
	}
	return proxy.fail && proxy.method ? -1 : 0;
}

static int listen_on(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof sa.sun_path)
		return -1;
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, 64) < 0)
		return -1;
	return fd;
}

static void on_signal(int sig)
{
	(void)sig;
	unlink(proxy.listen_path);
	_exit(0);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 3 || parse_options(argc, argv) < 0)
		return usage();
	proxy.listen_path = argv[1];
	proxy.engine_path = argv[2];
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	fd = listen_on(proxy.listen_path);
	if (fd < 0) {
		perror(proxy.listen_path);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		int *client = xmalloc(sizeof *client);
		pthread_t thread;

		*client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (*client < 0 || pthread_create(&thread, NULL, serve, client) != 0) {
			if (*client >= 0)
				close(*client);
			free(client);
			continue;
		}
		pthread_detach(thread);
	}
}
