#include "core/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/mem.h"

/* The length of the component at s; the next one starts after its '/'. */
static size_t component(const char *s)
{
	return strcspn(s, "/");
}

static bool is_dots(const char *s, size_t n)
{
	return (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
}

bool beneath_path_ok(const char *path)
{
	for (;;) {
		size_t n = component(path);

		if (n == 0 || is_dots(path, n))
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

bool beneath_has_dotgit(const char *path)
{
	for (;;) {
		size_t n = component(path);

		/* "git~1" is what a FAT file system may call it. */
		if ((n == 4 && strncasecmp(path, ".git", 4) == 0) ||
		    (n == 5 && strncasecmp(path, "git~1", 5) == 0))
			return true;
		if (path[n] == '\0')
			return false;
		path += n + 1;
	}
}

bool beneath_link_stays(const char *path, const char *target)
{
	size_t depth = 0;
	bool named = false;

	if (target[0] == '/' || target[0] == '\0')
		return false;
	for (; *path; path++)
		depth += *path == '/';

	for (;;) {
		size_t n = component(target);

		if (n == 2 && is_dots(target, n)) {
			if (named || depth == 0)
				return false;
			depth--;
		} else if (n > 0 && !is_dots(target, n)) {
			named = true;
		}
		if (target[n] == '\0')
			return true;
		target += n + 1;
	}
}

int beneath_open_dir_by_steps(int dirfd, const char *path)
{
	int fd = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && *path) {
		size_t n = component(path);
		char name[NAME_MAX + 1];
		int next = -1;

		if (n > NAME_MAX) {
			errno = ENAMETOOLONG;
		} else {
			memcpy(name, path, n);
			name[n] = '\0';
			next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		}
		int saved = errno;
		close(fd);
		errno = saved;
		fd = next;
		path += path[n] ? n + 1 : n;
	}
	return fd;
}

int beneath_open_dir(int dirfd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, *path ? path : ".", &how, sizeof how);

	/* EPERM: a seccomp filter that does not know the call. EAGAIN: a race. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
		return beneath_open_dir_by_steps(dirfd, path);
	return (int)fd;
}

static void read_link(int dirfd, const char *name, struct beneath_entry *out)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof target);

	if (n < 0 || (size_t)n == sizeof target) {
		out->kind = n < 0 && errno == ENOENT ? BENEATH_GONE : BENEATH_UNREADABLE;
		out->errnum = n < 0 ? errno : ENAMETOOLONG;
		return;
	}
	out->kind = BENEATH_LINK;
	out->data = xstrndup(target, (size_t)n);
	out->len = (uint64_t)n;
}

/* A file that shrinks meanwhile ends early; of one that grows we take what
 * stat told, so that a log being written cannot pass the cap. */
static void read_file(int fd, uint64_t size, struct beneath_entry *out)
{
	size_t got = 0;

	out->data = xmalloc((size_t)size);
	while (got < size) {
		ssize_t n = read(fd, out->data + got, (size_t)size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			out->kind = BENEATH_UNREADABLE;
			out->errnum = errno;
			free(out->data);
			out->data = NULL;
			return;
		}
		if (n == 0)
			break;
		got += (size_t)n;
	}
	out->kind = BENEATH_FILE;
	out->len = got;
}

static void open_and_read(int dirfd, const char *name, uint64_t max, struct beneath_entry *out)
{
	CLEANUP_CLOSE int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		out->errnum = errno;
		out->kind = errno == ENOENT ? BENEATH_GONE : BENEATH_UNREADABLE;
		return;
	}
	out->mode = st.st_mode & S_IXUSR ? 0755 : 0644;
	out->len = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode))
		out->kind = BENEATH_SPECIAL;
	else if ((uint64_t)st.st_size > max)
		out->kind = BENEATH_TOO_BIG;
	else
		read_file(fd, (uint64_t)st.st_size, out);
}

void beneath_read(int dirfd, const char *name, uint64_t max, struct beneath_entry *out)
{
	struct stat st;

	memset(out, 0, sizeof *out);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		out->errnum = errno;
		out->kind = errno == ENOENT ? BENEATH_GONE : BENEATH_UNREADABLE;
	} else if (S_ISLNK(st.st_mode)) {
		read_link(dirfd, name, out);
	} else if (S_ISDIR(st.st_mode)) {
		out->kind = BENEATH_DIR;
	} else if (S_ISREG(st.st_mode)) {
		open_and_read(dirfd, name, max, out);
	} else {
		out->kind = BENEATH_SPECIAL;
	}
}

void beneath_entry_done(struct beneath_entry *e)
{
	free(e->data);
	e->data = NULL;
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **beneath_list(int dirfd, size_t max, size_t *n)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char **names = NULL;
	const struct dirent *d;

	*n = 0;
	if (!dir) {
		int saved = errno;

		if (fd >= 0)
			close(fd);
		errno = saved;
		return NULL;
	}
	names = xcalloc(1, sizeof *names);
	while (*n <= max && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			strv_push(&names, n, xstrdup(d->d_name));
	closedir(dir);
	qsort(names, *n, sizeof *names, by_string);
	return names;
}
