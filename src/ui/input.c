/* The parser: bytes into characters, sequences, strings and pastes.
 *
 *	ESC [ parameters final		CSI: keys, mouse, focus, answers
 *	ESC [ M b x y			X10 mouse
 *	ESC [ [ A			F1 to F5 of the Linux console
 *	ESC O final			SS3: keys in application mode
 *	ESC ] digits ... BEL or ST	OSC, an answer
 *	ESC P digits or > ... ST	DCS, an answer
 *	ESC [ 200 ~ ... ESC [ 201 ~	bracketed paste
 *	ESC character			Alt and the character
 */
#include "ui/input_int.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/width.h"

#define STRING_MS 1000 /* an answer cut off in the middle is dropped after this */
#define STRING_MAX ((size_t)4096)

enum state {
	GROUND,
	UTF8, /* in seq: the first bytes of a character */
	ESC,
	CSI,          /* in seq: what followed ESC [ */
	CONSOLE,      /* ESC [ [ */
	X10,          /* in seq: the first bytes after ESC [ M */
	SS3,          /* in seq: what followed ESC O */
	STRING_START, /* ESC ] or ESC P, which may also be keys */
	STRING,
	STRING_ESC, /* ESC in a string: ST, or the string is broken off */
	PASTE,
};

struct input {
	input_fn *fn;
	void *arg;
	input_answer_fn *answer_fn;
	void *answer_arg;
	enum state state;
	bool is_alt; /* the character in seq came after ESC */
	char seq[INPUT_SEQ_MAX];
	size_t n;
	bool is_too_long;
	char opener; /* ']' or 'P' */
	struct buf string;
	struct buf paste;
	bool paste_is_cut;
	size_t paste_match; /* bytes of the end mark seen */
	uint64_t since_ms;
	bool has_since;
};

static const char paste_end[] = "\033[201~";
#define PASTE_END (sizeof paste_end - 1)

struct input *input_new(input_fn *fn, void *arg)
{
	struct input *in = xcalloc(1, sizeof *in);

	in->fn = fn;
	in->arg = arg;
	in->string.max = STRING_MAX;
	in->paste.max = INPUT_PASTE_MAX;
	return in;
}

void input_free(struct input *in)
{
	if (!in)
		return;
	buf_done(&in->string);
	buf_done(&in->paste);
	free(in);
}

void input_on_answer(struct input *in, input_answer_fn *fn, void *arg)
{
	in->answer_fn = fn;
	in->answer_arg = arg;
}

/* --- what comes out ----------------------------------------------------------------------- */

static void emit(struct input *in, struct input_event *ev)
{
	if (ev->kind == INPUT_KEY)
		ev->key.text = ev->key_text[0] ? ev->key_text : NULL;
	in->fn(in->arg, ev);
}

static void emit_char(struct input *in, uint32_t cp, bool is_alt)
{
	struct input_event ev = { .kind = INPUT_KEY };

	input_char_event(cp, is_alt ? VTKEY_ALT : 0, &ev);
	emit(in, &ev);
}

static void emit_escape(struct input *in)
{
	struct input_event ev = { .kind = INPUT_KEY, .key = { .code = VTKEY_ESCAPE } };

	emit(in, &ev);
}

static void answer(struct input *in, const struct input_answer *a)
{
	if (in->answer_fn)
		in->answer_fn(in->answer_arg, a);
}

static void take_csi(struct input *in)
{
	struct input_event ev = { .kind = INPUT_KEY };
	struct input_answer a = { .n = 0 };
	struct input_csi c;

	if (in->is_too_long || !input_parse_csi(&c, in->seq, in->n))
		return;
	if (input_csi_event(&c, &ev))
		emit(in, &ev);
	else if (input_csi_answer(&c, &a))
		answer(in, &a);
}

static void copy_printable(char *out, size_t size, const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++)
		if (s[i] >= ' ' && s[i] <= '~')
			out[n++] = s[i];
	out[n] = '\0';
}

static void take_string(struct input *in)
{
	struct input_answer a = { .n = 0 };
	const char *s = buf_str(&in->string);
	size_t len = in->string.len;

	if (in->opener == 'P' && len > 2 && s[0] == '>' && s[1] == '|') {
		a.kind = INPUT_ANSWER_VERSION;
		copy_printable(a.text, sizeof a.text, s + 2, len - 2);
		answer(in, &a);
	} else if (in->opener == ']' && len > 3 && s[0] == '1' && (s[1] == '0' || s[1] == '1') &&
	           s[2] == ';') {
		a.kind = INPUT_ANSWER_COLOR;
		a.n = 1;
		a.v[0] = 10 + (s[1] - '0');
		copy_printable(a.text, sizeof a.text, s + 3, len - 3);
		answer(in, &a);
	}
}

