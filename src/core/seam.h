/* Where a stream goes on in a log of the same bytes.
 *
 * An engine keeps what a terminal writes in a log, and passes it on to who is attached.
 * Who attaches first and reads the log then misses nothing, but gets some of it twice;
 * and who was away finds in the log what he missed. Neither says where the other is, so
 * the bytes are compared.
 *
 * A log is written when a line ends, or when SEAM_LAG bytes came without an end: so
 * much of what was written may not be in it yet. It holds U+FFFD for what is not UTF-8;
 * such bytes are not found.
 */
#ifndef CORE_SEAM_H
#define CORE_SEAM_H

#include <stddef.h>

#include "core/buf.h"

#define SEAM_LAG	 ((size_t)16 << 10)
#define SEAM_SEEN	 (SEAM_LAG + 4096)	/* so many bytes tell where one was */
#define SEAM_LOST	 ((size_t)-1)
#define SEAM_SEEN_INIT() BUF_INIT(2 * SEAM_SEEN)

/* Keep the last bytes that were seen; b is a SEAM_SEEN_INIT(). */
void seam_see(struct buf *seen, const char *data, size_t len);

/* Where in the log what was not seen begins: its length when there is nothing new,
 * SEAM_LOST when the log does not hold what was seen. */
size_t seam_after(const char *log, size_t log_len, const struct buf *seen);

/* The log was read after the stream was opened, which brought these bytes first. How
 * many at the end of the log are the stream's: that it brought, or, when they are more
 * than len, has still to bring. */
size_t seam_overlap(const char *log, size_t log_len, const char *stream, size_t len);

#endif
