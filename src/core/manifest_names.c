/* Names: of sessions and of hosts. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "core/manifest_internal.h"
#include "core/text.h"

bool is_dns_label(const char *s, size_t max)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && s[n] == '\0' && n <= max && s[0] != '-' && s[n - 1] != '-';
}

bool is_plain_name(const char *s, size_t max)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return n > 0 && s[n] == '\0' && n <= max && !strchr("._-", s[0]);
}

bool has_control(const char *s)
{
	uint32_t cp = 0;

	for (size_t n = strlen(s), len; n > 0; n -= len, s += len) {
		len = text_utf8(s, n, &cp);
		if (len == 0 || !text_is_safe(cp))
			return true;
	}
	return false;
}

/* --- sessions ------------------------------------------------------------------- */

static bool is_session_part(const char *s)
{
	return is_dns_label(s, MANIFEST_NAME_MAX) && !strstr(s, "--");
}

int session_name_make(char out[MANIFEST_NAME_MAX + 1], const char *agent, const char *label,
                      struct err *err)
{
	bool has_label = label && label[0];

	if (!is_session_part(agent))
		return err_set(err, ERR_INPUT,
		               "'%.60s' is no agent's name; use small letters, digits and single "
		               "dashes",
		               agent);
	if (has_label && !is_session_part(label))
		return err_set(err, ERR_INPUT,
		               "'%.60s' cannot be a label; use small letters, digits and single "
		               "dashes",
		               label);
	if (has_label && strlen(agent) + 2 + strlen(label) > MANIFEST_NAME_MAX)
		return err_set(err, ERR_INPUT,
		               "agent and label together may have %d characters, and '%s--%s' has "
		               "%zu; shorten the label",
		               MANIFEST_NAME_MAX, agent, label, strlen(agent) + 2 + strlen(label));
	snprintf(out, MANIFEST_NAME_MAX + 1, "%s%s%s", agent, has_label ? "--" : "",
	         has_label ? label : "");
	return 0;
}

void session_name_agent(char out[MANIFEST_NAME_MAX + 1], const char *session)
{
	const char *label = strstr(session, "--");
	size_t n = label ? (size_t)(label - session) : strlen(session);

	if (n > MANIFEST_NAME_MAX)
		n = MANIFEST_NAME_MAX;
	memcpy(out, session, n);
	out[n] = '\0';
}

bool session_name_is_valid(const char *name)
{
	const char *dashes = strstr(name, "--");

	/* is_dns_label sees to both ends, so each side of the dashes is a label */
	return is_dns_label(name, MANIFEST_NAME_MAX) &&
	       (!dashes || (dashes[2] != '-' && !strstr(dashes + 2, "--")));
}

/* --- hosts ---------------------------------------------------------------------- */

/* A fault of a host name with the host that was probably meant, when there is one:
 * what is left of a URL without scheme, user, path and port. */
static int not_a_host(const char *text, const char *what, struct err *err)
{
	const char *s = strstr(text, "://");
	char host[HOST_NAME_SIZE];
	size_t n;

	s = s ? s + 3 : text;
	n = strcspn(s, "/?#");
	if (memchr(s, '@', n)) {
		const char *at = memchr(s, '@', n);

		n -= (size_t)(at + 1 - s);
		s = at + 1;
	}
	if (memchr(s, ':', n) && s[0] != '[')
		n = strcspn(s, ":");
	if (n > 0 && s[n - 1] == '.')
		n--;
	if (n > 0 && n < sizeof host && n < strlen(text)) {
		memcpy(host, s, n);
		host[n] = '\0';
		if (host_name_check(host, host, true, true, NULL) == 0)
			return err_set(err, ERR_INPUT,
			               "'%.100s' %s; write \"%s\", which stands for every port and "
			               "path",
			               text, what, host);
	}
	return err_set(err, ERR_INPUT, "'%.100s' %s; write a host name like \"example.org\"", text,
	               what);
}

/* Addresses that pipelock refuses as a literal, whatever the allowlist says. */
static bool is_public_ip(const char *ip)
{
	unsigned char a[16];

	if (inet_pton(AF_INET, ip, a) == 1)
		return !(a[0] == 0 || a[0] == 10 || a[0] == 127 || a[0] >= 224 ||
		         (a[0] == 100 && (a[1] & 0xc0) == 64) || (a[0] == 169 && a[1] == 254) ||
		         (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168));
	if (inet_pton(AF_INET6, ip, a) == 1)
		return (a[0] & 0xe0) == 0x20; /* 2000::/3 is what is given out */
	return false;
}

