#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/trust.h"

/* The project's file as it was parsed just now. */
static const struct manifest_file *project_file(const struct manifest *m)
{
	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].origin == MANIFEST_PROJECT)
			return &m->files[i];
	return NULL;
}

static unsigned file_index(const struct manifest *m, const struct manifest_file *f)
{
	return (unsigned)(f - m->files);
}

/* What the file asks for, before it is believed. */
static void show(const struct manifest *m, const struct manifest_file *f)
{
	unsigned index = file_index(m, f);

	cli_say("%s (SHA-256 %s) defines:", f->path, f->digest);
	for (size_t i = 0; i < m->n_bottles; i++) {
		const struct bottle_spec *b = &m->bottles[i];

		if (b->where.file != index)
			continue;
		cli_say("  bottle %s%s", b->name, b->where.is_broken ? ": broken" : "");
		for (size_t k = 0; k < b->n_env; k++)
			if (b->env[k].mode == ENV_HOST)
				cli_say("    takes %s from this machine's environment",
				        b->env[k].variable);
		for (size_t k = 0; k < b->n_git; k++)
			cli_say("    pushes to %s with the key %s",
			        b->git[k].upstream ? b->git[k].upstream : "?",
			        b->git[k].identity_file ? b->git[k].identity_file : "?");
		for (char **h = b->allowlist; h && *h; h++)
			cli_say("    may reach %s%s", *h,
			        strv_has(b->passthrough, *h) ? ", unscanned" : "");
		for (char **h = b->trusted; h && *h; h++)
			cli_say("    may reach %s at a private address", *h);
	}
	for (size_t i = 0; i < m->n_agents; i++) {
		const struct agent_spec *a = &m->agents[i];

		if (a->where.file == index)
			cli_say("  agent %s in bottle %s%s", a->name,
			        a->bottle_name ? a->bottle_name : "?",
			        a->where.is_broken ? ": broken" : "");
	}
}

static int trust_project(struct trust *t, const struct manifest *m,
                         const struct manifest_file *f, bool yes, struct err *err)
{
	if (f->is_broken)
		return err_set(err, ERR_INPUT, "%s cannot be read; see \"claude-bottle check\"",
		               f->path);
	if (f->is_trusted) {
		cli_say("%s is trusted already", f->path);
		return 0;
	}
	show(m, f);
	if (!yes && cli_confirm("Trust exactly these bytes?", "--yes", err) < 0)
		return -1;
	if (trust_add(t, f->path, f->digest, err) < 0)
		return -1;
	cli_say("trusted; any change to the file asks again");
	return 0;
}

static int forget(struct trust *t, const char *path, struct err *err)
{
	bool was_there = false;

	if (trust_remove(t, path, &was_there, err) < 0)
		return -1;
	cli_say("%s %s", path, was_there ? "is no longer trusted" : "was not trusted");
	return 0;
}

static int run_trust(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "yes", no_argument, NULL, 'y' },
		{ "remove", no_argument, NULL, 'r' },
		{ "list", no_argument, NULL, 'l' },
		{ 0 },
	};
	const struct manifest *m = cli_manifest(c);
	const struct manifest_file *f = project_file(m);
	bool yes = false, remove = false, list = false;
	struct trust *t = NULL;
	struct err err = { 0 };
	int opt, rc = 0;

	while ((opt = getopt_long(argc, argv, "y", options, NULL)) != -1) {
		switch (opt) {
		case 'y':
			yes = true;
			break;
		case 'r':
			remove = true;
			break;
		case 'l':
			list = true;
			break;
		default:
			return cli_usage(&verb_trust, "unknown option");
		}
	}
	if (optind < argc)
		return cli_usage(&verb_trust, "it is about the folder that you are in");
	if (cli_trust(c, &t, &err) < 0)
		return cli_fail(&err);
	if (list) {
		struct buf b = BUF_INIT(CLI_OUTPUT_MAX);

		for (size_t i = 0; trust_path(t, i); i++)
			buf_addf(&b, "%s\n", trust_path(t, i));
		rc = cli_print(&b);
		buf_done(&b);
	} else if (!f) {
		rc = err_set(&err, ERR_INPUT, "there is no " MANIFEST_FILE_NAME " in this folder");
	} else {
		rc = remove ? forget(t, f->path, &err) : trust_project(t, m, f, yes, &err);
	}
	trust_free(t);
	return rc < 0 ? cli_fail(&err) : rc;
}

const struct cli_verb verb_trust = {
	.name = "trust",
	.arguments = "[--yes] [--remove] [--list]",
	.summary = "confirm the manifest of the folder that you are in",
	.help = "  -y, --yes  do not ask\n"
	        "  --remove   stop trusting it\n"
	        "  --list     print the files that are trusted\n"
	        "\n"
	        "Nothing of a project's claude-bottle.json counts before. What is recorded is\n"
	        "its path and the SHA-256 of the very bytes that were shown.\n"
	        "Example: cd ~/src/project && claude-bottle trust\n",
	.run = run_trust,
};
