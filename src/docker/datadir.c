#include "docker/datadir.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

static bool take(struct datadir *out, const char *images, const char *sidecar)
{
	char *versions = xasprintf("%s/versions", images);
	bool found = access(versions, R_OK) == 0;

	free(versions);
	if (found) {
		out->images = xstrdup(images);
		out->sidecar = xstrdup(sidecar);
	}
	return found;
}

static bool take_below(struct datadir *out, const char *root, const char *images,
                       const char *sidecar)
{
	char *a = xasprintf("%s/%s", root, images), *b = xasprintf("%s/%s", root, sidecar);
	bool found = take(out, a, b);

	free(a);
	free(b);
	return found;
}

/* TREE of TREE/build/claude-bottle or TREE/build/san/claude-bottle; NULL when
 * the program does not lie so. The caller frees it. */
static char *source_tree(const char *exe)
{
	char *dir = xstrdup(exe), *slash = strrchr(dir, '/');

	if (slash)
		*slash = '\0';
	slash = strrchr(dir, '/');
	if (slash && strcmp(slash, "/san") == 0) {
		*slash = '\0';
		slash = strrchr(dir, '/');
	}
	if (slash && strcmp(slash, "/build") == 0) {
		*slash = '\0';
		return dir;
	}
	free(dir);
	return NULL;
}

int datadir_find(struct datadir *out, const char *override, const char *exe, struct err *err)
{
	char self[PATH_MAX];
	bool found = false;
	char *tree;

	if (override && *override) {
		if (take_below(out, override, "images", "sidecar"))
			return 0;
		return err_set(err, ERR_FAILED, "CLAUDE_BOTTLE_DATADIR: %s has no images/versions",
		               override);
	}
	if (!exe) {
		ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

		self[n > 0 ? n : 0] = '\0';
		exe = self;
	}
	tree = source_tree(exe);
	if (tree)
		found = take_below(out, tree, "assets/images", "src/sidecar");
	free(tree);
	if (found || take_below(out, DATADIR, "images", "sidecar"))
		return 0;
	return err_set(err, ERR_FAILED,
	               "the image sources are neither beside %s nor in %s: install them with "
	               "\"make install\" or set CLAUDE_BOTTLE_DATADIR", exe, DATADIR);
}

void datadir_done(struct datadir *d)
{
	if (!d)
		return;
	free(d->images);
	free(d->sidecar);
	*d = (struct datadir){ 0 };
}
