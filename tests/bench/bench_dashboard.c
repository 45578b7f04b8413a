/* bench_dashboard [PROGRAM [SECONDS]]
 *
 * The whole program on a terminal of 200 x 50: 64 sessions of a recording, each
 * repainting its terminal ten times a second, 1,000 events a second. How long until
 * a key is answered, what it takes of a processor, how long until a block that
 * came is on the screen, and how long until the first frame of all.
 *
 * The terminal is the emulator's: a key is answered when the character stands in
 * it, an event when its host does. Prints a line for each figure with its bar. */
#include <fcntl.h>
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
#include "core/mem.h"
#include "core/vt.h"

#define ROWS 50
#define COLS 200
#define SESSIONS 64
#define HZ 10
#define EVENTS 1000 /* a second */
#define KEYS_MAX 2000
#define WARM_MS 3000 /* it reads the recording, and everything is new */

static int bad;
static unsigned seed = 1;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void report(const char *name, double value, double bar, const char *unit)
{
	printf("bench: dashboard-%s %.2f %s bar=%.2f %s\n", name, value, unit, bar,
	       value <= bar ? "ok" : "miss");
	fflush(stdout);
	bad += value > bar;
}

/* --- the recording ---------------------------------------------------------------- */

/* As an agent that redraws its screen: some rows of words in colours. */
static void add_repaint(struct buf *b, unsigned salt)
{
	buf_adds(b, "\\u001b[H");
	for (int y = 0; y < 24; y++) {
		buf_addf(b, "\\u001b[3%um", (salt + (unsigned)y) % 8);
		for (int x = 0; x < 8; x++)
			buf_addf(b, "%08x ",
			         (salt * 2654435761u) ^ (unsigned)(y * 40503 + x * 977));
		buf_adds(b, "\\u001b[K\\r\\n");
	}
}

static void write_recording(FILE *f, unsigned seconds)
{
	struct buf b = BUF_INIT(1u << 20);

	fputs("{\"v\":1,\"kind\":\"claude-bottle-recording\",\"start\":\"2026-11-24T12:00:00Z\","
	      "\"engine\":\"bench\"}\n",
	      f);
	for (int i = 0; i < SESSIONS; i++)
		fprintf(f,
		        "{\"t\":0,\"session\":{\"session\":\"agent%02d\",\"agent\":\"agent%02d\","
		        "\"bottle\":\"b%d\",\"state\":\"running\",\"created\":1795518000}}\n",
		        i, i, i / 8);
	for (unsigned ms = 0; ms < seconds * 1000; ms++) {
		if (ms % (1000 / EVENTS) == 0)
			fprintf(f,
			        "{\"t\":%u,\"event\":{"
			        "\"ts\":\"2026-11-24T12:%02u:%02u.%03u000000Z\","
			        "\"session\":\"agent%02u\",\"source\":\"pipelock\","
			        "\"kind\":\"egress.blocked\",\"verdict\":\"block\","
			        "\"host\":\"h%06u.example.com\",\"rule\":\"allowlist\","
			        "\"summary\":\"domain not in allowlist\",\"count\":1}}\n",
			        ms, ms / 60000, ms / 1000 % 60, ms % 1000, ms % SESSIONS, ms);
		for (unsigned i = 0; i < SESSIONS; i++) {
			/* not all at once */
			if ((ms + i * 1000 / HZ / SESSIONS) % (1000 / HZ) != 0)
				continue;
			buf_reset(&b);
			add_repaint(&b, ms + i);
			fprintf(f, "{\"t\":%u,\"terminal\":\"agent%02u\",\"data\":\"%s\"}\n", ms, i,
			        buf_str(&b));
		}
	}
	buf_done(&b);
}

/* --- the program on a terminal ------------------------------------------------------ */

struct tty {
	int fd;
	pid_t pid;
	struct vt *vt;
	double started;
	uint64_t bytes;
};

