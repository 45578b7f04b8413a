#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/gate/text.h"
#include "sidecar/gate/util.h"

static void assert_cleaned(const char *s, size_t len, size_t max, const char *want)
{
	char *got = text_clean_dup(s, len, max);

	assert_string_equal(got, want);
	free(got);
}
#define assert_clean(s, max, want) assert_cleaned((s), sizeof(s) - 1, (max), (want))

static void plain_and_international_text_passes(void **state)
{
	(void)state;
	assert_clean("gr\xc3\xbc\xc3\x9f"
	             "e, \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x8d\xbe",
	             100,
	             "gr\xc3\xbc\xc3\x9f"
	             "e, \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x8d\xbe");
}

static void what_steers_a_terminal_does_not_pass(void **state)
{
	(void)state;
	assert_clean("a\033[2Jb\x07\x7f", 100, "a?[2Jb??");
	assert_clean("a\xc2\x9b"
	             "31mb",
	             100, "a?31mb"); /* C1 CSI in UTF-8 */
	assert_clean("a\x9b"
	             "31mb",
	             100, "a?31mb"); /* and as a byte */
	assert_clean("a\xe2\x80\xae"
	             "b\xe2\x81\xa6",
	             100, "a?b?"); /* bidi override, isolate */
	assert_clean("a\xe2\x80\x8b"
	             "b\xef\xbb\xbf",
	             100, "a?b?");                  /* zero width */
	assert_clean("\xf3\xa0\x81\x81", 100, "?"); /* tag character */
	assert_clean("a\0b", 100, "a?b");
}

static void white_space_makes_one_line(void **state)
{
	(void)state;
	assert_clean("a\tb\r\nc", 100, "a b  c");
}

static void broken_utf8_becomes_question_marks(void **state)
{
	uint32_t cp;

	(void)state;
	assert_clean("\xc0\xaf", 100, "??");      /* overlong '/' */
	assert_clean("\xed\xa0\x80", 100, "???"); /* surrogate */
	assert_clean("\xe2\x82", 100, "??");      /* cut off */
	assert_int_equal(text_utf8("\xf4\x90\x80\x80", 4, &cp), 0);
	assert_int_equal(text_utf8("\xe2\x82\xac", 3, &cp), 3);
	assert_int_equal(cp, 0x20ac);
}

static void text_is_cut_at_a_character_and_says_so(void **state)
{
	(void)state;
	assert_clean("abcdefghij", 10, "abcdefghij");
	assert_clean("abcdefghijk", 10, "abcdefg\xe2\x80\xa6");
	assert_clean("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 7, "\xc3\xbc\xc3\xbc\xe2\x80\xa6");
	assert_clean("abcdef", 2, "");
}

static void assert_masked(const char *secret, const char *want)
{
	char *got = text_mask(secret);

	assert_string_equal(got, want);
	free(got);
}

static void a_mask_shows_four_characters_and_the_length(void **state)
{
	(void)state;
	assert_masked("AKIAxxxxxxxxxxxxxxxx", "AKIA\xe2\x80\xa6(20)");
	assert_masked("12345678", "\xe2\x80\xa6(8)");
	assert_masked("123456789", "1234\xe2\x80\xa6(9)");
	assert_masked("", "\xe2\x80\xa6(0)");
	assert_masked("\033]0;evil title", "?]0;\xe2\x80\xa6(14)");
	assert_masked("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc",
	              "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xe2\x80\xa6(9)");
}

static void every_occurrence_in_a_text_is_masked(void **state)
{
	char *got = text_mask_in("refs/heads/secretsecret1-x-secretsecret1", "secretsecret1");

	(void)state;
	assert_string_equal(got, "refs/heads/secr\xe2\x80\xa6(13)-x-secr\xe2\x80\xa6(13)");
	free(got);
	assert_null(text_mask_in("refs/heads/main", "secretsecret1"));
	assert_null(text_mask_in("abc", "abc"));
	assert_null(text_mask_in("abc", ""));
}

static void a_buffer_refuses_what_passes_its_ceiling(void **state)
{
	struct buf b = BUF_INIT(5);

	(void)state;
	assert_int_equal(buf_adds(&b, "abc"), 0);
	assert_int_equal(buf_adds(&b, "def"), -1);
	assert_true(b.overflowed);
	assert_string_equal(buf_str(&b), "abc");
	buf_consume(&b, 2);
	assert_string_equal(buf_str(&b), "c");
	buf_done(&b);
	assert_string_equal(buf_str(&b), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_and_international_text_passes),
		cmocka_unit_test(what_steers_a_terminal_does_not_pass),
		cmocka_unit_test(white_space_makes_one_line),
		cmocka_unit_test(broken_utf8_becomes_question_marks),
		cmocka_unit_test(text_is_cut_at_a_character_and_says_so),
		cmocka_unit_test(a_mask_shows_four_characters_and_the_length),
		cmocka_unit_test(every_occurrence_in_a_text_is_masked),
		cmocka_unit_test(a_buffer_refuses_what_passes_its_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
