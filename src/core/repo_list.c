/* Which files: the index's entries, and what a scan of the work tree finds
 * that is not ignored. libgit2 only names them; the bytes are read by the
 * collector, which trusts no name. */
#include <stdlib.h>
#include <string.h>

#include "core/beneath.h"
#include "core/mem.h"
#include "core/repo_priv.h"

struct entry {
	char *path;		/* within the copied folder */
	bool tracked;
	bool seen;		/* by the scan */
	bool is_module;		/* a submodule in the index */
	bool is_repo;		/* a repository that is not in the index */
};

struct list {
	struct entry *v;
	size_t n, cap;
	size_t max;		/* a bound on what a hostile tree makes us hold */
	const char *sub;	/* only what lies in here; "" for all */
	struct collector *c;
};

static void list_done(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
}

/* Returns the new entry; NULL when there is nothing to add, or (with l->n at
 * l->max) no room. */
static struct entry *list_add(struct list *l, const char *path)
{
	size_t sub = strlen(l->sub), len = strlen(path);

	if (sub) {
		if (strncmp(path, l->sub, sub) != 0 || path[sub] != '/')
			return NULL;
		path += sub + 1;
		len -= sub + 1;
	}
	if (len && path[len - 1] == '/')
		len--;
	CLEANUP_FREE char *copy = xstrndup(path, len);
	if (!beneath_path_ok(copy) || beneath_has_dotgit(copy)) {
		collect_note(l->c, copy, "not a path that git lets in");
		return NULL;
	}
	if (l->n == l->max)
		return NULL;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->v = xreallocarray(l->v, l->cap, sizeof *l->v);
	}
	struct entry *e = &l->v[l->n++];
	*e = (struct entry){ .path = copy };
	copy = NULL;
	return e;
}

/* libgit2 itself refuses an index with "..", ".git" and the like in it. */
static int index_fault(struct err *err)
{
	const git_error *last = git_error_last();

	if (last && strstr(last->message, "mandatory extension"))
		return err_set(err, ERR_INPUT,
			       "its index is split or sparse, which we cannot read; run git "
			       "update-index --no-split-index, or git sparse-checkout reapply "
			       "--no-sparse-index");
	return repo_git_fail(err, ERR_INPUT, "its index");
}

static int list_index(struct list *l, git_repository *git, struct err *err)
{
	git_index *index = NULL;

	if (git_repository_index(&index, git) < 0)
		return index_fault(err);
	for (size_t i = 0; i < git_index_entrycount(index); i++) {
		const git_index_entry *in = git_index_get_byindex(index, i);
		struct entry *e = list_add(l, in->path);

		if (e) {
			e->tracked = true;
			e->is_module = in->mode == GIT_FILEMODE_COMMIT;
		}
	}
	git_index_free(index);
	return 0;
}

static int on_delta(const git_diff_delta *delta, float progress, void *arg)
{
	struct list *l = arg;
	struct entry *e = list_add(l, delta->new_file.path);

	(void)progress;
	if (e) {
		e->seen = true;
		e->is_repo = delta->new_file.mode == GIT_FILEMODE_TREE ||
			     delta->new_file.mode == GIT_FILEMODE_COMMIT;
	}
	return l->n == l->max ? -1 : 0;
}

/* Compared with no tree at all, every file that is not ignored is a new one;
 * nothing needs to be read or hashed for that. */
static int list_unignored(struct list *l, git_repository *git, struct err *err)
{
	git_diff_options opts;
	char *paths[] = { (char *)(uintptr_t)l->sub };
	git_diff *diff = NULL;
	int rc;

	git_diff_options_init(&opts, GIT_DIFF_OPTIONS_VERSION);
	opts.flags = GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_RECURSE_UNTRACKED_DIRS |
		     GIT_DIFF_DISABLE_PATHSPEC_MATCH | GIT_DIFF_INCLUDE_UNREADABLE_AS_UNTRACKED;
	if (*l->sub)
		opts.pathspec = (git_strarray){ paths, 1 };
	if (git_diff_tree_to_workdir(&diff, git, NULL, &opts) < 0)
		return repo_git_fail(err, ERR_INPUT, "its files");
	rc = git_diff_foreach(diff, on_delta, NULL, NULL, NULL, l);
	git_diff_free(diff);
	return rc < 0 && l->n < l->max ? repo_git_fail(err, ERR_FAILED, "its files") : 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void sort_and_merge(struct list *l)
{
	size_t out = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_path);
	for (size_t i = 0; i < l->n; i++) {
		struct entry *e = &l->v[i], *last = out ? &l->v[out - 1] : NULL;

		if (!last || strcmp(last->path, e->path) != 0) {
			l->v[out++] = *e;
			continue;
		}
		last->tracked |= e->tracked;
		last->seen |= e->seen;
		last->is_module |= e->is_module;
		last->is_repo |= e->is_repo;
		free(e->path);
	}
	l->n = out;
}

/* What libgit2 does not take for a repository (its .git is a link, say, or
 * came just now) may be one for git: its ignore rules are not known either way. Caches
 * the answer for one folder, as files of a folder come one after another. */
struct nested {
	char *dir;
	bool is_repo;
};

static bool in_repository(struct nested *last, const struct collector *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (last->dir && strlen(last->dir) == n && strncmp(last->dir, path, n) == 0)
		return last->is_repo;
	free(last->dir);
	last->dir = xstrndup(path, n);
	last->is_repo = false;
	for (size_t i = 1; i <= n && !last->is_repo; i++) {
		if (path[i] != '/')
			continue;
		CLEANUP_FREE char *dir = xstrndup(path, i);
		last->is_repo = collect_is_repository(c, dir);
	}
	return last->is_repo;
}

static int put_entry(const struct entry *e, struct nested *last, struct collector *c,
		     struct err *err)
{
	/* Tracked but not seen: deleted, or ignored. */
	unsigned flags = e->seen ? 0 : COLLECT_MAY_BE_GONE;

	if (e->is_module) {
		collect_note(c, e->path, "a submodule: left empty");
		flags = COLLECT_MAY_BE_DIR | COLLECT_MAY_BE_GONE;
	} else if (!e->tracked && (e->is_repo || in_repository(last, c, e->path))) {
		collect_note(c, e->path, "belongs to a git repository of its own");
		return 0;
	}
	return collect_path(c, e->path, flags, err);
}

int repo_put_files(const struct repo_src *src, struct collector *c, struct err *err)
{
	struct list l = { .max = 2 * c->limits.entries + 2, .sub = src->sub, .c = c };
	struct nested last = { 0 };
	int rc = -1;

	if (list_index(&l, src->git, err) < 0 || list_unignored(&l, src->git, err) < 0) {
		err_wrap(err, "%s", src->dir);
		goto out;
	}
	if (l.n == l.max) {
		err_set(err, ERR_INPUT, "%s: more than %zu files; leave out what the agent does "
			"not need", src->dir, c->limits.entries);
		goto out;
	}
	sort_and_merge(&l);
	rc = 0;
	for (size_t i = 0; i < l.n && rc == 0; i++)
		rc = put_entry(&l.v[i], &last, c, err);
out:
	free(last.dir);
	list_done(&l);
	return rc;
}
