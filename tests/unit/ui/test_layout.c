#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ui/layout.h"

static struct layout at(int rows, int cols, bool zoomed, int terms)
{
	const struct layout_request req = { rows, cols, zoomed, terms };
	struct layout l;

	layout_compute(&l, &req);
	return l;
}

static int area(struct rect r)
{
	return r.rows * r.cols;
}

static int total(const struct layout *l)
{
	int sum = area(l->title) + area(l->sessions) + area(l->egress) + area(l->verdicts) +
	          area(l->hint);

	for (int i = 0; i < l->n_terms; i++)
		sum += area(l->terms[i]);
	return sum;
}

static bool overlap(struct rect a, struct rect b)
{
	return area(a) && area(b) && a.y < b.y + b.rows && b.y < a.y + a.rows &&
	       a.x < b.x + b.cols && b.x < a.x + a.cols;
}

static void every_size_is_filled_without_overlap(void **state)
{
	(void)state;
	for (int rows = LAYOUT_MIN_ROWS; rows < 80; rows++) {
		for (int cols = LAYOUT_MIN_COLS; cols < 220; cols += 3) {
			for (int terms = 1; terms <= 4; terms *= 2) {
				struct layout l = at(rows, cols, false, terms);

				assert_false(l.is_too_small);
				assert_int_equal(total(&l), rows * cols);
				assert_false(overlap(l.sessions, l.terms[0]));
				assert_false(overlap(l.egress, l.verdicts));
				assert_false(overlap(l.egress, l.terms[0]));
				assert_true(l.terms[0].rows >= 4);
			}
		}
	}
}

static void zoomed_leaves_the_dock(void **state)
{
	struct layout l = at(24, 80, true, 4);

	(void)state;
	assert_int_equal(l.n_terms, 1);
	assert_int_equal(l.terms[0].rows, 23);
	assert_int_equal(l.terms[0].cols, 80);
	assert_int_equal(l.hint.y, 23);
	assert_int_equal(area(l.sessions), 0);
}

static void a_wall_has_four(void **state)
{
	struct layout l = at(50, 200, false, 4);

	(void)state;
	assert_int_equal(l.n_terms, 4);
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < i; k++)
			assert_false(overlap(l.terms[i], l.terms[k]));
}

static void a_small_screen_shows_fewer_terminals(void **state)
{
	(void)state;
	assert_int_equal(at(24, 60, false, 4).n_terms, 1);
	assert_int_equal(at(14, 100, false, 4).n_terms, 4);
	assert_int_equal(at(12, 100, false, 4).n_terms, 4);
}

static void below_the_least_size_it_says_so(void **state)
{
	(void)state;
	assert_true(at(11, 200, false, 1).is_too_small);
	assert_true(at(50, 39, false, 1).is_too_small);
	assert_false(at(12, 40, false, 1).is_too_small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_is_filled_without_overlap),
		cmocka_unit_test(zoomed_leaves_the_dock),
		cmocka_unit_test(a_wall_has_four),
		cmocka_unit_test(a_small_screen_shows_fewer_terminals),
		cmocka_unit_test(below_the_least_size_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
