/* The files of a session's policy: reading them, and planning a change.
 *
 * In pipelock's folder (docs/sidecars.md):
 *
 *	base.yaml	   pipelock's configuration as launched; never changed
 *	overlay.json	   what people decided since; not there before the first change
 *	pipelock.yaml	   what is in force: base and overlay
 *	pipelock.yaml.at-T what the keeper will put in its place at Unix time T
 *
 * Invariants:
 * - A file in force is the base, byte for byte, but for the allowlist, the kill
 *   switch and a first line "# generation G cut N". So a reload can never loosen
 *   anything else, even when a newer claude-bottle renders bases differently.
 * - Generations only grow, so no two files that were ever in force are equal and
 *   pipelock's "this hash is in force" means the change that wrote it.
 * - cut counts how often tunnels were to be cut; a file with another count than
 *   pipelock was started with makes its supervisor start it anew.
 * - The keeper's files are complete: each is what is to be in force from its moment
 *   on, frozen or not. A file can be replaced but not removed, so a moment that lost
 *   its meaning gets what is in force then anyway.
 * - The overlay is written first and the file in force last. What breaks off in
 *   between leaves a file in force that the overlay calls "was": unfinished. Hosts
 *   of an unfinished change are forgotten by the next one; nothing half done opens.
 */
#ifndef CORE_POLICY_FILE_H
#define CORE_POLICY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/policy.h"

struct err;

#define POLICY_BASE	   "base.yaml"
#define POLICY_OVERLAY	   "overlay.json"
#define POLICY_LIVE	   "pipelock.yaml"
#define POLICY_OVERLAY_MAX ((size_t)256 << 10)
#define POLICY_STEPS_MAX   64			/* moments at which something ends */
#define POLICY_FILES_MAX   ((size_t)2 << 20)	/* all that one change writes */

/* --- reading ---------------------------------------------------------------------------- */

struct policy_files {
	const char *base, *overlay, *live;	/* overlay NULL: there is none */
	size_t base_len, overlay_len, live_len;
};

struct policy_state;

/* Read what a session holds. Fails (ERR_FAILED) on files that claude-bottle did not
 * write, or a newer one did. The texts are copied. */
int policy_state_read(struct policy_state **out, const struct policy_files *files,
                      struct err *err);
void policy_state_free(struct policy_state *s);		/* NULL is fine */

/* The state once the plan that was made from s is in force. Never NULL. */
struct policy_plan;
struct policy_state *policy_state_after(const struct policy_state *s,
                                        const struct policy_plan *plan);

/* As others see it, at now (Unix time); the caller's. */
struct policy *policy_state_show(const struct policy_state *s, const char *session, int64_t now);

/* Is the file in force not the one that the overlay speaks of? Foreign: nobody's.
 * Unfinished: the one before; a change broke off, or is being written right now. */
bool policy_state_is_foreign(const struct policy_state *s);
bool policy_state_is_unfinished(const struct policy_state *s);

/* --- changing --------------------------------------------------------------------------- */

struct policy_file {
	char *name;		/* in pipelock's folder */
	char *text;
	size_t len;
	int64_t at;		/* of the keeper's; 0 for the others */
	char hash[HASH_HEX_SIZE];
};

struct policy_plan {
	struct policy_file *files;	/* in the order in which they must be written */
	size_t n;
	const struct policy_file *live;	/* the last of them */
	bool is_nothing;		/* it is so already: nothing to write */
	bool cuts;			/* pipelock will be started anew */
};

/* What has to be written for the change. ERR_POLICY: it must not be. seconds and
 * everything else of change is checked here, whoever asks. */
int policy_plan(struct policy_plan **out, const struct policy_state *s,
                const struct policy_change *change, int64_t now, struct err *err);

/* What has to be written to take a plan back that was made from s: the same files,
 * with what would have been in force without it. failed NULL: write s anew, without
 * what is over by now. */
int policy_plan_undo(struct policy_plan **out, const struct policy_state *s,
                     const struct policy_plan *failed, int64_t now, struct err *err);

void policy_plan_free(struct policy_plan *p);		/* NULL is fine */

/* Is this the hash of the file in force by the plan, or of one that the keeper may
 * have put in its place by now? */
bool policy_plan_has(const struct policy_plan *p, const char *hash, int64_t now);

#endif
