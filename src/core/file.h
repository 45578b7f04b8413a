/* Small files of ours, read whole and written whole. */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include <stddef.h>
#include <sys/types.h>

struct buf;
struct err;

/* Append the regular file's bytes to out, at most out->max in all. Links are
 * followed; a pipe or device is refused without waiting for it. -1 with errno
 * set: EFBIG when it is too large, EINVAL when it is no regular file. */
int file_read(const char *path, struct buf *out);

/* Replace path by these bytes: written beside it, synced, renamed over it, so a
 * reader sees the old file or the new one, whatever happens. */
int file_write(const char *path, mode_t mode, const void *data, size_t len, struct err *err);

#endif
