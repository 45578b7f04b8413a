#include "cli/push_text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/patch.h"
#include "core/push.h"
#include "core/text.h"

static void add_safe(struct buf *out, const char *s, size_t max)
{
	text_safe_str(out, s, max);
}

/* "12 s" until it is refused. */
static void add_left(struct buf *out, const struct push *p)
{
	long long left = (long long)(p->hold_until - (int64_t)time(NULL));

	if (p->state == PUSH_HELD && left > 0)
		buf_addf(out, ", %lld s left", left);
}

static void add_time(struct buf *out, int64_t ts_ns)
{
	time_t t = (time_t)(ts_ns / 1000000000);
	char text[32];
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	buf_adds(out, text);
}

void push_text_head(struct buf *out)
{
	buf_addf(out, "%-16s  %-19s  %-24s %-10s %s\n", "ID", "TIME", "SESSION", "STATE", "PUSH");
}

void push_text_line(struct buf *out, const char *session, const struct push *p)
{
	struct buf refs = BUF_INIT(4096);

	push_refs_text(&refs, p);
	buf_addf(out, "%-16s  ", p->id);
	add_time(out, p->ts_ns);
	buf_addf(out, "  %-24s %-10s ", session, push_state_name(p->state));
	add_safe(out, p->repo, 64);
	buf_addc(out, ' ');
	add_safe(out, buf_str(&refs), 200);
	buf_addf(out, ", %zu commit%s", p->all_commits, p->all_commits == 1 ? "" : "s");
	if (p->all_findings)
		buf_addf(out, ", %zu finding%s", p->all_findings, p->all_findings == 1 ? "" : "s");
	add_left(out, p);
	if (p->reason) {
		buf_adds(out, ": ");
		add_safe(out, p->reason, 200);
	}
	buf_addc(out, '\n');
	buf_done(&refs);
}

static void add_refs(struct buf *out, const struct push *p)
{
	struct buf warning = BUF_INIT(200);

	for (size_t i = 0; i < p->n_refs; i++) {
		const struct push_ref *r = &p->refs[i];
		bool is_made = r->old[strspn(r->old, "0")] == '\0';
		bool is_gone = r->new[strspn(r->new, "0")] == '\0';

		buf_adds(out, "  ");
		add_safe(out, r->ref, 300);
		if (is_gone)
			buf_addf(out, "  deleted, was %.12s\n", r->old);
		else if (is_made)
			buf_addf(out, "  new, %.12s\n", r->new);
		else
			buf_addf(out, "  %.12s -> %.12s\n", r->old, r->new);
		push_ref_warning(&warning, p, r);
		if (warning.len > 0)
			buf_addf(out, "    %s\n", buf_str(&warning));
		buf_reset(&warning);
	}
	buf_done(&warning);
}

static void add_commits(struct buf *out, const struct push *p)
{
	for (size_t i = 0; i < p->n_commits; i++) {
		const struct push_commit *c = &p->commits[i];

		buf_addf(out, "  %.12s  ", c->oid);
		add_safe(out, c->author ? c->author : "(no author)", 60);
		if (c->added >= 0)
			buf_addf(out, "  +%ld -%ld", c->added, c->removed);
		buf_adds(out, "  ");
		add_safe(out, c->subject ? c->subject : "", 200);
		buf_addc(out, '\n');
	}
	if (p->all_commits > p->n_commits)
		buf_addf(out, "  and %zu more\n", p->all_commits - p->n_commits);
}

static void add_findings(struct buf *out, const struct push *p)
{
	if (p->all_findings)
		buf_adds(out, "findings:\n");
	for (size_t i = 0; i < p->n_findings; i++) {
		const struct push_finding *f = &p->findings[i];

		buf_addf(out, "  %zu  ", i + 1);
		add_safe(out, f->rule, 80);
		buf_adds(out, "  ");
		add_safe(out, f->file ? f->file : "(not in a file)", 300);
		if (f->line)
			buf_addf(out, ":%u", f->line);
		if (f->commit)
			buf_addf(out, "  in %s", f->commit);
		if (f->match) {
			buf_adds(out, "  ");
			add_safe(out, f->match, 60);
		}
		if (f->id)
			buf_addf(out, "  id %.12s", f->id);
		if (f->accepted_by) {
			buf_adds(out, "  accepted by ");
			add_safe(out, f->accepted_by, 64);
		}
		buf_addc(out, '\n');
	}
	if (p->all_findings > p->n_findings)
		buf_addf(out, "  and %zu more\n", p->all_findings - p->n_findings);
}

