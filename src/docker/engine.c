#include "docker/engine.h"

#include <cjson/cJSON.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/loop.h"
#include "core/mem.h"
#include "docker/engine_curl.h"

#define DEFAULT_SOCKET "/var/run/docker.sock"

/* Where the engine is. Only unix sockets today; tcp+TLS adds its files here and
 * its options in engine_easy(). */
struct engine_endpoint {
	char *host;		/* as the user wrote it */
	char *socket_path;
};

struct engine {
	struct loop *loop;
	struct engine_endpoint at;
	CURLM *multi;
	struct loop_timer timer;
	struct engine_call *calls;
	char version[64];
	int api_minor;
	bool in_libcurl;	/* inside curl_multi_socket_action(): see run_deferred() */
	bool has_deferred;
};

struct engine_call {
	struct engine_handle handle;	/* first: CURLOPT_PRIVATE points here */
	struct engine *engine;
	struct engine_call *next, **at;
	struct curl_slist *headers;
	engine_data_fn *on_data;
	engine_done_fn *on_done;
	void (*on_drop)(void *arg);
	void *arg;
	struct engine_reply reply;
	char curl_words[CURL_ERROR_SIZE];
	bool is_added;		/* to the multi */
	bool in_callback;
	bool is_cancelled;
	bool gave_up;		/* on_data said stop */
	bool may_repeat;	/* asks, changes nothing */
	bool was_sent;
	bool has_head;		/* the answer's head came to its end */
};

/* --- libcurl on the loop ------------------------------------------------------ */

static void call_free(struct engine_call *c);

/* libcurl refuses to add or remove handles while one of its callbacks is on the
 * stack (on_data is): what was asked for meanwhile is done here. */
static void run_deferred(struct engine *e)
{
	struct engine_call *c, *next;

	if (!e->has_deferred)
		return;
	e->has_deferred = false;
	for (c = e->calls; c; c = next) {
		next = c->next;
		if (c->is_cancelled) {
			call_free(c);
		} else if (!c->is_added) {
			c->is_added = true;
			curl_multi_add_handle(e->multi, c->handle.easy);
		}
	}
}

static void drive(struct engine *e, curl_socket_t fd, int mask)
{
	CURLMsg *msg;
	int left, running;

	e->in_libcurl = true;
	curl_multi_socket_action(e->multi, fd, mask, &running);
	e->in_libcurl = false;
	run_deferred(e);
	while ((msg = curl_multi_info_read(e->multi, &left))) {
		struct engine_handle *h = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&h);
		h->on_done(h, msg->data.result);
	}
}

static void on_socket_ready(void *arg, int fd, unsigned events)
{
	struct engine *e = arg;
	int mask = 0;

	if (events & LOOP_READ)
		mask |= CURL_CSELECT_IN;
	if (events & LOOP_WRITE)
		mask |= CURL_CSELECT_OUT;
	drive(e, fd, mask);
}

static void on_timer(void *arg)
{
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct engine *e = arg;
	unsigned events = 0;

	(void)easy;
	(void)socket_arg;
	if (what == CURL_POLL_REMOVE) {
		loop_fd_remove(e->loop, fd);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= LOOP_READ;
	if (what & CURL_POLL_OUT)
		events |= LOOP_WRITE;
	return loop_fd_set(e->loop, fd, events, on_socket_ready, e, NULL);
}

static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
	struct engine *e = arg;

	(void)multi;
	if (ms < 0)
		loop_timer_cancel(e->loop, &e->timer);
	else
		loop_timer_set(e->loop, &e->timer, (uint64_t)ms, on_timer, e);
	return 0;
}

/* --- opening ------------------------------------------------------------------ */

static int parse_host(struct engine_endpoint *at, const char *host, struct err *err)
{
	if (!host || !*host)
		host = getenv("DOCKER_HOST");
	if (!host || !*host)
		host = "unix://" DEFAULT_SOCKET;
	if (strncmp(host, "unix://", 7) == 0)
		at->socket_path = xstrdup(host + 7);
	else if (*host == '/')
		at->socket_path = xstrdup(host);
	else
		return err_set(err, ERR_INPUT,
		               "the engine at \"%s\" cannot be used: only unix:// sockets are "
		               "supported; set DOCKER_HOST=unix:///path/to/docker.sock",
		               host);
	at->host = xstrdup(host);
	return 0;
}

/* Keys and secrets pass through libcurl's buffers in plain text: what it gives
 * back is wiped. */
static void wipe_free(void *p)
{
	if (p)
		mem_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *wipe_realloc(void *p, size_t size)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *q = xmalloc(size);

	if (old)
		memcpy(q, p, old < size ? old : size);
	wipe_free(p);
	return q;
}

