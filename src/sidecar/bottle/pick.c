#include "pick.h"

#include <stdio.h>
#include <string.h>

void pick_init(struct pick *p, struct pick_want *wants, size_t n)
{
	*p = (struct pick){ .wants = wants, .n_wants = n };
	for (size_t i = 0; i < n; i++)
		wants[i].out[0] = '\0';
}

/* --- the path ------------------------------------------------------------------ */

/* One that is too long fills its place, and so is no path that anybody wants. */
static void path_add(struct pick *p, const char *s, size_t len)
{
	size_t room = sizeof p->path - 1 - p->path_len;

	if (len > room)
		len = room;
	memcpy(p->path + p->path_len, s, len);
	p->path_len += len;
	p->path[p->path_len] = '\0';
}

/* The path of what comes next at this level begins anew. */
static void path_begin(struct pick *p, const struct pick_level *l)
{
	p->path_len = l->path_len;
	if (p->path_len)
		path_add(p, ".", 1);
	p->path[p->path_len] = '\0';
}

static void path_index(struct pick *p, const struct pick_level *l)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%u", l->index);

	path_begin(p, l);
	path_add(p, text, (size_t)n);
}

/* --- strings --------------------------------------------------------------------- */

static void put(struct pick *p, char c)
{
	struct pick_want *w = p->into;

	if (p->is_key) {
		path_add(p, &c, 1);
		return;
	}
	if (!w)
		return;
	if (p->into_len + 1 >= w->cap) {
		size_t drop = w->cap / 2;

		if (!w->keep_end)
			return;
		p->into_len -= drop;
		memmove(w->out, w->out + drop, p->into_len);
	}
	w->out[p->into_len++] = c;
	w->out[p->into_len] = '\0';
}

static void put_point(struct pick *p, unsigned c)
{
	if (c < 0x80) {
		put(p, (char)c);
		return;
	}
	if (c < 0x800) {
		put(p, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		put(p, (char)(0xe0 | c >> 12));
		put(p, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		put(p, (char)(0xf0 | c >> 18));
		put(p, (char)(0x80 | (c >> 12 & 0x3f)));
		put(p, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	put(p, (char)(0x80 | (c & 0x3f)));
}

/* Half of a pair that the other half does not follow. */
static void put_lone(struct pick *p)
{
	if (p->high)
		put(p, '?');
	p->high = 0;
}

static void put_unit(struct pick *p, unsigned c)
{
	if (p->high && c >= 0xdc00 && c < 0xe000) {
		put_point(p, 0x10000 + ((p->high - 0xd800) << 10) + (c - 0xdc00));
		p->high = 0;
		return;
	}
	put_lone(p);
	if (c >= 0xd800 && c < 0xdc00)
		p->high = c;
	else if (c >= 0xdc00 && c < 0xe000)
		put(p, '?');
	else
		put_point(p, c);
}

static unsigned hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (unsigned)((c | 0x20) - 'a') + 10;
	return 0;
}

static void begin_string(struct pick *p)
{
	p->in_string = true;
	p->is_escaped = false;
	p->hex_left = p->high = 0;
	p->into = NULL;
	p->into_len = 0;
	p->is_key = p->expects_key && p->depth > 0;
	if (p->is_key) {
		path_begin(p, &p->levels[p->depth - 1]);
		return;
	}
	if (p->depth > PICK_DEPTH_MAX)
		return;
	for (size_t i = 0; i < p->n_wants; i++)
		if (strcmp(p->wants[i].path, p->path) == 0)
			p->into = &p->wants[i];
	if (p->into)
		p->into->out[0] = '\0';
}

static void feed_escape(struct pick *p, char c)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *at = memchr(from, c, sizeof from - 1);

	p->is_escaped = false;
	if (c == 'u') {
		p->hex_left = 4;
		p->hex = 0;
		return;
	}
	put_lone(p);
	put(p, at ? to[at - from] : c);
}

static void feed_string(struct pick *p, char c)
{
	if (p->hex_left) {
		p->hex = p->hex << 4 | hex_value(c);
		if (--p->hex_left == 0)
			put_unit(p, p->hex);
	} else if (p->is_escaped) {
		feed_escape(p, c);
	} else if (c == '\\') {
		p->is_escaped = true;
	} else if (c == '"') {
		put_lone(p);
		p->in_string = p->is_key = false;
	} else {
		put_lone(p);
		put(p, c);
	}
}

/* --- the rest --------------------------------------------------------------------- */

static void open_level(struct pick *p, bool is_array)
{
	struct pick_level *l;

	p->expects_key = false;
	if (p->depth++ >= PICK_DEPTH_MAX)
		return;
	l = &p->levels[p->depth - 1];
	*l = (struct pick_level){ .is_array = is_array, .path_len = p->path_len };
	p->expects_key = !is_array;
	if (is_array)
		path_index(p, l);
}

static void next_value(struct pick *p)
{
	struct pick_level *l;

	if (!p->depth || p->depth > PICK_DEPTH_MAX)
		return;
	l = &p->levels[p->depth - 1];
	p->expects_key = !l->is_array;
	if (!l->is_array)
		return;
	l->index++;
	path_index(p, l);
}

static void feed(struct pick *p, char c)
{
	switch (c) {
	case '"':
		begin_string(p);
		break;
	case '{':
	case '[':
		open_level(p, c == '[');
		break;
	case '}':
	case ']':
		if (p->depth)
			p->depth--;
		p->expects_key = false;
		break;
	case ':':
		p->expects_key = false;
		break;
	case ',':
		next_value(p);
		break;
	default:
		break;
	}
}

void pick_feed(struct pick *p, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p->in_string)
			feed_string(p, data[i]);
		else
			feed(p, data[i]);
	}
}
