/* The resolver's log (dnsmasq --log-queries) to events.
 *
 * The resolver answers REFUSED to everything: each look-up of an outside name is
 * a try to leave, or to smuggle data out in the name. dnsmasq writes two lines,
 *
 *	dnsmasq[1]: query[A] NAME from 10.213.0.2
 *	dnsmasq[1]: config error is REFUSED (EDE: not ready)
 *
 * and since it answers one at a time, the second belongs to the first: they give
 * one event, at the second line. The same name asked for again (for another type,
 * or by a program that tries and tries) within DNSLOG_WINDOW_NS of the last time
 * gives that event again with a higher count (EVENT_FEED_REPEAT).
 *
 * "forwarded" or an answer with data must never appear; they become egress.dns
 * with verdict allow, so that somebody sees it. Start-up talk is hidden; what we
 * do not know becomes EVENT_OTHER. The name is the agent's text, spaces and all.
 */
#ifndef CORE_DNSLOG_H
#define CORE_DNSLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"

struct line;

#define DNSLOG_WINDOW_NS (10 * 1000000000ll)
#define DNSLOG_NAMES 64 /* remembered for folding; the oldest goes first */

/* What is remembered of one container's log; zeroed is a valid start. */
struct dnslog {
	bool has_pending;
	struct event pending; /* a query whose answer has not come */
	struct {
		struct event event; /* host NULL: free */
		uint64_t used;      /* to find the oldest */
	} names[DNSLOG_NAMES];
	uint64_t clock;
	uint64_t last_fold;
};

/* One line. When the answer is not EVENT_FEED_NONE, *out is filled (without session
 * and bottle) and the caller's to free; else it is untouched. */
enum event_feed dnslog_line(struct dnslog *d, const struct line *l, struct event *out);

/* The stream is over: the query that got no answer, if there is one. */
enum event_feed dnslog_end(struct dnslog *d, struct event *out);

void dnslog_done(struct dnslog *d); /* NULL is fine */

#endif
