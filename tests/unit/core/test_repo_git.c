/* The fresh .git of a copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include <cmocka.h>

#include "unit/core/repo_fixture.h"

/* libgit2 1.5 forgets a match each time it looks for extensions.*; not ours to free. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2-8.so";
}

static void only_what_head_reaches_is_copied(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q h; cd h; echo 1 >f; cd ..; commit h one; cd h\n"
	   "git checkout -q -b side; echo side >s; cd ..; commit h side; cd h\n"
	   "git checkout -q main; echo 2 >f; cd ..; commit h two; cd h\n"
	   "git merge -q --no-edit side; git checkout -q -b other; echo S3CRET-other >o; cd ..\n"
	   "commit h other; cd h; git tag -a -m S3CRET-tag v1; git checkout -q main\n"
	   "echo S3CRET-lost >f; git commit -qam lost; git reset -q --hard HEAD^\n"
	   "echo S3CRET-stash >f; git stash -q; echo S3CRET-staged >g; git add g\n"
	   "git reset -q; rm g; git notes add -m S3CRET-note; git repack -q -a");
	copy_ok(&c, "h");
	sh("same h h.out; [ \"$(git -C h.out rev-list --count HEAD)\" = 4 ]\n"
	   "[ \"$(git -C h.out for-each-ref --format='%(refname)')\" = refs/heads/main ]\n"
	   "git -C h.out cat-file --batch-all-objects --batch >all; ! grep -q S3CRET all\n"
	   "! git -C h.out cat-file -e $(git -C h rev-parse other)\n"
	   "! git -C h.out cat-file -e $(git -C h rev-parse v1)\n"
	   "[ -z \"$(git -C h.out reflog)\" ]");
	assert_int_equal(c.stats.n_commits, 4);
	assert_true(c.stats.pack_bytes > 0);
	copy_done(&c);
}

static void nothing_private_of_git_is_copied_and_nothing_is_run(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q lender; echo x >lender/x; commit lender one\n"
	   "git clone -q --shared lender p; cd p; echo '*.txt filter=evil ident' >.gitattributes\n"
	   "echo $'$Id$' >t.txt; cd ..; commit p two; cd p; printf '#!/bin/sh\\ntouch %s/RAN\\n' "
	   "\"$PWD\" >../evil; chmod 755 ../evil\n"
	   "for h in pre-commit post-checkout fsmonitor-watchman; do cp ../evil .git/hooks/$h; "
	   "done\n"
	   "for k in core.fsmonitor core.sshCommand core.pager core.editor core.askPass \\\n"
	   "	filter.evil.clean filter.evil.smudge filter.evil.process diff.external \\\n"
	   "	credential.helper core.gitProxy; do git config $k \"$PWD/../evil\"; done\n"
	   "git config core.hooksPath .git/hooks; git config http.extraHeader 'Authorization: "
	   "S3CRET'\n"
	   "git config remote.origin.url https://me:S3CRET@git.example.net/a/b.git?token=S3CRET\n"
	   "git config remote.origin.pushurl ssh://git:S3CRET@git.example.net:22/a/b\n"
	   "git config remote.t.url https://S3CRET@git.example.net/x\n"
	   "git config remote.evil.url 'ext::sh -c S3CRET'\n"
	   "git config url.https://u:S3CRET@h.example.net/.insteadOf short:\n"
	   "git config remote.short.url short:repo; git config user.signingkey S3CRET\n"
	   "git config remote.origin.proxy http://S3CRET@p; printf '[a]\\nb = S3CRET\\n' >../inc\n"
	   "git config include.path ../../inc; echo S3CRET >.git/description\n"
	   "echo S3CRET >.git/info/exclude; echo S3CRET >.git/COMMIT_EDITMSG");
	copy_ok(&c, "p");
	assert_true(has_note(&c, "evil: a remote whose URL is not an address"));
	sh("[ ! -e p/RAN ]; ! grep -rq S3CRET p.out; cd p.out\n"
	   "find .git -type f | sed 's/pack-[0-9a-f]*/pack-X/' | LC_ALL=C sort >../got\n"
	   "printf '%s\\n' .git/HEAD .git/config .git/index .git/objects/pack/pack-X.idx \\\n"
	   "	.git/objects/pack/pack-X.pack .git/packed-refs | diff - ../got\n"
	   "u() { [ \"$(git config \"$1\")\" = \"$2\" ] || { git config $1; exit 1; }; }\n"
	   "u remote.origin.url https://git.example.net/a/b.git\n"
	   "u remote.origin.pushurl ssh://git@git.example.net:22/a/b\n"
	   "u remote.t.url https://git.example.net/x; u remote.short.url "
	   "https://h.example.net/repo\n"
	   "u branch.main.remote origin; u branch.main.merge refs/heads/main\n"
	   "! git config -l --local | grep -vE '^(core|remote|branch)\\.'; cd ..; fsck p.out\n"
	   "[ -z \"$(git -C p.out status --porcelain)\" ]; mv lender away; fsck p.out; mv away "
	   "lender");
	copy_done(&c);
}

