#include "core/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"

#define BYTES_MAX 65536

static char *text_of(const struct json_doc *doc, const struct json_node *m, struct faults *faults)
{
	if (m->type == JSON_STRING)
		return xstrdup(json_string(m));
	json_fault(doc, m, faults, "is %s, not a string", json_type_name(m->type));
	return NULL;
}

static char *place_of(const struct json_doc *doc, const struct json_node *m)
{
	return xasprintf("%s:%u:%u: /%s", doc->path, m->at.line, m->at.column, m->key);
}

static void read_notices(struct config *out, const struct json_doc *doc, const struct json_node *m,
                         struct faults *faults)
{
	static const char *const names[] = { "osc9", "osc777", "bell", "off" };
	const char *s = json_string(m);

	for (size_t i = 0; s && i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], s) != 0)
			continue;
		out->notices = (enum notices)i;
		return;
	}
	json_fault(doc, m, faults, "is none of \"osc9\", \"osc777\", \"bell\" and \"off\"");
}

static unsigned number_of(const struct json_doc *doc, const struct json_node *m, unsigned min,
                          unsigned max, struct faults *faults)
{
	long long n;

	if (m->type == JSON_NUMBER && json_integer(m, min, max, &n))
		return (unsigned)n;
	json_fault(doc, m, faults, "is no whole number from %u to %u", min, max);
	return 0;
}

/* False: it is neither. */
static bool read_look(struct config *out, const struct json_doc *doc, const struct json_node *m,
                      struct faults *faults)
{
	bool is_theme = strcmp(m->key, "theme") == 0;

	if (!is_theme && strcmp(m->key, "prefix") != 0)
		return false;
	*(is_theme ? &out->theme : &out->prefix) = text_of(doc, m, faults);
	*(is_theme ? &out->theme_at : &out->prefix_at) = place_of(doc, m);
	return true;
}

static void read_member(struct config *out, const struct json_doc *doc, const struct json_node *m,
                        struct faults *faults)
{
	if (strcmp(m->key, "notices") == 0)
		read_notices(out, doc, m, faults);
	else if (strcmp(m->key, "keep_days") == 0)
		out->keep_days = number_of(doc, m, 1, CONFIG_DAYS_MAX, faults);
	else if (strcmp(m->key, "keep_megabytes") == 0)
		out->keep_megabytes = number_of(doc, m, CONFIG_MEGABYTES_MIN, CONFIG_MEGABYTES_MAX,
		                                faults);
	else if (strcmp(m->key, "mouse") != 0)
		json_fault_key(doc, m, faults,
		               "\"%.40s\" is no setting; theme, prefix, mouse, notices, keep_days "
		               "and keep_megabytes are",
		               m->key);
	else if (m->type != JSON_BOOL)
		json_fault(doc, m, faults, "is %s, not true or false", json_type_name(m->type));
	else
		out->no_mouse = !m->boolean;
}

static void read_all(struct config *out, const struct json_doc *doc, struct faults *faults)
{
	if (doc->root->type != JSON_OBJECT) {
		json_fault(doc, doc->root, faults, "is %s, not an object",
		           json_type_name(doc->root->type));
		return;
	}
	for (const struct json_node *m = doc->root->first; m; m = m->next)
		if (!read_look(out, doc, m, faults))
			read_member(out, doc, m, faults);
}

int config_load(struct config *out, const char *path, struct err *err)
{
	struct buf text = BUF_INIT(BYTES_MAX), first = BUF_INIT(4096);
	struct faults faults = { 0 };
	struct json_doc *doc = NULL;
	int rc = 0;

	*out = (struct config){ .theme = NULL };
	if (file_read(path, &text) < 0) {
		if (errno != ENOENT)
			rc = err_errno(err, ERR_INPUT, errno, "%s", path);
		goto out;
	}
	doc = json_parse(buf_str(&text), text.len, 0, path, &faults);
	if (doc && doc->root)
		read_all(out, doc, &faults);
	if (faults.n_errors) {
		fault_text(&faults.v[0], &first);
		rc = err_set(err, ERR_INPUT, "%s", buf_str(&first));
		config_done(out);
	}
out:
	json_free(doc);
	faults_done(&faults);
	buf_done(&first);
	buf_done(&text);
	return rc;
}

void config_done(struct config *c)
{
	if (!c)
		return;
	free(c->theme);
	free(c->prefix);
	free(c->theme_at);
	free(c->prefix_at);
	*c = (struct config){ .theme = NULL };
}
