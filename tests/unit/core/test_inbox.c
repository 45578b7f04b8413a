/* The inbox: folding, order, floods, dismissal with memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/inbox.h"
#include "core/mem.h"

static struct inbox *ib;
static uint64_t next_seq;

static int setup(void **state)
{
	(void)state;
	ib = inbox_new();
	next_seq = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	inbox_free(ib);
	return 0;
}

static struct event event_of(enum event_kind kind, enum event_verdict verdict, const char *session,
                             const char *host, const char *rule, int64_t ts)
{
	struct event e;

	event_init(&e);
	e.kind = kind;
	e.verdict = verdict;
	e.ts_ns = ts;
	e.source = kind >= EVENT_PUSH_ACCEPTED && kind <= EVENT_GATE_READY ? EVENT_FROM_GATE
	                                                                   : EVENT_FROM_PIPELOCK;
	event_set_owner(&e, session, "b");
	if (host)
		event_set_host(&e, host, strlen(host));
	if (rule)
		event_set_rule(&e, rule, strlen(rule));
	event_set_summary(&e, "%s", rule ? rule : "something");
	return e;
}

static bool take(struct event e)
{
	bool changed = inbox_event(ib, &e, next_seq++, e.count);

	event_done(&e);
	return changed;
}

static bool blocked(const char *session, const char *host, int64_t ts)
{
	return take(event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, session, host, "allowlist", ts));
}

static struct event push_of(enum event_kind kind, enum event_verdict verdict, const char *id,
                            int64_t ts)
{
	struct event e = event_of(kind, verdict, "s", NULL, NULL, ts);

	e.detail = xasprintf("{\"id\":\"%s\"}", id);
	return e;
}

static const struct inbox_item *at(size_t i)
{
	const struct inbox_item *it = inbox_at(ib, i);

	assert_non_null(it);
	return it;
}

static void test_the_same_host_and_rule_of_a_session_is_one_row_with_a_count(void **state)
{
	(void)state;
	assert_true(blocked("s", "a.test", 10));
	assert_true(blocked("s", "a.test", 30));
	assert_true(blocked("s", "b.test", 20));
	assert_true(blocked("t", "a.test", 25));
	assert_int_equal(inbox_n(ib), 3);
	assert_int_equal(at(0)->count, 2);
	assert_int_equal(at(0)->first_ns, 10);
	assert_int_equal(at(0)->last_ns, 30);
	assert_int_equal(at(0)->seq, 2);
	assert_int_equal(inbox_n_of(ib, "s"), 2);
}

static void test_rows_are_in_the_order_in_which_they_began(void **state)
{
	(void)state;
	blocked("s", "late.test", 50);
	blocked("s", "early.test", 5);
	blocked("s", "early.test", 90);
	inbox_state(ib, INBOX_AGENT, "s", "waits", 20);
	assert_string_equal(at(0)->host, "early.test");
	assert_int_equal(at(1)->kind, INBOX_AGENT);
	assert_string_equal(at(2)->host, "late.test");
}

static void test_a_row_keeps_its_id_while_others_come_before_it(void **state)
{
	uint64_t id;

	(void)state;
	blocked("s", "a.test", 50);
	id = at(0)->id;
	blocked("s", "b.test", 5);
	assert_string_equal(inbox_find(ib, id)->host, "a.test");
	assert_ptr_equal(inbox_after(ib, id - 1), inbox_find(ib, id));
	/* in the order in which they came, not in that of their rows */
	assert_string_equal(inbox_after(ib, id)->host, "b.test");
	assert_null(inbox_after(ib, inbox_after(ib, id)->id));
	assert_true(inbox_dismiss(ib, id, 60));
	blocked("s", "c.test", 70);
	assert_null(inbox_find(ib, id));
	assert_false(inbox_dismiss(ib, id, 80));
}

static void test_what_asks_for_nobody_is_no_row(void **state)
{
	struct event probe = event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "s",
	                              "x.isolation-probe.invalid", "allowlist", 1);

	(void)state;
	assert_false(take(probe));
	assert_false(take(event_of(EVENT_EGRESS_DNS, EVENT_BLOCK, "s", "a", NULL, 1)));
	assert_false(take(event_of(EVENT_EGRESS_ALLOWED, EVENT_ALLOW, "s", "a", NULL, 1)));
	assert_false(take(event_of(EVENT_EGRESS_DLP, EVENT_WARN, "s", "a", "body_dlp", 1)));
	assert_false(take(event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "s", "a", "kill_switch", 1)));
	assert_false(take(event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "s", "a", "ratelimit", 1)));
	assert_int_equal(inbox_n(ib), 0);
}

