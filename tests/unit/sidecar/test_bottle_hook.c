#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sidecar/bottle/hook.h"
#include "sidecar/bottle/pick.h"

/* What Claude Code 2.1 writes before the part that differs. */
#define COMMON                                                                      \
	"{\"session_id\":\"76ffd608\",\"transcript_path\":\"/home/agent/x.jsonl\"," \
	"\"cwd\":\"/workspace\",\"effort\":{\"level\":\"medium\"},\"hook_event_name\":"
#define PROMPT COMMON "\"UserPromptSubmit\",\"prompt\":\"hook_event_name\"}"
#define STOP(text) \
	COMMON "\"Stop\",\"last_assistant_message\":\"" text "\",\"background_tasks\":[]}"
#define ABOUT(event, command)                                                                \
	COMMON "\"" event "\",\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"" command \
	       "\",\"description\":\"To try\"}}"
#define QUESTION(event)                                                                           \
	COMMON "\"" event "\",\"tool_name\":\"AskUserQuestion\",\"tool_input\":{\"questions\":["  \
	       "{\"question\":\"May I go "                                                        \
	       "on?\",\"header\":\"H\",\"options\":[{\"label\":\"Yes\"}]},"                       \
	       "{\"question\":\"And then?\"}]},\"tool_response\":{\"answers\":{\"May I go on?\":" \
	       "\"Yes\"}}}"
#define NOTICE(type) \
	COMMON "\"Notification\",\"message\":\"It needs you\",\"notification_type\":\"" type "\"}"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/test-hook.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof path, "%s/" HOOK_FILE, dir);
	unlink(path);
	return rmdir(dir);
}

