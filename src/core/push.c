#include "core/push.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/stamp.h"

#define REFS_MAX 512
#define COMMITS_MAX 1000
#define FINDINGS_MAX 1000
#define OID_MAX 64

static const char *const states[PUSH_STATES] = { "held",     "forwarding", "accepted", "rejected",
	                                         "failed",   "cancelled",  "timed-out" };

const char *push_state_name(enum push_state s)
{
	return states[s];
}

bool push_is_open(const struct push *p)
{
	return p->state == PUSH_HELD && p->hold_until > (int64_t)time(NULL);
}

/* --- reading ---------------------------------------------------------------------- */

static const cJSON *get(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

/* NULL for nothing and for "". */
static char *text(const cJSON *o, const char *name)
{
	const char *s = cJSON_GetStringValue(get(o, name));

	return s && *s ? xstrdup(s) : NULL;
}

static int64_t number(const cJSON *o, const char *name, int64_t otherwise)
{
	const cJSON *v = get(o, name);

	if (!cJSON_IsNumber(v) || !(v->valuedouble >= -1 && v->valuedouble < 9e15))
		return otherwise;
	return (int64_t)v->valuedouble;
}

static size_t count(const cJSON *o, const char *name, size_t least)
{
	int64_t n = number(o, name, 0);

	return n > 0 && (size_t)n > least ? (size_t)n : least;
}

static bool is_hex(const char *s, size_t least, size_t most)
{
	size_t n = s ? strspn(s, "0123456789abcdef") : 0;

	return n >= least && n <= most && s[n] == '\0';
}

/* A list of objects, bounded. 0 when it is absent. */
static int list_of(const cJSON **out, const cJSON *o, const char *name, int most, struct err *err)
{
	const cJSON *list = get(o, name), *item;

	*out = list;
	if (!list)
		return 0;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > most)
		return err_set(err, ERR_FAILED, "the gate's record of a push: \"%s\"", name);
	cJSON_ArrayForEach(item, list) if (!cJSON_IsObject(item))
		return err_set(err, ERR_FAILED, "the gate's record of a push: \"%s\"", name);
	return 0;
}

static int read_refs(struct push *p, const cJSON *root, struct err *err)
{
	const cJSON *list, *o;

	if (list_of(&list, root, "refs", REFS_MAX, err) < 0)
		return -1;
	p->refs = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *p->refs);
	cJSON_ArrayForEach(o, list)
	{
		struct push_ref *r = &p->refs[p->n_refs++];

		r->ref = text(o, "ref");
		r->old = text(o, "old");
		r->new = text(o, "new");
		r->gained = (long)number(o, "gained", -1);
		r->lost = (long)number(o, "lost", -1);
		if (!r->ref || !is_hex(r->old, 40, OID_MAX) || !is_hex(r->new, 40, OID_MAX))
			return err_set(err, ERR_FAILED, "the gate's record of a push: a ref");
	}
	return 0;
}

static int read_commits(struct push *p, const cJSON *root, struct err *err)
{
	const cJSON *list, *o;

	if (list_of(&list, root, "commits", COMMITS_MAX, err) < 0)
		return -1;
	p->commits = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *p->commits);
	cJSON_ArrayForEach(o, list)
	{
		struct push_commit *c = &p->commits[p->n_commits++];

		c->oid = text(o, "oid");
		c->author = text(o, "author");
		c->subject = text(o, "subject");
		c->time = number(o, "time", 0);
		c->added = (long)number(o, "added", -1);
		c->removed = (long)number(o, "removed", -1);
		if (!is_hex(c->oid, 40, OID_MAX))
			return err_set(err, ERR_FAILED, "the gate's record of a push: a commit");
	}
	p->all_commits = count(root, "ncommits", p->n_commits);
	return 0;
}

static int read_findings(struct push *p, const cJSON *root, struct err *err)
{
	const cJSON *list, *o;

	if (list_of(&list, root, "findings", FINDINGS_MAX, err) < 0)
		return -1;
	p->findings = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *p->findings);
	cJSON_ArrayForEach(o, list)
	{
		struct push_finding *f = &p->findings[p->n_findings++];
		int64_t line = number(o, "line", 0);

		f->id = text(o, "id");
		f->rule = text(o, "rule");
		f->file = text(o, "file");
		f->line = line > 0 && line < INT32_MAX ? (unsigned)line : 0;
		f->commit = text(o, "commit");
		f->match = text(o, "match");
		f->src = text(o, "src");
		f->accepted_by = text(o, "accepted_by");
		if (!f->rule || (f->id && !is_hex(f->id, 8, 64)) ||
		    (f->commit && !is_hex(f->commit, 7, OID_MAX)))
			return err_set(err, ERR_FAILED, "the gate's record of a push: a finding");
	}
	p->all_findings = count(root, "nfindings", p->n_findings);
	return 0;
}

