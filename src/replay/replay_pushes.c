/* Pushes as a recording has them; what the person decides of them happens here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "replay/replay_int.h"

/* What a job was asked. */
struct push_ask {
	char *id;	/* NULL: all of them */
	bool is_decision;
	enum push_action action;
	char **new_ids;
	size_t n_new_ids;
	char *finding, *message, *by;
	backend_pushes_fn *on_list;
	backend_push_fn *on_push;
};

void replay_ask_free(struct push_ask *ask)
{
	if (!ask)
		return;
	free(ask->id);
	strv_free(ask->new_ids);
	free(ask->finding);
	free(ask->message);
	free(ask->by);
	free(ask);
}

void replay_push(struct backend *b, struct live *l, const struct push *p)
{
	struct push *to = NULL;

	for (size_t i = 0; i < l->pushes.n; i++)
		if (strcmp(l->pushes.v[i].id, p->id) == 0)
			to = &l->pushes.v[i];
	if (to) {
		push_done(to);
	} else {
		l->pushes.v = xreallocarray(l->pushes.v, l->pushes.n + 1, sizeof *l->pushes.v);
		to = &l->pushes.v[l->pushes.n++];
	}
	push_copy(to, p);
	to->ts_ns = l->is_taken ? replay_clock_ns() : to->ts_ns + b->shift_ns;
	if (to->hold_until && l->is_taken)
		to->hold_until += (to->ts_ns - p->ts_ns) / 1000000000;
	else if (to->hold_until)
		to->hold_until += b->shift_ns / 1000000000;
}

static struct push *find(struct live *l, const char *id)
{
	for (size_t i = 0; l && i < l->pushes.n; i++)
		if (strcmp(l->pushes.v[i].id, id) == 0)
			return &l->pushes.v[i];
	return NULL;
}

/* --- decisions ------------------------------------------------------------------------ */

static bool is_what_was_seen(const struct push *p, const struct push_ask *ask)
{
	if (ask->n_new_ids != p->n_refs)
		return false;
	for (size_t i = 0; i < p->n_refs; i++)
		if (strcmp(ask->new_ids[i], p->refs[i].new) != 0)
			return false;
	return true;
}

static void tell(struct backend *b, struct live *l, const struct push *p, enum event_kind kind,
                 enum event_verdict verdict, const char *what, const struct push_ask *ask)
{
	struct buf refs = BUF_INIT(1024);
	struct event e;

	push_refs_text(&refs, p);
	event_init(&e);
	e.source = EVENT_FROM_GATE;
	e.kind = kind;
	e.verdict = verdict;
	event_set_summary(&e, "%s: push of %s %s by %s%s%s", p->repo, buf_str(&refs), what,
	                  ask->by, ask->message && *ask->message ? ": " : "",
	                  ask->message ? ask->message : "");
	e.detail = xasprintf("{\"id\":\"%s\"}", p->id);
	replay_event(b, l, &e, replay_clock_ns());
	event_done(&e);
	buf_done(&refs);
}

static int accept_finding(struct backend *b, struct live *l, struct push *p,
                          const struct push_ask *ask, struct err *err)
{
	bool was_found = false;

	for (size_t i = 0; i < p->n_findings; i++) {
		struct push_finding *f = &p->findings[i];

		if (!f->id || strcmp(f->id, ask->finding ? ask->finding : "") != 0)
			continue;
		free(f->accepted_by);
		f->accepted_by = xstrdup(ask->by);
		was_found = true;
	}
	if (!was_found)
		return err_set(err, ERR_POLICY, "the push has no such finding");
	tell(b, l, p, EVENT_POLICY_CHANGED, EVENT_ALLOW,
	     "may come again with one finding, accepted", ask);
	return 0;
}

