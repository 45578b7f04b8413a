/* The installation's id: who made what is in the engine.
 *
 * Random, made once and kept in the state folder. Two people (or two machines)
 * that share an engine do not see, and never remove, each other's sessions.
 */
#ifndef CORE_INSTALL_H
#define CORE_INSTALL_H

#include <stddef.h>

struct err;

#define RANDOM_ID_SIZE 17	/* 16 hexadecimal digits and the NUL */

/* Read the id from state_dir, or make it. Two programs that make it at the same
 * time agree on one. *out is the caller's. */
int install_id(char **out, const char *state_dir, struct err *err);

int random_id(char out[RANDOM_ID_SIZE], struct err *err);

#endif
