/* OSC: titles, links, notices, the clipboard, colour queries, prompt marks.
 * Everything that becomes text for a person goes through vt_clean().
 */
#include "core/vt_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define CLIPBOARD_MAX ((size_t)192 << 10)

/* --- text ---------------------------------------------------------------------------- */

/* One code point of s, valid or U+FFFD for a bad byte; returns its length. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *s < 0x80   ? 1
	             : *s < 0xc2 ? 0
	             : *s < 0xe0 ? 2
	             : *s < 0xf0 ? 3
	             : *s < 0xf5 ? 4
	                         : 0;
	uint32_t c;

	*cp = 0xfffd;
	if (len == 0 || len > n)
		return 1;
	c = len == 1 ? *s : *s & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (len > 1 && (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)))
		return 1;
	*cp = c;
	return len;
}

static bool is_space(uint32_t cp)
{
	return cp == ' ' || (cp >= '\t' && cp <= '\r') || cp == 0x85 || cp == 0x2028 ||
	       cp == 0x2029;
}

size_t vt_clean(char *out, size_t size, const char *data, size_t len)
{
	const unsigned char *s = (const unsigned char *)data;
	struct vt_seg seg = { 0 };
	size_t n = 0, marks = 0;
	char text[4];

	while (len > 0 && size > 0) {
		uint32_t cp;
		size_t k = decode(s, len, &cp);

		s += k;
		len -= k;
		if (is_space(cp))
			cp = ' ';
		if (VT_PROP_CLASS(vt_width_prop(cp)) == VT_GC_CONTROL)
			continue;
		if (cp < 0x20 || cp == 0x7f)
			continue;
		/* no tower of marks, and none at the start */
		marks = vt_seg_next(&seg, cp) ? 0 : marks + 1;
		if (marks >= VT_CLUSTER_CPS || (n == 0 && VT_PROP_WIDTH(vt_width_prop(cp)) == 0))
			continue;
		k = vt_utf8_put(text, cp);
		if (n + k >= size)
			break;
		memcpy(out + n, text, k);
		n += k;
	}
	if (size > 0)
		out[n] = '\0';
	return n;
}

/* --- titles ----------------------------------------------------------------------------- */

void vt_title_set(struct vt *vt, const char *s, size_t n)
{
	char title[VT_TITLE_MAX];

	vt_clean(title, sizeof title, s, n);
	if (strcmp(title, vt->title) == 0)
		return;
	memcpy(vt->title, title, sizeof title);
	if (vt->ops && vt->ops->title)
		vt->ops->title(vt->ctx);
}

void vt_title_push(struct vt *vt)
{
	if (vt->n_titles == VT_TITLE_DEPTH) {
		free(vt->titles[0]);
		memmove(vt->titles, vt->titles + 1, --vt->n_titles * sizeof *vt->titles);
	}
	vt->titles[vt->n_titles++] = xstrdup(vt->title);
}

void vt_title_pop(struct vt *vt)
{
	char *title;

	if (!vt->n_titles)
		return;
	title = vt->titles[--vt->n_titles];
	vt_title_set(vt, title, strlen(title));
	free(title);
}

/* --- notices ------------------------------------------------------------------------------ */

void vt_notice(struct vt *vt, const struct vt_notice *n)
{
	struct vt_notice full = *n;

	if (!vt->ops || !vt->ops->notice)
		return;
	full.title = n->title ? n->title : "";
	full.body = n->body ? n->body : "";
	vt->ops->notice(vt->ctx, &full);
}

static void message(struct vt *vt, const char *title, size_t title_len, const char *body,
                    size_t body_len)
{
	char t[VT_NOTICE_MAX], b[VT_NOTICE_MAX];

	vt_clean(t, sizeof t, title, title_len);
	vt_clean(b, sizeof b, body, body_len);
	if (*t || *b)
		vt_notice(vt, &(struct vt_notice){ .kind = VT_NOTICE_MESSAGE,
		                                   .title = t,
		                                   .body = b,
		                                   .percent = -1 });
}

/* A number of at most four digits at *s, or -1; *s moves behind it. */
static int number(const char **s, const char *end)
{
	int v = -1;

	for (int i = 0; i < 4 && *s < end && **s >= '0' && **s <= '9'; i++, (*s)++)
		v = (v < 0 ? 0 : v * 10) + (**s - '0');
	return v;
}

