#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/lines.h"

/* Writes each line as "[ts|text]" or "[ts|text!]" when cut. */
static int note(void *ctx, const struct line *l)
{
	struct buf *seen = ctx;

	buf_addc(seen, '[');
	if (l->ts_ns)
		buf_addf(seen, "%lld|", (long long)l->ts_ns);
	buf_add(seen, l->text, l->len);
	return buf_adds(seen, l->is_cut ? "!]" : "]");
}

/* Feeds in pieces of step bytes. A '\f' in data stands for a message's start. */
static void feed(struct lines *ls, const char *data, size_t step)
{
	size_t n = strlen(data);

	while (n > 0) {
		size_t take = step < n ? step : n;
		const char *mark = memchr(data, '\f', take);

		if (mark == data) {
			lines_message(ls);
			data++;
			n--;
			continue;
		}
		take = mark ? (size_t)(mark - data) : take;
		assert_int_equal(lines_feed(ls, data, take), 0);
		data += take;
		n -= take;
	}
}

static void gives(bool has_stamps, size_t max, const char *data, const char *want)
{
	for (size_t step = 1; step <= strlen(data) + 1; step++) {
		struct buf seen = BUF_INIT(65536);
		struct lines ls;

		lines_init(&ls, 1, has_stamps, max, note, &seen);
		feed(&ls, data, step);
		assert_int_equal(lines_end(&ls), 0);
		assert_string_equal(buf_str(&seen), want);
		lines_done(&ls);
		buf_done(&seen);
	}
}

static void lines_come_out_whole_however_they_are_split(void **state)
{
	(void)state;
	gives(false, 0, "one\ntwo\n\nfour", "[one][two][][four]");
	gives(false, 0, "", "");
	gives(false, 0, "\n", "[]");
}

static void a_carriage_return_before_the_newline_goes(void **state)
{
	(void)state;
	gives(false, 0, "one\r\nt\rwo\r\r\n", "[one][t\rwo\r]");
}

static void a_long_line_is_cut_marked_and_skipped(void **state)
{
	(void)state;
	gives(false, 4, "abcd\nefghij\nkl\n", "[abcd][efgh!][kl]");
	gives(false, 4, "abcdefghijklmnop", "[abcd!]");
	gives(false, 4, "abcdefgh\n\nx\n", "[abcd!][][x]");
}

static void stamps_are_read_and_taken_off(void **state)
{
	(void)state;
	gives(true, 0, "2026-11-24T20:14:46.000000001Z one\n2026-11-24T20:14:46Z \n",
	      "[1795551286000000001|one][1795551286000000000|]");
	gives(true, 0, "no stamp\n2026-11-24T20:14:46Zx\n", "[no stamp][2026-11-24T20:14:46Zx]");
	gives(false, 0, "2026-11-24T20:14:46Z one\n", "[2026-11-24T20:14:46Z one]");
}

static void the_ceiling_counts_the_text_not_the_stamp(void **state)
{
	(void)state;
	gives(true, 4, "2026-11-24T20:14:46.000000001Z abcd\n", "[1795551286000000001|abcd]");
	gives(true, 4, "2026-11-24T20:14:46.000000001Z abcde\nx\n",
	      "[1795551286000000001|abcd!][x]");
}

static void a_line_in_several_messages_is_one_line(void **state)
{
	(void)state;
	gives(true, 0,
	      "\f2026-11-24T20:14:46Z abc\f2026-11-24T20:14:46Z def\f2026-11-24T20:14:46Z ghi\n"
	      "\f2026-11-24T20:14:49Z x\n",
	      "[1795551286000000000|abcdefghi][1795551289000000000|x]");
	/* what is no stamp is text */
	gives(true, 0, "\f2026-11-24T20:14:46Z abc\fde f\fgh\n", "[1795551286000000000|abcde fgh]");
	gives(true, 0, "\f2026-11-24T20:14:46Z abc\f2026", "[1795551286000000000|abc2026]");
	/* and without marks the text stays as it is */
	gives(true, 0, "2026-11-24T20:14:46Z abc2026-11-24T20:14:46Z def\n",
	      "[1795551286000000000|abc2026-11-24T20:14:46Z def]");
}

static void a_long_line_cannot_swallow_the_next_one(void **state)
{
	(void)state;
	/* the newline after a split line is missing: the local driver of Docker 20.10 */
	gives(true, 0,
	      "\f2026-11-24T20:14:46Z abc\f2026-11-24T20:14:46Z def\f2026-11-24T20:14:47Z next\n",
	      "[1795551286000000000|abcdef][1795551287000000000|next]");
	gives(true, 4,
	      "\f2026-11-24T20:14:46.000000001Z abcdefgh\f2026-11-24T20:14:46.000000001Z xxx"
	      "\f2026-11-24T20:14:47.000000002Z ij\n\f2026-11-24T20:14:48Z k\n",
	      "[1795551286000000001|abcd!][1795551287000000002|ij][1795551288000000000|k]");
}

static int give_up(void *ctx, const struct line *l)
{
	(void)l;
	++*(int *)ctx;
	return 9;
}

static void the_reader_may_give_up(void **state)
{
	struct lines ls;
	int n = 0;

	(void)state;
	lines_init(&ls, 2, false, 0, give_up, &n);
	assert_int_equal(lines_feed(&ls, "a\nb\n", 4), 9);
	assert_int_equal(n, 1);
	lines_done(&ls);
}

static void memory_stays_below_the_ceiling(void **state)
{
	struct buf seen = BUF_INIT(1 << 20);
	struct lines ls;
	char block[4096];

	(void)state;
	memset(block, 'x', sizeof block);
	lines_init(&ls, 1, true, 0, note, &seen);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(lines_feed(&ls, block, sizeof block), 0);
	assert_true(ls.held.cap <= 2 * (LINES_MAX + 64));
	assert_int_equal(seen.len, LINES_MAX + 3);
	lines_done(&ls);
	buf_done(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_whole_however_they_are_split),
		cmocka_unit_test(a_carriage_return_before_the_newline_goes),
		cmocka_unit_test(a_long_line_is_cut_marked_and_skipped),
		cmocka_unit_test(stamps_are_read_and_taken_off),
		cmocka_unit_test(the_ceiling_counts_the_text_not_the_stamp),
		cmocka_unit_test(a_line_in_several_messages_is_one_line),
		cmocka_unit_test(a_long_line_cannot_swallow_the_next_one),
		cmocka_unit_test(the_reader_may_give_up),
		cmocka_unit_test(memory_stays_below_the_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
