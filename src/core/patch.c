#include "core/patch.h"

#include <git2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/push.h"

#define OID_MAX 64
#define FAULT_MAX 200

struct reader {
	struct patch *to;
	const struct push *push;
	size_t text_len, text_max; /* of to->text */
	size_t n_files;
};

/* --- finding the findings ------------------------------------------------------------ */

static int finding_at(const struct reader *r, const struct patch_commit *c,
                      const struct patch_file *f, unsigned line)
{
	for (size_t i = 0; line && i < r->push->n_findings; i++) {
		const struct push_finding *x = &r->push->findings[i];

		if (x->line == line && x->file && x->commit &&
		    strncmp(c->oid, x->commit, strlen(x->commit)) == 0 &&
		    strcmp(f->new_path, x->file) == 0)
			return (int)i;
	}
	return -1;
}

/* --- libgit2's model to ours ----------------------------------------------------------- */

static unsigned positive(int n)
{
	return n > 0 ? (unsigned)n : 0;
}

/* False when there is no room. */
static bool read_line(struct reader *r, const struct patch_commit *c, struct patch_file *f,
                      struct patch_hunk *h, const git_diff_line *from)
{
	struct patch_line *to = &h->lines[h->n_lines];
	size_t len = from->content_len;

	if (len && from->content[len - 1] == '\n')
		len--;
	if (r->to->n_lines == PATCH_LINES_MAX || len > r->text_max - r->text_len)
		return false;
	*to = (struct patch_line){ .old_line = positive(from->old_lineno),
		                   .new_line = positive(from->new_lineno),
		                   .text = r->to->text + r->text_len,
		                   .len = len,
		                   .finding = -1 };
	memcpy(r->to->text + r->text_len, from->content, len);
	r->text_len += len;
	switch (from->origin) {
	case GIT_DIFF_LINE_ADDITION:
		to->kind = PATCH_ADDED;
		to->old_line = 0;
		f->added++;
		break;
	case GIT_DIFF_LINE_DELETION:
		to->kind = PATCH_REMOVED;
		to->new_line = 0;
		f->removed++;
		break;
	case GIT_DIFF_LINE_CONTEXT:
		to->kind = PATCH_CONTEXT;
		break;
	default:
		to->kind = PATCH_NOTE;
		to->old_line = to->new_line = 0;
		break;
	}
	to->finding = finding_at(r, c, f, to->new_line);
	r->to->n_marked += to->finding >= 0;
	r->to->n_lines++;
	h->n_lines++;
	return true;
}

