/* Deciding what a session may reach: allow, revoke, freeze.
 *
 * The agent chose the host's text, the moment and the number of questions. So the
 * question is about a copy of what was selected when it was opened, says what the
 * name is, has no default, and what must not be allowed says why instead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/inbox.h"
#include "core/manifest.h"
#include "core/manifest_save.h"
#include "core/mem.h"
#include "core/pipelock_explain.h"
#include "core/policy.h"
#include "ui/app_int.h"

enum scope { SCOPE_SESSION, SCOPE_SOON, SCOPE_SOON_CUT, SCOPE_MANIFEST };

static int64_t now(void)
{
	return fleet_clock_ns() / 1000000000;
}

static void change(struct app *a, const char *session, enum policy_verb verb, const char *host,
                   int64_t seconds, bool cuts)
{
	const struct policy_change c = { .verb = verb,
		                         .host = host,
		                         .seconds = seconds,
		                         .cuts = cuts };

	fleet_change_policy(a->fleet, session, &c);
}

/* --- into the manifest ---------------------------------------------------------------------- */

static void edit_free(void *edit)
{
	manifest_edit_free(edit);
}

static void on_write(struct app *a, struct choice *ch)
{
	const struct manifest_edit *e = ch->extra;
	struct err err = { 0 };

	if (manifest_edit_write(e, &err) < 0 ||
	    (e->origin == MANIFEST_PROJECT && a->opt.renew_trust &&
	     a->opt.renew_trust(a->opt.load_arg, e->path, e->digest, &err) < 0)) {
		fleet_say(a->fleet, FLEET_ERROR, "%s", err.msg);
		return;
	}
	fleet_reload(a->fleet);
	fleet_say(a->fleet, FLEET_INFO, "written to %s", e->path);
	fleet_saved_host(a->fleet, ch->session, ch->host);
	if (app_runs(a, ch->session))
		change(a, ch->session, POLICY_ALLOW, ch->host, 0, false);
}

