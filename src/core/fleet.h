/* The fleet: every agent of the manifest and every session, with what happens to
 * them; what a dashboard shows. No curses, no engine: it works on a backend.
 *
 * The fleet asks the backend for its sessions every FLEET_REFRESH_MS and after
 * each operation, follows the logs of those that run, keeps a terminal (core/vt)
 * for each session that was looked at, and carries out launches and stops. It
 * tells its owner by flags what changed, and never draws.
 *
 * Rows: first the sessions and agents grouped by bottle, by name. A row is known
 * by its name: an agent's when it has no session, else the session's.
 */
#ifndef CORE_FLEET_H
#define CORE_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/event.h"
#include "core/session.h"

struct fleet;
struct inbox;
struct policy;
struct policy_answer;
struct policy_change;
struct store;
struct vt;
struct vt_theme;

#define FLEET_REFRESH_MS  2000
#define FLEET_EVENTS_MAX  20000		/* kept in memory, oldest go first */
#define FLEET_NAME_MAX	  (MANIFEST_NAME_MAX + 1)

enum fleet_change {
	FLEET_ROWS = 1,		/* a row, its state or its counts */
	FLEET_EVENTS = 2,	/* events were added or folded */
	FLEET_TERMINAL = 4,	/* a terminal has damage */
	FLEET_MESSAGE = 8,	/* fleet_message() has something new */
	FLEET_ENGINE = 16,	/* the engine went away or came back */
};

/* What an agent seems to be doing, beside its session's state. */
enum fleet_activity {
	ACTIVITY_UNKNOWN,
	ACTIVITY_WORKING,	/* its hooks say so, or it wrote something just now */
	ACTIVITY_IDLE,
	ACTIVITY_WAITS,		/* it said so: OSC 9/777/99 or a bell, or its hook did */
};

struct fleet_row {
	char name[FLEET_NAME_MAX];
	char agent[FLEET_NAME_MAX];
	char bottle[FLEET_NAME_MAX];
	enum session_state state;
	bool has_session;
	bool is_untrusted;	/* of a project's file that was not confirmed */
	bool is_broken;
	bool is_frozen;		/* its agent is paused, and every request refused */
	bool is_unknown;	/* the engine did not answer yet: nobody knows its state */
	char *note;		/* fault, cause of failure, or the step being done; NULL */
	int exit_code;		/* of an ended agent, else -1 */
	int64_t created;	/* Unix time, 0 without session */
	struct isolation_result isolation;
	enum fleet_activity activity;
	int64_t activity_since_ns;	/* CLOCK_REALTIME */
	char *said;		/* its question, last notice or title: its claim. NULL */
	unsigned n_attention;	/* questions in the inbox */
	const char *color;	/* of the manifest, or NULL */
};

struct fleet_options {
	const struct backend_ops *ops;
	struct backend *backend;
	/* Read the manifest anew; the fleet owns what it gets. */
	struct manifest *(*load_manifest)(void *arg);
	void (*changed)(void *arg, unsigned changes);	/* enum fleet_change, or-ed */
	/* An agent whose bottle allows it wants to write the clipboard (OSC 52). The
	 * text is as it came. must_ask: the bottle says "ask". May be NULL. */
	void (*clipboard)(void *arg, const char *session, const char *text, size_t len,
	                  bool must_ask);
	/* Where events are kept, and come from; opened on the same loop, not closed by the
	 * fleet. NULL: what happens is known until the program ends. */
	struct store *store;
	/* One look at what is there: no terminal is attached, logs are read to their ends,
	 * and nothing is looked at twice. */
	bool is_glance;
	void *arg;
};

struct fleet *fleet_new(struct loop *loop, const struct fleet_options *opt);
void fleet_free(struct fleet *f);		/* stops no session */

/* Has a glance seen all? Also when the engine does not answer (fleet_engine()). */
bool fleet_is_settled(const struct fleet *f);

int64_t fleet_clock_ns(void);	/* CLOCK_REALTIME, as the times in rows and messages */

size_t fleet_n_rows(const struct fleet *f);
const struct fleet_row *fleet_row(const struct fleet *f, size_t i);
const struct fleet_row *fleet_find(const struct fleet *f, const char *name);	/* or NULL */
const struct manifest *fleet_manifest(const struct fleet *f);
void fleet_reload(struct fleet *f);		/* the manifest, and the sessions */
const char *fleet_engine(const struct fleet *f);	/* "docker 20.10.24 unix"; NULL when away */

/* --- operations; each ends in a message and FLEET_ROWS ---------------------------- */

/* label and color may be NULL. secrets: values for the agent's "?prompt" variables in
 * the order of its env, owned by the fleet from here on and wiped. */
int fleet_launch(struct fleet *f, const char *agent, const char *label, const char *color,
                 char **secrets, struct err *err);
void fleet_stop(struct fleet *f, const char *session);
int fleet_relaunch(struct fleet *f, const char *session, char **secrets, struct err *err);
void fleet_cancel(struct fleet *f, const char *session);	/* a launch under way, or to come */
size_t fleet_n_busy(const struct fleet *f);	/* launches and stops under way */

