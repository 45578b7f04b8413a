/* screenshot COLSxROWS FILE [STEP]... -- PROGRAM [ARGUMENT]...
 *
 * Run a program on a terminal and draw what it shows as SVG. A step is "keys TEXT"
 * (typed as it is, with \e, \r and \t) or "wait TEXT" (until the screen holds it); at
 * the end it waits until nothing moves.
 *
 * So that the same screen gives the same file: the program is started at the
 * beginning of a second, and clock times are told as if that had been 12:00:00. */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/text.h"
#include "core/vt.h"

#define CELL_W 8.4
#define CELL_H 18
#define FONT 14
#define PAD 14
#define WAIT_MS 15000
#define STILL_MS 500

static int rows, cols, fd;
static struct vt *vt;
static time_t started;

static void die(const char *what)
{
	fprintf(stderr, "screenshot: %s\n", what);
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void on_reply(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	if (write(fd, data, len) < 0)
		die("the program does not read");
}

/* --- the program ------------------------------------------------------------------- */

static void start(char **argv)
{
	static const struct vt_ops ops = { .reply = on_reply };
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
	struct timespec t;
	pid_t pid;

	clock_gettime(CLOCK_REALTIME, &t);
	usleep((useconds_t)((1000000000 - t.tv_nsec) / 1000 + 20000));
	started = time(NULL);
	pid = forkpty(&fd, NULL, NULL, &size);
	if (pid < 0)
		die("no terminal");
	if (pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		setenv("COLORTERM", "truecolor", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		setenv("TZ", "UTC", 1);
		unsetenv("NO_COLOR");
		execvp(argv[0], argv);
		_exit(127);
	}
	vt = vt_new(rows, cols, &ops, NULL);
}

/* False when nothing comes within ms. */
static bool pump(int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char data[65536];
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return false;
	n = read(fd, data, sizeof data);
	if (n <= 0)
		die("the program ended");
	vt_feed(vt, data, (size_t)n, (uint64_t)now_ms());
	return true;
}

static void row_text(int y, struct buf *b)
{
	struct vt_line line = vt_row(vt, y);

	for (unsigned x = 0; x < line.used; x++) {
		char text[VT_CELL_TEXT_MAX];

		buf_add(b, text, vt_cell_text(vt, &line.cells[x], text));
	}
}

static bool screen_has(const char *part)
{
	bool yes = false;

	for (int y = 0; y < rows && !yes; y++) {
		struct buf b = BUF_INIT(65536);

		row_text(y, &b);
		yes = strstr(buf_str(&b), part) != NULL;
		buf_done(&b);
	}
	return yes;
}

static void wait_still(void)
{
	double end = now_ms() + WAIT_MS, still = now_ms();
	struct buf last = BUF_INIT(1u << 20);

	while (now_ms() - still < STILL_MS) {
		struct buf b = BUF_INIT(1u << 20);

		pump(50);
		for (int y = 0; y < rows; y++)
			row_text(y, &b);
		if (strcmp(buf_str(&b), buf_str(&last)) != 0)
			still = now_ms();
		buf_done(&last);
		last = b;
		if (now_ms() > end)
			die("the screen does not come to rest");
	}
	buf_done(&last);
}

static void type(const char *s)
{
	struct buf b = BUF_INIT(4096);

	for (; *s; s++) {
		if (s[0] == '\\' && strchr("ert", s[1]))
			buf_addc(&b, *++s == 'e' ? 27 : *s == 'r' ? '\r' : '\t');
		else
			buf_addc(&b, *s);
	}
	if (write(fd, b.data, b.len) != (ssize_t)b.len)
		die("the program does not read");
	buf_done(&b);
	wait_still();
}

static void step(const char *s)
{
	double end = now_ms() + WAIT_MS;

	if (strncmp(s, "keys ", 5) == 0) {
		type(s + 5);
	} else if (strncmp(s, "wait ", 5) == 0) {
		while (!screen_has(s + 5)) {
			pump(50);
			if (now_ms() > end)
				die(s);
		}
	} else {
		die("a step is \"keys TEXT\" or \"wait TEXT\"");
	}
}

/* --- cells --------------------------------------------------------------------------- */

struct cell {
	char text[VT_CELL_TEXT_MAX];
	uint32_t fg, bg, attr; /* RGB; enum vt_attr */
	bool is_tail, is_wide;
};

static uint32_t rgb(uint32_t color, uint32_t otherwise)
{
	switch (VT_COLOR_KIND(color)) {
	case VT_COLOR_INDEX:
		return vt_palette(vt, color & 0xff);
	case VT_COLOR_RGB:
		return color & 0xffffff;
	default:
		return otherwise;
	}
}

static struct cell cell_at(const struct vt_line *line, int x)
{
	struct cell c = { .text = " ", .fg = 0xd0d0d0, .bg = 0 };

	if (x >= (int)line->used) {
		c.bg = rgb(line->fill, 0);
		return c;
	}
	vt_cell_text(vt, &line->cells[x], c.text);
	c.attr = line->cells[x].attr;
	c.fg = rgb(line->cells[x].fg, 0xd0d0d0);
	c.bg = rgb(line->cells[x].bg, 0);
	c.is_tail = c.attr & VT_TAIL;
	c.is_wide = c.attr & VT_WIDE;
	if (c.attr & VT_REVERSE) {
		uint32_t fg = c.fg;

		c.fg = c.bg;
		c.bg = fg;
	}
	return c;
}

/* Does the row have this at x? 9 stands for any digit. */
static bool is_like(const struct cell *v, int x, const char *shape)
{
	for (; *shape; shape++, x++) {
		char c = x < cols && !v[x].text[1] ? v[x].text[0] : 0;

		if (*shape == '9' ? c < '0' || c > '9' : c != *shape)
			return false;
	}
	return true;
}

static int number(const struct cell *v, int x)
{
	return (v[x].text[0] - '0') * 10 + v[x + 1].text[0] - '0';
}

static void put(struct cell *v, int x, const char *s)
{
	for (; *s; s++)
		v[x++].text[0] = *s;
}

/* "02:31:09" becomes what it would be had we begun at noon of the recording's day. */
static void tell_noon(struct cell *v)
{
	for (int x = 0; x < cols; x++) {
		char t[16];
		long at;

		if (is_like(v, x, "9999-99-99 99:99:99"))
			put(v, x, "2026-11-24");
		if (!is_like(v, x, "99:99:99"))
			continue;
		at = number(v, x) * 3600 + number(v, x + 3) * 60 + number(v, x + 6) -
		     (long)(started % 86400) + 12 * 3600;
		at = (at % 86400 + 86400) % 86400;
		snprintf(t, sizeof t, "%02d:%02d:%02d", (int)(at / 3600 % 24), (int)(at / 60 % 60),
		         (int)(at % 60));
		put(v, x, t);
		x += 7;
	}
}

/* --- SVG ----------------------------------------------------------------------------- */

static double px(int x)
{
	return PAD + x * CELL_W;
}

static int py(int y)
{
	return PAD + y * CELL_H;
}

static void put_escaped(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '&')
			fputs("&amp;", f);
		else if (*s == '<')
			fputs("&lt;", f);
		else
			fputc(*s, f);
	}
}

