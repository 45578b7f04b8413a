#include "docker/teardown.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/session.h"
#include "docker/engine.h"
#include "docker/names.h"

#define ROUND_MS       100
#define ROUNDS_MAX     100
#define SETTLE_MS      700	/* how late an engine may still finish a lost request */
#define GRACE_SECONDS  "3"

struct teardown_job {
	struct engine *engine;
	char *filters;		/* escaped JSON for ?filters= */
	bool is_graceful, is_settling;
	unsigned round;
	size_t pending;		/* requests under way */
	size_t found;		/* things seen in this round */
	struct err err;		/* the last refusal of this round */
	struct loop_timer timer;
	teardown_fn *fn;
	void *arg;
};

static void list_containers(void *arg);

static void finish(struct teardown_job *t, const struct err *err)
{
	t->fn(t->arg, err);
	loop_timer_cancel(engine_loop(t->engine), &t->timer);
	free(t->filters);
	free(t);
}

/* Nothing was found, or nothing can be done about it: end. Else once more. */
static void end_round(struct teardown_job *t)
{
	struct loop *loop = engine_loop(t->engine);

	if (t->found == 0) {
		if (!t->is_settling) {
			finish(t, NULL);
			return;
		}
		t->is_settling = false;
		loop_timer_set(loop, &t->timer, SETTLE_MS, list_containers, t);
		return;
	}
	if (++t->round >= ROUNDS_MAX) {
		if (!t->err.kind)
			err_set(&t->err, ERR_FAILED, "the engine does not finish removing");
		finish(t, &t->err);
		return;
	}
	loop_timer_set(loop, &t->timer, t->round < 3 ? 0 : ROUND_MS, list_containers, t);
}

static void send(struct teardown_job *t, const char *method, const char *path,
                 engine_done_fn *on_done)
{
	const struct engine_request req = {
		.method = method, .path = path, .on_done = on_done, .arg = t
	};

	t->pending++;
	engine_send(t->engine, &req);
}

static void list(struct teardown_job *t, const char *path, engine_done_fn *on_done)
{
	struct buf b = BUF_INIT(8192);

	buf_addf(&b, "%s%sfilters=%s", path, strchr(path, '?') ? "&" : "?", t->filters);
	send(t, "GET", buf_str(&b), on_done);
	buf_done(&b);
}

/* What was listed, or NULL when the engine cannot be asked: then once more, or the
 * end. What is no JSON must not pass for "nothing is left". */
static cJSON *listed(struct teardown_job *t, const struct engine_reply *reply, const char *what)
{
	struct err err = { 0 };
	cJSON *json = NULL;

	if (engine_check(reply, &err, "listing %s", what) == 0) {
		json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
		if (json)
			return json;
		err_set(&err, ERR_ENGINE, "listing %s: the engine's answer is not JSON", what);
	}
	if (++t->round < ROUNDS_MAX / 20) {
		loop_timer_set(engine_loop(t->engine), &t->timer, ROUND_MS, list_containers, t);
		return NULL;
	}
	finish(t, &err);
	return NULL;
}

static void note_refusal(struct teardown_job *t, const struct engine_reply *reply)
{
	/* gone already, or being removed by somebody: the next listing tells */
	if (reply->status == 404 || reply->status == 409)
		return;
	engine_check(reply, &t->err, "removing what is left");
}

static void on_volume_gone(void *arg, const struct engine_reply *reply)
{
	struct teardown_job *t = arg;

	note_refusal(t, reply);
	if (--t->pending == 0)
		end_round(t);
}

static void on_volumes(void *arg, const struct engine_reply *reply)
{
	struct teardown_job *t = arg;
	cJSON *json;
	const cJSON *v;

	t->pending--;
	json = listed(t, reply, "volumes");
	if (!json)
		return;
	cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(json, "Volumes")) {
		const char *name =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(v, "Name"));
		struct buf path = BUF_INIT(1024);

		if (!name)
			continue;
		t->found++;
		buf_adds(&path, "/volumes/");
		engine_escape(&path, name);
		send(t, "DELETE", buf_str(&path), on_volume_gone);
		buf_done(&path);
	}
	cJSON_Delete(json);
	if (t->pending == 0)
		end_round(t);
}

static void list_volumes(struct teardown_job *t)
{
	list(t, "/volumes", on_volumes);
}

static void on_network_gone(void *arg, const struct engine_reply *reply)
{
	struct teardown_job *t = arg;

	note_refusal(t, reply);
	if (--t->pending == 0)
		list_volumes(t);
}

