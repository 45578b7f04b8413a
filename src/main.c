/* Wiring: the one place that knows the command line, the backend and the screen. */
#include <stdlib.h>

#include "cli/cli.h"
#include "core/manifest.h"
#include "docker/backend_docker.h"
#include "ui/app.h"

static struct manifest *load_manifest(void *arg)
{
	return cli_manifest_load(arg);
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
		.manifest_path = m->n_files ? m->files[0].path : NULL,
		.attach = d->attach,
		.theme = d->theme,
		.prefix = d->prefix,
		.with_mouse = !d->no_mouse,
		.no_color = no_color && *no_color,
	};

	return app_run(&opt, err);
}

int main(int argc, char **argv)
{
	return cli_main(&backend_docker, run_dashboard, argc, argv);
}
