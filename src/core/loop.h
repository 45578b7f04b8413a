/* The event loop: file descriptors and timers, one thread, no globals.
 *
 * A turn is: run the before-wait hook (redraw, commit), wait, run the callbacks
 * of what became ready, run the timers that are due. Callbacks may add and
 * remove any descriptor or timer, their own included; one that was removed
 * during a turn is not called any more in it.
 *
 * Descriptors should be non-blocking: a callback can be called once more than
 * there is something to do.
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct loop;

#define LOOP_READ  1u
#define LOOP_WRITE 2u

/* events holds what is ready; a hang-up or an error shows as both. */
typedef void loop_fd_fn(void *arg, int fd, unsigned events);
typedef void loop_fn(void *arg);

/* Embedded in its owner. Zero-initialise it; it must stay where it is while it
 * is set, and be cancelled before it goes away. */
struct loop_timer {
	struct loop_timer *next;
	uint64_t due_ns;
	loop_fn *fn;
	void *arg;
	bool is_set;
};

int loop_new(struct loop **out, struct err *err);
void loop_free(struct loop *l);		/* NULL is fine; closes no descriptor but its own */

/* Watch fd, or change what is watched. The loop does not own fd: remove it
 * before closing it. */
int loop_fd_set(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *arg,
                struct err *err);
void loop_fd_remove(struct loop *l, int fd);	/* unknown descriptors are ignored */

/* Call fn once after delay_ms (0: in this or the next turn). Setting a timer
 * that is set moves it. */
void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms, loop_fn *fn,
                    void *arg);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);

/* Called once a turn before waiting; NULL for none. */
void loop_before_wait(struct loop *l, loop_fn *fn, void *arg);

/* One turn, which waits at most max_wait_ms (-1: until something happens).
 * Fails only when waiting itself fails. */
int loop_turn(struct loop *l, int max_wait_ms, struct err *err);

/* Turns until loop_stop() or a failure. */
int loop_run(struct loop *l, struct err *err);
void loop_stop(struct loop *l);

/* Monotonic time in nanoseconds. */
uint64_t loop_now_ns(void);

#endif
