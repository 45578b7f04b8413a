#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/repo_priv.h"

/* The lock tells a folder in use from one whose owner was killed. */
#define PREFIX "claude-bottle-pack-"

static const char *tmp_base(void)
{
	const char *base = getenv("TMPDIR");

	return base && *base == '/' ? base : "/tmp";
}

/* The folder is ours and locked: empty and remove it. */
static void remove_folder(int fd, const char *path)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *d;

	if (!dir) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((d = readdir(dir)))
		unlinkat(fd, d->d_name, 0);
	closedir(dir);
	rmdir(path);
}

static int open_locked(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    st.st_nlink == 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void repo_sweep(void)
{
	const char *base = tmp_base();
	DIR *dir = opendir(base);
	const struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (strncmp(d->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		CLEANUP_FREE char *path = xasprintf("%s/%s", base, d->d_name);
		CLEANUP_CLOSE int fd = open_locked(path);
		if (fd >= 0)
			remove_folder(fd, path);
	}
	if (dir)
		closedir(dir);
}

int repo_tmp_open(struct repo_tmp *tmp, struct err *err)
{
	repo_sweep();
	/* Another process may sweep ours away before it is locked: try again. */
	for (int i = 0; i < 8; i++) {
		char *path = xasprintf("%s/" PREFIX "XXXXXX", tmp_base());

		if (!mkdtemp(path)) {
			int errnum = errno;

			free(path);
			return err_errno(err, ERR_FAILED, errnum, "a temporary folder in %s",
					 tmp_base());
		}
		tmp->fd = open_locked(path);
		if (tmp->fd >= 0) {
			tmp->path = path;
			return 0;
		}
		free(path);
	}
	return err_set(err, ERR_FAILED, "a temporary folder in %s does not stay there",
		       tmp_base());
}

void repo_tmp_done(struct repo_tmp *tmp)
{
	if (tmp->fd >= 0) {
		remove_folder(tmp->fd, tmp->path);
		close(tmp->fd);
	}
	free(tmp->path);
	tmp->path = NULL;
	tmp->fd = -1;
}
