#include "core/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/beneath.h"
#include "core/err.h"
#include "core/file_sink.h"
#include "core/mem.h"

#define DEPTH_MAX 128	/* folders in each other; one descriptor each */

void collect_stats_done(struct collect_stats *stats)
{
	strv_free(stats->notes);
	memset(stats, 0, sizeof *stats);
}

void collect_init(struct collector *c, const struct file_sink *sink,
		  const struct collect_limits *limits, struct collect_stats *stats, int dirfd)
{
	memset(c, 0, sizeof *c);
	c->sink = sink;
	c->limits = *limits;
	c->stats = stats;
	c->dirfd = dirfd;
	c->at = xstrdup("");
	c->at_fd = -1;
}

void collect_done(struct collector *c)
{
	if (c->at_fd >= 0)
		close(c->at_fd);
	free(c->at);
	strv_free(c->leaves);
	memset(c, 0, sizeof *c);
	c->at_fd = -1;
}

void collect_note(struct collector *c, const char *path, const char *fmt, ...)
{
	CLEANUP_FREE char *why = NULL;
	va_list ap;

	c->stats->n_noted++;
	if (c->stats->n_notes >= COLLECT_NOTES_MAX)
		return;
	va_start(ap, fmt);
	why = xvasprintf(fmt, ap);
	va_end(ap);
	strv_push(&c->stats->notes, &c->stats->n_notes, xasprintf("%s: %s", path, why));
}

/* --- under the caps, into the sink --------------------------------------------- */

static int count_entry(const struct collector *c, struct err *err)
{
	const struct collect_stats *s = c->stats;

	if (s->files + s->links + s->dirs >= c->limits.entries)
		return err_set(err, ERR_INPUT,
			       "more than %zu files and folders; leave out what the agent does "
			       "not need", c->limits.entries);
	return 0;
}

static int count_bytes(const struct collector *c, const char *path, uint64_t len, struct err *err)
{
	if (len > c->limits.total_bytes - c->stats->bytes)
		return err_set(err, ERR_INPUT,
			       "%s: with it the files pass %llu MiB in all; leave out what the "
			       "agent does not need", path,
			       (unsigned long long)(c->limits.total_bytes >> 20));
	return 0;
}

static char *full_path(const struct collector *c, const char *path)
{
	return xasprintf("%s%s", c->prefix ? c->prefix : "", path);
}

int collect_put_dir(struct collector *c, const char *path, struct err *err)
{
	CLEANUP_FREE char *full = full_path(c, path);

	if (count_entry(c, err) < 0 || c->sink->dir(c->sink->arg, full, 0755, err) < 0)
		return -1;
	c->stats->dirs++;
	return 0;
}

int collect_put_file(struct collector *c, const char *path, unsigned mode, const void *data,
		     size_t len, struct err *err)
{
	CLEANUP_FREE char *full = full_path(c, path);

	if (count_entry(c, err) < 0 || count_bytes(c, path, len, err) < 0 ||
	    c->sink->file(c->sink->arg, full, mode, data, len, err) < 0)
		return -1;
	c->stats->files++;
	c->stats->bytes += len;
	return 0;
}

static int put_link(struct collector *c, const char *path, const char *target, struct err *err)
{
	CLEANUP_FREE char *full = full_path(c, path);

	if (count_entry(c, err) < 0 || c->sink->symlink(c->sink->arg, full, target, err) < 0)
		return -1;
	c->stats->links++;
	return 0;
}

/* Put what beneath_read found. Returns 1 when the sink got it, 0 when noted. */
static int put_entry(struct collector *c, const char *path, const struct beneath_entry *e,
		     struct err *err)
{
	switch (e->kind) {
	case BENEATH_FILE:
		if (collect_put_file(c, path, e->mode, e->data, (size_t)e->len, err) < 0)
			return -1;
		return 1;
	case BENEATH_LINK:
		if (beneath_link_stays(path, e->data))
			return put_link(c, path, e->data, err) < 0 ? -1 : 1;
		if (c->links_must_stay)
			return err_set(err, ERR_INPUT, "%s: a link that leads out of the folder",
				       path);
		collect_note(c, path, "a link that leads out of the folder");
		return 0;
	case BENEATH_TOO_BIG:
		return err_set(err, ERR_INPUT,
			       "%s: %llu MiB, more than the %llu MiB of one file; leave it out",
			       path, (unsigned long long)(e->len >> 20),
			       (unsigned long long)(c->limits.file_bytes >> 20));
	case BENEATH_DIR:
		collect_note(c, path, "a folder where a file should be");
		return 0;
	case BENEATH_SPECIAL:
		collect_note(c, path, "neither a file nor a link nor a folder");
		return 0;
	case BENEATH_GONE:
		collect_note(c, path, "not there any more");
		return 0;
	case BENEATH_UNREADABLE:
		collect_note(c, path, "%s", strerror(e->errnum));
		return 0;
	}
	return 0;
}

/* --- from a sorted list ---------------------------------------------------------- */

static int by_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_leaf(const struct collector *c, const char *path)
{
	return c->n_leaves &&
	       bsearch(&path, c->leaves, c->n_leaves, sizeof *c->leaves, by_string) != NULL;
}

/* How much of path's folder was given to the sink already: a prefix of both
 * that ends at a '/' or at the end of c->at. */
static size_t known_part(const char *at, const char *path)
{
	size_t i = 0, known = 0;

	for (; at[i] && at[i] == path[i]; i++)
		if (at[i] == '/')
			known = i;
	if (at[i] == '\0' && path[i] == '/')
		known = i;
	return known;
}

