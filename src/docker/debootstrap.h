/* A Debian root tree without a registry: debootstrap, then tar, as child
 * processes on our loop. Needs root, as debootstrap does; never a shell.
 *
 * The tree lies in a folder of its own below /var/tmp ($TMPDIR) and is gone after
 * debootstrap_free(), whatever happened.
 */
#ifndef DOCKER_DEBOOTSTRAP_H
#define DOCKER_DEBOOTSTRAP_H

#include <stddef.h>

struct debootstrap;
struct err;
struct loop;

struct debootstrap_watch {
	/* A line that a child wrote, as it is: hostile only if the mirror is. */
	void (*on_line)(void *arg, const char *text, size_t len);
	/* tar is mapped memory that lives until debootstrap_free(); NULL when err is set. */
	void (*on_done)(void *arg, const void *tar, size_t len, const struct err *err);
};

/* Start. suite: "trixie"; mirror: NULL for Debian's. Fails when we are not root
 * or there is no debootstrap, and says what to do. */
int debootstrap_start(struct debootstrap **out, struct loop *loop, const char *suite,
                      const char *mirror, const struct debootstrap_watch *watch, void *arg,
                      struct err *err);

/* Ends what still runs and removes the folder. NULL is fine. */
void debootstrap_free(struct debootstrap *d);

#endif
