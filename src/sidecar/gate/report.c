#include "report.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "text.h"
#include "util.h"

#define LINE_LEAST 16

const char *source_name(enum source s)
{
	return s == SOURCE_DIFF ? "diff" : s == SOURCE_META ? "meta" : "content";
}

static const char *text_of(const cJSON *node, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(node, key);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}

static bool has_decoded_tag(const cJSON *node)
{
	const cJSON *tag;

	cJSON_ArrayForEach(tag, cJSON_GetObjectItemCaseSensitive(
					node, "Tags")) if (cJSON_IsString(tag) &&
	                                                   strncmp(tag->valuestring,
	                                                           "decoded:", 8) == 0) return true;
	return false;
}

int report_read(const char *json, int (*on_finding)(void *ctx, const struct raw_finding *f),
                void *ctx, struct err *err)
{
	cJSON *root = cJSON_ParseWithOpts(json, NULL, 1);
	const cJSON *node, *line;
	int rc = -1;

	if (!cJSON_IsArray(root)) {
		err_set(err, "the scanner's report is not a JSON list");
		goto out;
	}
	cJSON_ArrayForEach(node, root)
	{
		struct raw_finding f = {
			.rule = text_of(node, "RuleID"),
			.secret = text_of(node, "Secret"),
			.file = text_of(node, "File"),
			.is_decoded = has_decoded_tag(node),
		};

		line = cJSON_GetObjectItemCaseSensitive(node, "StartLine");
		if (!f.rule || !f.secret || !f.file || !cJSON_IsNumber(line)) {
			err_set(err, "the scanner's report lacks a field");
			goto out;
		}
		f.line = line->valueint;
		if (on_finding(ctx, &f) < 0)
			goto out;
	}
	rc = 0;
out:
	cJSON_Delete(root);
	return rc;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same(const struct finding *a, const struct finding *b)
{
	if (a->place != b->place || a->source != b->source || !same_text(a->secret, b->secret) ||
	    !same_text(a->name, b->name))
		return false;
	/* One secret in one hidden place is one finding, whichever way it was seen. */
	if (a->source == SOURCE_CONTENT)
		return true;
	return a->line == b->line && strcmp(a->rule, b->rule) == 0 &&
	       strcmp(a->commit, b->commit) == 0;
}

static void taint(struct findings *f, const struct finding *one)
{
	if (one->place != PLACE_FILE || !one->name || findings_taint_file(f, one->name))
		return;
	if (f->n_tainted == FINDINGS_MAX) {
		f->n_more++;
		return;
	}
	f->tainted = xreallocarray(f->tainted, f->n_tainted + 1, sizeof *f->tainted);
	f->tainted[f->n_tainted++] = xstrndup(one->name, strlen(one->name));
}

bool findings_taint_file(const struct findings *f, const char *path)
{
	for (size_t i = 0; i < f->n_tainted; i++)
		if (strcmp(f->tainted[i], path) == 0)
			return true;
	return false;
}

bool findings_taint_commit(const struct findings *f, const char *oid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].place == PLACE_COMMIT && f->v[i].is_decoded &&
		    strcmp(f->v[i].commit, oid) == 0)
			return true;
	return false;
}

void findings_add(struct findings *f, const struct finding *one)
{
	struct finding *n;

	if (one->is_decoded || one->source == SOURCE_CONTENT)
		taint(f, one);
	for (size_t i = 0; i < f->n; i++)
		if (is_same(&f->v[i], one))
			return;
	if (f->n == FINDINGS_MAX) {
		f->n_more++;
		return;
	}
	f->v = xreallocarray(f->v, f->n + 1, sizeof *f->v);
	n = &f->v[f->n++];
	*n = *one;
	n->rule = xstrndup(one->rule, strlen(one->rule));
	n->secret = xstrndup(one->secret, strlen(one->secret));
	n->name = one->name ? xstrndup(one->name, strlen(one->name)) : NULL;
	n->accepted_by = NULL;
}

static void finding_done(struct finding *x)
{
	if (x->secret)
		explicit_bzero(x->secret, strlen(x->secret));
	free(x->rule);
	free(x->secret);
	free(x->name);
	free(x->accepted_by);
}

static int by_source(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int d = (int)x->source - (int)y->source;

	if (d == 0)
		d = strcmp(x->name ? x->name : "", y->name ? y->name : "");
	if (d == 0)
		d = x->line - y->line;
	return d ? d : strcmp(x->rule, y->rule);
}

static bool diff_has(const struct finding *v, size_t n, const char *secret)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].source == SOURCE_DIFF && strcmp(v[i].secret, secret) == 0)
			return true;
	return false;
}

void findings_settle(struct findings *f)
{
	size_t kept = 0;

	if (f->n)
		qsort(f->v, f->n, sizeof *f->v, by_source);
	for (size_t i = 0; i < f->n; i++) {
		/* Diff findings come first, so those that count here are all in place. */
		if (f->v[i].source == SOURCE_CONTENT && diff_has(f->v, kept, f->v[i].secret))
			finding_done(&f->v[i]);
		else
			f->v[kept++] = f->v[i];
	}
	f->n = kept;
}

static void mask_one(char **s, const char *secret)
{
	char *masked = text_mask_in(*s, secret);

	if (!masked)
		return;
	free(*s);
	*s = masked;
}

/* A line of a key in several is one, when it is long enough to be of use. */
static void mask_lines(char **s, const char *secret)
{
	while (*secret) {
		size_t len = strcspn(secret, "\r\n");
		char *line = xstrndup(secret, len);

		if (len >= LINE_LEAST)
			mask_one(s, line);
		explicit_bzero(line, len);
		free(line);
		secret += len;
		secret += *secret != '\0';
	}
}

char *findings_mask(const struct findings *f, const char *text)
{
	char *s = xstrndup(text, strlen(text));

	for (size_t i = 0; f && i < f->n; i++) {
		mask_one(&s, f->v[i].secret);
		if (strchr(f->v[i].secret, '\n'))
			mask_lines(&s, f->v[i].secret);
	}
	return s;
}

static bool is_about(const struct finding *f, const char *name)
{
	return (f->place == PLACE_REF || f->place == PLACE_PATH) && f->name &&
	       strcmp(f->name, name) == 0;
}

char *findings_mask_name(const struct findings *f, const char *name)
{
	char *s = findings_mask(f, name);
	bool is_tainted = f && f->n_more > 0;

	if (strcmp(s, name) != 0)
		return s;
	for (size_t i = 0; f && i < f->n; i++)
		is_tainted |= is_about(&f->v[i], name);
	if (!is_tainted)
		return s;
	free(s);
	return xasprintf("(masked name of %zu bytes)", strlen(name));
}

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		finding_done(&f->v[i]);
	for (size_t i = 0; i < f->n_tainted; i++)
		free(f->tainted[i]);
	free(f->tainted);
	free(f->v);
	*f = (struct findings){ 0 };
}
