#include "docker/backend_docker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"
#include "core/install.h"
#include "core/lock.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/skills.h"
#include "docker/drain.h"
#include "docker/engine.h"
#include "docker/exec.h"
#include "docker/facts.h"
#include "docker/images.h"
#include "docker/launch.h"
#include "docker/logs.h"
#include "docker/policy.h"
#include "docker/prepare.h"
#include "docker/pushes.h"
#include "docker/reconcile.h"
#include "docker/spec.h"
#include "docker/teardown.h"
#include "docker/terminal.h"

struct backend {
	struct loop *loop;
	struct engine *engine;
	struct images *images;		/* NULL until a reference is needed */
	struct backend_settings settings;	/* strings borrowed from the caller */
	char *description;
	struct policy_world policy;
	struct records *records;	/* of the sessions' results */
};

/* A job is one of these; the seam sees only the pointer. */
struct backend_job {
	struct launch *launch;
	struct follow *follow;
	struct exec *exec;
	struct pushes *pushes;
	const struct launch_events *ev;
	void *arg;
	int lock;		/* on the session's name, while it is launched */
	struct loop_timer timer;
	struct err err;
};

static int docker_open(struct backend **out, struct loop *loop, const struct backend_settings *s,
                       struct err *err)
{
	struct backend *b = xcalloc(1, sizeof *b);

	b->loop = loop;
	b->settings = *s;
	if (engine_open(&b->engine, loop, s->engine_host, err) < 0 ||
	    engine_connect(b->engine, err) < 0) {
		engine_close(b->engine);
		free(b);
		return -1;
	}
	b->policy = (struct policy_world){ .engine = b->engine,
		                           .install = s->install_id,
		                           .lock_dir = s->lock_dir };
	b->records = records_new();
	b->description = xasprintf("docker %s unix", engine_version(b->engine));
	*out = b;
	return 0;
}

static void docker_close(struct backend *b)
{
	if (!b)
		return;
	engine_close(b->engine);
	images_free(b->images);
	policy_world_done(&b->policy);
	records_free(b->records);
	free(b->description);
	free(b);
}

static const char *docker_describe(const struct backend *b)
{
	return b->description;
}

/* --- prepare ------------------------------------------------------------------------- */

struct prepare_job {
	struct backend *backend;
	struct launch_request req;
	struct prepare_options opt;
	char *images[ROLE_COUNT];
	char launch[RANDOM_ID_SIZE];
	struct loop_timer timer;
	struct err err;
	backend_plan_fn *fn;
	void *arg;
};

static void prepare_end(struct prepare_job *j, struct plan *plan, const struct err *err)
{
	j->fn(j->arg, plan, err);
	for (int r = 0; r < ROLE_COUNT; r++)
		free(j->images[r]);
	free(j);
}

static void on_prepare_failed(void *arg)
{
	struct prepare_job *j = arg;

	prepare_end(j, NULL, &j->err);
}

static void on_facts(void *arg, struct facts *facts, const struct err *facts_err)
{
	struct prepare_job *j = arg;
	struct err err = { 0 };
	struct plan *plan = NULL;

	if (facts_err)
		err = *facts_err;
	else
		prepare_plan(&plan, &j->req, facts, &j->opt, &err);
	facts_free(facts);
	prepare_end(j, plan, plan ? NULL : &err);
}

/* Our image called name, as a launch uses it. */
static int image_reference(struct backend *b, char **out, const char *name, struct err *err)
{
	const char *ref;

	if (!b->images && images_load(&b->images, err) < 0)
		return -1;
	ref = images_ref(b->images, name);
	if (!ref)
		return err_set(err, ERR_FAILED, "this installation has no image \"%s\"", name);
	*out = xstrdup(ref);
	return 0;
}

