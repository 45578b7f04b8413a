/* The record of a push: what the spool keeps of it (docs/sidecars.md). */
#ifndef GATE_RECORD_H
#define GATE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct cJSON;
struct findings;
struct ref_updates;
struct review;

#define RECORD_REFS 500 /* more have only those that were refused for it */

struct record_facts {
	const char *id, *repo, *peer;
	const struct ref_updates *refs;
	const struct findings *found, *shown;
	const struct review *review;
	size_t commits;
	bool is_scanned; /* else names are shown as in verdicts, and nothing of the content */
};

/* Build the record, in no state yet, and append the diff to it. The caller frees it
 * (cJSON_Delete). */
struct cJSON *record_new(const struct record_facts *f, struct buf *diff);

/* Set or replace a string; NULL or "" takes it away. It is cleaned and cut here. */
void record_set(struct cJSON *record, const char *key, const char *text, size_t max);

const char *record_get(const struct cJSON *record, const char *key); /* "" for none */

/* Append RFC 3339 in UTC with milliseconds. */
void record_time(struct buf *out, int64_t unix_ms);

#endif
