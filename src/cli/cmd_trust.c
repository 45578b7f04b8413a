#include <getopt.h>
#include <stdio.h>
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

static void show_list(const char *what, char *const *v)
{
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);

	for (size_t i = 0; v && v[i]; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", v[i]);
	if (b.len)
		cli_say("    %s %s", what, buf_str(&b));
	buf_done(&b);
}

/* All that a bottle grants: the person confirms it, and will not be asked again. */
static void show_bottle(const struct bottle_spec *b)
{
	cli_say("  bottle %s%s", b->name, b->where.is_broken ? ": broken" : "");
	for (size_t i = 0; i < b->n_env; i++) {
		const struct env_entry *e = &b->env[i];

		if (e->mode == ENV_HOST)
			cli_say("    %s: takes %s from this machine's environment", e->name,
			        e->variable);
		else if (e->mode == ENV_PROMPT)
			cli_say("    %s: asks you \"%s\"", e->name, e->prompt);
		else
			cli_say("    %s: a fixed value", e->name);
	}
	for (size_t i = 0; i < b->n_git; i++)
		cli_say("    fetches from and pushes to %s with the key %s",
		        b->git[i].upstream ? b->git[i].upstream : "?",
		        b->git[i].identity_file ? b->git[i].identity_file : "?");
	show_list("may reach", b->allowlist);
	show_list("is not scanned at", b->passthrough);
	show_list("may reach at a private address", b->trusted);
	show_list("does not scan the headers", b->unscanned_headers);
	if (b->dlp_action == DLP_WARN)
		cli_say("    only warns when a secret is sent");
	if (b->osc52 != OSC52_DENY)
		cli_say("    may write your clipboard%s",
		        b->osc52 == OSC52_ASK ? ", when you say so" : "");
}

static void show_agent(const struct agent_spec *a)
{
	cli_say("  agent %s in bottle %s%s", a->name, a->bottle_name ? a->bottle_name : "?",
	        a->where.is_broken ? ": broken" : "");
	if (a->image)
		cli_say("    runs the image %s", a->image);
	show_list("runs the command", a->command);
	show_list("gets your skills", a->skills);
	if (a->workspace == WORKSPACE_COPY)
		cli_say("    gets a copy of %s", a->copy_dir);
	if (a->prompt_file)
		cli_say("    gets the file %s as its prompt", a->prompt_file);
	else if (a->prompt)
		cli_say("    gets the prompt \"%s\"", a->prompt);
}

/* What the file asks for, before it is believed. */
static void show(const struct manifest *m, const struct manifest_file *f)
{
	unsigned index = file_index(m, f);

	cli_say("%s (SHA-256 %s) defines:", f->path, f->digest);
	for (size_t i = 0; i < m->n_bottles; i++)
		if (m->bottles[i].where.file == index)
			show_bottle(&m->bottles[i]);
	for (size_t i = 0; i < m->n_agents; i++)
		if (m->agents[i].where.file == index)
			show_agent(&m->agents[i]);
}

/* Paths are looked at only now: what is wrong with them shows only now. */
static void show_faults(struct cli *c)
{
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	const struct manifest *m;

	manifest_free(c->manifest);
	c->manifest = NULL;
	m = cli_manifest(c);
	faults_text(&m->faults, &b);
	if (b.len)
		fputs(buf_str(&b), stderr);
	buf_done(&b);
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
			return cli_bad_option(&verb_trust, argv);
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
	} else if (!f && remove) {
		/* who deleted the file wants its trust gone, too */
		CLEANUP_FREE char *path = xasprintf("%s/" MANIFEST_FILE_NAME, c->cwd);

		rc = forget(t, path, &err);
	} else if (!f) {
		rc = err_set(&err, ERR_INPUT, "there is no " MANIFEST_FILE_NAME " in this folder");
	} else {
		rc = remove ? forget(t, f->path, &err) : trust_project(t, m, f, yes, &err);
		if (rc == 0 && !remove)
			show_faults(c);
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
