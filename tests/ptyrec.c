/* ptyrec --rows R --cols C [--idle MS] [--wait MS] [-k KEYS]... -- COMMAND...
 *
 * Record what a program writes to its terminal: runs it on a pty of that size,
 * answers its queries as our own emulator does, presses each KEYS when the
 * program was quiet for --idle ms (or busy for --wait ms), and writes its bytes
 * to stdout. It stops, with the program still on its screen, when the program
 * is quiet after the last keys. In KEYS, \e \r \n \t \\ and \xHH are known. */
#include <getopt.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/vt.h"

#define KEYS_MAX 256

struct recorder {
	int fd;
	struct vt *vt;
	long idle_ms, wait_ms;
};

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static void on_reply(void *ctx, const char *data, size_t len)
{
	const struct recorder *r = ctx;

	write_all(r->fd, data, len);
}

static void press(const struct recorder *r, const char *keys)
{
	struct buf b = BUF_INIT(4096);

	for (; *keys; keys++) {
		unsigned byte;

		if (*keys != '\\' || !keys[1]) {
			buf_addc(&b, *keys);
			continue;
		}
		keys++;
		if (*keys == 'x' && sscanf(keys + 1, "%2x", &byte) == 1) {
			buf_addc(&b, (char)byte);
			keys += 2;
			continue;
		}
		buf_addc(&b, *keys == 'e'   ? '\033'
		             : *keys == 'r' ? '\r'
		             : *keys == 'n' ? '\n'
		             : *keys == 't' ? '\t'
		                            : *keys);
	}
	write_all(r->fd, buf_str(&b), b.len);
	buf_done(&b);
}

/* Record until the program is quiet. Returns -1 when it has ended. */
static int listen_until_quiet(const struct recorder *r)
{
	static char data[65536];
	long end = now_ms() + r->wait_ms;

	for (;;) {
		long left = end - now_ms(), wait = left < r->idle_ms ? left : r->idle_ms;
		struct pollfd p = { .fd = r->fd, .events = POLLIN };
		ssize_t n;

		if (wait <= 0 || poll(&p, 1, (int)wait) == 0)
			return 0;
		n = read(r->fd, data, sizeof data);
		if (n <= 0)
			return -1;
		vt_feed(r->vt, data, (size_t)n, (uint64_t)now_ms());
		if (write_all(STDOUT_FILENO, data, (size_t)n) < 0)
			return -1;
	}
}

static pid_t start(struct recorder *r, int rows, int cols, char **argv)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
	pid_t pid = forkpty(&r->fd, NULL, NULL, &size);

	if (pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		unsetenv("TMUX");
		unsetenv("LINES");
		unsetenv("COLUMNS");
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	return pid;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rows", required_argument, NULL, 'r' },
		{ "cols", required_argument, NULL, 'c' },
		{ "idle", required_argument, NULL, 'i' },
		{ "wait", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct vt_ops ops = { .reply = on_reply };
	struct recorder r = { .idle_ms = 200, .wait_ms = 3000 };
	const char *keys[KEYS_MAX];
	int rows = 24, cols = 80, n_keys = 0, opt, i;
	pid_t pid;

	while ((opt = getopt_long(argc, argv, "+k:", options, NULL)) != -1) {
		if (opt == 'r')
			rows = (int)strtol(optarg, NULL, 10);
		else if (opt == 'c')
			cols = (int)strtol(optarg, NULL, 10);
		else if (opt == 'i')
			r.idle_ms = strtol(optarg, NULL, 10);
		else if (opt == 'w')
			r.wait_ms = strtol(optarg, NULL, 10);
		else if (opt == 'k' && n_keys < KEYS_MAX)
			keys[n_keys++] = optarg;
		else
			return 2;
	}
	if (optind == argc)
		return 2;
	r.vt = vt_new(rows, cols, &ops, &r);
	pid = start(&r, rows, cols, argv + optind);
	if (pid < 0)
		return 1;
	for (i = 0; listen_until_quiet(&r) == 0 && i < n_keys; i++)
		press(&r, keys[i]);
	close(r.fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	vt_free(r.vt);
	return i == n_keys ? 0 : 1;
}