static int decide(struct backend *b, struct live *l, struct push *p, const struct push_ask *ask,
                  struct err *err)
{
	if (ask->action == PUSH_ACCEPT_FINDING)
		return accept_finding(b, l, p, ask, err);
	if (!push_is_open(p))
		return err_set(err, ERR_POLICY, "the push does not wait any more");
	if (!is_what_was_seen(p, ask))
		return err_set(err, ERR_POLICY, "the push is not the one that was looked at");
	free(p->by);
	p->by = xstrdup(ask->by);
	if (ask->action == PUSH_APPROVE) {
		p->state = PUSH_ACCEPTED;
		tell(b, l, p, EVENT_PUSH_ACCEPTED, EVENT_ALLOW, "approved", ask);
	} else {
		p->state = PUSH_REJECTED;
		free(p->message);
		p->message = xstrdup_or_null(ask->message);
		tell(b, l, p, EVENT_PUSH_REJECTED, EVENT_BLOCK, "rejected", ask);
	}
	return 0;
}

/* --- jobs ------------------------------------------------------------------------------- */

static void give_list(struct backend_job *j, const struct live *l)
{
	struct push_list list = { 0 };

	for (size_t i = 0; l && i < l->pushes.n; i++) {
		list.v = xreallocarray(list.v, list.n + 1, sizeof *list.v);
		push_copy(&list.v[list.n], &l->pushes.v[i]);
		free(list.v[list.n].diff);
		list.v[list.n].diff = NULL;
		list.v[list.n++].diff_len = 0;
	}
	j->ask->on_list(j->arg, j->err.kind ? NULL : &list, j->err.kind ? &j->err : NULL);
	push_list_done(&list);
}

static void on_push(void *arg)
{
	struct backend_job *j = arg;
	struct push_ask *ask = j->ask;
	struct live *l = replay_live(j->backend, j->session, false);
	struct push *p = NULL, copy = { 0 };

	if (replay_answers(j) && (!l || !l->exists))
		err_set(&j->err, ERR_FAILED, "there is no session \"%s\"", j->session);
	if (!ask->id) {
		give_list(j, l);
		replay_job_free(j);
		return;
	}
	if (!j->err.kind && !(p = find(l, ask->id)))
		err_set(&j->err, ERR_FAILED, "the gate has no record of push %s", ask->id);
	if (p && (!ask->is_decision || decide(j->backend, l, p, ask, &j->err) == 0))
		push_copy(&copy, p);
	ask->on_push(j->arg, j->err.kind ? NULL : &copy, j->err.kind ? &j->err : NULL);
	push_done(&copy);
	replay_job_free(j);
}

static struct backend_job *start(struct backend *b, const char *session, const char *id, void *arg)
{
	struct backend_job *j = replay_job_new(b, JOB_PUSH, arg);

	j->ask = xcalloc(1, sizeof *j->ask);
	j->ask->id = xstrdup_or_null(id);
	snprintf(j->session, sizeof j->session, "%s", session);
	replay_job_start(j, 0, on_push);
	return j;
}

struct backend_job *replay_pushes(struct backend *b, const char *session, backend_pushes_fn *fn,
                                  void *arg)
{
	struct backend_job *j = start(b, session, NULL, arg);

	j->ask->on_list = fn;
	return j;
}

struct backend_job *replay_push_read(struct backend *b, const char *session, const char *id,
                                     backend_push_fn *fn, void *arg)
{
	struct backend_job *j = start(b, session, id, arg);

	j->ask->on_push = fn;
	return j;
}

struct backend_job *replay_push_decide(struct backend *b, const struct push_decision *d,
                                       backend_push_fn *fn, void *arg)
{
	struct backend_job *j = start(b, d->session, d->id, arg);
	struct push_ask *ask = j->ask;

	ask->is_decision = true;
	ask->action = d->action;
	for (size_t i = 0; i < d->n_new_ids; i++)
		strv_push(&ask->new_ids, &ask->n_new_ids, xstrdup(d->new_ids[i]));
	ask->finding = xstrdup_or_null(d->finding);
	ask->message = xstrdup_or_null(d->message);
	ask->by = xstrdup(d->by);
	ask->on_push = fn;
	return j;
}
