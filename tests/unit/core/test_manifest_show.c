/* A manifest in words and in JSON, and the files that ship with the program. */
#include "unit/core/manifest_fixture.h"

#include "core/file.h"
#include "core/json.h"
#include "core/manifest_internal.h"
#include "core/manifest_show.h"

#define USERS                                                                          \
	"{\"bottles\":{\"base\":{},\"dev\":{\"extends\":\"base\",\n"                   \
	"\"env\":{\"ASKED\":\"?sentinel-question\",\"HOST\":\"${GH_PAT}\","            \
	"\"LIT\":\"sentinel-value\"},\n"                                               \
	"\"git\":[{\"Name\":\"proj\",\"Upstream\":\"git@git.test:proj\","              \
	"\"IdentityFile\":\"~/.ssh/id\",\"KnownHostKey\":\"" KEY_ED25519               \
	"\",\"ExtraHosts\":{\"git.test\":\"10.1.2.3\"},\"push\":\"hold\"}],\n"         \
	"\"egress\":{\"allowlist\":[\"a.test\",\"b.test\"],\"trusted\":[\"b.test\"]}," \
	"\"limits\":{\"memory\":\"1536m\",\"cpus\":0.5}}},\n"                          \
	"\"agents\":{\"implementer\":{\"bottle\":\"dev\",\"skills\":[\"tests\"],"      \
	"\"prompt\":\"sentinel-prompt\",\"workspace\":{\"clone\":\"proj\"},"           \
	"\"color\":\"green\"},\n\"x\":{\"bottle\":\"dve\"}}}"
#define PROJECTS "{\"bottles\":{\"t\":{}},\"agents\":{\"docs\":{\"bottle\":\"t\"}}}"

static struct buf out = BUF_INIT(MANIFEST_SHOW_MAX);
static struct manifest *m;

