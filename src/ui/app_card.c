/* The card: the whole story of one thing that happened or waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/inbox.h"
#include "core/mem.h"
#include "core/pipelock_explain.h"
#include "core/policy.h"
#include "core/text.h"
#include "ui/app_int.h"
#include "ui/screen.h"

static const struct event *event_of(const struct app *a, uint64_t item, uint64_t seq)
{
	const struct inbox_item *it = inbox_find(fleet_inbox(a->fleet), item);

	if (it && it->seq)
		seq = it->seq;
	return seq ? fleet_event(a->fleet, fleet_find_event(a->fleet, seq)) : NULL;
}

static bool is_egress(const struct event *e)
{
	return e->kind == EVENT_EGRESS_BLOCKED || e->kind == EVENT_EGRESS_DLP ||
	       e->kind == EVENT_EGRESS_DNS || e->kind == EVENT_EGRESS_ERROR ||
	       e->kind == EVENT_EGRESS_ALLOWED;
}

static bool is_push(const struct event *e)
{
	return e->kind >= EVENT_PUSH_ACCEPTED && e->kind <= EVENT_PUSH_OVERSIZE;
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* --- parts --------------------------------------------------------------------------------- */

/* Of a push only what is about that very one. */
static bool is_of_push(const struct event *e, const char *push)
{
	CLEANUP_FREE char *id = push ? event_detail_get(e, "id") : NULL;

	return !push || same(id, push);
}

/* How often the like of it happened, first and last, of all that is in memory. */
static void add_times(const struct app *a, struct rich *r, const struct event *e,
                      const struct inbox_item *it)
{
	CLEANUP_FREE char *push = is_push(e) ? event_detail_get(e, "id") : NULL;
	int64_t first = e->ts_ns, last = first;
	unsigned count = 0;
	char from[16], to[16];

	for (size_t i = 0; i < fleet_n_events(a->fleet); i++) {
		const struct event *x = fleet_event(a->fleet, i);

		if (x->kind != e->kind || !same(x->session, e->session) ||
		    !same(x->host, e->host) || !same(x->rule, e->rule) || !is_of_push(x, push))
			continue;
		count += x->count;
		first = x->ts_ns < first ? x->ts_ns : first;
		last = x->ts_ns > last ? x->ts_ns : last;
	}
	if (it && !push && it->count > count)
		count = it->count;
	if (it && !push && it->first_ns < first)
		first = it->first_ns;
	app_clock(from, first);
	app_clock(to, last);
	if (count > 1)
		rich_fieldf(r, "seen", THEME_TEXT, "%u times, first at %s, last at %s", count, from,
		            to);
	else
		rich_fieldf(r, "seen", THEME_TEXT, "once, at %s", to);
}

