/* For the tests of core/repo: a scratch folder, shell scripts that make real
 * repositories in it with git, a sink that writes to disk, and git as oracle. */
#ifndef TESTS_REPO_FIXTURE_H
#define TESTS_REPO_FIXTURE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/repo.h"
#include "unit/core/sink_list.h"

static char scratch[] = "/tmp/cbt-repo-XXXXXX";

/* What every script may use. `commit` makes a commit of everything; `same A B`
 * holds the copy B against A: files, bytes, fsck, HEAD and status. */
static const char prelude[] =
	"export HOME=$PWD/home GIT_CONFIG_NOSYSTEM=1 LC_ALL=C.UTF-8\n"
	"unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY\n"
	"commit() { git -C \"$1\" add -A && git -C \"$1\" commit -q --allow-empty -m \"$2\"; }\n"
	"list() { git ls-files -co --exclude-standard -z | sort -zu; }\n"
	"files() { (\n"
	"\tcd \"$1\"\n"
	"\tlist | while IFS= read -r -d '' f; do\n"
	"\t\tif [ -L \"$f\" ]; then echo \"l $f\"; cat <(readlink \"$f\")\n"
	"\t\telif [ -f \"$f\" ]; then\n"
	"\t\t\tif [ -x \"$f\" ]; then echo \"x $f\"; else echo \"f $f\"; fi\n"
	"\t\t\tsha1sum <\"$f\"\n"
	"\t\tfi\n"
	"\tdone\n"
	") }\n"
	"fsck() {\n"
	"\tlocal out\n"
	"\tout=$(git -C \"$1\" fsck --full --strict 2>&1) || { echo \"$out\"; return 1; }\n"
	"\t[ -z \"$(echo \"$out\" | grep -v ^notice)\" ] || { echo \"$out\"; return 1; }\n"
	"}\n"
	"at() { git -C \"$1\" rev-parse HEAD; git -C \"$1\" rev-parse --abbrev-ref HEAD; }\n"
	"status() { git -C \"$1\" status --porcelain; }\n"
	"same() {\n"
	"\tdiff <(files \"$1\") <(files \"$2\") && fsck \"$2\" &&\n"
	"\tdiff <(at \"$1\") <(at \"$2\") && diff <(status \"$1\") <(status \"$2\")\n"
	"}\n";

