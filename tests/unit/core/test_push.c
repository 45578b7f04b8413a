/* The gate's records of pushes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/push.h"

#define OID_A "1111111111111111111111111111111111111111"
#define OID_B "2222222222222222222222222222222222222222"
#define RECORD                                                                                     \
	"{\"v\":1,\"id\":\"0011223344556677\",\"ts\":\"2026-11-24T12:00:00.500Z\","                \
	"\"state\":\"held\",\"repo\":\"proj\",\"peer\":\"10.0.0.2\","                              \
	"\"refs\":[{\"ref\":\"refs/heads/main\",\"old\":\"" OID_A "\",\"new\":\"" OID_B "\"}],"   \
	"\"ncommits\":7,\"commits\":[{\"oid\":\"" OID_B "\",\"author\":\"Ann <a@x.test>\","        \
	"\"time\":1795000000,\"subject\":\"a \xe2\x80\xae bc\",\"added\":3,\"removed\":1}],"       \
	"\"nfindings\":2,\"findings\":[{\"id\":\"aabbccddeeff0011\",\"rule\":\"aws\","             \
	"\"file\":\"a.c\",\"line\":3,\"commit\":\"222222222222\",\"match\":\"AKIA\xe2\x80\xa6"     \
	"(20)\",\"src\":\"diff\"},{\"id\":\"aabbccddeeff0022\",\"rule\":\"pem\",\"file\":null,"    \
	"\"line\":0,\"commit\":null,\"match\":\"x\",\"src\":\"meta\",\"accepted_by\":\"ann\"}],"   \
	"\"reason\":\"\",\"detail\":\"\",\"hold_until\":1795518100,\"diff_cut\":true}"

static struct push read_ok(const char *text)
{
	struct push p;
	struct err err = { 0 };

	if (push_parse(&p, text, strlen(text), &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

static void warn(const char *moves, const char *want)
{
	struct buf text = BUF_INIT(1 << 16), got = BUF_INIT(200);
	struct push p;

	buf_addf(&text,
	         "{\"v\":1,\"id\":\"0011223344556677\",\"state\":\"held\",\"repo\":\"r\","
	         "\"ncommits\":2,\"commits\":[],\"findings\":[],\"refs\":[{\"ref\":\"a\","
	         "\"old\":\"" OID_A "\",\"new\":\"" OID_B "\"%s}]}",
	         moves);
	p = read_ok(buf_str(&text));
	push_ref_warning(&got, &p, &p.refs[0]);
	assert_string_equal(buf_str(&got), want);
	push_done(&p);
	buf_done(&got);
	buf_done(&text);
}

static void what_commits_do_not_tell_of_a_ref_is_told(void **state)
{
	(void)state;
	warn("", "");
	warn(",\"gained\":2,\"lost\":0", "");
	warn(",\"gained\":2,\"lost\":1", "forced: throws away 1 commit");
	warn(",\"gained\":0,\"lost\":3", "forced: throws away 3 commits");
	warn(",\"gained\":7,\"lost\":0", "takes in 5 commits that the upstream has already");
	warn(",\"gained\":3,\"lost\":2",
	     "forced: throws away 2 commits, takes in 1 commit that the upstream has already");
}

static void a_record_is_read_with_everything_in_it(void **state)
{
	struct push p = read_ok(RECORD "\ndiff --git a/x b/x\n");

	(void)state;
	assert_string_equal(p.id, "0011223344556677");
	assert_string_equal(p.repo, "proj");
	assert_int_equal(p.state, PUSH_HELD);
	assert_true(p.ts_ns == 1795521600500000000);
	assert_int_equal(p.n_refs, 1);
	assert_string_equal(p.refs[0].new, OID_B);
	assert_int_equal(p.n_commits, 1);
	assert_int_equal(p.all_commits, 7);
	assert_int_equal(p.commits[0].added, 3);
	assert_int_equal(p.n_findings, 2);
	assert_int_equal(p.findings[0].line, 3);
	assert_null(p.findings[1].file);
	assert_null(p.findings[1].commit);
	assert_string_equal(p.findings[1].accepted_by, "ann");
	assert_null(p.reason);
	assert_null(p.by);
	assert_true(p.is_diff_cut);
	assert_true(p.hold_until == 1795518100);
	assert_string_equal(p.diff, "diff --git a/x b/x\n");
	assert_int_equal(p.diff_len, strlen(p.diff));
	push_done(&p);
}

#define HEAD "{\"v\":1,\"id\":\"0011223344556677\",\"repo\":\"p\",\"state\":\"held\","

static void what_is_no_record_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"v\":2}",
		"{\"v\":1,\"id\":\"../../etc\",\"repo\":\"p\",\"state\":\"held\"}",
		"{\"v\":1,\"id\":\"0011223344556677\",\"state\":\"held\"}",
		"{\"v\":1,\"id\":\"0011223344556677\",\"repo\":\"p\",\"state\":\"odd\"}",
		"{\"v\":1,\"id\":\"0011223344556677\",\"repo\":\"p\"}",
		HEAD "\"refs\":7}",
		HEAD "\"refs\":[1]}",
		HEAD
		"\"refs\":[{\"ref\":\"r\",\"old\":\"1\",\"new\":\"2\"}]}",
		HEAD
		"\"commits\":[{}]}",
		HEAD
		"\"findings\":[{\"id\":\"no hex\",\"rule\":\"r\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct push p = { 0 };
		struct err err = { 0 };

		assert_int_equal(push_parse(&p, bad[i], strlen(bad[i]), &err), -1);
		assert_int_equal(err.kind, ERR_FAILED);
		assert_null(p.id);
	}
}

static void a_list_is_a_line_for_each(void **state)
{
	static const char two[] = RECORD "\n" RECORD "\n", half[] = RECORD "\n{\"v\":1";
	struct push_list list = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(push_list_parse(&list, two, sizeof two - 1, &err), 0);
	assert_int_equal(list.n, 2);
	assert_non_null(push_list_find(&list, "0011223344556677"));
	assert_null(push_list_find(&list, "00"));
	push_list_done(&list);
	assert_int_equal(push_list_parse(&list, "", 0, &err), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(push_list_parse(&list, half, sizeof half - 1, &err), -1);
	assert_int_equal(list.n, 0);
}

static void a_list_without_end_is_refused(void **state)
{
	struct push_list list = { 0 };
	struct buf b = BUF_INIT(16u << 20);
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i <= PUSH_LIST_MAX; i++)
		buf_adds(&b, RECORD "\n");
	assert_int_equal(push_list_parse(&list, b.data, b.len, &err), -1);
	assert_int_equal(list.n, 0);
	buf_done(&b);
}

static void a_finding_is_meant_by_number_or_by_the_beginning_of_its_id(void **state)
{
	struct push p = read_ok(RECORD);

	(void)state;
	assert_int_equal(push_finding_find(&p, "1"), 0);
	assert_int_equal(push_finding_find(&p, "2"), 1);
	assert_int_equal(push_finding_find(&p, "0"), -1);
	assert_int_equal(push_finding_find(&p, "3"), -1);
	assert_int_equal(push_finding_find(&p, "aabbccddeeff0022"), 1);
	assert_int_equal(push_finding_find(&p, "aabbccddeeff002"), 1);
	assert_int_equal(push_finding_find(&p, "aabbccddeeff00"), -1);
	assert_int_equal(push_finding_find(&p, "aab"), -1);
	assert_int_equal(push_finding_find(&p, ""), -1);
	push_done(&p);
}

static void its_json_is_safe_on_a_terminal_and_reads_back(void **state)
{
	struct push p = read_ok(RECORD "\ndiff\033[31m\n"), copy;
	struct buf b = BUF_INIT(65536);

	(void)state;
	push_copy(&copy, &p);
	push_done(&p);
	assert_int_equal(push_json(&b, "dev", &copy, false), 0);
	assert_null(strstr(b.data, "\xe2\x80\xae"));
	assert_non_null(strstr(b.data, "\\u202e"));
	assert_null(strstr(b.data, "\"diff\":"));
	assert_non_null(strstr(b.data, "\"session\":\"dev\""));
	assert_non_null(strstr(b.data, "\"accepted_by\":\"ann\""));
	buf_reset(&b);
	assert_int_equal(push_json(&b, "dev", &copy, true), 0);
	assert_non_null(strstr(b.data, "\"diff\":\"diff\\u001b[31m\\n\""));
	buf_reset(&b);
	push_refs_text(&b, &copy);
	assert_string_equal(b.data, "main");
	buf_done(&b);
	push_done(&copy);
}

static void it_waits_only_while_it_is_held_and_in_time(void **state)
{
	struct push p = { .state = PUSH_HELD, .hold_until = (int64_t)time(NULL) + 60 };

	(void)state;
	assert_true(push_is_open(&p));
	p.state = PUSH_ACCEPTED;
	assert_false(push_is_open(&p));
	p.state = PUSH_HELD;
	p.hold_until = (int64_t)time(NULL) - 1;
	assert_false(push_is_open(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_commits_do_not_tell_of_a_ref_is_told),
		cmocka_unit_test(a_record_is_read_with_everything_in_it),
		cmocka_unit_test(what_is_no_record_is_refused),
		cmocka_unit_test(a_list_is_a_line_for_each),
		cmocka_unit_test(a_list_without_end_is_refused),
		cmocka_unit_test(a_finding_is_meant_by_number_or_by_the_beginning_of_its_id),
		cmocka_unit_test(its_json_is_safe_on_a_terminal_and_reads_back),
		cmocka_unit_test(it_waits_only_while_it_is_held_and_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
