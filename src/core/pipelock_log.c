#include "core/pipelock_log.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/lines.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "core/pipelock_explain.h"
#include "core/stamp.h"
#include "core/text.h"

/* One line while it is being judged. */
struct reading {
	struct pipelock_log *log;
	cJSON *root;
	struct event *e;
	const char *method; /* "" when there is none */
	const char *reason;
	bool is_hidden;
	bool hides_path;
	char *pair;       /* owned; the key of a second half to come */
	struct buf asked; /* see asked() */
};

static const char *get(const struct reading *r, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->root, name));

	return s ? s : "";
}

static double number(const struct reading *r, const char *name)
{
	double v = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(r->root, name));

	return v >= 0 ? v : 0; /* not a number is not that either */
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* --- what was asked for, and what decided --- */

/* The host of the request: of the first member that names one. */
static void find_host(struct reading *r)
{
	static const char *const names[] = { "url",      "target",       "connect_host",
		                             "hostname", "original_url", NULL };

	for (size_t i = 0; names[i] && !r->e->host; i++) {
		const char *s = get(r, names[i]);

		if (strcmp(s, "[redacted-url]") != 0)
			event_set_host(r->e, s, strlen(s));
	}
	if (!r->e->host) {
		const char *at = strstr(r->reason, "domain not in allowlist: ");

		if (at)
			event_set_host(r->e, at + 25, strlen(at + 25));
	}
}

/* The names of the patterns that a reason ends with, without the severity. */
static const char *patterns_in(const char *reason, size_t *n)
{
	static const char *const leads[] = {
		"request body contains secret: ",
		"core DLP match: ",
		"DLP match: ",
		"response injection: ",
		"response contains prompt injection: ",
		"response blocked by operator: ",
		"sse stream finding: injection: ",
		"injection detected (ask not supported for WS): ",
		NULL,
	};
	static const char *const severities[] = { " (critical)", " (high)", " (medium)", " (low)",
		                                  NULL };

	for (size_t i = 0; leads[i]; i++) {
		const char *names = reason + strlen(leads[i]);

		if (!starts(reason, leads[i]))
			continue;
		*n = strlen(names);
		for (size_t k = 0; severities[k]; k++) {
			size_t len = strlen(severities[k]);

			if (*n > len && !memcmp(names + *n - len, severities[k], len)) {
				*n -= len;
				break;
			}
		}
		return names;
	}
	return NULL;
}

/* "scanner", or "scanner: pattern, pattern". */
static void set_rule(struct reading *r, const char *scanner)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(r->root, "patterns"), *item;
	struct buf rule = BUF_INIT(EVENT_RULE_MAX * 4);
	const char *lead = ": ", *names;
	size_t n;

	buf_add(&rule, scanner, strnlen(scanner, 64));
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsString(item))
			continue;
		buf_addf(&rule, "%s%.*s", lead, EVENT_RULE_MAX, item->valuestring);
		lead = ", ";
	}
	names = lead[0] == ':' ? patterns_in(r->reason, &n) : NULL;
	if (names)
		buf_addf(&rule, ": %.*s", (int)(n < EVENT_RULE_MAX ? n : EVENT_RULE_MAX), names);
	if (*get(r, "pattern") && lead[0] == ':' && !names)
		buf_addf(&rule, ": %.*s", EVENT_RULE_MAX, get(r, "pattern"));
	event_set_rule(r->e, buf_str(&rule), rule.len);
	buf_done(&rule);
}

static bool is_ip(const char *host)
{
	return strchr(host, ':') || strspn(host, "0123456789.") == strlen(host);
}

/* Our own probe: by its host (event_set_host), its pattern, or its path. The short
 * path counts at addresses only, which is all that the probe uses it for; where
 * an agent uses these names itself it is refused and stored all the same. */
