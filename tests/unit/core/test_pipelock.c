#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/pipelock.h"

/* The manifest's lists are not const; nobody writes to these. */
#define S(s) ((char *)(s))

static char *hosts[] = { S("api.anthropic.com"), S("*.github.com"), NULL };
static char *passthrough[] = { S("api.anthropic.com"), NULL };

static struct pipelock_config sample(void)
{
	return (struct pipelock_config){
		.agent = "implementer",
		.allowlist = hosts,
		.passthrough = passthrough,
		.has_secrets = true,
	};
}

static void renders(const struct pipelock_config *c, struct buf *out)
{
	struct err err;

	if (pipelock_render(out, c, &err) < 0)
		fail_msg("%s", err.msg);
}

static bool holds(const struct pipelock_config *c, const char *text)
{
	struct buf out = BUF_INIT(PIPELOCK_CONFIG_MAX);
	bool is_there;

	renders(c, &out);
	is_there = strstr(buf_str(&out), text) != NULL;
	buf_done(&out);
	return is_there;
}

static void the_whole_file_is_as_agreed(void **state)
{
	static const char want[] =
		"# Written by claude-bottle for one session; it is replaced whole.\n"
		"version: 1\n"
		"mode: strict\n"
		"enforce: true\n"
		"explain_blocks: true\n"
		"bind_default_agent_identity: true\n"
		"metrics_listen: \"127.0.0.1:9090\"\n"
		"logging:\n"
		"  format: json\n"
		"  output: stdout\n"
		"  include_allowed: true\n"
		"  include_blocked: true\n"
		"fetch_proxy:\n"
		"  listen: \"0.0.0.0:8888\"\n"
		"  monitoring:\n"
		"    max_requests_per_minute: 6000\n"
		"    max_url_length: 8192\n"
		"    entropy_threshold: 5.5\n"
		"forward_proxy:\n"
		"  enabled: true\n"
		"  max_tunnel_seconds: 3600\n"
		"  idle_timeout_seconds: 900\n"
		"  sni_verification: true\n"
		"response_scanning:\n"
		"  enabled: true\n"
		"  action: warn\n"
		"  sse_streaming:\n"
		"    enabled: true\n"
		"    action: warn\n"
		"taint:\n"
		"  enabled: false\n"
		"sentry:\n"
		"  enabled: false\n"
		"kill_switch:\n"
		"  enabled: false\n"
		"default_agent_identity: \"implementer\"\n"
		"api_allowlist:\n"
		"  - \"api.anthropic.com\"\n"
		"  - \"*.github.com\"\n"
		"tls_interception:\n"
		"  enabled: true\n"
		"  ca_cert: /etc/pipelock/ca.pem\n"
		"  ca_key: /etc/pipelock/ca-key.pem\n"
		"  max_response_bytes: 268435456\n"
		"  passthrough_domains:\n"
		"    - \"api.anthropic.com\"\n"
		"request_body_scanning:\n"
		"  enabled: true\n"
		"  action: block\n"
		"  max_body_bytes: 33554432\n"
		"  scan_headers: true\n"
		"  header_mode: all\n"
		"  ignore_headers:\n"
		"    - \"Connection\"\n"
		"    - \"Keep-Alive\"\n"
		"    - \"Proxy-Authenticate\"\n"
		"    - \"Te\"\n"
		"    - \"Trailer\"\n"
		"    - \"Upgrade\"\n"
		"    - \"Transfer-Encoding\"\n"
		"    - \"Host\"\n"
		"    - \"Content-Length\"\n"
		"    - \"Accept-Encoding\"\n"
		"dlp:\n"
		"  include_defaults: true\n"
		"  scan_env: false\n"
		"  secrets_file: /etc/pipelock/secrets\n"
		"  patterns:\n"
		"    - name: \"Isolation probe\"\n"
		"      regex: \"/isolation-probe\\\\.git(?:/|$)\"\n"
		"      severity: critical\n"
		"    - name: \"Git push over HTTPS\"\n"
		"      regex: \"(?:^|[?&])service=git-receive-pack(?:[&#]|$)"
		"|/git-receive-pack/?(?:[?#]|$)|application/x-git-receive-pack-request\"\n"
		"      severity: critical\n";
	struct pipelock_config c = sample();
	struct buf out = BUF_INIT(PIPELOCK_CONFIG_MAX);

	(void)state;
	renders(&c, &out);
	assert_string_equal(buf_str(&out), want);
	buf_done(&out);
}

