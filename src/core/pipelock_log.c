#include "core/pipelock_log.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/lines.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "core/pipelock_read.h"
#include "core/stamp.h"
#include "core/text.h"

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* --- what was asked for --- */

/* The host of the request: of the first member that names one. */
static void find_host(struct pipelock_reading *r)
{
	static const char *const names[] = { "url",      "target",       "connect_host",
		                             "hostname", "original_url", NULL };

	for (size_t i = 0; names[i] && !r->e->host; i++) {
		const char *s = pipelock_get(r, names[i]);

		if (strcmp(s, "[redacted-url]") != 0)
			event_set_host(r->e, s, strlen(s));
	}
	if (!r->e->host) {
		const char *at = strstr(r->reason, "domain not in allowlist: ");

		if (at)
			event_set_host(r->e, at + 25, strlen(at + 25));
	}
}

static bool is_ip(const char *host)
{
	return strchr(host, ':') || strspn(host, "0123456789.") == strlen(host);
}

/* Our own probe: by its host (event_set_host), its pattern, or its path. The short
 * path counts at addresses only, which is all that the probe uses it for; where
 * an agent uses these names itself it is refused and stored all the same. */
static void mark_probe(struct pipelock_reading *r)
{
	static const char path[] = "/isolation-probe";
	const char *url = pipelock_get(r, "url"), *authority = strstr(url, "://"), *rest;

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

/* --- pairs --- */

/* If r is the second half of a pair, make *out the first half again. */
static bool finish_pair(struct pipelock_log *log, struct pipelock_reading *r)
{
	for (size_t i = 0; i < PIPELOCK_LOG_PAIRS; i++) {
		struct event first;

		if (!log->pairs[i].key || strcmp(log->pairs[i].key, r->pair) != 0)
			continue;
		first = log->pairs[i].event;
		free(log->pairs[i].key);
		log->pairs[i].key = NULL;
		first.count = 2;
		first.ts_ns = r->e->ts_ns;
		event_done(r->e);
		*r->e = first;
		return true;
	}
	return false;
}

static void begin_pair(struct pipelock_log *log, struct pipelock_reading *r)
{
	unsigned i = log->next_pair++ % PIPELOCK_LOG_PAIRS;

	if (log->pairs[i].key) {
		free(log->pairs[i].key);
		event_done(&log->pairs[i].event);
	}
	r->e->fold = ++log->last_fold;
	log->pairs[i].key = r->pair;
	r->pair = NULL;
	event_copy(&log->pairs[i].event, r->e);
}

/* --- lines --- */

static enum event_feed json_line(struct pipelock_log *log, cJSON *root, struct event *e)
{
	struct pipelock_reading r = { .root = root, .e = e, .asked = BUF_INIT(64) };
	const char *time, *envelope[] = { "level", "component", "time", "message" };
	enum event_feed feed = EVENT_FEED_NEW;
	char *masked = NULL;

	r.method = pipelock_get(&r, "method");
	r.reason = pipelock_get(&r, "reason");
	if (strstr(pipelock_get(&r, "scanner"), "entropy"))
		r.reason = masked = mask_quoted(r.reason);
	time = pipelock_get(&r, "time");
	if (!e->ts_ns)
		stamp_parse(time, strlen(time), &e->ts_ns);
	find_host(&r);
	pipelock_read_event(&r);
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
	if (r.pair && finish_pair(log, &r))
		feed = EVENT_FEED_REPEAT;
	else if (r.pair)
		begin_pair(log, &r);
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
