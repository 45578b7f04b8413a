/* Pushes on the screen: the verdict with its commits and findings, and the person's
 * decision about one that is held. A decision is about the push as it was shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/policy.h"
#include "core/push.h"
#include "ui/app_int.h"

#define COMMITS_SHOWN 12
#define REREAD_NS     2000000000ll

static int64_t now(void)
{
	return fleet_clock_ns() / 1000000000;
}

/* --- the record ------------------------------------------------------------------------- */

void push_forget(struct app *a)
{
	struct push_view *v = &a->push;

	fleet_give_up(a->fleet, v->job);
	if (v->has_push)
		push_done(&v->push);
	free(v->error);
	*v = (struct push_view){ .has_push = false };
}

static void take(struct push_view *v, struct push *p)
{
	if (v->has_push)
		push_done(&v->push);
	v->push = *p;
	v->has_push = true;
	*p = (struct push){ .id = NULL };
}

static void on_push(void *arg, struct push *p, const struct err *err)
{
	struct app *a = arg;
	struct push_view *v = &a->push;

	v->job = NULL;
	v->read_ns = fleet_clock_ns();
	free(v->error);
	v->error = err ? xstrdup(err->msg) : NULL;
	if (p && a->screen)
		take(v, p);
	app_dirty(a);
}

/* The record after a decision; of another push than is looked at by now it is let go. */
static void on_decided(void *arg, struct push *p, const struct err *err)
{
	struct app *a = arg;

	(void)err;
	if (a->screen && p && p->id && strcmp(p->id, a->push.id) == 0)
		take(&a->push, p);
	app_dirty(a);
}

/* A held push whose time is over has become something else. */
static bool is_stale(const struct push_view *v)
{
	return v->has_push && v->push.state == PUSH_HELD && v->push.hold_until < now() &&
	       fleet_clock_ns() - v->read_ns > REREAD_NS;
}

const struct push *push_want(struct app *a, const char *session, const char *id,
                             const char **error)
{
	struct push_view *v = &a->push;
	bool is_other = strcmp(v->session, session) != 0 || strcmp(v->id, id) != 0;

	if (is_other) {
		push_forget(a);
		snprintf(v->session, sizeof v->session, "%s", session);
		snprintf(v->id, sizeof v->id, "%s", id);
	}
	if (!v->job && (is_other || is_stale(v)))
		v->job = fleet_read_push(a->fleet, session, id, on_push, a);
	*error = v->error;
	return v->has_push ? &v->push : NULL;
}

/* --- the card ------------------------------------------------------------------------------ */

static const char *short_ref(const char *ref)
{
	if (strncmp(ref, "refs/heads/", 11) == 0)
		return ref + 11;
	return strncmp(ref, "refs/tags/", 10) == 0 ? ref + 5 : ref;
}

static bool is_zero(const char *oid)
{
	return strspn(oid, "0") == strlen(oid);
}

static void add_refs(struct rich *r, const struct push *p)
{
	struct buf warning = BUF_INIT(200);

	for (size_t i = 0; i < p->n_refs; i++) {
		const struct push_ref *ref = &p->refs[i];
		const char *label = i == 0 ? "refs" : "";

		if (is_zero(ref->new))
			rich_fieldf(r, label, THEME_WARN, "%s is deleted (was %.12s)",
			            short_ref(ref->ref), ref->old);
		else if (is_zero(ref->old))
			rich_fieldf(r, label, THEME_TEXT, "%s, new, at %.12s", short_ref(ref->ref),
			            ref->new);
		else
			rich_fieldf(r, label, THEME_TEXT, "%s, %.12s to %.12s", short_ref(ref->ref),
			            ref->old, ref->new);
		push_ref_warning(&warning, p, ref);
		if (warning.len > 0)
			rich_fieldf(r, "", THEME_WARN, "%s", buf_str(&warning));
		buf_reset(&warning);
	}
	buf_done(&warning);
}

