#include "core/manifest_save.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/text.h"

#define CONTEXT 1 /* lines before and after a change */

/* --- the edit ------------------------------------------------------------------------ */

/* One insertion, or the replacement of [at, end). */
struct change {
	size_t at, end;
	struct buf text;
};

/* The white space that stands before byte at. */
static size_t space_before(const char *text, size_t at)
{
	size_t n = 0;

	while (n < at && strchr(" \t\r\n", text[at - n - 1]))
		n++;
	return n;
}

/* Something new after the last child of an object or array: a comma, and the white
 * space that the last child has before it. */
static void begin_after(struct change *c, const char *text, const struct json_node *parent)
{
	const struct json_node *last = parent->last;
	size_t start = last->key ? last->key_at.start : last->at.start;
	size_t n = space_before(text, start);

	c->at = c->end = last->at.end;
	buf_addc(&c->text, ',');
	if (n == 0 || (parent->n == 1 && !memchr(text + start - n, '\n', n)))
		buf_addc(&c->text, ' ');
	else
		buf_add(&c->text, text + start - n, n);
}

/* A member of an object, which may be empty. */
static void add_member(struct change *c, const char *text, const struct json_node *object,
                       const char *member)
{
	if (object->last) {
		begin_after(c, text, object);
		buf_adds(&c->text, member);
	} else {
		c->at = object->at.start;
		c->end = object->at.end;
		buf_addf(&c->text, "{ %s }", member);
	}
}

static void add_host(struct change *c, const char *text, const struct json_node *list,
                     const char *host)
{
	if (list->last) {
		begin_after(c, text, list);
		buf_addf(&c->text, "\"%s\"", host);
	} else {
		c->at = list->at.start;
		c->end = list->at.end;
		buf_addf(&c->text, "[\"%s\"]", host);
	}
}

static bool has_string(const struct json_node *list, const char *s)
{
	for (const struct json_node *n = list->first; n; n = n->next)
		if (json_string(n) && strcmp(json_string(n), s) == 0)
			return true;
	return false;
}

static bool is_type(const struct json_node *node, enum json_type type)
{
	return node && node->type == type;
}

/* -1 when the file is not as a manifest's. */
static int place(struct change *c, bool *is_there, const struct json_doc *doc, const char *bottle,
                 const char *host)
{
	const struct json_node *b = json_get(json_get(doc->root, "bottles"), bottle);
	const struct json_node *egress = json_get(b, "egress");
	const struct json_node *list = json_get(egress, "allowlist");
	CLEANUP_FREE char *member = xasprintf("\"allowlist\": [\"%s\"]", host);
	CLEANUP_FREE char *whole = xasprintf("\"egress\": { %s }", member);

	if (!is_type(b, JSON_OBJECT) || (egress && egress->type != JSON_OBJECT) ||
	    (list && list->type != JSON_ARRAY))
		return -1;
	*is_there = list && has_string(list, host);
	if (*is_there)
		return 0;
	if (list)
		add_host(c, doc->text, list, host);
	else if (egress)
		add_member(c, doc->text, egress, member);
	else
		add_member(c, doc->text, b, whole);
	return 0;
}

/* Is what came out a sound file that has the host where it belongs? */
static bool is_good(const char *text, size_t len, const char *bottle, const char *host)
{
	struct faults faults = { 0 };
	struct json_doc *doc = json_parse(text, len, 0, "", &faults);
	const struct json_node *list = NULL;
	bool good;

	if (doc)
		list = json_get(
			json_get(json_get(json_get(doc->root, "bottles"), bottle), "egress"),
			"allowlist");
	good = faults.n_errors == 0 && is_type(list, JSON_ARRAY) && has_string(list, host);
	json_free(doc);
	faults_done(&faults);
	return good;
}

