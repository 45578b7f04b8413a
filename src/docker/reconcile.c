#include "docker/reconcile.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/lock.h"
#include "core/loop.h"
#include "core/mem.h"
#include "docker/engine.h"
#include "docker/launch_steps.h"
#include "docker/names.h"

#define RECORD_MAX  (256u << 10)
#define TIME_MAX_NS INT64_C(4000000000000000000)	/* the year 2096 */

/* What a keeper's record said, and when it was read. */
struct record {
	char *keeper;	/* its container's id */
	char *launch;
	struct isolation_result isolation;
	int64_t released_ns;
	uint64_t read_ns;
};

struct records {
	struct record *v;
	size_t n;
	uint64_t generation;
};

struct scan {
	struct engine *engine;
	struct records *records;
	uint64_t generation;	/* of the records, when it began */
	char *filters;
	const char *lock_dir;
	size_t pending;
	struct session_list list;
	struct err err;
	backend_list_fn *fn;
	void *arg;
};

/* --- records -------------------------------------------------------------------------- */

struct records *records_new(void)
{
	return xcalloc(1, sizeof(struct records));
}

void records_forget(struct records *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].keeper);
		free(r->v[i].launch);
	}
	r->n = 0;
	r->generation++;
}

void records_free(struct records *r)
{
	if (!r)
		return;
	records_forget(r);
	free(r->v);
	free(r);
}

static struct record *find_record(struct records *r, const char *keeper)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].keeper, keeper) == 0)
			return &r->v[i];
	return NULL;
}

static const char *keeper_of(const struct session *s)
{
	const struct session_member *m = session_member(s, ROLE_KEEPER);

	return m ? m->id : "";
}

static void keep_record(struct scan *scan, const struct session *s)
{
	struct records *r = scan->records;
	struct record *at;

	/* or was one written while it was read? */
	if (!r || r->generation != scan->generation)
		return;
	at = find_record(r, keeper_of(s));
	if (!at) {
		r->v = xreallocarray(r->v, r->n + 1, sizeof *r->v);
		at = &r->v[r->n++];
		*at = (struct record){ .keeper = xstrdup(keeper_of(s)) };
	}
	free(at->launch);
	at->launch = xstrdup(s->launch);
	at->isolation = s->isolation;
	at->released_ns = s->released_ns;
	at->read_ns = loop_now_ns();
}

/* Is the session's record known, and young enough? */
static bool take_known(const struct scan *scan, struct session *s, const char *keeper)
{
	const struct record *r = scan->records ? find_record(scan->records, keeper) : NULL;

	if (!r || strcmp(r->launch, s->launch) != 0 ||
	    loop_now_ns() - r->read_ns > RECORDS_KEEP_MS * UINT64_C(1000000))
		return false;
	s->isolation = r->isolation;
	s->released_ns = r->released_ns;
	s->was_released = true;
	return true;
}

/* Those whose keepers are gone are of no use any more. */
static void drop_others(struct scan *scan)
{
	struct records *r = scan->records;
	size_t n_kept = 0;

	for (size_t i = 0; r && i < r->n; i++) {
		bool is_there = false;

		for (size_t j = 0; !is_there && j < scan->list.n; j++)
			is_there = strcmp(keeper_of(&scan->list.v[j]), r->v[i].keeper) == 0;
		if (is_there) {
			r->v[n_kept++] = r->v[i];
		} else {
			free(r->v[i].keeper);
			free(r->v[i].launch);
		}
	}
	if (r)
		r->n = n_kept;
}

/* --- the scan ------------------------------------------------------------------------------ */

/* One question about one session; its name, since the list may move. */
struct question {
	struct scan *scan;
	char session[MANIFEST_NAME_MAX + 1];
	void (*take)(struct scan *scan, struct session *s, const struct engine_reply *reply);
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct session *)a)->name, ((const struct session *)b)->name);
}

/* Before its release a session belongs to the program that launches it; after,
 * it is what its agent is. */
static void settle_state(struct session *s, const char *lock_dir)
{
	const struct session_member *agent = session_member(s, ROLE_AGENT);
	bool is_whole = agent && session_member(s, ROLE_PIPELOCK) &&
	                session_member(s, ROLE_KEEPER) && session_member(s, ROLE_RESOLVER);

	CLEANUP_FREE char *attended = lock_attended(s->name);

	if (lock_is_held(lock_dir, s->name))
		s->state = SESSION_STARTING;
	else if (!is_whole || !s->was_released)
		s->state = SESSION_FAILED;
	else if (s->is_attended && !lock_is_held(lock_dir, attended))
		s->state = SESSION_FAILED;
	else if (strcmp(agent->state, "running") == 0 || strcmp(agent->state, "paused") == 0)
		s->state = SESSION_RUNNING;
	else
		s->state = s->exit_code == 0 ? SESSION_STOPPED : SESSION_FAILED;
}

