/* Inside the replay backend: what its files share. Nobody else includes this. */
#ifndef REPLAY_REPLAY_INT_H
#define REPLAY_REPLAY_INT_H

#include "core/backend.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/loop.h"
#include "core/push.h"
#include "replay/recording.h"

#define REPLAY_OUTPUT_MAX ((size_t)8 << 20)	/* of one terminal, kept for who attaches */
#define REPLAY_CHUNK	  16384
#define REPLAY_STOP_MS	  400

/* A session as it is played. It stays once it was named. */
struct live {
	struct live *next;
	char name[MANIFEST_NAME_MAX + 1];
	struct recording_session is;
	char launch[24];
	char *digest;
	bool exists;
	bool is_taken;		/* by the person: the recording's say is over */
	struct buf output;	/* of its terminal */
	uint64_t output_start;	/* what was dropped before output.data[0] */
	struct event *events;
	size_t n_events;
	struct push_list pushes;
	struct replay_policy *policy;	/* NULL until somebody asks */
};

/* Lines of a recording under way. */
struct track {
	struct track *next;
	const struct recording_entry *v;
	size_t n, at;
	uint64_t start_ns;	/* of the loop's clock */
	struct live *live;	/* whose they are; NULL for the recording itself */
};

enum job_kind {
	JOB_PREPARE,
	JOB_LAUNCH,
	JOB_STOP,
	JOB_LIST,
	JOB_VERIFY,
	JOB_FOLLOW,
	JOB_POLICY,
	JOB_PUSH,
};

struct backend_job {
	struct backend_job *next;
	struct backend *backend;
	enum job_kind kind;
	struct loop_timer timer;
	struct err err;
	char session[MANIFEST_NAME_MAX + 1];
	void *arg;

	struct plan *made;			/* JOB_PREPARE */
	backend_plan_fn *on_plan;
	backend_list_fn *on_list;
	backend_done_fn *on_done;		/* JOB_STOP, JOB_FOLLOW */
	backend_event_fn *on_event;		/* JOB_FOLLOW */
	struct policy_ask *policy_ask;
	backend_policy_fn *on_policy;		/* JOB_POLICY: one of these */
	backend_why_fn *on_why;
	struct live *live;			/* followed */
	size_t at;				/* next event */
	int64_t since_ns, released_ns;
	bool keeps_following, is_cancelled, is_over;

	const struct plan *plan;		/* JOB_LAUNCH */
	const struct recording_launch *how;	/* NULL: as usual */
	const struct launch_events *ev;		/* JOB_LAUNCH, JOB_VERIFY */
	size_t step;
	bool is_in_step, is_refused, force;
	uint64_t step_ns;

	struct push_ask *ask;			/* JOB_PUSH */
};

struct backend_stream {
	struct backend_stream *next;
	struct backend *backend;
	struct live *live;	/* NULL: there is none */
	const struct stream_events *ev;
	void *arg;
	bool is_shell;
	struct buf own;		/* a shell's output; nobody else sees it */
	uint64_t at;		/* of live->output */
	unsigned escape;	/* inside a key's bytes: what was read of them */
	char held[32];		/* those */
	bool is_in_answer;	/* a string of the emulator's, up to ST */
	bool is_open, is_over, is_closed, is_called, is_paused;
	struct err err;
	struct loop_timer timer;
};

struct backend {
	struct loop *loop;
	struct recording *recording;
	double speed;		/* 0: everything at once */
	uint64_t start_ns;	/* of the loop's clock */
	int64_t shift_ns;	/* from recorded times to now's */
	struct track *tracks;
	struct loop_timer timer;
	struct live *lives;
	struct backend_job *jobs;
	struct backend_stream *streams;
	char *away;		/* why the engine does not answer; NULL when it does */
	unsigned n_launches;
};

/* backend_replay.c */
struct live *replay_live(struct backend *b, const char *name, bool make);
void replay_clear(struct live *l);	/* nothing of an earlier launch is left */
void replay_output(struct backend *b, struct live *l, const char *data, size_t len);
uint64_t replay_ms(const struct backend *b, uint64_t ms);	/* of a recording, on the clock */
void replay_play(struct backend *b, const struct recording_entry *v, size_t n, struct live *l);
void replay_end(struct backend *b, struct live *l);	/* its streams, followings, lines */
const struct recording_launch *replay_launch_of(const struct backend *b, const char *agent);
int64_t replay_clock_ns(void);

void replay_event(struct backend *b, struct live *l, const struct event *e, int64_t ts_ns);

/* replay_pushes.c */
void replay_push(struct backend *b, struct live *l, const struct push *p);	/* copied */
struct backend_job *replay_pushes(struct backend *b, const char *session, backend_pushes_fn *fn,
                                  void *arg);
struct backend_job *replay_push_read(struct backend *b, const char *session, const char *id,
                                     backend_push_fn *fn, void *arg);
struct backend_job *replay_push_decide(struct backend *b, const struct push_decision *d,
                                       backend_push_fn *fn, void *arg);
void replay_ask_free(struct push_ask *ask);	/* NULL is fine */

/* replay_jobs.c */
struct backend_job *replay_job_new(struct backend *b, enum job_kind kind, void *arg);
void replay_job_start(struct backend_job *j, uint64_t ms, loop_fn *fn);
void replay_job_free(struct backend_job *j);
bool replay_answers(struct backend_job *j);
void replay_prepare(struct backend *b, const struct launch_request *req, backend_plan_fn *fn,
                    void *arg);
struct backend_job *replay_launch(struct backend *b, const struct plan *plan,
                                  const struct launch_secret *secrets, size_t n, bool force,
                                  const struct launch_events *ev, void *arg);
void replay_stop(struct backend *b, const char *session, backend_done_fn *fn, void *arg);
void replay_list(struct backend *b, backend_list_fn *fn, void *arg);
void replay_verify(struct backend *b, const char *session, const struct agent_spec *agent,
                   const struct launch_events *ev, void *arg);
struct backend_job *replay_follow(struct backend *b, const struct follow_request *req,
                                  backend_event_fn *fn, backend_done_fn *done, void *arg);
/* replay_policy.c */
void replay_policy_free(struct replay_policy *rp);	/* NULL is fine */
void replay_policy_ask_free(struct policy_ask *ask);	/* likewise */
void replay_policy(struct backend *b, const char *session, backend_policy_fn *fn, void *arg);
void replay_policy_change(struct backend *b, const char *session,
                          const struct policy_change *change, backend_policy_fn *fn, void *arg);
void replay_why(struct backend *b, const char *session, const char *url, backend_why_fn *fn,
                void *arg);
void replay_cancel(struct backend_job *j);
void replay_wake_follows(struct backend *b, const struct live *l, bool is_over);
void replay_drop_jobs(struct backend *b);

/* replay_stream.c */
struct backend_stream *replay_attach(struct backend *b, const struct stream_request *req,
                                     const struct stream_events *ev, void *arg);
int replay_stream_send(struct backend_stream *s, const void *data, size_t len);
void replay_stream_resize(struct backend_stream *s, int rows, int cols);
void replay_stream_pause(struct backend_stream *s, bool is_paused);
void replay_stream_close(struct backend_stream *s);
void replay_wake_streams(struct backend *b, const struct live *l, bool is_over);
void replay_drop_streams(struct backend *b);

#endif
