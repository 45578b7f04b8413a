/* The person's terminal. Its one owner: nobody else writes to it.
 *
 * screen_open() puts it into raw mode on the alternate screen; screen_close(), a
 * fatal signal, or mem_on_abort()'s hook put it back as it was. What is drawn is
 * the difference between the grid and what the terminal shows, in one write,
 * inside synchronized output (mode 2026) once the terminal has said that it knows
 * it; until then the cursor is hidden while drawing.
 *
 * Capabilities come from terminfo (TERM), COLORTERM, NO_COLOR, VTE_VERSION and the
 * locale. The terminal is asked for the rest: pass what it answers, which comes in
 * between the keys, to screen_answer(). True colour is brought down to 256, 16 or
 * no colours as needed; without UTF-8 nothing beyond ASCII is written. A
 * console or an old terminal (TERM linux, vt*) gets no private sequences but for
 * its cursor and its wrapping: no alternate screen, title, mouse or clipboard.
 */
#ifndef UI_SCREEN_H
#define UI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct grid;
struct input_answer;
struct screen;

enum screen_colors { SCREEN_MONO, SCREEN_16, SCREEN_256, SCREEN_TRUE };

struct screen_options {
	int in_fd, out_fd;
	bool with_mouse;
	bool force_ascii;
	int force_colors;	/* enum screen_colors, or -1 */
};

/* Fails (ERR_INPUT) when in_fd or out_fd is no terminal or TERM is unusable. Takes
 * SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, and those of SIGTERM, SIGHUP, SIGINT
 * and SIGQUIT that nobody handles by then. One screen at a time. */
int screen_open(struct screen **out, const struct screen_options *opt, struct err *err);
void screen_close(struct screen *s);		/* NULL is fine */

/* What the terminal said of itself: for input_on_answer() of ui/input. From then on
 * frames are synchronized, underlines have their styles, and keys that old
 * terminals confuse (shift-Enter, ctrl-i) are told apart, by kitty's protocol or
 * xterm's modifyOtherKeys, as far as the terminal knows them. */
void screen_answer(struct screen *s, const struct input_answer *a);

void screen_size(const struct screen *s, int *rows, int *cols);	/* as of now */
enum screen_colors screen_colors(const struct screen *s);
bool screen_is_ascii(const struct screen *s);

/* Bring the terminal up to date. Never blocks for long: what the terminal does
 * not take is kept, and screen_flush() is to be called when out_fd can be
 * written; a new frame meanwhile replaces the one not yet begun. Returns true
 * while something is left to be written. */
bool screen_draw(struct screen *s, struct grid *g);
bool screen_flush(struct screen *s);
void screen_redraw_all(struct screen *s);	/* the next draw starts from nothing */

/* Give the terminal back for a moment (an editor, SIGTSTP) and take it again. */
void screen_suspend(struct screen *s);
int screen_resume(struct screen *s, struct err *err);

void screen_set_title(struct screen *s, const char *title);	/* made safe here */
void screen_bell(struct screen *s);
/* OSC 9, or OSC 777 with our name as its title; made safe. */
void screen_notify(struct screen *s, const char *text, bool is_osc777);
/* OSC 52; false when it is larger than terminals take (100 KB), or this one takes
 * none. That it arrived, no terminal says. */
bool screen_copy(struct screen *s, const char *text, size_t len);

#endif
