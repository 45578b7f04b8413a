/* The scan of a work tree, under the ignore rules that git would read. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/beneath.h"
#include "core/ignore.h"
#include "core/mem.h"
#include "core/repo_priv.h"

#define RULES_MAX	(1u << 20)	/* bytes of one file of rules */
#define DEPTH_MAX	128		/* folders in each other; one descriptor each */

struct scan {
	git_repository *git;
	git_index *index;
	struct collector *notes;
	size_t max_names;
	bool folds_case;
	struct ignore *user, *repo;	/* core.excludesFile, info/exclude */
	int (*found)(void *arg, const char *path, bool is_repo);
	void *arg;
};

/* --- rules that are not in the work tree ------------------------------------------------ */

/* A file of the user's own choice: links are fine, and so is none at all. */
static int read_rules(struct scan *s, const char *path, const struct ignore *outer,
		      struct ignore **out, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct buf text = BUF_INIT(RULES_MAX);
	char chunk[4096];
	ssize_t n;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_errno(err, ERR_INPUT, errno, "%s", path);
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		buf_add(&text, chunk, (size_t)n);
	if (n == 0 && !text.overflowed)
		*out = ignore_parse(buf_str(&text), text.len, "", s->folds_case, outer);
	buf_done(&text);
	return *out ? 0 : err_set(err, ERR_INPUT, "%s: cannot be read, or is too long", path);
}

static char *user_rules_path(const git_repository *git, const git_config *cfg)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	git_buf set = { 0 };
	char *path = NULL;

	if (git_config_get_path(&set, cfg, "core.excludesfile") == 0)
		path = *set.ptr == '/' ? xstrdup(set.ptr)
				       : xasprintf("%s%s", git_repository_workdir(git), set.ptr);
	else if (xdg && *xdg)
		path = xasprintf("%s/git/ignore", xdg);
	else if (home)
		path = xasprintf("%s/.config/git/ignore", home);
	git_buf_dispose(&set);
	return path;
}

static int scan_init(struct scan *s, git_repository *git, struct err *err)
{
	CLEANUP_FREE char *exclude = xasprintf("%s/info/exclude", git_repository_commondir(git));
	CLEANUP_FREE char *user = NULL;
	git_config *cfg = NULL;
	int folds = 0;

	memset(s, 0, sizeof *s);
	s->git = git;
	if (git_repository_config_snapshot(&cfg, git) < 0)
		return repo_git_fail(err, ERR_INPUT, "the repository's config");
	git_config_get_bool(&folds, cfg, "core.ignorecase");
	s->folds_case = folds;
	user = user_rules_path(git, cfg);
	git_config_free(cfg);
	if (git_repository_index(&s->index, git) < 0)
		return repo_git_fail(err, ERR_INPUT, "its index");
	if (user && read_rules(s, user, NULL, &s->user, err) < 0)
		return -1;
	return read_rules(s, exclude, s->user, &s->repo, err);
}

static void scan_done(struct scan *s)
{
	git_index_free(s->index);
	ignore_free(s->repo);
	ignore_free(s->user);
}

static const struct ignore *scan_base(const struct scan *s)
{
	return s->repo ? s->repo : s->user;
}

/* --- .gitignore --------------------------------------------------------------------------- */

/* In a sparse checkout git reads one that is not checked out from its index. */
static struct ignore *rules_from_index(const struct scan *s, const char *dir,
				       const struct ignore *outer)
{
	CLEANUP_FREE char *path = xasprintf("%s%s.gitignore", dir, *dir ? "/" : "");
	const git_index_entry *e = git_index_get_bypath(s->index, path, 0);
	struct ignore *rules = NULL;
	git_blob *blob = NULL;

	if (!e || !(e->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) ||
	    git_blob_lookup(&blob, s->git, &e->id) < 0)
		return NULL;
	if (git_blob_rawsize(blob) <= RULES_MAX)
		rules = ignore_parse(git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob), dir,
				     s->folds_case, outer);
	git_blob_free(blob);
	return rules;
}

/* The rules of one folder, NULL when it has none. As git, we follow no link. */
static int folder_rules(const struct scan *s, int dirfd, const char *dir,
			const struct ignore *outer, struct ignore **out, struct err *err)
{
	struct beneath_entry e;
	int rc = 0;

	beneath_read(dirfd, ".gitignore", RULES_MAX, &e);
	if (e.kind == BENEATH_FILE)
		*out = ignore_parse(e.data, (size_t)e.len, dir, s->folds_case, outer);
	else if (e.kind == BENEATH_GONE)
		*out = rules_from_index(s, dir, outer);
	else if (e.kind == BENEATH_TOO_BIG || e.kind == BENEATH_UNREADABLE)
		/* Without its rules we would copy what somebody meant to keep. */
		rc = err_set(err, ERR_INPUT, "%s%s.gitignore: %s", dir, *dir ? "/" : "",
			     e.kind == BENEATH_TOO_BIG ? "too long" : strerror(e.errnum));
	beneath_entry_done(&e);
	return rc;
}

