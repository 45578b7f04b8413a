/* The emulator's inside, shared by the vt_*.c files and by nothing else.
 *
 *   vt_parse   bytes -> print, execute, escape, CSI, OSC, DCS (a state table)
 *   vt_print   characters onto the grid: runs, clusters, wide ones, REP
 *   vt_grid    rows: erase, insert, delete, scroll, damage
 *   vt_csi     CSI and ESC dispatch: cursor, editing, tabs, margins
 *   vt_sgr     colours and styles
 *   vt_mode    modes and their reports, keyboard protocols, both screens, reset
 *   vt_report  DA, DSR, window reports, DCS requests
 *   vt_osc     title, links, notices, clipboard, colours
 *   vt_sb      packed scrollback      vt_reflow  resize
 *   vt_intern  clusters, links and extended styles, by number
 *   vt_width   grapheme clusters and widths: core/width.h
 *
 * Invariants that every function keeps: 0 <= y < rows, 0 <= x < cols; is_pending
 * (the next character wraps first) only with x == cols - 1; a row's used <= its
 * cap <= cols; a VT_WIDE cell is followed by its VT_TAIL and no tail stands alone.
 */
#ifndef CORE_VT_INT_H
#define CORE_VT_INT_H

#include "core/buf.h"
#include "core/vt.h"
#include "core/width.h"

/* --- interning --------------------------------------------------------------- */

struct vt_intern_entry {
	char *data;		/* NULL: free */
	uint32_t len, hash, next;
	bool is_marked;
};

/* Byte strings by number; 0 is never one. */
struct vt_intern {
	struct vt_intern_entry *e;
	uint32_t *bucket;
	uint32_t n, cap, free_head, n_buckets, n_live;
	uint32_t since_sweep;	/* entries made since the last sweep */
	size_t bytes;
};

uint32_t vt_intern_find(const struct vt_intern *t, const void *data, size_t len);
uint32_t vt_intern_add(struct vt_intern *t, const void *data, size_t len);
void vt_intern_mark(struct vt_intern *t, uint32_t i);
void vt_intern_sweep(struct vt_intern *t);	/* frees what is not marked, clears the marks */
void vt_intern_done(struct vt_intern *t);

#define VT_CH_CLUSTER	0x80000000u	/* vt_cell.ch: the rest is a number in clusters */
#define VT_EXT_SHIFT	16		/* vt_cell.attr: the upper half is a number in exts */
#define VT_EXT_MAX	8192u
#define VT_LINKS_MAX	4096u
#define VT_LINK_BYTES	((size_t)1 << 20)
#define VT_CLUSTERS_MIN	4096u

/* An extended style: what does not fit into a cell. */
struct vt_ext {
	uint32_t ul;		/* underline colour */
	uint32_t link;		/* number in links, or 0 */
};

/* --- rows and screens --------------------------------------------------------- */

enum {
	VT_ROW_WRAPPED	= 1,
	VT_ROW_PROMPT	= 2,
	VT_ROW_WIDE	= 4,	/* wide cells may be in it */
	VT_ROW_STYLED	= 8,	/* cells other than ASCII in default style may be in it */
};

#define VT_STYLE_MASK	(~(uint32_t)(VT_WIDE | VT_TAIL))

struct vt_row {
	struct vt_cell *cells;	/* NULL while cap is 0 */
	uint16_t used, cap;
	uint16_t lo, hi;	/* changed columns; none when lo >= hi */
	uint32_t fill;		/* background of what is not used */
	uint8_t flags;
};

struct vt_pen {
	uint32_t fg, bg, attr;
};

struct vt_saved {		/* DECSC */
	struct vt_pen pen;
	int y, x;
	bool is_pending, origin;
	uint8_t gl, charset[4];
};

#define VT_KITTY_DEPTH	8

struct vt_screen {
	struct vt_row *store;
	struct vt_row **row;	/* rows of them, in screen order; NULL while not in use */
	struct vt_saved saved;
	uint8_t kitty[VT_KITTY_DEPTH], n_kitty;	/* flags in force: the last one */
};

/* --- scrollback ---------------------------------------------------------------- */

struct vt_chunk;

struct vt_sb {
	struct vt_chunk *head, *tail;
	uint8_t **line;		/* ring of cap, n in use from first */
	unsigned first, n, cap;
	unsigned max_lines;
	size_t bytes, max_bytes;
	uint64_t dropped;	/* lines gone at the old end: the number of the first one kept */
	uint8_t *text, *runs;	/* where a line is packed before it is stored */
	size_t text_cap, runs_cap;
	bool is_stale;		/* lines of another width are in it: see vt_sb_sync */
};

