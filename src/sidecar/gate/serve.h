/* The gate's server: git:// on port 9418, one process for each connection.
 *
 * It speaks the opening packet itself instead of running git daemon, so that
 * every refusal is a sentence, only the listed repositories exist, and the process
 * of a connection outlives receive-pack and can say what became of a push that
 * never reached the hook.
 */
#ifndef GATE_SERVE_H
#define GATE_SERVE_H

struct gate_config;

/* `git-gate serve`: returns the exit code. */
int serve_main(void);

/* What a connection's process does with its client; from conn.c. Never returns. */
struct connection {
	const struct gate_config *config;
	int sock; /* blocking */
	int verdict_fd;
	char peer[64];
};

_Noreturn void connection_serve(const struct connection *c);

#endif
