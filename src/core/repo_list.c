/* Which files: the index's entries, and what a scan of the work tree finds
 * that is not ignored. Here are only names; the bytes are read by the
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
	bool is_repo;		/* a folder with a .git of its own */
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

static int on_found(void *arg, const char *path, bool is_repo)
{
	struct list *l = arg;
	struct entry *e = list_add(l, path);

	if (e) {
		e->seen = true;
		e->is_repo = is_repo;
	}
	return l->n == l->max ? -1 : 0;
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

static int put_entry(const struct entry *e, struct collector *c, struct err *err)
{
	/* Tracked but not seen: deleted, or ignored. */
	unsigned flags = e->seen ? 0 : COLLECT_MAY_BE_GONE;

	if (e->is_module) {
		collect_note(c, e->path, "a submodule: left empty");
		flags = COLLECT_MAY_BE_DIR | COLLECT_MAY_BE_GONE;
	} else if (e->is_repo && !e->tracked) {
		collect_note(c, e->path, "a git repository of its own");
		return 0;
	}
	return collect_path(c, e->path, flags, err);
}

int repo_put_files(const struct repo_src *src, struct collector *c, struct err *err)
{
	struct list l = { .max = 2 * c->limits.entries + 2, .sub = src->sub, .c = c };
	int rc = -1;

	if (list_index(&l, src->git, err) < 0 || repo_scan(src, c, on_found, &l, err) < 0) {
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
		rc = put_entry(&l.v[i], c, err);
out:
	list_done(&l);
	return rc;
}
