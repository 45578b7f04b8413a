/* What one event of pipelock's log means: a function for each way of reading one,
 * and the table that says which event is read how. */
#include "core/pipelock_read.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "core/mem.h"
#include "core/pipelock_explain.h"

const char *pipelock_get(const struct pipelock_reading *r, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->root, name));

	return s ? s : "";
}

static double number(const struct pipelock_reading *r, const char *name)
{
	double v = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(r->root, name));

	return v >= 0 ? v : 0; /* not a number is not that either */
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* --- what decided --- */

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
static void set_rule(struct pipelock_reading *r, const char *scanner)
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
	if (*pipelock_get(r, "pattern") && lead[0] == ':' && !names)
		buf_addf(&rule, ": %.*s", EVENT_RULE_MAX, pipelock_get(r, "pattern"));
	event_set_rule(r->e, buf_str(&rule), rule.len);
	buf_done(&rule);
}

static void set(struct pipelock_reading *r, enum event_kind kind, enum event_verdict verdict)
{
	r->e->kind = kind;
	r->e->verdict = verdict;
}

/* "CONNECT", "CONNECT to port 22", "request": an allowed host is allowed on every
 * port, so an unusual one is worth a word. Valid until the next call for r. */
static const char *asked(struct pipelock_reading *r)
{
	const char *target = pipelock_get(r, "target"), *colon = strrchr(target, ':');
	bool has_port = colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);

	buf_reset(&r->asked);
	buf_addf(&r->asked, "%.32s", *r->method ? r->method : "request");
	if (has_port && strcmp(colon, ":443") != 0 && strcmp(colon, ":80") != 0)
		buf_addf(&r->asked, " to port %.5s", colon + 1);
	return buf_str(&r->asked);
}

/* --- one function for each way of reading an event --- */

/* Something was refused by a scanner. */
static void refused(struct pipelock_reading *r, const char *scanner, const char *reason)
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
static void warned(struct pipelock_reading *r, const char *scanner, const char *reason)
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
static void pair_redirect(struct pipelock_reading *r)
{
	static const char first[] = "redirect from ", second[] = "redirect blocked: ";
	const char *why = strstr(r->reason, " blocked: ");

	if (starts(r->reason, first) && why)
		r->pair = xasprintf("redirect %s %s", pipelock_get(r, "request_id"), why + 10);
	else if (starts(r->reason, second))
		r->pair = xasprintf("redirect %s %s", pipelock_get(r, "request_id"),
		                    r->reason + sizeof second - 1);
}

static void read_blocked(struct pipelock_reading *r)
{
	const char *scanner = pipelock_get(r, "scanner");

	/* no policy said no: the name does not exist, or nobody answered */
	if (!strcmp(scanner, "ssrf") && starts(r->reason, "SSRF check failed: ")) {
		set_rule(r, scanner);
		set(r, EVENT_EGRESS_ERROR, EVENT_FAIL);
		event_set_summary(r->e, "%s failed: %s", asked(r), r->reason);
		return;
	}
	if (!*r->method && *pipelock_get(r, "direction"))
		r->method = "WS frame";
	refused(r, scanner, r->reason);
	pair_redirect(r);
}

static void read_anomaly(struct pipelock_reading *r)
{
	const char *scanner = pipelock_get(r, "scanner");

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

static void read_error(struct pipelock_reading *r)
{
	const char *error = pipelock_get(r, "error");

	if (!strcmp(r->method, "close")) {
		r->is_hidden = true;
	} else if (!strcmp(r->method, "CONFIG_RELOAD")) {
		set(r, EVENT_POLICY_CHANGED, EVENT_FAIL);
		event_set_summary(r->e, "new policy refused: %s; the old one stays in force",
		                  error);
		r->pair = xasprintf("reload %s %s", pipelock_get(r, "time"), error);
	} else {
		set(r, EVENT_EGRESS_ERROR, EVENT_FAIL);
		event_set_summary(r->e, "%s failed: %s", asked(r), error);
	}
}

static void read_reload(struct pipelock_reading *r)
{
	set(r, EVENT_POLICY_CHANGED, EVENT_NO_VERDICT);
	event_set_summary(r->e, "policy in force (%s), config %.12s", pipelock_get(r, "detail"),
	                  pipelock_get(r, "config_hash"));
}

/* What a *_dlp, *_protection or *_scan event found, in words. */
static void add_finding(struct pipelock_reading *r, struct buf *out, bool is_response)
{
	const cJSON *first =
		cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(r->root, "findings"), 0);
	const char *rule = r->e->rule ? strstr(r->e->rule, ": ") : NULL;

	if (cJSON_IsString(first))
		buf_addf(out, "%.512s", first->valuestring);
	else if (is_response)
		buf_addf(out, "response contains injection%s", rule ? rule : "");
	else if (*pipelock_get(r, "header"))
		buf_addf(out, "header %.64s contains secret%s", pipelock_get(r, "header"),
		         rule ? rule : "");
	else
		buf_addf(out, "request contains secret%s", rule ? rule : "");
}

