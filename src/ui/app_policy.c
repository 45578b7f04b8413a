/* What a session may reach: the policy view, and pipelock's own answer to ":why". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/pipelock_explain.h"
#include "core/policy.h"
#include "core/text.h"
#include "ui/app_int.h"

/* Hosts of the list: what people decided first, then the bottle's own. */
static size_t n_hosts(const struct policy *p)
{
	return p ? p->n_entries + strv_len(p->allowlist) : 0;
}

static const char *host_at(const struct policy *p, size_t i)
{
	return i < p->n_entries ? p->entries[i].host : p->allowlist[i - p->n_entries];
}

/* An id of a host, so that the selection stays on it: FNV-1a. */
static uint64_t id_of(const char *host)
{
	uint64_t h = 14695981039346656037u;

	for (; *host; host++)
		h = (h ^ (unsigned char)*host) * 1099511628211u;
	return h;
}

static size_t position(const struct policy *p, const struct overlay *o)
{
	for (size_t i = 0; i < n_hosts(p); i++)
		if (id_of(host_at(p, i)) == o->pinned)
			return i;
	return 0;
}

static void draw_entry(struct app *a, struct canvas c, int y, const struct policy_entry *e)
{
	int64_t left = e->until - fleet_clock_ns() / 1000000000;
	bool is_over = e->until && left <= 0;
	struct style s = theme_style(a->theme, is_over        ? THEME_DIM
	                                       : e->is_denied ? THEME_BLOCKED
	                                                      : THEME_ALLOWED);
	char how_long[16];
	int x = 1;

	policy_duration_text(how_long, left > 0 ? left : 0);
	x += canvas_text(c, y, x, 2, s,
	                 theme_sign(e->is_denied ? SIGN_BLOCKED : SIGN_ALLOWED,
	                            grid_is_ascii(a->grid))) + 1;
	x += canvas_text(c, y, x, -1, s, e->host) + 2;
	if (is_over)
		x += canvas_text(c, y, x, -1, s, "over") + 2;
	else if (e->is_denied)
		x += canvas_text(c, y, x, -1, s, "taken away") + 2;
	else if (e->until)
		x += canvas_printf(c, y, x, -1, s, "for %s more%s", how_long,
		                   e->cuts ? ", then cut" : "") + 2;
	else
		x += canvas_text(c, y, x, -1, s, "while the session lives") + 2;
	if (e->by && *e->by) {
		CLEANUP_FREE char *you = policy_by();
		struct buf b = BUF_INIT(1024);

		text_safe_str(&b, strcmp(e->by, you) == 0 ? "you" : e->by, POLICY_BY_MAX);
		canvas_printf(c, y, x, -1, theme_style(a->theme, THEME_DIM), "by %s", buf_str(&b));
		buf_done(&b);
	}
}

static void draw_host(struct app *a, struct canvas c, int y, const struct policy *p,
                      const char *host)
{
	struct style s = theme_style(a->theme, THEME_TEXT);
	int x = 4 + canvas_text(c, y, 4, -1, s, host);

	if (strv_has(p->passthrough, host))
		x += canvas_text(c, y, x, -1, theme_style(a->theme, THEME_WARN), "  not scanned");
	if (strv_has(p->trusted, host))
		canvas_text(c, y, x, -1, theme_style(a->theme, THEME_WARN), "  may be private");
}

static int draw_list(struct app *a, struct overlay *o, struct canvas c)
{
	const struct policy *p = fleet_policy(a->fleet, o->session);
	size_t n = n_hosts(p), at, rows = (size_t)c.at.rows * 2 / 3;

	if (n == 0)
		return 0;
	at = position(p, o);
	rows = rows > n ? n : rows;
	if (at < o->list_top)
		o->list_top = at;
	if (at >= o->list_top + rows)
		o->list_top = at - rows + 1;
	if (o->list_top + rows > n)
		o->list_top = n - rows;
	for (size_t i = 0; i < rows; i++) {
		size_t k = o->list_top + i;

		if (k < p->n_entries)
			draw_entry(a, c, (int)i, &p->entries[k]);
		else
			draw_host(a, c, (int)i, p, host_at(p, k));
		if (k == at) {
			canvas_text(c, (int)i, 0, 1, theme_style(a->theme, THEME_TEXT),
			            theme_sign(SIGN_SELECTED, grid_is_ascii(a->grid)));
			canvas_restyle(c, (struct rect){ (int)i, 0, 1, c.at.cols },
			               theme_style(a->theme, THEME_SELECTED));
		}
	}
	return (int)rows;
}

