/* Characters onto the grid.
 *
 * Runs of ASCII go in a span at a time. Anything else goes one code point at a
 * time: it joins the cluster before the cursor when UAX 29 says so, and else
 * starts a cell of its own.
 */
#include "core/vt_int.h"

#include <string.h>

/* DEC special graphics, 0x5f to 0x7e. */
static const uint16_t dec_graphics[] = {
	0x00a0, 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b,
	0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c,
	0x2524, 0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7,
};

static uint32_t translate(uint8_t charset, uint32_t c)
{
	if (charset == '0' && c >= 0x5f && c <= 0x7e)
		return dec_graphics[c - 0x5f];
	if (charset == 'A' && c == '#')
		return 0xa3;
	return c;
}

static bool is_styled(const struct vt_pen *pen)
{
	return pen->fg || pen->bg || pen->attr;
}

/* Write a cluster of width columns at the cursor and move on. */
static void put_cell(struct vt *vt, uint32_t ch, int width)
{
	struct vt_row *r;
	struct vt_cell *c;

	if (vt->is_pending && vt->autowrap)
		vt_wrap(vt);
	if (width > vt->cols)
		return;
	if (vt->x + width > vt->cols) {
		/* a wide one does not fit into the last column */
		if (!vt->autowrap) {
			vt->x = vt->cols - width;
		} else {
			vt_row_erase(vt, vt_cur_row(vt), vt->x, vt->cols, false);
			vt_wrap(vt);
		}
	}
	r = vt_cur_row(vt);
	if (vt->insert)
		vt_row_insert(vt, r, vt->x, width);
	vt_row_open(vt, r, vt->x, width);
	c = &r->cells[vt->x];
	*c = (struct vt_cell){ ch, vt->pen.fg, vt->pen.bg, vt->pen.attr };
	if (ch > 0x7e || is_styled(&vt->pen))
		r->flags |= VT_ROW_STYLED;
	if (width == 2) {
		c[1] = *c;
		c[0].attr |= VT_WIDE;
		c[1].attr |= VT_TAIL;
		c[1].ch = 0;
		r->flags |= VT_ROW_WIDE;
	}
	vt->x += width;
	vt->is_pending = vt->x == vt->cols;
	vt->x -= vt->is_pending;
	vt->is_glued = true;
}

/* Does the last character ask for what follows (GB9b)? */
static bool is_open(const struct vt *vt)
{
	return vt->is_glued && vt->last_class == VT_GC_PREPEND;
}

void vt_print_ascii(struct vt *vt, const uint8_t *s, size_t n)
{
	uint8_t set = vt->charset[vt->gl];

	if (!n)
		return;
	while (n &&
	       (vt->insert || vt->single_shift >= 0 || is_open(vt) || (set != 0 && set != 'B'))) {
		if (vt->single_shift >= 0)
			set = vt->charset[vt->single_shift];
		vt->single_shift = -1;
		vt_print_cp(vt, translate(set, *s++));
		n--;
		set = vt->charset[vt->gl];
	}
	if (!n)
		return;
	vt->last_cp = s[n - 1];
	vt->last_class = VT_GC_OTHER;
	vt->is_glued = true;
	while (n) {
		struct vt_cell t = { 0, vt->pen.fg, vt->pen.bg, vt->pen.attr };
		struct vt_cell *c;
		struct vt_row *r;
		size_t k;

		if (vt->is_pending && vt->autowrap)
			vt_wrap(vt);
		k = (size_t)(vt->cols - vt->x);
		if (k > n)
			k = n;
		else if (k < n && !vt->autowrap)
			n = k; /* what follows only overwrites the last column */
		r = vt_cur_row(vt);
		vt_row_open(vt, r, vt->x, (int)k);
		if (is_styled(&vt->pen))
			r->flags |= VT_ROW_STYLED;
		c = &r->cells[vt->x];
		for (size_t i = 0; i < k; i++) {
			t.ch = s[i];
			c[i] = t;
		}
		if (!vt->autowrap && vt->x + (int)k == vt->cols)
			c[k - 1].ch = vt->last_cp;
		s += k;
		n -= k;
		vt->x += (int)k;
		vt->is_pending = vt->x == vt->cols;
		vt->x -= vt->is_pending;
	}
}

/* The cell before the cursor, or NULL. */
static struct vt_cell *cell_before(const struct vt *vt, int *x_out)
{
	const struct vt_row *r = vt_cur_row(vt);
	int x = vt->is_pending ? vt->x : vt->x - 1;

	if (x > 0 && x < r->used && (r->cells[x].attr & VT_TAIL))
		x--;
	if (x < 0 || x >= r->used || !r->cells[x].ch)
		return NULL;
	*x_out = x;
	return &r->cells[x];
}

/* A cluster in the last column has become wide: it moves to the next row. */
static void rewrap_wide(struct vt *vt, struct vt_cell c, int x)
{
	struct vt_pen pen = vt->pen;

	if (!vt->autowrap || vt->cols < 2)
		return;
	vt->x = x;
	vt->is_pending = false;
	vt->pen = (struct vt_pen){ c.fg, c.bg, c.attr & VT_STYLE_MASK };
	put_cell(vt, c.ch, 2);
	vt->pen = pen;
}