static int read_state(struct push *p, const cJSON *root, struct err *err)
{
	const char *state = cJSON_GetStringValue(get(root, "state"));
	const char *ts = cJSON_GetStringValue(get(root, "ts"));

	if (ts)
		stamp_parse(ts, strlen(ts), &p->ts_ns);
	for (int i = 0; state && i < PUSH_STATES; i++) {
		if (strcmp(state, states[i]) == 0) {
			p->state = (enum push_state)i;
			return 0;
		}
	}
	return err_set(err, ERR_FAILED, "the gate's record of a push: the state \"%.40s\"",
	               state ? state : "");
}

static int read_record(struct push *p, const cJSON *root, struct err *err)
{
	const cJSON *v = get(root, "v");

	if (!cJSON_IsObject(root) || !cJSON_IsNumber(v) || v->valuedouble != 1)
		return err_set(err, ERR_FAILED,
		               "the gate's record of a push is of another version; build the "
		               "images again, and relaunch the session");
	p->id = text(root, "id");
	p->repo = text(root, "repo");
	if (!is_hex(p->id, 8, PUSH_ID_MAX) || !p->repo)
		return err_set(err, ERR_FAILED, "the gate's record of a push has no id");
	p->hold_until = number(root, "hold_until", 0);
	p->reason = text(root, "reason");
	p->detail = text(root, "detail");
	p->by = text(root, "by");
	p->message = text(root, "message");
	p->is_diff_cut = cJSON_IsTrue(get(root, "diff_cut"));
	if (read_state(p, root, err) < 0 || read_refs(p, root, err) < 0 ||
	    read_commits(p, root, err) < 0 || read_findings(p, root, err) < 0)
		return -1;
	return 0;
}

/* The first line; *rest is what follows it. */
static int parse_line(struct push *out, const char *s, size_t n, size_t *rest, struct err *err)
{
	const char *end = memchr(s, '\n', n);
	size_t len = end ? (size_t)(end - s) : n;
	struct push p = { 0 };
	cJSON *root;
	int rc;

	if (len > PUSH_RECORD_MAX)
		return err_set(err, ERR_FAILED, "the gate's record of a push is too long");
	root = cJSON_ParseWithLength(s, len);
	rc = read_record(&p, root, err);
	cJSON_Delete(root);
	if (rc < 0) {
		push_done(&p);
		return -1;
	}
	*rest = len + (end != NULL);
	*out = p;
	return 0;
}

int push_parse(struct push *out, const char *text_, size_t n, struct err *err)
{
	struct push p;
	size_t at = 0;

	if (parse_line(&p, text_, n, &at, err) < 0)
		return -1;
	if (n - at > PUSH_DIFF_MAX) {
		push_done(&p);
		return err_set(err, ERR_FAILED, "the gate's diff of a push is too long");
	}
	if (n > at) {
		p.diff = xstrndup(text_ + at, n - at);
		p.diff_len = strlen(p.diff); /* no NUL has a place in it */
	}
	*out = p;
	return 0;
}

int push_list_parse(struct push_list *out, const char *text_, size_t n, struct err *err)
{
	struct push_list list = { 0 };
	size_t at = 0;

	while (at < n) {
		struct push p;
		size_t len = 0;

		if (list.n == PUSH_LIST_MAX)
			err_set(err, ERR_FAILED, "the gate keeps too many pushes");
		else if (parse_line(&p, text_ + at, n - at, &len, err) == 0)
			len = len ? len : 1;
		if (list.n == PUSH_LIST_MAX || len == 0) {
			push_list_done(&list);
			return -1;
		}
		at += len;
		list.v = xreallocarray(list.v, list.n + 1, sizeof *list.v);
		list.v[list.n++] = p;
	}
	*out = list;
	return 0;
}

/* --- asking ----------------------------------------------------------------------- */

