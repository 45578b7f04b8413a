/* The user's settings: config.json in the configuration folder, read strictly as the
 * manifest is. What the command line says goes first. A file that is not there
 * leaves everything as it is by default.
 *
 *	{ "theme": "light", "prefix": "ctrl-a", "mouse": false, "notices": "bell" }
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>

struct err;

/* How the terminal is told that something waits for a person. */
enum notices {
	NOTICES_OSC9,		/* "osc9", the default: iTerm2, kitty, WezTerm, ConEmu, ... */
	NOTICES_OSC777,		/* "osc777": foot, urxvt, some VTE */
	NOTICES_BELL,		/* "bell" */
	NOTICES_OFF,		/* "off" */
};

struct config {
	char *theme, *prefix;	/* NULL: not set */
	bool no_mouse;
	enum notices notices;
};

/* Fails (ERR_INPUT) with the first fault as path:line:column; *out is then empty. */
int config_load(struct config *out, const char *path, struct err *err);
void config_done(struct config *c);	/* NULL is fine */

#endif
