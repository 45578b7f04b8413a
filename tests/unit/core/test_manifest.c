/* Bottles and agents: what is read, what is refused, what becomes of "extends". */
#include "unit/core/manifest_fixture.h"

#include <stdio.h>

#include "core/err.h"

#define BAKED                                                                              \
	"api.anthropic.com statsig.anthropic.com sentry.io claude.ai platform.claude.com " \
	"downloads.claude.ai raw.githubusercontent.com"

static void defaults_are_in_force_when_nothing_is_said(void **state)
{
	struct manifest *m =
		fixture_user("{\"bottles\":{\"b\":{}},\"agents\":{\"a\":{\"bottle\":\"b\"}}}");
	const struct bottle_spec *b = manifest_bottle(m, "b");
	const struct agent_spec *a = manifest_agent(m, "a");

	(void)state;
	fixture_says(m, "");
	list_is(b->allowlist, BAKED);
	list_is(b->passthrough, "api.anthropic.com");
	list_is(b->trusted, "");
	list_is(b->unscanned_headers, "");
	assert_int_equal(b->dlp_action, DLP_BLOCK);
	assert_true(b->limits.memory == 4ull << 30);
	assert_int_equal(b->limits.millicpus, 2000);
	assert_int_equal(b->limits.pids, 512);
	assert_int_equal(b->osc52, OSC52_DENY);
	assert_int_equal(b->n_env + b->n_git, 0);
	assert_ptr_equal(a->bottle, b);
	assert_null(a->image);
	assert_null(a->command);
	assert_null(a->prompt);
	assert_int_equal(a->workspace, WORKSPACE_NONE);
	assert_true(manifest_agent_is_usable(a));
	assert_string_equal(m->files[0].digest,
	                    "e949b1e84ca5e931c3193001d2de85391af76b26e9c98badb1a5b20afe508d90");
	manifest_free(m);
}

static void everything_that_is_said_is_kept(void **state)
{
	struct manifest *m = fixture_user(
		"{\"$schema\":\"x\",\"bottles\":{\"b\":{"
		"\"env\":{\"Z\":\"?paste "
		"it\",\"A\":\"${GH_PAT}\",\"M\":\"plain\",\"E\":\"\",\"Q\":\"?\"},"
		"\"egress\":{\"allowlist\":[\"Packages.Example.org\",\"*.npm.test\",\"sentry.io\","
		"\"198.51.100.7\"],\"passthrough\":[\"packages.example.org\"],"
		"\"trusted\":[\"x.npm.test\"],"
		"\"dlp_action\":\"warn\",\"unscanned_headers\":[\"X-Api-Key\"]},"
		"\"limits\":{\"memory\":\"512M\",\"cpus\":1.5,\"pids\":64},"
		"\"terminal\":{\"osc52\":\"ask\"},\"projects\":[\"/p\",\"~/work/./x/\"]}},"
		"\"agents\":{\"a-1\":{\"bottle\":\"b\",\"image\":\"debian:12\",\"command\":[\"sh\","
		"\"-c\",\"sh\"],"
		"\"prompt\":\"Work.\\nWell.\",\"skills\":[\"tests\"],\"workspace\":{\"copy\":"
		"\"src\"},"
		"\"color\":\"#A0b1c2\"}}}");
	const struct bottle_spec *b = manifest_bottle(m, "b");
	const struct agent_spec *a = manifest_agent(m, "a-1");

	(void)state;
	fixture_says(m, "");
	assert_int_equal(b->n_env, 5);
	assert_string_equal(b->env[0].name, "A");
	assert_int_equal(b->env[0].mode, ENV_HOST);
	assert_string_equal(b->env[0].variable, "GH_PAT");
	assert_int_equal(b->env[1].mode, ENV_LITERAL);
	assert_string_equal(b->env[1].literal, "");
	assert_string_equal(b->env[2].literal, "plain");
	assert_int_equal(b->env[3].mode, ENV_PROMPT);
	assert_string_equal(b->env[3].prompt, "");
	assert_string_equal(b->env[4].prompt, "paste it");
	list_is(b->allowlist, BAKED " packages.example.org *.npm.test 198.51.100.7");
	list_is(b->passthrough, "api.anthropic.com packages.example.org");
	list_is(b->trusted, "x.npm.test");
	list_is(b->unscanned_headers, "x-api-key");
	assert_int_equal(b->dlp_action, DLP_WARN);
	assert_true(b->limits.memory == 512ull << 20);
	assert_int_equal(b->limits.millicpus, 1500);
	assert_int_equal(b->limits.pids, 64);
	assert_int_equal(b->osc52, OSC52_ASK);
	list_is(b->projects, "/p /home/u/work/x");
	assert_string_equal(a->image, "debian:12");
	list_is(a->command, "sh -c sh");
	assert_string_equal(a->prompt, "Work.\nWell.");
	list_is(a->skills, "tests");
	assert_int_equal(a->workspace, WORKSPACE_COPY);
	assert_string_equal(a->copy_dir, "/w/src"); /* of where one is, in the user's file */
	assert_string_equal(a->color, "#A0b1c2");
	manifest_free(m);
}

