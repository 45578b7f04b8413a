/* Ask the session's pipelock about a URL: its own "check", in its container.
 *
 * The URL is an argument there, which the engine and whoever lists processes on its
 * host can see; and pipelock writes it back. So what may be a secret is cut off
 * first: user, query and fragment. Everything is written to stderr; the lines looked
 * for are "Scanner: NAME" and "Reason: TEXT".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "core/pipelock_explain.h"
#include "core/text.h"
#include "docker/engine.h"
#include "docker/exec.h"
#include "docker/policy.h"
#include "docker/spec.h"

#define TIMEOUT_MS 20000 /* it may look a name up */

struct why {
	struct engine *engine;
	char session[MANIFEST_NAME_MAX + 1];
	char *url;
	bool was_cut;
	struct loop_timer timer;
	struct err err;
	backend_why_fn *fn;
	void *arg;
};

static void finish(struct why *w, const struct policy_answer *answer, const struct err *err)
{
	w->fn(w->arg, answer, err);
	free(w->url);
	free(w);
}

/* The rest of the first line that begins with key, spaces aside; "" when there is none. */
static char *value_of(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *s = text; *s; s += *s == '\n') {
		size_t len;

		s += strspn(s, " \t");
		len = strcspn(s, "\r\n");
		if (len > n && strncasecmp(s, key, n) == 0) {
			size_t skip = n + strspn(s + n, " \t");

			return xstrndup(s + skip, len > skip ? len - skip : 0);
		}
		s += len;
		s += *s == '\r';
	}
	return xstrdup("");
}

static void report(struct why *w, const struct exec_result *r)
{
	CLEANUP_FREE char *scanner = value_of(r->err, "Scanner:");
	CLEANUP_FREE char *reason = value_of(r->err, "Reason:");
	struct policy_answer a = { .is_allowed = r->exit_code == 0,
		                   .was_cut = w->was_cut,
		                   .url = w->url,
		                   .scanner = scanner,
		                   .reason = reason };
	struct buf words = BUF_INIT(2048);
	struct err err = { 0 };

	if (!a.is_allowed && !*scanner) {
		text_safe_str(&words, r->err_len ? r->err : r->out, 600);
		err_set(&err, ERR_FAILED, "pipelock cannot judge it (exit code %d): %s",
		        r->exit_code, buf_str(&words));
		buf_done(&words);
		finish(w, NULL, &err);
		return;
	}
	if (!a.is_allowed)
		a.meaning = pipelock_explain_reason(scanner, reason);
	finish(w, &a, NULL);
}

static void on_ran(void *arg, const struct exec_result *result, const struct err *err)
{
	struct why *w = arg;
	struct err own;

	if (result) {
		report(w, result);
		return;
	}
	own = *err;
	err_wrap(&own, "asking the pipelock of session %s", w->session);
	finish(w, NULL, &own);
}

static void on_refused(void *arg)
{
	struct why *w = arg;

	finish(w, NULL, &w->err);
}

void why_start(struct engine *e, const char *session, const char *url, backend_why_fn *fn,
               void *arg)
{
	struct why *w = xcalloc(1, sizeof *w);
	CLEANUP_FREE char *name = spec_container(session, ROLE_PIPELOCK);

	*w = (struct why){ .engine = e, .fn = fn, .arg = arg };
	snprintf(w->session, sizeof w->session, "%s", session);
	w->url = policy_cut_url(url, &w->was_cut);
	if (!w->url)
		err_set(&w->err, ERR_INPUT, "that is no URL; write \"https://example.org/path\"");
	else if (!session_name_is_valid(session))
		err_set(&w->err, ERR_FAILED, "there is no running session \"%.60s\"", session);
	if (w->err.kind) {
		loop_timer_set(engine_loop(e), &w->timer, 0, on_refused, w);
	} else {
		const char *const argv[] = { SPEC_PIPELOCK, "check", "--config", PIPELOCK_CONFIG,
			                     "--url",       w->url,  NULL };
		const struct exec_request req = { .argv = argv,
			                          .output_max = 16384,
			                          .timeout_ms = TIMEOUT_MS };

		exec_start(e, name, NULL, &req, on_ran, w, NULL);
	}
}
