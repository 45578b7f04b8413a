/* HMAC-SHA256 (RFC 2104, FIPS 180-4): what names a finding without telling its
 * secret. The gate's image has no library for it besides this. */
#ifndef GATE_HMAC_H
#define GATE_HMAC_H

#include <stddef.h>

#define HMAC_SIZE 32
#define HMAC_KEY 32

void hmac_sha256(unsigned char out[HMAC_SIZE], const unsigned char key[HMAC_KEY], const void *data,
                 size_t len);

void sha256(unsigned char out[32], const void *data, size_t len);

#endif
