/* What a refusal of pipelock's means in plain words, and what a person can do.
 *
 * The facts are those of pipelock 2.3 in strict mode with our configuration
 * (core/pipelock.h): of all that can be wrong only the allowlist can be widened
 * while a session runs.
 */
#ifndef CORE_PIPELOCK_EXPLAIN_H
#define CORE_PIPELOCK_EXPLAIN_H

#include <stdbool.h>

#include "core/event.h"

enum pipelock_remedy {
	PIPELOCK_NO_REMEDY,     /* nothing may or can be allowed */
	PIPELOCK_ALLOW_HOST,    /* add the host, live: the key 'a' */
	PIPELOCK_CHANGE_BOTTLE, /* a setting of the bottle, in force from the next launch */
	PIPELOCK_WAIT,          /* passes by itself, or is lifted elsewhere in claude-bottle */
};

struct pipelock_scanner {
	const char *name;     /* as in the log, or the name of a custom pattern */
	enum event_kind kind; /* of a refusal by it */
	enum pipelock_remedy remedy;
	const char *meaning; /* a sentence */
	const char *advice;  /* what to do; a sentence */
	bool hides_path;     /* its URLs may hold the secret itself */
};

/* Takes an event's rule, "scanner" or "scanner: patterns", or a scanner's name.
 * Never NULL: of one that we do not know it says so. */
const struct pipelock_scanner *pipelock_explain(const char *rule);

/* The same with pipelock's reason at hand, which tells a name that has no address
 * from one that has a private address: both are "ssrf". */
const struct pipelock_scanner *pipelock_explain_reason(const char *rule, const char *reason);

#endif
