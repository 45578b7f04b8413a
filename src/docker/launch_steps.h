/* What docker/launch.c (order, undoing) and docker/launch_steps.c (what each
 * kind of step does) share. Nobody else includes this. */
#ifndef DOCKER_LAUNCH_STEPS_H
#define DOCKER_LAUNCH_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/isolation.h"
#include "core/loop.h"
#include "core/plan.h"
#include "docker/ca.h"
#include "docker/frames.h"
#include "docker/launch.h"

struct engine_call;
struct hijack;

enum run_state { RUN_WAITING, RUN_STARTED, RUN_DONE, RUN_FAILED };

/* A step under way. */
struct run {
	struct launch *launch;
	size_t index;
	enum run_state state;
	uint64_t started_ns;
	struct engine_call *call;	/* the request under way, if any */
	struct hijack *hijack;
	struct frames frames;
	struct buf text;		/* what the step reads */
	struct buf body;		/* what it sends; may hold a secret */
	bool saw_end;			/* the text waited for came */
	unsigned candidate;		/* STEP_FETCH: which path is being tried */
	struct loop_timer patience;	/* STEP_RELEASE: how long the exec may take */
};

struct launch {
	struct engine *engine;
	const struct plan *plan;
	const struct launch_secret *secrets;
	size_t n_secrets;
	struct launch_options opt;
	const struct launch_events *ev;
	void *arg;
	struct run runs[PLAN_STEPS_MAX];
	struct ca ca;
	struct buf helper;		/* the sidecar program */
	struct buf bundle;		/* the agent image's CA bundle */
	const char *bundle_path;	/* where it was found; NULL: nowhere */
	struct isolation isolation;
	int64_t released_ns;		/* CLOCK_REALTIME, when the agent was let go */
};

/* Begin the step; it ends by run_finish(), maybe before this returns. */
void run_start(struct run *r);

/* In launch.c: the step ended; err NULL when it succeeded. */
void run_finish(struct run *r, const struct err *err);

/* Drop whatever the step has under way, without ending it. */
void run_drop(struct run *r);

/* In launch_files.c: the archive of a STEP_PUT, into r->body. */
int launch_archive(struct launch *l, const struct plan_step *step, struct buf *out,
                   struct err *err);

/* In launch_files.c: take one file out of an archive. */
int archive_file(const struct buf *tar, const char *name, struct buf *out, struct err *err);

#endif