/* Lines and blocks are drawn, so that they meet whatever the font is. Bits: left,
 * right, up, down. */
static unsigned box_arms(uint32_t cp)
{
	static const struct {
		uint32_t cp;
		unsigned arms;
	} v[] = { { 0x2500, 3 },  { 0x2502, 12 }, { 0x250c, 10 }, { 0x2510, 9 },  { 0x2514, 6 },
		  { 0x2518, 5 },  { 0x251c, 14 }, { 0x2524, 13 }, { 0x252c, 11 }, { 0x2534, 7 },
		  { 0x253c, 15 }, { 0x256d, 10 }, { 0x256e, 9 },  { 0x256f, 5 },  { 0x2570, 6 } };

	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		if (v[i].cp == cp)
			return v[i].arms;
	return 0;
}

static bool put_shape(FILE *f, const struct cell *c, int y, int x)
{
	double l = px(x), m = l + CELL_W / 2, r = l + CELL_W, t = py(y), h = t + CELL_H / 2.0,
	       b = t + CELL_H;
	uint32_t cp = 0;
	unsigned arms;

	text_utf8(c->text, strlen(c->text), &cp);
	if (cp == 0x2588 || cp == 0x258c) {
		fprintf(f,
		        "<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" "
		        "fill=\"#%06x\"/>\n",
		        l, t, cp == 0x2588 ? CELL_W + 0.2 : CELL_W / 2, CELL_H, c->fg);
		return true;
	}
	arms = box_arms(cp);
	if (!arms)
		return false;
	fputs("<path d=\"", f);
	if (arms & 1)
		fprintf(f, "M%.1f %.1fH%.1f", l, h, m);
	if (arms & 2)
		fprintf(f, "M%.1f %.1fH%.1f", m, h, r);
	if (arms & 4)
		fprintf(f, "M%.1f %.1fV%.1f", m, t, h);
	if (arms & 8)
		fprintf(f, "M%.1f %.1fV%.1f", m, h, b);
	fprintf(f, "\" stroke=\"#%06x\"/>\n", c->fg);
	return true;
}

