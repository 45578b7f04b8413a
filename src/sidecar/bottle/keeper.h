/* keeper: keeps the tmpfs volumes alive and ends permissions on time.
 *
 * A tmpfs volume lives while a running container mounts it, so this process
 * has only to stay. Once a second it looks for files called NAME.at-SECONDS;
 * when that Unix time has come the file is renamed over NAME. Each rename is a
 * line on stdout: {"v":1,"event":"keeper.applied","file":"...","at":N}.
 */
#ifndef BOTTLE_KEEPER_H
#define BOTTLE_KEEPER_H

#include <stddef.h>
#include <stdint.h>

#define KEEPER_NAME_MAX 255

/* Split "NAME.at-SECONDS". 0 and the length of NAME, and SECONDS; -1 when it is
 * not such a name (no NAME, not 1 to 12 digits, hidden, or NAME a deadline too). */
int keeper_deadline(size_t *name_len, int64_t *at, const char *file);

/* Apply everything in the directory that is due at now, the earliest deadline
 * first, so that the last one stays. Returns how many files were renamed; what
 * cannot be is said on stderr and tried again in the next sweep. */
int keeper_sweep(int dirfd, const char *dir, int64_t now);

/* helper keeper DIR... */
int keeper_main(int argc, char **argv);

#endif
