#include "core/text.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"

struct range {
	uint32_t first, last;
};

/* Invisible, reordering or undefined characters, beyond the ASCII and C1
 * controls. Ordered. */
static const struct range unsafe[] = {
	{ 0x00ad, 0x00ad }, /* soft hyphen */
	{ 0x034f, 0x034f }, /* combining grapheme joiner */
	{ 0x061c, 0x061c }, /* Arabic letter mark (bidi) */
	{ 0x115f, 0x1160 }, /* Hangul fillers */
	{ 0x17b4, 0x17b5 }, /* Khmer inherent vowels, invisible */
	{ 0x180b, 0x180f }, /* Mongolian selectors and separator */
	{ 0x200b, 0x200f }, /* zero width, LRM, RLM */
	{ 0x2028, 0x202e }, /* separators, bidi embeddings and overrides */
	{ 0x2060, 0x206f }, /* word joiner, invisible operators, bidi isolates */
	{ 0x2800, 0x2800 }, /* braille blank: a space that is no space */
	{ 0x3164, 0x3164 }, /* Hangul filler */
	{ 0xd800, 0xdfff }, /* surrogates */
	{ 0xe000, 0xf8ff }, /* private use */
	{ 0xfdd0, 0xfdef }, /* non-characters */
	{ 0xfe00, 0xfe0f }, /* variation selectors */
	{ 0xfeff, 0xfeff }, /* byte order mark */
	{ 0xffa0, 0xffa0 }, /* Hangul filler, half width */
	{ 0xfff0, 0xfffb }, /* specials, annotation */
	{ 0xfffe, 0xffff },    { 0x1bca0, 0x1bca3 }, /* shorthand format controls */
	{ 0x1d173, 0x1d17a },                        /* musical format controls */
	{ 0xe0000, 0x10ffff },                       /* tags, variation selectors, private use */
};

static const struct range marks[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a },
	{ 0x064b, 0x065f }, { 0x06d6, 0x06dc }, { 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a },
	{ 0x0e47, 0x0e4e }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff },
	{ 0x302a, 0x302f }, { 0x3099, 0x309a }, { 0xfe20, 0xfe2f },
};

static const struct range spaces[] = {
	{ 0x00a0, 0x00a0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200a },
	{ 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 },
};

static bool in(const struct range *r, size_t n, uint32_t cp)
{
	for (size_t i = 0; i < n && r[i].first <= cp; i++)
		if (cp <= r[i].last)
			return true;
	return false;
}

#define IN(table, cp) in(table, sizeof(table) / sizeof(table)[0], cp)

bool text_is_safe(uint32_t cp)
{
	if (cp < 0x7f)
		return cp >= 0x20;
	if (cp < 0xa0 || (cp & 0xfffe) == 0xfffe) /* DEL, C1; U+nFFFE and U+nFFFF */
		return false;
	return !IN(unsafe, cp);
}

