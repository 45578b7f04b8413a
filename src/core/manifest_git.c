/* A bottle's "git": the upstreams that the gate forwards to.
 *
 * What is accepted as an upstream is narrower than what git accepts, since each
 * part of it goes on to become a folder in the gate, an argument of ssh and a
 * line of a gitconfig. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/manifest_internal.h"
#include "core/mem.h"

#define GIT_NAME_MAX 64
#define GIT_PATH_MAX 512
#define EXTRA_HOSTS_MAX 16

/* --- Upstream ------------------------------------------------------------------- */

static bool is_user(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return n > 0 && s[n] == '\0' && n <= 64 && s[0] != '-';
}

/* Parts between single slashes, none of them "." or "..", of plain characters. */
static bool is_repo_path(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > GIT_PATH_MAX || s[0] == '-' ||
	    s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~/+@-")])
		return false;
	for (;;) {
		size_t n = strcspn(s, "/");

		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

/* Host of an upstream: a name, or an IPv4 address of any kind. */
static int upstream_host(char *out, const char *text, struct err *err)
{
	unsigned char ip[4];

	if (inet_pton(AF_INET, text, ip) == 1) {
		memcpy(out, text, strlen(text) + 1);
		return 0;
	}
	if (text[0] == '[')
		return err_set(err, ERR_INPUT,
		               "an IPv6 address; write a host name and give its address in "
		               "\"ExtraHosts\"");
	return host_name_check(out, text, false, false, err);
}

static bool parse_port(const char *s, unsigned *port)
{
	unsigned long v;
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 5 || s[n] || s[0] == '0')
		return false;
	v = strtoul(s, NULL, 10);
	*port = (unsigned)v;
	return v >= 1 && v <= 65535;
}

/* The three parts, in memory of text (which they cut up). */
struct url_parts {
	char *user, *host, *port, *path;
};

/* ssh://[user@]host[:port]/path; text is after the scheme. */
static bool split_url(char *text, struct url_parts *u)
{
	char *slash = strchr(text, '/'), *at;

	if (!slash)
		return false;
	*slash = '\0';
	u->path = slash + 1;
	at = strrchr(text, '@');
	if (at)
		*at = '\0';
	u->user = at ? text : NULL;
	u->host = at ? at + 1 : text;
	u->port = u->host[0] == '[' ? NULL : strchr(u->host, ':');
	if (u->port)
		*u->port++ = '\0';
	return true;
}

/* user@host:path */
static bool split_scp(char *text, struct url_parts *u)
{
	char *colon = strchr(text, ':'), *at = strchr(text, '@'), *slash = strchr(text, '/');

	if (!colon || !at || at > colon || (slash && slash < colon))
		return false;
	*at = *colon = '\0';
	u->user = text;
	u->host = at + 1;
	u->port = NULL;
	u->path = colon + 1;
	return true;
}

static int wrong_upstream(const struct reader *r, const struct json_node *node)
{
	const char *s = node->string;

	if (strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0)
		json_fault(r->doc, node, r->faults,
		           "the gate pushes over ssh only; write "
		           "\"ssh://git@host/path\" or \"git@host:path\"");
	else
		json_fault(r->doc, node, r->faults,
		           "\"%.200s\" is no ssh remote; write \"ssh://git@host:port/path\" or "
		           "\"git@host:path\"",
		           s);
	return -1;
}

/* host[_port]/path without ".git": the contract with the gate. */
static char *gate_path(const struct git_remote *g)
{
	size_t n = strlen(g->path);
	struct buf b = BUF_INIT(HOST_NAME_SIZE + GIT_PATH_MAX + 16);

	if (n > 4 && strcmp(g->path + n - 4, ".git") == 0 && g->path[n - 5] != '/')
		n -= 4;
	buf_adds(&b, g->host);
	if (g->port != 22)
		buf_addf(&b, "_%u", g->port);
	buf_addc(&b, '/');
	buf_add(&b, g->path, n);
	return buf_steal(&b);
}

static int fill_upstream(const struct reader *r, const struct json_node *node, struct git_remote *g,
                         const struct url_parts *u)
{
	char host[HOST_NAME_SIZE];
	struct err err = { 0 };
	const char *path = u->path;

	if (u->user && !is_user(u->user)) {
		json_fault(r->doc, node, r->faults, "\"%.60s\" is no ssh user%s", u->user,
		           strchr(u->user, ':') ? "; a password has no place here" : "");
		return -1;
	}
	if (upstream_host(host, u->host, &err) < 0) {
		json_fault(r->doc, node, r->faults, "%s", err.msg);
		return -1;
	}
	g->port = 22;
	if (u->port && !parse_port(u->port, &g->port)) {
		json_fault(r->doc, node, r->faults, "\"%.20s\" is no port; write 1 to 65535",
		           u->port);
		return -1;
	}
	if (g->is_scp && path[0] == '/') {
		g->is_scp = false; /* "git@host:/srv/x" says the same as the URL form */
		path++;
	}
	if (!is_repo_path(path)) {
		json_fault(r->doc, node, r->faults,
		           "\"%.100s\" is no usable path; use letters, digits and ._~+@- between "
		           "single slashes",
		           path);
		return -1;
	}
	g->user = xstrdup(u->user ? u->user : "git");
	g->host = xstrdup(host);
	g->path = xstrdup(path);
	g->url = g->is_scp ? xasprintf("%s@%s:%s", g->user, g->host, g->path)
	                   : xasprintf("ssh://%s@%s:%u/%s", g->user, g->host, g->port, g->path);
	g->gate_path = gate_path(g);
	return 0;
}

static void git_upstream(const struct reader *r, const struct json_node *node, struct git_remote *g)
{
	bool is_url = strncmp(node->string, "ssh://", 6) == 0;
	char *text = xstrdup(node->string + (is_url ? 6 : 0));
	struct url_parts u = { 0 };

	if (strstr(text, "://") || !(is_url ? split_url(text, &u) : split_scp(text, &u))) {
		wrong_upstream(r, node);
	} else {
		g->is_scp = !is_url;
		g->upstream = xstrdup(node->string);
		fill_upstream(r, node, g, &u);
	}
	free(text);
}

/* --- KnownHostKey ------------------------------------------------------------------- */

static bool is_key_type(const char *s, size_t n)
{
	static const char *const types[] = {
		"ssh-ed25519",         "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
		"ecdsa-sha2-nistp521", NULL,
	};

	for (size_t i = 0; types[i]; i++)
		if (strlen(types[i]) == n && memcmp(types[i], s, n) == 0)
			return true;
	return false;
}

/* Standard base64 with its padding; 0 when it is none, or longer than max bytes. */
static size_t decode_base64(unsigned char *out, size_t max, const char *s, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = 0, pad = 0;
	uint32_t bits = 0;

	if (n == 0 || n % 4 || n / 4 * 3 > max)
		return 0;
	while (pad < 2 && s[n - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < n; i++) {
		const char *d = i < n - pad ? strchr(digits, s[i]) : digits;

		if (!d || !s[i])
			return 0;
		bits = bits << 6 | (uint32_t)(d - digits);
		if (i % 4 == 3) {
			out[len++] = (unsigned char)(bits >> 16);
			out[len++] = (unsigned char)(bits >> 8);
			out[len++] = (unsigned char)bits;
		}
	}
	return len - pad;
}

/* A key is a row of strings, each after its length in four bytes; the first is the
 * type. A key cut short while pasting does not end where it should. */
static bool is_whole_key(const char *type, size_t type_len, const char *text, size_t n)
{
	unsigned char key[4096] = { 0 };
	size_t len = decode_base64(key, sizeof key, text, n), at = 0, parts = 0;

	while (len - at >= 4) {
		size_t part = (size_t)key[at] << 24 | (size_t)key[at + 1] << 16 |
		              (size_t)key[at + 2] << 8 | key[at + 3];

		at += 4;
		if (part > len - at)
			return false;
		if (parts++ == 0 && (part != type_len || memcmp(key + at, type, part) != 0))
			return false;
		at += part;
	}
	return at == len && parts >= 2;
}

static void git_host_key(const struct reader *r, const struct json_node *node, struct git_remote *g)
{
	const char *type = node->string;
	size_t type_len = strcspn(type, " "), key_len;
	const char *key = type + type_len + (type[type_len] == ' ');

	key_len = strcspn(key, " ");
	if (has_control(type)) {
		json_fault(r->doc, node, r->faults, "must be one line: \"ssh-ed25519 AAAA...\"");
	} else if (!is_key_type(type, type_len)) {
		bool has_host = is_key_type(key, key_len);

		json_fault(r->doc, node, r->faults,
		           has_host ? "starts with a host name; leave that out and begin with the "
		                      "key's type"
		                    : "does not begin with a key's type; write \"ssh-ed25519 "
		                      "AAAA...\"");
	} else if (!is_whole_key(type, type_len, key, key_len)) {
		json_fault(r->doc, node, r->faults,
		           "is no whole %.*s key; copy the line that ssh-keyscan prints, without "
		           "the host",
		           (int)type_len, type);
	} else {
		g->known_host_key = xasprintf("%.*s %.*s", (int)type_len, type, (int)key_len, key);
	}
}

/* --- ExtraHosts ---------------------------------------------------------------------- */

/* Its usual spelling, so that two spellings of one address are one address. Owned. */
static char *usual_ip(const char *text)
{
	unsigned char bits[16];
	char out[INET6_ADDRSTRLEN];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, bits) != 1 || !inet_ntop(family, bits, out, sizeof out))
		return NULL;
	return xstrdup(out);
}

