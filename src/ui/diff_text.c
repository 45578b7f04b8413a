/* What terminals make of characters. */
#include "ui/diff_int.h"

#include "core/text.h"
#include "core/width.h"

bool diff_is_width_sure(uint32_t t, bool is_wide)
{
	if (is_wide)
		return (t >= 0x3041 && t <= 0x3096) || (t >= 0x30a1 && t <= 0x30fa) ||
		       (t >= 0x4e00 && t <= 0x9fff) || (t >= 0xac00 && t <= 0xd7a3);
	return t < 0x300 || (t >= 0x370 && t < 0x480) || (t >= 0x2010 && t < 0x2028) ||
	       (t >= 0x2500 && t < 0x25a0);
}

int diff_naive_width(const char *utf8, size_t len)
{
	int width = 0;

	while (len > 0) {
		uint32_t cp;
		size_t n = text_utf8(utf8, len, &cp);
		uint8_t prop;

		if (n == 0)
			break;
		prop = vt_width_prop(cp);
		width += VT_PROP_CLASS(prop) == VT_GC_SPACING ? 1 : (int)VT_PROP_WIDTH(prop);
		utf8 += n;
		len -= n;
	}
	return width;
}

char diff_ascii(uint32_t cp)
{
	static const char latin[] =
		"AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty";
	static const struct {
		uint32_t first, last;
		char c;
	} ranges[] = {
		{ 0xa0, 0xa0, ' ' },     { 0xb7, 0xb7, '.' },      { 0x2010, 0x2015, '-' },
		{ 0x2016, 0x2016, '|' }, { 0x2018, 0x201b, '\'' }, { 0x201c, 0x201f, '"' },
		{ 0x2022, 0x2022, '*' }, { 0x2026, 0x2026, '.' },  { 0x2039, 0x2039, '<' },
		{ 0x203a, 0x203a, '>' }, { 0x2190, 0x2190, '<' },  { 0x2191, 0x2191, '^' },
		{ 0x2192, 0x2192, '>' }, { 0x2193, 0x2193, 'v' },  { 0x23bf, 0x23bf, 'L' },
		{ 0x2500, 0x2501, '-' }, { 0x2502, 0x2503, '|' },  { 0x2504, 0x2505, '-' },
		{ 0x2506, 0x2507, '|' }, { 0x2508, 0x2509, '-' },  { 0x250a, 0x250b, '|' },
		{ 0x250c, 0x254b, '+' }, { 0x254c, 0x254d, '-' },  { 0x254e, 0x254f, '|' },
		{ 0x2550, 0x2550, '=' }, { 0x2551, 0x2551, '|' },  { 0x2552, 0x2570, '+' },
		{ 0x2571, 0x2571, '/' }, { 0x2572, 0x2572, '\\' }, { 0x2573, 0x2573, 'X' },
		{ 0x2574, 0x2574, '-' }, { 0x2575, 0x2575, '|' },  { 0x2576, 0x2576, '-' },
		{ 0x2577, 0x2577, '|' }, { 0x2578, 0x257f, '-' },  { 0x2580, 0x2590, '#' },
		{ 0x2591, 0x2593, ':' }, { 0x25a0, 0x25ff, '*' },  { 0x2600, 0x26ff, '*' },
		{ 0x2713, 0x2714, '+' }, { 0x2715, 0x2718, 'x' },  { 0x2719, 0x275a, '*' },
		{ 0x276e, 0x276e, '<' }, { 0x276f, 0x276f, '>' },  { 0x2800, 0x28ff, '.' },
	};

	if (cp < 0x7f)
		return cp >= ' ' ? (char)cp : ' ';
	if (cp >= 0xc0 && cp <= 0xff)
		return latin[cp - 0xc0];
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (cp >= ranges[i].first && cp <= ranges[i].last)
			return ranges[i].c;
	return '?';
}