/* --- the scan ------------------------------------------------------------------------------- */

static int scan_folder(struct scan *s, int dirfd, const char *dir, const struct ignore *outer,
		       int depth, struct err *err);

static bool is_submodule(const struct scan *s, const char *path)
{
	const git_index_entry *e = git_index_get_bypath(s->index, path, 0);

	return e && e->mode == GIT_FILEMODE_COMMIT;
}

/* Returns 1 when found wants no more. */
static int scan_subfolder(struct scan *s, int dirfd, const char *name, const char *path,
			  const struct ignore *rules, int depth, struct err *err)
{
	CLEANUP_CLOSE int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (is_submodule(s, path))
		return 0;
	if (fd < 0 || depth >= DEPTH_MAX) {
		collect_note(s->notes, path, "%s",
			     fd < 0 ? strerror(errno) : "too many folders in each other");
		return 0;
	}
	/* Of any kind, sound or not: its ignore rules are its own. */
	if (fstatat(fd, ".git", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return s->found(s->arg, path, true) < 0;
	return scan_folder(s, fd, path, rules, depth + 1, err);
}

static int scan_name(struct scan *s, int dirfd, const char *name, const char *path,
		     const struct ignore *rules, int depth, struct err *err)
{
	struct stat st;

	if (strcmp(name, ".git") == 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    ignore_has(rules, path, S_ISDIR(st.st_mode)))
		return 0;
	if (S_ISDIR(st.st_mode))
		return scan_subfolder(s, dirfd, name, path, rules, depth, err);
	return s->found(s->arg, path, false) < 0;
}

static int scan_folder(struct scan *s, int dirfd, const char *dir, const struct ignore *outer,
		       int depth, struct err *err)
{
	struct ignore *own = NULL;
	size_t n = 0;
	char **names = beneath_list(dirfd, s->max_names, &n);
	int rc = 0;

	if (!names) {
		collect_note(s->notes, *dir ? dir : ".", "%s", strerror(errno));
		return 0;
	}
	rc = folder_rules(s, dirfd, dir, outer, &own, err);
	for (size_t i = 0; i < n && rc == 0; i++) {
		CLEANUP_FREE char *path =
			xasprintf("%s%s%s", dir, *dir ? "/" : "", names[i]);

		rc = scan_name(s, dirfd, names[i], path, own ? own : outer, depth, err);
	}
	ignore_free(own);
	strv_free(names);
	return rc;
}

/* Go down to src->sub, reading the rules on the way, and at its end scan if
 * found is set. Returns 1 when a folder on the way is ignored. */
static int descend(struct scan *s, int dirfd, const char *sub, size_t at,
		   const struct ignore *outer, struct err *err)
{
	size_t n = strcspn(sub + at, "/");
	CLEANUP_FREE char *dir = xstrndup(sub, at ? at - 1 : 0);
	CLEANUP_FREE char *path = xstrndup(sub, at + n);
	CLEANUP_CLOSE int fd = -1;
	struct ignore *own = NULL;
	int rc;

	if (n == 0)
		return s->found ? scan_folder(s, dirfd, sub, outer, 0, err) : 0;
	rc = folder_rules(s, dirfd, dir, outer, &own, err);
	if (rc == 0 && !s->found && ignore_has(own ? own : outer, path, true))
		rc = 1;
	if (rc == 0) {
		fd = beneath_open_dir(dirfd, path + at);
		rc = fd < 0 ? err_errno(err, ERR_INPUT, errno, "%s", path)
			    : descend(s, fd, sub, at + n + (sub[at + n] == '/'),
				      own ? own : outer, err);
	}
	ignore_free(own);
	return rc;
}

static int scan_from_top(struct scan *s, const struct repo_src *src, struct err *err)
{
	CLEANUP_CLOSE int top = open(git_repository_workdir(src->git),
				     O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (top < 0)
		return err_errno(err, ERR_INPUT, errno, "%s", git_repository_workdir(src->git));
	return descend(s, top, src->sub, 0, scan_base(s), err);
}

int repo_scan(const struct repo_src *src, struct collector *notes,
	      int (*found)(void *arg, const char *path, bool is_repo), void *arg, struct err *err)
{
	struct scan s;
	int rc = scan_init(&s, src->git, err);

	s.notes = notes;
	s.max_names = notes->limits.entries;
	s.found = found;
	s.arg = arg;
	if (rc == 0)
		/* The folder itself was opened beneath its root: scan that one. */
		rc = *src->sub ? scan_from_top(&s, src, err)
			       : scan_folder(&s, src->dirfd, "", scan_base(&s), 0, err);
	scan_done(&s);
	return rc < 0 ? -1 : 0;
}

int repo_is_ignored(const struct repo_src *src, struct err *err)
{
	struct scan s;
	int rc = scan_init(&s, src->git, err);

	if (rc == 0)
		rc = scan_from_top(&s, src, err);
	scan_done(&s);
	return rc;
}
