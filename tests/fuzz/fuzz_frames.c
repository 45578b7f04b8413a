/* The engine's stream, in pieces chosen by the input, through lines as well.
 * Checks: as many bytes come out as went in less headers; every line obeys the
 * ceiling. */
#include <stdint.h>
#include <stdlib.h>

#include "core/err.h"
#include "core/lines.h"
#include "docker/frames.h"

#define CEILING 64

struct sink {
	struct lines out, err;
	size_t bytes;
};

static int on_line(void *ctx, const struct line *l)
{
	(void)ctx;
	if (l->len > CEILING || (l->len && !l->text))
		abort();
	return 0;
}

static int on_data(void *ctx, enum frames_stream stream, const char *data, size_t n, bool is_first)
{
	struct sink *s = ctx;
	struct lines *ls = stream == FRAMES_STDERR ? &s->err : &s->out;

	s->bytes += n;
	if (is_first)
		lines_message(ls);
	return lines_feed(ls, data, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sink s = { 0 };
	struct frames f;
	struct err err;
	size_t step, fed = 0;

	if (size < 2)
		return 0;
	step = 1 + data[0] % 32;
	lines_init(&s.out, 1, data[1] & 1, CEILING, on_line, NULL);
	lines_init(&s.err, 2, data[1] & 1, CEILING, on_line, NULL);
	frames_init(&f, data[1] & 2, on_data, &s);
	for (size_t at = 2; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;

		if (frames_feed(&f, data + at, n, &err) < 0)
			break;
		fed += n;
	}
	if (s.bytes > size || (f.is_raw && s.bytes != fed))
		abort();
	frames_end(&f, &err);
	lines_end(&s.out);
	lines_end(&s.err);
	lines_done(&s.out);
	lines_done(&s.err);
	return 0;
}
