#include "ui/theme_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"

#define FILE_MAX ((size_t)256 << 10)
#define COLOR_NAMES_MAX 64
#define FG 0
#define BG 1

static const char *const element_names[THEME_ELEMENTS] = {
	[THEME_TEXT] = "text",
	[THEME_DIM] = "dim",
	[THEME_TITLE] = "title",
	[THEME_TITLE_ALERT] = "title-alert",
	[THEME_HINT] = "hint",
	[THEME_HINT_KEY] = "hint-key",
	[THEME_FRAME] = "frame",
	[THEME_FRAME_FOCUS] = "frame-focus",
	[THEME_FRAME_TITLE] = "frame-title",
	[THEME_SELECTED] = "selected",
	[THEME_SELECTED_DIM] = "selected-dim",
	[THEME_RUNNING] = "running",
	[THEME_STARTING] = "starting",
	[THEME_STOPPED] = "stopped",
	[THEME_FAILED] = "failed",
	[THEME_WAITS] = "waits",
	[THEME_BLOCKED] = "blocked",
	[THEME_ALLOWED] = "allowed",
	[THEME_WARN] = "warn",
	[THEME_NEW] = "new",
	[THEME_DIALOG] = "dialog",
	[THEME_DIALOG_BUTTON] = "dialog-button",
	[THEME_DIALOG_FOCUS] = "dialog-focus",
	[THEME_INPUT] = "input",
	[THEME_ERROR] = "error",
	[THEME_SEARCH] = "search",
	[THEME_DOCK] = "dock",
};

/* A colour as written: for terminals with many colours, and with 16. */
struct color_pair {
	uint32_t full, basic;
};

struct element {
	struct color_pair color[2]; /* FG, BG */
	uint32_t attr;
};

struct theme {
	char *name;
	struct element elements[THEME_ELEMENTS];
	struct vt_theme vt;
	bool is_basic;      /* 16 colours */
	struct theme *mono; /* stands in for this one, or NULL */
};

/* --- reading ------------------------------------------------------------------------------ */

struct reader {
	const struct json_doc *doc;
	struct faults faults;
	struct {
		const char *name;
		struct color_pair color;
	} names[COLOR_NAMES_MAX];
	size_t n_names;
};

static void read_color(struct reader *r, const struct json_node *node, struct color_pair *out);

/* "#rrggbb", "index:N" or "default". */
static bool parse_color(const char *s, uint32_t *out)
{
	char *end;
	unsigned long v;

	if (strcmp(s, "default") == 0) {
		*out = VT_COLOR_DEFAULT;
		return true;
	}
	if (s[0] == '#' && strlen(s) == 7 && strspn(s + 1, "0123456789abcdefABCDEF") == 6) {
		*out = VT_COLOR_RGB | (uint32_t)strtoul(s + 1, NULL, 16);
		return true;
	}
	if (strncmp(s, "index:", 6) == 0 && s[6] >= '0' && s[6] <= '9') {
		v = strtoul(s + 6, &end, 10);
		*out = VT_COLOR_INDEX | (uint32_t)(v & 0xff);
		return *end == '\0' && v <= 255;
	}
	return false;
}

static void read_pair(struct reader *r, const struct json_node *node, struct color_pair *out)
{
	struct color_pair basic = { 0, 0 };

	if (node->n != 2) {
		json_fault(r->doc, node, &r->faults,
		           "needs two colours: one for many colours, one for 16");
		return;
	}
	if (node->first->type == JSON_ARRAY || node->last->type == JSON_ARRAY) {
		json_fault(r->doc, node, &r->faults, "holds a list; write two colours");
		return;
	}
	read_color(r, node->first, out);
	read_color(r, node->last, &basic);
	out->basic = basic.full;
}

static void read_color(struct reader *r, const struct json_node *node, struct color_pair *out)
{
	const char *s = json_string(node);

	if (node->type == JSON_ARRAY) {
		read_pair(r, node, out);
		return;
	}
	for (size_t i = 0; s && i < r->n_names; i++)
		if (strcmp(r->names[i].name, s) == 0) {
			*out = r->names[i].color;
			return;
		}
	if (!s || !parse_color(s, &out->full)) {
		json_fault(r->doc, node, &r->faults,
		           "is no colour; write \"#rrggbb\", \"index:0\" to \"index:255\", "
		           "\"default\" or a name from \"colors\"");
		return;
	}
	out->basic = out->full;
}

static void read_names(struct reader *r, const struct json_node *node)
{
	if (!node)
		return;
	if (node->type != JSON_OBJECT) {
		json_fault(r->doc, node, &r->faults, "must be an object");
		return;
	}
	for (const struct json_node *c = node->first; c; c = c->next) {
		struct color_pair color = { 0, 0 };

		if (r->n_names == COLOR_NAMES_MAX) {
			json_fault(r->doc, c, &r->faults, "is one colour too many (at most %d)",
			           COLOR_NAMES_MAX);
			return;
		}
		read_color(r, c, &color);
		r->names[r->n_names].name = c->key;
		r->names[r->n_names++].color = color;
	}
}

