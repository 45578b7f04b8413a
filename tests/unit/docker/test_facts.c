/* What facts and listings make of an engine's answers, odd ones too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "docker/engine.h"
#include "docker/facts.h"
#include "docker/names.h"
#include "docker/reconcile.h"
#include "docker/teardown.h"
#include "fake_engine.h"

#define VERSION_OK FAKE_OK("{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\"}")
#define LABELS(session, role) \
	"\"Labels\":{\"" LABEL_INSTALL "\":\"me\",\"" LABEL_SESSION "\":\"" session \
	"\",\"" LABEL_ROLE "\":\"" role "\",\"" LABEL_LAUNCH "\":\"l1\"}"
#define TURNS_MAX 500

static struct loop *loop;
static struct fake_engine fake;
static struct engine *engine;

static int setup(void **state)
{
	(void)state;
	if (loop_new(&loop, NULL) < 0 || fake_open(&fake, loop) < 0)
		return -1;
	return engine_open(&engine, loop, fake.host, NULL);
}

static int teardown_world(void **state)
{
	(void)state;
	engine_close(engine);
	fake_done(&fake);
	loop_free(loop);
	return 0;
}

struct result {
	struct facts *facts;
	size_t n_sessions;
	enum session_state state;
	int64_t created;
	struct err err;
	bool is_done;
};

static void on_facts(void *arg, struct facts *facts, const struct err *err)
{
	struct result *r = arg;

	r->facts = facts;
	if (err)
		r->err = *err;
	r->is_done = true;
}

static void on_list(void *arg, struct session_list *list, const struct err *err)
{
	struct result *r = arg;

	if (err)
		r->err = *err;
	else if ((r->n_sessions = list->n) > 0) {
		r->state = list->v[0].state;
		r->created = list->v[0].created;
	}
	r->is_done = true;
}

static void on_gone(void *arg, const struct err *err)
{
	struct result *r = arg;

	if (err)
		r->err = *err;
	r->is_done = true;
}

static void connect_to(const struct fake_answer *answers)
{
	fake.answers = answers;
	assert_int_equal(engine_connect(engine, NULL), 0);
	buf_reset(&fake.log);
}

static void wait_for(const struct result *r)
{
	for (int i = 0; !r->is_done && i < TURNS_MAX; i++)
		assert_int_equal(loop_turn(loop, 50, NULL), 0);
	assert_true(r->is_done);
}

static void gather(struct result *r, const struct fake_answer *answers)
{
	static const char *const images[ROLE_COUNT] = { [ROLE_AGENT] = "agent:1" };

	connect_to(answers);
	*r = (struct result){ 0 };
	facts_gather(engine, "me", "demo", images, on_facts, r);
	wait_for(r);
}

static void test_facts_of_a_plain_engine(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "GET /info", FAKE_OK("{\"Runtimes\":{\"runc\":{},\"runsc\":{}}}"), false },
		{ "GET /networks",
		  FAKE_OK("[{\"Internal\":true,"
			  "\"IPAM\":{\"Config\":[{\"Subnet\":\"10.9.0.0/28\"}]},"
			  LABELS("other", "other") "}]"), false },
		{ "GET /containers/json", FAKE_OK("[]"), false },
		{ "GET /volumes", FAKE_OK("{\"Volumes\":[{\"Name\":\"cb-demo-x\"}]}"), false },
		{ "GET /images/agent:1/json", FAKE_OK("{\"Config\":{\"Cmd\":[\"sh\"]}}"), false },
		{ 0 },
	};
	struct result r;

	(void)state;
	gather(&r, answers);
	assert_non_null(r.facts);
	assert_true(r.facts->has_runsc);
	assert_int_equal(r.facts->n_taken, 1);
	assert_string_equal(r.facts->peers[0], "10.9.0.2");
	assert_null(r.facts->volume);
	assert_false(r.facts->session_exists);
	assert_string_equal(r.facts->agent_cmd[0], "sh");
	facts_free(r.facts);
}

static void test_volume_that_is_there_already_is_found(void **state)
{
	static const char *const names[] = { "cb-demo-pipelock", "cb-demo-git-gate" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_FREE char *volumes = xasprintf(
			FAKE_OK("{\"Volumes\":[{\"Name\":\"x\"},{\"Name\":\"%s\"}]}"), names[i]);
		const struct fake_answer answers[] = {
			{ "GET /version", VERSION_OK, false },
			{ "GET /info", FAKE_OK("{}"), false },
			{ "GET /volumes", volumes, false },
			{ "GET /images/", FAKE_OK("{}"), false },
			{ "GET /", FAKE_OK("[]"), false },
			{ 0 },
		};
		struct result r;

		gather(&r, answers);
		assert_non_null(r.facts);
		assert_string_equal(r.facts->volume, names[i]);
		facts_free(r.facts);
		fake.answers = NULL;
	}
}

/* Valid JSON of the wrong shape is nothing; what is no JSON is a failure. */
static void test_odd_answers_are_survived(void **state)
{
	static const char *const odd[] = {
		FAKE_OK("[]"),
		FAKE_OK("{}"),
		FAKE_OK("null"),
		FAKE_OK("7"),
		FAKE_OK("[null,7,\"x\",[],{}]"),
		FAKE_OK("{\"Volumes\":null,\"Runtimes\":[],\"Config\":\"x\",\"Labels\":7}"),
		FAKE_OK("{\"Volumes\":[{\"Name\":7}],"
			"\"Config\":{\"Cmd\":[7,null],\"Entrypoint\":7}}"),
		FAKE_OK("[{\"Labels\":[],\"IPAM\":7,\"Names\":7,\"Id\":7,\"Created\":\"x\"},"
			"{\"IPAM\":{\"Config\":[7,{\"Subnet\":7},{\"Subnet\":\"fe80::/64\"}]}}]"),
		FAKE_OK("[{\"Id\":\"c\",\"Created\":1e999,\"Names\":[7],"
			LABELS("demo", "agent") "},"
			"{\"Id\":\"d\",\"Created\":-1e999," LABELS("demo", "agent") "}]"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		const struct fake_answer answers[] = {
			{ "GET /version", VERSION_OK, false },
			{ "GET /", odd[i], false },
			{ 0 },
		};
		struct result r;

		gather(&r, answers);
		assert_non_null(r.facts);
		facts_free(r.facts);
		r = (struct result){ 0 };
		reconcile(engine, NULL, "me", "/nowhere", on_list, &r);
		wait_for(&r);
		assert_int_equal(r.err.kind, 0);
		fake.answers = NULL;
	}
}

static void test_time_out_of_range_stays_in_range(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "GET /containers/json", FAKE_OK("[{\"Id\":\"c\",\"Created\":1e300,"
		                                  LABELS("demo", "agent") "}]"), false },
		{ "GET /", FAKE_OK("[]"), false },
		{ 0 },
	};
	struct result r = { 0 };

	(void)state;
	connect_to(answers);
	reconcile(engine, NULL, "me", "/nowhere", on_list, &r);
	wait_for(&r);
	assert_int_equal(r.n_sessions, 1);
	assert_int_equal(r.state, SESSION_FAILED);	/* no record, no other member */
	assert_true(r.created > 0 && r.created < INT64_C(1) << 40);
}

