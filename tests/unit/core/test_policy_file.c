/* The files of a session's policy: what a change writes, and that nothing that is
 * read or breaks off opens more than was decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "core/policy_file.h"

#define S(s) ((char *)(s))
#define NOW 1800000000

static char *hosts[] = { S("api.anthropic.com"), S("*.python.org"), S("pypi.org"), NULL };
static char *passthrough[] = { S("api.anthropic.com"), NULL };
static char *trusted[] = { S("git.lan"), NULL };

/* A session's folder, and a keeper for it. */
struct folder {
	struct buf base, overlay, live;
	bool has_overlay;
	struct policy_file steps[POLICY_STEPS_MAX];
	size_t n_steps;
	int64_t now;
};

static struct folder *folder_new(void)
{
	const struct pipelock_config c = { .agent = "implementer",
		                           .allowlist = hosts,
		                           .passthrough = passthrough,
		                           .trusted = trusted };
	struct folder *f = xcalloc(1, sizeof *f);
	struct err err;

	f->base = (struct buf)BUF_INIT(PIPELOCK_CONFIG_MAX);
	f->live = (struct buf)BUF_INIT(PIPELOCK_CONFIG_MAX);
	f->overlay = (struct buf)BUF_INIT(POLICY_OVERLAY_MAX);
	f->now = NOW;
	if (pipelock_render(&f->base, &c, &err) < 0)
		fail_msg("%s", err.msg);
	buf_add(&f->live, f->base.data, f->base.len);
	return f;
}

static void folder_free(struct folder *f)
{
	buf_done(&f->base);
	buf_done(&f->live);
	buf_done(&f->overlay);
	for (size_t i = 0; i < f->n_steps; i++)
		free(f->steps[i].text);
	free(f);
}

static struct policy_state *state_of(const struct folder *f)
{
	const struct policy_files files = { .base = f->base.data,
		                            .base_len = f->base.len,
		                            .live = f->live.data,
		                            .live_len = f->live.len,
		                            .overlay = f->has_overlay ? f->overlay.data : NULL,
		                            .overlay_len = f->overlay.len };
	struct policy_state *s = NULL;
	struct err err;

