#include "core/repo.h"

#include <string.h>

#include "core/err.h"
#include "core/repo_priv.h"

void repo_stats_done(struct repo_stats *stats)
{
	collect_stats_done(&stats->files);
	collect_stats_done(&stats->git);
	memset(stats, 0, sizeof *stats);
}

/* Under .git only the total counts, and of that what the files have left. */
static int copy_git(const struct repo_src *src, struct collector *files,
		    const struct repo_limits *limits, struct repo_stats *stats, struct err *err)
{
	struct collect_limits rest = limits->files;
	struct collector c;
	int rc;

	rest.total_bytes -= stats->files.bytes;
	collect_init(&c, files->sink, &rest, &stats->git, src->dirfd);
	rc = repo_put_git(src->git, &c, files, limits->objects, stats, err);
	collect_done(&c);
	return rc < 0 ? err_wrap(err, "%s", src->dir) : 0;
}

static int copy_opened(const struct repo_src *src, const struct file_sink *sink,
		       const struct repo_limits *limits, struct repo_stats *stats, struct err *err)
{
	struct collector c;
	int rc;

	collect_init(&c, sink, &limits->files, &stats->files, src->dirfd);
	if (!src->git) {
		rc = collect_all(&c, err);
		collect_note(&c, src->dir, "not a git repository: all its files were taken");
	} else {
		rc = repo_put_files(src, &c, err);
		if (rc == 0 && *src->sub)
			collect_note(&c, src->dir, "a folder inside a git work tree: copied "
				     "without its history");
		else if (rc == 0)
			rc = copy_git(src, &c, limits, stats, err);
	}
	collect_done(&c);
	return rc;
}

int repo_copy(const char *dir, const char *root, const struct file_sink *sink,
	      const struct repo_limits *limits, struct repo_stats *stats, struct err *err)
{
	static const struct repo_limits defaults = REPO_LIMITS_DEFAULT;
	struct repo_stats own = { 0 };
	struct repo_src src;
	int rc;

	if (stats)
		memset(stats, 0, sizeof *stats);
	rc = repo_src_open(&src, dir, root, err);
	if (rc == 0)
		rc = copy_opened(&src, sink, limits ? limits : &defaults, stats ? stats : &own,
				 err);
	repo_src_done(&src);
	repo_stats_done(&own);
	return rc;
}
