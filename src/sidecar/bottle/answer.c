#include "answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DNS_HEAD 12

size_t answer_dns_query(uint8_t *out, size_t cap, uint16_t id, const char *name)
{
	const uint8_t head[DNS_HEAD] = {
		(uint8_t)(id >> 8), (uint8_t)id, 1 /* recursion */, 0, 0, 1
	};
	static const uint8_t tail[] = { 0, 0, 1 /* A */, 0, 1 /* IN */ };
	size_t n = DNS_HEAD;

	if (cap < DNS_HEAD || *name == '\0')
		return 0;
	memcpy(out, head, DNS_HEAD);
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		if (len == 0 || len > 63 || n + 1 + len + sizeof tail > cap)
			return 0;
		out[n++] = (uint8_t)len;
		memcpy(out + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	memcpy(out + n, tail, sizeof tail);
	return n + sizeof tail;
}

enum answer_dns answer_dns(const uint8_t *msg, size_t len, uint16_t id)
{
	bool is_response = len >= DNS_HEAD && (msg[2] & 0x80) != 0;

	if (!is_response || msg[0] != id >> 8 || msg[1] != (id & 0xff))
		return ANSWER_DNS_BAD;
	switch (msg[3] & 0x0f) {
	case 0:
		return ANSWER_DNS_NOERROR;
	case 2:
		return ANSWER_DNS_SERVFAIL;
	case 3:
		return ANSWER_DNS_NXDOMAIN;
	case 5:
		return ANSWER_DNS_REFUSED;
	default:
		return ANSWER_DNS_OTHER;
	}
}

const char *answer_dns_text(enum answer_dns a)
{
	static const char *const text[] = {
		[ANSWER_DNS_REFUSED] = "REFUSED",    [ANSWER_DNS_SERVFAIL] = "SERVFAIL",
		[ANSWER_DNS_NXDOMAIN] = "NXDOMAIN",  [ANSWER_DNS_NOERROR] = "an answer",
		[ANSWER_DNS_OTHER] = "another code", [ANSWER_DNS_BAD] = "no DNS answer",
	};

	return text[a];
}

/* The decimal at s, which ends at a byte that is not a digit; -1 when absurd. */
static long decimal(const char *s, const char *end)
{
	long n = 0;

	if (s == end || *s < '0' || *s > '9')
		return -1;
	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (*s - '0');
		if (n > 1000L * 1000L * 1000L)
			return -1;
	}
	return n;
}

bool answer_http(struct answer_http *out, const char *msg, size_t len)
{
	static const char length[] = "Content-Length:";
	const char *head_end = memmem(msg, len, "\r\n\r\n", 4), *line;
	struct answer_http a = { .wanted = -1 };

	if (head_end == NULL || len < 12 || memcmp(msg, "HTTP/1.", 7) != 0 || msg[8] != ' ')
		return false;
	a.status = (int)decimal(msg + 9, msg + 12);
	if (a.status < 100)
		return false;
	for (line = msg; line < head_end;) {
		const char *end = memmem(line, (size_t)(head_end + 2 - line), "\r\n", 2);

		if ((size_t)(end - line) >= sizeof length &&
		    strncasecmp(line, length, sizeof length - 1) == 0) {
			const char *s = line + sizeof length - 1;

			while (s < end && *s == ' ')
				s++;
			a.wanted = decimal(s, end);
		}
		line = end + 2;
	}
	a.body = head_end + 4;
	a.body_len = len - (size_t)(a.body - msg);
	*out = a;
	return true;
}

bool answer_body_begins(const struct answer_http *a, const char *text)
{
	size_t len = strlen(text);

	return a->body_len >= len && memcmp(a->body, text, len) == 0;
}

bool answer_body_holds(const struct answer_http *a, const char *text)
{
	return memmem(a->body, a->body_len, text, strlen(text)) != NULL;
}

size_t answer_git_request(char *out, size_t cap, const char *service, const char *path,
			  const char *host)
{
	/* "0032git-upload-pack /path\0host=name\0": the length counts itself */
	size_t len =
		4 + strlen(service) + 1 + strlen(path) + 1 + strlen("host=") + strlen(host) + 1;
	int n;

	if (len > cap || len > 0xfff0)
		return 0;
	n = snprintf(out, cap, "%04zx%s %s", len, service, path);
	snprintf(out + n + 1, cap - (size_t)n - 1, "host=%s", host);
	return len;
}

enum answer_git answer_git(const char *msg, size_t len)
{
	if (len == 0)
		return ANSWER_GIT_REFUSED;
	if (len < 8)
		return ANSWER_GIT_BAD;
	for (size_t i = 0; i < 4; i++)
		if (strchr("0123456789abcdef", msg[i]) == NULL || msg[i] == '\0')
			return ANSWER_GIT_BAD;
	return memcmp(msg + 4, "ERR ", 4) == 0 ? ANSWER_GIT_REFUSED : ANSWER_GIT_SERVED;
}

static uint8_t *put16(uint8_t *p, size_t n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
	return p + 2;
}

size_t answer_tls_hello(uint8_t *out, size_t cap, const char *host)
{
	static const uint8_t suites[] = { 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30,
					  0xcc, 0xa9, 0xcc, 0xa8, 0x00, 0x9c, 0x00, 0x2f };
	static const uint8_t groups[] = { 0, 10, 0, 6, 0, 4, 0, 0x1d, 0, 0x17 };
	static const uint8_t points[] = { 0, 11, 0, 2, 1, 0 };
	static const uint8_t signatures[] = { 0, 13, 0, 10, 0, 8, 4, 3, 8, 4, 4, 1, 5, 1 };
	size_t name = strlen(host);
	size_t extensions = 9 + name + sizeof groups + sizeof points + sizeof signatures;
	size_t body = 2 + 32 + 1 + 2 + sizeof suites + 2 + 2 + extensions;
	uint8_t *p = out;

	if (name == 0 || name > 253 || 9 + body > cap)
		return 0;
	*p++ = 22; /* handshake record, TLS 1.0 as every client says here */
	p = put16(p, 0x0301);
	p = put16(p, 4 + body);
	*p++ = 1; /* ClientHello */
	*p++ = 0;
	p = put16(p, body);
	p = put16(p, 0x0303);
	memset(p, 0x5a, 32); /* the "random": no key is ever made from it */
	p += 32;
	*p++ = 0; /* no session */
	p = put16(p, sizeof suites);
	p = (uint8_t *)memcpy(p, suites, sizeof suites) + sizeof suites;
	*p++ = 1; /* one compression: none */
	*p++ = 0;
	p = put16(p, extensions);
	p = put16(p, 0); /* server_name */
	p = put16(p, name + 5);
	p = put16(p, name + 3);
	*p++ = 0;
	p = put16(p, name);
	p = (uint8_t *)memcpy(p, host, name) + name;
	p = (uint8_t *)memcpy(p, groups, sizeof groups) + sizeof groups;
	p = (uint8_t *)memcpy(p, points, sizeof points) + sizeof points;
	p = (uint8_t *)memcpy(p, signatures, sizeof signatures) + sizeof signatures;
	return (size_t)(p - out);
}

bool answer_tls(const uint8_t *msg, size_t len)
{
	return len >= 3 && (msg[0] == 22 || msg[0] == 21) && msg[1] == 3;
}
