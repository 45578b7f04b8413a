#include "docker/prepare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/gitgate.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "core/policy_file.h"
#include "docker/facts.h"
#include "docker/spec.h"

#define TEXT_MAX (1u << 20)

/* The bits of the steps that others wait for. */
struct steps {
	uint64_t internal, egress;
	uint64_t created[ROLE_COUNT];
	uint64_t put[ROLE_COUNT];
	uint64_t started[ROLE_COUNT];
	uint64_t ready;		/* of all sidecars */
	uint64_t checks;	/* of all isolation checks */
	uint64_t verdict;
};

struct prepare {
	struct plan *plan;
	const struct launch_request *req;
	const struct facts *facts;
	const struct prepare_options *opt;
	struct spec spec;
	struct steps at;
	char **command;
	char **probe_args;
};

static uint64_t bit(const struct prepare *p)
{
	return PLAN_BIT(p->plan->n_steps - 1);
}

static uint64_t call(struct prepare *p, enum session_role role, uint64_t after, const char *title,
                     const char *method, char *path, char *body)
{
	struct plan_step *s = plan_step(p->plan, STEP_CALL, role, after, title);

	s->method = xstrdup(method);
	s->path = path;
	s->body = body;
	return bit(p);
}

static char *container_path(const struct prepare *p, enum session_role role, const char *rest)
{
	CLEANUP_FREE char *name = spec_container(p->plan->session, role);

	return xasprintf("/containers/%s%s", name, rest);
}

static struct plan_file *add_text(struct plan_step *s, const char *path, unsigned mode,
                                  unsigned owner, char *text)
{
	struct plan_file *f = plan_file(s, PLAN_FILE_TEXT, path, mode, owner);

	f->text = text;
	return f;
}

static void add_source(struct plan_step *s, enum plan_file_kind kind, const char *path,
                       unsigned mode, unsigned owner, const char *source)
{
	plan_file(s, kind, path, mode, owner)->source = xstrdup(source);
}

/* What a project's manifest names lies in the project's folder, root. */
static void add_beneath(struct plan_step *s, enum plan_file_kind kind, const char *path,
                        unsigned owner, const char *source, const char *root)
{
	struct plan_file *f = plan_file(s, kind, path, kind == PLAN_FILE_HOST ? 0644 : 0755, owner);

	f->source = xstrdup(source);
	f->root = xstrdup_or_null(root);
}

/* --- networks and containers --------------------------------------------------------- */

static void plan_networks(struct prepare *p)
{
	p->at.internal = call(p, ROLE_OTHER, 0, "create internal network", "POST",
	                      xstrdup("/networks/create"), spec_network_body(&p->spec, false));
	p->at.egress = call(p, ROLE_OTHER, 0, "create egress network", "POST",
	                    xstrdup("/networks/create"), spec_network_body(&p->spec, true));
}

static void plan_create(struct prepare *p, enum session_role role, uint64_t after)
{
	CLEANUP_FREE char *name = spec_container(p->plan->session, role);
	CLEANUP_FREE char *title = xasprintf("create %s", session_role_name(role));

	p->at.created[role] = call(p, role, after, title, "POST",
	                           xasprintf("/containers/create?name=%s", name),
	                           spec_container_body(&p->spec, role));
}

static void plan_start(struct prepare *p, enum session_role role, uint64_t after)
{
	CLEANUP_FREE char *title = xasprintf("start %s", session_role_name(role));

	p->at.started[role] = call(p, role, p->at.created[role] | after, title, "POST",
	                           container_path(p, role, "/start"), NULL);
}

static uint64_t plan_connect(struct prepare *p, enum session_role role)
{
	CLEANUP_FREE char *net = spec_network(p->plan->session, true);
	CLEANUP_FREE char *title = xasprintf("connect %s to egress", session_role_name(role));

	return call(p, role, p->at.created[role] | p->at.egress, title, "POST",
	            xasprintf("/networks/%s/connect", net), spec_connect_body(&p->spec, role));
}

