#include "replay/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "core/manifest.h"
#include "core/mem.h"
#include "core/recorder.h"
#include "core/stamp.h"
#include "core/text.h"

#define WHY_MAX 500

_Static_assert(RECORDER_BYTES_MAX < RECORDING_BYTES_MAX &&
                       RECORDER_LINES_MAX < RECORDING_ENTRIES_MAX,
               "what is recorded can be read");

struct reader {
	const struct json_doc *doc;	/* of the line being read */
	struct faults *faults;		/* of that line */
	struct recording *to;
	bool is_then;			/* inside "then" of a launch */
};

/* --- members ------------------------------------------------------------------------ */

static void check_keys(const struct reader *r, const struct json_node *o,
                       const char *const *known)
{
	for (const struct json_node *m = o->first; m; m = m->next) {
		size_t i = 0;

		while (known[i] && strcmp(known[i], m->key) != 0)
			i++;
		if (!known[i])
			json_fault_key(r->doc, m, r->faults, "\"%.60s\" means nothing here",
			               m->key);
	}
}

static const char *text_of(const struct reader *r, const struct json_node *o, const char *key)
{
	const struct json_node *m = json_get(o, key);

	if (!m || m->type == JSON_STRING)
		return json_string(m);
	json_fault(r->doc, m, r->faults, "is %s, not a string", json_type_name(m->type));
	return NULL;
}

static long long number_of(const struct reader *r, const struct json_node *o, const char *key,
                           long long max, long long fallback)
{
	const struct json_node *m = json_get(o, key);
	long long v = fallback;

	if (m && !json_integer(m, 0, max, &v))
		json_fault(r->doc, m, r->faults, "is no whole number from 0 to %lld", max);
	return v;
}

static bool flag_of(const struct reader *r, const struct json_node *o, const char *key)
{
	const struct json_node *m = json_get(o, key);

	if (m && m->type != JSON_BOOL)
		json_fault(r->doc, m, r->faults, "is %s, not true or false",
		           json_type_name(m->type));
	return m && m->type == JSON_BOOL && m->boolean;
}

/* A session's, agent's or bottle's name; all have the same shape but dashes. */
static bool name_of(const struct reader *r, const struct json_node *m, const struct json_node *in,
                    char out[MANIFEST_NAME_MAX + 1])
{
	const char *s = json_string(m);

	if (s && session_name_is_valid(s)) {
		memcpy(out, s, strlen(s) + 1);
		return true;
	}
	json_fault(r->doc, m ? m : in, r->faults, m ? "is no name of a session"
	                                            : "needs the name of a session");
	return false;
}

static void isolation_of(const struct reader *r, const struct json_node *o,
                         struct isolation_result *out)
{
	static const char *const keys[] = { "verified", "passed", "total", "warned", "forced",
		                            "warnings", NULL };
	const char *warnings;

	if (!o)
		return;
	if (o->type != JSON_OBJECT) {
		json_fault(r->doc, o, r->faults, "is %s, not an object", json_type_name(o->type));
		return;
	}
	check_keys(r, o, keys);
	out->passed = (unsigned)number_of(r, o, "passed", 1000, 0);
	out->total = (unsigned)number_of(r, o, "total", 1000, 0);
	out->warned = (unsigned)number_of(r, o, "warned", 1000, 0);
	out->was_forced = flag_of(r, o, "forced");
	warnings = text_of(r, o, "warnings");
	if (warnings)
		snprintf(out->warnings, sizeof out->warnings, "%s", warnings);
}

static int64_t stamp_of(const struct reader *r, const struct json_node *o, const char *key)
{
	const char *s = text_of(r, o, key);
	int64_t ns = 0;

	if (s && stamp_parse(s, strlen(s), &ns) != strlen(s))
		json_fault(r->doc, json_get(o, key), r->faults, "is no RFC 3339 time");
	return ns;
}

/* --- kinds of lines ------------------------------------------------------------------ */

