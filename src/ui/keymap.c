#include "ui/keymap.h"

#include <string.h>

#include "ui/input.h"

static const struct ui_command_info infos[UI_COMMANDS] = {
	[UI_NONE] = { "", "", "" },
	[UI_UP] = { "up", "", "one row up" },
	[UI_DOWN] = { "down", "", "one row down" },
	[UI_TOP] = { "top", "", "to the first row" },
	[UI_BOTTOM] = { "bottom", "", "to the last row, and follow" },
	[UI_PAGE_UP] = { "page-up", "", "half a page up" },
	[UI_PAGE_DOWN] = { "page-down", "", "half a page down" },
	[UI_NEXT_PANE] = { "next-pane", "", "to the next pane" },
	[UI_PREV_PANE] = { "prev-pane", "", "to the pane before" },
	[UI_SESSION] = { "session", "NUMBER|NAME", "select a session" },
	[UI_NEXT_SESSION] = { "next", "", "the next session" },
	[UI_PREV_SESSION] = { "prev", "", "the session before" },
	[UI_OPEN] = { "open", "", "attach to the session, or show the whole story of the event" },
	[UI_ATTACH] = { "attach", "", "give the keyboard to the agent" },
	[UI_DETACH] = { "detach", "", "take the keyboard back" },
	[UI_LAUNCH] = { "launch", "[AGENT [LABEL [COLOUR]]]", "launch the selected agent" },
	[UI_FORM] = { "launch-as", "", "launch: choose agent, label and colour" },
	[UI_RELAUNCH] = { "relaunch", "", "tear down and launch again" },
	[UI_STOP] = { "stop", "", "end the session" },
	[UI_REMOVE] = { "remove", "", "remove what is left of the session" },
	[UI_CANCEL] = { "cancel", "", "give up the launch that is under way" },
	[UI_SHELL] = { "shell", "", "a shell in the agent's container, and back" },
	[UI_SEND] = { "send", "[TEXT]", "send a line to the marked sessions, or this one" },
	[UI_WAITING] = { "waiting", "", "to the next thing that waits for you" },
	[UI_DISMISS] = { "dismiss", "", "it waits no longer, and the same does not ask again" },
	[UI_INBOX] = { "inbox", "", "everything that waits for you" },
	[UI_ALLOW] = { "allow", "[HOST]", "let the session reach the host; asks for how long" },
	[UI_REVOKE] = { "revoke", "[HOST]", "take the host away from the session again" },
	[UI_POLICY] = { "policy", "", "what the session may reach, and since when" },
	[UI_WHY] = { "why", "[URL]", "ask the session's pipelock whether it would let it pass" },
	[UI_FREEZE] = { "freeze", "", "pause and cut off this session or all; again to thaw" },
	[UI_DIFF] = { "diff", "", "what the push changes" },
	[UI_APPROVE] = { "approve", "", "forward the held push" },
	[UI_REJECT] = { "reject", "", "refuse the held push, with a message for the agent" },
	[UI_ACCEPT] = { "accept", "", "a false alarm: accept the finding, for one push" },
	[UI_RAW] = { "raw", "", "the record as it came, and back" },
	[UI_FIND] = { "find", "[TEXT]", "search everything that ever happened" },
	[UI_CLOSE] = { "close", "", "back" },
	[UI_ZOOM] = { "zoom", "", "the terminal alone, with the dock; and back" },
	[UI_SPLIT] = { "split", "[1|2|4]", "one terminal, two, or a wall of four" },
	[UI_SCROLL] = { "scroll", "", "into the terminal's scrollback" },
	[UI_COPY] = { "copy", "", "copy: the line in scrollback, the event, the session's name" },
	[UI_SEARCH] = { "search", "[TEXT]", "search the scrollback" },
	[UI_SEARCH_NEXT] = { "search-next", "", "the next match, upwards; the next finding" },
	[UI_SEARCH_PREV] = { "search-prev", "", "the match before, downwards" },
	[UI_FILTER] = { "filter", "[TEXT]", "show only events that hold the text" },
	[UI_MARK] = { "mark", "", "mark the session for sending; in scrollback, copy from here" },
	[UI_EDIT] = { "edit", "", "open the manifest in $EDITOR" },
	[UI_THEME] = { "theme", "[NAME]", "another theme" },
	[UI_COMMAND] = { "command", "", "type a command" },
	[UI_HELP] = { "help", "", "this" },
	[UI_MESSAGES] = { "messages", "", "what was said" },
	[UI_RELOAD] = { "reload", "", "read the manifest and the engine again" },
	[UI_REDRAW] = { "redraw", "", "draw the whole screen anew" },
	[UI_SAVE_DISPLAY] = { "save-display", "[FILE]", "write the screen to a file, as text" },
	[UI_LITERAL] = { "literal", "", "send the prefix key itself" },
	[UI_QUIT] = { "quit", "", "leave; sessions go on" },
};

