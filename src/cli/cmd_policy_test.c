/* policy test: an edited manifest, asked of what was recorded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/policy.h"
#include "core/backtest.h"
#include "core/event.h"
#include "core/manifest.h"
#include "core/store.h"

struct reading {
	struct backtest *test;
	size_t open; /* logs that have not ended */
	bool is_done;
	struct err err;
};

static bool on_event(void *arg, const struct event *e)
{
	struct reading *r = arg;

	backtest_add(r->test, e);
	return true;
}

static void on_end(void *arg, const struct err *err)
{
	struct reading *r = arg;

	if (err && !r->err.kind)
		r->err = *err;
	r->is_done = --r->open == 0;
}

/* The logs of every session that the store does not know. */
static int read_logs(struct cli *c, struct backtest *t, struct store *st, struct err *err)
{
	struct reading r = { .test = t };
	struct session_list list = { 0 };

	if (cli_sessions(c, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		const struct follow_request req = { .session = list.v[i].name,
			                            .released_ns = list.v[i].released_ns };

		if (backtest_is_stored(st, req.session, req.released_ns))
			continue;
		r.open++;
		c->ops->follow(c->backend, &req, on_event, on_end, &r);
	}
	session_list_done(&list);
	r.is_done = r.open == 0;
	if (cli_wait(c, &r.is_done, err) < 0)
		return -1;
	if (r.err.kind)
		*err = r.err;
	return r.err.kind ? -1 : 0;
}

static int read_all(struct cli *c, struct backtest *t, struct err *err)
{
	const struct store_options opt = { .dir = c->paths.state };
	struct store *st = NULL;
	int rc;

	if (store_open(&st, &opt, err) < 0)
		return -1;
	rc = backtest_add_store(t, st, err);
	if (rc == 0)
		rc = read_logs(c, t, st, err);
	store_close(st);
	return rc;
}

/* The edited file alone; its faults, when it has any. */
static struct manifest *load(struct cli *c, const char *file, int *code)
{
	const char *before = c->manifest_path;
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	struct manifest *m;

	c->manifest_path = file;
	m = cli_manifest_load(c);
	c->manifest_path = before;
	*code = m->faults.n_errors ? err_exit_code(ERR_INPUT) : 0;
	faults_text(&m->faults, &b);
	fputs(buf_str(&b), stderr);
	buf_done(&b);
	return m;
}

int cli_policy_test(struct cli *c, const char *file, bool is_json)
{
	int code;
	struct manifest *m = load(c, file, &code);
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	struct backtest t;
	struct err err = { 0 };

	backtest_init(&t, m);
	if (code == 0 && read_all(c, &t, &err) < 0)
		code = cli_fail(&err);
	if (code == 0) {
		if (is_json)
			backtest_json(&b, &t);
		else
			backtest_text(&b, &t);
		code = cli_print(&b);
	}
	backtest_done(&t);
	manifest_free(m);
	buf_done(&b);
	return code;
}
