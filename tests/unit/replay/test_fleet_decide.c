/* Deciding through the fleet, on the replay backend: policy, freeze, why, pushes. */
#include "replay_help.h"

#include "core/fleet.h"
#include "core/inbox.h"
#include "core/manifest.h"
#include "core/policy.h"
#include "core/push.h"

#define PUSH(state, hold) "{\"t\":0,\"push\":\"one\",\"record\":{\"v\":1," \
	"\"id\":\"42d5768bf61c9a07\",\"ts\":\"2026-11-24T12:00:00Z\",\"state\":\"" state "\"," \
	"\"repo\":\"proj\",\"refs\":[{\"ref\":\"refs/heads/main\"," \
	"\"old\":\"0000000000000000000000000000000000000000\"," \
	"\"new\":\"c93fc93fc93fc93fc93fc93fc93fc93fc93fc93f\"}],\"hold_until\":" hold "}}\n" \
	"{\"t\":0,\"event\":{\"ts\":\"2026-11-24T12:00:00Z\",\"session\":\"one\"," \
	"\"source\":\"git-gate\",\"kind\":\"push.held\",\"verdict\":\"hold\"," \
	"\"summary\":\"a push\",\"detail\":{\"id\":\"42d5768bf61c9a07\"}}}\n"
#define LISTED "{\"t\":0,\"event\":{\"ts\":\"2026-11-24T11:59:00Z\",\"session\":\"one\"," \
	"\"source\":\"pipelock\",\"kind\":\"egress.blocked\",\"verdict\":\"block\"," \
	"\"host\":\"x.test-host.org\",\"rule\":\"allowlist\",\"summary\":\"no\"}}\n"

static struct fleet *fleet;

static enum manifest_path no_path(void *ctx, const char *path)
{
	(void)ctx;
	(void)path;
	return MANIFEST_PATH_NONE;
}

static char *no_real_path(void *ctx, const char *path)
{
	(void)ctx;
	return xstrdup(path);
}

static struct manifest *load_manifest(void *arg)
{
	static const char text[] = "{\"bottles\":{\"b\":{}},"
				   "\"agents\":{\"one\":{\"bottle\":\"b\"}}}";
	const struct manifest_env env = { .home = "/h", .cwd = "/w", .path_kind = no_path,
		                          .real_path = no_real_path };
	const struct manifest_source source = { .origin = MANIFEST_USER, .path = "/h/m.json",
		                                .dir = "/h", .data = text, .len = sizeof text - 1,
		                                .is_trusted = true };

	(void)arg;
	return manifest_parse(&source, 1, &env);
}

static void on_changed(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
}

static int setup(void **state)
{
	fleet = NULL;
	return replay_setup(state);
}

static int teardown(void **state)
{
	fleet_free(fleet);
	return replay_teardown(state);
}

static void open_fleet(const char *lines)
{
	struct fleet_options opt = { .ops = &backend_replay, .load_manifest = load_manifest,
		                     .changed = on_changed };

	play(lines, "0");
	opt.backend = backend;
	fleet = fleet_new(loop, &opt);
	settle();
}

static const char *last_message(void)
{
	const char *text = fleet_message(fleet, 0, NULL, NULL);

	return text ? text : "";
}

static void change(struct policy_change c)
{
	fleet_change_policy(fleet, "one", &c);
	settle();
}

static bool may_reach(const char *host)
{
	return policy_allows(fleet_policy(fleet, "one"), host, fleet_clock_ns() / 1000000000);
}

static void test_a_stopped_session_has_no_policy_and_asks_nothing(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") LISTED);
	change((struct policy_change){ .verb = POLICY_ALLOW, .host = "y.test-host.org" });
	assert_true(may_reach("y.test-host.org"));
	assert_int_equal(fleet_n_waiting(fleet), 1);
	fleet_stop(fleet, "one");
	settle();
	assert_null(fleet_policy(fleet, "one"));
	assert_int_equal(inbox_n(fleet_inbox(fleet)), 0);
}

static void test_a_host_that_was_saved_is_no_longer_asked_about(void **state)
{
	const struct event *e;

	(void)state;
	open_fleet(RUNNING("one") LISTED);
	fleet_saved_host(fleet, "one", "x.test-host.org");
	settle();
	assert_int_equal(fleet_n_waiting(fleet), 0);
	e = fleet_event(fleet, 1);
	assert_int_equal(e->kind, EVENT_POLICY_CHANGED);
	assert_string_equal(e->bottle, "b");
	assert_non_null(strstr(e->detail, "\"scope\":\"manifest\""));
}

static void test_an_allowed_host_is_in_force_and_no_longer_asked_about(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") LISTED);
	assert_int_equal(fleet_n_waiting(fleet), 1);
	assert_false(may_reach("x.test-host.org"));
	change((struct policy_change){ .verb = POLICY_ALLOW, .host = "x.test-host.org" });
	assert_true(may_reach("x.test-host.org"));
	assert_int_equal(fleet_n_waiting(fleet), 0);
	assert_non_null(strstr(last_message(), "confirmed"));
	change((struct policy_change){ .verb = POLICY_REVOKE, .host = "x.test-host.org" });
	assert_false(may_reach("x.test-host.org"));
}

static void test_a_decision_is_an_event_with_who_and_its_verdict(void **state)
{
	const struct event *e;

	(void)state;
	open_fleet(RUNNING("one"));
	change((struct policy_change){ .verb = POLICY_ALLOW, .host = "x.test-host.org" });
	e = fleet_event(fleet, fleet_n_events(fleet) - 1);
	assert_int_equal(e->kind, EVENT_POLICY_CHANGED);
	assert_int_equal(e->verdict, EVENT_ALLOW);
	assert_string_equal(e->host, "x.test-host.org");
	assert_non_null(e->detail);
}

