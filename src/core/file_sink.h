/* Where collected files go.
 *
 * Whoever collects files (core/repo, core/skills) puts them into a sink and
 * knows nothing of tar or of an engine; whoever makes a sink knows nothing of
 * repositories. The collector promises:
 *   - a path is relative to the destination, has no empty, "." or ".."
 *     component, no leading or trailing '/', and no path is given twice;
 *   - a directory comes before what lies in it, and the destination itself is
 *     never given;
 *   - nothing is ever put beneath a path that was given as a symbolic link;
 *   - mode holds permission bits only (at most 0777), never setuid or sticky;
 *   - a link's target is relative and stays inside the destination;
 *   - data is valid during the call only, and may be NULL when len is 0.
 * Paths, targets and data are bytes of the user's disk: not always UTF-8, and
 * with control characters if somebody wished.
 *
 * Each function returns 0, or -1 with err filled; the collector then stops and
 * hands that error on as it is.
 */
#ifndef CORE_FILE_SINK_H
#define CORE_FILE_SINK_H

#include <stddef.h>

struct err;

struct file_sink {
	int (*dir)(void *arg, const char *path, unsigned mode, struct err *err);
	int (*file)(void *arg, const char *path, unsigned mode, const void *data, size_t len,
		    struct err *err);
	int (*symlink)(void *arg, const char *path, const char *target, struct err *err);
	void *arg;
};

#endif
