/* The rules of gitignore, held against git itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/ignore.h"
#include "unit/core/repo_fixture.h"

/* Every rule is put to git and to us for every path. */
static const char *const rules[] = {
	"a", "a/", "/a", "a/b", "/a/b/", "*.log", "*.[lo]*", "**/b", "a/**", "a/**/c", "**/c/**",
	"a**c", "***/c", "a/***/c", "**c", "b/**/", "[ab]", "[!a]", "[^a-c]*", "[[:alpha:]]",
	"[[:nope:]]", "[[:digit:]x]*", "[]a]", "[a", "[a-", "[z-a]", "[\\]z]*", "[a\\-c]", "[a-]*",
	"x.*", "?", "?*?", "??", "*", "**", "/*", "/**", "*/b", "*/*/c", "a/*", "a/*/", "\\a",
	"\\!x", "\\#c", "#c", "foo bar", "foo\\ bar", "foo bar   ", "trail\\ ", "trail\\  ", "a\\",
	"!", "/", "//", "!a", "a//b", "./a", "a/./b", "a/../a", "*a*b*", "*o*o*", "a?b", "a[/]b",
	"a*b", "\xc3\xbc*", "?\xbc", "*/", "**/", "**/a/b/**", "/**/c", "x", "X.LOG", "[A-Z]*",
	"[a-b-c]", "[[]z]", "[z[]*", "a/**b", "a/b**", "a/**\\/c", ".*", "*.*", "foo*", "*\\ *",
};

static const char *const files[] = {
	"a/b/c", "a/c", "a/b/d/c", "b/a/c", "b/c/x.log", "c/x", "x.log", "x.o", "y/a/b/c",
	"y/x.log",
	"y/b/a", "z/a", "z/c/a", "foo bar", "foo", "trail ", "trail", "!x", "#c", "]z", "[z]", "-",
	"d/-", "d/a-", "1x", "ab", "acb", "a.b", "X.LOG", "\xc3\xbc.c", ".env", "d/.env", "azc",
	"k/a/q/b",
	"[a", "a\\", "ooo",
};

#define N(array) (sizeof(array) / sizeof *(array))

static bool ours(const struct ignore *ig, const char *path)
{
	char dir[256];

	for (size_t i = 0; path[i]; i++) {
		if (path[i] != '/')
			continue;
		memcpy(dir, path, i);
		dir[i] = '\0';
		if (ignore_has(ig, dir, true))
			return true;
	}
	return ignore_has(ig, path, false);
}

/* git's answers for all rules: out/I holds the ignored files of rule I. */
static void ask_git(void)
{
	CLEANUP_FREE char *list = in_scratch("list");
	FILE *f = fopen(list, "w");

	assert_non_null(f);
	for (size_t i = 0; i < N(files); i++)
		fwrite(files[i], 1, strlen(files[i]) + 1, f);
	fclose(f);
	for (size_t i = 0; i < N(rules); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/rules/%03zu", scratch, i);

		f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f, "%s\n", rules[i]);
		fclose(f);
	}
	sh("while IFS= read -r -d '' f; do mkdir -p \"$(dirname \"q/$f\")\"; echo x >\"q/$f\"\n"
	   "done <list; git init -q q; for r in $(ls rules); do cp rules/$r q/.git/info/exclude\n"
	   "git -C q check-ignore --no-index -z --stdin <list >out/$r || [ $? = 1 ]; done");
}

static bool git_listed(const char *answer, size_t len, const char *path)
{
	for (const char *s = answer; s < answer + len; s += strlen(s) + 1)
		if (strcmp(s, path) == 0)
			return true;
	return false;
}

static void each_rule_means_what_it_means_to_git(void **state)
{
	size_t wrong = 0;

	(void)state;
	sh("mkdir rules out q");
	ask_git();
	for (size_t i = 0; i < N(rules); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/out/%03zu", scratch, i);
		CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
		struct ignore *ig =
			ignore_parse(rules[i], strlen(rules[i]), "", false, NULL);
		char answer[8192] = "";
		ssize_t n = read(fd, answer, sizeof answer - 1);

		assert_true(n >= 0);
		for (size_t k = 0; k < N(files); k++)
			if (ours(ig, files[k]) != git_listed(answer, (size_t)n, files[k])) {
				fprintf(stderr, "rule '%s', file '%s': we say %d\n", rules[i],
					files[k], ours(ig, files[k]));
				wrong++;
			}
		ignore_free(ig);
	}
	assert_int_equal(wrong, 0);
}

static void the_innermost_and_last_rule_decides(void **state)
{
	static const char outer_text[] = "*.log\n!keep.log\nkeep.log\n";
	static const char inner_text[] = "!/k*\n*.c\n";
	struct ignore *outer = ignore_parse(outer_text, sizeof outer_text - 1, "", false, NULL);
	struct ignore *inner = ignore_parse(inner_text, sizeof inner_text - 1, "d", false, outer);

	(void)state;
	assert_true(ignore_has(outer, "keep.log", false));
	assert_true(ignore_has(inner, "d/x.log", false));
	assert_false(ignore_has(inner, "d/keep.log", false));
	assert_true(ignore_has(inner, "d/e/keep.log", false));
	assert_true(ignore_has(inner, "d/k.c", false));
	assert_false(ignore_has(NULL, "x", false));
	ignore_free(inner);
	ignore_free(outer);
}

static void lines_end_as_gits_do(void **state)
{
	static const char text[] = "\xef\xbb\xbf" "bom\r\ncr\r\nnul\0rest\n\n#x\nlast\r";
	struct ignore *ig = ignore_parse(text, sizeof text - 1, "", false, NULL);

	(void)state;
	assert_true(ignore_has(ig, "bom", false));
	assert_true(ignore_has(ig, "cr", false));
	assert_true(ignore_has(ig, "nul", false));
	assert_true(ignore_has(ig, "last", false));
	assert_false(ignore_has(ig, "#x", false));
	assert_false(ignore_has(ig, "rest", false));
	ignore_free(ig);
}

static void case_is_folded_when_asked(void **state)
{
	struct ignore *ig = ignore_parse(".env\n[a-c]X\n", 11, "", true, NULL);

	(void)state;
	assert_true(ignore_has(ig, ".ENV", false));
	assert_true(ignore_has(ig, "Bx", false));
	assert_false(ignore_has(ig, "dx", false));
	ignore_free(ig);
}

static void a_rule_made_to_be_slow_is_not(void **state)
{
	struct buf rule = BUF_INIT(10000), path = BUF_INIT(10000);
	struct ignore *ig;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		buf_adds(&rule, i % 2 ? "a*" : "**/");
		buf_adds(&path, i % 2 ? "aaa" : "a/");
	}
	buf_adds(&rule, "b");
	ig = ignore_parse(rule.data, rule.len, "", false, NULL);
	assert_false(ignore_has(ig, path.data, false));
	ignore_free(ig);
	buf_done(&rule);
	buf_done(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_means_what_it_means_to_git),
		cmocka_unit_test(the_innermost_and_last_rule_decides),
		cmocka_unit_test(lines_end_as_gits_do),
		cmocka_unit_test(case_is_folded_when_asked),
		cmocka_unit_test(a_rule_made_to_be_slow_is_not),
	};

	return cmocka_run_group_tests(tests, fixture_start, fixture_end);
}
