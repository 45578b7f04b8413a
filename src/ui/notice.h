/* Telling the person's terminal that something waits: what is said, and how often.
 *
 * A notice names the session, why, and what is asked; what an agent says is in
 * quotes and called its claim. Nobody but us writes it: no byte of an agent's goes
 * there as it came. At most NOTICE_BURST come at once, then one each NOTICE_MS; the
 * rest are counted and told together.
 */
#ifndef UI_NOTICE_H
#define UI_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct inbox_item;

#define NOTICE_BURST 3
#define NOTICE_MS    5000
#define NOTICE_MAX   300	/* bytes */

/* One line, safe for a terminal. */
void notice_text(struct buf *out, const struct inbox_item *item);

struct notice_rate {
	uint64_t full_ms;	/* when NOTICE_BURST may come at once again; 0 at first */
	unsigned n_held;	/* not told yet */
};

/* May one be told now? If not it is counted. */
bool notice_may(struct notice_rate *r, uint64_t now_ms);
/* How many wait to be told together, once that may be: then they are told. 0: none. */
unsigned notice_held(struct notice_rate *r, uint64_t now_ms);

#endif
