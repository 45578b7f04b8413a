/* The store's writer: what its files share. Nobody else includes this.
 *
 *	store_write.c	batches and transactions
 *	store_folds.c	which stored event a repeat is of
 *	store_trim.c	letting go
 */
#ifndef CORE_STORE_WRITER_H
#define CORE_STORE_WRITER_H

#include "core/store_int.h"

#define LOGS_MAX 64 /* remembered in a transaction; a session has three */
#define ONCE "once" /* the "log" of what is stored once by name */

enum statement {
	S_BEGIN,
	S_COMMIT,
	S_ROLLBACK,
	S_LAST_ID,
	S_LOG,
	S_NEW_LOG,
	S_MOVE,
	S_LINE,
	S_ADD_LINE,
	S_ADD,
	S_RAISE,
	S_RAISE_TO,
	S_GET,
	S_WAITING,
	S_NOTE,
	S_NOTED,
	S_UNNOTE,
	S_UNSPACE,
	S_DELETE,
	S_OLD_LINES,
	S_OLD_LOGS,
	S_SHARD,
	S_SHARD_BYTES,
	STATEMENTS
};

/* A log in the transaction under way. */
struct open_log {
	char container[STORE_ID_SIZE];
	int64_t id;
	int64_t known_ns; /* no line after this stamp is stored */
	struct log_cursor stored, cursor;
	bool has_moved;
};

/* Which stored event a reader's fold means. */
struct fold {
	uint64_t reading, fold, id;
};

struct folds {
	struct fold *v; /* a hash table, at most half full */
	size_t n;
};

struct writer {
	sqlite3 *db;
	sqlite3_stmt *s[STATEMENTS];
	struct open_log logs[LOGS_MAX];
	size_t n_logs;
	uint64_t last_id;
	struct folds folds, old_folds; /* full, the young become the old */
	struct buf words;
	uint64_t max_bytes;
	uint64_t shard; /* the newest; 0: there is none */
	int64_t shard_bytes;
	sqlite3_stmt *index; /* adds words to index_shard */
	uint64_t index_shard;
	struct err *err; /* of the call under way */
	int code;        /* SQLite's, of what failed */
};

int writer_failed(struct writer *w); /* takes SQLite's error; -1 */
/* Ready to be bound; NULL when that failed. */
sqlite3_stmt *writer_statement(struct writer *w, enum statement which);
int writer_run(struct writer *w, sqlite3_stmt *s); /* what gives no row */
int writer_begin(struct writer *w, struct err *err);
enum store_result writer_end(struct writer *w, int rc); /* commits, or takes all back */
int64_t store_now_ns(void);

void folds_put(struct writer *w, uint64_t reading, uint64_t fold, uint64_t id);
uint64_t folds_get(struct writer *w, uint64_t reading, uint64_t fold); /* 0: unknown */
void folds_forget(struct writer *w);

#endif
