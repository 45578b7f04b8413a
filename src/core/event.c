#include "core/event.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/stamp.h"
#include "core/text.h"

static const char *const kind_names[EVENT_KINDS] = {
	[EVENT_OTHER] = "other",
	[EVENT_EGRESS_BLOCKED] = "egress.blocked",
	[EVENT_EGRESS_DLP] = "egress.dlp",
	[EVENT_EGRESS_DNS] = "egress.dns",
	[EVENT_EGRESS_ALLOWED] = "egress.allowed",
	[EVENT_EGRESS_ERROR] = "egress.error",
	[EVENT_PUSH_ACCEPTED] = "push.accepted",
	[EVENT_PUSH_REJECTED] = "push.rejected",
	[EVENT_PUSH_FAILED] = "push.failed",
	[EVENT_PUSH_HELD] = "push.held",
	[EVENT_PUSH_OVERSIZE] = "push.oversize",
	[EVENT_FETCH_OK] = "fetch.ok",
	[EVENT_FETCH_FAILED] = "fetch.failed",
	[EVENT_HOSTKEY_CHANGED] = "hostkey.changed",
	[EVENT_GATE_READY] = "gate.ready",
	[EVENT_SESSION_STATE] = "session.state",
	[EVENT_ISOLATION_RESULT] = "isolation.result",
	[EVENT_AGENT_NOTIFY] = "agent.notify",
	[EVENT_AGENT_EXIT] = "agent.exit",
	[EVENT_POLICY_CHANGED] = "policy.changed",
	[EVENT_LOG_GAP] = "log.gap",
	[EVENT_INBOX_DISMISSED] = "inbox.dismissed",
};

static const char *const verdict_names[EVENT_VERDICTS] = {
	"", "allow", "warn", "block", "fail", "hold",
};

static const char *const source_names[EVENT_SOURCES] = {
	"claude-bottle", "pipelock", "resolver", "git-gate", "keeper", "agent", "probe", "engine",
};

/* State is always shape as well as colour (the theme adds the latter). */
static const char *const verdict_marks[EVENT_VERDICTS][2] = {
	{ "·", "-" }, { "✓", "+" }, { "!", "!" }, { "✗", "x" }, { "✗", "x" }, { "‖", "=" },
};

static const char *name_of(const char *const *names, size_t n, unsigned i)
{
	return i < n ? names[i] : "";
}

