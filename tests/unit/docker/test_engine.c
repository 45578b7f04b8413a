/* docker/engine and docker/hijack against an engine of scripted answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "docker/engine.h"
#include "docker/hijack.h"
#include "docker/reconcile.h"
#include "fake_engine.h"

#define VERSION_OK FAKE_OK("{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\"," \
			   "\"MinAPIVersion\":\"1.12\"}")
#define TURNS_MAX 2000

static struct loop *loop;
static struct fake_engine fake;
static struct engine *engine;

static int setup(void **state)
{
	(void)state;
	if (loop_new(&loop, NULL) < 0 || fake_open(&fake, loop) < 0)
		return -1;
	return engine_open(&engine, loop, fake.host, NULL);
}

static int teardown(void **state)
{
	(void)state;
	engine_close(engine);
	fake_done(&fake);
	loop_free(loop);
	return 0;
}

static void turn_until(const int *n, int want)
{
	for (int i = 0; *n < want && i < TURNS_MAX; i++)
		assert_int_equal(loop_turn(loop, 50, NULL), 0);
	assert_int_equal(*n, want);
}

/* A few turns in which nothing of the sort may happen. */
static void settle(void)
{
	for (int i = 0; i < 20; i++)
		assert_int_equal(loop_turn(loop, 2, NULL), 0);
}

/* --- one request and what came of it ---------------------------------------------- */

struct seen {
	int n_done, n_data;
	int status;
	struct err err;
	char body[256];
	bool gives_up;
	struct engine_call *cancels;	/* from on_data */
	struct engine_call **own, **other;	/* from on_done, which clears its own */
	struct hijack *closes;		/* likewise */
	const char *sends;		/* a further request, from on_data */
	struct seen *more;
};

static struct engine_call *ask(struct seen *s, const char *method, const char *path);

static void on_done(void *arg, const struct engine_reply *reply)
{
	struct seen *s = arg;

	s->n_done++;
	s->status = reply->status;
	s->err = reply->err;
	snprintf(s->body, sizeof s->body, "%s", buf_str(&reply->body));
	if (s->own) {
		*s->own = NULL;
		engine_cancel(*s->other);
	}
	if (s->sends && s->more->n_done == 0)
		ask(s->more, "GET", s->sends);
}

static bool on_data(void *arg, const char *data, size_t len)
{
	struct seen *s = arg;

	(void)data;
	(void)len;
	s->n_data++;
	engine_cancel(s->cancels);
	s->cancels = NULL;
	hijack_close(s->closes);
	s->closes = NULL;
	if (s->sends) {
		ask(s->more, "GET", s->sends);
		s->sends = NULL;
	}
	return !s->gives_up;
}

static struct engine_call *ask_with(struct seen *s, const struct engine_request *like)
{
	struct engine_request req = *like;

	req.on_done = on_done;
	req.arg = s;
	return engine_send(engine, &req);
}

static struct engine_call *ask(struct seen *s, const char *method, const char *path)
{
	return ask_with(s, &(struct engine_request){ .method = method, .path = path });
}

static struct engine_call *stream(struct seen *s, const char *path)
{
	return ask_with(s, &(struct engine_request){ .method = "GET",
	                                             .path = path,
	                                             .timeout_ms = -1,
	                                             .on_data = on_data });
}

static void connect_to(const struct fake_answer *answers)
{
	struct err err = { 0 };

	fake.answers = answers;
	assert_int_equal(engine_connect(engine, &err), 0);
	buf_reset(&fake.log);
}

/* --- the version --------------------------------------------------------------------- */

static void assert_version(const char *answer, int minor, const char *words)
{
	const struct fake_answer answers[] = { { "GET /version", answer, false }, { 0 } };
	struct err err = { 0 };
	int rc;

	fake.answers = answers;
	rc = engine_connect(engine, &err);
	fake.answers = NULL;
	if (words) {
		assert_int_equal(rc, -1);
		assert_int_equal(err.kind, ERR_ENGINE);
		assert_non_null(strstr(err.msg, words));
		assert_false(engine_is_connected(engine));
	} else {
		assert_int_equal(rc, 0);
		assert_int_equal(engine_api_minor(engine), minor);
	}
}

