/* What came back: reading DNS, HTTP, git and TLS answers, no more than a probe
 * has to know. Every function takes bytes that an enemy may have written.
 */
#ifndef BOTTLE_ANSWER_H
#define BOTTLE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer_dns {
	ANSWER_DNS_REFUSED, /* nobody was asked */
	ANSWER_DNS_SERVFAIL,
	ANSWER_DNS_NXDOMAIN, /* somebody was asked, and knew */
	ANSWER_DNS_NOERROR,  /* the same */
	ANSWER_DNS_OTHER,    /* another code */
	ANSWER_DNS_BAD,      /* not an answer to this question */
};

/* A query for the A record of name. Returns its length, 0 when name cannot be
 * put into cap bytes as labels. */
size_t answer_dns_query(uint8_t *out, size_t cap, uint16_t id, const char *name);
enum answer_dns answer_dns(const uint8_t *msg, size_t len, uint16_t id);
const char *answer_dns_text(enum answer_dns a);

struct answer_http {
	int status;
	const char *body; /* within the message; not a string */
	size_t body_len;  /* of what has arrived */
	long wanted;      /* Content-Length; -1 when it does not say */
};

/* False until the head is whole, or when it is not an HTTP/1 head. */
bool answer_http(struct answer_http *out, const char *msg, size_t len);

/* Does the body begin with, or hold, the text? */
bool answer_body_begins(const struct answer_http *a, const char *text);
bool answer_body_holds(const struct answer_http *a, const char *text);

enum answer_git {
	ANSWER_GIT_REFUSED, /* an ERR packet, or closed without a word */
	ANSWER_GIT_SERVED,  /* refs */
	ANSWER_GIT_BAD,
};

/* The request of a git:// client. Returns its length, 0 when it does not fit. */
size_t answer_git_request(char *out, size_t cap, const char *service, const char *path,
			  const char *host);
enum answer_git answer_git(const char *msg, size_t len);

/* A ClientHello (TLS 1.2, server name host, no session): enough for a server to
 * speak. Returns its length, 0 when it does not fit. */
size_t answer_tls_hello(uint8_t *out, size_t cap, const char *host);
/* Is this the start of a TLS record: handshake, or alert? */
bool answer_tls(const uint8_t *msg, size_t len);

#endif
