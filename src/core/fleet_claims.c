/* What agents say of themselves, and what the fleet makes of it. */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/event.h"
#include "core/fleet_int.h"
#include "core/mem.h"
#include "core/text.h"

#define SAID_MAX 200
#define ASK_PATIENCE_MS 10000u

void fleet_said(struct unit *u, const char *text)
{
	struct buf b = BUF_INIT(4 * SAID_MAX);

	text_safe_str(&b, text, SAID_MAX);
	free(u->row.said);
	u->row.said = b.len ? buf_steal(&b) : NULL;
	buf_done(&b);
	fleet_mark(u->fleet, FLEET_ROWS);
}

/* It waits, since then: a row of the inbox, with what it said. */
static void begin_waiting(struct unit *u, int64_t since_ns)
{
	struct event ev;

	u->is_waiting = true;
	fleet_build_rows(u->fleet);
	event_init(&ev);
	ev.ts_ns = since_ns;
	ev.kind = EVENT_AGENT_NOTIFY;
	ev.source = EVENT_FROM_AGENT;
	event_set_owner(&ev, u->row.name, u->row.bottle);
	event_set_summary(&ev, "says: %s", u->row.said ? u->row.said : "");
	fleet_add_event(u->fleet, &ev);
	event_done(&ev);
}

static void take_claim(struct unit *u, const struct claim *c)
{
	struct vt *vt = u->terminals[FLEET_AGENT].vt;

	u->claim = *c;
	if (!claim_is_waiting(c)) {
		fleet_wait(u, NULL);
		fleet_said(u, vt ? vt_title(vt) : "");
		return;
	}
	fleet_said(u, *c->text ? c->text : "waits for a prompt");
	begin_waiting(u, c->since_ns);
}

void fleet_notice(struct unit *u, const char *title, const char *body)
{
	struct claim c;

	if (claim_of_notice(&c, title, body, fleet_clock_ns())) {
		take_claim(u, &c);
		return;
	}
	fleet_said(u, *body ? body : title);
	begin_waiting(u, fleet_clock_ns());
}

void fleet_answered(struct unit *u, const char *typed, size_t len)
{
	if (!u->is_waiting)
		return;
	/* after its turn it says itself when the next one begins */
	if (u->claim.state == CLAIM_WAITS ||
	    (u->claim.state == CLAIM_ASKS && !claim_is_answer(typed, len)))
		return;
	if (u->claim.state == CLAIM_ASKS)
		u->claim.state = CLAIM_WORKING;
	fleet_wait(u, NULL);
}

void fleet_forget_claim(struct unit *u)
{
	if (u->claim_job)
		u->fleet->opt.ops->cancel(u->claim_job);
	u->claim_job = NULL;
	u->claim = (struct claim){ .state = CLAIM_NONE };
	u->is_waiting = false;
}

/* --- of a session that ran before we did ------------------------------------------------- */

static void on_told(void *arg, const struct exec_result *result, const struct err *err)
{
	struct unit *u = arg;
	struct claim c;

	u->claim_job = NULL;
	if (err || result->exit_code != 0 || u->claim.state != CLAIM_NONE ||
	    u->row.state != SESSION_RUNNING)
		return;
	if (claim_of_line(&c, result->out, fleet_clock_ns()) && c.state != CLAIM_NONE)
		take_claim(u, &c);
}

/* That it waits for its first prompt Claude Code does not write to the terminal. When it
 * is ready depends on the machine: hence more than once, as long as nothing was said. */
void fleet_ask_claim(struct unit *u)
{
	static const char *const argv[] = { "/claude-bottle/helper", "activity", NULL };
	static const int64_t ages_s[] = { 5, 15, 60 };
	const struct exec_request req = { .session = u->row.name,
		                          .argv = argv,
		                          .output_max = 1024,
		                          .timeout_ms = ASK_PATIENCE_MS };
	struct fleet *f = u->fleet;
	int64_t age_s = (fleet_clock_ns() - u->released_ns) / 1000000000;
	unsigned n = u->n_asked;

	if (!f->opt.ops->exec || u->claim_job || u->row.is_frozen || u->claim.state != CLAIM_NONE)
		return;
	while (n < sizeof ages_s / sizeof *ages_s && age_s >= ages_s[n])
		n++;
	if (n == u->n_asked)
		return;
	u->n_asked = n;
	u->claim_job = f->opt.ops->exec(f->opt.backend, &req, on_told, u);
}
