/* Pushes as the gate recorded them: what it decided, or what waits for a person.
 *
 * The gate keeps a bounded record of each push in its memory (docs/sidecars.md,
 * "The spool"): who pushed what, the commits, the scanner's findings, and a diff.
 * The backend reads records (backend_ops.pushes, .push_read), core/patch reads the
 * diff, and a person decides (backend_ops.push_decide). Nothing of it outlives the
 * session; what happened is also an event, with the push's id in its detail as "id".
 *
 * The gate masked every secret that its scan found. All text is hostile all the
 * same, the agent wrote it: make it safe (core/text) when it is shown.
 */
#ifndef CORE_PUSH_H
#define CORE_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

#define PUSH_ID_MAX 32
#define PUSH_RECORD_MAX ((size_t)256 << 10)	/* of one record without its diff */
#define PUSH_DIFF_MAX ((size_t)1 << 20)
#define PUSH_LIST_MAX 256			/* records of one gate */
#define PUSH_MESSAGE_MAX 500			/* bytes of what a person says to a rejection */
#define PUSH_OPERATOR_MAX 64

enum push_state {
	PUSH_HELD,	/* clean; waits for a person until hold_until */
	PUSH_FORWARDING, /* approved, on its way */
	PUSH_ACCEPTED,	/* reached the upstream */
	PUSH_REJECTED,	/* by the scanner, the gate's rules or a person (then by is set) */
	PUSH_FAILED,	/* the upstream did not take it, or there was no verdict */
	PUSH_CANCELLED,	/* the client went away while it was held */
	PUSH_TIMED_OUT,	/* nobody decided in time */
	PUSH_STATES
};

struct push_ref {
	char *ref;		/* "refs/heads/main" */
	char *old, *new;	/* hex; all zeros: the ref is made, or deleted */
	long gained, lost;	/* commits that it reaches afterwards, or before; -1: not known */
};

struct push_commit {
	char *oid;
	char *author;		/* "Ann <ann@example.test>" */
	char *subject;
	int64_t time;		/* the author's claim, Unix seconds */
	long added, removed;	/* lines; -1 when it is not known */
};

struct push_finding {
	char *id;		/* hex; what a person accepts. NULL when it cannot be accepted */
	char *rule;
	char *file;		/* NULL: not in a file (message, tag, name) */
	unsigned line;		/* of the file in that commit; 0 when it means nothing */
	char *commit;		/* the first 12 digits; NULL when there is none */
	char *match;		/* masked */
	char *src;		/* "diff", "meta", "content" (docs/sidecars.md) */
	char *accepted_by;	/* somebody accepted it for this push; NULL for nobody */
};

struct push {
	char *id;
	char *repo;		/* the git entry's Name */
	enum push_state state;
	int64_t ts_ns;		/* when it came */
	int64_t hold_until;	/* Unix seconds; 0 when it was never held */
	struct push_ref *refs;
	size_t n_refs;
	struct push_commit *commits;	/* the newest first; maybe not all: see all_commits */
	size_t n_commits;
	size_t all_commits;
	struct push_finding *findings;	/* maybe not all: see all_findings */
	size_t n_findings;
	size_t all_findings;
	char *reason;		/* why not, in a sentence; NULL for none */
	char *detail;		/* the upstream's or the scanner's own words; NULL for none */
	char *by;		/* who decided; NULL for nobody */
	char *message;		/* what that person said; NULL for nothing */
	bool is_diff_cut;	/* the diff does not show all of the push */
	char *diff;		/* NULL when only the list was asked for, or nothing was kept */
	size_t diff_len;
};

struct push_list {
	struct push *v;		/* the oldest first; those held come in their turn */
	size_t n;
};

enum push_action { PUSH_APPROVE, PUSH_REJECT, PUSH_ACCEPT_FINDING };

/* What a person decided. Approving and rejecting name the new ids that the person
 * saw: the gate refuses when they are not those of the push that waits. */
struct push_decision {
	const char *session;
	const char *id;			/* the push's */
	enum push_action action;
	const char *const *new_ids;	/* in the order of push.refs */
	size_t n_new_ids;
	const char *finding;		/* PUSH_ACCEPT_FINDING: a finding's id */
	const char *message;		/* why; shown to the agent by PUSH_REJECT; NULL: none */
	const char *by;			/* push_operator() */
};

/* Read one record: a line of JSON, and then the diff when there is any. *out is
 * untouched on failure. */
int push_parse(struct push *out, const char *text, size_t n, struct err *err);

/* Read a line for each record. A line that cannot be read makes the whole fail. */
int push_list_parse(struct push_list *out, const char *text, size_t n, struct err *err);

const struct push *push_list_find(const struct push_list *list, const char *id);

/* The index of the finding that a person means: its number in the list (from 1), or
 * the beginning of its id (six digits or more) if no other begins so. -1: none. */
int push_finding_find(const struct push *p, const char *what);

/* One JSON object without a newline, safe on a terminal; the diff is left out
 * unless asked for. session NULL: a record as push_parse() reads it. */
int push_json(struct buf *out, const char *session, const struct push *p, bool with_diff);

const char *push_state_name(enum push_state s);	/* "held", "timed-out" */
bool push_is_open(const struct push *p);	/* does it wait for a person? */

/* What the commits of the push do not tell of a ref: "forced: throws away 2 commits", and
 * ", takes in 5 commits that the upstream has already". Nothing when there is nothing. */
void push_ref_warning(struct buf *out, const struct push *p, const struct push_ref *ref);

/* "main, v1.0": the refs without their usual beginnings, three at most. */
void push_refs_text(struct buf *out, const struct push *p);

/* Who decides here: the login name, else "uid N"; owned by the caller. (Not
 * policy_by(), which names the host: the agent's git shows it.) */
char *push_operator(void);

void push_copy(struct push *to, const struct push *from);	/* to is uninitialised */
void push_done(struct push *p);
void push_list_done(struct push_list *list);

#endif