/* body_dlp, header_dlp, address_protection, response_scan, ws_scan, dlp_warn: what
 * was done is told by "action" alone. */
static void read_scan(struct pipelock_reading *r)
{
	const char *event = pipelock_get(r, "event"), *action = pipelock_get(r, "action");
	bool is_out = strcmp(pipelock_get(r, "direction"), "server_to_client") != 0 &&
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

static void read_request(struct pipelock_reading *r)
{
	set(r, EVENT_EGRESS_ALLOWED, EVENT_ALLOW);
	event_set_rule(r->e, pipelock_get(r, "event"), strlen(pipelock_get(r, "event")));
	event_set_summary(r->e, "%s %.0f, %.0f bytes, %.1f ms", asked(r), number(r, "status_code"),
	                  number(r, "size_bytes"), number(r, "duration_ms"));
}

static void read_tunnel(struct pipelock_reading *r)
{
	const char *event = pipelock_get(r, "event");
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

static void read_sni(struct pipelock_reading *r)
{
	const char *sni = pipelock_get(r, "sni_host");

	set_rule(r, "sni_mismatch");
	set(r, EVENT_EGRESS_BLOCKED, EVENT_BLOCK);
	if (!strcmp(pipelock_get(r, "category"), "mismatch"))
		event_set_summary(r->e, "connection dropped: TLS asks for %.255s", sni);
	else
		event_set_summary(r->e, "connection dropped: no TLS greeting (%s)",
		                  pipelock_get(r, "category"));
}

static void read_kill_switch(struct pipelock_reading *r)
{
	set_rule(r, "kill_switch");
	set(r, EVENT_EGRESS_BLOCKED, EVENT_BLOCK);
	event_set_summary(r->e, "refused: %s", pipelock_get(r, "deny_message"));
}

/* Blocks that only these events tell: the rest of their kind are remarks. */
static void read_session(struct pipelock_reading *r)
{
	const char *event = pipelock_get(r, "event");
	bool is_upgrade = !strcmp(event, "adaptive_upgrade");
	const char *did = pipelock_get(r, is_upgrade ? "to_action" : "action");
	bool is_block = !strcmp(event, "airlock_deny") ||
	                (is_upgrade && !strcmp(did, "block") &&
	                 !strcmp(pipelock_get(r, "scanner"), "session_deny")) ||
	                (!strcmp(event, "taint_decision") &&
	                 !strcmp(pipelock_get(r, "decision"), "block")) ||
	                (!strcmp(event, "chain_detection") && !strcmp(did, "block"));

	if (is_block) {
		const char *why = *r->reason ? r->reason : pipelock_get(r, "message");

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
	if (*pipelock_get(r, "detail"))
		event_set_summary(r->e, "%s: %s", pipelock_get(r, "message"),
		                  pipelock_get(r, "detail"));
	else if (*pipelock_get(r, "to"))
		event_set_summary(r->e, "%s: from %s to %s", pipelock_get(r, "message"),
		                  pipelock_get(r, "from"), pipelock_get(r, "to"));
	else
		event_set_summary(r->e, "%s%s%s", pipelock_get(r, "message"),
		                  *pipelock_get(r, "tier") ? ": " : "", pipelock_get(r, "tier"));
}

/* Known, or not: told as it came. */
static void read_other(struct pipelock_reading *r)
{
	const char *event = pipelock_get(r, "event");
	const char *why = *r->reason                  ? r->reason
	                  : *pipelock_get(r, "error") ? pipelock_get(r, "error")
	                                              : pipelock_get(r, "message");

	set(r, EVENT_OTHER,
	    !strcmp(pipelock_get(r, "level"), "warn") ? EVENT_WARN : EVENT_NO_VERDICT);
	event_set_rule(r->e, event, strlen(event));
	event_set_summary(r->e, "%s", *why ? why : event);
}

static void read_startup(struct pipelock_reading *r)
{
	read_other(r);
	event_set_summary(r->e, "pipelock %.32s started (%.16s), config %.12s",
	                  pipelock_get(r, "version"), pipelock_get(r, "mode"),
	                  pipelock_get(r, "config_hash"));
}

/* Our own line, of pipelock's parent (docs/sidecars.md). */
static void read_cut(struct pipelock_reading *r)
{
	set(r, EVENT_POLICY_CHANGED, EVENT_BLOCK);
	set_rule(r, "tunnels_cut");
	event_set_summary(r->e, "every open tunnel was cut; pipelock starts anew");
}

static void read_redirect(struct pipelock_reading *r)
{
	read_other(r);
	event_set_summary(r->e, "redirected to %s", pipelock_get(r, "redirect_url"));
}

static const struct {
	const char *event;
	void (*read)(struct pipelock_reading *r);
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
	{ "tunnels_cut", read_cut },
	{ "redirect", read_redirect },
};

void pipelock_read_event(struct pipelock_reading *r)
{
	const char *event = pipelock_get(r, "event");

	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
		if (!strcmp(readers[i].event, event)) {
			readers[i].read(r);
			return;
		}
	}
	read_other(r);
}
