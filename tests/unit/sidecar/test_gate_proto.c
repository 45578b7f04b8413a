#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/gate/proto.h"
#include "sidecar/gate/util.h"

#define LIT(s) (s), sizeof(s) - 1

static void a_packet_length_is_four_hex_digits(void **state)
{
	(void)state;
	assert_int_equal(pkt_length("0000"), 0);
	assert_int_equal(pkt_length("0001"), 1);
	assert_int_equal(pkt_length("0004"), 4);
	assert_int_equal(pkt_length("00Af"), 0xaf);
	assert_int_equal(pkt_length("fff0"), 65520);
	assert_int_equal(pkt_length("fff1"), -1);
	assert_int_equal(pkt_length("0003"), -1);
	assert_int_equal(pkt_length("00-1"), -1);
	assert_int_equal(pkt_length("GET "), -1);
}

static void a_request_names_service_path_and_version(void **state)
{
	struct request r = { 0 };

	(void)state;
	assert_int_equal(
		request_parse(&r, LIT("git-upload-pack /a/b.git\0host=g\0\0version=2\0"), NULL), 0);
	assert_int_equal(r.service, SERVICE_UPLOAD_PACK);
	assert_string_equal(r.path, "/a/b.git");
	assert_int_equal(r.version, 2);
	assert_int_equal(request_parse(&r, LIT("git-receive-pack /x\0host=g:9418\0"), NULL), 0);
	assert_int_equal(r.service, SERVICE_RECEIVE_PACK);
	assert_int_equal(r.version, 0);
	assert_int_equal(request_parse(&r, LIT("git-upload-pack /x\n"), NULL), 0);
	assert_string_equal(r.path, "/x");
}

static void other_services_and_broken_requests_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
		{ LIT("git-upload-archive /x\0host=g\0") },
		{ LIT("git-upload-packx /x\0") },
		{ LIT("git-upload-pack\0 /x\0") },
		{ LIT("git-upload-pack x\0") },
		{ LIT("git-upload-pack ~user/x\0") },
		{ LIT("git-upload-pack \0") },
		{ LIT("GET / HTTP/1.1\n") },
		{ LIT("") },
	};
	struct err err;
	char big[2000] = "git-upload-pack /";
	struct request r = { .version = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(request_parse(&r, bad[i].text, bad[i].len, &err), -1);
	memset(big + 17, 'a', sizeof big - 17);
	assert_int_equal(request_parse(&r, big, sizeof big, &err), -1);
	assert_int_equal(r.version, 7); /* untouched on failure */
}

static void a_refusal_is_one_clean_error_packet(void **state)
{
	struct buf b = BUF_INIT(4096);

	(void)state;
	pkt_error(&b, "no such repository: /a\033[31m\n");
	assert_string_equal(buf_str(&b), "002eERR git-gate: no such repository: /a?[31m ");
	assert_int_equal(b.len, 0x2e);
	buf_done(&b);
}

#define A40 "1111111111111111111111111111111111111111"
#define Z40 "0000000000000000000000000000000000000000"

static void commands_are_read_up_to_the_flush(void **state)
{
	struct buf b = BUF_INIT(4096);
	struct ref_updates u = { 0 };
	const char first[] = Z40 " " A40 " refs/heads/a\0 report-status atomic";

	(void)state;
	buf_addf(&b, "%04zx", sizeof first - 1 + 4);
	buf_add(&b, first, sizeof first - 1);
	buf_addf(&b, "%04zx%s", strlen(A40 " " Z40 " refs/tags/t\n") + 4,
	         A40 " " Z40 " refs/tags/t\n");
	buf_adds(&b, "0000PACK....");
	assert_int_equal(commands_parse(&u, b.data, b.len), 1);
	assert_int_equal(u.n, 2);
	assert_string_equal(u.v[0].ref, "refs/heads/a");
	assert_true(oid_is_zero(u.v[0].old));
	assert_string_equal(u.v[0].new, A40);
	assert_string_equal(u.v[1].ref, "refs/tags/t");
	assert_true(oid_is_zero(u.v[1].new));
	ref_updates_done(&u);

	assert_int_equal(commands_parse(&u, b.data, 30), 0); /* not all there yet */
	assert_int_equal(u.n, 0);
	assert_int_equal(commands_parse(&u, "0009hello", 9), -1);
	ref_updates_done(&u);
	buf_done(&b);
}

static void object_ids_are_forty_or_sixty_four_lower_case_digits(void **state)
{
	(void)state;
	assert_true(oid_is_valid(LIT(A40)));
	assert_true(oid_is_valid(LIT(A40 "abcdefabcdefabcdefabcdef")));
	assert_false(oid_is_valid(LIT(A40 "1")));
	assert_false(oid_is_valid("111111111111111111111111111111111111111A", 40));
	assert_false(oid_is_valid("--upload-pack=/bin/sh", 21));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_length_is_four_hex_digits),
		cmocka_unit_test(a_request_names_service_path_and_version),
		cmocka_unit_test(other_services_and_broken_requests_are_refused),
		cmocka_unit_test(a_refusal_is_one_clean_error_packet),
		cmocka_unit_test(commands_are_read_up_to_the_flush),
		cmocka_unit_test(object_ids_are_forty_or_sixty_four_lower_case_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
