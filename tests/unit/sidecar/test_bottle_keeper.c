#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sidecar/bottle/keeper.h"

static void a_deadline_is_read_from_the_name(void **state)
{
	size_t len = 0;
	int64_t at = 0;

	(void)state;
	assert_int_equal(keeper_deadline(&len, &at, "pipelock.yaml.at-1800000000"), 0);
	assert_int_equal(len, strlen("pipelock.yaml"));
	assert_int_equal(at, 1800000000);
	assert_int_equal(keeper_deadline(&len, &at, "x.at-0"), 0);
	assert_int_equal(at, 0);
}

static void other_names_are_no_deadlines(void **state)
{
	static const char *const bad[] = {
		"pipelock.yaml",      ".at-5",      "x.at-",   "x.at-5s",     "x.at--5", "x.at-5 ",
		"x.at-9999999999999", "x.at-5.tmp", ".x.at-5", "x.at-5.at-6", "",
	};
	size_t len = 1;
	int64_t at = 2;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(keeper_deadline(&len, &at, bad[i]), -1);
	assert_int_equal(len, 1);
	assert_int_equal(at, 2);
}

struct folder {
	char path[32];
	int fd;
};

static int make_folder(void **state)
{
	static struct folder f;

	snprintf(f.path, sizeof f.path, "/tmp/cbt-sidecar-XXXXXX");
	if (mkdtemp(f.path) == NULL)
		return -1;
	f.fd = open(f.path, O_RDONLY | O_DIRECTORY);
	*state = &f;
	return f.fd < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "live", "live.at-100", "live.at-200", "dir.at-1",
					     "other" };
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (unlinkat(f->fd, names[i], 0) < 0 && errno == EISDIR)
			unlinkat(f->fd, names[i], AT_REMOVEDIR);
	close(f->fd);
	return rmdir(f->path);
}

static void put(struct folder *f, const char *name, const char *text)
{
	int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static bool holds(struct folder *f, const char *name, const char *text)
{
	char got[32] = "";
	int fd = openat(f->fd, name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof got - 1);

	if (fd >= 0)
		close(fd);
	return n >= 0 && strcmp(got, text) == 0;
}

static void nothing_happens_before_the_time(void **state)
{
	struct folder *f = *state;

	put(f, "live", "wide");
	put(f, "live.at-100", "narrow");
	assert_int_equal(keeper_sweep(f->fd, f->path, 99), 0);
	assert_true(holds(f, "live", "wide"));
	assert_true(holds(f, "live.at-100", "narrow"));
}

static void the_file_is_renamed_when_the_time_has_come(void **state)
{
	struct folder *f = *state;

	put(f, "live", "wide");
	put(f, "live.at-100", "narrow");
	put(f, "live.at-200", "narrower");
	assert_int_equal(keeper_sweep(f->fd, f->path, 100), 1);
	assert_true(holds(f, "live", "narrow"));
	assert_false(holds(f, "live.at-100", "narrow"));
	assert_true(holds(f, "live.at-200", "narrower"));
}

static void the_last_of_several_that_are_due_stays(void **state)
{
	struct folder *f = *state;

	put(f, "live", "wide");
	put(f, "live.at-200", "narrower");
	put(f, "live.at-100", "narrow");
	assert_int_equal(keeper_sweep(f->fd, f->path, 5000), 2);
	assert_true(holds(f, "live", "narrower"));
}

static void a_folder_with_such_a_name_is_left_alone(void **state)
{
	struct folder *f = *state;

	assert_int_equal(mkdirat(f->fd, "dir.at-1", 0700), 0);
	put(f, "other", "x");
	assert_int_equal(keeper_sweep(f->fd, f->path, 5000), 0);
	assert_true(holds(f, "other", "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deadline_is_read_from_the_name),
		cmocka_unit_test(other_names_are_no_deadlines),
		cmocka_unit_test_setup_teardown(nothing_happens_before_the_time, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(the_file_is_renamed_when_the_time_has_come,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(the_last_of_several_that_are_due_stays, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_folder_with_such_a_name_is_left_alone,
						make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
