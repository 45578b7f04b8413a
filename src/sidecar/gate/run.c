#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

extern char **environ;

static void become(const struct command *c, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	if (dup2(c->in > 0 ? c->in : null, 0) < 0 || dup2(c->out > 0 ? c->out : null, 1) < 0 ||
	    dup2(c->err > 0 ? c->err : null, 2) < 0)
		_exit(127);
	for (size_t i = 0; i < 3 && c->more[i][1]; i++) {
		/* dup2() onto itself would leave close-on-exec set */
		if (c->more[i][0] == c->more[i][1])
			fcntl(c->more[i][0], F_SETFD, 0);
		else if (dup2(c->more[i][0], c->more[i][1]) < 0)
			_exit(127);
	}
	if (c->dir && chdir(c->dir) < 0)
		_exit(127);
	/* execve() takes pointers to non-const for history's sake and changes nothing */
	execve(c->argv[0], (char *const *)(uintptr_t)c->argv,
	       c->env ? (char *const *)(uintptr_t)c->env : environ);
	_exit(127);
}

pid_t run_start(const struct command *c, struct err *err)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		become(c, parent);
	if (pid < 0)
		return err_set(err, "fork: %s", strerror(errno));
	setpgid(pid, pid); /* whichever of the two is first */
	return pid;
}

void run_kill(pid_t pid)
{
	int64_t until = now_ms() + 1000;

	/* git takes its lock files away when it is asked to end */
	kill(-pid, SIGTERM);
	kill(pid, SIGTERM);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (now_ms() >= until) {
			kill(-pid, SIGKILL);
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
			return;
		}
		poll(NULL, 0, 5);
	}
	kill(-pid, SIGKILL);
}

int run_wait(pid_t pid, int64_t deadline, int *status)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool is_over = false;

	/* Without pidfd (old kernels) the poll is only a short sleep. */
	while (waitpid(pid, status, WNOHANG) == 0) {
		if (now_ms() >= deadline) {
			is_over = true;
			break;
		}
		poll(&p, fd >= 0, fd >= 0 ? ms_left(deadline) : 5);
	}
	if (fd >= 0)
		close(fd);
	if (is_over)
		run_kill(pid);
	else
		kill(-pid, SIGKILL); /* what it may have left behind */
	return is_over ? -1 : 0;
}

int run_into_buf(void *ctx, const char *data, size_t len, struct err *err)
{
	struct buf *b = ctx;

	return buf_add(b, data, len) < 0 ? err_set(err, "more than %zu bytes of output", b->max)
	                                 : 0;
}

struct pipes {
	int out[2], err[2];
};

static int open_pipes(struct pipes *p, struct err *err)
{
	if (pipe2(p->out, O_CLOEXEC) < 0)
		return err_set(err, "pipe: %s", strerror(errno));
	if (pipe2(p->err, O_CLOEXEC) < 0) {
		close(p->out[0]);
		close(p->out[1]);
		return err_set(err, "pipe: %s", strerror(errno));
	}
	return 0;
}

/* Keep the end of what comes. */
static void keep_tail(struct buf *b, const char *data, size_t len)
{
	if (len > b->max / 2) {
		data += len - b->max / 2;
		len = b->max / 2;
	}
	if (b->len + len > b->max)
		buf_consume(b, b->len + len - b->max);
	buf_add(b, data, len);
}

struct reading {
	int (*on_data)(void *ctx, const char *data, size_t len, struct err *err);
	void *ctx;
	struct buf *stderr_text;
	int64_t deadline; /* the hard one */
	int quiet_s;
};

/* Read both pipes until they end. */
static int pump(const struct pipes *p, const struct reading *r, struct err *err)
{
	struct pollfd fds[2] = { { .fd = p->out[0], .events = POLLIN },
		                 { .fd = p->err[0], .events = POLLIN } };
	int64_t quiet = r->quiet_s ? (int64_t)r->quiet_s * 1000 : INT64_MAX / 2;
	int64_t until = now_ms() + quiet;
	static char chunk[65536];

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int64_t deadline = until < r->deadline ? until : r->deadline;

		if (now_ms() >= deadline) {
			err_set(err, "took too long");
			return RUN_LATE;
		}
		if (poll(fds, 2, ms_left(deadline)) < 0 && errno != EINTR)
			return err_set(err, "poll: %s", strerror(errno));
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			n = read(fds[i].fd, chunk, sizeof chunk);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0) {
				fds[i].fd = -1;
				continue;
			}
			until = now_ms() + (r->quiet_s ? 4 * quiet : quiet);
			if (i == 0 && r->on_data(r->ctx, chunk, (size_t)n, err) < 0)
				return -1;
			if (i == 1 && r->stderr_text)
				keep_tail(r->stderr_text, chunk, (size_t)n);
		}
	}
	return 0;
}

static int ended(const char *program, int status, struct err *err)
{
	const char *name = strrchr(program, '/');

	name = name ? name + 1 : program;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return err_set(err, "%s exited with %d", name, WEXITSTATUS(status));
	return err_set(err, "%s was ended by signal %d", name, WTERMSIG(status));
}

int run_read(const struct command *c,
             int (*on_data)(void *ctx, const char *data, size_t len, struct err *err), void *ctx,
             struct buf *stderr_text, int64_t deadline, struct err *err)
{
	struct reading r = { on_data, ctx, stderr_text, deadline, c->quiet_s };
	struct command full = *c;
	struct pipes p;
	int status = 0, rc;
	pid_t pid;

	if (open_pipes(&p, err) < 0)
		return -1;
	full.out = p.out[1];
	full.err = p.err[1];
	pid = run_start(&full, err);
	close(p.out[1]);
	close(p.err[1]);
	rc = pid < 0 ? -1 : pump(&p, &r, err);
	close(p.out[0]);
	close(p.err[0]);
	if (pid < 0)
		return -1;
	if (rc < 0) {
		run_kill(pid);
		return rc;
	}
	if (run_wait(pid, deadline, &status) < 0) {
		err_set(err, "took too long");
		return RUN_LATE;
	}
	return ended(c->argv[0], status, err);
}
