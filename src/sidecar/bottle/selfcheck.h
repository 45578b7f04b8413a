/* selfcheck: what the agent's own processes may do, seen from one of them.
 *
 * Run by exec as the agent. The engine's inspect says what was asked for; this
 * says what is in force. One line for each check (see report.h).
 */
#ifndef BOTTLE_SELFCHECK_H
#define BOTTLE_SELFCHECK_H

#include <stdbool.h>
#include <stddef.h>

/* The value of "key:" in the text of /proc/self/status, copied to out without
 * the white space around it. false when there is no such line. */
bool selfcheck_field(char *out, size_t cap, const char *status, const char *key);

/* Is the mount of this line of /proc/self/mountinfo one that the engine itself
 * makes? false for what comes from elsewhere, with its mount point in where. */
bool selfcheck_mount(char *where, size_t cap, const char *line);

/* helper selfcheck [--runsc] */
int selfcheck_main(int argc, char **argv);

#endif
