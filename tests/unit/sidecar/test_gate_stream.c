#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/gate/letters.h"
#include "sidecar/gate/stream.h"
#include "sidecar/gate/util.h"

#define OID1 "1111111111111111111111111111111111111111"
#define OID2 "2222222222222222222222222222222222222222"
#define LIT(s) (s), sizeof(s) - 1

static int collect(void *ctx, const char *data, size_t len)
{
	return buf_add(ctx, data, len);
}

/* A stream into out, in the middle of file PATH of commit 1. */
static struct stream *in_file(struct buf *out, const char *path)
{
	struct stream *s = stream_new(collect, out);

	stream_commit(s, OID1);
	stream_file(s, path, strlen(path), OID2);
	return s;
}

static const char plain_patch[] =
	"diff --git a/d0/src/a__b__.c b/d0/src/a__b__.c\n--- a/d0/src/a__b__.c\n"
	"+++ b/d0/src/a__b__.c\n@@ -0,0 +7,2 @@\n+one\n+two\n"
	"diff --git a/d0/src/a__b__.c b/d0/src/a__b__.c\n--- a/d0/src/a__b__.c\n"
	"+++ b/d0/src/a__b__.c\n@@ -0,0 +20,1 @@\n+\n"
	"diff --git a/k0/canary";

static void a_file_becomes_a_plain_patch(void **state)
{
	struct buf out = BUF_INIT(1U << 16);
	struct stream *s = in_file(&out, "src/a @b\n\".c");
	const struct entry *e;
	bool is_content = true;

	(void)state;
	stream_text(s, 7, LIT("one"), true);
	stream_text(s, 8, LIT("tw"), false);
	stream_text(s, 8, LIT("o"), true);
	stream_text(s, 20, LIT(""), true);
	assert_int_equal(stream_finish(s, NULL), 0);
	assert_memory_equal(out.data, plain_patch, sizeof plain_patch - 1);
	e = stream_find(s, "d0/src/a__b__.c", 7, &is_content);
	assert_non_null(e);
	assert_string_equal(e->name, "src/a @b\n\".c");
	assert_string_equal(e->commit, OID1);
	assert_string_equal(e->blob, OID2);
	assert_int_equal(e->place, PLACE_FILE);
	assert_false(is_content);
	assert_false(e->is_binary);
	stream_free(s);
	buf_done(&out);
}

static void a_canary_ends_the_stream(void **state)
{
	struct buf out = BUF_INIT(1U << 16);
	struct stream *s = stream_new(collect, &out);
	bool is_content;

	(void)state;
	assert_int_equal(stream_finish(s, NULL), 0);
	assert_int_equal(stream_n_canaries(s), 1);
	assert_non_null(strstr(out.data, stream_canary(s, 0)));
	assert_null(stream_find(s, "k0/canary", 1, &is_content));
	assert_null(stream_find(s, "d0/x", 1, &is_content));
	assert_null(stream_find(s, "", 1, &is_content));
	assert_null(stream_find(s, "d/x", 1, &is_content));
	stream_free(s);
	buf_done(&out);
}

static void canaries_are_planted_along_a_long_stream(void **state)
{
	struct buf out = BUF_INIT(1U << 25);
	struct stream *s = in_file(&out, "big");

	(void)state;
	for (int i = 1; i <= 100000; i++)
		stream_text(s, i,
		            LIT("0123456789012345678901234567890123456789012345678901234567890123"
		                "456789012345678901234567890123456789"),
		            true);
	assert_int_equal(stream_finish(s, NULL), 0);
	assert_in_range(stream_n_canaries(s), 3, 4);
	assert_string_not_equal(stream_canary(s, 0), stream_canary(s, 1));
	stream_free(s);
	buf_done(&out);
}

static void a_canary_looks_like_a_key_of_high_entropy(void **state)
{
	char a[21], b[21];

	(void)state;
	stream_make_canary(a);
	stream_make_canary(b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 20);
	for (int i = 4; i < 20; i++)
		for (int j = i + 1; j < 20; j++)
			assert_int_not_equal(a[i], a[j]);
}