int engine_open(struct engine **out, struct loop *loop, const char *host, struct err *err)
{
	struct engine_endpoint at = { 0 };
	struct engine *e;

	if (parse_host(&at, host, err) < 0)
		return -1;
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, wipe_free, wipe_realloc, xstrdup,
	                         xcalloc) != 0) {
		free(at.host);
		free(at.socket_path);
		return err_set(err, ERR_FAILED, "libcurl does not start");
	}
	e = xcalloc(1, sizeof *e);
	e->loop = loop;
	e->at = at;
	e->multi = curl_multi_init();
	curl_multi_setopt(e->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(e->multi, CURLMOPT_SOCKETDATA, e);
	curl_multi_setopt(e->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(e->multi, CURLMOPT_TIMERDATA, e);
	curl_multi_setopt(e->multi, CURLMOPT_MAXCONNECTS, 32L);
	*out = e;
	return 0;
}

static void call_free(struct engine_call *c)
{
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	curl_multi_remove_handle(c->engine->multi, c->handle.easy);
	curl_easy_cleanup(c->handle.easy);
	curl_slist_free_all(c->headers);
	buf_done(&c->reply.body);
	free(c);
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	for (const struct engine_call *c = e->calls; c; c = c->next)
		if (c->on_drop && !c->is_cancelled)
			c->on_drop(c->arg);
	while (e->calls)
		call_free(e->calls); /* NOLINT(clang-analyzer-unix.Malloc): it unlinks itself */
	curl_multi_cleanup(e->multi);
	loop_timer_cancel(e->loop, &e->timer);
	free(e->at.host);
	free(e->at.socket_path);
	free(e);
	curl_global_cleanup();
}

CURLM *engine_multi(const struct engine *e)
{
	return e->multi;
}

bool engine_is_in_libcurl(const struct engine *e)
{
	return e->in_libcurl;
}

void engine_kick(struct engine *e)
{
	loop_timer_set(e->loop, &e->timer, 0, on_timer, e);
}

CURL *engine_easy(struct engine *e, struct engine_handle *owner, const char *path,
                  bool is_unversioned)
{
	CURL *easy = curl_easy_init();
	char *url;

	if (!easy)
		abort();	/* libcurl out of memory */
	if (is_unversioned)
		url = xasprintf("http://docker%s", path);
	else
		url = xasprintf("http://docker/v1.%d%s", e->api_minor, path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, e->at.socket_path);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");	/* HTTP_PROXY is not for the engine */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, owner);
	owner->easy = easy;
	free(url);
	return easy;
}

bool engine_is_connected(const struct engine *e)
{
	return e->api_minor > 0;
}

const char *engine_version(const struct engine *e)
{
	return e->version;
}

int engine_api_minor(const struct engine *e)
{
	return e->api_minor;
}

const char *engine_host(const struct engine *e)
{
	return e->at.host;
}

struct loop *engine_loop(const struct engine *e)
{
	return e->loop;
}

/* --- one request ---------------------------------------------------------------- */

/* libcurl takes an answer whose head breaks off for a whole one without a body: an
 * engine that dies right there would have "no containers". */
static size_t on_curl_header(char *line, size_t size, size_t n, void *arg)
{
	struct engine_call *c = arg;

	if (n > 5 && memcmp(line, "HTTP/", 5) == 0)
		c->has_head = false;	/* another: that was a 100 */
	else if (n == 2 && memcmp(line, "\r\n", 2) == 0)
		c->has_head = true;
	return size * n;
}

static size_t on_curl_data(char *data, size_t size, size_t n, void *arg)
{
	struct engine_call *c = arg;
	size_t len = size * n;
	long status = 0;

	if (c->is_cancelled)
		return CURL_WRITEFUNC_ERROR;
	curl_easy_getinfo(c->handle.easy, CURLINFO_RESPONSE_CODE, &status);
	if (c->on_data && status / 100 == 2) {
		bool more;

		c->in_callback = true;
		more = c->on_data(c->arg, data, len);
		c->in_callback = false;
		if (more && !c->is_cancelled)
			return len;
		c->gave_up = true;
		return CURL_WRITEFUNC_ERROR;
	}
	return buf_add(&c->reply.body, data, len) == 0 ? len : CURL_WRITEFUNC_ERROR;
}

/* libcurl sends a request again, unasked, when a kept connection ends before its
 * answer. The engine may have done it by then: a second create would be refused,
 * and that refusal would hide what really happened. */
static int on_curl_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct engine_call *c = arg;

	(void)ip;
	(void)local_ip;
	(void)port;
	(void)local_port;
	if (c->was_sent && !c->may_repeat)
		return CURL_PREREQFUNC_ABORT;
	c->was_sent = true;
	return CURL_PREREQFUNC_OK;
}