static void test_a_dismissed_block_does_not_ask_again_but_another_does(void **state)
{
	(void)state;
	blocked("s", "a.test", 10);
	assert_true(inbox_dismiss(ib, at(0)->id, 20));
	assert_false(blocked("s", "a.test", 30));
	assert_int_equal(inbox_n(ib), 0);
	blocked("s", "b.test", 31);
	blocked("t", "a.test", 32);
	assert_int_equal(inbox_n(ib), 2);
}

static void test_a_dismissed_push_asks_again_when_it_comes_again(void **state)
{
	(void)state;
	take(push_of(EVENT_PUSH_REJECTED, EVENT_BLOCK, "p1", 10));
	assert_true(inbox_dismiss(ib, at(0)->id, 20));
	assert_false(take(push_of(EVENT_PUSH_REJECTED, EVENT_BLOCK, "p1", 10)));
	assert_true(take(push_of(EVENT_PUSH_REJECTED, EVENT_BLOCK, "p2", 21)));
	assert_int_equal(inbox_n(ib), 1);
}

struct told {
	char session[40], question[200];
	int64_t until_ns;
	int n;
};

static void on_dismiss(void *arg, const struct inbox_dismissal *d)
{
	struct told *t = arg;

	t->n++;
	t->until_ns = d->until_ns;
	snprintf(t->session, sizeof t->session, "%s", d->item->session);
	snprintf(t->question, sizeof t->question, "%s", d->question);
}

static void test_what_was_told_as_dismissed_is_remembered_by_another(void **state)
{
	struct told told = { .n = 0 };

	(void)state;
	inbox_on_dismiss(ib, on_dismiss, &told);
	blocked("s", "a.test", 10);
	inbox_dismiss(ib, at(0)->id, 20);
	assert_int_equal(told.n, 1);
	assert_string_equal(told.session, "s");
	assert_int_equal(told.until_ns, 0);
	inbox_free(ib);
	ib = inbox_new();
	inbox_remember(ib, told.session, told.question, told.until_ns);
	assert_false(blocked("s", "a.test", 30));
	assert_true(blocked("s", "b.test", 30));
}

static void test_a_dismissal_is_an_event_that_says_who_and_what(void **state)
{
	CLEANUP_FREE char *by = NULL, *why = NULL, *id = NULL, *rule = NULL;
	struct event e;

	(void)state;
	blocked("s", "a.test", 10);
	inbox_event_of(&e, at(0), "b", "me@here", "a mirror \"does\"", 20);
	assert_int_equal(e.kind, EVENT_INBOX_DISMISSED);
	assert_int_equal(e.ts_ns, 20);
	assert_string_equal(e.session, "s");
	assert_string_equal(e.bottle, "b");
	assert_string_equal(e.host, "a.test");
	assert_string_equal(e.summary, "dismissed, block: allowlist");
	by = event_detail_get(&e, "by");
	why = event_detail_get(&e, "why");
	id = event_detail_get(&e, "id");
	rule = event_detail_get(&e, "rule");
	assert_string_equal(by, "me@here");
	assert_string_equal(why, "a mirror \"does\"");
	assert_string_equal(id, at(0)->name);
	assert_string_equal(rule, "allowlist");
	assert_int_equal(inbox_kind_of(&e), INBOX_KINDS);
	event_done(&e);
}

static void test_what_another_program_dismisses_leaves_the_inbox(void **state)
{
	static const char question[] = "block\x1fone\x1f"
	                               "a.test\x1f"
	                               "allowlist";

	(void)state;
	take(event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "one", "a.test", "allowlist", 10));
	take(event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "one", "b.test", "allowlist", 11));
	take(event_of(EVENT_PUSH_REJECTED, EVENT_BLOCK, "one", NULL, "aws", 12));
	assert_true(inbox_heed(ib, "one", question, 0));
	assert_int_equal(inbox_n(ib), 2);
	assert_string_equal(at(0)->host, "b.test");
	assert_false(inbox_heed(ib, "one", question, 0));
	assert_false(take(event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "one", "a.test", "allowlist",
	                           20)));

	/* after a new launch what was put away before it asks again */
	inbox_forget(ib, "one");
	assert_false(inbox_heed(ib, "one", question, 0));
	assert_true(take(event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "one", "a.test", "allowlist",
	                          30)));
	assert_int_equal(inbox_n(ib), 1);
}