static void read_session(struct reader *r, const struct json_node *o, struct recording_entry *e)
{
	static const char *const keys[] = { "session", "agent", "bottle", "state", "frozen",
		                            "exit_code", "created", "released", "launch",
		                            "manifest_digest", "isolation", "members", "color",
		                            NULL };
	struct recording_session *s = &e->session;
	const char *state, *color;
	int i = 0;

	e->kind = RECORDING_SESSION;
	s->exit_code = -1;
	if (o->type != JSON_OBJECT) {
		json_fault(r->doc, o, r->faults, "is %s, not an object", json_type_name(o->type));
		return;
	}
	check_keys(r, o, keys);
	name_of(r, json_get(o, "session"), o, e->name);
	name_of(r, json_get(o, "agent"), o, s->agent);
	name_of(r, json_get(o, "bottle"), o, s->bottle);
	state = text_of(r, o, "state");
	while (i <= SESSION_FAILED &&
	       (!state || strcmp(state, session_state_name((enum session_state)i)) != 0))
		i++;
	if (i > SESSION_FAILED)
		json_fault(r->doc, o, r->faults, "needs a \"state\", as \"running\"");
	else
		s->state = (enum session_state)i;
	if (json_get(o, "exit_code"))
		s->exit_code = (int)number_of(r, o, "exit_code", 255, 0);
	s->is_frozen = flag_of(r, o, "frozen");
	color = text_of(r, o, "color");
	if (color && session_color_is_valid(color))
		snprintf(s->color, sizeof s->color, "%s", color);
	else if (color)
		json_fault(r->doc, json_get(o, "color"), r->faults, "is no colour");
	s->created = number_of(r, o, "created", 1ll << 40, r->to->start_ns / NS_PER_S);
	s->released_ns = stamp_of(r, o, "released");
	if (!s->released_ns && s->state == SESSION_RUNNING)
		s->released_ns = s->created * NS_PER_S;
	isolation_of(r, json_get(o, "isolation"), &s->isolation);
}

static void read_event(struct reader *r, const struct json_node *o, struct recording_entry *e)
{
	struct err err = { 0 };

	e->kind = RECORDING_EVENT;
	event_init(&e->event);
	if (o->type != JSON_OBJECT ||
	    event_parse(&e->event, r->doc->text + o->at.start, o->at.end - o->at.start, &err) < 0)
		json_fault(r->doc, o, r->faults, "%s", err.kind ? err.msg : "is no event");
	else
		name_of(r, json_get(o, "session"), o, e->name);
}

/* "push": the session, "record": as the gate writes it, "diff": text */
static void read_push(struct reader *r, const struct json_node *line, const struct json_node *name,
                      struct recording_entry *e)
{
	const struct json_node *o = json_get(line, "record");
	const char *diff = text_of(r, line, "diff"), *text;
	struct err err = { 0 };

	e->kind = RECORDING_PUSH;
	name_of(r, name, name, e->name);
	if (!o || o->type != JSON_OBJECT) {
		json_fault(r->doc, line, r->faults, "needs \"record\", an object");
		return;
	}
	text = r->doc->text + o->at.start;
	if (push_parse(&e->push, text, o->at.end - o->at.start, &err) < 0) {
		json_fault(r->doc, o, r->faults, "%s", err.msg);
	} else if (diff && strlen(diff) <= PUSH_DIFF_MAX) {
		e->push.diff = xstrdup(diff);
		e->push.diff_len = strlen(diff);
	}
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* RFC 4648 with its padding; *out is the caller's. */
static bool base64_decode(const char *s, char **out, size_t *len)
{
	size_t n = strlen(s), pad = 0;
	char *to;

	while (pad < 2 && n > pad && s[n - 1 - pad] == '=')
		pad++;
	if (n % 4)
		return false;
	to = xmalloc(n / 4 * 3 + 1);
	*len = 0;
	for (size_t i = 0; i + pad < n; i += 4) {
		size_t digits = i + 4 > n - pad ? 4 - pad : 4;
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			int d = k < digits ? base64_value(s[i + k]) : 0;

			if (d < 0) {
				free(to);
				return false;
			}
			v = v << 6 | (uint32_t)d;
		}
		for (size_t k = 0; k + 1 < digits; k++)
			to[(*len)++] = (char)(v >> (16 - 8 * k));
	}
	*out = to;
	return true;
}

static void read_terminal(struct reader *r, const struct json_node *line,
                          const struct json_node *name, struct recording_entry *e)
{
	const char *data = text_of(r, line, "data"), *base64 = text_of(r, line, "base64");

	e->kind = RECORDING_TERMINAL;
	name_of(r, name, name, e->name);
	if (data && !base64) {
		e->data = xstrdup(data);
		e->len = strlen(data);
	} else if (!base64 || data) {
		json_fault(r->doc, line, r->faults, "needs \"data\" or \"base64\"");
	} else if (!base64_decode(base64, &e->data, &e->len)) {
		json_fault(r->doc, json_get(line, "base64"), r->faults, "is no base64");
	}
}

static void read_engine(struct reader *r, const struct json_node *line,
                        const struct json_node *up, struct recording_entry *e)
{
	const char *why = text_of(r, line, "why");
	struct buf safe = BUF_INIT(4 * WHY_MAX);

	e->kind = RECORDING_ENGINE;
	if (up->type != JSON_BOOL) {
		json_fault(r->doc, up, r->faults, "is %s, not true or false",
		           json_type_name(up->type));
	} else if (!up->boolean) {
		text_safe_str(&safe, why ? why : "the engine does not answer", WHY_MAX);
		e->engine.text = buf_steal(&safe);
	}
	buf_done(&safe);
}