static void names_share_a_hunk_and_are_told_by_line(void **state)
{
	struct buf out = BUF_INIT(1U << 16);
	struct stream *s = stream_new(collect, &out);
	const struct entry *e;
	bool is_content;

	(void)state;
	stream_name(s, PLACE_REF, LIT("refs/heads/a"));
	stream_commit(s, OID1);
	stream_name(s, PLACE_PATH, LIT("x\ny"));
	stream_name(s, PLACE_PATH, LIT("z"));
	assert_int_equal(stream_finish(s, NULL), 0);
	assert_non_null(strstr(out.data, "@@ -0,0 +1,2 @@\n+refs/heads/a\n+refs heads a\n"));
	assert_non_null(strstr(out.data, "n1/names\n@@ -0,0 +1,4 @@\n+x y\n+x y\n+z\n+z\n"));
	e = stream_find(s, "n1/names", 4, &is_content);
	assert_string_equal(e->name, "z");
	assert_int_equal(e->place, PLACE_PATH);
	e = stream_find(s, "n0/names", 2, &is_content);
	assert_int_equal(e->place, PLACE_REF);
	assert_null(e->commit);
	stream_free(s);
	buf_done(&out);
}

static void objects_are_meta(void **state)
{
	struct buf out = BUF_INIT(1U << 16);
	struct stream *s = stream_new(collect, &out);
	const struct entry *e;
	bool is_content;

	(void)state;
	stream_object(s, PLACE_COMMIT, OID2);
	stream_text(s, 1, LIT("tree x"), true);
	assert_int_equal(stream_finish(s, NULL), 0);
	assert_non_null(strstr(out.data, "+++ b/m0/object\n@@ -0,0 +1,1 @@\n+tree x\n"));
	e = stream_find(s, "m0/object", 1, &is_content);
	assert_int_equal(e->place, PLACE_COMMIT);
	assert_string_equal(e->commit, OID2);
	stream_free(s);
	buf_done(&out);
}

/* Does some line of a letter's section hold this? */
static bool section_has(const char *stream, char letter, const char *what)
{
	char head[16] = "+++ b/?";

	head[6] = letter;
	for (const char *p = stream; (p = strstr(p, head)); p++) {
		const char *end = strstr(p, "\ndiff --git "), *hit = strstr(p, what);

		if (hit && (!end || hit < end))
			return true;
	}
	return false;
}

static void utf16_of_either_order_is_read_as_text(void **state)
{
	static const char word[] = "token-of-some-kind";
	char le[64] = { 0 }, be[64] = { 0 };
	size_t n = sizeof word - 1;

	(void)state;
	for (size_t i = 0; i < n; i++)
		le[2 * i] = be[2 * i + 1] = word[i];
	for (int k = 0; k < 2; k++) {
		struct buf out = BUF_INIT(1U << 16);
		struct stream *s = in_file(&out, "u");

		stream_text(s, 1, k ? be : le, 2 * n, true);
		stream_finish(s, NULL);
		assert_true(section_has(buf_str(&out), 'c', word));
		assert_true(stream_entry(s, 0)->is_binary);
		stream_free(s);
		buf_done(&out);
	}
}

static void strings_in_a_binary_keep_their_bounds(void **state)
{
	struct buf out = BUF_INIT(1U << 16);
	struct stream *s = in_file(&out, "u");

	(void)state;
	stream_text(s, 1, LIT("name\0AKIA-like\0\0next\0\0\0u\0t\0f"), true);
	stream_finish(s, NULL);
	assert_true(section_has(out.data, 'd', "+name AKIA-like  next"));
	assert_true(section_has(out.data, 'c', "AKIA-like next utf"));
	stream_free(s);
	buf_done(&out);
}

