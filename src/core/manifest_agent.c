/* One agent. */
#include <stdlib.h>
#include <string.h>

#include "core/manifest_internal.h"
#include "core/mem.h"
#include "core/session.h"
#include "core/skills.h"

/* --- its own values --------------------------------------------------------------- */

static int check_argument(const struct reader *r, const struct json_node *node, char **out)
{
	if (strlen(node->string) > 4096) {
		json_fault(r->doc, node, r->faults, "an argument of more than 4096 bytes");
		return -1;
	}
	*out = xstrdup(node->string);
	return 0;
}

/* Arguments may repeat, so this is not a reader_strings list. */
static void agent_command(const struct reader *r, const struct json_node *array,
                          struct agent_spec *a)
{
	size_t n = 0;

	if (array->n == 0 || array->n > 256) {
		json_fault(r->doc, array, r->faults,
		           "must hold a program and its arguments, at most 256; leave \"command\" "
		           "out for the default");
		return;
	}
	for (const struct json_node *c = array->first; c; c = c->next) {
		char *s = NULL;

		if (!reader_expect(r, c, JSON_STRING) || check_argument(r, c, &s) < 0)
			continue;
		if (n == 0 && !s[0])
			json_fault(r->doc, c, r->faults, "is empty; write the program's name");
		strv_push(&a->command, &n, s);
	}
}

static void agent_image(const struct reader *r, const struct json_node *node, struct agent_spec *a)
{
	const char *s = node->string;
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	                     "._-/:@");

	if (n == 0 || s[n] || n > 255 || strchr("-./:@", s[0]))
		json_fault(r->doc, node, r->faults,
		           "\"%.100s\" is no image; write it as \"debian:12\" or "
		           "\"registry.example.org/team/image@sha256:...\"",
		           s);
	else
		a->image = xstrdup(s);
}

const char *const prompt_keys[] = { "file", NULL };

static void agent_prompt(const struct reader *r, const struct json_node *node, struct agent_spec *a)
{
	const char *file;

	if (node->type == JSON_STRING) {
		if (strlen(node->string) > MANIFEST_PROMPT_MAX)
			json_fault(r->doc, node, r->faults,
			           "a prompt of more than 256 KiB; shorten it");
		else if (node->string[0])
			a->prompt = xstrdup(node->string);
		return;
	}
	if (node->type != JSON_OBJECT) {
		json_fault(r->doc, node, r->faults, "must be a string or {\"file\": path}, not %s",
		           json_type_name(node->type));
		return;
	}
	reader_keys(r, node, prompt_keys, NULL);
	file = reader_required(r, node, "file", "the path of a text file");
	if (file)
		a->prompt_file = reader_path_here(r, json_get(node, "file"), file, r->source->dir,
		                                  MANIFEST_PATH_FILE);
}

static int check_skill(const struct reader *r, const struct json_node *node, char **out)
{
	const char *s = node->string;

	/* as core/skills has it, which collects them at launch */
	if (!s[0] || s[0] == '.' || strchr(s, '/') || has_control(s) ||
	    strlen(s) > SKILLS_NAME_MAX) {
		json_fault(r->doc, node, r->faults,
		           "\"%.60s\" cannot name a skill; write the name of a folder in "
		           "~/.claude/skills",
		           s);
		return -1;
	}
	if (r->source->is_trusted && r->env->home) {
		char *path = xasprintf("%s/.claude/skills/%s", r->env->home, s);
		bool is_there = r->env->path_kind(r->env->ctx, path) == MANIFEST_PATH_DIR;

		if (!is_there)
			json_fault(r->doc, node, r->faults,
			           "there is no folder \"%.200s\"; mend the name or add the skill",
			           path);
		free(path);
		if (!is_there)
			return -1;
	}
	*out = xstrdup(s);
	return 0;
}

/* "copy" starts from the manifest's folder, but the user's own manifest lies in a
 * configuration folder that nobody wants copied: there it starts from where one is. */
static const char *copy_base(const struct reader *r)
{
	return r->source->origin == MANIFEST_USER ? r->env->cwd : r->source->dir;
}

const char *const workspace_keys[] = { "clone", "copy", NULL };

static void agent_workspace(const struct reader *r, const struct json_node *node,
                            struct agent_spec *a)
{
	const struct json_node *clone = json_get(node, "clone"), *copy = json_get(node, "copy");
	const char *dir;

	reader_keys(r, node, workspace_keys, NULL);
	if (!clone == !copy) {
		json_fault(r->doc, node, r->faults,
		           "needs either \"clone\", a git Name of the bottle, or \"copy\", a "
		           "folder");
		return;
	}
	if (clone) {
		if (reader_required(r, node, "clone", "a git Name of the bottle"))
			a->workspace = WORKSPACE_CLONE;
		return;
	}
	dir = reader_required(r, node, "copy", "a folder");
	if (dir)
		a->copy_dir = reader_path_here(r, copy, dir, copy_base(r), MANIFEST_PATH_DIR);
	a->workspace = WORKSPACE_COPY;
}

static void agent_color(const struct reader *r, const struct json_node *node, struct agent_spec *a)
{
	const char *s = node->string;

	if (s[0] == '#' && session_color_is_valid(s)) {
		a->color = xstrdup(s);
		return;
	}
	if (s[0] == '#')
		json_fault(r->doc, node, r->faults,
		           "\"%.20s\" is no colour; write \"#rrggbb\" or a name like \"cyan\"", s);
	else if (reader_word(r, node, session_colors) >= 0)
		a->color = xstrdup(s);
}

