/* Archives as the engine's API takes and gives them: a writer and a streaming reader.
 *
 * A tar is a row of 512-byte blocks: a header for each entry, its data padded
 * to a block, and two zero blocks at the end. The header has 100 bytes for the
 * name; 155 more can hold its leading folders (ustar), and what fits neither
 * goes into an extra entry before it (pax, type 'x': lines "LEN KEY=VALUE\n").
 *
 * Nothing here touches a file system: owners, modes and times are what the
 * caller says. The engine keeps them, so they are what the container sees.
 */
#ifndef DOCKER_TAR_H
#define DOCKER_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

#define TAR_PATH_MAX 4095	/* longer names and link targets are refused, both ways */

/* --- writer ------------------------------------------------------------------
 *
 *	struct buf body = BUF_INIT_SECRET(1 << 20);
 *	struct tar t;
 *
 *	tar_begin(&t, &body, time(NULL));
 *	tar_dir(&t, "etc/pipelock", 0700, 65534, 65534);
 *	tar_file(&t, "etc/pipelock/ca-key.pem", 0600, 65534, 65534, key, len);
 *	if (tar_finish(&t, err) < 0) ...
 *
 * The calls between begin and finish may be left unchecked: the first failure
 * stays, and later calls then do nothing. When the archive holds a secret make
 * the buffer a secret one; the writer itself keeps no copy.
 */
struct tar {
	struct buf *out;	/* borrowed; entries are appended to it */
	int64_t mtime;		/* of the entries that follow, in seconds; >= 0 */
	const char *fault;	/* first failure, a string constant; NULL while all is well */
	char at[128];		/* the start of the path that it concerns */
};

void tar_begin(struct tar *t, struct buf *out, int64_t mtime);

/* Add one entry. path is relative to the folder that the archive is unpacked
 * in; a leading '/' is dropped, so the path in the container may be given when
 * that folder is '/'. An empty path and a ".." in it are refused. mode is the
 * lower 12 bits. Missing parents are made by whoever unpacks it (the engine:
 * root, 0755); a parent that is given sets owner and mode of one that exists. */
int tar_file(struct tar *t, const char *path, unsigned mode, uint32_t uid, uint32_t gid,
             const void *data, size_t len);
int tar_dir(struct tar *t, const char *path, unsigned mode, uint32_t uid, uint32_t gid);
int tar_symlink(struct tar *t, const char *path, const char *target, uint32_t uid, uint32_t gid);

/* Write the end. Reports what went wrong since tar_begin(), as ERR_FAILED; the
 * buffer is then not an archive and only good for freeing. */
int tar_finish(struct tar *t, struct err *err);

/* --- reader ------------------------------------------------------------------
 *
 * Bytes go in as they come, entries come out as soon as they are known. What
 * is read may come from a hostile container: sizes are capped before anything
 * is allocated, and a name is handed out as it is. Whoever unpacks into a real
 * folder must check it there.
 */
enum tar_type {
	TAR_FILE,
	TAR_DIR,
	TAR_SYMLINK,
	TAR_HARDLINK,
	TAR_OTHER,	/* device or fifo: no data */
};

struct tar_entry {
	enum tar_type type;
	const char *path;	/* never NULL; without the final '/' of a folder */
	const char *target;	/* of a link, else "" */
	uint64_t size;		/* bytes of data that follow; 0 unless TAR_FILE */
	unsigned mode;
	uint32_t uid, gid;
	int64_t mtime;
};

/* Any may be NULL. A callback that returns -1 has set err and ends the reading. */
struct tar_sink {
	/* e is there for the call only */
	int (*on_entry)(void *arg, const struct tar_entry *e, struct err *err);
	/* a piece of the last entry's data */
	int (*on_data)(void *arg, const void *data, size_t len, struct err *err);
	/* after each entry, with data or not */
	int (*on_entry_end)(void *arg, struct err *err);
};

struct tar_reader;

/* sink is borrowed and must outlive the reader. */
struct tar_reader *tar_reader_new(const struct tar_sink *sink, void *arg);

/* Take len bytes. Fails on what is not a tar (ERR_FAILED) or when a callback
 * did; the reader is then only good for freeing. Bytes after the end are ignored. */
int tar_reader_feed(struct tar_reader *r, const void *data, size_t len, struct err *err);

/* To be called when no more comes: fails when the archive is cut short. An
 * archive without the final zero blocks is taken when it ends at an entry's end. */
int tar_reader_finish(struct tar_reader *r, struct err *err);

void tar_reader_free(struct tar_reader *r);	/* NULL is fine */

#endif
