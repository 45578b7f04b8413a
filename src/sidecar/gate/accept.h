/* False alarms: findings that a person let pass, each for one push.
 *
 * A finding's id is HMAC(rule, secret, repository, refs) under a key that the gate
 * makes when it starts: it says nothing about the secret, and is of no use for
 * another ref or another launch. (A rule that goes by a file's name has no secret;
 * the name stands for it.) An acceptance is a file of that name. A push takes those
 * that it needs out of the way; they are used up when it passes, and put back when
 * it comes to nothing. After ACCEPT_S they do not count any more.
 */
#ifndef GATE_ACCEPT_H
#define GATE_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct finding;
struct findings;
struct ref_updates;

#define ACCEPT_S 3600
#define ACCEPT_MAX 64 /* that wait for their push */

/* Make this launch's key. */
int accept_make_key(struct err *err);

/* Give each finding its id. */
int accept_identify(struct findings *f, const char *repo, const struct ref_updates *refs,
                    struct err *err);

/* For tests: the id under this key. */
void accept_id(char out[33], const unsigned char key[32], const struct finding *f,
               const char *repo, const struct ref_updates *refs);

/* Somebody accepts the finding with this id. */
int accept_add(const char *dir, const char *id, const char *by, struct err *err);

/* Take the acceptances of all findings into the folder `into`, and say by whom each
 * is. Returns false, and leaves everything as it was, when one is missing. */
bool accept_take(const char *dir, const char *into, struct findings *f);

/* They were not needed after all. */
void accept_put_back(const char *dir, const char *from, const struct findings *f);

#endif
