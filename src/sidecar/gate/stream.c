#include "stream.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "letters.h"
#include "text.h"
#include "util.h"

#define ALIAS_MAX 160

struct stream {
	int (*write_out)(void *ctx, const char *data, size_t len);
	void *ctx;
	bool is_dead, is_full;
	uint64_t since_canary;

	struct entry *entries;
	size_t n_entries, cap_entries;
	char **commits;
	size_t n_commits;
	char (*canaries)[21];
	size_t n_canaries;

	/* names waiting to be written: entries first_name .. */
	struct buf names;
	size_t first_name, n_names;

	/* what was begun */
	size_t current;
	char letter, piece_letter;
	struct buf hunk; /* lines with their '+' and newline */
	int64_t hunk_start, hunk_count;
	size_t hunk_tail; /* bytes of it that were written before */
	struct buf line;  /* the line so far, or its current piece */
	bool is_long;
	uint64_t pos, run;
};

struct stream *stream_new(int (*write_out)(void *ctx, const char *data, size_t len), void *ctx)
{
	struct stream *s = xcalloc(1, sizeof *s);

	s->write_out = write_out;
	s->ctx = ctx;
	s->names.max = s->hunk.max = 1U << 20;
	s->line.max = STREAM_PIECE;
	return s;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_entries; i++) {
		free(s->entries[i].name);
		free(s->entries[i].blob);
	}
	for (size_t i = 0; i < s->n_commits; i++)
		free(s->commits[i]);
	free(s->entries);
	free(s->commits);
	free(s->canaries);
	buf_done(&s->names);
	buf_done(&s->hunk);
	buf_done(&s->line);
	free(s);
}

static void put(struct stream *s, const char *data, size_t len)
{
	if (!s->is_dead && s->write_out(s->ctx, data, len) < 0)
		s->is_dead = true;
	s->since_canary += len;
}

/* One file of one hunk: lines are complete, each with '+' and newline. */
static void section_as(struct stream *s, const char *alias, int64_t start, int64_t count,
                       const char *lines, size_t len)
{
	char head[4 * ALIAS_MAX + 128];
	int n = snprintf(head, sizeof head,
	                 "diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n"
	                 "@@ -0,0 +%lld,%lld @@\n",
	                 alias, alias, alias, alias, (long long)start, (long long)count);

	put(s, head, (size_t)n);
	put(s, lines, len);
}

static void plant(struct stream *s)
{
	char alias[32], line[64];
	int n;

	s->canaries = xreallocarray(s->canaries, s->n_canaries + 1, sizeof *s->canaries);
	stream_make_canary(s->canaries[s->n_canaries]);
	snprintf(alias, sizeof alias, "k%zu/canary", s->n_canaries);
	n = snprintf(line, sizeof line, "+key = \"%s\"\n", s->canaries[s->n_canaries]);
	s->n_canaries++;
	section_as(s, alias, 1, 1, line, (size_t)n);
	s->since_canary = 0;
}

/* The end of the name with nothing but plain characters: enough for the rules
 * that go by a file's name, and without '@', which one of them excuses. */
static void section(struct stream *s, char letter, size_t entry, int64_t start, int64_t count,
                    const char *lines, size_t len)
{
	char alias[ALIAS_MAX];
	const char *name = letter == 'n'            ? "names"
	                   : s->entries[entry].name ? s->entries[entry].name
	                                            : "object";
	size_t name_len = strlen(name), n;

	if (name_len > 100)
		name += name_len - 100;
	n = (size_t)snprintf(alias, sizeof alias, "%c%zu/%s", letter, entry, name);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)alias[i]) && !strchr("._+-/", alias[i]))
			alias[i] = '_';
	section_as(s, alias, start, count, lines, len);
	if (s->since_canary > STREAM_CANARY_EVERY)
		plant(s);
}

static void flush_names(struct stream *s)
{
	if (s->n_names)
		section(s, 'n', s->first_name, 1, 2 * (int64_t)s->n_names, s->names.data,
		        s->names.len);
	buf_reset(&s->names);
	s->n_names = 0;
}

/* As it is, and with its parts apart: a '/' could be of base64 as well. What gitleaks
 * does not decode of the parts follows them. */
