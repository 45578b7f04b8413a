#include "core/session.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/stamp.h"
#include "core/text.h"

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_AGENT] = "agent",
	[ROLE_PIPELOCK] = "pipelock",
	[ROLE_RESOLVER] = "resolver",
	[ROLE_KEEPER] = "keeper",
	[ROLE_GATE] = "git-gate",
	[ROLE_PROBE] = "probe",
	[ROLE_OTHER] = "other",
};

const char *session_role_name(enum session_role role)
{
	return role_names[role];
}

enum session_role session_role_parse(const char *name)
{
	for (int r = 0; name && r < ROLE_COUNT; r++)
		if (strcmp(name, role_names[r]) == 0)
			return (enum session_role)r;
	return ROLE_OTHER;
}

const char *const session_colors[] = { "red",  "green", "yellow", "blue", "magenta",
	                               "cyan", "white", "gray",	  NULL };

bool session_color_is_valid(const char *s)
{
	for (size_t i = 0; session_colors[i]; i++)
		if (strcmp(session_colors[i], s) == 0)
			return true;
	return s[0] == '#' && strlen(s) == 7 && strspn(s + 1, "0123456789abcdefABCDEF") == 6;
}

const char *session_state_name(enum session_state s)
{
	static const char *const names[] = {
		[SESSION_STOPPED] = "stopped",
		[SESSION_STARTING] = "starting",
		[SESSION_RUNNING] = "running",
		[SESSION_STOPPING] = "stopping",
		[SESSION_FAILED] = "failed",
	};

	return names[s];
}

/* stopped -> starting -> running -> stopping -> stopped; anything alive may
 * fail; a failed one is relaunched or removed. */
bool session_may_become(enum session_state from, enum session_state to)
{
	static const unsigned allowed[] = {
		[SESSION_STOPPED] = 1u << SESSION_STARTING,
		[SESSION_STARTING] = 1u << SESSION_RUNNING | 1u << SESSION_STOPPING |
		                     1u << SESSION_FAILED,
		[SESSION_RUNNING] = 1u << SESSION_STOPPING | 1u << SESSION_STOPPED |
		                    1u << SESSION_FAILED,
		[SESSION_STOPPING] = 1u << SESSION_STOPPED | 1u << SESSION_FAILED,
		[SESSION_FAILED] = 1u << SESSION_STARTING | 1u << SESSION_STOPPED |
		                   1u << SESSION_STOPPING,
	};

	return allowed[from] >> to & 1u;
}

