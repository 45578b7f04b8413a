#include "core/backtest.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/pipelock_explain.h"
#include "core/store.h"
#include "core/text.h"

#define SLOTS (1u << 16) /* well over BACKTEST_ROWS_MAX: never full */

void backtest_init(struct backtest *t, const struct manifest *m)
{
	*t = (struct backtest){ .m = m, .index = xcalloc(SLOTS, sizeof *t->index) };
}

void backtest_done(struct backtest *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->v[i].bottle);
		free(t->v[i].host);
		free(t->v[i].rule);
	}
	free(t->v);
	free(t->index);
}

/* --- judging --------------------------------------------------------------------------- */

static bool is_rule(const char *rule, const char *scanner)
{
	size_t n = strlen(scanner);

	return strncmp(rule, scanner, n) == 0 && (rule[n] == '\0' || rule[n] == ':');
}

/* Would pipelock, launched with the bottle, let it through? */
static bool judge(const struct bottle_spec *b, struct backtest_row *r)
{
	if (!host_list_covers(b->allowlist, r->host)) {
		r->why = "the host is not in its allowlist";
		return false;
	}
	if (r->did_pass) {
		r->why = "as before";
		return true;
	}
	if (is_rule(r->rule, "allowlist")) {
		r->why = "the host is in its allowlist";
		return true;
	}
	if (is_rule(r->rule, "ssrf") && host_list_covers(b->trusted, r->host)) {
		r->why = "the host is in \"trusted\"";
		return true;
	}
	/* what stands in the way is content, or how it is spoken: nobody looks there */
	if (pipelock_explain(r->rule)->remedy == PIPELOCK_CHANGE_BOTTLE &&
	    !is_rule(r->rule, "ssrf") && host_list_covers(b->passthrough, r->host)) {
		r->why = "the host is in \"passthrough\": unscanned";
		return true;
	}
	if (b->dlp_action == DLP_WARN &&
	    (is_rule(r->rule, "body_dlp") || is_rule(r->rule, "header_dlp"))) {
		r->why = "\"dlp_action\" only warns";
		return true;
	}
	r->why = "as before";
	return false;
}

static const struct bottle_spec *bottle_of(const struct manifest *m, const char *name)
{
	const struct bottle_spec *b = name ? manifest_bottle(m, name) : NULL;

	return b && !b->where.is_broken ? b : NULL;
}

static unsigned hash(unsigned h, const char *s)
{
	do
		h = (h ^ (unsigned char)*s) * 16777619u;
	while (*s++);
	return h;
}

/* The slot of the row, or the empty one where it belongs. */
static unsigned *find(struct backtest *t, const struct event *e, const char *rule)
{
	unsigned h = hash(hash(hash(2166136261u, e->host), rule), e->bottle);

	for (;; h++) {
		unsigned *slot = &t->index[(h ^ h >> 16) % SLOTS];
		const struct backtest_row *r = *slot ? &t->v[*slot - 1] : NULL;

		if (!r || (strcmp(r->host, e->host) == 0 && strcmp(r->rule, rule) == 0 &&
		           strcmp(r->bottle, e->bottle) == 0))
			return slot;
	}
}

void backtest_add(struct backtest *t, const struct event *e)
{
	const struct bottle_spec *b = bottle_of(t->m, e->bottle);
	bool did_pass = e->verdict == EVENT_ALLOW || e->verdict == EVENT_WARN;
	const char *rule = !did_pass && e->rule ? e->rule : "";
	unsigned count = e->count ? e->count : 1;
	struct backtest_row *r;
	unsigned *slot;

	if ((e->kind != EVENT_EGRESS_BLOCKED && e->kind != EVENT_EGRESS_DLP &&
	     e->kind != EVENT_EGRESS_ALLOWED) ||
	    e->is_probe || !e->host || (!did_pass && e->verdict != EVENT_BLOCK) ||
	    is_rule(rule, "kill_switch"))
		return;
	t->requests += count;
	if (!b) {
		t->unknown += count;
		return;
	}
	slot = find(t, e, rule);
	if (!*slot && t->n == BACKTEST_ROWS_MAX) {
		t->dropped += count;
		return;
	}
	if (!*slot) {
		t->v = xreallocarray(t->v, t->n + 1, sizeof *t->v);
		r = &t->v[t->n++];
		*slot = (unsigned)t->n;
		*r = (struct backtest_row){ .bottle = xstrdup(e->bottle),
			                    .host = xstrdup(e->host),
			                    .rule = xstrdup(rule),
			                    .did_pass = did_pass };
		r->would_pass = judge(b, r);
	}
	r = &t->v[*slot - 1];
	r->count += count;
	if (e->ts_ns > r->last_ns)
		r->last_ns = e->ts_ns;
}