static void progress(struct vt *vt, const char *s, const char *end)
{
	struct vt_notice n = { .kind = VT_NOTICE_PROGRESS, .percent = -1 };

	n.state = number(&s, end);
	if (n.state < 0 || n.state > 4)
		return;
	if (s < end && *s == ';') {
		s++;
		n.percent = number(&s, end);
	}
	if (n.percent > 100)
		n.percent = 100;
	vt_notice(vt, &n);
}

static void osc_9(struct vt *vt, const char *s, size_t n)
{
	if (n >= 3 && memcmp(s, "4;", 2) == 0)
		progress(vt, s + 2, s + n);
	else
		message(vt, "", 0, s, n);
}

/* notify;title;body */
static void osc_777(struct vt *vt, const char *s, size_t n)
{
	const char *end = s + n, *semi;

	if (n < 7 || memcmp(s, "notify;", 7) != 0)
		return;
	s += 7;
	semi = memchr(s, ';', (size_t)(end - s));
	if (semi)
		message(vt, s, (size_t)(semi - s), semi + 1, (size_t)(end - semi - 1));
	else
		message(vt, "", 0, s, (size_t)(end - s));
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Returns -1 when s is no base64; out holds n * 3 / 4 bytes. */
static long base64_decode(char *out, const char *s, size_t n)
{
	uint32_t bits = 0;
	size_t have = 0, len = 0;

	while (n > 0 && s[n - 1] == '=')
		n--;
	if (n % 4 == 1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int v = base64_value(s[i]);

		if (v < 0)
			return -1;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[len++] = (char)(bits >> have & 0xff);
		}
	}
	return (long)len;
}

/* Add a cleaned part to what has come of a title or body, up to the ceiling. */
static void note_add(char **note, const char *s, size_t n)
{
	char part[VT_NOTICE_MAX];
	size_t have = *note ? strlen(*note) : 0;

	if (have + 1 >= sizeof part)
		return;
	vt_clean(part, sizeof part - have, s, n);
	if (*note) {
		char *both = xasprintf("%s%s", *note, part);

		free(*note);
		*note = both;
	} else {
		*note = xstrdup(part);
	}
}

/* The value of a key in "k=v:k=v", or def: only its first byte counts, but for
 * p, where it tells title, body and the rest apart. */
static char meta(const char *s, size_t n, char key, char def)
{
	for (size_t i = 0; i + 2 < n; i++)
		if (s[i] == key && s[i + 1] == '=' && (i == 0 || s[i - 1] == ':'))
			return s[i + 2];
	return def;
}

/* metadata;payload, in parts when d=0 */
static void osc_99(struct vt *vt, const char *s, size_t n)
{
	const char *semi = memchr(s, ';', n), *payload;
	size_t meta_len, len;
	char part, *decoded = NULL;

	if (!semi)
		return;
	meta_len = (size_t)(semi - s);
	payload = semi + 1;
	len = n - meta_len - 1;
	part = meta(s, meta_len, 'p', 't');
	if (part != 't' && part != 'b')
		return; /* close, icon, queries */
	if (meta(s, meta_len, 'e', '0') == '1') {
		long got;

		decoded = xmalloc(len + 1);
		got = base64_decode(decoded, payload, len);
		payload = decoded;
		len = got < 0 ? 0 : (size_t)got;
	}
	note_add(part == 't' ? &vt->note_title : &vt->note_body, payload, len);
	free(decoded);
	if (meta(s, meta_len, 'd', '1') == '0')
		return;
	message(vt, vt->note_title ? vt->note_title : "",
	        vt->note_title ? strlen(vt->note_title) : 0, vt->note_body ? vt->note_body : "",
	        vt->note_body ? strlen(vt->note_body) : 0);
	free(vt->note_title);
	free(vt->note_body);
	vt->note_title = vt->note_body = NULL;
}

/* A, B, C or D[;status] */
static void osc_133(struct vt *vt, const char *s, size_t n)
{
	struct vt_notice mark = { .kind = VT_NOTICE_PROMPT, .percent = -1 };
	const char *end = s + n;

	if (n < 1 || !strchr("ABCD", *s) || (n > 1 && s[1] != ';'))
		return;
	mark.state = (unsigned char)*s;
	if (*s == 'A')
		vt_cur_row(vt)->flags |= VT_ROW_PROMPT;
	if (*s == 'D' && n > 2) {
		s += 2;
		mark.percent = number(&s, end);
	}
	vt_notice(vt, &mark);
}

