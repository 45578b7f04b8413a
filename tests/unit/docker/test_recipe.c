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

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "docker/datadir.h"
#include "docker/recipe.h"
#include "docker/versions.h"

static const char tool_dockerfile[] = "# comment\n"
				      "ARG BUILDER=x\n"
				      "FROM ${BUILDER} AS build\n"
				      "ARG TOOL_VERSION\n"
				      "ARG PROXY=\n"
				      "RUN set -eu; \\\n"
				      "    # COPY not/this /x\n"
				      "    COPY=1; \\\n"
				      "\n"
				      "    true\n"
				      "COPY sidecar/tool images/tool/extra /src/\n"
				      "FROM scratch\n"
				      "COPY --from=build /out /\n";

struct world {
	struct context c;
	struct versions v;
};

static void put(struct world *w, const char *path, const char *text)
{
	assert_int_equal(context_add_file(&w->c, path, 0644, text, strlen(text), NULL), 0);
}

static void make_world(struct world *w, const char *tool, const char *source, const char *version,
                       const char *ca)
{
	char *text = xasprintf("TOOL_VERSION=%s\nOTHER=1\n", version);

	*w = (struct world){ 0 };
	assert_int_equal(versions_parse(&w->v, "versions", text, strlen(text), NULL), 0);
	free(text);
	put(w, "images/base/Dockerfile", "FROM scratch\n");
	put(w, "images/builder/Dockerfile", "ARG BASE\nFROM ${BASE}\nCOPY ca-bundle.crt /ca\n");
	put(w, "images/tool/Dockerfile", tool);
	put(w, "images/tool/extra", "extra");
	put(w, "sidecar/tool/a.c", source);
	put(w, "sidecar/toolbox/b.c", "not an input");
	put(w, CONTEXT_CA, ca);
}

static void free_world(struct world *w)
{
	context_done(&w->c);
	versions_done(&w->v);
}

/* The hashes of builder and tool in a world made of these. */
static void hashes(char *builder_hash, char *tool_hash, const char *tool, const char *source,
                   const char *version, const char *ca)
{
	struct recipe base, builder, r;
	struct world w;

	make_world(&w, tool, source, version, ca);
	assert_int_equal(recipe_read(&base, &w.c, "base", &w.v, NULL, NULL, NULL), 0);
	assert_int_equal(recipe_read(&builder, &w.c, "builder", &w.v, &base, NULL, NULL), 0);
	assert_int_equal(recipe_read(&r, &w.c, "tool", &w.v, &base, &builder, NULL), 0);
	memcpy(builder_hash, builder.hash, HASH_HEX_SIZE);
	memcpy(tool_hash, r.hash, HASH_HEX_SIZE);
	recipe_done(&base);
	recipe_done(&builder);
	recipe_done(&r);
	free_world(&w);
}

static void dockerfile_says_what_the_image_takes_in(void **state)
{
	struct recipe base, r;
	struct world w;

	(void)state;
	make_world(&w, tool_dockerfile, "int x;", "1", "");
	assert_int_equal(recipe_read(&base, &w.c, "base", &w.v, NULL, NULL, NULL), 0);
	assert_int_equal(recipe_read(&r, &w.c, "tool", &w.v, NULL, &base, NULL), 0);
	assert_string_equal(r.dockerfile, "images/tool/Dockerfile");
	assert_true(r.needs_builder);
	assert_false(r.needs_base);
	assert_int_equal(strv_len(r.args), 3);
	assert_string_equal(r.args[1], "TOOL_VERSION");
	assert_string_equal(r.args[2], "PROXY");
	assert_int_equal(strv_len(r.sources), 2);
	assert_string_equal(r.sources[0], "sidecar/tool");
	assert_string_equal(r.sources[1], "images/tool/extra");
	recipe_done(&r);
	recipe_done(&base);
	free_world(&w);
}

static void hash_follows_every_input_and_nothing_else(void **state)
{
	char b0[HASH_HEX_SIZE], t0[HASH_HEX_SIZE], b[HASH_HEX_SIZE], t[HASH_HEX_SIZE];
	char *other = xasprintf("%sLABEL x=y\n", tool_dockerfile);

	(void)state;
	hashes(b0, t0, tool_dockerfile, "int x;", "1", "");
	hashes(b, t, tool_dockerfile, "int x;", "1", "");
	assert_string_equal(b, b0);
	assert_string_equal(t, t0);

	hashes(b, t, tool_dockerfile, "int y;", "1", "");
	assert_string_equal(b, b0);
	assert_string_not_equal(t, t0);
	hashes(b, t, tool_dockerfile, "int x;", "2", "");
	assert_string_equal(b, b0);
	assert_string_not_equal(t, t0);
	hashes(b, t, other, "int x;", "1", "");
	assert_string_not_equal(t, t0);
	free(other);
}

static void hosts_ca_makes_only_the_builder_stale(void **state)
{
	char b0[HASH_HEX_SIZE], t0[HASH_HEX_SIZE], b[HASH_HEX_SIZE], t[HASH_HEX_SIZE];

	(void)state;
	hashes(b0, t0, tool_dockerfile, "int x;", "1", "");
	hashes(b, t, tool_dockerfile, "int x;", "1", "a certificate");
	assert_string_not_equal(b, b0);
	assert_string_equal(t, t0);
}

