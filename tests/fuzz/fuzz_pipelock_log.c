/* pipelock's log: bytes to lines to events to text. The first byte chooses the
 * stream and whether lines are stamped. */
#include "check_event.h"
#include "core/lines.h"
#include "core/pipelock_log.h"

static int on_line(void *ctx, const struct line *l)
{
	struct event e;

	if (pipelock_log_line(ctx, l, &e) == EVENT_FEED_NONE)
		return 0;
	check_event(&e);
	event_done(&e);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pipelock_log log = { 0 };
	struct lines ls;

	if (size < 1)
		return 0;
	lines_init(&ls, data[0] & 1 ? 2 : 1, data[0] & 2, 0, on_line, &log);
	lines_feed(&ls, (const char *)data + 1, size - 1);
	lines_end(&ls);
	lines_done(&ls);
	pipelock_log_done(&log);
	return 0;
}