/* --- clipboard, links, colours ------------------------------------------------------------ */

/* targets;base64 -- a query, or no base64, is nothing */
static void osc_52(struct vt *vt, const char *s, size_t n)
{
	const char *semi = memchr(s, ';', n);
	size_t len = semi ? n - (size_t)(semi - s) - 1 : 0;
	char *text;
	long got;

	if (!semi || !vt->ops || !vt->ops->clipboard || len / 4 * 3 > CLIPBOARD_MAX)
		return;
	text = xmalloc(len + 1);
	got = base64_decode(text, semi + 1, len);
	if (got > 0)
		vt->ops->clipboard(vt->ctx, text, (size_t)got);
	free(text);
}

static bool is_link(const char *s, size_t n)
{
	static const char *const schemes[] = { "http://", "https://", "mailto:" };
	bool is_known = false;

	if (n >= VT_URI_MAX)
		return false;
	for (size_t i = 0; i < 3; i++)
		is_known |= n > strlen(schemes[i]) &&
		            strncasecmp(s, schemes[i], strlen(schemes[i])) == 0;
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x21 || s[i] > 0x7e)
			return false;
	return is_known;
}

/* parameters;address: the same id and address are the same link. */
static void osc_8(struct vt *vt, const char *s, size_t n)
{
	const char *semi = memchr(s, ';', n);
	uint32_t link = 0;

	if (!semi)
		return;
	if (is_link(semi + 1, n - (size_t)(semi - s) - 1)) {
		size_t id_len = (size_t)(semi - s);
		char key[VT_URI_MAX + 256];
		size_t len;

		/* only id= is known; kept whole, as it is only compared */
		len = (size_t)snprintf(key, sizeof key, "%.*s", (int)(n - id_len - 1), semi + 1) +
		      1;
		if (id_len < 250) {
			memcpy(key + len, s, id_len);
			len += id_len;
		}
		link = vt_link_add(vt, key, len);
	}
	if (link != vt->pen_link) {
		vt->pen_link = link;
		vt_pen_changed(vt);
	}
}

static void color_reply(struct vt *vt, const char *what, uint32_t rgb)
{
	unsigned r = rgb >> 16 & 0xff, g = rgb >> 8 & 0xff, b = rgb & 0xff;

	vt_reply(vt, "\033]%s;rgb:%02x%02x/%02x%02x/%02x%02x\033\\", what, r, r, g, g, b, b);
}

/* index;?[;index;?...] */
static void osc_4(struct vt *vt, const char *s, size_t n)
{
	const char *end = s + n;
	char what[16];

	while (s < end) {
		int i = number(&s, end);

		if (i < 0 || i > 255 || end - s < 2 || s[0] != ';')
			return;
		if (s[1] == '?') {
			snprintf(what, sizeof what, "4;%d", i);
			color_reply(vt, what, vt_palette(vt, (unsigned)i));
		}
		s = memchr(s + 1, ';', (size_t)(end - s - 1));
		if (!s)
			return;
		s++;
	}
}

static void osc_color(struct vt *vt, int which, const char *s, size_t n)
{
	char what[16];

	if (n != 1 || *s != '?')
		return;
	snprintf(what, sizeof what, "%d", which);
	color_reply(vt, what,
	            which == 10   ? vt->theme.fg
	            : which == 11 ? vt->theme.bg
	                          : vt->theme.cursor);
}

void vt_osc(struct vt *vt, const char *s, size_t n)
{
	const char *end = s + n;
	int which = number(&s, end);

	vt->is_glued = false;
	if (which < 0 || (s < end && *s != ';'))
		return;
	s += s < end;
	n = (size_t)(end - s);
	switch (which) {
	case 0:
	case 2:
		vt_title_set(vt, s, n);
		break;
	case 4:
		osc_4(vt, s, n);
		break;
	case 8:
		osc_8(vt, s, n);
		break;
	case 9:
		osc_9(vt, s, n);
		break;
	case 10:
	case 11:
	case 12:
		osc_color(vt, which, s, n);
		break;
	case 52:
		osc_52(vt, s, n);
		break;
	case 99:
		osc_99(vt, s, n);
		break;
	case 133:
		osc_133(vt, s, n);
		break;
	case 777:
		osc_777(vt, s, n);
		break;
	default:
		break;
	}
}
