/* Where a stream goes on in a log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "core/seam.h"

static size_t after(const char *log, const char *seen)
{
	struct buf b = SEAM_SEEN_INIT();
	size_t n;

	seam_see(&b, seen, strlen(seen));
	n = seam_after(log, strlen(log), &b);
	buf_done(&b);
	return n;
}

static size_t overlap(const char *log, const char *stream)
{
	return seam_overlap(log, strlen(log), stream, strlen(stream));
}

static void what_was_missed_is_found(void **state)
{
	(void)state;
	assert_int_equal(after("one\ntwo\nthree\n", "one\ntwo\n"), 8);
	assert_int_equal(after("$ ls\na b\n$ x\n", "$ "), 2);
	/* of a log whose beginning is gone */
	assert_int_equal(after("two\nthree\n", "two\n"), 4);
}

static void a_line_that_has_not_ended_is_not_in_the_log_yet(void **state)
{
	(void)state;
	assert_int_equal(after("one\n", "one\n$ "), 4);
	assert_int_equal(after("one\n", "one\n"), 4);
	assert_int_equal(after("", "$ "), 0);
}

static void another_log_is_not_taken_for_it(void **state)
{
	char *seen = xcalloc(SEAM_SEEN + 1, 1);

	(void)state;
	assert_true(after("three\nfour\n", "one\ntwo\n") == SEAM_LOST);
	/* a line's end that fits by chance is not enough */
	memset(seen, 'x', SEAM_SEEN);
	seen[0] = '\n';
	assert_true(after("three\n", seen) == SEAM_LOST);
	/* but what has not ended for so long may be */
	seen[SEAM_SEEN - SEAM_LAG - 1] = '\n';
	memcpy(seen, "a\nb", 3);
	assert_true(after("a\n", seen) == SEAM_LOST);
	free(seen);
}

static void only_the_end_of_much_is_kept(void **state)
{
	struct buf b = SEAM_SEEN_INIT();
	size_t len = 5 * SEAM_SEEN, n = 0;
	char *all = xcalloc(len, 1);
	unsigned x = 1;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		x = x * 1103515245 + 12345;
		all[i] = (char)('a' + (x >> 16) % 26);
	}
	for (size_t step = 1; n < len - 1000; n += step, step = step * 3 % 4099)
		seam_see(&b, all + n, step);
	assert_true(b.len >= SEAM_SEEN && b.len <= 2 * SEAM_SEEN);
	assert_int_equal(seam_after(all, len, &b), n);
	/* much at once */
	seam_see(&b, all, len - 7);
	assert_int_equal(seam_after(all, len, &b), len - 7);
	assert_int_equal(seam_after(all + SEAM_SEEN, len - SEAM_SEEN, &b), len - 7 - SEAM_SEEN);
	/* a log that ends within */
	assert_int_equal(seam_after(all, len - 7 - SEAM_LAG, &b), len - 7 - SEAM_LAG);
	assert_true(seam_after(all, len - 7 - SEAM_SEEN, &b) == SEAM_LOST);
	buf_done(&b);
	free(all);
}

static void the_newest_of_two_is_meant_but_of_all_there_was_the_oldest(void **state)
{
	size_t len = SEAM_SEEN;
	struct buf b = SEAM_SEEN_INIT();
	char *log = xcalloc(2 * len + 8, 1);

	(void)state;
	memset(log, 'x', 2 * len);
	log[0] = log[len] = '\n';
	seam_see(&b, log, len);
	assert_int_equal(seam_after(log, 2 * len + 8, &b), 2 * len);
	buf_done(&b);
	free(log);
	assert_int_equal(after("$ a\n$ b\n", "$ "), 2);
}

static void what_the_stream_brings_again_is_counted(void **state)
{
	(void)state;
	assert_int_equal(overlap("one\ntwo\n", "two\nthree\n"), 4);
	assert_int_equal(overlap("one\ntwo\n", "o\nthree\n"), 2);
	assert_int_equal(overlap("one\n", "two\n"), 0);
	assert_int_equal(overlap("one\n", ""), 0);
	assert_int_equal(overlap("", "one\n"), 0);
	/* the longest that fits */
	assert_int_equal(overlap("xabab", "ababc"), 4);
	assert_int_equal(overlap("one\n", "one\n"), 4);
	/* little is found anywhere, and says nothing */
	assert_int_equal(overlap("one\ntwo\n", "one"), 0);
}

static void a_log_can_be_ahead_of_the_stream(void **state)
{
	enum { LEN = 5000, AT = 1200, N = 2000 };
	char log[LEN];
	unsigned x = 7;

	(void)state;
	for (size_t i = 0; i < LEN; i++) {
		x = x * 1103515245 + 12345;
		log[i] = (char)('a' + (x >> 16) % 26);
	}
	assert_int_equal(seam_overlap(log, LEN, log + AT, N), LEN - AT);
	assert_int_equal(seam_overlap(log, LEN, log + LEN - N, N), N);
}

/* The same, letter by letter, in texts that are so poor that much of them fits. */
static void random_texts_agree_with_a_plain_search(void **state)
{
	unsigned x = 1, hits = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char log[24], stream[12];
		size_t n, m, want = 0;

		x = x * 1103515245 + 12345;
		n = (x >> 16) % sizeof log;
		m = (x >> 24) % sizeof stream;
		for (size_t k = 0; k < n; k++, x = x * 1103515245 + 12345)
			log[k] = "abb"[(x >> 16) % 3];
		for (size_t k = 0; k < m; k++, x = x * 1103515245 + 12345)
			stream[k] = "abb"[(x >> 16) % 3];
		for (size_t k = 1; k <= n && k <= m; k++)
			if (memcmp(log + n - k, stream, k) == 0)
				want = k;
		assert_int_equal(seam_overlap(log, n, stream, m), want);
		hits += want > 1;
	}
	assert_true(hits > 1000);
}

/* A program that knows how it is searched makes it no slower than others. */
static void a_hostile_log_takes_no_longer(void **state)
{
	size_t len = 1u << 20, n = len / 2;
	char *log = xcalloc(len, 1), *stream = xcalloc(n, 1);

	(void)state;
	memset(log, 'a', len);
	memset(stream, 'a', n);
	stream[n - 1] = 'b';
	assert_int_equal(seam_overlap(log, len, stream, n), n - 1);
	free(log);
	free(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_missed_is_found),
		cmocka_unit_test(a_line_that_has_not_ended_is_not_in_the_log_yet),
		cmocka_unit_test(another_log_is_not_taken_for_it),
		cmocka_unit_test(only_the_end_of_much_is_kept),
		cmocka_unit_test(the_newest_of_two_is_meant_but_of_all_there_was_the_oldest),
		cmocka_unit_test(what_the_stream_brings_again_is_counted),
		cmocka_unit_test(a_log_can_be_ahead_of_the_stream),
		cmocka_unit_test(random_texts_agree_with_a_plain_search),
		cmocka_unit_test(a_hostile_log_takes_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
