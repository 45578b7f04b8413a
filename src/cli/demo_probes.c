/* The demo's six tries. Each is a program run in the agent's container, as the
 * agent; where something must not have arrived, the upstream itself is asked. */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "cli/demo_run.h"
#include "core/loop.h"
#include "core/mem.h"
#include "docker/demo_upstream.h"
#include "docker/exec.h"

#define EVENT_PATIENCE_MS 8000 /* until a log line has come through */
#define TRY_TIMEOUT_MS 90000u
#define OUTPUT_MAX 65536u
#define N_RANDOM 36

/* A program that was run. */
struct ran {
	bool is_done;
	int code;
	struct buf out, words; /* its two streams */
	struct err err;
};

static void on_ran(void *arg, const struct exec_result *result, const struct err *err)
{
	struct ran *r = arg;

	if (err) {
		r->err = *err;
	} else {
		r->code = result->exit_code;
		buf_add(&r->out, result->out, result->out_len);
		buf_add(&r->words, result->err, result->err_len);
	}
	r->is_done = true;
}

static void ran_init(struct ran *r)
{
	*r = (struct ran){ .code = -1, .out = BUF_INIT(OUTPUT_MAX), .words = BUF_INIT(OUTPUT_MAX) };
}

static void ran_done(struct ran *r)
{
	buf_done(&r->out);
	buf_done(&r->words);
}

static int ran_result(struct ran *r, struct err *err)
{
	if (!r->err.kind)
		return 0;
	*err = r->err;
	return -1;
}

static int run_in_agent(struct demo_run *d, const char *const *argv, struct ran *r, struct err *err)
{
	const struct exec_request req = { .session = d->plan->session,
		                          .argv = argv,
		                          .output_max = OUTPUT_MAX,
		                          .timeout_ms = TRY_TIMEOUT_MS };
	const struct backend_ops *ops = d->cli->ops;
	struct backend_job *job = ops->exec(d->cli->backend, &req, on_ran, r);

	if (demo_wait(d, &r->is_done, 2 * TRY_TIMEOUT_MS, NULL, err) == 0)
		return ran_result(r, err);
	ops->cancel(job);
	return -1;
}

static int run_in_upstream(struct demo_run *d, const char *const *argv, struct ran *r,
                           struct err *err)
{
	CLEANUP_FREE char *container = demo_upstream_container(d->plan->session);
	const struct exec_request req = { .argv = argv, .timeout_ms = TRY_TIMEOUT_MS };
	struct exec *x = exec_start(d->engine, container, NULL, &req, on_ran, r, NULL);

	if (demo_wait(d, &r->is_done, 2 * TRY_TIMEOUT_MS, NULL, err) == 0)
		return ran_result(r, err);
	exec_stop(x);
	return -1;
}

/* --- small pieces ------------------------------------------------------------------- */

static void see(struct demo_row *row, char *text)
{
	free(row->seen);
	row->seen = text;
	row->was_tried = true;
}

/* The last line that has text in it; with part, the last one that holds it. */
static char *last_line(const char *text, const char *part)
{
	const char *best = "", *line = text;
	size_t best_len = 0;

	while (*line) {
		size_t len = strcspn(line, "\r\n");
		CLEANUP_FREE char *copy = xstrndup(line, len);

		if (len > strspn(copy, " \t") && (!part || strstr(copy, part))) {
			best = line;
			best_len = len;
		}
		line += len;
		line += strspn(line, "\r\n");
	}
	while (best_len && best[best_len - 1] == ' ') /* git pads what the remote says */
		best_len--;
	return xstrndup(best, best_len);
}

/* A shape of a secret, made now. */
static int make_secret(char *out, bool is_aws, struct err *err)
{
	unsigned char random[N_RANDOM];

	do {
		if (RAND_bytes(random, sizeof random) != 1)
			return err_set(err, ERR_FAILED, "no random bytes");
	} while (!(is_aws ? demo_aws_key(out, random) : demo_github_token(out, random)));
	return 0;
}

/* How often the upstream wrote this into its log. */
static int count_arrived(struct demo_run *d, const char *part, size_t *n, struct err *err)
{
	struct buf log = BUF_INIT(1u << 20);
	int rc = demo_upstream_log(d->engine, d->plan->session, &log, err);

	*n = 0;
	for (const char *at = buf_str(&log); (at = strstr(at, part)); at += strlen(part))
		++*n;
	buf_done(&log);
	return rc;
}

/* --- by curl -------------------------------------------------------------------------- */

