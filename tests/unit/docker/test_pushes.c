/* What is asked of the gate's program, and what is made of what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "core/push.h"
#include "docker/engine.h"
#include "docker/pushes.h"
#include "fake_engine.h"

#define OID "1111111111111111111111111111111111111111"
#define RECORD                                                                                     \
	"{\"v\":1,\"id\":\"0011223344556677\",\"ts\":\"2026-11-24T12:00:00Z\",\"state\":\"held\"," \
	"\"repo\":\"proj\",\"refs\":[{\"ref\":\"r\",\"old\":\"" OID "\",\"new\":\"" OID "\"}]}\n"
#define TURNS_MAX 2000

static struct loop *loop;
static struct fake_engine fake;
static struct engine *engine;

static int setup(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (loop_new(&loop, NULL) < 0 || fake_open(&fake, loop) < 0)
		return -1;
	return engine_open(&engine, loop, fake.host, &err);
}

static int teardown(void **state)
{
	(void)state;
	engine_close(engine);
	fake_done(&fake);
	loop_free(loop);
	return 0;
}

struct result {
	struct push push;
	struct push_list list;
	struct err err;
	bool is_done;
};

static void on_push(void *arg, struct push *p, const struct err *err)
{
	struct result *r = arg;

	if (err) {
		assert_null(p);
		r->err = *err;
	} else {
		r->push = *p;
		*p = (struct push){ 0 };
	}
	r->is_done = true;
}

static void on_list(void *arg, struct push_list *list, const struct err *err)
{
	struct result *r = arg;

	if (err) {
		r->err = *err;
	} else {
		r->list = *list;
		*list = (struct push_list){ 0 };
	}
	r->is_done = true;
}

/* The program's output as the engine frames it: 1 is stdout, 2 stderr. */
static void say(int stream, const char *text)
{
	size_t n = strlen(text);
	unsigned char head[8] = { (unsigned char)stream, 0, 0, 0, (unsigned char)(n >> 24),
		                  (unsigned char)(n >> 16), (unsigned char)(n >> 8),
		                  (unsigned char)n };
	char size[32];
	int len = snprintf(size, sizeof size, "%zx\r\n", n + sizeof head);

	assert_true(send(fake.last->fd, size, (size_t)len, 0) == len);
	assert_true(send(fake.last->fd, head, sizeof head, 0) == sizeof head);
	assert_true(send(fake.last->fd, text, n, 0) == (ssize_t)n);
	assert_true(send(fake.last->fd, "\r\n0\r\n\r\n", 7, 0) == 7);
}

#define ANSWERS(code)                                                                              \
	{                                                                                          \
		{ "GET /version", FAKE_OK("{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\"}"),   \
		  false },                                                                         \
		{ "POST /containers/cb-dev-git-gate/exec", FAKE_OK("{\"Id\":\"x\"}"), false },     \
		{ "POST /exec/x/start", FAKE_STREAM, false },                                      \
		{ "GET /exec/x/json", FAKE_OK("{\"Running\":false,\"ExitCode\":" code "}"),        \
		  false },                                                                         \
		{ .request = NULL },                                                               \
	}

static const struct fake_answer good[] = ANSWERS("0"), refused[] = ANSWERS("5"),
				failed[] = ANSWERS("1"), unknown[] = ANSWERS("2");

static void open_with(const struct fake_answer *answers)
{
	struct err err = { 0 };

	fake.answers = answers;
	if (engine_connect(engine, &err) < 0)
		fail_msg("%s", err.msg);
}

/* Turn until the program runs, let it say text, and turn until that is understood. */
static void run(struct result *r, int stream, const char *text)
{
	bool has_said = false;

	for (int i = 0; i < TURNS_MAX && !r->is_done; i++) {
		assert_int_equal(loop_turn(loop, 20, NULL), 0);
		if (!has_said && strstr(buf_str(&fake.log), "/exec/x/start")) {
			say(stream, text);
			has_said = true;
		}
	}
	assert_true(r->is_done);
}

static void the_list_is_read_from_what_the_gate_prints(void **state)
{
	struct result r = { .is_done = false };

	(void)state;
	open_with(good);
	pushes_list(engine, "dev", on_list, &r, NULL);
	assert_false(r.is_done);
	run(&r, 1, RECORD RECORD);
	assert_int_equal(r.err.kind, 0);
	assert_int_equal(r.list.n, 2);
	push_list_done(&r.list);
}

static void one_is_read_with_its_diff(void **state)
{
	struct result r = { .is_done = false };

	(void)state;
	open_with(good);
	pushes_read(engine, "dev", "0011223344556677", on_push, &r, NULL);
	run(&r, 1, RECORD "commit x\n");
	assert_string_equal(r.push.diff, "commit x\n");
	push_done(&r.push);
}

static void what_is_no_record_is_an_error(void **state)
{
	struct result r = { .is_done = false };

	(void)state;
	open_with(good);
	pushes_read(engine, "dev", "0011223344556677", on_push, &r, NULL);
	run(&r, 1, "hello\n");
	assert_int_equal(r.err.kind, ERR_FAILED);
}

static void decide(struct result *r, const struct fake_answer *answers, const char *says)
{
	static const char *const ids[] = { OID };
	const struct push_decision d = { .session = "dev",
		                         .id = "0011223344556677",
		                         .action = PUSH_APPROVE,
		                         .new_ids = ids,
		                         .n_new_ids = 1,
		                         .by = "ann" };

	open_with(answers);
	pushes_decide(engine, &d, on_push, r, NULL);
	run(r, 2, says);
}

static void a_refused_decision_is_policy_in_the_gates_words(void **state)
{
	struct result r = { .is_done = false };

	(void)state;
	decide(&r, refused, "git-gate: too late\nmore\n");
	assert_int_equal(r.err.kind, ERR_POLICY);
	assert_string_equal(r.err.msg, "the gate: too late");
}

static void a_failed_one_is_a_failure(void **state)
{
	struct result r = { .is_done = false };

	(void)state;
	decide(&r, failed, "git-gate: no record\n");
	assert_int_equal(r.err.kind, ERR_FAILED);
	assert_string_equal(r.err.msg, "the gate: no record");
}

static void a_gate_that_knows_no_decisions_is_of_another_version(void **state)
{
	struct result r = { .is_done = false };

	(void)state;
	decide(&r, unknown, "usage: git-gate serve\n");
	assert_int_equal(r.err.kind, ERR_FAILED);
	assert_non_null(strstr(r.err.msg, "relaunch"));
}

static void what_was_given_up_is_not_answered(void **state)
{
	struct result r = { .is_done = false };
	struct pushes *p;

	(void)state;
	open_with(good);
	p = pushes_list(engine, "dev", on_list, &r, NULL);
	loop_turn(loop, 20, NULL);
	pushes_stop(p);
	for (int i = 0; i < 20; i++)
		loop_turn(loop, 1, NULL);
	assert_false(r.is_done);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_list_is_read_from_what_the_gate_prints),
		TEST(one_is_read_with_its_diff),
		TEST(what_is_no_record_is_an_error),
		TEST(a_refused_decision_is_policy_in_the_gates_words),
		TEST(a_failed_one_is_a_failure),
		TEST(a_gate_that_knows_no_decisions_is_of_another_version),
		TEST(what_was_given_up_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
