/* The terminal emulator under arbitrary bytes, with what its owner does mixed
 * in: a 0xff byte (never part of UTF-8) is a command with operands. After each
 * step the grid's invariants are checked. */
#include <stdint.h>
#include <stdlib.h>

#include "core/vt_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t sink;

static void on_reply(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	/* nothing but controls and printable ASCII ever goes back */
	for (size_t i = 0; i < len; i++)
		if ((data[i] < 0x20 && data[i] != 0x1b) || data[i] > 0x7e)
			abort();
	sink += len;
}

static void check_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			abort();
}

static void on_notice(void *ctx, const struct vt_notice *n)
{
	(void)ctx;
	check_text(n->title);
	check_text(n->body);
}

static void on_clipboard(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	sink += len ? (unsigned char)data[len - 1] : 0;
}

static void check_line(const struct vt *vt, struct vt_line line)
{
	char text[VT_CELL_TEXT_MAX];

	for (unsigned x = 0; x < line.used; x++) {
		const struct vt_cell *c = &line.cells[x];

		sink += vt_cell_text(vt, c, text);
		check_text(text);
		if (vt_cell_link(vt, c, NULL))
			check_text(vt_cell_link(vt, c, NULL));
		if (c->attr & VT_WIDE && (x + 1 >= line.used || !(c[1].attr & VT_TAIL)))
			abort();
		if (c->attr & VT_TAIL && (x == 0 || !(c[-1].attr & VT_WIDE)))
			abort();
	}
}

static void check(struct vt *vt)
{
	if (vt->y < 0 || vt->y >= vt->rows || vt->x < 0 || vt->x >= vt->cols)
		abort();
	if (vt->is_pending && vt->x != vt->cols - 1)
		abort();
	if (vt->top < 0 || vt->top > vt->bottom || vt->bottom >= vt->rows)
		abort();
	for (int y = 0; y < vt->rows; y++) {
		const struct vt_row *r = vt->screen->row[y];

		if (r->used > vt->cols || r->used > r->cap)
			abort();
		check_line(vt, vt_row(vt, y));
	}
	check_text(vt_title(vt));
}

static void check_scrollback(struct vt *vt)
{
	uint64_t first = vt_line_first(vt), top = vt_line_top(vt);

	if (top - first > vt->sb.max_lines)
		abort();
	for (uint64_t i = first; i < top; i++) {
		struct vt_line line = vt_line(vt, i);

		if (line.used > (unsigned)vt->cols)
			abort();
		check_line(vt, line);
	}
}

/* One of the owner's actions; returns the bytes used. */
static size_t act(struct vt *vt, const uint8_t *p, size_t n)
{
	if (n < 3)
		return n;
	switch (p[0] % 6) {
	case 0:
		vt_resize(vt, p[1] % 60 + 1, p[2] % 100 + 1);
		break;
	case 1:
		check_scrollback(vt);
		return 1;
	case 2:
		vt_clean_damage(vt);
		return 1;
	case 3:
		vt_set_scrollback(vt, p[1], (size_t)p[2] << 10);
		break;
	case 4:
		vt_reset(vt);
		return 1;
	default:
		vt_clear_scrollback(vt);
		return 1;
	}
	return 3;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vt_ops ops = { .reply = on_reply,
		                           .notice = on_notice,
		                           .clipboard = on_clipboard };
	struct vt *vt = vt_new(size > 0 ? data[0] % 30 + 1 : 24, size > 1 ? data[1] % 90 + 1 : 80,
	                       &ops, NULL);
	size_t at = size > 2 ? 2 : size, n;
	uint64_t now = 0;

	vt_set_cell_pixels(vt, 8, 16);
	vt_set_checksums(vt, true);
	vt_set_scrollback(vt, 200, 1 << 20);
	while (at < size) {
		for (n = 0; at + n < size && data[at + n] != 0xff; n++)
			;
		vt_feed(vt, data + at, n, now += 7);
		check(vt);
		at += n + 1;
		if (at < size) {
			at += act(vt, data + at, size - at);
			check(vt);
		}
	}
	check_scrollback(vt);
	vt_free(vt);
	return 0;
}
