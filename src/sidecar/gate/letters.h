/* Base64 made of letters alone.
 *
 * gitleaks decodes base64 by itself, but passes over a run of it that holds none of
 * "0-9+/-_" (b64LikelyRegex of its codec package), since most such runs are names and
 * words. About one of twelve short keys is written so. What decodes to plain text is
 * no word of a program by chance: of 20 random letters about one in a million does.
 */
#ifndef GATE_LETTERS_H
#define GATE_LETTERS_H

#include <stddef.h>

#define LETTERS_MIN 20 /* of a run: 15 bytes, which no key is shorter than */

#define LETTERS_DEPTH 3 /* base64 of base64 ... that is looked into */

/* The texts that such runs of p are in base64, one after the other with a blank after
 * each; their line ends and tabs are blanks. out holds len bytes. Returns how many. */
size_t letters_decode(const char *p, size_t len, char *out);

#endif
