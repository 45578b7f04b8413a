/* Reading: recursive descent over the bytes, at most JSON_DEPTH_MAX deep. */
#include "core/json.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/text.h"

struct parser {
	struct json_doc *doc;
	struct faults *faults;
	struct buf scratch; /* the string being decoded */
	const char *s;      /* doc->text */
	size_t pos, len;
	size_t mark; /* line and column are those of this byte */
	unsigned line, column;
	unsigned depth;
	size_t n_nodes;
	locale_t c_locale; /* strtod must not follow the user's decimal comma */
};

static int parse_value(struct parser *p, struct json_node *node);

/* Places are asked for in the order of the text, so counting goes on from the
 * last one and the whole document is counted once. */
static struct json_place place_of(struct parser *p, size_t pos)
{
	for (; p->mark < pos; p->mark++) {
		if (p->s[p->mark] == '\n') {
			p->line++;
			p->column = 1;
		} else if (((unsigned char)p->s[p->mark] & 0xc0) != 0x80) {
			p->column++;
		}
	}
	return (struct json_place){ .start = pos, .line = p->line, .column = p->column };
}

/* A fault at pos that concerns node; its pointer is the node's. */
static void fault_here(struct parser *p, const struct json_node *node, size_t pos, const char *text)
{
	struct buf pointer = BUF_INIT(FAULT_TEXT_MAX + 8);
	struct json_place at = place_of(p, pos);

	json_pointer(node, &pointer);
	faults_add(p->faults,
	           (struct fault_at){ .file = p->doc->file,
	                              .path = p->doc->path,
	                              .pointer = buf_str(&pointer),
	                              .offset = pos,
	                              .line = at.line,
	                              .column = at.column },
	           "%s", text);
	buf_done(&pointer);
}

/* The fault that ends reading. */
static int stop_here(struct parser *p, const struct json_node *node, const char *text)
{
	fault_here(p, node, p->pos, text);
	return -1;
}

static int peek(const struct parser *p)
{
	return p->pos < p->len ? (unsigned char)p->s[p->pos] : -1;
}

static bool at_word(const struct parser *p, const char *word)
{
	size_t n = strlen(word);

	return p->len - p->pos >= n && memcmp(p->s + p->pos, word, n) == 0;
}

static void skip_space(struct parser *p)
{
	while (p->pos < p->len && strchr(" \t\r\n", p->s[p->pos]) && p->s[p->pos])
		p->pos++;
}

/* --- strings ------------------------------------------------------------------- */

