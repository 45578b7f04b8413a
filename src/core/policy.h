/* Live policy: what a running session may reach, and changes to it.
 *
 * At launch a session gets pipelock's configuration as its bottle says, which is
 * kept beside it, unchanged (base.yaml). What people decide while it runs is the
 * overlay: hosts added, for the session or until a moment; hosts of the bottle
 * taken away; and whether the session is frozen. Base and overlay together give
 * the file that is in force. All of it lives with the session, in the tmpfs volume
 * that pipelock and the keeper share: every claude-bottle sees the same, and
 * nothing outlives the session.
 *
 * The overlay can only add exact hosts to the allowlist. Whether content is
 * scanned, which hosts are passed through unread and what may be private stays as
 * it was launched: pipelock refuses a reload that loosens any of that.
 *
 * Everything here is pure; the backend carries it out (backend.h, policy_*).
 * What is read from a container is hostile: the readers are strict and bounded.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/manifest.h"

struct buf;
struct err;
struct event;
struct pipelock_scanner;

#define POLICY_ENTRIES_MAX 64		/* hosts in one session's overlay */
#define POLICY_BY_MAX	   80
#define POLICY_WHY_MAX	   200
#define POLICY_SECONDS_MAX (7 * 86400)	/* "for": a longer time is the session's */
#define POLICY_SOON	   900		/* the usual "for a while": 15 minutes */

/* --- what is in force ------------------------------------------------------------------ */

struct policy_entry {
	char host[HOST_NAME_SIZE];
	bool is_denied;		/* a host of the bottle, taken away from this session */
	int64_t since;		/* Unix time */
	int64_t until;		/* 0: as long as the session lives */
	bool cuts;		/* when it ends, open tunnels are cut; else they live on */
	uint64_t generation;	/* the change that made it */
	char *by, *why;		/* as given; "" when not */
};

struct policy {
	char session[MANIFEST_NAME_MAX + 1];
	char *agent, *bottle;	/* NULL when not known */
	/* of the launch; as in struct bottle_spec */
	char **allowlist, **passthrough, **trusted;
	struct policy_entry *entries;	/* by time of the change, the oldest first */
	size_t n_entries;
	uint64_t generation;	/* number of changes since the launch */
	bool is_frozen;		/* everything is refused... */
	bool is_paused;		/* ...and the agent is paused, if it runs */
	bool is_foreign;	/* the file in force is none that claude-bottle wrote */
	char hash[MANIFEST_HEX_MAX];	/* of the file in force */
};

void policy_free(struct policy *p);	/* NULL is fine */

/* The overlay's entry for exactly this host; NULL when there is none. */
const struct policy_entry *policy_find(const struct policy *p, const char *host);

/* Does the policy let requests to host through, frozen or not? now: Unix time. */
bool policy_allows(const struct policy *p, const char *host, int64_t now);

/* --- changing it ------------------------------------------------------------------------- */

enum policy_verb {
	POLICY_ALLOW,	/* add a host, or give it another end */
	POLICY_REVOKE,	/* take it away again, or a host of the bottle's from this session */
	POLICY_FREEZE,	/* pause the agent and refuse everything */
	POLICY_THAW,
};

struct policy_change {
	enum policy_verb verb;
	const char *host;	/* exact, as from policy_consider(); NULL to freeze or thaw */
	int64_t seconds;	/* ALLOW: for how long; 0: as long as the session lives */
	/* Tunnels keep the policy they were opened under. true restarts pipelock, which
	 * cuts every tunnel of the session: REVOKE now, ALLOW when its time is over. */
	bool cuts;
	/* ALLOW: it was written into the manifest, for launches to come. That is an event
	 * of its own, and nothing that a backend carries out. */
	bool is_saved;
	const char *by;		/* who decided: policy_by(); bounded copies are made */
	const char *why;	/* in the person's words; NULL when none were given */
};

/* --- may it be offered? ---------------------------------------------------------------- */

enum policy_offer {
	POLICY_OFFERED,
	POLICY_OFFERED_WARNED,	/* a person may; tell them reason first */
	POLICY_ALREADY,		/* it is let through now */
	POLICY_NEVER,		/* must not, or cannot, be allowed; reason says why */
};

struct policy_advice {
	enum policy_offer offer;
	char host[HOST_NAME_SIZE];	/* lower case, ASCII; "" when it is no host name */
	/* Where the part begins that somebody registered: "evil.test" in
	 * "github.com.evil.test". By rule of thumb, not by the public suffix list. */
	size_t registered_at;
	bool is_punycode;	/* a label is in xn-- form: it shows as other letters */
	char reason[400];	/* a sentence or more; "" for POLICY_OFFERED */
};

/* Advice on allowing host, which the agent chose and which may be anything. p: what
 * is in force; NULL when it is not known (POLICY_ALREADY is then never said). */
void policy_consider(struct policy_advice *out, const char *host, const struct policy *p,
                     int64_t now);

/* The same about an event of egress: also refuses what its scanner makes final. */
void policy_consider_event(struct policy_advice *out, const struct event *ev,
                           const struct policy *p, int64_t now);

/* --- why ---------------------------------------------------------------------------------- */

/* pipelock's own answer to "would this URL pass?". Strings are as it wrote them,
 * bounded: to be made safe when shown. They hold no query and no user of the URL:
 * those are cut before it is asked. */
struct policy_answer {
	bool is_allowed;
	bool was_cut;		/* asked without the query, fragment or user that it had */
	const char *url;	/* as it was asked */
	const char *scanner;	/* "" when allowed */
	const char *reason;
	const struct pipelock_scanner *meaning;	/* NULL when allowed */
};

/* "SCHEME://HOST[:PORT][/PATH]" of a URL, or of one without a scheme (then https): what
 * is asked. *was_cut: it had a user, query or fragment, where secrets are. NULL when
 * it is no such URL. The caller frees it. */
char *policy_cut_url(const char *url, bool *was_cut);

/* --- what is said of it --------------------------------------------------------------------- */

/* "user@host", for policy_change.by. The caller frees it. */
char *policy_by(void);

/* "15m", "90s", "2h", "1d"; a number alone is minutes. At most POLICY_SECONDS_MAX. */
int policy_parse_duration(int64_t *seconds, const char *text, struct err *err);
/* What is left of an entry: "14m", "45s", "2h". */
void policy_duration_text(char out[16], int64_t seconds);

/* For people: a table of what is let through and why (diff: only what differs from the
 * launch, "+ host" and "- host"); for programs: one JSON object. now: Unix time. */
void policy_text(struct buf *b, const struct policy *p, bool diff, int64_t now);
void policy_json(struct buf *b, const struct policy *p, bool diff, int64_t now);

/* A decision as an event (policy.changed), for the bus and the store: who, why, scope,
 * host, until. err: why it was refused, NULL when it is in force. */
void policy_event(struct event *out, const char *session, const char *bottle,
                  const struct policy_change *change, int64_t now_ns, const struct err *err);

#endif