static void on_networks(void *arg, const struct engine_reply *reply)
{
	struct teardown_job *t = arg;
	cJSON *json;
	const cJSON *n;

	t->pending--;
	json = listed(t, reply, "networks");
	if (!json)
		return;
	cJSON_ArrayForEach(n, json) {
		const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(n, "Id"));
		char path[160];

		if (!id)
			continue;
		t->found++;
		snprintf(path, sizeof path, "/networks/%.120s", id);
		send(t, "DELETE", path, on_network_gone);
	}
	cJSON_Delete(json);
	if (t->pending == 0)
		list_volumes(t);
}

static void list_networks(struct teardown_job *t)
{
	list(t, "/networks", on_networks);
}

static void on_container_gone(void *arg, const struct engine_reply *reply)
{
	struct teardown_job *t = arg;

	note_refusal(t, reply);
	if (--t->pending == 0)
		list_networks(t);
}

static void remove_containers(struct teardown_job *t, const cJSON *json)
{
	const cJSON *c;

	cJSON_ArrayForEach(c, json) {
		const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, "Id"));
		char path[160];

		if (!id)
			continue;
		t->found++;
		snprintf(path, sizeof path, "/containers/%.120s?force=1&v=1", id);
		send(t, "DELETE", path, on_container_gone);
	}
	if (t->pending == 0)
		list_networks(t);
}

static void on_agent_stopped(void *arg, const struct engine_reply *reply)
{
	struct teardown_job *t = arg;

	(void)reply;	/* it is removed by force next */
	if (--t->pending == 0)
		list_containers(t);
}

/* SIGTERM to the agents that still run; true when there were any. */
static bool stop_agents(struct teardown_job *t, const cJSON *json)
{
	const cJSON *c;

	cJSON_ArrayForEach(c, json) {
		const cJSON *labels = cJSON_GetObjectItemCaseSensitive(c, "Labels");
		const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, "Id"));
		const char *role = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(labels, LABEL_ROLE));
		const char *state =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, "State"));
		char path[160];

		if (!id || session_role_parse(role) != ROLE_AGENT || !state ||
		    strcmp(state, "running") != 0)
			continue;
		snprintf(path, sizeof path, "/containers/%.120s/stop?t=" GRACE_SECONDS, id);
		send(t, "POST", path, on_agent_stopped);
	}
	return t->pending > 0;
}

static void on_containers(void *arg, const struct engine_reply *reply)
{
	struct teardown_job *t = arg;
	cJSON *json;

	t->pending--;
	json = listed(t, reply, "containers");
	if (!json)
		return;
	if (t->is_graceful) {
		t->is_graceful = false;
		if (stop_agents(t, json)) {
			cJSON_Delete(json);
			return;
		}
	}
	remove_containers(t, json);
	cJSON_Delete(json);
}

static void list_containers(void *arg)
{
	struct teardown_job *t = arg;

	t->found = 0;
	t->err = (struct err){ 0 };
	list(t, "/containers/json?all=1", on_containers);
}

static void add_label(cJSON *labels, const char *name, const char *value)
{
	CLEANUP_FREE char *text = NULL;

	if (!value)
		return;
	text = xasprintf("%s=%s", name, value);
	cJSON_AddItemToArray(labels, cJSON_CreateString(text));
}

void teardown(struct engine *e, const struct teardown_filter *filter, bool is_graceful,
              bool is_settling, teardown_fn *fn, void *arg)
{
	struct teardown_job *t = xcalloc(1, sizeof *t);
	cJSON *o = cJSON_CreateObject(), *labels = cJSON_AddArrayToObject(o, "label");
	struct buf escaped = BUF_INIT(4096);
	char *json;

	add_label(labels, LABEL_INSTALL, filter->install);
	add_label(labels, LABEL_SESSION, filter->session);
	add_label(labels, LABEL_LAUNCH, filter->launch);
	json = cJSON_PrintUnformatted(o);
	engine_escape(&escaped, json);
	cJSON_free(json);
	cJSON_Delete(o);

	*t = (struct teardown_job){ .engine = e,
		                    .filters = buf_steal(&escaped),
		                    .is_graceful = is_graceful,
		                    .is_settling = is_settling,
		                    .fn = fn,
		                    .arg = arg };
	loop_timer_set(engine_loop(e), &t->timer, 0, list_containers, t);
}
