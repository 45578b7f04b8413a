#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 128     /* bytes of the file that are looked at */
#define LOOK_MS 1000     /* also without a word from the kernel */
#define PATIENCE_MS 1000 /* from SIGTERM to SIGKILL */
#define PATH_MAX_LEN 512

struct supervised {
	char *file;
	char **command;
	sigset_t before; /* the signals that the command gets */
	int signals, changes;
	pid_t pid;
	int64_t cut; /* of the file when it was started */
};

int64_t supervise_cut(const char *text, size_t len)
{
	static const char head[] = "# generation ", word[] = " cut ";
	size_t at = sizeof head - 1, digits = 0;
	int64_t n = 0;

	if (len == 0 || (len < at && memcmp(text, head, len) == 0))
		return -1;
	if (len < at || memcmp(text, head, at) != 0)
		return 0;
	while (at < len && text[at] >= '0' && text[at] <= '9')
		at++;
	if (at + sizeof word - 1 > len)
		return -1;
	if (memcmp(text + at, word, sizeof word - 1) != 0)
		return 0;
	for (at += sizeof word - 1; at < len && text[at] >= '0' && text[at] <= '9'; at++) {
		if (++digits > 15)
			return 0;
		n = n * 10 + (text[at] - '0');
	}
	if (at == len)
		return -1;
	return text[at] == '\n' && digits > 0 ? n : 0;
}

/* -1 when the file is not there, or is being written. */
static int64_t look(const char *file)
{
	int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[HEAD_MAX];
	ssize_t got;

	if (fd < 0)
		return -1;
	got = read(fd, text, sizeof text);
	close(fd);
	return got < 0 ? -1 : supervise_cut(text, (size_t)got);
}

static int start(struct supervised *s)
{
	int64_t cut = look(s->file);

	/* read before pipelock reads it: a change in between only means once more */
	if (cut >= 0)
		s->cut = cut;
	s->pid = fork();
	if (s->pid < 0) {
		perror("supervise: fork");
		return -1;
	}
	if (s->pid > 0)
		return 0;
	/* nobody is left to cut its tunnels when this process is gone */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	execv(s->command[0], s->command);
	fprintf(stderr, "supervise: %s: %s\n", s->command[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* End the command, and only return when it is gone. What it reports of itself while
 * it ends is of no interest: it is ended on purpose. */
static void end(const struct supervised *s)
{
	const struct timespec tick = { .tv_nsec = 5 * 1000 * 1000 };
	long start = now_ms();
	bool is_killed = false;

	kill(s->pid, SIGTERM);
	while (waitpid(s->pid, NULL, WNOHANG) == 0) {
		if (!is_killed && now_ms() - start >= PATIENCE_MS) {
			kill(s->pid, SIGKILL);
			is_killed = true;
		}
		nanosleep(&tick, NULL);
	}
}

static void say_cut(int64_t cut)
{
	char when[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("{\"level\":\"info\",\"component\":\"claude-bottle\",\"event\":\"tunnels_cut\","
	       "\"cut\":%lld,\"time\":\"%s\",\"message\":\"tunnels cut, pipelock starts anew\"}\n",
	       (long long)cut, when);
	fflush(stdout);
}

/* Signals that came. The exit code when the command ended by itself; else -1. */
static int on_signals(const struct supervised *s)
{
	struct signalfd_siginfo got;

	while (read(s->signals, &got, sizeof got) == (ssize_t)sizeof got) {
		int status = 0;

		if (got.ssi_signo != SIGCHLD)
			kill(s->pid, (int)got.ssi_signo);
		else if (waitpid(s->pid, &status, WNOHANG) == s->pid)
			return exit_code(status);
	}
	return -1;
}

static void drop_changes(const struct supervised *s)
{
	char events[4096];

	while (s->changes >= 0 && read(s->changes, events, sizeof events) > 0)
		;
}

static int run(struct supervised *s)
{
	if (start(s) < 0)
		return 1;
	for (;;) {
		struct pollfd wait[] = { { s->signals, POLLIN, 0 }, { s->changes, POLLIN, 0 } };
		int64_t cut;
		int code;

		poll(wait, 2, LOOK_MS);
		code = on_signals(s);
		if (code >= 0)
			return code;
		drop_changes(s);
		cut = look(s->file);
		if (cut < 0 || cut == s->cut)
			continue;
		end(s);
		say_cut(cut);
		if (start(s) < 0)
			return 1;
	}
}

/* The file's folder: what is renamed over it is another file. */
static int watch_folder(const char *file)
{
	char dir[PATH_MAX_LEN];
	const char *slash = strrchr(file, '/');
	size_t len = slash ? (size_t)(slash - file) : 0;
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (len == 0 || len >= sizeof dir || fd < 0)
		return fd;
	memcpy(dir, file, len);
	dir[len] = '\0';
	inotify_add_watch(fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_MODIFY);
	return fd;
}

int supervise_main(int argc, char **argv)
{
	static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT };
	struct supervised s = { 0 };
	sigset_t wanted;

	if (argc < 3 || strcmp(argv[1], "--") != 0) {
		fputs("usage: helper supervise FILE -- COMMAND [ARG...]\n", stderr);
		return 2;
	}
	s.file = argv[0];
	s.command = argv + 2;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		sigaddset(&wanted, forwarded[i]);
	sigprocmask(SIG_BLOCK, &wanted, &s.before);
	s.signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
	s.changes = watch_folder(s.file);
	if (s.signals < 0) {
		perror("supervise: signalfd");
		return 1;
	}
	return run(&s);
}
