#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/event.h"

static void set_detail(struct event *e, const char *json, bool hide_paths)
{
	cJSON *root = cJSON_Parse(json);

	assert_non_null(root);
	event_set_detail(e, root, hide_paths);
	cJSON_Delete(root);
}

static void sample(struct event *e)
{
	event_init(e);
	e->id = 7;
	e->ts_ns = 1795551286123456789;
	e->kind = EVENT_EGRESS_BLOCKED;
	e->verdict = EVENT_BLOCK;
	e->source = EVENT_FROM_PIPELOCK;
	e->count = 4;
	e->fold = 3;
	event_set_owner(e, "implementer", "dev");
	event_set_host(e, "https://API.x.test:443/a", 24);
	event_set_rule(e, "allowlist", 9);
	event_set_summary(e, "not in the allowlist");
	set_detail(e, "{\"method\":\"GET\",\"n\":2.5,\"big\":1795551286,\"ok\":true}", false);
}

static void kinds_and_names_agree_both_ways(void **state)
{
	(void)state;
	for (int k = 0; k < EVENT_KINDS; k++)
		assert_int_equal(event_kind_parse(event_kind_name((enum event_kind)k)), k);
	assert_int_equal(event_kind_parse("egress.blocked"), EVENT_EGRESS_BLOCKED);
	assert_int_equal(event_kind_parse("nonsense"), -1);
	assert_string_equal(event_kind_name((enum event_kind)99), "");
}

