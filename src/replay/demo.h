/* Where the demo's recording is. */
#ifndef REPLAY_DEMO_H
#define REPLAY_DEMO_H

struct err;

/* The path of recordings/NAME: in $CLAUDE_BOTTLE_DATADIR, the source tree when the
 * program runs from its build folder, or the place it was installed to. *out is
 * the caller's. */
int demo_path(char **out, const char *name, struct err *err);

#endif
