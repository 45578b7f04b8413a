#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* vsnprintf's result says whether the text was cut; the reader should see it. */
static void mark_cut(char *msg, int wanted)
{
	if (wanted >= ERR_MSG_MAX)
		memcpy(msg + ERR_MSG_MAX - 4, "...", 4);
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	err->kind = kind;
	va_start(ap, fmt);
	mark_cut(err->msg, vsnprintf(err->msg, sizeof err->msg, fmt, ap));
	va_end(ap);
	return -1;
}

int err_errno(struct err *err, enum err_kind kind, int errnum, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	mark_cut(text, vsnprintf(text, sizeof text, fmt, ap));
	va_end(ap);
	return err_set(err, kind, "%s: %s", text, strerror(errnum));
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char context[ERR_MSG_MAX], inner[ERR_MSG_MAX];
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	mark_cut(context, vsnprintf(context, sizeof context, fmt, ap));
	va_end(ap);
	memcpy(inner, err->msg, sizeof inner);
	return err_set(err, err->kind, "%s: %s", context, inner);
}

int err_exit_code(enum err_kind kind)
{
	switch (kind) {
	case ERR_NONE:
		return 0;
	case ERR_FAILED:
		return 1;
	case ERR_INPUT:
		return 2;
	case ERR_ENGINE:
		return 3;
	case ERR_ISOLATION:
		return 4;
	case ERR_POLICY:
		return 5;
	}
	return 1;
}
