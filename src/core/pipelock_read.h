/* Private to core/pipelock_log.c: one JSON line of pipelock's while it is read. */
#ifndef CORE_PIPELOCK_READ_H
#define CORE_PIPELOCK_READ_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/event.h"

struct cJSON;

struct pipelock_reading {
	/* given, and only read but for *e: */
	struct cJSON *root;
	struct event *e;
	const char *method; /* "" when there is none */
	const char *reason; /* likewise */
	/* found out: */
	bool is_hidden;   /* known noise */
	bool hides_path;  /* the URL may hold the secret itself */
	char *pair;       /* owned; what the other half of a pair says too, or NULL */
	struct buf asked; /* for the words of the summary; has a ceiling */
};

/* A string member; "" when it is none. */
const char *pipelock_get(const struct pipelock_reading *r, const char *name);

/* Fill kind, verdict, rule and summary of r->e from r->root, and the rest of r. */
void pipelock_read_event(struct pipelock_reading *r);

#endif
