/* What the demo's upstream identifies itself with, and what opens it: all made
 * in memory for one run, and worthless after it.
 *
 * A CA and a certificate for the upstream's https; an ssh host key, which the
 * demo's manifest pins; an ssh identity, which only git-gate gets. Keys are
 * EC P-256, private ones as SEC1 PEM, which OpenSSL, OpenSSH and Python read.
 */
#ifndef DOCKER_DEMO_KEYS_H
#define DOCKER_DEMO_KEYS_H

#include "core/buf.h"

struct err;

#define DEMO_KEYS_DAYS 2

struct ssh_key {
	struct buf private_pem;		/* secret */
	struct buf public_line;		/* "ecdsa-sha2-nistp256 AAAA...", no newline */
};

struct demo_keys {
	struct buf ca_pem;		/* the CA's certificate; its key is gone */
	struct buf cert_pem;		/* for the host names given */
	struct buf key_pem;		/* secret */
	struct ssh_key host, identity;
};

/* hosts: the names in the certificate; ends in NULL. */
int demo_keys_make(struct demo_keys *out, const char *const *hosts, struct err *err);

void demo_keys_done(struct demo_keys *k);	/* NULL or zeroed is fine */

#endif
