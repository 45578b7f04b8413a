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
	struct store *store; /* NULL: events are judged as they come */
	size_t open;         /* logs that have not ended */
	bool is_done;
	struct err err;
};

static bool on_event(void *arg, const struct event *e)
{
	struct reading *r = arg;

	if (r->store)
		store_add_event(r->store, e, NULL); /* of no log */
	else
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

/* What the logs of the sessions have: into the store, or judged at once. Without an
 * engine the store says what it has. */
static int read_logs(struct cli *c, struct backtest *t, struct store *st, struct err *err)
{
	struct reading r = { .test = t, .store = st, .open = 1 };
	struct session_list list = { 0 };
	struct log_taker taker = { 0 };
	struct err why = { 0 };

	if (cli_sessions(c, &list, &why) < 0) {
		*err = why;
		if (!st || why.kind != ERR_ENGINE)
			return -1;
		cli_say("claude-bottle: %s; this is what was stored before", why.msg);
		*err = (struct err){ 0 };
		return 0;
	}
	if (st)
		taker = store_taker(st);
	for (size_t i = 0; i < list.n; i++) {
		const struct follow_request req = { .session = list.v[i].name,
			                            .released_ns = list.v[i].released_ns,
			                            .taker = st ? &taker : NULL };

		r.open++;
		c->ops->follow(c->backend, &req, on_event, on_end, &r);
	}
	session_list_done(&list);
	on_end(&r, NULL);
	if (cli_wait(c, &r.is_done, err) < 0)
		return -1;
	if (r.err.kind)
		*err = r.err;
	return r.err.kind ? -1 : 0;
}

static int read_all(struct cli *c, struct backtest *t, struct err *err)
{
	struct store *st = cli_store(c);

	if (read_logs(c, t, st, err) < 0)
		return -1;
	return !st ? 0 : store_flush(st, err) < 0 ? -1 : backtest_add_store(t, st, err);
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