static int check_ip(char *out, const char *text, bool may_ip, struct err *err)
{
	if (!may_ip)
		return err_set(err, ERR_INPUT, "'%s' is an address; write a host name", text);
	if (!is_public_ip(text))
		return err_set(err, ERR_INPUT,
		               "'%s' is a private address, which is never let through; allow a "
		               "host name and put it in \"trusted\" as well",
		               text);
	snprintf(out, HOST_NAME_SIZE, "%s", text);
	return 0;
}

static bool is_ip(const char *s)
{
	unsigned char a[16];

	return inet_pton(AF_INET, s, a) == 1 || inet_pton(AF_INET6, s, a) == 1;
}

/* Top-level names that belong to nobody, so that "*.lan" is not too wide. */
static bool is_private_top(const char *s)
{
	static const char *const tops[] = { "corp", "example", "home",    "internal", "intranet",
		                            "lan",  "local",   "private", "test",     NULL };

	for (size_t i = 0; tops[i]; i++)
		if (strcmp(s, tops[i]) == 0)
			return true;
	return false;
}

/* Labels of letters, digits and dashes with dots between them. */
static bool is_host_text(const char *s)
{
	size_t label = 0;
	const char *last = s;

	for (const char *c = s;; c++) {
		if (*c == '.' || *c == '\0') {
			if (label == 0 || label > 63 || c[-1] == '-')
				return false;
			if (!*c)
				break;
			label = 0;
			last = c + 1;
		} else if (!isalnum((unsigned char)*c) && !(*c == '-' && label > 0)) {
			return false;
		} else {
			label++;
		}
	}
	/* "1.2.3" and "10" would be read as an address by someone */
	return strspn(last, "0123456789") != strlen(last);
}

int host_name_check(char *out, const char *text, bool may_wildcard, bool may_ip, struct err *err)
{
	char low[HOST_NAME_SIZE];
	size_t n = strlen(text);
	const char *name = low;

	if (n == 0)
		return err_set(err, ERR_INPUT, "an empty host name");
	if (n >= sizeof low - 2)
		return err_set(err, ERR_INPUT, "'%.60s...' is too long for a host name", text);
	for (size_t i = 0; i <= n; i++) {
		if ((unsigned char)text[i] >= 0x80)
			return err_set(err, ERR_INPUT,
			               "'%.100s' is not ASCII; write the name in its xn-- form",
			               text);
		low[i] = (char)tolower((unsigned char)text[i]);
	}
	if (is_ip(low))
		return check_ip(out, low, may_ip, err);
	if (strstr(low, "://"))
		return not_a_host(text, "is a URL", err);
	if (strpbrk(low, "/?#@"))
		return not_a_host(text, "holds more than a host", err);
	if (strchr(low, ':'))
		return not_a_host(text, "holds a port", err);
	if (low[n - 1] == '.')
		return not_a_host(text, "ends in a dot", err);
	if (low[0] == '*') {
		if (!may_wildcard)
			return err_set(err, ERR_INPUT, "'%s' may not be a wildcard; name the host",
			               low);
		if (low[1] != '.')
			return err_set(err, ERR_INPUT,
			               "'%s' is no host name; a wildcard is \"*.\" and a domain",
			               low);
		name = low + 2;
		if (!strchr(name, '.') && !is_private_top(name))
			return err_set(err, ERR_INPUT,
			               "'%s' is too wide: it lets almost anyone's host through; "
			               "name the domain",
			               low);
	}
	if (!is_host_text(name))
		return not_a_host(text, "is no host name", err);
	memcpy(out, low, n + 1);
	return 0;
}

bool host_list_covers(char *const *list, const char *host)
{
	size_t n = strlen(host);

	for (; list && *list; list++) {
		const char *dom = *list + 2;
		size_t m;

		if (strcmp(*list, host) == 0)
			return true;
		if (strncmp(*list, "*.", 2) != 0)
			continue;
		m = strlen(dom);
		if (n >= m && strcmp(host + n - m, dom) == 0 && (n == m || host[n - m - 1] == '.'))
			return true;
	}
	return false;
}
