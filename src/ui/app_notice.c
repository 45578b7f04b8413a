/* Telling the person of what waits while they look elsewhere: OSC 9, which terminals
 * show as a notice of the desktop. */
#include <string.h>

#include "core/inbox.h"
#include "core/text.h"
#include "ui/app_int.h"
#include "ui/screen.h"

#define QUIET_NS 5000000000ll	/* between notices; and at first, when the past comes in */

static void say(struct app *a, const struct inbox_item *it, size_t more)
{
	struct buf b = BUF_INIT(APP_LINE_MAX);

	text_safe_str(&b, *it->session ? it->session : "claude-bottle", 60);
	buf_adds(&b, it->kind == INBOX_AGENT ? " (its claim): " : ": ");
	if (it->host && *it->host) {
		text_safe(&b, it->host, strlen(it->host), 80, true);
		buf_adds(&b, ", ");
	}
	text_safe_str(&b, it->text, 160);
	if (more)
		buf_addf(&b, " (and %zu more)", more);
	screen_notify(a->screen, buf_str(&b));
	buf_done(&b);
}

void notice_new(struct app *a)
{
	const struct inbox *ib = fleet_inbox(a->fleet);
	const struct inbox_item *newest = NULL;
	int64_t now = fleet_clock_ns();
	size_t n = 0;

	if (!a->began_ns)
		a->began_ns = now;
	for (size_t i = 0; i < inbox_n(ib); i++) {
		const struct inbox_item *it = inbox_at(ib, i);

		if (it->id <= a->noticed_id)
			continue;
		n++;
		if (!newest || it->id > newest->id)
			newest = it;
	}
	/* what was there before we came is no news */
	if (now - a->began_ns < QUIET_NS) {
		a->noticed_id = newest ? newest->id : a->noticed_id;
		return;
	}
	/* what comes in the quiet is told after it, if it still waits */
	if (!newest || now - a->noticed_ns < QUIET_NS)
		return;
	a->noticed_id = newest->id;
	a->noticed_ns = now;
	if (!a->opt.no_notices)
		say(a, newest, n - 1);
}
