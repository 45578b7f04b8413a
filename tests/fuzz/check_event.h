/* What must hold of every event, whatever the log said: its line is printable and
 * its JSON can be read back to the same JSON. Aborts when it does not. */
#ifndef FUZZ_CHECK_EVENT_H
#define FUZZ_CHECK_EVENT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/event.h"
#include "core/text.h"

static inline void check_safe(const char *s, size_t n)
{
	for (size_t at = 0; at < n;) {
		uint32_t cp;
		size_t len = text_utf8(s + at, n - at, &cp);

		if (len == 0 || !text_is_safe(cp))
			abort();
		at += len;
	}
}

static inline void check_event(const struct event *e)
{
	struct event_style style = { .has_date = true, .session_width = 10 };
	struct buf line = BUF_INIT(1 << 20), one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
	struct event back;
	struct err err;

	if (event_line(&line, e, &style) < 0 || event_json(&one, e) < 0)
		abort();
	check_safe(buf_str(&line), line.len);
	check_safe(buf_str(&one), one.len);
	if (e->detail && strlen(e->detail) > EVENT_DETAIL_MAX)
		abort();
	/* a second trip changes nothing more (the first replaces what is no UTF-8) */
	if (event_parse(&back, one.data, one.len, &err) < 0 || event_json(&two, &back) < 0)
		abort();
	event_done(&back);
	if (event_parse(&back, two.data, two.len, &err) < 0)
		abort();
	buf_reset(&one);
	if (event_json(&one, &back) < 0 || one.len != two.len ||
	    memcmp(one.data, two.data, one.len))
		abort();
	event_done(&back);
	buf_done(&line);
	buf_done(&one);
	buf_done(&two);
}

#endif
