#include "ui/notice.h"

#include <string.h>

#include "core/buf.h"
#include "core/inbox.h"
#include "core/text.h"

void notice_text(struct buf *out, const struct inbox_item *item)
{
	const char *said = item->text;

	/* as its event's summary has it */
	if (strncmp(said, "says: ", 6) == 0)
		said += 6;
	text_safe_str(out, *item->session ? item->session : "claude-bottle", 60);
	switch (item->kind) {
	case INBOX_AGENT:
		buf_adds(out, " waits; it says \"");
		text_safe_str(out, said, 160);
		buf_addc(out, '"');
		return;
	case INBOX_BLOCK:
		buf_adds(out, " was refused ");
		text_safe_str(out, item->host ? item->host : "a request", 120);
		break;
	default:
		buf_addf(out, ": %s", inbox_kind_name(item->kind));
		break;
	}
	buf_adds(out, ": ");
	text_safe_str(out, item->text, 160);
}

/* A bucket of NOTICE_BURST, kept as the moment when it is full. */
static bool take(struct notice_rate *r, uint64_t now_ms)
{
	if (r->full_ms < now_ms)
		r->full_ms = now_ms;
	if (r->full_ms - now_ms > (NOTICE_BURST - 1) * NOTICE_MS)
		return false;
	r->full_ms += NOTICE_MS;
	return true;
}

bool notice_may(struct notice_rate *r, uint64_t now_ms)
{
	if (r->n_held == 0 && take(r, now_ms))
		return true;
	r->n_held++;
	return false;
}

unsigned notice_held(struct notice_rate *r, uint64_t now_ms)
{
	unsigned n = r->n_held;

	if (n == 0 || !take(r, now_ms))
		return 0;
	r->n_held = 0;
	return n;
}
