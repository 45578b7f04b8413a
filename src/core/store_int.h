/* Inside the store: what its files share. Nobody else includes this.
 *
 *	store.c		the queue, what is told on the loop, the reading connection
 *	store_thread.c	the thread that empties the queue
 *	store_db.c	the file: opening, schema, what is done about damage
 *	store_write.c	one batch in one transaction; see store_writer.h
 *	store_read.c	queries
 *	store_words.c	text to what full-text search indexes and looks for
 */
#ifndef CORE_STORE_INT_H
#define CORE_STORE_INT_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/loop.h"
#include "core/store.h"

#define STORE_VERSION 2 /* of the schema: user_version */

/* events.class: the kind, and in bits above it what queries choose by. Equality of
 * one number makes each index serve every filter. */
#define CLASS_KIND 0x3fu
#define CLASS_PROBE 0x40u
#define CLASS_WAITING 0x80u
#define CLASSES 0x100u

/* --- store_db.c ---------------------------------------------------------------------- */

/* One connection. */
struct store_db {
	sqlite3 *db;
	ino_t inode; /* of the file it opened; 0 in memory */
	dev_t device;
};

/* How an attempt ended. */
enum store_result {
	STORE_OK,
	STORE_LATER,   /* busy, full, unreadable for now: the same may work later */
	STORE_DAMAGED, /* the file is not, or no more, a sound database of ours */
	STORE_REFUSED, /* anything else, such as a file of a later version */
};

enum store_result store_db_result(int sqlite_code);

/* Open the file (made when it is not there; path NULL: in memory) and bring its
 * schema up to date. err says why not; out then says only which file it was. */
enum store_result store_db_open(struct store_db *out, const char *path, struct err *err);
void store_db_close(struct store_db *d);

/* Bring the schema of an open database to a version. */
int store_db_migrate(sqlite3 *db, int version, struct err *err);

/* Is there still the file at path that d opened? */
bool store_db_is_current(const struct store_db *d, const char *path);

/* Rename the file that d opened, if it is at path still. *message becomes what was
 * done, the caller's; else it is untouched. */
enum store_result store_db_set_aside(const struct store_db *d, const char *path, char **message,
                                     struct err *err);

/* Open, and set a damaged file aside first. *message becomes what was done, the
 * caller's; else it is untouched. */
enum store_result store_db_open_sound(struct store_db *out, const char *path, char **message,
                                      struct err *err);

int store_exec(sqlite3 *db, const char *sql, struct err *err);

/* --- the queue ----------------------------------------------------------------------- */

enum entry_kind {
	ENTRY_LINE,
	ENTRY_EVENT,
	ENTRY_WAITING,
	ENTRY_NOTE,
	ENTRY_DECISION,
	ENTRY_TRIM
};

struct entry {
	struct entry *next;
	enum entry_kind kind;
	uint64_t ticket;
	size_t size; /* counted against the queue's ceiling */
	bool has_event;
	bool is_repeat, is_old;
	bool is_told; /* as pending */
	struct event event;
	struct log_cursor cursor;
	uint64_t key, reading;
	char *once;
	bool is_waiting; /* ENTRY_WAITING */
	uint64_t *ids;
	size_t n_ids;
	char *space, *name, *value; /* ENTRY_NOTE, ENTRY_DECISION */
	int64_t since_ns;           /* ENTRY_DECISION */
};

/* Something to be told. */
struct told {
	struct told *next;
	struct stored is;
	struct store_row row;
	struct entry *from; /* whose event it gets once it is committed; or NULL */
};

struct told_list {
	struct told *first, **end;
	size_t n;
};

/* --- store_write.c ------------------------------------------------------------------- */

struct writer;

struct writer *writer_new(uint64_t max_bytes); /* of the file */
void writer_free(struct writer *w); /* finalizes its statements; before the database closes */
/* Another database is written from now on. */
void writer_reset(struct writer *w, sqlite3 *db);

/* Write a batch in one transaction. Only when it is committed is anything added to
 * told, in the batch's order. */
