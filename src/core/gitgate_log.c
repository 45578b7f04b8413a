#include "core/gitgate_log.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/lines.h"
#include "core/mem.h"
#include "core/stamp.h"

static const struct {
	const char *name;
	enum event_kind kind;
	enum event_verdict verdict;
} verdicts[] = {
	{ "gate.ready", EVENT_GATE_READY, EVENT_NO_VERDICT },
	{ "fetch.ok", EVENT_FETCH_OK, EVENT_ALLOW },
	{ "fetch.failed", EVENT_FETCH_FAILED, EVENT_FAIL },
	{ "push.accepted", EVENT_PUSH_ACCEPTED, EVENT_ALLOW },
	{ "push.rejected", EVENT_PUSH_REJECTED, EVENT_BLOCK },
	{ "push.failed", EVENT_PUSH_FAILED, EVENT_FAIL },
	{ "push.held", EVENT_PUSH_HELD, EVENT_HOLD },
	{ "push.approved", EVENT_POLICY_CHANGED, EVENT_ALLOW },
	{ "push.cancelled", EVENT_PUSH_FAILED, EVENT_FAIL },
	{ "push.timeout", EVENT_PUSH_REJECTED, EVENT_BLOCK },
	{ "finding.accepted", EVENT_POLICY_CHANGED, EVENT_ALLOW },
	{ "push.oversize", EVENT_PUSH_OVERSIZE, EVENT_BLOCK },
	{ "scan.error", EVENT_PUSH_REJECTED, EVENT_BLOCK },
	{ "hostkey.changed", EVENT_HOSTKEY_CHANGED, EVENT_FAIL },
};

static const char *get(const cJSON *root, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, name));

	return s ? s : "";
}

static double number(const cJSON *root, const char *name)
{
	double v = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(root, name));

	return v >= 0 && v < 1e15 ? v : 0; /* not a number is not that either */
}

static const cJSON *array(const cJSON *root, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, name);

	return cJSON_IsArray(v) ? v : NULL;
}

/* "main, v1.0": the refs without their usual beginnings. */
static void add_refs(struct buf *out, const cJSON *root)
{
	static const char *const beginnings[] = { "refs/heads/", "refs/tags/" };
	const cJSON *refs = array(root, "refs"), *ref;
	int n = 0;

	cJSON_ArrayForEach(ref, refs)
	{
		const char *name = get(ref, "ref");

		for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
			if (!strncmp(name, beginnings[i], strlen(beginnings[i])))
				name += strlen(beginnings[i]);
		if (++n > 3) {
			buf_addf(out, " and %d more", cJSON_GetArraySize(refs) - 3);
			break;
		}
		buf_addf(out, "%s%.80s", n > 1 ? ", " : "", name);
	}
}

/* "aws-access-token in a.c:3 AKIA…(20)": the first finding. */
static void add_finding(struct buf *out, const cJSON *root)
{
	const cJSON *f = cJSON_GetArrayItem(array(root, "findings"), 0);
	double line = number(f, "line");

	if (!cJSON_IsObject(f))
		return;
	buf_addf(out, ": %.80s", get(f, "rule"));
	if (*get(f, "file"))
		buf_addf(out, " in %.120s", get(f, "file"));
	if (*get(f, "file") && line > 0)
		buf_addf(out, ":%.0f", line);
	if (*get(f, "match"))
		buf_addf(out, " %.60s", get(f, "match"));
}

/* A finding that a person let pass is still one. */
static void add_accepted(struct buf *out, const cJSON *root)
{
	const char *by = get(cJSON_GetArrayItem(array(root, "findings"), 0), "accepted_by");

	if (*by)
		buf_addf(out, " accepted by %.64s", by);
}

static void push_summary(struct event *e, const cJSON *root)
{
	struct buf s = BUF_INIT(4096);
	double commits = number(root, "commits"), findings = number(root, "nfindings");

	buf_addf(&s, "%.64s: push of ", get(root, "repo"));
	add_refs(&s, root);
	if (commits > 0)
		buf_addf(&s, " (%.0f commit%s)", commits, commits == 1 ? "" : "s");
	buf_addf(&s, " %s",
	         e->verdict == EVENT_ALLOW  ? "reached the upstream"
	         : e->verdict == EVENT_HOLD ? "waits for you"
	         : e->verdict == EVENT_FAIL ? "failed"
	                                    : "rejected");
	if (e->kind == EVENT_PUSH_HELD && number(root, "hold_s") > 0)
		buf_addf(&s, ", for %.0f s", number(root, "hold_s"));
	if (*get(root, "by") && e->verdict == EVENT_ALLOW)
		buf_addf(&s, ", approved by %.64s", get(root, "by"));
	if (findings > 0) {
		buf_addf(&s, ", %.0f finding%s", findings, findings == 1 ? "" : "s");
		add_accepted(&s, root);
		add_finding(&s, root);
	} else if (*get(root, "reason")) {
		buf_addf(&s, ": %.160s", get(root, "reason"));
		if (*get(root, "message"))
			buf_addf(&s, ": %.200s", get(root, "message"));
		if (*get(root, "detail"))
			buf_addf(&s, " (%.200s)", get(root, "detail"));
	}
	event_set_summary(e, "%s", buf_str(&s));
	buf_done(&s);
}

