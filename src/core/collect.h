/* Collecting one folder's files into a sink, under caps.
 *
 * A collector keeps the promises of core/file_sink.h: folders before what lies
 * in them, no path twice, no link that leads out, nothing beneath a link. What
 * it leaves out it notes; what passes a cap is an error.
 *
 * Paths come from a sorted list (collect_path, in strcmp order) or from the
 * folder itself (collect_all).
 */
#ifndef CORE_COLLECT_H
#define CORE_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct file_sink;

struct collect_limits {
	uint64_t total_bytes;	/* of all files together */
	uint64_t file_bytes;	/* of one file */
	size_t entries;		/* files, links and folders together */
};

#define COLLECT_NOTES_MAX 100	/* the first ones are kept */

struct collect_stats {
	size_t files;
	size_t links;
	size_t dirs;
	uint64_t bytes;
	char **notes;		/* one line each: "path: why"; NULL when none */
	size_t n_notes;
	size_t n_noted;		/* how many there were; more than are kept, maybe */
};

void collect_stats_done(struct collect_stats *stats);

struct collector {
	const struct file_sink *sink;
	struct collect_limits limits;
	struct collect_stats *stats;
	int dirfd;		/* the folder; borrowed */
	const char *prefix;	/* put before each path, "name/"; NULL for none */
	bool links_must_stay;	/* a link that leads out is an error, not a note */

	/* private */
	char *at;		/* the folder given to the sink last, "" is the top */
	int at_fd;		/* it, or -1 */
	int at_errnum;		/* why it could not be opened */
	char **leaves;		/* paths beneath which nothing may come, in order */
	size_t n_leaves;
};

/* All pointers are borrowed; stats is only added to. */
void collect_init(struct collector *c, const struct file_sink *sink,
		  const struct collect_limits *limits, struct collect_stats *stats, int dirfd);
void collect_done(struct collector *c);

#define COLLECT_MAY_BE_DIR	(1u << 0)	/* a folder is put, empty; else it is noted */
#define COLLECT_MAY_BE_GONE	(1u << 1)	/* nothing there is no note */

/* Put what is at `path` now: a file or a link. Paths must come in strcmp order. */
int collect_path(struct collector *c, const char *path, unsigned flags, struct err *err);

/* Put the whole folder. What is called .git is left out, and so is any folder
 * beneath that has one: a repository of its own, whose ignore rules we have not read. */
int collect_all(struct collector *c, struct err *err);

/* Put bytes of our own; counted and capped (but by file_bytes) like any file. */
int collect_put_dir(struct collector *c, const char *path, struct err *err);
int collect_put_file(struct collector *c, const char *path, unsigned mode, const void *data,
		     size_t len, struct err *err);

/* Note what was done with `path` and may surprise: mostly that it was left out. */
void collect_note(struct collector *c, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