const char *const agent_keys[] = { "bottle", "image",     "command", "prompt",
	                           "skills", "workspace", "color",   NULL };

void agent_read(const struct reader *r, const struct json_node *node, struct agent_spec *a)
{
	const struct json_node *c;

	if (!is_dns_label(a->name, MANIFEST_NAME_MAX) || strstr(a->name, "--"))
		json_fault_key(r->doc, node, r->faults,
		               "\"%.60s\" cannot name an agent; use small letters, digits and "
		               "single dashes, at most %d",
		               a->name, MANIFEST_NAME_MAX);
	if (!reader_expect(r, node, JSON_OBJECT))
		return;
	reader_keys(r, node, agent_keys, NULL);
	a->bottle_name = xstrdup_or_null(
		reader_required(r, node, "bottle", "the name of the bottle that it runs in"));
	c = reader_member(r, node, "image", JSON_STRING);
	if (c)
		agent_image(r, c, a);
	c = reader_member(r, node, "command", JSON_ARRAY);
	if (c)
		agent_command(r, c, a);
	c = json_get(node, "prompt");
	if (c)
		agent_prompt(r, c, a);
	c = json_get(node, "skills");
	if (c)
		reader_strings(r, c, &a->skills, check_skill);
	c = reader_member(r, node, "workspace", JSON_OBJECT);
	if (c)
		agent_workspace(r, c, a);
	c = reader_member(r, node, "color", JSON_STRING);
	if (c)
		agent_color(r, c, a);
}

/* --- its bottle ----------------------------------------------------------------------- */

/* The bottle of its own file; else, for a project's agent, the user's of that name. */
static const struct bottle_draft *find_bottle(const struct reader *r, const char *name,
                                              const struct bottle_draft *drafts, size_t n)
{
	const struct bottle_draft *users = NULL;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(drafts[i].spec->name, name) != 0)
			continue;
		if (drafts[i].r == r)
			return &drafts[i];
		users = &drafts[i];
	}
	return r->source->origin == MANIFEST_PROJECT ? users : NULL;
}

static void no_bottle(const struct reader *r, const struct json_node *at, const char *name,
                      const struct bottle_draft *drafts, size_t n)
{
	const char *names[2 * MANIFEST_BOTTLES_MAX + 1];
	const char *near;
	size_t k = 0;

	for (size_t i = 0; i < n && k < 2 * MANIFEST_BOTTLES_MAX; i++)
		if (drafts[i].r == r)
			names[k++] = drafts[i].spec->name;
	names[k] = NULL;
	near = nearest(name, names);
	json_fault(r->doc, at, r->faults, "there is no bottle \"%.60s\"%s%s%s", name,
	           near ? "; did you mean \"" : "; add it under \"bottles\"", near ? near : "",
	           near ? "\"?" : "");
}

/* Which of the remotes of its bottle it clones. */
static void resolve_clone(const struct reader *r, const struct json_node *node,
                          struct agent_spec *a)
{
	const struct json_node *clone = json_get(json_get(node, "workspace"), "clone");
	const char *names[MANIFEST_GIT_MAX + 1];
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < a->bottle->n_git && n < MANIFEST_GIT_MAX; i++) {
		names[n++] = a->bottle->git[i].name;
		if (strcmp(a->bottle->git[i].name, clone->string) == 0)
			a->clone = &a->bottle->git[i];
	}
	names[n] = NULL;
	if (a->clone)
		return;
	near = nearest(clone->string, names);
	json_fault(r->doc, clone, r->faults, "bottle \"%s\" has no git remote \"%.60s\"%s%s%s",
	           a->bottle->name, clone->string, near ? "; did you mean \"" : "",
	           near ? near : "", near ? "\"?" : "; add it to the bottle's \"git\"");
}

void agent_resolve(const struct reader *r, const struct json_node *node, struct agent_spec *a,
                   const struct bottle_draft *drafts, size_t n)
{
	const struct json_node *at = json_get(node, "bottle");
	const struct bottle_draft *d;

	if (!a->bottle_name)
		return;
	d = find_bottle(r, a->bottle_name, drafts, n);
	if (!d) {
		no_bottle(r, at, a->bottle_name, drafts, n);
		return;
	}
	if (d->r != r && !strv_has(d->spec->projects, r->source->dir)) {
		json_fault(r->doc, at, r->faults,
		           "\"%s\" is a bottle of the user's that is not open to this folder; the "
		           "user may add \"%.200s\" to its \"projects\"",
		           a->bottle_name, r->source->dir);
		return;
	}
	a->bottle = d->spec;
	if (d->spec->where.is_broken)
		json_fault(r->doc, at, r->faults, "bottle \"%s\" is broken, see its faults",
		           a->bottle_name);
	else if (a->workspace == WORKSPACE_CLONE)
		resolve_clone(r, node, a);
}

void agent_done(struct agent_spec *a)
{
	free(a->name);
	free(a->bottle_name);
	free(a->image);
	strv_free(a->command);
	free(a->prompt);
	free(a->prompt_file);
	strv_free(a->skills);
	free(a->copy_dir);
	free(a->color);
	faults_done(&a->where.faults);
}
