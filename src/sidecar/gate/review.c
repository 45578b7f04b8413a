#include "review.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate.h"
#include "patch.h"
#include "proto.h"
#include "run.h"
#include "stream.h"

#define TAIL_WORD 256 /* of a cut line's last word, so much goes too */

/* --- commits ------------------------------------------------------------------------- */

static const char *line_after(const char *s)
{
	s += strcspn(s, "\n");
	return *s ? s + 1 : s;
}

/* "author NAME <MAIL> TIME ZONE" */
static void take_author(struct review_commit *c, const char *line)
{
	size_t len = strcspn(line, "\n");
	const char *end = memrchr(line, '>', len);

	if (!end)
		return;
	c->author = xstrndup(line, (size_t)(end - line) + 1);
	c->time = strtoll(end + 1, NULL, 10);
}

void review_commit(struct review *r, const char *oid, const char *object)
{
	struct review_commit *c;
	const char *p = object;

	if (r->n_commits == REVIEW_COMMITS) {
		r->is_cut = true;
		return;
	}
	r->commits = xreallocarray(r->commits, r->n_commits + 1, sizeof *r->commits);
	c = &r->commits[r->n_commits++];
	*c = (struct review_commit){ .added = -1, .removed = -1 };
	snprintf(c->oid, sizeof c->oid, "%s", oid);
	for (; *p && *p != '\n'; p = line_after(p))
		if (strncmp(p, "author ", 7) == 0 && !c->author)
			take_author(c, p + 7);
	while (*p == '\n')
		p++;
	c->subject = xstrndup(p, strcspn(p, "\n"));
}

/* --- reading git's diff ---------------------------------------------------------------- */

/* Lines that are too long are cut while they are read. */
struct taking {
	struct buf *raw;
	size_t line; /* where the last line begins */
	bool is_skipping;
	bool is_full;
	bool has_cut; /* a line */
};

/* The beginning of a word is no better than the whole of it. */
static void cut_line(struct taking *t)
{
	size_t least = t->raw->len > TAIL_WORD ? t->raw->len - TAIL_WORD : 0, at = t->raw->len;

	while (at > least && at > t->line + 1 && !isspace((unsigned char)t->raw->data[at - 1]))
		at--;
	t->raw->len = at;
	buf_adds(t->raw, "\xe2\x80\xa6");
	t->is_skipping = t->has_cut = true;
}

static int take(void *ctx, const char *data, size_t len, struct err *err)
{
	struct taking *t = ctx;

	while (len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len, room;

		room = REVIEW_LINE - (t->raw->len - t->line);
		if (!t->is_skipping && buf_add(t->raw, data, n < room ? n : room) < 0)
			break;
		if (!t->is_skipping && n > room)
			cut_line(t);
		if (end) {
			if (buf_addc(t->raw, '\n') < 0)
				break;
			t->line = t->raw->len;
			t->is_skipping = false;
		}
		n += end != NULL;
		data += n;
		len -= n;
	}
	t->is_full = len > 0;
	return t->is_full ? err_set(err, "enough") : 0;
}

/* Merges against the first parent: what the merge brought into the branch. */
#define DIFF_TREE                                                                              \
	GATE_GIT, "-c", "core.quotePath=false", "diff-tree", "--stdin", "--root", "-r",        \
		"--diff-merges=first-parent", "--full-index", "--no-renames", "--no-textconv", \
		"--no-ext-diff", "--no-color", "--diff-algorithm=myers", "--submodule=short",  \
		"--ignore-submodules=none", "--src-prefix=a/", "--dst-prefix=b/"

static int run_on(const char *const *argv, const char *ids,
                  int (*on_data)(void *, const char *, size_t, struct err *), void *ctx,
                  int64_t deadline)
{
	struct command c = { .argv = argv };
	int rc;

	c.in = open(ids, O_RDONLY | O_CLOEXEC);
	if (c.in < 0)
		return -1;
	rc = run_read(&c, on_data, ctx, NULL, deadline, NULL);
	close(c.in);
	return rc;
}