int manifest_edit_text(char **out, size_t *out_len, bool *is_there, const char *text, size_t len,
                       const char *bottle, const char *host, struct err *err)
{
	struct change c = { .text = BUF_INIT(1024) };
	struct buf all = BUF_INIT_SECRET(JSON_BYTES_MAX);
	struct faults faults = { 0 };
	struct json_doc *doc = json_parse(text, len, 0, "", &faults);
	int rc = -1;

	*is_there = false;
	if (!doc || faults.n_errors || place(&c, is_there, doc, bottle, host) < 0) {
		err_set(err, ERR_INPUT, "bottle \"%s\" is not in it as a manifest has it", bottle);
		goto out;
	}
	if (!*is_there) {
		buf_add(&all, text, c.at);
		buf_add(&all, buf_str(&c.text), c.text.len);
		buf_add(&all, text + c.end, len - c.end);
		if (all.overflowed || !is_good(buf_str(&all), all.len, bottle, host)) {
			err_set(err, ERR_FAILED, "the host cannot be added to it; edit it by hand");
			goto out;
		}
		*out_len = all.len;
		*out = buf_steal(&all);
	}
	rc = 0;
out:
	buf_done(&c.text);
	buf_done(&all);
	json_free(doc);
	faults_done(&faults);
	return rc;
}

/* --- what is shown --------------------------------------------------------------------- */

static size_t line_end(const char *s, size_t len, size_t at)
{
	const char *nl = memchr(s + at, '\n', len - at);

	return nl ? (size_t)(nl - s) + 1 : len;
}

static void add_lines(struct buf *b, const char *mark, const char *s, size_t from, size_t to)
{
	while (from < to) {
		size_t end = line_end(s, to, from), n = end - from;

		while (n > 0 && strchr("\r\n", s[from + n - 1]))
			n--;
		buf_adds(b, mark);
		text_safe(b, s + from, n, 200, false);
		buf_addc(b, '\n');
		from = end;
	}
}

/* The start of the line that is n lines before the one that begins at at. */
static size_t lines_before(const char *s, size_t at, int n)
{
	for (; n > 0 && at > 0; n--)
		for (at--; at > 0 && s[at - 1] != '\n'; at--)
			;
	return at;
}

static size_t lines_after(const char *s, size_t len, size_t at, int n)
{
	for (; n > 0 && at < len; n--)
		at = line_end(s, len, at);
	return at;
}

/* The file with the values of variables left out: a literal may be a secret, and stand
 * in the very line that is shown. */
static char *masked(const char *text, size_t len, size_t *out_len)
{
	struct faults faults = { 0 };
	struct json_doc *doc = json_parse(text, len, 0, "", &faults);
	const struct json_node *bottles = doc ? json_get(doc->root, "bottles") : NULL;
	struct buf b = BUF_INIT(2 * JSON_BYTES_MAX);
	size_t at = 0;

	for (const struct json_node *n = bottles ? bottles->first : NULL; n; n = n->next) {
		const struct json_node *env = json_get(n, "env");

		for (const struct json_node *v = env ? env->first : NULL; v; v = v->next) {
			buf_add(&b, text + at, v->at.start - at);
			buf_adds(&b, "\"...\"");
			at = v->at.end;
		}
	}
	if (doc)
		buf_add(&b, text + at, len - at);
	json_free(doc);
	faults_done(&faults);
	*out_len = b.len;
	return buf_steal(&b);
}

/* Lines that differ: one block, as there is one change. */
static char *diff(const char *old_text, size_t old_len, const char *new_text, size_t new_len)
{
	CLEANUP_FREE char *old = masked(old_text, old_len, &old_len);
	CLEANUP_FREE char *new = masked(new_text, new_len, &new_len);
	struct buf b = BUF_INIT(65536);
	size_t head = 0, old_end = old_len, new_end = new_len;

	for (;;) {
		size_t a = line_end(old, old_len, head), z = line_end(new, new_len, head);

		if (a != z || a == head || memcmp(old + head, new + head, a - head) != 0)
			break;
		head = a;
	}
	while (old_end > head && new_end > head) {
		size_t a = lines_before(old, old_end, 1), z = lines_before(new, new_end, 1);

		if (a < head || z < head || old_end - a != new_end - z ||
		    memcmp(old + a, new + z, old_end - a) != 0)
			break;
		old_end = a;
		new_end = z;
	}
	add_lines(&b, "  ", old, lines_before(old, head, CONTEXT), head);
	add_lines(&b, "- ", old, head, old_end);
	add_lines(&b, "+ ", new, head, new_end);
	add_lines(&b, "  ", new, new_end, lines_after(new, new_len, new_end, CONTEXT));
	return buf_steal(&b);
}

/* --- whom it concerns ------------------------------------------------------------------ */

