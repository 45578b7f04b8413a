/* The diff as a person is shown it; see review.h. */
#include <stdlib.h>
#include <string.h>

#include "mask.h"
#include "review.h"
#include "text.h"

#define NAME_MAX_SHOWN 1000

struct show {
	struct buf *out;
	size_t most; /* out->len may become */
	const struct masks *m;
	bool is_full;
	/* the file */
	char *name; /* quoted, with "a/" or "b/" to come before it */
	bool is_made, is_gone, has_names;
	enum mask_kind kind;
	/* the hunk */
	struct buf hunk;
	long old_start, new_start, old_n, new_n;
};

/* All of it, or nothing and the end. */
static void put(struct show *s, const char *text, size_t len)
{
	if (s->is_full || s->out->len + len > s->most || buf_add(s->out, text, len) < 0)
		s->is_full = true;
}

static void puts_(struct show *s, const char *text)
{
	put(s, text, strlen(text));
}

/* What a name needs to be one word for whoever reads the diff. */
static char *quoted(const char *name)
{
	struct buf b = BUF_INIT(4 * NAME_MAX_SHOWN);

	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			buf_addc(&b, '\\');
		buf_addc(&b, *name);
	}
	return buf_add(&b, "", 0) == 0 ? b.data : NULL;
}

/* Where the hunk begins is told by the lines that got into it. */
static void end_hunk(struct show *s)
{
	char *head, *names;

	if (s->old_n + s->new_n > 0 && !s->is_full) {
		names = xasprintf("--- %s%s%s\n+++ %s%s%s\n", s->is_made ? "/dev/null" : "\"a/",
		                  s->is_made ? "" : s->name, s->is_made ? "" : "\"",
		                  s->is_gone ? "/dev/null" : "\"b/", s->is_gone ? "" : s->name,
		                  s->is_gone ? "" : "\"");
		head = xasprintf("%s@@ -%ld,%ld +%ld,%ld @@\n", s->has_names ? "" : names,
		                 s->old_start, s->old_n, s->new_start, s->new_n);
		s->has_names = true;
		if (s->out->len + strlen(head) + s->hunk.len > s->most)
			s->is_full = true;
		puts_(s, head);
		put(s, s->hunk.data, s->hunk.len);
		free(head);
		free(names);
	}
	buf_reset(&s->hunk);
	s->old_n = s->new_n = 0;
}

static void show_commit(void *ctx, const char *oid, size_t len)
{
	struct show *s = ctx;
	char *line = xasprintf("commit %.*s\n", (int)len, oid);

	end_hunk(s);
	puts_(s, line);
	free(line);
}

static void show_file(void *ctx, const char *name, size_t len)
{
	struct show *s = ctx;
	char *shown, *line, *whole = name ? xstrndup(name, len) : NULL;

	end_hunk(s);
	free(s->name);
	shown = name ? mask_name(s->m, name, len, NAME_MAX_SHOWN) : xasprintf("(a very long name)");
	s->name = quoted(shown);
	s->kind = whole && !mask_taints_file(s->m, whole) ? MASK_PLAIN : MASK_TAINTED;
	s->is_made = s->is_gone = s->has_names = false;
	line = xasprintf("diff --git \"a/%s\" \"b/%s\"\n", s->name, s->name);
	puts_(s, line);
	free(line);
	free(shown);
	free(whole);
}

static bool begins(const char *line, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static void show_head(void *ctx, const char *line, size_t len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789 .";
	struct show *s = ctx;
	char *text;

	if (!s->name)
		return;
	s->is_made |= begins(line, len, "new file mode ");
	s->is_gone |= begins(line, len, "deleted file mode ");
	if (begins(line, len, "Binary files ")) {
		text = xasprintf("Binary files %s%s%s and %s%s%s differ\n",
		                 s->is_made ? "/dev/null" : "\"a/", s->is_made ? "" : s->name,
		                 s->is_made ? "" : "\"", s->is_gone ? "/dev/null" : "\"b/",
		                 s->is_gone ? "" : s->name, s->is_gone ? "" : "\"");
	} else if (begins(line, len, "--- ") || begins(line, len, "+++ ")) {
		return; /* written with the first hunk */
	} else {
		text = xasprintf("%.*s\n", (int)len, line);
		if (text[strspn(text, plain)] != '\n')
			text[0] = '\0'; /* no line of git's that we know */
	}
	puts_(s, text);
	free(text);
}

static void show_hunk(void *ctx, long old_start, long new_start)
{
	struct show *s = ctx;

	end_hunk(s);
	s->old_start = old_start;
	s->new_start = new_start;
}

static void show_line(void *ctx, char kind, const char *text, size_t len)
{
	struct show *s = ctx;
	size_t before = s->hunk.len;

	if (s->is_full || !s->name)
		return;
	if (kind == '\\') {
		buf_adds(&s->hunk, "\\ No newline at end of file\n");
		return;
	}
	buf_addc(&s->hunk, kind);
	mask_line(&s->hunk, s->m, text, len,
	          s->kind == MASK_TAINTED ? MASK_TAINTED
	          : kind == '+'           ? MASK_PLAIN
	                                  : MASK_PARTLY);
	buf_addc(&s->hunk, '\n');
	/* 256: for the head that goes before it */
	if (s->hunk.overflowed || s->out->len + s->hunk.len + 2 * strlen(s->name) + 256 > s->most) {
		s->hunk.len = before;
		end_hunk(s);
		s->is_full = true;
		return;
	}
	s->old_n += kind != '+';
	s->new_n += kind != '-';
}

bool review_render(struct buf *out, const struct review *r, const struct masks *m)
{
	static const struct review_events events = { show_commit, show_file, show_head, show_hunk,
		                                     show_line };
	struct show s = { .out = out, .most = out->len + REVIEW_DIFF, .m = m };

	s.hunk.max = REVIEW_DIFF;
	if (r->raw.len)
		review_walk(r->raw.data, r->raw.len, &events, &s);
	end_hunk(&s);
	free(s.name);
	buf_done(&s.hunk);
	return !s.is_full && !r->is_cut;
}
