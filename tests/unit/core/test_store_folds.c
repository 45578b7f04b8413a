#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/store_writer.h"

/* What is looked up young again may be the very thing that turns the tables. */
static void an_old_fold_survives_the_turn_of_the_tables(void **state)
{
	struct writer *w = writer_new(0);
	uint64_t n = 0;

	(void)state;
	/* until the first is old, and the young table full */
	while (!w->old_folds.v || w->folds.n < w->old_folds.n) {
		n++;
		folds_put(w, 1, n, n + 1000);
	}
	assert_int_equal(folds_get(w, 1, 1), 1001);
	assert_int_equal(folds_get(w, 1, 1), 1001);
	assert_int_equal(folds_get(w, 1, n), n + 1000);
	assert_int_equal(folds_get(w, 2, n), 0);
	folds_forget(w);
	assert_int_equal(folds_get(w, 1, 1), 0);
	writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_fold_survives_the_turn_of_the_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
