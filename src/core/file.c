#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

static int read_all(int fd, struct buf *out)
{
	char chunk[16384];
	ssize_t n;

	for (;;) {
		n = read(fd, chunk, sizeof chunk);
		if (n > 0 && buf_add(out, chunk, (size_t)n) < 0) {
			errno = EFBIG;
			n = -1;
		} else if (n > 0 || (n < 0 && errno == EINTR)) {
			continue;
		}
		mem_wipe(chunk, out->is_secret ? sizeof chunk : 0);
		return n < 0 ? -1 : 0;
	}
}

int file_read(const char *path, struct buf *out)
{
	/* O_NONBLOCK, so that a pipe in the file's place cannot make us wait */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc = -1, saved;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			errno = EINVAL;
		else
			rc = read_all(fd, out);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The folder's own entry must reach the disk too, or a crash brings the old file back. */
static int sync_folder(const char *path)
{
	CLEANUP_FREE char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	CLEANUP_CLOSE int fd = -1;

	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

int file_write(const char *path, mode_t mode, const void *data, size_t len, struct err *err)
{
	CLEANUP_FREE char *temp = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(temp, O_CLOEXEC), saved;
	bool is_written;

	if (fd < 0)
		return err_errno(err, ERR_FAILED, errno, "cannot write beside %s", path);
	is_written = fchmod(fd, mode) == 0 && write_all(fd, data, len) == 0 && fsync(fd) == 0;
	saved = errno;
	if (close(fd) < 0 && is_written) {
		is_written = false;
		saved = errno;
	}
	if (is_written && rename(temp, path) < 0) {
		is_written = false;
		saved = errno;
	}
	if (!is_written) {
		unlink(temp);
		return err_errno(err, ERR_FAILED, saved, "cannot write %s", path);
	}
	if (sync_folder(path) < 0)
		return err_errno(err, ERR_FAILED, errno, "cannot sync the folder of %s", path);
	return 0;
}
