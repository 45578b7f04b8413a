#include "hook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pick.h"

static const char *const state_names[] = { [HOOK_NONE] = "none",
	                                   [HOOK_WORKING] = "working",
	                                   [HOOK_WAITS] = "waits",
	                                   [HOOK_ASKS] = "asks" };
#define N_STATES (sizeof state_names / sizeof *state_names)

/* --- reading an event -------------------------------------------------------------- */

void hook_read(struct hook_event *e, int fd)
{
	char file[512], url[512], pattern[512], plain[512];
	struct pick_want wants[] = {
		{ "hook_event_name", e->name, sizeof e->name, false },
		{ "notification_type", e->type, sizeof e->type, false },
		{ "source", e->source, sizeof e->source, false },
		{ "message", e->message, sizeof e->message, false },
		{ "last_assistant_message", e->last, sizeof e->last, true },
		{ "error", e->error, sizeof e->error, false },
		{ "tool_name", e->tool, sizeof e->tool, false },
		{ "tool_input.questions.0.question", e->question, sizeof e->question, false },
		{ "tool_input.command", e->input, sizeof e->input, false },
		{ "tool_input.file_path", file, sizeof file, false },
		{ "tool_input.url", url, sizeof url, false },
		{ "tool_input.pattern", pattern, sizeof pattern, false },
		{ "tool_input.description", plain, sizeof plain, false },
	};
	const char *const others[] = { file, url, pattern, plain };
	struct pick p;
	char data[16384];
	size_t total = 0;
	ssize_t n;

	pick_init(&p, wants, sizeof wants / sizeof *wants);
	while (total < HOOK_INPUT_MAX && (n = read(fd, data, sizeof data)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		pick_feed(&p, data, (size_t)n);
		total += (size_t)n;
	}
	for (size_t i = 0; i < sizeof others / sizeof *others && !e->input[0]; i++)
		snprintf(e->input, sizeof e->input, "%s", others[i]);
}

/* --- text --------------------------------------------------------------------------- */

/* The length of the character at s, 0 when it is no sound UTF-8. */
static size_t char_len(const unsigned char *s)
{
	size_t len = *s < 0x80   ? 1
	             : *s < 0xc2 ? 0
	             : *s < 0xe0 ? 2
	             : *s < 0xf0 ? 3
	             : *s < 0xf5 ? 4
	                         : 0;

	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] >= 0x90))
		return 0;
	return len;
}

static bool is_blank(const unsigned char *s, size_t len)
{
	return (len == 1 && (*s <= ' ' || *s == 0x7f)) ||
	       (len == 2 && *s == 0xc2 && s[1] < 0xa1); /* C1, and the space that does not break */
}

void hook_clean(char *out, size_t cap, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	bool gap = false;
	size_t n = 0;

	while (*s) {
		size_t len = char_len(s), took = len ? len : 1;

		if (len && is_blank(s, len)) {
			gap = n > 0;
			s += took;
			continue;
		}
		if (n + gap + took + 3 >= cap) {
			memcpy(out + n, "...", 3);
			n += 3;
			break;
		}
		if (gap)
			out[n++] = ' ';
		gap = false;
		if (len)
			memcpy(out + n, s, len);
		else
			out[n] = '?';
		n += took;
		s += took;
	}
	out[n] = '\0';
}

/* The last line with something on it: where a question stands. */
static void last_line(char *out, size_t cap, char *text)
{
	size_t n = strlen(text);
	char *line;

	do {
		while (n && strchr(" \t\r\n", text[n - 1]))
			text[--n] = '\0';
		line = strrchr(text, '\n');
		line = line ? line + 1 : text;
		hook_clean(out, cap, line);
		n = (size_t)(line - text);
	} while (!*out && n);
}

/* --- judging ------------------------------------------------------------------------- */

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* What it asks leave for; the same for the tool's end, which answers it. */
static void tool_question(char *out, size_t cap, const struct hook_event *e)
{
	char text[2 * sizeof e->input];

	if (e->question[0])
		snprintf(text, sizeof text, "%s", e->question);
	else
		snprintf(text, sizeof text, "may it use %s%s%s?", e->tool[0] ? e->tool : "a tool",
		         e->input[0] ? ": " : "", e->input);
	hook_clean(out, cap, text);
}

static bool tool_ended(struct hook_claim *now, const struct hook_claim *before,
                       const struct hook_event *e)
{
	char asked[HOOK_TEXT_MAX];

	/* of tools that run side by side only the one that was asked about counts */
	tool_question(asked, sizeof asked, e);
	now->state = HOOK_WORKING;
	return before->state == HOOK_NONE ||
	       (before->state == HOOK_ASKS && is(before->text, asked));
}

static bool notified(struct hook_claim *now, const struct hook_claim *before,
                     const struct hook_event *e)
{
	if (e->type[0] && !is(e->type, "idle_prompt") && !is(e->type, "permission_prompt") &&
	    !is(e->type, "elicitation_dialog"))
		return false;
	/* the event before this reminder said it better */
	if (before->state == HOOK_WAITS || before->state == HOOK_ASKS)
		return false;
	now->state = is(e->type, "idle_prompt") ? HOOK_WAITS : HOOK_ASKS;
	hook_clean(now->text, sizeof now->text, e->message);
	return true;
}

