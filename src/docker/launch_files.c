#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/beneath.h"
#include "core/err.h"
#include "core/file_sink.h"
#include "core/mem.h"
#include "core/repo.h"
#include "core/skills.h"
#include "docker/engine.h"
#include "docker/launch_steps.h"
#include "docker/tar.h"

#define HOST_FILE_MAX	  (256u << 10)	/* a private key */
#define KNOWN_SECRET_MIN  8		/* shorter values would match everywhere */

/* --- taking a file out of an archive ----------------------------------------------- */

struct extract {
	const char *name;	/* the last part of its path; NULL: the first file */
	struct buf *out;
	bool is_wanted;		/* the current entry */
	bool was_found;
};

static int on_entry(void *arg, const struct tar_entry *e, struct err *err)
{
	struct extract *x = arg;
	const char *slash = strrchr(e->path, '/');

	(void)err;
	x->is_wanted = e->type == TAR_FILE && !x->was_found &&
	               (!x->name || strcmp(slash ? slash + 1 : e->path, x->name) == 0);
	x->was_found = x->was_found || x->is_wanted;
	return 0;
}

static int on_entry_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct extract *x = arg;

	if (x->is_wanted && buf_add(x->out, data, len) < 0)
		return err_set(err, ERR_FAILED, "a file of the container is larger than %zu bytes",
		               x->out->max);
	return 0;
}

int archive_file(const struct buf *tar, const char *name, struct buf *out, struct err *err)
{
	static const struct tar_sink sink = { .on_entry = on_entry, .on_data = on_entry_data };
	struct extract x = { .name = name, .out = out };
	struct tar_reader *r = tar_reader_new(&sink, &x);
	int rc = tar_reader_feed(r, buf_str(tar), tar->len, err);

	if (rc == 0)
		rc = tar_reader_finish(r, err);
	tar_reader_free(r);
	if (rc == 0 && !x.was_found)
		rc = err_set(err, ERR_FAILED, "the container has no file \"%s\"", name ? name : "");
	return rc;
}

/* --- filling an archive --------------------------------------------------------------- */

/* Where a collected tree goes. */
struct tree {
	struct tar *tar;
	const struct plan_file *at;
};

static char *beneath(const struct tree *t, const char *path)
{
	return xasprintf("%s/%s", t->at->path, path);
}

static int tree_dir(void *arg, const char *path, unsigned mode, struct err *err)
{
	const struct tree *t = arg;
	CLEANUP_FREE char *full = beneath(t, path);

	(void)err;
	return tar_dir(t->tar, full, mode, t->at->uid, t->at->gid);
}

static int tree_file(void *arg, const char *path, unsigned mode, const void *data, size_t len,
                     struct err *err)
{
	const struct tree *t = arg;
	CLEANUP_FREE char *full = beneath(t, path);

	if (tar_file(t->tar, full, mode, t->at->uid, t->at->gid, data, len) < 0)
		return err_set(err, ERR_INPUT, "%.200s: %s", path, t->tar->fault);
	return 0;
}

static int tree_symlink(void *arg, const char *path, const char *target, struct err *err)
{
	const struct tree *t = arg;
	CLEANUP_FREE char *full = beneath(t, path);

	(void)err;
	return tar_symlink(t->tar, full, target, t->at->uid, t->at->gid);
}

/* path for reading; with a root it must lie in that folder, and no component
 * below that may be a link: since the manifest was read, a project's file may have
 * become a link to anything. -1 with errno. */
static int open_host_file(const char *path, const char *root)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	size_t n = root ? strlen(root) : 0;
	CLEANUP_CLOSE int root_fd = -1;
	CLEANUP_CLOSE int dir_fd = -1;
	CLEANUP_FREE char *below = NULL;
	char *name;

	if (!root)
		return open(path, flags);
	n -= n > 0 && root[n - 1] == '/';
	if (strncmp(path, root, n) != 0 || path[n] != '/' || !beneath_path_ok(path + n + 1)) {
		errno = EXDEV;
		return -1;
	}
	below = xstrdup(path + n + 1);
	name = strrchr(below, '/');
	if (name)
		*name++ = '\0';
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd >= 0)
		dir_fd = beneath_open_dir(root_fd, name ? below : "");
	return dir_fd < 0 ? -1 : openat(dir_fd, name ? name : below, flags | O_NOFOLLOW);
}