static struct plan_step *plan_put(struct prepare *p, enum session_role role, uint64_t after)
{
	CLEANUP_FREE char *title = xasprintf("put files into %s", session_role_name(role));
	struct plan_step *s = plan_step(p->plan, STEP_PUT, role, p->at.created[role] | after,
	                                title);

	s->path = container_path(p, role, "/archive?path=/&noOverwriteDirNonDir=1");
	p->at.put[role] = bit(p);
	return s;
}

static void plan_ready(struct prepare *p, enum session_role role, const char *text)
{
	CLEANUP_FREE char *title = xasprintf("wait for %s", session_role_name(role));
	struct plan_step *s = plan_step(p->plan, STEP_READY, role, p->at.started[role], title);

	s->path = container_path(p, role, "/logs?stdout=1&stderr=1&follow=1");
	s->body = xstrdup(text);
	p->at.ready |= bit(p);
}

/* --- files ------------------------------------------------------------------------------ */

static int put_pipelock(struct prepare *p, uint64_t after, struct err *err)
{
	const struct bottle_spec *b = p->req->agent->bottle;
	const struct pipelock_config config = { .agent = p->plan->session,
		                                .allowlist = b->allowlist,
		                                .passthrough = b->passthrough,
		                                .trusted = b->trusted,
		                                .unscanned_headers = b->unscanned_headers,
		                                .only_warns = b->dlp_action == DLP_WARN,
		                                .has_secrets = true };
	struct buf yaml = BUF_INIT(TEXT_MAX);
	struct plan_step *s;

	if (pipelock_render(&yaml, &config, err) < 0) {
		buf_done(&yaml);
		return -1;
	}
	s = plan_put(p, ROLE_PIPELOCK, p->at.started[ROLE_KEEPER] | after);
	plan_file(s, PLAN_FILE_DIR, "/claude-bottle", 0755, 0);
	plan_file(s, PLAN_FILE_HELPER, SPEC_HELPER, 0711, 0);
	/* what live changes start from (core/policy_file.h) */
	add_text(s, PIPELOCK_DIR "/" POLICY_BASE, 0600, UID_SIDECAR, xstrdup(buf_str(&yaml)));
	add_text(s, PIPELOCK_CONFIG, 0600, UID_SIDECAR, buf_steal(&yaml));
	plan_file(s, PLAN_FILE_CA_CERT, PIPELOCK_CA, 0600, UID_SIDECAR);
	plan_file(s, PLAN_FILE_CA_KEY, PIPELOCK_CA_KEY, 0600, UID_SIDECAR);
	plan_file(s, PLAN_FILE_SECRETS, PIPELOCK_SECRETS, 0600, UID_SIDECAR);
	if (p->opt->upstream_ca)
		add_source(s, PLAN_FILE_HOST, PIPELOCK_UPSTREAM_CA, 0644, UID_SIDECAR,
		           p->opt->upstream_ca);
	return 0;
}

static int put_gate(struct prepare *p, struct err *err)
{
	const struct bottle_spec *b = p->req->agent->bottle;
	struct buf json = BUF_INIT(TEXT_MAX);
	struct plan_step *s;

	if (gitgate_config(&json, b->git, b->n_git, err) < 0) {
		buf_done(&json);
		return -1;
	}
	s = plan_put(p, ROLE_GATE, p->at.started[ROLE_KEEPER]);
	add_text(s, GITGATE_DIR "/gate.json", 0600, UID_GATE, buf_steal(&json));
	plan_file(s, PLAN_FILE_DIR, GITGATE_DIR "/keys", 0700, UID_GATE);
	plan_file(s, PLAN_FILE_DIR, GITGATE_DIR "/known_hosts", 0700, UID_GATE);
	for (size_t i = 0; i < b->n_git; i++) {
		const struct git_remote *r = &b->git[i];
		CLEANUP_FREE char *key = gitgate_key_path(r);
		CLEANUP_FREE char *known = gitgate_known_hosts_path(r);
		struct buf line = BUF_INIT(TEXT_MAX);

		add_source(s, PLAN_FILE_HOST, key, 0600, UID_GATE, r->identity_file);
		if (r->known_host_key && gitgate_known_hosts(&line, r) == 0)
			add_text(s, known, 0600, UID_GATE, buf_steal(&line));
		buf_done(&line);
	}
	return 0;
}

