#include "verdict.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto.h"
#include "record.h"
#include "report.h"
#include "text.h"
#include "util.h"

/* How much of each list and text a line may carry; tried in this order. */
static const struct budget {
	size_t refs, findings, name, reason, detail;
} budgets[] = {
	{ 16, 8, 200, 200, 600 },
	{ 8, 8, 100, 200, 300 },
	{ 4, 4, 80, 150, 150 },
	{ 1, 1, 60, 100, 60 },
};

struct line {
	struct buf *out;
	const struct verdict *v;
	const struct budget *max;
	bool is_cut;
};

/* Takes over masked. */
static void put_masked(struct line *l, char *masked, size_t max)
{
	struct buf clean = BUF_INIT(max + 8);

	text_clean(&clean, masked, strlen(masked), max);
	l->is_cut |= strlen(masked) > max;
	buf_addc(l->out, '"');
	for (size_t i = 0; i < clean.len; i++) {
		if (clean.data[i] == '"' || clean.data[i] == '\\')
			buf_addc(l->out, '\\');
		buf_addc(l->out, clean.data[i]);
	}
	buf_addc(l->out, '"');
	buf_done(&clean);
	free(masked);
}

static void put_string(struct line *l, const char *text, size_t max)
{
	put_masked(l, findings_mask(l->v->findings, text), max);
}

/* Keys are long words; names that people give are short ones. */
static bool has_long_word(const char *s)
{
	size_t n = 0;

	for (; *s && n < 16; s++)
		n = isalnum((unsigned char)*s) ? n + 1 : 0;
	return n >= 16;
}

char *verdict_name(const struct findings *f, bool is_unscanned, const char *name)
{
	if (is_unscanned && has_long_word(name))
		return xasprintf("(unscanned name of %zu bytes)", strlen(name));
	return findings_mask_name(f, name);
}

static void put_name(struct line *l, const char *name)
{
	put_masked(l, verdict_name(l->v->findings, l->v->is_unscanned, name), l->max->name);
}

static void put_key(struct line *l, const char *key, const char *text, size_t max)
{
	buf_addf(l->out, ",\"%s\":", key);
	put_string(l, text ? text : "", max);
}

static void put_refs(struct line *l)
{
	size_t n = l->v->refs ? l->v->refs->n : 0;

	buf_adds(l->out, ",\"refs\":[");
	for (size_t i = 0; i < n && i < l->max->refs; i++) {
		const struct ref_update *r = &l->v->refs->v[i];

		buf_addf(l->out, "%s{\"old\":\"%s\",\"new\":\"%s\",\"ref\":", i ? "," : "", r->old,
		         r->new);
		put_name(l, r->ref);
		buf_addc(l->out, '}');
	}
	buf_addc(l->out, ']');
	l->is_cut |= n > l->max->refs;
}

static void put_finding(struct line *l, const struct finding *f)
{
	char *mask = text_mask(f->secret);

	buf_adds(l->out, "{\"rule\":");
	put_string(l, f->rule, 60);
	buf_adds(l->out, ",\"file\":");
	if (f->place == PLACE_FILE && f->name)
		put_name(l, f->name);
	else
		buf_adds(l->out, "null");
	buf_addf(l->out, ",\"line\":%d,\"commit\":", f->line > 0 ? f->line : 0);
	if (f->commit[0])
		buf_addf(l->out, "\"%.12s\"", f->commit);
	else
		buf_adds(l->out, "null");
	buf_adds(l->out, ",\"match\":");
	put_string(l, mask, 60);
	buf_addf(l->out, ",\"src\":\"%s\"", source_name(f->source));
	if (f->id[0])
		put_key(l, "id", f->id, 32);
	if (f->accepted_by)
		put_key(l, "accepted_by", f->accepted_by, 64);
	buf_addc(l->out, '}');
	free(mask);
}

static void put_push(struct line *l)
{
	const struct verdict *v = l->v;
	size_t n = v->findings ? v->findings->n : 0;

	put_key(l, "id", v->id, 40);
	put_refs(l);
	buf_addf(l->out, ",\"commits\":%zu,\"nfindings\":%zu,\"findings\":[", v->commits,
	         n + (v->findings ? v->findings->n_more : 0));
	for (size_t i = 0; i < n && i < l->max->findings; i++) {
		if (i)
			buf_addc(l->out, ',');
		put_finding(l, &v->findings->v[i]);
	}
	buf_addc(l->out, ']');
	l->is_cut |= n > l->max->findings;
}

static bool render_within(struct buf *out, const struct verdict *v, const struct budget *max,
                          int64_t unix_ms)
{
	struct line l = { .out = out, .v = v, .max = max };

	buf_adds(out, "{\"v\":1,\"ts\":\"");
	record_time(out, unix_ms);
	buf_addf(out, "\",\"event\":\"%s\"", v->event);
	if (v->repo)
		put_key(&l, "repo", v->repo, 64);
	if (v->peer)
		put_key(&l, "peer", v->peer, 64);
	if (v->service)
		put_key(&l, "service", v->service, 20);
	if (v->id)
		put_push(&l);
	if (v->hold_s)
		buf_addf(out, ",\"hold_s\":%d", v->hold_s);
	if (v->by)
		put_key(&l, "by", v->by, 64);
	if (v->message && *v->message)
		put_key(&l, "message", v->message, max->detail);
	if (v->scanner) {
		put_key(&l, "scanner", v->scanner, 40);
		put_key(&l, "scanner_version", v->scanner_version, 40);
		buf_addf(out, ",\"repos\":%zu", v->repos);
	} else {
		put_key(&l, "reason", v->reason, max->reason);
		put_key(&l, "detail", v->detail, max->detail);
		if (v->id)
			buf_addf(out, ",\"scan_ms\":%lld,\"forward_ms\":%lld,\"total_ms\":%lld",
			         (long long)v->scan_ms, (long long)v->forward_ms,
			         (long long)v->total_ms);
		else
			buf_addf(out, ",\"ms\":%lld", (long long)v->ms);
	}
	buf_adds(out, l.is_cut ? ",\"truncated\":true}\n" : "}\n");
	return out->len < VERDICT_MAX && !out->overflowed;
}

void verdict_render(struct buf *out, const struct verdict *v, int64_t unix_ms)
{
	size_t n = sizeof budgets / sizeof *budgets;
	struct buf line = BUF_INIT(1U << 16);

	for (size_t i = 0; i < n; i++) {
		buf_reset(&line);
		if (render_within(&line, v, &budgets[i], unix_ms))
			break;
	}
	buf_add(out, line.data, line.len);
	buf_done(&line);
}

int verdict_emit(int fd, const struct verdict *v)
{
	struct buf line = BUF_INIT(VERDICT_MAX);
	struct timespec t;
	int rc;

	clock_gettime(CLOCK_REALTIME, &t);
	verdict_render(&line, v, (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
	rc = fd_write(fd, line.data, line.len);
	buf_done(&line);
	return rc;
}
