#include "core/skills.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/collect.h"
#include "core/err.h"
#include "core/file_sink.h"
#include "core/mem.h"

static bool is_name(const char *s)
{
	if (*s == '\0' || *s == '.' || strlen(s) > SKILLS_NAME_MAX)
		return false;
	for (; *s; s++)
		if (*s == '/' || (unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* The skill's folder, which may be reached through links; -1 with err. */
static int open_skill(const char *name, const char *home, struct err *err)
{
	CLEANUP_FREE char *path = NULL;
	int fd;

	if (!is_name(name))
		return err_set(err, ERR_INPUT,
			       "'%.100s' is not a skill's name: write the name of one folder in "
			       "~/.claude/skills", name);
	path = xasprintf("%s/.claude/skills/%s", home, name);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_INPUT, "there is no skill '%s': make the folder %s", name,
			       path);
	if (fd < 0)
		return err_errno(err, ERR_INPUT, errno, "skill '%s': %s", name, path);
	return fd;
}

int skills_check_name(const char *name, const char *home, struct err *err)
{
	CLEANUP_CLOSE int fd = open_skill(name, home, err);

	return fd < 0 ? -1 : 0;
}

size_t skills_check(char *const *names, const char *home, char ***faults, size_t *n_faults)
{
	size_t bad = 0;

	for (; names && *names; names++) {
		struct err err = { ERR_NONE, "" };

		if (skills_check_name(*names, home, &err) < 0) {
			strv_push(faults, n_faults, xstrdup(err.msg));
			bad++;
		}
	}
	return bad;
}

int skills_collect(const char *name, const char *home, const struct file_sink *sink,
		   struct err *err)
{
	const struct collect_limits limits = { SKILLS_BYTES_MAX, SKILLS_FILE_BYTES_MAX,
					       SKILLS_FILES_MAX };
	CLEANUP_CLOSE int fd = open_skill(name, home, err);
	CLEANUP_FREE char *prefix = NULL;
	struct collect_stats stats = { 0 };
	struct collector c;
	int rc;

	if (fd < 0)
		return -1;
	if (sink->dir(sink->arg, name, 0755, err) < 0)
		return -1;
	prefix = xasprintf("%s/", name);
	collect_init(&c, sink, &limits, &stats, fd);
	c.prefix = prefix;
	c.links_must_stay = true;
	rc = collect_all(&c, err);
	collect_done(&c);
	collect_stats_done(&stats);
	/* The sink's errors already say what it was doing. */
	return rc < 0 ? err_wrap(err, "skill '%s'", name) : 0;
}
