#include "core/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/err.h"
#include "core/mem.h"

int lock_take(const char *dir, const char *name, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s.lock", dir, name);
	int fd;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_errno(err, ERR_FAILED, errno, "making %s", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, ERR_FAILED, errno, "opening %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int cause = errno;

		close(fd);
		if (cause == EWOULDBLOCK)
			return err_set(err, ERR_FAILED,
			               "%s is being launched by another claude-bottle", name);
		return err_errno(err, ERR_FAILED, cause, "locking %s", path);
	}
	return fd;
}

char *lock_attended(const char *session)
{
	return xasprintf("%s.attended", session);
}

void lock_drop(const char *dir, const char *name, int fd)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s.lock", dir, name);

	unlink(path);
	if (fd >= 0)
		close(fd);
}

bool lock_is_held(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s.lock", dir, name);
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	/* a shared lock, so that two who look do not see each other */
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
