/* Memory: allocation that cannot fail, strings, and lists of strings.
 *
 * Every size is capped before it is allocated, so running out of memory means
 * a bug or a dying machine: the x functions then call the hook set with
 * mem_on_abort() (which puts the terminal back) and abort.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);			/* n * size may not overflow */
void *xreallocarray(void *p, size_t n, size_t size);	/* likewise */
char *xstrdup(const char *s);
char *xstrdup_or_null(const char *s);			/* NULL gives NULL */
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* Run before an abort for want of memory; NULL for none. */
void mem_on_abort(void (*hook)(void));

/* Overwrite memory that held a secret; the compiler may not drop it. */
void mem_wipe(void *p, size_t n);

/* Wipe and free a string that held a secret; NULL is fine. */
void mem_wipe_str(char *s);

/* A list of strings that owns them: strv is NULL-terminated once non-NULL, and
 * an empty list may be NULL. */
void strv_push(char ***strv, size_t *n, char *owned);
bool strv_has(char *const *strv, const char *s);	/* NULL list is empty */
size_t strv_len(char *const *strv);
void strv_free(char **strv);				/* NULL is fine */

/* For cleanup attributes on a plain buffer or file descriptor. */
void mem_cleanup_free(void *pp);
void mem_cleanup_close(const int *fd);			/* closes when >= 0 */
#define CLEANUP_FREE  __attribute__((cleanup(mem_cleanup_free)))
#define CLEANUP_CLOSE __attribute__((cleanup(mem_cleanup_close)))

#endif