/* Run a bash script in the scratch folder; its output goes to stderr. */
static int sh_status(const char *script)
{
	CLEANUP_FREE char *whole = xasprintf("%s%s", prelude, script);
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		if (chdir(scratch) == 0)
			execl("/bin/bash", "bash", "-eu", "-o", "pipefail", "-c", whole,
			      (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void sh(const char *script)
{
	int status = sh_status(script);

	if (status != 0)
		fprintf(stderr, "this failed:\n%s\n", script);
	assert_int_equal(status, 0);
}

static int fixture_start(void **state)
{
	CLEANUP_FREE char *home = NULL, *tmp = NULL;

	(void)state;
	if (!mkdtemp(scratch))
		return -1;
	home = xasprintf("%s/home", scratch);
	tmp = xasprintf("%s/tmp", scratch);
	setenv("HOME", home, 1);
	setenv("TMPDIR", tmp, 1);
	unsetenv("XDG_CONFIG_HOME");
	sh("mkdir home tmp; git config --global user.email t@example.net\n"
	   "git config --global user.name T; git config --global init.defaultBranch main\n"
	   "git config --global protocol.file.allow always; git config --global gc.auto 0\n"
	   "git config --global advice.detachedHead false");
	return 0;
}

static int fixture_end(void **state)
{
	(void)state;
	/* No copy, failed or not, may leave a temporary folder. */
	sh("[ -z \"$(ls -A tmp)\" ]");
	sh("chmod -R u+w \"$PWD\"; rm -rf \"$PWD\"");
	return 0;
}

/* --- a sink that writes into a folder, and can run a script at a path ------------- */

struct disk_sink {
	struct sink_list list;
	struct file_sink sink;
	int fd;
	const char *hook_path;	/* once this path was put ... */
	const char *hook;	/* ... run this script */
};

static int disk_hook(struct disk_sink *d, const char *path)
{
	if (d->hook_path && strcmp(path, d->hook_path) == 0)
		sh(d->hook);
	return 0;
}

static int disk_dir(void *arg, const char *path, unsigned mode, struct err *err)
{
	struct disk_sink *d = arg;

	if (d->list.sink.dir(&d->list, path, mode, err) < 0)
		return -1;
	assert_int_equal(mkdirat(d->fd, path, mode), 0);
	return disk_hook(d, path);
}

static int disk_file(void *arg, const char *path, unsigned mode, const void *data, size_t len,
		     struct err *err)
{
	struct disk_sink *d = arg;
	size_t done = 0;

	if (d->list.sink.file(&d->list, path, mode, data, len, err) < 0)
		return -1;
	CLEANUP_CLOSE int fd =
		openat(d->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	while (done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	return disk_hook(d, path);
}

static int disk_symlink(void *arg, const char *path, const char *target, struct err *err)
{
	struct disk_sink *d = arg;

	if (d->list.sink.symlink(&d->list, path, target, err) < 0)
		return -1;
	assert_int_equal(symlinkat(target, d->fd, path), 0);
	return disk_hook(d, path);
}

static char *in_scratch(const char *path)
{
	return xasprintf("%s/%s", scratch, path);
}

struct copy {
	struct disk_sink disk;
	struct repo_stats stats;
	struct err err;
	int rc;
};

/* Copy scratch/dir into the new folder scratch/dir.out. */
static inline void copy_with(struct copy *c, const char *dir, const char *root,
		      const struct repo_limits *limits)
{
	CLEANUP_FREE char *from = in_scratch(dir), *to = xasprintf("%s.out", from);
	CLEANUP_FREE char *real_root = root ? in_scratch(root) : NULL;
	CLEANUP_FREE char *clean = xasprintf("rm -rf '%s'; mkdir '%s'", to, to);

	sh(clean);
	sink_list_init(&c->disk.list);
	c->disk.sink = (struct file_sink){ disk_dir, disk_file, disk_symlink, &c->disk };
	c->disk.fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c->err = (struct err){ ERR_NONE, "" };
	c->rc = repo_copy(from, real_root, &c->disk.sink, limits, &c->stats, &c->err);
	close(c->disk.fd);
}

static inline void copy_done(struct copy *c)
{
	sink_list_done(&c->disk.list);
	repo_stats_done(&c->stats);
	memset(c, 0, sizeof *c);
}

static inline void copy_ok(struct copy *c, const char *dir)
{
	copy_with(c, dir, NULL, NULL);
	if (c->rc < 0)
		fprintf(stderr, "copy of %s: %s\n", dir, c->err.msg);
	assert_int_equal(c->rc, 0);
}

static inline void expect_refused(const char *dir, const char *root,
				  const struct repo_limits *limits, const char *why)
{
	struct copy c = { 0 };

	copy_with(&c, dir, root, limits);
	if (c.rc == 0 || !strstr(c.err.msg, why))
		fprintf(stderr, "copy of %s: %d %s\n", dir, c.rc, c.err.msg);
	assert_int_equal(c.rc, -1);
	assert_non_null(strstr(c.err.msg, why));
	assert_int_equal(c.err.kind, ERR_INPUT);
	copy_done(&c);
}

static inline bool has_note(const struct copy *c, const char *text)
{
	for (size_t i = 0; i < c->stats.files.n_notes; i++)
		if (strstr(c->stats.files.notes[i], text))
			return true;
	for (size_t i = 0; i < c->stats.files.n_notes; i++)
		fprintf(stderr, "note: %s\n", c->stats.files.notes[i]);
	return false;
}

#endif
