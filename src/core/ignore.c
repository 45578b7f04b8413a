#include "core/ignore.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* A pattern in pieces. A path's '/' is only ever matched by a '/' of the
 * pattern, by PIECE_DIRS and by PIECE_REST. */
enum piece_kind {
	PIECE_BYTE,
	PIECE_SET,	/* [...] and ? */
	PIECE_STAR,	/* any bytes but '/' */
	PIECE_DIRS,	/* "**" and its '/': any number of whole folders, none included */
	PIECE_REST,	/* "**" at the end, or before an escaped '/': anything */
};

struct piece {
	enum piece_kind kind;
	unsigned char byte;
	unsigned char set[32];
};

struct rule {
	bool is_negated;
	bool dirs_only;
	bool by_name;		/* no '/' in it: the last component is matched */
	struct piece *pieces;
	size_t n;
};

struct ignore {
	const struct ignore *outer;
	size_t base_len;	/* of the base and its '/' */
	bool folds_case;
	struct rule *rules;
	size_t n, cap;
};

/* --- [sets] -------------------------------------------------------------------------- */

static void set_add(unsigned char *set, unsigned first, unsigned last)
{
	for (unsigned c = first; c <= last; c++)
		set[c / 8] |= (unsigned char)(1u << (c % 8));
}

static bool set_has(const unsigned char *set, unsigned char c)
{
	return set[c / 8] >> (c % 8) & 1;
}

static bool set_add_class(unsigned char *set, const char *name, size_t len)
{
	static const struct {
		const char *name;
		int (*is)(int);
	} classes[] = {
		{ "alnum", isalnum }, { "alpha", isalpha }, { "blank", isblank },
		{ "cntrl", iscntrl }, { "digit", isdigit }, { "graph", isgraph },
		{ "lower", islower }, { "print", isprint }, { "punct", ispunct },
		{ "space", isspace }, { "upper", isupper }, { "xdigit", isxdigit },
	};

	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		if (strlen(classes[i].name) != len || memcmp(classes[i].name, name, len) != 0)
			continue;
		for (unsigned c = 0; c < 128; c++)
			if (classes[i].is((int)c))
				set_add(set, c, c);
		return true;
	}
	return false;
}

/* Parse "[...]" at s, which ends at end. Returns what follows it, or NULL for a
 * set that is not closed or names no known class: such a rule fits nothing. */
static const char *parse_set(const char *s, const char *end, unsigned char *set)
{
	bool negated = false, has_last = false;
	unsigned char last = 0;

	s++;
	if (s < end && (*s == '!' || *s == '^')) {
		negated = true;
		s++;
	}
	for (const char *first = s; s < end && (*s != ']' || s == first); s++) {
		const char *close;

		if (*s == '-' && has_last && s + 1 < end && s[1] != ']') {
			s += s[1] == '\\' && s + 2 < end ? 2 : 1;
			set_add(set, last, (unsigned char)*s);
			has_last = false;
			continue;
		}
		if (*s == '[' && s + 1 < end && s[1] == ':' &&
		    (close = memchr(s + 2, ']', (size_t)(end - s - 2))) && close > s + 2 &&
		    close[-1] == ':') {
			if (!set_add_class(set, s + 2, (size_t)(close - 1 - (s + 2))))
				return NULL;
			has_last = false;
			s = close;
			continue;
		}
		if (*s == '\\' && s + 1 < end)
			s++;
		last = (unsigned char)*s;
		has_last = true;
		set_add(set, last, last);
	}
	if (s >= end)
		return NULL;
	for (size_t i = 0; negated && i < 32; i++)
		set[i] = (unsigned char)~set[i];
	return s + 1;
}

/* --- patterns ------------------------------------------------------------------------- */

static struct piece *rule_add(struct rule *r, enum piece_kind kind)
{
	r->pieces = xreallocarray(r->pieces, r->n + 1, sizeof *r->pieces);
	memset(&r->pieces[r->n], 0, sizeof *r->pieces);
	r->pieces[r->n].kind = kind;
	return &r->pieces[r->n++];
}

/* "*" and "**..." at s; returns what follows the piece. */
static const char *parse_stars(struct rule *r, const char *start, const char *s, const char *end)
{
	const char *after = s;

	while (after < end && *after == '*')
		after++;
	if (after - s > 1 && (s == start || s[-1] == '/')) {
		if (after == end || (end - after > 1 && after[0] == '\\' && after[1] == '/')) {
			rule_add(r, PIECE_REST);
			return after;
		}
		if (*after == '/') {
			rule_add(r, PIECE_DIRS);
			return after + 1;
		}
	}
	rule_add(r, PIECE_STAR);
	return after;
}

/* False when the pattern can fit nothing. */
static bool parse_pattern(struct rule *r, const char *s, const char *end)
{
	const char *start = s;

	while (s < end) {
		if (*s == '*') {
			s = parse_stars(r, start, s, end);
		} else if (*s == '?') {
			set_add(rule_add(r, PIECE_SET)->set, 0, 255);
			s++;
		} else if (*s == '[') {
			s = parse_set(s, end, rule_add(r, PIECE_SET)->set);
			if (!s)
				return false;
		} else {
			if (*s == '\\' && ++s == end)
				return false;
			rule_add(r, PIECE_BYTE)->byte = (unsigned char)*s++;
		}
	}
	return true;
}

