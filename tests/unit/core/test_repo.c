/* Which files a copy takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <openssl/sha.h>

#include <cmocka.h>

#include "unit/core/repo_fixture.h"

static void git_sees_the_same_files_in_the_copy(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q a; cd a; mkdir -p src/deep 'with space'\n"
	   "echo one >src/one.c; echo two >src/deep/two.c; printf 'x\\0y\\r\\n' >bin\n"
	   "printf '#!/bin/sh\\n' >run; chmod 755 run; ln -s src/one.c link; ln -s ../run src/up\n"
	   "echo s >'with space/a b'; echo u >'ü☃'; echo n >$'new\\nline'; : >empty\n"
	   "echo a >src-file; mkdir src.d; echo b >src.d/b; cd ..; commit a first\n"
	   "cd a; echo changed >>src/one.c; rm src/deep/two.c; echo new >src/new.c; mkdir "
	   "src/none\n"
	   "chmod 755 bin");
	copy_ok(&c, "a");
	sh("same a a.out; [ ! -e a.out/src/none ]; [ \"$(stat -c %a a.out/run)\" = 755 ]\n"
	   "[ -n \"$(git -C a.out status --porcelain)\" ]");
	assert_true(c.stats.has_git);
	assert_int_equal(c.stats.n_commits, 1);
	assert_int_equal(c.stats.files.n_noted, 0);
	assert_int_equal(c.stats.files.links, 2);
	copy_done(&c);
}

static void what_is_ignored_stays_behind(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q ign; cd ign; mkdir -p sub/build keep node_modules/x 'sub/logs'\n"
	   "printf '%s\\n' .env '*.log' '!keep/*.log' /node_modules/ 'build/' '# no' '\\#yes' \\\n"
	   "	'sub/**/deep' 'trail\\ ' '!.env.example' >.gitignore\n"
	   "printf '%s\\n' '!special.log' '/only-here' >sub/.gitignore\n"
	   "echo S3CRET | tee .env sub/.env x.log sub/x.log node_modules/x/y sub/build/o "
	   "'#yes' \\\n"
	   "	excluded global '.env.example' keep/a.log sub/special.log sub/only-here "
	   "only-here \\\n"
	   "	sub/logs/deep 'trail ' trail >/dev/null\n"
	   "echo excluded >.git/info/exclude\n"
	   "mkdir -p ../home/.config/git; echo global >../home/.config/git/ignore\n"
	   "echo tracked >sub/build/tracked; git add -f sub/build/tracked; cd ..; commit ign one\n"
	   "echo S3CRET >ign/later.log; echo new >ign/later");
	copy_ok(&c, "ign");
	sh("same ign ign.out; rm home/.config/git/ignore\n"
	   "for f in .env sub/.env x.log sub/x.log node_modules sub/build/o '#yes' excluded "
	   "global \\\n"
	   "	sub/only-here sub/logs 'trail '; do [ ! -e \"ign.out/$f\" ] || { echo "
	   "\"$f\"; exit 1; }\n"
	   "done; [ -e ign.out/sub/build/tracked -a -e ign.out/only-here -a -e ign.out/trail ]\n"
	   "[ -e ign.out/.env.example -a -e ign.out/sub/special.log -a -e ign.out/keep/a.log ]");
	copy_done(&c);
}

static void a_rule_in_a_subfolder_takes_back_one_above(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q back; cd back; mkdir -p s t/u; printf '.env.*\\n*.log\\nx.*\\n' "
	   ">.gitignore\n"
	   "echo '!.env.example' >s/.gitignore; printf '!keep.log\\n!x.log\\n' >t/.gitignore\n"
	   "touch s/.env.example s/.env.local t/keep.log t/u/keep.log t/u/x.log t/u/x.c a");
	copy_ok(&c, "back");
	sh("diff <(files back) <(files back.out); [ -e back.out/s/.env.example ]\n"
	   "[ -e back.out/t/u/x.log -a ! -e back.out/s/.env.local -a ! -e back.out/t/u/x.c ]");
	copy_done(&c);
}