static void all_faults_of_a_file_come_in_one_run_and_in_its_order(void **state)
{
	(void)state;
	faults_are(
		"{\n"
		"  \"agents\": {\n"
		"    \"Bad Name\": { \"bottle\": \"work\" },\n"
		"    \"ok\": { \"bottle\": \"work\", \"skils\": [], \"color\": \"gren\" }\n"
		"  },\n"
		"  \"bottle\": {},\n"
		"  \"bottles\": {\n"
		"    \"work\": {\n"
		"      \"ssh\": [],\n"
		"      \"runtime\": \"runsc\",\n"
		"      \"tokens\": [],\n"
		"      \"env\": { \"1X\": \"\", \"OK\": 7, \"HTTPS_PROXY\": \"x\" },\n"
		"      \"egress\": { \"allowlist\": [\"https://a.test/x\"], \"dlp_action\": "
		"\"blok\" },\n"
		"      \"limits\": { \"memory\": \"lots\", \"cpus\": 0, \"pids\": 01 }\n"
		"    },\n"
		"    \"fine\": {}\n"
		"  }\n"
		"}\n",
		"m.json:3:5: /agents/Bad Name: \"Bad Name\" cannot name an agent; use small "
		"letters, digits "
		"and single dashes, at most 40\n"
		"m.json:3:29: /agents/Bad Name/bottle: bottle \"work\" is broken, see its faults\n"
		"m.json:4:23: /agents/ok/bottle: bottle \"work\" is broken, see its faults\n"
		"m.json:4:31: /agents/ok/skils: unknown key \"skils\"; did you mean \"skills\"?\n"
		"m.json:4:53: /agents/ok/color: \"gren\" is not one of \"red\", \"green\", "
		"\"yellow\", "
		"\"blue\", \"magenta\", \"cyan\", \"white\" or \"gray\"; did you mean \"green\"?\n"
		"m.json:6:3: /bottle: unknown key \"bottle\"; did you mean \"bottles\"?\n"
		"m.json:9:7: /bottles/work/ssh: \"ssh\" is no longer used; its remotes are entries "
		"of "
		"\"git\" now\n"
		"m.json:10:7: /bottles/work/runtime: \"runtime\" is no longer used; gVisor is used "
		"by "
		"itself when the engine has it; remove it\n"
		"m.json:11:7: /bottles/work/tokens: \"tokens\" is no longer used; give the "
		"variable "
		"under \"env\", as \"?question\" or \"${NAME}\"\n"
		"m.json:12:16: /bottles/work/env/1X: \"1X\" cannot name a variable; use letters, "
		"digits and underscores, no digit first\n"
		"m.json:12:32: /bottles/work/env/OK: must be a string, not a number\n"
		"m.json:12:35: /bottles/work/env/HTTPS_PROXY: HTTPS_PROXY is set by claude-bottle "
		"itself; remove it\n"
		"m.json:13:33: /bottles/work/egress/allowlist/0: 'https://a.test/x' is a URL; "
		"write "
		"\"a.test\", which stands for every port and path\n"
		"m.json:13:68: /bottles/work/egress/dlp_action: \"blok\" is not one of \"block\" "
		"or "
		"\"warn\"; did you mean \"block\"?\n"
		"m.json:14:29: /bottles/work/limits/memory: \"lots\" is no amount of memory; write "
		"\"512m\" or \"4g\", at least \"64m\"\n"
		"m.json:14:45: /bottles/work/limits/cpus: must be a number of CPUs from 0.01 to "
		"1024, "
		"as 2 or 1.5\n"
		"m.json:14:56: /bottles/work/limits/pids: a number has no leading zeros; remove "
		"them\n"
		"m.json:14:56: /bottles/work/limits/pids: must be a whole number from 16 to "
		"4194304, "
		"as 512\n");
}

