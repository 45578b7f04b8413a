#include "docker/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "docker/versions.h"

#define INSTRUCTION_MAX (64 * 1024)

/* The file's next instruction with its continued lines joined; comments inside
 * are left out. Returns false at the end of the file. */
static bool next_instruction(const char **at, const char *end, struct buf *out)
{
	bool is_continued = false;

	buf_reset(out);
	while (*at < end) {
		const char *nl = memchr(*at, '\n', (size_t)(end - *at));
		size_t len = (size_t)((nl ? nl : end) - *at);
		const char *line = *at;

		*at += len + (nl != NULL);
		while (len > 0 && strchr(" \t\r", line[len - 1]))
			len--;
		while (len > 0 && (*line == ' ' || *line == '\t')) {
			line++;
			len--;
		}
		if (len == 0 || *line == '#')
			continue;	/* Docker skips these inside an instruction, too */
		if (is_continued)
			buf_addc(out, ' ');
		is_continued = line[len - 1] == '\\';
		buf_add(out, line, len - is_continued);
		if (!is_continued)
			return true;
	}
	return out->len > 0;
}

static char **split_words(const char *s)
{
	char **words = NULL;
	size_t n = 0;

	for (s += strspn(s, " \t"); *s; s += strspn(s, " \t")) {
		size_t len = strcspn(s, " \t");

		strv_push(&words, &n, xstrndup(s, len));
		s += len;
	}
	return words;
}

static int add_copy(struct recipe *r, const char *what, char *const *words, struct err *err)
{
	size_t first = 1, n = strv_len(words), have = strv_len(r->sources);

	for (; first < n && strncmp(words[first], "--", 2) == 0; first++)
		if (strncmp(words[first], "--from=", 7) == 0)
			return 0;
	if (first + 1 >= n || words[first][0] == '[')
		return err_set(err, ERR_INPUT, "%s: write \"%s SOURCE... DEST\" in one form",
		               r->dockerfile, what);
	for (size_t i = first; i + 1 < n; i++) {
		size_t len = strlen(words[i]);

		if (strpbrk(words[i], "*?[$\"'") || strstr(words[i], "..") || *words[i] == '.' ||
		    *words[i] == '/')
			return err_set(err, ERR_INPUT,
			               "%s: %s takes plain paths in the context, not %s",
			               r->dockerfile, what, words[i]);
		while (len > 1 && words[i][len - 1] == '/')
			len--;
		strv_push(&r->sources, &have, xstrndup(words[i], len));
	}
	return 0;
}

static int read_dockerfile(struct recipe *r, const struct context_file *f, struct err *err)
{
	struct buf line = BUF_INIT(INSTRUCTION_MAX);
	const char *at = f->data, *end = f->data + f->len;
	size_t n_args = 0;
	int rc = 0;

	while (rc == 0 && next_instruction(&at, end, &line)) {
		char **words = split_words(buf_str(&line));
		const char *what = words ? words[0] : "";

		if (line.overflowed) {
			rc = err_set(err, ERR_INPUT, "%s: an instruction is too long", f->path);
		} else if (words && strcmp(what, "ARG") == 0 && words[1]) {
			char *name = xstrndup(words[1], strcspn(words[1], "="));

			if (strv_has(r->args, name))
				free(name);
			else
				strv_push(&r->args, &n_args, name);
		} else if (strcmp(what, "COPY") == 0 || strcmp(what, "ADD") == 0) {
			rc = add_copy(r, what, words, err);
		}
		strv_free(words);
	}
	buf_done(&line);
	r->needs_base = strv_has(r->args, "BASE");
	r->needs_builder = strv_has(r->args, "BUILDER");
	return rc;
}

static bool is_below(const char *path, const char *source)
{
	size_t n = strlen(source);

	return strncmp(path, source, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Everything that counts, one line and its bytes each, in a fixed order. */
static int add_inputs(struct buf *b, const struct recipe *r, const struct context *c,
                      const struct versions *v, bool with_ca, struct err *err)
{
	buf_addf(b, "claude-bottle image 1\nname %s\n", r->name);
	for (char **arg = r->args; arg && *arg; arg++) {
		const char *value = versions_get(v, *arg);

		if (value)
			buf_addf(b, "arg %s=%s\n", *arg, value);
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct context_file *f = &c->files[i];
		bool counts = strcmp(f->path, r->dockerfile) == 0;

		for (char **source = r->sources; source && *source && !counts; source++)
			counts = is_below(f->path, *source);
		if (!counts || (!with_ca && strcmp(f->path, CONTEXT_CA) == 0))
			continue;
		buf_addf(b, "file %s %o %zu\n", f->path, f->mode, f->len);
		buf_add(b, f->data, f->len);
	}
	if (b->overflowed)
		return err_set(err, ERR_INPUT, "image %s: its inputs are too large", r->name);
	return 0;
}

static int check_sources(const struct recipe *r, const struct context *c, struct err *err)
{
	for (char **source = r->sources; source && *source; source++) {
		bool found = false;

		for (size_t i = 0; i < c->n && !found; i++)
			found = is_below(c->files[i].path, *source);
		if (!found)
			return err_set(err, ERR_INPUT, "%s: copies %s, which is not there",
			               r->dockerfile, *source);
	}
	return 0;
}

static int hash_inputs(struct recipe *r, const struct context *c, const struct versions *v,
                       const struct recipe *base, const struct recipe *builder, struct err *err)
{
	struct buf b = BUF_INIT(CONTEXT_MAX + (1u << 20));
	int rc = 0;

	for (int with_ca = 0; with_ca <= 1 && rc == 0; with_ca++) {
		buf_reset(&b);
		rc = add_inputs(&b, r, c, v, with_ca, err);
		if (r->needs_base)
			buf_addf(&b, "base %s\n", base->plain_hash);
		if (r->needs_builder)
			buf_addf(&b, "builder %s\n", builder->plain_hash);
		if (rc == 0)
			hash_sha256_hex(with_ca ? r->hash : r->plain_hash, b.data, b.len);
	}
	buf_done(&b);
	return rc;
}

int recipe_read(struct recipe *out, const struct context *c, const char *name,
                const struct versions *v, const struct recipe *base,
                const struct recipe *builder, struct err *err)
{
	struct recipe r = { .name = xstrdup(name) };
	const struct context_file *f;
	int rc = -1;

	r.dockerfile = xasprintf("images/%s/Dockerfile", name);
	f = context_find(c, r.dockerfile);
	if (!f)
		err_set(err, ERR_INPUT, "%s is not there", r.dockerfile);
	else if (read_dockerfile(&r, f, err) == 0 && check_sources(&r, c, err) == 0) {
		if ((r.needs_base && !base) || (r.needs_builder && !builder))
			err_set(err, ERR_INPUT, "%s: may not stand on %s", r.dockerfile,
			        r.needs_base && !base ? "BASE" : "BUILDER");
		else
			rc = hash_inputs(&r, c, v, base, builder, err);
	}
	if (rc < 0)
		recipe_done(&r);
	else
		*out = r;
	return rc;
}

void recipe_done(struct recipe *r)
{
	if (!r)
		return;
	free(r->name);
	free(r->dockerfile);
	strv_free(r->args);
	strv_free(r->sources);
	*r = (struct recipe){ 0 };
}
