/* One bottle: everything but its egress (manifest_egress.c) and its git remotes
 * (manifest_git.c). */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/manifest_internal.h"
#include "core/mem.h"

/* --- env ------------------------------------------------------------------------ */

static bool is_variable_name(const char *s, size_t n)
{
	if (n == 0 || n > 128 || (s[0] >= '0' && s[0] <= '9'))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_",
		            s[i]))
			return false;
	return true;
}

/* What claude-bottle sets itself: the way to the proxy, and whom to believe. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = {
		"HTTP_PROXY",
		"HTTPS_PROXY",
		"ALL_PROXY",
		"NO_PROXY",
		"http_proxy",
		"https_proxy",
		"all_proxy",
		"no_proxy",
		"SSL_CERT_FILE",
		"SSL_CERT_DIR",
		"NODE_EXTRA_CA_CERTS",
		"REQUESTS_CA_BUNDLE",
		"CURL_CA_BUNDLE",
		"GIT_SSL_CAINFO",
		NULL,
	};

	for (size_t i = 0; ours[i]; i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	return false;
}

/* The mode and what belongs to it. A value is never part of a message. */
static int env_value(const struct reader *r, const struct json_node *node, struct env_entry *e)
{
	const char *s = node->string;
	size_t n = strlen(s);

	if (s[0] == '?') {
		if (has_control(s) || n > 200) {
			json_fault(r->doc, node, r->faults,
			           "the question after ? must be one line of at most 200 bytes");
			return -1;
		}
		e->mode = ENV_PROMPT;
		e->prompt = xstrdup(s + 1);
		return 0;
	}
	if (strncmp(s, "${", 2) == 0 && s[n - 1] == '}' && is_variable_name(s + 2, n - 3)) {
		e->mode = ENV_HOST;
		e->variable = xstrndup(s + 2, n - 3);
		return 0;
	}
	if (strpbrk(s, "\r\n")) {
		json_fault(r->doc, node, r->faults,
		           "a literal must be one line; give a longer text through a variable of "
		           "the host, as \"${NAME}\"");
		return -1;
	}
	if (n > MANIFEST_LITERAL_MAX) {
		json_fault(r->doc, node, r->faults, "a literal of %zu bytes; at most %zu are taken",
		           n, MANIFEST_LITERAL_MAX);
		return -1;
	}
	if (strstr(s, "${"))
		json_warn(r->doc, node, r->faults,
		          "is taken as it stands; only a value that is exactly \"${NAME}\" copies "
		          "a variable of the host");
	e->mode = ENV_LITERAL;
	e->literal = xstrdup(s);
	return 0;
}

static void bottle_env(struct bottle_draft *d, const struct json_node *env)
{
	const struct reader *r = d->r;

	if (env->n > MANIFEST_ENV_MAX) {
		json_fault(r->doc, env, r->faults, "has %zu variables; at most %d are read", env->n,
		           MANIFEST_ENV_MAX);
		return;
	}
	d->spec->env = xcalloc(env->n, sizeof *d->spec->env);
	for (const struct json_node *c = env->first; c; c = c->next) {
		struct env_entry *e = &d->spec->env[d->spec->n_env];

		if (!is_variable_name(c->key, strlen(c->key))) {
			json_fault_key(r->doc, c, r->faults,
			               "\"%.60s\" cannot name a variable; use letters, digits and "
			               "underscores, no digit first",
			               c->key);
			continue;
		}
		if (is_ours(c->key)) {
			json_fault_key(r->doc, c, r->faults,
			               "%s is set by claude-bottle itself; remove it", c->key);
			continue;
		}
		if (!reader_expect(r, c, JSON_STRING) || env_value(r, c, e) < 0)
			continue;
		e->name = xstrdup(c->key);
		d->spec->n_env++;
	}
}

/* --- limits ------------------------------------------------------------------------ */

