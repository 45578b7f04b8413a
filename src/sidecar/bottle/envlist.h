/* The agent's environment as it travels: over exec stdin into a tmpfs.
 *
 *   CBENV1 LENGTH\n NAME=VALUE\0 NAME=VALUE\0 ...
 *
 * The header is on the wire only; the file holds the LENGTH bytes alone. It
 * exists for an instant: the entry removes it as soon as it has read it.
 */
#ifndef BOTTLE_ENVLIST_H
#define BOTTLE_ENVLIST_H

#include <stdbool.h>
#include <stddef.h>

#define ENVLIST_DIR "/run/claude-bottle"
#define ENVLIST_FILE "env"
#define ENVLIST_MAX (1024UL * 1024UL)
#define ENVLIST_HEADER_MAX 32 /* longest header that is read, line feed included */

/* Read a header line (without its line feed). 0 and the length in *out, or -1
 * when it is not exactly "CBENV1 " and a decimal of at most ENVLIST_MAX. */
int envlist_header(size_t *out, const char *line);

/* Is this a list: each entry a name ([A-Za-z_][A-Za-z0-9_]*), "=", any value,
 * and a NUL, with nothing left over? An empty list is one. */
bool envlist_is_sound(const char *list, size_t len);

/* The entry that starts at *at, or NULL at the end; moves *at past it. */
char *envlist_next(char *list, size_t len, size_t *at);

#endif