static void put_skills(struct plan_step *s, const struct agent_spec *a)
{
	plan_file(s, PLAN_FILE_DIR, AGENT_HOME "/.claude", 0755, UID_AGENT);
	for (char **skill = a->skills; skill && *skill; skill++)
		add_source(s, PLAN_FILE_SKILL, AGENT_HOME "/.claude/skills", 0755, UID_AGENT,
		           *skill);
}

static void put_workspace(struct plan_step *s, const struct launch_request *req)
{
	const struct agent_spec *a = req->agent;

	if (a->workspace == WORKSPACE_CLONE)
		plan_file(s, PLAN_FILE_DIR, AGENT_WORKSPACE, 0755, UID_AGENT);
	else if (a->workspace == WORKSPACE_COPY)
		add_beneath(s, PLAN_FILE_WORKSPACE, AGENT_WORKSPACE, UID_AGENT, a->copy_dir,
		            req->copy_root);
}

static int put_agent(struct prepare *p, uint64_t after, struct err *err)
{
	const struct agent_spec *a = p->req->agent;
	struct buf gitconfig = BUF_INIT(TEXT_MAX);
	struct plan_step *s;

	/* ours stands in for the image's own: keep what that says */
	buf_adds(&gitconfig, "[include]\n\tpath = /etc/gitconfig\n");
	if (gitgate_agent_config(&gitconfig, a->bottle->git, a->bottle->n_git) < 0) {
		buf_done(&gitconfig);
		return err_set(err, ERR_INPUT, "the bottle has too many git remotes");
	}
	s = plan_put(p, ROLE_AGENT, after);
	plan_file(s, PLAN_FILE_DIR, "/claude-bottle", 0755, 0);
	/* nobody there may read it: the kernel then keeps its processes out of reach of
	 * the agent's own, which could else write a later selfcheck's answers */
	plan_file(s, PLAN_FILE_HELPER, SPEC_HELPER, 0711, 0);
	plan_file(s, PLAN_FILE_DIR, AGENT_ETC, 0755, 0);
	plan_file(s, PLAN_FILE_CA_CERT, AGENT_ETC "/ca.pem", 0644, 0);
	plan_file(s, PLAN_FILE_CA_BUNDLE, AGENT_ETC "/ca-bundle.pem", 0644, 0);
	add_text(s, AGENT_ETC "/gitconfig", 0644, 0, buf_steal(&gitconfig));
	plan_file(s, PLAN_FILE_DIR, AGENT_STATE, 0755, UID_AGENT);
	plan_file(s, PLAN_FILE_DIR, AGENT_HOME, 0755, UID_AGENT);
	if (a->prompt)
		add_text(s, AGENT_ETC "/prompt.txt", 0644, 0, xstrdup(a->prompt));
	else if (a->prompt_file)
		add_beneath(s, PLAN_FILE_HOST, AGENT_ETC "/prompt.txt", 0, a->prompt_file,
		            p->req->copy_root);
	put_skills(s, a);
	put_workspace(s, p->req);
	return 0;
}

/* --- the agent's command ------------------------------------------------------------------ */

static void push(char ***v, const char *s)
{
	size_t n = strv_len(*v);

	strv_push(v, &n, xstrdup(s));
}

static bool is_claude(const char *program)
{
	const char *slash = strrchr(program, '/');

	return strcmp(slash ? slash + 1 : program, "claude") == 0;
}

