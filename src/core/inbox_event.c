/* A dismissal as an event. */
#include <cjson/cJSON.h>
#include <string.h>

#include "core/inbox.h"

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
