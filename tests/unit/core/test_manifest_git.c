/* Git remotes: upstreams, host keys, addresses, and what they may share. */
#include "unit/core/manifest_fixture.h"

#define ENTRY(name, upstream)                             \
	"{\"Name\":\"" name "\",\"Upstream\":\"" upstream \
	"\",\"IdentityFile\":\"~/.ssh/id\",\"KnownHostKey\":\"" KEY_ED25519 "\"}"

static struct manifest *manifest;

static const struct git_remote *remote_of(const char *upstream)
{
	struct buf text = BUF_INIT(1 << 16);

	buf_addf(&text,
	         "{\"bottles\":{\"b\":{\"git\":[{\"Name\":\"x\",\"Upstream\":\"%s\","
	         "\"IdentityFile\":\"~/.ssh/id\",\"KnownHostKey\":\"%s\"}]}}}",
	         upstream, KEY_ED25519);
	manifest_free(manifest);
	manifest = fixture_user(buf_str(&text));
	buf_done(&text);
	fixture_says(manifest, "");
	return &manifest->bottles[0].git[0];
}

/* The faults' texts alone, one a line. */
static void upstream_is_refused(const char *upstream, const char *wanted)
{
	struct buf text = BUF_INIT(1 << 16), said = BUF_INIT(1 << 16);

	buf_addf(&text,
	         "{\"bottles\":{\"b\":{\"git\":[{\"Name\":\"x\",\"Upstream\":\"%s\","
	         "\"IdentityFile\":\"~/.ssh/id\",\"KnownHostKey\":\"%s\"}]}}}",
	         upstream, KEY_ED25519);
	manifest_free(manifest);
	manifest = fixture_user(buf_str(&text));
	for (size_t i = 0; i < manifest->faults.n; i++)
		buf_addf(&said, "%s%s", i ? "\n" : "", manifest->faults.v[i].text);
	same_text(buf_str(&said), wanted);
	assert_true(manifest->bottles[0].where.is_broken);
	buf_done(&said);
	buf_done(&text);
}

static int drop_manifest(void **state)
{
	(void)state;
	manifest_free(manifest);
	manifest = NULL;
	return 0;
}

static void a_url_is_taken_apart(void **state)
{
	const struct git_remote *g;

	(void)state;
	g = remote_of("ssh://alice@Git.Example.net:30009/alice/proj.git");
	assert_string_equal(g->upstream, "ssh://alice@Git.Example.net:30009/alice/proj.git");
	assert_string_equal(g->user, "alice");
	assert_string_equal(g->host, "git.example.net");
	assert_int_equal(g->port, 30009);
	assert_string_equal(g->path, "alice/proj.git");
	assert_string_equal(g->url, "ssh://alice@git.example.net:30009/alice/proj.git");
	assert_string_equal(g->gate_path, "git.example.net_30009/alice/proj");
	assert_false(g->is_scp);
	assert_string_equal(g->identity_file, "/home/u/.ssh/id");
	assert_string_equal(g->known_host_key, KEY_ED25519);
	assert_int_equal(g->push, GIT_PUSH_FORWARD);

	g = remote_of("ssh://192.168.1.5/~alice/proj");
	assert_string_equal(g->user, "git");
	assert_int_equal(g->port, 22);
	assert_string_equal(g->path, "~alice/proj");
	assert_string_equal(g->gate_path, "192.168.1.5/~alice/proj");
}

static void an_scp_form_is_taken_apart(void **state)
{
	const struct git_remote *g = remote_of("git@github.com:me/proj.git");

	(void)state;
	assert_true(g->is_scp);
	assert_string_equal(g->user, "git");
	assert_string_equal(g->host, "github.com");
	assert_int_equal(g->port, 22);
	assert_string_equal(g->path, "me/proj.git");
	assert_string_equal(g->url, "git@github.com:me/proj.git");
	assert_string_equal(g->gate_path, "github.com/me/proj");

	g = remote_of("git@host.test:/srv/proj.git");
	assert_false(g->is_scp);
	assert_string_equal(g->url, "ssh://git@host.test:22/srv/proj.git");
}