static void the_host_is_found_in_every_form(void **state)
{
	static const char *const pairs[][2] = {
		{ "a.test:443", "a.test" },
		{ "A.Test.", "a.test" },
		{ "https://u:p@a.test:8443/x:1?y", "a.test" },
		{ "ws://a.test/ws", "a.test" },
		{ "[2606:4700::1]:443", "2606:4700::1" },
		{ "2606:4700::1", "2606:4700::1" },
		{ "http://169.254.169.254/latest/", "169.254.169.254" },
		{ "https://[fe80::1", "fe80::1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct event e;

		event_init(&e);
		event_set_host(&e, pairs[i][0], strlen(pairs[i][0]));
		assert_string_equal(e.host, pairs[i][1]);
		event_done(&e);
	}
}

static void without_a_host_there_is_none(void **state)
{
	struct event e;

	(void)state;
	event_init(&e);
	event_set_host(&e, "", 0);
	assert_null(e.host);
	event_set_host(&e, ":443", 4);
	assert_null(e.host);
	event_set_host(&e, "[", 1);
	assert_null(e.host);
	event_done(&e);
}

static void probes_are_known_by_name_alone(void **state)
{
	(void)state;
	assert_true(event_host_is_probe("isolation-probe.invalid"));
	assert_true(event_host_is_probe("a.b.Isolation-Probe.invalid"));
	assert_false(event_host_is_probe("xisolation-probe.invalid"));
	assert_false(event_host_is_probe("isolation-probe.invalid.evil.test"));
	assert_false(event_host_is_probe(""));
}

static void probe_traffic_never_asks_for_attention(void **state)
{
	struct event e;

	(void)state;
	sample(&e);
	assert_true(event_needs_attention(&e));
	event_set_host(&e, "x.isolation-probe.invalid:443", 29);
	assert_true(e.is_probe);
	assert_false(event_needs_attention(&e));
	event_done(&e);
}

static void only_what_waits_for_a_person_asks_for_attention(void **state)
{
	static const struct {
		enum event_kind kind;
		enum event_verdict verdict;
		bool want;
	} rows[] = {
		{ EVENT_EGRESS_DLP, EVENT_BLOCK, true },
		{ EVENT_EGRESS_DLP, EVENT_WARN, false },
		{ EVENT_EGRESS_ALLOWED, EVENT_ALLOW, false },
		{ EVENT_EGRESS_DNS, EVENT_BLOCK, false },
		{ EVENT_PUSH_REJECTED, EVENT_BLOCK, true },
		{ EVENT_PUSH_ACCEPTED, EVENT_ALLOW, false },
		{ EVENT_HOSTKEY_CHANGED, EVENT_FAIL, true },
		{ EVENT_POLICY_CHANGED, EVENT_NO_VERDICT, false },
		{ EVENT_POLICY_CHANGED, EVENT_FAIL, true },
		{ EVENT_LOG_GAP, EVENT_NO_VERDICT, true },
		{ EVENT_OTHER, EVENT_BLOCK, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct event e;

		event_init(&e);
		e.kind = rows[i].kind;
		e.verdict = rows[i].verdict;
		assert_int_equal(event_needs_attention(&e), rows[i].want);
	}
}

static void a_push_that_a_person_turned_down_asks_for_nobody(void **state)
{
	struct event e;
	cJSON *by = cJSON_Parse("{\"id\":\"1\",\"by\":\"ann\"}");

	(void)state;
	event_init(&e);
	e.kind = EVENT_PUSH_REJECTED;
	e.verdict = EVENT_BLOCK;
	event_set_detail(&e, by, false);
	assert_false(event_needs_attention(&e));
	event_done(&e);
	cJSON_Delete(by);
}

static void an_event_survives_json_and_back(void **state)
{
	struct buf one = BUF_INIT(65536), two = BUF_INIT(65536);
	struct event e, back;
	struct err err;

	(void)state;
	sample(&e);
	assert_int_equal(event_json(&one, &e), 0);
	assert_string_equal(
		buf_str(&one),
		"{\"id\":7,\"ts\":\"2026-11-24T20:14:46.123456789Z\",\"session\":\"implementer\","
		"\"bottle\":\"dev\",\"source\":\"pipelock\",\"kind\":\"egress.blocked\","
		"\"verdict\":\"block\",\"host\":\"api.x.test\",\"rule\":\"allowlist\","
		"\"summary\":\"not in the allowlist\",\"count\":4,\"probe\":false,\"fold\":3,"
		"\"detail\":{\"method\":\"GET\",\"n\":2.5,\"big\":1795551286,\"ok\":true}}");
	assert_int_equal(event_parse(&back, one.data, one.len, &err), 0);
	assert_int_equal(event_json(&two, &back), 0);
	assert_string_equal(buf_str(&one), buf_str(&two));
	event_done(&e);
	event_done(&back);
	buf_done(&one);
	buf_done(&two);
}

static void what_is_no_event_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"{}",
		"{\"ts\":\"yesterday\"}",
		"{\"ts\":5}",
		"{\"ts\":\"2026-11-24T20:14:46Z\",\"source\":\"nobody\"}",
		"{\"ts\":\"2026-11-24T20:14:46Z\",\"verdict\":\"maybe\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct event e = { .id = 42 };
		struct err err;

		assert_int_equal(event_parse(&e, bad[i], strlen(bad[i]), &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_int_equal(e.id, 42);
	}
}

static void a_later_versions_kind_is_still_an_event(void **state)
{
	static const char json[] =
		"{\"ts\":\"2026-11-24T20:14:46Z\",\"kind\":\"egress.new\",\"x\":1}";
	struct event e;
	struct err err;

	(void)state;
	assert_int_equal(event_parse(&e, json, sizeof json - 1, &err), 0);
	assert_int_equal(e.kind, EVENT_OTHER);
	assert_int_equal(e.count, 1);
	event_done(&e);
}

static void detail_loses_queries_and_secret_paths(void **state)
{
	struct event e;

	(void)state;
	event_init(&e);
	set_detail(&e,
	           "{\"url\":\"https://a.test/p?k=s\",\"error\":\"Get \\\"http://b/?t=s\\\": x\","
	           "\"a\":1,\"a\":2,\"deep\":{\"redirect_url\":\"http://c/d?e\"}}",
	           false);
	assert_string_equal(e.detail, "{\"url\":\"https://a.test/p?...\","
	                              "\"error\":\"Get \\\"http://b/?...\\\": x\",\"a\":1,"
	                              "\"deep\":{\"redirect_url\":\"http://c/d?...\"}}");
	set_detail(&e, "{\"url\":\"https://a.test:443/tok/en?k=s\",\"target\":\"b:443\"}", true);
	assert_string_equal(e.detail, "{\"url\":\"https://a.test:443/...\",\"target\":\"b:443\"}");
	event_done(&e);
}

static void detail_is_bounded_and_says_so(void **state)
{
	struct buf json = BUF_INIT(1 << 20);
	struct event e;
	cJSON *back;

	(void)state;
	event_init(&e);
	buf_adds(&json, "{\"first\":1");
	for (int i = 0; i < 200; i++)
		buf_addf(&json, ",\"k%d\":\"%0400d\"", i, i);
	buf_adds(&json, ",\"list\":[1,2,3]}");
	set_detail(&e, buf_str(&json), false);
	assert_true(strlen(e.detail) <= EVENT_DETAIL_MAX);
	back = cJSON_Parse(e.detail);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(back, "cut")));
	assert_int_equal(cJSON_GetObjectItem(back, "first")->valueint, 1);
	cJSON_Delete(back);
	buf_done(&json);
	event_done(&e);
}

static void detail_can_be_asked(void **state)
{
	struct event e;
	char *s;

	(void)state;
	sample(&e);
	s = event_detail_get(&e, "method");
	assert_string_equal(s, "GET");
	free(s);
	s = event_detail_get(&e, "big");
	assert_string_equal(s, "1795551286");
	free(s);
	assert_null(event_detail_get(&e, "none"));
	event_done(&e);
}

