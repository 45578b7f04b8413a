/* Events: one model for everything that happened.
 *
 * An event is made by a reader of some log (core/pipelock_log, core/gitgate_log,
 * core/dnslog) or by the program itself, gets its session from whoever knows it,
 * goes over the bus to the screen and to the store, and never changes.
 *
 * Invariants:
 * - The event owns its strings; NULL means "does not apply".
 * - host, rule and summary are as the outside wrote them, bounded, with query
 *   strings cut: made safe when shown (event_line, event_json, core/text).
 * - detail is one JSON object on one line, written by event_set_detail(), so it
 *   is bounded and safe to show.
 * - No event holds a secret that the log did not mask; see event_set_detail().
 */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct cJSON;
struct err;

#define EVENT_HOST_MAX 255
#define EVENT_RULE_MAX 256
#define EVENT_SUMMARY_MAX 512
#define EVENT_DETAIL_MAX 16384
#define EVENT_VALUE_MAX 4096 /* of one string in detail */

/* Kinds, verdicts and sources are only ever added at the end: the store keeps their
 * numbers. */
enum event_kind {
	EVENT_OTHER,          /* whatever nobody foresaw; never dropped */
	EVENT_EGRESS_BLOCKED, /* a request was refused for where or how it went */
	EVENT_EGRESS_DLP,     /* a scanner found something in the content, going out or
	                       * coming in; the verdict says whether it was refused */
	EVENT_EGRESS_DNS,     /* the agent asked for an outside name */
	EVENT_EGRESS_ALLOWED,
	EVENT_EGRESS_ERROR, /* allowed, but the upstream could not be reached */
	EVENT_PUSH_ACCEPTED,
	EVENT_PUSH_REJECTED,
	EVENT_PUSH_FAILED, /* clean, but the upstream did not take it */
	EVENT_PUSH_HELD,   /* waits for a person */
	EVENT_PUSH_OVERSIZE,
	EVENT_FETCH_OK,
	EVENT_FETCH_FAILED,
	EVENT_HOSTKEY_CHANGED,
	EVENT_GATE_READY,
	EVENT_SESSION_STATE,
	EVENT_ISOLATION_RESULT,
	EVENT_AGENT_NOTIFY,
	EVENT_AGENT_EXIT,
	EVENT_POLICY_CHANGED, /* or, with verdict fail, a change that was refused */
	EVENT_LOG_GAP,        /* lines were lost before we could read them */
	EVENT_INBOX_DISMISSED, /* a person put a question of the inbox away */
	EVENT_KINDS
};

enum event_verdict {
	EVENT_NO_VERDICT,
	EVENT_ALLOW,
	EVENT_WARN, /* seen, let through */
	EVENT_BLOCK,
	EVENT_FAIL, /* not decided by policy: it did not work */
	EVENT_HOLD,
	EVENT_VERDICTS
};

enum event_source {
	EVENT_FROM_SELF, /* claude-bottle */
	EVENT_FROM_PIPELOCK,
	EVENT_FROM_RESOLVER,
	EVENT_FROM_GATE,
	EVENT_FROM_KEEPER,
	EVENT_FROM_AGENT, /* its terminal: claims of the agent's */
	EVENT_FROM_PROBE,
	EVENT_FROM_ENGINE,
	EVENT_SOURCES
};

struct event {
	uint64_t id; /* the store's; 0 while it is not stored */
	int64_t ts_ns;
	enum event_kind kind;
	enum event_verdict verdict;
	enum event_source source;
	unsigned count; /* how often it happened; 1 for most */
	uint64_t fold;  /* see enum event_feed; 0: does not repeat */
	bool is_probe;  /* made by our own isolation probes */
	char *session;
	char *bottle;
	char *host;    /* lower case; no port, no brackets */
	char *rule;    /* what decided: "body_dlp: GitHub Token", "allowlist" */
	char *summary; /* one line for people */
	char *detail;  /* JSON object */
};

/* What became of a log line. */
enum event_feed {
	EVENT_FEED_NONE,   /* no event: known noise, or half of a pair */
	EVENT_FEED_NEW,    /* *out is an event */
	EVENT_FEED_REPEAT, /* *out is an event of this reader again: the one with the same
	                    * fold, whose count and time it brings up to date */
};

/* An empty event: everything zero, count 1. */
void event_init(struct event *e);
void event_done(struct event *e);                            /* the strings; NULL is fine */
void event_copy(struct event *to, const struct event *from); /* to is uninitialised */

/* Whose it is; copies. */
void event_set_owner(struct event *e, const char *session, const char *bottle);

/* Bounded copies of n bytes; what is too long is cut without splitting a
 * character. An empty string sets NULL. event_set_host() takes "host",
 * "host:port", "[v6]:port" or a URL, and sets is_probe by the name. */
void event_set_host(struct event *e, const char *s, size_t n);
void event_set_rule(struct event *e, const char *s, size_t n);
void event_set_summary(struct event *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Keep the members of an object. Every string in it passes text_cut_query();
 * members called url, target, resource, endpoint and *_url pass text_cut_url(),
 * and lose their path too when hide_paths is set. A name that comes twice is kept
 * once. What does not fit into EVENT_DETAIL_MAX is left out and "cut":true says so. */
void event_set_detail(struct event *e, const struct cJSON *object, bool hide_paths);

/* Keep text that is no JSON object, as {"line":...,"cut":true if is_cut}. */
void event_set_detail_text(struct event *e, const char *s, size_t n, bool is_cut);

/* A string or number of detail's first level as text owned by the caller; NULL
 * when there is none. */
char *event_detail_get(const struct event *e, const char *name);

const char *event_kind_name(enum event_kind kind);    /* "egress.blocked" */
const char *event_verdict_name(enum event_verdict v); /* "" for none */
const char *event_source_name(enum event_source s);   /* "pipelock" */
/* -1 when there is no such name. */
int event_kind_parse(const char *name);

/* Is this the name of our own probes? Nothing can hide there: the top-level domain
 * "invalid" exists nowhere, is never allowed, and no look-up of it leaves. */
bool event_host_is_probe(const char *host);

/* Does it wait for a person? Never true of probe traffic. */
bool event_needs_attention(const struct event *e);

struct event_style {
	bool has_date;          /* "2026-11-24 12:01:02" instead of "12:01:02" */
	bool is_ascii;          /* no character beyond ASCII */
	unsigned session_width; /* the column of the session's name; 0: no such column */
};

/* One line for people, local time, columns aligned, without a newline, safe. */
int event_line(struct buf *out, const struct event *e, const struct event_style *style);

/* One JSON object, without a newline, safe on a terminal:
 * {"id":7,"ts":"2026-11-24T20:14:46.000000000Z","session":..,"bottle":..,"source":..,
 *  "kind":..,"verdict":..,"host":..,"rule":..,"summary":..,"count":1,"probe":false,
 *  "detail":{..}}. id 0, fold 0 and NULL strings are left out. */
int event_json(struct buf *out, const struct event *e);

/* One line of CSV (RFC 4180), safe on a terminal, and in a spreadsheet: no field of it
 * is a formula. The header names the columns. */
int event_csv_header(struct buf *out);
int event_csv(struct buf *out, const struct event *e);

/* The other way: an object written by event_json(), of this or a later version
 * (what is not known is ignored). *out is untouched on failure. */
int event_parse(struct event *out, const char *json, size_t n, struct err *err);

#endif