static void put_names(struct stream *s, const char *name, size_t len)
{
	char text[STREAM_PIECE];
	size_t start = 0;

	for (int parts = 0; parts < 2; parts++) {
		buf_addc(&s->names, '+');
		start = s->names.len;
		for (size_t i = 0; i < len; i++) {
			bool is_space =
				name[i] == '\n' || name[i] == '\0' || (parts && name[i] == '/');

			buf_addc(&s->names, is_space ? ' ' : name[i]);
		}
		if (parts) {
			size_t n = letters_decode(s->names.data + start, len, text);

			if (n > 0)
				buf_addc(&s->names, ' ');
			buf_add(&s->names, text, n);
		}
		buf_addc(&s->names, '\n');
	}
	s->n_names++;
}

/* Where the lines that the next hunk repeats begin. */
static size_t tail_start(const char *hunk, size_t len)
{
	const char *begin = NULL, *p = hunk;
	size_t start = len;

	while ((p = memmem(p, len - (size_t)(p - hunk), "-----BEGIN", 10)))
		begin = p++;
	if (begin && !memmem(begin, len - (size_t)(begin - hunk), "-----END", 8)) {
		size_t at = (size_t)(begin - hunk);

		while (at > 0 && hunk[at - 1] != '\n')
			at--;
		if (len - at <= STREAM_PEM)
			return at;
	}
	for (;;) {
		size_t before = start;

		while (before > 0 && (before == start || hunk[before - 1] != '\n'))
			before--;
		if (before == start || len - before > STREAM_TAIL)
			return start;
		start = before;
	}
}

static void flush_hunk(struct stream *s, bool is_more)
{
	size_t keep, lines = 0;

	if (s->hunk.len > s->hunk_tail)
		section(s, s->letter, s->current, s->hunk_start, s->hunk_count, s->hunk.data,
		        s->hunk.len);
	if (!is_more || s->hunk.len == 0) {
		buf_reset(&s->hunk);
		s->hunk_count = 0;
		s->hunk_tail = 0;
		return;
	}
	keep = tail_start(s->hunk.data, s->hunk.len);
	buf_consume(&s->hunk, keep);
	for (size_t i = 0; i < s->hunk.len; i++)
		lines += s->hunk.data[i] == '\n';
	s->hunk_start += s->hunk_count - (int64_t)lines;
	s->hunk_count = (int64_t)lines;
	s->hunk_tail = s->hunk.len;
}

static size_t new_entry(struct stream *s, enum place place, const char *name, size_t len,
                        const char *blob)
{
	struct entry *e;

	if (s->n_entries == STREAM_ENTRIES_MAX) {
		s->is_full = s->is_dead = true;
		return s->n_entries - 1;
	}
	if (s->n_entries == s->cap_entries) {
		s->cap_entries = s->cap_entries ? 2 * s->cap_entries : 64;
		s->entries = xreallocarray(s->entries, s->cap_entries, sizeof *s->entries);
	}
	e = &s->entries[s->n_entries];
	*e = (struct entry){ .place = place };
	e->name = name ? xstrndup(name, len) : NULL;
	e->blob = blob ? xstrndup(blob, strlen(blob)) : NULL;
	e->commit = place != PLACE_REF && s->n_commits ? s->commits[s->n_commits - 1] : NULL;
	return s->n_entries++;
}

static void end_text(struct stream *s)
{
	flush_hunk(s, false);
}

void stream_commit(struct stream *s, const char *oid)
{
	end_text(s);
	flush_names(s);
	if (s->n_commits && strcmp(s->commits[s->n_commits - 1], oid) == 0)
		return;
	s->commits = xreallocarray(s->commits, s->n_commits + 1, sizeof *s->commits);
	s->commits[s->n_commits++] = xstrndup(oid, strlen(oid));
}

static void begin(struct stream *s, size_t entry, char letter, char piece_letter)
{
	end_text(s);
	flush_names(s);
	s->current = entry;
	s->letter = letter;
	s->piece_letter = piece_letter;
}