static int choose_images(struct prepare_job *j, struct err *err)
{
	const struct agent_spec *a = j->req.agent;
	static const struct {
		enum session_role role;
		const char *name;
	} own[] = {
		{ ROLE_PIPELOCK, "pipelock" }, { ROLE_RESOLVER, "resolver" },
		{ ROLE_KEEPER, "sidecar" },    { ROLE_PROBE, "sidecar" },
		{ ROLE_GATE, "git-gate" },     { ROLE_AGENT, "agent" },
	};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
		enum session_role r = own[i].role;

		if (r == ROLE_GATE && a->bottle->n_git == 0)
			continue;
		if (r == ROLE_AGENT && a->image)
			j->images[r] = xstrdup(a->image);
		else if (image_reference(j->backend, &j->images[r], own[i].name, err) < 0)
			return -1;
		j->opt.images[r] = j->images[r];
	}
	return 0;
}

/* Better said before anything is made than in the middle of a launch. */
static int check_skills(const struct backend *b, const struct agent_spec *a, struct err *err)
{
	for (char **name = a->skills; name && *name; name++)
		if (skills_check_name(*name, b->settings.home, err) < 0)
			return -1;
	return 0;
}

static void docker_prepare(struct backend *b, const struct launch_request *req,
                           backend_plan_fn *fn, void *arg)
{
	struct prepare_job *j = xcalloc(1, sizeof *j);
	char session[MANIFEST_NAME_MAX + 1];

	*j = (struct prepare_job){ .backend = b, .req = *req, .fn = fn, .arg = arg };
	j->opt = (struct prepare_options){ .install = b->settings.install_id,
		                           .launch = j->launch,
		                           .subnet_pool = b->settings.subnet_pool,
		                           .upstream_ca = b->settings.upstream_ca,
		                           .without_probes = b->settings.without_probes };
	if (session_name_make(session, req->agent->name, req->label, &j->err) < 0 ||
	    random_id(j->launch, &j->err) < 0 || choose_images(j, &j->err) < 0 ||
	    check_skills(b, req->agent, &j->err) < 0) {
		loop_timer_set(b->loop, &j->timer, 0, on_prepare_failed, j);
		return;
	}
	facts_gather(b->engine, b->settings.install_id, session, j->opt.images, on_facts, j);
}

/* --- launch ----------------------------------------------------------------------------- */

static void on_launch_step(void *arg, const struct plan *plan, size_t index,
                           enum step_state state, uint64_t ns)
{
	struct backend_job *j = arg;

	if (j->ev->step)
		j->ev->step(j->arg, plan, index, state, ns);
}

static void on_launch_done(void *arg, const struct isolation_result *isolation,
                           const char *fingerprint, const struct err *err)
{
	struct backend_job *j = arg;

	if (j->lock >= 0)
		close(j->lock);
	j->ev->done(j->arg, isolation, fingerprint, err);
	free(j);
}

static void on_lock_failed(void *arg)
{
	struct backend_job *j = arg;
	const struct isolation_result none = { 0 };

	on_launch_done(j, &none, "", &j->err);
}

static const struct launch_events launch_relay = {
	.step = on_launch_step,
	.done = on_launch_done,
};

static struct backend_job *docker_launch(struct backend *b, const struct plan *plan,
                                         const struct launch_secret *secrets, size_t n,
                                         bool force, const struct launch_events *ev, void *arg)
{
	struct backend_job *j = xcalloc(1, sizeof *j);
	const struct launch_options opt = { .install = b->settings.install_id,
		                            .home = b->settings.home,
		                            .force = force };

	j->ev = ev;
	j->arg = arg;
	j->lock = lock_take(b->settings.lock_dir, plan->session, &j->err);
	if (j->lock < 0)
		loop_timer_set(b->loop, &j->timer, 0, on_lock_failed, j);
	else
		j->launch = launch_start(b->engine, plan, secrets, n, &opt, &launch_relay, j);
	return j;
}

static void docker_list(struct backend *b, backend_list_fn *fn, void *arg)
{
	reconcile(b->engine, b->records, b->settings.install_id, b->settings.lock_dir, fn, arg);
}

/* --- verify ------------------------------------------------------------------------------ */

