/* Which files are read, and the real world behind a manifest's paths. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/manifest_internal.h"
#include "core/mem.h"

static enum manifest_path real_kind(void *ctx, const char *path)
{
	struct stat st;

	(void)ctx;
	if (stat(path, &st) < 0)
		return MANIFEST_PATH_NONE;
	return S_ISREG(st.st_mode)   ? MANIFEST_PATH_FILE
	       : S_ISDIR(st.st_mode) ? MANIFEST_PATH_DIR
	                             : MANIFEST_PATH_OTHER;
}

static char *real_path(void *ctx, const char *path)
{
	(void)ctx;
	return realpath(path, NULL);
}

struct manifest_env manifest_env_real(const char *home, const char *cwd)
{
	return (struct manifest_env){
		.home = home,
		.cwd = cwd,
		.path_kind = real_kind,
		.real_path = real_path,
	};
}

/* A file on its way in. */
struct candidate {
	enum manifest_origin origin;
	char *path; /* its folder's real path, and its name */
	char *dir;
	struct buf bytes;
	int errnum; /* why it was not read; 0 when it was */
};

/* Where the file really lies: links in its folder's path are resolved, so that one
 * file has one name in the record of trust; a link in the file's own place is not. */
static void locate(struct candidate *c, const struct manifest_env *env, const char *path)
{
	CLEANUP_FREE char *whole =
		path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", env->cwd, path);
	char *slash = strrchr(whole, '/');
	CLEANUP_FREE char *name = xstrdup(slash + 1);

	slash[slash == whole] = '\0';
	c->dir = env->real_path(env->ctx, whole);
	if (!c->dir)
		c->dir = xstrdup(whole);
	c->path = xasprintf("%s/%s", strcmp(c->dir, "/") == 0 ? "" : c->dir, name);
}

static void fetch(struct candidate *c, const struct manifest_env *env, const char *path,
                  enum manifest_origin origin)
{
	c->origin = origin;
	c->bytes = (struct buf)BUF_INIT_SECRET(JSON_BYTES_MAX);
	locate(c, env, path);
	c->errnum = file_read(c->path, &c->bytes) < 0 ? errno : 0;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static const char *why_unread(int errnum)
{
	if (errnum == EFBIG)
		return "larger than 4 MiB; make it smaller";
	if (errnum == EINVAL)
		return "is no regular file";
	return strerror(errnum);
}

/* Trust is asked of the very bytes that are parsed next. */
static bool is_trusted(const struct manifest_options *opt, const struct candidate *c)
{
	char digest[HASH_HEX_SIZE];

	if (c->origin != MANIFEST_PROJECT)
		return true;
	if (!opt->is_trusted)
		return false;
	hash_sha256_hex(digest, c->bytes.data, c->bytes.len);
	return opt->is_trusted(opt->trust_ctx, c->path, digest);
}

static struct manifest *parse_all(const struct manifest_options *opt, const struct candidate *v,
                                  size_t n)
{
	struct manifest_source sources[2];
	struct manifest *m;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].errnum)
			continue;
		sources[k++] = (struct manifest_source){
			.origin = v[i].origin,
			.path = v[i].path,
			.dir = v[i].dir,
			.data = buf_str(&v[i].bytes),
			.len = v[i].bytes.len,
			.is_trusted = is_trusted(opt, &v[i]),
		};
	}
	m = manifest_parse(sources, k, opt->env);
	for (size_t i = 0; i < n; i++) {
		bool is_absent = v[i].errnum == ENOENT && v[i].origin != MANIFEST_NAMED;

		if (v[i].errnum && !is_absent)
			faults_add(&m->faults,
			           (struct fault_at){ .file = (unsigned)i, .path = v[i].path },
			           "%s", why_unread(v[i].errnum));
	}
	return m;
}

struct manifest *manifest_load(const struct manifest_options *opt)
{
	struct candidate v[2] = { 0 };
	struct manifest *m;
	size_t n = 0;

	if (opt->named) {
		fetch(&v[n++], opt->env, opt->named, MANIFEST_NAMED);
	} else {
		if (opt->user)
			fetch(&v[n++], opt->env, opt->user, MANIFEST_USER);
		fetch(&v[n++], opt->env, MANIFEST_FILE_NAME, MANIFEST_PROJECT);
		if (n == 2 && is_same_file(v[0].path, v[1].path))
			n--;
	}
	m = parse_all(opt, v, n);
	for (size_t i = 0; i < 2; i++) {
		free(v[i].path);
		free(v[i].dir);
		buf_done(&v[i].bytes);
	}
	return m;
}