static int hex4(const struct parser *p, size_t pos)
{
	int v = 0;

	if (p->len - pos < 4)
		return -1;
	for (size_t i = pos; i < pos + 4; i++) {
		char c = p->s[i];

		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return v;
}

/* Append a code point, above 0x7f in two to four bytes. */
static void put(struct parser *p, uint32_t cp)
{
	if (cp < 0x80) {
		buf_addc(&p->scratch, (char)cp);
		return;
	}
	if (cp < 0x800) {
		buf_addc(&p->scratch, (char)(0xc0 | cp >> 6));
	} else {
		if (cp < 0x10000) {
			buf_addc(&p->scratch, (char)(0xe0 | cp >> 12));
		} else {
			buf_addc(&p->scratch, (char)(0xf0 | cp >> 18));
			buf_addc(&p->scratch, (char)(0x80 | (cp >> 12 & 0x3f)));
		}
		buf_addc(&p->scratch, (char)(0x80 | (cp >> 6 & 0x3f)));
	}
	buf_addc(&p->scratch, (char)(0x80 | (cp & 0x3f)));
}

/* \uXXXX, and the second half of a pair. pos is at the backslash. */
static int unicode_escape(struct parser *p, const struct json_node *node)
{
	size_t start = p->pos;
	int unit = hex4(p, p->pos + 2), low = -1;

	if (unit < 0)
		return stop_here(p, node, "\\u takes four hexadecimal digits");
	p->pos += 6;
	if (unit >= 0xd800 && unit < 0xdc00 && at_word(p, "\\u"))
		low = hex4(p, p->pos + 2);
	if (low >= 0xdc00 && low < 0xe000) {
		p->pos += 6;
		put(p, 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
	} else if (unit >= 0xd800 && unit < 0xe000) {
		fault_here(p, node, start,
		           "half of a surrogate pair; write the character itself or both halves");
		put(p, 0xfffd);
	} else if (unit == 0) {
		fault_here(p, node, start, "a NUL character cannot be used here; remove \\u0000");
		put(p, 0xfffd);
	} else {
		put(p, (uint32_t)unit);
	}
	return 0;
}

static int escape(struct parser *p, const struct json_node *node)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c = p->pos + 1 < p->len ? p->s[p->pos + 1] : '\0';
	const char *found = c ? strchr(names, c) : NULL;

	if (c == 'u')
		return unicode_escape(p, node);
	if (!found)
		return stop_here(p, node, "unknown escape in a string; write a backslash as \\\\");
	buf_addc(&p->scratch, values[found - names]);
	p->pos += 2;
	return 0;
}

/* A character as it stands. Raw control bytes and bad UTF-8 are noted and read on. */
static void plain_char(struct parser *p, const struct json_node *node, bool *is_noted)
{
	uint32_t cp = 0;
	size_t len = text_utf8(p->s + p->pos, p->len - p->pos, &cp);

	if (len == 0) {
		if (!*is_noted)
			fault_here(p, node, p->pos, "not UTF-8; save the file as UTF-8");
		*is_noted = true;
		put(p, 0xfffd);
		p->pos++;
		return;
	}
	if (cp < 0x20) {
		fault_here(p, node, p->pos,
		           cp == '\t' ? "a raw tab in a string; write \\t"
		                      : "a raw control byte in a string; write it as \\u00XX or "
		                        "remove it");
		cp = cp ? cp : 0xfffd;
	}
	put(p, cp);
	p->pos += len;
}

/* The string at pos, decoded and owned by the caller; NULL on a syntax fault. */
static char *parse_string(struct parser *p, const struct json_node *node, struct json_place *place)
{
	bool is_noted = false;
	char *s;

	*place = place_of(p, p->pos);
	/* not buf_reset, which wipes all that a long string once needed, each time */
	mem_wipe(p->scratch.data, p->scratch.len);
	p->scratch.len = 0;
	p->pos++;
	for (;;) {
		int c = peek(p);

		if (c < 0) {
			stop_here(p, node, "the file ends inside a string; close it with \"");
			return NULL;
		}
		if (c == '\n' || c == '\r') {
			stop_here(p, node,
			          "a line break inside a string; close it with \" or write \\n");
			return NULL;
		}
		if (c == '"')
			break;
		if (c != '\\')
			plain_char(p, node, &is_noted);
		else if (escape(p, node) < 0)
			return NULL;
	}
	p->pos++;
	place->end = p->pos;
	s = xmalloc(p->scratch.len + 1);
	if (p->scratch.len)
		memcpy(s, p->scratch.data, p->scratch.len);
	s[p->scratch.len] = '\0';
	return s;
}

/* --- numbers ------------------------------------------------------------------- */

static size_t digits(const struct parser *p, size_t pos)
{
	size_t n = 0;

	while (pos + n < p->len && p->s[pos + n] >= '0' && p->s[pos + n] <= '9')
		n++;
	return n;
}

/* Length of the number at pos by the grammar, leading zeros let through; 0 for none. */
static size_t number_len(const struct parser *p)
{
	size_t at = p->pos, n;

	if (p->s[at] == '-')
		at++;
	n = digits(p, at);
	if (n == 0)
		return 0;
	at += n;
	if (at < p->len && p->s[at] == '.') {
		n = digits(p, at + 1);
		if (n == 0)
			return 0;
		at += 1 + n;
	}
	if (at < p->len && (p->s[at] == 'e' || p->s[at] == 'E')) {
		at++;
		if (at < p->len && (p->s[at] == '+' || p->s[at] == '-'))
			at++;
		n = digits(p, at);
		if (n == 0)
			return 0;
		at += n;
	}
	return at - p->pos;
}

static int parse_number(struct parser *p, struct json_node *node)
{
	size_t len = number_len(p), first = p->pos + (p->s[p->pos] == '-');
	char text[JSON_NUMBER_MAX + 1];

	if (len == 0)
		return stop_here(p, node, "not a JSON number; write it as 12, -3 or 0.5");
	node->type = JSON_NUMBER;
	if (len > JSON_NUMBER_MAX) {
		fault_here(p, node, p->pos, "a number of more than 64 characters; shorten it");
	} else {
		memcpy(text, p->s + p->pos, len);
		text[len] = '\0';
		node->number = strtod_l(text, NULL, p->c_locale);
		if (__builtin_isinf(node->number)) {
			fault_here(p, node, p->pos, "a number that is too large");
			node->number = 0;
		}
	}
	if (p->s[first] == '0' && digits(p, first) > 1)
		fault_here(p, node, p->pos, "a number has no leading zeros; remove them");
	p->pos += len;
	return 0;
}

/* --- objects and arrays ---------------------------------------------------------- */

static struct json_node *new_child(struct json_node *parent)
{
	struct json_node *node = xcalloc(1, sizeof *node);

	node->parent = parent;
	node->index = parent->n++;
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	return node;
}

static void free_node(struct json_node *node)
{
	for (struct json_node *c = node->first, *next; c; c = next) {
		next = c->next;
		free_node(c);
	}
	if (node->type == JSON_STRING)
		mem_wipe_str(node->string);
	free(node->key);
	free(node);
}

static int by_key(const void *a, const void *b)
{
	const struct json_node *x = *(struct json_node *const *)a;
	const struct json_node *y = *(struct json_node *const *)b;
	int c = strcmp(x->key, y->key);

	return c ? c : (x->index > y->index) - (x->index < y->index);
}

/* Report every repetition of a key and take it out of the tree. Sorting keeps
 * this quick when a hostile document has 100,000 members. */
static void drop_duplicates(struct parser *p, struct json_node *object)
{
	struct json_node **v, **link;
	size_t i = 0;

	if (object->n < 2)
		return;
	v = xcalloc(object->n, sizeof(struct json_node *));
	for (struct json_node *c = object->first; c; c = c->next)
		v[i++] = c;
	qsort(v, object->n, sizeof *v, by_key);
	for (struct json_node *original = v[i = 0]; i < object->n; i++) {
		if (v[i] == original || strcmp(v[i]->key, original->key) != 0) {
			original = v[i];
			continue;
		}
		json_fault_key(p->doc, v[i], p->faults,
		               "the key \"%.60s\" is given twice, first on line %u; remove one",
		               v[i]->key, original->key_at.line);
		original->is_repeated = true;
		v[i]->index = SIZE_MAX;
	}
	free(v);

	link = &object->first;
	object->last = NULL;
	object->n = 0;
	while (*link) {
		struct json_node *c = *link;

		if (c->index == SIZE_MAX) {
			*link = c->next;
			free_node(c);
			continue;
		}
		c->index = object->n++;
		object->last = c;
		link = &c->next;
	}
}

/* What stands where a value or key should begin. */
static const char *why_not_a_value(const struct parser *p)
{
	int c = peek(p);

	if (c < 0)
		return "the file ends where a value should stand";
	if (c == 0)
		return "a NUL byte; the file is no JSON text";
	if (c == '/' || c == '#')
		return "JSON has no comments; remove it";
	if (c == '\'')
		return "strings take double quotes";
	if (c == '}' || c == ']')
		return "a value is missing here";
	if (c == ',')
		return "a value is missing before this comma";
	if (c == '+' || c == '.')
		return "not a JSON number; write it as 12, -3 or 0.5";
	if (at_word(p, "True") || at_word(p, "False") || at_word(p, "None") || at_word(p, "NULL") ||
	    at_word(p, "undefined"))
		return "not JSON; write true, false or null in small letters";
	if (at_word(p, "NaN") || at_word(p, "Infinity"))
		return "JSON has no NaN and no Infinity";
	return "not a JSON value; a text needs double quotes";
}

/* After an element: a comma that another one follows, or the closing bracket.
 * 1 for another, 0 for the end, -1 for a fault. */
static int next_element(struct parser *p, const struct json_node *node, int closing)
{
	bool is_object = closing == '}';
	size_t comma;

	skip_space(p);
	if (peek(p) == closing)
		return 0;
	if (peek(p) < 0)
		return stop_here(p, node,
		                 is_object ? "the file ends inside an object; close it with }"
		                           : "the file ends inside an array; close it with ]");
	if (peek(p) == '/' || peek(p) == '#')
		return stop_here(p, node, "JSON has no comments; remove it");
	if (peek(p) != ',')
		return stop_here(p, node,
		                 is_object ? "a comma or } is missing before this"
		                           : "a comma or ] is missing before this");
	comma = p->pos++;
	skip_space(p);
	if (peek(p) != closing)
		return 1;
	p->pos = comma;
	return stop_here(p, node, "no comma after the last element; remove it");
}

static int parse_member(struct parser *p, struct json_node *object)
{
	struct json_place key_at;
	struct json_node *node;
	char *key;

	if (peek(p) != '"') {
		int c = peek(p);

		return stop_here(p, object,
		                 c < 0 || c == '/' || c == '#' || c == '\'' || c == ',' || c == 0
		                         ? why_not_a_value(p)
		                         : "a key must be a string in double quotes");
	}
	key = parse_string(p, object, &key_at);
	if (!key)
		return -1;
	node = new_child(object);
	node->key = key;
	node->key_at = key_at;
	skip_space(p);
	if (peek(p) != ':')
		return stop_here(p, node, "a colon is missing between key and value");
	p->pos++;
	skip_space(p);
	return parse_value(p, node);
}

static int parse_container(struct parser *p, struct json_node *node, int closing)
{
	int more;

	node->type = closing == '}' ? JSON_OBJECT : JSON_ARRAY;
	if (++p->depth > JSON_DEPTH_MAX)
		return stop_here(p, node, "more than 64 objects and arrays inside one another");
	p->pos++;
	skip_space(p);
	if (peek(p) != closing) {
		do {
			if ((closing == '}' ? parse_member(p, node)
			                    : parse_value(p, new_child(node))) < 0)
				return -1;
			more = next_element(p, node, closing);
			if (more < 0)
				return -1;
		} while (more);
	}
	p->pos++;
	p->depth--;
	if (closing == '}')
		drop_duplicates(p, node);
	return 0;
}

/* true, false, null: as whole words. */
static int parse_word(struct parser *p, struct json_node *node)
{
	static const char *const words[] = { "null", "false", "true" };

	for (size_t i = 0; i < 3; i++) {
		if (!at_word(p, words[i]))
			continue;
		node->type = i == 0 ? JSON_NULL : JSON_BOOL;
		node->boolean = i == 2;
		p->pos += strlen(words[i]);
		return 0;
	}
	return stop_here(p, node, why_not_a_value(p));
}

static int parse_value(struct parser *p, struct json_node *node)
{
	int c = peek(p), rc = 0;

	if (++p->n_nodes > JSON_NODES_MAX)
		return stop_here(p, node, "more than 200000 values in one file");
	node->at = place_of(p, p->pos);
	if (c == '{' || c == '[') {
		rc = parse_container(p, node, c == '{' ? '}' : ']');
	} else if (c == '"') {
		struct json_place at;

		node->string = parse_string(p, node, &at);
		node->type = JSON_STRING;
		rc = node->string ? 0 : -1;
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		rc = parse_number(p, node);
	} else {
		rc = parse_word(p, node);
	}
	node->at.end = p->pos;
	return rc;
}

static int parse_document(struct parser *p)
{
	if (at_word(p, "\xef\xbb\xbf")) {
		fault_here(p, NULL, 0, "a byte order mark; save the file as UTF-8 without one");
		p->pos = 3;
	}
	skip_space(p);
	if (peek(p) < 0)
		return stop_here(p, NULL, "the file is empty; {} is the smallest one");
	if (parse_value(p, p->doc->root) < 0)
		return -1;
	skip_space(p);
	if (peek(p) >= 0)
		return stop_here(p, NULL, "something follows the end of the document; remove it");
	return 0;
}

struct json_doc *json_parse(const char *data, size_t len, unsigned file, const char *path,
                            struct faults *faults)
{
	struct parser p = { .faults = faults, .len = len, .line = 1, .column = 1 };
	int rc;

	if (len > JSON_BYTES_MAX) {
		faults_add(faults, (struct fault_at){ .file = file, .path = path },
		           "larger than 4 MiB; make it smaller");
		return NULL;
	}
	p.doc = xcalloc(1, sizeof *p.doc);
	p.doc->file = file;
	p.doc->path = xstrdup(path);
	p.doc->text = xmalloc(len + 1);
	if (len)
		memcpy(p.doc->text, data, len);
	p.doc->text[len] = '\0';
	p.doc->len = len;
	p.doc->root = xcalloc(1, sizeof *p.doc->root);
	p.s = p.doc->text;
	p.scratch = (struct buf)BUF_INIT_SECRET(JSON_BYTES_MAX * 3);
	p.c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);

	rc = parse_document(&p);
	freelocale(p.c_locale);
	buf_done(&p.scratch);
	if (rc < 0) {
		json_free(p.doc);
		return NULL;
	}
	return p.doc;
}

void json_free(struct json_doc *doc)
{
	if (!doc)
		return;
	free_node(doc->root);
	mem_wipe(doc->text, doc->len);
	free(doc->text);
	free(doc->path);
	free(doc);
}

/* --- looking things up ------------------------------------------------------------- */

const struct json_node *json_get(const struct json_node *node, const char *key)
{
	if (!node || node->type != JSON_OBJECT)
		return NULL;
	for (const struct json_node *c = node->first; c; c = c->next)
		if (strcmp(c->key, key) == 0)
			return c;
	return NULL;
}

const char *json_string(const struct json_node *node)
{
	return node && node->type == JSON_STRING ? node->string : NULL;
}

bool json_integer(const struct json_node *node, long long min, long long max, long long *out)
{
	const double exact = 9007199254740992.0; /* 2^53: beyond it doubles skip some */
	long long whole;

	if (!node || node->type != JSON_NUMBER || node->number < -exact || node->number > exact)
		return false;
	whole = (long long)node->number;
	if ((double)whole != node->number || whole < min || whole > max)
		return false;
	*out = whole;
	return true;
}
