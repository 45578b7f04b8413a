/* The engine's multiplexed stream (logs, attach and exec without a TTY).
 *
 * Each frame is a header of 8 bytes and a payload:
 *
 *	byte 0      stream: 0 stdin, 1 stdout, 2 stderr, 3 the engine's own error
 *	bytes 1-3   zero
 *	bytes 4-7   length of the payload, big endian
 *
 * Bytes arrive split anywhere. The payload is handed on piece by piece, as it
 * comes; nothing is allocated and the claimed length is only ever counted down,
 * so a lying header costs nothing. A TTY's stream has no frames: with is_raw set
 * everything is one endless payload of stdout.
 *
 * In a container's log every frame is one message of the log driver: a line
 * with its newline, or, of a line over 16 KiB, a part of it without one.
 */
#ifndef DOCKER_FRAMES_H
#define DOCKER_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum frames_stream {
	FRAMES_STDIN = 0,
	FRAMES_STDOUT = 1,
	FRAMES_STDERR = 2,
	FRAMES_ENGINE = 3, /* text of the engine about a failure of its own */
};

#define FRAMES_HEADER 8

/* A piece of payload; n is 0 only for an empty frame. is_first marks the first
 * piece of a frame. Return 0 to go on; anything else ends frames_feed() with it. */
typedef int frames_on_data(void *ctx, enum frames_stream stream, const char *data, size_t n,
                           bool is_first);

struct frames {
	frames_on_data *on_data;
	void *ctx;
	bool is_raw;
	bool is_broken; /* a bad header was seen; nothing after it can be trusted */
	bool is_first;
	unsigned n_head; /* bytes of the header seen so far */
	unsigned char head[FRAMES_HEADER];
	uint32_t left; /* of the current payload */
};

void frames_init(struct frames *f, bool is_raw, frames_on_data *on_data, void *ctx);

/* Take n bytes. Returns 0, -1 with err for a bad header (and for every call
 * after one), or what on_data returned when that was not 0; the rest of these
 * bytes is then lost, so it is for giving up on the stream. */
int frames_feed(struct frames *f, const void *data, size_t n, struct err *err);

/* The stream is over: -1 when that was in the middle of a frame. */
int frames_end(const struct frames *f, struct err *err);

#endif
