/* What a terminal wrote before one attached to it, and no byte of it twice.
 *
 * The stream is opened first and the log read then, so nothing is missing between
 * them but what the log lacks by nature: the beginning of a line that has not ended
 * (core/seam.h). Until it is known how much of the log the stream brings again, what
 * the stream brought is held.
 *
 * With a TTY the log is the terminal's own bytes, without frames.
 */
#ifndef DOCKER_PAST_H
#define DOCKER_PAST_H

#include "core/backend.h"

struct engine;
struct past;

/* Both run from the loop. */
struct past_events {
	void (*past)(void *arg, const char *data, size_t len, bool is_whole);
	void (*data)(void *arg, const char *data, size_t len);
	/* What is held is as much as may be: no more of the stream until false. */
	void (*hold)(void *arg, bool is_full);
};

/* For a stream that is asked for; req is its request, with past_max > 0, and copied. */
struct past *past_new(struct engine *e, const struct stream_request *req,
                      const struct past_events *ev, void *arg);

/* The stream is open: read the log. */
void past_read(struct past *p);

/* What the stream brought. Once all is joined it goes right to data. */
void past_data(struct past *p, const char *data, size_t len);

/* data is not to be called, until false. */
void past_pause(struct past *p, bool is_paused);

/* The stream ended: give what is held. Nothing else runs after it. */
void past_end(struct past *p);

void past_stop(struct past *p);		/* NULL is fine */

#endif
