/* The scan of one push: are there secrets in what it would add?
 *
 * Exactly the commits that no ref of the (fresh) mirror reaches are read, and the
 * tag objects and names that the push brings. gitleaks gets them as the stream of
 * stream.h: it runs `git log`, finds on its PATH not git but this program, and
 * reads the stream from there (stream_main). Files that look like archives are
 * given to it as files in a second run.
 *
 * Only a run that ended with the agreed code (42: findings) and reported every
 * canary is a verdict. Anything else, a timeout included, is SCAN_ERROR, and the
 * push is refused.
 */
#ifndef GATE_SCAN_H
#define GATE_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "report.h"
#include "review.h"

struct ref_updates;

enum scan_result {
	SCAN_CLEAN,
	SCAN_FOUND,   /* findings holds them */
	SCAN_REFUSED, /* reason says what is wrong with the push itself */
	SCAN_ERROR,   /* reason says why there is no verdict */
};

struct scan {
	const struct ref_updates *refs;
	const char *scratch; /* a folder of the push's own, absolute */
	int limit_s;
	/* results */
	struct findings findings;
	struct review review;   /* what a person is going to be shown of the push, ... */
	struct findings shown;  /* ...and the secrets in it, those upstream already included */
	bool is_complete;       /* the scan came to its end: every secret is known */
	size_t commits;
	char reason[300];
	char detail[600];
};

/* To be called in the repository, in receive-pack's environment. */
enum scan_result scan_push(struct scan *s);

/* This program as the `git` that gitleaks finds. */
int stream_main(int argc, char **argv);

#endif
