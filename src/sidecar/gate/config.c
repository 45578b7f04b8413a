#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "util.h"

#define CONFIG_MAX (1U << 20)
#define REPOS_MAX 256

#define HOLD_S 100
#define HOLD_S_MIN 5
#define HOLD_S_MAX 3600

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool is_name(const char *s)
{
	size_t n = strspn(s, ALNUM "._-");

	return n > 0 && n <= 64 && s[n] == '\0' && s[0] != '.' && s[0] != '-';
}

static bool is_dots(const char *s, size_t n)
{
	return (n == 1 || n == 2) && strspn(s, ".") >= n;
}

/* Components of plain characters; none empty, "." or "..". */
static bool is_path(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > 512 || s[len - 1] == '/')
		return false;
	for (;;) {
		size_t n = strspn(s, ALNUM "._-+~@");

		if (n == 0 || (s[n] != '/' && s[n] != '\0') || is_dots(s, n))
			return false;
		if (s[n] == '\0')
			return n <= 4 || strcmp(s + n - 4, ".git") != 0;
		s += n + 1;
	}
}

static bool is_file_path(const char *s)
{
	return s[0] == '/' && is_path(s + 1) && strlen(s) < 256;
}

/* "user@" or nothing; NULL when there is something else before an '@'. */
static const char *after_user(const char *s, const char *end)
{
	const char *at = memchr(s, '@', (size_t)(end - s));
	size_t n = strspn(s, ALNUM "._-");

	if (!at)
		return s;
	return n == 0 || s[0] == '-' || s + n != at ? NULL : at + 1;
}

static const char *after_host(const char *s)
{
	size_t n;

	if (*s == '[') {
		n = strspn(s + 1, "0123456789abcdefABCDEF:.") + 2;
		return n < 4 || s[n - 1] != ']' ? NULL : s + n;
	}
	n = strspn(s, ALNUM "._-");
	return n == 0 || s[0] == '-' ? NULL : s + n;
}

/* ssh://[user@]host[:port]/path or user@host:path, of plain characters. */
static bool is_ssh_url(const char *s)
{
	bool is_url = strncmp(s, "ssh://", 6) == 0;
	const char *host = s + (is_url ? 6 : 0), *end = strchr(host, is_url ? '/' : ':');

	if (!end || strlen(s) > 1024 || end[1 + strspn(end + 1, ALNUM "/._-+~@%")] || !end[1])
		return false;
	if (!is_url && (!memchr(host, '@', (size_t)(end - host)) || end[1] == '-'))
		return false;
	host = after_user(host, end);
	host = host ? after_host(host) : NULL;
	if (host && is_url && *host == ':') {
		size_t digits = strspn(host + 1, "0123456789");

		host = digits == 0 || digits > 5 ? NULL : host + 1 + digits;
	}
	return host == end;
}

/* The keys of one object: each known, none twice. */
static int check_keys(const cJSON *object, const char *at, const char *const *known,
                      struct err *err)
{
	const cJSON *item, *other;

	cJSON_ArrayForEach(item, object)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], item->string) != 0)
			i++;
		if (!known[i])
			return err_set(err, "%s/%.40s: unknown key", at, item->string);
		for (other = item->next; other; other = other->next)
			if (strcmp(other->string, item->string) == 0)
				return err_set(err, "%s/%s: given twice", at, item->string);
	}
	return 0;
}

static int get_number(int64_t *out, const cJSON *object, const char *key, int64_t least,
                      int64_t most, struct err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	if (!item)
		return 0; /* the default stands */
	if (!cJSON_IsNumber(item) || item->valuedouble != (double)(int64_t)item->valuedouble ||
	    item->valuedouble < (double)least || item->valuedouble > (double)most)
		return err_set(err, "/%s: must be a whole number from %lld to %lld", key,
		               (long long)least, (long long)most);
	*out = (int64_t)item->valuedouble;
	return 0;
}

static int get_int(int *out, const cJSON *object, const char *key, int most, struct err *err)
{
	int64_t n = *out;

	if (get_number(&n, object, key, 1, most, err) < 0)
		return -1;
	*out = (int)n;
	return 0;
}

static int get_text(char **out, const cJSON *object, const char *at, const char *key,
                    bool (*is_ok)(const char *), const char *want, struct err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	if (!cJSON_IsString(item) || !is_ok(item->valuestring))
		return err_set(err, "%s/%s: must be %s", at, key, want);
	*out = xstrndup(item->valuestring, strlen(item->valuestring));
	return 0;
}

/* "push" and "hold_s": forward at once, or hold for so many seconds. */
static int parse_push(struct gate_repo *repo, const cJSON *node, const char *at, struct err *err)
{
	const cJSON *push = cJSON_GetObjectItemCaseSensitive(node, "push");
	const char *word = cJSON_GetStringValue(push);
	int64_t seconds = HOLD_S;
	struct err why;

	if (get_number(&seconds, node, "hold_s", HOLD_S_MIN, HOLD_S_MAX, &why) < 0)
		return err_set(err, "%s%.200s", at, why.msg);
	if (push && (!word || (strcmp(word, "forward") != 0 && strcmp(word, "hold") != 0)))
		return err_set(err, "%s/push: must be \"forward\" or \"hold\"", at);
	repo->hold_s = word && strcmp(word, "hold") == 0 ? (int)seconds : 0;
	return 0;
}

