/* A push's diff as a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/patch.h"
#include "core/push.h"

#define A "1111111111111111111111111111111111111111"
#define B "2222222222222222222222222222222222222222"
#define NONE "0000000000000000000000000000000000000000"

#define CHANGED                                                                                    \
	"diff --git \"a/a b.c\" \"b/a b.c\"\n"                                                     \
	"index " A ".." B " 100644\n"                          \
	"--- \"a/a b.c\"\n+++ \"b/a b.c\"\n@@ -1,4 +1,5 @@ int main\n int main(void)\n {\n"        \
	"-\treturn 0;\n+\tint k = AKIA\xe2\x80\xa6(20);\n+\treturn k;\n }\n"
#define MADE                                                                                       \
	"diff --git a/n b/n\nnew file mode 100755\nindex " NONE ".." B "\n--- /dev/null\n"         \
	"+++ b/n\n"                                                                               \
	"@@ -0,0 +1 @@\n+no newline\n\\ No newline at end of file\n"
#define GONE                                                                                       \
	"diff --git a/b.bin b/b.bin\ndeleted file mode 100644\nindex " A ".." NONE "\n"            \
	"Binary files a/b.bin and /dev/null differ\n"

static struct push_finding at_a = { .id = NULL, .rule = NULL };

static struct patch *read_text(const char *text, size_t n, struct push *p)
{
	struct patch *patch = NULL;
	struct err err = { 0 };

	p->diff = xstrndup(text, n);
	p->diff_len = strlen(p->diff);
	if (patch_read(&patch, p, &err) < 0)
		fail_msg("%s", err.msg);
	free(p->diff); /* it is not needed any more */
	p->diff = NULL;
	return patch;
}

static struct patch *read_str(const char *text)
{
	struct push p = { 0 };

	return read_text(text, strlen(text), &p);
}

static void assert_line(const struct patch_line *l, enum patch_line_kind kind, unsigned old,
                        unsigned new, const char *text)
{
	assert_int_equal(l->kind, kind);
	assert_int_equal(l->old_line, old);
	assert_int_equal(l->new_line, new);
	assert_int_equal(l->len, strlen(text));
	assert_memory_equal(l->text, text, l->len);
}

static void each_commit_has_its_files_hunks_and_numbered_lines(void **state)
{
	struct patch *p = read_str("commit " B "\n" CHANGED MADE GONE "commit " A "\n" MADE);
	const struct patch_file *f;

	(void)state;
	assert_int_equal(p->n_commits, 2);
	assert_string_equal(p->commits[0].oid, B);
	assert_null(p->commits[0].fault);
	assert_int_equal(p->commits[0].n_files, 3);
	f = &p->commits[0].files[0];
	assert_string_equal(f->new_path, "a b.c");
	assert_int_equal(f->change, PATCH_MODIFIED);
	assert_int_equal(f->added, 2);
	assert_int_equal(f->removed, 1);
	assert_int_equal(f->n_hunks, 1);
	assert_string_equal(f->hunks[0].context, "int main");
	assert_int_equal(f->hunks[0].new_count, 5);
	assert_int_equal(f->hunks[0].n_lines, 6);
	assert_line(&f->hunks[0].lines[1], PATCH_CONTEXT, 2, 2, "{");
	assert_line(&f->hunks[0].lines[2], PATCH_REMOVED, 3, 0, "\treturn 0;");
	assert_line(&f->hunks[0].lines[4], PATCH_ADDED, 0, 4, "\treturn k;");
	assert_line(&f->hunks[0].lines[5], PATCH_CONTEXT, 4, 5, "}");
	f = &p->commits[0].files[1];
	assert_int_equal(f->change, PATCH_MADE);
	assert_int_equal(f->new_mode, 0100755);
	assert_int_equal(f->hunks[0].n_lines, 2);
	assert_int_equal(f->hunks[0].lines[1].kind, PATCH_NOTE);
	f = &p->commits[0].files[2];
	assert_int_equal(f->change, PATCH_DELETED);
	assert_true(f->is_binary);
	assert_string_equal(f->new_path, "b.bin");
	assert_int_equal(p->commits[1].n_files, 1);
	assert_false(p->is_cut);
	assert_int_equal(p->n_lines, 10);
	patch_free(p);
}

