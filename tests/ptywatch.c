/* ptywatch --rows R --cols C [--wait TEXT] [--keys KEYS]... --tries N [--count TEXT] [--bar MS] --
 * COMMAND...
 *
 * How long after something happened is it on the screen? Runs COMMAND (a dashboard) on a
 * pty of that size, waits for texts and presses keys in the order given, then looks for N
 * tries, each with a clock of its own somewhere on the screen: "t007=NANOSECONDS." of
 * CLOCK_MONOTONIC, when it happened. It is seen when "t007." stands on the screen, or with
 * --count when the number after TEXT is at least 8. The moment of seeing is when the bytes
 * that made it so were read. Prints each try, then p50, p99 and the greatest; exits with 1
 * when one was never seen, or p99 is beyond the bar. */
#include <getopt.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/vt.h"

#define STEPS_MAX 32
#define TRIES_MAX 1000
#define PATIENCE_S 30

struct step {
	bool is_keys;
	const char *text;
};

struct
try {
	int64_t happened, seen; /* ns; 0: not yet */
};

struct watch {
	int fd;
	struct vt *vt;
	struct buf screen;
	int64_t last_read;
	struct try tries[TRIES_MAX];
	int n_tries;
	const char *count;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static void on_reply(void *ctx, const char *data, size_t len)
{
	const struct watch *w = ctx;

	write_all(w->fd, data, len);
}

/* Take what has come, if it comes before the deadline. */
static int take(struct watch *w, int64_t deadline)
{
	static char data[65536];
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	int64_t left = deadline - now_ns();
	ssize_t n;

	if (left <= 0 || poll(&p, 1, (int)(left / 1000000) + 1) <= 0)
		return -1;
	n = read(w->fd, data, sizeof data);
	w->last_read = now_ns();
	if (n <= 0)
		return -1;
	vt_feed(w->vt, data, (size_t)n, (uint64_t)w->last_read / 1000000);
	buf_reset(&w->screen);
	for (int y = 0; y < vt_rows(w->vt); y++) {
		vt_line_text(w->vt, vt_line_top(w->vt) + (uint64_t)y, &w->screen, NULL, 0);
		buf_addc(&w->screen, '\n');
	}
	return 0;
}

static int await(struct watch *w, const char *text)
{
	int64_t deadline = now_ns() + PATIENCE_S * INT64_C(1000000000);

	while (!strstr(buf_str(&w->screen), text))
		if (take(w, deadline) < 0) {
			fprintf(stderr, "ptywatch: \"%s\" never came:\n%s", text,
			        buf_str(&w->screen));
			return -1;
		}
	return 0;
}

static bool is_seen(const struct watch *w, int i)
{
	char name[16];
	const char *at = w->count ? strstr(buf_str(&w->screen), w->count) : NULL;

	if (w->count)
		return at && strtol(at + strlen(w->count), NULL, 10) > i;
	snprintf(name, sizeof name, "t%03d.", i);
	return strstr(buf_str(&w->screen), name) != NULL;
}

/* A clock that is not whole yet has no full stop after it. */
static int64_t clock_of(const struct watch *w, int i)
{
	char name[16], *end;
	const char *at;
	int64_t t;

	snprintf(name, sizeof name, "t%03d=", i);
	at = strstr(buf_str(&w->screen), name);
	t = at ? strtoll(at + strlen(name), &end, 10) : 0;
	return t && *end == '.' ? t : 0;
}

static int look(struct watch *w)
{
	int n_done = 0;

	for (int i = 0; i < w->n_tries; i++) {
		struct try *t = &w->tries[i];

		if (!t->happened)
			t->happened = clock_of(w, i);
		if (!t->seen && is_seen(w, i))
			t->seen = w->last_read;
		n_done += t->happened && t->seen;
	}
	return n_done;
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int report(const struct watch *w, double bar)
{
	double ms[TRIES_MAX], p99;
	int n = 0;

	for (int i = 0; i < w->n_tries; i++) {
		const struct try *t = &w->tries[i];

		if (!t->happened || !t->seen) {
			printf("try %d: %s\n", i, t->happened ? "never seen" : "never happened");
			continue;
		}
		ms[n] = (double)(t->seen - t->happened) / 1e6;
		printf("try %d: %.1f ms\n", i, ms[n++]);
	}
	if (n < w->n_tries)
		fprintf(stderr, "ptywatch: the screen at the end:\n%s", buf_str(&w->screen));
	if (n == 0)
		return 1;
	qsort(ms, (size_t)n, sizeof *ms, by_size);
	p99 = ms[(n * 99 + 99) / 100 - 1];
	printf("p50 %.1f ms, p99 %.1f ms, greatest %.1f ms, of %d\n", ms[(n - 1) / 2], p99,
	       ms[n - 1], n);
	return n < w->n_tries || (bar > 0 && p99 > bar);
}

static pid_t start(struct watch *w, int rows, int cols, char **argv)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
	pid_t pid = forkpty(&w->fd, NULL, NULL, &size);

	if (pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		unsetenv("TMUX");
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	return pid;
}

static int run_steps(struct watch *w, const struct step *steps, int n)
{
	for (int i = 0; i < n; i++) {
		if (steps[i].is_keys)
			write_all(w->fd, steps[i].text, strlen(steps[i].text));
		else if (await(w, steps[i].text) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rows", required_argument, NULL, 'r' },
		{ "cols", required_argument, NULL, 'c' },
		{ "wait", required_argument, NULL, 'w' },
		{ "keys", required_argument, NULL, 'k' },
		{ "tries", required_argument, NULL, 'n' },
		{ "count", required_argument, NULL, 'o' },
		{ "bar", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct vt_ops ops = { .reply = on_reply };
	static struct watch w = { .screen = BUF_INIT(1 << 20) };
	struct step steps[STEPS_MAX];
	int rows = 40, cols = 120, n_steps = 0, opt, rc = 1;
	int64_t deadline;
	double bar = 0;
	pid_t pid;

	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (opt == 'r')
			rows = (int)strtol(optarg, NULL, 10);
		else if (opt == 'c')
			cols = (int)strtol(optarg, NULL, 10);
		else if (opt == 'n')
			w.n_tries = (int)strtol(optarg, NULL, 10);
		else if (opt == 'o')
			w.count = optarg;
		else if (opt == 'b')
			bar = strtod(optarg, NULL);
		else if ((opt == 'w' || opt == 'k') && n_steps < STEPS_MAX)
			steps[n_steps++] = (struct step){ opt == 'k', optarg };
		else
			return 2;
	}
	if (optind == argc || w.n_tries < 1 || w.n_tries > TRIES_MAX)
		return 2;
	w.vt = vt_new(rows, cols, &ops, &w);
	pid = start(&w, rows, cols, argv + optind);
	if (pid < 0)
		return 1;
	if (run_steps(&w, steps, n_steps) == 0) {
		deadline = now_ns() + (PATIENCE_S + w.n_tries) * INT64_C(1000000000);
		while (look(&w) < w.n_tries && take(&w, deadline) == 0)
			;
		rc = report(&w, bar);
	}
	close(w.fd);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	vt_free(w.vt);
	buf_done(&w.screen);
	return rc;
}
