/* The forms, with m = 1 + modifiers (Shift 1, Alt 2, Ctrl 4, Super 8):
 *
 *	ESC [ A        ESC [ 1 ; m A      cursor keys, Home, End, F1 to F4
 *	ESC O A                           the same in application mode, without modifiers
 *	ESC [ 5 ~      ESC [ 5 ; m ~      the others
 *	ESC [ 27 ; m ; c ~                modifyOtherKeys
 *	ESC [ c ; m u                     kitty
 */
#include "core/vtkey.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/vt.h"

#define MODS (VTKEY_SHIFT | VTKEY_ALT | VTKEY_CTRL | VTKEY_SUPER)

/* --- what a key is -------------------------------------------------------------------- */

struct named {
	uint32_t code;
	int number;  /* of ESC [ number ~ , or 1 with a letter */
	char letter; /* '~' when there is none */
};

static const struct named named[] = {
	{ VTKEY_UP, 1, 'A' },       { VTKEY_DOWN, 1, 'B' },      { VTKEY_RIGHT, 1, 'C' },
	{ VTKEY_LEFT, 1, 'D' },     { VTKEY_BEGIN, 1, 'E' },     { VTKEY_HOME, 1, 'H' },
	{ VTKEY_END, 1, 'F' },      { VTKEY_INSERT, 2, '~' },    { VTKEY_DELETE, 3, '~' },
	{ VTKEY_PAGE_UP, 5, '~' },  { VTKEY_PAGE_DOWN, 6, '~' }, { VTKEY_F1, 1, 'P' },
	{ VTKEY_F1 + 1, 1, 'Q' },   { VTKEY_F1 + 2, 1, 'R' },    { VTKEY_F1 + 3, 1, 'S' },
	{ VTKEY_F1 + 4, 15, '~' },  { VTKEY_F1 + 5, 17, '~' },   { VTKEY_F1 + 6, 18, '~' },
	{ VTKEY_F1 + 7, 19, '~' },  { VTKEY_F1 + 8, 20, '~' },   { VTKEY_F1 + 9, 21, '~' },
	{ VTKEY_F1 + 10, 23, '~' }, { VTKEY_F1 + 11, 24, '~' },  { VTKEY_F1 + 12, 25, '~' },
	{ VTKEY_F1 + 13, 26, '~' }, { VTKEY_F1 + 14, 28, '~' },  { VTKEY_F1 + 15, 29, '~' },
	{ VTKEY_F1 + 16, 31, '~' }, { VTKEY_F1 + 17, 32, '~' },  { VTKEY_F1 + 18, 33, '~' },
	{ VTKEY_F1 + 19, 34, '~' },
};

static const struct named *named_find(uint32_t code)
{
	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
		if (named[i].code == code)
			return &named[i];
	return NULL;
}

/* Keypad keys: what they type, and the letter of ESC O x in application mode. */
static const struct {
	char types, letter;
} keypad[] = {
	{ '0', 'p' }, { '1', 'q' }, { '2', 'r' }, { '3', 's' },  { '4', 't' }, { '5', 'u' },
	{ '6', 'v' }, { '7', 'w' }, { '8', 'x' }, { '9', 'y' },  { '.', 'n' }, { '/', 'o' },
	{ '*', 'j' }, { '-', 'm' }, { '+', 'k' }, { '\r', 'M' }, { '=', 'X' },
};

static bool is_keypad(uint32_t code)
{
	return code >= VTKEY_KP_0 && code <= VTKEY_KP_EQUAL;
}

/* The control that a key of its own sends, or the text key's code point. */
static uint32_t plain_code(const struct vt_input *in, uint32_t code)
{
	switch (code) {
	case VTKEY_ESCAPE:
		return 0x1b;
	case VTKEY_ENTER:
		return '\r';
	case VTKEY_TAB:
		return '\t';
	case VTKEY_BACKSPACE:
		return in->backspace_is_bs ? 0x08 : 0x7f;
	default:
		return code;
	}
}

static uint32_t shifted(uint32_t code)
{
	return code >= 'a' && code <= 'z' ? code - 'a' + 'A' : code;
}

/* The C0 code of Ctrl and a key, or -1. */
static int control(uint32_t code)
{
	if (code >= 'a' && code <= 'z')
		return (int)(code - 'a' + 1);
	if (code >= '@' && code <= '_')
		return (int)(code & 0x1f);
	switch (code) {
	case ' ':
	case '2':
		return 0;
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
		return (int)(code - '3') + 0x1b;
	case '/':
		return 0x1f;
	case '8':
	case '?':
		return 0x7f;
	default:
		return -1;
	}
}

/* --- writing ------------------------------------------------------------------------------ */

