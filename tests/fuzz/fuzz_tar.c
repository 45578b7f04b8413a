/* The archive reader on arbitrary bytes: fed in pieces, it must say the same as
 * fed at once, and hand out exactly the data that each header promised. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "docker/tar.h"

struct seen {
	uint64_t hash, left;
};

static void mix(struct seen *s, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ p[i]) * 1099511628211u;
}

static int on_entry(void *arg, const struct tar_entry *e, struct err *err)
{
	struct seen *s = arg;

	(void)err;
	if (*e->path == '\0' || strlen(e->path) > TAR_PATH_MAX || strlen(e->target) > TAR_PATH_MAX)
		abort();
	mix(s, e->path, strlen(e->path) + 1);
	mix(s, e->target, strlen(e->target) + 1);
	s->left = e->size;
	return 0;
}

static int on_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct seen *s = arg;

	(void)err;
	if (len > s->left)
		abort();
	s->left -= len;
	mix(s, data, len);
	return 0;
}

static int on_entry_end(void *arg, struct err *err)
{
	const struct seen *s = arg;

	(void)err;
	if (s->left != 0)
		abort();
	return 0;
}

static int run(struct seen *s, const uint8_t *data, size_t size, size_t step)
{
	static const struct tar_sink sink = { on_entry, on_data, on_entry_end };
	struct tar_reader *r = tar_reader_new(&sink, s);
	int rc = 0;

	for (size_t at = 0; at < size && rc == 0; at += step)
		rc = tar_reader_feed(r, data + at, size - at < step ? size - at : step, NULL);
	if (rc == 0)
		rc = tar_reader_finish(r, NULL);
	tar_reader_free(r);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = { 0 }, pieces = { 0 };

	if (run(&whole, data, size, size + 1) != run(&pieces, data, size, 37) ||
	    whole.hash != pieces.hash)
		abort();
	return 0;
}
