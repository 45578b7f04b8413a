#include "hold.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "gate.h"
#include "proto.h"
#include "record.h"
#include "spool.h"
#include "util.h"

#define LOOK_MS 100
#define SAY_MS 10000

static bool is_gone(const struct hold *h)
{
	char *path = xasprintf("%s/" CLIENT_GONE, h->scratch);
	bool gone = access(path, F_OK) == 0;

	free(path);
	return gone;
}

/* Of these very ids? */
static bool is_about_us(const struct hold *h, const cJSON *decision)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(decision, "new"), *id;
	size_t i = 0;

	cJSON_ArrayForEach(id, list)
	{
		const char *s = cJSON_GetStringValue(id);

		if (i == h->refs->n || !s || strcmp(s, h->refs->v[i].new) != 0)
			return false;
		i++;
	}
	return i == h->refs->n && i > 0;
}

static bool take_decision(struct hold *h, enum hold_result *out)
{
	cJSON *decision = spool_take_decision(h->spool, h->id);
	const char *action = record_get(decision, "action");
	bool is_one = decision && is_about_us(h, decision) &&
	              (strcmp(action, "approve") == 0 || strcmp(action, "reject") == 0);

	if (is_one) {
		const char *by = record_get(decision, "by");
		const char *message = record_get(decision, "message");

		*out = strcmp(action, "approve") == 0 ? HOLD_APPROVED : HOLD_REJECTED;
		h->by = xstrndup(by, strlen(by));
		h->message = xstrndup(message, strlen(message));
	}
	cJSON_Delete(decision);
	return is_one;
}

static void say_left(const struct hold *h, int64_t ms)
{
	char line[100];

	snprintf(line, sizeof line, "still waiting for a person, %lld s left",
	         (long long)(ms + 999) / 1000);
	h->say(line);
}

enum hold_result hold_wait(struct hold *h)
{
	int64_t until = now_ms() + h->seconds * 1000LL, say_at = now_ms() + SAY_MS;
	enum hold_result r = HOLD_LATE;
	char line[200];

	snprintf(line, sizeof line,
	         "PUSH HELD: push %s waits for a person to approve it, for at most %d s", h->id,
	         h->seconds);
	h->say(line);
	for (;;) {
		int64_t now = now_ms();

		if (is_gone(h))
			return HOLD_GONE;
		if (take_decision(h, &r))
			return r;
		if (now >= until)
			return HOLD_LATE;
		if (now >= say_at) {
			say_left(h, until - now);
			say_at += SAY_MS;
		}
		poll(NULL, 0, LOOK_MS < ms_left(until) ? LOOK_MS : ms_left(until));
	}
}
