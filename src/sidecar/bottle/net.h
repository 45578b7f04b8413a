/* Many short conversations at once, in one poll loop.
 *
 * Each is a UDP question or a TCP connection, with up to two things to say: the
 * second is said when the first has been answered (a tunnel, then what goes
 * through it). Nothing is judged here: net_run() says how each one ended.
 */
#ifndef BOTTLE_NET_H
#define BOTTLE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NET_LIMIT_MS 3000 /* an end for each, counted from the start of all */
#define NET_REPLY_MAX 2048

enum net_end {
	NET_PENDING,
	NET_FAILED,    /* errnum says how: nothing was reached, or it refused */
	NET_CONNECTED, /* and there was nothing to say */
	NET_ANSWERED,  /* enough() was content, or the reply is full */
	NET_CLOSED,    /* by the other side, before enough() was content */
	NET_SILENT,    /* no end within the limit */
};

struct net_talk {
	int type; /* SOCK_STREAM or SOCK_DGRAM */
	struct sockaddr_storage to;
	uint8_t say[2][512];
	size_t say_len[2];
	/* Is what has arrived enough? NULL: the first bytes are. second says which
	 * answer it is; reply is emptied between the two. */
	bool (*enough)(const struct net_talk *t, bool second);
	/* May the second thing be said, after this first answer? NULL: yes. */
	bool (*go_on)(const struct net_talk *t);

	/* how it ended */
	enum net_end end;
	int errnum;
	long ms;
	bool second; /* the second thing was said */
	uint8_t reply[NET_REPLY_MAX];
	size_t reply_len;

	/* while it runs */
	int fd;
	bool connecting;
};

/* Fill to from "IP" or "IP:PORT" (IPv6 as "[IP]:PORT"); port is used when the
 * text has none, and 0 there means that it must. -1 when it is not that. */
int net_address(struct sockaddr_storage *to, const char *text, uint16_t port);

void net_run(struct net_talk *talks, size_t n);

#endif
