#include "core/logread.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/gitgate_log.h"
#include "core/lines.h"
#include "core/mem.h"
#include "core/stamp.h"

#define GAP_KEY 1 /* no line's key is so small but by an incredible chance */

bool logread_has(enum session_role role)
{
	return role == ROLE_PIPELOCK || role == ROLE_RESOLVER || role == ROLE_GATE;
}

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t logread_clock(void)
{
	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
}

/* How long a reader's memory reaches back. */
static int64_t memory_ns(enum session_role role)
{
	return role == ROLE_RESOLVER ? DNSLOG_WINDOW_NS + NS_PER_S : 2 * NS_PER_S;
}

int64_t logread_since(enum session_role role, const struct log_cursor *from)
{
	int64_t set_back = from->clock_ns - logread_clock();
	int64_t since = from->ts_ns - memory_ns(role);

	if (from->ts_ns == 0)
		return 0;
	/* what came after the cursor may be stamped as long before it */
	if (from->clock_ns && set_back > NS_PER_S / 1000)
		since -= set_back;
	return since > 0 ? since : 0;
}

void logread_init(struct logread *r, enum session_role role, const char *session,
                  const char *bottle, int64_t released_ns, const struct log_cursor *from,
                  logread_fn *fn, void *arg)
{
	static atomic_ullong readings;

	*r = (struct logread){
		.role = role,
		.session = xstrdup(session),
		.bottle = xstrdup_or_null(bottle),
		.released_ns = released_ns,
		.reading = ++readings,
		.fn = fn,
		.arg = arg,
		.from = *from,
		.at = *from,
		.is_past = from->ts_ns == 0,
	};
	r->at.ts_ns = 0;
	r->at.count = 0;
	r->at.clock_ns = logread_clock();
	/* then stamps say little of the order: all is given, and the store sorts it out */
	r->was_set_back = from->max_ns > from->ts_ns ||
	                  (from->clock_ns && from->clock_ns - r->at.clock_ns > NS_PER_S);
	if (!r->is_past)
		r->folds = xcalloc(LOGREAD_FOLDS, sizeof *r->folds);
}

static void forget_folds(struct logread *r)
{
	for (size_t i = 0; r->folds && i < LOGREAD_FOLDS; i++)
		if (r->folds[i].used)
			event_done(&r->folds[i].event);
	free(r->folds);
	r->folds = NULL;
}

void logread_done(struct logread *r)
{
	if (!r)
		return;
	forget_folds(r);
	free(r->session);
	free(r->bottle);
	pipelock_log_done(&r->pipelock);
	dnslog_done(&r->dns);
	*r = (struct logread){ 0 };
}

/* --- entries ------------------------------------------------------------------------- */

static void give(struct logread *r, struct log_entry entry)
{
	entry.reading = r->reading;
	if (!r->is_stopped && !r->fn(r->arg, &entry))
		r->is_stopped = true;
}

static uint64_t key_of(const struct line *l, unsigned ordinal)
{
	uint64_t h = 0xcbf29ce484222325u ^ ordinal;

	for (size_t i = 0; i < l->len; i++)
		h = (h ^ (unsigned char)l->text[i]) * 0x100000001b3u;
	return h ^ h >> 32;
}

/* --- folds before the cursor --------------------------------------------------------- */

static void remember_fold(struct logread *r, const struct log_entry *entry)
{
	struct logread_fold *slot = &r->folds[0];

	for (size_t i = 0; i < LOGREAD_FOLDS; i++) {
		struct logread_fold *f = &r->folds[i];

		if (f->used && f->event.fold == entry->event->fold) {
			slot = f;
			break;
		}
		if (f->used < slot->used)
			slot = f;
	}
	if (slot->used)
		event_done(&slot->event);
	event_copy(&slot->event, entry->event);
	slot->cursor = entry->cursor;
	slot->key = entry->key;
	slot->is_repeat = entry->is_repeat;
	slot->used = ++r->clock;
}

