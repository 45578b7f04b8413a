/* The dashboard: one screen over the fleet.
 *
 * Keys become commands (ui/keymap), commands change the model or the view and
 * set flags; drawing happens once a turn, at most 60 times a second, and at
 * once when little is pending. While an agent has the keyboard everything but
 * the prefix goes to it, and the dock keeps showing the others.
 */
#ifndef UI_APP_H
#define UI_APP_H

#include <stdbool.h>

#include "core/backend.h"

struct err;
struct loop;
struct manifest;
struct store;

struct app_options {
	const struct backend_ops *ops;
	struct backend *backend;
	struct loop *loop;
	struct manifest *(*load_manifest)(void *arg);
	/* A project's file was written with the person's consent: its new bytes are
	 * trusted. May be NULL. */
	int (*renew_trust)(void *load_arg, const char *path, const char *digest,
	                   struct err *err);
	void *load_arg;
	struct store *store;		/* of events, on the loop; NULL: there is none */
	const char *manifest_path;	/* for "edit"; NULL when there is none */
	const char *recording;		/* what is played is this recording, and is said to be
					 * one; NULL: it is all real */
	const char *attach;		/* a session to be zoomed into at once; NULL for none */
	const char *theme;		/* NULL: the default */
	const char *prefix;		/* a key's name; NULL: "ctrl-]" */
	bool with_mouse;
	int notices;			/* enum notices of core/config.h */
	bool no_color;
};

/* Can it be used? Asked before there is a screen, which has questions for the terminal
 * whose answers should not come to a shell. NULL is the default. */
int app_check_theme(const char *name, struct err *err);
int app_check_prefix(const char *key, struct err *err);

/* Runs until the person quits or the terminal goes away. Sessions go on. */
int app_run(const struct app_options *opt, struct err *err);

#endif
