/* Secrets out of text that a person is shown.
 *
 * Three layers. What the scanner found is masked wherever it stands, in base64 and hex
 * too, each line of a secret of several lines for itself, and a beginning of one at the
 * end of a line that was cut. In files and messages where a secret was only to be seen after
 * decoding, every long word is masked, as nobody knows which it is. And in lines
 * that the push does not add, or that were cut, what looks like key material is
 * masked too: the scanner may have seen only a part of it.
 */
#ifndef GATE_MASK_H
#define GATE_MASK_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct findings;
struct masks;

enum mask_kind {
	MASK_PLAIN,  /* whole text that was scanned */
	MASK_PARTLY, /* the scanner may not have seen it whole */
	MASK_TAINTED,
};

/* Both are borrowed; shown may be NULL. NULL when there are too many secrets to be
 * masked: then nothing may be shown. */
struct masks *masks_new(const struct findings *found, const struct findings *shown);
void masks_free(struct masks *m);

/* Append text (len bytes, one line) masked and made safe; tabs stay. */
void mask_line(struct buf *out, const struct masks *m, const char *text, size_t len,
               enum mask_kind kind);

/* A path or ref as it may be shown, of at most max bytes; the caller frees it. */
char *mask_name(const struct masks *m, const char *name, size_t len, size_t max);

bool mask_taints_file(const struct masks *m, const char *path);
bool mask_taints_commit(const struct masks *m, const char *oid);

#endif
