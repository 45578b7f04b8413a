/* Text from outside, made harmless before anybody is shown it.
 *
 * Names, messages and the upstream's stderr are an agent's or a stranger's
 * text. text_clean() lets through printable Unicode and nothing that can move
 * a cursor, colour a terminal, hide itself or turn the reading direction.
 * text_mask() is the only form in which a secret is ever shown.
 */
#ifndef GATE_TEXT_H
#define GATE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* Decode one character at s (n bytes are there). Returns its length, or 0 when
 * the bytes are no valid UTF-8 (overlong forms and surrogates included). */
size_t text_utf8(const char *s, size_t n, uint32_t *cp);

/* May this character be shown? No to C0, DEL, C1, bidi controls, zero-width and
 * other invisible characters, variation selectors, tags, noncharacters. */
int text_is_showable(uint32_t cp);

/* Append s[0..n) to out on one line: white space becomes one space each, what
 * may not be shown and invalid bytes become '?'. At most max bytes are added;
 * what does not fit is replaced by "…". */
void text_clean(struct buf *out, const char *s, size_t n, size_t max);

/* text_clean() into a string of its own; the caller frees it. */
char *text_clean_dup(const char *s, size_t n, size_t max);

/* "AKIA…(20)": the first four characters, cleaned, and the length in
 * characters; of a secret of eight or less the length alone. The caller frees it. */
char *text_mask(const char *secret);

/* Every occurrence of secret in s replaced by its mask. Returns a new string, or
 * NULL when secret does not occur. A secret shorter than four bytes is ignored. */
char *text_mask_in(const char *s, const char *secret);

#endif
