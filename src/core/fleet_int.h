/* Inside the fleet: what its files share. Nobody else includes this. */
#ifndef CORE_FLEET_INT_H
#define CORE_FLEET_INT_H

#include "core/buf.h"
#include "core/claim.h"
#include "core/err.h"
#include "core/fleet.h"
#include "core/inbox.h"
#include "core/journal.h"
#include "core/loop.h"
#include "core/seam.h"
#include "core/secrets.h"
#include "core/store.h"
#include "core/vt.h"

#define FLEET_MESSAGES_MAX 200
#define FLEET_FOLD_WINDOW  500	/* how far back a repeated event is looked for */
#define FLEET_BACKLOG_MAX  ((size_t)1 << 20)
#define FLEET_PAST_MAX	   ((size_t)512 << 10)
#define FLEET_TERMINALS	   2	/* enum fleet_terminal */
#define FLEET_LAUNCH_TRIES 4	/* when another program took our subnet */

enum unit_op { OP_NONE, OP_STOPPING, OP_PREPARING, OP_LAUNCHING };

struct terminal {
	struct unit *unit;
	enum fleet_terminal which;
	struct vt *vt;
	struct backend_stream *stream;	/* NULL while it is not attached */
	int rows, cols;
	bool has_ended;			/* a shell did by itself, and nobody was told yet */
	struct buf backlog;		/* came, but is not fed yet: the stream is paused */
	size_t fed;			/* of it */
	size_t past;			/* so much of the backlog is the engine's log ... */
	bool is_new;			/* ... and was written while nobody looked */
	struct buf seen;		/* core/seam.h: where the log goes on if we are away */
};

/* Everything about one name: an agent's or a session's. It stays once it was seen. */
struct unit {
	struct fleet *fleet;
	struct fleet_row row;
	bool is_listed;			/* in the last list of sessions */
	enum inbox_life life;		/* as that says */
	char *launch;			/* of the session listed */
	int64_t released_ns;

	enum unit_op op;
	bool relaunch;			/* launch again once it is stopped */
	struct backend_job *job;
	struct plan *plan;
	struct secrets secrets;
	char *label;
	char color[SESSION_COLOR_SIZE];	/* of the session; "": its agent's */
	size_t n_done;			/* steps of the launch */
	unsigned tries;
	char *failure;			/* why the last operation failed */
	bool was_cancelled;		/* by the person: its failure asks nothing */

	struct policy *policy;		/* in force, as last heard; NULL: not known */
	int64_t policy_at_ns;
	char *policy_error;		/* why it is not known */
	bool is_asking_policy;
	struct change *changes;		/* of it, under way */

	struct backend_job *follow;
	int64_t follow_clock_ns;	/* logread_clock() when that began */
	int64_t last_event_ns;

	struct terminal terminals[FLEET_TERMINALS];
	int64_t last_output_ns;
	bool is_waiting;		/* it said so, and nobody answered since */
	struct claim claim;		/* its hooks'; CLAIM_NONE when it has none */
	struct backend_job *claim_job;
	unsigned n_asked;		/* for what it claimed before we came, or without a word */
};

struct kept_event {
	struct event event;
	uint64_t seq;
	uint64_t ticket;		/* the store's, while it is not stored */
	int64_t order_ns;		/* when it happened first: a repeat keeps its place */
};

struct kept_message {
	char *text;
	enum fleet_level level;
	int64_t ts_ns;
};

struct fleet {
	struct loop *loop;
	struct fleet_options opt;
	struct manifest *manifest;
	struct unit **units;
	size_t n_units;
	struct unit **rows;		/* those that are shown, in order */
	size_t n_rows;

	struct loop_timer refresh_timer;
	bool is_listing;
	bool is_away;			/* the engine does not answer */
	bool was_listed;		/* it did, once */
	struct err away;

