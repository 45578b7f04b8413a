#include "docker/drain.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/logread.h"
#include "core/mem.h"
#include "core/session.h"
#include "docker/engine.h"
#include "docker/logs.h"
#include "docker/names.h"

#define AGENT_SECONDS 3 /* as in teardown */
#define MEMBER_SECONDS 1

struct drain {
	struct engine *engine;
	char *install, *session;
	struct follow_request req;
	struct log_taker taker;
	cJSON *members;
	bool is_agent_ended;
	size_t pending;
	backend_done_fn *fn;
	void *arg;
};

static void finish(struct drain *d, const struct err *err)
{
	d->fn(d->arg, err);
	cJSON_Delete(d->members);
	free(d->install);
	free(d->session);
	free(d);
}

static bool on_event(void *arg, const struct event *ev)
{
	(void)arg;
	(void)ev; /* all lines go to the taker */
	return true;
}

static void on_read(void *arg, const struct err *err)
{
	finish(arg, err);
}

static void stop_members(struct drain *d, bool agents);

static void on_stopped(void *arg, const struct engine_reply *reply)
{
	struct drain *d = arg;

	(void)reply; /* what still runs is read as far as it is */
	if (--d->pending == 0)
		stop_members(d, false);
}

static const char *text_of(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

/* The agents that run, then the others; then the logs are read. */
static void stop_members(struct drain *d, bool agents)
{
	const cJSON *c;

	if (!agents && d->is_agent_ended) {
		follow_start(d->engine, d->install, &d->req, on_event, on_read, d, NULL);
		return;
	}
	d->is_agent_ended = !agents;
	d->pending = 1;
	cJSON_ArrayForEach(c, d->members)
	{
		const cJSON *labels = cJSON_GetObjectItemCaseSensitive(c, "Labels");
		const char *id = text_of(c, "Id"), *state = text_of(c, "State");
		enum session_role role = session_role_parse(text_of(labels, LABEL_ROLE));
		struct engine_request req = { .method = "POST", .on_done = on_stopped, .arg = d };
		char path[160];

		if (!id || !state ||
		    (strcmp(state, "running") != 0 && strcmp(state, "paused") != 0))
			continue;
		if ((role == ROLE_AGENT) != agents || (!agents && !logread_has(role)))
			continue;
		snprintf(path, sizeof path, "/containers/%.120s/stop?t=%d", id,
		         agents ? AGENT_SECONDS : MEMBER_SECONDS);
		req.path = path;
		d->pending++;
		engine_send(d->engine, &req);
	}
	if (--d->pending == 0)
		stop_members(d, false);
}

static void on_listing(void *arg, const struct engine_reply *reply)
{
	struct drain *d = arg;
	struct err err = { 0 };

	if (engine_check(reply, &err, "listing the members of %s", d->session) < 0) {
		finish(d, &err);
		return;
	}
	d->members = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	stop_members(d, true);
}

void drain_start(struct engine *e, const char *install, const struct follow_request *req,
                 backend_done_fn *fn, void *arg)
{
	struct drain *d = xcalloc(1, sizeof *d);
	struct engine_request ask = { .method = "GET", .on_done = on_listing, .arg = d };
	struct buf path = BUF_INIT(8192);

	*d = (struct drain){ .engine = e,
		             .install = xstrdup(install),
		             .session = xstrdup(req->session),
		             .req = *req,
		             .fn = fn,
		             .arg = arg };
	d->req.session = d->session;
	d->req.keep_following = false;
	if (req->taker) {
		d->taker = *req->taker;
		d->req.taker = &d->taker;
	}
	logs_members_path(&path, install, req->session);
	ask.path = buf_str(&path);
	engine_send(e, &ask);
	buf_done(&path);
}