/* "ID", and then for each file "ADDED\tREMOVED\tNAME"; "-" for binaries. */
struct counting {
	struct review *r;
	struct review_commit *c;
	char line[256];
	size_t len;
};

static void count_line(struct counting *n)
{
	char *end;
	long added, removed;

	n->line[n->len] = '\0';
	if (oid_is_valid(n->line, n->len)) {
		n->c = NULL;
		for (size_t i = 0; i < n->r->n_commits && !n->c; i++)
			if (strcmp(n->r->commits[i].oid, n->line) == 0)
				n->c = &n->r->commits[i];
		if (n->c)
			n->c->added = n->c->removed = 0;
		return;
	}
	added = strtol(n->line, &end, 10);
	if (!n->c || *end != '\t')
		return;
	removed = strtol(end + 1, NULL, 10);
	n->c->added += added;
	n->c->removed += removed;
}

static int on_numbers(void *ctx, const char *data, size_t len, struct err *err)
{
	struct counting *n = ctx;

	(void)err;
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n') {
			count_line(n);
			n->len = 0;
		} else if (n->len < sizeof n->line - 1) {
			n->line[n->len++] = data[i];
		}
	}
	return 0;
}

void review_read(struct review *r, const char *ids, int64_t deadline)
{
	static const char *const patch[] = { DIFF_TREE, "-p", "-U3", NULL };
	static const char *const numbers[] = { DIFF_TREE, "--numstat", NULL };
	struct counting counting = { .r = r };
	struct taking taking = { .raw = &r->raw };
	struct buf list = BUF_INIT(REVIEW_COMMITS * 66);
	int rc;

	for (size_t i = 0; i < r->n_commits; i++)
		buf_addf(&list, "%s\n", r->commits[i].oid);
	r->raw.max = REVIEW_RAW;
	rc = file_write(ids, buf_str(&list), list.len, NULL);
	buf_done(&list);
	if (rc == 0 && run_on(numbers, ids, on_numbers, &counting, deadline) < 0)
		for (size_t i = 0; i < r->n_commits; i++)
			r->commits[i].added = r->commits[i].removed = -1;
	if (rc < 0 || run_on(patch, ids, take, &taking, deadline) < 0 || taking.has_cut)
		r->is_cut = true;
}

/* --- refs ------------------------------------------------------------------------------ */

static void count_move(struct review_move *m, const struct ref_update *ref, int64_t deadline)
{
	char *range = xasprintf("%s...%s", ref->old, ref->new), *end;
	const char *const argv[] = { GATE_GIT, "rev-list", "--left-right", "--count", range, NULL };
	struct command c = { .argv = argv };
	struct buf out = BUF_INIT(100);
	long lost;

	if (run_read(&c, run_into_buf, &out, NULL, deadline, NULL) == 0) {
		lost = strtol(buf_str(&out), &end, 10);
		if (*end == '\t')
			*m = (struct review_move){ strtol(end + 1, NULL, 10), lost };
	}
	buf_done(&out);
	free(range);
}

void review_moves(struct review *r, const struct ref_updates *refs, int64_t deadline)
{
	size_t counted = 0;

	r->moves = xcalloc(refs->n, sizeof *r->moves);
	for (size_t i = 0; i < refs->n; i++) {
		r->moves[i] = (struct review_move){ -1, -1 };
		if (!oid_is_zero(refs->v[i].old) && !oid_is_zero(refs->v[i].new) &&
		    counted++ < REVIEW_MOVES)
			count_move(&r->moves[i], &refs->v[i], deadline);
	}
}

/* --- one thing at a time ----------------------------------------------------------------- */

struct walk {
	const struct review_events *events;
	void *ctx;
	long old_left, new_left;
};

/* "a/NAME b/NAME", both quoted or none: each is half of it. */
static void walk_file(struct walk *w, const char *s, size_t len)
{
	size_t half = (len - 1) / 2;
	char name[REVIEW_LINE];
	long n;

	if (len < 5 || len % 2 == 0 || s[half] != ' ' || len >= sizeof name)
		goto unknown;
	n = patch_unquote(name, s, half);
	if (n < 3 || strncmp(name, "a/", 2) != 0)
		goto unknown;
	w->events->on_file(w->ctx, name + 2, (size_t)n - 2);
	return;
unknown:
	w->events->on_file(w->ctx, NULL, 0);
}