static const struct bottle_spec *parent_of(const struct manifest *m, const struct bottle_spec *b)
{
	const struct bottle_spec *found = NULL;

	for (size_t i = 0; b->extends && i < m->n_bottles; i++) {
		const struct bottle_spec *p = &m->bottles[i];

		/* a bottle extends one of its own file */
		if (strcmp(p->name, b->extends) == 0 && p->where.file == b->where.file)
			found = p;
	}
	return found ? found : b->extends ? manifest_bottle(m, b->extends) : NULL;
}

static bool comes_from(const struct manifest *m, const struct bottle_spec *b,
                       const struct bottle_spec *ancestor)
{
	for (int depth = 0; b && depth < MANIFEST_BOTTLES_MAX; depth++) {
		if (b == ancestor)
			return true;
		b = parent_of(m, b);
	}
	return false;
}

static char **find_widened(const struct manifest *m, const struct agent_spec *agent,
                           const char *host)
{
	char **names = NULL;
	size_t n = 0;

	for (size_t i = 0; i < m->n_agents; i++) {
		const struct agent_spec *a = &m->agents[i];

		if (a != agent && a->bottle && comes_from(m, a->bottle, agent->bottle) &&
		    !host_list_covers(a->bottle->allowlist, host))
			strv_push(&names, &n, xstrdup(a->name));
	}
	return names;
}

/* --- the whole -------------------------------------------------------------------------- */

static int read_same(const char *path, const char *digest, struct buf *out, struct err *err)
{
	char now[HASH_HEX_SIZE];

	if (file_read(path, out) < 0)
		return err_errno(err, ERR_FAILED, errno, "reading %s", path);
	hash_sha256_hex(now, buf_str(out), out->len);
	if (strcmp(now, digest) != 0)
		return err_set(err, ERR_FAILED, "%s was changed meanwhile; try again", path);
	return 0;
}

int manifest_save_host(struct manifest_edit **out, const struct manifest *m,
                       const struct agent_spec *agent, const char *host, struct err *err)
{
	const struct bottle_spec *bottle = agent->bottle;
	const struct manifest_file *file = &m->files[bottle->where.file];
	struct manifest_edit *e = xcalloc(1, sizeof *e);
	struct buf old = BUF_INIT_SECRET(JSON_BYTES_MAX);
	int rc = -1;

	e->path = xstrdup(file->path);
	e->origin = file->origin;
	e->bottle = xstrdup(bottle->name);
	memcpy(e->was, file->digest, sizeof e->was);
	if (read_same(file->path, file->digest, &old, err) < 0)
		goto out;
	e->is_nothing = host_list_covers(bottle->allowlist, host);
	if (!e->is_nothing && manifest_edit_text(&e->text, &e->len, &e->is_nothing, buf_str(&old),
	                                         old.len, bottle->name, host, err) < 0) {
		err_wrap(err, "%s", file->path);
		goto out;
	}
	if (!e->is_nothing) {
		hash_sha256_hex(e->digest, e->text, e->len);
		e->diff = diff(buf_str(&old), old.len, e->text, e->len);
		e->widened = find_widened(m, agent, host);
	}
	*out = e;
	e = NULL;
	rc = 0;
out:
	buf_done(&old);
	manifest_edit_free(e);
	return rc;
}

int manifest_edit_write(const struct manifest_edit *e, struct err *err)
{
	/* a link stays one: what it leads to is written */
	CLEANUP_FREE char *path = realpath(e->path, NULL);
	struct buf now = BUF_INIT_SECRET(JSON_BYTES_MAX);
	struct stat st;
	int rc = -1;

	if (e->is_nothing)
		return 0;
	if (!path || stat(path, &st) < 0)
		err_errno(err, ERR_FAILED, errno, "reading %s", e->path);
	else if (read_same(path, e->was, &now, err) == 0)
		rc = file_write(path, st.st_mode & 07777, e->text, e->len, err);
	buf_done(&now);
	return rc;
}

void manifest_edit_free(struct manifest_edit *e)
{
	if (!e)
		return;
	free(e->path);
	free(e->bottle);
	if (e->text)
		mem_wipe(e->text, e->len);
	free(e->text);
	free(e->diff);
	strv_free(e->widened);
	free(e);
}