static int parse_name(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

const char *event_kind_name(enum event_kind kind)
{
	return name_of(kind_names, EVENT_KINDS, kind);
}

const char *event_verdict_name(enum event_verdict v)
{
	return name_of(verdict_names, EVENT_VERDICTS, v);
}

const char *event_source_name(enum event_source s)
{
	return name_of(source_names, EVENT_SOURCES, s);
}

int event_kind_parse(const char *name)
{
	return parse_name(kind_names, EVENT_KINDS, name);
}

void event_init(struct event *e)
{
	*e = (struct event){ .count = 1 };
}

void event_done(struct event *e)
{
	if (!e)
		return;
	free(e->session);
	free(e->bottle);
	free(e->host);
	free(e->rule);
	free(e->summary);
	free(e->detail);
	e->session = e->bottle = e->host = e->rule = e->summary = e->detail = NULL;
}

void event_copy(struct event *to, const struct event *from)
{
	*to = *from;
	to->session = xstrdup_or_null(from->session);
	to->bottle = xstrdup_or_null(from->bottle);
	to->host = xstrdup_or_null(from->host);
	to->rule = xstrdup_or_null(from->rule);
	to->summary = xstrdup_or_null(from->summary);
	to->detail = xstrdup_or_null(from->detail);
}

/* At most max bytes of s, whole characters, up to a NUL; NULL when empty. */
static char *bounded(const char *s, size_t n, size_t max)
{
	n = strnlen(s, n);
	if (n > max) {
		n = max;
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	}
	return n ? xstrndup(s, n) : NULL;
}

void event_set_owner(struct event *e, const char *session, const char *bottle)
{
	free(e->session);
	free(e->bottle);
	e->session = xstrdup_or_null(session);
	e->bottle = xstrdup_or_null(bottle);
}

/* The bare host in s: without scheme, userinfo, path, port and brackets. */
static void find_host(const char **s, size_t *n)
{
	const char *p = *s, *mark = *n >= 3 ? memmem(p, *n, "://", 3) : NULL, *at;
	size_t len = mark ? *n - (size_t)(mark + 3 - p) : *n, end = 0;

	p = mark ? mark + 3 : p;
	while (end < len && p[end] != '/' && p[end] != '?' && p[end] != '#')
		end++;
	at = end ? memrchr(p, '@', end) : NULL;
	if (at) {
		end -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	if (end > 0 && p[0] == '[') {
		const char *close = memchr(p, ']', end);

		p++;
		end = close ? (size_t)(close - p) : end - 1;
	} else if (end > 0) {
		const char *colon = memchr(p, ':', end);

		/* more than one colon: an IPv6 address without brackets */
		if (colon && !memchr(colon + 1, ':', end - (size_t)(colon + 1 - p)))
			end = (size_t)(colon - p);
	}
	while (end > 0 && p[end - 1] == '.')
		end--;
	*s = p;
	*n = end;
}

void event_set_host(struct event *e, const char *s, size_t n)
{
	find_host(&s, &n);
	free(e->host);
	e->host = bounded(s, n, EVENT_HOST_MAX);
	for (char *p = e->host; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	e->is_probe = e->host && event_host_is_probe(e->host);
}

void event_set_rule(struct event *e, const char *s, size_t n)
{
	char *rule = bounded(s, n, EVENT_RULE_MAX);

	free(e->rule);
	e->rule = rule;
}

void event_set_summary(struct event *e, const char *fmt, ...)
{
	struct buf cut = BUF_INIT(EVENT_VALUE_MAX * 4);
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	text_cut_query(&cut, s, strnlen(s, EVENT_VALUE_MAX));
	free(s);
	free(e->summary);
	e->summary = bounded(buf_str(&cut), cut.len, EVENT_SUMMARY_MAX);
	buf_done(&cut);
}

bool event_host_is_probe(const char *host)
{
	static const char zone[] = "isolation-probe.invalid";
	size_t n = strlen(host), z = sizeof zone - 1;

	return n >= z && !strcasecmp(host + n - z, zone) && (n == z || host[n - z - 1] == '.');
}

/* What a person turned down needs nobody any more. */
static bool was_decided(const struct event *e)
{
	CLEANUP_FREE char *by = event_detail_get(e, "by");

	return by && *by;
}

bool event_needs_attention(const struct event *e)
{
	if (e->is_probe)
		return false;
	switch (e->kind) {
	case EVENT_EGRESS_BLOCKED:
	case EVENT_EGRESS_DLP:
		return e->verdict == EVENT_BLOCK;
	case EVENT_PUSH_REJECTED:
		return !was_decided(e);
	case EVENT_PUSH_HELD:
	case EVENT_PUSH_OVERSIZE:
	case EVENT_HOSTKEY_CHANGED:
	case EVENT_AGENT_NOTIFY:
	case EVENT_LOG_GAP:
		return true;
	case EVENT_SESSION_STATE:
	case EVENT_ISOLATION_RESULT:
	case EVENT_POLICY_CHANGED:
		return e->verdict == EVENT_FAIL;
	default:
		return false;
	}
}

/* --- for people --- */

/* A column: text, then spaces up to width (counted in characters). */
static int column(struct buf *out, const char *s, unsigned width, bool is_ascii)
{
	size_t start = out->len, n = 0;

	if (s && text_safe(out, s, strlen(s), 0, is_ascii) < 0)
		return -1;
	for (size_t i = start; i < out->len; i++)
		n += ((unsigned char)out->data[i] & 0xc0) != 0x80;
	for (; n < width; n++)
		if (buf_addc(out, ' ') < 0)
			return -1;
	return buf_addc(out, ' ');
}

int event_line(struct buf *out, const struct event *e, const struct event_style *style)
{
	time_t t = (time_t)(e->ts_ns / NS_PER_S);
	char when[32] = "";
	struct tm tm;
	unsigned v = e->verdict < EVENT_VERDICTS ? e->verdict : EVENT_NO_VERDICT;
	int rc;

	if (localtime_r(&t, &tm))
		strftime(when, sizeof when, style->has_date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S",
		         &tm);
	rc = buf_addf(out, "%s %s ", when, verdict_marks[v][style->is_ascii]);
	if (rc == 0 && style->session_width)
		rc = column(out, e->session ? e->session : "-", style->session_width,
		            style->is_ascii);
	/* as wide as the longest kind */
	if (rc == 0)
		rc = column(out, event_kind_name(e->kind), 16, true);
	if (rc == 0 && e->host) {
		rc = text_safe(out, e->host, strlen(e->host), EVENT_HOST_MAX, true);
		if (rc == 0 && e->summary)
			rc = buf_adds(out, ": ");
	}
	if (rc == 0 && e->summary)
		rc = text_safe(out, e->summary, strlen(e->summary), 0, style->is_ascii);
	if (rc == 0 && e->count > 1)
		rc = buf_addf(out, style->is_ascii ? " x%u" : " ×%u", e->count);
	if (rc == 0 && e->is_probe)
		rc = buf_adds(out, " (probe)");
	return rc;
}

/* --- JSON --- */

int event_json(struct buf *out, const struct event *e)
{
	char ts[STAMP_SIZE];
	int rc = buf_addc(out, '{');

	stamp_format(ts, e->ts_ns);
	if (e->id)
		rc |= buf_addf(out, "\"id\":%llu,", (unsigned long long)e->id);
	rc |= buf_addf(out, "\"ts\":\"%s\"", ts);
	rc |= text_add_member(out, "session", e->session);
	rc |= text_add_member(out, "bottle", e->bottle);
	rc |= text_add_member(out, "source", event_source_name(e->source));
	rc |= text_add_member(out, "kind", event_kind_name(e->kind));
	rc |= text_add_member(out, "verdict", e->verdict ? event_verdict_name(e->verdict) : NULL);
	rc |= text_add_member(out, "host", e->host);
	rc |= text_add_member(out, "rule", e->rule);
	rc |= text_add_member(out, "summary", e->summary);
	rc |= buf_addf(out, ",\"count\":%u,\"probe\":%s", e->count, e->is_probe ? "true" : "false");
	if (e->fold)
		rc |= buf_addf(out, ",\"fold\":%llu", (unsigned long long)e->fold);
	if (e->detail)
		rc |= buf_addf(out, ",\"detail\":%s", e->detail);
	rc |= buf_addc(out, '}');
	return rc < 0 ? -1 : 0;
}

static const char *string_of(const cJSON *root, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, name));
}

static char *copy_of(const cJSON *root, const char *name, size_t max)
{
	const char *s = string_of(root, name);

	return s ? bounded(s, strlen(s), max) : NULL;
}

static uint64_t number_of(const cJSON *root, const char *name)
{
	double v = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(root, name));

	return v >= 0 && v < 9007199254740992.0 ? (uint64_t)v : 0;
}

