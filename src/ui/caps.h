/* What the person's terminal can do, as far as its environment tells.
 *
 * TERM is looked up in terminfo; COLORTERM, NO_COLOR, VTE_VERSION and the locale
 * refine it. Nothing is asked of the terminal itself.
 */
#ifndef UI_CAPS_H
#define UI_CAPS_H

#include "ui/diff.h"

struct err;

struct caps {
	struct diff_caps diff;
	bool is_modern; /* takes OSC, private modes and the alternate screen */
};

/* Fails (ERR_INPUT) when TERM is unset, unknown, or cannot move its cursor. */
int caps_find(struct caps *out, const struct screen_options *opt, int fd, struct err *err);

#endif
