#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/err.h"
#include "core/file_sink.h"
#include "core/mem.h"
#include "core/skills.h"
#include "unit/core/sink_list.h"

static char home[] = "/tmp/cbt-skills-XXXXXX";

/* Run a shell script in the home folder. */
static void sh(const char *script)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (chdir(home) == 0)
			execl("/bin/sh", "sh", "-eu", "-c", script, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static int make_home(void **state)
{
	(void)state;
	if (!mkdtemp(home))
		return -1;
	sh("mkdir -p .claude/skills/pdf/scripts .claude/skills/.hidden && cd .claude/skills\n"
	   "echo how >pdf/SKILL.md; printf '#!/bin/sh\\n' >pdf/scripts/run\n"
	   "chmod 755 pdf/scripts/run\n"
	   "ln -s ../SKILL.md pdf/scripts/readme; mkfifo pdf/fifo; mkdir pdf/empty\n"
	   "mkdir pdf/.git; echo secret >pdf/.git/config; echo file >plain");
	return 0;
}

static int drop_home(void **state)
{
	(void)state;
	sh("rm -rf \"$PWD\"");
	return 0;
}

static void a_skill_is_copied_under_its_name(void **state)
{
	struct sink_list got;
	struct err err = { ERR_NONE, "" };

	(void)state;
	sink_list_init(&got);
	assert_int_equal(skills_collect("pdf", home, &got.sink, &err), 0);
	assert_string_equal(sink_list_text(&got),
			    "d pdf\n"
			    "f pdf/SKILL.md 644 how\n\n"
			    "d pdf/empty\n"
			    "d pdf/scripts\n"
			    "l pdf/scripts/readme -> ../SKILL.md\n"
			    "f pdf/scripts/run 755 #!/bin/sh\n\n");
	sink_list_done(&got);
}

static void every_bad_name_is_a_fault(void **state)
{
	char *names[] = { (char *)"pdf",  (char *)"..",  (char *)".hidden", (char *)"a/b",
			  (char *)"none", (char *)"plain", (char *)"", NULL };
	char **faults = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(skills_check(names, home, &faults, &n), 6);
	assert_int_equal(n, 6);
	assert_non_null(strstr(faults[0], "'..' is not a skill's name"));
	assert_non_null(strstr(faults[3], "there is no skill 'none'"));
	assert_non_null(strstr(faults[4], "Not a directory"));
	strv_free(faults);
	faults = NULL;
	n = 0;
	assert_int_equal(skills_check(NULL, home, &faults, &n), 0);
	assert_null(faults);
}

static void a_skill_kept_elsewhere_is_found_through_its_link(void **state)
{
	struct sink_list got;
	struct err err = { ERR_NONE, "" };

	(void)state;
	sink_list_init(&got);
	sh("mkdir -p dev/linked && echo x >dev/linked/SKILL.md\n"
	   "ln -s ../../dev/linked .claude/skills/linked");
	assert_int_equal(skills_collect("linked", home, &got.sink, &err), 0);
	assert_string_equal(sink_list_text(&got), "d linked\nf linked/SKILL.md 644 x\n\n");
	sink_list_done(&got);
}

static void a_link_that_leads_out_is_an_error(void **state)
{
	static const char *const targets[] = { "/etc/passwd", "../../../.ssh/id", "sub/../../x",
					       "../other/SKILL.md" };

	(void)state;
	sh("mkdir .claude/skills/evil");
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		CLEANUP_FREE char *script =
			xasprintf("ln -sfn '%s' .claude/skills/evil/link", targets[i]);
		struct sink_list got;
		struct err err = { ERR_NONE, "" };

		sink_list_init(&got);
		sh(script);
		assert_int_equal(skills_collect("evil", home, &got.sink, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.msg,
				    "skill 'evil': link: a link that leads out of the folder");
		assert_string_equal(sink_list_text(&got), "d evil\n");
		sink_list_done(&got);
	}
}

static void a_file_over_the_cap_is_an_error(void **state)
{
	struct sink_list got;
	struct err err = { ERR_NONE, "" };

	(void)state;
	sink_list_init(&got);
	sh("mkdir .claude/skills/big && truncate -s 17M .claude/skills/big/model");
	assert_int_equal(skills_collect("big", home, &got.sink, &err), -1);
	assert_non_null(strstr(err.msg, "model: 17 MiB, more than the 16 MiB"));
	sink_list_done(&got);

	sink_list_init(&got);
	sh("truncate -s 16M .claude/skills/big/model\n"
	   "for i in 1 2 3 4; do truncate -s 15M .claude/skills/big/$i; done");
	assert_int_equal(skills_collect("big", home, &got.sink, &err), -1);
	assert_non_null(strstr(err.msg, "pass 64 MiB in all"));
	sink_list_done(&got);
}

static void the_sinks_error_ends_it(void **state)
{
	struct sink_list got;
	struct err err = { ERR_NONE, "" };

	(void)state;
	sink_list_init(&got);
	got.fail_at = 3;
	assert_int_equal(skills_collect("pdf", home, &got.sink, &err), -1);
	assert_string_equal(err.msg, "skill 'pdf': the sink is full");
	assert_int_equal(err.kind, ERR_ENGINE);
	sink_list_done(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_skill_is_copied_under_its_name),
		cmocka_unit_test(every_bad_name_is_a_fault),
		cmocka_unit_test(a_skill_kept_elsewhere_is_found_through_its_link),
		cmocka_unit_test(a_link_that_leads_out_is_an_error),
		cmocka_unit_test(a_file_over_the_cap_is_an_error),
		cmocka_unit_test(the_sinks_error_ends_it),
	};

	return cmocka_run_group_tests(tests, make_home, drop_home);
}