static void links_that_lead_out_are_noted_and_none_is_followed(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("mkdir -p outside/dir; echo S3CRET | tee outside/x outside/dir/x >/dev/null\n"
	   "git init -q l; cd l; mkdir -p d/e sw\n"
	   "ln -s /etc/passwd passwd; ln -s ../outside/x out; ln -s ../../../outside d/e/out\n"
	   "ln -s \"$PWD/d\" absolute; ln -s d/../../outside sneaky; ln -s ../e d/e/ok; ln -s "
	   "e d/dir\n"
	   "ln -s loop loop; ln -s nowhere dangling; echo f >sw/x; cd ..; commit l one\n"
	   "rm -r l/sw; ln -s ../outside l/sw");
	copy_ok(&c, "l");
	assert_true(has_note(&c, "passwd: a link that leads out"));
	assert_true(has_note(&c, "d/e/out: a link that leads out"));
	assert_true(has_note(&c, "absolute: a link that leads out"));
	assert_true(has_note(&c, "sneaky: a link that leads out"));
	assert_true(has_note(&c, "sw: a link that leads out"));
	assert_true(has_note(&c, "sw/x: a folder on the way to it is a link"));
	sh("! grep -rq S3CRET l.out; ! grep -rq root: l.out --exclude-dir=.git\n"
	   "[ \"$(cd l.out; find . -name .git -prune -o -type l -print | sort | tr '\\n' ' "
	   "')\" = \\\n"
	   "	'./d/dir ./d/e/ok ./dangling ./loop ' ]; fsck l.out");
	copy_done(&c);
}

/* The sink runs a script in the middle of the copy: the worst moment, each time. */
static void a_folder_swapped_for_a_link_meanwhile_is_not_followed(void **state)
{
	struct copy c = { .disk = { .hook_path = "a",
				    .hook = "mv race/d race-moved; ln -s ../outside/dir race/d\n"
					    "mv race/e/f race-f; rm race/gone" } };

	(void)state;
	sh("git init -q race; cd race; mkdir -p d e/f; echo a >a; echo x >d/x; echo g >gone\n"
	   "echo y >e/f/y; echo z >z; cd ..; commit race one");
	copy_ok(&c, "race");
	assert_true(has_note(&c, "d/x: a folder on the way to it is a link"));
	assert_true(has_note(&c, "e/f/y: not there any more"));
	assert_true(has_note(&c, "gone: not there any more"));
	sh("! grep -rq S3CRET race.out; [ -e race.out/z -a ! -e race.out/d -a ! -e "
	   "race.out/gone ]");
	copy_done(&c);
}

static void nothing_is_put_beneath_what_was_put_as_a_link(void **state)
{
	struct copy c = { .disk = { .hook_path = "d",
				    .hook = "rm under/d; mv under-moved under/d" } };

	(void)state;
	/* d/x is tracked, d is a link (inside) when passed, and a folder right after. */
	sh("git init -q under; cd under; mkdir d other; echo x >d/x; echo o >other/o; cd ..\n"
	   "commit under one; mv under/d under-moved; ln -s other under/d");
	copy_ok(&c, "under");
	assert_true(has_note(&c, "d/x: a folder on the way to it is a link or a file"));
	sh("[ -L under.out/d -a ! -e under.out/other/x ]");
	copy_done(&c);
}

static void sockets_and_pipes_are_noted_and_not_opened(void **state)
{
	struct copy c = { 0 };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	sh("git init -q sp; cd sp; echo p >pipe; echo s >sock; echo r >r; cd ..; commit sp one\n"
	   "rm sp/pipe sp/sock; mkfifo sp/pipe; mkfifo sp/untracked-pipe");
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s/sp/sock", scratch);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	copy_ok(&c, "sp");
	assert_true(has_note(&c, "pipe: neither a file nor a link"));
	assert_true(has_note(&c, "sock: neither a file nor a link"));
	sh("[ \"$(ls sp.out)\" = r ]");
	close(fd);
	copy_done(&c);
}

/* Write an index that git itself would refuse to: rename "xx/" in it. */
static void corrupt_index(const char *repo, const char *from, const char *to)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s/.git/index", scratch, repo);
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	static unsigned char data[65536];
	ssize_t n = read(fd, data, sizeof data);

	assert_true(n > 20);
	unsigned char *at = memmem(data, (size_t)n, from, strlen(from));
	assert_non_null(at);
	memcpy(at, to, strlen(from));
	SHA1(data, (size_t)n - 20, data + n - 20);
	assert_int_equal(pwrite(fd, data, (size_t)n, 0), n);
}

static void paths_in_the_index_cannot_lead_out(void **state)
{
	static const char *const cases[][2] = {
		{ "xx/secret", "../secret" },
		{ "xx/secret", "/tmp/secr" },
		{ "xxxx/secret", ".GIT/secret" },
		{ "xxxx/secret", "a/../secret" },
		{ "xx/secret", "xx/.git/a" },
	};

	(void)state;
	sh("echo S3CRET >secret");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct copy c = { 0 };

		sh("rm -rf dots; git init -q dots; cd dots; mkdir xx xxxx; echo 1 >xx/secret\n"
		   "echo 2 >xxxx/secret; echo 3 >zz; cd ..; commit dots one");
		corrupt_index("dots", cases[i][0], cases[i][1]);
		copy_with(&c, "dots", NULL, NULL);
		/* libgit2 refuses most of them; what it lets pass we note. */
		if (c.rc < 0)
			assert_non_null(strstr(c.err.msg, "invalid entry"));
		else
			assert_true(has_note(&c, cases[i][1]));
		sh("! grep -rq S3CRET dots.out; [ ! -e dots.out/.GIT ]");
		copy_done(&c);
	}
}

