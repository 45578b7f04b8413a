/* Bytes to actions, after Paul Williams' state diagram of the VT500 parser
 * (vt100.net/emu/dec_ansi_parser), with three changes: text is UTF-8, so bytes
 * from 0x80 on are no C1 controls; a colon sets off sub-parameters; and what is
 * inside a DCS, APC, PM or SOS stays inside it until ST, CAN or SUB, whatever it
 * looks like. An OSC ends at BEL or ST, and any other escape in it cancels it.
 */
#include "core/vt_int.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum state {
	GROUND,
	ESCAPE,
	ESC_INTER,
	CSI_ENTRY,
	CSI_PARAM,
	CSI_INTER,
	CSI_IGNORE,
	DCS_ENTRY,
	DCS_PARAM,
	DCS_INTER,
	STRING,
	STRING_ESC,
	OSC,
	OSC_ESC,
	N_STATES,
};

enum byte_class {
	C_C0,
	C_BEL,
	C_CAN,
	C_ESC,
	C_INTER,
	C_DIGIT,
	C_COLON,
	C_SEMI,
	C_PREFIX,
	C_FINAL,
	C_CSI,
	C_OSC,
	C_DCS,
	C_SOS,
	C_ST,
	C_DEL,
	C_HIGH,
	N_CLASSES,
};

static const uint8_t class_of[256] = {
	[0x00 ... 0x06] = C_C0,
	[0x07] = C_BEL,
	[0x08 ... 0x17] = C_C0,
	[0x18] = C_CAN,
	[0x19] = C_C0,
	[0x1a] = C_CAN,
	[0x1b] = C_ESC,
	[0x1c ... 0x1f] = C_C0,
	[0x20 ... 0x2f] = C_INTER,
	[0x30 ... 0x39] = C_DIGIT,
	[0x3a] = C_COLON,
	[0x3b] = C_SEMI,
	[0x3c ... 0x3f] = C_PREFIX,
	[0x40 ... 0x4f] = C_FINAL,
	[0x50] = C_DCS,
	[0x51 ... 0x57] = C_FINAL,
	[0x58] = C_SOS,
	[0x59 ... 0x5a] = C_FINAL,
	[0x5b] = C_CSI,
	[0x5c] = C_ST,
	[0x5d] = C_OSC,
	[0x5e ... 0x5f] = C_SOS,
	[0x60 ... 0x7e] = C_FINAL,
	[0x7f] = C_DEL,
	[0x80 ... 0xff] = C_HIGH,
};

enum action {
	A_NONE,   /* ignore the byte */
	A_EXEC,   /* a C0 control */
	A_CLEAR,  /* a sequence begins */
	A_INTER,  /* keep an intermediate byte */
	A_PREFIX, /* keep < = > or ? */
	A_PARAM,  /* digit, semicolon or colon */
	A_ESC,    /* dispatch */
	A_CSI,
	A_HOOK,  /* the header of a DCS is complete */
	A_BEGIN, /* a string begins: that of a DCS after A_HOOK, another is swallowed */
	A_PUT,   /* a byte of it */
	A_OSC,   /* it is complete */
	A_DCS,
	A_AGAIN, /* look at the byte again in the new state */
};

#define T(action, state) ((action) << 4 | (state))

/* Rows follow enum byte_class: C0 BEL CAN ESC, SP../ 0..9 : ; <..?,
 * final [ ] P, X^_ \ DEL high. */
