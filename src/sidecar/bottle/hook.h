/* hook: what Claude Code's hooks call, so that "it works" and "it waits for the
 * person" are what the program itself says, and no guess from its output.
 *
 * Claude Code writes one JSON object on stdin for each event. What it means is a
 * claim: a state, and the question or the last line that goes with it. A claim
 * that differs from the one before goes two ways:
 *
 *   stdout   {"terminalSequence":"\u001b]777;notify;claude-bottle;STATE;TEXT\u0007",...}
 *            which Claude Code writes to its terminal between its own frames;
 *   a file   HOOK_DIR/activity, "1 STATE MILLISECONDS TEXT\n", by rename, for those
 *            who were not there to read the terminal.
 *
 * STATE is working, waits (its turn is over), asks (it cannot go on without an
 * answer) or none. TEXT is one line of UTF-8 without control characters. All of it
 * is the agent's word: it may write both itself.
 */
#ifndef BOTTLE_HOOK_H
#define BOTTLE_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOOK_DIR "/var/lib/claude-bottle"
#define HOOK_FILE "activity"
#define HOOK_TEXT_MAX 240 /* bytes, with the NUL */
#define HOOK_INPUT_MAX (64u << 20)

enum hook_state { HOOK_NONE, HOOK_WORKING, HOOK_WAITS, HOOK_ASKS };

struct hook_claim {
	enum hook_state state;
	int64_t ms; /* since when, Unix time */
	char text[HOOK_TEXT_MAX];
};

/* What is read of an event. */
struct hook_event {
	char name[32]; /* hook_event_name */
	char type[32]; /* notification_type */
	char source[32];  /* of SessionStart: startup, resume, clear, compact */
	char message[512];
	char last[2048]; /* the end of last_assistant_message */
	char error[256];
	char tool[64];
	char question[512];
	char input[512]; /* the tool's command, file, address or pattern */
};

/* Read an event from fd, to its end. */
void hook_read(struct hook_event *e, int fd);

/* What e makes of the claim before it. False: nothing changes. */
bool hook_judge(struct hook_claim *now, const struct hook_claim *before,
                const struct hook_event *e);

/* One line, cut at a character to cap - 1 bytes; what is no UTF-8 becomes "?". */
void hook_clean(char *out, size_t cap, const char *text);

/* The file's line, and back; an unknown one is HOOK_NONE. Both need HOOK_TEXT_MAX + 64. */
void hook_format(char *out, size_t cap, const struct hook_claim *c);
void hook_parse(struct hook_claim *out, const char *line);

/* The answer to Claude Code, with a line feed; cap at least 2 * HOOK_TEXT_MAX + 160. */
void hook_answer(char *out, size_t cap, const struct hook_claim *c);

/* Read an event from in, write the answer (if any) to out, keep the claim in dir. */
int hook_run(int in, int out, const char *dir, int64_t now_ms);

/* Write what is kept in dir to out; -1 when nothing is. */
int hook_show(int out, const char *dir);

int hook_main(int argc, char **argv);     /* helper hook */
int activity_main(int argc, char **argv); /* helper activity */

#endif
