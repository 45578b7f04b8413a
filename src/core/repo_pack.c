/* The fresh .git: see repo.h for what is in it.
 *
 * The history is walked here and not by libgit2, which knows no shallow
 * repositories: a commit that `shallow` names has no parents. The pack builder
 * remembers what it has, so an object that does not make it grow was there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/repo_priv.h"

#define TREE_DEPTH_MAX	256
#define SHALLOW_MAX	(8u << 20)	/* bytes of the file */
#define CONFIG_MAX	(1u << 20)

struct oid_list {
	git_oid *v;
	size_t n, cap;
};

static void oids_add(struct oid_list *l, const git_oid *oid)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->v = xreallocarray(l->v, l->cap, sizeof *l->v);
	}
	l->v[l->n++] = *oid;
}

static int by_oid(const void *a, const void *b)
{
	return git_oid_cmp(a, b);
}

struct history {
	git_repository *git;
	struct collector *c;
	struct collector *notes;
	struct repo_stats *stats;
	size_t max_objects;

	char *branch;			/* "refs/heads/main"; NULL when detached */
	git_commit *head;		/* NULL when unborn */
	struct oid_list shallow;	/* sorted; all that the repository names */
	struct oid_list cut;		/* those that we met */
	git_packbuilder *pb;
	git_indexer *indexer;
	git_indexer_progress progress;	/* the indexer's memory from call to call */
	uint64_t pack_max;
	struct repo_tmp tmp;
};

/* --- where HEAD is ------------------------------------------------------------------ */

static int read_head(struct history *h, struct err *err)
{
	git_reference *head = NULL;
	git_object *object = NULL;
	git_oid oid;
	int rc, ok = 0;

	if (git_reference_lookup(&head, h->git, "HEAD") < 0)
		return repo_git_fail(err, ERR_INPUT, "its HEAD");
	if (git_reference_type(head) == GIT_REFERENCE_SYMBOLIC &&
	    strncmp(git_reference_symbolic_target(head), "refs/heads/", 11) == 0 &&
	    git_reference_name_is_valid(&ok, git_reference_symbolic_target(head)) == 0 && ok)
		h->branch = xstrdup(git_reference_symbolic_target(head));
	git_reference_free(head);

	rc = git_reference_name_to_id(&oid, h->git, "HEAD");
	if (rc == GIT_ENOTFOUND && h->branch)
		return 0;
	if (rc < 0 || git_object_lookup(&object, h->git, &oid, GIT_OBJECT_ANY) < 0 ||
	    git_object_peel((git_object **)&h->head, object, GIT_OBJECT_COMMIT) < 0)
		rc = repo_git_fail(err, ERR_INPUT, "its HEAD");
	git_object_free(object);
	return rc < 0 ? -1 : 0;
}

/* One object name a line. */
static int read_shallow(struct history *h, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/shallow", git_repository_commondir(h->git));
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct buf text = BUF_INIT(SHALLOW_MAX);
	char chunk[16384];
	ssize_t n = 0;
	int rc = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, ERR_INPUT, errno, "%s", path);
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		buf_add(&text, chunk, (size_t)n);
	if (n < 0 || text.overflowed)
		rc = err_set(err, ERR_INPUT, "%s: cannot be read, or is too long", path);
	for (const char *s = buf_str(&text); rc == 0 && *s; s += strspn(s, "\r\n")) {
		git_oid oid;

		if (strcspn(s, "\r\n") != GIT_OID_HEXSZ ||
		    git_oid_fromstrn(&oid, s, GIT_OID_HEXSZ) < 0)
			rc = err_set(err, ERR_INPUT, "%s: not a list of commits", path);
		else
			oids_add(&h->shallow, &oid);
		s += strcspn(s, "\r\n");
	}
	buf_done(&text);
	if (h->shallow.n)
		qsort(h->shallow.v, h->shallow.n, sizeof *h->shallow.v, by_oid);
	return rc;
}

/* --- what it reaches ---------------------------------------------------------------- */

/* Returns 1 when the object is new, 0 when it was there. */
static int add_object(struct history *h, const git_oid *oid, const char *name, struct err *err)
{
	size_t before = git_packbuilder_object_count(h->pb);

	if (git_packbuilder_insert(h->pb, oid, name) < 0)
		return repo_git_fail(err, ERR_INPUT,
				     "an object of its history (a partial clone lacks some; git "
				     "fetch --refetch gets them)");
	if (git_packbuilder_object_count(h->pb) > h->max_objects)
		return err_set(err, ERR_INPUT,
			       "its history has more than %zu objects; copy a shallow clone",
			       h->max_objects);
	return git_packbuilder_object_count(h->pb) > before;
}

static int add_tree(struct history *h, const git_oid *oid, const char *name, int depth,
		    struct err *err)
{
	int rc = add_object(h, oid, name, err);
	git_tree *tree = NULL;

