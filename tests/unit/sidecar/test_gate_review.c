/* What a person is shown of a push: masked, bounded, and a diff that reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/gate/mask.h"
#include "sidecar/gate/report.h"
#include "sidecar/gate/review.h"
#include "sidecar/gate/stream.h"
#include "sidecar/gate/util.h"

#define OID1 "1111111111111111111111111111111111111111"
#define OID2 "2222222222222222222222222222222222222222"
#define KEY "QZ7xWv9KpL2mNb4RtY8c" /* stands for a secret */
#define INDEX "index " OID1 ".." OID2 " 100644\n"

static struct findings found, shown;

static void add_to(struct findings *f, const char *secret, const char *name, enum place place,
                   bool is_decoded)
{
	struct finding one = { .rule = (char[]){ "some-rule" },
		               .place = place,
		               .source = is_decoded ? SOURCE_CONTENT : SOURCE_DIFF,
		               .is_decoded = is_decoded,
		               .line = 1,
		               .commit = OID1 };

	if (place == PLACE_COMMIT)
		one.source = SOURCE_META;
	one.secret = xstrndup(secret, strlen(secret));
	one.name = name ? xstrndup(name, strlen(name)) : NULL;
	findings_add(f, &one);
	free(one.secret);
	free(one.name);
}

static int done(void **state)
{
	(void)state;
	findings_done(&found);
	findings_done(&shown);
	return 0;
}

static const char *masked(const char *text, size_t len, enum mask_kind kind)
{
	static char out[8192];
	struct buf b = BUF_INIT(sizeof out - 1);
	struct masks *m = masks_new(&found, &shown);

	assert_non_null(m);
	mask_line(&b, m, text, len, kind);
	snprintf(out, sizeof out, "%s", buf_str(&b));
	buf_done(&b);
	masks_free(m);
	return out;
}

static void assert_masked(const char *text, enum mask_kind kind, const char *want)
{
	assert_string_equal(masked(text, strlen(text), kind), want);
}

static void a_secret_is_masked_wherever_it_stands(void **state)
{
	(void)state;
	add_to(&found, KEY, "a.c", PLACE_FILE, false);
	add_to(&shown, "another-secret-of-old", "b.c", PLACE_FILE, false);
	assert_masked("x = \"" KEY "\";", MASK_PLAIN, "x = \"QZ7x\xe2\x80\xa6(20)\";");
	assert_masked(KEY KEY, MASK_PLAIN, "QZ7x\xe2\x80\xa6(20)QZ7x\xe2\x80\xa6(20)");
	assert_masked("was another-secret-of-old", MASK_PLAIN, "was anot\xe2\x80\xa6(21)");
	assert_masked("nothing here", MASK_PLAIN, "nothing here");
	assert_masked("", MASK_PLAIN, "");
}

static void each_line_of_a_long_secret_is_masked_for_itself(void **state)
{
	(void)state;
	add_to(&found, "-----BEGIN KEY-----\r\nabcdefghijkl\n  mnopqrstuvwx\nyz12==\n", "k",
	       PLACE_FILE, false);
	assert_masked("-----BEGIN KEY-----", MASK_PLAIN, "----\xe2\x80\xa6(19)");
	assert_masked("    abcdefghijkl", MASK_PLAIN, "    \xe2\x80\xa6(12)");
	assert_masked("\"mnopqrstuvwx\\n\"", MASK_PLAIN, "\"\xe2\x80\xa6(12)\\n\"");
	/* a short end only where it is alone */
	assert_masked("  yz12==", MASK_PLAIN, "\xe2\x80\xa6(6)");
	assert_masked("if (yz12==", MASK_PLAIN, "if (yz12==");
}

static void a_beginning_of_a_secret_at_a_cut_is_masked(void **state)
{
	char line[REVIEW_LINE + 8], *want;

	(void)state;
	add_to(&found, KEY, "a.c", PLACE_FILE, false);
	memset(line, ' ', sizeof line);
	memcpy(line + REVIEW_LINE - 9, "QZ7xWv9\xe2\x80\xa6", 11);
	line[REVIEW_LINE + 1] = '\0';
	want = xasprintf("%*sQZ7x\xe2\x80\xa6(20)", REVIEW_LINE - 9, "");
	assert_masked(line, MASK_PLAIN, want);
	free(want);
}

