/* Questions on the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/mem.h"
#include "core/text.h"

#define ANSWER_MAX 65536

/* The person, even when stdin or stdout are redirected. */
static int open_terminal(const char *instead, struct err *err)
{
	int fd = isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;

	if (fd < 0)
		err_set(err, ERR_POLICY, "there is no terminal to ask on; %s", instead);
	return fd;
}

static void show(int fd, const char *text)
{
	struct buf safe = BUF_INIT(8192);
	ssize_t n;

	text_safe_str(&safe, text, 4096);
	n = write(fd, buf_str(&safe), safe.len);
	(void)n;
	buf_done(&safe);
}

/* After a question that got no answer. */
static void end_line(int fd)
{
	ssize_t n = write(fd, "\n", 1);

	(void)n;
}

/* One line, without its newline. -1 at the end of input, and when signal_fd (or -1)
 * has something. */
static int read_line(int fd, int signal_fd, struct buf *line)
{
	struct pollfd wait[] = { { fd, POLLIN, 0 }, { signal_fd, POLLIN, 0 } };
	char c;

	for (;;) {
		ssize_t n;

		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return -1;
		if (wait[1].revents)
			return -1;
		if (!wait[0].revents)
			continue;
		n = read(fd, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		if (c == '\n')
			return 0;
		if (buf_addc(line, c) < 0)
			return -1;
	}
}

int cli_confirm(const char *question, const char *yes_flag, struct err *err)
{
	CLEANUP_FREE char *instead = xasprintf("use %s to say yes beforehand", yes_flag);
	CLEANUP_CLOSE int fd = open_terminal(instead, err);
	struct buf answer = BUF_INIT(ANSWER_MAX);
	bool is_yes = false;

	if (fd < 0)
		return -1;
	show(fd, question);
	show(fd, " [y/N] ");
	if (read_line(fd, -1, &answer) == 0)
		is_yes = strcasecmp(buf_str(&answer), "y") == 0 ||
		         strcasecmp(buf_str(&answer), "yes") == 0;
	else
		end_line(fd);
	buf_done(&answer);
	if (!is_yes)
		return err_set(err, ERR_POLICY, "not confirmed; nothing was done");
	return 0;
}

/* One line that is not shown while it is typed. Whatever ends the program
 * meanwhile waits until the terminal shows again what is typed. */
static int read_silently(int fd, const char *question, struct buf *line)
{
	struct termios saved, silent;
	bool has_mode = tcgetattr(fd, &saved) == 0;
	CLEANUP_CLOSE int signal_fd = -1;
	sigset_t ends, before;
	int rc;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigaddset(&ends, SIGQUIT);
	sigaddset(&ends, SIGTSTP);
	sigprocmask(SIG_BLOCK, &ends, &before);
	signal_fd = signalfd(-1, &ends, SFD_CLOEXEC);
	if (has_mode) {
		silent = saved;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(fd, TCSAFLUSH, &silent);
	}
	show(fd, question);
	show(fd, ": ");
	rc = read_line(fd, signal_fd, line);
	if (has_mode)
		tcsetattr(fd, TCSAFLUSH, &saved);
	if (write(fd, "\n", 1) < 0)
		rc = -1;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int cli_ask_secret(char **out, const char *question, struct err *err)
{
	CLEANUP_CLOSE int fd = open_terminal("a \"?prompt\" variable needs one: run this in a "
	                                     "terminal, or use \"${VAR}\" in the manifest",
	                                     err);
	struct buf answer = BUF_INIT_SECRET(ANSWER_MAX);

	if (fd < 0)
		return -1;
	if (read_silently(fd, question, &answer) < 0) {
		buf_done(&answer);
		return err_set(err, ERR_POLICY, "no answer; nothing was done");
	}
	*out = buf_steal(&answer);
	return 0;
}
