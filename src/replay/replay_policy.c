/* Live policy of a played session. Nothing stands behind it, but what is decided goes
 * the way of a real one: the same files are planned, kept in memory, and put in force
 * when their time has come. The bottle's own hosts are not in a recording, so a
 * session begins with those that every bottle has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "core/pipelock_explain.h"
#include "core/policy_file.h"
#include "core/text.h"
#include "replay/replay_int.h"

#define CONFIRM_MS 300	/* what pipelock takes, about */

struct replay_policy {
	struct buf base, overlay, in_force;
	struct policy_file *steps;	/* the keeper's */
	size_t n_steps;
};

/* A change, or a URL, while it waits for its turn. */
struct policy_ask {
	enum policy_verb verb;
	bool is_change, cuts;
	char *host, *by, *why, *url;
	int64_t seconds;
};

void replay_policy_free(struct replay_policy *rp)
{
	if (!rp)
		return;
	buf_done(&rp->base);
	buf_done(&rp->overlay);
	buf_done(&rp->in_force);
	for (size_t i = 0; i < rp->n_steps; i++)
		free(rp->steps[i].text);
	free(rp->steps);
	free(rp);
}

void replay_policy_ask_free(struct policy_ask *ask)
{
	if (!ask)
		return;
	free(ask->host);
	free(ask->by);
	free(ask->why);
	free(ask->url);
	free(ask);
}

static int64_t now(void)
{
	return replay_clock_ns() / 1000000000;
}

/* --- files -------------------------------------------------------------------------------- */

static void put(struct replay_policy *rp, const struct policy_file *file)
{
	struct buf *to = strcmp(file->name, POLICY_OVERLAY) == 0 ? &rp->overlay : &rp->in_force;
	size_t i = 0;

	if (!file->at) {
		buf_reset(to);
		buf_add(to, file->text, file->len);
		return;
	}
	while (i < rp->n_steps && rp->steps[i].at != file->at)
		i++;
	if (i == rp->n_steps)
		rp->steps = xreallocarray(rp->steps, ++rp->n_steps, sizeof *rp->steps);
	else
		free(rp->steps[i].text);
	rp->steps[i] = (struct policy_file){ .text = xstrndup(file->text, file->len),
		                             .len = file->len,
		                             .at = file->at };
}

/* What the keeper would have done by now. */
static void pass_time(struct replay_policy *rp)
{
	for (;;) {
		size_t first = rp->n_steps;

		for (size_t i = 0; i < rp->n_steps; i++)
			if (rp->steps[i].at <= now() &&
			    (first == rp->n_steps || rp->steps[i].at < rp->steps[first].at))
				first = i;
		if (first == rp->n_steps)
			return;
		buf_reset(&rp->in_force);
		buf_add(&rp->in_force, rp->steps[first].text, rp->steps[first].len);
		free(rp->steps[first].text);
		rp->steps[first] = rp->steps[--rp->n_steps];
	}
}

static struct policy_state *read_state(struct replay_policy *rp, struct err *err)
{
	struct policy_files files = { .base = rp->base.data,
		                      .base_len = rp->base.len,
		                      .live = rp->in_force.data,
		                      .live_len = rp->in_force.len,
		                      .overlay = rp->overlay.len ? rp->overlay.data : NULL,
		                      .overlay_len = rp->overlay.len };
	struct policy_state *s = NULL;

	pass_time(rp);
	files.live = rp->in_force.data;
	files.live_len = rp->in_force.len;
	return policy_state_read(&s, &files, err) < 0 ? NULL : s;
}

static int apply(struct replay_policy *rp, const struct policy_ask *ask, struct err *err)
{
	const struct policy_change change = { .verb = ask->verb,
		                              .host = ask->host,
		                              .seconds = ask->seconds,
		                              .cuts = ask->cuts,
		                              .by = ask->by,
		                              .why = ask->why };
	struct policy_state *s = read_state(rp, err);
	struct policy_plan *plan = NULL;
	int rc = s ? policy_plan(&plan, s, &change, now(), err) : -1;

	for (size_t i = 0; rc == 0 && i < plan->n; i++)
		put(rp, &plan->files[i]);
	policy_plan_free(plan);
	policy_state_free(s);
	return rc;
}

static struct replay_policy *policy_of(struct live *l, struct err *err)
{
	const struct pipelock_config c = {
		.agent = l->name,
		.allowlist = (char *const *)manifest_default_allowlist,
		.passthrough = (char *const *)manifest_default_passthrough,
	};
	const struct policy_ask frozen = { .verb = POLICY_FREEZE };
	struct replay_policy *rp;