bool hook_judge(struct hook_claim *now, const struct hook_claim *before, const struct hook_event *e)
{
	struct hook_event copy;

	*now = (struct hook_claim){ .state = HOOK_NONE };
	if (is(e->name, "SessionEnd"))
		return before->state != HOOK_NONE;
	if (is(e->name, "SessionStart")) {
		/* in the middle of a turn, when it makes its context smaller, it begins anew */
		now->state = HOOK_WAITS;
		return !is(e->source, "compact");
	}
	if (is(e->name, "UserPromptSubmit")) {
		now->state = HOOK_WORKING;
		return before->state != HOOK_WORKING;
	}
	if (is(e->name, "PostToolUse") || is(e->name, "PostToolUseFailure") ||
	    is(e->name, "PermissionDenied"))
		return tool_ended(now, before, e);
	if (is(e->name, "Notification"))
		return notified(now, before, e);
	if (is(e->name, "PermissionRequest")) {
		now->state = HOOK_ASKS;
		tool_question(now->text, sizeof now->text, e);
		return true;
	}
	if (is(e->name, "Elicitation")) {
		now->state = HOOK_ASKS;
		hook_clean(now->text, sizeof now->text, e->message);
		return true;
	}
	if (!is(e->name, "Stop") && !is(e->name, "StopFailure"))
		return false;
	now->state = HOOK_WAITS;
	copy = *e;
	last_line(now->text, sizeof now->text, is(e->name, "Stop") ? copy.last : copy.error);
	return true;
}

/* --- what goes out -------------------------------------------------------------------- */

void hook_format(char *out, size_t cap, const struct hook_claim *c)
{
	snprintf(out, cap, "1 %s %lld %s\n", state_names[c->state], (long long)c->ms, c->text);
}

void hook_parse(struct hook_claim *out, const char *line)
{
	char state[16];
	long long ms;
	int at = 0;

	*out = (struct hook_claim){ .state = HOOK_NONE };
	if (sscanf(line, "1 %15[a-z] %18lld%n", state, &ms, &at) != 2 || at == 0)
		return;
	for (size_t i = 0; i < N_STATES; i++)
		if (is(state, state_names[i]))
			out->state = (enum hook_state)i;
	out->ms = ms;
	hook_clean(out->text, sizeof out->text, line + at);
}

void hook_answer(char *out, size_t cap, const struct hook_claim *c)
{
	char text[2 * HOOK_TEXT_MAX];
	size_t n = 0;

	for (const char *s = c->text; *s; s++) {
		if (*s == '"' || *s == '\\')
			text[n++] = '\\';
		text[n++] = *s;
	}
	text[n] = '\0';
	snprintf(out, cap,
	         "{\"terminalSequence\":\"\\u001b]777;notify;claude-bottle;%s;%s\\u0007\","
	         "\"suppressOutput\":true}\n",
	         state_names[c->state], text);
}

static void read_before(struct hook_claim *before, int dirfd)
{
	int fd = openat(dirfd, HOOK_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char line[HOOK_TEXT_MAX + 64];
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);

	line[n > 0 ? n : 0] = '\0';
	hook_parse(before, line);
	if (fd >= 0)
		close(fd);
}

int hook_show(int out, const char *dir)
{
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char line[HOOK_TEXT_MAX + 64];
	struct hook_claim c;

	read_before(&c, dirfd);
	if (dirfd >= 0)
		close(dirfd);
	if (c.state == HOOK_NONE)
		return -1;
	hook_format(line, sizeof line, &c);
	return write(out, line, strlen(line)) < 0 ? -1 : 0;
}

/* Two hooks may run at once: each has a file of its own until the rename. */
static int keep(int dirfd, const struct hook_claim *c)
{
	char line[HOOK_TEXT_MAX + 64], half[48];
	int fd, rc = -1;

	snprintf(half, sizeof half, ".activity.%ld", (long)getpid());
	fd = openat(dirfd, half, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	hook_format(line, sizeof line, c);
	if (write(fd, line, strlen(line)) == (ssize_t)strlen(line))
		rc = renameat(dirfd, half, dirfd, HOOK_FILE);
	close(fd);
	if (rc < 0)
		unlinkat(dirfd, half, 0);
	return rc;
}

int hook_run(int in, int out, const char *dir, int64_t now_ms)
{
	char answer[2 * HOOK_TEXT_MAX + 160];
	struct hook_claim before, now;
	struct hook_event e;
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	hook_read(&e, in);
	read_before(&before, dirfd);
	if (hook_judge(&now, &before, &e)) {
		now.ms = now_ms;
		rc = dirfd < 0 ? 0 : keep(dirfd, &now);
		hook_answer(answer, sizeof answer, &now);
		if (write(out, answer, strlen(answer)) < 0)
			rc = -1;
	}
	if (dirfd >= 0)
		close(dirfd);
	return rc;
}

/* A fault of ours is nothing that Claude Code should show or wait for: always 0. */
int hook_main(int argc, char **argv)
{
	struct timespec t;

	(void)argv;
	if (argc != 0) {
		fputs("usage: helper hook < EVENT\n", stderr);
		return 2;
	}
	clock_gettime(CLOCK_REALTIME, &t);
	hook_run(STDIN_FILENO, STDOUT_FILENO, HOOK_DIR, t.tv_sec * 1000LL + t.tv_nsec / 1000000);
	return 0;
}

int activity_main(int argc, char **argv)
{
	(void)argv;
	if (argc != 0) {
		fputs("usage: helper activity\n", stderr);
		return 2;
	}
	return hook_show(STDOUT_FILENO, HOOK_DIR) < 0;
}
