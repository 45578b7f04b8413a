#include "docker/spec.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gitgate.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "docker/names.h"

#define MIB (1024.0 * 1024.0)

/* --- names ---------------------------------------------------------------------- */

char *spec_container(const char *session, enum session_role role)
{
	return xasprintf("cb-%s-%s", session, session_role_name(role));
}

char *spec_network(const char *session, bool is_egress)
{
	return xasprintf("cb-%s-%s", session, is_egress ? "egress" : "internal");
}

char *spec_volume(const char *session, enum session_role role)
{
	return xasprintf("cb-%s-%s", session, session_role_name(role));
}

/* --- small pieces ----------------------------------------------------------------- */

static cJSON *strings(const char *const *v)
{
	cJSON *a = cJSON_CreateArray();

	for (; *v; v++)
		cJSON_AddItemToArray(a, cJSON_CreateString(*v));
	return a;
}

static void add_string(cJSON *array, const char *s)
{
	cJSON_AddItemToArray(array, cJSON_CreateString(s));
}

static void add_owned(cJSON *array, char *s)
{
	add_string(array, s);
	free(s);
}

static cJSON *labels(const struct spec *s, enum session_role role)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, LABEL_SCHEMA, NAMES_SCHEMA);
	cJSON_AddStringToObject(o, LABEL_INSTALL, s->install);
	cJSON_AddStringToObject(o, LABEL_AGENT, s->agent ? s->agent->name : "");
	cJSON_AddStringToObject(o, LABEL_BOTTLE, s->agent ? s->agent->bottle->name : "");
	cJSON_AddStringToObject(o, LABEL_ROLE, session_role_name(role));
	cJSON_AddStringToObject(o, LABEL_SESSION, s->session);
	cJSON_AddStringToObject(o, LABEL_LAUNCH, s->launch);
	cJSON_AddStringToObject(o, LABEL_DIGEST, s->digest);
	if (s->color)
		cJSON_AddStringToObject(o, LABEL_COLOR, s->color);
	return o;
}

static char *print_and_free(cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o), *copy = xstrdup(text);

	cJSON_free(text);
	cJSON_Delete(o);
	return copy;
}

static char *address(const struct spec *s, unsigned host)
{
	char text[SUBNET_TEXT_MAX];

	subnet_address(s->internal, host, text);
	return xstrdup(text);
}

/* --- networks ----------------------------------------------------------------------- */

/* The internal network has no gateway address at all (inhibit_ipv4): "Internal"
 * alone leaves the host reachable on the bridge. */
char *spec_network_body(const struct spec *s, bool is_egress)
{
	cJSON *o = cJSON_CreateObject(), *ipam, *config, *pool, *options;
	CLEANUP_FREE char *name = spec_network(s->session, is_egress);
	char text[SUBNET_TEXT_MAX];

	subnet_text(is_egress ? s->egress : s->internal, text);
	cJSON_AddStringToObject(o, "Name", name);
	cJSON_AddTrueToObject(o, "CheckDuplicate");
	cJSON_AddStringToObject(o, "Driver", "bridge");
	cJSON_AddBoolToObject(o, "Internal", !is_egress);
	cJSON_AddFalseToObject(o, "EnableIPv6");
	ipam = cJSON_AddObjectToObject(o, "IPAM");
	config = cJSON_AddArrayToObject(ipam, "Config");
	pool = cJSON_CreateObject();
	cJSON_AddStringToObject(pool, "Subnet", text);
	cJSON_AddItemToArray(config, pool);
	options = cJSON_AddObjectToObject(o, "Options");
	if (!is_egress)
		cJSON_AddStringToObject(options, "com.docker.network.bridge.inhibit_ipv4", "true");
	cJSON_AddItemToObject(o, "Labels", labels(s, ROLE_OTHER));
	return print_and_free(o);
}

char *spec_connect_body(const struct spec *s, enum session_role role)
{
	cJSON *o = cJSON_CreateObject();
	CLEANUP_FREE char *name = spec_container(s->session, role);

	cJSON_AddStringToObject(o, "Container", name);
	cJSON_AddItemToObject(o, "EndpointConfig", cJSON_CreateObject());
	return print_and_free(o);
}

/* --- containers ----------------------------------------------------------------------- */

struct limits {
	double memory;
	double cpus;		/* 0: no limit of its own */
	int pids;
	const char *log_size;
};

/* pipelock and the gate hold whole bodies and packs in memory while they scan. */
static struct limits limits_of(const struct spec *s, enum session_role role)
{
	const struct bottle_limits *l = s->agent ? &s->agent->bottle->limits : NULL;