static void read_attr(struct reader *r, const struct json_node *node, uint32_t *out)
{
	static const struct {
		const char *name;
		uint32_t attr;
	} attrs[] = {
		{ "bold", VT_BOLD },       { "dim", VT_DIM },
		{ "italic", VT_ITALIC },   { "underline", VT_UL_SINGLE << VT_UL_SHIFT },
		{ "reverse", VT_REVERSE }, { "strike", VT_STRIKE },
	};

	*out = 0;
	if (node->type != JSON_ARRAY) {
		json_fault(r->doc, node, &r->faults, "must be a list, as [\"bold\"]");
		return;
	}
	for (const struct json_node *c = node->first; c; c = c->next) {
		const char *s = json_string(c);
		uint32_t found = 0;

		for (size_t i = 0; s && i < sizeof attrs / sizeof attrs[0]; i++)
			if (strcmp(attrs[i].name, s) == 0)
				found = attrs[i].attr;
		if (!found)
			json_fault(r->doc, c, &r->faults,
			           "is no attribute; there are bold, dim, italic, underline, "
			           "reverse, strike");
		*out |= found;
	}
}

static void read_element(struct reader *r, const struct json_node *node, struct element *e)
{
	if (node->type != JSON_OBJECT) {
		json_fault(r->doc, node, &r->faults, "must be an object with fg, bg or attr");
		return;
	}
	for (const struct json_node *c = node->first; c; c = c->next) {
		if (strcmp(c->key, "fg") == 0)
			read_color(r, c, &e->color[FG]);
		else if (strcmp(c->key, "bg") == 0)
			read_color(r, c, &e->color[BG]);
		else if (strcmp(c->key, "attr") == 0)
			read_attr(r, c, &e->attr);
		else
			json_fault_key(r->doc, c, &r->faults,
			               "is not known; an element has fg, bg and attr");
	}
}

static int element_by_name(const char *name)
{
	for (int i = 0; i < THEME_ELEMENTS; i++)
		if (strcmp(element_names[i], name) == 0)
			return i;
	return -1;
}

static void read_elements(struct reader *r, const struct json_node *node, struct theme *t)
{
	const struct json_node *text = json_get(node, "text");

	if (!node || node->type != JSON_OBJECT) {
		json_fault(r->doc, node ? node : r->doc->root, &r->faults,
		           "needs an \"elements\" object");
		return;
	}
	if (text)
		read_element(r, text, &t->elements[THEME_TEXT]);
	for (int i = 0; i < THEME_ELEMENTS; i++)
		if (i != THEME_TEXT)
			t->elements[i] = (struct element){
				{ t->elements[THEME_TEXT].color[FG],
				  t->elements[THEME_TEXT].color[BG] },
				0,
			};
	for (const struct json_node *c = node->first; c; c = c->next) {
		int i = element_by_name(c->key);

		if (i < 0)
			json_fault_key(r->doc, c, &r->faults,
			               "is no element; the built-in themes name them all");
		else if (c != text)
			read_element(r, c, &t->elements[i]);
	}
}

static void read_rgb(struct reader *r, const struct json_node *node, uint32_t *out)
{
	struct color_pair color = { 0, 0 };

	if (!node)
		return;
	read_color(r, node, &color);
	if (VT_COLOR_KIND(color.full) == VT_COLOR_RGB)
		*out = color.full & 0xffffff;
	else
		json_fault(r->doc, node, &r->faults, "must be \"#rrggbb\" here");
}

static void read_terminal(struct reader *r, const struct json_node *node, struct vt_theme *vt)
{
	const struct json_node *palette = json_get(node, "palette");
	size_t i = 0;

	if (!node)
		return;
	read_rgb(r, json_get(node, "fg"), &vt->fg);
	read_rgb(r, json_get(node, "bg"), &vt->bg);
	read_rgb(r, json_get(node, "cursor"), &vt->cursor);
	if (!palette)
		return;
	if (palette->type != JSON_ARRAY || palette->n != 16) {
		json_fault(r->doc, palette, &r->faults, "must be a list of 16 colours");
		return;
	}
	for (const struct json_node *c = palette->first; c; c = c->next)
		read_rgb(r, c, &vt->palette[i++]);
}

static void read_theme(struct reader *r, struct theme *t)
{
	const struct json_node *root = r->doc->root;
	const struct json_node *is_dark = json_get(root, "is_dark");
	static const char *const known[] = { "name", "is_dark", "colors", "elements", "terminal" };

	if (root->type != JSON_OBJECT) {
		json_fault(r->doc, root, &r->faults, "a theme is an object");
		return;
	}
	for (const struct json_node *c = root->first; c; c = c->next) {
		bool found = false;

		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
			found |= strcmp(c->key, known[i]) == 0;
		if (!found)
			json_fault_key(r->doc, c, &r->faults,
			               "is not known; a theme has name, is_dark, colors, elements "
			               "and terminal");
	}
	t->name = xstrdup_or_null(json_string(json_get(root, "name")));
	if (!t->name || !*t->name)
		json_fault(r->doc, root, &r->faults, "needs a \"name\"");
	t->vt.is_dark = !is_dark || is_dark->type != JSON_BOOL || is_dark->boolean;
	read_names(r, json_get(root, "colors"));
	read_elements(r, json_get(root, "elements"), t);
	read_terminal(r, json_get(root, "terminal"), &t->vt);
}