static void utf32_is_read_as_text(void **state)
{
	struct buf out = BUF_INIT(1U << 16);
	struct stream *s = in_file(&out, "u");

	(void)state;
	stream_text(s, 1, LIT("t\0\0\0o\0\0\0k\0\0\0e\0\0\0n\0\0\0"), true);
	stream_finish(s, NULL);
	assert_true(section_has(out.data, 'c', "+token\n"));
	stream_free(s);
	buf_done(&out);
}

static void text_is_told_from_binary(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		bool is_binary;
	} cases[] = {
		{ LIT("plain\ttext\r\f"), false },
		{ LIT("gr\xc3\xbc\xc3\x9f"), false },
		{ LIT("\x1f\x8b\x08"), true },
		{ LIT("PK\x03\x04"), true },
		{ LIT("a\0"), true },
		{ LIT("\xff\xfe"), true },
		{ LIT(""), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = BUF_INIT(1U << 16);
		struct stream *s = in_file(&out, "u");

		stream_text(s, 1, cases[i].text, cases[i].len, true);
		stream_finish(s, NULL);
		assert_int_equal(stream_entry(s, 0)->is_binary, cases[i].is_binary);
		stream_free(s);
		buf_done(&out);
	}
}

static void a_long_line_is_cut_with_overlap_and_keeps_its_number(void **state)
{
	static const char word[] = "needle-of-forty-characters-or-so-0123456";
	struct buf out = BUF_INIT(1U << 20);
	char line[20000];

	(void)state;
	/* Wherever the needle lies, some piece has the whole of it. */
	for (size_t at = 3800; at < 4300; at += 7) {
		struct stream *s;
		size_t longest = 0;

		buf_reset(&out);
		s = in_file(&out, "l");
		memset(line, '.', sizeof line);
		memcpy(line + at, word, sizeof word - 1);
		stream_text(s, 5, line, 9000, false);
		stream_text(s, 5, line + 9000, sizeof line - 9000, true);
		stream_text(s, 6, LIT("next"), true);
		assert_int_equal(stream_finish(s, NULL), 0);
		assert_true(section_has(out.data, 'c', word));
		assert_non_null(strstr(out.data, "c0/l\n@@ -0,0 +5,1 @@\n"));
		assert_non_null(strstr(out.data, "d0/l\n@@ -0,0 +5,2 @@\n"));
		assert_non_null(strstr(out.data, "\n+next\n"));
		for (const char *p = out.data, *e; (e = strchr(p, '\n')); p = e + 1)
			longest = (size_t)(e - p) > longest ? (size_t)(e - p) : longest;
		assert_true(longest <= STREAM_PIECE + 1);
		stream_free(s);
	}
	buf_done(&out);
}

static void only_base64_of_letters_alone_is_decoded(void **state)
{
	static const struct {
		const char *text, *wanted;
	} v[] = {
		{ "dGhlIGtleSBpcyBoZXJl", "the key is here " },
		{ "a=\"dGhlIGtleSBpcyBoZXJl==\" b: aGlkZGVuIGxldHRlciBwYXBlcg,",
		  "the key is here hidden letter paper " },
		{ "aGlkZGVuIGxldHRlciBwY", "hidden letter p " },
		{ "dGhlIGtleSBpcyBoZXJ", "" },	 /* too short */
		{ "dGhlIGtleSBpcyBoZXJl0", "" }, /* gitleaks looks into that */
		{ "InternationalizationOfEverything", "" },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "" },
		{ "", "" },
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		size_t len = strlen(v[i].text), n = letters_decode(v[i].text, len, out);

		assert_in_range(n, 0, len);
		assert_int_equal(n, strlen(v[i].wanted));
		assert_memory_equal(out, v[i].wanted, n);
	}
}

