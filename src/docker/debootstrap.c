#include "docker/debootstrap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/err.h"
#include "core/lines.h"
#include "core/loop.h"
#include "core/mem.h"

#define DEFAULT_MIRROR "http://deb.debian.org/debian"
#define TAIL_MAX       300	/* bytes of a child's last line that an error repeats */

extern char **environ;

struct debootstrap {
	struct loop *loop;
	const struct debootstrap_watch *watch;
	void *arg;
	char *suite, *mirror;
	char *dir, *root, *tar_path;	/* the folder, the tree in it, and its archive */
	bool is_packing;		/* the second child, tar */
	pid_t pid;			/* 0: none */
	int out;			/* the child's output, -1: none */
	struct lines lines;
	char last[TAIL_MAX + 1];
	void *map;
	size_t map_len;
};

static int on_line(void *arg, const struct line *l)
{
	struct debootstrap *d = arg;
	size_t n = l->len < TAIL_MAX ? l->len : TAIL_MAX;

	if (n > 0) {
		memcpy(d->last, l->text, n);
		d->last[n] = '\0';
		d->watch->on_line(d->arg, l->text, l->len);
	}
	return 0;
}

/* Start argv with its output going to a pipe of ours, or its standard output to
 * stdout_path and only its errors to the pipe. A group of its own, so that it can
 * be ended with all that it started. */
