#include "core/isolation.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define RECORD_MAX 65536

void isolation_init(struct isolation *iso)
{
	*iso = (struct isolation){ .failures = BUF_INIT(ISOLATION_TEXT_MAX),
		                   .record = BUF_INIT(RECORD_MAX) };
}

void isolation_done(struct isolation *iso)
{
	if (!iso)
		return;
	buf_done(&iso->failures);
	buf_done(&iso->record);
}

static void record(struct isolation *iso, const char *check, const char *target, bool ok,
                   bool must, const char *detail)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(o, "check", check);
	cJSON_AddStringToObject(o, "target", target);
	cJSON_AddBoolToObject(o, "ok", ok);
	cJSON_AddStringToObject(o, "level", must ? "must" : "warn");
	cJSON_AddStringToObject(o, "detail", detail);
	text = cJSON_PrintUnformatted(o);
	buf_addf(&iso->record, "%s%s", iso->record.len ? "," : "", text);
	cJSON_free(text);
	cJSON_Delete(o);
}

void isolation_note(struct isolation *iso, const char *check, const char *target, bool ok,
                    bool must, const char *detail)
{
	struct isolation_result *r = &iso->result;
	size_t len = strlen(r->warnings);

	record(iso, check, target, ok, must, detail);
	if (must)
		r->total++;
	if (ok) {
		r->passed += must;
	} else if (must) {
		iso->failed++;
		buf_addf(&iso->failures, "%s%s%s%s: %s", iso->failures.len ? "; " : "", check,
		         *target ? " " : "", target, detail);
	} else {
		r->warned++;
		snprintf(r->warnings + len, sizeof r->warnings - len, "%s%s%s%s: %s",
		         len ? "; " : "", check, *target ? " " : "", target, detail);
	}
}

static const char *text_of(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return s ? s : "";
}

struct tally {
	double passed, failed, warned;
	bool is_done;
};

static void count(struct tally *t, bool ok, bool must)
{
	if (ok)
		t->passed++;
	else if (must)
		t->failed++;
	else
		t->warned++;
}

static double number_of(const cJSON *o, const char *key)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNumber(n) ? n->valuedouble : -1;
}

/* What the program itself counted, in its last line, goes to *said. */
static void read_line(struct isolation *iso, const char *line, size_t len, struct tally *seen,
                      struct tally *said)
{
	cJSON *o = cJSON_ParseWithLength(line, len);
	const cJSON *ok = cJSON_GetObjectItemCaseSensitive(o, "ok");

	if (!said->is_done && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "done"))) {
		*said = (struct tally){ number_of(o, "passed"), number_of(o, "failed"),
			                number_of(o, "warned"), true };
	} else if (said->is_done || !cJSON_IsBool(ok) || !*text_of(o, "check")) {
		CLEANUP_FREE char *words = xstrndup(line, len < 200 ? len : 200);

		isolation_note(iso, "unreadable", "", false, true, words);
	} else {
		bool must = strcmp(text_of(o, "level"), "warn") != 0;

		count(seen, cJSON_IsTrue(ok), must);
		isolation_note(iso, text_of(o, "check"), text_of(o, "target"), cJSON_IsTrue(ok),
		               must, text_of(o, "detail"));
	}
	cJSON_Delete(o);
}

void isolation_read(struct isolation *iso, const char *program, const char *text)
{
	struct tally seen = { 0 }, said = { 0 };

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len)
			read_line(iso, text, len, &seen, &said);
		text += len + (text[len] == '\n');
	}
	if (!said.is_done)
		isolation_note(iso, program, "", false, true, "it broke off");
	else if (seen.passed != said.passed || seen.failed != said.failed ||
	         seen.warned != said.warned)
		isolation_note(iso, program, "", false, true, "checks of it were lost");
	else if (seen.passed + seen.failed == 0)
		isolation_note(iso, program, "", false, true, "it checked nothing");
}

void isolation_force(struct isolation *iso)
{
	struct isolation_result *r = &iso->result;
	CLEANUP_FREE char *warnings = xstrdup(r->warnings);

	r->was_forced = true;
	snprintf(r->warnings, sizeof r->warnings, "FAILED: %s%s%s", buf_str(&iso->failures),
	         *warnings ? "; " : "", warnings);
}
