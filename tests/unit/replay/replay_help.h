/* A backend that plays a recording given as text, on a loop that is turned by hand. */
#ifndef TESTS_REPLAY_HELP_H
#define TESTS_REPLAY_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/backend.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/loop.h"
#include "replay/backend_replay.h"
#include "unit/core/temp_dir.h"

#define HEADER "{\"v\":1,\"kind\":\"claude-bottle-recording\"," \
	       "\"start\":\"2026-11-24T12:00:00Z\",\"engine\":\"test engine\"}\n"
#define RUNNING(name) "{\"t\":0,\"session\":{\"session\":\"" name "\",\"agent\":\"" name \
		      "\",\"bottle\":\"b\",\"state\":\"running\",\"created\":1795518000}}\n"
#define BLOCK(t, name, host) "{\"t\":" #t ",\"event\":{\"ts\":\"2026-11-24T11:59:00Z\"," \
			     "\"session\":\"" name "\",\"source\":\"pipelock\"," \
			     "\"kind\":\"egress.blocked\",\"verdict\":\"block\"," \
			     "\"host\":\"" host "\",\"summary\":\"no\"}}\n"

static struct loop *loop;
static struct backend *backend;

/* Opens what is in lines (without the header) at this speed. */
static inline void play(const char *lines, const char *speed)
{
	struct backend_settings s = { .replay_speed = speed };
	struct buf text = BUF_INIT(1u << 20);
	struct err err = { 0 };

	buf_addf(&text, HEADER "%s", lines);
	temp_write("r.jsonl", buf_str(&text));
	buf_done(&text);
	s.recording = temp_path("r.jsonl");
	assert_int_equal(loop_new(&loop, &err), 0);
	if (backend_replay.open(&backend, loop, &s, &err) < 0)
		fail_msg("%s", err.msg);
}

static inline int replay_setup(void **state)
{
	loop = NULL;
	backend = NULL;
	return temp_dir_make(state);
}

static inline int replay_teardown(void **state)
{
	backend_replay.close(backend);
	loop_free(loop);
	return temp_dir_drop(state);
}

/* Turns until *flag, or fails after five seconds. */
static inline void turn_until(const bool *flag)
{
	uint64_t end = loop_now_ns() + 5000000000u;

	while (!*flag && loop_now_ns() < end)
		assert_int_equal(loop_turn(loop, 20, NULL), 0);
	assert_true(*flag);
}

/* Everything that is due, and what follows from it. */
static inline void settle(void)
{
	for (int i = 0; i < 60; i++)
		assert_int_equal(loop_turn(loop, 0, NULL), 0);
}

#endif
