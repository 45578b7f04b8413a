/* bench_vt [--mb N] [--runs N] [--no-peer] [NAME=RECORDING]...
 *
 * How fast the terminal emulator eats a stream, and how much of a processor it
 * takes for it against tmux. Both sit at a pty's master side and draw nothing
 * (tmux has no client), both answer the cursor report that says that all was
 * read; they take turns, and the median counts. Memory is that of 10,000 lines
 * of scrollback, by the growth of the process's anonymous pages. The streams are
 * those of corpora.h and any recordings named, repeated to N MB. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "bench/corpora.h"
#include "core/buf.h"
#include "core/mem.h"
#include "core/vt.h"

#define RUNS_MAX 15

struct result {
	double wall, cpu; /* seconds */
	long kb;          /* growth of anonymous memory */
};

static char dir[] = "/tmp/bench_vt.XXXXXX";
static char self[4096];
static size_t size_mb = 10;
static int n_runs = 5, bad;
static bool with_peer = true;

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* --- the program inside the terminal -------------------------------------------------- */

/* What comes in while the file goes out: a recording may hold queries, and who
 * does not read their answers ends up waiting for each other. */
static void write_and_drain(const char *data, size_t len)
{
	char junk[4096];

	while (len > 0) {
		struct pollfd p[2] = { { 1, POLLOUT, 0 }, { 0, POLLIN, 0 } };
		ssize_t n;

		poll(p, 2, -1);
		if (p[1].revents && read(0, junk, sizeof junk) < 0)
			_exit(1);
		if (!(p[0].revents & POLLOUT))
			continue;
		n = write(1, data, len);
		if (n < 0 && errno != EAGAIN)
			_exit(1);
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

/* Write the file, ask where the cursor is, and say so in a FIFO when the answer is
 * there; then wait to be killed. */
static int feeder(const char *file, const char *fifo)
{
	static const char ask[] = "\033\\\033[r\033[7;133H\033[6n", answer[] = "7;133R";
	static char data[65536];
	struct termios t;
	int fd = open(file, O_RDONLY), out;
	size_t seen = 0;
	ssize_t n;
	char c;

	tcgetattr(0, &t);
	cfmakeraw(&t);
	tcsetattr(0, TCSANOW, &t);
	out = open(fifo, O_RDWR);
	if (fd < 0 || out < 0 || fcntl(1, F_SETFL, O_NONBLOCK) < 0)
		return 1;
	if (write(out, "b", 1) != 1)
		return 1;
	while ((n = read(fd, data, sizeof data)) > 0)
		write_and_drain(data, (size_t)n);
	write_and_drain(ask, sizeof ask - 1);
	while (seen < sizeof answer - 1) {
		struct pollfd p = { 0, POLLIN, 0 };

		poll(&p, 1, -1);
		if (read(0, &c, 1) == 1)
			seen = c == answer[seen] ? seen + 1 : c == answer[0];
	}
	if (write(out, "d", 1) != 1)
		return 1;
	sleep(60);
	return 0;
}

/* --- measuring -------------------------------------------------------------------------- */

static long anon_kb(pid_t pid)
{
	char path[64], line[256];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "RssAnon: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* Time on a processor, of every thread there is. */
static double cpu_of(pid_t pid)
{
	char path[64];
	unsigned long long ns = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &ns) != 1)
		die(path);
	fclose(f);
	return (double)ns / 1e9;
}

static void wait_for(int fifo, char want)
{
	struct pollfd p = { .fd = fifo, .events = POLLIN };
	char c = 0;

	while (c != want)
		if (poll(&p, 1, 120000) <= 0 || read(fifo, &c, 1) != 1)
			die("the feeder does not answer");
}

static int make_fifo(char *path, size_t size, const char *name)
{
	int fd;

	snprintf(path, size, "%s/%s", dir, name);
	unlink(path);
	if (mkfifo(path, 0600) < 0)
		die(path);
	fd = open(path, O_RDWR);
	if (fd < 0)
		die(path);
	return fd;
}

struct ours {
	int fd;
};

static void on_reply(void *ctx, const char *data, size_t len)
{
	const struct ours *o = ctx;

	if (write(o->fd, data, len) != (ssize_t)len)
		die("write");
}

/* As a program of its own, so that memory starts from nothing. The result goes to
 * stdout. */
static int ours_main(const char *file)
{
	static const struct vt_ops ops = { .reply = on_reply };
	static char data[65536];
	struct winsize size = { .ws_row = CORPUS_ROWS, .ws_col = CORPUS_COLS };
	char path[4200];
	int fifo = make_fifo(path, sizeof path, "ours");
	struct result r = { 0 };
	struct ours o;
	struct vt *vt;
	long before = anon_kb(getpid());
	pid_t pid = forkpty(&o.fd, NULL, NULL, &size);
	double wall, cpu;

	if (pid < 0)
		die("forkpty");
	if (pid == 0) {
		execl(self, self, "--feeder", file, path, (char *)NULL);
		_exit(127);
	}
	vt = vt_new(CORPUS_ROWS, CORPUS_COLS, &ops, &o);
	wait_for(fifo, 'b');
	wall = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	for (;;) {
		struct pollfd p[2] = { { o.fd, POLLIN, 0 }, { fifo, POLLIN, 0 } };
		ssize_t n;

		poll(p, 2, -1);
		if (p[0].revents) {
			n = read(o.fd, data, sizeof data);
			if (n <= 0)
				die("read");
			vt_feed(vt, data, (size_t)n, 0);
		} else if (p[1].revents) {
			break;
		}
	}
	r.cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	r.wall = now(CLOCK_MONOTONIC) - wall;
	r.kb = anon_kb(getpid()) - before;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	vt_free(vt);
	return write(1, &r, sizeof r) != sizeof r;
}

static struct result run_ours(const char *file)
{
	struct result r;
	int fds[2], status;
	pid_t pid;

	if (pipe(fds) < 0)
		die("pipe");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execl(self, self, "--ours", file, dir, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (read(fds[0], &r, sizeof r) != sizeof r)
		die("our side of the benchmark");
	close(fds[0]);
	waitpid(pid, &status, 0);
	return r;
}

/* Run tmux with these arguments and return the first line that it prints. */
static void tmux(char *out, size_t size, const char *const *args)
{
	const char *argv[32] = { "tmux", "-f", "/dev/null", "-S" };
	char sock[4200];
	int fds[2], n = 4;
	ssize_t got;
	pid_t pid;

	snprintf(sock, sizeof sock, "%s/tmux", dir);
	argv[n++] = sock;
	for (; *args && n < 31; args++)
		argv[n++] = *args;
	if (pipe(fds) < 0)
		die("pipe");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		unsetenv("TMUX");
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execvp("tmux", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fds[1]);
	got = read(fds[0], out, size - 1);
	out[got > 0 ? got : 0] = '\0';
	close(fds[0]);
	waitpid(pid, NULL, 0);
}

static struct result run_tmux(const char *file)
{
	char path[4200], command[13000], rows[16], cols[16], out[256];
	int fifo = make_fifo(path, sizeof path, "theirs");
	struct result r = { 0 };
	double wall, cpu;
	long before;
	pid_t server;

	snprintf(rows, sizeof rows, "%d", CORPUS_ROWS);
	snprintf(cols, sizeof cols, "%d", CORPUS_COLS);
	snprintf(command, sizeof command, "exec %s --feeder %s %s", self, file, path);
	tmux(out, sizeof out,
	     (const char *[]){ "new-session",
	                       "-d",
	                       "-x",
	                       cols,
	                       "-y",
	                       rows,
	                       "sleep 99",
	                       ";",
	                       "set",
	                       "-g",
	                       "status",
	                       "off",
	                       ";",
	                       "set",
	                       "-g",
	                       "history-limit",
	                       "10000",
	                       ";",
	                       "display-message",
	                       "-p",
	                       "#{pid}",
	                       NULL });
	server = (pid_t)strtol(out, NULL, 10);
	if (server <= 0)
		die("tmux");
	before = anon_kb(server);
	tmux(out, sizeof out, (const char *[]){ "new-window", command, NULL });
	wait_for(fifo, 'b');
	wall = now(CLOCK_MONOTONIC);
	cpu = cpu_of(server);
	wait_for(fifo, 'd');
	r.cpu = cpu_of(server) - cpu;
	r.wall = now(CLOCK_MONOTONIC) - wall;
	r.kb = anon_kb(server) - before;
	close(fifo);
	tmux(out, sizeof out, (const char *[]){ "kill-server", NULL });
	return r;
}

/* --- reporting --------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, by_size);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void report(const char *what, const char *name, double ours, double peer, double ratio,
                   double bar, bool is_ok)
{
	printf("bench: vt-%s-%s ours=%.2f peer=%.2f ratio=%.2f bar=%.2f %s\n", what, name, ours,
	       peer, ratio, bar, is_ok ? "ok" : "short");
	fflush(stdout);
	bad += !is_ok;
}

static void write_file(const char *path, const struct buf *b)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(b->data, 1, b->len, f) != b->len || fclose(f) != 0)
		die(path);
}

/* Without any pty: what the parser and the grid alone can do. */
static double in_memory(const struct buf *b)
{
	struct vt *vt = vt_new(CORPUS_ROWS, CORPUS_COLS, NULL, NULL);
	double t = now(CLOCK_PROCESS_CPUTIME_ID);

	for (size_t at = 0, n; at < b->len; at += n) {
		n = b->len - at < 65536 ? b->len - at : 65536;
		vt_feed(vt, b->data + at, n, 0);
	}
	t = now(CLOCK_PROCESS_CPUTIME_ID) - t;
	vt_free(vt);
	return (double)b->len / 1e6 / t;
}

/* Returns how many times faster than tmux it was by the clock, or 0. */
static double bench_stream(const char *name, const struct buf *b, double bar)
{
	double memory[RUNS_MAX], ours[RUNS_MAX], peer[RUNS_MAX], ours_mb[RUNS_MAX],
		peer_mb[RUNS_MAX], o, p, om, pm, mb = (double)b->len / 1e6;
	char path[4200];

	snprintf(path, sizeof path, "%s/stream", dir);
	write_file(path, b);
	for (int i = 0; i < n_runs; i++) {
		struct result r = run_ours(path);

		memory[i] = in_memory(b);
		ours[i] = r.cpu * 100 / mb;
		ours_mb[i] = mb / r.wall;
		if (!with_peer)
			continue;
		r = run_tmux(path);
		peer[i] = r.cpu * 100 / mb;
		peer_mb[i] = mb / r.wall;
	}
	o = median(ours, n_runs);
	om = median(ours_mb, n_runs);
	printf("info: %s: %.0f MB/s in memory, %.0f MB/s and %.2f CPU s per 100 MB on a pty\n",
	       name, median(memory, n_runs), om, o);
	if (!with_peer)
		return 0;
	p = median(peer, n_runs);
	pm = median(peer_mb, n_runs);
	report("cpu", name, o, p, p / o, bar, p / o >= bar);
	printf("info: %s: wall MB/s ours %.1f, tmux %.1f\n", name, om, pm);
	return om / pm;
}

static void bench_scrollback(const struct corpus *c, double bar)
{
	struct buf b = BUF_INIT((size_t)64 << 20);
	struct corpus_random r = { 88172645463325252u };
	char path[4200];
	double ours, peer;

	for (int i = 0; i < 10000 + CORPUS_ROWS; i++)
		c->make(&r, &b);
	snprintf(path, sizeof path, "%s/stream", dir);
	write_file(path, &b);
	buf_done(&b);
	ours = (double)run_ours(path).kb;
	if (!with_peer) {
		printf("info: scrollback %s: %.0f KB\n", c->name, ours);
		return;
	}
	peer = (double)run_tmux(path).kb;
	report("scrollback-kb", c->name, ours, peer, ours / peer, bar, ours / peer <= bar);
}

static void clean_up(void)
{
	static const char *const names[] = { "stream", "ours", "theirs", "tmux" };
	char path[4200];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void bench_all(char **recordings, int n_recordings)
{
	static const struct corpus streams[] = { { "ascii", corpus_ascii },
		                                 { "sgr", corpus_colours },
		                                 { "unicode", corpus_unicode },
		                                 { "redraws", corpus_redraw } };
	static const struct {
		struct corpus corpus;
		double bar;
	} lines[] = { { { "ascii", corpus_full_ascii }, 0.35 },
		      { { "true-colour", corpus_full_colour }, 0.15 },
		      { { "cjk", corpus_full_cjk }, 0.25 } };
	double product = 1;
	int n = 0;

	for (int i = 0; i < 4 + n_recordings; i++) {
		struct buf b = BUF_INIT((size_t)256 << 20);
		char name[64];
		const char *eq;

		if (i < 4) {
			snprintf(name, sizeof name, "%s", streams[i].name);
			corpus_fill(&streams[i], &b, size_mb << 20);
		} else {
			eq = strchr(recordings[i - 4], '=');
			if (!eq || !corpus_load(&b, eq + 1, size_mb << 20))
				die(recordings[i - 4]);
			snprintf(name, sizeof name, "%.*s", (int)(eq - recordings[i - 4]),
			         recordings[i - 4]);
		}
		product *= bench_stream(name, &b, corpus_bar(name));
		n++;
		buf_done(&b);
	}
	if (with_peer) {
		double mean = product;

		for (double lo = 0, hi = 1000; hi - lo > 1e-4;) { /* the n-th root */
			double power = 1;

			mean = (lo + hi) / 2;
			for (int i = 0; i < n; i++)
				power *= mean;
			*(power < product ? &lo : &hi) = mean;
		}
		report("wall", "mean", mean, 1, mean, 2.5, mean >= 2.5);
	}
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		bench_scrollback(&lines[i].corpus, lines[i].bar);
}

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	int i = 1;

	if (argc == 4 && strcmp(argv[1], "--feeder") == 0)
		return feeder(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "--ours") == 0) {
		snprintf(dir, sizeof dir, "%s", argv[3]);
		return ours_main(argv[2]);
	}
	if (n < 0 || !mkdtemp(dir))
		die(dir);
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--mb") == 0 && i + 1 < argc)
			size_mb = strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
			n_runs = (int)strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--no-peer") == 0)
			with_peer = false;
		else
			return 2;
	}
	if (size_mb < 1 || size_mb > 200 || n_runs < 1 || n_runs > RUNS_MAX)
		return 2;
	bench_all(argv + i, argc - i);
	clean_up();
	return bad > 0;
}
