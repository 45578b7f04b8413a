#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/gate/archive.h"
#include "sidecar/gate/forward.h"
#include "sidecar/gate/hook.h"
#include "sidecar/gate/proto.h"
#include "sidecar/gate/util.h"

#define OID1 "1111111111111111111111111111111111111111"
#define OID2 "2222222222222222222222222222222222222222"

static int policy(const char *ref, struct err *err)
{
	struct ref_updates u = { 0 };
	char line[2048];
	int rc;

	snprintf(line, sizeof line, OID1 " " OID2 " %s", ref);
	assert_int_equal(ref_updates_add(&u, line, strlen(line)), 0);
	rc = hook_policy(&u, err);
	ref_updates_done(&u);
	return rc;
}

static void only_heads_and_tags_may_be_pushed(void **state)
{
	static const char *const bad[] = {
		"refs/notes/commits", "refs/replace/" OID1, "refs/for/main",
		"refs/meta/config",   "refs/changes/1",     "HEAD",
		"refs/headsx/a",      "refs/stash",         "refs/heads/HEAD",
		"refs/heads/refs/x",  "refs/tags/refs/x",   "refs/tags/HEAD",
		"refs/heads/-x",      "refs/tags/--all",    "refs/heads/" OID1,
	};

	(void)state;
	assert_int_equal(policy("refs/heads/main", NULL), 0);
	assert_int_equal(policy("refs/heads/a/HEAD", NULL), 0);
	assert_int_equal(policy("refs/tags/v1.0", NULL), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (policy(bad[i], NULL) == 0)
			fail_msg("%s passed", bad[i]);
}

/* As an argument of git's "refs/heads/x:Y:refs/heads/z" means the object at path
 * "refs/heads/x:Y", and another ref. */
static void a_name_that_git_would_read_otherwise_is_refused(void **state)
{
	static const char *const bad[] = {
		"refs/heads/x:refs/heads/y",
		"refs/heads/x:Y:refs/meta/config",
		"refs/heads/",
		"refs/heads//a",
		"refs/heads/a/",
		"refs/heads/a b",
		"refs/heads/a~1",
		"refs/heads/a^",
		"refs/heads/a?",
		"refs/heads/*",
		"refs/heads/[a]",
		"refs/heads/a\\b",
		"refs/heads/a..b",
		"refs/heads/../x",
		"refs/heads/.a",
		"refs/heads/a.",
		"refs/heads/a.lock",
		"refs/heads/a.lock/b",
		"refs/heads/a@{1}",
		"refs/heads/a\tb",
		"refs/heads/a\nb",
		"refs/heads/a\177",
		"refs/tags/v1^{}",
	};
	static const char *const good[] = { "refs/heads/a-b_c.d/e@f{g}+h,i=j", "refs/heads/@",
		                            "refs/heads/b\303\244ume", "refs/heads/x/-y",
		                            "refs/heads/lock" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (policy(bad[i], NULL) == 0)
			fail_msg("%s passed", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (policy(good[i], NULL) != 0)
			fail_msg("%s did not pass", good[i]);
}

static void a_name_that_is_too_long_for_a_file_is_refused(void **state)
{
	char ref[1100];

	(void)state;
	snprintf(ref, sizeof ref, "refs/heads/%0250d/%0250d", 1, 1);
	assert_int_equal(policy(ref, NULL), 0);
	snprintf(ref, sizeof ref, "refs/heads/%0251d/x", 1);
	assert_int_equal(policy(ref, NULL), -1);
	snprintf(ref, sizeof ref, "refs/heads/x/%0251d", 1);
	assert_int_equal(policy(ref, NULL), -1);
	snprintf(ref, sizeof ref, "refs/heads/%0200d/%0200d/%0200d/%0200d/%0200d", 1, 1, 1, 1, 1);
	assert_int_equal(policy(ref, NULL), -1);
}

static void too_many_refs_are_refused(void **state)
{
	struct ref_updates u = { 0 };
	struct err err;

	(void)state;
	for (int i = 0; i <= REFS_MAX; i++) {
		char line[200];

		assert_int_equal(hook_policy(&u, &err), 0);
		snprintf(line, sizeof line, OID1 " " OID2 " refs/heads/%d", i);
		ref_updates_add(&u, line, strlen(line));
	}
	assert_int_equal(hook_policy(&u, &err), -1);
	assert_non_null(strstr(err.msg, "500"));
	ref_updates_done(&u);
}

static void check_reason(const char *out, const char *err, const char *want)
{
	char *got = forward_reason(out, err);

	assert_string_equal(got, want);
	free(got);
}

static void the_upstreams_refusal_is_put_into_a_sentence(void **state)
{
	(void)state;
	check_reason("To ssh://h/p\n!\tabc:refs/heads/t\t[remote rejected] (protected "
	             "branch \033[1mhook declined)\nDone\n",
	             "", "the upstream refused the push: protected branch ?[1mhook declined");
	check_reason("!\ta:refs/heads/a\t[remote rejected] (atomic push failure)\n"
	             "!\tb:refs/heads/b\t[remote rejected] (pre-receive hook declined)\n",
	             "", "the upstream refused the push: pre-receive hook declined");
	check_reason("!\ta:refs/heads/a\t[rejected] (stale info)\n", "",
	             "the upstream has moved on: fetch, and push again");
	check_reason("!\ta:refs/heads/a\t[remote failure]\n", "", "the upstream refused 1 ref(s)");
}

static void without_an_answer_the_transport_is_to_blame(void **state)
{
	(void)state;
	check_reason("", "ssh: connect to host h port 22: Connection refused\n",
	             "upstream unreachable");
	check_reason("", "Host key verification failed.\n",
	             "the upstream's host key is not the pinned one");
	check_reason("", "", "upstream failed");
}

static void the_upstreams_words_come_clean_and_few(void **state)
{
	char *said = forward_said(
		"To ssh://h/p\nremote: Create a pull request:   \nremote:   http://h/x\n"
		"remote:\nremote: \033[31mred\n * [new branch]\n",
		10);

	(void)state;
	assert_string_equal(said, "Create a pull request:\n  http://h/x\n?[31mred\n");
	free(said);
	said = forward_said("remote: a\nremote: b\nremote: c\n", 2);
	assert_string_equal(said, "a\nb\n");
	free(said);
	said = forward_said("", 2);
	assert_string_equal(said, "");
	free(said);
}

static void archives_are_known_by_their_first_bytes(void **state)
{
	(void)state;
	assert_string_equal(archive_suffix("PK\003\004....", 8), ".zip");
	assert_string_equal(archive_suffix("\037\213\010\0", 4), ".gz");
	assert_string_equal(archive_suffix("\3757zXZ\0", 6), ".xz");
	assert_null(archive_suffix("PK\003", 3));
	assert_null(archive_suffix("", 0));
	assert_null(archive_suffix("\177ELF", 4));
	assert_true(archive_is_stream(".gz"));
	assert_false(archive_is_stream(".zip"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_heads_and_tags_may_be_pushed),
		cmocka_unit_test(a_name_that_git_would_read_otherwise_is_refused),
		cmocka_unit_test(a_name_that_is_too_long_for_a_file_is_refused),
		cmocka_unit_test(too_many_refs_are_refused),
		cmocka_unit_test(the_upstreams_refusal_is_put_into_a_sentence),
		cmocka_unit_test(without_an_answer_the_transport_is_to_blame),
		cmocka_unit_test(the_upstreams_words_come_clean_and_few),
		cmocka_unit_test(archives_are_known_by_their_first_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
