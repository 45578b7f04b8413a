/* Ctrl-C (SIGINT), SIGTERM and SIGHUP while something must be undone first.
 *
 * Between begin and end these signals do not end the program: they come through
 * the loop, as a call. Another one, later, ends it at once; "cleanup" then
 * tidies up.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <signal.h>
#include <stdint.h>

struct err;
struct loop;

struct interrupt {
	struct loop *loop;
	int fd;
	sigset_t saved;
	int signal;		/* the one that came; 0 for none */
	uint64_t when_ns;
	void (*fn)(void *arg);
	void *arg;
};

/* fn runs once, from the loop. */
int interrupt_begin(struct interrupt *in, struct loop *loop, void (*fn)(void *arg), void *arg,
                    struct err *err);
void interrupt_end(struct interrupt *in);

#endif
