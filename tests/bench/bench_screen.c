/* bench_screen [--runs N] [--mb N] [--only PART] [NAME=RECORDING]...
 * bench_screen [--runs N] --echo-of OURS PEER
 *
 * The whole dashboard on a terminal, against tmux with a client on one: what a
 * stream costs until it is drawn, how long a key's echo takes, what spinners cost,
 * how often it wakes when nothing happens, and the memory of an empty terminal.
 * Both run their programs on a pty; both draw on a pty of 50 x 200 that we drain.
 * They take turns; ratios and medians count. The agents' pty stands for the engine.
 *
 * With --echo-of, the echo alone, and through an engine (bench-echo): OURS is a command
 * that shows a terminal, PEER one that runs in tmux. In both "x" comes back as it is,
 * and "r" clears the line. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench_backend.h"
#include "bench/corpora.h"
#include "core/buf.h"
#include "core/vt.h"

#define RUNS_MAX 15
#define KEYS 600
#define IDLE_S 10
#define SPIN_S 5

static char self[4096], dir[] = "/tmp/bench_screen.XXXXXX";
static size_t size_mb = 10;
static int n_runs = 5, bad;
static const char *only; /* one of the parts */

static double now_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double wall(void)
{
	return now_ms(CLOCK_MONOTONIC);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double at(double *v, int n, double p)
{
	qsort(v, (size_t)n, sizeof *v, by_size);
	return v[(int)((n - 1) * p)];
}

/* bar: how much it may be at most; with is_least, at least. */
static void report(const char *name, double ours, double peer, double ratio, double bar,
                   bool is_least)
{
	bool is_ok = is_least ? ratio >= bar : ratio <= bar;

	printf("bench: screen-%s ours=%.2f peer=%.2f ratio=%.2f bar=%.2f %s\n", name, ours, peer,
	       ratio, bar, is_ok ? "ok" : "miss");
	fflush(stdout);
	bad += !is_ok;
}

/* --- the programs inside ------------------------------------------------------------- */

static void make_raw(void)
{
	struct termios t;

	tcgetattr(0, &t);
	cfmakeraw(&t);
	tcsetattr(0, TCSANOW, &t);
}

static void tell(const char *fifo, char c)
{
	int fd = open(fifo, O_RDWR);

	if (fd < 0 || write(fd, &c, 1) != 1)
		_exit(1);
	close(fd);
}

/* What comes in is read while the file goes out: a recording may hold queries. */
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
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

/* Write the file; when all was read, the answer to a question comes. */
static int feed_main(const char *file, const char *fifo)
{
	static const char ask[] = "\033\\\033[r\033[7;133H\033[6n", answer[] = "7;133R";
	static char data[65536];
	int fd = open(file, O_RDONLY);
	size_t seen = 0;
	ssize_t n;
	char c;

	make_raw();
	if (fd < 0 || fcntl(1, F_SETFL, O_NONBLOCK) < 0)
		return 1;
	usleep(500000); /* who shows us is ready */
	tell(fifo, 'b');
	while ((n = read(fd, data, sizeof data)) > 0)
		write_and_drain(data, (size_t)n);
	write_and_drain(ask, sizeof ask - 1);
	while (seen < sizeof answer - 1) {
		struct pollfd p = { 0, POLLIN, 0 };

		poll(&p, 1, -1);
		if (read(0, &c, 1) == 1)
			seen = c == answer[seen] ? seen + 1 : c == answer[0];
	}
	tell(fifo, 'd');
	pause();
	return 0;
}

static int echo_main(void)
{
	char c;

	make_raw();
	while (read(0, &c, 1) == 1)
		if ((c == 'x' && write(1, &c, 1) != 1) ||
		    (c == 'r' && write(1, "\r\033[K", 4) != 4))
			return 1;
	return 0;
}

static int spin_main(void)
{
	static const char signs[] = "|/-\\";
	struct timespec tenth = { .tv_nsec = 100000000 };

	make_raw();
	for (unsigned i = 0;; i++) {
		char text[64];
		int n = snprintf(text, sizeof text, "\r\033[3%um%c\033[m working %u s", i % 8,
		                 signs[i % 4], i / 10);

		if (write(1, text, (size_t)n) != n)
			return 0;
		nanosleep(&tenth, NULL);
	}
}

/* --- who shows them -------------------------------------------------------------------- */

struct shower {
	int fd;            /* of the terminal it draws on */
	pid_t pid, server; /* server: tmux's, or 0 */
	struct vt *vt;
};

static void on_reply(void *ctx, const char *data, size_t len)
{
	const struct shower *s = ctx;

	if (write(s->fd, data, len) < 0)
		die("write");
}

static void show(struct shower *s, char *const *args)
{
	static const struct vt_ops ops = { .reply = on_reply };
	struct winsize size = { .ws_row = CORPUS_ROWS, .ws_col = CORPUS_COLS };

	*s = (struct shower){ .fd = -1 };
	s->pid = forkpty(&s->fd, NULL, NULL, &size);
	if (s->pid < 0)
		die("forkpty");
	if (s->pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		setenv("COLORTERM", "truecolor", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		unsetenv("TMUX");
		unsetenv("NO_COLOR");
		execvp(args[0], args);
		_exit(127);
	}
	s->vt = vt_new(CORPUS_ROWS, CORPUS_COLS, &ops, s);
}

/* Read what it draws within ms. */
static bool drain(struct shower *s, double ms, bool keep)
{
	static char data[262144];
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, ms > 0 ? (int)ms + 1 : 0) <= 0)
		return false;
	n = read(s->fd, data, sizeof data);
	if (n <= 0) {
		fprintf(stderr, "bench_screen: it ended\n");
		exit(1);
	}
	if (keep)
		vt_feed(s->vt, data, (size_t)n, (uint64_t)wall());
	return true;
}