static void mark_probe(struct reading *r)
{
	static const char path[] = "/isolation-probe";
	const char *url = get(r, "url"), *authority = strstr(url, "://"), *rest;

	if (r->e->rule && strstr(r->e->rule, ": " PIPELOCK_PROBE_PATTERN))
		r->e->is_probe = true;
	rest = authority ? strchr(authority + 3, '/') : NULL;
	if (!rest || !starts(rest, path) || !r->e->host)
		return;
	rest += sizeof path - 1;
	if (starts(rest, ".git"))
		rest += 4;
	else if (!is_ip(r->e->host))
		return;
	if (*rest == '\0' || *rest == '/' || *rest == '?')
		r->e->is_probe = true;
}

/* A long quoted word in a reason about random-looking text is the text itself. */
static char *mask_quoted(const char *reason)
{
	struct buf out = BUF_INIT(EVENT_VALUE_MAX * 2);
	const char *s = reason, *open, *close;

	while ((open = strchr(s, '"')) && (close = strchr(open + 1, '"'))) {
		size_t n = (size_t)(close - open - 1);

		buf_add(&out, s, (size_t)(open + 1 - s));
		if (n >= 16)
			text_mask(&out, open + 1, n);
		else
			buf_add(&out, open + 1, n);
		buf_addc(&out, '"');
		s = close + 1;
	}
	buf_adds(&out, s);
	return buf_steal(&out);
}

static void set(struct reading *r, enum event_kind kind, enum event_verdict verdict)
{
	r->e->kind = kind;
	r->e->verdict = verdict;
}

/* "CONNECT", "CONNECT to port 22", "request": an allowed host is allowed on every
 * port, so an unusual one is worth a word. Valid until the next call for r. */
static const char *asked(struct reading *r)
{
	const char *target = get(r, "target"), *colon = strrchr(target, ':');
	bool has_port = colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);

	buf_reset(&r->asked);
	buf_addf(&r->asked, "%.32s", *r->method ? r->method : "request");
	if (has_port && strcmp(colon, ":443") != 0 && strcmp(colon, ":80") != 0)
		buf_addf(&r->asked, " to port %.5s", colon + 1);
	return buf_str(&r->asked);
}

/* --- one function for each way of reading an event --- */

/* Something was refused by a scanner. */
static void refused(struct reading *r, const char *scanner, const char *reason)
{
	const struct pipelock_scanner *about;

	set_rule(r, scanner);
	about = pipelock_explain(r->e->rule ? r->e->rule : "");
	set(r, about->kind, EVENT_BLOCK);
	r->hides_path = about->hides_path;
	if (!strcmp(scanner, "allowlist") && !strstr(reason, "redirect"))
		event_set_summary(r->e, "%s refused: not in the allowlist", asked(r));
	else
		event_set_summary(r->e, "%s refused: %s", asked(r), reason);
}

/* Something was found and let through. */
static void warned(struct reading *r, const char *scanner, const char *reason)
{
	const struct pipelock_scanner *about;

	set_rule(r, scanner);
	about = pipelock_explain(r->e->rule ? r->e->rule : "");
	set(r, about->kind == EVENT_EGRESS_DLP ? EVENT_EGRESS_DLP : EVENT_OTHER, EVENT_WARN);
	r->hides_path = about->hides_path;
	event_set_summary(r->e, "%s let through: %s", asked(r), reason);
}

/* The two halves of a refused redirect: "redirect from URL blocked: WHY" names
 * the end that was refused, "redirect blocked: WHY" the beginning. */
static void pair_redirect(struct reading *r)
{
	static const char first[] = "redirect from ", second[] = "redirect blocked: ";
	const char *why = strstr(r->reason, " blocked: ");

	if (starts(r->reason, first) && why)
		r->pair = xasprintf("redirect %s %s", get(r, "request_id"), why + 10);
	else if (starts(r->reason, second))
		r->pair = xasprintf("redirect %s %s", get(r, "request_id"),
		                    r->reason + sizeof second - 1);
}

