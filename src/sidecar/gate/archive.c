#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch.h"
#include "report.h"
#include "scanner.h"
#include "stream.h"
#include "text.h"
#include "util.h"

#define FOLDER "archives"

static const struct {
	const char *suffix, *magic;
	size_t len;
	bool is_stream;
} kinds[] = {
	{ ".zip", "PK\003\004", 4, false },
	{ ".gz", "\037\213\010", 3, true },
	{ ".bz2", "BZh", 3, true },
	{ ".xz", "\3757zXZ\0", 6, true },
	{ ".zst", "\050\265\057\375", 4, true },
	{ ".lz4", "\004\042\115\030", 4, true },
	{ ".7z", "7z\274\257\047\034", 6, false },
	{ ".rar", "Rar!\032\007", 6, false },
};

const char *archive_suffix(const char *head, size_t len)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (len >= kinds[i].len && memcmp(head, kinds[i].magic, kinds[i].len) == 0)
			return kinds[i].suffix;
	return NULL;
}

bool archive_is_stream(const char *suffix)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].suffix, suffix) == 0)
			return kinds[i].is_stream;
	return false;
}

struct job {
	struct archives *a;
	struct err *err; /* of a finding that cannot be */
	char *folder;
	char canary[21];
	bool is_canary_seen;
	/* the blob that is being read */
	char blob[65], head[ARCHIVE_HEAD];
	size_t head_len;
	uint64_t size;
	enum { KIND_UNKNOWN, KIND_ARCHIVE, KIND_OTHER } kind;
	int fd;
	/* copies: the number in a copy's name is an index here */
	char **blobs;
	size_t n_blobs, bytes;
};

/* The next file, from i on, that has this blob; NULL after the last. */
static const struct entry *file_of_blob(const struct job *j, const char *blob, size_t *i)
{
	for (; *i < stream_n_entries(j->a->stream); (*i)++) {
		const struct entry *e = stream_entry(j->a->stream, *i);

		if (e->blob && strcmp(e->blob, blob) == 0)
			return e;
	}
	return NULL;
}

static int on_finding(void *ctx, const struct raw_finding *f)
{
	struct job *j = ctx;
	const char *base = strstr(f->file, "/" FOLDER "/"), *inner = strchr(f->file, '!');
	const struct entry *e;
	unsigned long number;
	char *end = NULL;

	if (strcmp(f->secret, j->canary) == 0) {
		j->is_canary_seen = true;
		return 0;
	}
	base = base ? base + sizeof FOLDER + 1 : "";
	number = strtoul(base, &end, 10);
	if (end == base || number >= j->n_blobs)
		return err_set(j->err, "gitleaks reports a file that it was not given");
	for (size_t i = 0; (e = file_of_blob(j, j->blobs[number], &i)); i++) {
		struct finding one = {
			.rule = (char *)(uintptr_t)f->rule, /* findings_add() copies */
			.secret = (char *)(uintptr_t)f->secret,
			.name = xasprintf("%s%s", e->name, inner ? inner : ""),
			.place = PLACE_FILE,
			.source = SOURCE_CONTENT,
			.line = f->line,
		};

		snprintf(one.commit, sizeof one.commit, "%s", e->commit ? e->commit : "");
		findings_add(j->a->findings, &one);
		free(one.name);
	}
	return 0;
}

/* Scan the copies that are there, and remove them. */
static int scan_copies(struct job *j, struct err *err)
{
	struct scanner scanner = { .scratch = j->a->scratch,
		                   .name = "archives-run",
		                   .deadline = j->a->deadline,
		                   .pipe = -1 };
	char *file = xasprintf("%s/canary.txt", j->folder), text[64];
	int n = snprintf(text, sizeof text, "key = \"%s\"\n", j->canary);
	int rc = file_write(file, text, (size_t)n, err);

	j->err = err;
	j->is_canary_seen = false;
	if (rc == 0)
		rc = scanner_start_files(&scanner, j->folder, err);
	if (rc == 0)
		rc = scanner_finish(&scanner, on_finding, j, err);
	if (rc == 0 && !j->is_canary_seen)
		rc = err_set(err, "the scanner missed its canary beside the archives");
	scanner_stop(&scanner);
	dir_remove(j->folder);
	if (mkdir(j->folder, 0700) < 0 && rc == 0)
		rc = err_set(err, "%s: %s", j->folder, strerror(errno));
	j->bytes = 0;
	free(file);
	return rc;
}

