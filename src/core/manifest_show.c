/* In words. manifest_show_json.c has the JSON. */
#include "core/manifest_show.h"

#include <string.h>

#include "core/buf.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/text.h"

#define LABEL_WIDTH 11

static void add_safe(struct buf *out, const char *s)
{
	text_safe_str(out, s, 0);
}

void manifest_show_memory(struct buf *out, unsigned long long bytes)
{
	static const char units[] = "bkmg";
	size_t u = 0;

	while (u < 3 && bytes % 1024 == 0 && bytes > 0) {
		bytes /= 1024;
		u++;
	}
	buf_addf(out, "%llu%c", bytes, units[u]);
}

/* --- check -------------------------------------------------------------------------- */

static size_t count_in(const struct manifest *m, unsigned file, bool want_agents)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_bottles && !want_agents; i++)
		n += m->bottles[i].where.file == file;
	for (size_t i = 0; i < m->n_agents && want_agents; i++)
		n += m->agents[i].where.file == file;
	return n;
}

static void add_count(struct buf *out, size_t n, const char *noun)
{
	buf_addf(out, "%zu %s%s", n, noun, n == 1 ? "" : "s");
}

static void show_file(struct buf *out, const struct manifest *m, unsigned i)
{
	const struct manifest_file *f = &m->files[i];
	size_t errors = 0, warnings = 0;

	for (size_t k = 0; k < m->faults.n; k++) {
		errors += m->faults.v[k].file == i && !m->faults.v[k].is_warning;
		warnings += m->faults.v[k].file == i && m->faults.v[k].is_warning;
	}
	add_safe(out, f->path);
	buf_adds(out, ": ");
	if (f->is_broken) {
		buf_adds(out, "not usable");
	} else {
		add_count(out, count_in(m, i, false), "bottle");
		buf_adds(out, ", ");
		add_count(out, count_in(m, i, true), "agent");
	}
	if (errors) {
		buf_adds(out, ", ");
		add_count(out, errors, "error");
	}
	if (warnings) {
		buf_adds(out, ", ");
		add_count(out, warnings, "warning");
	}
	if (!f->is_trusted)
		buf_adds(out, ", not trusted (\"claude-bottle trust\")");
	else if (!errors)
		buf_adds(out, ", ok");
	buf_addc(out, '\n');
}

void manifest_show_check(struct buf *out, const struct manifest *m)
{
	faults_text(&m->faults, out);
	for (size_t i = 0; i < m->n_files; i++)
		show_file(out, m, (unsigned)i);
	if (m->n_files == 0 && m->faults.n == 0)
		buf_adds(out, "there is no manifest; \"claude-bottle init\" makes one\n");
}

/* --- info ---------------------------------------------------------------------------- */

static void label(struct buf *out, const char *text)
{
	buf_addf(out, "%-*s", LABEL_WIDTH, text);
}

/* One element on each line, the label before the first. */
static void next_row(struct buf *out, const char *text, size_t i)
{
	label(out, i == 0 ? text : "");
}

static void show_list(struct buf *out, const char *text, char *const *list)
{
	if (!list || !*list)
		return;
	label(out, text);
	for (size_t i = 0; list[i]; i++) {
		if (i)
			buf_addc(out, ' ');
		add_safe(out, list[i]);
	}
	buf_addc(out, '\n');
}

static void show_env(struct buf *out, const struct bottle_spec *b)
{
	for (size_t i = 0; i < b->n_env; i++) {
		const struct env_entry *e = &b->env[i];

		next_row(out, "env", i);
		buf_adds(out, e->name);
		if (e->mode == ENV_PROMPT)
			buf_adds(out, " (asked at launch)");
		else if (e->mode == ENV_HOST)
			buf_addf(out, " (from the host's %s)", e->variable);
		buf_addc(out, '\n');
	}
}

static void show_git(struct buf *out, const struct bottle_spec *b)
{
	for (size_t i = 0; i < b->n_git; i++) {
		const struct git_remote *g = &b->git[i];

		next_row(out, "git", i);
		buf_addf(out, "%s  %s", g->name, g->url);
		for (size_t k = 0; k < g->n_extra_hosts; k++)
			buf_addf(out, "  %s=%s", g->extra_hosts[k].host, g->extra_hosts[k].ip);
		if (g->push == GIT_PUSH_HOLD)
			buf_addf(out, "  (pushes wait for you, up to %u s)", g->hold_seconds);
		if (!g->known_host_key)
			buf_adds(out, "  (no KnownHostKey: refused)");
		buf_addc(out, '\n');
		label(out, "");
		buf_adds(out, "  key ");
		add_safe(out, g->identity_file);
		buf_addc(out, '\n');
	}
}

