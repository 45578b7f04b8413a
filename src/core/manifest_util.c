/* Typed access to the JSON tree that says what is wrong, and paths. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/manifest_internal.h"
#include "core/mem.h"

bool reader_expect(const struct reader *r, const struct json_node *node, enum json_type type)
{
	if (node->type == type)
		return true;
	json_fault(r->doc, node, r->faults, "must be %s, not %s", json_type_name(type),
	           json_type_name(node->type));
	return false;
}

static bool has_word(const char *const *words, const char *s)
{
	for (; *words; words++)
		if (strcmp(*words, s) == 0)
			return true;
	return false;
}

void reader_keys(const struct reader *r, const struct json_node *object, const char *const *known,
                 const char *const (*legacy)[2])
{
	for (const struct json_node *c = object->first; c; c = c->next) {
		const char *instead = NULL, *near;

		if (has_word(known, c->key))
			continue;
		if (faults_dropped_any(r->faults, r->file))
			return; /* hopeless already; looking for hints would take long */
		for (size_t i = 0; legacy && legacy[i][0]; i++)
			if (strcmp(legacy[i][0], c->key) == 0)
				instead = legacy[i][1];
		near = nearest(c->key, known);
		if (instead)
			json_fault_key(r->doc, c, r->faults, "\"%s\" is no longer used; %s", c->key,
			               instead);
		else if (near)
			json_fault_key(r->doc, c, r->faults,
			               "unknown key \"%.60s\"; did you mean \"%s\"?", c->key, near);
		else
			json_fault_key(r->doc, c, r->faults, "unknown key \"%.60s\"; remove it",
			               c->key);
	}
}

const struct json_node *reader_member(const struct reader *r, const struct json_node *object,
                                      const char *key, enum json_type type)
{
	const struct json_node *node = json_get(object, key);

	return node && reader_expect(r, node, type) ? node : NULL;
}

const char *reader_required(const struct reader *r, const struct json_node *object, const char *key,
                            const char *what)
{
	const struct json_node *node = json_get(object, key);

	if (!node)
		json_fault_key(r->doc, object, r->faults, "needs \"%s\": %s", key, what);
	else if (reader_expect(r, node, JSON_STRING) && !node->string[0])
		json_fault(r->doc, node, r->faults, "is empty; write %s", what);
	return node && node->type == JSON_STRING && node->string[0] ? node->string : NULL;
}

int reader_word(const struct reader *r, const struct json_node *node, const char *const *words)
{
	struct buf list = BUF_INIT(400);
	const char *near;
	int i;

	if (!reader_expect(r, node, JSON_STRING))
		return -1;
	for (i = 0; words[i]; i++) {
		if (strcmp(words[i], node->string) == 0) {
			buf_done(&list);
			return i;
		}
		buf_addf(&list, "%s\"%s\"", i ? words[i + 1] ? ", " : " or " : "", words[i]);
	}
	near = nearest(node->string, words);
	if (near)
		json_fault(r->doc, node, r->faults,
		           "\"%.60s\" is not one of %s; did you mean \"%s\"?", node->string,
		           buf_str(&list), near);
	else
		json_fault(r->doc, node, r->faults, "\"%.60s\" is not one of %s", node->string,
		           buf_str(&list));
	buf_done(&list);
	return -1;
}

/* Index of s in the list, or -1. */
static long find(char *const *list, const char *s)
{
	for (long i = 0; list && list[i]; i++)
		if (strcmp(list[i], s) == 0)
			return i;
	return -1;
}

void reader_strings(const struct reader *r, const struct json_node *array, char ***list,
                    int (*check)(const struct reader *r, const struct json_node *node, char **out))
{
	size_t n = 0;

	if (!reader_expect(r, array, JSON_ARRAY))
		return;
	if (array->n > MANIFEST_LIST_MAX) {
		json_fault(r->doc, array, r->faults, "has %zu elements; at most %d are read",
		           array->n, MANIFEST_LIST_MAX);
		return;
	}
	for (const struct json_node *c = array->first; c; c = c->next) {
		char *s = NULL;

		if (!reader_expect(r, c, JSON_STRING) || check(r, c, &s) < 0)
			continue;
		if (find(*list, s) >= 0) {
			json_fault(r->doc, c, r->faults, "\"%.100s\" stands here twice; remove one",
			           s);
			free(s);
			continue;
		}
		strv_push(list, &n, s);
	}
}

