/* Grapheme clusters by UAX 29 and how many columns they take.
 *
 * utf8proc knows each code point's break class and width; the rules are a few
 * lines and are ours, because a terminal meets one code point at a time. What
 * utf8proc says of a code point is kept in pages of 256, filled when first met
 * and shared by all terminals (filling is idempotent, so a race costs a page
 * of memory once, nothing else).
 */
#include "core/width.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/mem.h"

#define N_PAGES 0x1100

static const uint8_t *pages[N_PAGES];

static enum vt_class class_of(const utf8proc_property_t *p)
{
	switch (p->boundclass) {
	case UTF8PROC_BOUNDCLASS_CR:
		return VT_GC_CR;
	case UTF8PROC_BOUNDCLASS_LF:
		return VT_GC_LF;
	case UTF8PROC_BOUNDCLASS_CONTROL:
		return VT_GC_CONTROL;
	case UTF8PROC_BOUNDCLASS_EXTEND:
	case UTF8PROC_BOUNDCLASS_E_MODIFIER:
		return VT_GC_EXTEND;
	case UTF8PROC_BOUNDCLASS_L:
		return VT_GC_L;
	case UTF8PROC_BOUNDCLASS_V:
		return VT_GC_V;
	case UTF8PROC_BOUNDCLASS_T:
		return VT_GC_T;
	case UTF8PROC_BOUNDCLASS_LV:
		return VT_GC_LV;
	case UTF8PROC_BOUNDCLASS_LVT:
		return VT_GC_LVT;
	case UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR:
		return VT_GC_RI;
	case UTF8PROC_BOUNDCLASS_SPACINGMARK:
		return VT_GC_SPACING;
	case UTF8PROC_BOUNDCLASS_PREPEND:
		return VT_GC_PREPEND;
	case UTF8PROC_BOUNDCLASS_ZWJ:
		return VT_GC_ZWJ;
	case UTF8PROC_BOUNDCLASS_E_BASE:
	case UTF8PROC_BOUNDCLASS_GLUE_AFTER_ZWJ:
	case UTF8PROC_BOUNDCLASS_E_BASE_GAZ:
	case UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC:
		return VT_GC_PICT;
	default:
		return VT_GC_OTHER;
	}
}

static uint8_t prop_of(uint32_t cp)
{
	const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
	enum vt_class class = class_of(p);
	unsigned width = p->charwidth > 2 ? 2 : p->charwidth;

	/* medial and final jamo stand on the initial one */
	if (class == VT_GC_V || class == VT_GC_T || class == VT_GC_ZWJ)
		width = 0;
	else if (class == VT_GC_OTHER && width == 0)
		width = 1;
	/* planes for ideographs, those of later Unicodes too (EastAsianWidth.txt) */
	if (class == VT_GC_OTHER && cp >= 0x20000 && cp <= 0x3fffd && (cp & 0xffff) <= 0xfffd)
		width = 2;
	return (uint8_t)((unsigned)class << 2 | width);
}

static const uint8_t *page_fill(unsigned i)
{
	uint8_t *page = xmalloc(256);
	const uint8_t *none = NULL;

	for (unsigned j = 0; j < 256; j++)
		page[j] = prop_of(i << 8 | j);
	if (__atomic_compare_exchange_n(&pages[i], &none, page, false, __ATOMIC_ACQ_REL,
	                                __ATOMIC_ACQUIRE))
		return page;
	free(page);
	return none;
}

uint8_t vt_width_prop(uint32_t cp)
{
	const uint8_t *page;

	if (cp > 0x10ffff)
		return VT_GC_OTHER << 2 | 1;
	page = __atomic_load_n(&pages[cp >> 8], __ATOMIC_ACQUIRE);
	if (!page)
		page = page_fill(cp >> 8);
	return page[cp & 0xff];
}

/* GB3 to GB13 of UAX 29 (Unicode 15): does a cluster end between the two? */
static bool is_break(const struct vt_seg *s, enum vt_class a, enum vt_class b)
{
	if (a == VT_GC_CR && b == VT_GC_LF)
		return false;
	if (a == VT_GC_CR || a == VT_GC_LF || a == VT_GC_CONTROL || b == VT_GC_CR ||
	    b == VT_GC_LF || b == VT_GC_CONTROL)
		return true;
	if (a == VT_GC_L && (b == VT_GC_L || b == VT_GC_V || b == VT_GC_LV || b == VT_GC_LVT))
		return false;
	if ((a == VT_GC_LV || a == VT_GC_V) && (b == VT_GC_V || b == VT_GC_T))
		return false;
	if ((a == VT_GC_LVT || a == VT_GC_T) && b == VT_GC_T)
		return false;
	if (b == VT_GC_EXTEND || b == VT_GC_ZWJ || b == VT_GC_SPACING || a == VT_GC_PREPEND)
		return false;
	if (a == VT_GC_ZWJ && b == VT_GC_PICT && s->is_pict)
		return false;
	if (a == VT_GC_RI && b == VT_GC_RI && s->is_ri_odd)
		return false;
	return true;
}

bool vt_seg_next(struct vt_seg *s, uint32_t cp)
{
	enum vt_class b = VT_PROP_CLASS(vt_width_prop(cp));
	bool begins = s->prev == 0 || is_break(s, (enum vt_class)(s->prev - 1), b);

	if (b == VT_GC_PICT)
		s->is_pict = true;
	else if ((b != VT_GC_EXTEND && b != VT_GC_ZWJ) || s->prev == VT_GC_ZWJ + 1)
		s->is_pict = false;
	s->is_ri_odd = b == VT_GC_RI && (begins || !s->is_ri_odd);
	s->prev = (uint8_t)(b + 1);
	return begins;
}

static bool takes_emoji_style(uint32_t cp)
{
	return VT_PROP_CLASS(vt_width_prop(cp)) == VT_GC_PICT || (cp >= '0' && cp <= '9') ||
	       cp == '#' || cp == '*';
}

int vt_width_cluster(const uint32_t *cp, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += VT_PROP_WIDTH(vt_width_prop(cp[i]));
		if (cp[i] == 0xfe0f && i > 0 && takes_emoji_style(cp[i - 1]))
			sum = 2;
	}
	return sum < 2 ? 1 : 2;
}

size_t vt_utf8_put(char *out, uint32_t cp)
{
	unsigned char *o = (unsigned char *)out;

	if (cp < 0x80) {
		o[0] = (unsigned char)cp;
		return 1;
	}
	if (cp < 0x800) {
		o[0] = (unsigned char)(0xc0 | cp >> 6);
		o[1] = (unsigned char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		o[0] = (unsigned char)(0xe0 | cp >> 12);
		o[1] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
		o[2] = (unsigned char)(0x80 | (cp & 0x3f));
		return 3;
	}
	o[0] = (unsigned char)(0xf0 | (cp >> 18 & 7));
	o[1] = (unsigned char)(0x80 | (cp >> 12 & 0x3f));
	o[2] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
	o[3] = (unsigned char)(0x80 | (cp & 0x3f));
	return 4;
}

size_t vt_utf8_get(const char *s, size_t n, uint32_t *cp, size_t max)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + n;
	size_t k = 0;

	while (p < end && k < max) {
		unsigned len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
		uint32_t c = len == 1 ? *p : *p & (0x7fu >> len);

		if ((size_t)(end - p) < len)
			break;
		for (unsigned i = 1; i < len; i++)
			c = c << 6 | (p[i] & 0x3fu);
		cp[k++] = c;
		p += len;
	}
	return k;
}
