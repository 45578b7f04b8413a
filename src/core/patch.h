/* What a push changes, for a person to read: the gate's diff as a model.
 *
 * The gate keeps one section for each commit, "commit OID" and a unified diff
 * (docs/sidecars.md, "The spool"); each is read by libgit2's patch parser. Lines
 * know their numbers in the old and the new file, and the finding that is there.
 * A section that cannot be read says why, and the others are there all the same.
 *
 * Everything is bounded (PATCH_*_MAX); what is beyond is left out and is_cut says
 * so. Text is the agent's and hostile: names and lines must pass core/text when
 * they are shown. Lines may hold tabs.
 */
#ifndef CORE_PATCH_H
#define CORE_PATCH_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct push;

#define PATCH_COMMITS_MAX 1000
#define PATCH_FILES_MAX 5000
#define PATCH_LINES_MAX 200000

enum patch_line_kind {
	PATCH_CONTEXT,
	PATCH_ADDED,
	PATCH_REMOVED,
	PATCH_NOTE, /* "\ No newline at end of file" */
};

struct patch_line {
	enum patch_line_kind kind;
	unsigned old_line, new_line; /* 0: not there */
	int finding;                 /* index into push.findings, or -1 */
	const char *text;            /* without its newline, not NUL-terminated */
	size_t len;
};

struct patch_hunk {
	unsigned old_start, old_count, new_start, new_count;
	char *context; /* what git says the hunk is in, as a function; may be "" */
	struct patch_line *lines;
	size_t n_lines;
};

enum patch_change { PATCH_MODIFIED, PATCH_MADE, PATCH_DELETED };

struct patch_file {
	enum patch_change change;
	char *old_path, *new_path; /* the same but when it is made or deleted; never NULL */
	bool is_binary;            /* no hunks then */
	unsigned old_mode, new_mode;
	size_t added, removed; /* of the lines that are here */
	struct patch_hunk *hunks;
	size_t n_hunks;
};

struct patch_commit {
	char *oid;
	char *fault; /* why it could not be read; NULL when it could */
	struct patch_file *files;
	size_t n_files;
};

struct patch {
	struct patch_commit *commits; /* the newest first */
	size_t n_commits;
	size_t n_lines; /* of all of them */
	size_t n_marked; /* lines with a finding */
	bool is_cut;     /* not all of the push is here: the gate or we left something out */
	char *text;      /* of the lines */
};

/* Read the diff of p, which may be freed afterwards. Fails only when there is no
 * diff: ERR_FAILED. */
int patch_read(struct patch **out, const struct push *p, struct err *err);

void patch_free(struct patch *patch); /* NULL is fine */

#endif
