#include "mask.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "review.h"
#include "text.h"
#include "util.h"

#define PIECES_MAX 2000
#define ENCODED_LEAST 12
#define ENCODED_MOST 512
#define PIECE_LEAST 8 /* a shorter line of a secret is masked when it is the whole line */
#define SECRET_LEAST 4
#define WORD_TAINTED 12
#define WORD_PARTLY 32
#define LINE_MAX (16U << 10)

struct piece {
	char *text;
	size_t len;
	bool is_first; /* of its secret: its first characters are shown */
};

struct masks {
	const struct findings *found, *shown;
	struct piece *pieces;
	size_t n;
};

static bool add_piece(struct masks *m, const char *s, size_t len, bool is_first)
{
	while (len && isspace((unsigned char)*s))
		s++, len--;
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	if (len < SECRET_LEAST)
		return true;
	for (size_t i = 0; i < m->n; i++)
		if (m->pieces[i].len == len && memcmp(m->pieces[i].text, s, len) == 0)
			return true;
	if (m->n == PIECES_MAX)
		return false;
	m->pieces = xreallocarray(m->pieces, m->n + 1, sizeof *m->pieces);
	m->pieces[m->n++] = (struct piece){ xstrndup(s, len), len, is_first };
	return true;
}

/* The characters of base64 that the secret alone decides, when `before` other bytes
 * come before it in its group of three. */
static bool add_base64(struct masks *m, const char *s, size_t len, size_t before, bool is_url)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	size_t first = (8 * before + 5) / 6, end = 8 * (before + len) / 6;
	char out[4 * ENCODED_MOST / 3 + 8];

	for (size_t i = first; i < end; i++) {
		unsigned six = 0;

		for (size_t bit = 6 * i; bit < 6 * i + 6; bit++) {
			unsigned char c = (unsigned char)s[bit / 8 - before];

			six = six << 1 | ((unsigned)c >> (7 - bit % 8) & 1U);
		}
		out[i - first] = is_url && six >= 62 ? "-_"[six - 62] : digits[six];
	}
	return add_piece(m, out, end - first, false);
}

static bool add_hex(struct masks *m, const char *s, size_t len, const char *digits)
{
	char out[2 * ENCODED_MOST];

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[(unsigned char)s[i] >> 4];
		out[2 * i + 1] = digits[(unsigned char)s[i] & 15];
	}
	return add_piece(m, out, 2 * len, false);
}

/* The scanner decodes, but not always, and names each secret once. */
static bool add_encoded(struct masks *m, const char *s)
{
	size_t len = strlen(s);

	if (len < ENCODED_LEAST || len > ENCODED_MOST)
		return true;
	for (size_t before = 0; before < 3; before++)
		if (!add_base64(m, s, len, before, false) || !add_base64(m, s, len, before, true))
			return false;
	return add_hex(m, s, len, "0123456789abcdef") && add_hex(m, s, len, "0123456789ABCDEF");
}

static bool add_secret(struct masks *m, const char *s)
{
	bool is_first = true;

	if (!add_encoded(m, s))
		return false;

	while (*s) {
		size_t len = strcspn(s, "\r\n");

		if (!add_piece(m, s, len, is_first))
			return false;
		is_first = false;
		s += len;
		s += *s != '\0';
	}
	return true;
}

/* The longest first: one secret may be a part of another. */
static int by_length(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return (x->len < y->len) - (x->len > y->len);
}

struct masks *masks_new(const struct findings *found, const struct findings *shown)
{
	const struct findings *both[] = { found, shown };
	struct masks *m = xcalloc(1, sizeof *m);

	m->found = found;
	m->shown = shown;
	for (size_t k = 0; k < 2; k++) {
		bool fits = !both[k] || both[k]->n_more == 0;

		for (size_t i = 0; fits && both[k] && i < both[k]->n; i++)
			fits = add_secret(m, both[k]->v[i].secret);
		if (!fits) {
			masks_free(m);
			return NULL;
		}
	}
	if (m->n)
		qsort(m->pieces, m->n, sizeof *m->pieces, by_length);
	return m;
}

void masks_free(struct masks *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		explicit_bzero(m->pieces[i].text, m->pieces[i].len);
		free(m->pieces[i].text);
	}
	free(m->pieces);
	free(m);
}

/* --- secrets --------------------------------------------------------------------------- */

static void put_mask(struct buf *out, const struct piece *p, size_t len)
{
	char *mask;

	if (p->is_first) {
		mask = text_mask(p->text);
		buf_adds(out, mask);
		free(mask);
	} else {
		buf_addf(out, "\xe2\x80\xa6(%zu)", len);
	}
}

/* Every piece in b replaced. */
static void replace(struct buf *b, const struct piece *p)
{
	struct buf out = BUF_INIT(LINE_MAX);
	const char *at = b->data, *end = b->data + b->len, *hit;

	if (b->len < p->len || !(hit = memmem(at, b->len, p->text, p->len)))
		return;
	for (; hit; hit = memmem(at, (size_t)(end - at), p->text, p->len)) {
		buf_add(&out, at, (size_t)(hit - at));
		put_mask(&out, p, p->len);
		at = hit + p->len;
	}
	buf_add(&out, at, (size_t)(end - at));
	explicit_bzero(b->data, b->len);
	buf_done(b);
	*b = out;
}

