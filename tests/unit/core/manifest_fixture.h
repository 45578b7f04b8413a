/* A manifest's world for tests: a few paths exist, nothing else does. */
#ifndef TESTS_MANIFEST_FIXTURE_H
#define TESTS_MANIFEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/manifest.h"
#include "core/mem.h"

#define KEY_ED25519 \
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

static unsigned fixture_asked; /* how often the file system was asked anything */

static inline enum manifest_path fixture_kind(void *ctx, const char *path)
{
	static const char *const files[] = { "/home/u/.ssh/id", "/home/u/.ssh/id2", "/p/key",
		                             "/p/prompt.md",    "/p/out.md",        NULL };
	static const char *const dirs[] = { "/p",      "/p/src",
		                            "/p/link", "/home/u/.claude/skills/tests",
		                            "/w",      "/w/src",
		                            "/q",      NULL };

	(void)ctx;
	fixture_asked++;
	if (strv_has((char *const *)files, path))
		return MANIFEST_PATH_FILE;
	return strv_has((char *const *)dirs, path) ? MANIFEST_PATH_DIR : MANIFEST_PATH_NONE;
}

/* /p/link and /p/out.md are links that lead out; /plink leads to /p. */
static inline char *fixture_real(void *ctx, const char *path)
{
	(void)ctx;
	fixture_asked++;
	if (strcmp(path, "/p/link") == 0)
		return xstrdup("/home/u");
	if (strcmp(path, "/p/out.md") == 0)
		return xstrdup("/home/u/.ssh/id");
	if (strcmp(path, "/plink") == 0)
		return xstrdup("/p");
	return strncmp(path, "/gone", 5) == 0 ? NULL : xstrdup(path);
}

static const struct manifest_env fixture_env = {
	.home = "/home/u",
	.cwd = "/w",
	.path_kind = fixture_kind,
	.real_path = fixture_real,
};

static inline struct manifest_source fixture_source(enum manifest_origin origin, const char *text)
{
	return (struct manifest_source){
		.origin = origin,
		.path = origin == MANIFEST_PROJECT ? "/p/claude-bottle.json" : "m.json",
		.dir = origin == MANIFEST_PROJECT ? "/p" : "/conf",
		.data = text,
		.len = strlen(text),
		.is_trusted = true,
	};
}

static inline struct manifest *fixture_user(const char *text)
{
	struct manifest_source s = fixture_source(MANIFEST_USER, text);

	return manifest_parse(&s, 1, &fixture_env);
}

static inline struct manifest *fixture_both(const char *user, const char *project, bool is_trusted)
{
	struct manifest_source s[] = { fixture_source(MANIFEST_USER, user),
		                       fixture_source(MANIFEST_PROJECT, project) };

	s[1].is_trusted = is_trusted;
	return manifest_parse(s, 2, &fixture_env);
}

/* The same text, or the first line that differs (cmocka shows only a little). */
static inline void same_text(const char *is, const char *wanted)
{
	size_t at = 0, line = 1;

	while (is[at] && is[at] == wanted[at])
		line += is[at++] == '\n';
	if (is[at] == wanted[at])
		return;
	while (at > 0 && is[at - 1] != '\n')
		at--;
	print_error("line %zu is:    %.*s\n", line, (int)strcspn(is + at, "\n"), is + at);
	print_error("and should be: %.*s\n", (int)strcspn(wanted + at, "\n"), wanted + at);
	fail();
}

static inline void fixture_says(const struct manifest *m, const char *wanted)
{
	struct buf text = BUF_INIT(1 << 20);

	faults_text(&m->faults, &text);
	same_text(buf_str(&text), wanted);
	buf_done(&text);
}

/* Parse, compare all faults, free. */
static inline void faults_are(const char *text, const char *wanted)
{
	struct manifest *m = fixture_user(text);

	fixture_says(m, wanted);
	manifest_free(m);
}

/* Faults of a bottle b that has these members. */
static inline void bottle_faults_are(const char *members, const char *wanted)
{
	struct buf text = BUF_INIT(1 << 20);

	buf_addf(&text, "{\"bottles\":{\"b\":{\n%s}}}", members);
	faults_are(buf_str(&text), wanted);
	buf_done(&text);
}

/* Faults of an agent a that has these members. */
static inline void agent_faults_are(const char *members, const char *wanted)
{
	struct buf text = BUF_INIT(1 << 20);

	buf_addf(&text, "{\"bottles\":{\"b\":{}},\"agents\":{\"a\":{\"bottle\":\"b\",\n%s}}}",
	         members);
	faults_are(buf_str(&text), wanted);
	buf_done(&text);
}

/* The list's elements with spaces between them. */
static inline void list_is(char *const *list, const char *wanted)
{
	struct buf text = BUF_INIT(1 << 16);

	for (; list && *list; list++)
		buf_addf(&text, "%s%s", text.len ? " " : "", *list);
	assert_string_equal(buf_str(&text), wanted);
	buf_done(&text);
}

#endif
