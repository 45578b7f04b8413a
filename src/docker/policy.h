/* Live policy on an engine: the operations of backend.h, and what they are made of.
 *
 * Only policy_*.c and why.c of this folder need the second half.
 */
#ifndef DOCKER_POLICY_H
#define DOCKER_POLICY_H

#include "core/backend.h"
#include "core/err.h"
#include "core/policy_file.h"

struct engine;

#define POLICY_BASES_MAX 32

/* What they work with. The engine unpacks and packs archives of one container one
 * after the other, some 80 ms each, so what never changes is asked for once: bases,
 * by the id of their pipelock's container. Owned by the backend; zeroed but for its
 * first part. */
struct policy_world {
	struct engine *engine;
	const char *install, *lock_dir;	/* borrowed */
	struct {
		char *container, *text;
		size_t len;
	} bases[POLICY_BASES_MAX];
	unsigned next_base;
};
void policy_world_done(struct policy_world *w);

void policy_read_start(struct policy_world *w, const char *session, backend_policy_fn *fn,
                       void *arg);
void policy_change_start(struct policy_world *w, const char *session,
                         const struct policy_change *change, backend_policy_fn *fn, void *arg);
void why_start(struct engine *e, const char *session, const char *url, backend_why_fn *fn,
               void *arg);

/* --- reading ------------------------------------------------------------------------------- */

/* What a session holds. */
struct policy_found {
	struct policy_state *state;
	char *agent, *bottle;		/* of the labels */
	bool agent_runs, agent_is_paused;
};

/* found is the caller's (policy_found_done); NULL when err says why there is none. */
typedef void policy_found_fn(void *arg, struct policy_found *found, const struct err *err);

/* Read it, and again for a moment when it looks as if somebody is writing. */
void policy_find_start(struct policy_world *w, const char *session, policy_found_fn *fn,
                       void *arg);
void policy_found_done(struct policy_found *f);		/* the content; NULL is fine */

/* As others see it. */
struct policy *policy_found_show(const struct policy_found *f, const char *session);

/* --- pipelock's word ------------------------------------------------------------------------ */

enum policy_word {
	POLICY_IN_FORCE,
	POLICY_REFUSED,		/* text: pipelock's own words */
	POLICY_SILENT,		/* it said nothing in time */
	POLICY_GONE,		/* its log ended: it does not run any more */
};

struct policy_watch;
typedef void policy_word_fn(void *arg, enum policy_word word, const char *text);

/* Wait for what pipelock says of the plan's file in force, from since_ns on, at most
 * ms. fn once, unless it is stopped before. plan is borrowed. with any_line a
 * config_reload is enough even when the plan cuts. */
struct policy_watch *policy_watch_start(struct engine *e, const char *session,
                                        const struct policy_plan *plan, bool any_line,
                                        int64_t since_ns, unsigned ms, policy_word_fn *fn,
                                        void *arg);
void policy_watch_stop(struct policy_watch *w);		/* NULL is fine; not after fn */

#endif
