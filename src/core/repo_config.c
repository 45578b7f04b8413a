#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/repo_priv.h"

/* --- what of a URL may be seen --------------------------------------------------- */

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* The length of "scheme" when s is "scheme<sep>...", else 0. */
static size_t scheme_len(const char *s, const char *sep)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (n > 0 && strchr("+.-", s[n]) && s[n]))
		n++;
	return n > 0 && strncmp(s + n, sep, strlen(sep)) == 0 ? n : 0;
}

static bool is_ssh(const char *url, size_t n)
{
	return (n == 3 && strncasecmp(url, "ssh", n) == 0) ||
	       (n == 7 && (strncasecmp(url, "git+ssh", n) == 0 ||
			   strncasecmp(url, "ssh+git", n) == 0));
}

/* "host", "host:123", "[::1]:123": what follows the host must be a port, or we
 * have misread where the userinfo ends. */
static bool is_host_and_port(const char *s, size_t n)
{
	size_t i = 0;
	char end = n > 0 && s[0] == '[' ? ']' : ':';

	while (i < n && s[i] != end)
		i++;
	if (end == ']' && i++ == n)
		return false;
	if (i < n && s[i] == ':')
		i++;
	while (i < n && isdigit((unsigned char)s[i]))
		i++;
	return i == n;
}

char *repo_url_public(const char *url)
{
	size_t scheme = scheme_len(url, "://");

	if (has_control(url) || scheme_len(url, "::"))
		return NULL;
	if (scheme == 0)
		return xstrdup(url);

	const char *authority = url + scheme + 3;
	size_t len = strcspn(authority, "/?#\\");
	const char *at = memrchr(authority, '@', len);
	const char *host = at ? at + 1 : authority;
	size_t user = 0;

	if (at && is_ssh(url, scheme)) {
		const char *colon = memchr(authority, ':', (size_t)(at - authority));

		user = (size_t)((colon ? colon : at) - authority);
	}
	/* what a backslash ends is a host to one program, and a password to another */
	if (authority[len] == '\\' || !is_host_and_port(host, (size_t)(authority + len - host)))
		return NULL;
	return xasprintf("%.*s://%.*s%s%.*s", (int)scheme, url, (int)user, authority,
			 user ? "@" : "", (int)strcspn(host, "?#"), host);
}

/* --- the config ------------------------------------------------------------------- */

/* A value in quotes; control bytes were refused before. */
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

static void add_pair(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "\t%s = ", key);
	add_quoted(out, value);
	buf_addc(out, '\n');
}

static void add_core(const git_config *cfg, struct buf *out)
{
	static const char *const autocrlf[] = { "true", "false", "input" };
	static const char *const eol[] = { "lf", "crlf", "native" };
	const char *text;
	int on;

	/* Only what decides how a work tree's file is compared with its blob. */
	buf_adds(out, "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
		      "\tlogallrefupdates = true\n");
	on = 1;
	git_config_get_bool(&on, cfg, "core.filemode");
	buf_addf(out, "\tfilemode = %s\n", on ? "true" : "false");
	on = 1;
	if (git_config_get_bool(&on, cfg, "core.symlinks") == 0 && !on)
		buf_adds(out, "\tsymlinks = false\n");
	for (size_t i = 0; i < 3; i++) {
		if (git_config_get_string(&text, cfg, "core.autocrlf") == 0 &&
		    strcasecmp(text, autocrlf[i]) == 0)
			buf_addf(out, "\tautocrlf = %s\n", autocrlf[i]);
		if (git_config_get_string(&text, cfg, "core.eol") == 0 &&
		    strcasecmp(text, eol[i]) == 0)
			buf_addf(out, "\teol = %s\n", eol[i]);
	}
}

/* --- remotes ----------------------------------------------------------------------- */

struct remote {
	char *name;
	char **urls, **pushurls;
	size_t n_urls, n_pushurls;
};

/* "Instead of a URL that starts with `from`, use `to` and the rest." */
struct rewrite {
	char *from, *to;
	bool is_push;
};

struct remotes {
	struct remote *v;
	size_t n;
	struct rewrite *rewrites;
	size_t n_rewrites;
};

static void remotes_done(struct remotes *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].name);
		strv_free(r->v[i].urls);
		strv_free(r->v[i].pushurls);
	}
	for (size_t i = 0; i < r->n_rewrites; i++) {
		free(r->rewrites[i].from);
		free(r->rewrites[i].to);
	}
	free(r->v);
	free(r->rewrites);
}

static struct remote *remotes_find(const struct remotes *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].name, name) == 0)
			return &r->v[i];
	return NULL;
}

static struct remote *remotes_get(struct remotes *r, const char *name)
{
	struct remote *found = remotes_find(r, name);

	if (found)
		return found;
	r->v = xreallocarray(r->v, r->n + 1, sizeof *r->v);
	r->v[r->n] = (struct remote){ .name = xstrdup(name) };
	return &r->v[r->n++];
}

/* When key is "section.MIDDLE.last": MIDDLE, for the caller to free. */
static char *middle(const char *key, const char *section, const char *last)
{
	size_t n = strlen(key), a = strlen(section), b = strlen(last);

	if (n <= a + b || strncmp(key, section, a) != 0 || strcmp(key + n - b, last) != 0)
		return NULL;
	return xstrndup(key + a, n - a - b);
}