static void a_public_url_has_no_secret_in_it(void **state)
{
	static const char *const cases[][2] = {
		{ "https://host/a.git", "https://host/a.git" },
		{ "https://tok@host/a", "https://host/a" },
		{ "https://u:p@host:8443/a?x=y#z", "https://host:8443/a" },
		{ "HTTP://u:p@w@host/a", "HTTP://host/a" },
		{ "https://u:p@[::1]:80/a", "https://[::1]:80/a" },
		{ "https://u:p@", "https://" },
		{ "ftp://u:p@host/a", "ftp://host/a" },
		{ "git://u:p@host/a", "git://host/a" },
		{ "ssh://git@host:30009/a.git", "ssh://git@host:30009/a.git" },
		{ "ssh://git:pw@host/a", "ssh://git@host/a" },
		{ "git+ssh://u:pw@host/~a", "git+ssh://u@host/~a" },
		{ "git@host:a/b.git", "git@host:a/b.git" },
		{ "host:a@b", "host:a@b" },
		{ "/srv/git/a.git", "/srv/git/a.git" },
		{ "../a b", "../a b" },
		{ "file:///srv/a", "file:///srv/a" },
		{ "ext::sh -c x", NULL },
		{ "https://u:to/ken@host/a", NULL },
		{ "https://u:to\\@host/a", NULL },
		{ "https://u:\\@host/a", NULL },
		{ "https://[::1/a", NULL },
		{ "https://host/a\nb", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CLEANUP_FREE char *got = repo_url_public(cases[i][0]);

		if (cases[i][1])
			assert_string_equal(got, cases[i][1]);
		else
			assert_null(got);
	}
}

static void a_detached_head_and_an_unborn_branch_stay_what_they_are(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q det; commit det one; echo 2 >det/f; commit det two; git -C det tag -a "
	   "-m m t\n"
	   "git -C det checkout -q HEAD^; git init -q unborn; git -C unborn checkout -q -b "
	   "new/branch\n"
	   "echo u >unborn/u; git -C unborn remote add origin https://host/x");
	copy_ok(&c, "det");
	sh("same det det.out; [ -z \"$(git -C det.out for-each-ref)\" ]");
	copy_done(&c);

	copy_ok(&c, "unborn");
	sh("status unborn.out; [ \"$(status unborn.out)\" = '?? u' ]; fsck unborn.out\n"
	   "[ \"$(git -C unborn.out symbolic-ref HEAD)\" = refs/heads/new/branch ]\n"
	   "commit unborn.out first; fsck unborn.out");
	assert_int_equal(c.stats.n_commits, 0);
	assert_true(c.stats.has_git);
	copy_done(&c);
}

static void a_linked_worktree_becomes_a_repository(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q main; echo m >main/m; commit main one; git -C main branch side\n"
	   "git -C main worktree add -q ../wt side; echo w >wt/w; commit wt two; echo d >wt/dirty\n"
	   "echo S3CRET >main/later; commit main three");
	copy_ok(&c, "wt");
	sh("same wt wt.out; [ -d wt.out/.git ]; ! grep -rq S3CRET wt.out");
	copy_done(&c);
	/* A project in a worktree: git's data lies elsewhere, and knows of it. */
	copy_with(&c, "wt", "wt", NULL);
	assert_int_equal(c.rc, 0);
	copy_done(&c);
	sh("mv wt wt-moved");
	expect_refused("wt-moved", "wt-moved", NULL, "for another work tree");
}

static void a_submodule_is_an_empty_folder_and_can_be_copied_itself(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q lib; echo l >lib/l; commit lib one; git init -q super; echo s >super/s\n"
	   "git -C super submodule --quiet add ../lib mod/lib; commit super one");
	copy_ok(&c, "super");
	assert_true(has_note(&c, "mod/lib: a submodule: left empty"));
	sh("status super.out; [ -z \"$(status super.out)\" ]; fsck super.out\n"
	   "[ -d super.out/mod/lib -a -z \"$(ls -A super.out/mod/lib)\" ]");
	copy_done(&c);
	copy_with(&c, "super/mod/lib", "super/mod/lib", NULL);
	assert_int_equal(c.rc, 0);
	sh("same super/mod/lib super/mod/lib.out; rm -r super/mod/lib.out");
	copy_done(&c);
}