static int parse_repo(struct gate_repo *repo, const cJSON *node, const char *at, struct err *err)
{
	static const char *const known[] = { "name",        "path", "url",    "key",
		                             "known_hosts", "push", "hold_s", NULL };
	const cJSON *hosts = cJSON_GetObjectItemCaseSensitive(node, "known_hosts");

	if (!cJSON_IsObject(node))
		return err_set(err, "%s: must be an object", at);
	if (check_keys(node, at, known, err) < 0 ||
	    get_text(&repo->name, node, at, "name", is_name, "a plain name", err) < 0 ||
	    get_text(&repo->path, node, at, "path", is_path,
	             "a relative path of plain names without .git at its end", err) < 0 ||
	    get_text(&repo->url, node, at, "url", is_ssh_url,
	             "ssh://[user@]host[:port]/path or user@host:path", err) < 0 ||
	    get_text(&repo->key, node, at, "key", is_file_path, "an absolute path", err) < 0)
		return -1;
	if (hosts && !cJSON_IsNull(hosts) &&
	    get_text(&repo->known_hosts, node, at, "known_hosts", is_file_path,
	             "an absolute path or null", err) < 0)
		return -1;
	return parse_push(repo, node, at, err);
}

static int parse_repos(struct gate_config *c, const cJSON *list, struct err *err)
{
	const cJSON *node;
	char at[32];

	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) < 1 ||
	    cJSON_GetArraySize(list) > REPOS_MAX)
		return err_set(err, "/repos: must be a list of 1 to %d repositories", REPOS_MAX);
	c->repos = xcalloc((size_t)cJSON_GetArraySize(list), sizeof *c->repos);
	cJSON_ArrayForEach(node, list)
	{
		struct gate_repo *repo = &c->repos[c->n_repos++];

		snprintf(at, sizeof at, "/repos/%zu", c->n_repos - 1);
		if (parse_repo(repo, node, at, err) < 0)
			return -1;
		for (const struct gate_repo *r = c->repos; r < repo; r++) {
			if (strcmp(r->name, repo->name) == 0)
				return err_set(err, "%s/name: given twice", at);
			if (strcmp(r->path, repo->path) == 0)
				return err_set(err, "%s/path: given twice", at);
		}
	}
	return 0;
}

static int parse_root(struct gate_config *c, const cJSON *root, struct err *err)
{
	static const char *const known[] = { "v",
		                             "repos",
		                             "max_push_bytes",
		                             "scan_timeout_s",
		                             "fetch_timeout_s",
		                             "connect_timeout_s",
		                             "max_connections",
		                             NULL };
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, "v");

	if (!cJSON_IsObject(root))
		return err_set(err, "must be one JSON object");
	if (check_keys(root, "", known, err) < 0)
		return -1;
	if (!cJSON_IsNumber(v) || v->valueint != 1)
		return err_set(err, "/v: must be 1");
	if (get_number(&c->max_push_bytes, root, "max_push_bytes", 1024, 1LL << 40, err) < 0 ||
	    get_int(&c->scan_timeout_s, root, "scan_timeout_s", 3600, err) < 0 ||
	    get_int(&c->fetch_timeout_s, root, "fetch_timeout_s", 3600, err) < 0 ||
	    get_int(&c->connect_timeout_s, root, "connect_timeout_s", 600, err) < 0 ||
	    get_int(&c->max_connections, root, "max_connections", 256, err) < 0)
		return -1;
	return parse_repos(c, cJSON_GetObjectItemCaseSensitive(root, "repos"), err);
}

int config_parse(struct gate_config **out, const char *text, struct err *err)
{
	struct gate_config *c = xcalloc(1, sizeof *c);
	const char *end = text;
	cJSON *root = cJSON_ParseWithOpts(text, &end, 1);
	int rc = -1;

	c->max_push_bytes = 256LL << 20;
	c->scan_timeout_s = 60;
	c->fetch_timeout_s = 30;
	c->connect_timeout_s = 5;
	c->max_connections = 16;
	if (!root)
		err_set(err, "not JSON, at byte %zu", end ? (size_t)(end - text) : 0);
	else if (parse_root(c, root, err) == 0)
		rc = 0;
	cJSON_Delete(root);
	if (rc < 0) {
		config_free(c);
		return -1;
	}
	*out = c;
	return 0;
}

int config_load(struct gate_config **out, const char *path, struct err *err)
{
	struct buf text = BUF_INIT(CONFIG_MAX);
	struct err why = { { 0 } };
	int rc = -1;

	if (file_read(&text, path, err) < 0)
		goto out;
	if (memchr(buf_str(&text), '\0', text.len)) {
		err_set(err, "%s: holds a NUL byte", path);
		goto out;
	}
	if (config_parse(out, buf_str(&text), &why) < 0) {
		err_set(err, "%s: %.900s", path, why.msg);
		goto out;
	}
	rc = 0;
out:
	buf_done(&text);
	return rc;
}

void config_free(struct gate_config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_repos; i++) {
		free(c->repos[i].name);
		free(c->repos[i].path);
		free(c->repos[i].url);
		free(c->repos[i].key);
		free(c->repos[i].known_hosts);
	}
	free(c->repos);
	free(c);
}

const struct gate_repo *config_find_path(const struct gate_config *c, const char *request)
{
	size_t len = strlen(request);

	if (len < 2 || request[0] != '/')
		return NULL;
	request++;
	len--;
	if (request[len - 1] == '/')
		len--;
	if (len > 4 && memcmp(request + len - 4, ".git", 4) == 0)
		len -= 4;
	for (size_t i = 0; i < c->n_repos; i++)
		if (strlen(c->repos[i].path) == len && memcmp(c->repos[i].path, request, len) == 0)
			return &c->repos[i];
	return NULL;
}

const struct gate_repo *config_find_name(const struct gate_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_repos; i++)
		if (strcmp(c->repos[i].name, name) == 0)
			return &c->repos[i];
	return NULL;
}
