#include "core/journal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/err.h"
#include "core/event.h"
#include "core/mem.h"
#include "core/session.h"
#include "core/store.h"

static struct event made(enum event_kind kind, enum event_verdict verdict, const char *session,
                         const char *bottle, const char *rule)
{
	struct timespec ts;
	struct event e;

	clock_gettime(CLOCK_REALTIME, &ts);
	event_init(&e);
	e.ts_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	e.kind = kind;
	e.verdict = verdict;
	e.source = EVENT_FROM_SELF;
	event_set_owner(&e, session, bottle);
	event_set_rule(&e, rule, strlen(rule));
	return e;
}

static void add(struct store *st, struct event *e, const char *what, const char *launch)
{
	CLEANUP_FREE char *once = launch ? xasprintf("%s %s", what, launch) : NULL;

	store_add_event(st, e, once);
	event_done(e);
}

void journal_launched(struct store *st, const char *session, const char *bottle, const char *launch,
                      const struct isolation_result *isolation)
{
	const struct isolation_result *i = isolation;
	enum event_verdict verdict = EVENT_ALLOW;
	struct event e;

	if (!st)
		return;
	e = made(EVENT_SESSION_STATE, EVENT_NO_VERDICT, session, bottle, JOURNAL_LAUNCHED);
	event_set_summary(&e, "runs");
	add(st, &e, "launched", launch);
	if (i->total == 0)
		return;
	if (i->was_forced || i->passed < i->total)
		verdict = EVENT_FAIL;
	else if (i->warned)
		verdict = EVENT_WARN;
	e = made(EVENT_ISOLATION_RESULT, verdict, session, bottle, "isolation");
	e.source = EVENT_FROM_PROBE;
	event_set_summary(&e, "%u of %u isolation checks held%s%s%s", i->passed, i->total,
	                  i->was_forced ? "; the agent was released all the same" : "",
	                  *i->warnings ? ": " : "", i->warnings);
	add(st, &e, "isolation", launch);
}

void journal_failed(struct store *st, const char *session, const char *bottle,
                    const struct err *err)
{
	struct event e;

	if (!st)
		return;
	e = made(EVENT_SESSION_STATE, EVENT_FAIL, session, bottle, JOURNAL_FAILED);
	event_set_summary(&e, "%s", err->msg);
	add(st, &e, NULL, NULL);
}

void journal_stopped(struct store *st, const char *session, const char *bottle)
{
	struct event e;

	if (!st)
		return;
	e = made(EVENT_SESSION_STATE, EVENT_NO_VERDICT, session, bottle, JOURNAL_STOPPED);
	event_set_summary(&e, "stopped");
	add(st, &e, NULL, NULL);
}

void journal_exit(struct store *st, const char *session, const char *bottle, const char *launch,
                  int code)
{
	struct event e;

	if (!st)
		return;
	e = made(EVENT_AGENT_EXIT, code ? EVENT_FAIL : EVENT_NO_VERDICT, session, bottle, "exit");
	e.source = EVENT_FROM_ENGINE;
	event_set_summary(&e, "the agent ended with %d", code);
	add(st, &e, "exit", launch);
}

struct journal_life journal_life(struct store *st, const char *session)
{
	struct store_query q = { .session = session,
		                 .kinds = STORE_KIND(EVENT_SESSION_STATE),
		                 .limit = 50 };
	struct journal_life life = { 0 };
	struct store_page p = { 0 };
	struct err err = { 0 };

	if (!st || store_find(st, &q, &p, &err) < 0)
		return life;
	for (size_t i = 0; i < p.n; i++) {
		const char *rule = p.v[i].event.rule ? p.v[i].event.rule : "";

		if (strcmp(rule, JOURNAL_LAUNCHED) == 0)
			life.launched_ns = p.v[i].first_ns;
		else if (strcmp(rule, JOURNAL_STOPPED) == 0)
			life.stopped_ns = p.v[i].first_ns;
	}
	store_page_done(&p);
	return life;
}
