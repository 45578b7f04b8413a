#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/err.h"
#include "core/lock.h"
#include "core/mem.h"
#include "unit/core/temp_dir.h"

static void who_holds_it_keeps_others_out(void **state)
{
	const char *dir = temp_dir;
	struct err err = { 0 };
	int fd = lock_take(dir, "one", &err);

	(void)state;
	assert_true(fd >= 0);
	assert_true(lock_is_held(dir, "one"));
	assert_false(lock_is_held(dir, "two"));
	assert_int_equal(lock_take(dir, "one", &err), -1);
	assert_non_null(strstr(err.msg, "another claude-bottle"));
	close(fd);
	assert_false(lock_is_held(dir, "one"));
}

static void a_holder_that_dies_lets_go(void **state)
{
	const char *dir = temp_dir;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(lock_take(dir, "dying", NULL) >= 0 ? 0 : 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(lock_is_held(dir, "dying"));
}

static void a_dropped_lock_leaves_no_file(void **state)
{
	const char *dir = temp_dir;
	char *name = lock_attended("demo--1a2b3c");
	char *path = xasprintf("%s/%s.lock", dir, name);
	int fd = lock_take(dir, name, NULL);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_false(lock_is_held(dir, "demo--1a2b3c"));
	lock_drop(dir, name, fd);
	assert_int_equal(access(path, F_OK), -1);
	assert_false(lock_is_held(dir, name));
	lock_drop(dir, name, -1); /* once more does no harm */
	free(path);
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_holds_it_keeps_others_out),
		cmocka_unit_test(a_holder_that_dies_lets_go),
		cmocka_unit_test(a_dropped_lock_leaves_no_file),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_drop);
}
