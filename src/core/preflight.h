/* What a person sees before a launch: six lines, since longer ones go unread. */
#ifndef CORE_PREFLIGHT_H
#define CORE_PREFLIGHT_H

#define PREFLIGHT_MAX 65536

struct agent_spec;
struct buf;

/* Append the lines, each "label     text\n": agent, env names, skills, bottle, git
 * gate, egress. image and runtime may be NULL when they are not known yet. The
 * agent is usable. Names of variables, never values. */
void preflight(struct buf *out, const struct agent_spec *a, const char *image,
               const char *runtime);

#endif