static int refuse_size(struct job *j, struct err *err)
{
	size_t i = 0;
	const struct entry *e = file_of_blob(j, j->blob, &i);
	char *name = text_clean_dup(e ? e->name : "", e ? strlen(e->name) : 0, 80);

	j->a->is_refused = true;
	err_set(err, "the archive \"%s\" has %llu bytes, and more than %u cannot be scanned", name,
	        (unsigned long long)j->size, ARCHIVE_MAX);
	free(name);
	return -1;
}

/* The first bytes are here: is it one, and if so, where does it go? */
static int sniff(struct job *j, struct err *err)
{
	const char *suffix = archive_suffix(j->head, j->head_len);
	char *path, *second;
	int rc = 0;

	j->kind = suffix ? KIND_ARCHIVE : KIND_OTHER;
	if (!suffix)
		return 0;
	if (j->size > ARCHIVE_MAX)
		return refuse_size(j, err);
	path = xasprintf("%s/%zu%s", j->folder, j->n_blobs, suffix);
	second = xasprintf("%s/%zu.tar%s", j->folder, j->n_blobs, suffix);
	j->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (j->fd < 0 || (archive_is_stream(suffix) && link(path, second) < 0) ||
	    fd_write(j->fd, j->head, j->head_len) < 0)
		rc = err_set(err, "%s: %s", path, strerror(errno));
	free(path);
	free(second);
	j->blobs = xreallocarray(j->blobs, j->n_blobs + 1, sizeof *j->blobs);
	j->blobs[j->n_blobs++] = xstrndup(j->blob, strlen(j->blob));
	j->bytes += j->head_len;
	return rc;
}

static int blob_begin(void *ctx, const char *oid, const char *type, uint64_t size, struct err *err)
{
	struct job *j = ctx;

	if (strcmp(type, "blob") != 0)
		return err_set(err, "%s is a %.20s", oid, type);
	snprintf(j->blob, sizeof j->blob, "%s", oid);
	j->head_len = 0;
	j->size = size;
	j->kind = KIND_UNKNOWN;
	return 0;
}

static int blob_data(void *ctx, const char *data, size_t len, struct err *err)
{
	struct job *j = ctx;

	if (j->kind == KIND_UNKNOWN) {
		size_t room = ARCHIVE_HEAD - j->head_len, n = room < len ? room : len;

		memcpy(j->head + j->head_len, data, n);
		j->head_len += n;
		data += n;
		len -= n;
		if (j->head_len == ARCHIVE_HEAD && sniff(j, err) < 0)
			return -1;
	}
	if (j->kind != KIND_ARCHIVE || len == 0)
		return 0;
	j->bytes += len;
	return fd_write(j->fd, data, len) < 0 ? err_set(err, "scratch: %s", strerror(errno)) : 0;
}

static int blob_end(void *ctx, struct err *err)
{
	struct job *j = ctx;

	if (j->kind == KIND_UNKNOWN && sniff(j, err) < 0)
		return -1;
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	return j->bytes > ARCHIVE_BATCH_BYTES ? scan_copies(j, err) : 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The new blobs of files that are not plain text, each once, one a line. */
static void list_blobs(const struct stream *stream, struct buf *ids)
{
	size_t n = 0, total = stream_n_entries(stream);
	const char **blobs = xcalloc(total, sizeof *blobs);

	for (size_t i = 0; i < total; i++)
		if (stream_entry(stream, i)->is_binary)
			blobs[n++] = stream_entry(stream, i)->blob;
	qsort(blobs, n, sizeof *blobs, by_text);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(blobs[i], blobs[i - 1]) != 0)
			buf_addf(ids, "%s\n", blobs[i]);
	free(blobs);
}

int archives_scan(struct archives *a, struct err *err)
{
	static const struct batch_events events = { blob_begin, blob_data, blob_end };
	struct job j = { .a = a, .fd = -1 };
	struct buf ids = BUF_INIT(STREAM_ENTRIES_MAX * 66U);
	char *list = xasprintf("%s/blobs", a->scratch);
	int rc = 0;

	list_blobs(a->stream, &ids);
	j.folder = xasprintf("%s/" FOLDER, a->scratch);
	stream_make_canary(j.canary);
	if (ids.len == 0)
		goto out;
	rc = file_write(list, ids.data, ids.len, err);
	if (rc == 0 && mkdir(j.folder, 0700) < 0)
		rc = err_set(err, "%s: %s", j.folder, strerror(errno));
	if (rc == 0)
		rc = batch_run(list, &events, &j, a->deadline, err);
	if (rc == 0 && j.bytes > 0)
		rc = scan_copies(&j, err);
	if (j.fd >= 0)
		close(j.fd);
out:
	for (size_t i = 0; i < j.n_blobs; i++)
		free(j.blobs[i]);
	free(j.blobs);
	free(j.folder);
	free(list);
	buf_done(&ids);
	return rc;
}