static void show_edit(struct rich *r, const struct manifest_edit *e)
{
	rich_field(r, "file", THEME_TEXT, e->path);
	rich_field(r, "bottle", THEME_TEXT, e->bottle);
	rich_gap(r);
	for (const char *line = e->diff; *line;) {
		size_t len = strcspn(line, "\n");

		enum theme_element color = *line == '+'   ? THEME_ALLOWED
		                           : *line == '-' ? THEME_BLOCKED
		                                          : THEME_DIM;

		rich_addf(r, color, "%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
	rich_gap(r);
	for (char **name = e->widened; name && *name; name++)
		rich_field(r, name == e->widened ? "also for" : "", THEME_WARN, *name);
	if (e->widened && *e->widened)
		rich_add(r, THEME_WARN,
		         "These agents use the bottle too, and get the host from their next launch "
		         "on.");
	if (e->origin == MANIFEST_PROJECT)
		rich_add(r, THEME_TEXT, "The file stays trusted, with the bytes that are written.");
}

/* The session's agent, of one too that is gone; NULL and *err. */
static const struct agent_spec *agent_of(const struct app *a, const char *session,
                                         struct err *err)
{
	const struct fleet_row *row = fleet_find(a->fleet, session);
	char name[MANIFEST_NAME_MAX + 1];

	session_name_agent(name, session);
	return manifest_usable_agent(fleet_manifest(a->fleet), row ? row->agent : name, err);
}

static void ask_write(struct app *a, const char *session, const char *host)
{
	struct err err = { 0 };
	const struct agent_spec *agent = agent_of(a, session, &err);
	struct manifest_edit *e = NULL;
	struct choice *ch;

	if (!agent ||
	    manifest_save_host(&e, fleet_manifest(a->fleet), agent, host, &err) < 0) {
		fleet_say(a->fleet, FLEET_ERROR, "not written: %s", err.msg);
		return;
	}
	if (e->is_nothing) {
		fleet_say(a->fleet, FLEET_INFO, "the manifest has %s already", host);
		manifest_edit_free(e);
		if (app_runs(a, session))
			change(a, session, POLICY_ALLOW, host, 0, false);
		return;
	}
	ch = choice_open(a, "Write this into the manifest?", on_write);
	choice_about(ch, session, host);
	ch->extra = e;
	ch->free_extra = edit_free;
	show_edit(&ch->text, e);
	if (app_runs(a, session))
		choice_add(ch, "write it, and let %s reach %s now", session, host);
	else
		choice_add(ch, "write it: %s reaches %s from its next launch on", session, host);
}

/* --- allow ----------------------------------------------------------------------- */

static void on_allow(struct app *a, struct choice *ch)
{
	switch ((enum scope)ch->chosen) {
	case SCOPE_SESSION:
		change(a, ch->session, POLICY_ALLOW, ch->host, 0, false);
		break;
	case SCOPE_SOON:
	case SCOPE_SOON_CUT:
		change(a, ch->session, POLICY_ALLOW, ch->host, POLICY_SOON,
		       ch->chosen == SCOPE_SOON_CUT);
		break;
	case SCOPE_MANIFEST:
		ask_write(a, ch->session, ch->host);
		break;
	}
}

static void show_host(struct rich *r, const struct policy_advice *advice)
{
	rich_field(r, "host", THEME_TEXT, advice->host);
	rich_mark(r, advice->registered_at, strlen(advice->host) - advice->registered_at,
	          THEME_WAITS);
	rich_fieldf(r, "", THEME_DIM, "%s is what somebody registered",
	            advice->host + advice->registered_at);
	rich_field(r, "how much", THEME_TEXT, "this very host and no other, on any port");
	if (advice->is_punycode)
		rich_field(r, "beware", THEME_WARN,
		           "xn-- stands for letters beyond ASCII: it may look like another name");
	if (advice->offer == POLICY_OFFERED_WARNED)
		rich_field(r, "beware", THEME_WARN, advice->reason);
}

static void refuse(struct app *a, struct rich *text, const char *title)
{
	struct choice *ch = choice_open(a, title, NULL);

	ch->text = *text;
}

static void on_allow_later(struct app *a, struct choice *ch)
{
	ask_write(a, ch->session, ch->host);
}

/* It does not run: only the next launch can be told. */
static void ask_later(struct app *a, const char *session, const struct policy_advice *advice,
                      struct rich *r)
{
	struct err err = { 0 };
	struct choice *ch;

	if (!agent_of(a, session, &err)) {
		rich_gap(r);
		rich_add(r, THEME_WARN, "It does not run: there is nothing to be allowed. What "
		                        "stands in the manifest counts from its next launch.");
		refuse(a, r, "Not to be allowed");
		return;
	}
	show_host(r, advice);
	rich_gap(r);
	rich_add(r, THEME_WARN,
	         "It does not run: nothing can be let through now, but at its next launch.");
	ch = choice_open(a, "Let it through next time?", on_allow_later);
	choice_about(ch, session, advice->host);
	ch->text = *r;
	choice_add(ch, "in the manifest: at each launch of its bottle (shows the change)");
}

/* e: what was refused; NULL when only a host was named. */
static void ask_allow(struct app *a, const char *session, const struct policy_advice *advice,
                      const char *asked, const struct event *e)
{
	const struct pipelock_scanner *x =
		e && e->source == EVENT_FROM_PIPELOCK && e->rule ? pipelock_explain(e->rule) : NULL;
	const struct fleet_row *row = fleet_find(a->fleet, session);
	struct rich r = { 0 };
	struct choice *ch;

	rich_field(&r, "session", THEME_TEXT, session);
	if (advice->offer == POLICY_NEVER || advice->offer == POLICY_ALREADY) {
		rich_field(&r, "host", THEME_TEXT, *advice->host ? advice->host : asked);
		rich_gap(&r);
		rich_add(&r, advice->offer == POLICY_NEVER ? THEME_WARN : THEME_ALLOWED,
		         *advice->reason ? advice->reason : "It is let through already.");
		if (x && advice->offer == POLICY_NEVER && !strstr(advice->reason, x->meaning)) {
			rich_gap(&r);
			rich_field(&r, "pipelock", THEME_TEXT, x->meaning);
			rich_field(&r, "", THEME_TEXT, x->advice);
		}
		refuse(a, &r,
		       advice->offer == POLICY_NEVER ? "Not to be allowed" : "Allowed already");
		return;
	}
	if (!row || row->state != SESSION_RUNNING) {
		ask_later(a, session, advice, &r);
		return;
	}
	show_host(&r, advice);
	if (row->is_frozen)
		rich_field(&r, "beware", THEME_WARN, "The session is frozen: it reaches nothing "
		                                     "until F thaws it.");
	ch = choice_open(a, "Let it through?", on_allow);
	choice_about(ch, session, advice->host);
	ch->text = r;
	choice_add(ch, "while this session lives");
	choice_add(ch, "for 15 minutes; then no new connections");
	choice_add(ch, "for 15 minutes; then everything is cut (every tunnel of the session)");
	choice_add(ch, "in the manifest: now, and at each launch of its bottle (shows the change)");
}

void allow_event(struct app *a, const struct event *e)
{
	const char *session = e->session ? e->session : "";
	struct policy_advice advice;

	policy_consider_event(&advice, e, fleet_policy(a->fleet, session), now());
	ask_allow(a, session, &advice, e->host ? e->host : "?", e);
}

void allow_host(struct app *a, const char *session, const char *host)
{
	struct policy_advice advice;

	policy_consider(&advice, host, fleet_policy(a->fleet, session), now());
	ask_allow(a, session, &advice, host, NULL);
}

/* --- revoke ----------------------------------------------------------------------------------- */

static void on_revoke(struct app *a, struct choice *ch)
{
	change(a, ch->session, POLICY_REVOKE, ch->host, 0, ch->chosen == 1);
}

void revoke_host(struct app *a, const char *session, const char *host)
{
	struct choice *ch;

	if (!app_runs(a, session)) {
		fleet_say(a->fleet, FLEET_INFO, "%s does not run: it reaches nothing", session);
		return;
	}
	ch = choice_open(a, "Take it away?", on_revoke);
	choice_about(ch, session, host);
	rich_field(&ch->text, "session", THEME_TEXT, session);
	rich_field(&ch->text, "host", THEME_TEXT, host);
	choice_add(ch, "for new connections only; open tunnels live on, an hour at most");
	choice_add(ch, "cut now: every tunnel of the session breaks, its agent may notice");
}

/* --- freeze ----------------------------------------------------------------------------------- */

static void freeze_all(struct app *a, enum policy_verb verb)
{
	for (size_t i = 0; i < fleet_n_rows(a->fleet); i++) {
		const struct fleet_row *r = fleet_row(a->fleet, i);

		if (r->state == SESSION_RUNNING && r->is_frozen != (verb == POLICY_FREEZE))
			change(a, r->name, verb, NULL, 0, false);
	}
}

static void on_freeze(struct app *a, struct choice *ch)
{
	enum policy_verb verb = ch->is_thaw ? POLICY_THAW : POLICY_FREEZE;

	/* without a session to name, the only answer is: all */
	if (ch->chosen == 0 && *ch->session)
		change(a, ch->session, verb, NULL, 0, false);
	else
		freeze_all(a, verb);
}

void freeze_ask(struct app *a, const char *session)
{
	const struct fleet_row *row = fleet_find(a->fleet, session);
	bool is_running = row && row->state == SESSION_RUNNING;
	size_t running = 0, frozen = 0;
	struct choice *ch;

	for (size_t i = 0; i < fleet_n_rows(a->fleet); i++) {
		const struct fleet_row *r = fleet_row(a->fleet, i);

		running += r->state == SESSION_RUNNING;
		frozen += r->state == SESSION_RUNNING && r->is_frozen;
	}
	if (running == 0) {
		fleet_say(a->fleet, FLEET_INFO, "no session runs");
		return;
	}
	ch = choice_open(a, "", on_freeze);
	ch->is_thaw = is_running ? row->is_frozen : frozen == running;
	free(ch->title);
	ch->title = xstrdup(ch->is_thaw ? "Thaw?" : "Freeze?");
	choice_about(ch, is_running ? session : "", NULL);
	rich_add(&ch->text, THEME_TEXT,
	         ch->is_thaw ? "Its agent goes on, and requests are judged as before."
	                     : "Its agent is paused, and every request is refused, in open tunnels "
	                       "too. Nothing is lost; F again thaws it.");
	if (is_running)
		choice_add(ch, "%s", session);
	if (ch->is_thaw)
		choice_add(ch, "all that are frozen (%zu)", frozen);
	else
		choice_add(ch, "all sessions that run (%zu)", running - frozen);
}
