#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/dnslog.h"
#include "core/event.h"
#include "core/lines.h"

#define REFUSED "dnsmasq[1]: config error is REFUSED (EDE: not ready)"

static int64_t now;

static enum event_feed feed(struct dnslog *d, const char *text, struct event *e)
{
	struct line l = { .text = text, .len = strlen(text), .stream = 2, .ts_ns = now };

	return dnslog_line(d, &l, e);
}

/* A question and its refusal, as recorded from dnsmasq 2.90. */
static enum event_feed ask(struct dnslog *d, const char *type, const char *name, struct event *e)
{
	char line[512];

	snprintf(line, sizeof line, "dnsmasq[1]: query[%s] %s from 10.213.0.2", type, name);
	assert_int_equal(feed(d, line, e), EVENT_FEED_NONE);
	return feed(d, REFUSED, e);
}

static void a_look_up_and_its_refusal_are_one_event(void **state)
{
	struct dnslog d = { 0 };
	struct event e;

	(void)state;
	now = 5;
	assert_int_equal(ask(&d, "A", "ExAmple.COM", &e), EVENT_FEED_NEW);
	assert_int_equal(e.kind, EVENT_EGRESS_DNS);
	assert_int_equal(e.verdict, EVENT_BLOCK);
	assert_int_equal(e.source, EVENT_FROM_RESOLVER);
	assert_string_equal(e.host, "example.com");
	assert_string_equal(e.summary, "look-up (A) refused");
	assert_true(e.ts_ns == 5);
	assert_int_equal(e.count, 1);
	event_done(&e);
	dnslog_done(&d);
}

static void repeats_within_the_window_are_counted(void **state)
{
	struct dnslog d = { 0 };
	struct event first, e;

	(void)state;
	now = 1;
	assert_int_equal(ask(&d, "A", "a.test", &first), EVENT_FEED_NEW);
	assert_int_equal(ask(&d, "A", "b.test", &e), EVENT_FEED_NEW);
	assert_int_not_equal(e.fold, first.fold);
	event_done(&e);
	now += DNSLOG_WINDOW_NS;
	assert_int_equal(ask(&d, "AAAA", "A.test", &e), EVENT_FEED_REPEAT);
	assert_int_equal(e.fold, first.fold);
	assert_int_equal(e.count, 2);
	assert_true(e.ts_ns == now);
	event_done(&e);
	now += DNSLOG_WINDOW_NS; /* the window moves along */
	assert_int_equal(ask(&d, "A", "a.test", &e), EVENT_FEED_REPEAT);
	assert_int_equal(e.count, 3);
	event_done(&e);
	now += DNSLOG_WINDOW_NS + 1;
	assert_int_equal(ask(&d, "A", "a.test", &e), EVENT_FEED_NEW);
	assert_int_not_equal(e.fold, first.fold);
	assert_int_equal(e.count, 1);
	event_done(&e);
	event_done(&first);
	dnslog_done(&d);
}

static void a_flood_of_names_does_not_grow_the_state(void **state)
{
	struct dnslog d = { 0 };
	struct event e;
	char name[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "data%d.evil.test", i);
		assert_int_equal(ask(&d, "A", name, &e), EVENT_FEED_NEW);
		event_done(&e);
	}
	assert_int_equal(ask(&d, "A", "data999.evil.test", &e), EVENT_FEED_REPEAT);
	event_done(&e);
	assert_int_equal(ask(&d, "A", "data1.evil.test", &e), EVENT_FEED_NEW);
	event_done(&e);
	dnslog_done(&d);
}

static void names_cannot_pretend(void **state)
{
	struct dnslog d = { 0 };
	struct event e;

	(void)state;
	assert_int_equal(ask(&d, "A", "a b from 1.2.3.4", &e), EVENT_FEED_NEW);
	assert_string_equal(e.host, "a b from 1.2.3.4");
	event_done(&e);
	assert_int_equal(ask(&d, "TXT", "http://u@x.test:1/", &e), EVENT_FEED_NEW);
	assert_string_equal(e.host, "http://u@x.test:1/");
	event_done(&e);
	assert_int_equal(ask(&d, "type=999", "<name unprintable>", &e), EVENT_FEED_NEW);
	assert_string_equal(e.host, "<name unprintable>");
	assert_string_equal(e.summary, "look-up (type=999) refused");
	event_done(&e);
	assert_int_equal(feed(&d, "dnsmasq[1]: config x is REFUSED.test is 1.2.3.4", &e),
	                 EVENT_FEED_NEW);
	assert_int_equal(e.verdict, EVENT_ALLOW);
	event_done(&e);
	dnslog_done(&d);
}

