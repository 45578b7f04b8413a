#include "core/dnslog.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/lines.h"
#include "core/mem.h"

/* A part of the line. */
struct span {
	const char *s;
	size_t n;
};

static bool starts(struct span t, const char *with)
{
	size_t n = strlen(with);

	return t.n >= n && !memcmp(t.s, with, n);
}

static void skip(struct span *t, size_t n)
{
	t->s += n;
	t->n -= n;
}

/* What comes after the last " is "; a name may hold the word too. */
static struct span answer_of(struct span t)
{
	for (size_t i = t.n; i >= 4; i--)
		if (!memcmp(t.s + i - 4, " is ", 4))
			return (struct span){ t.s + i, t.n - i };
	return (struct span){ t.s + t.n, 0 };
}

/* "dnsmasq[1]: ", and with --log-queries=extra "12 10.213.0.2/4242 ". */
static bool take_head(struct span *t)
{
	const char *end = starts(*t, "dnsmasq") ? memmem(t->s, t->n, ": ", 2) : NULL;
	size_t n;

	if (!end)
		return false;
	skip(t, (size_t)(end + 2 - t->s));
	for (n = 0; n < t->n && t->s[n] >= '0' && t->s[n] <= '9'; n++)
		;
	if (n > 0 && n < t->n && t->s[n] == ' ') {
		const char *space = memchr(t->s + n + 1, ' ', t->n - n - 1);

		if (space)
			skip(t, (size_t)(space + 1 - t->s));
	}
	return true;
}

/* Where the last " from " of a query stands; names may hold the word too. */
static size_t name_end(struct span t)
{
	for (size_t i = t.n; i >= 6; i--)
		if (!memcmp(t.s + i - 6, " from ", 6))
			return i - 6;
	return t.n;
}

static void start_event(struct event *e, const struct line *l, enum event_kind kind,
                        enum event_verdict verdict)
{
	event_init(e);
	e->source = EVENT_FROM_RESOLVER;
	e->ts_ns = l->ts_ns;
	e->kind = kind;
	e->verdict = verdict;
}

