#include "core/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* Make room for len more bytes and the NUL. */
static int reserve(struct buf *b, size_t len)
{
	size_t cap;

	if (len > b->max || b->len > b->max - len) {
		b->overflowed = true;
		return -1;
	}
	if (b->len + len < b->cap)
		return 0;

	cap = b->cap ? b->cap : 64;
	while (cap <= b->len + len)
		cap *= 2;
	if (b->is_secret) {
		/* realloc would leave the old copy behind */
		char *data = xmalloc(cap);

		if (b->len)
			memcpy(data, b->data, b->len);
		mem_wipe(b->data, b->cap);
		free(b->data);
		b->data = data;
	} else {
		b->data = xreallocarray(b->data, cap, 1);
	}
	b->data[b->len] = '\0';
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	if (reserve(b, len) < 0)
		return -1;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || reserve(b, (size_t)n) < 0)
		return -1;
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buf_vaddf(b, fmt, ap);
	va_end(ap);
	return rc;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->data[b->len] = '\0';
}

void buf_reset(struct buf *b)
{
	if (b->is_secret)
		mem_wipe(b->data, b->cap);
	b->len = 0;
	b->overflowed = false;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_steal(struct buf *b)
{
	char *s = b->data ? b->data : xstrdup("");

	b->data = NULL;
	b->len = b->cap = 0;
	return s;
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

void buf_done(struct buf *b)
{
	if (!b)
		return;
	if (b->is_secret)
		mem_wipe(b->data, b->cap);
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}
