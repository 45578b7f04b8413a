/* The boundary between the user's manifest and a project's. */
#include "unit/core/manifest_fixture.h"

#include "unit/core/temp_dir.h"

#include "core/err.h"
#include "core/hash.h"
#include "core/trust.h"

#define USERS                                                                          \
	"{\"bottles\":{\"mine\":{\"projects\":[\"/p\"],\"env\":{\"T\":\"${TOKEN}\"}}," \
	"\"closed\":{},\"elsewhere\":{\"projects\":[\"/p/sub\",\"/\"]}},"              \
	"\"agents\":{\"implementer\":{\"bottle\":\"mine\"}}}"

static void nothing_of_a_project_counts_before_it_is_trusted(void **state)
{
	const char *project =
		"{\"bottles\":{\"theirs\":{\"git\":[{\"Name\":\"x\","
		"\"Upstream\":\"git@h.test:x\",\"IdentityFile\":\"~/.ssh/no-such\","
		"\"KnownHostKey\":\"" KEY_ED25519 "\"}]}},\"agents\":{\"docs\":"
		"{\"bottle\":\"theirs\",\"skills\":[\"no-such\"],"
		"\"workspace\":{\"copy\":\"no-such\"},\"prompt\":{\"file\":\"no-such\"}}}}";
	struct manifest *m;
	struct err err = { 0 };

	(void)state;
	fixture_asked = 0;
	m = fixture_both("{}", project, false);
	assert_int_equal(fixture_asked, 0); /* not even whether its paths exist */
	fixture_says(m, "");
	assert_string_equal(manifest_state(&manifest_agent(m, "docs")->where), "untrusted");
	assert_false(manifest_agent_is_usable(manifest_agent(m, "docs")));
	assert_null(manifest_usable_agent(m, "docs", &err));
	assert_int_equal(err.kind, ERR_POLICY);
	assert_string_equal(err.msg, "agent 'docs' comes from /p/claude-bottle.json, which is not "
	                             "trusted; read that file, then run \"claude-bottle trust\"");
	manifest_free(m);

	m = fixture_both("{}", project, true);
	assert_int_equal(m->faults.n_errors, 5); /* four of its own, one for its bottle */
	assert_string_equal(manifest_state(&manifest_agent(m, "docs")->where), "broken");
	manifest_free(m);
}

static void a_trusted_project_may_use_its_own_bottles(void **state)
{
	struct manifest *m = fixture_both(
		USERS,
		"{\"bottles\":{\"theirs\":{}},\"agents\":{\"docs\":{\"bottle\":\"theirs\"}}}",
		true);
	const struct agent_spec *a = manifest_usable_agent(m, "docs", NULL);

	(void)state;
	fixture_says(m, "");
	assert_non_null(a);
	assert_string_equal(a->bottle->name, "theirs");
	assert_int_equal(a->where.origin, MANIFEST_PROJECT);
	assert_int_equal(a->bottle->where.origin, MANIFEST_PROJECT);
	assert_int_equal(manifest_agent(m, "implementer")->where.origin, MANIFEST_USER);
	manifest_free(m);
}

static void a_users_bottle_is_open_to_the_projects_that_it_names_and_to_no_other(void **state)
{
	struct manifest *m =
		fixture_both(USERS,
	                     "{\"agents\":{\"a\":{\"bottle\":\"mine\"},\n"
	                     "\"b\":{\"bottle\":\"closed\"},\n\"c\":{\"bottle\":\"elsewhere\"}}}",
	                     true);

	(void)state;
	fixture_says(
		m, "/p/claude-bottle.json:2:15: /agents/b/bottle: \"closed\" is a bottle of the "
		   "user's that is not open to this folder; the user may add \"/p\" to its "
		   "\"projects\"\n"
		   "/p/claude-bottle.json:3:15: /agents/c/bottle: \"elsewhere\" is a bottle of the "
		   "user's that is not open to this folder; the user may add \"/p\" to its "
		   "\"projects\"\n");
	assert_string_equal(manifest_usable_agent(m, "a", NULL)->bottle->env[0].variable, "TOKEN");
	assert_null(manifest_agent(m, "b")->bottle);
	assert_null(manifest_usable_agent(m, "b", NULL));
	manifest_free(m);
}

