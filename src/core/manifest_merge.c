/* From what each bottle says to what it is: "extends" folded in, the defaults in
 * force, and the checks that need the whole. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/manifest_internal.h"
#include "core/mem.h"

/* --- folding one bottle into another ------------------------------------------------ */

static void copy_env(struct env_entry *to, const struct env_entry *from)
{
	to->name = xstrdup(from->name);
	to->mode = from->mode;
	to->literal = xstrdup(from->literal); /* whichever of the three it is */
}

static bool has_env(const struct env_entry *env, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(env[i].name, name) == 0)
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct env_entry *)a)->name, ((const struct env_entry *)b)->name);
}

static void merge_env(struct bottle_spec *child, const struct bottle_spec *parent)
{
	size_t own = child->n_env;

	if (parent->n_env == 0)
		return;
	child->env = xreallocarray(child->env, own + parent->n_env, sizeof *child->env);
	for (size_t i = 0; i < parent->n_env; i++)
		if (!has_env(child->env, own, parent->env[i].name))
			copy_env(&child->env[child->n_env++], &parent->env[i]);
}

static const struct git_remote *find_git(const struct bottle_spec *b, const char *name)
{
	for (size_t i = 0; i < b->n_git; i++)
		if (strcmp(b->git[i].name, name) == 0)
			return &b->git[i];
	return NULL;
}

/* The parent's remotes first, without those whose name the child uses. */
static void merge_git(struct bottle_spec *child, const struct bottle_spec *parent)
{
	struct git_remote *all = xcalloc(child->n_git + parent->n_git, sizeof *all);
	size_t n = 0;

	for (size_t i = 0; i < parent->n_git; i++)
		if (!find_git(child, parent->git[i].name))
			git_remote_copy(&all[n++], &parent->git[i]);
	if (child->n_git)
		memcpy(all + n, child->git, child->n_git * sizeof *all);
	free(child->git);
	child->git = all;
	child->n_git += n;
}

/* first, then what list has beyond it; list is taken over. */
static char **united(char *const *first, char **list)
{
	char **all = NULL;
	size_t n = 0;

	for (; first && *first; first++)
		strv_push(&all, &n, xstrdup(*first));
	for (size_t i = 0; list && list[i]; i++) {
		if (strv_has(all, list[i]))
			free(list[i]);
		else
			strv_push(&all, &n, list[i]);
	}
	free(list);
	return all;
}

static void merge_parent(struct bottle_draft *child, const struct bottle_draft *parent)
{
	struct bottle_spec *c = child->spec;
	const struct bottle_spec *p = parent->spec;

	merge_env(c, p);
	merge_git(c, p);
	c->allowlist = united(p->allowlist, c->allowlist);
	c->passthrough = united(p->passthrough, c->passthrough);
	c->trusted = united(p->trusted, c->trusted);
	c->unscanned_headers = united(p->unscanned_headers, c->unscanned_headers);
	c->projects = united(p->projects, c->projects);
	if (!child->has_dlp_action)
		c->dlp_action = p->dlp_action;
	if (!child->has_memory)
		c->limits.memory = p->limits.memory;
	if (!child->has_cpus)
		c->limits.millicpus = p->limits.millicpus;
	if (!child->has_pids)
		c->limits.pids = p->limits.pids;
	if (!child->has_osc52)
		c->osc52 = p->osc52;
}

static void set_defaults(struct bottle_draft *d)
{
	struct bottle_spec *b = d->spec;

	b->allowlist = united((char *const *)manifest_default_allowlist, b->allowlist);
	b->passthrough = united((char *const *)manifest_default_passthrough, b->passthrough);
	if (!d->has_memory)
		b->limits.memory = MANIFEST_DEFAULT_MEMORY;
	if (!d->has_cpus)
		b->limits.millicpus = MANIFEST_DEFAULT_MILLICPUS;
	if (!d->has_pids)
		b->limits.pids = MANIFEST_DEFAULT_PIDS;
}

/* --- what only the whole can show ---------------------------------------------------- */

