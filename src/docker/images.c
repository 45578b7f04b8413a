#include "docker/images.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "docker/datadir.h"
#include "docker/engine.h"
#include "docker/images_set.h"

#define TAG_DIGITS    12
#define CA_BUNDLE_MAX (4u << 20)
#define ROOT_RECIPE   "1"	/* to be raised when debootstrap.c makes another tree */

static const char *env_or_null(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* --- the host's CA bundle ------------------------------------------------------ */

static int read_file(struct buf *b, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[65536];
	ssize_t got = 0;

	if (fd < 0)
		return err_errno(err, ERR_INPUT, errno, "CA bundle %s", path);
	while ((got = read(fd, piece, sizeof piece)) > 0)
		buf_add(b, piece, (size_t)got);
	if (got < 0)
		err_errno(err, ERR_INPUT, errno, "CA bundle %s", path);
	close(fd);
	if (got == 0 && b->overflowed)
		return err_set(err, ERR_INPUT, "CA bundle %s: larger than %u MB", path,
		               CA_BUNDLE_MAX >> 20);
	/* bundles and keys lie side by side, and what is sent to a build is kept there */
	if (got == 0 && strstr(buf_str(b), "PRIVATE KEY-----"))
		return err_set(err, ERR_INPUT, "CA bundle %s: it holds a private key", path);
	return got < 0 ? -1 : 0;
}

static int add_ca_bundle(struct context *c, struct err *err)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/cert.pem",
	};
	const char *path = getenv("CLAUDE_BOTTLE_CA_BUNDLE");
	struct buf b = BUF_INIT(CA_BUNDLE_MAX);
	int rc = 0;

	if (!path)
		path = env_or_null("SSL_CERT_FILE");
	for (size_t i = 0; !path && i < sizeof places / sizeof *places; i++)
		if (access(places[i], R_OK) == 0)
			path = places[i];
	if (path && *path)
		rc = read_file(&b, path, err);
	if (rc == 0)
		rc = context_add_file(c, CONTEXT_CA, 0644, buf_str(&b), b.len, err);
	buf_done(&b);
	return rc;
}

/* --- loading ------------------------------------------------------------------- */

static int load_context(struct images *im, struct err *err)
{
	const struct context_file *versions;
	struct datadir d = { 0 };
	char *path;
	int rc;

	if (datadir_find(&d, getenv("CLAUDE_BOTTLE_DATADIR"), NULL, err) < 0)
		return -1;
	rc = context_add_folder(&im->context, "images", d.images, err);
	if (rc == 0 && access(d.sidecar, F_OK) == 0)
		rc = context_add_folder(&im->context, "sidecar", d.sidecar, err);
	if (rc == 0)
		rc = add_ca_bundle(&im->context, err);
	versions = context_find(&im->context, "images/versions");
	path = xasprintf("%s/versions", d.images);
	if (rc == 0)	/* datadir_find() saw the file */
		rc = versions_parse(&im->versions, path, versions ? versions->data : "",
		                    versions ? versions->len : 0, err);
	free(path);
	datadir_done(&d);
	return rc;
}

char *images_env_name(const char *name)
{
	char *variable = xasprintf("CLAUDE_BOTTLE_%s_IMAGE", name);

	for (char *p = variable; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	return variable;
}

static const char *named_by_env(const char *name)
{
	char *variable = images_env_name(name);
	const char *ref = env_or_null(variable);

	free(variable);
	return ref;
}

static void finish_image(struct images *im, struct image *image)
{
	const char *named = named_by_env(image->name);

	image->is_named = named != NULL;
	image->ref = named ? xstrdup(named)
			   : xasprintf("%s/%s:%.*s", im->repo, image->name, TAG_DIGITS,
			               image->recipe.hash);
}

static void add_root(struct images *im)
{
	static const char *const names[] = { "DEBIAN_SUITE", "DEBIAN_IMAGE", "DEBIAN_DIGEST" };
	struct image *image = &im->list[IMAGE_ROOT];
	struct buf b = BUF_INIT(8192);

	buf_adds(&b, "claude-bottle root " ROOT_RECIPE "\n");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = versions_get(&im->versions, names[i]);

		buf_addf(&b, "%s=%s\n", names[i], value ? value : "");
	}
	image->name = xstrdup("debian");
	hash_sha256_hex(image->recipe.hash, b.data, b.len);
	memcpy(image->recipe.plain_hash, image->recipe.hash, HASH_HEX_SIZE);
	finish_image(im, image);
	buf_done(&b);
	im->n = IMAGE_ROOT + 1;
}

static int add_image(struct images *im, const char *name, size_t name_len, struct err *err)
{
	struct image *image = &im->list[im->n];
	const struct recipe *base, *builder;
	char *owned = xstrndup(name, name_len);
	int rc;

	/* base stands on debian, the builder on base, all others on either */
	base = &im->list[im->n == IMAGE_BASE ? IMAGE_ROOT : IMAGE_BASE].recipe;
	builder = im->n > IMAGE_BUILDER ? &im->list[IMAGE_BUILDER].recipe : NULL;
	rc = recipe_read(&image->recipe, &im->context, owned, &im->versions, base, builder, err);
	if (rc < 0) {
		free(owned);
		return -1;
	}
	image->name = owned;
	finish_image(im, image);
	im->n++;
	return 0;
}

/* NAME of images/NAME/Dockerfile */
static size_t image_name(const char *path, const char **name)
{
	const char *slash;

	if (strncmp(path, "images/", 7) != 0)
		return 0;
	slash = strchr(path + 7, '/');
	if (!slash || strcmp(slash, "/Dockerfile") != 0)
		return 0;
	*name = path + 7;
	return (size_t)(slash - *name);
}

