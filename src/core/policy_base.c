/* pipelock's configuration as launched, with another allowlist in it.
 *
 * This is no reader of YAML: it knows the lines that core/pipelock.c writes, and
 * refuses whatever is not written so.
 */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "core/policy_int.h"

static const char frozen_lines[] = "\nkill_switch:\n  enabled: ";

static int not_ours(const char *what, struct err *err)
{
	return err_set(err, ERR_FAILED,
	               "pipelock's configuration is not as claude-bottle writes it (%s); relaunch "
	               "the session",
	               what);
}

/* The only place of needle in text; NULL when there is none or another. */
static const char *only(const char *text, const char *needle)
{
	const char *at = strstr(text, needle);

	return at && !strstr(at + 1, needle) ? at : NULL;
}

/* One item, INDENT- "HOST"\n. The start of the next line; NULL when it is none. */
static const char *read_item(const char *s, size_t indent, char host[HOST_NAME_SIZE])
{
	const char *end;

	if (strspn(s, " ") != indent || strncmp(s + indent, "- \"", 3) != 0)
		return NULL;
	s += indent + 3;
	end = strchr(s, '"');
	if (!end || end[1] != '\n' || end == s || end - s >= HOST_NAME_SIZE)
		return NULL;
	memcpy(host, s, (size_t)(end - s));
	host[end - s] = '\0';
	return end + 2;
}

/* The list under the line key, if there is one. */
static int read_list(char ***out, size_t *at, size_t *end, const struct policy_base *b,
                     const char *key, size_t indent, struct err *err)
{
	const char *s = strstr(b->text, key), *next;
	char host[HOST_NAME_SIZE];
	size_t n = 0;

	if (!s)
		return 0;
	if (!only(b->text, key))
		return not_ours(key + 1, err);
	s += strlen(key);
	*at = (size_t)(s - b->text);
	while ((next = read_item(s, indent, host)) != NULL) {
		if (n >= MANIFEST_LIST_MAX || host_name_check(host, host, true, true, NULL) < 0)
			return not_ours("a host", err);
		strv_push(out, &n, xstrdup(host));
		s = next;
	}
	*end = (size_t)(s - b->text);
	return n > 0 ? 0 : not_ours(key + 1, err);
}

int policy_base_read(struct policy_base *out, const char *text, size_t len, struct err *err)
{
	struct policy_base b = { 0 };
	size_t at = 0, end = 0;
	const char *frozen;

	if (len > PIPELOCK_CONFIG_MAX || memchr(text, '\0', len))
		return not_ours("its size", err);
	b.text = xstrndup(text, len);
	b.len = len;
	frozen = only(b.text, frozen_lines);
	if (!frozen || strncmp(frozen + strlen(frozen_lines), "false\n", 6) != 0) {
		not_ours("kill_switch", err);
		goto fail;
	}
	b.frozen_at = (size_t)(frozen - b.text) + strlen(frozen_lines);
	if (read_list(&b.allowlist, &b.list_at, &b.list_end, &b, "\napi_allowlist:\n", 2, err) <
	            0 ||
	    read_list(&b.trusted, &at, &end, &b, "\ntrusted_domains:\n", 2, err) < 0 ||
	    read_list(&b.passthrough, &at, &end, &b, "\n  passthrough_domains:\n", 4, err) < 0)
		goto fail;
	if (!b.allowlist || b.list_at < b.frozen_at) {
		not_ours("api_allowlist", err);
		goto fail;
	}
	*out = b;
	return 0;
fail:
	policy_base_done(&b);
	return -1;
}

void policy_base_done(struct policy_base *b)
{
	free(b->text);
	strv_free(b->allowlist);
	strv_free(b->passthrough);
	strv_free(b->trusted);
}

/* "WORD NUMBER" at *s; moves past it. */
static bool read_count(const char **s, const char *word, uint64_t *out)
{
	size_t n = strlen(word), digits;

	if (strncmp(*s, word, n) != 0)
		return false;
	digits = strspn(*s + n, "0123456789");
	if (digits == 0 || digits > 15)
		return false;
	*out = strtoull(*s + n, NULL, 10);
	*s += n + digits;
	return true;
}

void policy_live_read(struct policy_live *out, const char *text, size_t len)
{
	CLEANUP_FREE char *copy = xstrndup(text, len);
	const char *s = copy, *frozen = strstr(copy, frozen_lines);

	*out = (struct policy_live){ 0 };
	hash_sha256_hex(out->hash, text, len);
	if (!read_count(&s, "# generation ", &out->generation) ||
	    !read_count(&s, " cut ", &out->cut) || *s != '\n')
		out->generation = out->cut = 0;
	else
		out->body = (size_t)(s + 1 - copy);
	out->is_frozen = frozen && strncmp(frozen + strlen(frozen_lines), "true", 4) == 0;
}

static const struct policy_entry *entry_of(const struct policy_overlay *o, const char *host)
{
	for (size_t i = 0; i < o->n_entries; i++)
		if (strcmp(o->entries[i].host, host) == 0)
			return &o->entries[i];
	return NULL;
}

void policy_base_render(struct buf *out, const struct policy_base *b,
                        const struct policy_overlay *o, uint64_t cut, int64_t at)
{
	static const size_t false_len = sizeof "false" - 1;

	buf_addf(out, "# generation %llu cut %llu\n", (unsigned long long)o->generation,
	         (unsigned long long)cut);
	buf_add(out, b->text, b->frozen_at);
	buf_adds(out, o->is_frozen ? "true" : "false");
	buf_add(out, b->text + b->frozen_at + false_len, b->list_at - b->frozen_at - false_len);
	for (char **h = b->allowlist; *h; h++) {
		const struct policy_entry *e = entry_of(o, *h);

		if (!e || !e->is_denied)
			buf_addf(out, "  - \"%s\"\n", *h);
	}
	for (size_t i = 0; i < o->n_entries; i++) {
		const struct policy_entry *e = &o->entries[i];

		if (!e->is_denied && (e->until == 0 || e->until > at))
			buf_addf(out, "  - \"%s\"\n", e->host);
	}
	buf_add(out, b->text + b->list_end, b->len - b->list_end);
}
