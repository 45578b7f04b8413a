/* Save a host into an agent's own bottle: the allowlist of the manifest's file.
 *
 * The file is edited, not written anew: everything but the place where the host goes
 * stays byte for byte. What is edited is the file as it was read; one that changed
 * since is left alone.
 */
#ifndef CORE_MANIFEST_SAVE_H
#define CORE_MANIFEST_SAVE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/manifest.h"

struct err;

struct manifest_edit {
	char *path;		/* as the manifest names it; for trust and for people */
	enum manifest_origin origin;
	char *bottle;
	char *text;		/* the whole file as it will be */
	size_t len;
	char digest[MANIFEST_HEX_MAX];		/* of that */
	char was[MANIFEST_HEX_MAX];		/* of the file as it is */
	bool is_nothing;	/* the bottle has the host already */
	/* Lines for people: "-" and "+" with a line before and after, made safe. */
	char *diff;
	char **widened;		/* other agents that get the host too, by name; NULL: none */
};

/* Plan it. agent is one of m's and usable; host is exact (policy_consider). */
int manifest_save_host(struct manifest_edit **out, const struct manifest *m,
                       const struct agent_spec *agent, const char *host, struct err *err);

/* Write it: beside the file, synced, renamed over it, with its mode. Fails when the
 * file is not any more what was planned for. Trust in a project's file is the caller's
 * to renew, with digest. */
int manifest_edit_write(const struct manifest_edit *e, struct err *err);

void manifest_edit_free(struct manifest_edit *e);	/* NULL is fine */

/* In text (len bytes, sound JSON), the place where host is added to the bottle's
 * allowlist and what goes there. Pure. Fails when there is no such bottle, or the
 * file is no manifest's. *is_there: nothing is to be added. */
int manifest_edit_text(char **out, size_t *out_len, bool *is_there, const char *text, size_t len,
                       const char *bottle, const char *host, struct err *err);

#endif
