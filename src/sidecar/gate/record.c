#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "mask.h"
#include "proto.h"
#include "report.h"
#include "review.h"
#include "spool.h"
#include "text.h"
#include "util.h"
#include "verdict.h"

#define NAME_MAX_SHOWN 1000 /* as in the diff, where it must be the same */

/* How much of each list; the second fits in any case. */
static const struct budget {
	size_t commits, findings, ref;
} budgets[] = { { REVIEW_COMMITS, 64, 250 }, { 10, 8, 100 } };

void record_set(cJSON *record, const char *key, const char *text, size_t max)
{
	char *clean;

	cJSON_DeleteItemFromObjectCaseSensitive(record, key);
	if (!text || !*text)
		return;
	clean = text_clean_dup(text, strlen(text), max);
	cJSON_AddStringToObject(record, key, clean);
	free(clean);
}

const char *record_get(const cJSON *record, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, key));

	return s ? s : "";
}

void record_time(struct buf *out, int64_t unix_ms)
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
	         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(unix_ms % 1000));
}

/* A name of the push's. Takes over nothing; the caller frees it. */
static char *name_of(const struct record_facts *f, const struct masks *m, const char *name,
                     size_t max)
{
	char *shown, *clean;

	if (m && f->is_scanned)
		return mask_name(m, name, strlen(name), max);
	shown = verdict_name(f->found, !f->is_scanned, name);
	clean = text_clean_dup(shown, strlen(shown), max);
	free(shown);
	return clean;
}

static void add_refs(cJSON *root, const struct record_facts *f, const struct masks *m, size_t max)
{
	cJSON *list = cJSON_AddArrayToObject(root, "refs");

	for (size_t i = 0; i < f->refs->n && i < RECORD_REFS; i++) {
		const struct ref_update *r = &f->refs->v[i];
		char *name = name_of(f, m, r->ref, max);
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "old", r->old);
		cJSON_AddStringToObject(o, "new", r->new);
		cJSON_AddStringToObject(o, "ref", name);
		if (f->review->moves && f->review->moves[i].lost >= 0) {
			cJSON_AddNumberToObject(o, "gained", (double)f->review->moves[i].gained);
			cJSON_AddNumberToObject(o, "lost", (double)f->review->moves[i].lost);
		}
		cJSON_AddItemToArray(list, o);
		free(name);
	}
}

static void add_text(cJSON *o, const char *key, const char *text, const struct masks *m,
                     enum mask_kind kind, size_t max)
{
	struct buf masked = BUF_INIT(1U << 16);

	if (!text)
		return;
	mask_line(&masked, m, text, strnlen(text, 4 * max), kind);
	record_set(o, key, buf_str(&masked), max);
	buf_done(&masked);
}

static void add_commits(cJSON *root, const struct record_facts *f, const struct masks *m,
                        size_t most)
{
	cJSON *list = cJSON_AddArrayToObject(root, "commits");

	for (size_t i = 0; m && i < f->review->n_commits && i < most; i++) {
		const struct review_commit *c = &f->review->commits[i];
		enum mask_kind kind = mask_taints_commit(m, c->oid) ? MASK_TAINTED : MASK_PLAIN;
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "oid", c->oid);
		add_text(o, "author", c->author, m, kind, 120);
		add_text(o, "subject", c->subject, m, kind, 200);
		cJSON_AddNumberToObject(o, "time", (double)c->time);
		if (c->added >= 0) {
			cJSON_AddNumberToObject(o, "added", (double)c->added);
			cJSON_AddNumberToObject(o, "removed", (double)c->removed);
		}
		cJSON_AddItemToArray(list, o);
	}
}

static void add_findings(cJSON *root, const struct record_facts *f, const struct masks *m,
                         size_t most)
{
	cJSON *list = cJSON_AddArrayToObject(root, "findings");

	for (size_t i = 0; i < f->found->n && i < most; i++) {
		const struct finding *x = &f->found->v[i];
		char *match = x->secret[0] ? text_mask(x->secret) : NULL;
		char *name = x->place == PLACE_FILE && x->name
		                     ? name_of(f, m, x->name, NAME_MAX_SHOWN)
		                     : NULL;
		cJSON *o = cJSON_CreateObject();
		char commit[13];

		snprintf(commit, sizeof commit, "%.12s", x->commit);
		record_set(o, "id", x->id, 32);
		record_set(o, "rule", x->rule, 60);
		record_set(o, "file", name, NAME_MAX_SHOWN);
		if (x->line > 0)
			cJSON_AddNumberToObject(o, "line", x->line);
		record_set(o, "commit", commit, 12);
		record_set(o, "match", match, 60);
		cJSON_AddStringToObject(o, "src", source_name(x->source));
		record_set(o, "accepted_by", x->accepted_by, 64);
		cJSON_AddItemToArray(list, o);
		free(match);
		free(name);
	}
}

static cJSON *build(const struct record_facts *f, const struct masks *m, const struct budget *b,
                    bool is_cut)
{
	cJSON *root = cJSON_CreateObject();
	struct buf ts = BUF_INIT(64);
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	record_time(&ts, (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
	cJSON_AddNumberToObject(root, "v", 1);
	cJSON_AddStringToObject(root, "id", f->id);
	cJSON_AddStringToObject(root, "ts", buf_str(&ts));
	cJSON_AddStringToObject(root, "state", "forwarding");
	cJSON_AddStringToObject(root, "repo", f->repo);
	cJSON_AddStringToObject(root, "peer", f->peer);
	add_refs(root, f, m, b->ref);
	cJSON_AddNumberToObject(root, "ncommits", (double)f->commits);
	add_commits(root, f, m, b->commits);
	cJSON_AddNumberToObject(root, "nfindings", (double)(f->found->n + f->found->n_more));
	add_findings(root, f, m, b->findings);
	cJSON_AddBoolToObject(root, "diff_cut", is_cut);
	buf_done(&ts);
	return root;
}

static bool fits(const cJSON *root)
{
	char *text = cJSON_PrintUnformatted(root);
	/* 16 KiB: for what is going to be decided */
	bool is = text && strlen(text) < SPOOL_JSON - 16384;

	free(text);
	return is;
}

cJSON *record_new(const struct record_facts *f, struct buf *diff)
{
	struct masks *m = f->is_scanned ? masks_new(f->found, f->shown) : NULL;
	bool is_whole = f->commits == 0;
	cJSON *root;

	if (m && f->commits > 0)
		is_whole = review_render(diff, f->review, m);
	root = build(f, m, &budgets[0], !is_whole);
	if (!fits(root)) {
		cJSON_Delete(root);
		root = build(f, m, &budgets[1], !is_whole);
	}
	masks_free(m);
	return root;
}
