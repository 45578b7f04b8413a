/* The record of confirmed project files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/core/temp_dir.h"

#include "core/buf.h"
#include "core/err.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/trust.h"

#define ONE "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222222222222222222222222222"

static struct trust *opened(void)
{
	struct trust *t = NULL;
	struct err err = { 0 };

	if (trust_open(&t, temp_path("trust.json"), &err) < 0)
		fail_msg("%s", err.msg);
	return t;
}

static void digests_are_those_of_the_standard(void **state)
{
	char out[HASH_HEX_SIZE];

	(void)state;
	hash_sha256_hex(out, "abc", 3);
	assert_string_equal(out,
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_sha256_hex(out, NULL, 0);
	assert_string_equal(out,
	                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void nothing_is_trusted_at_first(void **state)
{
	struct trust *t = opened();

	(void)state;
	assert_false(trust_has(t, "/p/claude-bottle.json", ONE));
	assert_null(trust_path(t, 0));
	assert_int_equal(access(temp_path("trust.json"), F_OK), -1);
	trust_free(t);
}

static void what_was_confirmed_is_known_by_path_and_bytes_later(void **state)
{
	struct trust *t = opened();
	struct err err = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(trust_add(t, "/p \"q\"\n/x.json", ONE, &err), 0);
	assert_int_equal(trust_add(t, "/a/x.json", TWO, &err), 0);
	trust_free(t);
	assert_int_equal(stat(temp_path("trust.json"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	t = opened();
	assert_true(trust_has(t, "/p \"q\"\n/x.json", ONE));
	assert_false(trust_has(t, "/p \"q\"\n/x.json", TWO));
	assert_false(trust_has(t, "/p/x.json", ONE));
	assert_string_equal(trust_path(t, 0), "/a/x.json");
	assert_null(trust_path(t, 2));
	trust_free(t);
}

static void the_records_folder_is_made_with_the_first_one(void **state)
{
	struct trust *t = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(trust_open(&t, temp_path("new/state/trust.json"), NULL), 0);
	assert_int_equal(trust_add(t, "/p/x.json", ONE, NULL), 0);
	assert_int_equal(stat(temp_path("new/state"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	trust_free(t);
}

static void a_new_confirmation_replaces_the_old_bytes(void **state)
{
	struct trust *t = opened();

	(void)state;
	assert_int_equal(trust_add(t, "/p/x.json", ONE, NULL), 0);
	assert_int_equal(trust_add(t, "/p/x.json", TWO, NULL), 0);
	assert_false(trust_has(t, "/p/x.json", ONE));
	assert_true(trust_has(t, "/p/x.json", TWO));
	assert_null(trust_path(t, 1));
	trust_free(t);
}

static void what_is_removed_is_forgotten(void **state)
{
	struct trust *t = opened();
	bool was_there = false;

	(void)state;
	assert_int_equal(trust_add(t, "/p/x.json", ONE, NULL), 0);
	assert_int_equal(trust_remove(t, "/p/x.json", &was_there, NULL), 0);
	assert_true(was_there);
	assert_int_equal(trust_remove(t, "/p/x.json", &was_there, NULL), 0);
	assert_false(was_there);
	trust_free(t);
	t = opened();
	assert_false(trust_has(t, "/p/x.json", ONE));
	trust_free(t);
}

static void two_programs_lose_nothing_of_each_other(void **state)
{
	struct trust *a = opened(), *b = opened();

	(void)state;
	assert_int_equal(trust_add(a, "/a/x.json", ONE, NULL), 0);
	assert_int_equal(trust_add(b, "/b/x.json", TWO, NULL), 0);
	trust_free(a);
	trust_free(b);
	a = opened();
	assert_true(trust_has(a, "/a/x.json", ONE));
	assert_true(trust_has(a, "/b/x.json", TWO));
	trust_free(a);
}

static void refuses_to_open(const char *text, const char *wanted)
{
	struct trust *t = NULL;
	struct err err = { 0 };

	temp_write("trust.json", text);
	assert_int_equal(trust_open(&t, temp_path("trust.json"), &err), -1);
	assert_null(t);
	assert_non_null(strstr(err.msg, wanted));
}

static void a_damaged_record_trusts_nothing(void **state)
{
	(void)state;
	refuses_to_open("", ":1:1: the file is empty");
	refuses_to_open("{\"version\":1,\"trusted\":{\"/p\":\"" ONE "\",\"/p\":\"" TWO "\"}}",
	                "is given twice");
	refuses_to_open("{\"version\":2,\"trusted\":{}}", "a version that this program");
	refuses_to_open("{\"version\":1}", "no usable \"trusted\"");
	refuses_to_open("{\"version\":1,\"trusted\":{\"/p\":\"1111\"}}", ":1:30: must be 64");
	refuses_to_open("{\"version\":1,\"trusted\":{\"/p\":true}}", ":1:30: must be 64");
}

static void a_record_that_others_may_write_trusts_nothing(void **state)
{
	struct trust *t = NULL;
	struct err err = { 0 };

	(void)state;
	temp_write("trust.json", "{\"version\":1,\"trusted\":{}}");
	assert_int_equal(chmod(temp_path("trust.json"), 0622), 0);
	assert_int_equal(trust_open(&t, temp_path("trust.json"), &err), -1);
	assert_non_null(strstr(err.msg, "may be written by others"));

	assert_int_equal(rename(temp_path("trust.json"), temp_path("elsewhere")), 0);
	assert_int_equal(symlink("elsewhere", temp_path("trust.json")), 0);
	assert_int_equal(trust_open(&t, temp_path("trust.json"), &err), -1);
	assert_non_null(strstr(err.msg, "no regular file"));
}

static void only_whole_paths_and_digests_are_recorded(void **state)
{
	struct trust *t = opened();

	(void)state;
	assert_int_equal(trust_add(t, "p/x.json", ONE, NULL), -1);
	assert_int_equal(trust_add(t, "/p/x.json", "", NULL), -1);
	assert_int_equal(trust_add(t, "/p\xff/x.json", ONE, NULL), -1);
	assert_int_equal(trust_add(t, "/p/x.json", "G" ONE, NULL), -1);
	assert_null(trust_path(t, 0));
	trust_free(t);
}

static void a_change_that_cannot_be_written_is_an_error(void **state)
{
	struct trust *t = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(trust_open(&t, temp_path("state/trust.json"), &err), 0);
	temp_write("state", "");
	assert_int_equal(trust_add(t, "/p/x.json", ONE, &err), -1);
	assert_false(trust_has(t, "/p/x.json", ONE));
	trust_free(t);
}

static void files_are_replaced_whole_and_leave_no_rest(void **state)
{
	struct buf b = BUF_INIT(100);

	(void)state;
	temp_write("f", "old");
	assert_int_equal(file_write(temp_path("f"), 0640, "newer", 5, NULL), 0);
	assert_int_equal(file_read(temp_path("f"), &b), 0);
	assert_string_equal(buf_str(&b), "newer");
	buf_done(&b);
	assert_int_equal(unlink(temp_path("f")), 0);
	assert_int_equal(rmdir(temp_dir), 0); /* no temporary file is left */
	assert_int_equal(mkdir(temp_dir, 0700), 0);
}

static void only_regular_files_of_a_bounded_size_are_read(void **state)
{
	struct buf b = BUF_INIT(4);

	(void)state;
	temp_write("f", "12345");
	assert_int_equal(file_read(temp_path("f"), &b), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(mkfifo(temp_path("pipe"), 0600), 0);
	assert_int_equal(file_read(temp_path("pipe"), &b), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(file_read(temp_path("none"), &b), -1);
	assert_int_equal(errno, ENOENT);
	buf_done(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, temp_dir_make, temp_dir_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(digests_are_those_of_the_standard),
		T(nothing_is_trusted_at_first),
		T(what_was_confirmed_is_known_by_path_and_bytes_later),
		T(the_records_folder_is_made_with_the_first_one),
		T(a_new_confirmation_replaces_the_old_bytes),
		T(what_is_removed_is_forgotten),
		T(two_programs_lose_nothing_of_each_other),
		T(a_damaged_record_trusts_nothing),
		T(a_record_that_others_may_write_trusts_nothing),
		T(only_whole_paths_and_digests_are_recorded),
		T(a_change_that_cannot_be_written_is_an_error),
		T(files_are_replaced_whole_and_leave_no_rest),
		T(only_regular_files_of_a_bounded_size_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
