#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/gate/proto.h"
#include "sidecar/gate/report.h"
#include "sidecar/gate/util.h"
#include "sidecar/gate/verdict.h"

#include <cjson/cJSON.h>

#define OID1 "1111111111111111111111111111111111111111"
#define OID2 "2222222222222222222222222222222222222222"
#define ELLIPSIS "\xe2\x80\xa6"

static int on_finding(void *ctx, const struct raw_finding *f)
{
	buf_addf(ctx, "%s %s %s:%d%s\n", f->rule, f->secret, f->file, f->line,
	         f->is_decoded ? " decoded" : "");
	return 0;
}

static void a_report_is_read_element_by_element(void **state)
{
	struct buf out = BUF_INIT(4096);

	(void)state;
	assert_int_equal(
		report_read("[{\"RuleID\":\"r\",\"Secret\":\"s\\n1\",\"File\":\"d0/x\","
	                    "\"StartLine\":3,\"Tags\":[\"decoded:base64\"],\"New\":1},"
	                    "{\"RuleID\":\"q\",\"Secret\":\"\",\"File\":\"\",\"StartLine\":0,"
	                    "\"Tags\":[]}]",
	                    on_finding, &out, NULL),
		0);
	assert_string_equal(out.data, "r s\n1 d0/x:3 decoded\nq  :0\n");
	buf_done(&out);
}

static void a_report_that_is_not_one_is_an_error(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[",
		"[]x",
		"[{}]",
		"null",
		"[{\"RuleID\":\"r\",\"Secret\":1,\"File\":\"f\",\"StartLine\":1}]"
	};
	struct buf out = BUF_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (report_read(bad[i], on_finding, &out, NULL) == 0)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(report_read("[]", on_finding, &out, NULL), 0);
	buf_done(&out);
}

static void add(struct findings *f, enum source source, const char *secret, const char *name,
                int line)
{
	struct finding one = { .rule = (char[]){ "some-rule" },
		               .source = source,
		               .line = line,
		               .commit = OID1,
		               .place = PLACE_FILE };

	one.secret = xstrndup(secret, strlen(secret));
	one.name = xstrndup(name, strlen(name));
	if (source == SOURCE_META)
		one.place = PLACE_REF;
	findings_add(f, &one);
	free(one.secret);
	free(one.name);
}

static void the_same_is_counted_once(void **state)
{
	struct findings f = { 0 };

	(void)state;
	add(&f, SOURCE_CONTENT, "secretsecret1", "a.c", 3);
	add(&f, SOURCE_CONTENT, "secretsecret1", "a.c", 4);
	add(&f, SOURCE_DIFF, "secretsecret1", "a.c", 3);
	add(&f, SOURCE_DIFF, "secretsecret1", "a.c", 3);
	add(&f, SOURCE_DIFF, "secretsecret1", "a.c", 9);
	add(&f, SOURCE_CONTENT, "secretsecret2", "a.c", 3);
	findings_settle(&f);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.v[0].line, 3);
	assert_int_equal(f.v[1].line, 9);
	assert_int_equal(f.v[2].source, SOURCE_CONTENT);
	assert_string_equal(f.v[2].secret, "secretsecret2");
	findings_done(&f);
}

static void check_mask(const struct findings *f, const char *name, const char *want)
{
	char *got = findings_mask_name(f, name);

	assert_string_equal(got, want);
	free(got);
}

static void names_with_a_finding_are_masked(void **state)
{
	struct findings f = { 0 };

	(void)state;
	add(&f, SOURCE_META, "secretsecret1", "refs/heads/secretsecret1", 0);
	add(&f, SOURCE_META, "decoded-secret", "refs/heads/ZGVjb2RlZA", 0);
	check_mask(&f, "refs/heads/secretsecret1", "refs/heads/secr" ELLIPSIS "(13)");
	check_mask(&f, "dir/secretsecret1/x", "dir/secr" ELLIPSIS "(13)/x");
	check_mask(&f, "refs/heads/ZGVjb2RlZA", "(masked name of 21 bytes)");
	check_mask(&f, "refs/heads/main", "refs/heads/main");
	add(&f, SOURCE_DIFF, "-----BEGIN\nabcdefghijklmnopq\nshort=\n", "k", 1);
	check_mask(&f, "refs/heads/abcdefghijklmnopq", "refs/heads/abcd" ELLIPSIS "(17)");
	check_mask(&f, "refs/heads/short=", "refs/heads/short=");
	check_mask(NULL, "refs/heads/main", "refs/heads/main");
	findings_done(&f);
}

