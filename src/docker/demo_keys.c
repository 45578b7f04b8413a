#include "docker/demo_keys.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"

#define PEM_MAX 16384
#define SSH_TYPE "ecdsa-sha2-nistp256"
#define SSH_CURVE "nistp256"
#define POINT_SIZE 65 /* 4, x, y */

static int fail(struct err *err, const char *what)
{
	char words[256];

	ERR_error_string_n(ERR_get_error(), words, sizeof words);
	return err_set(err, ERR_FAILED, "making the demo's keys: %s: %s", what, words);
}

/* --- PEM ------------------------------------------------------------------------- */

static int take_bio(BIO *bio, struct buf *b)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	int rc = len > 0 ? buf_add(b, data, (size_t)len) : -1;

	if (len > 0)
		mem_wipe(data, (size_t)len);
	return rc;
}

static int write_key(struct buf *out, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	int rc = -1;

	if (bio && PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL))
		rc = take_bio(bio, out);
	BIO_free(bio);
	return rc;
}

static int write_cert(struct buf *out, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc = -1;

	if (bio && PEM_write_bio_X509(bio, cert))
		rc = take_bio(bio, out);
	BIO_free(bio);
	return rc;
}

/* --- ssh: the public key's blob is three strings, each after its length (RFC 5656) - */

static size_t add_ssh_string(unsigned char *at, const void *data, size_t n)
{
	at[0] = at[1] = 0;
	at[2] = (unsigned char)(n >> 8);
	at[3] = (unsigned char)n;
	memcpy(at + 4, data, n);
	return n + 4;
}

static int write_public_line(struct buf *out, EVP_PKEY *key)
{
	unsigned char point[POINT_SIZE], blob[160], text[256];
	size_t n_point = 0, n = 0;
	int len;

	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
	                                    &n_point) != 1 ||
	    n_point != POINT_SIZE || point[0] != 4)
		return -1;
	n += add_ssh_string(blob + n, SSH_TYPE, strlen(SSH_TYPE));
	n += add_ssh_string(blob + n, SSH_CURVE, strlen(SSH_CURVE));
	n += add_ssh_string(blob + n, point, n_point);
	len = EVP_EncodeBlock(text, blob, (int)n);
	return buf_addf(out, SSH_TYPE " %.*s", len, (const char *)text);
}

static int make_ssh_key(struct ssh_key *out, struct err *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	int rc = 0;

	*out = (struct ssh_key){ .private_pem = BUF_INIT_SECRET(PEM_MAX),
		                 .public_line = BUF_INIT(PEM_MAX) };
	if (!key || write_key(&out->private_pem, key) < 0 ||
	    write_public_line(&out->public_line, key) < 0)
		rc = fail(err, "ssh key");
	EVP_PKEY_free(key);
	return rc;
}

/* --- certificates ------------------------------------------------------------------ */

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok ? 0 : -1;
}

static int set_serial(X509 *cert)
{
	uint64_t serial = 0;

	if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1)
		return -1;
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) ? 0 : -1;
}

static X509 *new_cert(const char *common_name, EVP_PKEY *key, const X509 *issuer)
{
	X509 *cert = X509_new();
	X509_NAME *name = cert ? X509_get_subject_name(cert) : NULL;

	if (name && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) == 0 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), DEMO_KEYS_DAYS * 86400L) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	                               (const unsigned char *)common_name, -1, -1, 0) &&
	    X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name) &&
	    X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *make_ca(EVP_PKEY *key)
{
	X509 *cert = new_cert("claude-bottle demo upstream CA", key, NULL);

	if (cert && add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE") == 0 &&
	    add_extension(cert, cert, NID_key_usage, "critical,keyCertSign") == 0 &&
	    add_extension(cert, cert, NID_subject_key_identifier, "hash") == 0 &&
	    X509_sign(cert, key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *make_leaf(EVP_PKEY *key, const char *const *hosts, X509 *ca, EVP_PKEY *ca_key)
{
	X509 *cert = new_cert(hosts[0], key, ca);
	struct buf names = BUF_INIT(PEM_MAX);

	for (const char *const *h = hosts; *h; h++)
		buf_addf(&names, "%sDNS:%s", h == hosts ? "" : ",", *h);
	if (cert && (add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") < 0 ||
	             add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") < 0 ||
	             add_extension(cert, ca, NID_ext_key_usage, "serverAuth") < 0 ||
	             add_extension(cert, ca, NID_subject_alt_name, buf_str(&names)) < 0 ||
	             X509_sign(cert, ca_key, EVP_sha256()) <= 0)) {
		X509_free(cert);
		cert = NULL;
	}
	buf_done(&names);
	return cert;
}

static int make_tls(struct demo_keys *out, const char *const *hosts, struct err *err)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca = ca_key ? make_ca(ca_key) : NULL;
	X509 *leaf = ca && key ? make_leaf(key, hosts, ca, ca_key) : NULL;
	int rc = 0;

	if (!leaf || write_cert(&out->ca_pem, ca) < 0 || write_cert(&out->cert_pem, leaf) < 0 ||
	    write_key(&out->key_pem, key) < 0)
		rc = fail(err, "certificate");
	X509_free(leaf);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return rc;
}

int demo_keys_make(struct demo_keys *out, const char *const *hosts, struct err *err)
{
	struct demo_keys k = { .ca_pem = BUF_INIT(PEM_MAX),
		               .cert_pem = BUF_INIT(PEM_MAX),
		               .key_pem = BUF_INIT_SECRET(PEM_MAX) };

	if (make_tls(&k, hosts, err) < 0 || make_ssh_key(&k.host, err) < 0 ||
	    make_ssh_key(&k.identity, err) < 0) {
		demo_keys_done(&k);
		return -1;
	}
	*out = k;
	return 0;
}

void demo_keys_done(struct demo_keys *k)
{
	if (!k)
		return;
	buf_done(&k->ca_pem);
	buf_done(&k->cert_pem);
	buf_done(&k->key_pem);
	buf_done(&k->host.private_pem);
	buf_done(&k->host.public_line);
	buf_done(&k->identity.private_pem);
	buf_done(&k->identity.public_line);
}
