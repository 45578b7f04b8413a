#include "core/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

void hash_sha256_hex(char out[HASH_HEX_SIZE], const void *data, size_t len)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(len ? data : "", len, md, &n, EVP_sha256(), NULL) != 1 || n != 32) {
		/* only a libcrypto without SHA-256 comes here; trust must not go on */
		fputs("claude-bottle: libcrypto has no SHA-256\n", stderr);
		abort();
	}
	for (unsigned i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[md[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[md[i] & 15];
	}
	out[HASH_HEX_SIZE - 1] = '\0';
}