/* --- events ------------------------------------------------------------------------ */

/* Is what the store has from before there? It comes a moment after the start. */
bool fleet_is_loaded(const struct fleet *f);
size_t fleet_n_events(const struct fleet *f);
uint64_t fleet_events_version(const struct fleet *f);	/* another after every change */
const struct event *fleet_event(const struct fleet *f, size_t i);	/* 0 is the oldest */
/* In no order; never used twice. */
uint64_t fleet_event_seq(const struct fleet *f, size_t i);
/* The index of an event, fleet_n_events() when it is gone. */
size_t fleet_find_event(const struct fleet *f, uint64_t seq);

#define FLEET_BLOCKED_MINUTES 60
/* How many requests and look-ups were refused in the last hour, repeats included, by the
 * events' own times. *is_more: at least, for when the fleet began there were more events
 * from that hour than it took from the store. */
unsigned fleet_n_blocked(const struct fleet *f, bool *is_more);

/* --- what waits for a person: core/inbox -------------------------------------- */

const struct inbox *fleet_inbox(const struct fleet *f);
unsigned fleet_n_waiting(const struct fleet *f);		/* inbox_n_waiting() */
bool fleet_is_waiting(const struct fleet *f, size_t i);	/* the event's question does */
void fleet_dismiss(struct fleet *f, uint64_t seq);		/* an event's question */
/* A row of the inbox; why, in the person's words, may be NULL. Either becomes an event
 * (inbox.dismissed), one however many programs are told the same. */
void fleet_dismiss_item(struct fleet *f, uint64_t id, const char *why);

/* --- live policy: core/policy ----------------------------------------------------- */

/* What the session may reach, as last heard of; NULL when it is not known (yet). It is
 * asked for when a session is first seen to run, after changes, and when a time in it
 * is over. */
const struct policy *fleet_policy(const struct fleet *f, const char *session);
const char *fleet_policy_error(const struct fleet *f, const char *session);	/* or NULL */
void fleet_ask_policy(struct fleet *f, const char *session);
/* The next end of a permission, Unix time, and whose; 0: there is none. */
int64_t fleet_allowed_until(const struct fleet *f, const char *session, const char **host);
bool fleet_is_changing(const struct fleet *f, const char *session);
/* Ends in a message and an event (policy.changed): only when pipelock has said that it
 * is in force, or why not. by NULL: the person at this screen. */
void fleet_change_policy(struct fleet *f, const char *session,
                         const struct policy_change *change);
/* The host was written into the manifest: an event, which settles the host's question. */
void fleet_saved_host(struct fleet *f, const char *session, const char *host);
typedef void fleet_why_fn(void *arg, const struct policy_answer *answer, const struct err *err);
void fleet_why(struct fleet *f, const char *session, const char *url, fleet_why_fn *fn,
               void *arg);

/* --- pushes: core/push ------------------------------------------------------------- */

/* As backend_ops.push_read; given up by fleet_give_up() (NULL is fine). */
struct backend_job *fleet_read_push(struct fleet *f, const char *session, const char *id,
                                    backend_push_fn *fn, void *arg);
void fleet_give_up(struct fleet *f, struct backend_job *job);
/* Decide about p as it was seen: of d the session, action, finding and message are
 * taken. Ends in a message; fn (or NULL) gets the record as it is then, as long as
 * the fleet lives. */
void fleet_decide_push(struct fleet *f, const struct push *p, const struct push_decision *d,
                       backend_push_fn *fn, void *arg);

/* --- terminals ----------------------------------------------------------------------- */

enum fleet_terminal { FLEET_AGENT, FLEET_SHELL };	/* the agent's own, or a shell beside it */

/* The terminal of a running session, attached on first use; NULL when there is
 * none. It stays attached and is read whether it is shown or not. When a shell has
 * ended by itself it is NULL once, and another one begins with the next call. */
struct vt *fleet_terminal(struct fleet *f, const char *session, enum fleet_terminal which,
                          int rows, int cols);
void fleet_resize(struct fleet *f, const char *session, enum fleet_terminal which, int rows,
                  int cols);
/* -1 when too much waits to be sent, and while the session is frozen: a stream to it may
 * not come about before it is thawed, and what was typed blind had better not run then. */
int fleet_send(struct fleet *f, const char *session, enum fleet_terminal which, const void *data,
               size_t len);
void fleet_set_theme(struct fleet *f, const struct vt_theme *theme);
/* Let go of every stream (before SIGTSTP: an unread one stalls its agent); the
 * next fleet_terminal() attaches again, and to a new shell where there was one. */
void fleet_detach_all(struct fleet *f);

/* --- messages -------------------------------------------------------------------------- */

enum fleet_level { FLEET_INFO, FLEET_WARN, FLEET_ERROR };
/* The i-th newest message, NULL past the last. */
const char *fleet_message(const struct fleet *f, size_t i, enum fleet_level *level,
                          int64_t *ts_ns);
void fleet_say(struct fleet *f, enum fleet_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
