/* The bare repositories, and the upstream that each mirrors. */
#ifndef GATE_REPO_H
#define GATE_REPO_H

#include <stdbool.h>
#include <stdint.h>

#include "trouble.h"

struct err;
struct gate_config;
struct gate_repo;
struct ref_updates;

/* "/git/PATH.git"; the caller frees it. */
char *repo_dir(const struct gate_repo *repo);

/* Make it, or make it again, with a configuration of our own. */
int repo_prepare(const struct gate_config *c, const struct gate_repo *repo, struct err *err);

/* Set up this process's environment for whatever runs git on the repository. */
void repo_environment(const struct gate_config *c, const struct gate_repo *repo);

/* The lock's file, opened anew. Nobody holds it yet. */
int repo_lock_open(const struct gate_repo *repo, struct err *err);

/* Take it. Returns -1 when somebody else held it until the deadline. */
int repo_lock(int fd, int64_t deadline);

void repo_lock_release(int fd); /* the file stays open */

/* Bring heads and tags to where the upstream has them, and HEAD too when asked.
 * To be called with the lock held. An upstream that says nothing for
 * timeout_s is taken for dead (four times as long once it began to answer: it may
 * be compressing); a first fetch of a large repository may take twenty times as
 * long in all. On failure *trouble says what ails the upstream and
 * *detail why (the caller frees it); nothing may be served then. */
int repo_refresh(const struct gate_repo *repo, bool with_head, int timeout_s, enum trouble *trouble,
                 char **detail);

/* The same from within a push's hook, whose objects are in quarantine. *has_moved:
 * a ref is not where the push expects it (any more). */
int repo_refresh_quarantined(const struct gate_repo *repo, int timeout_s,
                             const struct ref_updates *refs, bool *has_moved, enum trouble *trouble,
                             char **detail);

/* Is a ref of the mirror's not where the push expects it? Also one that is to be
 * deleted and is not there. */
int repo_find_moved(const struct gate_repo *repo, const struct ref_updates *refs, bool *has_moved);

#endif
