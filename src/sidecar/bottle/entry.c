#include "entry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "envlist.h"

int entry_options(struct entry_options *out, int argc, char **argv)
{
	struct entry_options o = { 0 };
	int i = 0;

	for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
		if (strcmp(argv[i], "--dir") == 0)
			o.dir = argv[i + 1];
		else if (strcmp(argv[i], "--clone") == 0)
			o.clone = argv[i + 1];
		else
			return -1;
	}
	if (i + 1 >= argc || strcmp(argv[i], "--") != 0 || (o.clone != NULL && o.dir == NULL))
		return -1;
	o.command = argv + i + 1;
	*out = o;
	return 0;
}

static void end_waiting(int sig)
{
	_exit(128 + sig);
}

/* 20 ms: unnoticed after the seconds of a launch, and next to no work. inotify
 * would need the same loop where a sandbox does not have it. */
static int wait_for_list(void)
{
	const struct timespec tick = { .tv_nsec = 20 * 1000 * 1000 };
	struct sigaction end = { .sa_handler = end_waiting };
	struct sigaction usual = { .sa_handler = SIG_DFL };
	int fd;

	/* a handler, as the first process of a container has no default actions */
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	while ((fd = open(ENVLIST_DIR "/" ENVLIST_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
		if (errno != ENOENT) {
			perror("entry: " ENVLIST_DIR "/" ENVLIST_FILE);
			return -1;
		}
		nanosleep(&tick, NULL);
	}
	sigaction(SIGTERM, &usual, NULL);
	sigaction(SIGINT, &usual, NULL);
	return fd;
}

/* What the list holds becomes our environment. The buffer stays: putenv keeps
 * pointers into it. The file goes, so that the values are in one place less. */
static int take_list(int fd)
{
	static char list[ENVLIST_MAX + 1];
	size_t len = 0, at = 0;
	ssize_t got;
	char *entry;

	while ((got = read(fd, list + len, sizeof list - len)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		len += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	if (unlink(ENVLIST_DIR "/" ENVLIST_FILE) < 0)
		perror("entry: " ENVLIST_DIR "/" ENVLIST_FILE);
	if (got < 0 || len > ENVLIST_MAX || !envlist_is_sound(list, len)) {
		fputs("entry: the environment that arrived cannot be read\n", stderr);
		return -1;
	}
	while ((entry = envlist_next(list, len, &at)) != NULL)
		if (putenv(entry) != 0) {
			perror("entry: environment");
			return -1;
		}
	return 0;
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool empty = true;

	if (d == NULL)
		return false;
	while (empty && (e = readdir(d)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	closedir(d);
	return empty;
}

static int clone_into(const char *url)
{
	int status = 0;
	pid_t pid;

	if (!is_empty("."))
		return 0;
	pid = fork();
	if (pid < 0) {
		perror("entry: fork");
		return -1;
	}
	if (pid == 0) {
		/* nobody can answer before the agent is there */
		setenv("GIT_TERMINAL_PROMPT", "0", 1);
		execlp("git", "git", "clone", "--", url, ".", (char *)NULL);
		fprintf(stderr, "entry: git: %s\n", strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			perror("entry: git");
			return -1;
		}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		fprintf(stderr, "entry: git clone %s ended with %d; the agent was not started\n",
			url, WEXITSTATUS(status));
	else
		fprintf(stderr,
			"entry: git clone %s was ended by signal %d; the agent was not started\n",
			url, WTERMSIG(status));
	return -1;
}

int entry_main(int argc, char **argv)
{
	struct entry_options o;
	int fd;

	if (entry_options(&o, argc, argv) < 0) {
		fputs("usage: helper entry [--dir DIR [--clone URL]] -- COMMAND [ARG...]\n",
		      stderr);
		return 2;
	}
	fd = wait_for_list();
	if (fd < 0 || take_list(fd) < 0)
		return 1;
	if (o.dir != NULL) {
		if (mkdir(o.dir, 0755) < 0 && errno != EEXIST) {
			fprintf(stderr, "entry: %s: %s\n", o.dir, strerror(errno));
			return 1;
		}
		if (chdir(o.dir) < 0) {
			fprintf(stderr, "entry: %s: %s\n", o.dir, strerror(errno));
			return 1;
		}
		setenv("PWD", o.dir, 1);
	}
	if (o.clone != NULL && clone_into(o.clone) < 0)
		return 1;
	execvp(o.command[0], o.command);
	fprintf(stderr, "entry: %s: %s\n", o.command[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