static void caps_are_errors_that_name_what_passed_them(void **state)
{
	struct repo_limits file = REPO_LIMITS_DEFAULT, total = REPO_LIMITS_DEFAULT,
			   count = REPO_LIMITS_DEFAULT, history = REPO_LIMITS_DEFAULT,
			   objects = REPO_LIMITS_DEFAULT;

	(void)state;
	sh("git init -q caps; cd caps; truncate -s 3M huge; head -c 2M /dev/urandom >random\n"
	   "for i in 1 2 3 4; do echo $i >f$i; done; cd ..; commit caps one; rm caps/random");
	file.files.file_bytes = 2 << 20;
	expect_refused("caps", NULL, &file, "huge: 3 MiB, more than the 2 MiB of one file");
	total.files.total_bytes = 2 << 20;
	expect_refused("caps", NULL, &total, "huge: with it the files pass 2 MiB");
	count.files.entries = 4;
	expect_refused("caps", NULL, &count, "more than 4 files");
	history.files.total_bytes = 4 << 20;
	expect_refused("caps", NULL, &history, "its history passes the 0 MiB that are left");
	objects.objects = 5;
	expect_refused("caps", NULL, &objects, "its history has more than 5 objects");
}

static void a_repository_inside_is_left_out(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q n; cd n; echo r >r; git init -q in; echo S3CRET >in/.env; echo f >in/f\n"
	   "echo .env >in/.gitignore; mkdir odd; ln -s nowhere odd/.git; echo o >odd/o\n"
	   "git init -q done; echo d >done/d; cd ..; commit n/done in; git -C n add r; git -C "
	   "n commit -qm one");
	copy_ok(&c, "n");
	assert_true(has_note(&c, "in: a git repository of its own"));
	assert_true(has_note(&c, "odd: a git repository of its own"));
	assert_true(has_note(&c, "done: a git repository of its own"));
	sh("! grep -rq S3CRET n.out; [ \"$(ls n.out)\" = r ]; fsck n.out");
	copy_done(&c);
}

static void a_folder_without_git_is_copied_whole(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("mkdir -p plain/a/b plain/empty plain/repo/.git plain/.ssh; cd plain; echo x >a/b/x\n"
	   "echo y >y; chmod 700 y; mkfifo p; ln -s a/b/x in; ln -s ../outside/x out\n"
	   "echo S3CRET >repo/x; ln -s a dirlink");
	copy_ok(&c, "plain");
	assert_true(has_note(&c, "plain: not a git repository: all its files were taken"));
	assert_true(has_note(&c, "p: neither a file"));
	assert_true(has_note(&c, "out: a link that leads out"));
	assert_true(has_note(&c, "repo: a git repository of its own"));
	assert_string_equal(sink_list_text(&c.disk.list),
			    "d .ssh\nd a\nd a/b\nf a/b/x 644 x\n\nl dirlink -> a\nd empty\n"
			    "l in -> a/b/x\nf y 755 y\n\n");
	assert_false(c.stats.has_git);
	copy_done(&c);
}

static void a_folder_inside_a_work_tree_follows_its_rules(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q mono; cd mono; mkdir -p app/x lib scratch; echo .env >.gitignore\n"
	   "echo scratch >>.gitignore; echo S3CRET | tee app/.env lib/l >/dev/null; echo m "
	   ">app/x/m\n"
	   "cd ..; commit mono one; echo u >mono/app/u; echo s >mono/scratch/s");
	copy_ok(&c, "mono/app");
	assert_string_equal(sink_list_text(&c.disk.list), "f u 644 u\n\nd x\nf x/m 644 m\n\n");
	assert_true(has_note(&c, "a folder inside a git work tree"));
	copy_done(&c);

	/* Ignored by what is around it, whole: then that has nothing to say of it. */
	copy_ok(&c, "mono/scratch");
	assert_string_equal(sink_list_text(&c.disk.list), "f s 644 s\n\n");
	assert_true(has_note(&c, "not a git repository"));
	copy_done(&c);
}

