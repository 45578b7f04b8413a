/* Reading one container's log, from where it was left.
 *
 * Whoever asks an engine for the log asks for lines since logread_since(): the
 * cursor's stamp, and some before it, so that what the readers remember (a name
 * that is looked up again, a line that belongs to another) is there again. Lines up
 * to the cursor give nothing; each one after it gives one entry, with the cursor
 * behind it, and the event that it made.
 *
 * The cursor is a place in the log, not a time: the clock of an engine can be set
 * back. Where the log does not hold count lines of the cursor's stamp any more, lines
 * were lost, and the first entry is an event that says so, EVENT_LOG_GAP.
 *
 * A line that was read before and is given out again (a cursor that is older than
 * what is stored) has the same key as then; the store knows it.
 */
#ifndef CORE_LOGREAD_H
#define CORE_LOGREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dnslog.h"
#include "core/event.h"
#include "core/pipelock_log.h"
#include "core/session.h"
#include "core/store.h"

struct line;

#define LOGREAD_FOLDS 128 /* before the cursor, remembered: more than the readers do */

/* Takes what lines gave; all of it is borrowed for the call. False: no more. */
typedef bool logread_fn(void *arg, const struct log_entry *e);

struct logread_fold {
	struct event event; /* host and all: as the line made it */
	struct log_cursor cursor;
	uint64_t key;
	uint64_t used; /* 0: free */
	bool is_repeat;
};

/* Embedded in its owner; zero is not a valid start. */
struct logread {
	enum session_role role;
	char *session, *bottle;
	int64_t released_ns;
	uint64_t reading;
	logread_fn *fn;
	void *arg;
	struct log_cursor from; /* ts_ns 0: from the beginning */
	struct log_cursor at;   /* the last line */
	unsigned n_seen;        /* lines with from's stamp */
	bool is_past;           /* from */
	bool was_set_back;      /* the clock, since the log was begun */
	bool is_stopped;
	struct pipelock_log pipelock;
	struct dnslog dns;
	struct logread_fold *folds; /* NULL once none is needed */
	uint64_t clock;
};

/* Does a member of this role write a log that is read? */
bool logread_has(enum session_role role);

/* from names the container; bottle may be NULL; what is older than released_ns is our
 * probes' doing. */
void logread_init(struct logread *r, enum session_role role, const char *session,
                  const char *bottle, int64_t released_ns, const struct log_cursor *from,
                  logread_fn *fn, void *arg);
void logread_done(struct logread *r); /* NULL is fine */

/* From when on lines are needed, in nanoseconds since 1970; 0: all of them. */
int64_t logread_since(enum session_role role, const struct log_cursor *from);

/* The next line of the log, whatever stream. Nonzero: fn wants no more. */
int logread_line(struct logread *r, const struct line *l);

/* CLOCK_REALTIME minus CLOCK_BOOTTIME: less than before when the clock was set back. */
int64_t logread_clock(void);

#endif
