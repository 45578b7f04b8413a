/* What a session may reach, for people and for programs. */
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/policy.h"
#include "core/text.h"

static bool is_in_force(const struct policy_entry *e, int64_t now)
{
	return e->until == 0 || e->until > now;
}

static const struct policy_entry *taken_away(const struct policy *p, const char *host)
{
	const struct policy_entry *e = policy_find(p, host);

	return e && e->is_denied ? e : NULL;
}

/* --- for people ------------------------------------------------------------------------ */

static void add_who(struct buf *b, const struct policy_entry *e)
{
	if (e->by && *e->by) {
		buf_adds(b, "  by ");
		text_safe_str(b, e->by, 0);
	}
	if (e->why && *e->why) {
		buf_adds(b, ": ");
		text_safe_str(b, e->why, 0);
	}
}

static void add_entry(struct buf *b, const struct policy_entry *e, const char *mark, int64_t now)
{
	char left[16];

	buf_addf(b, "%s%-40s ", mark, e->host);
	if (e->is_denied) {
		buf_adds(b, "taken away");
	} else if (e->until == 0) {
		buf_adds(b, "this session");
	} else {
		policy_duration_text(left, e->until - now);
		buf_addf(b, "%s left%s", left, e->cuts ? ", then tunnels are cut" : "");
	}
	add_who(b, e);
	buf_addc(b, '\n');
}

static void add_base(struct buf *b, const struct policy *p)
{
	for (char **h = p->allowlist; h && *h; h++) {
		if (taken_away(p, *h))
			continue;
		buf_addf(b, "  %-40s bottle", *h);
		if (host_list_covers(p->passthrough, *h))
			buf_adds(b, ", unscanned");
		if (host_list_covers(p->trusted, *h))
			buf_adds(b, ", may be private");
		buf_addc(b, '\n');
	}
}

void policy_text(struct buf *b, const struct policy *p, bool diff, int64_t now)
{
	buf_addf(b, "%s: %s, %llu changes since launch\n", p->session,
	         p->is_frozen   ? "frozen: every request is refused"
	         : p->is_paused ? "agent paused"
	                        : "running",
	         (unsigned long long)p->generation);
	if (p->is_foreign)
		buf_adds(b,
		         "pipelock's configuration is none that claude-bottle wrote: what follows "
		         "may not be in force\n");
	if (!diff)
		add_base(b, p);
	for (size_t i = 0; i < p->n_entries; i++) {
		const struct policy_entry *e = &p->entries[i];

		if (is_in_force(e, now))
			add_entry(b, e, e->is_denied ? "- " : diff ? "+ " : "  ", now);
	}
}

/* --- for programs ------------------------------------------------------------------------ */

static void add_entry_json(struct buf *b, const struct policy_entry *e)
{
	buf_adds(b, "{\"host\":");
	json_escape(b, e->host);
	buf_addf(b, ",\"action\":\"%s\",\"scope\":\"%s\",\"since\":%lld",
	         e->is_denied ? "revoke" : "allow", e->until ? "until" : "session",
	         (long long)e->since);
	if (e->until)
		buf_addf(b, ",\"until\":%lld,\"cuts\":%s", (long long)e->until,
		         e->cuts ? "true" : "false");
	buf_adds(b, ",\"by\":");
	json_escape(b, e->by ? e->by : "");
	buf_adds(b, ",\"why\":");
	json_escape(b, e->why ? e->why : "");
	buf_addc(b, '}');
}

static void add_list(struct buf *b, const char *key, char *const *list)
{
	buf_addf(b, ",\"%s\":[", key);
	for (size_t i = 0; list && list[i]; i++) {
		if (i)
			buf_addc(b, ',');
		json_escape(b, list[i]);
	}
	buf_addc(b, ']');
}

void policy_json(struct buf *b, const struct policy *p, bool diff, int64_t now)
{
	bool is_first = true;

	buf_addf(b,
	         "{\"session\":\"%s\",\"generation\":%llu,\"frozen\":%s,\"paused\":%s,"
	         "\"foreign\":%s,\"config_hash\":\"%s\"",
	         p->session, (unsigned long long)p->generation, p->is_frozen ? "true" : "false",
	         p->is_paused ? "true" : "false", p->is_foreign ? "true" : "false", p->hash);
	if (!diff) {
		add_list(b, "allowlist", p->allowlist);
		add_list(b, "passthrough", p->passthrough);
		add_list(b, "trusted", p->trusted);
	}
	buf_adds(b, ",\"changes\":[");
	for (size_t i = 0; i < p->n_entries; i++) {
		if (!is_in_force(&p->entries[i], now))
			continue;
		if (!is_first)
			buf_addc(b, ',');
		is_first = false;
		add_entry_json(b, &p->entries[i]);
	}
	buf_adds(b, "]}\n");
}