static void test_version_is_the_newest_that_both_speak(void **state)
{
	(void)state;
	assert_version(FAKE_OK("{\"Version\":\"99.0.1\",\"ApiVersion\":\"1.99\"}"),
	               ENGINE_API_OURS, NULL);
	assert_string_equal(engine_version(engine), "99.0.1");
	assert_version(VERSION_OK, 41, NULL);
	assert_string_equal(engine_version(engine), "20.10.24");
}

static void test_version_too_old_or_too_new_is_refused(void **state)
{
	(void)state;
	assert_version(FAKE_OK("{\"Version\":\"19.3.01\",\"ApiVersion\":\"1.4\"}"), 0,
	               "too old");
	assert_version(FAKE_OK("{\"Version\":\"19.3.1\",\"ApiVersion\":\"1.40\"}"), 0,
	               "too old: 19.3.1 speaks API 1.40");
	assert_version(FAKE_OK("{\"Version\":\"99.0.1\",\"ApiVersion\":\"1.99\","
	                             "\"MinAPIVersion\":\"1.48\"}"),
	               0, "too new");
}

static void test_what_is_no_engine_is_refused(void **state)
{
	static const char *const answers[] = {
		FAKE_OK("<html>hi</html>"),
		FAKE_OK("{}"),
		FAKE_OK("null"),
		FAKE_OK("{\"Version\":7,\"ApiVersion\":\"1.41\",\"x\":1}"),
		FAKE_OK("{\"Version\":\"1\",\"ApiVersion\":\"1.41x\"}"),
		FAKE_OK("{\"Version\":\"1\",\"ApiVersion\":\"2.41\"}"),
		FAKE_OK("{\"Version\":\"1\",\"ApiVersion\":\"1.9999\"}"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		assert_version(answers[i], 0, "is not a Docker Engine");
	assert_version(FAKE_ERROR("500", "{\"message\":\"broken\"}\n"), 0, "broken");
}

static void test_engine_that_is_not_there_is_unreachable(void **state)
{
	struct err err = { 0 };

	(void)state;
	fake_die(&fake);
	assert_int_equal(engine_connect(engine, &err), -1);
	assert_int_equal(err.kind, ERR_ENGINE);
	assert_non_null(strstr(err.msg, "cannot reach the engine at unix:///tmp/cb-engine-"));
}

/* --- answers ---------------------------------------------------------------------------- */

static void assert_check(const struct seen *s, enum err_kind kind, const char *msg)
{
	struct engine_reply reply = { .status = s->status, .err = s->err, .body = BUF_INIT(512) };
	struct err err = { 0 };

	buf_adds(&reply.body, s->body);
	assert_int_equal(engine_check(&reply, &err, "making %s", "it"), -1);
	assert_int_equal(err.kind, kind);
	assert_non_null(strstr(err.msg, msg));
	buf_done(&reply.body);
}

static void test_errors_words_are_the_message(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "GET /json", FAKE_ERROR("409", "{\"message\":\"name\\nin \\\"use\"}\n"),
		  false },
		{ "GET /text", FAKE_ERROR("400", "bad\r\nluck"), false },
		{ "GET /type", FAKE_ERROR("500", "{\"message\":[]}"), false },
		{ "GET /none", FAKE_ERROR("503", ""), false },
		{ 0 },
	};
	struct seen json = { 0 }, text = { 0 }, type = { 0 }, none = { 0 };

	(void)state;
	connect_to(answers);
	ask(&json, "GET", "/json");
	ask(&text, "GET", "/text");
	ask(&type, "GET", "/type");
	ask(&none, "GET", "/none");
	turn_until(&json.n_done, 1);
	turn_until(&text.n_done, 1);
	turn_until(&type.n_done, 1);
	turn_until(&none.n_done, 1);
	assert_check(&json, ERR_FAILED, "making it: name (HTTP 409)");
	assert_check(&text, ERR_FAILED, "making it: bad (HTTP 400)");
	assert_check(&type, ERR_FAILED, "(HTTP 500)");
	assert_check(&none, ERR_FAILED, "making it:  (HTTP 503)");
}

