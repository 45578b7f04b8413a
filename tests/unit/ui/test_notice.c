/* What the terminal is told, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/inbox.h"
#include "ui/notice.h"

static void assert_text(enum inbox_kind kind, char *session, char *host, char *text,
                        const char *want)
{
	const struct inbox_item item = {
		.kind = kind, .session = session, .host = host, .text = text
	};
	struct buf b = BUF_INIT(4096);

	notice_text(&b, &item);
	assert_string_equal(buf_str(&b), want);
	buf_done(&b);
}

static void a_notice_names_the_session_the_reason_and_the_question(void **state)
{
	char one[] = "one", none[] = "", may[] = "says: May I?", host[] = "x.test";
	char no[] = "not allowed";

	(void)state;
	assert_text(INBOX_AGENT, one, NULL, may, "one waits; it says \"May I?\"");
	assert_text(INBOX_BLOCK, one, host, no, "one was refused x.test: not allowed");
	assert_text(INBOX_BLOCK, one, NULL, no, "one was refused a request: not allowed");
	assert_text(INBOX_HELD, one, NULL, may, "one: held push: says: May I?");
	assert_text(INBOX_GAP, none, NULL, no, "claude-bottle: log gap: not allowed");
}

static void what_an_agent_chose_is_made_safe_and_short(void **state)
{
	char one[] = "one", evil[] = "a\033]52;c;eA==\ab\r\n\xe2\x80\xae", many[2000];
	const struct inbox_item item = { .kind = INBOX_AGENT, .session = one, .text = many };
	struct buf b = BUF_INIT(4096);

	(void)state;
	assert_text(INBOX_AGENT, one, NULL, evil,
	            "one waits; it says \"a\\x1b]52;c;eA==\\x07b\\x0d\\x0a\\u202e\"");
	memset(many, 'x', sizeof many);
	many[sizeof many - 1] = '\0';
	notice_text(&b, &item);
	assert_true(b.len < NOTICE_MAX);
	buf_done(&b);
}

static void more_than_a_few_are_told_together(void **state)
{
	struct notice_rate r = { 0 };

	(void)state;
	assert_int_equal(notice_held(&r, 1000), 0);
	for (int i = 0; i < NOTICE_BURST; i++)
		assert_true(notice_may(&r, 1000));
	for (int i = 0; i < 50; i++)
		assert_false(notice_may(&r, 1000 + (uint64_t)i));
	assert_int_equal(notice_held(&r, 1100), 0);
	assert_int_equal(notice_held(&r, 1000 + NOTICE_MS), 50);
	assert_int_equal(notice_held(&r, 1000 + 3 * NOTICE_MS), 0);
	/* and by and by it may be a few at once again */
	for (int i = 0; i < NOTICE_BURST; i++)
		assert_true(notice_may(&r, 1000 + 10 * NOTICE_MS));
	assert_false(notice_may(&r, 1000 + 10 * NOTICE_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_notice_names_the_session_the_reason_and_the_question),
		cmocka_unit_test(what_an_agent_chose_is_made_safe_and_short),
		cmocka_unit_test(more_than_a_few_are_told_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