/* A file of the host, whole, into memory that is wiped. */
static int read_host_file(const char *path, const char *root, struct buf *out, struct err *err)
{
	CLEANUP_CLOSE int fd = open_host_file(path, root);
	char data[4096];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, ERR_INPUT, errno, "reading %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "%s is not a regular file", path);
	while ((n = read(fd, data, sizeof data)) > 0)
		if (buf_add(out, data, (size_t)n) < 0)
			break;
	mem_wipe(data, sizeof data);
	if (n < 0)
		return err_errno(err, ERR_INPUT, errno, "reading %s", path);
	if (out->overflowed)
		return err_set(err, ERR_INPUT, "%s is larger than %u bytes", path, HOST_FILE_MAX);
	return 0;
}

/* pipelock compares whole lines: a value of several lines becomes several. */
static void known_secrets(const struct launch *l, struct buf *out)
{
	for (size_t i = 0; i < l->n_secrets; i++) {
		const char *line = l->secrets[i].is_secret ? l->secrets[i].value : "";

		while (*line) {
			size_t len = strcspn(line, "\r\n");

			if (len >= KNOWN_SECRET_MIN) {
				buf_add(out, line, len);
				buf_addc(out, '\n');
			}
			line += len;
			line += strspn(line, "\r\n");
		}
	}
}

static void add(struct tar *t, const struct plan_file *f, const void *data, size_t len)
{
	tar_file(t, f->path, f->mode, f->uid, f->gid, data, len);
}

static void add_bundle(const struct launch *l, struct tar *t, const struct plan_file *f)
{
	struct buf all = BUF_INIT(l->bundle.len + l->ca.cert_pem.len + 1);
	struct plan_file own = *f;

	buf_add(&all, buf_str(&l->bundle), l->bundle.len);
	if (all.len && all.data[all.len - 1] != '\n')
		buf_addc(&all, '\n');
	buf_add(&all, l->ca.cert_pem.data, l->ca.cert_pem.len);
	add(t, f, all.data, all.len);
	if (l->bundle_path) {
		/* the image's own place too: not everything reads the variables */
		own.path = (char *)(uintptr_t)l->bundle_path;
		own.uid = own.gid = 0;
		add(t, &own, all.data, all.len);
	}
	buf_done(&all);
}

static int add_secret(const struct launch *l, struct tar *t, const struct plan_file *f,
                      struct err *err)
{
	struct buf data = BUF_INIT_SECRET(1u << 20);
	int rc = 0;

	if (f->kind == PLAN_FILE_SECRETS)
		known_secrets(l, &data);
	else
		rc = read_host_file(f->source, f->root, &data, err);
	if (rc == 0)
		add(t, f, buf_str(&data), data.len);
	buf_done(&data);
	return rc;
}

static int add_tree(const struct launch *l, struct tar *t, const struct plan_file *f,
                    struct err *err)
{
	const struct tree tree = { t, f };
	const struct file_sink sink = {
		.dir = tree_dir, .file = tree_file, .symlink = tree_symlink,
		.arg = (void *)(uintptr_t)&tree
	};

	tar_dir(t, f->path, f->mode, f->uid, f->gid);
	if (f->kind == PLAN_FILE_SKILL)
		return skills_collect(f->source, l->opt.home, &sink, err);
	return repo_copy(f->source, f->root, &sink, NULL, NULL, err);
}

static int add_file(const struct launch *l, struct tar *t, const struct plan_file *f,
                    struct err *err)
{
	switch (f->kind) {
	case PLAN_FILE_DIR:
		tar_dir(t, f->path, f->mode, f->uid, f->gid);
		return 0;
	case PLAN_FILE_TEXT:
		add(t, f, f->text, strlen(f->text));
		return 0;
	case PLAN_FILE_CA_CERT:
		add(t, f, l->ca.cert_pem.data, l->ca.cert_pem.len);
		return 0;
	case PLAN_FILE_CA_KEY:
		add(t, f, l->ca.key_pem.data, l->ca.key_pem.len);
		return 0;
	case PLAN_FILE_CA_BUNDLE:
		add_bundle(l, t, f);
		return 0;
	case PLAN_FILE_HELPER:
		add(t, f, l->helper.data, l->helper.len);
		return 0;
	case PLAN_FILE_HOST:
	case PLAN_FILE_SECRETS:
		return add_secret(l, t, f, err);
	case PLAN_FILE_SKILL:
	case PLAN_FILE_WORKSPACE:
		return add_tree(l, t, f, err);
	}
	return 0;
}

int launch_archive(struct launch *l, const struct plan_step *step, struct buf *out,
                   struct err *err)
{
	struct tar t;

	tar_begin(&t, out, (int64_t)time(NULL));
	for (size_t i = 0; i < step->n_files; i++)
		if (add_file(l, &t, &step->files[i], err) < 0)
			return -1;
	return tar_finish(&t, err);
}