static void test_answer_larger_than_the_limit_is_given_up(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "GET /long", FAKE_STREAM "8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n",
		  false },
		{ 0 },
	};
	struct seen s = { 0 }, fits = { 0 };

	(void)state;
	connect_to(answers);
	ask_with(&s, &(struct engine_request){ .method = "GET", .path = "/long", .body_max = 15 });
	turn_until(&s.n_done, 1);
	assert_int_equal(s.status, 0);
	assert_check(&s, ERR_FAILED, "larger than 15 bytes");
	ask_with(&fits,
	         &(struct engine_request){ .method = "GET", .path = "/long", .body_max = 16 });
	turn_until(&fits.n_done, 1);
	assert_int_equal(fits.status, 200);
	assert_string_equal(fits.body, "1234567812345678");
}

static void test_answer_that_does_not_come_times_out(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "POST /hang", NULL, false },
		{ 0 },
	};
	struct seen s = { 0 };

	(void)state;
	connect_to(answers);
	ask_with(&s, &(struct engine_request){
			     .method = "POST", .path = "/hang", .timeout_ms = 60 });
	turn_until(&s.n_done, 1);
	assert_int_equal(s.status, 0);
	assert_check(&s, ERR_ENGINE, "in time");
}

static void test_answer_that_breaks_off_is_none(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "GET /length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Id\":", true },
		{ "GET /chunk", FAKE_STREAM "5\r\nhello\r\n", true },
		{ "GET /head", "HTTP/1.1 200 OK\r\nContent-Le", true },
		{ "GET /noise", "\x01\x02\x03 not HTTP at all", true },
		{ 0 },
	};
	static const char *const paths[] = { "/length", "/chunk", "/head", "/noise" };

	(void)state;
	connect_to(answers);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct seen s = { 0 };

		ask(&s, "GET", paths[i]);
		turn_until(&s.n_done, 1);
		assert_int_equal(s.status, 0);
		assert_int_equal(s.err.kind, ERR_ENGINE);
	}
}

static void test_change_is_never_asked_for_twice(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "POST /make", NULL, true },
		{ "GET /look", NULL, true },
		{ 0 },
	};
	struct seen made = { 0 }, looked = { 0 };

	(void)state;
	connect_to(answers);
	ask(&made, "POST", "/make");
	turn_until(&made.n_done, 1);
	assert_int_equal(made.status, 0);
	assert_int_equal(made.err.kind, ERR_ENGINE);
	assert_string_equal(buf_str(&fake.log), "POST /make;");
	ask(&looked, "GET", "/look");
	turn_until(&looked.n_done, 1);
	assert_int_equal(looked.status, 0);
}

static void test_death_of_the_engine_ends_every_request(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "GET /logs", FAKE_STREAM "5\r\nhello\r\n", false },
		{ "POST /", NULL, false },
		{ 0 },
	};
	struct seen logs = { 0 }, made = { 0 }, late = { 0 };

	(void)state;
	connect_to(answers);
	stream(&logs, "/logs");
	ask(&made, "POST", "/make");
	turn_until(&logs.n_data, 1);
	settle();
	fake_die(&fake);
	turn_until(&logs.n_done, 1);
	turn_until(&made.n_done, 1);
	assert_int_equal(logs.status, 0);
	assert_int_equal(logs.err.kind, ERR_ENGINE);
	assert_int_equal(made.err.kind, ERR_ENGINE);
	ask(&late, "POST", "/make");
	turn_until(&late.n_done, 1);
	assert_int_equal(late.err.kind, ERR_ENGINE);
}

/* --- streams ------------------------------------------------------------------------------ */

static const struct fake_answer streams[] = {
	{ "GET /version", VERSION_OK, false },
	{ "GET /logs", FAKE_STREAM "5\r\nhello\r\n", false },
	{ "GET /gone", FAKE_ERROR("404", "{\"message\":\"gone\"}\r\n"), false },
	{ "GET /hang", NULL, false },
	{ "GET /ok", FAKE_OK("ok"), false },
	{ "POST /attach", FAKE_UPGRADE "hello", false },
	{ 0 },
};

static void test_stream_comes_in_pieces(void **state)
{
	struct seen s = { 0 };

	(void)state;
	connect_to(streams);
	stream(&s, "/logs");
	turn_until(&s.n_data, 1);
	fake_write(fake.last, "3\r\nand\r\n");
	turn_until(&s.n_data, 2);
	assert_int_equal(s.n_done, 0);
	fake_write(fake.last, "0\r\n\r\n");
	turn_until(&s.n_done, 1);
	assert_int_equal(s.status, 200);
	assert_string_equal(s.body, "");
}

