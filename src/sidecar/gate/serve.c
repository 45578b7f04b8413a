#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accept.h"
#include "config.h"
#include "gate.h"
#include "operator.h"
#include "repo.h"
#include "run.h"
#include "util.h"
#include "verdict.h"

struct server {
	struct gate_config *config;
	int listener, signals, verdict_fd;
	int events; /* operator.h */
	pid_t *children; /* max_connections; 0 is free */
	int n_children;
};

/* The whole environment of everything that runs in the gate. */
static void set_environment(void)
{
	static const char *const vars[][2] = {
		{ "PATH", "/usr/local/bin:/usr/bin:/bin" },
		{ "HOME", GATE_RUN },
		{ "TMPDIR", GATE_RUN },
		{ "LC_ALL", "C.UTF-8" },
		{ "TZ", "UTC" },
		{ "GIT_CONFIG_NOSYSTEM", "1" },
		{ "GIT_CONFIG_GLOBAL", "/dev/null" },
		{ "GIT_ATTR_NOSYSTEM", "1" },
		{ "GIT_TERMINAL_PROMPT", "0" },
		{ "GIT_NO_REPLACE_OBJECTS", "1" },
		{ "GIT_NO_LAZY_FETCH", "1" },
		{ "GIT_SSH_VARIANT", "ssh" },
		{ "GIT_ALLOW_PROTOCOL", "ssh" },
	};

	clearenv();
	for (size_t i = 0; i < sizeof vars / sizeof *vars; i++)
		setenv(vars[i][0], vars[i][1], 1);
	umask(077);
}

/* The scanner's version, which also proves that it runs at all. */
static int scanner_version(struct buf *out, struct err *err)
{
	const char *const argv[] = { GATE_GITLEAKS, "version", NULL };
	struct command c = { .argv = argv };
	struct err why;

	if (run_read(&c, run_into_buf, out, NULL, now_ms() + 10000, &why) < 0)
		return err_set(err, "%s does not run: %s", GATE_GITLEAKS, why.msg);
	if (out->len && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	if (out->len == 0 || out->data[0] < '0' || out->data[0] > '9')
		return err_set(err, "%s says no version: '%.40s'", GATE_GITLEAKS, buf_str(out));
	if (access(GATE_RULES, R_OK) < 0)
		return err_set(err, "%s: %s", GATE_RULES, strerror(errno));
	return 0;
}

static int check_key(const char *path, const char *what, struct err *err)
{
	return access(path, R_OK) < 0 ? err_set(err, "%s %s: %s", what, path, strerror(errno)) : 0;
}

static int prepare(struct server *s, struct err *err)
{
	static const char *const dirs[] = { GATE_SCRATCH, GATE_LOCKS, GATE_SPOOL, GATE_ACCEPTED };

	if (config_load(&s->config, GATE_CONFIG, err) < 0)
		return -1;
	dir_remove(GATE_SCRATCH);
	dir_remove(GATE_SPOOL);
	dir_remove(GATE_ACCEPTED);
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (mkdir(dirs[i], 0700) < 0 && errno != EEXIST)
			return err_set(err, "%s: %s", dirs[i], strerror(errno));
	if (accept_make_key(err) < 0)
		return -1;
	for (size_t i = 0; i < s->config->n_repos; i++) {
		const struct gate_repo *repo = &s->config->repos[i];

		if (check_key(repo->key, "private key", err) < 0 ||
		    (repo->known_hosts && check_key(repo->known_hosts, "known_hosts", err) < 0) ||
		    repo_prepare(s->config, repo, err) < 0)
			return -1;
	}
	s->children = xcalloc((size_t)s->config->max_connections, sizeof *s->children);
	return 0;
}

static int open_sockets(struct server *s, struct err *err)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(GATE_PORT) };
	sigset_t mask;
	int one = 1;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	s->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	s->events = operator_open_events();
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->signals < 0 || s->listener < 0 || s->events < 0)
		return err_set(err, "socket: %s", strerror(errno));
	setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s->listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(s->listener, 64) < 0)
		return err_set(err, "port %d: %s", GATE_PORT, strerror(errno));
	return 0;
}

static void reap(struct server *s)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (int i = 0; i < s->config->max_connections; i++)
			if (s->children[i] == pid) {
				s->children[i] = 0;
				s->n_children--;
			}
}

static void serve_one(struct server *s, int sock, const struct sockaddr_in *from)
{
	struct connection c = { s->config, sock, s->verdict_fd, { 0 } };
	sigset_t none;
	int one = 1;

	close(s->listener);
	close(s->signals);
	close(s->events);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsockopt(sock, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	inet_ntop(AF_INET, &from->sin_addr, c.peer, sizeof c.peer);
	connection_serve(&c);
}

static void accept_one(struct server *s)
{
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof from;
	int sock = accept4(s->listener, (struct sockaddr *)&from, &len, SOCK_CLOEXEC), slot = 0;
	pid_t pid;

	if (sock < 0)
		return;
	while (s->children[slot])
		slot++;
	pid = fork();
	if (pid == 0)
		serve_one(s, sock, &from);
	close(sock);
	if (pid < 0) {
		fprintf(stderr, "git-gate: fork: %s\n", strerror(errno));
		return;
	}
	s->children[slot] = pid;
	s->n_children++;
}

/* Returns true when it is time to go. */
static bool take_signals(struct server *s)
{
	struct signalfd_siginfo info;
	bool is_over = false;

	while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
		is_over |= info.ssi_signo != SIGCHLD;
	reap(s);
	return is_over;
}

static void loop(struct server *s)
{
	for (;;) {
		/* Too many at once: those who come now wait in the socket's queue. */
		bool is_full = s->n_children == s->config->max_connections;
		struct pollfd p[3] = { { .fd = is_full ? -1 : s->listener, .events = POLLIN },
			               { .fd = s->signals, .events = POLLIN },
			               { .fd = s->events, .events = POLLIN } };

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents && take_signals(s))
			break;
		if (p[2].revents)
			operator_pass_on(s->events, s->verdict_fd);
		if (p[0].revents)
			accept_one(s);
	}
	/* What they run dies with them (PR_SET_PDEATHSIG all the way down). */
	for (int i = 0; i < s->config->max_connections; i++)
		if (s->children[i])
			kill(s->children[i], SIGKILL);
	dir_remove(GATE_SCRATCH);
}

int serve_main(void)
{
	struct server s = { .listener = -1, .signals = -1, .events = -1 };
	struct buf version = BUF_INIT(64);
	struct err err = { { 0 } };

	set_environment();
	/* Verdicts alone go to stdout: whatever else might print there goes to stderr. */
	s.verdict_fd = fcntl(1, F_DUPFD_CLOEXEC, 3);
	dup2(2, 1);
	if (s.verdict_fd < 0 || prepare(&s, &err) < 0 || scanner_version(&version, &err) < 0 ||
	    open_sockets(&s, &err) < 0) {
		fprintf(stderr, "git-gate: %s\n", err.msg);
		buf_done(&version);
		config_free(s.config);
		free(s.children);
		return 1;
	}
	verdict_emit(s.verdict_fd, &(struct verdict){ .event = "gate.ready",
	                                              .scanner = "gitleaks",
	                                              .scanner_version = version.data,
	                                              .repos = s.config->n_repos });
	loop(&s);
	buf_done(&version);
	config_free(s.config);
	free(s.children);
	return 0;
}
