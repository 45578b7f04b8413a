#include "core/paths.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/err.h"
#include "core/manifest.h"
#include "core/mem.h"

static const char *absolute(const char *variable)
{
	const char *s = getenv(variable);

	return s && s[0] == '/' ? s : NULL;
}

static char *find_home(void)
{
	const char *home = absolute("HOME");
	const struct passwd *pw = home ? NULL : getpwuid(getuid());

	if (pw && pw->pw_dir && pw->pw_dir[0] == '/')
		home = pw->pw_dir;
	return xstrdup_or_null(home);
}

static char *base(const char *variable, const char *home, const char *beneath)
{
	const char *dir = absolute(variable);

	return dir ? xasprintf("%s/claude-bottle", dir)
	           : xasprintf("%s/%s/claude-bottle", home, beneath);
}

int paths_init(struct paths *p, struct err *err)
{
	char *home = find_home();

	if (!home)
		return err_set(err, ERR_FAILED,
		               "there is no home folder; set HOME to an absolute path");
	p->home = home;
	p->config = base("XDG_CONFIG_HOME", home, ".config");
	p->state = base("XDG_STATE_HOME", home, ".local/state");
	p->data = base("XDG_DATA_HOME", home, ".local/share");
	p->cache = base("XDG_CACHE_HOME", home, ".cache");
	return 0;
}

void paths_done(struct paths *p)
{
	if (!p)
		return;
	free(p->home);
	free(p->config);
	free(p->state);
	free(p->data);
	free(p->cache);
	memset(p, 0, sizeof *p);
}

static int check_ours(const char *dir, struct err *err)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return err_errno(err, ERR_FAILED, errno, "%s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_FAILED, "%s is no folder; move it away", dir);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_FAILED, "%s belongs to somebody else; chown it", dir);
	if (st.st_mode & 022)
		return err_set(err, ERR_FAILED, "others may write to %s; run \"chmod 700 %s\"", dir,
		               dir);
	return 0;
}

int paths_make(const char *dir, struct err *err)
{
	CLEANUP_FREE char *path = xstrdup(dir);

	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_errno(err, ERR_FAILED, errno, "cannot make %s", path);
		*slash = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno(err, ERR_FAILED, errno, "cannot make %s", path);
	return check_ours(path, err);
}

char *paths_user_manifest(const struct paths *p)
{
	const char *dirs[] = { p->config, p->home };

	for (size_t i = 0; i < 2; i++) {
		char *path = xasprintf("%s/%s", dirs[i], MANIFEST_FILE_NAME);

		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}
