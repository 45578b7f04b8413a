#include "docker/pushes.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/push.h"
#include "docker/engine.h"
#include "docker/exec.h"
#include "docker/spec.h"

#define PROGRAM "/usr/local/bin/git-gate"
#define LIST_OUTPUT_MAX ((size_t)8 << 20)
#define EXIT_REFUSED 5
#define EXIT_USAGE 2

/* The gate answers a decision when the push's fate is known: the upstream has
 * fetch_timeout_s and FORWARD_TIMEOUT_S for that. */
#define DECIDE_TIMEOUT_MS 240000u

struct pushes {
	struct exec *exec;
	backend_pushes_fn *on_list;
	backend_push_fn *on_push;
	void *arg;
	void *owner;
};

static void give(struct pushes *p, struct push_list *list, struct push *push,
                 const struct err *err)
{
	if (p->on_list)
		p->on_list(p->arg, err ? NULL : list, err);
	else
		p->on_push(p->arg, err ? NULL : push, err);
}

/* The program's own words, its first line. */
static void set_refusal(struct err *err, const struct exec_result *r)
{
	static const char name[] = "git-gate: ";
	const char *said = r->err;

	if (r->exit_code == EXIT_USAGE) {
		err_set(err, ERR_FAILED,
		        "the session's gate is of another version and does not know that: relaunch "
		        "the session");
		return;
	}
	if (strncmp(said, name, sizeof name - 1) == 0)
		said += sizeof name - 1;
	err_set(err, r->exit_code == EXIT_REFUSED ? ERR_POLICY : ERR_FAILED, "the gate: %.*s",
	        (int)strcspn(said, "\n"), *said ? said : "it does not say why\n");
}

static void on_exec(void *arg, const struct exec_result *r, const struct err *exec_err)
{
	struct pushes *p = arg;
	struct push_list list = { 0 };
	struct push push = { 0 };
	void *owner = p->owner;
	struct err err = { 0 };

	if (exec_err)
		err = *exec_err;
	else if (r->exit_code != 0)
		set_refusal(&err, r);
	else if (r->was_cut)
		err_set(&err, ERR_FAILED, "the gate says more than is read");
	else if (p->on_list)
		push_list_parse(&list, r->out, r->out_len, &err);
	else
		push_parse(&push, r->out, r->out_len, &err);
	give(p, &list, &push, err.kind ? &err : NULL);
	push_list_done(&list);
	push_done(&push);
	free(p);
	free(owner);
}

static void start(struct pushes *p, struct engine *e, const char *session, const char *const *argv,
                  unsigned timeout_ms)
{
	CLEANUP_FREE char *container = spec_container(session, ROLE_GATE);
	const struct exec_request req = { .session = session,
		                          .argv = argv,
		                          .output_max = LIST_OUTPUT_MAX,
		                          .timeout_ms = timeout_ms };

	p->exec = exec_start(e, container, NULL, &req, on_exec, p, NULL);
}

static struct pushes *pushes_new(void *arg, void *owner)
{
	struct pushes *p = xcalloc(1, sizeof *p);

	p->arg = arg;
	p->owner = owner;
	return p;
}

struct pushes *pushes_list(struct engine *e, const char *session, backend_pushes_fn *fn, void *arg,
                           void *owner)
{
	const char *const argv[] = { PROGRAM, "pushes", NULL };
	struct pushes *p = pushes_new(arg, owner);

	p->on_list = fn;
	start(p, e, session, argv, 0);
	return p;
}

struct pushes *pushes_read(struct engine *e, const char *session, const char *id,
                           backend_push_fn *fn, void *arg, void *owner)
{
	const char *const argv[] = { PROGRAM, "push", id, NULL };
	struct pushes *p = pushes_new(arg, owner);

	p->on_push = fn;
	start(p, e, session, argv, 0);
	return p;
}

struct pushes *pushes_decide(struct engine *e, const struct push_decision *d, backend_push_fn *fn,
                             void *arg, void *owner)
{
	static const char *const verbs[] = { "approve", "reject", "accept" };
	const char **argv = xcalloc(d->n_new_ids + 8, sizeof *argv);
	struct pushes *p = pushes_new(arg, owner);
	size_t n = 0;

	argv[n++] = PROGRAM;
	argv[n++] = verbs[d->action];
	argv[n++] = d->id;
	argv[n++] = d->by;
	if (d->action == PUSH_ACCEPT_FINDING) {
		argv[n++] = d->finding;
		argv[n++] = d->message ? d->message : "";
	} else {
		argv[n++] = d->message ? d->message : "";
		for (size_t i = 0; i < d->n_new_ids; i++)
			argv[n++] = d->new_ids[i];
	}
	p->on_push = fn;
	start(p, e, d->session, argv, DECIDE_TIMEOUT_MS);
	free(argv);
	return p;
}

void pushes_stop(struct pushes *p)
{
	if (!p)
		return;
	exec_stop(p->exec);
	free(p);
}