static void remotes_read(struct remotes *r, const char *key, const char *value)
{
	CLEANUP_FREE char *url = middle(key, "remote.", ".url");
	CLEANUP_FREE char *pushurl = middle(key, "remote.", ".pushurl");
	char *to = middle(key, "url.", ".insteadof");
	bool is_push = !to;

	if (!to)
		to = middle(key, "url.", ".pushinsteadof");
	if (to) {
		r->rewrites = xreallocarray(r->rewrites, r->n_rewrites + 1, sizeof *r->rewrites);
		r->rewrites[r->n_rewrites++] = (struct rewrite){ xstrdup(value), to, is_push };
	} else if (url) {
		struct remote *remote = remotes_get(r, url);

		strv_push(&remote->urls, &remote->n_urls, xstrdup(value));
	} else if (pushurl) {
		struct remote *remote = remotes_get(r, pushurl);

		strv_push(&remote->pushurls, &remote->n_pushurls, xstrdup(value));
	}
}

/* libgit2 1.5 leaks in all that matches keys by pattern, git_remote_list and
 * git_remote_lookup included: we go through all the keys. */
static int remotes_load(struct remotes *r, const git_config *cfg)
{
	git_config_iterator *it = NULL;
	git_config_entry *e;

	if (git_config_iterator_new(&it, cfg) < 0)
		return -1;
	while (git_config_next(&e, it) == 0)
		if (e->value)
			remotes_read(r, e->name, e->value);
	git_config_iterator_free(it);
	return 0;
}

/* As git does: the longest one that fits. NULL when none does. */
static char *rewritten(const struct remotes *r, const char *url, bool is_push)
{
	const struct rewrite *best = NULL;

	for (size_t i = 0; i < r->n_rewrites; i++) {
		const struct rewrite *w = &r->rewrites[i];

		if (w->is_push == is_push && strncmp(url, w->from, strlen(w->from)) == 0 &&
		    (!best || strlen(w->from) > strlen(best->from)))
			best = w;
	}
	return best ? xasprintf("%s%s", best->to, url + strlen(best->from)) : NULL;
}

/* Returns false when the URL may not be shown. */
static bool add_url(struct buf *out, const char *key, const char *url)
{
	CLEANUP_FREE char *clean = repo_url_public(url);

	if (clean)
		add_pair(out, key, clean);
	return clean != NULL;
}

static void add_remote(const struct remotes *all, const struct remote *r,
		       struct collector *notes, struct buf *out)
{
	CLEANUP_FREE char *fetch = xasprintf("+refs/heads/*:refs/remotes/%s/*", r->name);
	bool clean = true;
	int ok = 0;

	if (has_control(r->name) || git_remote_name_is_valid(&ok, r->name) < 0 || !ok) {
		collect_note(notes, r->name, "not a usable name for a remote");
		return;
	}
	buf_adds(out, "[remote ");
	add_quoted(out, r->name);
	buf_adds(out, "]\n");
	add_pair(out, "fetch", fetch);
	for (size_t i = 0; i < r->n_urls; i++) {
		CLEANUP_FREE char *url = rewritten(all, r->urls[i], false);
		CLEANUP_FREE char *push =
			r->n_pushurls ? NULL : rewritten(all, r->urls[i], true);

		clean &= add_url(out, "url", url ? url : r->urls[i]);
		if (push)
			clean &= add_url(out, "pushurl", push);
	}
	for (size_t i = 0; i < r->n_pushurls; i++) {
		CLEANUP_FREE char *push = rewritten(all, r->pushurls[i], false);

		clean &= add_url(out, "pushurl", push ? push : r->pushurls[i]);
	}
	if (!clean)
		collect_note(notes, r->name, "a remote whose URL is not an address");
}

static void add_branch(const git_config *cfg, const char *branch, const struct remotes *remotes,
		       struct buf *out)
{
	CLEANUP_FREE char *remote_key = xasprintf("branch.%s.remote", branch);
	CLEANUP_FREE char *merge_key = xasprintf("branch.%s.merge", branch);
	const char *remote, *merge;

	if (git_config_get_string(&remote, cfg, remote_key) < 0 ||
	    git_config_get_string(&merge, cfg, merge_key) < 0)
		return;
	if (!remotes_find(remotes, remote) || has_control(remote) || has_control(merge) ||
	    strncmp(merge, "refs/heads/", 11) != 0)
		return;
	buf_adds(out, "[branch ");
	add_quoted(out, branch);
	buf_adds(out, "]\n");
	add_pair(out, "remote", remote);
	add_pair(out, "merge", merge);
}

int repo_make_config(git_repository *git, const char *branch, struct collector *notes,
		     struct buf *out, struct err *err)
{
	struct remotes remotes = { 0 };
	git_config *cfg = NULL;
	int rc = -1;

	if (git_repository_config_snapshot(&cfg, git) < 0 || remotes_load(&remotes, cfg) < 0) {
		repo_git_fail(err, ERR_INPUT, "the repository's config");
		goto out;
	}
	add_core(cfg, out);
	for (size_t i = 0; i < remotes.n; i++)
		add_remote(&remotes, &remotes.v[i], notes, out);
	if (branch)
		add_branch(cfg, branch, &remotes, out);
	rc = out->overflowed ?
		     err_set(err, ERR_INPUT, "the repository's config is too long") : 0;
out:
	remotes_done(&remotes);
	git_config_free(cfg);
	return rc;
}
