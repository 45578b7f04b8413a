#include "ui/diff_int.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"

/* --- colours ------------------------------------------------------------------- */

/* xterm's first 16; what the person made of them is not known. */
static const uint32_t base16[16] = {
	0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
	0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
};

static const unsigned cube[6] = { 0, 95, 135, 175, 215, 255 };

static uint32_t rgb_of(uint32_t color)
{
	unsigned i = color & 0xff;

	if (VT_COLOR_KIND(color) == VT_COLOR_RGB)
		return color & 0xffffff;
	if (i < 16)
		return base16[i];
	if (i >= 232)
		return (8 + (i - 232) * 10) * 0x010101u;
	i -= 16;
	return cube[i / 36] << 16 | cube[i / 6 % 6] << 8 | cube[i % 6];
}

static unsigned distance(uint32_t a, uint32_t b)
{
	int r = (int)(a >> 16 & 0xff) - (int)(b >> 16 & 0xff);
	int g = (int)(a >> 8 & 0xff) - (int)(b >> 8 & 0xff);
	int l = (int)(a & 0xff) - (int)(b & 0xff);

	return (unsigned)(r * r * 3 + g * g * 4 + l * l * 2);
}

static unsigned cube_index(unsigned v)
{
	return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40;
}

static uint32_t to_256(uint32_t rgb)
{
	unsigned r = rgb >> 16 & 0xff, g = rgb >> 8 & 0xff, b = rgb & 0xff;
	unsigned mean = (r + g + b) / 3;
	uint32_t grey = VT_COLOR_INDEX | (232 + (mean < 8 ? 0 : mean > 238 ? 23 : (mean - 3) / 10));
	uint32_t best =
		VT_COLOR_INDEX | (16 + 36 * cube_index(r) + 6 * cube_index(g) + cube_index(b));

	return distance(rgb_of(grey), rgb) < distance(rgb_of(best), rgb) ? grey : best;
}

static uint32_t to_16(uint32_t rgb)
{
	unsigned best = 0;

	for (unsigned i = 1; i < 16; i++)
		if (distance(base16[i], rgb) < distance(base16[best], rgb))
			best = i;
	return VT_COLOR_INDEX | best;
}

uint32_t diff_reduce(uint32_t color, enum screen_colors colors)
{
	uint32_t kind = VT_COLOR_KIND(color);

	if (colors == SCREEN_MONO || (kind != VT_COLOR_INDEX && kind != VT_COLOR_RGB))
		return VT_COLOR_DEFAULT;
	if (kind == VT_COLOR_INDEX)
		color &= VT_COLOR_INDEX | 0xff;
	if (colors == SCREEN_TRUE || (kind == VT_COLOR_INDEX && (color & 0xff) < 16))
		return color;
	if (colors == SCREEN_256)
		return kind == VT_COLOR_INDEX ? color : to_256(color & 0xffffff);
	return to_16(rgb_of(color));
}

uint32_t diff_keep_apart(uint32_t fg, uint32_t bg, bool was_same)
{
	uint32_t rgb;

	if (fg != bg || was_same || VT_COLOR_KIND(bg) != VT_COLOR_INDEX)
		return fg;
	rgb = rgb_of(bg);
	return VT_COLOR_INDEX | (distance(rgb, 0) > distance(rgb, 0xffffff) ? 0u : 15u);
}

/* --- the pen --------------------------------------------------------------------- */

/* SGR parameters in the making, each followed by ';'. */
struct params {
	char s[160];
	size_t n;
};

static void add(struct params *p, const char *param)
{
	size_t len = strlen(param);

	if (p->n + len + 1 < sizeof p->s) {
		memcpy(p->s + p->n, param, len);
		p->n += len;
		p->s[p->n++] = ';';
	}
}

/* A hot path: every change of colour comes here, so no snprintf. */
static void add_number(struct params *p, unsigned v)
{
	if (p->n + 4 >= sizeof p->s)
		return;
	if (v >= 100)
		p->s[p->n++] = (char)('0' + v / 100 % 10);
	if (v >= 10)
		p->s[p->n++] = (char)('0' + v / 10 % 10);
	p->s[p->n++] = (char)('0' + v % 10);
	p->s[p->n++] = ';';
}