static void test_what_is_refused_changes_nothing_and_waits_for_a_look(void **state)
{
	(void)state;
	open_fleet(RUNNING("one"));
	change((struct policy_change){ .verb = POLICY_ALLOW, .host = "169.254.169.254" });
	assert_non_null(strstr(last_message(), "nothing changed"));
	assert_int_equal(fleet_n_waiting(fleet), 1);
	assert_int_equal(inbox_at(fleet_inbox(fleet), 0)->kind, INBOX_POLICY);
}

static void test_a_time_in_the_policy_is_known_until_it_is_over(void **state)
{
	const char *host = NULL;
	int64_t now = fleet_clock_ns() / 1000000000, until;

	(void)state;
	open_fleet(RUNNING("one"));
	assert_int_equal(fleet_allowed_until(fleet, "one", &host), 0);
	change((struct policy_change){ .verb = POLICY_ALLOW, .host = "x.test-host.org",
	                               .seconds = 900 });
	until = fleet_allowed_until(fleet, "one", &host);
	assert_true(until >= now + 895 && until <= now + 910);
	assert_string_equal(host, "x.test-host.org");
}

static void test_freeze_is_seen_in_the_row_and_thaw_ends_it(void **state)
{
	(void)state;
	open_fleet(RUNNING("one"));
	change((struct policy_change){ .verb = POLICY_FREEZE });
	assert_true(fleet_find(fleet, "one")->is_frozen);
	assert_true(fleet_policy(fleet, "one")->is_frozen);
	assert_int_equal(fleet_send(fleet, "one", FLEET_AGENT, "x", 1), -1);
	change((struct policy_change){ .verb = POLICY_THAW });
	assert_false(fleet_find(fleet, "one")->is_frozen);
}

static void test_who_does_not_run_has_no_policy_to_be_changed(void **state)
{
	(void)state;
	open_fleet("");
	change((struct policy_change){ .verb = POLICY_FREEZE });
	assert_non_null(strstr(last_message(), "does not run"));
	assert_false(fleet_is_changing(fleet, "one"));
}

static void test_an_engine_that_is_away_is_a_refusal(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") "{\"t\":0,\"engine\":false,\"why\":\"gone fishing\"}\n");
	change((struct policy_change){ .verb = POLICY_FREEZE });
	assert_null(fleet_policy(fleet, "one"));
}

struct why {
	bool was_called, is_allowed;
};

static void on_why(void *arg, const struct policy_answer *answer, const struct err *err)
{
	struct why *w = arg;

	assert_null(err);
	w->was_called = true;
	w->is_allowed = answer->is_allowed;
}

static void test_why_is_answered_by_what_is_in_force(void **state)
{
	struct why w = { false, true };

	(void)state;
	open_fleet(RUNNING("one"));
	fleet_why(fleet, "one", "https://x.test-host.org/?k=secret", on_why, &w);
	settle();
	assert_true(w.was_called);
	assert_false(w.is_allowed);
	change((struct policy_change){ .verb = POLICY_ALLOW, .host = "x.test-host.org" });
	fleet_why(fleet, "one", "https://x.test-host.org/", on_why, &w);
	settle();
	assert_true(w.is_allowed);
}

static struct push seen;

static void on_push(void *arg, struct push *p, const struct err *err)
{
	(void)arg;
	assert_null(err);
	seen = *p;
	*p = (struct push){ .id = NULL };
}

static void test_a_held_push_is_read_and_approved_as_it_was_seen(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") PUSH("held", "1795617000"));
	assert_int_equal(fleet_n_waiting(fleet), 1);
	fleet_read_push(fleet, "one", "42d5768bf61c9a07", on_push, NULL);
	settle();
	assert_int_equal(seen.state, PUSH_HELD);
	fleet_decide_push(fleet, &seen,
	                  &(struct push_decision){ .session = "one", .action = PUSH_APPROVE }, NULL,
	                  NULL);
	settle();
	assert_non_null(strstr(last_message(), "was approved and reached the upstream"));
	assert_int_equal(fleet_n_waiting(fleet), 0);
	push_done(&seen);
}

static void test_a_push_that_is_another_by_now_is_not_approved(void **state)
{
	(void)state;
	open_fleet(RUNNING("one") PUSH("held", "1795617000"));
	fleet_read_push(fleet, "one", "42d5768bf61c9a07", on_push, NULL);
	settle();
	memset(seen.refs[0].new, 'a', 40);
	fleet_decide_push(fleet, &seen,
	                  &(struct push_decision){ .session = "one", .action = PUSH_APPROVE }, NULL,
	                  NULL);
	settle();
	assert_null(strstr(last_message(), "reached the upstream"));
	assert_int_equal(fleet_n_waiting(fleet), 1);
	push_done(&seen);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_an_allowed_host_is_in_force_and_no_longer_asked_about),
		T(test_a_stopped_session_has_no_policy_and_asks_nothing),
		T(test_a_host_that_was_saved_is_no_longer_asked_about),
		T(test_a_decision_is_an_event_with_who_and_its_verdict),
		T(test_what_is_refused_changes_nothing_and_waits_for_a_look),
		T(test_a_time_in_the_policy_is_known_until_it_is_over),
		T(test_freeze_is_seen_in_the_row_and_thaw_ends_it),
		T(test_who_does_not_run_has_no_policy_to_be_changed),
		T(test_an_engine_that_is_away_is_a_refusal),
		T(test_why_is_answered_by_what_is_in_force),
		T(test_a_held_push_is_read_and_approved_as_it_was_seen),
		T(test_a_push_that_is_another_by_now_is_not_approved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
