/* Words: what full-text search indexes of an event, and what it looks for. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/store_int.h"
#include "core/text.h"

#define TEXT_MAX 8192       /* indexed of one event */
#define HASH_SIZE (8 << 20) /* of words not written yet: fewer pieces to merge */

/* The text of a JSON string without its escapes, which are no part of a word. */
static void add_string(struct buf *out, const char *s, size_t n)
{
	const char *end = s + n;

	while (s < end) {
		const char *escape = memchr(s, '\\', (size_t)(end - s));

		buf_add(out, s, (size_t)((escape ? escape : end) - s));
		buf_addc(out, ' ');
		if (!escape)
			return;
		s = escape + (end - escape > 5 && escape[1] == 'u' ? 6 : 2);
	}
}

static bool is_edge(char c)
{
	return (unsigned char)c < 0x80 && !isalnum((unsigned char)c);
}

/* Most of a record stands in the event's summary already. */
static bool has_words(const struct buf *out, const char *s, size_t n)
{
	const char *at = n ? memmem(buf_str(out), out->len, s, n) : NULL;

	return n == 0 || (at && (at == out->data || is_edge(at[-1])) && is_edge(at[n]));
}

/* The strings of an object on one line, as event_set_detail() wrote it: without its
 * members' names, which would make every event match "url". */
static void add_strings(struct buf *out, const char *s)
{
	while ((s = strchr(s, '"'))) {
		const char *start = ++s;

		for (;;) {
			s += strcspn(s, "\"\\");
			if (*s != '\\' || !s[1])
				break;
			s += 2;
		}
		if (*s != '"')
			return;
		if (s[1] != ':' && !has_words(out, start, (size_t)(s - start)))
			add_string(out, start, (size_t)(s - start));
		s++;
	}
}

static void add(struct buf *out, const char *s)
{
	if (!s)
		return;
	buf_adds(out, s);
	buf_addc(out, ' ');
}

void store_words_of(struct buf *out, const struct event *e)
{
	buf_reset(out);
	out->max = TEXT_MAX + EVENT_DETAIL_MAX;
	/* a word of ours for the kind: no text can be mistaken for it unless it tries */
	buf_addf(out, "zkind%u ", (unsigned)e->kind);
	add(out, e->session);
	add(out, e->host);
	add(out, e->rule);
	add(out, e->summary);
	if (e->detail)
		add_strings(out, e->detail);
	if (out->len > TEXT_MAX) {
		out->len = TEXT_MAX;
		while (out->len > 0 && ((unsigned char)out->data[out->len] & 0xc0) == 0x80)
			out->len--;
		out->data[out->len] = '\0';
	}
}

int store_shard_make(sqlite3 *db, uint64_t first_id, struct err *err)
{
	unsigned long long n = first_id;
	char sql[512];

	snprintf(sql, sizeof sql,
	         "CREATE VIRTUAL TABLE IF NOT EXISTS words_%llu USING fts5(text, content='',"
	         " detail=none, columnsize=0, tokenize=\"unicode61 remove_diacritics 2\");"
	         "INSERT INTO words_%llu(words_%llu,rank) VALUES('hashsize',%d);"
	         "INSERT OR IGNORE INTO shards(id,bytes) VALUES(%llu,0);",
	         n, n, n, HASH_SIZE, n);
	return store_exec(db, sql, err);
}

/* As the index's tokenizer sees it: letters, numbers, marks, private use. */
static bool is_word(uint32_t cp)
{
	switch (utf8proc_category((utf8proc_int32_t)cp)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO:
	case UTF8PROC_CATEGORY_CO:
		return true;
	default:
		return false;
	}
}

/* The next word of a text, from *at on; false when there is none. */
static bool next_word(const char *text, size_t n, size_t *at, size_t *start)
{
	size_t i = *at, len;
	uint32_t cp;

	while (i < n) {
		*start = i;
		while (i < n && (len = text_utf8(text + i, n - i, &cp)) > 0 && is_word(cp))
			i += len;
		if (i > *start) {
			*at = i;
			return true;
		}
		len = text_utf8(text + i, n - i, &cp);
		i += len ? len : 1;
	}
	return false;
}

bool store_words_query(struct buf *out, const char *text, uint64_t kinds)
{
	size_t n = strlen(text), words = 0, at = 0, start;
	bool is_first = true;

	while (words < STORE_WORDS_MAX && next_word(text, n, &at, &start)) {
		buf_adds(out, words++ ? " AND \"" : "\"");
		buf_add(out, text + start, at - start);
		buf_adds(out, "\"*");
	}
	if (words == 0)
		return false;
	if (!kinds)
		return true;
	buf_adds(out, " AND (");
	for (unsigned k = 0; k < EVENT_KINDS; k++) {
		if (!(kinds & STORE_KIND(k)))
			continue;
		buf_addf(out, "%s\"zkind%u\"", is_first ? "" : " OR ", k);
		is_first = false;
	}
	buf_adds(out, ")");
	return !is_first;
}

/* --- the same without an index ------------------------------------------------------- */

/* Without case and marks; NULL when it is no UTF-8. */
static char *folded(const char *s, size_t n)
{
	utf8proc_uint8_t *out = NULL;

	if (utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &out,
	                 UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK) < 0) {
		free(out);
		return NULL;
	}
	return (char *)out;
}

static bool has_word(const char *text, const char *word, size_t n)
{
	size_t len = strlen(text), at = 0, start;

	while (next_word(text, len, &at, &start))
		if (at - start >= n && memcmp(text + start, word, n) == 0)
			return true;
	return false;
}

bool store_words_match(const struct event *e, const char *text)
{
	struct buf all = BUF_INIT(1u << 16);
	size_t at = 0, start, len, words = 0;
	char *have, *want = folded(text, strlen(text));
	bool matches;

	store_words_of(&all, e);
	have = folded(buf_str(&all), all.len);
	matches = have && want;
	len = want ? strlen(want) : 0;
	while (matches && words++ < STORE_WORDS_MAX && next_word(want, len, &at, &start))
		matches = has_word(have, want + start, at - start);
	free(have);
	free(want);
	buf_done(&all);
	return matches;
}
