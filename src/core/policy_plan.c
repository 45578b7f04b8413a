/* What a change writes: the overlay, the keeper's files, the file in force. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "core/policy_int.h"
#include "core/text.h"

#define SOON 2 /* seconds: what ends within is ended right away (see build()) */
#define LATE 10 /* seconds that a file may be there after it is due, and written */
#define SECONDS_MIN 5

/* --- the state ------------------------------------------------------------------------- */

int policy_state_read(struct policy_state **out, const struct policy_files *files, struct err *err)
{
	struct policy_state *s = xcalloc(1, sizeof *s);

	if (policy_base_read(&s->base, files->base, files->base_len, err) < 0)
		goto fail;
	if (files->overlay &&
	    policy_overlay_read(&s->overlay, files->overlay, files->overlay_len, err) < 0)
		goto fail;
	s->has_overlay = files->overlay != NULL;
	if (!s->has_overlay)
		hash_sha256_hex(s->overlay.hash, s->base.text, s->base.len);
	policy_live_read(&s->live, files->live, files->live_len);
	s->live_text = xstrndup(files->live, files->live_len);
	*out = s;
	return 0;
fail:
	policy_state_free(s);
	return -1;
}

void policy_state_free(struct policy_state *s)
{
	if (!s)
		return;
	policy_base_done(&s->base);
	policy_overlay_done(&s->overlay);
	free(s->live_text);
	free(s);
}

struct policy_state *policy_state_after(const struct policy_state *s,
                                        const struct policy_plan *plan)
{
	const struct policy_files files = { .base = s->base.text,
		                            .base_len = s->base.len,
		                            .overlay = plan->files[0].text,
		                            .overlay_len = plan->files[0].len,
		                            .live = plan->live->text,
		                            .live_len = plan->live->len };
	struct policy_state *after = NULL;
	struct err err;

	/* what we write, we can read: all of it passed the same checks */
	if (policy_state_read(&after, &files, &err) < 0)
		abort();
	return after;
}

bool policy_state_is_unfinished(const struct policy_state *s)
{
	return s->has_overlay && strcmp(s->live.hash, s->overlay.hash) != 0 &&
	       strcmp(s->live.hash, s->overlay.was) == 0;
}

bool policy_state_is_foreign(const struct policy_state *s)
{
	if (strcmp(s->live.hash, s->overlay.hash) == 0 || policy_state_is_unfinished(s))
		return false;
	for (size_t i = 0; i < s->overlay.n_steps; i++)
		if (strcmp(s->live.hash, s->overlay.steps[i].hash) == 0)
			return false;
	return true;
}

/* Is the entry one of a change that broke off? */
static bool is_half_made(const struct policy_state *s, const struct policy_entry *e)
{
	return policy_state_is_unfinished(s) && e->generation == s->overlay.generation;
}

static bool is_frozen(const struct policy_state *s)
{
	return s->overlay.is_frozen || (policy_state_is_unfinished(s) && s->live.is_frozen);
}

static void add_entry(struct policy_entry **v, size_t *n, const struct policy_entry *e)
{
	*v = xreallocarray(*v, *n + 1, sizeof **v);
	policy_entry_copy(&(*v)[(*n)++], e);
}

/* Those that are in force after at. */
static void copy_entries(struct policy_entry **v, size_t *n, const struct policy_state *s,
                         int64_t at)
{
	for (size_t i = 0; i < s->overlay.n_entries; i++) {
		const struct policy_entry *e = &s->overlay.entries[i];

		if (!is_half_made(s, e) && (e->until == 0 || e->until > at))
			add_entry(v, n, e);
	}
}

static char **copy_list(char *const *list)
{
	char **copy = NULL;
	size_t n = 0;

	for (; list && *list; list++)
		strv_push(&copy, &n, xstrdup(*list));
	return copy;
}

struct policy *policy_state_show(const struct policy_state *s, const char *session, int64_t now)
{
	struct policy *p = xcalloc(1, sizeof *p);
	size_t len = strlen(session);

	memcpy(p->session, session, len < MANIFEST_NAME_MAX ? len : MANIFEST_NAME_MAX);
	p->allowlist = copy_list(s->base.allowlist);
	p->passthrough = copy_list(s->base.passthrough);
	p->trusted = copy_list(s->base.trusted);
	copy_entries(&p->entries, &p->n_entries, s, now);
	p->generation = s->overlay.generation;
	p->is_frozen = s->live.is_frozen;
	p->is_foreign = policy_state_is_foreign(s);
	memcpy(p->hash, s->live.hash, sizeof p->hash);
	return p;
}

/* --- the files ------------------------------------------------------------------------- */