/* The manifest's, else the image's own. Claude Code gets the prompt as a file;
 * any other program finds it at a fixed path. */
static int choose_command(struct prepare *p, struct err *err)
{
	const struct agent_spec *a = p->req->agent;
	char *const *own[] = { a->command, NULL };

	if (!a->command) {
		own[0] = p->facts->agent_entrypoint;
		own[1] = p->facts->agent_cmd;
	}
	for (size_t i = 0; i < 2; i++)
		for (char *const *s = own[i]; s && *s; s++)
			push(&p->command, *s);
	if (!p->command)
		return err_set(err, ERR_INPUT,
		               "the image %s has no command of its own; give the agent a "
		               "\"command\"",
		               p->opt->images[ROLE_AGENT]);
	if (is_claude(p->command[0]) && (a->prompt || a->prompt_file)) {
		push(&p->command, "--append-system-prompt-file");
		push(&p->command, AGENT_ETC "/prompt.txt");
	}
	p->spec.command = p->command;
	return 0;
}

/* --- isolation checks ------------------------------------------------------------- */

static void push_flag(struct prepare *p, const char *flag, const char *value)
{
	push(&p->probe_args, flag);
	push(&p->probe_args, value);
}

static void push_member(struct prepare *p, const char *flag, unsigned host, unsigned port)
{
	char ip[SUBNET_TEXT_MAX], text[SUBNET_TEXT_MAX + 8];

	subnet_address(p->spec.internal, host, ip);
	if (port)
		snprintf(text, sizeof text, "%s:%u", ip, port);
	else
		snprintf(text, sizeof text, "%s", ip);
	push_flag(p, flag, text);
}

/* A host that the proxy intercepts, for the checks of what it refuses there. */
static const char *intercepted_host(const struct bottle_spec *b)
{
	for (char **h = b->allowlist; h && *h; h++)
		if (**h != '*' && !host_list_covers(b->passthrough, *h))
			return *h;
	return NULL;
}

/* The same of a session that runs: as it was launched, but for what was taken away. */
static const char *intercepted_now(const struct policy *p)
{
	for (char **h = p->allowlist; h && *h; h++) {
		const struct policy_entry *e = policy_find(p, *h);

		if (**h != '*' && !host_list_covers(p->passthrough, *h) && !(e && e->is_denied))
			return *h;
	}
	return NULL;
}

/* Whether an allowed host answers is left to "verify": waiting for one that is
 * down would delay every launch. */
static void choose_probe_args(struct prepare *p, bool has_gate)
{
	const struct bottle_spec *b = p->req->agent ? p->req->agent->bottle : NULL;
	const char *intercepted = p->opt->policy ? intercepted_now(p->opt->policy)
	                          : b            ? intercepted_host(b)
	                                         : NULL;
	char gateway[SUBNET_TEXT_MAX];

	push(&p->probe_args, "probe");
	subnet_address(p->spec.egress.bits ? p->spec.egress : p->spec.internal, 1, gateway);
	push_flag(p, "--host", gateway);
	for (char **h = p->facts->host; h && *h; h++)
		push_flag(p, "--host", *h);
	for (size_t i = 0; p->facts->peers && p->facts->peers[i] && i < 64; i++)
		push_flag(p, "--peer", p->facts->peers[i]);
	push_member(p, "--proxy", ADDRESS_PIPELOCK, PIPELOCK_PORT);
	push_member(p, "--resolver", ADDRESS_RESOLVER, 0);
	if (has_gate)
		push_member(p, "--gate", ADDRESS_GATE, GITGATE_PORT);
	if (intercepted)
		push_flag(p, "--intercepted", intercepted);
	p->spec.probe_args = p->probe_args;
}