static void free_scan(struct scan *s)
{
	session_list_done(&s->list);
	free(s->filters);
	free(s);
}

/* The engine is closed while it lists. */
static void drop_scan(void *arg)
{
	struct scan *s = arg;

	if (--s->pending == 0)
		free_scan(s);
}

static void finish(struct scan *s)
{
	for (size_t i = 0; i < s->list.n; i++)
		settle_state(&s->list.v[i], s->lock_dir);
	if (!s->err.kind)
		drop_others(s);
	if (s->list.n)
		qsort(s->list.v, s->list.n, sizeof *s->list.v, by_name);
	s->fn(s->arg, s->err.kind ? NULL : &s->list, s->err.kind ? &s->err : NULL);
	free_scan(s);
}

static const char *text_of(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return s ? s : "";
}

static struct session *session_of(struct scan *s, const cJSON *labels)
{
	const char *name = text_of(labels, LABEL_SESSION);
	struct session *session;

	if (!session_name_is_valid(name))
		return NULL;
	session = session_list_find(&s->list, name);
	if (session)
		return session;
	s->list.v = xreallocarray(s->list.v, s->list.n + 1, sizeof *s->list.v);
	session = &s->list.v[s->list.n++];
	*session = (struct session){ .exit_code = -1 };
	memcpy(session->name, name, strlen(name) + 1);
	session->agent = xstrdup(text_of(labels, LABEL_AGENT));
	session->bottle = xstrdup(text_of(labels, LABEL_BOTTLE));
	session->launch = xstrdup(text_of(labels, LABEL_LAUNCH));
	session->digest = xstrdup(text_of(labels, LABEL_DIGEST));
	if (session_color_is_valid(text_of(labels, LABEL_COLOR)))
		snprintf(session->color, sizeof session->color, "%s",
		         text_of(labels, LABEL_COLOR));
	return session;
}

static void on_answer(void *arg, const struct engine_reply *reply)
{
	struct question *q = arg;
	struct scan *s = q->scan;
	struct session *session = session_list_find(&s->list, q->session);

	if (session)
		q->take(s, session, reply);
	free(q);
	if (--s->pending == 0)
		finish(s);
}

static void drop_question(void *arg)
{
	struct question *q = arg;

	drop_scan(q->scan);
	free(q);
}

static void ask(struct scan *s, const struct session *session, const char *id, const char *rest,
                void (*take)(struct scan *scan, struct session *s,
                             const struct engine_reply *reply))
{
	struct question *q = xcalloc(1, sizeof *q);
	CLEANUP_FREE char *path = xasprintf("/containers/%s%s", id, rest);
	const struct engine_request req = {
		.method = "GET",
		.path = path,
		.on_done = on_answer,
		.on_drop = drop_question,
		.arg = q
	};

	q->scan = s;
	q->take = take;
	memcpy(q->session, session->name, sizeof q->session);
	s->pending++;
	engine_send(s->engine, &req);
}

static void take_inspection(struct scan *scan, struct session *s, const struct engine_reply *reply)
{
	cJSON *json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(json, "State");
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(state, "ExitCode");

	(void)scan;
	if (reply->status == 200 && cJSON_IsNumber(code))
		s->exit_code = code->valueint;
	cJSON_Delete(json);
}

static unsigned number(const cJSON *o, const char *key)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNumber(n) && n->valuedouble >= 0 && n->valuedouble < 1e6
	               ? (unsigned)n->valuedouble
	               : 0;
}

/* A number that JSON may give any size. */
static int64_t whole(const cJSON *n, int64_t max)
{
	if (!(n->valuedouble > 0))
		return 0;
	return n->valuedouble < (double)max ? (int64_t)n->valuedouble : max;
}

static void take_record(struct scan *scan, struct session *s, const struct engine_reply *reply)
{
	struct buf text = BUF_INIT(RECORD_MAX);
	const cJSON *released;
	cJSON *json = NULL;

	if (reply->status == 200 && archive_file(&reply->body, "session.json", &text, NULL) == 0)
		json = cJSON_ParseWithLength(buf_str(&text), text.len);
	released = cJSON_GetObjectItemCaseSensitive(json, "released");
	/* a record of another launch proves nothing about this one */
	if (json && strcmp(text_of(json, "launch"), s->launch) == 0) {
		s->isolation.passed = number(json, "passed");
		s->isolation.total = number(json, "total");
		s->isolation.warned = number(json, "warned");
		s->isolation.was_forced =
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "forced"));
		s->was_released = true;
		if (cJSON_IsNumber(released))
			s->released_ns = whole(released, TIME_MAX_NS);
		keep_record(scan, s);
	}
	cJSON_Delete(json);
	buf_done(&text);
}