static void a_broken_entry_hides_no_sound_one(void **state)
{
	struct manifest *m = fixture_user("{\"bottles\":{\"good\":{},\"bad\":{\"x\":1}},"
	                                  "\"agents\":{\"one\":{\"bottle\":\"good\"},\"two\":{"
	                                  "\"bottle\":\"bad\"},\"three\":[]}}");
	struct err err = { 0 };

	(void)state;
	assert_true(manifest_agent_is_usable(manifest_agent(m, "one")));
	assert_string_equal(manifest_state(&manifest_bottle(m, "good")->where), "ok");
	assert_string_equal(manifest_state(&manifest_bottle(m, "bad")->where), "broken");
	assert_int_equal(manifest_bottle(m, "bad")->where.faults.n_errors, 1);
	assert_false(manifest_agent_is_usable(manifest_agent(m, "two")));
	assert_string_equal(manifest_agent(m, "two")->where.faults.v[0].text,
	                    "bottle \"bad\" is broken, see its faults");
	assert_true(manifest_agent(m, "three")->where.is_broken);
	assert_int_equal(manifest_agent(m, "one")->where.faults.n, 0);

	assert_non_null(manifest_usable_agent(m, "one", &err));
	assert_null(manifest_usable_agent(m, "two", &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.msg,
	                    "agent 'two' cannot start: m.json:1:88: /agents/two/bottle: bottle "
	                    "\"bad\" is broken, see its faults");
	assert_null(manifest_usable_agent(m, "onne", &err));
	assert_string_equal(err.msg, "there is no agent 'onne'; did you mean 'one'?");
	manifest_free(m);
}

static void a_file_that_is_no_json_has_no_entries_and_one_exact_fault(void **state)
{
	struct manifest *m = fixture_user("{\"bottles\": {\n  \"b\": {},\n}}");

	(void)state;
	fixture_says(m, "m.json:2:10: /bottles: no comma after the last element; remove it\n");
	assert_true(m->files[0].is_broken);
	assert_int_equal(m->n_bottles, 0);
	manifest_free(m);
	faults_are("[]", "m.json:1:1: must be an object, not an array\n");
	faults_are("{\"bottles\":[],\"agents\":1}",
	           "m.json:1:12: /bottles: must be an object, not an array\n"
	           "m.json:1:24: /agents: must be an object, not a number\n");
}

static void entries_given_twice_are_broken_not_chosen_from(void **state)
{
	struct manifest *m =
		fixture_user("{\"bottles\":{\"b\":{},\"c\":{},\"b\":{\"limits\":{\"pids\":99}}},"
	                     "\"agents\":{\"a\":{\"bottle\":\"b\"},\"d\":{\"bottle\":\"c\"}},"
	                     "\"agents\":{}}");

	(void)state;
	assert_true(manifest_bottle(m, "b")->where.is_broken);
	assert_false(manifest_bottle(m, "c")->where.is_broken);
	assert_true(manifest_agent(m, "a")->where.is_broken);
	assert_true(manifest_agent(m, "d")->where.is_broken);
	manifest_free(m);
}

static void inherited_values_are_merged_and_the_child_wins(void **state)
{
	struct manifest *m = fixture_user(
		"{\"bottles\":{"
		"\"child\":{\"extends\":\"mid\",\"env\":{\"B\":\"child\",\"C\":\"?\"},"
		"\"egress\":{\"allowlist\":[\"c.test\",\"a.test\"],\"dlp_action\":\"block\"},"
		"\"limits\":{\"pids\":99},\"projects\":[\"/q\"]},"
		"\"mid\":{\"extends\":\"base\",\"limits\":{\"memory\":\"1g\"}},"
		"\"base\":{\"env\":{\"A\":\"base\",\"B\":\"${X}\"},"
		"\"egress\":{\"allowlist\":[\"a.test\",\"b.test\"],\"trusted\":[\"b.test\"],\"dlp_"
		"action\":\"warn\","
		"\"unscanned_headers\":[\"x-a\"]},\"limits\":{\"cpus\":8,\"memory\":\"9g\"},"
		"\"terminal\":{\"osc52\":\"allow\"},\"projects\":[\"/p\"]}}}");
	const struct bottle_spec *b = manifest_bottle(m, "child");

	(void)state;
	fixture_says(m, "");
	assert_int_equal(b->n_env, 3);
	assert_string_equal(b->env[0].literal, "base");
	assert_string_equal(b->env[1].literal, "child");
	assert_int_equal(b->env[2].mode, ENV_PROMPT);
	list_is(b->allowlist, BAKED " a.test b.test c.test");
	list_is(b->trusted, "b.test");
	list_is(b->unscanned_headers, "x-a");
	assert_int_equal(b->dlp_action, DLP_BLOCK);
	assert_int_equal(b->limits.pids, 99);
	assert_true(b->limits.memory == 1ull << 30);
	assert_int_equal(b->limits.millicpus, 8000);
	assert_int_equal(b->osc52, OSC52_ALLOW);
	list_is(b->projects, "/p /q");
	/* the parent is as it was */
	assert_int_equal(manifest_bottle(m, "base")->n_env, 2);
	assert_int_equal(manifest_bottle(m, "base")->limits.pids, 512);
	manifest_free(m);
}

static void circles_and_missing_parents_are_faults(void **state)
{
	(void)state;
	faults_are(
		"{\"bottles\":{\n\"a\":{\"extends\":\"b\"},\n\"b\":{\"extends\":\"c\"},\n"
		"\"c\":{\"extends\":\"a\"},\n\"d\":{\"extends\":\"d\"},\n\"work\":{\"extends\":"
		"\"wrok\"},\n"
		"\"x\":{\"extends\":\"nowhere\"},\n\"wrk\":{\"extends\":\"wor\"},\n\"e\":{"
		"\"extends\":[]}}}",
		"m.json:2:16: /bottles/a/extends: bottle \"b\" is broken, see its faults\n"
		"m.json:3:16: /bottles/b/extends: bottle \"c\" is broken, see its faults\n"
		"m.json:4:16: /bottles/c/extends: extends in a circle: \"a\" comes back to itself; "
		"break it\n"
		"m.json:5:16: /bottles/d/extends: \"d\" extends itself; remove \"extends\"\n"
		"m.json:6:19: /bottles/work/extends: there is no bottle \"wrok\" in this file; did "
		"you mean \"wrk\"?\n"
		"m.json:7:16: /bottles/x/extends: there is no bottle \"nowhere\" in this file; "
		"mend "
		"the name or remove it\n"
		"m.json:8:18: /bottles/wrk/extends: there is no bottle \"wor\" in this file; did "
		"you "
		"mean \"work\"?\n"
		"m.json:9:16: /bottles/e/extends: must be a string, not an array\n");
}

static void environment_values_have_three_modes_and_never_show(void **state)
{
	(void)state;
	bottle_faults_are(
		"\"env\":{\"A\":\"sec\\nret\",\n\"B\":\"sec${X}ret\",\n\"C\":\"${1X}\",\n"
		"\"D\":\"?two\\nlines\",\n\"E\":\"sec\\rret\",\n\"F\":\"$HOME\"}",
		"m.json:2:12: /bottles/b/env/A: a literal must be one line; give a longer text "
		"through a variable of the host, as \"${NAME}\"\n"
		"m.json:3:5: /bottles/b/env/B: warning: is taken as it stands; only a value that "
		"is exactly \"${NAME}\" copies a variable of the host\n"
		"m.json:4:5: /bottles/b/env/C: warning: is taken as it stands; only a value that "
		"is exactly \"${NAME}\" copies a variable of the host\n"
		"m.json:5:5: /bottles/b/env/D: the question after ? must be one line of at most "
		"200 bytes\n"
		"m.json:6:5: /bottles/b/env/E: a literal must be one line; give a longer text "
		"through a variable of the host, as \"${NAME}\"\n");
}

static void limits_end_at_their_bounds(void **state)
{
	static const char *const good[] = { "\"64m\"", "\"4G\"", "\"67108864\"", "\"67108864b\"" };
	static const char *const bad[] = { "\"63m\"",
		                           "\"4gb\"",
		                           "\"-4g\"",
		                           "\"g\"",
		                           "\"4 g\"",
		                           "\"\"",
		                           "\"9999999999999g\"",
		                           "\"99999999999g\"" };
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		snprintf(text, sizeof text, "\"limits\":{\"memory\":%s}", good[i]);
		bottle_faults_are(text, "");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct manifest *m;

		snprintf(text, sizeof text, "{\"bottles\":{\"b\":{\"limits\":{\"memory\":%s}}}}",
		         bad[i]);
		m = fixture_user(text);
		assert_int_equal(m->faults.n_errors, 1);
		manifest_free(m);
	}
	bottle_faults_are("\"limits\":{\"cpus\":0.01,\"pids\":16}", "");
	bottle_faults_are("\"limits\":{\"cpus\":1024,\"pids\":4194304}", "");
	bottle_faults_are(
		"\"limits\":{\"cpus\":1024.5,\n\"pids\":15}",
		"m.json:2:18: /bottles/b/limits/cpus: must be a number of CPUs from 0.01 to "
		"1024, as 2 or 1.5\n"
		"m.json:3:8: /bottles/b/limits/pids: must be a whole number from 16 to 4194304, "
		"as 512\n");
}

