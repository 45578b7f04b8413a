/* What whoever may run programs in this container asks of the gate: to see pushes
 * and to decide on them (docs/sidecars.md, "The spool"). The agent may not: it
 * reaches the gate's port alone.
 *
 *	git-gate pushes
 *	git-gate push ID
 *	git-gate approve ID BY MESSAGE NEW...
 *	git-gate reject ID BY MESSAGE NEW...
 *	git-gate accept ID BY FINDING MESSAGE
 */
#ifndef GATE_OPERATOR_H
#define GATE_OPERATOR_H

#include <stdbool.h>

bool operator_has_verb(const char *verb);

/* argv[1] is the verb. Returns the exit code. */
int operator_main(int argc, char **argv);

/* For `git-gate serve`: where acceptances are told, so that they become a verdict
 * line. Returns a descriptor to be polled, or -1. */
int operator_open_events(void);

/* Something is to be read there: pass it on. */
void operator_pass_on(int fd, int verdict_fd);

#endif
