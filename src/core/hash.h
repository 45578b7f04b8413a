/* Digests. The only place in core that knows libcrypto. */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include <stddef.h>

#define HASH_HEX_SIZE 65	/* 64 digits and the NUL */

/* SHA-256 of the bytes, in small hexadecimal digits. */
void hash_sha256_hex(char out[HASH_HEX_SIZE], const void *data, size_t len);

#endif
