/* helper: the one program of ours that runs inside a session's containers.
 * docs/sidecars.md is its contract. */
#include <stdio.h>
#include <string.h>

#include "entry.h"
#include "hook.h"
#include "keeper.h"
#include "probe.h"
#include "selfcheck.h"
#include "supervise.h"

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} modes[] = {
		{ "keeper", keeper_main },   { "entry", entry_main },
		{ "receive", receive_main }, { "selfcheck", selfcheck_main },
		{ "probe", probe_main },     { "supervise", supervise_main },
		{ "hook", hook_main },       { "activity", activity_main },
	};

	for (size_t i = 0; argc >= 2 && i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run(argc - 2, argv + 2);
	fputs("usage: helper keeper|entry|receive|selfcheck|probe|supervise|hook|activity ...\n",
	      stderr);
	return 2;
}
