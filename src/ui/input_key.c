/* What control sequences mean, and what keys are called. */
#include "ui/input_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/text.h"
#include "core/width.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- sequences ------------------------------------------------------------------------------ */

static const char *parse_number(const char *p, const char *end, int *out)
{
	int v = -1;

	for (; p < end && *p >= '0' && *p <= '9'; p++)
		v = v > 99999999 ? v : (v < 0 ? 0 : v) * 10 + (*p - '0');
	*out = v;
	return p;
}

bool input_parse_csi(struct input_csi *c, const char *text, size_t len)
{
	const char *p = text, *end = text + len - 1;

	memset(c, 0, sizeof *c);
	if (len == 0)
		return false;
	c->final = *end;
	if (p < end && *p >= '<' && *p <= '?')
		c->prefix = *p++;
	while (p < end && *p >= '0' && *p <= ';') {
		int i = c->n, sub;

		if (c->n == INPUT_PARAMS_MAX)
			return false;
		p = parse_number(p, end, &c->v[i]);
		while (p < end && *p == ':') {
			p = parse_number(p + 1, end, &sub);
			if (c->n_sub[i] < INPUT_SUBS_MAX)
				c->sub[i][c->n_sub[i]++] = sub;
		}
		c->n++;
		if (p < end && *p == ';')
			p++;
		else
			break;
	}
	for (; p < end && *p >= ' ' && *p <= '/'; p++)
		c->inter = *p;
	return p == end;
}

static int param(const struct input_csi *c, int i, int def)
{
	return i < c->n && c->v[i] >= 0 ? c->v[i] : def;
}

/* xterm and kitty: 1 + Shift 1, Alt 2, Ctrl 4, Super 8, Hyper 16, Meta 32, and
 * locks, which do not matter here. */
static unsigned mods_of(int v)
{
	unsigned bits = v > 0 ? (unsigned)(v - 1) : 0;

	return (bits & 15) | (bits & 32 ? VTKEY_ALT : 0);
}

struct number_key {
	int number;
	uint32_t code;
};

static const struct number_key tilde_keys[] = {
	{ 1, VTKEY_HOME },     { 2, VTKEY_INSERT },    { 3, VTKEY_DELETE },   { 4, VTKEY_END },
	{ 5, VTKEY_PAGE_UP },  { 6, VTKEY_PAGE_DOWN }, { 7, VTKEY_HOME },     { 8, VTKEY_END },
	{ 11, VTKEY_F1 },      { 12, VTKEY_F1 + 1 },   { 13, VTKEY_F1 + 2 },  { 14, VTKEY_F1 + 3 },
	{ 15, VTKEY_F1 + 4 },  { 17, VTKEY_F1 + 5 },   { 18, VTKEY_F1 + 6 },  { 19, VTKEY_F1 + 7 },
	{ 20, VTKEY_F1 + 8 },  { 21, VTKEY_F1 + 9 },   { 23, VTKEY_F1 + 10 }, { 24, VTKEY_F1 + 11 },
	{ 25, VTKEY_F1 + 12 }, { 26, VTKEY_F1 + 13 },  { 28, VTKEY_F1 + 14 }, { 29, VTKEY_F1 + 15 },
	{ 31, VTKEY_F1 + 16 }, { 32, VTKEY_F1 + 17 },  { 33, VTKEY_F1 + 18 }, { 34, VTKEY_F1 + 19 },
};

/* Private-use code points of the kitty protocol. F13 to F35 and the keypad's
 * digits are runs, and are not here. */
static const struct number_key kitty_keys[] = {
	{ 9, VTKEY_TAB },           { 13, VTKEY_ENTER },     { 27, VTKEY_ESCAPE },
	{ 127, VTKEY_BACKSPACE },   { 57417, VTKEY_LEFT },   { 57418, VTKEY_RIGHT },
	{ 57419, VTKEY_UP },        { 57420, VTKEY_DOWN },   { 57421, VTKEY_PAGE_UP },
	{ 57422, VTKEY_PAGE_DOWN }, { 57423, VTKEY_HOME },   { 57424, VTKEY_END },
	{ 57425, VTKEY_INSERT },    { 57426, VTKEY_DELETE }, { 57427, VTKEY_BEGIN },
};