static void plan_checks(struct prepare *p)
{
	struct plan_step *s;
	uint64_t ready = p->at.ready | p->at.started[ROLE_AGENT];
	bool is_runsc = strcmp(p->plan->runtime, "runsc") == 0;

	plan_create(p, ROLE_PROBE, p->at.created[ROLE_AGENT]);
	plan_start(p, ROLE_PROBE, ready);
	s = plan_step(p->plan, STEP_PROBE, ROLE_PROBE, p->at.started[ROLE_PROBE],
	              "probe isolation");
	s->path = container_path(p, ROLE_PROBE, "/logs?stdout=1&stderr=1&follow=1");
	p->at.checks |= bit(p);
	call(p, ROLE_PROBE, bit(p), "remove probe", "DELETE",
	     container_path(p, ROLE_PROBE, "?force=1&v=1"), NULL);

	s = plan_step(p->plan, STEP_SELFCHECK, ROLE_AGENT, p->at.started[ROLE_AGENT],
	              "check agent from inside");
	s->path = container_path(p, ROLE_AGENT, "/exec");
	s->body = xasprintf("{\"AttachStdout\":true,\"AttachStderr\":true,"
	                    "\"Cmd\":[\"/claude-bottle/helper\",\"selfcheck\"%s]}",
	                    is_runsc ? ",\"--runsc\"" : "");
	p->at.checks |= bit(p);

	s = plan_step(p->plan, STEP_INSPECT, ROLE_AGENT, p->at.started[ROLE_AGENT],
	              "inspect agent");
	s->path = container_path(p, ROLE_AGENT, "/json");
	p->at.checks |= bit(p);
}

static void plan_verdict(struct prepare *p, uint64_t after)
{
	plan_step(p->plan, STEP_VERDICT, ROLE_AGENT, after, "judge isolation");
	p->at.verdict = bit(p);
}

static void plan_release(struct prepare *p)
{
	struct plan_step *s = plan_step(p->plan, STEP_RELEASE, ROLE_AGENT,
	                                p->at.verdict | p->at.ready | p->at.started[ROLE_AGENT],
	                                "send secrets and release agent");

	s->path = container_path(p, ROLE_AGENT, "/exec");
	s->body = xstrdup("{\"AttachStdin\":true,\"AttachStdout\":true,\"AttachStderr\":true,"
	                  "\"Cmd\":[\"/claude-bottle/helper\",\"receive\"]}");
}

static void plan_record(struct prepare *p, uint64_t after)
{
	struct plan_step *s = plan_step(p->plan, STEP_RECORD, ROLE_KEEPER, after,
	                                "record the result");

	s->path = container_path(p, ROLE_KEEPER, "/archive?path=/");
	plan_file(s, PLAN_FILE_TEXT, "/session.json", 0600, UID_SIDECAR)->text = xstrdup("");
}

/* --- the whole ------------------------------------------------------------------- */

