#include "core/gitgate.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/text.h"

#define SSH_PORT 22

static void member(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "\"%s\":", name);
	text_add_json(out, value, strlen(value));
}

char *gitgate_key_path(const struct git_remote *g)
{
	return xasprintf(GITGATE_DIR "/keys/%s", g->name);
}

char *gitgate_known_hosts_path(const struct git_remote *g)
{
	return xasprintf(GITGATE_DIR "/known_hosts/%s", g->name);
}

static void add_repo(struct buf *out, const struct git_remote *g)
{
	CLEANUP_FREE char *key = gitgate_key_path(g);
	CLEANUP_FREE char *known_hosts = gitgate_known_hosts_path(g);

	buf_addc(out, '{');
	member(out, "name", g->name);
	buf_addc(out, ',');
	member(out, "path", g->gate_path);
	buf_addc(out, ',');
	member(out, "url", g->url);
	buf_addc(out, ',');
	member(out, "key", key);
	buf_addc(out, ',');
	if (g->known_host_key)
		member(out, "known_hosts", known_hosts);
	else
		buf_adds(out, "\"known_hosts\":null");
	buf_addc(out, ',');
	member(out, "push", g->push == GIT_PUSH_HOLD ? "hold" : "forward");
	if (g->push == GIT_PUSH_HOLD)
		buf_addf(out, ",\"hold_s\":%u",
		         g->hold_seconds ? g->hold_seconds : GIT_HOLD_SECONDS);
	buf_addc(out, '}');
}

int gitgate_config(struct buf *out, const struct git_remote *git, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(git[i].name, git[k].name))
				return err_set(err, ERR_INPUT, "git: two remotes are called '%s'",
				               git[i].name);
			if (!strcasecmp(git[i].gate_path, git[k].gate_path))
				return err_set(err, ERR_INPUT,
				               "git: '%s' and '%s' have one place at the gate (%s)",
				               git[k].name, git[i].name, git[i].gate_path);
		}
	}

	buf_adds(out, "{\"v\":1,\"repos\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_repo(out, &git[i]);
	}
	buf_addf(out,
	         "],\"max_push_bytes\":%d,\"scan_timeout_s\":%d,\"fetch_timeout_s\":%d,"
	         "\"connect_timeout_s\":%d,\"max_connections\":%d}\n",
	         GITGATE_PUSH_MAX, GITGATE_SCAN_TIMEOUT_S, GITGATE_FETCH_TIMEOUT_S,
	         GITGATE_CONNECT_TIMEOUT_S, GITGATE_CONNECTIONS_MAX);
	if (out->overflowed)
		return err_set(err, ERR_INPUT, "gate.json is larger than %zu bytes", out->max);
	return 0;
}

int gitgate_known_hosts(struct buf *out, const struct git_remote *g)
{
	if (!g->known_host_key)
		return 0;
	if (g->port == SSH_PORT)
		return buf_addf(out, "%s %s\n", g->host, g->known_host_key);
	return buf_addf(out, "[%s]:%u %s\n", g->host, g->port, g->known_host_key);
}

char *gitgate_clone_url(const struct git_remote *g)
{
	return xasprintf("git://" GITGATE_HOST "/%s", g->gate_path);
}

/* --- the agent's gitconfig ---------------------------------------------------- */

/* A value between quotes: '#' and ';' would begin a comment, and git knows the
 * escapes \" and \\ alone. No control character comes here: the manifest's hosts
 * and paths have none. */
static void add_quoted(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *s);
	}
	buf_addc(out, '"');
}

static void add_section(struct buf *out, const char *target)
{
	buf_adds(out, "[url ");
	add_quoted(out, target);
	buf_adds(out, "]\n");
}

/* Takes prefix over. */
static void add_rule(struct buf *out, char *prefix)
{
	CLEANUP_FREE char *owned = prefix;

	buf_adds(out, "\tinsteadOf = ");
	add_quoted(out, owned);
	buf_addc(out, '\n');
}

/* A URL needs brackets around an IPv6 address. */
static char *url_host(const struct git_remote *g)
{
	return strchr(g->host, ':') ? xasprintf("[%s]", g->host) : xstrdup(g->host);
}

static bool is_same_host(const struct git_remote *a, const struct git_remote *b)
{
	return a->port == b->port && !strcmp(a->host, b->host);
}

/* Rules for one way of naming the host; user is "" or "name@". */
static void add_user_rules(struct buf *out, const struct git_remote *g, const char *user)
{
	CLEANUP_FREE char *host = url_host(g);

	add_rule(out, xasprintf("ssh://%s%s:%u/", user, host, g->port));
	if (g->port != SSH_PORT)
		return;
	add_rule(out, xasprintf("ssh://%s%s/", user, host));
	if (*user || strchr(g->host, '.')) {
		/* the longer one wins, and keeps the path's slash from being doubled */
		add_rule(out, xasprintf("%s%s:/", user, host));
		add_rule(out, xasprintf("%s%s:", user, host));
	}
}

/* All rules of g's host: for every user that some remote names there, and none. */
static void add_host(struct buf *out, const struct git_remote *git, size_t n, size_t at)
{
	const struct git_remote *g = &git[at];
	size_t len = strcspn(g->gate_path, "/");
	CLEANUP_FREE char *target =
		xasprintf("git://" GITGATE_HOST "/%.*s/", (int)len, g->gate_path);

	add_section(out, target);
	add_user_rules(out, g, "");
	for (size_t i = at; i < n; i++) {
		CLEANUP_FREE char *user = xasprintf("%s@", git[i].user);
		bool is_known = !is_same_host(&git[i], g);

		for (size_t k = at; k < i && !is_known; k++)
			is_known = is_same_host(&git[k], g) && !strcmp(git[k].user, git[i].user);
		if (!is_known)
			add_user_rules(out, g, user);
	}
}

/* The https form of one repository, unless an earlier one claims it. */
static void add_https(struct buf *out, const struct git_remote *git, size_t at)
{
	const struct git_remote *g = &git[at];
	const char *path = strchr(g->gate_path, '/') + 1;
	CLEANUP_FREE char *host = url_host(g);
	CLEANUP_FREE char *target = xasprintf("git://" GITGATE_HOST "/%s.git", g->gate_path);

	for (size_t k = 0; k < at; k++)
		if (!strcmp(git[k].host, g->host) &&
		    !strcmp(strchr(git[k].gate_path, '/') + 1, path))
			return;
	add_section(out, target);
	add_rule(out, xasprintf("https://%s/%s.git", host, path));
}

int gitgate_agent_config(struct buf *out, const struct git_remote *git, size_t n)
{
	buf_adds(out,
	         "# Written by claude-bottle: these hosts are reached through the git gate.\n");
	for (size_t i = 0; i < n; i++) {
		bool is_known = false;

		for (size_t k = 0; k < i && !is_known; k++)
			is_known = is_same_host(&git[i], &git[k]);
		if (!is_known)
			add_host(out, git, n, i);
	}
	for (size_t i = 0; i < n; i++)
		add_https(out, git, i);
	return out->overflowed ? -1 : 0;
}