	if (rc <= 0)
		return rc;
	if (depth > TREE_DEPTH_MAX)
		return err_set(err, ERR_INPUT, "its history has more than %d folders in each other",
			       TREE_DEPTH_MAX);
	if (git_tree_lookup(&tree, h->git, oid) < 0)
		return repo_git_fail(err, ERR_INPUT, "a tree of its history");
	rc = 0;
	for (size_t i = 0; i < git_tree_entrycount(tree) && rc >= 0; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(tree, i);

		if (git_tree_entry_type(e) == GIT_OBJECT_TREE)
			rc = add_tree(h, git_tree_entry_id(e), git_tree_entry_name(e), depth + 1,
				      err);
		else if (git_tree_entry_type(e) == GIT_OBJECT_BLOB)
			rc = add_object(h, git_tree_entry_id(e), git_tree_entry_name(e), err);
	}
	git_tree_free(tree);
	return rc < 0 ? -1 : 0;
}

/* Adds the commit and appends its tree and parents to the lists. */
static int add_commit(struct history *h, const git_oid *oid, struct oid_list *queue,
		      struct oid_list *trees, struct err *err)
{
	git_commit *commit = NULL;
	int rc = add_object(h, oid, NULL, err);

	if (rc <= 0)
		return rc;
	if (git_commit_lookup(&commit, h->git, oid) < 0)
		return repo_git_fail(err, ERR_INPUT, "a commit of its history");
	h->stats->n_commits++;
	oids_add(trees, git_commit_tree_id(commit));
	if (h->shallow.n && bsearch(oid, h->shallow.v, h->shallow.n, sizeof *oid, by_oid))
		oids_add(&h->cut, oid);
	else
		for (unsigned i = 0; i < git_commit_parentcount(commit); i++)
			oids_add(queue, git_commit_parent_id(commit, i));
	git_commit_free(commit);
	return 0;
}

/* Commits first, then trees and blobs from the newest on: packs like that. */
static int add_history(struct history *h, struct err *err)
{
	struct oid_list queue = { 0 }, trees = { 0 };
	int rc = 0;

	oids_add(&queue, git_commit_id(h->head));
	for (size_t i = 0; i < queue.n && rc == 0; i++) {
		git_oid oid = queue.v[i];

		rc = add_commit(h, &oid, &queue, &trees, err);
	}
	for (size_t i = 0; i < trees.n && rc == 0; i++)
		rc = add_tree(h, &trees.v[i], NULL, 0, err);
	free(queue.v);
	free(trees.v);
	return rc;
}

/* --- the pack ------------------------------------------------------------------------ */

static int on_pack_bytes(void *data, size_t len, void *arg)
{
	struct history *h = arg;

	if (len > h->pack_max - h->stats->pack_bytes) {
		h->stats->pack_bytes = UINT64_MAX;
		return -1;
	}
	h->stats->pack_bytes += len;
	return git_indexer_append(h->indexer, data, len, &h->progress);
}

static int write_pack(struct history *h, struct err *err)
{
	int rc;

	if (git_indexer_new(&h->indexer, h->tmp.path, 0, NULL, NULL) < 0)
		return repo_git_fail(err, ERR_FAILED, "a pack in %s", h->tmp.path);
	rc = git_packbuilder_foreach(h->pb, on_pack_bytes, h);
	if (h->stats->pack_bytes == UINT64_MAX) {
		h->stats->pack_bytes = 0;
		return err_set(err, ERR_INPUT,
			       "its history passes the %llu MiB that are left beside the files; "
			       "copy a shallow clone",
			       (unsigned long long)(h->pack_max >> 20));
	}
	if (rc < 0 || git_indexer_commit(h->indexer, &h->progress) < 0)
		return repo_git_fail(err, ERR_FAILED, "a pack of its history in %s", h->tmp.path);
	h->stats->n_objects = git_packbuilder_object_count(h->pb);
	return 0;
}

/* Put a file of the temporary folder. */
static int put_tmp(struct history *h, const char *name, const char *path, unsigned mode,
		   struct err *err)
{
	CLEANUP_CLOSE int fd = openat(h->tmp.fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	void *data;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, ERR_FAILED, errno, "%s/%s", h->tmp.path, name);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return err_errno(err, ERR_FAILED, errno, "%s/%s", h->tmp.path, name);
	rc = collect_put_file(h->c, path, mode, data, (size_t)st.st_size, err);
	munmap(data, (size_t)st.st_size);
	return rc;
}

static int put_pack(struct history *h, struct err *err)
{
	static const char *const ends[] = { "pack", "idx" };

	if (git_packbuilder_new(&h->pb, h->git) < 0)
		return repo_git_fail(err, ERR_FAILED, "a pack");
	git_packbuilder_set_threads(h->pb, 0);
	if (add_history(h, err) < 0 || write_pack(h, err) < 0)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_FREE char *name =
			xasprintf("pack-%s.%s", git_indexer_name(h->indexer), ends[i]);
		CLEANUP_FREE char *path = xasprintf(".git/objects/pack/%s", name);

		if (put_tmp(h, name, path, 0444, err) < 0)
			return -1;
	}
	return 0;
}

