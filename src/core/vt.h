/* A terminal emulator: bytes from a program in, a grid of cells out.
 *
 * The program is assumed hostile. Whatever it sends: no call crashes or hangs,
 * no size it claims is allocated, every string it can make us keep has a
 * ceiling, and what it can make us say back is limited to the fixed reports
 * below (never a title, never a clipboard). Control strings (APC, PM, SOS and
 * DCS that we do not know) are swallowed whole, up to ST, CAN or SUB; one left
 * open for VT_STRING_TIMEOUT_MS is dropped, so that a cut-off program cannot
 * wedge its terminal. Text in cells never holds a control character, a bidi
 * control or any other code point of grapheme class Control.
 *
 * The emulator knows no file, no clock and no curses. The caller feeds bytes
 * with the time of day of any monotonic clock, draws the rows that are marked
 * dirty, and passes what the callbacks say to where it belongs.
 *
 * It speaks UTF-8 only, and identifies as a VT220 with colour, with the name
 * claude-bottle(VERSION). Characters are placed by grapheme cluster (UAX 29)
 * as if mode 2027 were always on: a cluster takes the sum of its code points'
 * widths, at least one column and at most two, and an emoji followed by U+FE0F
 * takes two.
 *
 * Decisions where terminals differ: REP stops at the end of the line; ED 2
 * pushes nothing into the scrollback, ED 3 clears it; OSC 4, 10, 11, 12 answer
 * queries from the theme and never change it; an OSC 8 link must be http,
 * https or mailto; DECCOLM and left/right margins do not exist; 8-bit C1
 * controls, raw or encoded as UTF-8, are not obeyed; the alternate screen does
 * not reflow.
 *
 * One thread at a time may use one terminal.
 */
#ifndef CORE_VT_H
#define CORE_VT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct vt;

#define VT_SIZE_MIN		1
#define VT_SIZE_MAX		1000	/* rows and columns; others are clamped */
#define VT_SCROLLBACK_LINES	10000
#define VT_SCROLLBACK_BYTES	((size_t)32 << 20)
#define VT_SCROLLBACK_LINES_MAX	1000000
#define VT_TITLE_MAX		256	/* bytes, with the NUL */
#define VT_NOTICE_MAX		1024	/* bytes, with the NUL, of a title or a body */
#define VT_URI_MAX		2048
#define VT_CELL_TEXT_MAX	128	/* bytes of one cluster, with the NUL */
#define VT_HOLD_MS		150
#define VT_STRING_TIMEOUT_MS	5000

/* --- cells ---------------------------------------------------------------- */

/* A colour: 0 is the terminal's default. */
#define VT_COLOR_DEFAULT	0u
#define VT_COLOR_INDEX		0x01000000u	/* | 0..255 */
#define VT_COLOR_RGB		0x02000000u	/* | 0xrrggbb */
#define VT_COLOR_KIND(c)	((c) & 0x03000000u)

enum vt_attr {
	VT_BOLD		= 1 << 0,
	VT_DIM		= 1 << 1,
	VT_ITALIC	= 1 << 2,
	VT_BLINK	= 1 << 3,
	VT_REVERSE	= 1 << 4,
	VT_CONCEAL	= 1 << 5,
	VT_STRIKE	= 1 << 6,
	VT_OVERLINE	= 1 << 7,
	VT_UL_SHIFT	= 8,		/* three bits: enum vt_underline */
	VT_UL_MASK	= 7 << 8,
	VT_PROTECTED	= 1 << 11,	/* DECSCA; nothing to draw */
	VT_WIDE		= 1 << 12,	/* first column of a wide cluster */
	VT_TAIL		= 1 << 13,	/* second column of one; draw nothing */
};

enum vt_underline {
	VT_UL_NONE, VT_UL_SINGLE, VT_UL_DOUBLE, VT_UL_CURLY, VT_UL_DOTTED, VT_UL_DASHED
};

/* One column of a row, 16 bytes. Two cells of one terminal look alike when
 * their four words are equal, so a renderer may compare memory. */
struct vt_cell {
	uint32_t ch;		/* 0 for blank, a code point, or a cluster: vt_cell_text() */
	uint32_t fg, bg;
	uint32_t attr;		/* enum vt_attr; above 16 bits: link, underline colour */
};

/* A row as it stands. cells has `used` entries; every column after those is
 * blank with the background `fill`. Borrowed: valid until the terminal is fed,
 * resized or asked for another scrollback line. */
struct vt_line {
	const struct vt_cell *cells;
	unsigned used;
	uint32_t fill;
	bool is_wrapped;	/* continues in the next row */
	bool is_prompt;		/* OSC 133;A came while the cursor was in it */
};

