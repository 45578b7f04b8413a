/* The seam between the program and one kind of engine.
 *
 * A backend launches, stops and finds sessions. Everything that talks to an
 * engine is asynchronous on the loop: it returns at once and calls its events,
 * done last and exactly once. A job's callbacks never run from inside the call
 * that started it.
 *
 * "docker" is one backend (src/docker); another engine is one more file.
 */
#ifndef CORE_BACKEND_H
#define CORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/manifest.h"
#include "core/plan.h"
#include "core/session.h"

struct backend;
struct err;
struct event;
struct log_cursor;
struct log_entry;
struct loop;
struct policy;
struct policy_answer;
struct policy_change;
struct push;
struct push_decision;
struct push_list;

struct backend_settings {
	const char *install_id;		/* whose sessions these are */
	const char *engine_host;	/* as DOCKER_HOST; NULL: from the environment */
	const char *subnet_pool;	/* NULL: the default */
	const char *upstream_ca;	/* a file of CAs that pipelock trusts besides the usual
					 * ones, as behind a company proxy; NULL: none */
	const char *lock_dir;		/* where launches lock their session's name */
	const char *home;		/* for skills; NULL when unknown */
	const char *recording;		/* replay: the file to be played */
	const char *replay_speed;	/* replay: "0" is all at once; NULL: "1" */
	bool without_probes;		/* for the benchmark; sessions show "unverified" */
};

struct launch_request {
	const struct agent_spec *agent;	/* usable */
	const char *label;		/* NULL for none */
	const char *color;		/* of session_colors or "#rrggbb"; NULL: the agent's */
	const char *digest;		/* of the manifest's bytes */
	const char *copy_root;		/* a project's folder, which must contain what is
					 * copied or read; NULL for a user's agent */
};

/* One resolved variable. Owned by whoever asked for it; wiped after the launch. */
struct launch_secret {
	const char *name;
	const char *value;
	bool is_secret;		/* also goes to pipelock's list of known secrets */
};

enum step_state { STEP_STARTED, STEP_DONE, STEP_FAILED };

struct launch_events {
	/* may be NULL; ns is how long it took, when it ended */
	void (*step)(void *arg, const struct plan *plan, size_t index, enum step_state state,
	             uint64_t ns);
	/* err is NULL when the session runs. Otherwise all of it has been undone; what
	 * could not be undone is said at the end of err's message. */
	void (*done)(void *arg, const struct isolation_result *isolation, const char *fingerprint,
	             const struct err *err);
};

typedef void backend_plan_fn(void *arg, struct plan *plan, const struct err *err);
typedef void backend_list_fn(void *arg, struct session_list *list, const struct err *err);
typedef void backend_done_fn(void *arg, const struct err *err);
/* One event of a session; false ends the following. Borrowed during the call. */
typedef bool backend_event_fn(void *arg, const struct event *ev);

/* Who takes the lines of logs, with what names each of them: the store (store_taker). */
struct log_taker {
	void (*cursor)(void *arg, struct log_cursor *c);	/* where to go on in c->container */
	void (*line)(void *arg, const struct log_entry *e);
	void *arg;
};

struct follow_request {
	const char *session;
	int64_t since_ns;	/* only what happened after; 0 for everything that is kept */
	int64_t released_ns;	/* session.released_ns: what is older is our probes' doing */
	bool keep_following;	/* until backend_ops.cancel(); else until the end of the logs */
	/* NULL: fn gets the events. Else the taker gets the lines, from its cursors on, and
	 * fn only what is of no log (as all is that is replayed). */
	const struct log_taker *taker;
};

/* An operation under way. */
struct backend_job;

/* A terminal of a session: the agent's own, or a shell beside it. Output must be
 * taken as it comes; a stream that nobody reads stalls the agent. */
struct backend_stream;

struct stream_request {
	const char *session;
	bool is_shell;		/* a new login shell in the agent's container */
	int rows, cols;		/* 0: as it is, and nothing is asked to repaint */
	bool is_young;		/* its program may still be starting, and not hear at first */
	/* Of the agent's: at most so many bytes that it wrote before, as far as the engine
	 * kept them, and no byte of them twice. 0: none. */
	size_t past_max;
	const struct buf *seen;	/* core/seam.h: only what came after it; NULL: all. Copied */
};

struct stream_events {
	void (*opened)(void *arg);			/* may be NULL */
	/* What it wrote before: once at most, before any data, from the beginning of a line
	 * or where what was seen ended. is_whole: all that there is, also when what was
	 * seen is not in it any more. Needed when past_max is not 0. */
	void (*past)(void *arg, const char *data, size_t len, bool is_whole);
	void (*data)(void *arg, const char *data, size_t len);
	/* Neither of those two may close the stream.
	 * It ended (err NULL) or failed; the stream is still to be closed. Not after
	 * stream_close(). */
	void (*ended)(void *arg, const struct err *err);
};

#define EXEC_OUTPUT_MAX (256u << 10)
#define EXEC_TIMEOUT_MS 60000u

/* A program run once as the agent, in its container, without a terminal. Its
 * environment is the container's, not what the release added to the agent's own. */
struct exec_request {
	const char *session;
	const char *const *argv;	/* ends in NULL */
	const char *dir;	/* where it runs; NULL: the container's own */
	size_t output_max;	/* kept of each of its two streams; 0: EXEC_OUTPUT_MAX */
	unsigned timeout_ms;	/* until it has ended; 0: EXEC_TIMEOUT_MS */
};

/* NUL-terminated, as the container wrote it: to be made safe before it is shown. */
struct exec_result {
	int exit_code;
	const char *out, *err;
	size_t out_len, err_len;
	bool was_cut;		/* there was more output than is kept */
};

