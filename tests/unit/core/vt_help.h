/* What the tests of the terminal emulator share: a terminal that remembers what
 * it said, and its screen as text. */
#ifndef VT_HELP_H
#define VT_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/vt.h"

#define UNUSED __attribute__((unused))

struct said {
	struct buf replies;
	struct buf notices; /* one line each */
	struct buf clipboard;
	int titles;
};

static inline void said_reply(void *ctx, const char *data, size_t len)
{
	struct said *s = ctx;

	buf_add(&s->replies, data, len);
}

static inline void said_title(void *ctx)
{
	struct said *s = ctx;

	s->titles++;
}

static inline void said_notice(void *ctx, const struct vt_notice *n)
{
	static const char *const kinds[] = { "bell", "message", "progress", "prompt" };
	struct said *s = ctx;

	buf_addf(&s->notices, "%s[%s][%s]%d,%d\n", kinds[n->kind], n->title, n->body, n->state,
	         n->percent);
}

static inline void said_clipboard(void *ctx, const char *data, size_t len)
{
	struct said *s = ctx;

	buf_add(&s->clipboard, data, len);
}

static const struct vt_ops said_ops = { said_reply, said_title, said_notice, said_clipboard };

static UNUSED void said_init(struct said *s)
{
	*s = (struct said){ .replies = BUF_INIT(1 << 20),
		            .notices = BUF_INIT(1 << 20),
		            .clipboard = BUF_INIT(1 << 20) };
}

static UNUSED void said_done(struct said *s)
{
	buf_done(&s->replies);
	buf_done(&s->notices);
	buf_done(&s->clipboard);
}

static UNUSED void feed(struct vt *vt, const char *s)
{
	vt_feed(vt, s, strlen(s), 0);
}

/* One line's text with its trailing blanks cut; the caller frees it. */
static UNUSED char *line_text(struct vt *vt, uint64_t number)
{
	struct buf b = BUF_INIT(1 << 20);

	assert_int_equal(vt_line_text(vt, number, &b, NULL, 0), 0);
	while (b.len > 0 && b.data[b.len - 1] == ' ')
		b.data[--b.len] = '\0';
	return buf_steal(&b);
}

/* The screen's rows joined by '|', empty ones at the end left out. */
static UNUSED char *screen_text(struct vt *vt)
{
	struct buf b = BUF_INIT(1 << 20);

	for (int y = 0; y < vt_rows(vt); y++) {
		char *s = line_text(vt, vt_line_top(vt) + (uint64_t)y);

		buf_addf(&b, "%s%s", y ? "|" : "", s);
		free(s);
	}
	while (b.len > 0 && b.data[b.len - 1] == '|')
		b.data[--b.len] = '\0';
	return buf_steal(&b);
}

static UNUSED void assert_screen_at(struct vt *vt, const char *want, const char *file, int line)
{
	char *got = screen_text(vt);

	_assert_string_equal(got, want, file, line);
	free(got);
}

#define assert_screen(vt, want) assert_screen_at(vt, want, __FILE__, __LINE__)

/* A line of "first..last+screen" of the whole text, scrollback included. */
static UNUSED char *all_text(struct vt *vt)
{
	struct buf b = BUF_INIT(1 << 24);

	for (uint64_t i = vt_line_first(vt); i < vt_line_top(vt) + (uint64_t)vt_rows(vt); i++) {
		char *s = line_text(vt, i);

		buf_addf(&b, "%s%s", b.len ? "|" : "", s);
		free(s);
	}
	while (b.len > 0 && b.data[b.len - 1] == '|')
		b.data[--b.len] = '\0';
	return buf_steal(&b);
}

#endif