static void projects_are_compared_by_real_path(void **state)
{
	struct manifest *m =
		fixture_both("{\"bottles\":{\"mine\":{\"projects\":[\"/plink\",\"/gone\"]}}}",
	                     "{\"agents\":{\"a\":{\"bottle\":\"mine\"}}}", true);

	(void)state;
	fixture_says(m,
	             "m.json:1:42: /bottles/mine/projects/1: warning: \"/gone\" does not exist\n");
	assert_non_null(manifest_usable_agent(m, "a", NULL));
	manifest_free(m);
	faults_are("{\"bottles\":{\"b\":{\"projects\":[\"src\"]}}}",
	           "m.json:1:30: /bottles/b/projects/0: must be a whole path or start with ~/, as "
	           "it is "
	           "compared with where a project lies\n");
}

static void a_project_replaces_nothing_of_the_users(void **state)
{
	struct manifest *m = fixture_both(USERS,
	                                  "{\"bottles\":{\"mine\":{\"env\":{\"X\":\"1\"}}},\n"
	                                  "\"agents\":{\"implementer\":{\"bottle\":\"mine\"}}}",
	                                  true);
	const struct agent_spec *a = manifest_usable_agent(m, "implementer", NULL);

	(void)state;
	fixture_says(
		m,
		"/p/claude-bottle.json:1:13: /bottles/mine: bottle \"mine\" is in the user's "
		"manifest too, which a project cannot replace; rename this one\n"
		"/p/claude-bottle.json:2:11: /agents/implementer: agent \"implementer\" is in the "
		"user's manifest too, which a project cannot replace; rename this one\n"
		"/p/claude-bottle.json:2:35: /agents/implementer/bottle: bottle \"mine\" is "
	        "broken, "
		"see its faults\n");
	assert_int_equal(a->where.origin, MANIFEST_USER);
	assert_int_equal(a->bottle->where.origin, MANIFEST_USER);
	assert_string_equal(a->bottle->env[0].name, "T");
	assert_int_equal(m->n_agents, 2);
	assert_true(m->agents[1].where.is_broken);
	manifest_free(m);
}

static void a_project_cannot_widen_or_open_a_users_bottle(void **state)
{
	struct manifest *m = fixture_both(USERS,
	                                  "{\"bottles\":{\"x\":{\"extends\":\"mine\",\"egress\":{"
	                                  "\"allowlist\":[\"evil.test\"]}},\n"
	                                  "\"y\":{\"projects\":[\"/\"]}}}",
	                                  true);

	(void)state;
	fixture_says(
		m,
		"/p/claude-bottle.json:1:28: /bottles/x/extends: \"mine\" is a bottle of the "
		"user's; a project's bottle may only extend bottles of the same file\n"
		"/p/claude-bottle.json:2:6: /bottles/y/projects: a project's own file cannot open "
		"a bottle to projects; put it into your own manifest\n");
	assert_int_equal(manifest_bottle(m, "x")->n_env, 0);
	manifest_free(m);
}

static void a_users_agent_cannot_use_a_projects_bottle(void **state)
{
	struct manifest *m = fixture_both("{\"agents\":{\"a\":{\"bottle\":\"theirs\"}}}",
	                                  "{\"bottles\":{\"theirs\":{}}}", true);

	(void)state;
	fixture_says(m,
	             "m.json:1:26: /agents/a/bottle: there is no bottle \"theirs\"; add it under "
	             "\"bottles\"\n");
	manifest_free(m);
}

static void a_projects_copy_and_prompt_stay_in_its_folder(void **state)
{
	struct manifest *m =
		fixture_both("{}",
	                     "{\"bottles\":{\"b\":{}},\"agents\":{\n"
	                     "\"ok\":{\"bottle\":\"b\",\"workspace\":{\"copy\":\"src\"},\"prompt\":"
	                     "{\"file\":\"prompt.md\"}},\n"
	                     "\"dot\":{\"bottle\":\"b\",\"workspace\":{\"copy\":\".\"}},\n"
	                     "\"up\":{\"bottle\":\"b\",\"workspace\":{\"copy\":\"src/../../q\"}},\n"
	                     "\"abs\":{\"bottle\":\"b\",\"workspace\":{\"copy\":\"/p/src\"}},\n"
	                     "\"home\":{\"bottle\":\"b\",\"prompt\":{\"file\":\"~/.ssh/id\"}},\n"
	                     "\"link\":{\"bottle\":\"b\",\"workspace\":{\"copy\":\"link\"}},\n"
	                     "\"out\":{\"bottle\":\"b\",\"prompt\":{\"file\":\"out.md\"}}}}",
	                     true);

	(void)state;
	fixture_says(
		m,
		"/p/claude-bottle.json:4:40: /agents/up/workspace/copy: \"src/../../q\" is outside "
		"the project's folder; a project's file may only name what lies inside\n"
		"/p/claude-bottle.json:5:41: /agents/abs/workspace/copy: \"/p/src\" is outside "
		"the project's folder; a project's file may only name what lies inside\n"
		"/p/claude-bottle.json:6:39: /agents/home/prompt/file: \"~/.ssh/id\" is outside "
		"the project's folder; a project's file may only name what lies inside\n"
		"/p/claude-bottle.json:7:42: /agents/link/workspace/copy: leads outside the "
		"project's folder through a link; a project's file may only name what lies "
		"inside\n"
		"/p/claude-bottle.json:8:38: /agents/out/prompt/file: leads outside the "
		"project's folder through a link; a project's file may only name what lies "
		"inside\n");
	assert_string_equal(manifest_usable_agent(m, "ok", NULL)->copy_dir, "/p/src");
	assert_string_equal(manifest_usable_agent(m, "ok", NULL)->prompt_file, "/p/prompt.md");
	assert_string_equal(manifest_usable_agent(m, "dot", NULL)->copy_dir, "/p");
	manifest_free(m);
}