	switch (role) {
	case ROLE_AGENT:
		if (!l)
			break;
		return (struct limits){ (double)l->memory, l->millicpus / 1000.0, (int)l->pids,
			                "20m" };
	case ROLE_PIPELOCK:
		return (struct limits){ 1024 * MIB, 0, 256, "20m" };
	case ROLE_GATE:
		return (struct limits){ 1024 * MIB, 0, 512, "10m" };
	case ROLE_RESOLVER:
		return (struct limits){ 64 * MIB, 0, 32, "10m" };
	case ROLE_KEEPER:
	case ROLE_PROBE:
	case ROLE_OTHER:
		break;
	}
	return (struct limits){ 64 * MIB, 0, 64, "1m" };
}

/* What every member has in common: no capability, no way to gain one, limits,
 * no restart, a bounded log. */
static cJSON *host_config(const struct spec *s, enum session_role role)
{
	const struct limits l = limits_of(s, role);
	cJSON *o = cJSON_CreateObject(), *restart, *log, *log_config;

	cJSON_AddItemToObject(o, "CapDrop", strings((const char *[]){ "ALL", NULL }));
	cJSON_AddItemToObject(o, "SecurityOpt",
	                      strings((const char *[]){ "no-new-privileges", NULL }));
	cJSON_AddFalseToObject(o, "Privileged");
	cJSON_AddTrueToObject(o, "Init");
	cJSON_AddNumberToObject(o, "Memory", l.memory);
	cJSON_AddNumberToObject(o, "MemorySwap", l.memory);
	cJSON_AddNumberToObject(o, "PidsLimit", l.pids);
	if (l.cpus > 0)
		cJSON_AddNumberToObject(o, "NanoCpus", l.cpus * 1e9);
	restart = cJSON_AddObjectToObject(o, "RestartPolicy");
	cJSON_AddStringToObject(restart, "Name", "no");
	log = cJSON_AddObjectToObject(o, "LogConfig");
	cJSON_AddStringToObject(log, "Type", "local");
	log_config = cJSON_AddObjectToObject(log, "Config");
	cJSON_AddStringToObject(log_config, "max-size", l.log_size);
	cJSON_AddStringToObject(log_config, "max-file", "2");
	return o;
}

/* One tmpfs volume, made with the first container that names it (the keeper). */
static void add_volume(const struct spec *s, cJSON *host, enum session_role owner,
                       const char *target)
{
	cJSON *mounts = cJSON_GetObjectItemCaseSensitive(host, "Mounts");
	cJSON *m = cJSON_CreateObject(), *o, *driver, *options;
	CLEANUP_FREE char *name = spec_volume(s->session, owner);
	unsigned uid = owner == ROLE_GATE ? UID_GATE : UID_SIDECAR;
	CLEANUP_FREE char *how = xasprintf("size=4m,mode=0700,uid=%u,gid=%u,noexec,nosuid,nodev",
	                                   uid, uid);

	if (!mounts)
		mounts = cJSON_AddArrayToObject(host, "Mounts");
	cJSON_AddStringToObject(m, "Type", "volume");
	cJSON_AddStringToObject(m, "Source", name);
	cJSON_AddStringToObject(m, "Target", target);
	o = cJSON_AddObjectToObject(m, "VolumeOptions");
	cJSON_AddTrueToObject(o, "NoCopy");
	cJSON_AddItemToObject(o, "Labels", labels(s, owner));
	driver = cJSON_AddObjectToObject(o, "DriverConfig");
	cJSON_AddStringToObject(driver, "Name", "local");
	options = cJSON_AddObjectToObject(driver, "Options");
	cJSON_AddStringToObject(options, "type", "tmpfs");
	cJSON_AddStringToObject(options, "device", "tmpfs");
	cJSON_AddStringToObject(options, "o", how);
	cJSON_AddItemToArray(mounts, m);
}

static void join_internal(const struct spec *s, cJSON *o, cJSON *host, unsigned number)
{
	CLEANUP_FREE char *name = spec_network(s->session, false);
	CLEANUP_FREE char *ip = address(s, number);
	cJSON *networking, *endpoints, *endpoint, *ipam;

	cJSON_AddStringToObject(host, "NetworkMode", name);
	networking = cJSON_AddObjectToObject(o, "NetworkingConfig");
	endpoints = cJSON_AddObjectToObject(networking, "EndpointsConfig");
	endpoint = cJSON_AddObjectToObject(endpoints, name);
	ipam = cJSON_AddObjectToObject(endpoint, "IPAMConfig");
	cJSON_AddStringToObject(ipam, "IPv4Address", ip);
}

static void set_user(cJSON *o, unsigned uid)
{
	CLEANUP_FREE char *user = xasprintf("%u:%u", uid, uid);

	cJSON_AddStringToObject(o, "User", user);
}

