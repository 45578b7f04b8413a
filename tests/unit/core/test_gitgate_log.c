#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/event.h"
#include "core/gitgate_log.h"
#include "core/lines.h"

static void event_on(int stream, const char *text, struct event *e)
{
	struct line l = { .text = text, .len = strlen(text), .stream = stream };

	assert_int_equal(gitgate_log_line(&l, e), EVENT_FEED_NEW);
	assert_int_equal(e->source, EVENT_FROM_GATE);
	assert_non_null(e->summary);
	assert_non_null(e->detail);
}

#define HEAD(event) \
	"{\"v\":1,\"ts\":\"2026-11-24T20:14:46.123Z\",\"event\":\"" event "\",\"repo\":\"proj\""
#define REFS                                                                                   \
	",\"id\":\"p1\",\"refs\":[{\"old\":\"0\",\"new\":\"1\",\"ref\":\"refs/heads/main\"}]," \
	"\"commits\":3"

static void every_event_of_the_contract_gets_its_kind(void **state)
{
	static const struct {
		const char *line, *kind, *verdict, *rule, *summary;
	} rows[] = {
		{ "{\"v\":1,\"ts\":\"2026-11-24T20:14:46.123Z\",\"event\":\"gate.ready\","
		  "\"scanner\":\"gitleaks\",\"scanner_version\":\"8.30.1\",\"repos\":2}",
		  "gate.ready", "", NULL, "git gate ready: 2 repositories, gitleaks 8.30.1" },
		{ HEAD("fetch.ok") ",\"service\":\"upload-pack\",\"ms\":133}", "fetch.ok", "allow",
		  NULL, "proj: fetched for upload-pack, 133 ms" },
		{ HEAD("fetch.failed") ",\"service\":\"upload-pack\",\"reason\":\"upstream "
		                       "unreachable\",\"detail\":\"timed out\",\"ms\":5050}",
		  "fetch.failed", "fail", "upstream unreachable",
		  "proj: no fetch for upload-pack: upstream unreachable: timed out" },
		{ HEAD("push.accepted") REFS ",\"nfindings\":0}", "push.accepted", "allow", NULL,
		  "proj: push of main (3 commits) reached the upstream" },
		{ HEAD("push.rejected") REFS
		  ",\"nfindings\":2,\"reason\":\"secrets\",\"findings\":["
		  "{\"rule\":\"aws-access-token\",\"file\":\"a.c\","
		  "\"line\":3,\"match\":\"AKIA…(20)\"},"
		  "{\"rule\":\"github-pat\"}]}",
		  "push.rejected", "block", "aws-access-token, github-pat",
		  "proj: push of main (3 commits) rejected, 2 findings: aws-access-token in a.c:3 "
		  "AKIA…(20)" },
		{ HEAD("push.rejected") REFS ",\"reason\":\"ref outside heads and tags\"}",
		  "push.rejected", "block", "ref outside heads and tags",
		  "proj: push of main (3 commits) rejected: ref outside heads and tags" },
		{ HEAD("push.failed") REFS ",\"reason\":\"upstream rejected\",\"detail\":\"no\"}",
		  "push.failed", "fail", "upstream rejected",
		  "proj: push of main (3 commits) failed: upstream rejected (no)" },
		{ HEAD("push.oversize") ",\"reason\":\"over 256 MiB\"}", "push.oversize", "block",
		  "over 256 MiB", "proj: push of  rejected: over 256 MiB" },
		{ HEAD("push.held") REFS "}", "push.held", "hold", NULL,
		  "proj: push of main (3 commits) waits for you" },
		{ HEAD("push.held") REFS ",\"hold_s\":100}", "push.held", "hold", NULL,
		  "proj: push of main (3 commits) waits for you, for 100 s" },
		{ HEAD("push.approved") REFS ",\"by\":\"ann\"}", "policy.changed", "allow", NULL,
		  "proj: ann approved the push of main" },
		{ HEAD("push.approved") REFS ",\"by\":\"ann\",\"message\":\"it is fine\"}",
		  "policy.changed", "allow", NULL,
		  "proj: ann approved the push of main: it is fine" },
		{ HEAD("push.accepted") REFS ",\"by\":\"ann\"}", "push.accepted", "allow", NULL,
		  "proj: push of main (3 commits) reached the upstream, approved by ann" },
		{ HEAD("push.rejected") REFS ",\"reason\":\"rejected by ann\",\"by\":\"ann\","
					     "\"message\":\"no\"}",
		  "push.rejected", "block", "rejected by ann",
		  "proj: push of main (3 commits) rejected: rejected by ann: no" },
		{ HEAD("push.timeout") REFS ",\"reason\":\"nobody approved it\"}",
		  "push.rejected", "block", "nobody approved it",
		  "proj: push of main (3 commits) rejected: nobody approved it" },
		{ HEAD("push.cancelled") REFS ",\"reason\":\"the client went away\"}",
		  "push.failed", "fail", "the client went away",
		  "proj: push of main (3 commits) failed: the client went away" },
		{ HEAD("finding.accepted") REFS ",\"by\":\"ann\",\"findings\":[{\"rule\":"
						"\"aws\",\"file\":\"a.c\",\"line\":3}]}",
		  "policy.changed", "allow", "aws",
		  "proj: ann accepted a finding for one push of main: aws in a.c:3" },
		{ HEAD("push.accepted") REFS ",\"nfindings\":1,\"findings\":[{\"rule\":\"aws\","
					     "\"accepted_by\":\"ann\"}]}",
		  "push.accepted", "allow", "aws",
		  "proj: push of main (3 commits) reached the upstream, 1 finding accepted by ann: "
		  "aws" },
		{ HEAD("scan.error") REFS ",\"reason\":\"timeout\"}", "push.rejected", "block",
		  "scan.error", "proj: push of main (3 commits) rejected: timeout" },
		{ HEAD("hostkey.changed") ",\"service\":\"upload-pack\",\"detail\":\"x\"}",
		  "hostkey.changed", "fail", NULL,
		  "proj: the upstream shows another host key than the pinned one; nothing passes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct event e;

		event_on(1, rows[i].line, &e);
		assert_string_equal(event_kind_name(e.kind), rows[i].kind);
		assert_string_equal(event_verdict_name(e.verdict), rows[i].verdict);
		assert_string_equal(e.rule ? e.rule : "", rows[i].rule ? rows[i].rule : "");
		assert_string_equal(e.summary, rows[i].summary);
		assert_true(e.ts_ns == 1795551286123000000);
		event_done(&e);
	}
}

static void many_refs_are_counted_not_listed(void **state)
{
	struct event e;

	(void)state;
	event_on(1,
	         HEAD("push.accepted") ",\"refs\":[{\"ref\":\"refs/heads/a\"},{\"ref\":"
	                               "\"refs/tags/v1\"},{\"ref\":\"refs/heads/"
	                               "b\"},{\"ref\":\"refs/"
	                               "heads/c\"},{\"ref\":\"refs/heads/d\"}],\"commits\":1}",
	         &e);
	assert_string_equal(e.summary,
	                    "proj: push of a, v1, b and 2 more (1 commit) reached the upstream");
	event_done(&e);
}

static void what_is_no_verdict_is_kept_as_other(void **state)
{
	static const struct {
		int stream;
		const char *line;
	} rows[] = {
		{ 2, "[12] Ready to rumble" },
		{ 2, HEAD("push.accepted") "}" }, /* stderr is not where verdicts come from */
		{ 1, "no json" },
		{ 1, HEAD("push.accepted") },
		{ 1, HEAD("push.accepted") "} trailing" },
		{ 1, HEAD("push.invented") "}" },
		{ 1, "{}" },
		{ 1, "{\"event\":[]}" },
		{ 1, "[]" },
		{ 1, "\xff\x1b[2J" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct event e;

		event_on(rows[i].stream, rows[i].line, &e);
		assert_int_equal(e.kind, EVENT_OTHER);
		assert_false(e.is_probe);
		event_done(&e);
	}
}

static void wrong_types_do_no_harm(void **state)
{
	struct event e;

	(void)state;
	event_on(1,
	         HEAD("push.rejected") ",\"refs\":{\"ref\":1},\"findings\":[7,{\"rule\":[]}],"
	                               "\"nfindings\":\"many\",\"commits\":1e999,\"reason\":null}",
	         &e);
	assert_int_equal(e.kind, EVENT_PUSH_REJECTED);
	event_done(&e);
}

static void hostile_names_are_safe_on_a_line(void **state)
{
	struct event_style style = { 0 };
	struct buf out = BUF_INIT(4096);
	struct event e;

	(void)state;
	event_on(1, HEAD("push.accepted") ",\"refs\":[{\"ref\":\"refs/heads/\\u001b[2J\\u202e\"}]}",
	         &e);
	assert_int_equal(event_line(&out, &e, &style), 0);
	assert_non_null(strstr(buf_str(&out), "push of \\x1b[2J\\u202e reached"));
	event_done(&e);
	buf_done(&out);
}

static void talk_about_the_probes_repository_is_tagged(void **state)
{
	struct event e;

	(void)state;
	event_on(2, "[15] Request upload-pack for '/isolation-probe.invalid/none.git'", &e);
	assert_true(e.is_probe);
	event_done(&e);
	event_on(1, HEAD("push.rejected") ",\"detail\":\"/isolation-probe.invalid/none.git\"}", &e);
	assert_false(e.is_probe);
	event_done(&e);
}

static void an_empty_line_is_nothing(void **state)
{
	struct line l = { .text = "", .stream = 2 };
	struct event e;

	(void)state;
	assert_int_equal(gitgate_log_line(&l, &e), EVENT_FEED_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_of_the_contract_gets_its_kind),
		cmocka_unit_test(many_refs_are_counted_not_listed),
		cmocka_unit_test(what_is_no_verdict_is_kept_as_other),
		cmocka_unit_test(wrong_types_do_no_harm),
		cmocka_unit_test(hostile_names_are_safe_on_a_line),
		cmocka_unit_test(talk_about_the_probes_repository_is_tagged),
		cmocka_unit_test(an_empty_line_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
