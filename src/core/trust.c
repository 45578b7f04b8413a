#include "core/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/paths.h"
#include "core/text.h"

struct record {
	char *path;
	char digest[HASH_HEX_SIZE];
};

struct trust {
	char *file;
	struct record *v; /* in order of path */
	size_t n;
};

static bool is_digest(const char *s)
{
	return strlen(s) == HASH_HEX_SIZE - 1 && strspn(s, "0123456789abcdef") == HASH_HEX_SIZE - 1;
}

/* Index of the path, or where it would go. */
static size_t slot(const struct trust *t, const char *path)
{
	size_t i = 0;

	while (i < t->n && strcmp(t->v[i].path, path) < 0)
		i++;
	return i;
}

static bool is_at(const struct trust *t, size_t i, const char *path)
{
	return i < t->n && strcmp(t->v[i].path, path) == 0;
}

static void put(struct trust *t, const char *path, const char *digest)
{
	size_t i = slot(t, path);

	if (!is_at(t, i, path)) {
		t->v = xreallocarray(t->v, t->n + 1, sizeof *t->v);
		memmove(t->v + i + 1, t->v + i, (t->n++ - i) * sizeof *t->v);
		t->v[i].path = xstrdup(path);
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): xreallocarray() aborts */
	memcpy(t->v[i].digest, digest, HASH_HEX_SIZE);
}

static void forget_all(struct trust *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].path);
	free(t->v);
	t->v = NULL;
	t->n = 0;
}

/* --- reading -------------------------------------------------------------------- */

static int take_records(struct trust *t, const struct json_doc *doc, struct err *err)
{
	const struct json_node *list = json_get(doc->root, "trusted");
	long long version;

	if (!json_integer(json_get(doc->root, "version"), 1, 1, &version))
		return err_set(err, ERR_INPUT, "%s is of a version that this program does not know",
		               t->file);
	if (!list || list->type != JSON_OBJECT || list->n > TRUST_MAX)
		return err_set(err, ERR_INPUT, "%s has no usable \"trusted\"; remove the file",
		               t->file);
	for (const struct json_node *c = list->first; c; c = c->next) {
		if (!json_string(c) || !is_digest(c->string))
			return err_set(err, ERR_INPUT,
			               "%s:%u:%u: must be 64 hexadecimal digits; remove the line",
			               t->file, c->at.line, c->at.column);
		put(t, c->key, c->string);
	}
	return 0;
}

static int parse_records(struct trust *t, const struct buf *bytes, struct err *err)
{
	struct faults faults = { 0 };
	struct json_doc *doc = json_parse(buf_str(bytes), bytes->len, 0, t->file, &faults);
	int rc;

	if (!doc || faults.n_errors) {
		struct buf text = BUF_INIT(ERR_MSG_MAX);

		fault_text(&faults.v[0], &text);
		rc = err_set(err, ERR_INPUT, "%s", buf_str(&text));
		buf_done(&text);
	} else {
		rc = take_records(t, doc, err);
	}
	json_free(doc);
	faults_done(&faults);
	return rc;
}

