/* The thread that empties the store's queue. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "core/store_int.h"

#define BATCH_MAX 4096 /* entries in one transaction */
#define RETRY_MS 500
#define IDLE_MS 2000 /* without work for so long, there is time to trim */
#define TRIM_EVERY_MS (10 * 60 * 1000)

/* Until somebody wakes us, or for ms. */
static bool wait_ms(struct store *st, unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(&st->wake, &st->mutex, &until) == 0;
}

void store_add_message(struct store *st, char *owned)
{
	if (st->n_messages < 16)
		strv_push(&st->messages, &st->n_messages, owned);
	else
		free(owned);
	store_poke(st);
}

/* What could not be stored is shown all the same. */
void store_tell_pending(struct store *st, struct entry *batch)
{
	for (struct entry *e = batch; e; e = e->next) {
		struct told *t;

		/* whether a decision was made before is not known yet */
		if (!e->has_event || e->is_told || e->kind == ENTRY_DECISION)
			continue;
		e->is_told = true;
		t = xcalloc(1, sizeof *t);
		event_copy(&t->row.event, &e->event);
		t->row.first_ns = e->event.ts_ns;
		t->row.is_waiting = event_needs_attention(&e->event);
		t->is = (struct stored){ e->ticket, &t->row, !e->is_repeat, true };
		*st->told.end = t;
		st->told.end = &t->next;
		st->told.n++;
	}
}

/* Take up to max entries off the queue; they count against its ceiling until they
 * are written. The mutex is held. */
static struct entry *take(struct store *st, size_t max)
{
	struct entry *first = st->first, *last = first;

	if (!first)
		return NULL;
	for (size_t n = 1; last->next && n < max; n++)
		last = last->next;
	st->first = last->next;
	st->last = NULL;
	if (!st->first)
		st->end = &st->first;
	last->next = NULL;
	return first;
}

/* Is the file that we write still the one at our path, and sound? Else open what is
 * there, or begin a new one. */
static enum store_result renew(struct store *st, bool is_damaged, struct err *err)
{
	struct store_db old = st->write;
	enum store_result r = STORE_OK;
	char *message = NULL;

	if (!is_damaged && old.db && store_db_is_current(&old, st->path))
		return STORE_OK;
	writer_reset(st->writer, NULL);
	store_db_close(&st->write);
	if (is_damaged && old.inode)
		r = store_db_set_aside(&old, st->path, &message, err);
	if (r == STORE_OK)
		r = store_db_open_sound(&st->write, st->path, &message, err);
	pthread_mutex_lock(&st->mutex);
	st->generation++;
	if (message)
		store_add_message(st, message);
	pthread_mutex_unlock(&st->mutex);
	if (r == STORE_OK)
		writer_reset(st->writer, st->write.db);
	return r;
}

static bool has_trim(const struct entry *e)
{
	for (; e; e = e->next)
		if (e->kind == ENTRY_TRIM)
			return true;
	return false;
}

static enum store_result trim(struct store *st, bool all, struct err *err)
{
	struct timespec now;
	enum store_result r;
	int64_t older;
	bool more;

	clock_gettime(CLOCK_REALTIME, &now);
	older = (int64_t)now.tv_sec * 1000000000 - st->opt.max_age_ns;
	do {
		r = writer_trim(st->writer, older, &more, err);
	} while (all && more && r == STORE_OK);
	return r;
}

/* One try, with a second one when the file had to be replaced. */
static enum store_result write_batch(struct store *st, struct entry *batch, struct told_list *told,
                                     struct err *err)
{
	enum store_result r = STORE_OK;
	bool is_damaged;

