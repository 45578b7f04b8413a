/* What a cell only names: clusters, links and underline colours, and when
 * those that no cell names any more are freed.
 */
#include "core/vt_int.h"

#include <string.h>

/* Call use on every cell of both screens. */
static void each_cell(struct vt *vt, void (*use)(struct vt *vt, const struct vt_cell *c))
{
	const struct vt_screen *screens[] = { &vt->primary, &vt->alternate };

	for (int i = 0; i < 2; i++)
		for (int y = 0; screens[i]->row && y < vt->rows; y++) {
			const struct vt_row *r = screens[i]->row[y];

			for (int x = 0; r->flags & VT_ROW_STYLED && x < r->used; x++)
				use(vt, &r->cells[x]);
		}
}

/* --- clusters ---------------------------------------------------------------------------- */

static void mark_cluster(struct vt *vt, const struct vt_cell *c)
{
	if (c->ch & VT_CH_CLUSTER)
		vt_intern_mark(&vt->clusters, c->ch & ~VT_CH_CLUSTER);
}

void vt_clusters_collect(struct vt *vt)
{
	uint32_t due = 2 * (uint32_t)(vt->rows * vt->cols);

	if (vt->is_reflowing ||
	    vt->clusters.since_sweep < (due > VT_CLUSTERS_MIN ? due : VT_CLUSTERS_MIN))
		return;
	each_cell(vt, mark_cluster);
	/* a line of the scrollback that is just being unpacked */
	for (int x = 0; x < vt->scratch.used; x++)
		mark_cluster(vt, &vt->scratch.cells[x]);
	vt_intern_sweep(&vt->clusters);
}

size_t vt_cell_text(const struct vt *vt, const struct vt_cell *cell, char *out)
{
	const struct vt_intern_entry *e;
	size_t n = 0;

	if (cell->attr & VT_TAIL) {
		out[0] = '\0';
		return 0;
	}
	if (cell->ch & VT_CH_CLUSTER) {
		e = &vt->clusters.e[cell->ch & ~VT_CH_CLUSTER];
		n = e->len;
		memcpy(out, e->data, n);
	} else {
		n = vt_utf8_put(out, cell->ch ? cell->ch : ' ');
	}
	out[n] = '\0';
	return n;
}

/* --- links and underline colours ------------------------------------------------------------ */

static void mark_ext(struct vt *vt, const struct vt_cell *c)
{
	vt_intern_mark(&vt->exts, c->attr >> VT_EXT_SHIFT);
}

static void ext_get(const struct vt *vt, uint32_t i, struct vt_ext *ext)
{
	*ext = (struct vt_ext){ 0 };
	if (i > 0 && i < vt->exts.n && vt->exts.e[i].data)
		memcpy(ext, vt->exts.e[i].data, sizeof *ext);
}

static bool is_full(const struct vt *vt)
{
	return vt->exts.n_live + 1 >= VT_EXT_MAX || vt->links.n_live + 1 >= VT_LINKS_MAX ||
	       vt->links.bytes + VT_URI_MAX >= VT_LINK_BYTES;
}

static void sweep(struct vt *vt)
{
	each_cell(vt, mark_ext);
	vt_sb_mark_exts(vt);
	vt_intern_mark(&vt->exts, vt->pen.attr >> VT_EXT_SHIFT);
	vt_intern_sweep(&vt->exts);
	for (uint32_t i = 1; i < vt->exts.n; i++) {
		struct vt_ext ext;

		ext_get(vt, i, &ext);
		vt_intern_mark(&vt->links, ext.link);
	}
	vt_intern_mark(&vt->links, vt->pen_link);
	vt_intern_sweep(&vt->links);
}

/* Is there room for one more? A sweep looks at the whole scrollback, so it waits
 * until a good number was made, or refused, since the last one; what is refused
 * goes without. When it does not help, the scrollback loses what it has. */
static bool make_room(struct vt *vt)
{
	if (!is_full(vt))
		return true;
	if (vt->exts.since_sweep + vt->links.since_sweep + vt->ext_refused < VT_LINKS_MAX / 4) {
		vt->ext_refused++;
		return false;
	}
	vt->ext_refused = 0;
	sweep(vt);
	if (is_full(vt)) {
		vt_sb_forget_exts(vt);
		sweep(vt);
	}
	return !is_full(vt);
}

uint32_t vt_link_add(struct vt *vt, const char *key, size_t len)
{
	uint32_t i = vt_intern_find(&vt->links, key, len);

	if (!i && make_room(vt))
		i = vt_intern_add(&vt->links, key, len);
	return i;
}

void vt_pen_changed(struct vt *vt)
{
	struct vt_ext ext = { vt->pen_ul, vt->pen_link };
	uint32_t i = 0;

	vt->pen.attr &= 0xffff;
	if (ext.ul || ext.link) {
		i = vt_intern_find(&vt->exts, &ext, sizeof ext);
		if (!i && make_room(vt))
			i = vt_intern_add(&vt->exts, &ext, sizeof ext);
	}
	vt->pen.attr |= i << VT_EXT_SHIFT;
}

uint32_t vt_cell_ul_color(const struct vt *vt, const struct vt_cell *cell)
{
	struct vt_ext ext;

	ext_get(vt, cell->attr >> VT_EXT_SHIFT, &ext);
	return ext.ul;
}

const char *vt_cell_link(const struct vt *vt, const struct vt_cell *cell, unsigned *id)
{
	struct vt_ext ext;

	ext_get(vt, cell->attr >> VT_EXT_SHIFT, &ext);
	if (!ext.link || ext.link >= vt->links.n || !vt->links.e[ext.link].data)
		return NULL;
	if (id)
		*id = ext.link;
	return vt->links.e[ext.link].data;
}
