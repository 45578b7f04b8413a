#include "core/install.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/paths.h"

#define TRIES 3

int random_id(char out[RANDOM_ID_SIZE], struct err *err)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bytes[RANDOM_ID_SIZE / 2];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		return err_errno(err, ERR_FAILED, errno, "random numbers");
	for (size_t i = 0; i < sizeof bytes; i++) {
		out[2 * i] = hex[bytes[i] >> 4];
		out[2 * i + 1] = hex[bytes[i] & 15];
	}
	out[RANDOM_ID_SIZE - 1] = '\0';
	return 0;
}

/* 1 when it was read, 0 when there is no such file. */
static int read_id(char id[RANDOM_ID_SIZE], const char *path, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, ERR_FAILED, errno, "%s", path);
	n = read(fd, id, RANDOM_ID_SIZE - 1);
	if (n < 0)
		return err_errno(err, ERR_FAILED, errno, "%s", path);
	id[n] = '\0';
	if (strspn(id, "0123456789abcdef") != RANDOM_ID_SIZE - 1)
		return err_set(err, ERR_FAILED,
		               "%s does not hold an installation's id; restore it, or remove it "
		               "once no session of it is left",
		               path);
	return 1;
}

/* Written whole to a file of its own, then linked: who comes second sees it. */
static int make_id(const char *path, struct err *err)
{
	CLEANUP_FREE char *own = xasprintf("%s.%ld", path, (long)getpid());
	char id[RANDOM_ID_SIZE];
	int fd, rc = 0;

	if (random_id(id, err) < 0)
		return -1;
	fd = open(own, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, ERR_FAILED, errno,
		                 "%s cannot be made, and a folder for it must be there: see "
		                 "XDG_STATE_HOME",
		                 path);
	if (write(fd, id, sizeof id - 1) != (ssize_t)sizeof id - 1)
		rc = err_errno(err, ERR_FAILED, errno, "writing %s", path);
	close(fd);
	if (rc == 0 && link(own, path) < 0 && errno != EEXIST)
		rc = err_errno(err, ERR_FAILED, errno, "making %s", path);
	unlink(own);
	return rc;
}

int install_id(char **out, const char *state_dir, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/install-id", state_dir);
	char id[RANDOM_ID_SIZE];

	if (paths_make(state_dir, err) < 0)
		return -1;
	for (int i = 0; i < TRIES; i++) {
		int rc = read_id(id, path, err);

		if (rc < 0 || (rc == 0 && make_id(path, err) < 0))
			return -1;
		if (rc > 0) {
			*out = xstrdup(id);
			return 0;
		}
	}
	return err_set(err, ERR_FAILED, "%s cannot be made", path);
}
