/* supervise: pipelock's parent. It starts pipelock anew when tunnels are to be cut.
 *
 * pipelock's open tunnels keep the policy that they were opened under, whatever it
 * reloads; only its end ends them. Its configuration begins with the line
 * "# generation G cut N" (without it: 0 and 0). When the file that is in force says
 * another N than it said when pipelock was started, pipelock is ended and started
 * again. Whoever puts the file there so decides about both at once, in one rename:
 * claude-bottle now, or the keeper when a permission ends.
 */
#ifndef BOTTLE_SUPERVISE_H
#define BOTTLE_SUPERVISE_H

#include <stddef.h>
#include <stdint.h>

/* N of a file that begins with text; 0 when it has no such line, -1 when it cannot be
 * told yet: empty, or cut off within the line. */
int64_t supervise_cut(const char *text, size_t len);

/* helper supervise FILE -- COMMAND [ARG...] */
int supervise_main(int argc, char **argv);

#endif
