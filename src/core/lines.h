/* Bytes of one stream to lines.
 *
 * A line ends at a newline; a carriage return before it belongs to the ending. A
 * line of more than max bytes is delivered once, cut and marked, as soon as the
 * limit is reached; the rest is skipped to its newline. So whoever writes the log
 * decides neither how much memory we hold nor how long we wait.
 *
 * With has_stamps each message begins with the engine's stamp (logs with
 * timestamps=1): "2026-11-24T20:14:46.123456789Z ". It is read into ts_ns and
 * taken off.
 *
 * The engine splits a line of over 16 KiB into messages and stamps each, with one
 * and the same stamp; and its "local" driver loses the newline after the last of
 * them (seen on 20.10: the next line is glued on, so that a long line could hide
 * the one after it). So read logs with stamps, and call lines_message() wherever a
 * message begins (frames' is_first): in the middle of a line the same stamp means
 * that the line goes on, any other that a new one begins.
 */
#ifndef CORE_LINES_H
#define CORE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

#define LINES_MAX 65536 /* the usual ceiling on a line, in bytes */

struct line {
	const char *text; /* not terminated; valid during the call only */
	size_t len;
	int64_t ts_ns; /* the engine's stamp; 0 when there was none */
	int stream;    /* 1 stdout, 2 stderr */
	bool is_cut;   /* the line was longer than the ceiling */
};

/* Return 0 to go on; anything else ends lines_feed() with it. */
typedef int lines_on_line(void *ctx, const struct line *l);

struct lines {
	lines_on_line *on_line;
	void *ctx;
	int stream;
	bool has_stamps;
	size_t max;
	struct buf held;   /* the line so far, from its stamp on */
	bool is_skipping;  /* to the newline, after a cut */
	bool is_mid_stamp; /* a message began within a line: its stamp comes */
	struct buf stamp;  /* that stamp so far */
	int64_t ts_ns;     /* of the line that it began in */
};

/* max 0 stands for LINES_MAX. */
void lines_init(struct lines *ls, int stream, bool has_stamps, size_t max, lines_on_line *on_line,
                void *ctx);

/* The next byte begins a message of the log driver. Only needed with stamps. */
void lines_message(struct lines *ls);

int lines_feed(struct lines *ls, const char *data, size_t n);

/* The stream is over, or has been quiet for a second (a split line of the local
 * driver waits for the next message): a last line without a newline is delivered,
 * unless it was cut. The lines can be fed again afterwards. */
int lines_end(struct lines *ls);

void lines_done(struct lines *ls); /* frees what is held; NULL is fine */

#endif
