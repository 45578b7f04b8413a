#include "core/demo.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/pipelock.h"
#include "core/text.h"

#define SEEN_MAX 1000 /* bytes of a container's words in the table */
#define UNLIKE 10     /* different characters that a shape must have at least */

struct probe {
	const char *name, *title, *expected;
};

static const struct probe probes[DEMO_PROBES] = {
	[DEMO_ALLOWED] = { "allowed", "a request to an allowed host",
	                   "200 and the upstream's answer" },
	[DEMO_UNLISTED] = { "unlisted", "a request to a host that is on no list",
	                    "403 blocked: domain not in allowlist: " DEMO_UNLISTED_HOST },
	[DEMO_TOKEN] = { "token", "a GitHub token in what is sent to the allowed host",
	                 "403 blocked: request body contains secret: GitHub Token" },
	[DEMO_LEAK_PUSH] = { "leak-push", "a push with an AWS key in a commit",
	                     "git-gate: ... gitleaks ..., the upstream unchanged" },
	[DEMO_CLEAN_PUSH] = { "clean-push", "a clean push",
	                      "the upstream's main is the agent's commit" },
	[DEMO_HTTPS_PUSH] = { "https-push", "a push over https, round the gate",
	                      "403, and nothing of it at the upstream" },
};

const char *demo_name(enum demo_probe p)
{
	return probes[p].name;
}

const char *demo_title(enum demo_probe p)
{
	return probes[p].title;
}

const char *demo_expected(enum demo_probe p)
{
	return probes[p].expected;
}

/* --- making things ------------------------------------------------------------------ */

/* Replace "@NAME@", quotes included, by value as a JSON string. */
static int fill_in(struct buf *out, const char *text, const char *placeholder, const char *value,
                   struct err *err)
{
	const char *at = strstr(text, placeholder);

	if (!at)
		return err_set(err, ERR_FAILED, "the demo's manifest has no %s", placeholder);
	buf_add(out, text, (size_t)(at - text));
	text_add_json(out, value, strlen(value));
	if (buf_adds(out, at + strlen(placeholder)) < 0)
		return err_set(err, ERR_FAILED, "the demo's manifest is too large");
	return 0;
}

int demo_manifest(struct buf *out, const char *template, const char *identity_file,
                  const char *known_host_key, struct err *err)
{
	struct buf half = BUF_INIT(out->max);
	int rc = fill_in(&half, template, "\"@IDENTITY_FILE@\"", identity_file, err);

	if (rc == 0)
		rc = fill_in(out, buf_str(&half), "\"@KNOWN_HOST_KEY@\"", known_host_key, err);
	buf_done(&half);
	return rc;
}

/* prefix, then a character of the alphabet for each random byte. */
static bool make_shape(char *out, const char *prefix, const char *alphabet,
                       const unsigned char *random, size_t n)
{
	size_t at = strlen(prefix), n_letters = strlen(alphabet), n_unlike = 0;
	bool was_used[256] = { false };

	memcpy(out, prefix, at);
	for (size_t i = 0; i < n; i++) {
		char c = alphabet[random[i] % n_letters];

		n_unlike += !was_used[(unsigned char)c];
		was_used[(unsigned char)c] = true;
		out[at + i] = c;
	}
	out[at + n] = '\0';
	return n_unlike >= UNLIKE;
}

bool demo_github_token(char out[DEMO_GITHUB_SIZE], const unsigned char random[36])
{
	return make_shape(out, "ghp_",
	                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", random,
	                  36);
}

bool demo_aws_key(char out[DEMO_AWS_SIZE], const unsigned char random[16])
{
	return make_shape(out, "AKIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", random, 16);
}

/* --- judging -------------------------------------------------------------------------- */

int demo_http_answer(const char *out, size_t len, size_t *body_len)
{
	const char *digits = out + len - 3;
	int code = 0;

	if (len < 4 || digits[-1] != '\n')
		return -1;
	for (int i = 0; i < 3; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -1;
		code = code * 10 + (digits[i] - '0');
	}
	*body_len = len - 4;
	return code;
}

static bool has(const char *text, const char *part)
{
	return text && strstr(text, part);
}

static bool is_at(const struct event *e, const char *host)
{
	return e->host && strcmp(e->host, host) == 0;
}

bool demo_is_event_of(enum demo_probe p, const struct event *e)
{
	if (e->is_probe) /* the isolation's, not ours */
		return false;
	switch (p) {
	case DEMO_ALLOWED:
		return e->kind == EVENT_EGRESS_ALLOWED && is_at(e, DEMO_FILES_HOST);
	case DEMO_UNLISTED:
		return e->kind == EVENT_EGRESS_BLOCKED && is_at(e, DEMO_UNLISTED_HOST);
	case DEMO_TOKEN:
		return e->kind == EVENT_EGRESS_DLP && e->verdict == EVENT_BLOCK &&
		       is_at(e, DEMO_FILES_HOST) && has(e->rule, "GitHub Token");
	case DEMO_LEAK_PUSH:
		return e->kind == EVENT_PUSH_REJECTED;
	case DEMO_CLEAN_PUSH:
		return e->kind == EVENT_PUSH_ACCEPTED;
	case DEMO_HTTPS_PUSH:
		return (e->kind == EVENT_EGRESS_DLP || e->kind == EVENT_EGRESS_BLOCKED) &&
		       e->verdict == EVENT_BLOCK && is_at(e, DEMO_FILES_HOST) &&
		       has(e->rule, PIPELOCK_PUSH_PATTERN);
	case DEMO_PROBES:
		break;
	}
	return false;
}

