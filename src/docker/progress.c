#include "docker/progress.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/text.h"

#define JSON_LINE_MAX	(1024 * 1024)	/* one object of the stream */
#define OUTPUT_LINE_MAX 4096		/* one line of a program */
#define SHOWN_MAX	300		/* bytes of it that are handed out */
#define ERROR_MAX	1000		/* bytes of an error that are kept */

/* The classic builder paints what came from stderr red: take the escape
 * sequences off, so that the sanitiser need not show them. */
static void strip_colours(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\033' && i + 1 < n && s[i + 1] == '[') {
			for (i += 2; i < n && (s[i] < '@' || s[i] > '~');)
				i++;
			continue;
		}
		buf_addc(out, s[i] == '\n' || s[i] == '\r' || s[i] == '\t' ? ' ' : s[i]);
	}
}

static char *clean(const char *s, size_t n, size_t max)
{
	struct buf plain = BUF_INIT(OUTPUT_LINE_MAX + 1), shown = BUF_INIT(2 * ERROR_MAX);

	strip_colours(&plain, s, n < OUTPUT_LINE_MAX ? n : OUTPUT_LINE_MAX);
	while (plain.len > 0 && plain.data[plain.len - 1] == ' ')
		plain.data[--plain.len] = '\0';
	text_safe(&shown, buf_str(&plain), plain.len, max, false);
	buf_done(&plain);
	return buf_steal(&shown);
}