enum store_result writer_apply(struct writer *w, struct entry *batch, struct told_list *told,
                               struct err *err);

/* Remove at most a few hundred of the oldest events when they are too old or the
 * file is too large. *more: there is more to remove. */
enum store_result writer_trim(struct writer *w, int64_t older_than_ns, bool *more, struct err *err);

/* --- store.c and store_thread.c ------------------------------------------------------ */

void store_entry_free(struct entry *e);
void store_entries_free(struct entry *e); /* and what follows it */
void store_told_free(struct told *t);     /* likewise */
void store_poke(const struct store *st);  /* the loop: there is something to tell */
/* With the mutex held: something for a person, and what could not be stored yet. */
void store_add_message(struct store *st, char *owned);
void store_tell_pending(struct store *st, struct entry *batch);
void *store_writer_main(void *st);

/* --- store_read.c -------------------------------------------------------------------- */

#define STORE_COLUMNS \
	"id,first_ns,ts_ns,class,verdict,source,count,session,bottle,host,rule,summary,detail"

/* The row that a statement over STORE_COLUMNS stands on. */
void store_row_read(sqlite3_stmt *s, struct store_row *out);

unsigned store_class(const struct event *e, bool is_waiting);

/* Prepare, or take the one that is there and reset it. NULL and err on failure. */
sqlite3_stmt *store_prepare(sqlite3 *db, sqlite3_stmt **kept, const char *sql, struct err *err);

/* --- store_words.c ------------------------------------------------------------------- */

/* Full-text search has an index, "words_ID", for each STORE_SHARD events, or fewer
 * where they hold much text; ID is that of its first event. What words begin with some
 * letters is put together from all that an index holds before the first match is
 * known, so none may be large; and when the events of one have gone, so does it. */
#define STORE_SHARD 65536
#define STORE_SHARD_BYTES (16u << 20)

int store_shard_make(sqlite3 *db, uint64_t first_id, struct err *err);

/* What is indexed of an event. */
void store_words_of(struct buf *out, const struct event *e);

/* Append the search expression for a person's text; false when it has no word. */
bool store_words_query(struct buf *out, const char *text, uint64_t kinds);

/* Would the index find the event by that text? For those that are few: what a common
 * word begins, and a rare kind, is found faster by looking at the kind's. */
bool store_words_match(const struct event *e, const char *text);

/* --- store.c ------------------------------------------------------------------------- */

struct store {
	char *path; /* NULL in memory */
	struct store_options opt;
	struct store_db write; /* the writer's, in its thread */
	struct store_db read;  /* in memory: the same as write */
	unsigned read_generation;
	sqlite3_stmt *data_version;
	int64_t last_version;
	unsigned read_opens, last_opens; /* how often read was opened */
	struct writer *writer;
	uint64_t next_ticket;

	pthread_t thread;
	pthread_mutex_t mutex;        /* of what follows */
	pthread_mutex_t memory_mutex; /* in memory both use one connection */
	pthread_cond_t wake;          /* the writer: there is something to do */
	pthread_cond_t moved;         /* the others: something was done */
	struct entry *first, **end;
	struct entry *last; /* NULL when the queue is empty or was just taken */
	size_t n_queued, queued_bytes;
	bool is_writing; /* the writer holds a batch */
	bool is_stopping;
	bool seems_damaged; /* a query said so */
	bool wants_retry;
	bool is_failing;   /* the batch that it holds could not be written */
	bool has_given_up; /* and too much came meanwhile */
	uint64_t n_tries;
	unsigned generation; /* of the file: how often it was opened anew */
	struct err failure;
	struct told_list told;
	char **messages;
	size_t n_messages;
	int event_fd;
};

/* The reading connection, opened anew when the file was replaced. NULL and err. */
sqlite3 *store_reader(struct store *st, struct err *err);
/* Around each use of it. */
void store_reader_lock(struct store *st);
void store_reader_unlock(struct store *st);
/* A query failed: when the file seems damaged the writer sets it aside. */
void store_read_failed(struct store *st, sqlite3 *db);

#endif
