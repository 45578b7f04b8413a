#include "text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

size_t text_utf8(const char *s, size_t n, uint32_t *cp)
{
	const unsigned char *p = (const unsigned char *)s;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len;
	uint32_t c;

	if (n == 0)
		return 0;
	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	len = p[0] >= 0xf0 && p[0] < 0xf5   ? 4
	      : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
	      : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
	                                    : 0;
	if (len == 0 || len > n)
		return 0;
	c = p[0] & (0xffU >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return len;
}

int text_is_showable(uint32_t cp)
{
	static const struct {
		uint32_t from, to;
	} hidden[] = {
		{ 0x00, 0x1f },        { 0x7f, 0x9f },       { 0xad, 0xad },
		{ 0x34f, 0x34f },      { 0x61c, 0x61c },     { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 },    { 0x180b, 0x180f },   { 0x200b, 0x200f },
		{ 0x2028, 0x202e },    { 0x2060, 0x206f },   { 0x3164, 0x3164 },
		{ 0xd800, 0xf8ff },    { 0xfdd0, 0xfdef },   { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff },    { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },
		{ 0xfffe, 0xffff },    { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
		{ 0xe0000, 0x10ffff },
	};

	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		if (cp >= hidden[i].from && cp <= hidden[i].to)
			return 0;
	return 1;
}

void text_clean(struct buf *out, const char *s, size_t n, size_t max)
{
	static const char more[] = "\xe2\x80\xa6";
	size_t start = out->len, safe = out->len; /* safe: where "…" still fits */

	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t len = text_utf8(s + i, n - i, &cp);
		const char *piece = s + i;
		size_t piece_len = len;

		if (len == 1 && (cp == '\t' || cp == '\n' || cp == '\r'))
			piece = " ";
		else if (len == 0 || !text_is_showable(cp))
			piece = "?", piece_len = 1;
		i += len ? len : 1;

		if (out->len - start + piece_len > max) {
			out->len = safe;
			if (out->data)
				out->data[safe] = '\0';
			if (max >= sizeof more - 1)
				buf_add(out, more, sizeof more - 1);
			return;
		}
		buf_add(out, piece, piece_len);
		if (out->len - start + sizeof more - 1 <= max)
			safe = out->len;
	}
}

char *text_clean_dup(const char *s, size_t n, size_t max)
{
	struct buf b = BUF_INIT(max + 4);

	text_clean(&b, s, n, max);
	buf_add(&b, "", 0);
	return b.data;
}

char *text_mask(const char *secret)
{
	size_t n = strlen(secret), chars = 0, four = 0;
	char *head, *mask;

	for (size_t i = 0; i < n; chars++) {
		uint32_t cp;
		size_t len = text_utf8(secret + i, n - i, &cp);

		i += len ? len : 1;
		if (chars == 3)
			four = i;
	}
	if (chars <= 8)
		return xasprintf("\xe2\x80\xa6(%zu)", chars);
	head = text_clean_dup(secret, four, 16);
	mask = xasprintf("%s\xe2\x80\xa6(%zu)", head, chars);
	free(head);
	return mask;
}

char *text_mask_in(const char *s, const char *secret)
{
	size_t n = strlen(secret);
	const char *hit = n < 4 ? NULL : strstr(s, secret);
	struct buf b = BUF_INIT(1U << 24);
	char *mask;

	if (!hit)
		return NULL;
	mask = text_mask(secret);
	for (; hit; s = hit + n, hit = strstr(s, secret)) {
		buf_add(&b, s, (size_t)(hit - s));
		buf_adds(&b, mask);
	}
	buf_adds(&b, s);
	free(mask);
	return b.data;
}
