/* What the terminal answers, and what it says to its owner. */
#include "vt_help.h"

#define E "\033"
#define ST E "\\"

struct reply_case {
	const char *bytes, *want;
};

static void check_replies(const struct reply_case *cases, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		struct said said;
		struct vt *vt;

		said_init(&said);
		vt = vt_new(24, 80, &said_ops, &said);
		vt_set_cell_pixels(vt, 8, 16);
		feed(vt, cases[i].bytes);
		if (strcmp(buf_str(&said.replies), cases[i].want) != 0) {
			print_error("'%s': got '%s', want '%s'\n", cases[i].bytes,
			            buf_str(&said.replies), cases[i].want);
			bad++;
		}
		vt_free(vt);
		said_done(&said);
	}
	assert_int_equal(bad, 0);
}

#define check(cases) check_replies(cases, sizeof(cases) / sizeof *(cases))

static void identity_and_status_are_reported(void **state)
{
	static const struct reply_case cases[] = {
		{ E "[c", E "[?62;22c" },
		{ E "[0c", E "[?62;22c" },
		{ E "[1c", "" },
		{ E "Z", E "[?62;22c" },
		{ E "[>c", E "[>1;500;0c" },
		{ E "[=c", E "P!|00000000" ST },
		{ E "[5n", E "[0n" },
		{ "abc\r\nd" E "[6n", E "[2;2R" },
		{ E "[?6n", E "[?1;1;1R" },
		{ E "[3;10r" E "[?6h" E "[2;5H" E "[6n", E "[2;5R" },
		{ E "[?15n", E "[?13n" },
		{ E "[14t" E "[16t" E "[18t" E "[19t",
		  E "[4;384;640t" E "[6;16;8t" E "[8;24;80t" E "[9;24;80t" },
		/* a title never comes back as input */
		{ E "]2;rm -rf" ST E "[21t" E "[20t", "" },
		{ E "[?996n", E "[?997;1n" },
		{ E "[?2048h", E "[48;24;80;384;640t" },
		{ "\005", "" },
	};

	(void)state;
	check(cases);
}

static void the_version_is_ours(void **state)
{
	static const char begin[] = E "P>|claude-bottle(", end[] = ")" ST;
	struct said said;
	struct vt *vt;

	(void)state;
	said_init(&said);
	vt = vt_new(24, 80, &said_ops, &said);
	feed(vt, E "[>q" E "[>1q");
	assert_true(said.replies.len > sizeof begin + sizeof end - 2);
	assert_memory_equal(said.replies.data, begin, sizeof begin - 1);
	assert_string_equal(said.replies.data + said.replies.len - (sizeof end - 1), end);
	vt_free(vt);
	said_done(&said);
}

static void modes_are_reported_truthfully(void **state)
{
	static const struct reply_case cases[] = {
		{ E "[?2026$p", E "[?2026;2$y" },
		{ E "[?2026h" E "[?2026$p", E "[?2026;1$y" },
		{ E "[?7$p" E "[?25$p", E "[?7;1$y" E "[?25;1$y" },
		{ E "[?25l" E "[?25$p", E "[?25;2$y" },
		{ E "[?1000h" E "[?1003h" E "[?1000$p" E "[?1003$p",
		  E "[?1000;2$y" E "[?1003;1$y" },
		{ E "[?1006;1016h" E "[?1006$p" E "[?1016$p", E "[?1006;2$y" E "[?1016;1$y" },
		{ E "[?1049h" E "[?1049$p", E "[?1049;1$y" },
		{ E "[?2027$p", E "[?2027;3$y" },
		{ E "[?3$p", E "[?3;4$y" },
		{ E "[?69$p" E "[?1005$p" E "[?4242$p",
		  E "[?69;0$y" E "[?1005;0$y" E "[?4242;0$y" },
		{ E "[4$p" E "[4h" E "[4$p" E "[99$p", E "[4;2$y" E "[4;1$y" E "[99;0$y" },
		{ E "[?2004;1004h" E "[?2004;1004s" E "[?2004;1004l" E "[?2004r" E "[?2004$p" E
		    "[?1004$p",
		  E "[?2004;1$y" E "[?1004;2$y" },
	};

	(void)state;
	check(cases);
}

