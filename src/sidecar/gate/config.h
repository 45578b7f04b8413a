/* gate.json: which repositories the gate serves, and its limits.
 *
 * claude-bottle writes the file (docs/sidecars.md has the format); it is read
 * strictly all the same, as a gate that guesses is no gate: an unknown, missing
 * or doubled key, a wrong type or a value out of range is an error that names
 * the place. Everything in it that becomes part of a path or a command line is
 * held to a plain alphabet here, once.
 */
#ifndef GATE_CONFIG_H
#define GATE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct gate_repo {
	char *name;        /* unique; [A-Za-z0-9._-], at most 64 */
	char *path;        /* unique; under /git, without ".git" at its end */
	char *url;         /* ssh://[user@]host[:port]/path, or user@host:path */
	char *key;         /* absolute path of the private key */
	char *known_hosts; /* absolute path, or NULL: nothing is served then */
	int hold_s;        /* a clean push waits so long for a person; 0: it does not wait */
};

struct gate_config {
	struct gate_repo *repos;
	size_t n_repos;
	int64_t max_push_bytes;
	int scan_timeout_s, fetch_timeout_s, connect_timeout_s, max_connections;
};

/* Read the text of a gate.json. On failure *out is untouched. */
int config_parse(struct gate_config **out, const char *text, struct err *err);
int config_load(struct gate_config **out, const char *path, struct err *err);
void config_free(struct gate_config *c);

/* The repository that a client means by "/PATH", "/PATH.git" or either with one
 * slash at its end: an exact list, so there is no traversal, no neighbour and no
 * sub-folder to get wrong. NULL when there is none. */
const struct gate_repo *config_find_path(const struct gate_config *c, const char *request);

const struct gate_repo *config_find_name(const struct gate_config *c, const char *name);

#endif