static void a_known_secret_is_masked_in_base64_and_hex_wherever_it_begins(void **state)
{
	(void)state;
	add_to(&found, "AKIABPRHGLDNM7YXBY23", "a.c", PLACE_FILE, false);
	/* alone; after one byte; after two; in URLs; in hex */
	assert_masked("QUtJQUJQUkhHTEROTTdZWEJZMjMK", MASK_PLAIN, "\xe2\x80\xa6(26)MK");
	assert_masked("eEFLSUFCUFJIR0xETk03WVhCWTIzCg==", MASK_PLAIN, "eE\xe2\x80\xa6(26)Cg==");
	assert_masked("eHhBS0lBQlBSSEdMRE5NN1lYQlkyMwo=", MASK_PLAIN, "eHh\xe2\x80\xa6(26)wo=");
	assert_masked("414b49414250524847 414b494142505248474c444e4d375958425932330a", MASK_PLAIN,
	              "414b49414250524847 \xe2\x80\xa6(40)0a");
	findings_done(&found);
	add_to(&found, "ab>ab?ab>ab?~~~", "a.c", PLACE_FILE, false);
	assert_masked("YWI-YWI_YWI-YWI_fn5-", MASK_PLAIN, "\xe2\x80\xa6(20)");
	assert_masked("YWI+YWI/YWI+YWI/fn5+", MASK_PLAIN, "\xe2\x80\xa6(20)");
}

static void in_a_tainted_file_every_long_word_is_masked(void **state)
{
	(void)state;
	assert_masked("k: QVdTIGtleSBBS0lB, short", MASK_TAINTED, "k: \xe2\x80\xa6(16), short");
	assert_masked("%41%4B%49%41%30%31", MASK_TAINTED, "\xe2\x80\xa6(18)");
	assert_string_equal(masked("A\0K\0I\0A\0X\0Y\0Z\0", 14, MASK_TAINTED), "\xe2\x80\xa6(14)");
}

static void what_looks_like_key_material_is_masked_where_the_scan_saw_a_part(void **state)
{
	static const char pem[] = "MIIEpAIBAAKCAQEA7bq1Zz0vXk3l9QwErTyUiOpAsDfGhJkL";

	(void)state;
	assert_masked(pem, MASK_PARTLY, "\xe2\x80\xa6(48)");
	assert_masked(pem, MASK_PLAIN, pem);
	assert_masked("a_function_with_a_very_long_name_indeed(int x)", MASK_PARTLY,
	              "a_function_with_a_very_long_name_indeed(int x)");
}

static void controls_and_hidden_characters_do_not_get_through(void **state)
{
	(void)state;
	assert_masked("a\tb\033[31m\xe2\x80\xae" "c\x7f\xff\r", MASK_PLAIN,
	              "a\tb?[31m?c??\xe2\x90\x8d");
}

static void names_are_masked_with_both_lists(void **state)
{
	struct masks *m;
	char *name;

	(void)state;
	add_to(&found, "plain-secret-1", "dir/plain-secret-1", PLACE_PATH, false);
	add_to(&shown, "older-secret-2", "x", PLACE_FILE, false);
	m = masks_new(&found, &shown);
	name = mask_name(m, "dir/plain-secret-1", 18, 100);
	assert_string_equal(name, "dir/plai\xe2\x80\xa6(14)");
	free(name);
	name = mask_name(m, "older-secret-2", 14, 100);
	assert_string_equal(name, "olde\xe2\x80\xa6(14)");
	free(name);
	masks_free(m);
}

static void more_secrets_than_can_be_masked_means_nothing_is_shown(void **state)
{
	char secret[32];

	(void)state;
	for (int i = 0; i <= FINDINGS_MAX; i++) {
		snprintf(secret, sizeof secret, "secret-number-%d", i);
		add_to(&found, secret, "a", PLACE_FILE, false);
	}
	assert_null(masks_new(&found, &shown));
}