static void settings_and_capabilities_are_reported(void **state)
{
	static const struct reply_case cases[] = {
		{ E "P$qm" ST, E "P1$r0m" ST },
		{ E "[1;4:3;31;48;2;1;2;3;58;5;9m" E "P$qm" ST,
		  E "P1$r0;1;4:3;31;48:2::1:2:3;58:5:9m" ST },
		{ E "[95;103m" E "P$qm" ST, E "P1$r0;95;103m" ST },
		{ E "[3;5r" E "P$qr" ST, E "P1$r3;5r" ST },
		{ E "[3 q" E "P$q q" ST, E "P1$r3 q" ST },
		{ E "P$qs" ST, E "P0$r" ST },
		{ E "P+q436f" ST, E "P1+r436F=323536" ST },
		{ E "P+q524742;5858" ST, E "P1+r524742=382F382F38" ST E "P0+r" ST },
		/* too long, unknown, or cut by CAN: nothing */
		{ E "P1$tx" ST E "P{x" ST E "P$qm\030", "" },
	};

	(void)state;
	check(cases);
}

static void keyboard_protocols_are_negotiated(void **state)
{
	static const struct reply_case cases[] = {
		{ E "[?u", E "[?0u" },
		{ E "[>1u" E "[?u", E "[?1u" },
		{ E "[>31u" E "[?u", E "[?25u" },
		{ E "[>1u" E "[>8u" E "[<u" E "[?u", E "[?1u" },
		{ E "[>1u" E "[<9u" E "[?u", E "[?0u" },
		{ E "[=1u" E "[=8;2u" E "[?u" E "[=1;3u" E "[?u", E "[?9u" E "[?8u" },
		{ E "[>1u" E "[?1049h" E "[?u" E "[>8u" E "[?1049l" E "[?u", E "[?0u" E "[?1u" },
		{ E "[>1u" E "[>1u" E "[>1u" E "[>1u" E "[>1u" E "[>1u" E "[>1u" E "[>1u" E "[>8u" E
		    "[<8u" E "[?u",
		  E "[?0u" },
		{ E "[?4m" E "[>4;2m" E "[?4m" E "[>4m" E "[?4m",
		  E "[>4;0m" E "[>4;2m" E "[>4;0m" },
	};

	(void)state;
	check(cases);
}

static void colours_are_told_and_not_changed(void **state)
{
	static const struct reply_case cases[] = {
		{ E "]10;?" ST, E "]10;rgb:d0d0/d0d0/d0d0" ST },
		{ E "]11;?\a", E "]11;rgb:1010/1010/1010" ST },
		{ E "]4;1;?;196;?;255;?" ST,
		  E "]4;1;rgb:cdcd/0000/0000" ST E "]4;196;rgb:ffff/0000/0000" ST E
		    "]4;255;rgb:eeee/eeee/eeee" ST },
		{ E "]4;1;#ffffff" ST E "]4;1;?" ST, E "]4;1;rgb:cdcd/0000/0000" ST },
		{ E "]4;256;?" ST E "]4;;?" ST E "]4" ST E "]10" ST, "" },
	};

	(void)state;
	check(cases);
}

static void nothing_is_answered_when_replies_are_off(void **state)
{
	struct said said;
	struct vt *vt;

	(void)state;
	said_init(&said);
	vt = vt_new(24, 80, &said_ops, &said);
	vt_set_replies(vt, false);
	feed(vt, E "[c" E "[6n" E "]10;?" ST E "P$qm" ST);
	assert_int_equal(said.replies.len, 0);
	vt_set_replies(vt, true);
	/* without knowing the pixels there is nothing to say about them */
	feed(vt, E "[14t" E "[16t");
	assert_int_equal(said.replies.len, 0);
	feed(vt, E "[6n");
	assert_int_not_equal(said.replies.len, 0);
	vt_free(vt);
	said_done(&said);
}

static void checksums_are_for_tests_only(void **state)
{
	struct said said;
	struct vt *vt;

	(void)state;
	said_init(&said);
	vt = vt_new(2, 4, &said_ops, &said);
	feed(vt, "AB" E "[7;1;1;1;1;2*y");
	assert_int_equal(said.replies.len, 0);
	vt_set_checksums(vt, true);
	feed(vt, E "[7;1;1;1;1;2*y");
	assert_string_equal(buf_str(&said.replies), E "P7!~FF7D" ST);
	buf_reset(&said.replies);
	feed(vt, E "[1;1;1;1;99;99*y" E "[1;1;9;9;1;1*y");
	assert_string_equal(buf_str(&said.replies), E "P1!~FEBD" ST E "P1!~0000" ST);
	vt_free(vt);
	said_done(&said);
}