/* --- on real files ---------------------------------------------------------------- */

struct world {
	struct manifest_env env;
	struct manifest_options opt;
};

static struct world world_here(const struct trust *t)
{
	struct world w = {
		.env = manifest_env_real(temp_dir, temp_path("project")),
		.opt = { .is_trusted = t ? trust_has : NULL, .trust_ctx = t },
	};

	return w;
}

static struct manifest *load(struct world *w, const char *user, const char *named)
{
	w->opt.env = &w->env;
	w->opt.user = user;
	w->opt.named = named;
	return manifest_load(&w->opt);
}

static void absent_files_make_an_empty_manifest(void **state)
{
	struct world w = world_here(NULL);
	struct manifest *m = load(&w, temp_path("none.json"), NULL);
	struct err err = { 0 };

	(void)state;
	assert_int_equal(m->n_files, 0);
	assert_int_equal(m->faults.n, 0);
	assert_null(manifest_usable_agent(m, "a", &err));
	assert_string_equal(err.msg, "there is no manifest; \"claude-bottle init\" makes one");
	manifest_free(m);
}

static void trust_is_of_the_very_bytes_that_are_parsed(void **state)
{
	const char *text = "{\"bottles\":{\"b\":{}},\"agents\":{\"a\":{\"bottle\":\"b\"}}}";
	struct trust *t = NULL;
	struct world w;
	struct manifest *m;

	(void)state;
	assert_int_equal(mkdir(temp_path("project"), 0700), 0);
	temp_write("project/claude-bottle.json", text);
	assert_int_equal(trust_open(&t, temp_path("trust.json"), NULL), 0);
	w = world_here(t);
	m = load(&w, NULL, NULL);
	assert_false(m->files[0].is_trusted);
	assert_int_equal(trust_add(t, m->files[0].path, m->files[0].digest, NULL), 0);
	manifest_free(m);

	m = load(&w, NULL, NULL);
	assert_true(m->files[0].is_trusted);
	assert_non_null(manifest_usable_agent(m, "a", NULL));
	manifest_free(m);

	temp_write("project/claude-bottle.json",
	           "{\"bottles\":{\"b\":{}},\"agents\":{\"a\":{\"bottle\":\"b\" }}}");
	m = load(&w, NULL, NULL);
	assert_false(m->files[0].is_trusted);
	assert_null(manifest_usable_agent(m, "a", NULL));
	manifest_free(m);
	trust_free(t);
}

static void a_file_that_is_the_users_too_is_read_once_as_the_users(void **state)
{
	struct world w = world_here(NULL);
	struct manifest *m;

	(void)state;
	assert_int_equal(mkdir(temp_path("project"), 0700), 0);
	temp_write("project/claude-bottle.json", "{\"bottles\":{\"b\":{}}}");
	assert_int_equal(symlink("project/claude-bottle.json", temp_path("user.json")), 0);
	m = load(&w, temp_path("user.json"), NULL);
	assert_int_equal(m->n_files, 1);
	assert_int_equal(m->files[0].origin, MANIFEST_USER);
	assert_int_equal(m->faults.n, 0);
	manifest_free(m);
}

