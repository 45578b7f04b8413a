#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive.h"
#include "batch.h"
#include "gate.h"
#include "patch.h"
#include "proto.h"
#include "run.h"
#include "scanner.h"
#include "stream.h"
#include "util.h"

#define TAG_DEPTH 8
#define REVIEW_MS 10000 /* for git to say what the push changes */
#define MOVES_MS 5000   /* and what it does to its refs */

struct job {
	struct scan *s;
	int64_t deadline;
	struct stream *stream;
	struct scanner scanner;
	struct err err;
	/* canaries that were reported */
	bool *seen;
	/* the object that is being read */
	struct buf head;
	char oid[65];
	enum place place;
	int64_t line;
	/* ids of the tags of this round, and what those of the last lead to */
	struct buf tags;
	bool is_refused;
	struct archives archives;
};

/* --- text into the stream ---------------------------------------------------------- */

static void lines_in(struct job *j, const char *data, size_t len)
{
	while (len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;

		stream_text(j->stream, j->line, data, n, end != NULL);
		j->line += end != NULL;
		n += end != NULL;
		data += n;
		len -= n;
	}
}

static int object_begin(void *ctx, const char *oid, const char *type, uint64_t size,
                        struct err *err)
{
	struct job *j = ctx;

	(void)size;
	if (strcmp(type, j->place == PLACE_TAG ? "tag" : "commit") != 0)
		return err_set(err, "%s is a %.20s", oid, type);
	stream_object(j->stream, j->place, oid);
	snprintf(j->oid, sizeof j->oid, "%s", oid);
	j->line = 1;
	buf_reset(&j->head);
	return 0;
}

static int object_data(void *ctx, const char *data, size_t len, struct err *err)
{
	struct job *j = ctx;
	size_t room = j->head.max - j->head.len;

	(void)err;
	buf_add(&j->head, data, len < room ? len : room);
	lines_in(j, data, len);
	return 0;
}

/* "object ID\ntype TYPE\n": what a tag leads to. */
static int object_end(void *ctx, struct err *err)
{
	struct job *j = ctx;
	const char *head = buf_str(&j->head), *type = strstr(head, "\ntype ");

	stream_text(j->stream, j->line, "", 0, true);
	if (j->place != PLACE_TAG) {
		review_commit(&j->s->review, j->oid, head);
		return 0;
	}
	if (strncmp(head, "object ", 7) != 0 || !type)
		return err_set(err, "a tag object without an object");
	if (strncmp(type + 6, "tag\n", 4) == 0) {
		buf_add(&j->tags, head + 7, strcspn(head + 7, "\n"));
		buf_addc(&j->tags, '\n');
	} else if (strncmp(type + 6, "commit\n", 7) != 0) {
		j->is_refused = true;
	}
	return 0;
}

static const struct batch_events into_stream = { object_begin, object_data, object_end };

/* --- which objects ------------------------------------------------------------------- */

static char *scratch_file(const struct job *j, const char *name)
{
	return xasprintf("%s/%s", j->s->scratch, name);
}

struct commit_list {
	int fd;
	size_t n;
};

static int commits_in(void *ctx, const char *data, size_t len, struct err *err)
{
	struct commit_list *list = ctx;

	for (size_t i = 0; i < len; i++)
		list->n += data[i] == '\n';
	return fd_write(list->fd, data, len) < 0 ? err_set(err, "scratch: %s", strerror(errno)) : 0;
}

/* Commits that the push brings: reachable from its refs, and from none of ours. */
static int list_commits(struct job *j, const char *path)
{
	const struct ref_updates *u = j->s->refs;
	const char **argv = xcalloc(u->n + 6, sizeof *argv);
	struct commit_list list = { .fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) };
	struct command c = { .argv = argv };
	size_t n = 0;
	int rc;

	argv[n++] = GATE_GIT;
	argv[n++] = "rev-list";
	for (size_t i = 0; i < u->n; i++)
		if (!oid_is_zero(u->v[i].new))
			argv[n++] = u->v[i].new;
	argv[n++] = "--not";
	argv[n++] = "--all";
	rc = list.fd < 0 ? err_set(&j->err, "%s: %s", path, strerror(errno))
	                 : run_read(&c, commits_in, &list, NULL, j->deadline, &j->err);
	if (list.fd >= 0)
		close(list.fd);
	free(argv);
	j->s->commits = list.n;
	return rc;
}

