/* A few strings out of a JSON text that streams by, however long it is.
 *
 * Nothing is kept but what is wanted, and of that no more than its buffer holds;
 * no allocation. The text is trusted to be JSON only in so far as nothing bad
 * comes of one that is not: then wrong strings may be picked, or none.
 */
#ifndef BOTTLE_PICK_H
#define BOTTLE_PICK_H

#include <stdbool.h>
#include <stddef.h>

#define PICK_DEPTH_MAX 16 /* what lies deeper is passed over */
#define PICK_PATH_MAX 128

struct pick_want {
	const char *path; /* keys and indexes, "tool_input.questions.0.question"; well
	                   * below PICK_PATH_MAX */
	char *out;        /* gets the string in UTF-8, with a NUL; "" when there is none */
	size_t cap;       /* at least 16 */
	bool keep_end;    /* of one that is too long the end is kept, else the beginning */
};

struct pick {
	struct pick_want *wants;
	size_t n_wants;

	size_t depth; /* of objects and arrays that are open */
	struct pick_level {
		bool is_array;
		unsigned index;
		size_t path_len; /* of the path up to this level */
	} levels[PICK_DEPTH_MAX];
	char path[PICK_PATH_MAX]; /* of the value that comes next */
	size_t path_len;
	bool expects_key;

	bool in_string, is_key, is_escaped;
	unsigned hex_left, hex, high; /* of \uXXXX, and the first half of a pair */
	struct pick_want *into;       /* NULL: nobody wants this string */
	size_t into_len;
};

void pick_init(struct pick *p, struct pick_want *wants, size_t n);
void pick_feed(struct pick *p, const char *data, size_t len);

#endif
