/* The gate's own small helpers: errors, memory, buffers, time.
 *
 * The gate is compiled inside its image from this folder alone, so it cannot
 * use core's. The shapes are the same: 0 or -1 with a struct err last, buffers
 * that always carry a ceiling, allocation that aborts instead of failing (every
 * size is capped before it is allocated).
 */
#ifndef GATE_UTIL_H
#define GATE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err {
	char msg[1024]; /* one line; longer text is cut */
};

/* Fills err (NULL is fine) and returns -1. */
int err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void *xcalloc(size_t n, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A growing byte buffer. An append that would pass max changes nothing and
 * marks the buffer overflowed, so a chain of appends needs one check. data is
 * NUL-terminated once it is non-NULL. */
struct buf {
	char *data;
	size_t len, cap, max;
	bool overflowed;
};

#define BUF_INIT(ceiling)        \
	{                        \
		.max = (ceiling) \
	}

int buf_add(struct buf *b, const void *data, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_str(const struct buf *b);  /* "" when empty */
void buf_consume(struct buf *b, size_t n); /* drop the first n bytes */
void buf_reset(struct buf *b);             /* forget the content, keep the memory */
void buf_done(struct buf *b);

/* Milliseconds on the monotonic clock. */
int64_t now_ms(void);

/* Poll timeout until deadline (now_ms() terms): 0 when it has passed. */
int ms_left(int64_t deadline);

/* The whole file into b (which has room for the largest that is acceptable). */
int file_read(struct buf *b, const char *path, struct err *err);

/* Make or replace a file of mode 0600. */
int file_write(const char *path, const void *data, size_t len, struct err *err);

/* The whole of data to a blocking fd. */
int fd_write(int fd, const void *data, size_t len);

/* n random bytes in lower-case hex; out holds 2 * n + 1. */
void random_hex(char *out, size_t n);

/* n random bytes; ends the program when the kernel has none to give. */
void random_bytes(void *out, size_t n);

/* Removes a directory and everything in it. Never follows a link. */
void dir_remove(const char *path);

#endif
