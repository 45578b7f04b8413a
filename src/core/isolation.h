/* The isolation checks of one launch, added up.
 *
 * The probe and the self-check print one JSON object a line (docs/sidecars.md);
 * the inspection of the engine's own record adds its checks by
 * isolation_note(). A line that is no check counts as a failed one: what cannot
 * be read, and what did not come, was not shown to hold.
 */
#ifndef CORE_ISOLATION_H
#define CORE_ISOLATION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/session.h"

#define ISOLATION_TEXT_MAX 1500	/* of the failures, for a message */

struct isolation {
	struct isolation_result result;		/* warnings are not in passed or total */
	unsigned failed;			/* of those that must hold */
	struct buf failures;			/* "host-address 172.17.0.1: reached; ..." */
	struct buf record;			/* every check as a JSON array without brackets */
};

void isolation_init(struct isolation *iso);
void isolation_done(struct isolation *iso);		/* NULL is fine */

/* One check. must: it fails the launch when it does not hold; else a warning. */
void isolation_note(struct isolation *iso, const char *check, const char *target, bool ok,
                    bool must, const char *detail);

/* All that a checking program printed. Fails a check in its name when the closing
 * line is missing, does not agree with the lines before it, or closes nothing. */
void isolation_read(struct isolation *iso, const char *program, const char *text);

/* The agent is released in spite of its failures: say so, and which, with the result. */
void isolation_force(struct isolation *iso);

#endif
