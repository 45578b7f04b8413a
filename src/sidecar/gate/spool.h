/* The spool: a bounded record of each push, for whoever decides and looks
 * (docs/sidecars.md, "The spool").
 *
 * A record is two files, ID.json and ID.diff, replaced as a whole; ID.decision is a
 * person's word on one that is held, made once. A lock on the folder keeps the
 * bounds: those who write make room first. The oldest records go, those that were
 * refused only when there are no others, and those that are held last. Of refused ones
 * the first of all and the first to the same refs stay while there are any others.
 */
#ifndef GATE_SPOOL_H
#define GATE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct cJSON;
struct err;

#define SPOOL_RECORDS 32
#define SPOOL_BYTES (12U << 20)
#define SPOOL_JSON (240U << 10) /* of one record without its diff */
#define SPOOL_HELD 8            /* that wait at once */

/* Is it a push's id? (It becomes part of a path.) */
bool spool_is_id(const char *id);

/* Make room, and write a record; diff may be NULL. With most_held it is one that waits:
 * when so many do already, nothing is written, and 1 returned. */
int spool_add(const char *dir, const char *id, const struct cJSON *record, const struct buf *diff,
              size_t most_held, struct err *err);

/* Write the record anew, without its diff; nothing when it is gone. When that fails the
 * record is gone afterwards. */
int spool_update(const char *dir, const char *id, const struct cJSON *record, struct err *err);

/* The caller frees it (cJSON_Delete); NULL when there is none. */
struct cJSON *spool_read(const char *dir, const char *id, struct err *err);

/* Its diff; nothing when there is none. */
void spool_read_diff(const char *dir, const char *id, struct buf *out);

/* Ids, the oldest first, each with a newline. */
void spool_list(const char *dir, struct buf *out);

/* The one decision. Fails when there is one already. */
int spool_decide(const char *dir, const char *id, const struct cJSON *decision, struct err *err);

/* Take it; NULL when nobody has decided. The caller frees it. */
struct cJSON *spool_take_decision(const char *dir, const char *id);

/* The push came to an end that nobody wrote down. Returns whether it was one that
 * waited, or was on its way. */
bool spool_close(const char *dir, const char *id, const char *state, const char *reason);

#endif
