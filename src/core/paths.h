/* Where things are: the XDG base directories, each with "claude-bottle" beneath.
 *
 *	config	$XDG_CONFIG_HOME, else ~/.config	manifest, settings
 *	state	$XDG_STATE_HOME,  else ~/.local/state	trust, events
 *	data	$XDG_DATA_HOME,   else ~/.local/share
 *	cache	$XDG_CACHE_HOME,  else ~/.cache
 *
 * As the specification wants it, a variable that is empty or no absolute path
 * counts as unset. Without HOME the user database is asked. Nothing is created
 * before paths_make().
 */
#ifndef CORE_PATHS_H
#define CORE_PATHS_H

struct err;

struct paths {
	char *home;
	char *config;
	char *state;
	char *data;
	char *cache;
};

/* Fill p from the environment. Fails when there is no home folder at all. */
int paths_init(struct paths *p, struct err *err);
void paths_done(struct paths *p);	/* NULL is fine */

/* Make the folder, and those above it, 0700. One that is there already must be a
 * folder of ours that nobody else may write to. */
int paths_make(const char *dir, struct err *err);

/* The user's manifest: config/claude-bottle.json if it is there, else
 * ~/claude-bottle.json if that is, else NULL. Owned by the caller. */
char *paths_user_manifest(const struct paths *p);

#endif
