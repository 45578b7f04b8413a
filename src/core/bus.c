#include "core/bus.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/mem.h"

struct bus_sink {
	void (*on_event)(void *ctx, const struct event *e);
	void *ctx;
	uint64_t born; /* the newest dispatch when it was added */
	bool is_dead;
	struct bus_sink *next;
};

struct bus {
	struct bus_sink *first, **end;
	uint64_t dispatch; /* number of the newest one */
	unsigned depth;    /* dispatches going on */
	bool has_dead;
};

struct bus *bus_new(void)
{
	struct bus *b = xcalloc(1, sizeof *b);

	b->end = &b->first;
	return b;
}

/* Unlink and free the dead, or everybody. */
static void sweep(struct bus *b, bool all)
{
	struct bus_sink **at = &b->first;

	while (*at) {
		struct bus_sink *s = *at;

		if (all || s->is_dead) {
			*at = s->next;
			free(s);
		} else {
			at = &s->next;
		}
	}
	b->end = at;
	b->has_dead = false;
}

void bus_free(struct bus *b)
{
	if (!b)
		return;
	sweep(b, true);
	free(b);
}

struct bus_sink *bus_add(struct bus *b, void (*on_event)(void *ctx, const struct event *e),
                         void *ctx)
{
	struct bus_sink *s = xcalloc(1, sizeof *s);

	s->on_event = on_event;
	s->ctx = ctx;
	s->born = b->dispatch;
	*b->end = s;
	b->end = &s->next;
	return s;
}

void bus_remove(struct bus *b, struct bus_sink *sink)
{
	if (!sink)
		return;
	sink->is_dead = true;
	b->has_dead = true;
	if (b->depth == 0)
		sweep(b, false);
}

void bus_fire(struct bus *b, const struct event *e)
{
	uint64_t me = ++b->dispatch;

	b->depth++;
	for (struct bus_sink *s = b->first; s; s = s->next)
		if (!s->is_dead && s->born < me)
			s->on_event(s->ctx, e);
	if (--b->depth == 0 && b->has_dead)
		sweep(b, false);
}
