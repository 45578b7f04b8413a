/* The values of a bottle's variables, resolved for one launch and wiped after.
 *
 * Literals are taken from the manifest, "${VAR}" from this process's environment,
 * and "?prompt" from whoever asks the person. A message never holds a value.
 */
#ifndef CORE_SECRETS_H
#define CORE_SECRETS_H

#include <stddef.h>

#include "core/backend.h"

struct bottle_spec;
struct err;

struct secrets {
	struct launch_secret *v;	/* in the order of the bottle's env; names are its */
	size_t n;
};

/* Ask the person for variable `name`; *out is then the callee's to wipe. */
typedef int secrets_ask_fn(void *arg, char **out, const char *name, const char *prompt,
                           struct err *err);

/* The bottle must outlive s. On failure s is empty. */
int secrets_resolve(struct secrets *s, const struct bottle_spec *bottle, secrets_ask_fn *ask,
                    void *arg, struct err *err);

void secrets_done(struct secrets *s);	/* wipes; NULL or zeroed is fine */

#endif
