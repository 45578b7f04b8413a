#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "docker/frames.h"

/* "<1" begins a frame of stdout, then its bytes, whatever the pieces. */
static int note(void *ctx, enum frames_stream stream, const char *data, size_t n, bool is_first)
{
	if (is_first)
		buf_addf(ctx, "<%d", (int)stream);
	return buf_add(ctx, data, n);
}

#define FRAME(stream, len, text) stream "\0\0\0\0\0\0" len text

static void frames_come_out_whole_however_they_are_split(void **state)
{
	static const char wire[] = FRAME("\1", "\3", "abc") FRAME("\2", "\1", "d")
		FRAME("\1", "\0", "") FRAME("\3", "\2", "ef") FRAME("\0", "\1", "g");

	(void)state;
	for (size_t step = 1; step < sizeof wire; step++) {
		struct buf seen = BUF_INIT(4096);
		struct frames f;
		struct err err;

		frames_init(&f, false, note, &seen);
		for (size_t at = 0; at < sizeof wire - 1; at += step) {
			size_t n = sizeof wire - 1 - at;

			assert_int_equal(frames_feed(&f, wire + at, n < step ? n : step, &err), 0);
		}
		assert_int_equal(frames_end(&f, &err), 0);
		assert_string_equal(buf_str(&seen), "<1abc<2d<1<3ef<0g");
		buf_done(&seen);
	}
}

static void a_huge_claim_is_streamed_not_believed(void **state)
{
	struct buf seen = BUF_INIT(4096);
	struct frames f;
	struct err err;

	(void)state;
	frames_init(&f, false, note, &seen);
	assert_int_equal(frames_feed(&f, "\1\0\0\0\xff\xff\xff\xff", 8, &err), 0);
	assert_int_equal(frames_feed(&f, "ab", 2, &err), 0);
	assert_string_equal(buf_str(&seen), "<1ab");
	assert_int_equal(f.left, 0xfffffffdu);
	assert_int_equal(frames_end(&f, &err), -1);
	assert_int_equal(err.kind, ERR_ENGINE);
	buf_done(&seen);
}

static void bad_headers_end_the_stream(void **state)
{
	static const char *const bad[] = { "\4\0\0\0\0\0\0\1", "\1\1\0\0\0\0\0\1",
		                           "\1\0\0\1\0\0\0\1", "HTTP/1.1" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf seen = BUF_INIT(4096);
		struct frames f;
		struct err err;

		frames_init(&f, false, note, &seen);
		assert_int_equal(frames_feed(&f, bad[i], 8, &err), -1);
		assert_int_equal(frames_feed(&f, "\1\0\0\0\0\0\0\1x", 9, &err), -1);
		assert_int_equal(seen.len, 0);
		buf_done(&seen);
	}
}

static void an_end_within_a_header_is_an_error(void **state)
{
	struct buf seen = BUF_INIT(16);
	struct frames f;
	struct err err;

	(void)state;
	frames_init(&f, false, note, &seen);
	assert_int_equal(frames_end(&f, &err), 0);
	assert_int_equal(frames_feed(&f, "\1\0\0", 3, &err), 0);
	assert_int_equal(frames_end(&f, &err), -1);
	buf_done(&seen);
}

static void a_terminals_stream_passes_raw(void **state)
{
	struct buf seen = BUF_INIT(4096);
	struct frames f;
	struct err err;

	(void)state;
	frames_init(&f, true, note, &seen);
	assert_int_equal(frames_feed(&f, "HTTP/1.1 any bytes", 18, &err), 0);
	assert_int_equal(frames_end(&f, &err), 0);
	assert_string_equal(buf_str(&seen), "HTTP/1.1 any bytes");
	buf_done(&seen);
}

static int refuse(void *ctx, enum frames_stream stream, const char *data, size_t n, bool is_first)
{
	(void)stream, (void)data, (void)n, (void)is_first;
	++*(int *)ctx;
	return 7;
}

static void the_reader_may_give_up(void **state)
{
	static const char wire[] = FRAME("\1", "\1", "a") FRAME("\1", "\1", "b");
	struct frames f;
	struct err err;
	int n = 0;

	(void)state;
	frames_init(&f, false, refuse, &n);
	assert_int_equal(frames_feed(&f, wire, sizeof wire - 1, &err), 7);
	assert_int_equal(n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_out_whole_however_they_are_split),
		cmocka_unit_test(a_huge_claim_is_streamed_not_believed),
		cmocka_unit_test(bad_headers_end_the_stream),
		cmocka_unit_test(an_end_within_a_header_is_an_error),
		cmocka_unit_test(a_terminals_stream_passes_raw),
		cmocka_unit_test(the_reader_may_give_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
