/* Launching from the command line: preflight, question, secrets, progress. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/interrupt.h"
#include "core/journal.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/preflight.h"
#include "core/secrets.h"
#include "core/text.h"

#define OVERLAP_RETRIES 4

/* Six lines on what the bottle grants. */
static void show_preflight(const struct agent_spec *a, const struct plan *plan)
{
	struct buf b = BUF_INIT(PREFLIGHT_MAX);
	char *line, *save = NULL;

	preflight(&b, a, plan->images[ROLE_AGENT], plan->runtime);
	for (line = strtok_r(b.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		cli_say("  %s", line);
	buf_done(&b);
}

static int ask(void *arg, char **out, const char *name, const char *prompt, struct err *err)
{
	(void)arg;
	(void)name;
	return cli_ask_secret(out, prompt, err);
}

/* --- progress ---------------------------------------------------------------------------- */

struct progress {
	struct cli *cli;
	struct backend_job *job;
	size_t n_done;
	bool is_terminal;
	bool is_quiet;
	bool is_done;
	struct isolation_result isolation;
	char fingerprint[128];
	struct err err;
};

static void on_step(void *arg, const struct plan *plan, size_t index, enum step_state state,
                    uint64_t ns)
{
	struct progress *p = arg;
	const char *title = plan->steps[index].title;

	if (state == STEP_DONE)
		p->n_done++;
	if (p->is_quiet)
		return;
	if (p->is_terminal)
		fprintf(stderr, "\r\033[K  [%zu/%zu] %s%s", p->n_done, plan->n_steps, title,
		        state == STEP_FAILED ? ": failed\n" : "");
	else if (state != STEP_STARTED)
		fprintf(stderr, "  [%zu/%zu] %s: %s, %.0f ms\n", p->n_done, plan->n_steps, title,
		        state == STEP_DONE ? "done" : "failed", (double)ns / 1e6);
}

static void on_done(void *arg, const struct isolation_result *isolation, const char *fingerprint,
                    const struct err *err)
{
	struct progress *p = arg;

	p->isolation = *isolation;
	snprintf(p->fingerprint, sizeof p->fingerprint, "%s", fingerprint);
	if (err)
		p->err = *err;
	p->is_done = true;
	if (p->is_terminal && !p->is_quiet)
		fputs("\r\033[K", stderr);
}

struct plan_wait {
	struct plan *plan;
	struct err err;
	bool is_done;
};

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
	struct plan_wait *w = arg;

	w->plan = plan;
	if (err)
		w->err = *err;
	w->is_done = true;
}

static int prepare(struct cli *c, const struct launch_request *req, struct plan **out,
                   struct err *err)
{
	struct plan_wait w = { 0 };

	c->ops->prepare(c->backend, req, on_plan, &w);
	if (cli_wait(c, &w.is_done, err) < 0)
		return -1;
	if (!w.plan) {
		*err = w.err;
		return -1;
	}
	*out = w.plan;
	return 0;
}

static int print_plan(const struct plan *plan, bool is_json)
{
	struct buf b = BUF_INIT(CLI_OUTPUT_MAX);
	int rc;

	if (is_json)
		plan_json(&b, plan);
	else
		plan_text(&b, plan);
	rc = cli_print(&b);
	buf_done(&b);
	return rc;
}

static void on_interrupt(void *arg)
{
	struct progress *p = arg;

	if (p->is_done)
		return;
	cli_say("interrupted: undoing what was made");
	p->cli->ops->cancel(p->job);
}

/* Have Ctrl-C undo the launch: by the caller's watch, or by one of our own. */
static int watch_begin(struct interrupt *own, const struct cli_launch *what, struct progress *p,
                       struct err *err)
{
	struct interrupt *in = what->interrupt;

	if (!in)
		return interrupt_begin(own, p->cli->loop, on_interrupt, p, err);
	if (in->signal)
		return err_set(err, ERR_FAILED, "interrupted");
	*own = *in;
	in->fn = on_interrupt;
	in->arg = p;
	return 0;
}

static void watch_end(struct interrupt *own, const struct cli_launch *what)
{
	if (what->interrupt) {
		what->interrupt->fn = own->fn;
		what->interrupt->arg = own->arg;
	} else {
		interrupt_end(own);
	}
}

/* One try. ERR_FAILED with "overlaps" means that another program took a subnet
 * between the planning and the launch. */
static int launch_once(struct cli *c, const struct cli_launch *what, struct plan *plan,
                       const struct secrets *secrets, struct progress *p, struct err *err)
{
	static const struct launch_events events = { .step = on_step, .done = on_done };
	struct interrupt watch = { 0 };
	int rc;

	*p = (struct progress){ .cli = c,
		                .is_terminal = isatty(STDERR_FILENO),
		                .is_quiet = what->quiet };
	if (watch_begin(&watch, what, p, err) < 0)
		return -1;
	p->job = c->ops->launch(c->backend, plan, secrets->v, secrets->n, what->force, &events, p);
	rc = cli_wait(c, &p->is_done, err);
	watch_end(&watch, what);
	if (rc < 0)
		return -1;
	if (p->err.kind) {
		/* a subnet that is taken is tried again with another */
		if (!strstr(p->err.msg, "overlaps"))
			journal_failed(cli_store(c), plan->session, plan->bottle, &p->err);
		*err = p->err;
		return err_wrap(err, "session %s", plan->session);
	}
	journal_launched(cli_store(c), plan->session, plan->bottle, plan->launch, &p->isolation);
	return 0;
}

static void announce(const struct plan *plan, const struct progress *p, bool is_json)
{
	struct buf b = BUF_INIT(4096);

	if (is_json)
		buf_addf(&b,
		         "{\"session\":\"%s\",\"state\":\"running\",\"isolation\":{\"passed\":%u,"
		         "\"total\":%u,\"warned\":%u,\"forced\":%s},\"ca_sha256\":\"%s\"}\n",
		         plan->session, p->isolation.passed, p->isolation.total,
		         p->isolation.warned, p->isolation.was_forced ? "true" : "false",
		         p->fingerprint);
	else
		buf_addf(&b, "%s\n", plan->session);
	cli_say("session %s runs; isolation %u/%u%s", plan->session, p->isolation.passed,
	        p->isolation.total,
	        p->isolation.was_forced ? " FORCED: it is not isolated as it should be" : "");
	if (*p->isolation.warnings)
		cli_say("  %s%s", p->isolation.was_forced ? "" : "warnings: ",
		        p->isolation.warnings);
	cli_say("  CA SHA-256 %s", p->fingerprint);
	cli_print(&b);
	buf_done(&b);
}

static int launch_planned(struct cli *c, const struct cli_launch *what,
                          const struct launch_request *req, struct plan **plan, struct err *err)
{
	const struct bottle_spec *bottle = req->agent->bottle;
	struct secrets secrets;
	struct progress p = { 0 };
	int rc = -1;

	if (secrets_resolve(&secrets, bottle, ask, NULL, err) < 0)
		return -1;
	for (int i = 0; i < OVERLAP_RETRIES; i++) {
		rc = launch_once(c, what, *plan, &secrets, &p, err);
		if (rc == 0 || !strstr(err->msg, "overlaps"))
			break;
		plan_free(*plan);
		*plan = NULL;
		if (prepare(c, req, plan, err) < 0)
			break;
	}
	secrets_done(&secrets);
	if (rc < 0)
		return -1;
	if (what->launched) {
		*what->launched = (struct cli_launched){ *plan, p.isolation };
		*plan = NULL;
	} else {
		announce(*plan, &p, what->json);
	}
	return 0;
}

int cli_launch(struct cli *c, const struct cli_launch *what, struct err *err)
{
	const struct manifest *m = cli_manifest(c);
	const struct agent_spec *a = manifest_usable_agent(m, what->agent, err);
	struct launch_request req = { .agent = a,
		                      .label = what->label,
		                      .color = what->color };
	struct plan *plan = NULL;
	int rc = -1;

	if (!a || cli_backend(c, err) < 0)
		return -1;
	req.digest = m->files[a->where.file].digest;
	if (a->where.origin == MANIFEST_PROJECT)
		req.copy_root = m->files[a->where.file].dir;
	if (prepare(c, &req, &plan, err) < 0)
		return -1;
	if (what->dry_run) {
		rc = print_plan(plan, what->json) == 0 ? 0 : err_set(err, ERR_FAILED, "no output");
		goto out;
	}
	if (!what->quiet || !what->yes)
		show_preflight(a, plan);
	if (!what->yes && cli_confirm("Start it?", "--yes", err) < 0)
		goto out;
	rc = launch_planned(c, what, &req, &plan, err);
out:
	plan_free(plan);
	return rc;
}
