/* What an agent says of itself: that it works, that its turn is over, that it asks
 * something. Claude Code's hooks say it (docs/sidecars.md, "helper hook"), by a
 * notice on the terminal as it happens, and in a file for those who came later.
 *
 * It is the agent's word: any program in its container can say the same.
 */
#ifndef CORE_CLAIM_H
#define CORE_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLAIM_TEXT_MAX 240 /* bytes, with the NUL */

enum claim_state {
	CLAIM_NONE, /* it said nothing */
	CLAIM_WORKING,
	CLAIM_WAITS, /* its turn is over: for the next prompt */
	CLAIM_ASKS,  /* in the middle of its turn, for an answer */
};

struct claim {
	enum claim_state state;
	int64_t since_ns;          /* CLOCK_REALTIME */
	char text[CLAIM_TEXT_MAX]; /* the question, or the last line; as it came */
};

const char *claim_state_name(enum claim_state s); /* "none", "working", "waits", "asks" */
bool claim_is_waiting(const struct claim *c);

/* A notice of the terminal (OSC 777) with this title and body. False, and out as it
 * was, when it is no claim. */
bool claim_of_notice(struct claim *out, const char *title, const char *body, int64_t now_ns);

/* The file's line. A time that cannot be becomes now. */
bool claim_of_line(struct claim *out, const char *line, int64_t now_ns);

/* Does this, typed by the person, answer what it asks? Movements of the cursor, the
 * mouse and the focus do not. */
bool claim_is_answer(const char *typed, size_t len);

#endif