static int load_recipes(struct images *im, struct err *err)
{
	const char *name;

	add_root(im);
	if (add_image(im, "base", 4, err) < 0 || add_image(im, "builder", 7, err) < 0)
		return -1;
	for (size_t i = 0; i < im->context.n; i++) {
		size_t len = image_name(im->context.files[i].path, &name);

		if (len == 0 || (len == 4 && strncmp(name, "base", 4) == 0) ||
		    (len == 7 && strncmp(name, "builder", 7) == 0))
			continue;
		if (im->n == IMAGES_MAX)
			return err_set(err, ERR_INPUT, "more than %d images", IMAGES_MAX);
		if (add_image(im, name, len, err) < 0)
			return -1;
	}
	return 0;
}

int images_load(struct images **out, struct err *err)
{
	struct images *im = xcalloc(1, sizeof *im);
	const char *repo = env_or_null("CLAUDE_BOTTLE_IMAGE_REPO");

	im->repo = xstrdup(repo ? repo : "claude-bottle");
	if (load_context(im, err) < 0 || load_recipes(im, err) < 0) {
		images_free(im);
		return -1;
	}
	*out = im;
	return 0;
}

void images_free(struct images *im)
{
	if (!im)
		return;
	for (size_t i = 0; i < im->n; i++) {
		free(im->list[i].name);
		free(im->list[i].ref);
		recipe_done(&im->list[i].recipe);
	}
	context_done(&im->context);
	versions_done(&im->versions);
	free(im->repo);
	free(im);
}

const char *images_ref(const struct images *im, const char *name)
{
	for (size_t i = 0; i < im->n; i++)
		if (strcmp(im->list[i].name, name) == 0)
			return im->list[i].ref;
	return NULL;
}

/* --- what is there ------------------------------------------------------------- */

static bool same_repo(const char *ref, const char *repo, const char *name)
{
	size_t n = strlen(repo), m = strlen(name);

	return strncmp(ref, repo, n) == 0 && ref[n] == '/' && strncmp(ref + n + 1, name, m) == 0 &&
	       ref[n + 1 + m] == ':';
}

/* One reference that the engine has: is it this image's, or an older one's? */
static void match(struct image_info *info, const struct images *im, const struct image *image,
                  const cJSON *entry, const char *ref)
{
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(entry, "Size");
	const cJSON *created = cJSON_GetObjectItemCaseSensitive(entry, "Created");
	int64_t when = cJSON_IsNumber(created) ? (int64_t)created->valuedouble : 0;
	bool is_current = strcmp(ref, image->ref) == 0;

	if (!is_current && (image->is_named || !same_repo(ref, im->repo, image->name)))
		return;
	if (!is_current && (info->state == IMAGE_CURRENT || when < info->created))
		return;
	info->state = is_current ? IMAGE_CURRENT : IMAGE_STALE;
	info->created = when;
	info->size = 0;
	if (cJSON_IsNumber(size) && size->valuedouble > 0)
		info->size = (uint64_t)size->valuedouble;
}

/* "busybox" is "busybox:latest" to the engine, and a digest stands elsewhere. */
static bool has_tag(const char *ref)
{
	const char *slash = strrchr(ref, '/');

	return strpbrk(slash ? slash : ref, ":@") != NULL;
}

static void match_all(struct image_info *list, const struct images *im, const cJSON *entry,
                      const char *key)
{
	const cJSON *refs = cJSON_GetObjectItemCaseSensitive(entry, key), *ref;

	cJSON_ArrayForEach(ref, refs) {
		if (!cJSON_IsString(ref))
			continue;
		for (size_t i = 0; i < im->n; i++) {
			const struct image *image = &im->list[i];
			char *full = xasprintf("%s%s", image->ref,
			                       has_tag(image->ref) ? "" : ":latest");
			bool is_it = strcmp(full, ref->valuestring) == 0;

			match(&list[i], im, image, entry,
			      is_it ? image->ref : ref->valuestring);
			free(full);
		}
	}
}

/* Those called demo-... serve the demo, which asks for them by name. */
bool images_is_launched(const struct images *im, size_t i)
{
	return i < im->n && i >= IMAGE_FIRST_OTHER && strncmp(im->list[i].name, "demo-", 5) != 0;
}

int images_list(const struct images *im, struct engine *e, struct image_info **out, size_t *n,
                struct err *err)
{
	struct engine_request req = { .method = "GET", .path = "/images/json" };
	struct engine_reply reply = { 0 };
	struct image_info *list;
	cJSON *all = NULL;
	const cJSON *entry;
	int rc;

	engine_sync(e, &req, &reply);
	rc = engine_check(&reply, err, "listing images");
	if (rc == 0) {
		all = cJSON_ParseWithLength(buf_str(&reply.body), reply.body.len);
		if (!cJSON_IsArray(all))
			rc = err_set(err, ERR_FAILED, "listing images: the engine sent no list");
	}
	buf_done(&reply.body);
	if (rc < 0) {
		cJSON_Delete(all);
		return -1;
	}

	list = xcalloc(im->n, sizeof *list);
	for (size_t i = 0; i < im->n; i++) {
		list[i].name = xstrdup(im->list[i].name);
		list[i].ref = xstrdup(im->list[i].ref);
		list[i].is_named = im->list[i].is_named;
		list[i].is_needed = images_is_launched(im, i);
	}
	cJSON_ArrayForEach(entry, all) {
		match_all(list, im, entry, "RepoTags");
		match_all(list, im, entry, "RepoDigests");
	}
	cJSON_Delete(all);
	*out = list;
	*n = im->n;
	return 0;
}

void images_info_free(struct image_info *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++) {
		free(list[i].name);
		free(list[i].ref);
	}
	free(list);
}
