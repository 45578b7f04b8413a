#include "core/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "core/err.h"
#include "core/mem.h"

#define BATCH	   64
#define NS_PER_MS  1000000ull

struct watch {
	loop_fd_fn *fn;		/* NULL: not watched */
	void *arg;
};

struct loop {
	int epoll_fd;
	struct watch *watches;		/* by descriptor */
	size_t n_watches;
	struct loop_timer *timers;	/* sorted by due time; a session has few */
	loop_fn *before_wait;
	void *before_wait_arg;
	bool is_stopped;
};

uint64_t loop_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

int loop_new(struct loop **out, struct err *err)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return err_errno(err, ERR_FAILED, errno, "epoll");
	*out = xcalloc(1, sizeof **out);
	(*out)->epoll_fd = fd;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->epoll_fd);
	free(l->watches);
	free(l);
}

int loop_fd_set(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *arg,
                struct err *err)
{
	struct epoll_event ev = { .data.fd = fd };
	bool is_new;

	if (events & LOOP_READ)
		ev.events |= EPOLLIN;
	if (events & LOOP_WRITE)
		ev.events |= EPOLLOUT;
	if ((size_t)fd >= l->n_watches) {
		size_t n = (size_t)fd + 32;

		l->watches = xreallocarray(l->watches, n, sizeof *l->watches);
		for (size_t i = l->n_watches; i < n; i++)
			l->watches[i] = (struct watch){ 0 };
		l->n_watches = n;
	}
	is_new = !l->watches[fd].fn;
	if (epoll_ctl(l->epoll_fd, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev) < 0) {
		/* a descriptor that was closed and reopened is gone from epoll */
		if (errno != ENOENT || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
			return err_errno(err, ERR_FAILED, errno, "watching descriptor %d", fd);
	}
	l->watches[fd] = (struct watch){ fn, arg };
	return 0;
}

void loop_fd_remove(struct loop *l, int fd)
{
	if (fd < 0 || (size_t)fd >= l->n_watches || !l->watches[fd].fn)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	l->watches[fd] = (struct watch){ 0 };
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	struct loop_timer **at;

	if (!t->is_set)
		return;
	for (at = &l->timers; *at != t; at = &(*at)->next)
		;
	*at = t->next;
	t->is_set = false;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms, loop_fn *fn,
                    void *arg)
{
	struct loop_timer **at;

	loop_timer_cancel(l, t);
	t->due_ns = loop_now_ns() + delay_ms * NS_PER_MS;
	t->fn = fn;
	t->arg = arg;
	t->is_set = true;
	for (at = &l->timers; *at && (*at)->due_ns <= t->due_ns; at = &(*at)->next)
		;
	t->next = *at;
	*at = t;
}

void loop_before_wait(struct loop *l, loop_fn *fn, void *arg)
{
	l->before_wait = fn;
	l->before_wait_arg = arg;
}

/* How long epoll may sleep: until the first timer, at most max_wait_ms. */
static int wait_ms(const struct loop *l, int max_wait_ms)
{
	uint64_t now, ms;

	if (!l->timers)
		return max_wait_ms;
	now = loop_now_ns();
	if (l->timers->due_ns <= now)
		return 0;
	ms = (l->timers->due_ns - now + NS_PER_MS - 1) / NS_PER_MS;
	if (max_wait_ms >= 0 && (uint64_t)max_wait_ms < ms)
		return max_wait_ms;
	return ms > 3600000 ? 3600000 : (int)ms;
}

/* Timers that callbacks set for "now" wait for the next turn, so that a timer
 * that renews itself cannot keep the loop from reading. */
static void run_timers(struct loop *l)
{
	uint64_t now = loop_now_ns();

	while (l->timers && l->timers->due_ns <= now) {
		struct loop_timer *t = l->timers;

		l->timers = t->next;
		t->is_set = false;
		t->fn(t->arg);
	}
}

int loop_turn(struct loop *l, int max_wait_ms, struct err *err)
{
	struct epoll_event ready[BATCH];
	int n;

	if (l->before_wait)
		l->before_wait(l->before_wait_arg);
	n = epoll_wait(l->epoll_fd, ready, BATCH, wait_ms(l, max_wait_ms));
	if (n < 0 && errno != EINTR)
		return err_errno(err, ERR_FAILED, errno, "waiting for events");
	for (int i = 0; i < n; i++) {
		int fd = ready[i].data.fd;
		unsigned events = 0;

		if (!l->watches[fd].fn)
			continue;
		if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
			events |= LOOP_READ;
		if (ready[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
			events |= LOOP_WRITE;
		l->watches[fd].fn(l->watches[fd].arg, fd, events);
	}
	run_timers(l);
	return 0;
}

int loop_run(struct loop *l, struct err *err)
{
	l->is_stopped = false;
	while (!l->is_stopped)
		if (loop_turn(l, -1, err) < 0)
			return -1;
	return 0;
}

void loop_stop(struct loop *l)
{
	l->is_stopped = true;
}