static void beyond_the_limit_findings_are_counted_and_every_name_is_masked(void **state)
{
	struct findings f = { 0 };

	(void)state;
	for (int i = 0; i < FINDINGS_MAX + 5; i++)
		add(&f, SOURCE_DIFF, "secretsecret1", "a.c", i);
	assert_int_equal(f.n, FINDINGS_MAX);
	assert_int_equal(f.n_more, 5);
	check_mask(&f, "refs/heads/main", "(masked name of 15 bytes)");
	findings_done(&f);
}

static cJSON *rendered(const struct verdict *v)
{
	struct buf b = BUF_INIT(1U << 16);
	cJSON *root;

	verdict_render(&b, v, 1764025445123);
	assert_true(b.len < VERDICT_MAX);
	assert_int_equal(b.data[b.len - 1], '\n');
	assert_ptr_equal(strchr(b.data, '\n'), b.data + b.len - 1);
	root = cJSON_Parse(b.data);
	assert_non_null(root);
	buf_done(&b);
	return root;
}

static const char *text_at(const cJSON *node, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(node, key));
}

static void each_event_has_its_documented_fields(void **state)
{
	struct buf b = BUF_INIT(4096);

	(void)state;
	verdict_render(&b,
	               &(struct verdict){ .event = "gate.ready",
	                                  .scanner = "gitleaks",
	                                  .scanner_version = "8.30.1",
	                                  .repos = 2 },
	               1764025445007);
	assert_string_equal(
		b.data,
		"{\"v\":1,\"ts\":\"2025-11-24T23:04:05.007Z\","
		"\"event\":\"gate.ready\",\"scanner\":\"gitleaks\",\"scanner_version\":\"8.30.1\","
		"\"repos\":2}\n");
	buf_reset(&b);
	verdict_render(&b,
	               &(struct verdict){ .event = "fetch.failed",
	                                  .repo = "p",
	                                  .peer = "10.0.0.2",
	                                  .service = "upload-pack",
	                                  .reason = "upstream unreachable",
	                                  .detail = "ssh: \"no\"\n",
	                                  .ms = 12 },
	               0);
	assert_string_equal(b.data,
	                    "{\"v\":1,\"ts\":\"1970-01-01T00:00:00.000Z\","
	                    "\"event\":\"fetch.failed\",\"repo\":\"p\",\"peer\":\"10.0.0.2\","
	                    "\"service\":\"upload-pack\",\"reason\":\"upstream unreachable\","
	                    "\"detail\":\"ssh: \\\"no\\\" \",\"ms\":12}\n");
	buf_done(&b);
}

static void a_push_verdict_masks_and_cleans_what_it_shows(void **state)
{
	struct ref_update ref = { (char[]){ OID1 }, (char[]){ OID2 },
		                  (char[]){ "refs/heads/secretsecret1" } };
	struct ref_updates refs = { &ref, 1 };
	struct findings f = { 0 };
	const cJSON *one;
	cJSON *root;
	char *text;

	(void)state;
	add(&f, SOURCE_META, "secretsecret1", "refs/heads/secretsecret1", 0);
	add(&f, SOURCE_DIFF, "secretsecret1", "dir\033/secretsecret1\"x", 4);
	findings_settle(&f);
	root = rendered(&(struct verdict){ .event = "push.rejected",
	                                   .repo = "p",
	                                   .peer = "1.2.3.4",
	                                   .id = "abc",
	                                   .refs = &refs,
	                                   .findings = &f,
	                                   .commits = 3,
	                                   .scan_ms = 4,
	                                   .forward_ms = 5,
	                                   .total_ms = 6,
	                                   .reason = "2 secret(s)",
	                                   .detail = "said secretsecret1\xe2\x80\xae" });
	text = cJSON_PrintUnformatted(root);
	assert_null(strstr(text, "secretsecret1"));
	free(text);
	assert_string_equal(
		text_at(cJSON_GetArrayItem(cJSON_GetObjectItem(root, "refs"), 0), "ref"),
		"refs/heads/secr" ELLIPSIS "(13)");
	assert_string_equal(text_at(root, "detail"), "said secr" ELLIPSIS "(13)?");
	assert_int_equal(cJSON_GetObjectItem(root, "nfindings")->valueint, 2);
	one = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "findings"), 0);
	assert_string_equal(text_at(one, "file"), "dir?/secr" ELLIPSIS "(13)\"x");
	assert_string_equal(text_at(one, "match"), "secr" ELLIPSIS "(13)");
	assert_string_equal(text_at(one, "commit"), "111111111111");
	assert_string_equal(text_at(one, "src"), "diff");
	one = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "findings"), 1);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(one, "file")));
	assert_string_equal(text_at(one, "src"), "meta");
	assert_null(cJSON_GetObjectItem(root, "truncated"));
	cJSON_Delete(root);
	findings_done(&f);
}