void vt_sb_init(struct vt_sb *sb);
void vt_sb_done(struct vt_sb *sb);
void vt_sb_clear(struct vt_sb *sb);
void vt_sb_push(struct vt *vt, const struct vt_row *row);
/* Unpack line i (0 is the oldest) into row, whose cells hold VT_SIZE_MAX. */
void vt_sb_get(struct vt *vt, const struct vt_sb *sb, unsigned i, struct vt_row *row);
bool vt_sb_is_wrapped(const struct vt_sb *sb, unsigned i);
void vt_sb_pop(struct vt_sb *sb);		/* drop the newest */
void vt_sb_sync(struct vt *vt);		/* wrap all lines to the terminal's width */
void vt_sb_mark_exts(struct vt *vt);	/* vt_intern_mark every extended style in it */
void vt_sb_forget_exts(struct vt *vt);	/* take them out of it */
void vt_sb_trim(struct vt_sb *sb);

/* --- the parser's state ---------------------------------------------------------- */

#define VT_PARAMS_MAX	32
#define VT_PARAM_MAX	65535
#define VT_OSC_MAX	((size_t)256 << 10)
#define VT_OSC_TEXT_MAX	((size_t)8 << 10)	/* every OSC but 52 */
#define VT_DCS_MAX	((size_t)1 << 10)

struct vt_params {
	int v[VT_PARAMS_MAX];	/* -1 when left out */
	unsigned n;
	uint32_t colon;		/* bit i: v[i] was set off by a colon */
	bool is_full;		/* there were more; they are left out */
};

/* --- the terminal ------------------------------------------------------------------ */

#define VT_TITLE_DEPTH	8

struct vt {
	/* what printing needs, close together */
	struct vt_screen *screen;
	int rows, cols;
	int y, x;
	bool is_pending;	/* x is the last column and is full: wrap first */
	bool is_glued;		/* nothing but characters since the last character */
	bool autowrap, insert;
	uint8_t last_class;	/* grapheme class of the last character */
	uint8_t gl, charset[4];	/* 0 ASCII, '0' DEC graphics, 'A' UK */
	int8_t single_shift;	/* charset for one character, or -1 */
	struct vt_pen pen;
	int top, bottom;	/* scroll region, both inside it */
	uint32_t last_cp;	/* for REP; 0 for none */
	int dirty_top, dirty_bottom;	/* rows dirty from end to end; none when top > bottom */
	unsigned scrolled;

	/* parser */
	uint8_t state;
	uint8_t n_inter, inter[2];
	uint8_t prefix;		/* one of < = > ? or 0 */
	bool is_too_long;	/* a string passed its ceiling: swallow it */
	bool is_reply_dcs;	/* a DCS that we answer, not one that is swallowed */
	uint8_t utf8_need;	/* bytes that utf8_cp still lacks */
	uint8_t utf8_lo, utf8_hi;	/* what the next of them may be */
	uint32_t utf8_cp;
	struct vt_params params;
	struct buf str;
	uint64_t now_ms, string_since;

	/* modes */
	bool origin, newline, is_cursor_hidden, is_blinking, reverse_wrap;
	bool is_reversed, is_alternate;
	bool app_cursor, app_keypad, backspace_is_bs, bracketed_paste, focus, alt_scroll;
	bool theme_reports, size_reports, sync;
	uint16_t mouse, mouse_form;	/* the mode's number, or 0 */
	uint8_t modify_other;
	uint8_t cursor_style;	/* DECSCUSR's parameter, 0 when never set */
	bool is_damage_drawn;	/* since the hold began */
	uint64_t hold_since;
	uint64_t saved_modes;	/* XTSAVE, a bit for each entry of the table in vt_mode.c */

	uint8_t tabs[(VT_SIZE_MAX + 7) / 8];
	struct vt_screen primary, alternate;
	struct vt_sb sb;
	struct vt_intern clusters, links, exts;
	uint32_t ext_refused;	/* since the last sweep that found no room */
	uint32_t pen_link;	/* OSC 8 in force: a number in links */
	uint32_t pen_ul;

	char title[VT_TITLE_MAX];
	char *titles[VT_TITLE_DEPTH];
	unsigned n_titles;
	char *note_title, *note_body;	/* OSC 99 in parts */

	const struct vt_ops *ops;
	void *ctx;
	bool replies, checksums;
	int cell_width, cell_height;
	struct vt_theme theme;
	unsigned epoch;
	bool is_reflowing;	/* cells are out of sight: free no cluster */
	struct vt_row scratch;	/* for unpacked lines: cap VT_SIZE_MAX once used */
};

/* --- vt_print --------------------------------------------------------------------- */

void vt_print_ascii(struct vt *vt, const uint8_t *s, size_t n);	/* 0x20..0x7e */
void vt_print_cp(struct vt *vt, uint32_t cp);
void vt_print_repeat(struct vt *vt, unsigned n);

/* --- vt_grid ------------------------------------------------------------------------ */

static inline struct vt_row *vt_cur_row(const struct vt *vt)
{
	return vt->screen->row[vt->y];
}

static inline void vt_row_touch(struct vt_row *r, int lo, int hi)
{
	if (lo < r->lo)
		r->lo = (uint16_t)lo;
	if (hi > r->hi)
		r->hi = (uint16_t)hi;
}

