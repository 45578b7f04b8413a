/* The gate's log as fuzz_pipelock_log. */
#include "check_event.h"
#include "core/gitgate_log.h"
#include "core/lines.h"

static int on_line(void *ctx, const struct line *l)
{
	struct event e;

	(void)ctx;
	if (gitgate_log_line(l, &e) == EVENT_FEED_NONE)
		return 0;
	check_event(&e);
	event_done(&e);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lines ls;

	if (size < 1)
		return 0;
	lines_init(&ls, data[0] & 1 ? 2 : 1, data[0] & 2, 0, on_line, NULL);
	lines_feed(&ls, (const char *)data + 1, size - 1);
	lines_end(&ls);
	lines_done(&ls);
	return 0;
}