bool entry_is_broken(const struct faults *faults, const struct manifest_where *w)
{
	if (faults_dropped_any(faults, w->file))
		return true;
	for (size_t i = 0; i < faults->n; i++) {
		const struct fault *f = &faults->v[i];

		if (!f->is_warning && f->file == w->file && f->offset >= w->start &&
		    f->offset < w->end)
			return true;
	}
	return false;
}

/* --- paths ---------------------------------------------------------------------- */

/* Without "." parts and double slashes. ".." stays: removing it is only right where
 * no part before it is a link, and only the file system knows. */
static char *tidy(const char *path)
{
	struct buf b = BUF_INIT(2 * MANIFEST_PATH_MAX);

	while (*path) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n > 0 && !(n == 1 && path[0] == '.')) {
			buf_addc(&b, '/');
			buf_add(&b, path, n);
		}
		path += n;
	}
	if (b.len == 0)
		buf_addc(&b, '/');
	return buf_steal(&b);
}

char *reader_path(const struct reader *r, const struct json_node *node, const char *text,
                  const char *base)
{
	char *joined, *path;

	if (!text[0] || has_control(text) || strlen(text) > MANIFEST_PATH_MAX / 2) {
		json_fault(r->doc, node, r->faults,
		           "no usable path; write one without control characters");
		return NULL;
	}
	if (text[0] == '~' && text[1] && text[1] != '/') {
		json_fault(r->doc, node, r->faults,
		           "\"%.100s\": only ~/ is expanded; write the whole path", text);
		return NULL;
	}
	if (text[0] == '~') {
		base = r->env->home;
		text += 1;
		if (!base) {
			json_fault(r->doc, node, r->faults,
			           "~ cannot be expanded without HOME; write the whole path");
			return NULL;
		}
	} else if (text[0] == '/') {
		base = "";
	}
	if (strlen(base) > MANIFEST_PATH_MAX) {
		json_fault(r->doc, node, r->faults, "a path longer than %d bytes",
		           MANIFEST_PATH_MAX);
		return NULL;
	}
	joined = xasprintf("%s/%s", base, text);
	path = tidy(joined);
	free(joined);
	return path;
}

/* Does it, by its text alone, stay where it starts? */
static bool stays_below(const char *text)
{
	if (text[0] == '/' || text[0] == '~')
		return false;
	while (*text) {
		size_t n = strcspn(text, "/");

		if (n == 2 && text[0] == '.' && text[1] == '.')
			return false;
		text += n;
		text += strspn(text, "/");
	}
	return true;
}

static bool is_inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strcmp(dir, "/") == 0 ||
	       (strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/'));
}

/* The real path of a project's path, if it lies inside the project's folder. Owned. */
static char *inside_project(const struct reader *r, const struct json_node *node, char *path)
{
	char *real = r->env->real_path(r->env->ctx, path);

	if (real && !is_inside(real, r->source->dir)) {
		json_fault(r->doc, node, r->faults,
		           "leads outside the project's folder through a link; a project's file "
		           "may only name what lies inside");
		free(real);
		real = NULL;
	}
	free(path);
	return real;
}

char *reader_path_here(const struct reader *r, const struct json_node *node, const char *text,
                       const char *base, enum manifest_path kind)
{
	bool is_project = r->source->origin == MANIFEST_PROJECT;
	enum manifest_path found;
	char *path;

	if (is_project && !stays_below(text)) {
		json_fault(r->doc, node, r->faults,
		           "\"%.100s\" is outside the project's folder; a project's file may only "
		           "name what lies inside",
		           text);
		return NULL;
	}
	path = reader_path(r, node, text, base);
	if (!path || !r->source->is_trusted)
		return path;
	found = r->env->path_kind(r->env->ctx, path);
	if (found != kind) {
		json_fault(r->doc, node, r->faults, "\"%.200s\" %s", path,
		           found == MANIFEST_PATH_NONE
		                   ? "does not exist; mend the path or create it"
		           : kind == MANIFEST_PATH_DIR ? "is not a folder"
		                                       : "is not a regular file");
		free(path);
		return NULL;
	}
	return is_project ? inside_project(r, node, path) : path;
}
