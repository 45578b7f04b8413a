/* One JSON line for each check, and the sum as the last line.
 *
 *   {"check":"peer","target":"10.213.0.18:8888","ok":true,"level":"must","ms":164,"detail":"..."}
 *   {"done":true,"passed":21,"failed":0,"warned":1}
 *
 * Targets and details may hold bytes that came from elsewhere, so whatever is
 * not printable ASCII is replaced before it is written.
 */
#ifndef BOTTLE_REPORT_H
#define BOTTLE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#define REPORT_LINE_MAX 1024

enum report_level {
	REPORT_MUST, /* does not hold: the session is refused */
	REPORT_WARN, /* does not hold: said, counted, and no more */
};

struct report {
	int passed, failed, warned;
};

/* Escape s for a JSON string (without its quotes). Cuts what does not fit at
 * cap - 1 bytes, never within an escape; returns the length written. */
size_t report_escape(char *out, size_t cap, const char *s);

/* The line for one check, without its line feed, into out (REPORT_LINE_MAX). */
void report_format(char *out, const char *check, const char *target, bool ok,
		   enum report_level level, long ms, const char *detail);

/* Write the line on stdout and count it. */
void report_check(struct report *r, const char *check, const char *target, bool ok,
		  enum report_level level, long ms, const char *detail);

/* Write the sum. Returns the exit code: 1 when a must failed, or when output
 * could not be written (a lost line must not look like a passed check), else 0. */
int report_done(const struct report *r);

#endif
