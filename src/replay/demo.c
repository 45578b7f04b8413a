#include "replay/demo.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"
#include "core/mem.h"

static bool found(char **out, char *path)
{
	if (access(path, R_OK) == 0) {
		*out = path;
		return true;
	}
	free(path);
	return false;
}

int demo_path(char **out, const char *name, struct err *err)
{
	static const char *const trees[] = { "/../assets", "/../../assets" };
	const char *dir = getenv("CLAUDE_BOTTLE_DATADIR");
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	char *slash;

	if (dir && *dir && found(out, xasprintf("%s/recordings/%s", dir, name)))
		return 0;
	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
		if (found(out, xasprintf("%s%s/recordings/%s", exe, trees[i], name)))
			return 0;
	if (found(out, xasprintf("%s/recordings/%s", DATADIR, name)))
		return 0;
	return err_set(err, ERR_FAILED,
	               "the demo's %s is neither in the source tree nor in %s/recordings", name,
	               DATADIR);
}
