/* SGR: colours and styles, with sub-parameters (38:2::r:g:b, 4:3) and the older
 * forms (38;2;r;g;b). Also the report of the pen as SGR, for DECRQSS.
 */
#include "core/vt_int.h"

#include <stdio.h>
#include <string.h>

/* Parameters [i, end) belong together by colons. */
static unsigned colon_end(const struct vt_params *p, unsigned i)
{
	unsigned end = i + 1;

	while (end < p->n && p->colon >> end & 1)
		end++;
	return end;
}

static uint32_t rgb(int r, int g, int b)
{
	if (r < 0 || g < 0 || b < 0 || r > 255 || g > 255 || b > 255)
		return VT_COLOR_DEFAULT;
	return VT_COLOR_RGB | (uint32_t)r << 16 | (uint32_t)g << 8 | (uint32_t)b;
}

/* 38, 48 or 58 at i: read the colour, return the parameter after it. *out is
 * left alone when it makes no sense. */
static unsigned color(const struct vt *vt, unsigned i, uint32_t *out)
{
	const struct vt_params *p = &vt->params;
	unsigned end = colon_end(p, i), at = i + 2;
	int kind = vt_param(vt, i + 1, -1), index;

	if (end > i + 1) {
		/* 38:2:r:g:b, or with a colour space 38:2:space:r:g:b */
		if (kind == 2 && end - i >= 6)
			at++;
		if (kind == 2 && end - at >= 3)
			*out = rgb(vt_param(vt, at, 0), vt_param(vt, at + 1, 0),
			           vt_param(vt, at + 2, 0));
		index = kind == 5 && end > at ? vt_param(vt, at, 0) : -1;
	} else if (kind == 2) {
		end = i + 5;
		*out = rgb(vt_param(vt, at, 0), vt_param(vt, at + 1, 0), vt_param(vt, at + 2, 0));
		index = -1;
	} else {
		end = kind == 5 ? i + 3 : i + 2;
		index = kind == 5 ? vt_param(vt, at, 0) : -1;
	}
	if (index >= 0 && index <= 255)
		*out = VT_COLOR_INDEX | (uint32_t)index;
	return end;
}

static void underline(struct vt_pen *pen, unsigned style)
{
	pen->attr = (pen->attr & ~(uint32_t)VT_UL_MASK) | style << VT_UL_SHIFT;
}

/* Attributes that are switched by one number. */
static void style(struct vt_pen *pen, int v)
{
	static const uint16_t on[] = {
		[1] = VT_BOLD,  [2] = VT_DIM,     [3] = VT_ITALIC,  [5] = VT_BLINK,
		[6] = VT_BLINK, [7] = VT_REVERSE, [8] = VT_CONCEAL, [9] = VT_STRIKE
	};
	static const uint16_t off[] = { [2] = VT_BOLD | VT_DIM, [3] = VT_ITALIC,  [5] = VT_BLINK,
		                        [7] = VT_REVERSE,       [8] = VT_CONCEAL, [9] = VT_STRIKE };

	if (v == 4 || v == 21)
		underline(pen, v == 4 ? VT_UL_SINGLE : VT_UL_DOUBLE);
	else if (v == 24)
		underline(pen, VT_UL_NONE);
	else if (v >= 1 && v <= 9)
		pen->attr |= on[v];
	else if (v >= 22 && v <= 29)
		pen->attr &= ~(uint32_t)off[v - 20];
	else if (v == 53)
		pen->attr |= VT_OVERLINE;
	else if (v == 55)
		pen->attr &= ~(uint32_t)VT_OVERLINE;
}

static void reset(struct vt *vt)
{
	uint32_t keep = vt->pen.attr & VT_PROTECTED;

	vt->pen = (struct vt_pen){ .attr = keep };
	if (vt->pen_ul || vt->pen_link) {
		vt->pen_ul = VT_COLOR_DEFAULT;
		vt_pen_changed(vt);
	}
}