struct draft {
	const struct policy_state *state;
	struct policy_overlay next;
	int64_t now;
	int64_t ends[POLICY_ENTRIES_MAX + 2 * POLICY_STEPS_MAX]; /* in order */
	size_t n_ends;
	struct policy_plan *plan;
	size_t size;
	bool is_as_was; /* the file in force is to say what it said */
};

static void add_end(struct draft *d, int64_t at)
{
	size_t i = d->n_ends;

	while (i > 0 && d->ends[i - 1] > at)
		i--;
	if ((i > 0 && d->ends[i - 1] == at) || d->n_ends == sizeof d->ends / sizeof *d->ends)
		return;
	memmove(d->ends + i + 1, d->ends + i, (d->n_ends - i) * sizeof *d->ends);
	d->ends[i] = at;
	d->n_ends++;
}

/* How often tunnels were cut by the time that ours is written, as far as those who
 * wrote before us foresaw. */
static uint64_t cut_so_far(const struct policy_state *s, int64_t now)
{
	uint64_t cut = s->live.cut;

	if (policy_state_is_unfinished(s))
		return cut;
	if (s->overlay.cut > cut)
		cut = s->overlay.cut;
	for (size_t i = 0; i < s->overlay.n_steps; i++)
		if (s->overlay.steps[i].at <= now + SOON && s->overlay.steps[i].cut > cut)
			cut = s->overlay.steps[i].cut;
	return cut;
}

static struct policy_file *add_file(struct draft *d, char *name, struct buf *text, int64_t at)
{
	struct policy_plan *p = d->plan;
	struct policy_file *f;

	p->files = xreallocarray(p->files, p->n + 1, sizeof *p->files);
	f = &p->files[p->n++];
	*f = (struct policy_file){ .name = name, .len = text->len, .at = at };
	hash_sha256_hex(f->hash, buf_str(text), text->len);
	f->text = buf_steal(text);
	d->size += f->len;
	return f;
}

static void add_step(struct draft *d, int64_t at, uint64_t cut)
{
	struct buf text = BUF_INIT(PIPELOCK_CONFIG_MAX * 2);
	struct policy_file *f;
	struct policy_step *step;

	policy_base_render(&text, &d->state->base, &d->next, cut, at);
	f = add_file(d, xasprintf(POLICY_LIVE ".at-%lld", (long long)at), &text, at);
	step = &d->next.steps[d->next.n_steps++];
	*step = (struct policy_step){ .at = at, .cut = cut };
	memcpy(step->hash, f->hash, sizeof step->hash);
}

static bool cuts_at(const struct policy_overlay *o, int64_t at)
{
	for (size_t i = 0; i < o->n_entries; i++)
		if (o->entries[i].cuts && o->entries[i].until == at)
			return true;
	return false;
}

/* May the keeper's file still be there? The last change wrote it again if it could
 * have been there then, past its moment or not. */
static bool may_be_there(const struct policy_overlay *old, const struct policy_step *step,
                         int64_t now)
{
	return step->at > now - LATE || old->written > now - LATE;
}

/* Complete the draft, whose next overlay has its entries, generation, cut and
 * is_frozen, and hand its plan out. What ended, or ends within SOON, is in none of
 * the files: else a file of the keeper's could come into force between our writing
 * it and our writing the file in force, and never end what that allows. */
static int build(struct policy_plan **out, struct draft *d, struct err *err)
{
	const struct policy_overlay *old = &d->state->overlay;
	struct buf text = BUF_INIT(PIPELOCK_CONFIG_MAX * 2);
	uint64_t cut = d->next.cut;
	struct policy_file overlay;

	for (size_t i = 0; i < d->next.n_entries; i++)
		if (d->next.entries[i].until)
			add_end(d, d->next.entries[i].until);
	for (size_t i = 0; i < old->n_steps; i++)
		if (may_be_there(old, &old->steps[i], d->now))
			add_end(d, old->steps[i].at);
	if (d->n_ends > POLICY_STEPS_MAX)
		return err_set(err, ERR_POLICY,
		               "more than %d moments at which something ends; wait for some, or "
		               "allow for the session",
		               POLICY_STEPS_MAX);
	/* the overlay comes first, but holds the others' hashes */
	d->plan->files = xcalloc(1, sizeof *d->plan->files);
	d->plan->n = 1;
	d->next.steps = xcalloc(d->n_ends + 1, sizeof *d->next.steps);
	for (size_t i = 0; i < d->n_ends; i++) {
		cut += cuts_at(&d->next, d->ends[i]);
		add_step(d, d->ends[i], cut);
	}
	if (d->is_as_was) {
		buf_addf(&text, "# generation %llu cut %llu\n",
		         (unsigned long long)d->next.generation, (unsigned long long)d->next.cut);
		buf_adds(&text, d->state->live_text + d->state->live.body);
	} else {
		policy_base_render(&text, &d->state->base, &d->next, d->next.cut, d->now);
	}
	add_file(d, xstrdup(POLICY_LIVE), &text, 0);
	memcpy(d->next.hash, d->plan->files[d->plan->n - 1].hash, sizeof d->next.hash);
	memcpy(d->next.was, d->state->live.hash, sizeof d->next.was);

	text = (struct buf)BUF_INIT(POLICY_OVERLAY_MAX);
	policy_overlay_write(&text, &d->next);
	add_file(d, xstrdup(POLICY_OVERLAY), &text, 0);
	overlay = d->plan->files[--d->plan->n];
	d->plan->files[0] = overlay;
	d->plan->live = &d->plan->files[d->plan->n - 1];
	d->plan->cuts = d->next.cut != d->state->live.cut;
	if (d->size > POLICY_FILES_MAX)
		return err_set(err, ERR_POLICY,
		               "the allowlist is too long for so many moments at which something "
		               "ends; wait for some, or allow for the session");
	*out = d->plan;
	d->plan = NULL;
	return 0;
}