static size_t put_utf8(char *out, uint32_t c)
{
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (n == 1) {
		out[0] = (char)c;
		return 1;
	}
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[n] | c);
	return n;
}

static size_t put_named(const struct vt_input *in, const struct named *k, unsigned mods, char *out)
{
	bool is_cursor = k->letter != '~' && (k->code < VTKEY_F1);
	int n;

	if (mods && k->letter != '~')
		n = snprintf(out, VTKEY_MAX, "\033[1;%u%c", mods + 1, k->letter);
	else if (mods)
		n = snprintf(out, VTKEY_MAX, "\033[%d;%u~", k->number, mods + 1);
	else if (k->letter == '~')
		n = snprintf(out, VTKEY_MAX, "\033[%d~", k->number);
	else if (is_cursor && !in->app_cursor)
		n = snprintf(out, VTKEY_MAX, "\033[%c", k->letter);
	else
		n = snprintf(out, VTKEY_MAX, "\033O%c", k->letter);
	return (size_t)n;
}

/* The code points of the text as the kitty protocol lists them, "a:b". */
static void put_text_codes(char *out, size_t size, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = 0;

	out[0] = '\0';
	while (*p && n + 10 < size) {
		unsigned len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
		uint32_t c = len == 1 ? *p : *p & (0x7fu >> len);

		for (unsigned i = 1; i < len && p[i]; i++)
			c = c << 6 | (p[i] & 0x3fu);
		while (len-- > 0 && *p)
			p++;
		if (c >= 0x20 && c != 0x7f)
			n += (size_t)snprintf(out + n, size - n, "%s%u", n ? ":" : "", c);
	}
}

/* --- kitty ------------------------------------------------------------------------------------ */

static uint32_t kitty_code(uint32_t code)
{
	switch (code) {
	case VTKEY_ESCAPE:
		return 27;
	case VTKEY_ENTER:
		return 13;
	case VTKEY_TAB:
		return 9;
	case VTKEY_BACKSPACE:
		return 127;
	default:
		break;
	}
	if (is_keypad(code))
		return 57399 + (code - VTKEY_KP_0);
	if (code >= VTKEY_F1 + 12 && code < VTKEY_END_OF_LIST)
		return 57376 + (code - VTKEY_F1 - 12);
	return code;
}

/* Does the key stay as it always was under flag 1 alone? Text does, and Enter,
 * Tab and Backspace, so that a shell can be typed into after a crash. */
static bool kitty_is_legacy(const struct vtkey *key)
{
	unsigned beyond_shift = key->mods & ~(unsigned)VTKEY_SHIFT;

	if (key->code == VTKEY_ENTER || key->code == VTKEY_TAB || key->code == VTKEY_BACKSPACE)
		return key->mods == 0;
	if (is_keypad(key->code))
		return false;
	return key->code < VTKEY_BASE && !beyond_shift;
}

static size_t put_kitty(const struct vt_input *in, const struct vtkey *key, char *out)
{
	const struct named *k = named_find(key->code), f3 = { key->code, 13, '~' };
	char text[32] = "", typed[8] = "";
	int n;

	if (k && key->code < VTKEY_F1 + 12) {
		struct vt_input plain = *in;

		plain.app_cursor = false;
		if (key->code == VTKEY_F1 + 2) /* ESC [ R is a cursor report */
			k = &f3;
		n = (int)put_named(&plain, k, key->mods, out);
		if (out[1] == 'O')
			out[1] = '[';
		return (size_t)n;
	}
	if (in->kitty & VT_KITTY_TEXT && in->kitty & VT_KITTY_ALL_KEYS &&
	    !(key->mods & ~(unsigned)VTKEY_SHIFT) && key->code < VTKEY_BASE) {
		put_utf8(typed, key->mods ? shifted(key->code) : key->code);
		put_text_codes(text, sizeof text, key->text ? key->text : typed);
	}
	if (*text && key->mods)
		n = snprintf(out, VTKEY_MAX, "\033[%u;%u;%su", kitty_code(key->code), key->mods + 1,
		             text);
	else if (*text)
		n = snprintf(out, VTKEY_MAX, "\033[%u;;%su", kitty_code(key->code), text);
	else if (key->mods)
		n = snprintf(out, VTKEY_MAX, "\033[%u;%uu", kitty_code(key->code), key->mods + 1);
	else
		n = snprintf(out, VTKEY_MAX, "\033[%uu", kitty_code(key->code));
	return (size_t)n;
}

/* --- the older forms
 * ------------------------------------------------------------------------------ */

