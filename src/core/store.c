/* The store: its queue, the thread that empties it, and what is told of that. */
#include "core/store.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/backend.h"
#include "core/mem.h"
#include "core/paths.h"
#include "core/store_int.h"

#define TELL_MAX 4096 /* in one turn of the loop */

void store_entry_free(struct entry *e)
{
	event_done(&e->event);
	free(e->once);
	free(e->ids);
	free(e->space);
	free(e->name);
	free(e->value);
	free(e);
}

void store_entries_free(struct entry *e)
{
	while (e) {
		struct entry *next = e->next;

		store_entry_free(e);
		e = next;
	}
}

void store_told_free(struct told *t)
{
	while (t) {
		struct told *next = t->next;

		event_done(&t->row.event);
		free(t);
		t = next;
	}
}

/* --- telling, in the owner's thread -------------------------------------------------- */

static void tell_messages(struct store *st)
{
	char **messages;
	size_t n;

	if (!st->opt.message)
		return;
	pthread_mutex_lock(&st->mutex);
	messages = st->messages;
	n = st->n_messages;
	st->messages = NULL;
	st->n_messages = 0;
	pthread_mutex_unlock(&st->mutex);
	for (size_t i = 0; i < n; i++)
		st->opt.message(st->opt.arg, messages[i]);
	strv_free(messages);
}

/* At most TELL_MAX of what was done; true when there is more. */
static bool tell_some(struct store *st)
{
	struct told *first, *last;
	struct stored *v;
	size_t n = 0;
	bool more;

	pthread_mutex_lock(&st->mutex);
	first = last = st->told.first;
	for (struct told *t = first; t && n < TELL_MAX; t = t->next) {
		last = t;
		n++;
	}
	if (n) {
		st->told.first = last->next;
		st->told.n -= n;
		if (!st->told.first)
			st->told.end = &st->told.first;
		last->next = NULL;
	}
	more = st->told.first != NULL;
	pthread_mutex_unlock(&st->mutex);
	if (n && st->opt.stored) {
		v = xcalloc(n, sizeof *v);
		n = 0;
		for (struct told *t = first; t; t = t->next)
			v[n++] = t->is;
		st->opt.stored(st->opt.arg, v, n);
		free(v);
	}
	store_told_free(first);
	return more;
}

void store_poke(const struct store *st)
{
	const uint64_t one = 1;

	/* full means that it is poked already */
	while (write(st->event_fd, &one, sizeof one) < 0 && errno == EINTR)
		;
}

static void on_poked(void *arg, int fd, unsigned events)
{
	struct store *st = arg;
	uint64_t count;

	(void)events;
	while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
		;
	tell_messages(st);
	if (tell_some(st))
		store_poke(st);
}

/* --- queueing ------------------------------------------------------------------------ */

static size_t size_of(const struct event *e)
{
	const char *const s[] = { e->session, e->bottle, e->host, e->rule, e->summary, e->detail };
	size_t n = sizeof(struct entry);

	for (size_t i = 0; i < sizeof s / sizeof *s; i++)
		n += s[i] ? strlen(s[i]) + 1 : 0;
	return n;
}

static struct entry *entry_new(enum entry_kind kind, const struct event *ev)
{
	struct entry *e = xcalloc(1, sizeof *e);

	e->kind = kind;
	e->size = sizeof *e;
	if (ev) {
		event_copy(&e->event, ev);
		e->has_event = true;
		e->size = size_of(ev);
	}
	return e;
}

static bool is_full(const struct store *st)
{
	return st->n_queued >= STORE_QUEUE_EVENTS || st->queued_bytes >= STORE_QUEUE_BYTES;
}

static uint64_t enqueue(struct store *st, struct entry *e)
{
	uint64_t ticket;

	pthread_mutex_lock(&st->mutex);
	ticket = e->ticket = st->next_ticket++;
	while (is_full(st) && !st->is_failing && !st->has_given_up)
		pthread_cond_wait(&st->moved, &st->mutex);
	if (is_full(st) && !st->has_given_up) {
		st->has_given_up = true;
		store_add_message(st,
		                  xstrdup("too many events could not be stored: what comes now is "
		                          "shown, and read again from the logs at the next start"));
	}
	if (st->has_given_up) {
		store_tell_pending(st, e);
		store_poke(st);
		pthread_mutex_unlock(&st->mutex);
		store_entry_free(e);
		return ticket;
	}
	if (!st->first)
		pthread_cond_signal(&st->wake);
	*st->end = e;
	st->end = &e->next;
	st->last = e;
	st->n_queued++;
	st->queued_bytes += e->size;
	pthread_mutex_unlock(&st->mutex);
	return ticket;
}

/* A line without an event moves the cursor of the last entry, if that is of its log:
 * everything before it is in the queue already. */
