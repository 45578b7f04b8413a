/* A host is added to a manifest's file, and nothing else in it changes. */
#include "manifest_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/err.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/manifest_save.h"

static char *edited(const char *text, const char *bottle)
{
	char *out = NULL;
	size_t len = 0;
	bool is_there = false;
	struct err err;

	if (manifest_edit_text(&out, &len, &is_there, text, strlen(text), bottle, "new.test",
	                       &err) < 0)
		fail_msg("%s", err.msg);
	assert_false(is_there);
	assert_int_equal(strlen(out), len);
	return out;
}

static void becomes(const char *text, const char *want)
{
	char *got = edited(text, "b");

	assert_string_equal(got, want);
	free(got);
}

static void a_list_keeps_its_form(void **state)
{
	(void)state;
	becomes("{\"bottles\":{\"b\":{\"egress\":{\"allowlist\":[\"a.test\"]}}}}",
	        "{\"bottles\":{\"b\":{\"egress\":{\"allowlist\":[\"a.test\", \"new.test\"]}}}}");
	becomes("{\"bottles\":{\"b\":{\"egress\":{\"allowlist\":[\"a.test\",\"b.test\"]}}}}",
	        "{\"bottles\":{\"b\":{\"egress\":{\"allowlist\":[\"a.test\",\"b.test\", "
	        "\"new.test\"]}}}}");
	becomes("{\n  \"bottles\": {\n    \"b\": {\n      \"egress\": {\n        \"allowlist\": [\n"
	        "          \"a.test\"\n        ]\n      }\n    }\n  }\n}\n",
	        "{\n  \"bottles\": {\n    \"b\": {\n      \"egress\": {\n        \"allowlist\": [\n"
	        "          \"a.test\",\n          \"new.test\"\n        ]\n      }\n    }\n  "
	        "}\n}\n");
	becomes("{\r\n\t\"bottles\": { \"b\": { \"egress\": { \"allowlist\": [ \"a.test\" ,\r\n\t"
	        "\"b.test\" ] } } } }",
	        "{\r\n\t\"bottles\": { \"b\": { \"egress\": { \"allowlist\": [ \"a.test\" ,\r\n\t"
	        "\"b.test\",\r\n\t\"new.test\" ] } } } }");
	becomes("{\"bottles\":{\"b\":{\"egress\":{\"allowlist\":[ ]}}}}",
	        "{\"bottles\":{\"b\":{\"egress\":{\"allowlist\":[\"new.test\"]}}}}");
}

static void what_is_missing_is_made(void **state)
{
	(void)state;
	becomes("{\"bottles\": {\"b\": {}}}",
	        "{\"bottles\": {\"b\": { \"egress\": { \"allowlist\": [\"new.test\"] } }}}");
	becomes("{\"bottles\": {\"b\": {\"egress\": {}}}}",
	        "{\"bottles\": {\"b\": {\"egress\": { \"allowlist\": [\"new.test\"] }}}}");
	becomes("{\"bottles\": {\n  \"b\": {\n    \"env\": {\"A\": \"1\"},\n    \"extends\": "
	        "\"a\"\n"
	        "  }}}",
	        "{\"bottles\": {\n  \"b\": {\n    \"env\": {\"A\": \"1\"},\n    \"extends\": "
	        "\"a\",\n"
	        "    \"egress\": { \"allowlist\": [\"new.test\"] }\n  }}}");
	becomes("{\"bottles\": {\"b\": {\"egress\": {\"dlp_action\": \"warn\"}}}}",
	        "{\"bottles\": {\"b\": {\"egress\": {\"dlp_action\": \"warn\", \"allowlist\": "
	        "[\"new.test\"]}}}}");
}

static void what_is_there_or_odd_is_left_alone(void **state)
{
	static const char there[] =
		"{\"bottles\":{\"b\":{\"egress\":{\"allowlist\":[\"new.test\"]}}}}";
	static const char *const odd[] = {
		"",
		"[]",
		"{\"bottles\":{}}",
		"{\"bottles\":{\"b\":7}}",
		"{\"bottles\":{\"b\":{\"egress\":[]}}}",
		"{\"bottles\":{\"b\":{\"egress\":{\"allowlist\":\"a.test\"}}}}",
		"{\"bottles\":{\"b\":{},\"b\":{}}}",
		"{\"bottles\":{\"b\":{}}} x",
		NULL,
	};
	char *out = NULL;
	size_t len = 0;
	bool is_there = false;

	(void)state;
	assert_int_equal(manifest_edit_text(&out, &len, &is_there, there, sizeof there - 1, "b",
	                                    "new.test", NULL),
	                 0);
	assert_true(is_there);
	assert_null(out);
	for (size_t i = 0; odd[i]; i++)
		if (manifest_edit_text(&out, &len, &is_there, odd[i], strlen(odd[i]), "b",
		                       "new.test", NULL) == 0)
			fail_msg("%s is edited", odd[i]);
}

/* --- a file ------------------------------------------------------------------------------- */

