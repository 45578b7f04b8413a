#include "ui/screen_guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"

#define TEXT_MAX 256
#define WAIT_MS 100 /* for a terminal that takes nothing, three times */

static struct {
	volatile sig_atomic_t is_set;
	int fd;
	struct termios modes;
	char text[TEXT_MAX];
	size_t len;
} guard;

/* The first five are faults: they are caught even when somebody else handles
 * them, who then gets them after us. */
static const int caught[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
	                      SIGTERM, SIGHUP, SIGINT, SIGQUIT };
#define N_CAUGHT (sizeof caught / sizeof *caught)
#define N_FAULTS 5
static struct sigaction before[N_CAUGHT];
static bool is_ours[N_CAUGHT];
static bool is_installed, has_atexit;

/* Handlers run here: a stack that has overflowed is no place for them. */
static char stack[32768];

void screen_guard_restore(void)
{
	struct pollfd p = { .fd = guard.fd, .events = POLLOUT };
	int saved = errno, waits = 3;

	if (!guard.is_set)
		return;
	guard.is_set = 0;
	for (size_t done = 0; done < guard.len && waits > 0;) {
		ssize_t n = write(guard.fd, guard.text + done, guard.len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			waits -= poll(&p, 1, WAIT_MS) <= 0;
		else if (n == 0 || errno != EINTR)
			break;
	}
	tcsetattr(guard.fd, TCSANOW, &guard.modes);
	errno = saved;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	screen_guard_restore();
	for (size_t i = 0; i < N_CAUGHT; i++)
		if (caught[i] == sig)
			sigaction(sig, &before[i], NULL);
	/* A fault happens again when we return, and then shows its true place. */
	if (info->si_code <= 0 || sig == SIGABRT)
		raise(sig);
}

static void install(void)
{
	stack_t old, own = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE))
		sigaltstack(&own, NULL);
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < N_CAUGHT; i++) {
		if (sigaction(caught[i], NULL, &before[i]) < 0)
			continue;
		is_ours[i] = i < N_FAULTS || (!(before[i].sa_flags & SA_SIGINFO) &&
		                              before[i].sa_handler == SIG_DFL);
		if (is_ours[i])
			sigaction(caught[i], &act, NULL);
	}
	is_installed = true;
}

void screen_guard_set(int fd, const struct termios *modes, const char *text, size_t len)
{
	guard.is_set = 0;
	guard.fd = fd;
	guard.modes = *modes;
	guard.len = len < TEXT_MAX ? len : TEXT_MAX;
	memcpy(guard.text, text, guard.len);
	if (!has_atexit)
		has_atexit = atexit(screen_guard_restore) == 0;
	if (!is_installed)
		install();
	mem_on_abort(screen_guard_restore);
	guard.is_set = 1;
}

void screen_guard_clear(void)
{
	guard.is_set = 0;
}

void screen_guard_done(void)
{
	guard.is_set = 0;
	mem_on_abort(NULL);
	for (size_t i = 0; is_installed && i < N_CAUGHT; i++) {
		struct sigaction now;

		if (is_ours[i] && sigaction(caught[i], NULL, &now) == 0 &&
		    (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_signal)
			sigaction(caught[i], &before[i], NULL);
	}
	is_installed = false;
}
