/* How text takes up columns: grapheme clusters (UAX 29) and their widths.
 *
 * The emulator and everything that draws must count alike, so both count here.
 * A cluster takes the sum of its code points' widths, at least one column and at
 * most two; an emoji followed by U+FE0F takes two.
 */
#ifndef CORE_WIDTH_H
#define CORE_WIDTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vt_class {			/* Grapheme_Cluster_Break, and Extended_Pictographic */
	VT_GC_OTHER, VT_GC_CR, VT_GC_LF, VT_GC_CONTROL, VT_GC_EXTEND, VT_GC_L, VT_GC_V, VT_GC_T,
	VT_GC_LV, VT_GC_LVT, VT_GC_RI, VT_GC_SPACING, VT_GC_PREPEND, VT_GC_ZWJ, VT_GC_PICT,
};

/* Where a run of code points stands; all zero before the first one. */
struct vt_seg {
	uint8_t prev;		/* class of the last code point, plus one; 0 for none */
	bool is_pict;		/* ExtPict Extend*, then perhaps ZWJ */
	bool is_ri_odd;
};

/* Class in the upper bits, width of the code point by itself (0..2) in the
 * lowest two. */
#define VT_PROP_WIDTH(p) ((p) & 3u)
#define VT_PROP_CLASS(p) ((enum vt_class)((p) >> 2))
uint8_t vt_width_prop(uint32_t cp);

/* Take cp; true when a cluster begins with it. */
bool vt_seg_next(struct vt_seg *s, uint32_t cp);

/* Columns of a cluster: 1 or 2. */
int vt_width_cluster(const uint32_t *cp, size_t n);

/* UTF-8: encode one valid code point (1..4 bytes); decode n bytes of valid
 * UTF-8 into at most max code points. */
size_t vt_utf8_put(char *out, uint32_t cp);
size_t vt_utf8_get(const char *s, size_t n, uint32_t *cp, size_t max);

#endif