static void drain_for(struct shower *s, double ms)
{
	for (double end = wall() + ms; wall() < end;)
		drain(s, end - wall(), true);
}

static void tmux_command(const char *command, char *out, size_t size)
{
	char line[8192];
	int fds[2];
	ssize_t got;
	pid_t pid;

	snprintf(line, sizeof line, "env -u TMUX tmux -f /dev/null -S %s/tmux %s 2>/dev/null", dir,
	         command);
	if (pipe(fds) < 0)
		die("pipe");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	got = read(fds[0], out, size - 1);
	out[got > 0 ? got : 0] = '\0';
	close(fds[0]);
	waitpid(pid, NULL, 0);
}

static void unshow(struct shower *s)
{
	char out[256];

	if (s->server)
		tmux_command("kill-server", out, sizeof out);
	/* it may be writing to us */
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	close(s->fd);
	vt_free(s->vt);
}

/* n terminals with the program in each; ours shows a wall of four of them when there
 * are more than one, tmux a window with four panes and windows with the rest. */
static void show_ours(struct shower *s, int n, const char *program)
{
	char count[16], mode[] = "--ours", *args[] = { self, mode, count, NULL, NULL };

	snprintf(count, sizeof count, "%d", n);
	args[3] = (char *)(uintptr_t)program;
	show(s, args);
	if (n == 1)
		return;
	drain_for(s, 500);
	if (write(s->fd, "||", 2) != 2)
		die("write");
}

static void show_tmux(struct shower *s, int n, const char *program)
{
	static char sock[4200];
	char name[] = "tmux", f[] = "-f", null[] = "/dev/null", S[] = "-S", new[] = "new-session",
	     out[256], command[5000];
	char *args[] = { name, f, null, S, sock, new, (char *)(uintptr_t)program, NULL };

	snprintf(sock, sizeof sock, "%s/tmux", dir);
	show(s, args);
	drain_for(s, 300);
	tmux_command(
		"set -g status off \\; set -g history-limit 10000 \\; display-message -p '#{pid}'",
		out, sizeof out);
	s->server = (pid_t)strtol(out, NULL, 10);
	if (s->server <= 0)
		die("tmux");
	for (int i = 1; i < n; i++) {
		snprintf(command, sizeof command, "%s '%s'",
		         i < 4 ? "split-window -t :0 -d" : "new-window -d", program);
		tmux_command(command, out, sizeof out);
		tmux_command("select-layout -t :0 tiled", out, sizeof out);
	}
	drain_for(s, 300);
}

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
	return (double)ns / 1e6;
}