/* result is NULL when it could not be run, or was too slow: err says so. Borrowed
 * during the call. */
typedef void backend_exec_fn(void *arg, const struct exec_result *result, const struct err *err);

/* The policy is fn's (policy_free); NULL when err says why there is none. */
typedef void backend_policy_fn(void *arg, struct policy *policy, const struct err *err);
/* answer is NULL when pipelock could not be asked. Borrowed during the call. */
typedef void backend_why_fn(void *arg, const struct policy_answer *answer, const struct err *err);
/* Pushes of a session (core/push.h). fn may empty what it is given to keep it; else it
 * is freed after fn. It is NULL exactly when err is not. */
typedef void backend_pushes_fn(void *arg, struct push_list *list, const struct err *err);
typedef void backend_push_fn(void *arg, struct push *push, const struct err *err);

struct backend_ops {
	const char *name;	/* "docker" */
	int (*open)(struct backend **out, struct loop *loop, const struct backend_settings *s,
	            struct err *err);
	/* What is under way is dropped without a callback, and nothing undone: the loop
	 * must not turn again while a job was. Not from within a callback. */
	void (*close)(struct backend *b);
	const char *(*describe)(const struct backend *b);	/* "docker 20.10.24 unix" */

	/* Gather the engine's facts, then plan. fn owns the plan it gets. What req points
	 * to must live until then. */
	void (*prepare)(struct backend *b, const struct launch_request *req, backend_plan_fn *fn,
	                void *arg);
	/* Execute a plan of this backend's. plan and secrets must outlive the job.
	 * force releases the agent although a probe failed, and says so. */
	struct backend_job *(*launch)(struct backend *b, const struct plan *plan,
	                              const struct launch_secret *secrets, size_t n, bool force,
	                              const struct launch_events *ev, void *arg);
	/* Tear down whatever is left of a session; nothing left is success. */
	void (*stop)(struct backend *b, const char *session, backend_done_fn *fn, void *arg);
	/* Every session of this installation that the engine knows. fn may empty the
	 * list to keep its sessions; else it is freed after fn. */
	void (*list)(struct backend *b, backend_list_fn *fn, void *arg);
	/* Run the isolation checks again on a running session, and leave the result
	 * with it. agent: as in the manifest now, NULL when it is gone from it. */
	void (*verify)(struct backend *b, const char *session, const struct agent_spec *agent,
	               const struct launch_events *ev, void *arg);
	/* Events from the logs of a session's members, in each member's order. */
	struct backend_job *(*follow)(struct backend *b, const struct follow_request *req,
	                              backend_event_fn *fn, backend_done_fn *done, void *arg);
	/* Before a stop: end what writes logs, the agent as gently as stop() does, and
	 * read them to the end. NULL: there are no logs. */
	void (*drain)(struct backend *b, const struct follow_request *req, backend_done_fn *fn,
	              void *arg);
	/* Terminals. Several may be attached to one session. */
	struct backend_stream *(*attach)(struct backend *b, const struct stream_request *req,
	                                 const struct stream_events *ev, void *arg);
	int (*stream_send)(struct backend_stream *s, const void *data, size_t len);
	void (*stream_resize)(struct backend_stream *s, int rows, int cols);
	/* No more data until it is called with false: for a program whose output costs more
	 * than can be spent on it. It stalls that program, and no other. */
	void (*stream_pause)(struct backend_stream *s, bool is_paused);
	/* Detaches; ends nothing. NULL is fine. */
	void (*stream_close)(struct backend_stream *s);
	/* The request is copied. An engine cannot end what it has begun: a program
	 * that is too slow, or was given up, goes on until the session stops. */
	struct backend_job *(*exec)(struct backend *b, const struct exec_request *req,
	                            backend_exec_fn *fn, void *arg);
	/* Live policy (core/policy.h). None of these can be given up; each ends by
	 * itself within half a minute. What a session may reach now: */
	void (*policy)(struct backend *b, const char *session, backend_policy_fn *fn, void *arg);
	/* Change it. Everything pointed to is copied. fn gets what is in force then, and
	 * only once pipelock said that it is. ERR_POLICY: refused, by us or by pipelock,
	 * and as it was. The caller publishes policy_event() either way. */
	void (*policy_change)(struct backend *b, const char *session,
	                      const struct policy_change *change, backend_policy_fn *fn,
	                      void *arg);
	/* Ask the session's pipelock whether it would let url pass. */
	void (*why)(struct backend *b, const char *session, const char *url, backend_why_fn *fn,
	            void *arg);
	/* What the gate recorded of a session's pushes, without diffs; only of sessions
	 * that have a member of ROLE_GATE. */
	struct backend_job *(*pushes)(struct backend *b, const char *session,
	                              backend_pushes_fn *fn, void *arg);
	/* One of them, with its diff. */
	struct backend_job *(*push_read)(struct backend *b, const char *session, const char *id,
	                                 backend_push_fn *fn, void *arg);
	/* Tell the gate what a person decided; d is copied. fn gets the record as it is
	 * then: after an approval the push is accepted or failed, which takes as long as
	 * the upstream does. ERR_POLICY when the gate refused the decision: the push does
	 * not wait any more, or is not what the person saw. */
	struct backend_job *(*push_decide)(struct backend *b, const struct push_decision *d,
	                                   backend_push_fn *fn, void *arg);
	/* Give a job up. A launch is undone and still reports done; a following, an exec
	 * and those about pushes end without done. */
	void (*cancel)(struct backend_job *job);
};

#endif