/* curl's own words are of "docker port 80", which nobody asked for. */
static void explain_no_connection(struct engine_call *c, const char *words)
{
	const char *host = c->engine->at.host;
	long errnum = 0;

	curl_easy_getinfo(c->handle.easy, CURLINFO_OS_ERRNO, &errnum);
	if (errnum == EACCES || errnum == EPERM)
		err_set(&c->reply.err, ERR_ENGINE,
		        "may not use the engine at %s: %s; is this user in that socket's group?",
		        host, strerror((int)errnum));
	else
		err_set(&c->reply.err, ERR_ENGINE,
		        "cannot reach the engine at %s: %s; is it running, and DOCKER_HOST right?",
		        host, errnum ? strerror((int)errnum) : words);
}

static void explain_failure(struct engine_call *c, CURLcode code)
{
	const char *words = *c->curl_words ? c->curl_words : curl_easy_strerror(code);
	const char *host = c->engine->at.host;

	if (c->reply.body.overflowed)
		err_set(&c->reply.err, ERR_FAILED, "the engine's answer is larger than %zu bytes",
		        c->reply.body.max);
	else if (c->gave_up)
		err_set(&c->reply.err, ERR_FAILED, "given up");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		err_set(&c->reply.err, ERR_ENGINE, "no answer from the engine at %s in time", host);
	else if (code == CURLE_COULDNT_CONNECT)
		explain_no_connection(c, words);
	else if (code == CURLE_ABORTED_BY_CALLBACK)
		err_set(&c->reply.err, ERR_ENGINE,
		        "the engine at %s broke off: the connection ended before its answer", host);
	else
		err_set(&c->reply.err, ERR_ENGINE, "the engine at %s broke off: %s", host, words);
}

static void call_done(struct engine_handle *h, CURLcode code)
{
	struct engine_call *c = (struct engine_call *)h;
	long status = 0;

	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && !c->has_head)
		code = CURLE_PARTIAL_FILE;
	c->reply.status = code == CURLE_OK ? (int)status : 0;
	if (code != CURLE_OK)
		explain_failure(c, code);
	/* out of the multi first: the callback may close the engine's last use of it */
	curl_multi_remove_handle(c->engine->multi, h->easy);
	c->in_callback = true;
	c->on_done(c->arg, &c->reply);
	call_free(c);
}

struct engine_call *engine_send(struct engine *e, const struct engine_request *req)
{
	struct engine_call *c = xcalloc(1, sizeof *c);
	long timeout = req->timeout_ms ? req->timeout_ms : ENGINE_TIMEOUT_MS;
	CURL *easy;

	c->engine = e;
	c->on_data = req->on_data;
	c->on_done = req->on_done;
	c->on_drop = req->on_drop;
	c->arg = req->arg;
	c->reply.body.max = req->body_max ? req->body_max : ENGINE_BODY_MAX;
	c->handle.on_done = call_done;
	c->at = &e->calls;
	c->next = e->calls;
	if (c->next)
		c->next->at = &c->next;
	e->calls = c;

	easy = engine_easy(e, &c->handle, req->path, req->is_unversioned);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->curl_words);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	c->may_repeat = strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0;
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_curl_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, c);
	if (timeout > 0)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
	c->headers = curl_slist_append(c->headers, "Expect:");
	if (strcmp(req->method, "GET") == 0) {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	} else if (strcmp(req->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(req->method, "DELETE") == 0 && !req->body) {
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
	} else {
		const char *type = req->content_type ? req->content_type : "application/json";
		CLEANUP_FREE char *header = NULL;

		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, req->method);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->body ? req->body : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_len);
		if (req->body)
			header = xasprintf("Content-Type: %s", type);
		c->headers = curl_slist_append(c->headers, header ? header : "Content-Type:");
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
	c->is_added = !e->in_libcurl;
	if (c->is_added)
		curl_multi_add_handle(e->multi, easy);
	else
		e->has_deferred = true;
	return c;
}

void engine_cancel(struct engine_call *c)
{
	if (!c)
		return;
	if (c->in_callback || c->engine->in_libcurl) {
		c->is_cancelled = true;
		c->engine->has_deferred = true;
	} else {
		call_free(c);
	}
}

/* --- helpers ---------------------------------------------------------------------- */