bool demo_is_ok(const struct demo_table *t)
{
	const struct demo_left *l = &t->left;

	for (int i = 0; i < DEMO_PROBES; i++)
		if (!t->rows[i].is_ok)
			return false;
	return l->is_known && l->containers + l->networks + l->volumes == 0;
}

/* --- for people ------------------------------------------------------------------------ */

static void line(struct buf *b, const char *label, const char *text)
{
	buf_addf(b, "      %-9s ", label);
	text_safe_str(b, text, SEEN_MAX);
	buf_addc(b, '\n');
}

void demo_text_head(struct buf *b, const struct demo_table *t)
{
	buf_addf(b, "session: %s, isolation %u/%u, launched in %.1f s\n", t->session,
	         t->isolation_passed, t->isolation_total, t->launch_s);
	buf_adds(b, "pipelock: ");
	if (t->is_standin) {
		buf_adds(b, "STAND-IN for tests, not the real one: ");
		text_safe_str(b, t->standin_why, SEEN_MAX);
	} else {
		text_safe_str(b, t->pipelock_image, SEEN_MAX);
	}
	buf_adds(b, "\n\n");
}

static void event_text(struct buf *b, const struct demo_row *r)
{
	if (r->has_event)
		buf_addf(b, "%s  %s", event_kind_name(r->event.kind),
		         r->event.summary ? r->event.summary : "");
	else
		buf_adds(b, r->was_tried ? "none came" : "-");
}

void demo_text_row(struct buf *b, const struct demo_table *t, enum demo_probe p)
{
	const struct demo_row *r = &t->rows[p];
	struct buf text = BUF_INIT(16384);

	buf_addf(b, "  %d %s  %s\n", (int)p + 1, r->is_ok ? "ok  " : "FAIL", probes[p].title);
	line(b, "expected", probes[p].expected);
	line(b, "seen", r->was_tried ? r->seen : "not tried");
	event_text(&text, r);
	line(b, "event", buf_str(&text));
	buf_done(&text);
}

void demo_text_end(struct buf *b, const struct demo_table *t)
{
	const struct demo_left *l = &t->left;
	size_t n_ok = 0;

	for (int i = 0; i < DEMO_PROBES; i++)
		n_ok += t->rows[i].is_ok;
	if (l->is_known)
		buf_addf(b,
		         "\nleft behind: %zu containers, %zu networks, %zu volumes "
		         "(asked for by the session's label)\n",
		         l->containers, l->networks, l->volumes);
	else
		buf_adds(b, "\nleft behind: unknown, the engine did not say\n");
	buf_addf(b, "%zu of %d as expected, %.1f s in all (launch %.1f, probes %.1f)\n", n_ok,
	         DEMO_PROBES, t->total_s, t->launch_s, t->probes_s);
}

/* --- for programs ------------------------------------------------------------------------ */

static void add_json(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "\"%s\":", name);
	if (value)
		text_add_json(b, value, strlen(value));
	else
		buf_adds(b, "null");
}

static void json_row(struct buf *b, const struct demo_row *r, enum demo_probe p)
{
	buf_adds(b, "{");
	add_json(b, "probe", probes[p].name);
	buf_addc(b, ',');
	add_json(b, "title", probes[p].title);
	buf_addc(b, ',');
	add_json(b, "expected", probes[p].expected);
	buf_addc(b, ',');
	add_json(b, "seen", r->was_tried ? r->seen : NULL);
	buf_adds(b, ",\"event\":");
	if (r->has_event)
		event_json(b, &r->event);
	else
		buf_adds(b, "null");
	buf_addf(b, ",\"ok\":%s}", r->is_ok ? "true" : "false");
}

void demo_json(struct buf *b, const struct demo_table *t)
{
	const struct demo_left *l = &t->left;

	buf_adds(b, "{");
	add_json(b, "session", t->session);
	buf_addf(b, ",\"isolation\":{\"passed\":%u,\"total\":%u},\"pipelock\":{",
	         t->isolation_passed, t->isolation_total);
	add_json(b, "image", t->pipelock_image);
	buf_addf(b, ",\"standin\":%s,", t->is_standin ? "true" : "false");
	add_json(b, "why", t->standin_why);
	buf_adds(b, "},\"probes\":[");
	for (int i = 0; i < DEMO_PROBES; i++) {
		buf_adds(b, i ? "," : "");
		json_row(b, &t->rows[i], (enum demo_probe)i);
	}
	buf_adds(b, "],\"left\":");
	if (l->is_known)
		buf_addf(b, "{\"containers\":%zu,\"networks\":%zu,\"volumes\":%zu}", l->containers,
		         l->networks, l->volumes);
	else
		buf_adds(b, "null");
	buf_addf(b, ",\"seconds\":{\"launch\":%.2f,\"probes\":%.2f,\"total\":%.2f},\"ok\":%s}\n",
	         t->launch_s, t->probes_s, t->total_s, demo_is_ok(t) ? "true" : "false");
}

void demo_table_done(struct demo_table *t)
{
	if (!t)
		return;
	for (int i = 0; i < DEMO_PROBES; i++) {
		free(t->rows[i].seen);
		if (t->rows[i].has_event)
			event_done(&t->rows[i].event);
	}
	free(t->session);
	free(t->pipelock_image);
	free(t->standin_why);
}
