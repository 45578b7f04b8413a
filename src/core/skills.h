/* Skills: folders under the user's ~/.claude/skills that an agent gets a copy of.
 *
 * A skill is named, never given as a path: one component without a leading
 * dot. The folder itself may be a link (people keep skills in a repository of
 * their own); beneath it nothing is followed, and a link that leads out of it
 * is an error. A skill's own .git, repositories in it, sockets and devices are
 * left out. At most SKILLS_FILES_MAX files of SKILLS_BYTES_MAX together.
 */
#ifndef CORE_SKILLS_H
#define CORE_SKILLS_H

#include <stddef.h>

struct err;
struct file_sink;

#define SKILLS_NAME_MAX		100
#define SKILLS_FILES_MAX	10000
#define SKILLS_BYTES_MAX	(64u << 20)
#define SKILLS_FILE_BYTES_MAX	(16u << 20)

/* Is this one name usable, and is its folder there? home is the user's home
 * folder. ERR_INPUT when not. For callers that say where each name stands. */
int skills_check_name(const char *name, const char *home, struct err *err);

/* Check all names (a NULL-terminated list or NULL). Each fault is appended to
 * *faults as one line; returns how many there were. */
size_t skills_check(char *const *names, const char *home, char ***faults, size_t *n_faults);

/* Put the skill's files into the sink, as "NAME/..."; the destination is thus
 * the agent's own skills folder. */
int skills_collect(const char *name, const char *home, const struct file_sink *sink,
		   struct err *err);

#endif