static void places_that_nobody_means_are_refused(void **state)
{
	(void)state;
	sh("git init -q --bare bare; git init -q place; commit place one; touch a-file");
	expect_refused("home", NULL, NULL, "your home folder");
	expect_refused("", NULL, NULL, "your home folder");
	expect_refused("bare", NULL, NULL, "bare repository");
	expect_refused("place/.git", NULL, NULL, "git's own folder");
	expect_refused("place/.git/refs", NULL, NULL, "git's own folder");
	expect_refused("a-file", NULL, NULL, "Not a directory");
	expect_refused("missing", NULL, NULL, "No such file");
	sh("mkdir broken broken/.git; echo S3CRET >broken/x");
	expect_refused("broken", NULL, NULL, "its .git cannot be used");
	sh("git -C place config core.worktree /etc");
	expect_refused("place", NULL, NULL, "for another work tree");
}

static void a_project_cannot_copy_from_outside_its_folder(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("mkdir -p proj/sub; git init -q proj/sub/r; commit proj/sub/r one; echo f "
	   ">proj/sub/r/f\n"
	   "git init -q private; echo S3CRET >private/s; commit private one\n"
	   "ln -s ../private proj/way-out; ln -s sub proj/way-in; mkdir proj2");
	copy_with(&c, "proj/sub/r", "proj", NULL);
	assert_int_equal(c.rc, 0);
	copy_done(&c);
	copy_with(&c, "proj/way-in/r", "proj", NULL);
	assert_int_equal(c.rc, 0);
	copy_done(&c);
	copy_with(&c, "proj/sub/r", "proj/sub/r", NULL);
	assert_int_equal(c.rc, 0);
	copy_done(&c);
	expect_refused("private", "proj", NULL, "lies outside");
	expect_refused("proj/way-out", "proj", NULL, "lies outside");
	expect_refused("proj/../private", "proj", NULL, "lies outside");
	expect_refused("proj2", "proj", NULL, "lies outside");
}

static void a_projects_git_data_cannot_come_from_elsewhere(void **state)
{
	static const char *const tricks[] = {
		/* .git is a file, or a link, that names another repository */
		"echo \"gitdir: $PWD/private/.git\" >evil/.git",
		"ln -s ../private/.git evil/.git",
		/* our half of a worktree, with the other half's objects and refs */
		"cp -r private/.git evil/gd; rm -rf evil/gd/objects evil/gd/refs\n"
		"echo \"$PWD/private/.git\" >evil/gd/commondir; echo \"$PWD/evil/.git\" "
		">evil/gd/gitdir\n"
		"echo 'gitdir: gd' >evil/.git",
		/* parts of it are links */
		"git init -q evil; rm -rf evil/.git/objects; ln -s ../../private/.git/objects "
		"evil/.git\n"
		"git -C private rev-parse HEAD >evil/.git/refs/heads/main",
		"cp -r private/.git evil; rm evil/.git/HEAD; ln -s ../../private/.git/HEAD "
		"evil/.git",
		"git init -q evil; git -C private rev-parse HEAD >evil/.git/refs/heads/main\n"
		"echo \"$PWD/private/.git/objects\" >evil/.git/objects/info/alternates",
	};

	(void)state;
	for (size_t i = 0; i < sizeof tricks / sizeof *tricks; i++) {
		CLEANUP_FREE char *script = xasprintf("rm -rf evil; mkdir evil\n%s", tricks[i]);
		struct copy c = { 0 };

		sh(script);
		copy_with(&c, "evil", "evil", NULL);
		if (c.rc == 0)
			fprintf(stderr, "trick %zu passed\n", i);
		assert_int_equal(c.rc, -1);
		assert_int_equal(c.err.kind, ERR_INPUT);
		assert_string_equal(sink_list_text(&c.disk.list), "");
		copy_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(git_sees_the_same_files_in_the_copy),
		cmocka_unit_test(what_is_ignored_stays_behind),
		cmocka_unit_test(a_rule_in_a_subfolder_takes_back_one_above),
		cmocka_unit_test(links_that_lead_out_are_noted_and_none_is_followed),
		cmocka_unit_test(a_folder_swapped_for_a_link_meanwhile_is_not_followed),
		cmocka_unit_test(nothing_is_put_beneath_what_was_put_as_a_link),
		cmocka_unit_test(sockets_and_pipes_are_noted_and_not_opened),
		cmocka_unit_test(paths_in_the_index_cannot_lead_out),
		cmocka_unit_test(caps_are_errors_that_name_what_passed_them),
		cmocka_unit_test(a_repository_inside_is_left_out),
		cmocka_unit_test(a_folder_without_git_is_copied_whole),
		cmocka_unit_test(a_folder_inside_a_work_tree_follows_its_rules),
		cmocka_unit_test(places_that_nobody_means_are_refused),
		cmocka_unit_test(a_project_cannot_copy_from_outside_its_folder),
		cmocka_unit_test(a_projects_git_data_cannot_come_from_elsewhere),
	};

	return cmocka_run_group_tests(tests, fixture_start, fixture_end);
}
