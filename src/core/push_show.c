/* A record of a push as text: JSON for scripts, and its refs in a few words. */
#include <inttypes.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/push.h"
#include "core/stamp.h"
#include "core/text.h"

static void add_refs(struct buf *out, const struct push *p)
{
	buf_adds(out, ",\"refs\":[");
	for (size_t i = 0; i < p->n_refs; i++) {
		buf_addf(out, "%s{\"ref\":", i ? "," : "");
		json_escape(out, p->refs[i].ref);
		text_add_member(out, "old", p->refs[i].old);
		text_add_member(out, "new", p->refs[i].new);
		if (p->refs[i].lost >= 0)
			buf_addf(out, ",\"gained\":%ld,\"lost\":%ld", p->refs[i].gained,
			         p->refs[i].lost);
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
		text_add_member(out, "author", c->author);
		text_add_member(out, "subject", c->subject);
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
		text_add_member(out, "id", f->id);
		text_add_member(out, "file", f->file);
		if (f->line)
			buf_addf(out, ",\"line\":%u", f->line);
		text_add_member(out, "commit", f->commit);
		text_add_member(out, "match", f->match);
		text_add_member(out, "src", f->src);
		text_add_member(out, "accepted_by", f->accepted_by);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

int push_json(struct buf *out, const char *session, const struct push *p, bool with_diff)
{
	char ts[STAMP_SIZE];

	stamp_format(ts, p->ts_ns);
	buf_adds(out, session ? "{\"session\":" : "{\"v\":");
	if (session)
		json_escape(out, session);
	else
		buf_addc(out, '1');
	text_add_member(out, "id", p->id);
	text_add_member(out, "ts", ts);
	text_add_member(out, "state", push_state_name(p->state));
	text_add_member(out, "repo", p->repo);
	add_refs(out, p);
	add_commits(out, p);
	add_findings(out, p);
	if (p->hold_until)
		buf_addf(out, ",\"hold_until\":%" PRId64, p->hold_until);
	text_add_member(out, "reason", p->reason);
	text_add_member(out, "detail", p->detail);
	text_add_member(out, "by", p->by);
	text_add_member(out, "message", p->message);
	buf_addf(out, ",\"diff_cut\":%s", p->is_diff_cut ? "true" : "false");
	if (with_diff) {
		buf_adds(out, ",\"diff\":");
		json_escape(out, p->diff);
	}
	return buf_addc(out, '}');
}

void push_ref_warning(struct buf *out, const struct push *p, const struct push_ref *ref)
{
	long known = ref->gained - (long)p->all_commits;

	if (ref->lost > 0)
		buf_addf(out, "forced: throws away %ld commit%s", ref->lost,
		         ref->lost == 1 ? "" : "s");
	if (known > 0)
		buf_addf(out, "%stakes in %ld commit%s that the upstream has already",
		         ref->lost > 0 ? ", " : "", known, known == 1 ? "" : "s");
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