static uint32_t find_number(const struct number_key *keys, size_t n, int number)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].number == number)
			return keys[i].code;
	return 0;
}

static uint32_t letter_key(char final)
{
	switch (final) {
	case 'A':
		return VTKEY_UP;
	case 'B':
		return VTKEY_DOWN;
	case 'C':
		return VTKEY_RIGHT;
	case 'D':
		return VTKEY_LEFT;
	case 'E':
		return VTKEY_BEGIN;
	case 'F':
		return VTKEY_END;
	case 'H':
		return VTKEY_HOME;
	case 'P':
	case 'Q':
	case 'R':
	case 'S':
		return VTKEY_F1 + (uint32_t)(final - 'P');
	default:
		return 0;
	}
}

static bool named(struct input_event *ev, uint32_t code, unsigned mods)
{
	ev->kind = INPUT_KEY;
	ev->key.code = code;
	ev->key.mods = mods;
	return code != 0;
}

static bool may_type(uint32_t cp)
{
	return cp >= ' ' && cp != 0x7f && !(cp >= 0x80 && cp < 0xa0) && cp < 0x110000 &&
	       !(cp >= 0xd800 && cp < 0xe000) && !(cp >= 0xe000 && cp < 0xf900);
}

void input_char_event(uint32_t cp, unsigned mods, struct input_event *ev)
{
	static const char controls[] = " abcdefghijklmnopqrstuvwxyz[\\]^_";

	ev->kind = INPUT_KEY;
	ev->key.mods = mods;
	ev->key_text[0] = '\0';
	if (cp == '\t' || cp == '\r' || cp == 0x1b || cp == 0x7f) {
		ev->key.code = cp == '\t'   ? VTKEY_TAB
		               : cp == '\r' ? VTKEY_ENTER
		               : cp == 0x1b ? VTKEY_ESCAPE
		                            : VTKEY_BACKSPACE;
		return;
	}
	if (cp < ' ') {
		ev->key.code = (unsigned char)controls[cp];
		ev->key.mods |= VTKEY_CTRL;
		return;
	}
	ev->key.code = cp;
	if (cp >= 'A' && cp <= 'Z') {
		ev->key.code = cp - 'A' + 'a';
		ev->key.mods |= VTKEY_SHIFT;
	}
	if (!(mods & (VTKEY_ALT | VTKEY_CTRL | VTKEY_SUPER)))
		ev->key_text[vt_utf8_put(ev->key_text, cp)] = '\0';
}

/* A code point with modifiers as modifyOtherKeys and kitty report it. is_base: it
 * is the key without its modifiers (kitty), not what they made of it. */
static bool modified(struct input_event *ev, int cp, unsigned mods, bool is_base)
{
	uint32_t code = find_number(kitty_keys, 4, cp);

	if (code)
		return named(ev, code, mods);
	if (cp < 0 || !may_type((uint32_t)cp)) {
		if (is_base || cp < 0 || cp >= ' ')
			return false;
		input_char_event((uint32_t)cp, mods, ev);
		return true;
	}
	input_char_event((uint32_t)cp, mods, ev);
	/* "ctrl-!" came about with Shift; a terminal that says so says it twice */
	if (!is_base && cp != ' ' && !(ev->key.code >= 'a' && ev->key.code <= 'z'))
		ev->key.mods &= ~(unsigned)VTKEY_SHIFT;
	if (is_base && mods & VTKEY_SHIFT)
		ev->key_text[0] = '\0'; /* what Shift makes of it is not known */
	return true;
}

