/* Keys, paste, mouse and focus as the bytes that a program expects, by what it
 * asked its terminal for (vt_input()).
 *
 * Three ways of writing a key are known, tried in this order: the kitty
 * protocol as far as its flags are in force (disambiguate, all keys, text; the
 * others need key releases and layouts, which a terminal program cannot know,
 * so vt never reports them as granted); modifyOtherKeys 1 and 2; and xterm's
 * usual sequences.
 */
#ifndef CORE_VTKEY_H
#define CORE_VTKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct vt_input;

/* A text key is its code point without Shift's effect on letters ('a', not
 * 'A'); the others are these. */
enum vtkey_code {
	VTKEY_BASE = 0x110000,
	VTKEY_ESCAPE,
	VTKEY_ENTER,
	VTKEY_TAB,
	VTKEY_BACKSPACE,
	VTKEY_UP,
	VTKEY_DOWN,
	VTKEY_RIGHT,
	VTKEY_LEFT,
	VTKEY_BEGIN,		/* the 5 of the keypad */
	VTKEY_HOME,
	VTKEY_END,
	VTKEY_INSERT,
	VTKEY_DELETE,
	VTKEY_PAGE_UP,
	VTKEY_PAGE_DOWN,
	VTKEY_KP_0,		/* to VTKEY_KP_0 + 9 */
	VTKEY_KP_DECIMAL = VTKEY_KP_0 + 10,
	VTKEY_KP_DIVIDE,
	VTKEY_KP_MULTIPLY,
	VTKEY_KP_SUBTRACT,
	VTKEY_KP_ADD,
	VTKEY_KP_ENTER,
	VTKEY_KP_EQUAL,
	VTKEY_F1,		/* to VTKEY_F1 + 34 */
	VTKEY_END_OF_LIST = VTKEY_F1 + 35,
};

enum vtkey_mod {
	VTKEY_SHIFT = 1, VTKEY_ALT = 2, VTKEY_CTRL = 4, VTKEY_SUPER = 8,
};

struct vtkey {
	uint32_t code;
	unsigned mods;		/* enum vtkey_mod */
	const char *text;	/* what the key would type, UTF-8; NULL to go by code and Shift */
};

#define VTKEY_MAX 64		/* bytes of any key, mouse or focus report, with a NUL */

/* Returns the number of bytes written to out (VTKEY_MAX), 0 for a key that
 * sends nothing. */
size_t vtkey_encode(const struct vt_input *in, const struct vtkey *key, char *out);

/* Text from the clipboard: line ends become CR, controls but tab are left out,
 * so that nothing in it can end the brackets (mode 2004) or act as a key.
 * Returns -1 when out is full. */
int vtkey_paste(const struct vt_input *in, const char *text, size_t len, struct buf *out);

enum vtkey_button {
	VTKEY_LEFT_BUTTON, VTKEY_MIDDLE_BUTTON, VTKEY_RIGHT_BUTTON, VTKEY_NO_BUTTON,
	VTKEY_WHEEL_UP, VTKEY_WHEEL_DOWN, VTKEY_WHEEL_LEFT, VTKEY_WHEEL_RIGHT,
};

enum vtkey_action { VTKEY_PRESS, VTKEY_RELEASE, VTKEY_MOVE };

/* y and x are cells from 0. VTKEY_MOVE has the button that is held, or
 * VTKEY_NO_BUTTON. */
struct vtkey_mouse {
	enum vtkey_action action;
	enum vtkey_button button;
	unsigned mods;
	int y, x;
};

/* 0 when the program did not ask for such an event. The wheel sends three
 * cursor keys where vt_input.alt_scroll says so and no mouse mode is on. */
size_t vtkey_mouse(const struct vt_input *in, const struct vtkey_mouse *m, char *out);

/* The terminal got or lost the focus; 0 unless the program asked (mode 1004). */
size_t vtkey_focus(const struct vt_input *in, bool has_focus, char *out);

#endif