static void what_letters_hide_is_part_of_the_patch(void **state)
{
	struct buf out = BUF_INIT(1U << 16);
	struct stream *s = in_file(&out, "f");
	const struct entry *e;
	bool is_content = false;

	(void)state;
	stream_text(s, 4, LIT("x = dGhlIGtleSBpcyBoZXJl"), true);
	/* twice */
	stream_text(s, 5, LIT("y = YkdGdGNDQmhiSEJvWVNCaVpYUmhJSGRvWlhKbA"), true);
	stream_name(s, PLACE_PATH, LIT("d/dGhlIGtleSBpcyBoZXJl"));
	assert_int_equal(stream_finish(s, NULL), 0);
	assert_non_null(strstr(buf_str(&out), "+++ b/c0/f\n@@ -0,0 +4,1 @@\n+the key is here \n"));
	assert_non_null(strstr(buf_str(&out), "+x = dGhlIGtleSBpcyBoZXJl\n+y = "));
	assert_non_null(strstr(buf_str(&out), "@@ -0,0 +5,1 @@\n+lamp alpha beta where \n"));
	assert_non_null(strstr(buf_str(&out), "+d dGhlIGtleSBpcyBoZXJl the key is here \n"));
	e = stream_find(s, "c0/f", 4, &is_content);
	assert_non_null(e);
	assert_true(is_content);
	stream_free(s);
	buf_done(&out);
}

static void a_cut_in_base64_falls_on_a_group_of_four(void **state)
{
	char piece[STREAM_PIECE];
	uint64_t run = 0, pos;
	size_t cut;

	(void)state;
	memset(piece, 'A', sizeof piece);
	memcpy(piece, "key=\"", 5); /* the run begins at 5 */
	cut = stream_cut(piece, sizeof piece, 0, &run);
	assert_int_equal(run, 5);
	assert_int_equal((cut - 5) % 4, 0);
	assert_in_range(STREAM_PIECE - cut, STREAM_OVERLAP, STREAM_OVERLAP + 3);

	memset(piece, 'A', 5); /* it goes on through the next pieces */
	for (pos = cut; pos < 20000; pos += cut) {
		cut = stream_cut(piece, sizeof piece, pos, &run);
		assert_int_equal(run, 5);
		assert_int_equal((pos + cut - 5) % 4, 0);
	}
}

static void a_cut_leaves_words_and_pem_blocks_whole(void **state)
{
	char piece[STREAM_PIECE];
	uint64_t run = 0;

	(void)state;
	memset(piece, ' ', sizeof piece);
	memset(piece + 2000, 'w', 2090);
	piece[3000] = '.';
	assert_int_equal(stream_cut(piece, sizeof piece, 0, &run), 2000);

	memset(piece, ' ', sizeof piece);
	memcpy(piece + 1500, "-----BEGIN X", 12);
	run = 0;
	assert_int_equal(stream_cut(piece, sizeof piece, 0, &run), 1500);
	memcpy(piece + 2500, "-----END X", 10);
	assert_in_range(stream_cut(piece, sizeof piece, 0, &run), STREAM_PIECE - STREAM_OVERLAP - 3,
	                STREAM_PIECE - STREAM_OVERLAP);

	/* a block that fills the piece must not stop the line */
	memcpy(piece, "-----BEGIN X", 12);
	memset(piece + 2500, ' ', 10);
	memset(piece + 1500, ' ', 12);
	assert_true(stream_cut(piece, sizeof piece, 0, &run) > 1000);
}

static void every_line_comes_to_an_end(void **state)
{
	static const char *const fills[] = { "-----BEGIN", "w", " ", "ab.",
		                             "-----BEGIN -----END " };
	struct buf out = BUF_INIT(1U << 24);

	(void)state;
	for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
		struct stream *s;
		size_t n = strlen(fills[i]);
		char line[50000];

		for (size_t k = 0; k < sizeof line; k++)
			line[k] = fills[i][k % n];
		buf_reset(&out);
		s = in_file(&out, "l");
		stream_text(s, 1, line, sizeof line, true);
		assert_int_equal(stream_finish(s, NULL), 0);
		assert_true(out.len < 20 * sizeof line);
		stream_free(s);
	}
	buf_done(&out);
}

