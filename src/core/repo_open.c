/* Finding the repository of a folder, and judging whether its git data may be
 * read on behalf of whoever named the folder.
 *
 * A folder's .git is as hostile as its files: it may be a file that names any
 * folder, hold links, `commondir`, alternates or a core.worktree. With a root
 * (a project's manifest) we let git data lie elsewhere only when that other
 * place, which the project cannot write, says that this work tree is its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/beneath.h"
#include "core/mem.h"
#include "core/repo_priv.h"

#define GITFILE_MAX 8192	/* a file of one path */

static void start_libgit2(void)
{
	/* Set by `git sparse-checkout`; what it adds does not matter to us. */
	const char *extensions[] = { "worktreeconfig" };

	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions, (size_t)1);
}

int repo_git_fail(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	const git_error *last = git_error_last();
	CLEANUP_FREE char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set(err, kind, "%s: %s", what, last ? last->message : "unknown fault");
}

/* True when path is dir or lies in it; both are real paths. */
static bool lies_in(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return true;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* realpath of dir/name; NULL when it is not there. */
static char *real_in(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = *name == '/' ? xstrdup(name) : xasprintf("%s/%s", dir, name);

	return realpath(path, NULL);
}

/* The one line of a small file, NULL when it cannot be read. */
static char *read_line(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[GITFILE_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (n < 0 || (size_t)n == sizeof text - 1)
		return NULL;
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return xstrdup(text);
}

/* --- may this git data be read for a project? ------------------------------------- */

/* A link in a .git can make git read another repository's objects. These we
 * never read, and people do link hooks. */
static bool is_unread(const char *name)
{
	return strcmp(name, "hooks") == 0 || strcmp(name, "modules") == 0 ||
	       strcmp(name, "lfs") == 0;
}

static bool has_links(int dirfd, const char *name, int depth)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;
	bool found = depth > 64;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return errno != ENOENT;
	}
	while (!found && (d = readdir(dir))) {
		struct stat st;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
		    (depth == 0 && is_unread(d->d_name)))
			continue;
		if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		found = S_ISLNK(st.st_mode) ||
			(S_ISDIR(st.st_mode) && has_links(fd, d->d_name, depth + 1));
	}
	closedir(dir);
	return found;
}

/* Does the git folder, which lies elsewhere, name this work tree as its own? A
 * worktree's must be one of its repository's, not one made up in the project. */
static bool knows_work_tree(const struct repo_src *src, const char *gitdir, const char *common)
{
	CLEANUP_FREE char *dotgit = real_in(src->dir, ".git");
	CLEANUP_FREE char *worktrees = xasprintf("%s/worktrees/", common);
	CLEANUP_FREE char *line = NULL, *back = NULL;

	if (strncmp(gitdir, worktrees, strlen(worktrees)) == 0) {
		line = read_line(gitdir, "gitdir");
		back = line ? real_in(gitdir, line) : NULL;
		return back && dotgit && strcmp(back, dotgit) == 0;
	}
	/* A submodule's: its config has core.worktree. */
	git_config *cfg = NULL;
	CLEANUP_FREE char *path = xasprintf("%s/config", gitdir);
	git_buf tree = { 0 };

	if (strcmp(gitdir, common) == 0 && git_config_open_ondisk(&cfg, path) == 0 &&
	    git_config_get_string_buf(&tree, cfg, "core.worktree") == 0)
		back = real_in(gitdir, tree.ptr);
	git_buf_dispose(&tree);
	git_config_free(cfg);
	return back && strcmp(back, src->dir) == 0;
}

static int judge_git_data(const struct repo_src *src, const char *root, struct err *err)
{
	CLEANUP_FREE char *gitdir = realpath(git_repository_path(src->git), NULL);
	CLEANUP_FREE char *common = realpath(git_repository_commondir(src->git), NULL);
	CLEANUP_FREE char *alternates = NULL;
	struct stat st;

	if (!gitdir || !common)
		return err_errno(err, ERR_INPUT, errno, "%s: its git folder", src->dir);
	if (!lies_in(gitdir, root) || !lies_in(common, root)) {
		if (!knows_work_tree(src, gitdir, common))
			return err_set(err, ERR_INPUT,
				       "%s: its git data lies outside %s, in %s, which does not "
				       "know of it", src->dir, root, common);
		return 0;
	}
	if (has_links(AT_FDCWD, gitdir, 0) || has_links(AT_FDCWD, common, 0))
		return err_set(err, ERR_INPUT, "%s: a .git with symbolic links in it is not copied "
			       "for a project's manifest", src->dir);
	alternates = xasprintf("%s/objects/info/alternates", common);
	if (stat(alternates, &st) == 0 && st.st_size > 0)
		return err_set(err, ERR_INPUT,
			       "%s: a .git that borrows objects (alternates) is not copied for a "
			       "project's manifest; run git repack -a -d and remove the file "
			       "objects/info/alternates", src->dir);
	return 0;
}

/* --- finding it ---------------------------------------------------------------------- */