static const uint8_t table[N_STATES][N_CLASSES] = {
	[GROUND] = {
		T(A_EXEC, GROUND), T(A_EXEC, GROUND), T(A_EXEC, GROUND), T(A_CLEAR, ESCAPE),
		/* the rest is printed by ground() */
	},
	[ESCAPE] = {
		T(A_EXEC, ESCAPE), T(A_EXEC, ESCAPE), T(A_EXEC, GROUND), T(A_CLEAR, ESCAPE),
		T(A_INTER, ESC_INTER), T(A_ESC, GROUND), T(A_ESC, GROUND), T(A_ESC, GROUND),
		T(A_ESC, GROUND), T(A_ESC, GROUND), T(A_NONE, CSI_ENTRY), T(A_BEGIN, OSC),
		T(A_BEGIN, DCS_ENTRY), T(A_BEGIN, STRING), T(A_NONE, GROUND), T(A_NONE, ESCAPE),
		T(A_AGAIN, GROUND),
	},
	[ESC_INTER] = {
		T(A_EXEC, ESC_INTER), T(A_EXEC, ESC_INTER), T(A_EXEC, GROUND), T(A_CLEAR, ESCAPE),
		T(A_INTER, ESC_INTER), T(A_ESC, GROUND), T(A_ESC, GROUND), T(A_ESC, GROUND),
		T(A_ESC, GROUND), T(A_ESC, GROUND), T(A_ESC, GROUND), T(A_ESC, GROUND),
		T(A_ESC, GROUND), T(A_ESC, GROUND), T(A_ESC, GROUND), T(A_NONE, ESC_INTER),
		T(A_AGAIN, GROUND),
	},
	[CSI_ENTRY] = {
		T(A_EXEC, CSI_ENTRY), T(A_EXEC, CSI_ENTRY), T(A_EXEC, GROUND), T(A_CLEAR, ESCAPE),
		T(A_INTER, CSI_INTER), T(A_PARAM, CSI_PARAM), T(A_PARAM, CSI_PARAM),
		T(A_PARAM, CSI_PARAM), T(A_PREFIX, CSI_PARAM), T(A_CSI, GROUND), T(A_CSI, GROUND),
		T(A_CSI, GROUND), T(A_CSI, GROUND), T(A_CSI, GROUND), T(A_CSI, GROUND),
		T(A_NONE, CSI_ENTRY), T(A_AGAIN, GROUND),
	},
	[CSI_PARAM] = {
		T(A_EXEC, CSI_PARAM), T(A_EXEC, CSI_PARAM), T(A_EXEC, GROUND), T(A_CLEAR, ESCAPE),
		T(A_INTER, CSI_INTER), T(A_PARAM, CSI_PARAM), T(A_PARAM, CSI_PARAM),
		T(A_PARAM, CSI_PARAM), T(A_NONE, CSI_IGNORE), T(A_CSI, GROUND), T(A_CSI, GROUND),
		T(A_CSI, GROUND), T(A_CSI, GROUND), T(A_CSI, GROUND), T(A_CSI, GROUND),
		T(A_NONE, CSI_PARAM), T(A_AGAIN, GROUND),
	},
	[CSI_INTER] = {
		T(A_EXEC, CSI_INTER), T(A_EXEC, CSI_INTER), T(A_EXEC, GROUND), T(A_CLEAR, ESCAPE),
		T(A_INTER, CSI_INTER), T(A_NONE, CSI_IGNORE), T(A_NONE, CSI_IGNORE),
		T(A_NONE, CSI_IGNORE), T(A_NONE, CSI_IGNORE), T(A_CSI, GROUND), T(A_CSI, GROUND),
		T(A_CSI, GROUND), T(A_CSI, GROUND), T(A_CSI, GROUND), T(A_CSI, GROUND),
		T(A_NONE, CSI_INTER), T(A_AGAIN, GROUND),
	},
	[CSI_IGNORE] = {
		T(A_EXEC, CSI_IGNORE), T(A_EXEC, CSI_IGNORE), T(A_EXEC, GROUND), T(A_CLEAR, ESCAPE),
		T(A_NONE, CSI_IGNORE), T(A_NONE, CSI_IGNORE), T(A_NONE, CSI_IGNORE),
		T(A_NONE, CSI_IGNORE), T(A_NONE, CSI_IGNORE), T(A_NONE, GROUND), T(A_NONE, GROUND),
		T(A_NONE, GROUND), T(A_NONE, GROUND), T(A_NONE, GROUND), T(A_NONE, GROUND),
		T(A_NONE, CSI_IGNORE), T(A_AGAIN, GROUND),
	},
	[DCS_ENTRY] = {
		T(A_NONE, DCS_ENTRY), T(A_NONE, DCS_ENTRY), T(A_NONE, GROUND),
		T(A_BEGIN, STRING_ESC),
		T(A_INTER, DCS_INTER), T(A_PARAM, DCS_PARAM), T(A_PARAM, DCS_PARAM),
		T(A_PARAM, DCS_PARAM), T(A_PREFIX, DCS_PARAM), T(A_HOOK, STRING), T(A_HOOK, STRING),
		T(A_HOOK, STRING), T(A_HOOK, STRING), T(A_HOOK, STRING), T(A_HOOK, STRING),
		T(A_NONE, DCS_ENTRY), T(A_BEGIN, STRING),
	},
	[DCS_PARAM] = {
		T(A_NONE, DCS_PARAM), T(A_NONE, DCS_PARAM), T(A_NONE, GROUND),
		T(A_BEGIN, STRING_ESC),
		T(A_INTER, DCS_INTER), T(A_PARAM, DCS_PARAM), T(A_PARAM, DCS_PARAM),
		T(A_PARAM, DCS_PARAM), T(A_BEGIN, STRING), T(A_HOOK, STRING), T(A_HOOK, STRING),
		T(A_HOOK, STRING), T(A_HOOK, STRING), T(A_HOOK, STRING), T(A_HOOK, STRING),
		T(A_NONE, DCS_PARAM), T(A_BEGIN, STRING),
	},
	[DCS_INTER] = {
		T(A_NONE, DCS_INTER), T(A_NONE, DCS_INTER), T(A_NONE, GROUND),
		T(A_BEGIN, STRING_ESC),
		T(A_INTER, DCS_INTER), T(A_BEGIN, STRING), T(A_BEGIN, STRING), T(A_BEGIN, STRING),
		T(A_BEGIN, STRING), T(A_HOOK, STRING), T(A_HOOK, STRING), T(A_HOOK, STRING),
		T(A_HOOK, STRING), T(A_HOOK, STRING), T(A_HOOK, STRING), T(A_NONE, DCS_INTER),
		T(A_BEGIN, STRING),
	},
	[STRING] = {
		T(A_PUT, STRING), T(A_PUT, STRING), T(A_NONE, GROUND), T(A_NONE, STRING_ESC),
		T(A_PUT, STRING), T(A_PUT, STRING), T(A_PUT, STRING), T(A_PUT, STRING),
		T(A_PUT, STRING), T(A_PUT, STRING), T(A_PUT, STRING), T(A_PUT, STRING),
		T(A_PUT, STRING), T(A_PUT, STRING), T(A_PUT, STRING), T(A_PUT, STRING),
		T(A_PUT, STRING),
	},
	[STRING_ESC] = {
		T(A_NONE, STRING), T(A_NONE, STRING), T(A_NONE, GROUND), T(A_NONE, STRING_ESC),
		T(A_NONE, STRING), T(A_NONE, STRING), T(A_NONE, STRING), T(A_NONE, STRING),
		T(A_NONE, STRING), T(A_NONE, STRING), T(A_NONE, STRING), T(A_NONE, STRING),
		T(A_NONE, STRING), T(A_NONE, STRING), T(A_DCS, GROUND), T(A_NONE, STRING),
		T(A_NONE, STRING),
	},
	[OSC] = {
		T(A_NONE, OSC), T(A_OSC, GROUND), T(A_NONE, GROUND), T(A_NONE, OSC_ESC),
		T(A_PUT, OSC), T(A_PUT, OSC), T(A_PUT, OSC), T(A_PUT, OSC), T(A_PUT, OSC),
		T(A_PUT, OSC), T(A_PUT, OSC), T(A_PUT, OSC), T(A_PUT, OSC), T(A_PUT, OSC),
		T(A_PUT, OSC), T(A_NONE, OSC), T(A_PUT, OSC),
	},
	[OSC_ESC] = {
		T(A_AGAIN, ESCAPE), T(A_AGAIN, ESCAPE), T(A_NONE, GROUND), T(A_CLEAR, ESCAPE),
		T(A_AGAIN, ESCAPE), T(A_AGAIN, ESCAPE), T(A_AGAIN, ESCAPE), T(A_AGAIN, ESCAPE),
		T(A_AGAIN, ESCAPE), T(A_AGAIN, ESCAPE), T(A_AGAIN, ESCAPE), T(A_AGAIN, ESCAPE),
		T(A_AGAIN, ESCAPE), T(A_AGAIN, ESCAPE), T(A_OSC, GROUND), T(A_AGAIN, ESCAPE),
		T(A_AGAIN, ESCAPE),
	},
};