	struct kept_event *events;	/* a ring */
	size_t first_event, n_events, cap_events;
	uint64_t next_seq, version;
	struct inbox *inbox;
	struct question *questions;	/* fleet_why(), under way */
	struct push_choice *push_choices;	/* fleet_decide_push(), under way */
	struct log_taker taker;		/* the store's */
	struct loop_timer load_timer;
	bool is_loaded;			/* what the store has from before */
	uint64_t last_id;		/* the newest event of the store that is known */
	const char *why;		/* of the dismissal under way */
	bool is_unsorted;
	struct blocked_minute {
		int64_t minute;		/* since 1970 */
		unsigned n;
	} blocked[FLEET_BLOCKED_MINUTES];
	int64_t known_from_ns;		/* events before are not all taken; 0: they are */
	size_t n_pending;		/* events that have a ticket */

	struct kept_message messages[FLEET_MESSAGES_MAX];
	size_t n_messages;		/* ever */

	struct loop_timer feed_timer;	/* set while something was fed in this turn */
	uint64_t fed_ns;		/* what that took */
	size_t n_backlogs, next_backlog;

	struct vt_theme theme;
	bool has_theme;
	int rows_hint, cols_hint;	/* size for terminals that are not shown */

	unsigned pending;		/* enum fleet_change, to be told */
	struct loop_timer tell_timer;
	bool is_closing;
};

/* Tell the owner, once, at the end of this turn. */
void fleet_mark(struct fleet *f, unsigned changes);

struct unit *fleet_unit(struct fleet *f, const char *name);	/* NULL when unknown */
void fleet_refresh_soon(struct fleet *f);

/* fleet_rows.c */
void fleet_take_list(struct fleet *f, const struct session_list *list);
void fleet_build_rows(struct fleet *f);
void fleet_lose_session(struct unit *u);	/* it was removed */
struct unit *fleet_unit_make(struct fleet *f, const char *name);

/* fleet_events.c */
void fleet_follow(struct unit *u);	/* if it should be followed and is not */
void fleet_unfollow(struct unit *u);
/* An event to be shown, from the store or without one. */
struct fleet_incoming {
	const struct event *event;
	int64_t first_ns;	/* where it stands among the others */
	uint64_t ticket;	/* what the store's queue called it; 0: it is none of ours */
	bool may_ask;		/* it may come into the inbox */
};
void fleet_keep_event(struct fleet *f, const struct fleet_incoming *in);
void fleet_sort_events(struct fleet *f);	/* if it is needed */
void fleet_forget_events(struct fleet *f);

/* fleet_policy.c */
void fleet_refresh_policy(struct unit *u);	/* if it is needed */
void fleet_drop_policy(struct unit *u);
void fleet_drop_questions(struct fleet *f);

/* fleet_push.c */
void fleet_drop_push_choices(struct fleet *f);

/* fleet_store.c */
void fleet_open_store(struct fleet *f);
void fleet_close_store(struct fleet *f);
void fleet_see_others(struct fleet *f);	/* what other programs stored */
void fleet_add_event(struct fleet *f, const struct event *ev);	/* of our own */
void fleet_dismiss_stored(struct fleet *f, const char *session);	/* what asks no more */
/* Dismissed is a matter of a launch: of one since then (Unix time) it is none. */
void fleet_forget_dismissed(struct fleet *f, const char *session, int64_t since);
void fleet_keep_dismissal(void *arg, const struct inbox_dismissal *d);

/* fleet_inbox.c */
void fleet_count_waiting(struct fleet *f, const char *session);	/* after the inbox changed */
void fleet_see_ends(struct fleet *f);	/* of sessions, after they were listed */
void fleet_ask(struct unit *u, enum inbox_kind kind, const char *text, int64_t since_ns);
void fleet_wait(struct unit *u, const char *text);	/* its agent waits; NULL: no more */

/* fleet_claims.c */
void fleet_said(struct unit *u, const char *text);	/* in its row */
void fleet_notice(struct unit *u, const char *title, const char *body);
void fleet_answered(struct unit *u, const char *typed, size_t len);
void fleet_forget_claim(struct unit *u);
void fleet_ask_claim(struct unit *u);	/* with each list; asks when it is time */

/* fleet_terms.c */
void fleet_attach(struct unit *u);	/* the agent's terminal, if it runs */
void fleet_drop_terminals(struct unit *u, bool keep_screen);

/* fleet_ops.c */
void fleet_drop_op(struct unit *u);

#endif