static bool kitty_event(const struct input_csi *c, struct input_event *ev)
{
	int cp = param(c, 0, 0);
	unsigned mods = mods_of(param(c, 1, 1));
	uint32_t code = find_number(kitty_keys, N(kitty_keys), cp);
	size_t len = 0;

	if (c->n_sub[1 % INPUT_PARAMS_MAX] > 0 && c->n > 1 && c->sub[1][0] == 3)
		return false; /* a key let go */
	if (cp >= 57376 && cp <= 57398)
		code = VTKEY_F1 + 12 + (uint32_t)(cp - 57376);
	else if (cp >= 57399 && cp <= 57415)
		code = VTKEY_KP_0 + (uint32_t)(cp - 57399);
	if (code)
		named(ev, code, mods);
	else if (!modified(ev, cp, mods, true))
		return false;
	/* the text that it typed: kitty's third parameter */
	for (int i = -1; c->n > 2 && i < c->n_sub[2]; i++) {
		int t = i < 0 ? c->v[2] : c->sub[2][i];

		if (t >= 0 && may_type((uint32_t)t) && len + 5 <= sizeof ev->key_text)
			len += vt_utf8_put(ev->key_text + len, (uint32_t)t);
	}
	if (len)
		ev->key_text[len] = '\0';
	return true;
}

static bool mouse_bits(struct input_event *ev, int b, bool is_release)
{
	static const enum vtkey_button buttons[] = { VTKEY_LEFT_BUTTON, VTKEY_MIDDLE_BUTTON,
		                                     VTKEY_RIGHT_BUTTON, VTKEY_NO_BUTTON };

	if (b < 0 || b >= 128)
		return false;
	ev->kind = INPUT_MOUSE;
	ev->mods =
		(b & 4 ? VTKEY_SHIFT : 0u) | (b & 8 ? VTKEY_ALT : 0u) | (b & 16 ? VTKEY_CTRL : 0u);
	ev->action = b & 32 ? VTKEY_MOVE : is_release ? VTKEY_RELEASE : VTKEY_PRESS;
	if (b & 64) {
		ev->button = VTKEY_WHEEL_UP + (unsigned)(b & 3);
		return ev->action == VTKEY_PRESS;
	}
	ev->button = buttons[b & 3];
	return ev->button != VTKEY_NO_BUTTON || ev->action != VTKEY_PRESS;
}

bool input_x10_event(const unsigned char b[3], struct input_event *ev)
{
	bool is_release = (b[0] & 3) == 3 && !((b[0] - 32u) & (32 | 64));

	if (b[0] < 32 || b[1] < 33 || b[2] < 33)
		return false;
	ev->x = b[1] - 33;
	ev->y = b[2] - 33;
	return mouse_bits(ev, b[0] - 32, is_release);
}

static bool mouse_event(const struct input_csi *c, struct input_event *ev)
{
	if (c->n != 3 || c->inter)
		return false;
	ev->x = param(c, 1, 1) - 1;
	ev->y = param(c, 2, 1) - 1;
	if (ev->x < 0 || ev->y < 0)
		return false;
	return mouse_bits(ev, param(c, 0, -1), c->final == 'm');
}

static bool tilde_event(const struct input_csi *c, struct input_event *ev)
{
	int number = param(c, 0, 0);
	unsigned mods = mods_of(param(c, 1, 1));

	if (number == 27 && c->n == 3)
		return modified(ev, param(c, 2, -1), mods, false);
	if (c->final == '$' || c->final == '@')
		mods |= VTKEY_SHIFT;
	if (c->final == '^' || c->final == '@')
		mods |= VTKEY_CTRL;
	if (c->n > 1 && c->n_sub[1] > 0 && c->sub[1][0] == 3)
		return false;
	return named(ev, find_number(tilde_keys, N(tilde_keys), number), mods);
}