/* All keys that 2.3 knows and that we may write; an unknown one stops it. */
static const char *const known[] = {
	"version",
	"mode",
	"enforce",
	"explain_blocks",
	"bind_default_agent_identity",
	"default_agent_identity",
	"metrics_listen",
	"api_allowlist",
	"trusted_domains",
	"logging",
	"logging.format",
	"logging.output",
	"logging.include_allowed",
	"logging.include_blocked",
	"fetch_proxy",
	"fetch_proxy.listen",
	"fetch_proxy.monitoring",
	"fetch_proxy.monitoring.max_requests_per_minute",
	"fetch_proxy.monitoring.max_url_length",
	"fetch_proxy.monitoring.entropy_threshold",
	"forward_proxy",
	"forward_proxy.enabled",
	"forward_proxy.max_tunnel_seconds",
	"forward_proxy.idle_timeout_seconds",
	"forward_proxy.sni_verification",
	"response_scanning",
	"response_scanning.enabled",
	"response_scanning.action",
	"response_scanning.sse_streaming",
	"response_scanning.sse_streaming.enabled",
	"response_scanning.sse_streaming.action",
	"taint",
	"taint.enabled",
	"sentry",
	"sentry.enabled",
	"kill_switch",
	"kill_switch.enabled",
	"tls_interception",
	"tls_interception.enabled",
	"tls_interception.ca_cert",
	"tls_interception.ca_key",
	"tls_interception.max_response_bytes",
	"tls_interception.passthrough_domains",
	"request_body_scanning",
	"request_body_scanning.enabled",
	"request_body_scanning.action",
	"request_body_scanning.max_body_bytes",
	"request_body_scanning.scan_headers",
	"request_body_scanning.header_mode",
	"request_body_scanning.ignore_headers",
	"dlp",
	"dlp.include_defaults",
	"dlp.scan_env",
	"dlp.secrets_file",
	"dlp.patterns",
	"dlp.patterns.name",
	"dlp.patterns.regex",
	"dlp.patterns.severity",
};

static bool is_known(const char *path)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(known[i], path))
			return true;
	return false;
}