size_t text_utf8(const char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s[0];
	size_t len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	uint32_t v;

	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	if (c < 0xc2 || c > 0xf4 || n < len)
		return 0;
	v = c & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		unsigned char t = (unsigned char)s[i];

		if ((t & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (t & 0x3f);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*cp = v;
	return len;
}

/* The form in which the character at s is shown: a piece of s itself, or the
 * escape put into esc. Returns how many bytes of s it stands for. */
struct shown {
	const char *text;
	size_t len;
	char esc[12];
};

static size_t show(struct shown *sh, const char *s, size_t n, unsigned *n_marks, bool is_ascii)
{
	uint32_t cp = 0;
	size_t len = text_utf8(s, n, &cp);
	bool is_mark;

	sh->text = sh->esc;
	if (len == 0) {
		*n_marks = TEXT_MARKS_MAX;
		sh->len = (size_t)snprintf(sh->esc, sizeof sh->esc, "\\x%02x", (unsigned char)*s);
		return 1;
	}
	is_mark = cp >= 0x300 && IN(marks, cp) && text_is_safe(cp);
	if (is_mark && *n_marks < TEXT_MARKS_MAX && !is_ascii) {
		++*n_marks;
		sh->text = s;
		sh->len = len;
		return len;
	}
	/* a mark on what was escaped, or at the very start, would sit on a stranger */
	*n_marks = !is_mark && text_is_safe(cp) ? 0 : TEXT_MARKS_MAX;
	if (cp >= 0xa0 && IN(spaces, cp) && !is_ascii) {
		sh->text = " ";
		sh->len = 1;
	} else if (!is_mark && text_is_safe(cp) && !(is_ascii && cp > 0x7e)) {
		sh->text = s;
		sh->len = len;
	} else {
		char type = cp < 0x80 ? 'x' : cp < 0x10000 ? 'u' : 'U';
		int width = cp < 0x80 ? 2 : cp < 0x10000 ? 4 : 6;

		sh->len = (size_t)snprintf(sh->esc, sizeof sh->esc, "\\%c%0*x", type, width,
		                           (unsigned)cp);
	}
	return len;
}

int text_safe(struct buf *out, const char *s, size_t n, size_t max, bool is_ascii)
{
	unsigned n_marks = TEXT_MARKS_MAX;
	size_t room = max ? max : SIZE_MAX, at = 0;
	size_t start = out->len, keep = 0; /* keep: where "..." still fits */

	while (at < n) {
		struct shown sh;
		size_t took = show(&sh, s + at, n - at, &n_marks, is_ascii);

		if (sh.len > room - (out->len - start)) {
			/* out->data is there: something was added, or max is tiny */
			if (out->len > start) {
				out->len = start + keep;
				out->data[out->len] = '\0';
			}
			return buf_add(out, "...", room - keep < 3 ? room - keep : 3);
		}
		if (buf_add(out, sh.text, sh.len) < 0)
			return -1;
		at += took;
		if (room - (out->len - start) >= 3)
			keep = out->len - start;
	}
	return 0;
}

int text_safe_str(struct buf *out, const char *s, size_t max)
{
	return s ? text_safe(out, s, strlen(s), max, false) : 0;
}

/* How many bytes need no second look, here or in JSON. */
static size_t plain_run(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

int text_add_json(struct buf *out, const char *s, size_t n)
{
	int rc = buf_addc(out, '"');

	for (size_t at = 0; at < n && rc == 0;) {
		size_t plain = plain_run(s + at, n - at), len;
		uint32_t cp = 0;

		if (plain > 0) {
			rc = buf_add(out, s + at, plain);
			at += plain;
			continue;
		}
		len = text_utf8(s + at, n - at, &cp);
		if (len == 0) {
			rc = buf_adds(out, "\\ufffd");
			at++;
			continue;
		}
		if (cp == '"' || cp == '\\')
			rc = buf_addf(out, "\\%c", (char)cp);
		else if (cp == '\n')
			rc = buf_adds(out, "\\n");
		else if (cp == '\t')
			rc = buf_adds(out, "\\t");
		else if (text_is_safe(cp))
			rc = buf_add(out, s + at, len);
		else if (cp < 0x10000)
			rc = buf_addf(out, "\\u%04x", (unsigned)cp);
		else
			rc = buf_addf(out, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
			              0xdc00 + ((cp - 0x10000) & 0x3ff));
		at += len;
	}
	return rc < 0 ? -1 : buf_addc(out, '"');
}

int text_add_member(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return 0;
	if (buf_addf(out, ",\"%s\":", name) < 0)
		return -1;
	return text_add_json(out, value, strlen(value));
}

/* One URL without its userinfo, query and fragment. authority is where "//" ends,
 * or 0 when the text has none. */
static int cut_one(struct buf *out, const char *s, size_t n, size_t authority)
{
	size_t end = 0, at = authority;

	while (end < n && s[end] != '?' && s[end] != '#')
		end++;
	if (authority) {
		size_t slash = authority;

		while (slash < end && s[slash] != '/')
			slash++;
		for (size_t i = authority; i < slash; i++)
			if (s[i] == '@')
				at = i + 1;
	}
	if (end > TEXT_URL_MAX) {
		if (buf_add(out, s, authority) < 0 ||
		    (at < TEXT_URL_MAX && buf_add(out, s + at, TEXT_URL_MAX - at) < 0))
			return -1;
		return buf_adds(out, "...");
	}
	if (buf_add(out, s, authority) < 0 || buf_add(out, s + at, end - at) < 0)
		return -1;
	return end < n ? buf_adds(out, "?...") : 0;
}

int text_cut_url(struct buf *out, const char *s, size_t n)
{
	const char *mark = n >= 3 ? memmem(s, n, "://", 3) : NULL;
	size_t authority = mark ? (size_t)(mark - s) + 3 : 0;

	/* "://" inside a query is not this URL's */
	if (authority && (memchr(s, '?', authority) || memchr(s, '#', authority)))
		authority = 0;
	return cut_one(out, s, n, authority);
}

/* Is it a character of a URL's scheme? */
static bool is_scheme(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '-' || c == '.';
}

/* Where the URL that starts at s[start] and whose authority is at s[at] ends. */
static size_t url_end(const char *s, size_t n, size_t start, size_t at)
{
	char quote = start > 0 && (s[start - 1] == '"' || s[start - 1] == '\'') ? s[start - 1] : 0;

	for (size_t i = at; i < n; i++) {
		if (quote && s[i] == '\\')
			i++; /* Go quotes with backslashes */
		else if (quote ? s[i] == quote : (unsigned char)s[i] <= ' ')
			return i;
	}
	return n;
}

int text_cut_query(struct buf *out, const char *s, size_t n)
{
	size_t done = 0;

	while (done < n) {
		const char *mark = memmem(s + done, n - done, "://", 3);
		size_t start, end;

		if (!mark)
			break;
		start = (size_t)(mark - s);
		while (start > done && is_scheme(s[start - 1]))
			start--;
		end = url_end(s, n, start, (size_t)(mark - s) + 3);
		if (buf_add(out, s + done, start - done) < 0 ||
		    cut_one(out, s + start, end - start, (size_t)(mark - s) + 3 - start) < 0)
			return -1;
		done = end;
	}
	return buf_add(out, s + done, n - done);
}

int text_mask(struct buf *out, const char *secret, size_t n)
{
	if (n >= 12 && text_safe(out, secret, 4, 0, true) < 0)
		return -1;
	return buf_addf(out, "…(%zu)", n);
}
