/* The user's settings: config.json in the configuration folder, read strictly as the
 * manifest is. What the command line says goes first. A file that is not there
 * leaves everything as it is by default.
 *
 *	{ "theme": "light", "prefix": "ctrl-a", "mouse": false, "notices": "bell",
 *	  "keep_days": 90, "keep_megabytes": 2048 }
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
	/* Where they stand, "path:line:column: /theme": what they say is judged elsewhere. */
	char *theme_at, *prefix_at;
	bool no_mouse;
	enum notices notices;
	unsigned keep_days, keep_megabytes;	/* of events; 0: not set */
};

#define CONFIG_DAYS_MAX 36500
#define CONFIG_MEGABYTES_MIN 16
#define CONFIG_MEGABYTES_MAX 1048576

/* Fails (ERR_INPUT) with the first fault as path:line:column; *out is then empty. */
int config_load(struct config *out, const char *path, struct err *err);
void config_done(struct config *c);	/* NULL is fine */

#endif