/* --- the diff ------------------------------------------------------------------------ */

static const char *rendered(const char *raw, size_t len, bool *is_whole)
{
	static char out[(1U << 20) + 1];
	struct review r = { .n_commits = 0 };
	struct buf b = BUF_INIT(1U << 20);
	struct masks *m = masks_new(&found, &shown);

	r.raw.max = 2 * REVIEW_RAW;
	buf_add(&r.raw, raw, len);
	*is_whole = review_render(&b, &r, m);
	snprintf(out, sizeof out, "%s", buf_str(&b));
	buf_done(&b);
	masks_free(m);
	review_done(&r);
	return out;
}

static void assert_rendered(const char *raw, const char *want)
{
	bool is_whole = false;

	assert_string_equal(rendered(raw, strlen(raw), &is_whole), want);
	assert_true(is_whole);
}

static void a_diff_comes_out_with_quoted_names_and_plain_hunk_heads(void **state)
{
	(void)state;
	assert_rendered(OID1 "\ndiff --git a/x y.c b/x y.c\n" INDEX
	                     "--- a/x y.c\t\n+++ b/x y.c\t\n@@ -1,3 +1,3 @@ secret f\n a\n-b\n"
	                     "+c\n d\n@@ -9 +9 @@\n-e\n+f\n\\ No newline at end of file\n",
	                "commit " OID1 "\ndiff --git \"a/x y.c\" \"b/x y.c\"\n" INDEX
	                "--- \"a/x y.c\"\n+++ \"b/x y.c\"\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n"
	                "@@ -9,1 +9,1 @@\n-e\n+f\n\\ No newline at end of file\n");
}

static void made_deleted_binary_and_empty_files_keep_their_heads(void **state)
{
	(void)state;
	assert_rendered(
		OID1 "\ndiff --git a/n b/n\nnew file mode 100755\n" INDEX
		     "--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n"
		     "diff --git \"a/q\\\"\\n\" \"b/q\\\"\\n\"\ndeleted file mode 100644\n" INDEX
		     "Binary files \"a/q\\\"\\n\" and /dev/null differ\n"
		     "diff --git a/e b/e\nold mode 100644\nnew mode 100755\n" OID2 "\n",
		"commit " OID1 "\ndiff --git \"a/n\" \"b/n\"\nnew file mode 100755\n" INDEX
		"--- /dev/null\n+++ \"b/n\"\n@@ -0,0 +1,1 @@\n+x\n"
		"diff --git \"a/q\\\" \" \"b/q\\\" \"\ndeleted file mode 100644\n" INDEX
		"Binary files \"a/q\\\" \" and /dev/null differ\n"
		"diff --git \"a/e\" \"b/e\"\nold mode 100644\nnew mode 100755\ncommit " OID2 "\n");
}

static void lines_that_look_like_heads_are_lines(void **state)
{
	(void)state;
	assert_rendered(OID1 "\ndiff --git a/n b/n\n" INDEX
	                     "--- a/n\n+++ b/n\n@@ -1,2 +1,2 @@\n--- a/x\n-" OID2
	                     "\n++++ b/x\n+@@ -1 +1 @@\n",
	                "commit " OID1 "\ndiff --git \"a/n\" \"b/n\"\n" INDEX
	                "--- \"a/n\"\n+++ \"b/n\"\n@@ -1,2 +1,2 @@\n--- a/x\n-\xe2\x80\xa6(40)\n"
	                "++++ b/x\n+@@ -1 +1 @@\n");
}