static void long_strings_are_cut_between_characters(void **state)
{
	struct buf s = BUF_INIT(4096);
	struct event e;

	(void)state;
	event_init(&e);
	buf_adds(&s, "x");
	for (int i = 0; i < 400; i++)
		buf_adds(&s, "ä");
	event_set_rule(&e, s.data, s.len);
	assert_int_equal(strlen(e.rule), 255);
	event_set_summary(&e, "see http://a.test/?secret=%s", s.data);
	assert_string_equal(e.summary, "see http://a.test/?...");
	buf_done(&s);
	event_done(&e);
}

static void lines_for_people_are_aligned_and_safe(void **state)
{
	struct event_style style = { .session_width = 12 };
	struct buf out = BUF_INIT(4096);
	struct event e;

	(void)state;
	sample(&e);
	assert_int_equal(event_line(&out, &e, &style), 0);
	assert_string_equal(buf_str(&out), "20:14:46 ✗ implementer  egress.blocked   "
	                                   "api.x.test: not in the allowlist ×4");
	buf_reset(&out);
	event_set_host(&e, "\u0430.isolation-probe.invalid", 26);
	event_set_summary(&e, "\x1b[2J");
	e.count = 1;
	style = (struct event_style){ .has_date = true, .is_ascii = true };
	assert_int_equal(event_line(&out, &e, &style), 0);
	assert_string_equal(buf_str(&out), "2026-11-24 20:14:46 x egress.blocked   "
	                                   "\\u0430.isolation-probe.invalid: \\x1b[2J (probe)");
	event_done(&e);
	buf_done(&out);
}

static void a_copy_stands_alone(void **state)
{
	struct event e, copy;

	(void)state;
	sample(&e);
	event_copy(&copy, &e);
	event_done(&e);
	assert_string_equal(copy.host, "api.x.test");
	assert_string_equal(copy.session, "implementer");
	event_done(&copy);
	event_done(NULL);
}

/* Agents choose host names and texts; a spreadsheet must not take them for formulas. */
static void csv_has_no_formula_and_no_broken_line(void **state)
{
	static const char *const evil[] = { "=1+2", "+x", "-x", "@x", "\tx", "\rx" };
	struct buf b = BUF_INIT(65536);
	struct event e;

	(void)state;
	for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
		const char *p;

		event_init(&e);
		event_set_summary(&e, "%s", evil[i]);
		buf_reset(&b);
		assert_int_equal(event_csv(&b, &e), 0);
		p = strstr(buf_str(&b), "\"other\",,,,\"");
		assert_non_null(p);
		assert_null(strchr("=+-@\t\r", p[strlen("\"other\",,,,\"")]));
		event_done(&e);
	}
	event_init(&e);
	e.id = 7;
	e.count = 2;
	event_set_owner(&e, "s", "b");
	event_set_summary(&e, "two \"words\", a line\nand another");
	buf_reset(&b);
	assert_int_equal(event_csv_header(&b), 0);
	assert_int_equal(event_csv(&b, &e), 0);
	assert_string_equal(buf_str(&b),
	                    "id,time,session,bottle,source,kind,verdict,host,rule,summary,count,"
	                    "probe,detail\r\n"
	                    "7,1970-01-01T00:00:00.000000000Z,\"s\",\"b\",\"claude-bottle\","
	                    "\"other\",,,,\"two \"\"words\"\", a line\\x0aand another\",2,false,"
	                    "\r\n");
	event_done(&e);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_and_names_agree_both_ways),
		cmocka_unit_test(the_host_is_found_in_every_form),
		cmocka_unit_test(without_a_host_there_is_none),
		cmocka_unit_test(probes_are_known_by_name_alone),
		cmocka_unit_test(probe_traffic_never_asks_for_attention),
		cmocka_unit_test(only_what_waits_for_a_person_asks_for_attention),
		cmocka_unit_test(a_push_that_a_person_turned_down_asks_for_nobody),
		cmocka_unit_test(an_event_survives_json_and_back),
		cmocka_unit_test(what_is_no_event_is_refused),
		cmocka_unit_test(a_later_versions_kind_is_still_an_event),
		cmocka_unit_test(detail_loses_queries_and_secret_paths),
		cmocka_unit_test(detail_is_bounded_and_says_so),
		cmocka_unit_test(detail_can_be_asked),
		cmocka_unit_test(long_strings_are_cut_between_characters),
		cmocka_unit_test(lines_for_people_are_aligned_and_safe),
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(csv_has_no_formula_and_no_broken_line),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
