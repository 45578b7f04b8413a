#include "docker/facts.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "docker/engine.h"
#include "docker/names.h"
#include "docker/spec.h"

#define HOST_MAX 12	/* addresses worth probing; the probe takes a few more */

struct gather {
	struct engine *engine;
	struct facts *facts;
	char *install, *session;
	char *images[ROLE_COUNT];
	size_t pending;
	struct err err;		/* the first failure */
	facts_fn *fn;
	void *arg;
};

/* One request under way: which image it asks about, or none. */
struct question {
	struct gather *gather;
	enum session_role role;
	void (*take)(struct gather *g, enum session_role role, const struct engine_reply *reply);
};

void facts_free(struct facts *f)
{
	if (!f)
		return;
	free(f->taken);
	strv_free(f->host);
	strv_free(f->peers);
	strv_free(f->missing_images);
	strv_free(f->agent_entrypoint);
	strv_free(f->agent_cmd);
	free(f->launch);
	free(f->volume);
	free(f);
}

static void finish(struct gather *g)
{
	if (g->err.kind) {
		facts_free(g->facts);
		g->facts = NULL;
	}
	g->fn(g->arg, g->facts, g->facts ? NULL : &g->err);
	for (int r = 0; r < ROLE_COUNT; r++)
		free(g->images[r]);
	free(g->install);
	free(g->session);
	free(g);
}

static void on_answer(void *arg, const struct engine_reply *reply)
{
	struct question *q = arg;
	struct gather *g = q->gather;

	q->take(g, q->role, reply);
	free(q);
	if (--g->pending == 0)
		finish(g);
}

static void ask(struct gather *g, const char *path, enum session_role role,
                void (*take)(struct gather *g, enum session_role role,
                             const struct engine_reply *reply))
{
	struct question *q = xcalloc(1, sizeof *q);
	const struct engine_request req = {
		.method = "GET", .path = path, .on_done = on_answer, .arg = q
	};

	*q = (struct question){ g, role, take };
	g->pending++;
	engine_send(g->engine, &req);
}

/* The answer as JSON, or NULL with the gathering marked as failed. */
static cJSON *answer(struct gather *g, const struct engine_reply *reply, const char *what)
{
	struct err err = { 0 };
	cJSON *json = NULL;

	if (engine_check(reply, &err, "%s", what) == 0) {
		json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
		if (!json)
			err_set(&err, ERR_ENGINE, "%s: the engine's answer is not JSON", what);
	}
	if (err.kind && !g->err.kind)
		g->err = err;
	return json;
}

static void take_info(struct gather *g, enum session_role role, const struct engine_reply *reply)
{
	cJSON *json = answer(g, reply, "asking the engine about itself");
	const cJSON *runtimes = cJSON_GetObjectItemCaseSensitive(json, "Runtimes");

	(void)role;
	g->facts->has_runsc = cJSON_GetObjectItemCaseSensitive(runtimes, "runsc") != NULL;
	cJSON_Delete(json);
}

static const char *label(const cJSON *object, const char *name)
{
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(object, "Labels");
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(all, name));

	return value ? value : "";
}

/* The members of another session of ours sit at known places of its subnet. */
static void add_peers(struct facts *f, struct subnet s)
{
	size_t n = strv_len(f->peers);
	char text[SUBNET_TEXT_MAX];

	for (unsigned i = ADDRESS_AGENT; i <= ADDRESS_PIPELOCK; i++) {
		subnet_address(s, i, text);
		strv_push(&f->peers, &n, xstrdup(text));
	}
}

static void take_networks(struct gather *g, enum session_role role,
                          const struct engine_reply *reply)
{
	cJSON *json = answer(g, reply, "listing networks");
	struct facts *f = g->facts;
	const cJSON *net, *pool;

	(void)role;
	cJSON_ArrayForEach(net, json) {
		const cJSON *ipam = cJSON_GetObjectItemCaseSensitive(net, "IPAM");
		bool is_internal = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(net, "Internal"));
		bool is_ours = *label(net, LABEL_INSTALL) != '\0';

		cJSON_ArrayForEach(pool, cJSON_GetObjectItemCaseSensitive(ipam, "Config")) {
			const char *cidr = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(pool, "Subnet"));
			struct subnet s;

			if (!cidr || subnet_parse(&s, cidr, NULL) < 0)
				continue;	/* IPv6 */
			f->taken = xreallocarray(f->taken, f->n_taken + 1, sizeof *f->taken);
			f->taken[f->n_taken++] = s;
			if (!is_ours || !is_internal)
				continue;
			if (strcmp(label(net, LABEL_SESSION), g->session) == 0)
				f->internal = s;
			else
				add_peers(f, s);
		}
	}
	cJSON_Delete(json);
}

