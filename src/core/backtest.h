/* Back-test: what was recorded, judged by an edited manifest.
 *
 * Requests are taken as they were logged and asked of the bottle as the edited file
 * has it. That is as exact as the record: pipelock 2.3 logs no allowed request inside
 * a tunnel, so what passed is known by host; and content that was let through was not
 * kept, so a stricter scan of it cannot be foretold.
 */
#ifndef CORE_BACKTEST_H
#define CORE_BACKTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/manifest.h"

struct buf;
struct err;
struct store;

#define BACKTEST_ROWS_MAX 20000

/* What was recorded of one bottle, host and rule. */
struct backtest_row {
	char *bottle, *host, *rule;	/* rule "": it passed */
	bool did_pass, would_pass;
	unsigned count;
	int64_t last_ns;
	const char *why;		/* a few words on would_pass */
};

struct backtest {
	const struct manifest *m;
	struct backtest_row *v;
	size_t n;
	unsigned *index;	/* a hash table of places in v, from 1 */
	unsigned long long requests;	/* events judged */
	unsigned long long unknown;	/* of bottles that the file does not have */
	unsigned long long dropped;	/* of rows past BACKTEST_ROWS_MAX */
};

/* m is borrowed; only its sound bottles count. */
void backtest_init(struct backtest *t, const struct manifest *m);
void backtest_done(struct backtest *t);

/* Judge an event; what is none of egress, or our own probes', is passed over. */
void backtest_add(struct backtest *t, const struct event *e);

/* Judge all that the store has. */
int backtest_add_store(struct backtest *t, struct store *st, struct err *err);

/* What would newly pass, then what would break, then how much stays; sorts the rows. */
void backtest_text(struct buf *b, struct backtest *t);
void backtest_json(struct buf *b, struct backtest *t);

#endif
