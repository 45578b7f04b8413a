/* Bytes from the person's terminal to keys, mouse, pastes and focus.
 *
 * Knows xterm's sequences, rxvt's and the Linux console's where they differ,
 * CSI u, modifyOtherKeys, SGR and X10 mouse, bracketed paste and focus. Answers
 * to queries are kept apart from keys: input_on_answer(). A lone ESC is told from
 * the beginning of a sequence by time: input_timeout(). Two ESC in a row are two
 * Escape keys.
 *
 * Keys are brought to one form, so that a keymap may compare code and mods: an
 * ASCII capital is its small letter with VTKEY_SHIFT; other characters that need
 * Shift are themselves, without it; Ctrl-I, Ctrl-M and Ctrl-[ of an old terminal
 * are Tab, Enter and Escape; byte 0 is ctrl-Space.
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/vtkey.h"

#define INPUT_ESC_MS	50
#define INPUT_PASTE_MAX ((size_t)4 << 20)	/* longer pastes are cut, and say so */

enum input_kind {
	INPUT_KEY,
	INPUT_MOUSE,
	INPUT_PASTE,
	INPUT_FOCUS,
};

struct input_event {
	enum input_kind kind;
	struct vtkey key;		/* INPUT_KEY */
	char key_text[32];		/* what the key typed; key.text is it, or NULL for "" */
	/* INPUT_MOUSE */
	enum vtkey_button button;
	enum vtkey_action action;
	unsigned mods;
	int y, x;			/* cells from 0 */
	/* INPUT_PASTE: valid during the call */
	const char *paste;
	size_t paste_len;
	bool paste_is_cut;
	bool has_focus;			/* INPUT_FOCUS */
};

typedef void input_fn(void *arg, const struct input_event *ev);

struct input;
struct input *input_new(input_fn *fn, void *arg);
void input_free(struct input *in);		/* NULL is fine */
void input_feed(struct input *in, const char *data, size_t len);

/* Milliseconds until input_timeout() is to be called, -1 for never. Time counts
 * from the first call after input_feed(): ask once per turn of the loop. */
int input_wait_ms(struct input *in, uint64_t now_ms);
void input_timeout(struct input *in);

/* What the terminal said of itself. */
enum input_answer_kind {
	INPUT_ANSWER_DA1,	/* CSI ? v... c */
	INPUT_ANSWER_DA2,	/* CSI > v... c */
	INPUT_ANSWER_MODE,	/* CSI ? v0 ; v1 $ y: mode, and 1 set, 2 reset, 0 unknown */
	INPUT_ANSWER_KITTY,	/* CSI ? v0 u: flags in force */
	INPUT_ANSWER_THEME,	/* CSI ? 997 ; v0 n: 1 dark, 2 light */
	INPUT_ANSWER_VERSION,	/* XTVERSION: text */
	INPUT_ANSWER_COLOR,	/* OSC v0 ; text: 10 foreground, 11 background */
};

#define INPUT_ANSWER_VALUES 16
#define INPUT_ANSWER_TEXT 128

struct input_answer {
	enum input_answer_kind kind;
	int v[INPUT_ANSWER_VALUES];
	int n;
	char text[INPUT_ANSWER_TEXT];	/* printable ASCII of it, cut when longer */
};

typedef void input_answer_fn(void *arg, const struct input_answer *a);
void input_on_answer(struct input *in, input_answer_fn *fn, void *arg);

/* "ctrl-]", "F5", "shift-Tab", "g", "G": names for configuration, help and
 * scripts, and back. Modifiers are ctrl-, alt-, shift-, super-, in any order and
 * case; names are found in any case too; "G" is the same as "shift-g". */
int input_parse_key(struct vtkey *out, const char *name);	/* -1 when it is none */
void input_key_name(const struct vtkey *key, char out[32]);

#endif
