/* vtdump --rows R --cols C [--attrs|--ink] [--scrollback] [--chunk N]: feed
 * stdin to the terminal emulator and print the final grid as text, one line for
 * each row, blanks at the end cut. --attrs prints, after each row that has any,
 * its runs of style, --ink the same without blanks at the end; --scrollback prints the scrollback
 * first; --chunk feeds N bytes at a time, to show that it makes no difference. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/vt.h"

static void print_color(const char *what, uint32_t c)
{
	if (VT_COLOR_KIND(c) == VT_COLOR_INDEX)
		printf(" %s=%u", what, c & 0xff);
	else if (VT_COLOR_KIND(c) == VT_COLOR_RGB)
		printf(" %s=#%06x", what, c & 0xffffff);
}

static void print_style(const struct vt *vt, const struct vt_cell *c, unsigned from, unsigned to)
{
	static const char *const names[] = { "bold",    "dim",     "italic", "blink",
		                             "reverse", "conceal", "strike", "overline" };
	unsigned ul = (c->attr & VT_UL_MASK) >> VT_UL_SHIFT, id;
	const char *link = vt_cell_link(vt, c, &id);

	printf("  %u-%u:", from, to);
	for (unsigned i = 0; i < 8; i++)
		if (c->attr & 1u << i)
			printf(" %s", names[i]);
	if (ul)
		printf(" ul=%u", ul);
	print_color("fg", c->fg);
	print_color("bg", c->bg);
	print_color("ulcolor", vt_cell_ul_color(vt, c));
	if (link)
		printf(" link=%s", link);
	putchar('\n');
}

static bool is_plain(const struct vt_cell *c)
{
	return !c->fg && !c->bg && !(c->attr & ~(uint32_t)(VT_WIDE | VT_TAIL));
}

static bool is_same(const struct vt_cell *a, const struct vt_cell *b)
{
	return a->fg == b->fg && a->bg == b->bg &&
	       !((a->attr ^ b->attr) & ~(uint32_t)(VT_WIDE | VT_TAIL));
}

/* Runs of one style over the whole width, what is not used as blanks; or only up
 * to the last thing that has ink. */
static void print_attrs(const struct vt *vt, struct vt_line line, bool ink)
{
	struct vt_cell blank = { .bg = line.fill };
	unsigned start = 0, cols = (unsigned)vt_cols(vt);

	if (ink)
		for (cols = line.used; cols > 0 && line.cells[cols - 1].ch <= ' ' &&
		                       !(line.cells[cols - 1].attr & VT_TAIL);)
			cols--;
	for (unsigned x = 0; x < cols; x++) {
		const struct vt_cell *c = x < line.used ? &line.cells[x] : &blank;
		const struct vt_cell *next = x + 1 < line.used ? c + 1 : &blank;

		if (x + 1 < cols && is_same(c, next))
			continue;
		if (!is_plain(c))
			print_style(vt, c, start, x);
		start = x + 1;
	}
}

static void print_line(struct vt *vt, uint64_t number, bool attrs, bool ink)
{
	struct buf text = BUF_INIT(1 << 20);

	vt_line_text(vt, number, &text, NULL, 0);
	while (text.len > 0 && text.data[text.len - 1] == ' ')
		text.len--;
	fwrite(buf_str(&text), 1, text.len, stdout);
	putchar('\n');
	buf_done(&text);
	if (attrs)
		print_attrs(vt, vt_line(vt, number), ink);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rows", required_argument, NULL, 'r' },
		{ "cols", required_argument, NULL, 'c' },
		{ "attrs", no_argument, NULL, 'a' },
		{ "ink", no_argument, NULL, 'k' },
		{ "scrollback", no_argument, NULL, 's' },
		{ "chunk", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	static char data[65536];
	size_t chunk = sizeof data;
	bool attrs = false, ink = false, scrollback = false;
	int rows = 24, cols = 80, opt;
	struct vt *vt;
	ssize_t n;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'r')
			rows = (int)strtol(optarg, NULL, 10);
		else if (opt == 'c')
			cols = (int)strtol(optarg, NULL, 10);
		else if (opt == 'n')
			chunk = strtoul(optarg, NULL, 10);
		else if (opt == 'a')
			attrs = true;
		else if (opt == 'k')
			attrs = ink = true;
		else if (opt == 's')
			scrollback = true;
		else
			return 2;
	}
	if (chunk < 1 || chunk > sizeof data)
		chunk = sizeof data;
	vt = vt_new(rows, cols, NULL, NULL);
	while ((n = read(STDIN_FILENO, data, chunk)) > 0)
		vt_feed(vt, data, (size_t)n, 0);
	for (uint64_t i = scrollback ? vt_line_first(vt) : vt_line_top(vt);
	     i < vt_line_top(vt) + (uint64_t)vt_rows(vt); i++)
		print_line(vt, i, attrs, ink);
	vt_free(vt);
	return 0;
}
