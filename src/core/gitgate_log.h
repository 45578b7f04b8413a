/* The gate's log to events (docs/sidecars.md, "The gate's files").
 *
 * stdout holds one JSON object a line, one for each decision; stderr is git
 * daemon's talk. Every line gives one event. What is no verdict that we know
 * becomes EVENT_OTHER with its text.
 *
 * scan.error is a push that was refused because it could not be judged, so it
 * becomes push.rejected with the rule "scan.error". Names, files and details are
 * hostile text: the agent and the upstream's server wrote them.
 *
 * What a person decides (push.approved, finding.accepted) is policy.changed, by whom
 * is the member "by"; a rejection of theirs is the push's own verdict, and so is the
 * end of the time that a push may wait (push.rejected) or of its client
 * (push.failed).
 *
 * The rule of a rejected push is its findings' rules, else the reason. host stays
 * unset: the line names the repository (member "repo"), the manifest its host.
 */
#ifndef CORE_GITGATE_LOG_H
#define CORE_GITGATE_LOG_H

#include "core/event.h"

struct line;

/* One line of the log; *out is filled (without session and bottle) and the caller's
 * to free when the answer is EVENT_FEED_NEW. An empty line gives EVENT_FEED_NONE. */
enum event_feed gitgate_log_line(const struct line *l, struct event *out);

#endif