static bool read_line(struct reader *r, const struct json_node *line, int64_t after,
                      struct recording_entry *e);

static void entry_done(struct recording_entry *e);

static void read_launch(struct reader *r, const struct json_node *o, struct recording_entry *e)
{
	static const char *const keys[] = { "agent", "ms", "fails", "isolation", "then", NULL };
	const struct json_node *then = json_get(o, "then");
	struct recording_launch *l = &e->launch;
	struct buf safe = BUF_INIT(4 * WHY_MAX);
	const char *fails;

	e->kind = RECORDING_LAUNCH;
	if (o->type != JSON_OBJECT) {
		json_fault(r->doc, o, r->faults, "is %s, not an object", json_type_name(o->type));
		return;
	}
	check_keys(r, o, keys);
	name_of(r, json_get(o, "agent"), o, e->name);
	l->ms = (unsigned)number_of(r, o, "ms", RECORDING_LAUNCH_MAX, 1000);
	fails = text_of(r, o, "fails");
	if (fails && text_safe_str(&safe, fails, WHY_MAX) == 0)
		l->fails = buf_steal(&safe);
	buf_done(&safe);
	isolation_of(r, json_get(o, "isolation"), &l->isolation);
	if (!then)
		return;
	if (then->type != JSON_ARRAY) {
		json_fault(r->doc, then, r->faults, "is %s, not a list",
		           json_type_name(then->type));
		return;
	}
	l->then = xcalloc(then->n, sizeof *l->then);
	r->is_then = true;
	for (const struct json_node *m = then->first; m; m = m->next) {
		int64_t after = l->n_then ? l->then[l->n_then - 1].t_ms : 0;

		if (read_line(r, m, after, &l->then[l->n_then]))
			l->n_then++;
	}
	r->is_then = false;
}

/* False when it is nothing that can be kept; faults then say why. */
static bool read_line(struct reader *r, const struct json_node *line, int64_t after,
                      struct recording_entry *e)
{
	static const char *const keys[] = { "t", "session", "gone", "event", "terminal", "data",
		                            "base64", "launch", "engine", "why", "push",
		                            "record", "diff", NULL };
	size_t errors = r->faults->n_errors;
	const struct json_node *m;

	if (line->type != JSON_OBJECT) {
		json_fault(r->doc, line, r->faults, "is %s, not an object",
		           json_type_name(line->type));
		return false;
	}
	check_keys(r, line, keys);
	*e = (struct recording_entry){ .t_ms = number_of(r, line, "t", RECORDING_MS_MAX, 0) };
	if (!json_get(line, "t"))
		json_fault(r->doc, line, r->faults, "needs \"t\", the time in milliseconds");
	else if (e->t_ms < after)
		json_fault(r->doc, json_get(line, "t"), r->faults,
		           "is before the line above; lines are in the order of time");
	if ((m = json_get(line, "event"))) {
		read_event(r, m, e);
	} else if ((m = json_get(line, "terminal"))) {
		read_terminal(r, line, m, e);
	} else if ((m = json_get(line, "push"))) {
		read_push(r, line, m, e);
	} else if (r->is_then) {
		json_fault(r->doc, line, r->faults,
		           "needs \"event\", \"terminal\" or \"push\"");
	} else if ((m = json_get(line, "session"))) {
		read_session(r, m, e);
	} else if ((m = json_get(line, "gone"))) {
		e->kind = RECORDING_GONE;
		name_of(r, m, m, e->name);
	} else if ((m = json_get(line, "launch"))) {
		read_launch(r, m, e);
	} else if ((m = json_get(line, "engine"))) {
		read_engine(r, line, m, e);
	} else {
		json_fault(r->doc, line, r->faults, "says nothing that happened");
	}
	if (r->faults->n_errors == errors)
		return true;
	entry_done(e);
	*e = (struct recording_entry){ .t_ms = 0 };
	return false;
}

