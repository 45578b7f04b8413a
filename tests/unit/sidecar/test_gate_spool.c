/* The spool, decisions, and accepted findings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "sidecar/gate/accept.h"
#include "sidecar/gate/gate.h"
#include "sidecar/gate/hmac.h"
#include "sidecar/gate/hold.h"
#include "sidecar/gate/proto.h"
#include "sidecar/gate/record.h"
#include "sidecar/gate/report.h"
#include "sidecar/gate/review.h"
#include "sidecar/gate/spool.h"
#include "sidecar/gate/util.h"

#define OID1 "1111111111111111111111111111111111111111"
#define OID2 "2222222222222222222222222222222222222222"
#define ID "00112233445566aa"

static char *dir;

static int make_dir(void **state)
{
	(void)state;
	dir = xasprintf("/tmp/cbt-spool-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	(void)state;
	dir_remove(dir);
	free(dir);
	return 0;
}

static void hex(char *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void sums_are_those_of_the_standards(void **state)
{
	unsigned char sum[32], key[HMAC_KEY] = { 0 };
	char text[65], million[1000];

	(void)state;
	sha256(sum, "abc", 3);
	hex(text, sum, 32);
	assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223"
	                          "b00361a396177a9cb410ff61f20015ad");
	sha256(sum, "", 0);
	hex(text, sum, 32);
	assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb924"
	                          "27ae41e4649b934ca495991b7852b855");
	sha256(sum, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
	hex(text, sum, 32);
	assert_string_equal(text, "248d6a61d20638b8e5c026930c3e6039"
	                          "a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', sizeof million);
	sha256(sum, million, sizeof million);
	hex(text, sum, 32);
	assert_string_equal(text, "41edece42d63e8d9bf515a9ba6932e1c"
	                          "20cbc9f5a5d134645adb5db1b9737ea3");
	/* RFC 4231, case 2; a key is filled up with zeros anyway */
	memcpy(key, "Jefe", 4);
	hmac_sha256(sum, key, "what do ya want for nothing?", 28);
	hex(text, sum, 32);
	assert_string_equal(text, "5bdcc146bf60754e6a042426089575c7"
	                          "5a003f089d2739839dec58b964ec3843");
}

/* --- records ------------------------------------------------------------------------- */

static int put_to(const char *id, const char *state, size_t diff_len, const char *ref,
                  size_t most_held)
{
	cJSON *o = cJSON_CreateObject(), *one = cJSON_CreateObject();
	struct buf diff = BUF_INIT(4U << 20);
	struct err err = { { 0 } };
	int rc;

	cJSON_AddStringToObject(o, "id", id);
	cJSON_AddStringToObject(o, "state", state);
	cJSON_AddStringToObject(one, "ref", ref);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(o, "refs"), one);
	for (size_t i = 0; i < diff_len; i++)
		buf_addc(&diff, '+');
	rc = spool_add(dir, id, o, &diff, most_held, &err);
	if (rc < 0)
		fail_msg("%s", err.msg);
	cJSON_Delete(o);
	buf_done(&diff);
	return rc;
}

static void put(const char *id, const char *state, size_t diff_len)
{
	put_to(id, state, diff_len, "refs/heads/main", 0);
}

static size_t count(void)
{
	struct buf ids = BUF_INIT(65536);
	size_t n;

	spool_list(dir, &ids);
	n = ids.len / 17;
	buf_done(&ids);
	return n;
}

static bool has(const char *id)
{
	cJSON *o = spool_read(dir, id, NULL);

	cJSON_Delete(o);
	return o != NULL;
}

static void a_record_is_written_updated_and_read(void **state)
{
	struct buf diff = BUF_INIT(100);
	cJSON *o;

	(void)state;
	put(ID, "held", 5);
	o = spool_read(dir, ID, NULL);
	record_set(o, "state", "accepted", 20);
	assert_int_equal(spool_update(dir, ID, o, NULL), 0);
	cJSON_Delete(o);
	o = spool_read(dir, ID, NULL);
	assert_string_equal(record_get(o, "state"), "accepted");
	cJSON_Delete(o);
	spool_read_diff(dir, ID, &diff);
	assert_string_equal(diff.data, "+++++");
	buf_done(&diff);
	assert_null(spool_read(dir, "../../etc/passwd", NULL));
}

static void an_update_does_not_bring_back_what_is_gone(void **state)
{
	cJSON *o;

	(void)state;
	put(ID, "held", 5);
	o = spool_read(dir, ID, NULL);
	dir_remove(dir);
	mkdir(dir, 0700);
	assert_int_equal(spool_update(dir, ID, o, NULL), 0);
	assert_false(has(ID));
	cJSON_Delete(o);
}