/* Spaces at the end do not count, unless a backslash is before them. */
static const char *trim(const char *s, const char *end)
{
	const char *keep = s;

	for (; s < end; s++) {
		if (*s == '\\' && s + 1 < end)
			s++;
		else if (*s == ' ')
			continue;
		keep = s + 1;
	}
	return keep;
}

static void parse_line(struct ignore *ig, const char *s, const char *end)
{
	struct rule r = { 0 };

	end = trim(s, end);
	if (s < end && *s == '!') {
		r.is_negated = true;
		s++;
	}
	if (s < end && end[-1] == '/') {
		r.dirs_only = true;
		end--;
	}
	if (s == end)
		return;
	r.by_name = !memchr(s, '/', (size_t)(end - s));
	if (*s == '/')
		s++;
	if (!parse_pattern(&r, s, end)) {
		free(r.pieces);
		return;
	}
	if (ig->n == ig->cap) {
		ig->cap = ig->cap ? 2 * ig->cap : 16;
		ig->rules = xreallocarray(ig->rules, ig->cap, sizeof *ig->rules);
	}
	ig->rules[ig->n++] = r;
}

struct ignore *ignore_parse(const char *text, size_t len, const char *base, bool folds_case,
			    const struct ignore *outer)
{
	struct ignore *ig = xcalloc(1, sizeof *ig);
	const char *end = text + len;

	ig->outer = outer;
	ig->folds_case = folds_case;
	ig->base_len = *base ? strlen(base) + 1 : 0;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *stop = nl ? nl : end;

		if (stop > text && stop[-1] == '\r')
			stop--;
		/* A rule is a string to git: it ends at a NUL. */
		stop = text + strnlen(text, (size_t)(stop - text));
		if (stop > text && *text != '#')
			parse_line(ig, text, stop);
		text = nl ? nl + 1 : end;
	}
	return ig;
}

void ignore_free(struct ignore *ig)
{
	if (!ig)
		return;
	for (size_t i = 0; i < ig->n; i++)
		free(ig->rules[i].pieces);
	free(ig->rules);
	free(ig);
}

/* --- matching ------------------------------------------------------------------------- */

static bool byte_fits(const struct piece *p, unsigned char c, bool folds)
{
	if (p->kind == PIECE_BYTE)
		return p->byte == c || (folds && tolower(p->byte) == tolower(c));
	return c != '/' && (set_has(p->set, c) ||
			    (folds && (set_has(p->set, (unsigned char)tolower(c)) ||
				       set_has(p->set, (unsigned char)toupper(c)))));
}

/* at[j]: the pieces so far fit the first j bytes. Make it so for one more. */
static void step(bool *at, const char *s, size_t len, const struct piece *p, bool folds)
{
	bool before = false;	/* some i < j had at[i] */

	switch (p->kind) {
	case PIECE_BYTE:
	case PIECE_SET:
		for (size_t j = len; j > 0; j--)
			at[j] = at[j - 1] && byte_fits(p, (unsigned char)s[j - 1], folds);
		at[0] = false;
		break;
	case PIECE_STAR:
		for (size_t j = 1; j <= len; j++)
			at[j] = at[j] || (at[j - 1] && s[j - 1] != '/');
		break;
	case PIECE_DIRS:
		for (size_t j = 0; j <= len; j++) {
			bool here = at[j];

			at[j] = here || (before && s[j - 1] == '/');
			before = before || here;
		}
		break;
	case PIECE_REST:
		for (size_t j = 1; j <= len; j++)
			at[j] = at[j] || at[j - 1];
		break;
	}
}

static bool rule_fits(const struct rule *r, const char *s, bool folds)
{
	size_t len = strlen(s), done = 0;
	bool small[256], *at, fits;

	/* Most rules differ early, or are plain text. */
	for (; done < r->n && r->pieces[done].kind == PIECE_BYTE; done++)
		if (done >= len || !byte_fits(&r->pieces[done], (unsigned char)s[done], folds))
			return false;
	s += done;
	len -= done;
	if (done == r->n)
		return len == 0;

	at = len < sizeof small ? small : xmalloc(len + 1);
	memset(at, 0, len + 1);
	at[0] = true;
	for (; done < r->n; done++)
		step(at, s, len, &r->pieces[done], folds);
	fits = at[len];
	if (at != small)
		free(at);
	return fits;
}

bool ignore_has(const struct ignore *ig, const char *path, bool is_dir)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (; ig; ig = ig->outer)
		for (size_t i = ig->n; i-- > 0;) {
			const struct rule *r = &ig->rules[i];

			if (r->dirs_only && !is_dir)
				continue;
			if (rule_fits(r, r->by_name ? name : path + ig->base_len, ig->folds_case))
				return !r->is_negated;
		}
	return false;
}
