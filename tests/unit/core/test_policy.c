/* What may be offered, for how long, and what is said of a decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/event.h"
#include "core/mem.h"
#include "core/policy.h"

#define NOW 1800000000
#define S(s) ((char *)(s))

static char *allowed[] = { S("api.anthropic.com"), S("*.python.org"), NULL };
static char *trusted[] = { S("git.lan"), NULL };

static struct policy sample(struct policy_entry *entries, size_t n)
{
	return (struct policy){
		.allowlist = allowed,
		.trusted = trusted,
		.entries = entries,
		.n_entries = n,
	};
}

static enum policy_offer offer(const char *host)
{
	struct policy p = sample(NULL, 0);
	struct policy_advice a;

	policy_consider(&a, host, &p, NOW);
	return a.offer;
}

static void a_plain_host_is_offered_without_a_word(void **state)
{
	struct policy_advice a;

	(void)state;
	policy_consider(&a, "Docs.Example.ORG", NULL, NOW);
	assert_int_equal(a.offer, POLICY_OFFERED);
	assert_string_equal(a.host, "docs.example.org");
	assert_string_equal(a.host + a.registered_at, "example.org");
	assert_string_equal(a.reason, "");
}

static void addresses_metadata_and_private_names_never_are(void **state)
{
	static const char *const hosts[] = {
		"169.254.169.254",
		"8.8.8.8",
		"::1",
		"[::1]",
		"2130706433",
		"127.1",
		"0x7f000001",
		"0x7f.0x1",
		"metadata.google.internal",
		"x.metadata.google.internal",
		"localhost",
		"db",
		"printer.local",
		"git.corp",
		"router.home.arpa",
		"127.0.0.1.nip.io",
		"webhook.site",
		"abc.oast.fun",
		"isolation-probe.invalid",
		"nothing.invalid",
		"*.example.org",
		"example.org:443",
		"https://example.org/",
		"user@example.org",
		"ex\xc3\xa4mple.org",
		"evil.test\nok.test",
		"",
		NULL,
	};

	(void)state;
	for (size_t i = 0; hosts[i]; i++) {
		struct policy_advice a;

		policy_consider(&a, hosts[i], NULL, NOW);
		if (a.offer != POLICY_NEVER)
			fail_msg("%s is offered", hosts[i]);
		if (!*a.reason)
			fail_msg("%s: no reason", hosts[i]);
	}
	assert_int_equal(offer(NULL), POLICY_NEVER);
}

static void a_private_name_that_was_trusted_at_launch_may_be(void **state)
{
	(void)state;
	assert_int_equal(offer("git.lan"), POLICY_OFFERED);
	assert_int_equal(offer("other.lan"), POLICY_NEVER);
}

static void wide_hosts_come_with_the_reason(void **state)
{
	static const char *const hosts[] = {
		"github.com",
		"gist.github.com",
		"raw.githubusercontent.com",
		"pastebin.com",
		"bucket.s3.eu-west-1.amazonaws.com",
		"storage.googleapis.com",
		"me.github.io",
		"abc.ngrok.io",
		"hooks.slack.com",
		"registry.npmjs.org",
		NULL,
	};

	(void)state;
	for (size_t i = 0; hosts[i]; i++) {
		struct policy_advice a;

		policy_consider(&a, hosts[i], NULL, NOW);
		if (a.offer != POLICY_OFFERED_WARNED || !*a.reason)
			fail_msg("%s: no warning", hosts[i]);
	}
	assert_int_equal(offer("notgithub.com"), POLICY_OFFERED);
	assert_int_equal(offer("github.com.example.org"), POLICY_OFFERED_WARNED);
}

static void names_that_mislead_come_with_the_reason(void **state)
{
	struct policy_advice a;

	(void)state;
	policy_consider(&a, "github.com.login.evil.test", NULL, NOW);
	assert_int_equal(a.offer, POLICY_OFFERED_WARNED);
	assert_non_null(strstr(a.reason, "belongs to evil.test"));
	policy_consider(&a, "xn--pple-43d.com", NULL, NOW);
	assert_true(a.is_punycode);
	assert_int_equal(a.offer, POLICY_OFFERED_WARNED);
	policy_consider(&a, "a1b2c3d4e5f6a7b8c9d0e1f2.evil.test", NULL, NOW);
	assert_int_equal(a.offer, POLICY_OFFERED_WARNED);
	assert_non_null(strstr(a.reason, "looks like data"));
}

static void the_registered_part_is_found(void **state)
{
	static const char *const hosts[][2] = {
		{ "a.b.example.co.uk", "example.co.uk" },
		{ "example.co.uk", "example.co.uk" },
		{ "example.org", "example.org" },
		{ "x.y.example.org", "example.org" },
		{ "evil.github.io", "evil.github.io" },
		{ "a.evil.github.io", "evil.github.io" },
		{ "github.io", "github.io" },
		{ "co.uk", "co.uk" },
		{ NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; hosts[i][0]; i++) {
		struct policy_advice a;

		policy_consider(&a, hosts[i][0], NULL, NOW);
		assert_string_equal(a.host + a.registered_at, hosts[i][1]);
	}
}

static void what_is_let_through_is_said_to_be(void **state)
{
	struct policy_entry entries[] = {
		{ .host = "new.test", .until = NOW + 10 },
		{ .host = "old.test", .until = NOW },
		{ .host = "api.anthropic.com", .is_denied = true },
		{ .host = "kept.test" },
	};
	struct policy p = sample(entries, 4);

	(void)state;
	assert_int_equal(offer("docs.python.org"), POLICY_ALREADY);
	assert_int_equal(offer("python.org"), POLICY_ALREADY);
	assert_true(policy_allows(&p, "new.test", NOW));
	assert_false(policy_allows(&p, "new.test", NOW + 10));
	assert_false(policy_allows(&p, "old.test", NOW));
	assert_false(policy_allows(&p, "api.anthropic.com", NOW));
	assert_true(policy_allows(&p, "kept.test", NOW + 1000000));
	assert_false(policy_allows(&p, "sub.kept.test", NOW));
}

static enum policy_offer of_event(enum event_kind kind, const char *rule, const char *host)
{
	struct policy_advice a;
	struct event e;

	event_init(&e);
	e.kind = kind;
	event_set_rule(&e, rule, strlen(rule));
	event_set_host(&e, host, strlen(host));
	policy_consider_event(&a, &e, NULL, NOW);
	event_done(&e);
	if (a.offer == POLICY_NEVER && !*a.reason)
		fail_msg("%s: no reason", rule);
	return a.offer;
}

static void a_scanner_that_is_final_is_never_overruled(void **state)
{
	static const char *const rules[] = { "core_dlp: GitHub Token",
		                             "dlp: x",
		                             "ssrf",
		                             "core_ssrf",
		                             "ssrf_metadata",
		                             "blocklist",
		                             "body_dlp: GitHub Token",
		                             "entropy",
		                             "unknown",
		                             "path_traversal",
		                             "",
		                             NULL };

	(void)state;
	for (size_t i = 0; rules[i]; i++)
		if (of_event(EVENT_EGRESS_BLOCKED, rules[i], "host.test") != POLICY_NEVER)
			fail_msg("%s is offered", rules[i]);
	assert_int_equal(of_event(EVENT_EGRESS_BLOCKED, "allowlist", "host.test"), POLICY_OFFERED);
	assert_int_equal(of_event(EVENT_EGRESS_BLOCKED, "allowlist", "10.0.0.1"), POLICY_NEVER);
	assert_int_equal(of_event(EVENT_EGRESS_DNS, "allowlist", "host.test"), POLICY_NEVER);
	assert_int_equal(of_event(EVENT_EGRESS_ALLOWED, "allowlist", "host.test"), POLICY_NEVER);
}

static void times_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = { { "15m", 900 }, { "15", 900 },    { "90s", 90 },
		     { "2h", 7200 }, { "7d", 604800 }, { NULL, 0 } };
	static const char *const bad[] = { "",   "0",   "0m",  "-1m",   "1.5h",        "15 m", "m",
		                           "8d", "15x", "+3m", "1h30m", "99999999999", NULL };
	int64_t got = 0;
	struct err err;

	(void)state;
	for (size_t i = 0; good[i].text; i++) {
		assert_int_equal(policy_parse_duration(&got, good[i].text, &err), 0);
		assert_int_equal(got, good[i].seconds);
	}
	for (size_t i = 0; bad[i]; i++)
		if (policy_parse_duration(&got, bad[i], &err) == 0)
			fail_msg("'%s' is taken", bad[i]);
}

static void times_are_said(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} of[] = { { 900, "15m" },  { 899, "14m" }, { 60, "1m" },   { 61, "61s" },
		   { 5, "5s" },     { 0, "0s" },    { -3, "0s" },   { 3600, "1h" },
		   { 3601, "60m" }, { 7200, "2h" }, { 86400, "1d" } };
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		policy_duration_text(text, of[i].seconds);
		assert_string_equal(text, of[i].text);
	}
}

static void a_decision_is_an_event_with_who_when_why(void **state)
{
	const struct policy_change change = { .verb = POLICY_ALLOW,
		                              .host = "docs.example.org",
		                              .seconds = 900,
		                              .cuts = true,
		                              .by = "ada@desk",
		                              .why = "reads the manual https://x.test/?k=secret" };
	struct event e;
	char *until, *by, *why;

	(void)state;
	policy_event(&e, "implementer", "dev", &change, NOW * 1000000000LL, NULL);
	until = event_detail_get(&e, "until");
	by = event_detail_get(&e, "by");
	why = event_detail_get(&e, "why");
	assert_int_equal(e.kind, EVENT_POLICY_CHANGED);
	assert_int_equal(e.verdict, EVENT_ALLOW);
	assert_string_equal(e.host, "docs.example.org");
	assert_string_equal(e.summary, "docs.example.org allowed for 15m");
	assert_string_equal(until, "1800000900");
	assert_string_equal(by, "ada@desk");
	assert_string_equal(why, "reads the manual https://x.test/?...");
	free(until);
	free(by);
	free(why);
	event_done(&e);
}

static void what_is_written_into_the_manifest_is_one_of_its_own(void **state)
{
	const struct policy_change change = { .verb = POLICY_ALLOW,
		                              .host = "docs.example.org",
		                              .is_saved = true,
		                              .by = "ada@desk" };
	char *scope;
	struct event e;

	(void)state;
	policy_event(&e, "implementer", "dev", &change, 0, NULL);
	scope = event_detail_get(&e, "scope");
	assert_int_equal(e.verdict, EVENT_ALLOW);
	assert_string_equal(scope, "manifest");
	assert_non_null(strstr(e.summary, "written into the manifest"));
	free(scope);
	event_done(&e);
}

static void a_refused_decision_is_one_too(void **state)
{
	const struct policy_change change = { .verb = POLICY_REVOKE, .host = "a.test" };
	struct event e;
	struct err err;

	(void)state;
	err_set(&err, ERR_POLICY, "no such host");
	policy_event(&e, "implementer", NULL, &change, 0, &err);
	assert_int_equal(e.verdict, EVENT_FAIL);
	assert_non_null(strstr(e.summary, "no such host"));
	event_done(&e);
}

static void what_is_in_force_is_shown(void **state)
{
	struct policy_entry entries[] = {
		{ .host = "new.test", .until = NOW + 600, .cuts = true, .by = S("ada@desk") },
		{ .host = "kept.test", .why = S("red\x1b[31m") },
		{ .host = "*.python.org", .is_denied = true },
		{ .host = "over.test", .until = NOW },
	};
	struct policy p = sample(entries, 4);
	struct buf b = BUF_INIT(65536);
	const char *text;

	(void)state;
	policy_text(&b, &p, false, NOW);
	text = buf_str(&b);
	assert_non_null(strstr(text, "  api.anthropic.com "));
	assert_non_null(strstr(text, "- *.python.org "));
	assert_null(strstr(text, "  *.python.org "));
	assert_non_null(strstr(text, "10m left, then tunnels are cut  by ada@desk\n"));
	assert_null(strstr(text, "over.test"));
	assert_null(strchr(text, 0x1b));
	buf_reset(&b);
	policy_text(&b, &p, true, NOW);
	assert_null(strstr(buf_str(&b), "api.anthropic.com"));
	assert_non_null(strstr(buf_str(&b), "+ kept.test "));
	buf_reset(&b);
	policy_json(&b, &p, true, NOW);
	text = buf_str(&b);
	assert_null(strstr(text, "allowlist"));
	assert_non_null(
		strstr(text, "{\"host\":\"new.test\",\"action\":\"allow\",\"scope\":\"until\""));
	assert_null(strchr(text, 0x1b));
	buf_done(&b);
}

static void a_url_is_asked_without_what_may_be_secret(void **state)
{
	static const struct {
		const char *url, *asked;
		bool was_cut;
	} of[] = {
		{ "https://a.test/x/y", "https://a.test/x/y", false },
		{ "http://a.test:8080", "http://a.test:8080", false },
		{ "a.test", "https://a.test", false },
		{ "a.test/p?u=http://b.test/", "https://a.test/p", true },
		{ "https://a.test/?k=secret", "https://a.test/", true },
		{ "https://a.test#secret", "https://a.test", true },
		{ "https://u:secret@a.test/x", "https://a.test/x", true },
		{ "u:p@ss@a.test", "https://a.test", true },
		{ "https://a.test/x@y", "https://a.test/x@y", false },
		{ "https://[2001:db8::1]/", "https://[2001:db8::1]/", false },
		{ "", NULL, false },
		{ "https://", NULL, false },
		{ "https://u@", NULL, false },
		{ "/path", NULL, false },
		{ "https://a.test/ x", NULL, false },
		{ "https://a.test\n", NULL, false },
		{ "https:\\\\a.test", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		bool was_cut = false;
		char *asked = policy_cut_url(of[i].url, &was_cut);

		if (!of[i].asked) {
			if (asked)
				fail_msg("%s gives %s", of[i].url, asked);
			continue;
		}
		assert_non_null(asked);
		assert_string_equal(asked, of[i].asked);
		assert_int_equal(was_cut, of[i].was_cut);
		free(asked);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_host_is_offered_without_a_word),
		cmocka_unit_test(addresses_metadata_and_private_names_never_are),
		cmocka_unit_test(a_private_name_that_was_trusted_at_launch_may_be),
		cmocka_unit_test(wide_hosts_come_with_the_reason),
		cmocka_unit_test(names_that_mislead_come_with_the_reason),
		cmocka_unit_test(the_registered_part_is_found),
		cmocka_unit_test(what_is_let_through_is_said_to_be),
		cmocka_unit_test(a_scanner_that_is_final_is_never_overruled),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(times_are_said),
		cmocka_unit_test(a_decision_is_an_event_with_who_when_why),
		cmocka_unit_test(what_is_written_into_the_manifest_is_one_of_its_own),
		cmocka_unit_test(a_refused_decision_is_one_too),
		cmocka_unit_test(what_is_in_force_is_shown),
		cmocka_unit_test(a_url_is_asked_without_what_may_be_secret),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
