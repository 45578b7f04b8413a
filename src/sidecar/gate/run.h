/* Running git, ssh and gitleaks, never longer than until a deadline.
 *
 * A child is the leader of a process group, which is killed whole when time is
 * up, and dies with the process that started it. It gets no descriptor but those
 * that are named here (everything else of ours is close-on-exec).
 */
#ifndef GATE_RUN_H
#define GATE_RUN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct err;

struct command {
	const char *const *argv; /* argv[0] is the absolute path of the program */
	const char *const *env;  /* NULL: the environment of this process */
	const char *dir;         /* NULL: stay */
	int quiet_s;             /* run_read(): longest silence before the first output, later
	                          * four times as long; 0: any */
	int in, out, err;        /* 0 or less: /dev/null */
	int more[3][2];          /* further descriptors {ours, its}; {0, 0} ends them */
};

/* Returns the process, or -1. */
pid_t run_start(const struct command *c, struct err *err);

/* Wait for it. Returns 0 and its status as of waitpid(), or -1 when the deadline
 * passed: it is dead and reaped then too. */
int run_wait(pid_t pid, int64_t deadline, int *status);

/* Kill it and its group, and reap it. */
void run_kill(pid_t pid);

#define RUN_LATE (-2)

/* Run c (its out and err are set here) and give its stdout to on_data. The end of
 * its stderr goes to stderr_text (NULL: dropped). Returns 0 when it exited with 0;
 * RUN_LATE when it was killed for taking too long; else -1. err says how it ended
 * or what on_data said. */
int run_read(const struct command *c,
             int (*on_data)(void *ctx, const char *data, size_t len, struct err *err), void *ctx,
             struct buf *stderr_text, int64_t deadline, struct err *err);

/* For on_data: into the struct buf that ctx is; fails when it is full. */
int run_into_buf(void *ctx, const char *data, size_t len, struct err *err);

#endif
