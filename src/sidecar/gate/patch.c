#include "patch.h"

#include <stdlib.h>
#include <string.h>

#include "proto.h"
#include "text.h"
#include "util.h"

struct patch_reader {
	const struct patch_events *events;
	void *ctx;
	struct buf in;               /* what is not consumed yet */
	char oid[65];                /* the new blob of this file */
	bool has_file;               /* "+++" was seen and it is no deletion */
	bool in_diff;                /* "diff --git" was seen */
	uint64_t old_left, new_left; /* lines that the hunk still has */
	int64_t line;                /* number of its next added line */
	bool is_mid;                 /* in a line of which a piece was given out */
	char mid_op;                 /* '+' or '-' */
};

struct patch_reader *patch_new(const struct patch_events *events, void *ctx)
{
	struct patch_reader *r = xcalloc(1, sizeof *r);

	r->events = events;
	r->ctx = ctx;
	r->in.max = 2 * PATCH_HEADER;
	return r;
}

void patch_free(struct patch_reader *r)
{
	if (!r)
		return;
	buf_done(&r->in);
	free(r);
}

static int escaped(const char *s, size_t len, char *out)
{
	static const char from[] = "abtnvfr\"\\", to[] = "\a\b\t\n\v\f\r\"\\";
	const char *at;

	if (len >= 3 && s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' &&
	    s[2] <= '7') {
		*out = (char)((s[0] - '0') * 64 + (s[1] - '0') * 8 + (s[2] - '0'));
		return 3;
	}
	at = len && s[0] ? strchr(from, s[0]) : NULL;
	if (!at)
		return -1;
	*out = to[at - from];
	return 1;
}

long patch_unquote(char *out, const char *s, size_t len)
{
	size_t n = 0;

	if (len == 0 || s[0] != '"') {
		memcpy(out, s, len);
		return (long)len;
	}
	if (len < 2 || s[len - 1] != '"')
		return -1;
	for (size_t i = 1; i < len - 1; i++) {
		if (s[i] == '"')
			return -1;
		if (s[i] == '\\') {
			int used = escaped(s + i + 1, len - 2 - i, &out[n]);

			if (used < 0)
				return -1;
			i += (size_t)used;
		} else {
			out[n] = s[i];
		}
		n++;
	}
	return (long)n;
}

static bool starts(const char *s, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && memcmp(s, with, n) == 0;
}

static int bad_line(const char *s, size_t len, struct err *err)
{
	char *shown = text_clean_dup(s, len, 80);

	err_set(err, "git's output has a line that fits nowhere: %s", shown);
	free(shown);
	return -1;
}

/* "17,3" or "17" (which means one line) */
static const char *range(const char *s, uint64_t *start, uint64_t *count)
{
	char *end;

	if (*s < '0' || *s > '9')
		return NULL;
	*start = strtoull(s, &end, 10);
	*count = 1;
	if (*end == ',') {
		if (end[1] < '0' || end[1] > '9')
			return NULL;
		*count = strtoull(end + 1, &end, 10);
	}
	return end;
}

static int hunk_header(struct patch_reader *r, const char *s, size_t len, struct err *err)
{
	char head[128] = { 0 };
	uint64_t old_start, new_start;
	const char *p;

	memcpy(head, s, len < sizeof head - 1 ? len : sizeof head - 1);
	p = range(head + 4, &old_start, &r->old_left);
	if (p && starts(p, strlen(p), " +"))
		p = range(p + 2, &new_start, &r->new_left);
	else
		p = NULL;
	if (!p || !starts(p, strlen(p), " @@") || (r->new_left > 0 && !r->has_file))
		return bad_line(s, len, err);
	r->line = (int64_t)new_start;
	return 0;
}

static int file_header(struct patch_reader *r, const char *s, size_t len, struct err *err)
{
	char *name;
	long n;

	if (len > 0 && s[len - 1] == '\t')
		len--; /* git ends a name that has a space so; a tab in a name is quoted */
	if (len == 9 && memcmp(s, "/dev/null", 9) == 0)
		return 0;
	name = xcalloc(len + 1, 1);
	n = patch_unquote(name, s, len);
	if (n < 2 || memcmp(name, "b/", 2) != 0 || !r->oid[0]) {
		free(name);
		return bad_line(s, len, err);
	}
	r->has_file = true;
	r->events->on_file(r->ctx, name + 2, (size_t)n - 2, r->oid);
	free(name);
	return 0;
}

/* Of folders only those with nothing in them: whatever lies in one has its name. */
static bool is_full_folder(const char *s, const char *tab)
{
	static const char empty[] = " 4b825dc642cb6eb9a060e54bf8d69288fbee4904 A";
	size_t n = sizeof empty - 1, len = (size_t)(tab - s);

	return starts(s, len, ":000000 040000 ") && (len < n || memcmp(tab - n, empty, n) != 0);
}

