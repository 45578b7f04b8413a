/* pre-receive: the one place where a push is decided.
 *
 * The objects are in receive-pack's quarantine and no ref has moved. The hook
 * refuses what may never pass, has the rest scanned, forwards it to the upstream,
 * and lets receive-pack move the gate's refs only if the upstream took all of it.
 */
#ifndef GATE_HOOK_H
#define GATE_HOOK_H

struct err;
struct ref_updates;

#define REFS_MAX 500 /* of one push: they become arguments of one command */

/* What may never pass: names that are none, refs that are neither heads nor tags,
 * names that would be confused with others or are too long, too many at once. Returns
 * -1 with the reason. */
int hook_policy(const struct ref_updates *refs, struct err *err);

/* Returns the exit code. */
int hook_main(void);

#endif
