/* Pushes in a recording, and decisions on them. */
#include "replay_help.h"

#include "core/event.h"
#include "core/push.h"

#define OID_A "1111111111111111111111111111111111111111"
#define OID_B "2222222222222222222222222222222222222222"
#define PUSH(id, state)                                                                            \
	"{\"t\":0,\"push\":\"dev\",\"record\":{\"v\":1,\"id\":\"" id "\","                         \
	"\"ts\":\"2026-11-24T12:00:00Z\",\"state\":\"" state "\",\"repo\":\"proj\","               \
	"\"refs\":[{\"ref\":\"refs/heads/main\",\"old\":\"" OID_A "\",\"new\":\"" OID_B "\"}],"   \
	"\"findings\":[{\"id\":\"aabbccdd\",\"rule\":\"aws\"}],\"hold_until\":1795521700},"        \
	"\"diff\":\"diff --git a/x b/x\\n\"}\n"
#define TWO RUNNING("dev") PUSH("00000001", "held") PUSH("00000002", "rejected")

struct answer {
	struct push push;
	struct push_list list;
	struct err err;
	bool is_done;
};

static void on_push(void *arg, struct push *p, const struct err *err)
{
	struct answer *a = arg;

	if (err) {
		a->err = *err;
	} else {
		a->push = *p;
		*p = (struct push){ 0 };
	}
	a->is_done = true;
}

static void on_list(void *arg, struct push_list *list, const struct err *err)
{
	struct answer *a = arg;

	if (err) {
		a->err = *err;
	} else {
		a->list = *list;
		*list = (struct push_list){ 0 };
	}
	a->is_done = true;
}

static void decide(struct answer *a, struct push_decision d)
{
	d.session = "dev";
	d.by = "ann";
	*a = (struct answer){ .is_done = false };
	backend_replay.push_decide(backend, &d, on_push, a);
	assert_false(a->is_done);
	turn_until(&a->is_done);
}

struct last {
	enum event_kind kind;
	char summary[256];
	bool is_done;
};

static bool on_event(void *arg, const struct event *ev)
{
	struct last *l = arg;

	l->kind = ev->kind;
	snprintf(l->summary, sizeof l->summary, "%s", ev->summary);
	return true;
}

static void on_done(void *arg, const struct err *err)
{
	struct last *l = arg;

	(void)err;
	l->is_done = true;
}

static struct last last_event(void)
{
	const struct follow_request req = { .session = "dev" };
	struct last l = { .is_done = false };

	backend_replay.follow(backend, &req, on_event, on_done, &l);
	turn_until(&l.is_done);
	return l;
}

static void the_list_has_no_diffs_and_a_read_has(void **state)
{
	struct answer a = { .is_done = false };

	(void)state;
	play(TWO, "0");
	backend_replay.pushes(backend, "dev", on_list, &a);
	turn_until(&a.is_done);
	assert_int_equal(a.list.n, 2);
	assert_null(a.list.v[0].diff);
	push_list_done(&a.list);
	a = (struct answer){ .is_done = false };
	backend_replay.push_read(backend, "dev", "00000002", on_push, &a);
	turn_until(&a.is_done);
	assert_string_equal(a.push.diff, "diff --git a/x b/x\n");
	push_done(&a.push);
	a = (struct answer){ .is_done = false };
	backend_replay.push_read(backend, "dev", "00000003", on_push, &a);
	turn_until(&a.is_done);
	assert_int_equal(a.err.kind, ERR_FAILED);
}

static void an_approval_names_what_was_seen_and_counts_once(void **state)
{
	static const char *const right[] = { OID_B }, *const wrong[] = { OID_A };
	struct push_decision d = { .id = "00000001", .action = PUSH_APPROVE };
	struct answer a;

	(void)state;
	play(TWO, "0");
	d.new_ids = wrong;
	d.n_new_ids = 1;
	decide(&a, d);
	assert_int_equal(a.err.kind, ERR_POLICY);
	d.new_ids = right;
	decide(&a, d);
	assert_int_equal(a.err.kind, 0);
	assert_int_equal(a.push.state, PUSH_ACCEPTED);
	assert_string_equal(a.push.by, "ann");
	push_done(&a.push);
	assert_int_equal(last_event().kind, EVENT_PUSH_ACCEPTED);
	decide(&a, d);
	assert_int_equal(a.err.kind, ERR_POLICY);
}

static void a_rejection_says_why(void **state)
{
	static const char *const right[] = { OID_B };
	struct answer a;

	(void)state;
	play(TWO, "0");
	decide(&a, (struct push_decision){ .id = "00000001",
	                                   .action = PUSH_REJECT,
	                                   .new_ids = right,
	                                   .n_new_ids = 1,
	                                   .message = "not on a Friday" });
	assert_int_equal(a.push.state, PUSH_REJECTED);
	assert_string_equal(a.push.message, "not on a Friday");
	push_done(&a.push);
	assert_int_equal(last_event().kind, EVENT_PUSH_REJECTED);
	assert_non_null(strstr(last_event().summary, "by ann: not on a Friday"));
}

static void a_finding_can_be_accepted_and_is_an_event(void **state)
{
	struct push_decision d = { .id = "00000002",
		                   .action = PUSH_ACCEPT_FINDING,
		                   .finding = "ffffffff" };
	struct answer a;

	(void)state;
	play(TWO, "0");
	decide(&a, d);
	assert_int_equal(a.err.kind, ERR_POLICY);
	d.finding = "aabbccdd";
	decide(&a, d);
	assert_string_equal(a.push.findings[0].accepted_by, "ann");
	push_done(&a.push);
	assert_int_equal(last_event().kind, EVENT_POLICY_CHANGED);
}

static void a_cancelled_question_is_not_answered(void **state)
{
	struct answer a = { .is_done = false };

	(void)state;
	play(TWO, "0");
	backend_replay.cancel(backend_replay.pushes(backend, "dev", on_list, &a));
	settle();
	assert_false(a.is_done);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, replay_setup, replay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_list_has_no_diffs_and_a_read_has),
		TEST(an_approval_names_what_was_seen_and_counts_once),
		TEST(a_rejection_says_why),
		TEST(a_finding_can_be_accepted_and_is_an_event),
		TEST(a_cancelled_question_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