/* A short line of a secret, alone on its line. */
static bool is_whole_line(const struct buf *b, const struct piece *p)
{
	size_t from = 0, to = b->len;

	while (from < to && isspace((unsigned char)b->data[from]))
		from++;
	while (to > from && isspace((unsigned char)b->data[to - 1]))
		to--;
	return to - from == p->len && memcmp(b->data + from, p->text, p->len) == 0;
}

/* The line was cut in the middle of it. */
static void cut_beginning(struct buf *b, const struct piece *p)
{
	static const char more[] = "\xe2\x80\xa6";
	size_t len = b->len, k = sizeof more - 1;
	const char *end, *at;

	if (len >= k && memcmp(b->data + len - k, more, k) == 0)
		len -= k;
	end = b->data + len;
	at = len < p->len ? b->data : end - p->len + 1;
	while ((at = memmem(at, (size_t)(end - at), p->text, SECRET_LEAST))) {
		if (memcmp(at, p->text, (size_t)(end - at)) != 0) {
			at++;
			continue;
		}
		b->len = (size_t)(at - b->data);
		put_mask(b, p, p->len);
		return;
	}
}

/* --- words ------------------------------------------------------------------------------- */

static bool is_of_word(unsigned char c, bool is_tainted)
{
	if (isalnum(c) || c == '+' || c == '/' || c == '=' || c == '_' || c == '-')
		return true;
	/* NUL: UTF-16. The rest: percent-encoding, escapes, entities. */
	return is_tainted && (c == '\0' || c >= 0x80 || strchr("%\\&#;.{}", c));
}

static bool looks_like_a_key(const char *s, size_t len)
{
	bool lower = false, upper = false, digit = false, is_hex = true;

	for (size_t i = 0; i < len; i++) {
		lower |= islower((unsigned char)s[i]) != 0;
		upper |= isupper((unsigned char)s[i]) != 0;
		digit |= isdigit((unsigned char)s[i]) != 0;
		is_hex &= isxdigit((unsigned char)s[i]) != 0;
	}
	return digit && ((lower && upper) || is_hex);
}

static void mask_words(struct buf *b, bool is_tainted)
{
	struct buf out = BUF_INIT(LINE_MAX);

	for (size_t i = 0, n; i < b->len; i += n) {
		const char *s = b->data + i;
		bool is_word = is_of_word((unsigned char)*s, is_tainted);

		for (n = 1; i + n < b->len &&
		            is_of_word((unsigned char)s[n], is_tainted) == is_word;)
			n++;
		if (is_word && (is_tainted ? n >= WORD_TAINTED
		                           : n >= WORD_PARTLY && looks_like_a_key(s, n)))
			buf_addf(&out, "\xe2\x80\xa6(%zu)", n);
		else
			buf_add(&out, s, n);
	}
	if (b->data)
		explicit_bzero(b->data, b->len);
	buf_done(b);
	*b = out;
}

/* --- together ------------------------------------------------------------------------------ */

static void put_clean(struct buf *out, const struct buf *b)
{
	for (size_t i = 0; i < b->len;) {
		uint32_t cp = 0;
		size_t len = text_utf8(b->data + i, b->len - i, &cp);

		if (len == 1 && cp == '\t')
			buf_addc(out, '\t');
		else if (len == 1 && cp == '\r')
			buf_adds(out, "\xe2\x90\x8d"); /* a picture of it: the line's end counts */
		else if (len == 0 || !text_is_showable(cp))
			buf_addc(out, '?');
		else
			buf_add(out, b->data + i, len);
		i += len ? len : 1;
	}
}

static bool is_cut_line(const char *text, size_t len)
{
	return len >= REVIEW_LINE - 300 && memcmp(text + len - 3, "\xe2\x80\xa6", 3) == 0;
}

static void mask_secrets(struct buf *b, const struct masks *m, bool is_cut)
{
	for (size_t i = 0; i < m->n && b->len; i++) {
		const struct piece *p = &m->pieces[i];

		if (p->len >= PIECE_LEAST || p->is_first)
			replace(b, p);
		else if (is_whole_line(b, p)) {
			buf_reset(b);
			put_mask(b, p, p->len);
		}
		if (is_cut && b->len)
			cut_beginning(b, p);
	}
}

void mask_line(struct buf *out, const struct masks *m, const char *text, size_t len,
               enum mask_kind kind)
{
	struct buf b = BUF_INIT(LINE_MAX);
	bool is_cut = is_cut_line(text, len);

	buf_add(&b, text, len);
	mask_secrets(&b, m, is_cut);
	if (kind == MASK_TAINTED)
		mask_words(&b, true);
	else if (kind == MASK_PARTLY || is_cut)
		mask_words(&b, false);
	put_clean(out, &b);
	if (b.data)
		explicit_bzero(b.data, b.len);
	buf_done(&b);
}

char *mask_name(const struct masks *m, const char *name, size_t len, size_t max)
{
	char *whole = xstrndup(name, len), *once = findings_mask_name(m->found, whole);
	struct buf b = BUF_INIT(LINE_MAX);
	char *clean;

	/* a line of a long secret may be a name, too */
	buf_add(&b, once, strnlen(once, LINE_MAX / 2));
	mask_secrets(&b, m, false);
	clean = text_clean_dup(buf_str(&b), b.len, max);
	buf_done(&b);
	free(whole);
	free(once);
	return clean;
}

bool mask_taints_file(const struct masks *m, const char *path)
{
	return findings_taint_file(m->found, path) ||
	       (m->shown && findings_taint_file(m->shown, path));
}

bool mask_taints_commit(const struct masks *m, const char *oid)
{
	return findings_taint_commit(m->found, oid);
}