	if (policy_state_read(&s, &files, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static void put(struct folder *f, const struct policy_file *file)
{
	struct buf *to = file->at                                  ? NULL
	                 : strcmp(file->name, POLICY_OVERLAY) == 0 ? &f->overlay
	                                                           : &f->live;
	size_t i = 0;

	if (to) {
		buf_reset(to);
		buf_add(to, file->text, file->len);
		f->has_overlay = f->has_overlay || to == &f->overlay;
		return;
	}
	while (i < f->n_steps && f->steps[i].at != file->at)
		i++;
	if (i == f->n_steps)
		f->n_steps++;
	else
		free(f->steps[i].text);
	f->steps[i] = *file;
	f->steps[i].text = xstrndup(file->text, file->len);
}

/* The first n files of a plan. */
static void put_some(struct folder *f, const struct policy_plan *p, size_t n)
{
	for (size_t i = 0; i < n && i < p->n; i++)
		put(f, &p->files[i]);
}

/* Let time pass, and the keeper do its work. */
static void pass(struct folder *f, int64_t seconds)
{
	f->now += seconds;
	for (;;) {
		size_t first = f->n_steps;

		for (size_t i = 0; i < f->n_steps; i++)
			if (f->steps[i].at <= f->now &&
			    (first == f->n_steps || f->steps[i].at < f->steps[first].at))
				first = i;
		if (first == f->n_steps)
			return;
		buf_reset(&f->live);
		buf_add(&f->live, f->steps[first].text, f->steps[first].len);
		free(f->steps[first].text);
		f->steps[first] = f->steps[--f->n_steps];
	}
}

static int try(struct folder *f, const struct policy_change *c, struct err *err)
{
	struct policy_state *s = state_of(f);
	struct policy_plan *p = NULL;
	int rc = policy_plan(&p, s, c, f->now, err);

	if (rc == 0)
		put_some(f, p, p->n);
	policy_plan_free(p);
	policy_state_free(s);
	return rc;
}

static void must(struct folder *f, struct policy_change c)
{
	struct err err;

	if (try(f, &c, &err) < 0)
		fail_msg("%s", err.msg);
}

static enum err_kind refused(struct folder *f, struct policy_change c)
{
	struct err err = { 0 };

	assert_int_equal(try(f, &c, &err), -1);
	assert_true(*err.msg);
	return err.kind;
}

static bool lists(const struct folder *f, const char *host)
{
	char line[300];

	snprintf(line, sizeof line, "\n  - \"%s\"\n", host);
	return strstr(f->live.data, line) != NULL;
}

static bool is_frozen(const struct folder *f)
{
	return strstr(f->live.data, "\nkill_switch:\n  enabled: true\n") != NULL;
}

static unsigned cut_of(const struct folder *f)
{
	unsigned generation = 0, cut = 0;

	sscanf(f->live.data, "# generation %u cut %u", &generation, &cut);
	return cut;
}

static struct policy *show(const struct folder *f)
{
	struct policy_state *s = state_of(f);
	struct policy *p = policy_state_show(s, "implementer", f->now);

	policy_state_free(s);
	return p;
}

#define ALLOW(h, s) ((struct policy_change){ .verb = POLICY_ALLOW, .host = (h), .seconds = (s) })
#define REVOKE(h) ((struct policy_change){ .verb = POLICY_REVOKE, .host = (h) })
#define FREEZE ((struct policy_change){ .verb = POLICY_FREEZE })
#define THAW ((struct policy_change){ .verb = POLICY_THAW })

/* --- what a change writes --------------------------------------------------------------- */

static void an_untouched_session_is_as_launched(void **state)
{
	struct folder *f = folder_new();
	struct policy *p = show(f);

	(void)state;
	assert_int_equal(p->generation, 0);
	assert_int_equal(p->n_entries, 0);
	assert_false(p->is_foreign);
	assert_false(p->is_frozen);
	assert_string_equal(p->allowlist[1], "*.python.org");
	assert_string_equal(p->passthrough[0], "api.anthropic.com");
	assert_string_equal(p->trusted[0], "git.lan");
	policy_free(p);
	folder_free(f);
}

static void only_the_first_line_and_the_host_differ(void **state)
{
	struct folder *f = folder_new();
	struct buf want = BUF_INIT(PIPELOCK_CONFIG_MAX);
	const char *after = strstr(f->base.data, "trusted_domains:");

	(void)state;
	must(f, ALLOW("new.test", 0));
	buf_adds(&want, "# generation 1 cut 0\n");
	buf_add(&want, f->base.data, (size_t)(after - f->base.data));
	buf_adds(&want, "  - \"new.test\"\n");
	buf_adds(&want, after);
	assert_string_equal(buf_str(&f->live), buf_str(&want));
	buf_done(&want);
	folder_free(f);
}

static void allow_and_revoke_of_a_host(void **state)
{
	struct folder *f = folder_new();
	struct policy *p;

	(void)state;
	must(f, ((struct policy_change){ .verb = POLICY_ALLOW,
	                                 .host = "New.Test",
	                                 .by = "ada@desk",
	                                 .why = "\"manual\"\n" }));
	assert_true(lists(f, "new.test"));
	p = show(f);
	assert_int_equal(p->n_entries, 1);
	assert_string_equal(p->entries[0].host, "new.test");
	assert_string_equal(p->entries[0].by, "ada@desk");
	assert_string_equal(p->entries[0].why, "\"manual\"\n");
	assert_int_equal(p->entries[0].since, NOW);
	policy_free(p);
	must(f, REVOKE("new.test"));
	assert_false(lists(f, "new.test"));
	assert_int_equal(refused(f, REVOKE("new.test")), ERR_FAILED);
	folder_free(f);
}

static void a_host_of_the_bottle_is_taken_away_and_given_back(void **state)
{
	struct folder *f = folder_new();
	struct policy *p;

	(void)state;
	must(f, REVOKE("pypi.org"));
	assert_false(lists(f, "pypi.org"));
	p = show(f);
	assert_false(policy_allows(p, "pypi.org", NOW));
	policy_free(p);
	assert_int_equal(refused(f, ALLOW("pypi.org", 900)), ERR_POLICY);
	must(f, ALLOW("pypi.org", 0));
	assert_true(lists(f, "pypi.org"));
	must(f, REVOKE("*.python.org"));
	assert_false(lists(f, "*.python.org"));
	p = show(f);
	assert_false(policy_allows(p, "docs.python.org", NOW));
	policy_free(p);
	must(f, ALLOW("docs.python.org", 0));
	assert_true(lists(f, "docs.python.org"));
	folder_free(f);
}

static void what_a_wildcard_lets_through_is_not_revoked_by_half(void **state)
{
	struct folder *f = folder_new();

	(void)state;
	assert_int_equal(refused(f, REVOKE("docs.python.org")), ERR_POLICY);
	folder_free(f);
}

static void the_last_host_stays(void **state)
{
	struct folder *f = folder_new();

	(void)state;
	must(f, REVOKE("pypi.org"));
	must(f, REVOKE("*.python.org"));
	assert_int_equal(refused(f, REVOKE("api.anthropic.com")), ERR_POLICY);
	folder_free(f);
}

static void what_must_not_be_is_refused_whoever_asks(void **state)
{
	static const char *const bad[] = {
		"169.254.169.254",         "localhost", "*.evil.test", "", "a.test\"\n  - \"b.test",
		"metadata.google.internal"
	};
	struct folder *f = folder_new();

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(refused(f, ALLOW(bad[i], 0)), ERR_POLICY);
	assert_int_equal(refused(f, ALLOW(NULL, 0)), ERR_POLICY);
	assert_int_equal(refused(f, ALLOW("a.test", 1)), ERR_INPUT);
	assert_int_equal(refused(f, ALLOW("a.test", 8 * 86400)), ERR_INPUT);
	assert_int_equal(refused(f, REVOKE(NULL)), ERR_INPUT);
	folder_free(f);
}

static void what_is_so_already_writes_nothing(void **state)
{
	struct folder *f = folder_new();
	struct policy *p;

	(void)state;
	must(f, ALLOW("docs.python.org", 0));
	must(f, THAW);
	assert_false(f->has_overlay);
	must(f, ALLOW("a.test", 0));
	must(f, ALLOW("a.test", 0));
	p = show(f);
	assert_int_equal(p->generation, 1);
	policy_free(p);
	folder_free(f);
}

static void any_words_of_a_person_can_be_read_again(void **state)
{
	struct folder *f = folder_new();
	char why[400], by[200];
	struct policy *p;

	(void)state;
	memset(why, 0xff, sizeof why - 1);
	why[sizeof why - 1] = '\0';
	memset(by, 'b', sizeof by - 1);
	by[sizeof by - 1] = '\0';
	must(f, ((struct policy_change){
			.verb = POLICY_ALLOW, .host = "a.test", .by = by, .why = why }));
	must(f,
	     ((struct policy_change){ .verb = POLICY_ALLOW,
	                              .host = "b.test",
	                              .why = "\x01\x1b\"\\\xc3\xa4\xed\xa0\x80\xf4\x8f\xbf\xbf" }));
	p = show(f);
	assert_int_equal(strlen(p->entries[0].by), POLICY_BY_MAX);
	assert_int_equal(strlen(p->entries[0].why), POLICY_WHY_MAX);
	assert_string_equal(p->entries[1].why, "\x01\x1b\"\\\xc3\xa4???\xf4\x8f\xbf\xbf");
	policy_free(p);
	folder_free(f);
}

static void a_flood_of_hosts_ends_at_the_cap(void **state)
{
	struct folder *f = folder_new();

	(void)state;
	for (int i = 0; i < POLICY_ENTRIES_MAX; i++) {
		char host[32];

		snprintf(host, sizeof host, "h%d.test", i);
		must(f, ALLOW(host, 0));
	}
	assert_int_equal(refused(f, ALLOW("one-more.test", 0)), ERR_POLICY);
	must(f, REVOKE("h3.test"));
	must(f, ALLOW("one-more.test", 0));
	folder_free(f);
}

/* --- time -------------------------------------------------------------------------------- */

static void what_is_for_a_while_ends_with_nobody_there(void **state)
{
	struct folder *f = folder_new();
	struct policy *p;

	(void)state;
	must(f, ALLOW("kept.test", 0));
	must(f, ALLOW("new.test", 900));
	pass(f, 899);
	assert_true(lists(f, "new.test"));
	pass(f, 1);
	assert_false(lists(f, "new.test"));
	assert_true(lists(f, "kept.test"));
	p = show(f);
	assert_int_equal(p->n_entries, 1);
	assert_false(p->is_foreign);
	policy_free(p);
	folder_free(f);
}

static void ends_come_in_their_order_whatever_was_decided_between(void **state)
{
	struct folder *f = folder_new();

	(void)state;
	must(f, ALLOW("late.test", 900));
	must(f, ALLOW("soon.test", 60));
	must(f, ALLOW("kept.test", 0));
	pass(f, 60);
	assert_false(lists(f, "soon.test"));
	assert_true(lists(f, "late.test") && lists(f, "kept.test"));
	must(f, ALLOW("other.test", 0));
	must(f, REVOKE("kept.test"));
	pass(f, 840);
	assert_false(lists(f, "late.test") || lists(f, "kept.test"));
	assert_true(lists(f, "other.test"));
	folder_free(f);
}

static void another_end_takes_the_place_of_the_first(void **state)
{
	struct folder *f = folder_new();

	(void)state;
	must(f, ALLOW("new.test", 60));
	must(f, ALLOW("new.test", 900));
	pass(f, 61);
	assert_true(lists(f, "new.test"));
	must(f, ALLOW("new.test", 0));
	pass(f, 10000);
	assert_true(lists(f, "new.test"));
	folder_free(f);
}

static void a_revoked_host_does_not_come_back_with_an_old_end(void **state)
{
	struct folder *f = folder_new();

	(void)state;
	must(f, ALLOW("a.test", 0));
	must(f, ALLOW("b.test", 60));
	must(f, REVOKE("a.test"));
	must(f, REVOKE("b.test"));
	pass(f, 60);
	assert_false(lists(f, "a.test") || lists(f, "b.test"));
	folder_free(f);
}

static void an_end_that_is_near_is_not_outlived_by_a_change(void **state)
{
	struct folder *f = folder_new();

	(void)state;
	/* the change is planned a moment before the end, and written at any pace */
	for (size_t n = 0; n < 4; n++) {
		struct policy_change c = ALLOW(n & 1 ? "c.test" : "d.test", 0);
		struct policy_state *s;
		struct policy_plan *p = NULL;
		struct err err;

		must(f, ALLOW("b.test", 60));
		pass(f, 59);
		s = state_of(f);
		assert_int_equal(policy_plan(&p, s, &c, f->now, &err), 0);
		put_some(f, p, n < p->n ? n : p->n);
		pass(f, 1);
		put_some(f, p, p->n);
		assert_false(lists(f, "b.test"));
		pass(f, 5);
		assert_false(lists(f, "b.test"));
		assert_true(lists(f, c.host));
		policy_plan_free(p);
		policy_state_free(s);
		pass(f, 100);
	}
	folder_free(f);
}

/* --- cutting ------------------------------------------------------------------------------- */

static void tunnels_are_cut_when_it_was_chosen(void **state)
{
	struct folder *f = folder_new();

	(void)state;
	must(f, ((struct policy_change){
			.verb = POLICY_ALLOW, .host = "a.test", .seconds = 60, .cuts = true }));
	must(f, ALLOW("b.test", 30));
	assert_int_equal(cut_of(f), 0);
	pass(f, 30);
	assert_int_equal(cut_of(f), 0);
	pass(f, 30);
	assert_int_equal(cut_of(f), 1);
	must(f, ALLOW("c.test", 0));
	assert_int_equal(cut_of(f), 1);
	must(f, ((struct policy_change){ .verb = POLICY_REVOKE, .host = "c.test", .cuts = true }));
	assert_int_equal(cut_of(f), 2);
	/* what ended can still be cut */
	must(f, ((struct policy_change){ .verb = POLICY_REVOKE, .host = "b.test", .cuts = true }));
	assert_int_equal(cut_of(f), 3);
	folder_free(f);
}

static void a_revoked_end_cuts_nothing(void **state)
{
	struct folder *f = folder_new();

	(void)state;
	must(f, ((struct policy_change){
			.verb = POLICY_ALLOW, .host = "a.test", .seconds = 60, .cuts = true }));
	must(f, REVOKE("a.test"));
	pass(f, 60);
	assert_int_equal(cut_of(f), 0);
	folder_free(f);
}

static void an_end_that_is_near_still_cuts(void **state)
{
	struct folder *f = folder_new();

	(void)state;
	must(f, ((struct policy_change){
			.verb = POLICY_ALLOW, .host = "a.test", .seconds = 60, .cuts = true }));
	pass(f, 59);
	must(f, ALLOW("b.test", 0));
	assert_false(lists(f, "a.test"));
	assert_int_equal(cut_of(f), 1);
	pass(f, 10);
	assert_int_equal(cut_of(f), 1);
	must(f, ALLOW("c.test", 0));
	assert_int_equal(cut_of(f), 1);
	folder_free(f);
}

/* --- freezing -------------------------------------------------------------------------------- */

static void no_end_thaws_a_frozen_session(void **state)
{
	struct folder *f = folder_new();
	struct policy *p;

	(void)state;
	must(f, ALLOW("a.test", 60));
	must(f, FREEZE);
	assert_true(is_frozen(f));
	pass(f, 60);
	assert_true(is_frozen(f));
	must(f, ALLOW("b.test", 60));
	assert_true(is_frozen(f));
	pass(f, 60);
	assert_true(is_frozen(f));
	p = show(f);
	assert_true(p->is_frozen);
	policy_free(p);
	must(f, THAW);
	assert_false(is_frozen(f));
	assert_false(lists(f, "a.test") || lists(f, "b.test"));
	folder_free(f);
}

/* --- what breaks off -------------------------------------------------------------------------- */

static void what_broke_off_opens_nothing_later(void **state)
{
	(void)state;
	for (size_t n = 1; n < 3; n++) {
		struct folder *f = folder_new();
		struct policy_state *s;
		struct policy_plan *p = NULL;
		struct policy *seen;
		struct err err;

		must(f, ALLOW("a.test", 0));
		s = state_of(f);
		assert_int_equal(policy_plan(&p, s, &ALLOW("b.test", 60), f->now, &err), 0);
		assert_int_equal(p->n, 3);
		put_some(f, p, n);
		policy_plan_free(p);
		policy_state_free(s);

		s = state_of(f);
		assert_true(policy_state_is_unfinished(s));
		assert_false(policy_state_is_foreign(s));
		policy_state_free(s);
		seen = show(f);
		assert_null(policy_find(seen, "b.test"));
		policy_free(seen);
		must(f, ALLOW("c.test", 0));
		assert_false(lists(f, "b.test"));
		assert_true(lists(f, "a.test") && lists(f, "c.test"));
		pass(f, 60);
		assert_true(lists(f, "a.test") && lists(f, "c.test"));
		folder_free(f);
	}
}

static void a_thaw_that_broke_off_thaws_nothing(void **state)
{
	struct folder *f = folder_new();
	struct policy_state *s;
	struct policy_plan *p = NULL;
	struct err err;

	(void)state;
	must(f, FREEZE);
	s = state_of(f);
	assert_int_equal(policy_plan(&p, s, &THAW, f->now, &err), 0);
	put_some(f, p, 1);
	policy_plan_free(p);
	policy_state_free(s);
	must(f, ALLOW("a.test", 0));
	assert_true(is_frozen(f));
	folder_free(f);
}

static void a_refused_change_is_taken_back(void **state)
{
	struct folder *f = folder_new();
	struct policy_state *s;
	struct policy_plan *p = NULL, *undo = NULL;
	struct policy *seen;
	struct err err;

	(void)state;
	must(f, ALLOW("a.test", 60));
	s = state_of(f);
	assert_int_equal(policy_plan(&p, s, &ALLOW("b.test", 30), f->now, &err), 0);
	put_some(f, p, p->n);
	assert_int_equal(policy_plan_undo(&undo, s, p, f->now, &err), 0);
	put_some(f, undo, undo->n);
	assert_string_not_equal(undo->live->hash, p->live->hash);
	policy_plan_free(p);
	policy_plan_free(undo);
	policy_state_free(s);
	assert_true(lists(f, "a.test"));
	assert_false(lists(f, "b.test"));
	seen = show(f);
	assert_int_equal(seen->n_entries, 1);
	assert_false(seen->is_foreign);
	policy_free(seen);
	pass(f, 30);
	assert_true(lists(f, "a.test"));
	assert_false(lists(f, "b.test"));
	pass(f, 30);
	assert_false(lists(f, "a.test"));
	folder_free(f);
}

static void a_file_of_somebody_else_is_not_built_upon(void **state)
{
	struct folder *f = folder_new();
	struct policy *p;

	(void)state;
	must(f, ALLOW("a.test", 60));
	buf_adds(&f->live, "# mine\n");
	p = show(f);
	assert_true(p->is_foreign);
	policy_free(p);
	assert_int_equal(refused(f, ALLOW("b.test", 0)), ERR_POLICY);
	must(f, FREEZE);
	assert_true(is_frozen(f));
	p = show(f);
	assert_false(p->is_foreign);
	policy_free(p);
	folder_free(f);
}

/* Each second a change, and a keeper that sweeps now and then: none comes undone. */
static void a_late_keeper_undoes_nothing(void **state)
{
	(void)state;
	for (int every = 1; every <= 8; every++) {
		struct folder *f = folder_new();
		char host[32];

		must(f, ALLOW("ends.test", 10));
		for (int i = 1; i <= 60; i++) {
			f->now++;
			snprintf(host, sizeof host, "h%d.test", i);
			must(f, ALLOW(host, 0));
			if (i % every == 0)
				pass(f, 0);
			for (int j = 1; j <= i; j++) {
				snprintf(host, sizeof host, "h%d.test", j);
				if (!lists(f, host))
					fail_msg("%s is gone at %d, a sweep each %d s", host, i,
					         every);
			}
			assert_int_equal(lists(f, "ends.test"), i < 8);
		}
		pass(f, 30);
		assert_true(lists(f, "h60.test"));
		assert_int_equal(f->n_steps, 0);
		folder_free(f);
	}
}

/* --- what is read -------------------------------------------------------------------------- */

static int reads(const char *base, const char *overlay)
{
	const struct policy_files files = { .base = base,
		                            .base_len = strlen(base),
		                            .live = base,
		                            .live_len = strlen(base),
		                            .overlay = overlay,
		                            .overlay_len = overlay ? strlen(overlay) : 0 };
	struct policy_state *s = NULL;
	struct err err;
	int rc = policy_state_read(&s, &files, &err);

	policy_state_free(s);
	return rc;
}

static void bases_that_are_not_ours_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"api_allowlist:\n  - \"a.test\"\n",
		"x\nkill_switch:\n  enabled: true\napi_allowlist:\n  - \"a.test\"\n",
		"x\nkill_switch:\n  enabled: false\napi_allowlist:\n",
		"x\nkill_switch:\n  enabled: false\napi_allowlist:\n  - a.test\n",
		"x\nkill_switch:\n  enabled: false\napi_allowlist:\n  - \"a_b\"\n",
		"x\napi_allowlist:\n  - \"a.test\"\nkill_switch:\n  enabled: false\n",
		"x\nkill_switch:\n  enabled: false\napi_allowlist:\n  - "
		"\"a.test\"\napi_allowlist:\n"
		"  - \"b.test\"\n",
		NULL,
	};

	(void)state;
	assert_int_equal(
		reads("x\nkill_switch:\n  enabled: false\napi_allowlist:\n  - \"a.test\"\n", NULL),
		0);
	for (size_t i = 0; bad[i]; i++)
		if (reads(bad[i], NULL) == 0)
			fail_msg("base %zu is taken", i);
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD                                                                    \
	"{\"v\":1,\"generation\":1,\"cut\":0,\"frozen\":false,\"hash\":\"" HASH \
	"\",\"was\":\"" HASH "\","
#define ENTRY(host, denied, until)                                                  \
	"{\"host\":\"" host "\",\"denied\":" denied ",\"since\":1,\"until\":" until \
	",\"cuts\":false,\"generation\":1,\"by\":\"\",\"why\":\"\"}"

static void overlays_that_are_not_ours_are_refused(void **state)
{
	static const char base[] =
		"x\nkill_switch:\n  enabled: false\napi_allowlist:\n  - \"a.test\"\n";
	static const char *const good[] = {
		HEAD "\"entries\":[],\"steps\":[]}",
		HEAD "\"written\":1800000000,\"entries\":[],\"steps\":[]}",
		HEAD "\"entries\":[" ENTRY("a.test", "false", "0") "," ENTRY(
			"*.b.test", "true", "0") "],"
						 "\"steps\":[{\"at\":5,\"cut\":1,\"hash\":\"" HASH
						 "\"}]}",
		NULL,
	};
	static const char *const bad[] = {
		"",
		"{}",
		"{\"v\":2}",
		HEAD "\"entries\":[]}",
		HEAD "\"written\":-1,\"entries\":[],\"steps\":[]}",
		HEAD "\"entries\":[" ENTRY("*.a.test", "false", "0") "],\"steps\":[]}",
		HEAD "\"entries\":[" ENTRY("10.0.0.1", "false", "0") "],\"steps\":[]}",
		HEAD "\"entries\":[" ENTRY("8.8.8.8", "false", "0") "],\"steps\":[]}",
		HEAD "\"entries\":[" ENTRY("A.test", "false", "0") "],\"steps\":[]}",
		HEAD "\"entries\":[" ENTRY("a.test", "true", "9") "],\"steps\":[]}",
		HEAD "\"entries\":[" ENTRY("a.test", "false", "-1") "],\"steps\":[]}",
		HEAD "\"entries\":[" ENTRY("a.test", "false", "0") "," ENTRY("a.test", "false",
		                                                             "0") "],\"steps\":[]}",
		HEAD "\"entries\":[],\"steps\":[{\"at\":5,\"cut\":1,\"hash\":\"x\"}]}",
		HEAD "\"entries\":[],\"steps\":[]} ]",
		NULL,
	};

	(void)state;
	for (size_t i = 0; good[i]; i++)
		if (reads(base, good[i]) < 0)
			fail_msg("overlay %zu is refused", i);
	for (size_t i = 0; bad[i]; i++)
		if (reads(base, bad[i]) == 0)
			fail_msg("overlay %zu is taken", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_untouched_session_is_as_launched),
		cmocka_unit_test(only_the_first_line_and_the_host_differ),
		cmocka_unit_test(allow_and_revoke_of_a_host),
		cmocka_unit_test(a_host_of_the_bottle_is_taken_away_and_given_back),
		cmocka_unit_test(what_a_wildcard_lets_through_is_not_revoked_by_half),
		cmocka_unit_test(the_last_host_stays),
		cmocka_unit_test(what_must_not_be_is_refused_whoever_asks),
		cmocka_unit_test(what_is_so_already_writes_nothing),
		cmocka_unit_test(any_words_of_a_person_can_be_read_again),
		cmocka_unit_test(a_flood_of_hosts_ends_at_the_cap),
		cmocka_unit_test(what_is_for_a_while_ends_with_nobody_there),
		cmocka_unit_test(ends_come_in_their_order_whatever_was_decided_between),
		cmocka_unit_test(another_end_takes_the_place_of_the_first),
		cmocka_unit_test(a_revoked_host_does_not_come_back_with_an_old_end),
		cmocka_unit_test(an_end_that_is_near_is_not_outlived_by_a_change),
		cmocka_unit_test(tunnels_are_cut_when_it_was_chosen),
		cmocka_unit_test(a_revoked_end_cuts_nothing),
		cmocka_unit_test(an_end_that_is_near_still_cuts),
		cmocka_unit_test(no_end_thaws_a_frozen_session),
		cmocka_unit_test(what_broke_off_opens_nothing_later),
		cmocka_unit_test(a_thaw_that_broke_off_thaws_nothing),
		cmocka_unit_test(a_refused_change_is_taken_back),
		cmocka_unit_test(a_late_keeper_undoes_nothing),
		cmocka_unit_test(a_file_of_somebody_else_is_not_built_upon),
		cmocka_unit_test(bases_that_are_not_ours_are_refused),
		cmocka_unit_test(overlays_that_are_not_ours_are_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
