/* A record of a push as text: JSON for scripts, and its refs in a few words. */
#include <inttypes.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/push.h"
#include "core/stamp.h"

static void member(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, ",\"%s\":", name);
	json_escape(out, value);
}

/* Left out when it says nothing. */
static void member_if(struct buf *out, const char *name, const char *value)
{
	if (value)
		member(out, name, value);
}

static void add_refs(struct buf *out, const struct push *p)
{
	buf_adds(out, ",\"refs\":[");
	for (size_t i = 0; i < p->n_refs; i++) {
		buf_addf(out, "%s{\"ref\":", i ? "," : "");
		json_escape(out, p->refs[i].ref);
		member(out, "old", p->refs[i].old);
		member(out, "new", p->refs[i].new);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void add_commits(struct buf *out, const struct push *p)
{
	buf_addf(out, ",\"ncommits\":%zu,\"commits\":[", p->all_commits);
	for (size_t i = 0; i < p->n_commits; i++) {
		const struct push_commit *c = &p->commits[i];

		buf_addf(out, "%s{\"oid\":", i ? "," : "");
		json_escape(out, c->oid);
		member_if(out, "author", c->author);
		member_if(out, "subject", c->subject);
		buf_addf(out, ",\"time\":%" PRId64, c->time);
		if (c->added >= 0)
			buf_addf(out, ",\"added\":%ld,\"removed\":%ld", c->added, c->removed);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void add_findings(struct buf *out, const struct push *p)
{
	buf_addf(out, ",\"nfindings\":%zu,\"findings\":[", p->all_findings);
	for (size_t i = 0; i < p->n_findings; i++) {
		const struct push_finding *f = &p->findings[i];

		buf_addf(out, "%s{\"rule\":", i ? "," : "");
		json_escape(out, f->rule);
		member_if(out, "id", f->id);
		member_if(out, "file", f->file);
		if (f->line)
			buf_addf(out, ",\"line\":%u", f->line);
		member_if(out, "commit", f->commit);
		member_if(out, "match", f->match);
		member_if(out, "src", f->src);
		member_if(out, "accepted_by", f->accepted_by);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

int push_json(struct buf *out, const char *session, const struct push *p, bool with_diff)
{
	char ts[STAMP_SIZE];

	stamp_format(ts, p->ts_ns);
	buf_adds(out, "{\"session\":");
	json_escape(out, session);
	member(out, "id", p->id);
	member(out, "ts", ts);
	member(out, "state", push_state_name(p->state));
	member(out, "repo", p->repo);
	add_refs(out, p);
	add_commits(out, p);
	add_findings(out, p);
	if (p->hold_until)
		buf_addf(out, ",\"hold_until\":%" PRId64, p->hold_until);
	member_if(out, "reason", p->reason);
	member_if(out, "detail", p->detail);
	member_if(out, "by", p->by);
	member_if(out, "message", p->message);
	buf_addf(out, ",\"diff_cut\":%s", p->is_diff_cut ? "true" : "false");
	if (with_diff)
		member(out, "diff", p->diff);
	return buf_addc(out, '}');
}

void push_refs_text(struct buf *out, const struct push *p)
{
	static const char *const beginnings[] = { "refs/heads/", "refs/tags/" };

	for (size_t i = 0; i < p->n_refs; i++) {
		const char *name = p->refs[i].ref;

		if (i == 3) {
			buf_addf(out, " and %zu more", p->n_refs - 3);
			return;
		}
		for (size_t k = 0; k < sizeof beginnings / sizeof *beginnings; k++)
			if (strncmp(name, beginnings[k], strlen(beginnings[k])) == 0)
				name += strlen(beginnings[k]);
		buf_addf(out, "%s%.200s", i ? ", " : "", name);
	}
}