static void other_upstreams_are_refused_with_the_way_out(void **state)
{
	(void)state;
	upstream_is_refused("https://github.com/me/proj",
	                    "the gate pushes over ssh only; write \"ssh://git@host/path\" or "
	                    "\"git@host:path\"");
	upstream_is_refused("file:///srv/x", "\"file:///srv/x\" is no ssh remote; write "
	                                     "\"ssh://git@host:port/path\" or \"git@host:path\"");
	upstream_is_refused("/srv/x", "\"/srv/x\" is no ssh remote; write "
	                              "\"ssh://git@host:port/path\" or \"git@host:path\"");
	upstream_is_refused("host.test:x", "\"host.test:x\" is no ssh remote; write "
	                                   "\"ssh://git@host:port/path\" or \"git@host:path\"");
	upstream_is_refused("ssh://host.test", "\"ssh://host.test\" is no ssh remote; write "
	                                       "\"ssh://git@host:port/path\" or \"git@host:path\"");
	upstream_is_refused("ssh://git:secret@host.test/x",
	                    "\"git:secret\" is no ssh user; a password has no place here");
	upstream_is_refused("ssh://-oProxyCommand=x/y",
	                    "'-oProxyCommand=x' is no host name; write a host name like "
	                    "\"example.org\"");
	upstream_is_refused("-x@host.test:y", "\"-x\" is no ssh user");
	upstream_is_refused("ssh://[::1]/x", "an IPv6 address; write a host name and give its "
	                                     "address in \"ExtraHosts\"");
}

static void ports_and_paths_have_bounds(void **state)
{
	static const char *const ports[] = { "0", "65536", "022", "x", "", "999999" };
	static const char *const paths[] = {
		"",      "a//b",  "../x",  "a/../b", "a/./b", "a b",      "a;b",
		"a$(b)", "a%2fb", "a\\nb", "-x",     "a/",    "a\\u00e9",
	};
	char text[100], wanted[300];

	(void)state;
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
		snprintf(text, sizeof text, "ssh://host.test:%s/x", ports[i]);
		snprintf(wanted, sizeof wanted, "\"%s\" is no port; write 1 to 65535", ports[i]);
		upstream_is_refused(text, wanted);
	}
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		snprintf(text, sizeof text, "ssh://host.test/%s", paths[i]);
		remote_of("git@host.test:ok");
		manifest_free(manifest);
		manifest = NULL;
		snprintf(wanted, sizeof wanted,
		         "{\"bottles\":{\"b\":{\"git\":[" ENTRY("x", "%s") "]}}}", text);
		manifest = fixture_user(wanted);
		assert_int_equal(manifest->faults.n_errors, 1);
		assert_non_null(strstr(manifest->faults.v[0].text, "is no usable path"));
	}
}

static void a_remote_needs_its_parts(void **state)
{
	(void)state;
	bottle_faults_are(
		"\"git\":[{},\n{\"name\":\"x\",\"Name\":\"a "
	        "b\",\"Upstream\":7,\"IdentityFile\":\"~bob/k\",\"push\":\"no\"},\n"
		"{\"Name\":\"y\",\"Upstream\":\"git@h.test:y\",\"IdentityFile\":\"~/.ssh/"
	        "id.pub\"},\n"
		"{\"Name\":\"z\",\"Upstream\":\"git@h.test:z\",\"IdentityFile\":\"keys/nokey\"},7]",
		"m.json:2:8: /bottles/b/git/0: needs \"Name\": a short name for the repository\n"
		"m.json:2:8: /bottles/b/git/0: needs \"Upstream\": the real remote, as "
		"\"ssh://git@host/path\"\n"
		"m.json:2:8: /bottles/b/git/0: needs \"IdentityFile\": the private key for the "
	        "upstream\n"
		"m.json:3:2: /bottles/b/git/1/name: unknown key \"name\"; did you mean \"Name\"?\n"
		"m.json:3:20: /bottles/b/git/1/Name: \"a b\" cannot name a repository; use "
	        "letters, "
		"digits and ._-, at most 64\n"
		"m.json:3:37: /bottles/b/git/1/Upstream: must be a string, not a number\n"
		"m.json:3:54: /bottles/b/git/1/IdentityFile: \"~bob/k\": only ~/ is expanded; "
	        "write "
		"the whole path\n"
		"m.json:3:70: /bottles/b/git/1/push: \"no\" is not one of \"forward\" or \"hold\"\n"
		"m.json:4:1: /bottles/b/git/2: warning: without \"KnownHostKey\" the gate refuses "
	        "to "
		"fetch and to push; add what \"ssh-keyscan -p 22 h.test\" prints after the host, "
	        "once "
		"you compared its fingerprint\n"
		"m.json:4:54: /bottles/b/git/2/IdentityFile: \"~/.ssh/id.pub\" is a public key; "
	        "name "
		"the private one, without .pub\n"
		"m.json:5:1: /bottles/b/git/3: warning: without \"KnownHostKey\" the gate refuses "
	        "to "
		"fetch and to push; add what \"ssh-keyscan -p 22 h.test\" prints after the host, "
	        "once "
		"you compared its fingerprint\n"
		"m.json:5:54: /bottles/b/git/3/IdentityFile: no key file at \"/conf/keys/nokey\"; "
	        "mend "
		"the path or make a key with ssh-keygen\n"
		"m.json:5:68: /bottles/b/git/4: must be an object, not a number\n");
}

