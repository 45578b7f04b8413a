/* The inbox and events: which ask what, and the one that says that a question was
 * dismissed. */
#include <cjson/cJSON.h>
#include <string.h>

#include "core/inbox.h"
#include "core/pipelock_explain.h"

static const char *const names[INBOX_KINDS] = {
	[INBOX_BLOCK] = "block",	  [INBOX_PUSH] = "push",
	[INBOX_HELD] = "held push",	  [INBOX_AGENT] = "agent waits",
	[INBOX_LAUNCH] = "launch failed", [INBOX_ISOLATION] = "isolation",
	[INBOX_GAP] = "log gap",	  [INBOX_POLICY] = "policy",
	[INBOX_FLOOD] = "flood",
};

const char *inbox_kind_name(enum inbox_kind kind)
{
	return kind < INBOX_KINDS ? names[kind] : "";
}

enum inbox_kind inbox_kind_of(const struct event *ev)
{
	if (!event_needs_attention(ev))
		return INBOX_KINDS;
	switch (ev->kind) {
	case EVENT_EGRESS_BLOCKED:
	case EVENT_EGRESS_DLP:
		/* what passes by itself, or is refused because we froze it, asks nothing */
		if (ev->rule && pipelock_explain(ev->rule)->remedy == PIPELOCK_WAIT)
			return INBOX_KINDS;
		return INBOX_BLOCK;
	case EVENT_PUSH_HELD:
		return INBOX_HELD;
	case EVENT_PUSH_REJECTED:
	case EVENT_PUSH_OVERSIZE:
	case EVENT_HOSTKEY_CHANGED:
		return INBOX_PUSH;
	case EVENT_AGENT_NOTIFY:
		return INBOX_AGENT;
	case EVENT_ISOLATION_RESULT:
		return INBOX_ISOLATION;
	case EVENT_LOG_GAP:
		return INBOX_GAP;
	case EVENT_POLICY_CHANGED:
		return INBOX_POLICY;
	case EVENT_SESSION_STATE:
	default:
		return INBOX_LAUNCH;
	}
}

bool inbox_kind_outlives(enum inbox_kind kind)
{
	return kind == INBOX_LAUNCH || kind == INBOX_GAP;
}

/* --- a dismissal --------------------------------------------------------------------- */

static void add(cJSON *o, const char *name, const char *value)
{
	if (value && *value)
		cJSON_AddStringToObject(o, name, value);
}

void inbox_event_of(struct event *out, const struct inbox_item *item, const char *bottle,
                    const char *by, const char *why, int64_t now_ns)
{
	static const char action[] = "dismiss";
	cJSON *o = cJSON_CreateObject();

	event_init(out);
	out->ts_ns = now_ns;
	out->kind = EVENT_INBOX_DISMISSED;
	out->source = EVENT_FROM_SELF;
	event_set_owner(out, *item->session ? item->session : NULL, bottle);
	if (item->host)
		event_set_host(out, item->host, strlen(item->host));
	event_set_rule(out, action, strlen(action));
	event_set_summary(out, "dismissed, %s: %s", inbox_kind_name(item->kind), item->text);

	add(o, "action", action);
	add(o, "question", inbox_kind_name(item->kind));
	add(o, "id", item->name);
	add(o, "host", item->host);
	add(o, "rule", item->rule);
	add(o, "push", item->push);
	cJSON_AddNumberToObject(o, "count", item->count);
	cJSON_AddStringToObject(o, "by", by);
	add(o, "why", why);
	event_set_detail(out, o, false);
	cJSON_Delete(o);
}
