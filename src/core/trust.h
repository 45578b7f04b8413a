/* Trust: which project files the person confirmed, and which bytes of them.
 *
 * A record is a file's path and the SHA-256 of the very bytes that were parsed
 * (as direnv does it). Any change to the file, or the same file elsewhere, is not
 * trusted. The records are in one file of ours, 0600:
 *
 *	{"version":1,"trusted":{"/path/claude-bottle.json":"<64 hex digits>"}}
 *
 * A record that cannot be read, or that somebody else could have written, is an
 * error and trusts nothing. Changes are made under a lock and by rename, so two
 * programs lose nothing of each other's.
 */
#ifndef CORE_TRUST_H
#define CORE_TRUST_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct trust;

#define TRUST_FILE_NAME "trust.json"
#define TRUST_MAX	10000	/* records */

/* Read the records in the file at path; one that does not exist holds none. */
int trust_open(struct trust **out, const char *path, struct err *err);
void trust_free(struct trust *t);	/* NULL is fine */

/* Are these bytes at this path confirmed? Fits manifest_options.is_trusted. */
bool trust_has(const void *trust, const char *path, const char *digest);

/* Record that the person confirmed these bytes; replaces what was recorded of the
 * path. Makes the record's folder when it is not there (paths_make). */
int trust_add(struct trust *t, const char *path, const char *digest, struct err *err);

/* Forget the path. *was_there says whether there was anything; may be NULL. */
int trust_remove(struct trust *t, const char *path, bool *was_there, struct err *err);

/* The i-th path in order of path, NULL past the last. */
const char *trust_path(const struct trust *t, size_t i);

#endif