static void add_commits(struct rich *r, const struct push *p)
{
	for (size_t i = 0; i < p->n_commits && i < COMMITS_SHOWN; i++) {
		const struct push_commit *c = &p->commits[i];
		const char *label = i == 0 ? "commits" : "";

		if (c->added >= 0)
			rich_fieldf(r, label, THEME_TEXT, "%.10s +%ld -%ld  %s  (%s)", c->oid,
			            c->added, c->removed, c->subject ? c->subject : "",
			            c->author ? c->author : "nobody");
		else
			rich_fieldf(r, label, THEME_TEXT, "%.10s  %s  (%s)", c->oid,
			            c->subject ? c->subject : "", c->author ? c->author : "nobody");
	}
	if (p->all_commits > p->n_commits || p->n_commits > COMMITS_SHOWN)
		rich_fieldf(r, "", THEME_DIM, "%zu commits in all", p->all_commits);
}

static void add_findings(struct rich *r, const struct push *p)
{
	for (size_t i = 0; i < p->n_findings; i++) {
		const struct push_finding *f = &p->findings[i];
		char label[32];

		snprintf(label, sizeof label, "finding %zu", i + 1);
		rich_fieldf(r, label, THEME_BLOCKED, "%s  %s%s%.0u  %s", f->rule,
		            f->file ? f->file : "not in a file", f->line ? ":" : "", f->line,
		            f->match ? f->match : "");
		if (f->accepted_by)
			rich_fieldf(r, "", THEME_ALLOWED, "accepted by %s, for one push",
			            f->accepted_by);
	}
	if (p->all_findings > p->n_findings)
		rich_fieldf(r, "", THEME_DIM, "%zu findings in all", p->all_findings);
}

static void add_state(struct rich *r, const struct push *p)
{
	int64_t left = p->hold_until - now();
	char how_long[16];

	policy_duration_text(how_long, left > 0 ? left : 0);
	if (push_is_open(p))
		rich_fieldf(r, "waits", THEME_WAITS, "%s left, then it is refused", how_long);
	else
		rich_fieldf(r, "state", p->state == PUSH_ACCEPTED ? THEME_ALLOWED : THEME_TEXT,
		            "%s%s%s", push_state_name(p->state), p->by ? " by " : "",
		            p->by ? p->by : "");
	rich_field(r, "message", THEME_TEXT, p->message);
	rich_field(r, "reason", THEME_TEXT, p->reason);
	rich_field(r, "in words", THEME_DIM, p->detail);
}

void push_build(struct app *a, struct rich *r, const char *session, const char *id)
{
	const char *error;
	const struct push *p = push_want(a, session, id, &error);

	if (!p) {
		rich_field(r, "record", THEME_DIM, error ? error : "asking the gate...");
		return;
	}
	rich_field(r, "repository", THEME_TEXT, p->repo);
	add_refs(r, p);
	add_state(r, p);
	add_commits(r, p);
	add_findings(r, p);
	rich_gap(r);
	if (p->diff_len)
		rich_field(r, "d", THEME_TEXT, "shows what it changes, line by line");
	if (push_is_open(p)) {
		rich_field(r, "A", THEME_TEXT, "approves: it goes to the upstream");
		rich_field(r, "X", THEME_TEXT, "rejects: the agent's git shows your message");
	} else if (p->n_findings && p->state == PUSH_REJECTED) {
		rich_field(r, "f", THEME_TEXT,
		           "accepts a finding that is a false alarm, for one push: the agent then "
		           "pushes again");
	}
}

/* --- decisions -------------------------------------------------------------------------------- */

/* The push of a question, if it still is the one that is looked at. */
static const struct push *push_of(struct app *a, const char *session, const char *id)
{
	if (a->push.has_push && strcmp(a->push.session, session) == 0 &&
	    strcmp(a->push.push.id, id) == 0)
		return &a->push.push;
	fleet_say(a->fleet, FLEET_WARN, "another push is looked at by now: nothing was decided");
	return NULL;
}