/* --- pastes ---------------------------------------------------------------------------------- */

static void paste_add(struct input *in, const char *s, size_t n)
{
	size_t room = in->paste.max - in->paste.len;

	if (n > room) {
		in->paste_is_cut = true;
		n = room;
	}
	if (n)
		buf_add(&in->paste, s, n);
}

static void paste_finish(struct input *in)
{
	struct input_event ev = { .kind = INPUT_PASTE };

	ev.paste = buf_str(&in->paste);
	ev.paste_len = in->paste.len;
	ev.paste_is_cut = in->paste_is_cut;
	in->state = GROUND;
	in->paste_match = 0;
	emit(in, &ev);
	/* keep no memory for what comes once an hour */
	buf_done(&in->paste);
	in->paste = (struct buf)BUF_INIT(INPUT_PASTE_MAX);
	in->paste_is_cut = false;
}

/* Take bytes of a paste; returns how many. */
static size_t paste_bytes(struct input *in, const char *s, size_t len)
{
	const char *esc;

	if (in->paste_match == 0) {
		esc = memchr(s, '\033', len);
		if (esc != s) {
			size_t n = esc ? (size_t)(esc - s) : len;

			paste_add(in, s, n);
			return n;
		}
	}
	if (*s == paste_end[in->paste_match]) {
		if (++in->paste_match == PASTE_END)
			paste_finish(in);
		return 1;
	}
	/* not the end after all: ESC stands only at its beginning, so none is hidden in it */
	paste_add(in, paste_end, in->paste_match);
	in->paste_match = 0;
	return 0;
}

/* --- one byte at a time -------------------------------------------------------------------------
 */

static void go(struct input *in, enum state state)
{
	in->state = state;
	in->n = 0;
	in->is_too_long = false;
}

/* Take a byte of seq; what does not fit makes the sequence too long. */
static void keep(struct input *in, char c)
{
	if (in->n < sizeof in->seq)
		in->seq[in->n++] = c;
	else
		in->is_too_long = true;
}