static void test_refusal_of_a_stream_is_no_data(void **state)
{
	struct seen s = { 0 };

	(void)state;
	connect_to(streams);
	stream(&s, "/gone");
	turn_until(&s.n_done, 1);
	assert_int_equal(s.n_data, 0);
	assert_int_equal(s.status, 404);
	assert_check(&s, ERR_FAILED, "gone");
}

static void test_reader_gives_a_stream_up(void **state)
{
	struct seen s = { .gives_up = true };

	(void)state;
	connect_to(streams);
	stream(&s, "/logs");
	turn_until(&s.n_done, 1);
	assert_int_equal(s.n_data, 1);
	assert_int_equal(s.status, 0);
	assert_string_equal(s.err.msg, "given up");
}

static void test_call_cancelled_in_its_own_data_is_gone(void **state)
{
	struct seen s = { 0 }, ok = { 0 };

	(void)state;
	connect_to(streams);
	s.cancels = stream(&s, "/logs");
	turn_until(&s.n_data, 1);
	settle();
	assert_int_equal(s.n_done, 0);
	ask(&ok, "GET", "/ok");
	turn_until(&ok.n_done, 1);
	assert_string_equal(ok.body, "ok");
}

static void test_call_cancelled_in_anothers_data_is_gone(void **state)
{
	struct seen s = { 0 }, hang = { 0 }, unsent = { 0 };

	(void)state;
	connect_to(streams);
	s.cancels = ask(&hang, "GET", "/hang");
	stream(&s, "/logs");
	turn_until(&s.n_data, 1);
	/* and one that was sent from within a callback */
	s.sends = "/hang";
	s.more = &unsent;
	fake_write(fake.last, "3\r\nand\r\n");
	turn_until(&s.n_data, 2);
	settle();
	assert_int_equal(hang.n_done, 0);
	assert_int_equal(unsent.n_done, 0);
	assert_int_equal(s.n_done, 0);
}

static void test_requests_sent_from_callbacks_are_answered(void **state)
{
	struct seen s = { 0 }, ok = { 0 }, again = { 0 };

	(void)state;
	connect_to(streams);
	s.sends = "/ok";
	s.more = &ok;
	ok.sends = "/ok";
	ok.more = &again;
	stream(&s, "/logs");
	turn_until(&again.n_done, 1);
	assert_int_equal(ok.n_done, 1);
	assert_string_equal(again.body, "ok");
}

static void test_call_cancelled_in_anothers_done_is_gone(void **state)
{
	struct engine_call *a, *b;
	struct seen first = { .own = &a, .other = &b }, second = { .own = &b, .other = &a };

	(void)state;
	connect_to(streams);
	/* whichever is first: the other's answer may have been read already */
	a = ask(&first, "GET", "/ok");
	b = ask(&second, "GET", "/ok");
	settle();
	assert_int_equal(first.n_done + second.n_done, 1);
}

static void test_closing_calls_nobody(void **state)
{
	struct seen s = { 0 }, hang = { 0 }, fresh = { 0 };

	(void)state;
	connect_to(streams);
	stream(&s, "/logs");
	ask(&hang, "GET", "/hang");
	turn_until(&s.n_data, 1);
	ask(&fresh, "GET", "/ok");
	engine_close(engine);
	engine = NULL;
	settle();
	assert_int_equal(s.n_done + hang.n_done + fresh.n_done, 0);
}

static void free_arg(void *arg)
{
	free(arg);
}

static void nobody_done(void *arg, const struct engine_reply *reply)
{
	(void)reply;
	fail_msg("done after the engine was closed: %p", arg);
}

/* The sanitizer would tell of what stays, and of what is freed twice. */
static void test_closing_frees_what_its_calls_belong_to(void **state)
{
	struct engine_request req = {
		.method = "GET", .path = "/hang", .on_done = nobody_done, .on_drop = free_arg
	};
	struct engine_call *cancelled;
	void *own = malloc(1);

	(void)state;
	connect_to(streams);
	req.arg = malloc(1);
	engine_send(engine, &req);
	req.arg = own;
	cancelled = engine_send(engine, &req);
	engine_cancel(cancelled);
	engine_close(engine);
	engine = NULL;
	free(own);
}

static int n_listed;

static void on_listed(void *arg, struct session_list *list, const struct err *err)
{
	(void)arg;
	(void)list;
	(void)err;
	n_listed++;
}

