#include "core/plan.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"

struct plan *plan_new(void)
{
	return xcalloc(1, sizeof(struct plan));
}

static void step_done(struct plan_step *s)
{
	for (size_t i = 0; i < s->n_files; i++) {
		free(s->files[i].path);
		free(s->files[i].text);
		free(s->files[i].source);
		free(s->files[i].root);
	}
	free(s->files);
	free(s->title);
	free(s->method);
	free(s->path);
	free(s->body);
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_steps; i++)
		step_done(&p->steps[i]);
	free(p->steps);
	for (int r = 0; r < ROLE_COUNT; r++)
		free(p->images[r]);
	free(p->agent);
	free(p->bottle);
	free(p->label);
	free(p->launch);
	free(p->record_launch);
	free(p->digest);
	free(p->color);
	free(p->runtime);
	free(p->internal_subnet);
	free(p->egress_subnet);
	free(p);
}

struct plan_step *plan_step(struct plan *p, enum plan_step_kind kind, enum session_role role,
                            uint64_t after, const char *title)
{
	struct plan_step *s;

	if (p->n_steps == PLAN_STEPS_MAX)
		abort();	/* a plan is ours; it has about thirty steps */
	p->steps = xreallocarray(p->steps, p->n_steps + 1, sizeof *p->steps);
	s = &p->steps[p->n_steps++];
	*s = (struct plan_step){ .kind = kind, .role = role, .after = after };
	s->title = xstrdup(title);
	return s;
}

struct plan_file *plan_file(struct plan_step *s, enum plan_file_kind kind, const char *path,
                            unsigned mode, unsigned owner)
{
	struct plan_file *f;

	s->files = xreallocarray(s->files, s->n_files + 1, sizeof *s->files);
	f = &s->files[s->n_files++];
	*f = (struct plan_file){ .kind = kind, .mode = mode, .uid = owner, .gid = owner };
	f->path = xstrdup(path);
	return f;
}

static const char *const file_kinds[] = {
	[PLAN_FILE_DIR] = "directory",
	[PLAN_FILE_TEXT] = "text",
	[PLAN_FILE_HOST] = "host file",
	[PLAN_FILE_CA_CERT] = "CA certificate of this launch",
	[PLAN_FILE_CA_KEY] = "CA key of this launch",
	[PLAN_FILE_CA_BUNDLE] = "the image's CA bundle and the launch's CA",
	[PLAN_FILE_SECRETS] = "values of the bottle's secrets",
	[PLAN_FILE_HELPER] = "sidecar program",
	[PLAN_FILE_SKILL] = "skill",
	[PLAN_FILE_WORKSPACE] = "copy of a folder",
};

static const char *const step_kinds[] = {
	[STEP_CALL] = "call",
	[STEP_FETCH] = "fetch",
	[STEP_PUT] = "put",
	[STEP_READY] = "ready",
	[STEP_PROBE] = "probe",
	[STEP_SELFCHECK] = "selfcheck",
	[STEP_INSPECT] = "inspect",
	[STEP_VERDICT] = "verdict",
	[STEP_RELEASE] = "release",
	[STEP_RECORD] = "record",
};

static void file_text(struct buf *b, const struct plan_file *f)
{
	buf_addf(b, "       %04o %u:%u %s: %s", f->mode, f->uid, f->gid, f->path,
	         file_kinds[f->kind]);
	if (f->source)
		buf_addf(b, " %s", f->source);
	if (f->text)
		buf_addf(b, ", %zu bytes", strlen(f->text));
	buf_addc(b, '\n');
}

void plan_text(struct buf *b, const struct plan *p)
{
	buf_addf(b, "session %s of agent %s in bottle %s, runtime %s\n", p->session, p->agent,
	         p->bottle, p->runtime);
	buf_addf(b, "internal network %s, egress network %s\n", p->internal_subnet,
	         p->egress_subnet);
	for (int r = 0; r < ROLE_COUNT; r++)
		if (p->images[r])
			buf_addf(b, "image of %s: %s\n", session_role_name((enum session_role)r),
			         p->images[r]);
	for (size_t i = 0; i < p->n_steps; i++) {
		const struct plan_step *s = &p->steps[i];
		const char *sep = "  after ";

		buf_addf(b, "%3zu  %s", i, s->title);
		for (size_t k = 0; k < i; k++) {
			if (!(s->after & PLAN_BIT(k)))
				continue;
			buf_addf(b, "%s%zu", sep, k);
			sep = ",";
		}
		buf_addc(b, '\n');
		for (size_t k = 0; k < s->n_files; k++)
			file_text(b, &s->files[k]);
	}
}

static cJSON *file_json(const struct plan_file *f)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "path", f->path);
	cJSON_AddStringToObject(o, "kind", file_kinds[f->kind]);
	cJSON_AddNumberToObject(o, "mode", f->mode);
	cJSON_AddNumberToObject(o, "uid", f->uid);
	cJSON_AddNumberToObject(o, "gid", f->gid);
	if (f->source)
		cJSON_AddStringToObject(o, "source", f->source);
	if (f->text)
		cJSON_AddStringToObject(o, "text", f->text);
	return o;
}

static cJSON *step_json(const struct plan_step *s, size_t index)
{
	cJSON *o = cJSON_CreateObject(), *after = cJSON_CreateArray(), *body;

	cJSON_AddNumberToObject(o, "step", (double)index);
	cJSON_AddStringToObject(o, "title", s->title);
	cJSON_AddStringToObject(o, "kind", step_kinds[s->kind]);
	cJSON_AddStringToObject(o, "role", session_role_name(s->role));
	for (size_t k = 0; k < index; k++)
		if (s->after & PLAN_BIT(k))
			cJSON_AddItemToArray(after, cJSON_CreateNumber((double)k));
	cJSON_AddItemToObject(o, "after", after);
	if (s->method)
		cJSON_AddStringToObject(o, "method", s->method);
	if (s->path)
		cJSON_AddStringToObject(o, "path", s->path);
	if (s->body) {
		body = cJSON_Parse(s->body);
		cJSON_AddItemToObject(o, "body", body ? body : cJSON_CreateString(s->body));
	}
	if (s->n_files) {
		cJSON *files = cJSON_AddArrayToObject(o, "files");

		for (size_t i = 0; i < s->n_files; i++)
			cJSON_AddItemToArray(files, file_json(&s->files[i]));
	}
	return o;
}

void plan_json(struct buf *b, const struct plan *p)
{
	cJSON *o = cJSON_CreateObject(), *images, *steps;
	char *text;

	cJSON_AddStringToObject(o, "session", p->session);
	cJSON_AddStringToObject(o, "agent", p->agent);
	cJSON_AddStringToObject(o, "bottle", p->bottle);
	cJSON_AddStringToObject(o, "launch", p->launch);
	cJSON_AddStringToObject(o, "manifest_digest", p->digest);
	cJSON_AddStringToObject(o, "runtime", p->runtime);
	cJSON_AddStringToObject(o, "internal_subnet", p->internal_subnet);
	cJSON_AddStringToObject(o, "egress_subnet", p->egress_subnet);
	images = cJSON_AddObjectToObject(o, "images");
	for (int r = 0; r < ROLE_COUNT; r++)
		if (p->images[r])
			cJSON_AddStringToObject(images, session_role_name((enum session_role)r),
			                        p->images[r]);
	steps = cJSON_AddArrayToObject(o, "steps");
	for (size_t i = 0; i < p->n_steps; i++)
		cJSON_AddItemToArray(steps, step_json(&p->steps[i], i));
	text = cJSON_Print(o);
	buf_addf(b, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(o);
}