/* --- strings ------------------------------------------------------------------- */

static void string_begin(struct vt *vt)
{
	buf_reset(&vt->str);
	vt->is_too_long = false;
	vt->is_reply_dcs = false;
	vt->string_since = vt->now_ms;
}

static void string_put(struct vt *vt, const uint8_t *s, size_t n)
{
	size_t max = VT_DCS_MAX;

	if (vt->is_too_long || (vt->state == STRING && !vt->is_reply_dcs))
		return;
	if (vt->state == OSC) {
		/* which one it is decides how long it may be */
		for (; vt->str.len < 3 && n > 0; n--)
			buf_addc(&vt->str, (char)*s++);
		max = VT_OSC_TEXT_MAX;
		if (vt->str.len >= 3 && memcmp(vt->str.data, "52;", 3) == 0)
			max = VT_OSC_MAX;
	}
	if (n > max - vt->str.len || buf_add(&vt->str, s, n) < 0)
		vt->is_too_long = true;
}

static void string_end(struct vt *vt, void (*use)(struct vt *, const char *, size_t))
{
	if (!vt->is_too_long)
		use(vt, buf_str(&vt->str), vt->str.len);
	if (vt->str.cap > 4096)
		buf_done(&vt->str);
	buf_reset(&vt->str);
	vt->is_reply_dcs = false;
}

