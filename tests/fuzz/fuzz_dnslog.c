/* The resolver's log as fuzz_pipelock_log. */
#include "check_event.h"
#include "core/dnslog.h"
#include "core/lines.h"

static int on_line(void *ctx, const struct line *l)
{
	struct event e;

	if (dnslog_line(ctx, l, &e) == EVENT_FEED_NONE)
		return 0;
	check_event(&e);
	event_done(&e);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dnslog d = { 0 };
	struct event e;
	struct lines ls;

	if (size < 1)
		return 0;
	lines_init(&ls, 2, data[0] & 2, 0, on_line, &d);
	lines_feed(&ls, (const char *)data + 1, size - 1);
	lines_end(&ls);
	if (dnslog_end(&d, &e) != EVENT_FEED_NONE)
		event_done(&e);
	lines_done(&ls);
	dnslog_done(&d);
	return 0;
}