/* Where to put a fault of a remote: its own entry, or "extends" if it came by that. */
static const struct json_node *remote_node(const struct bottle_draft *d, const char *name)
{
	const struct json_node *git = json_get(d->node, "git"), *extends;

	for (const struct json_node *c = git ? git->first : NULL; c; c = c->next) {
		const char *s = json_string(json_get(c, "Name"));

		if (s && strcmp(s, name) == 0)
			return c;
	}
	extends = json_get(d->node, "extends");
	return extends ? extends : d->node;
}

/* /etc/hosts is one file for the gate, so a host has one address in all remotes. */
static void check_extra_hosts(const struct bottle_draft *d, const struct git_remote *a,
                              const struct git_remote *b)
{
	for (size_t i = 0; i < a->n_extra_hosts; i++) {
		for (size_t j = a == b ? i + 1 : 0; j < b->n_extra_hosts; j++) {
			const struct host_ip *x = &a->extra_hosts[i], *y = &b->extra_hosts[j];

			if (strcmp(x->host, y->host) == 0 && strcmp(x->ip, y->ip) != 0)
				json_fault(d->r->doc, remote_node(d, b->name), d->r->faults,
				           "%s is %s for remote \"%s\" and %s for \"%s\"; a "
				           "bottle knows one address of a host",
				           x->host, x->ip, a->name, y->ip, b->name);
		}
	}
}

static void check_remotes(const struct bottle_draft *d)
{
	const struct bottle_spec *b = d->spec;

	for (size_t i = 0; i < b->n_git; i++) {
		const struct git_remote *g = &b->git[i];

		if (host_list_covers(b->passthrough, g->host))
			json_fault(d->r->doc, remote_node(d, g->name), d->r->faults,
			           "%s is in \"passthrough\" as well, where nothing is scanned: "
			           "pushes over https could go round the gate; remove it there",
			           g->host);
		check_extra_hosts(d, g, g);
		for (size_t j = 0; j < i; j++) {
			check_extra_hosts(d, &b->git[j], g);
			if (strcmp(b->git[j].gate_path, g->gate_path) == 0)
				json_fault(d->r->doc, remote_node(d, g->name), d->r->faults,
				           "is the same upstream as \"%s\"; remove one",
				           b->git[j].name);
		}
	}
}

/* Hosts of this list that the allowlist does not let through are of no use. */
static void warn_useless(const struct bottle_draft *d, const char *key)
{
	const struct json_node *list = json_get(json_get(d->node, "egress"), key);

	for (const struct json_node *c = list ? list->first : NULL; c; c = c->next) {
		char host[HOST_NAME_SIZE];

		if (c->type != JSON_STRING ||
		    host_name_check(host, c->string, true, false, NULL) < 0 ||
		    host_list_covers(d->spec->allowlist, host[0] == '*' ? host + 2 : host) ||
		    strv_has(d->spec->allowlist, host))
			continue;
		json_warn(
			d->r->doc, c, d->r->faults,
			"%s has no effect, since the allowlist does not let it through; add it to "
			"\"allowlist\" too",
			host);
	}
}

static size_t longest_list(const struct bottle_spec *b)
{
	char *const *lists[] = { b->allowlist, b->passthrough, b->trusted, b->unscanned_headers,
		                 b->projects };
	size_t max = 0;

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (strv_len(lists[i]) > max)
			max = strv_len(lists[i]);
	return max;
}

/* Inheriting multiplies, so the whole is capped as well as each part. */
static void check_sizes(const struct bottle_draft *d)
{
	const struct bottle_spec *b = d->spec;
	size_t total = 0, list = longest_list(b);

	for (size_t i = 0; i < b->n_env; i++)
		if (b->env[i].mode == ENV_LITERAL)
			total += strlen(b->env[i].name) + strlen(b->env[i].literal) + 2;
	if (b->n_env > MANIFEST_ENV_MAX || total > MANIFEST_LITERALS_MAX)
		json_fault_key(d->r->doc, d->node, d->r->faults,
		               "has %zu variables with %zu bytes, inherited ones included; at most "
		               "%d and %zu are taken",
		               b->n_env, total, MANIFEST_ENV_MAX, MANIFEST_LITERALS_MAX);
	if (b->n_git > MANIFEST_GIT_MAX)
		json_fault_key(d->r->doc, d->node, d->r->faults,
		               "has %zu git remotes, inherited ones included; at most %d are taken",
		               b->n_git, MANIFEST_GIT_MAX);
	if (list > 2 * MANIFEST_LIST_MAX)
		json_fault_key(
			d->r->doc, d->node, d->r->faults,
			"has a list of %zu elements, inherited ones included; at most %d are "
			"taken",
			list, 2 * MANIFEST_LIST_MAX);
}