static void on_approve(struct app *a, struct choice *ch)
{
	const struct push *p = push_of(a, ch->session, ch->host);
	const struct push_decision d = { .session = ch->session, .action = PUSH_APPROVE };

	if (p)
		fleet_decide_push(a->fleet, p, &d, on_decided, a);
}

static void ask_approve(struct app *a, const char *session, const struct push *p)
{
	struct choice *ch = choice_open(a, "Forward this push?", on_approve);

	choice_about(ch, session, p->id);
	rich_field(&ch->text, "session", THEME_TEXT, session);
	rich_field(&ch->text, "repository", THEME_TEXT, p->repo);
	add_refs(&ch->text, p);
	rich_fieldf(&ch->text, "commits", THEME_TEXT, "%zu", p->all_commits);
	choice_add(ch, "forward it to the upstream");
}

static void on_reject(struct app *a, bool accepted)
{
	const char *id = strchr(a->dialog.subject, ' ');
	char session[FLEET_NAME_MAX];
	const struct push *p;
	struct push_decision d = { .session = session, .action = PUSH_REJECT };

	if (!accepted || !id)
		return;
	snprintf(session, sizeof session, "%.*s", (int)(id - a->dialog.subject),
	         a->dialog.subject);
	d.message = a->dialog.input.len ? buf_str(&a->dialog.input) : NULL;
	p = push_of(a, session, id + 1);
	if (p)
		fleet_decide_push(a->fleet, p, &d, on_decided, a);
}

static void ask_reject(struct app *a, const char *session, const struct push *p)
{
	snprintf(a->dialog.subject, sizeof a->dialog.subject, "%s %s", session, p->id);
	dialog_prompt(a, "Reject this push", "What the agent's git shall show it:", false,
	              on_reject);
}

static void on_accept(struct app *a, struct choice *ch)
{
	const struct push *p = push_of(a, ch->session, ch->host);
	struct push_decision d = { .session = ch->session, .action = PUSH_ACCEPT_FINDING };
	int n = ch->chosen;

	for (size_t i = 0; p && i < p->n_findings; i++)
		if (p->findings[i].id && n-- == 0)
			d.finding = p->findings[i].id;
	if (p && d.finding)
		fleet_decide_push(a->fleet, p, &d, on_decided, a);
}

static void ask_accept(struct app *a, const char *session, const struct push *p)
{
	struct choice *ch;
	size_t n = 0;

	for (size_t i = 0; i < p->n_findings; i++)
		n += p->findings[i].id != NULL;
	if (n == 0) {
		fleet_say(a->fleet, FLEET_WARN, "none of its findings can be accepted");
		return;
	}
	ch = choice_open(a, "Is it a false alarm?", on_accept);
	choice_about(ch, session, p->id);
	rich_add(&ch->text, THEME_WARN,
	         "Whoever reads the upstream will have it. It passes once, in the next push to the "
	         "same refs, and only this very finding.");
	for (size_t i = 0; i < p->n_findings; i++) {
		const struct push_finding *f = &p->findings[i];

		if (f->id)
			choice_add(ch, "%s  %s:%u  %s", f->rule, f->file ? f->file : "-", f->line,
			           f->match ? f->match : "");
	}
}

bool push_command(struct app *a, enum ui_command c, const char *session, const char *id)
{
	const char *error;
	const struct push *p;

	if (c != UI_DIFF && c != UI_APPROVE && c != UI_REJECT && c != UI_ACCEPT)
		return false;
	p = push_want(a, session, id, &error);
	if (c == UI_DIFF) {
		diff_open(a, session, id);
		return true;
	}
	if (!p)
		fleet_say(a->fleet, FLEET_WARN, "%s", error ? error : "the gate was not heard yet");
	else if (c == UI_ACCEPT)
		ask_accept(a, session, p);
	else if (!push_is_open(p))
		fleet_say(a->fleet, FLEET_WARN, "it does not wait: it is %s",
		          push_state_name(p->state));
	else if (c == UI_APPROVE)
		ask_approve(a, session, p);
	else
		ask_reject(a, session, p);
	return true;
}
