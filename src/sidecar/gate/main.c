/* git-gate: which part to play (gate.h). */
#include <stdio.h>
#include <string.h>

#include "hook.h"
#include "operator.h"
#include "scan.h"
#include "serve.h"

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');

	name = name ? name + 1 : argv[0];
	if (strcmp(name, "pre-receive") == 0)
		return hook_main();
	if (strcmp(name, "git") == 0)
		return stream_main(argc, argv);
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve_main();
	if (argc >= 2 && operator_has_verb(argv[1]))
		return operator_main(argc, argv);
	fprintf(stderr, "usage: git-gate serve\n");
	return 2;
}
