/* What a person is shown of a push: its commits, and a diff.
 *
 * It is read from the quarantine while the push is scanned, bounded, and goes
 * through the scanner itself (PLACE_REVIEW): a diff also shows lines that the push
 * does not add, around its changes or taken away, and those may hold a secret that
 * has been upstream for years. Only then is it rendered, with every secret that the
 * scan found masked (mask.h).
 *
 * The rendered diff is plain: each name quoted, nothing of a hunk's surroundings in
 * its header, long lines cut, tabs the only control characters.
 */
#ifndef GATE_REVIEW_H
#define GATE_REVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "util.h"

struct masks;
struct ref_updates;
struct stream;

#define REVIEW_COMMITS 100 /* the newest */
#define REVIEW_MOVES 32
#define REVIEW_RAW (1U << 20)    /* bytes of git's diff that are read */
#define REVIEW_LINE 1000         /* bytes of a line */
#define REVIEW_DIFF (768U << 10) /* bytes of the rendered diff */

struct review_commit {
	char oid[65];
	char *author, *subject; /* as they are */
	int64_t time;
	long added, removed; /* -1: not known */
};

/* What a push does to a ref that is there already and goes on. */
struct review_move {
	long gained, lost; /* commits; -1: not known, or another kind of push */
};

/* Zeroed is empty. */
struct review {
	struct review_move *moves; /* one for each ref, in their order; NULL: not looked at */
	struct review_commit *commits;
	size_t n_commits;
	struct buf raw;
	bool is_cut; /* raw is not all of it, or a line of it was cut */
};

/* Take a commit from the beginning of its object; the first REVIEW_COMMITS count. */
void review_commit(struct review *r, const char *oid, const char *object);

/* Read what the commits change; ids: a file of its own in the scratch folder. It is
 * no fault when that does not work: is_cut says so. */
void review_read(struct review *r, const char *ids, int64_t deadline);

/* Count what each ref gains and loses, of the first REVIEW_MOVES that move: commits that
 * are upstream already are not among the push's own. */
void review_moves(struct review *r, const struct ref_updates *refs, int64_t deadline);

/* Give all of it to the scanner. */
void review_scan(const struct review *r, struct stream *s);

/* Append the diff, at most REVIEW_DIFF bytes. Returns false when something had to be
 * left out. */
bool review_render(struct buf *out, const struct review *r, const struct masks *m);

void review_done(struct review *r);

/* git's diff, one thing at a time. Each may be NULL. */
struct review_events {
	void (*on_commit)(void *ctx, const char *oid, size_t len);
	/* name: as it is; NULL when it is too long to be read */
	void (*on_file)(void *ctx, const char *name, size_t len);
	/* a line about the file, as "new file mode 100644" */
	void (*on_head)(void *ctx, const char *line, size_t len);
	void (*on_hunk)(void *ctx, long old_start, long new_start);
	/* kind: ' ', '+', '-' or '\\' */
	void (*on_line)(void *ctx, char kind, const char *text, size_t len);
};

void review_walk(const char *raw, size_t len, const struct review_events *events, void *ctx);

#endif