static bool move_last(struct store *st, const struct log_cursor *c)
{
	struct entry *last;
	bool moved = false;

	pthread_mutex_lock(&st->mutex);
	last = st->last;
	if (last && last->kind == ENTRY_LINE && !last->has_event &&
	    strcmp(last->cursor.container, c->container) == 0) {
		last->cursor = *c;
		moved = true;
	}
	pthread_mutex_unlock(&st->mutex);
	return moved;
}

uint64_t store_add_line(struct store *st, const struct log_entry *l)
{
	struct entry *e;
	uint64_t ticket;

	if (!l->event && move_last(st, &l->cursor))
		return 0;
	e = entry_new(ENTRY_LINE, l->event);
	e->cursor = l->cursor;
	e->key = l->key;
	e->reading = l->reading;
	e->is_repeat = l->is_repeat;
	e->is_old = l->is_old;
	ticket = enqueue(st, e);
	return l->event ? ticket : 0;
}

static void take_line(void *arg, const struct log_entry *e)
{
	store_add_line(arg, e);
}

/* One that cannot be read is as none: the log is read from its beginning, and what is
 * stored is known. */
static void give_cursor(void *arg, struct log_cursor *c)
{
	struct err err = { 0 };

	store_cursor(arg, c, &err);
}

struct log_taker store_taker(struct store *st)
{
	return (struct log_taker){ .cursor = give_cursor, .line = take_line, .arg = st };
}

uint64_t store_add_event(struct store *st, const struct event *ev, const char *once)
{
	struct entry *e = entry_new(ENTRY_EVENT, ev);

	e->once = xstrdup_or_null(once);
	return enqueue(st, e);
}

static void set_waiting(struct store *st, const uint64_t *ids, size_t n, bool is_waiting)
{
	struct entry *e = entry_new(ENTRY_WAITING, NULL);

	e->ids = xmemdup(ids, n * sizeof *ids);
	e->n_ids = n;
	e->is_waiting = is_waiting;
	e->size += n * sizeof *ids;
	enqueue(st, e);
}

void store_dismiss(struct store *st, const uint64_t *ids, size_t n)
{
	set_waiting(st, ids, n, false);
}

void store_undismiss(struct store *st, const uint64_t *ids, size_t n)
{
	set_waiting(st, ids, n, true);
}

void store_note(struct store *st, const char *space, const char *name, const char *value)
{
	struct entry *e = entry_new(ENTRY_NOTE, NULL);

	e->space = xstrdup(space);
	e->name = xstrdup_or_null(name);
	e->value = xstrdup_or_null(value);
	enqueue(st, e);
}

uint64_t store_decide(struct store *st, const struct store_decision *d)
{
	struct entry *e = entry_new(ENTRY_DECISION, d->event);

	e->space = xstrdup(d->space);
	e->name = xstrdup(d->name);
	e->value = xasprintf("%lld %lld", (long long)d->until_ns, (long long)d->event->ts_ns);
	e->since_ns = d->since_ns;
	return enqueue(st, e);
}

int store_flush(struct store *st, struct err *err)
{
	uint64_t tries;
	int rc = 0;

	pthread_mutex_lock(&st->mutex);
	tries = st->n_tries;
	st->wants_retry = true;
	pthread_cond_signal(&st->wake);
	while ((st->first || st->is_writing) &&
	       !(st->is_failing && (st->n_tries > tries || st->has_given_up)))
		pthread_cond_wait(&st->moved, &st->mutex);
	st->wants_retry = false;
	if (st->first || st->is_writing || st->has_given_up) {
		*err = st->failure;
		rc = -1;
	}
	pthread_mutex_unlock(&st->mutex);
	tell_messages(st);
	while (tell_some(st))
		;
	return rc;
}

int store_trim(struct store *st, struct err *err)
{
	enqueue(st, entry_new(ENTRY_TRIM, NULL));
	return store_flush(st, err);
}

/* --- reading's connection ------------------------------------------------------------ */

void store_reader_lock(struct store *st)
{
	if (!st->path)
		pthread_mutex_lock(&st->memory_mutex);
}

void store_reader_unlock(struct store *st)
{
	if (!st->path)
		pthread_mutex_unlock(&st->memory_mutex);
}

static void close_reader(struct store *st)
{
	sqlite3_finalize(st->data_version);
	st->data_version = NULL;
	if (st->path)
		store_db_close(&st->read);
}

sqlite3 *store_reader(struct store *st, struct err *err)
{
	unsigned generation;

	if (!st->path)
		return st->write.db;
	pthread_mutex_lock(&st->mutex);
	generation = st->generation;
	pthread_mutex_unlock(&st->mutex);
	if (st->read.db && generation == st->read_generation &&
	    store_db_is_current(&st->read, st->path))
		return st->read.db;
	close_reader(st);
	if (store_db_open(&st->read, st->path, err) != STORE_OK)
		return NULL;
	sqlite3_exec(st->read.db, "PRAGMA query_only=ON", NULL, NULL, NULL);
	st->read_generation = generation;
	st->read_opens++;
	return st->read.db;
}