void vt_screen_init(struct vt_screen *s, int rows);
void vt_screen_done(struct vt_screen *s, int rows);
/* Make [x, x+n) writable: memory, the gap before it, wide cells cut at its
 * edges, the damage; used covers it afterwards. What is in it must be written. */
void vt_row_open(struct vt *vt, struct vt_row *r, int x, int n);
void vt_row_reserve(struct vt_row *r, int n, int cols);
void vt_row_clear(struct vt_row *r, uint32_t fill, int cols);
void vt_row_erase(struct vt *vt, struct vt_row *r, int from, int to, bool keep_protected);
void vt_row_insert(struct vt *vt, struct vt_row *r, int x, int n);
void vt_row_delete(struct vt *vt, struct vt_row *r, int x, int n);
void vt_dirty_rows(struct vt *vt, int top, int bottom);
struct vt_line vt_line_of(const struct vt_row *r);
/* How many of n cells make the next row of a line that is wrapped to cols. */
int vt_wrap_take(const struct vt_cell *c, int n, int cols);
/* What goes off the top of the primary screen is history, but for removed rows. */
void vt_scroll_up(struct vt *vt, int top, int bottom, int n);
void vt_remove_rows(struct vt *vt, int top, int bottom, int n);
void vt_scroll_down(struct vt *vt, int top, int bottom, int n);
void vt_line_feed(struct vt *vt);		/* index: down, or scroll */
void vt_reverse_index(struct vt *vt);
void vt_wrap(struct vt *vt);			/* to the next row, which this one goes on in */
void vt_move(struct vt *vt, int y, int x);	/* clamped to the screen */

/* --- dispatch, from the parser ---------------------------------------------------- */

void vt_execute(struct vt *vt, uint8_t c);
void vt_esc(struct vt *vt, uint8_t final);
void vt_csi(struct vt *vt, uint8_t final);
void vt_osc(struct vt *vt, const char *s, size_t n);
void vt_dcs(struct vt *vt, const char *s, size_t n);
/* Is this DCS (by prefix, intermediates and final) one that is answered? */
bool vt_dcs_is_known(const struct vt *vt, uint8_t final);

/* The i-th parameter; def when it was left out or is 0 where 0 means 1. */
static inline int vt_param(const struct vt *vt, unsigned i, int def)
{
	return i < vt->params.n && vt->params.v[i] >= 0 ? vt->params.v[i] : def;
}

static inline int vt_param1(const struct vt *vt, unsigned i)
{
	int v = vt_param(vt, i, 1);

	return v > 0 ? v : 1;
}

void vt_sgr(struct vt *vt);
void vt_sgr_report(const struct vt *vt, char *out, size_t size);
void vt_pen_changed(struct vt *vt);		/* pen_link or pen_ul did: find the ext */
/* The key is address, NUL, parameters; 0 when there is no room. */
uint32_t vt_link_add(struct vt *vt, const char *key, size_t len);

void vt_mode_set(struct vt *vt, bool on);	/* SM, RM, DECSET, DECRST */
void vt_mode_report(struct vt *vt);		/* DECRQM */
void vt_mode_save(struct vt *vt);
void vt_mode_restore(struct vt *vt);
void vt_mode_init(struct vt *vt);		/* as after RIS */
void vt_mode_soft_reset(struct vt *vt);
void vt_use_alternate(struct vt *vt, bool on);
void vt_cursor_save(struct vt *vt);
void vt_cursor_restore(struct vt *vt);
void vt_kitty(struct vt *vt);			/* CSI u with a prefix */
unsigned vt_kitty_flags(const struct vt *vt);
void vt_modify_other(struct vt *vt);		/* CSI > m, CSI > n, CSI ? m */

void vt_report_da(struct vt *vt);
void vt_report_dsr(struct vt *vt);
void vt_report_window(struct vt *vt);		/* CSI t */
void vt_report_version(struct vt *vt);
void vt_report_size(struct vt *vt);		/* mode 2048 */
void vt_report_theme(struct vt *vt);
void vt_report_checksum(struct vt *vt);		/* DECRQCRA */
void vt_reply(struct vt *vt, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void vt_title_set(struct vt *vt, const char *s, size_t n);
void vt_title_push(struct vt *vt);
void vt_title_pop(struct vt *vt);
void vt_notice(struct vt *vt, const struct vt_notice *n);

/* Free clusters that no cell uses, when enough were made since the last time. */
void vt_clusters_collect(struct vt *vt);
/* Number of a cluster of code points, freeing unused ones when it is time. */
uint32_t vt_cluster_ch(struct vt *vt, const uint32_t *cp, size_t n);
/* The code points of a cell that is not blank. */
size_t vt_cell_cps(const struct vt *vt, const struct vt_cell *c, uint32_t *cp, size_t max);

#define VT_CLUSTER_CPS	31	/* 4 bytes each fit VT_CELL_TEXT_MAX */

#endif
