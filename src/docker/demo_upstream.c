#include "docker/demo_upstream.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/plan.h"
#include "docker/demo_keys.h"
#include "docker/engine.h"
#include "docker/frames.h"
#include "docker/names.h"
#include "docker/spec.h"
#include "docker/tar.h"

#define UID_UPSTREAM 1000
#define FOLDER "/etc/demo-upstream"
#define ARCHIVE_MAX (1u << 20)
#define STANDIN_LABEL LABEL_PREFIX "standin"
#define MIB (1024.0 * 1024.0)

char *demo_upstream_container(const char *session)
{
	return spec_container(session, ROLE_OTHER);
}

/* --- asking ---------------------------------------------------------------------- */

static int ask(struct engine *e, const struct engine_request *req, const char *what,
               struct engine_reply *reply, struct err *err)
{
	engine_sync(e, req, reply);
	if (engine_check(reply, err, "%s", what) == 0)
		return 0;
	buf_done(&reply->body);
	return -1;
}

static int post(struct engine *e, const char *path, const char *body, const char *what,
                struct err *err)
{
	const struct engine_request req = {
		.method = "POST", .path = path, .body = body, .body_len = body ? strlen(body) : 0
	};
	struct engine_reply reply = { 0 };

	if (ask(e, &req, what, &reply, err) < 0)
		return -1;
	buf_done(&reply.body);
	return 0;
}

static int get_json(struct engine *e, const char *path, const char *what, cJSON **out,
                    struct err *err)
{
	const struct engine_request req = { .method = "GET", .path = path };
	struct engine_reply reply = { 0 };

	if (ask(e, &req, what, &reply, err) < 0)
		return -1;
	*out = cJSON_ParseWithLength(buf_str(&reply.body), reply.body.len);
	buf_done(&reply.body);
	if (!*out)
		return err_set(err, ERR_ENGINE, "%s: the engine's answer is not JSON", what);
	return 0;
}

/* --- the container ------------------------------------------------------------------ */

static void add_labels(cJSON *o, const struct demo_upstream *u)
{
	const struct plan *p = u->plan;
	cJSON *l = cJSON_AddObjectToObject(o, "Labels");

	cJSON_AddStringToObject(l, LABEL_SCHEMA, NAMES_SCHEMA);
	cJSON_AddStringToObject(l, LABEL_INSTALL, u->install);
	cJSON_AddStringToObject(l, LABEL_AGENT, p->agent);
	cJSON_AddStringToObject(l, LABEL_BOTTLE, p->bottle);
	cJSON_AddStringToObject(l, LABEL_ROLE, session_role_name(ROLE_OTHER));
	cJSON_AddStringToObject(l, LABEL_SESSION, p->session);
	cJSON_AddStringToObject(l, LABEL_LAUNCH, p->launch);
	cJSON_AddStringToObject(l, LABEL_DIGEST, p->digest);
	cJSON_AddStringToObject(l, LABEL_ATTENDED, "1");
}

static void add_network(cJSON *o, cJSON *host, const char *session)
{
	static const char *const aliases[] = { DEMO_FILES_HOST, DEMO_GIT_HOST, DEMO_UNLISTED_HOST };
	CLEANUP_FREE char *network = spec_network(session, true);
	cJSON *networking = cJSON_AddObjectToObject(o, "NetworkingConfig");
	cJSON *endpoints = cJSON_AddObjectToObject(networking, "EndpointsConfig");
	cJSON *endpoint = cJSON_AddObjectToObject(endpoints, network);

	cJSON_AddItemToObject(endpoint, "Aliases", cJSON_CreateStringArray(aliases, 3));
	cJSON_AddStringToObject(host, "NetworkMode", network);
}

static char *container_body(const struct demo_upstream *u)
{
	static const char *const drop[] = { "ALL" }, *const safe[] = { "no-new-privileges" };
	cJSON *o = cJSON_CreateObject(), *host = cJSON_CreateObject(), *sysctls;
	char *text, *copy;

	cJSON_AddStringToObject(o, "Image", u->image);
	add_labels(o, u);
	add_network(o, host, u->plan->session);
	cJSON_AddTrueToObject(host, "Init");
	cJSON_AddItemToObject(host, "CapDrop", cJSON_CreateStringArray(drop, 1));
	cJSON_AddItemToObject(host, "SecurityOpt", cJSON_CreateStringArray(safe, 1));
	cJSON_AddNumberToObject(host, "Memory", 256 * MIB);
	cJSON_AddNumberToObject(host, "PidsLimit", 64);
	sysctls = cJSON_AddObjectToObject(host, "Sysctls");
	cJSON_AddStringToObject(sysctls, "net.ipv4.ip_unprivileged_port_start", "0");
	cJSON_AddItemToObject(o, "HostConfig", host);
	text = cJSON_PrintUnformatted(o);
	copy = xstrdup(text);
	cJSON_free(text);
	cJSON_Delete(o);
	return copy;
}

static void add_file(struct tar *t, const char *name, const struct buf *b)
{
	CLEANUP_FREE char *path = xasprintf(FOLDER "/%s", name);

	tar_file(t, path, 0600, UID_UPSTREAM, UID_UPSTREAM, b->data, b->len);
}

