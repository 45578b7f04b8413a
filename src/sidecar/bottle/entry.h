/* entry: the agent's first process, and receive, which sets it free.
 *
 * The container starts before the isolation probes have run, so its command
 * waits here, with nothing of the agent's running, until the environment
 * arrives. receive runs by exec as the same user and puts it into the tmpfs.
 */
#ifndef BOTTLE_ENTRY_H
#define BOTTLE_ENTRY_H

#include <stddef.h>

struct entry_options {
	const char *dir;   /* working directory; NULL: stay */
	const char *clone; /* URL to clone into dir when that is empty; NULL: none */
	char **command;    /* ends with NULL */
};

/* "[--dir DIR] [--clone URL] -- COMMAND [ARG...]". -1 when it is anything else. */
int entry_options(struct entry_options *out, int argc, char **argv);

/* Read a delivery from in and put its list into dir/env, by rename. Returns 0,
 * or -1 with a line on stderr that never holds a byte of the list. */
int receive_list(int in, const char *dir);

/* helper entry ..., helper receive */
int entry_main(int argc, char **argv);
int receive_main(int argc, char **argv);

#endif
