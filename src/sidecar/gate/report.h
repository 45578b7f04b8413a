/* Findings: from the scanner's report to what may be shown.
 *
 * The raw report holds whole secrets. It is read once, from a file in the
 * push's scratch folder, and its secrets live in struct finding for one more
 * purpose: to mask every place where they might turn up, such as the name of a
 * branch. They are wiped by findings_done().
 */
#ifndef GATE_REPORT_H
#define GATE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "stream.h"

struct err;

enum source { SOURCE_DIFF, SOURCE_META, SOURCE_CONTENT };

struct finding {
	char *rule;
	char *secret; /* "" for a rule that goes by a file's name alone */
	char *name;   /* path or ref, as it is; NULL for a commit or tag object */
	enum place place;
	enum source source;
	bool is_decoded; /* the secret is not to be seen as such in what was pushed */
	int line;        /* 0 when it means nothing */
	char commit[65]; /* "" when there is none */
	char id[33];     /* accept.h; "" while it has none */
	char *accepted_by; /* NULL for nobody */
};

#define FINDINGS_MAX 1000 /* kept one by one; the rest is only counted */

struct findings {
	struct finding *v;
	size_t n;
	size_t n_more; /* beyond FINDINGS_MAX, doubles included */
	/* files in which a secret stands in another form than the one that is masked */
	char **tainted;
	size_t n_tainted;
};

/* One element of gitleaks' JSON. */
struct raw_finding {
	const char *rule, *secret, *file;
	int line;
	bool is_decoded; /* seen after decoding base64, hex or the like */
};

/* Call on_finding for each element of the report, until it returns -1. */
int report_read(const char *json, int (*on_finding)(void *ctx, const struct raw_finding *f),
                void *ctx, struct err *err);

/* Add one (it is copied), unless it says what is known already: the same in
 * every field, or a content finding of a secret that the diff shows too. */
void findings_add(struct findings *f, const struct finding *one);

/* Drop content findings of secrets that diff findings have; sort the rest by
 * source, for showing. To be called once after the last findings_add(). */
void findings_settle(struct findings *f);

/* A text as it may be shown: each secret in it masked, and each longer line of a
 * secret in several lines. f may be NULL. The caller
 * frees it. */
char *findings_mask(const struct findings *f, const char *text);

/* The same for a name: the whole of it is masked when a finding is about this very
 * name and the secret is not to be seen in it as such (an encoded one), or when
 * there are more secrets than are kept. */
char *findings_mask_name(const struct findings *f, const char *name);

/* Is there something in this file, or in this commit's message, that masking the
 * secrets would not hide? */
bool findings_taint_file(const struct findings *f, const char *path);
bool findings_taint_commit(const struct findings *f, const char *oid);

const char *source_name(enum source s);

void findings_done(struct findings *f);

#endif
