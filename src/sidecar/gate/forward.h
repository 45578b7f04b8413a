/* The push to the upstream. */
#ifndef GATE_FORWARD_H
#define GATE_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

struct gate_repo;
struct ref_updates;

struct forward {
	const struct gate_repo *repo;
	const struct ref_updates *refs;
	/* results; the caller frees the strings */
	bool is_hostkey; /* another host key answered */
	char *reason;    /* NULL when the upstream took everything */
	char *detail;
	char *said; /* what the upstream said to the person, clean, in lines; never NULL */
};

/* All or nothing, each ref only if the upstream still has what the client saw. To
 * be called in the hook with the lock held. */
int forward_push(struct forward *f);

/* From the outputs of `git push --porcelain`: why the upstream did not take it, in
 * a sentence; the caller frees it. */
char *forward_reason(const char *out, const char *err);

/* The upstream's own lines ("remote: ..."), at most max of them, without that
 * prefix and cleaned, each with a newline; the caller frees it. */
char *forward_said(const char *err, int max);

#endif