/* What stands after the second "@@". */
static char *hunk_context(const git_diff_hunk *h)
{
	const char *s = h->header, *end = s + strnlen(s, sizeof h->header);
	const char *at = end - s > 2 ? memmem(s + 2, (size_t)(end - s) - 2, "@@", 2) : NULL;

	if (!at)
		return xstrdup("");
	at += 2;
	while (at < end && *at == ' ')
		at++;
	while (end > at && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	return xstrndup(at, (size_t)(end - at));
}

static void read_hunk(struct reader *r, const struct patch_commit *c, struct patch_file *f,
                      git_patch *from, size_t index)
{
	const git_diff_hunk *g;
	struct patch_hunk *h = &f->hunks[f->n_hunks];
	size_t n = 0;

	if (git_patch_get_hunk(&g, &n, from, index) < 0)
		return;
	*h = (struct patch_hunk){ .old_start = positive(g->old_start),
		                  .old_count = positive(g->old_lines),
		                  .new_start = positive(g->new_start),
		                  .new_count = positive(g->new_lines),
		                  .context = hunk_context(g) };
	f->n_hunks++;
	if (n > PATCH_LINES_MAX - r->to->n_lines) {
		n = PATCH_LINES_MAX - r->to->n_lines;
		r->to->is_cut = true;
	}
	h->lines = xcalloc(n + 1, sizeof *h->lines);
	for (size_t i = 0; i < n; i++) {
		const git_diff_line *line;

		if (git_patch_get_line_in_hunk(&line, from, index, i) < 0 ||
		    !read_line(r, c, f, h, line)) {
			r->to->is_cut = true;
			return;
		}
	}
}

static void read_file(struct reader *r, struct patch_commit *c, git_patch *from)
{
	const git_diff_delta *d = git_patch_get_delta(from);
	size_t n = git_patch_num_hunks(from);
	struct patch_file *f = &c->files[c->n_files++];
	const char *old, *new;

	old = d->old_file.path ? d->old_file.path : "";
	new = d->new_file.path ? d->new_file.path : old;
	*f = (struct patch_file){
		.change = d->status == GIT_DELTA_ADDED     ? PATCH_MADE
			  : d->status == GIT_DELTA_DELETED ? PATCH_DELETED
							   : PATCH_MODIFIED,
		.old_path = xstrdup(*old ? old : new),
		.new_path = xstrdup(new),
		.old_mode = d->old_file.mode,
		.new_mode = d->new_file.mode,
		.is_binary = d->flags & GIT_DIFF_FLAG_BINARY,
	};
	f->hunks = xcalloc(n + 1, sizeof *f->hunks);
	for (size_t i = 0; i < n; i++)
		read_hunk(r, c, f, from, i);
}

static void set_fault(struct patch_commit *c)
{
	const git_error *e = git_error_last();
	const char *why = e && e->message ? e->message : "not a diff";

	if (!c->fault)
		c->fault = xasprintf("%.*s", FAULT_MAX, why);
}

static void read_section(struct reader *r, struct patch_commit *c, const char *s, size_t n)
{
	git_diff *diff = NULL;
	size_t files;

	if (n == 0)
		return; /* a commit that changes nothing */
	if (git_diff_from_buffer(&diff, s, n) < 0) {
		set_fault(c);
		return;
	}
	files = git_diff_num_deltas(diff);
	if (files > PATCH_FILES_MAX - r->n_files) {
		files = PATCH_FILES_MAX - r->n_files;
		r->to->is_cut = true;
	}
	r->n_files += files;
	c->files = xcalloc(files + 1, sizeof *c->files);
	for (size_t i = 0; i < files; i++) {
		git_patch *p = NULL;

		if (git_patch_from_diff(&p, diff, i) < 0 || !p)
			set_fault(c);
		else
			read_file(r, c, p);
		git_patch_free(p);
	}
	git_diff_free(diff);
}

/* --- sections -------------------------------------------------------------------------- */

/* "commit OID\n" at s: the length of that line, else 0. */
static size_t section_head(const char *s, size_t n, size_t *oid_len)
{
	size_t len;

	if (n < 8 || memcmp(s, "commit ", 7) != 0)
		return 0;
	len = strspn(s + 7, "0123456789abcdef");
	if (len < 40 || len > OID_MAX || 7 + len >= n || s[7 + len] != '\n')
		return 0;
	*oid_len = len;
	return len + 8;
}

/* Where the next section begins, or n. No line inside a diff begins so. */
static size_t next_section(const char *s, size_t n)
{
	size_t at = 0, oid_len;

	while (at < n && section_head(s + at, n - at, &oid_len) == 0) {
		const char *end = memchr(s + at, '\n', n - at);

		at = end ? (size_t)(end - s) + 1 : n;
	}
	return at;
}

static void read_sections(struct reader *r, const char *s, size_t n)
{
	size_t at = next_section(s, n);

	r->to->is_cut |= at > 0; /* something that belongs to no commit */
	while (at < n) {
		struct patch *to = r->to;
		size_t oid_len = 0, head = section_head(s + at, n - at, &oid_len), len;
		struct patch_commit *c;

		len = next_section(s + at + head, n - at - head);
		if (to->n_commits == PATCH_COMMITS_MAX || r->n_files == PATCH_FILES_MAX) {
			to->is_cut = true;
			return;
		}
		to->commits = xreallocarray(to->commits, to->n_commits + 1, sizeof *to->commits);
		c = &to->commits[to->n_commits++];
		*c = (struct patch_commit){ .oid = xstrndup(s + at + 7, oid_len) };
		read_section(r, c, s + at + head, len);
		at += head + len;
	}
}

static void start_libgit2(void)
{
	git_libgit2_init(); /* it counts; it stays */
}

int patch_read(struct patch **out, const struct push *p, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct reader r = { .push = p };

	if (!p->diff)
		return err_set(err, ERR_FAILED, "the gate kept no diff of push %s", p->id);
	pthread_once(&once, start_libgit2);
	r.to = xcalloc(1, sizeof *r.to);
	r.text_max = p->diff_len;
	r.to->text = xmalloc(p->diff_len + 1);
	r.to->is_cut = p->is_diff_cut;
	read_sections(&r, p->diff, p->diff_len);
	*out = r.to;
	return 0;
}

static void file_done(struct patch_file *f)
{
	for (size_t i = 0; i < f->n_hunks; i++) {
		free(f->hunks[i].context);
		free(f->hunks[i].lines);
	}
	free(f->hunks);
	free(f->old_path);
	free(f->new_path);
}

void patch_free(struct patch *patch)
{
	if (!patch)
		return;
	for (size_t i = 0; i < patch->n_commits; i++) {
		struct patch_commit *c = &patch->commits[i];

		for (size_t k = 0; k < c->n_files; k++)
			file_done(&c->files[k]);
		free(c->files);
		free(c->oid);
		free(c->fault);
	}
	free(patch->commits);
	free(patch->text);
	free(patch);
}
