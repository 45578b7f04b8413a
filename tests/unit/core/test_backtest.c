/* What was recorded, judged by an edited manifest. */
#include "manifest_fixture.h"

#include "core/backtest.h"
#include "core/err.h"
#include "core/store.h"

static const char text[] =
	"{\"bottles\": {\n"
	" \"dev\": {\"egress\": {\"allowlist\": [\"new.test\", \"lan.test\", \"pinned.test\", "
	"\"scanned.test\"], \"trusted\": [\"lan.test\"], \"passthrough\": [\"pinned.test\"]}},\n"
	" \"lax\": {\"egress\": {\"allowlist\": [\"scanned.test\"], \"dlp_action\": \"warn\"}},\n"
	" \"broken\": {\"egress\": 7}\n"
	"}}\n";

static struct manifest *parsed(void)
{
	const struct manifest_source source = { .origin = MANIFEST_NAMED,
		                                .path = "/w/m.json",
		                                .dir = "/w",
		                                .data = text,
		                                .len = sizeof text - 1,
		                                .is_trusted = true };

	return manifest_parse(&source, 1, &fixture_env);
}

static void add(struct backtest *t, enum event_kind kind, enum event_verdict verdict,
                const char *bottle, const char *host, const char *rule)
{
	struct event e;

	event_init(&e);
	e.kind = kind;
	e.verdict = verdict;
	e.ts_ns = 1;
	event_set_owner(&e, "s", bottle);
	event_set_host(&e, host, strlen(host));
	event_set_rule(&e, rule, strlen(rule));
	backtest_add(t, &e);
	event_done(&e);
}

#define BLOCKED(bottle, host, rule) add(&t, EVENT_EGRESS_BLOCKED, EVENT_BLOCK, bottle, host, rule)
#define DLP(bottle, host, rule) add(&t, EVENT_EGRESS_DLP, EVENT_BLOCK, bottle, host, rule)
#define PASSED(bottle, host) \
	add(&t, EVENT_EGRESS_ALLOWED, EVENT_ALLOW, bottle, host, "tls_intercept")

/* '+' newly passes, '-' breaks, '=' stays, '?' was not judged. */
static char verdict(const struct backtest *t, const char *bottle, const char *host)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct backtest_row *r = &t->v[i];

		if (strcmp(r->bottle, bottle) == 0 && strcmp(r->host, host) == 0)
			return r->did_pass == r->would_pass ? '=' : r->would_pass ? '+' : '-';
	}
	return '?';
}

static void each_request_is_judged_by_its_bottle(void **state)
{
	struct manifest *m = parsed();
	struct backtest t;

	(void)state;
	backtest_init(&t, m);
	BLOCKED("dev", "new.test", "allowlist");
	BLOCKED("dev", "elsewhere.test", "allowlist");
	BLOCKED("lax", "new.test", "allowlist");
	BLOCKED("dev", "lan.test", "ssrf");
	BLOCKED("dev", "pinned.test", "tls_handshake_error");
	BLOCKED("dev", "scanned.test", "path_traversal");
	DLP("lax", "scanned.test", "body_dlp: GitHub Token");
	PASSED("dev", "gone.test");
	PASSED("dev", "api.anthropic.com");
	assert_int_equal(verdict(&t, "dev", "new.test"), '+');
	assert_int_equal(verdict(&t, "dev", "elsewhere.test"), '=');
	assert_int_equal(verdict(&t, "lax", "new.test"), '=');
	assert_int_equal(verdict(&t, "dev", "lan.test"), '+');
	assert_int_equal(verdict(&t, "dev", "pinned.test"), '+');
	assert_int_equal(verdict(&t, "dev", "scanned.test"), '=');
	assert_int_equal(verdict(&t, "lax", "scanned.test"), '+');
	assert_int_equal(verdict(&t, "dev", "gone.test"), '-');
	assert_int_equal(verdict(&t, "dev", "api.anthropic.com"), '=');
	backtest_done(&t);
	manifest_free(m);
}

static void the_core_is_never_let_through(void **state)
{
	static const char *const rules[] = { "core_ssrf", "ssrf_metadata", "core_dlp: GitHub Token",
		                             "dlp: Git push over HTTPS", "scheme" };
	struct manifest *m = parsed();
	struct backtest t;

	(void)state;
	backtest_init(&t, m);
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		BLOCKED("dev", "pinned.test", rules[i]);
	for (size_t i = 0; i < t.n; i++)
		assert_false(t.v[i].would_pass);
	backtest_done(&t);
	manifest_free(m);
}

