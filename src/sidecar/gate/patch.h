/* Reads what `git diff-tree --stdin -r -t --raw -p` prints about a list of commits.
 *
 * The output is, for each commit (for a merge: for each parent), its id on a
 * line, one raw line for each changed path, and then the patch. A hunk's header
 * says how many lines follow, so no line of a file can be taken for anything
 * else; names that could break a line are quoted by git. Whatever does not fit
 * this form is an error, since a reader that skips what it does not know is a
 * way round the scanner.
 *
 * Memory is bounded: a line longer than PATCH_PIECE comes in pieces.
 */
#ifndef GATE_PATCH_H
#define GATE_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define PATCH_PIECE 65536
#define PATCH_HEADER (1U << 20) /* longest line outside hunks: names are in it */

struct patch_events {
	/* A commit (again for each parent of a merge). */
	void (*on_commit)(void *ctx, const char *oid);
	/* A path that the commit added: a file's, or a folder's that has nothing in
	 * it. May hold any byte but NUL. */
	void (*on_name)(void *ctx, const char *path, size_t len);
	/* The file that the next on_text calls belong to, and its new blob. */
	void (*on_file)(void *ctx, const char *path, size_t len, const char *oid);
	/* An added line, without its newline, or the next piece of one. */
	void (*on_text)(void *ctx, int64_t line, const char *data, size_t len, bool is_last);
};

struct patch_reader;

struct patch_reader *patch_new(const struct patch_events *events, void *ctx);

/* Returns -1 at the first byte that fits nothing; the reader is then dead. */
int patch_feed(struct patch_reader *r, const char *data, size_t len, struct err *err);

/* No more input: an error when it stopped in the middle of something. */
int patch_finish(struct patch_reader *r, struct err *err);

void patch_free(struct patch_reader *r);

/* Undo git's quoting of a name ("a\tb\303\244"). Returns the length written to
 * out (never more than len), or -1 when it is not properly quoted. A name that
 * does not start with '"' is copied as it is. */
long patch_unquote(char *out, const char *s, size_t len);

#endif