/* base is 30 or 40. */
static void add_color(struct params *p, uint32_t c, unsigned base)
{
	unsigned i = c & 0xff;

	if (VT_COLOR_KIND(c) == VT_COLOR_DEFAULT) {
		add_number(p, base + 9);
	} else if (VT_COLOR_KIND(c) == VT_COLOR_INDEX && i < 16) {
		add_number(p, i < 8 ? base + i : base + 60 + i - 8);
	} else {
		add_number(p, base + 8);
		if (VT_COLOR_KIND(c) == VT_COLOR_INDEX) {
			add_number(p, 5);
		} else {
			add_number(p, 2);
			add_number(p, c >> 16 & 0xff);
			add_number(p, c >> 8 & 0xff);
		}
		add_number(p, i);
	}
}

static void add_underline(struct params *p, uint32_t attr)
{
	unsigned style = (attr & VT_UL_MASK) >> VT_UL_SHIFT;
	char s[8];

	if (style == VT_UL_SINGLE) {
		add(p, "4");
	} else if (style != VT_UL_NONE) {
		snprintf(s, sizeof s, "4:%u", style);
		add(p, s);
	}
}

/* With colons: terminals that do not know 58 would take its parts for others. */
static void add_ul_color(struct params *p, uint32_t c)
{
	char s[32];

	if (VT_COLOR_KIND(c) == VT_COLOR_RGB)
		snprintf(s, sizeof s, "58:2::%u:%u:%u", c >> 16 & 0xff, c >> 8 & 0xff, c & 0xff);
	else if (VT_COLOR_KIND(c) == VT_COLOR_INDEX)
		snprintf(s, sizeof s, "58:5:%u", c & 0xff);
	else
		snprintf(s, sizeof s, "59");
	add(p, s);
}

static const struct {
	uint32_t attr;
	const char *on, *off;
} sgr[] = {
	{ VT_BOLD, "1", NULL },   { VT_DIM, "2", NULL },       { VT_ITALIC, "3", "23" },
	{ VT_BLINK, "5", "25" },  { VT_REVERSE, "7", "27" },   { VT_CONCEAL, "8", "28" },
	{ VT_STRIKE, "9", "29" }, { VT_OVERLINE, "53", "55" },
};

static void add_delta(struct params *p, const struct diff_pen *from, const struct diff_pen *to)
{
	uint32_t has = from->attr, off;

	if (has & ~to->attr & (VT_BOLD | VT_DIM)) {
		add(p, "22"); /* takes both */
		has &= ~(uint32_t)(VT_BOLD | VT_DIM);
	}
	if ((has & VT_UL_MASK) && !(to->attr & VT_UL_MASK))
		add(p, "24");
	off = has & ~to->attr;
	for (size_t i = 0; i < sizeof sgr / sizeof *sgr; i++)
		if ((off & sgr[i].attr) && sgr[i].off)
			add(p, sgr[i].off);
	for (size_t i = 0; i < sizeof sgr / sizeof *sgr; i++)
		if (to->attr & ~has & sgr[i].attr)
			add(p, sgr[i].on);
	if ((to->attr & VT_UL_MASK) != (has & VT_UL_MASK))
		add_underline(p, to->attr);
	if (to->fg != from->fg)
		add_color(p, to->fg, 30);
	if (to->bg != from->bg)
		add_color(p, to->bg, 40);
	if (to->ul != from->ul)
		add_ul_color(p, to->ul);
}

void diff_pen_put(struct buf *out, const struct diff_pen *from, const struct diff_pen *to)
{
	static const struct diff_pen none;
	struct params delta = { .n = 0 }, anew = { .n = 0 };

	if (from->fg == to->fg && from->bg == to->bg && from->attr == to->attr &&
	    from->ul == to->ul)
		return;
	add_delta(&delta, from, to);
	add(&anew, ""); /* an empty parameter is 0 */
	add_delta(&anew, &none, to);
	if (anew.n <= delta.n)
		delta = anew;
	buf_adds(out, "\033[");
	buf_add(out, delta.s, delta.n - 1);
	buf_addc(out, 'm');
}
