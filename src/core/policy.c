/* The model of a session's policy, and what is said of a change. */
#include "core/policy_int.h"

#include <cjson/cJSON.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"
#include "core/event.h"
#include "core/mem.h"

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_entries; i++) {
		free(p->entries[i].by);
		free(p->entries[i].why);
	}
	free(p->entries);
	strv_free(p->allowlist);
	strv_free(p->passthrough);
	strv_free(p->trusted);
	free(p->agent);
	free(p->bottle);
	free(p);
}

const struct policy_entry *policy_find(const struct policy *p, const char *host)
{
	for (size_t i = 0; i < p->n_entries; i++)
		if (strcmp(p->entries[i].host, host) == 0)
			return &p->entries[i];
	return NULL;
}

const char *policy_covered_by(char *const *allowlist, const struct policy_entry *entries, size_t n,
                              const char *host)
{
	for (; allowlist && *allowlist; allowlist++) {
		char *one[] = { *allowlist, NULL };
		bool is_denied = false;

		for (size_t i = 0; i < n; i++)
			is_denied = is_denied || (entries[i].is_denied &&
			                          strcmp(entries[i].host, *allowlist) == 0);
		if (!is_denied && host_list_covers(one, host))
			return *allowlist;
	}
	return NULL;
}

bool policy_allows(const struct policy *p, const char *host, int64_t now)
{
	const struct policy_entry *e = policy_find(p, host);

	if (e && !e->is_denied && (e->until == 0 || e->until > now))
		return true;
	return policy_covered_by(p->allowlist, p->entries, p->n_entries, host) != NULL;
}

/* --- a URL without its secrets ------------------------------------------------------- */

#define URL_MAX 2048

