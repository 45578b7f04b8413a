/* Shared by ui/input.c (the parser) and ui/input_key.c (what sequences mean). */
#ifndef UI_INPUT_INT_H
#define UI_INPUT_INT_H

#include "ui/input.h"

#define INPUT_SEQ_MAX 128	/* bytes of a control sequence; longer ones are dropped */
#define INPUT_PARAMS_MAX 16
#define INPUT_SUBS_MAX 8

/* A control sequence taken apart: CSI prefix params intermediate final. */
struct input_csi {
	char prefix;			/* one of < = > ? or 0 */
	char inter;			/* the last intermediate, or 0 */
	char final;
	int n;				/* parameters */
	int v[INPUT_PARAMS_MAX];	/* -1 when left out */
	int sub[INPUT_PARAMS_MAX][INPUT_SUBS_MAX];	/* v:sub0:sub1..., -1 when left out */
	int n_sub[INPUT_PARAMS_MAX];
};

/* text holds what is between CSI and the end of the sequence, the final included.
 * False when it is malformed. */
bool input_parse_csi(struct input_csi *c, const char *text, size_t len);

/* Fill ev with the key or mouse event that the sequence stands for. False when it
 * stands for none. */
bool input_csi_event(const struct input_csi *c, struct input_event *ev);
/* ESC O modifier final; modifier is 0 when there was none. */
bool input_ss3_event(int modifier, char final, struct input_event *ev);
/* The three bytes after CSI M. */
bool input_x10_event(const unsigned char b[3], struct input_event *ev);
/* An answer that is a control sequence. */
bool input_csi_answer(const struct input_csi *c, struct input_answer *a);

/* The event of a typed code point, controls included. */
void input_char_event(uint32_t cp, unsigned mods, struct input_event *ev);

#endif
