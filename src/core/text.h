/* Text from outside: the one sanitiser, and what must be cut from log text.
 *
 * Whatever comes from a container, an engine or a remote is hostile until it
 * has passed text_safe(). It chooses file names, host names, branch names and
 * messages; shown raw, they could move the cursor, recolour the screen, answer
 * a prompt, or read differently from what they are.
 *
 * What text_safe() writes is printable: no control character, no ESC, no C1, no
 * DEL, nothing that reverses or joins text (bidi marks, zero-width characters,
 * tags, variation selectors), no line or paragraph separator, no invalid UTF-8,
 * no private-use or non-characters. Each of these becomes visible, as \x1b or
 * \u202e or, for a byte that is no UTF-8, \xff. A backslash is left as it is:
 * the form is for reading, not for decoding. Spaces of other scripts become a
 * plain space. Letters may carry at most TEXT_MARKS_MAX combining marks.
 *
 * Values kept in the store stay as they came (less their secrets); they are made
 * safe when they are shown. text_add_json() is the same rule for JSON output.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define TEXT_MARKS_MAX 2
#define TEXT_URL_MAX 2048 /* bytes of one URL that text_cut_query() keeps */

/* Append s (n bytes) to out, safe for a terminal, in at most max bytes (0: no
 * limit but out's own). Cut text ends in "..."; no character is split. With
 * is_ascii everything beyond ASCII is escaped: for host names, where one letter
 * must not pass for another, and for terminals without UTF-8. Returns 0, or -1
 * when out refused. */
int text_safe(struct buf *out, const char *s, size_t n, size_t max, bool is_ascii);

/* The same for a string; NULL is "". */
int text_safe_str(struct buf *out, const char *s, size_t max);

/* Append s as a JSON string in quotes. What text_safe() would make visible is
 * written as \uXXXX, so the line may be shown on a terminal and yet nothing is
 * lost; a byte that is no UTF-8 becomes U+FFFD. */
int text_add_json(struct buf *out, const char *s, size_t n);

/* Append a member to an object that has one already: ,"name":"value". NULL appends
 * nothing. */
int text_add_member(struct buf *out, const char *name, const char *value);

/* Append free text with every URL in it cut: "?query" and "#fragment" become
 * "?..." and "user:password@" goes. A URL is anything after "://", up to white
 * space (or to the closing quote, when it began after a quote); cutting too much
 * is right here, since some log lines carry the secret itself. */
int text_cut_query(struct buf *out, const char *s, size_t n);

/* The same for text that is one URL, "host:port" or a path, and so may hold
 * white space and quotes in its query. */
int text_cut_url(struct buf *out, const char *s, size_t n);

/* What may be shown of a secret: its first four characters and its length,
 * "AKIA…(20)"; of one shorter than 12 only the length. Safe for a terminal. */
int text_mask(struct buf *out, const char *secret, size_t n);

/* Decode the character at s (n >= 1 bytes left). Returns its length in bytes
 * and sets *cp; 0 when the first byte begins no valid UTF-8 (overlong forms and
 * surrogates are not valid). */
size_t text_utf8(const char *s, size_t n, uint32_t *cp);

/* May the character stand on a terminal as it is? */
bool text_is_safe(uint32_t cp);

#endif
