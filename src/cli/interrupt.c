#include "cli/interrupt.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "core/err.h"
#include "core/loop.h"

#define SAME_MOMENT_NS 500000000u

static void on_signal(void *arg, int fd, unsigned events)
{
	struct interrupt *in = arg;
	struct signalfd_siginfo info;

	(void)events;
	if (read(fd, &info, sizeof info) != sizeof info)
		return;
	if (in->signal) {
		/* one key press may come as two signals, to us and to our group */
		if (loop_now_ns() - in->when_ns < SAME_MOMENT_NS)
			return;
		sigprocmask(SIG_SETMASK, &in->saved, NULL);
		raise((int)info.ssi_signo);
		return;
	}
	in->signal = (int)info.ssi_signo;
	in->when_ns = loop_now_ns();
	in->fn(in->arg);
}

int interrupt_begin(struct interrupt *in, struct loop *loop, void (*fn)(void *arg), void *arg,
                    struct err *err)
{
	sigset_t set;

	*in = (struct interrupt){ .loop = loop, .fd = -1, .fn = fn, .arg = arg };
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &in->saved);
	in->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (in->fd >= 0 && loop_fd_set(loop, in->fd, LOOP_READ, on_signal, in, err) == 0)
		return 0;
	if (in->fd < 0)
		err_errno(err, ERR_FAILED, errno, "waiting for signals");
	interrupt_end(in);
	return -1;
}

void interrupt_end(struct interrupt *in)
{
	static const struct timespec none = { 0 };
	sigset_t set;

	/* one key press may come as two: the second must not end what ended well */
	sigemptyset(&set);
	sigaddset(&set, in->signal);
	while (in->signal && sigtimedwait(&set, NULL, &none) > 0)
		;
	if (in->fd >= 0) {
		loop_fd_remove(in->loop, in->fd);
		close(in->fd);
		in->fd = -1;
	}
	sigprocmask(SIG_SETMASK, &in->saved, NULL);
}
