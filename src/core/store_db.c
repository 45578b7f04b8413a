/* The store's file: opening it, its schema, and what is done about a damaged one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/store_int.h"

#define BUSY_MS 2000
#define OPEN_TRIES 5

/* Each brings the schema from its index to the next version; never changed once it
 * was released. "lines" has a row for each log line that made or raised an event;
 * "once" stands in "logs" for what is of no log. Each of "shards" has an index of
 * words, store_shard_make(). */
static const char *const migrations[STORE_VERSION] = {
	"CREATE TABLE events("
	" id INTEGER PRIMARY KEY,"
	" first_ns INTEGER NOT NULL, ts_ns INTEGER NOT NULL,"
	" class INTEGER NOT NULL, verdict INTEGER NOT NULL, source INTEGER NOT NULL,"
	" count INTEGER NOT NULL,"
	" session TEXT, bottle TEXT, host TEXT, rule TEXT, summary TEXT, detail TEXT);"
	"CREATE INDEX by_class ON events(class, first_ns);"
	"CREATE INDEX by_session ON events(session, class, first_ns);"
	"CREATE TABLE logs("
	" id INTEGER PRIMARY KEY, container TEXT NOT NULL UNIQUE,"
	" ts_ns INTEGER NOT NULL, count INTEGER NOT NULL, max_ns INTEGER NOT NULL,"
	" clock_ns INTEGER NOT NULL, seen_ns INTEGER NOT NULL);"
	"CREATE TABLE lines("
	" log INTEGER NOT NULL, ts_ns INTEGER NOT NULL, key INTEGER NOT NULL,"
	" event INTEGER NOT NULL, PRIMARY KEY(log, ts_ns, key)) WITHOUT ROWID;"
	"CREATE TABLE shards(id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL);",

	"CREATE TABLE notes("
	" space TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY(space, name)) WITHOUT ROWID;",
};

enum store_result store_db_result(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return STORE_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
	case SQLITE_NOMEM:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_INTERRUPT:
		return STORE_LATER;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return STORE_DAMAGED;
	default:
		return STORE_REFUSED;
	}
}

/* "disk I/O error" is a full disk, too: the system knows. */
static const char *reason(sqlite3 *db)
{
	int code = sqlite3_errcode(db) & 0xff, errnum = sqlite3_system_errno(db);

	return errnum && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) ? strerror(errnum)
	                                                                  : sqlite3_errmsg(db);
}

static int sql_error(sqlite3 *db, struct err *err, const char *doing)
{
	return err_set(err, ERR_FAILED, "%s: %s", doing, reason(db));
}

int store_exec(sqlite3 *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
	               ? 0
	               : sql_error(db, err, "the event store");
}

/* The number that a pragma answers; -1 and err when it cannot. */
static int64_t pragma(sqlite3 *db, const char *sql, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int64_t v = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		v = sqlite3_column_int64(s, 0);
	else
		sql_error(db, err, "the event store");
	sqlite3_finalize(s);
	return v;
}

int store_db_migrate(sqlite3 *db, int version, struct err *err)
{
	int64_t at = pragma(db, "PRAGMA user_version", err);

	if (at < 0)
		return -1;
	if (at == version)
		return 0;
	/* two programs may be here at once: whoever waited finds it done */
	if (store_exec(db, "BEGIN IMMEDIATE", err) < 0)
		return -1;
	at = pragma(db, "PRAGMA user_version", err);
	for (; at >= 0 && at < version; at++) {
		char set[48];

		snprintf(set, sizeof set, "PRAGMA user_version=%d", (int)at + 1);
		if (store_exec(db, migrations[at], err) < 0 || store_exec(db, set, err) < 0)
			at = -2;
	}
	if (at < 0 || store_exec(db, "COMMIT", err) < 0) {
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return 0;
}

/* --- opening ------------------------------------------------------------------------- */

/* SQLite makes its side files with the mode of the main one.
 *
 * One that is there is looked at by its name: to close a descriptor of a file gives up
 * all locks that the process holds on it (fcntl(2)), those of SQLite's connections too.
 * Whoever closes it next in another program would then take it for unused and remove
 * the log that these connections write (sqlite.org/howtocorrupt.html, 2.2). */
static int make_file(const char *path, struct store_db *d, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd >= 0)
		close(fd); /* new: nobody has it open */
	else if (errno != EEXIST)
		return err_errno(err, ERR_FAILED, errno, "%s", path);
	if (lstat(path, &st) < 0)
		return err_errno(err, ERR_FAILED, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, ERR_FAILED, "%s is no file of ours; move it away", path);
	if ((st.st_mode & 077) && chmod(path, 0600) < 0)
		return err_errno(err, ERR_FAILED, errno, "%s", path);
	d->inode = st.st_ino;
	d->device = st.st_dev;
	return 0;
}

static int set_up(sqlite3 *db, struct err *err)
{
	static const char settings[] = "PRAGMA journal_mode=WAL;"
				       "PRAGMA synchronous=NORMAL;"
				       "PRAGMA journal_size_limit=33554432;"
				       "PRAGMA wal_autocheckpoint=4000;"
				       "PRAGMA cache_size=-16000;"
				       "PRAGMA temp_store=MEMORY;"
				       "PRAGMA trusted_schema=OFF;";

	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* before there is a table; of no effect after */
	if (store_exec(db, "PRAGMA auto_vacuum=INCREMENTAL;", err) < 0)
		return -1;
	return store_exec(db, settings, err);
}

