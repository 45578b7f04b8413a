/* Bytes from the person's terminal to keys, mouse, pastes and focus.
 *
 * Knows xterm's sequences, CSI u, modifyOtherKeys, SGR mouse, bracketed paste,
 * focus, and swallows answers to queries. A lone ESC is told from the beginning
 * of a sequence by time: input_timeout().
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
	char key_text[32];		/* what the key typed, for key.text */
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

/* Milliseconds until input_timeout() is to be called, -1 for never. */
int input_wait_ms(const struct input *in, uint64_t now_ms);
void input_timeout(struct input *in);

/* "ctrl-]", "F5", "shift-Tab", "g": names for configuration, help and scripts,
 * and back. */
int input_parse_key(struct vtkey *out, const char *name);	/* -1 when it is none */
void input_key_name(const struct vtkey *key, char out[32]);

#endif