/* The cell's text as UTF-8 with a final NUL, " " for a blank one. Returns the
 * length; out holds at least VT_CELL_TEXT_MAX bytes. Nothing for a VT_TAIL. */
size_t vt_cell_text(const struct vt *vt, const struct vt_cell *cell, char *out);

/* The underline's colour, VT_COLOR_DEFAULT if it has none of its own. */
uint32_t vt_cell_ul_color(const struct vt *vt, const struct vt_cell *cell);

/* The link's address, printable ASCII, or NULL. Cells with the same link give
 * the same *id (never 0) until the next vt_feed(). */
const char *vt_cell_link(const struct vt *vt, const struct vt_cell *cell, unsigned *id);

/* --- what the terminal says to its owner ----------------------------------- */

enum vt_notice_kind {
	VT_NOTICE_BELL,		/* no text */
	VT_NOTICE_MESSAGE,	/* OSC 9, 777 or 99: title (may be empty) and body */
	VT_NOTICE_PROGRESS,	/* OSC 9;4: state and percent */
	VT_NOTICE_PROMPT,	/* OSC 133: state is its letter, A to D, percent the exit status */
};

/* The text went through vt_clean(): one line, no controls. It is still the
 * program's claim, and lives only during the call. */
struct vt_notice {
	enum vt_notice_kind kind;
	const char *title;
	const char *body;
	int state;		/* OSC 9;4: 0 none, 1 value, 2 error, 3 unknown, 4 paused */
	int percent;		/* -1 when not given */
};

/* Callbacks are made from inside vt_feed(), and reply also from vt_resize() and
 * vt_set_theme(); they must not call back into the same terminal except for
 * reading. Any may be NULL. */
struct vt_ops {
	/* Bytes for the program's input. Without it nothing is answered. */
	void (*reply)(void *ctx, const char *data, size_t len);
	/* The title changed; read it with vt_title(). */
	void (*title)(void *ctx);
	void (*notice)(void *ctx, const struct vt_notice *n);
	/* OSC 52 wants to set the clipboard (decoded, at most 192 KB, not
	 * cleaned). Policy is the owner's. Queries are never answered. */
	void (*clipboard)(void *ctx, const char *data, size_t len);
};

/* --- life ------------------------------------------------------------------ */

/* An empty terminal takes a few KB; rows, the alternate screen and the
 * scrollback grow as they are written. ops must outlive the terminal. Sizes
 * out of range are clamped; never NULL. */
struct vt *vt_new(int rows, int cols, const struct vt_ops *ops, void *ctx);
void vt_free(struct vt *vt);		/* NULL is fine */

/* Interpret len bytes; sequences and characters may be cut anywhere between
 * calls. now_ms never goes back. Usual output goes at 100 to 400 MB/s; the
 * dearest bytes there are, ESC # 8 on a large screen, at 0.5 MB/s: who must stay
 * responsive looks at a clock after every 16 KB. */
void vt_feed(struct vt *vt, const void *data, size_t len, uint64_t now_ms);

/* Change the size. The primary screen and its scrollback are wrapped anew, the
 * cursor stays on its character; a taller screen takes lines back from the
 * scrollback. Sends a report when the program asked for those (mode 2048). */
void vt_resize(struct vt *vt, int rows, int cols);

/* As RIS (ESC c): everything but the scrollback and the size. */
void vt_reset(struct vt *vt);

/* Whether queries are answered; on at first. Off while a log is fed. */
void vt_set_replies(struct vt *vt, bool on);

/* Answer DECRQCRA, the checksum of a rectangle of the screen, as conformance
 * tests need it; off at first, as it lets a program read its screen. */
void vt_set_checksums(struct vt *vt, bool on);

/* Size of a cell in pixels, for CSI 14 and 16 t and mouse mode 1016; 0 (as at
 * first) when unknown, and then those reports are not made. */
void vt_set_cell_pixels(struct vt *vt, int width, int height);

/* The colours that queries are answered with, 0xrrggbb, and whether the theme
 * is a dark one (mode 2031 is told of a change). palette has 16 entries. */
struct vt_theme {
	uint32_t fg, bg, cursor;
	uint32_t palette[16];
	bool is_dark;
};
void vt_set_theme(struct vt *vt, const struct vt_theme *theme);

/* The RGB value of entry 0..255: the theme's 16, then the usual cube and greys. */
uint32_t vt_palette(const struct vt *vt, unsigned index);

/* --- the screen ------------------------------------------------------------- */

int vt_rows(const struct vt *vt);
int vt_cols(const struct vt *vt);

/* Row y, 0 at the top; y out of range gives an empty line. */
struct vt_line vt_row(const struct vt *vt, int y);

/* Damage since vt_clean_damage(). A span is [*lo, *hi) of row y; columns from
 * the row's used end to *hi count as changed to blank. */