/* Does it have what we shall use? A page that cannot be read shows when it is. */
static int probe(sqlite3 *db, struct err *err)
{
	return store_exec(db,
	                  "SELECT max(id) FROM events; SELECT count(*) FROM logs;"
	                  "SELECT event FROM lines LIMIT 1; SELECT value FROM notes LIMIT 1;"
	                  "SELECT max(id) FROM shards;"
	                  "SELECT id FROM events ORDER BY session,class,first_ns LIMIT 1;"
	                  "SELECT id FROM events ORDER BY class,first_ns LIMIT 1;",
	                  err);
}

static enum store_result open_once(struct store_db *out, const char *path, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
	            (path ? SQLITE_OPEN_NOMUTEX : SQLITE_OPEN_FULLMUTEX);
	struct store_db d = { 0 };
	enum store_result r = STORE_OK;
	int64_t version;

	if (!sqlite3_compileoption_used("ENABLE_FTS5")) {
		err_set(err, ERR_FAILED, "this SQLite was built without full-text search (FTS5)");
		return STORE_REFUSED;
	}
	if (path && make_file(path, &d, err) < 0)
		return STORE_REFUSED;
	*out = (struct store_db){ .inode = d.inode, .device = d.device };
	if (sqlite3_open_v2(path ? path : ":memory:", &d.db, flags, NULL) != SQLITE_OK ||
	    set_up(d.db, err) < 0)
		goto failed;
	version = pragma(d.db, "PRAGMA user_version", err);
	if (version > STORE_VERSION) {
		err_set(err, ERR_FAILED,
		        "%s was written by a later version of claude-bottle: use that, or move "
		        "the file away",
		        path);
		sqlite3_close(d.db);
		return STORE_REFUSED;
	}
	if (version < 0 || store_db_migrate(d.db, STORE_VERSION, err) < 0 || probe(d.db, err) < 0)
		goto failed;
	*out = d;
	return STORE_OK;
failed:
	r = d.db ? store_db_result(sqlite3_errcode(d.db)) : STORE_LATER;
	/* a table of ours that is not there, or is another */
	if (d.db && (sqlite3_errcode(d.db) & 0xff) == SQLITE_ERROR)
		r = STORE_DAMAGED;
	err_set(err, ERR_FAILED, "%s: %s", path ? path : "the event store",
	        d.db ? reason(d.db) : "out of memory");
	sqlite3_close(d.db);
	return r == STORE_OK ? STORE_REFUSED : r;
}

/* Whoever opens a new file first keeps it locked while it makes the tables, which can
 * take longer than SQLite waits for it. */
enum store_result store_db_open(struct store_db *out, const char *path, struct err *err)
{
	static const struct timespec pause = { .tv_nsec = 50000000 };
	enum store_result r = open_once(out, path, err);

	for (int i = 1; i < OPEN_TRIES && r == STORE_LATER; i++) {
		nanosleep(&pause, NULL);
		r = open_once(out, path, err);
	}
	return r;
}

void store_db_close(struct store_db *d)
{
	sqlite3_close(d->db);
	*d = (struct store_db){ 0 };
}

bool store_db_is_current(const struct store_db *d, const char *path)
{
	struct stat st;

	return !path || (stat(path, &st) == 0 && st.st_ino == d->inode && st.st_dev == d->device);
}

/* --- damage -------------------------------------------------------------------------- */

/* Rename the file and what belongs to it. */
static int rename_all(const char *path, char **message, struct err *err)
{
	static const char *const parts[] = { "-wal", "-shm", "" };
	CLEANUP_FREE char *to = NULL;
	time_t now = time(NULL);
	char when[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
	to = xasprintf("%s.damaged-%s", path, when);
	for (int i = 1; access(to, F_OK) == 0 && i < 1000; i++) {
		free(to);
		to = xasprintf("%s.damaged-%s.%d", path, when, i);
	}
	/* the file last: until then a crash leaves it to be found damaged again */
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		CLEANUP_FREE char *old = xasprintf("%s%s", path, parts[i]);
		CLEANUP_FREE char *new = xasprintf("%s%s", to, parts[i]);

		if (rename(old, new) < 0 && errno != ENOENT)
			return err_errno(err, ERR_FAILED, errno, "cannot set %s aside", old);
	}
	*message =
		xasprintf("the event store was damaged: it is now %s, and a new one was begun", to);
	return 0;
}

enum store_result store_db_set_aside(const struct store_db *d, const char *path, char **message,
                                     struct err *err)
{
	CLEANUP_FREE char *lock = xasprintf("%s.lock", path);
	CLEANUP_CLOSE int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		err_errno(err, ERR_FAILED, errno, "%s", lock);
		return STORE_REFUSED;
	}
	/* one program alone does it; whoever waited finds another file */
	if (!store_db_is_current(d, path))
		return STORE_OK;
	return rename_all(path, message, err) < 0 ? STORE_REFUSED : STORE_OK;
}

enum store_result store_db_open_sound(struct store_db *out, const char *path, char **message,
                                      struct err *err)
{
	enum store_result r = store_db_open(out, path, err);

	if (r != STORE_DAMAGED || !path)
		return r;
	r = store_db_set_aside(out, path, message, err);
	return r == STORE_OK ? store_db_open(out, path, err) : r;
}