static int open_own(struct repo_src *src, struct err *err)
{
	CLEANUP_FREE char *tree = NULL;
	int rc = git_repository_open_ext(&src->git, src->dir, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);

	if (rc == GIT_EOWNER)
		return err_set(err, ERR_INPUT,
			       "%s: the repository belongs to another user; run git config "
			       "--global --add safe.directory %s", src->dir, src->dir);
	if (rc < 0)
		return repo_git_fail(err, ERR_INPUT, "%s: its .git cannot be used", src->dir);
	if (git_repository_workdir(src->git))
		tree = realpath(git_repository_workdir(src->git), NULL);
	if (!tree || strcmp(tree, src->dir) != 0)
		return err_set(err, ERR_INPUT,
			       "%s: its .git is for another work tree: core.bare or core.worktree "
			       "is set, or it was moved (git worktree repair)", src->dir);
	src->sub = xstrdup("");
	return 0;
}

/* Would the outer repository show anything of the folder? If it ignores it
 * whole, it has nothing to say of it. */
static int outer_knows(const struct repo_src *src, struct err *err)
{
	CLEANUP_FREE char *prefix = xasprintf("%s/", src->sub);
	git_index *index = NULL;
	bool tracked = false;
	int ignored;

	if (git_repository_index(&index, src->git) == 0)
		tracked = git_index_find_prefix(NULL, index, prefix) == 0;
	git_index_free(index);
	if (tracked)
		return 1;
	ignored = repo_is_ignored(src, err);
	return ignored < 0 ? -1 : !ignored;
}

static int open_outer(struct repo_src *src, struct err *err)
{
	CLEANUP_FREE char *tree = NULL;
	int rc = git_repository_open_ext(&src->git, src->dir, 0, NULL);

	if (rc == GIT_ENOTFOUND)
		return 0;
	if (rc < 0)
		return repo_git_fail(err, ERR_INPUT, "%s: the repository around it", src->dir);
	if (git_repository_is_bare(src->git))
		return err_set(err, ERR_INPUT,
			       "%s: a bare repository has no files to copy; name a work tree",
			       src->dir);
	tree = realpath(git_repository_workdir(src->git), NULL);
	if (tree && lies_in(src->dir, tree) && strcmp(tree, src->dir) != 0) {
		src->sub = xstrdup(src->dir + strlen(tree) + (strcmp(tree, "/") != 0));
		rc = outer_knows(src, err);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
		free(src->sub);
		src->sub = NULL;
	}
	git_repository_free(src->git);
	src->git = NULL;
	return 0;
}

/* A slip of the pen should not hand ~/.ssh, or a .git/config, to an agent. */
static int refuse_place(const char *dir, struct err *err)
{
	const char *env = getenv("HOME");
	CLEANUP_FREE char *home = env && *env == '/' ? realpath(env, NULL) : NULL;

	if (strcmp(dir, "/") == 0 || (home && lies_in(home, dir)))
		return err_set(err, ERR_INPUT,
			       "%s: your home folder, or one around it, is not copied; name a "
			       "project's folder", dir);
	if (beneath_has_dotgit(dir + 1))
		return err_set(err, ERR_INPUT, "%s: git's own folder is not copied; name a work "
			       "tree", dir);
	return 0;
}

static int open_folder(struct repo_src *src, const char *dir, const char *root, struct err *err)
{
	CLEANUP_CLOSE int base = -1;

	if (root) {
		if (!lies_in(src->dir, root))
			return err_set(err, ERR_INPUT,
				       "%s: lies outside %s, and a project's manifest may only "
				       "copy what is in its own folder", dir, root);
		base = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
		const char *rest = src->dir + (strcmp(root, "/") == 0 ? 0 : strlen(root));

		rest += *rest == '/';
		src->dirfd = base < 0 ? -1 : beneath_open_dir(base, rest);
	} else {
		src->dirfd = open(src->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return src->dirfd < 0 ? err_errno(err, ERR_INPUT, errno, "%s", dir) : 0;
}

int repo_src_open(struct repo_src *src, const char *dir, const char *root, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	CLEANUP_FREE char *real_root = root ? realpath(root, NULL) : NULL;
	struct stat st;

	memset(src, 0, sizeof *src);
	src->dirfd = -1;
	pthread_once(&once, start_libgit2);
	if (root && !real_root)
		return err_errno(err, ERR_INPUT, errno, "%s", root);
	src->dir = realpath(dir, NULL);
	if (!src->dir)
		return err_errno(err, ERR_INPUT, errno, "%s", dir);
	if (open_folder(src, dir, real_root, err) < 0 || refuse_place(src->dir, err) < 0)
		return -1;
	if (fstatat(src->dirfd, ".git", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return open_outer(src, err);
	if (open_own(src, err) < 0)
		return -1;
	return real_root ? judge_git_data(src, real_root, err) : 0;
}

void repo_src_done(struct repo_src *src)
{
	git_repository_free(src->git);
	if (src->dirfd >= 0)
		close(src->dirfd);
	free(src->sub);
	free(src->dir);
	memset(src, 0, sizeof *src);
	src->dirfd = -1;
}
