/* What the scanner reads: a patch that the gate writes itself.
 *
 * gitleaks would run `git log -p` and parse its output. Both ends of that can be
 * steered by what is pushed: names that its parser stumbles over, paths on its
 * allowlist, a line of 40 MB that takes it a quarter of an hour. So the gate
 * gives it a patch of the plainest form instead, in which every file is called
 * <letter><number>/<plain name> and the number is an entry in the table here:
 *
 *	d	the added lines of one file in one commit
 *	c	parts of such lines seen differently: pieces of a long line,
 *		lines with NUL bytes read as UTF-16 or UTF-32, and what base64
 *		of letters alone is decoded to (letters.h)
 *	m	a whole commit or tag object: message, author, committer
 *	n	names, each on two lines (as it is, and with its parts apart): line i
 *		belongs to entry <number> + (i - 1) / 2
 *	k	a canary
 *
 * Canaries are fake keys made for this push, in between and at the very end. A
 * scan counts only if the scanner reported all of them.
 *
 * Hunks are kept to STREAM_HUNK bytes with an overlap, since the time of the
 * scanner grows much faster than the size of a hunk. A begun PEM block is
 * carried over whole (up to STREAM_PEM).
 */
#ifndef GATE_STREAM_H
#define GATE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define STREAM_PIECE 4096  /* a line longer than this is cut into pieces */
#define STREAM_OVERLAP 512 /* shared by one piece and the next */
#define STREAM_WORD 2048   /* a word of up to so many bytes is not cut */
#define STREAM_HUNK 8192
#define STREAM_TAIL 1024 /* lines shared by one hunk and the next */
#define STREAM_PEM 16384
#define STREAM_CANARY_EVERY (4U << 20)
#define STREAM_ENTRIES_MAX (1U << 20)

/* PLACE_REVIEW is not part of the push: text that a person is going to be shown, in
 * which secrets must be known so that they can be masked. */
enum place { PLACE_FILE, PLACE_PATH, PLACE_COMMIT, PLACE_TAG, PLACE_REF, PLACE_REVIEW };

struct entry {
	enum place place;
	bool is_binary;     /* PLACE_FILE: its added lines are not plain text */
	char *name;         /* path or ref; NULL for objects */
	char *blob;         /* PLACE_FILE: id of the new blob */
	const char *commit; /* id; NULL for refs */
};

struct stream;

/* write_out returns -1 to stop everything (the scanner has gone). */
struct stream *stream_new(int (*write_out)(void *ctx, const char *data, size_t len), void *ctx);
void stream_free(struct stream *s);

/* The commit that what follows belongs to. */
void stream_commit(struct stream *s, const char *oid);

/* A ref's name, or a path that the commit touches. */
void stream_name(struct stream *s, enum place place, const char *name, size_t len);

/* Begin the added lines of a file of the commit. */
void stream_file(struct stream *s, const char *path, size_t len, const char *blob);

/* Begin the text of an object (PLACE_COMMIT or PLACE_TAG). */
void stream_object(struct stream *s, enum place place, const char *oid);

/* Begin lines of a file as they are going to be shown. */
void stream_review(struct stream *s, const char *path, size_t len);

/* A line of what was begun, without newline, in as many pieces as one likes. */
void stream_text(struct stream *s, int64_t line, const char *data, size_t len, bool is_last);

/* Flush and write the last canary. Returns -1 when anything failed on the way. */
int stream_finish(struct stream *s, struct err *err);

/* The entry that a reported file name and line mean; NULL for a canary or for
 * what the stream never held. *is_content is set for letter c. */
const struct entry *stream_find(const struct stream *s, const char *file, int line,
                                bool *is_content);

size_t stream_n_entries(const struct stream *s);
const struct entry *stream_entry(const struct stream *s, size_t i);

/* The fake keys that have been planted so far. */
size_t stream_n_canaries(const struct stream *s);
const char *stream_canary(const struct stream *s, size_t i);

/* How many bytes of a full piece come before the start of the next: at most all
 * but the overlap. Less where that would cut what belongs together: a word (a JWT
 * is one) goes over whole, a begun PEM block on one line too, and an endless run
 * of base64 is cut where its groups of four can still be decoded. run is where the
 * run that reaches into the piece's first byte began, counted in the line, and pos
 * is where the piece begins; run is brought up to date. */
size_t stream_cut(const char *piece, size_t len, uint64_t pos, uint64_t *run);

/* A fake key that the scanner's rule for AWS keys always reports; out holds 21. */
void stream_make_canary(char out[21]);

#endif