/* The text of the one fault of this KnownHostKey; "" for none. */
static void host_key_says(const char *key, const char *wanted)
{
	struct buf text = BUF_INIT(1 << 16);
	const struct faults *f;

	buf_addf(&text,
	         "{\"bottles\":{\"b\":{\"git\":[{\"Name\":\"x\",\"Upstream\":\"git@h.test:x\","
	         "\"IdentityFile\":\"~/.ssh/id\",\"KnownHostKey\":\"%s\"}]}}}",
	         key);
	manifest_free(manifest);
	manifest = fixture_user(buf_str(&text));
	buf_done(&text);
	f = &manifest->faults;
	same_text(f->n ? f->v[0].text : "", wanted);
}

static void host_keys_are_whole_and_begin_with_their_type(void **state)
{
	(void)state;
	host_key_says(KEY_ED25519, "");
	host_key_says(KEY_ED25519 " root@host", "");
	assert_string_equal(manifest->bottles[0].git[0].known_host_key, KEY_ED25519);
	host_key_says("git.test " KEY_ED25519,
	              "starts with a host name; leave that out and begin with the key's type");
	host_key_says("AAAAC3NzaC1lZDI1NTE5", "does not begin with a key's type; write "
	                                      "\"ssh-ed25519 AAAA...\"");
	host_key_says("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8Q",
	              "is no whole ssh-ed25519 key; copy the line that ssh-keyscan prints, without "
	              "the host");
	host_key_says(
		"ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
		"is no whole ssh-rsa key; copy the line that ssh-keyscan prints, without the "
		"host");
	host_key_says("ssh-ed25519", "is no whole ssh-ed25519 key; copy the line that ssh-keyscan "
	                             "prints, without the host");
	host_key_says("ssh-ed25519 AAAA\\nssh-rsa AAAA",
	              "must be one line: \"ssh-ed25519 AAAA...\"");
}

static void extra_hosts_are_names_with_addresses(void **state)
{
	(void)state;
	bottle_faults_are(
		"\"git\":[{\"Name\":\"x\",\"Upstream\":\"git@h.test:x\",\"IdentityFile\":\"~/.ssh/"
	        "id\","
		"\"KnownHostKey\":\"" KEY_ED25519
		"\",\n\"ExtraHosts\":{\"H.test\":\"100.64.0.7\",\n"
		"\"h.test\":\"100.64.0.8\",\n\"i.test\":\"1.2.3\",\n\"1.2.3.4\":\"1.2.3.4\",\n\"j."
	        "test\":7,\n"
		"\"k.test\":\"::FFFF:1.2.3.4\"}}]",
		"m.json:2:8: /bottles/b/git/0: h.test is 100.64.0.7 for remote \"x\" and "
	        "100.64.0.8 "
		"for \"x\"; a bottle knows one address of a host\n"
		"m.json:5:10: /bottles/b/git/0/ExtraHosts/i.test: \"1.2.3\" is no IP address; "
	        "write it "
		"as \"192.0.2.7\"\n"
		"m.json:6:1: /bottles/b/git/0/ExtraHosts/1.2.3.4: '1.2.3.4' is an address; write a "
		"host name\n"
		"m.json:7:10: /bottles/b/git/0/ExtraHosts/j.test: must be a string, not a "
	        "number\n");
}