/* Files get times of their own, so that the order does not hang on the clock. */
static void put_ref_at(int i, const char *state, size_t len, const char *ref)
{
	struct utimbuf t = { 1000 + i, 1000 + i };
	char id[17], *path;

	snprintf(id, sizeof id, "%016x", (unsigned)i);
	put_to(id, state, len, ref, 0);
	path = xasprintf("%s/%s.diff", dir, id);
	utime(path, &t);
	free(path);
}

static void put_at(int i, const char *state, size_t len)
{
	put_ref_at(i, state, len, "refs/heads/main");
}

static void the_oldest_go_first_and_those_that_wait_last(void **state)
{
	(void)state;
	put_at(1, "held", 10);
	for (int i = 2; i < SPOOL_RECORDS + 10; i++)
		put_at(i, "accepted", 10);
	assert_int_equal(count(), SPOOL_RECORDS);
	assert_true(has("0000000000000001"));
	assert_false(has("0000000000000002"));
	assert_true(has("0000000000000029")); /* 41, the last */
}

static void pushes_that_pass_do_not_wash_away_one_that_was_refused(void **state)
{
	(void)state;
	put_at(1, "rejected", 10);
	put_at(2, "timed-out", 10);
	put_at(3, "held", 10);
	for (int i = 4; i < SPOOL_RECORDS + 10; i++)
		put_at(i, i % 2 ? "accepted" : "cancelled", 10);
	assert_int_equal(count(), SPOOL_RECORDS);
	assert_true(has("0000000000000001"));
	assert_true(has("0000000000000002"));
	assert_true(has("0000000000000003"));
	assert_false(has("0000000000000004"));
}

static void refused_pushes_do_not_wash_away_the_first_of_their_refs(void **state)
{
	(void)state;
	put_ref_at(1, "held", 10, "refs/heads/a");
	put_ref_at(2, "rejected", 10, "refs/heads/a");
	put_ref_at(3, "rejected", 10, "refs/heads/b");
	put_ref_at(4, "rejected", 10, "refs/heads/b");
	for (int i = 5; i < 100; i++)
		put_ref_at(i, "rejected", 10, "refs/heads/a");
	assert_int_equal(count(), SPOOL_RECORDS);
	assert_true(has("0000000000000001"));
	assert_true(has("0000000000000002")); /* the first to a */
	assert_true(has("0000000000000003")); /* and to b */
	assert_true(has("0000000000000004"));
	assert_false(has("0000000000000005"));
	assert_true(has("0000000000000063")); /* 99, the last */
	/* to ever other refs: the very first stays all the same */
	for (int i = 100; i < 200; i++) {
		char *ref = xasprintf("refs/heads/%d", i);

		put_ref_at(i, "rejected", 10, ref);
		free(ref);
	}
	assert_int_equal(count(), SPOOL_RECORDS);
	assert_true(has("0000000000000001"));
	assert_true(has("0000000000000002"));
	assert_true(has("00000000000000c7")); /* 199 */
}

static void no_more_wait_than_may(void **state)
{
	(void)state;
	assert_int_equal(put_to("0000000000000001", "held", 1, "r", 2), 0);
	assert_int_equal(put_to("0000000000000002", "forwarding", 1, "r", 2), 0);
	assert_int_equal(put_to("0000000000000003", "held", 1, "r", 2), 1);
	assert_int_equal(count(), 2);
	put("0000000000000002", "accepted", 1);
	assert_int_equal(put_to("0000000000000003", "held", 1, "r", 2), 0);
}

static void a_record_that_cannot_be_written_anew_goes(void **state)
{
	char *part = xasprintf("%s/" ID ".part", dir);
	cJSON *o;

	(void)state;
	put(ID, "held", 5);
	o = spool_read(dir, ID, NULL);
	mkdir(part, 0700);
	assert_int_equal(spool_update(dir, ID, o, NULL), -1);
	assert_false(has(ID));
	assert_int_equal(count(), 0);
	cJSON_Delete(o);
	free(part);
}

static void bytes_are_bounded_too(void **state)
{
	size_t each = 1U << 20;

	(void)state;
	for (int i = 1; i < 20; i++)
		put_at(i, "accepted", each);
	assert_true(count() * each <= SPOOL_BYTES);
	assert_true(count() >= 10);
}