static void resize_and_theme_are_told_to_who_asked(void **state)
{
	struct vt_theme light = { .fg = 0, .bg = 0xffffff, .is_dark = false };
	struct said said;
	struct vt *vt;

	(void)state;
	said_init(&said);
	vt = vt_new(24, 80, &said_ops, &said);
	vt_resize(vt, 30, 90);
	vt_set_theme(vt, &light);
	assert_int_equal(said.replies.len, 0);
	feed(vt, E "[?2048;2031h");
	buf_reset(&said.replies);
	vt_resize(vt, 24, 80);
	light.is_dark = true;
	vt_set_theme(vt, &light);
	vt_set_theme(vt, &light);
	assert_string_equal(buf_str(&said.replies), E "[48;24;80;0;0t" E "[?997;1n");
	vt_free(vt);
	said_done(&said);
}

/* --- what the owner hears ------------------------------------------------------------------ */

static void titles_are_cleaned(void **state)
{
	struct said said;
	char long_title[1000];
	struct vt *vt;

	(void)state;
	said_init(&said);
	vt = vt_new(24, 80, &said_ops, &said);
	feed(vt, E "]0;\xe2\x9c\xb3 Claude Code\a");
	assert_string_equal(vt_title(vt), "\xe2\x9c\xb3 Claude Code");
	feed(vt, E "]2;a\xe2\x80\xae"
	           "b\xc2\x9b"
	           "c\xff\xe2\x80\x8b"
	           "d" ST);
	assert_string_equal(vt_title(vt), "abc\xef\xbf\xbd"
	                                  "d");
	assert_int_equal(said.titles, 2);
	feed(vt, E "]1;icon" ST E "[22;0t" E "]2;other" ST E "[23;0t");
	assert_string_equal(vt_title(vt), "abc\xef\xbf\xbd"
	                                  "d");
	snprintf(long_title, sizeof long_title, E "]0;%0900d\a", 7);
	feed(vt, long_title);
	assert_true(strlen(vt_title(vt)) < VT_TITLE_MAX);
	feed(vt, E "]0;\a");
	assert_string_equal(vt_title(vt), "");
	vt_free(vt);
	said_done(&said);
}

static void notices_come_from_every_kind_of_osc(void **state)
{
	static const struct reply_case cases[] = {
		{ "\a", "bell[][]0,-1\n" },
		{ E "]9;build done" ST, "message[][build done]0,-1\n" },
		{ E "]9;4;1;42\a" E "]9;4;0\a" E "]9;4;3;\a" E "]9;4;1;999\a" E "]9;4;9\a",
		  "progress[][]1,42\nprogress[][]0,-1\nprogress[][]3,-1\nprogress[][]1,100\n" },
		{ E "]777;notify;Title;Body;more\a", "message[Title][Body;more]0,-1\n" },
		{ E "]777;notify;only\a" E "]777;precmd\a", "message[][only]0,-1\n" },
		{ E "]99;;hello" ST, "message[hello][]0,-1\n" },
		{ E "]99;i=1:d=0;Ti" ST E "]99;i=1:d=0;tle" ST E "]99;i=1:p=body;text" ST,
		  "message[Title][text]0,-1\n" },
		{ E "]99;e=1;aGVsbG8=" ST, "message[hello][]0,-1\n" },
		{ E "]99;p=?;" ST E "]99;p=close;" ST E "]99;e=1;***" ST, "" },
		{ E "]133;A\a" E "]133;C\a" E "]133;D;130\a" E "]133;Z\a",
		  "prompt[][]65,-1\nprompt[][]67,-1\nprompt[][]68,130\n" },
		{ E "]9;line\r\ntwo" E "\\", "message[][linetwo]0,-1\n" },
		{ E "]9;\xe2\x80\xae evil\xc2\x85\a", "message[][ evil ]0,-1\n" },
		{ E "]8;;\a" E "]7;file:///\a" E "]1337;x\a" E "]\a" E "];\a" E "]99999;x\a", "" },
	};
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct said said;
		struct vt *vt;

		said_init(&said);
		vt = vt_new(24, 80, &said_ops, &said);
		feed(vt, cases[i].bytes);
		if (strcmp(buf_str(&said.notices), cases[i].want) != 0) {
			print_error("%zu: got '%s', want '%s'\n", i, buf_str(&said.notices),
			            cases[i].want);
			bad++;
		}
		vt_free(vt);
		said_done(&said);
	}
	assert_int_equal(bad, 0);
}