static void test_a_row_is_found_by_a_name_that_every_program_gives_it(void **state)
{
	char name[17];

	(void)state;
	take(event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "one", "a.test", "allowlist", 10));
	snprintf(name, sizeof name, "%s", at(0)->name);
	assert_int_equal(strlen(name), 16);
	assert_ptr_equal(inbox_named(ib, name), at(0));
	inbox_free(ib);
	ib = inbox_new();
	assert_null(inbox_named(ib, name));
	take(event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "two", "a.test", "allowlist", 10));
	take(event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "one", "a.test", "allowlist", 10));
	assert_string_equal(inbox_named(ib, name)->session, "one");
}

static void test_a_new_launch_forgets_rows_and_memory(void **state)
{
	(void)state;
	blocked("s", "a.test", 10);
	inbox_dismiss(ib, at(0)->id, 20);
	blocked("s", "b.test", 30);
	blocked("t", "a.test", 30);
	assert_true(inbox_forget(ib, "s"));
	assert_int_equal(inbox_n(ib), 1);
	assert_true(blocked("s", "a.test", 40));
}

static void test_a_flood_of_hosts_is_one_row_that_counts_them(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) {
		char host[32];

		snprintf(host, sizeof host, "h%d.test", i);
		blocked("s", host, 100 + i);
	}
	blocked("t", "a.test", 1000);
	assert_int_equal(inbox_n_of(ib, "s"), INBOX_ROWS_MAX + 1);
	assert_int_equal(at(INBOX_ROWS_MAX)->kind, INBOX_FLOOD);
	assert_int_equal(at(INBOX_ROWS_MAX)->n_folded, 500 - INBOX_ROWS_MAX);
	assert_int_equal(at(INBOX_ROWS_MAX)->count, 500 - INBOX_ROWS_MAX);
	assert_int_equal(inbox_n(ib), INBOX_ROWS_MAX + 2);
	/* the same again makes the count grow, not the number of hosts */
	blocked("s", "h499.test", 2000);
	assert_int_equal(at(INBOX_ROWS_MAX)->n_folded, 500 - INBOX_ROWS_MAX);
	assert_int_equal(at(INBOX_ROWS_MAX)->count, 501 - INBOX_ROWS_MAX);
}

static void test_a_dismissed_flood_is_quiet_until_it_grows(void **state)
{
	struct event e = event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "s", "h9.test", "allowlist",
	                          1);

	(void)state;
	for (int i = 0; i < INBOX_ROWS_MAX + 2; i++) {
		char host[32];

		snprintf(host, sizeof host, "h%d.test", i);
		blocked("s", host, 100 + i);
	}
	assert_true(inbox_has(ib, &e));
	inbox_dismiss(ib, at(INBOX_ROWS_MAX)->id, 200);
	assert_int_equal(inbox_n(ib), INBOX_ROWS_MAX);
	assert_false(inbox_has(ib, &e));
	blocked("s", "h9.test", 201);
	assert_int_equal(inbox_n(ib), INBOX_ROWS_MAX);
	blocked("s", "new.test", 202);
	assert_int_equal(inbox_n(ib), INBOX_ROWS_MAX + 1);
	event_done(&e);
}

static void test_a_flood_that_another_program_dismisses_is_quiet(void **state)
{
	struct told told = { .n = 0 };

	(void)state;
	for (int i = 0; i < INBOX_ROWS_MAX + 2; i++) {
		char host[32];

		snprintf(host, sizeof host, "h%d.test", i);
		blocked("s", host, 100 + i);
	}
	inbox_on_dismiss(ib, on_dismiss, &told);
	inbox_dismiss(ib, at(INBOX_ROWS_MAX)->id, 200);
	assert_int_equal(told.n, 1);
	/* in another program it has grown since */
	blocked("s", "new.test", 202);
	assert_false(inbox_heed(ib, told.session, told.question, told.until_ns));
	assert_true(inbox_heed(ib, told.session, told.question, 202));
	assert_int_equal(inbox_n(ib), INBOX_ROWS_MAX);
	assert_false(inbox_heed(ib, told.session, told.question, 202));
	blocked("s", "newer.test", 203);
	assert_int_equal(inbox_n(ib), INBOX_ROWS_MAX + 1);
}

