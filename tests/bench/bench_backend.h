/* For benchmarks: the dashboard on a backend whose agents are programs on ptys of
 * this machine, as tmux has them. Sessions s01, s02, ...; nothing else works. */
#ifndef BENCH_BACKEND_H
#define BENCH_BACKEND_H

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/backend.h"
#include "core/err.h"
#include "core/loop.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "ui/app.h"

struct backend {
	struct loop *loop;
	int n;
	const char *program;
};

struct backend_stream {
	struct loop *loop;
	int fd;
	pid_t pid;
	const struct stream_events *ev;
	void *arg;
};

struct backend_job {
	struct backend *b;
	struct loop_timer timer;
	backend_list_fn *on_list;
	void *arg;
};

static inline void bench_on_list(void *arg)
{
	struct backend_job *j = arg;
	struct session_list list = { .n = (size_t)j->b->n };

	list.v = xcalloc(list.n, sizeof *list.v);
	for (size_t i = 0; i < list.n; i++) {
		struct session *s = &list.v[i];

		*s = (struct session){ .state = SESSION_RUNNING, .exit_code = -1, .created = 1 };
		snprintf(s->name, sizeof s->name, "s%02zu", i);
		s->agent = xstrdup(s->name);
		s->bottle = xstrdup("b");
		s->launch = xstrdup("l");
		s->digest = xstrdup("");
	}
	j->on_list(j->arg, &list, NULL);
	session_list_done(&list);
	free(j);
}

static inline void bench_list(struct backend *b, backend_list_fn *fn, void *arg)
{
	struct backend_job *j = xcalloc(1, sizeof *j);

	*j = (struct backend_job){ .b = b, .on_list = fn, .arg = arg };
	loop_timer_set(b->loop, &j->timer, 0, bench_on_list, j);
}

/* As docker/hijack: 64 KB at a time, 256 KB a turn. */
static inline void bench_on_data(void *arg, int fd, unsigned events)
{
	static char data[65536];
	struct backend_stream *s = arg;

	(void)events;
	for (int i = 0; i < 4; i++) {
		ssize_t n = read(fd, data, sizeof data);

		if (n <= 0)
			return;
		s->ev->data(s->arg, data, (size_t)n);
		if ((size_t)n < sizeof data)
			return;
	}
}

static inline struct backend_stream *bench_attach(struct backend *b,
                                                  const struct stream_request *req,
                                                  const struct stream_events *ev, void *arg)
{
	struct backend_stream *s = xcalloc(1, sizeof *s);
	struct winsize size = { .ws_row = (unsigned short)req->rows,
		                .ws_col = (unsigned short)req->cols };

	*s = (struct backend_stream){ .loop = b->loop, .ev = ev, .arg = arg };
	s->pid = forkpty(&s->fd, NULL, NULL, &size);
	if (s->pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execl("/bin/sh", "sh", "-c", b->program, (char *)NULL);
		_exit(127);
	}
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	loop_fd_set(b->loop, s->fd, LOOP_READ, bench_on_data, s, NULL);
	return s;
}

static inline int bench_send(struct backend_stream *s, const void *data, size_t len)
{
	return write(s->fd, data, len) == (ssize_t)len ? 0 : -1;
}

static inline void bench_resize(struct backend_stream *s, int rows, int cols)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	ioctl(s->fd, TIOCSWINSZ, &size);
}

static inline void bench_pause(struct backend_stream *s, bool is_paused)
{
	loop_fd_set(s->loop, s->fd, is_paused ? 0 : LOOP_READ, bench_on_data, s, NULL);
}

static inline void bench_close_stream(struct backend_stream *s)
{
	if (!s)
		return;
	loop_fd_remove(s->loop, s->fd);
	kill(s->pid, SIGKILL);
	close(s->fd);
	free(s);
}

static inline const char *bench_describe(const struct backend *b)
{
	(void)b;
	return "bench";
}

static inline void bench_cancel(struct backend_job *j)
{
	if (j) {
		loop_timer_cancel(j->b->loop, &j->timer);
		free(j);
	}
}

static inline struct manifest *bench_manifest(void *arg)
{
	const struct manifest_env env = manifest_env_real("/nonexistent", "/");

	(void)arg;
	return manifest_parse(NULL, 0, &env);
}

/* The dashboard on this terminal: one session zoomed, or several in the list. */
static inline int bench_backend_run(int n, const char *program)
{
	static const struct backend_ops ops = { .name = "bench",
		                                .describe = bench_describe,
		                                .list = bench_list,
		                                .attach = bench_attach,
		                                .stream_send = bench_send,
		                                .stream_resize = bench_resize,
		                                .stream_pause = bench_pause,
		                                .stream_close = bench_close_stream,
		                                .cancel = bench_cancel };
	struct backend b = { .n = n, .program = program };
	struct err err = { 0 };
	struct app_options opt = { .ops = &ops,
		                   .backend = &b,
		                   .load_manifest = bench_manifest,
		                   .attach = n == 1 ? "s00" : NULL };

	if (loop_new(&b.loop, &err) < 0)
		return 1;
	opt.loop = b.loop;
	if (app_run(&opt, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	return 0;
}

#endif
