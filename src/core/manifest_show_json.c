/* A manifest as JSON. */
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/manifest.h"
#include "core/manifest_show.h"

static void add_bool(struct buf *out, const char *key, bool value)
{
	buf_addf(out, ",\"%s\":%s", key, value ? "true" : "false");
}

static void add_string(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, ",\"%s\":", key);
	json_escape(out, value);
}

static void add_list(struct buf *out, const char *key, char *const *list)
{
	buf_addf(out, ",\"%s\":[", key);
	for (size_t i = 0; list && list[i]; i++) {
		if (i)
			buf_addc(out, ',');
		json_escape(out, list[i]);
	}
	buf_addc(out, ']');
}

static size_t count_bottles(const struct manifest *m, size_t file)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_bottles; i++)
		n += m->bottles[i].where.file == file;
	return n;
}

static size_t count_agents(const struct manifest *m, size_t file)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_agents; i++)
		n += m->agents[i].where.file == file;
	return n;
}

void manifest_show_check_json(struct buf *out, const struct manifest *m)
{
	size_t warnings = 0;

	for (size_t i = 0; i < m->faults.n; i++)
		warnings += m->faults.v[i].is_warning;
	buf_addf(out, "{\"ok\":%s,\"errors\":%zu,\"warnings\":%zu,\"files\":[",
	         m->faults.n_errors ? "false" : "true", m->faults.n_errors, warnings);
	for (size_t i = 0; i < m->n_files; i++) {
		const struct manifest_file *f = &m->files[i];

		buf_adds(out, i ? ",{\"path\":" : "{\"path\":");
		json_escape(out, f->path);
		add_string(out, "origin", manifest_origin_name(f->origin));
		add_string(out, "sha256", f->digest);
		add_bool(out, "trusted", f->is_trusted);
		add_bool(out, "broken", f->is_broken);
		buf_addf(out, ",\"bottles\":%zu,\"agents\":%zu}", count_bottles(m, i),
		         count_agents(m, i));
	}
	buf_adds(out, "],\"faults\":");
	faults_json(&m->faults, out);
	buf_addc(out, '}');
}

/* --- one agent ------------------------------------------------------------------------ */

static void env_json(struct buf *out, const struct bottle_spec *b)
{
	static const char *const modes[] = { "prompt", "host", "literal" };

	buf_adds(out, ",\"env\":[");
	for (size_t i = 0; i < b->n_env; i++) {
		buf_adds(out, i ? ",{\"name\":" : "{\"name\":");
		json_escape(out, b->env[i].name);
		add_string(out, "from", modes[b->env[i].mode]);
		if (b->env[i].mode == ENV_HOST)
			add_string(out, "variable", b->env[i].variable);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void git_json(struct buf *out, const struct bottle_spec *b)
{
	buf_adds(out, ",\"git\":[");
	for (size_t i = 0; i < b->n_git; i++) {
		const struct git_remote *g = &b->git[i];

		buf_adds(out, i ? ",{\"name\":" : "{\"name\":");
		json_escape(out, g->name);
		add_string(out, "upstream", g->upstream);
		add_string(out, "host", g->host);
		buf_addf(out, ",\"port\":%u", g->port);
		add_string(out, "identity_file", g->identity_file);
		add_string(out, "known_host_key", g->known_host_key);
		buf_adds(out, ",\"extra_hosts\":{");
		for (size_t k = 0; k < g->n_extra_hosts; k++) {
			if (k)
				buf_addc(out, ',');
			json_escape(out, g->extra_hosts[k].host);
			buf_addc(out, ':');
			json_escape(out, g->extra_hosts[k].ip);
		}
		buf_addc(out, '}');
		add_string(out, "push", g->push == GIT_PUSH_HOLD ? "hold" : "forward");
		if (g->push == GIT_PUSH_HOLD)
			buf_addf(out, ",\"hold_seconds\":%u", g->hold_seconds);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void bottle_json(struct buf *out, const struct bottle_spec *b)
{
	static const char *const osc52[] = { "deny", "ask", "allow" };

	buf_adds(out, ",\"bottle\":{\"name\":");
	json_escape(out, b->name);
	add_string(out, "origin", manifest_origin_name(b->where.origin));
	add_string(out, "extends", b->extends);
	env_json(out, b);
	git_json(out, b);
	buf_adds(out, ",\"egress\":{\"dlp_action\":");
	json_escape(out, b->dlp_action == DLP_WARN ? "warn" : "block");
	add_list(out, "allowlist", b->allowlist);
	add_list(out, "passthrough", b->passthrough);
	add_list(out, "trusted", b->trusted);
	add_list(out, "unscanned_headers", b->unscanned_headers);
	buf_addf(out, "},\"limits\":{\"memory\":%llu,\"cpus\":%u.%03u,\"pids\":%u}",
	         (unsigned long long)b->limits.memory, b->limits.millicpus / 1000,
	         b->limits.millicpus % 1000, b->limits.pids);
	buf_adds(out, ",\"terminal\":{\"osc52\":");
	json_escape(out, osc52[b->osc52]);
	buf_addc(out, '}');
	add_list(out, "projects", b->projects);
	buf_addc(out, '}');
}

static void run_json(struct buf *out, const struct agent_spec *a)
{
	add_string(out, "image", a->image);
	if (a->command)
		add_list(out, "command", a->command);
	else
		buf_adds(out, ",\"command\":null");
	buf_adds(out, ",\"prompt\":");
	if (a->prompt_file) {
		buf_adds(out, "{\"file\":");
		json_escape(out, a->prompt_file);
		buf_addc(out, '}');
	} else if (a->prompt) {
		buf_addf(out, "{\"bytes\":%zu}", strlen(a->prompt));
	} else {
		buf_adds(out, "null");
	}
	add_list(out, "skills", a->skills);
	buf_adds(out, ",\"workspace\":");
	if (a->workspace == WORKSPACE_NONE) {
		buf_adds(out, "null");
	} else {
		bool is_clone = a->workspace == WORKSPACE_CLONE;

		buf_adds(out, is_clone ? "{\"clone\":" : "{\"copy\":");
		json_escape(out, is_clone ? a->clone->name : a->copy_dir);
		buf_addc(out, '}');
	}
	add_string(out, "color", a->color);
}

/* What is known of every agent, and its end is the caller's. */
static void head_json(struct buf *out, const struct manifest *m, const struct agent_spec *a)
{
	buf_adds(out, "{\"agent\":");
	json_escape(out, a->name);
	add_string(out, "bottle_name", a->bottle_name);
	add_string(out, "state", manifest_state(&a->where));
	add_string(out, "origin", manifest_origin_name(a->where.origin));
	add_bool(out, "trusted", a->where.is_trusted);
	add_string(out, "file", m->files[a->where.file].path);
	buf_addf(out, ",\"line\":%u,\"column\":%u", a->where.line, a->where.column);
	buf_adds(out, ",\"faults\":");
	faults_json(&a->where.faults, out);
}

void manifest_show_agent_json(struct buf *out, const struct manifest *m, const struct agent_spec *a)
{
	head_json(out, m, a);
	if (!a->where.is_broken && a->bottle) {
		run_json(out, a);
		bottle_json(out, a->bottle);
	}
	buf_addc(out, '}');
}

void manifest_show_list_json(struct buf *out, const struct manifest *m)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < m->n_agents; i++) {
		if (i)
			buf_addc(out, ',');
		head_json(out, m, &m->agents[i]);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}
