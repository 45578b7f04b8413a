/* Themes: what each element looks like. JSON files in themes/, built-in ones
 * compiled in as a fallback. State is always shape and colour: see theme_sign(). */
#ifndef UI_THEME_H
#define UI_THEME_H

#include <stdbool.h>

#include "ui/canvas.h"

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
	THEME_SELECTED,		/* a row, focused */
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

/* name: "dark", "light", "high-contrast", "colour-blind", "mono", or a path. */
int theme_load(struct theme **out, const char *name, struct err *err);
void theme_free(struct theme *t);
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