/* --- the index ------------------------------------------------------------------------ */

/* In a sparse checkout the files that are not there are not deleted ones. */
static void keep_skipped(git_index *index, git_index *user)
{
	for (size_t i = 0; i < git_index_entrycount(user); i++) {
		const git_index_entry *in = git_index_get_byindex(user, i);
		const git_index_entry *ours = NULL;
		git_index_entry e;

		if (in->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE)
			ours = git_index_get_bypath(index, in->path, 0);
		if (!ours)
			continue;
		e = *ours;
		e.flags |= GIT_INDEX_ENTRY_EXTENDED;
		e.flags_extended |= GIT_INDEX_ENTRY_SKIP_WORKTREE;
		git_index_add(index, &e);
	}
}

static int put_index(struct history *h, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/index", h->tmp.path);
	git_index *index = NULL, *user = NULL;
	git_tree *tree = NULL;
	int rc = 0;

	if (git_commit_tree(&tree, h->head) < 0 || git_index_open(&index, path) < 0 ||
	    git_index_read_tree(index, tree) < 0 || git_repository_index(&user, h->git) < 0)
		rc = repo_git_fail(err, ERR_INPUT, "an index of its HEAD");
	if (rc == 0) {
		keep_skipped(index, user);
		if (git_index_write(index) < 0)
			rc = repo_git_fail(err, ERR_FAILED, "an index in %s", h->tmp.path);
	}
	if (rc == 0)
		rc = put_tmp(h, "index", ".git/index", 0644, err);
	git_index_free(index);
	git_index_free(user);
	git_tree_free(tree);
	return rc;
}

/* --- all of it ------------------------------------------------------------------------- */

static int put_text(struct history *h, const char *path, const struct buf *text, struct err *err)
{
	return collect_put_file(h->c, path, 0644, text->data, text->len, err);
}

static int put_dirs(struct history *h, struct err *err)
{
	static const char *const dirs[] = { ".git", ".git/objects", ".git/objects/info",
					    ".git/objects/pack", ".git/refs",
					    ".git/refs/heads", ".git/refs/tags" };

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (collect_put_dir(h->c, dirs[i], err) < 0)
			return -1;
	return 0;
}

static int put_config(struct history *h, struct err *err)
{
	struct buf text = BUF_INIT(CONFIG_MAX);
	int rc = repo_make_config(h->git, h->branch ? h->branch + strlen("refs/heads/") : NULL,
				  h->notes, &text, err);

	if (rc == 0)
		rc = put_text(h, ".git/config", &text, err);
	buf_done(&text);
	return rc;
}

static int put_refs(struct history *h, struct err *err)
{
	struct buf text = BUF_INIT(SHALLOW_MAX);
	char oid[GIT_OID_HEXSZ + 1] = "";
	int rc;

	if (h->head)
		git_oid_tostr(oid, sizeof oid, git_commit_id(h->head));
	if (h->branch)
		buf_addf(&text, "ref: %s\n", h->branch);
	else
		buf_addf(&text, "%s\n", oid);
	rc = put_text(h, ".git/HEAD", &text, err);

	buf_reset(&text);
	buf_adds(&text, "# pack-refs with: peeled fully-peeled sorted \n");
	if (h->branch && h->head)
		buf_addf(&text, "%s %s\n", oid, h->branch);
	if (rc == 0)
		rc = put_text(h, ".git/packed-refs", &text, err);

	buf_reset(&text);
	for (size_t i = 0; i < h->cut.n; i++)
		buf_addf(&text, "%s\n", git_oid_tostr(oid, sizeof oid, &h->cut.v[i]));
	if (rc == 0 && h->cut.n)
		rc = put_text(h, ".git/shallow", &text, err);
	buf_done(&text);
	return rc;
}

static int put_all(struct history *h, struct err *err)
{
	if (read_head(h, err) < 0 || read_shallow(h, err) < 0 || put_dirs(h, err) < 0 ||
	    put_config(h, err) < 0)
		return -1;
	if (h->head && (repo_tmp_open(&h->tmp, err) < 0 || put_pack(h, err) < 0 ||
			put_index(h, err) < 0))
		return -1;
	return put_refs(h, err);
}

int repo_put_git(git_repository *git, struct collector *c, struct collector *notes,
		 size_t max_objects, struct repo_stats *stats, struct err *err)
{
	struct history h = { .git = git, .c = c, .notes = notes, .stats = stats,
			     .max_objects = max_objects, .pack_max = c->limits.total_bytes,
			     .tmp.fd = -1 };
	int rc = put_all(&h, err);

	git_indexer_free(h.indexer);
	git_packbuilder_free(h.pb);
	git_commit_free(h.head);
	repo_tmp_done(&h.tmp);
	free(h.branch);
	free(h.shallow.v);
	free(h.cut.v);
	stats->has_git = rc == 0;
	return rc;
}
