/* Strings and pointers of JSON, and messages about its nodes. */
#include "core/json.h"

#include <stdarg.h>
#include <string.h>

#include "core/buf.h"
#include "core/text.h"

void json_escape(struct buf *out, const char *s)
{
	if (s)
		text_add_json(out, s, strlen(s));
	else
		buf_adds(out, "null");
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