/* Add cp to the cluster in cell c at column x. */
static void join(struct vt *vt, struct vt_cell *c, int x, const uint32_t *cps, size_t n)
{
	struct vt_row *r = vt_cur_row(vt);
	struct vt_cell old = *c;

	old.ch = vt_cluster_ch(vt, cps, n);
	if ((c->attr & VT_WIDE) || vt_width_cluster(cps, n) < 2) {
		c->ch = old.ch;
	} else if (x + 2 > vt->cols) {
		c->ch = old.ch;
		rewrap_wide(vt, old, x);
	} else {
		if (vt->insert)
			vt_row_insert(vt, r, x + 1, 1);
		vt_row_open(vt, r, x, 2);
		c = &r->cells[x];
		c[0] = c[1] = old;
		c[0].attr |= VT_WIDE;
		c[1].attr |= VT_TAIL;
		c[1].ch = 0;
		r->flags |= VT_ROW_WIDE;
		vt->is_pending = x + 2 == vt->cols;
		vt->x = x + 2 - vt->is_pending;
	}
	r->flags |= VT_ROW_STYLED;
	vt_row_touch(r, x, x + 1);
}

/* A cheap look before the real one: can UAX 29 join these two? A mark may also
 * follow a cell that was written long ago. */
static bool may_join(const struct vt *vt, enum vt_class class)
{
	enum vt_class last = (enum vt_class)vt->last_class;

	switch (class) {
	case VT_GC_EXTEND:
	case VT_GC_ZWJ:
	case VT_GC_SPACING:
		return true;
	case VT_GC_V:
	case VT_GC_T:
		return vt->is_glued &&
		       ((last >= VT_GC_L && last <= VT_GC_LVT) || last == VT_GC_PREPEND);
	case VT_GC_L:
	case VT_GC_LV:
	case VT_GC_LVT:
		return vt->is_glued && (last == VT_GC_L || last == VT_GC_PREPEND);
	case VT_GC_RI:
		return vt->is_glued && (last == VT_GC_RI || last == VT_GC_PREPEND);
	case VT_GC_PICT:
		return vt->is_glued && (last == VT_GC_ZWJ || last == VT_GC_PREPEND);
	default:
		return is_open(vt);
	}
}

/* Does cp belong to the cluster before the cursor? Then put it there. */
static bool try_join(struct vt *vt, uint32_t cp, enum vt_class class)
{
	uint32_t cps[VT_CLUSTER_CPS + 1];
	struct vt_seg seg = { 0 };
	struct vt_cell *c;
	size_t n;
	int x;

	if (!may_join(vt, class))
		return false;
	c = cell_before(vt, &x);
	if (!c)
		return false;
	n = vt_cell_cps(vt, c, cps, VT_CLUSTER_CPS);
	for (size_t i = 0; i < n; i++)
		vt_seg_next(&seg, cps[i]);
	if (vt_seg_next(&seg, cp))
		return false;
	vt->last_class = (uint8_t) class;
	if (n == VT_CLUSTER_CPS)
		return true; /* long enough: dropped */
	cps[n++] = cp;
	join(vt, c, x, cps, n);
	return true;
}

void vt_print_cp(struct vt *vt, uint32_t cp)
{
	uint8_t prop = vt_width_prop(cp);
	enum vt_class class = VT_PROP_CLASS(prop);

	if (class <= VT_GC_CONTROL && class != VT_GC_OTHER) {
		if (cp != 0xad) /* the soft hyphen is shown, as one */
			return;
		cp = '-';
		class = VT_GC_OTHER;
	}
	if (class != VT_GC_OTHER || is_open(vt)) {
		if (try_join(vt, cp, class))
			return;
		if ((class == VT_GC_EXTEND || class == VT_GC_ZWJ) && VT_PROP_WIDTH(prop) == 0)
			return; /* a mark with nothing to stand on */
	}
	put_cell(vt, cp, VT_PROP_WIDTH(prop) == 2 ? 2 : 1);
	vt->last_cp = cp;
	vt->last_class = (uint8_t) class;
}

void vt_print_repeat(struct vt *vt, unsigned n)
{
	unsigned room = (unsigned)(vt->cols - vt->x) - vt->is_pending;

	if (!vt->last_cp)
		return;
	for (n = n < room ? n : room; n > 0; n--)
		put_cell(vt, vt->last_cp, VT_PROP_WIDTH(vt_width_prop(vt->last_cp)) == 2 ? 2 : 1);
}

uint32_t vt_cluster_ch(struct vt *vt, const uint32_t *cp, size_t n)
{
	char text[VT_CELL_TEXT_MAX];
	size_t len = 0;
	uint32_t i;

	if (n == 1)
		return cp[0];
	for (size_t k = 0; k < n; k++)
		len += vt_utf8_put(text + len, cp[k]);
	i = vt_intern_find(&vt->clusters, text, len);
	if (!i) {
		vt_clusters_collect(vt);
		i = vt_intern_add(&vt->clusters, text, len);
	}
	return VT_CH_CLUSTER | i;
}

size_t vt_cell_cps(const struct vt *vt, const struct vt_cell *c, uint32_t *cp, size_t max)
{
	const struct vt_intern_entry *e;

	if (!(c->ch & VT_CH_CLUSTER)) {
		cp[0] = c->ch;
		return c->ch != 0;
	}
	e = &vt->clusters.e[c->ch & ~VT_CH_CLUSTER];
	return vt_utf8_get(e->data, e->len, cp, max);
}
