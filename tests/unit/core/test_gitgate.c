#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/gitgate.h"
#include "core/manifest.h"

/* The manifest's strings are not const; nobody writes to these. */
#define S(s) ((char *)(s))
#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"

static struct git_remote remotes[] = {
	{ .name = S("proj"),
	  .url = S("ssh://git@git.example.net:30009/alice/proj.git"),
	  .user = S("git"),
	  .host = S("git.example.net"),
	  .port = 30009,
	  .path = S("alice/proj.git"),
	  .gate_path = S("git.example.net_30009/alice/proj"),
	  .known_host_key = S(KEY) },
	{ .name = S("hub"),
	  .url = S("git@hub.test:org/proj"),
	  .is_scp = true,
	  .user = S("git"),
	  .host = S("hub.test"),
	  .port = 22,
	  .path = S("org/proj"),
	  .gate_path = S("hub.test/org/proj"),
	  .push = GIT_PUSH_HOLD },
	{ .name = S("tools"),
	  .url = S("ssh://bob@hub.test:22/org/tools.git"),
	  .user = S("bob"),
	  .host = S("hub.test"),
	  .port = 22,
	  .path = S("org/tools.git"),
	  .gate_path = S("hub.test/org/tools"),
	  .known_host_key = S(KEY) },
	{ .name = S("local"),
	  .url = S("git@git:local"),
	  .is_scp = true,
	  .user = S("git"),
	  .host = S("git"),
	  .port = 22,
	  .path = S("local"),
	  .gate_path = S("git/local"),
	  .known_host_key = S(KEY) },
};

#define N_REMOTES (sizeof remotes / sizeof *remotes)

static void gate_json_says_what_the_contract_says(void **state)
{
	struct buf out = BUF_INIT(GITGATE_CONFIG_MAX);
	struct err err;
	cJSON *root;

	(void)state;
	assert_int_equal(gitgate_config(&out, remotes, 2, &err), 0);
	assert_string_equal(
		buf_str(&out),
		"{\"v\":1,\"repos\":[{\"name\":\"proj\",\"path\":\"git.example.net_30009/alice/"
	        "proj\","
		"\"url\":\"ssh://git@git.example.net:30009/alice/proj.git\","
		"\"key\":\"/etc/git-gate/keys/proj\",\"known_hosts\":\"/etc/git-gate/known_hosts/"
		"proj\",\"push\":\"forward\"},"
		"{\"name\":\"hub\",\"path\":\"hub.test/org/proj\",\"url\":\"git@hub.test:org/"
	        "proj\","
		"\"key\":\"/etc/git-gate/keys/hub\",\"known_hosts\":null,"
		"\"push\":\"hold\",\"hold_s\":100}],"
		"\"max_push_bytes\":268435456,\"scan_timeout_s\":60,\"fetch_timeout_s\":30,"
		"\"connect_timeout_s\":5,\"max_connections\":16}\n");
	root = cJSON_Parse(buf_str(&out));
	assert_non_null(root);
	cJSON_Delete(root);
	buf_done(&out);
}

static void two_remotes_of_one_place_are_refused(void **state)
{
	struct git_remote twice[2] = { remotes[0], remotes[0] };
	struct buf out = BUF_INIT(GITGATE_CONFIG_MAX);
	struct err err;

	(void)state;
	assert_int_equal(gitgate_config(&out, twice, 2, &err), -1);
	assert_non_null(strstr(err.msg, "two remotes are called 'proj'"));
	twice[1].name = S("other");
	assert_int_equal(gitgate_config(&out, twice, 2, &err), -1);
	assert_non_null(strstr(err.msg, "git.example.net_30009/alice/proj"));
	buf_done(&out);
}

static void a_full_buffer_is_an_error(void **state)
{
	struct buf out = BUF_INIT(100);
	struct err err;

	(void)state;
	assert_int_equal(gitgate_config(&out, remotes, 1, &err), -1);
	buf_done(&out);
}

static void the_host_key_is_pinned_under_the_port(void **state)
{
	struct buf out = BUF_INIT(4096);

	(void)state;
	assert_int_equal(gitgate_known_hosts(&out, &remotes[0]), 0);
	assert_int_equal(gitgate_known_hosts(&out, &remotes[1]), 0); /* has none */
	assert_int_equal(gitgate_known_hosts(&out, &remotes[2]), 0);
	assert_string_equal(buf_str(&out), "[git.example.net]:30009 " KEY "\nhub.test " KEY "\n");
	buf_done(&out);
}

/* --- with the real git ----------------------------------------------------------- */

static char config[] = "/tmp/cb-gitgate-XXXXXX";

