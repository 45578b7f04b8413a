/* The inbox: what waits for a person, one row for each question.
 *
 * Events that need attention are folded by session, host and rule, so that an agent
 * that tries a hundred times asks once. Beside them stand states that are no events:
 * an agent that waits, a launch that failed. Rows are in the order in which they
 * began, the oldest first, and a row never changes what it is about: whoever pins
 * its id keeps the same question however many come in.
 *
 * Questions live with their session. When its agent has ended, nobody is held up by
 * them any more: what it waited for, and pushes that were held, are over; the rest is
 * marked as ended, stands after all that waits, and is not counted with it. It can
 * still be answered for the next launch (the manifest). When the session is removed they
 * go with it; what happened stays among the events. What failed to launch, and log
 * lines that were lost, wait in either case: they are about the end, or what is not
 * known of it.
 *
 * An agent chooses what hosts it asks for and how many: beyond INBOX_ROWS_MAX rows
 * of one session's blocks or pushes the rest become one row, INBOX_FLOOD, that counts
 * them.
 *
 * Dismissed is remembered by the question: the same block of the same session asks no
 * more (until it is launched anew, see inbox_forget()). What is said or pushed later
 * asks again.
 */
#ifndef CORE_INBOX_H
#define CORE_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"

#define INBOX_ROWS_MAX	   8	/* of one session's blocks; as many of its pushes */
#define INBOX_ITEMS_MAX	   1000
#define INBOX_MEMORY_MAX   4000	/* dismissed questions that are remembered */

enum inbox_kind {
	INBOX_BLOCK,	 /* a request that was refused and that a person may want to judge */
	INBOX_PUSH,	 /* a push that was rejected, failed by size, or another host key */
	INBOX_HELD,	 /* a push that waits for an answer, with a deadline */
	INBOX_AGENT,	 /* an agent that waits for input */
	INBOX_LAUNCH,	 /* a launch that failed, or a session that ended badly */
	INBOX_ISOLATION, /* an isolation check that failed */
	INBOX_GAP,	 /* log lines that were lost */
	INBOX_POLICY,	 /* a change of the policy that was refused */
	INBOX_FLOOD,	 /* more than fit: see above */
	INBOX_KINDS
};

struct inbox_item {
	uint64_t id;	    /* never used twice */
	char name[17];	    /* of the question: the same in every program */
	enum inbox_kind kind;
	char *session;	    /* "" when it is about none */
	char *host, *rule;  /* as the events'; NULL when they have none */
	char *text;	    /* one line, as it came: to be made safe */
	char *push;	    /* of a push: the gate's id; NULL when it gave none */
	uint64_t seq;	    /* of the newest event in it; 0: it is a state */
	unsigned count;	    /* how often it happened */
	unsigned n_folded;  /* INBOX_FLOOD: how many different questions are in it */
	bool is_ended;	    /* its session's agent is: it waits no more, see above */
	int64_t first_ns, last_ns;
};

struct inbox;

struct inbox *inbox_new(void);
void inbox_free(struct inbox *ib);	/* NULL is fine */

size_t inbox_n(const struct inbox *ib);
size_t inbox_n_waiting(const struct inbox *ib);		/* those that are not ended */
const struct inbox_item *inbox_at(const struct inbox *ib, size_t i);	/* 0 is the oldest */
/* The first that came after the one with this id; 0: of all. NULL: none did. */
const struct inbox_item *inbox_after(const struct inbox *ib, uint64_t id);
const struct inbox_item *inbox_find(const struct inbox *ib, uint64_t id);	/* or NULL */
/* By its name; NULL when there is none, or more than one. */
const struct inbox_item *inbox_named(const struct inbox *ib, const char *name);
unsigned inbox_n_of(const struct inbox *ib, const char *session);	/* that wait */

/* What kind of question an event is; INBOX_KINDS when it is none. */
enum inbox_kind inbox_kind_of(const struct event *ev);

/* Take an event, or its repeat with a higher count (by how many it grew). One that
 * settles a question (a push that was decided, a host that was allowed) removes it.
 * True when anything changed. */
bool inbox_event(struct inbox *ib, const struct event *ev, uint64_t seq, unsigned grown);

/* Is the event's question there? And does it wait? */
bool inbox_has(const struct inbox *ib, const struct event *ev);
bool inbox_is_waiting(const struct inbox *ib, const struct event *ev);

/* A state of a session since some moment: one row for each kind. text NULL ends it.
 * True when anything changed. */
bool inbox_state(struct inbox *ib, enum inbox_kind kind, const char *session, const char *text,
                 int64_t since_ns);

/* What became of a session. */
enum inbox_life {
	INBOX_LIVE,  /* it runs or is being launched, or nobody knows */
	INBOX_ENDED, /* its agent has; what is left of it is still there */
	INBOX_GONE,  /* it was removed */
};
/* Apply it to the session's rows, see above; again after rows were added. True when
 * anything changed. */
bool inbox_set_life(struct inbox *ib, const char *session, enum inbox_life life);
/* Does such a question wait on when its session has ended, or was removed? */
bool inbox_kind_outlives(enum inbox_kind kind);

/* It waits no longer, and the same does not ask again. False: there is no such row. */
bool inbox_dismiss(struct inbox *ib, uint64_t id, int64_t now_ns);
bool inbox_dismiss_event(struct inbox *ib, const struct event *ev, int64_t now_ns);

/* A new launch of the session: nothing of the old one's waits, or is remembered. */
bool inbox_forget(struct inbox *ib, const char *session);

/* What is to be remembered, for whoever keeps it: each is told once, as it is dismissed.
 * Those of before are given back by inbox_remember(). */
struct inbox_dismissal {
	const struct inbox_item *item;
	const char *question;	/* a line of text without meaning to others */
	int64_t until_ns;	/* what happened before does not ask again; 0: nor what comes */
};
typedef void inbox_memory_fn(void *arg, const struct inbox_dismissal *d);
void inbox_on_dismiss(struct inbox *ib, inbox_memory_fn *fn, void *arg);
void inbox_remember(struct inbox *ib, const char *session, const char *question,
                    int64_t until_ns);
/* What somebody remembers may have been dismissed by another program meanwhile: when it
 * is a row here, it goes, and is remembered. What is no row may be of a launch before. */
bool inbox_heed(struct inbox *ib, const char *session, const char *question, int64_t until_ns);

/* The dismissal as an event (inbox.dismissed): who, why, and what was asked. by:
 * policy_by(); why may be NULL. */
void inbox_event_of(struct event *out, const struct inbox_item *item, const char *bottle,
                    const char *by, const char *why, int64_t now_ns);

const char *inbox_kind_name(enum inbox_kind kind);	/* "block", "held push" */

#endif