static const struct keymap_row list_rows[] = {
	{ "Enter", UI_OPEN, NULL },
	{ "l", UI_LAUNCH, NULL },
	{ "L", UI_FORM, NULL },
	{ "r", UI_RELAUNCH, NULL },
	{ "s", UI_STOP, NULL },
	{ "D", UI_REMOVE, NULL },
	{ "c", UI_CANCEL, NULL },
	{ "w", UI_WAITING, NULL },
	{ "i", UI_INBOX, NULL },
	{ "x", UI_DISMISS, NULL },
	{ "a", UI_ALLOW, NULL },
	{ "d", UI_DIFF, NULL },
	{ "P", UI_POLICY, NULL },
	{ "F", UI_FREEZE, NULL },
	{ "E", UI_SHELL, NULL },
	{ "m", UI_SEND, NULL },
	{ "Space", UI_MARK, NULL },
	{ "z", UI_ZOOM, NULL },
	{ "+", UI_ZOOM, NULL },
	{ "|", UI_SPLIT, NULL },
	{ "[", UI_SCROLL, NULL },
	{ "y", UI_COPY, NULL },
	{ "/", UI_FILTER, NULL },
	{ "ctrl-f", UI_FIND, NULL },
	{ "e", UI_EDIT, NULL },
	{ ":", UI_COMMAND, NULL },
	{ "?", UI_HELP, NULL },
	{ "q", UI_QUIT, NULL },
	{ "j", UI_DOWN, NULL },
	{ "Down", UI_DOWN, NULL },
	{ "k", UI_UP, NULL },
	{ "Up", UI_UP, NULL },
	{ "g", UI_TOP, NULL },
	{ "Home", UI_TOP, NULL },
	{ "G", UI_BOTTOM, NULL },
	{ "End", UI_BOTTOM, NULL },
	{ "ctrl-d", UI_PAGE_DOWN, NULL },
	{ "PageDown", UI_PAGE_DOWN, NULL },
	{ "ctrl-u", UI_PAGE_UP, NULL },
	{ "PageUp", UI_PAGE_UP, NULL },
	{ "Tab", UI_NEXT_PANE, NULL },
	{ "shift-Tab", UI_PREV_PANE, NULL },
	{ "1", UI_SESSION, "1" },
	{ "2", UI_SESSION, "2" },
	{ "3", UI_SESSION, "3" },
	{ "4", UI_SESSION, "4" },
	{ "5", UI_SESSION, "5" },
	{ "6", UI_SESSION, "6" },
	{ "7", UI_SESSION, "7" },
	{ "8", UI_SESSION, "8" },
	{ "9", UI_SESSION, "9" },
	{ "ctrl-r", UI_RELOAD, NULL },
	{ "ctrl-l", UI_REDRAW, NULL },
};

static const struct keymap_row prefix_rows[] = {
	{ "d", UI_DETACH, NULL },
	{ "w", UI_WAITING, NULL },
	{ "z", UI_ZOOM, NULL },
	{ "n", UI_NEXT_SESSION, NULL },
	{ "p", UI_PREV_SESSION, NULL },
	{ "[", UI_SCROLL, NULL },
	{ "PageUp", UI_SCROLL, NULL },
	{ "ctrl-]", UI_LITERAL, NULL },
};

static const struct keymap_row scroll_rows[] = {
	{ "q", UI_SCROLL, NULL },
	{ "Escape", UI_SCROLL, NULL },
	{ "/", UI_SEARCH, NULL },
	{ "n", UI_SEARCH_NEXT, NULL },
	{ "N", UI_SEARCH_PREV, NULL },
	{ "y", UI_COPY, NULL },
	{ "Space", UI_MARK, NULL },
	{ "v", UI_MARK, NULL },
	{ "f", UI_PAGE_DOWN, NULL },
	{ "b", UI_PAGE_UP, NULL },
};

static const struct keymap_row overlay_rows[] = {
	{ "Escape", UI_CLOSE, NULL }, { "q", UI_CLOSE, NULL },	  { "v", UI_RAW, NULL },
	{ "A", UI_APPROVE, NULL },    { "X", UI_REJECT, NULL },	  { "f", UI_ACCEPT, NULL },
	{ "R", UI_REVOKE, NULL },     { "Space", UI_PAGE_DOWN, NULL },
	{ "n", UI_SEARCH_NEXT, NULL }, { "N", UI_SEARCH_PREV, NULL },
};

static const struct {
	const struct keymap_row *rows;
	size_t n;
} maps[UI_MODES] = {
	[UI_MODE_LIST] = { list_rows, sizeof list_rows / sizeof *list_rows },
	[UI_MODE_PREFIX] = { prefix_rows, sizeof prefix_rows / sizeof *prefix_rows },
	[UI_MODE_SCROLL] = { scroll_rows, sizeof scroll_rows / sizeof *scroll_rows },
	[UI_MODE_OVERLAY] = { overlay_rows, sizeof overlay_rows / sizeof *overlay_rows },
};

const struct ui_command_info *keymap_info(enum ui_command c)
{
	return &infos[c];
}

enum ui_command keymap_command(const char *name)
{
	for (int c = 1; c < UI_COMMANDS; c++)
		if (strcmp(infos[c].name, name) == 0)
			return (enum ui_command)c;
	return UI_NONE;
}

const struct keymap_row *keymap_rows(enum ui_mode mode, size_t *n)
{
	*n = maps[mode].n;
	return maps[mode].rows;
}

/* Names are compared in their one written form, so "A" is "shift-a" here too. */
enum ui_command keymap_find(enum ui_mode mode, const struct vtkey *key, const char **argument)
{
	char name[32], wanted[32];

	input_key_name(key, name);
	for (size_t i = 0; i < maps[mode].n; i++) {
		const struct keymap_row *r = &maps[mode].rows[i];
		struct vtkey parsed;

		if (input_parse_key(&parsed, r->key) < 0)
			continue;
		input_key_name(&parsed, wanted);
		if (strcmp(name, wanted) != 0)
			continue;
		*argument = r->argument;
		return r->command;
	}
	return mode == UI_MODE_LIST ? UI_NONE : keymap_find(UI_MODE_LIST, key, argument);
}

const char *keymap_key(enum ui_mode mode, enum ui_command c)
{
	for (size_t i = 0; i < maps[mode].n; i++)
		if (maps[mode].rows[i].command == c)
			return maps[mode].rows[i].key;
	return "";
}