static int set_up(void **state)
{
	(void)state;
	m = fixture_both(USERS, PROJECTS, false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	manifest_free(m);
	m = NULL;
	buf_done(&out);
	return 0;
}

/* What was written is JSON by our own strict reader. */
static struct json_doc *as_json(void)
{
	struct faults faults = { 0 };
	struct json_doc *doc = json_parse(out.data, out.len, 0, "out", &faults);

	assert_int_equal(faults.n, 0);
	assert_non_null(doc);
	return doc;
}

static void check_shows_faults_and_a_line_for_each_file(void **state)
{
	(void)state;
	manifest_show_check(&out, m);
	same_text(
		buf_str(&out),
		"m.json:6:15: /agents/x/bottle: there is no bottle \"dve\"; did you mean \"dev\"?\n"
		"m.json: 2 bottles, 2 agents, 1 error\n"
		"/p/claude-bottle.json: 1 bottle, 1 agent, not trusted (\"claude-bottle "
	        "trust\")\n");
	manifest_free(m);
	m = fixture_both("{}", "{", true);
	buf_reset(&out);
	manifest_show_check(&out, m);
	same_text(buf_str(&out),
	          "/p/claude-bottle.json:1:2: the file ends where a value should stand\n"
	          "m.json: 0 bottles, 0 agents, ok\n"
	          "/p/claude-bottle.json: not usable, 1 error\n");
	manifest_free(m);
	m = manifest_parse(NULL, 0, &fixture_env);
	buf_reset(&out);
	manifest_show_check(&out, m);
	same_text(buf_str(&out), "there is no manifest; \"claude-bottle init\" makes one\n");
}

static void check_as_json_says_the_same(void **state)
{
	struct json_doc *doc;
	const struct json_node *file;

	(void)state;
	manifest_show_check_json(&out, m);
	doc = as_json();
	assert_false(json_get(doc->root, "ok")->boolean);
	assert_int_equal((int)json_get(doc->root, "errors")->number, 1);
	assert_int_equal((int)json_get(doc->root, "warnings")->number, 0);
	file = json_get(doc->root, "files")->last;
	assert_string_equal(json_string(json_get(file, "path")), "/p/claude-bottle.json");
	assert_string_equal(json_string(json_get(file, "origin")), "project");
	assert_int_equal(strlen(json_string(json_get(file, "sha256"))), 64);
	assert_false(json_get(file, "trusted")->boolean);
	file = json_get(doc->root, "faults")->first;
	assert_string_equal(json_string(json_get(file, "pointer")), "/agents/x/bottle");
	assert_int_equal((int)json_get(file, "line")->number, 6);
	json_free(doc);
}

static void info_shows_all_but_values(void **state)
{
	(void)state;
	manifest_show_agent(&out, m, manifest_agent(m, "implementer"));
	same_text(buf_str(&out),
	          "agent      implementer\n"
	          "from       m.json:5 (user)\n"
	          "state      ok\n"
	          "bottle     dev extends base\n"
	          "image      default\n"
	          "prompt     15 bytes\n"
	          "skills     tests\n"
	          "workspace  clone of proj\n"
	          "env        ASKED (asked at launch)\n"
	          "           HOST (from the host's GH_PAT)\n"
	          "           LIT\n"
	          "git        proj  git@git.test:proj  git.test=10.1.2.3  (pushes wait for you, up "
	          "to 100 s)\n"
	          "             key /home/u/.ssh/id\n"
	          "allowed    7 built-in hosts a.test b.test\n"
	          "unscanned  api.anthropic.com\n"
	          "private ok b.test\n"
	          "secrets    found ones are blocked\n"
	          "limits     1536m memory, 0.50 CPUs, 512 pids\n"
	          "clipboard  deny\n");
	manifest_show_agent_json(&out, m, manifest_agent(m, "implementer"));
	assert_null(strstr(buf_str(&out), "sentinel"));
}

static void info_as_json_has_every_part(void **state)
{
	struct json_doc *doc;
	const struct json_node *bottle, *git;

	(void)state;
	manifest_show_agent_json(&out, m, manifest_agent(m, "implementer"));
	doc = as_json();
	assert_string_equal(json_string(json_get(doc->root, "state")), "ok");
	assert_string_equal(json_string(json_get(doc->root, "origin")), "user");
	assert_int_equal((int)json_get(json_get(doc->root, "prompt"), "bytes")->number, 15);
	assert_string_equal(json_string(json_get(json_get(doc->root, "workspace"), "clone")),
	                    "proj");
	bottle = json_get(doc->root, "bottle");
	assert_int_equal(json_get(bottle, "env")->n, 3);
	assert_string_equal(json_string(json_get(json_get(bottle, "env")->first, "from")),
	                    "prompt");
	git = json_get(bottle, "git")->first;
	assert_string_equal(json_string(json_get(git, "known_host_key")), KEY_ED25519);
	assert_string_equal(json_string(json_get(git, "push")), "hold");
	assert_int_equal(json_get(json_get(bottle, "egress"), "allowlist")->n, 9);
	assert_true(json_get(json_get(bottle, "limits"), "cpus")->number == 0.5);
	assert_true(json_get(json_get(bottle, "limits"), "memory")->number == 1536.0 * 1024 * 1024);
	json_free(doc);
}

static void info_of_a_broken_agent_shows_its_faults(void **state)
{
	(void)state;
	manifest_show_agent(&out, m, manifest_agent(m, "x"));
	same_text(buf_str(&out), "agent      x\n"
	                         "from       m.json:6 (user)\n"
	                         "state      broken\n"
	                         "bottle     dve\n"
	                         "m.json:6:15: /agents/x/bottle: there is no bottle \"dve\"; did "
	                         "you mean \"dev\"?\n");
	buf_reset(&out);
	manifest_show_agent_json(&out, m, manifest_agent(m, "x"));
	json_free(as_json());
}

static void the_list_has_every_agent_with_its_state(void **state)
{
	struct json_doc *doc;

	(void)state;
	manifest_show_list(&out, m);
	same_text(buf_str(&out), "AGENT        BOTTLE  STATE      FROM\n"
	                         "implementer  dev     ok         m.json:5\n"
	                         "x            dve     broken     m.json:6\n"
	                         "docs         t       untrusted  /p/claude-bottle.json:1\n");
	buf_reset(&out);
	manifest_show_list_json(&out, m);
	doc = as_json();
	assert_int_equal(doc->root->n, 3);
	assert_string_equal(json_string(json_get(doc->root->last, "state")), "untrusted");
	json_free(doc);
}

static void hostile_names_cannot_reach_the_terminal(void **state)
{
	(void)state;
	manifest_free(m);
	m = fixture_user(
		"{\"agents\":{\"\\u001b[2J\\u009b\\u202e\":{\"bottle\":\"\\u001b]0;x\\u0007\"}}}");
	manifest_show_list(&out, m);
	manifest_show_agent(&out, m, &m->agents[0]);
	manifest_show_check(&out, m);
	manifest_show_check_json(&out, m);
	manifest_show_list_json(&out, m);
	manifest_show_agent_json(&out, m, &m->agents[0]);
	for (size_t i = 0; i < out.len; i++)
		assert_true(out.data[i] == '\n' || (out.data[i] >= 0x20 && out.data[i] < 0x7f));
}

static void memory_is_shown_as_it_is_written(void **state)
{
	(void)state;
	manifest_show_memory(&out, 4ull << 30);
	buf_addc(&out, ' ');
	manifest_show_memory(&out, 1536ull << 20);
	buf_addc(&out, ' ');
	manifest_show_memory(&out, (64ull << 20) + 1);
	assert_string_equal(buf_str(&out), "4g 1536m 67108865b");
}

/* --- what ships with the program ---------------------------------------------------- */

static void read_asset(const char *path)
{
	buf_reset(&out);
	assert_int_equal(file_read(path, &out), 0); /* the tests run in the tree's root */
}

static enum manifest_path all_there(void *ctx, const char *path)
{
	(void)ctx;
	return strstr(path, "/.ssh/") ? MANIFEST_PATH_FILE : MANIFEST_PATH_DIR;
}

static void the_example_is_sound(void **state)
{
	struct manifest_env env = fixture_env;
	struct manifest_source s;

	(void)state;
	env.path_kind = all_there;
	read_asset("assets/claude-bottle.example.json");
	s = fixture_source(MANIFEST_USER, buf_str(&out));
	manifest_free(m);
	m = manifest_parse(&s, 1, &env);
	fixture_says(m, "");
	assert_non_null(manifest_usable_agent(m, "implementer", NULL));
	assert_non_null(manifest_usable_agent(m, "researcher", NULL));
}

static void same_keys(const struct json_node *defs, const char *name, const char *const *keys)
{
	const struct json_node *properties = json_get(json_get(defs, name), "properties");
	size_t n = 0;

	assert_non_null(properties);
	for (; keys[n]; n++)
		if (!json_get(properties, keys[n]))
			fail_msg("the schema's %s lacks \"%s\"", name, keys[n]);
	for (const struct json_node *c = properties->first; c; c = c->next)
		if (!strv_has((char *const *)keys, c->key))
			fail_msg("the reader of %s does not know \"%s\"", name, c->key);
	assert_int_equal(n, properties->n);
	assert_false(json_get(json_get(defs, name), "additionalProperties")->boolean);
}

static void the_schema_has_exactly_the_keys_that_are_read(void **state)
{
	struct json_doc *doc;
	const struct json_node *defs;

	(void)state;
	read_asset("assets/claude-bottle.schema.json");
	doc = as_json();
	defs = json_get(doc->root, "$defs");
	same_keys(defs, "manifest", manifest_keys);
	same_keys(defs, "bottle", bottle_keys);
	same_keys(defs, "git", git_keys);
	same_keys(defs, "egress", egress_keys);
	same_keys(defs, "limits", limits_keys);
	same_keys(defs, "terminal", terminal_keys);
	same_keys(defs, "agent", agent_keys);
	same_keys(defs, "prompt", prompt_keys);
	same_keys(defs, "workspace", workspace_keys);
	json_free(doc);
}

/* Each word of an enum in the schema is accepted where it belongs, and one more is not. */
static void same_words(const struct json_node *words, const char *before, const char *after)
{
	char text[400];

	assert_non_null(words);
	assert_true(words->n >= 2);
	for (const struct json_node *c = words->first; c; c = c->next) {
		snprintf(text, sizeof text, "%s\"%s\"%s", before, c->string, after);
		faults_are(text, "");
	}
	snprintf(text, sizeof text, "%s\"zzzz\"%s", before, after);
	manifest_free(m);
	m = fixture_user(text);
	assert_int_equal(m->faults.n_errors, 1);
	/* the message names as many words as the schema has */
	for (const struct json_node *c = words->first; c; c = c->next)
		assert_non_null(strstr(m->faults.v[0].text, c->string));
}

static const struct json_node *words_of(const struct json_doc *doc, const char *object,
                                        const char *key)
{
	const struct json_node *defs = json_get(doc->root, "$defs");

	return json_get(json_get(json_get(json_get(defs, object), "properties"), key), "enum");
}

static void the_schema_has_the_words_that_are_accepted(void **state)
{
	struct json_doc *doc;

	(void)state;
	read_asset("assets/claude-bottle.schema.json");
	doc = as_json();
	same_words(words_of(doc, "egress", "dlp_action"),
	           "{\"bottles\":{\"b\":{\"egress\":{\"dlp_action\":", "}}}}");
	same_words(words_of(doc, "terminal", "osc52"),
	           "{\"bottles\":{\"b\":{\"terminal\":{\"osc52\":", "}}}}");
	same_words(words_of(doc, "git", "push"),
	           "{\"bottles\":{\"b\":{\"git\":[{\"Name\":\"x\",\"Upstream\":\"git@h.test:x\","
	           "\"IdentityFile\":\"~/.ssh/id\",\"KnownHostKey\":\"" KEY_ED25519 "\",\"push\":",
	           "}]}}}");
	same_words(json_get(json_get(json_get(doc->root, "$defs"), "color"), "enum"),
	           "{\"bottles\":{\"b\":{}},\"agents\":{\"a\":{\"bottle\":\"b\",\"color\":", "}}}");
	json_free(doc);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(check_shows_faults_and_a_line_for_each_file),
		T(check_as_json_says_the_same),
		T(info_shows_all_but_values),
		T(info_as_json_has_every_part),
		T(info_of_a_broken_agent_shows_its_faults),
		T(the_list_has_every_agent_with_its_state),
		T(hostile_names_cannot_reach_the_terminal),
		T(memory_is_shown_as_it_is_written),
		T(the_example_is_sound),
		T(the_schema_has_exactly_the_keys_that_are_read),
		T(the_schema_has_the_words_that_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
