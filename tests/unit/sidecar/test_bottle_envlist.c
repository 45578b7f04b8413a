#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sidecar/bottle/entry.h"
#include "sidecar/bottle/envlist.h"

/* An argument as main() gets it: one that may be written to. */
#define S(text) ((char[]){ text })

static void a_header_has_a_magic_and_a_plain_decimal(void **state)
{
	size_t n = 7;

	(void)state;
	assert_int_equal(envlist_header(&n, "CBENV1 0"), 0);
	assert_int_equal(n, 0);
	assert_int_equal(envlist_header(&n, "CBENV1 1048576"), 0);
	assert_int_equal(n, ENVLIST_MAX);
}

static void other_headers_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"CBENV1",
		"CBENV1 ",
		"CBENV2 1",
		"CBENV1 1048577",
		"CBENV1 01",
		"CBENV1 -1",
		"CBENV1 1 ",
		"CBENV1 0x1",
		"CBENV1  1",
		"CBENV1 +1",
		"cbenv1 1",
		"CBENV1 99999999999999999999999",
	};
	size_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(envlist_header(&n, bad[i]), -1);
		assert_int_equal(n, 7);
	}
}

static void entries_are_walked_in_order(void **state)
{
	char list[] = "A=1\0_b2=x=y\0EMPTY=";
	size_t at = 0;

	(void)state;
	assert_true(envlist_is_sound(list, sizeof list));
	assert_string_equal(envlist_next(list, sizeof list, &at), "A=1");
	assert_string_equal(envlist_next(list, sizeof list, &at), "_b2=x=y");
	assert_string_equal(envlist_next(list, sizeof list, &at), "EMPTY=");
	assert_null(envlist_next(list, sizeof list, &at));
}

static void an_empty_list_is_sound(void **state)
{
	size_t at = 0;
	char none[1] = "x";

	(void)state;
	assert_true(envlist_is_sound(none, 0));
	assert_null(envlist_next(none, 0, &at));
}

static void lists_with_a_broken_entry_are_refused(void **state)
{
	(void)state;
	assert_false(envlist_is_sound("A=1", 3)); /* no NUL at the end */
	assert_false(envlist_is_sound("A=1\0B=2", 7));
	assert_false(envlist_is_sound("=1\0", 3));
	assert_false(envlist_is_sound("A\0B=1\0", 6)); /* the "=" of the next one does not count */
	assert_false(envlist_is_sound("1A=1\0", 5));
	assert_false(envlist_is_sound("A B=1\0", 6));
	assert_false(envlist_is_sound("\0", 1));
	assert_false(envlist_is_sound("A=1\0\0", 5));
}

/* Feed a delivery to receive_list in a fresh folder; the result and what env holds. */
static int deliver(const char *bytes, size_t len, char *got, size_t cap, ssize_t *got_len)
{
	char dir[] = "/tmp/cbt-sidecar-XXXXXX", path[64];
	int pipes[2], rc, fd, saved;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], bytes, len), (ssize_t)len);
	close(pipes[1]);
	/* what it says about a broken delivery is not for the test's reader */
	saved = dup(STDERR_FILENO);
	fd = open("/dev/null", O_WRONLY);
	dup2(fd, STDERR_FILENO);
	close(fd);
	rc = receive_list(pipes[0], dir);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipes[0]);
	snprintf(path, sizeof path, "%s/env", dir);
	fd = open(path, O_RDONLY);
	*got_len = fd < 0 ? -1 : read(fd, got, cap);
	if (fd >= 0) {
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		close(fd);
		unlink(path);
	}
	/* fails when a half-written file was left */
	assert_int_equal(rmdir(dir), 0);
	return rc;
}

static void a_delivery_becomes_the_file_and_no_more(void **state)
{
	static const char bytes[] = "CBENV1 8\nA=1\0B=2\0and what follows is not read";
	ssize_t len = 0;
	char got[64];

	(void)state;
	assert_int_equal(deliver(bytes, sizeof bytes - 1, got, sizeof got, &len), 0);
	assert_int_equal(len, 8);
	assert_memory_equal(got, "A=1\0B=2\0", 8);
}

static void an_empty_delivery_releases_too(void **state)
{
	ssize_t len = -1;
	char got[8];

	(void)state;
	assert_int_equal(deliver("CBENV1 0\n", 9, got, sizeof got, &len), 0);
	assert_int_equal(len, 0);
}

static void a_broken_delivery_leaves_nothing(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "CBENV1 9\nA=1\0B=2\0", 17 }, /* ends early */
		{ "CBENV1 3\nA=1", 12 },        /* no NUL */
		{ "CBENV1 8", 8 },              /* no line feed */
		{ "", 0 },
		{ "CBENV1 00000000000000000000000000000000000008\n", 46 },
	};
	ssize_t len = 0;
	char got[8];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(deliver(bad[i].bytes, bad[i].len, got, sizeof got, &len), -1);
		assert_int_equal(len, -1);
	}
}

static void entry_takes_its_flags_before_the_dashes(void **state)
{
	char *full[] = { S("--dir"), S("/w"),    S("--clone"), S("git://g/x"), S("--"), S("sh"),
			 S("-c"),    S("--dir"), NULL };
	char *bare[] = { S("--"), S("claude"), NULL };
	struct entry_options o;

	(void)state;
	assert_int_equal(entry_options(&o, 8, full), 0);
	assert_string_equal(o.dir, "/w");
	assert_string_equal(o.clone, "git://g/x");
	assert_string_equal(o.command[0], "sh");
	assert_string_equal(o.command[2], "--dir");
	assert_null(o.command[3]);
	assert_int_equal(entry_options(&o, 2, bare), 0);
	assert_null(o.dir);
	assert_null(o.clone);
}

static void entry_without_a_command_is_refused(void **state)
{
	char *none[] = { S("--dir"), S("/w"), S("--"), NULL };
	char *no_dashes[] = { S("sh"), S("-c"), S("x"), NULL };
	char *clone_nowhere[] = { S("--clone"), S("u"), S("--"), S("sh"), NULL };
	struct entry_options o;

	(void)state;
	assert_int_equal(entry_options(&o, 0, none), -1);
	assert_int_equal(entry_options(&o, 3, none), -1);
	assert_int_equal(entry_options(&o, 3, no_dashes), -1);
	assert_int_equal(entry_options(&o, 4, clone_nowhere), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_has_a_magic_and_a_plain_decimal),
		cmocka_unit_test(other_headers_are_refused),
		cmocka_unit_test(entries_are_walked_in_order),
		cmocka_unit_test(an_empty_list_is_sound),
		cmocka_unit_test(lists_with_a_broken_entry_are_refused),
		cmocka_unit_test(a_delivery_becomes_the_file_and_no_more),
		cmocka_unit_test(an_empty_delivery_releases_too),
		cmocka_unit_test(a_broken_delivery_leaves_nothing),
		cmocka_unit_test(entry_takes_its_flags_before_the_dashes),
		cmocka_unit_test(entry_without_a_command_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