static void lists_hold_nothing_twice_and_nothing_of_another_type(void **state)
{
	(void)state;
	bottle_faults_are(
		"\"egress\":{\"allowlist\":[\"a.test\",\"A.test\",\n7,\"b.test\"],\n"
		"\"unscanned_headers\":[\"X: y\"],\n\"trusted\":\"a.test\"}",
		"m.json:2:33: /bottles/b/egress/allowlist/1: \"a.test\" stands here twice; "
		"remove one\n"
		"m.json:3:1: /bottles/b/egress/allowlist/2: must be a string, not a number\n"
		"m.json:4:22: /bottles/b/egress/unscanned_headers/0: \"X: y\" is no header's "
		"name; write it without colon and value, as \"X-Api-Key\"\n"
		"m.json:5:11: /bottles/b/egress/trusted: must be an array, not a string\n");
}

static void hosts_that_the_allowlist_stops_anyway_are_warned_of(void **state)
{
	(void)state;
	bottle_faults_are(
		"\"egress\":{\"allowlist\":[\"*.lan\"],\n\"passthrough\":[\"x.test\",\"y.lan\"],\n"
		"\"trusted\":[\"*.lan\",\"*.z.test\"]}",
		"m.json:3:16: /bottles/b/egress/passthrough/0: warning: x.test has no effect, "
		"since the allowlist does not let it through; add it to \"allowlist\" too\n"
		"m.json:4:20: /bottles/b/egress/trusted/1: warning: *.z.test has no effect, "
		"since the allowlist does not let it through; add it to \"allowlist\" too\n");
}

