/* What the engine is asked to find the sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "docker/engine.h"
#include "docker/names.h"
#include "docker/reconcile.h"
#include "docker/tar.h"
#include "fake_engine.h"

#define TURNS_MAX 2000
#define LABELS(role, launch)                                                            \
	"\"Labels\":{\"" LABEL_SESSION "\":\"one\",\"" LABEL_ROLE "\":\"" role          \
	"\",\"" LABEL_LAUNCH "\":\"" launch "\"}"
#define MEMBER(id, role, launch)                                                        \
	"{\"Id\":\"" id "\",\"Names\":[\"/" id "\"],\"State\":\"running\"," LABELS(role, launch) "}"
#define CONTAINERS(keeper, launch)                                                      \
	"[" MEMBER("a", "agent", launch) "," MEMBER("p", "pipelock", launch) ","        \
	MEMBER(keeper, "keeper", launch) "," MEMBER("r", "resolver", launch) "]"

static struct loop *loop;
static struct fake_engine fake;
static struct engine *engine;
static struct records *records;
static unsigned passed;		/* what the last list said */
static bool was_released, is_done;

static void set_record(const char *text)
{
	struct buf tar_bytes = BUF_INIT(65536);
	struct err err = { 0 };
	struct tar tar;

	tar_begin(&tar, &tar_bytes, 0);
	tar_file(&tar, "session.json", 0600, 0, 0, text, strlen(text));
	assert_int_equal(tar_finish(&tar, &err), 0);
	buf_reset(&fake.bytes);
	buf_addf(&fake.bytes, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", tar_bytes.len);
	buf_add(&fake.bytes, tar_bytes.data, tar_bytes.len);
	buf_done(&tar_bytes);
}

static int setup(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (loop_new(&loop, NULL) < 0 || fake_open(&fake, loop) < 0)
		return -1;
	fake.bytes = (struct buf)BUF_INIT(131072);
	records = records_new();
	set_record("{\"launch\":\"1\",\"passed\":7,\"total\":7,\"released\":5}");
	return engine_open(&engine, loop, fake.host, &err);
}

static int teardown(void **state)
{
	(void)state;
	engine_close(engine);
	records_free(records);
	buf_done(&fake.bytes);
	fake_done(&fake);
	loop_free(loop);
	return 0;
}

static void on_list(void *arg, struct session_list *list, const struct err *err)
{
	(void)arg;
	assert_null(err);
	assert_int_equal(list->n, 1);
	passed = list->v[0].isolation.passed;
	was_released = list->v[0].was_released;
	is_done = true;
}

/* List the session, of which the keeper and the launch are these; how often was a record read? */
static unsigned look(const char *containers)
{
	const struct fake_answer answers[] = {
		{ "GET /containers/json", containers, false },
		{ "GET /networks", FAKE_OK("[]"), false },
		{ "GET /volumes", FAKE_OK("{\"Volumes\":[]}"), false },
		{ "GET /containers/k", fake.bytes.data, false },
		{ 0 },
	};
	unsigned n = 0;

	fake.answers = answers;
	buf_reset(&fake.log);
	is_done = false;
	reconcile(engine, records, "install", "/nonexistent", on_list, NULL);
	for (int i = 0; i < TURNS_MAX && !is_done; i++)
		loop_turn(loop, 5, NULL);
	assert_true(is_done);
	for (const char *s = buf_str(&fake.log); (s = strstr(s, "/archive?")); s++)
		n++;
	fake.answers = NULL;
	return n;
}

static void a_record_is_read_once(void **state)
{
	(void)state;
	assert_int_equal(look(FAKE_OK(CONTAINERS("k", "1"))), 1);
	assert_int_equal(passed, 7);
	set_record("{\"launch\":\"1\",\"passed\":8,\"total\":8,\"released\":5}");
	assert_int_equal(look(FAKE_OK(CONTAINERS("k", "1"))), 0);
	assert_int_equal(passed, 7);
	assert_true(was_released);
	records_forget(records);
	assert_int_equal(look(FAKE_OK(CONTAINERS("k", "1"))), 1);
	assert_int_equal(passed, 8);
}

static void another_launch_or_keeper_is_read_anew(void **state)
{
	(void)state;
	assert_int_equal(look(FAKE_OK(CONTAINERS("k", "1"))), 1);
	assert_int_equal(look(FAKE_OK(CONTAINERS("k2", "1"))), 1);
	/* the record is of launch 1, and proves nothing about 2 */
	assert_int_equal(look(FAKE_OK(CONTAINERS("k2", "2"))), 1);
	assert_false(was_released);
	assert_int_equal(look(FAKE_OK(CONTAINERS("k2", "2"))), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_record_is_read_once, setup, teardown),
		cmocka_unit_test_setup_teardown(another_launch_or_keeper_is_read_anew, setup,
		                                teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