/* The bottle's own hosts; the baked-in ones are only counted. */
static void show_allowed(struct buf *out, const struct bottle_spec *b)
{
	size_t baked = 0;

	while (manifest_default_allowlist[baked])
		baked++;
	label(out, "allowed");
	buf_addf(out, "%zu built-in hosts", baked);
	for (size_t i = 0; b->allowlist && b->allowlist[i]; i++)
		if (!strv_has((char *const *)manifest_default_allowlist, b->allowlist[i]))
			buf_addf(out, " %s", b->allowlist[i]);
	buf_addc(out, '\n');
}

static void show_bottle(struct buf *out, const struct bottle_spec *b)
{
	static const char *const osc52[] = { "deny", "ask", "allow" };

	show_env(out, b);
	show_git(out, b);
	show_allowed(out, b);
	show_list(out, "unscanned", b->passthrough);
	show_list(out, "private ok", b->trusted);
	show_list(out, "no header", b->unscanned_headers);
	label(out, "secrets");
	buf_adds(out, b->dlp_action == DLP_WARN ? "found ones are only warned of\n"
	                                        : "found ones are blocked\n");
	label(out, "limits");
	manifest_show_memory(out, b->limits.memory);
	buf_addf(out, " memory, %u.%02u CPUs, %u pids\n", b->limits.millicpus / 1000,
	         b->limits.millicpus % 1000 / 10, b->limits.pids);
	label(out, "clipboard");
	buf_addf(out, "%s\n", osc52[b->osc52]);
}

static void show_run(struct buf *out, const struct agent_spec *a)
{
	label(out, "image");
	buf_addf(out, "%s\n", a->image ? a->image : "default");
	if (a->command)
		show_list(out, "command", a->command);
	label(out, "prompt");
	if (a->prompt_file)
		add_safe(out, a->prompt_file);
	else if (a->prompt)
		add_count(out, strlen(a->prompt), "byte");
	else
		buf_adds(out, "none");
	buf_addc(out, '\n');
	show_list(out, "skills", a->skills);
	label(out, "workspace");
	if (a->workspace == WORKSPACE_CLONE)
		buf_addf(out, "clone of %s", a->clone->name);
	else if (a->workspace == WORKSPACE_COPY)
		add_safe(out, a->copy_dir);
	else
		buf_adds(out, "empty");
	buf_addc(out, '\n');
}

void manifest_show_agent(struct buf *out, const struct manifest *m, const struct agent_spec *a)
{
	label(out, "agent");
	add_safe(out, a->name);
	buf_addc(out, '\n');
	label(out, "from");
	add_safe(out, m->files[a->where.file].path);
	buf_addf(out, ":%u (%s)\n", a->where.line, manifest_origin_name(a->where.origin));
	label(out, "state");
	buf_addf(out, "%s\n", manifest_state(&a->where));
	label(out, "bottle");
	add_safe(out, a->bottle_name ? a->bottle_name : "?");
	if (a->bottle && a->bottle->extends) {
		buf_adds(out, " extends ");
		add_safe(out, a->bottle->extends);
	}
	buf_addc(out, '\n');
	if (!a->where.is_broken && a->bottle) {
		show_run(out, a);
		show_bottle(out, a->bottle);
	}
	faults_text(&a->where.faults, out);
	if (a->bottle)
		faults_text(&a->bottle->where.faults, out);
}

/* --- list -------------------------------------------------------------------------------- */

static size_t widest(const struct manifest *m, size_t least, bool of_bottle)
{
	for (size_t i = 0; i < m->n_agents; i++) {
		const struct agent_spec *a = &m->agents[i];
		const char *s = of_bottle ? a->bottle_name : a->name;
		size_t n = s ? strnlen(s, MANIFEST_NAME_MAX) : 0;

		if (n > least)
			least = n;
	}
	return least;
}

/* A name that is too long or strange to be one is cut, so that columns stay. */
static void cell(struct buf *out, const char *s, size_t width)
{
	struct buf b = BUF_INIT(MANIFEST_NAME_MAX);

	text_safe(&b, s, strlen(s), MANIFEST_NAME_MAX, true);
	buf_addf(out, "%-*s  ", (int)width, buf_str(&b));
	buf_done(&b);
}

void manifest_show_list(struct buf *out, const struct manifest *m)
{
	size_t agents = widest(m, strlen("AGENT"), false),
	       bottles = widest(m, strlen("BOTTLE"), true);

	if (m->n_agents == 0) {
		buf_adds(out, m->n_files
		                      ? "the manifest has no agents\n"
		                      : "there is no manifest; \"claude-bottle init\" makes one\n");
		return;
	}
	cell(out, "AGENT", agents);
	cell(out, "BOTTLE", bottles);
	buf_adds(out, "STATE      FROM\n");
	for (size_t i = 0; i < m->n_agents; i++) {
		const struct agent_spec *a = &m->agents[i];

		cell(out, a->name, agents);
		cell(out, a->bottle_name ? a->bottle_name : "-", bottles);
		buf_addf(out, "%-9s  ", manifest_state(&a->where));
		add_safe(out, m->files[a->where.file].path);
		buf_addf(out, ":%u\n", a->where.line);
	}
}