static void a_name_that_nobody_scanned_shows_no_long_word(void **state)
{
	struct ref_update ref[2] = {
		{ (char[]){ OID1 }, (char[]){ OID2 }, (char[]){ "refs/notes/abcdefghij012345" } },
		{ (char[]){ OID1 }, (char[]){ OID2 }, (char[]){ "refs/heads/short-words-only" } },
	};
	struct ref_updates refs = { ref, 2 };
	const cJSON *list;
	cJSON *root = rendered(&(struct verdict){
		.event = "push.rejected", .id = "x", .refs = &refs, .is_unscanned = true });

	(void)state;
	list = cJSON_GetObjectItem(root, "refs");
	assert_string_equal(text_at(cJSON_GetArrayItem(list, 0), "ref"),
	                    "(unscanned name of 27 bytes)");
	assert_string_equal(text_at(cJSON_GetArrayItem(list, 1), "ref"),
	                    "refs/heads/short-words-only");
	cJSON_Delete(root);
}

static void a_line_never_reaches_the_size_that_may_tear(void **state)
{
	struct ref_updates refs = { 0 };
	struct findings f = { 0 };
	char big[4001], line[8192];
	cJSON *root;

	(void)state;
	memset(big, '"', sizeof big - 1); /* each is escaped to two bytes */
	big[sizeof big - 1] = '\0';
	for (int i = 0; i < 40; i++) {
		snprintf(line, sizeof line, "%s %s refs/heads/%d%s", OID1, OID2, i, big);
		assert_int_equal(ref_updates_add(&refs, line, strlen(line)), 0);
		add(&f, SOURCE_DIFF, line + 20, big, i);
	}
	root = rendered(&(struct verdict){ .event = "push.rejected",
	                                   .repo = big,
	                                   .peer = big,
	                                   .id = big,
	                                   .refs = &refs,
	                                   .findings = &f,
	                                   .reason = big,
	                                   .detail = big });
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(root, "truncated")));
	assert_int_equal(cJSON_GetObjectItem(root, "nfindings")->valueint, 40);
	cJSON_Delete(root);
	ref_updates_done(&refs);
	findings_done(&f);
}

static void many_findings_show_the_first_eight(void **state)
{
	struct findings f = { 0 };
	cJSON *root;

	(void)state;
	for (int i = 0; i < 12; i++)
		add(&f, SOURCE_DIFF, "secretsecret1", "a.c", i + 1);
	root = rendered(&(struct verdict){ .event = "push.rejected", .id = "x", .findings = &f });
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "findings")), 8);
	assert_int_equal(cJSON_GetObjectItem(root, "nfindings")->valueint, 12);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(root, "truncated")));
	cJSON_Delete(root);
	findings_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_is_read_element_by_element),
		cmocka_unit_test(a_report_that_is_not_one_is_an_error),
		cmocka_unit_test(the_same_is_counted_once),
		cmocka_unit_test(names_with_a_finding_are_masked),
		cmocka_unit_test(beyond_the_limit_findings_are_counted_and_every_name_is_masked),
		cmocka_unit_test(each_event_has_its_documented_fields),
		cmocka_unit_test(a_push_verdict_masks_and_cleans_what_it_shows),
		cmocka_unit_test(a_name_that_nobody_scanned_shows_no_long_word),
		cmocka_unit_test(a_line_never_reaches_the_size_that_may_tear),
		cmocka_unit_test(many_findings_show_the_first_eight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