/* ":OLDMODE NEWMODE OLD NEW STATUS\tNAME" */
static int raw_line(struct patch_reader *r, const char *s, size_t len, struct err *err)
{
	const char *tab = memchr(s, '\t', len);
	char *name;
	long n;

	if (!tab || tab - s < 2)
		return bad_line(s, len, err);
	if (tab[-1] != 'A' || is_full_folder(s, tab))
		return 0;
	len -= (size_t)(tab + 1 - s);
	name = xcalloc(len + 1, 1);
	n = patch_unquote(name, tab + 1, len);
	if (n >= 0)
		r->events->on_name(r->ctx, name, (size_t)n);
	free(name);
	return n < 0 ? bad_line(s, len, err) : 0;
}

static int index_line(struct patch_reader *r, const char *s, size_t len, struct err *err)
{
	const char *dots = memmem(s, len, "..", 2);
	size_t n = 0;

	if (dots) {
		dots += 2;
		while (dots + n < s + len && dots[n] != ' ')
			n++;
	}
	if (!dots || !oid_is_valid(dots, n))
		return bad_line(s, len, err);
	memcpy(r->oid, dots, n);
	r->oid[n] = '\0';
	return 0;
}

static int header_line(struct patch_reader *r, const char *s, size_t len, struct err *err)
{
	static const char *const known[] = { "--- ",           "old mode ",          "new mode ",
		                             "new file mode ", "deleted file mode ", NULL };

	if (len == 0 || s[0] == '\\')
		return 0; /* "\ No newline at end of file" */
	if (oid_is_valid(s, len)) {
		char oid[65] = { 0 };

		memcpy(oid, s, len);
		r->in_diff = r->has_file = false;
		r->events->on_commit(r->ctx, oid);
		return 0;
	}
	if (s[0] == ':')
		return raw_line(r, s, len, err);
	if (starts(s, len, "diff --git ")) {
		r->in_diff = true;
		r->has_file = false;
		r->oid[0] = '\0';
		return 0;
	}
	if (!r->in_diff)
		return bad_line(s, len, err);
	if (starts(s, len, "index "))
		return index_line(r, s + 6, len - 6, err);
	if (starts(s, len, "+++ "))
		return file_header(r, s + 4, len - 4, err);
	if (starts(s, len, "@@ -"))
		return hunk_header(r, s, len, err);
	for (size_t i = 0; known[i]; i++)
		if (starts(s, len, known[i]))
			return 0;
	return bad_line(s, len, err);
}

/* A line in a hunk, or the first piece of one. */
static int hunk_line(struct patch_reader *r, const char *s, size_t len, bool is_last,
                     struct err *err)
{
	char op = len ? s[0] : '\0';

	if (op == '+' && r->new_left > 0) {
		r->events->on_text(r->ctx, r->line, s + 1, len - 1, is_last);
		r->line += is_last;
		r->new_left -= is_last;
	} else if (op == '-' && r->old_left > 0) {
		r->old_left -= is_last;
	} else if (op != '\\') {
		return bad_line(s, len, err);
	}
	r->is_mid = !is_last;
	r->mid_op = op;
	return 0;
}

static void more_of_line(struct patch_reader *r, const char *s, size_t len, bool is_last)
{
	if (r->mid_op == '+') {
		r->events->on_text(r->ctx, r->line, s, len, is_last);
		r->line += is_last;
		r->new_left -= is_last;
	} else if (r->mid_op == '-') {
		r->old_left -= is_last;
	}
	r->is_mid = !is_last;
}

/* Consume one line or piece at s. Returns its length, 0 when there is too
 * little of it yet, or -1. */
static long step(struct patch_reader *r, const char *s, size_t len, struct err *err)
{
	const char *end = memchr(s, '\n', len);
	bool in_hunk = r->old_left > 0 || r->new_left > 0 || r->is_mid;
	size_t n = end ? (size_t)(end - s) : len;
	int rc;

	if (!end && (in_hunk ? len < PATCH_PIECE : len < PATCH_HEADER))
		return 0;
	if (!end && !in_hunk)
		return err_set(err, "git's output has a line longer than %u bytes", PATCH_HEADER);
	if (r->is_mid) {
		more_of_line(r, s, n, end != NULL);
		rc = 0;
	} else if (in_hunk) {
		rc = hunk_line(r, s, n, end != NULL, err);
	} else {
		rc = header_line(r, s, n, err);
	}
	return rc < 0 ? -1 : (long)(n + (end != NULL));
}

int patch_feed(struct patch_reader *r, const char *data, size_t len, struct err *err)
{
	size_t done = 0;
	long n = 0;

	if (buf_add(&r->in, data, len) < 0)
		return err_set(err, "git's output came too fast");
	while (done < r->in.len && (n = step(r, r->in.data + done, r->in.len - done, err)) > 0)
		done += (size_t)n;
	buf_consume(&r->in, done);
	return n < 0 ? -1 : 0;
}

int patch_finish(struct patch_reader *r, struct err *err)
{
	if (r->in.len || r->is_mid || r->old_left || r->new_left)
		return err_set(err, "git's output ended in the middle of a line or hunk");
	return 0;
}