static void the_line_of_a_finding_is_marked_in_its_commit_alone(void **state)
{
	static const char text[] = "commit " B "\n" CHANGED "commit " A "\n" CHANGED;
	struct push push = { .findings = &at_a, .n_findings = 1 };
	struct patch *p;

	(void)state;
	at_a = (struct push_finding){ .file = (char *)(uintptr_t)"a b.c",
		                      .line = 3,
		                      .commit = (char *)(uintptr_t)"222222222222" };
	p = read_text(text, sizeof text - 1, &push);
	assert_int_equal(p->n_marked, 1);
	assert_int_equal(p->commits[0].files[0].hunks[0].lines[3].finding, 0);
	assert_int_equal(p->commits[0].files[0].hunks[0].lines[4].finding, -1);
	assert_int_equal(p->commits[1].files[0].hunks[0].lines[3].finding, -1);
	patch_free(p);
	at_a.file = (char *)(uintptr_t)"other.c";
	p = read_text(text, sizeof text - 1, &push);
	assert_int_equal(p->n_marked, 0);
	patch_free(p);
}

static void a_section_that_is_no_diff_says_so_and_hides_no_other(void **state)
{
	struct patch *p = read_str("commit " B "\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n"
	                           "@@ -1,9 +1,9 @@\n-a\n+b\ncommit " A "\n" MADE);

	(void)state;
	assert_int_equal(p->n_commits, 2);
	assert_non_null(p->commits[0].fault);
	assert_int_equal(p->commits[1].n_files, 1);
	assert_null(p->commits[1].fault);
	patch_free(p);
}

static void a_commit_without_changes_has_no_files(void **state)
{
	struct patch *p = read_str("commit " A "\ncommit " B "\n" MADE);

	(void)state;
	assert_int_equal(p->n_commits, 2);
	assert_null(p->commits[0].fault);
	assert_int_equal(p->commits[0].n_files, 0);
	patch_free(p);
}

static void text_before_the_first_commit_is_a_cut(void **state)
{
	struct patch *p = read_str(MADE "commit " A "\n" MADE);

	(void)state;
	assert_int_equal(p->n_commits, 1);
	assert_true(p->is_cut);
	patch_free(p);
}

static void what_is_beyond_the_bounds_is_cut(void **state)
{
	struct push push = { 0 };
	struct buf b = BUF_INIT(16u << 20);
	struct patch *p;

	(void)state;
	for (int i = 0; i < PATCH_COMMITS_MAX + 5; i++)
		buf_adds(&b, "commit " A "\n");
	p = read_text(b.data, b.len, &push);
	assert_int_equal(p->n_commits, PATCH_COMMITS_MAX);
	assert_true(p->is_cut);
	patch_free(p);
	buf_reset(&b);
	buf_addf(&b, "commit " A "\ndiff --git a/n b/n\n--- a/n\n+++ b/n\n@@ -0,0 +1,%d @@\n",
	         PATCH_LINES_MAX + 10);
	for (int i = 0; i < PATCH_LINES_MAX + 10; i++)
		buf_adds(&b, "+\n");
	p = read_text(b.data, b.len, &push);
	assert_int_equal(p->n_lines, PATCH_LINES_MAX);
	assert_true(p->is_cut);
	patch_free(p);
	buf_done(&b);
}

static void a_push_without_a_diff_has_no_patch(void **state)
{
	struct push push = { .id = (char *)(uintptr_t)"00000001" };
	struct patch *p = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(patch_read(&p, &push, &err), -1);
	assert_int_equal(err.kind, ERR_FAILED);
	assert_null(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_commit_has_its_files_hunks_and_numbered_lines),
		cmocka_unit_test(the_line_of_a_finding_is_marked_in_its_commit_alone),
		cmocka_unit_test(a_section_that_is_no_diff_says_so_and_hides_no_other),
		cmocka_unit_test(a_commit_without_changes_has_no_files),
		cmocka_unit_test(text_before_the_first_commit_is_a_cut),
		cmocka_unit_test(what_is_beyond_the_bounds_is_cut),
		cmocka_unit_test(a_push_without_a_diff_has_no_patch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
