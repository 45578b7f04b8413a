#include "core/preflight.h"

#include "core/buf.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/text.h"

/* The lines are ours: what is put into them may not begin one. */
static void add_safe(struct buf *b, const char *s)
{
	text_safe_str(b, s, 0);
}

static void add_joined(struct buf *b, char *const *v, size_t max, const char *sep)
{
	size_t n = strv_len(v);

	for (size_t i = 0; i < n && i < max; i++) {
		buf_adds(b, i ? sep : "");
		add_safe(b, v[i]);
	}
	if (n > max)
		buf_addf(b, " +%zu more", n - max);
}

static void add_env(struct buf *b, const struct bottle_spec *bottle)
{
	static const char *const how[] = { [ENV_PROMPT] = " (asked)", [ENV_HOST] = " (host)",
		                           [ENV_LITERAL] = "" };

	for (size_t i = 0; i < bottle->n_env; i++)
		buf_addf(b, "%s%s%s", i ? ", " : "", bottle->env[i].name, how[bottle->env[i].mode]);
	if (bottle->n_env == 0)
		buf_adds(b, "none");
}

static void add_git(struct buf *b, const struct bottle_spec *bottle)
{
	for (size_t i = 0; i < bottle->n_git; i++) {
		const struct git_remote *g = &bottle->git[i];

		buf_addf(b, "%s%s -> %s:%u/", i ? ", " : "", g->name, g->host, g->port);
		add_safe(b, g->path);
		if (g->push == GIT_PUSH_HOLD)
			buf_adds(b, " (pushes wait for you)");
		if (!g->known_host_key)
			buf_adds(b, " (no KnownHostKey: refused)");
	}
	if (bottle->n_git == 0)
		buf_adds(b, "none");
}

static void add_egress(struct buf *b, const struct bottle_spec *bottle)
{
	buf_addf(b, "%zu hosts (", strv_len(bottle->allowlist));
	add_joined(b, bottle->allowlist, 6, ", ");
	buf_adds(b, ")");
	if (bottle->passthrough) {
		buf_adds(b, "; unscanned: ");
		add_joined(b, bottle->passthrough, 4, ", ");
	}
	if (bottle->trusted) {
		buf_adds(b, "; may be private: ");
		add_joined(b, bottle->trusted, 4, ", ");
	}
	if (bottle->unscanned_headers) {
		buf_adds(b, "; headers unscanned: ");
		add_joined(b, bottle->unscanned_headers, 4, ", ");
	}
	if (bottle->dlp_action == DLP_WARN)
		buf_adds(b, "; secrets in bodies only WARN");
}

static const char *origin(const struct manifest_where *w)
{
	switch (w->origin) {
	case MANIFEST_USER:
		return "your manifest";
	case MANIFEST_PROJECT:
		return "the project's manifest";
	case MANIFEST_NAMED:
		return "--manifest";
	}
	return "";
}

void preflight(struct buf *b, const struct agent_spec *a, const char *image,
               const char *runtime)
{
	const struct bottle_spec *bottle = a->bottle;

	buf_addf(b, "agent     %s, from %s", a->name, origin(&a->where));
	if (image || a->image) {
		buf_adds(b, "; image ");
		add_safe(b, image ? image : a->image);
	}
	if (runtime)
		buf_addf(b, ", runtime %s", runtime);
	if (a->command) {
		buf_adds(b, "; runs ");
		add_joined(b, a->command, 4, " ");
	}
	if (a->workspace == WORKSPACE_CLONE) {
		buf_addf(b, "; clones %s", a->clone->name);
	} else if (a->workspace == WORKSPACE_COPY) {
		buf_adds(b, "; copies ");
		add_safe(b, a->copy_dir);
	}
	buf_adds(b, "\nenv       ");
	add_env(b, bottle);
	buf_adds(b, "\nskills    ");
	if (a->skills)
		add_joined(b, a->skills, 12, ", ");
	else
		buf_adds(b, "none");
	buf_addf(b, "\nbottle    %s, from %s; memory %llu MiB, %u.%u cpus, %u processes",
	         bottle->name, origin(&bottle->where),
	         (unsigned long long)(bottle->limits.memory >> 20),
	         bottle->limits.millicpus / 1000, bottle->limits.millicpus % 1000 / 100,
	         bottle->limits.pids);
	if (bottle->osc52 != OSC52_DENY)
		buf_adds(b, "; may write your clipboard");
	buf_adds(b, "\ngit gate  ");
	add_git(b, bottle);
	buf_adds(b, "\negress    ");
	add_egress(b, bottle);
	buf_addc(b, '\n');
}
