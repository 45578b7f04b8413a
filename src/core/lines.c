#include "core/lines.h"

#include <string.h>

#include "core/stamp.h"

/* A stamp and the space after it; the longest has an offset instead of 'Z'. */
#define STAMP_ROOM 40

void lines_init(struct lines *ls, int stream, bool has_stamps, size_t max, lines_on_line *on_line,
                void *ctx)
{
	size_t ceiling = max ? max : LINES_MAX;

	*ls = (struct lines){
		.on_line = on_line,
		.ctx = ctx,
		.stream = stream,
		.has_stamps = has_stamps,
		.max = ceiling,
		.held = BUF_INIT(ceiling + (has_stamps ? STAMP_ROOM : 0)),
		.stamp = BUF_INIT(STAMP_ROOM),
	};
}

/* Length of the stamp and its space at the start of s; 0 when there is none. */
static size_t take_stamp(const char *s, size_t n, int64_t *ts_ns)
{
	int64_t ts;
	size_t len = stamp_parse(s, n, &ts);

	if (len == 0 || (len < n && s[len] != ' '))
		return 0;
	*ts_ns = ts;
	return len < n ? len + 1 : len;
}

static int deliver(struct lines *ls, const char *s, size_t n, bool is_cut)
{
	struct line l = { .stream = ls->stream, .is_cut = is_cut };
	size_t skip = ls->has_stamps ? take_stamp(s, n, &l.ts_ns) : 0;

	l.text = s + skip;
	l.len = n - skip;
	if (!is_cut && l.len > 0 && l.text[l.len - 1] == '\r')
		l.len--;
	if (l.len > ls->max) {
		l.len = ls->max;
		l.is_cut = true;
	}
	return ls->on_line(ls->ctx, &l);
}

/* Add to the line so far; delivers it when the ceiling is reached. */
static int hold(struct lines *ls, const char *s, size_t n)
{
	size_t room = ls->held.max - ls->held.len;
	int rc;

	if (n <= room) {
		buf_add(&ls->held, s, n);
		return 0;
	}
	buf_add(&ls->held, s, room);
	ls->ts_ns = 0;
	take_stamp(ls->held.data, ls->held.len, &ls->ts_ns);
	rc = deliver(ls, ls->held.data, ls->held.len, true);
	buf_reset(&ls->held);
	ls->is_skipping = true;
	return rc;
}

void lines_message(struct lines *ls)
{
	ls->is_mid_stamp = ls->has_stamps && (ls->held.len > 0 || ls->is_skipping);
	if (ls->is_mid_stamp && !ls->is_skipping) {
		ls->ts_ns = 0;
		take_stamp(ls->held.data, ls->held.len, &ls->ts_ns);
	}
}

/* The line so far is complete, though no newline said so. */
static int flush(struct lines *ls)
{
	int rc = 0;

	if (ls->held.len > 0 && !ls->is_skipping)
		rc = deliver(ls, ls->held.data, ls->held.len, false);
	buf_reset(&ls->held);
	ls->is_skipping = false;
	return rc;
}

/* What stands at the start of a message within a line is all there: a stamp that
 * says whether the line goes on, or text. */
static int end_stamp(struct lines *ls)
{
	const char *s = buf_str(&ls->stamp);
	size_t n = ls->stamp.len;
	int64_t ts = 0;
	int rc = 0;

	ls->is_mid_stamp = false;
	if (n > 0 && take_stamp(s, n, &ts) == n) {
		if (ts != ls->ts_ns) {
			rc = flush(ls);
			buf_add(&ls->held, s, n);
		}
	} else if (!ls->is_skipping) {
		rc = hold(ls, s, n);
	}
	buf_reset(&ls->stamp);
	return rc;
}

/* Returns how many bytes it took. */
static size_t feed_stamp(struct lines *ls, const char *data, size_t n, int *rc)
{
	size_t took = 0;

	*rc = 0;
	while (ls->is_mid_stamp && took < n) {
		char c = data[took];

		if (c != '\n') {
			buf_addc(&ls->stamp, c);
			took++;
		}
		if (c == '\n' || c == ' ' || ls->stamp.len + 1 >= STAMP_ROOM)
			*rc = end_stamp(ls);
	}
	return took;
}

int lines_feed(struct lines *ls, const char *data, size_t n)
{
	int rc = 0;

	while (n > 0 && rc == 0) {
		const char *nl;
		size_t len;

		if (ls->is_mid_stamp) {
			len = feed_stamp(ls, data, n, &rc);
			data += len;
			n -= len;
			continue;
		}
		nl = memchr(data, '\n', n);
		len = nl ? (size_t)(nl - data) : n;
		if (ls->is_skipping)
			ls->is_skipping = !nl;
		else if (!nl)
			rc = hold(ls, data, len);
		else if (ls->held.len == 0)
			rc = deliver(ls, data, len, false); /* the common case: no copy */
		else if ((rc = hold(ls, data, len)) == 0 && !ls->is_skipping) {
			rc = deliver(ls, ls->held.data, ls->held.len, false);
			buf_reset(&ls->held);
		} else {
			ls->is_skipping = false;
		}
		len += nl != NULL;
		data += len;
		n -= len;
	}
	return rc;
}

int lines_end(struct lines *ls)
{
	int rc = ls->stamp.len > 0 ? end_stamp(ls) : 0;

	if (rc == 0)
		rc = flush(ls);
	buf_reset(&ls->held);
	ls->is_skipping = ls->is_mid_stamp = false;
	return rc;
}

void lines_done(struct lines *ls)
{
	if (!ls)
		return;
	buf_done(&ls->held);
	buf_done(&ls->stamp);
}
