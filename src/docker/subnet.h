/* Subnets for sessions: two /28 out of a pool that no other network overlaps.
 *
 * An engine's default address pools hold about 31 networks; small subnets of
 * our own hold thousands. Pure: the caller brings what is taken, and asks again
 * when the engine still reports an overlap (another program was quicker).
 * Addresses are IPv4 in host byte order.
 */
#ifndef DOCKER_SUBNET_H
#define DOCKER_SUBNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define SUBNET_POOL_DEFAULT "10.213.0.0/16"
#define SUBNET_SESSION_BITS 28
#define SUBNET_TEXT_MAX	    20	/* "255.255.255.255/32" and its NUL */

struct subnet {
	uint32_t base;
	uint8_t bits;
};

/* Host bits are cut off. */
int subnet_parse(struct subnet *out, const char *cidr, struct err *err);
bool subnet_overlaps(struct subnet a, struct subnet b);
void subnet_text(struct subnet s, char text[SUBNET_TEXT_MAX]);
void subnet_address(struct subnet s, unsigned host, char text[SUBNET_TEXT_MAX]);

/* Choose n session subnets from the pool, none overlapping taken[]. start turns
 * the search to another place, so that programs that start at once rarely meet. */
int subnet_pick(struct subnet *out, size_t n, struct subnet pool, const struct subnet *taken,
                size_t n_taken, uint32_t start, struct err *err);

#endif
