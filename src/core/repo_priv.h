/* Between the parts of core/repo; nobody else includes this. */
#ifndef CORE_REPO_PRIV_H
#define CORE_REPO_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include <git2.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/repo.h"

/* What was asked to be copied, opened. */
struct repo_src {
	char *dir;		/* real path */
	int dirfd;
	git_repository *git;	/* NULL: no repository */
	char *sub;		/* dir's path in the work tree, "" when it is the top */
};

/* err_set with libgit2's last message at the end. */
int repo_git_fail(struct err *err, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* repo_open.c: find and open the folder, its repository, and judge both. */
int repo_src_open(struct repo_src *src, const char *dir, const char *root, struct err *err);
void repo_src_done(struct repo_src *src);

/* repo_list.c: put the work tree's files. */
int repo_put_files(const struct repo_src *src, struct collector *c, struct err *err);

/* repo_scan.c: call found for each file of the folder that is not ignored, and for
 * each repository in it (the path is from the top of the work tree); it may end the scan by -1. */
int repo_scan(const struct repo_src *src, struct collector *notes,
	      int (*found)(void *arg, const char *path, bool is_repo), void *arg,
	      struct err *err);

/* Is the folder src->sub, or one around it, ignored? 1, 0 or -1. */
int repo_is_ignored(const struct repo_src *src, struct err *err);

/* repo_pack.c: put the fresh .git. Notes go to `notes`. */
int repo_put_git(git_repository *git, struct collector *c, struct collector *notes,
		 size_t max_objects, struct repo_stats *stats, struct err *err);

/* repo_config.c: the text of the fresh config. branch: NULL when detached. */
int repo_make_config(git_repository *git, const char *branch, struct collector *notes,
		     struct buf *out, struct err *err);

/* repo_tmp.c: a private temporary folder that is locked while it is in use. */
struct repo_tmp {
	char *path;
	int fd;
};
int repo_tmp_open(struct repo_tmp *tmp, struct err *err);
void repo_tmp_done(struct repo_tmp *tmp);	/* removes it; a zeroed one with fd -1 is fine */

#endif
