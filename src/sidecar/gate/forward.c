#include "forward.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "gate.h"
#include "proto.h"
#include "run.h"
#include "text.h"
#include "trouble.h"
#include "util.h"

static int count_refused(const char *out)
{
	int n = 0;

	for (const char *p = out; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		n += *p == '!';
	}
	return n;
}

char *forward_reason(const char *out, const char *err)
{
	const char *line = out[0] == '!' ? out : strstr(out, "\n!"), *open, *close;

	if (!line)
		return xasprintf("%s", trouble_text(trouble_of(err)));
	/* "!\tNEW:REF\t[remote rejected] (why)": with --atomic every ref has a line, and
	 * the one that is to blame has another reason than "atomic ..." */
	if (strstr(out, "(stale info)") || strstr(out, "(fetch first)"))
		return xasprintf("the upstream has moved on: fetch, and push again");
	for (; line; line = strstr(line + 1, "\n!")) {
		size_t len = strcspn(line + 1, "\n") + 1;

		open = memmem(line, len, " (", 2);
		close = open ? memrchr(line, ')', len) : NULL;
		if (close && close > open + 2 && strncmp(open + 2, "atomic", 6) != 0) {
			char *why = text_clean_dup(open + 2, (size_t)(close - open - 2), 120);
			char *reason = xasprintf("the upstream refused the push: %s", why);

			free(why);
			return reason;
		}
	}
	return xasprintf("the upstream refused %d ref(s)", count_refused(out));
}

char *forward_said(const char *err, int max)
{
	struct buf said = BUF_INIT(16384);

	while (*err && max > 0) {
		size_t len = strcspn(err, "\r\n");

		if (len > 7 && strncmp(err, "remote:", 7) == 0) {
			const char *text = err + 7 + (err[7] == ' ');
			size_t n = len - (size_t)(text - err);

			while (n > 0 && text[n - 1] == ' ')
				n--; /* the padding that erases a line of progress */
			text_clean(&said, text, n, 300);
			buf_addc(&said, '\n');
			max--;
		}
		err += len;
		err += *err != '\0';
	}
	buf_add(&said, "", 0);
	return said.data;
}

/* git push ... --force-with-lease=REF:OLD ... URL NEW:REF ... */
static char **push_arguments(const struct forward *f)
{
	static const char *const fixed[] = { GATE_GIT,
		                             "push",
		                             "--porcelain",
		                             "--no-verify",
		                             "--no-signed",
		                             "--no-progress",
		                             "--recurse-submodules=no",
		                             "--no-follow-tags" };
	size_t n_fixed = sizeof fixed / sizeof *fixed, n = 0;
	char **argv = xcalloc(n_fixed + 2 * f->refs->n + 4, sizeof *argv);

	for (size_t i = 0; i < n_fixed; i++)
		argv[n++] = xstrndup(fixed[i], strlen(fixed[i]));
	if (f->refs->n > 1)
		argv[n++] = xasprintf("--atomic");
	for (size_t i = 0; i < f->refs->n; i++) {
		const struct ref_update *r = &f->refs->v[i];

		argv[n++] = xasprintf("--force-with-lease=%s:%s", r->ref,
		                      oid_is_zero(r->old) ? "" : r->old);
	}
	argv[n++] = xasprintf("--");
	argv[n++] = xasprintf("%s", f->repo->url);
	for (size_t i = 0; i < f->refs->n; i++) {
		const struct ref_update *r = &f->refs->v[i];

		argv[n++] = xasprintf("%s:%s", oid_is_zero(r->new) ? "" : r->new, r->ref);
	}
	return argv;
}

int forward_push(struct forward *f)
{
	char **argv = push_arguments(f);
	struct command c = { .argv = (const char *const *)argv };
	struct buf out = BUF_INIT(1U << 20), err = BUF_INIT(32768);
	int rc =
		run_read(&c, run_into_buf, &out, &err, now_ms() + FORWARD_TIMEOUT_S * 1000LL, NULL);

	f->said = forward_said(buf_str(&err), 20);
	if (rc == RUN_LATE) {
		f->reason = xasprintf("the upstream did not finish within %d s", FORWARD_TIMEOUT_S);
	} else if (rc < 0) {
		bool is_told = buf_str(&out)[0] == '!' || strstr(buf_str(&out), "\n!");

		f->is_hostkey = !is_told && trouble_of(buf_str(&err)) == TROUBLE_HOSTKEY;
		f->reason = forward_reason(buf_str(&out), buf_str(&err));
	}
	if (rc < 0)
		f->detail = trouble_detail(buf_str(&err));
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	free(argv);
	buf_done(&out);
	buf_done(&err);
	return rc < 0 ? -1 : 0;
}