/* --- one byte -------------------------------------------------------------------- */

static void sequence_clear(struct vt *vt)
{
	vt->n_inter = 0;
	vt->prefix = 0;
	vt->params.n = 0;
	vt->params.colon = 0;
	vt->params.is_full = false;
}

static void param_byte(struct vt_params *p, uint8_t c)
{
	int *v;

	if (p->n == 0)
		p->v[p->n++] = -1;
	if (p->is_full)
		return;
	if (c >= '0' && c <= '9') {
		v = &p->v[p->n - 1];
		*v = (*v < 0 ? 0 : *v * 10) + (c - '0');
		if (*v > VT_PARAM_MAX)
			*v = VT_PARAM_MAX;
	} else if (p->n == VT_PARAMS_MAX) {
		p->is_full = true;
	} else {
		if (c == ':')
			p->colon |= 1u << p->n;
		p->v[p->n++] = -1;
	}
}

static void act(struct vt *vt, enum action action, uint8_t c)
{
	switch (action) {
	case A_NONE:
	case A_AGAIN:
		break;
	case A_EXEC:
		vt_execute(vt, c);
		break;
	case A_CLEAR:
		sequence_clear(vt);
		break;
	case A_INTER:
		if (vt->n_inter < sizeof vt->inter)
			vt->inter[vt->n_inter] = c;
		if (vt->n_inter <= sizeof vt->inter)
			vt->n_inter++; /* one more than fits: nobody's sequence */
		break;
	case A_PREFIX:
		vt->prefix = c;
		break;
	case A_PARAM:
		param_byte(&vt->params, c);
		break;
	case A_ESC:
		vt_esc(vt, c);
		break;
	case A_CSI:
		vt_csi(vt, c);
		break;
	case A_HOOK:
		string_begin(vt);
		vt->is_reply_dcs = vt_dcs_is_known(vt, c);
		break;
	case A_BEGIN:
		string_begin(vt);
		break;
	case A_PUT:
		string_put(vt, &c, 1);
		break;
	case A_OSC:
		string_end(vt, vt_osc);
		break;
	case A_DCS:
		if (vt->is_reply_dcs)
			string_end(vt, vt_dcs);
		break;
	}
}

/* --- text ------------------------------------------------------------------------- */

/* Length of the run of 0x20..0x7e at p. */
static size_t printable(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *s = p;

#ifdef __SSE2__
	/* as signed bytes: above 0x1f and below 0x7f; from 0x80 on is negative */
	const __m128i low = _mm_set1_epi8(0x1f), high = _mm_set1_epi8(0x7f);

	while (end - s >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);
		__m128i ok = _mm_and_si128(_mm_cmpgt_epi8(v, low), _mm_cmplt_epi8(v, high));
		unsigned bad = (unsigned)_mm_movemask_epi8(ok) ^ 0xffffu;

		if (bad)
			return (size_t)(s - p) + (size_t)__builtin_ctz(bad);
		s += 16;
	}
#endif
	while (s < end && *s >= 0x20 && *s <= 0x7e)
		s++;
	return (size_t)(s - p);
}

static void utf8_bad(struct vt *vt)
{
	vt->utf8_need = 0;
	vt_print_cp(vt, 0xfffd);
}

static void utf8_lead(struct vt *vt, uint8_t c)
{
	vt->utf8_lo = 0x80;
	vt->utf8_hi = 0xbf;
	if (c >= 0xc2 && c <= 0xdf) {
		vt->utf8_need = 1;
		vt->utf8_cp = c & 0x1f;
	} else if (c >= 0xe0 && c <= 0xef) {
		vt->utf8_need = 2;
		vt->utf8_cp = c & 0x0f;
		if (c == 0xe0)
			vt->utf8_lo = 0xa0; /* overlong below */
		else if (c == 0xed)
			vt->utf8_hi = 0x9f; /* surrogates above */
	} else if (c >= 0xf0 && c <= 0xf4) {
		vt->utf8_need = 3;
		vt->utf8_cp = c & 0x07;
		if (c == 0xf0)
			vt->utf8_lo = 0x90;
		else if (c == 0xf4)
			vt->utf8_hi = 0x8f;
	} else {
		utf8_bad(vt);
	}
}