static void a_shallow_clone_stays_shallow(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q deep; for i in 1 2 3 4 5; do echo $i >deep/f; commit deep $i; done; cd "
	   "deep\n"
	   "git checkout -q -b b HEAD~2; echo b >b; cd ..; commit deep b; cd deep; git "
	   "checkout -q main\n"
	   "git merge -q --no-edit b; cd ..; git clone -q --depth 2 \"file://$PWD/deep\" sh");
	copy_ok(&c, "sh");
	sh("same sh sh.out; diff <(sort sh/.git/shallow) <(sort sh.out/.git/shallow)\n"
	   "diff <(git -C sh rev-list HEAD) <(git -C sh.out rev-list HEAD)");
	copy_done(&c);
}

static void a_history_with_a_hole_is_an_error(void **state)
{
	(void)state;
	sh("git init -q hole; echo 1 >hole/f; commit hole one; echo 2 >hole/f; commit hole two\n"
	   "cd hole; o=$(git rev-parse HEAD^:f); rm -f .git/objects/${o:0:2}/${o:2}");
	expect_refused("hole", NULL, NULL, "an object of its history");
}

static void a_sparse_checkout_misses_nothing(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q sparse; cd sparse; mkdir a b; echo a >a/a; echo b >b/b; cd ..\n"
	   "commit sparse one; git -C sparse sparse-checkout set --no-sparse-index a\n"
	   "git -C sparse config core.repositoryformatversion 1");
	copy_ok(&c, "sparse");
	assert_int_equal(c.stats.files.n_noted, 0);
	sh("status sparse.out; [ -z \"$(status sparse.out)\" -a ! -e sparse.out/b ]; fsck "
	   "sparse.out");
	copy_done(&c);
	sh("git -C sparse sparse-checkout reapply --sparse-index");
	expect_refused("sparse", NULL, NULL, "its index is split or sparse");
}

static void how_files_compare_is_kept(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q crlf; cd crlf; git config core.autocrlf true; git config core.filemode "
	   "false\n"
	   "printf 'a\\r\\nb\\r\\n' >f; cd ..; commit crlf one; chmod 755 crlf/f");
	copy_ok(&c, "crlf");
	sh("same crlf crlf.out; [ -z \"$(status crlf.out)\" ]");
	copy_done(&c);
}

static void what_was_staged_shows_as_modified(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q st; cd st; echo 1 >f; echo 1 >g; cd ..; commit st one; cd st\n"
	   "echo 2 >f; git add f; echo new >n; git add n; git rm -q g; echo S3CRET >i; git add i\n"
	   "echo harmless >i");
	copy_ok(&c, "st");
	sh("[ \"$(status st.out)\" = $' M f\\n D g\\n?? i\\n?? n' ]; fsck st.out\n"
	   "git -C st.out cat-file --batch-all-objects --batch >all; ! grep -q S3CRET all");
	copy_done(&c);
}

static void a_merge_in_conflict_can_be_copied(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q con; echo 0 >con/f; commit con zero; git -C con checkout -q -b b\n"
	   "echo 1 >con/f; commit con one; git -C con checkout -q main; echo 2 >con/f; commit "
	   "con two\n"
	   "! git -C con merge -q b");
	copy_ok(&c, "con");
	sh("[ \"$(status con.out)\" = ' M f' ]; grep -q '<<<' con.out/f; fsck con.out");
	copy_done(&c);
}

static void the_environment_of_git_counts_for_nothing(void **state)
{
	static const char *const names[] = { "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
					     "GIT_OBJECT_DIRECTORY", "GIT_CEILING_DIRECTORIES",
					     "GIT_NAMESPACE", "GIT_COMMON_DIR" };
	struct copy c = { 0 };

	(void)state;
	sh("git init -q env; echo e >env/e; commit env one; git init -q wrong; echo w >wrong/w\n"
	   "commit wrong one");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CLEANUP_FREE char *value = in_scratch("wrong/.git");

		setenv(names[i], value, 1);
	}
	copy_with(&c, "env", NULL, NULL);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	assert_int_equal(c.rc, 0);
	sh("same env env.out");
	copy_done(&c);
}