static void draft_init(struct draft *d, const struct policy_state *s, int64_t now)
{
	uint64_t generation = s->overlay.generation;

	*d = (struct draft){ .state = s, .now = now, .plan = xcalloc(1, sizeof *d->plan) };
	if (s->live.generation > generation)
		generation = s->live.generation;
	d->next.generation = generation + 1;
	d->next.written = now;
	d->next.is_frozen = is_frozen(s);
	d->next.cut = cut_so_far(s, now);
	copy_entries(&d->next.entries, &d->next.n_entries, s, now + SOON);
}

static void draft_done(struct draft *d)
{
	policy_overlay_done(&d->next);
	policy_plan_free(d->plan);
}

/* --- the change ------------------------------------------------------------------------ */

static struct policy_entry *entry_of(struct policy_overlay *o, const char *host)
{
	for (size_t i = 0; i < o->n_entries; i++)
		if (strcmp(o->entries[i].host, host) == 0)
			return &o->entries[i];
	return NULL;
}

static void remove_entry(struct policy_overlay *o, struct policy_entry *e)
{
	policy_entry_done(e);
	memmove(e, e + 1, (size_t)(o->entries + --o->n_entries - e) * sizeof *e);
}

/* At most max bytes of whole characters, as JSON can hold them. */
static char *bounded(const char *s, size_t max)
{
	struct buf out = BUF_INIT(max);
	size_t n = s ? strlen(s) : 0;
	uint32_t cp;

	for (size_t at = 0; at < n;) {
		size_t len = text_utf8(s + at, n - at, &cp);

		if ((len ? buf_add(&out, s + at, len) : buf_addc(&out, '?')) < 0)
			break;
		at += len ? len : 1;
	}
	return buf_steal(&out);
}

static int append(struct draft *d, const struct policy_change *c, const char *host, bool is_denied,
                  struct err *err)
{
	struct policy_entry e = {
		.is_denied = is_denied,
		.since = d->now,
		.until = !is_denied && c->seconds ? d->now + c->seconds : 0,
		.cuts = !is_denied && c->seconds && c->cuts,
		.generation = d->next.generation,
	};

	if (d->next.n_entries >= POLICY_ENTRIES_MAX)
		return err_set(err, ERR_POLICY,
		               "%d hosts were decided on for this session already; revoke some, or "
		               "write them into the manifest and relaunch",
		               POLICY_ENTRIES_MAX);
	memcpy(e.host, host, strlen(host) + 1);
	e.by = bounded(c->by, POLICY_BY_MAX);
	e.why = bounded(c->why, POLICY_WHY_MAX);
	add_entry(&d->next.entries, &d->next.n_entries, &e);
	policy_entry_done(&e);
	return 0;
}

static const char *covered_by(const struct draft *d, const char *host)
{
	return policy_covered_by(d->state->base.allowlist, d->next.entries, d->next.n_entries,
	                         host);
}

static int allow(struct draft *d, const struct policy_change *c, struct err *err)
{
	struct policy *p = policy_state_show(d->state, "", d->now);
	struct policy_advice advice;
	struct policy_entry *e;

	policy_consider(&advice, c->host, p, d->now);
	policy_free(p);
	if (advice.offer == POLICY_NEVER)
		return err_set(err, ERR_POLICY, "%.100s cannot be allowed: %s",
		               *advice.host ? advice.host : "this", advice.reason);
	if (c->seconds != 0 && (c->seconds < SECONDS_MIN || c->seconds > POLICY_SECONDS_MAX))
		return err_set(err, ERR_INPUT, "a host is allowed for %d seconds to %d days",
		               SECONDS_MIN, POLICY_SECONDS_MAX / 86400);
	e = entry_of(&d->next, advice.host);
	if (e && e->is_denied && c->seconds)
		return err_set(err, ERR_POLICY,
		               "%s is one of the bottle's own hosts: it can be given back for the "
		               "session only",
		               advice.host);
	d->plan->is_nothing = covered_by(d, advice.host) ||
	                      (e && !e->is_denied && e->until == 0 && c->seconds == 0);
	if (d->plan->is_nothing)
		return 0;
	if (e && e->is_denied) {
		remove_entry(&d->next, e);
		return 0;
	}
	if (e)
		remove_entry(&d->next, e);
	return append(d, c, advice.host, false, err);
}