/* One event; what the hook answered, "" for nothing. */
static const char *answer(const char *json)
{
	static char text[2048];
	int in[2], out[2];
	ssize_t n;

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(write(in[1], json, strlen(json)), strlen(json));
	close(in[1]);
	assert_int_equal(hook_run(in[0], out[1], dir, 1790000000123), 0);
	close(in[0]);
	close(out[1]);
	n = read(out[0], text, sizeof text - 1);
	close(out[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static const char *kept(void)
{
	static char text[1024];
	char path[128];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/" HOOK_FILE, dir);
	f = fopen(path, "r");
	if (!f)
		return "";
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

#define SAYS(state, text)                                                          \
	"{\"terminalSequence\":\"\\u001b]777;notify;claude-bottle;" state ";" text \
	"\\u0007\",\"suppressOutput\":true}\n"

static void a_prompt_makes_it_work_and_a_stop_makes_it_wait(void **state)
{
	(void)state;
	assert_string_equal(answer(PROMPT), SAYS("working", ""));
	assert_string_equal(kept(), "1 working 1790000000123 \n");
	assert_string_equal(answer(STOP("I looked.\\n\\nWhich file do you mean?\\n")),
	                    SAYS("waits", "Which file do you mean?"));
	assert_string_equal(kept(), "1 waits 1790000000123 Which file do you mean?\n");
	assert_string_equal(answer(PROMPT), SAYS("working", ""));
	assert_string_equal(answer(PROMPT), ""); /* nothing new */
}

static void leave_is_asked_by_the_tool_and_what_it_would_do(void **state)
{
	(void)state;
	answer(PROMPT);
	assert_string_equal(answer(ABOUT("PermissionRequest", "rm -rf \\\"x\\\"")),
	                    SAYS("asks", "may it use Bash: rm -rf \\\"x\\\"?"));
	assert_string_equal(answer(ABOUT("PostToolUse", "rm -rf \\\"x\\\"")), SAYS("working", ""));
}

static void a_tool_that_ends_beside_it_answers_no_question(void **state)
{
	(void)state;
	answer(PROMPT);
	answer(ABOUT("PermissionRequest", "one"));
	assert_string_equal(answer(ABOUT("PostToolUse", "two")), "");
	assert_string_equal(kept(), "1 asks 1790000000123 may it use Bash: one?\n");
	assert_string_equal(answer(ABOUT("PostToolUseFailure", "one")), SAYS("working", ""));
	assert_string_equal(answer(ABOUT("PostToolUse", "three")), "");
}

static void the_first_question_of_several_is_the_claim(void **state)
{
	(void)state;
	answer(PROMPT);
	assert_string_equal(answer(QUESTION("PermissionRequest")), SAYS("asks", "May I go on?"));
	assert_string_equal(answer(QUESTION("PostToolUse")), SAYS("working", ""));
}

static void a_reminder_does_not_hide_the_question(void **state)
{
	(void)state;
	answer(PROMPT);
	answer(QUESTION("PermissionRequest"));
	assert_string_equal(answer(NOTICE("permission_prompt")), "");
	answer(STOP("Done. More?"));
	assert_string_equal(answer(NOTICE("idle_prompt")), "");
	assert_string_equal(kept(), "1 waits 1790000000123 Done. More?\n");
}

/* A turn that the person broke off has no Stop. */
static void a_reminder_alone_makes_it_wait(void **state)
{
	(void)state;
	answer(PROMPT);
	assert_string_equal(answer(NOTICE("auth_success")), "");
	assert_string_equal(answer(NOTICE("idle_prompt")), SAYS("waits", "It needs you"));
}

static void a_session_that_begins_waits_and_one_that_ends_claims_nothing(void **state)
{
	(void)state;
	assert_string_equal(answer(COMMON "\"SessionStart\",\"source\":\"startup\"}"),
	                    SAYS("waits", ""));
	answer(PROMPT);
	assert_string_equal(answer(COMMON "\"SessionStart\",\"source\":\"compact\"}"), "");
	assert_string_equal(answer(COMMON "\"SessionStart\",\"source\":\"clear\"}"),
	                    SAYS("waits", ""));
	assert_string_equal(answer(COMMON "\"SessionEnd\"}"), SAYS("none", ""));
}

static void other_events_and_what_is_no_json_change_nothing(void **state)
{
	static const char *const inputs[] = {
		COMMON "\"PreCompact\"}",
		"",
		"{",
		"no",
		"\"",
		"]]]]}}}}{{{{,,,,::::",
		"{\"hook_event_name\":{\"hook_event_name\":\"Stop\"}}",
		"[\"hook_event_name\",\"Stop\"]"
	};

	(void)state;
	answer(PROMPT);
	for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
		assert_string_equal(answer(inputs[i]), "");
	assert_string_equal(kept(), "1 working 1790000000123 \n");
}

static void text_is_one_clean_line(void **state)
{
	char out[32];

	(void)state;
	assert_string_equal(
		answer(STOP("a\\u001b]0;x\\u0007b \\u0085 c\\t\\u00e9\\ud83d\\ude00\\ud83dz")),
		SAYS("waits", "a ]0;x b c \xc3\xa9\xf0\x9f\x98\x80?z"));
	hook_clean(out, sizeof out, "a\xff\xc0\x80 \xed\xa0\x80 \xc3");
	assert_string_equal(out, "a??? ??? ?");
	/* cut between characters, never within one */
	for (size_t cap = 8; cap < 20; cap++) {
		hook_clean(out, cap,
		           "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
		           "\xa9\xc3\xa9\xc3\xa9");
		assert_true(strlen(out) < cap);
		assert_int_equal((strlen(out) - 3) % 2, 0);
		assert_string_equal(out + strlen(out) - 3, "...");
	}
}

static void of_a_long_message_the_end_counts(void **state)
{
	static char json[8 << 10];
	int n = snprintf(json, sizeof json, COMMON "\"Stop\",\"last_assistant_message\":\"");

	(void)state;
	for (int i = 0; i < 300; i++)
		n += snprintf(json + n, sizeof json - (size_t)n, "line of text\\n");
	snprintf(json + n, sizeof json - (size_t)n, "Shall I?\"}");
	assert_string_equal(answer(json), SAYS("waits", "Shall I?"));
}

static void a_file_that_somebody_else_wrote_does_no_harm(void **state)
{
	static const char *const lines[] = { "",
		                             "1 waits",
		                             "2 waits 5 x",
		                             "1 nonsense 5 x",
		                             "1 waits 99999999999999999999999 x",
		                             "1 waitswaitswaitswaitswaitswaits 5 x" };
	struct hook_claim c;
	char path[128], target[128];

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		hook_parse(&c, lines[i]);
	hook_parse(&c, "1 asks 1790000000123 may I?\n");
	assert_int_equal(c.state, HOOK_ASKS);
	assert_true(c.ms == 1790000000123);
	assert_string_equal(c.text, "may I?");
	/* a link in its place is neither read nor written through */
	snprintf(path, sizeof path, "%s/" HOOK_FILE, dir);
	snprintf(target, sizeof target, "%s.target", dir);
	assert_int_equal(symlink(target, path), 0);
	assert_string_equal(answer(PROMPT), SAYS("working", ""));
	assert_int_equal(access(target, F_OK), -1);
	assert_string_equal(kept(), "1 working 1790000000123 \n");
}

static void without_its_folder_it_still_answers(void **state)
{
	char own[64];
	const char *text;

	(void)state;
	memcpy(own, dir, sizeof own);
	snprintf(dir, sizeof dir, "/nonexistent");
	text = answer(PROMPT);
	memcpy(dir, own, sizeof dir);
	assert_string_equal(text, SAYS("working", ""));
}

/* --- picking ---------------------------------------------------------------------------- */

static void strings_are_picked_by_their_place_alone(void **state)
{
	static const char text[] =
		"{\"a\":{\"b\":[{\"c\":\"no\"},{\"c\":\"yes\",\"d\":1.5e3},[\"x\"]],\"k\":null},"
		"\"c\":\"\\u0041\\\\\\n\",\"a.b.1.c\":{\"c\":\"no\"}}";
	char deep[16], top[16], item[16];
	struct pick_want wants[] = { { "a.b.1.c", deep, sizeof deep, false },
		                     { "c", top, sizeof top, false },
		                     { "a.b.2.0", item, sizeof item, false } };
	struct pick p;

	(void)state;
	for (size_t cut = 0; cut < sizeof text; cut++) { /* wherever it is cut in two */
		pick_init(&p, wants, 3);
		pick_feed(&p, text, cut);
		pick_feed(&p, text + cut, sizeof text - 1 - cut);
		assert_string_equal(deep, "yes");
		assert_string_equal(top, "A\\\n");
		assert_string_equal(item, "x");
	}
}

static void long_keys_and_deep_values_hide_nothing_after_them(void **state)
{
	char out[16];
	struct pick_want wants[] = { { "a.b", out, sizeof out, false } };
	char key[400];
	struct pick p;

	(void)state;
	memset(key, 'k', sizeof key);
	pick_init(&p, wants, 1);
	pick_feed(&p, "{\"a\":{\"", 7);
	pick_feed(&p, key, sizeof key);
	pick_feed(&p, "\":\"x\",\"z\":", 10);
	for (int i = 0; i < 100; i++)
		pick_feed(&p, i % 2 ? "[\"s\"," : "{\"b\":", 5);
	for (int i = 99; i >= 0; i--)
		pick_feed(&p, i % 2 ? "]" : "}", 1);
	pick_feed(&p, ",\"b\":\"found it, and more than fits\"}}", 37);
	assert_string_equal(out, "found it, and m");
}

static void any_bytes_are_survived(void **state)
{
	static const char bytes[] = "{}[]\"\\:,u0d8ab\n\xff";
	char a[16], b[16];
	struct pick_want wants[] = { { "a", a, sizeof a, false }, { "0.a", b, sizeof b, true } };
	unsigned seed = 1;

	(void)state;
	for (int run = 0; run < 2000; run++) {
		struct pick p;

		pick_init(&p, wants, 2);
		for (int i = 0; i < 300; i++) {
			seed = seed * 1103515245 + 12345;
			pick_feed(&p, &bytes[(seed >> 16) % (sizeof bytes - 1)], 1);
		}
		assert_true(strlen(a) < sizeof a && strlen(b) < sizeof b);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_prompt_makes_it_work_and_a_stop_makes_it_wait),
		TEST(leave_is_asked_by_the_tool_and_what_it_would_do),
		TEST(a_tool_that_ends_beside_it_answers_no_question),
		TEST(the_first_question_of_several_is_the_claim),
		TEST(a_reminder_does_not_hide_the_question),
		TEST(a_reminder_alone_makes_it_wait),
		TEST(a_session_that_begins_waits_and_one_that_ends_claims_nothing),
		TEST(other_events_and_what_is_no_json_change_nothing),
		TEST(text_is_one_clean_line),
		TEST(of_a_long_message_the_end_counts),
		TEST(a_file_that_somebody_else_wrote_does_no_harm),
		TEST(without_its_folder_it_still_answers),
		TEST(strings_are_picked_by_their_place_alone),
		TEST(long_keys_and_deep_values_hide_nothing_after_them),
		TEST(any_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