static void a_secret_is_masked_in_every_kind_of_line_and_in_names(void **state)
{
	bool is_whole;
	const char *out;
	static const char raw[] = OID1 "\ndiff --git a/" KEY " b/" KEY "\n" INDEX "--- a/" KEY
				       "\n+++ b/" KEY "\n@@ -1,2 +1,2 @@ " KEY "\n " KEY "\n-" KEY
				       "\n+" KEY "\n";

	(void)state;
	add_to(&found, KEY, "a.c", PLACE_FILE, false);
	out = rendered(raw, sizeof raw - 1, &is_whole);
	assert_null(strstr(out, KEY));
	assert_non_null(strstr(out, "+QZ7x\xe2\x80\xa6(20)\n"));
	assert_non_null(strstr(out, "\"a/QZ7x\xe2\x80\xa6(20)\""));
}

static void a_hunk_that_does_not_fit_is_cut_and_its_head_says_what_is_there(void **state)
{
	struct buf raw = BUF_INIT(2 * REVIEW_RAW);
	bool is_whole = true;
	const char *out, *head;
	long n, lines = 0;

	(void)state;
	buf_adds(&raw, OID1 "\ndiff --git a/n b/n\n" INDEX
	                "--- a/n\n+++ b/n\n@@ -0,0 +1,20000 @@\n");
	for (int i = 0; i < 20000; i++)
		buf_adds(&raw, "+a line that is of some length, though not of a great one\n");
	out = rendered(raw.data, raw.len, &is_whole);
	assert_false(is_whole);
	assert_true(strlen(out) <= REVIEW_DIFF);
	assert_true(strlen(out) > REVIEW_DIFF - 4096);
	head = strstr(out, "@@ -0,0 +1,");
	assert_non_null(head);
	n = strtol(head + 11, NULL, 10);
	for (const char *p = strchr(head, '\n') + 1; *p; p = strchr(p, '\n') + 1)
		lines++;
	assert_int_equal(n, lines);
	buf_done(&raw);
}

static void rubbish_ends_the_diff_and_harms_nothing(void **state)
{
	static const char *const raws[] = {
		"", "\n", "@@ \n", "@@ -1 +1 @@\n", "diff --git \n", "diff --git a b\n+x\n",
		OID1 "\n@@ -1,2 +1,2 @@\n+a\n", OID1 "\ndiff --git a/x b/y\n@@ -x +1 @@\n+a\n",
		OID1 "\ndiff --git a/x b/x\n@@ -1,99999999999999999999 +1 @@\n a\n",
	};
	bool is_whole;

	(void)state;
	for (size_t i = 0; i < sizeof raws / sizeof *raws; i++)
		rendered(raws[i], strlen(raws[i]), &is_whole);
}

/* Numbers that are the same in each run. */
static unsigned next_random(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x >> 16);
}

/* Pieces of a diff and of text, in any order, and bytes changed here and there. */
static size_t scramble(char *out, size_t max)
{
	static const char *const pieces[] = {
		OID1 "\n", "diff --git a/x b/x\n", "diff --git a/" KEY " b/" KEY "\n", INDEX,
		"--- a/x\n", "+++ b/" KEY "\n", "@@ -1,2 +1,2 @@ " KEY "\n", "@@ -1 +1,9 @@\n",
		"+", "-", " ", KEY, KEY "\n", "\n", "line-two-of-it\n", "x", "\t", "\\ No\n",
		"new file mode 100644\n", "Binary files a/" KEY " and b/x differ\n",
	};
	size_t n = 0;

	while (n + 100 < max) {
		const char *p = pieces[next_random() % (sizeof pieces / sizeof *pieces)];

		memcpy(out + n, p, strlen(p));
		n += strlen(p);
		if (next_random() % 16 == 0)
			out[next_random() % n] = (char)next_random();
	}
	return n;
}

