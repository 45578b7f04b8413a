#include "batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate.h"
#include "proto.h"
#include "run.h"
#include "util.h"

static int head_done(struct batch_reader *r, struct err *err)
{
	char *type, *size, *end;

	r->head[r->head_len] = '\0';
	r->head_len = 0;
	type = strchr(r->head, ' ');
	size = type ? strchr(type + 1, ' ') : NULL;
	if (!size || !oid_is_valid(r->head, (size_t)(type - r->head)))
		return err_set(err, "git cat-file: %.200s", r->head);
	*type++ = '\0';
	*size++ = '\0';
	r->left = strtoull(size, &end, 10);
	if (end == size || *end)
		return err_set(err, "git cat-file: object of size %.20s", size);
	r->state = r->left ? BATCH_DATA : BATCH_NEWLINE;
	return r->events->on_object(r->ctx, r->head, type, r->left, err);
}

int batch_feed(struct batch_reader *r, const char *data, size_t len, struct err *err)
{
	while (len > 0) {
		size_t n = 1;
		int rc = 0;

		if (r->state == BATCH_DATA) {
			n = r->left < len ? (size_t)r->left : len;
			rc = r->events->on_data(r->ctx, data, n, err);
			r->left -= n;
			if (r->left == 0)
				r->state = BATCH_NEWLINE;
		} else if (r->state == BATCH_NEWLINE) {
			r->state = BATCH_HEAD;
			rc = *data == '\n' ? r->events->on_end(r->ctx, err)
			                   : err_set(err, "git cat-file: object not ended");
		} else if (*data == '\n') {
			rc = head_done(r, err);
		} else if (r->head_len == sizeof r->head - 1) {
			rc = err_set(err, "git cat-file: line too long");
		} else {
			r->head[r->head_len++] = *data;
		}
		if (rc < 0)
			return -1;
		data += n;
		len -= n;
	}
	return 0;
}

int batch_finish(const struct batch_reader *r, struct err *err)
{
	if (r->state != BATCH_HEAD || r->head_len)
		return err_set(err, "git cat-file: output ended in the middle of an object");
	return 0;
}

static int feed(void *ctx, const char *data, size_t len, struct err *err)
{
	return batch_feed(ctx, data, len, err);
}

int batch_run(const char *ids, const struct batch_events *events, void *ctx, int64_t deadline,
              struct err *err)
{
	static const char *const argv[] = { GATE_GIT, "cat-file", "--batch", NULL };
	struct batch_reader reader = { .events = events, .ctx = ctx };
	struct command c = { .argv = argv };
	int rc;

	c.in = open(ids, O_RDONLY | O_CLOEXEC);
	if (c.in < 0)
		return err_set(err, "%s: %s", ids, strerror(errno));
	rc = run_read(&c, feed, &reader, NULL, deadline, err);
	close(c.in);
	return rc < 0 ? -1 : batch_finish(&reader, err);
}
