#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536
#define LINGER_MS 3000 /* for the client to take the last bytes and go */

/* Bytes on their way in one direction. */
struct flow {
	char data[CHUNK];
	size_t at, end;
};

static void hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Returns 1 when something was read, 0 when nothing is there yet, -1 at the end. */
static int fill(int fd, struct flow *f)
{
	ssize_t n = read(fd, f->data, sizeof f->data);

	if (n > 0) {
		f->at = 0;
		f->end = (size_t)n;
		return 1;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static int drain(int fd, struct flow *f)
{
	ssize_t n = write(fd, f->data + f->at, f->end - f->at);

	if (n >= 0) {
		f->at += (size_t)n;
		return 1;
	}
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void from_client(struct relay *r, struct flow *up, bool *is_open)
{
	int got = fill(r->sock, up);
	size_t n = up->end - up->at, room = r->head.max - r->head.len;

	if (got < 0) {
		*is_open = false;
		if (r->on_gone)
			r->on_gone(r->arg);
	}
	if (got <= 0)
		return;
	r->received += n;
	buf_add(&r->head, up->data, n < room ? n : room);
	if (r->to < 0) {
		up->at = up->end; /* nobody reads it any more */
		if (r->received > r->most)
			*is_open = false;
	}
}

static void from_stderr(struct relay *r, struct flow *scrap)
{
	int got = fill(r->said, scrap);

	if (got < 0)
		hang_up(&r->said);
	if (got <= 0)
		return;
	if (scrap->end > r->tail.max / 2) {
		scrap->at = scrap->end - r->tail.max / 2;
		buf_reset(&r->tail);
	} else if (scrap->end > r->tail.max - r->tail.len) {
		buf_consume(&r->tail, scrap->end - (r->tail.max - r->tail.len));
	}
	buf_add(&r->tail, scrap->data + scrap->at, scrap->end - scrap->at);
}

/* One turn. Returns -1 when it has been idle for too long. */
static int turn(struct relay *r, struct flow *up, struct flow *down, struct flow *scrap,
                bool *client_sends, bool *client_takes)
{
	bool up_full = up->at < up->end, down_full = down->at < down->end;
	struct pollfd p[5] = {
		{ .fd = *client_sends && !up_full ? r->sock : -1, .events = POLLIN },
		{ .fd = up_full ? r->to : -1, .events = POLLOUT },
		{ .fd = down_full ? -1 : r->from, .events = POLLIN },
		{ .fd = down_full ? r->sock : -1, .events = POLLOUT },
		{ .fd = r->said, .events = POLLIN },
	};
	int n = poll(p, 5, (int)r->idle_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -1;
	if (n == 0) {
		r->is_idle = true;
		return -1;
	}
	if (p[0].revents)
		from_client(r, up, client_sends);
	if (p[1].revents && drain(r->to, up) < 0) {
		up->at = up->end;
		hang_up(&r->to);
	}
	if (p[2].revents && fill(r->from, down) < 0)
		hang_up(&r->from);
	if (p[3].revents && drain(r->sock, down) < 0) {
		*client_takes = false;
		if (r->on_gone)
			r->on_gone(r->arg);
	}
	if (p[4].revents)
		from_stderr(r, scrap);
	if (!*client_takes)
		down->at = down->end;
	if (!*client_sends && up->at == up->end)
		hang_up(&r->to);
	return 0;
}

/* Let the client read what it has been sent: closing with its bytes unread would
 * reset the connection and throw that away. */
static void linger(struct relay *r, struct flow *scrap)
{
	int64_t until = now_ms() + LINGER_MS;
	struct pollfd p = { .fd = r->sock, .events = POLLIN };

	shutdown(r->sock, SHUT_WR);
	while (r->received <= r->most && poll(&p, 1, ms_left(until)) > 0 &&
	       fill(r->sock, scrap) >= 0)
		r->received += scrap->end - scrap->at;
}

void relay_run(struct relay *r)
{
	static struct flow up, down, scrap;
	bool client_sends = true, client_takes = true;

	up.at = up.end = down.at = down.end = 0;
	while (r->from >= 0 || r->said >= 0 || down.at < down.end)
		if (turn(r, &up, &down, &scrap, &client_sends, &client_takes) < 0)
			break;
	hang_up(&r->to);
	hang_up(&r->from);
	hang_up(&r->said);
	if (client_takes && client_sends && !r->is_idle)
		linger(r, &scrap);
}
