/* A sink for tests: writes down what it is given, one line each, and holds the
 * collector to the promises of core/file_sink.h. */
#ifndef TESTS_SINK_LIST_H
#define TESTS_SINK_LIST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/beneath.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/file_sink.h"
#include "core/mem.h"

struct sink_list {
	struct file_sink sink;
	struct buf text;
	char **seen;		/* "d path" or "x path" (may have nothing beneath) */
	size_t n_seen;
	size_t fail_at;		/* the call that fails, from 1; 0 for none */
};

static bool sink_list_saw(const struct sink_list *l, char kind, const char *path, size_t len)
{
	for (size_t i = 0; i < l->n_seen; i++)
		if (l->seen[i][0] == kind && strlen(l->seen[i] + 2) == len &&
		    memcmp(l->seen[i] + 2, path, len) == 0)
			return true;
	return false;
}

static int sink_list_note(struct sink_list *l, char kind, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');

	assert_true(beneath_path_ok(path));
	assert_false(sink_list_saw(l, 'd', path, strlen(path)));
	assert_false(sink_list_saw(l, 'x', path, strlen(path)));
	if (slash)
		assert_true(sink_list_saw(l, 'd', path, (size_t)(slash - path)));
	if (l->fail_at && l->n_seen + 1 == l->fail_at)
		return err_set(err, ERR_ENGINE, "the sink is full");
	strv_push(&l->seen, &l->n_seen, xasprintf("%c %s", kind, path));
	return 0;
}

static int sink_list_dir(void *arg, const char *path, unsigned mode, struct err *err)
{
	struct sink_list *l = arg;

	assert_int_equal(mode, 0755);
	if (sink_list_note(l, 'd', path, err) < 0)
		return -1;
	return buf_addf(&l->text, "d %s\n", path);
}

static int sink_list_file(void *arg, const char *path, unsigned mode, const void *data, size_t len,
			  struct err *err)
{
	struct sink_list *l = arg;

	if (sink_list_note(l, 'x', path, err) < 0)
		return -1;
	buf_addf(&l->text, "f %s %o ", path, mode);
	/* Of a long file the text keeps the size only. */
	if (len > 4096)
		buf_addf(&l->text, "(%zu)", len);
	else if (len)
		buf_add(&l->text, data, len);
	return buf_addc(&l->text, '\n');
}

static int sink_list_symlink(void *arg, const char *path, const char *target, struct err *err)
{
	struct sink_list *l = arg;

	if (sink_list_note(l, 'x', path, err) < 0)
		return -1;
	return buf_addf(&l->text, "l %s -> %s\n", path, target);
}

static void sink_list_init(struct sink_list *l)
{
	memset(l, 0, sizeof *l);
	l->sink = (struct file_sink){ sink_list_dir, sink_list_file, sink_list_symlink, l };
	l->text = (struct buf)BUF_INIT(16u << 20);
}

static inline const char *sink_list_text(const struct sink_list *l)
{
	return buf_str(&l->text);
}

static void sink_list_done(struct sink_list *l)
{
	buf_done(&l->text);
	strv_free(l->seen);
	l->seen = NULL;
	l->n_seen = 0;
}

#endif
