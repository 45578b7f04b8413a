/* Wiring: the one place that knows the command line, the backend and the screen. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/config.h"
#include "core/manifest.h"
#include "docker/backend_docker.h"
#include "core/trust.h"
#include "replay/backend_replay.h"
#include "replay/demo.h"
#include "ui/app.h"

static struct manifest *load_manifest(void *arg)
{
	return cli_manifest_load(arg);
}

static int renew_trust(void *arg, const char *path, const char *digest, struct err *err)
{
	struct trust *t = NULL;
	int rc = cli_trust(arg, &t, err);

	if (rc == 0)
		rc = trust_add(t, path, digest, err);
	trust_free(t);
	return rc;
}

static const char *recording_name(const struct cli *c)
{
	const char *slash = c->recording ? strrchr(c->recording, '/') : NULL;

	return slash ? slash + 1 : c->recording ? c->recording : "demo.jsonl";
}

static int run_dashboard(struct cli *c, const struct cli_dashboard *d, struct err *err)
{
	const struct manifest *m = cli_manifest(c);
	const char *no_color = getenv("NO_COLOR");
	const struct app_options opt = {
		.ops = c->ops,
		.backend = c->backend,
		.loop = c->loop,
		.load_manifest = load_manifest,
		.load_arg = c,
		.renew_trust = renew_trust,
		.store = cli_store(c),
		.manifest_path = m->n_files ? m->files[0].path : NULL,
		.recording = c->ops == &backend_replay ? recording_name(c) : NULL,
		.attach = d->attach,
		.theme = d->theme,
		.prefix = d->prefix,
		.with_mouse = !d->no_mouse,
		.notices = d->no_notices ? NOTICES_OFF : d->notices,
		.no_color = no_color && *no_color,
	};

	if (app_check_theme(d->theme, err) < 0)
		return d->theme_at ? err_wrap(err, "%s", d->theme_at) : -1;
	if (app_check_prefix(d->prefix, err) < 0)
		return d->prefix_at ? err_wrap(err, "%s", d->prefix_at) : -1;
	return app_run(&opt, err);
}

/* The first is the default. */
static const struct backend_ops *const backends[] = { &backend_docker, &backend_replay };

static const struct backend_ops *choose_backend(void)
{
	const char *name = getenv("CLAUDE_BOTTLE_BACKEND");

	if (!name || !*name)
		return backends[0];
	for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	cli_say("claude-bottle: CLAUDE_BOTTLE_BACKEND: there is no backend \"%s\"; it is docker "
	        "or replay",
	        name);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct backend_ops *ops = choose_backend();

	const struct cli_wiring wiring = { .ops = ops,
		                           .replay = &backend_replay,
		                           .demo_path = demo_path,
		                           .dashboard = run_dashboard };

	return ops ? cli_main(&wiring, argc, argv) : 2;
}
