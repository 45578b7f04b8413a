/* Themes: what each element looks like. State is always shape and colour: see
 * theme_sign().
 *
 * A theme is a JSON file; those in themes/ are compiled in. It has
 *
 *	name, is_dark
 *	colors		names for colours: "green": "#93cc84", or a pair, the second
 *			for terminals of 16 colours: ["#93cc84", "index:10"]
 *	elements	for each: fg, bg, attr; what is left out is as in "text", and so
 *			is an element that is left out
 *	terminal	fg, bg, cursor, palette (16): what agents' terminals answer
 *
 * A colour is one of the names, "#rrggbb", "index:N" (0 to 255) or "default".
 * attr is a list of bold, dim, italic, underline, reverse, strike. Elements are
 * the names below in small letters with dashes: "frame-focus".
 */
#ifndef UI_THEME_H
#define UI_THEME_H

#include <stdbool.h>

#include "ui/canvas.h"
#include "ui/screen.h"

struct err;

enum theme_element {
	THEME_TEXT,
	THEME_DIM,
	THEME_TITLE,		/* the bar at the top */
	THEME_TITLE_ALERT,	/* something in it that waits */
	THEME_HINT,		/* the line at the bottom */
	THEME_HINT_KEY,
	THEME_FRAME,
	THEME_FRAME_FOCUS,
	THEME_FRAME_TITLE,
	THEME_SELECTED,		/* a row, focused; for canvas_restyle() set its fg to 0 */
	THEME_SELECTED_DIM,	/* a row, in a pane without focus */
	THEME_RUNNING,
	THEME_STARTING,
	THEME_STOPPED,
	THEME_FAILED,
	THEME_WAITS,
	THEME_BLOCKED,
	THEME_ALLOWED,
	THEME_WARN,
	THEME_NEW,		/* a row younger than 5 s */
	THEME_DIALOG,
	THEME_DIALOG_BUTTON,
	THEME_DIALOG_FOCUS,
	THEME_INPUT,
	THEME_ERROR,		/* a message */
	THEME_SEARCH,		/* a match */
	THEME_DOCK,
	THEME_ELEMENTS
};

struct theme;

/* name: "dark", "light", "high-contrast", "colour-blind", "mono", a path (with a
 * slash), or the name of a file DATADIR/themes/NAME.json. On failure err names the
 * first fault as path:line:column. */
int theme_load(struct theme **out, const char *name, struct err *err);
void theme_free(struct theme *t);

/* What the terminal can show: full colours at first; with SCREEN_16 the second
 * colours of pairs are used; with SCREEN_MONO the theme looks like "mono". */
void theme_set_colors(struct theme *t, enum screen_colors colors);

struct style theme_style(const struct theme *t, enum theme_element e);
const char *theme_name(const struct theme *t);
const char *const *theme_names(void);		/* the built-in ones, NULL-terminated */
const struct vt_theme *theme_vt(const struct theme *t);	/* for the agents' terminals */

/* Shapes: "●" and its ASCII form. */
enum theme_sign_id {
	SIGN_RUNNING, SIGN_STARTING, SIGN_WAITS, SIGN_STOPPED, SIGN_FAILED, SIGN_UNTRUSTED,
	SIGN_BLOCKED, SIGN_ALLOWED, SIGN_WARN, SIGN_FLAG, SIGN_SELECTED, SIGN_FOLLOW, SIGN_PAUSED,
	SIGN_COUNT
};
const char *theme_sign(enum theme_sign_id id, bool is_ascii);

#endif