static void on_reply(void *ctx, const char *data, size_t len)
{
	struct tty *t = ctx;

	if (write(t->fd, data, len) < 0)
		die("write");
}

static void open_tty(struct tty *t, const char *program, char *const *args)
{
	static const struct vt_ops ops = { .reply = on_reply };
	struct winsize size = { .ws_row = ROWS, .ws_col = COLS };

	*t = (struct tty){ .started = now_ms() };
	t->pid = forkpty(&t->fd, NULL, NULL, &size);
	if (t->pid < 0)
		die("forkpty");
	if (t->pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		setenv("COLORTERM", "truecolor", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		setenv("HOME", "/nonexistent", 1);
		unsetenv("CLAUDE_BOTTLE_BACKEND");
		unsetenv("NO_COLOR");
		execv(program, args);
		_exit(127);
	}
	t->vt = vt_new(ROWS, COLS, &ops, t);
}

/* Read what comes within ms; false when nothing did. */
static bool pump(struct tty *t, double ms)
{
	static char data[65536];
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, ms > 0 ? (int)ms + 1 : 0) <= 0)
		return false;
	n = read(t->fd, data, sizeof data);
	if (n <= 0) {
		fprintf(stderr, "bench_dashboard: the program ended\n");
		exit(1);
	}
	t->bytes += (uint64_t)n;
	vt_feed(t->vt, data, (size_t)n, (uint64_t)now_ms());
	return true;
}

static void pump_for(struct tty *t, double ms)
{
	double end = now_ms() + ms;

	while (now_ms() < end)
		pump(t, end - now_ms());
}

static void type(const struct tty *t, const char *keys)
{
	if (write(t->fd, keys, strlen(keys)) < 0)
		die("write");
}

static void close_tty(struct tty *t)
{
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
	close(t->fd);
	vt_free(t->vt);
}

static bool row_has(const struct tty *t, int y, const char *part)
{
	struct buf b = BUF_INIT(8192);
	struct vt_line line = vt_row(t->vt, y);
	bool yes;

	for (unsigned x = 0; x < line.used; x++) {
		char text[VT_CELL_TEXT_MAX];

		buf_add(&b, text, vt_cell_text(t->vt, &line.cells[x], text));
	}
	yes = strstr(buf_str(&b), part) != NULL;
	buf_done(&b);
	return yes;
}

static bool screen_has(const struct tty *t, const char *part)
{
	for (int y = 0; y < ROWS; y++)
		if (row_has(t, y, part))
			return true;
	return false;
}

static double cpu_ms(pid_t pid)
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

/* --- figures ------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(double *v, size_t n, double p)
{
	qsort(v, n, sizeof *v, by_size);
	return v[(size_t)((double)(n - 1) * p)];
}

static void bench_first_frame(char *program)
{
	char demo[] = "--demo";
	char *args[] = { program, demo, NULL };
	double ms[15];

	for (size_t i = 0; i < sizeof ms / sizeof *ms; i++) {
		struct tty t;

		open_tty(&t, program, args);
		while (!screen_has(&t, "Sessions") || !screen_has(&t, "quit"))
			pump(&t, 1000);
		ms[i] = now_ms() - t.started;
		close_tty(&t);
	}
	report("first-frame", percentile(ms, sizeof ms / sizeof *ms, 0.5), 50, "ms");
}

/* Typed into the command prompt: the cursor stands behind the answer. */
static double key_ms(struct tty *t, struct vt_cursor want)
{
	double start = now_ms();

	type(t, "x");
	for (;;) {
		struct vt_cursor c = vt_cursor(t->vt);

		if (c.is_visible && c.y == want.y && c.x == want.x)
			return now_ms() - start;
		if (now_ms() - start > 5000)
			return 5000;
		pump(t, 100);
	}
}