/* Is it left to modifyOtherKeys? At level 1 only what the old forms cannot say. */
static bool is_other(const struct vt_input *in, const struct vtkey *key)
{
	unsigned mods = key->mods;

	if (!in->modify_other || !mods || is_keypad(key->code))
		return false;
	if (key->code < VTKEY_BASE && mods == VTKEY_SHIFT)
		return false;
	if (in->modify_other == 2)
		return true;
	if (key->code == VTKEY_TAB && mods == VTKEY_SHIFT)
		return false;
	if (key->code == VTKEY_BACKSPACE || key->code == VTKEY_ESCAPE)
		return (mods & ~(unsigned)(VTKEY_ALT | VTKEY_CTRL)) != 0;
	if (key->code == VTKEY_ENTER || key->code == VTKEY_TAB)
		return (mods & (VTKEY_SHIFT | VTKEY_CTRL)) != 0;
	return (mods & VTKEY_CTRL && (mods & VTKEY_SHIFT || control(key->code) < 0)) ||
	       mods & VTKEY_SUPER;
}

static size_t put_other(const struct vt_input *in, const struct vtkey *key, char *out)
{
	uint32_t code = plain_code(in, key->code);

	if (key->mods & VTKEY_SHIFT)
		code = shifted(code);
	return (size_t)snprintf(out, VTKEY_MAX, "\033[27;%u;%u~", key->mods + 1, code);
}

static size_t put_keypad(const struct vt_input *in, const struct vtkey *key, char *out)
{
	size_t i = key->code - VTKEY_KP_0, n = 0;

	if (in->app_keypad && !key->mods)
		return (size_t)snprintf(out, VTKEY_MAX, "\033O%c", keypad[i].letter);
	if (key->mods & VTKEY_ALT)
		out[n++] = '\033';
	out[n++] = keypad[i].types;
	if (keypad[i].types == '\r' && in->newline)
		out[n++] = '\n';
	return n;
}

/* The keys that send a control of their own, with the modifiers that the old
 * forms know. */
static size_t put_special(const struct vt_input *in, const struct vtkey *key, char *out)
{
	size_t n = 0;
	uint32_t code = plain_code(in, key->code);

	if (key->mods & VTKEY_ALT)
		out[n++] = '\033';
	if (key->code == VTKEY_TAB && key->mods & VTKEY_SHIFT)
		return n + (size_t)snprintf(out + n, VTKEY_MAX - n, "\033[Z");
	if (key->code == VTKEY_BACKSPACE && key->mods & VTKEY_CTRL)
		code ^= 0x08 ^ 0x7f;
	out[n++] = (char)code;
	if (key->code == VTKEY_ENTER && in->newline)
		out[n++] = '\n';
	return n;
}

static size_t put_text(const struct vtkey *key, char *out)
{
	uint32_t code = key->mods & VTKEY_SHIFT ? shifted(key->code) : key->code;
	size_t n = 0, len = key->text ? strlen(key->text) : 0;
	int c = key->mods & VTKEY_CTRL ? control(key->code) : -1;

	if (key->mods & VTKEY_ALT)
		out[n++] = '\033';
	if (c >= 0) {
		out[n++] = (char)c;
	} else if (len > 0 && len + n < VTKEY_MAX) {
		memcpy(out + n, key->text, len);
		n += len;
	} else {
		n += put_utf8(out + n, code);
	}
	return n;
}

size_t vtkey_encode(const struct vt_input *in, const struct vtkey *key, char *out)
{
	struct vtkey k = *key;
	const struct named *n = named_find(k.code);

	k.mods &= MODS;
	if (k.code >= 0xd800 && k.code <= 0xdfff)
		return 0;
	if (k.code == VTKEY_BASE || k.code >= VTKEY_END_OF_LIST)
		return 0;
	if (in->kitty & VT_KITTY_ALL_KEYS ||
	    (in->kitty & VT_KITTY_DISAMBIGUATE && !kitty_is_legacy(&k)))
		return put_kitty(in, &k, out);
	if (n)
		return put_named(in, n, k.mods, out);
	if (k.code >= VTKEY_F1)
		return 0; /* F21 and above have no old form */
	if (is_other(in, &k))
		return put_other(in, &k, out);
	if (is_keypad(k.code))
		return put_keypad(in, &k, out);
	if (k.code > VTKEY_BASE)
		return put_special(in, &k, out);
	return put_text(&k, out);
}

/* --- paste
 * ------------------------------------------------------------------------------------------ */

