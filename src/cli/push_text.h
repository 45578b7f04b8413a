/* A push as text, for the verbs about pushes. */
#ifndef CLI_PUSH_TEXT_H
#define CLI_PUSH_TEXT_H

struct buf;
struct push;
struct push_list;

/* A line of the table, and its head. */
void push_text_head(struct buf *out);
void push_text_line(struct buf *out, const char *session, const struct push *p);

/* All of it but the diff. */
void push_text(struct buf *out, const struct push *p);

/* The diff, with line numbers and findings; says so when there is none. */
void push_text_diff(struct buf *out, const struct push *p);

#endif