static void read_blocked(struct reading *r)
{
	const char *scanner = get(r, "scanner");

	/* no policy said no: the name does not exist, or nobody answered */
	if (!strcmp(scanner, "ssrf") && starts(r->reason, "SSRF check failed: ")) {
		set_rule(r, scanner);
		set(r, EVENT_EGRESS_ERROR, EVENT_FAIL);
		event_set_summary(r->e, "%s failed: %s", asked(r), r->reason);
		return;
	}
	if (!*r->method && *get(r, "direction"))
		r->method = "WS frame";
	refused(r, scanner, r->reason);
	pair_redirect(r);
}

static void read_anomaly(struct reading *r)
{
	const char *scanner = get(r, "scanner");

	if (!strcmp(r->method, "STARTUP")) {
		r->is_hidden = true;
	} else if (!strcmp(scanner, "tls_intercept")) {
		set_rule(r, scanner);
		set(r, EVENT_EGRESS_ALLOWED, EVENT_ALLOW);
		event_set_summary(r->e, "intercepted tunnel opened");
	} else if (*scanner) {
		warned(r, scanner, r->reason);
	} else {
		set(r, EVENT_OTHER, EVENT_WARN);
		event_set_summary(r->e, "%s", r->reason);
	}
}

static void read_error(struct reading *r)
{
	const char *error = get(r, "error");

	if (!strcmp(r->method, "close")) {
		r->is_hidden = true;
	} else if (!strcmp(r->method, "CONFIG_RELOAD")) {
		set(r, EVENT_POLICY_CHANGED, EVENT_FAIL);
		event_set_summary(r->e, "new policy refused: %s; the old one stays in force",
		                  error);
		r->pair = xasprintf("reload %s %s", get(r, "time"), error);
	} else {
		set(r, EVENT_EGRESS_ERROR, EVENT_FAIL);
		event_set_summary(r->e, "%s failed: %s", asked(r), error);
	}
}

static void read_reload(struct reading *r)
{
	set(r, EVENT_POLICY_CHANGED, EVENT_NO_VERDICT);
	event_set_summary(r->e, "policy in force (%s), config %.12s", get(r, "detail"),
	                  get(r, "config_hash"));
}

/* What a *_dlp, *_protection or *_scan event found, in words. */
static void add_finding(struct reading *r, struct buf *out, bool is_response)
{
	const cJSON *first =
		cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(r->root, "findings"), 0);
	const char *rule = r->e->rule ? strstr(r->e->rule, ": ") : NULL;

	if (cJSON_IsString(first))
		buf_addf(out, "%.512s", first->valuestring);
	else if (is_response)
		buf_addf(out, "response contains injection%s", rule ? rule : "");
	else if (*get(r, "header"))
		buf_addf(out, "header %.64s contains secret%s", get(r, "header"), rule ? rule : "");
	else
		buf_addf(out, "request contains secret%s", rule ? rule : "");
}

/* body_dlp, header_dlp, address_protection, response_scan, ws_scan, dlp_warn: what
 * was done is told by "action" alone. */
static void read_scan(struct reading *r)
{
	const char *event = get(r, "event"), *action = get(r, "action");
	bool is_out = strcmp(get(r, "direction"), "server_to_client") != 0 &&
	              strcmp(event, "response_scan") != 0;
	bool is_plain = !strcmp(event, "dlp_warn") || !strcmp(event, "ws_scan");
	struct buf found = BUF_INIT(2048);

	set_rule(r, !is_out ? "response_scan" : is_plain ? "dlp" : event);
	set(r, EVENT_EGRESS_DLP, !strcmp(action, "block") ? EVENT_BLOCK : EVENT_WARN);
	r->hides_path = is_out;
	add_finding(r, &found, !is_out);
	event_set_summary(r->e, "%s %s: %s", asked(r),
	                  r->e->verdict == EVENT_BLOCK ? "refused"
	                  : !strcmp(action, "strip")   ? "cleaned"
	                                               : "let through",
	                  buf_str(&found));
	buf_done(&found);
}

