#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/err.h"
#include "docker/ca.h"

static X509 *parse_cert(const struct ca *ca)
{
	BIO *bio = BIO_new_mem_buf(ca->cert_pem.data, (int)ca->cert_pem.len);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(cert);
	return cert;
}

static void key_is_sec1_and_the_first_block(void **state)
{
	struct ca ca = { 0 };

	(void)state;
	assert_int_equal(ca_make(&ca, "t", NULL), 0);
	assert_int_equal(strncmp(ca.key_pem.data, "-----BEGIN EC PRIVATE KEY-----", 30), 0);
	assert_null(strstr(ca.key_pem.data, "EC PARAMETERS"));
	ca_done(&ca);
}

static void certificate_may_sign_and_matches_its_key(void **state)
{
	struct ca ca = { 0 };
	X509 *cert;
	EVP_PKEY *key;
	BIO *bio;

	(void)state;
	assert_int_equal(ca_make(&ca, "claude-bottle docs", NULL), 0);
	cert = parse_cert(&ca);
	assert_true(X509_get_key_usage(cert) & KU_KEY_CERT_SIGN);
	assert_true(X509_get_extension_flags(cert) & EXFLAG_CA);
	bio = BIO_new_mem_buf(ca.key_pem.data, (int)ca.key_pem.len);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	assert_non_null(key);
	assert_int_equal(X509_check_private_key(cert, key), 1);
	assert_int_equal(X509_verify(cert, key), 1);
	assert_int_equal(strlen(ca.fingerprint), 32 * 3 - 1);
	EVP_PKEY_free(key);
	BIO_free(bio);
	X509_free(cert);
	ca_done(&ca);
}

static void every_launch_has_its_own(void **state)
{
	struct ca a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(ca_make(&a, "x", NULL), 0);
	assert_int_equal(ca_make(&b, "x", NULL), 0);
	assert_string_not_equal(a.fingerprint, b.fingerprint);
	assert_string_not_equal(a.key_pem.data, b.key_pem.data);
	ca_done(&a);
	ca_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_is_sec1_and_the_first_block),
		cmocka_unit_test(certificate_may_sign_and_matches_its_key),
		cmocka_unit_test(every_launch_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
