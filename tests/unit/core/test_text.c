#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/text.h"

static void shows_n(const char *raw, size_t n, size_t max, bool is_ascii, const char *want)
{
	struct buf out = BUF_INIT(4096);

	assert_int_equal(text_safe(&out, raw, n, max, is_ascii), 0);
	assert_string_equal(buf_str(&out), want);
	buf_done(&out);
}

static void shows(const char *raw, const char *want)
{
	shows_n(raw, strlen(raw), 0, false, want);
}

static void printable_text_passes_unchanged(void **state)
{
	(void)state;
	shows("plain ~text \\ \"x\"", "plain ~text \\ \"x\"");
	shows("größe página 漢字 🙂 ✗", "größe página 漢字 🙂 ✗");
	shows("", "");
}

static void controls_and_escapes_become_visible(void **state)
{
	(void)state;
	shows("a\x1b[31mred\x07\r\n\t\x7f", "a\\x1b[31mred\\x07\\x0d\\x0a\\x09\\x7f");
	shows_n("a\0b", 3, 0, false, "a\\x00b");
	shows("c1 \xc2\x9b"
	      "2J \xc2\x85",
	      "c1 \\u009b2J \\u0085");
}

static void text_that_reorders_or_hides_becomes_visible(void **state)
{
	(void)state;
	shows("\u202etxt.exe\u2066x\u2069", "\\u202etxt.exe\\u2066x\\u2069");
	shows("pay\u200bpal\u00ad\ufeff", "pay\\u200bpal\\u00ad\\ufeff");
	shows("line\u2028sep\u2029", "line\\u2028sep\\u2029");
	shows("tag\U000e0041 vs\ufe0f pua\ue0b0", "tag\\U0e0041 vs\\ufe0f pua\\ue0b0");
	shows("nbsp\u00a0and\u3000wide", "nbsp and wide");
}

static void invalid_utf8_is_shown_byte_by_byte(void **state)
{
	(void)state;
	shows("\xff\xfe", "\\xff\\xfe");
	shows("\xc0\x80 \xe0\x80\x80", "\\xc0\\x80 \\xe0\\x80\\x80"); /* overlong */
	shows("\xed\xa0\x80", "\\xed\\xa0\\x80");                     /* surrogate */
	shows("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");            /* past the end */
	shows("cut \xe2\x82", "cut \\xe2\\x82");
	shows("\x9b", "\\x9b"); /* C1 as a bare byte */
}

static void stacked_marks_are_limited(void **state)
{
	(void)state;
	shows("e\u0301", "e\u0301");
	shows("a\u0301\u0301\u0301\u0301", "a\u0301\u0301\\u0301\\u0301");
	shows("\u0301x", "\\u0301x");
	shows("\x1b\u0301", "\\x1b\\u0301");
}

static void an_invisible_mark_becomes_visible(void **state)
{
	(void)state;
	/* the grapheme joiner is a combining mark, too, and shows nothing */
	shows("a\xcd\x8f" "b", "a\\u034fb");
	shows("a\xcc\x81\xcd\x8f" "b", "a\xcc\x81\\u034fb");
}

static void ascii_mode_unmasks_look_alikes(void **state)
{
	(void)state;
	shows_n("\u0430pple.com", strlen("\u0430pple.com"), 0, true, "\\u0430pple.com");
	shows_n("\u00e9\u3000", strlen("\u00e9\u3000"), 0, true, "\\u00e9\\u3000");
}

static void long_text_is_cut_without_splitting_a_character(void **state)
{
	(void)state;
	shows_n("abcdefghij", 10, 10, false, "abcdefghij");
	shows_n("abcdefghij", 10, 9, false, "abcdef...");
	shows_n("ääääää", 12, 10, false, "äää...");
	shows_n("\x1b\x1b\x1b\x1b", 4, 9, false, "\\x1b...");
	shows_n("abcd", 4, 2, false, "..");
}

static void a_full_buffer_is_reported(void **state)
{
	struct buf out = BUF_INIT(4);

	(void)state;
	assert_int_equal(text_safe(&out, "abcdef", 6, 0, false), -1);
	buf_done(&out);
}

static void json_strings_keep_everything_and_stay_safe(void **state)
{
	const char raw[] = "a\"\\\n\t\x1b\xff\u202e\U000e0041é";
	struct buf out = BUF_INIT(256);

	(void)state;
	assert_int_equal(text_add_json(&out, raw, sizeof raw - 1), 0);
	assert_string_equal(buf_str(&out),
	                    "\"a\\\"\\\\\\n\\t\\u001b\\ufffd\\u202e\\udb40\\udc41é\"");
	buf_done(&out);
}

