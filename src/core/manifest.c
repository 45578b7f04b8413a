/* From sources to a manifest: trees, then bottles, then agents, then who is broken. */
#include "core/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/hash.h"
#include "core/manifest_internal.h"
#include "core/mem.h"

/* Everything that lives while sources are turned into a manifest. */
struct work {
	struct manifest *m;
	struct reader *readers;               /* one for each source */
	struct bottle_draft *drafts;          /* one for each of m->bottles */
	const struct json_node **agent_nodes; /* likewise of m->agents */
	size_t n;
};

/* --- the document ------------------------------------------------------------------- */

/* The section, if it can be used; its entries are counted in advance. */
static const struct json_node *section(const struct reader *r, const char *key, size_t max)
{
	const struct json_node *node = r->doc ? json_get(r->doc->root, key) : NULL;

	return node && node->type == JSON_OBJECT && node->n <= max ? node : NULL;
}

static void check_section(const struct reader *r, const char *key, size_t max)
{
	const struct json_node *node = reader_member(r, r->doc->root, key, JSON_OBJECT);

	if (node && node->n > max)
		json_fault(r->doc, node, r->faults, "has %zu entries; at most %zu are read",
		           node->n, max);
}

const char *const manifest_keys[] = { "$schema", "bottles", "agents", NULL };

static void check_document(const struct reader *r)
{
	if (!reader_expect(r, r->doc->root, JSON_OBJECT))
		return;
	reader_keys(r, r->doc->root, manifest_keys, NULL);
	reader_member(r, r->doc->root, "$schema", JSON_STRING);
	check_section(r, "bottles", MANIFEST_BOTTLES_MAX);
	check_section(r, "agents", MANIFEST_AGENTS_MAX);
}

static void read_source(struct work *w, size_t i, const struct manifest_source *source,
                        const struct manifest_env *env)
{
	struct reader *r = &w->readers[i];
	struct manifest_file *file = &w->m->files[i];

	file->origin = source->origin;
	file->path = xstrdup(source->path);
	file->dir = xstrdup(source->dir);
	file->is_trusted = source->is_trusted;
	hash_sha256_hex(file->digest, source->data, source->len);

	r->faults = &w->m->faults;
	r->env = env;
	r->source = source;
	r->file = (unsigned)i;
	r->doc = json_parse(source->data, source->len, r->file, source->path, r->faults);
	file->is_broken = !r->doc;
	if (r->doc)
		check_document(r);
}

/* --- entries -------------------------------------------------------------------------- */

static struct manifest_where where_of(const struct reader *r, const struct json_node *node)
{
	return (struct manifest_where){
		.origin = r->source->origin,
		.file = r->file,
		.start = node->key_at.start,
		.end = node->at.end,
		.line = node->key_at.line,
		.column = node->key_at.column,
		.is_trusted = r->source->is_trusted,
	};
}

/* A name that is given twice in a file, or in both files, is nobody's to choose. */
static void check_unique(const struct reader *r, const struct json_node *node, const char *noun,
                         bool is_users)
{
	if (node->is_repeated)
		json_fault_key(r->doc, node, r->faults, "%s \"%s\" is given again further down",
		               noun, node->key);
	if (node->parent->is_repeated)
		json_fault_key(r->doc, node, r->faults,
		               "\"%s\" is given again further down; join the two",
		               node->parent->key);
	if (is_users)
		json_fault_key(r->doc, node, r->faults,
		               "%s \"%s\" is in the user's manifest too, which a project cannot "
		               "replace; rename this one",
		               noun, node->key);
}

static bool is_users_bottle(const struct work *w, const struct reader *r, const char *name)
{
	const struct bottle_spec *b = manifest_bottle(w->m, name);

	return b && b->where.file != r->file;
}

static bool is_users_agent(const struct work *w, const struct reader *r, const char *name)
{
	const struct agent_spec *a = manifest_agent(w->m, name);

	return a && a->where.file != r->file;
}