static void an_agent_needs_a_bottle_that_is_there(void **state)
{
	(void)state;
	faults_are(
		"{\"bottles\":{\"gitea-dev\":{}},\"agents\":{\n\"a\":{},\n\"b\":{\"bottle\":"
		"\"gitea-dv\"},\n"
		"\"c\":{\"bottle\":\"\"},\n\"d\":{\"bottle\":\"zzz\"},\n\"a--b\":{\"bottle\":"
		"\"gitea-dev\"}}}",
		"m.json:2:1: /agents/a: needs \"bottle\": the name of the bottle that it runs in\n"
		"m.json:3:15: /agents/b/bottle: there is no bottle \"gitea-dv\"; did you mean "
		"\"gitea-dev\"?\n"
		"m.json:4:15: /agents/c/bottle: is empty; write the name of the bottle that it "
		"runs "
		"in\n"
		"m.json:5:15: /agents/d/bottle: there is no bottle \"zzz\"; add it under "
		"\"bottles\"\n"
		"m.json:6:1: /agents/a--b: \"a--b\" cannot name an agent; use small letters, "
		"digits "
		"and single dashes, at most 40\n");
}

static void an_agents_members_are_checked(void **state)
{
	(void)state;
	agent_faults_are(
		"\"image\":\"a b\",\n\"command\":[],\n\"skills\":[\"tests\",\"../x\",\"none\"],\n"
		"\"workspace\":{\"copy\":\"nowhere\"},\n\"prompt\":{\"file\":\"nowhere.md\"},\n"
		"\"color\":\"#12345\"",
		"m.json:2:9: /agents/a/image: \"a b\" is no image; write it as \"debian:12\" or "
		"\"registry.example.org/team/image@sha256:...\"\n"
		"m.json:3:11: /agents/a/command: must hold a program and its arguments, at most "
		"256; leave \"command\" out for the default\n"
		"m.json:4:19: /agents/a/skills/1: \"../x\" cannot name a skill; write the name of "
		"a folder in ~/.claude/skills\n"
		"m.json:4:26: /agents/a/skills/2: there is no folder "
		"\"/home/u/.claude/skills/none\"; mend the name or add the skill\n"
		"m.json:5:21: /agents/a/workspace/copy: \"/w/nowhere\" does not exist; mend the "
		"path or create it\n"
		"m.json:6:18: /agents/a/prompt/file: \"/conf/nowhere.md\" does not exist; mend "
		"the path or create it\n"
		"m.json:7:9: /agents/a/color: \"#12345\" is no colour; write \"#rrggbb\" or a "
		"name like \"cyan\"\n");
	agent_faults_are(
		"\"prompt\":7,\n\"command\":[\"\",1],\n\"workspace\":{},\n\"image\":\"-x\"",
		"m.json:2:10: /agents/a/prompt: must be a string or {\"file\": path}, not a "
		"number\n"
		"m.json:3:12: /agents/a/command/0: is empty; write the program's name\n"
		"m.json:3:15: /agents/a/command/1: must be a string, not a number\n"
		"m.json:4:13: /agents/a/workspace: needs either \"clone\", a git Name of the "
		"bottle, or \"copy\", a folder\n"
		"m.json:5:9: /agents/a/image: \"-x\" is no image; write it as \"debian:12\" or "
		"\"registry.example.org/team/image@sha256:...\"\n");
	agent_faults_are("\"prompt\":{\"file\":\"/p/prompt.md\"},\"workspace\":{\"copy\":\".\"}",
	                 "");
	agent_faults_are(
		"\"workspace\":{\"copy\":\".\",\"clone\":\"x\"}",
		"m.json:2:13: /agents/a/workspace: needs either \"clone\", a git Name of the "
		"bottle, or \"copy\", a folder\n");
}