bool input_csi_event(const struct input_csi *c, struct input_event *ev)
{
	unsigned mods = mods_of(param(c, 1, 1));

	if (c->prefix == '<' && (c->final == 'M' || c->final == 'm'))
		return mouse_event(c, ev);
	if (c->prefix || c->inter)
		return false;
	switch (c->final) {
	case '~':
	case '$':
	case '^':
	case '@':
		return tilde_event(c, ev);
	case 'u':
		return kitty_event(c, ev);
	case 'Z':
		return named(ev, VTKEY_TAB, mods | VTKEY_SHIFT);
	case 'I':
	case 'O':
		if (c->n > 0)
			return false;
		ev->kind = INPUT_FOCUS;
		ev->has_focus = c->final == 'I';
		return true;
	case 'a':
	case 'b':
	case 'c':
	case 'd':
		if (c->n > 0)
			return false;
		return named(ev, letter_key((char)(c->final - 'a' + 'A')), VTKEY_SHIFT);
	case 'R':
		/* F3 with modifiers, or where the cursor is, which nobody asked for */
		if (c->n > 0 && (c->n != 2 || c->v[0] != 1 || mods == 0))
			return false;
		break;
	default:
		break;
	}
	if (c->n > 1 && c->n_sub[1] > 0 && c->sub[1][0] == 3)
		return false; /* kitty: a key let go */
	return named(ev, letter_key(c->final), mods);
}

bool input_ss3_event(int modifier, char final, struct input_event *ev)
{
	static const char keypad[] = "pqrstuvwxynojmkMX";
	unsigned mods = mods_of(modifier ? modifier : 1);
	const char *at = strchr(keypad, final);

	if (final >= 'a' && final <= 'd')
		return named(ev, letter_key((char)(final - 'a' + 'A')), mods | VTKEY_CTRL);
	if (final && at) {
		named(ev, VTKEY_KP_0 + (uint32_t)(at - keypad), mods);
		if (final != 'M')
			snprintf(ev->key_text, sizeof ev->key_text, "%c",
			         "0123456789./*-+\r="[at - keypad]);
		return true;
	}
	return named(ev, letter_key(final), mods);
}

bool input_csi_answer(const struct input_csi *c, struct input_answer *a)
{
	int skip = 0;

	if (c->prefix == '?' && c->final == 'c' && !c->inter)
		a->kind = INPUT_ANSWER_DA1;
	else if (c->prefix == '>' && c->final == 'c' && !c->inter)
		a->kind = INPUT_ANSWER_DA2;
	else if (c->prefix == '?' && c->final == 'y' && c->inter == '$' && c->n == 2)
		a->kind = INPUT_ANSWER_MODE;
	else if (c->prefix == '?' && c->final == 'u' && !c->inter)
		a->kind = INPUT_ANSWER_KITTY;
	else if (c->prefix == '?' && c->final == 'n' && c->n == 2 && c->v[0] == 997) {
		a->kind = INPUT_ANSWER_THEME;
		skip = 1;
	} else {
		return false;
	}
	for (int i = skip; i < c->n && a->n < INPUT_ANSWER_VALUES; i++)
		a->v[a->n++] = c->v[i] < 0 ? 0 : c->v[i];
	return true;
}

/* --- names ------------------------------------------------------------------------------------ */

static const struct key_name {
	const char *name;
	uint32_t code;
} key_names[] = {
	{ "Escape", VTKEY_ESCAPE },
	{ "Enter", VTKEY_ENTER },
	{ "Tab", VTKEY_TAB },
	{ "Backspace", VTKEY_BACKSPACE },
	{ "Up", VTKEY_UP },
	{ "Down", VTKEY_DOWN },
	{ "Right", VTKEY_RIGHT },
	{ "Left", VTKEY_LEFT },
	{ "Begin", VTKEY_BEGIN },
	{ "Home", VTKEY_HOME },
	{ "End", VTKEY_END },
	{ "Insert", VTKEY_INSERT },
	{ "Delete", VTKEY_DELETE },
	{ "PageUp", VTKEY_PAGE_UP },
	{ "PageDown", VTKEY_PAGE_DOWN },
	{ "Space", ' ' },
	{ "KP.", VTKEY_KP_DECIMAL },
	{ "KP/", VTKEY_KP_DIVIDE },
	{ "KP*", VTKEY_KP_MULTIPLY },
	{ "KP-", VTKEY_KP_SUBTRACT },
	{ "KP+", VTKEY_KP_ADD },
	{ "KPEnter", VTKEY_KP_ENTER },
	{ "KP=", VTKEY_KP_EQUAL },
	/* other names for the same, for reading only */
	{ "Esc", VTKEY_ESCAPE },
	{ "Return", VTKEY_ENTER },
	{ "PgUp", VTKEY_PAGE_UP },
	{ "PgDn", VTKEY_PAGE_DOWN },
	{ "Ins", VTKEY_INSERT },
	{ "Del", VTKEY_DELETE },
};