/* Whoever could write to the file could trust anything in our name. */
static int check_owner(const char *file, struct err *err)
{
	struct stat st;

	if (lstat(file, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(err, ERR_FAILED, errno, "%s", file);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FAILED, "%s is no regular file; move it away", file);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(err, ERR_FAILED,
		               "%s may be written by others; look through it, then run \"chmod 600 "
		               "%s\"",
		               file, file);
	return 0;
}

static int load(struct trust *t, struct err *err)
{
	struct buf bytes = BUF_INIT(JSON_BYTES_MAX);
	int rc = 0;

	forget_all(t);
	if (check_owner(t->file, err) < 0)
		return -1;
	if (file_read(t->file, &bytes) == 0)
		rc = parse_records(t, &bytes, err);
	else if (errno != ENOENT)
		rc = err_errno(err, ERR_FAILED, errno, "cannot read %s", t->file);
	if (rc < 0)
		forget_all(t);
	buf_done(&bytes);
	return rc;
}

int trust_open(struct trust **out, const char *path, struct err *err)
{
	struct trust *t = xcalloc(1, sizeof *t);

	t->file = xstrdup(path);
	if (load(t, err) < 0) {
		trust_free(t);
		return -1;
	}
	*out = t;
	return 0;
}

void trust_free(struct trust *t)
{
	if (!t)
		return;
	forget_all(t);
	free(t->file);
	free(t);
}

bool trust_has(const void *trust, const char *path, const char *digest)
{
	const struct trust *t = trust;
	size_t i = slot(t, path);

	return is_at(t, i, path) && strcmp(t->v[i].digest, digest) == 0;
}

const char *trust_path(const struct trust *t, size_t i)
{
	return i < t->n ? t->v[i].path : NULL;
}

/* --- changing ------------------------------------------------------------------- */

/* What could not be written is not trusted either. */
static int save(struct trust *t, struct err *err)
{
	struct buf b = BUF_INIT(JSON_BYTES_MAX);
	int rc;

	buf_adds(&b, "{\"version\":1,\"trusted\":{");
	for (size_t i = 0; i < t->n; i++) {
		buf_adds(&b, i ? ",\n" : "\n");
		json_escape(&b, t->v[i].path);
		buf_addf(&b, ":\"%s\"", t->v[i].digest);
	}
	buf_adds(&b, "\n}}\n");
	if (b.overflowed)
		rc = err_set(err, ERR_FAILED, "%s would become too large; remove old records",
		             t->file);
	else
		rc = file_write(t->file, 0600, b.data, b.len, err);
	buf_done(&b);
	if (rc < 0)
		forget_all(t);
	return rc;
}

/* On a fresh machine trust is the first thing that is ever kept. */
static int make_folder(const struct trust *t, struct err *err)
{
	CLEANUP_FREE char *dir = xstrdup(t->file);
	char *slash = strrchr(dir, '/');

	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return paths_make(dir, err);
}

/* The lock is a file of its own, as the record's file is replaced. */
static int lock(const struct trust *t, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s.lock", t->file);
	int fd;

	if (make_folder(t, err) < 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, ERR_FAILED, errno, "cannot lock %s", path);
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		err_errno(err, ERR_FAILED, errno, "cannot lock %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

static bool is_utf8(const char *s)
{
	uint32_t cp;

	for (size_t n = strlen(s), len; n > 0; n -= len, s += len) {
		len = text_utf8(s, n, &cp);
		if (len == 0)
			return false;
	}
	return true;
}

int trust_add(struct trust *t, const char *path, const char *digest, struct err *err)
{
	CLEANUP_CLOSE int fd = -1;

	if (path[0] != '/' || !is_digest(digest))
		return err_set(err, ERR_FAILED, "no record can be made of '%.100s'", path);
	/* it would be written in another form than it is compared with later */
	if (!is_utf8(path))
		return err_set(
			err, ERR_INPUT,
			"the folder's path is not UTF-8, so it cannot be recorded; rename it");
	fd = lock(t, err);
	if (fd < 0 || load(t, err) < 0)
		return -1;
	if (t->n >= TRUST_MAX)
		return err_set(err, ERR_FAILED, "%s holds %d records; remove old ones", t->file,
		               TRUST_MAX);
	put(t, path, digest);
	return save(t, err);
}

int trust_remove(struct trust *t, const char *path, bool *was_there, struct err *err)
{
	CLEANUP_CLOSE int fd = lock(t, err);
	size_t i;

	if (fd < 0 || load(t, err) < 0)
		return -1;
	i = slot(t, path);
	if (was_there)
		*was_there = is_at(t, i, path);
	if (!is_at(t, i, path))
		return 0;
	free(t->v[i].path);
	memmove(t->v + i, t->v + i + 1, (--t->n - i) * sizeof *t->v);
	return save(t, err);
}
