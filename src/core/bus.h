/* The bus: hands each event to everybody who asked, at once and in order.
 *
 * Synchronous: bus_fire() returns when all sinks have seen the event. Sinks may
 * do anything meanwhile:
 * - a sink added during a dispatch does not get the event being dispatched;
 * - a sink removed during a dispatch is not called again, itself included;
 * - a sink may fire another event; its dispatch is complete when that
 *   bus_fire() returns, so the outer event's later sinks see them in the other
 *   order. Sinks that care compare ids.
 * The event is borrowed for the call; a sink copies what it keeps.
 */
#ifndef CORE_BUS_H
#define CORE_BUS_H

#include <stddef.h>

struct bus;
struct bus_sink;
struct event;

struct bus *bus_new(void);
void bus_free(struct bus *b); /* with its sinks; NULL is fine. Not during a dispatch */

/* The sink lives until bus_remove() or bus_free(). Sinks are called in the order
 * in which they were added. */
struct bus_sink *bus_add(struct bus *b, void (*on_event)(void *ctx, const struct event *e),
                         void *ctx);
void bus_remove(struct bus *b, struct bus_sink *sink); /* NULL sink is fine */

void bus_fire(struct bus *b, const struct event *e);

#endif
