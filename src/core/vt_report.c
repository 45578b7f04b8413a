/* What the terminal answers. Nothing that a program (or text that it shows)
 * can choose is ever sent back, but for numbers and the mode it asked about:
 * no title, no clipboard, no answerback.
 */
#include "core/vt_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Above 276, by which vim knows that it may use SGR mouse reports. */
#define DA2_LEVEL 500

void vt_reply(struct vt *vt, const char *fmt, ...)
{
	char s[256];
	va_list ap;
	int n;

	if (!vt->replies || !vt->ops || !vt->ops->reply)
		return;
	va_start(ap, fmt);
	n = vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof s)
		vt->ops->reply(vt->ctx, s, (size_t)n);
}

void vt_report_da(struct vt *vt)
{
	if (vt_param(vt, 0, 0) != 0)
		return;
	if (vt->prefix == 0)
		vt_reply(vt, "\033[?62;22c"); /* VT220, colour */
	else if (vt->prefix == '>')
		vt_reply(vt, "\033[>1;%d;0c", DA2_LEVEL);
	else if (vt->prefix == '=')
		vt_reply(vt, "\033P!|00000000\033\\");
}

void vt_report_version(struct vt *vt)
{
	if (vt_param(vt, 0, 0) == 0)
		vt_reply(vt, "\033P>|claude-bottle(%s)\033\\", VERSION);
}

void vt_report_theme(struct vt *vt)
{
	vt_reply(vt, "\033[?997;%dn", vt->theme.is_dark ? 1 : 2);
}

void vt_report_dsr(struct vt *vt)
{
	const char *prefix = vt->prefix == '?' ? "?" : "";
	int y = vt->y + 1 - (vt->origin ? vt->top : 0);

	switch (vt_param(vt, 0, 0)) {
	case 5:
		if (!vt->prefix)
			vt_reply(vt, "\033[0n");
		break;
	case 6:
		vt_reply(vt, "\033[%s%d;%d%s", prefix, y, vt->x + 1, vt->prefix ? ";1R" : "R");
		break;
	case 15:
		if (vt->prefix)
			vt_reply(vt, "\033[?13n"); /* no printer */
		break;
	case 996:
		if (vt->prefix)
			vt_report_theme(vt);
		break;
	default:
		break;
	}
}

void vt_report_size(struct vt *vt)
{
	vt_reply(vt, "\033[48;%d;%d;%d;%dt", vt->rows, vt->cols, vt->rows * vt->cell_height,
	         vt->cols * vt->cell_width);
}

void vt_report_window(struct vt *vt)
{
	bool has_pixels = vt->cell_width > 0 && vt->cell_height > 0;

	switch (vt_param(vt, 0, 0)) {
	case 14:
		if (has_pixels)
			vt_reply(vt, "\033[4;%d;%dt", vt->rows * vt->cell_height,
			         vt->cols * vt->cell_width);
		break;
	case 16:
		if (has_pixels)
			vt_reply(vt, "\033[6;%d;%dt", vt->cell_height, vt->cell_width);
		break;
	case 18:
		vt_reply(vt, "\033[8;%d;%dt", vt->rows, vt->cols);
		break;
	case 19:
		vt_reply(vt, "\033[9;%d;%dt", vt->rows, vt->cols);
		break;
	case 22:
		vt_title_push(vt);
		break;
	case 23:
		vt_title_pop(vt);
		break;
	default:
		break;
	}
}

/* DECRQCRA: CSI id ; page ; top ; left ; bottom ; right * y. The sum of the
 * code points, negated, as xterm does by default without attributes. */
void vt_report_checksum(struct vt *vt)
{
	int top = vt_param1(vt, 2) - 1, left = vt_param1(vt, 3) - 1;
	int bottom = vt_param(vt, 4, vt->rows), right = vt_param(vt, 5, vt->cols);
	unsigned sum = 0;

	if (!vt->checksums)
		return;
	if (vt->origin) {
		top += vt->top;
		bottom += vt->top;
	}
	if (bottom > vt->rows || bottom <= 0)
		bottom = vt->rows;
	if (right > vt->cols || right <= 0)
		right = vt->cols;
	for (int y = top; y < bottom; y++) {
		const struct vt_row *r = vt->screen->row[y];

		for (int x = left; x < right; x++) {
			uint32_t cps[VT_CLUSTER_CPS] = { ' ' };
			size_t n = 1;

			if (x < r->used && r->cells[x].ch)
				n = vt_cell_cps(vt, &r->cells[x], cps, VT_CLUSTER_CPS);
			for (size_t i = 0; i < n; i++)
				sum += cps[i];
		}
	}
	vt_reply(vt, "\033P%d!~%04X\033\\", vt_param(vt, 0, 0), (0u - sum) & 0xffff);
}

/* --- DCS ------------------------------------------------------------------------------- */

bool vt_dcs_is_known(const struct vt *vt, uint8_t final)
{
	/* DCS $ q: DECRQSS, DCS + q: XTGETTCAP */
	return final == 'q' && !vt->prefix && vt->n_inter == 1 && !vt->params.n &&
	       (vt->inter[0] == '$' || vt->inter[0] == '+');
}

static void setting(struct vt *vt, const char *s)
{
	char sgr[160];

	if (strcmp(s, "m") == 0) {
		vt_sgr_report(vt, sgr, sizeof sgr);
		vt_reply(vt, "\033P1$r%sm\033\\", sgr);
	} else if (strcmp(s, "r") == 0) {
		vt_reply(vt, "\033P1$r%d;%dr\033\\", vt->top + 1, vt->bottom + 1);
	} else if (strcmp(s, " q") == 0) {
		vt_reply(vt, "\033P1$r%d q\033\\", vt->cursor_style);
	} else if (strcmp(s, "\"q") == 0) {
		vt_reply(vt, "\033P1$r%d\"q\033\\", vt->pen.attr & VT_PROTECTED ? 1 : 0);
	} else if (strcmp(s, "\"p") == 0) {
		vt_reply(vt, "\033P1$r62;1\"p\033\\");
	} else {
		vt_reply(vt, "\033P0$r\033\\");
	}
}

/* Terminfo by name, in hexadecimal as it is asked and told: those that programs
 * ask for and that are true here. */
static void capability(struct vt *vt, const char *name)
{
	static const struct {
		const char *name, *value;
	} caps[] = {
		{ "544E", "787465726D2D323536636F6C6F72" }, /* TN, name: xterm-256color */
		{ "6E616D65", "787465726D2D323536636F6C6F72" },
		{ "436F", "323536" }, /* Co, colors: 256 */
		{ "636F6C6F7273", "323536" },
		{ "524742", "382F382F38" }, /* RGB: 8/8/8 */
		{ "5375", "" },             /* Su: underline styles */
	};

	for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++)
		if (strcasecmp(caps[i].name, name) == 0) {
			vt_reply(vt, "\033P1+r%s%s%s\033\\", caps[i].name,
			         *caps[i].value ? "=" : "", caps[i].value);
			return;
		}
	vt_reply(vt, "\033P0+r\033\\");
}

void vt_dcs(struct vt *vt, const char *s, size_t n)
{
	char name[64];

	if (vt->inter[0] == '$') {
		if (strlen(s) == n)
			setting(vt, s);
		return;
	}
	while (n > 0) {
		const char *semi = memchr(s, ';', n);
		size_t len = semi ? (size_t)(semi - s) : n;

		if (len >= sizeof name)
			return;
		memcpy(name, s, len);
		name[len] = '\0';
		capability(vt, name);
		s += len + (semi != NULL);
		n -= len + (semi != NULL);
	}
}
