/* Text in and out of JSON: UTF-8, escapes, pointers, and messages. */
#include "core/json.h"

#include <stdarg.h>
#include <string.h>

#include "core/buf.h"

size_t json_utf8(const char *s, size_t n, uint32_t *cp)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	size_t len;
	uint32_t c;

	if (n == 0)
		return 0;
	c = u[0];
	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	if (c >= 0xc2 && c < 0xe0)
		len = 2;
	else if (c >= 0xe0 && c < 0xf0)
		len = 3;
	else if (c >= 0xf0 && c < 0xf5)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	c &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*cp = c;
	return len;
}

size_t json_utf8_put(char out[4], uint32_t cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* Characters that would act on a terminal or reorder what stands around them. */
static bool is_unprintable(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c || cp == 0x200e ||
	       cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
	       cp == 0xfeff || (cp >= 0xe0000 && cp < 0xe0080);
}

static void add_unit(struct buf *out, unsigned unit)
{
	buf_addf(out, "\\u%04x", unit);
}

static void add_escaped(struct buf *out, uint32_t cp)
{
	if (cp == '\n') {
		buf_adds(out, "\\n");
	} else if (cp == '\t') {
		buf_adds(out, "\\t");
	} else if (cp == '\r') {
		buf_adds(out, "\\r");
	} else if (cp >= 0x10000) {
		add_unit(out, 0xd800 + ((cp - 0x10000) >> 10));
		add_unit(out, 0xdc00 + ((cp - 0x10000) & 0x3ff));
	} else {
		add_unit(out, cp);
	}
}

static void add_text(struct buf *out, const char *s, size_t n, bool is_json)
{
	size_t plain = 0; /* bytes before i that can be copied as they are */

	for (size_t i = 0, len; i < n; i += len) {
		uint32_t cp = 0;
		bool is_bad;

		len = json_utf8(s + i, n - i, &cp);
		is_bad = len == 0;
		if (!is_bad && !is_unprintable(cp) && !(is_json && (cp == '"' || cp == '\\'))) {
			plain += len;
			continue;
		}
		buf_add(out, s + i - plain, plain);
		plain = 0;
		if (is_bad) {
			buf_adds(out, "\xef\xbf\xbd");
			len = 1;
		} else if (cp == '"' || cp == '\\') {
			buf_addc(out, '\\');
			buf_addc(out, (char)cp);
		} else {
			add_escaped(out, cp);
		}
	}
	buf_add(out, s + n - plain, plain);
}

void json_escape_n(struct buf *out, const char *s, size_t n)
{
	buf_addc(out, '"');
	add_text(out, s, n, true);
	buf_addc(out, '"');
}

void json_escape(struct buf *out, const char *s)
{
	if (s)
		json_escape_n(out, s, strlen(s));
	else
		buf_adds(out, "null");
}

void json_printable(struct buf *out, const char *s)
{
	add_text(out, s, strlen(s), false);
}

void json_pointer(const struct json_node *node, struct buf *out)
{
	if (!node || !node->parent)
		return;
	json_pointer(node->parent, out);
	buf_addc(out, '/');
	if (!node->key) {
		buf_addf(out, "%zu", node->index);
		return;
	}
	for (const char *s = node->key; *s && !out->overflowed; s++) {
		if (*s == '~')
			buf_adds(out, "~0");
		else if (*s == '/')
			buf_adds(out, "~1");
		else
			buf_addc(out, *s);
	}
}

const char *json_type_name(enum json_type type)
{
	switch (type) {
	case JSON_NULL:
		return "null";
	case JSON_BOOL:
		return "a boolean";
	case JSON_NUMBER:
		return "a number";
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	}
	return "something else";
}

static void fault_at_place(const struct json_doc *doc, const struct json_node *node,
                           const struct json_place *place, struct faults *faults, bool is_warning,
                           const char *fmt, va_list ap) __attribute__((format(printf, 6, 0)));
static void fault_at_place(const struct json_doc *doc, const struct json_node *node,
                           const struct json_place *place, struct faults *faults, bool is_warning,
                           const char *fmt, va_list ap)
{
	struct buf pointer = BUF_INIT(FAULT_TEXT_MAX + 8); /* faults_vadd marks the cut */
	struct fault_at at = {
		.file = doc->file,
		.path = doc->path,
		.offset = place->start,
		.line = place->line,
		.column = place->column,
	};

	json_pointer(node, &pointer);
	at.pointer = buf_str(&pointer);
	faults_vadd(faults, at, is_warning, fmt, ap);
	buf_done(&pointer);
}

void json_fault(const struct json_doc *doc, const struct json_node *node, struct faults *faults,
                const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fault_at_place(doc, node, &node->at, faults, false, fmt, ap);
	va_end(ap);
}

void json_fault_key(const struct json_doc *doc, const struct json_node *node, struct faults *faults,
                    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fault_at_place(doc, node, node->key ? &node->key_at : &node->at, faults, false, fmt, ap);
	va_end(ap);
}

void json_warn(const struct json_doc *doc, const struct json_node *node, struct faults *faults,
               const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fault_at_place(doc, node, &node->at, faults, true, fmt, ap);
	va_end(ap);
}