static void probes_are_tagged(void **state)
{
	struct dnslog d = { 0 };
	struct event e;

	(void)state;
	assert_int_equal(ask(&d, "A", "x.isolation-probe.invalid", &e), EVENT_FEED_NEW);
	assert_true(e.is_probe);
	event_done(&e);
	assert_int_equal(ask(&d, "A", "x.isolation-probe.invalid.evil.test", &e), EVENT_FEED_NEW);
	assert_false(e.is_probe);
	event_done(&e);
	dnslog_done(&d);
}

static void an_answer_or_a_forward_is_told_aloud(void **state)
{
	static const char *const answers[] = {
		"dnsmasq[1]: forwarded a.test to 8.8.8.8",
		"dnsmasq[1]: reply a.test is 93.184.216.34",
		"dnsmasq[1]: cached a.test is 93.184.216.34",
	};

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct dnslog d = { 0 };
		struct event e;

		assert_int_equal(feed(&d, "dnsmasq[1]: query[A] a.test from 10.0.0.2", &e),
		                 EVENT_FEED_NONE);
		assert_int_equal(feed(&d, answers[i], &e), EVENT_FEED_NEW);
		assert_int_equal(e.kind, EVENT_EGRESS_DNS);
		assert_int_equal(e.verdict, EVENT_ALLOW);
		assert_string_equal(e.host, "a.test");
		event_done(&e);
		dnslog_done(&d);
	}
}

static void a_look_up_without_an_answer_is_not_lost(void **state)
{
	struct dnslog d = { 0 };
	struct event e;

	(void)state;
	assert_int_equal(feed(&d, "dnsmasq[1]: query[A] a.test from 10.0.0.2", &e),
	                 EVENT_FEED_NONE);
	assert_int_equal(feed(&d, "dnsmasq[1]: query[A] b.test from 10.0.0.2", &e), EVENT_FEED_NEW);
	assert_string_equal(e.host, "a.test");
	assert_int_equal(e.verdict, EVENT_NO_VERDICT);
	event_done(&e);
	assert_int_equal(dnslog_end(&d, &e), EVENT_FEED_NEW);
	assert_string_equal(e.host, "b.test");
	event_done(&e);
	assert_int_equal(dnslog_end(&d, &e), EVENT_FEED_NONE);
	/* and a refusal without a question neither */
	assert_int_equal(feed(&d, "dnsmasq[1]: config error is REFUSED (EDE: invalid data)", &e),
	                 EVENT_FEED_NEW);
	assert_int_equal(e.verdict, EVENT_BLOCK);
	event_done(&e);
	assert_int_equal(feed(&d, "dnsmasq[1]: query[A] c.test from 10.0.0.2", &e),
	                 EVENT_FEED_NONE);
	dnslog_done(&d);
}

static void the_longer_log_form_is_read_too(void **state)
{
	struct dnslog d = { 0 };
	struct event e;

	(void)state;
	assert_int_equal(feed(&d, "dnsmasq: 12 10.0.0.2/4242 query[A] a.test from 10.0.0.2", &e),
	                 EVENT_FEED_NONE);
	assert_int_equal(feed(&d, "dnsmasq: 12 10.0.0.2/4242 config error is REFUSED", &e),
	                 EVENT_FEED_NEW);
	assert_string_equal(e.host, "a.test");
	event_done(&e);
	dnslog_done(&d);
}

static void start_talk_is_hidden_and_the_rest_kept(void **state)
{
	static const struct {
		const char *line;
		bool is_kept;
	} rows[] = {
		{ "", false },
		{ "dnsmasq[1]: started, version 2.90 cachesize 150", false },
		{ "dnsmasq[1]: compile time options: IPv6 GNU-getopt", false },
		{ "dnsmasq[1]: warning: no upstream servers configured", false },
		{ "dnsmasq[1]: cleared cache", false },
		{ "dnsmasq[1]: failed to create listening socket", true },
		{ "something else", true },
		{ "dnsmasq", true },
		{ "dnsmasq[1]: ", true },
	};
	struct dnslog d = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct event e;

		assert_int_equal(feed(&d, rows[i].line, &e),
		                 rows[i].is_kept ? EVENT_FEED_NEW : EVENT_FEED_NONE);
		if (!rows[i].is_kept)
			continue;
		assert_int_equal(e.kind, EVENT_OTHER);
		assert_string_equal(e.summary, rows[i].line);
		event_done(&e);
	}
	dnslog_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_up_and_its_refusal_are_one_event),
		cmocka_unit_test(repeats_within_the_window_are_counted),
		cmocka_unit_test(a_flood_of_names_does_not_grow_the_state),
		cmocka_unit_test(names_cannot_pretend),
		cmocka_unit_test(probes_are_tagged),
		cmocka_unit_test(an_answer_or_a_forward_is_told_aloud),
		cmocka_unit_test(a_look_up_without_an_answer_is_not_lost),
		cmocka_unit_test(the_longer_log_form_is_read_too),
		cmocka_unit_test(start_talk_is_hidden_and_the_rest_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
