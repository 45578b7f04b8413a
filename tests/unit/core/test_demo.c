/* The demo's pure half: what it makes, what it takes for good, what it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "core/demo.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/pipelock.h"

/* --- what it makes --------------------------------------------------------------- */

static void placeholders_become_json_strings(void **state)
{
	struct buf b = BUF_INIT(4096);
	struct err err = { 0 };

	(void)state;
	assert_int_equal(demo_manifest(&b, "{\"a\":\"@IDENTITY_FILE@\",\"b\":\"@KNOWN_HOST_KEY@\"}",
	                               "/home/a \"b\"/k", "ecdsa-sha2-nistp256 AAAA", &err),
	                 0);
	assert_string_equal(buf_str(&b), "{\"a\":\"/home/a \\\"b\\\"/k\","
	                                 "\"b\":\"ecdsa-sha2-nistp256 AAAA\"}");
	buf_done(&b);
}

static void a_template_without_a_placeholder_is_refused(void **state)
{
	struct buf b = BUF_INIT(4096);
	struct err err = { 0 };

	(void)state;
	assert_int_equal(demo_manifest(&b, "{\"a\":\"@IDENTITY_FILE@\"}", "k", "h", &err), -1);
	assert_non_null(strstr(err.msg, "@KNOWN_HOST_KEY@"));
	buf_done(&b);
}

