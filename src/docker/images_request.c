/* What the requests to the engine say: pure, but for the environment. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "docker/engine.h"
#include "docker/images_set.h"

/* What of the host's environment may matter to a build, and the ARG it becomes. */
static const struct { const char *arg, *env; } passed[] = {
	{ "GOPROXY", "GOPROXY" },
	{ "GONOPROXY", "GONOPROXY" },
	{ "GONOSUMDB", "GONOSUMDB" },
	{ "GOPRIVATE", "GOPRIVATE" },
	{ "GOSUMDB", "GOSUMDB" },
	{ "GOFLAGS", "GOFLAGS" },
	{ "NPM_REGISTRY", "npm_config_registry" },
	{ "NPM_REGISTRY", "NPM_CONFIG_REGISTRY" },
	{ "DEBIAN_MIRROR", "CLAUDE_BOTTLE_DEBIAN_MIRROR" },
	{ "DEBIAN_SECURITY_MIRROR", "CLAUDE_BOTTLE_DEBIAN_SECURITY_MIRROR" },
};

/* These every build takes, without an ARG, and keeps out of the image's history. */
static const char *const proxies[] = {
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY",
	"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy",
};

static void add_arg(cJSON *args, const char *name, const char *value)
{
	if (value && *value && !cJSON_GetObjectItemCaseSensitive(args, name))
		cJSON_AddStringToObject(args, name, value);
}

static char *build_args(const struct images *im, size_t i)
{
	const struct image *image = &im->list[i], *list = im->list;
	const struct image *base = &list[i == IMAGE_BASE ? IMAGE_ROOT : IMAGE_BASE];
	cJSON *args = cJSON_CreateObject();
	char *text;

	for (char **arg = image->recipe.args; arg && *arg; arg++) {
		if (strcmp(*arg, "BASE") == 0)
			add_arg(args, *arg, base->ref);
		else if (strcmp(*arg, "BUILDER") == 0)
			add_arg(args, *arg, list[IMAGE_BUILDER].ref);
		add_arg(args, *arg, versions_get(&im->versions, *arg));
		for (size_t k = 0; k < sizeof passed / sizeof *passed; k++)
			if (strcmp(passed[k].arg, *arg) == 0)
				add_arg(args, *arg, getenv(passed[k].env));
	}
	for (size_t k = 0; k < sizeof proxies / sizeof *proxies; k++)
		add_arg(args, proxies[k], getenv(proxies[k]));
	text = cJSON_PrintUnformatted(args);
	cJSON_Delete(args);
	return text;
}

void images_add_query(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "&%s=", key);
	engine_escape(b, value);
}

void images_build_path(struct buf *b, const struct images *im, size_t i, bool is_fresh)
{
	const struct image *image = &im->list[i];
	char *args = build_args(im, i);
	char *labels = xasprintf("{\"" LABEL_IMAGE "\":\"%s\",\"" LABEL_INPUTS "\":\"%s\"}",
	                         image->name, image->recipe.hash);
	char *latest = xasprintf("%s/%s:latest", im->repo, image->name);

	buf_adds(b, "/build?version=1&rm=1&forcerm=1");
	if (is_fresh)
		buf_adds(b, "&nocache=1");
	images_add_query(b, "dockerfile", image->recipe.dockerfile);
	images_add_query(b, "t", image->ref);
	images_add_query(b, "t", latest);
	images_add_query(b, "labels", labels);
	images_add_query(b, "buildargs", args);
	cJSON_free(args);
	free(labels);
	free(latest);
}

char *images_go_module(const struct images *im, size_t i)
{
	const struct versions *v = &im->versions;

	for (char **arg = im->list[i].recipe.args; arg && *arg; arg++) {
		const char *module = versions_get(v, *arg), *version;
		size_t n = strlen(*arg);
		char *name;

		if (!module || n <= 7 || strcmp(*arg + n - 7, "_MODULE") != 0)
			continue;
		name = xasprintf("%.*s_VERSION", (int)(n - 7), *arg);
		version = versions_get(v, name);
		free(name);
		return xasprintf("%s@%s", module, version ? version : "latest");
	}
	return NULL;
}

char *images_pull_ref(const struct images *im, size_t i)
{
	const struct image *image = &im->list[i];
	const char *digest, *ref, *colon;
	bool is_root = i == IMAGE_ROOT;

	if (image->is_named)
		return xstrdup(image->ref);
	if (!is_root && strcmp(image->name, "pipelock") != 0)
		return NULL;
	ref = versions_get(&im->versions, is_root ? "DEBIAN_IMAGE" : "PIPELOCK_IMAGE");
	digest = versions_get(&im->versions, is_root ? "DEBIAN_DIGEST" : "PIPELOCK_DIGEST");
	if (!ref || !*ref || (!is_root && (!digest || !*digest)))
		return NULL;
	if (!digest || !*digest)
		return xstrdup(ref);
	colon = strrchr(ref, ':');
	if (!colon || strchr(colon, '/'))	/* a registry's port is no tag */
		colon = ref + strlen(ref);
	return xasprintf("%.*s@%s", (int)(colon - ref), ref, digest);
}
