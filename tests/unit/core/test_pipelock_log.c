/* The classifier against real lines: tests/data/pipelock-events.jsonl was recorded
 * from pipelock 2.3.0 (lines 1 to 97) and rebuilt from its sources and a later
 * version's (98 to 115); token-shaped strings in it were replaced by FAKE-... */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/event.h"
#include "core/lines.h"
#include "core/pipelock.h"
#include "core/pipelock_explain.h"
#include "core/pipelock_log.h"

#define CORPUS "tests/data/pipelock-events.jsonl"

struct expected {
	const char *kind; /* NULL: hidden; with '+': the earlier event again */
	const char *verdict, *host;
};

/* One row for each line of the file, in its order. */
static const struct expected expected[] = {
	{ 0 },
	{ "other", "", NULL },
	{ "egress.blocked", "block", "blocked.test" },
	{ "egress.allowed", "allow", "allowed.test" },
	{ 0 },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.blocked", "block", "allowed.test" },
	{ "egress.blocked", "block", "allowed.test" },
	{ "other", "warn", "allowed.test" },
	{ "egress.blocked", "block", "allowed.test" },
	{ "other", "warn", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.blocked", "block", "pass.test" },
	{ "egress.allowed", "allow", "pass.test" },
	{ "egress.allowed", "allow", "pass.test" },
	{ "egress.blocked", "block", "pass.test" },
	{ "egress.allowed", "allow", "allowed.test" },
	{ "egress.blocked", "block", "blocked.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "other", "", "allowed.test" },
	{ "egress.blocked", "block", "late.test" },
	{ "+egress.blocked", "block", "late.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.allowed", "allow", "allowed.test" },
	{ "egress.blocked", "block", "blocked.test" },
	{ "egress.error", "fail", "allowed.test" },
	{ "egress.blocked", "block", "allowed.test" },
	{ "egress.blocked", "block", "allowed.test" },
	{ "other", "", NULL },
	{ "egress.allowed", "allow", "allowed.test" },
	{ "egress.allowed", "allow", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.blocked", "block", "allowed.test" },
	{ "egress.blocked", "block", "blocked.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "other", "warn", NULL },
	{ "egress.dlp", "block", "allowed.test" },
	{ "other", "warn", NULL },
	{ "other", "warn", "late.test" },
	{ "other", "", "late.test" },
	{ "other", "warn", NULL },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "other", "", "allowed.test" },
	{ "egress.blocked", "block", "allowed.test" },
	{ "egress.blocked", "block", NULL },
	{ "other", "", NULL },
	{ "egress.blocked", "block", "allowed.test" },
	{ "egress.error", "fail", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "other", "warn", NULL },
	{ "egress.dlp", "block", NULL },
	{ "other", "warn", NULL },
	{ "other", "warn", NULL },
	{ "other", "warn", NULL },
	{ 0 },
	{ 0 },
	{ "other", "warn", NULL },
	{ "egress.blocked", "block", NULL },
	{ "other", "", NULL },
	{ "other", "", NULL },
	{ "other", "", NULL },
	{ "egress.blocked", "block", NULL },
	{ "other", "", NULL },
	{ "other", "", NULL },
	{ "egress.blocked", "block", "pass.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.error", "fail", "nonexist.invalid" },
	{ "egress.blocked", "block", "169.254.169.254" },
	{ "egress.blocked", "block", NULL },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "egress.dlp", "block", "allowed.test" },
	{ "egress.dlp", "warn", "allowed.test" },
	{ "other", "warn", "nonexist.invalid" },
	{ "egress.error", "fail", "nonexist.invalid" },
	{ "other", "warn", "169.254.169.254" },
	{ "egress.error", "fail", "169.254.169.254" },
	{ "policy.changed", "", NULL },
	{ "policy.changed", "fail", NULL },
	{ "egress.blocked", "block", NULL },
	{ "other", "warn", NULL },
	{ "other", "", NULL },
	{ "other", "warn", NULL },
	{ "egress.blocked", "block", NULL },
	{ "other", "", NULL },
	{ "egress.dlp", "block", "hooks.example.com" },
	{ "egress.blocked", "block", "2606:4700::6810:84e5" },
	{ "egress.blocked", "block", "xn--bcher-kva.example" },
	{ "egress.blocked", "block", "x.pastebin.com" },
	{ "egress.blocked", "block", "api.github.com" },
	{ "egress.dlp", "block", "agvsbg8gd29ybgqgdghpcybpcybkyxrh.evil.example" },
	{ "egress.dlp", "block", "api.example.com" },
	{ "egress.dlp", "block", "api.example.com" },
	{ "egress.blocked", "block", "cdn.example.com" },
	{ "other", "warn", "api.example.com" },
	{ "egress.blocked", "block", "docs.example.com" },
	{ "egress.allowed", "allow", "api.github.com" },
	{ "egress.allowed", "allow", "api.github.com" },
};

static enum event_feed feed_on(struct pipelock_log *log, int stream, const char *text,
                               struct event *e)
{
	struct line l = { .text = text, .len = strlen(text), .stream = stream };

	return pipelock_log_line(log, &l, e);
}

static enum event_feed feed(struct pipelock_log *log, const char *text, struct event *e)
{
	return feed_on(log, 1, text, e);
}

/* The event that one line alone gives. */
static void event_of(const char *text, struct event *e)
{
	struct pipelock_log log = { 0 };

	assert_int_equal(feed(&log, text, e), EVENT_FEED_NEW);
	pipelock_log_done(&log);
}

static void check_row(size_t i, enum event_feed got, const struct event *e)
{
	const struct expected *want = &expected[i];
	enum event_feed feed = !want->kind            ? EVENT_FEED_NONE
	                       : want->kind[0] == '+' ? EVENT_FEED_REPEAT
	                                              : EVENT_FEED_NEW;

	if (got != feed)
		fail_msg("line %zu: feed %d, not %d", i + 1, (int)got, (int)feed);
	if (!want->kind)
		return;
	if (strcmp(event_kind_name(e->kind), want->kind + (want->kind[0] == '+')) != 0 ||
	    strcmp(event_verdict_name(e->verdict), want->verdict) != 0 ||
	    strcmp(e->host ? e->host : "", want->host ? want->host : "") != 0)
		fail_msg("line %zu: %s %s %s, not %s %s %s", i + 1, event_kind_name(e->kind),
		         event_verdict_name(e->verdict), e->host ? e->host : "-", want->kind,
		         want->verdict, want->host ? want->host : "-");
	assert_true(e->ts_ns > 1795000000000000000 && e->ts_ns < 1796000000000000000);
	assert_int_equal(e->source, EVENT_FROM_PIPELOCK);
	assert_non_null(e->summary);
	assert_non_null(e->detail);
	assert_false(e->is_probe);
}

static void every_recorded_line_gets_its_kind(void **state)
{
	struct pipelock_log log = { 0 };
	FILE *f = fopen(CORPUS, "r");
	char *line = NULL;
	size_t cap = 0, i = 0;
	ssize_t n;

	(void)state;
	assert_non_null(f);
	while ((n = getline(&line, &cap, f)) > 0) {
		struct event e;
		enum event_feed got;

		line[n - 1] = '\0';
		assert_true(i < sizeof expected / sizeof *expected);
		got = feed(&log, line, &e);
		check_row(i++, got, &e);
		if (got != EVENT_FEED_NONE)
			event_done(&e);
	}
	assert_int_equal(i, 115);
	assert_int_equal(i, sizeof expected / sizeof *expected);
	assert_int_equal(log.n_hidden, 4);
	pipelock_log_done(&log);
	free(line);
	fclose(f);
}

static void no_secret_of_a_line_reaches_its_event(void **state)
{
	struct pipelock_log log = { 0 };
	FILE *f = fopen(CORPUS, "r");
	char *line = NULL;
	size_t cap = 0, n_secret = 0;
	ssize_t n;

	(void)state;
	assert_non_null(f);
	while ((n = getline(&line, &cap, f)) > 0) {
		struct buf json = BUF_INIT(65536);
		struct event e;

		line[n - 1] = '\0';
		n_secret += strstr(line, "FAKE-") != NULL;
		if (feed(&log, line, &e) == EVENT_FEED_NONE)
			continue;
		assert_int_equal(event_json(&json, &e), 0);
		assert_null(strstr(buf_str(&json), "FAKE-"));
		event_done(&e);
		buf_done(&json);
	}
	assert_int_equal(n_secret, 4);
	pipelock_log_done(&log);
	free(line);
	fclose(f);
}

static void a_secret_in_the_path_is_cut_too(void **state)
{
	struct event e;

	(void)state;
	event_of("{\"event\":\"blocked\",\"method\":\"GET\",\"url\":\"https://a.test:443/"
	         "FAKE-TOKEN\","
	         "\"scanner\":\"core_dlp\",\"reason\":\"core DLP match: GitHub Token (critical)\"}",
	         &e);
	assert_null(strstr(e.detail, "FAKE-"));
	assert_non_null(strstr(e.detail, "https://a.test:443/..."));
	assert_string_equal(e.rule, "core_dlp: GitHub Token");
	event_done(&e);
}

#define REDIRECT(id, rest) \
	"{\"event\":\"blocked\",\"method\":\"GET\",\"request_id\":\"" id "\"," rest "}"
#define FAR_END                                                                                 \
	"\"url\":\"http://late.test/ok\",\"scanner\":\"allowlist\",\"reason\":\"redirect from " \
	"http://a.test/r?x blocked: domain not in allowlist: late.test\""
#define NEAR_END                                                                                \
	"\"url\":\"http://a.test/r\",\"scanner\":\"allowlist\",\"reason\":\"redirect blocked: " \
	"domain not in allowlist: late.test\""

static void the_redirect_pair_folds_across_other_lines(void **state)
{
	struct pipelock_log log = { 0 };
	struct event one, other, e;

	(void)state;
	assert_int_equal(feed(&log, REDIRECT("req-1", FAR_END), &one), EVENT_FEED_NEW);
	assert_int_equal(feed(&log, REDIRECT("req-2", FAR_END), &other), EVENT_FEED_NEW);
	assert_true(one.fold != 0 && one.fold != other.fold);
	assert_int_equal(one.count, 1);
	assert_int_equal(feed(&log, REDIRECT("req-1", NEAR_END), &e), EVENT_FEED_REPEAT);
	assert_int_equal(e.fold, one.fold);
	assert_int_equal(e.count, 2);
	assert_string_equal(e.host, "late.test");
	event_done(&e);
	/* its own half was taken: the next one is a line of its own */
	assert_int_equal(feed(&log, REDIRECT("req-1", NEAR_END), &e), EVENT_FEED_NEW);
	assert_string_equal(e.host, "a.test");
	event_done(&e);
	event_done(&one);
	event_done(&other);
	pipelock_log_done(&log);
}

static void requests_of_one_tunnel_are_not_folded(void **state)
{
	static const char line[] = "{\"event\":\"blocked\",\"method\":\"POST\",\"url\":\"https://"
				   "a.test:443/[redacted]\","
				   "\"request_id\":\"req-4\",\"scanner\":\"body_dlp\","
				   "\"reason\":\"request body contains secret: GitHub Token\"}";
	struct pipelock_log log = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct event e;

		assert_int_equal(feed(&log, line, &e), EVENT_FEED_NEW);
		assert_int_equal(e.fold, 0);
		event_done(&e);
	}
	pipelock_log_done(&log);
}

static void many_half_pairs_do_not_grow_the_state(void **state)
{
	struct pipelock_log log = { 0 };
	struct event e;

	(void)state;
	for (int i = 0; i < 100; i++) {
		char line[512];

		snprintf(line, sizeof line, REDIRECT("req-%d", FAR_END), i);
		assert_int_equal(feed(&log, line, &e), EVENT_FEED_NEW);
		event_done(&e);
	}
	assert_int_equal(feed(&log, REDIRECT("req-99", NEAR_END), &e), EVENT_FEED_REPEAT);
	event_done(&e);
	assert_int_equal(feed(&log, REDIRECT("req-1", NEAR_END), &e), EVENT_FEED_NEW);
	event_done(&e);
	pipelock_log_done(&log);
}

static void a_refused_reload_is_one_event(void **state)
{
	static const char line[] = "{\"event\":\"error\",\"method\":\"CONFIG_RELOAD\",\"error\":"
				   "\"rejected: security downgrade from strict mode\","
				   "\"time\":\"2026-11-24T20:16:43Z\"}";
	struct pipelock_log log = { 0 };
	struct event e;

	(void)state;
	assert_int_equal(feed(&log, line, &e), EVENT_FEED_NEW);
	assert_int_equal(e.kind, EVENT_POLICY_CHANGED);
	assert_int_equal(e.verdict, EVENT_FAIL);
	assert_true(event_needs_attention(&e));
	event_done(&e);
	assert_int_equal(feed(&log, line, &e), EVENT_FEED_REPEAT);
	event_done(&e);
	pipelock_log_done(&log);
}

static void a_reload_tells_the_hash_in_force(void **state)
{
	struct event e;
	char *hash;

	(void)state;
	event_of("{\"event\":\"config_reload\",\"status\":\"success\",\"detail\":\"mode=strict\","
	         "\"config_hash\":\"f181e6214ef2a8eb\"}",
	         &e);
	hash = event_detail_get(&e, "config_hash");
	assert_string_equal(hash, "f181e6214ef2a8eb");
	free(hash);
	event_done(&e);
}

static void a_cut_of_tunnels_is_told(void **state)
{
	struct event e;

	(void)state;
	event_of("{\"level\":\"info\",\"component\":\"claude-bottle\",\"event\":\"tunnels_cut\","
	         "\"cut\":3,\"time\":\"2026-11-24T20:14:46Z\",\"message\":\"m\"}",
	         &e);
	assert_int_equal(e.kind, EVENT_POLICY_CHANGED);
	assert_int_equal(e.verdict, EVENT_BLOCK);
	assert_non_null(strstr(e.summary, "cut"));
	event_done(&e);
}

static void probes_are_tagged_by_host_pattern_or_path(void **state)
{
	static const struct {
		const char *url, *reason;
		bool want;
	} rows[] = {
		{ "http://x.isolation-probe.invalid/", "domain not in allowlist", true },
		{ "https://a.test:443/[redacted]",
		  "DLP match: " PIPELOCK_PROBE_PATTERN " (critical)", true },
		{ "https://a.test/isolation-probe.git/info/refs?x", "", true },
		{ "https://a.test/isolation-probe.git", "", true },
		{ "http://10.213.0.4/isolation-probe", "", true },
		{ "http://[fd00::1]:80/isolation-probe", "", true },
		{ "https://a.test/isolation-probe.gitx", "", false },
		{ "https://a.test/isolation-probe", "", false },
		{ "http://10.213.0.4/isolation-probes", "", false },
		{ "https://a.test/x?/isolation-probe.git/", "", false },
		{ "https://evil.test/x", "isolation-probe.invalid", false },
		{ "https://a.test:443/[redacted]",
		  "DLP match: " PIPELOCK_PUSH_PATTERN " (critical)", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf line = BUF_INIT(1024);
		struct event e;

		buf_addf(&line,
		         "{\"event\":\"blocked\",\"url\":\"%s\",\"scanner\":\"dlp\","
		         "\"reason\":\"%s\"}",
		         rows[i].url, rows[i].reason);
		event_of(buf_str(&line), &e);
		if (e.is_probe != rows[i].want)
			fail_msg("row %zu: is_probe %d", i, e.is_probe);
		event_done(&e);
		buf_done(&line);
	}
}

static void a_push_over_https_is_told_as_such(void **state)
{
	struct event e;

	(void)state;
	event_of("{\"event\":\"blocked\",\"method\":\"GET\",\"url\":\"https://a.test:443/"
	         "[redacted]\","
	         "\"scanner\":\"dlp\",\"reason\":\"DLP match: " PIPELOCK_PUSH_PATTERN
	         " (critical)\"}",
	         &e);
	assert_int_equal(e.kind, EVENT_EGRESS_BLOCKED);
	assert_string_equal(e.rule, "dlp: " PIPELOCK_PUSH_PATTERN);
	assert_non_null(strstr(pipelock_explain(e.rule)->meaning, "git gate"));
	event_done(&e);
}

static void an_unusual_port_is_named(void **state)
{
	struct event e;

	(void)state;
	event_of("{\"event\":\"blocked\",\"method\":\"CONNECT\",\"target\":\"a.test:22\","
	         "\"scanner\":\"allowlist\",\"reason\":\"domain not in allowlist: a.test\"}",
	         &e);
	assert_string_equal(e.summary, "CONNECT to port 22 refused: not in the allowlist");
	event_done(&e);
}

static void text_of_stderr_is_read(void **state)
{
	static const struct {
		const char *line, *kind, *verdict; /* kind NULL: hidden */
	} rows[] = {
		{ "", NULL, NULL },
		{ "  not a banner row yet", "other", "" },
		{ "Pipelock v2.3.0 starting", NULL, NULL },
		{ "  Mode:   strict", NULL, NULL },
		{ "  Listen: 0.0.0.0:8888", NULL, NULL },
		{ "WARNING: metrics_listen: something", "other", "warn" },
		{ "  no banner row any more", "other", "" },
		{ "pipelock: config reload failed: yaml: line 3: x", "policy.changed", "fail" },
		{ "WARNING: config reload: mode - downgrade", "policy.changed", "warn" },
		{ "pipelock: kill switch ACTIVATED via SIGUSR1", "policy.changed", "" },
		{ "2026/11/24 20:14:49 http2: server: error reading preface", "other", "" },
		{ "{\"event\":\"blocked\"}", "other", "" },
		{ "Pipelock stopped.", NULL, NULL },
	};
	struct pipelock_log log = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct event e;
		enum event_feed got = feed_on(&log, 2, rows[i].line, &e);

		if ((got == EVENT_FEED_NONE) != !rows[i].kind)
			fail_msg("row %zu: feed %d", i, (int)got);
		if (!rows[i].kind)
			continue;
		assert_string_equal(event_kind_name(e.kind), rows[i].kind);
		assert_string_equal(event_verdict_name(e.verdict), rows[i].verdict);
		assert_non_null(strstr(e.detail, "\"line\":"));
		event_done(&e);
	}
	pipelock_log_done(&log);
}

static void broken_lines_are_kept(void **state)
{
	static const char *const lines[] = {
		"{\"event\":\"blocked\",\"url\":\"http://a.test/?FAKE-TOKEN",
		"{\"event\":\"config_reload\"}{\"event\":\"blocked\"}",
		"[1,2]",
		"null",
		"\xff\xfe",
		"panic: runtime error",
		"{",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct event e;

		event_of(lines[i], &e);
		assert_int_equal(e.kind, EVENT_OTHER);
		assert_non_null(e.summary);
		assert_null(strstr(e.summary, "FAKE-"));
		assert_null(strstr(e.detail, "FAKE-"));
		event_done(&e);
	}
}

static void unknown_events_are_kept_whole(void **state)
{
	struct event e;
	char *s;

	(void)state;
	event_of("{\"level\":\"warn\",\"event\":\"quantum_leak\",\"target\":\"a.test:443\","
	         "\"message\":\"something new\",\"x\":{\"y\":[1,true,null]}}",
	         &e);
	assert_int_equal(e.kind, EVENT_OTHER);
	assert_int_equal(e.verdict, EVENT_WARN);
	assert_string_equal(e.host, "a.test");
	assert_string_equal(e.rule, "quantum_leak");
	assert_string_equal(e.summary, "something new");
	assert_non_null(strstr(e.detail, "\"x\":{\"y\":[1,true,null]}"));
	event_done(&e);
	/* members of the wrong type do no harm */
	event_of("{\"event\":7,\"reason\":[],\"patterns\":\"x\",\"score\":\"high\"}", &e);
	event_done(&e);
	event_of("{\"event\":\"anomaly\",\"scanner\":\"entropy\",\"reason\":{},\"method\":null}",
	         &e);
	event_done(&e);
	event_of("{\"event\":\"blocked\",\"scanner\":\"new_thing\",\"reason\":\"r\"}", &e);
	s = event_detail_get(&e, "scanner");
	assert_int_equal(e.kind, EVENT_EGRESS_BLOCKED);
	assert_string_equal(s, "new_thing");
	free(s);
	event_done(&e);
}

static void the_engines_stamp_beats_whole_seconds(void **state)
{
	static const char text[] = "{\"event\":\"startup\",\"time\":\"2026-11-24T20:14:46Z\"}";
	struct line l = { .text = text, .len = sizeof text - 1, .stream = 1 };
	struct pipelock_log log = { 0 };
	struct event e;

	(void)state;
	assert_int_equal(pipelock_log_line(&log, &l, &e), EVENT_FEED_NEW);
	assert_true(e.ts_ns == 1795551286000000000);
	event_done(&e);
	l.ts_ns = 1795551286123456789;
	assert_int_equal(pipelock_log_line(&log, &l, &e), EVENT_FEED_NEW);
	assert_true(e.ts_ns == 1795551286123456789);
	event_done(&e);
	pipelock_log_done(&log);
}

static void long_quoted_words_of_entropy_reasons_are_masked(void **state)
{
	struct event e;

	(void)state;
	event_of("{\"event\":\"blocked\",\"target\":\"x.test:443\",\"scanner\":\"subdomain_"
	         "entropy\","
	         "\"reason\":\"high entropy subdomain label \\\"agvsbg8gd29ybgqgdghpcybp\\\" "
	         "(4.0)\"}",
	         &e);
	assert_non_null(strstr(e.summary, "\"agvs…(24)\" (4.0)"));
	assert_null(strstr(e.detail, "agvsbg8"));
	event_done(&e);
}

static void an_unknown_name_is_not_called_private(void **state)
{
	const struct pipelock_scanner *s;

	(void)state;
	s = pipelock_explain_reason("ssrf", "SSRF check failed: no address for a.test");
	assert_non_null(strstr(s->meaning, "has no address"));
	s = pipelock_explain_reason("ssrf", "SSRF blocked: a.test is 10.0.0.1");
	assert_non_null(strstr(s->meaning, "private address"));
	s = pipelock_explain_reason("allowlist", "SSRF check failed: said by the agent");
	assert_string_equal(s->name, "allowlist");
}

static void every_scanner_is_explained(void **state)
{
	static const char *const names[] = {
		"allowlist",
		"blocklist",
		"ratelimit",
		"databudget",
		"length",
		"entropy",
		"subdomain_entropy",
		"dlp",
		"core_dlp",
		"core_ssrf",
		"core_response",
		"ssrf",
		"body_dlp",
		"header_dlp",
		"crlf_injection",
		"path_traversal",
		"scheme",
		"parser",
		"context",
		"tls_authority_mismatch",
		"tls_handshake_error",
		"tls_response_blocked",
		"response_scan",
		"sse_stream",
		"media_policy",
		"budget",
		"cross_request_entropy",
		"cross_request_fragment",
		"cross_request",
		"redaction",
		"address_protection",
		"seed_phrase",
		"ws_protocol",
		"scanner_unavailable",
		"shield_oversize",
		"session_deny",
		"airlock",
		"taint",
		"kill_switch",
		"sni_mismatch",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct pipelock_scanner *s = pipelock_explain(names[i]);

		assert_string_equal(s->name, names[i]);
		assert_true(strlen(s->meaning) > 10 && strlen(s->advice) > 10);
	}
	/* only what can be allowed safely is ever offered */
	for (size_t i = 1; i < sizeof names / sizeof *names; i++)
		assert_int_not_equal(pipelock_explain(names[i])->remedy, PIPELOCK_ALLOW_HOST);
	assert_int_equal(pipelock_explain("allowlist")->remedy, PIPELOCK_ALLOW_HOST);
	assert_string_equal(pipelock_explain("body_dlp: GitHub Token")->name, "body_dlp");
	assert_string_equal(pipelock_explain("body_dlp: Known Secret Leak")->name,
	                    "Known Secret Leak");
	assert_int_equal(pipelock_explain("nonsense: x")->remedy, PIPELOCK_NO_REMEDY);
	assert_int_equal(pipelock_explain("")->remedy, PIPELOCK_NO_REMEDY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_recorded_line_gets_its_kind),
		cmocka_unit_test(no_secret_of_a_line_reaches_its_event),
		cmocka_unit_test(a_secret_in_the_path_is_cut_too),
		cmocka_unit_test(the_redirect_pair_folds_across_other_lines),
		cmocka_unit_test(requests_of_one_tunnel_are_not_folded),
		cmocka_unit_test(many_half_pairs_do_not_grow_the_state),
		cmocka_unit_test(a_refused_reload_is_one_event),
		cmocka_unit_test(a_reload_tells_the_hash_in_force),
		cmocka_unit_test(a_cut_of_tunnels_is_told),
		cmocka_unit_test(probes_are_tagged_by_host_pattern_or_path),
		cmocka_unit_test(a_push_over_https_is_told_as_such),
		cmocka_unit_test(an_unusual_port_is_named),
		cmocka_unit_test(text_of_stderr_is_read),
		cmocka_unit_test(broken_lines_are_kept),
		cmocka_unit_test(unknown_events_are_kept_whole),
		cmocka_unit_test(the_engines_stamp_beats_whole_seconds),
		cmocka_unit_test(long_quoted_words_of_entropy_reasons_are_masked),
		cmocka_unit_test(an_unknown_name_is_not_called_private),
		cmocka_unit_test(every_scanner_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
