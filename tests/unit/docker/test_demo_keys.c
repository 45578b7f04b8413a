/* The keys of the demo's upstream, as their readers will read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/err.h"
#include "docker/demo_keys.h"

static const char *const hosts[] = { "files.demo.test", "git.demo.test", NULL };

static X509 *read_cert(const struct buf *b)
{
	BIO *bio = BIO_new_mem_buf(b->data, (int)b->len);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return cert;
}

static EVP_PKEY *read_key(const struct buf *b)
{
	BIO *bio = BIO_new_mem_buf(b->data, (int)b->len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return key;
}

/* Would a client that trusts this CA alone take cert as a server's? */
static bool is_good_for(X509 *ca, X509 *cert)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool is_good;

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(ctx, store, cert, NULL);
	X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
	is_good = X509_verify_cert(ctx) == 1;
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return is_good;
}

static void the_ca_vouches_for_the_servers_names(void **state)
{
	struct demo_keys k, other;
	struct err err = { 0 };
	X509 *ca, *cert, *stranger;
	EVP_PKEY *key;

	(void)state;
	assert_int_equal(demo_keys_make(&k, hosts, &err), 0);
	assert_int_equal(demo_keys_make(&other, hosts, &err), 0);
	ca = read_cert(&k.ca_pem);
	cert = read_cert(&k.cert_pem);
	stranger = read_cert(&other.ca_pem);
	key = read_key(&k.key_pem);
	assert_true(is_good_for(ca, cert));
	assert_false(is_good_for(stranger, cert));
	assert_int_equal(X509_check_host(cert, "files.demo.test", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(cert, "git.demo.test", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(cert, "other.demo.test", 0, 0, NULL), 0);
	assert_int_equal(X509_check_private_key(cert, key), 1);
	EVP_PKEY_free(key);
	X509_free(stranger);
	X509_free(cert);
	X509_free(ca);
	demo_keys_done(&other);
	demo_keys_done(&k);
}

static void the_ssh_line_is_the_private_keys_public_half(void **state)
{
	static const char head[] = "ecdsa-sha2-nistp256 ";
	unsigned char blob[256], point[65];
	struct demo_keys k;
	struct err err = { 0 };
	EVP_PKEY *key;
	size_t n = 0;
	int len;

	(void)state;
	assert_int_equal(demo_keys_make(&k, hosts, &err), 0);
	assert_int_equal(strncmp(buf_str(&k.host.public_line), head, strlen(head)), 0);
	len = EVP_DecodeBlock(blob, (const unsigned char *)k.host.public_line.data + strlen(head),
	                      (int)(k.host.public_line.len - strlen(head)));
	/* 4+19, 4+8, 4+65: 104 bytes, and one of padding */
	assert_int_equal(len, 105);
	assert_memory_equal(blob,
	                    "\0\0\0\x13"
	                    "ecdsa-sha2-nistp256\0\0\0\x8nistp256\0\0\0\x41\x4",
	                    40);
	key = read_key(&k.host.private_pem);
	assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
	                                                 sizeof point, &n),
	                 1);
	assert_memory_equal(blob + 39, point, 65);
	EVP_PKEY_free(key);
	demo_keys_done(&k);
}

static void private_keys_are_sec1_and_differ(void **state)
{
	static const char head[] = "-----BEGIN EC PRIVATE KEY-----\n";
	struct demo_keys k;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(demo_keys_make(&k, hosts, &err), 0);
	assert_int_equal(strncmp(buf_str(&k.host.private_pem), head, strlen(head)), 0);
	assert_int_equal(strncmp(buf_str(&k.identity.private_pem), head, strlen(head)), 0);
	assert_int_equal(strncmp(buf_str(&k.key_pem), head, strlen(head)), 0);
	assert_string_not_equal(buf_str(&k.host.private_pem), buf_str(&k.identity.private_pem));
	assert_true(k.key_pem.is_secret && k.host.private_pem.is_secret &&
	            k.identity.private_pem.is_secret);
	demo_keys_done(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ca_vouches_for_the_servers_names),
		cmocka_unit_test(the_ssh_line_is_the_private_keys_public_half),
		cmocka_unit_test(private_keys_are_sec1_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
