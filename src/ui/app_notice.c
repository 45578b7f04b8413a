/* When the terminal is told that something waits. */
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/inbox.h"
#include "ui/app_int.h"
#include "ui/screen.h"

/* The person sees it anyway. */
static bool is_seen(const struct app *a, const struct inbox_item *item)
{
	return a->has_terminal_focus && item->kind == INBOX_AGENT &&
	       strcmp(item->session, a->selected) == 0;
}

static void tell(struct app *a, const char *text)
{
	if (a->opt.notices == NOTICES_BELL)
		screen_bell(a->screen);
	else if (a->opt.notices != NOTICES_OFF)
		screen_notify(a->screen, text, a->opt.notices == NOTICES_OSC777);
}

/* What was asked before the dashboard was opened is no news. */
void notice_look(struct app *a)
{
	const struct inbox *ib = fleet_inbox(a->fleet);
	uint64_t now = loop_now_ns() / 1000000;
	const struct inbox_item *item;

	while ((item = inbox_after(ib, a->noticed))) {
		struct buf text = BUF_INIT(4 * NOTICE_MAX);

		a->noticed = item->id;
		if (item->last_ns < a->opened_ns || item->is_ended || is_seen(a, item) ||
		    !notice_may(&a->notice_rate, now))
			continue;
		notice_text(&text, item);
		tell(a, buf_str(&text));
		buf_done(&text);
	}
}

void notice_tick(struct app *a)
{
	unsigned n = notice_held(&a->notice_rate, loop_now_ns() / 1000000);
	char text[64];

	if (n == 0)
		return;
	snprintf(text, sizeof text, n == 1 ? "%u more waits for you" : "%u more wait for you", n);
	tell(a, text);
}