static void odd_names_survive_the_config(void **state)
{
	struct copy c = { 0 };

	(void)state;
	sh("git init -q odd; commit odd one; cd odd; git checkout -q -b 'fe\"at;#x'\n"
	   "git remote add 'r;\"#' 'https://host/a \"b\";#'; git remote add back 'c:\\x'\n"
	   "git config 'branch.fe\"at;#x.remote' 'r;\"#'\n"
	   "git config 'branch.fe\"at;#x.merge' 'refs/heads/fe\"at;#x'");
	copy_ok(&c, "odd");
	sh("same odd odd.out; diff <(git -C odd config --get-regexp '^branch') \\\n"
	   "	<(git -C odd.out config --get-regexp '^branch')\n"
	   "[ \"$(git -C odd.out config remote.back.url)\" = 'c:\\x' ]\n"
	   "[ \"$(git -C odd.out config 'remote.r;\"#.url')\" = 'https://host/a \"b\";' ]");
	copy_done(&c);
}

static void only_a_dead_owners_temporary_folder_is_removed(void **state)
{
	struct copy c = { 0 };
	CLEANUP_FREE char *held = in_scratch("tmp/claude-bottle-pack-held");

	(void)state;
	sh("mkdir tmp/claude-bottle-pack-dead tmp/claude-bottle-pack-held tmp/other\n"
	   "touch tmp/claude-bottle-pack-dead/pack tmp/claude-bottle-pack-held/pack\n"
	   "git init -q t; commit t one");
	int fd = open(held, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	copy_ok(&c, "t");
	copy_done(&c);
	sh("[ \"$(ls tmp)\" = $'claude-bottle-pack-held\\nother' ]; rmdir tmp/other");
	close(fd);
	repo_sweep();
	sh("[ -z \"$(ls tmp)\" ]");
}

static void a_full_sink_ends_the_copy_at_every_step(void **state)
{
	(void)state;
	sh("git init -q full; mkdir full/d; echo f >full/d/f; ln -s d full/l; commit full one");
	for (size_t at = 1;; at++) {
		struct copy c = { 0 };

		CLEANUP_FREE char *from = in_scratch("full");
		sink_list_init(&c.disk.list);
		c.disk.list.fail_at = at;
		c.rc = repo_copy(from, NULL, &c.disk.list.sink, NULL, &c.stats, &c.err);
		bool done = c.rc == 0;
		if (!done) {
			assert_non_null(strstr(c.err.msg, "the sink is full"));
			assert_int_equal(c.err.kind, ERR_ENGINE);
			assert_false(c.stats.has_git);
		}
		copy_done(&c);
		if (done) {
			assert_true(at > 12);
			break;
		}
	}
}

static void *copy_in_thread(void *arg)
{
	struct repo_stats stats;
	struct err err = { ERR_NONE, "" };

	*(int *)arg = 0;
	for (int i = 0; i < 3; i++) {
		CLEANUP_FREE char *from = in_scratch("thr");
		struct sink_list list;

		sink_list_init(&list);
		*(int *)arg |= repo_copy(from, from, &list.sink, NULL, &stats, &err);
		*(int *)arg |= stats.n_commits != 20;
		repo_stats_done(&stats);
		sink_list_done(&list);
	}
	return NULL;
}

static void copies_may_run_on_several_threads(void **state)
{
	pthread_t threads[4];
	int failed[4];

	(void)state;
	sh("git init -q thr; for i in $(seq 20); do echo $i >thr/f$i; commit thr $i; done");
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, copy_in_thread, &failed[i]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(failed[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_head_reaches_is_copied),
		cmocka_unit_test(nothing_private_of_git_is_copied_and_nothing_is_run),
		cmocka_unit_test(a_public_url_has_no_secret_in_it),
		cmocka_unit_test(a_detached_head_and_an_unborn_branch_stay_what_they_are),
		cmocka_unit_test(a_linked_worktree_becomes_a_repository),
		cmocka_unit_test(a_submodule_is_an_empty_folder_and_can_be_copied_itself),
		cmocka_unit_test(a_shallow_clone_stays_shallow),
		cmocka_unit_test(a_history_with_a_hole_is_an_error),
		cmocka_unit_test(a_sparse_checkout_misses_nothing),
		cmocka_unit_test(how_files_compare_is_kept),
		cmocka_unit_test(what_was_staged_shows_as_modified),
		cmocka_unit_test(a_merge_in_conflict_can_be_copied),
		cmocka_unit_test(the_environment_of_git_counts_for_nothing),
		cmocka_unit_test(odd_names_survive_the_config),
		cmocka_unit_test(only_a_dead_owners_temporary_folder_is_removed),
		cmocka_unit_test(a_full_sink_ends_the_copy_at_every_step),
		cmocka_unit_test(copies_may_run_on_several_threads),
	};

	return cmocka_run_group_tests(tests, fixture_start, fixture_end);
}
