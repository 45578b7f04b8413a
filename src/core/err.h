/* Errors: what failed, where, and what to do next.
 *
 * Functions that can fail return 0 or -1 and take a struct err last. On
 * success they leave it alone; on failure they fill it once, close to the
 * cause, and callers add context going up. A function either returns an error
 * or reports it, never both.
 *
 * A message is one line without a final newline. It never contains a secret:
 * name the variable, not its value. It may contain text of an engine or a
 * container, so whoever prints it passes it through the sanitiser (core/text).
 */
#ifndef CORE_ERR_H
#define CORE_ERR_H

/* The kind decides the exit code of a command (see docs/cli.md). */
enum err_kind {
	ERR_NONE = 0,
	ERR_FAILED,	/* exit 1: something that should have worked did not */
	ERR_INPUT,	/* exit 2: usage, or a manifest that cannot be used */
	ERR_ENGINE,	/* exit 3: the engine cannot be reached */
	ERR_ISOLATION,	/* exit 4: an isolation probe failed */
	ERR_POLICY,	/* exit 5: refused by policy or by the person */
};

#define ERR_MSG_MAX 2048

struct err {
	enum err_kind kind;
	char msg[ERR_MSG_MAX];	/* longer text is cut and ends in "..." */
};

/* Fill err and return -1, so that "return err_set(...)" is one line. A NULL
 * err is allowed and only returns -1. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set, with ": strerror(errnum)" after the text. */
int err_errno(struct err *err, enum err_kind kind, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Put "context: " before the message that is there; keeps the kind. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The exit code of a command that ends with this kind. */
int err_exit_code(enum err_kind kind);

#endif
