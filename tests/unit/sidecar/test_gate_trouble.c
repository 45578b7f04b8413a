#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/gate/trouble.h"

static const char changed[] =
	"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"
	"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"
	"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"
	"IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r\n"
	"Host key verification failed.\r\n"
	"fatal: Could not read from remote repository.\n\n"
	"Please make sure you have the correct access rights\nand the repository exists.\n";

static void a_changed_host_key_is_not_taken_for_an_outage(void **state)
{
	(void)state;
	assert_int_equal(trouble_of(changed), TROUBLE_HOSTKEY);
	assert_int_equal(
		trouble_of("No ED25519 host key is known for [h]:22 and you have requested "
	                   "strict checking.\r\nHost key verification failed.\r\n"),
		TROUBLE_HOSTKEY);
}

static void the_other_troubles_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(trouble_of("ssh: connect to host h port 22: Connection refused\r\n"
	                            "fatal: Could not read from remote repository.\n"),
	                 TROUBLE_UNREACHABLE);
	assert_int_equal(trouble_of("ssh: connect to host h port 22: Connection timed out\r\n"),
	                 TROUBLE_UNREACHABLE);
	assert_int_equal(trouble_of("ssh: Could not resolve hostname h: Name or service not known"),
	                 TROUBLE_UNREACHABLE);
	assert_int_equal(trouble_of("git@h: Permission denied (publickey).\r\n"), TROUBLE_DENIED);
	assert_int_equal(trouble_of("fatal: '/srv/x.git' does not appear to be a git repository\n"),
	                 TROUBLE_NO_REPO);
	assert_int_equal(trouble_of("something else\n"), TROUBLE_OTHER);
	assert_int_equal(trouble_of(""), TROUBLE_OTHER);
}

static void what_the_far_side_says_does_not_count(void **state)
{
	(void)state;
	assert_int_equal(trouble_of("remote: Host key verification failed.\n"), TROUBLE_OTHER);
	assert_int_equal(trouble_of("remote: Permission denied (publickey)\n"
	                            "ssh: connect to host h port 22: Connection refused\n"),
	                 TROUBLE_UNREACHABLE);
}

static void the_detail_is_short_clean_and_to_the_point(void **state)
{
	char *d = trouble_detail(changed);

	(void)state;
	assert_string_equal(d,
	                    "remote host identification has changed; IT IS POSSIBLE THAT SOMEONE "
	                    "IS DOING SOMETHING NASTY!; Host key verification failed.");
	free(d);
	d = trouble_detail("fatal: bad\033[2J thing\xc2\x9b\nremote: chatter\n");
	assert_string_equal(d, "fatal: bad?[2J thing?");
	free(d);
	d = trouble_detail("");
	assert_string_equal(d, "");
	free(d);
}

static void a_flood_is_cut(void **state)
{
	char *big = malloc(100001), *d;

	(void)state;
	memset(big, 'x', 100000);
	big[100000] = '\0';
	d = trouble_detail(big);
	assert_true(strlen(d) <= 600);
	free(d);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_host_key_is_not_taken_for_an_outage),
		cmocka_unit_test(the_other_troubles_are_told_apart),
		cmocka_unit_test(what_the_far_side_says_does_not_count),
		cmocka_unit_test(the_detail_is_short_clean_and_to_the_point),
		cmocka_unit_test(a_flood_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
