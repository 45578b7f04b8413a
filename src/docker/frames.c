#include "docker/frames.h"

#include <string.h>

#include "core/err.h"

void frames_init(struct frames *f, bool is_raw, frames_on_data *on_data, void *ctx)
{
	*f = (struct frames){ .is_raw = is_raw, .on_data = on_data, .ctx = ctx };
}

/* The header is complete: learn what it says. */
static int begin(struct frames *f, struct err *err)
{
	const unsigned char *h = f->head;

	if (h[0] > FRAMES_ENGINE || h[1] || h[2] || h[3]) {
		f->is_broken = true;
		return err_set(err, ERR_ENGINE,
		               "the engine's stream has no frame where one is due "
		               "(%02x %02x %02x %02x)",
		               h[0], h[1], h[2], h[3]);
	}
	f->left = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	f->is_first = true;
	return 0;
}

static int hand_on(struct frames *f, const char *data, size_t n)
{
	bool is_first = f->is_first;

	f->is_first = false;
	return f->on_data(f->ctx, (enum frames_stream)f->head[0], data, n, is_first);
}

int frames_feed(struct frames *f, const void *data, size_t n, struct err *err)
{
	const char *p = data;
	int rc = 0;

	if (f->is_broken)
		return err_set(err, ERR_ENGINE, "the engine's stream is out of step");
	if (f->is_raw)
		return n ? f->on_data(f->ctx, FRAMES_STDOUT, p, n, false) : 0;

	while (n > 0 && rc == 0) {
		size_t take;

		if (f->n_head < FRAMES_HEADER) {
			take = FRAMES_HEADER - f->n_head;
			take = take < n ? take : n;
			memcpy(f->head + f->n_head, p, take);
			f->n_head += (unsigned)take;
			p += take;
			n -= take;
			if (f->n_head < FRAMES_HEADER)
				break;
			rc = begin(f, err);
			if (rc == 0 && f->left == 0)
				rc = hand_on(f, p, 0);
		} else {
			take = f->left < n ? f->left : n;
			f->left -= (uint32_t)take;
			rc = hand_on(f, p, take);
			p += take;
			n -= take;
		}
		if (f->left == 0)
			f->n_head = 0;
	}
	return rc;
}

int frames_end(const struct frames *f, struct err *err)
{
	if (f->is_broken || f->is_raw || f->n_head == 0)
		return 0;
	return err_set(err, ERR_ENGINE, "the engine's stream ended within a frame");
}