/* "CODE last line of the answer" is what was seen; *code is -1 without an answer. */
static int curl(struct demo_run *d, struct demo_row *row, const char *url, const char *data,
                int *code, char **body, struct err *err)
{
	const char *argv[] = {
		"curl", "-sS", "-m", "30", "-w", "\n%{http_code}", url, data ? "--data" : NULL,
		data,   NULL
	};
	CLEANUP_FREE char *line = NULL;
	struct ran r;
	size_t len = 0;
	int rc;

	ran_init(&r);
	rc = run_in_agent(d, argv, &r, err);
	if (rc == 0) {
		*code = demo_http_answer(buf_str(&r.out), r.out.len, &len);
		*body = xstrndup(buf_str(&r.out), *code < 0 ? 0 : len);
		line = last_line(*code > 0 ? *body : buf_str(&r.words), NULL);
		see(row,
		    *code > 0 ? xasprintf("%d %s", *code, line) : xasprintf("no answer: %s", line));
	}
	ran_done(&r);
	return rc;
}

static int try_allowed(struct demo_run *d, struct demo_row *row, struct err *err)
{
	CLEANUP_FREE char *body = NULL;
	int code;

	if (curl(d, row, "https://" DEMO_FILES_HOST "/hello", NULL, &code, &body, err) < 0)
		return -1;
	row->is_ok = code == 200 && strcmp(body, "hello from " DEMO_FILES_HOST "\n") == 0;
	return 0;
}

static int try_unlisted(struct demo_run *d, struct demo_row *row, struct err *err)
{
	CLEANUP_FREE char *body = NULL;
	size_t n = 0;
	int code;

	if (curl(d, row, "http://" DEMO_UNLISTED_HOST "/", NULL, &code, &body, err) < 0 ||
	    count_arrived(d, "request " DEMO_UNLISTED_HOST, &n, err) < 0)
		return -1;
	row->is_ok = n == 0 && strcmp(row->seen, demo_expected(DEMO_UNLISTED)) == 0;
	return 0;
}

static int try_token(struct demo_run *d, struct demo_row *row, struct err *err)
{
	CLEANUP_FREE char *body = NULL, *data = NULL;
	char token[DEMO_GITHUB_SIZE];
	size_t n = 0;
	int code;

	if (make_secret(token, false, err) < 0)
		return -1;
	data = xasprintf("note=%s", token);
	if (curl(d, row, "https://" DEMO_FILES_HOST "/submit", data, &code, &body, err) < 0 ||
	    count_arrived(d, " POST ", &n, err) < 0)
		return -1;
	row->is_ok = n == 0 && strcmp(row->seen, demo_expected(DEMO_TOKEN)) == 0;
	return 0;
}

/* --- by git ------------------------------------------------------------------------------ */

/* sh -c SCRIPT with $1 = value, in the clone. */
static int git_script(struct demo_run *d, const char *script, const char *value, struct ran *r,
                      struct err *err)
{
	const char *argv[] = { "env", "GIT_TERMINAL_PROMPT=0", "sh", "-c", script, "demo", value,
		               NULL };

	ran_init(r);
	return run_in_agent(d, argv, r, err);
}

/* The upstream's refs, by asking git there: not what anybody else says of them.
 * NULL when that fails. */
static char *upstream_refs(struct demo_run *d, struct err *err)
{
	const char *argv[] = { "git",
		               "-C",
		               "/home/git/demo.git",
		               "for-each-ref",
		               "--format=%(objectname) %(refname)",
		               NULL };
	char *refs = NULL;
	struct ran r;

	ran_init(&r);
	if (run_in_upstream(d, argv, &r, err) == 0) {
		if (r.code == 0)
			refs = xstrdup(buf_str(&r.out));
		else
			err_set(err, ERR_FAILED, "the upstream's refs: %.300s", buf_str(&r.words));
	}
	ran_done(&r);
	return refs;
}

static const char clone_script[] =
	"[ -d ~/demo ] || git clone -q " DEMO_GIT_URL " ~/demo || exit 90\n"
	"cd ~/demo || exit 90\n"
	"git config user.name agent\n"
	"git config user.email agent@demo.test\n";

/* Did the clone, which is no try, work? Else the row says so. */
static bool was_cloned(struct demo_row *row, const struct ran *r)
{
	CLEANUP_FREE char *line = NULL;

	if (r->code != 90)
		return true;
	line = last_line(buf_str(&r->words), NULL);
	see(row, xasprintf("the clone failed: %s", line));
	return false;
}

static void judge_leak(struct demo_row *row, const struct ran *r, const char *key, bool is_same)
{
	CLEANUP_FREE char *line = last_line(buf_str(&r->words), "gitleaks");
	const char *words = strncmp(line, "remote: ", 8) == 0 ? line + 8 : line;

	if (!*words)
		words = buf_str(&r->words);
	see(row, xasprintf("exit %d, %s; the upstream %s", r->code, words,
	                   is_same ? "unchanged" : "CHANGED"));
	row->is_ok = r->code > 0 && is_same && strstr(words, "git-gate:") &&
	             strstr(words, "gitleaks") && !strstr(buf_str(&r->words), key);
}

