#include "docker/versions.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"

static const char name_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

static const char *parse_line(struct versions *v, const char *line, size_t len)
{
	size_t name = 0, skip = 0;
	char *text;

	while (len > 0 && strchr(" \t\r", line[len - 1]))
		len--;
	while (skip < len && (line[skip] == ' ' || line[skip] == '\t'))
		skip++;
	line += skip;
	len -= skip;
	if (len == 0 || *line == '#')
		return NULL;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			return "a control byte";
	while (name < len && strchr(name_bytes, line[name]))
		name++;
	if (name == 0 || (line[0] >= '0' && line[0] <= '9') || name == len || line[name] != '=')
		return "not NAME=value";
	if (len - name - 1 > VERSIONS_VALUE_MAX)
		return "a value that is too long";
	if (v->n == VERSIONS_MAX)
		return "too many lines";

	text = xstrndup(line, name);
	if (versions_get(v, text)) {
		free(text);
		return "a name that was set before";
	}
	line += name + 1;
	len -= name + 1;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	v->list = xreallocarray(v->list, v->n + 1, sizeof *v->list);
	v->list[v->n++] = (struct version){ .name = text, .value = xstrndup(line, len) };
	return NULL;
}

int versions_parse(struct versions *out, const char *path, const char *text, size_t len,
                   struct err *err)
{
	struct versions v = { 0 };

	for (unsigned number = 1; len > 0; number++) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;
		const char *fault = parse_line(&v, text, n);

		if (fault) {
			versions_done(&v);
			return err_set(err, ERR_INPUT, "%s:%u: %s", path, number, fault);
		}
		n += end != NULL;
		text += n;
		len -= n;
	}
	*out = v;
	return 0;
}

const char *versions_get(const struct versions *v, const char *name)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->list[i].name, name) == 0)
			return v->list[i].value;
	return NULL;
}

void versions_done(struct versions *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n; i++) {
		free(v->list[i].name);
		free(v->list[i].value);
	}
	free(v->list);
	*v = (struct versions){ 0 };
}