static void git_extra_hosts(const struct reader *r, const struct json_node *hosts,
                            struct git_remote *g)
{
	if (hosts->n > EXTRA_HOSTS_MAX) {
		json_fault(r->doc, hosts, r->faults, "has %zu hosts; at most %d are read", hosts->n,
		           EXTRA_HOSTS_MAX);
		return;
	}
	g->extra_hosts = xcalloc(hosts->n, sizeof *g->extra_hosts);
	for (const struct json_node *c = hosts->first; c; c = c->next) {
		char host[HOST_NAME_SIZE];
		struct err err = { 0 };
		char *ip;

		if (!reader_expect(r, c, JSON_STRING))
			continue;
		if (host_name_check(host, c->key, false, false, &err) < 0) {
			json_fault_key(r->doc, c, r->faults, "%s", err.msg);
			continue;
		}
		ip = usual_ip(c->string);
		if (!ip) {
			json_fault(r->doc, c, r->faults,
			           "\"%.60s\" is no IP address; write it as \"192.0.2.7\"",
			           c->string);
			continue;
		}
		g->extra_hosts[g->n_extra_hosts].host = xstrdup(host);
		g->extra_hosts[g->n_extra_hosts++].ip = ip;
	}
}

/* --- the entry ------------------------------------------------------------------------ */