static void what_is_no_request_is_passed_over(void **state)
{
	struct manifest *m = parsed();
	struct backtest t;
	struct buf b = BUF_INIT(65536);

	(void)state;
	backtest_init(&t, m);
	add(&t, EVENT_EGRESS_DNS, EVENT_BLOCK, "dev", "new.test", "dns");
	add(&t, EVENT_EGRESS_ERROR, EVENT_FAIL, "dev", "new.test", "");
	BLOCKED("dev", "x.isolation-probe.invalid", "allowlist");
	BLOCKED("dev", "new.test", "kill_switch");
	assert_int_equal(t.n, 0);
	assert_int_equal(t.requests, 0);
	BLOCKED("broken", "new.test", "allowlist");
	BLOCKED("nobody", "new.test", "allowlist");
	assert_int_equal(t.n, 0);
	assert_int_equal(t.unknown, 2);
	backtest_text(&b, &t);
	assert_non_null(strstr(buf_str(&b), "2 requests of bottles"));
	buf_done(&b);
	backtest_done(&t);
	manifest_free(m);
}

static void repeats_are_counted_and_the_most_frequent_come_first(void **state)
{
	struct manifest *m = parsed();
	struct backtest t;
	struct buf b = BUF_INIT(65536);
	const char *first, *second;

	(void)state;
	backtest_init(&t, m);
	BLOCKED("dev", "lan.test", "ssrf");
	for (int i = 0; i < 5; i++)
		BLOCKED("dev", "new.test", "allowlist");
	PASSED("dev", "gone.test\x1b[2J");
	backtest_text(&b, &t);
	first = strstr(buf_str(&b), "new.test");
	second = strstr(buf_str(&b), "lan.test");
	assert_true(first && second && first < second);
	assert_non_null(strstr(buf_str(&b), "x5 "));
	assert_null(strchr(buf_str(&b), 0x1b));
	buf_reset(&b);
	backtest_json(&b, &t);
	assert_non_null(strstr(buf_str(&b), "\"count\":5"));
	assert_non_null(strstr(buf_str(&b), "\"judged\":7"));
	buf_done(&b);
	backtest_done(&t);
	manifest_free(m);
}

static void the_store_is_read_whole(void **state)
{
	const struct store_options opt = { .dir = NULL };
	struct manifest *m = parsed();
	struct store *st = NULL;
	struct backtest t;
	struct err err;

	(void)state;
	if (store_open(&st, &opt, &err) < 0)
		fail_msg("%s", err.msg);
	/* more than one page */
	for (int i = 0; i < 6000; i++) {
		struct event e;

		event_init(&e);
		e.kind = i % 2 ? EVENT_EGRESS_BLOCKED : EVENT_GATE_READY;
		e.verdict = EVENT_BLOCK;
		e.ts_ns = 1000 + i;
		event_set_owner(&e, "s", "dev");
		event_set_host(&e, "new.test", 8);
		event_set_rule(&e, "allowlist", 9);
		assert_true(store_add_event(st, &e, NULL) > 0);
		event_done(&e);
	}
	for (int i = 0; i < 4000; i++) {
		struct event e;

		event_init(&e);
		e.kind = EVENT_EGRESS_ALLOWED;
		e.verdict = EVENT_ALLOW;
		e.ts_ns = 10000 + i;
		event_set_owner(&e, "s", "dev");
		event_set_host(&e, "gone.test", 9);
		assert_true(store_add_event(st, &e, NULL) > 0);
		event_done(&e);
	}
	assert_int_equal(store_flush(st, &err), 0);
	backtest_init(&t, m);
	assert_int_equal(backtest_add_store(&t, st, &err), 0);
	assert_int_equal(t.requests, 7000);
	assert_int_equal(verdict(&t, "dev", "new.test"), '+');
	assert_int_equal(verdict(&t, "dev", "gone.test"), '-');
	backtest_done(&t);
	store_close(st);
	manifest_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_is_judged_by_its_bottle),
		cmocka_unit_test(the_core_is_never_let_through),
		cmocka_unit_test(what_is_no_request_is_passed_over),
		cmocka_unit_test(the_store_is_read_whole),
		cmocka_unit_test(repeats_are_counted_and_the_most_frequent_come_first),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
