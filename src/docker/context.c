/* The build context of docker/recipe.h: our own files, read into memory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "docker/recipe.h"
#include "docker/tar.h"

#define DEPTH_MAX 16
#define FILES_MAX 4096

int context_add_file(struct context *c, const char *path, unsigned mode, const void *data,
                     size_t len, struct err *err)
{
	size_t at = 0;

	if (c->n == FILES_MAX || len > CONTEXT_MAX || c->bytes > CONTEXT_MAX - len)
		return err_set(err, ERR_INPUT, "%s: the build context is too large", path);
	c->files = xreallocarray(c->files, c->n + 1, sizeof *c->files);
	while (at < c->n && strcmp(c->files[at].path, path) < 0)
		at++;
	memmove(c->files + at + 1, c->files + at, (c->n - at) * sizeof *c->files);
	c->files[at] = (struct context_file){
		.path = xstrdup(path),
		.mode = mode & 0111 ? 0755 : 0644,
		.data = xmemdup(data, len),
		.len = len,
	};
	c->n++;
	c->bytes += len;
	return 0;
}

static int add_open_file(struct context *c, const char *path, int fd, const struct stat *st,
                         struct err *err)
{
	struct buf b = BUF_INIT(CONTEXT_MAX);
	char piece[65536];
	ssize_t got;
	int rc;

	while ((got = read(fd, piece, sizeof piece)) > 0)
		buf_add(&b, piece, (size_t)got);
	if (got < 0)
		rc = err_errno(err, ERR_FAILED, errno, "reading %s", path);
	else if (b.overflowed)
		rc = err_set(err, ERR_INPUT, "%s: the build context is too large", path);
	else
		rc = context_add_file(c, path, st->st_mode, buf_str(&b), b.len, err);
	buf_done(&b);
	return rc;
}

static int add_folder(struct context *c, const char *name, int dir_fd, int depth, struct err *err);

static int add_entry(struct context *c, const char *path, int dir_fd, const char *leaf, int depth,
                     struct err *err)
{
	int fd = openat(dir_fd, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0) {
		rc = err_errno(err, ERR_FAILED, errno, "reading %s of the image sources", path);
	} else if (S_ISDIR(st.st_mode)) {
		return add_folder(c, path, fd, depth + 1, err);	/* takes fd */
	} else if (S_ISREG(st.st_mode)) {
		rc = add_open_file(c, path, fd, &st, err);
	} else {
		rc = err_set(err, ERR_INPUT, "%s: the image sources hold plain files only", path);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Takes dir_fd. */
static int add_folder(struct context *c, const char *name, int dir_fd, int depth, struct err *err)
{
	DIR *dir = depth < DEPTH_MAX ? fdopendir(dir_fd) : NULL;
	const struct dirent *de;
	int rc = 0;

	if (!dir) {
		close(dir_fd);
		return err_set(err, ERR_INPUT, "%s: the image sources lie too deep", name);
	}
	while (rc == 0 && (de = readdir(dir))) {
		char *path;

		if (de->d_name[0] == '.')
			continue;
		path = xasprintf("%s/%s", name, de->d_name);
		rc = add_entry(c, path, dirfd(dir), de->d_name, depth, err);
		free(path);
	}
	closedir(dir);
	return rc;
}

int context_add_folder(struct context *c, const char *name, const char *folder, struct err *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, ERR_FAILED, errno, "%s", folder);
	return add_folder(c, name, fd, 0, err);
}

const struct context_file *context_find(const struct context *c, const char *path)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->files[i].path, path) == 0)
			return &c->files[i];
	return NULL;
}

int context_tar(const struct context *c, struct buf *out, struct err *err)
{
	struct tar t;

	tar_begin(&t, out, 0);
	for (size_t i = 0; i < c->n; i++)
		tar_file(&t, c->files[i].path, c->files[i].mode, 0, 0, c->files[i].data,
		         c->files[i].len);
	return tar_finish(&t, err);
}

void context_done(struct context *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		free(c->files[i].path);
		free(c->files[i].data);
	}
	free(c->files);
	*c = (struct context){ 0 };
}
