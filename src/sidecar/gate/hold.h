/* A clean push that waits for a person.
 *
 * Nothing is locked meanwhile: the repository can be fetched from and pushed to. The
 * client is told what it waits for; when it goes away the push is over. A decision
 * counts only for this push and exactly these new ids.
 */
#ifndef GATE_HOLD_H
#define GATE_HOLD_H

#include <stdint.h>

struct ref_updates;

enum hold_result { HOLD_APPROVED, HOLD_REJECTED, HOLD_GONE, HOLD_LATE };

struct hold {
	const char *spool, *id;
	const char *scratch; /* where the mark of a gone client is made */
	const struct ref_updates *refs;
	int seconds;
	void (*say)(const char *line); /* to the client */
	/* results; the caller frees them */
	char *by, *message; /* NULL unless somebody decided */
};

enum hold_result hold_wait(struct hold *h);

#endif