#define WITH_IP(name, ip)                                                   \
	"{\"Name\":\"" name "\",\"Upstream\":\"git@h.test:" name            \
	"\",\"IdentityFile\":\"~/.ssh/id\",\"KnownHostKey\":\"" KEY_ED25519 \
	"\",\"ExtraHosts\":{\"h.test\":\"" ip "\"}}"

static void one_host_has_one_address_in_a_bottle_inherited_or_not(void **state)
{
	(void)state;
	bottle_faults_are("\"git\":[" WITH_IP("x", "10.0.0.1") ",\n" WITH_IP(
				  "y", "10.0.0.1") ",\n" WITH_IP("z", "10.0.0.2") "]",
	                  "m.json:4:1: /bottles/b/git/2: h.test is 10.0.0.1 for remote \"x\" and "
	                  "10.0.0.2 for \"z\"; a bottle knows one address of a host\n"
	                  "m.json:4:1: /bottles/b/git/2: h.test is 10.0.0.1 for remote \"y\" and "
	                  "10.0.0.2 for \"z\"; a bottle knows one address of a host\n");
	faults_are("{\"bottles\":{\"a\":{\"git\":[" WITH_IP(
			   "x", "10.0.0.1") "]},\n"
	                                    "\"b\":{\"extends\":\"a\",\"git\":[" WITH_IP(
						    "y",
						    "10.0.0.2") "]},\n"
	                                                        "\"c\":{\"extends\":\"a\",\"git\":"
	                                                        "[" WITH_IP("x", "10.0.0.2") "]}}}",
	           "m.json:2:27: /bottles/b/git/0: h.test is 10.0.0.1 for remote \"x\" and "
	           "10.0.0.2 for "
	           "\"y\"; a bottle knows one address of a host\n");
}

static void names_and_upstreams_are_unique_in_a_bottle(void **state)
{
	(void)state;
	bottle_faults_are(
		"\"git\":[" ENTRY("x", "git@h.test:p.git") ",\n" ENTRY(
			"x", "git@h.test:q") ",\n" ENTRY("y", "ssh://me@h.test:22/p") "]",
		"m.json:3:9: /bottles/b/git/1/Name: \"x\" already names another remote of this "
		"bottle; rename one\n"
		"m.json:4:1: /bottles/b/git/2: is the same upstream as \"x\"; remove one\n");
}

#define HELD(push, seconds) \
	"{\"Name\":\"p\",\"Upstream\":\"git@h.test:p\",\"IdentityFile\":\"/home/u/.ssh/id\"," \
	"\"KnownHostKey\":\"" KEY_ED25519 "\"" push ",\"hold_seconds\":" seconds "}"

static void a_held_push_waits_for_a_bounded_time(void **state)
{
	(void)state;
	manifest = fixture_user(
		"{\"bottles\":{\"b\":{\"git\":[" HELD(",\"push\":\"hold\"", "30") "]}}}");
	fixture_says(manifest, "");
	assert_int_equal(manifest_bottle(manifest, "b")->git[0].push, GIT_PUSH_HOLD);
	assert_int_equal(manifest_bottle(manifest, "b")->git[0].hold_seconds, 30);
	manifest_free(manifest);
	manifest = fixture_user("{\"bottles\":{\"b\":{\"git\":[" HELD("", "30") "]}}}");
	assert_int_equal(manifest->faults.n_errors, 0);
	assert_non_null(strstr(manifest->faults.v[0].text, "does nothing without"));
	manifest_free(manifest);
	manifest = fixture_user(
		"{\"bottles\":{\"b\":{\"git\":[" HELD(",\"push\":\"hold\"", "4") "]}}}");
	assert_int_equal(manifest->faults.n_errors, 1);
	assert_non_null(strstr(manifest->faults.v[0].text, "whole number from 5 to 3600"));
}

#define X_OF_PARENT ENTRY("x", "git@h.test:x")
#define Y_OF_PARENT ENTRY("y", "git@h.test:y")
#define Z_OF_CHILD  ENTRY("z", "git@h.test:z")
#define X_OF_CHILD  ENTRY("x", "git@other.test:x")

