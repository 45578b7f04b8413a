/* Keys and commands: one table, from which help and the hint line are made.
 *
 * Keys lead to commands, never to functions: whatever a key does, ":" does too.
 * A map is searched first for the mode, then for its parent (UI_MODE_LIST).
 */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include <stddef.h>

#include "core/vtkey.h"

enum ui_mode {
	UI_MODE_LIST,		/* moving about */
	UI_MODE_PREFIX,		/* after the prefix key, while the agent has the keyboard */
	UI_MODE_SCROLL,		/* in a terminal's scrollback */
	UI_MODE_OVERLAY,	/* in the inbox, a card, a diff, the policy */
	UI_MODES
};

enum ui_command {
	UI_NONE,
	UI_UP, UI_DOWN, UI_TOP, UI_BOTTOM, UI_PAGE_UP, UI_PAGE_DOWN,
	UI_NEXT_PANE, UI_PREV_PANE,
	UI_SESSION,		/* argument: number */
	UI_NEXT_SESSION, UI_PREV_SESSION,
	UI_OPEN,		/* attach, or the detail card */
	UI_ATTACH, UI_DETACH,
	UI_LAUNCH,
	UI_FORM, UI_RELAUNCH, UI_STOP, UI_REMOVE, UI_CANCEL,
	UI_SHELL, UI_SEND,
	UI_WAITING,		/* to the next that waits */
	UI_DISMISS,
	UI_INBOX,		/* everything that waits */
	UI_ALLOW, UI_REVOKE, UI_POLICY, UI_WHY, UI_FREEZE,
	UI_DIFF, UI_APPROVE, UI_REJECT, UI_ACCEPT,
	UI_RAW,			/* the record behind a card */
	UI_FIND,		/* in everything that is stored */
	UI_CLOSE,
	UI_ZOOM, UI_SPLIT,
	UI_SCROLL, UI_COPY, UI_SEARCH, UI_SEARCH_NEXT, UI_SEARCH_PREV,
	UI_FILTER,
	UI_MARK,
	UI_EDIT,
	UI_THEME, UI_COMMAND, UI_HELP, UI_MESSAGES, UI_RELOAD, UI_REDRAW, UI_SAVE_DISPLAY,
	UI_LITERAL,		/* send the prefix itself */
	UI_QUIT,
	UI_COMMANDS
};

struct ui_command_info {
	const char *name;	/* as typed after ":" */
	const char *arguments;	/* "SESSION", "" */
	const char *help;
};
const struct ui_command_info *keymap_info(enum ui_command c);
enum ui_command keymap_command(const char *name);	/* UI_NONE when there is none */

/* What key does in mode; *argument is a string of the table or NULL. */
enum ui_command keymap_find(enum ui_mode mode, const struct vtkey *key, const char **argument);

/* The first key of a command in mode as text, "" when it has none. */
const char *keymap_key(enum ui_mode mode, enum ui_command c);

struct keymap_row {
	const char *key;
	enum ui_command command;
	const char *argument;
};
const struct keymap_row *keymap_rows(enum ui_mode mode, size_t *n);

#endif