static const struct {
	const char *prefix;
	unsigned mod;
} mod_names[] = {
	{ "ctrl-", VTKEY_CTRL },
	{ "alt-", VTKEY_ALT },
	{ "shift-", VTKEY_SHIFT },
	{ "super-", VTKEY_SUPER },
};

static uint32_t code_of_name(const char *name)
{
	char *end;
	long n;

	for (size_t i = 0; i < N(key_names); i++)
		if (strcasecmp(name, key_names[i].name) == 0)
			return key_names[i].code;
	if ((name[0] == 'F' || name[0] == 'f') && name[1] >= '1' && name[1] <= '9') {
		n = strtol(name + 1, &end, 10);
		return *end == '\0' && n <= 35 ? VTKEY_F1 + (uint32_t)(n - 1) : 0;
	}
	if (strncasecmp(name, "KP", 2) == 0 && name[2] >= '0' && name[2] <= '9' && !name[3])
		return VTKEY_KP_0 + (uint32_t)(name[2] - '0');
	return 0;
}

int input_parse_key(struct vtkey *out, const char *name)
{
	struct vtkey key = { 0 };
	bool found = true;
	size_t len;
	uint32_t cp;

	while (found) {
		found = false;
		for (size_t i = 0; i < N(mod_names); i++) {
			len = strlen(mod_names[i].prefix);
			if (strncasecmp(name, mod_names[i].prefix, len) == 0 && name[len]) {
				key.mods |= mod_names[i].mod;
				name += len;
				found = true;
			}
		}
	}
	len = strlen(name);
	if (len && text_utf8(name, len, &cp) == len) {
		if (!may_type(cp))
			return -1;
		key.code = cp;
		if (cp >= 'A' && cp <= 'Z') {
			key.code = cp - 'A' + 'a';
			/* "ctrl-C" is how people write ctrl-c */
			if (!(key.mods & VTKEY_CTRL))
				key.mods |= VTKEY_SHIFT;
		}
	} else {
		key.code = code_of_name(name);
	}
	if (!key.code)
		return -1;
	*out = key;
	return 0;
}

static void base_name(uint32_t code, bool is_capital, char *out, size_t size)
{
	for (size_t i = 0; i < N(key_names); i++)
		if (key_names[i].code == code) {
			snprintf(out, size, "%s", key_names[i].name);
			return;
		}
	if (code >= VTKEY_F1 && code < VTKEY_END_OF_LIST)
		snprintf(out, size, "F%u", code - VTKEY_F1 + 1);
	else if (code >= VTKEY_KP_0 && code < VTKEY_KP_0 + 10)
		snprintf(out, size, "KP%u", code - VTKEY_KP_0);
	else if (may_type(code))
		out[vt_utf8_put(out, is_capital ? code - 'a' + 'A' : code)] = '\0';
	else
		out[0] = '\0';
}

void input_key_name(const struct vtkey *key, char out[32])
{
	bool is_capital = key->code >= 'a' && key->code <= 'z' && key->mods & VTKEY_SHIFT &&
	                  !(key->mods & VTKEY_CTRL);
	char base[16];
	size_t n = 0;

	for (size_t i = 0; i < N(mod_names); i++)
		if (key->mods & mod_names[i].mod &&
		    !(is_capital && mod_names[i].mod == VTKEY_SHIFT))
			n += (size_t)snprintf(out + n, 32 - n, "%s", mod_names[i].prefix);
	base_name(key->code, is_capital, base, sizeof base);
	snprintf(out + n, 32 - n, "%s", base);
}