static void git_identity(const struct reader *r, const struct json_node *node, struct git_remote *g)
{
	const char *s = node->string;
	size_t n = strlen(s);
	char *path;

	if (n > 4 && strcmp(s + n - 4, ".pub") == 0) {
		json_fault(r->doc, node, r->faults,
		           "\"%.200s\" is a public key; name the private one, without .pub", s);
		return;
	}
	path = reader_path(r, node, s, r->source->dir);
	if (!path)
		return;
	/* Not asked of the file system before the person trusted the file. A trusted
	 * project may name any key: the person saw which. */
	if (r->source->is_trusted && r->env->path_kind(r->env->ctx, path) != MANIFEST_PATH_FILE) {
		json_fault(r->doc, node, r->faults,
		           "no key file at \"%.200s\"; mend the path or make a key with "
		           "ssh-keygen",
		           path);
		free(path);
		return;
	}
	g->identity_file = path;
}

static void git_hold_seconds(const struct reader *r, const struct json_node *node,
                             struct git_remote *g)
{
	long long seconds = GIT_HOLD_SECONDS;

	if (node && !json_integer(node, GIT_HOLD_SECONDS_MIN, GIT_HOLD_SECONDS_MAX, &seconds))
		json_fault(r->doc, node, r->faults, "must be a whole number from %d to %d",
		           GIT_HOLD_SECONDS_MIN, GIT_HOLD_SECONDS_MAX);
	else if (node && g->push != GIT_PUSH_HOLD)
		json_warn(r->doc, node, r->faults,
		          "does nothing without \"push\": \"hold\"");
	g->hold_seconds = (unsigned)seconds;
}

const char *const git_keys[] = { "Name", "Upstream", "IdentityFile", "KnownHostKey", "ExtraHosts",
	                         "push", "hold_seconds", NULL };

