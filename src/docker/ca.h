/* The certificate authority of one launch, made in memory.
 *
 * EC P-256. The key's PEM is SEC1 ("EC PRIVATE KEY", no parameters block before
 * it) and the certificate carries keyCertSign, as pipelock's loader wants them.
 * Neither is ever written to the host's disk; the key is wiped by ca_done().
 */
#ifndef DOCKER_CA_H
#define DOCKER_CA_H

#include "core/buf.h"

struct err;

#define CA_DAYS		30	/* longer than any session should run */
#define CA_FINGERPRINT_MAX 96	/* "AB:CD:..." of SHA-256 and its NUL */

struct ca {
	struct buf cert_pem;
	struct buf key_pem;	/* secret */
	char fingerprint[CA_FINGERPRINT_MAX];
};

/* common_name is shown to whoever inspects a minted certificate's issuer. */
int ca_make(struct ca *ca, const char *common_name, struct err *err);

void ca_done(struct ca *ca);	/* NULL or zeroed is fine */

#endif
