/* A manifest in words and in JSON, for "check", "info" and "list available".
 *
 * Text is lines that end in a newline; JSON is one value without one. Names of
 * variables are shown, never their values. Whatever came from a file is safe to
 * print on a terminal. The buffer's ceiling should be at least
 * MANIFEST_SHOW_MAX; look at its overflowed.
 */
#ifndef CORE_MANIFEST_SHOW_H
#define CORE_MANIFEST_SHOW_H

#include <stddef.h>

struct agent_spec;
struct buf;
struct manifest;

#define MANIFEST_SHOW_MAX ((size_t)16 << 20)

/* Every fault, then a line for each file: what it holds, or how many faults. */
void manifest_show_check(struct buf *out, const struct manifest *m);
/* {"ok","errors","warnings","files":[{"path","origin","sha256","trusted","broken",
 * "bottles","agents"}],"faults":[...]}; see faults_json() for those. */
void manifest_show_check_json(struct buf *out, const struct manifest *m);

/* One agent as it would run; of a broken one its faults and what is known. */
void manifest_show_agent(struct buf *out, const struct manifest *m, const struct agent_spec *a);
void manifest_show_agent_json(struct buf *out, const struct manifest *m,
                              const struct agent_spec *a);

/* All agents: name, bottle, state, and where each comes from. */
void manifest_show_list(struct buf *out, const struct manifest *m);
void manifest_show_list_json(struct buf *out, const struct manifest *m);

/* "4g", "512m", "1536m": an amount of memory as the manifest writes it. */
void manifest_show_memory(struct buf *out, unsigned long long bytes);

#endif