static void sysctl(cJSON *host, const char *name, const char *value)
{
	cJSON *all = cJSON_GetObjectItemCaseSensitive(host, "Sysctls");

	if (!all)
		all = cJSON_AddObjectToObject(host, "Sysctls");
	cJSON_AddStringToObject(all, name, value);
}

static void no_healthcheck(cJSON *o)
{
	cJSON *h = cJSON_AddObjectToObject(o, "Healthcheck");

	/* an image's own check would be an exec every few seconds */
	cJSON_AddItemToObject(h, "Test", strings((const char *[]){ "NONE", NULL }));
}

static void run_helper(cJSON *o)
{
	cJSON_AddItemToObject(o, "Entrypoint",
	                      strings((const char *[]){ SPEC_HELPER, NULL }));
}

static void fill_keeper(const struct spec *s, cJSON *o, cJSON *host)
{
	static const char *const cmd[] = { "keeper", SPEC_HOLD_PIPELOCK, NULL };

	set_user(o, UID_SIDECAR);
	run_helper(o);
	cJSON_AddItemToObject(o, "Cmd", strings(cmd));
	cJSON_AddStringToObject(host, "NetworkMode", "none");
	add_volume(s, host, ROLE_PIPELOCK, SPEC_HOLD_PIPELOCK);
	if (s->agent->bottle->n_git)
		add_volume(s, host, ROLE_GATE, "/hold/git-gate");
}

static void fill_pipelock(const struct spec *s, cJSON *o, cJSON *host)
{
	static const char *const cmd[] = { "supervise", PIPELOCK_CONFIG, "--",     SPEC_PIPELOCK,
		                           "run",       "--config",      PIPELOCK_CONFIG, NULL };

	set_user(o, UID_SIDECAR);
	run_helper(o);
	cJSON_AddItemToObject(o, "Cmd", strings(cmd));
	if (s->upstream_ca)
		cJSON_AddItemToObject(
			o, "Env",
			strings((const char *[]){ "SSL_CERT_FILE=" PIPELOCK_UPSTREAM_CA, NULL }));
	add_volume(s, host, ROLE_PIPELOCK, PIPELOCK_DIR);
	join_internal(s, o, host, ADDRESS_PIPELOCK);
	sysctl(host, "net.ipv4.ip_forward", "0");	/* it stands in two networks */
}

static void fill_resolver(const struct spec *s, cJSON *o, cJSON *host)
{
	set_user(o, UID_SIDECAR);
	join_internal(s, o, host, ADDRESS_RESOLVER);
	sysctl(host, "net.ipv4.ip_unprivileged_port_start", "0");
}

static void fill_gate(const struct spec *s, cJSON *o, cJSON *host)
{
	const struct bottle_spec *b = s->agent->bottle;
	cJSON *tmpfs, *extra = NULL;

	set_user(o, UID_GATE);
	add_volume(s, host, ROLE_GATE, GITGATE_DIR);
	tmpfs = cJSON_AddObjectToObject(host, "Tmpfs");
	cJSON_AddStringToObject(tmpfs, "/run/git-gate",
	                        "rw,noexec,nosuid,nodev,size=512m,mode=0700,uid=65533,gid=65533");
	join_internal(s, o, host, ADDRESS_GATE);
	sysctl(host, "net.ipv4.ip_forward", "0");
	for (size_t i = 0; i < b->n_git; i++) {
		for (size_t k = 0; k < b->git[i].n_extra_hosts; k++) {
			const struct host_ip *h = &b->git[i].extra_hosts[k];

			if (!extra)
				extra = cJSON_AddArrayToObject(host, "ExtraHosts");
			add_owned(extra, xasprintf("%s:%s", h->host, h->ip));
		}
	}
}

/* Both cases of the proxy variables: curl ignores HTTP_PROXY, others http_proxy. */
static cJSON *agent_env(const struct spec *s)
{
	static const char *const proxies[] = { "HTTP_PROXY",  "HTTPS_PROXY", "ALL_PROXY",
		                               "http_proxy",  "https_proxy", "all_proxy" };
	static const char *const bundles[] = { "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
		                               "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
		                               "PIP_CERT",      "CARGO_HTTP_CAINFO" };
	static const char direct[] = "git-gate,localhost,127.0.0.1,::1";
	cJSON *env = cJSON_CreateArray();

	for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
		add_owned(env, xasprintf("%s=http://pipelock:%d", proxies[i], PIPELOCK_PORT));
	add_owned(env, xasprintf("NO_PROXY=%s", direct));
	add_owned(env, xasprintf("no_proxy=%s", direct));
	for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++)
		add_owned(env, xasprintf("%s=" AGENT_ETC "/ca-bundle.pem", bundles[i]));
	add_string(env, "NODE_EXTRA_CA_CERTS=" AGENT_ETC "/ca.pem");
	add_string(env, "GIT_CONFIG_SYSTEM=" AGENT_ETC "/gitconfig");
	add_string(env, "HOME=" AGENT_HOME);
	add_string(env, "TERM=xterm-256color");
	add_string(env, "COLORTERM=truecolor");
	add_string(env, "LANG=C.UTF-8");
	add_owned(env, xasprintf("CLAUDE_BOTTLE_SESSION=%s", s->session));
	return env;
}