void stream_name(struct stream *s, enum place place, const char *name, size_t len)
{
	size_t entry;

	end_text(s);
	entry = new_entry(s, place, name, len, NULL);
	if (len > STREAM_PIECE / 2) {
		begin(s, entry, 'm', 'm');
		stream_text(s, 1, name, len, true);
		return;
	}
	if (s->n_names == 0 || s->names.len > STREAM_HUNK) {
		flush_names(s);
		s->first_name = entry;
	}
	put_names(s, name, len);
}

void stream_file(struct stream *s, const char *path, size_t len, const char *blob)
{
	begin(s, new_entry(s, PLACE_FILE, path, len, blob), 'd', 'c');
}

void stream_object(struct stream *s, enum place place, const char *oid)
{
	if (place == PLACE_COMMIT)
		stream_commit(s, oid);
	begin(s, new_entry(s, place, NULL, 0, NULL), 'm', 'm');
}

void stream_review(struct stream *s, const char *path, size_t len)
{
	begin(s, new_entry(s, PLACE_REVIEW, path, len, NULL), 'm', 'c');
}

/* Not text: control bytes that no text has, or invalid UTF-8. */
static bool is_binary(const char *p, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t cp = 0;
		size_t n = text_utf8(p + i, len - i, &cp);

		if (n == 0 && len - i < 4 && i > 0)
			return false; /* a character cut off at the end */
		if (n == 0 || (cp < 0x20 && !strchr("\t\r\f\v\b\033", (int)cp)) || cp == 0)
			return true;
		i += n;
	}
	return false;
}

/* The line or piece as a hunk of its own. */
static void put_piece(struct stream *s, int64_t line, const char *p, size_t len)
{
	char text[STREAM_PIECE + 2];

	text[0] = '+';
	memcpy(text + 1, p, len);
	text[len + 1] = '\n';
	section(s, s->piece_letter, s->current, line, 1, text, len + 2);
}

/* UTF-16 of a text in ASCII is that text with one NUL beside each character, and
 * UTF-32 with three; in binaries, more of them keep strings apart. So dropping
 * single NULs, and then all of them, shows such text whatever its byte order,
 * with a mark or without, and wherever it starts. */
static void put_without_nul(struct stream *s, int64_t line, const char *p, size_t len)
{
	char text[STREAM_PIECE];
	size_t n = 0;
	bool has_runs = false;

	text[0] = '\0';
	for (size_t i = 0; i < len; i++) {
		size_t run = 0;

		while (i + run < len && p[i + run] == '\0')
			run++;
		if (run >= 2) {
			has_runs = true;
			text[n++] = ' ';
			i += run - 1;
		} else if (run == 0) {
			text[n++] = p[i];
		}
	}
	put_piece(s, line, text, n);
	if (!has_runs)
		return;
	n = 0;
	for (size_t i = 0; i < len; i++)
		if (p[i] != '\0')
			text[n++] = p[i];
	put_piece(s, line, text, n);
}

/* What gitleaks does not decode of a line or a piece of one. */
static void put_letters(struct stream *s, int64_t line, const char *p, size_t len)
{
	char text[STREAM_PIECE], inner[STREAM_PIECE];
	size_t n = letters_decode(p, len, text);

	for (int depth = 0; n > 0 && depth < LETTERS_DEPTH; depth++) {
		put_piece(s, line, text, n);
		n = letters_decode(text, n, inner);
		memcpy(text, inner, n);
	}
}

/* Give out a line, or a piece of one. */
static void put_line(struct stream *s, int64_t line, bool is_first, bool is_piece)
{
	char *p = s->line.data;
	size_t len = s->line.len;

	if (s->entries[s->current].place == PLACE_FILE && is_binary(p, len))
		s->entries[s->current].is_binary = true;
	if (len && memchr(p, '\0', len)) {
		put_without_nul(s, line, p, len);
		for (size_t i = 0; i < len; i++)
			if (p[i] == '\0')
				p[i] = ' ';
	}
	if (is_piece)
		put_piece(s, line, p, len);
	put_letters(s, line, p, len);
	if (!is_first)
		return;
	/* The hunk holds a long line's beginning, so that numbers stay right. */
	if (s->hunk.len == 0)
		s->hunk_start = line;
	buf_addc(&s->hunk, '+');
	buf_add(&s->hunk, p, len);
	buf_addc(&s->hunk, '\n');
	s->hunk_count++;
	if (s->hunk.len > s->hunk_tail + STREAM_HUNK)
		flush_hunk(s, true);
}

