#include "keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

int keeper_deadline(size_t *name_len, int64_t *at, const char *file)
{
	static const char mark[] = ".at-";
	const char *dot = strstr(file, mark), *s;
	int64_t n = 0;

	if (dot == NULL || dot == file || file[0] == '.')
		return -1;
	s = dot + sizeof mark - 1;
	if (*s == '\0' || strlen(s) > 12)
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		n = n * 10 + (*s - '0');
	}
	*name_len = (size_t)(dot - file);
	*at = n;
	return 0;
}

/* The due file with the smallest deadline; false when there is none. */
static bool find_due(int dirfd, int64_t now, char *file, int64_t *deadline, size_t *name_len)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	bool found = false;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((e = readdir(d)) != NULL) {
		struct stat st;
		size_t len = 0;
		int64_t at = 0;

		if (keeper_deadline(&len, &at, e->d_name) < 0 || at > now)
			continue;
		if (found && at >= *deadline)
			continue;
		if (fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		snprintf(file, KEEPER_NAME_MAX + 1, "%s", e->d_name);
		*deadline = at;
		*name_len = len;
		found = true;
	}
	closedir(d);
	return found;
}

int keeper_sweep(int dirfd, const char *dir, int64_t now)
{
	char file[KEEPER_NAME_MAX + 1], name[KEEPER_NAME_MAX + 1], shown[2 * KEEPER_NAME_MAX + 1];
	int64_t at = 0;
	size_t len = 0;
	int applied = 0;

	while (find_due(dirfd, now, file, &at, &len)) {
		memcpy(name, file, len);
		name[len] = '\0';
		if (renameat(dirfd, file, dirfd, name) < 0) {
			fprintf(stderr, "keeper: %s/%s: %s\n", dir, file, strerror(errno));
			break;
		}
		report_escape(shown, sizeof shown, name);
		printf("{\"v\":1,\"event\":\"keeper.applied\",\"file\":\"%s\",\"at\":%lld}\n",
		       shown, (long long)at);
		fflush(stdout);
		applied++;
	}
	return applied;
}

#define DIRS_MAX 16

int keeper_main(int argc, char **argv)
{
	sigset_t wanted;
	int fds[DIRS_MAX];

	if (argc < 1 || argc > DIRS_MAX) {
		fputs("usage: helper keeper DIR...\n", stderr);
		return 2;
	}
	for (int i = 0; i < argc; i++) {
		/* a volume of another uid is only held; there is nothing to look for in it */
		fds[i] = open(argv[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0 && errno != EACCES) {
			fprintf(stderr, "keeper: %s: %s\n", argv[i], strerror(errno));
			return 1;
		}
	}
	/* blocked and waited for: works the same as the container's first process */
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	do {
		for (int i = 0; i < argc; i++)
			if (fds[i] >= 0)
				keeper_sweep(fds[i], argv[i], time(NULL));
	} while (sigtimedwait(&wanted, NULL, &(struct timespec){ .tv_sec = 1 }) < 0);
	return 0;
}
