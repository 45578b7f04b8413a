/* pipelock's log to events: which line means what.
 *
 * stdout is one JSON object a line, stderr is text for people. Each line gives
 * at most one event; nothing is dropped but known noise. A line that we do not
 * know, or that is no JSON, becomes EVENT_OTHER with its text.
 *
 * Hidden, because the same is told better by another line or means nothing: the
 * warning about the listen address (method STARTUP), the "use of closed network
 * connection" at the end of each intercepted tunnel (method close), the banner.
 *
 * A refused redirect is logged twice, once for each end of it, and so is a refused
 * reload: the first line is the event, the second gives it again with count 2
 * (EVENT_FEED_REPEAT). Nothing else is folded here: one request id is shared by
 * every request of an intercepted tunnel, so equal ids do not mean one request.
 *
 * An intercepted tunnel is announced (egress.allowed, rule "tls_intercept"), but
 * allowed requests inside it are not logged by pipelock 2.3: egress.allowed tells
 * hosts, not requests.
 *
 * What is cut: query strings and userinfo everywhere, and the path too when a
 * scanner of content refused (2.3 redacts most of those itself, but core_dlp,
 * entropy and length come with the secret in clear). What the agent chose (host,
 * path, its own name) stays hostile text.
 */
#ifndef CORE_PIPELOCK_LOG_H
#define CORE_PIPELOCK_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"

struct line;

#define PIPELOCK_LOG_PAIRS 8 /* first halves remembered */

/* What is remembered of one container's log; zeroed is a valid start. */
struct pipelock_log {
	struct {
		char *key;          /* what the second half will say */
		struct event event; /* what the first half became */
	} pairs[PIPELOCK_LOG_PAIRS];
	unsigned next_pair;
	uint64_t last_fold;
	uint64_t n_hidden; /* lines of known noise */
	bool is_in_banner;
};

/* One line of the log. When the answer is not EVENT_FEED_NONE, *out is filled
 * (without session and bottle) and the caller's to free; else it is untouched. */
enum event_feed pipelock_log_line(struct pipelock_log *log, const struct line *l,
                                  struct event *out);

void pipelock_log_done(struct pipelock_log *log); /* NULL is fine */

#endif