/* Before a repeat of something that is older than the cursor: which it was. */
static void recall_fold(struct logread *r, uint64_t fold)
{
	for (size_t i = 0; r->folds && i < LOGREAD_FOLDS; i++) {
		struct logread_fold *f = &r->folds[i];

		if (!f->used || f->event.fold != fold)
			continue;
		give(r, (struct log_entry){ .cursor = f->cursor,
		                            .key = f->key,
		                            .event = &f->event,
		                            .is_repeat = f->is_repeat,
		                            .is_old = true });
		event_done(&f->event);
		f->used = 0;
		return;
	}
}

/* --- lines --------------------------------------------------------------------------- */

static enum event_feed read_line(struct logread *r, const struct line *l, struct event *e)
{
	enum event_feed feed = EVENT_FEED_NONE;

	if (r->role == ROLE_PIPELOCK)
		feed = pipelock_log_line(&r->pipelock, l, e);
	else if (r->role == ROLE_RESOLVER)
		feed = dnslog_line(&r->dns, l, e);
	else if (r->role == ROLE_GATE)
		feed = gitgate_log_line(l, e);
	if (feed != EVENT_FEED_NONE) {
		event_set_owner(e, r->session, r->bottle);
		e->is_probe = e->is_probe || e->ts_ns < r->released_ns;
	}
	return feed;
}

static void give_gap(struct logread *r, const struct line *l)
{
	char from[STAMP_SIZE], to[STAMP_SIZE];
	struct event e;

	stamp_format(from, r->from.ts_ns);
	stamp_format(to, l->ts_ns);
	event_init(&e);
	e.ts_ns = l->ts_ns;
	e.kind = EVENT_LOG_GAP;
	e.verdict = EVENT_FAIL;
	e.source = EVENT_FROM_SELF;
	event_set_rule(&e, "log.gap", 7);
	event_set_summary(&e,
	                  "lines of %s's log between %.19sZ and %.19sZ were lost: it was full "
	                  "before it was read",
	                  session_role_name(r->role), from, to);
	event_set_owner(&e, r->session, r->bottle);
	give(r,
	     (struct log_entry){ .cursor = r->from, .key = GAP_KEY, .event = &e, .is_old = true });
	event_done(&e);
}

/* Is the line behind the cursor? */
static bool pass(struct logread *r, const struct line *l)
{
	if (r->is_past)
		return true;
	if (l->ts_ns == r->from.ts_ns && r->n_seen < r->from.count) {
		r->n_seen++;
		return r->was_set_back;
	}
	if (r->n_seen == r->from.count) {
		r->is_past = true;
		return true;
	}
	/* older ones come first, and after a clock that was set back newer ones too */
	if (l->ts_ns <= r->from.max_ns)
		return r->was_set_back;
	r->is_past = true;
	give_gap(r, l);
	return true;
}

int logread_line(struct logread *r, const struct line *l)
{
	bool is_new = pass(r, l);
	struct log_entry entry;
	enum event_feed feed;
	struct event e;

	if (r->is_stopped)
		return 1;
	r->at.count = l->ts_ns == r->at.ts_ns ? r->at.count + 1 : 1;
	r->at.ts_ns = l->ts_ns;
	if (l->ts_ns > r->at.max_ns)
		r->at.max_ns = l->ts_ns;
	feed = read_line(r, l, &e);
	entry = (struct log_entry){ .cursor = r->at,
		                    .key = key_of(l, r->at.count),
		                    .event = feed == EVENT_FEED_NONE ? NULL : &e,
		                    .is_repeat = feed == EVENT_FEED_REPEAT };
	if (entry.is_repeat && is_new)
		recall_fold(r, e.fold);
	if (is_new)
		give(r, entry);
	else if (entry.event && e.fold)
		remember_fold(r, &entry);
	if (feed != EVENT_FEED_NONE)
		event_done(&e);
	return r->is_stopped;
}