int engine_check(const struct engine_reply *reply, struct err *err, const char *what, ...)
{
	CLEANUP_FREE char *task = NULL;
	const char *words = buf_str(&reply->body);
	cJSON *json;
	va_list ap;

	if (reply->status / 100 == 2 || reply->status == 304)
		return 0;
	va_start(ap, what);
	task = xvasprintf(what, ap);
	va_end(ap);
	if (reply->status == 0) {
		err_set(err, reply->err.kind, "%s: %s", task, reply->err.msg);
		return -1;
	}
	/* {"message": "..."}; some answers are plain text */
	json = cJSON_ParseWithLength(words, reply->body.len);
	if (cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, "message")))
		words = cJSON_GetObjectItemCaseSensitive(json, "message")->valuestring;
	err_set(err, ERR_FAILED, "%s: %.*s (HTTP %d)", task, (int)strcspn(words, "\r\n"), words,
	        reply->status);
	cJSON_Delete(json);
	return -1;
}

struct sync_wait {
	struct engine_reply *reply;
	bool is_done;
};

static void on_sync_done(void *arg, const struct engine_reply *reply)
{
	struct sync_wait *w = arg;

	*w->reply = *reply;
	w->reply->body = (struct buf){ .max = reply->body.max };
	buf_add(&w->reply->body, buf_str(&reply->body), reply->body.len);
	w->is_done = true;
}

void engine_sync(struct engine *e, const struct engine_request *req, struct engine_reply *reply)
{
	struct engine_request r = *req;
	struct sync_wait w = { .reply = reply };
	struct engine_call *call;

	r.on_done = on_sync_done;
	r.arg = &w;
	call = engine_send(e, &r);
	while (!w.is_done) {
		struct err err = { 0 };

		if (loop_turn(e->loop, -1, &err) < 0) {
			engine_cancel(call);	/* w goes with this function */
			*reply = (struct engine_reply){ .err = err };
			return;
		}
	}
}

/* "1.41" gives 41; -1 for anything else. */
static int api_minor(const cJSON *version, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(version, key);
	long minor;
	char *end;

	if (!cJSON_IsString(v) || strncmp(v->valuestring, "1.", 2) != 0)
		return -1;
	minor = strtol(v->valuestring + 2, &end, 10);
	return *end == '\0' && minor > 0 && minor < 1000 ? (int)minor : -1;
}

static int settle_version(struct engine *e, const struct engine_reply *reply, struct err *err)
{
	cJSON *json = cJSON_ParseWithLength(buf_str(&reply->body), reply->body.len);
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "Version");
	int newest = api_minor(json, "ApiVersion"), oldest = api_minor(json, "MinAPIVersion");
	int rc = -1;

	if (newest < 0 || !cJSON_IsString(version)) {
		err_set(err, ERR_ENGINE, "what answers at %s is not a Docker Engine", e->at.host);
		goto out;
	}
	if (newest < ENGINE_API_FLOOR) {
		err_set(err, ERR_ENGINE,
		        "the engine at %s is too old: %s speaks API 1.%d, at least 1.%d (Docker "
		        "20.10) is needed",
		        e->at.host, version->valuestring, newest, ENGINE_API_FLOOR);
		goto out;
	}
	if (oldest > ENGINE_API_OURS) {
		err_set(err, ERR_ENGINE,
		        "the engine at %s is too new: it wants API 1.%d or later, this program "
		        "speaks up to 1.%d; upgrade claude-bottle",
		        e->at.host, oldest, ENGINE_API_OURS);
		goto out;
	}
	e->api_minor = newest < ENGINE_API_OURS ? newest : ENGINE_API_OURS;
	snprintf(e->version, sizeof e->version, "%s", version->valuestring);
	rc = 0;
out:
	cJSON_Delete(json);
	return rc;
}

int engine_connect(struct engine *e, struct err *err)
{
	const struct engine_request req = {
		.method = "GET", .path = "/version", .is_unversioned = true, .timeout_ms = 10000
	};
	struct engine_reply reply = { 0 };
	int rc;

	engine_sync(e, &req, &reply);
	if (reply.status == 0) {
		*err = reply.err;
		rc = -1;
	} else if (engine_check(&reply, err, "asking the engine at %s for its version",
	                        e->at.host) < 0) {
		err->kind = ERR_ENGINE;
		rc = -1;
	} else {
		rc = settle_version(e, &reply, err);
	}
	buf_done(&reply.body);
	return rc;
}

void engine_escape(struct buf *b, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    strchr("-_.~", c)) {
			buf_addc(b, *s);
		} else {
			buf_addc(b, '%');
			buf_addc(b, hex[c >> 4]);
			buf_addc(b, hex[c & 15]);
		}
	}
}