static void take_containers(struct gather *g, enum session_role role,
                            const struct engine_reply *reply)
{
	cJSON *json = answer(g, reply, "listing containers");
	const cJSON *c;

	(void)role;
	cJSON_ArrayForEach(c, json) {
		enum session_role r = session_role_parse(label(c, LABEL_ROLE));

		if (strcmp(label(c, LABEL_SESSION), g->session) != 0)
			continue;
		g->facts->session_exists = true;
		g->facts->has_gate = g->facts->has_gate || r == ROLE_GATE;
		if (r == ROLE_AGENT && !g->facts->launch)
			g->facts->launch = xstrdup(label(c, LABEL_LAUNCH));
	}
	cJSON_Delete(json);
}

/* An engine takes a volume that is there as it is, on whatever it lies: a key would
 * then not be on a tmpfs, or in a volume that others hold too. */
static void take_volumes(struct gather *g, enum session_role role,
                         const struct engine_reply *reply)
{
	CLEANUP_FREE char *pipelock = spec_volume(g->session, ROLE_PIPELOCK);
	CLEANUP_FREE char *gate = spec_volume(g->session, ROLE_GATE);
	cJSON *json = answer(g, reply, "listing volumes");
	const cJSON *v;

	(void)role;
	cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(json, "Volumes")) {
		const char *name =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(v, "Name"));

		if (name && !g->facts->volume &&
		    (strcmp(name, pipelock) == 0 || strcmp(name, gate) == 0))
			g->facts->volume = xstrdup(name);
	}
	cJSON_Delete(json);
}

static char **string_list(const cJSON *array)
{
	const cJSON *item;
	char **v = NULL;
	size_t n = 0;

	cJSON_ArrayForEach(item, array) {
		if (cJSON_IsString(item))
			strv_push(&v, &n, xstrdup(item->valuestring));
	}
	return v;
}

static void take_image(struct gather *g, enum session_role role, const struct engine_reply *reply)
{
	struct facts *f = g->facts;
	size_t n = strv_len(f->missing_images);
	const cJSON *config;
	cJSON *json;

	if (reply->status == 404) {
		if (!strv_has(f->missing_images, g->images[role]))
			strv_push(&f->missing_images, &n, xstrdup(g->images[role]));
		return;
	}
	json = answer(g, reply, "looking at an image");
	config = cJSON_GetObjectItemCaseSensitive(json, "Config");
	if (role == ROLE_AGENT && json) {
		f->agent_entrypoint =
			string_list(cJSON_GetObjectItemCaseSensitive(config, "Entrypoint"));
		f->agent_cmd = string_list(cJSON_GetObjectItemCaseSensitive(config, "Cmd"));
	}
	cJSON_Delete(json);
}

/* Only a hint: the probe tries them all, and the network's own gateway too. */
static void add_own_addresses(struct facts *f)
{
	struct ifaddrs *all = NULL;
	size_t n = strv_len(f->host);

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i && n < HOST_MAX; i = i->ifa_next) {
		const struct sockaddr_in *in = (const void *)i->ifa_addr;
		char text[INET_ADDRSTRLEN];

		if (!in || in->sin_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK))
			continue;
		if (inet_ntop(AF_INET, &in->sin_addr, text, sizeof text))
			strv_push(&f->host, &n, xstrdup(text));
	}
	freeifaddrs(all);
}

void facts_gather(struct engine *e, const char *install, const char *session,
                  const char *const images[ROLE_COUNT], facts_fn *fn, void *arg)
{
	struct gather *g = xcalloc(1, sizeof *g);

	*g = (struct gather){ .engine = e, .fn = fn, .arg = arg };
	g->facts = xcalloc(1, sizeof *g->facts);
	g->install = xstrdup(install);
	g->session = xstrdup(session);
	add_own_addresses(g->facts);
	ask(g, "/info", ROLE_OTHER, take_info);
	ask(g, "/networks", ROLE_OTHER, take_networks);
	ask(g, "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22" LABEL_SESSION "%22%5D%7D",
	    ROLE_OTHER, take_containers);
	ask(g, "/volumes", ROLE_OTHER, take_volumes);
	for (int r = 0; r < ROLE_COUNT; r++) {
		struct buf path = BUF_INIT(4096);

		if (!images[r])
			continue;
		g->images[r] = xstrdup(images[r]);
		buf_addf(&path, "/images/%s/json", images[r]);
		ask(g, buf_str(&path), (enum session_role)r, take_image);
		buf_done(&path);
	}
}
