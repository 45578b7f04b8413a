#include "entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "envlist.h"

/* Up to and without the line feed, a byte at a time: what follows is the list. */
static int read_header(int in, char *line, size_t cap)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = read(in, line + n, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1)
			return -1;
		if (line[n] == '\n') {
			line[n] = '\0';
			return 0;
		}
		if (++n == cap)
			return -1;
	}
}

static int read_whole(int in, char *buf, size_t len)
{
	size_t n = 0;

	while (n < len) {
		ssize_t got = read(in, buf + n, len - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		n += (size_t)got;
	}
	return 0;
}

static int write_whole(int fd, const char *buf, size_t len)
{
	size_t n = 0;

	while (n < len) {
		ssize_t put = write(fd, buf + n, len - n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		n += (size_t)put;
	}
	return 0;
}

/* The entry waits for the name, so the file must be whole before it has it. */
static int store(const char *dir, const char *list, size_t len)
{
	static const char half[] = ".env.new";
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1, rc = -1;

	if (dirfd < 0)
		goto out;
	if (unlinkat(dirfd, half, 0) < 0 && errno != ENOENT)
		goto out;
	fd = openat(dirfd, half, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write_whole(fd, list, len) < 0)
		goto out;
	rc = renameat(dirfd, half, dirfd, ENVLIST_FILE);
out:
	if (rc < 0)
		fprintf(stderr, "receive: %s: %s\n", dir, strerror(errno));
	if (fd >= 0) {
		if (rc < 0)
			unlinkat(dirfd, half, 0);
		close(fd);
	}
	if (dirfd >= 0)
		close(dirfd);
	return rc;
}

int receive_list(int in, const char *dir)
{
	static char list[ENVLIST_MAX];
	char line[ENVLIST_HEADER_MAX];
	size_t len = 0;
	int rc = -1;

	if (read_header(in, line, sizeof line) < 0 || envlist_header(&len, line) < 0) {
		fputs("receive: the first line is not CBENV1 and a length of at most 1 MiB\n",
		      stderr);
		return -1;
	}
	if (read_whole(in, list, len) < 0)
		fputs("receive: the list ends early\n", stderr);
	else if (!envlist_is_sound(list, len))
		fputs("receive: not a list of NAME=VALUE, each with a NUL after it\n", stderr);
	else
		rc = store(dir, list, len);
	explicit_bzero(list, len);
	return rc;
}

int receive_main(int argc, char **argv)
{
	(void)argv;
	if (argc != 0) {
		fputs("usage: helper receive < DELIVERY\n", stderr);
		return 2;
	}
	umask(077);
	if (receive_list(STDIN_FILENO, ENVLIST_DIR) < 0)
		return 1;
	puts("ok");
	return fflush(stdout) == 0 ? 0 : 1;
}
