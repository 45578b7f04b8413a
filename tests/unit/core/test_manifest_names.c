/* Names of sessions and hosts, and hints for mistyped words. */
#include "unit/core/manifest_fixture.h"

#include "core/err.h"
#include "core/manifest_internal.h"

static void a_session_is_called_after_agent_and_label(void **state)
{
	char name[MANIFEST_NAME_MAX + 1] = "untouched";
	struct err err = { 0 };

	(void)state;
	assert_int_equal(session_name_make(name, "implementer", NULL, &err), 0);
	assert_string_equal(name, "implementer");
	assert_int_equal(session_name_make(name, "implementer", "", &err), 0);
	assert_string_equal(name, "implementer");
	assert_int_equal(session_name_make(name, "a-b", "issue-12", &err), 0);
	assert_string_equal(name, "a-b--issue-12");
	assert_int_equal(
		session_name_make(name, "a", "aaaaaaaaaabbbbbbbbbbccccccccccddddddd", &err), 0);
	assert_int_equal(strlen(name), MANIFEST_NAME_MAX);
}

static void the_agent_of_a_session_is_in_its_name(void **state)
{
	char agent[MANIFEST_NAME_MAX + 1], longest[3 * MANIFEST_NAME_MAX];

	(void)state;
	session_name_agent(agent, "implementer");
	assert_string_equal(agent, "implementer");
	session_name_agent(agent, "a-b--issue-12");
	assert_string_equal(agent, "a-b");
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	session_name_agent(agent, longest);
	assert_int_equal(strlen(agent), MANIFEST_NAME_MAX);
}

static void names_that_could_be_read_two_ways_are_refused(void **state)
{
	static const char *const bad[] = { "a--b", "-a", "a-", "A", "a_b", "a.b", "a b", "a/b" };
	char name[MANIFEST_NAME_MAX + 1] = "untouched";
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(session_name_make(name, bad[i], NULL, &err), -1);
		assert_int_equal(session_name_make(name, "ok", bad[i], &err), -1);
	}
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.msg,
	                    "'a/b' cannot be a label; use small letters, digits and single dashes");
	assert_int_equal(
		session_name_make(name, "a", "aaaaaaaaaabbbbbbbbbbccccccccccdddddddd", &err), -1);
	assert_string_equal(err.msg,
	                    "agent and label together may have 40 characters, and "
	                    "'a--aaaaaaaaaabbbbbbbbbbccccccccccdddddddd' has 41; shorten the "
	                    "label");
	assert_int_equal(session_name_make(name, "", NULL, &err), -1);
	assert_string_equal(name, "untouched");
}