static unsigned utf8_length(unsigned char c)
{
	return c < 0xc2 || c > 0xf4 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* A byte that begins a key of its own, perhaps after ESC. */
static void on_ground(struct input *in, char c, bool is_alt)
{
	go(in, GROUND);
	if (c == '\033') {
		in->state = ESC;
	} else if (!(c & 0x80)) {
		emit_char(in, (unsigned char)c, is_alt);
	} else if (utf8_length((unsigned char)c)) {
		go(in, UTF8);
		in->is_alt = is_alt;
		keep(in, c);
	}
}

/* Returns false when the byte was not taken and is to be looked at again. */
static bool on_utf8(struct input *in, char c)
{
	uint32_t cp;

	if ((c & 0xc0) != 0x80) {
		go(in, GROUND);
		return false;
	}
	keep(in, c);
	if (in->n < utf8_length((unsigned char)in->seq[0]))
		return true;
	if (text_utf8(in->seq, in->n, &cp) == in->n && cp >= 0xa0)
		emit_char(in, cp, in->is_alt);
	go(in, GROUND);
	return true;
}

static void on_esc(struct input *in, char c)
{
	switch (c) {
	case '\033':
		emit_escape(in);
		return; /* and the second one waits for its own end */
	case '[':
		go(in, CSI);
		return;
	case 'O':
		go(in, SS3);
		return;
	case ']':
	case 'P':
		go(in, STRING_START);
		in->opener = c;
		return;
	default:
		on_ground(in, c, true);
	}
}

static bool on_csi(struct input *in, char c)
{
	if (in->n == 0 && c == '[') {
		go(in, CONSOLE);
		return true;
	}
	if (in->n == 0 && c == 'M') {
		go(in, X10);
		return true;
	}
	if (c < ' ' || c > '~') {
		/* broken off; ESC or a key begins anew */
		go(in, GROUND);
		return false;
	}
	keep(in, c);
	if (c < '@')
		return true;
	in->state = GROUND;
	if (in->n == 4 && memcmp(in->seq, "200~", 4) == 0) {
		go(in, PASTE);
		return true;
	}
	take_csi(in);
	if (in->state == GROUND)
		in->n = 0;
	return true;
}

static bool on_console(struct input *in, char c)
{
	struct input_event ev = { .kind = INPUT_KEY };

	go(in, GROUND);
	if (c < 'A' || c > 'E')
		return c >= ' ' && c <= '~';
	ev.key.code = VTKEY_F1 + (uint32_t)(c - 'A');
	emit(in, &ev);
	return true;
}

static void on_x10(struct input *in, char c)
{
	struct input_event ev = { .kind = INPUT_MOUSE };
	unsigned char b[3];

	keep(in, c);
	if (in->n < 3)
		return;
	memcpy(b, in->seq, 3);
	go(in, GROUND);
	if (input_x10_event(b, &ev))
		emit(in, &ev);
}

static bool on_ss3(struct input *in, char c)
{
	struct input_event ev = { .kind = INPUT_KEY };
	int modifier = in->n ? in->seq[0] - '0' : 0;

	if (in->n == 0 && c >= '1' && c <= '9') {
		keep(in, c);
		return true;
	}
	go(in, GROUND);
	if (c < ' ' || c & 0x80)
		return false;
	if (input_ss3_event(modifier, c, &ev)) {
		emit(in, &ev);
		return true;
	}
	/* no such key: Alt-O was typed, and then something else */
	emit_char(in, 'O', true);
	if (modifier)
		emit_char(in, (uint32_t)(modifier + '0'), false);
	return false;
}

static bool on_string_start(struct input *in, char c)
{
	if ((c >= '0' && c <= '9') || (in->opener == 'P' && (c == '>' || c == '!'))) {
		go(in, STRING);
		buf_reset(&in->string);
		buf_addc(&in->string, c);
		return true;
	}
	go(in, GROUND);
	emit_char(in, (unsigned char)in->opener, true);
	return false;
}

static bool on_string(struct input *in, char c)
{
	if (in->state == STRING_ESC) {
		go(in, GROUND);
		if (c == '\\') {
			take_string(in);
			return true;
		}
		in->state = ESC;
		return false;
	}
	if (c == '\033') {
		in->state = STRING_ESC;
	} else if (c == '\a') {
		go(in, GROUND);
		take_string(in);
	} else if (c == '\030' || c == '\032') {
		go(in, GROUND);
	} else {
		buf_addc(&in->string, c); /* what is too long is no answer we know */
	}
	return true;
}

static bool on_byte(struct input *in, char c)
{
	switch (in->state) {
	case UTF8:
		return on_utf8(in, c);
	case ESC:
		on_esc(in, c);
		return true;
	case CSI:
		return on_csi(in, c);
	case CONSOLE:
		return on_console(in, c);
	case X10:
		on_x10(in, c);
		return true;
	case SS3:
		return on_ss3(in, c);
	case STRING_START:
		return on_string_start(in, c);
	case STRING:
	case STRING_ESC:
		return on_string(in, c);
	default:
		on_ground(in, c, false);
		return true;
	}
}

void input_feed(struct input *in, const char *data, size_t len)
{
	size_t i = 0;

	if (len)
		in->has_since = false;
	while (i < len)
		if (in->state == PASTE)
			i += paste_bytes(in, data + i, len - i);
		else
			i += on_byte(in, data[i]);
}

/* --- time ----------------------------------------------------------------------------------------
 */

int input_wait_ms(struct input *in, uint64_t now_ms)
{
	uint64_t limit = INPUT_ESC_MS, gone;

	if (in->state == GROUND || in->state == PASTE)
		return -1;
	if (in->state == STRING || in->state == STRING_ESC)
		limit = STRING_MS;
	if (!in->has_since) {
		in->has_since = true;
		in->since_ms = now_ms;
	}
	gone = now_ms - in->since_ms;
	return gone >= limit ? 0 : (int)(limit - gone);
}

void input_timeout(struct input *in)
{
	enum state was = in->state;

	if (was == GROUND || was == PASTE)
		return;
	/* what was typed is keys; what can only be a sequence cut off is dropped */
	in->state = GROUND;
	in->has_since = false;
	if (was == ESC)
		emit_escape(in);
	else if (was == CSI && in->n == 0)
		emit_char(in, '[', true);
	else if (was == CSI && in->seq[in->n - 1] == '$')
		take_csi(in); /* rxvt ends shifted keys in what is an intermediate elsewhere */
	else if (was == SS3 && in->n == 0)
		emit_char(in, 'O', true);
	else if (was == STRING_START)
		emit_char(in, (unsigned char)in->opener, true);
	if (in->state == GROUND)
		in->n = 0;
}
