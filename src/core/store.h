/* The durable store: every event that happened, and how far each log was read.
 *
 * One SQLite file, $XDG_STATE_HOME/claude-bottle/events.db: WAL, 0600, in a folder
 * that is ours alone. Several programs may have it open at once.
 *
 * Writing is queued and done by a thread of the store's, so that whoever writes
 * never waits for a disk; what is queued meanwhile goes into one transaction.
 * store_options.stored tells what became of it, on the loop. Reading happens at
 * once, in the caller's thread, on a connection of its own; it never waits for a
 * writer. All functions are for one thread, the one that opened the store.
 *
 * Exactly once. An event of a log line and the cursor behind that line are
 * committed together. A line's key is (container, time stamp, key of its text and
 * of its ordinal among neighbours of that very stamp): reading a line again adds
 * nothing, whether a program was killed and read on from an older cursor, or two
 * programs read the same log. A restarted container goes on in the same log, so
 * its StartedAt is no part of the key.
 *
 * Order. Rows are in the order of when they first happened (store_row.first_ns),
 * then of their ids. A repeated event keeps its place; its count and time move.
 *
 * A file that is damaged is renamed (events.db.damaged-TIME, with its -wal) and a
 * new one begun; store_options.message says so. A file of a later version of this
 * program is refused and left alone.
 *
 * Nothing is stored that an event does not hold: see core/event.h on secrets.
 */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"

struct err;
struct log_taker;
struct loop;
struct store;

#define STORE_FILE_NAME "events.db"
#define STORE_ID_SIZE 72 /* a container's id, with the NUL */

/* What is kept, when the options say nothing: the oldest go first. */
#define STORE_AGE_NS (30ll * 24 * 3600 * 1000000000)
#define STORE_BYTES (512ull << 20)

/* A repeat later than this after an event's first time begins a new one, so that a
 * look at the last hour sees what never stopped. */
#define STORE_FOLD_NS (60 * 1000000000ll)

/* The queue's ceiling. A writer that is behind by this much makes its callers wait; when
 * it cannot write at all, what comes then is shown but no more stored: the cursors stay
 * behind it, so the logs give it again at the next start. */
#define STORE_QUEUE_EVENTS 100000
#define STORE_QUEUE_BYTES (64u << 20)

/* --- writing ------------------------------------------------------------------------- */

/* How far a log was read. A reader asks the engine for lines since ts_ns (and some
 * before, see core/logread.h) and expects count of them with that stamp; when fewer
 * come, lines were lost. */
struct log_cursor {
	char container[STORE_ID_SIZE];
	int64_t ts_ns;    /* of the last line read; 0: never read */
	unsigned count;   /* neighbouring lines read with that stamp, itself included */
	int64_t max_ns;   /* the newest stamp read: beyond ts_ns once the clock was set back */
	int64_t clock_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME when it was read; less
	                   * later on: the clock was set back by the difference */
};

/* What reading one line gave. */
struct log_entry {
	struct log_cursor cursor;  /* behind it */
	uint64_t key;              /* of its text and ordinal */
	uint64_t reading;          /* which reading of the log, never 0: event.fold counts in it */
	const struct event *event; /* NULL: the line gave none */
	bool is_repeat;            /* EVENT_FEED_REPEAT */
	bool is_old;               /* read before, named for a repeat that comes: the cursor
	                            * is its own, and moves nothing */
};

/* A stored event. */
struct store_row {
	struct event event; /* with its id; fold is 0 */
	int64_t first_ns;   /* when it first happened; event.ts_ns is the last time */
	bool is_waiting;    /* needs attention, and nobody dismissed it */
};

/* What became of something queued. Borrowed during the call. */
struct stored {
	uint64_t ticket; /* what queueing it returned */
	const struct store_row *row;
	bool is_new;     /* else it was stored before: a repeat, or read twice */
	bool is_pending; /* not stored yet (the disk is full, or the file locked): id is 0,
	                  * and it is told again, with the same ticket, when it is */
};

struct store_options {
	const char *dir;    /* made when it is not there; NULL: in memory, for replays and tests */
	struct loop *loop;  /* NULL: stored and message are called in store_flush() alone */
	int64_t max_age_ns; /* 0: STORE_AGE_NS */
	uint64_t max_bytes; /* 0: STORE_BYTES */
	void (*stored)(void *arg, const struct stored *v, size_t n); /* may be NULL */
	/* Something that a person should know, one line. May be NULL. */
	void (*message)(void *arg, const char *text);
	void *arg;
};

int store_open(struct store **out, const struct store_options *opt, struct err *err);
/* Who is told from now on: a store is opened before there is a screen. Messages
 * that nobody heard are told next. */
