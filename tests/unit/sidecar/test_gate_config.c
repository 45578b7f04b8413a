#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/gate/config.h"
#include "sidecar/gate/util.h"

#define REPO                                                                                       \
	"{\"name\":\"proj\",\"path\":\"git.test_30009/alice/proj\","                               \
	"\"url\":\"ssh://git@git.test:30009/alice/proj.git\",\"key\":\"/etc/git-gate/keys/proj\"," \
	"\"known_hosts\":\"/etc/git-gate/known_hosts/proj\",\"push\":\"forward\"}"

static void the_documented_file_is_read(void **state)
{
	struct gate_config *c = NULL;
	struct err err = { { 0 } };

	(void)state;
	if (config_parse(&c,
	                 "{\"v\":1,\"repos\":[" REPO "],\"max_push_bytes\":268435456,"
	                 "\"scan_timeout_s\":61,\"fetch_timeout_s\":31,\"connect_timeout_s\":6,"
	                 "\"max_connections\":17}",
	                 &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(c->n_repos, 1);
	assert_string_equal(c->repos[0].url, "ssh://git@git.test:30009/alice/proj.git");
	assert_string_equal(c->repos[0].known_hosts, "/etc/git-gate/known_hosts/proj");
	assert_int_equal(c->max_push_bytes, 268435456);
	assert_int_equal(c->scan_timeout_s, 61);
	assert_int_equal(c->fetch_timeout_s, 31);
	assert_int_equal(c->connect_timeout_s, 6);
	assert_int_equal(c->max_connections, 17);
	config_free(c);
}

static void what_is_absent_has_its_default(void **state)
{
	struct gate_config *c = NULL;

	(void)state;
	assert_int_equal(
		config_parse(&c,
	                     "{\"v\":1,\"repos\":[{\"name\":\"p\",\"path\":\"h/p\","
	                     "\"url\":\"ssh://h/p\",\"key\":\"/k\",\"known_hosts\":null}]}",
	                     NULL),
		0);
	assert_int_equal(c->scan_timeout_s, 60);
	assert_int_equal(c->max_connections, 16);
	assert_null(c->repos[0].known_hosts);
	config_free(c);
}

static void only_listed_paths_are_found(void **state)
{
	static const char *const good[] = { "/git.test_30009/alice/proj",
		                            "/git.test_30009/alice/proj.git",
		                            "/git.test_30009/alice/proj/" };
	static const char *const bad[] = { "",
		                           "/",
		                           "//",
		                           "/.git",
		                           "/git.test_30009/alice/proj2",
		                           "/git.test_30009/alice/pro",
		                           "/git.test_30009/alice/proj.gitx",
		                           "/git.test_30009/alice/proj.git.git",
		                           "/git.test_30009/alice",
		                           "/proj",
		                           "/git.test_30009/alice/proj/objects",
		                           "/git.test_30009/alice/proj//",
		                           "/git.test_30009/alice/../alice/proj",
		                           "/git.test_30009/./alice/proj",
		                           "/GIT.test_30009/alice/proj",
		                           "//git.test_30009/alice/proj" };
	struct gate_config *c = NULL;

	(void)state;
	assert_int_equal(config_parse(&c, "{\"v\":1,\"repos\":[" REPO "]}", NULL), 0);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_ptr_equal(config_find_path(c, good[i]), &c->repos[0]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(config_find_path(c, bad[i]));
	assert_ptr_equal(config_find_name(c, "proj"), &c->repos[0]);
	assert_null(config_find_name(c, "proj2"));
	config_free(c);
}

static void each_fault_is_named_with_its_place(void **state)
{
	static const struct {
		const char *text, *want;
	} bad[] = {
		{ "", "not JSON" },
		{ "[]", "must be one JSON object" },
		{ "{\"v\":1,\"repos\":[" REPO "]} x", "not JSON" },
		{ "{\"v\":2,\"repos\":[" REPO "]}", "/v: must be 1" },
		{ "{\"v\":1}", "/repos: must be a list" },
		{ "{\"v\":1,\"repos\":[]}", "/repos: must be a list" },
		{ "{\"v\":1,\"repos\":[1]}", "/repos/0: must be an object" },
		{ "{\"v\":1,\"repos\":[" REPO "],\"scan\":1}", "/scan: unknown key" },
		{ "{\"v\":1,\"v\":1,\"repos\":[" REPO "]}", "/v: given twice" },
		{ "{\"v\":1,\"repos\":[" REPO "," REPO "]}", "/repos/1/name: given twice" },
		{ "{\"v\":1,\"repos\":[" REPO "],\"scan_timeout_s\":0}", "/scan_timeout_s: must" },
		{ "{\"v\":1,\"repos\":[" REPO "],\"scan_timeout_s\":1.5}",
		  "/scan_timeout_s: must" },
		{ "{\"v\":1,\"repos\":[" REPO "],\"max_push_bytes\":\"1\"}",
		  "/max_push_bytes: must" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct gate_config *c = NULL;
		struct err err = { { 0 } };

		assert_int_equal(config_parse(&c, bad[i].text, &err), -1);
		assert_null(c);
		if (!strstr(err.msg, bad[i].want))
			fail_msg("wanted \"%s\", got \"%s\"", bad[i].want, err.msg);
	}
}

/* One repository with one key replaced. */
static int try_repo(const char *name, const char *path, const char *url, const char *key,
                    const char *more, struct err *err)
{
	struct gate_config *c = NULL;
	char *text =
		xasprintf("{\"v\":1,\"repos\":[{\"name\":\"%s\",\"path\":\"%s\",\"url\":\"%s\","
	                  "\"key\":\"%s\"%s}]}",
	                  name, path, url, key, more);
	int rc = config_parse(&c, text, err);

	config_free(c);
	free(text);
	return rc;
}

static int hold_of(const char *more)
{
	struct gate_config *c = NULL;
	struct err err = { { 0 } };
	char *text = xasprintf("{\"v\":1,\"repos\":[{\"name\":\"p\",\"path\":\"h/p\",\"url\":"
	                       "\"ssh://h/p\",\"key\":\"/k\"%s}]}",
	                       more);
	int seconds = config_parse(&c, text, &err) < 0 ? -1 : c->repos[0].hold_s;

	config_free(c);
	free(text);
	return seconds;
}

static void a_push_is_forwarded_or_held_for_so_long(void **state)
{
	struct err err = { { 0 } };

	(void)state;
	assert_int_equal(hold_of(""), 0);
	assert_int_equal(hold_of(",\"push\":\"forward\",\"hold_s\":10"), 0);
	assert_int_equal(hold_of(",\"push\":\"hold\""), 100);
	assert_int_equal(hold_of(",\"push\":\"hold\",\"hold_s\":5"), 5);
	assert_int_equal(hold_of(",\"push\":\"hold\",\"hold_s\":4"), -1);
	assert_int_equal(hold_of(",\"push\":\"hold\",\"hold_s\":\"9\""), -1);
	assert_int_equal(hold_of(",\"push\":true"), -1);
	assert_int_equal(try_repo("p", "h/p", "ssh://h/p", "/k", ",\"push\":\"open\"", &err), -1);
	assert_int_equal(try_repo("p", "h/p", "ssh://h/p", "/k", ",\"push\":\"forward\"", &err), 0);
}

static void what_reaches_a_command_line_or_path_is_plain(void **state)
{
	static const char *const urls[] = { "https://h/p",
		                            "h:p",
		                            "-x@h:p",
		                            "git@-h:p",
		                            "git@h:-p",
		                            "git@h:",
		                            "@h:p",
		                            "ssh://",
		                            "ssh://h",
		                            "ssh://h/",
		                            "ssh://-oProxyCommand=x/p",
		                            "ssh://-u@h/p",
		                            "ssh://h:x/p",
		                            "ssh://h:123456/p",
		                            "ssh://h/p;id",
		                            "ssh://h/p'",
		                            "ssh://h/$p",
		                            "ssh://u:pw@h/p",
		                            "ssh://h/p q",
		                            "ext::sh -c id",
		                            "file:///etc" };
	static const char *const paths[] = { "",      "/h/p",   "h/p/",      "h//p",
		                             "../p",  "h/../p", "h/./p",     "h/p.git",
		                             "h/p q", "h/p;x",  "h/p\\u000a" };
	static const char *const names[] = { "", ".", "..", ".x", "-x", "a/b", "a b" };
	static const char *const keys[] = { "", "k", "/", "/k/../x", "/k x", "/k'x", "/$x" };

	(void)state;
	assert_int_equal(try_repo("p", "h/p", "ssh://h/p", "/k", "", NULL), 0);
	assert_int_equal(
		try_repo("p", "h/~u/.x/p", "ssh://u@h.test:22/~u/.x/p.git", "/k", "", NULL), 0);
	assert_int_equal(try_repo("p", "h/p@2", "git@h.test:a/p.git", "/k", "", NULL), 0);
	assert_int_equal(try_repo("p", "h/p", "ssh://u@[fd00::1]:22/p", "/k", "", NULL), 0);
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
		if (try_repo("p", "h/p", urls[i], "/k", "", NULL) == 0)
			fail_msg("url %s was taken", urls[i]);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (try_repo("p", paths[i], "ssh://h/p", "/k", "", NULL) == 0)
			fail_msg("path %s was taken", paths[i]);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (try_repo(names[i], "h/p", "ssh://h/p", "/k", "", NULL) == 0)
			fail_msg("name %s was taken", names[i]);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (try_repo("p", "h/p", "ssh://h/p", keys[i], "", NULL) == 0)
			fail_msg("key %s was taken", keys[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documented_file_is_read),
		cmocka_unit_test(what_is_absent_has_its_default),
		cmocka_unit_test(only_listed_paths_are_found),
		cmocka_unit_test(each_fault_is_named_with_its_place),
		cmocka_unit_test(a_push_is_forwarded_or_held_for_so_long),
		cmocka_unit_test(what_reaches_a_command_line_or_path_is_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
