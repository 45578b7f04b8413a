/* probe: is the only way out the one that we made?
 *
 * Tries what must fail, and the little that must work, from the network
 * namespace that it runs in, as the agent's user. All at once, in one poll
 * loop, 3 s at most. One line for each check (see report.h).
 *
 * "Reached" is a connection, and a refusal too: ECONNREFUSED comes from the
 * other side. No answer at all is a failure: a route that swallows packets is a
 * route. Names that are asked for lie under isolation-probe.invalid and paths
 * begin with /isolation-probe, so that their log lines are known for what they are.
 */
#ifndef BOTTLE_PROBE_H
#define BOTTLE_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "net.h"
#include "report.h"

#define PROBE_HOSTS_MAX 16
#define PROBE_PEERS_MAX 64

struct probe_options {
	const char *host[PROBE_HOSTS_MAX]; /* addresses of the engine's host */
	size_t n_host;
	const char *peer[PROBE_PEERS_MAX]; /* addresses in other sessions' networks */
	size_t n_peer;
	const char *proxy;       /* IP:PORT; required */
	const char *resolver;    /* IP; required */
	const char *gate;        /* IP:PORT, or NULL */
	const char *allowed;     /* a host on the allowlist, or NULL */
	const char *intercepted; /* one whose TLS is intercepted, or NULL */
};

/* Read the flags. -1 with what is wrong in why. */
int probe_options(struct probe_options *out, char *why, size_t cap, int argc, char **argv);

enum probe_want {
	PROBE_UNREACHED,      /* no connection, and no refusal by the other side */
	PROBE_SHUT,           /* no connection */
	PROBE_OPEN,           /* a connection */
	PROBE_DNS_REFUSED,    /* REFUSED */
	PROBE_DNS_UNANSWERED, /* REFUSED, or the SERVFAIL that an engine makes of it */
	PROBE_HTTP_OK,        /* 200 */
	PROBE_HTTP_UNLISTED,  /* 403, and the reason is the allowlist */
	PROBE_HTTP_REFUSED,   /* 403 */
	PROBE_HTTP_DLP,       /* 403, and the reason is a pattern */
	PROBE_HTTP_HIDDEN,    /* answered, but not with what was asked for */
	PROBE_HTTP_SERVED,    /* an answer that is not the proxy's own refusal */
	PROBE_GIT_REFUSED,
	PROBE_TLS_SERVED,
};

struct probe {
	const char *check;
	char target[128];
	enum report_level level;
	enum probe_want want;
	struct net_talk talk;
};

/* Judge a talk that has ended: does it hold, and a short why in detail. */
bool probe_judge(const struct probe *p, char *detail, size_t cap);

/* Does the text of /proc/net/if_inet6 have an address beside loopback's? */
bool probe_has_ipv6(const char *text);
/* Does the text of a hosts file give exactly this address to the name? */
bool probe_hosts_has(const char *text, const char *name, const char *ip);

/* helper probe FLAGS */
int probe_main(int argc, char **argv);

#endif
