/* A lock on a session's name, between the programs of one installation.
 *
 * Whoever launches a session holds it. It is an flock(2): the kernel lets go of
 * it when the holder dies, so what is half made and not locked is nobody's.
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include <stdbool.h>

struct err;

/* Take the lock dir/NAME.lock; returns a descriptor that holds it until it is
 * closed. Fails with ERR_FAILED at once when another holds it. */
int lock_take(const char *dir, const char *name, struct err *err);

/* The lock of a session that is worth nothing without the program that started it
 * (the demo's): held as long as that lives. Its name; the caller frees it. */
char *lock_attended(const char *session);

/* Let go of a lock (fd may be -1) and remove its file: only for a name that nobody
 * will ever take again. */
void lock_drop(const char *dir, const char *name, int fd);

bool lock_is_held(const char *dir, const char *name);

#endif