static void read_request(struct reading *r)
{
	set(r, EVENT_EGRESS_ALLOWED, EVENT_ALLOW);
	event_set_rule(r->e, get(r, "event"), strlen(get(r, "event")));
	event_set_summary(r->e, "%s %.0f, %.0f bytes, %.1f ms", asked(r), number(r, "status_code"),
	                  number(r, "size_bytes"), number(r, "duration_ms"));
}

static void read_tunnel(struct reading *r)
{
	const char *event = get(r, "event");
	bool is_ws = starts(event, "ws_"), is_close = strstr(event, "_close") != NULL;
	double bytes = number(r, "total_bytes") + number(r, "client_to_server_bytes") +
	               number(r, "server_to_client_bytes");

	set(r, EVENT_EGRESS_ALLOWED, EVENT_ALLOW);
	event_set_rule(r->e, event, strlen(event));
	if (is_close)
		event_set_summary(r->e, "%s closed after %.1f ms, %.0f bytes",
		                  is_ws ? "websocket" : "tunnel", number(r, "duration_ms"), bytes);
	else
		event_set_summary(r->e, "%s",
		                  is_ws ? "websocket opened" : "tunnel opened, not scanned");
}

static void read_sni(struct reading *r)
{
	const char *sni = get(r, "sni_host");

	set_rule(r, "sni_mismatch");
	set(r, EVENT_EGRESS_BLOCKED, EVENT_BLOCK);
	if (!strcmp(get(r, "category"), "mismatch"))
		event_set_summary(r->e, "connection dropped: TLS asks for %.255s", sni);
	else
		event_set_summary(r->e, "connection dropped: no TLS greeting (%s)",
		                  get(r, "category"));
}

static void read_kill_switch(struct reading *r)
{
	set_rule(r, "kill_switch");
	set(r, EVENT_EGRESS_BLOCKED, EVENT_BLOCK);
	event_set_summary(r->e, "refused: %s", get(r, "deny_message"));
}

/* Blocks that only these events tell: the rest of their kind are remarks. */
static void read_session(struct reading *r)
{
	const char *event = get(r, "event");
	bool is_upgrade = !strcmp(event, "adaptive_upgrade");
	const char *did = get(r, is_upgrade ? "to_action" : "action");
	bool is_block =
		!strcmp(event, "airlock_deny") ||
		(is_upgrade && !strcmp(did, "block") &&
	         !strcmp(get(r, "scanner"), "session_deny")) ||
		(!strcmp(event, "taint_decision") && !strcmp(get(r, "decision"), "block")) ||
		(!strcmp(event, "chain_detection") && !strcmp(did, "block"));

	if (is_block) {
		const char *why = *r->reason ? r->reason : get(r, "message");

		refused(r,
		        is_upgrade                         ? "session_deny"
		        : !strcmp(event, "airlock_deny")   ? "airlock"
		        : !strcmp(event, "taint_decision") ? "taint"
		                                           : event,
		        why);
		r->e->kind = EVENT_EGRESS_BLOCKED;
		return;
	}
	set(r, EVENT_OTHER, EVENT_WARN);
	event_set_rule(r->e, event, strlen(event));
	if (*get(r, "detail"))
		event_set_summary(r->e, "%s: %s", get(r, "message"), get(r, "detail"));
	else if (*get(r, "to"))
		event_set_summary(r->e, "%s: from %s to %s", get(r, "message"), get(r, "from"),
		                  get(r, "to"));
	else
		event_set_summary(r->e, "%s%s%s", get(r, "message"), *get(r, "tier") ? ": " : "",
		                  get(r, "tier"));
}

/* Known, or not: told as it came. */
static void read_other(struct reading *r)
{
	const char *event = get(r, "event");
	const char *why = *r->reason         ? r->reason
	                  : *get(r, "error") ? get(r, "error")
	                                     : get(r, "message");

	set(r, EVENT_OTHER, !strcmp(get(r, "level"), "warn") ? EVENT_WARN : EVENT_NO_VERDICT);
	event_set_rule(r->e, event, strlen(event));
	event_set_summary(r->e, "%s", *why ? why : event);
}