static void inherited_remotes_are_united_by_name_and_the_childs_wins(void **state)
{
	const struct bottle_spec *b;

	(void)state;
	manifest = fixture_user(
		"{\"bottles\":{\"a\":{\"git\":[" X_OF_PARENT "," Y_OF_PARENT "]},"
		"\"b\":{\"extends\":\"a\",\"git\":[" Z_OF_CHILD "," X_OF_CHILD "]}}}");
	fixture_says(manifest, "");
	b = manifest_bottle(manifest, "b");
	assert_int_equal(b->n_git, 3);
	assert_string_equal(b->git[0].name, "y");
	assert_string_equal(b->git[1].name, "z");
	assert_string_equal(b->git[2].host, "other.test");
	assert_string_equal(manifest_bottle(manifest, "a")->git[0].host, "h.test");
}

static void an_upstreams_host_may_not_be_passed_through_unseen(void **state)
{
	(void)state;
	bottle_faults_are(
		"\"git\":[" ENTRY("x",
	                          "git@git.h.test:x") "],\n"
						      "\"egress\":{\"allowlist\":[\"*.h.test\"],"
	                                              "\"passthrough\":[\"*.h.test\"]}",
		"m.json:2:8: /bottles/b/git/0: git.h.test is in \"passthrough\" as well, where "
		"nothing is scanned: pushes over https could go round the gate; remove it "
		"there\n");
	faults_are("{\"bottles\":{\"a\":{\"git\":[" ENTRY(
			   "x", "git@h.test:x") "]},\n"
	                                        "\"b\":{\"extends\":\"a\",\"egress\":{"
	                                        "\"allowlist\":[\"h.test\"],"
	                                        "\"passthrough\":[\"h.test\"]}}}}",
	           "m.json:2:16: /bottles/b/extends: h.test is in \"passthrough\" as well, where "
	           "nothing "
	           "is scanned: pushes over https could go round the gate; remove it there\n");
	bottle_faults_are(
		"\"git\":[" ENTRY("x", "git@api.anthropic.com:x") "]",
		"m.json:2:8: /bottles/b/git/0: api.anthropic.com is in \"passthrough\" as "
		"well, where nothing is scanned: pushes over https could go round the gate; "
		"remove it there\n");
}

static void an_agent_clones_a_remote_of_its_bottle(void **state)
{
	const struct agent_spec *a;

	(void)state;
	manifest = fixture_user("{\"bottles\":{\"a\":{\"git\":[" ENTRY(
		"proj",
		"git@h.test:x") "]},"
	                        "\"b\":{\"extends\":\"a\"}},\"agents\":{"
	                        "\"ok\":{\"bottle\":\"b\",\"workspace\":{\"clone\":\"proj\"}},\n"
	                        "\"no\":{\"bottle\":\"b\",\"workspace\":{\"clone\":\"prj\"}}}}");
	fixture_says(manifest,
	             "m.json:2:41: /agents/no/workspace/clone: bottle \"b\" has no git remote "
	             "\"prj\"; did you mean \"proj\"?\n");
	a = manifest_agent(manifest, "ok");
	assert_int_equal(a->workspace, WORKSPACE_CLONE);
	assert_ptr_equal(a->clone, &a->bottle->git[0]);
	assert_string_equal(a->clone->name, "proj");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_url_is_taken_apart, drop_manifest),
		cmocka_unit_test_teardown(an_scp_form_is_taken_apart, drop_manifest),
		cmocka_unit_test_teardown(other_upstreams_are_refused_with_the_way_out,
		                          drop_manifest),
		cmocka_unit_test_teardown(ports_and_paths_have_bounds, drop_manifest),
		cmocka_unit_test(a_remote_needs_its_parts),
		cmocka_unit_test_teardown(host_keys_are_whole_and_begin_with_their_type,
		                          drop_manifest),
		cmocka_unit_test(extra_hosts_are_names_with_addresses),
		cmocka_unit_test(one_host_has_one_address_in_a_bottle_inherited_or_not),
		cmocka_unit_test(names_and_upstreams_are_unique_in_a_bottle),
		cmocka_unit_test_teardown(a_held_push_waits_for_a_bounded_time, drop_manifest),
		cmocka_unit_test_teardown(inherited_remotes_are_united_by_name_and_the_childs_wins,
		                          drop_manifest),
		cmocka_unit_test(an_upstreams_host_may_not_be_passed_through_unseen),
		cmocka_unit_test_teardown(an_agent_clones_a_remote_of_its_bottle, drop_manifest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
