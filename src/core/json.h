/* A strict JSON reader that knows where everything stands (RFC 8259).
 *
 * For files that people write: the manifest, config.json, themes. It keeps the
 * byte span, line and column of each value and key, so that faults name their
 * place and an edit can replace one value and leave the rest of the file alone.
 * (What the engine sends is read by cJSON.)
 *
 * It refuses what lenient readers let through: duplicate keys, bad UTF-8, raw
 * control bytes, \u0000 (no string of ours may hold a NUL), lone surrogates,
 * leading zeros, a byte order mark, anything after the document. These are
 * recorded and reading goes on, the text repaired with U+FFFD and the first of
 * duplicate keys kept. A syntax fault ends it: that one is exact and the last.
 *
 * Everything is capped before it is allocated: see the limits below.
 * Text and strings are wiped when freed, since a manifest may hold secrets.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "core/faults.h"

struct buf;

#define JSON_BYTES_MAX ((size_t)4 << 20)	/* of a document */
#define JSON_DEPTH_MAX 64			/* objects and arrays inside one another */
#define JSON_NODES_MAX 200000			/* values in a document */
#define JSON_NUMBER_MAX 64			/* characters of a number */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_place {
	size_t start, end;	/* bytes; a string's or key's quotes included */
	unsigned line, column;	/* of start, from 1; column counts characters */
};

struct json_node {
	enum json_type type;
	struct json_place at;
	struct json_place key_at;	/* meaningless unless key */
	char *key;			/* NULL unless it is a member of an object */
	bool is_repeated;		/* a later member with its key was dropped */
	size_t index;			/* among its parent's children, as written */
	struct json_node *parent;	/* NULL for the root */
	struct json_node *first, *last;	/* children */
	struct json_node *next;		/* sibling */
	size_t n;			/* number of children */
	union {
		bool boolean;
		double number;
		char *string;		/* UTF-8 without NUL */
	};
};

struct json_doc {
	unsigned file;		/* what faults say of this document */
	char *path;
	char *text;		/* the very bytes, and a NUL */
	size_t len;
	struct json_node *root;
};

/* Read a document. Faults go to faults with file and path as theirs. NULL when
 * there is no tree: a syntax fault or a limit. The tree is usable with other
 * faults present, so look at faults->n_errors. */
struct json_doc *json_parse(const char *data, size_t len, unsigned file, const char *path,
                            struct faults *faults);
void json_free(struct json_doc *doc);	/* NULL is fine */

/* A member by its key; NULL if there is none or node is NULL or no object. */
const struct json_node *json_get(const struct json_node *node, const char *key);

/* The string, or NULL if node is NULL or something else. */
const char *json_string(const struct json_node *node);

/* A whole number in [min, max], written without a fraction or as 1.0 or 1e3. */
bool json_integer(const struct json_node *node, long long min, long long max, long long *out);

/* "a string", "an object", ...: for messages. */
const char *json_type_name(enum json_type type);

/* Append the node's JSON pointer (RFC 6901); nothing for the root. */
void json_pointer(const struct json_node *node, struct buf *out);

/* Add a fault or warning at the node's value, or at its key when it has one. */
void json_fault(const struct json_doc *doc, const struct json_node *node, struct faults *faults,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void json_fault_key(const struct json_doc *doc, const struct json_node *node,
                    struct faults *faults, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void json_warn(const struct json_doc *doc, const struct json_node *node, struct faults *faults,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* --- writing ------------------------------------------------------------------ */

/* Append s as a JSON string with its quotes (text_add_json); NULL gives null. */
void json_escape(struct buf *out, const char *s);

#endif
