/* New files that are archives: given to the scanner as files.
 *
 * gitleaks opens archives by their file's name, and the gate knows them by their
 * first bytes, so the gate names the copies. A compressed file may hold a tar or
 * anything else, which cannot be told from outside: it is given under two names.
 * Copies lie in the push's scratch folder, a few at a time.
 *
 * An archive that gitleaks cannot open (damaged, encrypted) passes: it says
 * nothing about those. See docs/git-gate.md.
 */
#ifndef GATE_ARCHIVE_H
#define GATE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct findings;
struct stream;

#define ARCHIVE_MAX (64U << 20)         /* one archive larger than this is refused */
#define ARCHIVE_BATCH_BYTES (32U << 20) /* copies in scratch at one time, about */
#define ARCHIVE_HEAD 16                 /* bytes that tell what it is */

/* ".zip", ".gz", ...; NULL when these are no archive's first bytes. */
const char *archive_suffix(const char *head, size_t len);

/* Does a suffix stand for one compressed file (that may be a tar)? */
bool archive_is_stream(const char *suffix);

struct archives {
	const struct stream *stream; /* finished: its entries say which files are binary */
	struct findings *findings;   /* new ones are added */
	const char *scratch;
	int64_t deadline;
	bool is_refused; /* result, on failure: it is the push that is at fault */
};

/* Look into the archives among the stream's files. */
int archives_scan(struct archives *a, struct err *err);

#endif