/* Take bytes from 0x80 on, and what ends a character that was cut off. */
static const uint8_t *text(struct vt *vt, const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		uint8_t c = *p;

		if (vt->utf8_need) {
			if (c < vt->utf8_lo || c > vt->utf8_hi) {
				utf8_bad(vt);
				continue;
			}
			vt->utf8_lo = 0x80;
			vt->utf8_hi = 0xbf;
			vt->utf8_cp = vt->utf8_cp << 6 | (c & 0x3f);
			if (--vt->utf8_need == 0)
				vt_print_cp(vt, vt->utf8_cp);
		} else if (c < 0x80) {
			break;
		} else if (c > 0xe0 && c < 0xed && end - p >= 3 && (p[1] & 0xc0) == 0x80 &&
		           (p[2] & 0xc0) == 0x80) {
			vt_print_cp(vt, (c & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
			p += 2;
		} else {
			utf8_lead(vt, c);
		}
		p++;
	}
	return p;
}

/* --- sequences and strings ------------------------------------------------------------------ */

static const uint8_t *parameters(struct vt *vt, const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p >= '0' && *p <= ';') {
		struct vt_params *ps = &vt->params;
		int v;

		param_byte(ps, *p++);
		if (ps->is_full || p == end || *p > '9' || *p < '0')
			continue;
		/* the rest of a number at once */
		v = ps->v[ps->n - 1];
		v = v < 0 ? 0 : v;
		for (; p < end && *p >= '0' && *p <= '9'; p++)
			v = v * 10 + (*p - '0') < VT_PARAM_MAX ? v * 10 + (*p - '0') : VT_PARAM_MAX;
		ps->v[ps->n - 1] = v;
	}
	return p;
}

/* After ESC [ : most sequences are whole, and need no look at the table. */
static const uint8_t *sequence(struct vt *vt, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start = p;

	vt->state = CSI_ENTRY;
	if (p < end && *p >= 0x3c && *p <= 0x3f)
		vt->prefix = *p++;
	p = parameters(vt, p, end);
	if (p < end && *p >= 0x40 && *p <= 0x7e) {
		vt->state = GROUND;
		vt_csi(vt, *p++);
	} else if (p > start) {
		vt->state = CSI_PARAM;
	}
	return p;
}

static const uint8_t *ground(struct vt *vt, const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		size_t n;

		if (vt->utf8_need || *p >= 0x80) {
			p = text(vt, p, end);
			continue;
		}
		n = printable(p, end);
		vt_print_ascii(vt, p, n);
		p += n;
		if (p == end || *p >= 0x80)
			continue;
		if (*p == 0x1b) {
			sequence_clear(vt);
			vt->state = ESCAPE;
			p++;
			if (p < end && *p == '[')
				p = sequence(vt, p + 1, end);
			if (vt->state == GROUND)
				continue;
			break;
		}
		vt_execute(vt, *p++);
	}
	return p;
}

static const uint8_t *string(struct vt *vt, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *s = p;

	while (p < end && table[vt->state][class_of[*p]] >> 4 == A_PUT)
		p++;
	string_put(vt, s, (size_t)(p - s));
	return p;
}

void vt_feed(struct vt *vt, const void *data, size_t len, uint64_t now_ms)
{
	const uint8_t *p = data, *end = p + len;

	vt->now_ms = now_ms;
	if (vt->state >= DCS_ENTRY && now_ms - vt->string_since > VT_STRING_TIMEOUT_MS)
		vt->state = GROUND;
	while (p < end) {
		uint8_t t;

		if (vt->state == GROUND)
			p = ground(vt, p, end);
		else if (vt->state == CSI_PARAM)
			p = parameters(vt, p, end);
		else if (vt->state == STRING || vt->state == OSC)
			p = string(vt, p, end);
		if (p == end)
			break;
		t = table[vt->state][class_of[*p]];
		vt->state = t & 0x0f;
		act(vt, (enum action)(t >> 4), *p);
		p += t >> 4 != A_AGAIN;
	}
}