int vtkey_paste(const struct vt_input *in, const char *text, size_t len, struct buf *out)
{
	static const char begin[] = "\033[200~", end[] = "\033[201~";

	if (in->bracketed_paste)
		buf_adds(out, begin);
	while (len > 0) {
		unsigned char c = (unsigned char)*text;

		if (len >= sizeof end - 1 && (memcmp(text, end, sizeof end - 1) == 0 ||
		                              memcmp(text, begin, sizeof begin - 1) == 0)) {
			text += sizeof end - 1;
			len -= sizeof end - 1;
			continue;
		}
		if (c == 0xc2 && len > 1 && (unsigned char)text[1] < 0xa0) {
			text++; /* an 8-bit control as UTF-8 */
			len--;
		} else if (c == '\r' && len > 1 && text[1] == '\n') {
			; /* the LF that follows says it */
		} else if (c == '\n' || c == '\r') {
			buf_addc(out, '\r');
		} else if (c == '\t' || (c >= 0x20 && c != 0x7f)) {
			buf_addc(out, *text);
		}
		text++;
		len--;
	}
	if (in->bracketed_paste)
		buf_adds(out, end);
	return out->overflowed ? -1 : 0;
}

/* --- mouse and focus
 * ------------------------------------------------------------------------------------ */

static bool is_wheel(enum vtkey_button b)
{
	return b >= VTKEY_WHEEL_UP;
}

static bool is_wanted(const struct vt_input *in, const struct vtkey_mouse *m)
{
	switch (in->mouse) {
	case VT_MOUSE_X10:
		return m->action == VTKEY_PRESS && !is_wheel(m->button);
	case VT_MOUSE_CLICK:
		return m->action != VTKEY_MOVE;
	case VT_MOUSE_DRAG:
		return m->action != VTKEY_MOVE || m->button != VTKEY_NO_BUTTON;
	case VT_MOUSE_MOTION:
		return true;
	default:
		return false;
	}
}

static unsigned mouse_code(const struct vt_input *in, const struct vtkey_mouse *m)
{
	unsigned code = is_wheel(m->button) ? 64 + (unsigned)(m->button - VTKEY_WHEEL_UP)
	                                    : (unsigned)m->button;

	/* the old form does not say which button was released */
	if (m->action == VTKEY_RELEASE && in->mouse_form == VT_MOUSE_FORM_X10)
		code = 3;
	if (m->action == VTKEY_MOVE)
		code += 32;
	if (in->mouse == VT_MOUSE_X10)
		return code;
	if (m->mods & VTKEY_SHIFT)
		code += 4;
	if (m->mods & VTKEY_ALT)
		code += 8;
	if (m->mods & VTKEY_CTRL)
		code += 16;
	return code;
}

static size_t wheel_as_keys(const struct vt_input *in, const struct vtkey_mouse *m, char *out)
{
	char letter = m->button == VTKEY_WHEEL_UP ? 'A' : 'B', lead = in->app_cursor ? 'O' : '[';

	if (!in->alt_scroll || (m->button != VTKEY_WHEEL_UP && m->button != VTKEY_WHEEL_DOWN))
		return 0;
	return (size_t)snprintf(out, VTKEY_MAX, "\033%c%c\033%c%c\033%c%c", lead, letter, lead,
	                        letter, lead, letter);
}

size_t vtkey_mouse(const struct vt_input *in, const struct vtkey_mouse *m, char *out)
{
	unsigned code = mouse_code(in, m);
	int y = m->y + 1, x = m->x + 1;

	if (m->y < 0 || m->x < 0 || m->y >= VT_SIZE_MAX || m->x >= VT_SIZE_MAX)
		return 0;
	if (in->mouse == VT_MOUSE_NONE)
		return wheel_as_keys(in, m, out);
	if (!is_wanted(in, m) || (is_wheel(m->button) && m->action == VTKEY_RELEASE))
		return 0;
	if (in->mouse_form == VT_MOUSE_FORM_X10) {
		/* one byte each: what is beyond column 223 cannot be said */
		if (y > 223 || x > 223)
			return 0;
		return (size_t)snprintf(out, VTKEY_MAX, "\033[M%c%c%c", (char)(32 + code),
		                        (char)(32 + x), (char)(32 + y));
	}
	if (in->mouse_form == VT_MOUSE_FORM_PIXELS) {
		if (in->cell_width <= 0 || in->cell_height <= 0)
			return 0;
		/* the middle of the cell: nobody tells us more */
		x = m->x * in->cell_width + in->cell_width / 2 + 1;
		y = m->y * in->cell_height + in->cell_height / 2 + 1;
	}
	return (size_t)snprintf(out, VTKEY_MAX, "\033[<%u;%d;%d%c", code, x, y,
	                        m->action == VTKEY_RELEASE ? 'm' : 'M');
}

size_t vtkey_focus(const struct vt_input *in, bool has_focus, char *out)
{
	if (!in->focus)
		return 0;
	return (size_t)snprintf(out, VTKEY_MAX, "\033[%c", has_focus ? 'I' : 'O');
}
