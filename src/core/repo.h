/* A workspace by copy: the files of a folder of the user's, for an agent.
 *
 * Of a git work tree the agent gets what git would show: tracked files, and
 * untracked ones that are not ignored, with the bytes that the work tree has
 * now; and a .git made afresh, never the user's own:
 *   - one pack of what HEAD reaches and nothing else: no other branch, tag,
 *     stash or reflog, no loose or staged object;
 *   - HEAD and the current branch;
 *   - a config with the remotes' URLs (without passwords and tokens), how the
 *     branch tracks, and how files are compared (autocrlf and the like);
 *   - an index of HEAD: what was staged shows as modified, not as staged;
 *   - `shallow`, when the history is.
 * No hooks, info, alternates, worktrees or other config. No filter is applied
 * and nothing is executed; GIT_* variables count for nothing.
 *
 * Decisions:
 *   - A submodule is an empty folder and a note; so is nothing at all made of
 *     an untracked repository inside (its ignore rules are its own).
 *   - A folder inside a work tree is copied by that tree's rules, without .git.
 *   - A folder that is no repository: all its regular files, and a note.
 *   - The home folder and what contains it are refused; so is a bare repository.
 *   - What git-lfs and other filters keep outside git shows as modified in the
 *     copy, for the filter's commands are not copied.
 *   - Modes are 0755 or 0644, by the owner's x bit.
 *   - A pack needs a temporary folder in $TMPDIR or /tmp for a moment; one that
 *     a killed process left is removed by the next copy or repo_sweep().
 *
 * Functions block for as long as the files take and may run on any thread at
 * the same time; libgit2 is started once and stays.
 */
#ifndef CORE_REPO_H
#define CORE_REPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/collect.h"

struct err;
struct file_sink;

struct repo_limits {
	struct collect_limits files;	/* total_bytes counts files and .git together */
	size_t objects;			/* in the history */
};

#define REPO_LIMITS_DEFAULT \
	{ .files = { .total_bytes = 1ull << 30, .file_bytes = 256u << 20, .entries = 200000 }, \
	  .objects = 4000000 }

struct repo_stats {
	struct collect_stats files;	/* the work tree's, with the notes of everything */
	struct collect_stats git;	/* what was put under .git */
	bool has_git;
	size_t n_commits;
	size_t n_objects;
	uint64_t pack_bytes;
};

/* Put the folder `dir` into the sink. `root`, when not NULL, is a folder that
 * must contain it, links resolved (a project's manifest may not reach further):
 * then its git data may not come from elsewhere either, unless the other side
 * knows of it (a linked worktree, a submodule). limits NULL: the defaults. stats, when not
 * NULL, is filled also on failure as far as it got; free it with repo_stats_done().
 * ERR_INPUT for what the user can mend (not there, outside, over a cap). */
int repo_copy(const char *dir, const char *root, const struct file_sink *sink,
	      const struct repo_limits *limits, struct repo_stats *stats, struct err *err);

void repo_stats_done(struct repo_stats *stats);

/* A remote's URL without what is secret in it: the userinfo of http and the
 * like, the password of ssh, query and fragment. NULL for what is no address
 * (remote helpers, control bytes, a port that is none). The caller frees it. */
char *repo_url_public(const char *url);

/* Remove temporary folders that killed processes of this user left behind. */
void repo_sweep(void);

#endif