static void read_startup(struct reading *r)
{
	read_other(r);
	event_set_summary(r->e, "pipelock %.32s started (%.16s), config %.12s", get(r, "version"),
	                  get(r, "mode"), get(r, "config_hash"));
}

static void read_redirect(struct reading *r)
{
	read_other(r);
	event_set_summary(r->e, "redirected to %s", get(r, "redirect_url"));
}

static const struct {
	const char *event;
	void (*read)(struct reading *r);
} readers[] = {
	{ "blocked", read_blocked },
	{ "ws_blocked", read_blocked },
	{ "anomaly", read_anomaly },
	{ "error", read_error },
	{ "config_reload", read_reload },
	{ "body_dlp", read_scan },
	{ "header_dlp", read_scan },
	{ "address_protection", read_scan },
	{ "response_scan", read_scan },
	{ "ws_scan", read_scan },
	{ "dlp_warn", read_scan },
	{ "allowed", read_request },
	{ "forward_http", read_request },
	{ "intercept_http", read_request },
	{ "tunnel_open", read_tunnel },
	{ "tunnel_close", read_tunnel },
	{ "ws_open", read_tunnel },
	{ "ws_close", read_tunnel },
	{ "sni_mismatch", read_sni },
	{ "kill_switch_deny", read_kill_switch },
	{ "adaptive_upgrade", read_session },
	{ "adaptive_escalation", read_session },
	{ "airlock_enter", read_session },
	{ "airlock_deny", read_session },
	{ "airlock_deescalate", read_session },
	{ "taint_decision", read_session },
	{ "chain_detection", read_session },
	{ "session_anomaly", read_session },
	{ "startup", read_startup },
	{ "redirect", read_redirect },
};

static void read_event(struct reading *r)
{
	const char *event = get(r, "event");

	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
		if (!strcmp(readers[i].event, event)) {
			readers[i].read(r);
			return;
		}
	}
	read_other(r);
}

/* --- pairs --- */

/* If r is the second half of a pair, make *out the first half again. */
static bool finish_pair(struct reading *r)
{
	for (size_t i = 0; i < PIPELOCK_LOG_PAIRS; i++) {
		struct event first;

		if (!r->log->pairs[i].key || strcmp(r->log->pairs[i].key, r->pair) != 0)
			continue;
		first = r->log->pairs[i].event;
		free(r->log->pairs[i].key);
		r->log->pairs[i].key = NULL;
		first.count = 2;
		first.ts_ns = r->e->ts_ns;
		event_done(r->e);
		*r->e = first;
		return true;
	}
	return false;
}

static void begin_pair(struct reading *r)
{
	unsigned i = r->log->next_pair++ % PIPELOCK_LOG_PAIRS;

	if (r->log->pairs[i].key) {
		free(r->log->pairs[i].key);
		event_done(&r->log->pairs[i].event);
	}
	r->e->fold = ++r->log->last_fold;
	r->log->pairs[i].key = r->pair;
	r->pair = NULL;
	event_copy(&r->log->pairs[i].event, r->e);
}

/* --- lines --- */

static enum event_feed json_line(struct pipelock_log *log, cJSON *root, struct event *e)
{
	struct reading r = { .log = log, .root = root, .e = e, .asked = BUF_INIT(64) };
	const char *time, *envelope[] = { "level", "component", "time", "message" };
	enum event_feed feed = EVENT_FEED_NEW;
	char *masked = NULL;