static void only_known_keys_are_written_once_each(void **state)
{
	char *trusted[] = { S("git.lan"), NULL }, *headers[] = { S("Authorization"), NULL };
	struct pipelock_config c = sample();
	struct buf out = BUF_INIT(PIPELOCK_CONFIG_MAX), seen = BUF_INIT(65536);
	char *levels[8] = { 0 }, *save = NULL;

	(void)state;
	c.trusted = trusted;
	c.unscanned_headers = headers;
	renders(&c, &out);
	for (char *l = strtok_r(out.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		size_t depth = strspn(l, " ") / 2;
		struct buf path = BUF_INIT(512);
		char *colon;

		l += depth * 2;
		if (*l == '#' || !strncmp(l, "- \"", 3))
			continue;
		if (!strncmp(l, "- ", 2)) { /* a pattern: its keys stand one deeper */
			l += 2;
			depth++;
		}
		colon = strchr(l, ':');
		assert_non_null(colon);
		*colon = '\0';
		/* the members of a list's element belong to the list */
		levels[depth] = l;
		for (size_t i = 0; i <= depth; i++)
			if (levels[i] && !(depth == 3 && i == 2))
				buf_addf(&path, "%s%s", i ? "." : "", levels[i]);
		if (!is_known(buf_str(&path)))
			fail_msg("unknown key %s", buf_str(&path));
		for (size_t i = depth + 1; i < 8; i++)
			levels[i] = NULL;
		if (strncmp(buf_str(&path), "dlp.patterns.", 13) != 0) {
			char *mark = NULL;

			assert_true(asprintf(&mark, ";%s;", buf_str(&path)) > 0);
			assert_null(strstr(buf_str(&seen), mark));
			buf_adds(&seen, mark);
			free(mark);
		}
		buf_done(&path);
	}
	assert_non_null(strstr(buf_str(&seen), ";trusted_domains;"));
	buf_done(&seen);
	buf_done(&out);
}

static void the_agent_can_reach_no_admin_port(void **state)
{
	struct pipelock_config c = sample();

	(void)state;
	assert_false(holds(&c, "api_listen"));
	assert_false(holds(&c, "api_token"));
	assert_true(holds(&c, "metrics_listen: \"127.0.0.1:"));
}

static void the_bottles_choices_are_honoured(void **state)
{
	char *trusted[] = { S("git.lan"), NULL }, *headers[] = { S("X-Api-Key"), NULL };
	struct pipelock_config c = sample();

	(void)state;
	assert_true(holds(&c, "request_body_scanning:\n  enabled: true\n  action: block\n"));
	assert_false(holds(&c, "trusted_domains"));
	assert_false(holds(&c, "X-Api-Key"));
	c.only_warns = true;
	c.is_frozen = true;
	c.trusted = trusted;
	c.unscanned_headers = headers;
	c.passthrough = NULL;
	c.has_secrets = false;
	assert_true(holds(&c, "request_body_scanning:\n  enabled: true\n  action: warn\n"));
	assert_true(holds(&c, "kill_switch:\n  enabled: true\n"));
	assert_true(holds(&c, "trusted_domains:\n  - \"git.lan\"\n"));
	assert_true(holds(&c, "    - \"X-Api-Key\"\ndlp:\n"));
	assert_false(holds(&c, "passthrough_domains"));
	assert_false(holds(&c, "secrets_file"));
}

static void a_change_of_the_allowlist_changes_nothing_else(void **state)
{
	char *more[] = { S("api.anthropic.com"), S("*.github.com"), S("new.test"), NULL };
	struct pipelock_config c = sample();
	struct buf before = BUF_INIT(PIPELOCK_CONFIG_MAX), after = BUF_INIT(PIPELOCK_CONFIG_MAX);
	const char *added;

	(void)state;
	renders(&c, &before);
	c.allowlist = more;
	renders(&c, &after);
	added = strstr(buf_str(&after), "  - \"new.test\"\n");
	assert_non_null(added);
	assert_int_equal(after.len - before.len, strlen("  - \"new.test\"\n"));
	assert_memory_equal(before.data, after.data, (size_t)(added - after.data));
	assert_string_equal(before.data + (added - after.data),
	                    added + strlen("  - \"new.test\"\n"));
	buf_done(&before);
	buf_done(&after);
}

static void strings_cannot_break_out_of_their_quotes(void **state)
{
	static const char *const pairs[][2] = {
		{ "plain", "\"plain\"" },
		{ "a\"\nmode: audit", "\"a\\\"\\u000amode: audit\"" },
		{ "back\\slash", "\"back\\\\slash\"" },
		{ "bücher\u2028\U0001f642", "\"b\\u00fccher\\u2028\\U0001f642\"" },
		{ "{{x}} # & * !tag", "\"{{x}} # & * !tag\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct buf out = BUF_INIT(256);

		assert_int_equal(pipelock_yaml_string(&out, pairs[i][0]), 0);
		assert_string_equal(buf_str(&out), pairs[i][1]);
		buf_done(&out);
	}
}

static void what_cannot_be_right_is_refused(void **state)
{
	char longest[300];
	char *bad[][2] = { { S(""), NULL },
		           { S("a\nb"), NULL },
		           { S("a\x7f"), NULL },
		           { S("\xff"), NULL },
		           { longest, NULL } };
	struct buf out = BUF_INIT(PIPELOCK_CONFIG_MAX);
	struct pipelock_config c = sample();
	struct err err;

	(void)state;
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		c.allowlist = bad[i];
		assert_int_equal(pipelock_render(&out, &c, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
	c.allowlist = NULL;
	assert_int_equal(pipelock_render(&out, &c, &err), -1);
	c = sample();
	c.agent = NULL;
	assert_int_equal(pipelock_render(&out, &c, &err), -1);
	buf_done(&out);
}

static void a_full_buffer_is_an_error(void **state)
{
	struct buf out = BUF_INIT(1500);
	struct pipelock_config c = sample();
	struct err err;

	(void)state;
	assert_int_equal(pipelock_render(&out, &c, &err), -1);
	assert_non_null(strstr(err.msg, "1500 bytes"));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_file_is_as_agreed),
		cmocka_unit_test(only_known_keys_are_written_once_each),
		cmocka_unit_test(the_agent_can_reach_no_admin_port),
		cmocka_unit_test(the_bottles_choices_are_honoured),
		cmocka_unit_test(a_change_of_the_allowlist_changes_nothing_else),
		cmocka_unit_test(strings_cannot_break_out_of_their_quotes),
		cmocka_unit_test(what_cannot_be_right_is_refused),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