/* One attribute at parameter i; returns the parameter after it. */
static unsigned attribute(struct vt *vt, unsigned i)
{
	const struct vt_params *p = &vt->params;
	struct vt_pen *pen = &vt->pen;
	int v = vt_param(vt, i, 0);
	uint32_t ul = vt->pen_ul;
	unsigned end = i + 1;

	if (v == 38 || v == 48 || v == 58) {
		end = color(vt, i, v == 38 ? &pen->fg : v == 48 ? &pen->bg : &ul);
	} else if (i + 1 < p->n && p->colon >> (i + 1) & 1) {
		end = colon_end(p, i);
		if (v == 4 && vt_param(vt, i + 1, 1) <= VT_UL_DASHED)
			underline(pen, (unsigned)vt_param(vt, i + 1, 1));
	} else if (v == 0) {
		reset(vt);
		return end;
	} else if (v >= 30 && v <= 37) {
		pen->fg = VT_COLOR_INDEX | (uint32_t)(v - 30);
	} else if (v == 39) {
		pen->fg = VT_COLOR_DEFAULT;
	} else if (v >= 40 && v <= 47) {
		pen->bg = VT_COLOR_INDEX | (uint32_t)(v - 40);
	} else if (v == 49) {
		pen->bg = VT_COLOR_DEFAULT;
	} else if (v == 59) {
		ul = VT_COLOR_DEFAULT;
	} else if (v >= 90 && v <= 97) {
		pen->fg = VT_COLOR_INDEX | (uint32_t)(v - 90 + 8);
	} else if (v >= 100 && v <= 107) {
		pen->bg = VT_COLOR_INDEX | (uint32_t)(v - 100 + 8);
	} else {
		style(pen, v);
	}
	if (ul != vt->pen_ul) {
		vt->pen_ul = ul;
		vt_pen_changed(vt);
	}
	return end;
}

void vt_sgr(struct vt *vt)
{
	if (vt->params.n == 0)
		reset(vt);
	for (unsigned i = 0; i < vt->params.n;)
		i = attribute(vt, i);
}

static void add_color(struct buf *b, unsigned base, uint32_t c)
{
	unsigned v = c & 0xffffff;

	if (VT_COLOR_KIND(c) == VT_COLOR_RGB)
		buf_addf(b, ";%u:2::%u:%u:%u", base + 8, v >> 16, v >> 8 & 0xff, v & 0xff);
	else if (VT_COLOR_KIND(c) != VT_COLOR_INDEX)
		return;
	else if (v < 8 && base != 50)
		buf_addf(b, ";%u", base + v);
	else if (v < 16 && base != 50)
		buf_addf(b, ";%u", base + 60 + v - 8);
	else
		buf_addf(b, ";%u:5:%u", base + 8, v);
}

void vt_sgr_report(const struct vt *vt, char *out, size_t size)
{
	static const struct {
		uint16_t bit, number;
	} names[] = { { VT_BOLD, 1 },    { VT_DIM, 2 },     { VT_ITALIC, 3 }, { VT_BLINK, 5 },
		      { VT_REVERSE, 7 }, { VT_CONCEAL, 8 }, { VT_STRIKE, 9 }, { VT_OVERLINE, 53 } };
	struct buf b = BUF_INIT(size - 1);
	unsigned ul = (vt->pen.attr & VT_UL_MASK) >> VT_UL_SHIFT;

	buf_addc(&b, '0');
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (vt->pen.attr & names[i].bit)
			buf_addf(&b, ";%u", names[i].number);
	if (ul == VT_UL_SINGLE)
		buf_adds(&b, ";4");
	else if (ul)
		buf_addf(&b, ";4:%u", ul);
	add_color(&b, 30, vt->pen.fg);
	add_color(&b, 40, vt->pen.bg);
	add_color(&b, 50, vt->pen_ul);
	snprintf(out, size, "%s", buf_str(&b));
	buf_done(&b);
}
