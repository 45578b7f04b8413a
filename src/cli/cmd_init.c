/* init: a first manifest. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/manifest.h"
#include "core/mem.h"

/* Sound as it stands; docs/manifest.md has the rest. */
static const char first[] =
	"{\n"
	"  \"bottles\": {\n"
	"    \"default\": {\n"
	"      \"env\": {},\n"
	"      \"git\": [],\n"
	"      \"egress\": { \"allowlist\": [] }\n"
	"    }\n"
	"  },\n"
	"  \"agents\": {\n"
	"    \"researcher\": { \"bottle\": \"default\" },\n"
	"    \"here\": { \"bottle\": \"default\", \"workspace\": { \"copy\": \".\" } }\n"
	"  }\n"
	"}\n";

/* Never in the place of a file that is there. */
static int write_new(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool is_written;

	if (fd < 0 && errno == EEXIST)
		return err_set(err, ERR_INPUT,
		               "%s is there already; \"claude-bottle check\" reads it", path);
	if (fd < 0)
		return err_errno(err, ERR_FAILED, errno, "%s", path);
	is_written = write(fd, first, sizeof first - 1) == (ssize_t)sizeof first - 1;
	if (close(fd) < 0 || !is_written) {
		err_errno(err, ERR_FAILED, errno, "%s", path);
		unlink(path);
		return -1;
	}
	return 0;
}

static int run_init(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { 0 } };
	CLEANUP_FREE char *there = paths_user_manifest(&c->paths);
	CLEANUP_FREE char *path = NULL;
	struct err err = { 0 };

	if (getopt_long(argc, argv, "", options, NULL) != -1)
		return cli_bad_option(&verb_init, argv);
	if (optind < argc)
		return cli_usage(&verb_init,
		                 "it takes no argument; --manifest FILE before it names another");
	if (c->manifest_path)
		path = xstrdup(c->manifest_path);
	else if (there)
		path = xstrdup(there);
	else
		path = xasprintf("%s/" MANIFEST_FILE_NAME, c->paths.config);
	if (!c->manifest_path && !there && paths_make(c->paths.config, &err) < 0)
		return cli_fail(&err);
	if (write_new(path, &err) < 0)
		return cli_fail(&err);
	cli_say("wrote %s: the bottle \"default\", which reaches the model and nothing of yours, "
	        "and the agents \"researcher\" and \"here\"",
	        path);
	cli_say("next: \"claude-bottle images build\", then \"claude-bottle start researcher\"");
	return 0;
}

const struct cli_verb verb_init = {
	.name = "init",
	.arguments = "",
	.summary = "write a first manifest, unless there is one",
	.help = "Into the folder of your settings, or where --manifest FILE says. It has one\n"
	        "bottle, which reaches the model and nothing of yours, and two agents: one with\n"
	        "an empty workspace, one with a copy of the folder that you stand in.\n"
	        "Example: claude-bottle init && claude-bottle check\n",
	.run = run_init,
};