static void hostile_names_reach_messages_escaped(void **state)
{
	(void)state;
	bottle_faults_are(
		"\"\\u001b[2Jx\":1",
		"m.json:2:1: /bottles/b/\\x1b[2Jx: unknown key \"\\x1b[2Jx\"; remove it\n");
}

static void too_many_faults_make_the_whole_file_unusable(void **state)
{
	struct buf text = BUF_INIT(1 << 22);
	struct manifest *m;

	(void)state;
	buf_adds(&text, "{\"bottles\":{\"b\":{},\"c\":{");
	for (int i = 0; i < 3000; i++)
		buf_addf(&text, "\"zzzzz%d\":0,", i);
	buf_adds(&text, "\"last\":0}}}");
	m = fixture_user(buf_str(&text));
	assert_int_equal(m->faults.n, FAULTS_MAX);
	assert_true(m->faults.n_dropped > 0);
	assert_true(manifest_bottle(m, "b")->where.is_broken);
	manifest_free(m);
	buf_done(&text);
}

static void inheriting_cannot_multiply_without_end(void **state)
{
	struct buf text = BUF_INIT(4 << 20);
	struct manifest *m;

	(void)state;
	buf_adds(&text, "{\"bottles\":{\"b0\":{}");
	for (int i = 1; i < 200; i++) {
		buf_addf(&text,
		         ",\"b%d\":{\"extends\":\"b%d\",\"egress\":{\"allowlist\":[\"h.test\"", i,
		         i - 1);
		for (int k = 0; k < 900; k++)
			buf_addf(&text, ",\"%d-%d.t\"", i, k);
		buf_adds(&text, "]}}");
	}
	buf_adds(&text, "}}");
	m = fixture_user(buf_str(&text));
	assert_false(manifest_bottle(m, "b2")->where.is_broken);
	assert_true(manifest_bottle(m, "b3")->where.is_broken);
	assert_true(manifest_bottle(m, "b199")->where.is_broken);
	manifest_free(m);
	buf_done(&text);
}