/* xterm's colours, for a theme without "terminal". */
static const struct vt_theme usual_vt = {
	.fg = 0xe5e5e5,
	.bg = 0x000000,
	.cursor = 0xe5e5e5,
	.palette = { 0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x1e90ff, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
	             0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff,
	             0xffffff },
};

static int parse(struct theme **out, const char *json, size_t len, const char *path,
                 struct err *err)
{
	struct reader r = { .n_names = 0 };
	struct json_doc *doc = json_parse(json, len, 0, path, &r.faults);
	struct theme *t = xcalloc(1, sizeof *t);
	struct buf text = BUF_INIT(ERR_MSG_MAX);
	int rc = 0;

	t->vt = usual_vt;
	if (doc) {
		r.doc = doc;
		read_theme(&r, t);
	}
	for (size_t i = 0; i < r.faults.n && rc == 0; i++)
		if (!r.faults.v[i].is_warning) {
			fault_text(&r.faults.v[i], &text);
			rc = err_set(err, ERR_INPUT, "%s", buf_str(&text));
		}
	if (rc == 0 && !doc)
		rc = err_set(err, ERR_INPUT, "%s: cannot be read as JSON", path);
	buf_done(&text);
	json_free(doc);
	faults_done(&r.faults);
	if (rc == 0)
		*out = t;
	else
		theme_free(t);
	return rc;
}

static int load_file(struct theme **out, const char *path, struct err *err)
{
	struct buf json = BUF_INIT(FILE_MAX);
	int rc;

	if (file_read(path, &json) < 0) {
		rc = err_errno(err, ERR_INPUT, errno, "%s", path);
		buf_done(&json);
		return rc;
	}
	rc = parse(out, buf_str(&json), json.len, path, err);
	buf_done(&json);
	return rc;
}

int theme_load(struct theme **out, const char *name, struct err *err)
{
	char path[4096];

	if (strchr(name, '/'))
		return load_file(out, name, err);
	for (const struct theme_builtin *b = theme_builtin; b->name; b++)
		if (strcmp(b->name, name) == 0)
			return parse(out, b->json, (size_t)(b->end - b->json), name, err);
	snprintf(path, sizeof path, "%s/themes/%s.json", DATADIR, name);
	if (load_file(out, path, NULL) == 0)
		return 0;
	return err_set(err, ERR_INPUT,
	               "there is no theme '%.60s'; there are dark, light, high-contrast, "
	               "colour-blind, mono, or write a path",
	               name);
}

void theme_free(struct theme *t)
{
	if (!t)
		return;
	theme_free(t->mono);
	free(t->name);
	free(t);
}

/* --- use ------------------------------------------------------------------------------------- */

void theme_set_colors(struct theme *t, enum screen_colors colors)
{
	theme_free(t->mono);
	t->mono = NULL;
	t->is_basic = colors == SCREEN_16;
	if (colors == SCREEN_MONO)
		theme_load(&t->mono, "mono", NULL);
}

struct style theme_style(const struct theme *t, enum theme_element e)
{
	const struct element *el;

	if (t->mono)
		t = t->mono;
	el = &t->elements[e];
	if (t->is_basic)
		return (struct style){ el->color[FG].basic, el->color[BG].basic, el->attr };
	return (struct style){ el->color[FG].full, el->color[BG].full, el->attr };
}

const char *theme_name(const struct theme *t)
{
	return t->name;
}

const char *const *theme_names(void)
{
	static const char *const names[] = { "dark",         "light", "high-contrast",
		                             "colour-blind", "mono",  NULL };

	return names;
}

const struct vt_theme *theme_vt(const struct theme *t)
{
	return &t->vt;
}

const char *theme_sign(enum theme_sign_id id, bool is_ascii)
{
	static const char *const signs[SIGN_COUNT][2] = {
		[SIGN_RUNNING] = { "●", "*" },  [SIGN_STARTING] = { "◐", "~" },
		[SIGN_WAITS] = { "◆", "?" },    [SIGN_STOPPED] = { "○", "o" },
		[SIGN_FAILED] = { "✕", "x" },   [SIGN_UNTRUSTED] = { "◌", "-" },
		[SIGN_BLOCKED] = { "✗", "X" },  [SIGN_ALLOWED] = { "✓", "+" },
		[SIGN_WARN] = { "▲", "!" },     [SIGN_FLAG] = { "⚑", "#" },
		[SIGN_SELECTED] = { "▌", ">" }, [SIGN_FOLLOW] = { "▼", "v" },
		[SIGN_PAUSED] = { "‖", "=" },
	};

	return id < SIGN_COUNT ? signs[id][is_ascii] : "";
}