static void the_clipboard_is_set_only_through_the_owner(void **state)
{
	struct said said;
	struct vt *vt;
	struct buf big = BUF_INIT(1 << 20);

	(void)state;
	said_init(&said);
	vt = vt_new(24, 80, &said_ops, &said);
	feed(vt, E "]52;c;aGVsbG8=\a");
	assert_string_equal(buf_str(&said.clipboard), "hello");
	feed(vt, E "]52;c;?\a" E "]52;c;!!!\a" E "]52;c\a" E "]52;;\a");
	assert_int_equal(said.clipboard.len, 5);
	assert_int_equal(said.replies.len, 0);
	/* what is too long is no clipboard at all */
	buf_adds(&big, E "]52;c;");
	for (int i = 0; i < 40000; i++)
		buf_adds(&big, "QUJD");
	vt_feed(vt, big.data, big.len, 0);
	feed(vt, "\a");
	assert_int_equal(said.clipboard.len, 5 + 120000);
	for (int i = 0; i < 40000; i++)
		buf_adds(&big, "QUJD");
	vt_feed(vt, big.data, big.len, 0);
	feed(vt, "\a");
	assert_int_equal(said.clipboard.len, 5 + 120000);
	buf_done(&big);
	vt_free(vt);
	said_done(&said);
}

static void only_web_and_mail_links_are_links(void **state)
{
	static const struct {
		const char *uri;
		bool is_link;
	} cases[] = {
		{ "https://x.test/a?b=c#d", true },
		{ "http://x.test", true },
		{ "mailto:a@b.c", true },
		{ "javascript:alert(1)", false },
		{ "file:///etc/passwd", false },
		{ "vscode://x", false },
		{ "https://", false },
		{ "https://x.test/\xc3\xa9", false },
		{ "https://a b", false },
		{ "HTTPS://X.TEST/", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct vt *vt = vt_new(2, 10, NULL, NULL);
		char bytes[200];
		const char *got;

		snprintf(bytes, sizeof bytes, E "]8;;%s\ax" E "]8;;\a", cases[i].uri);
		feed(vt, bytes);
		got = vt_cell_link(vt, &vt_row(vt, 0).cells[0], NULL);
		if ((got != NULL) != cases[i].is_link || (got && strcmp(got, cases[i].uri) != 0))
			fail_msg("%s", cases[i].uri);
		vt_free(vt);
	}
}

static void ever_new_links_have_a_ceiling(void **state)
{
	struct vt *vt = vt_new(5, 80, NULL, NULL);
	char bytes[100];
	unsigned id;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		snprintf(bytes, sizeof bytes, E "]8;;https://x.test/%d\ay", i);
		feed(vt, bytes);
	}
	/* most were freed again, so that the last one is there */
	feed(vt, "\r\n" E "]8;;https://last.test/\ax");
	assert_string_equal(vt_cell_link(vt, &vt_row(vt, vt_cursor(vt).y).cells[0], &id),
	                    "https://last.test/");
	vt_free(vt);
}

static void clean_text_fits_and_is_valid(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(vt_clean(out, sizeof out, "abc\033[31m", 8), 7);
	assert_string_equal(out, "abc[31m");
	assert_int_equal(vt_clean(out, sizeof out, "abcd\xe6\xbc\xa2\xe6\xbc\xa2", 10), 7);
	assert_string_equal(out, "abcd\xe6\xbc\xa2");
	assert_int_equal(vt_clean(out, sizeof out, "a\n\tb", 4), 4);
	assert_string_equal(out, "a  b");
	assert_int_equal(vt_clean(out, sizeof out, "\xcc\x81x", 3), 1);
	assert_string_equal(out, "x");
	assert_int_equal(vt_clean(out, 1, "abc", 3), 0);
	assert_int_equal(vt_clean(out, 0, "abc", 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_and_status_are_reported),
		cmocka_unit_test(the_version_is_ours),
		cmocka_unit_test(modes_are_reported_truthfully),
		cmocka_unit_test(settings_and_capabilities_are_reported),
		cmocka_unit_test(keyboard_protocols_are_negotiated),
		cmocka_unit_test(colours_are_told_and_not_changed),
		cmocka_unit_test(nothing_is_answered_when_replies_are_off),
		cmocka_unit_test(checksums_are_for_tests_only),
		cmocka_unit_test(resize_and_theme_are_told_to_who_asked),
		cmocka_unit_test(titles_are_cleaned),
		cmocka_unit_test(notices_come_from_every_kind_of_osc),
		cmocka_unit_test(the_clipboard_is_set_only_through_the_owner),
		cmocka_unit_test(only_web_and_mail_links_are_links),
		cmocka_unit_test(ever_new_links_have_a_ceiling),
		cmocka_unit_test(clean_text_fits_and_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