static void test_a_held_push_goes_when_it_was_decided_and_only_that_one(void **state)
{
	(void)state;
	take(push_of(EVENT_PUSH_HELD, EVENT_HOLD, "p1", 10));
	take(push_of(EVENT_PUSH_HELD, EVENT_HOLD, "p2", 11));
	assert_int_equal(inbox_n(ib), 2);
	assert_string_equal(at(0)->push, "p1");
	assert_true(take(push_of(EVENT_PUSH_ACCEPTED, EVENT_ALLOW, "p1", 12)));
	assert_int_equal(inbox_n(ib), 1);
	assert_string_equal(at(0)->push, "p2");
	assert_true(inbox_set_life(ib, "s", INBOX_ENDED));
	assert_int_equal(inbox_n(ib), 0);
}

static void test_an_allowed_host_waits_no_longer_but_its_secrets_do(void **state)
{
	(void)state;
	blocked("s", "a.test", 10);
	take(event_of(EVENT_EGRESS_DLP, EVENT_BLOCK, "s", "a.test", "body_dlp: X", 11));
	assert_true(take(event_of(EVENT_POLICY_CHANGED, EVENT_ALLOW, "s", "a.test", NULL, 12)));
	assert_int_equal(inbox_n(ib), 1);
	assert_string_equal(at(0)->rule, "body_dlp: X");
}

static void test_a_state_is_one_row_until_it_ends(void **state)
{
	(void)state;
	assert_true(inbox_state(ib, INBOX_LAUNCH, "s", "it failed", 10));
	assert_false(inbox_state(ib, INBOX_LAUNCH, "s", "it failed", 11));
	assert_true(inbox_state(ib, INBOX_LAUNCH, "s", "it failed again", 12));
	assert_int_equal(inbox_n(ib), 1);
	assert_int_equal(at(0)->first_ns, 10);
	assert_string_equal(at(0)->text, "it failed again");
	assert_true(inbox_state(ib, INBOX_LAUNCH, "s", NULL, 13));
	assert_false(inbox_state(ib, INBOX_LAUNCH, "s", NULL, 14));
	assert_int_equal(inbox_n(ib), 0);
}

static void test_a_dismissed_failure_asks_again_only_when_it_is_a_later_one(void **state)
{
	(void)state;
	inbox_state(ib, INBOX_LAUNCH, "s", "it failed", 10);
	inbox_dismiss(ib, at(0)->id, 20);
	assert_false(inbox_state(ib, INBOX_LAUNCH, "s", "it failed", 10));
	assert_true(inbox_state(ib, INBOX_LAUNCH, "s", "it failed", 30));
}

static void test_what_an_ended_session_asked_stands_last_and_waits_no_more(void **state)
{
	struct event e = event_of(EVENT_EGRESS_BLOCKED, EVENT_BLOCK, "s", "a.test", "allowlist",
	                          1);

	(void)state;
	blocked("s", "a.test", 10);
	inbox_state(ib, INBOX_LAUNCH, "s", "the agent ended with 1", 11);
	inbox_state(ib, INBOX_AGENT, "s", "may I?", 12);
	take(push_of(EVENT_PUSH_HELD, EVENT_HOLD, "p1", 13));
	blocked("t", "a.test", 20);
	assert_true(inbox_is_waiting(ib, &e));
	assert_true(inbox_set_life(ib, "s", INBOX_ENDED));
	assert_false(inbox_set_life(ib, "s", INBOX_ENDED));
	assert_int_equal(inbox_n(ib), 3);
	assert_int_equal(inbox_n_waiting(ib), 2);
	assert_int_equal(inbox_n_of(ib, "s"), 1);
	assert_int_equal(at(0)->kind, INBOX_LAUNCH);
	assert_string_equal(at(1)->session, "t");
	assert_string_equal(at(2)->session, "s");
	assert_true(at(2)->is_ended);
	assert_true(inbox_has(ib, &e));
	assert_false(inbox_is_waiting(ib, &e));
	/* what comes after it stands before it */
	blocked("t", "b.test", 30);
	assert_true(at(3)->is_ended);
	/* it was not the end */
	assert_true(inbox_set_life(ib, "s", INBOX_LIVE));
	assert_string_equal(at(0)->host, "a.test");
	assert_int_equal(inbox_n_waiting(ib), 4);
	event_done(&e);
}