static void read_header(struct reader *r, const struct json_node *o)
{
	static const char *const keys[] = { "v", "kind", "start", "engine", NULL };
	const char *kind = text_of(r, o, "kind"), *engine = text_of(r, o, "engine");
	struct buf safe = BUF_INIT(4 * WHY_MAX);

	if (!kind || strcmp(kind, "claude-bottle-recording") != 0) {
		json_fault(r->doc, o, r->faults,
		           "is no recording: \"kind\" is not \"claude-bottle-recording\"");
		return;
	}
	if (number_of(r, o, "v", 1, 0) != 1)
		json_fault(r->doc, o, r->faults, "needs \"v\": 1");
	check_keys(r, o, keys);
	if (!json_get(o, "start"))
		json_fault(r->doc, o, r->faults, "needs \"start\", when \"t\" was 0");
	r->to->start_ns = stamp_of(r, o, "start");
	text_safe_str(&safe, engine ? engine : "replay", 100);
	free(r->to->engine);
	r->to->engine = buf_steal(&safe);
	buf_done(&safe);
}

/* --- the whole ------------------------------------------------------------------------ */

/* Faults of one line are in its line 1: say where they are in the file. */
static void keep_faults(struct faults *to, struct faults *of_line, unsigned line, size_t offset)
{
	for (size_t i = 0; i < of_line->n; i++) {
		const struct fault *f = &of_line->v[i];
		const struct fault_at at = { .path = f->path,
			                     .pointer = f->pointer,
			                     .offset = offset + f->offset,
			                     .line = line,
			                     .column = f->column };

		faults_add(to, at, "%s", f->text);
	}
	faults_done(of_line);
	*of_line = (struct faults){ 0 };
}

static void read_text_line(struct reader *r, const char *s, size_t n, const char *path,
                           bool is_header)
{
	struct json_doc *doc = json_parse(s, n, 0, path, r->faults);
	struct recording *to = r->to;
	int64_t after = to->n ? to->v[to->n - 1].t_ms : 0;

	if (!doc || !doc->root) {
		json_free(doc);
		return;
	}
	r->doc = doc;
	if (is_header && doc->root->type == JSON_OBJECT) {
		read_header(r, doc->root);
	} else {
		/* doubles, so that a large recording is not copied for each line */
		if ((to->n & (to->n - 1)) == 0)
			to->v = xreallocarray(to->v, to->n ? to->n * 2 : 1, sizeof *to->v);
		if (read_line(r, doc->root, after, &to->v[to->n]))
			to->n++;
	}
	json_free(doc);
}

static void refuse(struct faults *faults, const char *path, unsigned line, size_t offset,
                   const char *why)
{
	const struct fault_at at = { .path = path, .pointer = "", .offset = offset, .line = line,
		                     .column = line ? 1 : 0 };

	faults_add(faults, at, "%s", why);
}

struct recording *recording_parse(const char *data, size_t len, const char *path,
                                  struct faults *faults)
{
	struct recording *to = xcalloc(1, sizeof *to);
	size_t errors = faults->n_errors, at = 0;
	bool has_header = false;

	if (len > RECORDING_BYTES_MAX) {
		refuse(faults, path, 0, 0, "is larger than a recording may be");
		at = len;
	}
	for (unsigned line = 1; at < len; line++) {
		const char *end = memchr(data + at, '\n', len - at);
		size_t n = end ? (size_t)(end - (data + at)) : len - at;
		struct faults of_line = { 0 };
		struct reader r = { .faults = &of_line, .to = to };

		if (n > RECORDING_LINE_MAX) {
			refuse(faults, path, line, at, "is longer than a line may be");
		} else if (to->n >= RECORDING_ENTRIES_MAX) {
			refuse(faults, path, line, at, "is more than a recording may hold");
			break;
		} else if (n > 0) {
			read_text_line(&r, data + at, n, path, !has_header);
			if (!has_header && of_line.n_errors)
				len = 0;	/* no recording: the rest would say so again */
			has_header = true;
		}
		keep_faults(faults, &of_line, line, at);
		at += n + 1;
	}
	if (!has_header && faults->n_errors == errors)
		refuse(faults, path, 1, 0, "is empty");
	if (faults->n_errors == errors)
		return to;
	recording_free(to);
	return NULL;
}

static void entry_done(struct recording_entry *e)
{
	switch (e->kind) {
	case RECORDING_EVENT:
		event_done(&e->event);
		break;
	case RECORDING_TERMINAL:
		free(e->data);
		break;
	case RECORDING_PUSH:
		push_done(&e->push);
		break;
	case RECORDING_LAUNCH:
		for (size_t i = 0; i < e->launch.n_then; i++)
			entry_done(&e->launch.then[i]);
		free(e->launch.then);
		free(e->launch.fails);
		break;
	case RECORDING_ENGINE:
		free(e->engine.text);
		break;
	case RECORDING_SESSION:
	case RECORDING_GONE:
		break;
	}
}

void recording_free(struct recording *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		entry_done(&r->v[i]);
	free(r->v);
	free(r->engine);
	free(r);
}