static void git_entry(const struct reader *r, const struct json_node *entry, struct git_remote *g)
{
	static const char *const pushes[] = { "forward", "hold", NULL };
	const struct json_node *node;
	const char *s;

	reader_keys(r, entry, git_keys, NULL);
	s = reader_required(r, entry, "Name", "a short name for the repository");
	if (s && !is_plain_name(s, GIT_NAME_MAX))
		json_fault(r->doc, json_get(entry, "Name"), r->faults,
		           "\"%.60s\" cannot name a repository; use letters, digits and ._-, "
		           "at most %d",
		           s, GIT_NAME_MAX);
	else if (s)
		g->name = xstrdup(s);
	if (reader_required(r, entry, "Upstream", "the real remote, as \"ssh://git@host/path\""))
		git_upstream(r, json_get(entry, "Upstream"), g);
	if (reader_required(r, entry, "IdentityFile", "the private key for the upstream"))
		git_identity(r, json_get(entry, "IdentityFile"), g);
	node = json_get(entry, "KnownHostKey");
	if (node && reader_expect(r, node, JSON_STRING))
		git_host_key(r, node, g);
	if (!node && g->host)
		json_warn(
			r->doc, entry, r->faults,
			"without \"KnownHostKey\" the gate refuses to fetch and to push; add what "
			"\"ssh-keyscan -p %u %s\" prints after the host, once you compared its "
			"fingerprint",
			g->port, g->host);
	node = reader_member(r, entry, "ExtraHosts", JSON_OBJECT);
	if (node)
		git_extra_hosts(r, node, g);
	node = json_get(entry, "push");
	if (node && reader_word(r, node, pushes) == 1)
		g->push = GIT_PUSH_HOLD;
	git_hold_seconds(r, json_get(entry, "hold_seconds"), g);
}

static bool is_repeated_name(const struct bottle_spec *b, const char *name)
{
	for (size_t i = 0; i < b->n_git; i++)
		if (strcmp(b->git[i].name, name) == 0)
			return true;
	return false;
}

void bottle_git(struct bottle_draft *d, const struct json_node *git)
{
	const struct reader *r = d->r;
	struct bottle_spec *b = d->spec;

	if (git->n > MANIFEST_GIT_MAX) {
		json_fault(r->doc, git, r->faults, "has %zu remotes; at most %d are read", git->n,
		           MANIFEST_GIT_MAX);
		return;
	}
	b->git = xcalloc(git->n, sizeof *b->git);
	for (const struct json_node *c = git->first; c; c = c->next) {
		struct git_remote g = { 0 };

		if (!reader_expect(r, c, JSON_OBJECT))
			continue;
		git_entry(r, c, &g);
		if (g.name && is_repeated_name(b, g.name)) {
			json_fault(r->doc, json_get(c, "Name"), r->faults,
			           "\"%s\" already names another remote of this bottle; rename one",
			           g.name);
			git_remote_done(&g);
		} else if (g.name && g.host && g.identity_file) {
			b->git[b->n_git++] = g;
		} else {
			git_remote_done(&g); /* faulty, so the bottle is broken anyway */
		}
	}
}

void git_remote_copy(struct git_remote *to, const struct git_remote *from)
{
	*to = *from;
	to->name = xstrdup(from->name);
	to->upstream = xstrdup(from->upstream);
	to->user = xstrdup(from->user);
	to->host = xstrdup(from->host);
	to->path = xstrdup(from->path);
	to->url = xstrdup(from->url);
	to->gate_path = xstrdup(from->gate_path);
	to->identity_file = xstrdup(from->identity_file);
	to->known_host_key = xstrdup_or_null(from->known_host_key);
	to->extra_hosts = xcalloc(from->n_extra_hosts, sizeof *to->extra_hosts);
	for (size_t i = 0; i < from->n_extra_hosts; i++) {
		to->extra_hosts[i].host = xstrdup(from->extra_hosts[i].host);
		to->extra_hosts[i].ip = xstrdup(from->extra_hosts[i].ip);
	}
}

void git_remote_done(struct git_remote *g)
{
	free(g->name);
	free(g->upstream);
	free(g->user);
	free(g->host);
	free(g->path);
	free(g->url);
	free(g->gate_path);
	free(g->identity_file);
	free(g->known_host_key);
	for (size_t i = 0; i < g->n_extra_hosts; i++) {
		free(g->extra_hosts[i].host);
		free(g->extra_hosts[i].ip);
	}
	free(g->extra_hosts);
}
