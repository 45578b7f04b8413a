/* The detail of an event: a JSON object from a log, bounded and without queries. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/event.h"
#include "core/mem.h"
#include "core/text.h"

#define DEPTH_MAX 8

static bool is_url_name(const char *name)
{
	static const char *const names[] = { "url", "target", "resource", "endpoint", NULL };
	size_t n = strlen(name);

	for (size_t i = 0; names[i]; i++)
		if (!strcmp(name, names[i]))
			return true;
	return n > 4 && !strcmp(name + n - 4, "_url");
}

/* The place of a URL's path; n when it has none. */
static size_t path_of(const char *s, size_t n)
{
	const char *mark = n >= 3 ? memmem(s, n, "://", 3) : NULL, *slash;
	size_t from = mark ? (size_t)(mark - s) + 3 : 0;

	slash = from < n ? memchr(s + from, '/', n - from) : NULL;
	return slash ? (size_t)(slash - s) : n;
}

static int put_string(struct buf *out, const char *name, const char *s, bool hide_paths)
{
	struct buf cut = BUF_INIT(EVENT_VALUE_MAX * 4);
	size_t n = strnlen(s, EVENT_VALUE_MAX);
	bool is_url = name && is_url_name(name);
	int rc;

	/* most strings have nothing to cut */
	if (!is_url && n < EVENT_VALUE_MAX && !strstr(s, "://"))
		return text_add_json(out, s, n);
	/* a character that the limit splits would come out as garbage */
	while (n == EVENT_VALUE_MAX && n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	if (is_url && hide_paths) {
		size_t path = path_of(s, n);

		text_cut_url(&cut, s, path);
		if (path < n)
			buf_adds(&cut, "/...");
	} else if (is_url) {
		text_cut_url(&cut, s, n);
	} else {
		text_cut_query(&cut, s, n);
	}
	rc = text_add_json(out, buf_str(&cut), cut.len);
	buf_done(&cut);
	return rc;
}

static int put_number(struct buf *out, double v)
{
	if (!isfinite(v))
		return buf_adds(out, "null");
	if (fabs(v) < 9e15 && v == (double)(int64_t)v)
		return buf_addf(out, "%.0f", v == 0 ? 0.0 : v);
	return buf_addf(out, "%.17g", v);
}

static int put_value(struct buf *out, const cJSON *v, bool hide_paths, int depth);

static bool came_before(const cJSON *parent, const cJSON *item)
{
	for (const cJSON *c = parent->child; c && c != item; c = c->next)
		if (!strcmp(c->string, item->string))
			return true;
	return false;
}

/* One level of an object or array. A member that does not fit is taken back. */
static int put_members(struct buf *out, const cJSON *v, bool hide_paths, int depth)
{
	bool is_object = cJSON_IsObject(v), is_first = true, is_cut = false;
	const cJSON *item;
	int n = 0;

	if (buf_addc(out, is_object ? '{' : '[') < 0)
		return -1;
	cJSON_ArrayForEach(item, v)
	{
		size_t before = out->len;
		int rc = 0;

		if (++n > 256) {
			if (depth > 0)
				return -1;
			is_cut = true;
			break;
		}
		if (is_object && came_before(v, item))
			continue;
		if (!is_first)
			rc = buf_addc(out, ',');
		if (rc == 0 && is_object)
			rc = text_add_json(out, item->string, strnlen(item->string, 128));
		if (rc == 0 && is_object)
			rc = buf_addc(out, ':');
		if (rc == 0 && is_object && cJSON_IsString(item))
			rc = put_string(out, item->string, item->valuestring, hide_paths);
		else if (rc == 0)
			rc = put_value(out, item, hide_paths, depth + 1);
		if (rc < 0 && depth > 0)
			return -1; /* all of it or nothing: the level above says so */
		if (rc < 0) {
			out->len = before;
			out->data[before] = '\0';
			is_cut = true;
			continue;
		}
		is_first = false;
	}
	if (is_cut && depth == 0) {
		out->max = EVENT_DETAIL_MAX; /* the room kept for this */
		if (buf_adds(out, is_first ? "\"cut\":true" : ",\"cut\":true") < 0)
			return -1;
	}
	out->max = depth == 0 ? EVENT_DETAIL_MAX : out->max;
	return buf_addc(out, is_object ? '}' : ']');
}

static int put_value(struct buf *out, const cJSON *v, bool hide_paths, int depth)
{
	if (cJSON_IsString(v))
		return put_string(out, NULL, v->valuestring, hide_paths);
	if (cJSON_IsNumber(v))
		return put_number(out, v->valuedouble);
	if (cJSON_IsBool(v))
		return buf_adds(out, cJSON_IsTrue(v) ? "true" : "false");
	if ((cJSON_IsObject(v) || cJSON_IsArray(v)) && depth < DEPTH_MAX)
		return put_members(out, v, hide_paths, depth);
	return buf_adds(out, "null");
}

void event_set_detail(struct event *e, const struct cJSON *object, bool hide_paths)
{
	/* room is kept for the closing braces and the mark of a cut */
	struct buf out = BUF_INIT(EVENT_DETAIL_MAX - 32);

	free(e->detail);
	e->detail = NULL;
	if (put_members(&out, object, hide_paths, 0) == 0)
		e->detail = buf_steal(&out);
	buf_done(&out);
}

void event_set_detail_text(struct event *e, const char *s, size_t n, bool is_cut)
{
	struct buf out = BUF_INIT(EVENT_DETAIL_MAX), cut = BUF_INIT(EVENT_VALUE_MAX * 4);
	bool is_long = n > EVENT_VALUE_MAX / 2;

	text_cut_query(&cut, s, is_long ? EVENT_VALUE_MAX / 2 : n);
	buf_adds(&out, "{\"line\":");
	text_add_json(&out, buf_str(&cut), cut.len);
	buf_adds(&out, is_cut || is_long ? ",\"cut\":true}" : "}");
	free(e->detail);
	e->detail = buf_steal(&out);
	buf_done(&cut);
	buf_done(&out);
}

char *event_detail_get(const struct event *e, const char *name)
{
	cJSON *root = e->detail ? cJSON_Parse(e->detail) : NULL;
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, name);
	char *s = NULL;

	if (cJSON_IsString(v)) {
		s = xstrdup(v->valuestring);
	} else if (cJSON_IsNumber(v)) {
		struct buf b = BUF_INIT(64);

		put_number(&b, v->valuedouble);
		s = buf_steal(&b);
	} else if (cJSON_IsBool(v)) {
		s = xstrdup(cJSON_IsTrue(v) ? "true" : "false");
	}
	cJSON_Delete(root);
	return s;
}
