/* Clusters and widths against Unicode's own test files (Debian: unicode-data). */
#include "vt_help.h"

#include "core/vt_int.h"

#define UNICODE "/usr/share/unicode/"

static FILE *open_data(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("%s is missing: install unicode-data", path);
	return f;
}

/* One line of GraphemeBreakTest.txt: code points with a break or a join before
 * each. Returns their number. */
static size_t read_break_test(const char *line, uint32_t *cp, bool *begins, size_t max)
{
	size_t n = 0;
	bool is_break = false;

	while (*line && *line != '#' && n < max) {
		char *end;

		if (strncmp(line, "\xc3\xb7", 2) == 0 || strncmp(line, "\xc3\x97", 2) == 0) {
			is_break = line[1] == '\xb7';
			line += 2;
		} else if ((*line >= '0' && *line <= '9') || (*line >= 'A' && *line <= 'F')) {
			cp[n] = (uint32_t)strtoul(line, &end, 16);
			begins[n++] = is_break;
			line = end;
		} else {
			line++;
		}
	}
	return n;
}

static void clusters_are_those_of_uax_29(void **state)
{
	FILE *f = open_data(UNICODE "auxiliary/GraphemeBreakTest.txt");
	int lines = 0, passed = 0;
	char line[1024];

	(void)state;
	while (fgets(line, sizeof line, f)) {
		uint32_t cp[32];
		bool begins[32], ok = true;
		struct vt_seg seg = { 0 };
		size_t n = read_break_test(line, cp, begins, 32);

		if (!n)
			continue;
		for (size_t i = 0; i < n; i++)
			ok &= vt_seg_next(&seg, cp[i]) == begins[i];
		lines++;
		passed += ok;
		if (!ok)
			print_error("not so: %s", line);
	}
	fclose(f);
	assert_int_equal(lines, 602);
	assert_int_equal(passed, lines);
}

/* The same through the grid, for the lines without control characters. */
static void cells_hold_whole_clusters(void **state)
{
	FILE *f = open_data(UNICODE "auxiliary/GraphemeBreakTest.txt");
	int lines = 0, passed = 0;
	char line[1024];

	(void)state;
	while (fgets(line, sizeof line, f)) {
		uint32_t cp[32];
		bool begins[32], is_text = true;
		size_t n = read_break_test(line, cp, begins, 32), len = 0;
		char bytes[160];
		struct vt *vt;
		struct vt_line row;
		unsigned x = 0;

		for (size_t i = 0; i < n; i++) {
			enum vt_class class = VT_PROP_CLASS(vt_width_prop(cp[i]));

			is_text &= class > VT_GC_CONTROL || class == VT_GC_OTHER;
			len += vt_utf8_put(bytes + len, cp[i]);
		}
		/* a mark at the start of a screen has nothing to stand on */
		is_text &= n > 0 && VT_PROP_WIDTH(vt_width_prop(cp[0])) > 0;
		if (!is_text)
			continue;
		vt = vt_new(2, 80, NULL, NULL);
		vt_feed(vt, bytes, len, 0);
		row = vt_row(vt, 0);
		lines++;
		for (size_t i = 0; i < n && x < row.used;) {
			size_t end = i + 1, want = 0, got;
			char text[VT_CELL_TEXT_MAX], cluster[VT_CELL_TEXT_MAX];

			while (end < n && !begins[end])
				end++;
			for (size_t k = i; k < end; k++)
				want += vt_utf8_put(cluster + want, cp[k]);
			got = vt_cell_text(vt, &row.cells[x], text);
			if (got != want || memcmp(text, cluster, got) != 0)
				break;
			x += row.cells[x].attr & VT_WIDE ? 2 : 1;
			i = end;
			passed += i == n && x == row.used;
		}
		vt_free(vt);
	}
	fclose(f);
	assert_true(lines > 200);
	assert_int_equal(passed, lines);
}