static void test_what_a_removed_session_asked_is_gone_but_failures_and_gaps(void **state)
{
	(void)state;
	blocked("s", "a.test", 10);
	take(push_of(EVENT_PUSH_REJECTED, EVENT_BLOCK, "p1", 11));
	take(event_of(EVENT_POLICY_CHANGED, EVENT_FAIL, "s", "a.test", "allow", 12));
	take(event_of(EVENT_LOG_GAP, EVENT_WARN, "s", NULL, "gap", 13));
	inbox_state(ib, INBOX_LAUNCH, "s", "no such image", 14);
	blocked("t", "a.test", 20);
	assert_true(inbox_set_life(ib, "s", INBOX_GONE));
	assert_int_equal(inbox_n(ib), 3);
	assert_int_equal(at(0)->kind, INBOX_GAP);
	assert_int_equal(at(1)->kind, INBOX_LAUNCH);
	assert_string_equal(at(2)->session, "t");
	assert_false(inbox_set_life(ib, "s", INBOX_GONE));
}

static void test_a_full_inbox_loses_what_ended_first(void **state)
{
	(void)state;
	blocked("first", "a.test", 1);
	blocked("ended", "a.test", 2);
	inbox_set_life(ib, "ended", INBOX_ENDED);
	for (int i = 2; i < INBOX_ITEMS_MAX; i++) {
		char session[32];

		snprintf(session, sizeof session, "s%d", i);
		blocked(session, "a.test", 10 + i);
	}
	assert_int_equal(inbox_n(ib), INBOX_ITEMS_MAX);
	blocked("one-more", "a.test", 5000);
	assert_int_equal(inbox_n(ib), INBOX_ITEMS_MAX);
	assert_int_equal(inbox_n_waiting(ib), INBOX_ITEMS_MAX);
	assert_string_equal(at(0)->session, "first");
	blocked("yet-another", "a.test", 5001);
	assert_string_equal(at(0)->session, "s2");
}

static void test_an_agent_that_says_much_is_one_row_with_its_last_words(void **state)
{
	struct event e = event_of(EVENT_AGENT_NOTIFY, EVENT_NO_VERDICT, "s", NULL, "one", 10);

	(void)state;
	take(e);
	take(event_of(EVENT_AGENT_NOTIFY, EVENT_NO_VERDICT, "s", NULL, "two", 11));
	assert_int_equal(inbox_n(ib), 1);
	assert_string_equal(at(0)->text, "two");
	assert_true(inbox_state(ib, INBOX_AGENT, "s", NULL, 12));
	assert_int_equal(inbox_n(ib), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_the_same_host_and_rule_of_a_session_is_one_row_with_a_count),
		T(test_rows_are_in_the_order_in_which_they_began),
		T(test_a_row_keeps_its_id_while_others_come_before_it),
		T(test_what_asks_for_nobody_is_no_row),
		T(test_a_dismissed_block_does_not_ask_again_but_another_does),
		T(test_a_dismissed_push_asks_again_when_it_comes_again),
		T(test_what_was_told_as_dismissed_is_remembered_by_another),
		T(test_a_dismissal_is_an_event_that_says_who_and_what),
		T(test_what_another_program_dismisses_leaves_the_inbox),
		T(test_a_flood_that_another_program_dismisses_is_quiet),
		T(test_a_row_is_found_by_a_name_that_every_program_gives_it),
		T(test_a_new_launch_forgets_rows_and_memory),
		T(test_a_flood_of_hosts_is_one_row_that_counts_them),
		T(test_a_dismissed_flood_is_quiet_until_it_grows),
		T(test_a_held_push_goes_when_it_was_decided_and_only_that_one),
		T(test_an_allowed_host_waits_no_longer_but_its_secrets_do),
		T(test_a_state_is_one_row_until_it_ends),
		T(test_a_dismissed_failure_asks_again_only_when_it_is_a_later_one),
		T(test_what_an_ended_session_asked_stands_last_and_waits_no_more),
		T(test_what_a_removed_session_asked_is_gone_but_failures_and_gaps),
		T(test_a_full_inbox_loses_what_ended_first),
		T(test_an_agent_that_says_much_is_one_row_with_its_last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