static int plan_members(struct prepare *p, struct err *err)
{
	const bool has_gate = p->req->agent->bottle->n_git > 0;
	struct plan_step *s;
	uint64_t helper;

	plan_networks(p);
	plan_create(p, ROLE_KEEPER, 0);
	plan_start(p, ROLE_KEEPER, 0);
	/* created after the keeper: it makes the volumes that they name */
	plan_create(p, ROLE_PIPELOCK, p->at.internal | p->at.created[ROLE_KEEPER]);
	if (has_gate)
		plan_create(p, ROLE_GATE, p->at.internal | p->at.created[ROLE_KEEPER]);
	plan_create(p, ROLE_RESOLVER, p->at.internal);
	plan_create(p, ROLE_AGENT, p->at.internal);

	s = plan_step(p->plan, STEP_FETCH, ROLE_KEEPER, p->at.created[ROLE_KEEPER],
	              "fetch sidecar program");
	s->path = container_path(p, ROLE_KEEPER, "/archive?path=/claude-bottle");
	helper = bit(p);
	if (put_pipelock(p, helper, err) < 0)
		return -1;
	plan_start(p, ROLE_PIPELOCK, p->at.put[ROLE_PIPELOCK] | plan_connect(p, ROLE_PIPELOCK));
	plan_ready(p, ROLE_PIPELOCK, "\"event\":\"startup\"");
	/* the keeper's start comes first: pipelock's, the longest way, waits for it, and
	 * an engine starts containers no faster when it starts more at once */
	plan_start(p, ROLE_RESOLVER, p->at.started[ROLE_KEEPER]);
	plan_ready(p, ROLE_RESOLVER, "started");
	if (has_gate) {
		if (put_gate(p, err) < 0)
			return -1;
		plan_start(p, ROLE_GATE, p->at.put[ROLE_GATE] | plan_connect(p, ROLE_GATE));
		plan_ready(p, ROLE_GATE, "\"event\":\"gate.ready\"");
	}

	s = plan_step(p->plan, STEP_FETCH, ROLE_AGENT, p->at.created[ROLE_AGENT],
	              "fetch the agent image's CA bundle");
	s->path = container_path(p, ROLE_AGENT, "/archive");
	if (put_agent(p, helper | bit(p), err) < 0)
		return -1;
	plan_start(p, ROLE_AGENT, p->at.put[ROLE_AGENT] | p->at.started[ROLE_KEEPER]);
	if (p->plan->has_probes) {
		plan_checks(p);
		plan_verdict(p, p->at.checks);
	}
	plan_release(p);
	plan_record(p, bit(p));
	return 0;
}

/* Ours are built; one that the manifest or the environment names is not. */
static int say_missing(char *const *images, struct err *err)
{
	const char *others = images[1] ? " (and others)" : "";

	if (strncmp(images[0], "claude-bottle/", strlen("claude-bottle/")) == 0)
		return err_set(err, ERR_FAILED,
		               "the engine has no image %s%s; run \"claude-bottle images build\"",
		               images[0], others);
	return err_set(err, ERR_FAILED,
	               "the engine has no image %s%s; run \"docker pull %s\", or mend its name",
	               images[0], others, images[0]);
}

static int check_facts(const struct prepare *p, struct err *err)
{
	const struct facts *f = p->facts;

	if (f->session_exists)
		return err_set(err, ERR_FAILED,
		               "session %s exists already; attach to it, relaunch it, or give "
		               "another --label",
		               p->plan->session);
	if (f->volume)
		return err_set(err, ERR_FAILED,
		               "there is a volume %s already; \"claude-bottle cleanup\" removes "
		               "it if it is ours, else remove it or give another --label",
		               f->volume);
	if (f->missing_images)
		return say_missing(f->missing_images, err);
	return 0;
}

static int choose_subnets(struct prepare *p, struct err *err)
{
	const char *text = p->opt->subnet_pool ? p->opt->subnet_pool : SUBNET_POOL_DEFAULT;
	struct subnet pool, got[2];
	char cidr[SUBNET_TEXT_MAX];
	char seed[9] = { 0 };

	if (subnet_parse(&pool, text, err) < 0)
		return err_wrap(err, "subnet pool");
	/* launches that begin together look in different places */
	snprintf(seed, sizeof seed, "%.8s", p->opt->launch);
	if (subnet_pick(got, 2, pool, p->facts->taken, p->facts->n_taken,
	                (uint32_t)strtoul(seed, NULL, 16), err) < 0)
		return -1;
	p->spec.internal = got[0];
	p->spec.egress = got[1];
	subnet_text(got[0], cidr);
	p->plan->internal_subnet = xstrdup(cidr);
	subnet_text(got[1], cidr);
	p->plan->egress_subnet = xstrdup(cidr);
	return 0;
}

