/* What the program itself did and saw, as events in the store.
 *
 * Whoever does something writes it down: the dashboard and the command line alike. What
 * several programs see (an agent that ended) is stored once, by the launch's id. A NULL
 * store is fine, and records nothing.
 */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include <stdint.h>

struct err;
struct isolation_result;
struct store;

#define JOURNAL_LAUNCHED "launched" /* the rule of the event of a launch */
#define JOURNAL_STOPPED "stopped"
#define JOURNAL_FAILED "launch"

/* session.state and isolation.result. */
void journal_launched(struct store *st, const char *session, const char *bottle, const char *launch,
                      const struct isolation_result *isolation);
void journal_failed(struct store *st, const char *session, const char *bottle,
                    const struct err *err);
void journal_stopped(struct store *st, const char *session, const char *bottle);

/* agent.exit, seen now. */
void journal_exit(struct store *st, const char *session, const char *bottle, const char *launch,
                  int code);

/* When the session was last launched, and last removed, as far as the store knows; 0: it
 * does not. */
struct journal_life {
	int64_t launched_ns, stopped_ns;
};
struct journal_life journal_life(struct store *st, const char *session);

#endif
