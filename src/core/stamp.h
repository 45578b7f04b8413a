/* Moments: nanoseconds since 1970 (UTC) to RFC 3339 text and back.
 *
 * Docker stamps log lines with up to nine digits of a second, pipelock with
 * whole seconds, the gate with milliseconds; all become one int64_t, which holds
 * the years 1678 to 2262. Knows no time zone of the machine and no locale.
 */
#ifndef CORE_STAMP_H
#define CORE_STAMP_H

#include <stddef.h>
#include <stdint.h>

#define STAMP_SIZE 31 /* "2026-11-24T20:14:46.123456789Z" and the NUL */
#define NS_PER_S 1000000000ll

/* Read one stamp at the start of s (n bytes): date, 'T', time, an optional
 * fraction (digits past the ninth are dropped), 'Z' or an offset. Returns how
 * many bytes it took, 0 when there is none; then *ns is untouched. What follows
 * the stamp is the caller's to check. */
size_t stamp_parse(const char *s, size_t n, int64_t *ns);

/* Always nine digits and 'Z', so that stamps sort as text. */
void stamp_format(char out[STAMP_SIZE], int64_t ns);

/* How long, in at most five columns: "12s", "5m", "3h", "2d". */
void stamp_age(char out[16], int64_t seconds);

/* The same in minutes, for what is looked at again and again: "now", "5m". */
void stamp_age_minutes(char out[16], int64_t seconds);

#endif