static bool is_drawn(const struct cell *c)
{
	uint32_t cp = 0;

	text_utf8(c->text, strlen(c->text), &cp);
	return cp == 0x2588 || cp == 0x258c || box_arms(cp);
}

static bool is_same_style(const struct cell *a, const struct cell *b)
{
	const uint32_t seen = VT_BOLD | VT_DIM | VT_ITALIC | VT_STRIKE | VT_UL_MASK;

	return a->fg == b->fg && (a->attr & seen) == (b->attr & seen);
}

static void put_backgrounds(FILE *f, const struct cell *v, int y, uint32_t ground)
{
	for (int x = 0, end; x < cols; x = end) {
		for (end = x + 1; end < cols && v[end].bg == v[x].bg;)
			end++;
		if (v[x].bg != ground)
			fprintf(f,
			        "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" "
			        "fill=\"#%06x\"/>\n",
			        px(x), py(y), (end - x) * CELL_W, CELL_H, v[x].bg);
	}
}

/* Words of one style, stretched to the cells that they take. */
static void put_texts(FILE *f, const struct cell *v, int y)
{
	for (int x = 0, end; x < cols; x = end) {
		const struct cell *c = &v[x];

		end = x + 1;
		if (c->is_tail || is_drawn(c) ||
		    (strcmp(c->text, " ") == 0 && !(c->attr & VT_UL_MASK))) {
			if (is_drawn(c))
				put_shape(f, c, y, x);
			continue;
		}
		while (end < cols && is_same_style(c, &v[end]) && !is_drawn(&v[end]) &&
		       !(strcmp(v[end].text, " ") == 0 && !(c->attr & VT_UL_MASK)))
			end++;
		fprintf(f, "<text x=\"%.1f\" y=\"%d\" textLength=\"%.1f\" fill=\"#%06x\"", px(x),
		        py(y) + 13, (end - x) * CELL_W, c->fg);
		if (c->attr & VT_BOLD)
			fputs(" font-weight=\"bold\"", f);
		if (c->attr & VT_DIM)
			fputs(" opacity=\"0.7\"", f);
		if (c->attr & VT_ITALIC)
			fputs(" font-style=\"italic\"", f);
		if (c->attr & VT_UL_MASK)
			fputs(" text-decoration=\"underline\"", f);
		fputc('>', f);
		for (int i = x; i < end; i++)
			if (!v[i].is_tail)
				put_escaped(f, v[i].text);
		fputs("</text>\n", f);
	}
}

static void write_svg(const char *path)
{
	struct vt_cursor cursor = vt_cursor(vt);
	struct vt_line first = vt_row(vt, 1);
	uint32_t ground = cell_at(&first, cols - 1).bg;
	double w = 2 * PAD + cols * CELL_W;
	int h = 2 * PAD + rows * CELL_H;
	FILE *f = fopen(path, "w");

	if (!f)
		die(path);
	fprintf(f,
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%d\" "
	        "viewBox=\"0 0 %.1f %d\" xml:space=\"preserve\" fill=\"none\" font-size=\"%d\" "
	        "font-family=\"DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace\">\n"
	        "<rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"#%06x\"/>\n",
	        w, h, w, h, FONT, ground);
	for (int y = 0; y < rows; y++) {
		struct vt_line line = vt_row(vt, y);
		struct cell *v = calloc((size_t)cols, sizeof *v);

		for (int x = 0; v && x < cols; x++)
			v[x] = cell_at(&line, x);
		tell_noon(v);
		put_backgrounds(f, v, y, ground);
		put_texts(f, v, y);
		free(v);
	}
	if (cursor.is_visible)
		fprintf(f,
		        "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#888\" "
		        "fill-opacity=\"0.6\"/>\n",
		        px(cursor.x), py(cursor.y), cursor.shape == VT_CURSOR_BAR ? 2 : CELL_W,
		        CELL_H);
	fputs("</svg>\n", f);
	if (fclose(f) != 0)
		die(path);
}

int main(int argc, char **argv)
{
	int i = 3;

	if (argc < 5 || sscanf(argv[1], "%4dx%4d", &cols, &rows) != 2 || cols < 2 || rows < 2)
		die("usage: screenshot COLSxROWS FILE [STEP]... -- PROGRAM [ARGUMENT]...");
	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	if (i + 1 >= argc)
		die("which program?");
	start(argv + i + 1);
	wait_still();
	for (int k = 3; k < i; k++)
		step(argv[k]);
	wait_still();
	write_svg(argv[2]);
	return 0; /* the program sees that its terminal goes away */
}