bool vt_is_dirty(const struct vt *vt);
bool vt_row_dirty(const struct vt *vt, int y, int *lo, int *hi);
/* Lines that the whole screen scrolled up since then, for a renderer that can
 * scroll; all rows are dirty then. */
unsigned vt_scrolled(const struct vt *vt);
void vt_clean_damage(struct vt *vt);
void vt_dirty_all(struct vt *vt);

/* The program asked (mode 2026) not to be drawn in the middle of a frame. True
 * until it is done, at most VT_HOLD_MS after the first such request since the
 * last vt_clean_damage(). *until_ms, if not NULL, is then when to look again. */
bool vt_is_held(const struct vt *vt, uint64_t now_ms, uint64_t *until_ms);

enum vt_cursor_shape { VT_CURSOR_BLOCK, VT_CURSOR_UNDERLINE, VT_CURSOR_BAR };

struct vt_cursor {
	int y, x;
	bool is_visible;
	bool is_blinking;
	enum vt_cursor_shape shape;
	bool is_shape_set;	/* the program chose it (DECSCUSR) */
};
struct vt_cursor vt_cursor(const struct vt *vt);

const char *vt_title(const struct vt *vt);	/* cleaned; "" when none. Never NULL */
bool vt_is_alternate(const struct vt *vt);	/* the alternate screen is shown */
bool vt_is_reversed(const struct vt *vt);	/* DECSCNM: default colours swapped */

/* What the program asked of the keyboard and mouse; vtkey turns events into
 * bytes by it. */
enum vt_mouse { VT_MOUSE_NONE, VT_MOUSE_X10, VT_MOUSE_CLICK, VT_MOUSE_DRAG, VT_MOUSE_MOTION };
enum vt_mouse_form { VT_MOUSE_FORM_X10, VT_MOUSE_FORM_SGR, VT_MOUSE_FORM_PIXELS };

#define VT_KITTY_DISAMBIGUATE	1u
#define VT_KITTY_ALL_KEYS	8u
#define VT_KITTY_TEXT		16u
#define VT_KITTY_SUPPORTED	(VT_KITTY_DISAMBIGUATE | VT_KITTY_ALL_KEYS | VT_KITTY_TEXT)

struct vt_input {
	bool app_cursor;	/* DECCKM */
	bool app_keypad;	/* DECNKM, ESC = */
	bool backspace_is_bs;	/* DECBKM */
	bool newline;		/* LNM: Enter sends CR LF */
	bool bracketed_paste;	/* 2004 */
	bool focus;		/* 1004 */
	bool alt_scroll;	/* 1007 and the alternate screen: wheel sends cursor keys */
	enum vt_mouse mouse;
	enum vt_mouse_form mouse_form;
	unsigned modify_other;	/* modifyOtherKeys 0, 1 or 2 */
	unsigned kitty;		/* flags in force on this screen, of VT_KITTY_SUPPORTED */
	int cell_width, cell_height;	/* pixels, 0 when unknown */
};
struct vt_input vt_input(const struct vt *vt);

/* --- the scrollback --------------------------------------------------------- */

/* Lines have numbers that only grow: vt_line_first() is the oldest line kept,
 * vt_line_top() the screen's first row, and the screen's last row is
 * vt_line_top() + rows - 1. A line keeps its number until it is dropped, except
 * when vt_line_epoch() changes (a resize, ED 3, the alternate screen): then the
 * numbers start anew. While the alternate screen is shown the scrollback is
 * that of the primary one, and the screen's rows follow it. */
uint64_t vt_line_first(struct vt *vt);
uint64_t vt_line_top(struct vt *vt);
unsigned vt_line_epoch(const struct vt *vt);
struct vt_line vt_line(struct vt *vt, uint64_t number);

/* Append a line's text as UTF-8 to out, blanks at its end cut unless it is
 * wrapped. If cols is not NULL, it gets the column of each byte appended, at
 * most max of them. Returns -1 when out is full. */
int vt_line_text(struct vt *vt, uint64_t number, struct buf *out, uint16_t *cols, size_t max);

/* Ceilings; lines above them are dropped at once. 0 lines for no scrollback. */
void vt_set_scrollback(struct vt *vt, unsigned lines, size_t bytes);
size_t vt_scrollback_bytes(const struct vt *vt);	/* memory in use for it */
void vt_clear_scrollback(struct vt *vt);

/* --- text ------------------------------------------------------------------- */

/* Copy hostile text to out as one clean line of valid UTF-8 that fits in size
 * bytes with its NUL, cut at a character: controls, bidi and other invisible
 * format characters are left out, white space becomes one blank each, bad bytes
 * become U+FFFD. Returns the length. */
size_t vt_clean(char *out, size_t size, const char *data, size_t len);

#endif