static void a_token_has_the_shape_that_scanners_know(void **state)
{
	unsigned char random[36];
	char token[DEMO_GITHUB_SIZE], key[DEMO_AWS_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof random; i++)
		random[i] = (unsigned char)(i * 37 + 5);
	assert_true(demo_github_token(token, random));
	assert_int_equal(strlen(token), 40);
	assert_int_equal(strncmp(token, "ghp_", 4), 0);
	assert_int_equal(strspn(token + 4, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                                   "0123456789"),
	                 36);
	assert_true(demo_aws_key(key, random));
	assert_int_equal(strlen(key), 20);
	assert_int_equal(strncmp(key, "AKIA", 4), 0);
	assert_int_equal(strspn(key + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 16);
}

static void a_token_of_few_characters_is_not_used(void **state)
{
	const unsigned char random[36] = { 1, 2, 3, 1, 2, 3 };
	char token[DEMO_GITHUB_SIZE], key[DEMO_AWS_SIZE];

	(void)state;
	assert_false(demo_github_token(token, random));
	assert_false(demo_aws_key(key, random));
}

/* --- what it takes for good -------------------------------------------------------- */

static void the_code_is_split_from_the_answer(void **state)
{
	static const char out[] = "blocked: x\n\n403";
	size_t len = 0;

	(void)state;
	assert_int_equal(demo_http_answer(out, strlen(out), &len), 403);
	assert_int_equal(len, strlen("blocked: x\n"));
	assert_int_equal(demo_http_answer("\n000", 4, &len), 0);
	assert_int_equal(len, 0);
}

static void output_without_a_code_is_no_answer(void **state)
{
	size_t len = 7;

	(void)state;
	assert_int_equal(demo_http_answer("", 0, &len), -1);
	assert_int_equal(demo_http_answer("200", 3, &len), -1);
	assert_int_equal(demo_http_answer("x200", 4, &len), -1);
	assert_int_equal(demo_http_answer("body\n2x0", 8, &len), -1);
	assert_int_equal(len, 7);
}

static struct event make_event(enum event_kind kind, enum event_verdict verdict, const char *host,
                               const char *rule)
{
	struct event e;

	event_init(&e);
	e.kind = kind;
	e.verdict = verdict;
	event_set_host(&e, host, strlen(host));
	event_set_rule(&e, rule, strlen(rule));
	return e;
}

static bool is_of(enum demo_probe p, enum event_kind kind, enum event_verdict verdict,
                  const char *host, const char *rule)
{
	struct event e = make_event(kind, verdict, host, rule);
	bool is = demo_is_event_of(p, &e);

	event_done(&e);
	return is;
}

static void each_try_knows_its_event(void **state)
{
	(void)state;
	assert_true(is_of(DEMO_ALLOWED, EVENT_EGRESS_ALLOWED, EVENT_ALLOW, DEMO_FILES_HOST, ""));
	assert_true(is_of(DEMO_UNLISTED, EVENT_EGRESS_BLOCKED, EVENT_BLOCK, DEMO_UNLISTED_HOST,
	                  "allowlist"));
	assert_true(is_of(DEMO_TOKEN, EVENT_EGRESS_DLP, EVENT_BLOCK, DEMO_FILES_HOST,
	                  "body_dlp: GitHub Token"));
	assert_true(is_of(DEMO_LEAK_PUSH, EVENT_PUSH_REJECTED, EVENT_BLOCK, "", ""));
	assert_true(is_of(DEMO_CLEAN_PUSH, EVENT_PUSH_ACCEPTED, EVENT_ALLOW, "", ""));
	assert_true(is_of(DEMO_HTTPS_PUSH, EVENT_EGRESS_BLOCKED, EVENT_BLOCK, DEMO_FILES_HOST,
	                  "dlp: " PIPELOCK_PUSH_PATTERN));
}

static void an_event_of_something_else_does_not_count(void **state)
{
	struct event e;

	(void)state;
	assert_false(is_of(DEMO_ALLOWED, EVENT_EGRESS_ALLOWED, EVENT_ALLOW, "claude.ai", ""));
	assert_false(is_of(DEMO_UNLISTED, EVENT_EGRESS_BLOCKED, EVENT_BLOCK, DEMO_FILES_HOST, ""));
	assert_false(is_of(DEMO_TOKEN, EVENT_EGRESS_DLP, EVENT_WARN, DEMO_FILES_HOST,
	                   "body_dlp: GitHub Token"));
	assert_false(
		is_of(DEMO_TOKEN, EVENT_EGRESS_DLP, EVENT_BLOCK, DEMO_FILES_HOST, "body_dlp: X"));
	assert_false(is_of(DEMO_LEAK_PUSH, EVENT_PUSH_FAILED, EVENT_FAIL, "", ""));
	assert_false(
		is_of(DEMO_HTTPS_PUSH, EVENT_EGRESS_BLOCKED, EVENT_BLOCK, DEMO_FILES_HOST, ""));
	e = make_event(EVENT_EGRESS_ALLOWED, EVENT_ALLOW, DEMO_FILES_HOST, "");
	e.is_probe = true;
	assert_false(demo_is_event_of(DEMO_ALLOWED, &e));
	event_done(&e);
}

static void fill(struct demo_table *t)
{
	*t = (struct demo_table){ .session = xstrdup("demo--1a2b3c"),
		                  .isolation_passed = 60,
		                  .isolation_total = 60,
		                  .pipelock_image = xstrdup("claude-bottle/pipelock:0123456789ab"),
		                  .left = { .is_known = true } };
	for (int i = 0; i < DEMO_PROBES; i++) {
		t->rows[i].was_tried = t->rows[i].is_ok = t->rows[i].has_event = true;
		t->rows[i].seen = xstrdup("seen\x1b[31m it");
		t->rows[i].event = make_event(EVENT_PUSH_REJECTED, EVENT_BLOCK, "h", "r");
	}
}

static void all_is_well_only_if_every_row_is_and_nothing_is_left(void **state)
{
	struct demo_table t;

	(void)state;
	fill(&t);
	assert_true(demo_is_ok(&t));
	t.rows[DEMO_HTTPS_PUSH].is_ok = false;
	assert_false(demo_is_ok(&t));
	t.rows[DEMO_HTTPS_PUSH].is_ok = true;
	t.left.volumes = 1;
	assert_false(demo_is_ok(&t));
	t.left = (struct demo_left){ 0 };
	assert_false(demo_is_ok(&t));
	demo_table_done(&t);
}

/* --- what it shows -------------------------------------------------------------------- */

static void a_stand_in_is_named_as_such(void **state)
{
	struct buf b = BUF_INIT(65536);
	struct demo_table t;

	(void)state;
	fill(&t);
	demo_text_head(&b, &t);
	assert_non_null(strstr(buf_str(&b), "\npipelock: claude-bottle/pipelock:0123456789ab\n"));
	assert_null(strstr(buf_str(&b), "STAND-IN"));
	buf_reset(&b);
	t.is_standin = true;
	t.standin_why = xstrdup("403 Forbidden\x1b");
	demo_text_head(&b, &t);
	assert_non_null(strstr(buf_str(&b), "\npipelock: STAND-IN for tests, not the real one: "
	                                    "403 Forbidden"));
	assert_null(strchr(buf_str(&b), '\x1b'));
	demo_table_done(&t);
	buf_done(&b);
}

static void a_row_says_what_was_expected_and_seen(void **state)
{
	struct buf b = BUF_INIT(65536);
	struct demo_table t;

	(void)state;
	fill(&t);
	t.rows[DEMO_TOKEN].is_ok = false;
	demo_text_row(&b, &t, DEMO_TOKEN);
	assert_non_null(strstr(buf_str(&b), "3 FAIL"));
	assert_non_null(strstr(buf_str(&b), "expected  403 blocked: request body contains secret: "
	                                    "GitHub Token\n"));
	assert_non_null(strstr(buf_str(&b), "seen      seen"));
	assert_null(strchr(buf_str(&b), '\x1b'));
	assert_non_null(strstr(buf_str(&b), "event     push.rejected"));
	buf_reset(&b);
	t.rows[DEMO_ALLOWED].was_tried = false;
	event_done(&t.rows[DEMO_ALLOWED].event);
	t.rows[DEMO_ALLOWED].has_event = false;
	demo_text_row(&b, &t, DEMO_ALLOWED);
	assert_non_null(strstr(buf_str(&b), "seen      not tried"));
	demo_table_done(&t);
	buf_done(&b);
}

static void the_end_counts_what_is_left(void **state)
{
	struct buf b = BUF_INIT(65536);
	struct demo_table t;

	(void)state;
	fill(&t);
	t.left.networks = 2;
	t.rows[DEMO_TOKEN].is_ok = false;
	demo_text_end(&b, &t);
	assert_non_null(strstr(buf_str(&b), "left behind: 0 containers, 2 networks, 0 volumes"));
	assert_non_null(strstr(buf_str(&b), "5 of 6 as expected"));
	buf_reset(&b);
	t.left.is_known = false;
	demo_text_end(&b, &t);
	assert_non_null(strstr(buf_str(&b), "left behind: unknown"));
	demo_table_done(&t);
	buf_done(&b);
}

static void the_json_is_json_and_holds_every_row(void **state)
{
	struct buf b = BUF_INIT(1u << 20);
	struct demo_table t;
	const cJSON *rows, *row;
	cJSON *json;

	(void)state;
	fill(&t);
	t.rows[DEMO_ALLOWED].was_tried = false;
	demo_json(&b, &t);
	json = cJSON_ParseWithLength(buf_str(&b), b.len);
	assert_non_null(json);
	rows = cJSON_GetObjectItemCaseSensitive(json, "probes");
	assert_int_equal(cJSON_GetArraySize(rows), DEMO_PROBES);
	row = cJSON_GetArrayItem(rows, DEMO_UNLISTED);
	assert_string_equal(cJSON_GetObjectItemCaseSensitive(row, "probe")->valuestring,
	                    "unlisted");
	assert_true(cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(row, "event")));
	row = cJSON_GetArrayItem(rows, DEMO_ALLOWED);
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(row, "seen")));
	assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "ok")));
	cJSON_Delete(json);
	demo_table_done(&t);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders_become_json_strings),
		cmocka_unit_test(a_template_without_a_placeholder_is_refused),
		cmocka_unit_test(a_token_has_the_shape_that_scanners_know),
		cmocka_unit_test(a_token_of_few_characters_is_not_used),
		cmocka_unit_test(the_code_is_split_from_the_answer),
		cmocka_unit_test(output_without_a_code_is_no_answer),
		cmocka_unit_test(each_try_knows_its_event),
		cmocka_unit_test(an_event_of_something_else_does_not_count),
		cmocka_unit_test(all_is_well_only_if_every_row_is_and_nothing_is_left),
		cmocka_unit_test(a_stand_in_is_named_as_such),
		cmocka_unit_test(a_row_says_what_was_expected_and_seen),
		cmocka_unit_test(the_end_counts_what_is_left),
		cmocka_unit_test(the_json_is_json_and_holds_every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