static void emoji_take_two_columns(void **state)
{
	FILE *f = open_data(UNICODE "emoji/emoji-test.txt");
	int lines = 0, wide = 0;
	char line[1024];

	(void)state;
	while (fgets(line, sizeof line, f)) {
		char bytes[128], *p = line, *end;
		size_t len = 0;
		struct vt *vt;

		if (*line == '#' || !strstr(line, "; fully-qualified"))
			continue;
		for (; *p && *p != ';'; p = end) {
			len += vt_utf8_put(bytes + len, (uint32_t)strtoul(p, &end, 16));
			while (*end == ' ')
				end++;
		}
		vt = vt_new(2, 20, NULL, NULL);
		vt_feed(vt, bytes, len, 0);
		lines++;
		/* one cell, two columns */
		wide += vt_cursor(vt).x == 2 && vt_row(vt, 0).used == 2 &&
		        vt_row(vt, 0).cells[0].attr & VT_WIDE;
		vt_free(vt);
	}
	fclose(f);
	assert_int_equal(lines, 3655);
	assert_true(wide * 1000 >= lines * 995);
}

static void east_asian_wide_takes_two_columns(void **state)
{
	FILE *f = open_data(UNICODE "EastAsianWidth.txt");
	unsigned bad = 0, n = 0;
	char line[1024];

	(void)state;
	while (fgets(line, sizeof line, f)) {
		unsigned from, to;
		char *semi = strchr(line, ';'), *end;

		if (*line == '#' || !semi || (semi[1] != 'W' && semi[1] != 'F'))
			continue;
		from = to = (unsigned)strtoul(line, &end, 16);
		if (strncmp(end, "..", 2) == 0)
			to = (unsigned)strtoul(end + 2, NULL, 16);
		for (unsigned cp = from; cp <= to; cp++, n++) {
			uint8_t p = vt_width_prop(cp);

			if (VT_PROP_WIDTH(p) != 2 && VT_PROP_CLASS(p) != VT_GC_EXTEND)
				bad++;
		}
	}
	fclose(f);
	assert_true(n > 100000);
	assert_true(bad <= 40); /* reserved ones in the compatibility block */
}

static void private_use_and_box_drawing_take_one_column(void **state)
{
	(void)state;
	assert_int_equal(VT_PROP_WIDTH(vt_width_prop(0xe0b0)), 1);
	assert_int_equal(VT_PROP_WIDTH(vt_width_prop(0x2500)), 1);
	assert_int_equal(VT_PROP_WIDTH(vt_width_prop(0x00e9)), 1);
	assert_int_equal(VT_PROP_WIDTH(vt_width_prop(0x2764)), 1);
	assert_int_equal(VT_PROP_WIDTH(vt_width_prop(0x110000)), 1);
}

static void a_tower_of_marks_has_an_end(void **state)
{
	struct vt *vt = vt_new(2, 20, NULL, NULL);
	char text[VT_CELL_TEXT_MAX];

	(void)state;
	feed(vt, "a");
	for (int i = 0; i < 1000; i++)
		feed(vt, "\xf0\x9d\x85\xa5"); /* U+1D165, four bytes and an Extend */
	feed(vt, "b");
	assert_true(vt_cell_text(vt, &vt_row(vt, 0).cells[0], text) < VT_CELL_TEXT_MAX);
	assert_int_equal(vt_row(vt, 0).used, 2);
	vt_free(vt);
}

static void ever_new_clusters_do_not_pile_up(void **state)
{
	struct vt *vt = vt_new(10, 20, NULL, NULL);
	char bytes[32];

	(void)state;
	for (uint32_t i = 0; i < 60000; i++) {
		size_t n = 0;

		bytes[n++] = (char)('a' + i % 26);
		n += vt_utf8_put(bytes + n, 0x300 + i % 64);
		n += vt_utf8_put(bytes + n, 0x300 + i / 64 % 64);
		n += vt_utf8_put(bytes + n, 0x300 + i / 4096);
		vt_feed(vt, bytes, n, 0);
	}
	assert_true(vt->clusters.n_live <= VT_CLUSTERS_MIN + 400);
	vt_free(vt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clusters_are_those_of_uax_29),
		cmocka_unit_test(cells_hold_whole_clusters),
		cmocka_unit_test(emoji_take_two_columns),
		cmocka_unit_test(east_asian_wide_takes_two_columns),
		cmocka_unit_test(private_use_and_box_drawing_take_one_column),
		cmocka_unit_test(a_tower_of_marks_has_an_end),
		cmocka_unit_test(ever_new_clusters_do_not_pile_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
