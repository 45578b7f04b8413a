#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/gate/batch.h"
#include "sidecar/gate/patch.h"
#include "sidecar/gate/util.h"

#define OID1 "1111111111111111111111111111111111111111"
#define OID2 "2222222222222222222222222222222222222222"
#define LIT(s) (s), sizeof(s) - 1

/* Everything that is reported goes into one text. */
static void on_commit(void *ctx, const char *oid)
{
	buf_addf(ctx, "[commit %.4s]", oid);
}

static void on_name(void *ctx, const char *path, size_t len)
{
	buf_adds(ctx, "[name ");
	buf_add(ctx, path, len);
	buf_addc(ctx, ']');
}

static void on_file(void *ctx, const char *path, size_t len, const char *oid)
{
	buf_adds(ctx, "[file ");
	buf_add(ctx, path, len);
	buf_addf(ctx, " %.4s]", oid);
}

static void on_text(void *ctx, int64_t line, const char *data, size_t len, bool is_last)
{
	buf_addf(ctx, "%lld:", (long long)line);
	buf_add(ctx, data, len);
	buf_addc(ctx, is_last ? '|' : '~');
}

static const struct patch_events events = { on_commit, on_name, on_file, on_text };

/* Feed in chunks of the given size. */
static int read_patch(struct buf *out, const char *text, size_t len, size_t chunk, struct err *err)
{
	struct patch_reader *r = patch_new(&events, out);
	int rc = 0;

	for (size_t i = 0; i < len && rc == 0; i += chunk)
		rc = patch_feed(r, text + i, len - i < chunk ? len - i : chunk, err);
	if (rc == 0)
		rc = patch_finish(r, err);
	patch_free(r);
	return rc;
}

static const char usual[] = OID1 "\n"
				 ":000000 100644 0000000 abcdef0 A\tnew.c\n"
				 ":100644 100644 1234567 abcdef0 M\told.c\n"
				 ":100644 000000 1234567 0000000 D\tgone.c\n"
				 "\n"
				 "diff --git a/new.c b/new.c\n"
				 "new file mode 100644\n"
				 "index 0000000000000000000000000000000000000000.." OID2 "\n"
				 "--- /dev/null\n"
				 "+++ b/new.c\n"
				 "@@ -0,0 +1,2 @@\n"
				 "+one\n"
				 "+diff --git a/x b/x\n"
				 "diff --git a/old.c b/old.c\n"
				 "index " OID1 ".." OID2 " 100644\n"
				 "--- a/old.c\n"
				 "+++ b/old.c\n"
				 "@@ -3 +3 @@ int main\n"
				 "-" OID1 "\n"
				 "++++ b/evil\n"
				 "@@ -9,0 +10,2 @@\n"
				 "+\n"
				 "+end\n"
				 "\\ No newline at end of file\n"
				 "diff --git a/gone.c b/gone.c\n"
				 "deleted file mode 100644\n"
				 "index " OID2 "..0000000000000000000000000000000000000000\n"
				 "--- a/gone.c\n"
				 "+++ /dev/null\n"
				 "@@ -1 +0,0 @@\n"
				 "-gone\n" OID2 "\n"
				 ":000000 100644 0000000 abcdef0 A\tempty\n";

static void added_lines_come_with_commit_file_and_number(void **state)
{
	static const size_t chunks[] = { 1, 7, 64, 100000 };

	(void)state;
	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
		struct buf out = BUF_INIT(4096);
		struct err err = { { 0 } };

		if (read_patch(&out, LIT(usual), chunks[i], &err) < 0)
			fail_msg("%s", err.msg);
		assert_string_equal(buf_str(&out),
		                    "[commit 1111][name new.c][file new.c 2222]1:one|"
		                    "2:diff --git a/x b/x|[file old.c 2222]3:+++ b/evil|10:|11:end|"
		                    "[commit 2222][name empty]");
		buf_done(&out);
	}
}

static void a_folder_is_named_only_when_nothing_lies_in_it(void **state)
{
	static const char text[] = OID1
		"\n:000000 040000 " OID1 " " OID2 " A\tfull\n"
		":000000 100644 " OID1 " " OID2 " A\tfull/file\n"
		":000000 040000 " OID1 " 4b825dc642cb6eb9a060e54bf8d69288fbee4904 A\tnone\n"
		":040000 040000 " OID1 " 4b825dc642cb6eb9a060e54bf8d69288fbee4904 M\tcleared\n";
	struct buf out = BUF_INIT(4096);

	(void)state;
	assert_int_equal(read_patch(&out, LIT(text), 100, NULL), 0);
	assert_string_equal(buf_str(&out), "[commit 1111][name full/file][name none]");
	buf_done(&out);
}

static void quoted_names_are_taken_apart(void **state)
{
	static const char text[] = OID1 "\n:000000 100644 0 1 A\t\"a\\n\\\"b\\303\\274\\\\\"\n\n"
					"diff --git x y\nindex " OID1 ".." OID2 "\n--- a/z\n"
					"+++ \"b/a\\nb\"\n@@ -0,0 +1 @@\n+x\n"
					"diff --git x y\nindex " OID1 ".." OID2
					"\n+++ \"b/q \\303\\274\"\t\n@@ -0,0 +1 @@\n+z\n"
					"diff --git x y\nindex " OID1 ".." OID2
					"\n+++ b/with space\t\n@@ -0,0 +1 @@\n+y\n";
	struct buf out = BUF_INIT(4096);

	(void)state;
	assert_int_equal(read_patch(&out, LIT(text), 100, NULL), 0);
	assert_string_equal(buf_str(&out),
	                    "[commit 1111][name a\n\"b\xc3\xbc\\][file a\nb 2222]1:x|"
	                    "[file q \xc3\xbc 2222]1:z|[file with space 2222]1:y|");
	buf_done(&out);
}

