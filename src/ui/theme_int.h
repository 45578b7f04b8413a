/* The files that are compiled in: ui/theme_builtin.c. */
#ifndef UI_THEME_INT_H
#define UI_THEME_INT_H

#include "ui/theme.h"

struct theme_builtin {
	const char *name;		/* NULL ends the table */
	const char *json, *end;
};

extern const struct theme_builtin theme_builtin[];

#endif