static void add_said(struct buf *out, const char *what, const char *s)
{
	if (!s)
		return;
	buf_addf(out, "%s", what);
	add_safe(out, s, 700);
	buf_addc(out, '\n');
}

void push_text(struct buf *out, const struct push *p)
{
	buf_addf(out, "push %s to ", p->id);
	add_safe(out, p->repo, 64);
	buf_adds(out, ", ");
	add_time(out, p->ts_ns);
	buf_addf(out, ": %s", push_state_name(p->state));
	add_left(out, p);
	buf_addc(out, '\n');
	add_said(out, "reason: ", p->reason);
	add_said(out, "detail: ", p->detail);
	add_said(out, "decided by: ", p->by);
	add_said(out, "message: ", p->message);
	buf_adds(out, "refs:\n");
	add_refs(out, p);
	if (p->n_commits)
		buf_adds(out, "commits, the newest first:\n");
	else if (p->all_commits)
		buf_addf(out, "commits: %zu\n", p->all_commits);
	add_commits(out, p);
	add_findings(out, p);
	if (p->is_diff_cut && p->diff)
		buf_adds(out, "The diff does not show all of this push.\n");
}

/* --- the diff ---------------------------------------------------------------------- */

static void add_number(struct buf *out, unsigned n)
{
	if (n)
		buf_addf(out, "%5u ", n);
	else
		buf_adds(out, "      ");
}

/* Tabs to columns, since what is safe has none. */
static void add_code(struct buf *out, const char *s, size_t n)
{
	size_t column = 0;

	while (n > 0) {
		const char *tab = memchr(s, '\t', n);
		size_t part = tab ? (size_t)(tab - s) : n;

		text_safe(out, s, part, 0, false);
		column += part;
		s += part;
		n -= part;
		if (!tab)
			return;
		do
			buf_addc(out, ' ');
		while (++column % 8);
		s++;
		n--;
	}
}

static void add_line(struct buf *out, const struct push *p, const struct patch_line *l)
{
	static const char signs[] = { ' ', '+', '-', '\\' };

	add_number(out, l->old_line);
	add_number(out, l->new_line);
	buf_addc(out, signs[l->kind]);
	add_code(out, l->text, l->len);
	if (l->finding >= 0) {
		buf_adds(out, "    <== ");
		add_safe(out, p->findings[l->finding].rule, 80);
	}
	buf_addc(out, '\n');
}

static void add_file(struct buf *out, const struct push *p, const struct patch_file *f)
{
	static const char *const changes[] = { "", ", new", ", deleted" };

	buf_adds(out, "\n--- ");
	add_safe(out, f->new_path, 1000);
	buf_adds(out, changes[f->change]);
	if (f->old_mode && f->new_mode && f->old_mode != f->new_mode)
		buf_addf(out, ", mode %o -> %o", f->old_mode, f->new_mode);
	buf_adds(out, f->is_binary ? ", binary\n" : "\n");
	for (size_t h = 0; h < f->n_hunks; h++) {
		const struct patch_hunk *hunk = &f->hunks[h];

		buf_addf(out, "@@ -%u,%u +%u,%u @@\n", hunk->old_start, hunk->old_count,
		         hunk->new_start, hunk->new_count);
		for (size_t i = 0; i < hunk->n_lines; i++)
			add_line(out, p, &hunk->lines[i]);
	}
}

void push_text_diff(struct buf *out, const struct push *p)
{
	struct patch *patch = NULL;

	if (patch_read(&patch, p, NULL) < 0) {
		buf_adds(out, "\nThere is no diff of this push.\n");
		return;
	}
	for (size_t i = 0; i < patch->n_commits; i++) {
		const struct patch_commit *c = &patch->commits[i];

		buf_addf(out, "\ncommit %s\n", c->oid);
		if (c->fault) {
			buf_adds(out, "its diff cannot be read: ");
			add_safe(out, c->fault, 300);
			buf_addc(out, '\n');
		}
		for (size_t k = 0; k < c->n_files; k++)
			add_file(out, p, &c->files[k]);
	}
	if (patch->is_cut)
		buf_adds(out, "\nThe diff ends here; the push does not.\n");
	patch_free(patch);
}