static void dockerfiles_that_break_the_rules_are_refused(void **state)
{
	static const struct { const char *text, *words; } cases[] = {
		{ "COPY [\"a\", \"b\"]\n", "in one form" },
		{ "COPY sidecar/tool\n", "in one form" },
		{ "COPY sidecar/*.c /x\n", "plain paths" },
		{ "COPY ../secret /x\n", "plain paths" },
		{ "COPY . /x\n", "plain paths" },
		{ "COPY sidecar/$X /x\n", "plain paths" },
		{ "COPY --chown=1:1 sidecar/gone /x\n", "copies sidecar/gone, which is not there" },
		{ "ARG BUILDER\n", "may not stand on BUILDER" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = { 0 };
		struct recipe r;
		struct world w;

		make_world(&w, cases[i].text, "int x;", "1", "");
		assert_int_equal(recipe_read(&r, &w.c, "tool", &w.v, NULL, NULL, &err), -1);
		assert_non_null(strstr(err.msg, cases[i].words));
		assert_non_null(strstr(err.msg, "images/tool/Dockerfile: "));
		free_world(&w);
	}
}

static void image_without_a_dockerfile_is_refused(void **state)
{
	struct err err = { 0 };
	struct recipe r;
	struct world w;

	(void)state;
	make_world(&w, "", "", "1", "");
	assert_int_equal(recipe_read(&r, &w.c, "none", &w.v, NULL, NULL, &err), -1);
	assert_string_equal(err.msg, "images/none/Dockerfile is not there");
	free_world(&w);
}

static void folder_is_read_whole_and_sorted(void **state)
{
	char dir[] = "/tmp/cbt-recipe-XXXXXX", path[200];
	static const char *const names[] = { "b/z", "b/a", "a", ".hidden", "b/.git" };
	struct context c = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/b", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		FILE *f;

		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(names[i], f);
		fchmod(fileno(f), i == 1 ? 0700 : 0600);
		fclose(f);
	}
	assert_int_equal(context_add_folder(&c, "top", dir, &err), 0);
	assert_int_equal(c.n, 3);
	assert_string_equal(c.files[0].path, "top/a");
	assert_int_equal(c.files[0].mode, 0644);	/* only whether it is executable counts */
	assert_string_equal(c.files[1].path, "top/b/a");
	assert_int_equal(c.files[1].mode, 0755);
	assert_memory_equal(c.files[1].data, "b/a", 3);
	assert_string_equal(c.files[2].path, "top/b/z");

	snprintf(path, sizeof path, "%s/link", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(context_add_folder(&c, "top", dir, &err), -1);
	assert_non_null(strstr(err.msg, "top/link"));
	unlink(path);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/b", dir);
	rmdir(path);
	rmdir(dir);
	context_done(&c);
}

/* The recipes that we ship, read from the source tree that this runs in. */
static void shipped_dockerfiles_keep_the_rules(void **state)
{
	static const char *const names[] = { "builder", "agent", "pipelock", "resolver",
		                             "sidecar" };
	struct recipe base, builder = { 0 };
	struct context c = { 0 };
	struct versions v;
	struct datadir d;
	const struct context_file *f;

	(void)state;
	assert_int_equal(datadir_find(&d, NULL, "build/claude-bottle", NULL), -1);
	assert_int_equal(datadir_find(&d, NULL, "./build/claude-bottle", NULL), 0);
	assert_string_equal(d.sidecar, "./src/sidecar");
	assert_int_equal(context_add_folder(&c, "images", d.images, NULL), 0);
	assert_int_equal(context_add_folder(&c, "sidecar", d.sidecar, NULL), 0);
	assert_int_equal(context_add_file(&c, CONTEXT_CA, 0644, "", 0, NULL), 0);
	f = context_find(&c, "images/versions");
	assert_non_null(f);
	assert_int_equal(versions_parse(&v, "versions", f->data, f->len, NULL), 0);
	assert_int_equal(recipe_read(&base, &c, "base", &v, &builder, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct err err = { 0 };
		struct recipe r;

		if (recipe_read(&r, &c, names[i], &v, &base, &base, &err) < 0)
			fail_msg("%s", err.msg);
		recipe_done(&r);
	}
	recipe_done(&base);
	context_done(&c);
	versions_done(&v);
	datadir_done(&d);
}

static void data_dir_is_found_where_it_should_be(void **state)
{
	char dir[] = "/tmp/cbt-data-XXXXXX", path[200];
	struct datadir d = { 0 };
	struct err err = { 0 };
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(datadir_find(&d, dir, NULL, &err), -1);
	assert_non_null(strstr(err.msg, "CLAUDE_BOTTLE_DATADIR"));
	snprintf(path, sizeof path, "%s/images", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof path, "%s/images/versions", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(datadir_find(&d, dir, NULL, &err), 0);
	snprintf(path, sizeof path, "%s/images", dir);
	assert_string_equal(d.images, path);
	snprintf(path, sizeof path, "%s/sidecar", dir);
	assert_string_equal(d.sidecar, path);
	datadir_done(&d);

	assert_int_equal(datadir_find(&d, "", "./build/san/claude-bottle", &err), 0);
	assert_string_equal(d.images, "./assets/images");
	datadir_done(&d);
	assert_int_equal(datadir_find(&d, NULL, "/nowhere/claude-bottle", &err), -1);
	assert_non_null(strstr(err.msg, "/nowhere/claude-bottle"));

	snprintf(path, sizeof path, "%s/images/versions", dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/images", dir);
	rmdir(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dockerfile_says_what_the_image_takes_in),
		cmocka_unit_test(hash_follows_every_input_and_nothing_else),
		cmocka_unit_test(hosts_ca_makes_only_the_builder_stale),
		cmocka_unit_test(dockerfiles_that_break_the_rules_are_refused),
		cmocka_unit_test(image_without_a_dockerfile_is_refused),
		cmocka_unit_test(folder_is_read_whole_and_sorted),
		cmocka_unit_test(shipped_dockerfiles_keep_the_rules),
		cmocka_unit_test(data_dir_is_found_where_it_should_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
