#include "hook.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "accept.h"
#include "config.h"
#include "forward.h"
#include "gate.h"
#include "hold.h"
#include "proto.h"
#include "record.h"
#include "repo.h"
#include "scan.h"
#include "spool.h"
#include "text.h"
#include "util.h"
#include "verdict.h"

#define SHOWN 8

_Static_assert(REFS_MAX <= RECORD_REFS, "an approval names each ref");

#define LOCK_WAIT_S 60
#define NAME_MOST 1000 /* bytes of a ref's name */
#define PART_MOST 250  /* and between two '/': ".lock" is added */

struct hook {
	struct gate_config *config;
	const struct gate_repo *repo;
	const char *id, *peer;
	char *scratch;
	struct ref_updates refs;
	struct scan scan;
	bool is_unscanned, is_turned_down;
	int64_t started, scan_ms, forward_ms;
	cJSON *record;      /* once it is in the spool */
	char *by, *message; /* of the person who decided; NULL for nobody */
};

static bool has_prefix(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* Of a branch or tag: what git's own commands would take for something else, for an
 * option or an object's id. */
static bool is_reserved(const char *name)
{
	return strcmp(name, "HEAD") == 0 || has_prefix(name, "refs/") || name[0] == '-' ||
	       oid_is_valid(name, strlen(name));
}

/* Where refs are files, git cannot make this one: nobody could fetch any more. */
static bool is_too_long(const char *ref)
{
	size_t len = 0;

	if (strlen(ref) > NAME_MOST)
		return true;
	for (; *ref && len <= PART_MOST; ref++)
		len = *ref == '/' ? 0 : len + 1;
	return len > PART_MOST;
}

int hook_policy(const struct ref_updates *refs, struct err *err)
{
	size_t bytes = 0;

	for (size_t i = 0; i < refs->n; i++) {
		const char *ref = refs->v[i].ref;

		bytes += strlen(ref);
		if (!ref_is_valid(ref))
			return err_set(err, "that is no name of a ref");
		if (!has_prefix(ref, "refs/heads/") && !has_prefix(ref, "refs/tags/"))
			return err_set(err, "only refs/heads/ and refs/tags/ may be pushed");
		if (is_reserved(strchr(ref + 5, '/') + 1))
			return err_set(err, "reserved ref name");
		if (is_too_long(ref))
			return err_set(err, "the name of a ref is too long");
	}
	if (refs->n > REFS_MAX || bytes > 200000)
		return err_set(err, "more than %d refs, or too long names, in one push", REFS_MAX);
	return 0;
}

/* What the client sees; git puts "remote: " before each line. */
__attribute__((format(printf, 1, 2))) static void tell(const char *fmt, ...)
{
	struct buf line = BUF_INIT(4096);
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_adds(&line, "git-gate: ");
	text_clean(&line, text, strlen(text), 1500);
	buf_addc(&line, '\n');
	fd_write(2, line.data, line.len);
	buf_done(&line);
}

static void mark(const struct hook *h, const char *name)
{
	char *path = xasprintf("%s/%s", h->scratch, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	free(path);
}

static void give(const struct hook *h, const struct verdict *v)
{
	mark(h, VERDICT_GIVEN);
	verdict_emit(VERDICT_FD, v);
}

/* Write down how the push stands. Returns 1 when it would wait, and too many do. */
static int note(struct hook *h, const char *state, const char *reason, const char *detail)
{
	const struct record_facts facts = { .id = h->id,
		                            .repo = h->repo->name,
		                            .peer = h->peer,
		                            .refs = &h->refs,
		                            .found = &h->scan.findings,
		                            .shown = &h->scan.shown,
		                            .review = &h->scan.review,
		                            .commits = h->scan.commits,
		                            .is_scanned = !h->is_unscanned };
	struct buf diff = BUF_INIT(1U << 20);
	bool is_first = !h->record, is_held = strcmp(state, "held") == 0;
	char *why = findings_mask(&h->scan.findings, reason ? reason : "");
	char *how = findings_mask(&h->scan.findings, detail ? detail : "");
	struct err err = { { 0 } };
	int rc;

	if (is_first) {
		h->record = record_new(&facts, &diff);
		if (is_held)
			cJSON_AddNumberToObject(h->record, "hold_until",
			                        (double)(time(NULL) + h->repo->hold_s));
	}
	record_set(h->record, "state", state, 20);
	record_set(h->record, "reason", why, 300);
	record_set(h->record, "detail", how, 600);
	record_set(h->record, "by", h->by, 64);
	record_set(h->record, "message", h->message, 500);
	rc = is_first ? spool_add(GATE_SPOOL, h->id, h->record, &diff, is_held ? SPOOL_HELD : 0,
	                          &err)
	              : spool_update(GATE_SPOOL, h->id, h->record, &err);
	if (rc < 0)
		fprintf(stderr, "git-gate: the record of push %s: %s\n", h->id, err.msg);
	if (rc != 0 && is_first) {
		cJSON_Delete(h->record); /* it is not there: the next is the first */
		h->record = NULL;
	}
	buf_done(&diff);
	free(why);
	free(how);
	return rc;
}

static const char *state_after(const char *event)
{
	static const char *const states[][2] = { { "push.accepted", "accepted" },
		                                 { "push.rejected", "rejected" },
		                                 { "push.cancelled", "cancelled" },
		                                 { "push.timeout", "timed-out" } };

	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(states[i][0], event) == 0)
			return states[i][1];
	return "failed";
}

/* An event about the push; the verdict, unless it goes on. */
static void tell_event(const struct hook *h, const char *event, const char *reason,
                       const char *detail, bool goes_on)
{
	struct verdict v = {
		.event = event,
		.repo = h->repo->name,
		.peer = h->peer,
		.id = h->id,
		.refs = &h->refs,
		.findings = &h->scan.findings,
		.is_unscanned = h->is_unscanned,
		.commits = h->scan.commits,
		.scan_ms = h->scan_ms,
		.forward_ms = h->forward_ms,
		.total_ms = now_ms() - h->started,
		.reason = reason,
		.detail = detail,
		.by = h->by,
		.message = h->message,
		.hold_s = goes_on && !h->by ? h->repo->hold_s : 0,
	};

	if (goes_on)
		verdict_emit(VERDICT_FD, &v);
	else
		give(h, &v);
}

static void emit(struct hook *h, const char *event, const char *reason, const char *detail)
{
	/* the record first: whoever sees the event finds it */
	note(h, state_after(event), reason, detail);
	tell_event(h, event, reason, detail, false);
}

static int reject(struct hook *h, const char *event, const char *reason, const char *detail)
{
	char *shown = findings_mask(&h->scan.findings, reason);

	tell("PUSH REJECTED: %s", shown);
	emit(h, event, reason, detail);
	free(shown);
	return 1;
}

static const char *place_text(enum place p)
{
	switch (p) {
	case PLACE_COMMIT:
		return "(commit message or author)";
	case PLACE_TAG:
		return "(tag message or author)";
	case PLACE_REF:
		return "(name of the branch or tag)";
	case PLACE_PATH:
		return "(name of a file)";
	case PLACE_FILE:
	case PLACE_REVIEW:
		break;
	}
	return "";
}

static void tell_finding(const struct findings *all, const struct finding *f)
{
	char *match = f->secret[0] ? text_mask(f->secret) : xasprintf("(by its name)");

	if (f->place == PLACE_FILE) {
		char *name = findings_mask_name(all, f->name);

		tell("  %s  \"%.200s\":%d  %.12s  %s", f->rule, name, f->line, f->commit, match);
		free(name);
	} else {
		tell("  %s  %s  %.12s  %s", f->rule, place_text(f->place), f->commit, match);
	}
	free(match);
}

static int reject_found(struct hook *h)
{
	const struct findings *f = &h->scan.findings;
	char reason[80];

	for (size_t i = 0; i < f->n && i < SHOWN; i++)
		tell_finding(f, &f->v[i]);
	if (f->n + f->n_more > SHOWN)
		tell("  and %zu more", f->n + f->n_more - SHOWN);
	tell("Take them out of the commits themselves (one that deletes them is not enough).");
	snprintf(reason, sizeof reason, "%zu secret(s) found by gitleaks", f->n + f->n_more);
	return reject(h, "push.rejected", reason, NULL);
}

/* Did a person accept every one of them for this push? */
static bool is_accepted(struct hook *h)
{
	struct findings *f = &h->scan.findings;
	struct err err = { { 0 } };

	if (!h->scan.is_complete)
		return false;
	if (accept_identify(f, h->repo->name, &h->refs, &err) < 0) {
		fprintf(stderr, "git-gate: %s\n", err.msg);
		return false;
	}
	if (!accept_take(GATE_ACCEPTED, h->scratch, f))
		return false;
	for (size_t i = 0; i < f->n && i < SHOWN; i++)
		tell_finding(f, &f->v[i]);
	tell("%zu finding(s), accepted by %.64s for this push", f->n, f->v[0].accepted_by);
	return true;
}

/* Returns 0 when the push may be forwarded. */
static int scan(struct hook *h)
{
	int64_t start = now_ms();
	enum scan_result r = SCAN_CLEAN;

	for (size_t i = 0; i < h->refs.n; i++)
		if (!oid_is_zero(h->refs.v[i].new))
			r = SCAN_ERROR;
	if (r == SCAN_ERROR)
		r = scan_push(&h->scan);
	h->scan_ms = now_ms() - start;
	h->is_unscanned = !h->scan.is_complete && r != SCAN_CLEAN;
	switch (r) {
	case SCAN_CLEAN:
		return 0;
	case SCAN_FOUND:
		return is_accepted(h) ? 0 : reject_found(h);
	case SCAN_REFUSED:
		return reject(h, "push.rejected", h->scan.reason, h->scan.detail);
	case SCAN_ERROR:
		break;
	}
	return reject(h, "scan.error", h->scan.reason, h->scan.detail);
}

static void tell_lines(const char *lines)
{
	while (*lines) {
		int len = (int)strcspn(lines, "\n");

		tell("upstream: %.*s", len, lines);
		lines += len;
		lines += *lines != '\0';
	}
}

static void reject_hostkey(struct hook *h, const struct forward *f, int64_t start)
{
	struct verdict v = { .event = "hostkey.changed",
		             .repo = h->repo->name,
		             .peer = h->peer,
		             .service = service_name(SERVICE_RECEIVE_PACK),
		             .reason = f->reason,
		             .detail = f->detail,
		             .ms = now_ms() - start };

	tell("PUSH REJECTED: %s", f->reason);
	note(h, "failed", f->reason, f->detail);
	give(h, &v);
}

/* The mirror is as old as the push: bring it up to date, with the lock held, and see
 * whether the refs are still where the client saw them. */
static int refresh(struct hook *h)
{
	enum trouble trouble = TROUBLE_OTHER;
	char *detail = NULL;
	bool has_moved = false;
	int rc = 0;

	if (repo_refresh_quarantined(h->repo, h->config->fetch_timeout_s, &h->refs, &has_moved,
	                             &trouble, &detail) < 0)
		rc = reject(h, trouble == TROUBLE_HOSTKEY ? "hostkey.changed" : "push.failed",
		            trouble_text(trouble), detail);
	else if (has_moved)
		rc = reject(h, "push.failed",
		            "the upstream moved on while the push waited: fetch, and push again",
		            NULL);
	free(detail);
	return rc;
}

/* Does the push know where the refs are? One that deletes what is not there would
 * tell the upstream a name that nobody has scanned. */
static int check_refs(struct hook *h)
{
	bool has_moved = false;

	if (repo_find_moved(h->repo, &h->refs, &has_moved) < 0)
		return reject(h, "push.failed", "the gate cannot read its refs", NULL);
	if (has_moved)
		return reject(h, "push.failed",
		              "a ref is not where the push has it: fetch, and push again", NULL);
	return 0;
}

static int forward(struct hook *h, bool has_waited)
{
	struct forward f = { .repo = h->repo, .refs = &h->refs };
	int64_t start = now_ms();
	int rc = 0;

	if (repo_lock(LOCK_FD, start + LOCK_WAIT_S * 1000LL) < 0)
		return reject(h, "push.failed", "another push holds the repository", NULL);
	if (has_waited && refresh(h) != 0)
		return 1;
	if (forward_push(&f) < 0)
		rc = 1;
	h->forward_ms = now_ms() - start;
	tell_lines(f.said);
	if (rc && f.is_hostkey)
		reject_hostkey(h, &f, start);
	else if (rc)
		reject(h, "push.failed", f.reason, f.detail);
	else
		emit(h, "push.accepted", NULL, NULL);
	free(f.reason);
	free(f.detail);
	free(f.said);
	return rc;
}

/* --- holding --------------------------------------------------------------------------- */

static void say(const char *line)
{
	tell("%s", line);
}

static int reject_person(struct hook *h)
{
	char *reason = xasprintf("rejected by %.64s", h->by);
	int rc;

	for (const char *p = h->message; *p;) {
		int len = (int)strcspn(p, "\n");

		tell("%.64s: %.*s", h->by, len, p);
		p += len;
		p += *p != '\0';
	}
	h->is_turned_down = true;
	rc = reject(h, "push.rejected", reason, NULL);
	free(reason);
	return rc;
}

/* Returns 0 when a person let it go on. */
static int hold(struct hook *h)
{
	struct hold wait = { .spool = GATE_SPOOL,
		             .id = h->id,
		             .scratch = h->scratch,
		             .refs = &h->refs,
		             .seconds = h->repo->hold_s,
		             .say = say };
	enum hold_result r;
	int noted = note(h, "held", NULL, NULL);

	if (noted > 0)
		return reject(h, "push.rejected", "too many pushes wait for a person already",
		              NULL);
	if (noted < 0)
		return reject(h, "push.failed", "the gate cannot keep it for a person to look at",
		              NULL);
	tell_event(h, "push.held", NULL, NULL, true);
	r = hold_wait(&wait);
	h->by = wait.by;
	h->message = wait.message;
	switch (r) {
	case HOLD_APPROVED:
		tell("approved by %.64s", h->by);
		note(h, "forwarding", NULL, NULL);
		tell_event(h, "push.approved", NULL, NULL, true);
		return 0;
	case HOLD_REJECTED:
		return reject_person(h);
	case HOLD_GONE:
		return reject(h, "push.cancelled", "the client went away while the push waited",
		              NULL);
	case HOLD_LATE:
		break;
	}
	return reject(h, "push.timeout", "nobody approved it in time; push again to ask again",
	              NULL);
}

static int pass(struct hook *h)
{
	bool is_held = h->repo->hold_s > 0;
	int rc = is_held ? hold(h) : 0;

	if (rc == 0)
		rc = forward(h, is_held);
	/* a false alarm stays one until a push with it has passed, or was turned down */
	if (rc != 0 && !h->is_turned_down)
		accept_put_back(GATE_ACCEPTED, h->scratch, &h->scan.findings);
	return rc;
}

static int read_updates(struct hook *h)
{
	struct buf in = BUF_INIT(4U << 20);
	char chunk[65536];
	ssize_t n;

	while ((n = read(0, chunk, sizeof chunk)) > 0 && buf_add(&in, chunk, (size_t)n) == 0)
		;
	for (const char *p = buf_str(&in); n == 0 && *p;) {
		size_t len = strcspn(p, "\n");

		if (ref_updates_add(&h->refs, p, len) < 0)
			n = -1;
		p += len + (p[len] == '\n');
	}
	buf_done(&in);
	return n != 0 || h->refs.n == 0 ? -1 : 0;
}

static int prepare(struct hook *h, struct err *err)
{
	const char *repo = getenv(ENV_REPO), *started = getenv(ENV_START);

	h->id = getenv(ENV_PUSH);
	h->peer = getenv(ENV_PEER);
	if (!repo || !started || !h->id || !h->peer)
		return err_set(err, "not run by the gate's own server");
	if (fcntl(VERDICT_FD, F_SETFD, FD_CLOEXEC) < 0 || fcntl(LOCK_FD, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(err, "git did not hand the gate's descriptors on");
	if (config_load(&h->config, GATE_CONFIG, err) < 0)
		return -1;
	h->repo = config_find_name(h->config, repo);
	if (!h->repo)
		return err_set(err, "the repository is no longer in the gate's configuration");
	h->started = strtoll(started, NULL, 10);
	h->scratch = xasprintf(GATE_SCRATCH "/%s", h->id);
	h->scan.refs = &h->refs;
	h->scan.scratch = h->scratch;
	h->scan.limit_s = h->config->scan_timeout_s;
	h->is_unscanned = true;
	mark(h, HOOK_STARTED);
	return 0;
}

int hook_main(void)
{
	struct hook h = { 0 };
	struct err err = { { 0 } };
	int rc = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN); /* a client that has gone does not stop a forward */
	if (prepare(&h, &err) < 0)
		tell("PUSH REJECTED: %s", err.msg);
	else if (read_updates(&h) < 0)
		reject(&h, "scan.error", "git gave the hook no list of refs", NULL);
	else if (hook_policy(&h.refs, &err) < 0)
		reject(&h, "push.rejected", err.msg, NULL);
	else if (check_refs(&h) == 0 && scan(&h) == 0)
		rc = pass(&h);
	findings_done(&h.scan.findings);
	findings_done(&h.scan.shown);
	review_done(&h.scan.review);
	cJSON_Delete(h.record);
	free(h.by);
	free(h.message);
	ref_updates_done(&h.refs);
	config_free(h.config);
	free(h.scratch);
	return rc;
}
