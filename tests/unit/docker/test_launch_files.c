#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/err.h"
#include "core/mem.h"
#include "docker/launch_steps.h"

struct world {
	char dir[64];		/* a project/, and a secret beside it */
	char *project, *prompt, *outside;
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof *w);
	CLEANUP_FREE char *sub = NULL;

	snprintf(w->dir, sizeof w->dir, "/tmp/cb-files-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	w->project = xasprintf("%s/project", w->dir);
	w->outside = xasprintf("%s/id_ed25519", w->dir);
	sub = xasprintf("%s/docs", w->project);
	w->prompt = xasprintf("%s/prompt.md", sub);
	if (mkdir(w->project, 0700) < 0 || mkdir(sub, 0700) < 0)
		return -1;
	write_file(w->prompt, "be kind");
	write_file(w->outside, "my key");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	CLEANUP_FREE char *docs = xasprintf("%s/docs", w->project);
	CLEANUP_FREE char *away = xasprintf("%s/away", w->dir);
	CLEANUP_FREE char *moved = xasprintf("%s/prompt.md", away);

	unlink(w->prompt);
	unlink(moved);
	unlink(w->outside);
	unlink(docs);
	rmdir(docs);
	rmdir(away);
	rmdir(w->project);
	rmdir(w->dir);
	free(w->project);
	free(w->prompt);
	free(w->outside);
	free(w);
	return 0;
}

/* What the agent would get of the file; NULL when it is refused. Owned. */
static char *taken(const char *source, const char *root)
{
	struct plan_file f = { .kind = PLAN_FILE_HOST,
		               .path = (char *)(uintptr_t)"/prompt.txt",
		               .source = (char *)(uintptr_t)source,
		               .root = (char *)(uintptr_t)root,
		               .mode = 0644 };
	const struct plan_step step = { .kind = STEP_PUT, .files = &f, .n_files = 1 };
	struct buf tar = BUF_INIT(1u << 20), text = BUF_INIT(1u << 20);
	struct launch *l = xcalloc(1, sizeof *l);
	struct err err = { 0 };
	char *got = NULL;

	if (launch_archive(l, &step, &tar, &err) == 0) {
		assert_int_equal(archive_file(&tar, "prompt.txt", &text, &err), 0);
		got = buf_steal(&text);
	} else {
		assert_int_equal(err.kind, ERR_INPUT);
	}
	buf_done(&tar);
	buf_done(&text);
	free(l);
	return got;
}

static void assert_taken(const char *source, const char *root, const char *want)
{
	CLEANUP_FREE char *got = taken(source, root);

	assert_non_null(got);
	assert_string_equal(got, want);
}

static void assert_refused(const char *source, const char *root)
{
	CLEANUP_FREE char *got = taken(source, root);

	assert_null(got);
}

static void test_projects_file_is_read(void **state)
{
	const struct world *w = *state;
	CLEANUP_FREE char *with_slash = xasprintf("%s/", w->project);
	CLEANUP_FREE char *docs = xasprintf("%s/docs", w->project);

	assert_taken(w->prompt, w->project, "be kind");
	assert_taken(w->prompt, with_slash, "be kind");
	assert_taken(w->prompt, docs, "be kind");
	assert_taken(w->prompt, "/", "be kind");
}

static void test_file_that_became_a_link_is_refused(void **state)
{
	const struct world *w = *state;

	assert_int_equal(unlink(w->prompt), 0);
	assert_int_equal(symlink(w->outside, w->prompt), 0);
	assert_refused(w->prompt, w->project);
	/* a user's own manifest may use links */
	assert_taken(w->prompt, NULL, "my key");
}

static void test_folder_that_became_a_link_is_refused(void **state)
{
	const struct world *w = *state;
	CLEANUP_FREE char *docs = xasprintf("%s/docs", w->project);
	CLEANUP_FREE char *away = xasprintf("%s/away", w->dir);

	assert_int_equal(rename(docs, away), 0);
	assert_int_equal(symlink(away, docs), 0);
	assert_refused(w->prompt, w->project);
}

static void test_file_outside_the_root_is_refused(void **state)
{
	const struct world *w = *state;
	CLEANUP_FREE char *dots = xasprintf("%s/../id_ed25519", w->project);
	CLEANUP_FREE char *prefix = xasprintf("%.*s", (int)strlen(w->project) - 1, w->project);

	assert_refused(w->outside, w->project);
	assert_refused(dots, w->project);
	assert_refused(w->prompt, prefix);
	assert_refused(w->project, w->project);
}

static void test_what_is_no_regular_file_is_refused(void **state)
{
	const struct world *w = *state;

	assert_int_equal(unlink(w->prompt), 0);
	assert_int_equal(mkfifo(w->prompt, 0600), 0);
	assert_refused(w->prompt, w->project);
	assert_refused(w->prompt, NULL);
	assert_refused("/dev/zero", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_projects_file_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_that_became_a_link_is_refused, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(test_folder_that_became_a_link_is_refused, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(test_file_outside_the_root_is_refused, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_regular_file_is_refused, setup,
		                                teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