	r.method = get(&r, "method");
	r.reason = get(&r, "reason");
	if (strstr(get(&r, "scanner"), "entropy"))
		r.reason = masked = mask_quoted(r.reason);
	time = get(&r, "time");
	if (!e->ts_ns)
		stamp_parse(time, strlen(time), &e->ts_ns);
	find_host(&r);
	read_event(&r);
	mark_probe(&r);
	if (r.is_hidden) {
		feed = EVENT_FEED_NONE;
		goto out;
	}
	if (masked && *masked)
		cJSON_SetValuestring(cJSON_GetObjectItemCaseSensitive(root, "reason"), masked);
	for (size_t i = 0; i < sizeof envelope / sizeof *envelope; i++)
		cJSON_DeleteItemFromObjectCaseSensitive(root, envelope[i]);
	event_set_detail(e, root, r.hides_path);
	if (r.pair && finish_pair(&r))
		feed = EVENT_FEED_REPEAT;
	else if (r.pair)
		begin_pair(&r);
out:
	free(r.pair);
	free(masked);
	buf_done(&r.asked);
	return feed;
}

static void text_event(struct event *e, const struct line *l, enum event_kind kind,
                       enum event_verdict verdict)
{
	char *s = xstrndup(l->text, l->len);

	e->kind = kind;
	e->verdict = verdict;
	event_set_summary(e, "%s", s);
	event_set_detail_text(e, l->text, l->len, l->is_cut);
	free(s);
}

static bool line_starts(const struct line *l, const char *with)
{
	size_t n = strlen(with);

	return l->len >= n && !memcmp(l->text, with, n);
}

/* stderr, or what should have been JSON. */
static enum event_feed text_line(struct pipelock_log *log, const struct line *l, struct event *e)
{
	static const char banner[] = "Pipelock v", ends[] = " starting";
	bool is_banner = line_starts(l, banner) && l->len > sizeof ends - 1 &&
	                 !memcmp(l->text + l->len - (sizeof ends - 1), ends, sizeof ends - 1);
	bool is_row = log->is_in_banner && line_starts(l, "  ");

	log->is_in_banner = is_banner || is_row;
	if (l->len == 0 || is_banner || is_row || line_starts(l, "Pipelock stopped."))
		return EVENT_FEED_NONE;
	if (line_starts(l, "pipelock: config reload failed:"))
		text_event(e, l, EVENT_POLICY_CHANGED, EVENT_FAIL);
	else if (line_starts(l, "WARNING: config reload: "))
		text_event(e, l, EVENT_POLICY_CHANGED, EVENT_WARN);
	else if (line_starts(l, "pipelock: kill switch "))
		text_event(e, l, EVENT_POLICY_CHANGED, EVENT_NO_VERDICT);
	else
		text_event(e, l, EVENT_OTHER,
		           line_starts(l, "WARNING: ") ? EVENT_WARN : EVENT_NO_VERDICT);
	return EVENT_FEED_NEW;
}

enum event_feed pipelock_log_line(struct pipelock_log *log, const struct line *l, struct event *out)
{
	const char *end = NULL;
	cJSON *root = NULL;
	enum event_feed feed;
	struct event e;

	event_init(&e);
	e.source = EVENT_FROM_PIPELOCK;
	e.ts_ns = l->ts_ns;
	if (l->stream == 1 && l->len > 0 && l->text[0] == '{')
		root = cJSON_ParseWithLengthOpts(l->text, l->len, &end, 0);
	/* two objects on a line are a broken line: the second must not hide */
	if (cJSON_IsObject(root) && end == l->text + l->len)
		feed = json_line(log, root, &e);
	else
		feed = text_line(log, l, &e);
	cJSON_Delete(root);

	if (feed == EVENT_FEED_NONE) {
		log->n_hidden++;
		event_done(&e);
	} else {
		*out = e;
	}
	return feed;
}

void pipelock_log_done(struct pipelock_log *log)
{
	if (!log)
		return;
	for (size_t i = 0; i < PIPELOCK_LOG_PAIRS; i++) {
		if (!log->pairs[i].key)
			continue;
		free(log->pairs[i].key);
		event_done(&log->pairs[i].event);
	}
	*log = (struct pipelock_log){ 0 };
}