static double cpu_ms(const struct shower *s)
{
	return cpu_of(s->pid) + (s->server ? cpu_of(s->server) : 0);
}

static long switches(pid_t pid)
{
	char path[64], line[256];
	long n = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* --- a stream ---------------------------------------------------------------------------- */

struct cost {
	double wall, cpu; /* ms */
};

static void wait_for(struct shower *s, int fifo, char want)
{
	double end = wall() + 120000;

	while (wall() < end) {
		struct pollfd p[2] = { { fifo, POLLIN, 0 }, { s->fd, POLLIN, 0 } };
		char c;

		poll(p, 2, 1000);
		if (p[1].revents)
			drain(s, 0, want == 'b');
		if (p[0].revents && read(fifo, &c, 1) == 1 && c == want)
			return;
	}
	die("the stream does not end");
}

static struct cost run_stream(bool is_ours, const char *program, int fifo)
{
	struct shower s;
	struct cost c;

	(is_ours ? show_ours : show_tmux)(&s, 1, program);
	wait_for(&s, fifo, 'b');
	c = (struct cost){ wall(), cpu_ms(&s) };
	wait_for(&s, fifo, 'd');
	c.wall = wall() - c.wall;
	c.cpu = cpu_ms(&s) - c.cpu;
	unshow(&s);
	return c;
}

static double bench_stream(const char *name, const struct buf *b)
{
	double ours[RUNS_MAX], peer[RUNS_MAX], o, p, mb = (double)b->len / 1e6, speed[RUNS_MAX];
	char path[4200], fifo_path[4200], program[13000];
	FILE *f;
	int fifo;

	snprintf(path, sizeof path, "%s/stream", dir);
	snprintf(fifo_path, sizeof fifo_path, "%s/fifo", dir);
	unlink(fifo_path);
	if (mkfifo(fifo_path, 0600) < 0 || (fifo = open(fifo_path, O_RDWR)) < 0)
		die(fifo_path);
	f = fopen(path, "wb");
	if (!f || fwrite(b->data, 1, b->len, f) != b->len || fclose(f) != 0)
		die(path);
	snprintf(program, sizeof program, "exec %s --feed %s %s", self, path, fifo_path);
	for (int i = 0; i < n_runs; i++) {
		struct cost mine = run_stream(true, program, fifo);
		struct cost theirs = run_stream(false, program, fifo);

		ours[i] = mine.cpu / 10 / mb; /* s per 100 MB */
		peer[i] = theirs.cpu / 10 / mb;
		speed[i] = theirs.wall / mine.wall;
	}
	close(fifo);
	o = at(ours, n_runs, 0.5);
	p = at(peer, n_runs, 0.5);
	printf("info: screen: %s: %.2f CPU s per 100 MB drawn, tmux %.2f; %.1f times as fast\n",
	       name, o, p, at(speed, n_runs, 0.5));
	fflush(stdout);
	report(name, o, p, p / o, corpus_bar(name), true);
	return at(speed, n_runs, 0.5);
}

/* --- a key's echo ---------------------------------------------------------------------------- */

static void wait_cursor(struct shower *s, int x)
{
	double end = wall() + 3000;

	while (wall() < end) {
		struct vt_cursor c = vt_cursor(s->vt);

		if (c.is_visible && c.x == x)
			return;
		drain(s, 100, true);
	}
}

static void run_echo(struct shower *s, double *ms)
{
	int x, left;

	drain_for(s, 1500);
	if (write(s->fd, "r", 1) != 1)
		die("write");
	drain_for(s, 300);
	left = vt_cursor(s->vt).x;
	x = left;
	for (int i = 0; i < KEYS; i++) {
		double start;

		/* not in step with anything */
		drain_for(s, 5 + i * 7 % 21);
		start = wall();
		if (write(s->fd, "x", 1) != 1)
			die("write");
		wait_cursor(s, ++x);
		ms[i] = wall() - start;
		if (i % 60 == 59) {
			if (write(s->fd, "r", 1) != 1)
				die("write");
			wait_cursor(s, left);
			x = left;
		}
	}
	unshow(s);
}

/* Of each run. */
struct echoes {
	double p50[RUNS_MAX], p99[RUNS_MAX];
};

static void take_echo(struct echoes *e, int run, struct shower *s)
{
	static double ms[KEYS];

	run_echo(s, ms);
	e->p50[run] = at(ms, KEYS, 0.5);
	e->p99[run] = at(ms, KEYS, 0.99);
}

static void bench_echo(void)
{
	struct echoes ours, peer, raw;
	double o50, p50, o99, p99;
	char program[4200], sh[] = "sh", c[] = "-c", *args[] = { sh, c, program, NULL };

	snprintf(program, sizeof program, "exec %s --echo", self);
	for (int i = 0; i < n_runs; i++) {
		struct shower s;

		show(&s, args);
		take_echo(&raw, i, &s);
		show_ours(&s, 1, program);
		take_echo(&ours, i, &s);
		show_tmux(&s, 1, program);
		take_echo(&peer, i, &s);
	}
	printf("info: screen: a raw echo takes %.3f ms, %.3f at p99%s\n", raw.p50[n_runs - 1],
	       raw.p99[n_runs - 1],
	       raw.p99[n_runs - 1] < 0.5 ? "" : ": the machine is busy, p99 means little");
	o50 = at(ours.p50, n_runs, 0.5);
	p50 = at(peer.p50, n_runs, 0.5);
	o99 = at(ours.p99, n_runs, 0.5);
	p99 = at(peer.p99, n_runs, 0.5);
	report("echo-p50", o50, p50, o50 / p50, 0.7, false);
	report("echo-p99", o99, p99, o99 / p99, 1.0, false);
}

static void bench_echo_of(const char *command, const char *in_tmux)
{
	char sh[] = "sh", c[] = "-c", *args[] = { sh, c, (char *)(uintptr_t)command, NULL };
	struct echoes ours, peer;
	double o, p;

	for (int i = 0; i < n_runs; i++) {
		struct shower s;

		show(&s, args);
		take_echo(&ours, i, &s);
		show_tmux(&s, 1, in_tmux);
		take_echo(&peer, i, &s);
	}
	o = at(ours.p50, n_runs, 0.5);
	p = at(peer.p50, n_runs, 0.5);
	printf("info: screen: through the engine, p99 %.3f ms, tmux and docker %.3f\n",
	       at(ours.p99, n_runs, 0.5), at(peer.p99, n_runs, 0.5));
	report("echo-p50-engine", o, p, o / p, 0.9, false);
}

/* --- spinners, idling, memory -------------------------------------------------------------- */

static double run_spin(bool is_ours, const char *program)
{
	struct shower s;
	double cpu;

	(is_ours ? show_ours : show_tmux)(&s, 10, program);
	drain_for(&s, 1500);
	cpu = cpu_ms(&s);
	drain_for(&s, SPIN_S * 1000);
	cpu = (cpu_ms(&s) - cpu) / SPIN_S / 10; /* percent of a processor */
	unshow(&s);
	return cpu;
}

static void bench_spin(void)
{
	double ours[RUNS_MAX], peer[RUNS_MAX], o, p;
	char program[4200];

	snprintf(program, sizeof program, "exec %s --spin", self);
	for (int i = 0; i < n_runs; i++) {
		ours[i] = run_spin(true, program);
		peer[i] = run_spin(false, program);
	}
	o = at(ours, n_runs, 0.5);
	p = at(peer, n_runs, 0.5);
	report("spinners-cpu", o, p, o / p, 0.4, false);
}

static void bench_idle(void)
{
	struct shower s;
	long n;
	double extra;

	show_ours(&s, 50, "exec sleep 1000");
	drain_for(&s, 4000);
	n = switches(s.pid);
	drain_for(&s, IDLE_S * 1000);
	n = switches(s.pid) - n;
	unshow(&s);
	/* the clock ticks once a second; sessions are listed, and answered, each two */
	extra = (double)n / IDLE_S - 1 - 2.0 / 2;
	printf("info: screen: %.1f wake-ups a second with 50 idle sessions\n", (double)n / IDLE_S);
	printf("bench: screen-idle-extra-wakeups ours=%.2f bar=0.30 %s\n", extra,
	       extra <= 0.3 ? "ok" : "miss");
	bad += extra > 0.3;
}

static long anon_kb(void)
{
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "RssAnon: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static void bench_empty(void)
{
	enum { MANY = 500 };
	static struct vt *v[MANY];
	long kb = anon_kb();
	double each;

	for (int i = 0; i < MANY; i++)
		v[i] = vt_new(CORPUS_ROWS, CORPUS_COLS, NULL, NULL);
	each = (double)(anon_kb() - kb) / MANY;
	for (int i = 0; i < MANY; i++)
		vt_free(v[i]);
	printf("bench: screen-empty-pane-kb ours=%.1f bar=40 %s\n", each,
	       each <= 40 ? "ok" : "miss");
	bad += each > 40;
}

/* --- the whole ------------------------------------------------------------------------------ */

static void bench_streams(char **recordings, int n)
{
	static const struct corpus streams[] = { { "ascii", corpus_ascii },
		                                 { "sgr", corpus_colours },
		                                 { "unicode", corpus_unicode },
		                                 { "redraws", corpus_redraw } };
	double speeds[64];
	int count = 0;

	for (int i = 0; i < 4 + n && count < 64; i++) {
		struct buf b = BUF_INIT((size_t)256 << 20);
		char name[64];

		if (i < 4) {
			snprintf(name, sizeof name, "%s", streams[i].name);
			corpus_fill(&streams[i], &b, size_mb << 20);
		} else {
			const char *eq = strchr(recordings[i - 4], '=');

			if (!eq || !corpus_load(&b, eq + 1, size_mb << 20))
				die(recordings[i - 4]);
			snprintf(name, sizeof name, "%.*s", (int)(eq - recordings[i - 4]),
			         recordings[i - 4]);
		}
		speeds[count++] = bench_stream(name, &b);
		buf_done(&b);
	}
	printf("info: screen: by the clock %.1f times as fast as tmux in the middle\n",
	       at(speeds, count, 0.5));
}

static bool wants(const char *part)
{
	return !only || strcmp(only, part) == 0;
}

static void clean_up(void)
{
	static const char *const names[] = { "stream", "fifo", "tmux" };
	char path[4200];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	int i = 1;

	if (argc == 4 && strcmp(argv[1], "--feed") == 0)
		return feed_main(argv[2], argv[3]);
	if (argc == 2 && strcmp(argv[1], "--echo") == 0)
		return echo_main();
	if (argc == 2 && strcmp(argv[1], "--spin") == 0)
		return spin_main();
	if (argc == 4 && strcmp(argv[1], "--ours") == 0)
		return bench_backend_run((int)strtol(argv[2], NULL, 10), argv[3]);
	if (n < 0 || !mkdtemp(dir))
		die(dir);
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--mb") == 0 && i + 1 < argc)
			size_mb = strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
			only = argv[++i];
		else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
			n_runs = (int)strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--echo-of") == 0 && i + 2 < argc)
			break;
		else
			return 2;
	}
	if (size_mb < 1 || size_mb > 200 || n_runs < 1 || n_runs > RUNS_MAX)
		return 2;
	if (i < argc && strcmp(argv[i], "--echo-of") == 0) {
		bench_echo_of(argv[i + 1], argv[i + 2]);
		clean_up();
		return bad > 0;
	}
	if (wants("echo"))
		bench_echo();
	if (wants("spin"))
		bench_spin();
	if (wants("idle"))
		bench_idle();
	if (wants("empty"))
		bench_empty();
	if (wants("streams"))
		bench_streams(argv + i, argc - i);
	clean_up();
	return bad > 0;
}