static void json_members_that_say_nothing_are_left_out(void **state)
{
	struct buf out = BUF_INIT(256);

	(void)state;
	assert_int_equal(text_add_member(&out, "a", NULL), 0);
	assert_int_equal(text_add_member(&out, "b", "x\x1b"), 0);
	assert_string_equal(buf_str(&out), ",\"b\":\"x\\u001b\"");
	buf_done(&out);
}

static void cuts(const char *raw, const char *want)
{
	struct buf out = BUF_INIT(65536);

	assert_int_equal(text_cut_query(&out, raw, strlen(raw)), 0);
	assert_string_equal(buf_str(&out), want);
	buf_done(&out);
}

static void queries_and_users_are_cut_from_urls_in_text(void **state)
{
	(void)state;
	cuts("no url here? no", "no url here? no");
	cuts("GET https://a.test/x?k=secret done", "GET https://a.test/x?... done");
	cuts("https://u:pw@a.test:8443/x#frag", "https://a.test:8443/x?...");
	cuts("Get \"http://a.test/?q=\\\"s e c\\\" x\": SSRF", "Get \"http://a.test/?...\": SSRF");
	cuts("redirect from http://a/r?t=1 blocked: http://b/?t=2",
	     "redirect from http://a/r?... blocked: http://b/?...");
	cuts("http://a?u=https://x:y@b/?z", "http://a?...");
	cuts("http://a.test/user@x/?q", "http://a.test/user@x/?...");
	cuts("://", "://");
	cuts("x://a?b", "x://a?...");
}

static void one_url_is_cut_even_with_spaces_and_quotes(void **state)
{
	static const char *const pairs[][2] = {
		{ "https://d.test:443/página?q=\"x\"&r= y", "https://d.test:443/página?..." },
		{ "host.test:443", "host.test:443" },
		{ "/path?tok=1", "/path?..." },
		{ "/path?u=http://a@b/", "/path?..." },
		{ "ws://me@h/ws", "ws://h/ws" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct buf out = BUF_INIT(1024);

		assert_int_equal(text_cut_url(&out, pairs[i][0], strlen(pairs[i][0])), 0);
		assert_string_equal(buf_str(&out), pairs[i][1]);
		buf_done(&out);
	}
}

static void a_huge_url_is_cut_short(void **state)
{
	struct buf in = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

	(void)state;
	buf_adds(&in, "https://u@a.test/");
	for (int i = 0; i < 10000; i++)
		buf_adds(&in, "0123456789");
	assert_int_equal(text_cut_query(&out, in.data, in.len), 0);
	assert_true(out.len < TEXT_URL_MAX + 16);
	assert_memory_equal(out.data, "https://a.test/0123", 19);
	assert_string_equal(out.data + out.len - 3, "...");
	buf_done(&in);
	buf_done(&out);
}

static void masks_show_four_characters_at_most(void **state)
{
	struct buf out = BUF_INIT(256);

	(void)state;
	text_mask(&out, "AKIA0123456789abcdef", 20);
	buf_addc(&out, ' ');
	text_mask(&out, "short", 5);
	buf_addc(&out, ' ');
	text_mask(&out, "\x1b[2Jxxxxxxxxxxxx", 16);
	assert_string_equal(buf_str(&out), "AKIA…(20) …(5) \\x1b[2J…(16)");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printable_text_passes_unchanged),
		cmocka_unit_test(controls_and_escapes_become_visible),
		cmocka_unit_test(text_that_reorders_or_hides_becomes_visible),
		cmocka_unit_test(invalid_utf8_is_shown_byte_by_byte),
		cmocka_unit_test(stacked_marks_are_limited),
		cmocka_unit_test(an_invisible_mark_becomes_visible),
		cmocka_unit_test(ascii_mode_unmasks_look_alikes),
		cmocka_unit_test(long_text_is_cut_without_splitting_a_character),
		cmocka_unit_test(a_full_buffer_is_reported),
		cmocka_unit_test(json_strings_keep_everything_and_stay_safe),
		cmocka_unit_test(json_members_that_say_nothing_are_left_out),
		cmocka_unit_test(queries_and_users_are_cut_from_urls_in_text),
		cmocka_unit_test(one_url_is_cut_even_with_spaces_and_quotes),
		cmocka_unit_test(a_huge_url_is_cut_short),
		cmocka_unit_test(masks_show_four_characters_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
