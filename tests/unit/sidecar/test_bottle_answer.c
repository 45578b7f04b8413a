#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/bottle/answer.h"

static void a_dns_query_has_labels_and_one_question(void **state)
{
	static const uint8_t want[] = { 0x12, 0x34, 1,   0, 0,   1,   0, 0, 0, 0, 0,
					0,    1,    'a', 2, 'b', 'c', 0, 0, 1, 0, 1 };
	uint8_t got[64];

	(void)state;
	assert_int_equal(answer_dns_query(got, sizeof got, 0x1234, "a.bc"), sizeof want);
	assert_memory_equal(got, want, sizeof want);
}

static void a_name_that_is_no_name_is_no_query(void **state)
{
	uint8_t got[300];
	char label[80];

	(void)state;
	memset(label, 'a', sizeof label - 1);
	label[sizeof label - 1] = '\0';
	assert_int_equal(answer_dns_query(got, sizeof got, 1, ""), 0);
	assert_int_equal(answer_dns_query(got, sizeof got, 1, "a..b"), 0);
	assert_int_equal(answer_dns_query(got, sizeof got, 1, label), 0);
	assert_int_equal(answer_dns_query(got, 21, 0x1234, "a.bc"), 0);
	assert_int_equal(answer_dns_query(got, 22, 0x1234, "a.bc"), 22);
}

static void a_dns_answer_is_told_by_its_code(void **state)
{
	static const struct {
		uint8_t code;
		enum answer_dns want;
	} codes[] = {
		{ 0x80, ANSWER_DNS_NOERROR },  { 0x82, ANSWER_DNS_SERVFAIL },
		{ 0x03, ANSWER_DNS_NXDOMAIN }, { 0x85, ANSWER_DNS_REFUSED },
		{ 0x84, ANSWER_DNS_OTHER },
	};
	uint8_t msg[12] = { 0x12, 0x34, 0x81 };

	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		msg[3] = codes[i].code;
		assert_int_equal(answer_dns(msg, sizeof msg, 0x1234), codes[i].want);
	}
}

static void bytes_that_answer_nothing_are_no_dns_answer(void **state)
{
	uint8_t msg[12] = { 0x12, 0x34, 0x81, 0x85 };

	(void)state;
	assert_int_equal(answer_dns(msg, 11, 0x1234), ANSWER_DNS_BAD);
	assert_int_equal(answer_dns(msg, 12, 0x1235), ANSWER_DNS_BAD);
	msg[2] = 0x01; /* a query, echoed */
	assert_int_equal(answer_dns(msg, 12, 0x1234), ANSWER_DNS_BAD);
}

static bool http(struct answer_http *a, const char *msg)
{
	return answer_http(a, msg, strlen(msg));
}

static void an_http_head_gives_status_length_and_body(void **state)
{
	struct answer_http a;

	(void)state;
	assert_true(
		http(&a, "HTTP/1.1 403 Forbidden\r\nX: y\r\ncontent-length:  9\r\n\r\nblocked: x"));
	assert_int_equal(a.status, 403);
	assert_int_equal(a.wanted, 9);
	assert_int_equal(a.body_len, 10);
	assert_true(answer_body_begins(&a, "blocked: "));
	assert_false(answer_body_begins(&a, "blocked: x and more"));
	assert_true(answer_body_holds(&a, ": x"));
	assert_false(answer_body_holds(&a, "y"));
	assert_true(http(&a, "HTTP/1.1 200 Connection established\r\n\r\n"));
	assert_int_equal(a.wanted, -1);
	assert_int_equal(a.body_len, 0);
}

static void a_length_in_the_body_does_not_count(void **state)
{
	struct answer_http a;

	(void)state;
	assert_true(http(&a, "HTTP/1.1 200 OK\r\n\r\nContent-Length: 3\r\n"));
	assert_int_equal(a.wanted, -1);
}

static void other_bytes_are_no_http_head(void **state)
{
	struct answer_http a;

	(void)state;
	assert_false(http(&a, ""));
	assert_false(http(&a, "HTTP/1.1 200 OK\r\nContent-Le"));
	assert_false(http(&a, "\r\n\r\n"));
	assert_false(http(&a, "SSH-2.0-OpenSSH\r\n\r\n"));
	assert_false(http(&a, "HTTP/1.1 abc OK\r\n\r\n"));
	assert_false(http(&a, "HTTP/1.1 2 OK\r\n\r\n"));
}

static void a_git_request_counts_its_own_length(void **state)
{
	static const char want[] = "0028git-upload-pack /x.git\0host=git-gate";
	char got[64];

	(void)state;
	assert_int_equal(
		answer_git_request(got, sizeof got, "git-upload-pack", "/x.git", "git-gate"),
		sizeof want);
	assert_memory_equal(got + 4, want + 4, sizeof want - 4);
	assert_int_equal(strtol((char[]){ got[0], got[1], got[2], got[3], 0 }, NULL, 16),
			 sizeof want);
	assert_int_equal(answer_git_request(got, 40, "git-upload-pack", "/x.git", "git-gate"), 0);
}

static void a_git_answer_is_a_refusal_or_refs(void **state)
{
	(void)state;
	assert_int_equal(answer_git("", 0), ANSWER_GIT_REFUSED);
	assert_int_equal(answer_git("000cERR none", 12), ANSWER_GIT_REFUSED);
	assert_int_equal(answer_git("003f9f1b7e...", 12), ANSWER_GIT_SERVED);
	assert_int_equal(answer_git("HTTP/1.1 400", 12), ANSWER_GIT_BAD);
	assert_int_equal(answer_git("000", 3), ANSWER_GIT_BAD);
}

static void a_tls_hello_is_as_long_as_it_says(void **state)
{
	uint8_t got[512];
	size_t n = answer_tls_hello(got, sizeof got, "api.example.test");

	(void)state;
	assert_true(n > 100);
	assert_int_equal((size_t)(got[3] << 8 | got[4]), n - 5);
	assert_int_equal((size_t)(got[6] << 16 | got[7] << 8 | got[8]), n - 9);
	assert_non_null(memmem(got, n,
			       "\0\x10"
			       "api.example.test",
			       18));
	assert_int_equal(answer_tls_hello(got, n - 1, "api.example.test"), 0);
	assert_int_equal(answer_tls_hello(got, sizeof got, ""), 0);
}

static void a_tls_record_is_a_handshake_or_an_alert(void **state)
{
	(void)state;
	assert_true(answer_tls((const uint8_t *)"\x16\x03\x03\x00\x31", 5));
	assert_true(answer_tls((const uint8_t *)"\x15\x03\x01\x00\x02", 5));
	assert_false(answer_tls((const uint8_t *)"HTTP/", 5));
	assert_false(answer_tls((const uint8_t *)"\x16\x03", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dns_query_has_labels_and_one_question),
		cmocka_unit_test(a_name_that_is_no_name_is_no_query),
		cmocka_unit_test(a_dns_answer_is_told_by_its_code),
		cmocka_unit_test(bytes_that_answer_nothing_are_no_dns_answer),
		cmocka_unit_test(an_http_head_gives_status_length_and_body),
		cmocka_unit_test(a_length_in_the_body_does_not_count),
		cmocka_unit_test(other_bytes_are_no_http_head),
		cmocka_unit_test(a_git_request_counts_its_own_length),
		cmocka_unit_test(a_git_answer_is_a_refusal_or_refs),
		cmocka_unit_test(a_tls_hello_is_as_long_as_it_says),
		cmocka_unit_test(a_tls_record_is_a_handshake_or_an_alert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