static void build(struct app *a, struct overlay *o, struct rich *r, struct buf *title)
{
	const struct policy *p = fleet_policy(a->fleet, o->session);
	const char *error = fleet_policy_error(a->fleet, o->session);
	const char *dot = grid_is_ascii(a->grid) ? "-" : "·";

	buf_addf(title, "Policy %s %s", dot, o->session);
	if (!p) {
		rich_add(r, error ? THEME_WARN : THEME_DIM, error ? error : "asking the engine...");
		return;
	}
	buf_addf(title, " %s %zu decided here, %zu of the bottle", dot, p->n_entries,
	         strv_len(p->allowlist));
	if (p->is_frozen)
		rich_add(r, THEME_WAITS, "FROZEN: everything is refused. F thaws it.");
	if (p->is_foreign)
		rich_add(r, THEME_FAILED, "The file in force is none that claude-bottle wrote: "
		                          "relaunch the session.");
	if (fleet_is_changing(a->fleet, o->session))
		rich_add(r, THEME_STARTING, "A change is under way, waiting for pipelock...");
	rich_fieldf(r, "changes", THEME_TEXT, "%llu since the launch",
	            (unsigned long long)p->generation);
	rich_fieldf(r, "in force", THEME_DIM, "%.16s", p->hash);
	rich_field(r, "a", THEME_TEXT, ":allow HOST lets another one through; on a block, a does");
	rich_field(r, "R", THEME_TEXT, "takes the selected host away from this session");
	rich_field(r, "r", THEME_TEXT,
	           "relaunches: a git remote, env, passthrough or trusted host that was added to "
	           "the manifest counts from the next launch");
}

static void pin(struct app *a, struct overlay *o, int by)
{
	const struct policy *p = fleet_policy(a->fleet, o->session);
	int n = (int)n_hosts(p), at;

	if (n == 0)
		return;
	at = (int)position(p, o);
	if (by < -n)
		by = -n;
	if (by > n)
		by = n;
	at = at + by < 0 ? 0 : at + by >= n ? n - 1 : at + by;
	o->pinned = id_of(host_at(p, (size_t)at));
	app_dirty(a);
}

static bool command(struct app *a, struct overlay *o, enum ui_command c, const char *argument)
{
	const struct policy *p = fleet_policy(a->fleet, o->session);

	if (overlay_step(c)) {
		pin(a, o, overlay_step(c));
		return true;
	}
	switch (c) {
	case UI_ALLOW:
		if (argument && *argument)
			allow_host(a, o->session, argument);
		else
			fleet_say(a->fleet, FLEET_INFO, "which host? :allow HOST");
		return true;
	case UI_REVOKE:
		if (argument && *argument)
			revoke_host(a, o->session, argument);
		else if (n_hosts(p))
			revoke_host(a, o->session, host_at(p, position(p, o)));
		return true;
	case UI_RELAUNCH:
		app_select(a, o->session);
		overlay_close_all(a);
		app_command(a, c, NULL);
		return true;
	default:
		return false;
	}
}

static const struct hint_item hints[] = {
	{ UI_REVOKE, "revoke" },     { UI_WHY, "URL" },	   { UI_FREEZE, "freeze" },
	{ UI_RELAUNCH, "relaunch" }, { UI_CLOSE, "back" }, { UI_NONE, NULL },
};

static void click(struct app *a, struct overlay *o, int y)
{
	const struct policy *p = fleet_policy(a->fleet, o->session);
	size_t at = o->list_top + (size_t)y;

	if (at < n_hosts(p))
		o->pinned = id_of(host_at(p, at));
	app_dirty(a);
}

static const struct overlay_class policy_class = {
	.name = "policy",
	.hints = hints,
	.build = build,
	.draw_list = draw_list,
	.command = command,
	.click = click,
};

void policy_open(struct app *a, const char *session)
{
	const struct fleet_row *row = fleet_find(a->fleet, session);
	struct overlay *o;

	if (!row || (row->state != SESSION_RUNNING && !fleet_policy(a->fleet, session))) {
		fleet_say(a->fleet, FLEET_INFO, "%s does not run: it reaches nothing. What its "
		                                "bottle has: claude-bottle info",
		          session);
		return;
	}
	if (a->overlay && a->overlay->class == &policy_class)
		overlay_close(a);
	o = overlay_open(a, &policy_class);
	snprintf(o->session, sizeof o->session, "%s", session);
	fleet_ask_policy(a->fleet, session);
}

/* --- why ------------------------------------------------------------------------------------ */

static void on_why(void *arg, const struct policy_answer *answer, const struct err *err)
{
	struct app *a = arg;
	struct rich r = { 0 };
	struct choice *ch;

	if (!a->screen)
		return;
	if (err) {
		fleet_say(a->fleet, FLEET_ERROR, "%s", err->msg);
		return;
	}
	rich_field(&r, "asked", THEME_TEXT, answer->url);
	if (answer->was_cut)
		rich_field(&r, "", THEME_DIM, "without the query, fragment or user that it had");
	rich_gap(&r);
	if (answer->is_allowed) {
		rich_field(&r, "answer", THEME_ALLOWED, "pipelock would let it through");
	} else {
		rich_field(&r, "answer", THEME_BLOCKED, "pipelock would refuse it");
		rich_field(&r, "scanner", THEME_TEXT, answer->scanner);
		rich_field(&r, "reason", THEME_TEXT, answer->reason);
		if (answer->meaning) {
			rich_field(&r, "meaning", THEME_TEXT, answer->meaning->meaning);
			rich_field(&r, "to do", THEME_TEXT, answer->meaning->advice);
		}
	}
	ch = choice_open(a, "Why", NULL);
	ch->text = r;
	app_dirty(a);
}

void why_ask(struct app *a, const char *session, const char *url)
{
	if (!app_runs(a, session)) {
		fleet_say(a->fleet, FLEET_WARN, "%s does not run: there is nobody to ask", session);
		return;
	}
	fleet_say(a->fleet, FLEET_INFO, "asking %s's pipelock...", session);
	fleet_why(a->fleet, session, url, on_why, a);
}