static int try_leak_push(struct demo_run *d, struct demo_row *row, struct err *err)
{
	CLEANUP_FREE char *before = NULL, *after = NULL;
	CLEANUP_FREE char *script = xasprintf("%s"
	                                      "git checkout -q -b leak origin/main\n"
	                                      "echo \"aws_access_key_id = $1\" >credentials\n"
	                                      "git add credentials\n"
	                                      "git commit -q -m 'add credentials'\n"
	                                      "git push -q origin leak\n",
	                                      clone_script);
	char key[DEMO_AWS_SIZE];
	struct ran r;
	int rc;

	if (make_secret(key, true, err) < 0 || !(before = upstream_refs(d, err)))
		return -1;
	rc = git_script(d, script, key, &r, err);
	if (rc == 0 && was_cloned(row, &r)) {
		after = upstream_refs(d, err);
		if (after)
			judge_leak(row, &r, key, *before && strcmp(before, after) == 0);
		else
			rc = -1;
	}
	ran_done(&r);
	return rc;
}

/* main alone, and at the commit that the agent has. */
static void judge_clean(struct demo_row *row, const struct ran *r, const char *before,
                        const char *after)
{
	CLEANUP_FREE char *mine = last_line(buf_str(&r->out), NULL);
	CLEANUP_FREE char *want = xasprintf("%s refs/heads/main\n", mine);

	row->is_ok = r->code == 0 && strlen(mine) >= 40 && !strstr(before, mine) &&
	             strcmp(after, want) == 0;
	if (row->is_ok)
		see(row, xasprintf("main at the upstream is %.12s, as pushed", mine));
	else
		see(row, xasprintf("exit %d, %s; the upstream has %s", r->code, buf_str(&r->words),
		                   after));
}

static int try_clean_push(struct demo_run *d, struct demo_row *row, struct err *err)
{
	CLEANUP_FREE char *before = NULL, *after = NULL;
	CLEANUP_FREE char *script = xasprintf("%s"
	                                      "git checkout -q -B main origin/main\n"
	                                      "echo 'written in a bottle' >>README\n"
	                                      "git commit -q -a -m 'a line more'\n"
	                                      "git push -q origin main || exit 91\n"
	                                      "git rev-parse HEAD\n",
	                                      clone_script);
	struct ran r;
	int rc;

	before = upstream_refs(d, err);
	if (!before)
		return -1;
	rc = git_script(d, script, NULL, &r, err);
	if (rc == 0 && was_cloned(row, &r)) {
		after = upstream_refs(d, err);
		if (after)
			judge_clean(row, &r, before, after);
		else
			rc = -1;
	}
	ran_done(&r);
	return rc;
}

static int try_https_push(struct demo_run *d, struct demo_row *row, struct err *err)
{
	CLEANUP_FREE char *script = xasprintf("%s"
	                                      "git push -q " DEMO_HTTPS_URL " HEAD:main\n",
	                                      clone_script);
	CLEANUP_FREE char *line = NULL;
	struct ran r;
	size_t n = 0;
	int rc = git_script(d, script, NULL, &r, err);

	if (rc == 0 && was_cloned(row, &r) && (rc = count_arrived(d, "/demo.git", &n, err)) == 0) {
		line = last_line(buf_str(&r.words), NULL);
		see(row, xasprintf("%s; %s", line, n ? "REQUESTS ARRIVED" : "nothing arrived"));
		row->is_ok = r.code > 0 && n == 0 && strstr(line, "403");
	}
	ran_done(&r);
	return rc;
}

/* --- its event ------------------------------------------------------------------------------- */

static int take_event(struct demo_run *d, enum demo_probe p, size_t from, struct err *err)
{
	struct demo_row *row = &d->table.rows[p];
	const uint64_t until = loop_now_ns() + EVENT_PATIENCE_MS * UINT64_C(1000000);

	for (size_t i = from;;) {
		const bool never = false;
		bool was_late = false;

		for (; i < d->n_events; i++) {
			if (!demo_is_event_of(p, &d->events[i]))
				continue;
			event_copy(&row->event, &d->events[i]);
			row->has_event = true;
			return 0;
		}
		if (loop_now_ns() >= until)
			return 0;
		if (demo_wait(d, &never, 20, &was_late, err) < 0 && !was_late)
			return -1;
	}
}

int demo_try(struct demo_run *d, enum demo_probe p, struct err *err)
{
	static int (*const tries[DEMO_PROBES])(struct demo_run *, struct demo_row *,
	                                       struct err *) = {
		[DEMO_ALLOWED] = try_allowed,       [DEMO_UNLISTED] = try_unlisted,
		[DEMO_TOKEN] = try_token,           [DEMO_LEAK_PUSH] = try_leak_push,
		[DEMO_CLEAN_PUSH] = try_clean_push, [DEMO_HTTPS_PUSH] = try_https_push,
	};
	struct demo_row *row = &d->table.rows[p];
	const size_t from = d->n_events;

	if (tries[p](d, row, err) < 0 || take_event(d, p, from, err) < 0) {
		row->is_ok = false;
		return -1;
	}
	row->is_ok = row->is_ok && row->has_event;
	return 0;
}
