/* Any bytes as manifests: the user's, and after a NUL a trusted project's. What
 * comes out as usable must hold what core/manifest.h promises, whatever the file
 * system (here a function of the path's letters) answers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/manifest.h"
#include "core/manifest_show.h"
#include "core/mem.h"
#include "core/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static enum manifest_path kind(void *ctx, const char *path)
{
	size_t n = strlen(path);

	(void)ctx;
	return n == 0 ? MANIFEST_PATH_NONE : (enum manifest_path)(path[n - 1] % 3);
}

static char *real(void *ctx, const char *path)
{
	(void)ctx;
	if (strstr(path, "gone"))
		return NULL;
	return strstr(path, "link") ? xstrdup("/etc/shadow") : xstrdup(path);
}

static void check_hosts(char *const *list)
{
	char out[HOST_NAME_SIZE];

	for (; list && *list; list++) {
		MUST(host_name_check(out, *list, true, true, NULL) == 0);
		MUST(strcmp(out, *list) == 0);
		MUST(!strv_has(list + 1, *list));
	}
}

static void check_bottle(const struct bottle_spec *b)
{
	check_hosts(b->allowlist);
	check_hosts(b->passthrough);
	check_hosts(b->trusted);
	MUST(strv_has(b->allowlist, "api.anthropic.com"));
	MUST(b->limits.memory >= 64 << 20 && b->limits.millicpus >= 10 && b->limits.pids >= 16);
	for (size_t i = 0; i < b->n_env; i++) {
		MUST(i == 0 || strcmp(b->env[i - 1].name, b->env[i].name) < 0);
		MUST(b->env[i].mode != ENV_LITERAL || !strpbrk(b->env[i].literal, "\r\n"));
		MUST(strcasecmp(b->env[i].name, "https_proxy") != 0);
	}
	for (size_t i = 0; i < b->n_git; i++) {
		const struct git_remote *g = &b->git[i];

		MUST(g->name && g->user[0] != '-' && g->host[0] != '-' && g->path[0] != '-');
		MUST(!host_list_covers(b->passthrough, g->host));
		MUST(!strstr(g->gate_path, "..") || !strstr(g->gate_path, "/../"));
		MUST(strpbrk(g->url, " \t\r\n'\"\\$`;") == NULL);
		for (size_t k = 0; k < i; k++)
			MUST(strcmp(b->git[k].name, g->name) != 0);
	}
}

static void check_agent(const struct agent_spec *a)
{
	char session[MANIFEST_NAME_MAX + 1];

	MUST(a->bottle && !a->bottle->where.is_broken && a->bottle->where.is_trusted);
	MUST(session_name_make(session, a->name, NULL, NULL) == 0);
	MUST(a->workspace != WORKSPACE_CLONE || a->clone);
	MUST(a->workspace != WORKSPACE_COPY || a->copy_dir[0] == '/');
	if (a->where.origin != MANIFEST_PROJECT) {
		MUST(a->bottle->where.origin == a->where.origin);
		return;
	}
	MUST(a->workspace != WORKSPACE_COPY || strncmp(a->copy_dir, "/p", 2) == 0);
	MUST(!a->prompt_file || strncmp(a->prompt_file, "/p", 2) == 0);
	if (a->bottle->where.origin == MANIFEST_USER)
		MUST(strv_has(a->bottle->projects, "/p"));
}

static void show_all(const struct manifest *m)
{
	struct buf out = BUF_INIT(MANIFEST_SHOW_MAX);
	uint32_t cp = 0;

	manifest_show_check(&out, m);
	manifest_show_list(&out, m);
	for (size_t i = 0; i < m->n_agents && i < 4; i++)
		manifest_show_agent(&out, m, &m->agents[i]);
	for (size_t at = 0, n; at < out.len; at += n) {
		n = text_utf8(out.data + at, out.len - at, &cp);
		MUST(n > 0 && (text_is_safe(cp) || cp == '\n'));
	}
	manifest_show_check_json(&out, m);
	manifest_show_list_json(&out, m);
	for (size_t i = 0; i < m->n_agents && i < 4; i++)
		manifest_show_agent_json(&out, m, &m->agents[i]);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct manifest_env env = {
		.home = "/home/u",
		.cwd = "/w",
		.path_kind = kind,
		.real_path = real,
	};
	const char *text = (const char *)data, *nul = size ? memchr(data, 0, size) : NULL;
	size_t first = nul ? (size_t)(nul - text) : size;
	struct manifest_source s[2] = {
		{ MANIFEST_USER, "/u/m.json", "/u", text, first, true },
		{ MANIFEST_PROJECT, "/p/m.json", "/p", nul ? nul + 1 : "", 0, true },
	};
	struct manifest *m;

	if (nul)
		s[1].len = size - first - 1;
	m = manifest_parse(s, nul ? 2 : 1, &env);
	for (size_t i = 0; i < m->n_bottles; i++)
		if (!m->bottles[i].where.is_broken)
			check_bottle(&m->bottles[i]);
	for (size_t i = 0; i < m->n_agents; i++)
		if (manifest_agent_is_usable(&m->agents[i]))
			check_agent(&m->agents[i]);
	show_all(m);
	manifest_free(m);
	return 0;
}