static void read_bottles(struct work *w, const struct reader *r)
{
	const struct json_node *list = section(r, "bottles", MANIFEST_BOTTLES_MAX);

	for (const struct json_node *c = list ? list->first : NULL; c; c = c->next) {
		bool is_users = is_users_bottle(w, r, c->key);
		struct bottle_spec *b = &w->m->bottles[w->m->n_bottles];
		struct bottle_draft *d = &w->drafts[w->m->n_bottles++];

		b->name = xstrdup(c->key);
		b->where = where_of(r, c);
		d->r = r;
		d->node = c;
		d->spec = b;
		check_unique(r, c, "bottle", is_users);
		bottle_read(d);
	}
}

static void read_agents(struct work *w, const struct reader *r)
{
	const struct json_node *list = section(r, "agents", MANIFEST_AGENTS_MAX);

	for (const struct json_node *c = list ? list->first : NULL; c; c = c->next) {
		bool is_users = is_users_agent(w, r, c->key);
		struct agent_spec *a = &w->m->agents[w->m->n_agents];

		w->agent_nodes[w->m->n_agents++] = c;
		a->name = xstrdup(c->key);
		a->where = where_of(r, c);
		check_unique(r, c, "agent", is_users);
		agent_read(r, c, a);
		agent_resolve(r, c, a, w->drafts, w->m->n_bottles);
	}
}

static void read_entries(struct work *w)
{
	struct manifest *m = w->m;
	size_t bottles = 0, agents = 0;

	for (size_t i = 0; i < w->n; i++) {
		const struct json_node *b =
			section(&w->readers[i], "bottles", MANIFEST_BOTTLES_MAX);
		const struct json_node *a = section(&w->readers[i], "agents", MANIFEST_AGENTS_MAX);

		bottles += b ? b->n : 0;
		agents += a ? a->n : 0;
	}
	/* at once, as agents point into it */
	m->bottles = xcalloc(bottles, sizeof *m->bottles);
	m->agents = xcalloc(agents, sizeof *m->agents);
	w->drafts = xcalloc(bottles, sizeof *w->drafts);
	w->agent_nodes = xcalloc(agents, sizeof *w->agent_nodes);

	for (size_t i = 0; i < w->n; i++)
		read_bottles(w, &w->readers[i]);
	bottles_resolve(w->drafts, m->n_bottles);
	for (size_t i = 0; i < m->n_bottles; i++)
		m->bottles[i].where.is_broken = entry_is_broken(&m->faults, &m->bottles[i].where);
	for (size_t i = 0; i < w->n; i++)
		read_agents(w, &w->readers[i]);
	for (size_t i = 0; i < m->n_agents; i++)
		m->agents[i].where.is_broken = entry_is_broken(&m->faults, &m->agents[i].where);
}

static void share_out_faults(struct manifest *m)
{
	for (size_t i = 0; i < m->n_bottles; i++) {
		struct manifest_where *w = &m->bottles[i].where;

		faults_copy_span(&w->faults, &m->faults, w->file, w->start, w->end);
	}
	for (size_t i = 0; i < m->n_agents; i++) {
		struct manifest_where *w = &m->agents[i].where;

		faults_copy_span(&w->faults, &m->faults, w->file, w->start, w->end);
	}
}

struct manifest *manifest_parse(const struct manifest_source *sources, size_t n,
                                const struct manifest_env *env)
{
	struct work w = { .n = n };

	w.m = xcalloc(1, sizeof *w.m);
	w.m->files = xcalloc(n, sizeof *w.m->files);
	w.m->n_files = n;
	w.readers = xcalloc(n, sizeof *w.readers);
	for (size_t i = 0; i < n; i++)
		read_source(&w, i, &sources[i], env);
	read_entries(&w);
	share_out_faults(w.m);

	for (size_t i = 0; i < n; i++)
		json_free((struct json_doc *)w.readers[i].doc);
	free(w.readers);
	free(w.drafts);
	free(w.agent_nodes);
	return w.m;
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_bottles; i++)
		bottle_done(&m->bottles[i]);
	for (size_t i = 0; i < m->n_agents; i++)
		agent_done(&m->agents[i]);
	for (size_t i = 0; i < m->n_files; i++) {
		free(m->files[i].path);
		free(m->files[i].dir);
	}
	free(m->bottles);
	free(m->agents);
	free(m->files);
	faults_done(&m->faults);
	free(m);
}

