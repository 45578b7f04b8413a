#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/beneath.h"
#include "core/mem.h"

static char top[] = "/tmp/cbt-beneath-XXXXXX";
static int top_fd = -1;

static void put(const char *path, const char *text)
{
	int fd = openat(top_fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int make_top(void **state)
{
	(void)state;
	if (!mkdtemp(top))
		return -1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(top_fd, "a", 0700);
	mkdirat(top_fd, "a/b", 0700);
	put("a/b/file", "inside");
	if (symlinkat("/etc", top_fd, "abs") < 0 || symlinkat("..", top_fd, "a/up") < 0)
		return -1;
	return symlinkat("b", top_fd, "a/loop");
}

static int drop_top(void **state)
{
	static const char *const names[] = { "a/b/file", "a/b/fifo", "a/up", "a/loop", "abs" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlinkat(top_fd, names[i], 0);
	unlinkat(top_fd, "a/b", AT_REMOVEDIR);
	unlinkat(top_fd, "a", AT_REMOVEDIR);
	close(top_fd);
	return rmdir(top);
}

/* Both ways to open must agree on everything. */
static void expect_open(const char *path, int errnum)
{
	int (*const ways[])(int, const char *) = { beneath_open_dir, beneath_open_dir_by_steps };

	for (size_t i = 0; i < 2; i++) {
		errno = 0;
		int fd = ways[i](top_fd, path);

		if (errnum == 0) {
			assert_true(fd >= 0);
			close(fd);
		} else {
			assert_int_equal(fd, -1);
			/* A link at the end of O_DIRECTORY is either error, by kernel. */
			assert_true(errno == errnum || (errnum == ELOOP && errno == ENOTDIR));
		}
	}
}

static void folders_open_but_never_through_a_link(void **state)
{
	(void)state;
	expect_open("", 0);
	expect_open("a", 0);
	expect_open("a/b", 0);
	expect_open("abs", ELOOP);
	expect_open("abs/ssl", ELOOP);
	expect_open("a/up", ELOOP);
	expect_open("a/up/a", ELOOP);
	expect_open("a/loop", ELOOP);
	expect_open("a/b/file", ENOTDIR);
	expect_open("a/none", ENOENT);
}

static void each_kind_of_entry_is_told_apart(void **state)
{
	CLEANUP_CLOSE int fd = beneath_open_dir(top_fd, "a/b");
	CLEANUP_CLOSE int a = beneath_open_dir(top_fd, "a");
	struct beneath_entry e;

	(void)state;
	beneath_read(fd, "file", 6, &e);
	assert_int_equal(e.kind, BENEATH_FILE);
	assert_int_equal(e.mode, 0644);
	assert_int_equal(e.len, 6);
	assert_memory_equal(e.data, "inside", 6);
	beneath_entry_done(&e);

	beneath_read(fd, "file", 5, &e);
	assert_int_equal(e.kind, BENEATH_TOO_BIG);
	assert_int_equal(e.len, 6);
	assert_null(e.data);

	assert_int_equal(mkfifoat(top_fd, "a/b/fifo", 0600), 0);
	beneath_read(fd, "fifo", 100, &e);
	assert_int_equal(e.kind, BENEATH_SPECIAL);

	beneath_read(fd, "none", 100, &e);
	assert_int_equal(e.kind, BENEATH_GONE);
	beneath_read(a, "b", 100, &e);
	assert_int_equal(e.kind, BENEATH_DIR);
	beneath_read(a, "up", 100, &e);
	assert_int_equal(e.kind, BENEATH_LINK);
	assert_string_equal(e.data, "..");
	beneath_entry_done(&e);
}

static void only_plain_relative_paths_are_ok(void **state)
{
	static const char *const good[] = { "a", "a/b", "...", ".a/b..", "a b" };
	static const char *const bad[] = { "",	"/a",	"a/",	"a//b", ".",
					   "..", "a/..", "../a", "./a" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(beneath_path_ok(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(beneath_path_ok(bad[i]));
}

static void gits_own_folder_is_known_in_every_spelling(void **state)
{
	static const char *const yes[] = { ".git", ".GIT/config", "a/.Git/hooks/x", "a/git~1" };
	static const char *const no[] = { ".gitignore", "git", "a.git", ".git2/x", "a/.github" };

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(beneath_has_dotgit(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(beneath_has_dotgit(no[i]));
}

static void a_link_stays_only_when_it_provably_does(void **state)
{
	(void)state;
	assert_true(beneath_link_stays("l", "a"));
	assert_true(beneath_link_stays("l", "./a/b"));
	assert_true(beneath_link_stays("l", "."));
	assert_true(beneath_link_stays("d/l", ".."));
	assert_true(beneath_link_stays("d/e/l", "../../x/y"));
	assert_true(beneath_link_stays("d/e/l", "./..//../x"));
	assert_false(beneath_link_stays("l", ".."));
	assert_false(beneath_link_stays("l", ""));
	assert_false(beneath_link_stays("l", "/etc/passwd"));
	assert_false(beneath_link_stays("d/e/l", "../../.."));
	assert_false(beneath_link_stays("d/e/l", "x/../y"));
	assert_false(beneath_link_stays("d/l", "../x/../../y"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_open_but_never_through_a_link),
		cmocka_unit_test(each_kind_of_entry_is_told_apart),
		cmocka_unit_test(only_plain_relative_paths_are_ok),
		cmocka_unit_test(gits_own_folder_is_known_in_every_spelling),
		cmocka_unit_test(a_link_stays_only_when_it_provably_does),
	};

	return cmocka_run_group_tests(tests, make_top, drop_top);
}