/* "4g", "512m": digits and a unit of powers of 1024. */
static bool parse_memory(const char *s, uint64_t *bytes)
{
	uint64_t v = 0;
	size_t n = strspn(s, "0123456789");
	static const char units[] = "bkmgBKMG";
	const char *unit = s[n] ? strchr(units, s[n]) : units;

	if (n == 0 || n > 12 || !unit || (s[n] && s[n + 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (uint64_t)(s[i] - '0');
	*bytes = v << 10 * ((unit - units) % 4);
	return true;
}

const char *const limits_keys[] = { "memory", "cpus", "pids", NULL };

static void bottle_limits(struct bottle_draft *d, const struct json_node *limits)
{
	const struct reader *r = d->r;
	struct bottle_limits *l = &d->spec->limits;
	const struct json_node *node;
	long long pids;

	reader_keys(r, limits, limits_keys, NULL);
	node = reader_member(r, limits, "memory", JSON_STRING);
	if (node) {
		d->has_memory = parse_memory(node->string, &l->memory) &&
		                l->memory >= 64ull << 20 && l->memory <= 1ull << 50;
		if (!d->has_memory)
			json_fault(r->doc, node, r->faults,
			           "\"%.40s\" is no amount of memory; write \"512m\" or \"4g\", at "
			           "least \"64m\"",
			           node->string);
	}
	node = reader_member(r, limits, "cpus", JSON_NUMBER);
	if (node) {
		d->has_cpus = node->number >= 0.01 && node->number <= 1024;
		if (d->has_cpus)
			l->millicpus = (unsigned)(node->number * 1000 + 0.5);
		else
			json_fault(r->doc, node, r->faults,
			           "must be a number of CPUs from 0.01 to 1024, as 2 or 1.5");
	}
	node = reader_member(r, limits, "pids", JSON_NUMBER);
	if (node) {
		d->has_pids = json_integer(node, 16, 4194304, &pids);
		if (d->has_pids)
			l->pids = (unsigned)pids;
		else
			json_fault(r->doc, node, r->faults,
			           "must be a whole number from 16 to 4194304, as 512");
	}
}

/* --- the rest ------------------------------------------------------------------------ */

const char *const terminal_keys[] = { "osc52", NULL };

static void bottle_terminal(struct bottle_draft *d, const struct json_node *terminal)
{
	static const char *const words[] = { "deny", "ask", "allow", NULL };
	const struct json_node *node = json_get(terminal, "osc52");
	int i;

	reader_keys(d->r, terminal, terminal_keys, NULL);
	i = node ? reader_word(d->r, node, words) : -1;
	if (i >= 0) {
		d->has_osc52 = true;
		d->spec->osc52 = (enum osc52_policy)i;
	}
}

/* A folder by its real path, as that is what a project's folder is compared with. */
static int check_project(const struct reader *r, const struct json_node *node, char **out)
{
	char *path, *real;

	if (node->string[0] != '/' && node->string[0] != '~') {
		json_fault(r->doc, node, r->faults,
		           "must be a whole path or start with ~/, as it is compared with where a "
		           "project lies");
		return -1;
	}
	path = reader_path(r, node, node->string, "");
	if (!path)
		return -1;
	real = r->env->real_path(r->env->ctx, path);
	if (!real)
		json_warn(r->doc, node, r->faults, "\"%.200s\" does not exist", path);
	*out = real ? real : path;
	if (real)
		free(path);
	return 0;
}

static void bottle_projects(struct bottle_draft *d, const struct json_node *projects)
{
	if (d->r->source->origin == MANIFEST_PROJECT)
		json_fault_key(d->r->doc, projects, d->r->faults,
		               "a project's own file cannot open a bottle to projects; put it into "
		               "your own manifest");
	else
		reader_strings(d->r, projects, &d->spec->projects, check_project);
}

const char *const bottle_keys[] = { "extends", "env",      "git",      "egress",
	                            "limits",  "terminal", "projects", NULL };

void bottle_read(struct bottle_draft *d)
{
	static const char *const legacy[][2] = {
		{ "ssh", "its remotes are entries of \"git\" now" },
		{ "runtime", "gVisor is used by itself when the engine has it; remove it" },
		{ "tokens", "give the variable under \"env\", as \"?question\" or \"${NAME}\"" },
		{ NULL, NULL },
	};
	const struct reader *r = d->r;
	const struct json_node *node;

	if (!is_dns_label(d->node->key, MANIFEST_NAME_MAX))
		json_fault_key(r->doc, d->node, r->faults,
		               "\"%.60s\" cannot name a bottle; use small letters, digits and "
		               "dashes, at most %d",
		               d->node->key, MANIFEST_NAME_MAX);
	if (!reader_expect(r, d->node, JSON_OBJECT))
		return;
	reader_keys(r, d->node, bottle_keys, legacy);
	node = reader_member(r, d->node, "extends", JSON_STRING);
	if (node)
		d->spec->extends = xstrdup(node->string);
	node = reader_member(r, d->node, "env", JSON_OBJECT);
	if (node)
		bottle_env(d, node);
	node = reader_member(r, d->node, "git", JSON_ARRAY);
	if (node)
		bottle_git(d, node);
	node = reader_member(r, d->node, "egress", JSON_OBJECT);
	if (node)
		bottle_egress(d, node);
	node = reader_member(r, d->node, "limits", JSON_OBJECT);
	if (node)
		bottle_limits(d, node);
	node = reader_member(r, d->node, "terminal", JSON_OBJECT);
	if (node)
		bottle_terminal(d, node);
	node = json_get(d->node, "projects");
	if (node)
		bottle_projects(d, node);
}

void bottle_done(struct bottle_spec *b)
{
	for (size_t i = 0; i < b->n_env; i++) {
		free(b->env[i].name);
		mem_wipe_str(b->env[i].literal);
	}
	free(b->env);
	for (size_t i = 0; i < b->n_git; i++)
		git_remote_done(&b->git[i]);
	free(b->git);
	strv_free(b->allowlist);
	strv_free(b->passthrough);
	strv_free(b->trusted);
	strv_free(b->unscanned_headers);
	strv_free(b->projects);
	free(b->extends);
	free(b->name);
	faults_done(&b->where.faults);
}
