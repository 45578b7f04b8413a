/* assets/images/versions: what goes into our images, one NAME=value a line.
 *
 * NAME is capitals, digits and '_', not a digit first. The value is the rest of
 * the line without the blanks around it, with no quoting; it may be empty. Lines that are
 * blank or begin with '#' do not count.
 */
#ifndef DOCKER_VERSIONS_H
#define DOCKER_VERSIONS_H

#include <stddef.h>

struct err;

#define VERSIONS_MAX	   128
#define VERSIONS_VALUE_MAX 1024

struct version {
	char *name, *value;
};

struct versions {
	struct version *list;
	size_t n;
};

/* path is for messages, "path:line: what is wrong" (ERR_INPUT). On failure *out
 * is untouched. */
int versions_parse(struct versions *out, const char *path, const char *text, size_t len,
                   struct err *err);

/* NULL when there is no such line; "" when it has no value. */
const char *versions_get(const struct versions *v, const char *name);

void versions_done(struct versions *v);		/* NULL is fine */

#endif