void store_read_failed(struct store *st, sqlite3 *db)
{
	if (!db || !st->path || store_db_result(sqlite3_errcode(db)) != STORE_DAMAGED)
		return;
	pthread_mutex_lock(&st->mutex);
	st->seems_damaged = true;
	pthread_mutex_unlock(&st->mutex);
	store_note(st, "", "", NULL); /* something to write, so that it is seen to */
}

bool store_changed(struct store *st)
{
	sqlite3 *db = st->path ? store_reader(st, NULL) : NULL;
	int64_t version = st->last_version;
	unsigned opens = st->read_opens;

	if (!st->path) {
		pthread_mutex_lock(&st->mutex);
		version = (int64_t)st->n_tries;
		pthread_mutex_unlock(&st->mutex);
	} else if (db && store_prepare(db, &st->data_version, "PRAGMA data_version", NULL)) {
		if (sqlite3_step(st->data_version) == SQLITE_ROW)
			version = sqlite3_column_int64(st->data_version, 0);
		sqlite3_reset(st->data_version);
		opens = st->read_opens;
	}
	if (version == st->last_version && opens == st->last_opens)
		return false;
	st->last_version = version;
	st->last_opens = opens;
	return true;
}

/* --- life ---------------------------------------------------------------------------- */

const char *store_path(const struct store *st)
{
	return st->path;
}

static int start_thread(struct store *st, struct err *err)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int rc;

	pthread_mutex_init(&st->mutex, NULL);
	pthread_mutex_init(&st->memory_mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&st->wake, &attr);
	pthread_cond_init(&st->moved, NULL);
	pthread_condattr_destroy(&attr);
	/* signals are for the thread with the loop */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&st->thread, NULL, store_writer_main, st);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : err_errno(err, ERR_FAILED, rc, "the store's thread");
}

static void free_all(struct store *st)
{
	writer_free(st->writer);
	close_reader(st);
	store_db_close(&st->write);
	store_entries_free(st->first);
	store_told_free(st->told.first);
	strv_free(st->messages);
	if (st->event_fd >= 0)
		close(st->event_fd);
	free(st->path);
	free(st);
}

int store_open(struct store **out, const struct store_options *opt, struct err *err)
{
	struct store *st = xcalloc(1, sizeof *st);
	char *message = NULL;

	st->opt = *opt;
	st->opt.max_age_ns = opt->max_age_ns ? opt->max_age_ns : STORE_AGE_NS;
	st->opt.max_bytes = opt->max_bytes ? opt->max_bytes : STORE_BYTES;
	st->end = &st->first;
	st->told.end = &st->told.first;
	st->next_ticket = 1;
	st->writer = writer_new(st->opt.max_bytes);
	st->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (st->event_fd < 0) {
		err_errno(err, ERR_FAILED, errno, "eventfd");
		goto failed;
	}
	if (opt->dir) {
		st->path = xasprintf("%s/" STORE_FILE_NAME, opt->dir);
		if (paths_make(opt->dir, err) < 0)
			goto failed;
	}
	if (store_db_open_sound(&st->write, st->path, &message, err) != STORE_OK)
		goto failed;
	if (message)
		strv_push(&st->messages, &st->n_messages, message);
	writer_reset(st->writer, st->write.db);
	if ((opt->loop && loop_fd_set(opt->loop, st->event_fd, LOOP_READ, on_poked, st, err) < 0) ||
	    start_thread(st, err) < 0)
		goto failed;
	if (st->n_messages)
		store_poke(st);
	*out = st;
	return 0;
failed:
	if (opt->loop && st->event_fd >= 0)
		loop_fd_remove(opt->loop, st->event_fd);
	free_all(st);
	return -1;
}

void store_listen(struct store *st, void (*stored)(void *arg, const struct stored *v, size_t n),
                  void (*message)(void *arg, const char *text), void *arg)
{
	pthread_mutex_lock(&st->mutex);
	st->opt.stored = stored;
	st->opt.message = message;
	st->opt.arg = arg;
	pthread_mutex_unlock(&st->mutex);
	store_poke(st);
}

void store_close(struct store *st)
{
	if (!st)
		return;
	pthread_mutex_lock(&st->mutex);
	st->is_stopping = true;
	pthread_cond_signal(&st->wake);
	pthread_mutex_unlock(&st->mutex);
	pthread_join(st->thread, NULL);
	if (st->opt.loop)
		loop_fd_remove(st->opt.loop, st->event_fd);
	pthread_mutex_destroy(&st->mutex);
	pthread_mutex_destroy(&st->memory_mutex);
	pthread_cond_destroy(&st->wake);
	pthread_cond_destroy(&st->moved);
	free_all(st);
}