/* Each new value must be a commit, or a chain of tags that ends at one. */
static int read_tags(struct job *j)
{
	static const char *const argv[] = { GATE_GIT, "cat-file", "--batch-check", NULL };
	struct buf ids = BUF_INIT(1U << 20), types = BUF_INIT(1U << 20);
	char *path = scratch_file(j, "ids"), *line, *rest;
	struct command c = { .argv = argv };
	int rc = -1;

	for (size_t i = 0; i < j->s->refs->n; i++)
		if (!oid_is_zero(j->s->refs->v[i].new))
			buf_addf(&ids, "%s\n", j->s->refs->v[i].new);
	if (file_write(path, ids.data, ids.len, &j->err) < 0)
		goto out;
	c.in = open(path, O_RDONLY | O_CLOEXEC);
	rc = run_read(&c, run_into_buf, &types, NULL, j->deadline, &j->err);
	close(c.in);
	if (rc < 0)
		goto out;
	buf_adds(&types, "");
	for (line = types.data; (rest = strchr(line, '\n')); line = rest + 1) {
		*rest = '\0';
		if (strstr(line, " tag "))
			buf_addf(&j->tags, "%.*s\n", (int)strcspn(line, " "), line);
		else if (!strstr(line, " commit "))
			j->is_refused = true;
	}
	j->place = PLACE_TAG;
	for (int depth = 0; j->tags.len > 0 && rc == 0; depth++) {
		rc = file_write(path, j->tags.data, j->tags.len, &j->err);
		buf_reset(&j->tags);
		j->is_refused |= depth == TAG_DEPTH;
		if (rc == 0 && depth < TAG_DEPTH)
			rc = batch_run(path, &into_stream, j, j->deadline, &j->err);
	}
out:
	buf_done(&ids);
	buf_done(&types);
	free(path);
	return rc;
}

/* --- the changes --------------------------------------------------------------------- */

static void on_commit(void *ctx, const char *oid)
{
	stream_commit(((struct job *)ctx)->stream, oid);
}

static void on_name(void *ctx, const char *path, size_t len)
{
	stream_name(((struct job *)ctx)->stream, PLACE_PATH, path, len);
}

static void on_file(void *ctx, const char *path, size_t len, const char *oid)
{
	stream_file(((struct job *)ctx)->stream, path, len, oid);
}

static void on_text(void *ctx, int64_t line, const char *data, size_t len, bool is_last)
{
	stream_text(((struct job *)ctx)->stream, line, data, len, is_last);
}

static int to_patch(void *ctx, const char *data, size_t len, struct err *err)
{
	return patch_feed(ctx, data, len, err);
}

/* Merges against each parent (-m), binary files as text, no attribute, rename,
 * filter or configuration that could leave a line out. */
static int read_changes(struct job *j, const char *commits)
{
	static const char *const argv[] = { GATE_GIT,
		                            "-c",
		                            "core.quotePath=false",
		                            "diff-tree",
		                            "--stdin",
		                            "--root",
		                            "-r",
		                            "-t",
		                            "-m",
		                            "--raw",
		                            "-p",
		                            "-U0",
		                            "--text",
		                            "--full-index",
		                            "--no-renames",
		                            "--no-textconv",
		                            "--no-ext-diff",
		                            "--no-color",
		                            "--diff-algorithm=myers",
		                            "--submodule=short",
		                            "--ignore-submodules=none",
		                            "--src-prefix=a/",
		                            "--dst-prefix=b/",
		                            NULL };
	static const struct patch_events events = { on_commit, on_name, on_file, on_text };
	struct patch_reader *reader = patch_new(&events, j);
	struct command c = { .argv = argv };
	int rc;

	c.in = open(commits, O_RDONLY | O_CLOEXEC);
	if (c.in < 0) {
		patch_free(reader);
		return err_set(&j->err, "%s: %s", commits, strerror(errno));
	}
	rc = run_read(&c, to_patch, reader, NULL, j->deadline, &j->err);
	close(c.in);
	if (rc == 0)
		rc = patch_finish(reader, &j->err);
	patch_free(reader);
	return rc;
}

/* --- findings ------------------------------------------------------------------------ */

static bool is_canary(struct job *j, const char *secret)
{
	bool is = false;

	for (size_t i = 0; i < stream_n_canaries(j->stream); i++)
		if (strcmp(secret, stream_canary(j->stream, i)) == 0)
			is = j->seen[i] = true;
	return is;
}

static int on_stream_finding(void *ctx, const struct raw_finding *f)
{
	struct job *j = ctx;
	struct finding one = { 0 };
	const struct entry *e;
	bool is_content = false;

	if (is_canary(j, f->secret))
		return 0;
	e = stream_find(j->stream, f->file, f->line, &is_content);
	if (!e)
		return err_set(&j->err, "gitleaks reports what it was not given: %.40s", f->file);
	one.rule = (char *)(uintptr_t)f->rule; /* findings_add() copies */
	one.secret = (char *)(uintptr_t)f->secret;
	one.name = e->name;
	one.place = e->place;
	one.source = e->place != PLACE_FILE        ? SOURCE_META
	             : is_content || f->is_decoded ? SOURCE_CONTENT
	                                           : SOURCE_DIFF;
	one.is_decoded = f->is_decoded || is_content;
	one.line = e->place == PLACE_FILE ? f->line : 0;
	snprintf(one.commit, sizeof one.commit, "%s", e->commit ? e->commit : "");
	if (e->place == PLACE_REVIEW) {
		one.place = PLACE_FILE;
		findings_add(&j->s->shown, &one);
	} else {
		findings_add(&j->s->findings, &one);
	}
	return 0;
}