static int named(int *out, const cJSON *root, const char *name, const char *const *names, size_t n,
                 struct err *err)
{
	const char *s = string_of(root, name);
	int v = s ? parse_name(names, n, s) : 0;

	if (v < 0)
		return err_set(err, ERR_INPUT, "event: '%.40s' is no %s", s, name);
	*out = v;
	return 0;
}

int event_parse(struct event *out, const char *json, size_t n, struct err *err)
{
	cJSON *root = cJSON_ParseWithLength(json, n);
	const char *ts = string_of(root, "ts");
	int kind = 0, verdict = 0, source = 0, rc = -1;
	struct event e;

	event_init(&e);
	if (!cJSON_IsObject(root)) {
		err_set(err, ERR_INPUT, "event: not a JSON object");
		goto out;
	}
	if (!ts || stamp_parse(ts, strlen(ts), &e.ts_ns) != strlen(ts)) {
		err_set(err, ERR_INPUT, "event: \"ts\" is no RFC 3339 time");
		goto out;
	}
	/* a kind of a later version is still an event */
	if (named(&kind, root, "kind", kind_names, EVENT_KINDS, NULL) < 0)
		kind = EVENT_OTHER;
	if (named(&verdict, root, "verdict", verdict_names, EVENT_VERDICTS, err) < 0 ||
	    named(&source, root, "source", source_names, EVENT_SOURCES, err) < 0)
		goto out;
	e.kind = (enum event_kind)kind;
	e.verdict = (enum event_verdict)verdict;
	e.source = (enum event_source)source;
	e.id = number_of(root, "id");
	e.fold = number_of(root, "fold");
	e.count = (unsigned)number_of(root, "count");
	e.count = e.count ? e.count : 1;
	e.is_probe = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "probe"));
	e.session = copy_of(root, "session", EVENT_HOST_MAX);
	e.bottle = copy_of(root, "bottle", EVENT_HOST_MAX);
	e.host = copy_of(root, "host", EVENT_HOST_MAX);
	e.rule = copy_of(root, "rule", EVENT_RULE_MAX);
	e.summary = copy_of(root, "summary", EVENT_SUMMARY_MAX);
	if (cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(root, "detail")))
		event_set_detail(&e, cJSON_GetObjectItemCaseSensitive(root, "detail"), false);
	*out = e;
	event_init(&e);
	rc = 0;
out:
	event_done(&e);
	cJSON_Delete(root);
	return rc;
}