static const char manifest_text[] =
	"{\n"
	"  \"bottles\": {\n"
	"    \"base\": { \"env\": { \"TOKEN\": \"sesame\" }, \"egress\": { \"allowlist\": "
	"[\"a.test\"] } },\n"
	"    \"child\": { \"extends\": \"base\" },\n"
	"    \"wide\": { \"extends\": \"base\", \"egress\": { \"allowlist\": [\"new.test\"] } },\n"
	"    \"other\": {}\n"
	"  },\n"
	"  \"agents\": {\n"
	"    \"one\": { \"bottle\": \"base\" },\n"
	"    \"two\": { \"bottle\": \"base\" },\n"
	"    \"three\": { \"bottle\": \"child\" },\n"
	"    \"four\": { \"bottle\": \"wide\" },\n"
	"    \"five\": { \"bottle\": \"other\" }\n"
	"  }\n"
	"}\n";

struct world {
	char dir[64], path[96];
};

static struct manifest *load(const struct world *w)
{
	const struct manifest_env env = manifest_env_real(w->dir, w->dir);
	const struct manifest_options opt = { .named = w->path, .env = &env };

	return manifest_load(&opt);
}

static void put(const char *path, const char *text)
{
	struct err err;

	if (file_write(path, 0640, text, strlen(text), &err) < 0)
		fail_msg("%s", err.msg);
}

static int make_world(void **state)
{
	static struct world w;

	snprintf(w.dir, sizeof w.dir, "/tmp/cbt-save-XXXXXX");
	if (!mkdtemp(w.dir))
		return -1;
	snprintf(w.path, sizeof w.path, "%s/m.json", w.dir);
	put(w.path, manifest_text);
	*state = &w;
	return 0;
}

static int remove_world(void **state)
{
	struct world *w = *state;
	char link[128];

	snprintf(link, sizeof link, "%s/link.json", w->dir);
	unlink(link);
	unlink(w->path);
	return rmdir(w->dir);
}

static struct manifest_edit *plan(const struct manifest *m, const char *agent)
{
	struct manifest_edit *e = NULL;
	struct err err;

	if (manifest_save_host(&e, m, manifest_usable_agent(m, agent, NULL), "new.test", &err) < 0)
		fail_msg("%s", err.msg);
	return e;
}

static void the_agents_own_bottle_gets_the_host(void **state)
{
	struct world *w = *state;
	struct manifest *m = load(w), *after;
	struct manifest_edit *e = plan(m, "one");
	struct stat st;
	struct err err;

	assert_string_equal(e->bottle, "base");
	assert_string_equal(e->widened[0], "two");
	assert_string_equal(e->widened[1], "three");
	assert_null(e->widened[2]);
	assert_non_null(strstr(e->diff, "+ "));
	assert_non_null(strstr(e->diff, "new.test"));
	assert_null(strstr(e->diff, "sesame"));
	assert_int_equal(manifest_edit_write(e, &err), 0);
	after = load(w);
	assert_int_equal(after->faults.n_errors, 0);
	assert_string_equal(after->files[0].digest, e->digest);
	assert_true(host_list_covers(manifest_bottle(after, "base")->allowlist, "new.test"));
	assert_false(host_list_covers(manifest_bottle(after, "other")->allowlist, "new.test"));
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* a second writer, who planned before */
	assert_int_equal(manifest_edit_write(e, &err), -1);
	assert_non_null(strstr(err.msg, "changed meanwhile"));
	manifest_edit_free(e);
	manifest_free(m);
	manifest_free(after);
}

static void one_that_has_it_already_needs_nothing(void **state)
{
	struct world *w = *state;
	struct manifest *m = load(w);
	struct manifest_edit *e = plan(m, "four");

	assert_true(e->is_nothing);
	assert_int_equal(manifest_edit_write(e, NULL), 0);
	manifest_edit_free(e);
	manifest_free(m);
}

static void a_file_that_changed_is_left_alone(void **state)
{
	struct world *w = *state;
	struct manifest *m = load(w);
	struct manifest_edit *e = NULL;
	struct err err;

	put(w->path, "{}\n");
	assert_int_equal(
		manifest_save_host(&e, m, manifest_usable_agent(m, "one", NULL), "new.test", &err),
		-1);
	assert_null(e);
	manifest_free(m);
}

static void a_link_stays_one(void **state)
{
	struct world *w = *state;
	struct world by_link = *w;
	struct manifest *m;
	struct manifest_edit *e;
	struct stat st;

	snprintf(by_link.path, sizeof by_link.path, "%.60s/link.json", w->dir);
	assert_int_equal(symlink("m.json", by_link.path), 0);
	m = load(&by_link);
	e = plan(m, "five");
	assert_int_equal(manifest_edit_write(e, NULL), 0);
	assert_int_equal(lstat(by_link.path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	manifest_edit_free(e);
	manifest_free(m);
	m = load(w);
	assert_true(host_list_covers(manifest_bottle(m, "other")->allowlist, "new.test"));
	manifest_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_keeps_its_form),
		cmocka_unit_test(what_is_missing_is_made),
		cmocka_unit_test(what_is_there_or_odd_is_left_alone),
		cmocka_unit_test_setup_teardown(the_agents_own_bottle_gets_the_host, make_world,
		                                remove_world),
		cmocka_unit_test_setup_teardown(one_that_has_it_already_needs_nothing, make_world,
		                                remove_world),
		cmocka_unit_test_setup_teardown(a_file_that_changed_is_left_alone, make_world,
		                                remove_world),
		cmocka_unit_test_setup_teardown(a_link_stays_one, make_world, remove_world),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