static void a_big_hunk_is_split_and_numbers_go_on(void **state)
{
	struct buf out = BUF_INIT(1U << 20);
	struct stream *s = in_file(&out, "b");
	unsigned long total = 0, first, count, next = 1;

	(void)state;
	for (int i = 1; i <= 2000; i++) {
		char line[64];

		snprintf(line, sizeof line, "this is line %06d of a file", i);
		stream_text(s, i, line, strlen(line), true);
	}
	assert_int_equal(stream_finish(s, NULL), 0);
	for (const char *p = out.data; (p = strstr(p, "+++ b/d0/b\n@@ -0,0 +")); p++) {
		char want[64];
		const char *at = p + strlen("+++ b/d0/b\n@@ -0,0 +");
		char *end;

		first = strtoul(at, &end, 10);
		count = strtoul(end + 1, NULL, 10);
		assert_true(first <= next); /* nothing is left out */
		next = first + count;
		total++;
		snprintf(want, sizeof want, " @@\n+this is line %06lu of", first);
		assert_memory_equal(strstr(at, " @@\n"), want, strlen(want));
	}
	assert_int_equal(next, 2001);
	assert_in_range(total, 5, 12);
	stream_free(s);
	buf_done(&out);
}

static void a_begun_pem_block_stays_in_one_hunk(void **state)
{
	struct buf out = BUF_INIT(1U << 20);
	struct stream *s = in_file(&out, "k");
	int line = 1;

	(void)state;
	while (line < 120)
		stream_text(s, line++,
		            LIT("filler filler filler filler filler filler filler filler"), true);
	stream_text(s, line++, LIT("-----BEGIN SOME THING-----"), true);
	for (int i = 0; i < 120; i++)
		stream_text(s, line++,
		            LIT("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w"), true);
	stream_text(s, line++, LIT("-----END SOME THING-----"), true);
	while (line < 600)
		stream_text(s, line++,
		            LIT("filler filler filler filler filler filler filler filler"), true);
	assert_int_equal(stream_finish(s, NULL), 0);
	for (const char *p = out.data; (p = strstr(p, "-----BEGIN")); p++) {
		const char *end = strstr(p, "-----END"), *next = strstr(p, "diff --git");

		if (end && end < next) {
			stream_free(s);
			buf_done(&out);
			return;
		}
	}
	fail_msg("no hunk holds the whole block");
}

static int refuse(void *ctx, const char *data, size_t len)
{
	(void)ctx, (void)data, (void)len;
	return -1;
}

static void a_scanner_that_went_away_is_an_error(void **state)
{
	struct stream *s = stream_new(refuse, NULL);
	struct err err = { { 0 } };

	(void)state;
	assert_int_equal(stream_finish(s, &err), -1);
	assert_non_null(strstr(err.msg, "stopped reading"));
	stream_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_becomes_a_plain_patch),
		cmocka_unit_test(a_canary_ends_the_stream),
		cmocka_unit_test(canaries_are_planted_along_a_long_stream),
		cmocka_unit_test(a_canary_looks_like_a_key_of_high_entropy),
		cmocka_unit_test(names_share_a_hunk_and_are_told_by_line),
		cmocka_unit_test(objects_are_meta),
		cmocka_unit_test(utf16_of_either_order_is_read_as_text),
		cmocka_unit_test(strings_in_a_binary_keep_their_bounds),
		cmocka_unit_test(utf32_is_read_as_text),
		cmocka_unit_test(text_is_told_from_binary),
		cmocka_unit_test(a_long_line_is_cut_with_overlap_and_keeps_its_number),
		cmocka_unit_test(only_base64_of_letters_alone_is_decoded),
		cmocka_unit_test(what_letters_hide_is_part_of_the_patch),
		cmocka_unit_test(a_cut_in_base64_falls_on_a_group_of_four),
		cmocka_unit_test(a_cut_leaves_words_and_pem_blocks_whole),
		cmocka_unit_test(every_line_comes_to_an_end),
		cmocka_unit_test(a_big_hunk_is_split_and_numbers_go_on),
		cmocka_unit_test(a_begun_pem_block_stays_in_one_hunk),
		cmocka_unit_test(a_scanner_that_went_away_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