void store_listen(struct store *st, void (*stored)(void *arg, const struct stored *v, size_t n),
                  void (*message)(void *arg, const char *text), void *arg);
/* What is queued is written first. NULL is fine. */
void store_close(struct store *st);

/* Queue what a line gave; returns its ticket, 0 when there was no event. */
uint64_t store_add_line(struct store *st, const struct log_entry *l);

/* Queue an event that is of no log. once: a name such as "exit LAUNCH" that makes
 * it one of a kind: under a name that is stored already it adds nothing. NULL: as
 * it comes. One with fold and a count of 2 or more brings the earlier one of that
 * session, source and fold up to date. */
uint64_t store_add_event(struct store *st, const struct event *e, const char *once);

/* Queue: these wait no more, now and after a restart (or do again). */
void store_dismiss(struct store *st, const uint64_t *ids, size_t n);
void store_undismiss(struct store *st, const uint64_t *ids, size_t n);

/* Queue: remember a value under a name, in a space of the caller's ("dismissed":
 * questions that the person put away). value NULL forgets it; name NULL the space. */
void store_note(struct store *st, const char *space, const char *name, const char *value);

/* A person's decision about something that may happen again. */
struct store_decision {
	const char *space, *name;  /* the note that remembers it */
	int64_t until_ns;          /* it is about what happened up to then; 0: about all */
	int64_t since_ns;          /* what it was about happened then, the last time */
	const struct event *event; /* says so */
};

/* Queue: note "UNTIL AT" (AT: the event's time) and store the event, both in one
 * transaction; neither when a decision that is noted there covers since_ns already:
 * somebody decided the same in another program. Returns the event's ticket; it is told
 * of only when it was stored. */
uint64_t store_decide(struct store *st, const struct store_decision *d);

/* Wait until all that is queued is committed; tells what became of it, here, before
 * it returns. -1 when it cannot be stored now (it stays queued). */
int store_flush(struct store *st, struct err *err);

/* Remove now what the limits let go, and flush; otherwise it is done when there is
 * nothing else to do. */
int store_trim(struct store *st, struct err *err);

/* Fill in the cursor of c->container; ts_ns 0 when it was never read. Counts what
 * is committed: flush first where it must be exact. */
int store_cursor(struct store *st, struct log_cursor *c, struct err *err);

/* Takes log lines for the store; copy it. */
struct log_taker store_taker(struct store *st);

/* --- reading ------------------------------------------------------------------------- */

#define STORE_PAGE_MAX 100000
#define STORE_WORDS_MAX 16 /* of a text; what comes after them is not looked for */

#define STORE_KIND(kind) (1ull << (kind))

/* Everything that is set must hold. A zeroed query asks for the newest of all but
 * probes. */
struct store_query {
	const char *session;
	uint64_t kinds;             /* STORE_KIND(..) | ..; 0: every kind */
	int64_t since_ns, until_ns; /* happened at or after, first happened before; 0: any */
	const char *text;           /* every word of it begins some word of the event's host,
	                             * rule, summary, detail or session; case does not matter.
	                             * Pages then go by id alone, the order of arrival */
	bool only_waiting;
	bool with_probes;

	/* Which page: the last ones before this id, or the first ones after it; with
	 * neither the newest, or from the start the oldest. */
	uint64_t before, after;
	bool from_start;
	size_t limit; /* rows; 0: 100 */
};

/* Rows from old to new. */
struct store_page {
	struct store_row *v;
	size_t n;
	bool has_more; /* beyond the page, the way it was asked for */
};

/* An anchor (before, after) that is not there any more gives an empty page. */
int store_find(struct store *st, const struct store_query *q, struct store_page *out,
               struct err *err);
void store_page_done(struct store_page *p); /* NULL is fine */

/* Would the query find it, whatever its page? */
bool store_matches(const struct store_query *q, const struct store_row *row);

/* One event; fails when there is none of that id. The caller's: event_done(). */
int store_get(struct store *st, uint64_t id, struct store_row *out, struct err *err);

/* Those with ids above one, in the order of ids: for seeing what others added. */
int store_newer(struct store *st, uint64_t id, size_t limit, struct store_page *out,
                struct err *err);

/* How many match, counting no further than max. Anchors and limit do not matter. */
int store_count(struct store *st, const struct store_query *q, size_t max, size_t *out,
                struct err *err);

/* The notes of a space, by name. */
int store_notes(struct store *st, const char *space,
                void (*fn)(void *arg, const char *name, const char *value), void *arg,
                struct err *err);

/* Has another program (or the writer) changed the file since this was last called?
 * Cheap; for deciding whether a list must be read anew. */
bool store_changed(struct store *st);

/* The newest id there is; 0 when empty. */
uint64_t store_last_id(struct store *st);

const char *store_path(const struct store *st); /* NULL in memory */

#endif
