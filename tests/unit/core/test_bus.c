#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/bus.h"
#include "core/event.h"

struct world {
	struct bus *bus;
	struct buf seen;
	struct bus_sink *a, *b;
};

struct named {
	struct world *w;
	const char *name;
};

static void note(void *ctx, const struct event *e)
{
	const struct named *n = ctx;

	buf_addf(&n->w->seen, "%s%llu ", n->name, (unsigned long long)e->id);
}

static struct named extra;

static void add_one(void *ctx, const struct event *e)
{
	const struct named *n = ctx;

	note(ctx, e);
	if (e->id == 1)
		bus_add(n->w->bus, note, &extra);
}

static void remove_both(void *ctx, const struct event *e)
{
	const struct named *n = ctx;

	note(ctx, e);
	bus_remove(n->w->bus, n->w->a);
	bus_remove(n->w->bus, n->w->b);
}

static void fire_more(void *ctx, const struct event *e)
{
	const struct named *n = ctx;

	note(ctx, e);
	if (e->id == 1) {
		struct event inner;

		bus_add(n->w->bus, note, &extra);
		event_init(&inner);
		inner.id = 2;
		bus_fire(n->w->bus, &inner);
	}
}

static void run(void (*first)(void *, const struct event *), const char *want)
{
	struct world w = { .bus = bus_new(), .seen = BUF_INIT(1024) };
	struct named a = { &w, "a" }, b = { &w, "b" };
	struct event e;

	extra = (struct named){ &w, "x" };
	w.a = bus_add(w.bus, first, &a);
	w.b = bus_add(w.bus, note, &b);
	event_init(&e);
	e.id = 1;
	bus_fire(w.bus, &e);
	buf_adds(&w.seen, "| ");
	e.id = 3;
	bus_fire(w.bus, &e);
	assert_string_equal(buf_str(&w.seen), want);
	bus_free(w.bus);
	buf_done(&w.seen);
}

static void every_sink_sees_every_event_in_order(void **state)
{
	(void)state;
	run(note, "a1 b1 | a3 b3 ");
}

static void a_sink_added_meanwhile_waits_for_the_next_event(void **state)
{
	(void)state;
	run(add_one, "a1 b1 | a3 b3 x3 ");
}

static void sinks_may_remove_themselves_and_others(void **state)
{
	(void)state;
	run(remove_both, "a1 | ");
}

static void a_sink_may_fire_and_add_at_once(void **state)
{
	(void)state;
	run(fire_more, "a1 a2 b2 x2 b1 | a3 b3 x3 ");
}

static void removing_outside_a_dispatch_works(void **state)
{
	struct world w = { .bus = bus_new(), .seen = BUF_INIT(1024) };
	struct named a = { &w, "a" }, b = { &w, "b" };
	struct event e;

	(void)state;
	event_init(&e);
	bus_fire(w.bus, &e);
	w.a = bus_add(w.bus, note, &a);
	bus_remove(w.bus, w.a);
	bus_remove(w.bus, NULL);
	bus_add(w.bus, note, &b);
	bus_fire(w.bus, &e);
	assert_string_equal(buf_str(&w.seen), "b0 ");
	bus_free(w.bus);
	bus_free(NULL);
	buf_done(&w.seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sink_sees_every_event_in_order),
		cmocka_unit_test(a_sink_added_meanwhile_waits_for_the_next_event),
		cmocka_unit_test(sinks_may_remove_themselves_and_others),
		cmocka_unit_test(a_sink_may_fire_and_add_at_once),
		cmocka_unit_test(removing_outside_a_dispatch_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