struct session *session_list_find(const struct session_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

const struct session_member *session_member(const struct session *s, enum session_role role)
{
	for (size_t i = 0; i < s->n_members; i++)
		if (s->members[i].role == role)
			return &s->members[i];
	return NULL;
}

static void session_done(struct session *s)
{
	for (size_t i = 0; i < s->n_members; i++) {
		free(s->members[i].id);
		free(s->members[i].name);
		free(s->members[i].image);
		free(s->members[i].state);
		free(s->members[i].status);
	}
	free(s->members);
	free(s->agent);
	free(s->bottle);
	free(s->launch);
	free(s->digest);
}

void session_list_done(struct session_list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		session_done(&l->v[i]);
	free(l->v);
	*l = (struct session_list){ 0 };
}

static void isolation_text(char text[32], const struct isolation_result *r)
{
	if (r->total == 0)
		snprintf(text, 32, "unverified");
	else
		snprintf(text, 32, "%u/%u%s", r->passed, r->total, r->was_forced ? " forced" : "");
}

static int wider(int width, const char *text)
{
	int n = (int)strlen(text);

	return n > width ? n : width;
}

void session_list_text(struct buf *b, const struct session_list *l)
{
	int name = 24, bottle = 16;

	for (size_t i = 0; i < l->n; i++) {
		name = wider(name, l->v[i].name);
		bottle = wider(bottle, l->v[i].bottle);
	}
	buf_addf(b, "%-*s %-*s %-9s %-6s %-12s %s\n", name, "SESSION", bottle, "BOTTLE", "STATE",
	         "AGE", "ISOLATION", "MEMBERS");
	for (size_t i = 0; i < l->n; i++) {
		const struct session *s = &l->v[i];
		char how_old[16], isolation[32];

		stamp_age(how_old, (int64_t)time(NULL) - s->created);
		isolation_text(isolation, &s->isolation);
		buf_addf(b, "%-*s %-*s %-9s %-6s %-12s", name, s->name, bottle, s->bottle,
		         s->is_frozen ? "frozen" : session_state_name(s->state), how_old,
		         isolation);
		for (size_t m = 0; m < s->n_members; m++)
			buf_addf(b, "%s%s", m ? "," : " ",
			         session_role_name(s->members[m].role));
		if (s->exit_code >= 0)
			buf_addf(b, "  (agent ended with %d)", s->exit_code);
		buf_addc(b, '\n');
	}
}

/* The text is the agent's: one that is no UTF-8 would spoil the whole answer. */
static void add_claim(cJSON *o, const struct claim *c)
{
	cJSON *claim = cJSON_AddObjectToObject(o, "claim");
	int64_t since = c->since_ns / 1000000000;
	struct buf safe = BUF_INIT(8 * CLAIM_TEXT_MAX);

	text_safe_str(&safe, c->text, 4 * CLAIM_TEXT_MAX);
	cJSON_AddStringToObject(claim, "state", claim_state_name(c->state));
	cJSON_AddNumberToObject(claim, "since", (double)since);
	cJSON_AddStringToObject(claim, "text", buf_str(&safe));
	buf_done(&safe);
}

static cJSON *session_json(const struct session *s)
{
	cJSON *o = cJSON_CreateObject(), *iso, *members;

	cJSON_AddStringToObject(o, "session", s->name);
	cJSON_AddStringToObject(o, "agent", s->agent);
	cJSON_AddStringToObject(o, "bottle", s->bottle);
	cJSON_AddStringToObject(o, "state", session_state_name(s->state));
	cJSON_AddBoolToObject(o, "frozen", s->is_frozen);
	if (s->exit_code >= 0)
		cJSON_AddNumberToObject(o, "exit_code", s->exit_code);
	cJSON_AddNumberToObject(o, "created", (double)s->created);
	if (*s->color)
		cJSON_AddStringToObject(o, "color", s->color);
	cJSON_AddStringToObject(o, "launch", s->launch);
	cJSON_AddStringToObject(o, "manifest_digest", s->digest);
	iso = cJSON_AddObjectToObject(o, "isolation");
	cJSON_AddBoolToObject(iso, "verified", s->isolation.total > 0);
	cJSON_AddNumberToObject(iso, "passed", s->isolation.passed);
	cJSON_AddNumberToObject(iso, "total", s->isolation.total);
	cJSON_AddNumberToObject(iso, "warned", s->isolation.warned);
	cJSON_AddBoolToObject(iso, "forced", s->isolation.was_forced);
	if (s->claim.state != CLAIM_NONE)
		add_claim(o, &s->claim);
	members = cJSON_AddArrayToObject(o, "members");
	for (size_t i = 0; i < s->n_members; i++) {
		const struct session_member *m = &s->members[i];
		cJSON *j = cJSON_CreateObject();

		cJSON_AddStringToObject(j, "role", session_role_name(m->role));
		cJSON_AddStringToObject(j, "name", m->name);
		cJSON_AddStringToObject(j, "id", m->id);
		cJSON_AddStringToObject(j, "image", m->image);
		cJSON_AddStringToObject(j, "state", m->state);
		cJSON_AddItemToArray(members, j);
	}
	return o;
}

void session_list_json(struct buf *b, const struct session_list *l)
{
	cJSON *all = cJSON_CreateArray();
	char *text;

	for (size_t i = 0; i < l->n; i++)
		cJSON_AddItemToArray(all, session_json(&l->v[i]));
	text = cJSON_Print(all);
	buf_addf(b, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(all);
}