static int put_keys(struct engine *e, const char *container, const struct demo_keys *k,
                    struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("/containers/%s/archive?path=/", container);
	struct buf body = BUF_INIT_SECRET(ARCHIVE_MAX);
	struct engine_request req = { .method = "PUT",
		                      .path = path,
		                      .content_type = "application/x-tar" };
	struct engine_reply reply = { 0 };
	struct tar t;
	int rc;

	tar_begin(&t, &body, (int64_t)time(NULL));
	add_file(&t, "cert.pem", &k->cert_pem);
	add_file(&t, "key.pem", &k->key_pem);
	add_file(&t, "ssh_host_key", &k->host.private_pem);
	add_file(&t, "authorized_keys", &k->identity.public_line);
	rc = tar_finish(&t, err);
	if (rc == 0) {
		req.body = body.data;
		req.body_len = body.len;
		rc = ask(e, &req, "giving the demo's upstream its keys", &reply, err);
	}
	if (rc == 0)
		buf_done(&reply.body);
	buf_done(&body);
	return rc;
}

int demo_upstream_start(struct engine *e, const struct demo_upstream *u,
                        const struct demo_keys *keys, struct err *err)
{
	CLEANUP_FREE char *name = demo_upstream_container(u->plan->session);
	CLEANUP_FREE char *create = xasprintf("/containers/create?name=%s", name);
	CLEANUP_FREE char *start = xasprintf("/containers/%s/start", name);
	CLEANUP_FREE char *body = container_body(u);

	if (post(e, create, body, "creating the demo's upstream", err) < 0 ||
	    put_keys(e, name, keys, err) < 0 ||
	    post(e, start, NULL, "starting the demo's upstream", err) < 0)
		return -1;
	return 0;
}

/* --- what it says ---------------------------------------------------------------------- */

static int on_text(void *ctx, enum frames_stream stream, const char *data, size_t n, bool is_first)
{
	(void)stream;
	(void)is_first;
	return buf_add(ctx, data, n);
}

int demo_upstream_log(struct engine *e, const char *session, struct buf *out, struct err *err)
{
	CLEANUP_FREE char *name = demo_upstream_container(session);
	CLEANUP_FREE char *look = xasprintf("/containers/%s/json", name);
	CLEANUP_FREE char *path = xasprintf("/containers/%s/logs?stdout=1&stderr=1", name);
	const struct engine_request req = { .method = "GET", .path = path };
	struct engine_reply reply = { 0 };
	struct frames frames;
	bool is_running;
	cJSON *json;

	if (get_json(e, look, "looking at the demo's upstream", &json, err) < 0)
		return -1;
	is_running = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(json, "State"), "Running"));
	cJSON_Delete(json);
	if (ask(e, &req, "reading the log of the demo's upstream", &reply, err) < 0)
		return -1;
	frames_init(&frames, false, on_text, out);
	frames_feed(&frames, buf_str(&reply.body), reply.body.len, NULL);
	buf_done(&reply.body);
	if (!is_running)
		return err_set(err, ERR_FAILED, "the demo's upstream has ended; it said: %.400s",
		               buf_str(out));
	return 0;
}

/* --- looking ------------------------------------------------------------------------------ */

int demo_image_look(struct engine *e, const char *ref, bool *is_there, bool *is_standin,
                    struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("/images/%s/json", ref);
	const struct engine_request req = { .method = "GET", .path = path };
	struct engine_reply reply = { 0 };
	const cJSON *config, *labels;
	cJSON *json;

	engine_sync(e, &req, &reply);
	*is_there = reply.status != 404;
	*is_standin = false;
	if (!*is_there) {
		buf_done(&reply.body);
		return 0;
	}
	if (engine_check(&reply, err, "looking at an image") < 0) {
		buf_done(&reply.body);
		return -1;
	}
	json = cJSON_ParseWithLength(buf_str(&reply.body), reply.body.len);
	buf_done(&reply.body);
	config = cJSON_GetObjectItemCaseSensitive(json, "Config");
	labels = cJSON_GetObjectItemCaseSensitive(config, "Labels");
	*is_standin = cJSON_GetObjectItemCaseSensitive(labels, STANDIN_LABEL) != NULL;
	cJSON_Delete(json);
	return 0;
}

static char *label_filter(const char *install, const char *session)
{
	struct buf json = BUF_INIT(4096), text = BUF_INIT(8192);

	buf_addf(&json, "{\"label\":[\"" LABEL_INSTALL "=%s\",\"" LABEL_SESSION "=%s\"]}", install,
	         session);
	engine_escape(&text, buf_str(&json));
	buf_done(&json);
	return buf_steal(&text);
}

int demo_count_left(struct engine *e, const char *install, const char *session,
                    struct demo_left *out, struct err *err)
{
	CLEANUP_FREE char *filter = label_filter(install, session);
	CLEANUP_FREE char *containers = xasprintf("/containers/json?all=1&filters=%s", filter);
	CLEANUP_FREE char *networks = xasprintf("/networks?filters=%s", filter);
	CLEANUP_FREE char *volumes = xasprintf("/volumes?filters=%s", filter);
	struct demo_left left = { .is_known = true };
	cJSON *json;

	if (get_json(e, containers, "listing containers", &json, err) < 0)
		return -1;
	left.containers = (size_t)cJSON_GetArraySize(json);
	cJSON_Delete(json);
	if (get_json(e, networks, "listing networks", &json, err) < 0)
		return -1;
	left.networks = (size_t)cJSON_GetArraySize(json);
	cJSON_Delete(json);
	if (get_json(e, volumes, "listing volumes", &json, err) < 0)
		return -1;
	left.volumes =
		(size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "Volumes"));
	cJSON_Delete(json);
	*out = left;
	return 0;
}