static int write_config(void **state)
{
	struct buf out = BUF_INIT(GITGATE_CONFIG_MAX);
	int fd = mkstemp(config);
	ssize_t n;

	(void)state;
	if (fd < 0 || gitgate_agent_config(&out, remotes, N_REMOTES) < 0)
		return -1;
	n = write(fd, out.data, out.len);
	close(fd);
	setenv("GIT_CONFIG_GLOBAL", config, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	n -= (ssize_t)out.len;
	buf_done(&out);
	return n == 0 ? 0 : -1;
}

static int remove_config(void **state)
{
	(void)state;
	return unlink(config);
}

/* What git makes of a URL. */
static void rewrites(const char *url, const char *want)
{
	char got[1024] = "";
	size_t n = 0;
	ssize_t r;
	int fds[2], status = -1;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		if (chdir("/") == 0)
			execlp("git", "git", "ls-remote", "--get-url", url, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while (n < sizeof got - 1 && (r = read(fds[0], got + n, sizeof got - 1 - n)) > 0)
		n += (size_t)r;
	close(fds[0]);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	got[strcspn(got, "\n")] = '\0';
	assert_string_equal(got, want);
}

static void ssh_forms_go_to_the_gate_for_the_whole_host(void **state)
{
	(void)state;
	rewrites("ssh://git@git.example.net:30009/alice/proj.git",
	         "git://git-gate/git.example.net_30009/alice/proj.git");
	rewrites("ssh://git.example.net:30009/alice/proj",
	         "git://git-gate/git.example.net_30009/alice/proj");
	rewrites("git@hub.test:org/proj", "git://git-gate/hub.test/org/proj");
	rewrites("git@hub.test:/org/proj.git", "git://git-gate/hub.test/org/proj.git");
	rewrites("bob@hub.test:org/tools.git", "git://git-gate/hub.test/org/tools.git");
	rewrites("hub.test:org/proj", "git://git-gate/hub.test/org/proj");
	rewrites("ssh://git@hub.test/org/proj", "git://git-gate/hub.test/org/proj");
	rewrites("ssh://hub.test:22/org/proj", "git://git-gate/hub.test/org/proj");
	rewrites("ssh://bob@hub.test:22/org/unnamed", "git://git-gate/hub.test/org/unnamed");
}

static void https_goes_to_the_gate_for_named_repositories_only(void **state)
{
	(void)state;
	rewrites("https://hub.test/org/proj.git", "git://git-gate/hub.test/org/proj.git");
	rewrites("https://git.example.net/alice/proj.git",
	         "git://git-gate/git.example.net_30009/alice/proj.git");
	/* neighbours, and the form that would be their prefix */
	rewrites("https://hub.test/org/proj2.git", "https://hub.test/org/proj2.git");
	rewrites("https://hub.test/org/proj2", "https://hub.test/org/proj2");
	rewrites("https://hub.test/org/proj", "https://hub.test/org/proj");
	rewrites("https://hub.test/org/proj-x.git", "https://hub.test/org/proj-x.git");
	rewrites("https://hub.test/other/proj.git", "https://hub.test/other/proj.git");
}

static void strangers_are_left_alone(void **state)
{
	(void)state;
	rewrites("git@hub.test.evil.example:org/proj", "git@hub.test.evil.example:org/proj");
	rewrites("ssh://git@hub.test:2222/org/proj", "ssh://git@hub.test:2222/org/proj");
	rewrites("ssh://git@git.example.net/alice/proj", "ssh://git@git.example.net/alice/proj");
	rewrites("https://example.org/a.git", "https://example.org/a.git");
	rewrites("/srv/git/x", "/srv/git/x");
}

static void the_gates_own_urls_are_never_rewritten(void **state)
{
	(void)state;
	/* though one host is called "git" */
	rewrites("git://git-gate/git/local", "git://git-gate/git/local");
	rewrites("git@git:local", "git://git-gate/git/local");
	rewrites("ssh://git/local", "git://git-gate/git/local");
}

static void the_clone_url_is_one_that_the_gate_serves(void **state)
{
	char *url = gitgate_clone_url(&remotes[0]);

	(void)state;
	assert_string_equal(url, "git://git-gate/git.example.net_30009/alice/proj");
	rewrites(url, url);
	free(url);
}

static void each_rule_is_written_once(void **state)
{
	struct git_remote twins[2] = { remotes[1], remotes[1] };
	struct buf one = BUF_INIT(65536), two = BUF_INIT(65536);

	(void)state;
	twins[1].name = S("again");
	twins[1].gate_path = S("hub.test/org/again");
	assert_int_equal(gitgate_agent_config(&one, twins, 1), 0);
	assert_int_equal(gitgate_agent_config(&two, twins, 2), 0);
	assert_int_equal(two.len - one.len,
	                 strlen("[url \"git://git-gate/hub.test/org/again.git\"]\n"
	                        "\tinsteadOf = \"https://hub.test/org/again.git\"\n"));
	buf_done(&one);
	buf_done(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gate_json_says_what_the_contract_says),
		cmocka_unit_test(two_remotes_of_one_place_are_refused),
		cmocka_unit_test(a_full_buffer_is_an_error),
		cmocka_unit_test(the_host_key_is_pinned_under_the_port),
		cmocka_unit_test(ssh_forms_go_to_the_gate_for_the_whole_host),
		cmocka_unit_test(https_goes_to_the_gate_for_named_repositories_only),
		cmocka_unit_test(strangers_are_left_alone),
		cmocka_unit_test(the_gates_own_urls_are_never_rewritten),
		cmocka_unit_test(the_clone_url_is_one_that_the_gate_serves),
		cmocka_unit_test(each_rule_is_written_once),
	};

	return cmocka_run_group_tests(tests, write_config, remove_config);
}
