/* overlay.json: what people decided about a session. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/policy_int.h"

#define COUNT_MAX 1000000000000000LL
#define TIME_MAX 4102444800LL /* the year 2100 */

void policy_entry_copy(struct policy_entry *to, const struct policy_entry *from)
{
	*to = *from;
	to->by = xstrdup(from->by ? from->by : "");
	to->why = xstrdup(from->why ? from->why : "");
}

void policy_entry_done(struct policy_entry *e)
{
	free(e->by);
	free(e->why);
}

void policy_overlay_done(struct policy_overlay *o)
{
	for (size_t i = 0; i < o->n_entries; i++)
		policy_entry_done(&o->entries[i]);
	free(o->entries);
	free(o->steps);
}

/* --- reading --------------------------------------------------------------------------- */

static bool number(const struct json_node *node, const char *key, long long max, long long *out)
{
	return json_integer(json_get(node, key), 0, max, out);
}

static bool boolean(const struct json_node *node, const char *key, bool *out)
{
	const struct json_node *n = json_get(node, key);

	if (!n || n->type != JSON_BOOL)
		return false;
	*out = n->boolean;
	return true;
}

static bool digest(const struct json_node *node, const char *key, char out[HASH_HEX_SIZE])
{
	const char *s = json_string(json_get(node, key));

	if (!s || strlen(s) != HASH_HEX_SIZE - 1 ||
	    strspn(s, "0123456789abcdef") != HASH_HEX_SIZE - 1)
		return false;
	memcpy(out, s, HASH_HEX_SIZE);
	return true;
}

static bool words(const struct json_node *node, const char *key, size_t max, char **out)
{
	const char *s = json_string(json_get(node, key));

	if (!s || strlen(s) > max)
		return false;
	*out = xstrdup(s);
	return true;
}

/* The entry is freed by the caller either way. */
static bool read_entry(struct policy_entry *e, const struct policy_overlay *o,
                       const struct json_node *node)
{
	const char *host = json_string(json_get(node, "host"));
	char checked[HOST_NAME_SIZE];
	long long since, until, generation;

	if (!host || !boolean(node, "denied", &e->is_denied) || !boolean(node, "cuts", &e->cuts) ||
	    !number(node, "since", TIME_MAX, &since) || !number(node, "until", TIME_MAX, &until) ||
	    !number(node, "generation", COUNT_MAX, &generation) ||
	    !words(node, "by", POLICY_BY_MAX, &e->by) ||
	    !words(node, "why", POLICY_WHY_MAX, &e->why))
		return false;
	/* what is added is an exact name; what is taken away is as the bottle has it */
	if (host_name_check(checked, host, e->is_denied, e->is_denied, NULL) < 0 ||
	    strcmp(checked, host) != 0 || (e->is_denied && until != 0))
		return false;
	for (size_t i = 0; i < o->n_entries; i++)
		if (strcmp(o->entries[i].host, host) == 0)
			return false;
	memcpy(e->host, checked, sizeof checked);
	e->since = since;
	e->until = until;
	e->generation = (uint64_t)generation;
	return true;
}

static bool read_entries(struct policy_overlay *o, const struct json_node *list)
{
	if (!list || list->type != JSON_ARRAY || list->n > POLICY_ENTRIES_MAX)
		return false;
	o->entries = xcalloc(list->n + 1, sizeof *o->entries);
	for (const struct json_node *n = list->first; n; n = n->next) {
		struct policy_entry *e = &o->entries[o->n_entries];
		bool is_good = read_entry(e, o, n);

		o->n_entries++;
		if (!is_good)
			return false;
	}
	return true;
}

static bool read_steps(struct policy_overlay *o, const struct json_node *list)
{
	if (!list || list->type != JSON_ARRAY || list->n > POLICY_STEPS_MAX)
		return false;
	o->steps = xcalloc(list->n + 1, sizeof *o->steps);
	for (const struct json_node *n = list->first; n; n = n->next) {
		struct policy_step *s = &o->steps[o->n_steps++];
		long long at, cut;

		if (!number(n, "at", TIME_MAX, &at) || !number(n, "cut", COUNT_MAX, &cut) ||
		    !digest(n, "hash", s->hash))
			return false;
		s->at = at;
		s->cut = (uint64_t)cut;
	}
	return true;
}