	pthread_mutex_lock(&st->mutex);
	is_damaged = st->seems_damaged;
	st->seems_damaged = false;
	pthread_mutex_unlock(&st->mutex);
	for (int i = 0; i < 2; i++) {
		if (st->path)
			r = renew(st, is_damaged, err);
		else
			pthread_mutex_lock(&st->memory_mutex);
		if (r == STORE_OK)
			r = writer_apply(st->writer, batch, told, err);
		if (r == STORE_OK && has_trim(batch))
			trim(st, true, err);
		if (!st->path)
			pthread_mutex_unlock(&st->memory_mutex);
		is_damaged = r == STORE_DAMAGED;
		if (!is_damaged)
			break;
	}
	return r;
}

static void batch_done(struct store *st, struct entry *batch, struct told_list *told)
{
	for (; batch; batch = batch->next) {
		st->n_queued--;
		st->queued_bytes -= batch->size;
	}
	/* what nobody listens to is left to be freed */
	if (told->first && st->opt.stored) {
		*st->told.end = told->first;
		st->told.end = told->end;
		st->told.n += told->n;
		*told = (struct told_list){ .end = &told->first };
		store_poke(st);
	}
	if (st->is_failing)
		store_add_message(st, xstrdup("events are stored again"));
	st->is_failing = false;
}

static void batch_failed(struct store *st, struct entry *batch, const struct err *err)
{
	store_tell_pending(st, batch);
	st->failure = *err;
	if (!st->is_failing)
		store_add_message(st, xasprintf("events are not stored for now: %s", err->msg));
	st->is_failing = true;
	store_poke(st);
}

static void trim_a_little(struct store *st)
{
	struct err err = { 0 };

	pthread_mutex_unlock(&st->mutex);
	if (st->path && renew(st, false, &err) == STORE_OK)
		trim(st, false, &err); /* what fails now is tried again later */
	pthread_mutex_lock(&st->mutex);
}

/* Wait for work, and use the time without. The mutex is held. */
static struct entry *next_batch(struct store *st, uint64_t *trim_due)
{
	while (!st->first && !st->is_stopping) {
		wait_ms(st, IDLE_MS);
		if (!st->first && !st->is_stopping && loop_now_ns() >= *trim_due) {
			trim_a_little(st);
			*trim_due = loop_now_ns() + TRIM_EVERY_MS * 1000000ull;
		}
	}
	return take(st, BATCH_MAX);
}

void *store_writer_main(void *arg)
{
	struct store *st = arg;
	uint64_t trim_due = loop_now_ns() + IDLE_MS * 1000000ull;
	struct told_list told = { .end = &told.first };
	struct entry *batch = NULL, **end;

	pthread_mutex_lock(&st->mutex);
	for (;;) {
		struct err err = { 0 };
		enum store_result r;

		if (!batch)
			batch = next_batch(st, &trim_due);
		if (!batch)
			break;
		st->is_writing = true;
		pthread_cond_broadcast(&st->moved); /* there is room in the queue */
		pthread_mutex_unlock(&st->mutex);
		r = write_batch(st, batch, &told, &err);
		pthread_mutex_lock(&st->mutex);
		st->n_tries++;
		if (r == STORE_OK)
			batch_done(st, batch, &told);
		else
			batch_failed(st, batch, &err);
		st->is_writing = r != STORE_OK;
		pthread_cond_broadcast(&st->moved);
		if (r == STORE_OK) {
			/* nobody is to wait for that */
			pthread_mutex_unlock(&st->mutex);
			store_entries_free(batch);
			store_told_free(told.first);
			told = (struct told_list){ .end = &told.first };
			batch = NULL;
			pthread_mutex_lock(&st->mutex);
			continue;
		}
		if (st->is_stopping)
			break;
		/* not at once for each that comes */
		while (!st->wants_retry && !st->is_stopping && wait_ms(st, RETRY_MS))
			;
		st->wants_retry = false;
		/* with what came meanwhile, so that it is shown too */
		for (end = &batch; *end; end = &(*end)->next)
			;
		*end = take(st, SIZE_MAX);
	}
	pthread_mutex_unlock(&st->mutex);
	store_entries_free(batch);
	return NULL;
}
