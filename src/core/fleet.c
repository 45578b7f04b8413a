#include "core/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/err.h"
#include "core/fleet_int.h"
#include "core/mem.h"

int64_t fleet_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void on_tell(void *arg)
{
	struct fleet *f = arg;
	unsigned changes = f->pending;

	f->pending = 0;
	fleet_sort_events(f);
	f->opt.changed(f->opt.arg, changes);
}

void fleet_mark(struct fleet *f, unsigned changes)
{
	if (!f->pending)
		loop_timer_set(f->loop, &f->tell_timer, 0, on_tell, f);
	f->pending |= changes;
}

/* --- messages ------------------------------------------------------------------------ */

void fleet_say(struct fleet *f, enum fleet_level level, const char *fmt, ...)
{
	struct kept_message *m = &f->messages[f->n_messages++ % FLEET_MESSAGES_MAX];
	va_list ap;

	free(m->text);
	va_start(ap, fmt);
	m->text = xvasprintf(fmt, ap);
	va_end(ap);
	m->level = level;
	m->ts_ns = fleet_clock_ns();
	fleet_mark(f, FLEET_MESSAGE);
}

const char *fleet_message(const struct fleet *f, size_t i, enum fleet_level *level,
                          int64_t *ts_ns)
{
	const struct kept_message *m;

	if (i >= f->n_messages || i >= FLEET_MESSAGES_MAX)
		return NULL;
	m = &f->messages[(f->n_messages - 1 - i) % FLEET_MESSAGES_MAX];
	if (level)
		*level = m->level;
	if (ts_ns)
		*ts_ns = m->ts_ns;
	return m->text;
}

/* --- refreshing ------------------------------------------------------------------------- */

static void refresh(void *arg);

static void engine_left(struct fleet *f, const struct err *err)
{
	if (!f->is_away) {
		fleet_say(f, FLEET_ERROR, "%s", err->msg);
		fleet_mark(f, FLEET_ENGINE | FLEET_ROWS);
	}
	f->is_away = true;
	f->away = *err;
}

static void on_list(void *arg, struct session_list *list, const struct err *err)
{
	struct fleet *f = arg;

	f->is_listing = false;
	if (!f->opt.is_glance)
		loop_timer_set(f->loop, &f->refresh_timer, FLEET_REFRESH_MS, refresh, f);
	if (err) {
		engine_left(f, err);
		return;
	}
	f->was_listed = true;
	if (f->is_away) {
		f->is_away = false;
		fleet_say(f, FLEET_INFO, "the engine answers again");
		fleet_mark(f, FLEET_ENGINE);
	}
	fleet_take_list(f, list);
	fleet_see_others(f);
}

static void refresh(void *arg)
{
	struct fleet *f = arg;

	if (f->is_listing)
		return;
	f->is_listing = true;
	f->opt.ops->list(f->opt.backend, on_list, f);
}

void fleet_refresh_soon(struct fleet *f)
{
	if (!f->is_listing)
		loop_timer_set(f->loop, &f->refresh_timer, 0, refresh, f);
}

void fleet_reload(struct fleet *f)
{
	struct manifest *m = f->opt.load_manifest(f->opt.arg);

	/* a launch under way, or that follows a stop, points into the manifest that it
	 * was planned from: so do its secrets */
	for (size_t i = 0; i < f->n_units; i++) {
		const struct unit *u = f->units[i];

		if (u->op == OP_PREPARING || u->op == OP_LAUNCHING || u->relaunch) {
			fleet_say(f, FLEET_WARN,
			          "the manifest is read again when no launch is under way");
			manifest_free(m);
			return;
		}
	}
	manifest_free(f->manifest);
	f->manifest = m;
	fleet_build_rows(f);
	fleet_refresh_soon(f);
}

/* --- life ------------------------------------------------------------------------------------ */

struct fleet *fleet_new(struct loop *loop, const struct fleet_options *opt)
{
	struct fleet *f = xcalloc(1, sizeof *f);

	f->loop = loop;
	f->opt = *opt;
	f->rows_hint = 24;
	f->cols_hint = 80;
	f->next_seq = 1;
	f->inbox = inbox_new();
	inbox_on_dismiss(f->inbox, fleet_keep_dismissal, f);
	f->manifest = opt->load_manifest(opt->arg);
	fleet_build_rows(f);
	fleet_open_store(f);
	fleet_refresh_soon(f);
	return f;
}

static void unit_free(struct unit *u)
{
	fleet_unfollow(u);
	fleet_forget_claim(u);
	fleet_drop_terminals(u, false);
	fleet_drop_op(u);
	fleet_drop_policy(u);
	free(u->policy_error);
	free(u->row.note);
	free(u->row.said);
	free(u->launch);
	free(u->failure);
	free(u);
}

void fleet_free(struct fleet *f)
{
	if (!f)
		return;
	f->is_closing = true;
	fleet_drop_questions(f);
	fleet_drop_push_choices(f);
	loop_timer_cancel(f->loop, &f->refresh_timer);
	loop_timer_cancel(f->loop, &f->tell_timer);
	loop_timer_cancel(f->loop, &f->feed_timer);
	for (size_t i = 0; i < f->n_units; i++)
		unit_free(f->units[i]);
	free(f->units);
	free(f->rows);
	fleet_close_store(f);
	fleet_forget_events(f);
	inbox_free(f->inbox);
	for (size_t i = 0; i < FLEET_MESSAGES_MAX; i++)
		free(f->messages[i].text);
	manifest_free(f->manifest);
	free(f);
}

bool fleet_is_settled(const struct fleet *f)
{
	if (!fleet_is_loaded(f) || (!f->was_listed && !f->is_away))
		return false;
	for (size_t i = 0; i < f->n_units; i++)
		if (f->units[i]->follow || f->units[i]->claim_job)
			return false;
	return true;
}

const struct manifest *fleet_manifest(const struct fleet *f)
{
	return f->manifest;
}

const char *fleet_engine(const struct fleet *f)
{
	return f->is_away ? NULL : f->opt.ops->describe(f->opt.backend);
}

struct unit *fleet_unit(struct fleet *f, const char *name)
{
	for (size_t i = 0; i < f->n_units; i++)
		if (strcmp(f->units[i]->row.name, name) == 0)
			return f->units[i];
	return NULL;
}

size_t fleet_n_rows(const struct fleet *f)
{
	return f->n_rows;
}

const struct fleet_row *fleet_row(const struct fleet *f, size_t i)
{
	return i < f->n_rows ? &f->rows[i]->row : NULL;
}

const struct fleet_row *fleet_find(const struct fleet *f, const char *name)
{
	for (size_t i = 0; i < f->n_rows; i++)
		if (strcmp(f->rows[i]->row.name, name) == 0)
			return &f->rows[i]->row;
	return NULL;
}