static bool read_all(struct policy_overlay *o, const struct json_node *root)
{
	long long generation, cut, written = 0;

	if (!number(root, "generation", COUNT_MAX, &generation) ||
	    !number(root, "cut", COUNT_MAX, &cut) ||
	    (json_get(root, "written") && !number(root, "written", TIME_MAX, &written)))
		return false;
	o->written = written;
	o->generation = (uint64_t)generation;
	o->cut = (uint64_t)cut;
	return boolean(root, "frozen", &o->is_frozen) && digest(root, "hash", o->hash) &&
	       digest(root, "was", o->was) && read_entries(o, json_get(root, "entries")) &&
	       read_steps(o, json_get(root, "steps"));
}

int policy_overlay_read(struct policy_overlay *out, const char *text, size_t len, struct err *err)
{
	struct policy_overlay o = { 0 };
	struct faults faults = { 0 };
	struct json_doc *doc = NULL;
	long long version = 0;
	int rc = -1;

	if (len <= POLICY_OVERLAY_MAX)
		doc = json_parse(text, len, 0, POLICY_OVERLAY, &faults);
	if (doc && number(doc->root, "v", COUNT_MAX, &version) && version > 1) {
		err_set(err, ERR_FAILED,
		        "the session's policy was changed by a newer claude-bottle; "
		        "use that, or relaunch the session");
	} else if (!doc || faults.n_errors || version != 1 || !read_all(&o, doc->root)) {
		err_set(err, ERR_FAILED,
		        "the session's " POLICY_OVERLAY " is not as claude-bottle "
		        "writes it; relaunch the session");
	} else {
		*out = o;
		o = (struct policy_overlay){ 0 };
		rc = 0;
	}
	policy_overlay_done(&o);
	json_free(doc);
	faults_done(&faults);
	return rc;
}

/* --- writing --------------------------------------------------------------------------- */

static void write_entry(struct buf *b, const struct policy_entry *e)
{
	buf_adds(b, "{\"host\":");
	json_escape(b, e->host);
	buf_addf(b,
	         ",\"denied\":%s,\"since\":%lld,\"until\":%lld,\"cuts\":%s,\"generation\":%llu,"
	         "\"by\":",
	         e->is_denied ? "true" : "false", (long long)e->since, (long long)e->until,
	         e->cuts ? "true" : "false", (unsigned long long)e->generation);
	json_escape(b, e->by);
	buf_adds(b, ",\"why\":");
	json_escape(b, e->why);
	buf_addc(b, '}');
}

void policy_overlay_write(struct buf *b, const struct policy_overlay *o)
{
	buf_addf(b,
	         "{\"v\":1,\"generation\":%llu,\"cut\":%llu,\"written\":%lld,\"frozen\":%s,"
	         "\"hash\":\"%s\",\"was\":\"%s\",\n \"entries\":[",
	         (unsigned long long)o->generation, (unsigned long long)o->cut,
	         (long long)o->written, o->is_frozen ? "true" : "false", o->hash, o->was);
	for (size_t i = 0; i < o->n_entries; i++) {
		buf_adds(b, i ? ",\n  " : "\n  ");
		write_entry(b, &o->entries[i]);
	}
	buf_adds(b, "],\n \"steps\":[");
	for (size_t i = 0; i < o->n_steps; i++)
		buf_addf(b, "%s{\"at\":%lld,\"cut\":%llu,\"hash\":\"%s\"}", i ? ",\n  " : "\n  ",
		         (long long)o->steps[i].at, (unsigned long long)o->steps[i].cut,
		         o->steps[i].hash);
	buf_adds(b, "]}\n");
}