/* --- order -------------------------------------------------------------------------- */

/* Of its own file: extending a user's bottle would let a project widen the egress of
 * the user's secrets. */
static struct bottle_draft *find_parent(struct bottle_draft *drafts, size_t n,
                                        const struct bottle_draft *child)
{
	for (size_t i = 0; i < n; i++)
		if (drafts[i].r == child->r &&
		    strcmp(drafts[i].spec->name, child->spec->extends) == 0)
			return &drafts[i];
	return NULL;
}

static void no_parent(const struct bottle_draft *drafts, size_t n, const struct bottle_draft *d,
                      const struct json_node *at)
{
	const char *names[MANIFEST_BOTTLES_MAX + 1];
	const char *near;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (drafts[i].r == d->r && &drafts[i] != d && k < MANIFEST_BOTTLES_MAX)
			names[k++] = drafts[i].spec->name;
		if (drafts[i].r != d->r && strcmp(drafts[i].spec->name, d->spec->extends) == 0 &&
		    d->r->source->origin == MANIFEST_PROJECT) {
			json_fault(
				d->r->doc, at, d->r->faults,
				"\"%.60s\" is a bottle of the user's; a project's bottle may only "
				"extend bottles of the same file",
				d->spec->extends);
			return;
		}
	}
	names[k] = NULL;
	near = nearest(d->spec->extends, names);
	json_fault(d->r->doc, at, d->r->faults, "there is no bottle \"%.60s\" in this file%s%s%s",
	           d->spec->extends, near ? "; did you mean \"" : "; mend the name or remove it",
	           near ? near : "", near ? "\"?" : "");
}

/* The names round the circle, for the message of the one where it closes. */
static void cycle_fault(struct bottle_draft *drafts, size_t n, const struct bottle_draft *d,
                        const struct json_node *at)
{
	const struct bottle_draft *next = find_parent(drafts, n, d);

	json_fault(d->r->doc, at, d->r->faults,
	           next == d ? "\"%s\" extends itself; remove \"extends\""
	                     : "extends in a circle: \"%s\" comes back to itself; break it",
	           next ? next->spec->name : d->spec->name);
}

static void resolve(struct bottle_draft *drafts, size_t n, struct bottle_draft *d)
{
	const struct json_node *at = json_get(d->node, "extends");
	struct bottle_draft *parent;

	d->state = DRAFT_IN_WORK;
	set_defaults(d);
	parent = d->spec->extends ? find_parent(drafts, n, d) : NULL;
	if (parent && parent->state == DRAFT_READ)
		resolve(drafts, n, parent);
	if (parent && parent->state == DRAFT_IN_WORK) {
		cycle_fault(drafts, n, d, at);
	} else if (parent && entry_is_broken(d->r->faults, &parent->spec->where)) {
		json_fault(d->r->doc, at, d->r->faults, "bottle \"%s\" is broken, see its faults",
		           parent->spec->name);
	} else if (parent) {
		merge_parent(d, parent);
	} else if (d->spec->extends) {
		no_parent(drafts, n, d, at);
	}
	check_remotes(d);
	check_sizes(d);
	warn_useless(d, "passthrough");
	warn_useless(d, "trusted");
	if (d->spec->n_env)
		qsort(d->spec->env, d->spec->n_env, sizeof *d->spec->env, by_name);
	d->state = DRAFT_DONE;
}

void bottles_resolve(struct bottle_draft *drafts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (drafts[i].state == DRAFT_READ)
			resolve(drafts, n, &drafts[i]);
}