static void tell(struct progress *p, enum progress_kind kind, const char *text)
{
	if (kind == PROGRESS_STEP)
		p->n_steps++;
	if (p->on_line)
		p->on_line(p->arg, kind, text);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Our Dockerfiles give a long RUN a title: "RUN : what it does; set -eu; ...",
 * which to the shell is nothing. Else the instruction is shown, its blanks folded. */
static char *step_title(const char *instruction)
{
	struct buf b = BUF_INIT(SHOWN_MAX + 1);

	if (begins(instruction, "RUN : ")) {
		instruction += strlen("RUN : ");
		buf_add(&b, instruction, strcspn(instruction, ";"));
		return buf_steal(&b);
	}
	for (const char *s = instruction; *s; s++)
		if (*s != ' ' || (b.len > 0 && b.data[b.len - 1] != ' '))
			buf_addc(&b, *s);
	return buf_steal(&b);
}

static void begin_step(struct progress *p, const char *text)
{
	unsigned number, of;
	int skip = 0;
	char *title;

	free(p->step);
	p->step = NULL;
	p->is_step_pending = false;
	if (sscanf(text, "Step %u/%u : %n", &number, &of, &skip) < 2 || skip == 0)
		return;
	title = step_title(text + skip);
	p->step = xasprintf("step %u/%u: %s", number, of, title);
	free(title);
	/* the others only name and label things; they take no time */
	p->is_step_pending = begins(text + skip, "RUN") || begins(text + skip, "COPY") ||
			     begins(text + skip, "ADD");
	for (size_t i = 0; i < p->n_tail && i < PROGRESS_TAIL; i++)
		free(p->tail[i]);
	p->n_tail = 0;
}

static void settle_step(struct progress *p, bool is_cached)
{
	if (p->is_step_pending && !is_cached)
		tell(p, PROGRESS_STEP, p->step);
	p->is_step_pending = false;
}

static bool is_builders_own(const char *text)
{
	return begins(text, "Step ") || begins(text, " ---> ") ||
	       begins(text, "Removing intermediate container ") ||
	       begins(text, "Successfully built ") || begins(text, "Successfully tagged ");
}

/* A line of a build's output, the builder's own or a program's. */
static int on_output_line(void *arg, const struct line *l)
{
	struct progress *p = arg;
	char *text = clean(l->text, l->len, SHOWN_MAX), **place;

	if (begins(text, "Step ")) {
		begin_step(p, text);
	} else if (begins(text, " ---> Using cache")) {
		settle_step(p, true);
	} else if (is_builders_own(text)) {
		settle_step(p, false);
	} else if (*text) {
		settle_step(p, false);
		tell(p, PROGRESS_OUTPUT, text);
		place = &p->tail[p->n_tail % PROGRESS_TAIL];
		if (p->n_tail++ >= PROGRESS_TAIL)
			free(*place);
		*place = text;
		return 0;
	}
	free(text);
	return 0;
}

static const char *string_of(const cJSON *object, const char *key)
{
	const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(node) ? node->valuestring : NULL;
}

static void on_status(struct progress *p, const cJSON *o, const char *status)
{
	const cJSON *detail = cJSON_GetObjectItemCaseSensitive(o, "progressDetail");
	const cJSON *current = cJSON_GetObjectItemCaseSensitive(detail, "current");
	const cJSON *total = cJSON_GetObjectItemCaseSensitive(detail, "total");
	const char *id = string_of(o, "id");
	struct buf b = BUF_INIT(1024);
	char *text;

	if (begins(status, "sha256:"))	/* an import says the new image's id like this */
		snprintf(p->image_id, sizeof p->image_id, "%s", status);
	buf_addf(&b, "%.100s%s%.200s", id ? id : "", id ? " " : "", status);
	if (cJSON_IsNumber(current) && cJSON_IsNumber(total) && total->valuedouble > 0)
		buf_addf(&b, " %.1f of %.1f MB", current->valuedouble / 1e6,
			 total->valuedouble / 1e6);
	text = clean(buf_str(&b), b.len, SHOWN_MAX);
	tell(p, PROGRESS_PULL, text);
	free(text);
	buf_done(&b);
}

/* "The command '/bin/sh -c ...' returned a non-zero code: 1" repeats the whole
 * step, which may be a page long; what the reader needs is the code. */
static char *engine_words(const struct progress *p, const char *text)
{
	static const char returned[] = "returned a non-zero code: ";
	const char *code = strstr(text, returned);
	const char *step = p->step ? p->step : "a step";

	if (!code || !begins(text, "The command '"))
		return clean(text, strlen(text), ERROR_MAX);
	return xasprintf("%.100s%s: ended with code %.8s", step, strlen(step) > 100 ? "..." : "",
	                 code + strlen(returned));
}

static int on_json_line(void *arg, const struct line *l)
{
	struct progress *p = arg;
	cJSON *o = cJSON_ParseWithLength(l->text, l->len);
	const cJSON *detail = cJSON_GetObjectItemCaseSensitive(o, "errorDetail");
	const char *text = string_of(detail, "message"), *id;

	if (!text)
		text = string_of(o, "error");
	if (text && !p->error)
		p->error = engine_words(p, text);
	if ((text = string_of(o, "stream"))) {
		if (is_builders_own(text))	/* a program's last line may lack its newline */
			lines_end(&p->output);
		lines_feed(&p->output, text, strlen(text));
	}
	if ((text = string_of(o, "status")))
		on_status(p, o, text);
	id = string_of(cJSON_GetObjectItemCaseSensitive(o, "aux"), "ID");
	if (id && begins(id, "sha256:"))
		snprintf(p->image_id, sizeof p->image_id, "%s", id);
	cJSON_Delete(o);
	return 0;
}

void progress_init(struct progress *p, progress_fn *on_line, void *arg)
{
	*p = (struct progress){ .on_line = on_line, .arg = arg };
	lines_init(&p->json, 1, false, JSON_LINE_MAX, on_json_line, p);
	lines_init(&p->output, 1, false, OUTPUT_LINE_MAX, on_output_line, p);
}

void progress_feed(struct progress *p, const char *data, size_t len)
{
	lines_feed(&p->json, data, len);
}

int progress_finish(struct progress *p, struct err *err)
{
	struct buf b = BUF_INIT(ERR_MSG_MAX);
	size_t n = p->n_tail < PROGRESS_TAIL ? p->n_tail : PROGRESS_TAIL;

	lines_end(&p->json);
	lines_end(&p->output);
	if (!p->error)
		return 0;
	buf_adds(&b, p->error);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i == 0 ? "; its last words: " : " | ",
			 p->tail[(p->n_tail - n + i) % PROGRESS_TAIL]);
	err_set(err, ERR_FAILED, "%s", buf_str(&b));
	buf_done(&b);
	return -1;
}

bool progress_tail_has(const struct progress *p, const char *text)
{
	for (size_t i = 0; i < p->n_tail && i < PROGRESS_TAIL; i++)
		if (strstr(p->tail[i], text))
			return true;
	return false;
}

void progress_done(struct progress *p)
{
	for (size_t i = 0; i < p->n_tail && i < PROGRESS_TAIL; i++)
		free(p->tail[i]);
	free(p->step);
	free(p->error);
	lines_done(&p->json);
	lines_done(&p->output);
	*p = (struct progress){ 0 };
}