static void a_line_of_megabytes_comes_in_pieces(void **state)
{
	struct buf in = BUF_INIT(1U << 22), out = BUF_INIT(1U << 22);

	(void)state;
	buf_adds(&in, OID1 "\ndiff --git x y\nindex " OID1 ".." OID2 "\n+++ b/l\n@@ -1 +1,2 @@\n-");
	for (int i = 0; i < 300000; i++)
		buf_addc(&in, '-');
	buf_adds(&in, "\n+");
	for (int i = 0; i < 300000; i++)
		buf_addc(&in, 'x');
	buf_adds(&in, "\n+last\n");
	assert_int_equal(read_patch(&out, in.data, in.len, 50000, NULL), 0);
	assert_non_null(strstr(out.data, "1:xxxx"));
	assert_non_null(strstr(out.data, "x~1:xxx"));
	assert_non_null(strstr(out.data, "x|2:last|"));
	buf_done(&in);
	buf_done(&out);
}

static void what_fits_nowhere_is_an_error(void **state)
{
	static const char file[] = OID1 "\ndiff --git x y\nindex " OID1 ".." OID2 "\n+++ b/x\n";
	static const char *const bad[] = {
		"hello\n",
		"@@ -0,0 +1 @@\n+x\n",
		"+x\n",
		OID1 "\nindex " OID1 ".." OID2 "\n",
		OID1 "\ndiff --git x y\nBinary files a and b differ\n",
		OID1 "\ndiff --git x y\nindex " OID1 ".." OID2 "\n+++ c/x\n",
		OID1 "\ndiff --git x y\nindex zz..yy\n",
		OID1 "\ndiff --git x y\n+++ b/x\n",
		OID1 "\n:000000 100644 0 1 A\t\"open\n",
		OID1 "\n:broken\n",
		OID1,
	};
	static const char *const hunks[] = { "@@ -0,0 +1,2 @@\n+x\n", "@@ -0,0 +1 @@\n-x\n",
		                             "@@ -0,0 +1 @@\n x\n",   "@@ -0,0 +a @@\n",
		                             "@@ -0,0 @@\n",          "@@ -1 +1\n",
		                             "@@ -0,0 +1 @@\n+x" };
	struct buf out = BUF_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (read_patch(&out, bad[i], strlen(bad[i]), 100, NULL) == 0)
			fail_msg("taken: %s", bad[i]);
	for (size_t i = 0; i < sizeof hunks / sizeof *hunks; i++) {
		char *text = xasprintf("%s%s", file, hunks[i]);

		if (read_patch(&out, text, strlen(text), 100, NULL) == 0)
			fail_msg("taken: %s", text);
		free(text);
	}
	buf_done(&out);
}

static int on_object(void *ctx, const char *oid, const char *type, uint64_t size, struct err *err)
{
	(void)err;
	buf_addf(ctx, "<%.4s %s %llu>", oid, type, (unsigned long long)size);
	return 0;
}

static int on_data(void *ctx, const char *data, size_t len, struct err *err)
{
	(void)err;
	buf_add(ctx, data, len);
	return 0;
}

static int on_end(void *ctx, struct err *err)
{
	(void)err;
	buf_adds(ctx, "</>");
	return 0;
}

static const struct batch_events batch_events = { on_object, on_data, on_end };

static void batches_of_objects_are_read_in_any_chunks(void **state)
{
	static const char text[] = OID1 " commit 11\nab\ncd\nhello\n" OID2 " blob 0\n\n";

	(void)state;
	for (size_t chunk = 1; chunk < sizeof text; chunk++) {
		struct buf out = BUF_INIT(4096);
		struct batch_reader r = { .events = &batch_events, .ctx = &out };

		for (size_t i = 0; i < sizeof text - 1; i += chunk)
			assert_int_equal(batch_feed(&r, text + i,
			                            sizeof text - 1 - i < chunk
			                                    ? sizeof text - 1 - i
			                                    : chunk,
			                            NULL),
			                 0);
		assert_int_equal(batch_finish(&r, NULL), 0);
		assert_string_equal(buf_str(&out),
		                    "<1111 commit 11>ab\ncd\nhello</><2222 blob 0></>");
		buf_done(&out);
	}
}

static void a_missing_or_cut_off_object_is_an_error(void **state)
{
	static const char *const bad[] = { OID1 " missing\n", OID1 " blob x\n",
		                           OID1 " blob 2\nabc\n", OID1 " blob 5\nabc",
		                           "fatal: broken\n" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf out = BUF_INIT(4096);
		struct batch_reader r = { .events = &batch_events, .ctx = &out };

		assert_true(batch_feed(&r, bad[i], strlen(bad[i]), NULL) < 0 ||
		            batch_finish(&r, NULL) < 0);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(added_lines_come_with_commit_file_and_number),
		cmocka_unit_test(a_folder_is_named_only_when_nothing_lies_in_it),
		cmocka_unit_test(quoted_names_are_taken_apart),
		cmocka_unit_test(a_line_of_megabytes_comes_in_pieces),
		cmocka_unit_test(what_fits_nowhere_is_an_error),
		cmocka_unit_test(batches_of_objects_are_read_in_any_chunks),
		cmocka_unit_test(a_missing_or_cut_off_object_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