char *policy_cut_url(const char *url, bool *was_cut)
{
	const char *mark = strstr(url, "://"), *host = url, *at = NULL;
	size_t scheme = mark ? (size_t)(mark - url) : 0, authority, n;

	if (strlen(url) > URL_MAX)
		return NULL;
	for (const char *s = url; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f || *s == '\\')
			return NULL;
	/* only at the beginning: "host/path?u=http://x" has no scheme */
	if (mark && strcspn(url, ":/?#@") == scheme && scheme > 0)
		host = mark + 3;
	else
		scheme = 0;
	authority = strcspn(host, "/?#");
	for (size_t i = 0; i < authority; i++)
		if (host[i] == '@')
			at = host + i;
	n = strcspn(host, "?#");
	*was_cut = host[n] != '\0' || at;
	if (at) {
		n -= (size_t)(at + 1 - host);
		authority -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	if (authority == 0)
		return NULL;
	return xasprintf("%.*s://%.*s", scheme ? (int)scheme : 5, scheme ? url : "https", (int)n,
	                 host);
}

/* --- who, and for how long ----------------------------------------------------------- */

char *policy_by(void)
{
	const struct passwd *pw = getpwuid(geteuid());
	char host[65] = "";

	if (gethostname(host, sizeof host - 1) < 0)
		host[0] = '\0';
	if (pw && pw->pw_name)
		return xasprintf("%.40s@%.38s", pw->pw_name, host);
	return xasprintf("%u@%.38s", (unsigned)geteuid(), host);
}

int policy_parse_duration(int64_t *seconds, const char *text, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits;
	int64_t n, factor = 60;

	if (strcmp(unit, "s") == 0)
		factor = 1;
	else if (strcmp(unit, "h") == 0)
		factor = 3600;
	else if (strcmp(unit, "d") == 0)
		factor = 86400;
	else if (*unit && strcmp(unit, "m") != 0)
		digits = 0;
	/* six digits of days do not overflow */
	n = digits > 0 && digits <= 6 ? strtoll(text, NULL, 10) * factor : 0;
	if (n < 1 || n > POLICY_SECONDS_MAX)
		return err_set(
			err, ERR_INPUT,
			"\"%.40s\" is no time that a host can be allowed for; write \"15m\", "
			"\"90s\" or \"2h\", at most %dd",
			text, POLICY_SECONDS_MAX / 86400);
	*seconds = n;
	return 0;
}

void policy_duration_text(char out[16], int64_t seconds)
{
	static const struct {
		int seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' } };
	/* no permission is that long */
	int n = seconds < 0 ? 0 : seconds > 99999999 ? 99999999 : (int)seconds;

	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		/* a whole number of a unit is said in it: "15m", "1h" */
		if (n >= 2 * units[i].seconds || (n && n % units[i].seconds == 0)) {
			snprintf(out, 16, "%d%c", n / units[i].seconds, units[i].unit);
			return;
		}
	}
	snprintf(out, 16, "%ds", n);
}

/* --- the event ----------------------------------------------------------------------- */

static const char *verb_name(enum policy_verb verb)
{
	static const char *const names[] = {
		[POLICY_ALLOW] = "allow",
		[POLICY_REVOKE] = "revoke",
		[POLICY_FREEZE] = "freeze",
		[POLICY_THAW] = "thaw",
	};

	return names[verb];
}

static void set_summary(struct event *e, const struct policy_change *c, const struct err *err)
{
	const char *host = c->host ? c->host : "";
	char how_long[16];

	if (err) {
		event_set_summary(e, "%s %s refused: %s", verb_name(c->verb), host, err->msg);
		return;
	}
	switch (c->verb) {
	case POLICY_ALLOW:
		policy_duration_text(how_long, c->seconds);
		if (c->is_saved)
			event_set_summary(e, "%s written into the manifest, for later launches",
			                  host);
		else if (c->seconds)
			event_set_summary(e, "%s allowed for %s", host, how_long);
		else
			event_set_summary(e, "%s allowed for this session", host);
		break;
	case POLICY_REVOKE:
		event_set_summary(e, "%s no longer allowed%s", host,
		                  c->cuts ? ", open tunnels cut" : "");
		break;
	case POLICY_FREEZE:
		event_set_summary(e, "frozen: agent paused, every request refused");
		break;
	case POLICY_THAW:
		event_set_summary(e, "thawed");
		break;
	}
}

void policy_event(struct event *out, const char *session, const char *bottle,
                  const struct policy_change *c, int64_t now_ns, const struct err *err)
{
	const bool opens = c->verb == POLICY_ALLOW || c->verb == POLICY_THAW;
	const int64_t until = now_ns / 1000000000 + c->seconds;
	cJSON *o = cJSON_CreateObject();

	event_init(out);
	out->ts_ns = now_ns;
	out->kind = EVENT_POLICY_CHANGED;
	out->source = EVENT_FROM_SELF;
	out->verdict = err ? EVENT_FAIL : opens ? EVENT_ALLOW : EVENT_BLOCK;
	event_set_owner(out, session, bottle);
	if (c->host)
		event_set_host(out, c->host, strlen(c->host));
	event_set_rule(out, verb_name(c->verb), strlen(verb_name(c->verb)));
	set_summary(out, c, err);

	cJSON_AddStringToObject(o, "action", verb_name(c->verb));
	if (c->host)
		cJSON_AddStringToObject(o, "host", c->host);
	if (c->verb == POLICY_ALLOW)
		cJSON_AddStringToObject(o, "scope",
		                        c->is_saved  ? "manifest"
		                        : c->seconds ? "until"
		                                     : "session");
	if (c->verb == POLICY_ALLOW && c->seconds)
		cJSON_AddNumberToObject(o, "until", (double)until);
	if (c->verb == POLICY_ALLOW || c->verb == POLICY_REVOKE)
		cJSON_AddBoolToObject(o, "cuts", c->cuts);
	cJSON_AddStringToObject(o, "by", c->by ? c->by : "");
	if (c->why && *c->why)
		cJSON_AddStringToObject(o, "why", c->why);
	if (err)
		cJSON_AddStringToObject(o, "error", err->msg);
	event_set_detail(out, o, false);
	cJSON_Delete(o);
}
