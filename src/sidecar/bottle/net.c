#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TALKS_MAX 256
#define AGAIN_MS  600

int net_address(struct sockaddr_storage *to, const char *text, uint16_t port)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
	struct sockaddr_in *four = (struct sockaddr_in *)to;
	char host[INET6_ADDRSTRLEN];
	bool bracket = text[0] == '[';
	size_t len = bracket ? strcspn(text + 1, "]") : strcspn(text, ":");
	const char *rest = text + len + (bracket ? 2 : 0);

	if (len == 0 || len >= sizeof host || (bracket && text[len + 1] != ']'))
		return -1;
	memcpy(host, text + bracket, len);
	host[len] = '\0';
	if (*rest == ':') {
		char *end = NULL;
		unsigned long n = strtoul(rest + 1, &end, 10);

		if (rest[1] < '0' || rest[1] > '9' || *end != '\0' || n == 0 || n > 65535)
			return -1;
		port = (uint16_t)n;
	} else if (*rest != '\0' || port == 0) {
		return -1;
	}
	memset(to, 0, sizeof *to);
	if (!bracket && inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return 0;
	}
	if (bracket && inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		return 0;
	}
	return -1;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / (1000 * 1000);
}

static void finish(struct net_talk *t, enum net_end end, int errnum, long start)
{
	t->end = end;
	t->errnum = errnum;
	t->ms = now_ms() - start;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void say(struct net_talk *t, size_t which, long start)
{
	ssize_t n = send(t->fd, t->say[which], t->say_len[which], MSG_NOSIGNAL);

	/* half a kilobyte into an empty socket is taken whole or not at all */
	if (n != (ssize_t)t->say_len[which])
		finish(t, NET_FAILED, n < 0 ? errno : EMSGSIZE, start);
}

static void begin(struct net_talk *t, long start)
{
	socklen_t len = t->to.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						    : sizeof(struct sockaddr_in);

	t->end = NET_PENDING;
	t->reply_len = 0;
	t->second = false;
	t->fd = socket(t->to.ss_family, t->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0) {
		finish(t, NET_FAILED, errno, start);
		return;
	}
	/* without it a datagram that found no neighbour would only be silence */
	if (t->type == SOCK_DGRAM && t->to.ss_family == AF_INET)
		setsockopt(t->fd, IPPROTO_IP, IP_RECVERR, &(int){ 1 }, sizeof(int));
	t->connecting = t->type == SOCK_STREAM;
	if (connect(t->fd, (struct sockaddr *)&t->to, len) < 0 && errno != EINPROGRESS)
		finish(t, NET_FAILED, errno, start);
	else if (!t->connecting)
		say(t, 0, start);
}

static void on_connected(struct net_talk *t, long start)
{
	int errnum = 0;
	socklen_t len = sizeof errnum;

	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
		errnum = errno;
	t->connecting = false;
	if (errnum != 0)
		finish(t, NET_FAILED, errnum, start);
	else if (t->say_len[0] == 0)
		finish(t, NET_CONNECTED, 0, start);
	else
		say(t, 0, start);
}

static void on_bytes(struct net_talk *t, long start)
{
	ssize_t n = recv(t->fd, t->reply + t->reply_len, sizeof t->reply - t->reply_len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		finish(t, NET_FAILED, errno, start);
		return;
	}
	if (n == 0 && t->type == SOCK_STREAM) {
		finish(t, NET_CLOSED, 0, start);
		return;
	}
	t->reply_len += (size_t)n;
	if (t->enough != NULL && !t->enough(t, t->second) && t->reply_len < sizeof t->reply)
		return;
	if (t->second || t->say_len[1] == 0 || (t->go_on != NULL && !t->go_on(t))) {
		finish(t, NET_ANSWERED, 0, start);
		return;
	}
	t->second = true;
	t->reply_len = 0;
	say(t, 1, start);
}

/* A datagram is said again as long as nothing came, as any resolver does. The
 * kernel sends few "unreachable" at once: when many tries fail together, the one
 * about the only datagram may be among those that it drops. */
static void say_again(struct net_talk *talks, size_t n, long start)
{
	for (size_t i = 0; i < n; i++)
		if (talks[i].end == NET_PENDING && talks[i].type == SOCK_DGRAM && !talks[i].second)
			say(&talks[i], 0, start);
}

void net_run(struct net_talk *talks, size_t n)
{
	struct pollfd fds[TALKS_MAX];
	struct net_talk *of[TALKS_MAX];
	long start = now_ms(), again = start + AGAIN_MS, left;

	for (size_t i = 0; i < n; i++)
		begin(&talks[i], start);
	while ((left = start + NET_LIMIT_MS - now_ms()) > 0) {
		long until_again = again - now_ms();
		nfds_t count = 0;

		if (until_again <= 0) {
			say_again(talks, n, start);
			again += AGAIN_MS;
			until_again = AGAIN_MS;
		}
		for (size_t i = 0; i < n && count < TALKS_MAX; i++) {
			if (talks[i].end != NET_PENDING)
				continue;
			of[count] = &talks[i];
			fds[count].fd = talks[i].fd;
			fds[count++].events = talks[i].connecting ? POLLOUT : POLLIN;
		}
		if (count == 0)
			return;
		if (poll(fds, count, (int)(left < until_again ? left : until_again)) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		for (nfds_t i = 0; i < count; i++) {
			if (fds[i].revents == 0)
				continue;
			if (of[i]->connecting)
				on_connected(of[i], start);
			else
				on_bytes(of[i], start);
		}
	}
	for (size_t i = 0; i < n; i++)
		if (talks[i].end == NET_PENDING)
			finish(&talks[i], NET_SILENT, 0, start);
}