/* --- the store ------------------------------------------------------------------------ */

#define REQUESTS                                                           \
	(STORE_KIND(EVENT_EGRESS_BLOCKED) | STORE_KIND(EVENT_EGRESS_DLP) | \
	 STORE_KIND(EVENT_EGRESS_ALLOWED))
#define PAGE 5000

int backtest_add_store(struct backtest *t, struct store *st, struct err *err)
{
	struct store_query q = { .kinds = REQUESTS, .from_start = true, .limit = PAGE };
	bool has_more = true;

	while (has_more) {
		struct store_page page = { 0 };

		if (store_find(st, &q, &page, err) < 0)
			return -1;
		for (size_t i = 0; i < page.n; i++)
			backtest_add(t, &page.v[i].event);
		has_more = page.has_more && page.n > 0;
		if (page.n > 0)
			q.after = page.v[page.n - 1].event.id;
		q.from_start = false;
		store_page_done(&page);
	}
	return 0;
}

/* --- telling ---------------------------------------------------------------------------- */

/* Bottle, then the most frequent first. */
static int by_weight(const void *a, const void *b)
{
	const struct backtest_row *x = a, *y = b;
	int c = strcmp(x->bottle, y->bottle);

	if (!c)
		c = (x->count < y->count) - (x->count > y->count);
	return c ? c : strcmp(x->host, y->host);
}

static void sort(struct backtest *t)
{
	if (t->n)
		qsort(t->v, t->n, sizeof *t->v, by_weight);
}

static bool differs(const struct backtest_row *r, bool would_pass)
{
	return r->did_pass != r->would_pass && r->would_pass == would_pass;
}

static size_t count(const struct backtest *t, bool would_pass)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += differs(&t->v[i], would_pass);
	return n;
}

static void part_text(struct buf *b, const struct backtest *t, bool would_pass, const char *title)
{
	size_t n = count(t, would_pass);

	buf_addf(b, "%s: %s\n", title, n ? "" : "nothing");
	for (size_t i = 0; i < t->n; i++) {
		const struct backtest_row *r = &t->v[i];
		struct buf host = BUF_INIT(1024), rule = BUF_INIT(1024);

		if (!differs(r, would_pass))
			continue;
		text_safe(&host, r->host, strlen(r->host), 0, true);
		text_safe_str(&rule, r->rule, 0);
		buf_addf(b, "  %-16s %-40s x%-6u %s (was: %s)\n", r->bottle, buf_str(&host),
		         r->count, r->why, rule.len ? buf_str(&rule) : "passed");
		buf_done(&host);
		buf_done(&rule);
	}
}

void backtest_text(struct buf *b, struct backtest *t)
{
	sort(t);
	part_text(b, t, true, "would newly pass");
	part_text(b, t, false, "would break");
	buf_addf(b,
	         "%llu requests judged, by host: what passed inside tunnels is not logged one "
	         "by one\n",
	         t->requests - t->unknown - t->dropped);
	if (t->unknown)
		buf_addf(b, "%llu requests of bottles that the file does not have\n", t->unknown);
	if (t->dropped)
		buf_addf(b, "%llu requests left out: more than %d hosts\n", t->dropped,
		         BACKTEST_ROWS_MAX);
}

static void part_json(struct buf *b, const struct backtest *t, bool would_pass)
{
	bool is_first = true;

	for (size_t i = 0; i < t->n; i++) {
		const struct backtest_row *r = &t->v[i];

		if (!differs(r, would_pass))
			continue;
		buf_adds(b, is_first ? "\n  {\"bottle\":" : ",\n  {\"bottle\":");
		is_first = false;
		json_escape(b, r->bottle);
		buf_adds(b, ",\"host\":");
		json_escape(b, r->host);
		buf_adds(b, ",\"rule\":");
		json_escape(b, r->rule);
		buf_addf(b, ",\"count\":%u,\"why\":", r->count);
		json_escape(b, r->why);
		buf_addc(b, '}');
	}
}

void backtest_json(struct buf *b, struct backtest *t)
{
	sort(t);
	buf_adds(b, "{\"would_pass\":[");
	part_json(b, t, true);
	buf_adds(b, "],\n \"would_break\":[");
	part_json(b, t, false);
	buf_addf(b, "],\n \"judged\":%llu,\"unknown_bottle\":%llu,\"left_out\":%llu}\n",
	         t->requests - t->unknown - t->dropped, t->unknown, t->dropped);
}
