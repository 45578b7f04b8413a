/* A growing byte buffer that always carries a ceiling (as curl's dynbuf).
 *
 * Invariants: data is NUL-terminated after the first successful append and
 * NULL before it; len never exceeds max. An append that would pass max changes
 * nothing, returns -1 and marks the buffer as overflowed, so a chain of
 * appends needs one check at its end.
 */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;		/* ceiling on len, in bytes */
	bool overflowed;	/* an append was refused */
	bool is_secret;		/* old copies are wiped when it grows and when it is freed */
};

#define BUF_INIT(ceiling)	 { .max = (ceiling) }
#define BUF_INIT_SECRET(ceiling) { .max = (ceiling), .is_secret = true }

int buf_add(struct buf *b, const void *data, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Drop the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);

/* Forget the content, keep the memory. Clears overflowed. */
void buf_reset(struct buf *b);

/* Hand the string over to the caller; the buffer is then empty. Never NULL. */
char *buf_steal(struct buf *b);

/* The content as a string, "" when empty. Valid until the next change. */
const char *buf_str(const struct buf *b);

void buf_done(struct buf *b);	/* frees the content; a NULL or unused b is fine */

#endif
