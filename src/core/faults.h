/* Faults: everything that is wrong with the files that a person wrote.
 *
 * An error (core/err) stops at the first cause; a reader of manifests must not.
 * It adds each fault here and goes on, so that one run shows them all:
 *
 *	path:line:column: /json/pointer: what is wrong; what to do
 *
 * Faults are kept in the order of files and of places in them, whatever order
 * they were found in. Text is made safe (core/text) when it is added, so that a
 * fault can be printed on a terminal as it is. It never holds the value of a variable.
 */
#ifndef CORE_FAULTS_H
#define CORE_FAULTS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;

#define FAULTS_FILES_MAX 4	/* files that share one list */
#define FAULTS_MAX     2000	/* kept of each file; later ones are only counted */
#define FAULT_TEXT_MAX 512	/* longer text is cut and ends in "..." */

struct fault {
	unsigned file;		/* which file, in the order of reading; < FAULTS_FILES_MAX */
	size_t offset;		/* byte in that file */
	char *path;		/* as the person would type it */
	unsigned line, column;	/* from 1; column counts characters. 0: the whole file */
	char *pointer;		/* RFC 6901; "" is the document */
	char *text;		/* "what is wrong; what to do" */
	bool is_warning;	/* does not make anything unusable */
};

struct faults {
	struct fault *v;
	size_t n;
	size_t n_errors;	/* those that are not warnings, dropped ones included */
	size_t n_file[FAULTS_FILES_MAX];	/* of each file, dropped ones included */
	size_t n_dropped;	/* past FAULTS_MAX */
};

/* Where a fault is. */
struct fault_at {
	unsigned file;
	const char *path;
	const char *pointer;
	size_t offset;
	unsigned line, column;
};

void faults_add(struct faults *f, struct fault_at at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void faults_warn(struct faults *f, struct fault_at at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void faults_vadd(struct faults *f, struct fault_at at, bool is_warning, const char *fmt,
                 va_list ap) __attribute__((format(printf, 4, 0)));

/* Copy those of from that lie in file at start <= offset < end. */
void faults_copy_span(struct faults *to, const struct faults *from, unsigned file, size_t start,
                      size_t end);

/* Were some of this file's faults dropped? Then it is not known what is sound. */
bool faults_dropped_any(const struct faults *f, unsigned file);

/* One line for each fault; a warning's text begins with "warning: ". When some
 * were dropped, a last line says so. */
void faults_text(const struct faults *f, struct buf *out);
void fault_text(const struct fault *f, struct buf *out);	/* without the newline */

/* A JSON array of {"file","line","column","pointer","level","text"}. */
void faults_json(const struct faults *f, struct buf *out);

void faults_done(struct faults *f);	/* the content; NULL is fine */

#endif