struct verify_job {
	struct backend *backend;
	char session[MANIFEST_NAME_MAX + 1];
	const struct agent_spec *agent;
	struct prepare_options opt;
	char *image;
	char launch[RANDOM_ID_SIZE];
	struct plan *plan;
	struct policy *policy;		/* what the session may reach; NULL: not known */
	int64_t released_ns;
	bool was_forced;
	struct loop_timer timer;
	struct err err;
	const struct launch_events *ev;
	void *arg;
};

static void verify_end(void *arg, const struct isolation_result *isolation,
                       const char *fingerprint, const struct err *err)
{
	struct verify_job *j = arg;

	(void)fingerprint;	/* of a CA that this made and never used */
	records_forget(j->backend->records);
	j->ev->done(j->arg, isolation, "", err);
	plan_free(j->plan);
	policy_free(j->policy);
	free(j->image);
	free(j);
}

static void on_verify_step(void *arg, const struct plan *plan, size_t index,
                           enum step_state state, uint64_t ns)
{
	struct verify_job *j = arg;

	if (j->ev->step)
		j->ev->step(j->arg, plan, index, state, ns);
}

static const struct launch_events verify_relay = {
	.step = on_verify_step,
	.done = verify_end,
};

static void verify_failed(void *arg)
{
	struct verify_job *j = arg;
	const struct isolation_result none = { 0 };

	verify_end(j, &none, "", &j->err);
}

static void on_verify_facts(void *arg, struct facts *facts, const struct err *facts_err)
{
	struct verify_job *j = arg;
	const struct launch_options opt = { .install = j->opt.install,
		                            .released_ns = j->released_ns,
		                            .was_forced = j->was_forced };

	if (facts_err)
		j->err = *facts_err;
	else
		prepare_verify(&j->plan, j->session, j->agent, facts, &j->opt, &j->err);
	facts_free(facts);
	if (j->plan)
		launch_start(j->backend->engine, j->plan, NULL, 0, &opt, &verify_relay, j);
	else
		verify_failed(j);
}

/* A host that was taken away since the launch is refused for another reason than the
 * probes expect. Of a session that was launched before that was possible nothing is
 * known, nor could anything have changed. */
static void on_verify_policy(void *arg, struct policy *policy, const struct err *err)
{
	struct verify_job *j = arg;

	(void)err;
	j->policy = policy;
	j->opt.policy = policy;
	facts_gather(j->backend->engine, j->opt.install, j->session, j->opt.images,
	             on_verify_facts, j);
}

static void on_verify_list(void *arg, struct session_list *list, const struct err *err)
{
	struct verify_job *j = arg;
	const struct session *s = err ? NULL : session_list_find(list, j->session);

	if (err)
		j->err = *err;
	else if (!s || s->state != SESSION_RUNNING)
		err_set(&j->err, ERR_FAILED, "session \"%s\" is not running", j->session);
	else if (s->is_frozen)
		err_set(&j->err, ERR_FAILED, "session \"%s\" is frozen; thaw it first", j->session);
	if (!s || j->err.kind) {
		verify_failed(j);
		return;
	}
	j->released_ns = s->released_ns;
	j->was_forced = s->isolation.was_forced;
	policy_read_start(&j->backend->policy, j->session, on_verify_policy, j);
}

static void docker_verify(struct backend *b, const char *session, const struct agent_spec *agent,
                          const struct launch_events *ev, void *arg)
{
	struct verify_job *j = xcalloc(1, sizeof *j);

	*j = (struct verify_job){ .backend = b, .agent = agent, .ev = ev, .arg = arg };
	j->opt = (struct prepare_options){ .install = b->settings.install_id,
		                           .launch = j->launch };
	snprintf(j->session, sizeof j->session, "%s", session);
	if (random_id(j->launch, &j->err) < 0 ||
	    image_reference(b, &j->image, "sidecar", &j->err) < 0) {
		loop_timer_set(b->loop, &j->timer, 0, verify_failed, j);
		return;
	}
	j->opt.images[ROLE_PROBE] = j->image;
	docker_list(b, on_verify_list, j);
}

/* --- the rest -------------------------------------------------------------------------------- */

