/* Launching from the dashboard: the preflight card, then the questions of the
 * bottle's "?prompt" variables, then off it goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/preflight.h"
#include "core/text.h"
#include "ui/app_int.h"

static void forget(struct app *a)
{
	struct asking *q = &a->asking;

	for (size_t i = 0; i < q->n_answers; i++)
		mem_wipe_str(q->answers[i]);
	free(q->answers);
	*q = (struct asking){ .next = 0 };
}

static void refuse(struct app *a, const struct err *err)
{
	fleet_say(a->fleet, FLEET_ERROR, "%s", err->msg);
	forget(a);
}

static void go(struct app *a)
{
	struct asking *q = &a->asking;
	char **answers = q->answers;
	char name[MANIFEST_NAME_MAX + 1];
	struct err err = { 0 };
	int rc;

	/* the fleet takes the answers */
	q->answers = NULL;
	q->n_answers = 0;
	if (q->is_relaunch)
		rc = fleet_relaunch(a->fleet, q->session, answers, &err);
	else
		rc = fleet_launch(a->fleet, q->agent, q->label, q->color, answers, &err);
	if (rc < 0) {
		refuse(a, &err);
		return;
	}
	if (!q->is_relaunch && session_name_make(name, q->agent, q->label, NULL) == 0)
		app_select(a, name);
	forget(a);
}

static void ask_next(struct app *a);

static void on_answer(struct app *a, bool accepted)
{
	struct asking *q = &a->asking;

	if (!accepted) {
		fleet_say(a->fleet, FLEET_INFO, "not launched");
		forget(a);
		return;
	}
	strv_push(&q->answers, &q->n_answers, xstrdup(buf_str(&a->dialog.input)));
	q->next++;
	ask_next(a);
}

/* The next "?prompt" variable, or the launch when there is none left. */
static void ask_next(struct app *a)
{
	struct asking *q = &a->asking;
	struct err err = { 0 };
	const struct agent_spec *spec = manifest_usable_agent(fleet_manifest(a->fleet), q->agent,
	                                                      &err);

	if (!spec) {
		refuse(a, &err);
		return;
	}
	for (; q->next < spec->bottle->n_env; q->next++) {
		const struct env_entry *e = &spec->bottle->env[q->next];
		struct buf b = BUF_INIT(APP_LINE_MAX);

		if (e->mode != ENV_PROMPT)
			continue;
		text_safe_str(&b, *e->prompt ? e->prompt : "its value", 500);
		dialog_prompt(a, e->name, buf_str(&b), true, on_answer);
		buf_done(&b);
		return;
	}
	go(a);
}

static void on_preflight(struct app *a, bool accepted)
{
	if (accepted)
		ask_next(a);
	else
		forget(a);
}

static void set(char to[FLEET_NAME_MAX], const char *from)
{
	snprintf(to, FLEET_NAME_MAX, "%s", from ? from : "");
}

void app_launch(struct app *a, const char *agent, const char *label, const char *color)
{
	struct err err = { 0 };
	const struct manifest *m = fleet_manifest(a->fleet);
	const struct agent_spec *spec = manifest_usable_agent(m, agent, &err);
	char name[MANIFEST_NAME_MAX + 1];
	struct buf raw = BUF_INIT(PREFLIGHT_MAX), safe = BUF_INIT(PREFLIGHT_MAX * 4);
	const struct fleet_row *r;

	if (!spec || session_name_make(name, agent, label, &err) < 0) {
		refuse(a, &err);
		return;
	}
	r = fleet_find(a->fleet, name);
	if (r && r->has_session) {
		/* another one beside it needs a name of its own */
		form_open(a, agent, label);
		return;
	}
	forget(a);
	set(a->asking.agent, agent);
	set(a->asking.label, label);
	snprintf(a->asking.color, sizeof a->asking.color, "%s", color ? color : "");
	preflight(&raw, spec, NULL, NULL);
	for (const char *line = buf_str(&raw); *line;) {
		size_t len = strcspn(line, "\n");

		text_safe(&safe, line, len, 0, false);
		buf_addc(&safe, '\n');
		line += len + (line[len] == '\n');
	}
	snprintf(name, sizeof name, "%s", agent);
	dialog_confirm(a, "Launch", buf_steal(&safe), "Launch", on_preflight);
	buf_done(&raw);
}

void app_relaunch(struct app *a)
{
	const struct fleet_row *r = app_row(a);

	if (!r)
		return;
	forget(a);
	a->asking.is_relaunch = true;
	set(a->asking.agent, r->agent);
	set(a->asking.session, r->name);
	ask_next(a);
}