static void add_owner(const struct app *a, struct rich *r, const struct event *e)
{
	time_t seconds = (time_t)(e->ts_ns / 1000000000);
	char when[64];
	struct tm tm;

	(void)a;
	localtime_r(&seconds, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %Z", &tm);
	rich_field(r, "when", THEME_TEXT, when);
	if (e->session)
		rich_fieldf(r, "session", THEME_TEXT, "%s%s%s", e->session, e->bottle ? " in " : "",
		            e->bottle ? e->bottle : "");
}

/* "CONNECT plot.example.com:443", as it was asked. */
static void add_request(struct rich *r, const struct event *e)
{
	CLEANUP_FREE char *method = event_detail_get(e, "method");
	CLEANUP_FREE char *url = event_detail_get(e, "url");
	CLEANUP_FREE char *target = event_detail_get(e, "target");
	const char *to = url ? url : target ? target : e->host;

	if (e->kind == EVENT_EGRESS_DNS)
		rich_fieldf(r, "request", THEME_TEXT, "look-up of %s", e->host ? e->host : "?");
	else if (to)
		rich_fieldf(r, "request", THEME_TEXT, "%s%s%s", method ? method : "",
		            method ? " " : "", to);
}

/* The host in ASCII, the part that somebody registered marked. */
static void add_host(struct rich *r, const struct event *e)
{
	struct policy_advice advice;

	if (!e->host || !*e->host)
		return;
	policy_consider(&advice, e->host, NULL, 0);
	if (!*advice.host) {
		rich_field(r, "host", THEME_TEXT, e->host);
		return;
	}
	rich_field(r, "host", THEME_TEXT, advice.host);
	rich_mark(r, advice.registered_at, strlen(advice.host) - advice.registered_at, THEME_WAITS);
	if (advice.is_punycode)
		rich_field(r, "", THEME_WARN,
		           "xn-- stands for letters beyond ASCII: it may look like another name");
}

static void add_scanner(struct rich *r, const struct event *e)
{
	const struct pipelock_scanner *x;
	const char *pattern;

	if (e->source != EVENT_FROM_PIPELOCK || !e->rule)
		return;
	x = pipelock_explain(e->rule);
	pattern = strstr(e->rule, ": ");
	rich_fieldf(r, "scanner", THEME_TEXT, "%.*s", (int)strcspn(e->rule, ":"), e->rule);
	if (pattern)
		rich_fieldf(r, "matched", THEME_TEXT, "%s (pipelock never says more of a match)",
		            pattern + 2);
	rich_field(r, "meaning", THEME_TEXT, x->meaning);
	rich_field(r, "to do", THEME_TEXT, x->advice);
}

/* What "a" would do, or why it does nothing. */
static void add_allow(const struct app *a, struct rich *r, const struct event *e)
{
	const struct policy *p = e->session ? fleet_policy(a->fleet, e->session) : NULL;
	struct policy_advice advice;

	policy_consider_event(&advice, e, p, fleet_clock_ns() / 1000000000);
	rich_gap(r);
	switch (advice.offer) {
	case POLICY_OFFERED_WARNED:
	case POLICY_OFFERED:
		if (!e->session || !app_runs(a, e->session))
			rich_fieldf(r, "a", THEME_TEXT,
			            "writes %s into the manifest, for the next launch: now %s does "
			            "not run.",
			            advice.host, e->session ? e->session : "it");
		else
			rich_fieldf(r, "a", THEME_TEXT,
			            "lets %s reach %s: this very host, on any port. What it sends "
			            "there is still scanned. You choose for how long.",
			            e->session ? e->session : "it", advice.host);
		if (*advice.reason)
			rich_field(r, "", THEME_WARN, advice.reason);
		break;
	case POLICY_ALREADY:
		rich_field(r, "allowed", THEME_ALLOWED,
		           *advice.reason ? advice.reason : "It is let through now.");
		break;
	case POLICY_NEVER:
		/* the scanner's advice may be the reason, and stands above */
		rich_field(r, "not a", THEME_WARN,
		           e->rule && same(pipelock_explain(e->rule)->advice, advice.reason)
		                   ? "No host can be let past this scanner."
		                   : advice.reason);
		break;
	}
}

static void add_relaunch(struct rich *r, const struct event *e)
{
	const struct pipelock_scanner *x = e->rule ? pipelock_explain(e->rule) : NULL;

	if (!x || e->source != EVENT_FROM_PIPELOCK ||
	    (x->remedy != PIPELOCK_CHANGE_BOTTLE && !strstr(x->advice, "\"git\"")))
		return;
	rich_field(r, "r", THEME_TEXT,
	           "relaunches: what changes in a bottle (git, env, passthrough, trusted) counts "
	           "from the next launch. e edits the manifest.");
}

static void build_push(struct app *a, struct rich *r, const struct event *e)
{
	CLEANUP_FREE char *id = event_detail_get(e, "id");

	rich_field(r, "verdict", events_element(e), e->summary);
	rich_field(r, "rule", THEME_TEXT, e->rule);
	if (id && e->session)
		push_build(a, r, e->session, id);
}

static bool push_of_event(struct app *a, enum ui_command c, const struct event *e)
{
	CLEANUP_FREE char *id = e ? event_detail_get(e, "id") : NULL;

	if (c != UI_DIFF && c != UI_APPROVE && c != UI_REJECT && c != UI_ACCEPT)
		return false;
	if (id && e->session && is_push(e))
		return push_command(a, c, e->session, id);
	fleet_say(a->fleet, FLEET_INFO, "there is no push in it that the gate remembers");
	return true;
}

static void add_ended(struct rich *r, const struct inbox_item *it)
{
	if (it && it->is_ended)
		rich_field(r, "ended", THEME_STOPPED,
		           "Its agent has ended: nobody waits for an answer. This leaves the inbox "
		           "when the session is removed (D) or launched again (r).");
}

static void build_event(struct app *a, struct rich *r, const struct event *e,
                        const struct inbox_item *it)
{
	add_owner(a, r, e);
	add_ended(r, it);
	if (is_egress(e)) {
		rich_gap(r);
		add_request(r, e);
		add_host(r, e);
		rich_field(r, "verdict", events_element(e), e->summary);
		add_scanner(r, e);
		add_times(a, r, e, it);
		if (e->kind != EVENT_EGRESS_ALLOWED)
			add_allow(a, r, e);
		add_relaunch(r, e);
		return;
	}
	rich_gap(r);
	if (is_push(e)) {
		build_push(a, r, e);
		add_times(a, r, e, it);
		return;
	}
	rich_field(r, e->source == EVENT_FROM_AGENT ? "it claims" : "what", THEME_TEXT, e->summary);
	rich_field(r, "rule", THEME_TEXT, e->rule);
	if (e->kind == EVENT_LOG_GAP)
		rich_field(r, "meaning", THEME_TEXT,
		           "Lines of this log were gone before they could be read: what happened "
		           "in that time is not known. A dashboard that runs reads in time.");
	if (e->kind == EVENT_HOSTKEY_CHANGED)
		rich_field(r, "meaning", THEME_WARN,
		           "The upstream is not the one that the manifest pins, or somebody is in "
		           "between. Nothing passes until \"KnownHostKey\" is right: ask whoever "
		           "runs it.");
	if (e->kind == EVENT_AGENT_NOTIFY)
		rich_field(r, "Enter", THEME_TEXT, "gives you its terminal, to answer");
	add_times(a, r, e, it);
}

/* --- what is no event ------------------------------------------------------------------- */

static void build_item(struct app *a, struct rich *r, const struct inbox_item *it)
{
	const struct fleet_row *row = fleet_find(a->fleet, it->session);
	char since[16];

	app_clock(since, it->first_ns);
	rich_fieldf(r, "session", THEME_TEXT, "%s%s%s", it->session, row ? " in " : "",
	            row ? row->bottle : "");
	rich_fieldf(r, "since", THEME_TEXT, "%s", since);
	add_ended(r, it);
	rich_gap(r);
	rich_field(r, it->kind == INBOX_AGENT ? "it claims" : "what",
	           it->kind == INBOX_AGENT ? THEME_TEXT : THEME_FAILED, it->text);
	switch (it->kind) {
	case INBOX_AGENT:
		rich_field(r, "Enter", THEME_TEXT, "gives you its terminal, to answer");
		break;
	case INBOX_LAUNCH:
		rich_gap(r);
		rich_field(r, "r", THEME_TEXT, "tears down what is left and launches it again");
		rich_field(r, "D", THEME_TEXT, "removes what is left of it");
		rich_fieldf(r, "look", THEME_TEXT, "claude-bottle info %s", it->session);
		break;
	case INBOX_FLOOD:
		rich_gap(r);
		rich_fieldf(r, "meaning", THEME_TEXT,
		            "%u different ones, %u times in all, beyond the %d that stand alone. "
		            "Nobody needs that many hosts: see what it runs.",
		            it->n_folded, it->count, INBOX_ROWS_MAX);
		rich_field(r, "Enter", THEME_TEXT, "lists them in the Egress pane");
		rich_field(r, "F", THEME_TEXT, "freezes the session while you look");
		break;
	default:
		break;
	}
}

static void add_record(struct rich *r, const struct event *e, bool shows_raw)
{
	rich_gap(r);
	if (shows_raw)
		rich_field(r, "record", THEME_DIM, e->detail ? e->detail : "none was kept");
	else
		rich_field(r, "v", THEME_DIM, "shows the record as it came");
}

void card_build(struct app *a, struct rich *r, uint64_t item, uint64_t seq, bool shows_raw)
{
	const struct inbox_item *it = inbox_find(fleet_inbox(a->fleet), item);
	const struct event *e = event_of(a, item, seq);

	if (it && (it->kind == INBOX_FLOOD || !e))
		build_item(a, r, it);
	else if (e)
		build_event(a, r, e, it);
	else
		rich_add(r, THEME_DIM, "This is settled: it waits no longer.");
	if (e && (!it || it->kind != INBOX_FLOOD))
		add_record(r, e, shows_raw);
}

void card_event(struct app *a, struct rich *r, const struct event *e, bool shows_raw)
{
	build_event(a, r, e, NULL);
	add_record(r, e, shows_raw);
}

/* --- the overlay -------------------------------------------------------------------------- */

const char *card_title(uint64_t item, const struct app *a, uint64_t seq)
{
	const struct inbox_item *it = inbox_find(fleet_inbox(a->fleet), item);
	const struct event *e = event_of(a, item, seq);

	if (it && (it->kind == INBOX_FLOOD || !e))
		return inbox_kind_name(it->kind);
	return e ? event_kind_name(e->kind) : "settled";
}

static void build(struct app *a, struct overlay *o, struct rich *r, struct buf *title)
{
	buf_adds(title, card_title(o->item, a, o->seq));
	card_build(a, r, o->item, o->seq, o->shows_raw);
}

static void dismiss(struct app *a, uint64_t item, uint64_t seq)
{
	if (inbox_find(fleet_inbox(a->fleet), item))
		fleet_dismiss_item(a->fleet, item, NULL);
	else
		fleet_dismiss(a->fleet, seq);
}

static void copy(struct app *a, const struct event *e)
{
	struct buf b = BUF_INIT(1u << 16);

	event_json(&b, e);
	if (screen_copy(a->screen, buf_str(&b), b.len))
		fleet_say(a->fleet, FLEET_INFO, "copied %zu bytes", b.len);
	buf_done(&b);
}

static const char *session_of(const struct app *a, uint64_t item, uint64_t seq)
{
	const struct inbox_item *it = inbox_find(fleet_inbox(a->fleet), item);
	const struct event *e = event_of(a, item, seq);

	return it ? it->session : e && e->session ? e->session : "";
}

/* Show only these in the panes. */
static void list_flood(struct app *a, const char *session)
{
	free(a->filter);
	a->filter = xstrdup(session);
	a->egress.version = a->verdicts.version = 0;
	a->focus = PANE_EGRESS;
	a->is_zoomed = false;
	overlay_close_all(a);
}

static bool open_subject(struct app *a, uint64_t item, uint64_t seq)
{
	const struct inbox_item *it = inbox_find(fleet_inbox(a->fleet), item);
	const struct event *e = event_of(a, item, seq);
	char session[FLEET_NAME_MAX];

	snprintf(session, sizeof session, "%s", session_of(a, item, seq));
	if (it && it->kind == INBOX_FLOOD) {
		list_flood(a, session);
		return true;
	}
	if ((it && it->kind == INBOX_AGENT) || (e && e->kind == EVENT_AGENT_NOTIFY)) {
		app_select(a, session);
		overlay_close_all(a);
		app_attach(a);
		return true;
	}
	return false;
}

static bool session_command(struct app *a, enum ui_command c, const char *session)
{
	if (!*session || (c != UI_FREEZE && c != UI_POLICY))
		return false;
	if (c == UI_FREEZE)
		freeze_ask(a, session);
	else
		policy_open(a, session);
	return true;
}

bool card_event_command(struct app *a, enum ui_command c, const struct event *e,
                        const char *argument)
{
	const char *session = e->session ? e->session : "";

	if (c == UI_COPY)
		copy(a, e);
	else if (c == UI_ALLOW && argument && *argument)
		allow_host(a, session, argument);
	else if (c == UI_ALLOW && is_egress(e))
		allow_event(a, e);
	else if (c == UI_ALLOW)
		fleet_say(a->fleet, FLEET_INFO, "there is no host in it to be allowed");
	else
		return push_of_event(a, c, e) || session_command(a, c, session);
	return true;
}

bool card_command(struct app *a, enum ui_command c, uint64_t item, uint64_t seq,
                  const char *argument)
{
	const struct event *e = event_of(a, item, seq);
	const char *session = session_of(a, item, seq);

	switch (c) {
	case UI_OPEN:
		return open_subject(a, item, seq);
	case UI_DISMISS:
		dismiss(a, item, seq);
		return true;
	case UI_RELAUNCH:
	case UI_REMOVE:
		if (!fleet_find(a->fleet, session))
			return true;
		app_select(a, session);
		overlay_close_all(a);
		app_command(a, c, NULL);
		return true;
	default:
		break;
	}
	if (e)
		return card_event_command(a, c, e, argument);
	if (c == UI_ALLOW || c == UI_DIFF || c == UI_APPROVE || c == UI_REJECT || c == UI_ACCEPT) {
		fleet_say(a->fleet, FLEET_INFO, "there is no %s in it",
		          c == UI_ALLOW ? "host to be allowed" : "push");
		return true;
	}
	return session_command(a, c, session);
}

static bool command(struct app *a, struct overlay *o, enum ui_command c, const char *argument)
{
	if (c == UI_RAW) {
		o->shows_raw = !o->shows_raw;
		return true;
	}
	if (c == UI_DISMISS) {
		dismiss(a, o->item, o->seq);
		overlay_close(a);
		return true;
	}
	if (card_command(a, c, o->item, o->seq, argument))
		return true;
	if (c == UI_OPEN) {
		overlay_close(a);
		return true;
	}
	return false;
}

/* What it asks; INBOX_KINDS when it waits no more, or never did. */
static enum inbox_kind kind_of(const struct app *a, uint64_t item, uint64_t seq)
{
	const struct inbox_item *it = inbox_find(fleet_inbox(a->fleet), item);
	const struct event *e = event_of(a, item, seq);

	if (it)
		return it->kind;
	return e && inbox_has(fleet_inbox(a->fleet), e) ? inbox_kind_of(e) : INBOX_KINDS;
}

const struct hint_item *card_choose_hints(const struct app *a, uint64_t item, uint64_t seq,
                                          const struct card_hints *hints)
{
	const struct event *e = event_of(a, item, seq);

	switch (kind_of(a, item, seq)) {
	case INBOX_HELD:
		return hints->held;
	case INBOX_PUSH:
		return hints->push;
	case INBOX_BLOCK:
		return hints->block;
	case INBOX_KINDS:
		return e && is_egress(e) ? hints->block : hints->other;
	default:
		return hints->other;
	}
}

static const struct hint_item held_hints[] = {
	{ UI_APPROVE, "approve" }, { UI_REJECT, "reject" }, { UI_DIFF, "diff" },
	{ UI_DISMISS, "dismiss" }, { UI_RAW, "record" },    { UI_COPY, "copy" },
	{ UI_CLOSE, "back" },	   { UI_NONE, NULL },
};
static const struct hint_item push_hints[] = {
	{ UI_DIFF, "diff" },  { UI_ACCEPT, "accept a finding" }, { UI_DISMISS, "dismiss" },
	{ UI_RAW, "record" }, { UI_COPY, "copy" },		 { UI_CLOSE, "back" },
	{ UI_NONE, NULL },
};
static const struct hint_item block_hints[] = {
	{ UI_ALLOW, "allow" }, { UI_DISMISS, "dismiss" }, { UI_RAW, "record" },
	{ UI_COPY, "copy" },   { UI_CLOSE, "back" },	  { UI_NONE, NULL },
};
static const struct hint_item hints[] = {
	{ UI_DISMISS, "dismiss" }, { UI_RAW, "record" }, { UI_RELAUNCH, "relaunch" },
	{ UI_COPY, "copy" },	   { UI_CLOSE, "back" }, { UI_NONE, NULL },
};

static const struct hint_item *hints_for(const struct app *a, const struct overlay *o)
{
	static const struct card_hints by_kind = { held_hints, push_hints, block_hints, hints };

	return card_choose_hints(a, o->item, o->seq, &by_kind);
}

static const struct overlay_class card_class = {
	.name = "card",
	.is_box = true,
	.hints_for = hints_for,
	.build = build,
	.command = command,
};

void card_open(struct app *a, uint64_t item, uint64_t seq)
{
	struct overlay *o = overlay_open(a, &card_class);

	o->item = item;
	o->seq = seq;
}