/* True when a folder of `parent`, beyond its first `known` bytes, was given to
 * the sink as a file or a link before. */
static bool passes_leaf(const struct collector *c, const char *parent, size_t known)
{
	for (size_t i = known + 1; i <= strlen(parent); i++) {
		if (parent[i] != '/' && parent[i] != '\0')
			continue;
		CLEANUP_FREE char *dir = xstrndup(parent, i);
		if (is_leaf(c, dir))
			return true;
	}
	return false;
}

static int put_parents(struct collector *c, const char *parent, size_t known, struct err *err)
{
	for (size_t i = known + 1; i <= strlen(parent); i++) {
		if (parent[i] != '/' && parent[i] != '\0')
			continue;
		CLEANUP_FREE char *dir = xstrndup(parent, i);
		if (collect_put_dir(c, dir, err) < 0)
			return -1;
	}
	return 0;
}

/* Open the folder that path is in and give the sink what is new of it. On
 * success at_fd is it, or -1 with at_errnum when it cannot be used. */
static int enter_parent(struct collector *c, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	CLEANUP_FREE char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	size_t known = known_part(c->at, path);

	if (c->at_fd >= 0 && strcmp(parent, c->at) == 0)
		return 0;
	if (c->at_fd >= 0)
		close(c->at_fd);
	c->at_fd = beneath_open_dir(c->dirfd, parent);
	c->at_errnum = errno;
	if (c->at_fd >= 0 && passes_leaf(c, parent, known)) {
		/* It was a file or a link when we passed it: swapped meanwhile. */
		close(c->at_fd);
		c->at_fd = -1;
		c->at_errnum = ENOTDIR;
	}
	if (c->at_fd < 0)
		return 0;
	if (put_parents(c, parent, known, err) < 0)
		return -1;
	free(c->at);
	c->at = xstrdup(parent);
	return 0;
}

static const char *parent_fault(int errnum)
{
	if (errnum == ENOENT)
		return "not there any more";
	if (errnum == ELOOP || errnum == ENOTDIR)
		return "a folder on the way to it is a link or a file";
	return strerror(errnum);
}

int collect_path(struct collector *c, const char *path, unsigned flags, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct beneath_entry e;
	int rc;

	if (enter_parent(c, path, err) < 0)
		return -1;
	if (c->at_fd < 0) {
		if (c->at_errnum != ENOENT || !(flags & COLLECT_MAY_BE_GONE))
			collect_note(c, path, "%s", parent_fault(c->at_errnum));
		return 0;
	}
	beneath_read(c->at_fd, slash ? slash + 1 : path, c->limits.file_bytes, &e);
	if (e.kind == BENEATH_GONE && (flags & COLLECT_MAY_BE_GONE))
		rc = 0;
	else if (e.kind == BENEATH_DIR && (flags & COLLECT_MAY_BE_DIR))
		rc = collect_put_dir(c, path, err) < 0 ? -1 : 1;
	else
		rc = put_entry(c, path, &e, err);
	if (rc > 0)
		strv_push(&c->leaves, &c->n_leaves, xstrdup(path));
	beneath_entry_done(&e);
	return rc < 0 ? -1 : 0;
}

static bool has_dotgit(int dirfd)
{
	struct stat st;

	return fstatat(dirfd, ".git", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* --- the whole folder ------------------------------------------------------------- */

static int collect_folder(struct collector *c, int dirfd, const char *path, int depth,
			  struct err *err);

static int collect_subfolder(struct collector *c, int dirfd, const char *name, const char *path,
			     int depth, struct err *err)
{
	CLEANUP_CLOSE int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		collect_note(c, path, "%s", strerror(errno));
		return 0;
	}
	if (depth >= DEPTH_MAX) {
		collect_note(c, path, "more than %d folders in each other", DEPTH_MAX);
		return 0;
	}
	if (has_dotgit(fd)) {
		collect_note(c, path, "a git repository of its own");
		return 0;
	}
	if (collect_put_dir(c, path, err) < 0)
		return -1;
	return collect_folder(c, fd, path, depth + 1, err);
}

static int collect_name(struct collector *c, int dirfd, const char *name, const char *path,
			int depth, struct err *err)
{
	struct beneath_entry e;
	int rc;

	if (beneath_has_dotgit(name)) {
		collect_note(c, path, "belongs to git");
		return 0;
	}
	beneath_read(dirfd, name, c->limits.file_bytes, &e);
	if (e.kind == BENEATH_DIR)
		rc = collect_subfolder(c, dirfd, name, path, depth, err);
	else
		rc = put_entry(c, path, &e, err);
	beneath_entry_done(&e);
	return rc < 0 ? -1 : 0;
}

static int collect_folder(struct collector *c, int dirfd, const char *path, int depth,
			  struct err *err)
{
	size_t n = 0;
	char **names = beneath_list(dirfd, c->limits.entries, &n);
	int rc = 0;

	if (!names) {
		collect_note(c, *path ? path : ".", "%s", strerror(errno));
		return 0;
	}
	for (size_t i = 0; i < n && rc == 0; i++) {
		CLEANUP_FREE char *sub = *path ? xasprintf("%s/%s", path, names[i])
					       : xstrdup(names[i]);

		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			rc = collect_name(c, dirfd, names[i], sub, depth, err);
	}
	strv_free(names);
	return rc;
}

int collect_all(struct collector *c, struct err *err)
{
	return collect_folder(c, c->dirfd, "", 0, err);
}