const char *spec_agent_dir(const struct agent_spec *a)
{
	return a->workspace == WORKSPACE_NONE ? AGENT_HOME : AGENT_WORKSPACE;
}

static void fill_agent(const struct spec *s, cJSON *o, cJSON *host)
{
	const struct agent_spec *a = s->agent;
	cJSON *entry, *tmpfs, *dns, *hosts;

	set_user(o, UID_AGENT);
	cJSON_AddStringToObject(o, "Hostname", s->session);
	cJSON_AddTrueToObject(o, "Tty");
	cJSON_AddTrueToObject(o, "OpenStdin");
	cJSON_AddFalseToObject(o, "StdinOnce");
	cJSON_AddStringToObject(o, "WorkingDir", AGENT_HOME);
	cJSON_AddItemToObject(o, "Env", agent_env(s));
	entry = cJSON_AddArrayToObject(o, "Entrypoint");
	add_string(entry, SPEC_HELPER);
	add_string(entry, "entry");
	add_string(entry, "--dir");
	add_string(entry, spec_agent_dir(a));
	if (a->workspace == WORKSPACE_CLONE) {
		add_string(entry, "--clone");
		add_string(entry, a->clone->upstream);
	}
	add_string(entry, "--");
	cJSON_AddItemToObject(o, "Cmd", strings((const char *const *)s->command));

	if (strcmp(s->runtime, "runc") != 0)
		cJSON_AddStringToObject(host, "Runtime", s->runtime);
	else	/* what cannot be reached is refused in 0.2 s instead of 3 */
		sysctl(host, "net.ipv4.neigh.eth0.retrans_time_ms", "50");
	tmpfs = cJSON_AddObjectToObject(host, "Tmpfs");
	cJSON_AddStringToObject(tmpfs, AGENT_RUN,
	                        "rw,noexec,nosuid,nodev,size=2m,mode=0700,uid=1000,gid=1000");
	dns = cJSON_AddArrayToObject(host, "Dns");
	add_owned(dns, address(s, ADDRESS_RESOLVER));
	hosts = cJSON_AddArrayToObject(host, "ExtraHosts");
	for (unsigned i = ADDRESS_PIPELOCK; i <= ADDRESS_GATE; i++) {
		static const char *const names[] = { [ADDRESS_PIPELOCK] = "pipelock",
			                             [ADDRESS_RESOLVER] = "resolver",
			                             [ADDRESS_GATE] = "git-gate" };
		CLEANUP_FREE char *ip = address(s, i);

		if (i != ADDRESS_GATE || a->bottle->n_git)
			add_owned(hosts, xasprintf("%s:%s", names[i], ip));
	}
	join_internal(s, o, host, ADDRESS_AGENT);
}

/* Lives in the agent's network namespace and nowhere else of it. */
static void fill_probe(const struct spec *s, cJSON *o, cJSON *host)
{
	CLEANUP_FREE char *agent = spec_container(s->session, ROLE_AGENT);
	CLEANUP_FREE char *mode = xasprintf("container:%s", agent);

	set_user(o, UID_AGENT);
	run_helper(o);
	cJSON_AddItemToObject(o, "Cmd", strings((const char *const *)s->probe_args));
	cJSON_AddStringToObject(host, "NetworkMode", mode);
}

char *spec_container_body(const struct spec *s, enum session_role role)
{
	cJSON *o = cJSON_CreateObject(), *host = host_config(s, role);

	cJSON_AddStringToObject(o, "Image", s->images[role]);
	cJSON_AddItemToObject(o, "Labels", labels(s, role));
	no_healthcheck(o);
	switch (role) {
	case ROLE_KEEPER:
		fill_keeper(s, o, host);
		break;
	case ROLE_PIPELOCK:
		fill_pipelock(s, o, host);
		break;
	case ROLE_RESOLVER:
		fill_resolver(s, o, host);
		break;
	case ROLE_GATE:
		fill_gate(s, o, host);
		break;
	case ROLE_PROBE:
		fill_probe(s, o, host);
		break;
	case ROLE_AGENT:
	case ROLE_OTHER:
		fill_agent(s, o, host);
		break;
	}
	cJSON_AddItemToObject(o, "HostConfig", host);
	return print_and_free(o);
}
