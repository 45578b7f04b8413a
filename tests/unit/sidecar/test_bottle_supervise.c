#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sidecar/bottle/supervise.h"

static int64_t cut_of(const char *text)
{
	return supervise_cut(text, strlen(text));
}

static void the_count_is_read_from_the_first_line(void **state)
{
	(void)state;
	assert_int_equal(cut_of("# generation 12 cut 3\nversion: 1\n"), 3);
	assert_int_equal(cut_of("# generation 12 cut 0\n"), 0);
	assert_int_equal(cut_of("# Written by claude-bottle\n# generation 1 cut 9\n"), 0);
	assert_int_equal(cut_of("version: 1\n"), 0);
	assert_int_equal(cut_of("# generation 1 cut x\n"), 0);
	assert_int_equal(cut_of("# generation 1 cut \n"), 0);
	assert_int_equal(cut_of("# generation 1 cut 5 \n"), 0);
	assert_int_equal(cut_of("# generation 1 cut 1234567890123456\n"), 0);
}

static void a_file_being_written_says_nothing_yet(void **state)
{
	static const char whole[] = "# generation 12 cut 34\n";

	(void)state;
	for (size_t n = 0; n < sizeof whole - 1; n++)
		assert_int_equal(supervise_cut(whole, n), -1);
	assert_int_equal(supervise_cut(whole, sizeof whole - 1), 34);
}

/* --- a real child ------------------------------------------------------------------------ */

struct place {
	char dir[40], file[64], next[64], log[64];
	pid_t pid;
};

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static unsigned starts(const struct place *p)
{
	char text[4096];
	int fd = open(p->log, O_RDONLY);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text);
	unsigned n = 0;

	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < got; i++)
		n += text[i] == '\n';
	return n;
}

/* Generous: a test machine may be slow, and nothing is measured here. */
static bool has_started(const struct place *p, unsigned n)
{
	for (int i = 0; i < 2000 && starts(p) < n; i++)
		usleep(10000);
	return starts(p) >= n;
}

static int make_place(void **state)
{
	static struct place p;

	memset(&p, 0, sizeof p);
	snprintf(p.dir, sizeof p.dir, "/tmp/cbt-supervise-XXXXXX");
	if (!mkdtemp(p.dir))
		return -1;
	snprintf(p.file, sizeof p.file, "%s/live", p.dir);
	snprintf(p.next, sizeof p.next, "%s/next", p.dir);
	snprintf(p.log, sizeof p.log, "%s/log", p.dir);
	*state = &p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	unlink(p->file);
	unlink(p->next);
	unlink(p->log);
	return rmdir(p->dir);
}

/* A command that says that it started, then does what script says. */
static void run(struct place *p, const char *script)
{
	char text[256], sh[] = "/bin/sh", c[] = "-c", dashes[] = "--";
	char *argv[] = { p->file, dashes, sh, c, text, NULL };

	snprintf(text, sizeof text, "echo x >>%s; %s", p->log, script);
	p->pid = fork();
	if (p->pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		_exit(supervise_main(5, argv));
	}
	assert_true(p->pid > 0);
	assert_true(has_started(p, 1));
}

static int ended(struct place *p)
{
	int status = 0;

	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	p->pid = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void another_count_starts_it_anew(void **state)
{
	struct place *p = *state;

	put(p->file, "version: 1\n");
	run(p, "exec sleep 1000");
	put(p->next, "# generation 1 cut 1\n");
	assert_int_equal(rename(p->next, p->file), 0);
	assert_true(has_started(p, 2));
	/* as an archive is unpacked: away, then made anew */
	unlink(p->file);
	put(p->file, "# generation 2 cut 2\n");
	assert_true(has_started(p, 3));
	kill(p->pid, SIGTERM);
	assert_int_equal(ended(p), 128 + SIGTERM);
}

static void the_same_count_leaves_it_alone(void **state)
{
	struct place *p = *state;

	put(p->file, "# generation 1 cut 1\n");
	run(p, "exec sleep 1000");
	put(p->file, "# generation 2 cut 1\nversion: 1\n");
	put(p->next, "# generation 3 cut 1\n");
	rename(p->next, p->file);
	unlink(p->file);
	/* what comes next is seen, so what came before was */
	put(p->file, "# generation 4 cut 2\n");
	assert_true(has_started(p, 2));
	assert_int_equal(starts(p), 2);
}

static void one_that_does_not_want_to_end_is_killed(void **state)
{
	struct place *p = *state;

	put(p->file, "x\n");
	run(p, "trap '' TERM; while :; do sleep 1; done");
	put(p->file, "# generation 1 cut 1\n");
	assert_true(has_started(p, 2));
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	p->pid = 0;
}

static void its_own_end_is_ours(void **state)
{
	struct place *p = *state;

	put(p->file, "x\n");
	run(p, "exit 7");
	assert_int_equal(ended(p), 7);
}

static void a_missing_command_is_said(void **state)
{
	struct place *p = *state;
	char none[] = "/nonexistent/program", dashes[] = "--";
	char *argv[] = { p->file, dashes, none, NULL };

	p->pid = fork();
	if (p->pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 2);
		_exit(supervise_main(3, argv));
	}
	assert_int_equal(ended(p), 127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_count_is_read_from_the_first_line),
		cmocka_unit_test(a_file_being_written_says_nothing_yet),
		cmocka_unit_test_setup_teardown(another_count_starts_it_anew, make_place,
		                                remove_place),
		cmocka_unit_test_setup_teardown(the_same_count_leaves_it_alone, make_place,
		                                remove_place),
		cmocka_unit_test_setup_teardown(one_that_does_not_want_to_end_is_killed, make_place,
		                                remove_place),
		cmocka_unit_test_setup_teardown(its_own_end_is_ours, make_place, remove_place),
		cmocka_unit_test_setup_teardown(a_missing_command_is_said, make_place,
		                                remove_place),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
