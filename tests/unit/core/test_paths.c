/* Where things are, by environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/core/temp_dir.h"

#include "core/err.h"
#include "core/paths.h"

static int clean_environment(void **state)
{
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_CACHE_HOME");
	return temp_dir_make(state);
}

static void without_xdg_variables_things_lie_beneath_home(void **state)
{
	struct paths p;

	(void)state;
	setenv("HOME", "/home/u", 1);
	assert_int_equal(paths_init(&p, NULL), 0);
	assert_string_equal(p.home, "/home/u");
	assert_string_equal(p.config, "/home/u/.config/claude-bottle");
	assert_string_equal(p.state, "/home/u/.local/state/claude-bottle");
	assert_string_equal(p.data, "/home/u/.local/share/claude-bottle");
	assert_string_equal(p.cache, "/home/u/.cache/claude-bottle");
	paths_done(&p);
}

static void xdg_variables_count_only_when_absolute(void **state)
{
	struct paths p;

	(void)state;
	setenv("HOME", "/home/u", 1);
	setenv("XDG_CONFIG_HOME", "/c", 1);
	setenv("XDG_STATE_HOME", "relative", 1);
	setenv("XDG_CACHE_HOME", "", 1);
	assert_int_equal(paths_init(&p, NULL), 0);
	assert_string_equal(p.config, "/c/claude-bottle");
	assert_string_equal(p.state, "/home/u/.local/state/claude-bottle");
	assert_string_equal(p.cache, "/home/u/.cache/claude-bottle");
	paths_done(&p);
}

static void without_home_the_user_database_is_asked(void **state)
{
	struct paths p = { 0 };
	struct err err = { 0 };

	(void)state;
	unsetenv("HOME");
	if (paths_init(&p, &err) == 0)
		assert_int_equal(p.home[0], '/');
	else
		assert_non_null(strstr(err.msg, "set HOME"));
	paths_done(&p);
}

static void folders_are_made_private_with_those_above(void **state)
{
	struct stat st;
	mode_t old = umask(0);

	(void)state;
	assert_int_equal(paths_make(temp_path("a/b/c"), NULL), 0);
	umask(old);
	assert_int_equal(stat(temp_path("a"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(temp_path("a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(paths_make(temp_path("a/b/c"), NULL), 0);
}

static void folders_that_others_may_write_to_are_refused(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(mkdir(temp_path("open"), 0700), 0);
	assert_int_equal(chmod(temp_path("open"), 0777), 0);
	assert_int_equal(paths_make(temp_path("open"), &err), -1);
	assert_non_null(strstr(err.msg, "others may write to"));
	temp_write("file", "");
	assert_int_equal(paths_make(temp_path("file"), &err), -1);
	assert_int_equal(paths_make(temp_path("file/x"), &err), -1);
}

static void the_users_manifest_is_looked_for_in_two_places(void **state)
{
	struct paths p;
	char *path;

	(void)state;
	setenv("HOME", temp_dir, 1);
	assert_int_equal(paths_init(&p, NULL), 0);
	assert_null(paths_user_manifest(&p));

	temp_write("claude-bottle.json", "{}");
	path = paths_user_manifest(&p);
	assert_string_equal(path, temp_path("claude-bottle.json"));
	free(path);

	assert_int_equal(paths_make(p.config, NULL), 0);
	temp_write(".config/claude-bottle/claude-bottle.json", "{}");
	path = paths_user_manifest(&p);
	assert_string_equal(path, temp_path(".config/claude-bottle/claude-bottle.json"));
	free(path);
	paths_done(&p);
}

#define T(name) cmocka_unit_test_setup_teardown(name, clean_environment, temp_dir_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_xdg_variables_things_lie_beneath_home),
		T(xdg_variables_count_only_when_absolute),
		T(without_home_the_user_database_is_asked),
		T(folders_are_made_private_with_those_above),
		T(folders_that_others_may_write_to_are_refused),
		T(the_users_manifest_is_looked_for_in_two_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