static bool is_base64(char c)
{
	return isalnum((unsigned char)c) || c == '+' || c == '/' || c == '-' || c == '_';
}

static const char *last_of(const char *s, size_t len, const char *what)
{
	const char *found = NULL, *p = s;

	while ((p = memmem(p, len - (size_t)(p - s), what, strlen(what))))
		found = p++;
	return found;
}

size_t stream_cut(const char *piece, size_t len, uint64_t pos, uint64_t *run)
{
	size_t start = len - STREAM_OVERLAP, word = start, at = start;
	const char *pem = last_of(piece, len, "-----BEGIN");

	if (pem && pem > piece && pem < piece + start &&
	    !last_of(pem, len - (size_t)(pem - piece), "-----END")) {
		*run = pos + (size_t)(pem - piece);
		return (size_t)(pem - piece);
	}
	while (word > 0 && (is_base64(piece[word - 1]) || piece[word - 1] == '.'))
		word--;
	if (word > 0 && start - word <= STREAM_WORD) {
		*run = pos + word;
		return word;
	}
	while (at > 0 && is_base64(piece[at - 1]))
		at--;
	if (at > 0)
		*run = pos + at;
	return start - (size_t)((pos + start - *run) % 4);
}

void stream_text(struct stream *s, int64_t line, const char *data, size_t len, bool is_last)
{
	if (s->line.len == 0 && !s->is_long && s->hunk.len && line != s->hunk_start + s->hunk_count)
		flush_hunk(s, false);
	while (s->line.len + len > STREAM_PIECE) {
		size_t part = STREAM_PIECE - s->line.len, cut;

		buf_add(&s->line, data, part);
		data += part;
		len -= part;
		cut = stream_cut(s->line.data, s->line.len, s->pos, &s->run);
		put_line(s, line, !s->is_long, true);
		s->is_long = true;
		s->pos += cut;
		buf_consume(&s->line, cut);
	}
	buf_add(&s->line, data, len);
	if (!is_last)
		return;
	put_line(s, line, !s->is_long, s->is_long);
	buf_reset(&s->line);
	s->is_long = false;
	s->pos = s->run = 0;
}

int stream_finish(struct stream *s, struct err *err)
{
	end_text(s);
	flush_names(s);
	plant(s);
	if (s->is_full)
		return err_set(err, "more than %u names", STREAM_ENTRIES_MAX);
	return s->is_dead ? err_set(err, "the scanner stopped reading") : 0;
}

const struct entry *stream_find(const struct stream *s, const char *file, int line,
                                bool *is_content)
{
	char *end;
	size_t i;

	if (!file[0] || !strchr("dcmn", file[0]) || !isdigit((unsigned char)file[1]))
		return NULL;
	i = strtoul(file + 1, &end, 10);
	if (*end != '/')
		return NULL;
	if (file[0] == 'n' && line > 1)
		i += ((size_t)line - 1) / 2;
	*is_content = file[0] == 'c';
	return i < s->n_entries ? &s->entries[i] : NULL;
}

size_t stream_n_entries(const struct stream *s)
{
	return s->n_entries;
}

const struct entry *stream_entry(const struct stream *s, size_t i)
{
	return &s->entries[i];
}

size_t stream_n_canaries(const struct stream *s)
{
	return s->n_canaries;
}

const char *stream_canary(const struct stream *s, size_t i)
{
	return s->canaries[i];
}

void stream_make_canary(char out[21])
{
	/* No vowels, so that no word of an allowlist can come about; all different,
	 * so that the entropy is always above the rule's bound. */
	char letters[] = "BCDFGHJKLMNPQRSTVWXYZ234567";
	size_t n = sizeof letters - 1;

	memcpy(out, "AK", 2);
	memcpy(out + 2, "IA", 2);
	for (size_t i = 0; i < 16; i++) {
		uint32_t r;
		size_t pick;

		random_bytes(&r, sizeof r);
		pick = r % (n - i);
		out[4 + i] = letters[pick];
		letters[pick] = letters[n - i - 1];
	}
	out[20] = '\0';
}