/* Would anything be left? An empty list is no configuration. */
static bool is_last(const struct draft *d)
{
	size_t n = strv_len(d->state->base.allowlist);

	for (size_t i = 0; i < d->next.n_entries; i++)
		n -= d->next.entries[i].is_denied;
	return n <= 1;
}

static int revoke(struct draft *d, const struct policy_change *c, struct err *err)
{
	char host[HOST_NAME_SIZE];
	struct policy_entry *e;
	const char *by;

	if (!c->host || host_name_check(host, c->host, true, true, err) < 0)
		return c->host ? -1 : err_set(err, ERR_INPUT, "no host was named");
	d->next.cut += c->cuts;
	e = entry_of(&d->next, host);
	if (e && !e->is_denied) {
		remove_entry(&d->next, e);
		return 0;
	}
	by = covered_by(d, host);
	if (!by) {
		/* cutting what was opened while it was allowed still makes sense */
		if (!c->cuts)
			return err_set(err, ERR_FAILED, "%s is not allowed; nothing to revoke",
			               host);
		return 0;
	}
	if (strcmp(by, host) == 0 && is_last(d))
		return err_set(err, ERR_POLICY, "%s is the last host; freeze the session instead",
		               host);
	if (strcmp(by, host) == 0 && append(d, c, host, true, err) < 0)
		return -1;
	by = covered_by(d, host);
	if (by)
		return err_set(err, ERR_POLICY,
		               "%s is let through by %s of the bottle's allowlist; revoke that, or "
		               "change the manifest and relaunch",
		               host, by);
	return 0;
}

static int apply(struct draft *d, const struct policy_change *c, struct err *err)
{
	switch (c->verb) {
	case POLICY_ALLOW:
		return allow(d, c, err);
	case POLICY_REVOKE:
		return revoke(d, c, err);
	case POLICY_FREEZE:
	case POLICY_THAW:
		break;
	}
	d->plan->is_nothing = d->next.is_frozen == (c->verb == POLICY_FREEZE) &&
	                      d->state->live.is_frozen == d->next.is_frozen;
	d->next.is_frozen = c->verb == POLICY_FREEZE;
	return 0;
}

int policy_plan(struct policy_plan **out, const struct policy_state *s,
                const struct policy_change *change, int64_t now, struct err *err)
{
	struct draft d;
	int rc = -1;

	/* stopping everything is right whatever is in force */
	if (policy_state_is_foreign(s) && change->verb != POLICY_FREEZE)
		return err_set(err, ERR_POLICY,
		               "pipelock's configuration was changed by something that is not "
		               "claude-bottle; freeze the session, or relaunch it");
	draft_init(&d, s, now);
	if (apply(&d, change, err) < 0)
		goto out;
	if (d.plan->is_nothing) {
		*out = d.plan;
		d.plan = NULL;
		rc = 0;
	} else {
		rc = build(out, &d, err);
	}
out:
	draft_done(&d);
	return rc;
}

/* Nothing ended since the state was read, nor does soon. */
static bool is_lasting(const struct draft *d)
{
	for (size_t i = 0; i < d->state->overlay.n_entries; i++) {
		int64_t until = d->state->overlay.entries[i].until;

		if (until != 0 && until <= d->now + SOON)
			return false;
	}
	return true;
}

int policy_plan_undo(struct policy_plan **out, const struct policy_state *s,
                     const struct policy_plan *failed, int64_t now, struct err *err)
{
	struct draft d;
	int rc;

	draft_init(&d, s, now);
	if (failed) {
		d.next.generation++;        /* that had ours... */
		d.next.cut += failed->cuts; /* ...and so did pipelock, maybe */
		/* the very text that pipelock took before */
		d.is_as_was = is_lasting(&d);
	}
	for (size_t i = 0; failed && i < failed->n; i++)
		if (failed->files[i].at)
			add_end(&d, failed->files[i].at);
	rc = build(out, &d, err);
	draft_done(&d);
	return rc;
}

bool policy_plan_has(const struct policy_plan *p, const char *hash, int64_t now)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_file *f = &p->files[i];

		if ((f == p->live || (f->at && f->at <= now + 1)) && strcmp(f->hash, hash) == 0)
			return true;
	}
	return false;
}

void policy_plan_free(struct policy_plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->files[i].name);
		free(p->files[i].text);
	}
	free(p->files);
	free(p);
}
