#include "hmac.h"

#include <stdint.h>
#include <string.h>

#define BLOCK 64

struct sha {
	uint32_t h[8];
	unsigned char block[BLOCK];
	size_t filled;
	uint64_t total;
};

/* The first 32 bits of the fractional parts of the cube roots of the first primes. */
static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t ror(uint32_t v, unsigned n)
{
	return v >> n | v << (32 - n);
}

static void take_block(struct sha *s)
{
	uint32_t w[64], v[8];

	for (size_t i = 0; i < 16; i++)
		w[i] = (uint32_t)s->block[4 * i] << 24 | (uint32_t)s->block[4 * i + 1] << 16 |
		       (uint32_t)s->block[4 * i + 2] << 8 | s->block[4 * i + 3];
	for (size_t i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) +
		       (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
	}
	memcpy(v, s->h, sizeof v);
	for (size_t i = 0; i < 64; i++) {
		uint32_t e = v[4], a = v[0];
		uint32_t one = v[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
			       ((e & v[5]) ^ (~e & v[6])) + k[i] + w[i];
		uint32_t two = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +
			       ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += one;
		v[0] = one + two;
	}
	for (size_t i = 0; i < 8; i++)
		s->h[i] += v[i];
	explicit_bzero(w, sizeof w);
}

static void begin(struct sha *s)
{
	static const uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

	memset(s, 0, sizeof *s);
	memcpy(s->h, h, sizeof h);
}

static void take(struct sha *s, const void *data, size_t len)
{
	const unsigned char *p = data;

	s->total += len;
	while (len > 0) {
		size_t n = BLOCK - s->filled < len ? BLOCK - s->filled : len;

		memcpy(s->block + s->filled, p, n);
		s->filled += n;
		p += n;
		len -= n;
		if (s->filled == BLOCK) {
			take_block(s);
			s->filled = 0;
		}
	}
}

static void end(struct sha *s, unsigned char out[32])
{
	uint64_t bits = s->total * 8;
	unsigned char size[8];

	for (size_t i = 0; i < 8; i++)
		size[i] = (unsigned char)(bits >> (56 - 8 * i));
	take(s, "\x80", 1);
	while (s->filled != BLOCK - 8)
		take(s, "", 1);
	take(s, size, 8);
	for (size_t i = 0; i < 32; i++)
		out[i] = (unsigned char)(s->h[i / 4] >> (24 - 8 * (i % 4)));
	explicit_bzero(s, sizeof *s);
}

void sha256(unsigned char out[32], const void *data, size_t len)
{
	struct sha s;

	begin(&s);
	take(&s, data, len);
	end(&s, out);
}

void hmac_sha256(unsigned char out[HMAC_SIZE], const unsigned char key[HMAC_KEY], const void *data,
                 size_t len)
{
	unsigned char pad[BLOCK], inner[32];
	struct sha s;

	memset(pad, 0x36, sizeof pad);
	for (size_t i = 0; i < HMAC_KEY; i++)
		pad[i] ^= key[i];
	begin(&s);
	take(&s, pad, sizeof pad);
	take(&s, data, len);
	end(&s, inner);
	for (size_t i = 0; i < sizeof pad; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	begin(&s);
	take(&s, pad, sizeof pad);
	take(&s, inner, sizeof inner);
	end(&s, out);
	explicit_bzero(pad, sizeof pad);
}
