/* The files of a session's policy, as a broken-into pipelock could leave them:
 * whatever they hold, they are refused, or what is written next is sound, and
 * nothing but exact hosts is ever added. The first byte says which file it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/policy_file.h"

static const char plain_base[] = "version: 1\n"
				 "kill_switch:\n"
				 "  enabled: false\n"
				 "api_allowlist:\n"
				 "  - \"api.test\"\n"
				 "  - \"*.docs.test\"\n"
				 "sentry:\n"
				 "  enabled: false\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(const struct policy *p)
{
	char host[HOST_NAME_SIZE];

	if (p->n_entries > POLICY_ENTRIES_MAX)
		abort();
	for (size_t i = 0; i < p->n_entries; i++) {
		const struct policy_entry *e = &p->entries[i];

		if (host_name_check(host, e->host, e->is_denied, e->is_denied, NULL) < 0 ||
		    strlen(e->by) > POLICY_BY_MAX || strlen(e->why) > POLICY_WHY_MAX)
			abort();
	}
}

/* What was planned must be what a later reader finds in force. */
static void check_plan(const struct policy_plan *p, const struct policy_files *files, int64_t now)
{
	const struct policy_files next = { .base = files->base,
		                           .base_len = files->base_len,
		                           .overlay = p->files[0].text,
		                           .overlay_len = p->files[0].len,
		                           .live = p->live->text,
		                           .live_len = p->live->len };
	struct policy_state *s;
	struct policy *shown;

	if (policy_state_read(&s, &next, NULL) < 0 || policy_state_is_foreign(s) ||
	    policy_state_is_unfinished(s))
		abort();
	shown = policy_state_show(s, "fuzz", now);
	check_shown(shown);
	policy_free(shown);
	policy_state_free(s);
}

static void check_change(const struct policy_state *s, const struct policy_files *files,
                         const struct policy_change *change, int64_t now)
{
	struct policy_plan *p, *undo;

	if (policy_plan(&p, s, change, now, NULL) < 0)
		return;
	if (!p->is_nothing) {
		check_plan(p, files, now);
		if (policy_plan_undo(&undo, s, p, now, NULL) == 0) {
			check_plan(undo, files, now);
			policy_plan_free(undo);
		}
	}
	policy_plan_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t now = 1800000000;
	static const struct policy_change changes[] = {
		{ .verb = POLICY_ALLOW, .host = "new.test" },
		{ .verb = POLICY_ALLOW, .host = "new.test", .seconds = 900, .cuts = true },
		{ .verb = POLICY_REVOKE, .host = "api.test", .cuts = true },
		{ .verb = POLICY_REVOKE, .host = "a.test" },
		{ .verb = POLICY_FREEZE },
		{ .verb = POLICY_THAW },
	};
	struct policy_files files = { .base = plain_base,
		                      .base_len = sizeof plain_base - 1,
		                      .live = plain_base,
		                      .live_len = sizeof plain_base - 1 };
	struct policy_state *s;
	struct policy *shown;
	const char *text;

	if (size < 1)
		return 0;
	text = (const char *)data + 1;
	size--;
	if (data[0] == 'b') {
		files.base = files.live = text;
		files.base_len = files.live_len = size;
	} else if (data[0] == 'l') {
		files.live = text;
		files.live_len = size;
	} else {
		files.overlay = text;
		files.overlay_len = size;
	}
	if (policy_state_read(&s, &files, NULL) < 0)
		return 0;
	shown = policy_state_show(s, "fuzz", now);
	check_shown(shown);
	policy_free(shown);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		check_change(s, &files, &changes[i], now);
	policy_state_free(s);
	return 0;
}