static int finish_stream(struct job *j)
{
	size_t n;

	if (stream_finish(j->stream, &j->err) < 0 && now_ms() < j->deadline) {
		/* The scanner's own words are better than "it stopped reading". */
		struct err why = { { 0 } };

		j->seen = xcalloc(stream_n_canaries(j->stream), sizeof *j->seen);
		if (scanner_finish(&j->scanner, on_stream_finding, j, &why) < 0)
			j->err = why;
		return -1;
	}
	n = stream_n_canaries(j->stream);
	j->seen = xcalloc(n, sizeof *j->seen);
	if (scanner_finish(&j->scanner, on_stream_finding, j, &j->err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!j->seen[i])
			return err_set(&j->err, "the scanner missed a canary (%zu of %zu)", i + 1,
			               n);
	return 0;
}

/* --- what a person is shown ------------------------------------------------------------ */

static int64_t within(const struct job *j, int ms)
{
	int64_t until = now_ms() + ms;

	return until < j->deadline ? until : j->deadline;
}

static void read_review(struct job *j)
{
	char *ids = scratch_file(j, "review");

	if (j->s->commits > 0) {
		review_read(&j->s->review, ids, within(j, REVIEW_MS));
		review_scan(&j->s->review, j->stream);
	}
	review_moves(&j->s->review, j->s->refs, within(j, MOVES_MS));
	free(ids);
}

/* --- all of it ------------------------------------------------------------------------ */

static int read_push(struct job *j, const char *commits)
{
	for (size_t i = 0; i < j->s->refs->n; i++)
		if (!oid_is_zero(j->s->refs->v[i].new))
			stream_name(j->stream, PLACE_REF, j->s->refs->v[i].ref,
			            strlen(j->s->refs->v[i].ref));
	if (list_commits(j, commits) < 0 || read_tags(j) < 0)
		return -1;
	if (j->is_refused)
		return err_set(&j->err, "a ref does not lead to a commit");
	j->place = PLACE_COMMIT;
	if (j->s->commits > 0 && (batch_run(commits, &into_stream, j, j->deadline, &j->err) < 0 ||
	                          read_changes(j, commits) < 0))
		return -1;
	read_review(j);
	if (finish_stream(j) < 0)
		return -1;
	return archives_scan(&j->archives, &j->err);
}

static enum scan_result result(struct job *j, int rc)
{
	struct scan *s = j->s;

	s->is_complete = rc == 0;
	findings_settle(&s->findings);
	if (s->findings.n)
		return SCAN_FOUND; /* enough to refuse, whatever else there may be */
	if (rc == 0)
		return SCAN_CLEAN;
	if (j->is_refused || j->archives.is_refused) {
		snprintf(s->reason, sizeof s->reason, "%.250s", j->err.msg);
		return SCAN_REFUSED;
	}
	if (now_ms() >= j->deadline) {
		snprintf(s->reason, sizeof s->reason, "scan timed out (limit %d s)", s->limit_s);
	} else {
		snprintf(s->reason, sizeof s->reason, "the scan gave no verdict");
		snprintf(s->detail, sizeof s->detail, "%.500s", j->err.msg);
	}
	return SCAN_ERROR;
}

enum scan_result scan_push(struct scan *s)
{
	struct job j = { .s = s, .deadline = now_ms() + s->limit_s * 1000LL };
	char *commits = xasprintf("%s/commits", s->scratch);
	enum scan_result r;
	int rc;

	j.head.max = 4096;
	j.tags.max = 1U << 20;
	j.scanner = (struct scanner){
		.scratch = s->scratch, .name = "stream-run", .deadline = j.deadline, .pipe = -1
	};
	j.stream = stream_new(scanner_write, &j.scanner);
	j.archives = (struct archives){ .stream = j.stream,
		                        .findings = &s->findings,
		                        .scratch = s->scratch,
		                        .deadline = j.deadline };
	rc = scanner_start_stream(&j.scanner, &j.err);
	if (rc == 0)
		rc = read_push(&j, commits);
	scanner_stop(&j.scanner);
	r = result(&j, rc);
	free(j.seen);
	buf_done(&j.head);
	buf_done(&j.tags);
	stream_free(j.stream);
	free(commits);
	return r;
}

int stream_main(int argc, char **argv)
{
	static char chunk[65536];
	ssize_t n = 0;

	/* It also asks for the remote's URL, for links that nobody wants. */
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "log") == 0)
			n = 1;
	while (n > 0) {
		n = read(STREAM_FD, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0 && fd_write(1, chunk, (size_t)n) < 0)
			return 1;
	}
	return n < 0;
}