static void a_named_file_is_read_alone_and_is_the_users(void **state)
{
	struct world w = world_here(NULL);
	struct manifest *m;
	struct buf text = BUF_INIT(4096);

	(void)state;
	assert_int_equal(mkdir(temp_path("project"), 0700), 0);
	assert_int_equal(mkdir(temp_path("project/src"), 0700), 0);
	temp_write("project/claude-bottle.json", "{\"bottles\":{\"theirs\":{}}}");
	temp_write("project/other.json",
	           "{\"bottles\":{\"b\":{}},\"agents\":{\"a\":{\"bottle\":\"b\","
	           "\"workspace\":{\"copy\":\"src\"}}}}");
	m = load(&w, temp_path("none.json"), "other.json");
	assert_int_equal(m->n_files, 1);
	assert_null(manifest_bottle(m, "theirs"));
	assert_int_equal(manifest_usable_agent(m, "a", NULL)->where.origin, MANIFEST_NAMED);
	assert_string_equal(manifest_agent(m, "a")->copy_dir, temp_path("project/src"));
	manifest_free(m);

	m = load(&w, NULL, "none.json");
	faults_text(&m->faults, &text);
	assert_non_null(strstr(buf_str(&text), "/project/none.json: No such file or directory\n"));
	manifest_free(m);
	buf_done(&text);
}

static void what_cannot_be_read_is_a_fault_and_hides_nothing(void **state)
{
	struct world w = world_here(NULL);
	struct manifest *m;

	(void)state;
	assert_int_equal(mkdir(temp_path("project"), 0700), 0);
	assert_int_equal(mkfifo(temp_path("project/claude-bottle.json"), 0600), 0);
	temp_write("user.json", "{\"bottles\":{\"b\":{}},\"agents\":{\"a\":{\"bottle\":\"b\"}}}");
	m = load(&w, temp_path("user.json"), NULL);
	assert_int_equal(m->faults.n_errors, 1);
	assert_string_equal(m->faults.v[0].text, "is no regular file");
	assert_non_null(manifest_usable_agent(m, "a", NULL));
	manifest_free(m);
}

static void a_link_out_of_the_project_is_seen_on_a_real_disk(void **state)
{
	struct trust *t = NULL;
	struct world w;
	struct manifest *m;
	const char *text = "{\"bottles\":{\"b\":{}},\"agents\":{\"a\":{\"bottle\":\"b\","
			   "\"workspace\":{\"copy\":\"in/link\"}}}}";
	char digest[HASH_HEX_SIZE];

	(void)state;
	assert_int_equal(mkdir(temp_path("project"), 0700), 0);
	assert_int_equal(mkdir(temp_path("project/in"), 0700), 0);
	assert_int_equal(mkdir(temp_path("project2"), 0700), 0);
	assert_int_equal(symlink("../../project2", temp_path("project/in/link")), 0);
	temp_write("project/claude-bottle.json", text);
	hash_sha256_hex(digest, text, strlen(text));
	assert_int_equal(trust_open(&t, temp_path("trust.json"), NULL), 0);
	assert_int_equal(trust_add(t, temp_path("project/claude-bottle.json"), digest, NULL), 0);
	w = world_here(t);
	m = load(&w, NULL, NULL);
	assert_true(m->files[0].is_trusted);
	assert_int_equal(m->faults.n_errors, 1);
	assert_non_null(strstr(m->faults.v[0].text, "leads outside"));
	manifest_free(m);
	trust_free(t);
}

#define T(name) cmocka_unit_test_setup_teardown(name, temp_dir_make, temp_dir_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_of_a_project_counts_before_it_is_trusted),
		cmocka_unit_test(a_trusted_project_may_use_its_own_bottles),
		cmocka_unit_test(
			a_users_bottle_is_open_to_the_projects_that_it_names_and_to_no_other),
		cmocka_unit_test(projects_are_compared_by_real_path),
		cmocka_unit_test(a_project_replaces_nothing_of_the_users),
		cmocka_unit_test(a_project_cannot_widen_or_open_a_users_bottle),
		cmocka_unit_test(a_users_agent_cannot_use_a_projects_bottle),
		cmocka_unit_test(a_projects_copy_and_prompt_stay_in_its_folder),
		T(absent_files_make_an_empty_manifest),
		T(trust_is_of_the_very_bytes_that_are_parsed),
		T(a_file_that_is_the_users_too_is_read_once_as_the_users),
		T(a_named_file_is_read_alone_and_is_the_users),
		T(what_cannot_be_read_is_a_fault_and_hides_nothing),
		T(a_link_out_of_the_project_is_seen_on_a_real_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