/* "-1,4 +1,5 @@ what it is in" */
static bool walk_hunk(struct walk *w, const char *s)
{
	long old_start, new_start;
	char *end;

	w->old_left = w->new_left = 1;
	if (*s != '-')
		return false;
	old_start = strtol(s + 1, &end, 10);
	if (*end == ',')
		w->old_left = strtol(end + 1, &end, 10);
	if (end[0] != ' ' || end[1] != '+')
		return false;
	new_start = strtol(end + 2, &end, 10);
	if (*end == ',')
		w->new_left = strtol(end + 1, &end, 10);
	if (w->old_left < 0 || w->new_left < 0)
		return false;
	if (w->events->on_hunk)
		w->events->on_hunk(w->ctx, old_start, new_start);
	return true;
}

static bool walk_line(struct walk *w, const char *s, size_t len)
{
	bool is_inside = w->old_left > 0 || w->new_left > 0;

	if (len && s[0] == '\\') {
		w->events->on_line(w->ctx, '\\', s + 1, len - 1);
		return true;
	}
	if (is_inside) {
		if (len == 0 || !strchr(" +-", s[0]))
			return false;
		w->old_left -= s[0] != '+';
		w->new_left -= s[0] != '-';
		w->events->on_line(w->ctx, s[0], s + 1, len - 1);
	} else if (oid_is_valid(s, len)) {
		w->events->on_commit(w->ctx, s, len);
	} else if (len > 11 && memcmp(s, "diff --git ", 11) == 0) {
		walk_file(w, s + 11, len - 11);
	} else if (len > 3 && memcmp(s, "@@ ", 3) == 0) {
		return walk_hunk(w, s + 3);
	} else if (len && w->events->on_head) {
		w->events->on_head(w->ctx, s, len);
	}
	return true;
}

void review_walk(const char *raw, size_t len, const struct review_events *events, void *ctx)
{
	struct walk w = { .events = events, .ctx = ctx };

	while (len > 0) {
		const char *end = memchr(raw, '\n', len);
		size_t n = end ? (size_t)(end - raw) : len;

		/* a line without its end was cut off by a limit */
		if (!end || !walk_line(&w, raw, n))
			return;
		raw += n + 1;
		len -= n + 1;
	}
}

/* --- for the scanner ------------------------------------------------------------------------ */

struct feeding {
	struct stream *s;
	int64_t line; /* 0: in no file yet */
};

static void feed_commit(void *ctx, const char *oid, size_t len)
{
	(void)ctx, (void)oid, (void)len;
}

static void feed_file(void *ctx, const char *name, size_t len)
{
	struct feeding *f = ctx;

	stream_review(f->s, name ? name : "name", name ? len : 4);
	f->line = 1;
}

static void feed_hunk(void *ctx, long old_start, long new_start)
{
	(void)old_start, (void)new_start;
	if (((struct feeding *)ctx)->line > 0)
		((struct feeding *)ctx)->line++; /* a gap: what is apart is not read as one */
}

static void feed_line(void *ctx, char kind, const char *text, size_t len)
{
	struct feeding *f = ctx;

	if (kind != '\\' && f->line > 0)
		stream_text(f->s, f->line++, text, len, true);
}

void review_scan(const struct review *r, struct stream *s)
{
	static const struct review_events events = { feed_commit, feed_file, NULL, feed_hunk,
		                                     feed_line };
	struct feeding f = { .s = s };

	if (r->raw.len)
		review_walk(r->raw.data, r->raw.len, &events, &f);
}

void review_done(struct review *r)
{
	for (size_t i = 0; i < r->n_commits; i++) {
		free(r->commits[i].author);
		free(r->commits[i].subject);
	}
	free(r->commits);
	free(r->moves);
	if (r->raw.data)
		explicit_bzero(r->raw.data, r->raw.len);
	buf_done(&r->raw);
	*r = (struct review){ 0 };
}