static void a_session_name_is_told_from_other_text(void **state)
{
	static const char *const good[] = { "a", "a-b", "a--b", "a-b--c-d" };
	static const char *const bad[] = { "",
		                           "a--",
		                           "--b",
		                           "a---b",
		                           "a--b--c",
		                           "a----b",
		                           "A--b",
		                           "a--b-",
		                           "-a",
		                           "a b",
		                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(session_name_is_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(session_name_is_valid(bad[i]));
}

static void host_is(const char *text, const char *wanted)
{
	char out[HOST_NAME_SIZE];
	struct err err = { 0 };

	if (host_name_check(out, text, true, true, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(out, wanted);
}

static void host_is_not(const char *text, const char *wanted)
{
	char out[HOST_NAME_SIZE] = "untouched";
	struct err err = { 0 };

	assert_int_equal(host_name_check(out, text, true, true, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	same_text(err.msg, wanted);
	assert_string_equal(out, "untouched");
}

static void host_names_are_taken_and_lowered(void **state)
{
	(void)state;
	host_is("Example.ORG", "example.org");
	host_is("a", "a");
	host_is("xn--bcher-kva.example", "xn--bcher-kva.example");
	host_is("*.Example.org", "*.example.org");
	host_is("*.lan", "*.lan");
	host_is("1a.2b", "1a.2b");
	host_is("198.51.100.7", "198.51.100.7");
	host_is("2001:DB8::1", "2001:db8::1");
}

static void what_is_no_host_name_gets_a_hint(void **state)
{
	(void)state;
	host_is_not("", "an empty host name");
	host_is_not("https://example.org", "'https://example.org' is a URL; write \"example.org\", "
	                                   "which stands for every port "
	                                   "and path");
	host_is_not("https://me:pw@Example.org:8443/a?b#c",
	            "'https://me:pw@Example.org:8443/a?b#c' is a URL; write \"example.org\", which "
	            "stands for every port and path");
	host_is_not("example.org:443",
	            "'example.org:443' holds a port; write \"example.org\", which "
	            "stands for every port and path");
	host_is_not("example.org/path", "'example.org/path' holds more than a host; write "
	                                "\"example.org\", which stands for every port and path");
	host_is_not("me@example.org",
	            "'me@example.org' holds more than a host; write \"example.org\", "
	            "which stands for every port and path");
	host_is_not("example.org.",
	            "'example.org.' ends in a dot; write \"example.org\", which stands "
	            "for every port and path");
	host_is_not("b\xc3\xbc"
	            "cher.example",
	            "'b\xc3\xbc"
	            "cher.example' is not ASCII; write the name in its xn-- form");
	host_is_not("*", "'*' is no host name; a wildcard is \"*.\" and a domain");
	host_is_not("*.com", "'*.com' is too wide: it lets almost anyone's host through; name the "
	                     "domain");
	host_is_not("a.*.org", "'a.*.org' is no host name; write a host name like \"example.org\"");
	host_is_not("*example.org",
	            "'*example.org' is no host name; a wildcard is \"*.\" and a domain");
	host_is_not("a..b", "'a..b' is no host name; write a host name like \"example.org\"");
	host_is_not("-a.b", "'-a.b' is no host name; write a host name like \"example.org\"");
	host_is_not("a-.b", "'a-.b' is no host name; write a host name like \"example.org\"");
	host_is_not("a_b.c", "'a_b.c' is no host name; write a host name like \"example.org\"");
	host_is_not("a b", "'a b' is no host name; write a host name like \"example.org\"");
	host_is_not("1.2.3", "'1.2.3' is no host name; write a host name like \"example.org\"");
	host_is_not("https://", "'https://' is a URL; write a host name like \"example.org\"");
}

static void only_public_addresses_are_let_through(void **state)
{
	static const char *const bad[] = {
		"10.0.0.1",        "127.0.0.1",  "192.168.1.1",    "172.16.0.1", "172.31.9.9",
		"169.254.169.254", "100.64.0.1", "0.0.0.0",        "224.0.0.1",  "::1",
		"fe80::1",         "fd00::1",    "::ffff:10.0.0.1"
	};
	static const char *const good[] = { "172.32.0.1", "100.128.0.1", "8.8.8.8", "2600::1" };
	char out[HOST_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(host_name_check(out, bad[i], true, true, NULL), -1);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(host_name_check(out, good[i], true, true, NULL), 0);
		assert_int_equal(host_name_check(out, good[i], true, false, NULL), -1);
	}
}

static void long_host_names_end_at_their_bounds(void **state)
{
	char text[300], out[HOST_NAME_SIZE];

	(void)state;
	memset(text, 'a', sizeof text);
	text[63] = '\0';
	assert_int_equal(host_name_check(out, text, false, false, NULL), 0);
	text[63] = 'a';
	text[64] = '\0';
	assert_int_equal(host_name_check(out, text, false, false, NULL), -1);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 10 == 9 ? '.' : 'a';
	text[253] = '\0';
	assert_int_equal(host_name_check(out, text, false, false, NULL), 0);
	text[253] = 'a';
	text[254] = '\0';
	assert_int_equal(host_name_check(out, text, false, false, NULL), -1);
}

static void wildcards_cover_a_domain_and_all_beneath(void **state)
{
	char one[] = "a.test", two[] = "*.b.test", *list[] = { one, two, NULL };

	(void)state;
	assert_true(host_list_covers(list, "a.test"));
	assert_false(host_list_covers(list, "x.a.test"));
	assert_true(host_list_covers(list, "b.test"));
	assert_true(host_list_covers(list, "y.x.b.test"));
	assert_false(host_list_covers(list, "ab.test"));
	assert_false(host_list_covers(list, "xb.test"));
	assert_false(host_list_covers(NULL, "a.test"));
}

static void the_nearest_word_is_hinted_and_only_a_near_one(void **state)
{
	static const char *const words[] = {
		"bottle", "image", "command", "prompt", "skills", NULL
	};

	(void)state;
	assert_string_equal(nearest("bottel", words), "bottle");
	assert_string_equal(nearest("Image", words), "image");
	assert_string_equal(nearest("skill", words), "skills");
	assert_string_equal(nearest("propmt", words), "prompt");
	assert_null(nearest("xyz", words));
	assert_null(nearest("", words));
	assert_null(nearest("imagimagimagimagimagimagimagimagimagimagimage", words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_is_called_after_agent_and_label),
		cmocka_unit_test(the_agent_of_a_session_is_in_its_name),
		cmocka_unit_test(names_that_could_be_read_two_ways_are_refused),
		cmocka_unit_test(a_session_name_is_told_from_other_text),
		cmocka_unit_test(host_names_are_taken_and_lowered),
		cmocka_unit_test(what_is_no_host_name_gets_a_hint),
		cmocka_unit_test(only_public_addresses_are_let_through),
		cmocka_unit_test(long_host_names_end_at_their_bounds),
		cmocka_unit_test(wildcards_cover_a_domain_and_all_beneath),
		cmocka_unit_test(the_nearest_word_is_hinted_and_only_a_near_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
