#include "docker/subnet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"

static uint32_t mask(unsigned bits)
{
	return bits == 0 ? 0 : 0xffffffffu << (32 - bits);
}

int subnet_parse(struct subnet *out, const char *cidr, struct err *err)
{
	const char *slash = strchr(cidr, '/');
	char address[16];
	struct in_addr in;
	char *end = NULL;
	long bits = slash ? strtol(slash + 1, &end, 10) : -1;

	if (!slash || (size_t)(slash - cidr) >= sizeof address || bits < 0 || bits > 32 ||
	    end == slash + 1 || *end)
		return err_set(err, ERR_INPUT, "\"%s\" is not an IPv4 subnet like 10.213.0.0/16",
		               cidr);
	memcpy(address, cidr, (size_t)(slash - cidr));
	address[slash - cidr] = '\0';
	if (inet_pton(AF_INET, address, &in) != 1)
		return err_set(err, ERR_INPUT, "\"%s\" is not an IPv4 subnet like 10.213.0.0/16",
		               cidr);
	out->bits = (uint8_t)bits;
	out->base = ntohl(in.s_addr) & mask(out->bits);
	return 0;
}

bool subnet_overlaps(struct subnet a, struct subnet b)
{
	uint32_t m = mask(a.bits < b.bits ? a.bits : b.bits);

	return (a.base & m) == (b.base & m);
}

void subnet_address(struct subnet s, unsigned host, char text[SUBNET_TEXT_MAX])
{
	uint32_t a = s.base + host;

	snprintf(text, SUBNET_TEXT_MAX, "%u.%u.%u.%u", a >> 24, (a >> 16) & 255, (a >> 8) & 255,
	         a & 255);
}

void subnet_text(struct subnet s, char text[SUBNET_TEXT_MAX])
{
	size_t len;

	subnet_address(s, 0, text);
	len = strlen(text);
	snprintf(text + len, SUBNET_TEXT_MAX - len, "/%u", s.bits);
}

static bool is_free(struct subnet s, const struct subnet *taken, size_t n_taken)
{
	for (size_t i = 0; i < n_taken; i++)
		if (subnet_overlaps(s, taken[i]))
			return false;
	return true;
}

int subnet_pick(struct subnet *out, size_t n, struct subnet pool, const struct subnet *taken,
                size_t n_taken, uint32_t start, struct err *err)
{
	uint32_t count, step = 1u << (32 - SUBNET_SESSION_BITS);
	char text[SUBNET_TEXT_MAX];
	size_t found = 0;

	subnet_text(pool, text);
	if (pool.bits > SUBNET_SESSION_BITS - 1)
		return err_set(err, ERR_INPUT, "the subnet pool %s is smaller than two /%d", text,
		               SUBNET_SESSION_BITS);
	count = 1u << (SUBNET_SESSION_BITS - pool.bits);
	for (uint32_t i = 0; i < count && found < n; i++) {
		struct subnet s = { pool.base + (start + i) % count * step, SUBNET_SESSION_BITS };

		if (is_free(s, taken, n_taken) && is_free(s, out, found))
			out[found++] = s;
	}
	if (found < n)
		return err_set(err, ERR_FAILED,
		               "no free /%d is left in the subnet pool %s; stop sessions, or set "
		               "another pool",
		               SUBNET_SESSION_BITS, text);
	return 0;
}
