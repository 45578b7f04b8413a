#include "docker/ca.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"

#define PEM_MAX 16384

static int fail(struct err *err, const char *what)
{
	char words[256];

	ERR_error_string_n(ERR_get_error(), words, sizeof words);
	return err_set(err, ERR_FAILED, "making the launch's CA: %s: %s", what, words);
}

static int add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok ? 0 : -1;
}

static int set_serial(X509 *cert)
{
	unsigned char bytes[16];
	BIGNUM *n;
	int ok;

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return -1;
	bytes[0] &= 0x7f;	/* positive */
	n = BN_bin2bn(bytes, sizeof bytes, NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok ? 0 : -1;
}

static int fill_cert(X509 *cert, EVP_PKEY *key, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(cert);
	const unsigned char *cn = (const unsigned char *)common_name;

	if (!X509_set_version(cert, X509_VERSION_3) || set_serial(cert) < 0 ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -3600) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), CA_DAYS * 86400L) ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, cn, -1, -1, 0) ||
	    !X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
	                                (const unsigned char *)"claude-bottle", -1, -1, 0) ||
	    !X509_set_issuer_name(cert, name) || !X509_set_pubkey(cert, key))
		return -1;
	if (add_extension(cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") < 0 ||
	    add_extension(cert, NID_key_usage, "critical,keyCertSign,cRLSign") < 0 ||
	    add_extension(cert, NID_subject_key_identifier, "hash") < 0)
		return -1;
	return X509_sign(cert, key, EVP_sha256()) > 0 ? 0 : -1;
}

/* Move what a memory BIO holds into b, and wipe the BIO's copy. */
static int take_bio(BIO *bio, struct buf *b)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	int rc = len > 0 ? buf_add(b, data, (size_t)len) : -1;

	if (len > 0)
		mem_wipe(data, (size_t)len);
	return rc;
}

static int write_pem(struct ca *ca, X509 *cert, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc = -1;

	if (bio && PEM_write_bio_X509(bio, cert) && take_bio(bio, &ca->cert_pem) == 0)
		rc = 0;
	BIO_free(bio);
	if (rc < 0)
		return -1;

	bio = BIO_new(BIO_s_secmem());
	rc = -1;
	if (bio && PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL) &&
	    take_bio(bio, &ca->key_pem) == 0)
		rc = 0;
	BIO_free(bio);
	return rc;
}

static int fingerprint(struct ca *ca, const X509 *cert)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!X509_digest(cert, EVP_sha256(), md, &len) || len * 3 > sizeof ca->fingerprint)
		return -1;
	for (unsigned i = 0; i < len; i++)
		snprintf(ca->fingerprint + 3 * (size_t)i, 4, "%02X%s", md[i],
		         i + 1 < len ? ":" : "");
	return 0;
}

int ca_make(struct ca *ca, const char *common_name, struct err *err)
{
	EVP_PKEY *key = NULL;
	X509 *cert = X509_new();
	int rc = -1;

	*ca = (struct ca){ .cert_pem = BUF_INIT(PEM_MAX), .key_pem = BUF_INIT_SECRET(PEM_MAX) };
	key = EVP_EC_gen("P-256");
	if (!key || !cert)
		fail(err, "key");
	else if (fill_cert(cert, key, common_name) < 0)
		fail(err, "certificate");
	else if (write_pem(ca, cert, key) < 0 || fingerprint(ca, cert) < 0)
		fail(err, "encoding");
	else
		rc = 0;
	EVP_PKEY_free(key);
	X509_free(cert);
	if (rc < 0)
		ca_done(ca);
	return rc;
}

void ca_done(struct ca *ca)
{
	if (!ca)
		return;
	buf_done(&ca->cert_pem);
	buf_done(&ca->key_pem);
}