static void test_closing_in_the_middle_of_a_list_leaves_nothing(void **state)
{
	(void)state;
	connect_to(streams);
	reconcile(engine, NULL, "install", "/nonexistent", on_listed, NULL);
	engine_close(engine);
	engine = NULL;
	assert_int_equal(n_listed, 0);
}

/* --- hijack --------------------------------------------------------------------------------- */

struct raw {
	struct hijack *h;
	int n_open, n_data, n_end;
	struct err err;
	struct buf data;
	int closes_in;		/* 1 on_open, 2 on_data, 3 on_end */
	const char *says;	/* from on_data */
};

static void close_in(struct raw *r, int where)
{
	if (r->closes_in != where)
		return;
	hijack_close(r->h);
	r->h = NULL;
}

static void on_raw_open(void *arg)
{
	struct raw *r = arg;

	r->n_open++;
	close_in(r, 1);
}

static void on_raw_data(void *arg, const char *data, size_t len)
{
	struct raw *r = arg;

	r->n_data++;
	buf_add(&r->data, data, len);
	if (r->says)
		hijack_send(r->h, r->says, strlen(r->says));
	r->says = NULL;
	close_in(r, 2);
}

static void on_raw_end(void *arg, const struct err *err)
{
	struct raw *r = arg;

	r->n_end++;
	if (err)
		r->err = *err;
	close_in(r, 3);
}

static const struct hijack_events raw_events = {
	.on_open = on_raw_open,
	.on_data = on_raw_data,
	.on_end = on_raw_end,
};

static void open_raw(struct raw *r, const char *path)
{
	r->data = (struct buf)BUF_INIT(4096);
	r->h = hijack_open(engine, path, "{}", &raw_events, r);
}

static void close_raw(struct raw *r)
{
	hijack_close(r->h);
	buf_done(&r->data);
}

static void turn_until_raw(const char *want)
{
	for (int i = 0; strcmp(buf_str(&fake.raw), want) != 0 && i < TURNS_MAX; i++)
		assert_int_equal(loop_turn(loop, 10, NULL), 0);
	assert_string_equal(buf_str(&fake.raw), want);
}

static void test_raw_bytes_go_both_ways(void **state)
{
	struct raw r = { .says = "pong" };

	(void)state;
	connect_to(streams);
	open_raw(&r, "/attach");
	assert_int_equal(hijack_send(r.h, "early ", 6), 0);
	turn_until(&r.n_data, 1);
	assert_int_equal(r.n_open, 1);
	assert_string_equal(r.data.data, "hello");
	turn_until_raw("early pong");
	assert_int_equal(hijack_send(r.h, " late", 5), 0);
	turn_until_raw("early pong late");
	fake_close(fake.last);
	turn_until(&r.n_end, 1);
	assert_int_equal(r.err.kind, 0);
	close_raw(&r);
}

static void test_raw_stream_that_is_paused_says_nothing_and_loses_nothing(void **state)
{
	struct raw r = { 0 };

	(void)state;
	connect_to(streams);
	open_raw(&r, "/attach");
	turn_until(&r.n_data, 1);
	hijack_pause(r.h, true);
	fake_write(fake.last, " and more");
	fake_close(fake.last);
	settle();
	assert_int_equal(r.n_data, 1);
	assert_int_equal(r.n_end, 0);
	hijack_pause(r.h, false);
	turn_until(&r.n_end, 1);
	assert_string_equal(r.data.data, "hello and more");
	close_raw(&r);
}

static void test_refused_upgrade_says_why(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "POST /json", FAKE_ERROR("409", "{\"message\":\"not running\"}\n"), false },
		{ "POST /shut", NULL, true },
		{ "POST /ssh", "SSH-2.0-OpenSSH_9.2\r\n\r\n", false },
		{ 0 },
	};
	static const char *const paths[] = { "/json", "/shut", "/ssh" };
	static const char *const words[] = { "not running", "closed the connection", "not HTTP" };

	(void)state;
	connect_to(answers);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct raw r = { 0 };

		open_raw(&r, paths[i]);
		turn_until(&r.n_end, 1);
		assert_int_equal(r.n_open + r.n_data, 0);
		assert_non_null(strstr(r.err.msg, words[i]));
		close_raw(&r);
	}
}

