/* What a push changes, line by line. It is read once: what was seen does not change
 * under one's eyes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/patch.h"
#include "core/push.h"
#include "core/text.h"
#include "ui/app_int.h"

#define TAB 8

/* Text of a line with its tabs as blanks. */
static char *expanded(const struct patch_line *l)
{
	struct buf b = BUF_INIT(1u << 20);
	size_t column = 0;

	for (size_t i = 0; i < l->len; i++) {
		if (l->text[i] != '\t') {
			buf_addc(&b, l->text[i]);
			column += ((unsigned char)l->text[i] & 0xc0) != 0x80;
			continue;
		}
		do
			buf_addc(&b, ' ');
		while (++column % TAB);
	}
	return buf_steal(&b);
}

static void add_line(struct rich *r, const struct push *p, const struct patch_line *l)
{
	static const char signs[] = { [PATCH_CONTEXT] = ' ', [PATCH_ADDED] = '+',
		                      [PATCH_REMOVED] = '-', [PATCH_NOTE] = '\\' };
	enum theme_element e = l->kind == PATCH_ADDED     ? THEME_ALLOWED
	                       : l->kind == PATCH_REMOVED ? THEME_BLOCKED
	                       : l->kind == PATCH_NOTE    ? THEME_DIM
	                                                  : THEME_TEXT;
	bool is_marked = l->finding >= 0 && (size_t)l->finding < p->n_findings;
	unsigned number = l->new_line ? l->new_line : l->old_line;
	CLEANUP_FREE char *text = expanded(l);
	char label[16];

	snprintf(label, sizeof label, "%6u %c", number % 1000000, signs[l->kind]);
	rich_field(r, label, is_marked ? THEME_SEARCH : e, *text ? text : " ");
	rich_last(r)->is_filled = is_marked;
	if (is_marked) {
		const struct push_finding *f = &p->findings[l->finding];

		rich_fieldf(r, "   finding", THEME_WAITS, "^ %s  %s", f->rule,
		            f->match ? f->match : "");
	}
}

static void add_file(struct rich *r, const struct push *p, const struct patch_file *f)
{
	const char *what = f->change == PATCH_MADE      ? "new"
	                   : f->change == PATCH_DELETED ? "deleted"
	                                                : "";
	bool is_moved = strcmp(f->old_path, f->new_path) != 0 && f->change == PATCH_MODIFIED;

	rich_gap(r);
	rich_addf(r, THEME_FRAME_TITLE, "%s%s%s  %s +%zu -%zu", is_moved ? f->old_path : "",
	          is_moved ? " -> " : "", f->change == PATCH_DELETED ? f->old_path : f->new_path,
	          what, f->added, f->removed);
	if (f->is_binary)
		rich_add(r, THEME_WARN, "binary: its content cannot be shown");
	if (f->old_mode && f->new_mode && f->old_mode != f->new_mode)
		rich_addf(r, THEME_WARN, "mode %o, was %o", f->new_mode, f->old_mode);
	for (size_t h = 0; h < f->n_hunks; h++) {
		const struct patch_hunk *k = &f->hunks[h];

		rich_addf(r, THEME_STARTING, "@@ -%u,%u +%u,%u @@ %s", k->old_start, k->old_count,
		          k->new_start, k->new_count, k->context);
		for (size_t i = 0; i < k->n_lines; i++)
			add_line(r, p, &k->lines[i]);
	}
}

static void add_commit(struct rich *r, const struct push *p, const struct patch_commit *c)
{
	const struct push_commit *of = NULL;

	for (size_t i = 0; i < p->n_commits; i++)
		if (strcmp(p->commits[i].oid, c->oid) == 0)
			of = &p->commits[i];
	rich_gap(r);
	rich_addf(r, THEME_HINT_KEY, "commit %.12s  %s", c->oid,
	          of && of->subject ? of->subject : "");
	if (of && of->author)
		rich_field(r, "", THEME_DIM, of->author);
	if (c->fault)
		rich_add(r, THEME_WARN, c->fault);
	for (size_t i = 0; i < c->n_files; i++)
		add_file(r, p, &c->files[i]);
}

static void build(struct app *a, struct overlay *o, struct rich *r, struct buf *title)
{
	const struct push *p;
	const char *error;
	struct patch *patch = NULL;
	struct err err = { 0 };
	struct buf refs = BUF_INIT(1024);

	p = push_want(a, o->session, o->state, &error);
	buf_adds(title, "Diff");
	if (!p) {
		/* an error stays; while it is being asked for nothing is kept */
		if (error)
			rich_add(r, THEME_WARN, error);
		return;
	}
	push_refs_text(&refs, p);
	buf_addf(title, " %s ", grid_is_ascii(a->grid) ? "-" : "·");
	text_safe_str(title, p->repo, 64);
	buf_adds(title, ": ");
	text_safe_str(title, buf_str(&refs), 200);
	buf_done(&refs);
	if (patch_read(&patch, p, &err) < 0) {
		rich_add(r, THEME_WARN, err.msg);
		return;
	}
	if (patch->is_cut)
		rich_add(r, THEME_WARN,
		         "Not all of the push is here: it is larger than what is kept. Look at the "
		         "rest with your own git.");
	if (p->n_findings && !patch->n_marked)
		rich_add(r, THEME_WARN,
		         "None of the findings is in a line of this diff: see the card.");
	for (size_t i = 0; i < patch->n_commits; i++)
		add_commit(r, p, &patch->commits[i]);
	if (r->n == 0)
		rich_add(r, THEME_DIM, "It changes no file.");
	patch_free(patch);
}

/* To the next line with a finding. */
static void jump(struct app *a, struct overlay *o, int direction)
{
	int found = -1;

	for (size_t i = 0; i < o->kept.n; i++) {
		int row;

		if (!o->kept.v[i].is_filled)
			continue;
		row = rich_row_of(&o->kept, i, o->cols) - 3;
		row = row < 0 ? 0 : row;
		if (direction > 0 && row > o->top) {
			found = row;
			break;
		}
		if (direction < 0 && row < o->top)
			found = row;
	}
	if (found >= 0)
		o->top = found;
	else
		fleet_say(a->fleet, FLEET_INFO, "there is no other finding that way");
}

static bool command(struct app *a, struct overlay *o, enum ui_command c, const char *argument)
{
	(void)argument;
	if (c == UI_SEARCH_NEXT || c == UI_SEARCH_PREV) {
		jump(a, o, c == UI_SEARCH_NEXT ? 1 : -1);
		return true;
	}
	if (c == UI_DIFF) {
		overlay_close(a);
		return true;
	}
	return push_command(a, c, o->session, o->state);
}

static void free_state(struct overlay *o)
{
	free(o->state);
}

static const struct hint_item hints[] = {
	{ UI_DOWN, "down" },	 { UI_PAGE_DOWN, "page" }, { UI_SEARCH_NEXT, "next finding" },
	{ UI_APPROVE, "approve" }, { UI_REJECT, "reject" }, { UI_ACCEPT, "accept finding" },
	{ UI_CLOSE, "back" },	 { UI_NONE, NULL },
};

static const struct overlay_class diff_class = {
	.name = "diff",
	.keeps = true,
	.hints = hints,
	.build = build,
	.command = command,
	.free = free_state,
};

void diff_open(struct app *a, const char *session, const char *id)
{
	struct overlay *o = overlay_open(a, &diff_class);

	snprintf(o->session, sizeof o->session, "%s", session);
	o->state = xstrdup(id);
}