/* What a person decided. */
static void decision_summary(struct event *e, const cJSON *root)
{
	bool is_finding = !strcmp(get(root, "event"), "finding.accepted");
	struct buf s = BUF_INIT(4096);

	buf_addf(&s, "%.64s: %.64s ", get(root, "repo"), get(root, "by"));
	buf_adds(&s, is_finding ? "accepted a finding for one push of " : "approved the push of ");
	add_refs(&s, root);
	if (is_finding)
		add_finding(&s, root);
	if (*get(root, "message"))
		buf_addf(&s, ": %.200s", get(root, "message"));
	event_set_summary(e, "%s", buf_str(&s));
	buf_done(&s);
}

static void other_summary(struct event *e, const cJSON *root)
{
	const char *repo = get(root, "repo"), *reason = get(root, "reason");
	const char *service = get(root, "service");

	switch (e->kind) {
	case EVENT_GATE_READY:
		event_set_summary(e, "git gate ready: %.0f %s, %.40s %.40s",
		                  number(root, "repos"),
		                  number(root, "repos") == 1.0 ? "repository" : "repositories",
		                  get(root, "scanner"),
		                  get(root, "scanner_version"));
		break;
	case EVENT_FETCH_OK:
		event_set_summary(e, "%.64s: fetched for %.40s, %.0f ms", repo, service,
		                  number(root, "ms"));
		break;
	case EVENT_POLICY_CHANGED:
		decision_summary(e, root);
		break;
	case EVENT_FETCH_FAILED:
		event_set_summary(e, "%.64s: no fetch for %.40s: %.160s%s%.200s", repo, service,
		                  *reason ? reason : "no reason given",
		                  *get(root, "detail") ? ": " : "", get(root, "detail"));
		break;
	default:
		event_set_summary(e,
		                  "%.64s: the upstream shows another host key than the pinned one; "
		                  "nothing passes",
		                  repo);
		break;
	}
}

/* The findings' rules, each once; else the reason, or "scan.error". */
static void set_rule(struct event *e, const cJSON *root)
{
	struct buf rule = BUF_INIT(EVENT_RULE_MAX * 2);
	const cJSON *f;

	if (!strcmp(get(root, "event"), "scan.error"))
		buf_adds(&rule, "scan.error");
	cJSON_ArrayForEach(f, array(root, "findings"))
	{
		struct buf name = BUF_INIT(128);

		buf_addf(&name, "%.100s", get(f, "rule"));
		if (name.len > 0 && !strstr(buf_str(&rule), buf_str(&name)))
			buf_addf(&rule, "%s%s", rule.len ? ", " : "", buf_str(&name));
		buf_done(&name);
	}
	if (rule.len == 0)
		buf_addf(&rule, "%.200s", get(root, "reason"));
	event_set_rule(e, buf_str(&rule), rule.len);
	buf_done(&rule);
}

static bool is_push(enum event_kind kind)
{
	return kind == EVENT_PUSH_ACCEPTED || kind == EVENT_PUSH_REJECTED ||
	       kind == EVENT_PUSH_FAILED || kind == EVENT_PUSH_HELD || kind == EVENT_PUSH_OVERSIZE;
}

static bool read_verdict(struct event *e, const cJSON *root)
{
	const char *name = get(root, "event"), *ts = get(root, "ts");

	if (!e->ts_ns)
		stamp_parse(ts, strlen(ts), &e->ts_ns);
	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		if (strcmp(verdicts[i].name, name) != 0)
			continue;
		e->kind = verdicts[i].kind;
		e->verdict = verdicts[i].verdict;
		set_rule(e, root);
		if (is_push(e->kind))
			push_summary(e, root);
		else
			other_summary(e, root);
		event_set_detail(e, root, false);
		return true;
	}
	return false;
}

/* git daemon's talk about a repository that nobody exports, which only probes ask
 * for: names and places of real ones come from the manifest. */
static bool is_probe_text(const struct line *l)
{
	static const char host[] = "/isolation-probe.invalid/", path[] = "/isolation-probe.git";

	return l->stream == 2 && (memmem(l->text, l->len, host, sizeof host - 1) ||
	                          memmem(l->text, l->len, path, sizeof path - 1));
}

enum event_feed gitgate_log_line(const struct line *l, struct event *out)
{
	const char *end = NULL;
	cJSON *root = NULL;
	struct event e;

	if (l->len == 0)
		return EVENT_FEED_NONE;
	event_init(&e);
	e.source = EVENT_FROM_GATE;
	e.ts_ns = l->ts_ns;
	if (l->stream == 1 && l->text[0] == '{')
		root = cJSON_ParseWithLengthOpts(l->text, l->len, &end, 0);
	if (!cJSON_IsObject(root) || end != l->text + l->len || !read_verdict(&e, root)) {
		CLEANUP_FREE char *text = xstrndup(l->text, l->len);

		event_set_summary(&e, "%s", text);
		event_set_detail_text(&e, l->text, l->len, l->is_cut);
		e.is_probe = is_probe_text(l);
	}
	cJSON_Delete(root);
	*out = e;
	return EVENT_FEED_NEW;
}