static int name_session(struct prepare *p, struct err *err)
{
	const struct launch_request *req = p->req;
	struct plan *plan = p->plan;

	if (session_name_make(plan->session, req->agent->name, req->label, err) < 0)
		return -1;
	plan->agent = xstrdup(req->agent->name);
	plan->bottle = xstrdup(req->agent->bottle->name);
	plan->label = xstrdup_or_null(req->label);
	plan->color = xstrdup_or_null(req->color);
	plan->launch = xstrdup(p->opt->launch);
	plan->record_launch = xstrdup(p->opt->launch);
	plan->digest = xstrdup(req->digest ? req->digest : "");
	plan->runtime = xstrdup(p->facts->has_runsc ? "runsc" : "runc");
	plan->has_probes = !p->opt->without_probes;
	for (int r = 0; r < ROLE_COUNT; r++)
		if (p->opt->images[r])
			plan->images[r] = xstrdup(p->opt->images[r]);
	p->spec = (struct spec){ .session = plan->session,
		                 .launch = plan->launch,
		                 .install = p->opt->install,
		                 .digest = plan->digest,
		                 .color = plan->color,
		                 .runtime = plan->runtime,
		                 .agent = req->agent,
		                 .upstream_ca = p->opt->upstream_ca != NULL };
	memcpy(p->spec.images, p->opt->images, sizeof p->spec.images);
	return 0;
}

int prepare_plan(struct plan **out, const struct launch_request *req, const struct facts *facts,
                 const struct prepare_options *opt, struct err *err)
{
	struct prepare p = { .plan = plan_new(), .req = req, .facts = facts, .opt = opt };
	int rc = -1;

	if (name_session(&p, err) < 0 || check_facts(&p, err) < 0 || choose_subnets(&p, err) < 0 ||
	    choose_command(&p, err) < 0)
		goto out;
	choose_probe_args(&p, req->agent->bottle->n_git > 0);
	if (plan_members(&p, err) < 0)
		goto out;
	*out = p.plan;
	p.plan = NULL;
	rc = 0;
out:
	plan_free(p.plan);
	strv_free(p.command);
	strv_free(p.probe_args);
	return rc;
}

/* An allowed host that can be asked without a trace in the log. */
static const char *allowed_host(const struct bottle_spec *b)
{
	for (char **h = b->passthrough; h && *h; h++)
		if (**h != '*' && host_list_covers(b->allowlist, *h))
			return *h;
	return NULL;
}

int prepare_verify(struct plan **out, const char *session, const struct agent_spec *agent,
                   const struct facts *facts, const struct prepare_options *opt, struct err *err)
{
	const struct launch_request req = { .agent = agent };
	struct prepare p = { .plan = plan_new(), .req = &req, .facts = facts, .opt = opt };
	struct plan *plan = p.plan;
	const char *allowed = agent ? allowed_host(agent->bottle) : NULL;

	if (!facts->launch || !facts->internal.bits) {
		plan_free(plan);
		return err_set(err, ERR_FAILED, "there is no session \"%s\" to verify", session);
	}
	snprintf(plan->session, sizeof plan->session, "%s", session);
	plan->agent = xstrdup(agent ? agent->name : "");
	plan->bottle = xstrdup(agent ? agent->bottle->name : "");
	plan->launch = xstrdup(opt->launch);
	plan->record_launch = xstrdup(facts->launch);
	plan->digest = xstrdup("");
	plan->runtime = xstrdup(facts->has_runsc ? "runsc" : "runc");
	plan->has_probes = true;
	p.spec = (struct spec){ .session = plan->session,
		                .launch = plan->launch,
		                .install = opt->install,
		                .digest = "",
		                .runtime = plan->runtime,
		                .agent = agent,
		                .internal = facts->internal };
	p.spec.images[ROLE_PROBE] = opt->images[ROLE_PROBE];
	choose_probe_args(&p, facts->has_gate);
	if (allowed) {
		push_flag(&p, "--allowed", allowed);
		p.spec.probe_args = p.probe_args;
	}
	/* what was found is left with the session before it is judged: a session that
	 * does not hold any more must not go on as one that does */
	plan_checks(&p);
	plan_record(&p, p.at.checks);
	plan_verdict(&p, bit(&p));
	strv_free(p.probe_args);
	*out = plan;
	return 0;
}