/* Warnings fill the list, so the error that stops inheritance may be a dropped one. */
static void a_flood_of_warnings_does_not_hide_what_is_broken(void **state)
{
	struct buf text = BUF_INIT(4 << 20);
	struct manifest *m;

	(void)state;
	buf_adds(&text, "{\"bottles\":{\"b0\":{}");
	for (int i = 1; i < 20; i++) {
		buf_addf(&text,
		         ",\"b%d\":{\"extends\":\"b%d\",\"egress\":{\"allowlist\":[\"h.test\"", i,
		         i - 1);
		for (int k = 0; k < 600; k++)
			buf_addf(&text, ",\"%d-%d.t\"", i, k);
		buf_adds(&text, "],\"trusted\":[\"x.u\"");
		for (int k = 0; k < 700; k++)
			buf_addf(&text, ",\"%d-%d.u\"", i, k);
		buf_adds(&text, "]}}");
	}
	buf_adds(&text, "},\"agents\":{\"a\":{\"bottle\":\"b0\"}}}");
	m = fixture_user(buf_str(&text));
	for (size_t i = 0; i < m->n_bottles; i++) {
		assert_true(m->bottles[i].where.is_broken);
		assert_true(strv_len(m->bottles[i].allowlist) <= 3 * MANIFEST_LIST_MAX);
	}
	assert_false(manifest_agent_is_usable(manifest_agent(m, "a")));
	manifest_free(m);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_in_force_when_nothing_is_said),
		cmocka_unit_test(everything_that_is_said_is_kept),
		cmocka_unit_test(all_faults_of_a_file_come_in_one_run_and_in_its_order),
		cmocka_unit_test(a_broken_entry_hides_no_sound_one),
		cmocka_unit_test(a_file_that_is_no_json_has_no_entries_and_one_exact_fault),
		cmocka_unit_test(entries_given_twice_are_broken_not_chosen_from),
		cmocka_unit_test(inherited_values_are_merged_and_the_child_wins),
		cmocka_unit_test(circles_and_missing_parents_are_faults),
		cmocka_unit_test(environment_values_have_three_modes_and_never_show),
		cmocka_unit_test(limits_end_at_their_bounds),
		cmocka_unit_test(lists_hold_nothing_twice_and_nothing_of_another_type),
		cmocka_unit_test(hosts_that_the_allowlist_stops_anyway_are_warned_of),
		cmocka_unit_test(an_agent_needs_a_bottle_that_is_there),
		cmocka_unit_test(an_agents_members_are_checked),
		cmocka_unit_test(hostile_names_reach_messages_escaped),
		cmocka_unit_test(too_many_faults_make_the_whole_file_unusable),
		cmocka_unit_test(inheriting_cannot_multiply_without_end),
		cmocka_unit_test(a_flood_of_warnings_does_not_hide_what_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