const struct push *push_list_find(const struct push_list *list, const char *id)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].id, id) == 0)
			return &list->v[i];
	return NULL;
}

int push_finding_find(const struct push *p, const char *what)
{
	size_t len = strlen(what);
	int found = -1;

	if (len > 0 && len < 4 && strspn(what, "0123456789") == len) {
		unsigned long n = strtoul(what, NULL, 10);

		return n >= 1 && n <= p->n_findings ? (int)n - 1 : -1;
	}
	if (len < 6)
		return -1;
	for (size_t i = 0; i < p->n_findings; i++) {
		const char *id = p->findings[i].id;

		if (!id || strncmp(id, what, len) != 0)
			continue;
		/* one secret in several places has one id */
		if (found >= 0 && strcmp(p->findings[found].id, id) != 0)
			return -1;
		if (found < 0)
			found = (int)i;
	}
	return found;
}

char *push_operator(void)
{
	const struct passwd *pw = getpwuid(getuid());

	if (pw && pw->pw_name[0])
		return xstrndup(pw->pw_name, strnlen(pw->pw_name, PUSH_OPERATOR_MAX));
	return xasprintf("uid %u", (unsigned)getuid());
}

/* --- copying ---------------------------------------------------------------------- */

static void copy_lists(struct push *to, const struct push *from)
{
	to->refs = xcalloc(from->n_refs + 1, sizeof *to->refs);
	for (size_t i = 0; i < from->n_refs; i++) {
		to->refs[i].ref = xstrdup(from->refs[i].ref);
		to->refs[i].old = xstrdup(from->refs[i].old);
		to->refs[i].new = xstrdup(from->refs[i].new);
		to->refs[i].gained = from->refs[i].gained;
		to->refs[i].lost = from->refs[i].lost;
	}
	to->commits = xcalloc(from->n_commits + 1, sizeof *to->commits);
	for (size_t i = 0; i < from->n_commits; i++) {
		to->commits[i] = from->commits[i];
		to->commits[i].oid = xstrdup(from->commits[i].oid);
		to->commits[i].author = xstrdup_or_null(from->commits[i].author);
		to->commits[i].subject = xstrdup_or_null(from->commits[i].subject);
	}
	to->findings = xcalloc(from->n_findings + 1, sizeof *to->findings);
	for (size_t i = 0; i < from->n_findings; i++) {
		const struct push_finding *f = &from->findings[i];

		to->findings[i] = (struct push_finding){
			.id = xstrdup_or_null(f->id),
			.rule = xstrdup(f->rule),
			.file = xstrdup_or_null(f->file),
			.line = f->line,
			.commit = xstrdup_or_null(f->commit),
			.match = xstrdup_or_null(f->match),
			.src = xstrdup_or_null(f->src),
			.accepted_by = xstrdup_or_null(f->accepted_by),
		};
	}
}

void push_copy(struct push *to, const struct push *from)
{
	*to = *from;
	copy_lists(to, from);
	to->id = xstrdup(from->id);
	to->repo = xstrdup(from->repo);
	to->reason = xstrdup_or_null(from->reason);
	to->detail = xstrdup_or_null(from->detail);
	to->by = xstrdup_or_null(from->by);
	to->message = xstrdup_or_null(from->message);
	to->diff = xstrdup_or_null(from->diff);
}

/* --- freeing ---------------------------------------------------------------------- */

void push_done(struct push *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_refs; i++) {
		free(p->refs[i].ref);
		free(p->refs[i].old);
		free(p->refs[i].new);
	}
	for (size_t i = 0; i < p->n_commits; i++) {
		free(p->commits[i].oid);
		free(p->commits[i].author);
		free(p->commits[i].subject);
	}
	for (size_t i = 0; i < p->n_findings; i++) {
		struct push_finding *f = &p->findings[i];

		free(f->id);
		free(f->rule);
		free(f->file);
		free(f->commit);
		free(f->match);
		free(f->src);
		free(f->accepted_by);
	}
	free(p->refs);
	free(p->commits);
	free(p->findings);
	free(p->id);
	free(p->repo);
	free(p->reason);
	free(p->detail);
	free(p->by);
	free(p->message);
	free(p->diff);
	*p = (struct push){ 0 };
}

void push_list_done(struct push_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		push_done(&list->v[i]);
	free(list->v);
	*list = (struct push_list){ 0 };
}
