#include "core/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/text.h"

/* An owned copy fit for a terminal. */
static char *printable(const char *s)
{
	struct buf b = BUF_INIT(FAULT_TEXT_MAX);

	text_safe_str(&b, s, FAULT_TEXT_MAX);
	return buf_steal(&b);
}

/* Where a fault with this place goes: after all that stand before it or there. */
static size_t slot(const struct faults *f, unsigned file, size_t offset)
{
	size_t i = f->n;

	while (i > 0 && (f->v[i - 1].file > file ||
	                 (f->v[i - 1].file == file && f->v[i - 1].offset > offset)))
		i--;
	return i;
}

static void insert(struct faults *f, struct fault owned)
{
	size_t i = slot(f, owned.file, owned.offset);

	f->v = xreallocarray(f->v, f->n + 1, sizeof *f->v);
	memmove(f->v + i + 1, f->v + i, (f->n - i) * sizeof *f->v);
	f->v[i] = owned;
	f->n++;
}

void faults_vadd(struct faults *f, struct fault_at at, bool is_warning, const char *fmt, va_list ap)
{
	struct fault fault = {
		.file = at.file,
		.offset = at.offset,
		.line = at.line,
		.column = at.column,
		.is_warning = is_warning,
	};
	char *text;

	f->n_errors += !is_warning;
	if (++f->n_file[at.file] > FAULTS_MAX) {
		f->n_dropped++;
		return;
	}
	text = xvasprintf(fmt, ap);
	fault.text = printable(text);
	free(text);
	fault.path = printable(at.path);
	fault.pointer = printable(at.pointer ? at.pointer : "");
	insert(f, fault);
}

void faults_add(struct faults *f, struct fault_at at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	faults_vadd(f, at, false, fmt, ap);
	va_end(ap);
}

void faults_warn(struct faults *f, struct fault_at at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	faults_vadd(f, at, true, fmt, ap);
	va_end(ap);
}

void faults_copy_span(struct faults *to, const struct faults *from, unsigned file, size_t start,
                      size_t end)
{
	for (size_t i = 0; i < from->n; i++) {
		struct fault copy = from->v[i];

		if (copy.file != file || copy.offset < start || copy.offset >= end)
			continue;
		to->n_errors += !copy.is_warning;
		to->n_file[file]++;
		copy.path = xstrdup(copy.path);
		copy.pointer = xstrdup(copy.pointer);
		copy.text = xstrdup(copy.text);
		insert(to, copy);
	}
}

bool faults_dropped_any(const struct faults *f, unsigned file)
{
	return f->n_file[file] > FAULTS_MAX;
}

void fault_text(const struct fault *f, struct buf *out)
{
	buf_adds(out, f->path);
	if (f->line)
		buf_addf(out, ":%u:%u", f->line, f->column);
	buf_adds(out, ": ");
	if (f->pointer[0])
		buf_addf(out, "%s: ", f->pointer);
	buf_addf(out, "%s%s", f->is_warning ? "warning: " : "", f->text);
}

void faults_text(const struct faults *f, struct buf *out)
{
	for (size_t i = 0; i < f->n; i++) {
		fault_text(&f->v[i], out);
		buf_addc(out, '\n');
	}
	if (f->n_dropped)
		buf_adds(out, "... and more; mend these first\n");
}

void faults_json(const struct faults *f, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < f->n; i++) {
		const struct fault *x = &f->v[i];

		buf_adds(out, i ? ",{\"file\":" : "{\"file\":");
		json_escape(out, x->path);
		buf_addf(out, ",\"line\":%u,\"column\":%u,\"pointer\":", x->line, x->column);
		json_escape(out, x->pointer);
		buf_addf(out, ",\"level\":\"%s\",\"text\":", x->is_warning ? "warning" : "error");
		json_escape(out, x->text);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

void faults_done(struct faults *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].path);
		free(f->v[i].pointer);
		free(f->v[i].text);
	}
	free(f->v);
	memset(f, 0, sizeof *f);
}
