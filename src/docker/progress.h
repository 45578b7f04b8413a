/* What the engine says while it builds, pulls or imports an image: a stream of
 * JSON objects, one a line, under HTTP 200 even when the work fails.
 *
 *	{"stream":"Step 2/5 : RUN apt-get update\n"}	building: output in any pieces
 *	{"stream":" ---> Using cache\n"}
 *	{"aux":{"ID":"sha256:..."}}			the image that came out
 *	{"status":"Downloading","id":"a1b2","progressDetail":{"current":1,"total":9}}
 *	{"errorDetail":{"code":7,"message":"..."},"error":"..."}
 *
 * Only steps that do something (RUN, COPY) and did not come from the cache are
 * reported, so a build of what is there is quiet. Text is the engine's and the
 * container's; what is handed out has passed the sanitiser and is cut to a
 * sensible length.
 */
#ifndef DOCKER_PROGRESS_H
#define DOCKER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/lines.h"

struct err;

#define PROGRESS_TAIL 8		/* lines of output kept for the error message */

enum progress_kind {
	PROGRESS_STEP,		/* "step 2/5: COPY f /f": it is really done */
	PROGRESS_OUTPUT,	/* a line that the step's program wrote */
	PROGRESS_PULL,		/* "a1b2 Downloading 1 of 9 MB" */
};

typedef void progress_fn(void *arg, enum progress_kind kind, const char *text);

struct progress {
	progress_fn *on_line;	/* may be NULL */
	void *arg;
	char image_id[80];	/* "sha256:..." once known, else "" */
	size_t n_steps;		/* reported, so not from the cache */
	/* private */
	struct lines json, output;
	char *step;		/* the last one begun */
	bool is_step_pending;	/* it is not yet known whether it is cached */
	char *tail[PROGRESS_TAIL];
	size_t n_tail;		/* ever kept: the ring's next is n_tail % PROGRESS_TAIL */
	char *error;		/* the engine's, NULL while all is well */
};

/* p must stay where it is until progress_done(). */
void progress_init(struct progress *p, progress_fn *on_line, void *arg);

void progress_feed(struct progress *p, const char *data, size_t len);

/* At the end of the stream: 0, or -1 (ERR_FAILED) with the engine's words and,
 * when a step of a build failed, the last lines that its program wrote. */
int progress_finish(struct progress *p, struct err *err);

/* Is text in one of the last lines of output? */
bool progress_tail_has(const struct progress *p, const char *text);

void progress_done(struct progress *p);		/* an unused one is fine when zeroed */

#endif