	if (l->policy)
		return l->policy;
	rp = xcalloc(1, sizeof *rp);
	rp->base = (struct buf)BUF_INIT(PIPELOCK_CONFIG_MAX);
	rp->in_force = (struct buf)BUF_INIT(PIPELOCK_CONFIG_MAX);
	rp->overlay = (struct buf)BUF_INIT(POLICY_OVERLAY_MAX);
	if (pipelock_render(&rp->base, &c, err) < 0) {
		replay_policy_free(rp);
		return NULL;
	}
	buf_add(&rp->in_force, rp->base.data, rp->base.len);
	if (l->is.is_frozen && apply(rp, &frozen, err) < 0) {
		replay_policy_free(rp);
		return NULL;
	}
	l->policy = rp;
	return rp;
}

static struct policy *show(struct live *l, struct err *err)
{
	struct policy_state *s = read_state(l->policy, err);
	struct policy *p = s ? policy_state_show(s, l->name, now()) : NULL;

	policy_state_free(s);
	if (p) {
		free(p->agent);
		p->agent = xstrdup(l->is.agent);
		free(p->bottle);
		p->bottle = xstrdup(l->is.bottle);
		p->is_paused = p->is_frozen;
		l->is.is_frozen = p->is_frozen;
	}
	return p;
}

/* --- jobs ------------------------------------------------------------------------------------ */

static void answer_why(struct backend_job *j, const struct policy *p)
{
	struct buf host = BUF_INIT(1024), url = BUF_INIT(8192), reason = BUF_INIT(2048);
	const char *from = strstr(j->policy_ask->url, "://");
	struct policy_answer answer = { .is_allowed = false };

	text_cut_url(&url, j->policy_ask->url, strlen(j->policy_ask->url));
	from = from ? from + 3 : j->policy_ask->url;
	buf_add(&host, from, strcspn(from, ":/?#"));
	buf_addf(&reason, "domain not in allowlist: %s (a recording: by the policy alone)",
	         buf_str(&host));
	answer.url = buf_str(&url);
	answer.was_cut = strpbrk(from, "?#@") != NULL;
	answer.is_allowed = !p->is_frozen && policy_allows(p, buf_str(&host), now());
	answer.scanner = answer.is_allowed ? "" : p->is_frozen ? "kill_switch" : "allowlist";
	answer.reason = answer.is_allowed ? "" : buf_str(&reason);
	answer.meaning = answer.is_allowed ? NULL : pipelock_explain(answer.scanner);
	j->on_why(j->arg, &answer, NULL);
	buf_done(&host);
	buf_done(&url);
	buf_done(&reason);
}

static struct policy *carry_out(struct backend_job *j)
{
	struct live *l = replay_live(j->backend, j->session, false);
	struct replay_policy *rp;

	if (!replay_answers(j))
		return NULL;
	if (!l || !l->exists || l->is.state != SESSION_RUNNING) {
		err_set(&j->err, ERR_FAILED, "session \"%s\" is not running", j->session);
		return NULL;
	}
	rp = policy_of(l, &j->err);
	if (!rp || (j->policy_ask && j->policy_ask->is_change &&
	            apply(rp, j->policy_ask, &j->err) < 0))
		return NULL;
	return show(l, &j->err);
}

static void on_due(void *arg)
{
	struct backend_job *j = arg;
	struct policy *p = carry_out(j);

	if (j->on_why && p)
		answer_why(j, p);
	else if (j->on_why)
		j->on_why(j->arg, NULL, &j->err);
	else
		j->on_policy(j->arg, p, p ? NULL : &j->err);
	if (j->on_why)
		policy_free(p);
	replay_job_free(j);
}

static struct backend_job *job(struct backend *b, const char *session, uint64_t ms, void *arg)
{
	struct backend_job *j = replay_job_new(b, JOB_POLICY, arg);

	snprintf(j->session, sizeof j->session, "%s", session);
	replay_job_start(j, replay_ms(b, ms), on_due);
	return j;
}

void replay_policy(struct backend *b, const char *session, backend_policy_fn *fn, void *arg)
{
	job(b, session, 0, arg)->on_policy = fn;
}

void replay_policy_change(struct backend *b, const char *session,
                          const struct policy_change *change, backend_policy_fn *fn, void *arg)
{
	struct backend_job *j = job(b, session, CONFIRM_MS, arg);

	j->on_policy = fn;
	j->policy_ask = xcalloc(1, sizeof *j->policy_ask);
	*j->policy_ask = (struct policy_ask){ .is_change = true,
		                              .verb = change->verb,
		                              .host = xstrdup_or_null(change->host),
		                              .by = xstrdup_or_null(change->by),
		                              .why = xstrdup_or_null(change->why),
		                              .seconds = change->seconds,
		                              .cuts = change->cuts };
}

void replay_why(struct backend *b, const char *session, const char *url, backend_why_fn *fn,
                void *arg)
{
	struct backend_job *j = job(b, session, CONFIRM_MS, arg);

	j->on_why = fn;
	j->policy_ask = xcalloc(1, sizeof *j->policy_ask);
	j->policy_ask->url = xstrdup(url);
}
