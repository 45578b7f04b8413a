#include "core/claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTICE_TITLE "claude-bottle"

static const char *const names[] = {
	[CLAIM_NONE] = "none",
	[CLAIM_WORKING] = "working",
	[CLAIM_WAITS] = "waits",
	[CLAIM_ASKS] = "asks",
};
#define N_NAMES (sizeof names / sizeof *names)

const char *claim_state_name(enum claim_state s)
{
	return names[s];
}

bool claim_is_waiting(const struct claim *c)
{
	return c->state == CLAIM_WAITS || c->state == CLAIM_ASKS;
}

static bool state_of(enum claim_state *out, const char *s, size_t len)
{
	for (size_t i = 0; i < N_NAMES; i++) {
		if (strlen(names[i]) != len || memcmp(names[i], s, len) != 0)
			continue;
		*out = (enum claim_state)i;
		return true;
	}
	return false;
}

static void set_text(struct claim *c, const char *text)
{
	snprintf(c->text, sizeof c->text, "%.*s", (int)strcspn(text, "\r\n"), text);
}

bool claim_of_notice(struct claim *out, const char *title, const char *body, int64_t now_ns)
{
	size_t len = strcspn(body, ";");
	struct claim c = { .since_ns = now_ns };

	if (strcmp(title, NOTICE_TITLE) != 0 || !body[len] || !state_of(&c.state, body, len))
		return false;
	set_text(&c, body + len + 1);
	*out = c;
	return true;
}

/* "1 STATE MILLISECONDS TEXT" */
bool claim_of_line(struct claim *out, const char *line, int64_t now_ns)
{
	const char *state = line + 2;
	size_t len;
	struct claim c = { .state = CLAIM_NONE };
	char *end;
	long long ms;

	if (strncmp(line, "1 ", 2) != 0)
		return false;
	len = strcspn(state, " ");
	if (!state_of(&c.state, state, len) || state[len] != ' ')
		return false;
	ms = strtoll(state + len + 1, &end, 10);
	if (*end != ' ' && *end != '\n')
		return false;
	c.since_ns = ms > 0 && ms <= now_ns / 1000000 ? ms * 1000000 : now_ns;
	if (*end == ' ')
		set_text(&c, end + 1);
	*out = c;
	return true;
}

bool claim_is_answer(const char *typed, size_t len)
{
	return len == 1 || (len > 0 && typed[0] != '\033');
}