static int spawn(struct debootstrap *d, const char *const *argv, const char *stdout_path,
                 struct err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(err, ERR_FAILED, errno, "%s", argv[0]);
	fcntl(ends[1], F_SETFL, 0);	/* blocking for the child */
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (stdout_path)
		posix_spawn_file_actions_addopen(&actions, 1, stdout_path,
		                                 O_WRONLY | O_CREAT | O_EXCL, 0600);
	else
		posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawnp(&d->pid, argv[0], &actions, &attr, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (rc != 0) {
		close(ends[0]);
		d->pid = 0;
		return err_errno(err, ERR_FAILED, rc, "%s", argv[0]);
	}
	d->out = ends[0];
	return 0;
}

static void on_output(void *arg, int fd, unsigned events);

static int watch_child(struct debootstrap *d, struct err *err)
{
	return loop_fd_set(d->loop, d->out, LOOP_READ, on_output, d, err);
}

static void fail(struct debootstrap *d, struct err *err)
{
	err_wrap(err, "making a Debian %s tree", d->suite);
	d->watch->on_done(d->arg, NULL, 0, err);
}

static int map_tar(struct debootstrap *d, struct err *err)
{
	int fd = open(d->tar_path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, ERR_FAILED, errno, "%s", d->tar_path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	d->map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (d->map == MAP_FAILED) {
		d->map = NULL;
		return err_errno(err, ERR_FAILED, errno, "%s", d->tar_path);
	}
	d->map_len = (size_t)st.st_size;
	return 0;
}

/* What a container does not need, or gets anew: the packages that were unpacked,
 * lists, manuals, translations and devices. */
static int start_tar(struct debootstrap *d, struct err *err)
{
	const char *const argv[] = { "tar", "-C", d->root, "--numeric-owner", "--one-file-system",
		               "--sort=name", "--exclude=./var/cache/apt/archives/*.deb",
		               "--exclude=./var/cache/apt/*.bin", "--exclude=./var/lib/apt/lists/*",
		               "--exclude=./usr/share/man/*", "--exclude=./usr/share/info/*",
		               "--exclude=./usr/share/locale/*", "--exclude=./var/log/*",
		               "--exclude=./dev/*", "-c", ".", NULL };

	d->is_packing = true;
	if (spawn(d, argv, d->tar_path, err) < 0)
		return -1;
	return watch_child(d, err);
}

static void reap(struct debootstrap *d)
{
	struct err err = { 0 };
	int status = 0;

	while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
		;
	d->pid = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		err_set(&err, ERR_FAILED, "%s ended with %s %d; its last words: %s",
		        d->is_packing ? "tar" : "debootstrap",
		        WIFEXITED(status) ? "code" : "signal",
		        WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
		        *d->last ? d->last : "none");
		fail(d, &err);
	} else if (!d->is_packing) {
		if (start_tar(d, &err) < 0)
			fail(d, &err);
	} else if (map_tar(d, &err) < 0) {
		fail(d, &err);
	} else {
		d->watch->on_done(d->arg, d->map, d->map_len, NULL);
	}
}

static void on_output(void *arg, int fd, unsigned events)
{
	struct debootstrap *d = arg;
	char piece[4096];
	ssize_t got = read(fd, piece, sizeof piece);

	(void)events;
	if (got > 0) {
		lines_feed(&d->lines, piece, (size_t)got);
		return;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	lines_end(&d->lines);
	loop_fd_remove(d->loop, fd);
	close(fd);
	d->out = -1;
	reap(d);	/* all ends of the pipe are closed: the child is done or about to be */
}

static int make_folder(struct debootstrap *d, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	d->dir = xasprintf("%s/claude-bottle-root-XXXXXX", tmp && *tmp ? tmp : "/var/tmp");
	if (!mkdtemp(d->dir)) {
		err_errno(err, ERR_FAILED, errno, "%s", d->dir);
		free(d->dir);
		d->dir = NULL;
		return -1;
	}
	d->root = xasprintf("%s/root", d->dir);
	d->tar_path = xasprintf("%s/root.tar", d->dir);
	return 0;
}

int debootstrap_start(struct debootstrap **out, struct loop *loop, const char *suite,
                      const char *mirror, const struct debootstrap_watch *watch, void *arg,
                      struct err *err)
{
	struct debootstrap *d;
	bool is_in_sbin = access("/usr/sbin/debootstrap", X_OK) == 0;

	if (geteuid() != 0)
		return err_set(err, ERR_FAILED, "debootstrap needs root: run \"claude-bottle "
		                                "images build base\" once as root");
	d = xcalloc(1, sizeof *d);
	d->loop = loop;
	d->watch = watch;
	d->arg = arg;
	d->out = -1;
	d->suite = xstrdup(suite);
	d->mirror = xstrdup(mirror ? mirror : DEFAULT_MIRROR);
	lines_init(&d->lines, 1, false, 4096, on_line, d);
	if (make_folder(d, err) == 0) {
		const char *const argv[] = { is_in_sbin ? "/usr/sbin/debootstrap" : "debootstrap",
			               "--variant=minbase", d->suite, d->root, d->mirror, NULL };

		if (spawn(d, argv, NULL, err) == 0 && watch_child(d, err) == 0) {
			*out = d;
			return 0;
		}
		if (!is_in_sbin)
			err_wrap(err, "install debootstrap (scripts/setup does)");
	}
	debootstrap_free(d);
	return -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

/* debootstrap mounts these in the tree and takes them away at its end, which it
 * may not have reached. Nothing below a mount may be touched. */
static void remove_tree(struct debootstrap *d)
{
	static const char *const mounts[] = { "proc", "sys", "dev/pts", "dev" };

	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		char *path = xasprintf("%s/%s", d->root, mounts[i]);

		umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
		free(path);
	}
	nftw(d->dir, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void debootstrap_free(struct debootstrap *d)
{
	if (!d)
		return;
	if (d->out >= 0) {
		loop_fd_remove(d->loop, d->out);
		close(d->out);
	}
	if (d->pid > 0) {
		kill(-d->pid, SIGKILL);
		while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (d->map)
		munmap(d->map, d->map_len);
	if (d->dir)
		remove_tree(d);
	lines_done(&d->lines);
	free(d->suite);
	free(d->mirror);
	free(d->dir);
	free(d->root);
	free(d->tar_path);
	free(d);
}