/* --- looking things up ------------------------------------------------------------------ */

const struct bottle_spec *manifest_bottle(const struct manifest *m, const char *name)
{
	for (size_t i = 0; i < m->n_bottles; i++)
		if (strcmp(m->bottles[i].name, name) == 0)
			return &m->bottles[i];
	return NULL;
}

const struct agent_spec *manifest_agent(const struct manifest *m, const char *name)
{
	for (size_t i = 0; i < m->n_agents; i++)
		if (strcmp(m->agents[i].name, name) == 0)
			return &m->agents[i];
	return NULL;
}

bool manifest_agent_is_usable(const struct agent_spec *a)
{
	return a->where.is_trusted && !a->where.is_broken && a->bottle;
}

const struct fault *manifest_unread(const struct manifest *m)
{
	for (size_t i = 0; i < m->faults.n; i++) {
		const struct fault *f = &m->faults.v[i];
		bool is_unread = !*f->pointer;

		for (size_t k = 0; k < m->n_files && !is_unread; k++)
			is_unread = m->files[k].is_broken && strcmp(m->files[k].path, f->path) == 0;
		if (is_unread && !f->is_warning)
			return f;
	}
	return NULL;
}

static int no_agent_was_read(const struct fault *f, const char *name, struct err *err)
{
	struct buf text = BUF_INIT(ERR_MSG_MAX);

	fault_text(f, &text);
	err_set(err, ERR_INPUT, "there is no agent '%.60s' in what could be read; %s", name,
	        buf_str(&text));
	buf_done(&text);
	return -1;
}

static int no_agent(const struct manifest *m, const char *name, struct err *err)
{
	const char **names = xcalloc(m->n_agents + 1, sizeof *names);
	const char *near;

	for (size_t i = 0; i < m->n_agents; i++)
		names[i] = m->agents[i].name;
	near = nearest(name, names);
	free(names);
	if (manifest_unread(m))
		return no_agent_was_read(manifest_unread(m), name, err);
	if (m->n_files == 0)
		return err_set(err, ERR_INPUT,
		               "there is no manifest; \"claude-bottle init\" makes one");
	if (near)
		return err_set(err, ERR_INPUT, "there is no agent '%.60s'; did you mean '%.60s'?",
		               name, near);
	return err_set(err, ERR_INPUT,
	               "there is no agent '%.60s'; \"claude-bottle list available\" shows all",
	               name);
}

static int broken_agent(const struct agent_spec *a, const char *path, struct err *err)
{
	const struct faults *f = &a->where.faults;
	struct buf text = BUF_INIT(ERR_MSG_MAX);

	for (size_t i = 0; i < f->n && text.len == 0; i++)
		if (!f->v[i].is_warning)
			fault_text(&f->v[i], &text);
	if (text.len == 0)
		buf_addf(&text, "%s has too many faults", path);
	err_set(err, ERR_INPUT, "agent '%s' cannot start: %s", a->name, buf_str(&text));
	buf_done(&text);
	return -1;
}

const struct agent_spec *manifest_usable_agent(const struct manifest *m, const char *name,
                                               struct err *err)
{
	const struct agent_spec *a = manifest_agent(m, name);

	if (!a)
		no_agent(m, name, err);
	else if (a->where.is_broken || !a->bottle)
		broken_agent(a, m->files[a->where.file].path, err);
	else if (!a->where.is_trusted)
		err_set(err, ERR_POLICY,
		        "agent '%s' comes from %s, which is not trusted; read that file, then run "
		        "\"claude-bottle trust\"",
		        a->name, m->files[a->where.file].path);
	else
		return a;
	return NULL;
}

const char *manifest_state(const struct manifest_where *w)
{
	return w->is_broken ? "broken" : w->is_trusted ? "ok" : "untrusted";
}

const char *manifest_origin_name(enum manifest_origin origin)
{
	switch (origin) {
	case MANIFEST_USER:
		return "user";
	case MANIFEST_PROJECT:
		return "project";
	case MANIFEST_NAMED:
		return "named";
	}
	return "";
}
