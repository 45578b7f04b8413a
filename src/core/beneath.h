/* Reading a folder that somebody hostile may have arranged.
 *
 * Everything is opened relative to a descriptor of the folder, no symbolic
 * link is followed at any component, and nothing but a regular file is ever
 * opened for reading: a path can thus not lead out of the folder, not even
 * when it is swapped while we look.
 */
#ifndef CORE_BENEATH_H
#define CORE_BENEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True for a relative path without empty, "." or ".." components; these are
 * the only ones that the functions below may be given. */
bool beneath_path_ok(const char *path);

/* True when one component is a name that git (on any system) takes for ".git". */
bool beneath_has_dotgit(const char *path);

/* True when a link at `path` with this target cannot lead out of the folder:
 * a relative target whose ".." come first and are no more than the link is
 * deep. ("a/../b" is refused: what it means depends on what "a" is.) */
bool beneath_link_stays(const char *path, const char *target);

/* An O_PATH descriptor of the folder `path` beneath dirfd ("" is dirfd's own
 * folder), or -1 with errno; ELOOP or ENOTDIR when a component is a link. */
int beneath_open_dir(int dirfd, const char *path);

/* The same without openat2(2), for older kernels. Here for its test. */
int beneath_open_dir_by_steps(int dirfd, const char *path);

enum beneath_kind {
	BENEATH_FILE,		/* data, len, mode */
	BENEATH_LINK,		/* data is the target, a string */
	BENEATH_DIR,
	BENEATH_SPECIAL,	/* a socket, device or pipe: not opened */
	BENEATH_TOO_BIG,	/* a regular file of more than max bytes: len is its size */
	BENEATH_GONE,		/* it is not there (any more) */
	BENEATH_UNREADABLE,	/* errnum says why */
};

struct beneath_entry {
	enum beneath_kind kind;
	unsigned mode;		/* 0755 when the owner may execute it, else 0644 */
	char *data;		/* owned; NULL unless a file or a link */
	uint64_t len;
	int errnum;
};

/* What is at the one component `name` in dirfd; reads a regular file whole. */
void beneath_read(int dirfd, const char *name, uint64_t max, struct beneath_entry *out);

void beneath_entry_done(struct beneath_entry *e);

/* The names in the folder, sorted, without "." and ".."; NULL with errno when it
 * cannot be read. Stops after max + 1 names: the caller's cap is then passed. */
char **beneath_list(int dirfd, size_t max, size_t *n);

#endif