/* t is "[A] NAME from IP" */
static void read_query(struct event *e, struct span t, const struct line *l)
{
	const char *close = t.n && t.s[0] == '[' ? memchr(t.s, ']', t.n) : NULL;
	int type_len = 0;
	const char *type = "";

	start_event(e, l, EVENT_EGRESS_DNS, EVENT_NO_VERDICT);
	if (close && close - t.s <= 16) {
		type = t.s + 1;
		type_len = (int)(close - type);
		skip(&t, (size_t)(close + 1 - t.s));
	}
	if (starts(t, " "))
		skip(&t, 1);
	t.n = name_end(t);
	/* a name is no URL: it keeps its colons, slashes and at signs */
	free(e->host);
	e->host = xstrndup(t.s, t.n < EVENT_HOST_MAX ? t.n : EVENT_HOST_MAX);
	for (char *p = e->host; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	e->is_probe = event_host_is_probe(e->host);
	event_set_rule(e, "resolver", 8);
	event_set_summary(e, "look-up (%.*s)", type_len, type);
	event_set_detail_text(e, l->text, l->len, l->is_cut);
}

/* --- folding ------------------------------------------------------------------- */

static enum event_feed fold(struct dnslog *d, struct event *e, struct event *out)
{
	size_t oldest = 0;

	for (size_t i = 0; i < DNSLOG_NAMES; i++) {
		struct event *known = &d->names[i].event;

		if (d->names[i].used < d->names[oldest].used)
			oldest = i;
		if (!known->host || strcmp(known->host, e->host) != 0 ||
		    known->verdict != e->verdict)
			continue;
		if (e->ts_ns - known->ts_ns > DNSLOG_WINDOW_NS || e->ts_ns < known->ts_ns) {
			oldest = i; /* too long ago: it begins anew, in its place */
			break;
		}
		known->count++;
		known->ts_ns = e->ts_ns;
		d->names[i].used = ++d->clock;
		event_done(e);
		event_copy(out, known);
		return EVENT_FEED_REPEAT;
	}
	e->fold = ++d->last_fold;
	event_done(&d->names[oldest].event);
	event_copy(&d->names[oldest].event, e);
	d->names[oldest].used = ++d->clock;
	*out = *e;
	return EVENT_FEED_NEW;
}

enum event_feed dnslog_end(struct dnslog *d, struct event *out)
{
	if (!d->has_pending)
		return EVENT_FEED_NONE;
	d->has_pending = false;
	return fold(d, &d->pending, out);
}

/* --- lines --------------------------------------------------------------------- */

static enum event_feed answered(struct dnslog *d, enum event_verdict verdict, const char *how,
                                const struct line *l, struct event *out)
{
	struct event e;

	if (d->has_pending) {
		char *asked = d->pending.summary;

		d->pending.summary = NULL;
		d->pending.verdict = verdict;
		event_set_summary(&d->pending, "%s %s", asked ? asked : "look-up", how);
		free(asked);
		return dnslog_end(d, out);
	}
	/* an answer to nothing: to a question too broken to be logged */
	start_event(&e, l, EVENT_EGRESS_DNS, verdict);
	event_set_rule(&e, "resolver", 8);
	event_set_summary(&e, "a look-up without a readable name %s", how);
	event_set_detail_text(&e, l->text, l->len, l->is_cut);
	*out = e;
	return EVENT_FEED_NEW;
}

static bool is_start_talk(struct span t)
{
	static const char *const talk[] = { "started, version ",
		                            "compile time options: ",
		                            "warning: no upstream servers configured",
		                            "cleared cache",
		                            "exiting on receipt of SIGTERM",
		                            "read ",
		                            "using nameserver ",
		                            NULL };

	for (size_t i = 0; talk[i]; i++)
		if (starts(t, talk[i]))
			return true;
	return false;
}

static enum event_feed other(const struct line *l, struct event *out)
{
	CLEANUP_FREE char *text = xstrndup(l->text, l->len);

	start_event(out, l, EVENT_OTHER, EVENT_NO_VERDICT);
	event_set_summary(out, "%s", text);
	event_set_detail_text(out, l->text, l->len, l->is_cut);
	return EVENT_FEED_NEW;
}

enum event_feed dnslog_line(struct dnslog *d, const struct line *l, struct event *out)
{
	static const char query[] = "query[";
	struct span t = { l->text, l->len };
	enum event_feed feed;

	if (l->len == 0)
		return EVENT_FEED_NONE;
	if (!take_head(&t))
		return other(l, out);
	if (starts(t, query)) {
		feed = dnslog_end(d, out); /* one that was never answered */
		skip(&t, sizeof query - 2);
		read_query(&d->pending, t, l);
		d->has_pending = true;
		return feed;
	}
	/* "config error is REFUSED", "config NAME is ADDRESS", "cached ...", "reply ..." */
	if (starts(t, "config ") || starts(t, "cached ") || starts(t, "reply ") ||
	    starts(t, "/etc/hosts ")) {
		t = answer_of(t);
		if (starts(t, "REFUSED"))
			return answered(d, EVENT_BLOCK, "refused", l, out);
		if (starts(t, "NXDOMAIN") || starts(t, "NODATA"))
			return answered(d, EVENT_BLOCK, "answered with nothing", l, out);
		return answered(d, EVENT_ALLOW, "ANSWERED", l, out);
	}
	if (starts(t, "forwarded "))
		return answered(d, EVENT_ALLOW, "FORWARDED to an outside server", l, out);
	if (is_start_talk(t))
		return EVENT_FEED_NONE;
	return other(l, out);
}

void dnslog_done(struct dnslog *d)
{
	if (!d)
		return;
	if (d->has_pending)
		event_done(&d->pending);
	for (size_t i = 0; i < DNSLOG_NAMES; i++)
		event_done(&d->names[i].event);
	*d = (struct dnslog){ 0 };
}