static void docker_stop(struct backend *b, const char *session, backend_done_fn *fn, void *arg)
{
	const struct teardown_filter filter = { .install = b->settings.install_id,
		                                .session = session };

	teardown(b->engine, &filter, true, false, fn, arg);
}

static struct backend_job *docker_follow(struct backend *b, const struct follow_request *req,
                                         backend_event_fn *fn, backend_done_fn *done, void *arg)
{
	struct backend_job *j = xcalloc(1, sizeof *j);

	j->follow = follow_start(b->engine, b->settings.install_id, req, fn, done, arg, j);
	return j;
}

static void docker_drain(struct backend *b, const struct follow_request *req, backend_done_fn *fn,
                         void *arg)
{
	drain_start(b->engine, b->settings.install_id, req, fn, arg);
}

static struct backend_stream *docker_attach(struct backend *b, const struct stream_request *req,
                                            const struct stream_events *ev, void *arg)
{
	return terminal_open(b->engine, req, ev, arg);
}

static struct backend_job *docker_exec(struct backend *b, const struct exec_request *req,
                                       backend_exec_fn *fn, void *arg)
{
	struct backend_job *j = xcalloc(1, sizeof *j);
	CLEANUP_FREE char *container = spec_container(req->session, ROLE_AGENT);

	j->exec = exec_start(b->engine, container, NULL, req, fn, arg, j);
	return j;
}

static struct backend_job *docker_pushes(struct backend *b, const char *session,
                                         backend_pushes_fn *fn, void *arg)
{
	struct backend_job *j = xcalloc(1, sizeof *j);

	j->pushes = pushes_list(b->engine, session, fn, arg, j);
	return j;
}

static struct backend_job *docker_push_read(struct backend *b, const char *session, const char *id,
                                            backend_push_fn *fn, void *arg)
{
	struct backend_job *j = xcalloc(1, sizeof *j);

	j->pushes = pushes_read(b->engine, session, id, fn, arg, j);
	return j;
}

static struct backend_job *docker_push_decide(struct backend *b, const struct push_decision *d,
                                              backend_push_fn *fn, void *arg)
{
	struct backend_job *j = xcalloc(1, sizeof *j);

	j->pushes = pushes_decide(b->engine, d, fn, arg, j);
	return j;
}

static void docker_policy(struct backend *b, const char *session, backend_policy_fn *fn, void *arg)
{
	policy_read_start(&b->policy, session, fn, arg);
}

static void docker_policy_change(struct backend *b, const char *session,
                                 const struct policy_change *change, backend_policy_fn *fn,
                                 void *arg)
{
	policy_change_start(&b->policy, session, change, fn, arg);
}

static void docker_why(struct backend *b, const char *session, const char *url,
                       backend_why_fn *fn, void *arg)
{
	why_start(b->engine, session, url, fn, arg);
}

static void docker_cancel(struct backend_job *j)
{
	if (!j)
		return;
	if (j->follow) {
		follow_stop(j->follow);
		free(j);
	} else if (j->exec) {
		exec_stop(j->exec);
		free(j);
	} else if (j->pushes) {
		pushes_stop(j->pushes);
		free(j);
	} else if (j->launch) {
		launch_cancel(j->launch);	/* reports, and frees the job, later */
	}
}

const struct backend_ops backend_docker = {
	.name = "docker",
	.open = docker_open,
	.close = docker_close,
	.describe = docker_describe,
	.prepare = docker_prepare,
	.launch = docker_launch,
	.stop = docker_stop,
	.list = docker_list,
	.verify = docker_verify,
	.follow = docker_follow,
	.drain = docker_drain,
	.attach = docker_attach,
	.stream_send = terminal_send,
	.stream_resize = terminal_resize,
	.stream_pause = terminal_pause,
	.stream_close = terminal_close,
	.exec = docker_exec,
	.pushes = docker_pushes,
	.push_read = docker_push_read,
	.push_decide = docker_push_decide,
	.policy = docker_policy,
	.policy_change = docker_policy_change,
	.why = docker_why,
	.cancel = docker_cancel,
};