static void add_member(struct scan *s, const cJSON *c)
{
	const cJSON *labels = cJSON_GetObjectItemCaseSensitive(c, "Labels");
	const cJSON *created = cJSON_GetObjectItemCaseSensitive(c, "Created");
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(c, "Names");
	const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(names, 0));
	struct session *session = session_of(s, labels);
	struct session_member *m;

	if (!session)
		return;
	session->members = xreallocarray(session->members, session->n_members + 1,
	                                 sizeof *session->members);
	m = &session->members[session->n_members++];
	m->role = session_role_parse(text_of(labels, LABEL_ROLE));
	m->id = xstrdup(text_of(c, "Id"));
	m->name = xstrdup(name && *name == '/' ? name + 1 : "");
	m->image = xstrdup(text_of(c, "Image"));
	m->state = xstrdup(text_of(c, "State"));
	m->status = xstrdup(text_of(c, "Status"));
	if (m->role == ROLE_AGENT && strcmp(m->state, "paused") == 0)
		session->is_frozen = true;
	if (*text_of(labels, LABEL_ATTENDED))
		session->is_attended = true;
	if (cJSON_IsNumber(created) && (m->role == ROLE_AGENT || !session->created))
		session->created = whole(created, TIME_MAX_NS / 1000000000);
	if (m->role == ROLE_KEEPER && !take_known(s, session, m->id))
		ask(s, session, m->id, "/archive?path=/session.json", take_record);
	if (m->role == ROLE_AGENT && strcmp(m->state, "exited") == 0)
		ask(s, session, m->id, "/json", take_inspection);
}

static void add_network(struct scan *s, const cJSON *n)
{
	struct session *session = session_of(s, cJSON_GetObjectItemCaseSensitive(n, "Labels"));

	if (session)
		session->n_networks++;
}

static void add_volume(struct scan *s, const cJSON *v)
{
	struct session *session = session_of(s, cJSON_GetObjectItemCaseSensitive(v, "Labels"));

	if (session)
		session->n_volumes++;
}

static void take_list(struct scan *s, const struct engine_reply *reply, const char *what,
                      void (*add)(struct scan *s, const cJSON *item))
{
	struct err err = { 0 };
	const cJSON *item, *array;
	cJSON *json;

	if (engine_check(reply, &err, "listing %s", what) < 0) {
		if (!s->err.kind)
			s->err = err;
	} else {
		json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
		if (!json && !s->err.kind)
			err_set(&s->err, ERR_ENGINE, "listing %s: the engine's answer is not JSON",
			        what);
		array = cJSON_IsArray(json) ? json
		                            : cJSON_GetObjectItemCaseSensitive(json, "Volumes");
		cJSON_ArrayForEach(item, array)
			add(s, item);
		cJSON_Delete(json);
	}
	if (--s->pending == 0)
		finish(s);
}

static void on_containers(void *arg, const struct engine_reply *reply)
{
	take_list(arg, reply, "containers", add_member);
}

static void on_networks(void *arg, const struct engine_reply *reply)
{
	take_list(arg, reply, "networks", add_network);
}

static void on_volumes(void *arg, const struct engine_reply *reply)
{
	take_list(arg, reply, "volumes", add_volume);
}

static void list(struct scan *s, const char *path, engine_done_fn *on_done)
{
	CLEANUP_FREE char *full = xasprintf("%sfilters=%s", path, s->filters);
	const struct engine_request req = {
		.method = "GET", .path = full, .on_done = on_done, .on_drop = drop_scan, .arg = s
	};

	s->pending++;
	engine_send(s->engine, &req);
}

void reconcile(struct engine *e, struct records *records, const char *install,
               const char *lock_dir, backend_list_fn *fn, void *arg)
{
	struct scan *s = xcalloc(1, sizeof *s);
	struct buf escaped = BUF_INIT(4096);

	buf_adds(&escaped, "%7B%22label%22%3A%5B%22" LABEL_INSTALL "%3D");
	engine_escape(&escaped, install);
	buf_adds(&escaped, "%22%5D%7D");
	*s = (struct scan){ .engine = e,
		            .records = records,
		            .generation = records ? records->generation : 0,
		            .filters = buf_steal(&escaped),
		            .lock_dir = lock_dir,
		            .fn = fn,
		            .arg = arg };
	list(s, "/containers/json?all=1&", on_containers);
	list(s, "/networks?", on_networks);
	list(s, "/volumes?", on_volumes);
}