static void test_what_is_no_list_is_not_an_empty_one(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "GET /", FAKE_OK("<html>proxy error</html>"), false },
		{ 0 },
	};
	const struct teardown_filter filter = { .install = "me", .session = "demo" };
	struct result r;

	(void)state;
	gather(&r, answers);
	assert_null(r.facts);
	assert_int_equal(r.err.kind, ERR_ENGINE);
	r = (struct result){ 0 };
	reconcile(engine, NULL, "me", "/nowhere", on_list, &r);
	wait_for(&r);
	assert_int_equal(r.err.kind, ERR_ENGINE);
	r = (struct result){ 0 };
	teardown(engine, &filter, false, false, on_gone, &r);
	wait_for(&r);
	assert_int_equal(r.err.kind, ERR_ENGINE);
	assert_null(strstr(buf_str(&fake.log), "DELETE"));
}

static void test_engine_that_dies_ends_everything_with_an_error(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "GET /containers/json", FAKE_OK("[{\"Id\":\"c\"," LABELS("demo", "agent") "}]"),
		  false },
		{ "DELETE /", NULL, true },
		{ "GET /", NULL, false },
		{ 0 },
	};
	const struct teardown_filter filter = { .install = "me", .session = "demo" };
	static const char *const images[ROLE_COUNT] = { [ROLE_AGENT] = "agent:1" };
	struct result facts = { 0 }, list = { 0 }, gone = { 0 };

	(void)state;
	connect_to(answers);
	facts_gather(engine, "me", "demo", images, on_facts, &facts);
	reconcile(engine, NULL, "me", "/nowhere", on_list, &list);
	teardown(engine, &filter, false, true, on_gone, &gone);
	for (int i = 0; i < 20; i++)
		assert_int_equal(loop_turn(loop, 5, NULL), 0);
	fake_die(&fake);
	wait_for(&facts);
	wait_for(&list);
	wait_for(&gone);
	assert_null(facts.facts);
	assert_int_equal(facts.err.kind, ERR_ENGINE);
	assert_int_equal(list.err.kind, ERR_ENGINE);
	assert_int_equal(gone.err.kind, ERR_ENGINE);
}

static void test_teardown_removes_what_is_listed_and_looks_again(void **state)
{
	/* the same list for ever: it must end, and say so */
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "GET /containers/json", FAKE_OK("[{\"Id\":\"c1\"},{\"Id\":7},null]"), false },
		{ "GET /networks", FAKE_OK("[{\"Id\":\"n1\"}]"), false },
		{ "GET /volumes", FAKE_OK("{\"Volumes\":[{\"Name\":\"v 1/../x\"}]}"), false },
		{ "DELETE /networks", FAKE_ERROR("403", "{\"message\":\"has active endpoints\"}"),
		  false },
		{ "DELETE /", FAKE_OK(""), false },
		{ 0 },
	};
	const struct teardown_filter filter = { .install = "me", .session = "demo" };
	struct result r = { 0 };

	(void)state;
	connect_to(answers);
	teardown(engine, &filter, false, false, on_gone, &r);
	for (int i = 0; !strstr(buf_str(&fake.log), "DELETE /volumes") && i < TURNS_MAX; i++)
		assert_int_equal(loop_turn(loop, 50, NULL), 0);
	assert_non_null(strstr(buf_str(&fake.log), "DELETE /containers/c1?force=1&v=1;"));
	assert_non_null(strstr(buf_str(&fake.log), "DELETE /networks/n1;"));
	assert_non_null(strstr(buf_str(&fake.log), "DELETE /volumes/v%201%2F..%2Fx;"));
	fake_die(&fake);
	wait_for(&r);
	assert_true(r.err.kind != 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_facts_of_a_plain_engine),
		TEST(test_volume_that_is_there_already_is_found),
		TEST(test_odd_answers_are_survived),
		TEST(test_time_out_of_range_stays_in_range),
		TEST(test_what_is_no_list_is_not_an_empty_one),
		TEST(test_engine_that_dies_ends_everything_with_an_error),
		TEST(test_teardown_removes_what_is_listed_and_looks_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