static void test_endless_head_is_given_up(void **state)
{
	static const struct fake_answer answers[] = {
		{ "GET /version", VERSION_OK, false },
		{ "POST /attach", "HTTP/1.1 101 UPGRADED\r\n", false },
		{ 0 },
	};
	CLEANUP_FREE char *line = xasprintf("X-Long: %0*d\r\n", 9000, 1);
	struct raw r = { 0 };

	(void)state;
	connect_to(answers);
	open_raw(&r, "/attach");
	for (int i = 0; i < TURNS_MAX && !fake.log.len; i++)
		loop_turn(loop, 10, NULL);
	fake_write(fake.last, line);
	fake_write(fake.last, line);
	turn_until(&r.n_end, 1);
	assert_non_null(strstr(r.err.msg, "too long"));
	close_raw(&r);
}

static void test_raw_stream_may_be_closed_in_its_callbacks(void **state)
{
	(void)state;
	connect_to(streams);
	for (int where = 1; where <= 3; where++) {
		struct raw r = { .closes_in = where };

		open_raw(&r, "/attach");
		turn_until(&r.n_open, 1);
		if (where == 3) {
			fake_close(fake.last);
			turn_until(&r.n_end, 1);
		}
		settle();
		assert_null(r.h);
		assert_int_equal(r.n_end, where == 3);
		assert_int_equal(r.n_data, where != 1);
		close_raw(&r);
	}
}

/* libcurl is on the stack then, and may be about to say that it connected. */
static void test_raw_stream_closed_in_an_answers_data_says_no_more(void **state)
{
	struct seen s = { 0 };
	struct raw r = { 0 };

	(void)state;
	connect_to(streams);
	stream(&s, "/logs");
	turn_until(&s.n_data, 1);
	open_raw(&r, "/attach");
	s.closes = r.h;
	r.h = NULL;
	fake_write(fake.last, "3\r\nand\r\n");
	turn_until(&s.n_data, 2);
	settle();
	assert_int_equal(r.n_open + r.n_data + r.n_end, 0);
	close_raw(&r);
}

static void test_failed_write_is_told_by_the_loop(void **state)
{
	static char block[64 << 10];
	struct raw r = { .closes_in = 3 };
	int rc = 0;

	(void)state;
	connect_to(streams);
	open_raw(&r, "/attach");
	turn_until(&r.n_data, 1);
	fake_die(&fake);
	memset(block, 'x', sizeof block);
	for (int i = 0; i < 64 && rc == 0; i++)
		rc = hijack_send(r.h, block, sizeof block);
	assert_int_equal(rc, -1);	/* more than may wait: refused, and nothing else */
	assert_int_equal(r.n_end, 0);
	turn_until(&r.n_end, 1);
	assert_null(r.h);
	settle();
	close_raw(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_version_is_the_newest_that_both_speak),
		TEST(test_version_too_old_or_too_new_is_refused),
		TEST(test_what_is_no_engine_is_refused),
		TEST(test_engine_that_is_not_there_is_unreachable),
		TEST(test_errors_words_are_the_message),
		TEST(test_answer_larger_than_the_limit_is_given_up),
		TEST(test_answer_that_does_not_come_times_out),
		TEST(test_answer_that_breaks_off_is_none),
		TEST(test_change_is_never_asked_for_twice),
		TEST(test_death_of_the_engine_ends_every_request),
		TEST(test_stream_comes_in_pieces),
		TEST(test_refusal_of_a_stream_is_no_data),
		TEST(test_reader_gives_a_stream_up),
		TEST(test_call_cancelled_in_its_own_data_is_gone),
		TEST(test_call_cancelled_in_anothers_data_is_gone),
		TEST(test_requests_sent_from_callbacks_are_answered),
		TEST(test_call_cancelled_in_anothers_done_is_gone),
		TEST(test_closing_calls_nobody),
		TEST(test_closing_frees_what_its_calls_belong_to),
		TEST(test_closing_in_the_middle_of_a_list_leaves_nothing),
		TEST(test_raw_bytes_go_both_ways),
		TEST(test_raw_stream_that_is_paused_says_nothing_and_loses_nothing),
		TEST(test_refused_upgrade_says_why),
		TEST(test_endless_head_is_given_up),
		TEST(test_raw_stream_may_be_closed_in_its_callbacks),
		TEST(test_raw_stream_closed_in_an_answers_data_says_no_more),
		TEST(test_failed_write_is_told_by_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