static void bench_keys(struct tty *t, double seconds)
{
	static double ms[KEYS_MAX];
	struct vt_cursor at = { 0 };
	double end, cpu, start;
	size_t n = 0;
	int left;

	type(t, ":");
	/* not in the middle of a frame */
	while (!(at = vt_cursor(t->vt)).is_visible || at.x < 10)
		pump(t, 1000);
	left = at.x;
	start = now_ms();
	cpu = cpu_ms(t->pid);
	end = start + seconds * 1000;
	while (now_ms() < end && n < KEYS_MAX) {
		seed = seed * 1103515245u + 12345u;
		pump_for(t, 15 + (double)(seed >> 16 & 31));
		at.x++;
		ms[n++] = key_ms(t, at);
		if (n % 40 == 0) {
			type(t, "\025");
			pump_for(t, 100);
			at.x = left;
		}
	}
	cpu = (cpu_ms(t->pid) - cpu) / (now_ms() - start);
	printf("info: dashboard: %zu keys, p50 %.2f ms, worst %.2f ms, %.1f MB/s drawn\n", n,
	       percentile(ms, n, 0.5), percentile(ms, n, 1),
	       (double)t->bytes / 1e3 / (now_ms() - t->started));
	report("key-p99", percentile(ms, n, 0.99), 20, "ms");
	report("cpu", cpu, 0.5, "cores");
	type(t, "\033");
	pump_for(t, 300);
}

/* Each millisecond of the recording has its host. One that is drawn dates the others. */
static int newest_host(const struct tty *t)
{
	int newest = -1;

	for (int y = 0; y < ROWS; y++) {
		struct vt_line line = vt_row(t->vt, y);
		struct buf b = BUF_INIT(8192);
		const char *at;

		for (unsigned x = 0; x < line.used; x++) {
			char text[VT_CELL_TEXT_MAX];

			buf_add(&b, text, vt_cell_text(t->vt, &line.cells[x], text));
		}
		for (at = buf_str(&b); (at = strchr(at, 'h')); at++) {
			int n, used = 0;

			if (sscanf(at, "h%6d.%n", &n, &used) == 1 && used == 8 && n > newest)
				newest = n;
		}
		buf_done(&b);
	}
	return newest;
}

/* The smallest delay seen is taken for none: that event was drawn at once. */
static void bench_blocks(struct tty *t, double seconds)
{
	static double late[20000];
	double end = now_ms() + seconds * 1000, least = 1e12;
	int newest = -1;
	size_t n = 0;

	while (now_ms() < end && n < sizeof late / sizeof *late) {
		int host;

		pump(t, 100);
		host = newest_host(t);
		if (host <= newest)
			continue;
		/* all that came since the last frame are on the screen now, the oldest of
		 * them late by most */
		late[n] = now_ms() - t->started - (newest < 0 ? host : newest + 1);
		if (now_ms() - t->started - host < least)
			least = now_ms() - t->started - host;
		newest = host;
		n++;
	}
	if (n < 20) {
		printf("bench: dashboard-block-p99 only %zu frames with events miss\n", n);
		bad++;
		return;
	}
	report("block-p99", percentile(late, n, 0.99) - least, 50, "ms");
}

int main(int argc, char **argv)
{
	static char program_default[] = "build/claude-bottle";
	char *program = argc > 1 ? argv[1] : program_default;
	unsigned seconds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10;
	char path[] = "/tmp/bench_dashboard.XXXXXX", verb[] = "replay";
	char *args[] = { program, verb, path, NULL };
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	struct tty t;

	if (!f)
		die(path);
	bench_first_frame(program);
	write_recording(f, 2 * seconds + WARM_MS / 1000 + 3);
	if (fclose(f) != 0)
		die(path);
	open_tty(&t, program, args);
	while (!screen_has(&t, "quit"))
		pump(&t, 1000);
	pump_for(&t, WARM_MS);
	bench_keys(&t, seconds);
	bench_blocks(&t, seconds);
	close_tty(&t);
	unlink(path);
	return bad > 0;
}
