#include "core/seam.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/mem.h"

#define INSIDE_MIN 1024u	/* fewer bytes are found anywhere */

void seam_see(struct buf *seen, const char *data, size_t len)
{
	if (len > SEAM_SEEN) {
		data += len - SEAM_SEEN;
		len = SEAM_SEEN;
	}
	if (seen->len + len > seen->max)
		buf_consume(seen, seen->len - SEAM_SEEN);
	buf_add(seen, data, len);
}

struct found {
	size_t first, last;	/* ends of the whole, in the text; 0: it is not there */
	size_t begun;		/* so many of its first bytes are the text's last */
};

/* Knuth, Morris and Pratt: the bytes are a hostile program's, so the time must not
 * depend on them. */
static struct found find(const char *text, size_t text_len, const char *what, size_t len)
{
	size_t *back = xcalloc(len + 1, sizeof *back), n = 0;
	struct found f = { 0 };

	for (size_t i = 1; i < len; i++) {
		while (n > 0 && what[i] != what[n])
			n = back[n];
		n += what[i] == what[n];
		back[i + 1] = n;
	}
	n = 0;
	for (size_t i = 0; len && i < text_len; i++) {
		if (n == len)
			n = back[n];
		while (n > 0 && text[i] != what[n])
			n = back[n];
		n += text[i] == what[n];
		if (n == len) {
			f.last = i + 1;
			f.first = f.first ? f.first : f.last;
		}
	}
	f.begun = n;
	free(back);
	return f;
}

size_t seam_after(const char *log, size_t log_len, const struct buf *seen)
{
	bool is_all = seen->len < SEAM_SEEN;
	const char *end = is_all ? seen->data : seen->data + seen->len - SEAM_SEEN;
	size_t len = is_all ? seen->len : SEAM_SEEN;
	struct found f;

	if (!log_len)
		return 0;
	f = find(log, log_len, end, len);
	if (f.last)	/* what came so often is most probably the newest; of all, the oldest */
		return is_all ? f.first : f.last;
	return f.begun && len - f.begun <= SEAM_LAG ? log_len : SEAM_LOST;
}

size_t seam_overlap(const char *log, size_t log_len, const char *stream, size_t len)
{
	struct found f = find(log, log_len, stream, len);

	return f.last && len >= INSIDE_MIN ? log_len - f.last + len : f.begun;
}