static void a_record_of_ever_so_many_refs_can_be_read(void **state)
{
	struct ref_updates many = { 0 };
	struct findings none = { 0 };
	struct review review = { 0 };
	struct record_facts facts = { .id = ID, .repo = "r", .peer = "p", .refs = &many,
		                      .found = &none, .shown = &none, .review = &review };
	struct buf diff = BUF_INIT(100);
	cJSON *o;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		char line[400];

		snprintf(line, sizeof line, OID1 " " OID2 " refs/heads/%0200d", i);
		ref_updates_add(&many, line, strlen(line));
	}
	o = record_new(&facts, &diff);
	assert_int_equal(spool_add(dir, ID, o, &diff, 0, NULL), 0);
	cJSON_Delete(o);
	o = spool_read(dir, ID, NULL);
	assert_non_null(o);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(o, "refs")), RECORD_REFS);
	cJSON_Delete(o);
	ref_updates_done(&many);
	buf_done(&diff);
}

static void a_push_that_ended_unheard_is_closed(void **state)
{
	cJSON *o;

	(void)state;
	put(ID, "held", 1);
	assert_true(spool_close(dir, ID, "failed", "cut off"));
	o = spool_read(dir, ID, NULL);
	assert_string_equal(record_get(o, "state"), "failed");
	assert_string_equal(record_get(o, "reason"), "cut off");
	cJSON_Delete(o);
	assert_false(spool_close(dir, ID, "cancelled", "no"));
	o = spool_read(dir, ID, NULL);
	assert_string_equal(record_get(o, "state"), "failed");
	cJSON_Delete(o);
}

/* --- decisions ------------------------------------------------------------------------ */

static struct ref_updates refs;

static int one_ref(void **state)
{
	static const char line[] = OID1 " " OID2 " refs/heads/main";

	refs = (struct ref_updates){ 0 };
	ref_updates_add(&refs, line, sizeof line - 1);
	return make_dir(state);
}

static int drop_ref(void **state)
{
	ref_updates_done(&refs);
	return drop_dir(state);
}

static int decide(const char *action, const char *id)
{
	cJSON *o = cJSON_CreateObject(), *list;
	int rc;

	cJSON_AddStringToObject(o, "action", action);
	cJSON_AddStringToObject(o, "by", "ann");
	cJSON_AddStringToObject(o, "message", "why");
	list = cJSON_AddArrayToObject(o, "new");
	cJSON_AddItemToArray(list, cJSON_CreateString(id));
	rc = spool_decide(dir, ID, o, NULL);
	cJSON_Delete(o);
	return rc;
}

static char said[1000];

static void say(const char *line)
{
	snprintf(said, sizeof said, "%s", line);
}

static enum hold_result wait_for(struct hold *h, int seconds)
{
	*h = (struct hold){ .spool = dir,
		            .id = ID,
		            .scratch = dir,
		            .refs = &refs,
		            .seconds = seconds,
		            .say = say };
	return hold_wait(h);
}

static void there_is_one_decision_and_it_is_taken_once(void **state)
{
	struct hold h;

	(void)state;
	assert_int_equal(decide("approve", OID2), 0);
	assert_int_equal(decide("reject", OID2), -1);
	assert_int_equal(wait_for(&h, 60), HOLD_APPROVED);
	assert_string_equal(h.by, "ann");
	assert_non_null(strstr(said, ID));
	free(h.by);
	free(h.message);
	assert_null(spool_take_decision(dir, ID));
}

static void a_rejection_brings_its_message(void **state)
{
	struct hold h;

	(void)state;
	decide("reject", OID2);
	assert_int_equal(wait_for(&h, 60), HOLD_REJECTED);
	assert_string_equal(h.message, "why");
	free(h.by);
	free(h.message);
}

static void a_decision_on_other_ids_counts_for_nothing(void **state)
{
	struct hold h;

	(void)state;
	decide("approve", OID1);
	assert_int_equal(wait_for(&h, 0), HOLD_LATE);
	assert_null(h.by);
	decide("sing", OID2);
	assert_int_equal(wait_for(&h, 0), HOLD_LATE);
}

static void a_gone_client_comes_before_a_decision(void **state)
{
	char *path = xasprintf("%s/" CLIENT_GONE, dir);
	struct hold h;

	(void)state;
	file_write(path, "", 0, NULL);
	decide("approve", OID2);
	assert_int_equal(wait_for(&h, 60), HOLD_GONE);
	free(path);
}

/* --- findings ---------------------------------------------------------------------------- */

static struct finding finding(const char *rule, const char *secret, const char *name)
{
	struct finding f = { .rule = xstrndup(rule, strlen(rule)),
		             .secret = xstrndup(secret, strlen(secret)),
		             .name = xstrndup(name, strlen(name)) };

	return f;
}

static const char *id_of(const char *rule, const char *secret, const char *name, const char *repo)
{
	static const unsigned char key[HMAC_KEY] = { 7 };
	static char ids[8][33];
	static int n;
	struct finding f = finding(rule, secret, name);
	char *out = ids[n++ % 8];

	accept_id(out, key, &f, repo, &refs);
	free(f.rule);
	free(f.secret);
	free(f.name);
	return out;
}

