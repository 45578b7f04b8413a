/* Inside the policy: what its files share. Nobody else includes this. */
#ifndef CORE_POLICY_INT_H
#define CORE_POLICY_INT_H

#include "core/policy_file.h"

struct buf;

/* A file that the keeper has. */
struct policy_step {
	int64_t at;
	uint64_t cut; /* its count */
	char hash[HASH_HEX_SIZE];
};

struct policy_overlay {
	uint64_t generation, cut;
	int64_t written; /* when, by the clock of who did; 0: before it was noted down */
	bool is_frozen;
	struct policy_entry *entries;
	size_t n_entries;
	struct policy_step *steps;
	size_t n_steps;
	char hash[HASH_HEX_SIZE]; /* of the file in force that it goes with */
	char was[HASH_HEX_SIZE];  /* of the one before that */
};

/* The base, and where in it something else may stand. */
struct policy_base {
	char *text;
	size_t len;
	size_t frozen_at;         /* "false" */
	size_t list_at, list_end; /* the allowlist's lines */
	char **allowlist, **passthrough, **trusted;
};

struct policy_live {
	uint64_t generation, cut;
	size_t body; /* where it begins after the first line, if it has that */
	bool is_frozen;
	char hash[HASH_HEX_SIZE];
};

struct policy_state {
	struct policy_base base;
	struct policy_overlay overlay;
	bool has_overlay;
	struct policy_live live;
	char *live_text;
};

/* policy.c: the one of the bottle's own hosts that lets host through, those taken away
 * not counted; NULL when none does. */
const char *policy_covered_by(char *const *allowlist, const struct policy_entry *entries, size_t n,
                              const char *host);

/* policy_base.c */
int policy_base_read(struct policy_base *out, const char *text, size_t len, struct err *err);
void policy_base_done(struct policy_base *b);
void policy_live_read(struct policy_live *out, const char *text, size_t len);
/* The base with other hosts; entries that end by at are left out. */
void policy_base_render(struct buf *out, const struct policy_base *b,
                        const struct policy_overlay *o, uint64_t cut, int64_t at);

/* policy_overlay.c */
int policy_overlay_read(struct policy_overlay *out, const char *text, size_t len, struct err *err);
void policy_overlay_write(struct buf *out, const struct policy_overlay *o);
void policy_overlay_done(struct policy_overlay *o);
void policy_entry_copy(struct policy_entry *to, const struct policy_entry *from);
void policy_entry_done(struct policy_entry *e);

#endif