static void no_order_of_things_lets_a_secret_through(void **state)
{
	static char raw[4096];
	bool is_whole;
	size_t shown_bytes = 0;

	(void)state;
	add_to(&found, KEY "\nline-two-of-it", "a.c", PLACE_FILE, false);
	for (int i = 0; i < 3000; i++) {
		size_t n = scramble(raw, 512 + next_random() % 3000);
		const char *out = rendered(raw, n, &is_whole);

		shown_bytes += strlen(out);
		if (strstr(out, KEY) || strstr(out, "line-two-of-it"))
			fail_msg("round %d: %s", i, out);
		for (const char *p = out; *p; p++)
			if ((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t')
				fail_msg("round %d: a control character", i);
	}
	assert_true(shown_bytes > 100000);
}

/* --- commits, and the scanner ------------------------------------------------------------ */

static void a_commit_is_read_from_its_object(void **state)
{
	struct review r = { .n_commits = 0 };

	(void)state;
	review_commit(&r, OID1,
	              "tree x\nparent y\nauthor Ann O. <ann@x.test> 1795521600 +0100\n"
	              "committer C <c@x> 1 +0000\ngpgsig -----BEGIN\n author no\n -----END\n\n"
	              "the subject\n\nauthor body\n");
	review_commit(&r, OID2, "tree x\n\n\n");
	assert_int_equal(r.n_commits, 2);
	assert_string_equal(r.commits[0].author, "Ann O. <ann@x.test>");
	assert_string_equal(r.commits[0].subject, "the subject");
	assert_true(r.commits[0].time == 1795521600);
	assert_null(r.commits[1].author);
	assert_string_equal(r.commits[1].subject, "");
	for (int i = 0; i < REVIEW_COMMITS; i++)
		review_commit(&r, OID2, "tree x\n\ny\n");
	assert_int_equal(r.n_commits, REVIEW_COMMITS);
	assert_true(r.is_cut);
	review_done(&r);
}

static int collect(void *ctx, const char *data, size_t len)
{
	return buf_add(ctx, data, len);
}

static void the_scanner_is_given_every_line_that_is_shown(void **state)
{
	static const char raw[] = OID1 "\ndiff --git a/f.c b/f.c\n" INDEX
				       "--- a/f.c\n+++ b/f.c\n@@ -1,2 +1,2 @@\n context\n-removed\n"
				       "+added\n@@ -9 +9 @@\n-far\n+away\n";
	struct buf out = BUF_INIT(1U << 20);
	struct stream *s = stream_new(collect, &out);
	struct review r = { .n_commits = 0 };
	const struct entry *e;
	bool is_content;

	(void)state;
	r.raw.max = REVIEW_RAW;
	buf_add(&r.raw, raw, sizeof raw - 1);
	review_scan(&r, s);
	assert_int_equal(stream_finish(s, NULL), 0);
	assert_non_null(strstr(out.data, "+context\n+removed\n+added\n"));
	assert_non_null(strstr(out.data, "+far\n+away\n"));
	assert_null(strstr(out.data, "+added\n+far\n"));
	e = stream_find(s, "m0/f.c", 1, &is_content);
	assert_non_null(e);
	assert_int_equal(e->place, PLACE_REVIEW);
	assert_string_equal(e->name, "f.c");
	stream_free(s);
	review_done(&r);
	buf_done(&out);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_secret_is_masked_wherever_it_stands),
		TEST(each_line_of_a_long_secret_is_masked_for_itself),
		TEST(a_beginning_of_a_secret_at_a_cut_is_masked),
		TEST(a_known_secret_is_masked_in_base64_and_hex_wherever_it_begins),
		TEST(in_a_tainted_file_every_long_word_is_masked),
		TEST(what_looks_like_key_material_is_masked_where_the_scan_saw_a_part),
		TEST(controls_and_hidden_characters_do_not_get_through),
		TEST(names_are_masked_with_both_lists),
		TEST(more_secrets_than_can_be_masked_means_nothing_is_shown),
		TEST(a_diff_comes_out_with_quoted_names_and_plain_hunk_heads),
		TEST(made_deleted_binary_and_empty_files_keep_their_heads),
		TEST(lines_that_look_like_heads_are_lines),
		TEST(a_secret_is_masked_in_every_kind_of_line_and_in_names),
		TEST(a_hunk_that_does_not_fit_is_cut_and_its_head_says_what_is_there),
		TEST(rubbish_ends_the_diff_and_harms_nothing),
		TEST(no_order_of_things_lets_a_secret_through),
		TEST(a_commit_is_read_from_its_object),
		TEST(the_scanner_is_given_every_line_that_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