static void an_id_is_of_a_rule_a_secret_and_where_it_goes(void **state)
{
	const char *id = id_of("r", "s", "a.c", "proj");

	(void)state;
	assert_int_equal(strlen(id), 32);
	assert_string_equal(id, id_of("r", "s", "b.c", "proj"));
	assert_string_not_equal(id, id_of("r2", "s", "a.c", "proj"));
	assert_string_not_equal(id, id_of("r", "s2", "a.c", "proj"));
	assert_string_not_equal(id, id_of("r", "s", "a.c", "other"));
	assert_string_not_equal(id_of("r", "", "a.p12", "proj"), id_of("r", "", "b.p12", "proj"));
	assert_string_not_equal(id_of("r", "", "x", "proj"), id_of("r", "x", "", "proj"));
	free(refs.v[0].ref);
	refs.v[0].ref = xstrndup("refs/heads/other", 16);
	assert_string_not_equal(id, id_of("r", "s", "a.c", "proj"));
}

static void fill(struct findings *f, const char *const *ids, size_t n)
{
	*f = (struct findings){ .n = n };
	f->v = xcalloc(n, sizeof *f->v);
	for (size_t i = 0; i < n; i++) {
		f->v[i] = finding("r", "s", "n");
		snprintf(f->v[i].id, sizeof f->v[i].id, "%s", ids[i]);
	}
}

static void an_acceptance_counts_for_one_push_that_has_nothing_else(void **state)
{
	static const char a[] = "0123456789abcdef0123456789abcdef";
	static const char b[] = "fedcba9876543210fedcba9876543210";
	const char *twice[] = { a, a }, *both[] = { a, b };
	char *spool = xasprintf("%s/accepted", dir), *scratch = xasprintf("%s/scratch", dir);
	struct findings f;

	(void)state;
	mkdir(spool, 0700);
	mkdir(scratch, 0700);
	assert_int_equal(accept_add(spool, "../x", "ann", NULL), -1);
	assert_int_equal(accept_add(spool, a, "ann", NULL), 0);
	/* another finding beside it: refused, and nothing is used up */
	fill(&f, both, 2);
	assert_false(accept_take(spool, scratch, &f));
	assert_null(f.v[0].accepted_by);
	findings_done(&f);
	/* the same in two places is one; it comes to nothing; then it passes, once */
	for (int i = 0; i < 3; i++) {
		fill(&f, twice, 2);
		assert_int_equal(accept_take(spool, scratch, &f), i < 2);
		if (i < 2)
			assert_string_equal(f.v[1].accepted_by, "ann");
		if (i == 0)
			accept_put_back(spool, scratch, &f);
		findings_done(&f);
	}
	free(spool);
	free(scratch);
}

static void an_old_acceptance_does_not_count(void **state)
{
	static const char a[] = "0123456789abcdef0123456789abcdef";
	const char *ids[] = { a };
	char *path = xasprintf("%s/%s", dir, a);
	struct utimbuf old = { 1000, 1000 };
	struct findings f;

	(void)state;
	accept_add(dir, a, "ann", NULL);
	utime(path, &old);
	fill(&f, ids, 1);
	assert_false(accept_take(dir, "/tmp", &f));
	findings_done(&f);
	free(path);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_dir, drop_dir)
#define TEST_REF(fn) cmocka_unit_test_setup_teardown(fn, one_ref, drop_ref)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_those_of_the_standards),
		TEST(a_record_is_written_updated_and_read),
		TEST(an_update_does_not_bring_back_what_is_gone),
		TEST(the_oldest_go_first_and_those_that_wait_last),
		TEST(pushes_that_pass_do_not_wash_away_one_that_was_refused),
		TEST(refused_pushes_do_not_wash_away_the_first_of_their_refs),
		TEST(no_more_wait_than_may),
		TEST(a_record_that_cannot_be_written_anew_goes),
		TEST(bytes_are_bounded_too),
		TEST(a_record_of_ever_so_many_refs_can_be_read),
		TEST(a_push_that_ended_unheard_is_closed),
		TEST_REF(there_is_one_decision_and_it_is_taken_once),
		TEST_REF(a_rejection_brings_its_message),
		TEST_REF(a_decision_on_other_ids_counts_for_nothing),
		TEST_REF(a_gone_client_comes_before_a_decision),
		TEST_REF(an_id_is_of_a_rule_a_secret_and_where_it_goes),
		TEST_REF(an_acceptance_counts_for_one_push_that_has_nothing_else),
		TEST_REF(an_old_acceptance_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
